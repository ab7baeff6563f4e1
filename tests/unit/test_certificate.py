"""What `certificate.check` refuses: each claim of an answer made wrong, one at a time."""

from dataclasses import replace

import pytest

from rebalancing_problems import account_problem
from steelyard.rebalancing.certificate import CertificateError, check
from steelyard.rebalancing.problem import L1_SCALE, AssetRow, Norm, Piece, Problem, Status
from steelyard.rebalancing.search import solve

ACCOUNT = account_problem(6, 5_000, seed=2)
TAXED = Problem(
    Norm.L2,
    (AssetRow(500, 100, 200, 200, (Piece(-5, -1, 0, 100, 0, 0, 0, -40), Piece(0, 0, 0, 0))),),
    cash=0,
    cash_floor=0,
    gain_limit=90,
)


@pytest.mark.parametrize("norm", list(Norm))
def test_what_the_search_answers_holds(norm: Norm) -> None:
    problem = replace(ACCOUNT, norm=norm)
    check(problem, solve(problem))


def test_a_trade_that_is_not_allowed() -> None:
    solution = solve(ACCOUNT)
    lowest = ACCOUNT.assets[0].pieces[0].first
    with pytest.raises(CertificateError, match="states trade"):
        check(ACCOUNT, replace(solution, trades=(lowest - 1, *solution.trades[1:])))


def test_cash_below_its_floor() -> None:
    solution = solve(ACCOUNT)
    with pytest.raises(CertificateError, match="states cash floor"):
        check(replace(ACCOUNT, cash_floor=10**9), solution)


def test_gains_above_their_limit() -> None:
    solution = solve(TAXED)
    assert solution.trades == (-2,)
    check(TAXED, solution)
    with pytest.raises(CertificateError, match="states gain limit 90, its check finds 120"):
        check(TAXED, replace(solution, trades=(-3,)))


def test_another_objective() -> None:
    solution = solve(ACCOUNT)
    with pytest.raises(CertificateError, match="states objective"):
        check(ACCOUNT, replace(solution, objective=solution.objective + 1, bound=solution.bound + 1))


def test_a_bound_above_the_objective_or_below_the_root() -> None:
    solution = solve(ACCOUNT)
    for bound in (solution.objective + 1, -1):
        with pytest.raises(CertificateError, match="states bound"):
            check(ACCOUNT, replace(solution, bound=bound))


def test_optimal_without_proof() -> None:
    problem = account_problem(15, 1_000_000, seed=3)
    stopped = solve(problem, node_limit=5, state_limit=0)
    assert stopped.status is Status.WITHIN_GAP
    assert stopped.gap > 0
    check(problem, stopped)
    with pytest.raises(CertificateError, match="states proof"):
        check(problem, replace(stopped, status=Status.OPTIMAL))


def test_numbers_beyond_64_bits_are_checked_as_any_other() -> None:
    huge = 10**30
    asset = AssetRow(0, 7 * huge, 20 * huge, 20 * huge, (Piece(0, 9, 0, 7 * huge),))
    problem = Problem(Norm.L1, (asset,), cash=15 * huge, cash_floor=0)
    solution = solve(problem)
    check(problem, solution)
    assert solution.trades == (2,)
    assert solution.objective == 6 * huge * L1_SCALE
