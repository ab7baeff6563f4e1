"""Pies: how a whole is shared."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from steelyard.charts.palette import INK, series_colors
from steelyard.domain.money import round_half_up


@dataclass(frozen=True, slots=True)
class Slice:
    """One part of a whole.

    Attributes:
        label: its name.
        value: its size in money; a negative one (short positions) is listed but cannot be drawn.
        count: how many assets it stands for.
    """

    label: str
    value: Decimal
    count: int


def pie_by_value(title: str, slices: Sequence[Slice], *, unit: str) -> dict[str, Any]:
    """Return a Plotly figure with one pie of values, the counts beside them.

    >>> figure = pie_by_value("By type", [Slice("ETF", Decimal(75), 3), Slice("Bond", Decimal(25), 1)], unit="USD")
    >>> figure["data"][0]["labels"], figure["data"][0]["values"], figure["data"][0]["customdata"]
    (['ETF', 'Bond'], [75.0, 25.0], [3, 1])
    """
    pie = _pie([s for s in slices if s.value > 0], by="value", unit=unit)
    return {"data": [pie], "layout": _layout(title, slices, unit=unit)}


def pies_by_value_and_count(title: str, slices: Sequence[Slice], *, unit: str) -> dict[str, Any]:
    """Return a Plotly figure with two pies side by side: shares of value, and of the number of assets.

    >>> figure = pies_by_value_and_count("Sectors", [Slice("Energy", Decimal(10), 1)], unit="USD")
    >>> [pie["name"] for pie in figure["data"]]
    ['by value', 'by count']
    """
    drawn = [s for s in slices if s.value > 0]
    by_value = {**_pie(drawn, by="value", unit=unit), "domain": {"x": [0.0, 0.48], "y": [0.0, 1.0]}}
    by_count = {**_pie(slices, by="count", unit=unit), "domain": {"x": [0.52, 1.0], "y": [0.0, 1.0]}}
    return {"data": [by_value, by_count], "layout": _layout(title, slices, unit=unit)}


def _pie(slices: Sequence[Slice], *, by: str, unit: str) -> dict[str, Any]:
    values, counts = [_amount(s.value) for s in slices], [s.count for s in slices]
    drawn, beside, suffix = (values, counts, f" {unit}") if by == "value" else (counts, values, "")
    other = "count" if by == "value" else "value"
    return {
        "type": "pie",
        "name": f"by {by}",
        "labels": [s.label for s in slices],
        "values": drawn,
        "customdata": beside,
        "texttemplate": "%{label}<br>%{percent}",
        "hovertemplate": f"%{{label}}: %{{value}}{suffix}, %{{percent}}<br>{other} %{{customdata}}<extra></extra>",
        "marker": {"colors": series_colors(len(slices))},
        "sort": False,
        "hole": 0.45,
    }


def _layout(title: str, slices: Sequence[Slice], *, unit: str) -> dict[str, Any]:
    """Lay the figure out; `meta` keeps the total and every slice with its shares for the table under the chart."""
    value, count = sum((s.value for s in slices), Decimal(0)), sum(s.count for s in slices)
    rows = [
        {
            "label": s.label,
            "value": _amount(s.value),
            "count": s.count,
            "share_of_value": _percent(s.value, value),
            "share_of_count": _percent(Decimal(s.count), Decimal(count)),
        }
        for s in slices
    ]
    return {
        "title": {"text": title},
        "font": {"color": INK},
        "showlegend": True,
        "meta": {"unit": unit, "total": _amount(value), "rows": rows},
    }


def _amount(value: Decimal) -> float:
    """Money as the picture needs it: two decimals, a float."""
    return float(round_half_up(value, 2))


def _percent(part: Decimal, whole: Decimal) -> float | None:
    """Share in percent, two decimals; None where there is no positive whole to share."""
    return float(round_half_up(100 * part / whole, 2)) if whole > 0 else None
