"""Who sees which row, of every table there is: S53 and S18 beneath `authorize()`, which nobody asks here."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from conftest import urls_of
from steelyard.domain.scope import TENANT, Scope
from steelyard.errors import NotFoundError, SteelyardError
from steelyard.services.asset import get_assets
from steelyard.services.asset_360 import get_document, get_portfolio_overview, refresh
from steelyard.services.changes import get_changes
from steelyard.services.journal import get_journal
from steelyard.services.ledger import get_ledger_page, get_unposted
from steelyard.services.performance import get_performance
from steelyard.services.position import get_lots, get_positions
from steelyard.services.reconciliation import reconcile
from steelyard.services.track_record import PerformanceCache, Question
from steelyard.storage.acting import NOBODY, OPERATOR, Acting, acting_as
from steelyard.storage.asset_360 import get_scopes, get_versions
from steelyard.storage.connection import (
    Pool,
    ReadSession,
    close_connection_pool,
    get_db_session,
    get_write_session,
    init_connection_pool,
)
from steelyard.storage.embedded import EmbeddedServer
from two_tenants import GRANTED, TODAY, UNSEEN, People, fill_store

TABLES = """
select c.relname, array(
    select a.attname from pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
)
from pg_class as c
where c.relnamespace = 'steelyard'::regnamespace and c.relkind = 'r'
order by 1
"""
ROLES = ("owner", "advisor", "viewer", "compliance", "admin", "service", "operator")
EVERY = {"own-1", "unseen-1", "unseen-2", "unseen-3", "unseen-4"}
VISIBLE = {
    "operator": EVERY,
    "owner": EVERY,
    "compliance": EVERY,
    "advisor": {"own-1"},
    "service": {"own-1"},
    "viewer": {"unseen-3", "unseen-4"},
    "admin": set[str](),
}


@pytest.fixture(scope="module")
def people(database: EmbeddedServer) -> People:
    """Both tenants, in the module's database."""

    async def fill() -> People:
        app, migrator = urls_of(database)
        await init_connection_pool(app, migrator_url=migrator)
        try:
            return await fill_store()
        finally:
            await close_connection_pool()

    return asyncio.run(fill())


@pytest.fixture
def acts(people: People, store: Pool) -> Callable[[str], Acting]:
    """Give for whom a session works that works for a role."""
    del store
    return lambda role: people.by_role[role]


async def ask(acting: Acting, statement: str, **values: object) -> list[Any]:
    with acting_as(acting):
        async with get_db_session() as db:
            return [tuple(row) for row in await db.execute(text(statement), values)]


async def tables() -> dict[str, list[str]]:
    return {name: list(columns) for name, columns in await ask(OPERATOR, TABLES)}


def unseen_in(table: str, columns: list[str]) -> str:
    """Count the rows that tell of an account that is not granted; a transfer from or to the granted one is its own."""
    own = f" and '{GRANTED}' not in (coalesce(account_id, ''), coalesce(counter_account_id, ''))"
    more = own if "counter_account_id" in columns else ""
    return f"select count(*) from steelyard.{table} as t where t::text like '%{UNSEEN}%'{more}"  # noqa: S608 - of the catalogue


# ── Tables ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", ["advisor", "service"])
async def test_no_row_of_any_table_tells_of_an_account_that_was_not_granted(
    acts: Callable[[str], Acting], role: str
) -> None:
    hidden = set()
    for table, columns in (await tables()).items():
        statement = unseen_in(table, columns)
        assert await ask(acts(role), statement) == [(0,)], table
        if await ask(OPERATOR, statement) != [(0,)]:
            hidden.add(table)
    assert hidden >= {
        "accounts",
        "audit_events",
        "audit_pending",
        "balances",
        "compliance_records",
        "data_quality_findings",
        "households",
        "journal",
        "load_runs",
        "portfolio_allocation",
        "postings",
        "transactions",
        "unposted_transactions",
        "approvals",
        "broker_accounts",
        "fills",
        "investor_profiles",
        "order_events",
        "order_limits",
        "orders",
        "proposals",
        "reconciliation_breaks",
        "rule_overrides",
        "run_accounts",
        "runs",
        "trading_holds",
        "asset_360_documents",
        "asset_360_rows",
    }


@pytest.mark.parametrize("role", ROLES)
async def test_no_table_shows_a_row_of_another_tenant(
    acts: Callable[[str], Acting], people: People, role: str
) -> None:
    for table, columns in (await tables()).items():
        if "tenant_id" in columns:
            foreign = f"select count(*) from steelyard.{table} where tenant_id <> {{}}"  # noqa: S608 - of the catalogue
            assert await ask(acts(role), foreign.format(1)) == [(0,)], table
            assert await ask(people.foreign, foreign.format(2)) == [(0,)], table
            seen = await ask(people.foreign, f"select count(*) from steelyard.{table}")  # noqa: S608 - as above
            assert seen > [(0,)], f"{table} has no row of the other tenant, so nothing was shown here"


