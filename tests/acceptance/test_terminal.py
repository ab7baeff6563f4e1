"""The terminal face when all goes well, on an embedded server with the sample book."""

import asyncio
import os
import pty
import re
import subprocess
from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

import msgspec
import pytest

import steelyard
from steelyard.cli.main import SECTIONS
from terminal import STEELYARD, Terminal, write_book

READERS = {
    "overview": "get_portfolio_overview",
    "allocation": "get_asset_allocation",
    "risk": "get_risk_metrics",
    "performers": "get_performance_dashboard",
    "compliance": "get_compliance_summary",
    "transactions": "get_transaction_analysis",
    "sectors": "get_sector_exposure",
    "countries": "get_geographic_distribution",
}


class Demo(Protocol):
    @property
    def terminal(self) -> Terminal: ...
    @property
    def first(self) -> subprocess.CompletedProcess[str]: ...


# ── The demo ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_demo_shows_the_book_and_ends(demo: Demo) -> None:
    lines = demo.first.stdout.splitlines()

    assert demo.first.returncode == 0
    assert [line.split()[1] for line in demo.first.stderr.splitlines()] == [
        "Store",
        "Schema",
        "Book",
        "Asset",
        "Broker",
    ]
    assert "Total value       17,503,834.06 USD" in lines
    assert "money in USD · as of 2022-12-28 · version 1 · all accounts" in lines
    assert "Time-weighted  ▲ +298.13 %" in lines
    for heading in ("Overview", "Data quality", "Highest risk", "Performance", "What this is", "Try next"):
        assert any(line.startswith(heading) for line in lines), heading


def test_the_demo_again_changes_nothing_and_says_so(terminal: Terminal) -> None:
    before = terminal.ask("refresh", "--list")

    again = terminal.run("demo")

    assert again.returncode == 0
    assert again.stderr.count("there already") == 3
    assert terminal.ask("refresh", "--list") == before


def test_what_the_demo_says_to_try_works(demo: Demo) -> None:
    lines = demo.first.stdout.partition("Try next\n")[2].splitlines()
    commands = [re.split(r"\s{2,}", line)[0].split()[1:] for line in lines]

    assert len(commands) == 9
    for command in commands:
        assert demo.terminal.show(*command)
    demo.terminal.show("refresh")


# ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────


ON_ONE_SCREEN = [command.name for command in SECTIONS["Ask"] if command.name not in {"changes", "report"}]


@pytest.mark.parametrize("command", ON_ONE_SCREEN)
def test_every_question_is_answered_on_a_screen(steelyard_here: Callable[..., str], command: str) -> None:
    shown = steelyard_here(*([command, "AAPL"] if command == "asset" else [command]))

    assert "as of 2022-12-28" in shown
    assert "all accounts" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("command", READERS)
def test_json_is_exactly_what_the_reader_returns(steelyard_here: Callable[..., str], command: str) -> None:
    returned = asyncio.run(getattr(steelyard, READERS[command])())

    encoded = msgspec.json.Encoder(decimal_format="number").encode(returned)
    assert steelyard_here(command, "--json") == msgspec.json.format(encoded, indent=2).decode() + "\n"


def test_accounts_make_up_their_household(terminal: Terminal) -> None:
    accounts = ("RIVERA-JOINT", "RIVERA-IRA", "RIVERA-ROTH", "RIVERA-529")

    values = [terminal.ask("overview", "--account", account)["total_value"] for account in accounts]

    assert sum(values) == terminal.ask("overview", "--household", "RIVERA")["total_value"]
    assert all(isinstance(value, Decimal) for value in values)


def test_a_version_of_another_day_stands_beside_the_others(terminal: Terminal) -> None:
    newest = terminal.ask("overview")

    terminal.show("refresh", "--as-of", "2020-03-31")
    past = terminal.ask("overview", "--as-of", "2020-03-31")
    kept = terminal.ask("overview", "--version-number", str(newest["version"]))
    terminal.show("refresh")

    assert past["as_of"] == "2020-03-31"
    assert past["version"] > newest["version"]
    assert past["total_value"] != newest["total_value"]
    assert kept == newest


