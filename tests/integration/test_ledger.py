"""The ledger in PostgreSQL: append-only for everybody, balanced by the statement, guarded under concurrency."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from books import sp500_book
from conftest import urls_of
from firm import MAPPING, few_assets, look, make_firm, run
from ledger_positions import read_ledger_positions
from steelyard.domain.amount import AmountError
from steelyard.domain.posting import RULES, Place, postings_of
from steelyard.domain.transaction import (
    ACTIONS,
    FOR_EVERY_HOLDER,
    Fault,
    Transaction,
    TransactionError,
    TransactionKind,
)
from steelyard.services.attachment import attach, detach
from steelyard.services.ledger import (
    MAX_PAGE,
    PageSizeError,
    SameTransactionTwiceError,
    TransactionsAttachedError,
    TransactionTextError,
    UnknownTransactionsError,
    get_ledger_page,
    get_unposted,
    post_transactions,
    record_transactions,
    reverse_transactions,
)
from steelyard.statements.mapping import parse_mapping
from steelyard.storage import ledger as stored
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.connection import (
    Isolation,
    Pool,
    close_connection_pool,
    get_db_session,
    get_migrator_session,
    get_write_session,
    init_connection_pool,
    raw_connection,
)
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.failures import DatabaseBusyError
from steelyard.storage.ledger import OverdrawnError, Posted

TODAY = date(2024, 3, 15)
DAY = date(2024, 3, 1)
TENANTS = count(2)
ASSETS = """
insert into steelyard.asset_master (asset_id, asset_name, asset_type, currency)
values
('X', 'Ex', 'Equity', 'USD'), ('Y', 'Why', 'Equity', 'USD'), ('GBP-CASH', 'Pounds', 'Cash', 'GBP'),
('USD', 'Dollars', 'cash', 'USD')
on conflict do nothing
"""


@dataclass(frozen=True, slots=True)
class Book:
    """A tenant of one test, with the accounts A, B and `guarded`, which may neither overdraw nor short."""

    tenant: int

    async def record(self, *ones: Transaction) -> Posted:
        return await record_transactions(ones, today=TODAY)

    async def post(self, today: date = TODAY) -> Posted:
        return await post_transactions(today=today)

    async def put(self, *ones: Transaction) -> Posted:
        """Put rows into the table without a look at them, as a load does, and post."""
        async with get_write_session() as db:
            await stored.store_transactions(db, ones)
        return await self.post()

    async def balances(self, as_of: date = date.max) -> dict[tuple[str, str], Decimal]:
        async with get_db_session() as db:
            found = await read_ledger_positions(db, as_of)
        return {(one.account_id, one.commodity): one.quantity for one in found}

    async def faults(self) -> dict[str, Fault]:
        return {one.transaction_id: one.fault for one in await get_unposted()}

    async def entries(self) -> list[stored.Entry]:
        async with get_db_session() as db:
            return list((await stored.get_entries(db)).entries)

    async def execute(self, statement: str, *values: object) -> None:
        async with get_migrator_session() as db:
            await (await raw_connection(db)).execute(statement, *values)


@pytest.fixture
async def book(store: Pool) -> AsyncIterator[Book]:
    del store
    made = Book(next(TENANTS))
    await made.execute(ASSETS)
    await made.execute(
        "insert into steelyard.tenants (tenant_id, tenant_name) values ($1, $2)",
        made.tenant,
        f"Tenant {made.tenant}",
    )
    await made.execute(
        "insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency, may_overdraw, may_short) "
        "values ($1, 'A', 'A', 'USD', true, true), ($1, 'B', 'B', 'USD', true, true), "
        "($1, 'guarded', 'Guarded', 'USD', false, false)",
        made.tenant,
    )
    with acting_as(Acting(made.tenant, "operator")):
        yield made


def cash(name: str, kind: str, amount: object, account: str = "A", day: date = DAY) -> Transaction:
    return Transaction(
        transaction_id=name,
        kind=TransactionKind(kind),
        trade_date=day,
        account_id=account,
        currency="USD",
        amount=Decimal(str(amount)),
    )


def trade(
    name: str, kind: str, units: object, account: str = "A", day: date = DAY, **more: Any
) -> Transaction:
    values: dict[str, Any] = {"asset_id": "X", "amount": Decimal(100), "currency": "USD"} | more
    return Transaction(
        transaction_id=name,
        kind=TransactionKind(kind),
        trade_date=day,
        account_id=account,
        quantity=Decimal(str(units)),
        **values,
    )


# ── The rules ───────────────────────────────────────────────────────────────────────────────────────────


async def test_the_rules_are_those_of_the_domain(book: Book) -> None:
    del book
    async with get_db_session() as db:
        rows = await (await raw_connection(db)).fetch("select * from steelyard.transaction_kinds")
    kinds = {row["kind"]: row for row in rows}
    assert set(kinds) == set(TransactionKind)
    for kind, rule in RULES.items():
        row = kinds[kind]
        moves = (row["units"], row["units_from"], row["cash"], row["cash_from"], row["cash_to"])
        assert moves == (rule.units, rule.units_from, rule.cash, rule.cash_from, Place.HELD)
    assert {kind for kind, row in kinds.items() if row["is_action"]} == ACTIONS
    assert {kind for kind, row in kinds.items() if row["is_for_every_holder"]} == FOR_EVERY_HOLDER


# ── S28: append-only, balanced ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("table", ["journal", "postings"])
@pytest.mark.parametrize(
    "act",
    ["update steelyard.{} set account_id = account_id", "delete from steelyard.{}", "truncate steelyard.{}"],
)
@pytest.mark.parametrize("setting", ["", "set session_replication_role = replica;"])
async def test_not_even_a_superuser_changes_what_is_booked(
    book: Book, database: EmbeddedServer, table: str, act: str, setting: str
) -> None:
    await book.record(cash("D", "DEPOSIT", 10))
    with pytest.raises(asyncpg.PostgresError, match=f"{table} is append-only") as refused:
        await run(database, setting + act.format(table))
    assert refused.value.sqlstate == "SL004"
    assert await book.balances() == {("A", "USD"): 10}


@pytest.mark.parametrize("table", ["journal", "postings", "balances"])
@pytest.mark.parametrize("act", ["update steelyard.{} set account_id = 'B'", "delete from steelyard.{}"])
async def test_the_app_has_no_right_to_change_the_ledger(book: Book, table: str, act: str) -> None:
    del book
    with pytest.raises(Exception, match="permission denied"):
        async with get_write_session() as db:
            await (await raw_connection(db)).execute(act.format(table))


async def test_the_app_cannot_make_up_a_balance(book: Book) -> None:
    with pytest.raises(Exception, match="permission denied for table balances"):
        async with get_write_session() as db:
            await (await raw_connection(db)).execute(
                "insert into steelyard.balances (tenant_id, account_id, commodity, is_cash, quantity, is_guarded) "
                "values ($1, 'A', 'USD', true, 1, false)",
                book.tenant,
            )


ENTRY = """
insert into steelyard.journal (tenant_id, external_id, account_id, kind, trade_date, quantity, currency, amount{more})
values ($1, $2, 'A', 'DEPOSIT', '2024-03-01', 0, 'USD', 5{values}) returning entry_id
"""
LINE = """
insert into steelyard.postings (tenant_id, entry_id, line, account_id, place, commodity, is_cash, quantity, trade_date)
select $1, $2, n.line, 'A', n.place, 'USD', true, n.quantity, coalesce($5, date '2024-03-01')
from (values (1, 'held', $3::numeric), (2, 'outside', $4::numeric)) as n (line, place, quantity)
"""


async def _write(
    book: Book, held: object, outside: object, *, entry: int | None = None, day: date | None = None
) -> int:
    """Write an entry and two lines directly, past everything that posts."""
    async with get_write_session() as db:
        connection = await raw_connection(db)
        if entry is None:
            statement = ENTRY.format(more="", values="")
            entry = await connection.fetchval(statement, book.tenant, f"W{next(TENANTS)}")
        await connection.execute(LINE, book.tenant, entry, Decimal(str(held)), Decimal(str(outside)), day)
    return entry


async def test_what_is_written_directly_must_balance(book: Book) -> None:
    await _write(book, 5, -5)
    with pytest.raises(Exception, match=r"moves 1.000000000000 USD out of nowhere"):
        await _write(book, 5, -4)
    assert await book.balances() == {("A", "USD"): 5}


async def test_an_entry_cannot_be_extended_later(book: Book) -> None:
    entry = await _write(book, 5, -5)
    with pytest.raises(Exception, match=f"entry {entry} was made before"):
        await _write(book, 7, -7, entry=entry)
    with pytest.raises(Exception, match="was made before, or not at all"):
        await _write(book, 7, -7, entry=entry + 1_000_000)
    with pytest.raises(Exception, match="or on another day"):
        await _write(book, 7, -7, day=date(2024, 3, 2))
    assert await book.balances() == {("A", "USD"): 5}


async def test_an_entry_is_of_its_own_tenant(book: Book) -> None:
    async with get_migrator_session() as db:  # whom no policy holds back
        connection = await raw_connection(db)
        entry = await connection.fetchval(ENTRY.format(more="", values=""), book.tenant, "other")
        with pytest.raises(asyncpg.PostgresError, match="was made before, or not at all"):
            await connection.execute(LINE, 1, entry, Decimal(5), Decimal(-5), None)
        await db.rollback()


@pytest.mark.parametrize(
    ("more", "values"),
    [(", recorded_at", ", '2020-01-01'"), (", made_in", ", '3'")],
    ids=["time", "transaction"],
)
async def test_nobody_says_that_he_knew_before(book: Book, more: str, values: str) -> None:
    with pytest.raises(Exception, match="says that it was made at another time"):
        async with get_write_session() as db:
            await (await raw_connection(db)).execute(
                ENTRY.format(more=more, values=values), book.tenant, "early"
            )


@pytest.mark.parametrize("revision", [1, 3])
async def test_a_reversal_reverses_the_entry_before_it_and_once(book: Book, revision: int) -> None:
    await book.record(cash("D", "DEPOSIT", 10))
    [entry] = await book.entries()
    with pytest.raises(Exception, match=r"does not reverse the entry before it|duplicate key"):
        async with get_write_session() as db:
            await (await raw_connection(db)).execute(
                ENTRY.format(more=", reverses, revision", values=f", {entry.entry_id}, {revision}"),
                book.tenant,
                "D",
            )


async def test_a_savepoint_is_part_of_its_transaction(book: Book) -> None:
    async with get_write_session() as db:
        async with db.begin_nested():
            connection = await raw_connection(db)
            entry = await connection.fetchval(ENTRY.format(more="", values=""), book.tenant, "saved")
        async with db.begin_nested():
            await connection.execute(LINE, book.tenant, entry, Decimal(5), Decimal(-5), None)
    assert await book.balances() == {("A", "USD"): 5}


@pytest.mark.parametrize(
    "statement",
    [
        "delete from steelyard.accounts where tenant_id = {} and account_id = 'A'",
        "delete from steelyard.asset_master where asset_id = 'Y'",
    ],
)
async def test_what_the_ledger_names_cannot_be_deleted(book: Book, statement: str) -> None:
    dividend = replace(cash("D", "DIVIDEND", 10), asset_id="Y")
    await book.record(dividend)
    await reverse_transactions(["D"], today=TODAY)
    with pytest.raises(Exception, match="violates foreign key constraint"):
        await book.execute(statement.format(book.tenant))


# ── Corrections, and what was known ─────────────────────────────────────────────────────────────────────


async def test_a_correction_is_a_reversal_and_a_new_entry(book: Book) -> None:
    one = trade("T", "BUY", 10, costs=Decimal(1))
    assert await book.record(one) == Posted(1, 0, 0)
    assert await book.record(one) == Posted(0, 0, 0)
    assert await book.record(replace(one, quantity=Decimal(7))) == Posted(1, 1, 0)
    page = await get_ledger_page(with_reversed=True)
    booked, reversal, again = sorted(page.entries, key=lambda entry: entry.revision)
    assert [entry.transaction.quantity for entry in (booked, reversal, again)] == [10, 10, 7]
    assert (booked.reverses, booked.reversed_by) == (None, reversal.entry_id)
    assert (reversal.reverses, reversal.reversed_by) == (booked.entry_id, None)
    assert (again.reverses, again.reversed_by) == (None, None)
    assert await book.balances() == {("A", "X"): 7, ("A", "USD"): -101}


async def test_what_is_taken_back_can_be_booked_again(book: Book) -> None:
    one = cash("D", "DEPOSIT", 10)
    for _ in range(2):
        assert await book.record(one) == Posted(1, 0, 0)
        assert await reverse_transactions(["D"], today=TODAY) == Posted(0, 1, 0)
        assert await book.balances() == {}
    with pytest.raises(UnknownTransactionsError, match="No transaction is called D, E"):
        await reverse_transactions(["D", "E"], today=TODAY)


async def test_only_what_changed_is_told_to_who_knows_the_rest(book: Book) -> None:
    await book.record(cash("D1", "DEPOSIT", 10), cash("D2", "DEPOSIT", 20))
    async with get_db_session() as db:
        before = await stored.get_entries(db)
        columns = await stored.get_posting_columns(db, after=before.last_entry_id)
    assert len(columns.entry) == 0
    await book.record(cash("D2", "DEPOSIT", 25), cash("D3", "DEPOSIT", 30))
    async with get_db_session() as db:
        since = await stored.get_entries(db, after=before.last_entry_id)
        columns = await stored.get_posting_columns(db, after=before.last_entry_id)
    assert [entry.transaction.amount for entry in since.entries] == [25, 30]
    assert since.reversed == {before.entries[1].entry_id}
    assert set(columns.entry) == {entry.entry_id for entry in since.entries}


async def test_columns_say_what_the_postings_say(book: Book) -> None:
    ones = [
        trade("T1", "BUY", "10.000000000001", costs=Decimal("1.5"), tax=Decimal("0.25")),
        replace(cash("T2", "FX", "12.34567891"), counter_currency="EUR", counter_amount=Decimal("11.1")),
        trade("T3", "TRANSFER", 3, counter_account_id="B", amount=Decimal(0)),
    ]
    await book.record(*ones)
    async with get_db_session() as db:
        c = await stored.get_posting_columns(db)
    places = list(Place)
    found = sorted(
        (c.accounts[a], places[p].value, *c.commodities[m], Decimal(int(w)) + Decimal(int(q)).scaleb(-12))
        for a, p, m, w, q in zip(c.account, c.place, c.commodity, c.whole, c.parts, strict=True)
    )
    expected = sorted(
        (p.account_id, p.place.value, p.commodity, p.is_cash, p.quantity)
        for one in ones
        for p in postings_of(one)
    )
    assert found == expected
    assert {c.accounts[a] for a in c.about_account} == {"A"}
    assert {c.commodities[m][0] for m in c.about_commodity} == {"X", "USD"}
    assert set(c.day) == {(DAY - date(1970, 1, 1)).days}


async def test_positions_of_a_past_day_are_those_of_then(book: Book) -> None:
    await book.record(
        *(trade(f"T{n}", "BUY", n, day=DAY + timedelta(days=n), amount=Decimal(n)) for n in (1, 2, 3))
    )
    assert await book.balances(DAY) == {}
    assert await book.balances(DAY + timedelta(days=2)) == {("A", "X"): 3, ("A", "USD"): -3}


async def test_cash_appears_as_the_asset_of_its_currency(book: Book) -> None:
    await book.record(
        cash("D1", "DEPOSIT", 5),
        replace(cash("D2", "DEPOSIT", 6), currency="GBP"),
        replace(cash("D3", "DEPOSIT", 7), currency="CHF"),
    )
    async with get_db_session() as db:
        found = await read_ledger_positions(db)
    assert [(one.commodity, one.asset_id) for one in found] == [
        ("CHF", None),
        ("GBP", "GBP-CASH"),
        ("USD", "USD"),
    ]


# ── What cannot be booked ───────────────────────────────────────────────────────────────────────────────


async def test_what_cannot_be_booked_is_kept_with_its_fault_until_it_can(book: Book) -> None:
    tomorrow = TODAY + timedelta(days=2)
    ones = [
        trade("no units", "BUY", 0),
        cash("later", "DEPOSIT", 10, day=tomorrow),
        trade("cash", "BUY", 5, asset_id="USD"),
        trade("other cash", "TRANSFER", 5, asset_id="GBP-CASH", counter_account_id="B"),
        cash("fine", "DEPOSIT", 1),
    ]
    assert await book.put(*ones) == Posted(1, 0, 4)
    assert await book.faults() == {
        "no units": Fault.NO_QUANTITY,
        "later": Fault.NOT_YET,
        "cash": Fault.CASH_ASSET,
        "other cash": Fault.OTHER_CURRENCY,
    }
    assert await book.post(tomorrow) == Posted(1, 0, 3)
    assert await book.put(trade("no units", "BUY", 3)) == Posted(
        1, 1, 3
    )  # and `later` waits again, taken back
    assert set(await book.faults()) == {"later", "cash", "other cash"}


async def test_an_unknown_kind_is_kept_too(book: Book) -> None:
    await book.execute(
        "insert into steelyard.transactions (tenant_id, transaction_id, account_id, transaction_date, "
        "transaction_type, currency) values ($1, 'T', 'A', '2024-03-01', 'BARTER', 'USD')",
        book.tenant,
    )
    assert await book.post() == Posted(0, 0, 1)
    assert await book.faults() == {"T": Fault.UNKNOWN_KIND}


async def test_cash_as_an_asset_means_its_currency(book: Book) -> None:
    deposit = replace(cash("D", "DEPOSIT", 10), asset_id="USD", quantity=Decimal(10))
    await book.record(deposit)
    assert [entry.transaction.asset_id for entry in await book.entries()] == [""]
    assert await book.balances() == {("A", "USD"): 10}


async def test_pence_are_posted_as_pounds(book: Book) -> None:
    one = trade(
        "T",
        "BUY",
        10,
        currency="GBX",
        amount=Decimal(2500),
        costs=Decimal(50),
        tax=Decimal(25),
        price=Decimal(250),
    )
    await book.record(one)
    [entry] = await book.entries()
    booked = entry.transaction
    assert (booked.currency, booked.amount, booked.costs) == ("GBP", Decimal(25), Decimal("0.5"))
    assert (booked.tax, booked.price) == (Decimal("0.25"), Decimal("2.5"))
    assert await book.balances() == {("A", "X"): 10, ("A", "GBP"): Decimal("-25.5")}


# ── S30: exact and bounded ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "field", ["amount", "costs", "quantity", "price", "counter_quantity", "counter_amount"]
)
@pytest.mark.parametrize("number", ["1e999999", "1e15", "NaN", "Infinity", "-Infinity", "1e-13", "1e-999999"])
async def test_a_number_out_of_bounds_is_refused_by_name_and_at_once(
    book: Book, field: str, number: str
) -> None:
    one = replace(trade("T", "BUY", 1), **{field: Decimal(number)})  # type: ignore[arg-type]  # names of its numbers
    started = time.process_time()
    with pytest.raises(AmountError, match=f"{field} of transaction T is "):
        await book.record(one)
    assert time.process_time() - started < 1  # a number of a million digits would take much longer
    assert await book.entries() == []


async def test_money_has_eight_decimals_and_units_twelve(book: Book) -> None:
    largest = Decimal(999999999999999)
    await book.record(
        trade("T", "BUY", largest + Decimal("0.999999999999"), amount=largest + Decimal("0.99999999"))
    )
    with pytest.raises(AmountError, match=r"amount of transaction U is .*finer than 8 decimals"):
        await book.record(trade("U", "BUY", 1, amount=Decimal("0.000000001")))
    assert await book.balances() == {
        ("A", "X"): largest + Decimal("0.999999999999"),
        ("A", "USD"): -largest - Decimal("0.99999999"),
    }


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"transaction_id": ""}, TransactionTextError),
        ({"transaction_id": "a\0b"}, TransactionTextError),
        ({"lot_id": "x" * 1001}, TransactionTextError),
        ({"quantity": Decimal(-1)}, TransactionError),
        ({"amount": Decimal(-1)}, TransactionError),
        ({"costs": Decimal(-1)}, TransactionError),
        ({"account_id": "nobody"}, TransactionError),
        ({"asset_id": "nothing"}, TransactionError),
        ({"asset_id": "USD"}, TransactionError),
        ({"currency": ""}, TransactionError),
    ],
)
async def test_a_transaction_that_is_wrong_leaves_nothing(
    book: Book, change: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await book.record(cash("fine", "DEPOSIT", 1), replace(trade("T", "BUY", 1), **change))
    assert await book.entries() == []
    assert await book.post() == Posted(0, 0, 0)


async def test_one_id_is_one_transaction(book: Book) -> None:
    with pytest.raises(SameTransactionTwiceError, match="transaction T is there twice"):
        await book.record(cash("T", "DEPOSIT", 1), cash("T", "DEPOSIT", 2))


# ── S29: balances that may not go below 0 ───────────────────────────────────────────────────────────────


@pytest.fixture
async def crowd(database: EmbeddedServer, book: Book) -> Book:
    """The same book over a pool wide enough for forty at once."""
    await close_connection_pool()
    app, migrator = urls_of(database)
    await init_connection_pool(app, migrator_url=migrator, pool_size=15)
    return book


async def _withdraw(number: int, isolation: Isolation) -> bool:
    """Withdraw 100, again while another transaction is in the way; whether there was enough."""
    one = cash(f"W{number}", "WITHDRAWAL", 100, "guarded")
    while True:
        try:
            async with get_write_session(isolation=isolation) as db:
                await record_transactions([one], today=TODAY, db=db)
        except OverdrawnError:
            return False
        except DatabaseBusyError:
            await asyncio.sleep(0.01)
        else:
            return True


@pytest.mark.parametrize(
    ("tasks", "isolation"), [(40, "READ COMMITTED"), (200, "READ COMMITTED"), (40, "REPEATABLE READ")]
)
async def test_of_many_withdrawals_at_once_ten_are_paid(
    crowd: Book, tasks: int, isolation: Isolation
) -> None:
    await crowd.record(cash("D", "DEPOSIT", 1003, "guarded"))
    paid = await asyncio.gather(*(_withdraw(number, isolation) for number in range(tasks)))
    assert (paid.count(True), paid.count(False)) == (10, tasks - 10)
    assert await crowd.balances() == {("guarded", "USD"): 3}
    assert len(await crowd.entries()) == 11


async def test_transfers_both_ways_neither_block_each_other_nor_lose_a_cent(crowd: Book) -> None:
    await crowd.record(cash("D1", "DEPOSIT", 1000, "A"), cash("D2", "DEPOSIT", 1000, "B"))

    async def move(number: int) -> None:
        here, there = ("A", "B") if number % 2 else ("B", "A")
        one = replace(cash(f"T{number}", "TRANSFER", number, here), counter_account_id=there)
        await crowd.record(one, trade(f"S{number}", "BUY", 1, there))

    await asyncio.gather(*(move(number) for number in range(1, 41)))
    balances = await crowd.balances()
    assert balances["A", "USD"] + balances["B", "USD"] == 2000 - 40 * 100
    assert balances["A", "X"] + balances["B", "X"] == 40


async def test_the_same_transaction_from_many_at_once_is_booked_once(crowd: Book) -> None:
    one = cash("D", "DEPOSIT", 10)
    posted = await asyncio.gather(*(crowd.record(one) for _ in range(20)))
    assert sorted(one.booked for one in posted) == [0] * 19 + [1]
    assert await crowd.balances() == {("A", "USD"): 10}


async def test_an_overdraft_names_account_commodity_and_balance(book: Book) -> None:
    await book.record(cash("D", "DEPOSIT", "10.5", "guarded"))
    with pytest.raises(OverdrawnError, match=r"Account guarded holds 10\.5 USD, and 11 are to leave it"):
        await book.record(cash("W", "WITHDRAWAL", 11, "guarded"))
    with pytest.raises(OverdrawnError, match=r"Account guarded holds 0 X, and 3 are to leave it"):
        await book.record(trade("S", "SHORT", 3, "guarded"))
    assert await book.balances() == {("guarded", "USD"): Decimal("10.5")}


async def test_what_comes_in_covers_what_goes_out_in_one_booking(book: Book) -> None:
    await book.record(cash("W", "WITHDRAWAL", 11, "guarded"), cash("D", "DEPOSIT", 11, "guarded"))
    await book.record(
        cash("W", "WITHDRAWAL", 12, "guarded"), cash("D", "DEPOSIT", 12, "guarded")
    )  # corrected, both
    with pytest.raises(OverdrawnError):
        await reverse_transactions(["D"], today=TODAY)


async def test_an_account_that_is_guarded_later_is_guarded_from_then_on(book: Book) -> None:
    guard = "update steelyard.accounts set may_overdraw = false where tenant_id = $1 and account_id = 'A'"
    await book.record(cash("W", "WITHDRAWAL", 5))
    with pytest.raises(Exception, match=r"account A holds -5.000000000000 USD"):
        await book.execute(guard, book.tenant)
    await book.record(cash("D", "DEPOSIT", 6))
    await book.execute(guard, book.tenant)
    with pytest.raises(OverdrawnError, match="holds 1 USD, and 2 are"):
        await book.record(cash("W2", "WITHDRAWAL", 2))


# ── Corporate actions ───────────────────────────────────────────────────────────────────────────────────


def split(name: str, account: str = "", day: date = DAY + timedelta(days=3), **more: Any) -> Transaction:
    return trade(name, "SPLIT", 1, account, day, counter_quantity=Decimal(2), amount=Decimal(0), **more)


async def test_a_split_for_every_holder_is_of_what_was_held_at_the_open(book: Book) -> None:
    await book.record(
        trade("T1", "BUY", 10),
        trade("T2", "SHORT", 4, "B"),
        split("S"),
        trade("T3", "BUY", 1, day=DAY + timedelta(days=3)),
    )
    balances = await book.balances()
    assert (balances["A", "X"], balances["B", "X"]) == (Decimal(21), Decimal(-8))
    assert [(e.transaction.account_id, e.held) for e in await book.entries() if e.held] == [
        ("A", Decimal(10)),
        ("B", Decimal(-4)),
    ]


async def test_history_that_comes_later_moves_the_actions_after_it(book: Book) -> None:
    await book.record(trade("T1", "BUY", 10), split("S"))
    assert await book.record(trade("T0", "BUY", 5, day=DAY)) == Posted(2, 1, 0)
    assert (await book.balances())["A", "X"] == 30
    assert await reverse_transactions(["T1"], today=TODAY) == Posted(1, 2, 0)
    assert (await book.balances())["A", "X"] == 10


async def test_actions_of_one_day_follow_each_other(book: Book) -> None:
    change = replace(
        split("S2"),
        kind=TransactionKind.SYMBOL_CHANGE,
        counter_asset_id="Y",
        quantity=Decimal(0),
        counter_quantity=Decimal(0),
    )
    await book.record(trade("T1", "BUY", 10), split("S1"), change)
    balances = await book.balances()
    assert ("A", "X") not in balances
    assert balances["A", "Y"] == 20


async def test_a_dividend_for_every_holder_is_paid_on_what_is_held_after_the_actions(book: Book) -> None:
    dividend = trade("D", "DIVIDEND", 0, "", DAY + timedelta(days=3), price=Decimal("0.5"), amount=Decimal(0))
    await book.record(trade("T1", "BUY", 10), trade("T2", "SHORT", 4, "B"), dividend, split("S"))
    paid = {
        entry.transaction.account_id: entry.transaction.amount
        for entry in await book.entries()
        if entry.transaction.transaction_id == "D"
    }
    assert paid == {"A": 10, "B": -4}


async def test_an_action_entered_twice_counts_once(book: Book) -> None:
    await book.record(trade("T1", "BUY", 10), split("S1"))
    with pytest.raises(TransactionError, match=r"transaction S0 .* is the same corporate action"):
        await book.record(split("S0"))
    with pytest.raises(TransactionError, match=r"transaction S3 .* is the same corporate action"):
        await book.record(split("S3", "A"))
    assert (await book.balances())["A", "X"] == 20
    doubled = replace(split("S4"), quantity=Decimal(10), counter_quantity=Decimal(20))
    await book.put(doubled)
    assert await book.faults() == {"S4": Fault.ENTERED_TWICE}
    await reverse_transactions(["S1"], today=TODAY)
    assert await book.faults() == {}
    assert (await book.balances())["A", "X"] == 20


# ── Pages ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_pages_put_together_are_the_whole(book: Book) -> None:
    ones = [trade(f"T{n}", "BUY", n + 1, "AB"[n % 2], DAY + timedelta(days=n % 4)) for n in range(23)]
    await book.record(*ones)
    seen: list[stored.Entry] = []
    after = (date.min, 0)
    while True:
        page = await get_ledger_page(after=after, limit=5)
        seen += page.entries
        if page.next is None:
            break
        after = page.next
    places = [(entry.transaction.trade_date, entry.entry_id) for entry in seen]
    assert places == sorted(places)
    assert {entry.transaction.transaction_id for entry in seen} == {one.transaction_id for one in ones}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"account_id": "B"}, {"T2", "T3"}),
        ({"asset_id": "Y"}, {"T4"}),
        ({"kind": TransactionKind.TRANSFER}, {"T3"}),
        ({"account_id": "A", "asset_id": "X"}, {"T1", "T3"}),
    ],
)
async def test_a_page_shows_what_is_asked_for(book: Book, wanted: dict[str, Any], expected: set[str]) -> None:
    await book.record(
        trade("T1", "BUY", 9),
        cash("T2", "DEPOSIT", 9, "B"),
        trade("T3", "TRANSFER", 2, counter_account_id="B"),
        trade("T4", "BUY", 9, asset_id="Y"),
    )
    page = await get_ledger_page(**wanted)
    assert {entry.transaction.transaction_id for entry in page.entries} == expected


@pytest.mark.usefixtures("book")
@pytest.mark.parametrize("limit", [0, -1, MAX_PAGE + 1, 10**9])
async def test_a_page_has_a_sane_size(limit: int) -> None:
    with pytest.raises(PageSizeError, match="1 to 10,000"):
        await get_ledger_page(limit=limit)


# ── Attached tables ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_firms_table_is_posted_by_the_same_rules_and_only_read(
    own_database: EmbeddedServer, own_store: Pool, tmp_path: Path
) -> None:
    del own_store
    whole, few = tmp_path / "whole", tmp_path / "few"
    whole.mkdir()
    few.mkdir()
    await make_firm(own_database, few_assets(sp500_book(whole), few, 30))
    await run(
        own_database,
        "insert into firm.trades (id, book_no, secid, trade_dt, side, units, ccy, gross, fees) values "
        "(900001, 'NEW', 'AAL', '20180102', 'B', 10, 'USD', 500, 1), "
        "(900001, 'NEW', 'AAL', '20180102', 'B', 10, 'USD', 500, 1), "
        "(null, 'NEW', 'AAL', '20180103', 'B', 5, 'USD', 250, 1), "
        "(900002, 'NEW', 'NOBODY', '20180103', 'B', 5, 'USD', 250, 1), "
        "(900003, 'NEW', 'AAL', '20180103', 'B', -5, 'USD', 250, 1)",
    )
    await attach(parse_mapping(MAPPING))
    today = date(2018, 2, 8)
    first = await post_transactions(today=today)
    [trades] = await look(own_database, "select count(*) as n from firm.trades")
    assert first.booked > 50
    assert first.booked + first.unposted == trades["n"]
    assert await post_transactions(today=today) == Posted(0, 0, first.unposted)
    faults = {one.transaction_id: one.fault for one in await get_unposted()}
    assert (faults["900002"], faults["900003"]) == (Fault.UNKNOWN_ASSET, Fault.NO_QUANTITY)
    async with get_db_session() as db:
        held = {(p.account_id, p.commodity): p.quantity for p in await read_ledger_positions(db)}
    assert (held["NEW", "AAL"], held["NEW", "USD"]) == (Decimal(25), Decimal(-1253))
    with pytest.raises(TransactionsAttachedError, match="only reads"):
        await record_transactions([cash("D", "DEPOSIT", 1, day=today)], today=today)

    await run(
        own_database,
        "update firm.trades set units = 7 where id is null",
        "delete from firm.trades where id = 900003",
    )
    changed = await post_transactions(today=today)
    assert (changed.booked, changed.reversed, changed.unposted) == (1, 1, first.unposted - 1)

    await detach(keep_store=True)
    assert await look(own_database, "select count(*) as n from steelyard.journal") == [{"n": 0}]
    with pytest.raises(asyncpg.PostgresError, match="append-only"):
        await run(own_database, "truncate steelyard.journal")
