"""A book rebalanced from the terminal: its progress, and the file of its answers."""

import csv
import os
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from steelyard.cli.order_file import number
from steelyard.cli.output import progress_bar
from steelyard.cli.report import OutputFileError
from steelyard.domain.spreadsheet import cell
from steelyard.services.book import ANSWERS, BookSummary, calculate_book
from steelyard.storage.connection import get_db_session

if TYPE_CHECKING:
    from steelyard.cli.shell import Shell
    from steelyard.rebalancing.policy import Policy


async def rebalance_book(
    shell: "Shell", policy: "Policy", output: Path | None, *, as_of: date | None, stale_reason: str
) -> BookSummary:
    """Rebalance the book of the store; the file is there when all of it is answered, and not before.

    Raises:
        OutputFileError: the file cannot be written.
        SteelyardError: as `calculate_book`.
    """
    async with shell.store(), get_db_session() as db:
        with AnswerFile(output) as file, progress_bar() as report:
            return await calculate_book(
                db,
                write=file.write,
                report=report,
                as_of=as_of,
                policy=policy,
                threads=os.cpu_count() or 1,
                stale_reason=stale_reason,
            )


class AnswerFile(AbstractContextManager["AnswerFile"]):
    """The file of a book's answers: Parquet, an account a row, or CSV, a trade a row; none where no path is given.

    It is written beside its place and moved there when everything went well.
    """

    def __init__(self, path: Path | None) -> None:
        """Take the place; the ending of its name tells the kind.

        Raises:
            OutputFileError: the ending is neither .parquet nor .csv.
        """
        self._path = path
        if path is not None and path.suffix.lower() not in {".parquet", ".csv"}:
            raise OutputFileError(path, "its name ends in neither .parquet nor .csv", "--output")
        self._part = None if path is None else path.with_name(f".{path.name}.part")
        self._sink: Any = None

    def __enter__(self) -> Self:
        """Open the file."""
        if self._part is None or self._path is None:
            return self
        try:
            if self._path.suffix.lower() == ".parquet":
                self._sink = pq.ParquetWriter(self._part, ANSWERS)
            else:
                self._sink = self._part.open("w", encoding="utf-8", newline="")
                csv.writer(self._sink).writerow(("account", "action", "asset", "quantity"))
        except OSError as error:
            raise OutputFileError(self._path, error.strerror or f"{error}", "--output") from error
        return self

    def write(self, answers: pa.RecordBatch) -> None:
        """Add answers."""
        if isinstance(self._sink, pq.ParquetWriter):
            self._sink.write_batch(answers)
        elif self._sink is not None:
            csv.writer(self._sink).writerows(_trades(answers))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file, and put it in its place or away."""
        if self._sink is None or self._part is None or self._path is None:
            return
        self._sink.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)


def _trades(answers: pa.RecordBatch) -> list[tuple[str, str, str, str]]:
    """Return a line for each trade, sales of an account before its purchases."""
    lines = []
    columns = ("account_id", "trade_asset_id", "trade_quantity")
    for account, assets, quantities in zip(*(answers[name].to_pylist() for name in columns), strict=True):
        trades = sorted(zip(assets, quantities, strict=True), key=lambda trade: (trade[1] > 0, trade[0]))
        lines += [
            (cell(account), "buy" if quantity > 0 else "sell", cell(asset), number(abs(quantity)))
            for asset, quantity in trades
        ]
    return lines
