"""How the sample book did: every figure can be made again from its trail, and agrees with asset 360 to the cent."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
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
