"""The page of a user, as the forms on it show it again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from uuid import UUID

from fastapi import Response

from steelyard.errors import NotPermittedError, SteelyardError
from steelyard.identity.permissions import PERMISSIONS, TOKENS_MAY, Actor, Right, Role, scope_text
from steelyard.identity.user import GRANTED, check_may_manage
from steelyard.server.browser import Browser
from steelyard.server.form import Form
from steelyard.server.problem import status_of
from steelyard.services import grant, link, recovery, tenant, token, user
from steelyard.services.user import User
from steelyard.storage.connection import get_db_session
from steelyard.storage.link import OpenLink
from steelyard.storage.recovery import RecoveryRequest
from steelyard.web.people import names_of
from steelyard.web.shell import Shell

ROLES: Final[Mapping[Role, str]] = {
    Role.OWNER: "Owner: sees every account, decides over everything",
    Role.ADVISOR: "Advisor: proposes and approves, in the accounts that are granted",
    Role.VIEWER: "Viewer: reads the accounts that are granted",
    Role.COMPLIANCE: "Compliance: sees every account, writes rules, holds orders",
    Role.ADMIN: "Admin: manages users and settings, sees no account",
    Role.SERVICE: "Service: a program, with tokens and no password",
}
RIGHTS: Final = {
    Right.PROPOSE.value: "propose trades",
    Right.APPROVE.value: "approve them",
    Right.EXECUTE.value: "execute them",
}
"""What a grant can say beside READ, which is among it always."""

DONE: Final = {
    "role": "The role is changed. Their sessions and tokens have ended; they sign in again.",
    "limit": "The limit is changed. It counts from their next request on.",
    "disabled": "They are let in no more. Sessions, tokens and links have ended.",
    "enabled": "They are let in again.",
    "granted": "It is granted. It counts from their next request on.",
    "taken": "The grant is taken back. It counts from their next request on.",
    "links": "Their links open nothing any more.",
    "asked": "It is asked for. Another owner or admin approves it within 24 hours.",
    "token": "The token has ended. It opens nothing any more.",
    "early": "What no law holds is erased. Name and login name stay until the retention is over.",
    "held": "The hold stands. Nothing of theirs is erased until it is released.",
}


@dataclass(frozen=True, slots=True)
class Managed:
    """A user, and whether who looks may change them.

    Attributes:
        user: the user.
        why_not: why they may not; "" = they may.
    """

    user: User
    why_not: str

    @classmethod
    def of(cls, actor: Actor, found: User) -> "Managed":
        """Ask who manages whom."""
        try:
            check_may_manage(actor, found.user_id, found.role)
        except NotPermittedError as error:
            return cls(found, f"{error}")
        return cls(found, "")


def roles_for(actor: Actor, now: Role | None = None) -> dict[str, str]:
    """Return the roles that somebody may give to a user of a role; None = to a new one."""
    given = [role for role in ROLES if role is not Role.OWNER or actor.role is Role.OWNER]
    if now is not None:
        given = [role for role in given if role is not Role.SERVICE]
    return {role.value: ROLES[role] for role in given}


async def draw_user(
    shell: Shell,
    browser: Browser,
    user_id: UUID,
    *,
    form: Form | None = None,
    faults: Mapping[str, str] | None = None,
    error: SteelyardError | None = None,
    done: str = "",
) -> Response:
    """Draw the page of a user.

    Args:
        shell: around it.
        browser: who looks.
        user_id: the user.
        form: what was typed into a form of the page that was refused.
        faults: what of it cannot be used.
        error: why it was not done.
        done: what was done, a word of DONE.

    Raises:
        UnknownUserError: there is no such user.
    """
    vault, now = browser.entrance.vault, browser.now
    async with get_db_session() as db:
        found = await user.get_user(db, vault, user_id)
        firm = await tenant.get_tenant(db)
        grants = await grant.get_grants(db, user_id) if found.role in GRANTED else []
        tokens = await token.get_tokens(db, user_id, now=now)
        links = [one for one in await link.get_links(db, now=now) if one.user_id == user_id]
        waiting = [one for one in await recovery.get_recovery_requests(db, now=now) if one.user_id == user_id]
        names = await names_of(db, shell, vault)
    refused = HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK
    managed = Managed.of(shell.actor or Actor(firm.tenant_id, role=Role.VIEWER), found)
    return shell.draw(
        "user.html",
        title="User",
        status=refused if error is None else status_of(error),
        user=found,
        why_not=managed.why_not,
        tenant=firm,
        grants=grants,
        is_granted=found.role in GRANTED,
        tokens=tokens,
        scopes=_scopes(found.role),
        links=links,
        waiting=_waiting(waiting, shell),
        names=names,
        roles=roles_for(shell.actor, found.role) if shell.actor else {},
        role_words={role.value: said for role, said in ROLES.items()},
        rights=RIGHTS,
        form=Form(
            {"approval_limit": (shell.region.typed(found.approval_limit),), **(form.fields if form else {})}
        ),
        faults=faults or {},
        error=error,
        done=DONE.get(done, ""),
    )


def _scopes(role: Role) -> list[str]:
    return sorted(scope_text(one) for one in PERMISSIONS[role] & TOKENS_MAY)


def _waiting(waiting: Sequence[RecoveryRequest], shell: Shell) -> list[tuple[RecoveryRequest, bool]]:
    """Return what waits for a second person, each with whether who looks can be that person."""
    own = shell.actor.name if shell.actor else ""
    return [(one, one.asked_by != own) for one in waiting]


def links_by_user(links: Sequence[OpenLink]) -> dict[UUID, OpenLink]:
    """Return the open link of each user."""
    return {one.user_id: one for one in links if one.user_id is not None}
