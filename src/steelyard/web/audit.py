"""The audit: what was done, and by whom, in words; each event checked anew while it is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from steelyard.domain.audit import AuditEvent, hash_of
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.export import exported_events
from steelyard.server.form import AskedForm, Form
from steelyard.server.permits import permits
from steelyard.services import audit
from steelyard.storage.audit import EventFilter
from steelyard.storage.connection import get_db_session
from steelyard.web.audit_words import DID, did, fact_words
from steelyard.web.people import names_of
from steelyard.web.reading import Reading
from steelyard.web.region import Region
from steelyard.web.shell import AskedShell
from steelyard.web.templates import wants_part

ON_A_PAGE: Final = 50
FIELDS: Final = ("actor", "action", "object_type", "object_id", "since", "until")
MOST_EVENTS: Final = 2**62

router = APIRouter(prefix="/audit")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which events are asked for.

    Attributes:
        form: what was typed.
        wanted: what it says; a field that cannot be used says nothing.
        faults: what cannot be used, by the name of the field.
    """

    form: Form
    wanted: EventFilter
    faults: Mapping[str, str]

    @property
    def query(self) -> dict[str, str]:
        """The same as it stands in an address."""
        return {name: self.form.text(name) for name in FIELDS if self.form.text(name)}


def read_filter(form: Form, region: Region) -> Asked:
    """Read which events are wanted; days are those of who looks."""
    reading = Reading(form, region)
    keys = {name: reading.key(name, is_needed=False) for name in FIELDS[:4]}
    since, until = (reading.day(name, is_needed=False) for name in FIELDS[4:])
    end = None if until is None else until + timedelta(days=1)
    return Asked(form, EventFilter(_start(since, region), _start(end, region), **keys), reading.faults)


def _start(day: date | None, region: Region) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), region.zone).astimezone(UTC)


async def _asked(request: Request, shell: AskedShell) -> Asked:
    typed = {name: (request.query_params.get(name, ""),) for name in FIELDS}
    return read_filter(Form(typed), shell.region)


@router.get("", dependencies=[permits(Verb.READ, ObjectType.AUDIT)])
async def show(
    request: Request,
    shell: AskedShell,
    browser: AskingBrowser,
    asked: Annotated[Asked, Depends(_asked)],
    before: Annotated[int | None, Query(ge=1, le=MOST_EVENTS)] = None,
) -> Response:
    """Show events, the newest first."""
    events = await audit.get_events(asked.wanted, before=before, limit=ON_A_PAGE + 1)
    async with get_db_session() as db:
        head = await audit.get_own_head(db, shell.actor.tenant_id if shell.actor else 0)
        names = await names_of(db, shell, browser.entrance.vault)
    content: dict[str, Any] = {
        "events": events[:ON_A_PAGE],
        "next": f"{events[ON_A_PAGE - 1].sequence}" if len(events) > ON_A_PAGE else "",
        "is_first": before is None,
        "head": head,
        "flaws": find_flaws(events),
        "asked": asked,
        "names": names,
        "actions": sorted(DID),
        "did": did,
        "fact_words": fact_words,
        "when": lambda event: datetime.fromisoformat(event.recorded_at),
    }
    page = "audit_part.html" if wants_part(request) else "audit.html"
    return shell.draw(page, title="Audit", **content)


@router.post("/export", dependencies=[permits(Verb.EXPORT, ObjectType.AUDIT)])
async def export(shell: AskedShell, form: AskedForm) -> Response:
    """Export events as a file, with their hashes; that it was done is recorded."""
    asked = read_filter(form, shell.region)
    if asked.faults:
        return shell.draw("audit_refused.html", title="Export the audit", status=422, asked=asked)
    return exported_events(asked.wanted, file_name="audit.jsonl")


def find_flaws(events: Sequence[AuditEvent]) -> set[int]:
    """Return the numbers of events that are not what was recorded, or do not follow the one before among these.

    Args:
        events: the newest first.
    """
    edited = {event.sequence for event in events if hash_of(event) != event.hash}
    unlinked = {
        later.sequence
        for later, earlier in pairwise(events)
        if later.sequence == earlier.sequence + 1 and later.previous_hash != earlier.hash
    }
    return edited | unlinked
