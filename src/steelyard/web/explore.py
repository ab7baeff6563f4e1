"""Explore: a chart on a page of its own, to look into with the mouse, and to read as a table.

The page carries the figure as the interface returns it, in a block of data that no browser executes. A script draws it
with Plotly, which no other page loads; without a script the page shows the same figure as a drawing of the server.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from steelyard.charts.bars import share_bars
from steelyard.charts.columns import columns_over_months
from steelyard.charts.curves import curves_over_days
from steelyard.charts.markup import Markup
from steelyard.charts.palette import INK, OTHER, SERIES
from steelyard.charts.ranked import bars_by_rank, ranked_fractions
from steelyard.charts.ring import ring
from steelyard.charts.shares import Parts
from steelyard.errors import NotFoundError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.permits import permits
from steelyard.services.dashboard import Dashboard
from steelyard.services.value_history import RANGES
from steelyard.storage.asset_360 import NoVersionError
from steelyard.web.choosing import must_choose
from steelyard.web.dashboard import (
    ask_to_choose,
    asked_range,
    read_dashboard,
    show_nothing,
    value_figure_of,
)
from steelyard.web.shell import AskedShell, Shell

PATIENCE: Final = 5.0
"""Seconds that this page waits for the history of a portfolio: it has nothing else to show."""

Figure = dict[str, Any]

router = APIRouter()


class NoSuchChartError(NotFoundError):
    """There is no such chart."""

    def __init__(self) -> None:
        """Name those there are."""
        super().__init__(f"There is no such chart. There are {', '.join(CHARTS)}.")


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart that can be looked into.

    Attributes:
        title: of its page.
        figure: made of a dashboard and the range that is asked for; None = there is nothing to show.
        draw: the same on the server.
    """

    title: str
    figure: Callable[[Dashboard, Shell, str], Figure | None]
    draw: Callable[[Figure], Markup]


def _risk(found: Dashboard, _shell: Shell, _chosen: str) -> Figure:
    rows = found.made.answers.risk
    names = [(row["asset_id"], row["asset_name"]) for row in rows]
    return ranked_fractions("Value at risk", names, [row["value_at_risk"] for row in rows])


CHARTS: Final[Mapping[str, Chart]] = {
    "value": Chart("Value over time", value_figure_of, lambda figure: curves_over_days(figure, name="chart")),
    "allocation": Chart(
        "Allocation by asset type",
        lambda found, _shell, _chosen: found.made.answers.allocation,
        lambda figure: ring(figure, Parts("asset type", "asset types"), name="chart"),
    ),
    "sectors": Chart(
        "Sectors",
        lambda found, _shell, _chosen: found.made.answers.sectors,
        lambda figure: share_bars(figure, Parts("sector", "sectors"), name="chart"),
    ),
    "countries": Chart(
        "Issuing countries",
        lambda found, _shell, _chosen: found.made.answers.countries,
        lambda figure: share_bars(figure, Parts("country", "countries"), name="chart"),
    ),
    "volume": Chart(
        "Monthly transactions",
        lambda found, _shell, _chosen: found.made.answers.transactions,
        lambda figure: columns_over_months(figure, name="chart"),
    ),
    "risk": Chart("Highest risk", _risk, lambda figure: bars_by_rank(figure, name="chart")),
}


@router.get("/explore/{chart}", dependencies=[permits(Verb.READ, ObjectType.PORTFOLIO)])
async def show(request: Request, shell: AskedShell, chart: str) -> Response:
    """Show a chart."""
    if chart not in CHARTS:
        raise NoSuchChartError
    if must_choose(shell):
        return await ask_to_choose(shell)
    one, chosen = CHARTS[chart], asked_range(request)
    try:
        found = await read_dashboard(request, shell, patience=PATIENCE)
    except NoVersionError:
        return await show_nothing(shell, one.title)
    return shell.draw(
        "explore.html",
        title=one.title,
        chart=chart,
        charts=CHARTS,
        found=found,
        figure=one.figure(found, shell, chosen),
        draw=one.draw,
        ranges=list(RANGES) if chart == "value" else [],
        range=chosen,
        series=[*SERIES, OTHER, INK],
    )
