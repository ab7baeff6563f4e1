"""Whose portfolio a request is about: ?account=ID, ?household=ID, or everything that whoever asks may see."""

from typing import Annotated

from fastapi import Depends

from steelyard.domain.scope import TENANT, Scope
from steelyard.errors import InvalidInputError
from steelyard.identity.permissions import ObjectType, Verb, authorize
from steelyard.server.input import Id
from steelyard.server.permits import CurrentActor


class TwoScopesError(InvalidInputError):
    """A household and an account are both named."""

    def __init__(self) -> None:
        """Say what to leave out."""
        super().__init__(
            "`account` and `household` exclude each other; name one, or none for all that you may see."
        )


def _scope_asked(actor: CurrentActor, account: Id | None = None, household: Id | None = None) -> Scope:
    if account is not None and household is not None:
        raise TwoScopesError
    if household is not None:
        return Scope.household(household)
    if account is None:
        return TENANT
    authorize(actor, Verb.READ, ObjectType.PORTFOLIO, account)
    return Scope.account(account)


ScopeAsked = Annotated[Scope, Depends(_scope_asked)]
"""The scope that a request names; which account of a household is seen, the database decides."""
