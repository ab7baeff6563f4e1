"""The two large beancount ledgers, read in place: what our records leave is what beancount's own library counts.

Balances are counted twice: by beancount's library from the ledger, each Assets account with its pockets, and from our
records by the postings of the house and by its whole replay, lots and all.
"""

from collections import Counter, defaultdict
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Final

import pytest

from beancount_files import Balances, brief, read_ledger_file, theirs, want_beancount
from books import shared
from steelyard.domain.ledger import Replay, replay
from steelyard.domain.lot import LotMethod
from steelyard.domain.posting import Place, postings_of
from steelyard.domain.transaction import ZERO, Transaction, find_fault
from steelyard.statements.record import Held, Record, Refused, Row, Skipped

want_beancount()

HUGE: Final = "fava_investor_huge-example.beancount.gz"
SMALL: Final = "fpr_example.beancount.gz"

Key = tuple[str, str]


@cache
def rows_of(name: str) -> list[Row]:
    return read_ledger_file(shared(f"clients/ledgers/{name}"))


def records_of(name: str) -> list[Record]:
    return [row for row in rows_of(name) if isinstance(row, Record)]


def booked(name: str) -> list[Transaction]:
    ids = count(1)
    return [
        Transaction(
            transaction_id=f"{next(ids):06}",
            kind=record.kind,
            trade_date=record.trade_date,
            account_id=record.account,
            currency=record.currency or "USD",
            amount=record.amount or ZERO,
            costs=record.costs,
            tax=record.tax,
            asset_id=record.asset.symbol if record.asset else "",
            quantity=record.quantity,
            price=record.price,
            counter_account_id=record.counter_account,
            counter_currency=record.counter_currency,
            counter_amount=record.counter_amount,
            acquired=record.acquired,
        )
        for record in records_of(name)
    ]


def ours(name: str, *, before: date | None = None) -> Balances:
    """Balances by the postings of our records."""
    balances: dict[Key, Decimal] = defaultdict(Decimal)
    for one in booked(name):
        if before is None or one.trade_date < before:
            for line in postings_of(one):
                if line.place is Place.HELD:
                    balances[line.account_id, line.commodity] += line.quantity
    return {key: number for key, number in balances.items() if number}


def replayed(name: str) -> Replay:
    return replay(booked(name), methods=LotMethod.FIFO, convert=lambda *_: Decimal(1))


@pytest.mark.parametrize("name", [HUGE, SMALL])
def test_every_directive_is_read(name: str) -> None:
    assert [row for row in rows_of(name) if isinstance(row, Refused)] == []
    assert [one for one in booked(name) if find_fault(one, today=date(2026, 11, 22))] == []


@pytest.mark.parametrize("name", [HUGE, SMALL])
def test_balances_are_beancounts(name: str) -> None:
    assert ours(name) == theirs(name)
    assert theirs(name)


@pytest.mark.parametrize(
    ("name", "day"),
    [(HUGE, date(2009, 1, 1)), (HUGE, date(2012, 7, 1)), (SMALL, date(2021, 5, 1))],
)
def test_balances_on_the_way_are_beancounts(name: str, day: date) -> None:
    assert ours(name, before=day) == theirs(name, before=day)


@pytest.mark.parametrize("name", [HUGE, SMALL])
def test_a_whole_replay_comes_to_the_same(name: str) -> None:
    answer = replayed(name)
    units = {
        key: sum((lot.quantity for lot in position.lots), ZERO)
        - sum((lot.quantity for lot in position.shorts), ZERO)
        for key, position in answer.positions.items()
    }

    assert units | {key: cash for key, cash in answer.cash.items() if cash} == theirs(name)


@pytest.mark.parametrize("name", [HUGE, SMALL])
def test_what_the_ledger_asserts_is_there(name: str) -> None:
    held = [row for row in rows_of(name) if isinstance(row, Held)]
    days = sorted({row.day for row in held})
    sample = {
        day: ours(name, before=date.fromordinal(day.toordinal() + 1)) for day in days[:: len(days) // 8]
    }
    compared = [(row, sample[row.day]) for row in held if row.day in sample]

    assert len(compared) >= 8
    for row, balances in compared:
        commodity = row.asset.symbol if row.asset else row.currency
        assert balances.get((row.account, commodity), ZERO) == row.quantity, row


def test_the_large_one_by_hand() -> None:
    """Counted in the file with grep: directives by their word, bookings by their narration."""
    rows = rows_of(HUGE)
    kinds = Counter(row.kind.value for row in records_of(HUGE))
    skipped = Counter(row.why for row in rows if isinstance(row, Skipped))

    assert kinds["BUY"] == 110 + 460  # "Buy shares of …", "Investing … of cash in …"
    assert kinds["SELL"] == 34  # "Sell shares of …"
    assert kinds["TRANSFER"] == 22  # "Transfering accumulated savings to other account"
    assert kinds["FEE"] == 94  # "Monthly bank fee"
    assert kinds["INTEREST"] == 29  # "Dividends on portfolio": Income:US:ETrade:Dividends names no asset
    assert (skipped["a price"], skipped["the opening of an account"]) == (2436, 95)
    first, *_, last = records_of(HUGE)
    assert (first.line, brief(first)) == (110, "OPENING Assets:US:BofA:Checking 3057.7 USD")
    assert last.trade_date == date(2015, 10, 4)  # the card is used until 10-11


def test_the_small_one_by_hand() -> None:
    records = {record.line: record for record in records_of(SMALL)}

    assert brief(records[2607]) == "BUY Assets:US:ETrade 10 ITOT 1052.7 USD costs 8.95 tax 0"
    assert brief(records[2627]) == "DIVIDEND Assets:US:ETrade VEA 29.6 USD"
    assert brief(records[2635]) == "SELL Assets:US:ETrade 22 VEA 4565.66 USD costs 8.95 tax 0"
    assert [brief(one) for one in records_of(SMALL) if one.line == 681] == [
        "FX Assets:US:ETrade 120 USD -> 110 EUR",
        "TRANSFER Assets:US:BofA:Checking 120 USD -> Assets:US:ETrade",
    ]
    assert Counter(one.kind.value for one in records_of(SMALL))["DIVIDEND"] == 5
