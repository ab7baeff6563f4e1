"""Make a release: `python scripts/release.py --key ~/.ssh/steelyard_release`, or `make release KEY=…`.

Writes dist/steelyard-VERSION: wheel and source archive of the newest commit, the locks, the advisories they were held
against, the parts list (CycloneDX) of requirements/base.txt, SHA256SUMS over all of these and its signature. The same
commit gives the same bytes: times are the commit's. Refuses a tree with changes, and locks that an advisory affects or
that nobody reviewed lately.
docs/how-to/make-a-release.md says how to make a key and how a reader checks a release.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from check_advisories import check, read_review, staleness
from parts_list import write_parts_list

ROOT = Path(__file__).parents[1]
NAMESPACE = "steelyard-release"  # a signature for anything else is none for a release
SUMS = "SHA256SUMS"


class UnreleasableError(Exception):
    """What stands here cannot be released."""


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    """Run a tool and give what it printed. Raises UnreleasableError where it fails; it has complained by itself."""
    done = subprocess.run(
        command, cwd=cwd, env=os.environ | env, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise UnreleasableError(f"{Path(command[0]).name} {command[1]} did not succeed.")
    return done.stdout


def check_tree(root: Path) -> None:
    """Raise UnreleasableError where files were changed and not committed."""
    if changed := run("git", "status", "--porcelain", cwd=root):
        raise UnreleasableError(f"These files are not as committed; commit or remove them:\n{changed}")


def check_locks(root: Path, today: datetime, *, old_advisories: bool) -> None:
    """Raise UnreleasableError where a locked package is affected, unreviewed or, unless allowed, reviewed long ago."""
    file = root / "docs/security/advisories.json"
    wrong = check(root / "requirements", file)
    stale = staleness(read_review(file.read_text(encoding="utf-8")).ends, today.date())
    if stale and not old_advisories:
        wrong.append(f"{stale}, or say --old-advisories (OLD_ADVISORIES=1) to release with what is known")
    if wrong:
        raise UnreleasableError("\n".join(wrong))


def check_key(key: Path) -> None:
    """Raise UnreleasableError where a key is not of Ed25519."""
    if "ED25519" not in run("ssh-keygen", "-l", "-f", key, cwd=key.parent):
        raise UnreleasableError(f"{key} is no Ed25519 key; make one: ssh-keygen -t ed25519 -f {key.name}")


def build(root: Path, folder: Path, seconds: str) -> None:
    """Build wheel and source archive of the newest commit; nothing that is not committed comes near it."""
    with tempfile.TemporaryDirectory() as clean:
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=root, stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "-x"], cwd=clean, input=archive.stdout, check=True)
        run(
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "-d",
            folder,
            cwd=Path(clean),
            SOURCE_DATE_EPOCH=seconds,
        )


def write_sums(folder: Path) -> None:
    """Write the hash of every file of a folder, as sha256sum does."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder)}\n" for path in paths
    ]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def fill(root: Path, folder: Path, version: str) -> None:
    """Put everything a release consists of into a folder, its signature aside."""
    seconds = run("git", "log", "-1", "--format=%ct", cwd=root).strip()
    build(root, folder, seconds)
    shutil.copytree(root / "requirements", folder / "requirements")
    shutil.copy(root / "docs/security/advisories.json", folder)
    lock = (folder / "requirements/base.txt").read_text(encoding="utf-8")
    parts = write_parts_list(lock, "steelyard", version, datetime.fromtimestamp(int(seconds), UTC))
    (folder / f"steelyard-{version}.cdx.json").write_text(parts, encoding="utf-8")
    write_sums(folder)


def release(root: Path, key: Path, now: datetime, *, old_advisories: bool) -> Path:
    """Make a release and give its folder, which is there whole or not at all. Raises UnreleasableError."""
    check_tree(root)
    check_key(key)
    check_locks(root, now, old_advisories=old_advisories)
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    folder = root / f"dist/steelyard-{version}"
    if folder.exists():
        raise UnreleasableError(f"{folder} is there already; remove it first.")
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        content = Path(made) / folder.name
        content.mkdir()
        fill(root, content, version)
        run("ssh-keygen", "-q", "-Y", "sign", "-f", key.resolve(), "-n", NAMESPACE, SUMS, cwd=content)
        content.rename(folder)
    return folder


def main() -> None:
    """Release what is committed here."""
    parser = argparse.ArgumentParser(description="Make a signed release of the newest commit.")
    parser.add_argument(
        "--key", type=Path, required=True, help="the private Ed25519 key, or the public one of an agent's"
    )
    parser.add_argument("--old-advisories", action="store_true", help="release although they end long ago")
    asked = parser.parse_args()
    try:
        print(release(ROOT, asked.key, datetime.now(UTC), old_advisories=asked.old_advisories))
    except UnreleasableError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
