"""The plan of a household: its accounts as they were read, stated as the exact problem in whole units of money."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from steelyard.domain.amount import Amount, read_amount
from steelyard.domain.lot import Lot
from steelyard.domain.wash_sale import identical_assets
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.account import Holding, read_positive
from steelyard.rebalancing.constraints import apply_band, limit_by_tax, limit_purchases, limit_sales
from steelyard.rebalancing.currency import ONE_CURRENCY
from steelyard.rebalancing.household_input import ReadAccount, ReadLocation
from steelyard.rebalancing.household_problem import AccountPart, HouseholdProblem, WashGroup
from steelyard.rebalancing.layout import merged
from steelyard.rebalancing.limits import Limits, StepCost
from steelyard.rebalancing.options import Mode, Options
from steelyard.rebalancing.position import Counted, PlanRow, count
from steelyard.rebalancing.problem import L1_SCALE, Piece
from steelyard.rebalancing.targets import share_whole
from steelyard.rebalancing.tax import barred_purchases, count_budget
from steelyard.rebalancing.tax_plan import TaxPlan, plan_tax
from steelyard.rebalancing.tax_rules import WashRules
from steelyard.rebalancing.trade import Bound
from steelyard.rebalancing.units import ONE_AMOUNT, ONE_RATE, MoneyUnit, scaled

_BOTH_WAYS: Final = Limits(-1, Bound.NOTHING_HELD, 1, Bound.CASH)


class WashDateError(InvalidInputError):
    """Wash sales are to be watched, and no account says when it trades."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "wash is given, and no account is taxable, so nothing says the trade date: leave wash out and lock "
            "what may not be bought (locks.no_buy)."
        )


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """One account of the plan.

    Attributes:
        account: as it was read.
        cash: now, less what is withdrawn, money units.
        floor: cash there must be then.
        rows: the assets of the household, what it holds of them, and how far it may trade them; targets and bands are
            those of the household.
        tax: its tax rules, applied; None where sales are not taxed.
    """

    account: ReadAccount
    cash: int
    floor: int
    rows: tuple[PlanRow, ...]
    tax: TaxPlan | None


@dataclass(frozen=True, slots=True)
class HouseholdPlan:
    """What is to be solved, and what turns the answer back.

    Attributes:
        unit: of money.
        rows: the assets of the household by asset id, over all accounts.
        accounts: its accounts, by account id.
        whole: value the weights are fractions of, money units.
        reserve: value that should be in cash.
        problem: the exact problem.
    """

    unit: MoneyUnit
    rows: tuple[PlanRow, ...]
    accounts: tuple[AccountPlan, ...]
    whole: int
    reserve: int
    problem: HouseholdProblem


@dataclass(frozen=True, slots=True)
class HouseholdRules:
    """What holds for all accounts.

    Attributes:
        options: bands, trading, costs.
        counts_cash: whether cash has a target.
        location: what holding costs.
        gains_budget: the most gain all accounts may realise; None = no limit.
        wash: wash sales; None = they are not watched.
    """

    options: Options
    counts_cash: bool
    location: ReadLocation
    gains_budget: Amount | None
    wash: WashRules | None


def make_household_plan(
    holdings: Sequence[Holding], accounts: Sequence[ReadAccount], rules: HouseholdRules
) -> HouseholdPlan:
    """State the plan of a household.

    Args:
        holdings: the assets by asset id, with what all accounts hold of them.
        accounts: the accounts, by account id.
        rules: what holds for all.

    Raises:
        AmountError, RangeError: an option is no such number.
        LotsMismatchError, TaxRuleError: the lots of an account do not make up its positions, a rate is none.
    """
    return _Draft(holdings, accounts, rules).plan()


