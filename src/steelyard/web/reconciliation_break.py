"""Breaks: where a broker and the ledger say different things, and what somebody says they are."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.form import Form
from steelyard.server.listing import page_of, place_of
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.server.problem import status_of
from steelyard.services.broker_reconciliation import MAX_EXPLANATION, explain_break, get_breaks
from steelyard.storage.connection import WriteSession, get_db_session
from steelyard.web.answer import go_to
from steelyard.web.move import AskedMove
from steelyard.web.people import people_of
from steelyard.web.query import PAGE, account_of, household_of
from steelyard.web.reading import Reading
from steelyard.web.shell import AskedShell, Shell

DONE: Final = {
    "explained": "The break is explained, and its account is let go, as long as nothing else changes."
}

router = APIRouter(prefix="/orders/breaks")


@router.get("", dependencies=[permits(Verb.READ, ObjectType.ORDER)])
async def show_breaks(request: Request, shell: AskedShell) -> Response:
    """Show breaks that stand, or all, the newest first."""
    query = request.query_params
    return await _drawn(
        shell,
        Reading(Form({}), shell.region),
        with_resolved=query.get("all") == "yes",
        after=query.get("after", ""),
        done=query.get("done", ""),
    )


@router.post("/{break_id}/explain", dependencies=[permits(Verb.HOLD, ObjectType.ORDER, moves_money=True)])
async def explain(
    shell: AskedShell, browser: AskingBrowser, actor: RecentActor, move: AskedMove, break_id: UUID
) -> Response:
    """Say what a break is."""
    del actor  # that they showed a factor a short while ago is what matters
    reading = Reading(move.form, shell.region)
    explanation = reading.note(f"explanation-{break_id}", longest=MAX_EXPLANATION)
    if explanation is None:
        return await _drawn(shell, reading)

    async def effect(db: WriteSession) -> str:
        await explain_break(db, break_id, explanation, now=browser.now)
        return shell.link("/orders/breaks", done="explained")

    try:
        return go_to(await move(effect))
    except SteelyardError as error:
        return await _drawn(shell, reading, error=error)


async def _drawn(
    shell: Shell,
    reading: Reading,
    *,
    with_resolved: bool = False,
    after: str = "",
    error: SteelyardError | None = None,
    done: str = "",
) -> Response:
    async with get_db_session() as db:
        rows = await get_breaks(
            db,
            account_id=account_of(shell.scope),
            household_id=household_of(shell.scope),
            with_resolved=with_resolved,
            before=place_of(after),
            limit=PAGE + 1,
        )
    return shell.draw(
        "breaks.html",
        title="Breaks with brokers",
        status=status_of(error) if error else 422 if reading.faults else 200,
        page=page_of(rows, PAGE, lambda row: [row.found_at.isoformat(), f"{row.break_id}"]),
        people=await people_of(shell),
        with_resolved=with_resolved,
        form=reading.form,
        faults=reading.faults,
        error=error,
        said=DONE.get(done, ""),
    )
