"""What goes wrong in a session once it is open, as one sentence each; a defect of ours passes unchanged."""

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from steelyard.errors import ConflictError, NotPermittedError, SteelyardError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Iterator

_CLASS_NAME: Final = re.compile(r"^<class '[^']*'>: ")  # SQLAlchemy puts it before what the server said
_DEFECTS: Final = ("25", "42")  # transactions in a wrong state, wrong statements: ours, and not for users


class DatabaseLostError(UpstreamError):
    """The server went away during the work."""

    is_temporary = True

    def __init__(self, place: str) -> None:
        """Say what became of the work."""
        super().__init__(
            f"The connection to {place} was lost during the work; unless it had just been committed, it was "
            "rolled back. Run the same command again."
        )


class DatabaseFullError(UpstreamError):
    """The server has no space left."""

    def __init__(self, place: str) -> None:
        """Say what became of the work."""
        super().__init__(
            f"The disk of {place} is full; the work was rolled back. Free space and run the command again."
        )


class DatabaseReadOnlyError(UpstreamError):
    """The server takes no changes."""

    def __init__(self, place: str) -> None:
        """Name the usual causes."""
        super().__init__(
            f"The database at {place} is read-only, and nothing was changed. It may be a standby, or "
            "default_transaction_read_only may be on; name the primary, or let it write, and run the command again."
        )


class DatabaseFailedError(UpstreamError):
    """The server ended the work for a reason of its own, or of the data's."""

    def __init__(self, reason: str) -> None:
        """Quote the server."""
        super().__init__(
            f"The database ended the work: {reason}. Nothing was changed; put that right and run the command again."
        )


class DatabaseBusyError(ConflictError):
    """Another transaction was in the way."""

    is_temporary = True

    def __init__(self, reason: str) -> None:
        """Quote the server."""
        super().__init__(f"Another transaction was in the way ({reason}); nothing was changed. Try again.")


class RightMissingError(NotPermittedError):
    """The role of the session lacks a right."""

    def __init__(self, reason: str) -> None:
        """Quote the server."""
        super().__init__(f"The database does not allow it: {reason}. Run `steelyard init` as its owner.")


@contextmanager
def explained(place: str) -> "Iterator[None]":
    """Turn what the server does to a session into our errors; a defect of ours passes unchanged."""
    try:
        yield
    except PoolTimeoutError as error:
        raise DatabaseBusyError("every connection is at work") from error
    except (
        DBAPIError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        ConnectionError,
    ) as error:
        known = _explain(place, error) or _explain_what_led_to(place, error)
        if known is None:
            raise
        raise known from error


def _explain_what_led_to(place: str, error: BaseException) -> SteelyardError | None:
    """Explain the error behind one that only came of it: a rollback fails, too, when the server is gone."""
    cause = error.__context__
    while cause is not None:
        known = _explain(place, cause)
        if isinstance(known, DatabaseLostError):
            return known
        cause = cause.__context__
    return None


def _was_lost(error: BaseException) -> bool:
    """Tell a lost connection from a wrong call; a server killed at the right moment confuses the driver's state."""
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error)
    return isinstance(error, asyncpg.InternalClientError | ConnectionError)


def _explain(place: str, error: BaseException) -> SteelyardError | None:
    said = error.orig if isinstance(error, DBAPIError) else error
    lost = error.connection_invalidated if isinstance(error, DBAPIError) else _was_lost(error)
    state = str(getattr(said, "sqlstate", None) or "")
    reason = _CLASS_NAME.sub("", str(said)).partition("\n")[0]
    if lost or state.startswith(("08", "57P")):
        return DatabaseLostError(place)
    if state == "53100":
        return DatabaseFullError(place)
    if state in {"40001", "40P01", "55P03"}:
        return DatabaseBusyError(reason)
    if state == "25006":
        return DatabaseReadOnlyError(place)
    if state == "42501":
        return RightMissingError(reason)
    return DatabaseFailedError(reason) if state and not state.startswith(_DEFECTS) else None
