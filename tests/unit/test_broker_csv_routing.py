"""Broker CSV: which rule a line falls under, whatever lines came before it."""

from decimal import Decimal
from pathlib import Path

import pytest

from preset_reading import rows_of
from steelyard.domain.transaction import TransactionKind
from steelyard.statements.broker_csv.numbers import KEPT
from steelyard.statements.record import Record, Refused, Row

PRESET = """
title = "Trial"
dates = "2023-12-31"
[columns]
date = "Date"
kind = "Type"
quantity = "Units"
price = "Price"
net = "Net"
currency = "Currency"
"""
HEADER = "Date,Type,Units,Price,Net,Currency\n"
FAR_APART = """
[products]
gross = ["quantity", "price"]
[differences]
costs = ["net", "gross"]
left = ["gross", "costs"]
[refuse]
"are too far apart" = { left = "@negative" }
[kinds]
DEPOSIT = "Payment"
"""
SCALED = """
rate = "Price"
[refuse]
"goes out" = { net = "@negative" }
[kinds]
DEPOSIT = "Payment"
"""
SIGNED = """
[refuse]
"goes out" = { net = "@negative", kind = "Payment" }
[skip]
"moves nothing" = { net = "@zero" }
[kinds]
DEPOSIT = ["Payment", "Gift"]
"""


def _names(rows: list[Row]) -> list[str]:
    return [type(row).__name__ for row in rows]


@pytest.mark.parametrize("order", [(0, 1, 0), (1, 0, 1)])
def test_a_number_made_of_others_is_tested_on_every_line(order: tuple[int, ...], tmp_path: Path) -> None:
    near, far = "2024-03-14,Payment,10,25,249,CHF\n", "2024-03-14,Payment,1,25,249,CHF\n"
    rows = rows_of(PRESET + FAR_APART, HEADER + "".join((near, far)[place] for place in order), tmp_path)

    assert _names(rows) == [("Record", "Refused")[place] for place in order]


def test_a_number_that_another_cell_scales_is_tested_on_every_line(tmp_path: Path) -> None:
    preset = PRESET.replace('net = "Net"', 'net = { header = "Net", times = "rate" }').replace(
        'price = "Price"\n', ""
    )
    lines = [f"2024-03-14,Payment,,{rate},5,CHF\n" for rate in (1, -1, 2, -2)]
    rows = rows_of(preset + SCALED, HEADER + "".join(lines), tmp_path)

    assert _names(rows) == ["Record", "Refused", "Record", "Refused"]
    assert {row.why for row in rows if isinstance(row, Refused)} == {"goes out"}


def test_lines_of_more_numbers_than_are_remembered_fall_under_the_same_rules(tmp_path: Path) -> None:
    more = KEPT + 500
    lines = [
        f"2024-03-14,{kind},,,{sign}{number}.25,CHF\n" for number in range(more) for kind, sign in _SORTS
    ]
    rows = rows_of(PRESET + SIGNED, HEADER + "".join(lines), tmp_path)

    assert _names(rows) == ["Record", "Refused", "Record"] * more
    assert sum(row.amount or Decimal(0) for row in rows if isinstance(row, Record)) == 2 * sum(
        number + Decimal("0.25") for number in range(more)
    )
    assert {row.why for row in rows if isinstance(row, Refused)} == {"goes out"}
    assert {row.kind for row in rows if isinstance(row, Record)} == {TransactionKind.DEPOSIT}


_SORTS = (("Payment", ""), ("Payment", "-"), ("Gift", ""))