async def test_before_it_is_known_who_asks_no_table_shows_a_row_of_a_tenant(
    acts: Callable[[str], Acting],
) -> None:
    del acts
    for table, columns in (await tables()).items():
        if "tenant_id" in columns:
            statement = f"select count(*) from steelyard.{table} where tenant_id is not null"  # noqa: S608 - of the catalogue
            assert await ask(NOBODY, statement) == [(0,)], table


@pytest.mark.parametrize("role", ROLES)
async def test_accounts_and_what_is_held_follow_the_role_and_its_grants(
    acts: Callable[[str], Acting], role: str
) -> None:
    for table, column in (
        ("accounts", "account_id"),
        ("balances", "account_id"),
        ("postings", "account_id"),
        ("portfolio_allocation", "portfolio"),
    ):
        rows = await ask(acts(role), f"select distinct {column} from steelyard.{table}")  # noqa: S608 - named above
        assert {name for (name,) in rows} == VISIBLE[role], table


@pytest.mark.parametrize(
    ("role", "scopes"),
    [
        ("operator", {("tenant", "")}),
        ("owner", {("tenant", "")}),
        ("compliance", {("household", "mixed"), ("account", "unseen-1")}),
        ("advisor", {("account", "own-1")}),
        ("viewer", {("account", "unseen-3"), ("account", "unseen-4"), ("household", "pair")}),
        ("admin", set()),
    ],
)
async def test_asset_360_is_shown_by_scope_and_of_a_household_only_whole(
    acts: Callable[[str], Acting], role: str, scopes: set[tuple[str, str]]
) -> None:
    seen = [
        set(await ask(acts(role), f"select distinct scope_kind, scope_id from steelyard.{table}"))  # noqa: S608 - named here
        for table in ("asset_360_rows", "asset_360_documents")
    ]
    assert seen[0] == seen[1]
    assert seen[0] >= scopes if VISIBLE[role] == EVERY else seen[0] == scopes


async def test_a_user_who_may_not_sign_in_any_more_sees_no_account(
    acts: Callable[[str], Acting], people: People
) -> None:
    del acts
    assert await ask(people.disabled, "select account_id from steelyard.accounts") == []


async def test_who_sees_an_account_sees_corporate_actions_and_nothing_else_that_names_none(
    acts: Callable[[str], Acting],
) -> None:
    nameless = "select transaction_id from steelyard.transactions where account_id is null order by 1"
    assert await ask(acts("advisor"), nameless) == [("split",)]
    assert await ask(acts("admin"), nameless) == []
    assert await ask(acts("compliance"), nameless) == [("split",), ("unseen-nobody",)]


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────

REFUSED = {
    "an account": "insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency) "
    "values (1, 'new', 'New', 'USD')",
    "an account elsewhere": "insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency) "
    "values (2, 'new', 'New', 'USD')",
    "another's account": "update steelyard.accounts set account_id = 'unseen-9' where account_id = 'own-1'",
    "another tenant's": "update steelyard.accounts set tenant_id = 2 where account_id = 'own-1'",
    "a transfer there": "insert into steelyard.transactions (tenant_id, transaction_id, account_id, "
    "counter_account_id, transaction_date, transaction_type, currency, asset_id, quantity) "
    "values (1, 'x', 'own-1', 'unseen-1', '2024-01-01', 'TRANSFER', 'USD', 'X', 1)",
    "a grant": "insert into steelyard.account_grants (tenant_id, user_id, account_id, rights, granted_by) "
    "select 1, steelyard.current_user_id(), 'unseen-1', '{READ}', 'me'",
    "in another's name": "insert into steelyard.audit_events select tenant_id, sequence + 1, recorded_at, 'operator', "
    "action, object_type, object_id, facts, request_id, previous_hash, hash from steelyard.audit_events limit 1",
    "a tenant": "insert into steelyard.tenants (tenant_name) values ('mine')",
}


@pytest.mark.parametrize("what", REFUSED)
async def test_an_advisor_writes_nothing_beyond_the_granted_account(
    acts: Callable[[str], Acting], what: str
) -> None:
    with acting_as(acts("advisor")):
        async with get_write_session() as db:
            with pytest.raises(DBAPIError, match=r"row-level security policy|permission denied"):
                await db.execute(text(REFUSED[what]))
            await db.rollback()


@pytest.mark.parametrize(
    "statement", ["update steelyard.{} set tenant_id = tenant_id", "delete from steelyard.{}"]
)
@pytest.mark.parametrize("table", ["accounts", "portfolio_allocation", "compliance_records", "transactions"])
async def test_what_is_not_seen_is_neither_changed_nor_deleted(
    acts: Callable[[str], Acting], table: str, statement: str
) -> None:
    with acting_as(acts("admin")):
        async with get_write_session() as db:
            assert (await db.execute(text(statement.format(table)))).rowcount == 0  # type: ignore[attr-defined]  # the result of a change has it


# ── Readers ─────────────────────────────────────────────────────────────────────────────────────────────

