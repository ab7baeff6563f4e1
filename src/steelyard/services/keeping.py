"""Keeping: the ledger is brought to what the transactions say, and keeps the accounts that agree with it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from steelyard.domain.finding import Finding, Severity
from steelyard.domain.transaction import Fault, describe_fault
from steelyard.storage import keeping as store
from steelyard.storage.acting import acting_as, acting_of
from steelyard.storage.audit import record_event
from steelyard.storage.connection import WriteSession, get_db_session, get_write_session
from steelyard.storage.keeping import Keeper, UnpostedRow
from steelyard.storage.ledger import Posted, post_transactions

MOST_FINDINGS: Final = 1_000
"""Unposted transactions listed per fault; one finding more says how many others there are."""

STORED: Final = "(stored)"
"""Where a transaction stands that none of the files at hand brought."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """What became of the ledger.

    Attributes:
        posted: entries that were booked, the corrected ones included.
        corrected: entries that were reversed, because their transaction changed or is gone.
        unposted: transactions that are not booked, by fault; those that wait for their day are `not_yet`.
        by_ledger: accounts whose positions come out of the ledger.
        differing: accounts kept by snapshots that say otherwise than the ledger.
        changed: accounts that changed hands now → `ledger` or `snapshots`.
        cash_assets: assets that were made because the ledger has money of their currency.
    """

    posted: int
    corrected: int
    unposted: Mapping[Fault, int]
    by_ledger: int
    differing: int
    changed: Mapping[str, str]
    cash_assets: tuple[str, ...]

    @property
    def has_changed(self) -> bool:
        """Whether anything is otherwise than before."""
        return bool(self.posted or self.corrected or self.changed or self.cash_assets)


async def keep_ledger(db: WriteSession, *, today: date) -> tuple[Keeping, list[UnpostedRow]]:
    """Book what is new, and let the ledger keep the accounts whose newest snapshot agrees with it.

    Args:
        db: the transaction to do it in.
        today: the caller's date; what lies later than tomorrow waits.

    Returns:
        What became of it, and the transactions that are not booked: at most `MOST_FINDINGS` of a fault.

    Raises:
        OverdrawnError: an account that may not would go below 0; nothing of the transaction can be kept.
    """
    posted = await post_transactions(db, today)
    keepers = await store.adopt_accounts(db)
    cash_assets = await store.make_cash_assets(db)
    unposted = await store.get_unposted_rows(db, most=MOST_FINDINGS)
    return _keeping(posted, unposted, keepers, cash_assets), unposted


async def catch_up(*, today: date) -> None:
    """Book what waits: what lay in the future, and what a firm's own table says now. Quick with nothing to do.

    It is a transaction of its own, that sees what others booked while it waited for them, and works for the whole
    tenant, whoever asked: what every holder is paid is booked for every holder.

    Args:
        today: the caller's date.

    Raises:
        OverdrawnError: as `keep_ledger`.
    """
    async with get_db_session() as db:
        acting = acting_of(db)
    with acting_as(acting.for_whole_tenant):
        async with get_db_session() as db:
            is_behind = await store.is_ledger_behind(db, today)
        if is_behind:
            await post_ledger(today=today)


async def post_ledger(*, today: date) -> Keeping:
    """Do as `keep_ledger` does, in a transaction of its own, and record it where anything changed.

    Args:
        today: the caller's date.

    Raises:
        OverdrawnError: as `keep_ledger`.
    """
    async with get_write_session() as db:
        keeping, _ = await keep_ledger(db, today=today)
        if keeping.has_changed:
            facts = {
                "booked": keeping.posted,
                "reversed": keeping.corrected,
                "accounts": len(keeping.changed),
            }
            await record_event(db, "ledger.post", "ledger", "", facts)
        return keeping


def find_unposted(unposted: list[UnpostedRow], *, places: Mapping[str, tuple[str, int]]) -> list[Finding]:
    """Return a finding for each transaction that is not booked, and one for those that are not listed.

    Args:
        unposted: the transactions.
        places: file and line of those that stand in one, by transaction id.

    >>> one = UnpostedRow("T7", "no_account", "VTI", None, "BUY", of_fault=2_001)
    >>> for finding in find_unposted([one], places={"T7": ("t.csv", 3)}):
    ...     print(finding)
    t.csv line 3: transaction T7 (BUY) names no account; it is not booked
    (stored): 2,000 more that are not booked for this reason; all are in unposted_transactions
    """
    listed = Counter(one.fault for one in unposted)
    totals = {one.fault: one.of_fault for one in unposted}
    return [
        *(_finding(one, *places.get(one.transaction_id, (STORED, None))) for one in unposted),
        *(_rest(fault, total - listed[fault]) for fault, total in totals.items() if total > listed[fault]),
    ]


def _rest(fault: str, more: int) -> Finding:
    reason = f"{more:,} more that are not booked for this reason; all are in unposted_transactions"
    return Finding("transactions", STORED, fault, Severity.FLAGGED, reason)


def _finding(one: UnpostedRow, file_name: str, line: int | None) -> Finding:
    why = describe_fault(Fault(one.fault))
    return Finding(
        "transactions",
        file_name,
        one.fault,
        Severity.FLAGGED,
        f"transaction {one.transaction_id} ({one.kind}) {why}; it is not booked",
        row_number=line,
        asset_id=one.asset_id,
        finding_date=one.trade_date,
        row_data={"transaction_id": one.transaction_id},
    )


def _keeping(
    posted: Posted, unposted: list[UnpostedRow], keepers: list[Keeper], cash_assets: tuple[str, ...]
) -> Keeping:
    return Keeping(
        posted=posted.booked,
        corrected=posted.reversed,
        unposted={Fault(one.fault): one.of_fault for one in unposted},
        by_ledger=sum(keeper.kept_by == "ledger" for keeper in keepers),
        differing=sum(keeper.is_differing for keeper in keepers),
        changed={keeper.account_id: keeper.kept_by for keeper in keepers if keeper.is_changed},
        cash_assets=cash_assets,
    )
