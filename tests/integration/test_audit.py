"""The audit's chain in PostgreSQL: it is only added to, whoever changes it is found, and it never forks."""

import asyncio
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from steelyard.domain.audit import AuditEvent, AuditHead, ChainCheck, ChainFlaw, FlawKind, hash_of
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.audit import (
    chain_pending_events,
    get_head,
    get_heads,
    read_events,
    record_event,
)
from steelyard.storage.connection import (
    Pool,
    get_db_session,
    get_migrator_session,
    get_write_session,
    raw_connection,
)
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.failures import DatabaseFailedError, RightMissingError
from tampering import REHASH, superuser, tamper

AWKWARD = 'quote " backslash \\ tab \t bell \x07 delete \x7f line \u2028 astral 🂡 umlaut ü'


async def chain_of() -> list[AuditEvent]:
    """The events after the first, which says that the schema was made."""
    async with get_db_session() as db:
        return [event async for event in read_events(db, after=1)]


async def flaws_of(*kept: AuditHead) -> list[ChainFlaw]:
    async with get_db_session() as db:
        check = ChainCheck(1, kept)
        found = [flaw async for event in read_events(db) for flaw in check.see(event)]
        return [*found, *check.end(await get_head(db, 1))]


async def record(count: int) -> AuditHead:
    for number in range(count):
        async with get_write_session() as db:
            await record_event(db, "test.happen", "test", str(number), {"number": number})
    async with get_db_session() as db:
        return await get_head(db, 1)


# ── What is recorded ────────────────────────────────────────────────────────────────────────────────────────


async def test_the_hashes_of_the_database_are_those_that_python_makes(own_store: Pool) -> None:
    del own_store
    facts: dict[str, Any] = {
        "b": AWKWARD,
        "a": -999_999_999_999_999,
        "aa": True,
        "c": None,
        "a_1": 0,
        "z": "",
    }
    with acting_as(Acting(1, f"user:{AWKWARD}", request_id=AWKWARD)):
        async with get_write_session() as db:
            assert await record_event(db, "test.happen", "test", AWKWARD, facts) == 2
            assert await record_event(db, "test.happen", "", "", None) == 3
    first, second = await chain_of()
    assert (first.facts, first.object_id, first.request_id) == (facts, AWKWARD, AWKWARD)
    assert first.hash == hash_of(first)
    assert [second.previous_hash, second.hash] == [first.hash, hash_of(second)]
    assert await flaws_of() == []


@pytest.mark.parametrize("facts", ['{"a": 1.5}', '{"a": {}}', '{"a": [1]}', '{"A": 1}', '{"a b": 1}', "[]", "3",
                                   '{"a": 1000000000000000}', '{"": 1}'])  # fmt: skip
@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ"])
async def test_facts_that_others_could_write_otherwise_are_refused(
    store: Pool, facts: str, isolation: Any
) -> None:
    del store
    statement = text("select steelyard.record_event('test.happen', 'test', '', cast(:facts as jsonb))")
    with pytest.raises(DatabaseFailedError, match="facts of an event"):
        async with get_write_session(isolation=isolation) as db:
            await db.execute(statement, {"facts": facts})


async def test_an_event_names_who_acts_and_when_the_transaction_began(own_store: Pool) -> None:
    del own_store
    with acting_as(Acting(1, "system:night", request_id="r-1")):
        async with get_write_session() as db:
            began = (
                await db.execute(text("select steelyard.utc_text(transaction_timestamp())"))
            ).scalar_one()
            await record_event(db, "test.happen", "test", "7")
    (event,) = await chain_of()
    assert (event.actor, event.request_id, event.recorded_at) == ("system:night", "r-1", began)


async def test_who_has_not_said_for_whom_they_act_records_nothing(own_store: Pool) -> None:
    del own_store
    for nobody in (Acting(None, "operator"), Acting(1, "")):
        with acting_as(nobody), pytest.raises(DatabaseFailedError, match="null value"):
            async with get_write_session() as db:
                await record_event(db, "test.happen", "test", "")
    assert await chain_of() == []


