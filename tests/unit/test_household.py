"""Households: answers that can be checked by hand, and what is refused."""

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from steelyard.domain.lot import MORE_THAN_ONE_YEAR, Lot, LotMethod
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.account import (
    ChoiceError,
    OptionsConflictError,
    RangeError,
    UnpricedAssetError,
    WeightSumError,
)
from steelyard.rebalancing.household import (
    HouseholdAccount,
    HouseholdAllocation,
    Location,
    Treatment,
    calculate_household_allocation,
)
from steelyard.rebalancing.household_input import (
    AccountCurrencyError,
    DuplicateAccountError,
    HouseholdPositionError,
    LocationRateError,
    MissingCashError,
    NoAccountsError,
    NotForHouseholdsError,
    TaxRulesMissingError,
    TradeDateError,
    UntaxedAccountError,
)
from steelyard.rebalancing.household_plan import WashDateError
from steelyard.rebalancing.location import HouseholdExtraMissingError, SolverError, highs
from steelyard.rebalancing.options import Band, Costs, Locks, Trading, Untargeted
from steelyard.rebalancing.problem import Status
from steelyard.rebalancing.tax_rules import TaxRules, WashRules

DAY = date(2024, 6, 3)
PRICES = {"BOND": 100, "STOCK": 50}
HALF = {"BOND": "0.5", "STOCK": "0.5"}
OLD = date(2020, 1, 2)


def taxed(
    lots: Mapping[str, tuple[int, int]], *, name: str = "broker", cash: int = 0, **more: Any
) -> HouseholdAccount:
    """Make a taxable account of lots: asset → quantity and cost."""
    held = [Lot(asset, asset, Decimal(q), Decimal(cost), OLD) for asset, (q, cost) in lots.items()]
    rules = TaxRules(DAY, "0.4", "0.2", MORE_THAN_ONE_YEAR, LotMethod.HIFO, held)
    positions = {asset: quantity for asset, (quantity, _) in lots.items()}
    return HouseholdAccount(name, Treatment.TAXABLE, positions, cash, tax=rules, **more)


def ira(positions: Mapping[str, int], *, name: str = "ira", cash: int = 0, **more: Any) -> HouseholdAccount:
    return HouseholdAccount(name, Treatment.TAX_DEFERRED, positions, cash, **more)


def trades(found: HouseholdAllocation) -> dict[tuple[str, str], int]:
    return {
        (account.account_id, trade.asset_id): int(trade.quantity)
        for account in found.accounts
        for trade in account.trades
    }


# ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_one_account_has_too_much_of_another_lacks_and_nothing_is_traded() -> None:
    found = calculate_household_allocation(
        HALF, PRICES, [ira({"BOND": 10}), ira({"STOCK": 20}, name="other")]
    )
    assert trades(found) == {}
    assert found.status is Status.OPTIMAL
    assert found.total_drift_after == 0
    assert found.objective == found.lower_bound == found.gap == 0


def test_an_account_that_is_not_taxed_sells_what_would_be_taxed_in_another() -> None:
    accounts = [taxed({"STOCK": (20, 200)}), ira({"STOCK": 20})]
    found = calculate_household_allocation(HALF, PRICES, accounts)
    assert trades(found) == {("ira", "BOND"): 10, ("ira", "STOCK"): -20}
    assert found.taxes == 0
    assert found.status is Status.OPTIMAL


def test_a_taxable_account_sells_where_no_other_can_and_drift_costs_more_than_tax() -> None:
    found = calculate_household_allocation(HALF, PRICES, [taxed({"STOCK": (40, 1000)})])
    assert trades(found) == {("broker", "BOND"): 10, ("broker", "STOCK"): -20}
    assert found.gains == 500  # 20 · (50 - 25)
    assert found.taxes == 100
    assert [lot.quantity for lot in found.accounts[0].lots] == [20]


