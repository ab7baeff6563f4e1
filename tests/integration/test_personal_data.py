"""A person's data: the register knows every column, an export is complete, an erasure is for good, and law holds."""

import asyncio
import json
import subprocess
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import text

from people import NOON, OPERATOR_ACTOR, acting, add_account, added, open_vault, run
from steelyard.domain.audit import ChainCheck
from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.identity.permissions import Role
from steelyard.identity.personal_data import REGISTER, find_gaps
from steelyard.identity.vault import Vault
from steelyard.services.ledger import record_transactions
from steelyard.services.personal_data import (
    Erased,
    HeldError,
    HoldReasonError,
    NotDisabledError,
    PersonalData,
    RetainedError,
    UnknownHoldError,
    erase_personal_data,
    export_personal_data,
    get_holds,
    place_hold,
    release_hold,
)
from steelyard.services.user import UnknownUserError, disable_user, find_user
from steelyard.storage.audit import get_head, read_events
from steelyard.storage.binaries import find_binaries
from steelyard.storage.connection import (
    Pool,
    get_db_session,
    get_migrator_session,
    get_write_session,
    raw_connection,
)
from steelyard.storage.embedded import EmbeddedServer

YEARS = 6
LOGIN, NAME = "canary-login@example.org", "Canary-Login@Example.Org"
COLUMNS = text("""
    select c.relname, array_agg(a.attname::text)
    from pg_attribute as a
    join pg_class as c on c.oid = a.attrelid
    where c.relnamespace = 'steelyard'::regnamespace and c.relkind in ('r', 'p', 'f', 'm')
    and a.attnum > 0 and not a.attisdropped
    group by c.relname
""")
ROWS = {
    "sessions": "(session_hash, tenant_id, user_id, session_id, epoch, factors, auth_time, created_at, last_seen_at, "
    "address, user_agent) values (:hash, 1, :user, :session, 1, '{password}', now(), now(), now(), 'canary-address', "
    "'canary-agent')",
    "challenges": "(challenge_hash, tenant_id, session_id, purpose, expires_at) values "
    "(:hash, 1, :session, 'canary-purpose', now())",
    "api_tokens": "(tenant_id, token_id, user_id, token_hash, token_name, scopes, epoch, expires_at) values "
    "(1, :token, :user, :hash, 'canary-token', '{}', 1, now())",
    "passkeys": "(tenant_id, user_id, credential_id, public_key, sign_count, is_backed_up, label) values "
    "(1, :user, :hash, 'canary-key', 0, false, 'canary-passkey')",
    "recovery_codes": "(tenant_id, user_id, code_hash) values (1, :user, :hash)",
    "user_identities": "(tenant_id, user_id, issuer, subject) values (1, :user, 'canary-issuer', 'canary-subject')",
    "one_time_links": "(link_hash, tenant_id, user_id, purpose, made_by, expires_at) values "
    "(:hash, 1, :user, 'recovery', 'operator', now())",
    "recovery_requests": "(tenant_id, user_id, asked_by, expires_at) values (1, :user, 'operator', now())",
    "notices": "(tenant_id, user_id, kind) values (1, :user, 'canary-notice')",
    "account_grants": "(tenant_id, user_id, account_id, rights, granted_by) values "
    "(1, :user, 'SAVINGS', '{READ}', 'operator')",
    "legal_holds": "(tenant_id, user_id, reason, placed_by, released_by, released_at) values "
    "(1, :user, 'closed case', 'operator', 'operator', now())",
    "audit_pending": "(tenant_id, recorded_at, actor, action, object_type, object_id, facts, request_id) values "
    "(1, now(), 'user:' || :user, 'session.start', 'user', '', '{}', '')",
    "import_uploads": "(tenant_id, user_id, file_name, key_sealed, content) values "
    "(1, :user, 'canary-statement.csv', 'canary-key', 'canary-content')",
    "asset_master": "(asset_id, asset_name, asset_type, currency) values ('A', 'A', 'stock', 'USD')",
    "investor_profiles": "(tenant_id, account_id, risk_tolerance, horizon_years, changed_by) values "
    "(1, 'SAVINGS', 3, 10, 'user:' || :user)",
    "broker_links": "(tenant_id, link_id, broker, link_name, made_by) values "
    "(1, :session, 'paper', 'practice', 'user:' || :user)",
    "order_limits": "(tenant_id, changed_by) values (1, 'user:' || :user)",
    "compliance_rules": "(tenant_id, rule_id, version, kind, outcome, valid_from, source_document, made_by) values "
    "(1, 'R', 1, 'minimum_cash', 'hold', '2026-01-01', 'mandate', 'user:' || :user)",
    "runs": "(tenant_id, run_id, run_name, author, document, made_at, expires_at, executed_by) values "
    "(1, :session, 'quarter', 'user:' || :user, '{}', now(), now(), 'user:' || :user)",
    "proposals": "(tenant_id, proposal_id, account_id, run_id, author, document, content_hash, made_at, expires_at, "
    "order_value, outcome, executed_by) values "
    "(1, :session, 'SAVINGS', :session, 'user:' || :user, '{}', :hash, now(), now(), 0, 'hold', 'user:' || :user)",
    "rule_overrides": "(tenant_id, proposal_id, rule_id, rule_version, reason, made_by) values "
    "(1, :session, 'R', 1, 'agreed', 'user:' || :user)",
    "approvals": "(tenant_id, proposal_id, author, approver, content_hash, factor, approved_at) values "
    "(1, :session, 'user:' || :user, 'user:' || :user, :hash, 'passkey', now())",
    "orders": "(tenant_id, order_id, proposal_id, account_id, asset_id, side, quantity, order_type, currency, "
    "reference_price, order_value, client_order_id) values "
    "(1, :session, :session, 'SAVINGS', 'A', 'buy', 1, 'market', 'USD', 1, 1, 'C')",
    "order_events": "(tenant_id, order_id, version, to_state, reason, actor) values "
    "(1, :session, 2, 'reviewed', '', 'user:' || :user)",
    "trading_holds": "(tenant_id, account_id, kind, reason, made_by, released_by, released_at) values "
    "(1, 'SAVINGS', 'manual', 'asked', 'user:' || :user, 'user:' || :user, now())",
    "reconciliation_breaks": "(tenant_id, link_id, account_id, commodity, is_cash, ledger_quantity, broker_quantity, "
    "found_at, seen_at, resolved_at, resolved_by) values "
    "(1, :session, 'SAVINGS', 'A', false, 1, 2, now(), now(), now(), 'user:' || :user)",
    "imports": "(tenant_id, import_id, account_ids, made_by, undone_by, undone_at) values "
    "(1, :session, '{SAVINGS}', 'user:' || :user, 'user:' || :user, now())",
    "asset_names": "(tenant_id, hint_key, asset_id, answered_by) values (1, 'name:a', 'A', 'user:' || :user)",
    "account_names": "(tenant_id, reader, name_hash, account_id, answered_by) values "
    "(1, 'ofx', :hash, 'SAVINGS', 'user:' || :user)",
    "idempotency_keys": "(tenant_id, principal, key, route, body_hash, status, answer) values "
    "(1, 'user:' || :user, 'K', 'POST /', :hash, 200, '{}')",
}
CANARIES = {
    "canary-address", "canary-agent", "canary-purpose", "canary-token", "canary-passkey", "canary-issuer",
    "canary-subject", "canary-notice", "canary-statement.csv", LOGIN, NAME,
}  # fmt: skip
TRADED = tuple(ROWS)[tuple(ROWS).index("asset_master") :]
NAMED_IN_BOOKS = {f"{table}.{column}" for table in TRADED for column in REGISTER[table].named_in}


