"""Scenarios of accordant-eu/rebalancing-engine: when an account is out of its band, and what input is refused.

Source: tests/fixtures/scenarios.json and scenario-expectations.json of that project. It publishes whether a scenario
succeeds, and in its descriptions what drifted by how much; trades and drift are worked out here by hand from those.
"""

from decimal import Decimal
from typing import Any

import pytest

from published import Case, Reason, Skip, load_suite
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.account import UnpricedAssetError, WeightSumError
from steelyard.rebalancing.allocation import Allocation, calculate_investment_allocation
from steelyard.rebalancing.drift import is_outside
from steelyard.rebalancing.options import Band, BandRule
from steelyard.rebalancing.problem import Status

SUITE = load_suite("accordant_rebalance")
CASES: dict[str, Case] = {case["id"]: case for case in SUITE["cases"]}

APPLE, MICROSOFT = "US0378331005:XNAS:USD", "US5949181045:XNAS:USD"


SKIPPED = {
    "invalid_cash_flow_amount": Skip(
        Reason.OTHER_CONVENTION, "refuses a cash flow of 0; this engine takes one signed amount, and 0 is one"
    ),
    "invalid_strategy": Skip(Reason.OUT_OF_SCOPE, "names a strategy that its own engine does not have"),
}


def amounts(items: list[dict[str, Any]], name: str) -> dict[str, str]:
    return {item["instrumentId"]: str(item[name]) for item in items}


def flow(scenario: dict[str, Any]) -> Decimal:
    """Return what comes in by the day of the scenario: settled flows, and scheduled ones that are due."""
    state, today = scenario["portfolioState"], scenario["policy"].get("evaluationDate", "")
    due = [item for item in state.get("cashFlowSchedules", ()) if item["effectiveDate"] <= today]
    settled = [item for item in state.get("cashFlows", ()) if item["status"] == "SETTLED"]
    signs = {"DEPOSIT": 1, "WITHDRAWAL": -1}
    return sum((signs[item["direction"]] * Decimal(item["amount"]) for item in (*due, *settled)), Decimal(0))


def band(policy: dict[str, Any]) -> Band:
    relative = policy.get("relativeDriftTolerance")
    rule = BandRule.EDGE if policy.get("executionTargetMode") == "boundary" else BandRule.TARGET
    absolute = str(policy["absoluteDriftTolerance"])
    return Band(absolute=absolute, relative=None if relative is None else str(relative), rule=rule)


def allocate(case: Case) -> Allocation:
    scenario = case["scenario"]
    return calculate_investment_allocation(
        amounts(scenario["targetAllocation"]["targets"], "weight"),
        {name: str(price) for name, price in scenario["priceSnapshot"]["prices"].items()},
        amounts(scenario["portfolioState"]["holdings"], "quantity"),
        cash=str(scenario["portfolioState"]["cash"]),
        investment_amount=flow(scenario),
        band=band(scenario["policy"]),
    )


TRADES: dict[str, dict[str, int]] = {
    "calendar_due": {APPLE: -20, MICROSOFT: 20},
    "multiple_assets_out_of_band": {APPLE: -50, MICROSOFT: 50},
    "on_target": {},
    "one_asset_out_of_band": {APPLE: -20, MICROSOFT: 20},
    "positive_cash": {APPLE: 25, MICROSOFT: 25},
    "scheduled_deposit_due": {APPLE: 5, MICROSOFT: 5},
    "scheduled_deposit_future": {},
    "scheduled_withdrawal_due": {APPLE: -5, MICROSOFT: -5},
    "settled_deposit_cash_flow": {APPLE: 5, MICROSOFT: 5},
    "threshold_relative_boundary_target": {
        APPLE: -30,
        MICROSOFT: 30,
    },  # 15 % to 12 %, the edge of 10 % ± a fifth
}


@pytest.mark.parametrize(("name", "trades"), TRADES.items(), ids=TRADES)
def test_a_scenario_that_succeeds_is_traded_to_its_target(name: str, trades: dict[str, int]) -> None:
    assert CASES[name]["expected_pair"] == {"status": "success"}

    found = allocate(CASES[name])

    assert {trade.asset_id: int(trade.quantity) for trade in found.trades} == trades
    assert found.status is Status.OPTIMAL


DRIFT = {
    "multiple_assets_out_of_band": {APPLE: "0.2", MICROSOFT: "-0.2", "US38259P5089:XNAS:USD": "0"},
    "one_asset_out_of_band": {APPLE: "0.1", MICROSOFT: "-0.1"},
    "on_target": {APPLE: "0", MICROSOFT: "0"},
    "threshold_relative_boundary_target": {APPLE: "0.05", MICROSOFT: "-0.05"},
}
OUTSIDE = {
    "multiple_assets_out_of_band": {APPLE, MICROSOFT},
    "one_asset_out_of_band": {APPLE, MICROSOFT},
    "on_target": set[str](),
    "threshold_relative_boundary_target": {APPLE},
}


@pytest.mark.parametrize("name", DRIFT)
def test_drift_is_what_the_scenario_describes_and_triggers_where_it_leaves_the_band(name: str) -> None:
    scenario = CASES[name]["scenario"]
    targets = amounts(scenario["targetAllocation"]["targets"], "weight")

    found = allocate(CASES[name])

    assert found.drift_before == {asset: Decimal(drift) for asset, drift in DRIFT[name].items()}
    outside = {
        asset
        for asset, drift in found.drift_before.items()
        if is_outside(drift, Decimal(targets[asset]), band(scenario["policy"]))
    }
    assert outside == OUTSIDE[name]


REFUSED: dict[str, tuple[type[InvalidInputError], str]] = {
    "missing_price": (UnpricedAssetError, MICROSOFT),
    "target_allocation_sum_error": (WeightSumError, "sum to 1.1, 0.1 more than 1"),
}


@pytest.mark.parametrize(("name", "expected"), REFUSED.items(), ids=REFUSED)
def test_a_scenario_that_fails_is_refused_by_name(
    name: str, expected: tuple[type[InvalidInputError], str]
) -> None:
    assert CASES[name]["expected_pair"]["status"] == "error"

    error, sentence = expected
    with pytest.raises(error, match=sentence):
        allocate(CASES[name])


def test_every_scenario_is_run_or_has_its_reason() -> None:
    assert set(CASES) == TRADES.keys() | REFUSED.keys() | SKIPPED.keys()
