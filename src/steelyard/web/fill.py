"""Fills: what brokers executed, and those of which somebody has to say whose they are."""

from datetime import date
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response

from steelyard.domain.fill import Fill
from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.form import Form
from steelyard.server.input import read_asset_id
from steelyard.server.listing import page_of
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.server.problem import status_of
from steelyard.services import desk, suspense
from steelyard.storage.connection import WriteSession, get_db_session
from steelyard.web.answer import go_to
from steelyard.web.move import AskedMove
from steelyard.web.query import PAGE, account_of, fill_place_of, household_of, read_uuid
from steelyard.web.reading import REQUIRED, Reading
from steelyard.web.shell import AskedShell, Shell

DONE: Final = {"assigned": "The fill is booked, as if its broker had said whose it is."}

router = APIRouter(prefix="/orders/fills")


@router.get("", dependencies=[permits(Verb.READ, ObjectType.ORDER)])
async def show_fills(request: Request, shell: AskedShell) -> Response:
    """Show fills in suspense, then all, the newest first."""
    query = request.query_params
    reading = Reading(Form({}), shell.region)
    return await _drawn(shell, reading, after=query.get("after", ""), done=query.get("done", ""))


@router.post("/assign", dependencies=[permits(Verb.EXECUTE, ObjectType.ORDER, moves_money=True)])
async def assign(shell: AskedShell, browser: AskingBrowser, actor: RecentActor, move: AskedMove) -> Response:
    """Say whose a fill in suspense is."""
    del actor  # that they showed a factor a short while ago is what matters
    reading = Reading(move.form, shell.region)
    place = reading.form.text("place")
    link_id = reading.read("link", read_uuid)
    execution_id = reading.key("execution")
    order_id = reading.read(f"order-{place}", read_uuid, is_needed=False)
    account_id = reading.key(f"account-{place}", is_needed=False)
    asset_id = reading.read(f"asset-{place}", read_asset_id, is_needed=False)
    if not reading.faults:
        reading.faults |= _owner_faults(place, order_id, account_id, asset_id)
    if reading.faults or link_id is None:
        return await _drawn(shell, reading)
    today = browser.now.date()

    async def effect(db: WriteSession) -> str:
        await _assign(db, (link_id, execution_id or ""), order_id, (account_id or "", asset_id or ""), today)
        return shell.link("/orders/fills", done="assigned")

    try:
        return go_to(await move(effect))
    except SteelyardError as error:
        return await _drawn(shell, reading, error=error)


async def _assign(
    db: WriteSession, fill: tuple[UUID, str], order_id: UUID | None, owner: tuple[str, str], today: date
) -> None:
    if order_id is not None:
        await suspense.assign_to_order(db, *fill, order_id, today=today)
    else:
        await suspense.assign_to_account(db, *fill, *owner, today=today)


def _owner_faults(
    place: str, order_id: UUID | None, account_id: str | None, asset_id: str | None
) -> dict[str, str]:
    """Say what is missing, or too much, of whose a fill is."""
    if order_id is not None:
        too_much = {f"account-{place}": account_id, f"asset-{place}": asset_id}
        return {name: "leave it out where an order is named" for name, value in too_much.items() if value}
    if account_id is None and asset_id is None:
        return {f"order-{place}": "name the order, or an account and an asset that nobody ordered"}
    needed = {f"account-{place}": account_id, f"asset-{place}": asset_id}
    return {name: REQUIRED for name, value in needed.items() if value is None}


async def _drawn(
    shell: Shell, reading: Reading, *, after: str = "", error: SteelyardError | None = None, done: str = ""
) -> Response:
    async with get_db_session() as db:
        account_id, household_id = account_of(shell.scope), household_of(shell.scope)
        suspended = await suspense.get_suspense(db, account_id=account_id, household_id=household_id)
        rows = await suspense.get_fill_page(
            db,
            account_id=account_id,
            household_id=household_id,
            before=fill_place_of(after),
            limit=PAGE + 1,
        )
    return shell.draw(
        "fills.html",
        title="Fills",
        status=status_of(error) if error else 422 if reading.faults else 200,
        suspended=suspended,
        page=page_of(rows, PAGE, _keys),
        is_later=bool(after),
        accounts=await desk.suggest_accounts(),
        form=reading.form,
        faults=reading.faults,
        error=error,
        said=DONE.get(done, ""),
    )


def _keys(fill: Fill) -> list[str]:
    return [fill.executed_at.isoformat(), fill.execution_id, f"{fill.link_id}"]
