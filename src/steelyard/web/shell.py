"""What stands around every page: who looks, whose portfolio they chose, where they can go, how they read numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote, urlencode

from fastapi import Depends, Request, Response

from steelyard.domain.scope import TENANT, Scope
from steelyard.identity.permissions import Actor, ObjectType, Standing, Verb, permissions_of
from steelyard.identity.session import idle_limit
from steelyard.server.call import call_of
from steelyard.server.identity import SAFE_METHODS, cookie_of
from steelyard.server.permits import CurrentActor
from steelyard.server.scope import ScopeAsked
from steelyard.services.attention import Greeting, greet
from steelyard.services.scope import get_choices
from steelyard.storage.connection import get_db_session
from steelyard.storage.portfolio import Choice
from steelyard.web.region import ZONE_COOKIE, Region, region_of
from steelyard.web.templates import draw, wants_part

if TYPE_CHECKING:
    from steelyard.server.wiring import Wiring

FRESH_DAYS: Final = 4
THEMES: Final = ("system", "light", "dark")
THEME_COOKIE: Final = "theme"
MOST_CHOICES: Final = 40
"""Households, and accounts, that stand in the switcher; the page of accounts has all."""


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the navigation.

    Attributes:
        path: its address.
        label: what it is called.
        icon: of the sprite.
        needs: what who sees it may do; None = whoever is signed in.
        group: under which heading it stands.
        key: pressed after g, leads there; "" = none does.
    """

    path: str
    label: str
    icon: str
    needs: tuple[Verb, ObjectType] | None
    group: str = ""
    key: str = ""


