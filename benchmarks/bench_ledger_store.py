"""Posting transactions in bulk, beside a bare copy of the same rows, and pages of a ledger of 48,000 transactions.

    python benchmarks/bench_ledger_store.py [--sizes 500000] [--pages 500] [--seed 1]

The bars: 50,000 transactions a second, and 95 of 100 pages within 100 ms. The bare copy writes the same entries and
postings into tables without index, trigger or constraint.
"""

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Awaitable
from datetime import date
from decimal import Decimal
from functools import partial

import psutil
from scratch import Timing, measure, postmaster, scratch_store, settle, show, superuser

from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.services.ledger import get_ledger_page, post_transactions, record_transactions
from steelyard.storage.connection import get_db_session
from steelyard.storage.embedded import EmbeddedServer

TODAY = date(2026, 12, 31)
PAGED = 48_000
FILL = """
    insert into steelyard.asset_master (asset_id, asset_name, asset_type, currency)
    select 'ASSET-' || n, 'Asset ' || n, 'Equity', 'USD' from generate_series(0, 249) as n;
    insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency)
    select 1, 'ACCOUNT-' || n, 'Account ' || n, 'USD' from generate_series(0, 99) as n;
"""
TRANSACTIONS = """
    insert into steelyard.transactions (
        tenant_id, transaction_id, account_id, asset_id, transaction_date, transaction_type, quantity, price, currency,
        total_amount, transaction_costs
    )
    select
        1, 'T' || to_char(n, 'FM00000000'),
        'ACCOUNT-' || (hashint8extended(n, $2 + 1) & 1048575) % 100,
        case when k < 95 then 'ASSET-' || (hashint8extended(n, $2 + 2) & 1048575) % 250 end,
        date '2015-01-01' + (n * 4300 / $1)::integer,
        case
            when k < 45 then 'BUY' when k < 70 then 'SELL' when k < 95 then 'DIVIDEND'
            when k < 98 then 'FEE' else 'DEPOSIT'
        end,
        case when k < 70 then 1 + (hashint8extended(n, $2 + 3) & 1048575) % 500 end,
        case when k < 70 then 50.25 end,
        'USD',
        case when k < 70 then 50.25 * (1 + (hashint8extended(n, $2 + 3) & 1048575) % 500) else 100 + k end,
        case when k < 70 then 1.95 end
    from generate_series(1::bigint, $1) as n
    cross join lateral (select (hashint8extended(n, $2) & 1048575) % 100 as k) as r
"""
BARE = """
    create table public.bare_journal as select * from steelyard.journal;
    create table public.bare_postings as select * from steelyard.postings;
    drop table public.bare_journal, public.bare_postings;
"""


async def main(sizes: list[int], pages: int, seed: int) -> None:
    for size in sizes:
        async with scratch_store() as server:
            await _post(server, size, seed)
    async with scratch_store() as server:
        await fill_ledger(server, PAGED, seed)
        await post_transactions(today=TODAY)
        await settle(server)
        await _page(pages, random.Random(seed))


async def fill_ledger(server: EmbeddedServer, size: int, seed: int) -> None:
    async with superuser(server) as connection:
        await connection.execute(FILL)
        await connection.execute(TRANSACTIONS, size, seed)


async def _post(server: EmbeddedServer, size: int, seed: int) -> None:
    await fill_ledger(server, size, seed)
    await settle(server)
    first, again, one = Timing([]), Timing([]), Timing([])
    process = postmaster(server)
    worked = await _worked(process, measure(first, process, partial(post_transactions, today=TODAY)))
    await settle(server)
    looked = await _worked(process, measure(again, process, partial(post_transactions, today=TODAY)))
    for number in range(20):
        await measure(one, process, partial(record_transactions, [_one_more(number)], today=TODAY))
    async with superuser(server) as connection:
        postings = await connection.fetchval("select count(*) from steelyard.postings")
        started = time.perf_counter()
        copied = await _worked(process, connection.execute(BARE))
        bare = time.perf_counter() - started
    lines = [
        ("bare copy", bare, copied, 0),
        ("post all", first.median, worked, first.peak_bytes),
        ("post again, nothing new", again.median, looked, again.peak_bytes),
        ("record one more", one.median, None, one.peak_bytes),
    ]
    show(
        f"{size:,} transactions, {postings:,} postings: {size / first.median:,.0f} a second, "
        f"{size / worked:,.0f} a processor second",
        ("work", "by the clock", "processor", "÷ bare copy", "peak memory"),
        [
            (
                name,
                f"{s:.2f} s",
                f"{p:.2f} s" if p else "",
                f"{p / copied:.1f}" if p else "",
                f"{peak >> 20:,} MiB",
            )
            for name, s, p, peak in lines
        ],
    )


async def _worked(process: int, work: Awaitable[object]) -> float:
    """The seconds that the server's processors spend on some work."""
    before = _processor_seconds(process)
    await work
    return _processor_seconds(process) - before


def _processor_seconds(process: int) -> float:
    root = psutil.Process(process)
    times = [one.cpu_times() for one in (root, *root.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def _one_more(number: int) -> Transaction:
    return Transaction(
        transaction_id=f"MORE-{number}",
        kind=TransactionKind.BUY,
        trade_date=TODAY,
        account_id="ACCOUNT-7",
        asset_id=f"ASSET-{number}",
        currency="USD",
        quantity=Decimal(3),
        amount=Decimal(100),
    )


async def _page(rounds: int, chance: random.Random) -> None:
    lines = []
    filters: dict[str, dict[str, str]] = {
        "all": {},
        "of an account": {"account_id": "ACCOUNT-7"},
        "of an asset": {"asset_id": "ASSET-7"},
        "of an account and an asset": {"account_id": "ACCOUNT-7", "asset_id": "ASSET-7"},
    }
    for name, wanted in filters.items():
        for limit in (100, 1000):
            milliseconds = [await _timed_page(chance, limit, wanted) for _ in range(rounds)]
            cuts = statistics.quantiles(milliseconds, n=100)
            lines.append((f"{limit:,} rows, {name}", *(f"{cuts[at]:.1f} ms" for at in (49, 94, 98))))
    show(
        f"A page of {PAGED:,} transactions, from any place",
        ("page", "median", "95 of 100", "99 of 100"),
        lines,
    )


async def _timed_page(chance: random.Random, limit: int, wanted: dict[str, str]) -> float:
    after = (date.fromordinal(date(2015, 1, 1).toordinal() + chance.randrange(4300)), 0)
    started = time.perf_counter()
    async with get_db_session() as db:
        await get_ledger_page(after=after, limit=limit, db=db, **wanted)  # type: ignore[arg-type]  # names of its filters
    return 1000 * (time.perf_counter() - started)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[500_000])
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    asyncio.run(main(given.sizes, given.pages, given.seed))
