"""Exports: everything a tenant owns as files, all of one moment, that a load reads back to the same ledger.

A folder stands under another name until it is whole, so that an export that was ended early leaves none.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

import msgspec

from steelyard.domain.scope import TENANT, Scope
from steelyard.errors import InvalidInputError
from steelyard.services.export_files import (
    ExportArchive,
    ExportedFile,
    ExportFiles,
    ExportFolder,
    drafted,
    put_in_place,
    require_room,
)
from steelyard.services.scope import require_scope
from steelyard.statements.beancount_writing import LedgerName, open_ledger
from steelyard.statements.columns import FORMATS
from steelyard.statements.table_writing import FileKind, open_writer
from steelyard.statements.tables import UnknownTableError
from steelyard.storage.audit import record_event
from steelyard.storage.book_export import (
    ExportNames,
    get_export_names,
    get_ledger_names,
    stream_postings,
    stream_table,
)
from steelyard.storage.connection import ReadSession, get_db_session, get_write_session
from steelyard.storage.files import write_private
from steelyard.storage.migration import get_revision
from steelyard.storage.tenant import get_tenant

FORM: Final = 1
"""Of the manifest; a later form gets a higher number."""

MANIFEST: Final = "manifest.json"
LEDGER: Final = "ledger.beancount"
NOT_IN_IT: Final = (
    "users, grants, tokens, sessions and links",
    "settings of the tenant, its base currency among them",
    "rules, limits of orders, categories and overrides",
    "investors' profiles; risk level, horizon and versions of models",
    "broker links and account numbers, which are encrypted",
    "orders, proposals, runs, holds and breaks; their fills are transactions",
    "revisions of corrected transactions; the last one is what is exported",
    "returns and risk that were derived from prices; a load derives them again",
    "findings about data, and prices in quarantine",
    "the audit: `steelyard audit export`; people's data: `steelyard personal-data export`",
)
"""What the tables of an export do not hold; docs/how-to/take-your-data-away.md says the same."""


_OURS: Final = frozenset(
    {*(f"{name}{kind.ending}" for name in FORMATS for kind in FileKind), LEDGER, MANIFEST}
)
"""What files of exports are called."""


class ExportFormat(StrEnum):
    """What a book is written as."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON = "json"
    BEANCOUNT = "beancount"


class UnknownFormatError(InvalidInputError):
    """A book is to be written as something that it is not written as."""

    def __init__(self, text: str) -> None:
        """Name it and the formats there are."""
        super().__init__(f"A book is not written as {text[:20]!r}; choose {', '.join(ExportFormat)}.")


class OnlyTablesError(InvalidInputError):
    """Tables were chosen for what has none."""

    def __init__(self) -> None:
        """Say what has tables."""
        super().__init__("A beancount ledger is one file, without tables to choose; leave --only out.")


class NoTableError(InvalidInputError):
    """Not a single table was chosen."""

    def __init__(self) -> None:
        """List the tables."""
        super().__init__(f"No table is named; there are {', '.join(FORMATS)}.")


@dataclass(frozen=True, slots=True)
class ExportManifest:
    """What an export holds.

    Attributes:
        form: of this manifest.
        taken_at: the moment all of it is of.
        schema: revision of the store's schema.
        format: of its files.
        tenant: name of whose it is.
        base_currency: of the tenant's totals, which no table says.
        scope: whose accounts.
        files: in the order a load stores them.
        not_in_it: what is kept and is in none of them.
    """

    form: int
    taken_at: datetime
    schema: str
    format: ExportFormat
    tenant: str
    base_currency: str
    scope: str
    files: tuple[ExportedFile, ...]
    not_in_it: tuple[str, ...]


class Progress(Protocol):
    """Told what is being done, and how far it is."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take in that `done` of `total` files of a stage are through."""


def _silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class _Asked:
    format: ExportFormat
    scope: Scope
    tables: tuple[str, ...]
    now: datetime
    progress: Progress


def read_format(text: str) -> ExportFormat:
    """Return the format of that name.

    Raises:
        UnknownFormatError: there is none.

    >>> read_format("csv")
    <ExportFormat.CSV: 'csv'>
    """
    try:
        return ExportFormat(text)
    except ValueError:
        raise UnknownFormatError(text) from None


