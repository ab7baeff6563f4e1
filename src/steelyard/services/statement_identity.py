"""Identity of imported rows: the same row has the same id whenever it comes, and what is there is not booked twice.

A row with an id of its statement is known by account, reader and that id; one without by what it says, and by how
many like it came before in its file. So two equal rows of one file are two bookings, and the same two in a second file,
or in the same file again, are those.
"""

import hashlib
from base64 import b32encode
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from operator import attrgetter
from typing import Final

from steelyard.domain.amount import plain
from steelyard.domain.transaction import ZERO, Transaction, TransactionKind
from steelyard.services.statement_plan import RowNote, Standing
from steelyard.statements.record import Record
from steelyard.storage.statement_import import BookedText, RowThere

_ID_BYTES: Final = 15
PREFIX: Final = "imp-"
_FIELDS: Final = tuple(one.name for one in fields(Transaction))
_values: Final = attrgetter(*_FIELDS)


@dataclass(slots=True)
class Booking:
    """A record on its way into the ledger.

    Attributes:
        file_number, file_name, line: where it stands.
        transaction: under its lasting id.
        content_hash: of what it says.
        has_source_id: whether its statement gives it an id.
        nth: which of equal rows of its file without an id it is, from 1.
        note: what it says in words.
        standing: what becomes of it.
        is_valued: whether its amount is a close of ours.
    """

    file_number: int
    file_name: str
    line: int
    transaction: Transaction
    content_hash: str
    has_source_id: bool
    nth: int
    note: str
    standing: Standing = Standing.NEW
    is_valued: bool = False


