"""The book of a tenant as it rests in the store: models in use, and accounts in long streams."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from steelyard.storage.connection import ReadSession
from steelyard.storage.portfolio import StoredPrice
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class ModelInUse:
    """A model that accounts of one base currency follow.

    Attributes:
        accounts: how many.
        cash_weight: target weight of its cash, all currencies together.
        is_in_base_currency: whether all of it is quoted in the base currency; False where it has no weights.
    """

    base_currency: str
    model_id: str
    accounts: int
    cash_weight: Decimal
    is_in_base_currency: bool


@dataclass(frozen=True, slots=True)
class BookAccount:
    """What an account held.

    Attributes:
        asset_ids, quantities: its positions, cash left out.
        cash: all of it.
        is_plain: whether all it holds is in its base currency and in units.
    """

    account_id: str
    model_id: str
    asset_ids: Sequence[str]
    quantities: Sequence[Decimal]
    cash: Decimal
    is_plain: bool


async def get_models_in_use(db: ReadSession) -> list[ModelInUse]:
    """Return each model with each base currency of the accounts that follow it."""
    return [ModelInUse(*row) for row in await db.execute(query("get_models_in_use"))]


async def stream_accounts(
    db: ReadSession, base_currency: str, model_ids: Collection[str], as_of: date, *, at_once: int
) -> AsyncIterator[list[BookAccount]]:
    """Give the accounts of a base currency that follow some models, by id, so many at once."""
    values = {"base_currency": base_currency, "model_ids": list(model_ids), "as_of": as_of}
    rows = await db.stream(query("get_book_accounts"), values)
    async for part in rows.partitions(at_once):
        yield [BookAccount(*row) for row in part]


async def get_accounts_of_models(
    db: ReadSession, base_currency: str, model_ids: Collection[str]
) -> list[str]:
    """Return the accounts of a base currency that follow some models."""
    values = {"base_currency": base_currency, "model_ids": list(model_ids)}
    return list(await db.scalars(query("get_accounts_of_models"), values))


async def get_prices_in_currency(db: ReadSession, currency: str, as_of: date) -> list[StoredPrice]:
    """Return the newest price on or before a day of every asset quoted in a currency."""
    rows = await db.execute(query("get_prices_in_currency"), {"currency": currency, "as_of": as_of})
    return [StoredPrice(*row) for row in rows]
