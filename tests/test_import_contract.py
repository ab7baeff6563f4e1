"""The import contract holds, and breaks when the house is broken on purpose."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package with the project's contract beside it."""
    ignore = shutil.ignore_patterns("__pycache__", "*.gz", "*.parquet")
    shutil.copytree(ROOT / "src/steelyard", tmp_path / "steelyard", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the contract on the package in `folder`, which comes before any installed one."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    environment = {"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin", "PYTHONUTF8": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_contract_holds(copy: Path) -> None:
    result = lint_imports(copy)

    assert result.returncode == 0, result.stdout
    assert "0 broken" in result.stdout


BREACHES = {
    "a folder nobody declared": ("utils/__init__.py", "", "utils"),
    "an engine that reads the store": (
        "analytics/wrong.py",
        "import steelyard.storage",
        "steelyard.analytics is not allowed to import steelyard.storage",
    ),
    "a face that borrows from another floor's neighbour": (
        "storage/wrong.py",
        "import steelyard.charts",
        "steelyard.storage is not allowed to import steelyard.charts",
    ),
    "a service that reads the settings": (
        "services/wrong.py",
        "import steelyard.config",
        "steelyard.services.wrong -> steelyard.config",
    ),
    "numpy in the domain": (
        "domain/wrong.py",
        "import numpy",
        "steelyard.domain is not allowed to import numpy",
    ),
    "a clock in an engine": (
        "analytics/wrong.py",
        "import time",
        "steelyard.analytics is not allowed to import time",
    ),
}


@pytest.mark.parametrize(("path", "source", "complaint"), BREACHES.values(), ids=BREACHES)
def test_a_breach_is_refused(copy: Path, path: str, source: str, complaint: str) -> None:
    (copy / "steelyard" / path).parent.mkdir(exist_ok=True)
    (copy / "steelyard" / path).write_text(f'"""Wrong on purpose."""\n{source}\n', encoding="utf-8")

    result = lint_imports(copy)

    assert result.returncode == 1
    assert complaint in result.stdout
    assert "1 broken" in result.stdout


def test_the_standard_library_contract_names_every_package_we_install() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["id"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}
    locked = re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements/base.txt").read_text("utf-8"), re.MULTILINE)

    installed = {
        package
        for package, distributions in packages_distributions().items()
        if not package.startswith("_")
        and {name.lower().replace("_", "-") for name in distributions} & set(locked)
    }

    assert installed
    assert installed == set(contracts["standard-library"]["forbidden_modules"])
