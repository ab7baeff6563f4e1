"""Tables as JSON lines: an object per row, its cells by column as text, so that numbers stay exact.

A cell that a line does not name is empty, and so is null. Numbers that are no text are refused: what reads them as
binary fractions on the way is not seen in the file.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pajson

from steelyard.errors import InvalidInputError
from steelyard.statements.columns import TableFormat
from steelyard.statements.texts import escaped_for_json

MAX_LINE_BYTES: Final = 1 << 20


class JsonLineError(InvalidInputError):
    """A line of a file is not a row of its table.

    Attributes:
        kind: one word of docs/reference/data-quality.md.
        reason: what is wrong, a sentence.
        line: the line, where one can be named.
    """

    def __init__(self, kind: str, reason: str, line: int | None) -> None:
        """Name the line and the reason."""
        self.kind, self.reason, self.line = kind, reason, line
        super().__init__(f"{f'line {line}: ' if line else ''}{reason}")


class _Object(list[tuple[str, object]]):
    """An object of JSON as its pairs, doubled names among them."""


def json_lines(cells: Mapping[str, pa.StringArray]) -> pa.StringArray:
    """Return the lines of a table: of each row the cells that are not null.

    >>> json_lines({"asset_id": pa.array(["VTI"]), "isin": pa.array([None], pa.string())}).to_pylist()
    ['{"asset_id":"VTI"}']
    """
    named = [
        pc.binary_join_element_wise(f'"{name}":"', escaped_for_json(texts), '"', "")
        for name, texts in cells.items()
        if texts.null_count < len(texts)
    ]
    if not named:
        return pa.array(["{}"] * len(next(iter(cells.values()))), pa.string())
    inner = pc.binary_join_element_wise(*named, ",", null_handling="skip")
    return pc.binary_join_element_wise("{", inner, "}", "")


def read_json_lines(path: Path, table_format: TableFormat) -> dict[str, pa.StringArray]:
    """Return the columns of a file as text, "" where a line says nothing.

    A column that no line says anything of is not there, unless its table needs it.

    Raises:
        JsonLineError: a line is too long, is no object of text, or names what is no column of the table.
    """
    names = [column.name for column in table_format.columns]
    if path.stat().st_size == 0:  # a table without rows
        return {name: pa.array([], pa.string()) for name in names}
    try:
        table = pajson.read_json(
            path,
            read_options=pajson.ReadOptions(block_size=MAX_LINE_BYTES),
            parse_options=pajson.ParseOptions(
                explicit_schema=pa.schema([(name, pa.string()) for name in names]),
                unexpected_field_behavior="error",
            ),
        )
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        raise _fault(path, names) or JsonLineError(
            "broken_line", str(error).partition("\n")[0], None
        ) from error
    return {
        column.name: pc.fill_null(table[column.name], "").combine_chunks()
        for column in table_format.columns
        if column.required or table[column.name].null_count < table.num_rows
    }


def _fault(path: Path, names: list[str]) -> JsonLineError | None:
    """Return what is wrong with the first line that is no row, reading slowly but exactly."""
    number = 0
    with path.open("rb") as file:
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                return JsonLineError("broken_line", f"is longer than {MAX_LINE_BYTES:,} bytes", number)
            if fault := _fault_of(line, names):
                return JsonLineError(*fault, number)
    return None


def _fault_of(line: bytes, names: list[str]) -> tuple[str, str] | None:
    try:
        pairs = json.loads(line.decode(), object_pairs_hook=_Object) if line.strip() else _Object()
    except UnicodeDecodeError:
        return "broken_line", "is not UTF-8; save the file as UTF-8"
    except (json.JSONDecodeError, RecursionError):
        return "broken_line", "is not JSON"
    if not isinstance(pairs, _Object):
        return "broken_line", 'is no object such as {"asset_id": "VTI"}'
    said = [name for name, _ in pairs]
    faults = (_fault_of_cell(name, value, said, names) for name, value in pairs)
    return next((fault for fault in faults if fault), None)


def _fault_of_cell(name: str, value: object, said: list[str], names: list[str]) -> tuple[str, str] | None:
    if name not in names:
        return "unknown_column", f"unknown column {name[:64]!r}; known are {', '.join(names)}"
    if said.count(name) > 1:
        return "repeated_column", f"the column {name} stands there twice"
    if not isinstance(value, str | None):
        return "broken_line", f'{name} is no text; write it in quotes, numbers too: "12.50"'
    if value and any("\ud800" <= character <= "\udfff" for character in value):
        return "broken_line", f"{name} holds half a character (a lone surrogate)"
    return None
