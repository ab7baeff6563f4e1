"""Pages of figures that were made from every account, for who sees only some: they choose one."""

from fastapi import Response

from steelyard.domain.scope import TENANT, Scope
from steelyard.identity.permissions import SEES_EVERY_ACCOUNT, Actor
from steelyard.web.shell import Shell


def must_choose(shell: Shell) -> bool:
    """Whether the whole tenant is asked for by who does not see all of it."""
    return shell.actor is None or sees_some(shell.actor, shell.scope)


def sees_some(actor: Actor, scope: Scope) -> bool:
    """Whether a scope is the whole tenant, of which somebody sees some accounts only."""
    return scope == TENANT and actor.role not in SEES_EVERY_ACCOUNT


def draw_choice(shell: Shell, title: str) -> Response:
    """Let who looks choose a household or an account."""
    return shell.draw("choosing.html", title=title)
