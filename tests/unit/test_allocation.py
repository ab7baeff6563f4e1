"""What `calculate_investment_allocation` answers: every option on accounts that can be redone by hand."""

import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest

from steelyard.rebalancing.allocation import Allocation, calculate_investment_allocation
from steelyard.rebalancing.options import (
    Band,
    BandRule,
    CashRules,
    Costs,
    Currencies,
    Locks,
    Mode,
    Objective,
    Trading,
    Untargeted,
)
from steelyard.rebalancing.problem import Status
from steelyard.rebalancing.trade import Bound, Conflict

HALVES = {"A": "0.5", "B": "0.5"}
TEN = {"A": 10, "B": 10}


def allocate(held: Any = None, target: Any = None, prices: Any = None, **options: Any) -> Allocation:
    """Allocate to two halves at a price of 10 each, but for what is given."""
    return calculate_investment_allocation(
        HALVES if target is None else target, TEN if prices is None else prices, held or {}, **options
    )


def quantities(found: Allocation) -> dict[str, Decimal]:
    return {trade.asset_id: trade.quantity for trade in found.trades}


def bounds(found: Allocation) -> dict[str, Bound | None]:
    traded = {trade.asset_id: trade.bound for trade in found.trades}
    return traded | {item.asset_id: item.bound for item in found.skipped}


# ── Targets ─────────────────────────────────────────────────────────────────────────────────────────────


def test_an_overweight_asset_pays_for_an_underweight_one() -> None:
    found = allocate({"A": 80, "B": 20})

    assert quantities(found) == {"A": -30, "B": 30}
    assert found.weights_before == {"A": Decimal("0.8"), "B": Decimal("0.2")}
    assert found.weights_after == {"A": Decimal("0.5"), "B": Decimal("0.5")}
    assert found.drift_before == {"A": Decimal("0.3"), "B": Decimal("-0.3")}
    assert (found.total_drift_before, found.total_drift_after) == (Decimal("0.3"), Decimal(0))
    assert found.objective == found.lower_bound == found.gap == 0
    assert found.status is Status.OPTIMAL
    assert found.cash_after == 0


def test_cash_is_shared_out_with_what_is_held() -> None:
    found = allocate({"A": 60}, cash=405)

    assert quantities(found) == {"A": -10, "B": 50}
    assert found.cash_after == 5
    assert found.objective == Decimal("12.5")  # each is 2.50 from 502.50, squared
    assert found.total_drift_after == Decimal("0.004975124378")  # 5 of 1,005 lie in cash


def test_a_target_of_zero_sells_and_no_target_leaves_alone_unless_told() -> None:
    held, prices = {"A": 10, "B": 10, "C": 5}, {**TEN, "C": 10}

    assert quantities(allocate(held, {**HALVES, "C": 0}, prices)) == {"A": 2, "B": 2, "C": -5}
    assert quantities(allocate(held, HALVES, prices)) == {}
    assert quantities(allocate(held, HALVES, prices, untargeted=Untargeted.SELL)) == {"A": 2, "B": 2, "C": -5}
    assert bounds(allocate(held, HALVES, prices))["C"] is Bound.UNTARGETED


def test_a_zero_target_is_never_bought_to_use_up_cash() -> None:
    found = allocate({}, {"A": 1, "Z": 0}, {"A": 100, "Z": 1}, cash=199)

    assert quantities(found) == {"A": 1}


def test_shares_that_do_not_come_out_even_end_nearest() -> None:
    third = {"A": "0.333333333333", "B": "0.333333333333", "C": "0.333333333334"}
    found = allocate({}, third, dict.fromkeys(third, 1), cash=100)

    assert quantities(found) == {"A": 33, "B": 33, "C": 33}  # a 34th is 2/3 off, the 33rd 1/3
    assert found.cash_after == 1


# ── Quantities ──────────────────────────────────────────────────────────────────────────────────────────


def test_fractional_and_whole_assets_stand_side_by_side() -> None:
    found = allocate({}, prices={"A": 30, "B": 70}, trading=Trading(places={"A": 3}), cash=1000)

    assert quantities(found) == {"A": Decimal("16.667"), "B": 7}
    assert found.cash_after == Decimal("9.99")


def test_round_lots_are_multiples() -> None:
    found = allocate({}, trading=Trading(lot_size={"A": 20}), cash=1000)

    assert quantities(found) == {"A": 40, "B": 50}


