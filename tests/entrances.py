"""A store that people can sign in to: a vault with keys of its own, users, and devices of theirs."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from argon2 import PasswordHasher
from sqlalchemy import text

from openid import LOOPBACK, TLS
from steelyard.errors import SteelyardError
from steelyard.identity.key_file import KeyFile, make_key_file
from steelyard.identity.mfa import STEP_SECONDS, calculate_code, make_recovery_codes, new_seed
from steelyard.identity.oauth import RelyingParty
from steelyard.identity.passkeys import Site
from steelyard.identity.passwords import Passwords
from steelyard.identity.permissions import Actor, Role
from steelyard.identity.vault import Vault
from steelyard.network.outbound import Outbound
from steelyard.services.entrance import Entrance, SecondFactorNeeded, Signed, Visitor, fold_login
from steelyard.services.session import find_actor
from steelyard.services.sign_in import finish_with_totp, sign_in_with_password
from steelyard.storage import factors
from steelyard.storage.acting import NOBODY, OPERATOR, act_as
from steelyard.storage.connection import close_connection_pool, get_write_session, init_connection_pool
from steelyard.storage.notice import list_notices

NOON = datetime(2026, 3, 2, 12, 0, 10, tzinfo=UTC)
PASSWORD = "an otter juggles tin"  # noqa: S105 - of nobody
HERE = Visitor("192.0.2.7", "a browser")
ORIGIN = "http://localhost:8080"

INSERT = text("""
    insert into steelyard.users (tenant_id, user_id, role, status, login_index, login_sealed, password_hash)
    values (1, :user_id, :role, :status, :login_index, :login_sealed, :password_hash)
""")


DISABLE = text("update steelyard.users set status = 'disabled' where user_id = :user_id")
EVENTS = text("""
    select action from steelyard.audit_events
    where tenant_id = 1 and object_type = 'user' and object_id = :user
    order by sequence
