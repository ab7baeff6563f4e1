"""The plan of one account: what came in as decimals, stated as the exact problem in whole units of money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from steelyard.domain.amount import read_amount
from steelyard.rebalancing.account import read_positive
from steelyard.rebalancing.constraints import apply_band, limit_by_tax, limit_purchases, limit_sales
from steelyard.rebalancing.currency import Exchange
from steelyard.rebalancing.limits import StepCost
from steelyard.rebalancing.options import CashRules, Mode, Objective, Options
from steelyard.rebalancing.position import Counted, PlanRow
from steelyard.rebalancing.problem import L1_SCALE, Norm, Problem
from steelyard.rebalancing.targets import hand_over, levels_after_sale, share_whole
from steelyard.rebalancing.tax import count_budget
from steelyard.rebalancing.tax_plan import TaxPlan
from steelyard.rebalancing.trade import Bound, LotSale
from steelyard.rebalancing.units import AMOUNT_PLACES, ONE_AMOUNT, MoneyUnit, exact, scaled

NORMS: Final = {Objective.L2: Norm.L2, Objective.L1: Norm.L1}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be solved, and what turns the answer back.

    Attributes:
        unit: of money.
        rows: the assets, by asset id.
        cash: by currency, money units.
        whole: value the weights are fractions of, money units.
        reserve: value that should be in cash.
        floor: cash there must be.
        cash_target: cash whose missing is drift; None = none is.
        norm: how drift is measured.
        charge_rate: objective units for one money unit of cost or tax.
        tax: tax rules; None = tax is not asked about.
    """

    unit: MoneyUnit
    rows: tuple[PlanRow, ...]
    cash: Mapping[str, int]
    whole: int
    reserve: int
    floor: int
    cash_target: int | None
    norm: Norm
    charge_rate: int
    tax: TaxPlan | None = None

    @property
    def gain_limit(self) -> int | None:
        """The most gain that may be realised, in the unit of gains; None = no limit."""
        budget = self.tax.taxation.gains_budget if self.tax else None
        return None if budget is None else count_budget(budget)

    def lots_sold(self, row: PlanRow, steps: int) -> tuple[LotSale, ...]:
        """Return which lots a trade sells; none where it buys, or tax is not asked about."""
        if self.tax is None or row.sales is None or steps >= 0:
            return ()
        return self.tax.sold(row.sales, row.asset_id, exact(-steps * row.counted.step, AMOUNT_PLACES))

    def problem(self) -> Problem:
        """State it for the search, all cash in one row."""
        return Problem(
            norm=self.norm,
            assets=tuple(row.problem_row() for row in self.rows),
            cash=sum(self.cash.values()),
            cash_floor=self.floor,
            cash_target=self.cash_target,
            charge_rate=self.charge_rate,
            gain_limit=self.gain_limit,
        )


@dataclass(frozen=True, slots=True)
class _Cash:
    """The rules for cash in raw money; `has_target` tells whether missing the target is drift."""

    floor: int
    target: int
    has_target: bool
    aside: int


def _cash_rules(rules: CashRules, cash: int, raw: int) -> _Cash:
    """Read them; `cash` is what there is in base currency and `raw` what 10^-12 of it is, both raw."""
    floor = scaled(read_amount("cash_rules.floor", rules.floor)) * raw
    target = scaled(read_positive("cash_rules.target", rules.target or 0)) * raw
    kept = scaled(read_positive("cash_rules.retain_at_least", rules.retain_at_least or 0)) * raw
    if rules.allocate_at_most is not None:
        spent = scaled(read_positive("cash_rules.allocate_at_most", rules.allocate_at_most)) * raw
        kept = max(kept, cash - spent)
    has_target = rules.target is not None or rules.weight is not None
    return _Cash(floor, target, has_target, max(min(kept, cash), 0))


def make_plan(
    counted: Sequence[Counted],
    cash: Mapping[str, Decimal],
    options: Options,
    exchange: Exchange,
    *,
    is_deposit: bool,
) -> Plan:
    """State the plan of an account.

    Args:
        counted: the assets, by asset id.
        cash: by currency, what is invested or withdrawn included.
        options: what the user asks.
        exchange: the currencies.
        is_deposit: whether money came in: it is invested even where no asset is out of its band.

    Raises:
        AmountError, RangeError, OptionsConflictError, MissingRateError: an option is wrong.
    """
    raw_cash = {code: scaled(amount) * ONE_AMOUNT * exchange.rate(code) for code, amount in cash.items()}
    rules = _cash_rules(
        options.cash_rules, raw_cash[exchange.base], ONE_AMOUNT * exchange.rate(exchange.base)
    )
    whole = sum(asset.value for asset in counted) + sum(raw_cash.values())
    amounts = [amount for asset in counted for amount in (asset.price, asset.value, asset.fee, asset.spread)]
    unit = MoneyUnit.of([*amounts, *raw_cash.values(), rules.target], whole)
    in_units = {code: unit.whole_units(raw) for code, raw in raw_cash.items()}
    return _Draft(unit, [_row(asset, unit, options.tax) for asset in counted], in_units, options, rules).plan(
        is_deposit=is_deposit
    )