def test_assets_are_sorted_and_limited_as_asked(terminal: Terminal) -> None:
    everything = terminal.ask("assets")
    riskiest = terminal.ask("assets", "--sort", "risk", "--limit", "3")

    values = [row["market_value"] for row in everything]
    by_risk = sorted(everything, key=lambda row: row["value_at_risk"], reverse=True)
    assert values == sorted(values, reverse=True)
    assert [row["asset_id"] for row in riskiest] == [row["asset_id"] for row in by_risk[:3]]
    assert "3 of 30 assets" in terminal.show("assets", "--limit", "3")


def test_the_page_of_an_asset_tells_what_its_load_found(terminal: Terminal) -> None:
    found = terminal.show("db", "psql", "-Atc", "select min(asset_id) from data_quality_findings").strip()

    assert terminal.ask("asset", found)["findings"][0]["kind"] == "level_shift"
    assert "level_shift" in terminal.show("asset", found)


# ── The store ───────────────────────────────────────────────────────────────────────────────────────────


def test_doctor_finds_the_store_well(terminal: Terminal) -> None:
    checks = {check["name"]: check for check in terminal.ask("doctor")}

    assert list(checks) == [
        "Program",
        "Store",
        "Roles",
        "Disk",
        "Schema",
        "Last load",
        "Asset 360",
        "Findings",
    ]
    assert {check["verdict"] for check in checks.values()} == {"ok", "warn"}
    assert "3 flagged level_shift" in checks["Findings"]["found"]
    assert str(terminal.home) in checks["Store"]["found"]
    assert "as steelyard_app" in checks["Store"]["found"]


def test_psql_opens_on_the_schema_in_the_role_asked_for(terminal: Terminal) -> None:
    def psql(*arguments: str) -> str:
        return terminal.show("db", "psql", *arguments).strip()

    assert psql("-Atc", "select count(*) from asset_360") == "30"
    assert psql("-Atc", "select current_user") == "steelyard_app"
    assert psql("--admin", "-Atc", "select current_user") == "steelyard_migrator"


def test_the_server_is_started_and_stopped_by_hand(blank: Terminal) -> None:
    assert blank.show("db", "stop") == "The embedded PostgreSQL was not running.\n"
    assert str(blank.home) in blank.show("db", "start")
    assert blank.server().home == blank.home
    assert blank.show("db", "stop") == "The embedded PostgreSQL has stopped.\n"


def test_a_book_of_ones_own_is_loaded_published_and_kept_from_the_demo(blank: Terminal) -> None:
    book = write_book(blank.home.parent / "book")

    assert "The schema is ready" in blank.show("init")
    answer = blank.ask("load", str(book))
    again = blank.show("load", str(book))
    kept_out = blank.refused("demo")

    added = {table["table_name"]: table["added"] for table in answer["load"]["tables"]}
    assert added["market_data"] == 2
    assert answer["refresh"] == {
        "version": 1,
        "as_of": "2024-01-03",
        "published": True,
        "derived_assets": 1,
        "previous_version": None,
    }
    assert "Nothing was new." in again
    assert "holds another book (asset OURS, account SAVINGS)" in kept_out
    assert "STEELYARD_HOME=~/steelyard-demo steelyard demo" in kept_out
    assert [(row["asset_id"], row["market_value"]) for row in blank.ask("assets")] == [
        ("OURS", Decimal(1100))
    ]
    assert blank.ask("compliance")[0]["active_violations"] == 1


# ── Colour ──────────────────────────────────────────────────────────────────────────────────────────────


def on_a_screen(terminal: Terminal, *arguments: str, **settings: str) -> str:
    """Run with a pseudo-terminal as standard output; gives all that appeared there."""
    ours, theirs = pty.openpty()
    environment = terminal.environment(TERM="xterm-256color", **settings)
    with subprocess.Popen(
        [*STEELYARD, *arguments], env=environment, stdout=theirs, stderr=subprocess.DEVNULL
    ):
        os.close(theirs)
        seen = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    return seen.decode()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux's way to say that the other end was closed
        return b""


def test_colour_says_nothing_that_signs_do_not(terminal: Terminal) -> None:
    coloured = on_a_screen(terminal, "performers")
    plain = on_a_screen(terminal, "performers", NO_COLOR="1")
    piped = terminal.show("performers")

    def words(text: str) -> list[str]:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).split()

    assert "\x1b[32m▲" in coloured
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", plain)
    assert "\x1b" not in piped
    assert words(coloured) == words(plain) == words(piped)
