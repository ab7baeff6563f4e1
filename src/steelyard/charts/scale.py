"""Scales: the round numbers an axis is marked with."""

import math
from typing import Final

MOST_STEPS: Final = 5
_ROUND: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


def ticks(highest: float) -> list[float]:
    """Return round numbers from 0 up, the last at or above `highest`, which is above 0.

    >>> ticks(340_000.0)
    [0.0, 100000.0, 200000.0, 300000.0, 400000.0]
    >>> ticks(0.7)
    [0.0, 0.2, 0.4, 0.6, 0.8]
    """
    magnitude = math.floor(math.log10(highest / MOST_STEPS))
    step = next(
        round_step for factor in _ROUND if (round_step := factor * 10.0**magnitude) * MOST_STEPS >= highest
    )
    steps = math.ceil(highest / step)
    return [round(i * step, max(1 - magnitude, 0)) for i in range(steps + 1)]
