"""Samples of statements on their way through the real import: whose they are, what is answered, what the store says.

A sample has a transaction of its own that is rolled back, so that it meets no asset, answer or entry of another.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

from sqlalchemy import text

from books import SHARED_DATA
from steelyard.services.asset_naming import hint_key
from steelyard.services.statement_import import Choices, ImportRefusedError, run_import
from steelyard.services.statement_plan import Imported, ImportPlan, StatementFile, Subject
from steelyard.services.statement_rows import FileRows, accounts_of, needs_value, read_files
from steelyard.statements.readers import get_readers
from steelyard.statements.record import Held, Hint, Record
from steelyard.storage.connection import WriteSession

CLIENTS: Final = SHARED_DATA / "clients"
TODAY: Final = date(2026, 11, 22)
CLOSE: Final = 100
"""What a unit is worth where a file does not say it, and the store has to know."""

TENANT: Final = 1
Balances = dict[tuple[str, str], Decimal]
Row = tuple[object, ...]


def samples(*folders: str) -> list[str]:
    """Name the files of some folders of ../shared/data/clients; none where they are not beside the checkout."""
    files = (path for folder in folders for path in sorted((CLIENTS / folder).rglob("*")))
    return [path.relative_to(CLIENTS).as_posix() for path in files if path.is_file()]


@dataclass(slots=True)
class Sample:
    """A sample, its accounts, and what a person says of it.

    Attributes:
        path: where it is.
        rows: what its reader makes of it, the rows that are left out included.
        accounts: what it calls an account → ours.
        currencies: our account → its base currency.
        choices: what a person says.
        worth: key of an asset that the store has closes of → its currency.
    """

    path: Path
    rows: FileRows
    accounts: dict[str, str]
    currencies: dict[str, str]
    choices: Choices
    worth: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Where it is, below the folder of clients."""
        return self.path.relative_to(CLIENTS).as_posix()

    @property
    def file(self) -> StatementFile:
        return StatementFile(self.path.name, self.path)

    @property
    def records(self) -> list[Record]:
        """The bookings that it states, but for those that are left out."""
        left_out = {line for _, line in self.choices.leave_out}
        return [record for record in self.rows.records if record.line not in left_out]

    @property
    def hints(self) -> set[Hint]:
        """What it says of its assets."""
        found = [*(one.asset for one in self.rows.records), *(one.asset for one in self.rows.held)]
        return {hint for hint in found if hint}

    def said(self, *, but: Collection[int] = ()) -> Counter[Row]:
        """What its records say, as the ledger must have it, but for some lines."""
        return Counter(self._said(record) for record in self.records if record.line not in but)

    def _said(self, record: Record) -> Row:
        account = self.accounts[record.account]
        amount, currency = record.amount, record.currency or self.currencies[account]
        if amount is None:
            assert record.asset
            amount, currency = record.quantity * CLOSE, self.worth[hint_key(record.asset)]
        return (
            account,
            record.kind.value,
            record.trade_date,
            currency,
            amount,
            record.costs,
            record.tax,
            record.quantity,
            record.counter_quantity,
            self.accounts[record.counter_account] if record.counter_account else None,
            record.counter_amount,
            record.counter_currency or None,
        )


def read_sample(path: Path) -> FileRows:
    """Read a file as the import reads it."""
    [rows] = read_files([StatementFile(path.name, path)], Choices(), get_readers(), today=TODAY)
    return rows


async def open_sample(db: WriteSession, path: Path, *, left_out: set[int]) -> Sample:
    """Read a sample and open an account for each that it names; what it refuses is left out by its line."""
    rows = read_sample(path)
    accounts = {name: f"SAMPLE-{number}" for number, (_, name) in enumerate(accounts_of([rows]), start=1)}
    currencies = {account: currency_of(rows, name) for name, account in accounts.items()}
    for account, currency in currencies.items():
        await make_account(db, account, currency)
    choices = Choices(
        account=accounts.get(""),
        accounts={name: account for name, account in accounts.items() if name},
        new_assets=True,
        leave_out=frozenset((path.name, line) for line in {note.line for note in rows.refused} | left_out),
    )
    sample = Sample(path, rows, accounts, currencies, choices)
    sample.choices = replace(choices, assets=await _valued(db, sample))
    return sample


def currency_of(rows: FileRows, account: str) -> str:
    """Return the currency that an account has most rows in."""
    both: list[Record | Held] = [*rows.records, *rows.held]
    stated = [one.currency for one in both if one.account == account and one.currency]
    return Counter(stated).most_common(1)[0][0] if stated else "USD"


