"""The wheel carries what the program reads at run time: SQL, pages and their files, the sample book and its notices."""

import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path
from sysconfig import get_path
from zipfile import ZipFile

import httpx
import pytest

from served_process import SECONDS, SERVING, started
from web_visit import read_html

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


@pytest.fixture
def installed(wheel: Path, run_folder: Path) -> Iterator[Path]:
    """A folder with an environment in which the wheel is, and what it runs on; the project's own source is not."""
    folder = Path(tempfile.mkdtemp(prefix="wheel-", dir=run_folder))
    folder.chmod(0o711)  # root's server runs as a system user, which must pass through
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv/bin/python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
    ]
    subprocess.run([*pip, str(wheel)], check=True)
    [site] = (folder / "venv/lib").glob("python*/site-packages")
    (site / "locked.pth").write_text(f"{get_path('purelib')}\n", encoding="utf-8")
    yield folder
    run(folder, "db", "stop")
    shutil.rmtree(folder)


def environment(folder: Path) -> dict[str, str]:
    """No program of the machine is found, Node.js least of all."""
    return {"PATH": str(folder / "venv/bin"), "STEELYARD_HOME": str(folder / "home"), "COLUMNS": "80"}


def run(folder: Path, *arguments: str) -> None:
    """Run `steelyard`, which must go well."""
    command = [str(folder / "venv/bin/steelyard"), *arguments]
    done = subprocess.run(command, env=environment(folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_installed_it_serves_the_first_page_without_node(installed: Path) -> None:
    where = [str(installed / "venv/bin/python"), "-c", "import steelyard; print(steelyard.__file__)"]
    found = subprocess.run(where, env=environment(installed), capture_output=True, text=True, check=True)
    assert Path(found.stdout).is_relative_to(installed)
    run(installed, "init")
    program = str(installed / "venv/bin/steelyard")
    with started("serve", "--port", "0", environment=environment(installed), program=[program]) as server:
        server.wait_until_it_says(SERVING)
        origin = f"http://localhost:{server.port}"
        with httpx.Client(base_url=origin, trust_env=False, timeout=SECONDS) as browser:
            answer = browser.get("/setup")
            page = read_html(answer.text)
            assert (answer.status_code, page.one("title").text) == (200, "Set up Steelyard · Steelyard")
            files = set(re.findall(r'"(/static/[^"]+)"', answer.text))
            assert {path.rpartition(".")[2] for path in files} == {"css", "js", "svg", "woff2"}
            assert {browser.get(path).status_code for path in files} == {200}
        assert server.stop() == 0
