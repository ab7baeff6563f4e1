"""The book: runs over many accounts, and the form that begins one and counts before what it would cover."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from steelyard.errors import SteelyardError
from steelyard.identity.permissions import Actor, ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.form import AskedForm, Form
from steelyard.server.listing import page_of, place_of
from steelyard.server.market import AskedMarket
from steelyard.server.permits import CurrentActor, permits
from steelyard.server.problem import status_of
from steelyard.services import desk
from steelyard.services.model import get_models
from steelyard.services.run import begin_run
from steelyard.storage.connection import WriteSession
from steelyard.storage.desk import Covered
from steelyard.storage.run import ScopeKind
from steelyard.web import rebalance_form, run_form
from steelyard.web.answer import go_to
from steelyard.web.move import AskedMove
from steelyard.web.people import people_of
from steelyard.web.reading import Reading
from steelyard.web.run_form import read_run, read_scope
from steelyard.web.shell import AskedShell, Shell
from steelyard.web.templates import wants_part

RUNS: Final = 20
"""Runs of a page."""

PROPOSE: Final = permits(Verb.PROPOSE, ObjectType.ORDER)

router = APIRouter(prefix="/book")


@router.get("", dependencies=[permits(Verb.READ, ObjectType.ORDER)])
async def show_runs(request: Request, shell: AskedShell) -> Response:
    """Show runs, the newest first."""
    after = request.query_params.get("after", "")
    rows = await desk.get_runs(before=place_of(after), limit=RUNS + 1)
    page = page_of(rows, RUNS, lambda row: [row.made_at.isoformat(), f"{row.run_id}"])
    return shell.draw(
        "book.html", title="Book", page=page, is_later=bool(after), people=await people_of(shell)
    )


@router.get("/new", dependencies=[PROPOSE])
async def ask_for_run(
    request: Request, shell: AskedShell, actor: CurrentActor, market: AskedMarket
) -> Response:
    """Show the form that begins a run, over the portfolio that was chosen, or the accounts of a model."""
    typed: dict[str, tuple[str, ...]] = {"scope": (ScopeKind.ALL.value,)}
    if shell.scope.kind == "household":
        typed = {"scope": (ScopeKind.HOUSEHOLD.value,), "household": (shell.scope.id,)}
    if shell.scope.kind == "account":
        typed = {"scope": (ScopeKind.ACCOUNTS.value,), "accounts": (shell.scope.id,)}
    if model_id := request.query_params.get("model"):
        typed = {"scope": (ScopeKind.MODEL.value,), "model": (model_id,)}
    reading = Reading(Form(typed), shell.region)
    covered, _ = await _counted(actor, reading)
    return await _form(shell, reading, covered=covered, has_market=market is not None)


@router.post("/covered", dependencies=[PROPOSE])
async def count(
    request: Request, shell: AskedShell, actor: CurrentActor, market: AskedMarket, form: AskedForm
) -> Response:
    """Count what a run would cover, without beginning it."""
    reading = Reading(form, shell.region)
    covered, error = await _counted(actor, reading)
    if wants_part(request):
        return shell.draw("book_covered.html", title="", covered=covered, faults=reading.faults, error=error)
    return await _form(shell, reading, covered=covered, error=error, has_market=market is not None)


@router.post("", dependencies=[permits(Verb.PROPOSE, ObjectType.ORDER, moves_money=True)])
async def begin(
    shell: AskedShell, browser: AskingBrowser, actor: CurrentActor, market: AskedMarket, move: AskedMove
) -> Response:
    """Begin a run, which workers make."""
    reading = Reading(move.form, shell.region)
    asked = read_run(reading, has_market=market is not None)
    if asked is None:
        covered, _ = await _counted(actor, Reading(move.form, shell.region))
        return await _form(shell, reading, covered=covered, has_market=market is not None)

    async def effect(db: WriteSession) -> str:
        run = await begin_run(db, actor, asked, now=browser.now)
        return shell.link(f"/book/{run.run_id}")

    try:
        return go_to(await move(effect))
    except SteelyardError as error:
        return await _form(shell, reading, error=error, has_market=market is not None)


async def _counted(actor: Actor, reading: Reading) -> tuple[Covered | None, SteelyardError | None]:
    """Count what the scope of a form covers; None, or an error, where it says no scope or an empty one."""
    scope = read_scope(reading)
    if scope is None:
        return None, None
    try:
        return await desk.count_covered(actor, scope), None
    except SteelyardError as error:
        return None, error


async def _form(
    shell: Shell,
    reading: Reading,
    *,
    has_market: bool,
    covered: Covered | None = None,
    error: SteelyardError | None = None,
) -> Response:
    content: dict[str, Any] = {
        "forms": run_form,
        "options": rebalance_form,
        "households": await desk.suggest_households(),
        "models": {model.model_id: model.model_name for model in await get_models()},
        "accounts": await desk.suggest_accounts(),
        "covered": covered,
        "has_market": has_market,
        "form": reading.form,
        "faults": reading.faults,
        "error": error,
    }
    status = status_of(error) if error else 422 if reading.faults else 200
    return shell.draw("book_new.html", title="Begin a run", status=status, **content)
