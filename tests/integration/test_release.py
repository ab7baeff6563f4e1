"""A release is signed as a whole: whoever changes a byte of it, or of a lock, is found out."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import pytest

from books import in_ci
from release import UnreleasableError, build, release
from verify_release import NotGenuineError, check_parts, verify

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, tzinfo=UTC)
SIGNER = "steelyard"


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def make_key(folder: Path, kind: str = "ed25519") -> Path:
    if shutil.which("ssh-keygen") is None:
        missing = "ssh-keygen is missing; `apt install openssh-client` to sign a release"
        (pytest.fail if in_ci() else pytest.skip)(missing)
    key = folder / kind
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key], check=True)
    return key


def allow(key: Path, namespace: str = "steelyard-release") -> Path:
    """Write who may sign: the owner of this key."""
    signers = key.with_suffix(".signers")
    public = key.with_suffix(".pub").read_text(encoding="utf-8")
    signers.write_text(f'{SIGNER} namespaces="{namespace}" {public}', encoding="utf-8")
    return signers


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("key"))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone") / "main"
    git(ROOT, "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(folder))
    return folder


@pytest.fixture(scope="module")
def made(clone: Path, key: Path) -> Path:
    return release(clone, key, NOW, old_advisories=True)


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "release")


# ── What a release is ───────────────────────────────────────────────────────────────────────────────────


def test_a_release_holds_what_is_signed_and_verifies(made: Path, key: Path) -> None:
    names = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    locks = {f"requirements/{name}.txt" for name in ("base", "build", "dev", "gcp", "peers")}

    verify(made, allow(key), SIGNER)
    assert names == locks | {
        "SHA256SUMS",
        "SHA256SUMS.sig",
        "advisories.json",
        "steelyard-0.1.0-py3-none-any.whl",
        "steelyard-0.1.0.cdx.json",
        "steelyard-0.1.0.tar.gz",
    }


def test_a_reader_needs_no_packages_to_verify(made: Path, key: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", ROOT / "scripts/verify_release.py", made, "--signers", allow(key)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == f"{made} is genuine.\n"


def test_a_commit_gives_the_same_bytes_again(made: Path, clone: Path, tmp_path: Path) -> None:
    build(clone, tmp_path, git(clone, "log", "-1", "--format=%ct").strip())

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in made.iterdir() if path.suffix in {".whl", ".gz"}
    }


def test_the_wheel_is_of_the_commit_and_nothing_else(clone: Path, made: Path) -> None:
    (wheel,) = made.glob("*.whl")
    package = {name for name in ZipFile(wheel).namelist() if not name.startswith("steelyard-")}

    assert package == set(git(clone / "src", "ls-files", "steelyard").splitlines())


# ── Who changes it is found out ─────────────────────────────────────────────────────────────────────────

FILES = [
    "steelyard-0.1.0-py3-none-any.whl",
    "steelyard-0.1.0.tar.gz",
    "steelyard-0.1.0.cdx.json",
    "advisories.json",
    "requirements/base.txt",
    "requirements/dev.txt",
    "SHA256SUMS",
    "SHA256SUMS.sig",
]


@pytest.mark.parametrize("name", FILES)
def test_one_byte_is_noticed(copy: Path, key: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)

    with pytest.raises(NotGenuineError, match=name.replace("SHA256SUMS.sig", "SHA256SUMS")):
        verify(copy, allow(key), SIGNER)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_noticed(copy: Path, key: Path, name: str) -> None:
    (copy / name).unlink()

    with pytest.raises(NotGenuineError, match=name):
        verify(copy, allow(key), SIGNER)


def test_a_file_that_was_put_in_is_noticed(copy: Path, key: Path) -> None:
    (copy / "requirements/more.txt").touch()

    with pytest.raises(NotGenuineError, match=r"not signed: \['requirements/more.txt'\]"):
        verify(copy, allow(key), SIGNER)


def test_another_key_or_a_signature_for_something_else_is_none(made: Path, key: Path, tmp_path: Path) -> None:
    for signers in (allow(make_key(tmp_path)), allow(key, namespace="git")):
        with pytest.raises(NotGenuineError, match="does not hold"):
            verify(made, signers, SIGNER)


def test_a_parts_list_that_is_not_the_lock_is_noticed(made: Path) -> None:
    lock = (made / "requirements/base.txt").read_text(encoding="utf-8")
    parts = (made / "steelyard-0.1.0.cdx.json").read_text(encoding="utf-8")
    digest = lock.partition("sha256:")[2][:64]

    check_parts(lock, parts)
    for wrong in (
        parts.replace('"name": "alembic"', '"name": "alembik"'),
        parts.replace(digest, "0" * 64),
        parts.replace('"licenses"', '"licences"', 1),
    ):
        with pytest.raises(NotGenuineError, match=r"alemb|aiolimiter"):
            check_parts(lock, wrong)


# ── What is not released ────────────────────────────────────────────────────────────────────────────────


def leave_a_file(clone: Path) -> None:
    (clone / "notes.txt").touch()


def change_a_file(clone: Path) -> None:
    (clone / "README.md").write_text("changed", encoding="utf-8")


@pytest.mark.parametrize("change", [leave_a_file, change_a_file])
def test_a_dirty_tree_is_refused(clone: Path, key: Path, change: Callable[[Path], None]) -> None:
    change(clone)
    with pytest.raises(UnreleasableError, match="not as committed"):
        release(clone, key, NOW, old_advisories=True)
    git(clone, "clean", "-qfd")
    git(clone, "checkout", "--quiet", ".")


def test_a_version_is_released_once(clone: Path, made: Path, key: Path) -> None:
    with pytest.raises(UnreleasableError, match=f"{made} is there already"):
        release(clone, key, NOW, old_advisories=True)


def test_a_weaker_key_is_refused(clone: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreleasableError, match="no Ed25519 key"):
        release(clone, make_key(tmp_path, "rsa"), NOW, old_advisories=True)


def test_old_advisories_are_refused_unless_they_are_meant(clone: Path, key: Path) -> None:
    later = datetime(2100, 1, 1, tzinfo=UTC)

    with pytest.raises(UnreleasableError, match="--old-advisories"):
        release(clone, key, later, old_advisories=False)


# ── What is installed ───────────────────────────────────────────────────────────────────────────────────


def install(lock: str, wheels: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Install a lock as the Makefile does, from a folder instead of a registry."""
    (target / "lock.txt").write_text(lock, encoding="utf-8")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--isolated",
        "install",
        "--no-index",
        "--no-deps",
        "--require-hashes",
    ]
    return subprocess.run(
        [*pip, "--find-links", wheels, "--target", target / "site", "-r", target / "lock.txt"],
        env={name: value for name, value in os.environ.items() if not name.startswith("PIP_")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_lock_with_another_hash_or_none_installs_nothing(made: Path, tmp_path: Path) -> None:
    sums = (made / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    (digest,) = (line.split()[0] for line in sums if line.endswith(".whl"))
    flipped = f"{int(digest[0], 16) ^ 1:x}{digest[1:]}"

    wrong = install(f"steelyard==0.1.0 --hash=sha256:{flipped}\n", made, tmp_path)
    bare = install("steelyard==0.1.0\n", made, tmp_path)
    assert wrong.returncode, bare.returncode
    assert "DO NOT MATCH THE HASHES" in wrong.stderr
    assert "Hashes are required" in bare.stderr
    assert not (tmp_path / "site/steelyard").exists()

    right = install(f"steelyard==0.1.0 --hash=sha256:{digest}\n", made, tmp_path)
    assert right.returncode == 0, right.stderr
    assert (tmp_path / "site/steelyard/app.py").exists()


def test_nothing_is_installed_but_by_hash() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    installs = re.findall(r"^\t.*(?:pip .*install|PIP_INSTALL\)) (.*)", makefile, re.MULTILINE)

    assert len(installs) == 5
    assert all("--require-hashes" in what or what.endswith("--no-deps --editable .") for what in installs)
