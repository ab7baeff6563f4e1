"""Rows of statements, read: every file by the one reader that knows it, every row with its place."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from steelyard.domain.transaction import ZERO, Transaction, TransactionKind
from steelyard.errors import InvalidInputError
from steelyard.services.statement_plan import Choices, RowNote, StatementFile
from steelyard.statements.port import Reader
from steelyard.statements.recognition import choose_reader, open_source, read_statement
from steelyard.statements.record import Held, Hint, Record, Refused, Row, Skipped

LEFT_OUT: Final = "left out by hand"
_UNVALUED: Final = (TransactionKind.RECEIVE, TransactionKind.DELIVER)


class ImportChoiceError(InvalidInputError):
    """Something that was chosen for an import is not there."""

    def __init__(self, what: str, why: str) -> None:
        """Name it and the reason."""
        super().__init__(f"{what} {why}.")


@dataclass(slots=True)
class FileRows:
    """What a file says.

    Attributes:
        number: which of the files, from 1.
        name: as its rows are named by.
        sha256: of its bytes, in hex.
        reader: who read it.
        records: bookings.
        held: units and cash it says are there.
        skipped, refused, left_out: rows that are not booked.
    """

    number: int
    name: str
    sha256: str
    reader: Reader
    records: list[Record] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    skipped: list[RowNote] = field(default_factory=list)
    refused: list[RowNote] = field(default_factory=list)
    left_out: list[RowNote] = field(default_factory=list)


def read_files(
    files: Sequence[StatementFile], choices: Choices, readers: Sequence[Reader], *, today: date
) -> list[FileRows]:
    """Read files, each by the reader that knows it.

    Args:
        files: which; two of one name are told apart by a number.
        choices: the reader where it was said, and the rows to leave out.
        readers: who looks.
        today: the caller's date.

    Raises:
        StatementError, UnknownFileError, TwoKindsError, UnknownReaderError, NotThisKindError: one is not read.
        ImportChoiceError: a row that is to be left out is not there.
    """
    names = _told_apart([file.name for file in files])
    wanted = {name: {line for file, line in choices.leave_out if file == name} for name in names}
    if unknown := {file for file, _ in choices.leave_out} - {*names}:
        raise ImportChoiceError(
            f"{min(unknown)!r}, of which a row is to be left out,",
            f"is none of the files: they are {', '.join(map(repr, names))}",
        )
    return [
        _read(number, name, file, choices.reader, readers, today, wanted[name])
        for number, (name, file) in enumerate(zip(names, files, strict=True), start=1)
    ]


def _read(  # noqa: PLR0917 - what a file is read with, once
    number: int,
    name: str,
    file: StatementFile,
    wanted: str | None,
    readers: Sequence[Reader],
    today: date,
    leave_out: set[int],
) -> FileRows:
    with open_source(file.path, name=name) as source:
        reader = choose_reader(readers, source, wanted)
        with file.path.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        found = FileRows(number, name, sha256, reader)
        take = _taker(found, leave_out)
        for row in read_statement(reader, source, today=today):
            take(row)
    if absent := leave_out - {note.line for note in found.left_out}:
        raise ImportChoiceError(f"{name} line {min(absent)}, which is to be left out,", "holds no row")
    return found


def _taker(found: FileRows, leave_out: set[int]) -> Callable[[Row], None]:
    def take(row: Row) -> None:
        if row.line in leave_out:
            found.left_out.append(RowNote(found.name, row.line, LEFT_OUT))
        elif isinstance(row, Record):
            found.records.append(row)
        elif isinstance(row, Held):
            found.held.append(row)
        elif isinstance(row, Skipped):
            found.skipped.append(RowNote(found.name, row.line, row.why))
        elif isinstance(row, Refused):
            found.refused.append(RowNote(found.name, row.line, row.why))

    return take


def _told_apart(names: Sequence[str]) -> list[str]:
    """Return names, of which the second of its kind has a number.

    >>> _told_apart(["a.csv", "b.csv", "a.csv"])
    ['a.csv', 'b.csv', 'a.csv (2)']
    """
    seen = Counter[str]()
    told = []
    for name in names:
        seen[name] += 1
        told.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return told


# ── As transactions ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Names:
    """What statements' names mean here.

    Attributes:
        accounts: reader and what its statements call an account → our account.
        currencies: account → its base currency.
        assets: hint → our asset.
    """

    accounts: Mapping[tuple[str, str], str]
    currencies: Mapping[str, str]
    assets: Mapping[Hint, str]


def is_answered(record: Record, reader: str, names: Names) -> bool:
    """Whether everything that a record names is known here."""
    return (
        (reader, record.account) in names.accounts
        and (record.asset is None or record.asset in names.assets)
        and (not record.counter_account or (reader, record.counter_account) in names.accounts)
        and (record.counter_asset is None or record.counter_asset in names.assets)
    )


def needs_value(record: Record) -> bool:
    """Whether nobody says what the units of a record are worth."""
    return record.amount is None and record.kind in _UNVALUED


def as_transaction(record: Record, reader: str, names: Names, transaction_id: str) -> Transaction:
    """Return a record under our names; an amount that nobody says is 0.

    Args:
        record: of which `is_answered` holds.
        reader: whose words its names are.
        names: what they mean.
        transaction_id: its id; "" = it has none yet.
    """
    account_id = names.accounts[reader, record.account]
    return Transaction(
        transaction_id=transaction_id,
        kind=record.kind,
        trade_date=record.trade_date,
        account_id=account_id,
        currency=record.currency or names.currencies[account_id],
        amount=ZERO if record.amount is None else record.amount,
        costs=record.costs,
        tax=record.tax,
        asset_id="" if record.asset is None else names.assets[record.asset],
        quantity=record.quantity,
        price=record.price,
        settlement_date=record.settlement_date,
        counter_account_id=names.accounts[reader, record.counter_account] if record.counter_account else "",
        counter_asset_id="" if record.counter_asset is None else names.assets[record.counter_asset],
        counter_quantity=record.counter_quantity,
        counter_currency=record.counter_currency,
        counter_amount=record.counter_amount,
        acquired=record.acquired,
        basis_fraction=record.basis_fraction,
    )


def hints_of(
    files: Sequence[FileRows], currency_of: Callable[[str, str], str]
) -> dict[Hint, tuple[str, str, int, int]]:
    """Return each hint of some files with currency, file and line of its first row, and how many rows have it.

    Args:
        files: what was read.
        currency_of: reader and what its statements call an account → its base currency; "" = nobody knows.
    """
    found: dict[Hint, tuple[str, str, int, int]] = {}
    for file in files:
        for hint, currency, line in _hints(file, currency_of):
            first = found.get(hint)
            found[hint] = (
                (currency, file.name, line, 1)
                if first is None
                else (first[0] or currency, first[1], first[2], first[3] + 1)
            )
    return found


def _hints(file: FileRows, currency_of: Callable[[str, str], str]) -> Iterator[tuple[Hint, str, int]]:
    for record in file.records:
        for hint in (record.asset, record.counter_asset):
            if hint is not None:
                yield hint, record.currency or currency_of(file.reader.name, record.account), record.line
    for held in file.held:
        if held.asset is not None:
            yield held.asset, held.currency or currency_of(file.reader.name, held.account), held.line


def accounts_of(files: Sequence[FileRows]) -> dict[tuple[str, str], tuple[str, int, int]]:
    """Return reader and what its statements call an account → file and line of the first row, and how many rows."""
    found: dict[tuple[str, str], tuple[str, int, int]] = {}
    for file in files:
        for name, line in _account_names(file):
            key = (file.reader.name, name)
            first = found.get(key)
            found[key] = (file.name, line, 1) if first is None else (first[0], first[1], first[2] + 1)
    return found


def _account_names(file: FileRows) -> Iterator[tuple[str, int]]:
    for record in file.records:
        yield record.account, record.line
        if record.counter_account:
            yield record.counter_account, record.line
    for held in file.held:
        yield held.account, held.line
