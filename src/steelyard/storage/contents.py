"""What stands in a database's tables, as counts and hashes: two databases with equal ones hold the same rows.

A hash adds up two 64-bit hashes of each row as text, so that the order in which rows stand does not matter.
It tells damage and loss; it is no defence against somebody who makes up rows to match.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from steelyard.storage.queries import query

Contents = Mapping[str, "TableContent"]


@dataclass(frozen=True, slots=True)
class TableContent:
    """The rows of a table.

    Attributes:
        rows: how many.
        hash: hexadecimal SHA-256 of the sums of their hashes.
    """

    rows: int
    hash: str


async def read_contents(connection: asyncpg.Connection, schema: str | None = None) -> dict[str, TableContent]:
    """Return what is in every table, by its name with its schema; reads every row.

    Args:
        connection: of a role that may read them.
        schema: only the tables in it; None means all but the system's.
    """
    await define_hashing(connection)
    return await read_contents_of_snapshot(connection, schema)


async def define_hashing(connection: asyncpg.Connection) -> None:
    """Let the session hash tables; needs a transaction that may write, if only to the session itself."""
    await connection.execute(query("define_content_of").text)


async def read_contents_of_snapshot(
    connection: asyncpg.Connection, schema: str | None = None
) -> dict[str, TableContent]:
    """As `read_contents`, in a transaction that only reads; `define_hashing` came before it."""
    rows = await connection.fetch(query("get_contents").text, schema)
    return {row["name"]: TableContent(row["row_count"], row["content_hash"]) for row in rows}


def differing_tables(expected: Contents, found: Contents) -> list[str]:
    """Name the tables that are not the same in both, those that only one has included.

    >>> differing_tables({"a": TableContent(1, "x"), "b": TableContent(2, "y")}, {"a": TableContent(1, "x")})
    ['b']
    """
    return sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))
