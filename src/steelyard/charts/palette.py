"""Colours of the charts: distinguishable without colour vision, in this order."""

from typing import Final

SERIES: Final = (
    "#0b6e4f",
    "#e0a100",
    "#3d5a98",
    "#c44900",
    "#6a4c93",
    "#2a9d8f",
    "#8a8d91",
    "#7f1d1d",
    "#b0b5ba",
)
"""Colours of slices and lines, most important first; repeated when there are more."""

INK: Final = "#1b1f23"
"""Colour of text and axes."""


def series_colors(count: int) -> list[str]:
    """Return `count` colours.

    >>> series_colors(2)
    ['#0b6e4f', '#e0a100']
    """
    return [SERIES[i % len(SERIES)] for i in range(count)]
