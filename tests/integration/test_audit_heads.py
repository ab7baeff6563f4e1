"""Signed heads of the audit: kept outside the database, they find what the chain itself no longer tells."""

import asyncio
import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

import pytest
from sqlalchemy import text

from people import run
from steelyard.domain.audit import FlawKind
from steelyard.identity.audit import make_audit_key, public_bytes
from steelyard.services.audit import (
    AuditPlaces,
    ChainReport,
    HeadsFileError,
    export_events,
    find_places,
    get_events,
    ship_heads,
    verify_chains,
)
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.audit import EventFilter, record_event
from steelyard.storage.connection import Pool, get_migrator_session, get_write_session
from steelyard.storage.embedded import EmbeddedServer
from tampering import REHASH, tamper

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
EDIT = "update steelyard.audit_events set actor = 'user:else' where sequence = 3"


@pytest.fixture
def places(tmp_path: Path) -> AuditPlaces:
    return AuditPlaces(tmp_path / "keys" / "audit.key", tmp_path / "audit" / "heads.jsonl")


@pytest.fixture(autouse=True)
async def two_tenants(own_store: Pool) -> None:
    del own_store
    async with get_migrator_session() as db:
        await db.execute(text("insert into steelyard.tenants (tenant_id, tenant_name) values (2, 'second')"))


async def happen(count: int, tenant_id: int = 1, **acting: str) -> None:
    with acting_as(Acting(tenant_id, acting.get("actor", "operator"))):
        for number in range(count):
            async with get_write_session() as db:
                await record_event(db, "test.happen", "test", f"{number}")


async def verified(places: AuditPlaces, *trusted: bytes) -> dict[int, ChainReport]:
    return {report.tenant_id: report for report in await verify_chains(places, trusted=trusted)}


def kinds(report: ChainReport) -> list[tuple[FlawKind, int]]:
    return [(flaw.kind, flaw.sequence) for flaw in report.flaws]


async def test_the_head_of_every_chain_that_went_on_is_kept(
    places: AuditPlaces, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "steelyard")
    await happen(3)
    (first,) = await ship_heads(places, NOW)
    await happen(2, tenant_id=2)
    (second,) = await ship_heads(places, NOW)
    assert await ship_heads(places, NOW) == ()
    assert places.heads is not None
    assert [head.head.sequence for head in (first, second)] == [4, 2]
    lines = [json.loads(line) for line in places.heads.read_text().splitlines()]
    assert [(line["tenant_id"], line["sequence"], line["signed_at"]) for line in lines] == [
        (1, 4, "2026-11-21T09:30:00Z"),
        (2, 2, "2026-11-21T09:30:00Z"),
    ]
    logged = [vars(record) for record in caplog.records if record.message == "audit head"]
    assert [{name: one[name] for name in lines[0]} for one in logged] == lines
    assert places.heads.stat().st_mode & 0o777 == 0o600
    reports = await verified(places)
    assert {tenant: (one.events, one.kept_heads, one.last_kept) for tenant, one in reports.items()} == {
        1: (4, 1, 4),
        2: (2, 1, 2),
    }
    assert not any(report.flaws for report in reports.values())


async def test_what_waits_for_the_chain_is_put_there_first(places: AuditPlaces) -> None:
    with acting_as(Acting(2, "operator")):
        async with get_write_session(isolation="REPEATABLE READ") as db:
            await record_event(db, "test.happen", "test", "")
    assert (await verified(places))[2].pending == 1
    assert [head.head.tenant_id for head in await ship_heads(places, NOW)] == [1, 2]
    report = (await verified(places))[2]
    assert (report.pending, report.events, report.flaws) == (0, 1, ())


async def test_a_chain_rewritten_from_the_middle_is_found(
    places: AuditPlaces, own_database: EmbeddedServer
) -> None:
    await happen(1)
    await ship_heads(places, NOW)
    await happen(6)
    await ship_heads(places, NOW)
    await tamper(own_database, EDIT, REHASH)
    assert kinds((await verified(replace(places, heads=None)))[1]) == []
    report = (await verified(places))[1]
    assert (kinds(report), report.last_kept) == ([(FlawKind.REWRITTEN, 8)], 2)


