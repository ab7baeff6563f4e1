"""A run: exceptions first, what it does as a whole, its accounts, one approval, and how far its orders are."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from steelyard.errors import SteelyardError
from steelyard.identity.permissions import Actor, ObjectType, Verb
from steelyard.market.port import Market
from steelyard.server.browser import Browser
from steelyard.server.form import AskedForm
from steelyard.server.listing import page_of
from steelyard.server.market import AskedMarket
from steelyard.server.own import RecentActor
from steelyard.server.permits import current_actor, permits
from steelyard.server.problem import status_of
from steelyard.services import desk
from steelyard.services.allocation_inputs import Quoted
from steelyard.services.approval_proof import CodeProof, PasskeyProof, ask_to_approve
from steelyard.services.passkeys import telling_of_copies
from steelyard.services.run import (
    MOST_ACCOUNTS,
    RunChangedError,
    drop_accounts,
    get_run,
    is_moving,
    withdraw_run,
)
from steelyard.services.run_approval import approve_run, execute_run, quote_run_again, take_run
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.run import RunState
from steelyard.web.answer import go_to
from steelyard.web.move import AskedMove, Move
from steelyard.web.people import people_of
from steelyard.web.query import PAGE, shown_before
from steelyard.web.reading import Reading
from steelyard.web.shell import AskedShell, Shell
from steelyard.web.templates import wants_part

KINDS: Final = {
    "": "All",
    "look": "To look at",
    "made": "To trade",
    "nothing": "Where they should be",
    "exception": "Exceptions",
}
DONE: Final = {
    "approved": "The run is approved. It trades when somebody executes it.",
    "half": "Your approval is kept. Somebody else has to approve it, too.",
    "executed": "The run is executed: workers send its orders.",
    "dropped": "They are left out. What is approved is the run without them.",
    "withdrawn": "The run is withdrawn, and its orders with it.",
}
HASH_LENGTH: Final = 32
EXCEPTIONS: Final = 25
"""Exceptions that stand at the top; the list of accounts has all."""

SEE: Final = permits(Verb.READ, ObjectType.ORDER)
PROPOSE: Final = permits(Verb.PROPOSE, ObjectType.ORDER, moves_money=True)
APPROVE: Final = permits(Verb.APPROVE, ObjectType.ORDER, moves_money=True)
EXECUTE: Final = permits(Verb.EXECUTE, ObjectType.ORDER, moves_money=True)

router = APIRouter(prefix="/book/{run_id}")


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks something of a run, from which page.

    Attributes:
        request: that asks.
        run_id: the run.
        shell: what stands around its page.
        actor: who asks.
        browser: theirs.
        market: where prices come from; None = from the store.
    """

    request: Request
    run_id: UUID
    shell: Shell
    actor: Actor
    browser: Browser
    market: Market | None

    @property
    def now(self) -> datetime:
        """The time."""
        return self.browser.now

    def path(self, done: str) -> str:
        """Return the address of the run's page, which says what was done."""
        return self.shell.link(f"/book/{self.run_id}", done=done)


async def _asking(request: Request, run_id: UUID, shell: AskedShell, market: AskedMarket) -> Asking:
    return Asking(request, run_id, shell, current_actor(request), Browser(request), market)


AskedOfRun = Annotated[Asking, Depends(_asking)]
"""What a request asks of the run that its path names."""


# ── Looking ─────────────────────────────────────────────────────────────────────────────────────────────


@router.get("", dependencies=[SEE])
async def show_run(asking: AskedOfRun) -> Response:
    """Show a run."""
    return await _drawn(asking, done=asking.request.query_params.get("done", ""))


@router.get("/accounts", dependencies=[SEE])
async def show_accounts(asking: AskedOfRun) -> Response:
    """Show accounts of a run by their state and by words: the part of its page that filters exchange."""
    request, shell = asking.request, asking.shell
    if not wants_part(request):
        return go_to(shell.link(f"/book/{asking.run_id}", **dict(request.query_params)))
    found = await get_run(asking.run_id, limit=1)
    return shell.draw("run_accounts.html", title="", run=found.run, **await _accounts(asking))


