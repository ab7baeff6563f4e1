"""What each kind of transaction moves, place by place, and what corporate actions make of holdings."""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from steelyard.domain.posting import RULES, action_outcome, postings_of
from steelyard.domain.transaction import ACTIONS, Transaction, TransactionKind

DAY = date(2024, 3, 14)


def make(kind: str, **what: Any) -> Transaction:
    """Make a transaction of 10 X for 500 dollars, with 7 of costs of which 3 are tax."""
    numbers = {
        name: Decimal(value) if isinstance(value, (int, float)) else value for name, value in what.items()
    }
    named: dict[str, Any] = {
        "account_id": "A",
        "asset_id": "X",
        "currency": "USD",
        "quantity": Decimal(10),
        "amount": Decimal(500),
        "costs": Decimal(7),
        "tax": Decimal(3),
    }
    return Transaction(transaction_id="T", kind=TransactionKind(kind), trade_date=DAY, **(named | numbers))


def moved(one: Transaction, held: int = 0) -> dict[str, str]:
    """Sum what is moved by place and commodity; another account than A is named."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in postings_of(one, held=Decimal(held)):
        assert line.is_cash == (line.commodity in {"USD", "EUR"})
        account = "" if line.account_id == "A" else f"{line.account_id}:"
        sums[f"{account}{line.place.value} {line.commodity}"] += line.quantity
    return {name: f"{quantity.normalize():f}" for name, quantity in sums.items()}


COSTS = {"fees USD": "4", "taxes USD": "3"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("BUY", {"held X": "10", "market X": "-10", "held USD": "-507", "market USD": "500"}),
        ("COVER", {"held X": "10", "market X": "-10", "held USD": "-507", "market USD": "500"}),
        ("SELL", {"held X": "-10", "market X": "10", "held USD": "493", "market USD": "-500"}),
        ("SHORT", {"held X": "-10", "market X": "10", "held USD": "493", "market USD": "-500"}),
        ("REDEMPTION", {"held X": "-10", "market X": "10", "held USD": "493", "market USD": "-500"}),
        ("DIVIDEND", {"held USD": "493", "income USD": "-500"}),
        ("INTEREST", {"held USD": "493", "income USD": "-500"}),
        ("INTEREST_PAID", {"held USD": "-507", "income USD": "500"}),
        ("DEPOSIT", {"held USD": "493", "outside USD": "-500"}),
        ("WITHDRAWAL", {"held USD": "-507", "outside USD": "500"}),
        ("RETURN_OF_CAPITAL", {"held USD": "493", "issuer USD": "-500"}),
        ("OPENING", {"held X": "10", "outside X": "-10", "held USD": "-7"}),
        ("RECEIVE", {"held X": "10", "outside X": "-10", "held USD": "-7"}),
        ("DELIVER", {"held X": "-10", "outside X": "10", "held USD": "-7"}),
        (
            "DIVIDEND_REINVESTED",
            {"held X": "10", "market X": "-10", "income USD": "-500", "market USD": "493"},
        ),
    ],
)
def test_a_kind_moves_units_and_money_between_its_places(kind: str, expected: dict[str, str]) -> None:
    assert moved(make(kind)) == expected | COSTS


@pytest.mark.parametrize(
    ("kind", "held", "other"),
    [
        ("FEE", "-500", {"fees USD": "500"}),
        ("FEE_REFUND", "500", {"fees USD": "-500"}),
        ("TAX", "-500", {"taxes USD": "500"}),
        ("TAX_REFUND", "500", {"taxes USD": "-500"}),
    ],
)
def test_fees_and_taxes_go_where_they_are_counted(kind: str, held: str, other: dict[str, str]) -> None:
    assert moved(make(kind, costs=0, tax=0)) == {"held USD": held} | other


def test_cash_may_be_opened_and_transferred() -> None:
    assert moved(make("OPENING", asset_id="", costs=0, tax=0)) == {"held USD": "500", "outside USD": "-500"}
    assert moved(make("TRANSFER", asset_id="", counter_account_id="B")) == (
        {"held USD": "-507", "B:held USD": "500"} | COSTS
    )


def test_a_transfer_moves_units_and_its_costs_stay() -> None:
    assert moved(make("TRANSFER", counter_account_id="B")) == (
        {"held X": "-10", "B:held X": "10", "held USD": "-7"} | COSTS
    )


def test_an_exchange_sells_one_currency_for_another() -> None:
    exchange = make("FX", asset_id="", counter_currency="EUR", counter_amount=450)

    assert moved(exchange) == (
        {"held USD": "-507", "market USD": "500", "held EUR": "450", "market EUR": "-450"} | COSTS
    )


@pytest.mark.parametrize(
    ("kind", "what", "expected"),
    [
        ("SPLIT", {"counter_quantity": 15}, {"held X": "2.5", "issuer X": "-2.5"}),
        (
            "SPLIT",
            {"counter_quantity": 15, "price": 8},
            {"held X": "2", "issuer X": "-2", "held USD": "4", "issuer USD": "-4"},
        ),
        (
            "SPIN_OFF",
            {"counter_quantity": 15, "amount": 3},
            {"held Y": "7", "issuer Y": "-7", "held USD": "3", "issuer USD": "-3"},
        ),
        (
            "MERGER",
            {"counter_quantity": 15, "price": 2},
            {
                "held X": "-5",
                "issuer X": "5",
                "held Y": "7.5",
                "issuer Y": "-7.5",
                "held USD": "10",
                "issuer USD": "-10",
            },
        ),
        ("SYMBOL_CHANGE", {}, {"held X": "-5", "issuer X": "5", "held Y": "5", "issuer Y": "-5"}),
    ],
)
def test_an_action_moves_what_follows_from_what_is_held(
    kind: str, what: dict[str, Any], expected: dict[str, str]
) -> None:
    action = make(kind, **({"amount": 0, "costs": 0, "tax": 0, "counter_asset_id": "Y"} | what))

    assert moved(action, held=5) == expected
    mirrored = {name: number[1:] if number[0] == "-" else f"-{number}" for name, number in expected.items()}
    assert moved(action, held=-5) == mirrored


@pytest.mark.parametrize(
    ("kind", "held", "what", "expected"),
    [
        ("SPLIT", 5, {"counter_quantity": 15}, ("7.5", "0")),
        ("SPLIT", 5, {"counter_quantity": 15, "amount": 3, "price": 40}, ("7", "3")),
        ("SPLIT", -5, {"counter_quantity": 15, "price": 40}, ("-7", "-20")),
        ("SPLIT", 1, {"quantity": 3, "counter_quantity": 2}, ("0.666666666667", "0")),
        ("SPIN_OFF", 25, {"counter_quantity": 1, "price": 12}, ("2", "6")),
        ("MERGER", 25, {"counter_quantity": 1, "price": 12}, ("2.5", "300")),
        ("MERGER", 25, {"counter_quantity": 1, "price": 12, "amount": 6}, ("2", "306")),
        ("MERGER", -25, {"counter_quantity": 1, "amount": 6}, ("-2", "-6")),
        ("SYMBOL_CHANGE", 25, {"amount": 0}, ("25", "0")),
        ("SPLIT", 0, {"counter_quantity": 15, "price": 40}, ("0", "0")),
        ("SPLIT", 1, {"quantity": 3, "counter_quantity": 1, "price": 0.125}, ("0", "0.04166667")),
    ],
)
def test_the_units_and_the_cash_of_an_action(
    kind: str, held: int, what: dict[str, Any], expected: tuple[str, str]
) -> None:
    action = make(kind, **({"amount": 0, "counter_asset_id": "Y"} | what))

    became, cash = action_outcome(action, Decimal(held))
    assert (became, cash) == (Decimal(expected[0]), Decimal(expected[1]))


def test_every_kind_is_tried() -> None:
    others = {TransactionKind.TRANSFER, TransactionKind.FX, TransactionKind.DIVIDEND_REINVESTED}

    assert RULES.keys() | ACTIONS | others == set(TransactionKind)


def test_quantities_beyond_28_digits_keep_every_one() -> None:
    units = Decimal("123456789012345678901234.123456789012")
    change = make("SYMBOL_CHANGE", amount=0, costs=0, tax=0, counter_asset_id="Y")
    split = make("SPLIT", amount=0, costs=0, tax=0, quantity=1, counter_quantity=3)

    assert {line.quantity.copy_abs() for line in postings_of(change, held=units)} == {units}
    assert action_outcome(split, units)[0] == Decimal("370370367037037036703702.370370367036")
