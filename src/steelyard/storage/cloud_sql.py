"""A Google Cloud SQL instance as the store, by Google's own connector: the extra `steelyard[gcp]`.

The connector asks the Cloud SQL Admin API where the instance is and for a certificate that lives an hour, retries
an API that is down, and connects to port 3307 in TLS 1.3, where both sides show a certificate. Whatever goes wrong
on that way becomes one sentence here. Nothing of Google's is imported before an instance is named.
"""

import asyncio
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import asyncpg

from steelyard.errors import (
    InvalidInputError,
    NotFoundError,
    NotPermittedError,
    SteelyardError,
    UpstreamError,
)
from steelyard.storage.address import CONNECT_SECONDS, SESSION, DatabaseRefusedError, settle

if TYPE_CHECKING:
    from google.auth.credentials import Credentials
    from google.cloud.sql.connector import Connector

OPEN_SECONDS: Final = 40.0  # the connector's retries of the Admin API take up to 9 s, and an address 10 s
CONNECTION_NAME: Final = re.compile(r"([a-z0-9.-]+:)?[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]+")
CERTIFICATE_HAS_EXPIRED: Final = 10  # X509_V_ERR_CERT_HAS_EXPIRED
IpType = Literal["public", "private", "psc"]


class CloudSqlExtraMissingError(NotFoundError):
    """Google's connector is not installed."""

    def __init__(self) -> None:
        """Name the command that installs it."""
        super().__init__(
            "INSTANCE_CONNECTION_NAME names a Cloud SQL instance, and Google's connector is not installed. "
            "Run `pip install 'steelyard[gcp]'`."
        )


class CloudSqlNameError(InvalidInputError):
    """The name of the instance is not its connection name."""

    def __init__(self, name: str, rule: str) -> None:
        """Name the rule it breaks."""
        super().__init__(
            f"INSTANCE_CONNECTION_NAME is {name!r}, which {rule}. The form is project:region:instance; "
            "`gcloud sql instances describe INSTANCE` prints it as connectionName."
        )


class CloudSqlSettingsError(InvalidInputError):
    """The login to the database is not said completely, or twice."""

    def __init__(self, fault: str) -> None:
        """Name what is missing or too much."""
        super().__init__(
            f"{fault}. With INSTANCE_CONNECTION_NAME set DB_USER, DB_NAME, and DB_PASS or DB_IAM=1."
        )


class GoogleLoginError(NotPermittedError):
    """There is no login to Google, or it does not work."""

    def __init__(self, reason: str) -> None:
        """Quote Google's library."""
        super().__init__(
            f"The login to Google failed: {reason} Run `gcloud auth application-default login`, or set "
            "GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account."
        )


class CloudSqlRightsError(NotPermittedError):
    """Google does not let the account reach the instance."""

    def __init__(self, place: str, reason: str) -> None:
        """Quote Google."""
        super().__init__(
            f"Google does not let this account reach {place}: {reason} Give it the role roles/cloudsql.client (with "
            "DB_IAM=1 roles/cloudsql.instanceUser too), and enable the Cloud SQL Admin API in the project."
        )


class CloudSqlInstanceMissingError(NotFoundError):
    """Google does not know the instance."""

    def __init__(self, place: str, reason: str) -> None:
        """Quote Google."""
        super().__init__(
            f"There is no {place}: {reason} `gcloud sql instances list` shows the instances of a project; correct "
            "INSTANCE_CONNECTION_NAME."
        )


class CloudSqlAdminError(UpstreamError):
    """The Cloud SQL Admin API does not do its part, retries included."""

    is_temporary = True

    def __init__(self, place: str, reason: str) -> None:
        """Quote it."""
        super().__init__(
            f"The Cloud SQL Admin API does not say how to reach {place}: {reason} Nothing was changed; try again in "
            "a few minutes."
        )


class CloudSqlAddressError(InvalidInputError):
    """The instance has no address of the kind wanted."""

    def __init__(self, place: str, ip_type: IpType) -> None:
        """Name the kind."""
        super().__init__(
            f"{place} has no {ip_type} address. Set DB_IP_TYPE to one that it has (public, private or psc), or give "
            "it one."
        )


class CloudSqlEngineError(InvalidInputError):
    """The instance is of another database."""

    def __init__(self, place: str) -> None:
        """Name the instance."""
        super().__init__(
            f"{place} is not a PostgreSQL instance. Name one that is in INSTANCE_CONNECTION_NAME."
        )


class CloudSqlUnreachableError(UpstreamError):
    """Nothing answers at the instance's address."""

    is_temporary = True

    def __init__(self, place: str, ip_type: IpType, reason: str) -> None:
        """Name the kind of address and the reason."""
        super().__init__(
            f"{place} does not answer at its {ip_type} address, port 3307 ({reason}). Check that the instance runs "
            "and that this network reaches that address, or set DB_IP_TYPE to another."
        )


