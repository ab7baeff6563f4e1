"""Where exports are written: a folder that stands under another name until it is whole, or a zip file on its way."""

import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from steelyard.errors import ConflictError, InvalidInputError
from steelyard.storage.files import sync_folder

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class ExportPathError(InvalidInputError):
    """An export cannot be written to that folder."""

    def __init__(self, directory: Path, reason: str) -> None:
        """Name both, and what to name instead."""
        super().__init__(
            f"Nothing can be exported to {directory}: {reason}. Name a folder that does not exist yet."
        )


class ExportThereError(ConflictError):
    """The folder of an export holds an export."""

    def __init__(self, directory: Path) -> None:
        """Name it and the way to have it replaced."""
        super().__init__(
            f"{directory} holds an export already, and it was left alone. Name another folder, or give --force to "
            "have it replaced."
        )


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file of an export.

    Attributes:
        name: the file's.
        table: what it holds; `ledger` where it is a whole ledger.
        rows: how many; of a ledger its entries.
        bytes: its size.
        sha256: its hash, hexadecimal.
    """

    name: str
    table: str
    rows: int
    bytes: int
    sha256: str


class CountedFile(io.RawIOBase):
    """A file that is written from its beginning to its end, with what a manifest says of it.

    Attributes:
        rows: how many were written, by whoever writes them.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        """Pass on to a stream what is written."""
        self._stream, self._hash, self._size = stream, hashlib.sha256(), 0
        self.rows = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write all of it."""
        piece = memoryview(data)
        self._stream.write(piece)
        self._hash.update(piece)
        self._size += piece.nbytes
        return piece.nbytes

    def tell(self) -> int:
        """Return how much was written."""
        return self._size

    def described(self, name: str, table: str) -> ExportedFile:
        """Return what a manifest says of it."""
        return ExportedFile(name, table, self.rows, self._size, self._hash.hexdigest())


class ExportFiles(Protocol):
    """Takes files, one after the other.

    Attributes:
        files: those that are whole.
    """

    files: list[ExportedFile]

    def create(self, name: str, table: str) -> AbstractContextManager[CountedFile]:
        """Open a file to be written; it is whole when the block ends."""


class ExportFolder:
    """Files of a folder."""

    def __init__(self, folder: Path) -> None:
        """Begin in an empty folder."""
        self._folder = folder
        self.files: list[ExportedFile] = []

    @contextmanager
    def create(self, name: str, table: str) -> Iterator[CountedFile]:
        """Open a file to be written; it lasts through a power cut when the block ends."""
        with (self._folder / name).open("xb") as stream:
            counted = CountedFile(stream)
            yield counted
            stream.flush()
            os.fsync(stream.fileno())
        self.files.append(counted.described(name, table))


class ExportArchive:
    """Files of a zip file that is sent while it is written."""

    def __init__(self, *, made_at: datetime, compressed: bool) -> None:
        """Begin an archive.

        Args:
            made_at: the time its files bear.
            compressed: whether they are to be compressed.
        """
        self._made_at = made_at
        self._compression = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
        self._sent = _Outbox()
        self._archive = zipfile.ZipFile(self._sent, "w")
        self.files: list[ExportedFile] = []

    @contextmanager
    def create(self, name: str, table: str) -> Iterator[CountedFile]:
        """Open a file to be written; it is whole when the block ends."""
        entry = zipfile.ZipInfo(name, self._made_at.timetuple()[:6])
        entry.compress_type = self._compression
        with self._archive.open(entry, "w", force_zip64=True) as stream:
            counted = CountedFile(stream)
            yield counted
        self.files.append(counted.described(name, table))

    def take(self) -> bytes:
        """Return what was written and not taken before."""
        return self._sent.take()

    def end(self) -> bytes:
        """Write the directory, without which nobody takes it for a zip file, and return what was not taken yet."""
        self._archive.close()
        return self._sent.take()


class _Outbox(io.RawIOBase):
    """What was written and not yet sent."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        piece = bytes(data)
        self._pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        taken = b"".join(self._pieces)
        self._pieces.clear()
        return taken


def require_room(directory: Path, ours: Collection[str], *, force: bool) -> None:
    """See that an export may be written to a folder: it is not there, is empty, or holds one that is to be replaced.

    Args:
        directory: the folder.
        ours: the names that files of exports have; anything else is somebody's, and never touched.
        force: whether an export that is there is replaced.

    Raises:
        ExportPathError: it is a file, or holds something else.
        ExportThereError: it holds an export.
    """
    if not directory.exists():
        return
    if not directory.is_dir():
        raise ExportPathError(directory, "it is a file")
    names = {path.name for path in directory.iterdir()}
    if others := sorted(names - set(ours)):
        raise ExportPathError(directory, f"it holds {others[0]}, which is no part of an export")
    if names and not force:
        raise ExportThereError(directory)


@contextmanager
def drafted(directory: Path) -> Iterator[Path]:
    """Give a new folder beside the one that is wanted; it is gone at the end, unless it was put in its place.

    Raises:
        ExportPathError: none can be made.
    """
    try:
        draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    except OSError as error:
        raise ExportPathError(directory, error.strerror or "no folder can be made beside it") from error
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def put_in_place(draft: Path, directory: Path) -> None:
    """Give a draft its name; what has it, an export that may be replaced, goes when the new one stands."""
    sync_folder(draft)
    before = draft.with_name(f"{draft.name}-before")
    if directory.exists():
        directory.rename(before)
    draft.rename(directory)
    sync_folder(directory.parent)
    shutil.rmtree(before, ignore_errors=True)
