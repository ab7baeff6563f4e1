"""The dashboard: a portfolio on one page, as it was published."""

import csv
import io
import math
from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request, Response

from steelyard.analytics.windows import subtract_months
from steelyard.charts.markup import Markup
from steelyard.charts.numbers import written_as
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.kept import Kept
from steelyard.server.permits import permits
from steelyard.server.scope import require_whole_tenant
from steelyard.services.account_list import get_first_accounts
from steelyard.services.dashboard import PATIENCE, Dashboard, is_anything_published
from steelyard.services.drift import BAND_ABSOLUTE, BAND_RELATIVE
from steelyard.services.value_history import RANGES, value_figure
from steelyard.storage.asset_360 import NoVersionError
from steelyard.web.choosing import must_choose
from steelyard.web.shell import AskedShell, Shell
from steelyard.web.templates import wants_part, write

if TYPE_CHECKING:
    from steelyard.server.application import Application

FIRST_RANGE: Final = "1Y"
READ: Final = permits(Verb.READ, ObjectType.PORTFOLIO)

router = APIRouter()


@router.get("/dashboard", dependencies=[READ])
async def show(request: Request, shell: AskedShell) -> Response:
    """Show it; or, where there is none of what was chosen, what to do about that."""
    if must_choose(shell):
        return await ask_to_choose(shell)
    try:
        found = await read_dashboard(request, shell)
    except NoVersionError:
        return await show_nothing(shell, "Dashboard")
    content = _content(found, request, shell)
    if wants_part(request):
        return shell.draw(
            "dashboard_part.html", **content, value=value_figure_of(found, shell, content["range"])
        )
    return shell.draw("dashboard.html", **content, body=_body(request, found, shell, content))


@router.get("/dashboard/value", dependencies=[permits(Verb.READ, ObjectType.PORTFOLIO, by_itself=True)])
async def show_value(request: Request, shell: AskedShell) -> Response:
    """Show the card of values over time, which asks for itself while they are being worked out."""
    if shell.actor is not None:
        require_whole_tenant(shell.actor, shell.scope)
    found = await read_dashboard(request, shell)
    content = _content(found, request, shell)
    return shell.draw("dashboard_part.html", **content, value=value_figure_of(found, shell, content["range"]))


@router.get("/dashboard.csv", dependencies=[READ])
async def export(request: Request, shell: AskedShell) -> Response:
    """Send what the dashboard shows as a table: what, of what, which figure, how much, in which unit."""
    if shell.actor is not None:
        require_whole_tenant(shell.actor, shell.scope)
    found = await read_dashboard(request, shell)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("part", "name", "figure", "value", "unit"))
    writer.writerows([[safe_cell(cell) for cell in row] for row in rows_of(found)])
    document = found.made.document
    name = f"dashboard-{document.scope_kind}-{document.as_of}-v{document.version}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.getvalue(), headers=headers, media_type="text/csv; charset=utf-8")


def asked_range(request: Request) -> str:
    """Return the range that is asked for."""
    asked = request.query_params.get("range", FIRST_RANGE)
    return asked if asked in RANGES else FIRST_RANGE


async def read_dashboard(request: Request, shell: Shell, *, patience: float = PATIENCE) -> Dashboard:
    """Return the dashboard of the portfolio that is asked for; `patience` as in `Dashboards.get`.

    Raises:
        NoVersionError: nothing is published of it that who asks sees.
    """
    app: Application = request.app
    return await app.dashboards.get(await app.documents.find(scope=shell.scope), patience=patience)


def _content(found: Dashboard, request: Request, shell: Shell) -> dict[str, Any]:
    day, chosen = found.made.document.as_of, asked_range(request)
    return {
        "title": "Dashboard",
        "found": found,
        "is_part": wants_part(request),
        "age": shell.age_of(day),
        "is_year": found.history is not None and found.history.since <= subtract_months(day, 12),
        "band": (float(BAND_ABSOLUTE), float(BAND_RELATIVE)),
        "by_value": by_value,
        "ranges": list(RANGES),
        "range": chosen,
    }


