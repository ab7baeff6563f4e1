"""Where the database is and how to log in; every refusal becomes one sentence without a secret in it."""

import logging
import os
import ssl
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import asyncpg

from steelyard.errors import InvalidInputError, NotFoundError, NotPermittedError, UpstreamError
from steelyard.storage.binaries import SUPPORTED_MAJORS
from steelyard.storage.queries import query

CONNECT_SECONDS: Final = 10.0
SCHEMES: Final = ("postgres", "postgresql", "postgresql+asyncpg")
WITHOUT_MEANING: Final = {
    "gssencmode",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
}
VERIFIED: Final = "verify-full"  # the one sslmode that proves who is at the other end
SESSION: Final = {"application_name": "steelyard", "timezone": "UTC"}

log = logging.getLogger(__name__)


class DatabaseUrlError(InvalidInputError):
    """A database URL breaks the form."""

    def __init__(self, rule: str) -> None:
        """Name the rule; the URL itself may hold a password and is not shown."""
        super().__init__(
            f"The database URL {rule}. The form is "
            "postgresql://user:password@host:5432/database?sslmode=verify-full."
        )


class UnprovenHostError(InvalidInputError):
    """A connection would leave this machine without proof of who is at the other end."""

    def __init__(self, host: str, mode: str | None) -> None:
        """Name the host, what its URL asks for, and what to write."""
        asked = f"sslmode={mode}" if mode else "no sslmode"
        super().__init__(
            f"{host} is not this machine, and its database URL has {asked}: whoever answers there would be given the "
            "password. Write sslmode=verify-full, and sslrootcert= with the file of the authority that signed the "
            "server's certificate, or sslrootcert=system for those that the system trusts. Where the network in "
            "between is yours alone, set STEELYARD_DATABASE_TLS=trusted-network."
        )


class DatabaseUnreachableError(UpstreamError):
    """Nothing answers at the address."""

    is_temporary = True  # a server that starts again answers soon

    def __init__(self, place: str, reason: str) -> None:
        """Name the address and the reason."""
        super().__init__(
            f"No PostgreSQL answers at {place} ({reason}). Check host and port, and that the server runs."
        )


class DatabaseLoginError(NotPermittedError):
    """The server refuses the login."""

    def __init__(self, place: str, reason: str) -> None:
        """Quote the server."""
        super().__init__(f"PostgreSQL at {place} refuses the login: {reason}. Correct it in the URL.")


class DatabaseMissingError(NotFoundError):
    """The server does not have the database."""

    def __init__(self, place: str) -> None:
        """Name the address."""
        super().__init__(
            f"PostgreSQL answers, but {place} names a database it does not have. Create it with `createdb`, "
            "or correct the end of the URL."
        )


class DatabaseTlsError(UpstreamError):
    """The encrypted connection did not come about."""

    def __init__(self, place: str, reason: str) -> None:
        """Name the reason."""
        super().__init__(
            f"No encrypted connection to {place}: {reason}. Check sslmode and sslrootcert in the URL."
        )


class DatabaseRefusedError(UpstreamError):
    """The server answers and declines."""

    def __init__(self, place: str, reason: str) -> None:
        """Quote the server."""
        super().__init__(
            f"PostgreSQL at {place} declines the connection: {reason}. Resolve that and try again."
        )


class DatabaseTooOldError(UpstreamError):
    """The server is older than PostgreSQL 15."""

    def __init__(self, place: str, major: int) -> None:
        """Name the version."""
        super().__init__(
            f"{place} is PostgreSQL {major}; Steelyard needs {SUPPORTED_MAJORS[0]} to "
            f"{SUPPORTED_MAJORS[-1]}. Upgrade the server or name another one."
        )


class LoginAboveError(NotPermittedError):
    """Nothing would keep tenants apart in sessions of this login."""

    def __init__(self, place: str) -> None:
        """Say what to grant."""
        super().__init__(
            f"The login of {place} is above row-level security, so it would see every tenant. Let it work as "
            "steelyard_app, `grant steelyard_app to` it, or name another login in the URL."
        )


@dataclass(frozen=True, slots=True)
class Address:
    """A database and the way in.

    Attributes:
        place: what people are told: host, port and database, never a secret.
        arguments: what the driver is given.
        adopts_role: work as `steelyard_app` once connected, where the login may.
    """

    place: str
    arguments: dict[str, Any] = field(repr=False)
    adopts_role: bool = False

    async def connect(self) -> asyncpg.Connection:
        """Open a connection.

        Raises:
            DatabaseUnreachableError, DatabaseLoginError, DatabaseMissingError, DatabaseTlsError,
            DatabaseRefusedError, DatabaseTooOldError, DatabaseUrlError, LoginAboveError: each says what to do.
        """
        connection = await self._connect()
        await settle(connection, self.place, adopts_role=self.adopts_role)
        return connection

    async def _connect(self) -> asyncpg.Connection:
        try:
            return await asyncpg.connect(**self.arguments, timeout=CONNECT_SECONDS, server_settings=SESSION)
        except ssl.SSLError as error:
            reason = getattr(error, "verify_message", None) or error.reason or str(error)
            raise DatabaseTlsError(self.place, reason) from error
        except TimeoutError as error:
            raise DatabaseUnreachableError(self.place, f"silent for {CONNECT_SECONDS:.0f} s") from error
        except asyncpg.InvalidAuthorizationSpecificationError as error:
            raise DatabaseLoginError(self.place, str(error)) from error
        except asyncpg.InvalidCatalogNameError as error:
            raise DatabaseMissingError(self.place) from error
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError) as error:
            raise _unreachable(self.place, error) from error
        except asyncpg.ClientConfigurationError as error:
            raise DatabaseUrlError(f"is not usable: {error}") from error
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseRefusedError(self.place, str(error)) from error


