"""History: daily returns and risk figures, derived from prices where the firm has none of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.analytics.history import Convention, RiskFigures, risk_history
from steelyard.analytics.observations import DateArray, FloatArray
from steelyard.analytics.returns import daily_returns
from steelyard.analytics.windows import month_ends, risk_window
from steelyard.storage import history as store
from steelyard.storage.connection import WriteSession
from steelyard.storage.history import Derivation, Observations, Ways

CONVENTION: Final = Convention(periods_per_year=252, confidence=0.95, ddof=1, minimum_observations=20)
"""How asset 360 measures risk; `create_asset_360` measures the same way."""

_BLOCK_PRICES: Final = 3_000_000  # 24 MB an array of float64; some ten of them are held at once
_RISK_COLUMNS: Final = {
    "volatility": "volatility",
    "var_95": "value_at_risk",
    "beta": "beta",
    "sharpe_ratio": "sharpe_ratio",
    "expected_shortfall_95": "expected_shortfall",
    "var_95_parametric": "parametric_value_at_risk",
    "expected_shortfall_95_parametric": "parametric_expected_shortfall",
    "max_drawdown": "max_drawdown",
}

RiskFreeRates = Mapping[str, Sequence[tuple[date, float]]]


async def derive_history(db: WriteSession, as_of: date) -> int:
    """Derive returns and risk of every asset whose prices changed, and the risk of every asset at `as_of`.

    Daily returns go to performance_history; risk over three months goes to risk_metrics, at the ends of
    complete months and at `as_of`. A firm's own rows stay, and its own returns are what risk is measured on.
    An attached table is the firm's word as it stands: nothing is derived beside its rows.

    Returns:
        How many assets were worked on.
    """
    ways = await store.get_ways(db)
    if not ways.tables:
        return 0
    derivations = await store.get_pending_derivations(db, as_of, ways)
    rates = await store.get_risk_free_rates(db)
    first_day = await store.get_first_price_date(db) or as_of
    for block in _blocks(derivations, first_day, as_of):
        await _derive_block(db, block, rates, as_of, ways)
    await store.clear_pending_derivations(db)
    return len(derivations)


def _blocks(
    derivations: Sequence[Derivation], first_day: date, as_of: date
) -> Iterator[Sequence[Derivation]]:
    """Cut the list, which begins with the longest histories, into blocks of about as many prices each."""
    start = 0
    while start < len(derivations):
        since = max(_since(derivations[start:]), first_day)
        weekdays = max(1, (as_of - since).days * 5 // 7)
        size = max(1, _BLOCK_PRICES // weekdays)
        yield derivations[start : start + size]
        start += size


def _since(block: Sequence[Derivation]) -> date:
    """Return the day after which the block's prices are wanted: the risk window before the first that changed."""
    start = min(d.previous_date for d in block)
    return start if start == date.min else risk_window(start).after


async def _derive_block(
    db: WriteSession, block: Sequence[Derivation], rates: RiskFreeRates, as_of: date, ways: Ways
) -> None:
    since = _since(block)
    asset_ids = _with_benchmarks(block)
    prices = await store.get_prices(db, asset_ids, since, ways)
    loaded = await store.get_loaded_returns(db, asset_ids, since)
    if not len(prices.days) and not len(loaded.days):
        await _replace(db, block, ways, pa.table({}), pa.table({}))
        return
    panel = _Panel.of(prices, loaded, len(asset_ids))
    first_prices = await store.get_first_prices(db, asset_ids, ways)
    changed = panel.days[:, np.newaxis] >= _from_days(block)
    returns = _returns_table(panel, block, changed, first_prices)
    await _replace(db, block, ways, returns, _risk_table(panel, block, asset_ids, rates, as_of))


async def _replace(
    db: WriteSession, block: Sequence[Derivation], ways: Ways, returns: pa.Table, risk: pa.Table
) -> None:
    if "performance_history" in ways.tables:
        await store.replace_derived_returns(db, block, returns)
    if "risk_metrics" in ways.tables:
        await store.replace_derived_risk(db, block, risk)


@dataclass(frozen=True, slots=True)
class _Panel:
    """Prices and returns of a block's assets and their benchmarks, [day, asset], NaN = none."""

    days: DateArray
    prices: FloatArray
    returns: FloatArray
    is_loaded: NDArray[np.bool_]

    @classmethod
    def of(cls, prices: Observations, loaded: Observations, assets: int) -> "_Panel":
        days = np.union1d(prices.days, loaded.days)
        closes = _spread(prices, days, assets)
        own = _spread(loaded, days, assets)
        is_loaded = ~np.isnan(own)
        return cls(days, closes, np.where(is_loaded, own, daily_returns(closes)), is_loaded)


def _spread(observations: Observations, days: DateArray, assets: int) -> FloatArray:
    panel = np.full((len(days), assets), np.nan)
    panel[np.searchsorted(days, observations.days), observations.places] = observations.values
    return panel


