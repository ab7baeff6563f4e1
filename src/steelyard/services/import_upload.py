"""Uploads of the import page: files that a person gave, kept encrypted between its steps for an hour."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_bytes
from typing import Final
from uuid import UUID, uuid4

from steelyard.errors import InvalidInputError, NotFoundError
from steelyard.identity.field_encryption import SealedFieldError
from steelyard.identity.file_encryption import OVERHEAD, SealedFileError, decrypt_file, encrypt_file
from steelyard.identity.vault import Vault
from steelyard.services.statement_plan import StatementFile
from steelyard.storage import statement_import as store
from steelyard.storage.connection import AnySession, WriteSession

MAX_UPLOAD_BYTES: Final = 16 * 2**20
MAX_UPLOADS: Final = 10
LONGEST_NAME: Final = 255
KEY: Final = "import_uploads", "key_sealed"


class UploadError(InvalidInputError):
    """A file cannot be kept."""

    def __init__(self, name: str, why: str) -> None:
        """Name it and the rule."""
        super().__init__(f"{name!r:.80} cannot be kept: {why}.")


class UploadGoneError(NotFoundError):
    """A file that was given is not there any more."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("A file is not there any more: they are kept for an hour. Choose it again.")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that waits to be imported, of the person who asks."""

    upload_id: UUID
    name: str
    size: int
    uploaded_at: datetime


async def keep_upload(db: WriteSession, vault: Vault, name: str, content: bytes) -> Upload:
    """Keep a file of the caller for an hour; what is older goes with the same call.

    Args:
        db: acting as the caller.
        vault: seals the file's key.
        name: what it was called; of a path the last part.
        content: its bytes.

    Raises:
        UploadError: it is empty, larger than 16 MiB, its name is none, or the caller has 10 of them already.
    """
    name = name.replace("\\", "/").rpartition("/")[2].strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise UploadError(name, f"give it a name of 1 to {LONGEST_NAME} characters that print")
    if not content:
        raise UploadError(name, "it is empty")
    if len(content) > MAX_UPLOAD_BYTES:
        raise UploadError(
            name, f"it is larger than {MAX_UPLOAD_BYTES // 2**20} MiB; import it at the terminal"
        )
    await store.drop_old_uploads(db)
    await store.lock_uploads(db)  # two at once are counted one after the other
    if len(await store.list_uploads(db)) >= MAX_UPLOADS:
        raise UploadError(name, f"{MAX_UPLOADS} files wait already; import or drop them first")
    upload_id = uuid4()
    key, encrypted = encrypt_file(content, token_bytes)  # some ms, and a thread would keep the memory
    key_sealed = await vault.seal(db, *KEY, f"{upload_id}", key)
    uploaded_at = await store.add_upload(db, upload_id, name, key_sealed, encrypted)
    return Upload(upload_id, name, len(content), uploaded_at)


async def list_uploads(db: AnySession) -> tuple[Upload, ...]:
    """Return the caller's files of the last hour, the oldest first."""
    return tuple(
        Upload(one.upload_id, one.file_name, one.size - OVERHEAD, one.uploaded_at)
        for one in await store.list_uploads(db)
    )


async def drop_uploads(db: WriteSession, upload_ids: Sequence[UUID]) -> int:
    """Forget files of the caller, and everybody's that are older than an hour; return how many of the caller's."""
    await store.drop_old_uploads(db)
    return await store.delete_uploads(db, upload_ids)


@asynccontextmanager
async def open_uploads(
    db: AnySession, vault: Vault, upload_ids: Sequence[UUID]
) -> AsyncIterator[list[StatementFile]]:
    """Give the caller's files to `plan_import` and `run_import`, in the order asked for; they end with the block.

    Args:
        db: acting as the caller.
        vault: opens the files' keys.
        upload_ids: which.

    Raises:
        UploadGoneError: one is not there, older than an hour, or somebody else's.
        SealedFileError: one, or its key, was damaged in the store.
    """
    with tempfile.TemporaryDirectory(prefix="steelyard-") as folder:
        files = []
        for number, upload_id in enumerate(upload_ids):
            found = await store.get_upload(db, upload_id)
            if found is None:
                raise UploadGoneError
            name, key_sealed, encrypted = found
            try:
                key = await vault.unseal(db, *KEY, f"{upload_id}", key_sealed)
            except SealedFieldError as error:
                raise SealedFileError from error
            path = Path(folder, str(number))
            content = decrypt_file(encrypted, key)  # some ms, and a thread would keep the memory
            await asyncio.to_thread(path.write_bytes, content)
            files.append(StatementFile(name, path))
        yield files
