"""An attempt at an import: rows under our names, compared with what is there, and booked by the ledger itself.

Whoever calls takes it back or keeps it; both see the same effect, for it is the same work.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from steelyard.domain.amount import plain
from steelyard.domain.transaction import Transaction, TransactionKind, describe_fault
from steelyard.identity.vault import Vault
from steelyard.services.ledger import TransactionsAttachedError
from steelyard.services.lot import ReplayedAccounts, replay_accounts
from steelyard.services.statement_effect import Commodity, Courses, effects_of, lot_changes
from steelyard.services.statement_identity import (
    Booking,
    Identities,
    content_of,
    find_twins,
    settle_among_files,
    settle_with_store,
)
from steelyard.services.statement_opening import (
    History,
    Stated,
    find_openings,
    opening_transaction,
)
from steelyard.services.statement_plan import (
    AccountEffect,
    Agreement,
    Choices,
    DaysMissing,
    Opening,
    RowNote,
    Standing,
    StatementFile,
)
from steelyard.services.statement_prices import backfill_command, find_missing_prices, value_units
from steelyard.services.statement_questions import Answers, answer_names, make_assets
from steelyard.services.statement_rates import find_missing_rates
from steelyard.services.statement_reconciliation import reconcile_statements, stated_of
from steelyard.services.statement_rows import FileRows, as_transaction, is_answered, needs_value, read_files
from steelyard.statements.port import Reader
from steelyard.storage import ledger as ledger_store
from steelyard.storage import statement_import as store
from steelyard.storage.attachment import get_attached_tables
from steelyard.storage.connection import WriteSession
from steelyard.storage.keeping import adopt_accounts, make_cash_assets
from steelyard.storage.ledger import OverdrawnError
from steelyard.storage.statement_import import ImportAccount, OpenedBefore, RowThere
from steelyard.storage.valuation import get_accounts

OPENINGS = "(opening)"
"""Where an opening stands: in no file."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to import, and how.

    Attributes:
        files, choices, today, vault: as of `plan_import`.
        readers: who looks at the files.
        with_lots: whether lots are replayed before and after.
    """

    files: Sequence[StatementFile]
    choices: Choices
    today: date
    vault: Vault | None
    readers: Sequence[Reader]
    with_lots: bool


@dataclass(slots=True)
class Attempt:
    """How far an import has come, and what was found on the way; see `ImportPlan`."""

    request: Request
    files: list[FileRows]
    accounts: dict[str, ImportAccount]
    answers: Answers
    bookings: list[Booking] = field(default_factory=list)
    waiting: dict[int, int] = field(default_factory=dict)
    refused: list[RowNote] = field(default_factory=list)
    flagged: list[RowNote] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    opened: list[Transaction] = field(default_factory=list)
    effects: list[AccountEffect] = field(default_factory=list)
    overdrawn: str = ""
    missing_prices: list[DaysMissing] = field(default_factory=list)
    price_command: str = ""
    missing_rates: list[DaysMissing] = field(default_factory=list)
    rate_command: str = ""
    agreements: list[Agreement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    booked: int = 0

    @property
    def new(self) -> list[Booking]:
        """What is to be booked."""
        return [one for one in self.bookings if one.standing is Standing.NEW]

    @property
    def stated(self) -> list[Stated]:
        """What the statements say is there."""
        return stated_of(self.files, self.answers.names)

    @property
    def account_ids(self) -> list[str]:
        """The accounts that the files are about."""
        named = {name for one in self.bookings for name in _accounts_of(one.transaction)}
        return sorted(named | {one.key.account_id for one in self.stated})


async def attempt_import(db: WriteSession, request: Request) -> Attempt:
    """Do an import in a transaction that the caller ends.

    Args:
        db: the transaction; what it may hold afterwards is only good to be kept where the attempt has found nothing
            in its way.
        request: what to import.

    Raises:
        TransactionsAttachedError: the table of transactions is a firm's.
        SteelyardError: as `plan_import`.
    """
    if "transactions" in await get_attached_tables(db):
        raise TransactionsAttachedError
    files = await asyncio.to_thread(
        read_files, request.files, request.choices, request.readers, today=request.today
    )
    await ledger_store.lock_ledger(db)  # what another import has booked meanwhile is seen
    accounts = await store.get_import_accounts(db)
    answers = await answer_names(db, files, request.choices, accounts, request.vault)
    attempt = Attempt(request, files, accounts, answers)
    attempt.refused += [note for file in files for note in file.refused]
    await make_assets(db, answers.new_assets)
    await _name_rows(db, attempt)
    await _compare(db, attempt)
    if not answers.questions:
        await _book(db, attempt)
    return attempt


# ── Rows under our names ────────────────────────────────────────────────────────────────────────────────


async def _name_rows(db: WriteSession, attempt: Attempt) -> None:
    """Turn records into bookings; those that wait for an answer are counted."""
    names = attempt.answers.names
    for file in attempt.files:
        reader, waiting = file.reader.name, 0
        identities = Identities(file.number, file.name, reader)
        for record in file.records:
            if not is_answered(record, reader, names):
                waiting += 1
                continue
            name = identities.id_of(record, names.accounts[reader, record.account])
            transaction = as_transaction(record, reader, names, name)
            if is_valued := needs_value(record):
                valued = await value_units(db, transaction)
                if isinstance(valued, str):
                    attempt.refused.append(RowNote(file.name, record.line, valued))
                    continue
                transaction = valued
            attempt.bookings.append(identities.book(record, transaction, is_valued=is_valued))
        attempt.waiting[file.number] = waiting


async def _compare(db: WriteSession, attempt: Attempt) -> None:
    """Tell what is new from what is there, in the files and in the store."""
    bookings, refused = settle_among_files(attempt.bookings)
    ids = [one.transaction.transaction_id for one in bookings]
    there = await store.get_imported_rows(db, ids)
    booked = await store.get_booked_texts(db, ids)
    bookings, differing = settle_with_store(bookings, there, booked)
    attempt.bookings = bookings
    attempt.refused += refused + differing
    attempt.flagged += find_twins(attempt.new)
    attempt.flagged += [_valued(one) for one in attempt.new if one.is_valued]
    attempt.flagged += [
        _taken_out(one, there[name])
        for one in bookings
        if (name := one.transaction.transaction_id) in there and name not in booked
    ]
    attempt.notes += await _seen_before(db, attempt)


async def _seen_before(db: WriteSession, attempt: Attempt) -> list[str]:
    """Say which files came in before, and bring rows all the same: for another account or asset, or by a new reader."""
    bringing = {one.file_number for one in attempt.new}
    files = {file.sha256: file.name for file in attempt.files if file.number in bringing}
    return [
        f"{files[sha256]} was imported on {made_at:%Y-%m-%d} ({import_id}), and brings rows that are new now: if they "
        "are booked under another account or asset, `steelyard imports undo` that import first."
        for sha256, import_id, made_at in await store.get_files_there(db, [*files])
    ]


def _taken_out(one: Booking, before: RowThere) -> RowNote:
    why = (
        f"was imported as {before.file_name} line {before.line}, and is booked no more: it stays out. To have it "
        "again, take that import back and bring both files"
    )
    return RowNote(one.file_name, one.line, why)


def _valued(one: Booking) -> RowNote:
    said = f"{plain(one.transaction.amount)} {one.transaction.currency}"
    return RowNote(
        one.file_name, one.line, f"says no amount: its units are taken at the close of the day, {said}"
    )


# ── Booking ─────────────────────────────────────────────────────────────────────────────────────────────


async def _book(db: WriteSession, attempt: Attempt) -> None:
    account_ids, scope = attempt.account_ids, []
    until = attempt.request.today + timedelta(days=1)
    before = await store.get_balances(db, account_ids)
    first_booked = await store.get_opening_days(db, account_ids)
    opened_before = await store.get_openings(db, account_ids)
    lots_before = None
    if attempt.request.with_lots:
        scope = await get_accounts(db, account_ids)
        lots_before = await replay_accounts(db, scope, until)
    await _post_guarded(db, attempt, account_ids)
    history = _history(attempt, first_booked)
    courses = Courses(await store.get_movements(db, account_ids))
    attempt.openings = await find_openings(
        db, courses, attempt.stated, history, is_chosen=attempt.request.choices.opening
    )
    if attempt.request.choices.opening:
        await _open(db, attempt)
        courses = Courses(await store.get_movements(db, account_ids))
    await make_cash_assets(db)
    keepers = {one.account_id: one.kept_by for one in await adopt_accounts(db)}
    after = await store.get_balances(db, account_ids)
    attempt.effects = effects_of(account_ids, attempt.accounts, keepers, before, after)
    if lots_before is not None:
        _add_lots(attempt, lots_before, await replay_accounts(db, scope, until))
    attempt.notes += _counted_twice(attempt.new, opened_before)
    await _look_around(db, attempt, courses)


def _counted_twice(new: Sequence[Booking], opened: Sequence[OpenedBefore]) -> Iterator[str]:
    """Yield openings that stand for what is now booked before them, too."""
    if not opened:
        return
    days: dict[Commodity, list[date]] = {}
    for one in new:
        for key in _touched(one.transaction):
            days.setdefault(key, []).append(one.transaction.trade_date)
    for was in opened:
        rows = sum(
            day <= was.day for day in days.get(Commodity(was.account_id, was.commodity, was.is_cash), ())
        )
        if rows:
            yield (
                f"{was.account_id} has an opening of {was.commodity} of {was.day}, and {rows:,} new rows about it are "
                f"not after that day: it counts them twice ({was.transaction_id}). Take back the import that booked "
                "it, and bring all files together."
            )


def _touched(one: Transaction) -> Iterator[Commodity]:
    for account_id in _accounts_of(one):
        for name in {one.asset_id, one.counter_asset_id} - {""}:
            yield Commodity(account_id, name, is_cash=False)
        for name in {one.currency, one.counter_currency} - {""}:
            yield Commodity(account_id, name, is_cash=True)


async def _post_guarded(db: WriteSession, attempt: Attempt, account_ids: Sequence[str]) -> None:
    """Post what is new. Where that overdraws an account say so, and post it all the same to see the whole effect."""
    if not attempt.request.choices.opening:
        try:
            async with db.begin_nested():
                await _post(db, attempt, [one.transaction for one in attempt.new])
        except OverdrawnError as error:
            attempt.overdrawn = str(error)
        else:
            return
    await store.lift_guards(db, account_ids)
    await _post(db, attempt, [one.transaction for one in attempt.new])


async def _post(db: WriteSession, attempt: Attempt, transactions: Sequence[Transaction]) -> None:
    """Book transactions that were checked when they were read; what the store alone can tell of them is refused."""
    if not transactions:
        return
    ids = [one.transaction_id for one in transactions]
    await ledger_store.store_transactions(db, transactions)
    posted = await ledger_store.post_transactions(db, attempt.request.today, only=ids)
    attempt.booked += posted.booked
    if not posted.unposted:
        return
    faults = {one.transaction_id: one for one in await ledger_store.get_unposted(db, only=ids)}
    for one in attempt.bookings:
        if (found := faults.get(one.transaction.transaction_id)) and one.standing is Standing.NEW:
            why = f"as {found.kind} {describe_fault(found.fault)}"
            attempt.refused.append(RowNote(one.file_name, one.line, why))
    attempt.bookings = [one for one in attempt.bookings if one.transaction.transaction_id not in faults]


async def _open(db: WriteSession, attempt: Attempt) -> None:
    """Book the openings, and guard the accounts again."""
    attempt.refused += [_unpriced(one) for one in attempt.openings if one.amount is None]
    attempt.opened = [opening_transaction(one) for one in attempt.openings if one.amount is not None]
    await _post(db, attempt, attempt.opened)
    guarded = [attempt.accounts[name] for name in attempt.account_ids]
    try:
        async with db.begin_nested():
            with ledger_store.overdrafts_named():
                await store.restore_guards(db, guarded)
    except OverdrawnError as error:
        attempt.overdrawn = str(error)


def _unpriced(one: Opening) -> RowNote:
    command = backfill_command([one.asset_id], one.day, is_american=one.currency == "USD")
    return RowNote(
        OPENINGS,
        0,
        f"{plain(one.quantity)} {one.asset_id} of {one.account_id} were there before, and there is no close of "
        f"{one.day} to take them at: {command}, or book the OPENING by hand",
    )


def _history(attempt: Attempt, first_booked: dict[str, date]) -> History:
    days: dict[str, date] = {}
    for stated in attempt.stated:  # what is there at the end of a day was there before the next one
        name = stated.key.account_id
        days[name] = min(days.get(name, date.max), stated.day + timedelta(days=1))
    for one in attempt.bookings:
        for name in _accounts_of(one.transaction):
            days[name] = min(days.get(name, date.max), one.transaction.trade_date)
    shorted = {
        (one.transaction.account_id, one.transaction.asset_id)
        for one in attempt.bookings
        if one.transaction.kind in {TransactionKind.SHORT, TransactionKind.COVER}
    }
    return History(days, first_booked, shorted)


def _accounts_of(one: Transaction) -> Iterator[str]:
    yield one.account_id
    if one.counter_account_id:
        yield one.counter_account_id


# ── What follows ────────────────────────────────────────────────────────────────────────────────────────


def _add_lots(attempt: Attempt, before: ReplayedAccounts, after: ReplayedAccounts) -> None:
    effects = []
    for one in attempt.effects:
        lots, fault = lot_changes(one.account_id, before, after)
        effects.append(replace(one, lots=lots, lot_fault=fault))
    attempt.effects = effects


async def _look_around(db: WriteSession, attempt: Attempt, courses: Courses) -> None:
    """Compare with what the statements say is there, look for prices and rates, and say what keeps the accounts."""
    unbooked = attempt.refused + [note for file in attempt.files for note in file.left_out]
    attempt.agreements = reconcile_statements(attempt.stated, courses, attempt.bookings, unbooked)
    held = {key.name for key in courses if courses.last(key)}
    booked, today = [*(one.transaction for one in attempt.new), *attempt.opened], attempt.request.today
    attempt.missing_prices, attempt.price_command = await find_missing_prices(db, booked, held, today)
    attempt.missing_rates, attempt.rate_command = await find_missing_rates(
        db, booked, attempt.accounts, held, today
    )
    attempt.notes += _notes(attempt)


def _notes(attempt: Attempt) -> Iterator[str]:
    named: dict[str, set[str]] = {}
    for (_, name), account in attempt.answers.names.accounts.items():
        named.setdefault(account, set()).add(name)
    for account, names in named.items():
        if len(names) > 1:
            yield (
                f"{len(names):,} accounts of the statements are all booked in {account}: "
                "--statement-account tells them apart."
            )
    for one in attempt.effects:
        if one.kept_by_after == "snapshots":
            yield (
                f"{one.account_id} is kept by its snapshot: the import books, and the account shows what the snapshot "
                "says until both agree (`steelyard ledger reconcile`)."
            )
    if attempt.openings and not attempt.request.choices.opening:
        yield "The history starts in the middle: what was there before can be booked with it, as its opening."


def opening_rows(attempt: Attempt) -> Iterable[tuple[str, str]]:
    """Return id and content hash of the openings that were booked."""
    return [(one.transaction_id, content_of(one)) for one in attempt.opened]
