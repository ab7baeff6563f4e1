"""Tables of the numbers behind a chart."""

from collections.abc import Sequence

from steelyard.charts.markup import Markup, element


def table(caption: str, headings: Sequence[str], rows: Sequence[Sequence[str]], *, kind: str) -> Markup:
    """Return a table whose first column names the rows.

    Args:
        caption: what the table shows, for those who cannot see what stands around it.
        headings: one a column; `>` before those of numbers, "" for one that holds drawings.
        rows: cells as markup or text, one a heading.
        kind: the table's class.
    """
    head = element("tr", *(_heading(heading) for heading in headings))
    body = (element("tr", *map(_cell, headings, cells, range(len(cells)))) for cells in rows)
    return element(
        "table",
        element("caption", caption, class_="unseen"),
        element("thead", head),
        element("tbody", *body),
        class_=kind,
    )


def behind(summary: str, content: Markup) -> Markup:
    """Return what is there on demand, and always on paper."""
    return element("details", element("summary", summary), content)


def isolated(name: str) -> Markup:
    """Return a name whose writing direction changes nothing around it."""
    return element("bdi", name)


def _heading(heading: str) -> Markup:
    if not heading:
        return element("td", class_="drawn")
    return element("th", heading.removeprefix(">"), scope="col", class_=_kind(heading))


def _cell(heading: str, content: str, place: int) -> Markup:
    if place == 0:
        return element("th", content, scope="row")
    label = (
        heading.removeprefix(">") or None
    )  # where there is no room for a head, the page sets it beside the cell
    return element("td", content, class_=_kind(heading), data_label=label)


def _kind(heading: str) -> str | None:
    if not heading:
        return "drawn"
    return "number" if heading.startswith(">") else None