""")


@dataclass(slots=True)
class CountingHasher:
    """Argon2id with parameters of its own, which counts what it computes; `meanwhile` happens while it compares."""

    inner: PasswordHasher = field(
        default_factory=lambda: PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    )
    computed: int = 0
    meanwhile: Callable[[], object] = lambda: None

    def hash(self, password: str | bytes) -> str:
        self.computed += 1
        return self.inner.hash(password)

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - the library's name
        self.computed += 1
        self.meanwhile()
        return self.inner.verify(hash, password)

    def check_needs_rehash(self, hash: str | bytes) -> bool:  # noqa: A002 - the library's name
        return self.inner.check_needs_rehash(hash)


def make_entrance(
    folder: Path,
    hasher: CountingHasher,
    clock: Callable[[], datetime] = lambda: NOON,
    *,
    origin: str = ORIGIN,
) -> Entrance:
    """Make what signing in needs, with the keys of a folder, made there where there are none."""
    if not (folder / "master.key").exists():
        make_key_file(folder / "master.key", secrets.token_bytes)
    return Entrance(
        vault=Vault.open(KeyFile(folder / "master.key", secrets.token_bytes)),
        passwords=Passwords(at_once=2, hasher=hasher),
        random=secrets.token_bytes,
        site=Site("localhost", "Steelyard", (origin,)),
        relying=RelyingParty([], Outbound(LOOPBACK, tls=TLS), clock=clock, random=secrets.token_bytes),
    )


@asynccontextmanager
async def opened_entrance(
    urls: tuple[str, str], folder: Path, hasher: CountingHasher
) -> AsyncIterator[Entrance]:
    """Open a store as a server does, where nobody has said yet who they are."""
    app, migrator = urls
    await init_connection_pool(app, migrator_url=migrator, pool_size=8, acts_as=NOBODY)
    made = make_entrance(folder, hasher)
    yield made
    made.passwords.close()
    await close_connection_pool()


@dataclass(frozen=True, slots=True)
class Person:
    """A user, and what only they know."""

    user_id: UUID
    login: str
    seed: bytes
    recovery_codes: tuple[str, ...]

    def code(self, now: datetime = NOON) -> str:
        return calculate_code(self.seed, int(now.timestamp()) // STEP_SECONDS)


async def make_person(
    entrance: Entrance,
    role: Role = Role.VIEWER,
    *,
    status: str = "active",
    password: str | None = PASSWORD,
    totp: bool = False,
    login: str = "",
) -> Person:
    """Make a user of the default tenant with a password, and an app and recovery codes where asked for."""
    user_id = UUID(bytes=secrets.token_bytes(16), version=4)
    login = login or f"ada-{user_id.hex[:8]}@example.org"
    seed, codes = new_seed(secrets.token_bytes), make_recovery_codes(secrets.token_bytes)
    hashed = None if password is None else await entrance.passwords.hash(password)
    async with get_write_session() as db:
        await act_as(db, OPERATOR)
        values = {
            "user_id": user_id,
            "role": role.value,
            "status": status,
            "login_index": entrance.vault.index("login", fold_login(login)),
            "login_sealed": await entrance.vault.seal(db, "users", "login_sealed", str(user_id), login),
            "password_hash": hashed,
        }
        await db.execute(INSERT, values)
        if totp:
            sealed = await entrance.vault.seal(db, "users", "totp_seed_sealed", str(user_id), seed.hex())
            await factors.set_seed(db, user_id, sealed, None)
            await factors.replace_recovery_codes(db, user_id, codes.hashes)
    return Person(user_id, login, seed, codes.codes)


async def actor_of(signed: Signed | SecondFactorNeeded, now: datetime = NOON) -> Actor:
    """Who asks with the cookie of a session."""
    async with get_write_session() as db:
        await act_as(db, NOBODY)
        return await find_actor(db, signed.secret, now=now)


def session_of(ended: Signed | SecondFactorNeeded) -> Signed:
    """A sign-in that ended in a session."""
    assert isinstance(ended, Signed)
    return ended


def half_done(ended: Signed | SecondFactorNeeded) -> SecondFactorNeeded:
    """A sign-in that waits for its second factor."""
    assert isinstance(ended, SecondFactorNeeded)
    return ended


async def notices_of(person: Person) -> list[str]:
    """What a user was told, the oldest first."""
    async with get_write_session() as db:
        await act_as(db, OPERATOR)
        return [notice.kind for notice in await list_notices(db, person.user_id)][::-1]


async def events_of(person: Person) -> list[str]:
    """What the audit says of a user, the oldest first."""
    async with get_write_session() as db:
        await act_as(db, OPERATOR)
        found = await db.execute(EVENTS, {"user": str(person.user_id)})
        return list(found.scalars())


async def at_once(*tries: Awaitable[Any]) -> tuple[list[Any], list[type[SteelyardError]]]:
    """What succeeded of what happened at once, and how the rest was refused."""
    ended = await asyncio.gather(*tries, return_exceptions=True)
    refused = [type(one) for one in ended if isinstance(one, SteelyardError)]
    done = [one for one in ended if not isinstance(one, BaseException)]
    assert len(refused) + len(done) == len(ended), ended
    return done, refused


async def sign_in(entrance: Entrance, person: Person, *, now: datetime = NOON) -> Actor:
    """Sign somebody in with all they have; who asks from then on."""
    ended = await sign_in_with_password(entrance, HERE, person.login, PASSWORD, now=now)
    if isinstance(ended, SecondFactorNeeded):
        ended = await finish_with_totp(entrance, HERE, ended.secret, person.code(now), now=now)
    return await actor_of(ended, now)


async def disable(person: Person) -> None:
    """Let a user in no more, while they are about to sign in."""
    async with get_write_session() as db:
        await act_as(db, OPERATOR)
        await db.execute(DISABLE, {"user_id": person.user_id})
