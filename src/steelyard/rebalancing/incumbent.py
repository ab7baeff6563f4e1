"""A first answer: each asset's best trade for itself, put right one trade at a time until it is allowed, then improved.

How good it is decides how much the search must look at; whether it is best, the search decides.
"""

import math
from typing import Final

from steelyard.rebalancing.cells import (
    ANSWER,
    ASSET,
    BEST,
    BEST_PIECE,
    CASH_FIXED,
    CASH_STEP,
    FIRST,
    GAIN_FIXED,
    GAIN_STEP,
    HIGH,
    LAST,
    LEAST,
    LEFT_CASH,
    LEFT_GAIN,
    LOW,
    NOW,
    NOW_PIECE,
    PIECE,
    PIECES,
    PIECES_END,
    PRICE,
    RECORD_TRADES,
    RECORD_TURNOVER,
    VALUE,
    Account,
    Cells,
)
from steelyard.rebalancing.relaxation import (
    Prices,
    best_of_piece,
    best_rest,
    cash_of,
    clamp,
    cost_of,
    gain_of,
    rest_cost,
)

IN_BAND: Final = 0
ONE_LESS: Final = 1
ONE_MORE: Final = 2
AS_WANTED: Final = 3
BEST_OF_PIECE: Final = 4
AS_PAID: Final = 5
AS_TAXED: Final = 6

MOST_CHANGES: Final = 64
"""Changes for each asset, and as many once more, after which a first answer is as good as it gets."""


def first_answer(
    cells: Cells, account: Account, notes: int, prices: Prices, cash_left: int, gain_left: int
) -> int:
    """Make a first answer the best one; return how far it is above the root bound, `far` without one."""
    for asset in range(0, account.assets_end, ASSET):
        cells[asset + NOW_PIECE], cells[asset + NOW] = cells[asset + BEST_PIECE], cells[asset + BEST]
    cells[notes + LEFT_CASH], cells[notes + LEFT_GAIN] = cash_left, gain_left
    _improve(cells, account, notes, prices)
    cash_left, gain_left = cells[notes + LEFT_CASH], cells[notes + LEFT_GAIN]
    cells[notes + RECORD_TRADES], cells[notes + RECORD_TURNOVER] = account.far, account.far
    if missing(account, cash_left, gain_left) > 0:
        return account.far
    cost = left_cost(account, prices, cash_left, gain_left)
    for asset in range(0, account.assets_end, ASSET):
        piece, steps = cells[asset + NOW_PIECE], cells[asset + NOW]
        if steps != cells[asset + BEST] or piece != cells[asset + BEST_PIECE]:
            cost += cost_of(cells, account.norm, asset, piece, steps, prices) - cells[asset + LEAST]
        if cost >= account.far >> 2:
            return account.far
    keep(cells, account, notes)
    return cost


def keep(cells: Cells, account: Account, notes: int) -> None:
    """Make the answer built the best one."""
    trades, turnover = 0, 0
    for asset in range(0, account.assets_end, ASSET):
        steps = cells[asset + NOW]
        cells[asset + ANSWER] = steps
        trades += 1 if steps != 0 else 0
        turnover += cells[asset + PRICE] * abs(steps)
    cells[notes + RECORD_TRADES], cells[notes + RECORD_TURNOVER] = trades, turnover


def missing(account: Account, cash_left: int, gain_left: int) -> int:
    """How far cash and gains are from being allowed, money; 0 where they are."""
    short = max(0, -cash_left)
    return short + max(0, -gain_left) if account.is_limited != 0 else short


def left_cost(account: Account, prices: Prices, cash_left: int, gain_left: int) -> int:
    """Give what cash and gain left over cost above the least they could."""
    cost = rest_cost(account, cash_left, prices.cash)
    return cost + prices.gain * gain_left if account.is_limited != 0 else cost


