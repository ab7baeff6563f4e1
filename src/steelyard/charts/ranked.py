"""Ranked bars: a figure of one number each of a few names, drawn as a table with a bar in each row."""

from collections.abc import Sequence
from typing import Any

from steelyard.charts.bars import bar
from steelyard.charts.markup import Markup, element, together
from steelyard.charts.numbers import percent
from steelyard.charts.palette import INK, SERIES
from steelyard.charts.tables import isolated, table


def ranked_fractions(
    title: str, names: Sequence[tuple[str, str]], values: Sequence[float | None]
) -> dict[str, Any]:
    """Return a Plotly figure with a bar for each of some names.

    Args:
        title: shown above.
        names: id and name of each, the first on top.
        values: fractions; None = unknown, no bar.

    >>> figure = ranked_fractions("Risk", [("A", "Alpha"), ("B", "Beta")], [0.02, None])
    >>> figure["data"][0]["y"], figure["data"][0]["x"]
    (['A', 'B'], [0.02, None])
    """
    bars = {
        "type": "bar",
        "orientation": "h",
        "name": title,
        "x": list(values),
        "y": [name for name, _ in names],
        "customdata": [described for _, described in names],
        "marker": {"color": SERIES[0]},
        "hovertemplate": "%{y}, %{customdata}: %{x:.2%}<extra></extra>",
    }
    rows = [
        {"id": name, "name": described, "value": value}
        for (name, described), value in zip(names, values, strict=True)
    ]
    layout = {
        "title": {"text": title},
        "font": {"color": INK},
        "xaxis": {"tickformat": ".1%", "rangemode": "tozero"},
        "yaxis": {"type": "category", "autorange": "reversed", "automargin": True},
        "meta": {"unit": "fraction", "rows": rows},
    }
    return {"data": [bars], "layout": layout}


def bars_by_rank(figure: dict[str, Any], *, name: str) -> Markup:
    """Return a figure of `ranked_fractions` as HTML: a sentence, and a table with bars.

    Args:
        figure: as it was made; what is unknown or not above 0 has no bar.
        name: begins the ids within; unique on the page.
    """
    rows = figure["layout"]["meta"]["rows"]
    longest = max((row["value"] or 0.0 for row in rows), default=0.0) or 1.0
    cells = [
        (
            together(isolated(row["id"]), " ", element("span", isolated(row["name"]), class_="name")),
            bar(row["value"] / longest) if (row["value"] or 0.0) > 0 else Markup(),
            percent(row["value"]),
        )
        for row in rows
    ]
    title = figure["layout"]["title"]["text"]
    listed = table(title, ("Asset", "", f">{title}"), cells, kind="ranked")
    caption = element("figcaption", describe_ranked(figure), id=f"{name}-sentence")
    return element("figure", caption, listed if rows else Markup(), class_="chart")


def describe_ranked(figure: dict[str, Any]) -> str:
    r"""Return what the figure shows, in a sentence.

    >>> figure = ranked_fractions("Risk", [("A", "Alpha"), ("B", "Beta")], [0.02, 0.01])
    >>> describe_ranked(figure).replace("\u202f", " ")
    'Risk of 2 assets, from 2.00 % of A down to 1.00 % of B.'
    """
    known = [row for row in figure["layout"]["meta"]["rows"] if row["value"] is not None]
    title = figure["layout"]["title"]["text"]
    if not known:
        return f"{title} of no asset is known."
    first, last = known[0], known[-1]
    if len(known) == 1:
        return f"{title} of {first['id']}: {percent(first['value'])}."
    return (
        f"{title} of {len(known)} assets, from {percent(first['value'])} of {first['id']} down to "
        f"{percent(last['value'])} of {last['id']}."
    )
