"""The problem with a price on cash and on gains instead of a limit: every asset then has its best trade for itself.

With prices λ on cash and μ on gains, the cost of a trade is drift + charges + λ · cash + μ · gain. The sum of the
least costs, less what the limits are worth, is below every answer: the root bound. Every other trade k of an asset
costs some r(k) >= 0 more than its best one, and for each answer

    objective = root bound + Σ r(k) + what the cash left over costs + μ · gain left over

exactly, in whole numbers, whatever the prices are. Floats below choose prices; they decide nothing else.

Reference: Fisher, "The Lagrangian relaxation method for solving integer programming problems", 1981.
"""

from typing import Final, NamedTuple

from steelyard.rebalancing.cells import (
    ASSET,
    BEST,
    BEST_PIECE,
    CASH_FIXED,
    CASH_STEP,
    COST_FIXED,
    COST_STEP,
    FIRST,
    GAIN_FIXED,
    GAIN_STEP,
    HIGH,
    LAST,
    LEAST,
    LOW,
    PIECE,
    PIECES,
    PIECES_END,
    PRICE,
    VALUE,
    Account,
    Cells,
)
from steelyard.rebalancing.problem import L1_SCALE

L1: Final = 1


class Prices(NamedTuple):
    """Objective units of one money unit: λ of cash, μ >= 0 of gain."""

    cash: int
    gain: int


# ── One trade ───────────────────────────────────────────────────────────────────────────────────────────────


def cash_of(cells: Cells, piece: int, steps: int) -> int:
    """Cash that one trade uses."""
    return cells[piece + CASH_FIXED] + cells[piece + CASH_STEP] * steps


def gain_of(cells: Cells, piece: int, steps: int) -> int:
    """Gain that one trade realises."""
    return cells[piece + GAIN_FIXED] + cells[piece + GAIN_STEP] * steps


def drift_of(cells: Cells, norm: int, asset: int, steps: int) -> int:
    """Drift that one trade leaves, objective units."""
    value = cells[asset + VALUE] + cells[asset + PRICE] * steps
    excess = 0
    if value < cells[asset + LOW]:
        excess = cells[asset + LOW] - value
    elif value > cells[asset + HIGH]:
        excess = value - cells[asset + HIGH]
    return excess * L1_SCALE if norm == L1 else excess * excess


def cost_of(cells: Cells, norm: int, asset: int, piece: int, steps: int, prices: Prices) -> int:
    """Drift + charges + λ · cash + μ · gain of one trade."""
    charges = cells[piece + COST_FIXED] + cells[piece + COST_STEP] * steps
    priced = prices.cash * cash_of(cells, piece, steps) + prices.gain * gain_of(cells, piece, steps)
    return drift_of(cells, norm, asset, steps) + charges + priced


# ── The best trade ──────────────────────────────────────────────────────────────────────────────────────────


def clamp(number: int, first: int, last: int) -> int:
    """Give the number of a run that is nearest."""
    if number < first:
        return first
    return min(number, last)


