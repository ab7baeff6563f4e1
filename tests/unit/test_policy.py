"""A portfolio and a policy become one call of the engine."""

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.amount import AmountError
from steelyard.domain.lot import Lot, LotMethod
from steelyard.domain.portfolio import Portfolio, Price, weekdays_since
from steelyard.rebalancing.options import Band, BandRule, CashRules, Costs, Locks, Mode, Trading
from steelyard.rebalancing.policy import NoTradeDateError, Policy, TaxPolicy, allocate
from steelyard.statements.policy import read_policy, write_policy

POUNDS = Portfolio(
    account_id="ONE",
    base_currency="GBP",
    positions={"A": Decimal(10)},
    cash={"GBP": Decimal(100), "USD": Decimal(50), "JPY": Decimal(5000)},
    targets={"A": Decimal("0.5")},
    cash_targets={"GBP": Decimal("0.2"), "USD": Decimal("0.1"), "JPY": Decimal("0.2")},
    prices={"A": Price(Decimal(20), "USD")},
    rates={"USD": Decimal("0.8"), "JPY": Decimal("0.006")},
)
TAX = TaxPolicy(Decimal("0.4"), Decimal("0.2"), 1, LotMethod.HIFO)


def test_a_currency_nothing_is_priced_in_is_an_investment_and_the_others_are_cash() -> None:
    found = allocate(POUNDS, Policy(trading=Trading(places=3)))

    # 160 pounds of A, 140 of cash that pays, 30 of yen: a whole of 330
    assert set(found.weights_before) == {"A", "JPY"}
    assert found.weights_before["JPY"] == Decimal("0.090909090909")
    assert found.weights_before["JPY"] - found.drift_before["JPY"] == Decimal("0.2")
    [yen] = [trade for trade in found.trades if trade.asset_id == "JPY"]
    assert (yen.price, yen.currency) == (Decimal("0.006"), "GBP")
    assert yen.quantity == yen.quantity.quantize(Decimal("0.01"))
    assert set(found.cash_by_currency) == {"GBP", "USD"}


def test_stated_cash_rules_stay_beside_the_weight_of_the_model() -> None:
    found = allocate(POUNDS, Policy(cash=CashRules(floor=120)))

    assert found.cash_after >= 120


def test_one_unnamed_currency_needs_no_rates() -> None:
    plain = replace(
        POUNDS,
        base_currency="",
        cash={"": Decimal(100)},
        cash_targets={"": Decimal("0.5")},
        prices={"A": Price(Decimal(20))},
        rates={},
    )

    found = allocate(plain, Policy())

    # 200 of A and 100 of cash: 150 is 7.5 shares, and 7 and 8 are equally near; fewer are traded
    [trade] = found.trades
    assert (trade.asset_id, trade.currency) == ("A", None)
    assert trade.quantity == -2
    assert found.cash_after == 140


def test_tax_needs_a_day() -> None:
    with pytest.raises(NoTradeDateError, match="trade_date"):
        allocate(POUNDS, Policy(tax=TAX))


def test_lots_of_other_accounts_matter_to_wash_sales_only() -> None:
    day = date(2026, 3, 2)
    mine = Lot("1", "A", Decimal(10), Decimal(500), date(2020, 1, 2))
    bought = Lot("2", "A", Decimal(10), Decimal(160), day - timedelta(10), "OTHER")
    held = replace(
        POUNDS,
        base_currency="USD",
        cash={"USD": Decimal(0)},
        cash_targets={"USD": Decimal("0.5")},
        rates={},
        as_of=day,
    )

    unwatched = allocate(replace(held, lots=(mine, bought)), Policy(tax=TAX))
    watched = allocate(replace(held, lots=(mine, bought)), Policy(tax=replace(TAX, wash_days=30)))
    apart = allocate(replace(held, lots=(mine,)), Policy(tax=replace(TAX, wash_days=30)))

    assert unwatched.trades == apart.trades
    assert unwatched.trades[0].quantity < 0
    assert watched.trades == ()


@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(-10, 400))
def test_weekdays_are_counted_one_by_one(day: date, later: int) -> None:
    days = [day + timedelta(number) for number in range(1, later + 1)]

    assert weekdays_since(day, day + timedelta(later)) == sum(one.weekday() < 5 for one in days)


def test_a_policy_that_is_written_reads_as_it_was() -> None:
    policy = Policy(
        mode=Mode.TAX_AWARE,
        band=Band(absolute="0.05", rule=BandRule.EDGE),
        cash=CashRules(floor=100, weight=Decimal("0.10")),
        trading=Trading(places={"A": 2}, minimum_value={"A": 5}, maximum_weight="0.4"),
        locks=Locks(no_buy={"B", "A"}, hold=["C"], substitutes={"A": "B"}),
        costs=Costs(fee="1.5", spread={"A": "0.001"}),
        tax=replace(TAX, trade_date=date(2024, 3, 14), wash_days=30, identical=[["A", "B"]]),
        convert=True,
        weight_places=4,
    )

    written = write_policy(policy)
    again = read_policy(json.loads(json.dumps(written)), "a test")
    assert write_policy(again) == written
    assert written["locks"]["no_buy"] == ["A", "B"]
    assert written["cash"] == {"floor": "100", "weight": "0.10"}
    assert (again.mode, again.weight_places, again.convert) == (Mode.TAX_AWARE, 4, True)
    assert (again.trading.places, again.trading.maximum_weight) == ({"A": 2}, "0.4")
    assert (again.locks.hold, again.locks.substitutes) == (("C",), {"A": "B"})
    assert again.tax is not None
    assert (again.tax.method, again.tax.trade_date) == (LotMethod.HIFO, date(2024, 3, 14))


def test_a_policy_with_a_float_is_not_written() -> None:
    with pytest.raises(AmountError, match="a float"):
        write_policy(Policy(cash=CashRules(floor=0.1)))  # type: ignore[arg-type]  # what nobody should
