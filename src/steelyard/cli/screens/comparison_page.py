"""The comparison as one page that needs nothing beside it: tables, no script, every text escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from steelyard.cli.screens.attachment import example, short
from steelyard.cli.screens.cells import money
from steelyard.services.comparison import Comparison

MOST_DIFFERENCES: Final = 1000
_STYLE: Final = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
div { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 2rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #8886; }
.number { text-align: right; white-space: nowrap; }
"""


def comparison_page(comparison: Comparison) -> str:
    """Return the page.

    Args:
        comparison: what to show; of the single differences the first thousand.
    """
    name = escape(comparison.source)
    more = len(comparison.differences) - MOST_DIFFERENCES
    parts = (
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{name} beside asset 360</title><style>{_STYLE}</style></head><body>",
        f"<h1>{name} beside asset 360</h1>",
        f"<p>Version {comparison.version} as of {comparison.as_of}, all accounts. {escape(_sizes(comparison))}</p>",
        "<h2>Causes</h2>",
        _table(("Cause", ">Assets", ">Figures", "What it is", "For example"), _fault_rows(comparison)),
        "<h2>Columns</h2>",
        _table(("Column", ">Same", ">Different", "Because of"), _column_rows(comparison)),
        "<h2>Differences</h2>",
        f"<p>The first {MOST_DIFFERENCES:,}; {more:,} more are in --json.</p>" if more > 0 else "",
        _table(("Asset", "Column", ">Theirs", ">Ours", "Cause"), _difference_rows(comparison)),
        "</body></html>\n",
    )
    return "\n".join(parts)


def _sizes(comparison: Comparison) -> str:
    theirs = f"{comparison.their_rows:,} rows of {comparison.their_assets:,} assets, {money(comparison.their_total)}"
    ours = f"{comparison.our_assets:,} assets, {money(comparison.our_total)} {comparison.currency}"
    return f"Theirs: {theirs} in total. Ours: {ours}."


def _fault_rows(comparison: Comparison) -> Iterable[Sequence[str]]:
    for fault in comparison.faults:
        yield (
            fault.cause,
            f"{fault.assets:,}",
            f"{fault.figures:,}",
            fault.explanation,
            example(fault.example),
        )


def _column_rows(comparison: Comparison) -> Iterable[Sequence[str]]:
    for column in comparison.columns:
        causes = ", ".join(f"{cause} {count:,}" for cause, count in column.different.items())
        yield column.column, f"{column.same:,}", f"{sum(column.different.values()):,}", causes


def _difference_rows(comparison: Comparison) -> Iterable[Sequence[str]]:
    for found in comparison.differences[:MOST_DIFFERENCES]:
        yield found.asset_id, found.column, short(found.theirs), short(found.ours), found.cause


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a heading that begins with `>` is of numbers."""
    kinds = [' class="number"' if heading.startswith(">") else "" for heading in headings]
    head = "".join(
        f'<th scope="col"{kind}>{escape(heading.lstrip(">"))}</th>'
        for heading, kind in zip(headings, kinds, strict=True)
    )
    body = "\n".join(
        "<tr>"
        + "".join(f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, kinds, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<div><table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
