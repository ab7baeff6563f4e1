"""The wheel carries what the program reads at run time: SQL, the sample book and its notices."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(ROOT)], check=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "steelyard"], cwd=ROOT / "src", capture_output=True, text=True, check=True
    )
    package = set(listed.stdout.splitlines())
    names = set(ZipFile(wheel).namelist())

    assert {"steelyard/py.typed", "steelyard/storage/sql/schema.sql", "steelyard/demo/NOTICE"} <= package
    assert package - names == set()


def test_the_wheel_holds_nothing_but_the_package_and_its_licences(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    tops = {name.split("/")[0].removesuffix(".dist-info").split("-")[0] for name in names}

    assert tops == {"steelyard"}
    assert not [name for name in names if "__pycache__" in name]
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
