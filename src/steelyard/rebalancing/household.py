"""The trades of a household: accounts taxed in different ways that share one target.

Drift is that of the household: what counts is how much of an asset all accounts hold together. Where it is held is
free, and so may follow tax: `Location` says what holding an asset costs a year under each treatment. A linear programme
says what goes where, the exact search of one account makes whole trades of it, and an exact bound says how good they
are.

Of 2,000 in all, half should be in bonds, whose interest is taxed at once, and half in shares. Both accounts hold
half and half; each sells what the other is the better place for.

>>> rates = {"BOND": {"taxable": "0.02", "tax_free": 0}, "STOCK": {"taxable": "0.005", "tax_free": 0}}
>>> from datetime import date
>>> from steelyard.domain.lot import MORE_THAN_ONE_YEAR, Lot, LotMethod
>>> from steelyard.rebalancing.tax_rules import TaxRules
>>> lots = [Lot(name, name, Decimal(5), Decimal(500), date(2020, 1, 2)) for name in ("BOND", "STOCK")]
>>> tax = TaxRules(date(2024, 6, 3), "0.3", "0.2", MORE_THAN_ONE_YEAR, LotMethod.HIFO, lots)
>>> both = {"BOND": 5, "STOCK": 5}
>>> accounts = [HouseholdAccount("broker", Treatment.TAXABLE, both, 0, tax=tax),
...             HouseholdAccount("roth", Treatment.TAX_FREE, both, 0)]
>>> found = calculate_household_allocation(
...     {"BOND": "0.5", "STOCK": "0.5"}, {"BOND": 100, "STOCK": 100}, accounts, location=Location(rates, years=1))
>>> [(account.account_id, trade.asset_id, str(trade.quantity)) for account in found.accounts
...     for trade in account.trades]
[('broker', 'BOND', '-5'), ('broker', 'STOCK', '5'), ('roth', 'BOND', '5'), ('roth', 'STOCK', '-5')]
>>> str(found.annual_tax_before), str(found.annual_tax_after), found.status.value
('12.5', '5', 'optimal')
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from steelyard.domain.amount import Amount
from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up
from steelyard.rebalancing.account import (
    ZERO,
    read_choice,
    read_fraction,
    read_holdings,
    read_weights,
)
from steelyard.rebalancing.drift import calculate_drift, calculate_weights
from steelyard.rebalancing.household_input import (
    HouseholdAccount,
    Location,
    NotForHouseholdsError,
    ReadLocation,
    Treatment,
    read_accounts,
    read_location,
    total_quantities,
)
from steelyard.rebalancing.household_plan import (
    AccountPlan,
    HouseholdPlan,
    HouseholdRules,
    make_household_plan,
)
from steelyard.rebalancing.household_search import HouseholdSolution, solve_household
from steelyard.rebalancing.options import (
    Band,
    CashRules,
    Costs,
    Locks,
    Mode,
    Objective,
    Options,
    Trading,
    Untargeted,
)
from steelyard.rebalancing.position import PlanRow
from steelyard.rebalancing.problem import L1_SCALE, Status
from steelyard.rebalancing.tax_rules import WashRules
from steelyard.rebalancing.trade import Bound, Conflict, LotSale, Skipped, Trade
from steelyard.rebalancing.units import AMOUNT_PLACES, exact, plain

__all__ = [
    "AccountAllocation",
    "HouseholdAccount",
    "HouseholdAllocation",
    "Location",
    "Treatment",
    "calculate_household_allocation",
]


@dataclass(frozen=True, slots=True)
class AccountAllocation:
    """What one account of a household does.

    Attributes:
        account_id, treatment: which account.
        trades: what it buys and sells, by asset id; empty where infeasible.
        lots: which lots its sales take.
        cash_before: cash now.
        withdrawal: what leaves it.
        cash_after: cash after trades and withdrawal, never below its floor.
        fees: fees and spreads, 0 or above.
        gains: realised, net of losses.
        taxes: tax on them; negative = what losses save.
        annual_tax: what a year of holding what it then holds costs in tax.
    """

    account_id: str
    treatment: Treatment
    trades: tuple[Trade, ...]
    lots: tuple[LotSale, ...]
    cash_before: Decimal
    withdrawal: Decimal
    cash_after: Decimal
    fees: Decimal
    gains: Decimal
    taxes: Decimal
    annual_tax: Decimal


@dataclass(frozen=True, slots=True)
class HouseholdAllocation:
    """The trades of all accounts, what they lead to, and what is known of them.

    Weights and drift are of the household: fractions of the value of all targeted positions and all cash, withdrawals
    deducted.

    Attributes:
        accounts: what each does, by account id.
        skipped: positions without a target, which stay.
        weights_before, weights_after: asset → weight.
        drift_before, drift_after: asset → weight − target weight.
        total_drift_before, total_drift_after: Σ |drift| / 2, cash included.
        cash_after: of all accounts.
        fees, gains, taxes: of all accounts.
        annual_tax_before, annual_tax_after: what a year of holding costs in tax, before and after.
        location_benefit: how much more it would cost a year if each account held the same mix of assets; negative where
            the place costs.
        objective: Σ |drift| in money + costs.weight · (fees + taxes) + years · annual tax. Costs, taxes and annual tax
            are rounded up to 2^-20 money units a step.
        lower_bound: no trades have an objective below it; exact, whatever the floats of the linear programme were.
        gap: objective − lower_bound, money.
        gap_relative: the same as a fraction of the household's value; None where that is 0.
        status: optimal only where objective and bound are the same number; within_gap; infeasible.
        conflicts: where infeasible, which accounts or rules stand in the way.
        explanations: one sentence on the whole, then the reason of each trade and of each asset that stays.
    """

    accounts: tuple[AccountAllocation, ...]
    skipped: tuple[Skipped, ...]
    weights_before: Mapping[str, Decimal]
    weights_after: Mapping[str, Decimal]
    drift_before: Mapping[str, Decimal]
    drift_after: Mapping[str, Decimal]
    total_drift_before: Decimal
    total_drift_after: Decimal
    cash_after: Decimal
    fees: Decimal
    gains: Decimal
    taxes: Decimal
    annual_tax_before: Decimal
    annual_tax_after: Decimal
    location_benefit: Decimal
    objective: Decimal
    lower_bound: Decimal
    gap: Decimal
    gap_relative: Decimal | None
    status: Status
    conflicts: tuple[Conflict, ...]
    explanations: tuple[str, ...]


def calculate_household_allocation(
    target_allocation: Mapping[str, Amount],
    current_prices: Mapping[str, Amount],
    accounts: Sequence[HouseholdAccount],
    *,
    location: Location | None = None,
    cash_weight: Amount | None = None,
    untargeted: Untargeted = Untargeted.KEEP,
    weight_places: int | None = None,
    band: Band | None = None,
    trading: Trading | None = None,
    costs: Costs | None = None,
    gains_budget: Amount | None = None,
    wash: WashRules | None = None,
) -> HouseholdAllocation:
    """Return trades that bring all accounts together close to one target, with each asset where it is taxed least.

    Money does not move between accounts: each pays for its own purchases, keeps its cash floor and raises its own
    withdrawal. What is minimised is the sum of |drift| of the household in money, costs and taxes of the trades, and
    `location.years` of what holding costs in tax. Nothing is bought in any account that is sold at a loss in a taxable
    one, or was within the days of `wash`.

    Args:
        target_allocation: asset → fraction of the whole; with `cash_weight` they sum to 1.
        current_prices: asset → price of one, above 0, in the one currency of the household.
        accounts: in any order; the answer does not depend on it.
        location: what holding an asset costs under each treatment; None = where it is held does not matter.
        cash_weight: target weight of cash, over all accounts; None = cash does not count.
        untargeted: whether positions without a target stay.
        weight_places: decimals the weights were rounded to; None = they are exact.
        band: drift that is tolerated; None = none.
        trading: in what quantities assets trade; None = whole shares. A maximum weight is not offered.
        costs: what trading costs; None = nothing but tax.
        gains_budget: the most gain, net of losses, all taxable accounts may realise; money. None = no limit.
        wash: wash sales, over all accounts; its sales and other lots are those this household's lots do not show: what
            was sold in the last days, and what accounts that are not taxable bought in them. None = not watched.

    Returns:
        The trades of each account. Where nothing keeps every constraint the status is infeasible, there are no trades,
        and `conflicts` says which accounts lack what.

    Raises:
        InvalidInputError: the household, a number or an option is wrong; the classes of `household_input`,
            `household_plan` and those of `calculate_investment_allocation` name what and where.
        UndecidedError: there may be trades that keep every constraint, and none were found.
        HouseholdExtraMissingError: HiGHS is not installed (`pip install 'steelyard[household]'`).
        SolverError: HiGHS gave up.

    Sources: Dammon, Spatt & Zhang, "Optimal asset location and allocation with taxable and tax-deferred investing",
    2004, for the problem; 26 USC 1091 and Rev. Rul. 2008-5 for wash sales across accounts.
    """
    options = _options(untargeted, band, trading or Trading(), costs or Costs())
    in_cash = read_fraction("cash_weight", cash_weight or 0)
    weights = read_weights(target_allocation, in_cash, places=weight_places, allow_short=False)
    read = read_accounts(accounts, weights)
    holdings, outside = read_holdings(weights, current_prices, total_quantities(read), options)
    where = read_location(
        location, [holding.asset_id for holding in holdings], {each.treatment for each in read}
    )
    rules = HouseholdRules(options, cash_weight is not None, where, gains_budget, wash)
    plan = make_household_plan(holdings, read, rules)
    solution = solve_household(plan.problem)
    return _answer(plan, solution, where, outside)


def _options(untargeted: Untargeted, band: Band | None, trading: Trading, costs: Costs) -> Options:
    """Return what holds for all accounts, in the form of what holds for one."""
    if trading.maximum_weight:
        raise NotForHouseholdsError("trading.maximum_weight")
    return Options(
        mode=Mode.REBALANCE,
        objective=Objective.L1,
        untargeted=read_choice("untargeted", untargeted, Untargeted),
        allow_short=False,
        band=band,
        cash_rules=CashRules(),
        trading=trading,
        locks=Locks(),
        costs=costs,
    )


def _answer(
    plan: HouseholdPlan, solution: HouseholdSolution, where: ReadLocation, outside: Sequence[Skipped]
) -> HouseholdAllocation:
    """Turn whole units back into decimals, with a reason for everything."""
    nothing = [(0,) * len(plan.rows)] * len(plan.accounts)
    accounts = tuple(
        _account(plan, account, steps, where)
        for account, steps in zip(plan.accounts, solution.trades, strict=True)
    )
    before, after = _values(plan, nothing), _values(plan, solution.trades)
    whole = Decimal(plan.whole)
    targets = calculate_weights({row.asset_id: Decimal(row.target) for row in plan.rows}, whole)
    weights_before, weights_after = calculate_weights(before, whole), calculate_weights(after, whole)
    drift_before, drift_after = (_total_drift(plan, values) for values in (before, after))
    conflicts = find_conflicts(plan) if solution.status is Status.INFEASIBLE else ()
    gap = _objective(plan, solution.objective - solution.bound)
    summary = _summary(solution.status, accounts, drift_before, drift_after, gap)
    return HouseholdAllocation(
        accounts=accounts,
        skipped=tuple(outside),
        weights_before=weights_before,
        weights_after=weights_after,
        drift_before=calculate_drift(weights_before, targets),
        drift_after=calculate_drift(weights_after, targets),
        total_drift_before=drift_before,
        total_drift_after=drift_after,
        cash_after=_sum(account.cash_after for account in accounts),
        fees=_sum(account.fees for account in accounts),
        gains=_sum(account.gains for account in accounts),
        taxes=_sum(account.taxes for account in accounts),
        annual_tax_before=_sum(_annual_tax(plan, account, nothing[0], where) for account in plan.accounts),
        annual_tax_after=_sum(account.annual_tax for account in accounts),
        location_benefit=_location_benefit(plan, solution, where),
        objective=_objective(plan, solution.objective),
        lower_bound=_objective(plan, solution.bound),
        gap=gap,
        gap_relative=calculate_weights({"": gap}, plan.unit.money(plan.whole))[""] if plan.whole else None,
        status=solution.status,
        conflicts=conflicts,
        explanations=(summary, *_reasons(conflicts), *_trade_reasons(accounts), *_reasons(outside)),
    )


# ── One account ─────────────────────────────────────────────────────────────────────────────────────────────


def _account(
    plan: HouseholdPlan, account: AccountPlan, steps: Sequence[int], where: ReadLocation
) -> AccountAllocation:
    traded = [(row, k) for row, k in zip(account.rows, steps, strict=True) if k]
    lots = {row.asset_id: _lots(account, row, k) for row, k in traded}
    trades = tuple(_trade(plan, account, row, k, lots[row.asset_id]) for row, k in traded)
    used = sum(row.cash_used(k) for row, k in traded)
    sold = tuple(lot for of_asset in lots.values() for lot in of_asset)
    return AccountAllocation(
        account_id=account.account.account_id,
        treatment=account.account.treatment,
        trades=trades,
        lots=sold,
        cash_before=account.account.cash,
        withdrawal=account.account.withdrawal,
        cash_after=plan.unit.money(account.cash - used),
        fees=_sum(trade.cost for trade in trades),
        gains=_sum(lot.gain for lot in sold),
        taxes=_sum(lot.tax for lot in sold),
        annual_tax=_annual_tax(plan, account, steps, where),
    )


def _lots(account: AccountPlan, row: PlanRow, steps: int) -> tuple[LotSale, ...]:
    if account.tax is None or row.sales is None or steps >= 0:
        return ()
    return account.tax.sold(row.sales, row.asset_id, exact(-steps * row.counted.step, AMOUNT_PLACES))


def _trade(
    plan: HouseholdPlan, account: AccountPlan, row: PlanRow, steps: int, lots: Sequence[LotSale]
) -> Trade:
    limits = row.limits
    ends: dict[int, Bound] = {limits.first: limits.first_bound, limits.last: limits.last_bound}
    return Trade(
        asset_id=row.asset_id,
        quantity=exact(steps * row.counted.step, AMOUNT_PLACES),
        price=row.counted.holding.price,
        currency=None,
        value=plan.unit.money(steps * row.price),
        cost=plan.unit.money(row.charge(steps)),
        tax=_sum(lot.tax for lot in lots),
        bound=ends.get(steps),
        reason=_reason(plan, account, row, steps),
    )


def _reason(plan: HouseholdPlan, account: AccountPlan, row: PlanRow, steps: int) -> str:
    of_all = next(each for each in plan.rows if each.asset_id == row.asset_id)
    now, aim = (_percent(value, plan.whole) for value in (of_all.value, of_all.target))
    quantity = exact(abs(steps) * row.counted.step, AMOUNT_PLACES)
    what = f"{'Buy' if steps > 0 else 'Sell'} {quantity:f} {row.asset_id} in {account.account.account_id}"
    drift = of_all.value - of_all.target
    if drift * steps < 0:
        return f"{what}: it is {now} of the household and its target is {aim}."
    if steps > 0:
        return f"{what}, not for drift: it moves here, or uses cash that has no better use in this account."
    return f"{what}, not for drift: it moves to another account, or pays for what is bought in this one."


# ── The household ───────────────────────────────────────────────────────────────────────────────────────────


def find_conflicts(plan: HouseholdPlan) -> tuple[Conflict, ...]:
    """Return why a household has no answer: the accounts that cannot raise their cash, or else what they share."""
    short = [conflict for account in plan.accounts for conflict in _shortage(plan, account)]
    if short:
        return tuple(short)
    reason = "The accounts cannot raise their cash and keep the gains they realise within gains_budget."
    return (
        Conflict(None, ("cash", "gains"), reason, ("Raise gains_budget, or lower a withdrawal or floor.",)),
    )


def _shortage(plan: HouseholdPlan, account: AccountPlan) -> Iterable[Conflict]:
    """Give the conflict of an account that cannot raise its cash, sold as far as it may be."""
    pieces = [row.pieces() for row in account.rows]
    ends = [[(piece, k) for piece in some for k in (piece.first, piece.last)] for some in pieces]
    raised = sum(max(-piece.cash_fixed - piece.cash_per_step * k for piece, k in some) for some in ends)
    missing = account.floor - account.cash - raised
    if missing <= 0:
        return
    name, unit = account.account.account_id, plan.unit
    reason = (
        f"Account {name!r} needs {unit.money(account.floor - account.cash):f} for its withdrawal and floor, and all it "
        f"may sell brings {unit.money(raised):f}."
    )
    help_ = f"Lower its withdrawal or floor by {unit.money(missing):f}, or bring that much cash, or lift its locks."
    yield Conflict(None, ("cash", f"account {name}"), reason, (help_,))


def _values(plan: HouseholdPlan, trades: Sequence[Sequence[int]]) -> dict[str, Decimal]:
    total = [0] * len(plan.rows)
    for account, steps in zip(plan.accounts, trades, strict=True):
        for asset, (row, k) in enumerate(zip(account.rows, steps, strict=True)):
            total[asset] += row.value + row.price * k
    return {row.asset_id: Decimal(value) for row, value in zip(plan.rows, total, strict=True)}


def _total_drift(plan: HouseholdPlan, values: Mapping[str, Decimal]) -> Decimal:
    """Return half of all drift; what the assets leave of the whole is in cash."""
    off = [values[row.asset_id] - row.target for row in plan.rows]
    in_cash = plan.whole - sum(values.values(), ZERO) - plan.reserve
    total = sum(map(abs, [*off, in_cash]), ZERO)
    return calculate_weights({"": total}, Decimal(2 * plan.whole))[""]


def _annual_tax(
    plan: HouseholdPlan, account: AccountPlan, steps: Sequence[int], where: ReadLocation
) -> Decimal:
    with localcontext(EXACT):
        return plain(
            sum(
                (
                    plan.unit.money(row.value + row.price * k)
                    * where.rate(row.asset_id, account.account.treatment)
                    for row, k in zip(account.rows, steps, strict=True)
                ),
                ZERO,
            )
        )


def _location_benefit(plan: HouseholdPlan, solution: HouseholdSolution, where: ReadLocation) -> Decimal:
    """Return what a year costs less than if each account held the household's mix for what it has invested."""
    held = {
        (account.account.account_id, row.asset_id): row.value + row.price * k
        for account, steps in zip(plan.accounts, solution.trades, strict=True)
        for row, k in zip(account.rows, steps, strict=True)
    }
    invested = sum(held.values())
    if not invested:
        return ZERO
    saved = Fraction(0)
    for account in plan.accounts:
        own = sum(held[account.account.account_id, row.asset_id] for row in plan.rows)
        for row in plan.rows:
            of_all = sum(held[each.account.account_id, row.asset_id] for each in plan.accounts)
            even = Fraction(own * of_all, invested) - held[account.account.account_id, row.asset_id]
            saved += even * Fraction(where.rate(row.asset_id, account.account.treatment))
    with localcontext(EXACT):
        amount = plan.unit.money(1) * saved.numerator / saved.denominator
        return plain(round_half_up(amount, MONEY_PLACES))


