"""Whose portfolio a request is about: ?account=ID, ?household=ID, or everything that whoever asks may see."""

from typing import Annotated, Final

from fastapi import Depends, Query

from steelyard.domain.scope import TENANT, Scope
from steelyard.errors import InvalidInputError
from steelyard.identity.permissions import ObjectType, Verb, authorize
from steelyard.server.permits import CurrentActor

MAX_ID_LENGTH: Final = 200

Id = Annotated[str | None, Query(min_length=1, max_length=MAX_ID_LENGTH)]


class TwoScopesError(InvalidInputError):
    """A household and an account are both named."""

    def __init__(self) -> None:
        """Say what to leave out."""
        super().__init__("`account` and `household` exclude each other; name one, or none for all that you may see.")


def _scope_asked(actor: CurrentActor, account: Id = None, household: Id = None) -> Scope:
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
