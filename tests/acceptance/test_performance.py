"""How the sample book did: every figure can be made again from its trail, and agrees with asset 360 to the cent."""

import csv
import io
import json
import math
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from steelyard.analytics.time_weighted import FlowTiming
from steelyard.analytics.trail import Trail
from steelyard.domain.scope import TENANT, Scope
from steelyard.services.figure import FIGURES, part_trail_of, trail_of
from steelyard.services.performance import explain_figure, make_performance
from steelyard.services.track_record import LEVELS, Question, Workings, read_workings
from steelyard.storage.connection import (
    ReadSession,
    close_connection_pool,
    get_db_session,
    init_connection_pool,
)
from terminal import Terminal
from trails import check, remade

QUESTIONS = {
    "everything": Question(),
    "a household in pounds": Question(scope=Scope.household("OKAFOR")),
    "an account over a year, in another currency": Question(
        scope=Scope.account("OKAFOR-PENSION"), first=date(2020, 1, 1), last=date(2020, 12, 31), currency="JPY"
    ),
    "flows at the start, before fees and taxes": Question(
        scope=Scope.account("RIVERA-529"), timing=FlowTiming.START, after_fees=False, after_taxes=False
    ),
    "flows at the end, a month": Question(
        scope=Scope.account("RIVERA-ROTH"),
        first=date(2021, 9, 1),
        last=date(2021, 9, 30),
        timing=FlowTiming.END,
    ),
}


@pytest.fixture
async def db(terminal: Terminal) -> AsyncIterator[ReadSession]:
    await init_connection_pool(data_dir=terminal.home)
    async with get_db_session() as session:
        yield session
    await close_connection_pool()


def as_json(trail: Trail) -> Any:
    encoded = msgspec.json.Encoder(decimal_format="number").encode(trail)
    return json.loads(encoded, parse_float=Decimal)


def close(one: Decimal | float, other: Decimal | float) -> bool:
    return abs(float(one) - float(other)) <= 1e-9 * max(1.0, abs(float(other)))


# ── Made again ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", QUESTIONS)
async def test_every_figure_is_made_again_from_the_rows_of_its_trail(db: ReadSession, name: str) -> None:
    workings = await read_workings(db, QUESTIONS[name])
    figures = make_performance(workings)

    assert list(figures.figures) == list(FIGURES)
    for figure, value in figures.figures.items():
        trail = as_json(trail_of(workings, figure))
        if value is None:
            assert figures.reasons[figure] == trail["formula"]
            assert trail["value"] is None
        else:
            assert close(value, check(trail)), figure
    assert figures.figures["time_weighted_return"] is not None
    assert figures.figures["gain"] is not None


@pytest.mark.parametrize("name", QUESTIONS)
async def test_every_contribution_is_made_again_and_they_add_up(db: ReadSession, name: str) -> None:
    workings = await read_workings(db, QUESTIONS[name])
    did = make_performance(workings)

    for level in LEVELS:
        for row in did.contributions[level]:
            trail = as_json(part_trail_of(workings, level, row.name))
            made = check(trail)
            parts = {part["figure"]: part["value"] for part in trail["parts"]}
            assert row.contribution is not None
            assert close(row.contribution, made)
            assert (row.value, row.gain) == pytest.approx(
                (float(parts["value"]), float(parts["gain"])), abs=1e-6
            )
            if row.time_weighted_return is not None:
                assert close(row.time_weighted_return, parts["time_weighted_return"])
        added = sum(row.contribution or 0 for row in did.contributions[level])
        assert added == pytest.approx(did.figures["time_weighted_return"])
        gained = sum(row.gain or 0 for row in did.contributions[level])
        assert gained == pytest.approx(float(did.figures["gain"] or 0))


async def test_periods_windows_and_falls_are_made_again_too(db: ReadSession) -> None:
    scope = Scope.account("RIVERA-IRA")
    did = make_performance(await read_workings(db, Question(scope=scope)))

    shown = [(row.first, row.last, row.time_weighted_return) for row in did.periods]
    shown += [(row.first, row.last, row.time_weighted_return) for row in did.rolling]
    for first, last, value in shown:
        question = Question(scope=scope, first=first, last=last)
        trail = as_json(await explain_figure("time_weighted_return", db, question))
        assert value is not None
        assert close(value, remade(trail))
    trail = as_json(await explain_figure("max_drawdown", db, Question(scope=scope)))
    check(trail)
    wealth = {row[0]: row[2] for row in trail["rows"]}
    for fall in did.falls:
        depth = 1 - wealth[f"{fall.valley}"] / wealth[f"{fall.peak}"]
        assert close(fall.depth, depth)
        is_back = wealth[f"{fall.end}"] >= wealth[f"{fall.peak}"] * (1 - Decimal("1e-12"))
        assert is_back == fall.is_recovered


