"""The exact search: brute force never finds a better answer, and the compiled engine is the plain one.

`STEELYARD_BRUTE_FORCE=20000 pytest tests/properties/test_exact_search.py` looks at that many problems.
"""

import os
from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from brute_force import brute_force
from rebalancing_problems import account_problem, small_problems
from steelyard.rebalancing import kernel
from steelyard.rebalancing.certificate import check, outcome_of
from steelyard.rebalancing.problem import AssetRow, Norm, Piece, Problem, Status
from steelyard.rebalancing.search import solve

BRUTE_FORCE = int(os.environ.get("STEELYARD_BRUTE_FORCE", "1000"))


@settings(max_examples=BRUTE_FORCE, deadline=None)
@given(small_problems())
def test_brute_force_finds_the_same_answer_ties_included(problem: Problem) -> None:
    best, solution = brute_force(problem), solve(problem)
    check(problem, solution)
    if best is None:
        assert solution.status is Status.INFEASIBLE
    else:
        assert solution.status is Status.OPTIMAL
        assert (solution.objective, solution.trades) == (best[0], best[3])
        assert outcome_of(problem, solution.trades).cash >= problem.cash_floor


@settings(max_examples=BRUTE_FORCE // 4, deadline=None)
@given(small_problems(), st.integers(0, 30), st.sampled_from([0, 3, 40]))
def test_compiled_is_plain_bit_by_bit_when_the_limits_bite_too(
    problem: Problem, nodes: int, states: int
) -> None:
    plain = solve(problem, node_limit=nodes, state_limit=states)
    assert kernel.solve(problem, node_limit=nodes, state_limit=states) == plain
    check(problem, plain)


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("assets", [5, 20, 60])
def test_compiled_is_plain_on_accounts(assets: int, norm: Norm) -> None:
    for value in (5_000, 1_000_000):
        problem = account_problem(
            assets, value, seed=1, norm=norm, cash_target=0 if norm is Norm.L1 else None
        )
        assert kernel.solve(problem, node_limit=2_000, state_limit=500) == solve(
            problem, node_limit=2_000, state_limit=500
        )


@settings(max_examples=BRUTE_FORCE // 4, deadline=None)
@given(small_problems(), st.integers(0, 30), st.sampled_from([0, 3, 40, 400]))
def test_a_bound_is_below_the_optimum_however_early_the_search_stops(
    problem: Problem, nodes: int, states: int
) -> None:
    best, solution = brute_force(problem), solve(problem, node_limit=nodes, state_limit=states)
    assume(best is not None and solution.status is not Status.INFEASIBLE)
    assert best is not None
    assert solution.bound <= best[0] <= solution.objective


@settings(max_examples=100, deadline=None)
@given(small_problems(), st.integers(1, 50))
def test_more_cash_is_never_worse_where_cash_does_not_count(problem: Problem, more: int) -> None:
    problem = replace(problem, cash_target=None)
    before, after = solve(problem), solve(replace(problem, cash=problem.cash + more))
    assume(before.status is not Status.INFEASIBLE)
    assert after.objective <= before.objective


@settings(max_examples=100, deadline=None)
@given(small_problems(), st.randoms(use_true_random=False))
def test_the_order_of_the_assets_does_not_change_the_objective(problem: Problem, chance: Random) -> None:
    shuffled = list(problem.assets)
    chance.shuffle(shuffled)
    assert solve(replace(problem, assets=tuple(shuffled))).objective == solve(problem).objective


@settings(max_examples=50, deadline=None)
@given(small_problems(), st.sampled_from([10**6, 10**12]))
def test_money_counted_in_a_finer_unit_gives_the_same_trades(problem: Problem, finer: int) -> None:
    coarse, fine = solve(problem), solve(_finer(problem, finer))
    assert fine.status is coarse.status
    assert fine.trades == coarse.trades
    assert fine.objective == coarse.objective * finer ** int(problem.norm)
    assert kernel.solve(_finer(problem, finer)) == fine


def _finer(problem: Problem, times: int) -> Problem:
    """Count money in a unit so many times smaller; beyond 64 bits at the finest."""
    rate = problem.charge_rate * (times if problem.norm is Norm.L2 else 1)
    limit, target = problem.gain_limit, problem.cash_target
    return Problem(
        problem.norm,
        tuple(_finer_asset(asset, times) for asset in problem.assets),
        problem.cash * times,
        problem.cash_floor * times,
        None if target is None else target * times,
        rate,
        None if limit is None else limit * times,
    )


def _finer_asset(asset: AssetRow, times: int) -> AssetRow:
    pieces = tuple(
        Piece(
            piece.first,
            piece.last,
            piece.cash_fixed * times,
            piece.cash_per_step * times,
            piece.charge_fixed * times,
            piece.charge_per_step * times,
            piece.gain_fixed * times,
            piece.gain_per_step * times,
        )
        for piece in asset.pieces
    )
    return AssetRow(asset.value * times, asset.price * times, asset.low * times, asset.high * times, pieces)
