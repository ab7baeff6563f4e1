"""Reconciling: where the snapshots a firm states and the ledger of its transactions say otherwise, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from steelyard.domain.scope import TENANT, Scope
from steelyard.services.scope import require_scope
from steelyard.storage import keeping as store
from steelyard.storage.connection import ReadSession


class Reason(StrEnum):
    """Why a snapshot and the ledger differ, as far as it can be told."""

    NO_CASH_ASSET = "no_cash_asset"
    WEIGHTS = "weights"
    UNPOSTED = "unposted"
    NO_OPENING = "no_opening"
    NOT_IN_SNAPSHOT = "not_in_snapshot"
    QUANTITY = "quantity"


_WHY: Final = {
    Reason.NO_CASH_ASSET: "asset_master has no asset of type Cash for its money: add one",
    Reason.WEIGHTS: "the snapshot has a weight and no quantity",
    Reason.UNPOSTED: "transactions about it are not booked",
    Reason.NO_OPENING: "no transaction brought it: book an OPENING",
    Reason.NOT_IN_SNAPSHOT: "the snapshot lacks what the ledger holds",
    Reason.QUANTITY: "the quantities differ: a transaction is missing, or one is wrong",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One asset of which the newest snapshot of an account says otherwise than the ledger.

    Attributes:
        account_id: the account.
        asset_id: the asset; money is the cash asset of its currency, or the currency where there is none.
        as_of: day of the snapshot, to which the ledger is taken back; None = now.
        snapshot_quantity: units by the snapshot; None where it lacks the asset, or states a weight.
        ledger_quantity: units by the ledger.
        reason: why, as far as it can be told.
    """

    account_id: str
    asset_id: str
    as_of: date | None
    snapshot_quantity: Decimal | None
    ledger_quantity: Decimal
    reason: Reason

    @property
    def difference(self) -> Decimal:
        """Units that the ledger lacks; negative = has too many."""
        return (self.snapshot_quantity or Decimal(0)) - self.ledger_quantity


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What keeps the accounts of a scope, and where snapshots and ledger differ.

    Attributes:
        kept_by: account → `snapshots` or `ledger`.
        differences: by account and asset; accounts kept by the ledger have none.
    """

    kept_by: Mapping[str, str]
    differences: tuple[Difference, ...]


def describe_reason(reason: Reason) -> str:
    """Say a reason in words.

    >>> describe_reason(Reason.NO_OPENING)
    'no transaction brought it: book an OPENING'
    """
    return _WHY[reason]


async def reconcile(db: ReadSession, *, scope: Scope = TENANT) -> Reconciliation:
    """Compare the newest snapshot of each account with the ledger of its day: units exactly, money to the cent.

    Args:
        db: a read session.
        scope: the tenant, a household or an account.

    Raises:
        UnknownScopeError: there is no such scope.
    """
    await require_scope(db, scope)
    differences = (
        Difference(
            d.account_id, d.asset_id, d.as_of, d.snapshot_quantity, d.ledger_quantity, Reason(d.reason)
        )
        for d in await store.get_differences(db, scope)
    )
    return Reconciliation(await store.get_keepers(db, scope), tuple(differences))
