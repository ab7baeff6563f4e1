"""Numbers as a page shows them: grouped, with a true minus sign, and a unit that does not leave its number.

They are written as in English, unless `written_as` says for whom a page is drawn.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from steelyard.charts.markup import Markup, element, together
from steelyard.domain.money import round_half_up

UNKNOWN: Final = "–"
"""Stands where a figure is not known; never 0."""

_NARROW_SPACE: Final = "\u202f"  # does not break


@dataclass(frozen=True, slots=True)
class Style:
    """How a region writes numbers.

    Attributes:
        decimal: between the units and the fraction.
        group: between groups of digits.
        size: digits of the groups left of the first, which has three.
        least: digits left of the first group from which on groups are made.
    """

    decimal: str = "."
    group: str = ","
    size: int = 3
    least: int = 1


ENGLISH: Final = Style()
_style: Final = ContextVar("style", default=ENGLISH)
_ZERO: Final = Decimal("0.00")
_LARGE: Final = ((1_000_000_000_000, "T"), (1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k"))


@contextmanager
def written_as(style: Style) -> Iterator[None]:
    """Write numbers as a region does while the block lasts."""
    token = _style.set(style)
    try:
        yield
    finally:
        _style.reset(token)


def number(plain: str) -> str:
    r"""Write a plain number with groups, a true minus sign and the marks of the region; 0 has no sign.

    Args:
        plain: digits, an optional minus, an optional point.

    >>> number("-1234567.5"), number("-0.00")
    ('−1,234,567.5', '0.00')
    >>> with written_as(Style(",", ".")):
    ...     number("1234567.5")
    '1.234.567,5'
    >>> with written_as(Style(size=2)):
    ...     number("1234567.5")
    '12,34,567.5'
    """
    style = _style.get()
    digits = plain.removeprefix("-")
    sign = "−" if digits != plain and digits.strip("0.") else ""
    units, _, fraction = digits.partition(".")
    grouped = style.group.join(_groups(units, style))
    return sign + grouped + (style.decimal + fraction if fraction else "")


def quantity(amount: Decimal | None) -> str:
    """Return a number of units with every digit it has, and no more.

    >>> quantity(Decimal("1200.500")), quantity(None)
    ('1,200.5', '–')
    """
    if amount is None:
        return UNKNOWN
    plain = f"{amount:f}"
    return number(plain.rstrip("0").rstrip(".") if "." in plain else plain)


def money(amount: Decimal | float | None) -> str:
    """Return an amount with two decimals; what rounds to 0 has no sign.

    >>> money(Decimal("-1234567.891")), money(Decimal("-0.001")), money(None)
    ('−1,234,567.89', '0.00', '–')
    """
    return UNKNOWN if amount is None else number(f"{round_half_up(_exact(amount), 2) or _ZERO:f}")


def whole(count: int) -> str:
    """Return a number of things.

    >>> whole(20000)
    '20,000'
    """
    return number(f"{count}")


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
    return _short(round(100 * fraction, 9)) + f"{_NARROW_SPACE}%"


def change(figure: Decimal | float | None) -> Markup:
    r"""Return a figure in percent with its sign and an arrow, so that colour adds nothing but comfort.

    >>> change(Decimal("-4.126")) == '<span class="loss">▼\u202f−4.13\u202f%</span>'
    True
    """
    return _moved(figure, percentage(figure))


def gained(amount: Decimal | float | None) -> Markup:
    r"""Return an amount of money as `change` returns a figure in percent.

    >>> gained(Decimal("12.5")) == '<span class="gain">▲\u202f+12.50</span>', gained(Decimal("-0.001"))
    (True, '0.00')
    """
    return _moved(amount, money(amount))


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
            return _short(amount / unit) + letter
    return _short(amount)


def _moved(figure: Decimal | float | None, written: str) -> Markup:
    """Set a sign and an arrow before what is written of a figure, unless it is nothing."""
    if figure is None or not round_half_up(_exact(figure), 2):
        return together(written)
    arrow, sign, meaning = ("▲", "+", "gain") if figure > 0 else ("▼", "", "loss")
    return element("span", f"{arrow}{_NARROW_SPACE}{sign}{written}", class_=meaning)


def _hundredfold(fraction: float | None) -> Decimal | None:
    return None if fraction is None else 100 * _exact(fraction)


def _exact(figure: Decimal | float) -> Decimal:
    """Take a float at its shortest decimal, which is what people would read."""
    return figure if isinstance(figure, Decimal) else Decimal(repr(figure))


def _short(figure: float) -> str:
    """Write four digits at most; what is too small or large for that stays as it is."""
    text = f"{figure:.4g}"
    return text.replace("-", "−") if "e" in text else number(text)


def _groups(units: str, style: Style) -> list[str]:
    """Cut digits into groups, the last of three."""
    if len(units) < 3 + style.least:
        return [units]
    rest, groups = units[:-3], [units[-3:]]
    while rest:
        groups.append(rest[-style.size :])
        rest = rest[: -style.size]
    return groups[::-1]
