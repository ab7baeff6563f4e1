"""Imports: statements in, all that is new in them or nothing; listed, and taken back as a whole."""

import asyncio
import tempfile
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.errors import InvalidInputError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import Id
from steelyard.server.permits import permits
from steelyard.services import statement_import
from steelyard.services.statement_plan import Choices, Imported, ImportedRow, KeptImport, StatementFile
from steelyard.storage.connection import get_write_session

MAX_FILES: Final = 10
BODY_BYTES: Final = 16 * 2**20
LONGEST_NAME: Final = 255
LONGEST_KEY: Final = 1_000
MOST_ANSWERS: Final = 10_000
MOST_IMPORTS: Final = 200

CHANGE: Final = permits(Verb.CHANGE, ObjectType.PORTFOLIO)

NOTHING_YET: Final = "eyJtZXRhIjoge30sICJhY3Rpdml0aWVzIjogW119"
"""A file of Ghostfolio in which nothing happened, as an example."""

Key = Annotated[str, Field(max_length=LONGEST_KEY)]
Choice = Annotated[str, Field(min_length=1, max_length=200)]

router = APIRouter(prefix="/imports", tags=["ledger"])


class NoContentError(InvalidInputError):
    """What should be a file is no base64."""

    def __init__(self, name: str) -> None:
        """Name the file."""
        super().__init__(f"The content of {name!r} is no base64 (RFC 4648, with its padding).")


class FileBody(Body):
    """A file: what it is called, and its bytes in base64."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST_NAME,
            pattern=r"^[^\x00-\x1f/\\]+$",
            examples=["activities.json"],
        ),
    ]
    content: Annotated[str, Field(min_length=1, examples=[NOTHING_YET])]


class RowBody(Body):
    """A row of a file."""

    file: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
    line: Annotated[int, Field(ge=1, le=2**31)]


class ImportBody(Body):
    """What to import, and what was decided about it; nothing that is left out is guessed.

    `account` is ours of rows whose file names none, `accounts` says which of ours a statement's account is, `assets`
    by the key of a question which asset is meant (`+ID` makes it).
    """

    files: Annotated[list[FileBody], Field(min_length=1, max_length=MAX_FILES)]
    dry_run: bool = False
    account: Id | None = None
    accounts: Annotated[dict[Key, Choice], Field(default_factory=dict, max_length=MOST_ANSWERS)]
    assets: Annotated[dict[Key, Choice], Field(default_factory=dict, max_length=MOST_ANSWERS)]
    new_assets: bool = False
    reader: Id | None = None
    opening: bool = False
    leave_out: Annotated[list[RowBody], Field(default_factory=list, max_length=MOST_ANSWERS)]


@dataclass(frozen=True, slots=True)
class ImportPapers:
    """An import and what it booked, by file and line."""

    kept: KeptImport
    rows: tuple[ImportedRow, ...]


@router.post("", response_model=Imported, dependencies=[CHANGE], max_body_size=BODY_BYTES)
async def import_statements(browser: AskingBrowser, body: ImportBody) -> Answer:
    """Import statements: all that is new in them, or nothing; `dry_run` only says what that would do."""
    choices, today, vault = _choices(body), browser.now.date(), browser.entrance.vault
    async with _files(body) as files, get_write_session() as db:
        if body.dry_run:
            plan = await statement_import.plan_import(files, choices, today=today, vault=vault, db=db)
            return Answer(Imported(import_id=None, plan=plan, booked=0))
        return Answer(await statement_import.run_import(files, choices, today=today, vault=vault, db=db))


@router.get("", response_model=list[KeptImport], dependencies=[CHANGE])
async def list_imports(limit: Annotated[int, Query(ge=1, le=MOST_IMPORTS)] = 50) -> Answer:
    """Imports, the newest first; those that were taken back, too."""
    return Answer(await statement_import.list_imports(limit=limit))


@router.get("/{import_id}", response_model=ImportPapers, dependencies=[CHANGE])
async def show_import(import_id: UUID) -> Answer:
    """An import, and the transactions that it booked, by file and line."""
    return Answer(ImportPapers(*await statement_import.get_import(import_id)))


@router.post("/{import_id}/undo", response_model=KeptImport, dependencies=[CHANGE])
async def undo_import(browser: AskingBrowser, import_id: UUID) -> Answer:
    """Take an import back: all that it booked is reversed in one transaction."""
    return Answer(await statement_import.undo_import(import_id, today=browser.now.date()))


@asynccontextmanager
async def _files(body: ImportBody) -> AsyncIterator[list[StatementFile]]:
    """Lay the files of a request where readers find them, until it is answered."""
    with tempfile.TemporaryDirectory(prefix="steelyard-") as folder:
        files = [StatementFile(one.name, Path(folder, str(number))) for number, one in enumerate(body.files)]
        for one, file in zip(body.files, files, strict=True):
            await asyncio.to_thread(_write, file.path, one)
        yield files


def _write(path: Path, file: FileBody) -> None:
    try:
        path.write_bytes(b64decode(file.content, validate=True))
    except ValueError:
        raise NoContentError(file.name) from None


def _choices(body: ImportBody) -> Choices:
    return Choices(
        account=body.account,
        accounts=body.accounts,
        assets=body.assets,
        new_assets=body.new_assets,
        reader=body.reader,
        opening=body.opening,
        leave_out=frozenset((row.file, row.line) for row in body.leave_out),
    )
