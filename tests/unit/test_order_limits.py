"""Limits of orders, the collar and the share of volume, on both sides of each (S55)."""

from decimal import Decimal
from typing import Any

import pytest

from steelyard.compliance.order_limits import (
    DEFAULT_COLLAR,
    USUAL_SESSIONS,
    OrderCheck,
    OrderLimits,
    OrderRefusal,
    check_collar,
    check_day_value,
    check_order_value,
    check_participation,
    narrower,
)
from steelyard.domain.amount import AmountError
from steelyard.services.order_limit import check_limits

CENT = Decimal("0.01")


def limits(**given: str) -> OrderLimits:
    return OrderLimits(**{name: Decimal(value) for name, value in given.items()})


def refused(refusal: OrderRefusal | None) -> tuple[OrderCheck, str]:
    assert refusal is not None
    assert not refusal.waits
    return refusal.check, refusal.reason


def test_an_order_at_its_largest_value_is_sent_and_a_cent_more_is_not() -> None:
    own = limits(max_order_value="5000")
    assert check_order_value(own, Decimal(5000), "USD") is None
    assert refused(check_order_value(own, Decimal("5000.01"), "USD")) == (
        OrderCheck.ORDER_VALUE,
        "The order is worth 5,000.01 USD, above the 5,000 USD that one order may be.",
    )


def test_the_orders_of_a_day_at_their_largest_value_are_sent_and_a_cent_more_is_not() -> None:
    own = limits(max_day_value="5000")
    assert check_day_value(own, Decimal(2000), Decimal(3000), "A-1", "USD") is None
    assert refused(check_day_value(own, Decimal(2000), Decimal("3000.01"), "A-1", "USD")) == (
        OrderCheck.DAY_VALUE,
        "With it the orders of A-1 on this day (UTC) are worth 5,000.01 USD, above the 5,000 USD of a day.",
    )


@pytest.mark.parametrize("collar", [None, "0.05"])
@pytest.mark.parametrize(
    ("price", "is_sent"), [("105", True), ("95", True), ("105.000001", False), ("94.999999", False)]
)
def test_a_price_at_the_collar_is_sent_and_one_outside_is_not(
    collar: str | None, price: str, *, is_sent: bool
) -> None:
    own = limits(**({} if collar is None else {"price_collar": collar}))
    refusal = check_collar(own, Decimal(price), Decimal(100), "AAA")
    assert (refusal is None) == is_sent
    assert Decimal("0.05") == DEFAULT_COLLAR


def test_the_collar_names_the_last_valid_price_and_the_distance() -> None:
    assert refused(check_collar(limits(price_collar="0.02"), Decimal("97.5"), Decimal(100), "AAA")) == (
        OrderCheck.COLLAR,
        "The price 97.5 of AAA is 2.5 % from the last valid one, 100; the collar is 2 %.",
    )


FULL = [Decimal(1000)] * USUAL_SESSIONS


def test_an_order_at_its_share_of_the_usual_volume_is_sent_and_a_fraction_more_is_not() -> None:
    own = limits(max_participation="0.1")
    assert check_participation(own, Decimal(100), FULL, "AAA") is None
    assert refused(check_participation(own, Decimal("100.1"), FULL, "AAA")) == (
        OrderCheck.PARTICIPATION,
        "The order is 10.01 % of the usual volume of AAA (20 sessions), above 10 %.",
    )


@pytest.mark.parametrize(
    ("volumes", "why"),
    [
        ([], "the volume of 0 of 20 sessions of AAA is known"),
        (FULL[1:], "the volume of 19 of 20 sessions of AAA is known"),
        ([Decimal(0)] * 20, "nothing of AAA was traded in 20 sessions"),
    ],
)
def test_an_unknown_volume_is_no_pass(volumes: list[Decimal], why: str) -> None:
    assert refused(check_participation(limits(max_participation="0.1"), Decimal(1), volumes, "AAA")) == (
        OrderCheck.PARTICIPATION,
        f"The order cannot be measured against the 10 % of the usual volume it may be: {why}.",
    )
    assert check_participation(OrderLimits(), Decimal(1), volumes, "AAA") is None


def test_where_nobody_sets_a_limit_there_is_none_but_the_collar() -> None:
    none = OrderLimits()
    huge = Decimal(10) ** 14
    assert check_order_value(none, huge, "USD") is None
    assert check_day_value(none, huge, huge, "A-1", "USD") is None
    assert check_collar(none, Decimal(106), Decimal(100), "AAA") is not None


@pytest.mark.parametrize("name", ["max_order_value", "max_day_value", "price_collar", "max_participation"])
def test_the_narrower_of_two_limits_holds(name: str) -> None:
    few, many = limits(**{name: "0.1"}), limits(**{name: "0.2"})
    for pair in ([few, many], [many, few], [few, OrderLimits()], [OrderLimits(), few]):
        assert narrower(pair) == few
    assert narrower([]) == OrderLimits()


@pytest.mark.parametrize(
    "given",
    [
        {"max_order_value": "0", "max_day_value": "0.00000001"},
        {"price_collar": "0.999999999999", "max_participation": "1"},
        {},
    ],
)
def test_limits_in_their_range_are_kept(given: dict[str, str]) -> None:
    check_limits(limits(**given))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"max_order_value": Decimal("-0.01")}, "max_order_value is Decimal('-0.01'), below 0"),
        ({"max_day_value": Decimal("0.000000001")}, "finer than 8 decimals"),
        ({"max_order_value": Decimal("NaN")}, "max_order_value is"),
        ({"price_collar": Decimal(0)}, "not a fraction above 0 and below 1"),
        ({"price_collar": Decimal(1)}, "not a fraction above 0 and below 1"),
        ({"max_participation": Decimal(0)}, "not a fraction above 0 and up to 1"),
        ({"max_participation": Decimal("1.000001")}, "not a fraction above 0 and up to 1"),
    ],
)
def test_a_limit_out_of_its_range_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(AmountError) as refusal:
        check_limits(OrderLimits(**given))
    assert why in f"{refusal.value}"
