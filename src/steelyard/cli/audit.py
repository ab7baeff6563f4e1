"""The commands of the audit: what was done, by whom, and that nobody changed it since."""

import asyncio
import sys
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, time
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from steelyard.cli.codes import FAILED
from steelyard.cli.options import DAY, as_json, examples
from steelyard.cli.output import print_json, show, tell, working
from steelyard.cli.shell import Shell, pass_shell
from steelyard.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from steelyard.domain.audit import AuditEvent
    from steelyard.services.audit import ChainReport
    from steelyard.storage.audit import EventFilter

_FILE = click.Path(path_type=Path, dir_okay=False)


class ExportFileError(InvalidInputError):
    """The file of an export cannot be made."""

    def __init__(self, path: Path, reason: str) -> None:
        """Name both."""
        super().__init__(
            f"The export cannot be written to {path}: {reason}. Name a file that does not exist."
        )


@click.group()
def audit() -> None:
    """Show, verify and export what was done, and by whom."""


@audit.command(
    epilog=examples(
        "steelyard audit verify", "steelyard audit verify --heads /mnt/elsewhere/heads.jsonl --json"
    )
)
@click.option(
    "--heads", type=_FILE, help="Compare with the heads in this file.  [default: those kept by this machine]"
)
@click.option(
    "--key",
    "keys",
    metavar="HEX",
    multiple=True,
    help="Believe heads signed with this public key, too.  [default: the one at hand]",
)
@as_json
@pass_shell
def verify(shell: Shell, *, heads: Path | None, keys: tuple[str, ...], as_json: bool) -> None:
    """Verify every event anew, and compare the chain with the heads that were kept.

    The exit code is 1 when anything is wrong, and the events are named. Nothing of it relies on the database's
    functions or triggers.
    """
    from steelyard.cli.screens.audit import verified

    with working("Verifying"):
        reports = asyncio.run(_verify(shell, heads, keys))
    if as_json:
        print_json([describe_report(report) for report in reports])
    else:
        show(verified(reports))
    if any(report.flaws for report in reports):
        click.get_current_context().exit(FAILED)


def filter_options(command: "Callable[..., None]") -> "Callable[..., None]":
    """Give a command the options that say which events; it gets them as one `EventFilter` in `wanted`."""

    @click.option("--since", type=DAY, help="Only what was recorded from this day on, UTC.")
    @click.option("--until", type=DAY, help="Only what was recorded before this day, UTC.")
    @click.option("--actor", metavar="WHO", help="Only what they did: operator, user:ID, token:ID …")
    @click.option("--action", metavar="NOUN.VERB", help="Only this.")
    @click.option("--object", "of", metavar="TYPE[:ID]", help="Only what was done to this.")
    @wraps(command)
    def with_filter(
        *args: Any,
        since: date | None,
        until: date | None,
        actor: str | None,
        action: str | None,
        of: str | None,
        **others: Any,
    ) -> None:
        from steelyard.storage.audit import EventFilter

        kind, _, object_id = (of or "").partition(":")
        wanted = EventFilter(_start(since), _start(until), actor, action, kind or None, object_id or None)
        command(*args, wanted=wanted, **others)

    return with_filter


@audit.command(
    "list", epilog=examples("steelyard audit list", "steelyard audit list --actor operator --limit 5")
)
@filter_options
@click.option("--before", type=click.IntRange(min=1), metavar="N", help="Only events of a lower number.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@as_json
@pass_shell
def list_events(
    shell: Shell, *, wanted: "EventFilter", before: int | None, limit: int, as_json: bool
) -> None:
    """Show what was done, the newest first."""
    from steelyard.cli.screens.audit import listed

    events = asyncio.run(_list(shell, wanted, before, limit))
    if as_json:
        print_json([describe_event(event) for event in events])
    else:
        show(listed(events))


@audit.command(
    epilog=examples(
        "steelyard audit export --since 2026-01-01 --until 2027-01-01 --output audit-2026.jsonl",
        "steelyard audit export --format csv --output audit.csv",
    )
)
@filter_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv"]),
    default="jsonl",
    show_default=True,
    help="A JSON object a line, or CSV.",
)
@click.option("--output", type=_FILE, help="A new file.  [default: standard output]")
@pass_shell
def export(shell: Shell, *, wanted: "EventFilter", form: str, output: Path | None) -> None:
    """Write events in their order, with their hashes.

    That it was done is itself recorded.
    """
    asyncio.run(_export(shell, wanted, form, output))