@router.get("/progress", dependencies=[permits(Verb.READ, ObjectType.ORDER, by_itself=True)])
async def show_progress(asking: AskedOfRun) -> Response:
    """Show how far a run is: the part of its page that exchanges itself until nothing moves any more."""
    if not wants_part(asking.request):
        return go_to(asking.shell.link(f"/book/{asking.run_id}"))
    if asking.request.query_params.get("of") != "orders":
        return await _drawn(asking, template="run_part.html", is_part=True)
    found = await get_run(asking.run_id, limit=1)
    return asking.shell.draw(
        "run_orders.html",
        title="",
        run=found.run,
        progress=found.progress,
        is_on=is_moving(found.run, found.progress),
        is_part=True,
    )


# ── Doing ───────────────────────────────────────────────────────────────────────────────────────────────


@router.post("/drop", dependencies=[PROPOSE])
async def drop(asking: AskedOfRun, move: AskedMove) -> Response:
    """Leave accounts out of a run that is made."""
    reading = Reading(move.form, asking.shell.region)
    names = move.form.texts("account")
    if not names:
        reading.faults["accounts"] = "choose those that are to be left out"

    async def effect(db: WriteSession) -> str:
        await drop_accounts(db, asking.actor, asking.run_id, names, now=asking.now)
        return asking.path("dropped")

    return await _carried_out(asking, reading, lambda: move(effect))


@router.post("/approve/question", dependencies=[permits(Verb.APPROVE, ObjectType.ORDER)])
async def ask_passkey(asking: AskedOfRun, actor: RecentActor, form: AskedForm) -> Response:
    """Give the browser options for a passkey whose challenge holds the hash of what was seen."""
    reading = Reading(form, asking.shell.region)
    seen = reading.read("content_hash", _read_hash)
    if seen is None:
        return JSONResponse(reading.faults, HTTPStatus.UNPROCESSABLE_ENTITY)
    async with get_write_session() as db:
        await take_run(
            db, actor, Verb.APPROVE, asking.run_id, RunState.MADE, content_hash=seen, now=asking.now
        )
    question = await ask_to_approve(asking.browser.entrance, actor, seen, now=asking.now)
    return JSONResponse({"options": question.options, "nonce": question.nonce})


@router.post("/approve/passkey", dependencies=[APPROVE])
async def approve_with_passkey(asking: AskedOfRun, actor: RecentActor, move: AskedMove) -> Response:
    """Approve a run by a passkey that signed its hash."""
    reading = Reading(move.form, asking.shell.region)
    nonce = reading.read("nonce", _read_hash)
    proof = PasskeyProof(asking.browser.entrance, actor, move.form.text("credential"), nonce or b"")
    return await _approve(asking, reading, move, proof)


@router.post("/approve/code", dependencies=[APPROVE])
async def approve_with_code(asking: AskedOfRun, actor: RecentActor, move: AskedMove) -> Response:
    """Approve a run by a code of an authenticator app, up to the tenant's limit."""
    reading = Reading(move.form, asking.shell.region)
    proof = CodeProof(asking.browser.entrance, actor, reading.text("code") or "")
    return await _approve(asking, reading, move, proof)


@router.post("/execute", dependencies=[EXECUTE])
async def execute(asking: AskedOfRun, actor: RecentActor, move: AskedMove) -> Response:
    """Give the orders of an approved run to the workers."""
    reading = Reading(move.form, asking.shell.region)
    seen, prices = reading.read("content_hash", _read_hash), _Prices(asking)

    async def effect(db: WriteSession) -> str:
        await execute_run(
            db, actor, asking.run_id, content_hash=seen or b"", now=asking.now, prices=prices.quoted
        )
        return asking.path("executed")

    return await _carried_out(asking, reading, lambda: move(effect, first=prices.ask))


