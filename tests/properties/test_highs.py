"""HiGHS with a gap of 0 never finds a better answer than the exact search.

`STEELYARD_HIGHS=240 pytest tests/properties/test_highs.py` looks at that many accounts.
"""

import os

import pytest

from highs_oracle import linear_answer, tabled_answer
from rebalancing_problems import account_problem
from steelyard.rebalancing.certificate import check, objective_of, root_bound
from steelyard.rebalancing.kernel import solve
from steelyard.rebalancing.problem import Norm, Problem, Solution, Status

ACCOUNTS = int(os.environ.get("STEELYARD_HIGHS", "24"))
SIZES = (6, 10, 15, 20, 30, 40)
VALUES = (5_000, 50_000, 1_000_000)


def instance(number: int, norm: Norm) -> Problem:
    target = 0 if norm is Norm.L1 and number % 2 else None
    size, value = SIZES[number % len(SIZES)], VALUES[number // len(SIZES) % len(VALUES)]
    return account_problem(size, value, seed=number, norm=norm, cash_target=target)


def assert_as_good(problem: Problem, ours: Solution, theirs: tuple[int, ...] | None) -> None:
    check(problem, ours)
    assert theirs is not None, "HiGHS has an answer, if not the best one, to each of these"
    assert ours.bound <= objective_of(problem, theirs)
    if ours.status is Status.OPTIMAL:
        assert ours.objective <= objective_of(problem, theirs)


@pytest.mark.parametrize("number", range(ACCOUNTS // 2))
def test_highs_is_never_better_in_linear_drift(number: int) -> None:
    problem = instance(number, Norm.L1)
    assert_as_good(problem, solve(problem), linear_answer(problem))


@pytest.mark.parametrize("number", range(ACCOUNTS // 2))
def test_highs_is_never_better_in_squared_drift(number: int) -> None:
    problem = instance(number, Norm.L2)
    ours = solve(problem)
    prices = (ours.cash_price, ours.gain_price)
    room = ours.objective - root_bound(problem, *prices)
    assert_as_good(problem, ours, tabled_answer(problem, prices, room))
