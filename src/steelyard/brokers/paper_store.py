"""The file in which the paper broker keeps orders, executions and balances: SQLite, for several processes at once."""

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Any, Final
from uuid import uuid4

from steelyard.errors import UpstreamError

WAIT_SECONDS: Final = 30
"""How long another process is waited for."""

Row = Mapping[str, Any]


class PaperFileError(UpstreamError):
    """The file of the paper broker cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        """Name the file and what happened."""
        super().__init__(f"The paper broker cannot use its file {path}: {reason}.")


class PaperStore:
    """The file, open; each transaction is on the disk before it is told of."""

    def __init__(self, path: Path, link: str) -> None:
        """Open the file, and make it where there is none.

        Args:
            path: the file.
            link: whose rows of it are meant; others are neither read nor written.

        Raises:
            PaperFileError: it cannot be opened or made.
        """
        self.path, self.link = path, link
        with _named_errors(path):
            if not path.exists():
                _make_file(path)
            self._connection = _connect(path)
        self._lock = Lock()
        self.prefix = str(self._connection.execute(_query("get_prefix")).fetchone()["text"])

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do several things or none.

        Raises:
            PaperFileError: the disk is full, or another process holds the file for too long.
        """
        with self._lock, _named_errors(self.path):
            self._connection.execute(_query("begin"))
            try:
                yield
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()

    def run(self, name: str, **values: str | int | None) -> int:
        """Run a query that writes, within a transaction; returns the number of the row that it added."""
        return self._connection.execute(_query(name), {"link": self.link, **values}).lastrowid or 0

    def changes(self, name: str, **values: str | int | None) -> bool:
        """Run a query that writes, within a transaction; tells whether it changed anything."""
        return self._connection.execute(_query(name), {"link": self.link, **values}).rowcount > 0

    def rows(self, name: str, **values: str | int | None) -> Sequence[Row]:
        """Run a query that reads, within a transaction."""
        return self._connection.execute(_query(name), {"link": self.link, **values}).fetchall()

    def balance(self, account: str, commodity: str, *, is_cash: bool) -> Decimal:
        """Return what an account has of something, 0 where nothing."""
        found = self.rows("get_balance", account=account, commodity=commodity, is_cash=is_cash)
        return Decimal(found[0]["quantity"]) if found else Decimal(0)

    def add_balance(self, account: str, commodity: str, quantity: Decimal, *, is_cash: bool) -> None:
        """Add to what an account has of something; negative = take."""
        total = self.balance(account, commodity, is_cash=is_cash) + quantity
        self.run("set_balance", account=account, commodity=commodity, is_cash=is_cash, quantity=f"{total:f}")


def moment_text(moment: datetime) -> str:
    """Write a time so that texts compare as times do.

    >>> moment_text(datetime(2024, 3, 14, 9, 30, tzinfo=UTC))
    '2024-03-14T09:30:00.000000+00:00'
    """
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("pragma synchronous = full")
    connection.execute("pragma foreign_keys = on")
    return connection


def _make_file(path: Path) -> None:
    """Make the file beside its place and link it there: who opens it finds it whole, and the first to come wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(_connect(draft)) as connection:
            connection.execute("pragma journal_mode = wal")
            connection.executescript(_read("paper_schema.sql"))
            connection.execute(_query("set_prefix"), {"prefix": uuid4().hex[:8]})
        _link_once(draft, path)
    finally:
        draft.unlink()


def _link_once(draft: Path, path: Path) -> None:
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        return


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise PaperFileError(path, str(error)) from error


def _read(name: str) -> str:
    return (files("steelyard.brokers") / name).read_text("utf-8")


def _query(name: str) -> str:
    return _queries()[name]


@cache
def _queries() -> Mapping[str, str]:
    return dict(
        re.findall(r"^-- name: (\w+)\n-- .*\n((?:(?!-- name:).*\n?)*)", _read("paper.sql"), re.MULTILINE)
    )