def test_what_is_held_below_one_step_stays_and_says_so() -> None:
    found = allocate({"A": "10.6"}, {"A": 0, "B": 1})

    assert quantities(found) == {"A": -10, "B": 10}
    assert found.trades[0].bound is Bound.NOTHING_HELD
    assert found.weights_after["A"] == Decimal("0.056603773585")


@pytest.mark.parametrize(
    ("trading", "bound"),
    [
        (Trading(minimum_quantity=31), Bound.MINIMUM_QUANTITY),
        (Trading(minimum_value=301), Bound.MINIMUM_VALUE),
        (Trading(minimum_value={"A": 301, "B": 301}), Bound.MINIMUM_VALUE),
    ],
)
def test_a_trade_below_the_minimum_is_none_or_is_the_minimum(trading: Trading, bound: Bound) -> None:
    assert quantities(allocate({"A": 80, "B": 20}, trading=trading)) == {"A": -31, "B": 31}

    small = allocate({"A": 55, "B": 45}, trading=trading)

    assert quantities(small) == {}
    assert set(bounds(small).values()) == {bound}


def test_a_position_is_kept_below_its_maximum() -> None:
    found = allocate({}, cash=1000, trading=Trading(maximum_weight={"A": "0.405"}))

    assert quantities(found) == {"A": 40, "B": 50}
    assert bounds(found)["A"] is Bound.MAXIMUM_WEIGHT
    assert quantities(
        allocate({"A": 60, "B": 40}, {"A": "0.6", "B": "0.4"}, trading=Trading(maximum_weight="0.5"))
    ) == {"A": -10}


# ── Cash ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_floor_is_kept_and_targets_are_of_the_whole() -> None:
    found = allocate({}, cash=1000, cash_rules=CashRules(floor=100))

    assert quantities(found) == {"A": 45, "B": 45}
    assert found.cash_after == 100
    assert found.binding == ("cash",)


def test_a_cash_target_is_not_shared_out_and_missing_it_is_drift() -> None:
    by_amount = allocate({}, cash=1000, cash_rules=CashRules(target=100))
    by_weight = allocate({}, {"A": "0.45", "B": "0.45"}, cash=1000, cash_rules=CashRules(weight="0.1"))

    assert quantities(by_amount) == quantities(by_weight) == {"A": 45, "B": 45}
    assert by_amount.total_drift_after == by_weight.total_drift_after == 0
    short = allocate({"A": 50, "B": 50}, cash_rules=CashRules(target=100))
    assert quantities(short) == {"A": -5, "B": -5}


def test_cash_set_aside_is_neither_spent_nor_shared_out() -> None:
    target = {"A": "0.8", "B": "0.2"}

    retained = allocate({}, target, cash=1000, cash_rules=CashRules(retain_at_least=500))
    limited = allocate({}, target, cash=1000, cash_rules=CashRules(allocate_at_most=500))

    assert quantities(retained) == quantities(limited) == {"A": 40, "B": 10}
    floored = allocate({}, target, cash=1000, cash_rules=CashRules(floor=500))
    assert quantities(floored) == {
        "A": 50
    }  # 300 + 200 short, the shortfall shared in money as far as it goes
    # what is not there cannot be retained, and nothing is sold for it
    assert quantities(allocate({"A": 40, "B": 10}, target, cash_rules=CashRules(retain_at_least=500))) == {}


def test_an_overdraft_is_paid_back() -> None:
    found = allocate({"A": 60, "B": 60}, cash=-200)

    assert quantities(found) == {"A": -10, "B": -10}
    assert found.cash_after == 0


# ── Modes ───────────────────────────────────────────────────────────────────────────────────────────────


def test_buy_only_invests_and_sells_nothing() -> None:
    found = allocate({"A": 80, "B": 20}, investment_amount=100, mode=Mode.BUY_ONLY)

    assert quantities(found) == {"B": 10}
    assert bounds(found) == {"A": Bound.MODE, "B": Bound.CASH}


def test_raising_cash_sells_what_is_furthest_above_and_no_more() -> None:
    found = allocate({"A": 80, "B": 60}, investment_amount=-300, mode=Mode.RAISE_CASH)

    assert quantities(found) == {"A": -25, "B": -5}  # 550 each: 1,100 is left to share
    assert found.cash_after == 0
    little = allocate({"A": 80, "B": 20}, investment_amount=-100, mode=Mode.RAISE_CASH)
    assert quantities(little) == {"A": -10}
    assert quantities(allocate({"A": 80, "B": 20}, mode=Mode.RAISE_CASH)) == {}


def test_raising_cash_pays_its_own_costs() -> None:
    found = allocate({"A": 80, "B": 20}, investment_amount=-100, mode=Mode.RAISE_CASH, costs=Costs(fee=1))

    assert quantities(found) == {"A": -11}
    assert found.cash_after == 9


