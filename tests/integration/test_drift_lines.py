"""Drift as lists and dashboards tell it: what the store counts is what the engine of trades counts."""

from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from small_book import AS_OF, TODAY, load, small_book
from steelyard.domain.scope import Scope
from steelyard.rebalancing.drift import calculate_drift, calculate_total_drift, calculate_weights, is_outside
from steelyard.rebalancing.options import Band
from steelyard.services.asset_360 import refresh
from steelyard.services.drift import BAND_ABSOLUTE, BAND_RELATIVE
from steelyard.services.model import write_model
from steelyard.storage import asset_360
from steelyard.storage.connection import Pool, get_db_session, get_write_session
from steelyard.storage.dashboard import get_drifts

TARGETS = {"A": "0.25", "B": "0.05", "USD": "0.7"}


@pytest.fixture
async def account(own_store: Pool, tmp_path: Path) -> str:  # noqa: ARG001  the store has to be there
    """An account that follows a model, published."""
    tables = small_book()
    tables["asset_master"] = [*tables["asset_master"], ("USD", "US dollar", "Cash", "USD", "Cash", "US", "")]
    await load(tmp_path, tables)
    async with get_write_session() as db:
        await write_model(db, "M", name="A model", weights=TARGETS, expected=0)
        found = (await db.execute(text("select min(account_id) from steelyard.accounts"))).scalar_one()
        await db.execute(
            text("update steelyard.accounts set model_id = 'M' where account_id = :id"), {"id": found}
        )
    await refresh(as_of=AS_OF, today=TODAY)
    return str(found)


async def test_the_store_counts_drift_as_the_engine_does(account: str) -> None:
    async with get_db_session() as db:
        current = await asset_360.get_current_version(db)
        assert current is not None
        rows = await asset_360.get_asset_rows(db, Scope.account(account), current[0])
        [found] = await get_drifts(
            db, current[0], absolute=Decimal(BAND_ABSOLUTE), relative=Decimal(BAND_RELATIVE)
        )
    values = {row["asset_id"]: row["market_value"] for row in rows if row["market_value"] is not None}
    targets = {name: Decimal(weight) for name, weight in TARGETS.items()}
    drift = calculate_drift(calculate_weights(values, sum(values.values(), Decimal(0))), targets)
    band = Band(absolute=BAND_ABSOLUTE, relative=BAND_RELATIVE)

    assert found.account_id == account
    assert found.drift == pytest.approx(calculate_total_drift(drift))
    assert found.outside == sum(
        is_outside(by, targets.get(name, Decimal(0)), band) for name, by in drift.items()
    )
    assert found.outside
