"""API tokens of one's own: made and shown once, listed, ended."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from steelyard.errors import SteelyardError
from steelyard.identity.permissions import (
    PERMISSIONS,
    TOKENS_MAY,
    Actor,
    ObjectType,
    Verb,
    scope_text,
)
from steelyard.server.browser import AskingBrowser
from steelyard.server.form import AskedForm, Form
from steelyard.server.own import OwnId, RecentActor
from steelyard.server.permits import permits
from steelyard.services import token
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.web.answer import go_to
from steelyard.web.entry import PROVE_FIRST, ProvenActor, status_for
from steelyard.web.reading import Reading
from steelyard.web.shell import AskedShell, Shell

HERE: Final = "/settings/tokens"
DAYS: Final = {"7": "A week", "30": "30 days", "90": "90 days", "365": "A year"}
FIRST_DAYS: Final = "90"
SCOPES: Final = {
    "read:portfolio": "Read accounts, positions, transactions and figures",
    "export:portfolio": "Take away everything the tenant owns",
    "read:asset": "Read assets and prices",
    "read:order": "Read orders, proposals and rules",
    "propose:order": "Propose orders; people approve them",
    "read:audit": "Read the audit",
    "export:audit": "Export the audit",
}

router = APIRouter(prefix=HERE)


@router.get("", dependencies=[permits(Verb.READ, ObjectType.OWN_TOKEN)])
async def show(request: Request, shell: AskedShell, me: OwnId, browser: AskingBrowser) -> Response:
    """Show one's tokens that open something."""
    async with get_db_session() as db:
        tokens = await token.get_tokens(db, me, now=browser.now)
    return shell.draw(
        "tokens.html",
        title="API tokens",
        tokens=tokens,
        scopes=SCOPES,
        is_ended=request.query_params.get("done") == "ended",
    )


@router.get("/new", dependencies=[permits(Verb.CREATE, ObjectType.OWN_TOKEN)])
async def ask(shell: AskedShell, actor: RecentActor) -> Response:
    """Ask what a new token is called, may do and when it ends."""
    return _ask(shell, actor, Form({"days": (FIRST_DAYS,)}))


@router.post("", dependencies=[permits(Verb.CREATE, ObjectType.OWN_TOKEN)])
async def create(
    shell: AskedShell, actor: RecentActor, me: OwnId, browser: AskingBrowser, form: AskedForm
) -> Response:
    """Make a token, and show it this once."""
    reading = Reading(form, shell.region)
    name, days = reading.text("name"), reading.one_of("days", DAYS)
    if not form.texts("scope"):
        reading.faults["scope"] = "choose at least one"
    if name is None or days is None or reading.faults:
        return _ask(shell, actor, form, reading)
    try:
        async with get_write_session() as db:
            made = await token.create_token(
                db,
                actor,
                me,
                name=name,
                scopes=form.texts("scope"),
                expires_at=browser.now + timedelta(days=int(days)),
                now=browser.now,
                random=browser.entrance.random,
            )
    except PROVE_FIRST:
        raise
    except SteelyardError as error:
        return _ask(shell, actor, form, reading, error)
    return shell.draw("token.html", title="Your new token", name=name, text=made.text)


@router.post("/{token_id}/end", dependencies=[permits(Verb.END, ObjectType.OWN_TOKEN)])
async def end(actor: ProvenActor, me: OwnId, browser: AskingBrowser, token_id: UUID) -> Response:
    """End a token."""
    del actor  # who has shown all that their role asks for
    async with get_write_session() as db:
        await token.end_token(db, token_id, now=browser.now, user_id=me)
    return go_to(f"{HERE}?done=ended")


def _ask(
    shell: Shell,
    actor: Actor,
    form: Form,
    reading: Reading | None = None,
    error: SteelyardError | None = None,
) -> Response:
    faults = reading.faults if reading is not None else {}
    possible = {scope_text(one) for one in TOKENS_MAY & PERMISSIONS[actor.role]} if actor.role else set()
    return shell.draw(
        "new_token.html",
        title="A new API token",
        status=422 if faults else status_for(error),
        form=form,
        faults=faults,
        error=error,
        scopes={scope: said for scope, said in SCOPES.items() if scope in possible},
        days=DAYS,
    )