async def settle(connection: asyncpg.Connection, place: str, *, adopts_role: bool) -> None:
    """Make a new connection one of ours, or end it.

    Args:
        connection: just opened.
        place: what people are told.
        adopts_role: work as `steelyard_app` from now on, where the login may.

    Raises:
        DatabaseTooOldError: the server is older than PostgreSQL 15.
        LoginAboveError: the login may not work as `steelyard_app`, and row-level security does not hold it back.
    """
    try:
        _check_version(place, connection.get_server_version().major)
        if adopts_role:
            await _adopt_role(connection)
            await _check_role(connection, place)
    except BaseException:
        connection.terminate()
        raise


def address_of_url(url: str, *, adopts_role: bool, trusts_network: bool = False) -> Address:
    """Read a database URL as people write them.

    Args:
        url: postgres://, postgresql:// or postgresql+asyncpg://, with libpq's parameters such as sslmode.
        adopts_role: see `Address`.
        trusts_network: take any sslmode, also where the connection leaves this machine.

    Raises:
        DatabaseUrlError: it is no such URL, or asks for what the driver cannot do.
        UnprovenHostError: the connection would leave this machine, and sslmode is not verify-full.

    >>> address_of_url("postgres://me:secret@db/book?sslmode=verify-full", adopts_role=False)
    Address(place='db:5432/book', adopts_role=False)
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError:
        raise DatabaseUrlError("has no valid host and port") from None
    if parts.scheme not in SCHEMES:
        raise DatabaseUrlError(f"does not begin with {', '.join(f'{scheme}://' for scheme in SCHEMES)}")
    parameters = _driver_parameters(parts.query)
    if "@" in parts.netloc.rpartition("@")[0]:
        raise DatabaseUrlError("has a second @; write %40 for one in a name or password")
    if parts.hostname and "host" in parameters:
        raise DatabaseUrlError("names a host twice")
    hosts = unquote(parts.hostname or "") or parameters.get("host") or os.environ.get("PGHOST") or "localhost"
    mode = parameters.get("sslmode")
    if mode != VERIFIED and not trusts_network:
        for host in hosts.split(","):
            if not is_this_machine(host):
                raise UnprovenHostError(host, mode)
    dsn = parts._replace(scheme="postgresql", query=urlencode(parameters, quote_via=quote)).geturl()
    return Address(f"{hosts}:{port}{parts.path}", {"dsn": dsn, **_trust(parameters)}, adopts_role)


def is_this_machine(host: str) -> bool:
    """Tell whether a connection to a host stays on this machine: a Unix socket, localhost or a loopback address.

    >>> [is_this_machine(host) for host in ("/run/postgresql", "localhost", "127.0.0.1", "::1", "db", "10.0.0.1")]
    [True, True, True, True, False, False]
    """
    if host.startswith("/") or host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _trust(parameters: dict[str, str]) -> dict[str, Any]:
    """Give the driver the system's authorities where they are asked for, which it has no word for."""
    if parameters.get("sslmode") != VERIFIED or parameters.get("sslrootcert") != "system":
        return {}
    return {"ssl": ssl.create_default_context()}


def _driver_parameters(text: str) -> dict[str, str]:
    parameters = {key: value for key, value in parse_qsl(text) if key not in WITHOUT_MEANING}
    if "ssl" in parameters:
        parameters["sslmode"] = parameters.pop("ssl")
    parameters.pop("connect_timeout", None)  # ours is CONNECT_SECONDS
    if "service" in parameters:
        raise DatabaseUrlError("names a service, whose host is in another file; write the host into the URL")
    root = parameters.get("sslrootcert", "system")
    if root != "system" and not Path(root).is_file():
        raise DatabaseUrlError(f"names sslrootcert={root}, and there is no such file")
    if parameters.pop("channel_binding", "prefer") == "require":
        raise DatabaseUrlError(
            "asks for channel_binding=require, which the driver lacks; say sslmode=verify-full instead"
        )
    return parameters


def _unreachable(place: str, error: Exception) -> UpstreamError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if "SSL" in reason:
        return DatabaseTlsError(place, reason)
    return DatabaseUnreachableError(place, reason)


def _check_version(place: str, major: int) -> None:
    if major < SUPPORTED_MAJORS[0]:
        raise DatabaseTooOldError(place, major)
    if major > SUPPORTED_MAJORS[-1]:
        log.warning("%s is PostgreSQL %s; tested is up to %s.", place, major, SUPPORTED_MAJORS[-1])


async def _adopt_role(connection: asyncpg.Connection) -> None:
    try:
        await connection.execute(query("adopt_app_role").text)
    except asyncpg.InsufficientPrivilegeError:
        log.debug("The login is a member of steelyard_app and may not act as it; it works as itself.")


async def _check_role(connection: asyncpg.Connection, place: str) -> None:
    if await connection.fetchval(query("is_above_policies").text):
        raise LoginAboveError(place)