SCOPES = [TENANT, *(Scope("account", name) for name in sorted(EVERY))]
SCOPES += [Scope("household", name) for name in ("mixed", "unseen-house", "pair")]
Reader = Callable[[ReadSession, Scope], Awaitable[object]]
DAY = date(2024, 6, 28)
READERS: dict[str, Reader] = {
    "documents": lambda db, scope: get_document(db, scope=scope),
    "overview": lambda db, scope: get_portfolio_overview(db, scope=scope),
    "assets": lambda db, scope: get_assets(db, scope=scope),
    "positions": lambda db, scope: get_positions(db, scope=scope, as_of=DAY),
    "lots": lambda db, scope: get_lots(db, scope=scope, as_of=DAY),
    "journal": lambda db, scope: get_journal(db, scope=scope),
    "reconciliation": lambda db, scope: reconcile(db, scope=scope),
    "performance": lambda db, scope: get_performance(db, Question(scope=scope)),
    "ledger page": lambda db, scope: get_ledger_page(db=db, account_id=scope.id or None),
    "unposted": lambda db, _: get_unposted(db=db),
    "changes": lambda db, _: get_changes(db),
    "scopes": lambda db, _: get_scopes(db),
    "versions": lambda db, _: get_versions(db),
}


OF_THE_TENANT = {"changes"}
"""What is of the whole tenant or of nothing."""

TOLD = ("own-1-to-unseen-1", "unseen-2-to-own-1", "account_id='unseen-2'", "counter_account_id='unseen-1'")
"""The two transfers of the granted account name the account on the other side, and nothing else of it."""


TOLD_OF_NOBODYS = {"journal": "waiting", "performance": "notes"}
"""Where transactions that name no account are mentioned: the operator sees those too."""


async def read(acting: Acting, name: str, scope: Scope) -> Any:
    with acting_as(acting):
        async with get_db_session() as db:
            return await READERS[name](db, scope)


@pytest.mark.parametrize("name", READERS)
async def test_no_reader_answers_with_an_account_that_was_not_granted(
    acts: Callable[[str], Acting], name: str
) -> None:
    answered = 0
    for scope in SCOPES:
        try:
            answer = repr(await read(acts("advisor"), name, scope))
        except SteelyardError as error:
            answer = f"{error}".replace(f"{scope}", "")
        else:
            answered += 1
        for told in TOLD:
            answer = answer.replace(told, "")
        assert UNSEEN not in answer, scope
    assert (answered > 0) is (name not in OF_THE_TENANT)


@pytest.mark.parametrize("name", sorted(READERS.keys() - OF_THE_TENANT - {"unposted", "scopes", "lots"}))
async def test_of_the_granted_account_an_advisor_reads_what_the_operator_reads(
    acts: Callable[[str], Acting], name: str
) -> None:
    mine = Scope("account", GRANTED)
    if name in {
        "positions",
        "performance",
    }:  # units from an account that is not visible: what they cost is not known
        mine = Scope("account", "unseen-4")
        acting = acts("viewer")
    else:
        acting = acts("advisor")
    answers = [await read(one, name, mine) for one in (acting, acts("operator"))]
    if field := TOLD_OF_NOBODYS.get(name):
        answers = [replace(answer, **{field: ()}) for answer in answers]
    assert answers[0] == answers[1]


async def test_lots_that_came_from_an_account_that_is_not_visible_are_unknown_and_not_free(
    acts: Callable[[str], Acting],
) -> None:
    lots = await read(acts("advisor"), "lots", Scope("account", GRANTED))
    assert "came in on 2024-02-11 from an account that you may not see" in repr(lots)
    positions = await read(acts("advisor"), "positions", Scope("account", GRANTED))
    held = {one.asset_id: (one.quantity, one.basis) for one in positions.positions}
    assert held["X"] == (40, None), "what is held is known all the same"


async def test_what_was_kept_for_one_is_not_answered_to_another(acts: Callable[[str], Acting]) -> None:
    cache = PerformanceCache()
    answers = []
    for role in ("operator", "advisor", "viewer", "advisor"):
        with acting_as(acts(role)):
            async with get_db_session() as db:
                cached = await get_performance(db, Question(), cache=cache)
                assert cached == await get_performance(db, Question()), role
                answers.append(cached)
    assert len({repr(answer) for answer in answers}) == 3


async def test_a_refresh_works_for_the_whole_tenant_whoever_asks_for_it(
    acts: Callable[[str], Acting],
) -> None:
    day = date(2024, 6, 27)
    with acting_as(acts("advisor")):
        assert (await refresh(today=TODAY, as_of=day)).published
    assert not (await refresh(today=TODAY, as_of=day)).published, "the operator's figures are the same"


@pytest.mark.parametrize("scope", [TENANT, Scope("account", "unseen-1"), Scope("household", "mixed")])
async def test_what_is_hidden_is_answered_like_what_is_not_there(
    acts: Callable[[str], Acting], scope: Scope
) -> None:
    with pytest.raises(NotFoundError):
        await read(acts("advisor"), "documents", scope)
