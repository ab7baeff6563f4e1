"""Whose portfolio a request is about: ?account=ID, ?household=ID, or everything that whoever asks may see."""

from typing import Annotated

from fastapi import Depends

from steelyard.domain.scope import TENANT, Scope
from steelyard.errors import InvalidInputError, NotFoundError
from steelyard.identity.permissions import SEES_EVERY_ACCOUNT, Actor, ObjectType, Verb, authorize
from steelyard.server.input import Id
from steelyard.server.permits import CurrentActor


class TwoScopesError(InvalidInputError):
    """A household and an account are both named."""

    def __init__(self) -> None:
        """Say what to leave out."""
        super().__init__(
            "`account` and `household` exclude each other; name one, or none for all that you may see."
        )


class WholeTenantHiddenError(NotFoundError):
    """Answers about the whole tenant are for who sees every account."""

    def __init__(self) -> None:
        """Say what to name."""
        super().__init__(
            "There is no answer about all accounts that you may see; name an `account`, or a `household` all of whose "
            "accounts you see."
        )


def require_whole_tenant(actor: Actor, scope: Scope) -> None:
    """Refuse the whole tenant to who sees some accounts of it: what was published of it was made from all of them.

    Raises:
        WholeTenantHiddenError: the scope is the tenant.
    """
    if scope == TENANT and actor.role not in SEES_EVERY_ACCOUNT:
        raise WholeTenantHiddenError


def scope_of(actor: Actor, account: str | None, household: str | None) -> Scope:
    """Say whose portfolio is asked for.

    Raises:
        TwoScopesError: both are named.
        NotPermittedError, AccountHiddenError: the account is not one that they may read.
    """
    if account is not None and household is not None:
        raise TwoScopesError
    if household is not None:
        return Scope.household(household)
    if account is None:
        return TENANT
    authorize(actor, Verb.READ, ObjectType.PORTFOLIO, account)
    return Scope.account(account)


async def _scope_asked(actor: CurrentActor, account: Id | None = None, household: Id | None = None) -> Scope:
    return scope_of(actor, account, household)


ScopeAsked = Annotated[Scope, Depends(_scope_asked)]
"""The scope that a request names; which account of a household is seen, the database decides."""
