"""What an allocation consists of: trades, conversions, lots sold, and what was not traded; each with its reason."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Bound(StrEnum):
    """What kept a trade from going further, or stopped it."""

    CASH = "cash"
    CASH_TARGET = "cash_target"
    NO_BUY = "no_buy"
    NO_SELL = "no_sell"
    HOLD = "hold"
    RESTRICTED = "restricted"
    MODE = "mode"
    NOTHING_HELD = "nothing_held"
    ZERO_TARGET = "zero_target"
    MINIMUM_VALUE = "minimum_value"
    MINIMUM_QUANTITY = "minimum_quantity"
    MAXIMUM_WEIGHT = "maximum_weight"
    STEP = "step"
    BAND = "band"
    UNTARGETED = "untargeted"
    UNPRICED = "unpriced"
    COST = "cost"
    GAINS = "gains"
    SHORT_TERM_GAIN = "short_term_gain"
    HARVEST = "harvest"
    WASH_SALE = "wash_sale"


@dataclass(frozen=True, slots=True)
class Trade:
    """A proposed trade.

    Attributes:
        asset_id: the asset.
        quantity: positive = bought, negative = sold.
        price: price of one, its own currency.
        currency: of the price; None where only one currency is spoken of.
        value: quantity × price in base currency, signed as the quantity.
        cost: fee and half the spread, base currency, 0 or above.
        tax: tax on the gains realised, base currency; negative = what realised losses save.
        bound: what kept it from going further; None = it goes as far as drift asks.
        reason: one sentence: why, and what bound it.
    """

    asset_id: str
    quantity: Decimal
    price: Decimal
    currency: str | None
    value: Decimal
    cost: Decimal
    tax: Decimal
    bound: Bound | None
    reason: str


@dataclass(frozen=True, slots=True)
class Conversion:
    """A currency trade, explicit because it costs and must be ordered.

    Attributes:
        sold_currency, sold: what leaves, above 0.
        bought_currency, bought: what arrives, above 0.
        cost: half the spread, base currency.
        reason: one sentence.
    """

    sold_currency: str
    sold: Decimal
    bought_currency: str
    bought: Decimal
    cost: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class LotSale:
    """Part of a lot that a trade sells.

    Attributes:
        asset_id, lot_id: which lot.
        quantity: how much of it, above 0.
        acquired: the day it was bought.
        proceeds, cost_basis: base currency; the gain is their difference.
        gain: negative = loss.
        is_long_term: whether the gain is taxed as long-term.
        tax: tax on the gain; negative = what the loss saves.
    """

    asset_id: str
    lot_id: str
    quantity: Decimal
    acquired: date
    proceeds: Decimal
    cost_basis: Decimal
    gain: Decimal
    is_long_term: bool
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Skipped:
    """An asset that is not traded, and why in one sentence."""

    asset_id: str
    bound: Bound | None
    reason: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Constraints that no answer keeps together.

    Attributes:
        asset_id: the asset they meet in; None where they meet in cash.
        constraints: their names.
        reason: one sentence: what is in conflict.
        remedies: the smallest changes, any one of which would help, one sentence each.
    """

    asset_id: str | None
    constraints: tuple[str, ...]
    reason: str
    remedies: tuple[str, ...]
