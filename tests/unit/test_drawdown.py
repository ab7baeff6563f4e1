"""What finding drawdowns refuses, and what a single one says."""

from datetime import date

import numpy as np
import pytest

from steelyard.analytics.drawdown import Drawdown, ValuePeakError, find_drawdowns
from steelyard.analytics.returns import UnorderedDatesError

DAYS = np.arange("2024-01-01", "2024-01-07", dtype="datetime64[D]")


def test_a_drawdown_that_lasts_ends_on_the_last_day_known() -> None:
    values = np.array([4.0, 4.0, 2.0, 1.0, 3.0, np.nan])

    assert find_drawdowns(values, DAYS) == (
        Drawdown(0.75, date(2024, 1, 2), date(2024, 1, 4), date(2024, 1, 5), is_recovered=False),
    )


def test_days_count_from_the_peak_and_recovery_from_the_valley() -> None:
    [fall] = find_drawdowns(np.array([4.0, 4.0, 2.0, 1.0, 3.0, 4.0]), DAYS)

    assert (fall.days, fall.recovery_days) == (4, 2)


def test_value_may_be_lost_wholly_and_come_back() -> None:
    [fall] = find_drawdowns(np.array([4.0, 0.0, -1.0, 4.0]), DAYS[:4])

    assert (fall.depth, fall.is_recovered) == (1.25, True)


@pytest.mark.parametrize("first", [0.0, -1.0])
def test_a_beginning_without_value_is_refused(first: float) -> None:
    with pytest.raises(ValuePeakError, match=rf"Value is {first} on 2024-01-02"):
        find_drawdowns(np.array([np.nan, first, 1.0]), DAYS[:3])


@pytest.mark.parametrize("dates", [DAYS[:2], DAYS[2::-1], DAYS[[0, 0, 1]]])
def test_dates_that_do_not_ascend_are_refused(dates: np.ndarray[tuple[int], np.dtype[np.datetime64]]) -> None:
    with pytest.raises(UnorderedDatesError, match="sort and deduplicate"):
        find_drawdowns(np.ones(3), dates)


def test_no_value_has_no_drawdown() -> None:
    assert find_drawdowns(np.empty(0), DAYS[:0]) == ()
    assert find_drawdowns(np.full(6, np.nan), DAYS) == ()