# ── Bands ───────────────────────────────────────────────────────────────────────────────────────────────


def test_inside_its_band_nothing_is_traded_and_on_the_edge_is_inside() -> None:
    inside = allocate({"A": 55, "B": 45}, band=Band(absolute="0.05"))

    assert quantities(inside) == {}
    assert set(bounds(inside).values()) == {Bound.BAND}
    assert quantities(allocate({"A": 56, "B": 44}, band=Band(absolute="0.05"))) == {"A": -6, "B": 6}


def test_an_asset_outside_comes_back_to_the_edge_where_asked() -> None:
    band = Band(absolute="0.05", rule=BandRule.EDGE)

    assert quantities(allocate({"A": 60, "B": 40}, band=band)) == {"A": -5, "B": 5}


def test_the_narrower_of_an_absolute_and_a_relative_band_holds() -> None:
    target = {"A": "0.1", "B": "0.9"}
    band = Band(absolute="0.5", relative="0.2", rule=BandRule.EDGE)

    assert quantities(allocate({"A": 15, "B": 85}, target, band=band)) == {"A": -3, "B": 3}
    assert quantities(allocate({"A": 12, "B": 88}, target, band=band)) == {}


def test_what_an_asset_outside_frees_is_bought_of_those_inside() -> None:
    target = {"A": "0.4", "B": "0.3", "C": "0.3"}
    found = allocate({"A": 46, "B": 27, "C": 27}, target, {**TEN, "C": 10}, band=Band(absolute="0.05"))

    assert quantities(found) == {"A": -6, "B": 3, "C": 3}


def test_a_deposit_inside_the_bands_still_gets_a_plan() -> None:
    found = allocate({"A": 52, "B": 48}, investment_amount=100, band=Band(absolute="0.05"))

    assert quantities(found) == {"A": 3, "B": 7}
    assert quantities(allocate({"A": 52, "B": 48}, cash=100, band=Band(absolute="0.1"))) == {}


def test_a_target_of_zero_has_no_band() -> None:
    assert quantities(allocate({"A": 97, "B": 3}, {"A": 1, "B": 0}, band=Band(absolute="0.05"))) == {
        "A": 3,
        "B": -3,
    }


# ── Locks ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("locks", "traded", "bound"),
    [
        (Locks(no_sell=["A"]), {}, Bound.NO_SELL),
        (Locks(hold=["A"]), {}, Bound.HOLD),
        (Locks(restricted=["A"]), {}, Bound.RESTRICTED),
    ],
)
def test_a_sale_that_is_locked_never_funds_a_purchase(
    locks: Locks, traded: dict[str, Decimal], bound: Bound
) -> None:
    found = allocate({"A": 80, "B": 20}, locks=locks)

    assert quantities(found) == traded
    assert bounds(found) == {"A": bound, "B": Bound.CASH}
    assert found.cash_after == 0


def test_what_may_not_be_bought_is_only_sold() -> None:
    assert quantities(allocate({"A": 80, "B": 20}, locks=Locks(no_buy=["B"]))) == {"A": -30}


def test_a_substitute_is_bought_in_place_of_what_may_not_be() -> None:
    locks = Locks(no_buy=["B"], substitutes={"B": "S"})
    found = allocate({"A": 80, "B": 20}, prices={**TEN, "S": 5}, locks=locks)

    assert quantities(found) == {"A": -30, "S": 60}
    assert found.total_drift_after == 0
    assert quantities(
        allocate({"A": 80, "B": 20}, prices={**TEN, "S": 5}, locks=Locks(substitutes={"B": "S"}))
    ) == {
        "A": -30,
        "B": 30,
    }


# ── Costs ───────────────────────────────────────────────────────────────────────────────────────────────


def test_fees_and_half_the_spread_are_paid_from_cash() -> None:
    found = allocate({}, cash=1000, costs=Costs(fee=1, spread="0.02", weight=0))

    assert quantities(found) == {"A": 49, "B": 49}
    assert [trade.cost for trade in found.trades] == [Decimal("5.9"), Decimal("5.9")]  # 1 + 49 · 0.10
    assert found.fees == Decimal("11.8")
    assert found.cash_after == 1000 - 980 - Decimal("11.8")