async def test_the_parts_of_a_risk_add_up_to_it(db: ReadSession) -> None:
    workings = await read_workings(db, Question(scope=Scope.account("RIVERA-JOINT")))

    for name in ("value_at_risk", "expected_shortfall", "position_volatility"):
        trail = trail_of(workings, name)
        assert sum(float(part.value or 0) for part in trail.parts) == pytest.approx(trail.value)


async def test_the_postings_behind_a_value_make_its_quantities(db: ReadSession) -> None:
    trail = as_json(await explain_figure("closing_value", db, Question(scope=Scope.household("OKAFOR"))))

    check(trail)
    quantities = {f"quantity of {row[0]}": row[1] for row in trail["rows"]}
    assert {part["figure"]: part["value"] for part in trail["parts"]} == quantities


async def test_values_agree_with_asset_360_to_the_cent(terminal: Terminal, db: ReadSession) -> None:
    scopes = {
        (): TENANT,
        ("--household", "OKAFOR"): Scope.household("OKAFOR"),
        ("--account", "OKAFOR-PENSION"): Scope.account("OKAFOR-PENSION"),
    }
    for options, scope in scopes.items():
        workings = await read_workings(db, Question(scope=scope))
        value = trail_of(workings, "closing_value").value
        assert isinstance(value, Decimal)
        assert round(value, 2) == terminal.ask("overview", *options)["total_value"]
        assert float(value) == pytest.approx(workings.record.values[-1], rel=1e-12)
        held = {
            row["asset_id"]: row["market_value"]
            for row in terminal.ask("assets", *options)
            if row["quantity"]
        }
        shown = terminal.ask("positions", *options)
        assert shown["total_value"] == value
        assert {row["asset_id"]: row["value"] for row in shown["positions"]} == held


async def test_money_is_exact_where_there_is_one_currency(db: ReadSession) -> None:
    """Gains of lots, less fees that no lot carries, make the gain to the last digit: no row is lost or twice."""
    workings = await read_workings(db, Question(scope=Scope.account("RIVERA-JOINT")))
    figures: dict[str, Any] = {name: trail_of(workings, name).value for name in FIGURES}
    fees = [row for row in trail_of(workings, "fees").rows if row[2] == "FEE"]

    charged = sum(Decimal(f"{row[-1]}") for row in fees)
    assert (
        figures["gain"] == figures["realised_gain"] + figures["unrealised_gain"] + figures["income"] - charged
    )
    assert figures["closing_value"] == figures["opening_value"] + figures["net_flows"] + figures["gain"]


async def test_when_flows_come_changes_the_return_a_little_and_the_gain_not_at_all(db: ReadSession) -> None:
    by_timing = [
        make_performance(await read_workings(db, replace(QUESTIONS["everything"], timing=timing)))
        for timing in FlowTiming
    ]
    returns = [float(did.figures["time_weighted_return"] or 0) for did in by_timing]

    assert len({did.figures["gain"] for did in by_timing}) == 1
    assert len(set(returns)) == 2  # nothing is ever taken out
    assert max(returns) - min(returns) < 0.02


def records(workings: Workings) -> int:
    return len(workings.days.dates)


async def test_a_period_is_a_cut_of_the_whole(db: ReadSession) -> None:
    scope = Scope.account("RIVERA-JOINT")
    whole = await read_workings(db, Question(scope=scope))
    first = await read_workings(db, Question(scope=scope, last=date(2018, 6, 29)))
    rest = await read_workings(db, Question(scope=scope, first=date(2018, 6, 30)))

    linked = (1 + first.whole.time_weighted[0]) * (1 + rest.whole.time_weighted[0]) - 1
    assert linked == pytest.approx(whole.whole.time_weighted[0], rel=1e-12)
    assert records(first) + records(rest) == records(whole)


# ── The terminal ────────────────────────────────────────────────────────────────────────────────────────

