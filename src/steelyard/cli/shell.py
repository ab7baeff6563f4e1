"""What the composition root hands the commands: the settings, the way to the store, the sample book, the day."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from steelyard.cli.output import notes, working
from steelyard.config import Settings
from steelyard.errors import SteelyardError

if TYPE_CHECKING:
    from steelyard.identity.vault import Vault
    from steelyard.server.application import Application
    from steelyard.server.place import Place
    from steelyard.services.audit import AuditPlaces
    from steelyard.storage.acting import Acting
    from steelyard.storage.connection import Pool


@dataclass(frozen=True, slots=True)
class SampleBook:
    """The book that `demo` loads.

    Attributes:
        directory: its tables.
        real: what in it is real, in words.
        made: what in it is made up, in words.
    """

    directory: Path
    real: str
    made: str


class OpenPool(Protocol):
    """Opens the pool of the store that settings name."""

    def __call__(
        self, settings: Settings, report: Callable[[str], None], *, acts_as: "Acting | None" = None
    ) -> "Awaitable[Pool]":
        """Open it; `report` is told what takes more than a moment. None = it works for the operator."""


class MakeServer(Protocol):
    """Puts a server together."""

    def __call__(self, settings: Settings, place: "Place", pool: "Pool") -> "Awaitable[Application]":
        """Return the application that serves the open store at a place."""


@dataclass(frozen=True, slots=True)
class Shell:
    """One run of the command line.

    Attributes:
        settings: as the environment says.
        open_pool: opens the pool of the store.
        sample_book: finds the book that `demo` loads.
        today: tells the day.
        make_server: puts the server together that `serve` runs.
    """

    settings: Settings
    open_pool: OpenPool
    sample_book: Callable[[], SampleBook]
    today: Callable[[], date]
    make_server: MakeServer

    @asynccontextmanager
    async def pool(self, *, acts_as: "Acting | None" = None) -> "AsyncIterator[Pool]":
        """Open the store for one command; while the embedded server starts, the terminal says so.

        Args:
            acts_as: for whom it works where nothing else says so; None = the operator.
        """
        from steelyard.storage.connection import close_connection_pool

        with working("Opening the store") as report:
            pool = await self.open_pool(self.settings, report, acts_as=acts_as)
        try:
            yield pool
        finally:
            await close_connection_pool()

    @asynccontextmanager
    async def store(self, *, acts_as: "Acting | None" = None) -> "AsyncIterator[Pool]":
        """Open the store as `pool` does, and end unless its schema is the one this program knows."""
        from steelyard.storage.connection import get_db_session
        from steelyard.storage.migration import check_schema

        async with self.pool(acts_as=acts_as) as pool:
            async with get_db_session() as db:
                await check_schema(db)
            yield pool

    def audit_places(self, pool: "Pool") -> "AuditPlaces":
        """Return where the key and the kept heads of the open store's audit are."""
        from steelyard.services.audit import find_places

        settings = self.settings
        return find_places(settings.key_file, settings.audit_heads, settings.data_dir, pool)

    async def keep_heads(self, pool: "Pool") -> None:
        """Keep signed heads of the audit; a failure is a note, for what the command did stands."""
        from steelyard.services.audit import ship_heads

        try:
            await ship_heads(self.audit_places(pool), datetime.now(UTC))
        except SteelyardError as error:
            notes().print(f"No head of the audit was kept: {error}", soft_wrap=True)

    async def vault(self, pool: "Pool") -> "Vault":
        """Open the vault of the open store; see `open_vault`."""
        from steelyard.services.key import open_vault

        return await open_vault(self.settings.key_file, pool)

    async def make_keys(self, pool: "Pool") -> Path | None:
        """Make the key file of the open store; returns where, None where it was there or none is named for it."""
        from steelyard.services.key import make_first_keys

        if pool.server is None and self.settings.key_file is None:
            return None
        return await make_first_keys(self.settings.key_file, pool)


pass_shell = click.make_pass_decorator(Shell)
