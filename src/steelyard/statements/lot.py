"""Lots from a file: what was bought, when and for how much, a row each; docs/reference/rebalancing-files.md."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from steelyard.domain.amount import read_amount
from steelyard.domain.asset import normalize_asset_id
from steelyard.domain.lot import Lot
from steelyard.errors import InvalidInputError
from steelyard.statements.input_file import InputFileError, check_names, csv_rows, read_text

NEEDED: Final = ("lot", "asset", "quantity", "cost", "acquired")
COLUMNS: Final = (*NEEDED, "account", "carried_loss", "carried_days")


def read_lots_file(path: Path) -> tuple[Lot, ...]:
    """Return the lots of a CSV file.

    Raises:
        InvalidInputError: the file cannot be read, or a row breaks a rule; names the line and the reason.
    """
    rows = csv_rows(read_text(path), path, COLUMNS, needed=NEEDED)
    return tuple(read_lot(cells, place) for place, cells in rows)


def read_lot(cells: Mapping[str, Any], place: str) -> Lot:
    """Return the lot of one row; `place` is named in errors.

    Raises:
        InvalidInputError: a cell is missing, or not what its column holds.

    >>> read_lot({"lot": "1", "asset": "VTI", "quantity": "2", "cost": "400.50", "acquired": "2024-03-14"}, "x").cost
    Decimal('400.50')
    """
    check_names(list(cells), COLUMNS, place, needed=NEEDED)
    try:
        return Lot(
            lot_id=_text(cells, "lot", place),
            asset_id=normalize_asset_id(_text(cells, "asset", place)),
            quantity=read_amount("quantity", cells["quantity"]),
            cost=read_amount("cost", cells["cost"]),
            acquired=_day(cells["acquired"], place),
            account_id=_text(cells, "account", place) if cells.get("account") else "",
            carried_loss=read_amount("carried_loss", cells.get("carried_loss") or 0),
            carried_days=_days(cells.get("carried_days") or 0, place),
        )
    except InputFileError:
        raise
    except InvalidInputError as error:
        raise InputFileError(place, f"{error}".rstrip(".")) from error


def _text(cells: Mapping[str, Any], column: str, place: str) -> str:
    text = cells[column]
    if not isinstance(text, str) or not text:
        raise InputFileError(place, f"{column} is {text!r}, which is no text")
    return text


def _days(value: Any, place: str) -> int:
    days = read_amount("carried_days", value)
    if days != int(days):
        raise InputFileError(place, f"carried_days is {value}; it counts whole days")
    return int(days)


def _day(text: Any, place: str) -> date:
    try:
        day = date.fromisoformat(text)
    except (TypeError, ValueError):
        day = None
    if day is None or day.isoformat() != text:
        raise InputFileError(place, f"acquired is {text!r}; write the day as YYYY-MM-DD")
    return day
