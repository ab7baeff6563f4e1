"""The folder that files go out of and come into, shared by several processes; each file goes out once.

orders/    what goes out: an order or a cancellation each, for the broker to take away
fills/     what comes in; the broker writes elsewhere and moves here, or writes names that begin with a point
sent/      a copy of all that went out, for good
outgoing/  what is about to go out: a file leaves it for orders/ in one move, so that where it is says whether it went
taken/     a copy of all that came in and could be read, for good; a file that was changed is taken once more
taken.txt  what was taken, in that order: the hash of what it held, and its name
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import uuid4

SUBFOLDERS: Final = ("orders", "fills", "sent", "outgoing", "taken")
TAKEN: Final = "taken.txt"
HASH_LENGTH: Final = 64


class Folder:
    """The folder of one link."""

    def __init__(self, path: Path) -> None:
        """Make what is not there of it; raises OSError."""
        self.path = path
        self._contents: dict[str, bytes] = {}
        for name in SUBFOLDERS:
            (path / name).mkdir(parents=True, exist_ok=True, mode=0o700)

    def send(self, name: str, text: str) -> str:
        """Let a file go out, once for good; returns what the file of that name held when it went.

        After a crash at any place the same call ends what was begun; raises OSError.
        """
        sent, outgoing = self.path / "sent" / name, self.path / "outgoing" / name
        with self._locked():
            if not sent.exists():
                _write(outgoing, text.encode())
                sent.hardlink_to(outgoing)
                _sync(sent.parent)
            if outgoing.exists():
                outgoing.rename(self.path / "orders" / name)
                _sync(self.path / "orders")
        return sent.read_text("utf-8")

    def find_sent(self, name: str) -> str | None:
        """Return what went out under a name; None = nothing did."""
        try:
            return (self.path / "sent" / name).read_text("utf-8")
        except FileNotFoundError:
            return None

    def sent_names(self) -> Sequence[str]:
        """Return the names of all that went out."""
        return sorted(path.name for path in (self.path / "sent").iterdir())

    def take(self, is_good: Callable[[str, bytes], bool]) -> None:
        """Take what came in since.

        Args:
            is_good: says of a file, by its name and what it holds, whether it can be read; what cannot stays.
        """
        with self._locked():
            taken = self._taken()
            for path in sorted(self._fill_files()):
                content = path.read_bytes()
                line = f"{sha256(content).hexdigest()} {path.name}"
                if line not in taken and is_good(path.name, content):
                    _write(self.path / "taken" / line[:HASH_LENGTH], content)
                    taken.append(line)
                    _write(self.path / TAKEN, "".join(f"{one}\n" for one in taken).encode())

    def taken(self) -> Sequence[tuple[str, bytes]]:
        """Return what was taken, in that order: names and contents."""
        lines = [line.partition(" ") for line in self._taken()]
        for hashed, _, _ in lines:
            if hashed not in self._contents:
                self._contents[hashed] = (self.path / "taken" / hashed).read_bytes()
        return [(name, self._contents[hashed]) for hashed, _, name in lines]

    def read_text(self, name: str) -> str | None:
        """Return a file that lies in the folder itself; None = there is none."""
        try:
            return (self.path / name).read_text("utf-8")
        except FileNotFoundError:
            return None

    def _fill_files(self) -> Iterator[Path]:
        for path in (self.path / "fills").iterdir():
            is_meant = path.suffix.lower() == ".csv" and not path.name.startswith(".")
            if is_meant and path.name.isprintable() and path.is_file():
                yield path

    def _taken(self) -> list[str]:
        return (self.read_text(TAKEN) or "").splitlines()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait until no other process is at it; who dies lets go."""
        with (self.path / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _write(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with open(handle, "wb") as file:  # noqa: PTH123 - the handle was opened above
        file.write(content)
        file.flush()
        os.fsync(handle)
    draft.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Have the names of a folder on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
