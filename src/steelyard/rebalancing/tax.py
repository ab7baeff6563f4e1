"""What selling an asset costs in tax: its lots, in the order they are sold, as runs of steps for the exact search.

Along the lots, tax and gain are straight lines with a bend at each lot. A step that takes the end of one lot and the
start of the next is counted as what it is. Amounts are exact until they become whole units, rounded up: at the end of
each lot once, and once for each step that is left of it. Tax and gain are never understated. Lots that may not be sold
leave a gap in the runs.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, localcontext
from typing import Final, TypeAlias

from steelyard.domain.amount import read_amount
from steelyard.domain.lot import (
    Lot,
    LotError,
    LotMethod,
    SaleExceedsLotsError,
    SaleTerms,
    TaxRates,
    order_lots,
    take_lots,
)
from steelyard.domain.money import EXACT
from steelyard.domain.wash_sale import identical_assets, is_within
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.problem import Piece
from steelyard.rebalancing.tax_rules import TaxRules, WashRules
from steelyard.rebalancing.trade import Bound, LotSale
from steelyard.rebalancing.units import AMOUNT_PLACES, ONE_AMOUNT, RAW_PLACES, MoneyUnit, plain, scaled

_Key: TypeAlias = tuple[str, str, str]

_BASIS_PLACES: Final = RAW_PLACES - AMOUNT_PLACES
"""What turns a basis, counted in 10^-12, into raw units."""

GAIN_UNIT: Final = MoneyUnit(10 ** (RAW_PLACES - 4), 1)
"""What gains are counted in, whatever the money unit of a plan: a ten-thousandth, so that a budget is met exactly."""

NO_WASH_SALES: Final = WashRules(days=-1)


class TaxRuleError(InvalidInputError):
    """A rule about tax is out of its range."""

    def __init__(self, item: str, value: object, rule: str) -> None:
        """Name the rule, its value and the range."""
        super().__init__(f"{item} is {value}: it must be {rule}.")


class LotsMismatchError(InvalidInputError):
    """The lots of an asset do not make up its position."""

    def __init__(self, asset_id: str, position: Decimal, lots: Decimal) -> None:
        """Name the asset and both quantities."""
        super().__init__(
            f"The lots of {asset_id} hold {lots:f} and its position is {position:f}: correct either."
        )


@dataclass(frozen=True, slots=True)
class Taxation:
    """Tax rules, read and checked.

    Attributes:
        rules: as they came in.
        rates: the rates and the rule that tells which applies.
        lots: asset → its lots.
        chosen: asset → lot id → units, for the method specific.
        gains_budget: the most gain the plan may realise; None = no limit.
        harvest_above: the least loss a lot is harvested for; None = losses are not harvested.
        wash: wash sale rules, of other lots the recent ones; a window of -1 days where they are not watched.
    """

    rules: TaxRules
    rates: TaxRates
    lots: Mapping[str, Sequence[Lot]]
    chosen: Mapping[str, Mapping[str, Decimal]]
    gains_budget: Decimal | None
    harvest_above: Decimal | None
    wash: WashRules

    def is_loss(self, lot: Lot, price: Decimal) -> bool:
        """Whether a lot is sold below its basis."""
        return EXACT.multiply(price, lot.quantity) < lot.basis

    def rate(self, lot: Lot) -> Decimal:
        """Return the rate on the gain of a lot that is sold on the trade date."""
        return self.rates.on(lot.held_since, sold=self.rules.trade_date)

    def is_barred_gain(self, lot: Lot, price: Decimal) -> bool:
        """Whether a lot would realise a short-term gain, and those are not to be realised."""
        may_be_short = self.rules.sells_short_term_gains or self.is_long_term(lot)
        return not may_be_short and EXACT.multiply(price, lot.quantity) > lot.basis

    def is_long_term(self, lot: Lot) -> bool:
        """Whether a lot is sold long-term on the trade date."""
        return self.rates.holding.is_long_term(lot.held_since, sold=self.rules.trade_date)

    def may_sell(self, lot: Lot) -> bool:
        """Whether the user lets the whole of a lot be sold: the method specific sells what is chosen only."""
        if self.rules.method is not LotMethod.SPECIFIC:
            return True
        return self.chosen.get(lot.asset_id, {}).get(lot.lot_id) == lot.quantity

    def is_recent(self, lot: Lot) -> bool:
        """Whether a lot would replace what is sold at a loss on the trade date; each does so once."""
        return not lot.carried_loss and is_within(self.wash.days, lot.acquired, self.rules.trade_date)


@dataclass(frozen=True, slots=True)
class TaxRun:
    """Steps sold over which tax and gain are straight lines.

    Attributes:
        first, last: steps, first <= last < 0.
        charge_fixed, charge_per_step: tax is charge_fixed + charge_per_step · k, money units; negative = saved.
        gain_fixed, gain_per_step: the gain in the same form, in `GAIN_UNIT`; negative = loss.
    """

    first: int
    last: int
    charge_fixed: int
    charge_per_step: int
    gain_fixed: int
    gain_per_step: int


@dataclass(frozen=True, slots=True)
class TaxedSale:
    """What the sales of one asset may be, and what they cost in tax.

    Attributes:
        lots: in the order they are sold.
        runs: in rising order of steps; a step that stands in none may not be sold.
        bound: why steps are missing; None where none are.
    """

    lots: tuple[Lot, ...]
    runs: tuple[TaxRun, ...]
    bound: Bound | None

    @property
    def most_steps(self) -> int:
        """How many steps may be sold at most."""
        return -self.runs[0].first if self.runs else 0


def read_tax(rules: TaxRules) -> Taxation:
    """Return tax rules as exact numbers, the lots by asset.

    Raises:
        AmountError, TaxRuleError: an amount is no exact number, or out of its range.
        LotError: a lot is bought after the trade date.
    """
    rates = TaxRates(
        _rate("short_rate", rules.short_rate), _rate("long_rate", rules.long_rate), rules.holding
    )
    chosen = {
        asset_id: {
            lot_id: read_amount(f"chosen of lot {lot_id}", units) for lot_id, units in of_asset.items()
        }
        for asset_id, of_asset in rules.chosen.items()
    }
    budget = None if rules.gains_budget is None else read_amount("gains_budget", rules.gains_budget)
    least = None if rules.harvest_above is None else read_amount("harvest_above", rules.harvest_above)
    if least is not None and least <= 0:
        raise TaxRuleError("harvest_above", f"{least:f}", "an amount above 0, the least loss worth a sale")
    if rules.wash is not None and rules.wash.days < 0:
        raise TaxRuleError("days of the wash sale window", rules.wash.days, "0 or above")
    wash = rules.wash or NO_WASH_SALES
    recent = tuple(lot for lot in wash.other_lots if is_within(wash.days, lot.acquired, rules.trade_date))
    lots = _lots_by_asset(rules.lots, rules.trade_date)
    return Taxation(rules, rates, lots, chosen, budget, least, replace(wash, other_lots=recent))


def _lots_by_asset(lots: Iterable[Lot], trade_date: date) -> dict[str, list[Lot]]:
    found: dict[str, list[Lot]] = {}
    for lot in lots:
        if lot.acquired > trade_date:
            raise LotError(
                lot.asset_id, lot.lot_id, f"is bought on {lot.acquired}, after the trade date {trade_date}"
            )
        for name in ("quantity", "cost", "carried_loss"):
            read_amount(f"{name} of lot {lot.lot_id} of {lot.asset_id}", getattr(lot, name))
        found.setdefault(lot.asset_id, []).append(lot)
    return found


def count_budget(budget: Decimal) -> int:
    """Return the most gain, in the unit gains are counted in, rounded down."""
    return GAIN_UNIT.down(scaled(budget) * 10**_BASIS_PLACES)


def barred_purchases(wash: WashRules, assets: Iterable[str], *, trade_date: date) -> frozenset[str]:
    """Return the assets whose purchase would wash a loss of the last days, whatever account buys.

    Args:
        wash: the window, the groups, and what the household sold.
        assets: the assets to ask about.
        trade_date: the day of the purchase.
    """
    losses = [
        identical_assets(sale.lot.asset_id, wash.identical)
        for sale in wash.sales
        if sale.gain < 0 and is_within(wash.days, sale.sold, trade_date)
    ]
    return frozenset(asset for asset in assets if any(asset in loss for loss in losses))


def recent_purchases(asset_id: str, taxation: Taxation) -> list[Lot]:
    """Return the lots of an asset, and of what counts as it, that would replace it if it were sold at a loss."""
    all_lots = (*taxation.lots.get(asset_id, ()), *_elsewhere(asset_id, taxation))
    return [lot for lot in all_lots if taxation.is_recent(lot)]


def is_washed(lots: Sequence[Lot], taxation: Taxation) -> bool:
    """Whether selling lots of one asset at a loss, and nothing else of it, is a wash sale."""
    sold = {_key(lot) for lot in lots}
    left = {_key(lot) for lot in recent_purchases(lots[0].asset_id, taxation)} - sold
    return _washes(sold, left)


def tax_sales(
    asset_id: str,
    taxation: Taxation,
    *,
    position: Decimal,
    price: Decimal,
    step: Decimal,
    unit: MoneyUnit,
    first: Collection[str] = (),
) -> TaxedSale:
    """Return which steps of an asset may be sold, and the tax and gain of each.

    Args:
        asset_id: the asset.
        taxation: rules and lots.
        position: units held.
        price: of one unit, base currency; costs of trading are not taken off, so that gains are not understated.
        step: units of one step, above 0.
        unit: the unit of money that tax is counted in.
        first: lots that are sold before all others, whatever the method.

    Raises:
        LotsMismatchError: the lots do not sum to the position.
        UnknownLotError, SaleExceedsLotsError, MixedLotsError, LotError: as in `domain.lot`.
    """
    held = taxation.lots.get(asset_id, ())
    with localcontext(EXACT):
        total = sum((lot.quantity for lot in held), Decimal(0))
    if total != position:
        raise LotsMismatchError(asset_id, position, total)
    lots, kept = _selling_order(asset_id, taxation, price)
    lots = tuple(sorted(lots, key=lambda lot: lot.lot_id not in first))
    recent = [lot for lot in (*kept, *_elsewhere(asset_id, taxation)) if taxation.is_recent(lot)]
    stretches = list(_stretches(lots, recent, taxation, price))
    per_step = scaled(step)
    runs = [run for stretch in stretches for run in stretch.runs(per_step, unit)]
    bound = next((stretch.bound for stretch in stretches if stretch.bound), None)
    return TaxedSale(lots, tuple(reversed(runs)), bound if lots or not held else Bound.NO_SELL)


def tax_pieces(pieces: Iterable[Piece], sales: TaxedSale) -> tuple[Piece, ...]:
    """Return pieces with the tax and gain of what they sell; steps that may not be sold are cut out.

    >>> run = TaxRun(-3, -1, charge_fixed=0, charge_per_step=-2, gain_fixed=0, gain_per_step=-10)
    >>> tax_pieces([Piece(-9, -2, 0, 50), Piece(0, 0, 0, 0)], TaxedSale((), (run,), Bound.WASH_SALE))[0]
    Piece(first=-3, last=-2, cash_fixed=0, cash_per_step=50, charge_fixed=0, charge_per_step=-2, gain_fixed=0, \
gain_per_step=-10)
    """
    return tuple(taxed for piece in pieces for taxed in _taxed(piece, sales.runs))


def _taxed(piece: Piece, runs: Sequence[TaxRun]) -> Iterator[Piece]:
    if piece.first >= 0:
        yield piece
        return
    for run in runs:
        first, last = max(piece.first, run.first), min(piece.last, run.last)
        if first <= last:
            yield replace(
                piece,
                first=first,
                last=last,
                charge_fixed=piece.charge_fixed + run.charge_fixed,
                charge_per_step=piece.charge_per_step + run.charge_per_step,
                gain_fixed=piece.gain_fixed + run.gain_fixed,
                gain_per_step=piece.gain_per_step + run.gain_per_step,
            )


def lots_sold(sales: TaxedSale, quantity: Decimal, price: Decimal, taxation: Taxation) -> tuple[LotSale, ...]:
    """Return which lots a sale of `quantity` units at `price` takes, with the gain and the exact tax of each."""
    return tuple(_lot_sale(lot, price, taxation) for lot in take_lots(sales.lots, quantity).taken)


def _lot_sale(lot: Lot, price: Decimal, taxation: Taxation) -> LotSale:
    with localcontext(EXACT):
        proceeds = price * lot.quantity
        gain = proceeds - lot.basis
        tax = gain * taxation.rate(lot)
    return LotSale(
        asset_id=lot.asset_id,
        lot_id=lot.lot_id,
        quantity=plain(lot.quantity),
        acquired=lot.acquired,
        proceeds=plain(proceeds),
        cost_basis=plain(lot.basis),
        gain=plain(gain),
        is_long_term=taxation.is_long_term(lot),
        tax=plain(tax),
    )


# ── The order of the lots, and which of them may not be sold ────────────────────────────────────────────────


def _selling_order(asset_id: str, taxation: Taxation, price: Decimal) -> tuple[tuple[Lot, ...], list[Lot]]:
    """Return the lots that may be sold, in order, and what is kept for good."""
    lots, rules = taxation.lots.get(asset_id, ()), taxation.rules
    if rules.method is LotMethod.SPECIFIC:
        return _chosen(lots, taxation.chosen.get(asset_id, {}))
    terms = SaleTerms(price, rules.trade_date, taxation.rates)
    ordered = order_lots(lots, rules.method, terms=terms)
    if rules.method is LotMethod.MINIMUM_TAX:
        ordered = _around_barred(ordered, taxation, price)
    return ordered, []


def _chosen(lots: Sequence[Lot], chosen: Mapping[str, Decimal]) -> tuple[tuple[Lot, ...], list[Lot]]:
    sold: list[Lot] = []
    kept: list[Lot] = []
    for lot in order_lots(lots, LotMethod.SPECIFIC, chosen=chosen):
        units = chosen.get(lot.lot_id, Decimal(0))
        if units < 0 or units > lot.quantity:
            raise SaleExceedsLotsError(f"lot {lot.lot_id!r} of {lot.asset_id}", units, lot.quantity)
        match = take_lots([lot], units)
        sold += match.taken
        kept += match.left
    return tuple(sold), kept


def _around_barred(lots: Sequence[Lot], taxation: Taxation, price: Decimal) -> tuple[Lot, ...]:
    """Put lots that may not be sold last: the method that seeks the least tax is free to go around them."""
    own = [lot for lot in lots if taxation.is_recent(lot)]
    elsewhere = (
        any(taxation.is_recent(lot) for lot in _elsewhere(lots[0].asset_id, taxation)) if lots else False
    )

    def rank(lot: Lot) -> int:
        if taxation.is_barred_gain(lot, price):
            return 2
        washes = elsewhere or any(other is not lot for other in own)
        return int(washes and taxation.is_loss(lot, price))

    return tuple(sorted(lots, key=rank))


def _elsewhere(asset_id: str, taxation: Taxation) -> list[Lot]:
    """Return the lots that count as the asset's: in other accounts, and of identical assets in this one."""
    same = identical_assets(asset_id, taxation.wash.identical)
    here = [lot for other in same - {asset_id} for lot in taxation.lots.get(other, ())]
    return [*here, *(lot for lot in taxation.wash.other_lots if lot.asset_id in same)]


