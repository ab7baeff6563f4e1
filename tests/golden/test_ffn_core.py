"""The published cases of ffn (MIT), tests/test_core.py, on ten years of daily closes of three shares.

Some cases look at the first eleven days only. ffn counts years of 365.25 days and writes drawdowns as negative numbers.
"""

import csv
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache

import numpy as np
import pytest

from books import shared
from published import Case, Reason, Skip, assert_published, load_suite, numbers
from steelyard.analytics.drawdown import drawdowns
from steelyard.analytics.observations import DateArray, FloatArray
from steelyard.analytics.returns import annual_return, cumulative_returns, daily_returns, total_return

SUITE = load_suite("ffn_core")
ASSETS = ["AAPL", "MSFT", "C"]
FEW_DAYS = 11
DAYS_A_YEAR = 365.25

CONSTRUCTION = Skip(Reason.OUT_OF_SCOPE, "builds weights of a portfolio")
SKIPPED = {
    "test_calc_erc_weights": CONSTRUCTION,
    "test_calc_inv_vol_weights_object_regression_204": CONSTRUCTION,
    "test_calc_mean_var_weights": CONSTRUCTION,
    "test_limit_weights": CONSTRUCTION,
    "test_year_frac": Skip(Reason.CONTEXT_LOST, "does not name the two days"),
}


@cache
def closes() -> tuple[DateArray, FloatArray]:
    with shared("vectors/inputs/ffn_test_data.csv").open(encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    days = [datetime.strptime(row["Date"], "%m/%d/%Y").date() for row in rows]  # noqa: DTZ007 - a day has no zone
    return np.array(days, dtype="datetime64[D]"), numbers([[row[asset] for asset in ASSETS] for row in rows])


def returns(days: int | None = None) -> FloatArray:
    return daily_returns(closes()[1][:days])


def growth() -> FloatArray:
    """Annualise the total return by the calendar: it is the one return of a period of that many years."""
    dates, _ = closes()
    years = int((dates[-1] - dates[0]).astype(int)) / DAYS_A_YEAR
    return annual_return(total_return(returns())[np.newaxis], periods_per_year=1 / years)


MEASURES: dict[str, Callable[[], FloatArray]] = {
    "test_cagr_df": growth,
    "test_calc_total_return": lambda: total_return(returns(FEW_DAYS)),
    "test_rebase": lambda: 100 * (1 + cumulative_returns(returns(FEW_DAYS))),
    "test_to_drawdown_series_ts": lambda: -np.nan_to_num(drawdowns(returns(FEW_DAYS)[:, 0])),
    "test_to_log_returns_df": lambda: np.log1p(returns(FEW_DAYS)),
}


def pick(values: FloatArray, what: str) -> float:
    """Take what an assertion looks at, as in `actual["AAPL"].iloc[1]`."""
    if asset := re.search(r'"(\w+)"', what):
        values = values[..., ASSETS.index(asset[1])]
    if place := re.search(r"iloc\[(\d+)\]", what):
        values = values[int(place[1])]
    return float(values)


RUN = [case for case in SUITE["cases"] if case["id"] not in SKIPPED]


@pytest.mark.parametrize("case", RUN, ids=lambda case: case["id"])
def test_published_value(case: Case) -> None:
    values = MEASURES[case["id"]]()

    assert case["assertions"]
    for assertion in case["assertions"]:
        assert_published(pick(values, assertion["what"]), assertion["expected"], places=assertion["places"])
