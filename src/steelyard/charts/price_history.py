"""Prices over days with the trades on them, as a Plotly figure and as SVG.

A purchase points up from below the line, a sale down from above it, both in ink: which of them was good is not said.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any, Final

from steelyard.charts.curves import HEIGHT, WIDTH, along, day_axis, thinned
from steelyard.charts.markup import Markup, element, share
from steelyard.charts.numbers import compact, money, quantity
from steelyard.charts.palette import INK, SERIES
from steelyard.charts.scale import ticks_around
from steelyard.charts.tables import behind, table

_AWAY: Final = 11  # pixels from the line to the middle of a mark
_FLAT: Final = 0.01  # of a price that never changed, above and below it
_UP, _DOWN = "M0 -6L6 5L-6 5Z", "M0 6L6 -5L-6 -5Z"


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened on a day: `kind` is buy, sell, or an action; `text` says it to who points at it."""

    day: date
    kind: str
    text: str
    quantity: Decimal | None = None
    price: Decimal | None = None


def prices_over_days(
    title: str,
    closes: Sequence[tuple[date, Decimal]],
    marks: Sequence[Mark] = (),
    *,
    unit: str,
    say: Callable[[date], str] = date.isoformat,
) -> dict[str, Any]:
    """Return a Plotly figure with a line of prices, and what happened to the asset.

    Args:
        title: shown above.
        closes: day and price, oldest first.
        marks: trades and corporate actions, oldest first; those before the first close or after the last are listed
            and not drawn.
        unit: of the prices: a currency, or a unit of one such as GBX.
        say: writes a day.

    >>> day = date(2024, 3, 14)
    >>> figure = prices_over_days("VTI", [(day, Decimal("260.5"))], [Mark(day, "buy", "Bought 2")], unit="USD")
    >>> figure["data"][0]["y"], figure["data"][1]["y"], figure["data"][1]["text"]
    ([260.5], [260.5], ['Bought 2'])
    """
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": title,
        "x": [day.isoformat() for day, _ in closes],
        "y": [float(price) for _, price in closes],
        "line": {"color": SERIES[0]},
        "hovertemplate": f"%{{x}}: %{{y}} {unit}<extra></extra>",
    }
    layout = {
        "title": {"text": title},
        "font": {"color": INK},
        "xaxis": {"type": "date"},
        "yaxis": {"title": {"text": unit}},
        "shapes": [_line_of(mark) for mark in marks if not _is_trade(mark)],
        "meta": {
            "unit": unit,
            "sentence": _sentence(closes, marks, unit, say),
            "rows": list(_rows(closes, marks, say)),
            "marks": [{"day": mark.day.isoformat(), "kind": mark.kind, "text": mark.text} for mark in marks],
        },
    }
    return {"data": [line, *_scatters(closes, marks)], "layout": layout}


def _is_trade(mark: Mark) -> bool:
    return mark.kind in {"buy", "sell"}


def _scatters(closes: Sequence[tuple[date, Decimal]], marks: Sequence[Mark]) -> Iterator[dict[str, Any]]:
    for kind, symbol in (("buy", "triangle-up"), ("sell", "triangle-down")):
        placed = [
            (mark, close) for mark in marks if mark.kind == kind if (close := _close_at(closes, mark.day))
        ]
        if placed:
            yield {
                "type": "scatter",
                "mode": "markers",
                "name": kind.capitalize(),
                "x": [mark.day.isoformat() for mark, _ in placed],
                "y": [float(close) for _, close in placed],
                "text": [mark.text for mark, _ in placed],
                "marker": {"symbol": symbol, "size": 10, "color": INK},
                "hovertemplate": "%{x}: %{text}<extra></extra>",
            }


def _line_of(mark: Mark) -> dict[str, Any]:
    day = mark.day.isoformat()
    line = {"color": INK, "dash": "dot", "width": 1}
    return {"type": "line", "x0": day, "x1": day, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _close_at(closes: Sequence[tuple[date, Decimal]], day: date) -> Decimal | None:
    """Return the last close on or before a day that the line has; None = the day is outside of it."""
    if not closes or not closes[0][0] <= day <= closes[-1][0]:
        return None
    low, high = 0, len(closes)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if closes[middle][0] <= day else (low, middle)
    return closes[low][1]


def _sentence(
    closes: Sequence[tuple[date, Decimal]], marks: Sequence[Mark], unit: str, say: Callable[[date], str]
) -> str:
    if not closes:
        return "No price is known in this time."
    (first, begin), (last, end) = closes[0], closes[-1]
    lowest, highest = min(closes, key=lambda one: one[1]), max(closes, key=lambda one: one[1])
    counts = [(sum(mark.kind == kind for mark in marks), word) for kind, word in _WORDS]
    counted = ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count)
    way = f"From {money(begin)} {unit} on {say(first)} to {money(end)} on {say(last)}"
    bounds = (
        f"lowest {money(lowest[1])} on {say(lowest[0])}, highest {money(highest[1])} on {say(highest[0])}"
    )
    return f"{way}; {bounds}." + (f" {counted}." if counted else "")


_WORDS: Final = (("buy", "purchase"), ("sell", "sale"), ("action", "corporate action"))


