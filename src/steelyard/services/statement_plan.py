"""What an import is asked to do, what it would do, and what it did: values that hold no file and no session."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import UUID

from steelyard.domain.transaction import ZERO, Transaction
from steelyard.statements.record import Hint

CENT: Final = Decimal("0.005")
"""Statements round money to cents; what is less is no difference."""


def counted(count: int, noun: str, one: str = "", more: str = "") -> str:
    """Return a count with its noun, and the verb that goes with it where there is one.

    >>> counted(1, "row"), counted(1_200, "row", "waits", "wait")
    ('1 row', '1,200 rows wait')
    """
    words = (f"{count:,}", noun if count == 1 else f"{noun}s", one if count == 1 else more)
    return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True)
class StatementFile:
    """A file to import.

    Attributes:
        name: what people call it; rows are named by it, and it is kept.
        path: where its bytes are.
    """

    name: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person decided about an import; nothing of it is guessed.

    Attributes:
        account: our account of rows whose file names none, and of every row where no other is said.
        accounts: what a statement calls an account → our account.
        assets: key of a hint (`Question.key`) → our asset.
        new_assets: whether assets that nobody knows are made, as the plan proposes them.
        reader: name of the reader; None = the one that knows each file.
        opening: whether the openings that the plan offers are booked.
        leave_out: file name and line of rows that are knowingly not booked.
    """

    account: str | None = None
    accounts: Mapping[str, str] = field(default_factory=dict)
    assets: Mapping[str, str] = field(default_factory=dict)
    new_assets: bool = False
    reader: str | None = None
    opening: bool = False
    leave_out: frozenset[tuple[str, int]] = frozenset()


class Standing(StrEnum):
    """What becomes of a booking of a file."""

    NEW = "new"
    """It is booked."""
    THERE = "there"
    """It is in the ledger already, or in another of the files."""
    LEFT_OUT = "left_out"
    """A person left it out."""


class Subject(StrEnum):
    """What a question is about."""

    ACCOUNT = "account"
    ASSET = "asset"


