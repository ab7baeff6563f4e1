"""The kill switch of the tenant: pulled with a reason, and released by who shows a factor first."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.form import Form
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.server.problem import status_of
from steelyard.services.trading_stop import MAX_REASON, get_stops, resume_trading, stop_trading
from steelyard.storage.connection import WriteSession, get_db_session
from steelyard.web.answer import go_to
from steelyard.web.move import AskedMove, Move
from steelyard.web.people import people_of
from steelyard.web.reading import Reading
from steelyard.web.shell import AskedShell, Shell

DONE: Final = {
    "stopped": "Trading is stopped: nothing more is sent.",
    "released": "Trading goes on: what waited is sent, unless its day is over or something else holds it.",
}

HOLD: Final = permits(Verb.HOLD, ObjectType.ORDER, moves_money=True)

router = APIRouter(prefix="/orders/stop")


@router.get("", dependencies=[permits(Verb.READ, ObjectType.ORDER)])
async def show_stop(request: Request, shell: AskedShell) -> Response:
    """Show whether trading is stopped, and the form that stops it or lets it go on."""
    return await _drawn(shell, done=request.query_params.get("done", ""))


@router.post("", dependencies=[HOLD])
async def stop(shell: AskedShell, move: AskedMove) -> Response:
    """Pull the kill switch."""

    async def effect(db: WriteSession, reason: str) -> str:
        await stop_trading(db, reason)
        return shell.link("/orders/stop", done="stopped")

    return await _carried_out(shell, move, effect)


@router.post("/release", dependencies=[HOLD])
async def release(shell: AskedShell, browser: AskingBrowser, actor: RecentActor, move: AskedMove) -> Response:
    """Release the kill switch."""
    del actor  # that they showed a factor a short while ago is what matters

    async def effect(db: WriteSession, reason: str) -> str:
        await resume_trading(db, reason, now=browser.now)
        return shell.link("/orders/stop", done="released")

    return await _carried_out(shell, move, effect)


async def _carried_out(shell: Shell, move: Move, effect: Any) -> Response:
    reading = Reading(move.form, shell.region)
    reason = reading.note("reason", longest=MAX_REASON)
    if reason is None:
        return await _drawn(shell, reading=reading)
    try:
        return go_to(await move(lambda db: effect(db, reason)))
    except SteelyardError as error:
        return await _drawn(shell, reading=reading, error=error)


async def _drawn(
    shell: Shell, *, reading: Reading | None = None, error: SteelyardError | None = None, done: str = ""
) -> Response:
    async with get_db_session() as db:
        stops = await get_stops(db)
    return shell.draw(
        "trading_stop.html",
        title="Trading is stopped" if stops else "Stop trading",
        status=status_of(error) if error else 422 if reading else 200,
        people=await people_of(shell),
        stops=stops,
        form=reading.form if reading else Form({}),
        faults=reading.faults if reading else {},
        error=error,
        said=DONE.get(done, ""),
    )
