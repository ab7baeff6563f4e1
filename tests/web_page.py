"""What docs/reference/pages.md says of who may: the page is what the tests hold the routes of pages to."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from steelyard.identity.permissions import Role
from steelyard.server.scope import ScopeAsked
from steelyard.web.routes import make_pages

PAGE = Path(__file__).parents[1] / "docs/reference/pages.md"
ANYBODY, SIGNING_IN, SIGNED_IN = "anybody", "who is signing in", "whoever is signed in"
PEOPLE = tuple(role for role in Role if role is not Role.SERVICE)
WORDS = {
    "people": ", ".join(PEOPLE),
    "readers": "owner, advisor, viewer, compliance",
    "managers": "owner, admin",
    SIGNED_IN: ", ".join(PEOPLE),
}
"""As the page explains them."""

LEADS_TO = {
    "/": "/dashboard",
    "/book/{run_id}/accounts": "/book/{run_id}",
    "/book/{run_id}/progress": "/book/{run_id}",
    "/import/check": "/import",
    "/login/mfa": "/login",
    "/rebalance/what-if": "/rebalance",
    "/welcome": "/dashboard",
}
"""Pages from which one is led on to another: where there is a book, no file waits, nobody has begun to sign in."""

FILES = "/static/"
SCOPES: Callable[..., Any] = ScopeAsked.__metadata__[0].dependency  # type: ignore[attr-defined]  # of Annotated


@dataclass(frozen=True, slots=True)
class WebRoute:
    """A route of a page.

    Attributes:
        method: GET or POST.
        path: with braces.
        may: whom the page names; none where it is nobody in particular.
        who: the words of the page; "" = it is not there.
        is_scoped: whether `?account=` and `?household=` say whose portfolio it shows.
    """

    method: str
    path: str
    may: frozenset[Role]
    who: str
    is_scoped: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def leads_to(self) -> str:
        """The page on which one ends: this one, unless it leads on; who is nobody yet is asked then who they are."""
        leads = LEADS_TO.get(self.path, self.path)
        return "/login" if leads != self.path and self.is_for_nobody_yet else leads

    @property
    def is_for_nobody_yet(self) -> bool:
        """Whether who is not signed in may."""
        return self.who in {ANYBODY, SIGNING_IN}


def who_may() -> dict[str, str]:
    """Route → the words of the page."""
    rows = re.findall(r"^\| `([A-Z]+ \S+)` \| ([^|]+) \| [^|]+ \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a route stands on the page twice"
    return dict(rows)


def web_routes() -> list[WebRoute]:
    """Every route of a page, as they are in the program; files are none."""
    page = who_may()
    return [
        _route(method, context, page)
        for context in iter_route_contexts(make_pages().routes)
        for method in sorted(context.methods or ())
        if not str(context.path_format).startswith(FILES)
    ]


def _route(method: str, context: Any, page: dict[str, str]) -> WebRoute:
    path = str(context.path_format)
    who = page.get(f"{method} {path}", "")
    words = "" if who in {"", ANYBODY, SIGNING_IN} else WORDS.get(who, who)
    may = frozenset(Role(word) for word in words.split(", ") if word)
    return WebRoute(method, path, may, who, _depends(context.dependant, SCOPES))


def _depends(dependant: Dependant, wanted: Callable[..., Any]) -> bool:
    return any(one.call is wanted or _depends(one, wanted) for one in dependant.dependencies)
