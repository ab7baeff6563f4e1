"""Price tables, prices carried forward, and splits that prices know or do not know."""

import numpy as np
import pytest

from posting_columns import days
from steelyard.analytics.price_table import (
    PriceTable,
    SplitRatioError,
    Splits,
    carry_forward,
    find_split_mismatches,
    quoted_prices,
    split_factors,
)

WEEK = days("2024-03-11", "2024-03-12", "2024-03-13", "2024-03-18")


def table(*prices: list[float]) -> PriceTable:
    quoted = np.array(prices, dtype=np.float64).T
    return PriceTable(WEEK, quoted, np.ones_like(quoted))


def splits(*of: tuple[int, str, float]) -> Splits:
    commodity, dates, ratios = zip(*of, strict=True)
    return Splits(np.array(commodity), days(*dates), np.array(ratios, dtype=np.float64))


def test_a_price_is_carried_for_so_many_days_and_no_longer() -> None:
    values = np.array([np.nan, 5.0, np.nan, np.nan])
    assert carry_forward(values, WEEK, most_days=0)[1:].tolist()[0] == 5
    assert np.isnan(carry_forward(values, WEEK, most_days=0)).tolist() == [True, False, True, True]
    assert np.isnan(carry_forward(values, WEEK, most_days=5)).tolist() == [True, False, False, True]
    assert carry_forward(values, WEEK, most_days=6)[1:].tolist() == [5, 5, 5]


def test_columns_are_carried_each_for_itself() -> None:
    values = np.array([[1.0, np.nan], [np.nan, 7.0], [np.nan, np.nan], [4.0, np.nan]])
    carried = carry_forward(values, WEEK, most_days=9)
    assert carried[:, 0].tolist() == [1, 1, 1, 4]
    assert carried[1:, 1].tolist() == [7, 7, 7]
    assert np.isnan(carried[0, 1])
    assert np.isnan(values[1, 0])  # the caller's array stays as it was


def test_no_prices_carry_nothing() -> None:
    assert carry_forward(np.empty((0, 2)), days(), most_days=9).shape == (0, 2)


def test_rates_of_the_day_before() -> None:
    one = PriceTable(WEEK, np.full((4, 1), 2.0), np.array([[1.0], [1.1], [1.2], [1.3]]))
    assert one.at_previous_rates().rates.ravel().tolist() == [1.0, 1.0, 1.1, 1.2]
    assert one.at_previous_rates().worth.ravel() == pytest.approx([2.0, 2.0, 2.2, 2.4])


def test_factors_multiply_the_splits_that_follow() -> None:
    factors = split_factors(WEEK, splits((1, "2024-03-12", 2), (1, "2024-03-14", 0.1)), commodities=2)
    assert factors[:, 0].tolist() == [1, 1, 1, 1]
    assert factors[:, 1] == pytest.approx([0.2, 0.1, 0.1, 1])


def test_a_split_after_the_last_day_is_in_every_adjusted_price() -> None:
    assert split_factors(WEEK, splits((0, "2025-01-01", 4)), commodities=1).ravel().tolist() == [4] * 4


def test_adjusted_prices_become_those_that_were_quoted() -> None:
    stored = table([50.0, 51.0, 52.0, 53.0], [10.0, 10.0, 5.0, 5.0])
    quoted = quoted_prices(
        stored, splits((0, "2024-03-13", 2), (1, "2024-03-13", 2)), np.array([True, False])
    )
    assert quoted.prices[:, 0].tolist() == [100, 102, 52, 53]
    assert quoted.prices[:, 1].tolist() == [10, 10, 5, 5]


@pytest.mark.parametrize("ratio", [0.0, -2.0, np.nan, np.inf])
def test_a_ratio_that_makes_nothing_is_refused(ratio: float) -> None:
    with pytest.raises(SplitRatioError, match=rf"commodity number 3 has the ratio {ratio}"):
        splits((3, "2024-03-13", ratio))


@pytest.mark.parametrize(
    ("prices", "ratio", "is_adjusted", "is_found"),
    [
        ([100.0, 100.0, 51.0, 50.0], 2.0, False, False),
        ([100.0, 100.0, 51.0, 50.0], 2.0, True, True),
        ([50.0, 50.0, 51.0, 50.0], 2.0, True, False),
        ([50.0, 50.0, 51.0, 50.0], 2.0, False, True),
        ([1.0, 1.0, 9.0, 10.0], 0.1, False, False),
        ([10.0, 10.0, 9.0, 10.0], 0.1, False, True),
        ([100.0, 100.0, 91.0, 90.0], 1.1, True, False),  # too small to be judged
        ([100.0, 100.0, 79.0, 79.0], 1.25, True, True),
        ([100.0, 100.0, np.nan, 50.0], 2.0, True, True),
        ([np.nan, np.nan, 50.0, 50.0], 2.0, True, False),
        ([100.0, 100.0, np.nan, np.nan], 2.0, True, False),
        ([100.0, 0.0, 50.0, 50.0], 2.0, True, False),
    ],
)
def test_splits_that_prices_contradict_are_named(
    prices: list[float],
    ratio: float,
    is_adjusted: bool,  # noqa: FBT001  a column of the table above
    is_found: bool,  # noqa: FBT001  as above
) -> None:
    found = find_split_mismatches(table(prices), splits((0, "2024-03-13", ratio)), np.array([is_adjusted]))
    assert [one.looks_adjusted for one in found] == [not is_adjusted] * is_found


def test_a_mismatch_says_what_was_seen() -> None:
    [found] = find_split_mismatches(
        table([1.0] * 4, [100.0, np.nan, 100.0, 100.0]),
        splits((1, "2024-03-12", 3)),
        np.array([False, False]),
    )
    assert (found.commodity, str(found.date), found.ratio) == (1, "2024-03-12", 3)
    assert (found.before, found.after) == (100, 100)
