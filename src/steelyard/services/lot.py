"""Lots, and the gains that closing them realised, by replaying the ledger of accounts."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from steelyard.domain.gain import CashItem, Gain
from steelyard.domain.ledger import Replay, replay
from steelyard.domain.lot import Lot
from steelyard.domain.transaction import Transaction
from steelyard.errors import InvalidInputError, NotFoundError
from steelyard.services.rate import ExchangeRates, read_rates
from steelyard.storage import booked as store
from steelyard.storage.connection import ReadSession
from steelyard.storage.valuation import ScopeAccount, get_accounts


@dataclass(frozen=True, slots=True)
class ReplayedAccounts:
    """What the transactions of accounts have come to.

    Attributes:
        lots: open lots; `cost` in the base currency of their account.
        shorts: lots sold short; `cost` is what they brought.
        gains: in the order they were realised, in the account's base currency.
        items: income, fees and taxes.
        faults: account → why its history cannot be replayed; it is in none of the others then.
    """

    lots: tuple[Lot, ...]
    shorts: tuple[Lot, ...]
    gains: tuple[Gain, ...]
    items: tuple[CashItem, ...]
    faults: Mapping[str, str]


async def replay_accounts(db: ReadSession, accounts: Sequence[ScopeAccount], until: date) -> ReplayedAccounts:
    """Replay what is booked of accounts up to a day; those that assets moved between are replayed together.

    Args:
        db: a session.
        accounts: whose lots are wanted.
        until: the last day.

    Returns:
        Their lots and gains; an account whose history does not add up is named in `faults`, with the reason.
    """
    own = [account.account_id for account in accounts]
    transactions = await store.get_booked_transactions(db, own, until)
    known = {account.account_id: account for account in accounts}
    if others := {one.account_id for one in transactions} - known.keys():
        known |= {account.account_id: account for account in await get_accounts(db, others)}
    currencies = {one.currency for one in transactions} | {one.counter_currency for one in transactions} - {
        ""
    }
    rates = await read_rates(db, currencies | {account.base_currency for account in known.values()})
    found = [_replayed(group, known, rates) for group in _connected(transactions)]
    return _of_accounts(found, set(own))


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
) -> Replay | tuple[set[str], str]:
    """Replay accounts that belong together; where their history does not add up, name them and say why."""

    def convert(account_id: str, currency: str, day: date) -> Decimal:
        return rates.rate(currency, accounts[account_id].base_currency, day)

    methods = {account.account_id: account.lot_method for account in accounts.values()}
    try:
        return replay(transactions, methods=methods, convert=convert)
    except (InvalidInputError, NotFoundError) as error:
        return {one.account_id for one in transactions}, f"{error}"


def _of_accounts(found: Iterable[Replay | tuple[set[str], str]], own: set[str]) -> ReplayedAccounts:
    """Keep what belongs to some accounts."""
    lots: list[Lot] = []
    shorts: list[Lot] = []
    gains: list[Gain] = []
    items: list[CashItem] = []
    faults: dict[str, str] = {}
    for one in found:
        if isinstance(one, tuple):
            faults |= dict.fromkeys(one[0] & own, one[1])
            continue
        for position in one.positions.values():
            lots += [lot for lot in position.lots if lot.account_id in own]
            shorts += [lot for lot in position.shorts if lot.account_id in own]
        gains += [gain for gain in one.gains if gain.account_id in own]
        items += [item for item in (*one.income, *one.fees, *one.taxes) if item.account_id in own]
    return ReplayedAccounts(tuple(lots), tuple(shorts), tuple(gains), tuple(items), faults)
