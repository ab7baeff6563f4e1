"""Accounts: listed, and one of them set, to ask what it is, holds, did, and should hold."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from steelyard.domain.money import EXACT, MONEY_PLACES, major_currency, round_half_up, units_per_major
from steelyard.domain.scope import Scope
from steelyard.errors import ConflictError
from steelyard.identity.permissions import Actor, ObjectType, Verb, authorize
from steelyard.services.journal import FROM_THE_NEWEST
from steelyard.services.portfolio import NoModelError, cash_of, read_day, read_positions
from steelyard.services.position import Position, get_positions
from steelyard.services.scope import require_scope
from steelyard.storage import portfolio as store
from steelyard.storage.account_information import (
    AccountHold,
    AccountRow,
    get_account_holds,
    get_account_row,
)
from steelyard.storage.acting import DEFAULT_TENANT_ID
from steelyard.storage.booked import JournalEntry, get_newest_entries
from steelyard.storage.connection import ReadSession, reading
from steelyard.storage.portfolio import StoredAccount

OPERATOR: Final = Actor(DEFAULT_TENANT_ID)
"""Who asks where nobody says: whoever holds the machine."""

MOST_TRANSACTIONS: Final = 1_000


class NotSelectedError(ConflictError):
    """No account was set."""

    def __init__(self) -> None:
        """Name the call that is missing."""
        super().__init__("No account is set. Call `await accounts.set_account(account_id)` first.")


@dataclass(frozen=True, slots=True)
class AccountInformation:
    """What an account is.

    Attributes:
        account: what it belongs to and follows, what keeps it, and where its orders go.
        holds: what keeps its orders back; empty = nothing does.
    """

    account: AccountRow
    holds: tuple[AccountHold, ...]


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has in a currency.

    Attributes:
        cash: money of it; negative = overdrawn.
        invested: value of the assets that are quoted in it, in it; None = a price is not known.
        value: of both, in the base currency; None = not known.
    """

    currency: str
    cash: Decimal
    invested: Decimal | None
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Balances:
    """What an account has.

    Attributes:
        as_of: the day of its prices and rates.
        total_value: in the base currency; None = a price or a rate is not known.
        notes: what limits the figures.
    """

    account_id: str
    base_currency: str
    as_of: date
    total_value: Decimal | None
    balances: tuple[Balance, ...]
    notes: tuple[str, ...]


class Accounts:
    """The accounts of the store, one of them set: what it is, holds, did, and should hold.

    Used as `accounts = Accounts()`, `await accounts.set_account("RIVERA-IRA")`, `await accounts.get_portfolio()`.
    """

    def __init__(
        self, db: ReadSession | None = None, *, as_of: date | None = None, actor: Actor = OPERATOR
    ) -> None:
        """Begin with none set.

        Args:
            db: a read session; None opens the default store for each question.
            as_of: the day that is asked about; None = the last price date.
            actor: who asks; only accounts that they may see can be set.
        """
        self._db, self._as_of, self._actor = db, as_of, actor
        self._account_id: str | None = None

    async def list_accounts(self) -> list[StoredAccount]:
        """Return the accounts that are seen, by id."""
        return await get_accounts(self._db)

    async def set_account(self, account_id: str) -> None:
        """Set the account that is asked about.

        Raises:
            AccountHiddenError, ForbiddenError: who asks may not see it.
            UnknownScopeError: there is no such account.
        """
        authorize(self._actor, Verb.READ, ObjectType.PORTFOLIO, account_id)
        async with reading(self._db) as db:
            await require_scope(db, Scope.account(account_id))
        self._account_id = account_id

    async def get_information(self) -> AccountInformation:
        """Return what the account is: see `get_account_information`."""
        return await get_account_information(self._set(), self._db)

    async def get_balances(self) -> Balances:
        """Return what the account has, by currency: see `get_balances`."""
        return await get_balances(self._set(), self._db, as_of=self._as_of)

    async def get_transactions(
        self, *, before: tuple[date, int] = FROM_THE_NEWEST, limit: int = 100
    ) -> list[JournalEntry]:
        """Return what was booked in the account, the newest first: see `get_transactions`."""
        return await get_transactions(self._set(), self._db, before=before, limit=limit)

    async def get_portfolio(self) -> dict[str, Decimal]:
        """Return asset → quantity, cash under its currency.

        Raises:
            NotSelectedError: no account was set.
            NoPositionsError, WeightsOnlyError: what it holds is not known.
        """
        account_id = self._set()
        async with reading(self._db) as db:
            account = await store.get_account(db, account_id)
            positions = await read_positions(db, account_id, await read_day(db, self._as_of))
        held = {one.asset_id: one.quantity for one in positions if one.quantity and not one.is_cash}
        return {**held, **cash_of(positions, account.base_currency)}

    async def get_target_allocation(self) -> dict[str, Decimal]:
        """Return asset → target weight, a fraction of the whole, cash under its currency.

        Raises:
            NotSelectedError: no account was set.
            NoModelError: it follows no model, or one without weights.
        """
        return await get_target_allocation(self._set(), self._db)

    def _set(self) -> str:
        if self._account_id is None:
            raise NotSelectedError
        return self._account_id


