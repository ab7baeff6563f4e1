"""Every locked version was held against known advisories, and what was not is noticed."""

import json
import subprocess
from datetime import date
from pathlib import Path

import pytest

from advisories import review, written
from check_advisories import FILE, LOCKS, NothingToCheckError, Span, check, read_review, staleness
from locks import UnreadLockError, read_lock, read_locks

ADVISORY = """\
id: PYSEC-0000-1
aliases: [CVE-0000-0001]
affected:
- package: {name: Jinja2, ecosystem: PyPI}
  ranges:
  - {type: GIT, events: [{introduced: "0"}]}
  - type: ECOSYSTEM
    events: [{introduced: "0"}, {fixed: 2.1.0}, {introduced: 3.0.0}, {last_affected: 3.0.4}]
  versions: ["2.0", 2.5.0, 2004d]
"""


def lock(*pins: str) -> str:
    return "".join(
        f"{pin} \\\n    --hash=sha256:{'0' * 64}\n    # via steelyard (pyproject.toml)\n" for pin in pins
    )


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True)


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    folder = tmp_path / "requirements"
    folder.mkdir()
    (folder / "base.txt").write_text(lock("click==8.5.1", "jinja2==3.1.6"), encoding="utf-8")
    return folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A database of one advisory, and one that was withdrawn."""
    folder = tmp_path / "source/vulns/jinja2"
    folder.mkdir(parents=True)
    (folder / "PYSEC-0000-1.yaml").write_text(ADVISORY, encoding="utf-8")
    (folder / "PYSEC-0000-2.yaml").write_text(f"{ADVISORY}withdrawn: 2024-01-01\n", encoding="utf-8")
    git(tmp_path, "init", "--quiet", "source")
    git(tmp_path / "source", "add", ".")
    git(tmp_path / "source", "commit", "--quiet", "--message", "advisories", "--date", "2000-01-01")
    return tmp_path / "source"


@pytest.fixture
def file(source: Path, locks: Path, tmp_path: Path) -> Path:
    path = tmp_path / "advisories.json"
    path.write_text(written(review(source, locks, date(2026, 11, 21))), encoding="utf-8")
    return path


# ── The project's own ───────────────────────────────────────────────────────────────────────────────────


def test_every_locked_version_was_reviewed_and_none_is_affected() -> None:
    assert check(LOCKS, FILE) == []


def test_the_file_says_where_it_comes_from_and_up_to_when() -> None:
    content = json.loads(FILE.read_text(encoding="utf-8"))

    assert content["source"].keys() == {"name", "address", "licence", "revision", "ends"}
    assert date.fromisoformat(content["source"]["ends"]) <= date.fromisoformat(content["reviewed"])
    assert sum(len(each["advisories"]) for each in content["packages"].values()) >= 50


# ── What the check notices ──────────────────────────────────────────────────────────────────────────────


def test_what_was_reviewed_and_is_not_affected_passes(locks: Path, file: Path) -> None:
    assert check(locks, file) == []


@pytest.mark.parametrize(
    ("pin", "said"),
    [
        ("jinja2==3.1.7", "jinja2 3.1.7: nobody has reviewed this version"),
        ("rich==15.0.0", "rich 15.0.0: nobody has reviewed the package"),
        ("jinja2==3.0.4", "affected by PYSEC-0000-1, CVE-0000-0001 (>= 3.0.0, <= 3.0.4)"),
    ],
)
def test_a_lock_that_changed_is_noticed(locks: Path, file: Path, pin: str, said: str) -> None:
    (locks / "dev.txt").write_text(lock(pin), encoding="utf-8")

    assert any(said in line for line in check(locks, file))


def test_an_affected_version_is_noticed_though_it_was_reviewed(locks: Path, source: Path, file: Path) -> None:
    (locks / "base.txt").write_text(lock("jinja2==2.0"), encoding="utf-8")
    file.write_text(written(review(source, locks, date(2026, 11, 21))), encoding="utf-8")

    assert [line.partition(":")[0] for line in check(locks, file)] == ["jinja2 2.0"]


def test_a_package_that_was_struck_from_the_file_is_noticed(locks: Path, file: Path) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    del content["packages"]["click"]
    file.write_text(json.dumps(content), encoding="utf-8")

    assert check(locks, file) == ["click 8.5.1: nobody has reviewed the package; run `make advisories`"]


def test_a_check_of_nothing_is_none(file: Path, tmp_path: Path) -> None:
    with pytest.raises(NothingToCheckError):
        check(tmp_path / "nowhere", file)


def test_a_source_that_ended_long_ago_is_said() -> None:
    assert staleness(date(2026, 11, 1), date(2026, 11, 21)) == ""
    assert "51 days ago: nothing published since is known here" in staleness(
        date(2026, 10, 1), date(2026, 11, 21)
    )


# ── How advisories are read ─────────────────────────────────────────────────────────────────────────────


def test_ranges_and_listed_versions_are_read_and_what_was_withdrawn_is_not(file: Path) -> None:
    (advisory,) = read_review(file.read_text(encoding="utf-8")).packages["jinja2"].advisories

    assert advisory.affected == (
        Span("0", before="2.1.0"),
        Span("3.0.0", to="3.0.4"),
        Span("2.5.0", to="2.5.0"),
    )


@pytest.mark.parametrize(
    ("span", "inside", "outside"),
    [
        (Span("0", before="2.1"), ["0.0.dev1", "2.0", "2.1rc1"], ["2.1.0", "3"]),
        (Span("3.0", to="3.0.4"), ["3", "3.0.4", "3.0.4.0"], ["3.0.4.post1", "2.9", "3.0rc1"]),
        (Span("1.5"), ["1.5", "1000"], ["1.4.99"]),
    ],
)
def test_versions_are_compared_as_pythons_are(span: Span, inside: list[str], outside: list[str]) -> None:
    assert all(span.holds(version) for version in inside)
    assert not any(span.holds(version) for version in outside)


def test_a_line_that_a_lock_should_not_have_is_not_passed_over() -> None:
    assert [package.name for package in read_lock(lock("click==8.5.1"))] == ["click"]
    with pytest.raises(UnreadLockError, match="rich"):
        read_lock(lock("click==8.5.1") + "rich>=15\n")


# ── Names that are never locked ─────────────────────────────────────────────────────────────────────────

BANNED = {
    "authlib": "accepts unsigned tokens and foreign audiences by default (docs/decisions/0014)",
    "jwt": "is not PyJWT",
    "pycrypto": "is abandoned, with known weaknesses",
    "pyoidc": "is a look-alike of oic",
    "python-jose": "has confused algorithms before, and is hardly kept",
    "python-jwt": "has accepted forged tokens, and is no PyJWT",
    "sklearn": "is a placeholder for scikit-learn",
}


def banned(names: set[str]) -> dict[str, str]:
    return {name: why for name, why in BANNED.items() if name in names}


def test_no_lock_names_a_package_that_is_banned() -> None:
    assert banned({package.name for locked in read_locks(LOCKS).values() for package in locked}) == {}


def test_a_banned_package_is_noticed() -> None:
    assert banned({"pyoidc", "joserfc"}).keys() == {"pyoidc"}
