"""Cloud SQL through Google's own connector, against an instance made of the embedded server; see `cloud_sql_fake`."""

import asyncio
import fcntl
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from cloud_sql_fake import HERE, HOUR, INSTANCE, NOBODY_THERE, Authority, FakeCloudSql, serving
from steelyard.app import open_pool
from steelyard.config import SettingError, Settings
from steelyard.demo import book_path
from steelyard.errors import SteelyardError
from steelyard.services.asset_360 import get_document, refresh
from steelyard.services.loading import load_tables
from steelyard.storage import embedded
from steelyard.storage.address import DatabaseRefusedError
from steelyard.storage.asset_360 import Document
from steelyard.storage.cloud_sql import (
    CloudSqlAddressError,
    CloudSqlAdminError,
    CloudSqlCertificateExpiredError,
    CloudSqlDatabaseMissingError,
    CloudSqlEngineError,
    CloudSqlExtraMissingError,
    CloudSqlInstance,
    CloudSqlInstanceMissingError,
    CloudSqlLoginError,
    CloudSqlNameError,
    CloudSqlRightsError,
    CloudSqlSettingsError,
    CloudSqlTrustError,
    CloudSqlUnreachableError,
    GoogleLoginError,
)
from steelyard.storage.connection import (
    Pool,
    TwoStoresError,
    close_connection_pool,
    get_db_session,
    init_connection_pool,
)
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.failures import DatabaseLostError
from steelyard.storage.migration import migrate
from steelyard.storage.postmaster import SOCKET_FILE

TODAY = date(2023, 1, 1)  # the sample book ends in 2022
PORT_LOCK = (
    Path(tempfile.gettempdir()) / f"steelyard-port-3307-{os.getuid()}.lock"
)  # one a user: others may not open it
USER, CROWDED_USER = f"cloud_user_{os.getpid()}", f"crowded_user_{os.getpid()}"  # workers share the server
PASSWORD = "a secret"  # noqa: S105 - of a role made here
ROBOT = "robot@acme.iam"
SCOPE = "for https://www.googleapis.com/auth/sqlservice"


async def as_superuser(server: EmbeddedServer, statement: str) -> None:
    superuser = server.superuser
    connection = await asyncpg.connect(
        host=str(server.host), user=superuser.user, password=superuser.password, database="postgres"
    )
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def users(server: EmbeddedServer) -> Iterator[None]:
    """The user an instance has for Steelyard, made as the how-to says, and one that may not connect."""
    groups = "in role steelyard_migrator, steelyard_app"
    asyncio.run(
        as_superuser(
            server,
            f"create role {USER} login password '{PASSWORD}' {groups};"
            f"create role {CROWDED_USER} login password '{PASSWORD}' connection limit 0 {groups}",
        )
    )
    yield
    asyncio.run(as_superuser(server, f"drop role {USER}, {CROWDED_USER}"))


@pytest.fixture
def port_3307() -> Iterator[None]:
    """The connector's port, one for the whole machine: other workers and other runs wait for it here."""
    with PORT_LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def google(port_3307: None, server: EmbeddedServer) -> Iterator[FakeCloudSql]:
    """Google's side, in front of the server of the run."""
    del port_3307
    with serving(FakeCloudSql(server.host / SOCKET_FILE)) as running:
        yield running


@pytest.fixture
async def instance(
    google: FakeCloudSql, database: EmbeddedServer, users: None
) -> AsyncIterator[CloudSqlInstance]:
    """The module's database as an instance; the pool that the test opens on it is closed at the end."""
    del users
    yield CloudSqlInstance(
        INSTANCE,
        USER,
        database.database,
        PASSWORD,
        credentials=google.credentials(),
        api_endpoint=google.endpoint,
    )
    await close_connection_pool()


@pytest.fixture
async def pool(instance: CloudSqlInstance) -> Pool:
    return await init_connection_pool(cloud_sql=instance, pool_size=4)


async def ask(question: str) -> Any:
    async with get_db_session() as db:
        return (await db.execute(text(question))).scalar_one()


async def refusal(instance: CloudSqlInstance) -> SteelyardError:
    with pytest.raises(SteelyardError) as caught:
        await init_connection_pool(cloud_sql=instance)
    assert PASSWORD not in f"{caught.value}{instance}"
    return caught.value


async def until_ended(google: FakeCloudSql, what: str, times: int) -> None:
    async with asyncio.timeout(10):
        while google.ended.count(what) < times:
            await asyncio.sleep(0.01)


# ── It works ────────────────────────────────────────────────────────────────────────────────────────────


