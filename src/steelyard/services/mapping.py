"""Checking a mapping against the database it speaks of, with nothing but SELECT: nothing is guessed or changed."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.domain.mapping import MONEY_COLUMNS, PLAUSIBLE_SIZES, ColumnMapping, Sign, TableMapping, Unit
from steelyard.domain.mapping import BookMapping as Book
from steelyard.errors import InvalidInputError, NotFoundError, NotPermittedError
from steelyard.statements.columns import FORMATS, Column, Kind
from steelyard.statements.mapping import table_columns
from steelyard.storage import attachment as store
from steelyard.storage.attachment import NumberProfile, TheirColumn

NUMBERS: Final = frozenset({Kind.NUMBER, Kind.PRICE, Kind.FIGURE})
DAYS: Final = frozenset({Kind.PAST_DATE, Kind.TRADE_DATE, Kind.ANY_DATE})
HAVE_A_DIRECTION: Final = frozenset({"total_amount", "transaction_costs", "tax_amount"})
"""Amounts whose direction stands in the type of their transaction."""
NEVER_NEGATIVE: Final = frozenset({*MONEY_COLUMNS, "max_drawdown", *HAVE_A_DIRECTION})
KEYS: Final = {
    name: FORMATS[name].key
    for name in (
        "asset_master",
        "market_data",
        "performance_history",
        "risk_metrics",
        "portfolio_allocation",
        "accounts",
    )
}
"""What makes a row unique, of the tables in which figures depend on it."""
MOMENTS: Final = frozenset({"timestamp"})
_FEW: Final = 0.01  # so many rows of a hundred may be strange before the column is

Tables = Mapping[tuple[str, str], Mapping[str, TheirColumn]]


class MissingTableError(NotFoundError):
    """A mapping names a table that is not there."""

    def __init__(self, section: str, source: str, near: Sequence[str]) -> None:
        """Name it, and those that are called alike."""
        meant = f"; did you mean {' or '.join(near)}?" if near else "."
        super().__init__(f"mapping, {section}.table: there is no {source} in this database{meant}")


class MissingColumnError(NotFoundError):
    """A mapping names a column that is not there."""

    def __init__(self, place: str, source: str, column: str, there: Iterable[str]) -> None:
        """Name it, and the columns that are."""
        super().__init__(
            f"mapping, {place}: {source} has no column {column!r}; it has {', '.join(sorted(there))}."
        )


class SwappedTablesError(InvalidInputError):
    """Two tables stand in each other's place."""

    def __init__(self, section: str, source: str, other: str, other_source: str) -> None:
        """Name both."""
        super().__init__(
            f"mapping, {section}.table: {source} lacks the columns this section names, and {other_source} of section "
            f"{other} has them all; it looks as if the two tables were swapped."
        )


class SourceRightError(NotPermittedError):
    """The role at work may not read a table."""

    def __init__(self, schema: str, table: str, role: str) -> None:
        """Name the statement that lets it."""
        super().__init__(
            f"The role {role} may not read {schema}.{table}. Its owner can let it: "
            f"grant usage on schema {schema} to {role}; grant select on {schema}.{table} to {role}."
        )


class ColumnTypeError(InvalidInputError):
    """A column is of a type that cannot be what it is mapped to."""

    def __init__(self, place: str, column: TheirColumn, wanted: str) -> None:
        """Name the type and what is needed."""
        super().__init__(
            f"mapping, {place}: {column.schema}.{column.table}.{column.name} is {column.type_name}, and {wanted}."
        )


class ImplausibleError(InvalidInputError):
    """A column's figures are not what the mapping says they are."""

    def __init__(self, place: str, evidence: str, instead: str) -> None:
        """Say what was seen, and what to write or look at instead."""
        super().__init__(
            f"mapping, {place}: {evidence}; {instead}. If the mapping is right all the same, add sure = true."
        )


