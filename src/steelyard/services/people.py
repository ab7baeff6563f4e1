"""Who there is in a tenant, what they were granted, and what waits for a second person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from steelyard.identity.vault import Vault
from steelyard.services.user import User, get_users
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.grant import Grant, get_grants
from steelyard.storage.recovery import RecoveryRequest, get_recovery_requests


@dataclass(frozen=True, slots=True)
class People:
    """The people of a tenant.

    Attributes:
        users: who are not erased, the oldest first.
        grants: what they were granted.
        waiting: recoveries that another person must approve.
    """

    users: Sequence[User]
    grants: Sequence[Grant]
    waiting: Sequence[RecoveryRequest]


async def get_people(db: ReadSession | WriteSession, vault: Vault, *, now: datetime) -> People:
    """Return the people of the session's tenant."""
    return People(await get_users(db, vault), await get_grants(db), await get_recovery_requests(db, now=now))
