"""Checking records: the short way that proves common records sound gives the faults of the long way."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.transaction import TransactionKind
from steelyard.statements import recognition
from steelyard.statements.record import Hint, Record, Refused

TODAY = date(2026, 11, 22)
NUMBERS = st.sampled_from(
    [
        "0",
        "-0",
        "1",
        "-1",
        "0.01",
        "0.000000001",
        "0.0000000000001",
        "1.000000000000000",
        "999999999999999",
        "1E15",
        "1E16",
        "1E40",
        "-1E20",
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
    ]
).map(Decimal)
COMMON = st.sampled_from(["0", "1", "2.5", "100"]).map(Decimal)
DAYS = st.sampled_from(
    [date(1899, 12, 31), date(1900, 1, 1), date(2024, 3, 14), TODAY, date(2026, 11, 23), date(2026, 11, 24)]
)
RECORDS = st.builds(
    Record,
    kind=st.sampled_from(TransactionKind),
    line=st.just(7),
    trade_date=DAYS,
    settlement_date=st.none() | DAYS,
    currency=st.sampled_from(["", "EUR"]),
    amount=st.none() | COMMON | NUMBERS,
    costs=COMMON | NUMBERS,
    tax=COMMON | NUMBERS,
    asset=st.none() | st.just(Hint(symbol="VTI")),
    quantity=COMMON | NUMBERS,
    price=st.none() | COMMON | NUMBERS,
)


def by_the_long_way(record: Record) -> Record | Refused:
    """Check a record by building its transaction: a second currency keeps it from the short way."""
    found = recognition.check_record(replace(record, counter_quantity=Decimal(1)), TODAY)
    return record if isinstance(found, Record) else found


@given(RECORDS)
def test_the_short_way_finds_what_the_long_way_finds(record: Record) -> None:
    if record.kind in {TransactionKind.SPLIT, TransactionKind.SPIN_OFF, TransactionKind.MERGER}:
        return  # the long way needs a second quantity there, and none of them is common

    assert recognition.check_record(record, TODAY) == by_the_long_way(record) or _is_no_number(record)


def _is_no_number(record: Record) -> bool:
    """Whether a number of it is none: that equals nothing, itself neither."""
    numbers = (record.amount, record.costs, record.tax, record.quantity, record.price)
    return any(number is not None and number.is_nan() for number in numbers)


@given(RECORDS)
def test_what_is_no_number_is_refused(record: Record) -> None:
    if _is_no_number(record):
        assert isinstance(recognition.check_record(record, TODAY), Refused)


def test_a_common_record_goes_the_short_way() -> None:
    record = Record(
        kind=TransactionKind.BUY,
        line=7,
        trade_date=TODAY,
        currency="EUR",
        amount=Decimal(250),
        costs=Decimal("1.5"),
        asset=Hint(symbol="VTI"),
        quantity=Decimal(10),
        price=Decimal(25),
    )

    assert recognition._is_plainly_sound(record, TODAY)  # noqa: SLF001  that there is a short way is what is fast
    assert not recognition._is_plainly_sound(replace(record, quantity=Decimal(0)), TODAY)  # noqa: SLF001  as above