class DuplicateKeysError(InvalidInputError):
    """Several rows of a table stand for the same thing."""

    def __init__(self, table: TableMapping, key: Sequence[str], surplus: int, example: str) -> None:
        """Say how many, and name one."""
        share = "row shares its" if surplus == 1 else "rows share their"
        super().__init__(
            f"mapping, {table.name}: in {table.source} {surplus:,} {share} {', '.join(key)} with another, as "
            f"{example}. Correct them, or map a view of yours that keeps one of each."
        )


async def check_mapping(db: AsyncSession, book: Book) -> None:
    """See that a mapping is true: tables, columns and rights are there; types, units and signs fit.

    Args:
        db: a session of the role that will own the views.
        book: the mapping.

    Raises:
        MissingTableError, MissingColumnError, SwappedTablesError, SourceRightError, ColumnTypeError,
        ImplausibleError: it is not; nothing was changed.
    """
    tables = by_table(await store.get_catalogue(db))
    for table in book.tables.values():
        _check_names(table, book, tables)
    role = await store.get_role(db)
    for table in book.tables.values():
        _check_rights(table, tables[table.schema, table.table], role)
        _check_types(table, tables[table.schema, table.table])
    for table in book.tables.values():
        await _check_figures(db, table)


def by_table(catalogue: Iterable[TheirColumn]) -> dict[tuple[str, str], dict[str, TheirColumn]]:
    """Return the columns of each table, by schema and table."""
    tables: dict[tuple[str, str], dict[str, TheirColumn]] = {}
    for column in catalogue:
        tables.setdefault((column.schema, column.table), {})[column.name] = column
    return tables


def _check_names(table: TableMapping, book: Book, tables: Tables) -> None:
    columns = tables.get((table.schema, table.table))
    if columns is None:
        near = get_close_matches(table.source, [f"{schema}.{name}" for schema, name in tables], n=2)
        raise MissingTableError(table.name, table.source, near)
    for name, mapped in table.columns.items():
        for column in (mapped.column, mapped.value):
            if column is not None and column not in columns:
                _check_swapped(table, book, tables)
                raise MissingColumnError(f"{table.name}.{name}", table.source, column, columns)


def _check_swapped(table: TableMapping, book: Book, tables: Tables) -> None:
    wanted = {mapped.column for mapped in table.columns.values() if mapped.column}
    for other in book.tables.values():
        if other.source != table.source and wanted <= set(tables.get((other.schema, other.table), ())):
            raise SwappedTablesError(table.name, table.source, other.name, other.source)


def _check_rights(table: TableMapping, columns: Mapping[str, TheirColumn], role: str) -> None:
    read = {name for mapped in table.columns.values() for name in (mapped.column, mapped.value)}
    if not all(column.is_readable for column in columns.values() if column.name in read):
        raise SourceRightError(table.schema, table.table, role)


def _check_types(table: TableMapping, columns: Mapping[str, TheirColumn]) -> None:
    known = table_columns()[table.name]
    for name, mapped in table.columns.items():
        place = f"{table.name}.{name}"
        if mapped.column is not None and (
            wanted := _type_wanted(known[name], mapped, columns[mapped.column])
        ):
            raise ColumnTypeError(place, columns[mapped.column], wanted)
        if mapped.value is not None and not is_number(columns[mapped.value]):
            raise ColumnTypeError(place, columns[mapped.value], "the value to divide by is a number")


def _type_wanted(known: Column, mapped: ColumnMapping, theirs: TheirColumn) -> str:
    if known.kind in NUMBERS and not is_number(theirs):
        return "a number is needed (numeric, integer or double precision)"
    if known.kind in DAYS and theirs.type_name == "timestamptz":
        return "its day depends on a time zone; map a view of yours that says the day"
    if known.kind in DAYS and not is_day(theirs) and mapped.format is None:
        return 'a date is needed; if it is a day written as text, say how: format = "YYYYMMDD"'
    return ""


def is_number(column: TheirColumn) -> bool:
    """Whether a column holds numbers that convert without a doubt."""
    return column.type_name in {"int2", "int4", "int8", "numeric", "float4", "float8"}


def is_day(column: TheirColumn) -> bool:
    """Whether a column holds days, or moments of which the day is taken."""
    return column.type_name in {"date", *MOMENTS}