def test_a_gains_budget_is_kept_over_all_accounts() -> None:
    accounts = [taxed({"STOCK": (20, 500)}, name="one"), taxed({"STOCK": (20, 500)}, name="two")]
    found = calculate_household_allocation(HALF, PRICES, accounts, gains_budget=250)
    assert found.gains <= 250
    assert (
        sum(trades(found)[name, "STOCK"] for name in ("one", "two") if (name, "STOCK") in trades(found))
        == -10
    )


def test_bonds_move_to_where_they_are_not_taxed() -> None:
    rates: dict[str, dict[Treatment, Decimal | int | str]] = {
        "BOND": {Treatment.TAXABLE: "0.02", Treatment.TAX_DEFERRED: 0},
        "STOCK": {Treatment.TAXABLE: "0.005", Treatment.TAX_DEFERRED: 0},
    }
    location = Location(rates, years=1)
    accounts = [taxed({"BOND": (5, 500), "STOCK": (10, 500)}), ira({"BOND": 5, "STOCK": 10})]
    found = calculate_household_allocation(HALF, PRICES, accounts, location=location)
    assert trades(found) == {
        ("broker", "BOND"): -5,
        ("broker", "STOCK"): 10,
        ("ira", "BOND"): 5,
        ("ira", "STOCK"): -10,
    }
    assert found.annual_tax_before == Decimal("12.5")  # 500 · 2 % + 500 · 0.5 %
    assert found.annual_tax_after == 5  # 1000 · 0.5 %
    assert found.location_benefit == Decimal("7.5")  # the same mix in both would cost what it did before
    assert found.objective == 5


def test_years_that_do_not_count_move_nothing() -> None:
    rates: dict[str, dict[Treatment, Decimal | int | str]] = {
        name: {Treatment.TAXABLE: "0.02", Treatment.TAX_DEFERRED: 0} for name in PRICES
    }
    accounts = [taxed({"BOND": (5, 500), "STOCK": (10, 500)}), ira({"BOND": 5, "STOCK": 10})]
    found = calculate_household_allocation(HALF, PRICES, accounts, location=Location(rates, years=0))
    assert trades(found) == {}
    assert found.annual_tax_after == 20


def test_an_account_raises_its_own_withdrawal() -> None:
    accounts = [ira({"STOCK": 20}, withdrawal=500), ira({"BOND": 10}, name="other", cash=100)]
    found = calculate_household_allocation({"BOND": "0.625", "STOCK": "0.375"}, PRICES, accounts)
    assert trades(found)["ira", "STOCK"] == -10
    assert [account.cash_after for account in found.accounts] == [0, 0]


def test_a_universe_keeps_an_asset_out_of_an_account() -> None:
    accounts = [ira({}, cash=1000, universe=["STOCK"]), ira({}, name="other", cash=1000)]
    found = calculate_household_allocation(HALF, PRICES, accounts)
    assert trades(found) == {("ira", "STOCK"): 20, ("other", "BOND"): 10}


def test_locks_are_of_one_account() -> None:
    accounts = [ira({"STOCK": 20}, locks=Locks(hold=["STOCK"])), ira({"STOCK": 20}, name="other")]
    found = calculate_household_allocation(HALF, PRICES, accounts)
    assert trades(found) == {("other", "BOND"): 10, ("other", "STOCK"): -20}


def test_a_loss_and_a_purchase_of_the_same_exclude_each_other_across_accounts() -> None:
    accounts = [taxed({"BOND": (2, 400), "STOCK": (16, 800)}), ira({}, cash=800)]
    target, wash = {"BOND": "0.44", "STOCK": "0.56"}, WashRules(days=30)
    free = calculate_household_allocation(target, PRICES, accounts, costs=Costs(weight=3))
    assert (
        trades(free)["broker", "BOND"] < 0 < trades(free)["ira", "BOND"]
    )  # its loss is worth more than drift
    kept = calculate_household_allocation(target, PRICES, accounts, costs=Costs(weight=3), wash=wash)
    moved = trades(kept)
    assert not (
        moved.get(("broker", "BOND"), 0) < 0 < max(moved.get((name, "BOND"), 0) for name in ("broker", "ira"))
    )
    assert kept.objective >= free.objective