class CloudSqlCertificateExpiredError(UpstreamError):
    """A certificate on the way to the instance has expired."""

    def __init__(self, place: str, whose: Literal["instance", "client"]) -> None:
        """Name whose."""
        super().__init__(
            f"No connection to {place}: the {whose}'s certificate has expired. Set the clock of this machine right; "
            "if it is right, rotate the server certificate of the instance."
        )


class CloudSqlTrustError(UpstreamError):
    """One side's certificate is not signed by the authority the other side knows."""

    def __init__(self, place: str, reason: str) -> None:
        """Name the reason."""
        super().__init__(
            f"{place} and this machine do not trust each other's certificates ({reason}); no password was sent. "
            "Something else may answer at that address: check DB_IP_TYPE and the network in between."
        )


class CloudSqlLoginError(NotPermittedError):
    """The database refuses the login."""

    def __init__(self, place: str, reason: str, *, iam: bool) -> None:
        """Quote the server."""
        way_out = (
            "Add the account to the instance as an IAM user, with roles/cloudsql.instanceUser, and name it in DB_USER"
            if iam
            else "Correct DB_USER and DB_PASS"
        )
        super().__init__(f"{place} refuses the login: {reason}. {way_out}.")


class CloudSqlDatabaseMissingError(NotFoundError):
    """The instance does not have the database."""

    def __init__(self, place: str) -> None:
        """Name both."""
        super().__init__(
            f"The instance answers, but {place} names a database it does not have. Create it with "
            "`gcloud sql databases create`, or correct DB_NAME."
        )


@dataclass(frozen=True, slots=True)
class CloudSqlInstance:
    """An instance and the login to its database.

    Attributes:
        name: its connection name, project:region:instance.
        user: the database's user; with `iam` the account's email address.
        database: the database.
        password: the user's; None with `iam`.
        iam: log in to the database as the Google account, without a password.
        ip_type: the address to use.
        credentials: the login to Google; None means the application default credentials.
        api_endpoint: where the Cloud SQL Admin API is; None means Google's own.

    >>> CloudSqlInstance("acme:europe-west3:books", "me", "steelyard", "secret").place
    'Cloud SQL acme:europe-west3:books/steelyard'
    """

    name: str
    user: str | None
    database: str | None
    password: str | None = field(default=None, repr=False)
    iam: bool = False
    ip_type: IpType = "public"
    credentials: "Credentials | None" = field(default=None, repr=False)
    api_endpoint: str | None = None

    @property
    def place(self) -> str:
        """What people are told; never a secret."""
        return f"Cloud SQL {self.name}/{self.database}"


@dataclass(frozen=True, slots=True)
class CloudSqlLink:
    """The way to an instance, open on one event loop."""

    instance: CloudSqlInstance
    connector: "Connector" = field(repr=False)

    async def connect(self, *, adopts_role: bool) -> asyncpg.Connection:
        """Open a connection.

        Args:
            adopts_role: work as `steelyard_app`, where the login may.

        Raises:
            SteelyardError: it cannot be opened; one of this module's errors says why and what to do, or
                DatabaseRefusedError, or DatabaseTooOldError.
        """
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                connection = await self._connect()
        except Exception as error:
            known = _explain(self.instance, error)
            if known is not None:
                raise known from error
            raise
        await settle(connection, self.instance.place, adopts_role=adopts_role)
        return connection

    async def close(self) -> None:
        """End the connector; connections that are open stay so."""
        await self.connector.close_async()

    async def _connect(self) -> asyncpg.Connection:
        connection = await self.connector.connect_async(
            self.instance.name,
            "asyncpg",
            user=self.instance.user,
            password=self.instance.password,
            db=self.instance.database,
            timeout=CONNECT_SECONDS,
            server_settings=SESSION,
        )
        return cast("asyncpg.Connection", connection)


async def open_link(instance: CloudSqlInstance) -> CloudSqlLink:
    """Make the connector of this event loop; it asks Google for nothing before the first connection.

    Raises:
        CloudSqlNameError, CloudSqlSettingsError: the instance or the login is not said rightly.
        CloudSqlExtraMissingError: the connector is not installed.
        GoogleLoginError: there is no login to Google.
    """
    _check(instance)
    try:
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - an extra, and half a second to import
        from google.cloud.sql.connector import create_async_connector  # noqa: PLC0415 - as above
    except ImportError as error:
        raise CloudSqlExtraMissingError from error
    try:
        connector = await create_async_connector(
            ip_type=instance.ip_type,
            enable_iam_auth=instance.iam,
            credentials=instance.credentials,
            sqladmin_api_endpoint=instance.api_endpoint,
            user_agent="steelyard",
            refresh_strategy="lazy",  # a refresh in the background outlives what a command does, and logs over it
        )
    except GoogleAuthError as error:
        raise GoogleLoginError(_sentence(error)) from error
    return CloudSqlLink(instance, connector)


