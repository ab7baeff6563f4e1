"""Lines: how an amount went over time."""

from collections.abc import Sequence
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
