"""Holds: accounts and orders of which nothing is sent until somebody lets it."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.form import Form
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.server.problem import status_of
from steelyard.services import desk
from steelyard.services.hold import MAX_REASON, HoldKind, get_holds, place_hold, release_hold
from steelyard.storage.connection import WriteSession, get_db_session
from steelyard.web.answer import go_to
from steelyard.web.move import AskedMove, Move
from steelyard.web.people import people_of
from steelyard.web.query import account_of, household_of, read_uuid
from steelyard.web.reading import Reading
from steelyard.web.shell import AskedShell, Shell

DONE: Final = {
    "held": "It is held: nothing of it is sent until somebody lets it go.",
    "stood": "A hold that says the same stands already, so nothing changed.",
    "released": "It is let go: what it held is sent when its time comes.",
}
KINDS: Final = {"manual": "By hand", "compliance": "Compliance"}
MOST_RELEASED: Final = 50

HOLD: Final = permits(Verb.HOLD, ObjectType.ORDER, moves_money=True)

router = APIRouter(prefix="/orders/holds")


@router.get("", dependencies=[permits(Verb.READ, ObjectType.ORDER)])
async def show_holds(request: Request, shell: AskedShell) -> Response:
    """Show what is held, and the form that holds more."""
    query = request.query_params
    typed = {"account": (account_of(shell.scope) or "",), "order": (query.get("order", ""),)}
    return await _drawn(shell, Reading(Form(typed), shell.region), done=query.get("done", ""))


@router.post("", dependencies=[HOLD])
async def place(shell: AskedShell, move: AskedMove) -> Response:
    """Hold an account or an order back."""
    reading = Reading(move.form, shell.region)
    kind = reading.one_of("kind", KINDS)
    reason = reading.note("reason", longest=MAX_REASON)
    account_id = reading.key("account", is_needed=False)
    order_id = reading.read("order", read_uuid, is_needed=False)
    if not (account_id or order_id or reading.faults):
        reading.faults["account"] = "name an account, or an order; to hold everything, stop trading"

    async def effect(db: WriteSession) -> str:
        placed = await place_hold(
            db, HoldKind(kind or ""), reason or "", account_id=account_id, order_id=order_id
        )
        return shell.link("/orders/holds", done="held" if placed else "stood")

    return await _carried_out(shell, move, reading, effect)


@router.post("/{hold_id}/release", dependencies=[HOLD])
async def release(shell: AskedShell, actor: RecentActor, move: AskedMove, hold_id: UUID) -> Response:
    """Let go of a hold."""
    del actor  # that they showed a factor a short while ago is what matters
    reading = Reading(move.form, shell.region)
    why = reading.note(f"why-{hold_id}", longest=MAX_REASON)

    async def effect(db: WriteSession) -> str:
        await release_hold(db, hold_id, why or "")
        return shell.link("/orders/holds", done="released")

    return await _carried_out(shell, move, reading, effect)


async def _carried_out(
    shell: Shell, move: Move, reading: Reading, effect: Callable[[WriteSession], Awaitable[str]]
) -> Response:
    if reading.faults:
        return await _drawn(shell, reading)
    try:
        return go_to(await move(effect))
    except SteelyardError as error:
        return await _drawn(shell, reading, error=error)


async def _drawn(
    shell: Shell, reading: Reading, *, error: SteelyardError | None = None, done: str = ""
) -> Response:
    async with get_db_session() as db:
        account_id, household_id = account_of(shell.scope), household_of(shell.scope)
        standing = await get_holds(db, account_id=account_id, household_id=household_id)
        holds = await get_holds(db, account_id=account_id, household_id=household_id, with_released=True)
    accounts = await desk.suggest_accounts()
    return shell.draw(
        "holds.html",
        title="Holds",
        status=status_of(error) if error else 422 if reading.faults else 200,
        standing=[one for one in standing if one.kind != HoldKind.KILL_SWITCH],
        released=[one for one in holds if one.released_at is not None][:MOST_RELEASED],
        people=await people_of(shell),
        accounts=accounts,
        kinds=KINDS,
        form=reading.form,
        faults=reading.faults,
        error=error,
        said=DONE.get(done, ""),
    )