def test_a_trade_that_costs_more_than_the_drift_it_removes_is_left_out() -> None:
    dear, cheap = Costs(fee=5), Costs(fee=5, weight="0.001")
    held = {
        "A": 51,
        "B": 49,
    }  # trading one of each takes 200 off the 250 of drift², 0.0002 of 1,010², and costs 0.01

    assert quantities(allocate(held, costs=dear, cash=10)) == {}
    assert quantities(allocate(held, costs=cheap, cash=10)) == {"A": -1, "B": 1}
    assert bounds(allocate({"A": 51, "B": 49}, costs=dear, cash=30))["B"] is Bound.COST


def test_a_spread_finer_than_money_is_rounded_up() -> None:
    found = allocate({}, {"A": 1}, {"A": "10.01"}, cash=100, costs=Costs(spread="0.0001234567", weight=0))

    assert found.trades[0].cost == 9 * Decimal("0.000618")  # 10.01 · 0.0001234567 / 2 = 0.00061790…


# ── Objectives ──────────────────────────────────────────────────────────────────────────────────────────


def test_l1_and_l2_differ_where_one_large_miss_stands_against_many_small_ones() -> None:
    target = {"A": "0.5", "B": "0.25", "C": "0.25"}
    prices = {"A": 90, "B": 20, "C": 20}

    squares = allocate({}, target, prices, cash=200)
    absolute = allocate({}, target, prices, cash=200, objective=Objective.L1)

    assert squares.objective == sum((Decimal(off) ** 2 for off in (100 - 90, 50 - 60, 50 - 40)), Decimal(0))
    assert absolute.objective == 30
    assert absolute.status is squares.status is Status.OPTIMAL


# ── Currencies ──────────────────────────────────────────────────────────────────────────────────────────

EURO = Currencies("USD", {"EUR": "1.25"}, {"B": "EUR"})


def test_without_conversion_each_currency_pays_for_its_own() -> None:
    found = allocate({}, prices={"A": 10, "B": 8}, cash={"USD": 600, "EUR": 320}, currencies=EURO)

    assert quantities(found) == {
        "A": 50,
        "B": 40,
    }  # 500 of 1,000 each; only 320 EUR = 400 USD are there for B
    assert found.cash_by_currency == {"USD": 100, "EUR": 0}
    assert found.cash_after == 100
    assert found.conversions == ()
    assert {trade.currency: trade.value for trade in found.trades} == {
        "USD": Decimal(500),
        "EUR": Decimal(400),
    }


def test_with_conversion_what_is_missing_is_bought_explicitly() -> None:
    currencies = Currencies("USD", {"EUR": "1.25"}, {"B": "EUR"}, convert=True)
    found = allocate({}, prices={"A": 10, "B": 8}, cash={"USD": 600, "EUR": 320}, currencies=currencies)

    assert quantities(found) == {"A": 50, "B": 50}
    [conversion] = found.conversions
    assert f"{conversion.sold} {conversion.sold_currency}" == "100 USD"
    assert f"{conversion.bought} {conversion.bought_currency}" == "80 EUR"
    assert found.cash_by_currency == {"USD": 0, "EUR": 0}
    assert found.status is Status.OPTIMAL


def test_a_conversion_that_costs_is_paid_and_the_gap_is_stated() -> None:
    currencies = Currencies("USD", {"EUR": "1.25"}, {"B": "EUR"}, convert=True, spread="0.01")
    found = allocate({}, prices={"A": 10, "B": 8}, cash={"USD": 1000}, currencies=currencies)

    assert quantities(found) == {"A": 49, "B": 50}
    [conversion] = found.conversions
    assert (conversion.sold, conversion.bought, conversion.cost) == (
        Decimal("502.5"),
        Decimal(400),
        Decimal("2.5"),
    )
    assert found.cash_by_currency == {"USD": Decimal("7.5"), "EUR": 0}
    assert found.cash_after == Decimal("7.5")
    assert found.fees == Decimal("2.5")
    assert found.status is Status.WITHIN_GAP
    assert found.gap == found.objective - found.lower_bound > 0
    assert found.lower_bound == 0


def test_a_foreign_currency_pays_a_debt_in_the_base() -> None:
    currencies = Currencies("USD", {"EUR": "1.25"}, {"B": "EUR"}, convert=True)
    found = allocate({"A": 10, "B": 10}, prices={"A": 10, "B": 8}, cash={"EUR": 160}, currencies=currencies)

    assert quantities(found) == {"A": 10, "B": 10}
    [conversion] = found.conversions
    assert f"{conversion.sold} {conversion.sold_currency}" == "80 EUR"
    assert conversion.bought == 100


