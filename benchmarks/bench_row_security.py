"""What row-level security costs: the same statements as the role it holds back and as one it does not.

    python benchmarks/bench_row_security.py [--transactions 100000] [--rounds 7] [--seed 53]

Both take turns on one connection, without parallel workers, and count the processor's seconds of that connection's
process, which a busy machine hardly changes. Only the ratios of one run mean anything.
"""

import argparse
import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
from bench_ledger_store import FILL, TRANSACTIONS
from made_book import SMALL, Book, make_book
from scratch import Timing, fill, scratch_store, settle, show, superuser

from steelyard.storage.embedded import EmbeddedServer

if TYPE_CHECKING:
    import asyncpg

REFRESH = "call steelyard.create_asset_360('{as_of}', true)"
POST = "select steelyard.post_transactions(1, '2026-12-31')"
MOVED = """
insert into steelyard.transactions (
    tenant_id, transaction_id, account_id, asset_id, transaction_date, transaction_type, currency, total_amount
)
select
    tenant_id, transaction_id || '-copy', account_id, asset_id, transaction_date, transaction_type, currency,
    total_amount
from steelyard.transactions
"""
READ = {
    "a document": "select document from steelyard.asset_360_documents where version = "
    "(select version from steelyard.asset_360_current) and scope_kind = 'account' and scope_id = 'core'",
    "asset 360 of the tenant": "select * from steelyard.asset_360",
    "positions by the ledger": "select * from steelyard.ledger_positions(1, '2020-06-30')",
    "a page of the journal": "select * from steelyard.journal "
    "where tenant_id = steelyard.current_tenant() and (trade_date, entry_id) > ('2020-01-01', 0) "
    "order by trade_date, entry_id limit 100",
    "every posting": "select count(*), sum(quantity) from steelyard.postings "
    "where tenant_id = steelyard.current_tenant()",
}
ACCOUNT = (
    "select account_id, sum(quantity) from steelyard.postings "
    "where tenant_id = steelyard.current_tenant() and account_id = 'ACCOUNT-7' group by 1"
)
GRANTS = """
with made as (
    insert into steelyard.users (tenant_id, role, status) values (1, 'advisor', 'active') returning user_id
)
insert into steelyard.account_grants (tenant_id, user_id, account_id, rights, granted_by)
select 1, m.user_id, a.account_id, '{READ}', 'operator'
from made as m cross join (
    select account_id from steelyard.accounts where account_id = any($1::text[])
) as a
returning user_id
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A statement, the role that it is for, and the user whose grants count."""

    name: str
    statement: str
    role: str = "steelyard_app"
    user: str = ""


async def main(book: Book, transactions: int, rounds: int, seed: int) -> None:
    async with scratch_store() as server:
        await fill(server, book.tables)
        async with superuser(server) as connection:
            await connection.execute(FILL)
            await connection.execute(TRANSACTIONS, transactions, seed)
            cases = await _cases(connection, book)
        await settle(server)
        lines = []
        for case in cases:
            if case.name == "a document":
                await _keep(server, POST, REFRESH.format(as_of=book.as_of))
            lines.append(await _compare(server, case, rounds))
        show(
            f"Row-level security on {transactions:,} transactions of 105 accounts, {book.as_of:%Y-%m-%d}",
            ("statement", "held back", "not held back", "ratio"),
            lines,
        )


async def _cases(connection: "asyncpg.Connection[Any]", book: Book) -> list[Case]:
    some = ["ACCOUNT-7"]
    half = [f"ACCOUNT-{number}" for number in range(50)]
    one, many = [str(await connection.fetchval(GRANTS, names)) for names in (some, half)]
    return [
        Case("make asset 360", REFRESH.format(as_of=book.as_of), "steelyard_refresh"),
        Case("post all transactions", POST),
        Case("add as many transactions", MOVED),
        *(Case(name, statement) for name, statement in READ.items()),
        Case("one account's postings, operator", ACCOUNT),
        Case("one account's postings, advisor of it", ACCOUNT, user=one),
        Case("one account's postings, advisor of 50", ACCOUNT, user=many),
        Case("every posting, advisor of 50 of 105", READ["every posting"], user=many),
    ]


async def _keep(server: EmbeddedServer, *statements: str) -> None:
    async with superuser(server) as connection:
        for statement in statements:
            async with connection.transaction():
                await _begin(connection, Case("", "", role="none"))
                await connection.execute(statement)
    await settle(server)


async def _compare(server: EmbeddedServer, case: Case, rounds: int) -> tuple[str, ...]:
    held, free = Timing([]), Timing([])
    async with superuser(server) as connection:
        await connection.execute("set max_parallel_workers_per_gather = 0; set jit = off")
        process = psutil.Process(await connection.fetchval("select pg_backend_pid()"))
        for _ in range(rounds):
            for timing, role in ((held, case.role), (free, "none")):
                timing.seconds.append(await _worked(connection, process, case, role))
    return (
        case.name,
        f"{min(held.seconds) * 1000:,.1f} ms",
        f"{min(free.seconds) * 1000:,.1f} ms",
        f"{min(held.seconds) / max(min(free.seconds), 1e-9):.2f}",
    )


async def _worked(
    connection: "asyncpg.Connection[Any]", process: psutil.Process, case: Case, role: str
) -> float:
    """The processor's seconds of a statement, which is taken back; a quick one is run a hundred times."""
    transaction = connection.transaction(isolation="repeatable_read")
    await transaction.start()
    try:
        await _begin(connection, Case("", "", role, case.user))
        times = 1 if case.name.split()[0] in {"make", "post", "add"} else 30
        await connection.execute(case.statement)
        if times == 1:
            await transaction.rollback()
            transaction = connection.transaction(isolation="repeatable_read")
            await transaction.start()
            await _begin(connection, Case("", "", role, case.user))
        before = sum(process.cpu_times()[:2])
        for _ in range(times):
            await connection.execute(case.statement)
        return (sum(process.cpu_times()[:2]) - before) / times
    finally:
        await transaction.rollback()


async def _begin(connection: "asyncpg.Connection[Any]", case: Case) -> None:
    await connection.execute(
        "select set_config('app.tenant', '1', true), set_config('app.actor', 'operator', true), "
        "set_config('app.user', $1, true), set_config('role', $2, true)",
        case.user,
        case.role,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=53)
    options = parser.parse_args()
    asyncio.run(main(make_book(SMALL, options.seed), options.transactions, options.rounds, options.seed))
