"""Attachments at rest: what the database has, what its tables hold, and the views that read them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.errors import NotFoundError
from steelyard.storage.connection import MigratorSession, ReadSession, WriteSession
from steelyard.storage.queries import query

_ROLES: Final = ("steelyard_app", "steelyard_auditor", "steelyard_refresh", "steelyard_migrator")
_STILL_NEEDED: Final = {"2BP01", "42501", "55006"}  # in use elsewhere, not ours to drop, at work right now


@dataclass(frozen=True, slots=True)
class TheirColumn:
    """A column of a table that is not ours.

    Attributes:
        schema, table, name: where it stands.
        type_name: its type, or what its domain is made of.
        category: PostgreSQL's letter for the kind of type: N numbers, S text, D days and times.
        is_needed: whether it is never null.
        is_readable: whether the role at work may read it.
        estimated_rows: rows of its table as the planner thinks.
    """

    schema: str
    table: str
    name: str
    type_name: str
    category: str
    is_needed: bool
    is_readable: bool
    estimated_rows: int


@dataclass(frozen=True, slots=True)
class NumberProfile:
    """What a bounded sample of a column of numbers holds; None where it holds none.

    Attributes:
        row_count: numbers in the sample.
        median_size: the middle one of their sizes without sign, zeros aside.
        low, high: the least and the greatest.
        negatives: how many are below 0.
    """

    row_count: int
    median_size: float | None
    low: float | None
    high: float | None
    negatives: int


@dataclass(frozen=True, slots=True)
class Survey:
    """Which rows of a table of theirs count nowhere.

    Attributes:
        left_out: rows without a key or a value that ours must have.
        unknown_rows: rows of assets that asset_master lacks.
        unknown_asset: the first of those assets; None without any.
    """

    left_out: int
    unknown_rows: int
    unknown_asset: str | None


class NotAttachedError(NotFoundError):
    """Nothing is attached."""

    def __init__(self) -> None:
        """Name the command that attaches."""
        super().__init__("No tables are attached; `steelyard attach` attaches some.")


async def get_catalogue(db: AsyncSession) -> list[TheirColumn]:
    """Return every column of every table and view that is not ours."""
    return [TheirColumn(*row) for row in await db.execute(query("get_catalogue"))]


async def get_unique_keys(db: AsyncSession) -> dict[tuple[str, str], list[frozenset[str]]]:
    """Return the sets of columns that are unique, by schema and table."""
    keys: dict[tuple[str, str], list[frozenset[str]]] = {}
    for schema, table, columns in await db.execute(query("get_unique_keys")):
        keys.setdefault((schema, table), []).append(frozenset(columns))
    return keys


async def profile_numbers(db: AsyncSession, schema: str, table: str, column: str) -> NumberProfile:
    """Look at a bounded sample of a column of numbers."""
    values = {"schema_name": schema, "table_name": table, "column_name": column}
    return NumberProfile(*(await db.execute(query("profile_numbers"), values)).one())


async def profile_words(db: AsyncSession, schema: str, table: str, column: str) -> list[str]:
    """Return the commonest words in a bounded sample of a column, at most twelve."""
    values = {"schema_name": schema, "table_name": table, "column_name": column}
    return list((await db.execute(query("profile_words"), values)).scalar_one())


async def profile_weights(
    db: AsyncSession, schema: str, table: str, weight: str, by: Sequence[str]
) -> float | None:
    """Return what the weights of a portfolio on a day sum to, in the middle; None without weights."""
    values = {"schema_name": schema, "table_name": table, "weight": weight, "by": list(by)}
    return cast("float | None", (await db.execute(query("profile_weights"), values)).scalar_one())


async def count_duplicates(db: AsyncSession, view: str, key: Sequence[str]) -> tuple[int, str]:
    """Return how many rows of a view of ours share their key with another, and one such key."""
    values = {"view_name": view, "key_columns": list(key)}
    surplus, example = (await db.execute(query("count_duplicates"), values)).one()
    return int(surplus), example or ""


async def get_role(db: AsyncSession) -> str:
    """Return the role at work, whose rights on their tables count."""
    return cast("str", (await db.execute(query("get_role"))).scalar_one())


async def get_loaded_tables(db: AsyncSession) -> list[str]:
    """Return the tables of ours, of those that can be attached, that hold rows."""
    return list((await db.execute(query("get_loaded_tables"))).scalars())


async def get_attached_tables(db: AsyncSession) -> list[str]:
    """Return the tables of ours that are views on a firm's."""
    return list((await db.execute(query("get_attached_tables"))).scalar_one())


