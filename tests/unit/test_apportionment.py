"""Apportionment at its edges: what is no share, what is out of range, and how fine a unit is."""

from decimal import Decimal

import pytest

from steelyard.domain.amount import AmountError
from steelyard.rebalancing.account import RangeError
from steelyard.rebalancing.apportionment import Share, apportion

TEN = {"A": Decimal(10), "B": Decimal(10)}


def test_whose_share_is_below_a_unit_has_none() -> None:
    found = apportion(
        {"A": Decimal(99), "B": Decimal(1)}, filled=Decimal(3), amount=Decimal(9), block="b", places=2
    )
    assert found.shares == {"A": Share(Decimal(3), Decimal(9), Decimal(0))}


def test_a_fill_finer_than_the_orders_is_shared_out_as_finely() -> None:
    found = apportion(TEN, filled=Decimal("3.5"), amount=Decimal(0), block="b", places=2)
    assert sorted(share.quantity for share in found.shares.values()) == [Decimal("1.7"), Decimal("1.8")]


def test_money_finer_than_a_cent_is_not_lost() -> None:
    found = apportion(TEN, filled=Decimal(2), amount=Decimal("0.0301"), block="b", places=2)
    assert sorted(share.amount for share in found.shares.values()) == [Decimal("0.0150"), Decimal("0.0151")]


def test_a_currency_without_cents_is_shared_out_in_whole_units() -> None:
    found = apportion(TEN, filled=Decimal(2), amount=Decimal(1001), block="b", places=0)
    assert sorted(share.amount for share in found.shares.values()) == [500, 501]


def test_more_than_was_ordered_is_shared_out_too() -> None:
    found = apportion(TEN, filled=Decimal(22), amount=Decimal(220), block="b", places=2)
    assert {share.quantity for share in found.shares.values()} == {Decimal(11)}


def test_the_draw_of_a_block_can_be_done_again() -> None:
    """SHA-256 of "b", a line feed and "A" begins with e45f, of "B" with 7d1f: B is drawn first."""
    found = apportion(TEN, filled=Decimal(1), amount=Decimal(5), block="b", places=2)
    assert list(found.shares) == ["B"]


def test_over_many_blocks_the_draw_favours_nobody() -> None:
    ordered = {f"order {number}": Decimal(1) for number in range(5)}
    won = dict.fromkeys(ordered, 0)
    for number in range(1000):
        found = apportion(ordered, filled=Decimal(1), amount=Decimal(0), block=f"block {number}", places=2)
        won[next(iter(found.shares))] += 1
    assert all(150 < times < 250 for times in won.values())  # 200 are expected; 4 standard deviations


@pytest.mark.parametrize(
    ("ordered", "filled", "amount", "fees", "item"),
    [
        ({}, 1, 0, 0, "orders of the block is 0"),
        ({"A": 0}, 1, 0, 0, "quantity of A is 0"),
        (TEN, 0, 0, 0, "filled is 0"),
        (TEN, 1, -1, 0, "amount is -1"),
        (TEN, 1, 0, -1, "fees is -1"),
    ],
)
def test_what_is_out_of_range_is_named(
    ordered: dict[str, Decimal], filled: int, amount: int, fees: int, item: str
) -> None:
    with pytest.raises(RangeError, match=item):
        apportion(
            {order: Decimal(quantity) for order, quantity in ordered.items()},
            filled=Decimal(filled), amount=Decimal(amount), fees=Decimal(fees), block="b", places=2,
        )  # fmt: skip


def test_what_is_no_number_is_named() -> None:
    with pytest.raises(AmountError, match="amount is Decimal"):
        apportion(TEN, filled=Decimal(1), amount=Decimal("NaN"), block="b", places=2)
