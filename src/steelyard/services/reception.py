"""Reception: says who asks, at every request and from the store; many who come at once are looked up together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from steelyard.identity import Clock
from steelyard.identity.permissions import Actor
from steelyard.identity.session import NotSignedInError, hash_secret
from steelyard.identity.token import is_token
from steelyard.services.session import FoundActor, find_actors, note_presence
from steelyard.services.together import Together
from steelyard.storage.acting import acting_as
from steelyard.storage.connection import get_write_session

MOST_AT_ONCE: Final = 100


class Reception:
    """Knows who asks by the secret of their session or token."""

    def __init__(self, clock: Clock) -> None:
        """Take the clock that sessions are measured by."""
        self._clock = clock
        self._looking = Together(self._look_up, most=MOST_AT_ONCE)

    async def __call__(self, secret: str, request_id: str, *, is_present: bool = True) -> Actor:
        """Say who asks, as of now: what ended before this call opens nothing.

        Args:
            secret: what the cookie or the token says.
            request_id: the request.
            is_present: whether somebody asks, and no page by itself: only who is present keeps a session alive.

        Raises:
            NotSignedInError: nobody of ours, or no longer; see `find_actor`.
        """
        if not is_token(secret):
            hash_secret(secret)  # raises for what no session has: others do not wait for that
        found = await self._looking.ask(secret)
        if found is None:
            raise NotSignedInError
        actor = replace(found.actor, request_id=request_id)
        if is_present and found.is_to_be_noted:
            with acting_as(actor.acting):
                async with get_write_session() as db:
                    await note_presence(db, actor, now=self._clock())
        return actor

    async def _look_up(self, secrets: Sequence[str]) -> dict[str, FoundActor]:
        return await find_actors(secrets, now=self._clock())
