"""The exact search: the best trades of one account, with the proof that none are better.

Multipliers give a bound below every answer (`relaxation`), one trade at a time an answer above it (`incumbent`); what
lies between is searched depth first (`tree`), and breadth first where that takes too long (`states`). Everything that
decides is a whole number. The same functions run in plain Python, here, and compiled, in `kernel`.
"""

from typing import Final

from steelyard.rebalancing.incumbent import improve, shortfall
from steelyard.rebalancing.problem import L1_SCALE, Norm, Problem, Solution, Status
from steelyard.rebalancing.relaxation import cost_at, price_gains, relax, tail_cost
from steelyard.rebalancing.rows import Account, Rows, asset_at, flatten
from steelyard.rebalancing.states import States, search_states
from steelyard.rebalancing.tree import (
    FAR,
    Tree,
    keep,
    list_candidates,
    search_tree,
    start_tree,
    sum_up,
)

NODE_LIMIT: Final = 50_000
STATE_LIMIT: Final = 50_000
CANDIDATES: Final = 1 << 16

NOT_FOUND: Final = FAR
"""The gap of an account without an answer; its bound is FAR too where it is proven that there is none."""


def search(
    rows: Rows, account: Account, tree: Tree, states: States, highest: int, node_limit: int
) -> tuple[int, int, int]:
    """Find the best answer of one account, into `tree.answer`.

    Returns how far it is above the root bound (NOT_FOUND where there is none), how far above it the best one is at
    least, and the nodes looked at. `highest` limits the multipliers.
    """
    cash_price, gain_price = price_gains(rows, account, tree.best_piece, tree.best, tree.least, highest)
    used, gained = relax(rows, account, tree.best_piece, tree.best, tree.least, cash_price, gain_price)
    cash_left, gain_left = account.room - used, account.gain_room - gained
    gap = first_answer(rows, account, tree, cash_left, gain_left, cash_price, gain_price)
    reach, nodes = gap, 0
    if gap == NOT_FOUND:
        reach = L1_SCALE
    while True:
        found, open_at, looked, unlisted = search_within(
            rows, account, tree, states, cash_left, gain_left, cash_price, gain_price, reach, node_limit
        )
        nodes += looked
        if found <= reach and tree.record[0] < FAR:
            return found, min(found, open_at, unlisted), nodes
        if open_at != FAR or reach == FAR // 2:
            return NOT_FOUND, min(open_at, unlisted), nodes
        reach = FAR // 2 if unlisted == FAR else max(4 * reach, unlisted)


def first_answer(
    rows: Rows,
    account: Account,
    tree: Tree,
    cash_left: int,
    gain_left: int,
    cash_price: int,
    gain_price: int,
) -> int:
    """Put a first answer into `tree.answer`; return how far it is above the root bound, NOT_FOUND without one."""
    for asset in range(account.assets):
        tree.now_piece[asset], tree.now[asset] = tree.best_piece[asset], tree.best[asset]
    tree.left[0], tree.left[1] = cash_left, gain_left
    tree.record[0], tree.record[1] = FAR, FAR
    improve(rows, account, tree.now_piece, tree.now, tree.left, cash_price, gain_price)
    if shortfall(account, tree.left[0], tree.left[1]) > 0:
        return NOT_FOUND
    cost = tail_cost(account, tree.left[0], cash_price)
    cost += gain_price * tree.left[1] if account.is_limited != 0 else 0
    trades, turnover = 0, 0
    for asset in range(account.assets):
        piece, steps = tree.now_piece[asset], tree.now[asset]
        cost += cost_at(rows, account.norm, asset, piece, steps, cash_price, gain_price)
        cost -= tree.least[asset]
        trades += 1 if steps != 0 else 0
        turnover += rows.price[asset] * abs(steps)
    keep(tree, account, trades, turnover)
    return cost


def search_within(
    rows: Rows,
    account: Account,
    tree: Tree,
    states: States,
    cash_left: int,
    gain_left: int,
    cash_price: int,
    gain_price: int,
    gap: int,
    node_limit: int,
) -> tuple[int, int, int, int]:
    """Search the answers up to `gap` above the root bound.

    Returns the gap of the best answer (`gap` where none was found), the least cost of what was left open (FAR = nothing),
    the nodes, and the least cost of a trade that was not listed.
    """
    levels, unlisted = list_candidates(tree, rows, account, cash_price, gain_price, gap)
    sum_up(tree, rows, levels, gap, cash_left, gain_left)
    start_tree(tree, rows, account, levels, cash_left, gain_left)
    gap, nodes, open_at, followed = search_tree(
        tree, rows, account, levels, cash_price, gain_price, gap, 1, node_limit
    )
    if open_at < gap and followed > 0:
        start_tree(tree, rows, account, levels, cash_left, gain_left)
        gap, more, open_at, _ = search_tree(
            tree, rows, account, levels, cash_price, gain_price, gap, 0, node_limit
        )
        nodes += more
    if open_at < gap:
        start_tree(tree, rows, account, levels, cash_left, gain_left)
        gap, more, beyond = search_states(tree, states, rows, account, levels, cash_price, gain_price, gap)
        nodes, open_at = nodes + more, max(open_at, beyond)
    return gap, open_at, nodes, unlisted


# ── A problem in plain Python ───────────────────────────────────────────────────────────────────────────────


def solve(problem: Problem, *, node_limit: int = NODE_LIMIT, state_limit: int = STATE_LIMIT) -> Solution:
    """Find the best trades of a problem."""
    flat = flatten(problem)
    if flat is None:
        return infeasible(problem, 0)
    rows, account = flat
    tree, states = room_for(account, state_limit)
    gap, bound, nodes = search(rows, account, tree, states, FAR, node_limit)
    return solution_of(problem, gap, bound, nodes, tree.answer)


def room_for(account: Account, state_limit: int) -> tuple[Tree, States]:
    n = account.assets + 1
    sizes = {
        "piece": CANDIDATES,
        "steps": CANDIDATES,
        "cost": CANDIDATES,
        "cash": CANDIDATES,
        "gain": CANDIDATES,
    }
    tree = Tree(*([0] * sizes.get(name, n) for name in Tree._fields))
    tree.left.append(0)
    tree.record.append(0)
    states = States(*([0] * (n if name == "layer" else state_limit + 1) for name in States._fields))
    return tree, states


def infeasible(problem: Problem, nodes: int) -> Solution:
    return Solution(Status.INFEASIBLE, (0,) * len(problem.assets), 0, 0, nodes)


def solution_of(problem: Problem, gap: int, bound: int, nodes: int, answer: list[int]) -> Solution:
    if gap == NOT_FOUND:
        return infeasible(problem, nodes)
    trades = tuple(answer[: len(problem.assets)])
    objective = objective_of(problem, trades)
    status = Status.OPTIMAL if bound == gap else Status.WITHIN_GAP
    return Solution(status, trades, objective, objective - (gap - bound), nodes)


def objective_of(problem: Problem, trades: tuple[int, ...]) -> int:
    scale = 1
    total = 0
    cash = problem.cash
    for asset, k in zip(problem.assets, trades, strict=True):
        used, charge, _ = asset_at(asset, k)
        v = asset.value + asset.price * k
        e = max(asset.low - v, v - asset.high, 0)
        total += (e * e if problem.norm == Norm.L2 else e * L1_SCALE) + problem.charge_rate * charge
        cash -= used
    if problem.cash_target is not None:
        e = abs(cash - problem.cash_target)
        total += e * e if problem.norm == Norm.L2 else e * L1_SCALE
    return total
