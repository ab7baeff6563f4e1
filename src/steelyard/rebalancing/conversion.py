"""Conversions: the currency trades that pay for trades in other currencies, explicit and never too small."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

from steelyard.domain.money import EXACT, MONEY_PLACES, round_up
from steelyard.rebalancing.currency import Exchange
from steelyard.rebalancing.trade import Conversion
from steelyard.rebalancing.units import RATE_PLACES, exact, plain

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Converted:
    """Conversions, and the cash after them.

    Attributes:
        conversions: to be made, those into the base currency first.
        cash: by currency; below 0 only where there is not enough of all.
        cost: base currency.
    """

    conversions: tuple[Conversion, ...]
    cash: Mapping[str, Decimal]
    cost: Decimal


def convert(cash: Mapping[str, Decimal], exchange: Exchange) -> Converted:
    """Convert so that no currency is overdrawn; what is over in a currency stays there.

    Every conversion has the base currency on one side. Amounts have 8 decimals: what is sold is rounded up, what is
    bought rounded down.

    Args:
        cash: by currency, after all trades; below 0 where it is to be bought.
        exchange: rates and spread.
    """
    left = dict(cash)
    with localcontext(EXACT):
        bought = [
            _buy(left, code, exchange) for code in sorted(left) if code != exchange.base and left[code] < 0
        ]
        others = sorted(
            left.keys() - {exchange.base}, key=lambda code: (-left[code] * _rate(code, exchange), code)
        )
        sold = [_sell(left, code, exchange) for code in others if left[exchange.base] < 0 < left[code]]
        cost = sum((conversion.cost for conversion in (*sold, *bought)), ZERO)
    return Converted((*sold, *bought), {code: plain(amount) for code, amount in left.items()}, cost)


def _rate(code: str, exchange: Exchange) -> Decimal:
    return exact(exchange.rate(code), RATE_PLACES)


def _buy(cash: dict[str, Decimal], code: str, exchange: Exchange) -> Conversion:
    """Pay a debt in `code` with the base currency."""
    rate, bought = _rate(code, exchange), plain(round_up(-cash[code], MONEY_PLACES))
    sold = plain(round_up(bought * rate * (1 + exchange.half_spread), MONEY_PLACES))
    cash[code] += bought
    cash[exchange.base] -= sold
    reason = f"Convert {sold:f} {exchange.base} into {bought:f} {code}: the purchases in {code} need it."
    return Conversion(exchange.base, sold, code, bought, plain(sold - bought * rate), reason)


def _sell(cash: dict[str, Decimal], code: str, exchange: Exchange) -> Conversion:
    """Pay the debt in the base currency with `code`, as far as there is any."""
    base, net = exchange.base, _rate(code, exchange) * (1 - exchange.half_spread)
    wanted = round_up(-cash[base], MONEY_PLACES)
    sold = plain(min(cash[code], round_up(wanted / net, MONEY_PLACES)))
    bought = plain(-round_up(-sold * net, MONEY_PLACES))
    cash[code] -= sold
    cash[base] += bought
    reason = f"Convert {sold:f} {code} into {bought:f} {base}: there is too little {base}."
    return Conversion(code, sold, base, bought, plain(sold * _rate(code, exchange) - bought), reason)
