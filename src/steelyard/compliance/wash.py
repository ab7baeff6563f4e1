"""Losses that trades would make and that would not count: those of their sales, and those that their purchases wash.

By `domain.wash_sale`, over all that was bought and sold before; what was disallowed without the trades is taken off.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction

from steelyard.compliance.holdings import Facts, Holdings, Trade
from steelyard.compliance.measure import Measure, Reading, Unit, Unmeasured, named
from steelyard.compliance.rule import Rule
from steelyard.domain.lot import Lot
from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up
from steelyard.domain.wash_sale import Sale, WashSales, identical_assets, match_wash_sales


def measure_wash_sales(
    rule: Rule, holdings: Holdings, trades: Sequence[Trade], facts: Facts
) -> Iterator[Reading]:
    """Measure the loss that trades make and that does not count: money of the base currency."""
    traded = tuple(sorted({trade.asset.asset_id for trade in trades}))
    if not traded:
        return
    unknown = sorted({trade.asset.asset_id for trade in trades if trade.quantity < 0 and trade.lots is None})
    if facts.lots is None or unknown:
        why = facts.no_lots or f"the lots of {named(unknown or traded)} are not known"
        yield Unmeasured(why=why, asset_ids=tuple(unknown or traded))
        return
    washed = _matched(rule, trades, facts)
    with localcontext(EXACT):
        disallowed = washed.disallowed - _matched(rule, (), facts, of=traded).disallowed
    about = {wash.sale.lot.asset_id for wash in washed.washed} if disallowed else set(traded)
    yield Measure(
        key="wash",
        subject="The loss that the trades make and that does not count",
        amount=Fraction(disallowed),
        of="",
        asset_ids=tuple(sorted(about)),
        unit=Unit.MONEY,
        currency=holdings.base_currency,
    )


def _matched(rule: Rule, trades: Sequence[Trade], facts: Facts, of: Sequence[str] = ()) -> WashSales:
    """Match losses of the assets that are traded, and of those that count as them."""
    groups = rule.settings.get("identical", ())
    names = of or [trade.asset.asset_id for trade in trades]
    same = frozenset[str]().union(*(identical_assets(name, groups) for name in names))
    sales = [sale for sale in facts.sales if sale.lot.asset_id in same]
    lots = [lot for lot in facts.lots or () if lot.asset_id in same]
    return match_wash_sales(
        [*sales, *(sale for trade in trades for sale in _sales(trade, facts))],
        [
            *lots,
            *(_bought(number, trade, facts) for number, trade in enumerate(trades) if trade.quantity > 0),
        ],
        days=rule.settings["days"],
        identical=groups,
    )


def _sales(trade: Trade, facts: Facts) -> Iterator[Sale]:
    """Give the sales of a trade, its proceeds, less what it costs, shared by units."""
    lots = trade.lots or ()
    with localcontext(EXACT):
        left, units = -trade.value - trade.cost, sum((lot.quantity for lot in lots), Decimal(0))
    for lot in lots:
        with localcontext(EXACT):
            share = (
                left if lot.quantity == units else round_half_up(left * lot.quantity / units, MONEY_PLACES)
            )
            left, units = left - share, units - lot.quantity
        yield Sale(lot, facts.day, share)


def _bought(number: int, trade: Trade, facts: Facts) -> Lot:
    with localcontext(EXACT):
        cost = trade.value + trade.cost
    return Lot(f"trade {number}", trade.asset.asset_id, trade.quantity, cost, facts.day)
