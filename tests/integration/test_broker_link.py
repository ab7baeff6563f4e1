"""Links to brokers in the store: sealed, attached, opened, ended."""

import random
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from alpaca_server import KEYS, AlpacaServer, alpaca_server
from bookings import book
from openid import LOOPBACK
from orders import add_asset, add_trading_account, put_order
from paper import NOON, Market, order
from people import acting, open_vault, run
from steelyard.brokers.alpaca import AlpacaBroker
from steelyard.brokers.file import FileBroker
from steelyard.brokers.paper import PaperBroker
from steelyard.brokers.port import Broker
from steelyard.domain.order import OrderState, Side
from steelyard.errors import SteelyardError
from steelyard.identity.permissions import Actor, Role
from steelyard.identity.vault import Vault
from steelyard.network.outbound import Outbound
from steelyard.services.account_number import set_account_number
from steelyard.services.broker_link import (
    Brokers,
    BrokerTools,
    FolderElsewhereError,
    LinkTakenError,
    NoBrokerError,
    NotInLedgerError,
    OpenOrdersError,
    UnknownLinkError,
    attach_account,
    end_broker_link,
    find_broker_link,
    get_broker_links,
    get_link_of_account,
    get_number_at_broker,
    link_broker,
    newest_price,
    open_broker,
)
from steelyard.services.broker_settings import BrokerSettingError
from steelyard.services.ledger import record_transactions
from steelyard.services.scope import UnknownScopeError
from steelyard.storage.audit import read_events
from steelyard.storage.connection import Pool, get_db_session

