"""Keeping: the ledger is brought to what the transactions say, and keeps the accounts that agree with it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from steelyard.domain.transaction import Fault
from steelyard.storage import keeping as store
from steelyard.storage.connection import WriteSession
from steelyard.storage.keeping import Unposted


@dataclass(frozen=True, slots=True)
class Keeping:
    """What became of the ledger.

    Attributes:
        posted: entries that were booked, those that correct others included.
        corrected: entries that were reversed, because their transaction changed or is gone.
        unposted: transactions that are not booked, by fault; those that wait for their day are `not_yet`.
        kept_by_ledger: accounts whose positions come out of the ledger.
        differing: accounts that keep their snapshots because these say otherwise.
        changed: accounts that changed hands now → `ledger` or `snapshots`.
        cash_assets: assets that were made because the ledger has money of their currency.
    """

    posted: int
    corrected: int
    unposted: Mapping[Fault, int]
    kept_by_ledger: int
    differing: int
    changed: Mapping[str, str]
    cash_assets: tuple[str, ...]
