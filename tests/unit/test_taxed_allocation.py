"""Plans with tax: each figure can be checked by hand."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from steelyard.domain.lot import (
    MORE_THAN_ONE_YEAR,
    Lot,
    LotError,
    LotMethod,
    SaleExceedsLotsError,
    UnknownLotError,
)
from steelyard.domain.wash_sale import Sale
from steelyard.rebalancing.allocation import Allocation, calculate_investment_allocation
from steelyard.rebalancing.options import NO_LOCKS, WHOLE_UNITS, Band, Costs, Currencies, Locks, Mode, Trading
from steelyard.rebalancing.problem import Status
from steelyard.rebalancing.solving import BudgetError
from steelyard.rebalancing.tax import LotsMismatchError, TaxRuleError
from steelyard.rebalancing.tax_plan import TaxNeededError
from steelyard.rebalancing.tax_rules import TaxRules, WashRules

TODAY = date(2024, 6, 3)
LAST_WEEK = date(2024, 5, 27)
LAST_WINTER = date(2024, 1, 8)
YEARS_AGO = date(2020, 1, 2)


def lot(lot_id: str, asset: str, quantity: str, unit_cost: int, bought: date = YEARS_AGO) -> Lot:
    units = Decimal(quantity)
    return Lot(lot_id, asset, units, units * unit_cost, bought, "TAXABLE")


def rules(*lots: Lot) -> TaxRules:
    return TaxRules(
        trade_date=TODAY,
        short_rate="0.40",
        long_rate="0.20",
        holding=MORE_THAN_ONE_YEAR,
        method=LotMethod.MINIMUM_TAX,
        lots=lots,
        wash=WashRules(days=30),
    )


def allocate(
    weights: Mapping[str, str],
    prices: Mapping[str, int],
    tax: TaxRules,
    *,
    cash: int = 0,
    mode: Mode = Mode.TAX_AWARE,
    locks: Locks = NO_LOCKS,
    tax_weight: str = "0",
    trading: Trading = WHOLE_UNITS,
) -> Allocation:
    held: dict[str, Decimal] = {}
    for one in tax.lots:
        held[one.asset_id] = held.get(one.asset_id, Decimal(0)) + one.quantity
    return calculate_investment_allocation(
        weights,
        prices,
        held,
        cash=cash,
        mode=mode,
        locks=locks,
        costs=Costs(weight=tax_weight),
        trading=trading,
        tax=tax,
    )


def trades(allocation: Allocation) -> dict[str, Decimal]:
    return {trade.asset_id: trade.quantity for trade in allocation.trades}


def lots(allocation: Allocation) -> list[str]:
    return [f"{sold.lot_id} {sold.quantity:f} {sold.gain:+.2f} {sold.tax:+.2f}" for sold in allocation.lots]


# ── Tax beside drift ────────────────────────────────────────────────────────────────────────────────────────

TWO_LOTS = rules(lot("cheap", "A", "6", 50), lot("dear", "A", "4", 120, LAST_WINTER))
HALVES = {"A": "0.5", "B": "0.5"}
PRICES = {"A": 100, "B": 100}


def test_a_sale_takes_the_lots_with_the_least_tax() -> None:
    """Five are sold: four at a short-term loss of 20 save 8 each, one at a long-term gain of 50 costs 10."""
    allocation = allocate(HALVES, PRICES, TWO_LOTS)

    assert trades(allocation) == {"A": -5, "B": 5}
    assert lots(allocation) == ["dear 4 -80.00 -32.00", "cheap 1 +50.00 +10.00"]
    assert allocation.taxes == -22
    assert allocation.status is Status.OPTIMAL


def test_tax_that_weighs_more_than_drift_stops_the_sale() -> None:
    """The fifth would take 100 off each side: 2 · (100/1000)² = 0.02 of drift, against weight 3 · 10/1000."""
    allocation = allocate(HALVES, PRICES, TWO_LOTS, tax_weight="3")

    assert trades(allocation) == {"A": -4, "B": 4}
    (sale, _) = allocation.trades
    assert sale.tax == -32
    assert sale.bound == "cost"


def test_without_weight_on_costs_tax_is_told_and_does_not_count() -> None:
    assert trades(allocate(HALVES, PRICES, TWO_LOTS, mode=Mode.REBALANCE)) == {"A": -5, "B": 5}


def test_lots_of_parts_of_a_share_are_sold_in_whole_shares() -> None:
    """Three sold: 1.5 of the dear lot, then 1.5 of the cheap one."""
    parts = rules(lot("dear", "A", "1.5", 110, LAST_WINTER), lot("cheap", "A", "4.5", 60))

    allocation = allocate(HALVES, PRICES, parts)

    assert lots(allocation) == ["dear 1.5 -15.00 -6.00", "cheap 1.5 +60.00 +12.00"]


def test_withdrawing_sells_what_is_taxed_least() -> None:
    held = rules(lot("a", "A", "5", 50), lot("b", "B", "5", 100))

    allocation = calculate_investment_allocation(
        HALVES,
        PRICES,
        {"A": 5, "B": 5},
        investment_amount=-100,
        mode=Mode.RAISE_CASH,
        costs=Costs(weight=1),
        tax=held,
    )

    assert trades(allocation) == {"B": -1}


# ── What a budget and short-term gains bar ──────────────────────────────────────────────────────────────────


def test_a_gains_budget_stops_the_sale_and_is_named() -> None:
    """Two at a gain of 50 each are within 149, three are not."""
    budget = replace(rules(lot("a", "A", "10", 50)), gains_budget=149)

    allocation = allocate(HALVES, PRICES, budget)

    assert trades(allocation) == {"A": -2, "B": 2}
    assert "gains" in allocation.binding
    assert "the gains budget is used up" in allocation.explanations[1]


def test_a_budget_may_be_used_to_the_last_cent() -> None:
    """A gain of 8 is within a budget of 8, whatever unit the money of the plan is counted in, and not within 7.99."""
    held = rules(lot("a", "A", "1", 1))
    weights, prices = {"A": "0", "C": "1"}, {"A": 9, "C": 3}

    def sold(budget: str) -> dict[str, Decimal]:
        return trades(
            calculate_investment_allocation(
                weights, prices, {"A": 1}, cash="2.25", tax=replace(held, gains_budget=budget)
            )
        )

    assert sold("8") == {"A": -1, "C": 3}
    assert sold("7.99") == {}


def test_a_first_answer_far_from_the_bound_is_no_reason_to_stop() -> None:
    """Selling a second of A at a gain of 3 would need C sold at a loss, which costs more drift than it saves."""
    held = rules(lot("1", "A", "1", 10), lot("2", "A", "2", 12), lot("c", "C", "1", 7))
    budget = replace(held, gains_budget=7, method=LotMethod.FIFO)

    allocation = allocate({"A": "0", "B": "0.05", "C": "0.95"}, {"A": 15, "B": 1, "C": 6}, budget)

    assert allocation.status is Status.OPTIMAL
    assert trades(allocation) == {"A": -1, "B": 3, "C": 2}


def test_losses_make_room_in_the_budget() -> None:
    """The dear lot realises a loss of 80, so that one more at a gain of 50 is within a budget of -30."""
    allocation = allocate(HALVES, PRICES, replace(TWO_LOTS, gains_budget=-30))

    assert lots(allocation) == ["dear 4 -80.00 -32.00", "cheap 1 +50.00 +10.00"]


def test_short_term_gains_are_left_where_they_are_not_to_be_sold() -> None:
    short = rules(lot("new", "A", "8", 90, LAST_WINTER), lot("old", "A", "2", 10))

    allocation = allocate(HALVES, PRICES, replace(short, sells_short_term_gains=False))

    assert lots(allocation) == ["old 2 +180.00 +36.00"]
    assert "short_term_gain" in allocation.binding


@pytest.mark.parametrize("method", [LotMethod.FIFO, LotMethod.HIFO])
def test_a_method_with_an_order_stops_at_the_lot_that_may_not_be_sold(method: LotMethod) -> None:
    mixed = rules(
        lot("first", "A", "2", 120), lot("new", "A", "6", 90, LAST_WINTER), lot("x", "A", "2", 10, TODAY)
    )
    barred = replace(mixed, sells_short_term_gains=False, method=method, wash=None)

    assert lots(allocate(HALVES, PRICES, barred)) == ["first 2 -40.00 -8.00"]


def test_only_chosen_lots_are_sold() -> None:
    chosen = replace(TWO_LOTS, method=LotMethod.SPECIFIC, chosen={"A": {"cheap": 2}})

    allocation = allocate(HALVES, PRICES, chosen)

    assert lots(allocation) == ["cheap 2 +100.00 +20.00"]
    assert trades(allocation) == {"A": -2, "B": 2}


def test_a_position_of_which_nothing_is_chosen_is_not_sold() -> None:
    chosen = replace(TWO_LOTS, method=LotMethod.SPECIFIC)

    allocation = allocate(HALVES, PRICES, chosen)

    assert trades(allocation) == {}
    assert {skipped.asset_id: skipped.bound for skipped in allocation.skipped}["A"] == "no_sell"


# ── Wash sales ──────────────────────────────────────────────────────────────────────────────────────────────


def lost_last_week(asset: str) -> WashRules:
    old = Lot("sold", asset, Decimal(1), Decimal(150), YEARS_AGO, "JOINT")
    return WashRules(days=30, sales=[Sale(old, LAST_WEEK, Decimal(100))])


def test_what_lost_in_another_account_last_week_is_not_bought() -> None:
    none = replace(rules(), wash=lost_last_week("B"))

    allocation = allocate(HALVES, PRICES, none, cash=1000)

    assert trades(allocation) == {"A": 5}
    assert {skipped.asset_id: skipped.bound for skipped in allocation.skipped} == {"B": "wash_sale"}
    assert any("buying it would wash a loss" in reason for reason in allocation.explanations)


def test_its_substitute_is_bought_in_its_place() -> None:
    none = replace(rules(), wash=lost_last_week("B"))

    allocation = allocate(HALVES, {**PRICES, "C": 50}, none, cash=1000, locks=Locks(substitutes={"B": "C"}))

    assert trades(allocation) == {"A": 5, "C": 10}


def test_what_is_identical_to_what_lost_is_not_bought_either() -> None:
    none = replace(rules(), wash=replace(lost_last_week("VOO"), identical=[{"VOO", "B"}]))

    assert trades(allocate(HALVES, PRICES, none, cash=1000)) == {"A": 5}


def test_a_loss_of_31_days_ago_bars_nothing() -> None:
    wash = lost_last_week("B")
    earlier = [replace(sale, sold=date(2024, 5, 3)) for sale in wash.sales]

    allocation = allocate(HALVES, PRICES, replace(rules(), wash=replace(wash, sales=earlier)), cash=1000)

    assert trades(allocation) == {"A": 5, "B": 5}


LOSING = rules(lot("dear", "A", "10", 120))


def bought_in_the_ira(asset: str, day: date) -> WashRules:
    return WashRules(days=30, other_lots=[Lot("new", asset, Decimal(1), Decimal(100), day, "IRA")])


def test_a_loss_is_not_sold_after_a_purchase_in_another_account() -> None:
    allocation = allocate(HALVES, PRICES, replace(LOSING, wash=bought_in_the_ira("A", LAST_WEEK)))

    assert trades(allocation) == {}
    assert "wash_sale" in allocation.binding
    assert any("its loss would be a wash sale" in reason for reason in allocation.explanations)


def test_a_purchase_of_31_days_ago_bars_nothing() -> None:
    allocation = allocate(HALVES, PRICES, replace(LOSING, wash=bought_in_the_ira("A", date(2024, 5, 3))))

    assert trades(allocation) == {"A": -5, "B": 5}


def test_lots_with_gains_are_sold_around_a_loss_that_would_be_washed() -> None:
    mixed = rules(lot("dear", "A", "8", 120), lot("cheap", "A", "2", 50))

    allocation = allocate(HALVES, PRICES, replace(mixed, wash=bought_in_the_ira("A", LAST_WEEK)))

    assert lots(allocation) == ["cheap 2 +100.00 +20.00"]


def test_a_loss_is_sold_once_the_recent_purchase_is_sold_with_it() -> None:
    recent = rules(lot("dear", "A", "8", 120), lot("new", "A", "2", 90, LAST_WEEK))

    assert trades(allocate({"A": "0", "B": "1"}, PRICES, recent)) == {"A": -10, "B": 10}
    assert lots(allocate(HALVES, PRICES, recent)) == ["new 2 +20.00 +8.00", "dear 3 -60.00 -12.00"]


def test_a_plan_does_not_sell_at_a_loss_what_it_buys_under_another_name() -> None:
    """A is over its target at a loss, B under it, and both count as one; C has room for a fifth only."""
    groups = replace(LOSING, wash=WashRules(days=30, identical=[{"A", "B"}]))
    weights = {"A": "0.3", "B": "0.6", "C": "0.1"}

    allocation = allocate(weights, {**PRICES, "C": 100}, groups)

    assert allocation.status is Status.OPTIMAL
    assert trades(allocation) == {"A": -7, "C": 1}


def test_a_maximum_that_a_wash_sale_forbids_to_keep_is_named() -> None:
    wash = bought_in_the_ira("A", LAST_WEEK)

    allocation = allocate(
        HALVES, PRICES, replace(LOSING, wash=wash), trading=Trading(maximum_weight={"A": "0.8"})
    )

    assert allocation.status is Status.INFEASIBLE
    (conflict,) = allocation.conflicts
    assert conflict.constraints == ("wash_sale", "maximum_weight")
    assert "A: wait until the wash sale window has passed." in conflict.remedies


# ── Harvesting ──────────────────────────────────────────────────────────────────────────────────────────────

PORTFOLIO = rules(
    lot("deep", "A", "4", 200, LAST_WINTER),
    lot("light", "A", "2", 110, LAST_WINTER),
    lot("gain", "A", "4", 50),
    lot("b", "B", "10", 90),
)
SUBSTITUTES = Locks(substitutes={"A": "C"})


def harvest(tax: TaxRules, *, locks: Locks = SUBSTITUTES) -> Allocation:
    return allocate(HALVES, {**PRICES, "C": 100}, tax, mode=Mode.HARVEST_LOSSES, locks=locks)


def test_lots_that_have_lost_enough_are_sold_and_the_substitute_bought() -> None:
    """deep has lost 400, light 20: above 100 only the first is sold, at 40 % of 400."""
    allocation = harvest(replace(PORTFOLIO, harvest_above=100))

    assert trades(allocation) == {"A": -4, "C": 4}
    assert lots(allocation) == ["deep 4 -400.00 -160.00"]
    assert allocation.taxes == -160


def test_a_lower_threshold_harvests_more_lots() -> None:
    allocation = harvest(replace(PORTFOLIO, harvest_above=20))

    assert lots(allocation) == ["deep 4 -400.00 -160.00", "light 2 -20.00 -8.00"]


def test_a_loss_that_would_be_washed_is_not_harvested() -> None:
    wash = bought_in_the_ira("A", LAST_WEEK)

    assert trades(harvest(replace(PORTFOLIO, harvest_above=100, wash=wash))) == {}


def test_what_may_not_be_sold_is_not_harvested() -> None:
    locks = replace(SUBSTITUTES, no_sell=["A"])

    assert trades(harvest(replace(PORTFOLIO, harvest_above=100), locks=locks)) == {}


def test_a_loss_is_harvested_inside_its_band_and_its_proceeds_are_invested() -> None:
    """A is at 50 % and may be from 40 %: a harvested share leaves it inside, and goes to C, which stands in for it."""
    one = rules(lot("loss", "A", "1", 200, LAST_WINTER), lot("gain", "A", "9", 50), lot("b", "B", "10", 90))

    allocation = calculate_investment_allocation(
        HALVES,
        {**PRICES, "C": 100},
        {"A": 10, "B": 10},
        mode=Mode.HARVEST_LOSSES,
        locks=SUBSTITUTES,
        band=Band(absolute="0.1"),
        tax=replace(one, harvest_above=100),
    )

    assert allocation.status is Status.OPTIMAL
    assert trades(allocation) == {"A": -1, "C": 1}


def test_without_a_substitute_the_proceeds_stay_in_cash() -> None:
    """B is at its target; A may not be bought back within the window."""
    allocation = harvest(replace(PORTFOLIO, harvest_above=100), locks=Locks())

    assert trades(allocation) == {"A": -4}
    assert allocation.cash_after == 400


def test_two_assets_that_stand_in_for_each_other_are_not_both_harvested() -> None:
    losing = rules(lot("a", "A", "10", 130), lot("b", "B", "10", 120))
    locks = Locks(substitutes={"A": "B", "B": "A"})

    allocation = allocate(
        HALVES, PRICES, replace(losing, harvest_above=1), mode=Mode.HARVEST_LOSSES, locks=locks
    )

    assert trades(allocation) == {"A": -10, "B": 10}


def test_an_identical_substitute_is_refused() -> None:
    groups = replace(PORTFOLIO, harvest_above=100, wash=WashRules(days=30, identical=[{"A", "C"}]))

    with pytest.raises(TaxRuleError, match=r"^substitute of A is C: .* not substantially identical"):
        harvest(groups)


# ── What is refused ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", [Mode.TAX_AWARE, Mode.HARVEST_LOSSES])
def test_modes_that_weigh_tax_need_rules(mode: Mode) -> None:
    with pytest.raises(TaxNeededError, match=f"^Mode '{mode.value}' weighs taxes"):
        calculate_investment_allocation(HALVES, PRICES, {}, cash=1000, mode=mode)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (replace(TWO_LOTS, short_rate="40"), r"^short_rate is 40: it must be a fraction"),
        (replace(TWO_LOTS, long_rate="-0.1"), r"^long_rate is -0\.1: it must be a fraction"),
        (replace(TWO_LOTS, harvest_above=0), r"^harvest_above is 0: it must be an amount above 0"),
        (replace(TWO_LOTS, wash=WashRules(days=-1)), r"^days of the wash sale window is -1"),
    ],
)
def test_a_rule_out_of_its_range_is_named(wrong: TaxRules, sentence: str) -> None:
    with pytest.raises(TaxRuleError, match=sentence):
        allocate(HALVES, PRICES, wrong)


def test_harvesting_needs_a_threshold_and_lots_that_can_be_named() -> None:
    with pytest.raises(TaxRuleError, match=r"^harvest_above is None"):
        harvest(PORTFOLIO)
    with pytest.raises(TaxRuleError, match=r"^method is average"):
        harvest(replace(PORTFOLIO, harvest_above=1, method=LotMethod.AVERAGE))


def test_a_lot_from_the_future_is_refused() -> None:
    late = rules(lot("late", "A", "1", 50, date(2024, 6, 4)))

    with pytest.raises(
        LotError, match=r"^lot 'late' of A is bought on 2024-06-04, after the trade date 2024-06-03\.$"
    ):
        allocate(HALVES, PRICES, late)


@pytest.mark.parametrize("units", [7, -1])
def test_a_choice_of_what_a_lot_does_not_hold_is_refused(units: int) -> None:
    chosen = replace(TWO_LOTS, method=LotMethod.SPECIFIC, chosen={"A": {"cheap": units}})

    with pytest.raises(
        SaleExceedsLotsError, match=f"{units} of lot 'cheap' of A cannot be sold: the lots hold 6"
    ):
        allocate(HALVES, PRICES, chosen)


def test_a_choice_of_an_unknown_lot_is_refused() -> None:
    chosen = replace(TWO_LOTS, method=LotMethod.SPECIFIC, chosen={"A": {"none": 1}})

    with pytest.raises(UnknownLotError, match="'none' is chosen and not there: choose among cheap, dear"):
        allocate(HALVES, PRICES, chosen)


def test_lots_must_make_up_the_position() -> None:
    with pytest.raises(
        LotsMismatchError, match=r"^The lots of A hold 10 and its position is 11: correct either\."
    ):
        calculate_investment_allocation(HALVES, PRICES, {"A": 11}, tax=TWO_LOTS)


def test_a_budget_is_not_shared_by_currencies_solved_apart() -> None:
    with pytest.raises(BudgetError, match=r"currencies\.convert"):
        calculate_investment_allocation(
            HALVES,
            PRICES,
            {"A": 10},
            currencies=Currencies(base="USD", rates={"EUR": 2}, of={"B": "EUR"}),
            tax=replace(TWO_LOTS, gains_budget=0),
        )
