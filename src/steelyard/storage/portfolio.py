"""Accounts with their positions, targets and prices, as they rest in the store."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.domain.scope import Scope
from steelyard.storage.memory import remembered
from steelyard.storage.queries import query

CASH: Final = "cash"
"""Asset type of cash, in lower case; such an asset stands for the currency it is in."""


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """A row of `accounts`."""

    account_id: str
    account_name: str
    household_id: str | None
    base_currency: str
    model_id: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """A household or an account whose portfolio can be looked at.

    Attributes:
        scope: which.
        name: what people call it.
        base_currency: of its totals.
        is_chosen: whether it is the one that was asked for.
    """

    scope: Scope
    name: str
    base_currency: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class AccountDrift:
    """How far an account is from its model.

    Attributes:
        total_value: of positions and cash, base currency; None = a price or a rate is not known.
        total_drift: Σ |weight − target| / 2, a fraction; None = not known, or there is no model.
        furthest: the largest |weight − target|.
    """

    account_id: str
    account_name: str
    household_id: str | None
    base_currency: str
    model_id: str | None
    total_value: Decimal | None
    total_drift: Decimal | None
    furthest: Decimal | None


@dataclass(frozen=True, slots=True)
class StoredPosition:
    """What an account holds of an asset, by what keeps it; quantity is None where a snapshot keeps weights."""

    asset_id: str
    as_of: date | None
    quantity: Decimal | None
    asset_type: str
    currency: str

    @property
    def is_cash(self) -> bool:
        """Whether the asset stands for its currency."""
        return self.asset_type.lower() == CASH


@dataclass(frozen=True, slots=True)
class StoredTarget:
    """A row of a model portfolio."""

    asset_id: str
    target_weight: Decimal
    asset_type: str
    currency: str

    @property
    def is_cash(self) -> bool:
        """Whether the asset stands for its currency."""
        return self.asset_type.lower() == CASH


@dataclass(frozen=True, slots=True)
class StoredPrice:
    """The newest price of an asset, as it is quoted: `currency` may be a unit such as GBX."""

    asset_id: str
    currency: str
    closing_price: Decimal
    price_date: date
    exchange: str


async def get_all_accounts(db: AsyncSession) -> list[StoredAccount]:
    """Return the accounts that are seen, by id."""
    return [StoredAccount(*row) for row in await db.execute(query("get_all_accounts"))]


async def get_choices(db: AsyncSession, chosen: Scope, *, most: int) -> list[Choice]:
    """Return households and then accounts that are seen, by name: at most so many of each, and the chosen one."""
    parameters = {"scope_kind": chosen.kind, "scope_id": chosen.id, "most": most}
    rows = await db.execute(query("get_choices"), parameters)
    return [
        Choice(Scope(kind, key), name, currency, is_chosen) for kind, key, name, currency, is_chosen in rows
    ]


@remembered
async def get_account(db: AsyncSession, account_id: str) -> StoredAccount:
    """Return an account that the tenant has."""
    return StoredAccount(*(await db.execute(query("get_account"), {"account_id": account_id})).one())


@remembered
async def find_account(db: AsyncSession, account_id: str) -> StoredAccount | None:
    """Return an account; None = there is none that is seen."""
    row = (await db.execute(query("get_account"), {"account_id": account_id})).one_or_none()
    return None if row is None else StoredAccount(*row)


async def get_accounts(db: AsyncSession, account_ids: Collection[str]) -> list[StoredAccount]:
    """Return those of some accounts that are seen."""
    rows = await db.execute(query("get_some_accounts"), {"account_ids": list(account_ids)})
    return [StoredAccount(*row) for row in rows]


async def get_account_ids(db: AsyncSession, household_id: str) -> list[str]:
    """Return the accounts of a household."""
    return list(await db.scalars(query("get_account_ids"), {"household_id": household_id}))


@remembered
async def get_positions(db: AsyncSession, account_id: str, as_of: date) -> list[StoredPosition]:
    """Return what an account held on a day: its newest snapshot by then, or the ledger; empty where neither says."""
    rows = await db.execute(query("get_positions"), {"account_id": account_id, "as_of": as_of})
    return [StoredPosition(*row) for row in rows]


async def get_positions_of(
    db: AsyncSession, account_ids: Collection[str], as_of: date
) -> dict[str, list[StoredPosition]]:
    """Return what each of some accounts held on a day; [] where nothing says."""
    held: dict[str, list[StoredPosition]] = {account_id: [] for account_id in account_ids}
    values = {"account_ids": list(account_ids), "as_of": as_of}
    for account_id, *row in await db.execute(query("get_positions_of_accounts"), values):
        held[account_id].append(StoredPosition(*row))
    return held


async def get_asset_ids_of(db: AsyncSession, account_ids: Collection[str], as_of: date) -> list[str]:
    """Return what some accounts held on a day or should hold by their models, cash left out."""
    values = {"account_ids": list(account_ids), "as_of": as_of}
    return list(await db.scalars(query("get_asset_ids_of_accounts"), values))


@remembered
async def get_target_weights(db: AsyncSession, model_id: str) -> list[StoredTarget]:
    """Return what a model portfolio holds."""
    rows = await db.execute(query("get_target_weights"), {"model_id": model_id})
    return [StoredTarget(*row) for row in rows]


async def get_target_assets(db: AsyncSession, names: Collection[str]) -> dict[str, tuple[str, str]]:
    """Return the asset type and the currency of those names that are an asset's id, or the currency of cash."""
    rows = await db.execute(query("get_target_assets"), {"names": list(names)})
    return {row.target: (row.asset_type, row.currency) for row in rows}


