"""How much of an account was traded in a period, the trades that are judged included.

`lesser` counts the lesser of purchases and sales (SEC Form N-1A, item 13, instruction 4(d)), `half` half of both.
Either is divided by the value of the account on the day, which trades change by what they cost only.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final

from steelyard.compliance.concentration import OF_THE_ACCOUNT
from steelyard.compliance.holdings import ZERO, Facts, Holdings, PastTrade, Trade
from steelyard.compliance.measure import Measure, Reading, Unmeasured, named
from steelyard.compliance.rule import Rule
from steelyard.domain.money import EXACT

COUNTS: Final = ("lesser", "half")


def measure_turnover(
    rule: Rule, holdings: Holdings, trades: Sequence[Trade], facts: Facts
) -> Iterator[Reading]:
    """Measure what was bought and sold in the days up to the day that is judged: a fraction of the value."""
    past = _within(rule, facts)
    if facts.past_trades is None:
        yield Unmeasured(why="no transaction of the account is known", asset_ids=())
    elif unvalued := sorted({one.asset_id for one in past if one.value is None}):
        yield Unmeasured(
            why=f"the rate on the day of a trade of {named(unvalued)} is not known", asset_ids=tuple(unvalued)
        )
    elif amounts := [one.value or ZERO for one in past] + [trade.value for trade in trades]:
        yield _measured(rule, holdings, amounts, trades)


def _within(rule: Rule, facts: Facts) -> list[PastTrade]:
    """Return the trades of a period of some days, the one that is judged being the last."""
    since = facts.day - timedelta(days=rule.settings["days"] - 1)
    return [one for one in facts.past_trades or () if since <= one.trade_date <= facts.day]


def _measured(rule: Rule, holdings: Holdings, amounts: Sequence[Decimal], trades: Sequence[Trade]) -> Reading:
    value = holdings.value
    if value is None or value <= 0:
        return Unmeasured(why="the value of the account is not known, or not above 0", asset_ids=())
    with localcontext(EXACT):
        bought = sum((amount for amount in amounts if amount > 0), ZERO)
        sold = -sum((amount for amount in amounts if amount < 0), ZERO)
        lesser = rule.settings["counts"] == "lesser"
        turned = min(bought, sold) if lesser else (bought + sold) / 2
    heaviest = sorted(trades, key=lambda trade: (-abs(trade.value), trade.asset.asset_id))
    return Measure(
        key="turnover",
        subject=f"Turnover of {rule.settings['days']} days",
        amount=Fraction(turned) / Fraction(value),
        of=OF_THE_ACCOUNT,
        asset_ids=tuple(trade.asset.asset_id for trade in heaviest),
    )