async def test_works_as_the_role_that_may_not_change_the_schema(pool: Pool) -> None:
    assert pool.place.startswith(f"Cloud SQL {INSTANCE}/copy_")
    assert await ask("select session_user || ' as ' || current_user") == f"{USER} as steelyard_app"
    assert await ask("show timezone") == "UTC"


async def test_the_sample_book_gives_what_it_gives_embedded(
    instance: CloudSqlInstance, blank_database: EmbeddedServer, own_store: Pool
) -> None:
    del own_store
    expected = await load_and_publish()
    await close_connection_pool()

    await init_connection_pool(cloud_sql=replace(instance, database=blank_database.database))
    assert (await migrate()).revisions
    assert await load_and_publish() == expected


async def load_and_publish() -> tuple[Document, str]:
    """Load and publish the sample book, and give what all readers read and the hash of all rows."""
    await load_tables(book_path(), today=TODAY)
    await refresh(today=TODAY)
    async with get_db_session() as db:
        document = await get_document(db)
    assert document.overview.total_assets > 20
    return document, await ask("select content_hash from steelyard.asset_360_versions")


async def test_sessions_at_once_share_the_pool_and_one_certificate(google: FakeCloudSql, pool: Pool) -> None:
    del pool
    questions = [ask("select pg_backend_pid() from pg_sleep(0.02)") for _ in range(12)]

    assert len(set(await asyncio.gather(*questions))) > 1
    assert len(google.asked) == 2, "one question where the instance is, one for a certificate"


@pytest.mark.parametrize("ip_type", ["public", "private", "psc"])
async def test_connects_to_the_address_of_the_kind_wanted(
    google: FakeCloudSql, instance: CloudSqlInstance, ip_type: Any
) -> None:
    here = {kind: HERE if kind == ip_type else NOBODY_THERE for kind in ("public", "private", "psc")}
    google.settings["ipAddresses"] = [
        {"type": "PRIMARY", "ipAddress": here["public"]},
        {"type": "PRIVATE", "ipAddress": here["private"]},
    ]
    google.settings |= {"pscEnabled": True, "dnsName": here["psc"] + "."}
    await init_connection_pool(cloud_sql=replace(instance, ip_type=ip_type))

    assert await ask("select 1") == 1


async def test_google_is_asked_with_the_right_to_ask_and_no_more(google: FakeCloudSql, pool: Pool) -> None:
    del pool

    assert {bearer for _, _, bearer in google.asked} == {f"Bearer {SCOPE}.admin"}
    assert [body.keys() for _, body, _ in google.asked if body] == [{"public_key"}]


async def test_an_iam_login_sends_a_token_for_logging_in_and_no_password(
    google: FakeCloudSql, instance: CloudSqlInstance, home: Path
) -> None:
    server = await embedded.start(home)
    trust_the_robot(server)
    await as_superuser(server, f'create role "{ROBOT}" login in role steelyard_app; select pg_reload_conf()')
    google.backend = server.host / SOCKET_FILE
    account = f"{ROBOT}.gserviceaccount.com"
    await init_connection_pool(
        cloud_sql=replace(instance, user=account, password=None, iam=True, database=server.database)
    )

    assert await ask("select session_user || ' as ' || current_user") == f"{ROBOT} as steelyard_app"
    assert [body["access_token"] for _, body, _ in google.asked if body] == [f"{SCOPE}.login"]


def trust_the_robot(server: EmbeddedServer) -> None:
    """Let it in without a password, as an instance does that has checked the token in the certificate."""
    rules = server.home / "postgres" / "pg_hba.conf"
    rules.write_text(f'local all "{ROBOT}" trust\n{rules.read_text()}')


# ── It ends ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_connections_end_before_the_connector_does(google: FakeCloudSql, pool: Pool) -> None:
    del pool
    await asyncio.gather(*(ask("select 1 from pg_sleep(0.02)") for _ in range(3)))
    await close_connection_pool()
    await until_ended(google, "admin", 2)

    assert google.ended == ["connection"] * 3 + ["admin"] * 2


async def test_a_pool_that_did_not_open_leaves_nothing_open(
    google: FakeCloudSql, instance: CloudSqlInstance
) -> None:
    await refusal(replace(instance, password="wrong"))  # noqa: S106 - it is

    await until_ended(google, "admin", 2)


def test_a_pool_left_open_is_closed_with_its_loop(
    google: FakeCloudSql, database: EmbeddedServer, users: None
) -> None:
    del users
    place = (INSTANCE, USER, database.database, PASSWORD)
    instance = CloudSqlInstance(*place, credentials=google.credentials(), api_endpoint=google.endpoint)
    asyncio.run(init_connection_pool(cloud_sql=instance))

    asyncio.run(until_ended(google, "admin", 2))


