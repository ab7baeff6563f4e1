"""Small files that people write by hand: their text, and the rows of their CSV, each under its place.

It needs the standard library only; tables of a whole book are read by `statements.tables`.
"""

import csv
from collections.abc import Collection, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from steelyard.errors import InvalidInputError

MAX_BYTES: Final = 16_000_000


class InputFileError(InvalidInputError):
    """A file breaks a rule."""

    def __init__(self, place: str, problem: str) -> None:
        """Name the file, the line and the problem."""
        super().__init__(f"{place}: {problem}.")


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, without its byte order mark.

    Raises:
        InputFileError: it cannot be read, is very large, in another encoding, or holds a NUL.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputFileError(
                f"{path}", f"larger than {MAX_BYTES:,} bytes, which nothing written by hand is"
            )
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InputFileError(f"{path}", f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputFileError(f"{path}", f"byte {error.start} is not UTF-8; save the file as UTF-8") from error
    if "\0" in text:
        raise InputFileError(f"{path}", "holds a NUL character")
    return text


def csv_rows(
    text: str, path: Path, known: Sequence[str], *, needed: Collection[str]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Give each row, cell by column, under its place; lines without text are left out.

    Raises:
        InputFileError: a column is unknown, missing or there twice, a quote is left open, or a row is ragged.
    """
    lines = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = [name.strip() for name in next(lines, [])]
        check_names(header, known, f"{path} line 1", needed=needed)
        for cells in lines:
            place = f"{path} line {lines.line_num}"
            if any(cells) and len(cells) != len(header):
                raise InputFileError(place, f"{len(cells)} cells under {len(header)} columns")
            if any(cells):
                yield place, dict(zip(header, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise InputFileError(f"{path} line {lines.line_num}", f"is no CSV: {error}") from error


def check_names(names: Sequence[str], known: Sequence[str], place: str, *, needed: Collection[str]) -> None:
    """End where a name is unknown, there twice, or needed and not there.

    Raises:
        InputFileError: with the known name most like it.
    """
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
            raise InputFileError(place, f"unknown column {name!r}; {hint}")
        if names.count(name) > 1:
            raise InputFileError(place, f"column {name} stands there twice")
    if missing := [name for name in needed if name not in names]:
        raise InputFileError(place, f"the column {missing[0]} is missing")
