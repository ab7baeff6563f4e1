"""A book on its way out of the store: whole tables, a piece at a time, by COPY and without a Python object per row."""

import asyncio
import io
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.csv as pacsv

from steelyard.domain.scope import Scope
from steelyard.storage.connection import ReadSession, raw_connection
from steelyard.storage.queries import query

if TYPE_CHECKING:
    import asyncpg

PIECE_BYTES: Final = 1 << 20
"""What is gathered before it is handed on: enough that the work per piece does not count, and little to hold."""


@dataclass(frozen=True, slots=True)
class ExportNames:
    """What the tables of a scope are about.

    Attributes:
        assets: all that its rows name, and what those are measured against.
        currencies: of those, of its accounts and of its amounts.
        models: that its accounts follow; of a tenant all.
    """

    assets: Sequence[str]
    currencies: Sequence[str]
    models: Sequence[str]


class MovedCommodity(NamedTuple):
    """A commodity in a place of an account; see `statements.beancount_writing.LedgerName`."""

    account_id: str
    place: str
    commodity: str
    is_cash: bool
    first: date
    quoted_in: str | None
    balance: Decimal | None


async def get_export_names(db: ReadSession, scope: Scope) -> ExportNames:
    """Return what the tables of a scope are about."""
    rows = await db.execute(query("get_export_names"), {"scope_kind": scope.kind, "scope_id": scope.id})
    found: dict[str, list[str]] = {"asset": [], "currency": [], "model": []}
    for noun, name in rows:
        found[noun].append(name)
    return ExportNames(*(sorted(names) for names in found.values()))


async def get_ledger_names(db: ReadSession, scope: Scope) -> list[MovedCommodity]:
    """Return every commodity in every place of a scope's ledger, and what is held of it in the end."""
    values = {"scope_kind": scope.kind, "scope_id": scope.id}
    return [MovedCommodity(*row) for row in await db.execute(query("get_export_ledger_names"), values)]


async def stream_table(
    db: ReadSession, table_name: str, scope: Scope, names: ExportNames
) -> AsyncGenerator[pa.Table]:
    """Give the rows of a table of a scope as text, piece by piece, each cell as the database writes it.

    Args:
        db: the moment they are of.
        table_name: one that a load reads.
        scope: whose rows.
        names: what they are about.
    """
    async for rows in _streamed(db, f"export_{table_name}", _values(table_name, scope, names)):
        yield rows


async def stream_postings(db: ReadSession, scope: Scope) -> AsyncGenerator[pa.Table]:
    """Give what the entries of a scope that stand move, each line with what its entry says, by day and entry."""
    async for rows in _streamed(db, "export_postings", (scope.kind, scope.id)):
        yield rows


async def _streamed(db: ReadSession, name: str, values: tuple[object, ...]) -> AsyncGenerator[pa.Table]:
    header: list[str] = []
    async with aclosing(_copied(await raw_connection(db), query(name).text, values)) as pieces:
        async for piece in pieces:
            if header:
                yield await asyncio.to_thread(_rows_of, piece, header)
            else:
                first, _, rest = piece.partition(b"\n")
                header = first.decode().split(",")  # names of ours, which need no quotes
                yield await asyncio.to_thread(_rows_of, rest, header)


def _values(table_name: str, scope: Scope, names: ExportNames) -> tuple[object, ...]:
    about: Mapping[str, Sequence[object]] = {
        "asset_master": (names.assets,),
        "benchmarks": (names.currencies,),
        "fx_rates": (names.currencies,),
        "risk_free_rates": (names.currencies,),
        "model_portfolios": (names.models,),
        "target_weights": (names.models,),
        "market_data": (names.assets,),
        "performance_history": (names.assets,),
        "risk_metrics": (names.assets,),
        "transactions": (scope.kind, scope.id, names.assets),
    }
    return tuple(about.get(table_name, (scope.kind, scope.id)))


def _rows_of(piece: bytes, header: Sequence[str]) -> pa.Table:
    """Read CSV as PostgreSQL writes it: NULL is nothing, an empty text is two quotes."""
    if not piece:
        return pa.table({name: pa.array([], pa.string()) for name in header})
    return pacsv.read_csv(
        io.BytesIO(piece),
        read_options=pacsv.ReadOptions(column_names=list(header), block_size=len(piece)),
        parse_options=pacsv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


async def _copied(
    connection: "asyncpg.Connection[Any]", statement: str, values: tuple[object, ...]
) -> AsyncGenerator[bytes]:
    """Give what COPY sends, in pieces of whole rows: PostgreSQL sends a row in a message, asyncpg whole messages.

    The server is not read from while nobody takes the next piece, so no more than two wait.
    """
    pieces: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)
    copying = asyncio.create_task(_copy(connection, statement, values, pieces))
    try:
        while not (copying.done() and pieces.empty()):
            taking = asyncio.create_task(pieces.get())
            await asyncio.wait({taking, copying}, return_when=asyncio.FIRST_COMPLETED)
            if taking.done() or not pieces.empty():
                yield await taking
            else:
                taking.cancel()
                await asyncio.gather(taking, return_exceptions=True)
        await copying
    finally:
        copying.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(copying, return_exceptions=True)


async def _copy(
    connection: "asyncpg.Connection[Any]",
    statement: str,
    values: tuple[object, ...],
    pieces: "asyncio.Queue[bytes]",
) -> None:
    waiting: list[bytes] = []
    size = 0

    async def keep(part: bytes) -> None:
        nonlocal size
        waiting.append(part)
        size += len(part)
        if size >= PIECE_BYTES:
            await pieces.put(b"".join(waiting))
            waiting.clear()
            size = 0

    await connection.copy_from_query(statement, *values, output=keep, format="csv", header=True)
    if waiting:
        await pieces.put(b"".join(waiting))
