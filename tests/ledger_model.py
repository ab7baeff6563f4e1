"""A ledger as plain as can be, to hold the store's against: every transaction again, one after the other."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal, localcontext

from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up
from steelyard.domain.posting import Place, Posting, postings_of
from steelyard.domain.transaction import ACTIONS, Transaction

EntryKey = tuple[str, str]
"""Transaction id and account."""

Holdings = dict[tuple[str, str], Decimal]
"""Units by account and asset."""


def entries_of(transactions: Iterable[Transaction]) -> dict[EntryKey, tuple[Posting, ...]]:
    """Return what each entry of a ledger of these transactions moves."""
    entries: dict[EntryKey, tuple[Posting, ...]] = {}
    held: Holdings = defaultdict(Decimal)
    by_day: dict[object, list[Transaction]] = defaultdict(list)
    for one in once_each(transactions):
        by_day[one.trade_date].append(one)
    for _, today in sorted(by_day.items(), key=lambda item: str(item[0])):
        today.sort(key=lambda one: one.transaction_id)
        for one in today:
            if one.kind in ACTIONS:
                _book(entries, held, _for_holders(one, held))
        at_open = dict(held)
        for one in today:
            if one.kind not in ACTIONS:
                _book(entries, held, [one] if one.account_id else _for_holders(one, at_open))
    return entries


def once_each(transactions: Iterable[Transaction]) -> list[Transaction]:
    """Leave out corporate actions that are another's again: the one for every holder counts, then the first id."""
    kept: list[Transaction] = []
    seen: dict[object, set[str]] = defaultdict(set)
    for one in sorted(transactions, key=lambda one: (one.account_id != "", one.transaction_id)):
        if one.kind in ACTIONS:
            ratio = one.counter_quantity / one.quantity if one.quantity else None
            accounts = seen[one.kind, one.asset_id, one.counter_asset_id, one.trade_date, ratio]
            if accounts & {"", one.account_id}:
                continue
            accounts.add(one.account_id)
        kept.append(one)
    return kept


def balances_of(entries: Mapping[EntryKey, tuple[Posting, ...]]) -> dict[tuple[str, str, bool], Decimal]:
    """Return what accounts hold, by account, commodity and whether it is money."""
    balances: dict[tuple[str, str, bool], Decimal] = defaultdict(Decimal)
    for postings in entries.values():
        for posting in postings:
            if posting.place is Place.HELD:
                balances[posting.account_id, posting.commodity, posting.is_cash] += posting.quantity
    return {key: quantity for key, quantity in balances.items() if quantity}


def _for_holders(one: Transaction, held: Mapping[tuple[str, str], Decimal]) -> list[Transaction]:
    if one.account_id:
        return [one]
    found = []
    for (account_id, asset_id), units in held.items():
        if asset_id == one.asset_id and units:
            mine = replace(one, account_id=account_id)
            if one.kind not in ACTIONS:
                with localcontext(EXACT):
                    amount = round_half_up(units * (one.price or 0), MONEY_PLACES)
                mine = replace(mine, quantity=units, amount=amount)
            found.append(mine)
    return found


def _book(entries: dict[EntryKey, tuple[Posting, ...]], held: Holdings, ones: list[Transaction]) -> None:
    for one in ones:
        postings = postings_of(
            one, held=held[one.account_id, one.asset_id] if one.kind in ACTIONS else Decimal(0)
        )
        entries[one.transaction_id, one.account_id] = postings
        for posting in postings:
            if posting.place is Place.HELD and not posting.is_cash:
                held[posting.account_id, posting.commodity] += posting.quantity
