"""The first user: a link that is shown once at the terminal makes whoever opens it the owner."""

from datetime import datetime

from steelyard.identity import Random
from steelyard.identity.link import LinkPurpose, NewLink
from steelyard.services.acceptance import SetUpDoneError
from steelyard.services.entrance import act_in
from steelyard.services.link import make_link
from steelyard.storage.acting import DEFAULT_TENANT_ID
from steelyard.storage.connection import get_write_session
from steelyard.storage.factors import has_users


async def make_set_up_link(*, now: datetime, random: Random) -> NewLink:
    """Make the link that sets the installation up; those made before end.

    For the operator alone: the terminal makes it, and `steelyard serve` when it starts. No request does.

    Args:
        now: the time, with its zone.
        random: makes the secret.

    Raises:
        SetUpDoneError: the tenant has a user.
    """
    async with get_write_session() as db:
        if await has_users(db):
            raise SetUpDoneError
        return await make_link(db, LinkPurpose.SETUP, None, now=now, random=random)


async def is_set_up() -> bool:
    """Return whether the tenant has a user."""
    async with get_write_session() as db:
        return await has_users(db)


async def needs_set_up() -> bool:
    """Return whether the first tenant has no user yet, to whoever asks, who is nobody yet."""
    async with get_write_session() as db:
        await act_in(db, DEFAULT_TENANT_ID)
        return not await has_users(db)
