"""A track record: what a group was worth on each day of a period, what flowed, and what its capital became of itself.

Row 0 is what the period begins with. Days on which nothing can be valued are passed over: their flows and gains belong
to the next day that has a value.
"""

from dataclasses import dataclass

import numpy as np

from steelyard.analytics.observations import DateArray, FloatArray, IntArray, divide
from steelyard.analytics.time_weighted import FlowTiming, Growth, grow, local_growth
from steelyard.analytics.valuation import Valuation


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """Values, flows and growth of one group, money in the base currency; row 0 is before the period.

    Attributes:
        dates: [row], datetime64[D].
        values: [row], at the end of the day; NaN = something could not be valued.
        flows_in, flows_out: [row], 0 or above.
        growth: [row], capital and what it became.
        local: [row], the same at the exchange rates of the day before.
        benchmark: [row], what one unit of the benchmark was worth; NaN = not known.
        risk_free: [row], return of the day without risk, a fraction.
    """

    dates: DateArray
    values: FloatArray
    flows_in: FloatArray
    flows_out: FloatArray
    growth: Growth
    local: Growth
    benchmark: FloatArray
    risk_free: FloatArray

    @property
    def worked(self) -> IntArray:
        """The rows on which capital worked and its return is known."""
        capital, became = self.growth.capital, self.growth.became
        return np.flatnonzero((capital != 0) & ~np.isnan(capital) & ~np.isnan(became))

    @property
    def before(self) -> IntArray:
        """For each of those rows the last one before it that has a value, row 0 if none has."""
        rows = np.where(np.isnan(self.values), 0, np.arange(len(self.values)))
        return np.asarray(np.maximum.accumulate(rows)[self.worked - 1], dtype=np.int64)

    @property
    def returns(self) -> FloatArray:
        """Returns of those rows, fractions."""
        return self.growth.returns[self.worked]

    @property
    def benchmark_returns(self) -> FloatArray:
        """Returns of the benchmark from the row before to those rows; NaN = not known."""
        return divide(self.benchmark[self.worked], self.benchmark[self.before]) - 1.0


def make_record(
    valued: Valuation,
    at_previous_rates: Valuation,
    group: int,
    *,
    timing: FlowTiming,
    benchmark: FloatArray,
    risk_free: FloatArray,
) -> TrackRecord:
    """Return the track record of one group.

    Args:
        valued: values and flows of the period.
        at_previous_rates: the same by `PriceTable.at_previous_rates`.
        group: its number.
        timing: when flows come and go within their day.
        benchmark: [row], what one unit of it was worth; NaN = not known.
        risk_free: [row], fractions.

    >>> from steelyard.analytics.valuation import Unpriced
    >>> nothing = Unpriced(*[np.empty(0, np.int64)] * 4)
    >>> days = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], dtype="datetime64[D]")
    >>> valued = Valuation(days, np.array([[0.0], [100.0], [110.0]]), np.array([[0.0], [100.0], [0.0]]),
    ...                    np.zeros((3, 1)), nothing, nothing, after_fees=True, after_taxes=True)
    >>> record = make_record(valued, valued, 0, timing=FlowTiming.START, benchmark=np.ones(3), risk_free=np.zeros(3))
    >>> record.returns.round(9).tolist()
    [0.0, 0.1]
    """
    one = slice(group, group + 1)
    values, flows_in, flows_out = valued.values[:, one], valued.flows_in[:, one], valued.flows_out[:, one]
    local = local_growth(
        values,
        at_previous_rates=at_previous_rates.values[:, one],
        flows_in=at_previous_rates.flows_in[:, one],
        flows_out=at_previous_rates.flows_out[:, one],
        timing=timing,
    )
    return TrackRecord(
        dates=valued.dates,
        values=values[:, 0],
        flows_in=flows_in[:, 0],
        flows_out=flows_out[:, 0],
        growth=_only(grow(values, flows_in, flows_out, timing=timing)),
        local=_only(local),
        benchmark=benchmark,
        risk_free=risk_free,
    )


def _only(growth: Growth) -> Growth:
    return Growth(growth.capital[:, 0], growth.became[:, 0])


def contributions(record: TrackRecord, parts: Valuation) -> FloatArray:
    """Return what each part added to the time-weighted return of the whole, fractions of its first capital [group].

    Each day's gain over the day's capital of the whole, times what the whole had grown to by then; so the parts of a
    whole add up to its return. NaN where a part is not known. Source: Bacon (2008), contribution linked by wealth.

    Args:
        record: of the whole.
        parts: values and flows of its parts in the same period.

    >>> from steelyard.analytics.valuation import Unpriced
    >>> nothing = Unpriced(*[np.empty(0, np.int64)] * 4)
    >>> days = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], dtype="datetime64[D]")
    >>> parts = Valuation(days, np.array([[50.0, 50.0, 100.0], [60.0, 50.0, 110.0], [60.0, 61.0, 121.0]]),
    ...                   np.zeros((3, 3)), np.zeros((3, 3)), nothing, nothing, after_fees=True, after_taxes=True)
    >>> whole = make_record(parts, parts, 2, timing=FlowTiming.START, benchmark=np.ones(3), risk_free=np.zeros(3))
    >>> contributions(whole, parts).round(9).tolist()
    [0.1, 0.11, 0.21]
    """
    return np.asarray((daily_gains(record, parts) * _weights(record)[:, np.newaxis]).sum(axis=0))


def daily_gains(record: TrackRecord, parts: Valuation) -> FloatArray:
    """Return the gain in money of each part on each day on which the capital of the whole worked [day, group]."""
    values, flows = parts.values, np.cumsum(parts.flows, axis=0)
    now, before = record.worked, record.before
    return np.asarray(values[now] - values[before] - (flows[now] - flows[before]))


def _weights(record: TrackRecord) -> FloatArray:
    """Return what a unit of gain on each day adds to the return of the whole."""
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + record.returns)[:-1]])
    return np.asarray(wealth[: len(record.worked)] / record.growth.capital[record.worked])
