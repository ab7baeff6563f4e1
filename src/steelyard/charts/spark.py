"""Sparklines: how a price went, as small as a word."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from steelyard.charts.markup import Markup, element, together
from steelyard.charts.numbers import UNKNOWN, money, percent

WIDTH: Final = 88
HEIGHT: Final = 24
_EDGE: Final = 2.0
_FEWEST: Final = 2


def sparkline(closes: Sequence[tuple[date, Decimal]]) -> Markup:
    r"""Return how something went, the oldest first; its sentence is the picture's name. Fewer than two draw nothing.

    >>> drawn = sparkline([(date(2026, 1, 1), Decimal(10)), (date(2026, 2, 1), Decimal(12))])
    >>> 'd="M2 22L86 2"' in drawn, '10.00 to 12.00, 20.00\u202f%' in drawn
    (True, True)
    """
    if len(closes) < _FEWEST:
        return together(UNKNOWN)
    prices = [price for _, price in closes]
    first, last = prices[0], prices[-1]
    went = percent(float(last / first - 1)) if first else UNKNOWN
    return element(
        "svg",
        element("path", d=_path(prices), class_="curve curve-1"),
        class_="spark",
        width=WIDTH,
        height=HEIGHT,
        role="img",
        aria_label=f"From {money(first)} to {money(last)}, {went}, in {len(closes)} weeks",
    )


def _path(prices: Sequence[Decimal]) -> str:
    lowest, highest = min(prices), max(prices)
    step = (WIDTH - 2 * _EDGE) / (len(prices) - 1)
    span = float(highest - lowest) or 1.0
    points = (
        f"{_EDGE + number * step:.4g} {HEIGHT - _EDGE - float(price - lowest) / span * (HEIGHT - 2 * _EDGE):.4g}"
        for number, price in enumerate(prices)
    )
    return "M" + "L".join(points)
