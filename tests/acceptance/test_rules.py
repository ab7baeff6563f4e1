"""The terminal's rules: written from a file, tried on the sample book's past, asked of what it holds, and ended."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from terminal import Terminal

AS_OF = "2022-12-28"  # the last price date of the sample book

Run = Callable[..., str]

RULES = """
[[rules]]
id = "one-asset"
kind = "asset_concentration"
bound = 0.25
outcome = "hold"
valid_from = 2020-01-01
source_document = "Mandate, section 1"

[[rules]]
id = "some-cash"
kind = "minimum_cash"
bound = "0.001"
outcome = "warn"
valid_from = 2020-01-01
source_document = "Mandate, section 2"
"""


@pytest.fixture
def terminal(spare_terminal: Terminal) -> Terminal:
    """Rules write compliance_records, which asset 360 tells."""
    return spare_terminal


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    return tmp_path / "rules.toml"


@pytest.fixture
def rules(steelyard_here: Run) -> Iterator[Callable[..., Any]]:
    """Run a command of rules; those that were written are ended again."""
    yield lambda *words: json.loads(steelyard_here("rules", *words, "--json"))
    for one in json.loads(steelyard_here("rules", "list", "--json")):
        steelyard_here("rules", "end", one["rule"]["rule_id"])


def test_a_file_of_rules_is_tried_written_asked_and_changed(
    steelyard_here: Run, rules: Callable[..., Any], file: Path
) -> None:
    tried = rules("dry-run", f"{file}", "--rule", "one-asset", "--since", "2022-10-01")
    assert tried[0]["account_days"] > 5
    assert tried[0]["occurrences"] == sorted(
        tried[0]["occurrences"],
        key=lambda one: (-one["days_violated"], -one["days_unmeasured"], one["account_id"]),
    )
    assert "beyond 25 %" in steelyard_here(
        "rules", "dry-run", f"{file}", "--rule", "one-asset", "--since", "2022-12-01"
    )

    assert rules("load", f"{file}") == {"added": ["one-asset", "some-cash"], "changed": [], "unchanged": []}
    file.write_text(RULES.replace("0.25", "0.02"), encoding="utf-8")
    assert rules("load", f"{file}")["changed"] == ["one-asset"]
    assert [one["rule"]["version"] for one in rules("list", "one-asset")] == [2, 1]
    screen = steelyard_here("rules", "list")
    assert "one-asset v2" in screen
    assert "asset_concentration" in screen
    assert "all, from 2020-01-01" in screen

    checked = rules("check", "--as-of", AS_OF)
    assert checked["records"] > 0
    assert checked["is_attached"] is False
    reasons = [one["reason"] for found in checked["findings"].values() for one in found]
    assert any("above the 2 % that rule one-asset allows" in reason for reason in reasons)
    assert "VIOLATION" in steelyard_here("rules", "check", "--as-of", AS_OF)


def test_a_rule_is_typed_as_a_row_of_the_csv(steelyard_here: Run, rules: Callable[..., Any]) -> None:
    rules(
        "add", "no-energy", "--kind", "restricted_list", "--outcome", "block", "--source", "Mandate, 4",
        "--set", "sectors=Energy", "--set", "forbids=buy;hold", "--set", "scope.households=RIVERA",
    )  # fmt: skip
    (stored,) = rules("list", "no-energy")
    assert stored["rule"]["settings"] == {"sectors": ["Energy"], "forbids": ["buy", "hold"]}
    assert stored["rule"]["scope"] == {"households": ["RIVERA"]}
    wrong = steelyard_here(
        "rules", "add", "no-energy", "--kind", "restricted_list", "--outcome", "block", "--source", "x",
        "--set", "sektors=Energy", code=1,
    )  # fmt: skip
    assert "did you mean sectors?" in wrong


def test_what_is_wrong_with_a_file_is_said_with_its_place(steelyard_here: Run, file: Path) -> None:
    file.write_text(RULES.replace("minimum_cash", "minimum_crash"), encoding="utf-8")
    refusal = steelyard_here("rules", "load", f"{file}", code=1)
    assert "rules.toml rule 2: kind 'minimum_crash' is not known; did you mean minimum_cash?" in "".join(
        refusal.split("\n")
    ).replace("  ", " ")
    assert json.loads(steelyard_here("rules", "list", "--json")) == []
    assert "There is no rule 'tech-cap'" in steelyard_here("rules", "end", "tech-cap", code=1)


def test_limits_are_written_shown_and_taken_away(steelyard_here: Run) -> None:
    steelyard_here("limits", "set", "--order-value", "250000", "--participation", "0.1")
    steelyard_here("limits", "set", "--account", "RIVERA-IRA", "--collar", "0.03")
    screen = steelyard_here("limits", "list")
    assert "250,000.00" in screen
    assert "3.00 %" in screen
    assert "5.00 %" in screen  # the collar that nobody set
    listed = json.loads(steelyard_here("limits", "list", "--json"))
    assert [one["account_id"] for one in listed] == [None, "RIVERA-IRA"]
    assert "not a fraction above 0 and below 1" in steelyard_here("limits", "set", "--collar", "5", code=1)
    steelyard_here("limits", "end")
    steelyard_here("limits", "end", "--account", "RIVERA-IRA")
    assert "The tenant has no limits of its own" in steelyard_here("limits", "end", code=1)