async def test_events_of_a_transaction_that_is_rolled_back_leave_nothing(own_store: Pool) -> None:
    del own_store
    before = await record(2)
    async with get_write_session() as db:
        await record_event(db, "test.happen", "test", "undone")
        await db.rollback()
    after = await record(1)
    assert (before.sequence, after.sequence) == (3, 4)
    assert [event.object_id for event in await chain_of()] == ["0", "1", "0"]
    assert await flaws_of(before, after) == []


async def test_eight_writers_at_once_leave_no_gap_and_no_fork(own_store: Pool) -> None:
    del own_store

    async def write(number: int) -> None:
        for turn in range(6):
            isolated = "REPEATABLE READ" if (number + turn) % 3 == 0 else "READ COMMITTED"
            async with get_write_session(isolation=isolated) as db:  # type: ignore[arg-type]  # one of the two
                await record_event(db, "test.happen", "test", f"{number}:{turn}")
                if (number + turn) % 5 == 0:
                    await db.rollback()

    await asyncio.gather(*(write(number) for number in range(8)))
    async with get_write_session() as db:
        await chain_pending_events(db)
    events = await chain_of()
    kept = {f"{number}:{turn}" for number in range(8) for turn in range(6) if (number + turn) % 5}
    assert [event.sequence for event in events] == list(range(2, len(kept) + 2))
    assert {event.object_id for event in events} == kept
    assert await flaws_of() == []


async def test_a_transaction_of_one_moment_waits_for_nobody_and_its_event_comes_next(own_store: Pool) -> None:
    del own_store
    async with get_write_session(isolation="REPEATABLE READ") as long:
        await long.execute(text("select 1"))
        head = await record(2)
        assert await record_event(long, "test.happen", "test", "long") is None
    async with get_db_session() as db:
        assert await get_heads(db) == [(head, 1)]
    await record(1)
    assert [event.object_id for event in await chain_of()] == ["0", "1", "long", "0"]
    async with get_write_session() as db:
        assert await chain_pending_events(db) == 0
    assert await flaws_of() == []


# ── Only added to ───────────────────────────────────────────────────────────────────────────────────────────

COPY = """
insert into steelyard.audit_events
select
    tenant_id, 10, recorded_at, actor, action, object_type, object_id, facts, request_id, previous_hash, hash
from steelyard.audit_events
"""
AWAIT = """
insert into steelyard.audit_pending
(tenant_id, recorded_at, actor, action, object_type, object_id, facts, request_id)
values (1, '2020-01-01', 'user:another', '', '', '', '{}', '')
"""
CHANGES = [
    "update steelyard.audit_events set actor = 'nobody'",
    "delete from steelyard.audit_events",
    "truncate steelyard.audit_events",
    "delete from steelyard.audit_heads",
    "truncate steelyard.audit_heads",
    "update steelyard.audit_heads set sequence = sequence - 1",
    "update steelyard.audit_heads set sequence = sequence + 2",
    "update steelyard.audit_heads set hash = decode(repeat('11', 32), 'hex')",
    "update steelyard.audit_heads set tenant_id = 2",
]


@pytest.mark.parametrize("change", CHANGES)
async def test_nobody_changes_the_chain_not_even_who_owns_it(
    database: EmbeddedServer, store: Pool, change: str
) -> None:
    del store
    await record(1)
    async with superuser(database) as connection:
        for role in ("postgres", "steelyard_migrator"):
            for replication in ("origin", "replica"):
                with pytest.raises(asyncpg.PostgresError, match="append-only") as refused:
                    await connection.execute(
                        f"begin; set local session_replication_role = {replication}; set local role {role}; {change}"
                    )
                await connection.execute("rollback")
                assert refused.value.sqlstate == "SA001"


@pytest.mark.parametrize(
    "change",
    [
        *CHANGES,
        COPY,
        "insert into steelyard.audit_heads values (1, 0, decode(repeat('00', 32), 'hex'))",
        AWAIT,
        "delete from steelyard.audit_pending",
        "select steelyard.chain_event(null)",
    ],
)
async def test_the_app_adds_by_the_function_and_has_no_other_right(store: Pool, change: str) -> None:
    del store
    await record(1)
    with pytest.raises(RightMissingError):
        async with get_write_session() as db:
            await db.execute(text(change))