async def select_account(
    account_id: str,
    db: ReadSession | None = None,
    *,
    as_of: date | None = None,
    actor: Actor = OPERATOR,
) -> Accounts:
    """Return the accounts with one of them set; arguments and errors as of `Accounts` and its `set_account`."""
    accounts = Accounts(db, as_of=as_of, actor=actor)
    await accounts.set_account(account_id)
    return accounts


async def get_accounts(db: ReadSession | None = None) -> list[StoredAccount]:
    """Return the accounts that are seen, by id; `db` None opens the default store."""
    async with reading(db) as session:
        return await store.get_all_accounts(session)


async def get_account_information(account_id: str, db: ReadSession | None = None) -> AccountInformation:
    """Return what an account belongs to and follows, what keeps it, where its orders go, and what holds them back.

    Raises:
        UnknownScopeError: there is no such account.
    """
    async with reading(db) as session:
        await require_scope(session, Scope.account(account_id))
        account = await get_account_row(session, account_id)
        return AccountInformation(account, tuple(await get_account_holds(session, account_id)))


async def get_balances(
    account_id: str, db: ReadSession | None = None, *, as_of: date | None = None
) -> Balances:
    """Return the cash of an account and the value of what it holds, by currency, its base currency first.

    Args:
        account_id: the account.
        db: a read session; None opens the default store.
        as_of: the day; None = the last price date.

    Raises:
        UnknownScopeError: there is no such account.
        NoMarketPricesError: the store holds no price, and no day was given.
    """
    found = await get_positions(db, scope=Scope.account(account_id), as_of=as_of)
    by_currency: dict[str, list[Position]] = defaultdict(list)
    for position in found.positions:
        by_currency[major_currency(position.price_currency or found.base_currency)].append(position)
    by_currency.setdefault(found.base_currency, [])
    order = sorted(by_currency, key=lambda currency: (currency != found.base_currency, currency))
    return Balances(
        account_id=account_id,
        base_currency=found.base_currency,
        as_of=found.as_of,
        total_value=found.total_value,
        balances=tuple(_balance(currency, by_currency[currency]) for currency in order),
        notes=found.notes,
    )


async def get_transactions(
    account_id: str,
    db: ReadSession | None = None,
    *,
    before: tuple[date, int] = FROM_THE_NEWEST,
    limit: int = 100,
) -> list[JournalEntry]:
    """Return what was booked in an account and still stands, the newest first.

    Args:
        account_id: the account.
        db: a read session; None opens the default store.
        before: day and number of the entry that the page before ended with.
        limit: how many, at most MOST_TRANSACTIONS.

    Raises:
        UnknownScopeError: there is no such account.
    """
    async with reading(db) as session:
        await require_scope(session, Scope.account(account_id))
        return await get_newest_entries(
            session, [account_id], before=before, most=min(limit, MOST_TRANSACTIONS)
        )


async def get_target_allocation(account_id: str, db: ReadSession | None = None) -> dict[str, Decimal]:
    """Return asset → target weight of the model that an account follows, cash under its currency.

    Raises:
        UnknownScopeError: there is no such account.
        NoModelError: it follows no model, or one without weights.
    """
    async with reading(db) as session:
        await require_scope(session, Scope.account(account_id))
        model_id = (await store.get_account(session, account_id)).model_id
        targets = await store.get_target_weights(session, model_id) if model_id else []
    if not targets:
        raise NoModelError(account_id, model_id)
    return {one.currency if one.is_cash else one.asset_id: one.target_weight for one in targets}


def _balance(currency: str, positions: list[Position]) -> Balance:
    invested: Decimal | None = Decimal(0)
    value: Decimal | None = Decimal(0)
    cash = Decimal(0)
    with localcontext(EXACT):
        for one in positions:
            value = _plus(value, one.value)
            if one.price is not None and one.price_date is None:  # money has a price of 1, and no day of it
                cash += one.quantity
            else:
                invested = _plus(invested, _in_own_currency(one))
    return Balance(currency, cash, invested, value)


def _in_own_currency(one: Position) -> Decimal | None:
    if one.price is None:
        return None
    return round_half_up(one.quantity * one.price / units_per_major(one.price_currency), MONEY_PLACES)


def _plus(total: Decimal | None, more: Decimal | None) -> Decimal | None:
    return None if total is None or more is None else total + more