async def lock_attaching(db: MigratorSession) -> None:
    """Hold loads and other attaches of this database back until the transaction ends."""
    await db.execute(query("lock_loading"))


async def attach_tables(db: MigratorSession, mapping: Mapping[str, Any]) -> None:
    """Put views on their tables in the place of ours."""
    await db.execute(query("attach_tables"), {"mapping": json.dumps(mapping)})


async def sync_attached_accounts(db: AsyncSession) -> None:
    """Keep our accounts in step with their portfolios; does nothing when nothing is attached."""
    await db.execute(query("sync_attached_accounts"))


def view_of(table: str) -> str:
    """Return the name of our view on what stands for a table of ours."""
    return "their_accounts" if table == "accounts" else table


async def survey_table(db: MigratorSession, view: str, schema: str, table: str) -> Survey:
    """Read the whole of an attached table; raises what the server says of a value it cannot convert."""
    values = {"view_name": view, "schema_name": schema, "table_name": table}
    return Survey(*(await db.execute(query("survey_table"), values)).one())


async def is_attached(db: AsyncSession) -> bool:
    """Tell whether a firm's tables are attached."""
    return cast("bool", (await db.execute(query("find_attachment"))).scalar_one())


async def get_attachment(db: ReadSession | WriteSession | MigratorSession) -> dict[str, Any]:
    """Return the mapping as it is attached.

    Raises:
        NotAttachedError: nothing is.
    """
    if not await is_attached(db):
        raise NotAttachedError
    return cast("dict[str, Any]", json.loads((await db.execute(query("get_attachment"))).scalar_one()))


async def detach_tables(db: MigratorSession) -> None:
    """Put our own tables back, empty, and forget what was made of theirs."""
    await db.execute(query("detach_tables"))


async def get_outside_dependants(db: MigratorSession) -> list[str]:
    """Return views of others that read what is in our schema."""
    return list((await db.execute(query("get_outside_dependants"))).scalars())


async def drop_schema(db: MigratorSession) -> list[str]:
    """Take our schema away, and our roles; return the roles that stay because something else needs them."""
    await db.execute(query("drop_schema"))
    return [role for role in _ROLES if not await _dropped(db, role)]


async def _dropped(db: MigratorSession, role: str) -> bool:
    try:
        async with db.begin_nested():
            await db.execute(query(f"drop_role_{role}"))
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) not in _STILL_NEEDED:
            raise
        return False
    return True


async def read_their_rows(db: MigratorSession, spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of an asset_360 of theirs, by our names; numbers are Decimal."""
    return [
        _json(row)
        for row in (await db.execute(query("read_their_rows"), {"spec": json.dumps(spec)})).scalars()
    ]


async def get_historical_figures(db: MigratorSession, as_of: date) -> dict[str, dict[str, Any]]:
    """Return what the historical procedure makes of each asset."""
    rows = await db.execute(query("get_historical_figures"), {"as_of": as_of})
    return {asset_id: _json(figures) for asset_id, figures in rows}


async def get_historical_amounts(
    db: MigratorSession, risk: Mapping[str, Any], as_of: date
) -> dict[str, list[Decimal | None]]:
    """Return the mean value at risk of each asset as the amounts that their table of risk holds.

    Args:
        db: the transaction to read in.
        risk: that table, as it is attached.
        as_of: the last day of the three months; one mean has the first day of them too, the other has not.
    """
    rows = await db.execute(query("get_historical_amounts"), {"risk": json.dumps(risk), "as_of": as_of})
    return {
        asset_id: json.loads(amounts, parse_float=Decimal, parse_int=Decimal) for asset_id, amounts in rows
    }


async def get_compared_version(db: MigratorSession) -> tuple[int, date, str] | None:
    """Return our current version, its day and its currency; None when there is none yet."""
    row = (await db.execute(query("get_compared_version"))).one_or_none()
    return None if row is None else (row.version, row.as_of, row.base_currency)


async def get_compared_rows(db: MigratorSession, version: int) -> list[dict[str, Any]]:
    """Return our rows of the whole tenant; numbers are Decimal."""
    return [
        _json(row) for row in (await db.execute(query("get_compared_rows"), {"version": version})).scalars()
    ]


def _json(text: str) -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(text, parse_float=Decimal, parse_int=Decimal))
