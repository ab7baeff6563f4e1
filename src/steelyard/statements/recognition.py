"""Recognising a file: opened within bounds, known by one reader only, and read with every record checked."""

import gzip
import io
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import IO, Final, cast

from steelyard.domain.amount import MAX_PLACES, MAX_WHOLE_DIGITS, AmountError, read_amount
from steelyard.domain.money import MONEY_PLACES
from steelyard.domain.transaction import ZERO, Transaction, TransactionKind, describe_fault, find_fault
from steelyard.errors import InvalidInputError
from steelyard.statements.port import HEAD_BYTES, Reader, Source, StatementError
from steelyard.statements.record import Record, Refused, Row

MAX_BYTES: Final = 2**30
MAX_RATIO: Final = 200
_CHUNK: Final = 2**16
_NEAREST: Final = 5
_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"

_DIRECTORY_BYTES: Final = 2**16
"""Of a zip: what it says of its members is read before any is opened, so it is bounded first."""

_LONGEST_END: Final = 22 + 2**16
"""The last record of a zip, with its comment."""


class UnknownFileError(InvalidInputError):
    """No reader knows a file.

    Attributes:
        name: of the file.
        misses: by reader, what the file lacks to be of its kind, the nearest first.
    """

    def __init__(self, name: str, misses: Sequence[tuple[str, str]]) -> None:
        """Say who looked and what each missed: the nearest one by one, the rest in groups of one miss."""
        self.name = name
        self.misses = tuple(sorted(misses, key=lambda one: _distance(one[1])))
        super().__init__(
            f"{name} is of no kind that is known here. Who looked, and what each missed:"
            f"{''.join(_grouped(self.misses))}\n"
            "docs/how-to/add-a-broker.md tells how to describe a broker's file in ten lines."
        )


def _distance(miss: str) -> tuple[bool, int]:
    """Return how far a file is from a kind: of tables how many columns are missing; another form is farthest."""
    is_of_columns = miss.startswith("the column")
    return not is_of_columns, miss.count("`") // 2