def _check(instance: CloudSqlInstance) -> None:
    if not CONNECTION_NAME.fullmatch(instance.name):
        raise CloudSqlNameError(instance.name, "is not a connection name")
    for setting, value in (("DB_USER", instance.user), ("DB_NAME", instance.database)):
        if not value:
            raise CloudSqlSettingsError(f"{setting} is not set")
    if instance.iam and instance.password:
        raise CloudSqlSettingsError("DB_PASS and DB_IAM are both set, and DB_IAM logs in without a password")
    if not (instance.iam or instance.password):
        raise CloudSqlSettingsError("DB_PASS is not set, nor DB_IAM")


# ── What the connector, Google and the server say ───────────────────────────────────────────────────────


def _explain(instance: CloudSqlInstance, error: Exception) -> SteelyardError | None:
    """Find the sentence for an error; None for one that is a defect of ours."""
    for kinds, name in _explanations():
        if isinstance(error, kinds):
            return name(instance, error)
    return None


_Kinds = type[Exception] | tuple[type[Exception], ...]
_Namer = Callable[[CloudSqlInstance, Any], SteelyardError]


def _explanations() -> tuple[tuple[_Kinds, _Namer], ...]:
    """List the kinds of error and who names them; the first that fits counts, for some are kinds of others."""
    import aiohttp  # noqa: PLC0415 - comes with the connector, and is there when it fails
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - as above
    from google.cloud.sql.connector import exceptions as connector  # noqa: PLC0415 - as above

    return (
        (aiohttp.ClientResponseError, lambda it, error: _explain_status(it, error.status, error.message)),
        (aiohttp.ClientError, lambda it, error: CloudSqlAdminError(it.place, _sentence(error))),
        (GoogleAuthError, lambda _, error: GoogleLoginError(_sentence(error))),
        (connector.CloudSQLIPTypeError, lambda it, _: CloudSqlAddressError(it.place, it.ip_type)),
        (
            (connector.IncompatibleDriverError, connector.AutoIAMAuthNotSupported),
            lambda it, _: CloudSqlEngineError(it.place),
        ),
        (
            asyncpg.InvalidAuthorizationSpecificationError,
            lambda it, error: CloudSqlLoginError(it.place, str(error), iam=it.iam),
        ),
        (asyncpg.InvalidCatalogNameError, lambda it, _: CloudSqlDatabaseMissingError(it.place)),
        (
            (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError),
            lambda it, error: _explain_broken(it, error.__cause__ or error),
        ),
        (
            (asyncpg.PostgresError, asyncpg.InterfaceError),
            lambda it, error: DatabaseRefusedError(it.place, str(error)),
        ),
        (ValueError, lambda it, _: CloudSqlNameError(it.name, "names another region than the instance's")),
    )


def _explain_status(instance: CloudSqlInstance, status: int, reason: str) -> SteelyardError:
    said = f"{status}, {reason.rstrip('.')}."
    match status:
        case 401 | 403:
            return CloudSqlRightsError(instance.place, said)
        case 404:
            return CloudSqlInstanceMissingError(instance.place, said)
    return CloudSqlAdminError(instance.place, said)


def _explain_broken(instance: CloudSqlInstance, error: BaseException) -> SteelyardError:
    """Name a connection that did not come about; the driver gives the server's alert as the cause of its own error."""
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    reason = reason or type(error).__name__
    said = reason.replace("_", " ").lower()
    if getattr(error, "verify_code", None) == CERTIFICATE_HAS_EXPIRED:
        return CloudSqlCertificateExpiredError(instance.place, "instance")
    if isinstance(error, ssl.SSLCertVerificationError):
        return CloudSqlTrustError(instance.place, error.verify_message)
    if isinstance(error, ssl.SSLError) and "certificate expired" in said:
        return CloudSqlCertificateExpiredError(instance.place, "client")
    if isinstance(error, ssl.SSLError) and "unknown ca" in said:
        return CloudSqlTrustError(instance.place, said)
    return CloudSqlUnreachableError(instance.place, instance.ip_type, reason)


def _sentence(error: Exception) -> str:
    """Give what a library says of an error, without the parts it keeps for programs, as a sentence."""
    return f"{error.args[0] if error.args else error}".rstrip(".") + "."