async def test_each_loop_has_a_connector_of_its_own(instance: CloudSqlInstance, pool: Pool) -> None:
    async def link() -> object:
        other = await init_connection_pool(cloud_sql=instance)
        assert await ask("select 1") == 1
        return other.link

    assert await asyncio.to_thread(asyncio.run, link()) is not pool.link
    assert await ask("select 1") == 1


# ── The proxy is cut ────────────────────────────────────────────────────────────────────────────────────


async def test_a_cut_in_a_transaction_leaves_nothing_half_done(google: FakeCloudSql, pool: Pool) -> None:
    def cut_while_storing(stage: str, done: int, total: int) -> None:
        if stage == "Storing market_data" and done < total:
            google.cut()

    with pytest.raises(DatabaseLostError, match=re.escape(pool.place)):
        await load_tables(book_path(), today=TODAY, progress=cut_while_storing)

    assert await ask("select count(*) from steelyard.asset_master") == 0
    assert (await load_tables(book_path(), today=TODAY)).status == "loaded"


async def test_an_idle_connection_that_was_cut_is_replaced_unnoticed(
    google: FakeCloudSql, pool: Pool
) -> None:
    del pool
    before = await ask("select pg_backend_pid()")
    google.cut()

    assert await ask("select pg_backend_pid()") != before


# ── It is refused ───────────────────────────────────────────────────────────────────────────────────────


async def test_an_admin_api_that_is_down_for_a_moment_is_asked_again(
    google: FakeCloudSql, instance: CloudSqlInstance
) -> None:
    google.failures = [503] * 4  # both questions, twice each
    await init_connection_pool(cloud_sql=instance)

    assert await ask("select 1") == 1
    assert len(google.asked) == 6


async def test_an_admin_api_that_stays_down_is_named(
    google: FakeCloudSql, instance: CloudSqlInstance
) -> None:
    google.status = 503
    error = await refusal(instance)

    assert isinstance(error, CloudSqlAdminError)
    assert "503, Google says 503. Nothing was changed; try again" in str(error)
    assert len([path for path, _, _ in google.asked if path.endswith("connectSettings")]) > 2


REFUSALS: dict[str, tuple[dict[str, Any], type[SteelyardError], str]] = {
    "no such instance": ({"status": 404}, CloudSqlInstanceMissingError, "404, Google says 404. `gcloud"),
    "no rights": ({"status": 403}, CloudSqlRightsError, "roles/cloudsql.client"),
    "too many questions": ({"status": 429}, CloudSqlAdminError, "429"),
    "no token": ({"refuses_login": True}, GoogleLoginError, "invalid_grant.*gcloud auth"),
    "client's certificate expired": (
        {"client_lifetime": -HOUR},
        CloudSqlCertificateExpiredError,
        "client's certificate has expired. Set the clock",
    ),
    "instance's certificate expired": (
        {"server_lifetime": -HOUR},
        CloudSqlCertificateExpiredError,
        "instance's certificate has expired. Set the clock",
    ),
    "another authority's instance": (
        {"shown": Authority("another")},
        CloudSqlTrustError,
        "unable to get local issuer.*no password was sent",
    ),
    "an impostor's instance": ({"shown": Authority("servers")}, CloudSqlTrustError, "no password was sent"),
    "another authority's client": ({"trusted": Authority("another")}, CloudSqlTrustError, "unknown ca"),
}


@pytest.mark.parametrize(("changes", "kind", "words"), REFUSALS.values(), ids=REFUSALS)
async def test_what_google_or_the_instance_refuses_is_named(
    google: FakeCloudSql,
    instance: CloudSqlInstance,
    changes: dict[str, Any],
    kind: type[SteelyardError],
    words: str,
) -> None:
    for name, value in changes.items():
        setattr(google, name, value)
    error = await refusal(instance)

    assert type(error) is kind
    assert re.search(words, str(error))


PLACES: dict[str, tuple[dict[str, Any], type[SteelyardError], str]] = {
    "another region": ({"region": "us-east1"}, CloudSqlNameError, "another region"),
    "another database": ({"databaseVersion": "MYSQL_8_0"}, CloudSqlEngineError, "not a PostgreSQL"),
    "no address": ({"ipAddresses": []}, CloudSqlAddressError, "no public address. Set DB_IP_TYPE"),
    "nobody there": (
        {"ipAddresses": [{"type": "PRIMARY", "ipAddress": NOBODY_THERE}]},
        CloudSqlUnreachableError,
        "public address, port 3307",
    ),
}


