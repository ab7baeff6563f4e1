"""Row-level security as the catalogue tells it (S14), what breaks it and is found, and the known leaks, each closed."""

import asyncio
import os
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from conftest import run_as_superuser, urls_of
from row_security import (
    DEFINERS,
    FOREIGN_KEYS,
    KEYS,
    POLICIES_TOO_WIDE,
    POWERS,
    ROW_BY_ROW,
    UNPROTECTED,
    VIEWS,
)
from steelyard.storage.acting import NOBODY, OPERATOR, Acting, acting_as
from steelyard.storage.address import LoginAboveError
from steelyard.storage.connection import (
    Pool,
    close_connection_pool,
    get_db_session,
    get_migrator_session,
    get_write_session,
    init_connection_pool,
    raw_connection,
)
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.migration import migrate
from steelyard.storage.scratch import connected

RULES = {
    "every table of a tenant has its policy, both ways, and holds its owner to it": UNPROTECTED,
    "no policy lets anybody else in": POLICIES_TOO_WIDE,
    "no policy asks a function for each row": ROW_BY_ROW,
    "the app, a refresh and an auditor have no power beside what they are granted": POWERS,
    "views show what their reader may see, and nothing is materialised": VIEWS,
    "what runs with its owner's rights is known by name, with a search path of its own, and not public": DEFINERS,
    "what refers to a row of a tenant says of which tenant": FOREIGN_KEYS,
    "no key that a client chooses is one for all tenants": KEYS,
}

BREAKS = {
    "drop policy tenant on steelyard.accounts": UNPROTECTED,
    "drop policy owner on steelyard.accounts": UNPROTECTED,
    "alter table steelyard.journal no force row level security": UNPROTECTED,
    "alter table steelyard.users disable row level security": UNPROTECTED,
    "alter policy tenant on steelyard.postings using (true)": UNPROTECTED,
    "alter policy tenant on steelyard.postings with check (true)": UNPROTECTED,
    "create policy more on steelyard.accounts to steelyard_app using (true)": UNPROTECTED,
    "create table steelyard.diaries (tenant_id integer)": UNPROTECTED,
    "alter policy owner on steelyard.accounts to public": POLICIES_TOO_WIDE,
    "alter policy tenant on steelyard.accounts using (tenant_id = steelyard.current_tenant())": ROW_BY_ROW,
    "grant truncate on steelyard.accounts to steelyard_app": POWERS,
    "grant create on schema steelyard to steelyard_app": POWERS,
    "create view steelyard.mine as select * from steelyard.accounts": VIEWS,
    "create materialized view steelyard.kept as select * from steelyard.accounts": VIEWS,
    "create function steelyard.f() returns bigint language sql security definer as 'select 1::bigint'": DEFINERS,
    "alter function steelyard.find_session(bytea) reset search_path": DEFINERS,
    "grant execute on function steelyard.find_session(bytea) to public": DEFINERS,
    "alter table steelyard.notices add foreign key (notice_id) references steelyard.users (user_id)": FOREIGN_KEYS,
    "create unique index on steelyard.accounts (account_id)": KEYS,
}


async def broken(rule: str, change: str = "") -> list[str]:
    """Give what breaks a rule, after a change that is taken back."""
    async with get_migrator_session() as db:
        driver = await raw_connection(db)
        if change:
            await driver.execute(change)
        found = [row[0] for row in await driver.fetch(rule)]
        await db.rollback()
        return found


@pytest.mark.parametrize("name", RULES)
async def test_the_store_keeps(store: Pool, name: str) -> None:
    del store
    assert await broken(RULES[name]) == []


@pytest.mark.parametrize("change", BREAKS)
async def test_a_breach_is_found(store: Pool, change: str) -> None:
    del store
    assert await broken(BREAKS[change], change) != []


@pytest.mark.parametrize(
    "change",
    [
        "alter role steelyard_app bypassrls",
        "alter role steelyard_refresh createrole",
        "grant steelyard_migrator to steelyard_app",
        "alter role steelyard_app inherit; {0} from steelyard_app; grant steelyard_refresh to steelyard_app",
        "{0} from steelyard_app",
        "alter table steelyard.notices owner to steelyard_app",
    ],
)
async def test_a_role_that_becomes_more_is_found(database: EmbeddedServer, change: str) -> None:
    async with connected(database, database.superuser, database.database) as connection:
        work = connection.transaction()
        await work.start()
        await connection.execute(change.format("revoke steelyard_refresh"))
        found = await connection.fetch(POWERS)
        await work.rollback()
    assert found


