"""Lines: how an amount, or a return, went over time."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from steelyard.charts.palette import INK, SERIES


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
) -> dict[str, Any]:
    """Return a Plotly figure with lines of fractions over days.

    Args:
        title: shown above.
        days: in order.
        lines: by name, most important first, one value a day: 0.05 is 5 %; None = unknown, a gap in the line.
        sentence: what they show.
        rows: the same in few numbers, by heading; fractions, or words.
        filled: whether what lies between the first line and 0 is filled.

    >>> figure = lines_over_days("Return", [date(2024, 1, 2), date(2024, 1, 3)], {"Book": [0.0, 0.01]})
    >>> figure["data"][0]["x"], figure["data"][0]["y"]
    (['2024-01-02', '2024-01-03'], [0.0, 0.01])
    """
    written = [day.isoformat() for day in days]
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": written,
            "y": list(values),
            "fill": "tozeroy" if filled and not place else "none",
            "line": {"color": SERIES[place], "dash": "dash" if place else "solid"},
            "hovertemplate": "%{x}: %{y:.2%}<extra></extra>",
        }
        for place, (name, values) in enumerate(lines.items())
    ]
    layout = {
        "title": {"text": title},
        "font": {"color": INK},
        "xaxis": {"type": "date"},
        "yaxis": {"tickformat": ".0%"},
        "meta": {"unit": "fraction", "sentence": sentence, "rows": [dict(row) for row in rows]},
    }
    return {"data": data, "layout": layout}