class Doubt(StrEnum):
    """Why something is asked."""

    UNKNOWN = "unknown"
    """Nothing here fits; of an asset `new_asset` says what would be made."""
    AMBIGUOUS = "ambiguous"
    """More than one fits."""
    CONTRADICTION = "contradiction"
    """One fits by its number, and something else of it does not, such as its currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAsset:
    """An asset as it would be made."""

    asset_id: str
    asset_name: str
    asset_type: str
    currency: str
    isin: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of ours that a question may mean; `name` and `detail` are for people."""

    id: str
    name: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something that has to be answered before anything is booked.

    Attributes:
        subject: account or asset.
        doubt: why it is asked.
        key: what the answer is given for: of an asset the key of `Choices.assets`, of an account that of
            `Choices.accounts`; "" = of an account that the file does not name (`Choices.account`).
        text: the question, as a sentence.
        hint: of an asset, what the statement says of it.
        candidates: what may be meant, the likeliest first.
        new_asset: what `Choices.new_assets` would make; None = it cannot be made from what is said.
        rows: how many rows wait for it.
        file_name, line: the first of them.
        option: what answers it at the terminal, such as `--asset isin:US0378331005=ASSET`.
    """

    subject: Subject
    doubt: Doubt
    key: str
    text: str
    rows: int
    file_name: str
    line: int
    option: str
    hint: Hint | None = None
    candidates: tuple[Candidate, ...] = ()
    new_asset: NewAsset | None = None


@dataclass(frozen=True, slots=True)
class RowNote:
    """A row and what is said of it: why it is refused, skipped, left out or flagged."""

    file_name: str
    line: int
    why: str

    def __str__(self) -> str:
        """Place and reason, on one line."""
        return f"{self.file_name} line {self.line}: {self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """A file, and what becomes of its rows.

    Attributes:
        name: as it was given.
        sha256: of its bytes, in hex.
        reader, title: who reads it, as `--as` and people call them.
        read: bookings it states.
        new: of them, what is booked.
        there: what is there already.
        left_out: rows that a person left out.
        skipped: rows that move nothing, and balances it states.
        refused: rows that cannot be booked.
        waiting: bookings that wait for the answer to a question.
    """

    name: str
    sha256: str
    reader: str
    title: str
    read: int
    new: int
    there: int
    left_out: int
    skipped: int
    refused: int
    waiting: int


@dataclass(frozen=True, slots=True)
class PlannedBooking:
    """A booking of a file as the ledger would have it.

    Attributes:
        file_name, line: where it stands.
        standing: what becomes of it.
        transaction: as it is booked; its `transaction_id` stays the same whenever the row comes again.
        note: what the row says in words.
    """

    file_name: str
    line: int
    standing: Standing
    transaction: Transaction
    note: str


@dataclass(frozen=True, slots=True)
class Change:
    """Units of an asset, or cash of a currency, before and after."""

    name: str
    before: Decimal
    after: Decimal

    @property
    def change(self) -> Decimal:
        """What is added; negative = taken away."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class LotChange:
    """The open lots of an asset before and after: how many, and what they cost in the account's base currency."""

    asset_id: str
    lots_before: int
    lots_after: int
    cost_before: Decimal
    cost_after: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEffect:
    """What an import does to an account, by the ledger's own posting.

    Attributes:
        account_id: the account.
        base_currency: that of lots.
        kept_by: what says what it holds, `ledger` or `snapshots`: an import books, and changes no snapshot.
        kept_by_after: the same once it is booked.
        units: by asset, of those that change.
        cash: by currency, of those that change.
        lots: by asset, of those whose lots change; empty where `lot_fault` says why they are not known.
        lot_fault: "" = the history adds up.
    """

    account_id: str
    base_currency: str
    kept_by: str
    kept_by_after: str
    units: tuple[Change, ...]
    cash: tuple[Change, ...]
    lots: tuple[LotChange, ...] = ()
    lot_fault: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """What was there before a history that starts in the middle.

    Attributes:
        account_id: the account.
        day: the day before its first row.
        asset_id: the asset; "" = cash.
        currency: that of the amount.
        quantity: units; of cash 0.
        amount: cash, or what the units are taken to have cost; None = nobody says, and it cannot be booked yet.
        why: what shows that it is missing, as a clause.
        is_chosen: whether it is booked with the rest.
    """

    account_id: str
    day: date
    asset_id: str
    currency: str
    quantity: Decimal
    amount: Decimal | None
    why: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class DaysMissing:
    """An asset without closes, or a currency without exchange rates, on days that an import reaches."""

    name: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Mover:
    """A row of a file that moved an asset or a currency: how much, negative = out."""

    file_name: str
    line: int
    day: date
    kind: str
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What a statement says is there, and what the ledger has at the end of that day after the import.

    Attributes:
        file_name, line: where it says so.
        account_id: our account.
        day: at the end of which.
        name: asset or currency.
        is_cash: which of the two.
        stated: units or cash by the statement.
        ledger: by the ledger.
        why: where they differ, what may explain it.
        movers: where they differ, the rows of the files that moved it.
    """

    file_name: str
    line: int
    account_id: str
    day: date
    name: str
    is_cash: bool
    stated: Decimal
    ledger: Decimal
    why: str = ""
    movers: tuple[Mover, ...] = ()

    @property
    def difference(self) -> Decimal:
        """What the ledger lacks; negative = has too much. Of money less than half a cent is none."""
        difference = self.stated - self.ledger
        return ZERO if self.is_cash and abs(difference) < CENT else difference


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What an import would do; nothing of it is stored.

    Attributes:
        files: in the order in which they were given.
        bookings: every booking that can be made, by file and line; the openings that are chosen are not among them.
        questions: what has to be answered first.
        refused: rows that cannot be booked, and that nobody left out.
        skipped: rows that move nothing, and what a person left out.
        flagged: rows that are booked, and worth a look: equal ones without an id, valued at a close.
        new_assets: assets that are made with it.
        openings: what was there before, where that is shown to be missing.
        effects: by account; empty where a question is open.
        overdrawn: why the ledger would refuse it as a whole; "" = it would not.
        missing_prices: assets without a close on days that matter.
        price_command: what brings them; "" = none is missing.
        missing_rates: currencies without an exchange rate on days that matter.
        rate_command: what brings them; "" = none is missing.
        agreements: what the statements say is there, against the ledger.
        notes: what else is to be known, in sentences.
    """

    files: tuple[PlannedFile, ...]
    bookings: tuple[PlannedBooking, ...]
    questions: tuple[Question, ...]
    refused: tuple[RowNote, ...]
    skipped: tuple[RowNote, ...]
    flagged: tuple[RowNote, ...]
    new_assets: tuple[NewAsset, ...]
    openings: tuple[Opening, ...]
    effects: tuple[AccountEffect, ...]
    overdrawn: str
    missing_prices: tuple[DaysMissing, ...]
    price_command: str
    missing_rates: tuple[DaysMissing, ...]
    rate_command: str
    agreements: tuple[Agreement, ...]
    notes: tuple[str, ...]

    @property
    def can_run(self) -> bool:
        """Whether everything is read, answered or knowingly left out, and the ledger takes it."""
        return not (self.questions or self.refused or self.overdrawn)

    @property
    def has_news(self) -> bool:
        """Whether it would book anything."""
        return any(one.standing is Standing.NEW for one in self.bookings)

    @property
    def differences(self) -> tuple[Agreement, ...]:
        """Where a statement and the ledger differ."""
        return tuple(one for one in self.agreements if one.difference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """An import that was run.

    Attributes:
        import_id: key; None = everything was there already, and nothing was stored.
        plan: what it did.
        booked: entries of the ledger that were made.
    """

    import_id: UUID | None
    plan: ImportPlan
    booked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFile:
    """A file of an import as it is kept; counts as of `PlannedFile`, and none of an import is refused."""

    name: str
    sha256: str
    reader: str
    read: int
    new: int
    there: int
    left_out: int
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptImport:
    """An import as it is kept.

    Attributes:
        import_id: key.
        made_by, made_at: who and when.
        undone_by, undone_at: who took it back, and when; None = it stands.
        account_ids: what it booked in.
        files: what it read.
        transactions: how many it booked, openings included.
    """

    import_id: UUID
    made_by: str
    made_at: datetime
    undone_by: str | None
    undone_at: datetime | None
    account_ids: tuple[str, ...]
    files: tuple[ImportedFile, ...]
    transactions: int


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """A transaction of an import and the row it came from; line 0 = an opening, of no row."""

    transaction_id: str
    file_name: str
    line: int
