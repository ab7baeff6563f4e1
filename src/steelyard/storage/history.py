"""Daily returns and risk at rest: what there is to derive, the prices it is derived from, and keeping the result.

Numbers travel in PostgreSQL's binary COPY format, as whole arrays: a row never becomes a Python object.
"""

import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy.exc import DBAPIError

from steelyard.storage.connection import ReadSession, WriteSession, get_write_session, raw_connection
from steelyard.storage.copying import copy_rows
from steelyard.storage.queries import query

LOCK_NOT_AVAILABLE = "55P03"
_COPY_HEADER_BYTES = 19
_EPOCH_2000 = np.datetime64("2000-01-01", "D")
_OBSERVATION = np.dtype(
    [
        ("fields", ">i2"),
        ("place_bytes", ">i4"),
        ("place", ">i4"),
        ("day_bytes", ">i4"),
        ("day", ">i4"),
        ("value_bytes", ">i4"),
        ("value", ">f8"),
    ]
)


@dataclass(frozen=True, slots=True)
class Derivation:
    """An asset whose history is to be derived from a day on; `date.min` means all of it.

    Attributes:
        previous_date: its last day with a price or a return before `from_date`; `from_date` when there is none.
    """

    asset_id: str
    currency: str
    benchmark_asset_id: str | None
    from_date: date
    previous_date: date


@dataclass(frozen=True, slots=True)
class Ways:
    """What a derivation writes, and how it reads.

    Attributes:
        tables: of performance_history and risk_metrics those that are ours.
        reads_whole: whether a table is attached: it may lack the index that finds one asset's rows, so it is read
            as a whole for many assets.
    """

    tables: frozenset[str]
    reads_whole: bool


@dataclass(frozen=True, slots=True)
class Observations:
    """Numbers of several assets, in no order.

    Attributes:
        places: position of each number's asset in the list that was asked for, shape (n,).
        days: its day, datetime64[D], shape (n,).
        values: the number, shape (n,).
    """

    places: NDArray[np.int64]
    days: NDArray[np.datetime64]
    values: NDArray[np.float64]


@asynccontextmanager
async def refreshing(*, is_attached: bool) -> AsyncIterator[WriteSession | None]:
    """Open a session that works for its whole tenant and holds other derivations, and loads of returns, back.

    Readers go on. The lock comes before anything else, so that this transaction sees what the one before it did.

    Args:
        is_attached: whether performance_history is a firm's, which another transaction has to tell.

    Yields:
        None when another has the lock for two seconds more.
    """
    lock = "lock_own_history" if is_attached else "lock_history"
    begins_with = ("limit_lock_wait", lock, "lift_lock_wait", "adopt_refresh_role")
    async with get_write_session(isolation="REPEATABLE READ", begins_with=begins_with) as db:
        if await _begins(db):
            yield db
        else:
            await db.rollback()
            yield None


async def _begins(db: WriteSession) -> bool:
    """Begin the transaction; False when its lock is not to be had."""
    try:
        await db.connection()
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == LOCK_NOT_AVAILABLE:
            return False
        raise
    return True


async def get_ways(db: WriteSession) -> Ways:
    """Return what is ours to derive, and how to read what it is derived from."""
    attached = set((await db.execute(query("get_attached_tables"))).scalar_one())
    return Ways(
        tables=frozenset({"performance_history", "risk_metrics"} - attached),
        reads_whole=not attached.isdisjoint({"market_data", "performance_history"}),
    )


async def get_pending_derivations(db: WriteSession, as_of: date, ways: Ways) -> list[Derivation]:
    """Return the assets to derive, those to be derived from the earliest day first.

    Nothing marks what changes in an attached table, so its rows are compared with what they were.
    """
    if ways.reads_whole:
        await db.execute(query("note_attached_changes"))
        rows = await db.execute(query("get_attached_derivations"), {"as_of": as_of})
    else:
        rows = await db.execute(query("get_pending_derivations"), {"as_of": as_of})
    return [Derivation(*row) for row in rows]


