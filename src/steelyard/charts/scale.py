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
    return ticks_between(0.0, highest)


def ticks_between(lowest: float, highest: float) -> list[float]:
    """Return round numbers that enclose 0 and both bounds; `lowest` ≤ 0 ≤ `highest`, not both 0.

    >>> ticks_between(-0.3, 0.7), ticks_between(-0.25, 0.0)
    ([-0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8], [-0.25, -0.2, -0.15, -0.1, -0.05, 0.0])
    """
    return _marks(lowest, highest)


def ticks_around(lowest: float, highest: float) -> list[float]:
    """Return round numbers that enclose both bounds, and 0 too unless it is far from them: for lines.

    >>> ticks_around(390_000.0, 540_000.0), ticks_around(5.0, 5.0)
    ([350000.0, 400000.0, 450000.0, 500000.0, 550000.0], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    >>> ticks_around(100.0, 1000.0)[0], ticks_around(0.0, 0.0)
    (0.0, [0.0, 1.0])
    """
    is_near = highest - lowest >= max(abs(lowest), abs(highest)) / 2
    if is_near or lowest == highest:
        lowest, highest = min(lowest, 0.0), max(highest, 0.0)
    return _marks(lowest, highest) if lowest < highest else [0.0, 1.0]


def _marks(lowest: float, highest: float) -> list[float]:
    span = highest - lowest
    magnitude = math.floor(math.log10(span / MOST_STEPS))
    step = next(
        round_step for factor in _ROUND if (round_step := factor * 10.0**magnitude) * MOST_STEPS >= span
    )
    first, last = math.floor(round(lowest / step, 9)), math.ceil(round(highest / step, 9))
    return [round(i * step, max(1 - magnitude, 0)) for i in range(first, last + 1)]
