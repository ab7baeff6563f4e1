"""The audit's chain of events in the store."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row

from steelyard.domain.audit import NO_HASH, AuditEvent, AuditHead, Fact
from steelyard.storage.connection import MigratorSession, ReadSession, WriteSession
from steelyard.storage.queries import query

_AT_ONCE: Final = 1000  # events held in memory while a chain is read


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events.

    Attributes:
        since, until: recorded from the first moment on, and before the second; None = from ever, for ever.
        actor, action, object_type, object_id: only of this; None = of any.
    """

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: str | None = None


EVERY: Final = EventFilter()


async def record_event(
    db: WriteSession | MigratorSession,
    action: str,
    object_type: str,
    object_id: str,
    facts: Mapping[str, Fact] | None = None,
) -> int | None:
    """Add an event to the chain of the session's tenant, in the transaction of what it tells.

    Call it last: whoever adds an event for the same tenant waits until this transaction ends.

    Args:
        db: the session of the change.
        action: what was done, noun.verb.
        object_type: what it was done to.
        object_id: which one; "" where there is only one.
        facts: what else matters, amounts of money as text; never a secret, never a person's data.

    Returns:
        Its number in the chain; None in a transaction that sees one moment of the store (REPEATABLE READ), whose
        event the next one, or `chain_pending_events`, puts there.
    """
    values = {
        "action": action,
        "object_type": object_type,
        "object_id": object_id,
        "facts": json.dumps(facts or {}),
    }
    sequence: int | None = (await db.execute(query("record_event"), values)).scalar_one()
    return sequence


async def chain_pending_events(db: WriteSession) -> int:
    """Put the events that wait into the chain of the session's tenant; returns how many did."""
    count: int = (await db.execute(query("chain_pending_events"))).scalar_one()
    return count


async def get_heads(db: ReadSession) -> list[tuple[AuditHead, int]]:
    """Return the end of every tenant's chain, and how many events wait for it."""
    rows = await db.execute(query("get_audit_heads"))
    return [(AuditHead(row.tenant_id, row.sequence, row.hash), row.pending) for row in rows]


async def get_head(db: ReadSession | WriteSession, tenant_id: int) -> AuditHead:
    """Return the end of the chain of the session's tenant; number 0 where it has no event."""
    row = (await db.execute(query("get_audit_head"))).one_or_none()
    return AuditHead(tenant_id, 0, NO_HASH) if row is None else AuditHead(*row)


async def read_events(
    db: ReadSession, wanted: EventFilter = EVERY, *, after: int = 0
) -> AsyncIterator[AuditEvent]:
    """Read the chain of the session's tenant in its order, a thousand events at a time.

    Args:
        db: where.
        wanted: which events.
        after: only those of a higher number.
    """
    rows = await db.stream(
        query("get_audit_events"),
        {"after": after, **asdict(wanted)},
        execution_options={"yield_per": _AT_ONCE},
    )
    async for row in rows:
        yield _event(row)


async def get_last_events(
    db: ReadSession, wanted: EventFilter = EVERY, *, before: int | None = None, limit: int
) -> list[AuditEvent]:
    """Return some events of the session's tenant, the newest first; `before` = only those of a lower number."""
    values = {"before": before, "most": limit, **asdict(wanted)}
    return [_event(row) for row in await db.execute(query("get_last_audit_events"), values)]


def _event(row: Row[Any]) -> AuditEvent:
    columns = row._asdict()
    return AuditEvent(**columns | {"facts": _facts(columns["facts"])})


def _facts(text: str) -> dict[str, Fact]:
    """Read facts; those that no event was recorded with become something that no event was recorded with."""
    try:
        facts: dict[str, Fact] = json.loads(text)
    except (ValueError, RecursionError):  # a number of thousands of digits, or very deep
        return {"": text}
    return facts
