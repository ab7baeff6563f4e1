"""Shares of a whole: what the ring and the bars of a pie have in common, which is everything but the drawing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from steelyard.charts.markup import Markup, element, together
from steelyard.charts.numbers import money, percentage, whole
from steelyard.charts.tables import behind, isolated, table

MOST_ROWS: Final = 12
"""More parts than this are summed in one last row; all of them stand in a table on demand."""

_NAMED: Final = 3

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """What the parts of a whole are called, one and many."""

    one: str
    many: str


def describe_shares(figure: dict[str, Any], parts: Parts) -> Markup:
    r"""Return what a figure of pies shows, in a sentence or two.

    >>> from steelyard.charts.pie import Slice, pie_by_value
    >>> from decimal import Decimal
    >>> pie = pie_by_value("Types", [Slice("ETF", Decimal(75), 3), Slice("Bond", Decimal(25), 1)], unit="USD")
    >>> describe_shares(pie, Parts("type", "types")).replace("\u202f", " ")
    '<bdi>ETF</bdi> is the largest of 2 types: 75.00 % of 100.00 USD. Then <bdi>Bond</bdi>, 25.00 %.'
    """
    meta = figure["layout"]["meta"]
    rows = sorted(meta["rows"], key=lambda row: -row["value"])
    total = f"{money(meta['total'])} {meta['unit']}"
    if not rows:
        return together(f"There are no {parts.many}.")
    if meta["total"] <= 0:
        said = together(f"The values sum to {total}, of which there are no shares.")
    elif len(rows) == 1:
        said = together(f"All of {total} is ", isolated(rows[0]["label"]), ".")
    else:
        said = _largest(rows, f"{whole(len(rows))} {parts.many}", total)
    below_zero = " Values below zero are listed, not drawn." if rows[-1]["value"] < 0 else ""
    return together(said, below_zero)


def shown_rows(figure: dict[str, Any]) -> list[Row]:
    """Return the rows to show; where they are too many, the last stands for the rest."""
    meta = figure["layout"]["meta"]
    rows: list[Row] = meta["rows"]
    if len(rows) <= MOST_ROWS:
        return rows
    rest = rows[MOST_ROWS - 1 :]
    value, assets = sum(row["value"] for row in rest), sum(row["count"] for row in rest)
    others = {
        "label": f"{len(rest)} others",
        "value": value,
        "count": assets,
        "share_of_value": 100 * value / meta["total"] if meta["total"] > 0 else None,
        "share_of_count": 100 * assets / sum(row["count"] for row in rows),
    }
    return [*rows[: MOST_ROWS - 1], others]


def share_table(
    figure: dict[str, Any],
    parts: Parts,
    rows: Sequence[Row],
    *,
    swatches: Sequence[Markup] | None = None,
    bars: Sequence[Markup] | None = None,
) -> Markup:
    """Return the rows as a table; `swatches`, one a row, stand before the names, `bars` in a column of their own."""
    meta, title = figure["layout"]["meta"], figure["layout"]["title"]["text"]
    names = [isolated(row["label"]) for row in rows]
    if swatches is not None:
        names = [together(swatch, name) for swatch, name in zip(swatches, names, strict=True)]
    shares = [percentage(row["share_of_value"]) for row in rows]
    values = [money(row["value"]) for row in rows]
    counts = [whole(row["count"]) for row in rows]
    drawn, heading = ([], []) if bars is None else ([bars], [""])
    headings = [parts.one.capitalize(), *heading, ">Share", f">{meta['unit']}", ">Assets"]
    return table(
        title, headings, list(zip(names, *drawn, shares, values, counts, strict=True)), kind="shares"
    )


def share_figure(figure: dict[str, Any], parts: Parts, drawn: Markup, *, name: str) -> Markup:
    """Return what was drawn under its sentence, and every row on demand where some are summed."""
    rows = figure["layout"]["meta"]["rows"]
    caption = element("figcaption", describe_shares(figure, parts), id=f"{name}-sentence")
    if len(rows) <= MOST_ROWS:
        return element("figure", caption, drawn if rows else Markup(), class_="chart")
    everything = behind(f"All {whole(len(rows))} {parts.many}", share_table(figure, parts, rows))
    return element("figure", caption, drawn, everything, class_="chart")


def _largest(rows: Sequence[Row], among: str, total: str) -> Markup:
    first, *others = rows[:_NAMED]
    then = (
        together(
            "; " if place else " Then ", isolated(row["label"]), f", {percentage(row['share_of_value'])}"
        )
        for place, row in enumerate(others)
    )
    of = f" is the largest of {among}: {percentage(first['share_of_value'])} of {total}."
    return together(isolated(first["label"]), of, *then, ".")