def _rows(
    closes: Sequence[tuple[date, Decimal]], marks: Sequence[Mark], say: Callable[[date], str]
) -> Iterator[dict[str, Any]]:
    """List what happened and the last close of each month, the newest first."""
    ends = [list(days)[-1] for _, days in groupby(closes, key=lambda one: (one[0].year, one[0].month))]
    listed: list[tuple[date, int, str, Decimal | None, Decimal | None]] = []
    listed += [(day, 0, "Close", None, price) for day, price in ends]
    listed += [(mark.day, 1, mark.text, mark.quantity, mark.price) for mark in marks]
    for day, _, what, units, price in sorted(listed, key=lambda row: row[:2], reverse=True):
        yield {"day": say(day), "what": what, "quantity": units, "price": price}


def price_curve(figure: dict[str, Any], *, name: str) -> Markup:
    """Return a figure of `prices_over_days` as HTML: its sentence, the line with its marks, and a table.

    Args:
        figure: as `prices_over_days` made it; without prices nothing is drawn.
        name: begins the ids within; unique on the page.
    """
    meta = figure["layout"]["meta"]
    caption = element("figcaption", meta["sentence"], id=f"{name}-sentence")
    drawn = _drawing(figure, labelled_by=f"{name}-sentence")
    listed = behind("Data table", _listed(figure)) if meta["rows"] else Markup()
    return element("figure", caption, _key(figure), drawn, listed, class_="chart")


def _listed(figure: dict[str, Any]) -> Markup:
    meta = figure["layout"]["meta"]
    headings = ("Day", "What", ">Quantity", f">Price, {meta['unit']}")
    rows = [
        (row["day"], element("bdi", row["what"]), quantity(row["quantity"]), quantity(row["price"]))
        for row in meta["rows"]
    ]
    return element(
        "div",
        table(figure["layout"]["title"]["text"], headings, rows, kind="periods"),
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label="Prices and trades",
    )


def _key(figure: dict[str, Any]) -> Markup:
    """Say what the marks are."""
    parts: list[Markup] = []
    for trace in figure["data"][1:]:
        kind = trace["name"].lower()
        shape = element("path", d=_UP if kind == "buy" else _DOWN, class_="price-trade")
        placed = element("svg", shape, x=10, y=7, overflow="visible")
        parts += [
            element("svg", placed, class_="sample", width=20, height=14, aria_hidden="true"),
            Markup(trace["name"]),
        ]
    return element("p", *parts, class_="key") if parts else Markup()


def _drawing(figure: dict[str, Any], *, labelled_by: str) -> Markup:
    line = figure["data"][0]
    if not line["y"]:
        return Markup()
    lowest, highest = min(line["y"]), max(line["y"])
    room = (highest - lowest) * 0.06 or highest * _FLAT
    scale = ticks_around(max(lowest - room, 0.0), highest + room)
    days = [date.fromisoformat(day) for day in line["x"]]
    parts = _value_axis(scale), _plot(figure, days, scale), day_axis(days)
    return element("div", *parts, class_="plot prices", role="img", aria_labelledby=labelled_by)


def _value_axis(scale: Sequence[float]) -> Markup:
    named = [compact(mark) for mark in scale]
    labels = (
        element("text", label, x="100%", y=share(_down(mark, scale)), dy="0.32em", text_anchor="end")
        for mark, label in zip(scale, named, strict=True)
    )
    return element("svg", *labels, class_="axis values", width=7 * max(map(len, named)) + 4, height="100%")


def _plot(figure: dict[str, Any], days: Sequence[date], scale: Sequence[float]) -> Markup:
    grid = (
        element("line", x1="0", x2="100%", y1=share(down), y2=share(down), class_="grid-line")
        for down in (_down(mark, scale) for mark in scale)
    )
    line = figure["data"][0]
    points = thinned([(along(day, days), price) for day, price in zip(days, line["y"], strict=True)])
    outline = "M" + "L".join(f"{WIDTH * x:.1f} {HEIGHT * _down(y, scale):.1f}" for x, y in points)
    stretched = element(
        "svg",
        element("path", d=f"{outline}L{WIDTH * points[-1][0]:.1f} {HEIGHT}L0 {HEIGHT}Z", class_="area"),
        element("path", d=outline, vector_effect="non-scaling-stroke", class_="curve curve-1"),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        width="100%",
        height="100%",
    )
    return element(
        "svg",
        *grid,
        *_actions(figure, days),
        stretched,
        *_trades(figure, days, scale),
        class_="canvas",
        width="100%",
        height="100%",
    )


def _actions(figure: dict[str, Any], days: Sequence[date]) -> Iterator[Markup]:
    for mark in figure["layout"]["meta"]["marks"]:
        day = date.fromisoformat(mark["day"])
        if mark["kind"] == "action" and days[0] <= day <= days[-1]:
            x = share(along(day, days))
            tip = element("title", f"{mark['day']}: {mark['text']}")
            yield element("line", tip, x1=x, x2=x, y1="0", y2="100%", class_="price-action")


def _trades(figure: dict[str, Any], days: Sequence[date], scale: Sequence[float]) -> Iterator[Markup]:
    for trace in figure["data"][1:]:
        is_buy = trace["name"] == "Buy"
        shape, away = (_UP, _AWAY) if is_buy else (_DOWN, -_AWAY)
        for written, price, said in zip(trace["x"], trace["y"], trace["text"], strict=True):
            tip = element("title", f"{written}: {said}")
            mark = element("path", tip, d=shape, transform=f"translate(0 {away})", class_="price-trade")
            x = share(along(date.fromisoformat(written), days))
            yield element("svg", mark, x=x, y=share(_down(price, scale)), overflow="visible")


def _down(value: float, scale: Sequence[float]) -> float:
    """Return how far down a value stands from the highest mark to the lowest, 0 to 1."""
    return (scale[-1] - value) / (scale[-1] - scale[0])
