"""Reconciling with a broker: breaks are found, seen again and resolved; the account is held and let go by rule."""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from executions import add_link
from orders import transaction
from people import add_person, open_vault, run
from steelyard.brokers.paper_faults import Call, Fault
from steelyard.brokers.port import NotReceivedError, OrderRequest
from steelyard.domain.order import Order, OrderState, Side
from steelyard.identity.permissions import Role
from steelyard.identity.vault import Vault
from steelyard.services.broker_reconciliation import (
    Break,
    BreakNotFoundError,
    BreakResolvedError,
    ExplanationError,
    NoAccountsError,
    Reconciled,
    explain_break,
    get_breaks,
    reconcile_link,
)
from steelyard.storage.connection import Pool, get_db_session
from trading_laws import check_trading
from workshop import Workshop, opened_workshop


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path)


@pytest.fixture
async def shop(store: Pool, tmp_path: Path) -> AsyncIterator[Workshop]:
    del store  # opening it is what matters
    async with opened_workshop(tmp_path) as made:
        yield made


async def reconcile(shop: Workshop, vault: Vault) -> Reconciled:
    shop.clock.go_on(seconds=60)

    def clock() -> datetime:
        shop.clock.go_on(seconds=0.1)
        return shop.clock()

    return await reconcile_link(shop.broker, vault, shop.link_id, clock=clock)


async def holds_of(account_id: str) -> list[str]:
    rows = await run(
        "select reason from steelyard.trading_holds where account_id = :id and released_at is null",
        id=account_id,
    )
    return [str(reason) for (reason,) in rows]


def said(breaks: list[Break]) -> list[tuple[str, Decimal, Decimal]]:
    return [(one.commodity, one.ledger_quantity, one.broker_quantity) for one in breaks]


async def test_what_was_traded_and_booked_agrees(shop: Workshop, vault: Vault) -> None:
    await shop.order()
    await shop.order(side=Side.SELL, quantity=Decimal(3))
    await shop.work(rounds=5)
    assert (await reconcile(shop, vault)).agrees
    await check_trading()


async def test_fills_that_nobody_read_yet_are_read_first(shop: Workshop, vault: Vault) -> None:
    order = await shop.order(OrderState.SENT)
    placed = await shop.broker.place_order(request_of(order))
    shop.clock.go_on(seconds=60)
    assert placed.client_order_id == order.client_order_id
    found = await reconcile(shop, vault)
    assert found.agrees
    filled = await run("select state from steelyard.orders where order_id = :id", id=order.order_id)
    assert filled == [("filled",)]


async def test_a_difference_is_a_break_that_holds_the_account_and_tells_the_owners(
    shop: Workshop, vault: Vault
) -> None:
    owner = await add_person(Role.OWNER)
    await shop.broker.book_activity("", "DEPOSIT", Decimal("12.34"), "USD")
    found = await reconcile(shop, vault)
    [account] = shop.accounts
    assert said(found.found) == [("USD", Decimal(1_000_000), Decimal("1000012.34"))]
    assert await holds_of(account) == [
        "The ledger says 1000000 USD, the broker 1000012.34: `steelyard reconcile breaks`."
    ]
    told = await run("select kind from steelyard.notices where user_id = :id", id=owner)
    assert ("break.find",) in told


async def test_a_break_is_seen_again_and_is_gone_by_itself(shop: Workshop, vault: Vault) -> None:
    await shop.broker.book_activity("", "DEPOSIT", Decimal(5), "USD")
    [first] = (await reconcile(shop, vault)).found
    again = await reconcile(shop, vault)
    assert [one.break_id for one in again.standing] == [first.break_id]
    assert not again.found
    assert len(await holds_of(first.account_id)) == 1
    await shop.broker.book_activity("", "WITHDRAWAL", Decimal(-5), "USD")
    assert [one.break_id for one in (await reconcile(shop, vault)).resolved] == [first.break_id]
    assert await holds_of(first.account_id) == []
    assert await run(
        "select resolved_by from steelyard.reconciliation_breaks where break_id = :id", id=first.break_id
    ) == [("system:reconcile",)]


async def test_an_explained_break_lets_go_until_the_difference_is_another(
    shop: Workshop, vault: Vault
) -> None:
    await shop.broker.book_activity("", "DEPOSIT", Decimal(5), "USD")
    [first] = (await reconcile(shop, vault)).found
    async with transaction() as db:
        await explain_break(db, first.break_id, "their rounding", now=shop.clock())
    assert await holds_of(first.account_id) == []
    assert (await reconcile(shop, vault)).agrees
    assert (await reconcile(shop, vault)).agrees  # as long as it stays what it is
    await shop.broker.book_activity("", "DEPOSIT", Decimal(1), "USD")
    assert said((await reconcile(shop, vault)).found) == [("USD", Decimal(1_000_000), Decimal(1_000_006))]


