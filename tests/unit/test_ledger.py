"""The ledger replayed: what each kind of transaction does."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from bookings import BUY, DAY, LATER, SPLIT, book, euros_rise, even, lots, run
from steelyard.domain.corporate_action import NothingHeldError
from steelyard.domain.gain import CashItem
from steelyard.domain.ledger import (
    replay,
)
from steelyard.domain.lot import MORE_THAN_ONE_YEAR, LotMethod, LotMethodError, TaxRates, UnknownLotError
from steelyard.domain.posting import Place
from steelyard.domain.transaction import TransactionKind
from steelyard.domain.wash_sale import match_wash_sales


def test_costs_of_a_purchase_are_basis_and_costs_of_a_sale_lower_what_it_brings() -> None:
    answer = run(BUY, book("SELL", "T2", LATER, quantity=4, amount=600, costs=6, tax=2))

    assert lots(answer) == [("T1", 6, "603.00")]
    (gain,) = answer.gains
    assert [gain.amount, gain.lot.cost, gain.gain] == [594, 402, 192]
    assert answer.cash["A", "USD"] == -1005 + 594
    assert [item.local_amount for item in answer.fees] == [5, 4]
    assert [item.local_amount for item in answer.taxes] == [2]


@pytest.mark.parametrize(("method", "sold"), [("fifo", "T1"), ("lifo", "T3"), ("hifo", "T2")])
def test_the_method_of_the_account_says_which_lot_is_sold(method: str, sold: str) -> None:
    answer = run(
        BUY,
        book("BUY", "T2", date(2024, 4, 2), quantity=10, amount=3000),
        book("BUY", "T3", date(2024, 5, 2), quantity=10, amount=2000),
        book("SELL", "T4", LATER, quantity=10, amount=1500),
        method=LotMethod(method),
    )

    assert [gain.lot.lot_id for gain in answer.gains] == [sold]


def test_a_named_lot_goes_before_the_method() -> None:
    second = book("BUY", "T2", quantity=10, amount=3000)
    answer = run(BUY, second, book("SELL", "T3", LATER, quantity=4, amount=1, lot_id="T2"))

    assert lots(answer) == [("T1", 10, "1005.00"), ("T2", 6, "1800.00")]
    with pytest.raises(UnknownLotError, match="'T9'"):
        run(BUY, book("SELL", "T3", LATER, quantity=4, amount=1, lot_id="T9"))


def test_an_account_that_names_its_lots_has_to_where_there_is_a_choice() -> None:
    rows = [
        BUY,
        book("BUY", "T2", quantity=10, amount=3000),
        book("SPLIT", "S1", date(2024, 4, 2), quantity=10, counter_quantity=3, price=40),
    ]
    part = book("SELL", "T3", LATER, quantity=1, amount=1)
    whole = replace(part, quantity=Decimal(6))

    assert not run(*rows, whole, method=LotMethod.SPECIFIC).positions
    with pytest.raises(LotMethodError, match=r"'specific' needs the lots"):
        run(*rows, part, method=LotMethod.SPECIFIC)
    named = run(*rows, replace(part, lot_id="T2"), method=LotMethod.SPECIFIC)
    assert [gain.lot.lot_id for gain in named.gains] == ["T2"]


def test_the_lot_of_least_tax_needs_the_rates() -> None:
    rows = [
        book("BUY", "T1", date(2020, 1, 2), quantity=10, amount=500),
        book("BUY", "T2", quantity=10, amount=600),
        book("SPLIT", "S1", date(2024, 4, 2), quantity=2, counter_quantity=3, price=40),
        book("SELL", "T3", LATER, quantity=15, amount=1500),
    ]
    rates = TaxRates(Decimal("0.4"), Decimal("0.2"), MORE_THAN_ONE_YEAR)

    answer = replay(rows, methods=LotMethod.MINIMUM_TAX, convert=even, rates=rates)
    assert [gain.lot.lot_id for gain in answer.gains] == ["T1"]  # 1000 at 20 % is less than 900 at 40 %
    with pytest.raises(LotMethodError, match="rates"):
        run(*rows, method=LotMethod.MINIMUM_TAX)


def test_of_short_lots_the_one_that_brought_least_is_covered_first() -> None:
    rows = [
        book("SHORT", "T1", quantity=10, amount=1200),
        book("SHORT", "T2", quantity=10, amount=900),
        book("COVER", "T3", LATER, quantity=10, amount=1000),
    ]

    assert [gain.gain for gain in run(*rows, method=LotMethod.HIFO).gains] == [-100]


def test_average_moves_with_every_purchase() -> None:
    answer = run(
        book("BUY", "T1", quantity=10, amount=1000),
        book("BUY", "T2", quantity=10, amount=2000),
        book("SELL", "T3", LATER, quantity=10, amount=1600),
        book("BUY", "T4", date(2024, 7, 1), quantity=10, amount=2500),
        book("SELL", "T5", date(2024, 8, 1), quantity=4, amount=900),
        method=LotMethod.AVERAGE,
    )

    assert [gain.gain for gain in answer.gains] == [100, 100]  # 1600 - 10 x 150, 900 - 4 x 200


def test_a_short_sale_gains_when_the_price_falls() -> None:
    answer = run(
        book("SHORT", "T1", quantity=10, amount=1000, costs=10),
        book("COVER", "T2", LATER, quantity=4, amount=300, costs=6),
    )

    assert [gain.gain for gain in answer.gains if gain.is_short] == [396 - 306]
    position = answer.positions["A", "VTI"]
    assert [position.quantity, position.shorts[0].cost] == [-6, 594]


def test_opening_lots_keep_the_day_they_were_bought_and_its_rate() -> None:
    opening = book("OPENING", "T1", LATER, quantity=10, amount=1000, currency="EUR", acquired=DAY)
    answer = replay([opening], methods=LotMethod.FIFO, convert=euros_rise)

    lot = answer.positions["A", "VTI"].lots[0]
    assert (lot.acquired, lot.currency) == (DAY, "EUR")
    assert [lot.cost, lot.local_cost] == [1100, 1000]
    assert not answer.cash


def test_the_part_of_a_gain_that_the_rate_made_stands_apart() -> None:
    rows = [
        book("BUY", "T1", quantity=10, amount=1000, currency="EUR"),
        book("SELL", "T2", LATER, quantity=10, amount=1200, currency="EUR"),
    ]
    (gain,) = replay(rows, methods=LotMethod.FIFO, convert=euros_rise).gains

    assert [gain.gain, gain.currency_gain, gain.local_amount] == [340, 100, 1200]


def test_a_transfer_keeps_cost_day_and_id_and_may_split_a_lot() -> None:
    away = book("TRANSFER", "T2", LATER, quantity=4, counter_account_id="B")
    answer = run(BUY, away)

    assert lots(answer) == [("T1", 6, "603.00")]
    assert lots(answer, "B") == [("T1", 4, "402.00")]
    assert answer.positions["B", "VTI"].lots[0].acquired == DAY
    assert not answer.gains

    back = book("TRANSFER", "T3", LATER, quantity=4, account_id="B", counter_account_id="A")
    assert run(BUY, away, back).positions == run(BUY).positions


def test_a_transfer_to_an_account_taxed_in_another_currency_states_the_cost_anew() -> None:
    def by_account(account: str, _currency: str, _day: date) -> Decimal:
        return {"A": Decimal(2), "B": Decimal("0.5")}[account]

    away = book("TRANSFER", "T2", LATER, quantity=10, counter_account_id="B")
    answer = replay([BUY, away], methods=LotMethod.FIFO, convert=by_account)

    assert lots(answer, "B") == [("T1", 10, "502.50")]


def test_a_reinvested_dividend_makes_a_lot_of_its_net_amount() -> None:
    answer = run(BUY, book("DIVIDEND_REINVESTED", "T2", LATER, quantity=1, amount=100, costs=15, tax=15))

    assert lots(answer) == [("T1", 10, "1005.00"), ("T2", 1, "85.00")]
    assert [item.amount for item in answer.income] == [100]
    assert [item.amount for item in answer.taxes] == [15]
    assert answer.cash == {("A", "USD"): -1005}


def test_accrued_interest_is_income_paid_and_no_cost_of_the_bond() -> None:
    answer = run(
        BUY,
        book("INTEREST_PAID", "T2", amount=20),
        book("INTEREST", "T3", LATER, amount=50),
        book("REDEMPTION", "T4", LATER, quantity=10, amount=1100),
    )

    assert [item.amount for item in answer.income] == [-20, 50]
    assert [gain.gain for gain in answer.gains] == [95]
    assert not answer.positions


def test_income_of_a_short_position_is_paid() -> None:
    dividend = book("DIVIDEND", "T2", LATER, account_id="", price="0.5")
    answer = run(BUY, book("SHORT", "T1", account_id="B", quantity=4, amount=400), dividend)

    assert {item.account_id: item.amount for item in answer.income} == {"A": 5, "B": -2}
    assert answer.cash["B", "USD"] == 398


def test_a_redemption_for_every_holder_covers_what_is_short() -> None:
    answer = run(
        BUY,
        book("SHORT", "T1", account_id="B", quantity=4, amount=400),
        book("REDEMPTION", "T2", LATER, account_id="", price=90),
    )

    assert not answer.positions
    assert [gain.gain for gain in answer.gains] == [900 - 1005, 400 - 360]


def test_a_dividend_is_due_on_what_was_held_at_the_open() -> None:
    answer = run(
        BUY,
        book("BUY", "T2", LATER, quantity=90, amount=9000),
        book("DIVIDEND", "T3", LATER, account_id="", price=1),
    )

    assert [item.amount for item in answer.income] == [10]


def test_a_payment_is_due_on_the_units_after_the_actions_of_the_day() -> None:
    dividend = book("DIVIDEND", "D1", LATER, account_id="", price=1)
    capital = book("RETURN_OF_CAPITAL", "R1", LATER, account_id="", price=1)
    late = book("BUY", "B1", LATER, quantity=5, amount=5)

    answer = run(BUY, SPLIT, dividend, capital, late)

    assert [item.amount for item in answer.income] == [20]
    assert lots(answer) == [("T1", 20, "985.00"), ("B1", 5, "5.00")]


def test_actions_of_a_day_follow_each_other() -> None:
    renamed = book("SYMBOL_CHANGE", "R1", LATER, account_id="", counter_asset_id="NEW")
    answer = run(BUY, renamed, replace(SPLIT, asset_id="NEW"))

    assert lots(answer, asset="NEW") == [("T1", 20, "1005.00")]


def test_currency_bought_is_cash() -> None:
    exchange = book("FX", "T1", asset_id="", amount=110, counter_currency="EUR", counter_amount=100, costs=1)
    answer = run(exchange)

    assert answer.cash == {("A", "USD"): -111, ("A", "EUR"): 100}


def test_what_is_delivered_leaves_without_a_gain() -> None:
    answer = run(BUY, book("DELIVER", "T2", LATER, quantity=4, amount=999))

    assert not answer.gains
    (part,) = answer.delivered
    assert [part.lot.quantity, part.lot.cost] == [4, 402]
    assert part.day == LATER


def test_capital_returned_lowers_the_basis_and_beyond_it_is_a_gain() -> None:
    small = book("RETURN_OF_CAPITAL", "T2", LATER, amount=205)
    assert lots(run(BUY, small)) == [("T1", 10, "800.00")]

    large = run(BUY, small, book("RETURN_OF_CAPITAL", "T3", LATER, amount=900))
    assert lots(large) == [("T1", 10, "0.00")]
    assert [gain.gain for gain in large.gains] == [100]

    with pytest.raises(NothingHeldError, match=r"T2 \(RETURN_OF_CAPITAL\).*VTI.*account A holds none"):
        run(small)


def test_capital_is_returned_on_what_is_held_at_the_open() -> None:
    answer = run(
        BUY,
        book("SELL", "T0", LATER, quantity=10, amount=1000),
        book("RETURN_OF_CAPITAL", "T2", LATER, account_id="", price=10),
    )

    assert [gain.gain for gain in answer.gains] == [1000 - 905]


def test_sales_and_lots_go_on_to_the_wash_sales_in_units_of_today() -> None:
    answer = run(
        BUY,
        book("SELL", "T2", date(2024, 5, 20), quantity=4, amount=300),
        book("BUY", "T3", date(2024, 5, 21), quantity=3, amount=240),
        SPLIT,
        book("SELL", "T4", date(2024, 6, 4), quantity=6, amount=240),
        book("DELIVER", "T5", date(2024, 6, 5), quantity=1),
    )

    assert [(lot.lot_id, int(lot.quantity), int(lot.cost)) for lot in answer.bought] == [
        ("T1", 20, 1005),
        ("T3", 6, 240),
    ]
    washed = match_wash_sales(answer.sales, answer.bought, days=30)
    assert [wash.disallowed for wash in washed.washed] == [Decimal("76.50")]  # 102 lost on 4, replaced by 3
    assert washed.gain == sum(gain.gain for gain in answer.gains) + Decimal("76.50")


def test_income_fees_and_taxes_say_where_they_come_from() -> None:
    dividend = book("DIVIDEND", "T2", LATER, amount=100, costs=16, tax=15, currency="EUR")
    answer = replay([BUY, dividend], methods=LotMethod.FIFO, convert=euros_rise)

    (income,) = answer.income
    assert income == CashItem(
        transaction_id="T2",
        kind=TransactionKind.DIVIDEND,
        place=Place.INCOME,
        account_id="A",
        asset_id="VTI",
        day=LATER,
        currency="EUR",
        local_amount=Decimal(100),
        amount=Decimal(120),
    )
    assert answer.fees[1:] == (
        replace(income, place=Place.FEES, local_amount=Decimal(1), amount=Decimal("1.2")),
    )
    assert answer.taxes == (replace(income, place=Place.TAXES, local_amount=Decimal(15), amount=Decimal(18)),)


def test_a_gain_says_what_closed_which_lot() -> None:
    sold = book("SELL", "T2", LATER, quantity=4, amount=600, currency="EUR")
    (gain,) = replay([BUY, sold], methods=LotMethod.FIFO, convert=euros_rise).gains

    assert (gain.transaction_id, gain.closed, gain.currency) == ("T2", LATER, "EUR")
    assert (gain.account_id, gain.asset_id, gain.is_short) == ("A", "VTI", False)
    assert [gain.amount, gain.local_amount, gain.rate] == [720, 600, 1]
    assert [gain.gain, gain.currency_gain] == [318, 0]  # the lot was bought in dollars


def test_without_splits_sales_and_lots_are_as_they_are() -> None:
    answer = run(BUY, book("SELL", "T2", LATER, quantity=4, amount=300))

    assert [sale.lot for sale in answer.sales] == [gain.lot for gain in answer.gains]
    assert [(lot.lot_id, lot.quantity) for lot in answer.bought] == [("T1", Decimal(10))]
    assert not run(
        book("SHORT", "T1", quantity=4, amount=400), book("COVER", "T2", quantity=4, amount=1)
    ).sales
