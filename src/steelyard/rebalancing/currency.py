"""The currencies of an account: what an amount of each is worth in the base currency, exactly."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from steelyard.domain.amount import Amount, read_amount
from steelyard.domain.money import EXACT, is_currency, major_currency, units_per_major
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.account import RangeError, read_fraction
from steelyard.rebalancing.options import Currencies
from steelyard.rebalancing.units import ONE_RATE, RATE_PLACES, scaled_rate


class CurrencyError(InvalidInputError):
    """A code is no currency."""

    def __init__(self, where: str, code: object) -> None:
        """Name the place and the code."""
        super().__init__(f"{where} is {code!r}, which is no ISO 4217 currency: correct the code.")


class MissingRateError(InvalidInputError):
    """A currency of the account has no rate."""

    def __init__(self, currency: str, base: str) -> None:
        """Name the currency and the rate that is wanted."""
        super().__init__(
            f"{currency} has no rate: give Currencies.rates how many {base} one {currency} is worth."
        )


class CashCurrencyError(InvalidInputError):
    """Cash is given by currency, and nothing says which is the base."""

    def __init__(self) -> None:
        """Say what to give."""
        super().__init__("cash is given by currency: say in Currencies which one is the base, and the rates.")


@dataclass(frozen=True, slots=True)
class Exchange:
    """What may be in which currency.

    Attributes:
        base: the base currency; "" where only one is spoken of.
        rates: currency or quotation unit → base currency for one of it, units of 10^-20.
        of: asset → currency or quotation unit of its price.
        converts: whether cash may be converted.
        half_spread: what a conversion costs, a fraction of the amount.
    """

    base: str
    rates: Mapping[str, int]
    of: Mapping[str, str]
    converts: bool
    half_spread: Decimal

    def quoted_in(self, asset_id: str) -> str:
        """Return the currency or quotation unit of an asset's price."""
        return self.of.get(asset_id, self.base)

    def rate(self, code: str) -> int:
        """Return base currency for one `code`, units of 10^-20.

        Raises:
            MissingRateError: it was not given.
        """
        rate = self.rates.get(code) or self.rates.get(major_currency(code))
        if rate is None:
            raise MissingRateError(code, self.base)
        return rate if code in self.rates else rate // units_per_major(code)


ONE_CURRENCY = Exchange("", {"": ONE_RATE}, {}, converts=False, half_spread=Decimal(0))
"""Everything is in the base currency, whichever that is."""


def read_exchange(currencies: Currencies | None) -> Exchange:
    """Read the currencies of an account.

    Raises:
        CurrencyError, AmountError, RangeError: a code is no currency, a rate or the spread no such number.
    """
    if currencies is None:
        return ONE_CURRENCY
    base = _code("currencies.base", currencies.base)
    rates = {
        _code("a currency of the rates", code): _rate(code, rate) for code, rate in currencies.rates.items()
    }
    if rates.setdefault(base, ONE_RATE) != ONE_RATE:
        raise RangeError(f"rate of {base}", currencies.rates[base], "1, for it is the base currency")
    of = {asset_id: _code(f"currency of {asset_id}", code) for asset_id, code in currencies.of.items()}
    half = read_fraction("currencies.spread", currencies.spread) / 2
    return Exchange(base, rates, of, currencies.convert, half)


def read_cash(
    cash: Amount | Mapping[str, Amount], exchange: Exchange, invested: Decimal
) -> dict[str, Decimal]:
    """Return cash by currency, the base currency among them and what is invested added to it; below 0 = overdraft.

    Raises:
        CashCurrencyError, CurrencyError, AmountError: cash by currency without a base, a code or amount is none.
    """
    if not isinstance(cash, Mapping):
        return {exchange.base: read_amount("cash", cash) + invested}
    if not exchange.base:
        raise CashCurrencyError
    found = {exchange.base: invested}
    for code, amount in cash.items():
        currency = _code("a currency of cash", code)
        read = read_amount(f"cash in {currency}", amount)
        units = units_per_major(currency)
        major = major_currency(currency)
        found[major] = found.get(major, Decimal(0)) + EXACT.divide(read, Decimal(units))
    return found


def _code(where: str, code: str) -> str:
    if not isinstance(code, str) or not is_currency(code):
        raise CurrencyError(where, code)
    return code


def _rate(code: str, rate: Amount) -> int:
    read = rate if isinstance(rate, Decimal) and rate.is_finite() else read_amount(f"rate of {code}", rate)
    scaled = EXACT.scaleb(read, RATE_PLACES)
    if read <= 0 or scaled != scaled.to_integral_value():
        raise RangeError(f"rate of {code}", f"{read}", f"above 0, with at most {RATE_PLACES} decimals")
    return scaled_rate(read)
