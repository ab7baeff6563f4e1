"""People of the store, for tests: users as rows, without names, and what they are signed in with."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from secrets import token_bytes
from typing import Any
from uuid import UUID

from sqlalchemy import CursorResult, text

from steelyard.domain.scope import Scope
from steelyard.identity.key_file import KeyFile, make_key_file
from steelyard.identity.permissions import Actor, Right, Role
from steelyard.identity.vault import Vault
from steelyard.services.grant import grant
from steelyard.services.session import OpenedSession, find_actor, start_session
from steelyard.services.user import User, add_user
from steelyard.storage.acting import OPERATOR, Acting, acting_as
from steelyard.storage.connection import WriteSession, get_write_session

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
BOTH = ("password", "totp")

_numbers = count(1)


def later(**period: float) -> datetime:
    return NOON + timedelta(**period)


def random_bytes(length: int) -> bytes:
    """Bytes that no other call of this test run gives."""
    return token_bytes(length)


async def run(statement: str, **values: object) -> list[tuple[object, ...]]:
    """Run a statement as the operator and commit."""
    async with get_write_session() as db:
        found = await db.execute(text(statement), values)
        return [tuple(row) for row in found] if isinstance(found, CursorResult) and found.returns_rows else []


async def add_person(role: Role, *, status: str = "active", tenant_id: int = 1) -> UUID:
    rows = await run(
        "insert into steelyard.users (tenant_id, role, status) values (:tenant, :role, :status) returning user_id",
        tenant=tenant_id,
        role=role.value,
        status=status,
    )
    user_id = rows[0][0]
    assert isinstance(user_id, UUID)
    return user_id


async def add_account(account_id: str, household_id: str | None = None) -> None:
    if household_id is not None:
        await run(
            "insert into steelyard.households values (1, :id, :id, 'USD') on conflict do nothing",
            id=household_id,
        )
    await run(
        "insert into steelyard.accounts (tenant_id, account_id, account_name, household_id, base_currency) "
        "values (1, :id, :id, :household, 'USD') on conflict do nothing",
        id=account_id,
        household=household_id,
    )


def as_user(user_id: UUID) -> Acting:
    return Acting(1, f"user:{user_id}", user_id)


async def sign_in(
    user_id: UUID, factors: Collection[str] = BOTH, *, now: datetime = NOON, epoch: int = 1
) -> OpenedSession:
    with acting_as(as_user(user_id)):
        async with get_write_session() as db:
            return await start_session(
                db, user_id, factors, epoch=epoch, now=now, random=random_bytes, address="192.0.2.7"
            )


async def actor_of(secret: str, *, now: datetime = NOON) -> Actor:
    with acting_as(Acting(None, "")):
        async with get_write_session() as db:
            return await find_actor(db, secret, now=now, request_id="r-1")


OPERATOR_ACTOR = Actor(OPERATOR.tenant_id or 1)


@asynccontextmanager
async def acting(actor: Actor = OPERATOR_ACTOR) -> AsyncIterator[WriteSession]:
    """A transaction in which an actor works, as a request or the terminal begins one."""
    with acting_as(actor.acting):
        async with get_write_session() as db:
            yield db


def open_vault(folder: Path) -> Vault:
    """A vault with keys of its own."""
    make_key_file(folder / "keys" / "master.key", token_bytes)
    return Vault.open(KeyFile(folder / "keys" / "master.key", token_bytes))


async def added(vault: Vault, login: str, role: Role, actor: Actor = OPERATOR_ACTOR, **others: Any) -> User:
    async with acting(actor) as db:
        return await add_user(
            db,
            vault,
            actor,
            login=login,
            name=login.title(),
            role=role,
            now=NOON,
            random=random_bytes,
            **others,
        )


def person(user_id: UUID, role: Role, **others: Any) -> Actor:
    """A user as a session of theirs finds them."""
    return Actor(1, user_id, role, **others)


async def granted(user_id: UUID, scope: Scope, *rights: Right, actor: Actor = OPERATOR_ACTOR) -> None:
    async with acting(actor) as db:
        await grant(db, actor, user_id, scope, rights, now=NOON)