def _improve(cells: Cells, account: Account, notes: int, prices: Prices) -> None:
    """Change one trade at a time, the best first, until the answer is allowed and no single change makes it better.

    What is left stays negative where no way into the limits was found. No more than `MOST_CHANGES` are made for each
    asset, since a step may be as small as it likes.
    """
    for _ in range(MOST_CHANGES * (1 + account.assets_end // ASSET)):
        cash_left, gain_left = cells[notes + LEFT_CASH], cells[notes + LEFT_GAIN]
        if (
            missing(account, cash_left, gain_left) == 0
            and left_cost(account, prices, cash_left, gain_left) == 0
        ):
            return
        chosen, best, best_piece, best_steps = -1, math.inf, 0, 0
        for asset in range(0, account.assets_end, ASSET):
            score, piece, steps = _best_change(cells, account, prices, asset, cash_left, gain_left)
            if score < best:
                chosen, best, best_piece, best_steps = asset, score, piece, steps
        if chosen < 0:
            return
        piece, steps = cells[chosen + NOW_PIECE], cells[chosen + NOW]
        cells[notes + LEFT_CASH] += cash_of(cells, piece, steps) - cash_of(cells, best_piece, best_steps)
        cells[notes + LEFT_GAIN] += gain_of(cells, piece, steps) - gain_of(cells, best_piece, best_steps)
        cells[chosen + NOW_PIECE], cells[chosen + NOW] = best_piece, best_steps


def _best_change(
    cells: Cells, account: Account, prices: Prices, asset: int, cash_left: int, gain_left: int
) -> tuple[float, int, int]:
    """Find the change of an asset that helps most: its score (the lower the better, inf = none), piece and steps."""
    now_piece, now = cells[asset + NOW_PIECE], cells[asset + NOW]
    short = missing(account, cash_left, gain_left)
    cost = cost_of(cells, account.norm, asset, now_piece, now, prices)
    if short == 0:
        cost += left_cost(account, prices, cash_left, gain_left)
    cash_most, gain_most = (
        cash_left + cash_of(cells, now_piece, now),
        gain_left + gain_of(cells, now_piece, now),
    )
    kinds = AS_WANTED + 1 if short == 0 else AS_TAXED + account.is_limited
    best, best_piece, best_steps = math.inf, 0, 0
    for piece in range(cells[asset + PIECES], cells[asset + PIECES_END], PIECE):
        for kind in range(kinds if piece == now_piece else AS_TAXED + account.is_limited):
            steps = _proposal(cells, account, prices, asset, piece, now, kind, cash_most, gain_most)
            cash, gain = cash_most - cash_of(cells, piece, steps), gain_most - gain_of(cells, piece, steps)
            still = missing(account, cash, gain)
            if still > 0 and still >= short:
                continue
            change = cost_of(cells, account.norm, asset, piece, steps, prices) - cost
            if short > 0:
                score = float(change) / float(short - still) if still < short else math.inf
            else:
                change += left_cost(account, prices, cash, gain)
                score = float(change) if change < 0 else math.inf
            if score < best:
                best, best_piece, best_steps = score, piece, steps
    return best, best_piece, best_steps


def _proposal(
    cells: Cells,
    account: Account,
    prices: Prices,
    asset: int,
    piece: int,
    now: int,
    kind: int,
    cash_most: int,
    gain_most: int,
) -> int:
    """Give another trade within a piece.

    By kind: where in the asset's band cash is best, one step less, one more, what `cash_most` pays for but no more
    than the asset wants, the best of the piece, all that `cash_most` pays for, what `gain_most` allows.
    """
    first, last, steps = cells[piece + FIRST], cells[piece + LAST], now
    cash_step, gain_step = cells[piece + CASH_STEP], cells[piece + GAIN_STEP]
    if kind == ONE_LESS:
        steps = now - 1
    elif kind == ONE_MORE:
        steps = now + 1
    elif kind == BEST_OF_PIECE:
        steps = best_of_piece(cells, account.norm, asset, piece, prices)
    elif kind == AS_TAXED and gain_step != 0:
        spare = gain_most - cells[piece + GAIN_FIXED]
        steps = spare // gain_step if gain_step > 0 else -(spare // -gain_step)
    elif kind != AS_TAXED and cash_step > 0:
        kept = best_rest(account, prices.cash) if kind == IN_BAND else 0
        steps = (cash_most - cells[piece + CASH_FIXED] - kept) // cash_step
        if kind == IN_BAND:
            steps = _within_band(cells, asset, now, steps)
        elif kind == AS_WANTED:
            steps = min(steps, best_of_piece(cells, account.norm, asset, piece, Prices(0, 0)))
    return clamp(steps, first, last)


def _within_band(cells: Cells, asset: int, now: int, steps: int) -> int:
    """Give the steps nearest to `steps` that end in the asset's band, where any costs the same; `now` without one."""
    value, price = cells[asset + VALUE], cells[asset + PRICE]
    first, last = -((value - cells[asset + LOW]) // price), (cells[asset + HIGH] - value) // price
    return clamp(steps, first, last) if first < last else now
