"""Findings: what is wrong or suspicious in input, row by row; docs/reference/data-quality.md lists them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Severity(StrEnum):
    """What a finding does to the run and to the row."""

    REFUSED = "refused"
    """The run stops and nothing is stored."""

    QUARANTINED = "quarantined"
    """The row is kept among the findings and not used; the rest loads."""

    FLAGGED = "flagged"
    """The row is used, and marked."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found in one place.

    Attributes:
        table_name: the table the row was meant for.
        file_name: the file it stood in; `(stored)` for a row that was in the store already.
        kind: one word of docs/reference/data-quality.md.
        severity: what follows from it.
        reason: a sentence for people.
        row_number: line of a CSV file (the header is line 1), row of a Parquet file (the first is 1);
            None when it is about the whole file.
        asset_id: the asset, where known.
        finding_date: the row's own date, where it has one.
        row_data: the row as it was read.

    >>> print(Finding("market_data", "prices.csv", "zero_price", Severity.QUARANTINED, "price is 0", 7))
    prices.csv line 7: price is 0
    """

    table_name: str
    file_name: str
    kind: str
    severity: Severity
    reason: str
    row_number: int | None = None
    asset_id: str | None = None
    finding_date: date | None = None
    row_data: Mapping[str, str | None] = field(default_factory=dict)

    def __str__(self) -> str:
        """Place and reason, on one line."""
        unit = "row" if self.file_name.endswith(".parquet") else "line"
        place = self.file_name if self.row_number is None else f"{self.file_name} {unit} {self.row_number}"
        return f"{place}: {self.reason}"
