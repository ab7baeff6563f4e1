"""Health: what runs, how old it is, and what is in doubt."""

from urllib.parse import quote

from fastapi import APIRouter, Response

from steelyard.domain.scope import TENANT
from steelyard.identity.permissions import SEES_EVERY_ACCOUNT, ObjectType, Standing, Verb, permissions_of
from steelyard.server.browser import AskingBrowser
from steelyard.server.permits import CurrentActor, signed_in
from steelyard.services.health import Sees, get_health
from steelyard.storage.connection import get_db_session
from steelyard.web.shell import AskedShell

router = APIRouter()


@router.get("/health", dependencies=[signed_in()])
async def show(shell: AskedShell, browser: AskingBrowser, actor: CurrentActor) -> Response:
    """Show how everything is that whoever looks may see."""
    may = permissions_of(actor) if actor.standing is Standing.FULL else frozenset()
    sees_all = actor.role in SEES_EVERY_ACCOUNT
    sees = Sees(
        machine=(Verb.READ, ObjectType.SETTING) in may,
        accounts=(Verb.READ, ObjectType.PORTFOLIO) in may,
        every_account=sees_all and (Verb.READ, ObjectType.PORTFOLIO) in may,
        audit=(Verb.READ, ObjectType.AUDIT) in may,
    )
    scope = shell.scope if sees.accounts and (sees_all or shell.scope != TENANT) else None
    async with get_db_session() as db:
        health = await get_health(db, scope, sees, now=browser.now)
    return shell.draw(
        "health.html", title="Health", health=health, scope=scope, sees=sees, now=browser.now, quote=quote
    )
