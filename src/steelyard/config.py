"""Every environment variable Steelyard reads, with its unit and default. Read once, by `app` and the faces."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from steelyard.errors import InvalidInputError


class SettingError(InvalidInputError):
    """An environment variable holds something other than a whole number above 0."""

    def __init__(self, name: str, text: str) -> None:
        """Name the variable and what it holds."""
        super().__init__(f"{name} is {text!r}; set it to a whole number above 0, or unset it.")


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one process; `docs/reference/settings.md` lists the same names.

    Attributes:
        database_url: `DATABASE_URL`, a PostgreSQL address; None means the embedded server.
        migrator_url: `DATABASE_MIGRATOR_URL`, the address of the role that owns the schema; None means
            `database_url`.
        data_dir: `STEELYARD_HOME`, the folder of the embedded server; None means the platform's data folder.
        postgres_bin: `STEELYARD_PG_BIN`, a folder with `postgres` and `initdb` to prefer over the bundled ones.
        pool_size: `STEELYARD_POOL_SIZE`, connections kept open per process (default 5).
        keep_versions: `STEELYARD_KEEP_VERSIONS`, published versions of asset 360 kept per tenant (default 10).

    >>> Settings.from_environment({"STEELYARD_POOL_SIZE": "2"}).pool_size
    2
    """

    database_url: str | None = field(default=None, repr=False)
    migrator_url: str | None = field(default=None, repr=False)
    data_dir: Path | None = None
    postgres_bin: Path | None = None
    pool_size: int = 5
    keep_versions: int = 10

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings from `environ` (the process's environment when None)."""
        env = os.environ if environ is None else environ
        return cls(
            database_url=env.get("DATABASE_URL") or None,
            migrator_url=env.get("DATABASE_MIGRATOR_URL") or None,
            data_dir=_path(env.get("STEELYARD_HOME")),
            postgres_bin=_path(env.get("STEELYARD_PG_BIN")),
            pool_size=_positive("STEELYARD_POOL_SIZE", env.get("STEELYARD_POOL_SIZE"), default=5),
            keep_versions=_positive(
                "STEELYARD_KEEP_VERSIONS", env.get("STEELYARD_KEEP_VERSIONS"), default=10
            ),
        )


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def _positive(name: str, text: str | None, *, default: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise SettingError(name, text)
    return int(text)
