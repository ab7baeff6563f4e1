"""Blocks: what is filled in part, late, or taken back is shared out, and the ledger stays what the broker says."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from people import run
from running import Desk, booked, held, opened_desk
from steelyard.brokers.paper_market import PaperSettings
from steelyard.domain.order import OrderState
from steelyard.services.run import get_run
from steelyard.storage.connection import Pool
from steelyard.storage.run import Run

SLOW = PaperSettings(settle_window=timedelta(seconds=10), delay=timedelta(hours=1))
"""Nothing is filled by itself."""


@pytest.fixture
async def desk(own_store: Pool, tmp_path: Path) -> AsyncIterator[Desk]:
    del own_store  # opening it is what matters
    async with opened_desk(tmp_path, 4, SLOW) as made:
        yield made


async def sent(desk: Desk) -> Run:
    """Execute a run, and let its first blocks be sent."""
    done = await desk.execute_all()
    await desk.work(rounds=3)
    return done


async def block_of(asset_id: str) -> tuple[UUID, str]:
    """A block and what the broker calls it."""
    [row] = await run(
        "select order_id, broker_order_id from steelyard.orders where account_id is null and asset_id = :asset",
        asset=asset_id,
    )
    return row[0], str(row[1])  # type: ignore[return-value]  # rows are of objects


async def orders_of(asset_id: str) -> list[tuple[object, ...]]:
    """Units, what is filled of them, and the state of each account's order."""
    return await run(
        "select trim_scale(quantity)::text, trim_scale(filled_quantity)::text, state from steelyard.orders "
        "where account_id is not null and asset_id = :asset order by account_id",
        asset=asset_id,
    )


async def test_orders_wait_for_their_block_and_a_part_of_it_gives_nobody_anything_yet(desk: Desk) -> None:
    done = await sent(desk)
    _, sells = await block_of("AAA")
    await desk.broker.execute(sells, Decimal(10), Decimal(50))
    await desk.work(rounds=3)
    assert (await get_run(done.run_id)).progress.orders == {OrderState.APPROVED: 12}
    assert await orders_of("AAA") == [(f"{n}", "0", "approved") for n in (25, 21, 17, 12)]


async def test_a_block_that_ends_filled_in_part_is_shared_out_by_largest_remainder(desk: Desk) -> None:
    await sent(desk)
    _, sells = await block_of("AAA")
    await desk.broker.execute(sells, Decimal(40), Decimal(50))
    await desk.broker.execute(sells, Decimal(2), Decimal("49.99"))
    await desk.broker.cancel_order(sells)
    await desk.work(rounds=6)
    # 42 of 75: 14, 11.76, 9.52 and 6.72 would be exact: the second and the last have the larger remainders
    rows = await orders_of("AAA")
    assert [(row[0], row[1]) for row in rows] == [("25", "14"), ("21", "12"), ("17", "9"), ("12", "7")]
    assert {row[2] for row in rows} == {"cancelled"}
    paid = await run(
        "select sum(amount), count(distinct price) from steelyard.fills where block_execution_id is not null"
    )
    assert paid == [(Decimal("2099.98"), 1)]
    assert await booked() == await held(desk.broker)


async def test_a_fill_taken_back_is_taken_back_from_everybody_by_reversal_and_a_late_one_is_given(
    desk: Desk,
) -> None:
    await sent(desk)
    _, sells = await block_of("AAA")
    await desk.broker.execute(sells, Decimal(44), Decimal(50))
    last = await desk.broker.execute(sells, Decimal(31), Decimal(51))
    await desk.work(rounds=6)
    assert {row[2] for row in await orders_of("AAA")} == {"filled"}
    assert await booked() == await held(desk.broker)
    await desk.broker.bust(last)
    await desk.work(rounds=3, seconds=61)
    assert {row[2] for row in await orders_of("AAA")} == {"partially_filled"}
    assert await booked() == await held(desk.broker)
    assert await run("select count(*) from steelyard.journal where reverses is not null") == [(4,)]
    assert await run("select count(*) filter (where busted_at is null), count(*) from steelyard.fills "
                     "where block_execution_id is not null") == [(4, 8)]  # fmt: skip
    await desk.broker.execute(sells, Decimal(31), Decimal(52))
    await desk.work(rounds=3, seconds=61)
    assert {row[2] for row in await orders_of("AAA")} == {"filled"}
    assert await booked() == await held(desk.broker)


