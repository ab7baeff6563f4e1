"""Reductions over the observations of a panel: the rules that every measure shares.

A panel is a float64 array [day] or [day, asset]. NaN means "no observation" and is ignored column by column.
A reduction drops the day axis: [day] becomes one number, [day, asset] becomes [asset]. A column with too few
observations gives NaN, never 0; so does an empty panel.
"""

import numpy as np
from numpy.typing import NDArray

from steelyard.errors import InvalidInputError

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
DateArray = NDArray[np.datetime64]  # datetime64[D], ascending


class PanelShapeError(InvalidInputError):
    """A series cannot stand beside a panel."""

    def __init__(self, series: tuple[int, ...], panel: tuple[int, ...]) -> None:
        """Name both shapes."""
        super().__init__(
            f"A series of shape {series} does not fit a panel of shape {panel}; "
            "give one number, one value a day, or one value a day and asset."
        )


def beside(series: FloatArray | float, panel: FloatArray) -> FloatArray:
    """Lay a number, a series [day] or a panel [day, asset] beside `panel`, to combine day by day.

    Plain broadcasting would match days with assets wherever the two counts happen to agree.

    Raises:
        PanelShapeError: The number of days or assets differs.

    >>> beside(np.array([1.0, 2.0]), np.zeros((2, 2))).tolist()
    [[1.0], [2.0]]
    """
    values = np.asarray(series, dtype=np.float64)
    if values.ndim == 1 and panel.ndim == 2:  # noqa: PLR2004 - [day] beside [day, asset]
        values = values[:, np.newaxis]
    fits = all(mine in (1, theirs) for mine, theirs in zip(values.shape, panel.shape, strict=False))
    if values.ndim > panel.ndim or not fits or (values.ndim and len(values) != len(panel)):
        raise PanelShapeError(values.shape, panel.shape)
    return values


def count(values: FloatArray) -> IntArray:
    """Count the observations of each column; an empty panel has 0.

    >>> int(count(np.array([0.1, np.nan])))
    1
    """
    return np.asarray((~np.isnan(values)).sum(axis=0), dtype=np.int64)


def divide(numerator: FloatArray | float, denominator: FloatArray | float) -> FloatArray:
    """Divide; NaN where the denominator is 0 or either side is NaN.

    >>> divide(np.array([1.0, 1.0]), np.array([4.0, 0.0])).tolist()
    [0.25, nan]
    """
    return np.asarray(np.divide(numerator, np.where(np.equal(denominator, 0), np.nan, denominator)))


def mean(values: FloatArray) -> FloatArray:
    """Average the observations of each column; NaN where there are none.

    >>> float(mean(np.array([1.0, np.nan, 2.0])))
    1.5
    """
    return divide(np.nansum(values, axis=0), count(values).astype(np.float64))


def deviation(values: FloatArray, *, ddof: int) -> FloatArray:
    """Take the standard deviation of each column, dividing by observations - `ddof`.

    `ddof` is 1 for a sample and 0 for a population. NaN with `ddof` observations or fewer. A constant column
    has exactly 0, not the rounding noise of its mean, so that a ratio over it is NaN and not a huge number.

    >>> float(deviation(np.array([1.0, np.nan, 3.0]), ddof=0))
    1.0
    """
    squares = np.nansum(np.square(values - mean(values)), axis=0)
    degrees = count(values) - ddof
    spread = np.sqrt(divide(squares, np.maximum(degrees, 0).astype(np.float64)))
    constant = (degrees > 0) & (largest(values) == smallest(values))
    return np.where(constant, 0.0, spread)


def largest(values: FloatArray) -> FloatArray:
    """Take the largest observation of each column; NaN where there are none.

    >>> float(largest(np.array([1.0, np.nan, 3.0])))
    3.0
    """
    return np.asarray(np.fmax.reduce(values, axis=0, initial=np.nan))


def smallest(values: FloatArray) -> FloatArray:
    """Take the smallest observation of each column; NaN where there are none.

    >>> float(smallest(np.array([1.0, np.nan, 3.0])))
    1.0
    """
    return np.asarray(np.fmin.reduce(values, axis=0, initial=np.nan))


def quantile(values: FloatArray, *, probability: float) -> FloatArray:
    """Interpolate the quantile of each column linearly; NaN where there are no observations.

    The same arithmetic as numpy's "linear" and PostgreSQL's percentile_cont (Hyndman and Fan 1996, type 7),
    by one sort of all columns: NaN sorts last, so every column keeps its own count.

    >>> float(quantile(np.array([4.0, np.nan, 1.0, 2.0]), probability=0.75))
    3.0
    """
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    ranked = np.sort(
        np.ascontiguousarray(values.T), axis=-1
    )  # columns side by side sort several times faster
    last = np.maximum(count(values) - 1, 0)
    position = probability * last
    lower = np.floor(position).astype(np.int64)
    low, high = (
        np.take_along_axis(ranked, rank[..., np.newaxis], axis=-1)[..., 0]
        for rank in (lower, np.minimum(lower + 1, last))
    )
    return np.asarray(low + (position - lower) * (high - low))