def _with_benchmarks(block: Sequence[Derivation]) -> list[str]:
    """List the block's assets, then the benchmarks that are not among them."""
    measured_against = [d.benchmark_asset_id for d in block if d.benchmark_asset_id]
    return list(dict.fromkeys([d.asset_id for d in block] + measured_against))


def _from_days(block: Sequence[Derivation]) -> DateArray:
    return np.array([d.from_date for d in block], dtype="datetime64[D]")


def _returns_table(
    panel: _Panel, block: Sequence[Derivation], changed: NDArray[np.bool_], first_prices: FloatArray
) -> pa.Table:
    """Lay out the rows of performance_history: what changed, has a return, and is not the firm's own."""
    own = slice(0, len(block))
    returns, prices = panel.returns[:, own], panel.prices[:, own]
    day, place = np.nonzero(changed & ~np.isnan(returns) & ~panel.is_loaded[:, own])
    return pa.table(
        {
            "asset_id": _words(place, [d.asset_id for d in block]),
            "date": pa.array(panel.days[day]),
            "daily_return": pa.array(returns[day, place]),
            "total_return": pa.array(prices[day, place] / first_prices[place] - 1),
            "origin": _words(np.zeros(len(day), np.int64), ["derived"]),
        }
    )


def _risk_table(
    panel: _Panel, block: Sequence[Derivation], asset_ids: Sequence[str], rates: RiskFreeRates, as_of: date
) -> pa.Table:
    """Lay out the rows of risk_metrics: from each asset's own day on, where the window holds a return."""
    wanted = _risk_dates(panel, block, as_of)
    dates = np.array(sorted(wanted), dtype="datetime64[D]")
    figures = risk_history(
        panel.days,
        panel.returns[:, : len(block)],
        benchmark=_benchmark_returns(panel, block, asset_ids),
        risk_free=_risk_free_returns(panel.days, block, rates),
        calculation_dates=dates,
        convention=CONVENTION,
    )
    day, place = np.nonzero(np.array([wanted[d] for d in dates.astype(date)]) & (figures.observations > 0))
    columns = {name: _figure(figures, attribute)[day, place] for name, attribute in _RISK_COLUMNS.items()}
    return pa.table(
        {
            "asset_id": _words(place, [d.asset_id for d in block]),
            "calculation_date": pa.array(dates[day]),
            **{name: pa.array(values, from_pandas=True) for name, values in columns.items()},
            "observations": pa.array(figures.observations[day, place], pa.int32()),
            "origin": _words(np.zeros(len(day), np.int64), ["derived"]),
        }
    )


def _risk_dates(panel: _Panel, block: Sequence[Derivation], as_of: date) -> dict[date, NDArray[np.bool_]]:
    """Return the days risk is calculated on, and for which assets: the ends of complete months, and `as_of`.

    A change completes the month of the day before it, so that day counts too.
    """
    own, from_days = slice(0, len(block)), _from_days(block)
    has_day = ~np.isnan(panel.prices[:, own]) | ~np.isnan(panel.returns[:, own])
    ends, following = month_ends(panel.days, has_day)
    wanted = ends & (following >= from_days)
    dates = {panel.days[day].astype(date): wanted[day] for day in np.flatnonzero(wanted.any(axis=1))}
    at_as_of = np.datetime64(as_of, "D") >= from_days
    return dates | {as_of: dates.get(as_of, False) | at_as_of}


def _benchmark_returns(panel: _Panel, block: Sequence[Derivation], asset_ids: Sequence[str]) -> FloatArray:
    place = {asset_id: n for n, asset_id in enumerate(asset_ids)}
    none = np.full((len(panel.days), 1), np.nan)
    columns = [place.get(d.benchmark_asset_id or "", len(asset_ids)) for d in block]
    return np.hstack([panel.returns, none])[:, columns]


def _risk_free_returns(days: DateArray, block: Sequence[Derivation], rates: RiskFreeRates) -> FloatArray:
    """Return what a day without risk earns, [day, asset]; 0 where the currency has no series."""
    of_currency = {c: daily_rate(days, rates.get(c, ())) for c in {d.currency for d in block}}
    return np.column_stack([of_currency[d.currency] for d in block])


def daily_rate(days: DateArray, series: Sequence[tuple[date, float]]) -> FloatArray:
    """Return what a day without risk earns [day], from annual rates that hold from their day on; 0 before the first."""
    starts = np.array([day for day, _ in series], dtype="datetime64[D]")
    annual = np.array([0.0, *(rate for _, rate in series)])
    return annual[np.searchsorted(starts, days, side="right")] / CONVENTION.periods_per_year


def _figure(figures: RiskFigures, name: str) -> FloatArray:
    values: FloatArray = getattr(figures, name)
    return values


def _words(places: NDArray[np.int64], words: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), pa.array(words, pa.string()))
