"""The screens of `db`: the server, its backups, its upgrades."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from rich.console import Group
from rich.text import Text

from steelyard.cli.screens.cells import facts, note, title
from steelyard.storage.backup import Manifest
from steelyard.storage.migration import HEAD
from steelyard.storage.status import Status
from steelyard.storage.upgrade import Upgrade

MEGABYTE: Final = 10**6


def status(found: Status) -> Group:
    """Show how the embedded server is."""
    last = found.last_backup
    pairs = [
        ("PostgreSQL", found.version or "no data yet"),
        ("Process", "none" if found.pid is None else f"{found.pid}"),
        ("Up", "no" if found.uptime_seconds is None else f"{timedelta(seconds=found.uptime_seconds)}"),
        ("Connections", "none" if found.connections is None else f"{found.connections}"),
        ("Folder", found.home),
        ("Size", f"{found.size_bytes / MEGABYTE:,.0f} MB, {found.free_bytes / MEGABYTE:,.0f} MB free"),
        ("Last backup", f"{_moment(last.taken_at)}, {last.path}" if last else "none"),
    ]
    return Group(title("Embedded server"), facts([("State", _state(found)), *pairs]))


def backed_up(made: Manifest, path: Path) -> Group:
    """Say what a backup holds, and how it comes back."""
    return Group(
        f"The backup {path} is made and verified.",
        facts(_held(made)),
        note(f"Back: steelyard db restore {path} --yes"),
    )


def restored(made: Manifest) -> Group:
    """Say what the store is now."""
    older = (
        [note("Its schema is older than this program. Next: steelyard init")] if made.revision < HEAD else []
    )
    return Group("The store is what the backup holds, compared table by table.", facts(_held(made)), *older)


def upgraded(done: Upgrade) -> Group:
    """Say what an upgrade moved."""
    if done.old_major is None:
        return Group(f"Nothing was to be done: the store is on PostgreSQL {done.version}, the newest found.")
    old = f"kept in {done.kept}" if done.kept else "removed"
    moved = f"{done.rows:,} rows of {done.tables} tables, compared one by one"
    return Group(
        f"The store has moved from PostgreSQL {done.old_major} to {done.version}.",
        facts([("Moved", moved if done.tables else "by the run that was interrupted"), ("Old data", old)]),
    )


def _held(made: Manifest) -> list[tuple[str, str]]:
    versions = [f"{found.version} as of {found.as_of}" for found in made.versions]
    return [
        ("Taken", _moment(made.taken_at)),
        ("Rows", f"{made.rows:,} of {len(made.tables)} tables"),
        ("Version", ", ".join(versions) or "none published"),
        ("Schema", f"{made.revision}, PostgreSQL {made.postgres}"),
    ]


def _state(found: Status) -> Text:
    if found.running:
        return Text("running", "green")
    return Text("stopped" if found.pid is None else "starting, recovering or hanging", "yellow")


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