async def test_an_edit_is_named_without_any_head(places: AuditPlaces, own_database: EmbeddedServer) -> None:
    await happen(6)
    await tamper(own_database, EDIT)
    reports = await verified(places)
    assert kinds(reports[1]) == [(FlawKind.EDITED, 3)]
    assert reports[2].flaws == ()


async def test_a_thousand_flaws_are_listed_and_the_others_counted(
    places: AuditPlaces, own_database: EmbeddedServer
) -> None:
    await run(
        "select count(steelyard.record_event('test.happen', 'test', n::text, '{}')) from generate_series(1, 1003) as n"
    )
    await tamper(own_database, "update steelyard.audit_events set actor = 'user:else'")
    report = (await verified(places))[1]
    assert (len(report.flaws), report.more_flaws) == (1000, 4)


async def test_a_head_that_somebody_forged_is_named(places: AuditPlaces, tmp_path: Path) -> None:
    assert places.heads is not None
    await happen(3)
    await ship_heads(places, NOW)
    line = places.heads.read_text()
    places.heads.write_text(line.replace('"sequence":4', '"sequence":3') + "nonsense\n")
    report = (await verified(places))[1]
    assert kinds(report) == [(FlawKind.HEAD_UNSIGNED, 3), (FlawKind.HEAD_UNSIGNED, 0)]
    assert [flaw.reason.partition(" is ")[2] for flaw in report.flaws] == [
        "not what was signed: somebody changed it.",
        "no kept head: not one plain JSON object.",
    ]
    places.heads.write_text(line)
    others = replace(places, key=tmp_path / "others.key")
    (flaw,) = (await verified(others))[1].flaws
    assert "a key that is not trusted here" in flaw.reason
    ours = public_bytes(make_audit_key(places.key, token_bytes))
    assert (await verified(others, ours))[1].flaws == ()


async def test_heads_of_two_processes_at_once_are_all_whole(places: AuditPlaces) -> None:
    await asyncio.gather(*(ship_heads(places, NOW) for _ in range(4)))
    assert places.heads is not None
    assert {json.loads(line)["sequence"] for line in places.heads.read_text().splitlines()} == {1}
    assert (await verified(places))[1].flaws == ()


async def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for heads in (tmp_path / "file" / "heads.jsonl", tmp_path):
        with pytest.raises(HeadsFileError, match="STEELYARD_AUDIT_HEADS"):
            await ship_heads(AuditPlaces(tmp_path / "audit.key", heads), NOW)


async def test_heads_stand_in_the_data_folder_unless_a_setting_says_otherwise(
    own_store: Pool, tmp_path: Path
) -> None:
    ours = find_places(None, None, tmp_path, own_store)
    assert (ours.key, ours.heads) == (
        tmp_path / "keys" / "audit.key",
        tmp_path / "audit" / own_store.place.replace("/", "-").replace(":", "-").strip("-") / "heads.jsonl",
    )
    named = find_places(tmp_path / "k" / "master.key", tmp_path / "elsewhere", tmp_path, own_store)
    assert (named.key, named.heads) == (tmp_path / "k" / "audit.key", tmp_path / "elsewhere" / "heads.jsonl")
    assert find_places(None, "log", tmp_path, own_store).heads is None


async def test_an_export_is_of_the_tenant_at_work_and_is_itself_recorded() -> None:
    await happen(2)
    await happen(3, tenant_id=2, actor="user:ada")
    with acting_as(Acting(2, "user:compliance")):
        found = [event async for event in export_events(EventFilter(action="test.happen", actor="user:ada"))]
        (newest, *_) = await get_events()
        assert (newest.actor, newest.action) == ("user:compliance", "audit.export")
        assert newest.facts == {"action": "test.happen", "actor": "user:ada"}
        assert [event.sequence for event in await get_events(before=4, limit=2)] == [3, 2]
    assert [(event.tenant_id, event.sequence) for event in found] == [(2, 1), (2, 2), (2, 3)]


async def test_events_are_found_by_period_and_object() -> None:
    await happen(2)
    recorded = datetime.fromisoformat((await get_events(limit=1))[0].recorded_at)
    assert [
        event.object_id for event in await get_events(EventFilter(object_type="test", object_id="1"))
    ] == ["1"]
    assert await get_events(EventFilter(until=recorded, action="test.happen", object_id="1")) == []
    assert [event.object_id for event in await get_events(EventFilter(since=recorded))] == ["1"]
