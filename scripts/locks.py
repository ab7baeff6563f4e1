"""Read requirements/*.txt: what `make lock` wrote, package by package."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ENTRY = re.compile(
    r"^(?P<name>[a-z0-9][a-z0-9-]*)==(?P<version>[^\s;\\]+)(?: ; (?P<marker>[^\\\n]+?))?(?: \\)?$"
    r"(?P<hashes>(?:\n {4}--hash=\S+(?: \\)?$)*)"
    r"(?P<comments>(?:\n {4}#.*$)*)",
    re.MULTILINE,
)


class UnreadLockError(Exception):
    """A lock has a line that is neither a pinned package nor a comment."""

    def __init__(self, line: str) -> None:
        """Show the line."""
        super().__init__(f"{line!r} is no package with its version; run `make lock`.")


@dataclass(frozen=True, slots=True)
class Locked:
    """A package as a lock pins it."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]  # SHA-256, of each file that may be installed
    via: tuple[str, ...]  # what asks for it


def read_lock(text: str) -> list[Locked]:
    """Give the packages of a lock, in its order. Raises UnreadLockError on anything else that stands there."""
    rest = ENTRY.sub("", text)
    for line in rest.splitlines():
        if line.strip() and not line.startswith("#"):
            raise UnreadLockError(line)
    return [_locked(entry) for entry in ENTRY.finditer(text)]


def read_locks(folder: Path) -> dict[str, list[Locked]]:
    """Give the packages of every lock of a folder, by the lock's name."""
    return {path.stem: read_lock(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.txt"))}


def versions(locks: Iterable[Iterable[Locked]]) -> dict[str, set[str]]:
    """Give the versions of each package over several locks."""
    found: dict[str, set[str]] = {}
    for lock in locks:
        for package in lock:
            found.setdefault(package.name, set()).add(package.version)
    return found


def _locked(entry: re.Match[str]) -> Locked:
    hashes = re.findall(r"--hash=sha256:([0-9a-f]{64})(?: \\)?$", entry["hashes"], re.MULTILINE)
    return Locked(
        entry["name"], entry["version"], entry["marker"] or "", tuple(hashes), tuple(_via(entry["comments"]))
    )


def _via(comments: str) -> Iterator[str]:
    for line in comments.splitlines():
        name = line.strip(" #").removeprefix("via").strip()
        if name:
            yield name.partition(" ")[0]  # "steelyard (pyproject.toml)"
