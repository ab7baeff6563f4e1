"""Uploads of the import page: files that a person gave, kept between its steps for an hour."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from steelyard.services.statement_plan import StatementFile
from steelyard.storage.connection import ReadSession, WriteSession

MAX_UPLOAD_BYTES: Final = 16 * 2**20
MAX_UPLOADS: Final = 10
UPLOAD_MINUTES: Final = 60


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that waits to be imported, of the person who asks."""

    upload_id: UUID
    name: str
    size: int
    uploaded_at: datetime


async def keep_upload(db: WriteSession, name: str, content: bytes) -> Upload:
    """Keep a file of the caller for an hour; what is older goes with the same call.

    Raises:
        UploadError: it is empty, larger than 16 MiB, its name is none, or the caller has 10 of them already.
    """
    raise NotImplementedError


async def list_uploads(db: ReadSession | WriteSession) -> tuple[Upload, ...]:
    """Return the caller's files of the last hour, the oldest first."""
    raise NotImplementedError


async def drop_uploads(db: WriteSession, upload_ids: Sequence[UUID]) -> int:
    """Forget files of the caller, and everybody's that are older than an hour; return how many of the caller's."""
    raise NotImplementedError


@asynccontextmanager
async def open_uploads(
    db: ReadSession | WriteSession, upload_ids: Sequence[UUID]
) -> AsyncIterator[list[StatementFile]]:
    """Give the caller's files to `plan_import` and `run_import`, in the order asked for; they end with the block.

    Raises:
        UploadGoneError: one is not there, older than an hour, or somebody else's.
    """
    raise NotImplementedError
    yield []
