"""How the paper broker trades: prices, limits and parts at their boundaries."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper import NOON
from steelyard.brokers.paper_faults import Call, Fault, faults_in_order, no_faults
from steelyard.brokers.paper_market import (
    PaperOrder,
    cash_of,
    part_of,
    price_of,
    reserved_cash,
    reserved_units,
    slipped,
)
from steelyard.brokers.port import BrokerOrderState
from steelyard.domain.order import Side


def paper_order(
    side: Side = Side.BUY,
    quantity: str = "10",
    *,
    limit: str | None = None,
    parts: int = 1,
    filled: str = "0",
) -> PaperOrder:
    return PaperOrder(
        number=1,
        client_order_id="S1",
        account="",
        symbol="VTI",
        side=side,
        quantity=Decimal(quantity),
        limit_price=None if limit is None else Decimal(limit),
        currency="USD",
        reserved_price=Decimal("100.05"),
        parts=parts,
        state=BrokerOrderState.WORKING,
        filled_quantity=Decimal(filled),
        reason="",
        appears_at=NOON,
        due_at=NOON,
    )


@pytest.mark.parametrize(
    ("side", "limit", "market", "got"),
    [
        (Side.BUY, None, "100", "100.1"),
        (Side.SELL, None, "100", "99.9"),
        (Side.BUY, "100", "100", "100"),
        (Side.BUY, "100", "100.01", None),
        (Side.BUY, "100.1", "100", "100.1"),
        (Side.BUY, "101", "100", "100.1"),
        (Side.SELL, "100", "100", "100"),
        (Side.SELL, "100", "99.99", None),
        (Side.SELL, "99", "100", "99.9"),
    ],
)
def test_a_limit_is_kept_to_the_boundary(side: Side, limit: str | None, market: str, got: str | None) -> None:
    found = price_of(paper_order(side, limit=limit), Decimal(market), Decimal(10))
    assert found == (None if got is None else Decimal(got))


def test_a_price_keeps_twelve_decimals() -> None:
    assert slipped(Decimal(1) / 3, Side.BUY, Decimal(0)) == Decimal("0.333333333333")


@given(
    quantity=st.decimals("0.000001", "100000", places=6).map(lambda one: one.normalize()),
    parts=st.integers(1, 100),
)
def test_parts_are_above_zero_and_add_up_to_the_order(quantity: Decimal, parts: int) -> None:
    filled, count = Decimal(0), 0
    while filled < quantity:
        part = part_of(paper_order(quantity=f"{quantity:f}", parts=parts, filled=f"{filled:f}"))
        assert part > 0
        filled, count = filled + part, count + 1
    assert filled == quantity
    assert count <= 2 * parts


@pytest.mark.parametrize(
    ("quantity", "parts", "told"), [("10", 3, [3, 3, 4]), ("2", 5, [1, 1]), ("7", 1, [7])]
)
def test_whole_orders_have_whole_parts(quantity: str, parts: int, told: list[int]) -> None:
    filled, found = 0, []
    while filled < int(quantity):
        found.append(int(part_of(paper_order(quantity=quantity, parts=parts, filled=f"{filled}"))))
        filled += found[-1]
    assert found == told


def test_what_is_open_keeps_back_its_cash_and_its_units() -> None:
    orders = [paper_order(filled="4"), paper_order(Side.SELL, "3"), paper_order(Side.SELL, "2.5")]
    assert reserved_cash(orders, "USD") == Decimal("600.3")
    assert reserved_cash(orders, "EUR") == 0
    assert [reserved_units(orders, symbol) for symbol in ("VTI", "BND")] == [Decimal("5.5"), Decimal(0)]
    assert cash_of(Decimal("0.333333333"), Decimal("0.1")) == Decimal("0.03333333")


def test_a_plan_of_faults_gives_each_call_its_own_in_order() -> None:
    plan = faults_in_order([(Call.PLACE, None), (Call.PLACE, Fault.REFUSE), (Call.READ, Fault.LOSE_REPLY)])
    assert [plan(Call.PLACE), plan(Call.READ), plan(Call.PLACE), plan(Call.READ)] == [
        None,
        Fault.LOSE_REPLY,
        Fault.REFUSE,
        None,
    ]
    assert {no_faults(call) for call in Call} == {None}  # type: ignore[func-returns-value]  # that is the point
