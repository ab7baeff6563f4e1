"""The trades that bring one account closest to its target, and the proof that none are better.

`calculate_investment_allocation` reads dicts of exact numbers, states the problem in whole units of money
(`problem.Problem`), has it searched (`search.solve`), and gives back Decimals with a reason for every trade.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Final

from steelyard.domain.amount import Amount, read_amount
from steelyard.domain.money import EXACT
from steelyard.rebalancing.account import Holding, read_holdings, read_options, read_targets
from steelyard.rebalancing.conflict import find_conflicts
from steelyard.rebalancing.currency import Exchange, read_cash, read_exchange
from steelyard.rebalancing.drift import calculate_drift, calculate_weights
from steelyard.rebalancing.explanation import Why, explain, summarize
from steelyard.rebalancing.options import (
    AT_LEAST_NO_DEBT,
    NO_COSTS,
    NO_LOCKS,
    WHOLE_UNITS,
    Band,
    CashRules,
    Costs,
    Currencies,
    Locks,
    Mode,
    Objective,
    Options,
    Trading,
    Untargeted,
)
from steelyard.rebalancing.outcome import Outcome
from steelyard.rebalancing.plan import Plan, make_plan
from steelyard.rebalancing.position import Counted, PlanRow, count
from steelyard.rebalancing.problem import L1_SCALE, Norm, Status
from steelyard.rebalancing.solving import split
from steelyard.rebalancing.tax_plan import TaxNeededError, TaxPlan, base_price, plan_tax
from steelyard.rebalancing.tax_rules import TaxRules
from steelyard.rebalancing.trade import Bound, Conflict, Conversion, LotSale, Skipped, Trade
from steelyard.rebalancing.units import AMOUNT_PLACES, RATE_PLACES, exact, plain
from steelyard.rebalancing.unwashed import settle_unwashed

ZERO: Final = Decimal(0)

_NOT_BINDING: Final = {Bound.BAND, Bound.STEP, Bound.UNTARGETED}


@dataclass(frozen=True, slots=True)
class Allocation:
    """Trades, what they lead to, and what is known of them.

    Money is in base currency. Weights and drift are fractions of the value the plan is about: targeted positions and
    cash, `investment_amount` included; what the weights leave to 1 is cash. Drift = weight − target weight.

    Attributes:
        trades: what to buy and sell, by asset id; empty where infeasible.
        conversions: currency trades, to be made first.
        lots: which lots the sales take.
        skipped: assets that are not traded, each with its reason.
        weights_before, weights_after: asset → weight.
        drift_before, drift_after: asset → drift.
        total_drift_before, total_drift_after: Σ |drift| / 2, cash included.
        cash_after: all cash, never below the floor.
        cash_by_currency: the same, each in its own currency.
        fees: fees, spreads and conversions, 0 or above.
        taxes: tax on the gains realised; negative = what losses save.
        objective, lower_bound, gap: what was minimised, money² (L2) or money (L1); no answer has an objective below
            `lower_bound`; gap = objective − lower_bound, 0 where optimal. All 0 where infeasible.
        status: optimal (proven), within_gap, or infeasible.
        binding: the names of the constraints that kept drift from being lower, most frequent first.
        conflicts: where infeasible, which constraints exclude each other and what would help.
        explanations: one sentence on the whole, then the reason of each trade and of each asset that was skipped.
    """

    trades: tuple[Trade, ...]
    conversions: tuple[Conversion, ...]
    lots: tuple[LotSale, ...]
    skipped: tuple[Skipped, ...]
    weights_before: Mapping[str, Decimal]
    weights_after: Mapping[str, Decimal]
    drift_before: Mapping[str, Decimal]
    drift_after: Mapping[str, Decimal]
    total_drift_before: Decimal
    total_drift_after: Decimal
    cash_after: Decimal
    cash_by_currency: Mapping[str, Decimal]
    fees: Decimal
    taxes: Decimal
    objective: Decimal
    lower_bound: Decimal
    gap: Decimal
    status: Status
    binding: tuple[str, ...]
    conflicts: tuple[Conflict, ...]
    explanations: tuple[str, ...]


def calculate_investment_allocation(
    target_allocation: Mapping[str, Amount],
    current_prices: Mapping[str, Amount],
    current_portfolio: Mapping[str, Amount],
    *,
    cash: Amount | Mapping[str, Amount] = 0,
    investment_amount: Amount = 0,
    mode: Mode = Mode.REBALANCE,
    objective: Objective = Objective.L2,
    untargeted: Untargeted = Untargeted.KEEP,
    weight_places: int | None = None,
    allow_short: bool = False,
    band: Band | None = None,
    cash_rules: CashRules = AT_LEAST_NO_DEBT,
    trading: Trading = WHOLE_UNITS,
    locks: Locks = NO_LOCKS,
    costs: Costs = NO_COSTS,
    currencies: Currencies | None = None,
    tax: TaxRules | None = None,
) -> Allocation:
    """Return the trades that bring an account closest to its target, and what is known of them.

    Numbers are Decimal, int or text; a float is refused. The value shared out is that of the positions with a target
    and of cash; a position without one is left alone and listed. A target of 0 sells what is held. Minimised is the sum
    of squared drift of the assets, unless bands, costs or cash rules say otherwise; of equally good answers the one
    with the fewest trades is given, then the one with the lowest turnover. Cash never ends below its floor.

    Args:
        target_allocation: asset → fraction of the whole; with `cash_rules.weight` they sum to 1.
        current_prices: asset → price of one, above 0; of every asset that is held or wanted. Others are not read.
        current_portfolio: asset → quantity held.
        cash: in the account; by currency where there are several. Below 0 = overdraft.
        investment_amount: money that comes in, or below 0 goes out, before the trades; base currency.
        mode: what the trades are for.
        objective: how drift adds up.
        untargeted: whether positions without a target stay.
        weight_places: decimals the weights were rounded to: the last one takes what rounding left. None = exact.
        allow_short: whether quantities and weights may be below 0.
        band: drift that is tolerated; None = none.
        cash_rules: what must, should and may be in cash.
        trading: in what quantities assets trade.
        locks: what may not be traded.
        costs: what trading costs.
        currencies: what is in which currency; None = all in one.
        tax: rates, lots and wash sales; None = tax is not asked about. Tax is not taken out of cash: it is due later.

    Returns:
        The allocation; infeasible, without trades, and with `conflicts` where no trades keep every constraint.

    Raises:
        InvalidInputError: as one of its kinds, whose sentence names the item: a number, an id, a currency or a word is
            none; the target is empty or does not sum to 1; a price or a rate is missing; options exclude each other;
            tax rules are missing, or lots do not make up the position.

    Of 1,000, 600 should be in A and 400 in B. 9 · 70 is 30 over, 4 · 90 is 40 short, and 990 is within the cash.

    >>> found = calculate_investment_allocation({"A": "0.6", "B": "0.4"}, {"A": 70, "B": 90}, {"B": 5}, cash=550)
    >>> [(trade.asset_id, str(trade.quantity)) for trade in found.trades], str(found.cash_after), found.status.value
    ([('A', '9'), ('B', '-1')], '10', 'optimal')
    """
    asked = Options(mode, objective, untargeted, allow_short, band, cash_rules, trading, locks, costs)
    options, exchange = read_options(asked), read_exchange(currencies)
    weights = read_targets(target_allocation, options, places=weight_places)
    holdings, outside = read_holdings(weights, current_prices, current_portfolio, options)
    amount = read_amount("investment_amount", investment_amount)
    purse = read_cash(cash, exchange, amount)
    plan, outcome = _settle(holdings, purse, options, exchange, tax=tax, is_deposit=amount > 0)
    return _answer(plan, outcome, exchange, outside)


def _settle(
    holdings: Sequence[Holding],
    cash: Mapping[str, Decimal],
    options: Options,
    exchange: Exchange,
    *,
    tax: TaxRules | None,
    is_deposit: bool,
) -> tuple[Plan, Outcome]:
    counted = [count(holding, options, exchange) for holding in holdings]

    def plan_with(rules: TaxPlan | None) -> Plan:
        return make_plan(counted, cash, replace(options, tax=rules), exchange, is_deposit=is_deposit)

    return settle_unwashed(plan_with, _tax_plan(tax, counted, options), cash, exchange)


def _tax_plan(rules: TaxRules | None, counted: Sequence[Counted], options: Options) -> TaxPlan | None:
    harvests = options.mode is Mode.HARVEST_LOSSES
    if rules is None:
        if harvests or options.mode is Mode.TAX_AWARE:
            raise TaxNeededError(options.mode.value)
        return None
    locks = options.locks
    prices = {asset.holding.asset_id: base_price(asset.price, asset.step) for asset in counted}
    free = prices.keys() - {*locks.no_sell, *locks.hold, *locks.restricted}
    return plan_tax(rules, prices, locks.substitutes, harvestable=sorted(free) if harvests else None)


def _answer(plan: Plan, outcome: Outcome, exchange: Exchange, outside: Sequence[Skipped]) -> Allocation:
    """Turn whole units back into decimals, with a reason for everything."""
    solved, status = outcome.solved, outcome.solved.status
    infeasible = status is Status.INFEASIBLE
    whys = [
        explain(plan, row, steps, outcome.cash_after - plan.floor)
        for row, steps in zip(plan.rows, solved.steps, strict=True)
    ]
    parts = list(zip(plan.rows, solved.steps, whys, strict=True))
    sold = [plan.lots_sold(row, steps) for row, steps, _ in parts if steps]
    trades = tuple(
        _trade(plan, part, lots) for part, lots in zip((part for part in parts if part[1]), sold, strict=True)
    )
    idle = [Skipped(row.asset_id, why.bound, why.reason) for row, steps, why in parts if not steps]
    skipped = tuple(sorted([*outside, *([] if infeasible else idle)], key=lambda item: item.asset_id))
    conflicts = find_conflicts(plan, split(plan, exchange)) if infeasible else ()
    before, after = _weights(plan, [0] * len(plan.rows)), _weights(plan, solved.steps)
    targets = calculate_weights({row.asset_id: Decimal(row.target) for row in plan.rows}, Decimal(plan.whole))
    cash_before = sum(plan.cash.values())
    total_before = _total_drift(plan, [0] * len(plan.rows), cash_before)
    total_after = _total_drift(plan, solved.steps, outcome.cash_after)
    summary = summarize(status, len(trades), total_before, total_after)
    fees = sum((trade.cost for trade in trades), outcome.converted.cost)
    return Allocation(
        trades=trades,
        conversions=outcome.converted.conversions,
        lots=tuple(lot for lots in sold for lot in lots),
        skipped=skipped,
        weights_before=before,
        weights_after=after,
        drift_before=calculate_drift(before, targets),
        drift_after=calculate_drift(after, targets),
        total_drift_before=total_before,
        total_drift_after=total_after,
        cash_after=_cash(outcome.converted.cash, exchange),
        cash_by_currency=outcome.converted.cash,
        fees=fees,
        taxes=sum((trade.tax for trade in trades), ZERO),
        objective=_objective(plan, solved.objective),
        lower_bound=_objective(plan, solved.bound),
        gap=_objective(plan, solved.objective - solved.bound),
        status=status,
        binding=_binding(whys),
        conflicts=conflicts,
        explanations=(summary, *_reasons(conflicts), *_reasons(trades), *_reasons(skipped)),
    )


def _reasons(items: Iterable[Conflict | Trade | Skipped]) -> list[str]:
    return [item.reason for item in items]


def _trade(plan: Plan, part: tuple[PlanRow, int, Why], lots: Sequence[LotSale]) -> Trade:
    row, steps, why = part
    counted = row.counted
    return Trade(
        asset_id=row.asset_id,
        quantity=exact(steps * counted.step, AMOUNT_PLACES),
        price=counted.holding.price,
        currency=counted.quoted_in or None,
        value=plan.unit.money(steps * row.price),
        cost=plan.unit.money(row.charge(steps)),
        tax=plain(sum((lot.tax for lot in lots), ZERO)),
        bound=why.bound,
        reason=why.reason,
    )


def _weights(plan: Plan, all_steps: Sequence[int]) -> dict[str, Decimal]:
    pairs = zip(plan.rows, all_steps, strict=True)
    return calculate_weights(
        {row.asset_id: Decimal(row.value + row.price * steps) for row, steps in pairs}, Decimal(plan.whole)
    )


def _total_drift(plan: Plan, all_steps: Sequence[int], cash: int) -> Decimal:
    off = [
        row.value + row.price * steps - row.target for row, steps in zip(plan.rows, all_steps, strict=True)
    ]
    total = sum(map(abs, off)) + abs(cash - plan.reserve)
    return calculate_weights({"": Decimal(total)}, Decimal(2 * plan.whole))[""]


def _cash(by_currency: Mapping[str, Decimal], exchange: Exchange) -> Decimal:
    with localcontext(EXACT):
        worth = (amount * exact(exchange.rate(code), RATE_PLACES) for code, amount in by_currency.items())
        return plain(sum(worth, ZERO))


def _objective(plan: Plan, units: int) -> Decimal:
    if plan.norm is Norm.L2:
        return plan.unit.money_squared(units)
    return plain(EXACT.divide(plan.unit.money(units), Decimal(L1_SCALE)))


def _binding(whys: Sequence[Why]) -> tuple[str, ...]:
    found = Counter(why.bound for why in whys if why.bound is not None and why.bound not in _NOT_BINDING)
    return tuple(bound.value for bound, _ in found.most_common())
