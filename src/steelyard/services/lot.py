"""Lots, and the gains that closing them realised, by replaying the ledger of accounts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from steelyard.domain.gain import Gain
from steelyard.domain.ledger import Bookkeeper
from steelyard.domain.lot import Lot
from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.domain.wash_sale import Sale
from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.services.rate import ExchangeRates, read_rates
from steelyard.storage import booked as store
from steelyard.storage.connection import AnySession
from steelyard.storage.portfolio import get_account, get_account_ids
from steelyard.storage.valuation import (
    ALWAYS,
    JournalRevision,
    ScopeAccount,
    count_entries_after,
    get_accounts,
    get_journal_revision,
    get_market_revision,
)


@dataclass(frozen=True, slots=True)
class ReplayedAccounts:
    """What the transactions of accounts have come to.

    Attributes:
        lots: open lots; `cost` in the base currency of their account.
        shorts: lots sold short; `cost` is what they brought.
        gains: in the order they were realised, in the account's base currency.
        faults: account → why its history cannot be replayed; it is in none of the others then.
    """

    lots: tuple[Lot, ...]
    shorts: tuple[Lot, ...]
    gains: tuple[Gain, ...]
    faults: Mapping[str, str]


class UnreplayedError(ConflictError):
    """The history of an account does not add up, so its lots are not known."""

    def __init__(self, account_id: str, reason: str) -> None:
        """Name the account and the reason."""
        super().__init__(f"The lots of {account_id} are not known: {reason}")


class UnseenLotsError(NotFoundError):
    """Units came from an account that the caller does not see, and so did what they cost."""

    def __init__(self, transfer: Transaction) -> None:
        """Name the transfer and the way out."""
        super().__init__(
            f"{transfer.quantity.normalize():f} {transfer.asset_id} came in on {transfer.trade_date} from an account "
            "that you may not see, and their lots with them. Ask for a grant on that account too."
        )


async def read_taxed_lots(
    db: AnySession, account_ids: Sequence[str], as_of: date
) -> tuple[tuple[Lot, ...], tuple[Sale, ...]]:
    """Return the open lots of accounts and of their households by the ledger, and what the accounts sold.

    Args:
        db: a session.
        account_ids: whose sales; and all of which must add up.
        as_of: the last day.

    Raises:
        UnreplayedError: the history of one of the accounts does not add up.
    """
    known: set[str] = set(account_ids)
    for account_id in account_ids:
        household = (await get_account(db, account_id)).household_id
        known |= set(await get_account_ids(db, household)) if household else set()
    replayed = await replay_accounts(db, await get_accounts(db, known), as_of)
    for account_id in account_ids:
        if account_id in replayed.faults:
            raise UnreplayedError(account_id, replayed.faults[account_id])
    sales = tuple(
        Sale(gain.lot, gain.closed, gain.amount)
        for gain in replayed.gains
        if gain.account_id in account_ids and not gain.is_short
    )
    return replayed.lots, sales


@dataclass(frozen=True, slots=True)
class _Together:
    """Accounts whose transactions are replayed together, and how that went: `fault` says why it does not add up."""

    accounts: frozenset[str]
    keeper: Bookkeeper
    fault: str = ""


@dataclass(slots=True)
class _Kept:
    accounts: Sequence[ScopeAccount]
    until: date
    journal: JournalRevision
    market: int
    found: list[_Together]


@dataclass(slots=True)
class ReplayCache:
    """Replays of accounts, which take new transactions without starting anew."""

    kept: dict[tuple[str, ...], _Kept] = field(default_factory=dict)


async def replay_accounts(
    db: AnySession,
    accounts: Sequence[ScopeAccount],
    until: date,
    *,
    known_at: datetime = ALWAYS,
    cache: ReplayCache | None = None,
) -> ReplayedAccounts:
    """Replay what is booked of accounts up to a day; those that assets moved between are replayed together.

    Args:
        db: a session.
        accounts: whose lots are wanted.
        until: the last day.
        known_at: only what stood at this moment; nothing of the past is kept.
        cache: what was replayed before, and where this is kept.

    Returns:
        Their lots and gains; an account whose history does not add up is named in `faults`, with the reason.
    """
    own = tuple(account.account_id for account in accounts)
    if known_at != ALWAYS:
        return _of_accounts(await _replay_all(db, accounts, until, known_at), set(own))
    journal, market = await get_journal_revision(db), await get_market_revision(db)
    kept = cache.kept.get(own) if cache else None
    is_same = kept is not None and (kept.accounts, kept.until, kept.market) == (accounts, until, market)
    if kept is None or not is_same or not await _has_followed(db, kept, journal, own):
        kept = _Kept(accounts, until, journal, market or 0, await _replay_all(db, accounts, until, known_at))
    kept.journal = journal
    if cache is not None and market is not None:
        cache.kept[own] = kept
    return _of_accounts(kept.found, set(own))


async def _has_followed(db: AnySession, kept: _Kept, journal: JournalRevision, own: Sequence[str]) -> bool:
    """Book what is new in what was kept; False where all of it has to be replayed anew."""
    if journal == kept.journal:
        return True
    after = kept.journal.last_entry
    if await count_entries_after(db, after) != journal.entries_since(kept.journal):
        return False
    new = await store.get_booked_transactions(db, own, kept.until, after_entry=after)
    by_account = {account: one for one in kept.found for account in one.accounts}
    for one in sorted(new, key=lambda one: one.day_order):
        together = by_account.get(one.account_id)
        is_within = together is not None and one.counter_account_id in {"", *together.accounts}
        if together is None or together.fault or not is_within:
            return False
        try:
            together.keeper.book(one)
        except (InvalidInputError, NotFoundError):
            return False
    return True


async def _replay_all(
    db: AnySession, accounts: Sequence[ScopeAccount], until: date, known_at: datetime
) -> list[_Together]:
    own = [account.account_id for account in accounts]
    transactions = await store.get_booked_transactions(db, own, until, known_at=known_at)
    known = {account.account_id: account for account in accounts}
    named = {one.account_id for one in transactions} | {one.counter_account_id for one in transactions} - {""}
    if others := named - known.keys():
        known |= {account.account_id: account for account in await get_accounts(db, others)}
    transactions = [_as_seen(one, known) for one in transactions]
    currencies = {one.currency for one in transactions} | {one.counter_currency for one in transactions} - {
        ""
    }
    rates = await read_rates(db, currencies | {account.base_currency for account in known.values()})
    return [_replayed(group, known, rates) for group in _connected(transactions)]


def _as_seen(one: Transaction, known: Mapping[str, ScopeAccount]) -> Transaction:
    """Return a transfer with an account that is not visible as what it is to the other; not where units come in."""
    if one.account_id not in known and not one.asset_id:
        account = one.counter_account_id
        return replace(one, kind=TransactionKind.DEPOSIT, account_id=account, counter_account_id="")
    if one.account_id in known and one.counter_account_id and one.counter_account_id not in known:
        kind = TransactionKind.DELIVER if one.asset_id else TransactionKind.WITHDRAWAL
        return replace(one, kind=kind, counter_account_id="")
    return one


def _connected(transactions: Sequence[Transaction]) -> list[list[Transaction]]:
    """Part transactions by accounts, those that anything moved between together."""
    leads: dict[str, str] = {}

    def lead(account: str) -> str:
        while leads.setdefault(account, account) != account:
            account = leads[account]
        return account

    for one in transactions:
        if one.counter_account_id:
            leads[lead(one.account_id)] = lead(one.counter_account_id)
    groups: dict[str, list[Transaction]] = defaultdict(list)
    for one in transactions:
        groups[lead(one.account_id)].append(one)
    return list(groups.values())


def _replayed(
    transactions: Sequence[Transaction], accounts: Mapping[str, ScopeAccount], rates: ExchangeRates
) -> _Together:
    """Replay accounts that belong together; lots that come from an account that is not visible are not known."""

    def convert(account_id: str, currency: str, day: date) -> Decimal:
        return rates.rate(currency, accounts[account_id].base_currency, day)

    methods = {account.account_id: account.lot_method for account in accounts.values()}
    keeper = Bookkeeper(methods=methods, convert=convert)
    names = {one.account_id for one in transactions} | {one.counter_account_id for one in transactions} - {""}
    try:
        for one in sorted(transactions, key=lambda one: one.day_order):
            if one.account_id not in accounts:
                raise UnseenLotsError(one)
            keeper.book(one)
    except (InvalidInputError, NotFoundError) as error:
        return _Together(frozenset(names), keeper, f"{error}")
    return _Together(frozenset(names), keeper)


def _of_accounts(found: Iterable[_Together], own: set[str]) -> ReplayedAccounts:
    """Keep what belongs to some accounts."""
    lots: list[Lot] = []
    shorts: list[Lot] = []
    gains: list[Gain] = []
    faults: dict[str, str] = {}
    for one in found:
        if one.fault:
            faults |= dict.fromkeys(sorted(one.accounts & own), one.fault)
            continue
        replayed = one.keeper.replay()
        for position in replayed.positions.values():
            lots += [lot for lot in position.lots if lot.account_id in own]
            shorts += [lot for lot in position.shorts if lot.account_id in own]
        gains += [gain for gain in replayed.gains if gain.account_id in own]
    return ReplayedAccounts(tuple(lots), tuple(shorts), tuple(gains), faults)
