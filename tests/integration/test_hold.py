"""Holds: placed and released with a reason, once, told to the owners and kept in the audit."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from executions import add_account, add_link, add_order
from orders import transaction
from people import add_person, as_user, granted, run
from steelyard.domain.scope import Scope
from steelyard.identity.permissions import Right, Role
from steelyard.services.hold import (
    HeldAccountError,
    HeldOrderError,
    HoldKind,
    HoldNotFoundError,
    HoldReasonError,
    HoldReleasedError,
    get_holds,
    lift_hold,
    place_hold,
    release_hold,
)
from steelyard.storage.acting import acting_as
from steelyard.storage.connection import get_db_session

pytestmark = pytest.mark.usefixtures("store")


async def place(reason: str, *, account_id: str | None = None, order_id: UUID | None = None) -> UUID | None:
    async with transaction() as db:
        return await place_hold(db, HoldKind.MANUAL, reason, account_id=account_id, order_id=order_id)


async def events_of(hold_id: UUID) -> list[str]:
    rows = await run(
        "select action from steelyard.audit_events where object_type = 'trading_hold' and object_id = :id "
        "order by sequence",
        id=str(hold_id),
    )
    return [str(action) for (action,) in rows]


async def test_a_hold_stands_until_somebody_lets_it_go() -> None:
    account, owner = await add_account(), await add_person(Role.OWNER)
    hold_id = await place("the client is moving", account_id=account)
    assert hold_id is not None
    async with get_db_session() as db:
        [standing] = await get_holds(db, account_id=account)
    assert (standing.reason, standing.made_by) == ("the client is moving", "operator")
    assert await run("select kind from steelyard.notices where user_id = :id", id=owner) == [("hold.place",)]
    async with transaction() as db:
        await release_hold(db, hold_id, "moved")
    async with get_db_session() as db:
        assert not await get_holds(db, account_id=account)
        [released] = await get_holds(db, account_id=account, with_released=True)
    assert (released.released_by, released.release_reason) == ("operator", "moved")
    assert await events_of(hold_id) == ["hold.place", "hold.release"]


async def test_the_audit_says_what_is_held() -> None:
    account = await add_account()
    order = await add_order(await add_link(), account)
    found: dict[str, Any] = {}
    owners: list[dict[str, Any]] = [{"account_id": account}, {"order_id": order.order_id}]
    for whose in owners:
        hold_id = await place("ask first", **whose)
        [(facts,)] = await run(
            "select facts from steelyard.audit_events where object_type = 'trading_hold' and object_id = :id",
            id=str(hold_id),
        )
        found |= {next(iter(whose)): json.loads(str(facts))}
    assert found == {
        "account_id": {"kind": "manual", "account": account, "order": ""},
        "order_id": {"kind": "manual", "account": "", "order": str(order.order_id)},
    }


async def test_the_same_hold_is_placed_once_and_again_when_it_was_let_go() -> None:
    account = await add_account()
    first = await place("ask first", account_id=account)
    assert first is not None
    assert await place("ask first", account_id=account) is None
    assert await place("another reason", account_id=account) is not None
    async with transaction() as db:
        await release_hold(db, first, "asked")
    assert await place("ask first", account_id=account) is not None


async def test_a_hold_of_an_order_and_one_of_its_account_are_two() -> None:
    account = await add_account()
    order = await add_order(await add_link(), account)
    assert await place("ask first", account_id=account) is not None
    assert await place("ask first", order_id=order.order_id) is not None
    async with get_db_session() as db:
        assert len(await get_holds(db, account_id=account)) == 2
        assert not await get_holds(db, account_id=await add_account())


async def test_a_hold_is_released_once() -> None:
    hold_id = await place("ask first", account_id=await add_account())
    assert hold_id is not None
    async with transaction() as db:
        await release_hold(db, hold_id, "asked")
        with pytest.raises(HoldReleasedError, match="released by operator"):
            await release_hold(db, hold_id, "asked")
        with pytest.raises(HoldNotFoundError, match="There is no hold"):
            await release_hold(db, uuid4(), "asked")


@pytest.mark.parametrize("reason", ["", "  ", "a" * 2001])
async def test_a_hold_and_its_release_say_why(reason: str) -> None:
    hold_id = await place("a" * 2000, account_id=await add_account())
    assert hold_id is not None
    async with transaction() as db:
        with pytest.raises(HoldReasonError, match="1 to 2,000"):
            await release_hold(db, hold_id, reason)
        with pytest.raises(HoldReasonError, match="1 to 2,000"):
            await place_hold(db, HoldKind.MANUAL, reason)


async def test_what_is_not_there_cannot_be_held() -> None:
    with pytest.raises(HeldAccountError, match="nobody"):
        await place("ask first", account_id="nobody")
    with pytest.raises(HeldOrderError):
        await place("ask first", order_id=uuid4())


async def test_a_rule_lets_go_of_what_it_held_and_of_nothing_else() -> None:
    account, other = await add_account(), await add_account()
    hold_id = await place("by rule", account_id=account)
    assert hold_id is not None
    await place("by rule", account_id=other)
    async with transaction() as db:
        await lift_hold(db, HoldKind.MANUAL, "by another", "it is over", account_id=account)
        await lift_hold(db, HoldKind.BREAK, "by rule", "it is over", account_id=account)
    async with get_db_session() as db:
        assert len(await get_holds(db, account_id=account)) == 1
    async with transaction() as db:
        await lift_hold(db, HoldKind.MANUAL, "by rule", "it is over", account_id=account)
    async with get_db_session() as db:
        assert not await get_holds(db, account_id=account)
        assert len(await get_holds(db, account_id=other)) == 1
    assert await events_of(hold_id) == ["hold.place", "hold.release"]


async def test_what_holds_an_order_back_is_seen_by_who_sees_the_order() -> None:
    link_id, own, other = await add_link(), await add_account(), await add_account()
    advisor = await add_person(Role.ADVISOR)
    await granted(advisor, Scope.account(own), Right.READ)
    for account, reason in ((own, "of mine"), (other, "of another client")):
        await place(reason, order_id=(await add_order(link_id, account)).order_id)
    await place("of everything")
    with acting_as(as_user(advisor)):
        async with get_db_session() as db:
            seen = {one.reason for one in await get_holds(db)}
    assert seen >= {"of mine", "of everything"}
    assert "of another client" not in seen
