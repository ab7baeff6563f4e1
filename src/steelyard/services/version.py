"""Changing what one has read, and not what somebody else made of it meanwhile."""

from steelyard.errors import ConflictError


class ChangedMeanwhileError(ConflictError):
    """What is to be changed has another version by now than the one that was read."""

    def __init__(self, what: str, expected: int, version: int) -> None:
        """Name it, and both versions; 0 = it is not there."""
        now = f"is at version {version}" if version else "is not there"
        meant = f"version {expected}" if expected else "making it"
        super().__init__(f"{what} {now}, and this was about {meant}. Read it again, then decide.")


def require_version(what: str, *, expected: int, version: int) -> None:
    """Return where the version is the one that was read.

    Raises:
        ChangedMeanwhileError: it is another.

    >>> require_version("The profile of RIVERA-IRA", expected=3, version=3)
    """
    if expected != version:
        raise ChangedMeanwhileError(what, expected, version)
