"""Chains of audit events made without a database, for tests."""

from collections.abc import Sequence
from dataclasses import replace

from steelyard.domain.audit import NO_HASH, AuditEvent, AuditHead, ChainCheck, ChainFlaw, hash_of


def chain(length: int, *, tenant_id: int = 1, actor: str = "operator") -> list[AuditEvent]:
    """Return a whole chain; `actor` makes another one."""
    events: list[AuditEvent] = []
    for sequence in range(1, length + 1):
        before = events[-1].hash if events else NO_HASH
        moment = f"2026-11-21T09:30:00.{sequence:06d}Z"
        facts = {"number": sequence}
        made = AuditEvent(
            tenant_id,
            sequence,
            moment,
            actor,
            "test.happen",
            "test",
            f"{sequence}",
            facts,
            "",
            before,
            NO_HASH,
        )
        events.append(replace(made, hash=hash_of(made)))
    return events


def head_of(events: Sequence[AuditEvent], *, tenant_id: int = 1) -> AuditHead:
    """Return the head of a chain."""
    return (
        AuditHead(tenant_id, events[-1].sequence, events[-1].hash)
        if events
        else AuditHead(tenant_id, 0, NO_HASH)
    )


def flaws_of(
    events: Sequence[AuditEvent], *, head: AuditHead | None = None, kept: Sequence[AuditHead] = ()
) -> list[ChainFlaw]:
    """Check a chain against its head, its own where none is given, and against kept ones."""
    check = ChainCheck(1, kept)
    found = [flaw for event in events for flaw in check.see(event)]
    return [*found, *check.end(head_of(events) if head is None else head)]
