"""Model portfolios at rest: named target weights, in versions."""

import json
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.domain.profile import Model, Named
from steelyard.storage.connection import WriteSession
from steelyard.storage.queries import query


async def get_models(db: AsyncSession, model_id: str | None = None) -> list[Model]:
    """Return the models of the tenant by id, or the one of an id."""
    rows = (await db.execute(query("get_models"), {"model_id": model_id})).mappings()
    return [Model(**{**row, "weights": _weights(row["weights"])}) for row in rows]


async def write_model(db: WriteSession, model: Model, *, expected: int) -> int | None:
    """Write a model with its weights; return its version, None = the one there is not the expected one.

    Args:
        db: the transaction.
        model: as it is to be; its version does not count.
        expected: the version that was read; 0 = there is none.
    """
    values: dict[str, Any] = {
        "model_id": model.model_id,
        "model_name": model.model_name,
        "risk_level": model.risk_level,
        "min_horizon_years": model.min_horizon_years,
    }
    if expected:
        result = await db.execute(query("change_model"), values | {"expected": expected})
    else:
        result = await db.execute(query("add_model"), values)
    version: int | None = result.scalar_one_or_none()
    if version is not None:
        await db.execute(query("delete_target_weights"), {"model_id": model.model_id})
        weights = {"asset_ids": list(model.weights), "weights": list(model.weights.values())}
        await db.execute(query("add_target_weights"), {"model_id": model.model_id, **weights})
    return version


async def get_unknown_assets(db: AsyncSession, asset_ids: Collection[str]) -> list[str]:
    """Return which of some assets are none."""
    return list(await db.scalars(query("get_unknown_assets"), {"asset_ids": list(asset_ids)}))


async def assign_model(db: WriteSession, account_id: str, model_id: str) -> bool:
    """Let an account follow a model; False = there is no such account."""
    values = {"account_id": account_id, "model_id": model_id}
    return (await db.execute(query("assign_model"), values)).one_or_none() is not None


async def get_preferred_weights(db: AsyncSession, preferences: Named) -> Mapping[str, Decimal]:
    """Return how much of each model is in preferred sectors and countries, a fraction."""
    values = {kind: list(preferences.get(kind, ())) for kind in ("sectors", "countries")}
    return {
        row.model_id: row.preferred_weight for row in await db.execute(query("get_preferred_weights"), values)
    }


def _weights(text: str) -> dict[str, Decimal]:
    return {asset_id: Decimal(weight) for asset_id, weight in json.loads(text).items()}