def test_what_is_inside_its_band_stays() -> None:
    accounts = [ira({"BOND": 11, "STOCK": 18})]
    assert trades(calculate_household_allocation(HALF, PRICES, accounts, band=Band(absolute="0.06"))) == {}
    assert trades(calculate_household_allocation(HALF, PRICES, accounts)) != {}


def test_cash_has_a_weight_over_all_accounts() -> None:
    target = {"BOND": "0.4", "STOCK": "0.5"}
    accounts = [ira({}, cash=500), ira({}, name="other", cash=500)]
    found = calculate_household_allocation(target, PRICES, accounts, cash_weight="0.1")
    assert found.cash_after == 100
    assert found.status is Status.OPTIMAL


def test_a_position_without_a_target_stays_and_is_listed() -> None:
    accounts = [ira({"OTHER": 3, "BOND": 10}), ira({"STOCK": 20}, name="other")]
    kept = calculate_household_allocation(HALF, PRICES, accounts)
    assert [each.asset_id for each in kept.skipped] == ["OTHER"]
    assert trades(kept) == {}
    sold = calculate_household_allocation(
        HALF, {**PRICES, "OTHER": 100}, accounts, untargeted=Untargeted.SELL
    )
    assert trades(sold)["ira", "OTHER"] == -3


def test_each_trade_has_its_reason() -> None:
    accounts = [taxed({"STOCK": (20, 200)}), ira({"STOCK": 20})]
    found = calculate_household_allocation(HALF, PRICES, accounts)
    summary = "2 trades in 2 accounts bring total drift from 50.00 % to 0.00 %."
    assert found.explanations == (
        f"{summary} It is proven that no other trades come closer.",
        "Buy 10 BOND in ira: it is 0.0 % of the household and its target is 50.0 %.",
        "Sell 20 STOCK in ira: it is 100.0 % of the household and its target is 50.0 %.",
    )


def test_cash_that_cannot_be_raised_is_named_with_its_account() -> None:
    accounts = [
        ira({"STOCK": 4, "BOND": 1}, withdrawal=400, locks=Locks(hold=["BOND"])),
        ira({"BOND": 10}, name="other"),
    ]
    found = calculate_household_allocation(HALF, PRICES, accounts)
    assert found.status is Status.INFEASIBLE
    assert trades(found) == {}
    assert [conflict.reason for conflict in found.conflicts] == [
        "Account 'ira' needs 400 for its withdrawal and floor, and all it may sell brings 200."
    ]
    assert found.conflicts[0].remedies[0].startswith("Lower its withdrawal or floor by 200,")


def test_cash_that_only_gains_could_raise_names_the_budget() -> None:
    accounts = [taxed({"STOCK": (20, 200)}, withdrawal=500)]
    found = calculate_household_allocation(HALF, PRICES, accounts, gains_budget=100)
    assert found.status is Status.INFEASIBLE
    assert "gains_budget" in found.conflicts[0].reason


def test_a_household_worth_nothing_has_no_relative_gap() -> None:
    found = calculate_household_allocation(HALF, PRICES, [ira({})])
    assert found.status is Status.OPTIMAL
    assert found.gap_relative is None


# ── Refusals ────────────────────────────────────────────────────────────────────────────────────────────────

LOCATED = Location({"BOND": {Treatment.TAX_DEFERRED: "0.01"}}, years=1)
RULES = TaxRules(DAY, "0.4", "0.2", MORE_THAN_ONE_YEAR, LotMethod.HIFO, [])

