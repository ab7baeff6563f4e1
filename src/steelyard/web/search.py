"""Search: a page, and what it suggests below the field while somebody types."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from steelyard.identity.permissions import SEES_EVERY_ACCOUNT, ObjectType, Standing, Verb, permissions_of
from steelyard.server.permits import signed_in
from steelyard.services.search import LONGEST, Found, search
from steelyard.storage.connection import get_db_session
from steelyard.web.shell import PLACES, AskedShell, Place, Shell
from steelyard.web.templates import wants_part

FEW: Final = 4
"""Of each kind, below the field."""

MANY: Final = 25
"""Of each kind, on the page."""

OTHER_PLACES: Final = (
    Place("/notices", "Notices", "bell", None),
    Place("/settings/security", "Security: passkeys, passwords, sessions", "security", None),
    Place("/settings/tokens", "API tokens", "settings", None),
    Place("/settings/preferences", "Preferences: theme, region, time zone", "settings", None),
    Place("/compliance/rules", "Compliance rules", "compliance", (Verb.READ, ObjectType.ORDER)),
    Place("/compliance/history", "History of violations", "compliance", (Verb.READ, ObjectType.ORDER)),
    Place("/help", "Keyboard and help", "help", None),
)
"""Pages that the navigation does not name."""

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that was found.

    Attributes:
        kind: under which heading it stands.
        path: where it leads.
        name: what it is called.
        more: its id, its type, its currency.
        icon: of the sprite.
    """

    kind: str
    path: str
    name: str
    more: str
    icon: str


@router.get("/search", dependencies=[signed_in()])
async def look(request: Request, shell: AskedShell, q: str = "") -> Response:
    """Look for something by its name or number."""
    wanted, most = q.strip()[:LONGEST], FEW if wants_part(request) else MANY
    hits = [*_pages(shell, wanted, most), *_hits(shell, await _found(shell, wanted, most))]
    groups = [(kind, list(some)) for kind, some in groupby(hits, key=lambda hit: hit.kind)]
    page = "search_part.html" if wants_part(request) else "search.html"
    return shell.draw(page, title="Search", wanted=wanted, groups=groups, count=len(hits))


async def _found(shell: Shell, wanted: str, most: int) -> Found:
    actor = shell.actor
    may = permissions_of(actor) if actor is not None and actor.standing is Standing.FULL else frozenset()
    if actor is None or (Verb.READ, ObjectType.PORTFOLIO) not in may:
        return Found()
    async with get_db_session() as db:
        return await search(
            db,
            wanted,
            sees_all=actor.role in SEES_EVERY_ACCOUNT,
            sees_orders=(Verb.READ, ObjectType.ORDER) in may,
            most=most,
        )


def _pages(shell: Shell, wanted: str, most: int) -> Sequence[Hit]:
    """Return the pages whose name has a word that begins like the text."""
    if not wanted or shell.actor is None:
        return []
    may, begins = permissions_of(shell.actor), wanted.casefold()
    named = [
        place
        for place in (*PLACES, *OTHER_PLACES)
        if (place.needs is None or place.needs in may)
        and any(word.startswith(begins) for word in (place.label.casefold(), *place.label.casefold().split()))
    ]
    return [Hit("Pages", shell.link(one.path), one.label, "", one.icon) for one in named[:most]]


def _hits(shell: Shell, found: Found) -> Iterator[Hit]:
    for scope in found.scopes:
        kind = "Households" if scope.scope.kind == "household" else "Accounts"
        path = f"/dashboard?{scope.scope.kind}={quote(scope.scope.id, safe='')}"
        yield Hit(kind, path, scope.name, f"{scope.scope.id} · {scope.base_currency}", "accounts")
    for asset in found.assets:
        path = f"/assets/{quote(asset.asset_id, safe='')}"
        alone = asset.account_id if shell.scope.kind == "tenant" else None
        path = shell.link(path, account=alone or "")
        yield Hit("Assets", path, asset.asset_id, f"{asset.asset_name} · {asset.asset_type}", "assets")
    for model in found.models:
        path = shell.link(f"/models/{quote(model.model_id, safe='')}")
        yield Hit("Models", path, model.model_name, model.model_id, "models")
    for one in found.numbered:
        kind, path, icon = _NUMBERED[one.kind]
        more = f"{one.number} · {one.account_id}" if one.account_id else f"{one.number}"
        yield Hit(kind, path.format(one.number), one.said.capitalize(), more, icon)


_NUMBERED: Final = {
    "order": ("Orders", "/orders/order/{}", "orders"),
    "proposal": ("Proposals", "/rebalance/{}/review", "rebalance"),
    "run": ("Runs", "/book/{}", "book"),
}
