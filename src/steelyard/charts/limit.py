"""A measure against its limit: a bar for a cell of a table, with a mark where the limit is."""

from decimal import Decimal
from typing import Final

from steelyard.charts.markup import Markup, element, share

_HEIGHT: Final = 14
_ROOM: Final = 1.08
"""What lies beyond the longer of the two, so that neither touches the end."""


def limit_bar(measure: Decimal, bound: Decimal) -> Markup:
    """Return a bar up to the limit, and in another colour what is beyond it, or lacks; the numbers stand beside it.

    Args:
        measure: what was measured, 0 or more.
        bound: the limit, 0 or more, in the same unit.

    >>> drawn = limit_bar(Decimal("0.3"), Decimal("0.25"))
    >>> 'width="77.1605%"' in drawn, 'x="77.1605%"' in drawn, 'width="15.4321%"' in drawn
    (True, True, True)
    """
    longest = float(max(measure, bound)) * _ROOM or 1.0
    within, beyond = (share(float(end) / longest) for end in sorted((measure, bound)))
    apart = share(abs(float(measure) - float(bound)) / longest)
    kind = "limit-over" if measure > bound else "limit-short"
    drawn = (
        element("rect", y=3, width="100%", height=8, rx=2, class_="limit-track"),
        element("rect", y=3, width=within, height=8, rx=2, class_="limit-within"),
        element("rect", x=within, y=3, width=apart, height=8, rx=1, class_=kind),
        element(
            "rect", x=within if measure > bound else beyond, width=2, height=_HEIGHT, class_="limit-mark"
        ),
    )
    return element("svg", *drawn, class_="bar limit-bar", width="100%", height=_HEIGHT, aria_hidden="true")
