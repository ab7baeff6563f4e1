"""Whatever Arrow holds, PostgreSQL receives: the binary encoding loses and changes nothing."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.storage.connection import WriteSession, raw_connection
from steelyard.storage.copying import copy_rows, encode_rows, read_byte_rows, read_fixed_rows, split_decimals

COLUMNS = (
    "place integer, word text, coded text, day date, money numeric(23, 8), price numeric(27, 12), "
    "figure float8, moment timestamptz"
)
SCHEMA = pa.schema(
    {
        "place": pa.int32(),
        "word": pa.string(),
        "coded": pa.dictionary(pa.int32(), pa.string()),
        "day": pa.date32(),
        "money": pa.decimal128(23, 8),
        "price": pa.decimal128(27, 12),
        "figure": pa.float64(),
        "moment": pa.timestamp("us", "UTC"),
    }
)


def decimals(places: int) -> st.SearchStrategy[Decimal]:
    """Draw numbers of every length, up to 15 digits before the point."""
    lengths = st.integers(0, 15 + places).flatmap(lambda n: st.integers(-(10**n) + 1, 10**n - 1))
    return lengths.map(lambda units: Decimal(units).scaleb(-places))


WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
ROWS = st.lists(
    st.tuples(
        st.none() | WORDS,
        st.none() | st.sampled_from(["AAPL", "", "\u00e9t\u00e9"]),
        st.none() | st.dates(date(1900, 1, 1), date(2200, 1, 1)),
        st.none() | decimals(8),
        st.none() | decimals(12),
        st.none() | st.floats(allow_nan=False),
        st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 -- hypothesis wants naive bounds
    ),
    max_size=20,
)


@given(rows=ROWS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_row_arrives_as_it_was(write_session: WriteSession, rows: list[tuple[Any, ...]]) -> None:
    wanted = [(place, *row) for place, row in enumerate(rows)]
    connection = await raw_connection(write_session)
    await connection.execute(f"drop table if exists pg_temp.sent; create temporary table sent ({COLUMNS})")
    await copy_rows(connection, "sent", _table(wanted), schema=None)
    received = [tuple(row) for row in await connection.fetch("table sent order by place")]
    assert received == wanted
    scales = await connection.fetch("select distinct scale(price) from sent where price is not null")
    assert [row[0] for row in scales] in ([], [12])


@pytest.mark.parametrize("length", [0, 1, 49_999, 50_000, 50_001])
async def test_every_batch_arrives(write_session: WriteSession, length: int) -> None:
    connection = await raw_connection(write_session)
    await connection.execute("create temporary table sent (place integer)")
    told: list[int] = []
    rows = pa.table({"place": pa.array(range(length), pa.int32())})
    await copy_rows(connection, "sent", rows, schema=None, progress=told.append)
    received = await read_fixed_rows(connection, "table sent", {"place": ">i4"})
    assert np.array_equal(np.sort(received["place"]), np.arange(length))
    assert told[-1:] == [length][:length]


async def test_long_rows_come_as_their_bytes(write_session: WriteSession) -> None:
    connection = await raw_connection(write_session)
    pieces = [b"", b"\xff\xff", b"\0" * 70_000]  # the second is what a COPY ends with
    query = "select p, length(p) from unnest($1::bytea[]) with ordinality as n (p, place) order by place"
    wanted = [(piece, len(piece).to_bytes(4, "big")) for piece in pieces]
    assert await read_byte_rows(connection, query, pieces) == wanted
    assert await read_byte_rows(connection, "select 1 where false") == []


@given(units=st.lists(st.integers(0, 10**27 - 1), min_size=1))
def test_decimals_split_exactly(units: list[int]) -> None:
    column = pa.array([Decimal(unit).scaleb(-12) for unit in units], pa.decimal128(27, 12))
    whole, parts = split_decimals(column)
    assert [w * 10**12 + p for w, p in zip(whole.tolist(), parts.tolist(), strict=True)] == units


def test_a_slice_is_encoded_like_a_table_of_its_own() -> None:
    rows = [(n, f"w{n}", None, None, Decimal(n), Decimal(n) / 8, n / 3, None) for n in range(9)]
    assert encode_rows(_table(rows).slice(3, 4)) == encode_rows(_table(rows[3:7]))


def _table(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA)
