"""The exact search on problems whose answer can be seen."""

import subprocess
import sys
from types import FrameType

import pytest

from steelyard.rebalancing import kernel
from steelyard.rebalancing.certificate import check
from steelyard.rebalancing.problem import AssetRow, Norm, Piece, Problem, Solution, Status
from steelyard.rebalancing.search import UndecidedError, solve


def asset(price: int, target: int, *, held: int = 0, most: int = 100) -> AssetRow:
    pieces = (Piece(-held, -1, 0, price), Piece(0, 0, 0, price)) if held else (Piece(0, 0, 0, price),)
    return AssetRow(held * price, price, target, target, (*pieces, Piece(1, most, 0, price)))


def test_selling_several_cheap_shares_for_a_dear_one_pays() -> None:
    problem = Problem(Norm.L1, (asset(10, 50, held=5), asset(100, 100)), cash=70, cash_floor=0)
    assert solve(problem).trades == (-3, 1)


def test_an_account_without_assets_keeps_its_cash() -> None:
    assert solve(Problem(Norm.L2, (), cash=5, cash_floor=0)).status is Status.OPTIMAL
    assert solve(Problem(Norm.L2, (), cash=-5, cash_floor=0)).status is Status.INFEASIBLE


def test_of_equal_answers_the_fewest_trades_then_the_lowest_turnover_then_the_lowest_k() -> None:
    def traded(*assets: AssetRow, cash: int) -> tuple[int, ...]:
        return solve(Problem(Norm.L1, assets, cash=cash, cash_floor=0)).trades

    assert traded(asset(1, 3), asset(1, 3), asset(1, 6), cash=6) == (0, 0, 6)
    assert traded(asset(3, 3), asset(2, 3), cash=3) == (1, 0)
    assert traded(asset(2, 1), cash=9) == (0,)
    assert traded(asset(5, 5), asset(5, 5), cash=5) == (0, 1)


def test_cash_below_its_floor_is_raised_or_the_account_is_infeasible() -> None:
    row = AssetRow(100, 10, 100, 100, (Piece(-10, -1, 0, 10), Piece(0, 0, 0, 0)))
    assert solve(Problem(Norm.L2, (row,), cash=0, cash_floor=25)).trades == (-3,)
    assert solve(Problem(Norm.L2, (row,), cash=0, cash_floor=101)).status is Status.INFEASIBLE


def test_the_search_in_breadth_closes_what_the_tree_leaves_open() -> None:
    rows = tuple(asset(price, 8 * price, most=8) for price in (7_919, 104_729, 15_485, 32_452, 49_979))
    problem = Problem(Norm.L1, rows, cash=400_000, cash_floor=0)
    without = solve(problem, node_limit=50, state_limit=0)
    assert without.status is Status.WITHIN_GAP
    closed = solve(problem, node_limit=50, state_limit=50_000)
    assert closed.status is Status.OPTIMAL
    assert without.bound <= closed.objective <= without.objective


def row_in_band(  # noqa: PLR0917 - the columns of a table, in its order
    value: int, price: int, low: int, high: int, held: int, most: int
) -> AssetRow:
    pieces = (Piece(-held, -1, 0, price), Piece(0, 0, 0, 0), Piece(1, most, 0, price))
    return AssetRow(value, price, low, high, pieces)


