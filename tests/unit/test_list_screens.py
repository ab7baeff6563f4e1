"""Lists of orders, breaks, proposals, runs and holds on a terminal of 80 columns: short keys, whole names."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from uuid import UUID, uuid5

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from steelyard.cli.orders import ListedOrders
from steelyard.cli.screens import holds, orders, proposal, reconcile, run
from steelyard.domain.order import Order, OrderState, OrderType, Side
from steelyard.storage.hold import Hold
from steelyard.storage.proposal import ListedProposal, ProposalState
from steelyard.storage.reconciliation_break import Break
from steelyard.storage.run import ListedRun, RunState

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ACCOUNT = "RIVERA-JOINT-529"
NAMES = [ACCOUNT, "OKAFOR-PENSION", "RIVERA-IRA"]
KEYS = [uuid5(UUID(int=0), name) for name in NAMES]
ALIKE = [UUID("2f0c7f0e-8d5f-4f0a-9a1b-6f5f2f3c4d5e"), UUID("2f0c7f0e-0000-4000-8000-000000000000")]


def an_order(order_id: UUID, account_id: str) -> Order:
    return Order(
        order_id=order_id,
        proposal_id=None,
        run_id=None,
        block_id=None,
        account_id=account_id,
        link_id=None,
        asset_id="US9229087690",
        side=Side.SELL,
        quantity=Decimal("12500.5"),
        order_type=OrderType.MARKET,
        limit_price=None,
        currency="USD",
        reference_price=Decimal(100),
        order_value=Decimal(1250050),
        phase=1,
        lots=(),
        state=OrderState.PARTIALLY_FILLED,
        version=5,
        reason="The broker says that the market is closed and that it goes on tomorrow.",
        client_order_id="sy-0",
        broker_order_id=None,
        filled_quantity=Decimal("10000.25"),
        released_at=NOON,
        sent_at=NOON,
        due_at=None,
        settle_until=None,
        attempts=1,
        cancel_asked_at=None,
        raised_at=None,
        lease_owner=None,
        lease_until=None,
        replaces=None,
        made_at=NOON,
        changed_at=NOON,
    )


def a_break(break_id: UUID, account_id: str) -> Break:
    return Break(
        break_id=break_id,
        link_id=UUID(int=1),
        account_id=account_id,
        commodity="US9229087690",
        is_cash=False,
        ledger_quantity=Decimal("12500.5"),
        broker_quantity=Decimal(12500),
        hold_id=None,
        found_at=NOON,
        seen_at=NOON,
        resolved_at=NOON,
        resolved_by="user:ada",
        explanation="their rounding, see the mail of May 2",
    )


def a_proposal(proposal_id: UUID, account_id: str) -> ListedProposal:
    return ListedProposal(
        proposal_id=proposal_id,
        account_id=account_id,
        run_id=None,
        state=ProposalState.WITHDRAWN,
        version=1,
        author="operator",
        content_hash=bytes(32),
        made_at=NOON,
        expires_at=NOON + timedelta(minutes=30),
        order_value=Decimal("1234567.89"),
        outcome="hold",
    )


def a_run(run_id: UUID, name: str) -> ListedRun:
    return ListedRun(
        run_id=run_id,
        run_name=name,
        state=RunState.EXECUTED,
        version=1,
        author="operator",
        made_at=NOON,
        expires_at=NOON + timedelta(minutes=30),
        content_hash=bytes(32),
        order_value=Decimal("1234567.89"),
        executed_by="operator",
        executed_at=NOON,
        fault="",
    )


def a_hold(hold_id: UUID, account_id: str) -> Hold:
    return Hold(hold_id, account_id, None, "manual", "moving", "operator", NOON, None, None, "")


def drawn(renderable: RenderableType) -> str:
    console = Console(file=StringIO(), width=80, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def drawn_orders(keys: list[UUID]) -> str:
    return drawn(orders.listed(ListedOrders(list(map(an_order, keys, NAMES)), [])))


LISTS: dict[str, Callable[[list[UUID]], str]] = {
    "orders": drawn_orders,
    "breaks": lambda keys: drawn(reconcile.listed(list(map(a_break, keys, NAMES)))),
    "proposals": lambda keys: drawn(proposal.listed(list(map(a_proposal, keys, NAMES)))),
    "runs": lambda keys: drawn(run.listing(list(map(a_run, keys, NAMES)))),
    "holds": lambda keys: drawn(holds.listed(list(map(a_hold, keys, NAMES)))),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_fits_80_columns_with_names_whole_and_keys_short(name: str) -> None:
    shown = LISTS[name](KEYS)

    assert max(map(cell_len, shown.splitlines())) <= 80
    for key, account in zip(KEYS, NAMES, strict=True):
        assert any(f"{key}"[:8] in line and account in line for line in shown.splitlines()), shown
        assert f"{key}"[:9] not in shown


@pytest.mark.parametrize("name", LISTS)
def test_a_list_shows_whole_keys_where_two_of_it_begin_alike(name: str) -> None:
    shown = LISTS[name](ALIKE)

    for key in ALIKE:
        assert f"{key}" in shown


def test_every_order_keeps_its_figures_in_one_line() -> None:
    for line in drawn_orders(KEYS).splitlines()[4:]:
        assert "12,500.5" in line
        assert "partially filled" in line


def test_a_hold_of_an_order_names_it_as_shortly() -> None:
    held = Hold(KEYS[0], None, KEYS[1], "manual", "moving", "operator", NOON, None, None, "")

    assert (
        f"{str(KEYS[0])[:8]}  manual of order {str(KEYS[1])[:8]}" in drawn(holds.listed([held])).splitlines()
    )