def _body(request: Request, found: Dashboard, shell: Shell, content: dict[str, Any]) -> Markup:
    """Write all but the heading, or find it as it was written for somebody who sees the same in the same way."""
    app: Application = request.app
    offered = shell.may("propose", "order"), shell.may("read", "order")
    read_as = shell.region.tag, shell.region.zone.key, offered
    key = "dashboard", found.made.key, found.is_ready, content["range"], content["age"], read_as
    kept = app.kept.find(key)
    if kept is None:
        value = value_figure_of(found, shell, content["range"])
        kept = Kept("", write("dashboard_body.html", shell, **content, value=value).encode())
        app.kept.keep(key, kept)
    return Markup(kept.body.decode())


def value_figure_of(found: Dashboard, shell: Shell, chosen: str) -> dict[str, Any] | None:
    """Return how value went, told as who looks reads numbers and days; None = nothing is known of it."""
    if found.history is None:
        return None
    with written_as(shell.region.style):
        return value_figure(found.history, RANGES[chosen], day=shell.region.day)


def by_value(figure: dict[str, Any]) -> dict[str, Any]:
    """Return a figure of shares by value alone, where there is no room for those by number."""
    return {**figure, "data": figure["data"][:1]}


async def ask_to_choose(shell: Shell) -> Response:
    """Let somebody choose one of the accounts they see, or a household."""
    listed = await get_first_accounts()
    title = "Choose an account" if listed.accounts else "No account is granted to you yet"
    return shell.draw("choose.html", title=title, listed=listed, path=shell.path)


async def show_nothing(shell: Shell, title: str) -> Response:
    """Say that nothing is published, or nothing of this."""
    if not await is_anything_published():
        return shell.draw("unpublished.html", title=title, is_empty=True)
    if shell.scope.kind == "household":
        listed = await get_first_accounts(household_id=shell.scope.id)
        return shell.draw("choose.html", title="Choose an account", listed=listed, path=shell.path)
    return shell.draw("unpublished.html", title=title, is_empty=False)


Row = tuple[str, str, str, object, str]


def rows_of(found: Dashboard) -> Iterator[Row]:
    """Give what a dashboard shows, a figure a row; fractions stay fractions."""
    made, history = found.made, found.history
    answers, unit = made.answers, made.document.base_currency
    yield "overview", "", "as of", made.document.as_of, "day"
    yield "overview", "", "version", made.document.version, ""
    yield "overview", "", "total value", answers.overview["total_value"], unit
    yield "overview", "", "assets", answers.overview["total_assets"], ""
    if history is not None:
        yield "overview", "", "gain of the last day", history.change, unit
        yield "overview", f"since {history.since}", "return", history.time_weighted_return, "fraction"
        yield "overview", history.benchmark or "", "return", history.benchmark_return, "fraction"
        yield "overview", "one year", "volatility", history.volatility, "fraction"
        yield "overview", "one day, 95 %", "value at risk", history.value_at_risk, "fraction"
    yield "overview", "", "largest drift", made.drifts.largest, "fraction"
    yield "overview", "", "assets outside the band", made.drifts.outside, ""
    for part, figure in (
        ("allocation", answers.allocation),
        ("sector", answers.sectors),
        ("country", answers.countries),
    ):
        for row in figure["layout"]["meta"]["rows"]:
            yield part, row["label"], "value", row["value"], unit
            yield part, row["label"], "share", row["share_of_value"], "percent"
    for row in answers.transactions["layout"]["meta"]["rows"]:
        yield "transactions", row["month"], "volume", row["value"], unit
    yield from _rows_of_assets(found)


def _rows_of_assets(found: Dashboard) -> Iterator[Row]:
    answers = found.made.answers
    for row in answers.risk:
        yield "risk", row["asset_id"], "value at risk", row["value_at_risk"], "fraction"
        yield "risk", row["asset_id"], "beta", row["beta"], ""
        yield "risk", row["asset_id"], "Sharpe ratio", row["sharpe_ratio"], ""
    for row in answers.performers:
        yield "performers", row["asset_id"], "total return, one year", row["total_return"], "fraction"
    for row in answers.compliance:
        yield "compliance", row["asset_id"], "violations", row["active_violations"], ""
    if found.history is not None:
        for day, value in zip(found.history.days.tolist(), found.history.values.tolist(), strict=True):
            yield "value", f"{day}", "value", _known(value), found.history.base_currency


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 2)


def safe_cell(cell: object) -> object:
    """Keep text from being read as a formula by a spreadsheet."""
    if cell is None:
        return ""
    if isinstance(cell, str) and cell[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{cell}"
    return cell.isoformat() if isinstance(cell, date) else cell
