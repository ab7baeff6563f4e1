"""Screens of the audit: events, what verifying found, heads."""

from collections.abc import Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import Listing, facts, note, title
from steelyard.domain.audit import AuditEvent, Fact
from steelyard.services.audit import ChainReport

MOST_FLAWS: Final = 20


def listed(events: Sequence[AuditEvent]) -> Group:
    """Show events, the newest first."""
    if not events:
        return Group(title("Audit"), "", "Nothing was recorded that fits.")
    listing = Listing(">Event", "!When, UTC", "Who", "What", "To", "?Facts")
    for event in events:
        to = f"{event.object_type} {event.object_id}".strip()
        when = event.recorded_at[:19].replace("T", " ")
        listing.add_row(f"{event.sequence}", when, event.actor, event.action, to, _facts(event.facts))
    older = [note(f"Older: steelyard audit list --before {events[-1].sequence}")]
    return Group(title("Audit"), "", listing, *(older if events[-1].sequence > 1 else []))


def _facts(found: "dict[str, Fact] | Any") -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items() if value is not None)


def verified(reports: Sequence[ChainReport]) -> Group:
    """Show what verifying found, a part a chain."""
    parts: list[RenderableType] = []
    for report in reports:
        parts += [*_verified(report, alone=len(reports) == 1), ""]
    return Group(*parts[:-1])


def _verified(report: ChainReport, *, alone: bool) -> list[RenderableType]:
    flaws = len(report.flaws) + report.more_flaws
    is_whole = Text("✓ whole", "green") if not flaws else Text(f"✗ {flaws:,} wrong", "red")
    kept = (
        f"{report.kept_heads:,} agree, the last of event {report.last_kept:,}"
        if report.kept_heads
        else "none"
    )
    lines: list[tuple[str, RenderableType]] = [
        ("Chain", is_whole),
        ("Events", f"{report.events:,}"),
        ("Kept heads", kept),
    ]
    if report.pending:
        lines.append(("Waiting", f"{report.pending:,} for the next event"))
    more = flaws - len(report.flaws[:MOST_FLAWS])
    rest = [note(f"… and {more:,} more; `steelyard audit verify --json` has a thousand.")] if more else []
    name = "Audit" if alone else f"Audit of tenant {report.tenant_id}"
    return [title(name), "", facts(lines), *(flaw.reason for flaw in report.flaws[:MOST_FLAWS]), *rest]


def heads(found: Sequence[dict[str, Any]], *, signed: bool) -> Group:
    """Show the ends of chains."""
    if not found:
        return Group(title("Audit"), "", "No chain went on since its last kept head.")
    parts = [
        facts([("Tenant", f"{one['tenant_id']}"), ("Event", f"{one['sequence']}"), ("Hash", one["hash"])])
        for one in found
    ]
    end = "Signed and kept." if signed else "Not signed; --sign signs and keeps them."
    return Group(title("Heads of the audit"), "", *parts, "", note(end))
