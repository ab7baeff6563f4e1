"""The named queries of `sql/queries/*.sql`, read once, when the first is asked for.

A query begins with `-- name: get_x` on a line of its own, then `-- ` and its purpose, then the statement with
`:named` parameters.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from sqlalchemy import TextClause, text

from steelyard.errors import InvalidInputError, NotFoundError

HEADER = re.compile(r"^-- name: (?P<name>\w+)[ \t]*$", re.MULTILINE)


class UnknownQueryError(NotFoundError):
    """No file holds a query of that name."""

    def __init__(self, name: str) -> None:
        """Name it."""
        super().__init__(f"No query is named {name!r}. Add it to a file in storage/sql/queries.")


class QueryFileError(InvalidInputError):
    """A file of queries breaks the form."""

    def __init__(self, file: str, name: str, rule: str) -> None:
        """Name the file, the query and the rule it breaks."""
        super().__init__(f"storage/sql/queries/{file}: query {name!r} {rule}.")


def query(name: str) -> TextClause:
    """The query of that name, ready to execute with its parameters.

    Raises:
        UnknownQueryError: no file holds it.
    """
    try:
        return _packaged_queries()[name]
    except KeyError:
        raise UnknownQueryError(name) from None


def parse_queries(sources: Iterable[tuple[str, str]]) -> dict[str, TextClause]:
    r"""Cut files into their named queries.

    Args:
        sources: name and content of each file.

    Raises:
        QueryFileError: a name is used twice, or a query lacks its purpose or its statement.

    >>> list(parse_queries([("a.sql", "-- name: get_one\n-- One.\nselect 1;")]))
    ['get_one']
    """
    found: dict[str, TextClause] = {}
    for file, content in sources:
        headers = list(HEADER.finditer(content))
        ends = [header.start() for header in headers[1:]] + [len(content)]
        for header, end in zip(headers, ends, strict=True):
            name = header["name"]
            if name in found:
                raise QueryFileError(file, name, "is already defined")
            found[name] = text(_statement(file, name, content[header.end() : end]))
    return found


def _statement(file: str, name: str, body: str) -> str:
    purpose, _, statement = body.strip().partition("\n")
    if not purpose.startswith("-- "):
        raise QueryFileError(file, name, "does not say its purpose on the line after its name")
    if not statement.strip():
        raise QueryFileError(file, name, "has no statement")
    return statement.strip().removesuffix(";")


@cache
def _packaged_queries() -> dict[str, TextClause]:
    folder = files("steelyard.storage") / "sql" / "queries"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return parse_queries((name, (folder / name).read_text("utf-8")) for name in names)