async def export_book(
    directory: Path,
    *,
    as_: ExportFormat,
    now: datetime,
    scope: Scope = TENANT,
    only: Collection[str] | None = None,
    force: bool = False,
    progress: Progress = _silent,
) -> ExportManifest:
    """Write everything the tenant at work owns into a new folder; that somebody does is recorded before.

    Args:
        directory: the folder to make; an empty one may be there.
        as_: what to write it as.
        now: the caller's clock, with its offset.
        scope: whose accounts.
        only: tables to write; None = all.
        force: whether an export that is there is replaced. Anything else in the folder is never touched.
        progress: told how far it is.

    Raises:
        ExportPathError, ExportThereError: the folder cannot be made.
        UnknownTableError, OnlyTablesError, NoTableError: the tables chosen are none.
        UnknownScopeError: there is no such household or account.
        UnwritableCellError: the store holds what the format cannot.
    """
    directory = Path(os.path.abspath(directory))  # noqa: PTH100, ASYNC240 - asks no disk
    asked = _Asked(as_, scope, _tables(as_, only), now, progress)
    require_room(directory, _OURS, force=force)
    await _record(asked)
    with drafted(directory) as draft:
        folder = ExportFolder(draft)
        async with get_db_session() as db:
            async for _ in _written(db, asked, folder):
                pass
            manifest = await _manifest(db, asked, folder.files)
        write_private(draft / MANIFEST, _encoded(manifest))
        require_room(directory, _OURS, force=force)  # somebody may have come first
        put_in_place(draft, directory)
    return manifest


async def stream_book(*, as_: ExportFormat, now: datetime) -> AsyncGenerator[bytes]:
    """Give everything the tenant at work owns as one zip file, in pieces; that somebody takes it is recorded before.

    Args:
        as_: what to write it as.
        now: the caller's clock, with its offset.
    """
    asked = _Asked(as_, TENANT, _tables(as_, None), now, _silent)
    await _record(asked)
    archive = ExportArchive(made_at=now, compressed=as_ is not ExportFormat.PARQUET)
    async with get_db_session() as db:
        async with aclosing(_written(db, asked, archive)) as written:
            async for _ in written:
                if piece := archive.take():
                    yield piece
        manifest = await _manifest(db, asked, archive.files)
    with archive.create(MANIFEST, "manifest") as file:
        file.write(_encoded(manifest))
    yield archive.end()


# ── What is written ─────────────────────────────────────────────────────────────────────────────────────


def _tables(as_: ExportFormat, only: Collection[str] | None) -> tuple[str, ...]:
    if as_ is ExportFormat.BEANCOUNT and only is not None:
        raise OnlyTablesError
    for name in only or ():
        if name not in FORMATS:
            raise UnknownTableError(name)
    found = tuple(name for name in FORMATS if only is None or name in only)
    if not found:
        raise NoTableError
    return found


async def _record(asked: _Asked) -> None:
    """Write down that somebody takes it, before they have it."""
    async with get_write_session() as db:
        await require_scope(db, asked.scope)
        facts = {"format": asked.format.value, "scope": f"{asked.scope}", "tables": len(asked.tables)}
        await record_event(db, "book.export", "book", "", facts)


async def _written(db: ReadSession, asked: _Asked, folder: ExportFiles) -> AsyncGenerator[None]:
    """Write file after file, and give way after each piece."""
    names = await get_export_names(db, asked.scope)
    if asked.format is ExportFormat.BEANCOUNT:
        async for _ in _ledger(db, asked, names, folder):
            yield
        return
    kind = FileKind(asked.format.value)
    for number, table in enumerate(asked.tables):
        asked.progress(f"Writing {table}", number, len(asked.tables))
        with folder.create(f"{table}{kind.ending}", table) as file:
            writer = open_writer(kind, file, FORMATS[table])
            async with aclosing(stream_table(db, table, asked.scope, names)) as parts:
                async for rows in parts:
                    await asyncio.to_thread(writer.write, rows)
                    file.rows += rows.num_rows
                    yield
            await asyncio.to_thread(writer.close)
    asked.progress("Writing", len(asked.tables), len(asked.tables))


async def _ledger(
    db: ReadSession, asked: _Asked, names: ExportNames, folder: ExportFiles
) -> AsyncGenerator[None]:
    asked.progress("Writing the ledger", 0, 1)
    tenant = await get_tenant(db)
    with folder.create(LEDGER, "ledger") as file:
        moved = [LedgerName(*name) for name in await get_ledger_names(db, asked.scope)]
        ledger = open_ledger(file, moved, tenant.base_currency)
        async with aclosing(stream_postings(db, asked.scope)) as parts:
            async for rows in parts:
                file.rows += await asyncio.to_thread(ledger.write_entries, rows)
                yield
        for table, write in (("market_data", ledger.write_prices), ("fx_rates", ledger.write_rates)):
            async with aclosing(stream_table(db, table, asked.scope, names)) as parts:
                async for rows in parts:
                    await asyncio.to_thread(write, rows)
                    yield
        ledger.close()
    asked.progress("Writing the ledger", 1, 1)


async def _manifest(db: ReadSession, asked: _Asked, files: Collection[ExportedFile]) -> ExportManifest:
    tenant = await get_tenant(db)
    return ExportManifest(
        FORM,
        asked.now,
        await get_revision(db) or "",
        asked.format,
        tenant.tenant_name,
        tenant.base_currency,
        f"{asked.scope}",
        tuple(files),
        NOT_IN_IT,
    )


def _encoded(manifest: ExportManifest) -> bytes:
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