@dataclass(frozen=True, slots=True)
class Canary:
    """A person with something in every place where the store holds what tells of one.

    Attributes:
        user_id: the user.
        keys: of their session and token.
    """

    user_id: UUID
    keys: dict[str, UUID]


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return open_vault(tmp_path)


@pytest.fixture
async def canary(own_store: Pool, vault: Vault) -> Canary:
    del own_store  # opening it is what matters
    user = await added(vault, LOGIN, Role.ADVISOR)
    made = Canary(user.user_id, {"session": uuid4(), "token": uuid4()})
    await add_account("SAVINGS")
    async with get_migrator_session() as db:
        for number, (table, row) in enumerate(ROWS.items(), 1):
            values = {"hash": bytes([number] * 32), "user": user.user_id, **made.keys}
            if "'user:' ||" in row:
                values["user"] = str(user.user_id)
            named = {name: value for name, value in values.items() if f":{name}" in row}
            await db.execute(text(f"insert into steelyard.{table} {row}"), named)
        sealed = await vault.seal(db, "users", "totp_seed_sealed", str(user.user_id), "canary-seed")
        await db.execute(
            text(
                "update steelyard.users set status = 'active', password_hash = 'canary-hash', totp_last_step = 77, "
                "totp_seed_sealed = :sealed, totp_new_seed_sealed = :sealed, last_sign_in_at = now() "
                "where user_id = :user"
            ),
            {"sealed": sealed, "user": user.user_id},
        )
    return made


