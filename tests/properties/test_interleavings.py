"""No tenant, and no account, leaks through a pool of one connection, whatever was done on it before (S15)."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from conftest import urls_of
from steelyard.errors import SteelyardError
from steelyard.storage.acting import NOBODY, Acting, act_as, acting_as
from steelyard.storage.connection import (
    close_connection_pool,
    get_db_session,
    get_write_session,
    init_connection_pool,
)
from steelyard.storage.embedded import EmbeddedServer
from two_tenants import fill_store

SEEN = text("select tenant_id, account_id from steelyard.accounts")
EVERY = ("own-1", "unseen-1", "unseen-2", "unseen-3", "unseen-4")
CHANGE = text("update steelyard.accounts set account_name = account_name || '.'")
LEFT_BEHIND = (
    "select set_config('app.tenant', '{tenant}', false), set_config('app.user', '', false)",
    "set app.tenant = '2'",
    "set local role steelyard_refresh",
    "select steelyard.find_login(sha256('owner'))",
)
"""What a statement of ours might do wrong, and what must not outlive it."""

ENDINGS = ("leave", "rollback", "raise", "fault", "cancel", "act as another")


@dataclass(frozen=True, slots=True)
class Step:
    """A transaction: for whom, what it leaves behind, and how it ends."""

    actor: str
    writes: bool
    leaves: str | None
    ending: str


@dataclass(slots=True)
class World:
    """Who there is, what each sees, and the loop that the pool is of."""

    runner: asyncio.Runner
    actors: dict[str, Acting]
    seen: dict[str, set[tuple[int, str]]]

    async def take(self, step: Step) -> None:
        """Do a step, looking at its beginning and at its end."""
        session: Any = get_write_session if step.writes else get_db_session
        meant = (ZeroDivisionError, SteelyardError, DBAPIError, asyncio.CancelledError)
        with acting_as(self.actors[step.actor]), suppress(*meant):
            async with session() as db:
                await self.look(db, step.actor)
                if step.writes:
                    changed = (await db.execute(CHANGE)).rowcount
                    assert changed == len(self.seen[step.actor])
                if step.leaves is not None:
                    await db.execute(text(step.leaves.format(tenant=2)))
                await self.end(db, step)

    async def end(self, db: AsyncSession, step: Step) -> None:
        match step.ending:
            case "rollback":
                await db.rollback()
            case "raise":
                raise ZeroDivisionError
            case "fault":
                await db.execute(text("select 1 / 0"))
            case "cancel":
                waiting = asyncio.ensure_future(db.execute(text("select pg_sleep(10)")))
                await asyncio.sleep(0.001)
                waiting.cancel()
                await waiting
            case "act as another" if step.leaves is None:
                for actor in ("foreign", "advisor"):
                    await act_as(db, self.actors[actor])
                    await self.look(db, actor)

    async def look(self, db: AsyncSession, actor: str) -> None:
        rows = {(row.tenant_id, row.account_id) for row in await db.execute(SEEN)}
        assert rows == self.seen[actor], actor


@pytest.fixture(scope="module")
def world(database: EmbeddedServer, as_superuser: Callable[[str], None]) -> Iterator[World]:
    as_superuser(
        f"alter database {database.database} set synchronous_commit = off"
    )  # a thousand commits; none matters

    async def open_and_fill() -> World:
        app, migrator = urls_of(database)
        await init_connection_pool(app, migrator_url=migrator, pool_size=1, acts_as=NOBODY)
        people = await fill_store()
        actors = {**people.by_role, "foreign": people.foreign, "disabled": people.disabled, "nobody": NOBODY}
        seen: dict[str, set[tuple[int, str]]] = {actor: set() for actor in actors}
        for actor in ("operator", "owner", "compliance"):
            seen[actor] = {(1, name) for name in EVERY}
        seen["foreign"] = {(2, name) for name in EVERY}
        seen |= {"advisor": {(1, "own-1")}, "service": {(1, "own-1")}}
        seen["viewer"] = {(1, "unseen-3"), (1, "unseen-4")}
        return World(runner, actors, seen)

    with asyncio.Runner() as runner:
        yield runner.run(open_and_fill())
        runner.run(close_connection_pool())


ACTORS = (
    "operator",
    "owner",
    "advisor",
    "viewer",
    "compliance",
    "admin",
    "service",
    "foreign",
    "disabled",
    "nobody",
)
STEPS = st.builds(
    Step,
    actor=st.sampled_from(ACTORS),
    writes=st.booleans(),
    leaves=st.none() | st.sampled_from(LEFT_BEHIND),
    ending=st.sampled_from(ENDINGS[:4]) | st.sampled_from(ENDINGS),
)


@settings(max_examples=1000, deadline=None)
@given(steps=st.lists(STEPS, min_size=2, max_size=3), at_once=st.booleans())
def test_each_transaction_sees_its_own_rows_whatever_came_before_it(
    world: World, steps: list[Step], *, at_once: bool
) -> None:
    async def take_all() -> None:
        if at_once:
            await asyncio.gather(*(world.take(step) for step in steps))
        else:
            for step in steps:
                await world.take(step)

    world.runner.run(take_all())