def best_of_piece(cells: Cells, norm: int, asset: int, piece: int, prices: Prices) -> int:
    """Give the steps of least cost in a piece."""
    first, last = cells[piece + FIRST], cells[piece + LAST]
    slope = (
        cells[piece + COST_STEP]
        + prices.cash * cells[piece + CASH_STEP]
        + prices.gain * cells[piece + GAIN_STEP]
    )
    if norm != L1 and cells[asset + LOW] == cells[asset + HIGH]:
        width = 2 * cells[asset + PRICE] * cells[asset + PRICE]
        nearest = _parabola(cells, asset, cells[asset + LOW], slope) + width // 2 - 1
        return clamp(nearest // width, first, last)
    steps = _valley(cells, norm, asset, slope, first, last)
    here, there = clamp(steps, first, last), clamp(steps + 1, first, last)
    if there == here:
        return here
    cost = cost_of(cells, norm, asset, piece, here, prices)
    return there if cost_of(cells, norm, asset, piece, there, prices) < cost else here


def _parabola(cells: Cells, asset: int, edge: int, slope: int) -> int:
    """Give where drift² from `edge` + slope · k is least, times 2 · price²."""
    return 2 * cells[asset + PRICE] * (edge - cells[asset + VALUE]) - slope


def _valley(cells: Cells, norm: int, asset: int, slope: int, first: int, last: int) -> int:
    """Give k such that k or k + 1 has the least drift + slope · k, or the end of the piece towards which it falls."""
    value, price = cells[asset + VALUE], cells[asset + PRICE]
    if slope == 0:
        return _nearest_in_band(cells, asset)
    edge = cells[asset + LOW] if slope > 0 else cells[asset + HIGH]
    if norm != L1:
        return _parabola(cells, asset, edge, slope) // (2 * price * price)
    if abs(slope) > price * L1_SCALE:
        return first - 1 if slope > 0 else last
    return (edge - value) // price


def _nearest_in_band(cells: Cells, asset: int) -> int:
    """Give the k nearest to 0 whose value is in the band; where none is, the last one below it."""
    value, price = cells[asset + VALUE], cells[asset + PRICE]
    first, last = -((value - cells[asset + LOW]) // price), (cells[asset + HIGH] - value) // price
    return clamp(0, first, last) if first <= last else last


def best_of_asset(cells: Cells, norm: int, asset: int, prices: Prices) -> tuple[int, int, int]:
    """Give piece, steps and cost of an asset's best trade; among equals the one nearest to no trade."""
    best_piece, best, least = -1, 0, 0
    for piece in range(cells[asset + PIECES], cells[asset + PIECES_END], PIECE):
        steps = best_of_piece(cells, norm, asset, piece, prices)
        cost = cost_of(cells, norm, asset, piece, steps, prices)
        if best_piece < 0 or cost < least or (cost == least and abs(steps) < abs(best)):
            best_piece, best, least = piece, steps, cost
    return best_piece, best, least


def relax(cells: Cells, account: Account, prices: Prices) -> tuple[int, int]:
    """Write down each asset's best trade; return the cash and the gain left over."""
    cash_left, gain_left = account.room, account.gain_room
    for asset in range(0, account.assets_end, ASSET):
        piece, steps, cost = best_of_asset(cells, account.norm, asset, prices)
        cells[asset + BEST_PIECE], cells[asset + BEST], cells[asset + LEAST] = piece, steps, cost
        cash_left -= cash_of(cells, piece, steps)
        gain_left -= gain_of(cells, piece, steps)
    return cash_left, gain_left


def left_over(cells: Cells, account: Account, prices: Prices) -> tuple[int, int]:
    """Give the cash and the gain that the best trades leave over, as `relax` does."""
    cash_left, gain_left = account.room, account.gain_room
    for asset in range(0, account.assets_end, ASSET):
        piece = cells[asset + PIECES]
        if cells[asset + PIECES_END] == piece + PIECE:
            steps = best_of_piece(cells, account.norm, asset, piece, prices)
        else:
            piece, steps, _ = best_of_asset(cells, account.norm, asset, prices)
        cash_left -= cash_of(cells, piece, steps)
        gain_left -= gain_of(cells, piece, steps)
    return cash_left, gain_left


# ── Cash ────────────────────────────────────────────────────────────────────────────────────────────────────


def best_rest(account: Account, cash_price: int) -> int:
    """Give the cash left over, 0 or more, at which its drift + λ · cash is least."""
    if account.cash_norm != L1:
        return max(0, (2 * account.cash_rest - cash_price) // 2)
    return 0 if cash_price > account.cash_scale else max(0, account.cash_rest)


def rest_cost(account: Account, left: int, cash_price: int) -> int:
    """Give what the cash left over costs above the least it could cost."""
    best = best_rest(account, cash_price)
    return _cash_drift(account, left) - _cash_drift(account, best) + cash_price * (left - best)


def _cash_drift(account: Account, left: int) -> int:
    excess = left - account.cash_rest
    return abs(excess) * account.cash_scale if account.cash_norm == L1 else excess * excess


# ── Prices ──────────────────────────────────────────────────────────────────────────────────────────────────


def price_cash(cells: Cells, account: Account, gain_price: int) -> int:
    """Find the lowest λ at which the best trades leave the cash there should be, or the highest price."""
    low = -account.cash_scale if account.cash_norm == L1 else 0
    excess = _excess(cells, account, low, gain_price)
    if excess >= 0 and account.cash_norm == L1:
        return low
    away = -1 if excess >= 0 else 1
    step = _first_step(account, excess)
    high, more = low, excess
    while (more >= 0) == (excess >= 0) and abs(high) < account.highest:
        low, excess = high, more
        high, step = clamp(high + away * step, -account.highest, account.highest), 2 * step
        more = _excess(cells, account, high, gain_price)
    if excess > more:
        low, excess, high, more = high, more, low, excess
    return _close_in(cells, account, gain_price, low, excess, high, more)


def _first_step(account: Account, excess: int) -> int:
    """Guess how far λ is: the best trade of an asset moves a unit of money for 2 units of λ."""
    if account.norm == L1:
        return L1_SCALE // 4
    return 2 * abs(excess) // max(account.assets_end // ASSET, 1) + 1


def _close_in(
    cells: Cells, account: Account, gain_price: int, low: int, excess: int, high: int, more: int
) -> int:
    """Narrow down from a λ that leaves too little (`excess` < 0) and one that leaves enough to two neighbours."""
    if not excess < 0 <= more:
        return high  # no price in reach is the right one
    interpolate, enough = True, _worth_narrowing(cells, account)
    while high - low > 1 and float(high - low) * float(more) > enough:
        width = high - low
        middle = low + width // 2
        if interpolate:
            share = float(excess) / (float(excess) - float(more))
            middle = clamp(low + int(share * float(width)), low + 1, high - 1)
        left = _excess(cells, account, middle, gain_price)
        if left >= 0:
            high, more = middle, left
        else:
            low, excess = middle, left
        interpolate = 2 * (high - low) <= width
    return high


def _worth_narrowing(cells: Cells, account: Account) -> float:
    """Give what a bound may lose for a search in fewer steps: little beside what one step of any asset can cost."""
    cheapest = float(account.highest)
    for asset in range(0, account.assets_end, ASSET):
        cheapest = min(cheapest, float(cells[asset + PRICE]))
    return cheapest * (float(L1_SCALE) if account.norm == L1 else cheapest) / 64.0


def _excess(cells: Cells, account: Account, cash_price: int, gain_price: int) -> int:
    """Give the cash that the best trades leave beyond what is best to leave."""
    cash_left, _ = left_over(cells, account, Prices(cash_price, gain_price))
    return cash_left - best_rest(account, cash_price)


def find_prices(cells: Cells, account: Account) -> Prices:
    """Find λ, and the lowest μ at which gains keep to their limit, or the highest price."""
    low, high, step = 0, 0, L1_SCALE // 16 if account.norm == L1 else 1
    cash_price = price_cash(cells, account, 0)
    if account.is_limited == 0:
        return Prices(cash_price, 0)
    while _gain_left(cells, account, cash_price, high) < 0 and high < account.highest:
        low, high, step = high, min(high + step, account.highest), 4 * step
        cash_price = price_cash(cells, account, high)
    while high - low > 1:
        middle = low + (high - low) // 2
        at_middle = price_cash(cells, account, middle)
        if _gain_left(cells, account, at_middle, middle) < 0:
            low = middle
        else:
            high, cash_price = middle, at_middle
    return Prices(cash_price, high)


def _gain_left(cells: Cells, account: Account, cash_price: int, gain_price: int) -> int:
    _, gain_left = left_over(cells, account, Prices(cash_price, gain_price))
    return gain_left