@pytest.mark.parametrize(("settings", "kind", "words"), PLACES.values(), ids=PLACES)
async def test_an_instance_that_is_elsewhere_or_otherwise_is_named(
    google: FakeCloudSql,
    instance: CloudSqlInstance,
    settings: dict[str, Any],
    kind: type[SteelyardError],
    words: str,
) -> None:
    google.settings |= settings
    error = await refusal(instance)

    assert type(error) is kind
    assert re.search(words, str(error))


LOGINS: dict[str, tuple[dict[str, Any], type[SteelyardError], str]] = {
    "wrong password": ({"password": "wrong"}, CloudSqlLoginError, "Correct DB_USER and DB_PASS"),
    "no such IAM user": (
        {"user": ROBOT, "password": None, "iam": True},
        CloudSqlLoginError,
        f'"{ROBOT}"' + ".*Add the account to the instance",
    ),
    "no such database": ({"database": "nowhere"}, CloudSqlDatabaseMissingError, "books/nowhere"),
    "no connection left": ({"user": CROWDED_USER}, DatabaseRefusedError, "too many connections"),
    "nobody answers for Google": ({"api_endpoint": f"http://{HERE}:1"}, CloudSqlAdminError, "Connect"),
    "not a connection name": ({"name": "books"}, CloudSqlNameError, "form is project:region:instance"),
    "a name with a path in it": ({"name": "a:b:c/../d"}, CloudSqlNameError, "form is"),
    "no user": ({"user": None}, CloudSqlSettingsError, "DB_USER is not set"),
    "no database": ({"database": ""}, CloudSqlSettingsError, "DB_NAME is not set"),
    "no password": ({"password": None}, CloudSqlSettingsError, "DB_PASS is not set, nor DB_IAM"),
    "a password too many": ({"iam": True}, CloudSqlSettingsError, "both set"),
}


@pytest.mark.parametrize(("changes", "kind", "words"), LOGINS.values(), ids=LOGINS)
async def test_a_wrong_setting_is_named(
    instance: CloudSqlInstance, changes: dict[str, Any], kind: type[SteelyardError], words: str
) -> None:
    error = await refusal(replace(instance, **changes))

    assert type(error) is kind
    assert re.search(words, str(error))


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────

ENVIRONMENT = {
    "INSTANCE_CONNECTION_NAME": INSTANCE,
    "DB_USER": "me",
    "DB_PASS": PASSWORD,
    "DB_NAME": "steelyard",
}


def test_the_settings_keep_the_secret_and_say_the_rest() -> None:
    settings = Settings.from_environment({**ENVIRONMENT, "DB_IP_TYPE": "PSC", "DB_IAM": "1"})

    assert (settings.db_ip_type, settings.db_iam, settings.db_pass) == ("psc", True, PASSWORD)
    assert PASSWORD not in repr(settings)


@pytest.mark.parametrize(("name", "text"), [("DB_IAM", "yes"), ("DB_IP_TYPE", "ipv6")])
def test_a_setting_that_means_nothing_is_refused(name: str, text: str) -> None:
    with pytest.raises(SettingError, match=f"{name} is '{text}'; set it to"):
        Settings.from_environment({name: text})


@pytest.mark.parametrize("url", ["DATABASE_URL", "DATABASE_MIGRATOR_URL"])
async def test_two_stores_are_one_too_many(url: str) -> None:
    with pytest.raises(TwoStoresError, match="INSTANCE_CONNECTION_NAME"):
        await open_pool(Settings.from_environment({**ENVIRONMENT, url: "postgresql://me@db/book"}))


async def test_the_environment_names_the_instance_and_google_wants_a_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    with pytest.raises(GoogleLoginError, match=r"/nowhere/key.json.*gcloud auth application-default login"):
        await open_pool(Settings.from_environment(ENVIRONMENT))


@pytest.mark.parametrize(
    ("command", "words"),
    [("start", "does not start"), ("stop", "does not stop"), ("psql", "`gcloud sql connect books --user")],
)
def test_commands_that_need_a_server_of_ours_say_what_to_do(command: str, words: str) -> None:
    program = str(Path(sys.executable).parent / "steelyard")
    environment = {**os.environ, **ENVIRONMENT}
    done = subprocess.run(
        [program, "db", command], env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode != 0
    assert words in " ".join(done.stderr.split())


async def test_without_the_extra_the_command_that_installs_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.sql.connector", None)  # as where it is not installed
    with pytest.raises(CloudSqlExtraMissingError, match=r"pip install 'steelyard\[gcp\]'"):
        await open_pool(Settings.from_environment(ENVIRONMENT))


def test_nothing_of_googles_is_imported_before_it_is_needed() -> None:
    script = (
        "import sys, steelyard.app, steelyard.cli.main, steelyard.storage.connection, steelyard.storage.cloud_sql\n"
        "print({'aiohttp', 'cryptography', 'google.auth', 'grpc'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