async def _check_figures(db: AsyncSession, table: TableMapping) -> None:
    known = table_columns()[table.name]
    for name, mapped in table.columns.items():
        place = f"{table.name}.{name}"
        if (
            mapped.column is None
            or mapped.sure
            or known[name].kind not in NUMBERS
            or table.name == "asset_360"
        ):
            continue
        profile = await store.profile_numbers(db, table.schema, table.table, mapped.column)
        if profile.row_count:
            _check_sign(place, name, mapped, profile)
            size = await median_size(db, table, name, mapped, profile)
            if not _follows_daily_returns(table, name, mapped):
                _check_unit(place, (table.name, name), mapped, size)


async def median_size(
    db: AsyncSession, table: TableMapping, name: str, mapped: ColumnMapping, profile: NumberProfile
) -> float | None:
    """Return the size by which a column's unit is told: of weights, what they sum to in a portfolio."""
    if name not in {"actual_weight", "target_weight"}:
        return profile.median_size
    by = [table.columns[key].column for key in ("portfolio", "as_of") if key in table.columns]
    return await store.profile_weights(
        db, table.schema, table.table, mapped.column or "", [column for column in by if column]
    )


def _follows_daily_returns(table: TableMapping, name: str, mapped: ColumnMapping) -> bool:
    """Whether a total return is in the unit of the daily ones; its own size tells little, for it grows with time."""
    daily = table.columns.get("daily_return")
    return name == "total_return" and daily is not None and mapped.unit is daily.unit


def _check_sign(place: str, name: str, mapped: ColumnMapping, profile: NumberProfile) -> None:
    evidence = f"{profile.negatives:,} of {profile.row_count:,} values looked at are below 0"
    if name == "closing_price" and profile.negatives > _FEW * profile.row_count:
        raise ImplausibleError(
            place, evidence, "prices are not, so see whether two tables or columns are swapped"
        )
    if name in NEVER_NEGATIVE and mapped.sign is None and profile.negatives > _FEW * profile.row_count:
        word = Sign.ABSOLUTE if name in HAVE_A_DIRECTION else Sign.NEGATED
        raise ImplausibleError(
            place, evidence, f'ours are positive; if theirs mean the same, say sign = "{word}"'
        )


def _check_unit(place: str, key: tuple[str, str], mapped: ColumnMapping, size: float | None) -> None:
    plausible = PLAUSIBLE_SIZES.get(key)
    if plausible is None or size is None or mapped.unit is None:
        return
    units = plausible.units(size)
    if mapped.unit is Unit.MONEY and Unit.FRACTION not in units:
        return  # an amount may be of any size, but hardly of that of a fraction
    if units and mapped.unit not in units:
        what = "the weights of a portfolio sum to" if "weight" in key[1] else "a value is typically"
        raise ImplausibleError(
            place, f"it is declared as {mapped.unit}, and {what} {size:.6g}", f"that looks like {units[0]}"
        )


async def check_keys(db: AsyncSession, book: Book) -> None:
    """See that no two rows stand for the same thing, read through the views: two moments may be of one day.

    Tables whose own unique index says so are not read.

    Args:
        db: a session that sees the views.
        book: what is attached.

    Raises:
        DuplicateKeysError: some do.
    """
    columns = by_table(await store.get_catalogue(db))
    unique = await store.get_unique_keys(db)
    for table in book.tables.values():
        key = [name for name in KEYS.get(table.name, ()) if name in table.columns]
        theirs = columns[table.schema, table.table]
        read = {table.columns[name].column for name in key if _is_read_as_is(table.columns[name], theirs)}
        if not key or any(index <= read for index in unique.get((table.schema, table.table), ())):
            continue
        surplus, example = await store.count_duplicates(db, store.view_of(table.name), key)
        if surplus:
            raise DuplicateKeysError(table, key, surplus, example)


def _is_read_as_is(mapped: ColumnMapping, theirs: Mapping[str, TheirColumn]) -> bool:
    """Whether different values of theirs are different values of ours."""
    return (
        mapped.column is not None
        and mapped.default is None
        and mapped.format is None
        and theirs[mapped.column].type_name not in MOMENTS
    )
