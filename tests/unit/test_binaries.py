from pathlib import Path

import pytest

from steelyard.storage import binaries
from steelyard.storage.binaries import BinariesNotFoundError, BinariesUnfitError, find_binaries, read_binaries


def install(folder: Path, version: str) -> Path:
    """Programs that say their version, as PostgreSQL's do, and can nothing else."""
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without a PostgreSQL, but for what a test installs below this folder."""
    monkeypatch.setattr(binaries, "WHEELS", ())
    monkeypatch.setattr(binaries, "SYSTEM_FOLDERS", str(tmp_path / "postgresql"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return tmp_path


def test_takes_the_newest_of_the_system(machine: Path) -> None:
    for major in ("9", "15", "16"):
        install(machine / "postgresql" / major / "bin", f"{major}.2")
    assert find_binaries().version == "16.2"


def test_takes_what_is_on_the_path_before_the_system(machine: Path) -> None:
    install(machine / "postgresql" / "17" / "bin", "17.1")
    install(machine / "path", "15.4 (Debian 15.4-1)")
    assert find_binaries().version == "15.4"


def test_takes_what_fits_the_data(machine: Path) -> None:
    for major in ("15", "16", "17"):
        install(machine / "postgresql" / major / "bin", f"{major}.2")
    assert find_binaries(major=16).version == "16.2"
    assert find_binaries(major=12).version == "17.2"


@pytest.mark.parametrize("version", ["14.11", "19.0", "18beta1", "nonsense"])
def test_passes_over_what_is_not_supported(machine: Path, version: str) -> None:
    install(machine / "path", version)
    assert read_binaries(machine / "path") is None
    with pytest.raises(BinariesNotFoundError, match="pip install"):
        find_binaries()
    with pytest.raises(BinariesUnfitError, match="STEELYARD_PG_BIN"):
        find_binaries(machine / "path")


def test_passes_over_what_does_not_run(machine: Path) -> None:
    install(machine / "path", "16.1")
    (machine / "path" / "postgres").write_text("#!/bin/sh\nexit 127\n")
    assert read_binaries(machine / "path") is None
