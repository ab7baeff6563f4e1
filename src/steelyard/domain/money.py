"""Money: exact amounts, the currencies they are in, and the one place that rounds.

Amounts are `decimal.Decimal`. A price may be quoted in a fraction of a currency (pence); `major_currency` and
`units_per_major` say which. Source of the codes: ISO 4217, list one, with the quotation units exchanges use.
"""

from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_HALF_UP, Context, Decimal, localcontext
from functools import cache
from typing import Final

MONEY_PLACES: Final = 8
"""Decimal places of money at rest, `numeric(23,8)`."""

RATE_PLACES: Final = 18
"""Decimal places of a conversion rate between two currencies."""

EXACT: Final = Context(prec=120, rounding=ROUND_HALF_UP)
"""Wide enough that sums and products of stored numbers are exact."""

MINOR_CURRENCIES: Final = {"GBX": ("GBP", 100), "ZAC": ("ZAR", 100), "ILA": ("ILS", 100)}
"""Quotation units → (currency, units in one of the currency)."""

_IN_USE = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD
CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT
LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR
NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XAG
XAU XCD XOF XPD XPF XPT YER ZAR ZMW ZWG
"""
_WITHDRAWN_SINCE_1999 = """
ATS BEF CYP DEM EEK ESP FIM FRF GRD HRK IEP ITL LTL LUF LVL MTL NLG PTE ROL SIT SKK TRL ZWL
"""

_WITHOUT_CENTS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_WITH_MILS = "BHD IQD JOD KWD LYD OMR TND"

CURRENCIES: Final = frozenset(_IN_USE.split()) | frozenset(_WITHDRAWN_SINCE_1999.split())
"""ISO 4217 codes, those withdrawn since 1999 included because histories hold them."""


def round_half_up(amount: Decimal, places: int) -> Decimal:
    """Round to `places` decimals, ties away from zero, as PostgreSQL's `round(numeric)` does.

    >>> round_half_up(Decimal("2.345"), 2), round_half_up(Decimal("-2.345"), 2)
    (Decimal('2.35'), Decimal('-2.35'))
    """
    return amount.quantize(_last_place(places), context=EXACT)


def round_up(amount: Decimal, places: int) -> Decimal:
    """Round towards more to `places` decimals: a cost is never understated.

    >>> round_up(Decimal("2.341"), 2), round_up(Decimal("-2.349"), 2)
    (Decimal('2.35'), Decimal('-2.34'))
    """
    return amount.quantize(_last_place(places), rounding=ROUND_CEILING, context=EXACT)


@cache
def _last_place(places: int) -> Decimal:
    return Decimal(1).scaleb(-places)


def share_out(total: int, weights: Sequence[int], whole: int) -> list[int]:
    """Share `total` units in proportion, whole units each, by largest remainder (Hamilton's method).

    Args:
        total: units to share, 0 or above.
        weights: parts of `whole`; they sum to `whole`.
        whole: what the weights sum to, above 0.

    Returns:
        One share per weight; they sum to `total`, each is less than one unit off, and a weight of 0 has none. Of equal
        remainders the earlier takes the unit.

    >>> share_out(100, [1, 1, 1], 3), share_out(10, [0, 25, 75], 100)
    ([34, 33, 33], [0, 3, 7])
    """
    parts = [divmod(total * weight, whole) for weight in weights]
    shares = [share for share, _ in parts]
    by_remainder = sorted(range(len(parts)), key=lambda index: -parts[index][1])
    for index in by_remainder[: total - sum(shares)]:
        shares[index] += 1
    return shares


def spread(amount: Decimal, weights: Sequence[Decimal], places: int = MONEY_PLACES) -> list[Decimal]:
    """Spread an amount in proportion; each running total is rounded, so that nothing of the whole is lost.

    Args:
        amount: any sign, of at most `places` decimals.
        weights: above 0.
        places: decimals of every share but the last.

    >>> spread(Decimal(100), [Decimal(1), Decimal(1), Decimal(1)], 2)
    [Decimal('33.33'), Decimal('33.34'), Decimal('33.33')]
    """
    if len(weights) == 1:
        return [amount]
    shares: list[Decimal] = []
    with localcontext(EXACT):
        whole, so_far, given = sum(weights, Decimal(0)), Decimal(0), Decimal(0)
        for weight in weights:
            so_far += weight
            until = amount if so_far == whole else round_half_up(amount * so_far / whole, places)
            shares.append(until - given)
            given = until
    return shares


def is_currency(code: str) -> bool:
    """Whether `code` is an ISO 4217 code or a quotation unit of one.

    >>> is_currency("GBX"), is_currency("usd")
    (True, False)
    """
    return code in CURRENCIES or code in MINOR_CURRENCIES


def major_currency(code: str) -> str:
    """Return the currency that `code` is a unit of; a currency is its own.

    >>> major_currency("GBX"), major_currency("USD")
    ('GBP', 'USD')
    """
    return MINOR_CURRENCIES[code][0] if code in MINOR_CURRENCIES else code


def units_per_major(code: str) -> int:
    """Return how many units of `code` make one of its currency.

    >>> units_per_major("GBX"), units_per_major("USD")
    (100, 1)
    """
    return MINOR_CURRENCIES[code][1] if code in MINOR_CURRENCIES else 1


def minor_places(currency: str) -> int:
    """Return the decimals in which a currency is paid (ISO 4217, minor unit).

    >>> minor_places("USD"), minor_places("JPY"), minor_places("KWD")
    (2, 0, 3)
    """
    if currency in _WITHOUT_CENTS.split():
        return 0
    return 3 if currency in _WITH_MILS.split() else 2


def conversion_rate(from_units_per_eur: Decimal, to_units_per_eur: Decimal) -> Decimal:
    """Return how many units of the second currency one unit of the first is worth.

    Args:
        from_units_per_eur: units of the first currency for 1 EUR, above 0.
        to_units_per_eur: units of the second for 1 EUR, above 0.

    Returns:
        The rate with 18 decimals, half up; 1 when both are equal. The SQL function of the same name agrees.

    >>> conversion_rate(Decimal("0.8"), Decimal("1.2"))
    Decimal('1.500000000000000000')
    """
    with localcontext(EXACT):
        return round_half_up(to_units_per_eur / from_units_per_eur, RATE_PLACES)