async def test_each_policy_dropped_alone_is_found(store: Pool) -> None:
    del store
    async with get_migrator_session() as db:
        driver = await raw_connection(db)
        policies = await driver.fetch(
            "select p.polname, c.relname from pg_policy as p join pg_class as c on c.oid = p.polrelid "
            "where c.relnamespace = 'steelyard'::regnamespace"
        )
        assert len(policies) > 60
        for policy, table in policies:
            await driver.execute(f"savepoint whole; drop policy {policy} on steelyard.{table}")
            assert [row[0] for row in await driver.fetch(UNPROTECTED)] == [table]
            await driver.execute("rollback to whole")
        await db.rollback()


# ── Leaks that others had ───────────────────────────────────────────────────────────────────────────────

COUNT = text("select count(*) from steelyard.category_thresholds")


async def seen_by(acting: Acting) -> int:
    with acting_as(acting):
        async with get_db_session() as db:
            found: int = (await db.execute(COUNT)).scalar_one()
            return found


def url_of(server: EmbeddedServer, user: str, password: str) -> str:
    return f"postgresql://{user}:{password}@/{server.database}?host={server.host}"


@pytest.fixture
def login(server: EmbeddedServer) -> Iterator[Callable[[str], str]]:
    """Make a login with some options, and give its name, which is its password too."""
    made = []

    def make(options: str) -> str:
        made.append(f"login_{os.urandom(6).hex()}")
        asyncio.run(run_as_superuser(server, f"create role {made[-1]} login password '{made[-1]}' {options}"))
        return made[-1]

    yield make
    for name in made:
        asyncio.run(run_as_superuser(server, f"drop role {name}"))


async def test_a_superuser_works_as_the_app_and_sees_one_tenant(database: EmbeddedServer) -> None:
    await init_connection_pool(url_of(database, "postgres", database.superuser.password))
    try:
        assert [await seen_by(OPERATOR), await seen_by(Acting(2, "operator")), await seen_by(NOBODY)] == [
            9,
            0,
            0,
        ]
    finally:
        await close_connection_pool()


async def test_a_pool_that_is_older_than_the_roles_works_as_the_app_once_they_are_there(
    blank_database: EmbeddedServer,
) -> None:
    await init_connection_pool(url_of(blank_database, "postgres", blank_database.superuser.password))
    try:
        await migrate()
        assert [await seen_by(OPERATOR), await seen_by(NOBODY)] == [9, 0]
    finally:
        await close_connection_pool()


@pytest.mark.parametrize("options", ["bypassrls", "in role steelyard_migrator"])
def test_a_login_that_no_policy_holds_back_is_refused(
    database: EmbeddedServer, login: Callable[[str], str], options: str
) -> None:
    name = login(options)
    with pytest.raises(LoginAboveError, match="grant steelyard_app"):
        asyncio.run(init_connection_pool(url_of(database, name, name)))


async def test_what_a_statement_leaves_on_a_connection_says_nothing_of_who_works_on_it_next(
    database: EmbeddedServer,
) -> None:
    app, migrator = urls_of(database)
    await init_connection_pool(app, migrator_url=migrator, pool_size=1)
    try:
        async with get_write_session() as db:
            await db.execute(
                text("select set_config('app.tenant', '1', false), set_config('app.user', '', false)")
            )
        assert [await seen_by(NOBODY), await seen_by(Acting(2, "operator")), await seen_by(OPERATOR)] == [
            0,
            0,
            9,
        ]
    finally:
        await close_connection_pool()


async def test_the_role_of_a_refresh_ends_with_its_transaction(store: Pool) -> None:
    del store
    async with get_write_session(begins_with=("adopt_refresh_role",)) as db:
        assert (await db.execute(text("select current_user::text"))).scalar_one() == "steelyard_refresh"
        with pytest.raises(DBAPIError, match="permission denied for table users"):
            await db.execute(text("select from steelyard.users"))
        await db.rollback()
    async with get_db_session() as db:
        assert (await db.execute(text("select current_user::text"))).scalar_one() == "steelyard_app"


async def test_a_key_says_nothing_of_another_tenants_rows(store: Pool) -> None:
    del store
    account = text(
        "insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency) "
        "values (steelyard.current_tenant(), 'same', 'Same', 'USD')"
    )
    async with get_write_session() as db:
        other = (await db.execute(text("select steelyard.create_tenant('other', 'EUR')"))).scalar_one()
    for tenant in (1, other):
        with acting_as(Acting(tenant, "operator")):
            async with get_write_session() as db:
                await db.execute(account)


async def test_an_index_is_asked_only_for_the_whole_of_a_hash(store: Pool) -> None:
    del store
    with acting_as(NOBODY):
        async with get_write_session() as db:
            for question in ("find_session(''::bytea)", "find_login('%'::bytea)", "find_identity('%', '%')"):
                assert (await db.execute(text(f"select * from steelyard.{question}"))).all() == []  # noqa: S608 - from here
            with pytest.raises(DBAPIError, match="only the operator"):
                await db.execute(text("select * from steelyard.get_tenants()"))
            await db.rollback()
