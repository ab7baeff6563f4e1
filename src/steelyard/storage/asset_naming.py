"""What statements call assets and accounts: the assets that fit, and what people answered before."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from steelyard.storage.connection import AnySession, WriteSession
from steelyard.storage.loading import store_rows
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class NamedAsset:
    """What of an asset tells it from others; "" = it has none."""

    asset_id: str
    asset_name: str
    asset_type: str
    isin: str
    currency: str
    exchange: str


async def find_assets(
    db: AnySession,
    *,
    isins: Collection[str],
    cusips: Collection[str],
    asset_ids: Collection[str],
    symbols: Collection[str],
    asset_names: Collection[str],
) -> list[NamedAsset]:
    """Return the assets that fit one of the words.

    Args:
        db: a session.
        isins: upper case.
        cusips: upper case.
        asset_ids: ids as they are.
        symbols: upper case: of a whole id, or of what stands before its point.
        asset_names: lower case.
    """
    values = {
        "isins": list(isins),
        "cusips": list(cusips),
        "asset_ids": list(asset_ids),
        "symbols": list(symbols),
        "asset_names": list(asset_names),
    }
    return [NamedAsset(*row) for row in await db.execute(query("find_assets_named"), values)]


async def get_answered_assets(db: AnySession, hint_keys: Collection[str]) -> dict[str, str]:
    """Return what people said hints mean: key → asset."""
    rows = await db.execute(query("get_answered_assets"), {"hint_keys": list(hint_keys)})
    return {row.hint_key: row.asset_id for row in rows}


async def remember_assets(db: WriteSession, answers: Mapping[str, str]) -> None:
    """Keep what hints mean."""
    values = {"hint_keys": list(answers), "asset_ids": list(answers.values())}
    await db.execute(query("remember_assets"), values)


async def get_answered_accounts(db: AnySession, hashes: Collection[bytes]) -> dict[tuple[str, bytes], str]:
    """Return what people said names of accounts mean: reader and keyed hash → account."""
    rows = await db.execute(query("get_answered_accounts"), {"name_hashes": list(hashes)})
    return {(row.reader, bytes(row.name_hash)): row.account_id for row in rows}


async def remember_accounts(db: WriteSession, answers: Mapping[tuple[str, bytes], str]) -> None:
    """Keep which accounts statements mean: reader and keyed hash → account."""
    values = {
        "readers": [reader for reader, _ in answers],
        "name_hashes": [name for _, name in answers],
        "account_ids": list(answers.values()),
    }
    await db.execute(query("remember_accounts"), values)


async def add_assets(db: WriteSession, assets: Sequence[Mapping[str, str | None]]) -> None:
    """Make assets: `asset_id`, `asset_name`, `asset_type`, `isin` and `currency` of each."""
    names = ("asset_id", "asset_name", "asset_type", "isin", "currency")
    table = pa.table({name: pa.array([one[name] for one in assets], pa.string()) for name in names})
    await store_rows(db, "asset_master", table)
