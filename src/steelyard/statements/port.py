"""Statements: files of brokers, banks and other programs, and what a reader of one kind of them is."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol

from steelyard.errors import InvalidInputError
from steelyard.statements.record import Row

HEAD_BYTES: Final = 65_536


class StatementError(InvalidInputError):
    """A file cannot be read as what it says it is; nothing of it is taken.

    Attributes:
        line: where it breaks; None where no line can be named.
        why: a clause.
    """

    def __init__(self, name: str, why: str, line: int | None = None) -> None:
        """Name the file, the line and the reason."""
        self.line, self.why = line, why
        super().__init__(f"{name}{f' line {line}' if line else ''}: {why}.")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read, uncompressed.

    Attributes:
        name: of the file as it was given, for people.
        path: where its bytes are.
        size: how many.
        head: the first of them, at most `HEAD_BYTES`.
    """

    name: str
    path: Path
    size: int
    head: bytes

    def open(self) -> IO[bytes]:
        """Open it for reading, from its start."""
        return self.path.open("rb")

    @property
    def encoding(self) -> str:
        """Its encoding: what a byte order mark says, else UTF-8 where the head is that, else cp1252."""
        return encoding_of(self.head, is_whole=self.size <= len(self.head))

    @property
    def head_text(self) -> str:
        """The head as text, without its byte order mark; what cannot be decoded is replaced."""
        return self.head.decode(self.encoding, errors="replace").removeprefix("\ufeff")


class Reader(Protocol):
    """Reads one kind of file."""

    @property
    def name(self) -> str:
        """What `--as` calls it: `ofx`, `avanza`."""
        ...

    @property
    def title(self) -> str:
        """What people call it: "OFX or QFX", "Avanza, transactions"."""
        ...

    def miss(self, source: Source) -> str | None:
        """Return the first thing that the file lacks to be of this kind, with its article; None when it is.

        It looks at the head only, and raises nothing.
        """
        ...

    def read(self, source: Source) -> Iterator[Row]:
        """Read it, row by row, without holding the whole file where its kind allows that.

        Raises:
            StatementError: it is broken where no single row can be refused.
        """
        ...


def encoding_of(head: bytes, *, is_whole: bool = True) -> str:
    r"""Return the encoding of a file that begins with these bytes.

    Args:
        head: its first bytes.
        is_whole: whether they are all of it; if not, a character may be cut at their end.

    >>> encoding_of(b"\xef\xbb\xbfDate"), encoding_of("für".encode("cp1252")), encoding_of("für".encode())
    ('utf-8-sig', 'cp1252', 'utf-8')
    """
    if head.startswith(b"\xef\xbb\xbf"):
        return "utf-8-sig"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        is_cut = not is_whole and error.start >= len(head) - 3
        return "utf-8" if is_cut else "cp1252"
    return "utf-8"
