"""How much cash an account keeps: a fraction of its value, or an amount."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from steelyard.compliance.concentration import OF_THE_ACCOUNT
from steelyard.compliance.holdings import Facts, Holdings, Trade
from steelyard.compliance.measure import Measure, Reading, Unit, Unmeasured, named
from steelyard.compliance.rule import Rule


def measure_cash(rule: Rule, holdings: Holdings, trades: Sequence[Trade], facts: Facts) -> Iterator[Reading]:
    """Measure the cash of all currencies together."""
    del trades, facts
    currency = rule.settings.get("currency", "")
    if currency:
        yield _amount(holdings, currency)
    elif holdings.positions or holdings.cash != 0:
        yield _fraction(holdings)


def _amount(holdings: Holdings, currency: str) -> Reading:
    if currency != holdings.base_currency:
        return Unmeasured(
            why=f"it is in {currency}, and the account in {holdings.base_currency}", asset_ids=()
        )
    if holdings.cash is None:
        return Unmeasured(why="the rate of a currency it holds is not known", asset_ids=())
    amount = Fraction(holdings.cash)
    return Measure(
        key="cash", subject="Cash", amount=amount, of="", asset_ids=(), unit=Unit.MONEY, currency=currency
    )


def _fraction(holdings: Holdings) -> Reading:
    value = holdings.value
    if value is None:
        return Unmeasured(why=f"no price or rate of {named(holdings.unvalued)} is known", asset_ids=())
    if value <= 0:
        why = f"the account is worth {value:f} {holdings.base_currency}, of which nothing is a share"
        return Unmeasured(why=why, asset_ids=(), is_beyond=(holdings.cash or 0) < 0)
    amount = Fraction(holdings.cash or 0) / Fraction(value)
    return Measure(key="cash", subject="Cash", amount=amount, of=OF_THE_ACCOUNT, asset_ids=())
