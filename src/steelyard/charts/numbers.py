"""Numbers as a page shows them: grouped, with a true minus sign, and a unit that does not leave its number."""

from decimal import Decimal
from typing import Final

from steelyard.charts.markup import Markup, element, together
from steelyard.domain.money import round_half_up

UNKNOWN: Final = "–"
"""Stands where a figure is not known; never 0."""

_MINUS: Final = str.maketrans("-", "−")
_NARROW_SPACE: Final = "\u202f"  # does not break
_LARGE: Final = ((1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k"))


def money(amount: Decimal | float | None) -> str:
    """Return an amount with two decimals.

    >>> money(Decimal("-1234567.891")), money(None)
    ('−1,234,567.89', '–')
    """
    return UNKNOWN if amount is None else f"{round_half_up(_exact(amount), 2):,}".translate(_MINUS)


def whole(number: int) -> str:
    """Return a number of things.

    >>> whole(20000)
    '20,000'
    """
    return f"{number:,}"


def ratio(figure: float | None) -> str:
    """Return a figure without a unit, two decimals.

    >>> ratio(-0.005)
    '−0.01'
    """
    return money(figure)


def percentage(figure: Decimal | float | None) -> str:
    r"""Return a figure that is in percent already.

    >>> percentage(41.5) == "41.50\u202f%"
    True
    """
    return UNKNOWN if figure is None else f"{money(figure)}{_NARROW_SPACE}%"


def percent(fraction: float | None) -> str:
    r"""Return a fraction in percent.

    >>> percent(0.01235) == "1.24\u202f%"
    True
    """
    return percentage(_hundredfold(fraction))


def short_percent(fraction: float) -> str:
    r"""Return a fraction in percent, in four digits at most, for an axis.

    >>> short_percent(-0.25) == "−25\u202f%", short_percent(0.025) == "2.5\u202f%"
    (True, True)
    """
    return f"{round(100 * fraction, 9):.4g}".translate(_MINUS) + f"{_NARROW_SPACE}%"


def change(figure: Decimal | float | None) -> Markup:
    r"""Return a figure in percent with its sign and an arrow, so that colour adds nothing but comfort.

    >>> change(Decimal("-4.126")) == '<span class="loss">▼\u202f−4.13\u202f%</span>'
    True
    """
    if figure is None or not round_half_up(_exact(figure), 2):
        return together(percentage(figure))
    arrow, sign, meaning = ("▲", "+", "gain") if figure > 0 else ("▼", "", "loss")
    return element("span", f"{arrow}{_NARROW_SPACE}{sign}{percentage(figure)}", class_=meaning)


def change_of(fraction: float | None) -> Markup:
    """Return a fraction as `change` does.

    >>> change_of(0.5) == change(50)
    True
    """
    return change(_hundredfold(fraction))


def compact(amount: float) -> str:
    """Return an amount in four digits at most, for an axis or where there is no room.

    >>> compact(0.0), compact(1500.0), compact(250_000.0), compact(-17_503_834.06), compact(0.25)
    ('0', '1.5k', '250k', '−17.5M', '0.25')
    """
    for unit, letter in _LARGE:
        if abs(amount) >= unit:
            return f"{amount / unit:.4g}".translate(_MINUS) + letter
    return f"{amount:.4g}".translate(_MINUS)


def _hundredfold(fraction: float | None) -> Decimal | None:
    return None if fraction is None else 100 * _exact(fraction)


def _exact(figure: Decimal | float) -> Decimal:
    """Take a float at its shortest decimal, which is what people would read."""
    return figure if isinstance(figure, Decimal) else Decimal(repr(figure))
