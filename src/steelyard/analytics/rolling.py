"""Rolling windows: any measure of a panel over the last so many days, on every day."""

from collections.abc import Callable, Iterator
from math import prod

import numpy as np

from steelyard.analytics.observations import FloatArray, beside
from steelyard.errors import InvalidInputError

CELLS_AT_ONCE = 2_000_000
"""How many observations are laid out at once; windows overlap, so every observation is laid out `window` times."""


class WindowLengthError(InvalidInputError):
    """A window holds no day."""

    def __init__(self, window: int) -> None:
        """Show the length."""
        super().__init__(f"A window of {window} days holds none; give 1 or more.")


def rolling(
    measure: Callable[..., FloatArray], returns: FloatArray, *others: FloatArray, window: int
) -> FloatArray:
    """Take a measure over each day and the `window` - 1 days before it; nothing looks ahead.

    Args:
        measure: takes panels [day, column] and gives [column], as the measures of this package do:
            `lambda r, b: beta(r, b)`.
        returns: [day] or [day, asset].
        others: what else the measure takes day by day, a benchmark or a risk-free rate: [day] or [day, asset] each.
        window: days in a window, those without an observation too.

    Returns:
        The shape of `returns`. NaN on the first `window` - 1 days, and where the measure is.

    Raises:
        WindowLengthError: `window` is below 1.
        PanelShapeError: One of `others` does not fit `returns`.

    >>> from steelyard.analytics.returns import total_return
    >>> rolling(total_return, np.array([0.1, 0.1, -0.5]), window=2).round(9).tolist()
    [nan, 0.21, -0.45]
    """
    if window < 1:
        raise WindowLengthError(window)
    result = np.full(returns.shape, np.nan)
    panels = [np.broadcast_to(beside(series, returns), returns.shape) for series in (returns, *others)]
    for days, blocks in _blocks(panels, window):
        result[days] = np.reshape(measure(*blocks), result[days].shape)
    return result


def _blocks(panels: list[FloatArray], window: int) -> Iterator[tuple[slice, list[FloatArray]]]:
    """Lay windows side by side as columns: the days on which a few of them end, and their panels [day, column]."""
    days, *width = panels[0].shape
    at_once = max(1, CELLS_AT_ONCE // (window * max(1, prod(width))))
    for start in range(0, days - window + 1, at_once):
        stop = min(start + at_once, days - window + 1)
        rows = np.arange(window)[:, np.newaxis] + np.arange(start, stop)
        yield (
            slice(start + window - 1, stop + window - 1),
            [panel[rows].reshape(window, (stop - start) * prod(width)) for panel in panels],
        )
