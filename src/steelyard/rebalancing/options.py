r"""What a user may ask of an allocation: the mode, the bands, and rules for cash, trading, locks, costs, currencies.

Amounts are `Decimal`, `int` or text of the form `-?\d{1,15}(\.\d{1,12})?`; a float is refused, because it seldom is
the number that was typed. An option of type `PerAsset` is one amount for every asset, or a dict from asset id to
amount for some.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from steelyard.domain.amount import Amount
from steelyard.rebalancing.tax_plan import TaxPlan

PerAsset = Amount | Mapping[str, Amount]


class Mode(StrEnum):
    """What the trades are for."""

    REBALANCE = "rebalance"
    """Come as close to the target as the constraints allow."""

    BUY_ONLY = "buy_only"
    """Invest the cash and sell nothing."""

    RAISE_CASH = "raise_cash"
    """Sell what is furthest above its target until the cash is there; buy nothing."""

    TAX_AWARE = "tax_aware"
    """As rebalance; tax counts beside drift, as it does in every mode where tax rules are given, and must be."""

    HARVEST_LOSSES = "harvest_losses"
    """As tax-aware; lots that have lost enough are sold, and their substitutes bought."""


class Objective(StrEnum):
    """How drift adds up."""

    L2 = "l2"
    """The sum of squared drift, money²."""

    L1 = "l1"
    """The sum of absolute drift, money."""


class BandRule(StrEnum):
    """How far an asset outside its band is brought back."""

    TARGET = "target"
    EDGE = "edge"


class Untargeted(StrEnum):
    """What happens to a position that has no target weight; a weight of 0 is one, and means sell."""

    KEEP = "keep"
    """It stays, is listed, and its value is not shared out."""

    SELL = "sell"
    """As a target weight of 0."""


@dataclass(frozen=True, slots=True)
class Band:
    """How much drift is tolerated; where both are given, the narrower of the two holds. A target of 0 has no band.

    Attributes:
        absolute: drift, a fraction of the whole: 0.05 around a target of 0.40 is 0.35 to 0.45.
        relative: drift, a fraction of the target weight: 0.25 around a target of 0.40 is 0.30 to 0.50.
        rule: whether an asset outside is measured to its target or to the nearer edge.
    """

    absolute: Amount | None = None
    relative: Amount | None = None
    rule: BandRule = BandRule.TARGET


@dataclass(frozen=True, slots=True)
class CashRules:
    """What cash is to be kept, in base currency.

    Attributes:
        floor: cash there must be afterwards. A bound only: targets are of the whole value.
        target: cash there should be; it is not shared out, and missing it is drift.
        weight: the same as a fraction of the whole; the target weights and this one sum to 1.
        retain_at_least: cash that is set aside: neither spent nor shared out.
        allocate_at_most: how much of the cash may be spent, net of sales; the rest is set aside.
    """

    floor: Amount = 0
    target: Amount | None = None
    weight: Amount | None = None
    retain_at_least: Amount | None = None
    allocate_at_most: Amount | None = None


@dataclass(frozen=True, slots=True)
class Trading:
    """In what quantities an asset trades.

    Attributes:
        places: decimal places of a quantity; 0 = whole shares.
        lot_size: quantities are multiples of it; in place of `places`.
        minimum_value: value below which there is no trade.
        minimum_quantity: quantity below which there is no trade.
        maximum_weight: the position may not be worth a larger fraction of the whole.
    """

    places: int | Mapping[str, int] = 0
    lot_size: PerAsset = field(default_factory=dict)
    minimum_value: PerAsset = 0
    minimum_quantity: PerAsset = 0
    maximum_weight: PerAsset = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Locks:
    """What may not be traded.

    Attributes:
        no_buy, no_sell: one side is closed.
        hold: both sides are closed, as the owner wants it.
        restricted: both sides are closed, as a rule wants it.
        substitutes: asset → the asset that is bought in its place where it may not be bought.
    """

    no_buy: Collection[str] = ()
    no_sell: Collection[str] = ()
    hold: Collection[str] = ()
    restricted: Collection[str] = ()
    substitutes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Costs:
    """What trading costs.

    Attributes:
        fee: fee of one trade, base currency.
        spread: distance of the ask from the bid, a fraction of the price; each side pays half.
        weight: drift one is ready to pay cost for: under L2 the squares of drift, as fractions, are added to weight ·
            costs and tax, as a fraction; under L1 drift in money to weight · costs and tax in money.
    """

    fee: PerAsset = 0
    spread: PerAsset = 0
    weight: Amount = 1


AT_LEAST_NO_DEBT: Final = CashRules()
WHOLE_UNITS: Final = Trading()
NO_LOCKS: Final = Locks()
NO_COSTS: Final = Costs()


@dataclass(frozen=True, slots=True)
class Currencies:
    """In which currency what is, and what may be converted.

    Attributes:
        base: the currency targets and totals are counted in.
        rates: currency → units of the base currency for one of it; above 0.
        of: asset → currency of its price; what is not named is in the base currency.
        convert: whether cash may be converted; if not, each currency pays for its own trades.
        spread: distance of ask from bid of a conversion, a fraction of the amount; each pays half.
    """

    base: str
    rates: Mapping[str, Amount] = field(default_factory=dict)
    of: Mapping[str, str] = field(default_factory=dict)
    convert: bool = False
    spread: Amount = 0


@dataclass(frozen=True, slots=True)
class Options:
    """What holds for the whole plan, read; `calculate_investment_allocation` says what each is."""

    mode: Mode
    objective: Objective
    untargeted: Untargeted
    allow_short: bool
    band: Band | None
    cash_rules: CashRules
    trading: Trading
    locks: Locks
    costs: Costs
    tax: TaxPlan | None = None