SCREENS = [
    ["performance", "--by", "sector"],
    ["performance", "--account", "RIVERA-529", "--from", "2022-12-01", "--flows", "end", "--before-fees"],
    ["explain"],
    ["explain", "value"],
    ["explain", "risk", "--of", "AAPL"],
    ["explain", "realised-gain", "--rows", "3"],
    ["explain", "contribution", "--by", "country", "--of", "United States"],
    ["positions", "--household", "OKAFOR"],
    ["positions", "--account", "RIVERA-IRA", "--as-of", "2020-03-31"],
    ["lots", "--asset", "AAPL"],
    ["lots", "--closed", "--account", "OKAFOR-PENSION"],
    ["ledger", "--kind", "fx"],
    ["ledger", "--account", "OKAFOR-PENSION", "--asset", "WMT"],
    ["ledger", "reconcile"],
    ["ledger", "post"],
]


@pytest.mark.parametrize("arguments", SCREENS, ids=" ".join)
def test_screens_fit_a_terminal_and_answer_in_json_too(
    steelyard_here: Callable[..., str], arguments: list[str]
) -> None:
    shown = steelyard_here(*arguments)
    answer = steelyard_here(*arguments, "--json")

    assert max(map(len, shown.splitlines())) <= 80
    assert len(shown.splitlines()) > 3
    assert json.loads(answer, parse_constant=pytest.fail)  # no NaN, no Infinity


def test_a_figure_in_json_can_be_made_again_and_so_can_its_csv(steelyard_here: Callable[..., str]) -> None:
    asked = ("explain", "return", "--account", "RIVERA-ROTH")
    trail = json.loads(steelyard_here(*asked, "--json"), parse_float=Decimal)
    lines = list(csv.DictReader(io.StringIO(steelyard_here(*asked, "--csv"))))
    did = json.loads(steelyard_here("performance", "--account", "RIVERA-ROTH", "--json"), parse_float=Decimal)

    assert close(did["figures"]["time_weighted_return"], check(trail))
    grown = math.prod(float(line["factor"]) for line in lines)
    assert grown - 1 == pytest.approx(float(trail["value"]))


def test_pages_of_the_ledger_follow_each_other(steelyard_here: Callable[..., str]) -> None:
    seen: list[int] = []
    after = ""
    while True:
        page = json.loads(
            steelyard_here("ledger", "--account", "RIVERA-529", "--limit", "40", "--after", after, "--json")
        )
        seen += [entry["entry_id"] for entry in page["entries"]]
        if not (after := page["after"]):
            break

    whole = json.loads(steelyard_here("ledger", "--account", "RIVERA-529", "--limit", "1000", "--json"))
    assert seen == [entry["entry_id"] for entry in whole["entries"]]
    assert len(seen) == len(set(seen)) > 40


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ["performance", "--account", "RIVERA-IR"],
            1,
            "There is no account RIVERA-IR; did you mean RIVERA-IRA",
        ),
        (
            ["performance", "--benchmark", "SP50"],
            1,
            "There is no asset SP50 to compare with; did you mean SP500",
        ),
        (["performance", "--from", "2030-01-01"], 1, "has no day"),
        (["explain", "volatilty"], 1, "did you mean volatility"),
        (["explain", "contribution", "--by", "sector", "--of", "Energ"], 1, "did you mean Energy"),
        (["explain", "value", "--of", "APPL"], 1, "did you mean AAPL"),
        (["ledger", "--after", "yesterday"], 1, "is no place in the journal"),
        (["explain", "contribution"], 2, "needs --of NAME"),
        (["explain", "--csv", "--json"], 2, "exclude each other"),
        (["lots", "--household", "A", "--account", "B"], 2, "exclude each other"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_answered_is_one_sentence(
    terminal: Terminal, arguments: list[str], code: int, sentence: str
) -> None:
    done = terminal.run(*arguments)

    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


# ── Pages that run on the sample book ───────────────────────────────────────────────────────────────────

ROOT = Path(__file__).parents[2]
PAGES = [
    "docs/how-to/read-your-performance.md",
    "docs/how-to/explain-a-figure.md",
    "docs/tutorial/first-book.md",
]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_what_its_commands_print(terminal: Terminal, page: str) -> None:
    written = subprocess.run(
        [sys.executable, ROOT / "scripts/run_page.py", ROOT / page],
        env=terminal.environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert (ROOT / page).read_text("utf-8") == written.stdout, (
        f"write it anew on the sample book: python scripts/run_page.py --write {page}"
    )


def test_the_readme_shows_what_is_printed(terminal: Terminal) -> None:
    block = re.search(
        r"```text\n\$ steelyard (explain .*?)\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
    )

    assert block
    assert terminal.show(*block[1].split()).startswith(block[2])
