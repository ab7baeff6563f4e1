"""Rings: a figure of one pie with few slices, its numbers beside it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from steelyard.charts.markup import Markup, element
from steelyard.charts.numbers import compact, money, percentage
from steelyard.charts.palette import SERIES
from steelyard.charts.shares import Parts, Row, describe_shares, share_figure, share_table, shown_rows

SIZE: Final = 176  # pixels; a ring is never scaled, so its text is not either
_THICK: Final = 26
_CENTER: Final = SIZE / 2


@dataclass(frozen=True, slots=True)
class _Slice:
    """A slice; start and length are fractions of the way round."""

    label: str
    value: float
    start: float
    length: float
    color: str


def ring(figure: dict[str, Any], parts: Parts, *, name: str) -> Markup:
    """Return a pie as HTML: a sentence, a ring of at most six colours and one for others, and a table.

    Args:
        figure: of `pie_by_value`. A negative value is listed and not drawn.
        parts: what its slices are called.
        name: begins the ids within; unique on the page.
    """
    rows = shown_rows(figure)
    listed = share_table(figure, parts, rows, swatches=_swatches(rows))
    drawn = _drawing(figure, labelled_by=f"{name}-sentence")
    return share_figure(figure, parts, element("div", drawn, listed, class_="beside"), name=name)


def weight_ring(figure: dict[str, Any], names: Mapping[str, str], *, one: str, name: str) -> Markup:
    """Return a pie of weights in percent as HTML: a ring, and a table with what each slice is called besides.

    Args:
        figure: of `pie_by_value` in percent; a weight of 0 is listed and not drawn.
        names: label of a slice → what it is called; where there is none, the label alone.
        one: what a slice is called.
        name: begins the ids within; unique on the page.
    """
    rows = figure["layout"]["meta"]["rows"]
    heading = element(
        "tr", element("th", one, scope="col"), element("th", "Weight", scope="col", class_="number")
    )
    listed = (
        element(
            "tr",
            element(
                "th",
                swatch,
                element("span", element("bdi", row["label"]), class_="id"),
                " ",
                element("span", element("bdi", names.get(row["label"], "")), class_="name"),
                scope="row",
            ),
            element("td", percentage(row["value"]), class_="number"),
        )
        for row, swatch in zip(rows, _swatches(rows), strict=True)
    )
    said = element(
        "figcaption",
        describe_shares(figure, Parts(one.lower(), f"{one.lower()}s")),
        class_="unseen",
        id=f"{name}-sentence",
    )
    table = element("table", element("thead", heading), element("tbody", *listed), class_="shares")
    drawn = _drawing(figure, labelled_by=f"{name}-sentence")
    return element("figure", said, element("div", drawn, table, class_="beside"), class_="chart")


def _drawing(figure: dict[str, Any], *, labelled_by: str) -> Markup:
    slices, meta = _slices(figure["data"][0]), figure["layout"]["meta"]
    if not slices:
        return Markup()
    arcs = (_arc(part, meta["unit"]) for part in slices)
    cuts = (_cut(part.start) for part in slices) if len(slices) > 1 else ()
    total = element("text", compact(meta["total"]), x="50%", y="50%", text_anchor="middle", class_="total")
    unit = element("text", meta["unit"], x="50%", y="50%", dy="1.5em", text_anchor="middle")
    return element(
        "svg",
        element("g", *arcs, *cuts, transform=f"rotate(-90 {_CENTER:g} {_CENTER:g})"),
        total,
        unit,
        class_="ring",
        width=SIZE,
        height=SIZE,
        role="img",
        aria_labelledby=labelled_by,
    )


def _slices(pie: dict[str, Any]) -> list[_Slice]:
    parts = _at_most_six(pie["labels"], pie["values"])
    whole, start, slices = math.fsum(value for _, value in parts), 0.0, []
    for place, (label, value) in enumerate(parts):
        slices.append(_Slice(label, value, start, value / whole, _color(place)))
        start += value / whole
    return slices


def _at_most_six(labels: Sequence[str], values: Sequence[float]) -> list[tuple[str, float]]:
    """Keep as many parts as there are colours, and sum the rest."""
    parts = list(zip(labels, values, strict=True))
    kept, rest = parts[: len(SERIES)], parts[len(SERIES) :]
    return [*kept, ("Other", math.fsum(value for _, value in rest))] if rest else kept


def _arc(part: _Slice, unit: str) -> Markup:
    """Draw a slice as one dash on a circle whose way round is 100."""
    return element(
        "circle",
        element("title", f"{part.label}: {money(part.value)} {unit}"),
        cx=_CENTER,
        cy=_CENTER,
        r=(SIZE - _THICK) / 2,
        pathLength=100,
        stroke_width=_THICK,
        stroke_dasharray=f"{100 * part.length:.4f} 100",
        stroke_dashoffset=f"{-100 * part.start:.4f}",
        class_=part.color,
    )


def _cut(start: float) -> Markup:
    turned = f"rotate({360 * start:.4f} {_CENTER:g} {_CENTER:g})"
    return element("line", x1=SIZE - _THICK, x2=SIZE, y1=_CENTER, y2=_CENTER, transform=turned, class_="cut")


def _swatches(rows: Sequence[Row]) -> list[Markup]:
    """Give each row the colour of its slice; a row that is not drawn has none."""
    places = count()
    return [_swatch(_color(next(places))) if row["value"] > 0 else Markup() for row in rows]


def _swatch(color: str) -> Markup:
    square = element("rect", width=10, height=10, rx=2, class_=color)
    return element("svg", square, class_="swatch", width=10, height=10, aria_hidden="true")


def _color(place: int) -> str:
    return f"series-{place + 1}" if place < len(SERIES) else "series-other"
