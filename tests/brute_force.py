"""Every answer of a small problem, one after the other: slow, plain and written apart from the engine."""

from itertools import product

from steelyard.rebalancing.problem import L1_SCALE, AssetRow, Norm, Piece, Problem

Key = tuple[int, int, int, tuple[int, ...]]


def brute_force(problem: Problem) -> Key | None:
    """Objective, trades, turnover and k of the answer that comes first; None without one."""
    keys = (_key(problem, choice) for choice in product(*map(_choices, problem.assets)))
    return min((key for key in keys if key is not None), default=None)


def _choices(asset: AssetRow) -> list[tuple[Piece, int]]:
    return [(piece, k) for piece in asset.pieces for k in range(piece.first, piece.last + 1)]


def _key(problem: Problem, choice: tuple[tuple[Piece, int], ...]) -> Key | None:
    cash = problem.cash - sum(p.cash_fixed + p.cash_per_step * k for p, k in choice)
    gain = sum(p.gain_fixed + p.gain_per_step * k for p, k in choice)
    if cash < problem.cash_floor or (problem.gain_limit is not None and gain > problem.gain_limit):
        return None
    objective = problem.charge_rate * sum(p.charge_fixed + p.charge_per_step * k for p, k in choice)
    for asset, (_, k) in zip(problem.assets, choice, strict=True):
        objective += _drift(problem.norm, asset.value + asset.price * k, asset.low, asset.high)
    if problem.cash_target is not None:
        objective += _drift(problem.norm, cash, problem.cash_target, problem.cash_target)
    trades = tuple(k for _, k in choice)
    turnover = sum(asset.price * abs(k) for asset, k in zip(problem.assets, trades, strict=True))
    return objective, sum(k != 0 for k in trades), turnover, trades


def _drift(norm: Norm, value: int, low: int, high: int) -> int:
    excess = max(low - value, value - high, 0)
    return excess**2 if norm is Norm.L2 else L1_SCALE * excess
