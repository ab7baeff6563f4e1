"""A house to be let into: a server of the whole interface over a store of two tenants, and everybody who may ask.

Tenant 1 has accounts granted to its advisor, viewer and service (MINE-…), and others (HIDDEN-…); a household of
either kind, and one with an account of each. Tenant 2 has its own (FOREIGN-…). Whoever reads one of those names where
it is not theirs has found a leak.
"""

import asyncio
import json
import random
import secrets
from base64 import b32decode
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import asyncpg
import httpx
from sqlalchemy import text

import small_book
from books import Row, write_table
from entrances import PASSWORD, CountingHasher, make_entrance
from evil_lies import CASES, IMPATIENT, resolve
from evil_provider import CLIENT, SECRET, EvilProvider, Lies, started
from house_books import HEADERS, OURS, THEIRS, shared_tables
from openid import LOOPBACK, TLS
from passkey_device import Device
from people import BOTH
from serving import Served, serving
from steelyard.api.routes import PREFIX, make_router, redirect_uri
from steelyard.demo import book_path
from steelyard.domain.scope import Scope
from steelyard.identity.mfa import STEP_SECONDS, calculate_code, make_recovery_codes, new_seed
from steelyard.identity.oauth import RelyingParty
from steelyard.identity.passkeys import register_passkey, registration_options
from steelyard.identity.permissions import Actor, Right, Role
from steelyard.identity.provider import Provider
from steelyard.identity.provider_settings import SignInProvider
from steelyard.network.outbound import Outbound
from steelyard.services.asset_360 import refresh
from steelyard.services.broker_link import BrokerTools, link_broker, newest_price
from steelyard.services.entrance import Entrance
from steelyard.services.first_book import FirstBook
from steelyard.services.grant import grant
from steelyard.services.loading import load_tables
from steelyard.services.new_passkeys import keep_passkey
from steelyard.services.passkeys import user_handle
from steelyard.services.personal_data import place_hold
from steelyard.services.reception import Reception
from steelyard.services.session import OpenedSession, start_session
from steelyard.services.tenant import create_tenant
from steelyard.services.token import create_token
from steelyard.services.user import add_user
from steelyard.storage import factors as store
from steelyard.storage.acting import NOBODY, OPERATOR, Acting, acting_as
from steelyard.storage.connection import (
    WriteSession,
    close_connection_pool,
    get_write_session,
    init_connection_pool,
)
from steelyard.storage.embedded import EmbeddedServer
from steelyard.web.problem import draw_problem
from steelyard.web.routes import make_pages

HIDDEN, FOREIGN, MINE = "HIDDEN", "FOREIGN", "MINE"
OUTSIDE = ("/api", "/healthz", "/readyz", "/metrics", "/openapi.json")
LEFT_OUT = "left out"
"""The value of a header that is not sent after all."""

OTHERS = 2
"""The other tenant."""

GRANTED = (Role.ADVISOR, Role.VIEWER, Role.SERVICE)
Done = TypeVar("Done")
READS = ("read:portfolio", "read:asset", "read:order")


@dataclass(slots=True)
class Clock:
    """The server's clock, which a test can move, or let stand."""

    ahead: timedelta = timedelta()
    stands_at: datetime | None = None

    def __call__(self) -> datetime:
        return self.stands_at or datetime.now(UTC) + self.ahead


