"""Statements into the ledger: all of it or nothing, once, and back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import text

from statement_lines import READERS, write
from steelyard.services.statement_import import (
    Choices,
    ImportBuiltOnError,
    ImportChoiceError,
    ImportRefusedError,
    ImportUndoneError,
    get_import,
    list_imports,
    plan_import,
    run_import,
    undo_import,
)
from steelyard.services.statement_plan import Doubt, Imported, ImportPlan, Standing, StatementFile, Subject
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.connection import Pool, get_db_session, get_migrator_session, get_write_session

TODAY = date(2024, 6, 28)
TENANTS = count(2)
ASSETS = """
insert into steelyard.asset_master (asset_id, asset_name, asset_type, isin, currency, exchange)
values
('VTI', 'Vanguard Total Stock Market', 'ETF', 'US9229087690', 'USD', 'ARCX'),
('AAPL', 'Apple Inc.', 'Equity', 'US0378331005', 'USD', 'XNAS'),
('VOD.L', 'Vodafone Group', 'Equity', 'GB00BH4HKS39', 'GBX', 'XLON')
on conflict do nothing
"""
PRICES = """
insert into steelyard.market_data (asset_id, price_date, closing_price)
values ('VTI', '2024-01-31', 240), ('VTI', '2024-03-01', 255), ('VOD.L', '2024-03-01', 70)
on conflict do nothing
"""
BUY = "BUY 2024-03-14 source_id=1 currency=USD asset=VTI/USD quantity=10 amount=2500 costs=1"
DEPOSIT = "DEPOSIT 2024-03-01 source_id=0 currency=USD amount=10000"


@pytest.fixture
async def tenant(store: Pool) -> AsyncIterator[int]:
    """A tenant of one test, with the accounts A and B, and `guarded`, which may neither overdraw nor short."""
    del store
    number = next(TENANTS)
    async with get_migrator_session() as db:
        await db.execute(text(ASSETS))
        await db.execute(text(PRICES))
        await db.execute(
            text(
                "insert into steelyard.tenants (tenant_id, tenant_name, base_currency) values (:t, :n, 'USD')"
            ),
            {"t": number, "n": f"tenant {number}"},
        )
    with acting_as(Acting(number, "operator")):
        async with get_write_session() as db:
            for account, is_free in (("A", True), ("B", True), ("guarded", False)):
                await db.execute(
                    text(
                        "insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency, "
                        "may_overdraw, may_short) values (:t, :a, :a, 'USD', :f, :f)"
                    ),
                    {"t": number, "a": account, "f": is_free},
                )
        yield number


async def plan(*files: StatementFile, **choices: object) -> ImportPlan:
    return await plan_import(files, chosen(choices), today=TODAY, readers=READERS)


async def run(*files: StatementFile, **choices: object) -> Imported:
    return await run_import(files, chosen(choices), today=TODAY, readers=READERS)


def chosen(choices: dict[str, object]) -> Choices:
    return replace(Choices(account="A"), **choices)  # type: ignore[arg-type]  # names of its fields


async def balances() -> dict[tuple[str, str], Decimal]:
    async with get_db_session() as db:
        rows = await db.execute(text("select account_id, commodity, quantity from steelyard.balances"))
        return {(row.account_id, row.commodity): row.quantity.normalize() for row in rows if row.quantity}


async def transactions() -> set[str]:
    async with get_db_session() as db:
        return set(await db.scalars(text("select transaction_id from steelyard.transactions")))


async def test_what_is_planned_is_what_is_booked(tenant: int, tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", DEPOSIT, BUY, "SKIP")

    planned = await plan(file)
    assert await balances() == {}

    [effect] = planned.effects
    assert [(one.name, one.before, one.after) for one in effect.units] == [("VTI", 0, 10)]
    assert [(one.name, one.before, one.after) for one in effect.cash] == [("USD", 0, 7499)]
    assert [(one.asset_id, one.lots_after, one.cost_after) for one in effect.lots] == [("VTI", 1, 2501)]
    assert planned.can_run
    assert [(one.line, one.why) for one in planned.skipped] == [(4, "an order that was cancelled")]

    done = await run(file)
    assert await balances() == {("A", "VTI"): 10, ("A", "USD"): 7499}
    assert done.booked == 2
    assert [one.standing for one in done.plan.bookings] == [Standing.NEW, Standing.NEW]
