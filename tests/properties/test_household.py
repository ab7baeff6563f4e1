"""Households: whole numbers held against every answer there is, and laws of the answer in money."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brute_force_household import best_of_household, chosen, cost_of_household
from steelyard.domain.lot import MORE_THAN_ONE_YEAR, Lot, LotMethod
from steelyard.domain.money import EXACT
from steelyard.domain.wash_sale import Sale
from steelyard.rebalancing.allocation import calculate_investment_allocation
from steelyard.rebalancing.household import (
    HouseholdAccount,
    HouseholdAllocation,
    Location,
    Treatment,
    calculate_household_allocation,
)
from steelyard.rebalancing.household_problem import AccountPart, HouseholdProblem, WashGroup
from steelyard.rebalancing.household_search import solve_household
from steelyard.rebalancing.options import Costs, Objective
from steelyard.rebalancing.problem import L1_SCALE, Piece, Status
from steelyard.rebalancing.search import UndecidedError
from steelyard.rebalancing.tax_rules import TaxRules, WashRules

pytest.importorskip("highspy")

DAY = date(2024, 6, 3)
ASSETS = ("AAA", "BBB", "CCC")


# ── Tiny problems ───────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def pieces(draw: st.DrawFn, price: int, held: int) -> tuple[Piece, ...]:
    """Draw trades: lots sold with gains and losses, a fee, a least purchase, a charge for where a thing is held."""
    unit = L1_SCALE // 8
    fee, place = draw(st.sampled_from([0, 0, 1])), draw(st.integers(-2, 2)) * price
    found: list[Piece] = []
    sold = draw(st.integers(0, held))
    if sold:
        gain, rate = draw(st.integers(-price, price)), draw(st.integers(0, 3))
        tax = gain * rate - place
        found.append(Piece(-sold, -1, fee, price, fee * unit, -tax * unit, gain_fixed=0, gain_per_step=-gain))
    found.append(Piece(0, 0, 0, 0))
    first = draw(st.integers(1, 2))
    last = first + draw(st.integers(0, 2))
    if draw(st.booleans()):
        found.append(Piece(first, last, fee, price, fee * unit, place * unit))
    return tuple(found)


@st.composite
def households(draw: st.DrawFn) -> HouseholdProblem:
    size = draw(st.integers(1, 3))
    prices = tuple(draw(st.integers(1, 30)) for _ in range(size))
    accounts = []
    for _ in range(draw(st.integers(1, 2))):
        held = [draw(st.integers(0, 3)) for _ in range(size)]
        cash = draw(st.integers(-5, 60))
        floor = draw(st.sampled_from([0, 0, cash + 10]))
        parts = tuple(draw(pieces(price, steps)) for price, steps in zip(prices, held, strict=True))
        values = tuple(price * steps for price, steps in zip(prices, held, strict=True))
        accounts.append(AccountPart(cash, floor, values, prices, parts))
    low = tuple(draw(st.integers(0, 80)) for _ in range(size))
    high = tuple(edge + draw(st.sampled_from([0, 0, 7])) for edge in low)
    return HouseholdProblem(
        low,
        high,
        tuple(accounts),
        base_charge=draw(st.integers(0, 5)) * L1_SCALE,
        cash_target=draw(st.sampled_from([None, None, 10])),
        gain_limit=draw(st.sampled_from([None, None, 0, 15])),
        groups=wash_groups(accounts) if draw(st.booleans()) else (),
    )


def wash_groups(accounts: Sequence[AccountPart]) -> tuple[WashGroup, ...]:
    found = []
    for asset in range(len(accounts[0].values)):
        losing = {
            (place, asset): 0
            for place, account in enumerate(accounts)
            if any(piece.gain_per_step > 0 for piece in account.pieces[asset])
        }
        if losing:
            found.append(WashGroup((asset,), losing))
    return tuple(found)


@settings(max_examples=300)
@given(households())
def test_the_bound_is_below_the_best_and_the_answer_above(problem: HouseholdProblem) -> None:
    best = best_of_household(problem)
    try:
        found = solve_household(problem)
    except UndecidedError:
        return  # it says that it does not know
    if found.status is Status.INFEASIBLE:
        assert best is None
        return
    assert best is not None
    assert found.bound <= best <= found.objective
    assert cost_of_household(problem, chosen(problem, found.trades)) == found.objective
    assert (found.status is Status.OPTIMAL) == (found.bound == found.objective)


@settings(max_examples=150)
@given(households())
def test_no_account_alone_can_do_better(problem: HouseholdProblem) -> None:
    try:
        found = solve_household(problem)
    except UndecidedError:
        return
    if found.status is Status.INFEASIBLE or problem.groups:
        return
    for place, steps in enumerate(found.trades):
        fixed = tuple(
            account if other == place else only(account, found.trades[other])
            for other, account in enumerate(problem.accounts)
        )
        assert best_of_household(replace(problem, accounts=fixed)) == found.objective, (place, steps)


def only(account: AccountPart, steps: tuple[int, ...]) -> AccountPart:
    """Leave one trade of each asset."""
    some = (
        tuple(replace(piece, first=k, last=k) for piece in pieces if piece.first <= k <= piece.last)
        for pieces, k in zip(account.pieces, steps, strict=True)
    )
    return replace(account, pieces=tuple(some))


# ── Households in money ─────────────────────────────────────────────────────────────────────────────────────


def cents(draw: st.DrawFn, low: int, high: int) -> Decimal:
    return Decimal(draw(st.integers(low, high))) / 100


@st.composite
def accounts_of(draw: st.DrawFn, prices: dict[str, Decimal]) -> list[HouseholdAccount]:
    """Draw two or three accounts; the first is taxable, with a lot or two of each position."""
    found = []
    for number, treatment in enumerate(
        draw(st.permutations([Treatment.TAX_DEFERRED, Treatment.TAX_FREE]))[: draw(st.integers(1, 2))]
    ):
        held = {name: draw(st.integers(0, 20)) for name in prices}
        found.append(HouseholdAccount(f"account {number}", treatment, held, cents(draw, 0, 200_000)))
    lots = []
    for name, price in prices.items():
        for number in range(draw(st.integers(0, 2))):
            units = draw(st.integers(1, 10))
            cost = price * units * draw(st.integers(50, 150)) / 100
            bought = draw(st.sampled_from([date(2020, 3, 2), date(2024, 2, 1), date(2024, 5, 20)]))
            lots.append(Lot(f"{name} {number}", name, Decimal(units), cost, bought))
    positions = {name: sum(lot.quantity for lot in lots if lot.asset_id == name) for name in prices}
    rules = TaxRules(DAY, "0.35", "0.2", MORE_THAN_ONE_YEAR, LotMethod.HIFO, lots)
    cash = cents(draw, 0, 200_000)
    withdrawal = min(cash, cents(draw, 0, 50_000))
    taxed = HouseholdAccount("broker", Treatment.TAXABLE, positions, cash, withdrawal=withdrawal, tax=rules)
    return [taxed, *found]


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Decimal], dict[str, Decimal], list[HouseholdAccount]]:
    prices = {name: cents(draw, 500, 30_000) for name in ASSETS}
    first = draw(st.integers(0, 100))
    second = draw(st.integers(0, 100 - first))
    shares = (first, second, 100 - first - second)
    target = {name: Decimal(share) / 100 for name, share in zip(ASSETS, shares, strict=True)}
    return prices, target, draw(accounts_of(prices))


LOCATION = Location(
    {
        "AAA": {Treatment.TAXABLE: "0.02", Treatment.TAX_DEFERRED: "0.001", Treatment.TAX_FREE: 0},
        "BBB": {Treatment.TAXABLE: "0.004", Treatment.TAX_DEFERRED: "0.002", Treatment.TAX_FREE: 0},
        "CCC": {Treatment.TAXABLE: 0, Treatment.TAX_DEFERRED: 0, Treatment.TAX_FREE: 0},
    },
    years=3,
)
WASH = WashRules(days=30, identical=[{"AAA", "BBB"}])


def quantities(found: HouseholdAllocation, account: HouseholdAccount) -> dict[str, Decimal]:
    of_account = next(each for each in found.accounts if each.account_id == account.account_id)
    return {trade.asset_id: trade.quantity for trade in of_account.trades}


@settings(max_examples=40, deadline=None)
@given(cases(), st.sampled_from([None, WASH]), st.sampled_from([None, 0, 100]))
def test_money_gains_and_wash_sales_are_kept(
    case: tuple[dict[str, Decimal], dict[str, Decimal], list[HouseholdAccount]],
    wash: WashRules | None,
    budget: int | None,
) -> None:
    prices, target, accounts = case
    costs = Costs(fee=1, spread="0.001")
    found = calculate_household_allocation(
        target, prices, accounts, location=LOCATION, costs=costs, gains_budget=budget, wash=wash
    )
    assert found.lower_bound <= found.objective
    assert found.gap == EXACT.subtract(found.objective, found.lower_bound)
    losses, bought = set(), set()
    for account in accounts:
        done = next(each for each in found.accounts if each.account_id == account.account_id)
        paid = sum((trade.quantity * prices[trade.asset_id] for trade in done.trades), Decimal(0))
        assert isinstance(account.cash, Decimal)
        assert done.cash_after == account.cash - paid - done.fees - Decimal(account.withdrawal)
        assert done.cash_after >= 0
        for trade in done.trades:
            assert trade.quantity + Decimal(account.positions[trade.asset_id]) >= 0
            assert trade.quantity < 0 or target[trade.asset_id]
        losses |= {lot.asset_id for lot in done.lots if lot.gain < 0}
        bought |= {trade.asset_id for trade in done.trades if trade.quantity > 0}
    if budget is not None:
        assert found.gains <= budget
    if wash is not None:
        like = {"AAA", "BBB"}
        assert not losses & bought
        assert not (losses & like and bought & like)


@settings(max_examples=20, deadline=None)
@given(cases())
def test_the_order_of_accounts_and_assets_does_not_matter(
    case: tuple[dict[str, Decimal], dict[str, Decimal], list[HouseholdAccount]],
) -> None:
    prices, target, accounts = case
    found = calculate_household_allocation(target, prices, accounts, location=LOCATION)
    turned = calculate_household_allocation(
        dict(reversed(target.items())), dict(reversed(prices.items())), accounts[::-1], location=LOCATION
    )
    assert turned == found


@settings(max_examples=40, deadline=None)
@given(cases())
def test_a_household_of_one_account_is_that_account(
    case: tuple[dict[str, Decimal], dict[str, Decimal], list[HouseholdAccount]],
) -> None:
    prices, target, accounts = case
    account = accounts[1]
    assert isinstance(account.cash, Decimal)
    alone = calculate_investment_allocation(
        target, prices, account.positions, cash=account.cash, objective=Objective.L1
    )
    found = calculate_household_allocation(target, prices, [account])
    assert alone.status is Status.OPTIMAL
    assert found.objective == alone.objective
    assert found.status is Status.OPTIMAL


def test_what_was_lost_in_the_last_days_is_bought_in_no_account() -> None:
    lost = Sale(Lot("old", "AAA", Decimal(1), Decimal(100), date(2023, 1, 3)), date(2024, 5, 20), Decimal(60))
    rules = TaxRules(DAY, "0.35", "0.2", MORE_THAN_ONE_YEAR, LotMethod.HIFO, [])
    accounts = [
        HouseholdAccount("broker", Treatment.TAXABLE, {}, 1000, tax=rules),
        HouseholdAccount("ira", Treatment.TAX_DEFERRED, {}, 1000),
    ]
    target, prices = {"AAA": "0.5", "CCC": "0.5"}, {"AAA": 50, "CCC": 50}
    free = calculate_household_allocation(target, prices, accounts, wash=WashRules(days=13))
    assert sum(quantities(free, each).get("AAA", 0) for each in accounts) == 20
    barred = calculate_household_allocation(target, prices, accounts, wash=replace(WASH, sales=[lost]))
    assert all("AAA" not in quantities(barred, each) for each in accounts)
