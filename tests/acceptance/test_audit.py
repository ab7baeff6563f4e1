"""The operator at the terminal sees what was done, proves that nobody changed it, and looks after people's data."""

import asyncio
import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tampering import superuser
from terminal import Terminal

Run = Callable[..., str]

GUARDS = "alter table steelyard.audit_events {verb} trigger audit_events_are_append_only"


@pytest.fixture
def ask(steelyard_here: Run) -> Callable[..., Any]:
    return lambda *arguments: json.loads(steelyard_here(*arguments, "--json"))


@contextmanager
def actor_of_event(terminal: Terminal, sequence: int, actor: str) -> Iterator[None]:
    """Let another have done something, for a while."""

    server = terminal.server()

    async def change(name: str) -> None:
        async with superuser(server) as connection:
            await connection.execute(GUARDS.format(verb="disable"))
            await connection.execute(
                "update steelyard.audit_events set actor = $1 where sequence = $2", name, sequence
            )
            await connection.execute(GUARDS.format(verb="enable always"))

    asyncio.run(change(actor))
    yield
    asyncio.run(change("operator"))


def bytes_of(event: dict[str, Any]) -> bytes:
    """The bytes of an event, by the page alone."""
    names = "previous_hash tenant_id sequence recorded_at actor action object_type object_id facts request_id"
    items = [event[name] for name in names.split()]
    return json.dumps(items, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def test_a_demo_leaves_its_events_and_a_refresh_that_changes_nothing_none(
    steelyard_here: Run, ask: Callable[..., Any]
) -> None:
    done = [(event["action"], event["actor"]) for event in reversed(ask("audit", "list", "--limit", "1000"))]
    assert done[:3] == [
        ("schema.migrate", "operator"),
        ("book.load", "operator"),
        ("asset_360.publish", "operator"),
    ]
    before = len(done)
    steelyard_here("refresh")
    assert len(ask("audit", "list", "--limit", "1000")) == before
    assert "asset_360.publish" in steelyard_here("audit", "list", "--limit", "1000")


def test_heads_are_kept_without_anybody_asking(
    terminal: Terminal, ask: Callable[..., Any], steelyard_here: Run
) -> None:
    kept = [json.loads(line) for line in (terminal.home / "audit" / "heads.jsonl").read_text().splitlines()]
    assert {head["public_key"] for head in kept} == {steelyard_here("audit", "key").strip()}
    (report,) = ask("audit", "verify")
    assert report["flaws"] == []
    assert report["kept_heads"] == len(kept) > 0
    (end,) = ask("audit", "head")
    signed = ask("audit", "head", "--sign")
    assert [one["hash"] for one in signed] in ([], [end["hash"]])
    assert "✓ whole" in steelyard_here("audit", "verify")


def test_a_changed_event_is_named_and_the_exit_code_says_so(terminal: Terminal, steelyard_here: Run) -> None:
    with actor_of_event(terminal, 2, "user:somebody"):
        done = terminal.run("audit", "verify")
        assert done.returncode == 1
        assert "Event 2 is not what was recorded" in done.stdout
    assert "✓ whole" in steelyard_here("audit", "verify")


def test_an_export_is_verified_by_the_page_alone(steelyard_here: Run, tmp_path: Path) -> None:
    steelyard_here("audit", "export", "--output", str(tmp_path / "audit.jsonl"))
    events = [
        json.loads(line) for line in (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    before = "0" * 64
    for sequence, event in enumerate(events, 1):
        assert (event["sequence"], event["previous_hash"]) == (sequence, before)
        before = event["hash"]
        assert hashlib.sha256(bytes_of(event)).hexdigest() == before
    assert events[-1]["action"] == "audit.export"
    assert "Name a file that does not exist" in steelyard_here(
        "audit", "export", "--output", str(tmp_path / "audit.jsonl"), code=1
    )


def test_an_export_for_a_spreadsheet_has_a_row_an_event(steelyard_here: Run) -> None:
    rows = [
        *csv.DictReader(
            steelyard_here("audit", "export", "--format", "csv", "--action", "book.load").splitlines()
        )
    ]
    assert {row["action"] for row in rows} == {"book.load"}
    assert json.loads(rows[0]["facts"])["status"] == "loaded"
    assert steelyard_here("audit", "export", "--until", "2020-01-01") == ""


def test_a_wrong_key_is_told(steelyard_here: Run) -> None:
    assert "64 hexadecimal digits" in steelyard_here("audit", "verify", "--key", "abc", code=1)


def test_somebodys_data_is_given_out_held_and_erased(
    steelyard_here: Run, ask: Callable[..., Any], tmp_path: Path
) -> None:
    steelyard_here("user", "add", "canary@example.org", "--name", "Canary", "--role", "viewer")
    path = tmp_path / "canary.json"
    steelyard_here("personal-data", "export", "canary@example.org", "--output", str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    (user,) = json.loads(path.read_text())["tables"]["users"]
    assert (user["login_sealed"], user["name_sealed"]) == ("canary@example.org", "Canary")

    assert "Nothing was erased" in steelyard_here("personal-data", "erase", "canary@example.org", code=1)
    steelyard_here("user", "disable", "canary@example.org")
    hold = steelyard_here(
        "personal-data", "hold", "place", "--user", "canary@example.org", "--reason", "case 7"
    ).strip()
    assert hold in steelyard_here("personal-data", "erase", "canary@example.org", "--yes", code=1)
    assert [one["reason"] for one in ask("personal-data", "hold", "list")] == ["case 7"]
    assert "case 7" in steelyard_here("personal-data", "hold", "list")
    steelyard_here("personal-data", "hold", "release", hold)
    assert ask("personal-data", "hold", "list") == []
    assert len(ask("personal-data", "hold", "list", "--all")) == 1

    assert "leads from the key" in steelyard_here("personal-data", "erase", "canary@example.org", "--yes")
    assert "no user" in steelyard_here("personal-data", "export", "canary@example.org", code=1)
    assert "canary" not in json.dumps(ask("audit", "list", "--limit", "1000")).lower()
    assert "✓ whole" in steelyard_here("audit", "verify")
