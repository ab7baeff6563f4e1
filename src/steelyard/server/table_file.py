"""Tables as files to keep: CSV that is sent while it is read, and that a spreadsheet takes for what it is."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from fastapi.responses import StreamingResponse

from steelyard.domain.spreadsheet import cell

MEDIA_TYPE: Final = "text/csv; charset=utf-8"
_MARK: Final = "\ufeff"  # without it spreadsheets take UTF-8 for something else
_ROWS_AT_ONCE: Final = 200

Row = Sequence[object]


async def csv_file(name: str, header: Sequence[str], rows: AsyncIterator[Row]) -> StreamingResponse:
    """Send a table as a file.

    Args:
        name: of the file, ours, with its ending.
        header: of the columns, ours.
        rows: read as they are sent; the first is read before, so that what refuses the whole table is still an error.
            Text never becomes a formula, numbers and days stay what they are, None is an empty cell.
    """
    first = [row async for row in _first(rows)]
    return StreamingResponse(
        _lines(header, first, rows),
        media_type=MEDIA_TYPE,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


async def _first(rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
    async for row in rows:
        yield row
        return


async def _lines(header: Sequence[str], first: Sequence[Row], rows: AsyncIterator[Row]) -> AsyncIterator[str]:
    text = io.StringIO(newline="")
    text.write(_MARK)
    lines = csv.writer(text)
    lines.writerow(header)
    lines.writerows([written(value) for value in row] for row in first)
    count = 0
    async for row in rows:
        lines.writerow([written(value) for value in row])
        count += 1
        if count % _ROWS_AT_ONCE == 0:
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    yield text.getvalue()


def written(value: object) -> str:
    """Write a cell.

    >>> written("=1+1"), written(Decimal("-1.50")), written(0.1), written(None), written(date(2024, 3, 14))
    ("'=1+1", '-1.50', '0.1', '', '2024-03-14')
    """
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return repr(value)
    return value.isoformat() if isinstance(value, date) else cell(f"{value}")
