"""Curves: a figure of fractions, or of money, over days, drawn as SVG.

As with columns, plot and axes are drawings in a grid, and text keeps its size. The curves alone are stretched to the
room there is; their strokes are not.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, Final

from steelyard.charts.columns import MONTHS
from steelyard.charts.line import FRACTION, marks_of
from steelyard.charts.markup import Markup, element, share
from steelyard.charts.numbers import compact, money, percent, short_percent
from steelyard.charts.tables import behind, table

WIDTH: Final = 1000
HEIGHT: Final = 400
MOST_PIECES: Final = 400
"""Pieces a curve is cut into; of each its first, last, highest and lowest day are drawn, so that no peak is lost."""

_STEPS: Final = (1, 2, 3, 6, 12, 24, 60, 120)  # months between marks
_MOST_MARKS: Final = 12
_MOST_MAJOR: Final = 4
_FEW_DAYS: Final = 62
_EDGE: Final = 0.04  # of the width, in which a label is not centred on its mark

Point = tuple[float, float | None]


def curves_over_days(figure: dict[str, Any], *, name: str) -> Markup:
    """Return a figure of `lines_over_days` as HTML: its sentence, curves with a key, and its rows in a table.

    Args:
        figure: as `lines_over_days` made it. An unknown value is a gap; where all are unknown nothing is drawn.
        name: begins the ids within; unique on the page.
    """
    meta = figure["layout"]["meta"]
    caption = element("figcaption", meta["sentence"], id=f"{name}-sentence")
    drawn = _drawing(figure, labelled_by=f"{name}-sentence")
    key = _key(figure["data"]) if drawn and len(figure["data"]) > 1 else Markup()
    listed = behind("Data table", _listed(figure)) if meta["rows"] else Markup()
    return element("figure", caption, key, drawn, listed, class_="chart")


def _listed(figure: dict[str, Any]) -> Markup:
    """List the rows: words and days as they are, fractions in percent, money with its currency in the headings."""
    rows, unit = figure["layout"]["meta"]["rows"], figure["layout"]["meta"]["unit"]
    written = percent if unit == FRACTION else money
    is_text = {key: any(isinstance(row[key], str) for row in rows) for key in rows[0]}
    named = "" if unit == FRACTION else f", {unit}"
    headings = [key if text else f">{key}{named}" for key, text in is_text.items()]
    cells = [
        [row[key] or "–" if text else written(row[key]) for key, text in is_text.items()] for row in rows
    ]
    title = figure["layout"]["title"]["text"]
    listed = table(title, headings, cells, kind="periods")
    return element(
        "div", listed, class_="scroll", tabindex="0", role="region", aria_label=f"{title} as a table"
    )


def _drawing(figure: dict[str, Any], *, labelled_by: str) -> Markup:
    lines = figure["data"]
    unit = figure["layout"]["meta"]["unit"]
    marks = marks_of([line["y"] for line in lines], unit)
    if not marks:
        return Markup()
    days = [date.fromisoformat(day) for day in lines[0]["x"]]
    written = short_percent if unit == FRACTION else compact
    parts = _value_axis(marks, list(map(written, marks))), _plot(lines, days, marks), day_axis(days)
    return element("div", *parts, class_="plot", role="img", aria_labelledby=labelled_by)


def _key(lines: Sequence[dict[str, Any]]) -> Markup:
    """Say which curve is which."""
    parts = []
    for place, line in enumerate(lines):
        stroke = element("line", x1="0", x2="100%", y1="50%", y2="50%", class_=_kind(place))
        parts += [
            element("svg", stroke, class_="sample", width=20, height=10, aria_hidden="true"),
            element("bdi", line["name"]),
        ]
    return element("p", *parts, class_="key")


def _value_axis(marks: Sequence[float], named: Sequence[str]) -> Markup:
    labels = (
        element("text", label, x="100%", y=share(_down(mark, marks)), dy="0.32em", text_anchor="end")
        for mark, label in zip(marks, named, strict=True)
    )
    return element("svg", *labels, class_="axis values", width=7 * max(map(len, named)) + 4, height="100%")


def _plot(lines: Sequence[dict[str, Any]], days: Sequence[date], marks: Sequence[float]) -> Markup:
    grid = (
        element(
            "line",
            x1="0",
            x2="100%",
            y1=share(_down(mark, marks)),
            y2=share(_down(mark, marks)),
            class_="grid-line" if mark else "grid-line zero",
        )
        for mark in marks
    )
    places = [along(day, days) for day in days]
    curves = [curve for place, line in enumerate(lines) for curve in _curve(line, place, places, marks)]
    stretched = element(
        "svg",
        *reversed(curves),  # the first is the most important, and on top
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        width="100%",
        height="100%",
    )
    return element("svg", *grid, stretched, class_="canvas", width="100%", height="100%")


def _curve(
    line: dict[str, Any], place: int, places: Sequence[float], marks: Sequence[float]
) -> Iterator[Markup]:
    pieces = [thinned(piece) for piece in _unbroken(zip(places, line["y"], strict=True))]
    drawn = [[f"{WIDTH * x:.1f} {HEIGHT * _down(y, marks):.1f}" for x, y in piece] for piece in pieces]
    outline = " ".join("M" + "L".join(points) for points in drawn)
    tip = element("title", line["name"])
    yield element("path", tip, d=outline, vector_effect="non-scaling-stroke", class_=_kind(place))
    if line["fill"] == "tozeroy":
        ground = f"{HEIGHT * _down(min(max(0.0, marks[0]), marks[-1]), marks):.1f}"
        areas = (
            f"M{WIDTH * piece[0][0]:.1f} {ground}L{'L'.join(points)}L{WIDTH * piece[-1][0]:.1f} {ground}Z"
            for piece, points in zip(pieces, drawn, strict=True)
        )
        yield element("path", d=" ".join(areas), class_="area")


def _unbroken(points: "zip[Point]") -> Iterator[list[tuple[float, float]]]:
    """Cut a curve where values are unknown."""
    piece: list[tuple[float, float]] = []
    for x, y in points:
        if y is not None:
            piece.append((x, y))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def thinned(piece: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Keep what can be seen of a long curve."""
    size = -(-len(piece) // MOST_PIECES)
    kept = []
    for start in range(0, len(piece), size):
        part = piece[start : start + size]
        seen = {
            part[0],
            part[-1],
            min(part, key=lambda point: point[1]),
            max(part, key=lambda point: point[1]),
        }
        kept += sorted(seen)
    return kept


def day_axis(days: Sequence[date]) -> Markup:
    """Draw the axis under curves over days, which are in order."""
    if (days[-1] - days[0]).days <= _FEW_DAYS:
        return element("svg", *_week_labels(days), class_="axis months", width="100%", height=20)
    months = (days[-1].year - days[0].year) * 12 + days[-1].month - days[0].month + 1
    step = next((step for step in _STEPS if months / step <= _MOST_MARKS), _STEPS[-1])
    marks = [mark for mark in _firsts(days[0], days[-1], step) if days[0] <= mark <= days[-1]]
    sparse = -(-len(marks) // _MOST_MAJOR)
    labels = [
        _day_label(mark, along(mark, days), step, is_minor=place % sparse > 0)
        for place, mark in enumerate(marks)
    ]
    return element("svg", *labels, class_="axis months", width="100%", height=20)


def _week_labels(days: Sequence[date]) -> Iterator[Markup]:
    """Mark the Mondays of a few weeks."""
    mondays = [
        days[0] + timedelta(ahead)
        for ahead in range((days[-1] - days[0]).days + 1)
        if (days[0] + timedelta(ahead)).weekday() == 0
    ]
    for place, day in enumerate(mondays):
        x, kind = along(day, days), "minor" if place % 2 else None
        text = f"{day.day} {MONTHS[day.month - 1]}"
        yield element("text", text, x=share(x), y="1em", text_anchor=_anchor(x), class_=kind)


def _anchor(x: float) -> str:
    return "start" if x < _EDGE else "end" if x > 1 - _EDGE else "middle"


def _day_label(mark: date, x: float, step: int, *, is_minor: bool) -> Markup:
    month = f"{MONTHS[mark.month - 1]} {mark:%y}"
    text = f"{mark.year}" if step % 12 == 0 else month
    kind = "minor" if is_minor else None
    return element("text", text, x=share(x), y="1em", text_anchor=_anchor(x), class_=kind)


def _firsts(first: date, last: date, step: int) -> Iterator[date]:
    """Give the first day of every month, or of every `step` months, from the first day's year on."""
    months = 12 * (first.year - first.year % max(step // 12, 1))
    while months <= 12 * last.year + last.month - 1:
        yield date(months // 12, months % 12 + 1, 1)
        months += step


def along(day: date, days: Sequence[date]) -> float:
    """Return how far a day is from the first to the last, 0 to 1."""
    span = (days[-1] - days[0]).days
    return (day - days[0]).days / span if span else 0.0


def _down(value: float, marks: Sequence[float]) -> float:
    """Return how far down a value stands from the highest mark to the lowest, 0 to 1."""
    return (marks[-1] - value) / (marks[-1] - marks[0])


def _kind(place: int) -> str:
    return f"curve curve-{place + 1}"