@dataclass(slots=True)
class Person:
    """A user, and what only they know."""

    user_id: UUID
    role: Role
    login: str
    tenant_id: int = 1
    seed: bytes = field(default_factory=lambda: new_seed(secrets.token_bytes))
    recovery_codes: tuple[str, ...] = ()

    @property
    def acting(self) -> Acting:
        return Acting(self.tenant_id, f"user:{self.user_id}", self.user_id)

    def learn_seed(self, typed: str) -> None:
        """Take over the seed that an app is given."""
        self.seed = b32decode(typed + "=" * (-len(typed) % 8))

    def code(self, now: datetime) -> str:
        return calculate_code(self.seed, int(now.timestamp()) // STEP_SECONDS)


@dataclass(slots=True)
class House:
    """A server, the loop it runs on, and who is known there."""

    served: Served
    loop: asyncio.AbstractEventLoop
    clock: Clock
    hasher: CountingHasher
    provider: EvilProvider
    database: EmbeddedServer
    folder: Path
    way: httpx.HTTPTransport = field(default_factory=lambda: httpx.HTTPTransport(verify=TLS))
    people: dict[tuple[int, Role], Person] = field(default_factory=dict)

    @property
    def entrance(self) -> Entrance:
        entrance: Entrance = self.served.app.state.entrance
        return entrance

    def do(self, work: Coroutine[Any, Any, Done]) -> Done:
        """Run something on the server's loop, on its pool."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    async def person(self, role: Role, tenant_id: int = 1, *, status: str = "active") -> Person:
        """Make a user with a password, who sees what is theirs."""
        operator = Actor(tenant_id)
        async with transaction(operator.acting) as db:
            login = f"{role.value}-{secrets.token_hex(4)}@example.org"
            user = await add_user(
                db,
                self.entrance.vault,
                operator,
                login=login,
                name=f"{role.value} of {tenant_id}",
                role=role,
                now=self.clock(),
                random=secrets.token_bytes,
            )
            person = Person(user.user_id, role, login, tenant_id)
            if status == "active" and role is not Role.SERVICE:
                hashed = await self.entrance.passwords.hash(PASSWORD)
                await store.set_password_hash(db, user.user_id, hashed)
                await store.activate_user(db, user.user_id)
            if role in GRANTED and tenant_id == 1:
                for scope in (Scope.household("MINE-HOUSE"), Scope.account("MINE-3")):
                    await grant(db, operator, user.user_id, scope, [Right.READ], now=self.clock())
        return person

    async def enrol(self, person: Person) -> None:
        """Give a person an authenticator app, and recovery codes."""
        codes = make_recovery_codes(secrets.token_bytes)
        person.recovery_codes = codes.codes
        place = ("users", "totp_seed_sealed", str(person.user_id))
        async with transaction(person.acting) as db:
            sealed = await self.entrance.vault.seal(db, *place, person.seed.hex())
            await store.set_seed(db, person.user_id, sealed, None)
            await store.replace_recovery_codes(db, person.user_id, codes.hashes)

    async def give_passkey(self, person: Person, device: Device) -> None:
        """Give a person the passkey of a device."""
        handle, challenge = user_handle(self.entrance, person.user_id), secrets.token_bytes(32)
        options = registration_options(
            self.entrance.site, challenge=challenge, user_handle=handle, user_name="ada", existing=[]
        )
        made = register_passkey(
            self.entrance.site, device.make(options), challenge=challenge, user_handle=handle
        )
        async with transaction(person.acting) as db:
            await keep_passkey(db, person.user_id, made, "a device")

    async def link_identity(self, person: Person, issuer: str = "") -> tuple[str, str]:
        """Let a person, and nobody else, be ada at a provider: the one that is right, whose clock is ours."""
        self.provider.now = self.clock()
        issuer, subject = issuer or f"{self.provider.root}/right", "ada"
        async with transaction(person.acting) as db:
            found = await store.find_identity(db, issuer, subject)
        if found is not None:
            async with transaction(Acting(found[0], "operator")) as db:
                await store.delete_identity(db, found[1], issuer, subject)
        async with transaction(person.acting) as db:
            assert await store.add_identity(db, person.user_id, issuer, subject)
        return issuer, subject

    async def grant(self, person: Person, account_id: str, *rights: Right) -> None:
        """Let a person do something with an account, if nothing is said read it, in place of what they could."""
        operator = Actor(person.tenant_id)
        async with transaction(operator.acting) as db:
            scope = Scope.account(account_id)
            await grant(db, operator, person.user_id, scope, rights or [Right.READ], now=self.clock())

    async def write(self, tenant_id: int, work: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """Let the operator of a tenant do something."""
        async with transaction(Acting(tenant_id, "operator")) as db:
            return await work(db, *arguments, **more)

    async def hold(self, tenant_id: int, person: Person) -> UUID:
        """Let nothing of a person be erased."""
        async with transaction(Acting(tenant_id, "operator")) as db:
            return await place_hold(db, person.user_id, "case 12-345")

    async def operate(self, tenant_id: int, work: Callable[..., Any], about: Any, **more: Any) -> Any:
        """Let the operator of a tenant do something about a user, or about something else of a name."""
        operator = Actor(tenant_id)
        async with transaction(operator.acting) as db:
            return await work(db, operator, about, now=self.clock(), **more)

    async def link_paper(self, tenant_id: int) -> UUID:
        """Link a paper broker to a tenant."""
        link_id, operator = uuid4(), Actor(tenant_id)
        async with transaction(operator.acting) as db:
            await link_broker(
                db,
                self.entrance.vault,
                operator,
                link_id,
                broker="paper",
                name=f"paper {link_id}",
                environment="paper",
                address=None,
                settings={},
                credentials={},
                now=self.clock(),
            )
        return link_id

    async def ledger_account(self, tenant_id: int) -> str:
        """Make an account that the ledger keeps, and that has nothing yet."""
        account_id = f"LEDGER-{secrets.token_hex(4)}"
        statement = text(
            "insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency, kept_by) "
            "values (steelyard.current_tenant(), :account, :account, 'USD', 'ledger')"
        )
        async with transaction(Actor(tenant_id).acting) as db:
            await db.execute(statement, {"account": account_id})
        return account_id

    async def session_of(self, person: Person, factors: Collection[str] = BOTH) -> OpenedSession:
        """Begin a session of a person."""
        async with transaction(person.acting) as db:
            found = await store.get_factors(db, person.user_id)
            assert found is not None
            return await start_session(
                db,
                person.user_id,
                factors,
                epoch=found.epoch,
                now=self.clock(),
                random=secrets.token_bytes,
            )

    async def token_of(self, person: Person, scopes: Collection[str] = READS) -> str:
        """Make a token of a person."""
        operator = Actor(person.tenant_id)
        async with transaction(operator.acting) as db:
            made = await create_token(
                db,
                operator,
                person.user_id,
                name="a program",
                scopes=scopes,
                expires_at=self.clock() + timedelta(days=1),
                now=self.clock(),
                random=secrets.token_bytes,
            )
            return made.text

    def window_of(self, person: Person, factors: Collection[str] = BOTH) -> "Window":
        """Open a window in which a person is signed in; a service has a token."""
        if person.role is Role.SERVICE:
            return Window(self, bearer=self.do(self.token_of(person, [*READS, "propose:order"])))
        return Window(self, {"sid": self.do(self.session_of(person, factors)).secret})

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send a request as a page of ours does, unless the headers say otherwise: JSON, same origin, a new key."""
        sent = {"host": self.served.host}
        if method not in {"GET", "HEAD"}:
            sent["sec-fetch-site"] = "same-origin"
        if method == "POST":
            sent["idempotency-key"] = secrets.token_hex(16)
        if body is not None:
            sent["content-type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        return self.send(method, path if path.startswith(OUTSIDE) else PREFIX + path, content, sent)

    def send(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Send a request as it is: a path from the root, and headers as they are called, but those LEFT_OUT."""
        request = httpx.Request(
            method,
            f"http://127.0.0.1:{self.served.port}{path}",
            headers={name: value for name, value in headers.items() if value != LEFT_OUT},
            content=content,
        )
        answer = self.way.handle_request(request)
        answer.read()
        return answer

    async def prints(self) -> dict[str, tuple[int, int]]:
        """How many rows each table has, and the newest transaction that wrote one; as the superuser, who sees all."""
        login = self.database.superuser
        connection = await asyncpg.connect(
            host=str(self.database.host),
            user=login.user,
            password=login.password,
            database=self.database.database,
        )
        try:
            names = await connection.fetch("select tablename from pg_tables where schemaname = 'steelyard'")
            each = [
                f"select '{name}', count(*), coalesce(max(xmin::text::bigint), 0) from steelyard.{name}"  # noqa: S608  names of our own tables
                for (name,) in names
            ]
            return {
                name: (count, newest)
                for name, count, newest in await connection.fetch(" union all ".join(each))
            }
        finally:
            await connection.close()

    def rows(self, statement: str, tenant_id: int = 1, **values: Any) -> list[Any]:
        """What the store holds, as the operator of a tenant sees it."""

        async def read() -> list[Any]:
            async with transaction(Acting(tenant_id, "operator")) as db:
                return list(await db.execute(text(statement), values))

        return self.do(read())


@dataclass(slots=True)
class Window:
    """A browser's window: it keeps the cookies that it is told to keep."""

    house: House
    cookies: dict[str, str] = field(default_factory=dict)
    bearer: str = ""
    """What a program sends in place of them."""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Ask the interface."""
        return self._kept(self.house.ask(method, path, body, **self._known(), **headers))

    def send(self, method: str, path: str, content: bytes | None = None, **headers: str) -> httpx.Response:
        """Ask for a page as a browser does that a person uses; an underscore in a header's name is a hyphen."""
        sent = {"host": self.house.served.host, "sec-fetch-site": "same-origin"}
        if content is not None:
            sent["content-type"] = "application/x-www-form-urlencoded"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return self._kept(self.house.send(method, path, content, self._known() | sent))

    def _known(self) -> dict[str, str]:
        if self.bearer:
            return {"authorization": f"Bearer {self.bearer}"}
        if self.cookies:
            return {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        return {}

    def _kept(self, answer: httpx.Response) -> httpx.Response:
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0]
            if "Max-Age=0" in line:
                del self.cookies[name]
        return answer


@asynccontextmanager
async def transaction(acting: Acting) -> AsyncIterator[WriteSession]:
    """A transaction that works for somebody."""
    with acting_as(acting):
        async with get_write_session() as db:
            yield db


async def furnish(house: House, folder: Path, **changed: list[Row]) -> None:
    """Load both books, some tables of ours changed, publish them, and let everybody in."""
    for tenant_id, tables in ((1, shared_tables() | OURS | changed), (OTHERS, THEIRS)):
        directory = folder / str(tenant_id)
        directory.mkdir()
        for name, rows in tables.items():
            write_table(directory, name, HEADERS[name], rows)
        if tenant_id == OTHERS:
            async with transaction(OPERATOR) as db:
                await create_tenant(db, "The others")
        with acting_as(Acting(tenant_id, "operator")):
            await load_tables(directory, today=small_book.TODAY, only=list(tables))
            await refresh(today=small_book.TODAY)
    for tenant_id in (1, OTHERS):
        for role in Role:
            house.people[tenant_id, role] = await house.person(role, tenant_id)


def with_providers(entrance: Entrance, provider: EvilProvider, origin: str) -> Entrance:
    """Let people sign in at the provider that is right, and at each that lies."""
    known = [
        Provider(name, f"{provider.root}/{name}", CLIENT, SECRET, redirect_uri(origin, name))
        for name in provider.lies
    ]
    outbound = Outbound(IMPATIENT, resolve=resolve, tls=TLS)
    return replace(
        entrance,
        relying=RelyingParty(known, outbound, clock=lambda: provider.now, random=secrets.token_bytes),
        providers={one.name: SignInProvider(one, f"The {one.name} one") for one in known},
    )


@contextmanager
def opened_house(
    database: EmbeddedServer, urls: tuple[str, str], folder: Path, **parts: Any
) -> Iterator[House]:
    """Serve the whole interface over an empty, migrated store.

    Args:
        database: the store.
        urls: of the app and of the owner of the schema.
        folder: for keys.
        parts: of the server's wiring.
    """
    loops: list[asyncio.AbstractEventLoop] = []
    clock, hasher = Clock(), CountingHasher()

    @asynccontextmanager
    async def on_loop() -> AsyncIterator[None]:
        loops.append(asyncio.get_running_loop())
        await init_connection_pool(urls[0], migrator_url=urls[1], pool_size=4, acts_as=NOBODY)
        yield
        await close_connection_pool()

    lies = {"right": Lies()} | {name.replace("_", "-"): case.lies for name, case in CASES.items()}
    with (
        started(lies) as provider,
        serving(
            lambda _: [make_router(), make_pages()],
            on_loop=on_loop,
            draw_problem=draw_problem,
            find_actor=Reception(clock),
            clock=clock,
            **parts,
        ) as served,
    ):
        origin = served.wiring.place.public_url
        served.app.state.retention_years = 6
        served.app.state.market = None
        served.app.state.broker_tools = BrokerTools(
            paper_file=folder / "paper.sqlite",
            outbound=Outbound(LOOPBACK),
            price_of=newest_price(clock),
            clock=clock,
            chance=random.Random(1),  # noqa: S311 - the same every time
        )
        served.app.state.entrance = with_providers(
            make_entrance(folder, hasher, clock, origin=origin), provider, origin
        )
        served.app.state.first_book = FirstBook(
            book_path(), served.app.state.entrance.vault, served.app.state.broker_tools
        )
        house = House(served, loops[0], clock, hasher, provider, database, folder)
        yield house
        house.way.close()