def content_of(one: Transaction, *, is_valued: bool = False) -> str:
    """Return the hash of what a transaction says, whatever its id; an amount that is a close of ours is not said."""
    text = "\x1f".join(
        (
            one.kind,
            one.trade_date.isoformat(),
            one.settles.isoformat(),
            one.account_id,
            one.currency,
            "" if is_valued else _text(one.amount),
            _text(one.costs),
            _text(one.tax),
            one.asset_id,
            _text(one.quantity),
            _text(one.price),
            one.counter_account_id,
            one.counter_asset_id,
            _text(one.counter_quantity),
            one.counter_currency,
            _text(one.counter_amount),
            "" if one.acquired is None else one.acquired.isoformat(),
            _text(one.basis_fraction),
        )
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def lasting_id(*parts: str) -> str:
    """Return an id that follows from its parts and from nothing else: short, and printable.

    >>> lasting_id("ofx", "SAVINGS", "20240314-1") == lasting_id("ofx", "SAVINGS", "20240314-1")
    True
    """
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()
    return PREFIX + b32encode(digest[:_ID_BYTES]).decode("ascii").lower()


class Identities:
    """Gives the records of one file their ids."""

    def __init__(self, file_number: int, file_name: str, reader: str) -> None:
        """Begin a file, of which no row was seen."""
        self._file_number, self._file_name, self._reader = file_number, file_name, reader
        self._seen = Counter[str]()

    def id_of(self, record: Record, account_id: str) -> str:
        """Return the id of a record whose statement gives it one; "" = it follows from what it says."""
        return lasting_id("id", account_id, self._reader, record.source_id) if record.source_id else ""

    def book(self, record: Record, transaction: Transaction, *, is_valued: bool) -> Booking:
        """Return a record as a booking; a transaction without an id gets one that follows from what it says."""
        content, nth = content_of(transaction, is_valued=is_valued), 1
        if not transaction.transaction_id:
            self._seen[content] += 1
            nth = self._seen[content]
            transaction = _named(transaction, lasting_id("row", content, str(nth)))
        return Booking(
            file_number=self._file_number,
            file_name=self._file_name,
            line=record.line,
            transaction=transaction,
            content_hash=content,
            has_source_id=bool(record.source_id),
            nth=nth,
            note=record.note,
            is_valued=is_valued,
        )


def settle_among_files(bookings: Sequence[Booking]) -> tuple[list[Booking], list[RowNote]]:
    """Take rows of one id as one booking: the first is it, the others are there; refuse them where they differ.

    Returns:
        The bookings that stand, in their order, and the rows that are refused.
    """
    by_id: dict[str, list[Booking]] = {}
    for one in bookings:
        by_id.setdefault(one.transaction.transaction_id, []).append(one)
    refused: list[RowNote] = []
    unfit: set[str] = set()
    for name, same in by_id.items():
        if len({one.content_hash for one in same}) > 1:
            unfit.add(name)
            refused += _contradictions(same)
        for one in same[1:]:
            one.standing = Standing.THERE
    return [one for one in bookings if one.transaction.transaction_id not in unfit], refused


def settle_with_store(
    bookings: Sequence[Booking], there: Mapping[str, RowThere], booked: Mapping[str, BookedText]
) -> tuple[list[Booking], list[RowNote]]:
    """Take rows that an import brought before as there; refuse those that say otherwise now.

    Args:
        bookings: by one id each, or more that are alike.
        there: where transactions of these ids came from, of imports that stand.
        booked: those transactions as they stand.
    """
    stay, refused = [], []
    for one in bookings:
        before = there.get(one.transaction.transaction_id)
        if before is None:
            if one.transaction.transaction_id in booked:  # it came with a load of tables
                one.standing = Standing.THERE
            stay.append(one)
        elif before.content_hash == one.content_hash:
            one.standing = Standing.THERE
            stay.append(one)
        else:
            refused.append(RowNote(one.file_name, one.line, _says_otherwise(one, before, booked)))
    return stay, refused


def find_twins(bookings: Sequence[Booking]) -> Iterator[RowNote]:
    """Yield the rows without an id that say the same as one before them in their file: both are booked."""
    first: dict[tuple[int, str], int] = {}
    for one in bookings:
        if one.has_source_id:
            continue
        line = first.setdefault((one.file_number, one.content_hash), one.line)
        if one.nth > 1:
            yield RowNote(
                one.file_name,
                one.line,
                f"says the same as line {line}, and neither has an id: both are booked",
            )


def _contradictions(same: Sequence[Booking]) -> Iterator[RowNote]:
    for one in same:
        other = next(x for x in same if x.content_hash != one.content_hash)
        place = (
            f"line {other.line}"
            if other.file_number == one.file_number
            else f"{other.file_name} line {other.line}"
        )
        yield RowNote(
            one.file_name,
            one.line,
            f"has the id of {place} and says otherwise: {describe(one.transaction)} here, "
            f"{describe(other.transaction)} there",
        )


def _says_otherwise(one: Booking, before: RowThere, booked: Mapping[str, BookedText]) -> str:
    stands = booked.get(before.transaction_id)
    as_it_was = ", which is booked no more" if stands is None else f", booked as {_booked(stands)},"
    place = f"{before.file_name} line {before.line}"
    return f"has the id of {place}{as_it_was} and says {describe(one.transaction)} now"


def describe(one: Transaction) -> str:
    """Say a transaction in few words.

    >>> from datetime import date
    >>> describe(Transaction(transaction_id="T", kind=TransactionKind.BUY, trade_date=date(2024, 3, 14), account_id="A",
    ...                      currency="USD", asset_id="VTI", quantity=Decimal(10), amount=Decimal(2500)))
    'BUY 10 VTI for 2500 USD on 2024-03-14'
    """
    units = f" {plain(one.quantity)}" if one.quantity else ""
    asset = f" {one.asset_id}" if one.asset_id else ""
    money = f"{' for' if asset else ''} {plain(one.amount)} {one.currency}" if one.amount else ""
    return f"{one.kind}{units}{asset}{money} on {one.trade_date}"


def _booked(one: BookedText) -> str:
    return describe(
        Transaction(
            transaction_id=one.transaction_id,
            kind=TransactionKind(one.kind),
            trade_date=one.day,
            account_id="",
            currency=one.currency,
            amount=one.amount,
            asset_id=one.asset_id,
            quantity=one.quantity,
        )
    )


def _named(one: Transaction, transaction_id: str) -> Transaction:
    """Do what `dataclasses.replace` does, in half the time."""
    return Transaction(**dict(zip(_FIELDS, _values(one), strict=True)) | {"transaction_id": transaction_id})


def _text(number: Decimal | None) -> str:
    """Write a number so that equal ones are written alike; "" = there is none."""
    if number is ZERO:  # what most rows leave at its default
        return "0"
    return "" if number is None else plain(number)
