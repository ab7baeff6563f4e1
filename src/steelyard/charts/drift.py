"""How far things are from their targets: bars that begin at the target, so that a small one is seen beside a large."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from steelyard.charts.markup import Markup, element, share

HEIGHT: Final = 20
_MIDDLE: Final = HEIGHT / 2
_THICK: Final = 8
_LEAST_REACH: Final = 0.001
_TRACK: Final = element("line", x1="0", x2="100%", y1=_MIDDLE, y2=_MIDDLE, class_="track")
_TARGET: Final = element("line", x1="50%", x2="50%", y1=0, y2=HEIGHT, class_="target")


@dataclass(frozen=True, slots=True)
class Drift:
    """How far something is from its target, as fractions of the whole.

    Attributes:
        drift: weight − target; positive = too much.
        low, high: between which drift is tolerated, low ≤ 0 ≤ high; both 0 = none is.
        after: drift after trades; None = it is not known.
    """

    drift: Decimal
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    after: Decimal | None = None

    @property
    def is_outside(self) -> bool:
        """Whether it is more than is tolerated; on the edge is inside.

        >>> Drift(Decimal("0.01"), Decimal("-0.01"), Decimal("0.01")).is_outside
        False
        """
        return not self.low <= self.drift <= self.high


def reach_of(drifts: list[Drift]) -> float:
    """Return how much drift half of a bar's cell stands for, so that bars of a table compare: the largest of them.

    >>> reach_of([Drift(Decimal("-0.04")), Drift(Decimal("0.01"), Decimal("-0.05"), Decimal("0.05"))])
    0.05
    """
    ends = (
        abs(end)
        for one in drifts
        for end in (one.drift, one.low, one.high, Decimal(0) if one.after is None else one.after)
    )
    return max(float(max(ends, default=Decimal(0))), _LEAST_REACH)


def drift_bar(one: Drift, reach: float) -> Markup:
    """Return a bar for a cell of a table, from the target in the middle; its number stands in another cell.

    Args:
        one: the drift; what is tolerated is shaded, a ring shows where trades lead.
        reach: how much drift half of the cell stands for; see `reach_of`.

    >>> drawn = drift_bar(Drift(Decimal("0.02"), Decimal("-0.01"), Decimal("0.01")), 0.04)
    >>> 'x="37.5%" y="2" width="25%"' in drawn, 'x="50%" y="6" width="25%" height="8" rx="2" class="is-out"' in drawn
    (True, True)
    """
    low, high, end = (_place(edge, reach) for edge in (one.low, one.high, one.drift))
    parts = [
        _TRACK,
        element("rect", x=share(low), y=2, width=share(high - low), height=HEIGHT - 4, rx=2, class_="band"),
        element(
            "rect",
            x=share(min(0.5, end)),
            y=_MIDDLE - _THICK / 2,
            width=share(abs(end - 0.5)),
            height=_THICK,
            rx=2,
            class_="is-out" if one.is_outside else "is-in",
        ),
        _TARGET,
    ]
    if one.after is not None:
        parts.append(element("circle", cx=share(_place(one.after, reach)), cy=_MIDDLE, r=3.5, class_="after"))
    return element("svg", *parts, class_="drift", width="100%", height=HEIGHT, aria_hidden="true")


def _place(drift: Decimal, reach: float) -> float:
    """Return where a drift lies, as a fraction of the cell; what is beyond its ends lies on them."""
    return 0.5 + max(-0.5, min(0.5, float(drift) / reach / 2))
