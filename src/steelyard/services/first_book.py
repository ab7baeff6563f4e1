"""The first book of an installation: the sample book, loaded and published while its owner watches."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from steelyard.errors import ConflictError, SteelyardError, UpstreamError
from steelyard.identity.permissions import Actor
from steelyard.identity.vault import Vault
from steelyard.services.asset_360 import refresh
from steelyard.services.broker_link import (
    BrokerTools,
    NotInLedgerError,
    attach_account,
    get_broker_links,
    link_broker,
)
from steelyard.services.loading import load_tables
from steelyard.storage.connection import WriteSession, get_db_session, get_write_session
from steelyard.storage.portfolio import get_all_accounts

log = logging.getLogger(__name__)


class BookThereError(ConflictError):
    """The store holds accounts, with which the sample book would mix."""

    def __init__(self) -> None:
        """Say what to do instead."""
        super().__init__(
            "There are accounts here already, and the sample book would mix with them. It can be seen in a store of "
            "its own: `STEELYARD_HOME=~/steelyard-demo steelyard demo`."
        )


class BookNotLoadedError(UpstreamError):
    """Something that nobody thought of ended the load."""

    def __init__(self) -> None:
        """Say where it stands."""
        super().__init__("The sample book was not loaded; the log of the server says why. Press again.")


async def has_accounts() -> bool:
    """Return whether whoever asks sees an account."""
    async with get_db_session() as db:
        return bool(await get_all_accounts(db))


async def trade_on_paper(db: WriteSession, vault: Vault, actor: Actor, tools: BrokerTools) -> int:
    """Link the paper broker and attach the accounts whose trades can be booked; returns how many.

    Args:
        db: the session.
        vault: opens account numbers.
        actor: who links it.
        tools: what brokers are given.
    """
    link_id, attached = uuid4(), 0
    await link_broker(
        db,
        vault,
        actor,
        link_id,
        broker="paper",
        name="paper",
        environment="paper",
        address=None,
        settings={"slippage_bps": "2"},
        credentials={},
        now=tools.clock(),
    )
    for account in await get_all_accounts(db):
        with suppress(NotInLedgerError):
            await attach_account(db, vault, account.account_id, link_id, tools)
            attached += 1
    return attached


@dataclass(slots=True)
class Loading:
    """A load that is under way, or ended.

    Attributes:
        stage: what is being done, in words.
        problem: why it ended without a book; None = it goes on, or went well.
        task: does it.
    """

    stage: str = "Reading the tables"
    problem: SteelyardError | None = None
    task: asyncio.Task[None] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether it goes on."""
        return self.task is not None and not self.task.done()

    def note_end(self, task: "asyncio.Task[None]") -> None:
        """Say that it went wrong, where a defect ended it."""
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("sample book not loaded", exc_info=error)
            self.problem = BookNotLoadedError()


class FirstBook:
    """Loads the sample book in the background, for each tenant once at a time; who asks is told how far it is."""

    def __init__(self, directory: Path, vault: Vault, tools: BrokerTools) -> None:
        """Load nothing yet.

        Args:
            directory: the tables of the book.
            vault: opens account numbers.
            tools: what brokers are given, and the clock.
        """
        self._directory, self._vault, self._tools = directory, vault, tools
        self._loadings: dict[int, Loading] = {}

    def loading_of(self, tenant_id: int) -> Loading:
        """Return the last load of a tenant, or one that has not begun."""
        return self._loadings.get(tenant_id, Loading())

    async def begin(self, actor: Actor) -> None:
        """Begin to load it for whoever asks, unless that is under way.

        Raises:
            BookThereError: there are accounts.
        """
        has_book = await has_accounts()
        if self.loading_of(actor.tenant_id).is_under_way:  # asked last: of two who press at once one loads it
            return
        if has_book:
            raise BookThereError
        loading = self._loadings[actor.tenant_id] = Loading()
        loading.task = asyncio.create_task(self._load(actor, loading))  # acts for whom this does
        loading.task.add_done_callback(loading.note_end)

    async def _load(self, actor: Actor, loading: Loading) -> None:
        def note(stage: str, done: int, total: int) -> None:
            loading.stage = f"{stage.partition(' ')[0]}: {done:,} of {total:,}"

        today = self._tools.clock().date()
        try:
            await load_tables(self._directory, today=today, progress=note, now=self._tools.clock())
            loading.stage = "Working out every figure"
            await refresh(today=today)
            loading.stage = "Opening a paper broker"
            async with get_write_session() as db:
                if not await get_broker_links(db, with_ended=True):
                    await trade_on_paper(db, self._vault, actor, self._tools)
        except SteelyardError as error:
            log.warning("sample book not loaded", extra={"error": type(error).__name__})
            loading.problem = error
