"""The system account PostgreSQL runs as: ourselves, or `steelyard` when we are root.

PostgreSQL refuses to run as root, and rightly. No folder that exists is ever opened up for the account:
what it cannot reach is refused or copied.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from steelyard.errors import UpstreamError

SERVICE_USER = "steelyard"
CREATE_USER = (
    "useradd",
    "--system",
    "--user-group",
    "--no-create-home",
    "--home-dir",
    "/var/lib/steelyard",
    "--shell",
    "/usr/sbin/nologin",
    SERVICE_USER,
)


class ServiceUserError(UpstreamError):
    """We are root and the system user could not be made."""

    def __init__(self, reason: str) -> None:
        """Say why, and what to run instead."""
        super().__init__(
            "PostgreSQL does not run as root, and the system user `steelyard` could not be created "
            f"({reason.strip()}). Create it with `{' '.join(CREATE_USER)}`, or run as an ordinary user."
        )


@dataclass(frozen=True, slots=True)
class Account:
    """Who the server runs as.

    Attributes:
        uid: its user id.
        gid: its group id.
        borrowed: True when we are root and act as another user.
    """

    uid: int
    gid: int
    borrowed: bool

    def own(self, path: Path) -> None:
        """Hand a path that we made to the account."""
        if self.borrowed:
            os.chown(path, self.uid, self.gid)

    def run(
        self, command: Sequence[str | Path], *, folder: Path, log: int = subprocess.PIPE
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the account in a session of its own, with a clean environment.

        A clean environment, because PGDATA, PGPORT and their like would redirect PostgreSQL's programs.
        The folder is entered before the account is taken on, so that it proves nothing about the account.
        """
        return subprocess.run(  # noqa: S603 - our own command as a list, no shell reads it
            command,
            cwd=folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            errors="replace",
            check=False,
            start_new_session=True,
            user=self.uid if self.borrowed else None,
            group=self.gid if self.borrowed else None,
            extra_groups=[] if self.borrowed else None,
        )

    def can_reach(self, folder: Path) -> bool:
        """True when the account can enter the folder; tried, because modes alone do not say it."""
        enter: list[str | Path] = ["/bin/sh", "-c", 'cd -- "$1"', "sh", folder]
        return self.run(enter, folder=Path("/")).returncode == 0


def service_account() -> Account:
    """The account of the server on this machine, created when we are root and it is absent.

    Raises:
        ServiceUserError: it could not be created.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), borrowed=False)
    entry = _find_user() or _create_user()
    return Account(entry.pw_uid, entry.pw_gid, borrowed=True)


def _find_user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return None


def _create_user() -> pwd.struct_passwd:
    try:
        made = subprocess.run(  # noqa: S603 - a constant command, no shell reads it
            CREATE_USER, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise ServiceUserError(str(error)) from error
    entry = _find_user()  # another process may have made it meanwhile, so useradd's exit code does not decide
    if entry is None:
        raise ServiceUserError(made.stderr)
    return entry
