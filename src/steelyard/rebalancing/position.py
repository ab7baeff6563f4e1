"""An asset of a plan: as it came in, in raw money, and in the money units of the problem."""

from collections.abc import Mapping
from dataclasses import dataclass

from steelyard.domain.amount import read_amount
from steelyard.domain.money import major_currency
from steelyard.rebalancing.account import (
    Holding,
    OptionsConflictError,
    RangeError,
    of_asset,
    read_fraction,
    read_positive,
)
from steelyard.rebalancing.currency import Exchange
from steelyard.rebalancing.limits import NO_TRADE, Limits, StepCost
from steelyard.rebalancing.options import Options, Trading
from steelyard.rebalancing.problem import AssetRow, Piece
from steelyard.rebalancing.tax import TaxedSale, tax_pieces
from steelyard.rebalancing.units import AMOUNT_PLACES, ONE_AMOUNT, few_digits_up, scaled


@dataclass(frozen=True, slots=True)
class Counted:
    """An asset of the plan in raw money, units of 10^-RAW_PLACES of base currency.

    Attributes:
        holding: as it came in.
        quoted_in: the currency or quotation unit of the price.
        currency: the currency that is of.
        rate: base currency for one of that, units of 10^-20.
        step: quantity of one step, units of 10^-12.
        held: quantity held, units of 10^-12.
        value: money held of it.
        price: of one step.
        fee: of a trade.
        spread: half the spread of one step.
    """

    holding: Holding
    quoted_in: str
    currency: str
    rate: int
    step: int
    held: int
    value: int
    price: int
    fee: int
    spread: int


@dataclass(frozen=True, slots=True)
class PlanRow:
    """An asset of the plan in money units.

    Attributes:
        counted: the asset.
        value: money held of it.
        price: of one step.
        cost: of a trade.
        target: value it should have.
        low: least value without drift.
        high: most value without drift.
        limits: how far it may be traded.
        sales: what its sales cost in tax; None = tax is not asked about.
    """

    counted: Counted
    value: int
    price: int
    cost: StepCost
    target: int = 0
    low: int = 0
    high: int = 0
    limits: Limits = NO_TRADE
    sales: TaxedSale | None = None

    @property
    def asset_id(self) -> str:
        """The asset."""
        return self.counted.holding.asset_id

    @property
    def currency(self) -> str:
        """The currency it is paid in."""
        return self.counted.currency

    def aimed_at(self, target: int) -> "PlanRow":
        """Give it a target, without a band."""
        # written out, here and in Limits: dataclasses.replace takes three times as long, and there are many
        return PlanRow(
            self.counted, self.value, self.price, self.cost, target, target, target, self.limits, self.sales
        )

    def within(self, limits: Limits) -> "PlanRow":
        """Give it limits."""
        return PlanRow(
            self.counted,
            self.value,
            self.price,
            self.cost,
            self.target,
            self.low,
            self.high,
            limits,
            self.sales,
        )

    def is_outside(self) -> bool:
        """Whether it is out of its band now."""
        return not self.low <= self.value <= self.high

    def pieces(self) -> tuple[Piece, ...]:
        """Give the trades that are allowed; empty where the constraints exclude each other."""
        pieces = self.limits.pieces(self.price, self.cost)
        return pieces if self.sales is None else tax_pieces(pieces, self.sales)

    def problem_row(self) -> AssetRow:
        """State it for the search."""
        return AssetRow(self.value, self.price, self.low, self.high, self.pieces())

    def cash_used(self, steps: int) -> int:
        """Return the cash a trade takes; below 0 where it brings some."""
        return self.price * steps + self.charge(steps)

    def charge(self, steps: int) -> int:
        """Return what a trade costs."""
        return self.cost.fee + self.cost.per_step * abs(steps) if steps else 0


def count(holding: Holding, options: Options, exchange: Exchange) -> Counted:
    """Count one asset in raw money.

    Raises:
        AmountError, RangeError, OptionsConflictError, MissingRateError: an option of this asset is wrong.
    """
    asset_id, costs = holding.asset_id, options.costs
    code = exchange.quoted_in(asset_id)
    rate, step = exchange.rate(code), step_of(asset_id, options.trading)
    price, held = scaled(holding.price), scaled(holding.quantity)
    fee = read_positive(f"fee of {asset_id}", of_asset(costs.fee, asset_id) or 0)
    spread = read_fraction(f"spread of {asset_id}", of_asset(costs.spread, asset_id) or 0)
    half = few_digits_up(-(-price * step * scaled(spread) // (2 * ONE_AMOUNT)))
    return Counted(
        holding=holding,
        quoted_in=code,
        currency=major_currency(code),
        rate=rate,
        step=step,
        held=held,
        value=price * held * rate,
        price=price * step * rate,
        fee=scaled(fee) * ONE_AMOUNT * rate,
        spread=half * rate,
    )


def step_of(asset_id: str, trading: Trading) -> int:
    """Return the quantity of one step, units of 10^-12.

    Raises:
        AmountError, RangeError, OptionsConflictError: places or lot size are no such number, or both are given.
    """
    lot, given = of_asset(trading.lot_size, asset_id), trading.places
    places = given.get(asset_id, 0) if isinstance(given, Mapping) else given
    if type(places) is not int or not 0 <= places <= AMOUNT_PLACES:
        raise RangeError(f"places of {asset_id}", places, f"a whole number from 0 to {AMOUNT_PLACES}")
    if lot is None:
        return int(10 ** (AMOUNT_PLACES - places))
    if places:
        raise OptionsConflictError(f"places of {asset_id}", f"lot_size of {asset_id}")
    size = read_amount(f"lot_size of {asset_id}", lot)
    if size <= 0:
        raise RangeError(f"lot_size of {asset_id}", f"{size:f}", "above 0")
    return scaled(size)
