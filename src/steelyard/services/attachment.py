"""Attaching: Steelyard works on tables that a firm has, where they are, and leaves them as they are.

The mapping is checked first. Then one transaction of the role that owns our schema puts views on their tables in
the place of ours; see docs/decisions/0010-attached-tables-are-views.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.exc import DBAPIError

from steelyard.domain.mapping import BookMapping, ColumnMapping, TableMapping
from steelyard.errors import ConflictError, InvalidInputError
from steelyard.services.mapping import check_keys, check_mapping
from steelyard.statements.columns import Kind
from steelyard.statements.mapping import table_columns
from steelyard.storage import attachment as store
from steelyard.storage.audit import record_event
from steelyard.storage.connection import MigratorSession, WriteSession, get_migrator_session

NEEDED: Final = ("asset_master", "market_data")
_UNREADABLE_VALUE: Final = "22"  # the class of PostgreSQL's data exceptions


class AlreadyAttachedError(ConflictError):
    """Tables are attached already."""

    def __init__(self) -> None:
        """Name the command that lets them go."""
        super().__init__("Tables are attached already; run `steelyard detach --keep-store` first.")


class StoreNotEmptyError(ConflictError):
    """The store holds a book that was loaded from files."""

    def __init__(self, tables: list[str]) -> None:
        """Name what is filled, and the way to an empty store."""
        super().__init__(
            f"The store holds rows of its own in {', '.join(tables)}; a book is either loaded or attached. Attach in "
            "another database, or run `steelyard detach` to remove everything of Steelyard's here, and then "
            "`steelyard init`."
        )


class IncompleteMappingError(InvalidInputError):
    """A mapping leaves out a table without which there is no book."""

    def __init__(self, table: str) -> None:
        """Name it."""
        super().__init__(
            f"mapping: the section {table} is missing; asset 360 needs at least {' and '.join(NEEDED)}."
        )


class UnreadableValueError(InvalidInputError):
    """A value in their table cannot be converted."""

    def __init__(self, table: TableMapping, reason: str) -> None:
        """Name the table and quote the server."""
        super().__init__(
            f"mapping, {table.name}: a value in {table.source} cannot be read as the mapping says: {reason}. "
            "Correct the column, its format or its unit."
        )


class OutsideViewsError(ConflictError):
    """Views of others would fall with our schema."""

    def __init__(self, views: list[str]) -> None:
        """Name them."""
        super().__init__(
            f"{', '.join(views)} read what is in the schema steelyard, and would fall with it; drop them first, or "
            "keep the store: `steelyard detach --keep-store`."
        )


@dataclass(frozen=True, slots=True)
class Gap:
    """Rows of a table of theirs that count nowhere.

    Attributes:
        table, source: our table and theirs.
        left_out: rows without a key or a value that ours must have, as a price above 0.
        unknown_rows: rows of assets that asset_master lacks.
        unknown_asset: the first of those assets.
    """

    table: str
    source: str
    left_out: int
    unknown_rows: int
    unknown_asset: str | None


@dataclass(frozen=True, slots=True)
class Attached:
    """What is attached.

    Attributes:
        sources: their table, by ours.
        left_out: tables of ours that nothing stands for; the two of history are derived, the others are empty.
        gaps: tables with rows that count nowhere.
    """

    sources: Mapping[str, str]
    left_out: tuple[str, ...]
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class Detached:
    """What a detach did.

    Attributes:
        store_kept: whether our schema stands, empty; otherwise it is gone.
        roles_left: our roles that stay because something else needs them.
    """

    store_kept: bool
    roles_left: tuple[str, ...] = ()


async def attach(book: BookMapping) -> Attached:
    """Check a mapping, and attach what it names; all of it, or nothing.

    Raises:
        AlreadyAttachedError, StoreNotEmptyError: the store is not free for it.
        IncompleteMappingError, UnreadableValueError, and what `check_mapping` and `check_keys` raise: the mapping
            is not true.
        DatabaseReadOnlyError, RightMissingError: the database does not let the owner of our schema write.
    """
    for name in NEEDED:
        if name not in book.tables:
            raise IncompleteMappingError(name)
    async with get_migrator_session() as db:
        await store.lock_attaching(db)
        await require_free_store(db)
        await check_mapping(db, book)
        await store.attach_tables(db, _spec(book))
        gaps = await _find_gaps(db, book)
        await check_keys(db, book)
        await store.sync_attached_accounts(db)
        facts = {"tables": len(book.tables), "gaps": len(gaps)}
        await record_event(db, "book.attach", "attachment", "", facts)
    left_out = [name for name in table_columns() if name not in {*book.tables, "asset_360", "accounts"}]
    return Attached({t.name: t.source for t in book.tables.values()}, tuple(left_out), gaps)


async def require_free_store(db: MigratorSession) -> None:
    """See that nothing is attached or loaded.

    Raises:
        AlreadyAttachedError, StoreNotEmptyError: something is.
    """
    if await store.is_attached(db):
        raise AlreadyAttachedError
    if loaded := await store.get_loaded_tables(db):
        raise StoreNotEmptyError(loaded)


async def keep_step(db: WriteSession) -> None:
    """Before a refresh: make accounts of new portfolios, and see that keys still are unique.

    Does nothing when nothing is attached.

    Raises:
        DuplicateKeysError: their tables came to hold two rows for the same thing, which would count twice.
    """
    if not await store.is_attached(db):
        return
    tables = (await store.get_attachment(db))["tables"]
    await check_keys(db, BookMapping({name: _table_mapping(name, spec) for name, spec in tables.items()}))
    await store.sync_attached_accounts(db)


async def detach(*, keep_store: bool = False) -> Detached:
    """Let attached tables go, and take away everything of ours in the database.

    Args:
        keep_store: whether to leave our schema as `steelyard init` makes it, for another attach or a load.

    Raises:
        NotAttachedError: the store was to be kept, and nothing is attached.
        OutsideViewsError: something of others would fall with our schema; nothing was changed.
    """
    async with get_migrator_session() as db:
        if keep_store:
            await store.get_attachment(db)
            await store.detach_tables(db)
            await record_event(db, "book.detach", "attachment", "")
            return Detached(store_kept=True)
        if views := await store.get_outside_dependants(db):
            raise OutsideViewsError(views)
        return Detached(store_kept=False, roles_left=tuple(await store.drop_schema(db)))


async def _find_gaps(db: MigratorSession, book: BookMapping) -> tuple[Gap, ...]:
    """Read every table once: what cannot be read is an error, what counts nowhere is told."""
    found = []
    try:
        for table in book.tables.values():
            if table.name != "asset_360":
                survey = await store.survey_table(db, store.view_of(table.name), table.schema, table.table)
                found.append(
                    Gap(table.name, table.source, survey.left_out, survey.unknown_rows, survey.unknown_asset)
                )
    except DBAPIError as error:
        if not str(getattr(error.orig, "sqlstate", "")).startswith(_UNREADABLE_VALUE):
            raise
        reason = str(error.orig).partition(": ")[2]
        raise UnreadableValueError(table, reason) from error
    return tuple(gap for gap in found if gap.left_out or gap.unknown_rows)


def _table_mapping(name: str, spec: Mapping[str, Any]) -> TableMapping:
    columns = {key: ColumnMapping(**column) for key, column in spec["columns"].items()}
    return TableMapping(name, spec["schema"], spec["table"], columns)


def _spec(book: BookMapping) -> dict[str, Any]:
    """Return a mapping as the procedures read it: columns by their names in the store."""
    return {
        "tables": {table.name: _table_spec(table) for table in book.tables.values()},
        "stated_values": {name: str(value) for name, value in book.stated_values.items()},
    }


def _table_spec(table: TableMapping) -> dict[str, Any]:
    known = table_columns()[table.name]
    mapped = {name: _column_spec(column, known[name].kind) for name, column in table.columns.items()}
    for name, column in known.items():
        if column.kind is Kind.WORD and name in mapped:
            mapped[name] = {"words": {}} | mapped[name]
        if column.default is not None:
            mapped[name] = {"default": column.default} | mapped.get(name, {})
    columns = {known[name].store_name: column for name, column in mapped.items()}
    return {"schema": table.schema, "table": table.table, "columns": columns}


def _column_spec(column: ColumnMapping, kind: Kind) -> dict[str, Any]:
    names = ("column", "unit", "value", "format", "sign", "default")
    spec: dict[str, Any] = {
        name: getattr(column, name) for name in names if getattr(column, name) is not None
    }
    if column.words:
        as_ours = str.lower if kind is Kind.CHOICE else str.upper
        spec["words"] = {theirs: as_ours(ours) for theirs, ours in column.words.items()}
    return spec