OPERATOR = Actor(1)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return open_vault(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def vault(keys: Vault, store: Pool) -> Vault:
    del store
    return keys


@pytest.fixture
async def tools(tmp_path: Path) -> AsyncIterator[BrokerTools]:
    market, outbound = Market(), Outbound(LOOPBACK)
    yield BrokerTools(
        paper_file=tmp_path / "paper.sqlite",
        outbound=outbound,
        price_of=market.price_of,
        clock=market.clock,
        chance=random.Random(1),  # noqa: S311 - the same every time
    )
    await outbound.close()


async def link(vault: Vault, broker: str = "paper", *, actor: Actor = OPERATOR, **what: Any) -> UUID:
    link_id = uuid4()
    known: dict[str, Any] = {
        "name": f"{link_id}",
        "environment": "paper",
        "address": None,
        "settings": {},
        "credentials": KEYS if broker == "alpaca" else {},
    }
    async with acting(actor) as db:
        await link_broker(db, vault, actor, link_id, broker=broker, now=NOON, **known | what)
    return link_id


async def attach(vault: Vault, account_id: str, link_id: UUID, tools: BrokerTools) -> None:
    async with acting() as db:
        await attach_account(db, vault, account_id, link_id, tools)


async def opened(vault: Vault, link_id: UUID, tools: BrokerTools) -> Broker:
    async with get_db_session() as db:
        return await open_broker(db, vault, link_id, tools)


async def ledger_account(account_id: str, **balances: str) -> None:
    """Make an account that the ledger keeps; USD is its money, everything else units."""
    await add_trading_account(account_id, None)
    held: dict[str, Any] = {"account_id": account_id}
    booked = []
    for name, number in balances.items():
        await add_asset(name)
        if name == "USD":
            booked.append(book("DEPOSIT", f"{account_id}-USD", **held, asset_id="", amount=number))
        else:
            booked.append(
                book("RECEIVE", f"{account_id}-{name}", **held, asset_id=name, quantity=number, amount=1)
            )
    await record_transactions(booked, today=NOON.date())


# ── Made, listed, ended ─────────────────────────────────────────────────────────────────────────────────


async def test_credentials_rest_sealed_and_are_shown_to_nobody(vault: Vault, tools: BrokerTools) -> None:
    link_id = await link(vault, "alpaca", credentials={"key_id": "PKCANARY", "secret_key": "SKCANARY"})
    async with get_db_session() as db:
        listed = [one for one in await get_broker_links(db) if one.link_id == link_id]
        told = [event async for event in read_events(db)]
    rows = await run("select l::text from steelyard.broker_links as l where link_id = :id", id=link_id)
    assert "CANARY" not in f"{rows}{listed}{told}"
    assert listed[0].has_credentials
    assert ("broker_link.make", f"{link_id}") in {(event.action, event.object_id) for event in told}
    broker = await opened(vault, link_id, tools)
    assert isinstance(broker, AlpacaBroker)
    assert "CANARY" not in repr(broker)


async def test_sealed_keys_open_alpaca(vault: Vault, tools: BrokerTools) -> None:
    async with alpaca_server(AlpacaServer(cash=Decimal(5))) as alpaca:
        broker = await opened(vault, await link(vault, "alpaca", address=alpaca.address), tools)
        assert (await broker.get_account()).cash == {"USD": Decimal(5)}
        assert not broker.capabilities.is_live
        wrong = await link(vault, "alpaca", address=alpaca.address, credentials={"access_token": "no"})
        with pytest.raises(SteelyardError, match="401"):
            await (await opened(vault, wrong, tools)).get_account()


async def test_each_broker_is_opened_as_it_was_linked(
    vault: Vault, tools: BrokerTools, tmp_path: Path
) -> None:
    paper = await link(vault, settings={"slippage_bps": "5", "keeps_client_ids": False}, name="practice")
    folder = await link(vault, "file", address=f"{tmp_path / 'custodian'}", environment="live")
    brokers = Brokers(vault, tools)
    first = await brokers(paper)
    assert isinstance(first, PaperBroker)
    assert (first.name, first.capabilities.keeps_client_ids) == ("practice", False)
    assert await brokers(paper) is first
    second = await brokers(folder)
    assert isinstance(second, FileBroker)
    assert second.capabilities.is_live
    assert (tmp_path / "custodian" / "orders").is_dir()
    await brokers.close()


async def test_a_name_is_taken_for_good_and_an_ended_link_opens_no_more(
    vault: Vault, tools: BrokerTools
) -> None:
    link_id = await link(vault, name="one")
    with pytest.raises(LinkTakenError, match="'one'"):
        await link(vault, name=" one ")
    async with get_db_session() as db:
        assert (await find_broker_link(db, "one")).link_id == link_id
        assert (await find_broker_link(db, f"{link_id}")).link_name == "one"
    async with acting() as db:
        await end_broker_link(db, link_id, now=NOON)
    with pytest.raises(UnknownLinkError):
        await opened(vault, link_id, tools)
    async with get_db_session() as db:
        assert "one" not in {one.link_name for one in await get_broker_links(db)}
        assert "one" in {one.link_name for one in await get_broker_links(db, with_ended=True)}
        with pytest.raises(UnknownLinkError, match="steelyard brokers list"):
            await find_broker_link(db, "one")
    async with acting() as db:
        with pytest.raises(UnknownLinkError):
            await end_broker_link(db, link_id, now=NOON)


async def test_a_link_whose_orders_are_open_is_not_ended(vault: Vault, tools: BrokerTools) -> None:
    link_id, other = await link(vault), await link(vault)
    await ledger_account("OPEN", USD="1000")
    await attach(vault, "OPEN", link_id, tools)
    await add_asset()
    async with acting() as db:
        await put_order(db, OrderState.SENT, account_id="OPEN", link_id=link_id)
    with pytest.raises(OpenOrdersError, match="1 order of this link is not ended"):
        async with acting() as db:
            await end_broker_link(db, link_id, now=NOON)
    with pytest.raises(OpenOrdersError, match="account OPEN"):
        await attach(vault, "OPEN", other, tools)
    async with get_db_session() as db:
        assert await get_link_of_account(db, "OPEN") == link_id


@pytest.mark.parametrize(
    ("broker", "what", "rule"),
    [
        ("etrade", {}, "none of paper, alpaca, file"),
        ("paper", {"environment": "live"}, "environment"),
        ("paper", {"settings": {"slipage_bps": 5}}, "'slipage_bps' of a link to paper is not known"),
        ("paper", {"settings": {"slippage_bps": "many"}}, "no number from 0 to 1000"),
        ("paper", {"settings": {"slippage_bps": "1001"}}, "no number from 0 to 1000"),
        ("paper", {"settings": {"most_parts": "1.5"}}, "no whole number from 1 to 100"),
        ("paper", {"settings": {"delay_seconds": True}}, "delay_seconds"),
        ("paper", {"settings": {"has_fractions": 1}}, "neither true nor false"),
        ("paper", {"address": "paper.sqlite"}, "no absolute path"),
        ("paper", {"credentials": {"key_id": "K"}}, "it takes: none"),
        ("alpaca", {"credentials": {"key_id": "K"}}, "key_id and secret_key or access_token"),
        ("alpaca", {"credentials": {"access_token": "SECRET\r\nX: 1"}}, "access_token"),
        ("alpaca", {"address": "ftp://x"}, "no https address"),
        ("alpaca", {"address": "https://me:SECRET@x"}, "holds a login"),
        ("file", {}, "name the folder"),
    ],
)
async def test_what_a_link_cannot_be_made_of_is_named(
    vault: Vault, broker: str, what: dict[str, Any], rule: str
) -> None:
    with pytest.raises(BrokerSettingError, match=rule) as refused:
        await link(vault, broker, **what)
    assert "SECRET" not in f"{refused.value}"


async def test_files_of_the_machine_are_for_the_operator_to_name(vault: Vault, tmp_path: Path) -> None:
    owner = Actor(1, uuid4(), Role.OWNER)
    for broker in ("paper", "file"):
        with pytest.raises(FolderElsewhereError, match="operator"):
            await link(vault, broker, actor=owner, address=f"{tmp_path}")


# ── Accounts ────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_paper_broker_begins_with_what_the_ledger_says(vault: Vault, tools: BrokerTools) -> None:
    link_id = await link(vault)
    await ledger_account("ONE", USD="1000.55", VTI="12.5")
    await ledger_account("TWO", USD="10", BND="3")
    for account in ("ONE", "TWO", "ONE"):
        await attach(vault, account, link_id, tools)
    broker = await opened(vault, link_id, tools)
    shared = await broker.get_account()
    assert shared.cash == {"USD": Decimal("1010.55")}
    assert {one.symbol: one.quantity for one in shared.positions} == {
        "VTI": Decimal("12.5"),
        "BND": Decimal(3),
    }
    await broker.place_order(order("S1", Side.SELL, "12"))
    assert (await broker.get_account()).cash == {"USD": Decimal("2210.55")}
    async with get_db_session() as db:
        found = await get_broker_links(db)
        assert {tuple(one.accounts) for one in found if one.link_id == link_id} == {("ONE", "TWO")}


async def test_an_account_with_a_number_has_its_own_there(vault: Vault, tools: BrokerTools) -> None:
    link_id = await link(vault)
    await ledger_account("OWN", USD="5")
    async with acting() as db:
        assert await get_number_at_broker(db, vault, "OWN") == ""
        await set_account_number(db, vault, "OWN", "DU 123")
    await attach(vault, "OWN", link_id, tools)
    broker = await opened(vault, link_id, tools)
    assert (await broker.get_account("DU 123")).cash == {"USD": Decimal(5)}
    async with get_db_session() as db:
        assert await get_number_at_broker(db, vault, "OWN") == "DU 123"


async def test_an_account_that_cannot_be_traded_is_not_attached(vault: Vault, tools: BrokerTools) -> None:
    link_id = await link(vault)
    await run(
        "insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency) "
        "values (1, 'SNAP', 'Snapshots', 'USD')"
    )
    with pytest.raises(NotInLedgerError, match="steelyard ledger post"):
        await attach(vault, "SNAP", link_id, tools)
    with pytest.raises(UnknownScopeError):
        await attach(vault, "NONE", link_id, tools)
    with pytest.raises(UnknownLinkError):
        await attach(vault, "SNAP", uuid4(), tools)
    async with get_db_session() as db:
        with pytest.raises(NoBrokerError, match="steelyard brokers attach LINK SNAP"):
            await get_link_of_account(db, "SNAP")


async def test_an_account_goes_to_another_link_when_nothing_is_open(vault: Vault, tools: BrokerTools) -> None:
    first, second = await link(vault), await link(vault)
    await ledger_account("MOVED", USD="7")
    await attach(vault, "MOVED", first, tools)
    await attach(vault, "MOVED", second, tools)
    async with get_db_session() as db:
        assert await get_link_of_account(db, "MOVED") == second
    async with acting() as db:
        await end_broker_link(db, second, now=NOON)
    async with get_db_session() as db:
        with pytest.raises(NoBrokerError):
            await get_link_of_account(db, "MOVED")


async def test_paper_trades_at_the_newest_stored_price_in_whole_currency(store: Pool) -> None:
    del store
    await add_asset("LON", "GBX")
    for day, price in (("2026-11-18", "1234"), ("2026-11-19", "1250"), ("2030-01-01", "9999")):
        await run(
            "insert into steelyard.market_data (asset_id, price_date, closing_price) "
            "values ('LON', cast(:day as text)::date, :price)",
            day=day,
            price=Decimal(price),
        )
    price_of = newest_price(lambda: NOON)
    assert (await price_of("LON"), await price_of("NONE")) == (Decimal("12.50"), None)
