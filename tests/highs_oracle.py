"""HiGHS as a second opinion on accounts too large for brute force: mixed-integer programmes with a gap of 0.

HiGHS counts in floats and lets a row be missed by a little, so only what its answer costs when recomputed in whole
numbers counts, and only if that answer is allowed.
"""

from collections.abc import Callable

import highspy

from steelyard.rebalancing.certificate import outcome_of
from steelyard.rebalancing.problem import AssetRow, Piece, Problem

SECONDS = 10.0
UNIT = 100
"""HiGHS is given money in a unit of this many, for its tolerances."""


def linear_answer(problem: Problem) -> tuple[int, ...] | None:
    """Solve an L1 account without costs as it stands: steps are integer columns, drifts have a column each."""
    model = _model()
    steps, paid = [], []
    for asset in problem.assets:
        first, last = asset.pieces[0].first, asset.pieces[-1].last
        k, drift = model.addIntegral(first, last, 0), model.addVariable(0, highspy.kHighsInf, 1)
        value = (asset.value + asset.price * k) / UNIT
        model.addConstr(drift >= value - asset.high / UNIT)
        model.addConstr(drift >= asset.low / UNIT - value)
        steps.append(k)
        paid.append(asset.price / UNIT * k)
    counts = problem.cash_target is not None
    left = model.addVariable(problem.cash_floor / UNIT, highspy.kHighsInf, int(counts))
    model.addConstr(sum(paid) + left == problem.cash / UNIT)
    return _solved(model, problem, lambda: tuple(round(model.val(k)) for k in steps))


def tabled_answer(problem: Problem, prices: tuple[int, int], room: int) -> tuple[int, ...] | None:
    """Solve an account from a table: each trade that may be in an answer `room` above the root bound is a 0/1 column.

    A trade that costs more than `room` above its asset's cheapest, at these prices of cash and gain, is in none.
    """
    model = _model()
    paid, chosen = [], []
    for asset in problem.assets:
        table = _table(problem, asset, prices, room)
        columns = [model.addBinary(cost / UNIT**2) for _, _, cost in table]
        model.addConstr(sum(columns) == 1)
        paid += [cash / UNIT * column for (_, cash, _), column in zip(table, columns, strict=True)]
        chosen.append([(k, column) for (k, _, _), column in zip(table, columns, strict=True)])
    left = model.addVariable(problem.cash_floor / UNIT, highspy.kHighsInf, prices[0] / UNIT)
    model.addConstr(sum(paid) + left == problem.cash / UNIT)
    return _solved(
        model,
        problem,
        lambda: tuple(max(options, key=lambda option: model.val(option[1]))[0] for options in chosen),
    )


def _table(
    problem: Problem, asset: AssetRow, prices: tuple[int, int], room: int
) -> list[tuple[int, int, int]]:
    """List k, cash used and extra cost of the trades that cost at most `room` more than the cheapest."""
    table = [
        (k, piece.cash_fixed + piece.cash_per_step * k, _cost(problem, asset, piece, k, prices))
        for piece in asset.pieces
        for k in range(piece.first, piece.last + 1)
    ]
    least = min(cost for _, _, cost in table)
    return [(k, cash, cost - least) for k, cash, cost in table if cost - least <= room]


def _cost(problem: Problem, asset: AssetRow, piece: Piece, k: int, prices: tuple[int, int]) -> int:
    value = asset.value + asset.price * k
    drift = max(asset.low - value, value - asset.high, 0) ** 2
    charge = piece.charge_fixed + piece.charge_per_step * k
    cash, gain = piece.cash_fixed + piece.cash_per_step * k, piece.gain_fixed + piece.gain_per_step * k
    return drift + problem.charge_rate * charge + prices[0] * cash + prices[1] * gain


def _model() -> highspy.Highs:
    model = highspy.Highs()  # type: ignore[no-untyped-call]  # its constructor has no types
    for option, value in (("output_flag", False), ("threads", 1), ("time_limit", SECONDS)):
        model.setOptionValue(option, value)
    model.setOptionValue("mip_rel_gap", 0.0)
    model.setOptionValue("mip_abs_gap", 0.0)
    return model


def _solved(
    model: highspy.Highs, problem: Problem, read: Callable[[], tuple[int, ...]]
) -> tuple[int, ...] | None:
    """Run HiGHS; None where it found no answer in time, or one that is not allowed when counted in whole numbers."""
    model.run()
    if model.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return None
    trades = read()
    return trades if outcome_of(problem, trades).cash >= problem.cash_floor else None
