"""Whose own things a request is about."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from steelyard.identity.session import NotSignedInError
from steelyard.server.permits import CurrentActor


def _own_id(actor: CurrentActor) -> UUID:
    if actor.user_id is None:
        raise NotSignedInError
    return actor.user_id


OwnId = Annotated[UUID, Depends(_own_id)]
"""The user who asks."""
