"""The published factor attribution of empyrical 0.5 (Apache-2.0), test_perf_attrib.py.

The case has two shares and two factors; the files beside it hold two years of two shares that load 1 on each factor,
with nothing left over.
"""

import csv
from collections.abc import Iterator

import numpy as np
import pytest

from books import shared
from published import Case, Skip, load_suite, numbers
from steelyard.analytics.factor_attribution import attribute_to_factors
from steelyard.analytics.observations import FloatArray

SUITE = load_suite("empyrical_factor_attribution")
SKIPPED: dict[str, Skip] = {}


def side_by_side(columns: dict[str, list[float]]) -> FloatArray:
    return np.column_stack([numbers(column) for column in columns.values()])


@pytest.mark.parametrize("case", SUITE["cases"], ids=lambda case: case["id"])
def test_published_effects(case: Case) -> None:
    loadings = numbers([list(factors.values()) for factors in case["factor_loadings"].values()])
    days, expected = len(case["dates"]), case["expected"]

    effects = attribute_to_factors(
        numbers(case["returns"]),
        side_by_side(case["positions"]),
        np.broadcast_to(loadings, (days, *loadings.shape)),
        side_by_side(case["factor_returns"]),
    )

    published = {
        "common_returns": effects.common,
        "specific_returns": effects.specific,
        "tilt_returns": effects.tilt,
        "timing_returns": effects.timing,
        **dict(zip(case["factor_returns"], effects.factors.T, strict=True)),
    }
    for name, values in published.items():
        np.testing.assert_allclose(values, expected[name], rtol=0, atol=1e-15)
    np.testing.assert_allclose(effects.exposures, side_by_side(expected["exposures"]), rtol=0, atol=1e-15)
    assert set(expected) == {*published, "exposures"}


def rows_of(name: str, *, skip: int) -> Iterator[list[str]]:
    """Read a file's rows without its header, and without so many columns on the left."""
    with shared(f"vectors/inputs/empyrical_{name}.csv").open(encoding="utf-8") as text:
        yield from (row[skip:] for row in csv.reader(text) if row[0][:1].isdigit())


def test_two_years_that_their_factors_explain() -> None:
    returns = numbers(list(rows_of("returns", skip=1)))[:, 0]
    money = numbers(list(rows_of("positions", skip=1)))
    weights = (money / money.sum(axis=1, keepdims=True))[:, :2]  # the third column is cash
    loadings = numbers(list(rows_of("factor_loadings", skip=2))).reshape(len(returns), 2, 2)
    factor_returns = numbers(list(rows_of("factor_returns", skip=1)))
    left_over = [*rows_of("residuals", skip=1), *rows_of("intercepts", skip=1)]

    effects = attribute_to_factors(returns, weights, loadings, factor_returns)

    assert len(returns) == 504
    np.testing.assert_allclose(effects.exposures, 1.0, rtol=0, atol=1e-12)
    np.testing.assert_allclose(effects.common, returns, rtol=0, atol=1e-9)
    np.testing.assert_allclose(effects.timing, 0.0, rtol=0, atol=1e-12)
    assert not np.any(numbers([value for row in left_over for value in row]))