def test_pence_are_hundredths_of_pounds() -> None:
    currencies = Currencies("GBP", of={"A": "GBX"})
    found = allocate({}, {"A": 1}, {"A": 250}, cash={"GBP": 9, "GBX": 200}, currencies=currencies)

    assert quantities(found) == {"A": 4}
    assert found.cash_by_currency == {"GBP": 1}
    assert found.trades[0].value == 10
    assert found.trades[0].currency == "GBX"


# ── Conflicts ───────────────────────────────────────────────────────────────────────────────────────────


def only_conflict(found: Allocation) -> Conflict:
    assert found.status is Status.INFEASIBLE
    assert found.trades == ()
    assert found.explanations[0] == "No trades keep every constraint."
    [conflict] = found.conflicts
    return conflict


def test_an_asset_above_its_maximum_that_may_not_be_sold_is_named() -> None:
    locks, trading = Locks(hold=["A"]), Trading(maximum_weight={"A": "0.6"})
    conflict = only_conflict(allocate({"A": 80, "B": 20}, locks=locks, trading=trading))

    assert (conflict.asset_id, conflict.constraints) == ("A", ("hold", "maximum_weight"))
    assert conflict.remedies == ("A: take the hold off it.", "A: raise its maximum weight.")


def test_cash_that_cannot_be_raised_is_named_with_the_smallest_changes_that_help() -> None:
    options: dict[str, Any] = {"cash": 50, "investment_amount": -300}
    locks, rules = Locks(no_sell=["A"]), CashRules(floor=100)
    conflict = only_conflict(allocate({"A": 80, "B": 20}, **options, locks=locks, cash_rules=rules))

    assert conflict.constraints == ("cash_floor", "no_sell")
    assert conflict.reason.endswith(
        "before any trade it is -250, and the sales that are allowed bring 200: 150 is missing."
    )
    assert conflict.remedies == (
        "Bring in 150 more, or withdraw as much less.",
        "Allow selling 15 A (no_sell).",
    )


@pytest.mark.parametrize(
    ("floor", "amount", "status"),
    [
        (70, -300, Status.INFEASIBLE),  # 50 of cash, 200 of B: 20 too few for a floor of 70 and 200 going out
        (50, -200, Status.OPTIMAL),
        (70, -180, Status.OPTIMAL),
        (70, -181, Status.INFEASIBLE),
        (51, -200, Status.INFEASIBLE),
    ],
)
def test_the_change_that_is_named_helps_and_a_smaller_one_does_not(
    floor: int, amount: int, status: Status
) -> None:
    locks, rules = Locks(no_sell=["A"]), CashRules(floor=floor)
    found = allocate({"A": 80, "B": 20}, cash=50, investment_amount=amount, locks=locks, cash_rules=rules)

    assert found.status is status


def test_lowering_the_floor_is_named_where_it_is_enough() -> None:
    rules = CashRules(floor=100)
    conflict = only_conflict(allocate({"A": 8}, {"A": 1}, cash=10, locks=Locks(hold=["A"]), cash_rules=rules))

    assert conflict.remedies[0] == "Lower what must stay in cash by 90."


def test_withdrawing_more_than_there_is_is_infeasible() -> None:
    conflict = only_conflict(allocate({"A": 8}, {"A": 1}, investment_amount=-100))

    assert "Bring in 20 more, or withdraw as much less." in conflict.remedies


# ── Sentences ───────────────────────────────────────────────────────────────────────────────────────────


def test_every_trade_and_every_asset_left_alone_has_its_sentence() -> None:
    found = allocate({"A": 80, "B": 20, "C": 1}, locks=Locks(no_sell=["A"]), cash=15)

    assert found.explanations == (
        "1 trade brings total drift from 30.30 % to 29.31 %. It is proven that no other trades come closer.",
        "Buy 1 B: it is 19.7 % of the whole and its target is 50.0 %; it comes to 20.7 %; the cash is used up.",
        "A is not traded: it is 78.8 % of the whole, its target is 50.0 %, and it may not be sold.",
        "C has no target and is left alone; give it a target of 0, or untargeted='sell', to sell it.",
    )


# ── Start ───────────────────────────────────────────────────────────────────────────────────────────────

COLD = """
import sys, steelyard
found = steelyard.calculate_investment_allocation({"A": 1}, {"A": 10}, {}, cash=105)
print(found.trades[0].quantity, *sorted({"numpy", "numba", "pyarrow", "sqlalchemy"} & sys.modules.keys()))
"""


def test_a_small_account_is_answered_without_anything_heavy() -> None:
    answer = subprocess.run([sys.executable, "-c", COLD], capture_output=True, text=True, check=True)

    assert answer.stdout.split() == ["10"]
