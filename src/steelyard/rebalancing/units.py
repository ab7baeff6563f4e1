"""From exact decimals to whole numbers and back: the unit of money an account's problem is counted in.

Every amount is first counted in 10^-RAW_PLACES, fine enough for a price times a quantity times a rate. Most of that is
zeros: the unit is the greatest common divisor of all amounts, so that the same account in other money is the same
problem. Where that leaves few units in the whole, it is divided by a power of ten, for targets are whole units too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal
from math import gcd
from typing import Final

from steelyard.domain.money import EXACT

AMOUNT_PLACES: Final = 12
"""Decimal places of an amount that comes in."""

RATE_PLACES: Final = 20
"""Decimal places of a conversion rate: 18, and two more for a currency quoted in hundredths."""

RAW_PLACES: Final = 2 * AMOUNT_PLACES + RATE_PLACES

ONE_AMOUNT: Final = 10**AMOUNT_PLACES
ONE_RATE: Final = 10**RATE_PLACES

FINEST: Final = 10**8
"""Units of the whole above which the unit is not divided further: a target is off by at most 1 in 10^7 of the whole."""

_WIDE: Final = Context(prec=400)  # a product of any two amounts, squared

COST_DIGITS: Final = 4
"""Digits to which the spread of one step is kept, rounded up."""


def scaled(amount: Decimal) -> int:
    """Return an amount of at most 12 decimals in units of 10^-12.

    >>> scaled(Decimal("0.25"))
    250000000000
    """
    return int(EXACT.scaleb(amount, AMOUNT_PLACES))


def scaled_rate(rate: Decimal) -> int:
    """Return a rate of at most 20 decimals in units of 10^-20."""
    return int(EXACT.scaleb(rate, RATE_PLACES))


def few_digits_up(amount: int) -> int:
    """Round a cost of 0 or above up to its first four digits.

    >>> few_digits_up(123412), few_digits_up(12)
    (123500, 12)
    """
    excess = len(str(amount)) - COST_DIGITS
    if excess <= 0:
        return amount
    step: int = 10**excess
    return -(-amount // step) * step


@dataclass(frozen=True, slots=True)
class MoneyUnit:
    """What one unit of money is worth: `size / fineness` raw units, of 10^-RAW_PLACES in base currency each.

    >>> unit = MoneyUnit.of([15 * 10**43, 10**44], whole=10**46)
    >>> unit.money(unit.whole_units(15 * 10**43))
    Decimal('1.5')
    """

    size: int
    fineness: int

    @classmethod
    def of(cls, amounts: Iterable[int], whole: int) -> "MoneyUnit":
        """Find the unit in which every raw amount is whole; `whole` is the value that is shared out, raw."""
        size: int = gcd(*amounts) or 1
        fineness = 1
        while 0 < abs(whole) * fineness * 10 <= FINEST * size:
            fineness *= 10
        return cls(size, fineness)

    def whole_units(self, raw: int) -> int:
        """Count a raw amount that is whole in this unit."""
        return raw // self.size * self.fineness

    def up(self, raw: int) -> int:
        """Count a raw amount, rounded up."""
        return -(-raw * self.fineness // self.size)

    def down(self, raw: int) -> int:
        """Count a raw amount, rounded down."""
        return raw * self.fineness // self.size

    def money(self, units: int) -> Decimal:
        """Return an exact amount in base currency."""
        return exact(units * self.size, RAW_PLACES, self.fineness)

    def money_squared(self, units: int) -> Decimal:
        """Return an exact amount in base currency, squared."""
        return exact(units * self.size**2, 2 * RAW_PLACES, self.fineness**2)


def exact(raw: int, places: int, divisor: int = 1) -> Decimal:
    """Return raw · 10^-places / divisor, where the divisor is a power of ten, without trailing zeros.

    >>> exact(2500, 3), exact(7000, 0)
    (Decimal('2.5'), Decimal('7000'))
    """
    shift = places if divisor == 1 else places + len(str(divisor)) - 1
    return plain(_WIDE.scaleb(Decimal(raw), -shift))


def plain(amount: Decimal) -> Decimal:
    """Return an amount without trailing zeros and without an exponent above 0.

    >>> plain(Decimal("2.50")), plain(Decimal("7E+3"))
    (Decimal('2.5'), Decimal('7000'))
    """
    amount = _WIDE.normalize(amount)
    return amount if amount != amount.to_integral_value() else _WIDE.quantize(amount, Decimal(1))