async def get_asset_names(db: AsyncSession, asset_ids: Collection[str]) -> dict[str, str]:
    """Return what assets are called."""
    rows = await db.execute(query("get_asset_names"), {"asset_ids": list(asset_ids)})
    return {row.asset_id: row.asset_name for row in rows}


async def get_closes(
    db: AsyncSession, asset_ids: Collection[str], since: date, until: date
) -> dict[str, list[tuple[date, Decimal]]]:
    """Return the last close of each week of assets, the oldest first."""
    values = {"asset_ids": list(asset_ids), "since": since, "until": until}
    found: dict[str, list[tuple[date, Decimal]]] = {}
    for row in await db.execute(query("get_closes"), values):
        found.setdefault(row.asset_id, []).append((row.price_date, row.closing_price))
    return found


async def get_account_drifts(
    db: AsyncSession, as_of: date, *, household_id: str | None, most: int
) -> list[AccountDrift]:
    """Return how far accounts are from their models, the farthest first, and then those of which it is not known.

    Args:
        db: a session.
        as_of: the day of positions, prices and rates.
        household_id: of this household; None = of any.
        most: how many at most.
    """
    values = {"as_of": as_of, "household_id": household_id, "most": most}
    return [AccountDrift(**row) for row in (await db.execute(query("get_account_drifts"), values)).mappings()]


@remembered
async def get_last_prices(db: AsyncSession, asset_ids: Collection[str], as_of: date) -> list[StoredPrice]:
    """Return the newest price of each asset on or before a day; assets without one are left out."""
    rows = await db.execute(query("get_last_prices"), {"asset_ids": list(asset_ids), "as_of": as_of})
    return [StoredPrice(*row) for row in rows]


@remembered
async def get_conversion_rates(
    db: AsyncSession, currencies: Collection[str], base_currency: str, as_of: date
) -> dict[str, Decimal | None]:
    """Return what one unit of each currency is worth in the base currency; None where no rate is known."""
    values = {"currencies": list(currencies), "base_currency": base_currency, "as_of": as_of}
    rows = await db.execute(query("get_conversion_rates"), values)
    return {row.currency: row.rate for row in rows}
