"""The rules of the tenant."""

from typing import Annotated, Final

from fastapi import APIRouter, Response
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.input import Exact
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.services import tenant
from steelyard.services.tenant import MOST_MINUTES
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.tenant import Tenant

router = APIRouter(prefix="/tenant", tags=["tenant"])

CHANGE: Final = permits(Verb.CHANGE, ObjectType.SETTING)


class MfaBody(Body):
    """Whether everybody needs a second factor; some roles always do."""

    requires_mfa: bool


class LimitBody(Body):
    """The largest order value that one person approves alone; null = nobody does."""

    approval_limit: Exact | None


class CodeLimitBody(Body):
    """The largest order value that a code of an authenticator app approves; null = none."""

    code_limit: Exact | None


class ToleranceBody(Body):
    """How far a live price may move between review and execution, a fraction of it."""

    price_tolerance: Exact


class MinutesBody(Body):
    """How long a proposal can be approved and executed."""

    proposal_minutes: Annotated[int, Field(ge=1, le=MOST_MINUTES)]


@router.get("", response_model=Tenant, dependencies=[permits(Verb.READ, ObjectType.SETTING)])
async def read_tenant() -> Answer:
    """The tenant and its rules."""
    async with get_db_session() as db:
        return Answer(await tenant.get_tenant(db))


@router.put("/requires-mfa", status_code=204, response_class=Response, dependencies=[CHANGE])
async def set_requires_mfa(actor: RecentActor, body: MfaBody) -> Response:
    """Say whether everybody needs a second factor; it counts at their next request."""
    del actor  # whose session is fresh enough
    async with get_write_session() as db:
        await tenant.set_requires_mfa(db, requires_mfa=body.requires_mfa)
    return Response(status_code=204)


@router.put("/approval-limit", status_code=204, response_class=Response, dependencies=[CHANGE])
async def set_approval_limit(actor: RecentActor, body: LimitBody) -> Response:
    """Say up to which order value one person approves alone."""
    del actor  # as above
    async with get_write_session() as db:
        await tenant.set_approval_limit(db, body.approval_limit)
    return Response(status_code=204)


@router.put("/code-limit", status_code=204, response_class=Response, dependencies=[CHANGE])
async def set_code_limit(actor: RecentActor, body: CodeLimitBody) -> Response:
    """Say up to which order value a code of an authenticator app approves."""
    del actor  # as above
    async with get_write_session() as db:
        await tenant.set_code_limit(db, body.code_limit)
    return Response(status_code=204)


@router.put("/price-tolerance", status_code=204, response_class=Response, dependencies=[CHANGE])
async def set_price_tolerance(actor: RecentActor, body: ToleranceBody) -> Response:
    """Say how far a live price may move between review and execution."""
    del actor  # as above
    async with get_write_session() as db:
        await tenant.set_price_tolerance(db, body.price_tolerance)
    return Response(status_code=204)


@router.put("/proposal-minutes", status_code=204, response_class=Response, dependencies=[CHANGE])
async def set_proposal_minutes(actor: RecentActor, body: MinutesBody) -> Response:
    """Say how long a proposal can be approved and executed."""
    del actor  # as above
    async with get_write_session() as db:
        await tenant.set_proposal_minutes(db, body.proposal_minutes)
    return Response(status_code=204)
