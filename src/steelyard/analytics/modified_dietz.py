"""The modified Dietz return: gain over the average capital, flows weighted by the time they were there.

Source: P. Dietz, Pension Funds: Measuring Investment Performance (1966); as GIPS and Bacon write it.
"""

import numpy as np

from steelyard.analytics.observations import FloatArray, divide
from steelyard.analytics.time_weighted import FlowTiming, invested_span


def modified_dietz(
    values: FloatArray, flows_in: FloatArray, flows_out: FloatArray, years: FloatArray, *, timing: FlowTiming
) -> FloatArray:
    """Compute (V1 − V0 − F) / (V0 + Σ w·F), where w is the part of the period that a flow was there.

    The period of a group is its `invested_span`: one that begins with nothing begins with its first flow.

    Args:
        values: [day, group], at the end of the day; only the first and the last row are read. 0 = nothing was there.
        flows_in: [day, group], 0 or above; row 0 is before the period and not read.
        flows_out: [day, group], 0 or above.
        years: [day], see `day_count.elapsed_years`.
        timing: a flow at the start of a day is there from the end of the row before, one at its end from its own.

    Returns:
        [group]. NaN where a value or flow is not known, where the average capital is not above 0, and where nothing
        was there for any time.

    >>> modified_dietz(np.array([[100.0], [0.0], [170.0]]), np.array([[0.0], [50.0], [0.0]]), np.zeros((3, 1)),
    ...                np.array([0.0, 0.5, 1.0]), timing=FlowTiming.END).tolist()
    [0.16]
    """
    begin, end = invested_span(values, flows_in, flows_out, years, timing=timing)
    rest = divide(end - years[:, np.newaxis], end - begin)
    in_weight = rest[1:] if timing is FlowTiming.END else rest[:-1]
    out_weight = rest[:-1] if timing is FlowTiming.START else rest[1:]
    capital = values[0] + _weighted(in_weight, flows_in) - _weighted(out_weight, flows_out)
    gain = values[-1] - values[0] - (flows_in[1:] - flows_out[1:]).sum(axis=0)
    return np.asarray(gain / np.where(capital > 0, capital, np.nan))


def _weighted(weights: FloatArray, flows: FloatArray) -> FloatArray:
    return np.asarray(np.where(flows[1:] == 0, 0.0, weights * flows[1:]).sum(axis=0))
