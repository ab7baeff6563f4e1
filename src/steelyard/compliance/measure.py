"""What a rule measures, and how it is said: a limit and a measure that never read the same where they differ."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from steelyard.compliance.holdings import Facts, Holdings, Trade
from steelyard.compliance.rule import Rule
from steelyard.domain.money import EXACT, round_half_up

MEASURE_PLACES: Final = 12
"""Decimal places of a measure in a finding; whether a limit is kept is decided before it is rounded."""

MOST_NAMED: Final = 3
_PERCENT_PLACES: Final = 2
_HUNDRED: Final = 100


class Unit(StrEnum):
    """What a measure counts."""

    FRACTION = "fraction"
    UNITS = "units"
    MONEY = "money"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Something measured, as the sentence "`subject` is `amount` `of`".

    Attributes:
        key: what it is about, to be compared before and after.
        subject, of: the words around the amount; `of` may be "".
        amount: exact.
        asset_ids: those that weigh most first.
        unit: of the amount.
        currency: of money; "" of anything else.
    """

    key: str
    subject: str
    amount: Fraction
    of: str
    asset_ids: tuple[str, ...]
    unit: Unit = Unit.FRACTION
    currency: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """Something that cannot be measured.

    Attributes:
        why: what is not known, and of what.
        asset_ids: of which assets.
        is_beyond: whether it certainly is beyond the limit all the same, whatever that is.
        key, extent: what it is about and how much of it there is, to be compared before and after; "" = it is not.
    """

    why: str
    asset_ids: tuple[str, ...]
    is_beyond: bool = False
    key: str = ""
    extent: Fraction = Fraction(0)


Reading = Measure | Unmeasured

MeasureRule = Callable[[Rule, Holdings, Sequence[Trade], Facts], Iterable[Reading]]
"""What a kind of rule measures of an account with trades made; nothing = there was nothing to measure."""


def rounded(amount: Fraction) -> Decimal:
    """Return an exact amount as a finding keeps it.

    >>> rounded(Fraction(1, 3))
    Decimal('0.333333333333')
    """
    quotient = EXACT.divide(Decimal(amount.numerator), Decimal(amount.denominator))
    return round_half_up(quotient, MEASURE_PLACES)


def words_for(amount: Fraction, measure: Measure, places: int = _PERCENT_PLACES) -> str:
    """Return an amount in the unit of a measure, with at most so many decimals, above 0.

    >>> words_for(Fraction(1, 8), Measure(key="", subject="", amount=Fraction(0), of="", asset_ids=()))
    '12.5 %'
    """
    factor = _HUNDRED if measure.unit is Unit.FRACTION else 1
    number = round_half_up(rounded(amount * factor), places)
    shown = f"{number:,f}".rstrip("0").rstrip(".")
    shown = "0" if shown == "-0" else shown
    if measure.unit is Unit.FRACTION:
        return f"{shown} %"
    return f"{shown} {measure.currency}" if measure.unit is Unit.MONEY else f"{shown} units"


def told_apart(amount: Fraction, bound: Fraction, measure: Measure) -> tuple[str, str]:
    """Return two amounts in words, with as many decimals as it takes for them to differ where they do.

    >>> near = Measure(key="", subject="", amount=Fraction(0), of="", asset_ids=())
    >>> told_apart(Fraction(250001, 1000000), Fraction(1, 4), near)
    ('25.0001 %', '25 %')
    """
    for places in range(_PERCENT_PLACES, MEASURE_PLACES + 1):
        one, other = words_for(amount, measure, places), words_for(bound, measure, places)
        if one != other or amount == bound:
            return one, other
    side = "over" if amount > bound else "under"
    return f"a trace {side} {other}", other


def named(asset_ids: Sequence[str]) -> str:
    """Return the first of some names, and how many more there are.

    >>> named(["A", "B", "C", "D", "E"])
    'A, B, C and 2 more'
    """
    shown = ", ".join(asset_ids[:MOST_NAMED])
    more = len(asset_ids) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
