"""Accounts with their positions, targets and prices, as they rest in the store."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

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
