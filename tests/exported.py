"""What must be the same in two stores, one of which was loaded from what the other exported."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from steelyard.domain.scope import TENANT
from steelyard.services.asset_360 import refresh
from steelyard.services.loading import LoadSummary, load_tables
from steelyard.services.position import get_lots
from steelyard.statements.columns import FORMATS
from steelyard.storage.connection import (
    close_connection_pool,
    get_db_session,
    init_connection_pool,
    raw_connection,
)
from steelyard.storage.embedded import EmbeddedServer

Urls = Callable[[EmbeddedServer], tuple[str, str]]
Contents = dict[str, list[tuple[Any, ...]]]

NOW: Final = datetime(2024, 6, 28, 12, tzinfo=UTC)

_JOURNAL = """
select
    e.external_id, e.account_id, e.kind, e.trade_date, e.settlement_date, e.asset_id, e.quantity, e.price, e.currency,
    e.amount, e.costs, e.tax, e.counter_account_id, e.counter_asset_id, e.counter_quantity, e.counter_currency,
    e.counter_amount, e.acquired_date, e.basis_fraction, e.lot_id, e.held,
    (
        select array_agg((p.account_id, p.place, p.commodity, p.is_cash, p.quantity)::text order by p.line)
        from steelyard.postings as p
        where p.entry_id = e.entry_id
    ) as postings
from steelyard.entries_known(steelyard.current_tenant(), 'infinity') as e
order by e.external_id, e.account_id
"""
_BALANCES = """
select b.account_id, b.commodity, b.is_cash, b.quantity, b.is_guarded from steelyard.balances as b order by 1, 2, 3
"""
_UNPOSTED = "select u.transaction_id, u.fault from steelyard.unposted_transactions as u order by 1"
_ASSET_360 = "select to_jsonb(a) - 'version' from steelyard.asset_360 as a order by 1"
_TABLE = "select to_jsonb(t) from steelyard.{} as t order by 1"


async def contents() -> Contents:
    """Read the ledger, the lots, asset 360 and every table of the open store."""
    asked = {"journal": _JOURNAL, "balances": _BALANCES, "unposted": _UNPOSTED, "asset_360": _ASSET_360}
    asked |= {name: _TABLE.format(name) for name in FORMATS}
    async with get_db_session() as db:
        connection = await raw_connection(db)
        found = {name: [tuple(row) for row in await connection.fetch(query)] for name, query in asked.items()}
        lots = await get_lots(db, scope=TENANT)
    return found | {"lots": [(lots,)]}


@asynccontextmanager
async def opened(server: EmbeddedServer, urls: Urls) -> AsyncIterator[None]:
    """Open a store for the block."""
    app, migrator = urls(server)
    await init_connection_pool(app, migrator_url=migrator)
    try:
        yield
    finally:
        await close_connection_pool()


async def load(folder: Path, today: date) -> LoadSummary:
    """Load a folder as it is, and publish."""
    summary = await load_tables(folder, today=today, trust_prices=True)
    await refresh(today=today)
    return summary
