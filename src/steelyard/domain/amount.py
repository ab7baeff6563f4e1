"""Amounts as they come in: exact numbers, or a sentence that names the item and the reason."""

import re
from decimal import Decimal
from typing import Final

from steelyard.errors import InvalidInputError

Amount = Decimal | int | str
"""An exact number; text is digits with an optional sign and point: at most 15 before it and 12 after."""

MAX_WHOLE_DIGITS: Final = 15
MAX_PLACES: Final = 12

_GRAMMAR: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,12})?")
_LONGEST: Final = 60


class AmountError(InvalidInputError):
    """Something that should be an exact number is not one."""

    def __init__(self, item: str, value: object, why: str) -> None:
        """Name the item, what was given, and the reason."""
        self.item = item
        self.why = why
        shown = repr(value) if not isinstance(value, int) or value.bit_length() < _LONGEST else "a number"
        shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
        super().__init__(f"{item} is {shown}, {why}.")


def read_amount(item: str, value: object) -> Decimal:
    """Return `value` as an exact, finite Decimal; −0 is 0.

    Args:
        item: what it is, for the sentence of the error.
        value: a Decimal, an int, or plain ASCII text as `Amount` says. At most 15 digits before and 12 after the point.

    Raises:
        AmountError: it is a float, a bool, absent, no number, not finite, too large, or has too many decimals.

    >>> read_amount("price of VTI", "251.30"), read_amount("cash", 100)
    (Decimal('251.30'), Decimal('100'))
    >>> read_amount("price of VTI", 251.3)
    Traceback (most recent call last):
    ...
    steelyard.domain.amount.AmountError: price of VTI is 251.3, a float, which seldom is the number that was typed: \
give Decimal("251.3") or "251.3".
    """
    if isinstance(value, Decimal):
        return _checked(item, value)
    if isinstance(value, str):
        return _from_text(item, value)
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= 10**MAX_WHOLE_DIGITS:
            raise AmountError(item, value, _too_large())
        return Decimal(value)
    raise AmountError(item, value, _why_not(value))


def plain(number: Decimal) -> str:
    """Write a number without an exponent and without zeros that say nothing.

    >>> plain(Decimal("10.500000")), plain(Decimal("1E+3"))
    ('10.5', '1000')
    """
    return f"{number.normalize():f}"


def _from_text(item: str, text: str) -> Decimal:
    if not _GRAMMAR.fullmatch(text):
        raise AmountError(item, text, _why_not_text(text))
    return Decimal(text) + 0  # unary plus and + 0 both turn -0 into 0


def _checked(item: str, value: Decimal) -> Decimal:
    if not value.is_finite():
        raise AmountError(item, value, "not a finite number")
    if not value:
        return Decimal(0)
    if value.adjusted() >= MAX_WHOLE_DIGITS:
        raise AmountError(item, value, _too_large())
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -MAX_PLACES and _places(value) > MAX_PLACES:
        raise AmountError(item, value, f"finer than {MAX_PLACES} decimals: round it as you mean it")
    return value


def _places(value: Decimal) -> int:
    """Decimals that are not trailing zeros."""
    _, digits, exponent = value.as_tuple()
    trailing = next(i for i, digit in enumerate(reversed(digits)) if digit)
    return -int(exponent) - trailing


def _too_large() -> str:
    return f"out of range: at most {MAX_WHOLE_DIGITS} digits before the point"


def _why_not_text(text: str) -> str:
    if not text:
        return "empty"
    if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        whole, _, part = text.lstrip("-").partition(".")
        return (
            _too_large()
            if len(whole) > MAX_WHOLE_DIGITS
            else f"finer than {len(part) and MAX_PLACES} decimals"
        )
    return "not a plain number such as -1234.56 (no signs of thousands, exponents or other digits)"


def _why_not(value: object) -> str:
    if value is None:
        return "missing"
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124  NaN is what differs from itself
            return "not a finite number"
        return f'a float, which seldom is the number that was typed: give Decimal("{value}") or "{value}"'
    return f"of type {type(value).__name__}: give a Decimal, an int or text"
