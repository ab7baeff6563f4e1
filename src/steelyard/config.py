"""Every environment variable Steelyard reads, with its unit and default. Read once, by `app` and the faces."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final, Literal, cast, get_args

from steelyard.errors import InvalidInputError

IpType = Literal["public", "private", "psc"]
DATABASE_TLS: Final = ("verify-full", "trusted-network")


class SettingError(InvalidInputError):
    """An environment variable breaks its rule."""

    def __init__(self, name: str, text: str, wanted: str) -> None:
        """Name the variable, what it holds and what it may hold."""
        super().__init__(f"{name} is {text!r}; set it to {wanted}, or unset it.")


class SecretFileError(InvalidInputError):
    """The file of a secret is no way to it."""

    def __init__(self, name: str, fault: str) -> None:
        """Name the variable and the fault; never what the file holds."""
        super().__init__(
            f"{name}_FILE {fault}; name a readable file there, or set {name} and unset {name}_FILE."
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one process; `docs/reference/settings.md` lists the same names.

    A secret may stand in a file: `DATABASE_URL_FILE` names the file of `DATABASE_URL`, and so for
    `DATABASE_MIGRATOR_URL`, `DB_PASS`, `STEELYARD_ALPACA_KEY_ID` and `STEELYARD_ALPACA_SECRET_KEY`.

    Attributes:
        database_url: `DATABASE_URL`, a PostgreSQL address; None means the embedded server.
        migrator_url: `DATABASE_MIGRATOR_URL`, the address of the role that owns the schema; None means
            `database_url`.
        instance_connection_name: `INSTANCE_CONNECTION_NAME`, a Cloud SQL instance in place of a URL.
        db_user: `DB_USER`, the user of the instance's database.
        db_pass: `DB_PASS`, the user's password.
        db_name: `DB_NAME`, the instance's database.
        db_iam: `DB_IAM`, log in to the instance's database as the Google account (default 0).
        db_ip_type: `DB_IP_TYPE`, the address of the instance to use (default public).
        data_dir: `STEELYARD_HOME`, the folder of the embedded server; None means the platform's data folder.
        postgres_bin: `STEELYARD_PG_BIN`, a folder with `postgres` and `initdb` to prefer over the bundled ones.
        pool_size: `STEELYARD_POOL_SIZE`, connections kept open per process (default 5).
        keep_versions: `STEELYARD_KEEP_VERSIONS`, published versions of asset 360 kept per tenant (default 10).
        trusts_network: `STEELYARD_DATABASE_TLS`, what a URL needs that leads off this machine: verify-full
            (default), or with trusted-network nothing.
        key_file: `STEELYARD_KEY_FILE`, the file of the keys that encrypt the tenants' keys; None means
            `keys/master.key` in the folder of the embedded server.
        audit_heads: `STEELYARD_AUDIT_HEADS`, the folder that signed heads of the audit are kept in, beside the log, or
            `log` for the log alone; None means `audit` in the data folder.
        provider_file: `STEELYARD_PROVIDERS`, a TOML file of the OpenID providers that people sign in at; None = none.
        private_networks: `STEELYARD_PRIVATE_NETWORKS`, where brokers and price sources may be besides the public
            internet, such as 10.1.0.0/16, separated by commas; none by default.
        price_sources: `STEELYARD_PRICE_SOURCES`, where current prices are asked for, in this order: alpaca, yahoo,
            files, stored, separated by commas (default stored).
        price_folder: `STEELYARD_PRICE_FOLDER`, the folder of the files that prices come in; needed by files.
        alpaca_key_id: `STEELYARD_ALPACA_KEY_ID`, the key that Alpaca's data is asked with; needed by alpaca.
        alpaca_secret_key: `STEELYARD_ALPACA_SECRET_KEY`, its secret.
        alpaca_data_url: `STEELYARD_ALPACA_DATA_URL`, where Alpaca's data is asked; None = Alpaca's own address.
        retention_years: `STEELYARD_RETENTION_YEARS`, how long it stays known whose acts stand in books and records
            (default 6).

    >>> Settings.from_environment({"STEELYARD_POOL_SIZE": "2"}).pool_size
    2
    """

    database_url: str | None = field(default=None, repr=False)
    migrator_url: str | None = field(default=None, repr=False)
    instance_connection_name: str | None = None
    db_user: str | None = None
    db_pass: str | None = field(default=None, repr=False)
    db_name: str | None = None
    db_iam: bool = False
    db_ip_type: IpType = "public"
    data_dir: Path | None = None
    postgres_bin: Path | None = None
    pool_size: int = 5
    keep_versions: int = 10
    trusts_network: bool = False
    key_file: Path | None = None
    audit_heads: Path | Literal["log"] | None = None
    provider_file: Path | None = None
    private_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    price_sources: tuple[str, ...] = ("stored",)
    price_folder: Path | None = None
    alpaca_key_id: str | None = field(default=None, repr=False)
    alpaca_secret_key: str | None = field(default=None, repr=False)
    alpaca_data_url: str | None = None
    retention_years: int = 6

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings from `environ` (the process's environment when None)."""
        env = os.environ if environ is None else environ
        return cls(
            database_url=_secret(env, "DATABASE_URL"),
            migrator_url=_secret(env, "DATABASE_MIGRATOR_URL"),
            instance_connection_name=env.get("INSTANCE_CONNECTION_NAME") or None,
            db_user=env.get("DB_USER") or None,
            db_pass=_secret(env, "DB_PASS"),
            db_name=env.get("DB_NAME") or None,
            db_iam=_flag("DB_IAM", env.get("DB_IAM")),
            db_ip_type=cast("IpType", _choice(env, "DB_IP_TYPE", get_args(IpType))),
            data_dir=_path(env.get("STEELYARD_HOME")),
            postgres_bin=_path(env.get("STEELYARD_PG_BIN")),
            pool_size=_positive("STEELYARD_POOL_SIZE", env.get("STEELYARD_POOL_SIZE"), default=5),
            keep_versions=_positive(
                "STEELYARD_KEEP_VERSIONS", env.get("STEELYARD_KEEP_VERSIONS"), default=10
            ),
            trusts_network=_choice(env, "STEELYARD_DATABASE_TLS", DATABASE_TLS) == "trusted-network",
            key_file=_path(env.get("STEELYARD_KEY_FILE")),
            audit_heads=_folder_or_log(env.get("STEELYARD_AUDIT_HEADS")),
            provider_file=_path(env.get("STEELYARD_PROVIDERS")),
            private_networks=_networks(
                "STEELYARD_PRIVATE_NETWORKS", env.get("STEELYARD_PRIVATE_NETWORKS") or ""
            ),
            price_sources=_names(env.get("STEELYARD_PRICE_SOURCES") or "stored"),
            price_folder=_path(env.get("STEELYARD_PRICE_FOLDER")),
            alpaca_key_id=_secret(env, "STEELYARD_ALPACA_KEY_ID"),
            alpaca_secret_key=_secret(env, "STEELYARD_ALPACA_SECRET_KEY"),
            alpaca_data_url=env.get("STEELYARD_ALPACA_DATA_URL") or None,
            retention_years=_positive(
                "STEELYARD_RETENTION_YEARS", env.get("STEELYARD_RETENTION_YEARS"), default=6
            ),
        )


def _secret(env: Mapping[str, str], name: str) -> str | None:
    path = env.get(f"{name}_FILE")
    if not path:
        return env.get(name) or None
    if env.get(name):
        raise SecretFileError(name, "is set beside it")
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise SecretFileError(name, f"is {path}, which cannot be read") from error


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def _folder_or_log(text: str | None) -> Path | Literal["log"] | None:
    return "log" if text == "log" else _path(text)


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def _networks(name: str, text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise SettingError(name, text, "networks such as 10.1.0.0/16, separated by commas") from None


def _flag(name: str, text: str | None) -> bool:
    if text not in {None, "", "0", "1"}:
        raise SettingError(name, text or "", "1 or 0")
    return text == "1"


def _choice(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """Return which of the choices is set; the first is the default."""
    chosen = (env.get(name) or choices[0]).lower()
    if chosen not in choices:
        raise SettingError(name, env[name], f"{', '.join(choices[:-1])} or {choices[-1]}")
    return chosen


def _positive(name: str, text: str | None, *, default: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise SettingError(name, text, "a whole number above 0")
    return int(text)
