"""Checking records: the short way that proves common records sound gives the faults of the long way."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.transaction import TransactionKind
from steelyard.statements import recognition
from steelyard.statements.record import Hint, Record, Refused

TODAY = date(2026, 11, 22)
NUMBERS = [
    Decimal(text)
    for text in [
        "0",
        "-0",
        "1",
        "-1",
        "2.5",
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
]
DAYS = [
    date(1899, 12, 31),
    date(1900, 1, 1),
    date(2024, 3, 15),
    TODAY,
    date(2026, 11, 23),
    date(2026, 11, 24),
]
SOUND = Record(
    kind=TransactionKind.BUY,
    line=7,
    trade_date=date(2024, 3, 14),
    currency="EUR",
    amount=Decimal(250),
    costs=Decimal("1.5"),
    asset=Hint(symbol="VTI"),
    quantity=Decimal(10),
    price=Decimal(25),
)
FIELDS: dict[str, list[Any]] = {
    "trade_date": DAYS,
    "settlement_date": [None, *DAYS],
    "currency": [""],
    "amount": [None, *NUMBERS],
    "costs": NUMBERS,
    "tax": NUMBERS,
    "asset": [None],
    "quantity": NUMBERS,
    "price": [None, *NUMBERS],
}
CHANGES = [{name: value} for name, values in FIELDS.items() for value in values]


def by_the_long_way(record: Record) -> Record | Refused:
    """Check a record by building its transaction: a second currency keeps it from the short way."""
    found = recognition.check_record(replace(record, counter_quantity=Decimal(1)), TODAY)
    return record if isinstance(found, Record) else found


def agree(record: Record) -> bool:
    if record.kind in {TransactionKind.SPLIT, TransactionKind.SPIN_OFF, TransactionKind.MERGER}:
        return True  # the long way needs a second quantity there, and none of them is common
    if _is_no_number(record):  # that equals nothing, itself neither
        return isinstance(recognition.check_record(record, TODAY), Refused)
    return recognition.check_record(record, TODAY) == by_the_long_way(record)


@pytest.mark.parametrize("kind", TransactionKind)
def test_of_a_sound_record_with_one_change_both_ways_find_the_same(kind: TransactionKind) -> None:
    assert [change for change in CHANGES if not agree(replace(SOUND, kind=kind, **change))] == []


@given(st.sampled_from(TransactionKind), st.lists(st.sampled_from(CHANGES), max_size=4))
def test_of_any_record_both_ways_find_the_same(kind: TransactionKind, changes: list[dict[str, Any]]) -> None:
    assert agree(replace(SOUND, kind=kind, **{name: value for one in changes for name, value in one.items()}))


def _is_no_number(record: Record) -> bool:
    numbers = (record.amount, record.costs, record.tax, record.quantity, record.price)
    return any(number is not None and number.is_nan() for number in numbers)


def test_a_common_record_goes_the_short_way() -> None:
    assert recognition._is_plainly_sound(SOUND, TODAY)  # noqa: SLF001  that there is a short way is what is fast
    assert not recognition._is_plainly_sound(replace(SOUND, quantity=Decimal(0)), TODAY)  # noqa: SLF001  as above
