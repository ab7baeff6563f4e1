"""Short keys in a store of two tenants: found in the one that is acted for, by the primary key."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from conftest import urls_of
from people import run
from steelyard.domain.short_key import KeyKind, ShortKey
from steelyard.services.short_key import NothingBeginsSoError, SeveralBeginSoError, whole_key
from steelyard.storage.acting import OPERATOR, Acting, acting_as
from steelyard.storage.connection import close_connection_pool, get_db_session, init_connection_pool
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.queries import query
from two_tenants import FOREIGN, fill_store

TABLES = {
    KeyKind.ORDER: "orders",
    KeyKind.PROPOSAL: "proposals",
    KeyKind.RUN: "runs",
    KeyKind.HOLD: "trading_holds",
    KeyKind.BREAK: "reconciliation_breaks",
    KeyKind.IMPORT: "imports",
}
ALIKE = (UUID("2f0c7f0e-0000-4000-8000-000000000000"), UUID("2f0c7f0e-8d5f-4f0a-9a1b-6f5f2f3c4d5e"))


@pytest.fixture(scope="module", autouse=True)
def _filled(database: EmbeddedServer) -> None:
    async def fill() -> None:
        app, migrator = urls_of(database)
        await init_connection_pool(app, migrator_url=migrator)
        try:
            await fill_store()
        finally:
            await close_connection_pool()

    asyncio.run(fill())


pytestmark = pytest.mark.usefixtures("store")


async def keys_of(kind: KeyKind, acting: Acting) -> list[UUID]:
    with acting_as(acting):
        rows = await run(f"select {kind}_id from steelyard.{TABLES[kind]}")  # noqa: S608 - words of this file
    return [key for (key,) in rows if isinstance(key, UUID)]


@pytest.mark.parametrize("kind", KeyKind)
async def test_a_key_is_found_by_its_first_eight_characters_in_its_own_tenant_alone(kind: KeyKind) -> None:
    [key, *_], [foreign, *_] = await keys_of(kind, OPERATOR), await keys_of(kind, FOREIGN)

    assert await whole_key(ShortKey(kind, f"{key}"[:8])) == key
    with pytest.raises(NothingBeginsSoError, match=f"no {kind} that begins with {foreign!s:.8}"):
        await whole_key(ShortKey(kind, f"{foreign}"[:8]))
    with acting_as(FOREIGN):
        assert await whole_key(ShortKey(kind, f"{foreign}"[:8])) == foreign


async def test_a_whole_key_is_not_looked_up() -> None:
    assert await whole_key(ALIKE[0]) == ALIKE[0]


async def test_a_beginning_of_two_is_refused_until_more_of_it_is_typed() -> None:
    for key in ALIKE:
        await run(
            "insert into steelyard.trading_holds (tenant_id, hold_id, kind, reason, made_by) "
            "values (1, :key, 'manual', 'a drill', 'operator') on conflict do nothing",
            key=key,
        )

    with pytest.raises(SeveralBeginSoError, match=f"{ALIKE[0]} and {ALIKE[1]}"):
        await whole_key(ShortKey(KeyKind.HOLD, "2f0c7f0e-"))
    for key in ALIKE:
        assert await whole_key(ShortKey(KeyKind.HOLD, f"{key}"[:10])) == key


@pytest.mark.parametrize("kind", KeyKind)
async def test_a_range_is_looked_up_by_the_primary_key(kind: KeyKind) -> None:
    short = ShortKey(kind, "2f0c7f0e")
    async with get_db_session() as db:
        await db.execute(text("set local enable_seqscan = off"))
        asked = text(f"explain {query(f'find_{kind}_keys')}")
        plan = "\n".join((await db.execute(asked, {"low": short.low, "high": short.high})).scalars())

    assert f"{TABLES[kind]}_pkey" in plan
    assert (
        f"({kind}_id >= '{short.low}'::uuid) AND ({kind}_id <= '{short.high}'::uuid)"
        in plan.partition("Index Cond")[2]
    )