async def bring_in(db: WriteSession, sample: Sample) -> Imported:
    """Import a sample; where assets are asked for, name them, once, and import it then."""
    try:
        return await run_import([sample.file], sample.choices, today=TODAY, db=db)
    except ImportRefusedError as error:
        named = await _named(db, sample, error.plan)
        sample.choices = replace(sample.choices, assets={**sample.choices.assets, **named})
        return await run_import([sample.file], sample.choices, today=TODAY, db=db)


async def _named(db: WriteSession, sample: Sample, plan: ImportPlan) -> dict[str, str]:
    """Answer for assets that cannot be made of what the file says: no currency, or no name that is an id."""
    answers = {}
    [base, *_] = sample.currencies.values()
    for number, question in enumerate(plan.questions, start=1):
        assert question.subject is Subject.ASSET, question.text
        assert question.hint
        answers[question.key] = await make_asset(db, f"NAMED-{number}", question.hint.currency or base)
    return answers


async def _valued(db: WriteSession, sample: Sample) -> dict[str, str]:
    """Bring closes of the days on which units come or go, and the file does not say what they are worth."""
    answers: dict[str, str] = {}
    for record in filter(needs_value, sample.records):
        hint = record.asset
        assert hint
        key = hint_key(hint)
        if key not in answers:
            sample.worth[key] = (
                hint.currency or record.currency or sample.currencies[sample.accounts[record.account]]
            )
            name = hint.symbol or hint.isin or hint.cusip
            asset_id = f"{name}-{len(answers)}" if name in answers.values() else name
            answers[key] = await make_asset(db, asset_id, sample.worth[key])
        await make_close(db, answers[key], record.trade_date)
    return answers


async def make_account(db: WriteSession, account: str, currency: str) -> None:
    """Open an account of a base currency."""
    await db.execute(
        text(
            "insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency) "
            "values (:tenant, :account, :account, :currency)"
        ),
        {"tenant": TENANT, "account": account, "currency": currency},
    )


async def make_asset(db: WriteSession, asset_id: str, currency: str) -> str:
    """Make an asset of which nothing is known but its currency, and return its id."""
    await db.execute(
        text(
            "insert into steelyard.asset_master (asset_id, asset_name, asset_type, currency) "
            "values (:asset, :asset, 'Equity', :currency)"
        ),
        {"asset": asset_id, "currency": currency},
    )
    return asset_id


async def make_new_assets(db: WriteSession, sample: Sample, plan: ImportPlan) -> None:
    """Make the assets that a plan would make, and answer that its file means them."""
    known = {hint_key(hint): hint for hint in sample.hints}
    for new in plan.new_assets:
        await make_asset(db, new.asset_id, new.currency)
    made = {new.asset_id for new in plan.new_assets}
    answers = {key: name for key, hint in known.items() if (name := _id_in(hint, made))}
    sample.choices = replace(sample.choices, assets={**sample.choices.assets, **answers})


def _id_in(hint: Hint, made: set[str]) -> str:
    return next((name for name in (hint.symbol, hint.isin, hint.cusip) if name in made), "")


async def make_close(db: WriteSession, asset_id: str, day: date) -> None:
    """Let an asset be worth `CLOSE` on a day."""
    await db.execute(
        text(
            "insert into steelyard.market_data (asset_id, price_date, closing_price) "
            "values (:asset, :day, :close) on conflict do nothing"
        ),
        {"asset": asset_id, "day": day, "close": CLOSE},
    )


async def make_opening_closes(db: WriteSession, plan: ImportPlan) -> None:
    """Bring the closes that openings of assets are taken at."""
    for one in plan.openings:
        if one.asset_id:
            await make_close(db, one.asset_id, one.day)


# ── What the store says ─────────────────────────────────────────────────────────────────────────────────


async def entries(db: WriteSession) -> int:
    """Count the entries of the journal."""
    return int((await db.execute(text("select count(*) from steelyard.journal"))).scalar_one())


async def balances(db: WriteSession) -> Balances:
    """Return what there is in every account."""
    found = await db.execute(text("select account_id, commodity, quantity from steelyard.balances"))
    return {(row.account_id, row.commodity): row.quantity for row in found if row.quantity}


async def booked(db: WriteSession) -> Counter[Row]:
    """Return the transactions of the store, as `Sample.said` returns records."""
    found = await db.execute(
        text(
            "select account_id, transaction_type, transaction_date, currency, total_amount, transaction_costs, "
            "tax_amount, quantity, counter_quantity, counter_account_id, counter_amount, counter_currency "
            "from steelyard.transactions"
        )
    )
    return Counter(tuple(_plain(row)) for row in found)


def _plain(row: Iterable[object]) -> Iterator[object]:
    """Yield the cells of a transaction; a number that is absent is 0."""
    account, kind, day, currency, *numbers, other, bought, into = row
    yield from (account, kind, day, currency)
    yield from (number or Decimal(0) for number in numbers)
    yield from (other, bought or Decimal(0), into)
