"""Effect of an import: what accounts hold before and after it, by the ledger's own posting."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import NamedTuple

from steelyard.domain.lot import Lot
from steelyard.domain.money import EXACT
from steelyard.domain.transaction import ZERO
from steelyard.services.lot import ReplayedAccounts
from steelyard.services.statement_plan import AccountEffect, Change, LotChange
from steelyard.storage.statement_import import Balance, ImportAccount, Movement


class Commodity(NamedTuple):
    """An asset or, where `is_cash`, a currency, in an account."""

    account_id: str
    name: str
    is_cash: bool


@dataclass(frozen=True, slots=True)
class _Course:
    """What there is of a commodity at the end of the days on which it moves."""

    days: list[date]
    totals: list[Decimal]


class Courses:
    """What accounts hold, day by day."""

    def __init__(self, movements: Iterable[Movement]) -> None:
        """Add movements up; those of a commodity come by day."""
        self._courses: dict[Commodity, _Course] = {}
        with localcontext(EXACT):
            for one in movements:
                key = Commodity(one.account_id, one.commodity, one.is_cash)
                course = self._courses.setdefault(key, _Course([], []))
                course.totals.append((course.totals[-1] if course.totals else ZERO) + one.quantity)
                course.days.append(one.day)

    def __iter__(self) -> Iterator[Commodity]:
        """Go through what was ever held."""
        return iter(self._courses)

    def at(self, key: Commodity, day: date) -> Decimal:
        """Return what there is at the end of a day."""
        course = self._courses.get(key)
        place = bisect_right(course.days, day) if course else 0
        return course.totals[place - 1] if course and place else ZERO

    def last(self, key: Commodity) -> Decimal:
        """Return what there is at the end of all days."""
        course = self._courses.get(key)
        return course.totals[-1] if course else ZERO

    def lowest(self, key: Commodity) -> tuple[Decimal, date]:
        """Return the least there ever is, and since when; at most 0."""
        course = self._courses.get(key)
        if course is None:
            return ZERO, date.min
        least = min(course.totals)
        return min(least, ZERO), course.days[course.totals.index(least)]


def effects_of(
    account_ids: Sequence[str],
    accounts: Mapping[str, ImportAccount],
    keepers: Mapping[str, str],
    before: Sequence[Balance],
    after: Sequence[Balance],
) -> list[AccountEffect]:
    """Return what changes in accounts, without their lots.

    Args:
        account_ids: which.
        accounts: as they were before.
        keepers: what keeps each afterwards.
        before: balances of these accounts.
        after: the same afterwards.
    """
    old = {Commodity(one.account_id, one.commodity, one.is_cash): one.quantity for one in before}
    new = {Commodity(one.account_id, one.commodity, one.is_cash): one.quantity for one in after}
    changes: dict[tuple[str, bool], list[Change]] = {}
    for key in sorted({*old, *new}):
        was, now = old.get(key, ZERO), new.get(key, ZERO)
        if was != now:
            changes.setdefault((key.account_id, key.is_cash), []).append(Change(key.name, was, now))
    return [
        AccountEffect(
            account_id=name,
            base_currency=accounts[name].base_currency,
            kept_by=accounts[name].kept_by,
            kept_by_after=keepers.get(name, accounts[name].kept_by),
            units=tuple(changes.get((name, False), ())),
            cash=tuple(changes.get((name, True), ())),
        )
        for name in account_ids
    ]


def lot_changes(
    account_id: str, before: ReplayedAccounts, after: ReplayedAccounts
) -> tuple[tuple[LotChange, ...], str]:
    """Return how the open lots of an account change by asset, and why that is not known."""
    if fault := after.faults.get(account_id, ""):
        return (), fault
    old, new = _by_asset(account_id, before), _by_asset(account_id, after)
    found = []
    for asset_id in sorted({*old, *new}):
        was, now = old.get(asset_id, []), new.get(asset_id, [])
        if was != now:
            found.append(LotChange(asset_id, len(was), len(now), _cost(was), _cost(now)))
    return tuple(found), ""


def _by_asset(account_id: str, replayed: ReplayedAccounts) -> dict[str, list[Lot]]:
    found: dict[str, list[Lot]] = {}
    for lot in (*replayed.lots, *replayed.shorts):
        if lot.account_id == account_id:
            found.setdefault(lot.asset_id, []).append(lot)
    return found


def _cost(lots: Iterable[Lot]) -> Decimal:
    with localcontext(EXACT):
        return sum((lot.cost for lot in lots), ZERO)
