"""Parquet files as text: the same grammar then judges their cells and those of CSV files."""

from decimal import Decimal
from pathlib import Path
from typing import cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from steelyard.errors import InvalidInputError
from steelyard.statements.columns import Column, Kind, TableFormat


class UnfitColumnError(InvalidInputError):
    """A Parquet column has a type that its table has no use for."""

    def __init__(self, name: str, found: str, wanted: str) -> None:
        """Name the column, its type and the wanted one."""
        super().__init__(f"the column {name} is {found}; store it as {wanted}")


def header(path: Path) -> list[str]:
    """Return the column names of a Parquet file."""
    return list(pq.read_schema(path).names)


def read_as_text(path: Path, table_format: TableFormat) -> dict[str, pa.Array]:
    """Return the columns of a Parquet file as text, nulls as "".

    Words come dictionary-encoded, dates as YYYY-MM-DD, numbers as the shortest decimal that is the same
    number (so a binary 0.1 is 0.1).

    Raises:
        UnfitColumnError: a column's type cannot hold what the column means.
    """
    table = pq.read_table(path)
    return {
        column.name: _as_text(table[column.name], column)
        for column in table_format.columns
        if column.name in table.column_names
    }


def _as_text(values: pa.ChunkedArray, column: Column) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if column.is_number:
        text = _number_text(values, column.name)
    elif column.kind is Kind.TRADE_DATE and pa.types.is_timestamp(values.type):
        text = _moment_text(values)
    elif column.kind in {Kind.PAST_DATE, Kind.TRADE_DATE, Kind.ANY_DATE}:
        text = _date_text(values, column.name)
    elif column.kind is Kind.YES_NO and pa.types.is_boolean(values.type):
        text = values.cast(pa.string())
    else:
        text = _word_text(values, column.name)
    filled = pc.fill_null(text, "").combine_chunks()
    return filled if column.is_number else filled.dictionary_encode()


def _number_text(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    if pa.types.is_floating(values.type):
        return _written_out(values.cast(pa.string()))
    if pa.types.is_decimal(values.type) and values.type.scale > 0:
        return pc.utf8_rtrim(pc.utf8_rtrim(_written_out(values.cast(pa.string())), "0"), ".")
    if _is_integer_or_text(values.type) or pa.types.is_decimal(values.type):
        return values.cast(pa.string())
    raise UnfitColumnError(name, str(values.type), "decimal, integer or double")


def _written_out(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write exponents out: 1e-7 is 0.0000001, and so is the decimal that Arrow writes as 1E-7."""
    scientific = pc.fill_null(pc.match_substring(text, "e", ignore_case=True), fill_value=False)
    if not pc.any(scientific).as_py():
        return text
    plain = [f"{Decimal(cast('str', value)):f}" for value in text.filter(scientific).to_pylist()]
    return pa.chunked_array(
        [pc.replace_with_mask(text.combine_chunks(), scientific.combine_chunks(), pa.array(plain))]
    )


def _moment_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write moments with their offset, or without one where they have none; whole days are days."""
    if values.type.tz is None and _are_midnights(values):
        return values.cast(pa.date32()).cast(pa.string())
    return values.cast(pa.timestamp("us", values.type.tz and "UTC")).cast(pa.string())


def _are_midnights(values: pa.ChunkedArray) -> bool:
    midnight = pc.equal(pc.floor_temporal(values, unit="day"), values)
    return bool(pc.all(midnight, min_count=0).as_py())


def _date_text(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    if pa.types.is_timestamp(values.type) and values.type.tz is None:
        if not _are_midnights(values):
            raise UnfitColumnError(name, "a moment with a time of day", "date")
        return values.cast(pa.date32()).cast(pa.string())
    if pa.types.is_date(values.type):
        return values.cast(pa.date32()).cast(pa.string())
    if pa.types.is_string(values.type) or pa.types.is_null(values.type):
        return values.cast(pa.string())
    raise UnfitColumnError(name, str(values.type), "date")


def _word_text(values: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    if _is_integer_or_text(values.type) or pa.types.is_timestamp(values.type):
        return values.cast(pa.string())
    raise UnfitColumnError(name, str(values.type), "text")


def _is_integer_or_text(kind: pa.DataType) -> bool:
    fits = (pa.types.is_integer, pa.types.is_string, pa.types.is_large_string, pa.types.is_null)
    return any(is_kind(kind) for is_kind in fits)
