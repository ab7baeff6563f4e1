"""Colours of the charts: told apart with and without colour vision, in this order.

`theme.css` holds the same colours for a page, light and dark; a figure carries the light ones.
"""

from typing import Final

SERIES: Final = ("#4f46d8", "#2097c6", "#ba8730", "#6c1b00", "#7e5f4c", "#430291")
"""Colours of slices and lines, most important first. More than six are not told apart."""

OTHER: Final = "#8a90a0"
"""Colour of whatever comes after the sixth."""

INK: Final = "#12151c"
"""Colour of text and axes."""


def series_colors(count: int) -> list[str]:
    """Return `count` colours.

    >>> series_colors(2), series_colors(8)[5:]
    (['#4f46d8', '#2097c6'], ['#430291', '#8a90a0', '#8a90a0'])
    """
    return [SERIES[i] if i < len(SERIES) else OTHER for i in range(count)]
