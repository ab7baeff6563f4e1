"""The problem with a price on cash and on gains instead of a limit: every asset then has its best trade for itself.

With multipliers `cash_price` (λ) and `gain_price` (μ ≥ 0) the cost of a trade is drift + charges + λ · cash + μ · gain.
Σ of the least costs, less what the limits are worth, is below every answer: the bound. Every other trade k of an asset
costs some r(k) ≥ 0 more than its best one, and for each answer

    objective = bound + Σ r(k) + what the cash left over costs + μ · gain left over

exactly, in whole numbers, whatever the multipliers are. Floats below choose multipliers; they decide nothing else.

Reference: Fisher, "The Lagrangian relaxation method for solving integer programming problems", 1981.
"""

from typing import Final

from steelyard.rebalancing.problem import L1_SCALE
from steelyard.rebalancing.rows import Account, Ints, Rows

L1: Final = 1


def drift_of(norm: int, value: int, low: int, high: int) -> int:
    """Drift of a value from a band, objective units."""
    excess = 0
    if value < low:
        excess = low - value
    elif value > high:
        excess = value - high
    return excess * L1_SCALE if norm == L1 else excess * excess


def cost_at(
    rows: Rows, norm: int, asset: int, piece: int, steps: int, cash_price: int, gain_price: int
) -> int:
    """Drift + charges + λ · cash + μ · gain of one trade."""
    drift = drift_of(norm, rows.value[asset] + rows.price[asset] * steps, rows.low[asset], rows.high[asset])
    cost = rows.cost_fixed[piece] + rows.cost_step[piece] * steps
    cash = rows.cash_fixed[piece] + rows.cash_step[piece] * steps
    gain = rows.gain_fixed[piece] + rows.gain_step[piece] * steps
    return drift + cost + cash_price * cash + gain_price * gain


def clamp(steps: int, first: int, last: int) -> int:
    """Give the number of a run that is nearest."""
    if steps < first:
        return first
    return min(steps, last)


def valley(rows: Rows, norm: int, asset: int, slope: int) -> int:
    """Give k such that k or k + 1 has the least drift + slope · k, were all k allowed; far out where it has no end."""
    value, price = rows.value[asset], rows.price[asset]
    edge = rows.low[asset] if slope > 0 else rows.high[asset]
    if norm != L1:
        return (2 * price * (edge - value) - slope) // (2 * price * price)
    if slope > price * L1_SCALE:
        return FAR_DOWN
    if slope < -price * L1_SCALE:
        return FAR_UP
    return (edge - value) // price


FAR_UP: Final = 1 << 60
FAR_DOWN: Final = -(1 << 60)


