"""One-time links: made and shown once, found, used once, ended."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from steelyard.errors import NotFoundError
from steelyard.identity import Random
from steelyard.identity.link import LIFETIMES, LinkEndedError, LinkPurpose, NewLink, hash_link
from steelyard.identity.session import new_secret
from steelyard.storage import link as stored
from steelyard.storage.audit import record_event
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.link import FoundLink, OpenLink


class NoOpenLinkError(NotFoundError):
    """A user has no link that could be ended."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("There is no open link of this user: it was used, has ended or was never made.")


async def make_link(
    db: WriteSession, purpose: LinkPurpose, user_id: UUID | None, *, now: datetime, random: Random
) -> NewLink:
    """Make a link for a user, and end those that they have: one opens at a time.

    Args:
        db: acting as who makes it.
        purpose: what it is for.
        user_id: whom it is for; None = whoever sets the installation up.
        now: the time, with its zone.
        random: makes the secret.
    """
    link = NewLink(purpose, new_secret(random), now + LIFETIMES[purpose])
    await stored.end_links(db, user_id, now=now)
    await stored.add_link(
        db, hash_link(link.secret), purpose.value, user_id, now=now, expires_at=link.expires_at
    )
    await record_event(db, "link.create", "user", _name(user_id), {"purpose": purpose.value})
    return link


async def find_link(db: WriteSession | ReadSession, secret: str, *, now: datetime) -> FoundLink:
    """Look at a link without using it, before it is known who asks.

    Raises:
        LinkEndedError: it was used, has ended, is none of ours, or its user is disabled.
    """
    return await find_link_of_hash(db, hash_link(secret), now=now)


async def find_link_of_hash(db: WriteSession | ReadSession, link_hash: bytes, *, now: datetime) -> FoundLink:
    """As `find_link`, for who kept the hash while its person was at a provider."""
    found = await stored.find_link(db, link_hash)
    if found is None or found.used_at is not None or now >= found.expires_at:
        raise LinkEndedError
    if found.user_id is not None and found.status not in {"invited", "active"}:
        raise LinkEndedError
    return found


async def take_link(db: WriteSession, link_hash: bytes, *, now: datetime) -> None:
    """Use a link, in the transaction of what it lets its person do. The caller records what that was.

    Args:
        db: acting in the link's tenant.
        link_hash: as `hash_link` gives it.
        now: the time, with its zone.

    Raises:
        LinkEndedError: it was used or has ended; of many who use it at once, all but one.
    """
    if not await stored.take_link(db, link_hash, now=now):
        raise LinkEndedError


async def end_links(db: WriteSession, user_id: UUID | None, *, now: datetime) -> None:
    """End the open links of a user, or those that set the installation up.

    Raises:
        NoOpenLinkError: there are none.
    """
    if not await stored.end_links(db, user_id, now=now):
        raise NoOpenLinkError
    await record_event(db, "link.end", "user", _name(user_id))


async def get_links(db: ReadSession, *, now: datetime) -> Sequence[OpenLink]:
    """Return the links of the tenant that are open, the newest first."""
    return await stored.get_links(db, now=now)


def _name(user_id: UUID | None) -> str:
    return "" if user_id is None else str(user_id)