class _Draft:
    """A plan in the making."""

    def __init__(
        self, holdings: Sequence[Holding], accounts: Sequence[ReadAccount], rules: HouseholdRules
    ) -> None:
        self._accounts = accounts
        self._rules = rules
        self._counted = [count(holding, rules.options, ONE_CURRENCY) for holding in holdings]
        self._barred = self._washing()
        self._raw_cash = [_raw(account.cash - account.withdrawal) for account in accounts]
        raw = [amount for each in self._counted for amount in (each.price, each.value, each.fee, each.spread)]
        parts = [_value(each, account) for each in self._counted for account in accounts]
        self._whole = sum(each.value for each in self._counted) + sum(self._raw_cash)
        self._unit = MoneyUnit.of([*raw, *parts, *self._raw_cash], self._whole)

    def plan(self) -> HouseholdPlan:
        """State it."""
        unit = self._unit
        whole, cash = unit.whole_units(self._whole), sum(map(unit.whole_units, self._raw_cash))
        shares = share_whole(whole, [scaled(each.holding.weight) for each in self._counted], 0, 0)
        rows = [_row(each, unit, target) for each, target in zip(self._counted, shares.assets, strict=True)]
        if self._rules.options.band is not None:
            idle = cash - shares.reserve
            rows = apply_band(rows, self._rules.options.band, max(whole, 0), idle, is_deposit=False)
        accounts = [
            self._account(account, rows, raw)
            for account, raw in zip(self._accounts, self._raw_cash, strict=True)
        ]
        problem = self._problem(rows, accounts, shares.reserve)
        return HouseholdPlan(unit, tuple(rows), tuple(accounts), whole, shares.reserve, problem)

    def _account(self, account: ReadAccount, rows: Sequence[PlanRow], raw_cash: int) -> AccountPlan:
        unit, tax = self._unit, self._tax(account)
        cash, floor = unit.whole_units(raw_cash), unit.up(_raw(account.floor))
        own = [self._own(row, account, tax) for row in rows]
        proceeds = sum(-row.limits.first * row.price for row in own)
        reach = max(cash + proceeds - floor, 0)
        limited = [
            replace(row, limits=self._limits(row, reach, is_only_bought=whole.limits.first == 0))
            for row, whole in zip(own, rows, strict=True)
        ]
        return AccountPlan(account, cash, floor, tuple(limited), tax)

    def _own(self, row: PlanRow, account: ReadAccount, tax: TaxPlan | None) -> PlanRow:
        """Return what one account holds of an asset, and how far it may sell it."""
        value = _value(row.counted, account)
        counted = replace(row.counted, held=_held(row.counted, account), value=value)
        own = replace(row, counted=counted, value=self._unit.whole_units(value))
        if tax is not None:
            sales = tax.sales(own.asset_id, held=counted.held, step=counted.step, unit=self._unit)
            own = replace(own, sales=sales)
        return replace(own, limits=limit_by_tax(own, limit_sales(own, Mode.REBALANCE, account.locks), tax))

    def _limits(self, row: PlanRow, reach: int, *, is_only_bought: bool) -> Limits:
        limits = row.limits.at_most(reach // row.price, Bound.CASH)
        limits = limits.at_most(0, Bound.WASH_SALE) if row.asset_id in self._barred else limits
        limits = limits.at_least(0, Bound.BAND) if is_only_bought else limits
        return limit_purchases(row, limits, self._rules.options.trading, 0)

    # ── Tax ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _washing(self) -> frozenset[str]:
        """Return what no account may buy: it lost in the last days."""
        wash, dates = self._rules.wash, [each.tax.trade_date for each in self._accounts if each.tax]
        if wash is None:
            return frozenset()
        if not dates:
            raise WashDateError
        assets = [each.holding.asset_id for each in self._counted]
        return barred_purchases(wash, assets, trade_date=dates[0])

    def _tax(self, account: ReadAccount) -> TaxPlan | None:
        if account.tax is None:
            return None
        wash = self._rules.wash
        if wash is not None:
            wash = replace(wash, other_lots=(*wash.other_lots, *self._lots_of_others(account)))
        rules = replace(account.tax, lots=_named(account), wash=wash)
        prices = {each.holding.asset_id: each.holding.price for each in self._counted}
        return plan_tax(rules, prices, {}, harvestable=None)

    def _lots_of_others(self, account: ReadAccount) -> Iterator[Lot]:
        for other in self._accounts:
            if other.account_id != account.account_id:
                yield from _named(other)

    # ── The exact problem ───────────────────────────────────────────────────────────────────────────────────

    def _problem(
        self, rows: Sequence[PlanRow], accounts: Sequence[AccountPlan], reserve: int
    ) -> HouseholdProblem:
        rules = self._rules
        limit = None
        if rules.gains_budget is not None:
            limit = count_budget(read_amount("gains_budget", rules.gains_budget))
        holding = [
            self._holding_cost(row.asset_id, row.value, plan) for plan in accounts for row in plan.rows
        ]
        return HouseholdProblem(
            low=tuple(row.low for row in rows),
            high=tuple(row.high for row in rows),
            accounts=tuple(self._part(plan) for plan in accounts),
            base_charge=sum(holding),
            cash_target=reserve if rules.counts_cash else None,
            gain_limit=limit,
            groups=() if rules.wash is None else wash_groups(rows, accounts, rules.wash),
        )

    def _part(self, plan: AccountPlan) -> AccountPart:
        return AccountPart(
            cash=plan.cash,
            cash_floor=plan.floor,
            values=tuple(row.value for row in plan.rows),
            prices=tuple(row.price for row in plan.rows),
            pieces=tuple(
                tuple(merged(tuple(self._charged(piece, row, plan) for piece in row.pieces())))
                for row in plan.rows
            ),
        )

    def _charged(self, piece: Piece, row: PlanRow, plan: AccountPlan) -> Piece:
        """Return a piece with its charges in objective units, what holding costs among them."""
        weight = scaled(read_positive("costs.weight", self._rules.options.costs.weight)) * L1_SCALE
        per_step = self._holding_cost(row.asset_id, row.price, plan)
        return replace(
            piece,
            charge_fixed=-(-weight * piece.charge_fixed // ONE_AMOUNT),
            charge_per_step=-(-weight * piece.charge_per_step // ONE_AMOUNT) + per_step,
        )

    def _holding_cost(self, asset_id: str, value: int, plan: AccountPlan) -> int:
        """Return what holding a value for the years that count costs in tax, objective units, rounded up."""
        location = self._rules.location
        rate = location.rates.get((asset_id, plan.account.treatment), 0)
        return -(-value * rate * location.years * L1_SCALE // ONE_AMOUNT**2)


def wash_groups(
    rows: Sequence[PlanRow], accounts: Sequence[AccountPlan], wash: WashRules
) -> tuple[WashGroup, ...]:
    """Return the assets of which purchases and losses exclude each other; groups that share an asset are one."""
    places = {row.asset_id: place for place, row in enumerate(rows)}
    groups: list[frozenset[str]] = []
    for asset_id in places:
        same = identical_assets(asset_id, wash.identical) & places.keys()
        joined = same.union(*(group for group in groups if group & same))
        groups = [*(group for group in groups if not group & same), joined]
    found = [_wash_group(sorted(places[name] for name in group), accounts) for group in groups]
    return tuple(group for group in found if group.free_of_loss)


def _wash_group(assets: Sequence[int], accounts: Sequence[AccountPlan]) -> WashGroup:
    free: dict[tuple[int, int], int] = {}
    for place, plan in enumerate(accounts):
        for asset in assets:
            least = _free_of_loss(plan.rows[asset], plan.tax)
            if least is not None:
                free[place, asset] = least
    return WashGroup(tuple(assets), free)


def _free_of_loss(row: PlanRow, tax: TaxPlan | None) -> int | None:
    """Return the lowest k at which no lot is sold at a loss; None where none ever is."""
    if tax is None or row.sales is None:
        return None
    units = 0
    for lot in row.sales.lots:
        if tax.taxation.is_loss(lot, tax.prices[row.asset_id]):
            return -(units // row.counted.step)
        units += scaled(lot.quantity)
    return None


def _row(counted: Counted, unit: MoneyUnit, target: int) -> PlanRow:
    """Return an asset of the household; its limits say no more than that it may be traded both ways."""
    cost = StepCost(unit.whole_units(counted.fee), unit.whole_units(counted.spread))
    value, price = unit.whole_units(counted.value), unit.whole_units(counted.price)
    return PlanRow(counted, value, price, cost, target, target, target, _BOTH_WAYS)


def _named(account: ReadAccount) -> list[Lot]:
    """Return the lots of an account, which say so."""
    lots = account.tax.lots if account.tax else ()
    return [replace(lot, account_id=account.account_id) for lot in lots]


def _held(counted: Counted, account: ReadAccount) -> int:
    return scaled(account.quantities.get(counted.holding.asset_id, Decimal(0)))


def _value(counted: Counted, account: ReadAccount) -> int:
    return scaled(counted.holding.price) * _held(counted, account) * counted.rate


def _raw(amount: Decimal) -> int:
    return scaled(amount) * ONE_AMOUNT * ONE_RATE
