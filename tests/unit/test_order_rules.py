"""What becomes of an order by what is known of it, case by case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from steelyard.brokers.port import (
    BrokerOrder,
    BrokerOrderState,
    NotReceivedError,
    OutcomeUnknownError,
    RefusedError,
)
from steelyard.domain.order import ENDED, MOVES, Order, OrderState, OrderType, Side
from steelyard.services.order_rules import (
    CALLS_BEFORE_A_PERSON,
    NOT_PLACED,
    Timing,
    alike,
    concluded,
    doubted,
    ended,
    intended,
    is_open,
    let_go,
    lost,
    not_received,
    open_state,
    postponed,
    raised,
    refused,
    seen,
)

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
SENT = NOW - timedelta(seconds=100)
WINDOW = timedelta(seconds=10)
TIMING = Timing()
IN_HAND = {"lease_owner": "w1", "lease_until": NOW + timedelta(seconds=60)}


def order(state: OrderState = OrderState.SENDING, **what: Any) -> Order:
    known: dict[str, Any] = {
        "order_id": UUID(int=1),
        "proposal_id": None,
        "run_id": None,
        "block_id": None,
        "account_id": "A",
        "link_id": UUID(int=2),
        "asset_id": "VTI",
        "side": Side.BUY,
        "quantity": Decimal(10),
        "order_type": OrderType.MARKET,
        "limit_price": None,
        "currency": "USD",
        "reference_price": Decimal(100),
        "order_value": Decimal(1000),
        "phase": 1,
        "lots": (),
        "state": state,
        "version": 5,
        "reason": "before",
        "client_order_id": "c-1",
        "broker_order_id": None,
        "filled_quantity": Decimal(0),
        "released_at": SENT,
        "sent_at": SENT,
        "due_at": NOW,
        "settle_until": None,
        "attempts": 1,
        "cancel_asked_at": None,
        "raised_at": None,
        "replaces": None,
        "made_at": SENT,
        "changed_at": SENT,
    }
    return Order(**(known | IN_HAND | what))


def shown(state: BrokerOrderState = BrokerOrderState.WORKING, filled: int = 0, **what: Any) -> BrokerOrder:
    known: dict[str, Any] = {
        "broker_order_id": "b-1",
        "client_order_id": "c-1",
        "symbol": "VTI",
        "side": Side.BUY,
        "quantity": Decimal(10),
        "state": state,
        "filled_quantity": Decimal(filled),
        "submitted_at": SENT,
        "reason": "their words",
    }
    return BrokerOrder(**(known | what))


# ── Times ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("age", "pause"), [(0, 2), (20, 2), (21, 2.1), (300, 30), (600, 60), (6000, 60)])
def test_the_older_an_order_is_the_longer_between_two_looks(age: float, pause: float) -> None:
    asked = order(sent_at=NOW - timedelta(seconds=age))
    assert TIMING.next_poll(asked, NOW) - NOW == timedelta(seconds=pause)


def test_what_was_never_sent_is_looked_at_soon() -> None:
    assert TIMING.next_poll(order(sent_at=None), NOW) == NOW + TIMING.poll


@pytest.mark.parametrize(
    ("attempts", "pause"), [(0, 2), (1, 2), (2, 4), (3, 8), (8, 256), (9, 300), (10, 300), (10_000, 300)]
)
def test_each_try_waits_twice_as_long_as_the_one_before_up_to_a_cap(attempts: int, pause: int) -> None:
    assert TIMING.next_try(order(attempts=attempts), NOW) - NOW == timedelta(seconds=pause)


def test_the_day_of_an_order_is_over_after_its_24_hours() -> None:
    late = order(released_at=NOW - timedelta(hours=24), made_at=NOW - timedelta(days=9))
    assert not TIMING.is_over(late, NOW)
    assert TIMING.is_over(late, NOW + timedelta(microseconds=1))
    assert TIMING.is_over(replace(late, released_at=None), NOW)


# ── Each word ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("filled", "state"),
    [
        (0, OrderState.SENT),
        (1, OrderState.PARTIALLY_FILLED),
        (10, OrderState.FILLED),
        (11, OrderState.FILLED),
    ],
)
def test_how_far_an_order_is_filled_says_its_state(filled: int, state: OrderState) -> None:
    assert open_state(order(filled_quantity=Decimal(filled))) is state


def test_an_intent_counts_the_call_and_begins_the_lease_anew() -> None:
    before = order(OrderState.APPROVED, sent_at=None, attempts=0)
    after = intended(before, NOW, TIMING)
    assert (after.state, after.reason, after.attempts) == (OrderState.SENDING, "", 1)
    assert after.sent_at == NOW
    assert after.lease_until == after.due_at == NOW + TIMING.lease
    assert after.lease_owner == "w1"
    assert intended(order(), NOW, TIMING).sent_at == SENT, "when it was first called"


def test_who_lets_go_leaves_it_to_anybody() -> None:
    assert (let_go(order()).lease_owner, let_go(order()).lease_until) == (None, None)


def test_what_is_postponed_stays_as_it_is_and_in_nobodys_hand() -> None:
    later = NOW + timedelta(seconds=7)
    waits = postponed(order(OrderState.APPROVED), "why", later)
    assert (waits.state, waits.reason, waits.due_at) == (OrderState.APPROVED, "why", later)
    assert (waits.lease_owner, waits.lease_until) == (None, None)
    again = postponed(order(OrderState.SENDING), "why", later)
    assert (again.lease_owner, again.lease_until) == (None, later), (
        "certainly not sent, and the trigger wants a date"
    )


def test_what_has_ended_is_nobodys_and_never_due() -> None:
    over = ended(order(OrderState.UNKNOWN, settle_until=NOW, raised_at=NOW), OrderState.CANCELLED, "given up")
    assert (over.state, over.reason) == (OrderState.CANCELLED, "given up")
    assert (over.due_at, over.lease_owner, over.lease_until, over.settle_until, over.raised_at) == (None,) * 5


# ── The broker shows it ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("state", "known", "broker", "filled", "becomes"),
    [
        (OrderState.SENDING, 0, BrokerOrderState.PENDING, 0, OrderState.SENT),
        (OrderState.UNKNOWN, 0, BrokerOrderState.WORKING, 0, OrderState.SENT),
        (OrderState.UNKNOWN, 4, BrokerOrderState.WORKING, 4, OrderState.PARTIALLY_FILLED),
        (OrderState.SENDING, 0, BrokerOrderState.FILLED, 10, OrderState.SENT),
        (OrderState.SENT, 0, BrokerOrderState.REJECTED, 0, OrderState.REJECTED),
        (OrderState.SENDING, 0, BrokerOrderState.REJECTED, 0, OrderState.REJECTED),
        (OrderState.SENT, 0, BrokerOrderState.CANCELLED, 0, OrderState.CANCELLED),
        (OrderState.SENT, 0, BrokerOrderState.REPLACED, 0, OrderState.CANCELLED),
        (OrderState.PARTIALLY_FILLED, 4, BrokerOrderState.CANCELLED, 4, OrderState.CANCELLED),
        (OrderState.PARTIALLY_FILLED, 4, BrokerOrderState.REJECTED, 4, OrderState.CANCELLED),
        (OrderState.SENT, 0, BrokerOrderState.CANCELLED, 4, OrderState.SENT),
        (OrderState.PARTIALLY_FILLED, 4, BrokerOrderState.CANCELLED, 6, OrderState.PARTIALLY_FILLED),
    ],
)
def test_what_the_broker_shows_moves_an_order_when_its_fills_have_said_as_much(
    state: OrderState, known: int, broker: BrokerOrderState, filled: int, becomes: OrderState
) -> None:
    before = order(state, filled_quantity=Decimal(known), settle_until=NOW, raised_at=NOW)
    after = seen(before, shown(broker, filled), NOW, TIMING)
    assert after.state is becomes
    assert (after.broker_order_id, after.settle_until, after.raised_at, after.lease_owner) == (
        "b-1",
        None,
        None,
        None,
    )
    if becomes in ENDED:
        assert (after.due_at, after.reason) == (None, "their words")
    else:
        assert (after.due_at, after.reason) == (NOW + timedelta(seconds=10), "")


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_ended_here_and_works_there_is_followed_and_somebody_is_told(state: OrderState) -> None:
    after = seen(order(state), shown(), NOW, TIMING)
    assert (after.state, after.reason, after.raised_at) == (state, "before", NOW)
    assert after.due_at == NOW + timedelta(seconds=10)
    for gone in (BrokerOrderState.CANCELLED, BrokerOrderState.FILLED, BrokerOrderState.REJECTED):
        quiet = seen(order(state), shown(gone), NOW, TIMING)
        assert (quiet.state, quiet.due_at, quiet.raised_at) == (state, None, None)
        assert seen(order(state, raised_at=SENT), shown(gone), NOW, TIMING).raised_at == SENT


def test_only_what_is_pending_or_working_may_still_be_executed() -> None:
    states = {state for state in BrokerOrderState if is_open(shown(state))}
    assert states == {BrokerOrderState.PENDING, BrokerOrderState.WORKING}


@pytest.mark.parametrize(("state", "broker"), list(product(OrderState, BrokerOrderState)))
@pytest.mark.parametrize(("known", "filled"), [(0, 0), (0, 4), (4, 4), (10, 10)])
def test_whatever_a_broker_shows_the_move_is_one_that_the_table_lists(
    state: OrderState, broker: BrokerOrderState, known: int, filled: int
) -> None:
    if state in {OrderState.DRAFT, OrderState.REVIEWED, OrderState.APPROVED}:
        return  # nobody looks for them
    if state in {OrderState.SENT, OrderState.SENDING} and known:
        return  # their fills moved them
    if (state is OrderState.FILLED) != (known == 10) or (state is OrderState.PARTIALLY_FILLED) != (
        known == 4
    ):
        return
    after = seen(order(state, filled_quantity=Decimal(known)), shown(broker, filled), NOW, TIMING)
    assert after.state is state or after.state in MOVES[state]


# ── It does not ─────────────────────────────────────────────────────────────────────────────────────────

UNKNOWN = OutcomeUnknownError("paper", "no answer in time")
REFUSED = RefusedError("paper", "no cash")
AWAY = NotReceivedError("paper", "refused the connection")


def test_a_refusal_ends_an_order_unless_an_earlier_call_may_still_arrive() -> None:
    assert (refused(order(), "no cash", NOW, TIMING).state) is OrderState.REJECTED
    settled = order(settle_until=NOW)
    assert refused(settled, "no cash", NOW, TIMING).state is OrderState.REJECTED
    waits = refused(order(settle_until=NOW + timedelta(seconds=9)), "no cash", NOW, TIMING)
    assert (waits.state, waits.due_at) == (OrderState.UNKNOWN, NOW + timedelta(seconds=9))
    assert "no cash" in waits.reason
    soon = refused(order(settle_until=NOW + timedelta(seconds=1)), "no cash", NOW, TIMING)
    assert soon.due_at == NOW + timedelta(seconds=2), "not before the next try"


def test_not_received_proves_nothing_about_an_earlier_call() -> None:
    certain = not_received(order(), "away", NOW, TIMING)
    assert (certain.state, certain.lease_owner) == (OrderState.SENDING, None)
    assert certain.lease_until == certain.due_at == NOW + timedelta(seconds=2)
    doubtful = not_received(order(settle_until=NOW, attempts=2), "away.", NOW, TIMING)
    assert (doubtful.state, doubtful.settle_until) == (OrderState.UNKNOWN, NOW)
    assert (doubtful.due_at, doubtful.lease_until) == (NOW + timedelta(seconds=4), None)
    assert doubtful.reason == "away. An earlier call may have arrived."


def test_a_doubt_opens_the_window_and_never_shortens_it() -> None:
    first = doubted(order(), "lost", WINDOW, NOW, TIMING)
    assert (first.state, first.reason, first.due_at) == (OrderState.UNKNOWN, "lost", NOW)
    assert (first.settle_until, first.lease_owner) == (NOW + WINDOW, None)
    again = doubted(order(settle_until=NOW + 3 * WINDOW, attempts=2), "lost", WINDOW, NOW, TIMING)
    assert again.settle_until == NOW + 3 * WINDOW
    assert again.due_at == NOW + timedelta(seconds=4), "not at once again"
    assert doubted(order(settle_until=SENT), "lost", WINDOW, NOW, TIMING).settle_until == NOW + WINDOW


@pytest.mark.parametrize("attempts", [1, CALLS_BEFORE_A_PERSON - 1, CALLS_BEFORE_A_PERSON, 9])
def test_after_some_calls_without_an_answer_a_person_is_told_once(attempts: int) -> None:
    doubtful = doubted(order(attempts=attempts), "lost", WINDOW, NOW, TIMING)
    assert doubtful.raised_at == (NOW if attempts >= CALLS_BEFORE_A_PERSON else None)
    assert doubted(order(raised_at=SENT, attempts=attempts), "lost", WINDOW, NOW, TIMING).raised_at == SENT


def test_what_a_broker_forgot_is_raised() -> None:
    gone = lost(order(OrderState.SENT, broker_order_id="b-1"), NOW, TIMING)
    assert (gone.state, gone.raised_at, gone.lease_owner) == (OrderState.UNKNOWN, NOW, None)
    assert gone.reason == "The broker does not know its order b-1 any more."
    assert gone.due_at == NOW + TIMING.longest_retry
    assert raised(replace(gone, raised_at=SENT), "still", NOW, TIMING).raised_at == SENT


@pytest.mark.parametrize(
    ("outcome", "becomes"),
    [
        (shown(), OrderState.SENT),
        (UNKNOWN, OrderState.UNKNOWN),
        (REFUSED, OrderState.REJECTED),
        (AWAY, OrderState.SENDING),
    ],
    ids=["shown", "unknown", "refused", "away"],
)
def test_each_outcome_of_a_call_has_its_state(outcome: Any, becomes: OrderState) -> None:
    after = concluded(order(), outcome, WINDOW, NOW, TIMING)
    assert after.state is becomes
    assert (
        after.reason
        == {
            OrderState.SENT: "",
            OrderState.UNKNOWN: str(UNKNOWN),
            OrderState.REJECTED: "no cash",
            OrderState.SENDING: str(AWAY),
        }[becomes]
    )


@pytest.mark.parametrize("outcome", [UNKNOWN, REFUSED, AWAY], ids=["unknown", "refused", "away"])
@pytest.mark.parametrize("state", sorted(set(OrderState) - NOT_PLACED))
def test_fills_that_came_before_the_answer_are_believed(state: OrderState, outcome: Any) -> None:
    after = concluded(order(state), outcome, WINDOW, NOW, TIMING)
    assert (after.state, after.lease_owner) == (state, None)
    assert after.due_at == (None if state in ENDED else NOW)


# ── Which it could be ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("what", "is_alike"),
    [
        ({}, True),
        ({"client_order_id": ""}, True),
        ({"client_order_id": "c-2"}, False),
        ({"symbol": "BND"}, False),
        ({"side": Side.SELL}, False),
        ({"quantity": Decimal(11)}, False),
        ({"submitted_at": None}, True),
        ({"submitted_at": SENT - TIMING.skew}, True),
        ({"submitted_at": SENT - TIMING.skew - timedelta(microseconds=1)}, False),
        ({"submitted_at": NOW + TIMING.skew}, True),
        ({"submitted_at": NOW + TIMING.skew + timedelta(microseconds=1)}, False),
    ],
)
def test_an_order_is_told_by_asset_side_quantity_and_time(what: dict[str, Any], *, is_alike: bool) -> None:
    unknown = order(OrderState.UNKNOWN, settle_until=NOW)
    found = shown(**what)
    assert alike(unknown, [found], "VTI", TIMING) == ([found] if is_alike else [])


def test_what_has_no_window_is_looked_for_until_it_last_changed() -> None:
    unknown = order(OrderState.UNKNOWN, sent_at=None, changed_at=SENT)
    early = shown(submitted_at=SENT + TIMING.skew)
    late = shown(submitted_at=SENT + TIMING.skew + timedelta(microseconds=1))
    assert alike(unknown, [early, late], "VTI", TIMING) == [early]