@router.post("/withdraw", dependencies=[PROPOSE])
async def withdraw(asking: AskedOfRun, move: AskedMove) -> Response:
    """Give a run up that is not executed."""

    async def effect(db: WriteSession) -> str:
        await withdraw_run(db, asking.actor, asking.run_id, now=asking.now)
        return asking.path("withdrawn")

    return await _carried_out(asking, Reading(move.form, asking.shell.region), lambda: move(effect))


@dataclass(slots=True)
class _Prices:
    """The prices of a run, asked for again before the transaction that needs them."""

    asking: Asking
    quoted: Quoted | None = None

    async def ask(self) -> None:
        """Ask for them."""
        self.quoted = await quote_run_again(self.asking.run_id, self.asking.market, now=self.asking.now)


async def _approve(asking: Asking, reading: Reading, move: Move, proof: PasskeyProof | CodeProof) -> Response:
    seen, prices = reading.read("content_hash", _read_hash), _Prices(asking)

    async def effect(db: WriteSession) -> str:
        done = await approve_run(
            db,
            asking.actor,
            asking.run_id,
            proof,
            content_hash=seen or b"",
            now=asking.now,
            prices=prices.quoted,
        )
        return asking.path("approved" if done.state is RunState.APPROVED else "half")

    async def first() -> None:
        await prices.ask()  # a question is not taken for what is not there
        await proof.take(asking.now)

    async def work() -> str:
        async with telling_of_copies():
            return await move(effect, first=first)

    return await _carried_out(asking, reading, work)


async def _carried_out(asking: Asking, reading: Reading, work: Callable[[], Awaitable[str]]) -> Response:
    """Do what a form asks for and go where it leads, or show the run again with what is wrong."""
    if reading.faults:
        return await _drawn(asking, reading=reading)
    try:
        return go_to(await work())
    except SteelyardError as error:
        return await _drawn(asking, reading=reading, error=error)


# ── Drawing ─────────────────────────────────────────────────────────────────────────────────────────────


async def _drawn(
    asking: Asking,
    *,
    template: str = "run.html",
    reading: Reading | None = None,
    error: SteelyardError | None = None,
    done: str = "",
    is_part: bool = False,
) -> Response:
    shell, run_id = asking.shell, asking.run_id
    page = await desk.get_run_page(asking.actor, run_id)
    to_look_at = await desk.get_run_accounts(run_id, kind="exception", limit=EXCEPTIONS)
    status = 200 if reading is None else status_of(error) if error else 422
    return shell.draw(
        template,
        title=page.run.run_name,
        status=status,
        people=await people_of(shell),
        page=page,
        run=page.run,
        progress=page.progress,
        exceptions=to_look_at,
        is_on=is_moving(page.run, page.progress),
        is_over=page.run.expires_at <= asking.now,
        changed=error.account_ids if isinstance(error, RunChangedError) else (),
        faults=reading.faults if reading else {},
        error=error,
        said=DONE.get(done, ""),
        is_part=is_part,
        **await _accounts(asking),
    )


async def _accounts(asking: Asking) -> dict[str, Any]:
    query, run_id = asking.request.query_params, asking.run_id
    kind = query.get("kind", "") if query.get("kind", "") in KINDS else ""
    words = query.get("words", "").strip()[:100]
    shown = shown_before(query.get("after", ""), MOST_ACCOUNTS)
    rows = await desk.get_run_accounts(run_id, kind=kind, words=words, after=shown, limit=PAGE + 1)
    return {
        "accounts": page_of(rows, PAGE, lambda _: [shown + PAGE]),
        "total": rows[0].total if rows else 0,
        "shown": shown,
        "kinds": KINDS,
        "kind": kind,
        "words": words,
    }


def _read_hash(typed: str) -> bytes:
    try:
        content = bytes.fromhex(typed)
    except ValueError:
        content = b""
    if len(content) != HASH_LENGTH:
        raise ValueError("not a hash of 64 hexadecimal digits")
    return content