def flat_valley(rows: Rows, asset: int) -> int:
    """Give the k nearest to 0 whose value is in the band; where none is, the last one below."""
    value, price = rows.value[asset], rows.price[asset]
    first, last = -((value - rows.low[asset]) // price), (rows.high[asset] - value) // price
    if first <= last:
        return clamp(0, first, last)
    return last


def best_of_piece(rows: Rows, norm: int, asset: int, piece: int, cash_price: int, gain_price: int) -> int:
    """Give the steps of least cost in a piece."""
    slope = rows.cost_step[piece] + cash_price * rows.cash_step[piece] + gain_price * rows.gain_step[piece]
    steps = flat_valley(rows, asset) if slope == 0 else valley(rows, norm, asset, slope)
    here = clamp(steps, rows.first[piece], rows.last[piece])
    there = clamp(steps + 1, rows.first[piece], rows.last[piece])
    if there == here:
        return here
    cost_here = cost_at(rows, norm, asset, piece, here, cash_price, gain_price)
    cost_there = cost_at(rows, norm, asset, piece, there, cash_price, gain_price)
    return there if cost_there < cost_here else here


def relax(
    rows: Rows,
    account: Account,
    best_piece: Ints,
    best: Ints,
    least: Ints,
    cash_price: int,
    gain_price: int,
) -> tuple[int, int]:
    """Find each asset's trade of least cost; return the cash it uses and the gain it realises, summed."""
    used, gained = 0, 0
    for asset in range(account.assets):
        chosen, steps, cost = -1, 0, 0
        for piece in range(rows.start[asset], rows.start[asset + 1]):
            k = best_of_piece(rows, account.norm, asset, piece, cash_price, gain_price)
            cost_k = cost_at(rows, account.norm, asset, piece, k, cash_price, gain_price)
            if chosen < 0 or cost_k < cost or (cost_k == cost and abs(k) < abs(steps)):
                chosen, steps, cost = piece, k, cost_k
        best_piece[asset], best[asset], least[asset] = chosen, steps, cost
        used += rows.cash_fixed[chosen] + rows.cash_step[chosen] * steps
        gained += rows.gain_fixed[chosen] + rows.gain_step[chosen] * steps
    return used, gained


# ── Cash ────────────────────────────────────────────────────────────────────────────────────────────────────


def cash_cost(account: Account, left: int, cash_price: int) -> int:
    """Drift of cash + λ · cash, for the room left over."""
    return drift_of_cash(account, left) + cash_price * left


def drift_of_cash(account: Account, left: int) -> int:
    """Drift of cash alone, for the room left over; 0 where cash has no target."""
    excess = left - account.cash_rest
    return abs(excess) * account.cash_scale if account.cash_norm == L1 else excess * excess


def best_rest(account: Account, cash_price: int) -> int:
    """Give the room left over of least `cash_cost`: 0 or more."""
    if account.cash_norm != L1:
        return max(0, (2 * account.cash_rest - cash_price) // 2)
    return 0 if cash_price > account.cash_scale else max(0, account.cash_rest)


def tail_cost(account: Account, left: int, cash_price: int) -> int:
    """Give what the room left over costs above the least it could cost."""
    least = cash_cost(account, best_rest(account, cash_price), cash_price)
    return cash_cost(account, left, cash_price) - least


# ── Multipliers ─────────────────────────────────────────────────────────────────────────────────────────────


def price_cash(
    rows: Rows, account: Account, best_piece: Ints, best: Ints, least: Ints, gain_price: int, highest: int
) -> int:
    """Find the lowest λ at which the best trades leave the cash they should, or `highest`."""
    low = -account.cash_scale if account.cash_norm == L1 else 0
    excess = _excess(rows, account, best_piece, best, least, low, gain_price)
    step = _first_step(account, excess)
    high, excess_high = low, excess
    if excess >= 0:
        if account.cash_norm == L1:
            return low
        while excess >= 0 and low > -highest:
            high, excess_high = low, excess
            low, step = max(low - step, -highest), 2 * step
            excess = _excess(rows, account, best_piece, best, least, low, gain_price)
    while excess_high < 0 and high < highest:
        low, excess = high, excess_high
        high, step = min(high + step, highest), 2 * step
        excess_high = _excess(rows, account, best_piece, best, least, high, gain_price)
    return _close_in(rows, account, best_piece, best, least, gain_price, low, excess, high, excess_high)


def _first_step(account: Account, excess: int) -> int:
    """Guess how far λ is: a money unit of drift squared yields to 2 units of λ, spread over the assets."""
    if account.norm == L1:
        return L1_SCALE // 4
    return 2 * abs(excess) // max(account.assets, 1) + 1


def _close_in(
    rows: Rows,
    account: Account,
    best_piece: Ints,
    best: Ints,
    least: Ints,
    gain_price: int,
    low: int,
    excess: int,
    high: int,
    excess_high: int,
) -> int:
    """Halve, or interpolate, between λ that leaves too little and λ that leaves enough, until they are neighbours."""
    interpolate = True
    while high - low > 1:
        width = high - low
        middle = low + width // 2
        if interpolate:
            share = -float(excess) / (float(excess_high) - float(excess))
            middle = clamp(low + int(share * float(width)), low + 1, high - 1)
        left = _excess(rows, account, best_piece, best, least, middle, gain_price)
        if left >= 0:
            high, excess_high = middle, left
        else:
            low, excess = middle, left
        interpolate = 2 * (high - low) <= width
    return high


def _excess(
    rows: Rows,
    account: Account,
    best_piece: Ints,
    best: Ints,
    least: Ints,
    cash_price: int,
    gain_price: int,
) -> int:
    """Give the cash that the best trades leave beyond what should be left."""
    used, _ = relax(rows, account, best_piece, best, least, cash_price, gain_price)
    return account.room - used - best_rest(account, cash_price)


def price_gains(
    rows: Rows, account: Account, best_piece: Ints, best: Ints, least: Ints, highest: int
) -> tuple[int, int]:
    """Find the multipliers λ and μ: the lowest μ at which the gains keep to their limit, or `highest`."""
    low, high, step = 0, 0, 1 if account.norm != L1 else L1_SCALE // 16
    cash_price = price_cash(rows, account, best_piece, best, least, 0, highest)
    if account.is_limited == 0:
        return cash_price, 0
    while _gained(rows, account, best_piece, best, least, cash_price, high) > account.gain_room:
        if high >= highest:
            return cash_price, high
        low, high, step = high, min(high + step, highest), 4 * step
        cash_price = price_cash(rows, account, best_piece, best, least, high, highest)
    while high - low > 1:
        middle = low + (high - low) // 2
        at_middle = price_cash(rows, account, best_piece, best, least, middle, highest)
        if _gained(rows, account, best_piece, best, least, at_middle, middle) > account.gain_room:
            low = middle
        else:
            high, cash_price = middle, at_middle
    return cash_price, high


def _gained(
    rows: Rows,
    account: Account,
    best_piece: Ints,
    best: Ints,
    least: Ints,
    cash_price: int,
    gain_price: int,
) -> int:
    _, gained = relax(rows, account, best_piece, best, least, cash_price, gain_price)
    return gained
