"""A first answer: each asset's best trade for itself, put right one trade at a time until it is allowed, then improved.

How good it is decides how much the search must look at; whether it is best, the search decides.
"""

import math
from typing import Final

from steelyard.rebalancing.relaxation import (
    Prices,
    best_of_piece,
    cash_of,
    clamp,
    cost_of,
    gain_of,
    rest_cost,
)
from steelyard.rebalancing.room import Tree
from steelyard.rebalancing.rows import Account, Rows

ONE_LESS: Final = 0
ONE_MORE: Final = 1
AS_PAID: Final = 2
AS_WANTED: Final = 3
BEST: Final = 4
AS_TAXED: Final = 5


def first_answer(
    rows: Rows, account: Account, tree: Tree, prices: Prices, cash_left: int, gain_left: int
) -> int:
    """Put a first answer into `tree.answer`; return how far it is above the root bound, `account.far` without one."""
    for asset in range(account.assets):
        tree.now_piece[asset], tree.now[asset] = tree.best_piece[asset], tree.best[asset]
    tree.left[0], tree.left[1] = cash_left, gain_left
    _improve(rows, account, tree, prices)
    tree.record[0], tree.record[1] = account.far, account.far
    if missing(account, tree.left[0], tree.left[1]) > 0:
        return account.far
    cost = left_cost(account, prices, tree.left[0], tree.left[1])
    for asset in range(account.assets):
        piece, steps = tree.now_piece[asset], tree.now[asset]
        cost += cost_of(rows, account.norm, asset, piece, steps, prices) - tree.least[asset]
        if cost >= account.far >> 2:
            return account.far
    keep(rows, account, tree)
    return cost


def keep(rows: Rows, account: Account, tree: Tree) -> None:
    """Make the answer built the best one."""
    trades, turnover = 0, 0
    for asset in range(account.assets):
        steps = tree.now[asset]
        tree.answer[asset] = steps
        trades += 1 if steps != 0 else 0
        turnover += rows.price[asset] * abs(steps)
    tree.record[0], tree.record[1] = trades, turnover


def missing(account: Account, cash_left: int, gain_left: int) -> int:
    """How far cash and gains are from being allowed, money; 0 where they are."""
    short = max(0, -cash_left)
    return short + max(0, -gain_left) if account.is_limited else short


def left_cost(account: Account, prices: Prices, cash_left: int, gain_left: int) -> int:
    """Give what cash and gain left over cost above the least they could."""
    cost = rest_cost(account, cash_left, prices.cash)
    return cost + prices.gain * gain_left if account.is_limited else cost


def _improve(rows: Rows, account: Account, tree: Tree, prices: Prices) -> None:
    """Change one trade at a time, the best first, until the answer is allowed and no single change makes it better.

    `tree.left` stays negative where no way into the limits was found.
    """
    while True:
        chosen, best, best_piece, best_steps = -1, math.inf, 0, 0
        for asset in range(account.assets):
            score, piece, steps = _best_change(rows, account, tree, prices, asset)
            if score < best:
                chosen, best, best_piece, best_steps = asset, score, piece, steps
        if chosen < 0:
            return
        piece, steps = tree.now_piece[chosen], tree.now[chosen]
        tree.left[0] += cash_of(rows, piece, steps) - cash_of(rows, best_piece, best_steps)
        tree.left[1] += gain_of(rows, piece, steps) - gain_of(rows, best_piece, best_steps)
        tree.now_piece[chosen], tree.now[chosen] = best_piece, best_steps


def _best_change(
    rows: Rows, account: Account, tree: Tree, prices: Prices, asset: int
) -> tuple[float, int, int]:
    """Find the change of an asset that helps most: its score (the lower the better, inf = none), piece and steps."""
    now_piece, now = tree.now_piece[asset], tree.now[asset]
    short = missing(account, tree.left[0], tree.left[1])
    cost = cost_of(rows, account.norm, asset, now_piece, now, prices)
    if short == 0:
        cost += left_cost(account, prices, tree.left[0], tree.left[1])
    cash_most, gain_most = (
        tree.left[0] + cash_of(rows, now_piece, now),
        tree.left[1] + gain_of(rows, now_piece, now),
    )
    best, best_piece, best_steps = math.inf, 0, 0
    for piece in range(rows.start[asset], rows.start[asset + 1]):
        kinds = AS_TAXED + 1 if account.is_limited else BEST + 1 if piece != now_piece else BEST
        for kind in range(kinds):
            steps = _proposal(rows, account.norm, prices, asset, piece, now, kind, cash_most, gain_most)
            if piece == now_piece and steps == now:
                continue
            cash, gain = cash_most - cash_of(rows, piece, steps), gain_most - gain_of(rows, piece, steps)
            still = missing(account, cash, gain)
            if still > 0 and still >= short:
                continue
            change = cost_of(rows, account.norm, asset, piece, steps, prices) - cost
            if short > 0:
                score = float(change) / float(short - still)
            else:
                change += left_cost(account, prices, cash, gain)
                score = float(change) if change < 0 else math.inf
            if score < best:
                best, best_piece, best_steps = score, piece, steps
    return best, best_piece, best_steps


def _proposal(
    rows: Rows,
    norm: int,
    prices: Prices,
    asset: int,
    piece: int,
    now: int,
    kind: int,
    cash_most: int,
    gain_most: int,
) -> int:
    """Give another trade within a piece.

    By kind: one step less, one more, all that `cash_most` pays for, of that no more than the asset wants, the best of
    the piece, what `gain_most` allows.
    """
    first, last, steps = rows.first[piece], rows.last[piece], now
    cash_step, gain_step = rows.cash_step[piece], rows.gain_step[piece]
    if kind == ONE_LESS:
        steps = now - 1
    elif kind == ONE_MORE:
        steps = now + 1
    elif kind == BEST:
        steps = best_of_piece(rows, norm, asset, piece, prices)
    elif kind == AS_TAXED and gain_step != 0:
        spare = gain_most - rows.gain_fixed[piece]
        steps = spare // gain_step if gain_step > 0 else -(spare // -gain_step)
    elif kind != AS_TAXED and cash_step > 0:
        steps = (cash_most - rows.cash_fixed[piece]) // cash_step
        if kind == AS_WANTED:
            steps = min(steps, best_of_piece(rows, norm, asset, piece, Prices(0, 0)))
    return clamp(steps, first, last)
