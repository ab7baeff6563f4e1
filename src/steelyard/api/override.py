"""Overrides: compliance, or an owner, lets a proposal pass a rule that holds it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.api.once import AskedOnce
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.services import override
from steelyard.services.override import LONGEST_REASON
from steelyard.storage.compliance import Override
from steelyard.storage.connection import get_db_session

router = APIRouter(tags=["proposals"])


class OverrideBody(Body):
    """Which rule, and why it may pass; kept for good."""

    rule_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_REASON)]


@router.get(
    "/proposals/{proposal_id}/overrides",
    response_model=list[Override],
    dependencies=[permits(Verb.READ, ObjectType.ORDER)],
)
async def list_overrides(proposal_id: UUID) -> Answer:
    """Who let a proposal pass which rule, and why."""
    async with get_db_session() as db:
        return Answer(await override.get_overrides(db, proposal_id))


@router.post(
    "/proposals/{proposal_id}/overrides",
    status_code=204,
    response_class=Response,
    dependencies=[permits(Verb.HOLD, ObjectType.ORDER, moves_money=True)],
)
async def override_rule(
    browser: AskingBrowser, actor: RecentActor, once: AskedOnce, proposal_id: UUID, body: OverrideBody
) -> Response:
    """Let a reviewed proposal pass a rule that holds it; a rule that blocks stays."""
    return await once(
        lambda db: override.override_rule(db, actor, proposal_id, body.rule_id, body.reason, now=browser.now),
        status=204,
    )
