"""S57: a database at the other end of a network proves who it is, with a real server that speaks TLS."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from sqlalchemy import text

from steelyard.storage.address import DatabaseTlsError, DatabaseUrlError
from steelyard.storage.cluster import make_home, open_cluster, prepare_cluster
from steelyard.storage.connection import close_connection_pool, get_migrator_session, init_connection_pool
from steelyard.storage.embedded import bring_up, describe

Url = Callable[..., str]


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def url(
    home: Path, postgres_15: Path, authority: trustme.CA, unused_tcp_port: int, tmp_path: Path
) -> AsyncIterator[Url]:
    """The address of a server whose certificate is for localhost; `host` and `root` as they are given."""
    cluster = open_cluster(home)
    make_home(cluster)
    binaries = prepare_cluster(cluster, postgres_15)
    certificate = authority.issue_cert("localhost")
    chain, key = cluster.data / "server.crt", cluster.data / "server.key"
    certificate.cert_chain_pems[0].write_to_path(chain)
    certificate.private_key_pem.write_to_path(key)
    for file in (chain, key):
        file.chmod(0o600)
        cluster.account.own(file)
    settings = {"listen_addresses": "127.0.0.1", "port": str(unused_tcp_port), "ssl": "on"}
    command = [*cluster.command(binaries), *(f"--{name}={value}" for name, value in settings.items())]
    server = replace(describe(cluster), port=unused_tcp_port)
    await bring_up(cluster, server, command, lambda _: None)
    login = f"{server.superuser.user}:{server.superuser.password}"

    def of(host: str, root: trustme.CA | str) -> str:
        path = tmp_path / "root.pem"
        if isinstance(root, trustme.CA):
            root.cert_pem.write_to_path(path)
        file = path if isinstance(root, trustme.CA) else root
        return (
            f"postgresql://{login}@{host}:{unused_tcp_port}/postgres?sslmode=verify-full&sslrootcert={file}"
        )

    yield of
    await close_connection_pool()


async def test_only_the_server_that_proves_its_name_is_given_the_password(
    url: Url, authority: trustme.CA
) -> None:
    stranger = trustme.CA()
    for host, root, why in (
        ("127.0.0.1", authority, "IP address mismatch"),
        ("localhost", stranger, "self-signed certificate|unable to get local issuer|signature"),
        ("localhost", "system", "unable to get local issuer|self-signed certificate"),
    ):
        with pytest.raises(DatabaseTlsError, match=why):
            await init_connection_pool(url(host, root))
    with pytest.raises(DatabaseUrlError, match="there is no such file"):
        await init_connection_pool(url("localhost", "/no/such.pem"))
    await init_connection_pool(url("localhost", authority))
    async with get_migrator_session() as db:
        encrypted = "select ssl, version from pg_stat_ssl where pid = pg_backend_pid()"
        assert tuple((await db.execute(text(encrypted))).one()) == (True, "TLSv1.3")
