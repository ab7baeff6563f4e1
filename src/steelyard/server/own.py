"""Whose own things a request is about, and whether they proved a short while ago who they are."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from steelyard.identity.permissions import Actor
from steelyard.identity.session import NotSignedInError, require_recent
from steelyard.server.browser import AskingBrowser
from steelyard.server.permits import CurrentActor


async def _own_id(actor: CurrentActor) -> UUID:
    if actor.user_id is None:
        raise NotSignedInError
    return actor.user_id


async def _recent(actor: CurrentActor, browser: AskingBrowser) -> Actor:
    require_recent(actor, browser.now)
    return actor


OwnId = Annotated[UUID, Depends(_own_id)]
"""The user who asks."""

RecentActor = Annotated[Actor, Depends(_recent)]
"""Who asks, where it takes a factor shown in the last minutes: a session left open changes nobody's rights."""
