"""What a statement says is there against what the ledger has: by how much they differ, and what may explain it."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from statement_lines import Lines, hint_of, row_of
from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.services.statement_effect import Commodity, Courses
from steelyard.services.statement_identity import Booking, Identities
from steelyard.services.statement_opening import Stated
from steelyard.services.statement_plan import Agreement, Mover, RowNote
from steelyard.services.statement_reconciliation import describe_difference, reconcile_statements, stated_of
from steelyard.services.statement_rows import FileRows, Names
from steelyard.statements.record import Held, Record
from steelyard.storage.statement_import import Movement

UNITS, CASH = Commodity("A", "VTI", is_cash=False), Commodity("A", "USD", is_cash=True)
FIRST, LAST = date(2024, 3, 14), date(2024, 3, 31)
COURSES = Courses(
    [
        Movement("A", "USD", is_cash=True, day=FIRST, quantity=Decimal(100)),
        Movement("A", "VTI", is_cash=False, day=FIRST, quantity=Decimal(10)),
    ]
)


def file_rows(name: str, *lines: str) -> FileRows:
    rows = [row_of(number, line) for number, line in enumerate(lines, start=2)]
    return FileRows(1, name, "", Lines(), held=[row for row in rows if isinstance(row, Held)])


def booked(kind: TransactionKind, line: int, day: date = FIRST, **more: object) -> Booking:
    transaction = Transaction(
        transaction_id="",
        kind=kind,
        trade_date=day,
        account_id="A",
        currency="USD",
        **more,  # type: ignore[arg-type]  # by its names
    )
    record = Record(kind=kind, line=line, trade_date=day)
    return Identities(1, "a.txt", "lines").book(record, transaction, is_valued=False)


def compare(
    key: Commodity,
    quantity: str,
    *bookings: Booking,
    unbooked: Sequence[RowNote] = (),
    courses: Courses = COURSES,
) -> Agreement:
    stated = Stated("a.txt", 9, key, LAST, Decimal(quantity))
    [found] = reconcile_statements([stated], courses, bookings, unbooked)
    return found


def test_lines_about_one_thing_and_day_add_up_under_our_names() -> None:
    names = Names(
        accounts={("lines", ""): "A", ("lines", "savings"): "B"},
        currencies={"A": "CHF", "B": "EUR"},
        assets={hint_of("VTI/USD"): "VTI"},
    )
    files = [
        file_rows(
            "a.txt",
            "HELD 2024-03-31 asset=VTI/USD quantity=5",
            "HELD 2024-03-31 asset=NEW/USD quantity=5",
            "HELD 2024-03-31 asset=VTI/USD quantity=2",
            "HELD 2024-03-31 quantity=7",
            "HELD 2024-03-31 account=unknown quantity=7",
            "HELD 2024-03-31 account=savings currency=USD quantity=8",
            "HELD 2024-03-14 quantity=6",
        ),
        file_rows("b.txt", "HELD 2024-03-31 quantity=7"),
    ]
    francs = Commodity("A", "CHF", is_cash=True)
    assert stated_of(files, names) == [
        Stated("a.txt", 2, UNITS, LAST, Decimal(7)),
        Stated("a.txt", 5, francs, LAST, Decimal(7)),
        Stated("a.txt", 7, Commodity("B", "USD", is_cash=True), LAST, Decimal(8)),
        Stated("a.txt", 8, francs, FIRST, Decimal(6)),
        Stated("b.txt", 2, francs, LAST, Decimal(7)),
    ]


def test_what_agrees_is_not_explained() -> None:
    found = compare(CASH, "100.004", booked(TransactionKind.DEPOSIT, 3, amount=Decimal(100)))
    assert [found.stated, found.ledger, found.difference] == [Decimal("100.004"), Decimal(100), Decimal(0)]
    assert (found.why, found.movers) == ("", ())
    assert (found.file_name, found.line, found.account_id, found.day, found.name, found.is_cash) == (
        "a.txt",
        9,
        "A",
        LAST,
        "USD",
        True,
    )
    assert [COURSES.at(CASH, day) for day in (date(2024, 3, 13), FIRST, LAST)] == [0, 100, 100]
    assert compare(UNITS, "10.004").difference == Decimal("0.004")
    assert compare(CASH, "100.005").difference == Decimal("0.005")


def test_what_no_row_moves_was_there_before() -> None:
    later = booked(TransactionKind.DEPOSIT, 3, date(2024, 4, 1), amount=Decimal(5))
    assert compare(CASH, "105", later).why == "no row moves it: what was there before is missing, an OPENING"


def test_one_row_that_is_as_much_is_named() -> None:
    deposit = booked(TransactionKind.DEPOSIT, 3, amount=Decimal(60))
    fee = booked(TransactionKind.FEE, 4, amount=Decimal(40))
    found = compare(CASH, "60", deposit, fee)
    assert found.why == "line 4 of a.txt alone is as much: it is missing there, or here once too often"
    assert found.movers == (
        Mover("a.txt", 3, FIRST, "DEPOSIT", Decimal(60)),
        Mover("a.txt", 4, FIRST, "FEE", Decimal(-40)),
    )


def test_rows_that_are_not_booked_may_be_about_it() -> None:
    unbooked = [RowNote("a.txt", line, "left out") for line in range(20, 31)]
    deposit = booked(TransactionKind.DEPOSIT, 3, amount=Decimal(60))
    ten = ", ".join(f"a.txt line {line}" for line in range(20, 30))
    assert compare(CASH, "50", deposit, unbooked=unbooked[:10]).why == (
        f"rows that are refused or left out may be about it: {ten}"
    )
    assert compare(CASH, "50", deposit, unbooked=unbooked).why.endswith("a.txt line 29 …")


@pytest.mark.parametrize(
    ("key", "stated", "why"),
    [
        (CASH, "50", "as much was owed before the first row"),
        (CASH, "100.5", "a row is missing"),
        (UNITS, "9", "a row is missing"),
    ],
)
def test_else_a_row_is_missing_or_money_was_owed(key: Commodity, stated: str, why: str) -> None:
    bought = booked(TransactionKind.BUY, 3, amount=Decimal(60), asset_id="VTI", quantity=Decimal(3))
    assert compare(key, stated, bought).why.startswith(why)


def test_a_split_moves_what_was_held_before_it() -> None:
    """Of 10 units before it, 2 for 1 makes 20: it moved 10, as many as are missing."""
    courses = Courses(
        [
            Movement("A", "VTI", is_cash=False, day=date(2024, 3, 1), quantity=Decimal(10)),
            Movement("A", "VTI", is_cash=False, day=FIRST, quantity=Decimal(10)),
        ]
    )
    split = booked(TransactionKind.SPLIT, 5, asset_id="VTI", quantity=Decimal(1), counter_quantity=Decimal(2))
    found = compare(UNITS, "10", split, courses=courses)
    assert found.movers == (Mover("a.txt", 5, FIRST, "SPLIT", Decimal(10)),)
    assert found.why.startswith("line 5 of a.txt alone is as much")


@pytest.mark.parametrize(
    ("key", "stated", "said"),
    [
        (UNITS, "12", "the ledger lacks 2 VTI"),
        (UNITS, "7", "the ledger has too many: 3 VTI"),
        (CASH, "99.5", "the ledger has too much: 0.5 USD"),
    ],
)
def test_a_difference_is_said_in_words(key: Commodity, stated: str, said: str) -> None:
    assert describe_difference(compare(key, stated)) == said
