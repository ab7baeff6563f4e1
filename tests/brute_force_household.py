"""Every answer of a tiny household, one after the other: slow, plain and written apart from the engine."""

from collections.abc import Iterator
from itertools import product

from steelyard.rebalancing.household_problem import AccountPart, HouseholdProblem
from steelyard.rebalancing.problem import L1_SCALE, Piece

Choice = tuple[tuple[Piece, int], ...]
"""A piece and steps for each asset of an account."""


def best_of_household(problem: HouseholdProblem) -> int | None:
    """Return the lowest objective there is; None where nothing keeps the constraints."""
    costs = (cost_of_household(problem, answer) for answer in answers(problem))
    return min((cost for cost in costs if cost is not None), default=None)


def answers(problem: HouseholdProblem) -> Iterator[tuple[Choice, ...]]:
    return product(*(list(product(*map(_choices, account.pieces))) for account in problem.accounts))


def chosen(problem: HouseholdProblem, trades: tuple[tuple[int, ...], ...]) -> tuple[Choice, ...]:
    """Return the pieces that trades lie in; fails where one lies in none."""
    return tuple(
        tuple(
            next((piece, k) for piece in pieces if piece.first <= k <= piece.last)
            for pieces, k in zip(account.pieces, steps, strict=True)
        )
        for account, steps in zip(problem.accounts, trades, strict=True)
    )


def cost_of_household(problem: HouseholdProblem, answer: tuple[Choice, ...]) -> int | None:
    """Return the objective of an answer; None where it breaks a constraint."""
    values = [sum(account.values[asset] for account in problem.accounts) for asset in range(len(problem.low))]
    charge, gain, cash_left = problem.base_charge, 0, 0
    for account, choice in zip(problem.accounts, answer, strict=True):
        cash = account.cash - sum(piece.cash_fixed + piece.cash_per_step * k for piece, k in choice)
        if cash < account.cash_floor:
            return None
        cash_left += cash
        charge += sum(piece.charge_fixed + piece.charge_per_step * k for piece, k in choice)
        gain += sum(piece.gain_fixed + piece.gain_per_step * k for piece, k in choice)
        _add(values, account, choice)
    if problem.gain_limit is not None and gain > problem.gain_limit:
        return None
    if any(_buys_what_it_lost(problem, group, answer) for group in range(len(problem.groups))):
        return None
    drift = 0
    for value, low, high in zip(values, problem.low, problem.high, strict=True):
        drift += low - value if value < low else value - high if value > high else 0
    if problem.cash_target is not None:
        drift += abs(cash_left - problem.cash_target)
    return drift * L1_SCALE + charge


def _add(values: list[int], account: AccountPart, choice: Choice) -> None:
    for asset, (_, k) in enumerate(choice):
        values[asset] += account.prices[asset] * k


def _buys_what_it_lost(problem: HouseholdProblem, place: int, answer: tuple[Choice, ...]) -> bool:
    group = problem.groups[place]
    lost = bought = False
    for account, choice in enumerate(answer):
        for asset in group.assets:
            k = choice[asset][1]
            lost = lost or k < group.free_of_loss.get((account, asset), k)
            bought = bought or k > 0
    return lost and bought


def _choices(pieces: tuple[Piece, ...]) -> list[tuple[Piece, int]]:
    return [(piece, k) for piece in pieces for k in range(piece.first, piece.last + 1)]