def _grouped(misses: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield a line for each of the nearest, and for all that miss the same, or are far by their columns, one."""
    near = [one for one in misses if not _distance(one[1])[0]][:_NEAREST]
    groups: dict[str, list[str]] = {}
    for reader, miss in misses:
        if (reader, miss) not in near:
            has_columns = not _distance(miss)[0]
            groups.setdefault("columns of their own" if has_columns else miss, []).append(reader)
    yield from (f"\n  {reader}: it lacks {miss}" for reader, miss in near)
    yield from (f"\n  {', '.join(readers)}: it lacks {miss}" for miss, readers in groups.items())


class TwoKindsError(InvalidInputError):
    """More than one reader knows a file.

    Attributes:
        readers: their names.
    """

    def __init__(self, name: str, readers: Sequence[str]) -> None:
        """Name them and the way out."""
        self.readers = tuple(readers)
        super().__init__(
            f"{name} could be {' or '.join(readers)}; say which with --as {readers[0]}, for example."
        )


class UnknownReaderError(InvalidInputError):
    """A reader was asked for by a name that nobody has."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        """Name those there are."""
        super().__init__(f"There is no reader {name!r}; there are {', '.join(known)}.")


class NotThisKindError(InvalidInputError):
    """A file is not of the kind that it was said to be."""

    def __init__(self, name: str, reader: str, miss: str) -> None:
        """Say what is missing."""
        super().__init__(f"{name} is no file of {reader}: it lacks {miss}.")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a file may be.

    Attributes:
        size: bytes of its content, uncompressed.
        ratio: bytes of content for one compressed byte.
    """

    size: int = MAX_BYTES
    ratio: int = MAX_RATIO


@contextmanager
def open_source(path: Path, *, name: str | None = None, bounds: Bounds | None = None) -> Iterator[Source]:
    """Open a file for readers; gzip, and a zip of one file, are unpacked beside it within bounds.

    Args:
        path: where it is.
        name: what people call it, if not by its path.
        bounds: of its content; None = 1 GiB, 200 to 1.

    Raises:
        StatementError: it cannot be read, is empty, too large, packed too tightly, or an archive of something else.
    """
    name = name or path.name
    with ExitStack() as until_read:
        try:
            source = _open(name, path, bounds or Bounds(), until_read)
        except OSError as error:
            raise StatementError(name, f"cannot be read: {error.strerror or error}") from error
        yield source


def _open(name: str, path: Path, bounds: Bounds, until_read: ExitStack) -> Source:
    stated = path.stat()
    if not stat.S_ISREG(stated.st_mode):
        raise StatementError(name, "is no file")  # to open a pipe would wait for whoever writes to it
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.startswith((_GZIP, _ZIP)):
        return _source(name, path, bounds)
    folder = until_read.enter_context(tempfile.TemporaryDirectory(prefix="steelyard-"))
    unpacked = Path(folder, "content")
    allowed = Bounds(min(bounds.size, max(stated.st_size, 1) * bounds.ratio), bounds.ratio)
    _unpack(name, path, unpacked, allowed)
    source = _source(name, unpacked, bounds)
    if source.head.startswith((_GZIP, _ZIP)):
        raise StatementError(name, "is an archive in an archive; unpack it first")
    return source


def choose_reader(readers: Sequence[Reader], source: Source, wanted: str | None = None) -> Reader:
    """Return the one reader that knows a file.

    Args:
        readers: who looks.
        source: the file.
        wanted: the name of the reader that was asked for.

    Raises:
        UnknownFileError: none knows it.
        TwoKindsError: more than one does.
        UnknownReaderError, NotThisKindError: the one that was asked for is not there, or does not know it.
    """
    if wanted is not None:
        return _named(readers, source, wanted)
    misses = [(reader, reader.miss(source)) for reader in readers]
    knowing = [reader for reader, miss in misses if miss is None]
    if not knowing:
        raise UnknownFileError(source.name, [(reader.name, miss or "") for reader, miss in misses])
    if len(knowing) > 1:
        raise TwoKindsError(source.name, [reader.name for reader in knowing])
    return knowing[0]


def read_statement(reader: Reader, source: Source, *, today: date) -> Iterator[Row]:
    """Read a file; a record that no ledger could book is refused with its line.

    Args:
        reader: of its kind.
        source: the file.
        today: the caller's date: what lies later than the day after is refused.

    Raises:
        StatementError: it is broken where no single row can be refused.
    """
    for row in reader.read(source):
        if not isinstance(row, Record) or _is_plainly_sound(row, today):  # asked here: it saves a call a row
            yield row
        else:
            yield check_record(row, today)


def check_record(record: Record, today: date) -> Record | Refused:
    """Return a record that can be booked once its names are known, or why it cannot."""
    if _is_plainly_sound(record, today):
        return record
    if record.trade_date.year < _FIRST_YEAR:
        return Refused(record.line, f"is dated {record.trade_date}, before any statement")
    try:
        fault = find_fault(_as_transaction(record), today=today)
    except AmountError as error:
        return Refused(record.line, str(error).removesuffix("."))
    return Refused(record.line, f"as {record.kind} {describe_fault(fault)}") if fault else record


_FIRST_YEAR: Final = 1900
_MONEY: Final = ("amount", "costs", "tax", "counter_amount")
_UNITS: Final = ("quantity", "price", "counter_quantity", "basis_fraction")


_FIRST_DAY: Final = date(_FIRST_YEAR, 1, 1)
_PLAIN_UNITS: Final = frozenset(
    {TransactionKind.BUY, TransactionKind.SELL, TransactionKind.DIVIDEND_REINVESTED, TransactionKind.RECEIVE}
)
_PLAIN_CASH: Final = frozenset(
    {
        TransactionKind.INTEREST,
        TransactionKind.INTEREST_PAID,
        TransactionKind.FEE,
        TransactionKind.TAX,
        TransactionKind.DEPOSIT,
        TransactionKind.WITHDRAWAL,
    }
)
_TOO_LARGE: Final = Decimal(10) ** MAX_WHOLE_DIGITS
_has_cents: Final = Decimal(
    "0.01"
).same_quantum  # a fifth of the time that rounding takes, and nearly always so
_has_tenths: Final = Decimal("0.1").same_quantum
_is_integer: Final = Decimal(1).same_quantum


def _is_plainly_sound(record: Record, today: date) -> bool:
    """Whether a record of a common kind has no fault, shown without building a transaction; False proves nothing."""
    kind, amount, costs, quantity = record.kind, record.amount, record.costs, record.quantity
    if amount is None or record.counter_quantity or record.counter_amount or record.basis_fraction:
        return False
    settles, price, tax = record.settlement_date, record.price, record.tax
    if not _FIRST_DAY <= record.trade_date <= today or (settles is not None and settles < record.trade_date):
        return False
    try:
        if kind in _PLAIN_UNITS or kind is TransactionKind.DIVIDEND:
            is_whole = record.asset is not None and (quantity if kind in _PLAIN_UNITS else amount) > ZERO
        else:
            is_whole = kind in _PLAIN_CASH and amount > ZERO
        return (
            is_whole
            and ZERO <= amount < _TOO_LARGE
            and (_has_cents(amount) or round(amount, MONEY_PLACES) == amount)
            and (costs is ZERO or costs < _TOO_LARGE)
            and (costs is ZERO or _has_cents(costs) or round(costs, MONEY_PLACES) == costs)
            and (costs >= ZERO if tax is ZERO else _is_money(tax) and tax <= costs)
            and (quantity is ZERO or quantity < _TOO_LARGE)
            and (
                quantity is ZERO
                or _is_integer(quantity)
                or _has_tenths(quantity)
                or round(quantity, MAX_PLACES) == quantity
            )
            and (price is None or ZERO <= price < _TOO_LARGE)
            and (price is None or _has_cents(price) or round(price, MAX_PLACES) == price)
        )
    except InvalidOperation:  # no number, or one without end
        return False


def _is_money(number: Decimal) -> bool:
    return ZERO <= number < _TOO_LARGE and round(number, MONEY_PLACES) == number


def _as_transaction(record: Record) -> Transaction:
    """Return it under names that stand for those it will have."""
    for name in _MONEY + _UNITS:
        number = getattr(record, name)
        if number:
            checked = read_amount(name, number)
            if name in _MONEY and checked != round(checked, MONEY_PLACES):
                raise AmountError(name, number, f"finer than {MONEY_PLACES} decimals")
    return Transaction(
        transaction_id="-",
        kind=record.kind,
        trade_date=record.trade_date,
        account_id="-",
        currency=record.currency or "-",
        amount=ZERO if record.amount is None else record.amount,
        costs=record.costs,
        tax=record.tax,
        asset_id="asset" if record.asset else "",
        quantity=record.quantity,
        price=record.price,
        settlement_date=record.settlement_date,
        counter_account_id="other" if record.counter_account else "",
        counter_asset_id="other" if record.counter_asset else "",
        counter_quantity=record.counter_quantity,
        counter_currency=record.counter_currency,
        counter_amount=record.counter_amount,
        acquired=record.acquired,
        basis_fraction=record.basis_fraction,
    )


def _named(readers: Sequence[Reader], source: Source, wanted: str) -> Reader:
    reader = next((one for one in readers if one.name == wanted), None)
    if reader is None:
        raise UnknownReaderError(wanted, [one.name for one in readers])
    if miss := reader.miss(source):
        raise NotThisKindError(source.name, wanted, miss)
    return reader


def _source(name: str, path: Path, bounds: Bounds) -> Source:
    size = path.stat().st_size
    if not size:
        raise StatementError(name, "is empty")
    if size > bounds.size:
        raise StatementError(name, f"is larger than {bounds.size:,} bytes; export it year by year")
    with path.open("rb") as file:
        return Source(name, path, size, file.read(HEAD_BYTES))


def _unpack(name: str, path: Path, target: Path, bounds: Bounds) -> None:
    try:
        with path.open("rb") as file:
            if file.read(len(_ZIP)) == _ZIP:
                _check_directory(name, file)
                with zipfile.ZipFile(file) as archive, archive.open(_only_member(name, archive)) as packed:
                    _copy(name, packed, target, bounds)
            else:
                file.seek(0)
                with gzip.open(file) as packed:
                    _copy(name, cast("IO[bytes]", packed), target, bounds)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        RuntimeError,
        NotImplementedError,
        UnicodeDecodeError,
        struct.error,
        gzip.BadGzipFile,
    ) as error:
        raise StatementError(name, f"is a damaged or encrypted archive: {error}") from error