async def get_prices(
    db: ReadSession | WriteSession, asset_ids: Sequence[str], since: date, ways: Ways
) -> Observations:
    """Return prices from each asset's last one on or before `since` onwards."""
    return await _copy_out(db, "get_attached_prices" if ways.reads_whole else "get_prices", asset_ids, since)


async def get_loaded_returns(
    db: ReadSession | WriteSession, asset_ids: Sequence[str], after: date
) -> Observations:
    """Return the firm's own daily returns after a day."""
    return await _copy_out(db, "get_loaded_returns", asset_ids, after)


async def get_first_prices(
    db: ReadSession | WriteSession, asset_ids: Sequence[str], ways: Ways
) -> NDArray[np.float64]:
    """Return each asset's first price; NaN where it has none. Shape (assets,)."""
    connection = await raw_connection(db)
    first = np.full(len(asset_ids), np.nan)
    name = "get_attached_first_prices" if ways.reads_whole else "get_first_prices"
    for place, price in await connection.fetch(query(name).text, list(asset_ids)):
        first[place] = price
    return first


async def get_first_price_date(db: ReadSession | WriteSession) -> date | None:
    """Return the oldest day any asset has a price of; None where there are no prices."""
    found: date | None = (await db.execute(query("get_first_price_date"))).scalar_one()
    return found


async def get_risk_free_rates(db: ReadSession | WriteSession) -> dict[str, list[tuple[date, float]]]:
    """Return annual rates by currency, each from the day it holds, in order."""
    rates: dict[str, list[tuple[date, float]]] = {}
    for row in await db.execute(query("get_risk_free_rates")):
        rates.setdefault(row.currency, []).append((row.rate_date, row.annual_rate))
    return rates


async def replace_derived_returns(
    db: WriteSession, derivations: Sequence[Derivation], returns: pa.Table
) -> None:
    """Replace the derived returns of some assets from each one's day on; the firm's own stay.

    Args:
        db: the transaction to do it in.
        derivations: the assets and their days.
        returns: columns of performance_history; no row where the firm has its own.
    """
    connection = await raw_connection(db)
    await connection.execute(query("delete_derived_returns").text, *_which(derivations))
    if returns.num_rows:
        await copy_rows(connection, "performance_history", returns, schema="steelyard")


async def replace_derived_risk(db: WriteSession, derivations: Sequence[Derivation], risk: pa.Table) -> None:
    """Replace the derived risk of some assets from each one's day on; the firm's own stays.

    Args:
        db: the transaction to do it in.
        derivations: the assets and their days.
        risk: columns of risk_metrics; rows where the firm has its own are passed over.
    """
    connection = await raw_connection(db)
    await connection.execute(query("delete_derived_risk").text, *_which(derivations))
    if risk.num_rows:
        await connection.execute(query("create_derived_risk_table").text)
        await copy_rows(connection, "derived_risk", risk, schema=None)
        await connection.execute(query("merge_derived_risk").text)


def _which(derivations: Sequence[Derivation]) -> tuple[list[str], list[date]]:
    return [d.asset_id for d in derivations], [d.from_date for d in derivations]


async def clear_pending_derivations(db: WriteSession) -> None:
    """Forget what was pending: it has been derived."""
    await db.execute(query("clear_pending_derivations"))


async def _copy_out(
    db: ReadSession | WriteSession, name: str, asset_ids: Sequence[str], day: date
) -> Observations:
    connection = await raw_connection(db)
    buffer = io.BytesIO()
    await connection.copy_from_query(query(name).text, list(asset_ids), day, output=buffer, format="binary")
    rows = np.frombuffer(
        buffer.getbuffer(),
        _OBSERVATION,
        offset=_COPY_HEADER_BYTES,
        count=_row_count(buffer.getbuffer().nbytes),
    )
    return Observations(
        places=rows["place"].astype(np.int64),
        days=_EPOCH_2000 + rows["day"].astype("timedelta64[D]"),
        values=rows["value"].astype(np.float64),
    )


def _row_count(size: int) -> int:
    return max(0, size - _COPY_HEADER_BYTES) // _OBSERVATION.itemsize
