"""Bars: a figure of pies as a table with a bar in each row, for lengths compare better than angles."""

from typing import Any

from steelyard.charts.markup import Markup, element, share, together
from steelyard.charts.shares import Parts, Row, share_figure, share_table, shown_rows


def share_bars(figure: dict[str, Any], parts: Parts, *, name: str) -> Markup:
    """Return pies as HTML: a sentence, and a table with bars, the longest filling its column.

    Args:
        figure: of `pie_by_value`, or of `pies_by_value_and_count`, whose counts are thin bars under those of the
            values. A negative value is listed and not drawn.
        parts: what its slices are called.
        name: begins the ids within; unique on the page.
    """
    rows, counts_too = shown_rows(figure), len(figure["data"]) > 1
    lengths = [_lengths(row, counts_too=counts_too) for row in rows]
    longest = max((length for pair in lengths for length in pair), default=0.0) or 1.0
    drawings = [_drawing(bar(pair[0] / longest), *pair[1:], longest=longest) for pair in lengths]
    listed = share_table(figure, parts, rows, bars=drawings)
    return share_figure(figure, parts, together(_key() if counts_too else "", listed), name=name)


def bar(length: float, kind: str = "series-1") -> Markup:
    """Return a bar for a cell of a table; its number stands in another cell.

    Args:
        length: a fraction of the cell.
        kind: `series-1` to `series-6`, or `thin` for a bar under another.

    >>> 'width="50%"' in bar(0.5)
    True
    """
    height, radius = (3, 1) if kind == "thin" else (10, 2)
    drawn = element("rect", width=share(length), height=height, rx=radius, class_=kind)
    return element("svg", drawn, class_="bar", width="100%", height=height, aria_hidden="true")


def _lengths(row: Row, *, counts_too: bool) -> tuple[float, ...]:
    by_value = max(row["share_of_value"] or 0.0, 0.0)
    return (by_value, row["share_of_count"] or 0.0) if counts_too else (by_value,)


def _drawing(thick: Markup, *thin: float, longest: float) -> Markup:
    return together(thick, *(bar(length / longest, "thin") for length in thin))


def _key() -> Markup:
    """Say what the two bars of a row are."""
    thick, thin = (element("span", bar(1.0, kind), class_="sample") for kind in ("series-1", "thin"))
    return element("p", thick, " share of value ", thin, " share of the number of assets", class_="key")
