"""The limits of orders: of every account, and of single ones; the narrower holds."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Final

from fastapi import APIRouter, Request, Response

from steelyard.compliance.order_limits import DEFAULT_COLLAR, OrderLimits
from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.form import AskedForm, Form
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.server.problem import status_of
from steelyard.services import desk
from steelyard.services.order_limit import end_order_limits, get_order_limits, set_order_limits
from steelyard.storage.approval import get_approval_terms
from steelyard.storage.connection import WriteSession, get_db_session, get_write_session
from steelyard.storage.order_limit import StoredLimits
from steelyard.web.answer import go_to
from steelyard.web.people import people_of
from steelyard.web.query import account_of
from steelyard.web.reading import Reading
from steelyard.web.shell import AskedShell, Shell

DONE: Final = {
    "set": "The limits are kept. They count for the next order that is sent.",
    "ended": "These limits are taken away; those of the firm hold on.",
}
HUNDRED: Final = Decimal(100)

CHANGE: Final = permits(Verb.CHANGE, ObjectType.RULE)

router = APIRouter(prefix="/orders/limits")


@router.get("", dependencies=[permits(Verb.READ, ObjectType.ORDER)])
async def show_limits(request: Request, shell: AskedShell) -> Response:
    """Show every limit, and the form that sets those of the firm or of an account."""
    whose = request.query_params.get("whose", account_of(shell.scope) or "")
    async with get_db_session() as db:
        stored = await get_order_limits(db)
    typed = _typed(shell, whose, [one for one in stored if (one.account_id or "") == whose])
    return await _drawn(shell, Reading(typed, shell.region), done=request.query_params.get("done", ""))


@router.post("", dependencies=[CHANGE])
async def set_limits(shell: AskedShell, actor: RecentActor, form: AskedForm) -> Response:
    """Write limits in place of what they were."""
    del actor  # that they showed a factor a short while ago is what matters
    reading = Reading(form, shell.region)
    account_id = reading.key("whose", is_needed=False)
    limits = OrderLimits(
        max_order_value=_amount(reading, "max_order_value"),
        max_day_value=_amount(reading, "max_day_value"),
        price_collar=_fraction(reading, "price_collar", below=HUNDRED, rule="above 0 and below 100"),
        max_participation=_fraction(reading, "max_participation", rule="above 0, and at most 100"),
    )

    async def effect(db: WriteSession) -> None:
        await set_order_limits(db, account_id, limits)

    return await _carried_out(shell, reading, effect, "set")


@router.post("/end", dependencies=[CHANGE])
async def end_limits(shell: AskedShell, actor: RecentActor, form: AskedForm) -> Response:
    """Take limits away."""
    del actor  # as above
    reading = Reading(form, shell.region)
    account_id = reading.key("whose", is_needed=False)

    async def effect(db: WriteSession) -> None:
        await end_order_limits(db, account_id)

    return await _carried_out(shell, reading, effect, "ended")


async def _carried_out(
    shell: Shell, reading: Reading, effect: Callable[[WriteSession], Awaitable[None]], done: str
) -> Response:
    if reading.faults:
        return await _drawn(shell, reading)
    try:
        async with get_write_session() as db:
            await effect(db)
    except SteelyardError as error:
        return await _drawn(shell, reading, error=error)
    return go_to(shell.link("/orders/limits", done=done, whose=reading.form.text("whose")))


async def _drawn(
    shell: Shell, reading: Reading, *, error: SteelyardError | None = None, done: str = ""
) -> Response:
    async with get_db_session() as db:
        stored, terms = await get_order_limits(db), await get_approval_terms(db)
    return shell.draw(
        "order_limits.html",
        title="Limits of orders",
        status=status_of(error) if error else 422 if reading.faults else 200,
        people=await people_of(shell),
        stored=stored,
        whose=reading.form.text("whose"),
        has_own=any((one.account_id or "") == reading.form.text("whose") for one in stored),
        currency=terms.currency,
        collar=DEFAULT_COLLAR,
        accounts=await desk.suggest_accounts(),
        form=reading.form,
        faults=reading.faults,
        error=error,
        said=DONE.get(done, ""),
    )


def _amount(reading: Reading, name: str) -> Decimal | None:
    """Read an amount of 0 or above."""
    amount = reading.number(name, is_needed=False)
    if amount is not None and amount < 0:
        reading.faults[name] = "not below 0"
    return amount


def _fraction(
    reading: Reading, name: str, *, rule: str, below: Decimal = Decimal("Infinity")
) -> Decimal | None:
    """Read a percentage as a fraction; one that is not above 0, at most 100 and below a bound is a fault."""
    percentage = reading.number(name, is_needed=False)
    if percentage is None:
        return None
    if not 0 < percentage <= HUNDRED or percentage >= below:
        reading.faults[name] = rule
    return percentage / HUNDRED


def _typed(shell: Shell, whose: str, stored: list[StoredLimits]) -> Form:
    limits = stored[0].limits if stored else OrderLimits()
    amounts = {
        "max_order_value": limits.max_order_value,
        "max_day_value": limits.max_day_value,
        "price_collar": limits.price_collar and limits.price_collar * HUNDRED,
        "max_participation": limits.max_participation and limits.max_participation * HUNDRED,
    }
    return Form({"whose": (whose,)} | {name: (shell.region.typed(one),) for name, one in amounts.items()})
