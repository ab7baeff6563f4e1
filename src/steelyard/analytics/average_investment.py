"""Return on average investment: a gain measured against what was invested, on average, to make it.

Neither time-weighted nor money-weighted: it compares money with money, and is not linked from period to period. What
is invested is the cost of what is held, not its value. Source: Ghostfolio, "Return on Average Investment (ROAI)".
"""

import numpy as np

from steelyard.analytics.observations import DateArray, FloatArray, divide
from steelyard.analytics.returns import UnorderedDatesError


def average_investment(invested: FloatArray, dates: DateArray) -> FloatArray:
    """Average what was invested up to each day, over the days on which something was.

    Args:
        invested: [day] or [day, group], base currency: the cost of what is held at the end of each day; of a short
            position what it brought. 0 = nothing is held, and such days do not count.
        dates: [day], datetime64[D], strictly ascending; a gap of three days weighs three.

    Returns:
        The same shape. The amount itself where it has not stood for a day yet, 0 as long as nothing was invested;
        NaN from a NaN on.

    Raises:
        UnorderedDatesError: the dates are not strictly ascending, or not one a row.

    >>> days = np.array(["2024-03-14", "2024-03-15", "2024-03-18"], dtype="datetime64[D]")
    >>> average_investment(np.array([100.0, 300.0, 300.0]), days).tolist()  # one day of 100, then three of 300
    [100.0, 100.0, 250.0]
    """
    gaps = np.diff(dates).astype(np.int64)
    if len(dates) != len(invested) or np.any(gaps <= 0):
        raise UnorderedDatesError(len(dates), len(invested))
    weights = gaps.reshape(-1, *[1] * (invested.ndim - 1))
    before = invested[:-1]
    nothing = np.zeros_like(invested[:1])
    amounts = np.concatenate([nothing, np.cumsum(before * weights, axis=0)])
    days = np.concatenate([nothing, np.cumsum((before != 0) * weights, axis=0)])
    return np.where(days > 0, amounts / np.maximum(days, 1), invested)


def return_on_average_investment(gains: FloatArray, invested: FloatArray, dates: DateArray) -> FloatArray:
    """Divide the gain up to each day by the average investment up to it.

    Args:
        gains: [day] or [day, group], base currency, since the first day; negative = loss. Realised and unrealised,
            with income, with or without fees as the caller wants it.
        invested: the same shape, see `average_investment`. For a return without currency effect value both at one
            rate throughout.
        dates: [day], datetime64[D], strictly ascending.

    Returns:
        Fractions of the same shape, not annualised; NaN where nothing was invested.

    Raises:
        UnorderedDatesError: the dates are not strictly ascending, or not one a row.

    >>> days = np.array(["2024-03-14", "2024-03-15", "2024-03-18"], dtype="datetime64[D]")
    >>> gains = np.array([0.0, 5.0, 25.0])
    >>> return_on_average_investment(gains, np.array([100.0, 300.0, 300.0]), days).tolist()
    [0.0, 0.05, 0.1]
    """
    return divide(gains, average_investment(invested, dates))
