"""The desk: what is counted and listed is of the scope that is chosen, and an order says what holds it back."""

from dataclasses import astuple
from uuid import uuid4

import pytest

from executions import add_account, add_link, add_order
from orders import transaction
from people import run
from steelyard.domain.scope import TENANT, Scope
from steelyard.services.broker_reconciliation import get_breaks
from steelyard.services.desk import get_counts, get_order_page
from steelyard.services.hold import HoldKind, get_holds, place_hold
from steelyard.services.suspense import get_fill_page
from steelyard.storage.connection import get_db_session

pytestmark = pytest.mark.usefixtures("own_store")

HOUSEHOLD = Scope.household("H")


async def two_accounts() -> tuple[str, str]:
    """One of household H, and one of none."""
    inside, outside = await add_account(), await add_account()
    await run("insert into steelyard.households values (1, 'H', 'The Hs', 'USD')")
    await run("update steelyard.accounts set household_id = 'H' where account_id = :id", id=inside)
    return inside, outside


async def test_counts_and_lists_of_a_household_are_of_its_accounts() -> None:
    link = await add_link()
    for account in await two_accounts():
        order = await add_order(link, account)
        async with transaction() as db:
            await place_hold(db, HoldKind.MANUAL, "ask first", account_id=account)
            await place_hold(db, HoldKind.MANUAL, "ask first", order_id=order.order_id)
        await run(
            "insert into steelyard.reconciliation_breaks "
            "(tenant_id, link_id, account_id, commodity, is_cash, ledger_quantity, broker_quantity, found_at, seen_at)"
            " values (1, :link, :account, 'USD', true, 1, 2, now(), now())",
            link=link,
            account=account,
        )
        await run(
            "insert into steelyard.fills "
            "(tenant_id, link_id, execution_id, account_id, side, quantity, price, currency, executed_at, "
            "suspended_because) values (1, :link, :id, :account, 'buy', 1, 1, 'USD', now(), 'no order of ours')",
            link=link,
            id=str(uuid4()),
            account=account,
        )

    # to decide, open, planned, in suspense, breaks, holds
    assert astuple(await get_counts(TENANT)) == (0, 2, 0, 2, 2, 4)
    assert astuple(await get_counts(HOUSEHOLD)) == (0, 1, 0, 1, 1, 2)
    async with get_db_session() as db:
        assert len(await get_holds(db, household_id="H")) == 2
        assert len(await get_breaks(db, household_id="H")) == 1
        assert len(await get_fill_page(db, household_id="H")) == 1
        assert not await get_holds(db, household_id="nobody's")


async def test_a_block_is_held_by_what_holds_its_accounts_and_nobody_elses() -> None:
    link, (inside, outside) = await add_link(), await two_accounts()
    run_id = (
        await run(
            "insert into steelyard.runs (tenant_id, run_name, author, document, made_at, expires_at) "
            "values (1, 'R', 'operator', '{}', now(), now()) returning run_id"
        )
    )[0][0]
    block = await add_order(link, None, run_id=run_id)
    await add_order(link, inside, block_id=block.order_id)
    async with transaction() as db:
        await place_hold(db, HoldKind.MANUAL, "of a part of it", account_id=inside)
        await place_hold(db, HoldKind.MANUAL, "of somebody else", account_id=outside)

    assert [hold.reason for hold in (await get_order_page(block.order_id)).holds] == ["of a part of it"]
