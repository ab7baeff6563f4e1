"""A trail can be made again, and the interpreter that does it notices one that lies."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest

from steelyard.analytics.trail import Trail, Unit, rows_of
from trails import BrokenTrailError, check, remade


def as_json(trail: Trail) -> Any:
    return json.loads(msgspec.json.Encoder(decimal_format="number").encode(trail), parse_float=Decimal)


GROWTH = Trail(
    "growth",
    0.32,
    Unit.FRACTION,
    "factor = value / before; product(factor) - 1",
    columns=("day", "before", "value", "factor"),
    rows=((date(2024, 1, 2), 100, 110, 1.1), (date(2024, 1, 3), 110, 132, 1.2)),
)


def test_a_trail_is_made_again_from_its_json() -> None:
    check(as_json(GROWTH))
    assert remade(as_json(GROWTH)) == Decimal("0.32")


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("sum(x)", 6),
        ("mean(x) ** 2 - count(x)", 1),
        ("sqrt(sum((x - mean(x)) ** 2) / (count(x) - ddof))", 1),
        ("max(x) - min(x) + first(x) - last(x)", 0),
        ("sum(x - before(x, 0))", 3),
        ("sum(where(x, x > 1))", 5),
        ("last(running_product(x)) / max(running_max(x))", 2),
        ("last(running_sum(x)) + max(2, 1)", 8),
        ("quantile(x, 1 / 4)", "1.5"),
        ("round(5 / 9, 3) + half", "1.056"),
        ("solve(sum(x) - 4 - 2 * (1 + rate), rate)", 0),
    ],
)
def test_every_word_of_the_formulas_means_what_it_says(formula: str, value: float | str) -> None:
    half = Trail("half", Decimal("0.5"), Unit.RATIO, "sum(x)", columns=("x",), rows=((Decimal("0.5"),),))
    trail = Trail(
        "f",
        Decimal(value),
        Unit.RATIO,
        formula,
        conventions={"ddof": 1, "method": "sample"},
        columns=("x",),
        rows=((1,), (2,), (3,)),
        parts=(half,),
    )

    check(as_json(trail))


@pytest.mark.parametrize(
    "lie",
    [
        {"value": 0.33},
        {"rows": (("2024-01-02", 100, 110, 1.1), ("2024-01-03", 110, 132, 1.21))},
        {"formula": "factor = value / before; product(factor)"},
        {"formula": "factor = value / before; solve(product(factor), rate)"},
        {"formula": "lambda: 1"},
    ],
    ids=["value", "cell", "formula", "no root", "no formula"],
)
def test_a_lie_is_noticed(lie: dict[str, Any]) -> None:
    told = as_json(GROWTH) | json.loads(json.dumps(lie), parse_float=Decimal)

    with pytest.raises(BrokenTrailError):
        check(told)


def test_a_part_that_lies_is_noticed() -> None:
    trail = as_json(Trail("whole", 1, Unit.RATIO, "growth", parts=(GROWTH,)))
    trail["parts"][0]["value"] = Decimal(1)

    with pytest.raises(BrokenTrailError, match="growth is"):
        check(trail)


def test_what_cannot_be_printed_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        Trail("f", float("nan"), Unit.RATIO, "")
    with pytest.raises(ValueError, match="finite"):
        Trail("f", None, Unit.RATIO, "", columns=("x",), rows=((float("inf"),),))
    with pytest.raises(ValueError, match="2 cells"):
        Trail("f", None, Unit.RATIO, "", columns=("x", "y"), rows=((1,),))


def test_columns_become_rows_of_plain_cells() -> None:
    days = np.array(["2024-01-02", "2024-01-03"], dtype="datetime64[D]")

    assert rows_of(days, np.array([0.5, np.nan]), ["a", None]) == (
        (date(2024, 1, 2), 0.5, "a"),
        (date(2024, 1, 3), None, None),
    )
