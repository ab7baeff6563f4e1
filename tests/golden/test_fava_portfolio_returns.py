"""The published cases of fava-portfolio-returns (GPL-2.0, facts only): IRR, TWR, Dietz, gains, drawdowns, volatility.

The investment is one account or several, money in others is outside, and dividends are income. Their IRR and modified
Dietz return count a flow from the start of its day; in their TWR a flow's own day earns nothing: it comes at the end.
"""

import gzip
import re
from datetime import date, timedelta

import numpy as np
import pytest

from beancount_text import read_ledger
from books import shared
from plain_text_ledger import PlainTextLedger
from published import Case, Reason, Skip, load_suite, runs
from steelyard.analytics.day_count import DayCount, elapsed_years
from steelyard.analytics.drawdown import drawdowns, max_drawdown
from steelyard.analytics.modified_dietz import modified_dietz
from steelyard.analytics.money_weighted import money_weighted_return
from steelyard.analytics.observations import DateArray, FloatArray
from steelyard.analytics.risk import volatility
from steelyard.analytics.time_weighted import FlowTiming, Growth, cumulate, grow
from steelyard.analytics.valuation import Valuation

SUITE = load_suite("fava_portfolio_returns")
CASES: dict[str, Case] = {case["id"]: case for case in SUITE["cases"]}
SKIPPED = {
    "mdm.test_intervals": Skip(
        Reason.OTHER_CONVENTION,
        "weighs flows by the time since the year's first flow, also where the year opens with capital",
    ),
    "volatility.test_single_insufficient_data": Skip(
        Reason.OTHER_CONVENTION, "calls the volatility of one return 0; here it is not known"
    ),
}
ONE_DAY = timedelta(days=1)
BEFORE = date(2019, 12, 31)


def ledger_of(case_id: str) -> PlainTextLedger:
    case = CASES[case_id]
    files = [SUITE["shared"]["ledgers"][f"{name}.beancount"] for name in case["ledger_files"]]
    [text] = case["ledger_text"] or files
    return read_ledger(text, investment="^Assets:CORP")


def published(text: str) -> list[float]:
    """Return the numbers of a published expression that are neither dates nor names."""
    values = re.sub(r"date\([^)]*\)|'[^']*'|approx\d", "", text)
    return [float(found) for found in re.findall(r"-?\d+(?:\.\d+)?", values)]


def dates_in(text: str) -> list[date]:
    return [date(*map(int, found)) for found in re.findall(r"date\((\d+), (\d+), (\d+)\)", text)]


def on_events(ledger: PlainTextLedger, first: date, last: date) -> tuple[DateArray, Growth]:
    """Return the sub-periods between the days on which something was booked or quoted."""
    valued = ledger.value(first - ONE_DAY, last, base="USD")
    events = ledger.priced_days | {line.day for line in ledger.lines}
    kept = np.array([day in events for day in valued.dates.astype(object)])
    values = np.where(kept[:, np.newaxis], valued.values, np.nan)
    values[[0, -1]] = valued.values[[0, -1]]
    return valued.dates, grow(values, valued.flows_in, valued.flows_out, timing=FlowTiming.END)


def at(dates: DateArray, series: FloatArray, wanted: list[date]) -> FloatArray:
    return np.asarray(series[np.searchsorted(dates, np.array(wanted, dtype="datetime64[D]"))])


def whole(ledger: PlainTextLedger, first: date, last: date) -> Valuation:
    return ledger.value(first - ONE_DAY, last, base="USD")


@runs("irr.test_series_savings_plan_daily")
def test_irr_of_a_savings_plan_by_days() -> None:
    case = CASES["irr.test_series_savings_plan_daily"]
    for period, expected in zip(case["range"], case["expected"], strict=True):
        first, last = dates_in(period)
        valued = whole(ledger_of(case["id"]), first, last)
        years = elapsed_years(valued.dates, day_count=DayCount.ACT_365)
        columns = (valued.values[:, 0], valued.flows_in[:, 0], valued.flows_out[:, 0])
        rates = money_weighted_return(*columns, years, timing=FlowTiming.START)
        assert rates.rate == pytest.approx(published(expected)[0], abs=1e-3)


@runs("mdd.test_single_drawdown")
def test_maximum_drawdown() -> None:
    """Theirs are negative fractions, cut off to three places."""
    case = CASES["mdd.test_single_drawdown"]
    deepest, series = case["expected"]
    dates, growth = on_events(ledger_of(case["id"]), *(dates_in(series)[place] for place in (0, -1)))
    returns = growth.returns[:, 0]
    assert -float(max_drawdown(returns)) == pytest.approx(published(deepest)[0], abs=1e-3)
    falls = -np.nan_to_num(drawdowns(returns))
    assert at(dates, falls, dates_in(series)) == pytest.approx(published(series), abs=1e-3)


def test_modified_dietz_of_the_year_in_which_conventions_agree() -> None:
    """In 2020 their example opens with nothing, so the time since the first flow is all there is."""
    text = gzip.decompress(shared("clients/ledgers/fpr_example.beancount.gz").read_bytes()).decode()
    gold = read_ledger(text, investment="^Assets:US:ETrade:GLD$", income="^Income:US:ETrade:GLD:")
    [expected] = CASES["mdm.test_intervals"]["expected"]
    by_year = dict(zip(re.findall(r"'(\d{4})'", expected), published(expected), strict=True))
    year = whole(gold, date(2020, 1, 1), date(2020, 12, 31))
    elapsed = elapsed_years(year.dates, day_count=DayCount.ACT_365)
    value = modified_dietz(year.values, year.flows_in, year.flows_out, elapsed, timing=FlowTiming.START)
    assert value[0] == pytest.approx(by_year["2020"], abs=1e-3)


@runs("pnl.test_heatmap_linear_growth_stock")
def test_gains_by_months() -> None:
    """A month without a price goes on with the last one; what is not there yet gains nothing."""
    case = CASES["pnl.test_heatmap_linear_growth_stock"]
    expected = case["expected"][0]
    valued = ledger_of(case["id"]).value(BEFORE, date(2020, 12, 31), base="USD")
    gains = np.diff(valued.values[:, 0]) - valued.flows[1:, 0]
    months = valued.dates[1:].astype("datetime64[M]").astype(np.int64) % 12
    by_month = np.bincount(months, weights=gains)
    assert [gains.sum(), *by_month] == pytest.approx(published(expected), abs=1e-9)


@pytest.mark.parametrize(
    ("case_id", "tolerance"), [("twr.test_series", 1e-2), ("twr.test_series_savings_plan", 1e-9)]
)
def test_twr_day_by_day(case_id: str, tolerance: float) -> None:
    case = CASES[case_id]
    [expected] = case["expected"]
    dates, growth = on_events(ledger_of(case_id), *dates_in(case["range"][0]))
    series = cumulate(growth)[:, 0]
    assert at(dates, series, dates_in(expected)) == pytest.approx(published(expected), abs=tolerance)


@runs("volatility.test_single")
def test_volatility() -> None:
    """A year has 365 days by the mean length of the sub-periods."""
    case = CASES["volatility.test_single"]
    _, growth = on_events(ledger_of(case["id"]), *dates_in(case["range"][0]))
    returns = growth.returns[:, 0]
    days = np.diff(np.flatnonzero(~np.isnan(returns)), prepend=1)
    yearly = volatility(returns, periods_per_year=365 / float(days.mean()), ddof=1)
    assert float(yearly) == pytest.approx(published(case["expected"][0])[0], abs=1e-2)