async def act(user_id: UUID) -> None:
    """Book something as the person."""
    deposit = Transaction(
        transaction_id="T-1",
        kind=TransactionKind.DEPOSIT,
        trade_date=date(2026, 1, 2),
        account_id="SAVINGS",
        currency="USD",
        amount=Decimal(100),
    )
    await record_transactions([deposit], today=date(2026, 1, 2))
    async with get_migrator_session() as db:  # as if an advisor had: booking for others is later work
        connection = await raw_connection(db)
        await connection.execute("select set_config('app.actor', $1, true)", f"user:{user_id}")
        await connection.execute(
            "select steelyard.record_event('transaction.record', 'transaction', 'T-1', '{}')"
        )


async def export(vault: Vault, user_id: UUID) -> PersonalData:
    async with acting() as db:
        return await export_personal_data(db, vault, user_id, now=NOON)


async def erase(user_id: UUID, *, now: datetime = NOON, early: bool = False) -> Erased:
    async with acting() as db:
        return await erase_personal_data(db, user_id, now=now, retention_years=YEARS, early=early)


async def disable(user_id: UUID) -> None:
    async with acting() as db:
        await disable_user(db, OPERATOR_ACTOR, user_id, now=NOON)


async def require_sound_records() -> None:
    """See that the chain of the audit is whole, and that the ledger's postings sum to 0."""
    async with get_db_session() as db:
        check = ChainCheck(1)
        flaws = [flaw async for event in read_events(db) for flaw in check.see(event)]
        assert [*flaws, *check.end(await get_head(db, 1))] == []
    assert check.events > 3
    sums = await run("select sum(quantity) from steelyard.postings group by entry_id, commodity")
    assert sums
    assert {row[0] for row in sums} == {Decimal(0)}


async def columns_naming(name: str) -> set[str]:
    """The columns of the store that hold a text, or a key written as text."""
    found = set()
    async with get_migrator_session() as db:
        for table in REGISTER:
            rows = await db.execute(text(f"select to_jsonb(t) from steelyard.{table} as t"))  # noqa: S608  of the register
            for row in rows:
                found |= {
                    f"{table}.{column}" for column, held in json.loads(row[0]).items() if name in str(held)
                }
    return found


