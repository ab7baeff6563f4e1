"""Accounts and households in a list: what is published of each, how far each stands from its model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from steelyard.services.drift import BAND_ABSOLUTE, BAND_RELATIVE
from steelyard.storage import dashboard as store
from steelyard.storage.asset_360 import get_current_version
from steelyard.storage.connection import ReadSession, get_db_session
from steelyard.storage.dashboard import AccountDrift, AccountLine, Chosen, HouseholdLine

SORTS: Final = ("value", "return", "drift", "cash", "name", "household", "model")
"""What a list is sorted by: numbers from the largest, names from A."""

MOST_LINES: Final = 50
MOST_HOUSEHOLDS: Final = 200
MOST_CARDS: Final = 24

_LAST: Final = Decimal(2)
"""Above the place of every drift, which is a fraction of the whole."""

Place = tuple[Decimal, str, str]
"""Where a page ends: size, word and id of its last account."""


@dataclass(frozen=True, slots=True)
class AccountList:
    """A page of accounts.

    Attributes:
        accounts: in the order that was asked for.
        drifts: account → how far it stands from its model; those that follow none are left out.
        households: that are seen, where they were asked for.
        among: how many accounts the filters let through.
        next: where the next page begins; None = this is the last.
    """

    accounts: Sequence[AccountLine]
    drifts: Mapping[str, AccountDrift]
    households: Sequence[HouseholdLine]
    among: int
    next: Place | None


async def get_account_list(
    chosen: Chosen,
    *,
    sort: str = "value",
    after: Place | None = None,
    outside_only: bool = False,
    limit: int = MOST_LINES,
) -> AccountList:
    """Return a page of the accounts that are seen, and the households that the search finds.

    Args:
        chosen: which accounts.
        sort: one of SORTS.
        after: where the page before ended.
        outside_only: only accounts with assets outside the band of the model they follow.
        limit: how many accounts.
    """
    async with get_db_session() as db:
        drifts = await _drifts(db, chosen) if outside_only or sort == "drift" else {}
        if outside_only:
            chosen = _only(chosen, [one.account_id for one in drifts.values() if one.outside])
        if sort == "drift":
            lines = await _by_drift(db, chosen, drifts, after, limit + 1)
        else:
            lines = await store.get_account_lines(db, chosen, sort=sort, after=after, most=limit + 1)
        shown = lines[:limit]
        if not drifts:
            drifts = await _drifts(db, _only(chosen, [one.account_id for one in shown]))
        households = await store.get_household_lines(db, chosen.search, most=MOST_HOUSEHOLDS)
        among = await store.count_accounts(db, chosen)
    return AccountList(
        shown, drifts, households, among, _place(shown[-1]) if len(lines) > limit and shown else None
    )


async def get_first_accounts(household_id: str | None = None) -> AccountList:
    """Return the most valuable accounts that are seen, for who has to choose one, with the households."""
    async with get_db_session() as db:
        chosen = Chosen(household_id=household_id)
        lines = await store.get_account_lines(db, chosen, sort="value", after=None, most=MOST_CARDS)
        households = [] if household_id else await store.get_household_lines(db, "", most=MOST_CARDS)
        among = await store.count_accounts(db, chosen)
    whole = [one for one in households if one.total_value is not None]
    return AccountList(lines, {}, whole, among, None)


async def _drifts(db: ReadSession, chosen: Chosen) -> dict[str, AccountDrift]:
    """Return the drifts of accounts in the current version, those that follow a model; by id."""
    current = await get_current_version(db)
    if current is None:
        return {}
    found = await store.get_drifts(
        db,
        current[0],
        absolute=Decimal(BAND_ABSOLUTE),
        relative=Decimal(BAND_RELATIVE),
        account_ids=chosen.account_ids,
        household_id=chosen.household_id,
    )
    return {one.account_id: one for one in found}


async def _by_drift(
    db: ReadSession, chosen: Chosen, drifts: Mapping[str, AccountDrift], after: Place | None, most: int
) -> list[AccountLine]:
    """Return lines by drift, the largest first; accounts whose drift is not known come last, by id."""
    ids = await store.get_listed_ids(db, chosen)
    placed = sorted((_size(drifts.get(account_id)), account_id) for account_id in ids)
    begin = (after[0], after[2]) if after else (-_LAST * 10**9, "")
    page = [account_id for size, account_id in placed if (size, account_id) > begin][:most]
    lines = await store.get_account_lines(db, _only(chosen, page), sort="name", after=None, most=most)
    by_id = {line.account_id: line for line in lines}
    return [
        replace(by_id[account_id], size=_size(drifts.get(account_id)), word="")
        for account_id in page
        if account_id in by_id
    ]


def _size(drift: AccountDrift | None) -> Decimal:
    """Return the place in an ascending order: the largest drift first, what is not known last."""
    return _LAST if drift is None or drift.drift is None else -drift.drift


def _only(chosen: Chosen, account_ids: Sequence[str]) -> Chosen:
    return replace(chosen, account_ids=tuple(account_ids))


def _place(line: AccountLine) -> Place:
    return line.size, line.word, line.account_id
