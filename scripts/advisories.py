"""Write docs/security/advisories.json anew: `python scripts/advisories.py [SOURCE]`.

SOURCE is a clone of the Python Packaging Advisory Database, a git repository with a YAML file an advisory (format OSV);
its own address where nothing is said. Every package and version of requirements/*.txt is held against it; the file
keeps what the source knows of each, and the day of the source's newest change, for it cannot know more.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # it brings no types
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from check_advisories import FILE, LOCKS, Span
from locks import read_locks, versions

NAME = "Python Packaging Advisory Database"
ADDRESS = "https://github.com/pypa/advisory-database"
LICENCE = "CC-BY-4.0"


def spans_of_range(events: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Give the spans that the events of a range draw: introduced, then fixed or affected for the last time."""
    start = None
    for event in events:
        if "introduced" in event:
            start = str(event["introduced"])
        elif start is not None:
            end = {"before": event["fixed"]} if "fixed" in event else {"to": event["last_affected"]}
            yield {"from": start} | {key: str(value) for key, value in end.items()}
            start = None
    if start is not None:
        yield {"from": start}


def spans(affected: dict[str, Any]) -> list[dict[str, str]]:
    """Give the versions one advisory affects: its ranges, and what it lists outside them."""
    ranges = [each["events"] for each in affected.get("ranges", ()) if each["type"] != "GIT"]
    found = [span for events in ranges for span in spans_of_range(events)]
    known = [Span(span["from"], span.get("before", ""), span.get("to", "")) for span in found]
    listed = [str(version) for version in affected.get("versions", ()) if _is_version(str(version))]
    alone = [version for version in listed if not any(span.holds(version) for span in known)]
    return found + [{"from": version, "to": version} for version in alone] or [{"from": "0"}]


def _is_version(text: str) -> bool:
    """Whether it can be compared; what cannot is never locked either."""
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def advisories(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """Give what a source knows of a package; what was withdrawn aside."""
    for path in sorted((folder / "vulns" / name).glob("*.yaml")):
        record = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = [each for each in record["affected"] if canonicalize_name(each["package"]["name"]) == name]
        if not record.get("withdrawn"):
            yield {
                "id": record["id"],
                "aliases": sorted(record.get("aliases", ())),
                "affected": [span for each in found for span in spans(each)],
            }


def review(source: Path, locks: Path, today: date) -> dict[str, Any]:
    """Hold each locked version against a clone of the source."""
    locked = versions(read_locks(locks).values())
    newest = ["git", "-C", str(source), "log", "-1", "--format=%H %cs"]
    revision, ends = subprocess.run(newest, capture_output=True, text=True, check=True).stdout.split()
    return {
        "source": {"name": NAME, "address": ADDRESS, "licence": LICENCE, "revision": revision, "ends": ends},
        "reviewed": today.isoformat(),
        "packages": {
            name: {"versions": sorted(locked[name]), "advisories": list(advisories(source, name))}
            for name in sorted(locked)
        },
    }


def written(content: dict[str, Any]) -> str:
    """Write a review with a line a package, so that a difference is one to read."""
    packages = [f"  {json.dumps(name)}: {json.dumps(each)}" for name, each in content["packages"].items()]
    head = json.dumps({key: value for key, value in content.items() if key != "packages"}, indent=1)
    return head.removesuffix("\n}") + ',\n "packages": {\n' + ",\n".join(packages) + "\n }\n}\n"


def main() -> None:
    """Fetch the source and write the file."""
    source = sys.argv[1] if len(sys.argv) > 1 else ADDRESS
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", source, folder], check=True)
        FILE.write_text(written(review(Path(folder), LOCKS, datetime.now(UTC).date())), encoding="utf-8")


if __name__ == "__main__":
    main()