async def test_an_explained_difference_that_went_and_comes_again_is_new(shop: Workshop, vault: Vault) -> None:
    await shop.broker.book_activity("", "DEPOSIT", Decimal(5), "USD")
    [first] = (await reconcile(shop, vault)).found
    async with transaction() as db:
        await explain_break(db, first.break_id, "a loan", now=shop.clock())
    await shop.broker.book_activity("", "WITHDRAWAL", Decimal(-5), "USD")
    assert (await reconcile(shop, vault)).agrees
    await shop.broker.book_activity("", "DEPOSIT", Decimal(5), "USD")
    assert len((await reconcile(shop, vault)).found) == 1


async def test_what_the_broker_calls_by_no_name_of_ours_is_a_break(shop: Workshop, vault: Vault) -> None:
    await shop.broker.open_account("more", "", {}, {"XYZW": Decimal(3)})
    assert said((await reconcile(shop, vault)).found) == [("XYZW", Decimal(0), Decimal(3))]


async def test_an_order_whose_fill_may_be_under_way_is_judged_when_it_has_ended(
    shop: Workshop, vault: Vault
) -> None:
    [account] = shop.accounts
    await shop.order(OrderState.SENT, quantity=Decimal(10))
    await shop.broker.open_account("early", "", {"USD": Decimal(-400)}, {"VTI": Decimal(4)})
    found = await reconcile(shop, vault)
    assert found.undecided == {account: ["USD", "VTI"]}
    assert await holds_of(account) == []
    await run(
        "update steelyard.orders set state = 'cancelled', version = version + 1 where account_id = :id",
        id=account,
    )
    assert len((await reconcile(shop, vault)).found) == 2


async def test_accounts_that_share_one_there_are_compared_together(
    store: Pool, tmp_path: Path, vault: Vault
) -> None:
    del store  # opening it is what matters
    async with opened_workshop(tmp_path, accounts=2) as shop:
        assert (await reconcile(shop, vault)).agrees
        await shop.broker.book_activity("", "FEE", Decimal(-1), "USD")
        found = await reconcile(shop, vault)
        assert sorted(one.account_id for one in found.found) == sorted(shop.accounts)
        assert said(found.found) == [("USD", Decimal(2_000_000), Decimal(1_999_999))] * 2


async def test_a_broker_that_does_not_answer_leaves_every_break_as_it_was(
    shop: Workshop, vault: Vault
) -> None:
    await shop.broker.book_activity("", "DEPOSIT", Decimal(5), "USD")
    [first] = (await reconcile(shop, vault)).found
    shop.go_wrong((Call.READ, Fault.UNREACHABLE))
    with pytest.raises(NotReceivedError):
        await reconcile(shop, vault)
    assert len(await holds_of(first.account_id)) == 1


async def test_a_break_is_explained_once_and_with_words(shop: Workshop, vault: Vault) -> None:
    await shop.broker.book_activity("", "DEPOSIT", Decimal(5), "USD")
    [first] = (await reconcile(shop, vault)).found
    async with transaction() as db:
        with pytest.raises(ExplanationError, match="1 to 2,000"):
            await explain_break(db, first.break_id, " ", now=shop.clock())
        with pytest.raises(BreakNotFoundError):
            await explain_break(db, shop.link_id, "it is", now=shop.clock())
        await explain_break(db, first.break_id, "it is", now=shop.clock())
        with pytest.raises(BreakResolvedError, match="resolved by operator"):
            await explain_break(db, first.break_id, "it is", now=shop.clock())
    async with get_db_session() as reading:
        assert not await get_breaks(reading, account_id=first.account_id)
        [kept] = await get_breaks(reading, account_id=first.account_id, with_resolved=True)
    assert (kept.explanation, kept.resolved_by) == ("it is", "operator")


async def test_a_link_without_accounts_has_nothing_to_compare(shop: Workshop, vault: Vault) -> None:
    with pytest.raises(NoAccountsError):
        await reconcile_link(shop.broker, vault, await add_link(), clock=shop.clock)


def request_of(order: Order) -> OrderRequest:
    return OrderRequest(
        client_order_id=order.client_order_id,
        symbol=order.asset_id,
        side=order.side,
        quantity=order.quantity,
        order_type=order.order_type,
        limit_price=order.limit_price,
        currency=order.currency,
    )
