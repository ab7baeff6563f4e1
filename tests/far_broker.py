"""The paper broker as a process of its own, behind a socket on which requests and answers get lost.

What a caller cannot tell apart is made here: the request never came, or it was carried out and the answer was lost, or
it is carried out after the caller stopped waiting.
"""

import asyncio
import os
import pickle
import random
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from steelyard.brokers.paper import PaperBroker
from steelyard.brokers.paper_faults import Call, Fault, faults_by_chance
from steelyard.brokers.paper_market import PaperSettings
from steelyard.brokers.port import (
    BrokerAccount,
    BrokerActivity,
    BrokerOrder,
    Capabilities,
    FillPage,
    NotReceivedError,
    OrderRequest,
    OutcomeUnknownError,
    RefusedError,
)

PRICE = Decimal(100)
LATENESS = timedelta(seconds=0.7)
"""More than a caller waits."""

FILL_FAULTS = {Call.FILL: {Fault.DUPLICATE_FILL: 0.1, Fault.REORDER_FILL: 0.1, Fault.BUST_FILL: 0.02}}
SETTINGS = PaperSettings(
    most_parts=3,
    delay=timedelta(seconds=0.02),
    lateness=LATENESS,
    settle_window=timedelta(seconds=1.2),
)
LOST = {"lose_request": 0.05, "lose_answer": 0.05, "answer_late": 0.03, "execute_late": 0.05}
"""How often a request goes wrong, and how; of requests that only ask, a fifth of that."""


@dataclass(frozen=True, slots=True)
class Office:
    """Where the broker is, and what it is like.

    Attributes:
        socket: where it listens.
        file: where it keeps what it was told.
        seed: of what goes wrong.
        links: link → whether it keeps client ids.
    """

    socket: Path
    file: Path
    seed: int
    links: Mapping[str, bool]

    def settings(self, link: str) -> PaperSettings:
        return replace(SETTINGS, keeps_client_ids=self.links[link])


async def price_of(symbol: str) -> Decimal:
    del symbol
    return PRICE


def opened(office: Office, link: str, chance: random.Random, *, is_honest: bool = False) -> PaperBroker:
    """Open what the broker keeps of a link; honest = it tells each fill as it is."""
    return PaperBroker(
        office.file,
        link,
        price_of=price_of,
        clock=lambda: datetime.now(UTC),
        chance=chance,
        settings=office.settings(link),
        faults=faults_by_chance({} if is_honest else FILL_FAULTS, chance),
    )


def serve(office: Office) -> None:
    """Be the broker, until told to end."""
    asyncio.run(_serve(office))


async def _serve(office: Office) -> None:
    chance = random.Random(office.seed)  # noqa: S311 - what goes wrong, no secret
    brokers = {link: opened(office, link, chance) for link in office.links}
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _answer(brokers, chance, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller is gone: killed, or tired of waiting
        finally:
            writer.close()

    server = await asyncio.start_unix_server(answer, office.socket)
    async with server:
        await stop.wait()


async def _answer(
    brokers: Mapping[str, PaperBroker],
    chance: random.Random,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    size = int.from_bytes(await reader.readexactly(4))
    link, method, arguments = pickle.loads(await reader.readexactly(size))  # noqa: S301 - our own worker's
    fault = _draw(chance, 1 if method in {"place_order", "cancel_order"} else 0.2)
    if fault == "lose_request":
        return
    if fault == "execute_late":
        await asyncio.sleep(LATENESS.total_seconds())
    try:
        said: Any = await getattr(brokers[link], method)(*arguments)
    except RefusedError as error:
        said = error.reason
    if fault == "answer_late":
        await asyncio.sleep(LATENESS.total_seconds())
    if fault != "lose_answer":
        writer.write(_frame(said))
        await writer.drain()


def _draw(chance: random.Random, share: float) -> str:
    drawn = chance.random() / share
    for fault, probability in LOST.items():
        drawn -= probability
        if drawn < 0:
            return fault
    return ""


def _frame(content: Any) -> bytes:
    pickled = pickle.dumps(content)
    return len(pickled).to_bytes(4) + pickled


class FarBroker:
    """A link to the broker, from another process."""

    def __init__(self, office: Office, link: str) -> None:
        self._office, self._link = office, link

    @property
    def name(self) -> str:
        return "far"

    @property
    def capabilities(self) -> Capabilities:
        keeps = self._office.links[self._link]
        return Capabilities(
            keeps_client_ids=keeps,
            finds_client_ids=keeps,
            replaces=False,
            has_fractions=True,
            is_live=False,
            settle_window=SETTINGS.settle_window,
        )

    async def place_order(self, request: OrderRequest) -> BrokerOrder:
        order: BrokerOrder = await self._ask("place_order", request)
        return order

    async def find_order(
        self, client_order_id: str, broker_order_id: str | None = None
    ) -> BrokerOrder | None:
        found: BrokerOrder | None = await self._ask("find_order", client_order_id, broker_order_id)
        return found

    async def list_orders(self, since: datetime) -> Sequence[BrokerOrder]:
        orders: Sequence[BrokerOrder] = await self._ask("list_orders", since)
        return orders

    async def cancel_order(self, broker_order_id: str) -> None:
        await self._ask("cancel_order", broker_order_id)

    async def list_fills(self, after: str) -> FillPage:
        page: FillPage = await self._ask("list_fills", after)
        return page

    async def replace_order(self, broker_order_id: str, request: OrderRequest) -> BrokerOrder:
        order: BrokerOrder = await self._ask("replace_order", broker_order_id, request)
        return order

    async def list_activities(self, after: str) -> tuple[Sequence[BrokerActivity], str]:
        page: tuple[Sequence[BrokerActivity], str] = await self._ask("list_activities", after)
        return page

    async def get_account(self, account_number: str = "") -> BrokerAccount:
        account: BrokerAccount = await self._ask("get_account", account_number)
        return account

    async def close(self) -> None:
        """Nothing is open between two requests."""

    async def _ask(self, method: str, *arguments: Any) -> Any:
        try:
            reader, writer = await asyncio.open_unix_connection(self._office.socket)
        except OSError as error:
            raise NotReceivedError(self.name, os.strerror(error.errno or 0)) from error
        try:
            writer.write(_frame((self._link, method, arguments)))
            await writer.drain()
            size = int.from_bytes(await reader.readexactly(4))
            said = pickle.loads(await reader.readexactly(size))  # noqa: S301 - our own broker's
        except (OSError, asyncio.IncompleteReadError) as error:
            raise OutcomeUnknownError(self.name, "the connection ended") from error
        finally:
            writer.close()
        if isinstance(said, str):
            raise RefusedError(self.name, said)
        return said