# ── From lots to steps ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Stretch:
    """One lot in the order of sale, all in whole numbers: quantities in 10^-12, money in 10^-12 of a raw unit.

    Attributes:
        start, end: units sold before it, and with it.
        gain_before, tax_before: of the lots before it.
        gain, tax: of the lot.
        bound: why it may not be sold; None where it may.
        is_end_only: whether it may be sold as a whole only.
    """

    start: int
    end: int
    gain_before: int
    tax_before: int
    gain: int
    tax: int
    bound: Bound | None
    is_end_only: bool

    def runs(self, step: int, unit: MoneyUnit) -> Iterator[TaxRun]:
        """Give the run of steps that end in this lot; none where there are none, or where it may not be sold."""
        first, last = self.start // step + 1, self.end // step
        if self.is_end_only:
            first = last if last * step == self.end else last + 1
        if self.bound is None and first <= last:
            charge = self._line(last, step, unit, self.tax_before, self.tax)
            gain = self._line(last, step, GAIN_UNIT, self.gain_before, self.gain)
            yield TaxRun(-last, -first, *charge, *gain)

    def _line(self, last: int, step: int, unit: MoneyUnit, before: int, whole: int) -> tuple[int, int]:
        """Return the line over k = -steps through the last step of the run, rounded up there and for each step less."""
        width = self.end - self.start
        down = unit.size * ONE_AMOUNT * width
        at_last = before * width + whole * (last * step - self.start)
        per_step = whole * step * unit.fineness // down
        return -(-at_last * unit.fineness // down) - per_step * last, -per_step


def _stretches(
    lots: Sequence[Lot], recent: Sequence[Lot], taxation: Taxation, price: Decimal
) -> Iterator[_Stretch]:
    watch = _WashWatch(lots, recent, taxation)
    units = gain_before = tax_before = 0
    is_blocked = False
    for lot in lots:
        gain = _raw_gain(lot, price)
        tax = gain // ONE_AMOUNT * scaled(taxation.rate(lot))
        is_blocked = is_blocked or taxation.is_barred_gain(lot, price)
        is_washed, is_end_only = watch.sell(lot, is_loss=gain < 0)
        bound = Bound.SHORT_TERM_GAIN if is_blocked else Bound.WASH_SALE if is_washed else None
        end = units + scaled(lot.quantity)
        yield _Stretch(units, end, gain_before, tax_before, gain, tax, bound, is_end_only)
        units, gain_before, tax_before = end, gain_before + gain, tax_before + tax


def _raw_gain(lot: Lot, price: Decimal) -> int:
    proceeds = int(EXACT.scaleb(price, _BASIS_PLACES)) * scaled(lot.quantity)
    basis: int = scaled(lot.basis) * 10**_BASIS_PLACES
    return (proceeds - basis) * ONE_AMOUNT


class _WashWatch:
    """Follows a sale lot by lot: is there a loss in it, and a recent purchase left that would replace it?

    What is left of a lot does not replace what is sold of the same lot (Rev. Rul. 56-602); so a recent lot that is
    sold after a loss must be sold as a whole, or what is left of it replaces the loss.
    """

    def __init__(self, lots: Sequence[Lot], recent: Sequence[Lot], taxation: Taxation) -> None:
        self._left = {_key(lot) for lot in lots if taxation.is_recent(lot)}
        self._kept = {_key(lot) for lot in recent}
        self._losses: set[_Key] = set()

    def sell(self, lot: Lot, *, is_loss: bool) -> tuple[bool, bool]:
        """Return whether selling of the lot washes a loss, and whether selling less than all of it does."""
        key = _key(lot)
        is_partly_washed = key in self._left and bool(self._losses)
        self._left.discard(key)
        if is_loss:
            self._losses.add(key)
        return _washes(self._losses, self._left | self._kept), is_partly_washed


def _washes(losses: set[_Key], replacements: set[_Key]) -> bool:
    """Whether a replacement is of another lot than a loss; what is left of a lot does not replace it."""
    return bool(losses and replacements) and len(losses | replacements) > 1


def _key(lot: Lot) -> _Key:
    return lot.account_id, lot.asset_id, lot.lot_id


def _rate(item: str, value: object) -> Decimal:
    rate = read_amount(item, value)
    if not 0 <= rate <= 1:
        raise TaxRuleError(item, f"{rate:f}", "a fraction of the gain, from 0 to 1")
    return rate
