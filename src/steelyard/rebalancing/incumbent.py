"""A first answer: each asset's best trade for itself, put right one trade at a time until it is allowed, then improved.

How good it is decides how many trades the search must look at; whether it is best, the search decides.
"""

import math
from typing import Final

from steelyard.rebalancing.relaxation import best_of_piece, clamp, cost_at, tail_cost
from steelyard.rebalancing.rows import Account, Ints, Rows

MOVES: Final = 5
"""Kinds of `proposal`; one more where gains have a limit."""


def shortfall(account: Account, cash_left: int, gain_left: int) -> int:
    """How far cash and gains are from being allowed, money; 0 where they are."""
    missing = max(0, -cash_left)
    return missing + max(0, -gain_left) if account.is_limited else missing


def cash_of(rows: Rows, piece: int, steps: int) -> int:
    """Cash that one trade uses."""
    return rows.cash_fixed[piece] + rows.cash_step[piece] * steps


def gain_of(rows: Rows, piece: int, steps: int) -> int:
    """Gain that one trade realises."""
    return rows.gain_fixed[piece] + rows.gain_step[piece] * steps


def proposal(
    rows: Rows,
    account: Account,
    asset: int,
    piece: int,
    steps: int,
    kind: int,
    cash_price: int,
    gain_price: int,
    cash_most: int,
    gain_most: int,
) -> int:
    """Give another trade of an asset within a piece.

    By kind: the best of the piece; one step less and one more; all that `cash_most` pays; of that no more than the
    asset wants; what `gain_most` allows.
    """
    first, last = rows.first[piece], rows.last[piece]
    if kind == 0:
        return best_of_piece(rows, account.norm, asset, piece, cash_price, gain_price)
    if kind == 1:
        return clamp(steps - 1, first, last)
    if kind == 2:
        return clamp(steps + 1, first, last)
    if kind == 5:
        per_step = rows.gain_step[piece]
        spare = gain_most - rows.gain_fixed[piece]
        return clamp(steps if per_step == 0 else _reach(spare, per_step), first, last)
    if rows.cash_step[piece] <= 0:
        return clamp(steps, first, last)
    k = clamp((cash_most - rows.cash_fixed[piece]) // rows.cash_step[piece], first, last)
    return k if kind == 3 else min(k, best_of_piece(rows, account.norm, asset, piece, 0, 0))


def _reach(spare: int, per_step: int) -> int:
    """Give the k furthest in its direction with per_step · k <= spare."""
    return spare // per_step if per_step > 0 else -(spare // -per_step)


def improve(
    rows: Rows, account: Account, now_piece: Ints, now: Ints, left: Ints, cash_price: int, gain_price: int
) -> None:
    """Change one trade at a time, the best first, until the answer is allowed and no single change makes it better.

    `left` holds cash and gain left over; either stays negative where no way into the limits was found.
    """
    while True:
        chosen, best, piece, steps = -1, math.inf, 0, 0
        for asset in range(account.assets):
            score, other_piece, other = best_change(
                rows, account, asset, now_piece[asset], now[asset], left[0], left[1], cash_price, gain_price
            )
            if score < best:
                chosen, best, piece, steps = asset, score, other_piece, other
        if chosen < 0:
            return
        left[0] += cash_of(rows, now_piece[chosen], now[chosen]) - cash_of(rows, piece, steps)
        left[1] += gain_of(rows, now_piece[chosen], now[chosen]) - gain_of(rows, piece, steps)
        now_piece[chosen], now[chosen] = piece, steps


def best_change(
    rows: Rows,
    account: Account,
    asset: int,
    piece_now: int,
    now: int,
    cash_left: int,
    gain_left: int,
    cash_price: int,
    gain_price: int,
) -> tuple[float, int, int]:
    """Find the change of one asset that helps most: its score (the lower the better, inf = none), piece and steps."""
    missing = shortfall(account, cash_left, gain_left)
    cost = cost_at(rows, account.norm, asset, piece_now, now, cash_price, gain_price)
    if missing == 0:
        cost += tail_cost(account, cash_left, cash_price) + gain_price * gain_left
    cash_most = cash_left + cash_of(rows, piece_now, now)
    gain_most = gain_left + gain_of(rows, piece_now, now)
    best, best_piece, best_steps = math.inf, 0, 0
    for piece in range(rows.start[asset], rows.start[asset + 1]):
        for kind in range(MOVES + account.is_limited):
            k = proposal(rows, account, asset, piece, now, kind, cash_price, gain_price, cash_most, gain_most)
            cash, gain = cash_most - cash_of(rows, piece, k), gain_most - gain_of(rows, piece, k)
            still = shortfall(account, cash, gain)
            if still > 0 and still >= missing:
                continue
            change = cost_at(rows, account.norm, asset, piece, k, cash_price, gain_price) - cost
            if missing > 0:
                score = float(change) / float(missing - still)
            else:
                change += tail_cost(account, cash, cash_price) + gain_price * gain
                score = float(change) if change < 0 else math.inf
            if score < best:
                best, best_piece, best_steps = score, piece, k
    return best, best_piece, best_steps
