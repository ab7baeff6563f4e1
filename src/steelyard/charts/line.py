"""Lines: how an amount, or a return, went over time."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from steelyard.charts.palette import INK, SERIES
from steelyard.charts.scale import ticks_around, ticks_between

FRACTION: Final = "fraction"
"""The unit of what is shown in percent."""

AREA: Final = f"rgba({', '.join(str(int(SERIES[0][at : at + 2], 16)) for at in (1, 3, 5))}, 0.16)"
"""What lies under the first line."""

_COLORS: Final = (SERIES[0], SERIES[2], SERIES[1], *SERIES[3:])
_DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""As `theme.css` draws the curves."""


def line_over_months(
    title: str, months: Sequence[str], values: Sequence[float | None], *, unit: str
) -> dict[str, Any]:
    """Return a Plotly figure with one line over months.

    Args:
        title: shown above.
        months: `YYYY-MM`, in order.
        values: one a month; None = unknown, a gap in the line.
        unit: of the values.

    >>> figure = line_over_months("Volume", ["2024-01", "2024-02"], [1.5, 0.0], unit="USD")
    >>> figure["data"][0]["x"], figure["data"][0]["y"]
    (['2024-01', '2024-02'], [1.5, 0.0])
    """
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": title,
        "x": list(months),
        "y": list(values),
        "line": {"color": SERIES[0]},
        "hovertemplate": f"%{{x}}: %{{y}} {unit}<extra></extra>",
    }
    layout = {
        "title": {"text": title},
        "font": {"color": INK},
        "xaxis": {"type": "category", "title": {"text": "Month"}},
        "yaxis": {"rangemode": "tozero", "title": {"text": unit}},
        "meta": {
            "unit": unit,
            "rows": [{"month": m, "value": v} for m, v in zip(months, values, strict=True)],
        },
    }
    return {"data": [line], "layout": layout}


def lines_over_days(
    title: str,
    days: Sequence[date],
    lines: Mapping[str, Sequence[float | None]],
    *,
    sentence: str = "",
    rows: Sequence[Mapping[str, str | float | None]] = (),
    filled: bool = False,
    unit: str = FRACTION,
) -> dict[str, Any]:
    """Return a Plotly figure with lines of fractions, or of money, over days.

    Args:
        title: shown above.
        days: in order.
        lines: by name, most important first, one value a day: 0.05 is 5 %; None = unknown, a gap in the line.
        sentence: what they show.
        rows: the same in few numbers, by heading; values as those of the lines, or words.
        filled: whether what lies between the first line and 0, or the lowest mark above it, is filled.
        unit: of the values; an axis of fractions has a 0, one of money begins near the lowest.

    >>> figure = lines_over_days("Return", [date(2024, 1, 2), date(2024, 1, 3)], {"Book": [0.0, 0.01]})
    >>> figure["data"][0]["x"], figure["data"][0]["y"]
    (['2024-01-02', '2024-01-03'], [0.0, 0.01])
    """
    written = [day.isoformat() for day in days]
    shown = "%{y:.2%}" if unit == FRACTION else f"%{{y:,.2f}} {unit}"
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": written,
            "y": list(values),
            "fill": "tozeroy" if filled and not place else "none",
            "fillcolor": AREA,
            "line": {"color": _COLORS[place], "dash": _DASHES[place]},
            "hovertemplate": f"%{{x}}: {shown}<extra></extra>",
        }
        for place, (name, values) in enumerate(lines.items())
    ]
    layout = {
        "title": {"text": title},
        "font": {"color": INK},
        "xaxis": {"type": "date"},
        "yaxis": _axis(lines.values(), unit),
        "meta": {"unit": unit, "sentence": sentence, "rows": [dict(row) for row in rows]},
    }
    return {"data": data, "layout": layout}


def marks_of(lines: Iterable[Sequence[float | None]], unit: str) -> list[float]:
    """Return where the axis of some lines is marked; [] where nothing is known, or every fraction is 0.

    >>> marks_of([[390_000.0, 540_000.0]], "USD")
    [350000.0, 400000.0, 450000.0, 500000.0, 550000.0]
    >>> marks_of([[0.0, 0.1]], FRACTION), marks_of([[0.0]], FRACTION)
    ([0.0, 0.02, 0.04, 0.06, 0.08, 0.1], [])
    """
    known = [value for line in lines for value in line if value is not None]
    if not known:
        return []
    lowest, highest = min(known), max(known)
    if unit != FRACTION:
        return ticks_around(lowest, highest)
    return ticks_between(min(lowest, 0.0), max(highest, 0.0)) if lowest or highest else []


def _axis(lines: Iterable[Sequence[float | None]], unit: str) -> dict[str, Any]:
    """Say how the values stand beside the lines; money, whose axis has no 0, as it is drawn elsewhere."""
    if unit == FRACTION:
        return {"tickformat": ".0%"}
    marks = marks_of(lines, unit)
    return {"title": {"text": unit}} | ({"range": [marks[0], marks[-1]]} if marks else {})