def solve_within(most_calls: int, problem: Problem, **limits: int) -> Solution:
    """Solve and check a problem, and fail as soon as that takes more calls of functions, which no clock changes."""
    calls = 0

    def count(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event == "call"
        if calls > most_calls:
            sys.setprofile(None)
            pytest.fail(f"more than {most_calls:,} calls")

    sys.setprofile(count)
    try:
        solution = solve(problem, **limits)
    finally:
        sys.setprofile(None)
    check(problem, solution)
    return solution


# Three currencies held for themselves, by the cent, and cash that should be lower by 0.2 of 28.9 thousand.
PURSE = Problem(
    Norm.L2,
    (
        row_in_band(
            10376255459801868000,
            1785623035588,
            6376913509617413125,
            12753827019234826249,
            5811000,
            178562702,
        ),
        row_in_band(
            9981550416000000000,
            1761160000000,
            6376913509617413125,
            12753827019234826249,
            5667600,
            181042991,
        ),
        row_in_band(
            20837606469309329400,
            12384220518,
            15942283774043532812,
            22319197283660945936,
            1682593300,
            25746123869,
        ),
    ),
    cash=28923638000000000000,
    cash_floor=0,
    cash_target=28696110793278359061,
)

# The shares of the same account, with bands of a hundredth: what the two below theirs need, the others must bring.
SHARES = Problem(
    Norm.L2,
    (
        row_in_band(31722869, 20801, 38261481, 38261481, 1525, 15327),
        row_in_band(22260023, 12956, 15942283, 22319197, 1718, 24608),
        row_in_band(37037602, 28755, 35073024, 41449937, 1288, 11088),
        row_in_band(26477489, 10574, 22319197, 28696110, 2504, 30153),
        row_in_band(42270620, 38638, 38261481, 44638394, 1094, 8252),
        row_in_band(32909567, 8151, 28696110, 35073024, 4037, 39112),
        row_in_band(15002782, 4054, 19130740, 19130740, 3700, 78634),
        row_in_band(37890690, 23203, 35073024, 41449937, 1633, 13741),
    ),
    cash=3154979,
    cash_floor=0,
)


def test_cash_is_put_right_within_bands_in_few_changes() -> None:
    first = solve_within(300_000, PURSE, node_limit=0, state_limit=0)
    assert first.gap < min(asset.price for asset in PURSE.assets) ** 2, "a cent of the cheapest is left over"
    assert first.objective < (PURSE.cash - (PURSE.cash_target or 0)) ** 2, "no trade at all is worse"
    few = solve_within(300_000, SHARES, node_limit=0, state_limit=0)
    assert few.objective < sum(max(row.low - row.value, 0) ** 2 for row in SHARES.assets)


def test_the_work_of_one_answer_is_bounded_whatever_the_candidates() -> None:
    cut_short = solve_within(800_000, PURSE, node_limit=1_000, state_limit=1_000)
    assert cut_short.status is Status.WITHIN_GAP
    assert cut_short.gap < min(asset.price for asset in PURSE.assets) ** 2
    assert solve_within(800_000, SHARES).status is Status.OPTIMAL
    assert kernel.solve(SHARES) == solve(SHARES)


def test_neither_answer_nor_proof_is_an_error_that_says_so() -> None:
    # Cash must be raised by selling and gains leave just one way, which one node does not find.
    rows = tuple(
        AssetRow(0, 1, 0, 0, (Piece(-1, -1, -cash, 0, 0, 0, gain), Piece(0, 0, 0, 0)))
        for cash, gain in ((61, 97), (53, 83), (47, 75), (41, 64), (37, 60), (29, 45), (23, 37))
    )
    problem = Problem(Norm.L2, rows, cash=0, cash_floor=143, gain_limit=224)
    assert solve(problem).status is not Status.WITHIN_GAP
    with pytest.raises(UndecidedError, match="loosen the gain limit"):
        solve(problem, node_limit=1, state_limit=0)


def test_plain_python_answers_without_numba_and_numpy() -> None:
    code = (
        "import sys; from steelyard.rebalancing.search import solve\n"
        "from steelyard.rebalancing.problem import AssetRow, Norm, Piece, Problem\n"
        "row = AssetRow(0, 30, 100, 100, (Piece(0, 5, 0, 30),))\n"
        "print(solve(Problem(Norm.L2, (row,), 100, 0)).trades, {'numba', 'numpy'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "(3,) set()"


def test_the_kernel_compiles_while_something_else_runs() -> None:
    thread = kernel.compile_in_background()
    thread.join()
    assert kernel.compiled()["best_trades"].signatures