def _objective(plan: HouseholdPlan, units: int) -> Decimal:
    """Return objective units as money, exact: a power of two divides every number of decimals."""
    with localcontext(EXACT):
        return plain(plan.unit.money(units) / L1_SCALE)


def _summary(
    status: Status, accounts: Sequence[AccountAllocation], before: Decimal, after: Decimal, gap: Decimal
) -> str:
    if status is Status.INFEASIBLE:
        return "No trades keep every constraint."
    count = sum(len(account.trades) for account in accounts)
    proof = (
        "It is proven that no other trades come closer."
        if status is Status.OPTIMAL
        else f"Others may be better by {round_half_up(gap, 2):f} at most."
    )
    text = f"{count} trades in {len(accounts)} accounts bring total drift from {before:.2%} to {after:.2%}. {proof}"
    return text.replace("%", " %")


def _percent(value: int, whole: int) -> str:
    return f"{calculate_weights({'': Decimal(value)}, Decimal(whole))['']:.1%}".replace("%", " %")


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    with localcontext(EXACT):
        return plain(sum(amounts, ZERO))


def _reasons(items: Iterable[Conflict | Skipped]) -> list[str]:
    return [item.reason for item in items]


def _trade_reasons(accounts: Iterable[AccountAllocation]) -> list[str]:
    return [trade.reason for account in accounts for trade in account.trades]
