"""Templates: what they draw with, and how a page is drawn from one."""

import gzip
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from steelyard.charts import bars, columns, curves, drift, numbers, price_history, ring, shares, spark
from steelyard.charts.markup import Markup
from steelyard.server.call import header_of
from steelyard.web.region import Region
from steelyard.web.static_file import address_of

if TYPE_CHECKING:
    from steelyard.web.shell import Shell

PART: Final = "HX-Request"
"""The header by which htmx says that it wants a part of a page."""

OWN_WAYS: Final = frozenset({"same-origin", "none"})
"""What browsers say of a request (Sec-Fetch-Site) of our own pages, and of what was typed into their address bar."""

PACKING: Final = 5
LEAST_PACKED: Final = 1_000
"""Bytes below which a page is not worth it."""

_region: Final[ContextVar[Region]] = ContextVar("region")


def draw(
    template: str,
    shell: "Shell",
    *,
    title: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **content: Any,
) -> HTMLResponse:
    """Draw a page, or a part of one.

    Args:
        template: in the folder `pages`; the name of a noun, or `noun_part.html` for what htmx exchanges.
        shell: what stands around it.
        title: of the page, and its only h1.
        status: of the answer.
        headers: of the answer.
        content: what the template needs; what it names and is not here is a defect.
    """
    text = write(template, shell, title=title, **content)
    body, packing = _packed(shell.request, text.encode())
    return HTMLResponse(body, status, {**(headers or {}), **packing})


def write(template: str, shell: "Shell", **content: Any) -> Markup:
    """Write what a template makes of something, as who looks reads it; arguments as for `draw`."""
    token = _region.set(shell.region)
    try:
        with numbers.written_as(shell.region.style):
            return Markup(templates().get_template(template).render(shell=shell, **content))
    finally:
        _region.reset(token)


def _packed(request: Request, page: bytes) -> tuple[bytes, dict[str, str]]:
    """Compress a page where the browser says that we made it ask ourselves, or its user did.

    The length of what is compressed tells of its content to who can choose a part of it, make the browser ask for it
    many times over, and watch the line (BREACH). Who makes the browser ask from elsewhere gets the page as it is long.
    """
    varies = {"Vary": "Accept-Encoding, Sec-Fetch-Site, HX-Request"}
    asked = header_of(request.scope, b"sec-fetch-site") in OWN_WAYS
    if (
        not asked
        or "gzip" not in (header_of(request.scope, b"accept-encoding") or "")
        or len(page) < LEAST_PACKED
    ):
        return page, varies
    return gzip.compress(page, PACKING, mtime=0), {**varies, "Content-Encoding": "gzip"}


def wants_part(request: Request) -> bool:
    """Whether htmx asks, which exchanges a part of the page it is on."""
    return PART in request.headers


@cache
def templates() -> Environment:
    """Return the templates, with what they draw with."""
    made = Environment(
        loader=PackageLoader("steelyard.web", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    shown = (numbers.money, numbers.whole, numbers.ratio, numbers.percent, numbers.percentage)
    filters = (
        *shown,
        numbers.change,
        numbers.change_of,
        numbers.gained,
        numbers.quantity,
        numbers.compact,
        _day,
        _moment,
        _typed,
    )
    made.filters |= {shows.__name__.lstrip("_"): _asked_each_time(shows) for shows in filters}
    drawings = (
        ring.ring,
        ring.weight_ring,
        bars.share_bars,
        bars.bar,
        columns.columns_over_months,
        curves.curves_over_days,
    )
    made.globals |= {draws.__name__: draws for draws in (*drawings, shares.Parts)}
    made.globals |= {
        draws.__name__: draws for draws in (drift.drift_bar, spark.sparkline, price_history.price_curve)
    }
    made.globals |= {"static": address_of, "new_key": lambda: f"{uuid4()}"}
    return made


def _asked_each_time(shows: Callable[..., Any]) -> Callable[..., Any]:
    """Let a filter of a number that stands in a template be asked with every page, not once for all readers."""

    @pass_context
    def ask(context: Context, *arguments: Any, **more: Any) -> Any:
        del context
        return shows(*arguments, **more)

    return ask


def _day(day: date | None) -> str:
    """Write a day as who looks does."""
    return _region.get().day(day)


def _moment(moment: datetime | None) -> str:
    """Write a moment as who looks does, in their zone."""
    return _region.get().moment(moment)


def _typed(amount: Decimal | None) -> str:
    """Write a number as a field of who looks takes it."""
    return _region.get().typed(amount)
