import numpy as np
import pytest

from steelyard.analytics.average_investment import average_investment, return_on_average_investment
from steelyard.analytics.returns import UnorderedDatesError

DAYS = np.array(["2024-03-14", "2024-03-15", "2024-03-18", "2024-03-19", "2024-03-20"], dtype="datetime64[D]")


def test_days_on_which_nothing_is_invested_do_not_count() -> None:
    invested = np.array([0.0, 100.0, 0.0, 400.0, 400.0])

    assert average_investment(invested, DAYS).tolist() == [
        0.0,
        100.0,
        100.0,
        100.0,
        175.0,
    ]  # 3 × 100, 1 × 400


def test_a_column_of_a_panel_is_what_it_is_alone() -> None:
    invested = np.array([[100.0, 0.0], [300.0, 50.0], [300.0, 50.0], [0.0, 50.0], [0.0, 70.0]])

    panel = average_investment(invested, DAYS)

    for place in range(2):
        assert panel[:, place].tolist() == average_investment(invested[:, place], DAYS).tolist()


def test_without_an_investment_there_is_no_return() -> None:
    gains, invested = np.array([0.0, 3.0, 3.0, 3.0, 3.0]), np.array([0.0, 0.0, 100.0, 100.0, 100.0])

    returns = return_on_average_investment(gains, invested, DAYS)

    assert np.isnan(returns).tolist() == [True, True, False, False, False]
    assert returns[2:].tolist() == [0.03, 0.03, 0.03]


def test_what_is_not_known_stays_so() -> None:
    invested = np.array([100.0, np.nan, 100.0, 100.0, 100.0])

    assert np.isnan(average_investment(invested, DAYS)).tolist() == [False, False, True, True, True]


def test_nothing_has_no_average() -> None:
    assert average_investment(np.empty(0), DAYS[:0]).tolist() == []


@pytest.mark.parametrize("dates", [DAYS[::-1], DAYS[:2], DAYS[[0, 1, 1, 2, 3]]])
def test_dates_must_be_one_a_row_and_ascend(dates: np.ndarray[tuple[int], np.dtype[np.datetime64]]) -> None:
    with pytest.raises(UnorderedDatesError):
        average_investment(np.ones(5), dates)