@audit.command(epilog=examples("steelyard audit head", "steelyard audit head --sign --json"))
@click.option("--sign", is_flag=True, help="Sign and keep the heads that went on; show those.")
@as_json
@pass_shell
def head(shell: Shell, *, sign: bool, as_json: bool) -> None:
    """Show the end of each chain; copied elsewhere, it fixes all that stands before."""
    from steelyard.cli.screens.audit import heads

    tell(asyncio.run(_head(shell, sign=sign)), partial(heads, signed=sign), as_json=as_json)


@audit.command(epilog=examples("steelyard audit key"))
@pass_shell
def key(shell: Shell) -> None:
    """Print the public key of this machine's heads; keep it where the heads go."""
    click.echo(asyncio.run(_key(shell)))


def describe_event(event: "AuditEvent") -> dict[str, Any]:
    """Return an event with its hashes in hexadecimal digits."""
    return asdict(event) | {"previous_hash": event.previous_hash.hex(), "hash": event.hash.hex()}


def describe_report(report: "ChainReport") -> dict[str, Any]:
    """Return what verifying found with the head's hash in hexadecimal digits."""
    return asdict(report) | {"head": asdict(report.head) | {"hash": report.head.hash.hex()}}


def _start(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), UTC)


async def _verify(shell: Shell, heads: Path | None, keys: tuple[str, ...]) -> "tuple[ChainReport, ...]":
    from steelyard.identity.audit import parse_public_key
    from steelyard.services.audit import verify_chains

    trusted = {parse_public_key(text) for text in keys}
    async with shell.store() as pool:
        places = shell.audit_places(pool)
        if heads is not None:
            places = replace(places, heads=heads)
        return await verify_chains(places, trusted=trusted)


async def _list(shell: Shell, wanted: "EventFilter", before: int | None, limit: int) -> "list[AuditEvent]":
    from steelyard.services.audit import get_events

    async with shell.store():
        return await get_events(wanted, before=before, limit=limit)


async def _export(shell: Shell, wanted: "EventFilter", form: str, output: Path | None) -> None:
    from steelyard.services.audit import export_events

    async with shell.store():
        with _sink(output) as sink:
            write = _csv_writer(sink) if form == "csv" else partial(_write_line, sink)
            async for event in export_events(wanted):
                write(describe_event(event))


@contextmanager
def _sink(path: Path | None) -> "Iterator[TextIO]":
    if path is None:
        yield sys.stdout
        return
    try:
        with path.open("x", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise ExportFileError(path, error.strerror or str(error)) from error


def _write_line(sink: TextIO, event: dict[str, Any]) -> None:
    import json

    sink.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")


def _csv_writer(sink: TextIO) -> Any:
    import csv
    import json

    from steelyard.domain.audit import AuditEvent
    from steelyard.domain.spreadsheet import cell

    writer = csv.DictWriter(sink, [*AuditEvent.__slots__])
    writer.writeheader()

    def write(event: dict[str, Any]) -> None:
        facts = json.dumps(event["facts"], ensure_ascii=False, sort_keys=True)
        row = event | {"facts": facts}
        writer.writerow({name: cell(one) if isinstance(one, str) else one for name, one in row.items()})

    return write


async def _head(shell: Shell, *, sign: bool) -> list[dict[str, Any]]:
    from steelyard.identity.audit import describe_head
    from steelyard.services.audit import ship_heads
    from steelyard.storage.audit import get_heads
    from steelyard.storage.connection import get_db_session

    async with shell.store() as pool:
        if sign:
            signed = await ship_heads(shell.audit_places(pool), datetime.now(UTC))
            return [describe_head(one) for one in signed]
        async with get_db_session() as db:
            return [asdict(end) | {"hash": end.hash.hex(), "pending": n} for end, n in await get_heads(db)]


async def _key(shell: Shell) -> str:
    from secrets import token_bytes

    from steelyard.identity.audit import make_audit_key, public_bytes

    async with shell.store() as pool:
        return public_bytes(make_audit_key(shell.audit_places(pool).key, token_bytes)).hex()
