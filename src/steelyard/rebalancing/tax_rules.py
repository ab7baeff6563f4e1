"""What a user may ask about tax: rates, lots, a gains budget, wash sales and harvesting. No rate has a default."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from steelyard.domain.amount import Amount
from steelyard.domain.lot import HoldingRule, Lot, LotMethod
from steelyard.domain.wash_sale import Sale


@dataclass(frozen=True, slots=True)
class WashRules:
    """The window around a loss, and what the household did in it.

    A loss of the last `days` bars buying the asset, and what is substantially identical, in every account; a purchase
    of the last `days` bars selling it at a loss, unless what was bought is sold with it.

    Attributes:
        days: before and after a sale at a loss; 30 in the US (26 USC 1091).
        identical: groups of assets that are substantially identical.
        sales: what the taxable accounts of the household sold in the last `days`.
        other_lots: what the other accounts of the household hold; only the last `days` matter.
    """

    days: int
    identical: Sequence[Collection[str]] = ()
    sales: Sequence[Sale] = ()
    other_lots: Sequence[Lot] = ()


@dataclass(frozen=True, slots=True)
class TaxRules:
    """How the gains of an account are taxed.

    Attributes:
        trade_date: the day the trades are made.
        short_rate, long_rate: tax on gains, fractions of the gain, 0 or above. A loss saves at the same rate: there is
            a gain of its term elsewhere to set it against.
        holding: when a gain is long-term.
        method: which lots a sale takes first.
        lots: the lots of the account; those of an asset sum to its position.
        chosen: asset → lot id → units, for the method specific: only these are sold, in that order.
        gains_budget: the most gain, net of losses, the plan may realise; money. None = no limit.
        sells_short_term_gains: False = no lot is sold at a short-term gain.
        wash: wash sales; None = they are not watched.
        harvest_above: mode harvest_losses sells the lots that have lost at least this much, money above 0.
    """

    trade_date: date
    short_rate: Amount
    long_rate: Amount
    holding: HoldingRule
    method: LotMethod
    lots: Sequence[Lot]
    chosen: Mapping[str, Mapping[str, Amount]] = field(default_factory=dict)
    gains_budget: Amount | None = None
    sells_short_term_gains: bool = True
    wash: WashRules | None = None
    harvest_above: Amount | None = None