_PORTFOLIO, _ORDER = (Verb.READ, ObjectType.PORTFOLIO), (Verb.READ, ObjectType.ORDER)
PLACES: Final = (
    Place("/dashboard", "Dashboard", "dashboard", _PORTFOLIO, key="d"),
    Place("/accounts", "Accounts", "accounts", _PORTFOLIO, key="a"),
    Place("/assets", "Assets", "assets", _PORTFOLIO, key="s"),
    Place("/transactions", "Transactions", "transactions", _PORTFOLIO, key="t"),
    Place("/import", "Import", "import", (Verb.CHANGE, ObjectType.PORTFOLIO), key="n"),
    Place("/rebalance", "Rebalance", "rebalance", (Verb.PROPOSE, ObjectType.ORDER), "Manage", "r"),
    Place("/book", "Book", "book", _ORDER, "Manage", "b"),
    Place("/models", "Models", "models", _PORTFOLIO, "Manage", "m"),
    Place("/orders", "Orders", "orders", _ORDER, "Manage", "o"),
    Place("/compliance", "Compliance", "compliance", _ORDER, "Manage", "c"),
    Place("/admin", "Administration", "admin", (Verb.READ, ObjectType.USER), "System", "i"),
    Place("/audit", "Audit", "audit", (Verb.READ, ObjectType.AUDIT), "System", "u"),
    Place("/settings", "Settings", "settings", None, "System", "e"),
    Place("/health", "Health", "health", None, "System", "h"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """What stands around a page.

    Attributes:
        request: that asks for it.
        actor: who looks; None = nobody is signed in.
        scope: whose portfolio it shows.
        choices: households, then accounts, that who looks may choose; of many, the first and the chosen one.
        theme: one of THEMES.
        region: how who looks writes numbers, days and moments.
        person: what who looks is called; "" = it is not known here.
        news: how much is new to them.
    """

    request: Request
    actor: Actor | None = None
    scope: Scope = TENANT
    choices: Sequence[Choice] = ()
    theme: str
    region: Region
    person: str = ""
    news: int = 0

    @property
    def path(self) -> str:
        """The address of the page as a link writes it, without its query."""
        return path_of(self.request)

    @property
    def here(self) -> str:
        """The address of the page with its query; of what a form drew, which no link leads to, the first page."""
        return address_of(self.request) if self.request.method in SAFE_METHODS else self.link(self.home)

    @property
    def page(self) -> str:
        """The same without its query: where another portfolio is chosen."""
        return self.path if self.request.method in SAFE_METHODS else self.home

    @property
    def home(self) -> str:
        """The first page that who looks may open."""
        return next((place.path for place in self._seen()), "/")

    @property
    def zone_cookie(self) -> str:
        """Where a script notes the time zone of the machine."""
        name: str = self.request.app.wiring.place.cookie_name(ZONE_COOKIE)
        return name

    @property
    def idle_seconds(self) -> int:
        """After how long without a request the session ends; 0 = there is none."""
        if self.actor is None or self.actor.session_id is None or self.actor.role is None:
            return 0
        return idle_limit(self.actor.role) // timedelta(seconds=1)

    @property
    def role(self) -> str:
        """What who looks is in the firm, for people."""
        return (
            self.actor.role.value.capitalize()
            if self.actor is not None and self.actor.role is not None
            else ""
        )

    @property
    def initials(self) -> str:
        """Two letters of who looks."""
        words = (self.person or self.role).split()
        return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()

    @property
    def scope_name(self) -> str:
        """What the chosen portfolio is called."""
        return next((one.name for one in self.choices if one.is_chosen), "All accounts")

    @property
    def places(self) -> Mapping[str, list[Place]]:
        """The pages that who looks may see, by group."""
        groups: dict[str, list[Place]] = {}
        for place in self._seen():
            groups.setdefault(place.group, []).append(place)
        return groups

    @property
    def fresh_days(self) -> int:
        """Days that prices may be old before a page says so: a long weekend."""
        return FRESH_DAYS

    def age_of(self, day: date) -> int:
        """How many days ago a day was."""
        wiring: Wiring = self.request.app.wiring
        return (wiring.clock().date() - day).days

    def may(self, verb: str, object_type: str) -> bool:
        """Whether who looks may do something; what they may not is not offered, and refused where it is asked for."""
        return self.actor is not None and (Verb(verb), ObjectType(object_type)) in permissions_of(self.actor)

    def link(self, path: str, **more: str) -> str:
        """Return the address of a page of the same portfolio; what is "" is left out of its query."""
        query: dict[str, str] = {} if self.scope == TENANT else {f"{self.scope.kind}": self.scope.id}
        query |= {name: f"{value}" for name, value in more.items() if value not in {"", None}}
        return f"{path}?{urlencode(query)}" if query else path

    def is_here(self, path: str) -> bool:
        """Whether the page is this one, or one below it."""
        return self.path == path or self.path.startswith(f"{path}/")

    def draw(self, template: str, *, title: str, status: int = 200, **content: Any) -> Response:
        """Draw a page: see `templates.draw`."""
        return draw(template, self, title=title, status=status, **content)

    def _seen(self) -> Iterator[Place]:
        if self.actor is None:
            return
        may = permissions_of(self.actor)
        yield from (place for place in PLACES if place.needs is None or place.needs in may)


def path_of(request: Request) -> str:
    """Return the path of a request as a link writes it: an id may hold what parts an address.

    >>> path_of(Request({"type": "http", "path": "/assets/A?B#C"}))
    '/assets/A%3FB%23C'
    """
    return quote(request.scope["path"])


def address_of(request: Request) -> str:
    """Return the same with its query."""
    query = request.scope["query_string"].decode("latin-1")
    return path_of(request) + (f"?{query}" if query else "")


def bare_shell(request: Request) -> Shell:
    """Return the shell of a page that shows nobody's portfolio: of signing in, or of a problem."""
    return Shell(
        request=request,
        actor=call_of(request.scope).actor,
        theme=theme_of(request),
        region=region_of(request),
    )


async def _shell(request: Request, actor: CurrentActor, scope: ScopeAsked) -> Shell:
    may = permissions_of(actor) if actor.standing is Standing.FULL else frozenset()
    choices: Sequence[Choice] = ()
    greeting = Greeting("", 0)
    async with get_db_session() as db:
        if _PORTFOLIO in may:
            choices = await get_choices(scope, most=MOST_CHOICES, db=db)
        if actor.user_id is not None and not wants_part(request):
            vault = request.app.state.entrance.vault
            greeting = await greet(db, vault, actor.user_id, sees_orders=_ORDER in may)
    return Shell(
        request=request,
        actor=actor,
        scope=scope,
        choices=choices,
        theme=theme_of(request),
        region=region_of(request),
        person=greeting.name,
        news=greeting.news,
    )


def theme_of(request: Request) -> str:
    """Return the theme that a browser was told to have; `system` = that of the machine."""
    theme = cookie_of(request.scope, request.app.wiring.place, THEME_COOKIE)
    return theme if theme in THEMES else THEMES[0]


AskedShell = Annotated[Shell, Depends(_shell)]
"""What stands around the page that a request asks for, where somebody is signed in."""
