"""Columns: a figure of amounts over months, drawn as SVG.

Plot and axes are three drawings in a grid. Lengths are percent of whatever room there is and text keeps its size,
so nothing is ever stretched; where there is little room the page hides the labels of class `minor`.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from steelyard.charts.markup import Markup, element, share, together
from steelyard.charts.numbers import compact, money
from steelyard.charts.scale import ticks
from steelyard.charts.tables import behind, table

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_QUARTERS: Final = ("01", "04", "07", "10")
_WIDTH: Final = 0.64  # of the room a column has
_MOST_NAMED: Final = 3

Row = dict[str, Any]


def columns_over_months(figure: dict[str, Any], *, name: str) -> Markup:
    """Return a figure of `line_over_months` as HTML: a sentence, columns, and the numbers in a table.

    Args:
        figure: as `line_over_months` made it. A negative amount is listed and not drawn; an unknown one is a gap.
        name: begins the ids within; unique on the page.
    """
    rows, unit = figure["layout"]["meta"]["rows"], figure["layout"]["meta"]["unit"]
    listed = table(
        figure["layout"]["title"]["text"],
        ("Month", f">{unit}"),
        [(_month(row), money(row["value"])) for row in rows],
        kind="months",
    )
    caption = element("figcaption", describe_months(figure), id=f"{name}-sentence")
    drawn = _drawing(rows, unit, labelled_by=f"{name}-sentence")
    return element("figure", caption, drawn, behind("Data table", listed), class_="chart")


def describe_months(figure: dict[str, Any]) -> str:
    """Return what the figure shows, in a sentence or two.

    >>> from steelyard.charts.line import line_over_months
    >>> describe_months(line_over_months("Volume", ["2024-01", "2024-02", "2024-03"], [1.5, 0.0, None], unit="USD"))
    '1.50 USD in 2 months, most in Jan 2024: 1.50 USD. Nothing in Feb 2024. Unknown in Mar 2024.'
    """
    rows, unit = figure["layout"]["meta"]["rows"], figure["layout"]["meta"]["unit"]
    known = [row for row in rows if row["value"] is not None]
    if not any(row["value"] for row in known):
        said = [f"Nothing in {_counted(known)}." if known else ""]
    else:
        most = max(known, key=lambda row: row["value"])
        total = money(sum((Decimal(repr(row["value"])) for row in known), Decimal(0)))
        highest = f"most in {_month(most)}: {money(most['value'])} {unit}"
        said = [f"{total} {unit} in {_counted(known)}, {highest}.", _named("Nothing", known, 0)]
    said.append(_named("Unknown", rows, None))
    said.append("Amounts below zero are listed, not drawn." if any(row["value"] < 0 for row in known) else "")
    return " ".join(sentence for sentence in said if sentence)


def _drawing(rows: Sequence[Row], unit: str, *, labelled_by: str) -> Markup:
    """Draw plot and axes; nothing where no amount is above zero, for the sentence says all there is."""
    highest = max((row["value"] or 0.0 for row in rows), default=0.0)
    if highest <= 0:
        return Markup()
    marks = ticks(highest)
    parts = _value_axis(marks), _plot(rows, unit, marks), _month_axis(rows)
    return element("div", *parts, class_="plot", role="img", aria_labelledby=labelled_by)


def _value_axis(marks: Sequence[float]) -> Markup:
    labels = (
        element("text", compact(mark), x="100%", y=_height(mark, marks), dy="0.32em", text_anchor="end")
        for mark in marks
    )
    widest = max(len(compact(mark)) for mark in marks)
    return element("svg", *labels, class_="axis values", width=8 * widest, height="100%")


def _plot(rows: Sequence[Row], unit: str, marks: Sequence[float]) -> Markup:
    lines = (
        element(
            "line", x1="0", x2="100%", y1=_height(mark, marks), y2=_height(mark, marks), class_="grid-line"
        )
        for mark in marks
    )
    columns = (_column(row, unit, place, len(rows), marks[-1]) for place, row in enumerate(rows))
    return element("svg", *lines, *columns, class_="canvas", width="100%", height="100%")


def _column(row: Row, unit: str, place: int, places: int, top: float) -> Markup:
    """Draw a month: from the ground up, or as an empty frame where its amount is unknown."""
    value = row["value"]
    x, width = share((place + (1 - _WIDTH) / 2) / places), share(_WIDTH / places)
    if value is None:
        frame = element("rect", x=x, y="0", width=width, height="100%", rx=2, class_="unknown")
        middle = share((place + 0.5) / places)
        return together(frame, element("text", "?", x=middle, y="50%", text_anchor="middle"))
    if value <= 0:
        return Markup()
    tip = element("title", f"{_month(row)}: {money(value)} {unit}")
    height = share(value / top)
    return element(
        "rect", tip, x=x, y=share(1 - value / top), width=width, height=height, rx=2, class_="series-1"
    )


def _month_axis(rows: Sequence[Row]) -> Markup:
    years = _places_of_years(rows)
    labels = []
    for place, row in enumerate(rows):
        x, (year, month) = share((place + 0.5) / len(rows)), row["month"].split("-")
        rank = None if month in _QUARTERS else "minor"
        labels.append(
            element("text", MONTHS[int(month) - 1], x=x, y="1em", text_anchor="middle", class_=rank)
        )
        if place in years:
            labels.append(element("text", year, x=x, y="2.3em", text_anchor="middle", class_="year"))
    return element("svg", *labels, class_="axis months", width="100%", height=32)


def _places_of_years(rows: Sequence[Row]) -> set[int]:
    """A year stands under its January, and under the first month unless the two would touch."""
    januaries = {place for place, row in enumerate(rows) if row["month"].endswith("-01")}
    return januaries if januaries & {1, 2} else januaries | {0}


def _height(value: float, marks: Sequence[float]) -> str:
    return share(1 - value / marks[-1])


def _month(row: Row) -> str:
    year, month = row["month"].split("-")
    return f"{MONTHS[int(month) - 1]} {year}"


def _counted(rows: Sequence[Row]) -> str:
    return f"{len(rows)} month{'' if len(rows) == 1 else 's'}"


def _named(what: str, rows: Sequence[Row], value: float | None) -> str:
    """Name the months that have a value, or count them where they are many; "" where there is none."""
    found = [row for row in rows if row["value"] == value]
    if not found:
        return ""
    named = ", ".join(map(_month, found)) if len(found) <= _MOST_NAMED else _counted(found)
    return f"{what} in {named}."
