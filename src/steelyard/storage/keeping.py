"""Who keeps what an account holds, its snapshots or the ledger, as it rests in the store."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from steelyard.domain.scope import Scope
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class UnpostedRow:
    """A transaction that is not in the ledger.

    Attributes:
        transaction_id: which.
        fault: why, a word of `domain.transaction.Fault`.
        asset_id, trade_date, kind: what its row says; None where it says nothing.
        of_fault: how many transactions have this fault.
    """

    transaction_id: str
    fault: str
    asset_id: str | None
    trade_date: date | None
    kind: str | None
    of_fault: int


@dataclass(frozen=True, slots=True)
class Keeper:
    """What keeps an account.

    Attributes:
        account_id: the account.
        kept_by: `snapshots` or `ledger`.
        is_changed: whether the other kept it before.
        is_differing: whether its newest snapshot says otherwise than the ledger.
    """

    account_id: str
    kept_by: str
    is_changed: bool
    is_differing: bool


@dataclass(frozen=True, slots=True)
class StoredDifference:
    """An asset of which the newest snapshot of an account says otherwise than the ledger; see `Difference`."""

    account_id: str
    asset_id: str
    as_of: date | None
    snapshot_quantity: Decimal | None
    ledger_quantity: Decimal
    reason: str


async def make_cash_assets(db: WriteSession) -> tuple[str, ...]:
    """Make an asset for money of each currency that has none, and return their ids."""
    return tuple(await db.scalars(query("make_cash_assets")))


async def adopt_accounts(db: WriteSession) -> list[Keeper]:
    """Let the ledger keep the accounts that agree with it, and snapshots the others; return what keeps each."""
    rows = await db.execute(query("adopt_accounts"))
    return [Keeper(*row) for row in rows]


async def get_unposted_rows(db: ReadSession | WriteSession, *, most: int) -> list[UnpostedRow]:
    """Return the transactions that are not in the ledger: of each fault the first ones, at most so many."""
    rows = await db.execute(query("get_unposted_rows"), {"most": most})
    return [UnpostedRow(*row) for row in rows]


async def is_ledger_behind(db: ReadSession, today: date) -> bool:
    """Tell whether transactions of the tenant wait that could be booked now."""
    is_behind: bool = (await db.execute(query("is_ledger_behind"), {"today": today})).scalar_one()
    return is_behind


async def get_exchanges(db: ReadSession | WriteSession) -> dict[str, str]:
    """Return the exchange of each asset that has one."""
    return {row.asset_id: row.exchange for row in await db.execute(query("get_exchanges"))}


async def get_differences(db: ReadSession, scope: Scope) -> list[StoredDifference]:
    """Return where newest snapshots say otherwise than the ledger, in a scope of the session's tenant."""
    values = {"scope_kind": scope.kind, "scope_id": scope.id}
    return [StoredDifference(*row) for row in await db.execute(query("get_ledger_differences"), values)]


async def get_keepers(db: ReadSession, scope: Scope) -> dict[str, str]:
    """Return what keeps each account of a scope: snapshots or ledger."""
    rows = await db.execute(query("get_keepers"), {"scope_kind": scope.kind, "scope_id": scope.id})
    return {row.account_id: row.kept_by for row in rows}
