"""A firm's tables, attached: their rows follow the grants as ours do, though a view reads them as its owner."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from firm import DDL, MAPPING, look, run
from row_security import UNPROTECTED, VIEWS
from ruled import rule_of
from steelyard.compliance.rule import RuleKind
from steelyard.services.attachment import attach
from steelyard.services.compliance_record import record_checks
from steelyard.services.rule import write_rules
from steelyard.statements.mapping import parse_mapping
from steelyard.storage.acting import NOBODY, OPERATOR, Acting, acting_as
from steelyard.storage.connection import Pool, get_db_session, get_write_session
from steelyard.storage.embedded import EmbeddedServer

ROWS = """
insert into firm.instruments (secid, descr, kind, ccy) values ('X', 'Ex', 'Equity', 'USD');
insert into firm.px_hist (secid, px_date, px_last) values ('X', '2018-01-02', 10);
insert into firm.books (book_no, nm, ccy, nav) values ('own', 'Own', 'USD', 1), ('unseen', 'Unseen', 'USD', 2);
insert into firm.holdings (book_no, secid, asof, units, pct)
values ('own', 'X', '2018-01-02', 1, 50), ('unseen', 'X', '2018-01-02', 2, 50);
insert into firm.trades (id, book_no, secid, trade_dt, side, units, ccy, gross)
values (1, 'own', 'X', '20180102', 'B', 1, 'USD', 10), (2, 'unseen', 'X', '20180102', 'B', 2, 'USD', 20);
insert into firm.compl (book_no, secid, checked, outcome)
values ('own', 'X', '2018-01-02', 'ok'), ('unseen', 'X', '2018-01-02', 'breach'), (null, 'X', '2018-01-02', 'ok');
"""
ADVISOR = text("""
with made as (
    insert into steelyard.users (tenant_id, role, status) values (1, 'advisor', 'active') returning user_id
)
select user_id from made
""")
GRANT = text("""
insert into steelyard.account_grants (tenant_id, user_id, account_id, rights, granted_by)
values (1, :user_id, 'own', '{READ}', 'operator')
""")
ACCOUNT_OF = {
    "portfolio_allocation": "portfolio",
    "transactions": "account_id",
    "compliance_records": "account_id",
    "their_accounts": "account_id",
    "accounts": "account_id",
}


@pytest.fixture
async def advisor(own_store: Pool, own_database: EmbeddedServer) -> Acting:
    del own_store
    await run(own_database, DDL, ROWS)
    await attach(parse_mapping(MAPPING))
    async with get_write_session() as db:
        user = (await db.execute(ADVISOR)).scalar_one()
        await db.execute(GRANT, {"user_id": user})
    return Acting(1, f"user:{user}", user)


async def accounts_in(acting: Acting, view: str) -> set[Any]:
    with acting_as(acting):
        async with get_db_session() as db:
            rows = await db.execute(text(f"select {ACCOUNT_OF[view]} from steelyard.{view}"))  # noqa: S608 - named above
            return set(rows.scalars())


async def test_attached_rows_follow_the_tenant_and_the_grants(advisor: Acting) -> None:
    every: set[str | None] = {"own", "unseen"}
    for view in ACCOUNT_OF:
        nameless = {None} if view == "compliance_records" else set()
        assert await accounts_in(OPERATOR, view) == every | nameless, view
        assert await accounts_in(advisor, view) == ({"own"} if view != "their_accounts" else set()), view
        for other in (NOBODY, Acting(2, "operator")):
            assert await accounts_in(other, view) == set(), view


async def test_what_portfolios_are_worth_by_the_mapping_is_not_for_everybody(advisor: Acting) -> None:
    seen = []
    for acting in (OPERATOR, advisor, NOBODY):
        with acting_as(acting):
            async with get_db_session() as db:
                seen.append(
                    (await db.execute(text("select count(*) from steelyard.attachment"))).scalar_one()
                )
    assert seen == [1, 0, 0]


async def test_the_catalogue_is_as_sound_as_before(advisor: Acting, own_database: EmbeddedServer) -> None:
    del advisor
    assert await look(own_database, UNPROTECTED) == await look(own_database, VIEWS) == []
    await run(own_database, "alter view steelyard.their_accounts reset (security_barrier)")
    await run(own_database, "alter view steelyard.transactions reset (security_barrier)")
    assert sorted(row["relname"] for row in await look(own_database, VIEWS)) == [
        "their_accounts",
        "transactions",
    ]


async def test_checks_of_accounts_leave_a_table_of_theirs_as_it_is(
    advisor: Acting,
) -> None:
    del advisor
    cap = rule_of(RuleKind.ASSET, "0.01")
    theirs = "select count(*) from steelyard.compliance_records"
    async with get_write_session() as db:
        await write_rules(db, [cap])
        before = (await db.execute(text(theirs))).scalar_one()
        checked = await record_checks(db, date(2026, 1, 2))
        assert (await db.execute(text(theirs))).scalar_one() == before
    assert checked.is_attached
    assert checked.records == 0
    assert checked.findings.keys() == {"own", "unseen"}
