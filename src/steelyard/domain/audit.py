"""The audit's law: each event's hash covers its content and the hash before it, so that no event can be changed alone.

docs/reference/audit.md gives the bytes, with an example to check by hand. The database makes the same hashes when it
adds an event; this module never asks it, so that what it says of a chain is a second opinion.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Fact = str | int | bool | None

NO_HASH: Final = bytes(32)
"""What stands in the first event in the place of the hash before it."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """What was done, by whom.

    Attributes:
        tenant_id: whose chain it stands in.
        sequence: its place there: 1, 2, 3 … without a gap.
        recorded_at: when the transaction that did it began: UTC to the microsecond, `2026-11-21T09:30:00.000000Z`.
        actor: operator, user:ID, token:ID or system:WHAT.
        action: noun.verb.
        object_type: what it was done to.
        object_id: which one; "" where there is only one.
        facts: what else matters.
        request_id: the request that asked; "" for the terminal.
        previous_hash: the hash of the event before; `NO_HASH` for the first.
        hash: its own, as it was stored.
    """

    tenant_id: int
    sequence: int
    recorded_at: str
    actor: str
    action: str
    object_type: str
    object_id: str
    facts: Mapping[str, Fact]
    request_id: str
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class AuditHead:
    """The end of a chain at some moment: with it, all that stands before is fixed.

    Attributes:
        tenant_id: whose chain.
        sequence: the number of its last event; 0 = it has none.
        hash: the hash of that event; `NO_HASH` where it has none.
    """

    tenant_id: int
    sequence: int
    hash: bytes


class FlawKind(StrEnum):
    """What is wrong with a chain."""

    EDITED = "edited"
    MISSING = "missing"
    INSERTED = "inserted"
    OUT_OF_ORDER = "out_of_order"
    UNLINKED = "unlinked"
    FOREIGN = "foreign"
    CUT_OFF = "cut_off"
    REWRITTEN = "rewritten"
    HEAD_DIFFERS = "head_differs"
    HEAD_UNSIGNED = "head_unsigned"


@dataclass(frozen=True, slots=True)
class ChainFlaw:
    """What is wrong with a chain, and where.

    Attributes:
        kind: which flaw.
        sequence: the event; the first one missing where events are missing.
        reason: a sentence for people, that names the event.
    """

    kind: FlawKind
    sequence: int
    reason: str


def canonical_bytes(event: AuditEvent) -> bytes:
    """Return the bytes that an event's hash is of: a JSON array as RFC 8785 writes it, in UTF-8.

    Its items, in order: the hash before in 64 hexadecimal digits, tenant, sequence, moment, actor, action, type and
    id of the object, facts, request. Facts are plain: names of small letters, with text, whole numbers of at most 15
    digits, true, false or null; other facts give bytes too, but no event that was recorded has any.

    >>> event = AuditEvent(1, 1, "2026-11-21T09:30:00.000000Z", "operator", "book.load", "book", "", {"rows": 3}, "",
    ...                    NO_HASH, NO_HASH)
    >>> print(canonical_bytes(event).decode().replace("0" * 64, "0…0"))
    ["0…0",1,1,"2026-11-21T09:30:00.000000Z","operator","book.load","book","",{"rows":3},""]
    """
    items = [
        event.previous_hash.hex(),
        event.tenant_id,
        event.sequence,
        event.recorded_at,
        event.actor,
        event.action,
        event.object_type,
        event.object_id,
        event.facts,
        event.request_id,
    ]
    text = json.dumps(items, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def hash_of(event: AuditEvent) -> bytes:
    """Return the hash an event should have: SHA-256 of its canonical bytes."""
    return hashlib.sha256(canonical_bytes(event)).digest()


class ChainCheck:
    """Checks a chain event by event, and holds no more of it than the last one.

    A flaw does not hide the next: after one, the chain is followed from the event as it stands.

    Attributes:
        tenant_id: whose chain.
        events: how many were seen.
        agreeing: how many of the kept heads were met and agree.
        held_at: the event of the last of those; 0 = none yet.

    >>> check = ChainCheck(1)
    >>> list(check.end(AuditHead(1, 0, NO_HASH)))
    []
    >>> [flaw.reason for flaw in check.end(AuditHead(1, 2, bytes(32)))]
    ['The chain ends before event 1, and its head says event 2: events 1 to 2 were taken away.']
    """

    def __init__(self, tenant_id: int, kept: Sequence[AuditHead] = ()) -> None:
        """Begin before the first event.

        Args:
            tenant_id: whose chain it is.
            kept: heads of it that were kept elsewhere; those of other tenants are left alone.
        """
        self.tenant_id = tenant_id
        self.events = self.agreeing = self.held_at = 0
        self._last = AuditHead(tenant_id, 0, NO_HASH)
        own = (head for head in kept if head.tenant_id == tenant_id and head.sequence > 0)
        self._kept = sorted(own, key=lambda head: head.sequence, reverse=True)

    def see(self, event: AuditEvent) -> Iterator[ChainFlaw]:
        """Check the next event; yield what is wrong with it, or with its place."""
        self.events += 1
        if event.tenant_id != self.tenant_id:
            yield _flaw(FlawKind.FOREIGN, event.sequence, f"belongs to tenant {event.tenant_id}")
        yield from self._check_place(event)
        if hash_of(event) != event.hash:
            yield _flaw(
                FlawKind.EDITED, event.sequence, "is not what was recorded: its content has another hash"
            )
        yield from self._check_kept(event)
        self._last = AuditHead(self.tenant_id, event.sequence, event.hash)

    def _check_place(self, event: AuditEvent) -> Iterator[ChainFlaw]:
        expected = self._last.sequence + 1
        if event.sequence == self._last.sequence:
            yield _flaw(FlawKind.INSERTED, event.sequence, "stands there twice")
        elif event.sequence < expected:
            reason = f"stands after event {self._last.sequence}"
            yield _flaw(FlawKind.OUT_OF_ORDER, event.sequence, reason)
        elif event.sequence > expected:
            reason = f"{_events(expected, event.sequence - 1)} missing: event {event.sequence} comes next."
            yield ChainFlaw(FlawKind.MISSING, expected, reason)
        elif event.previous_hash != self._last.hash and expected == 1:
            yield _flaw(FlawKind.UNLINKED, 1, "does not begin the chain: it names a hash before it")
        elif event.previous_hash != self._last.hash:
            reason = (
                f"does not follow event {self._last.sequence} as it stands: it names another hash before it"
            )
            yield _flaw(FlawKind.UNLINKED, event.sequence, reason)

    def _check_kept(self, event: AuditEvent) -> Iterator[ChainFlaw]:
        while self._kept and self._kept[-1].sequence <= event.sequence:
            head = self._kept.pop()
            if head.sequence == event.sequence and head.hash == event.hash:
                self.agreeing += 1
                self.held_at = event.sequence
            elif head.sequence == event.sequence:
                since = (
                    f"after event {self.held_at}, where a kept head still agrees"
                    if self.held_at
                    else "anywhere"
                )
                reason = f"is not the one that a kept head names: the chain was rewritten, {since}"
                yield _flaw(FlawKind.REWRITTEN, event.sequence, reason)

    def end(self, head: AuditHead) -> Iterator[ChainFlaw]:
        """Compare the end of the chain with its head and with the kept ones; yield what is wrong.

        Args:
            head: the head that stands beside the chain.
        """
        last = self._last
        if head.sequence > last.sequence:
            yield _cut_off(last.sequence, head.sequence, "its head says")
        elif (head.sequence, head.hash) != (last.sequence, last.hash):
            reason = (
                f"The chain ends with event {last.sequence}, and its head names another: {head.sequence}."
            )
            yield ChainFlaw(FlawKind.HEAD_DIFFERS, last.sequence, reason)
        if self._kept and self._kept[0].sequence > max(head.sequence, last.sequence):
            yield _cut_off(last.sequence, self._kept[0].sequence, "a kept head says")


def _flaw(kind: FlawKind, sequence: int, reason: str) -> ChainFlaw:
    return ChainFlaw(kind, sequence, f"Event {sequence} {reason}.")


def _cut_off(last: int, expected: int, who: str) -> ChainFlaw:
    before = f"ends with event {last}" if last else "ends before event 1"
    gone = f"events {last + 1} to {expected} were" if expected > last + 1 else f"event {expected} was"
    reason = f"The chain {before}, and {who} event {expected}: {gone} taken away."
    return ChainFlaw(FlawKind.CUT_OFF, last + 1, reason)


def _events(first: int, last: int) -> str:
    return f"Event {first} is" if first == last else f"Events {first} to {last} are"