def dumped(database: EmbeddedServer) -> str:
    """Return everything in the store, as a thief of a backup reads it."""
    done = subprocess.run(
        [find_binaries(None).program("pg_dump"), "--format=plain"],
        env={
            "PGHOST": str(database.host),
            "PGUSER": database.superuser.user,
            "PGPASSWORD": database.superuser.password,
            "PGDATABASE": database.database,
        },
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


# ── The register ────────────────────────────────────────────────────────────────────────────────────────────


async def catalogue() -> dict[str, frozenset[str]]:
    async with get_migrator_session() as db:
        return {table: frozenset(columns) for table, columns in await db.execute(COLUMNS)}


async def test_every_column_of_every_table_has_a_rule(store: Pool) -> None:
    del store
    assert list(find_gaps(await catalogue())) == []


async def test_a_table_or_column_without_a_rule_is_named(store: Pool) -> None:
    del store
    async with get_migrator_session() as db:
        await (await raw_connection(db)).execute(
            "create table steelyard.diaries (secret text); alter table steelyard.users add column birthday date"
        )
        found = {table: frozenset(columns) for table, columns in await db.execute(COLUMNS)}
        await db.rollback()
    assert list(find_gaps(found)) == ["diaries.secret has no rule", "users.birthday has no rule"]


def test_a_rule_of_what_is_gone_is_named() -> None:
    known = {table: frozenset(rule.columns) for table, rule in REGISTER.items()}
    known["users"] -= {"epoch"}
    assert list(find_gaps(known)) == ["users.epoch has a rule and is not there"]


@pytest.mark.parametrize("table", REGISTER)
def test_what_names_a_user_is_a_way_to_find_what_is_theirs(table: str) -> None:
    rule = REGISTER[table]
    names = {name for name in rule.columns if name == "user_id" or name.endswith("_by") or name == "actor"}
    assert names - {"wrapped_by", "kept_by"} <= set(rule.found_by) <= rule.columns.keys()
    assert rule.owners or not rule.rows_go


# ── The export ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_export_has_everything_that_is_held_of_the_person(canary: Canary, vault: Vault) -> None:
    found = await export(vault, canary.user_id)
    written = msgspec.json.encode(found).decode()
    for needle in CANARIES:
        assert needle in written
    assert {table for table, rows in found.tables.items() if not rows} == set()
    assert found.tables.keys() == {table for table, rule in REGISTER.items() if rule.found_by}
    (user,) = found.tables["users"]
    assert (user["login_sealed"], user["name_sealed"]) == (LOGIN, NAME)
    assert {user[name] for name in ("password_hash", "totp_seed_sealed", "login_index")} == {"there is one"}
    for secret in ("canary-hash", "canary-seed", (b"\x01" * 32).hex()):
        assert secret not in written


async def test_an_export_has_nothing_of_somebody_else(canary: Canary, vault: Vault) -> None:
    other = await added(vault, "somebody@example.org", Role.ADVISOR)
    written = msgspec.json.encode(await export(vault, other.user_id)).decode()
    assert "canary" not in written.lower()
    assert str(canary.user_id) not in written


async def test_an_export_is_recorded_and_of_nobody_is_refused(canary: Canary, vault: Vault) -> None:
    await export(vault, canary.user_id)
    events = await run("select action, object_id from steelyard.audit_events order by sequence desc limit 1")
    assert events == [("personal_data.export", str(canary.user_id))]
    with pytest.raises(UnknownUserError):
        await export(vault, uuid4())


# ── The erasure ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_erasure_leaves_a_key_that_leads_to_nobody(
    canary: Canary, vault: Vault, own_database: EmbeddedServer
) -> None:
    await act(canary.user_id)
    await disable(canary.user_id)
    before = dumped(own_database)
    assert "canary-address" in before
    done = await erase(canary.user_id, now=NOON + timedelta(days=366 * YEARS + 366))
    assert (done.is_whole, done.retained_until) == (True, None)
    assert {table for table, count in done.rows.items() if not count} == set()
    assert "canary" not in dumped(own_database).lower()
    left = await run(
        "select status, login_index, login_sealed, name_sealed, password_hash, totp_seed_sealed, totp_new_seed_sealed, "
        "totp_last_step, last_sign_in_at from steelyard.users where user_id = :user",
        user=canary.user_id,
    )
    assert left == [("erased", *[None] * 8)]
    assert await columns_naming(str(canary.user_id)) == {
        "users.user_id", "legal_holds.user_id", "audit_events.actor", "audit_events.object_id", *NAMED_IN_BOOKS,
    }  # fmt: skip
    await require_sound_records()
    async with get_db_session() as db:
        with pytest.raises(UnknownUserError):
            await find_user(db, vault, LOGIN)
    for again in (erase(canary.user_id), export(vault, canary.user_id)):
        with pytest.raises(UnknownUserError):
            await again
    await added(vault, LOGIN, Role.VIEWER)