async def test_buys_that_the_sells_did_not_pay_for_are_cancelled_and_say_so(desk: Desk) -> None:
    done = await sent(desk)
    _, sells = await block_of("AAA")
    _, buys = await block_of("BBB")
    assert {row[2] for row in await orders_of("CCC")} == {"approved"}  # they wait for what the sells bring in
    [[units]] = await run(
        "select quantity from steelyard.orders where account_id is null and asset_id = 'BBB'"
    )
    await desk.broker.execute(buys, Decimal(str(units)), Decimal(20))
    await desk.broker.cancel_order(sells)
    await desk.work(rounds=6)
    shown = await get_run(done.run_id)
    assert shown.progress.orders == {OrderState.FILLED: 4, OrderState.CANCELLED: 8}
    reasons = await run("select distinct reason from steelyard.orders where asset_id = 'CCC'")
    assert len(reasons) == 4
    assert all("it takes" in str(why) and "are free" in str(why) for (why,) in reasons)
    assert await booked() == await held(desk.broker)


async def test_an_account_that_its_share_would_overdraw_has_it_in_suspense_and_the_others_are_booked(
    desk: Desk,
) -> None:
    await run("update steelyard.accounts set may_overdraw = false")
    await sent(desk)
    await run("insert into steelyard.transactions (tenant_id, transaction_id, account_id, transaction_date, "
              "transaction_type, currency, total_amount) values (1, 'gone', 'R-001', '2026-01-02', 'WITHDRAWAL', "
              "'USD', 10500)")  # fmt: skip
    await run("select steelyard.post_transactions(1, '2026-01-02', array['gone'])")
    _, buys = await block_of("BBB")
    [total] = await run("select quantity from steelyard.orders where account_id is null and asset_id = 'BBB'")
    await desk.broker.execute(buys, Decimal(str(total[0])), Decimal(20))
    await desk.work(rounds=6)
    assert {row[2] for row in await orders_of("BBB")} == {"filled"}
    suspended = await run("select account_id, suspended_because <> '' from steelyard.fills where asset_id = 'BBB' "
                          "and block_execution_id is not null order by account_id")  # fmt: skip
    assert suspended == [("R-000", False), ("R-001", True), ("R-002", False), ("R-003", False)]
    assert await run("select account_id, kind from steelyard.trading_holds where released_at is null") == [
        ("R-001", "break")
    ]


async def test_who_is_given_more_than_they_ordered_is_put_on_hold(desk: Desk) -> None:
    await sent(desk)
    _, sells = await block_of("AAA")
    await desk.broker.execute(sells, Decimal(76), Decimal(50))
    await desk.work(rounds=6)
    assert sum(Decimal(str(row[1])) for row in await orders_of("AAA")) == 76
    holds = await run(
        "select kind from steelyard.trading_holds where released_at is null and account_id is not null"
    )
    assert holds == [("overfill",)]
    assert await booked() == await held(desk.broker)


async def test_a_rejected_block_rejects_its_orders(desk: Desk) -> None:
    done = await desk.execute_all()
    await run("update steelyard.orders set state = 'rejected', reason = 'closed', due_at = null, version = version + 1 "
              "where account_id is null")  # fmt: skip
    await desk.run_worker().work()
    shown = await get_run(done.run_id)
    assert shown.progress.orders[OrderState.REJECTED] == 8
    assert "closed" in str((await run("select reason from steelyard.orders where asset_id = 'AAA' and account_id "
                                      "is not null limit 1"))[0][0])  # fmt: skip