def _row(asset: Counted, unit: MoneyUnit, tax: TaxPlan | None) -> PlanRow:
    cost = StepCost(unit.whole_units(asset.fee), unit.whole_units(asset.spread))
    row = PlanRow(asset, unit.whole_units(asset.value), unit.whole_units(asset.price), cost)
    if tax is None:
        return row
    sales = tax.sales(asset.holding.asset_id, held=asset.held, step=asset.step, unit=unit)
    return replace(row, sales=sales)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A plan in the making: everything counted, nothing decided yet."""

    unit: MoneyUnit
    rows: Sequence[PlanRow]
    cash: Mapping[str, int]
    options: Options
    rules: _Cash

    def plan(self, *, is_deposit: bool) -> Plan:
        cash = sum(self.cash.values())
        whole = sum(row.value for row in self.rows) + cash
        aside = self.unit.up(self.rules.aside)
        weights = [scaled(row.counted.holding.weight) for row in self.rows]
        shares = share_whole(whole, weights, self.unit.whole_units(self.rules.target), aside)
        floor, reserve = max(self.unit.up(self.rules.floor), aside), shares.reserve
        rows = self._limited(self._targeted(shares.assets), max(whole, 0), floor)
        cash_target = reserve if self.rules.has_target else None
        if self.options.mode is Mode.RAISE_CASH:
            floor = max(floor, reserve)
            cash_target = max(floor, cash)
            rows = _raising(rows, floor - cash)
        elif self.options.band is not None:
            idle = cash - max(reserve, floor)
            rows = apply_band(rows, self.options.band, max(whole, 0), idle, is_deposit=is_deposit)
        norm = NORMS[self.options.objective]
        rate = self._charge_rate(max(whole, 0))
        tax = self.options.tax
        return Plan(self.unit, tuple(rows), self.cash, whole, reserve, floor, cash_target, norm, rate, tax)

    def _charge_rate(self, whole: int) -> int:
        weight = scaled(read_positive("costs.weight", self.options.costs.weight))
        return -(-weight * (whole if self.options.objective is Objective.L2 else L1_SCALE) // ONE_AMOUNT)

    def _targeted(self, targets: list[int]) -> list[PlanRow]:
        """Give every asset its target, and a substitute what an asset that may not be bought lacks."""
        locks = self.options.locks
        places = {row.asset_id: place for place, row in enumerate(self.rows)}
        tax = self.options.tax
        values = [row.value - _harvest(row, tax) for row in self.rows]
        blocked = {*locks.no_buy, *locks.hold, *locks.restricted, *(tax.washing if tax else ())}
        for asset_id in sorted(blocked & locks.substitutes.keys() & places.keys()):
            if targets[places[asset_id]] > 0:
                hand_over(targets, values, places[asset_id], places[locks.substitutes[asset_id]])
        return [row.aimed_at(target) for row, target in zip(self.rows, targets, strict=True)]

    def _limited(self, rows: Sequence[PlanRow], whole: int, floor: int) -> list[PlanRow]:
        """Say how far each may be traded; nobody can buy more than all sales pay for."""
        mode, locks, trading = self.options.mode, self.options.locks, self.options.trading
        sales = [limit_by_tax(row, limit_sales(row, mode, locks), self.options.tax) for row in rows]
        proceeds = sum(-limits.first * row.price for limits, row in zip(sales, rows, strict=True))
        reach = max(sum(self.cash.values()) + proceeds - floor, 0)
        return [
            row.within(limit_purchases(row, limits.at_most(reach // row.price, Bound.CASH), trading, whole))
            for row, limits in zip(rows, sales, strict=True)
        ]


def _harvest(row: PlanRow, tax: TaxPlan | None) -> int:
    """Return the value that is sold for its losses, money units."""
    return row.price * (tax.harvested_units(row.asset_id) // row.counted.step) if tax else 0


def _raising(rows: Sequence[PlanRow], amount: int) -> list[PlanRow]:
    """Aim at what selling just the amount leaves, so that no more is sold than that."""
    least = [min(row.value, row.value + row.limits.first * row.price) for row in rows]
    levels = levels_after_sale([row.target for row in rows], [row.value for row in rows], least, amount)
    return [replace(row, low=level, high=level) for row, level in zip(rows, levels, strict=True)]