def _check_directory(name: str, file: IO[bytes]) -> None:
    """Refuse a zip whose list of members is long: a library makes an object of every one before it can be asked."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _LONGEST_END))
    parts = file.read().split(b"PK\x05\x06")
    for before, end in pairwise(parts):
        is_large = before[-20:].startswith(b"PK\x06\x07")  # points to longer fields, which would be believed
        if is_large or int.from_bytes(end[8:12], "little") > _DIRECTORY_BYTES:
            raise StatementError(name, "is an archive of too many files; unpack it and name them")
    file.seek(0)


def _only_member(name: str, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if any(member.filename in {"[Content_Types].xml", "mimetype"} for member in members):
        raise StatementError(name, "is a workbook or a document of an office program; save its table as CSV")
    if len(members) != 1:
        raise StatementError(name, f"is an archive of {len(members):,} files; unpack it and name them")
    if stat.S_ISLNK(members[0].external_attr >> 16):
        raise StatementError(name, "is an archive of a link, not of a file")
    if members[0].compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise StatementError(name, "is packed in an unusual way; unpack it first")
    return members[0]


def _copy(name: str, packed: IO[bytes], target: Path, bounds: Bounds) -> None:
    written = 0
    with target.open("wb") as file:
        while chunk := packed.read(_CHUNK):
            written += len(chunk)
            if written > bounds.size:
                why = f"unpacks to more than {bounds.size:,} bytes ({bounds.ratio} to 1 is the most)"
                raise StatementError(name, why)
            file.write(chunk)
