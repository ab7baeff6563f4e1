"""One-time links: they let a person in once, who has no other way in yet or has lost it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from steelyard.errors import NotPermittedError
from steelyard.identity.session import NotSignedInError, hash_secret


class LinkPurpose(StrEnum):
    """What a link is for."""

    SETUP = "setup"
    """Whoever sets the installation up becomes the first owner."""
    INVITATION = "invitation"
    RECOVERY = "recovery"


PAGES: Final[Mapping[LinkPurpose, str]] = {
    LinkPurpose.SETUP: "/setup",
    LinkPurpose.INVITATION: "/invite",
    LinkPurpose.RECOVERY: "/recover",
}
"""Where a link of each purpose is opened."""

LIFETIMES: Final[Mapping[LinkPurpose, timedelta]] = {
    LinkPurpose.SETUP: timedelta(hours=24),
    LinkPurpose.INVITATION: timedelta(hours=72),
    LinkPurpose.RECOVERY: timedelta(hours=24),
}
"""Days enough to read one's mail, and no more (ASVS 5.0, 6.4.1)."""


class LinkEndedError(NotPermittedError):
    """A link opens nothing: one answer, whether it was used, has ended or never was."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("This link opens nothing any more, or was cut. Ask whoever sent it for a new one.")


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that was just made.

    Attributes:
        purpose: what it is for.
        secret: opens it; to be shown once and kept by nobody here.
        expires_at: until when.
    """

    purpose: LinkPurpose
    secret: str = field(repr=False)
    expires_at: datetime

    def address(self, public_url: str) -> str:
        """Write it for a browser; what stands behind # reaches no server, and no log of one."""
        return f"{public_url.rstrip('/')}{PAGES[self.purpose]}#{self.secret}"


def hash_link(secret: str) -> bytes:
    """Give what is kept of a link: SHA-256, which suffices for 256 bits of chance.

    Raises:
        LinkEndedError: it is none of ours; nothing needs to be looked up.

    >>> len(hash_link("A" * 43))
    32
    """
    try:
        return hash_secret(secret)
    except NotSignedInError as error:
        raise LinkEndedError from error
