"""What an order is held against before it is sent: S55 at its boundaries, holds, prices in doubt, two at once."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from orders import add_asset, add_link, add_trading_account, new_order, put_order, transaction
from people import run
from steelyard.compliance.order_limits import OrderCheck, OrderLimits, OrderRefusal
from steelyard.domain.amount import AmountError
from steelyard.domain.order import Order, OrderState, OrderType
from steelyard.errors import NotFoundError
from steelyard.market.port import CheckedPrice, Quality
from steelyard.services import order_check, order_limit
from steelyard.services.order_check import PlannedOrder
from steelyard.storage.order import add_order, save_order

pytestmark = pytest.mark.usefixtures("own_store")

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
TODAY = NOW.date()


def price_of(amount: str | None = "100", **others: Any) -> CheckedPrice:
    known: dict[str, Any] = {
        "asset_id": "VTI",
        "price": None if amount is None else Decimal(amount),
        "currency": "USD",
        "made_at": NOW,
        "source": "test",
        "quality": Quality.GOOD,
    }
    return CheckedPrice(**(known | others))


async def open_accounts(*account_ids: str) -> UUID:
    link_id = await add_link()
    await add_asset()
    for account_id in account_ids or ("A",):
        await add_trading_account(account_id, link_id)
    return link_id


async def limit(account_id: str | None = None, **values: str) -> None:
    limits = OrderLimits(**{name: Decimal(value) for name, value in values.items()})
    async with transaction() as db:
        await order_limit.set_order_limits(db, account_id, limits)


async def approved(link_id: UUID, **what: Any) -> Order:
    async with transaction() as db:
        return await put_order(db, OrderState.APPROVED, link_id=link_id, **what)


async def sent(link_id: UUID, **what: Any) -> Order:
    async with transaction() as db:
        return await put_order(db, OrderState.SENT, link_id=link_id, **what)


async def check(order: Order, price: CheckedPrice | None = None) -> tuple[OrderRefusal, ...]:
    async with transaction() as db:
        return await order_check.check_order(db, order, price or price_of(), now=NOW)


def checks(refusals: tuple[OrderRefusal, ...]) -> list[tuple[OrderCheck, bool]]:
    return [(one.check, one.waits) for one in refusals]


async def test_an_order_that_nobody_limits_is_sent() -> None:
    link_id = await open_accounts()
    assert await check(await approved(link_id)) == ()


@pytest.mark.parametrize("whose", [None, "A"])
async def test_the_value_of_an_order_at_its_limit_passes_and_a_cent_less_refuses(whose: str | None) -> None:
    link_id = await open_accounts()
    order = await approved(link_id)
    await limit(whose, max_order_value="1000")
    assert await check(order) == ()
    await limit(whose, max_order_value="999.99")
    (refusal,) = await check(order)
    assert refusal == OrderRefusal(
        OrderCheck.ORDER_VALUE, "The order is worth 1,000 USD, above the 999.99 USD that one order may be."
    )


async def test_the_narrower_of_the_tenants_and_the_accounts_limit_holds() -> None:
    link_id = await open_accounts("A", "B")
    mine, theirs = await approved(link_id), await approved(link_id, account_id="B")
    await limit(max_order_value="1000")
    await limit("A", max_order_value="999")
    await limit("B", max_order_value="5000")
    assert checks(await check(mine)) == [(OrderCheck.ORDER_VALUE, False)]
    assert await check(theirs) == ()


async def test_the_value_of_a_day_counts_what_was_given_to_a_broker_whatever_came_of_it() -> None:
    link_id = await open_accounts("A", "B")
    for state in (OrderState.SENT, OrderState.REJECTED, OrderState.CANCELLED, OrderState.UNKNOWN):
        async with transaction() as db:
            await put_order(db, state, link_id=link_id)
    await approved(link_id)  # waits still
    await sent(link_id, account_id="B")
    order = await approved(link_id)
    await limit(max_day_value="5000")
    assert await check(order) == ()
    await limit(max_day_value="4999.99")
    (refusal,) = await check(order)
    assert refusal.check is OrderCheck.DAY_VALUE
    assert "the orders of A on this day (UTC) are worth 5,000 USD, above the 4,999.99 USD" in refusal.reason


async def test_the_orders_of_yesterday_do_not_count_today() -> None:
    link_id = await open_accounts()
    old = await approved(link_id)
    await run(
        "insert into steelyard.order_events (tenant_id, order_id, version, account_id, to_state, reason, actor, at) "
        "values (1, :order, 99, 'A', 'sending', '', '', date_trunc('day', now(), 'UTC') - interval '1 microsecond')",
        order=old.order_id,
    )
    order = await approved(link_id)
    await limit(max_day_value="1000")
    assert await check(order) == ()
    await run(
        "insert into steelyard.order_events (tenant_id, order_id, version, account_id, to_state, reason, actor, at) "
        "values (1, :order, 98, 'A', 'sending', '', '', date_trunc('day', now(), 'UTC'))",
        order=old.order_id,
    )
    assert checks(await check(order)) == [(OrderCheck.DAY_VALUE, False)]


async def test_an_order_that_is_sent_again_does_not_count_twice() -> None:
    link_id = await open_accounts()
    order = await sent(link_id)
    await limit(max_day_value="1000")
    assert await check(order) == ()


async def test_two_workers_at_once_never_both_pass_the_value_of_a_day() -> None:
    link_id = await open_accounts()
    await limit(max_day_value="1000")
    waiting = [await approved(link_id) for _ in range(6)]

    async def send(order: Order) -> bool:
        async with transaction() as db:
            if await order_check.check_order(db, order, price_of(), now=NOW):
                return False
            await asyncio.sleep(0.05)  # others ask meanwhile, and wait
            await save_order(db, order, order_with(order), now=NOW)
            return True

    passed = await asyncio.gather(*(send(order) for order in waiting))
    assert sum(passed) == 1


def order_with(order: Order) -> Order:

    return replace(order, state=OrderState.SENDING, released_at=NOW, lease_until=NOW + timedelta(seconds=30))


async def test_a_market_order_is_held_to_the_collar_by_the_price_it_was_worked_out_at() -> None:
    order = await approved(await open_accounts())
    for last, is_sent in (("100", True), ("105.263158", False), ("105.263157", True), ("95.238096", True)):
        found = await check(order, price_of(last))
        assert checks(found) == ([] if is_sent else [(OrderCheck.COLLAR, False)]), last


async def test_a_limit_order_is_held_to_the_collar_by_its_limit() -> None:
    link_id = await open_accounts()
    await limit("A", price_collar="0.02")
    for price, is_sent in (("102", True), ("98", True), ("102.000001", False), ("97.999999", False)):
        order = await approved(link_id, order_type=OrderType.LIMIT, limit_price=Decimal(price))
        assert (await check(order) == ()) == is_sent, price


async def test_nothing_is_traded_on_a_price_in_doubt() -> None:
    order = await approved(await open_accounts())
    for quality in set(Quality) - {Quality.GOOD}:
        doubtful = price_of(
            None if quality is Quality.MISSING else "100", quality=quality, doubt="It is old."
        )
        assert await check(order, doubtful) == (
            OrderRefusal(OrderCheck.PRICE, "Nothing is traded on a price in doubt: It is old.", waits=True),
        )


async def test_an_old_price_is_traded_on_where_the_proposal_says_why_and_in_no_other_doubt() -> None:
    link_id = await open_accounts()
    order = await approved(link_id)
    [(proposal_id,)] = await run(
        "insert into steelyard.proposals (tenant_id, account_id, author, document, content_hash, made_at, expires_at, "
        "order_value, outcome) values (1, :account, 'operator', :document, sha256('{}'), now(), now(), 1, 'pass') "
        "returning proposal_id",
        account=order.account_id,
        document='{"asked": {"stale_reason": "the exchange was closed for a week"}}',
    )
    reasoned = await approved(link_id, proposal_id=proposal_id)
    for quality in set(Quality) - {Quality.GOOD, Quality.MISSING}:
        found = await check(reasoned, price_of("100", quality=quality, doubt="It is old."))
        assert checks(found) == ([] if quality is Quality.STALE else [(OrderCheck.PRICE, True)]), quality
    assert checks(await check(order, price_of("100", quality=Quality.STALE))) == [(OrderCheck.PRICE, True)]


async def test_a_price_in_another_currency_is_no_price_of_the_order() -> None:
    link_id = await open_accounts()
    assert checks(await check(await approved(link_id), price_of(currency="EUR"))) == [
        (OrderCheck.PRICE, False)
    ]


async def add_volumes(*volumes: str, until: date = TODAY) -> None:
    for back, volume in enumerate(volumes, start=1):
        await run(
            "insert into steelyard.traded_volumes values ('VTI', cast(:day as date), cast(:volume as numeric), 'test')",
            day=until - timedelta(days=back),
            volume=Decimal(volume),
        )


async def test_an_order_may_take_its_share_of_the_usual_volume_and_no_unit_more() -> None:
    link_id = await open_accounts()
    await add_volumes(*["100"] * 20, "1000000")
    await limit(max_participation="0.1")
    assert await check(await approved(link_id)) == ()
    more = await approved(link_id, quantity=Decimal("10.000001"))
    assert checks(await check(more)) == [(OrderCheck.PARTICIPATION, False)]


async def test_an_unknown_volume_is_said_and_is_no_pass() -> None:
    link_id = await open_accounts()
    await add_volumes(*["100"] * 19)
    await limit(max_participation="0.1")
    (refusal,) = await check(await approved(link_id))
    assert "the volume of 19 of 20 sessions of VTI is known" in refusal.reason


async def test_a_volume_of_long_ago_is_not_known() -> None:
    link_id = await open_accounts()
    await add_volumes(*["100"] * 20, until=TODAY - timedelta(days=40))
    await limit(max_participation="0.1")
    assert checks(await check(await approved(link_id))) == [(OrderCheck.PARTICIPATION, False)]


async def test_holds_and_stops_let_an_order_wait() -> None:
    link_id = await open_accounts("A", "B")
    order = await approved(link_id)
    hold = (
        "insert into steelyard.trading_holds (tenant_id, account_id, order_id, kind, reason, made_by) "
        "values (1, :account, :order, 'manual', 'who knows', 'operator')"
    )
    await run(hold, account="B", order=None)
    await run(hold, account="A", order=(await approved(link_id)).order_id)
    assert await check(order) == ()
    await run(hold, account="A", order=order.order_id)
    await run(hold, account="A", order=None)
    await run(hold, account=None, order=None)
    await run("insert into steelyard.trading_stops (reason, author) values ('a storm', 'operator')")
    found = await check(order)
    assert checks(found) == [(OrderCheck.STOP, True), *[(OrderCheck.HOLD, True)] * 3]
    assert found[0].reason == "Nothing is sent for anybody: a storm"
    assert found[1].reason == "There is a hold (manual): who knows"
    await run("update steelyard.trading_holds set released_by = 'operator', released_at = now()")
    await run("update steelyard.trading_stops set releaser = 'operator', released_at = now()")
    assert await check(order) == ()


async def test_a_block_is_held_against_the_limits_of_every_account_behind_it() -> None:
    link_id = await open_accounts("A", "B")
    run_id = (
        await run(
            "insert into steelyard.runs (tenant_id, run_name, author, document, made_at, expires_at) "
            "values (1, 'R', 'operator', '{}', now(), now()) returning run_id"
        )
    )[0][0]
    async with transaction() as db:
        block = await add_order(
            db,
            new_order(account_id=None, run_id=run_id, quantity=Decimal(20), order_value=Decimal(2000), link_id=link_id),
            now=NOW,
        )  # fmt: skip
        for account_id in ("A", "B"):
            await put_order(
                db, OrderState.APPROVED, account_id=account_id, block_id=block.order_id, link_id=link_id
            )
    await limit(max_order_value="1000", max_day_value="1000")
    assert await check(block) == ()
    await limit("B", max_day_value="999", price_collar="0.01")
    found = await check(block, price_of("102"))
    assert checks(found) == [(OrderCheck.COLLAR, False), (OrderCheck.DAY_VALUE, False)]
    assert "the orders of B on this day" in found[1].reason


def planned(value: str, price: str = "100", quantity: str = "10") -> PlannedOrder:
    return PlannedOrder(
        asset_id="VTI",
        quantity=Decimal(quantity),
        price=Decimal(price),
        currency="USD",
        order_value=Decimal(value),
    )


async def test_review_is_told_what_sending_would_refuse() -> None:
    link_id = await open_accounts()
    await sent(link_id)
    await limit(max_order_value="1000", max_day_value="2500", max_participation="0.1")

    async def review(*orders: PlannedOrder, price: CheckedPrice | None = None) -> list[OrderCheck]:
        async with transaction() as db:
            found = await order_check.check_planned_orders(
                db, "A", orders, {"VTI": price or price_of()}, now=NOW
            )
        return [one.check for one in found]

    volume, value, day = OrderCheck.PARTICIPATION, OrderCheck.ORDER_VALUE, OrderCheck.DAY_VALUE
    assert await review(planned("1000")) == [volume]
    await add_volumes(*["100"] * 20)
    assert await review(planned("1000"), planned("500")) == []
    assert await review(planned("1000"), planned("500.01")) == [day]
    assert await review(planned("1000.01")) == [value]
    assert await review(planned("1", price="106")) == [OrderCheck.COLLAR]
    assert await review(planned("1"), price=price_of(quality=Quality.STALE)) == [OrderCheck.PRICE]
    await run("insert into steelyard.trading_stops (reason, author) values ('a storm', 'operator')")
    assert await review(planned("1")) == [OrderCheck.STOP]


async def test_review_refuses_what_no_worker_would_send_and_lets_wait_what_may_wait() -> None:
    await open_accounts()
    await limit("A", max_order_value="1000")

    async def review(*values: str, price: CheckedPrice | None = None) -> None:
        orders = [planned(value) for value in values]
        async with transaction() as db:
            await order_check.require_within_limits(db, "A", orders, {"VTI": price or price_of()}, now=NOW)

    await run("insert into steelyard.trading_stops (reason, author) values ('a storm', 'operator')")
    await review("1000", "1000", price=price_of(quality=Quality.STALE))
    with pytest.raises(order_check.BeyondLimitsError) as refusal:
        await review("1001", "1000", "1002", "1003", "1004")
    first = " ".join(
        f"The order is worth {value} USD, above the 1,000 USD that one order may be."
        for value in ("1,001", "1,002", "1,003")
    )
    assert f"{refusal.value}" == (
        f"Orders of A would not be sent. {first} And 1 more. Propose less, or have the limits changed: "
        "`steelyard limits list`."
    )
    assert checks(refusal.value.refusals) == [(OrderCheck.ORDER_VALUE, False)] * 4
    with pytest.raises(order_check.BeyondLimitsError) as one:
        await review("1001")
    assert "more." not in f"{one.value}"


async def test_limits_are_written_listed_and_taken_away() -> None:
    await open_accounts()
    await limit(max_order_value="1000", price_collar="0.1")
    await limit("A", max_participation="0.25")
    await limit(max_day_value="7")
    async with transaction() as db:
        tenants, own = await order_limit.get_order_limits(db)
    assert (tenants.account_id, tenants.limits) == (None, OrderLimits(max_day_value=Decimal(7)))
    assert (own.account_id, own.limits.max_participation, own.changed_by) == (
        "A",
        Decimal("0.25"),
        "operator",
    )

    async with transaction() as db:
        await order_limit.end_order_limits(db, "A")
        with pytest.raises(order_limit.NoLimitsError):
            await order_limit.end_order_limits(db, "A")
    async with transaction() as db:
        with pytest.raises(NotFoundError, match="There is no account Z"):
            await order_limit.set_order_limits(db, "Z", OrderLimits())
        with pytest.raises(AmountError):
            await order_limit.set_order_limits(db, None, OrderLimits(price_collar=Decimal(2)))
        assert [one.account_id for one in await order_limit.get_order_limits(db)] == [None]
    actions = await run(
        "select action from steelyard.audit_events where action like 'limit.%' order by sequence"
    )
    assert [action for (action,) in actions] == ["limit.write"] * 3 + ["limit.end"]
