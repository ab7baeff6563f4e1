"""What a field of a statement states: exact numbers, currencies, and whether the numbers of a row agree."""

import re
from decimal import Decimal, localcontext
from typing import Final

from steelyard.domain.asset import is_isin
from steelyard.domain.money import (
    EXACT,
    MONEY_PLACES,
    is_currency,
    major_currency,
    round_half_up,
    units_per_major,
)
from steelyard.errors import InvalidInputError
from steelyard.statements.record import Hint

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,40}(?:[.,][0-9]{0,40})?|[.,][0-9]{1,40})", re.ASCII)
_COULD_BE_A_THOUSAND: Final = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
_MINOR_SPELLINGS: Final = {"GBp": "GBX", "ZAc": "ZAC", "ILa": "ILA"}
_SHOWN: Final = 60


class RowError(InvalidInputError):
    """A row of a statement cannot be read as what it must be; it is refused and nothing else.

    Attributes:
        why: a clause with the field and the text that is wrong.
    """

    def __init__(self, why: str) -> None:
        """Say why."""
        self.why = why
        super().__init__(f"The row cannot be read: {why}.")


def read_number(field: str, text: str) -> Decimal:
    """Return an exact number; comma and point are decimal marks, and nothing groups digits.

    Args:
        field: what it is called in the file.
        text: as written.

    Raises:
        RowError: it is absent or no such number, or its comma could group thousands.

    >>> read_number("TRNAMT", "-200,29"), read_number("UNITS", "+0000000100.000")
    (Decimal('-200.29'), Decimal('100.000'))
    """
    if not text:
        raise RowError(f"`{field}` is absent or empty")
    if not _NUMBER.fullmatch(text):
        raise RowError(f"`{field}` is {text[:_SHOWN]!r}, no number")
    if _COULD_BE_A_THOUSAND.fullmatch(text):
        raise RowError(f"`{field}` is {text!r}, which some read as a thousand and some as a fraction")
    with localcontext(EXACT):
        return Decimal(text.replace(",", ".")) + 0  # + 0 turns -0 into 0


def read_number_or_zero(field: str, text: str) -> Decimal:
    """Return an exact number, 0 where the field is absent: only for what is then not charged.

    Raises:
        RowError: it is there and no number.

    >>> read_number_or_zero("FEES", "")
    Decimal('0')
    """
    return read_number(field, text) if text else Decimal(0)


def read_currency(field: str, text: str) -> str:
    """Return a currency or minor unit by its code.

    Raises:
        RowError: it is neither.

    >>> read_currency("CURDEF", "USD"), read_currency("currency", "GBp")
    ('USD', 'GBX')
    """
    code = _MINOR_SPELLINGS.get(text, text)
    if not is_currency(code):
        raise RowError(f"`{field}` is {text[:_SHOWN]!r}, no ISO 4217 code")
    return code


def in_major(amount: Decimal, currency: str) -> tuple[Decimal, str]:
    """Return an amount of a currency or minor unit in its currency, exactly.

    >>> in_major(Decimal("138.00"), "GBX"), in_major(Decimal(5), "USD")
    ((Decimal('1.3800'), 'GBP'), (Decimal('5'), 'USD'))
    """
    with localcontext(EXACT):
        units = units_per_major(currency)
        return (amount * Decimal(1).scaleb(-2) if units == 100 else amount / units), major_currency(currency)  # noqa: PLR2004  a hundred pence


def rounded(amount: Decimal) -> Decimal:
    """Return an amount as the ledger keeps it, in 8 decimals: for products, which have more.

    >>> rounded(Decimal("34650.000000013"))
    Decimal('34650.00000001')
    """
    whole = amount == amount.to_integral_value() or -int(amount.as_tuple().exponent) <= MONEY_PLACES
    return amount if whole else round_half_up(amount, MONEY_PLACES)


def product(quantity: Decimal, price: Decimal) -> Decimal:
    """Return quantity × price, exactly.

    >>> product(Decimal("0.1"), Decimal("27.3"))
    Decimal('2.73')
    """
    with localcontext(EXACT):
        return quantity * price


def agree(one: Decimal, other: Decimal) -> bool:
    """Whether two amounts that should be the same differ by rounding only: by no more than 1 % or one unit.

    >>> agree(Decimal("1000"), Decimal("1009")), agree(Decimal("1000"), Decimal("1011"))
    (True, False)
    """
    difference = abs(one - other)
    return difference <= 1 or difference * 100 <= max(abs(one), abs(other))


def check_agreement(quantity: Decimal, price: Decimal, amount: Decimal) -> None:
    """Refuse a row whose quantity × price is not its amount.

    Raises:
        RowError: they differ by more than 1 % and more than one unit; it says both.

    >>> check_agreement(Decimal(10), Decimal("25.5"), Decimal(255))
    """
    if not agree(product(quantity, price), amount):
        raise RowError(
            f"{quantity:f} x {price:f} is {product(quantity, price):f}, and the amount is {amount:f}"
        )


def make_hint(
    *,
    isin: str = "",
    symbol: str = "",
    name: str = "",
    currency: str = "",
    venue: str = "",
    cusip: str = "",
    kind: str = "",
) -> Hint:
    """Return a hint; an ISIN that is none stands in the name.

    >>> make_hint(isin="us0378331005", symbol="AAPL").isin, make_hint(isin="US037833100X", name="Apple").name
    ('US0378331005', 'Apple US037833100X')
    """
    isin = isin.upper()
    if isin and not is_isin(isin):
        isin, name = "", f"{name} {isin}".strip()
    return Hint(
        isin=isin, symbol=symbol, name=name, currency=currency, venue=venue, cusip=cusip.upper(), kind=kind
    )
