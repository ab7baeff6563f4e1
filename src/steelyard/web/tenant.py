"""Administration: what holds for everybody of the tenant."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fastapi import APIRouter, Response

from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.form import AskedForm, Form
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.server.problem import status_of
from steelyard.services import tenant
from steelyard.services.tenant import MOST_MINUTES
from steelyard.storage.connection import WriteSession, get_db_session, get_write_session
from steelyard.storage.tenant import Tenant
from steelyard.web.answer import go_to
from steelyard.web.reading import Reading
from steelyard.web.region import Region
from steelyard.web.shell import AskedShell, Shell

CHANGE: Final = permits(Verb.CHANGE, ObjectType.SETTING)
DONE: Final = {"changed": "What was changed counts from everybody's next request on."}

router = APIRouter(prefix="/admin/settings")

Change = Callable[[WriteSession], Awaitable[None]]


@router.get("", dependencies=[permits(Verb.READ, ObjectType.SETTING)])
async def show(shell: AskedShell, done: str = "") -> Response:
    """Show what holds for everybody."""
    async with get_db_session() as db:
        firm = await tenant.get_tenant(db)
    return _shown(shell, firm, form_of(firm, shell.region), done=DONE.get(done, ""))


@router.post("", dependencies=[CHANGE])
async def change(shell: AskedShell, actor: RecentActor, form: AskedForm) -> Response:
    """Change what holds for everybody: what says the same stays as it is, and all of the rest is changed or none."""
    del actor  # whose session is fresh enough
    reading = Reading(form, shell.region)
    async with get_db_session() as db:
        firm = await tenant.get_tenant(db)
    changes = _changes(reading, firm)
    if reading.faults:
        return _shown(shell, firm, form, faults=reading.faults)
    try:
        async with get_write_session() as db:
            for one in changes:
                await one(db)
    except SteelyardError as error:
        return _shown(shell, firm, form, error=error)
    return go_to(shell.link("/admin/settings", done="changed" if changes else ""))


def form_of(firm: Tenant, region: Region) -> Form:
    """Return the form that says what holds now."""
    return Form(
        {
            "requires_mfa": ("yes",) if firm.requires_mfa else (),
            "approval_limit": (region.typed(firm.approval_limit),),
            "code_limit": (region.typed(firm.code_limit),),
            "price_tolerance": (region.typed(firm.price_tolerance.scaleb(2)),),
            "proposal_minutes": (f"{firm.proposal_minutes}",),
        }
    )


def _changes(reading: Reading, firm: Tenant) -> list[Change]:
    """Return what is to be done for a form to hold; each field that cannot be used stands in the reading's faults."""
    requires_mfa = reading.form.text("requires_mfa") == "yes"
    approval = reading.number("approval_limit", is_needed=False)
    code = reading.number("code_limit", is_needed=False)
    percent = reading.number("price_tolerance")
    minutes = reading.read("proposal_minutes", _minutes)
    if percent is None or minutes is None:
        return []
    tolerance = percent.scaleb(-2)
    asked: list[tuple[bool, Change]] = [
        (
            requires_mfa != firm.requires_mfa,
            lambda db: tenant.set_requires_mfa(db, requires_mfa=requires_mfa),
        ),
        (approval != firm.approval_limit, lambda db: tenant.set_approval_limit(db, approval)),
        (code != firm.code_limit, lambda db: tenant.set_code_limit(db, code)),
        (tolerance != firm.price_tolerance, lambda db: tenant.set_price_tolerance(db, tolerance)),
        (minutes != firm.proposal_minutes, lambda db: tenant.set_proposal_minutes(db, minutes)),
    ]
    return [change for is_new, change in asked if is_new]


def _minutes(typed: str) -> int:
    if not (typed.isascii() and typed.isdigit() and 1 <= int(typed[:9]) <= MOST_MINUTES):
        raise ValueError(f"a whole number from 1 to {MOST_MINUTES}")
    return int(typed)


def _shown(
    shell: Shell,
    firm: Tenant,
    form: Form,
    *,
    faults: Mapping[str, str] | None = None,
    error: SteelyardError | None = None,
    done: str = "",
) -> Response:
    return shell.draw(
        "tenant.html",
        title="Settings of the tenant",
        status=(422 if faults else 200) if error is None else status_of(error),
        tenant=firm,
        form=form,
        faults=faults or {},
        error=error,
        done=done,
    )
