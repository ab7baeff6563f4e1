"""Kill switches: nothing more is sent, of a tenant or of the whole installation; what was sent is still followed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from steelyard.errors import ConflictError, InvalidInputError
from steelyard.storage import trading_stop as stored
from steelyard.storage.acting import acting_of
from steelyard.storage.audit import record_event
from steelyard.storage.connection import ReadSession, WriteSession
from steelyard.storage.notice import notify_owners
from steelyard.storage.trading_stop import PulledStop

MAX_REASON: Final = 2000


class StopReasonError(InvalidInputError):
    """A kill switch is pulled or released without a reason."""

    def __init__(self) -> None:
        """Say the rule."""
        super().__init__(f"Say why, in 1 to {MAX_REASON} characters: it is kept for whoever asks later.")


class AlreadyStoppedError(ConflictError):
    """The kill switch is pulled already."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("Trading is stopped already; `steelyard orders list` says by whom and why.")


class NotStoppedError(ConflictError):
    """The kill switch is not pulled."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__("Trading is not stopped, so nothing was released.")


async def stop_trading(db: WriteSession, reason: str, *, of_all: bool = False) -> None:
    """Pull the kill switch: when this transaction ends, no order is sent any more.

    What a worker had committed to send before is sent; what is at the broker stays there, and is followed.

    Args:
        db: acting as who pulls it.
        reason: why.
        of_all: of the whole installation, and not of the session's tenant alone.

    Raises:
        StopReasonError: there is no reason, or one too long.
        AlreadyStoppedError: it is pulled already.
    """
    _require_reason(reason)
    tenant_id = acting_of(db).tenant_id or 0
    pulled = (
        await stored.pull_stop(db, reason) if of_all else await stored.pull_kill_switch(db, tenant_id, reason)
    )
    if pulled is None:
        raise AlreadyStoppedError
    await notify_owners(db, "stop.pull")
    facts = {"reason": reason, "of": "installation" if of_all else "tenant"}
    await record_event(db, "stop.pull", "stop", str(pulled), facts)


async def resume_trading(db: WriteSession, reason: str, *, now: datetime, of_all: bool = False) -> None:
    """Release the kill switch: what waited is sent, unless its day is over or something else holds it back.

    Args:
        db: acting as who releases it.
        reason: why.
        now: the time.
        of_all: of the whole installation.

    Raises:
        StopReasonError: there is no reason, or one too long.
        NotStoppedError: it is not pulled.
    """
    _require_reason(reason)
    if of_all:
        released = await stored.release_stop(db, now=now)
    else:
        released = await stored.release_kill_switch(db, reason, now=now)
    if released is None:
        raise NotStoppedError
    facts = {"reason": reason, "of": "installation" if of_all else "tenant"}
    await record_event(db, "stop.release", "stop", str(released), facts)


async def get_stops(db: ReadSession | WriteSession) -> Sequence[PulledStop]:
    """Return the kill switches that are pulled: of the installation first, then of the session's tenant."""
    return await stored.list_stops(db)


def _require_reason(reason: str) -> None:
    if not 0 < len(reason.strip()) <= len(reason) <= MAX_REASON:
        raise StopReasonError
