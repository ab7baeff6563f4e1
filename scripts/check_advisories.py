"""Hold every locked package against docs/security/advisories.json: `python scripts/check_advisories.py`.

Ends with 1 where a lock names a package or a version that the file does not cover, or a version that an advisory
affects. Says on stderr what the file cannot know: what was published after its source ends. No network is needed.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from packaging.version import Version

from locks import read_locks, versions

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs/security/advisories.json"
LOCKS = ROOT / "requirements"
STALE_DAYS = 30


class NothingToCheckError(Exception):
    """There are no locked packages: a check of nothing would pass."""

    def __init__(self, folder: Path) -> None:
        """Name the folder."""
        super().__init__(f"{folder} holds no locked package.")


@dataclass(frozen=True, slots=True)
class Span:
    """Versions an advisory affects: from one on, before the one that mends it or to the last affected one."""

    start: str
    before: str = ""
    to: str = ""

    def holds(self, version: str) -> bool:
        """Whether a version is affected."""
        asked = Version(version)
        return (
            (self.start == "0" or asked >= Version(self.start))
            and (not self.before or asked < Version(self.before))
            and (not self.to or asked <= Version(self.to))
        )

    def __str__(self) -> str:
        """Write it as a reader expects it."""
        end = f", < {self.before}" if self.before else f", <= {self.to}" if self.to else ""
        return f">= {self.start}{end}"


@dataclass(frozen=True, slots=True)
class Advisory:
    """What somebody published about a package."""

    name: str
    aliases: tuple[str, ...]
    affected: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A package, the versions of it that were held against the source, and what the source knows of it."""

    versions: frozenset[str]
    advisories: tuple[Advisory, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """What was looked at, and up to which day the source goes."""

    ends: date
    packages: dict[str, Reviewed]


def read_review(text: str) -> Review:
    """Read the file; raises KeyError or ValueError where it is not of the form `make advisories` writes."""
    content = json.loads(text)
    packages = {name: _reviewed(package) for name, package in content["packages"].items()}
    return Review(date.fromisoformat(content["source"]["ends"]), packages)


def _reviewed(package: dict[str, Any]) -> Reviewed:
    advisories = (
        Advisory(
            each["id"],
            tuple(each["aliases"]),
            tuple(Span(s["from"], s.get("before", ""), s.get("to", "")) for s in each["affected"]),
        )
        for each in package["advisories"]
    )
    return Reviewed(frozenset(package["versions"]), tuple(advisories))


def findings(locked: dict[str, set[str]], review: Review) -> Iterator[str]:
    """Say what is wrong with each locked version: nobody looked at it, or an advisory affects it."""
    for name, version in sorted((name, version) for name, found in locked.items() for version in found):
        reviewed = review.packages.get(name)
        if reviewed is None or version not in reviewed.versions:
            what = "the package" if reviewed is None else "this version"
            yield f"{name} {version}: nobody has reviewed {what}; run `make advisories`"
        for advisory in reviewed.advisories if reviewed else ():
            for span in advisory.affected:
                if span.holds(version):
                    known = ", ".join([advisory.name, *advisory.aliases])
                    yield f"{name} {version}: affected by {known} ({span}); lock a version that is not"


def staleness(ends: date, today: date) -> str:
    """Say what a source that ended long ago cannot know; "" where it is young enough."""
    age = (today - ends).days
    if age <= STALE_DAYS:
        return ""
    return f"the advisories end on {ends}, {age} days ago: nothing published since is known here; run `make advisories`"


def check(locks: Path, file: Path) -> list[str]:
    """Give the findings of a folder of locks and a file of advisories. Raises NothingToCheckError."""
    locked = versions(read_locks(locks).values())
    if not locked:
        raise NothingToCheckError(locks)
    return list(findings(locked, read_review(file.read_text(encoding="utf-8"))))


def main() -> None:
    """Check the project's own."""
    review = read_review(FILE.read_text(encoding="utf-8"))
    if warning := staleness(review.ends, datetime.now(UTC).date()):
        print(f"warning: {warning}.", file=sys.stderr)
    if wrong := check(LOCKS, FILE):
        sys.exit("\n".join(f"{line}." for line in wrong))
    print(
        f"{len(review.packages)} packages reviewed, none affected by what was published until {review.ends}."
    )


if __name__ == "__main__":
    main()
