"""Whole shares for published weights and prices: the L1 optimum, which PyPortfolioOpt's own allocation aims at.

Source: PyPortfolioOpt, tests/test_discrete_allocation.py. Its objective is Σ |drift in money| + leftover cash, which is
here the L1 objective with a cash target of 0. Optima: an integer programme with gap 0 over the same numbers.
"""

from decimal import Decimal

import pytest

from published import Case, Reason, Skip, load_suite, runs
from steelyard.rebalancing.allocation import calculate_investment_allocation
from steelyard.rebalancing.options import CashRules, Objective
from steelyard.rebalancing.problem import Status

SUITE = load_suite("pypfopt_allocation")
CASES: dict[str, Case] = {case["id"]: case for case in SUITE["cases"]}


OPTIMISER = Skip(Reason.OUT_OF_SCOPE, "computes weights from expected returns")
SHORTS = Skip(Reason.OTHER_CONVENTION, "buys greedily, long and short money as two portfolios")

SKIPPED = {
    **{name: OPTIMISER for name in CASES if name.startswith("ef_")},
    **{name: SHORTS for name in CASES if name.startswith("greedy_")},
    "latest_prices_date": Skip(Reason.OUT_OF_SCOPE, "reads the last day of a price file"),
}

OPTIMA = {
    10_000: "1317.114516",
    50_000: "1178.784086",
    80_000: "785.115056",
}


def text(number: float, places: int) -> str:
    return f"{round(Decimal(str(number)), places):f}"


@runs("rmse_long")
@pytest.mark.parametrize(("value", "optimum"), OPTIMA.items())
def test_the_best_whole_shares_are_found_and_proven(value: int, optimum: str) -> None:
    weights = {asset: text(weight, 11) for asset, weight in CASES["rmse_long"]["weights"].items()}
    prices = {asset: text(price, 6) for asset, price in CASES["greedy_1"]["prices"].items()}

    found = calculate_investment_allocation(
        weights,
        prices,
        {},
        cash=value,
        objective=Objective.L1,
        cash_rules=CashRules(target=0),
        weight_places=11,
    )

    assert abs(found.objective - Decimal(optimum)) < Decimal("0.0001")
    assert (found.status, found.gap) == (Status.OPTIMAL, Decimal(0))


def test_the_shares_at_ten_thousand_are_those_published() -> None:
    weights = {asset: text(weight, 11) for asset, weight in CASES["rmse_long"]["weights"].items()}
    prices = {asset: text(price, 6) for asset, price in CASES["greedy_1"]["prices"].items()}

    found = calculate_investment_allocation(
        weights,
        prices,
        {},
        cash=10_000,
        objective=Objective.L1,
        cash_rules=CashRules(target=0),
        weight_places=11,
    )

    assert {trade.asset_id: int(trade.quantity) for trade in found.trades} == {
        "AAPL": 4,
        "BABA": 4,
        "BBY": 2,
        "FB": 12,
        "GOOG": 1,
        "MA": 20,
        "PFE": 54,
        "SBUX": 1,
    }
