"""What rules look at: an account before and after trades, the trades themselves, and what happened before them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal, localcontext

from steelyard.domain.lot import Lot
from steelyard.domain.money import EXACT
from steelyard.domain.wash_sale import Sale

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Described:
    """An asset as rules see it.

    Attributes:
        asset_id: the asset.
        issuer, sector, country, asset_class: "" = not known, which no rule takes for a pass.
    """

    asset_id: str
    issuer: str = ""
    sector: str = ""
    country: str = ""
    asset_class: str = ""


@dataclass(frozen=True, slots=True)
class HeldAsset:
    """A position as rules see it.

    Attributes:
        asset: what it is.
        quantity: units, negative = short.
        value: in the account's base currency, signed as the quantity; None = no price or rate is known.
    """

    asset: Described
    quantity: Decimal
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Holdings:
    """An account at a moment.

    Attributes:
        account_id: the account.
        base_currency: of every value, ISO 4217.
        positions: without cash, without zeros, each asset once.
        cash: of all currencies together, negative = overdrawn; None = the rate of one is not known.
    """

    account_id: str
    base_currency: str
    positions: tuple[HeldAsset, ...]
    cash: Decimal | None

    @property
    def unvalued(self) -> tuple[str, ...]:
        """The assets without a value, in order; cash under its own name."""
        names = tuple(held.asset.asset_id for held in self.positions if held.value is None)
        return (*names, "cash") if self.cash is None else names

    @property
    def value(self) -> Decimal | None:
        """Positions and cash; None where something has no value."""
        if self.unvalued:
            return None
        with localcontext(EXACT):
            return sum((held.value or ZERO for held in self.positions), self.cash or ZERO)


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade as rules see it.

    Attributes:
        asset: what is traded.
        quantity: units, positive = bought, negative = sold.
        value: in the base currency, signed as the quantity.
        cost: what it costs, base currency, 0 or above.
        lots: what a sale takes, with their basis; None = not known.
    """

    asset: Described
    quantity: Decimal
    value: Decimal
    cost: Decimal = ZERO
    lots: tuple[Lot, ...] | None = None


@dataclass(frozen=True, slots=True)
class PastTrade:
    """A trade that was booked.

    Attributes:
        trade_date: its day.
        value: in the base currency at the rate of its day, positive = bought; None = no rate is known.
    """

    asset_id: str
    trade_date: date
    value: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What happened before, as far as a rule asks.

    Attributes:
        day: the day that is judged, on which trades are made.
        past_trades: of the account, before the trades that are judged; None = not known.
        volumes: asset → units traded in its last sessions before the day, the newest first.
        lots: every lot acquired before, by anybody whose purchases count, as it was then; None = not known.
        sales: every sale of those lots before.
        no_lots: why lots are not known; "" where nothing says.
    """

    day: date
    past_trades: tuple[PastTrade, ...] | None = None
    volumes: Mapping[str, Sequence[Decimal]] = field(default_factory=dict)
    lots: tuple[Lot, ...] | None = None
    sales: tuple[Sale, ...] = ()
    no_lots: str = ""


def apply_trades(before: Holdings, trades: Iterable[Trade]) -> Holdings:
    """Return what an account holds after trades, at the prices they are made at.

    A position without a value stays without one, whatever is traded of it; nothing traded, nothing changed.

    >>> fund = Described("VTI")
    >>> after = apply_trades(Holdings("A", "USD", (), Decimal(100)), [Trade(fund, Decimal(2), Decimal(60), Decimal(1))])
    >>> after.positions[0].quantity, after.positions[0].value, after.cash
    (Decimal('2'), Decimal('60'), Decimal('39'))
    """
    held = {one.asset.asset_id: one for one in before.positions}
    cash = before.cash
    with localcontext(EXACT):
        for trade in trades:
            one = held.get(trade.asset.asset_id, HeldAsset(trade.asset, ZERO, ZERO))
            value = None if one.value is None else one.value + trade.value
            held[trade.asset.asset_id] = replace(one, quantity=one.quantity + trade.quantity, value=value)
            cash = None if cash is None else cash - trade.value - trade.cost
    positions = tuple(one for one in held.values() if one.quantity)
    return replace(before, positions=positions, cash=cash)