async def test_no_name_in_another_schema_is_taken_for_the_audits(own_store: Pool) -> None:
    """Who may make functions cannot make the owner's function call theirs."""
    del own_store
    async with get_migrator_session() as db:
        await (await raw_connection(db)).execute(
            "create schema evil; grant all on schema evil to steelyard_app"
        )
    async with get_write_session() as db:
        connection = await raw_connection(db)
        await connection.execute(
            "create function evil.sha256(bytea) returns bytea language sql as $$ select ''::bytea $$;"
            "set local search_path = evil, pg_catalog"
        )
        await record_event(db, "test.happen", "test", "")
    assert await flaws_of() == []


# ── What is changed is found ────────────────────────────────────────────────────────────────────────────────

EDIT = "update steelyard.audit_events set facts = '{\"number\": 8}' where sequence = 4"


def change(values: str, sequence: int) -> str:
    return f"update steelyard.audit_events set {values} where sequence = {sequence}"  # noqa: S608  literals of this file


LONG_NUMBER = "facts = jsonb_build_object('number', repeat('9', 5000)::numeric)"
TAMPERINGS: list[tuple[list[str], list[tuple[FlawKind, int]]]] = [
    ([EDIT], [(FlawKind.EDITED, 4)]),
    ([change("actor = 'user:else'", 1)], [(FlawKind.EDITED, 1)]),
    ([change("recorded_at = '0044-03-15 BC'", 9)], [(FlawKind.EDITED, 9)]),
    ([change("recorded_at = '-infinity'", 9)], [(FlawKind.EDITED, 9)]),
    ([change("facts = '{\"number\": 2.0}'", 4)], [(FlawKind.EDITED, 4)]),
    ([change(LONG_NUMBER, 4)], [(FlawKind.EDITED, 4)]),
    ([EDIT, change("hash = steelyard.hash_of_event(audit_events)", 4)], [(FlawKind.UNLINKED, 5)]),
    (["delete from steelyard.audit_events where sequence in (4, 5)"], [(FlawKind.MISSING, 4)]),
    (["delete from steelyard.audit_events where sequence = 1"], [(FlawKind.MISSING, 1)]),
    (["delete from steelyard.audit_events where sequence > 7"], [(FlawKind.CUT_OFF, 8)]),
    (
        [f"{COPY} where sequence = 9"],
        [(FlawKind.UNLINKED, 10), (FlawKind.EDITED, 10), (FlawKind.HEAD_DIFFERS, 10)],
    ),
    (
        [change("sequence = 100", 3), change("sequence = 3", 4), change("sequence = 4", 100)],
        [(FlawKind.UNLINKED, 3), (FlawKind.EDITED, 3), (FlawKind.UNLINKED, 4), (FlawKind.EDITED, 4),
         (FlawKind.UNLINKED, 5)],
    ),
    (["update steelyard.audit_heads set sequence = 8"], [(FlawKind.HEAD_DIFFERS, 9)]),
]  # fmt: skip


@pytest.mark.parametrize(("statements", "found"), TAMPERINGS)
async def test_what_is_changed_with_the_guards_away_is_found_and_named(
    own_database: EmbeddedServer, own_store: Pool, statements: list[str], found: list[tuple[FlawKind, int]]
) -> None:
    del own_store
    await record(8)
    await tamper(own_database, *statements)
    assert [(flaw.kind, flaw.sequence) for flaw in await flaws_of()] == found


async def test_a_chain_rewritten_from_the_middle_agrees_with_itself_and_not_with_a_kept_head(
    own_database: EmbeddedServer, own_store: Pool
) -> None:
    del own_store
    early, late = await record(2), await record(6)
    await tamper(own_database, EDIT, REHASH)
    assert await flaws_of() == []
    (flaw,) = await flaws_of(early, late)
    assert (flaw.kind, flaw.sequence) == (FlawKind.REWRITTEN, 9)
    assert flaw.reason.endswith("the chain was rewritten, after event 3, where a kept head still agrees.")


async def test_a_tail_taken_away_with_its_head_is_missed_by_a_kept_one(
    own_database: EmbeddedServer, own_store: Pool
) -> None:
    del own_store
    head = await record(8)
    await tamper(own_database, "delete from steelyard.audit_events where sequence > 7", REHASH)
    assert await flaws_of() == []
    assert [(flaw.kind, flaw.sequence) for flaw in await flaws_of(head)] == [(FlawKind.CUT_OFF, 8)]
