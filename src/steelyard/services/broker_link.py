"""Links to brokers: made with sealed credentials, given accounts, opened, ended."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.brokers.alpaca import AlpacaBroker
from steelyard.brokers.file import FileBroker
from steelyard.brokers.paper import Clock, PaperBroker, PriceOf
from steelyard.brokers.paper_faults import FaultPlan, no_faults
from steelyard.brokers.port import Broker
from steelyard.domain.scope import Scope
from steelyard.errors import ConflictError, NotFoundError, NotPermittedError
from steelyard.identity.permissions import Actor
from steelyard.identity.user import check_name
from steelyard.identity.vault import Vault
from steelyard.market.port import Market, Quality
from steelyard.network.outbound import Network, Outbound, OutboundRules
from steelyard.services.account_number import get_account_number
from steelyard.services.broker_settings import (
    check_broker,
    read_credentials,
    read_paper_settings,
    write_credentials,
)
from steelyard.services.market import read_prices
from steelyard.services.scope import UnknownScopeError
from steelyard.storage import broker_link as store
from steelyard.storage.audit import record_event
from steelyard.storage.broker_link import CREDENTIALS, BrokerLink, NewBrokerLink
from steelyard.storage.cluster import open_cluster
from steelyard.storage.connection import ReadSession, WriteSession, get_db_session

if TYPE_CHECKING:
    from steelyard.storage.connection import Pool

PAPER_FILE: Final = "paper.sqlite"
ANSWER_SECONDS: Final = 30.0
LARGEST_ANSWER: Final = 4_194_304
"""Bytes: a page of 500 orders is some 600,000."""


class UnknownLinkError(NotFoundError):
    """There is no such link, or it was ended."""

    def __init__(self, asked: str) -> None:
        """Name what was asked for."""
        super().__init__(
            f"There is no open link {asked} to a broker. List those there are: `steelyard brokers list`."
        )


class LinkTakenError(ConflictError):
    """A link has this name."""

    def __init__(self, name: str) -> None:
        """Name it."""
        super().__init__(f"A link {name!r} is there already, or was and is ended. Take another name.")


class OpenOrdersError(ConflictError):
    """Orders are at the broker, and somebody would lose sight of them."""

    def __init__(self, what: str, count: int) -> None:
        """Count them."""
        super().__init__(
            f"{count} order{'s' * (count != 1)} of {what} {'are' if count != 1 else 'is'} not ended. Cancel them or "
            "wait for them first: `steelyard orders list`."
        )


class NotInLedgerError(ConflictError):
    """An account is kept as snapshots, in which nothing can be booked."""

    def __init__(self, account_id: str) -> None:
        """Name it and the way."""
        super().__init__(
            f"Account {account_id} is kept as snapshots, and what is traded could not be booked in it. Load its "
            "transactions and run `steelyard ledger post`, which keeps an account whose positions they explain."
        )


class FolderElsewhereError(NotPermittedError):
    """Somebody who is not at the machine names a file or folder of it."""

    def __init__(self, broker: str) -> None:
        """Name the broker and who may."""
        super().__init__(
            f"Where {broker} keeps its files is for the operator to say: `steelyard brokers link {broker}`."
        )


class NoBrokerError(NotFoundError):
    """An account is at no broker."""

    def __init__(self, account_id: str) -> None:
        """Name it and the way."""
        super().__init__(
            f"Nobody said where the orders of account {account_id} go. Say it: "
            f"`steelyard brokers attach LINK {account_id}`."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerTools:
    """What brokers are given from outside.

    Attributes:
        paper_file: where paper links keep what they were told, if their address does not say.
        price_of: what a symbol costs, for paper.
        clock: the time, with its zone.
        chance: draws what paper leaves to chance.
        faults: what goes wrong at paper, and when.
        sleep: waits so many seconds.
        outbound: the way to brokers on the network; who opened it closes it.
    """

    paper_file: Path
    outbound: Outbound
    price_of: PriceOf
    clock: Clock
    chance: random.Random
    faults: FaultPlan = no_faults
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep)


async def link_broker(
    db: WriteSession,
    vault: Vault,
    actor: Actor,
    link_id: UUID,
    *,
    broker: str,
    name: str,
    environment: str,
    address: str | None,
    settings: Mapping[str, Any],
    credentials: Mapping[str, str],
    now: datetime,
) -> None:
    """Keep a link to a broker; its credentials are sealed, and shown to nobody again.

    Args:
        db: the session.
        vault: seals the credentials.
        actor: who links it.
        link_id: its key, new.
        broker: paper, alpaca or file.
        name: what people call it; no other link's, ended ones included.
        environment: paper = nothing real is traded; live = it is.
        address: where the broker is asked; of paper its file, of file its folder; None = its own.
        settings: what else it needs; docs/reference/brokers.md lists them.
        credentials: by name.
        now: the time, with its zone.

    Raises:
        BrokerSettingError: something of it breaks a rule.
        FolderElsewhereError: an address that is a file or folder, by anybody but the operator.
        UnusableNameError: the name is empty, too long, or cannot be typed.
        LinkTakenError: a link has this name.
    """
    name = check_name("name of the link", name)
    check_broker(broker, environment, address, settings, credentials)
    if broker != "alpaca" and address is not None and not actor.is_operator:
        raise FolderElsewhereError(broker)
    sealed = None
    if credentials:
        sealed = await vault.seal(db, *CREDENTIALS, str(link_id), write_credentials(credentials))
    link = NewBrokerLink(
        link_id=link_id,
        broker=broker,
        link_name=name,
        environment=environment,
        address=address,
        settings=settings,
        credentials_sealed=sealed,
    )
    if not await store.add_link(db, link, now=now):
        raise LinkTakenError(name)
    await record_event(
        db, "broker_link.make", "broker_link", str(link_id), {"broker": broker, "environment": environment}
    )


async def get_broker_links(
    db: ReadSession | WriteSession, *, with_ended: bool = False
) -> Sequence[BrokerLink]:
    """Return the links by name, without what opens them."""
    return await store.get_links(db, with_ended=with_ended)


async def find_broker_link(db: AsyncSession, asked: str) -> BrokerLink:
    """Return the open link of a name or key.

    Raises:
        UnknownLinkError: there is none.
    """
    for link in await store.get_links(db, with_ended=False):
        if asked in {link.link_name, str(link.link_id)}:
            return link
    raise UnknownLinkError(asked)


async def end_broker_link(db: WriteSession, link_id: UUID, *, now: datetime) -> None:
    """End a link: nothing is sent there any more.

    Raises:
        UnknownLinkError: there is none that is open.
        OpenOrdersError: orders are there.
    """
    if not await store.end_link(db, link_id, now=now):
        raise UnknownLinkError(str(link_id))
    if count := await store.count_open_orders(db, link_id=link_id):
        raise OpenOrdersError("this link", count)
    await record_event(db, "broker_link.end", "broker_link", str(link_id))


async def attach_account(
    db: WriteSession, vault: Vault, account_id: str, link_id: UUID, tools: BrokerTools
) -> None:
    """Say where the orders of an account go; a paper broker is told what the account holds.

    With its first account a link begins: what the broker executed and booked before is not read.

    Args:
        db: the session.
        vault: opens the account's number.
        account_id: the account, kept by the ledger.
        link_id: the link.
        tools: what brokers are given.

    Raises:
        UnknownLinkError: the link is none that is open.
        UnknownScopeError: there is no such account, or it is not the user's to see.
        NotInLedgerError: the account is kept as snapshots.
        OpenOrdersError: its orders are elsewhere.
        PaperFileError: the paper broker's file cannot be used.
    """
    if not await store.hold_link(db, link_id):
        raise UnknownLinkError(str(link_id))
    await _require_ledger(db, account_id)
    before = await store.get_link_of_account(db, account_id)
    if before != link_id and (count := await store.count_open_orders(db, account_id=account_id)):
        raise OpenOrdersError(f"account {account_id}", count)
    await store.attach_account(db, account_id, link_id)
    broker = await open_broker(db, vault, link_id, tools)
    try:
        if isinstance(broker, PaperBroker):
            await _tell_holdings(db, vault, account_id, broker)
        await _skip_history(db, broker, link_id)
    finally:
        await broker.close()
    await record_event(db, "broker_link.attach", "account", account_id, {"link": str(link_id)})


async def _skip_history(db: WriteSession, broker: Broker, link_id: UUID) -> None:
    """Let a link begin now: what was executed and booked there before is part of what its accounts hold.

    Nothing where something was read from it, or ordered by it, before.
    """
    if not await store.hold_unread_link(db, link_id):
        return
    fills, is_last = "", False
    while not is_last:
        page = await broker.list_fills(fills)
        is_last, fills = page.is_last or page.next == fills, page.next
    activities, is_last = "", False
    while not is_last:
        _, after = await broker.list_activities(activities)
        is_last, activities = after == activities, after
    await store.set_pages(db, link_id, fills_page=fills, activities_page=activities)


async def _require_ledger(db: WriteSession, account_id: str) -> None:
    keeper = await store.get_keeper(db, account_id)
    if keeper is None:
        raise UnknownScopeError(Scope.account(account_id), [])
    if keeper != "ledger":
        raise NotInLedgerError(account_id)


async def _tell_holdings(db: WriteSession, vault: Vault, account_id: str, broker: PaperBroker) -> None:
    held = await store.get_account_balances(db, account_id)
    await broker.open_account(
        account_id,
        await get_number_at_broker(db, vault, account_id),
        {one.commodity: one.quantity for one in held if one.is_cash},
        {one.commodity: one.quantity for one in held if not one.is_cash},
    )


async def get_link_of_account(db: AsyncSession, account_id: str) -> UUID:
    """Return the link that the orders of an account go by.

    Raises:
        NoBrokerError: nobody said, or the link was ended.
    """
    link_id = await store.get_link_of_account(db, account_id)
    if link_id is None:
        raise NoBrokerError(account_id)
    return link_id


async def get_number_at_broker(db: AsyncSession, vault: Vault, account_id: str) -> str:
    """Return the number of an account at its broker; "" where its link has one account, which others may share.

    Raises:
        UnknownScopeError: there is no such account, or it is not the user's to see.
    """
    return await get_account_number(db, vault, account_id) or ""


async def open_broker(db: AsyncSession, vault: Vault, link_id: UUID, tools: BrokerTools) -> Broker:
    """Open a link; close the broker when it is done with.

    Args:
        db: the session; it is not needed any more afterwards.
        vault: opens the credentials.
        link_id: the link.
        tools: what brokers are given.

    Raises:
        UnknownLinkError: there is no such link, or it was ended.
        PaperFileError: the paper broker's file cannot be used.
        NotReceivedError: the folder of a file broker cannot be used.
    """
    found = await store.get_links(db, link_id=link_id, with_ended=False)
    if not found:
        raise UnknownLinkError(str(link_id))
    return OPENERS[found[0].broker](found[0], await _credentials(db, vault, link_id), tools)


async def _credentials(db: AsyncSession, vault: Vault, link_id: UUID) -> Mapping[str, str]:
    sealed = await store.get_sealed_credentials(db, link_id)
    if sealed is None:
        return {}
    return read_credentials(await vault.unseal(db, *CREDENTIALS, str(link_id), sealed))


def _open_paper(link: BrokerLink, credentials: Mapping[str, str], tools: BrokerTools) -> Broker:
    del credentials  # nobody to show them to
    return PaperBroker(
        Path(link.address) if link.address else tools.paper_file,
        str(link.link_id),
        price_of=tools.price_of,
        clock=tools.clock,
        chance=tools.chance,
        settings=read_paper_settings(link.settings),
        name=link.link_name,
        faults=tools.faults,
        sleep=tools.sleep,
    )


def _open_alpaca(link: BrokerLink, credentials: Mapping[str, str], tools: BrokerTools) -> Broker:
    return AlpacaBroker(
        tools.outbound,
        credentials,
        clock=tools.clock,
        name=link.link_name,
        is_live=link.environment == "live",
        address=link.address,
    )


def _open_files(link: BrokerLink, credentials: Mapping[str, str], tools: BrokerTools) -> Broker:
    del credentials  # as above
    return FileBroker(
        Path(link.address or ""), clock=tools.clock, name=link.link_name, is_live=link.environment == "live"
    )


def newest_price(clock: Clock, market: Market | None = None) -> PriceOf:
    """Return what gives the newest price of an asset, in a session of its own.

    An old one will do, as a broker fills when nobody else trades; one that is in doubt for another reason will not.

    Args:
        clock: the time, with its zone.
        market: the sources that are asked; None = the stored prices.
    """

    async def price_of(symbol: str) -> Decimal | None:
        found = (await read_prices([symbol], now=clock(), market=market))[symbol]
        return found.price if found.quality in {Quality.GOOD, Quality.STALE} else None

    return price_of


def make_tools(
    networks: Sequence[Network],
    data_dir: Path | None,
    pool: "Pool",
    *,
    clock: Clock,
    market: Market | None = None,
) -> BrokerTools:
    """Gather what brokers are given; whoever calls it closes the `outbound` of it.

    Args:
        networks: where brokers may be besides the public internet.
        data_dir: the data folder as the settings name it; None = the platform's.
        pool: on the store; the paper broker's file is in the folder of the embedded server where it is that.
        clock: the time, with its zone.
        market: where the paper broker's prices come from; None = the store.
    """
    home = pool.server.home if pool.server is not None else open_cluster(data_dir).home
    return BrokerTools(
        paper_file=home / PAPER_FILE,
        outbound=Outbound(
            OutboundRules(tuple(networks), total_seconds=ANSWER_SECONDS, max_bytes=LARGEST_ANSWER)
        ),
        price_of=newest_price(clock, market),
        clock=clock,
        chance=random.SystemRandom(),
    )


class Brokers:
    """Opens each link once, and closes them all."""

    def __init__(self, vault: Vault, tools: BrokerTools) -> None:
        """Open nothing yet; arguments as for `open_broker`."""
        self._vault, self._tools = vault, tools
        self._open: dict[UUID, Broker] = {}

    async def __call__(self, link_id: UUID) -> Broker:
        """Return the broker of a link of the tenant at work; raises as `open_broker`."""
        if link_id not in self._open:
            async with get_db_session() as db:
                self._open[link_id] = await open_broker(db, self._vault, link_id, self._tools)
        return self._open[link_id]

    async def close(self) -> None:
        """Close those that are open."""
        while self._open:
            await self._open.popitem()[1].close()


OPENERS: Final[Mapping[str, Callable[[BrokerLink, Mapping[str, str], BrokerTools], Broker]]] = {
    "paper": _open_paper,
    "alpaca": _open_alpaca,
    "file": _open_files,
}
"""Broker → what opens a link to it."""