REFUSED = [
    ([], {}, NoAccountsError, "no account"),
    ([ira({}), ira({})], {}, DuplicateAccountError, "'ira'"),
    (
        [HouseholdAccount("ira", "ROTH", {}, 0)],  # type: ignore[arg-type]  # what a file may hold
        {},
        ChoiceError,
        "treatment of account 'ira' is 'ROTH'",
    ),
    ([replace(ira({}), cash=None)], {}, MissingCashError, "'ira' has no cash row"),
    ([replace(ira({}), cash={})], {}, MissingCashError, "'ira' has no cash row"),
    (
        [replace(ira({}), cash={"USD": 1}), replace(ira({}, name="uk"), cash={"GBP": 1})],
        {},
        AccountCurrencyError,
        "'uk' brings a second currency into the household (GBP, USD)",
    ),
    ([replace(ira({}), cash={"USD": 1, "EUR": 2})], {}, AccountCurrencyError, "(EUR, USD)"),
    ([replace(taxed({}), tax=None)], {}, TaxRulesMissingError, "'broker' is taxable"),
    ([replace(taxed({}), treatment=Treatment.TAX_FREE)], {}, UntaxedAccountError, "is tax_free"),
    (
        [taxed({}), replace(taxed({}, name="later"), tax=replace(RULES, trade_date=date(2024, 6, 4)))],
        {},
        TradeDateError,
        "'broker' and 'later'",
    ),
    ([ira({"BOND": -1})], {}, HouseholdPositionError, "BOND in account 'ira' is -1"),
    ([ira({}, withdrawal=-1)], {}, RangeError, "withdrawal from account 'ira'"),
    ([ira({}, universe="BOND")], {}, RangeError, "universe of account 'ira'"),
    ([ira({}, locks=Locks(substitutes={"BOND": "STOCK"}))], {}, NotForHouseholdsError, "account 'ira'"),
    (
        [replace(taxed({}), tax=replace(RULES, gains_budget=1))],
        {},
        OptionsConflictError,
        "gains_budget of account 'broker'",
    ),
    (
        [replace(taxed({}), tax=replace(RULES, wash=WashRules(days=30)))],
        {},
        OptionsConflictError,
        "tax.wash of account 'broker'",
    ),
    (
        [replace(taxed({}), tax=replace(RULES, harvest_above=1))],
        {},
        NotForHouseholdsError,
        "harvest_above of account 'broker'",
    ),
    ([ira({})], {"location": LOCATED}, LocationRateError, "STOCK in an account that is tax_deferred"),
    ([ira({})], {"wash": WashRules(days=30)}, WashDateError, "no account is taxable"),
    ([ira({})], {"trading": Trading(maximum_weight="0.3")}, NotForHouseholdsError, "maximum_weight"),
    ([ira({})], {"cash_weight": "0.1"}, WeightSumError, "1.1"),
    ([ira({"OTHER": 1})], {"untargeted": "sell"}, UnpricedAssetError, "OTHER"),
]


@pytest.mark.parametrize(("accounts", "options", "error", "says"), REFUSED)
def test_what_is_refused_is_named(
    accounts: list[HouseholdAccount],
    options: dict[str, Any],
    error: type[InvalidInputError],
    says: str,
) -> None:
    with pytest.raises(error) as refused:
        calculate_household_allocation(HALF, PRICES, accounts, **options)
    assert says in str(refused.value)


def test_without_the_extra_its_name_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(HouseholdExtraMissingError, match=r"steelyard\[household\]"):
        calculate_household_allocation(HALF, PRICES, [ira({}, cash=100)])


def test_a_solver_that_gives_up_is_not_taken_for_a_proof() -> None:
    _, solver = highs()
    solver.setOptionValue("simplex_iteration_limit", 0)
    try:
        with pytest.raises(SolverError, match="Iteration limit"):
            calculate_household_allocation(HALF, PRICES, [ira({"STOCK": 7}, cash=100)])
    finally:
        solver.setOptionValue("simplex_iteration_limit", 2**31 - 1)


def test_threads_do_not_disturb_each_other() -> None:
    cases = [[ira({"STOCK": 7 + number}, cash=100), ira({"BOND": 3}, name="other")] for number in range(20)]
    alone = [calculate_household_allocation(HALF, PRICES, case) for case in cases]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda case: calculate_household_allocation(HALF, PRICES, case), cases))
    assert together == alone
