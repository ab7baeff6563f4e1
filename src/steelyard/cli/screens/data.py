"""Screens of what the store was given: its schema, loads and versions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import Listing, facts, note, title
from steelyard.cli.screens.changes import changed
from steelyard.domain.finding import Finding
from steelyard.domain.transaction import describe_fault
from steelyard.services.asset_360 import Refresh
from steelyard.services.changes import Changes
from steelyard.services.keeping import Keeping
from steelyard.services.loading import LoadSummary
from steelyard.storage.asset_360 import Version
from steelyard.storage.migration import MigrationResult

MOST_FINDINGS: Final = 20
COUNTED: Final = "Aside: kept among the findings and not used. Flagged: used, and marked."


def migrated(done: MigrationResult, place: str, key_file: Path | None = None) -> Group:
    """Say what became of the schema, and where a key file was made."""
    keys = [note(f"Made the key file {key_file}: keep a copy, apart from backups.")] if key_file else []
    if not done.revisions and not done.files:
        return Group(f"The schema is up to date in {place}.", *keys)
    made = [
        ("Revisions", ", ".join(done.revisions) or "none"),
        ("Procedures", ", ".join(done.files) or "none"),
    ]
    return Group(
        f"The schema is ready in {place}.",
        facts(made),
        *keys,
        note(f"Next: steelyard {'load DIR' if done.revisions else 'refresh'}"),
    )


def loaded(answer: dict[str, Any]) -> Group:
    """Show what became of each file, what is in doubt, and the version that came of it."""
    load: LoadSummary = answer["load"]
    published: Refresh | None = answer["refresh"]
    parts: list[RenderableType] = [title("Load"), "", _tables(load), "", note(COUNTED)]
    parts += [note(line) for line in load.notes]
    parts += _findings(load)
    parts += _ledger(load.ledger)
    parts.append("Nothing was new." if load.status == "unchanged" else f"Run {load.run_id} is stored.")
    parts.append(refreshed(published) if published else note("Next: steelyard refresh"))
    return Group(*parts)


def _tables(load: LoadSummary) -> Listing:
    listing = Listing("Table", "?>Rows", ">Added", "?>Corrected", ">Same", "?>Removed", ">Aside", ">Flagged")
    for table in load.tables:
        counts = (
            table.read,
            table.added,
            table.corrected,
            table.unchanged,
            table.removed,
            table.quarantined,
            table.flagged,
        )
        listing.add_row(table.table_name, *(f"{count:,}" for count in counts))
    return listing


def _ledger(keeping: Keeping | None) -> list[RenderableType]:
    """Say what became of the ledger, and who keeps what accounts hold."""
    if keeping is None:
        return []
    corrected = f" ({keeping.corrected:,} taken back)" if keeping.corrected else ""
    kept = _count(keeping.by_ledger, "account is", "accounts are") + " kept by it"
    lines: list[RenderableType] = [f"Ledger: {_count(keeping.posted, 'entry')} posted{corrected}; {kept}."]
    if keeping.differing:
        differ = _count(keeping.differing, "account keeps its", "accounts keep their")
        lines.append(note(f"{differ} snapshots, which say otherwise: steelyard ledger reconcile"))
    lines += [
        note(f"{_count(many, 'transaction')} not booked: {describe_fault(fault)}.")
        for fault, many in keeping.unposted.items()
    ]
    if keeping.cash_assets:
        lines.append(note(f"Assets made for money: {', '.join(keeping.cash_assets)}."))
    return lines


def _count(number: int, one: str, many: str = "") -> str:
    """Put a number before a noun.

    >>> _count(1, "entry"), _count(2_000, "entry")
    ('1 entry', '2,000 entries')
    """
    several = many or (f"{one[:-1]}ies" if one.endswith("y") else f"{one}s")
    return f"{number:,} {one if number == 1 else several}"


def _findings(load: LoadSummary) -> list[RenderableType]:
    if not load.findings:
        return []
    listing = Listing("Where", "What")
    for finding in load.findings[:MOST_FINDINGS]:
        listing.add_row(_place(finding), _story(finding))
    more = len(load.findings) - MOST_FINDINGS
    rest = [note(f"… and {more:,} more; all in data_quality_findings, and `steelyard doctor` counts them.")]
    return ["", listing, *(rest if more > 0 else []), ""]


def _place(finding: Finding) -> str:
    return finding.file_name if finding.row_number is None else f"{finding.file_name}:{finding.row_number}"


def _story(finding: Finding) -> str:
    about = (finding.asset_id, finding.finding_date, finding.severity, finding.kind)
    return f"{', '.join(f'{part}' for part in about if part)}: {finding.reason}"


def refreshed(done: Refresh) -> Text:
    """Say what a refresh did."""
    if not done.published:
        return Text(f"Nothing had changed: version {done.version} as of {done.as_of} stands.")
    derived = (
        f", with the history of {done.derived_assets:,} assets derived anew" if done.derived_assets else ""
    )
    return Text(f"Published version {done.version} as of {done.as_of}{derived}.")


def published(done: Refresh, changes: Changes | None) -> Group:
    """Say what a refresh did, and what is otherwise than in the version before."""
    if changes is None:
        return Group(refreshed(done))
    return Group(refreshed(done), "", changed(changes))


def versions(kept: Sequence[Version]) -> Group:
    """Show the kept versions, newest first."""
    if not kept:
        return Group("No version is kept yet; make one with `steelyard refresh`.")
    listing = Listing(">Version", "As of", ">Rows", "Assets", "?Made (UTC)", "")
    for version in kept:
        listing.add_row(
            f"{version.version}",
            version.as_of.isoformat(),
            f"{version.row_count:,}",
            "all" if version.universe else "concerned",
            f"{version.recorded_at:%Y-%m-%d %H:%M}",
            "current" if version.is_current else "",
        )
    meaning = note("Rows count every scope. Concerned: held, traded, targeted or checked.")
    return Group(title("Versions"), "", listing, "", meaning)
