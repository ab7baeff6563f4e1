"""A tenant to import statements into, with three accounts and three assets, and imports of lines that a test writes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import count

from sqlalchemy import text

from statement_lines import READERS
from steelyard.services.statement_import import Choices, plan_import, run_import
from steelyard.services.statement_plan import Imported, ImportPlan, StatementFile
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.connection import get_db_session, get_migrator_session, get_write_session

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


@asynccontextmanager
async def tenant_with_accounts() -> AsyncIterator[int]:
    """Act as a tenant of one test, with accounts A and B, and `guarded`, which may neither overdraw nor short."""
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
    """What the accounts of the tenant hold, by account and commodity."""
    async with get_db_session() as db:
        rows = await db.execute(text("select account_id, commodity, quantity from steelyard.balances"))
        return {(row.account_id, row.commodity): row.quantity.normalize() for row in rows if row.quantity}
