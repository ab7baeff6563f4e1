"""The locks pin what pyproject.toml asks for, by hash, and name no place to fetch it from."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = ("base", "build", "dev", "gcp", "peers")


def text_of(lock: str) -> str:
    return (ROOT / f"requirements/{lock}.txt").read_text(encoding="utf-8")


def unhashed(text: str) -> list[str]:
    """Give the requirements of a lock that carry no hash."""
    entries = re.split(r"\n(?=[a-z])", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    return [entry.split()[0] for entry in entries if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)]


def pins(text: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+==[^ ]+)", text, re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_by_hash(lock: str) -> None:
    assert pins(text_of(lock))
    assert unhashed(text_of(lock)) == []


def test_a_package_without_a_hash_is_noticed() -> None:
    pinned = "click==8.5.1 \\\n    --hash=sha256:" + "0" * 64

    assert unhashed(f"# made by make lock\n{pinned}\nrich==15.0.0\n    # via steelyard\n") == ["rich==15.0.0"]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place(lock: str) -> None:
    assert not re.search(r"://|--(?:extra-)?index-url|--find-links", text_of(lock))


def test_the_tools_lock_holds_the_others() -> None:
    assert pins(text_of("base")) <= pins(text_of("gcp"))
    assert pins(text_of("gcp")) | pins(text_of("build")) <= pins(text_of("dev"))


def test_the_locks_follow_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    asked = {
        "base": project["project"]["dependencies"],
        "gcp": project["project"]["optional-dependencies"]["gcp"],
        "build": groups["build"],
        "dev": groups["dev"],
    }
    for lock, requirements in asked.items():
        names = {re.split(r"[\[><=~!; ]", line)[0] for line in requirements if isinstance(line, str)}
        assert names <= {pin.split("==")[0] for pin in pins(text_of(lock))}, f"run `make lock` ({lock})"