async def test_who_may_sign_in_is_not_erased(canary: Canary) -> None:
    with pytest.raises(NotDisabledError):
        await erase(canary.user_id)
    assert "sessions.address" in await columns_naming("canary-address")


async def test_what_somebody_did_in_the_books_keeps_their_name_as_long_as_the_books(
    canary: Canary, vault: Vault
) -> None:
    await act(canary.user_id)
    await disable(canary.user_id)
    with pytest.raises(RetainedError, match=f"kept for {YEARS} years"):
        await erase(canary.user_id, now=datetime.now(NOON.tzinfo) + timedelta(days=365 * YEARS))
    assert "sessions.address" in await columns_naming("canary-address")  # refused: nothing is half done
    early = await erase(canary.user_id, early=True)
    assert not early.is_whole
    assert early.retained_until is not None
    assert {table for table, count in early.rows.items() if not count} == set()
    async with get_db_session() as db:
        assert (await find_user(db, vault, LOGIN)).name == NAME
    left = await run(
        "select password_hash, totp_seed_sealed, last_sign_in_at from steelyard.users where login_index is not null"
    )
    assert left == [(None, None, None)]
    await require_sound_records()
    eve, day = (datetime.combine(early.retained_until, NOON.timetz()) - timedelta(days=n) for n in (1, 0))
    with pytest.raises(RetainedError):
        await erase(canary.user_id, now=eve)
    assert (await erase(canary.user_id, now=day)).is_whole


async def test_who_only_signed_in_is_erased_at_once(canary: Canary) -> None:
    async with get_write_session() as db:
        await db.execute(text("select steelyard.chain_pending_events()"))
    await disable(canary.user_id)
    assert (await erase(canary.user_id)).is_whole


# ── Legal holds ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("of_everybody", [True, False])
@pytest.mark.parametrize("early", [True, False])
async def test_a_legal_hold_wins_over_erasure(canary: Canary, *, of_everybody: bool, early: bool) -> None:
    await disable(canary.user_id)
    async with acting() as db:
        hold_id = await place_hold(db, None if of_everybody else canary.user_id, " case 2026-117 ")
        (hold,) = await get_holds(db)
    assert (hold.hold_id, hold.reason, hold.placed_by) == (hold_id, "case 2026-117", "operator")
    with pytest.raises(HeldError, match=str(hold_id)):
        await erase(canary.user_id, early=early)
    assert "sessions.address" in await columns_naming("canary-address")
    async with acting() as db:
        await release_hold(db, hold_id)
        assert await get_holds(db) == []
        assert len(await get_holds(db, with_released=True)) == 2
    await erase(canary.user_id, early=early)


async def test_a_hold_on_somebody_else_holds_nobody(canary: Canary, vault: Vault) -> None:
    other = await added(vault, "somebody@example.org", Role.ADVISOR)
    await disable(canary.user_id)
    async with acting() as db:
        await place_hold(db, other.user_id, "case 2026-118")
    assert (await erase(canary.user_id)).is_whole


async def test_a_hold_that_is_placed_meanwhile_is_seen(canary: Canary) -> None:
    """Who comes first holds the chain, and the other waits for it: no erasure slips past a hold."""
    await disable(canary.user_id)
    async with acting() as db:
        await place_hold(db, canary.user_id, "case 2026-119")
        erasing = asyncio.create_task(erase(canary.user_id))
        await asyncio.sleep(0.5)
        assert not erasing.done()
    with pytest.raises(HeldError):
        await erasing


async def test_a_hold_needs_a_reason_and_somebody(canary: Canary) -> None:
    for reason in ("", "  ", "x" * 201, "two\nlines"):
        with pytest.raises(HoldReasonError):
            async with acting() as db:
                await place_hold(db, canary.user_id, reason)
    with pytest.raises(UnknownUserError):
        async with acting() as db:
            await place_hold(db, uuid4(), "case")
    with pytest.raises(UnknownHoldError):
        async with acting() as db:
            await release_hold(db, uuid4())
