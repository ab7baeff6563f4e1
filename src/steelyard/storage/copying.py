"""Rows in PostgreSQL's binary COPY format, encoded from Arrow columns a batch at a time.

Each column becomes a matrix of bytes, one line per row, and a length per row; a batch is those matrices side
by side, without the bytes that short lines leave unused. No loop runs per row.
Source: PostgreSQL documentation, "COPY", section "Binary Format", and the receive function of each type.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

if TYPE_CHECKING:
    import asyncpg

HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER: Final = b"\xff\xff"
BATCH_ROWS: Final = 50_000

_DAYS_1970_TO_2000: Final = 10_957
_DIGITS_PER_GROUP: Final = 4
_GROUP: Final = 10**_DIGITS_PER_GROUP
_NEGATIVE: Final = 0x4000
_NULL: Final = -1

Bytes = NDArray[np.uint8]


class _Field(NamedTuple):
    """One column of a batch: bytes [row, width], and how many of them each row uses."""

    payload: Bytes
    lengths: NDArray[np.int64]


async def copy_rows(
    connection: "asyncpg.Connection[Any]",
    table_name: str,
    rows: pa.Table,
    *,
    schema: str | None,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """COPY rows into a table; the next batch is encoded in a thread while the server takes the last one.

    Args:
        connection: where to copy.
        table_name: the table; its columns are found by the names of the columns of `rows`.
        rows: words (plain or dictionary-encoded), booleans, 32-bit integers, dates, moments in microseconds,
            decimals whose scale is a multiple of 4, or doubles; nulls are NULL.
        schema: the table's schema; None for a temporary table.
        progress: told how many rows are on their way.

    Raises:
        asyncpg.PostgresError: the server refuses a row; nothing of the COPY stays.
        ConnectionError: the server is gone.
    """
    await _unless_lost(
        connection,
        connection.copy_to_table(
            table_name,
            schema_name=schema,
            columns=rows.column_names,
            source=_stream(rows.unify_dictionaries(), progress),
            format="binary",
        ),
    )


async def _unless_lost(connection: "asyncpg.Connection[Any]", copy: Awaitable[object]) -> None:
    """Await a COPY, but not the room to write that a server which is gone never makes: asyncpg waits for it."""
    task, lost = asyncio.ensure_future(copy), asyncio.Event()

    def tell(_: object) -> None:
        lost.set()

    connection.add_termination_listener(tell)
    losing = asyncio.create_task(lost.wait())
    try:
        await asyncio.wait({task, losing}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ConnectionResetError
        await task
    finally:
        connection.remove_termination_listener(tell)
        losing.cancel()
        task.cancel()
        await asyncio.gather(task, losing, return_exceptions=True)


def encode_rows(rows: pa.Table) -> bytes:
    """Return rows in the binary COPY format, without the header and the trailer of a whole COPY."""
    fields = [_encode(column.combine_chunks()) for column in rows.columns]
    length = rows.num_rows
    count = np.full(length, len(fields), ">i2").view(np.uint8).reshape(length, 2)
    parts, used = [count], [np.ones((length, 2), bool)]
    for payload, lengths in fields:
        parts += [lengths.astype(">i4").view(np.uint8).reshape(length, 4), payload]
        used += [np.ones((length, 4), bool), np.arange(payload.shape[1]) < lengths[:, None]]
    lines, mask = np.concatenate(parts, axis=1), np.concatenate(used, axis=1)
    return lines.tobytes() if mask.all() else lines[mask].tobytes()


async def read_fixed_rows(
    connection: "asyncpg.Connection[Any]", statement: str, fields: Mapping[str, str], *values: object
) -> dict[str, NDArray[Any]]:
    """Return the answer of a statement as arrays, by COPY and without a Python object per row.

    Args:
        connection: where to ask.
        statement: a query whose columns are never NULL.
        fields: name and big-endian type (`>i4`, `>i8`, `>f8`) of each column, in order.
        values: what the statement calls $1, $2 and so on.
    """
    body = await _copied(connection, statement, values)
    layout = np.dtype(
        [
            ("", ">i2"),
            *(part for name, kind in fields.items() for part in ((f"{name} bytes", ">i4"), (name, kind))),
        ]
    )
    rows = np.frombuffer(body[len(HEADER) : -len(TRAILER)], layout)
    return {
        name: rows[name].astype(kind.replace("i4", "i8").replace(">", "=")) for name, kind in fields.items()
    }


async def read_byte_rows(
    connection: "asyncpg.Connection[Any]", statement: str, *values: object
) -> list[tuple[bytes, ...]]:
    """Return the answer of a statement as the bytes the server sends, a row an item: for few rows with much in each.

    Args:
        connection: where to ask.
        statement: a query whose columns are never NULL.
        values: what the statement calls $1, $2 and so on.
    """
    body, place = await _copied(connection, statement, values), len(HEADER)
    rows: list[tuple[bytes, ...]] = []
    while (columns := int.from_bytes(body[place : place + 2], "big", signed=True)) >= 0:  # the trailer is -1
        place += 2
        row = []
        for _ in range(columns):
            start = place + 4
            place = start + int.from_bytes(body[place:start], "big")
            row.append(bytes(body[start:place]))
        rows.append(tuple(row))
    return rows


async def _copied(
    connection: "asyncpg.Connection[Any]", statement: str, values: Sequence[object]
) -> memoryview:
    pieces: list[bytes] = []

    async def keep(piece: bytes) -> None:
        pieces.append(piece)

    await connection.copy_from_query(statement, *values, output=keep, format="binary")
    return memoryview(b"".join(pieces))


async def _stream(rows: pa.Table, progress: Callable[[int], None]) -> AsyncIterator[bytes]:
    yield HEADER
    encoding = asyncio.create_task(asyncio.to_thread(encode_rows, rows.slice(0, BATCH_ROWS)))
    for start in range(BATCH_ROWS, rows.num_rows + BATCH_ROWS, BATCH_ROWS):
        ready = await encoding
        encoding = asyncio.create_task(asyncio.to_thread(encode_rows, rows.slice(start, BATCH_ROWS)))
        yield ready
        progress(min(start, rows.num_rows))
    await encoding
    yield TRAILER


def _encode(column: pa.Array) -> _Field:
    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_null(kind):
        return _encode_words(column)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_decimal(kind):
        return _fixed(_encode_decimals(column), missing)
    if pa.types.is_floating(kind):
        return _fixed(_big_endian(_filled(column), ">f8"), missing)
    if pa.types.is_date(kind):
        return _fixed(_big_endian(_filled(column.cast(pa.int32())) - _DAYS_1970_TO_2000, ">i4"), missing)
    if pa.types.is_timestamp(kind):
        offset = _DAYS_1970_TO_2000 * 86_400 * 1_000_000
        return _fixed(_big_endian(_filled(column.cast(pa.int64())) - offset, ">i8"), missing)
    width = "u1" if pa.types.is_boolean(kind) else ">i4"
    return _fixed(_big_endian(_filled(column.cast(pa.int32())), width), missing)


def _fixed(payload: Bytes, missing: NDArray[np.bool_]) -> _Field:
    return _Field(payload, np.where(missing, _NULL, payload.shape[1]))


def _filled(column: pa.Array) -> NDArray[np.int64]:
    values: NDArray[np.int64] = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
    return values


def _big_endian(values: NDArray[np.generic], dtype: str) -> Bytes:
    wide = np.ascontiguousarray(values.astype(dtype))
    return wide.view(np.uint8).reshape(len(wide), wide.itemsize)


# ── Words ───────────────────────────────────────────────────────────────────────────────────────────────


def _encode_words(column: pa.Array) -> _Field:
    if pa.types.is_dictionary(column.type) and len(column.dictionary) <= len(column):
        payload, lengths = _word_matrix(column.dictionary)
        codes = _filled(column.indices)
        missing = column.is_null().to_numpy(zero_copy_only=False)
        if not len(column.dictionary):
            return _Field(np.empty((len(column), 0), np.uint8), np.full(len(column), _NULL))
        return _Field(payload[codes], np.where(missing, _NULL, lengths[codes]))
    return _word_matrix(column.cast(pa.string()))


def _word_matrix(words: pa.StringArray) -> _Field:
    """Spread the bytes of words over the lines of a matrix; Arrow keeps them one after the other."""
    lengths = np.array(pc.fill_null(pc.binary_length(words), 0), np.int64)
    payload = np.zeros((len(words), int(lengths.max(initial=0))), np.uint8)
    text = b"".join(word or b"" for word in words.cast(pa.binary()).to_pylist())
    payload[np.arange(payload.shape[1]) < lengths[:, None]] = np.frombuffer(text, np.uint8)
    return _Field(payload, np.where(words.is_null().to_numpy(zero_copy_only=False), _NULL, lengths))


# ── numeric ─────────────────────────────────────────────────────────────────────────────────────────────


def _encode_decimals(column: pa.Array) -> Bytes:
    """Write decimals as PostgreSQL's groups of four digits.

    The layout is fixed: leading and trailing groups of zeros stay, and the server strips them on receipt.
    """
    scale = column.type.scale
    whole, parts = split_decimals(pc.fill_null(pc.abs(column), pa.scalar(Decimal(0), column.type)))
    groups = [*_groups(whole, None), *_groups(parts, scale // _DIGITS_PER_GROUP)]
    negative = pc.fill_null(pc.less(column, pa.scalar(Decimal(0), column.type)), fill_value=False)
    numbers = np.empty((len(column), 4 + len(groups)), ">i2")
    numbers[:, 0] = len(groups)
    numbers[:, 1] = len(groups) - scale // _DIGITS_PER_GROUP - 1
    numbers[:, 2] = np.where(negative.to_numpy(zero_copy_only=False), _NEGATIVE, 0)
    numbers[:, 3] = scale
    for place, digits in enumerate(groups, start=4):
        numbers[:, place] = digits
    return numbers.view(np.uint8)


def split_decimals(column: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the whole units of decimals from 0 up, and the units of their last place beside them.

    >>> split_decimals(pa.array([Decimal("12.5000")]))
    (array([12]), array([5000]))
    """
    whole = column.cast(pa.decimal128(column.type.precision - column.type.scale, 0), safe=False)
    return _low_words(whole), _low_words(pc.subtract(column, whole.cast(column.type)))


def _low_words(decimals: pa.Array) -> NDArray[np.int64]:
    """Return decimals below 2**63, read as whole numbers of their last place."""
    words = np.frombuffer(decimals.buffers()[1], "<i8")
    return words[2 * decimals.offset : 2 * (decimals.offset + len(decimals)) : 2]


def _groups(numbers: NDArray[np.int64], count: int | None) -> list[NDArray[np.int64]]:
    """Cut whole numbers into groups of four digits, the highest first: `count`, or what the largest needs."""
    if count is None:
        count = max(1, -(-len(str(numbers.max(initial=0))) // _DIGITS_PER_GROUP))
    groups = []
    for _ in range(count):
        rest = numbers // _GROUP
        groups.append(numbers - rest * _GROUP)
        numbers = rest
    return groups[::-1]
