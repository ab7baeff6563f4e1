"""The exact search of the plainest account: squared drift, no costs, no holes, and cash as the only limit.

Most accounts of a book are of this kind, and it has a shorter way than `best_trades`. With a price λ on cash an asset
whose value is e above its target is best off where |a| <= price, a = 2e + λ; d steps further cost d·p·(d·p + a) ≥ 0
more, exactly. λ is one of the values at which an asset takes a step, so nothing here is rounded. What an answer then
costs above the bound is Σ d·p·(d·p + a) + λ · cash left, and the search is over the few d for which that can be below
what is known.

The functions are compiled by `book_kernel`, and run as they stand too. An answer said to be optimal is the one
`search.solve` gives: of all with the least objective the one with the fewest trades, then the lowest turnover, then
the lowest k in the order of the assets.

Reference: Pisinger, "A minimal algorithm for the multiple-choice knapsack problem", 1995, for core and order.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

OPTIMAL: Final = 0
WITHIN_GAP: Final = 1
UNFIT: Final = 2
"""Not for this search: no answer, or numbers that could outgrow 64 bits."""

NONE: Final = 1 << 62
SAFE: Final = float(1 << 61)
STEPS_WALKED: Final = 8.0
GUESSES: Final = 3


Column: TypeAlias = NDArray[np.int64]

Desk: TypeAlias = NDArray[np.int64]
"""Room for one account at a time, a row of numbers for each of the names below: one array passes between compiled
functions faster than twenty."""

PRICE, VALUE, TARGET, FIRST, LAST, BEST, SLOPE, DEVIATION, TRIAL = range(9)
"""By asset: price of a step, value, target, the steps allowed (first, last); the best trade (k), a = 2e + λ there; the
best deviation known (d), and the one being built."""

DEVIANT, RATE, BEGIN, END, NEXT, COST_SO_FAR, CASH_LEFT, USED_AT, FREED_AT = range(9, 18)
"""By level, one for each asset that may deviate, those that move cash most cheaply first: the asset; what a unit of
cash costs to move at least; its candidates (begin, end), the next to try; extra cost and cash left above it; what a
unit of cash used and freed costs at least from here on (NONE = cannot be)."""

STEP, COST = range(18, 20)
"""By candidate: steps of deviation, their extra cost."""

ROWS: Final = 20


def search_cash(desk: Desk, assets: int, room: int, limit: int) -> tuple[int, int]:
    """Find the best trades of an account, into the row BEST.

    Args:
        desk: price, value, target, first and last of each asset are given.
        assets: how many there are.
        room: cash that may be used; negative = must be raised.
        limit: how many candidates may be looked at.

    Returns:
        What is known of them, and how far they are at most above the best, objective units.
    """
    least = 0
    for i in range(assets):
        if desk[FIRST, i] > desk[LAST, i]:
            return UNFIT, 0
        least += desk[PRICE, i] * desk[FIRST, i]
    if least > room:
        return UNFIT, 0
    left = room - take_best(desk, assets, 0)
    price = 0
    if left < 0:
        price, left = price_of_cash(desk, assets, room, -left)
    for i in range(assets):
        desk[SLOPE, i] = 2 * excess(desk, i) + price
        desk[DEVIATION, i] = 0
    if price == 0 and prefer_smaller(desk, assets, left):
        return OPTIMAL, 0
    if not is_narrow(desk, assets, price, left):
        return UNFIT, 0
    gap = price * left
    gap = swap(desk, assets, price, left, fill(desk, assets, price, left, gap))
    proven = explore(desk, assets, price, left, gap, limit)
    for i in range(assets):
        desk[BEST, i] += desk[DEVIATION, i]
    return (OPTIMAL, 0) if proven < 0 else (WITHIN_GAP, proven)


def excess(desk: Desk, i: int) -> int:
    """Value above target after the best trade."""
    return int(desk[VALUE, i] + desk[PRICE, i] * desk[BEST, i] - desk[TARGET, i])


# ── The price of cash ───────────────────────────────────────────────────────────────────────────────────────


def take_best(desk: Desk, assets: int, price: int) -> int:
    """Give every asset its best trade at a price of cash, the lower of two equals; return the cash they use."""
    used = 0
    for i in range(assets):
        p = desk[PRICE, i]
        k = (p - price + 2 * (desk[TARGET, i] - desk[VALUE, i]) - 1) // (2 * p)
        k = min(max(k, desk[FIRST, i]), desk[LAST, i])
        desk[BEST, i] = k
        used += p * k
    return used


def price_of_cash(desk: Desk, assets: int, room: int, over: int) -> tuple[int, int]:
    """Find the lowest price at which the best trades are within the room; return it and the cash they leave.

    `over` is the cash that is missing where it costs nothing.
    """
    density = 0.0
    for i in range(assets):
        density += 1.0 / float(desk[PRICE, i])
    low, high, guesses = 0, -1, 0
    price = 2 * over // assets + 1
    while True:
        over = take_best(desk, assets, price) - room
        guesses += 1
        if abs(over) * density <= STEPS_WALKED * assets:
            return walk(desk, assets, price, -over)
        low, high = (price, high) if over > 0 else (low, price)
        if high - low == 1:
            return high, room - take_best(desk, assets, high)
        price = next_price(price + 2 * over // assets, low, high, guesses)


def next_price(guess: int, low: int, high: int, guesses: int) -> int:
    """Take a guess that lies between the bounds, in the first rounds; then halve, or double where there is no upper."""
    if low < guess and (guess < high or high < 0) and guesses <= GUESSES:
        return guess
    return 2 * low + 1 if high < 0 else (low + high) // 2


def walk(desk: Desk, assets: int, price: int, left: int) -> tuple[int, int]:
    """Go on from step to step, up in price while too much is used, or down while more can be."""
    if left < 0:
        while left < 0:
            i = next_down(desk, assets)
            price = desk[PRICE, i] - 2 * excess(desk, i)
            desk[BEST, i] -= 1
            left += desk[PRICE, i]
        return price, left
    while True:
        i = next_up(desk, assets)
        if i < 0:
            return 0, left
        price = -desk[PRICE, i] - 2 * excess(desk, i)
        if desk[PRICE, i] > left:
            return price, left
        desk[BEST, i] += 1
        left -= desk[PRICE, i]


def next_down(desk: Desk, assets: int) -> int:
    """Give the asset that is first to sell a step as cash grows dearer."""
    least, found = NONE, -1
    for i in range(assets):
        at = desk[PRICE, i] - 2 * excess(desk, i)
        if at < least and desk[BEST, i] > desk[FIRST, i]:
            least, found = at, i
    return found


def next_up(desk: Desk, assets: int) -> int:
    """Give the asset that is first to buy a step as cash grows cheaper; -1 = none before it costs nothing."""
    most, found = 0, -1
    for i in range(assets):
        at = -desk[PRICE, i] - 2 * excess(desk, i)
        if at > most and desk[BEST, i] < desk[LAST, i]:
            most, found = at, i
    return found


def prefer_smaller(desk: Desk, assets: int, left: int) -> bool:
    """Where cash costs nothing, of two equal trades take the smaller; whether that leaves nothing to search."""
    used = 0
    for i in range(assets):
        if desk[BEST, i] < 0 and desk[BEST, i] < desk[LAST, i] and desk[SLOPE, i] == -desk[PRICE, i]:
            used += desk[PRICE, i]
            desk[DEVIATION, i] = 1
    if used <= left:
        for i in range(assets):
            desk[BEST, i] += desk[DEVIATION, i]
        return True
    for i in range(assets):
        desk[DEVIATION, i] = 0
    return False


def is_narrow(desk: Desk, assets: int, price: int, left: int) -> bool:
    """Whether what one trade costs, and what the cash left costs, fits 64 bits with room to spare."""
    widest = float(price) * float(left)
    for i in range(assets):
        wide = 2.0 * float(desk[PRICE, i]) if desk[FIRST, i] < desk[LAST, i] else 0.0
        widest += wide * wide
    return widest < SAFE


# ── A first answer ──────────────────────────────────────────────────────────────────────────────────────────


def fill(desk: Desk, assets: int, price: int, left: int, gap: int) -> int:
    """Spend the cash left, the step that helps most first; return the gap."""
    while True:
        least, found = 0, -1
        for i in range(assets):
            p, d = desk[PRICE, i], desk[DEVIATION, i]
            if p <= left and desk[BEST, i] + d < desk[LAST, i]:
                change = p * ((2 * d + 1) * p + desk[SLOPE, i] - price)
                if change < least:
                    least, found = change, i
        if found < 0:
            return gap
        desk[DEVIATION, found] += 1
        left -= desk[PRICE, found]
        gap += least


def swap(desk: Desk, assets: int, price: int, left: int, gap: int) -> int:
    """Sell a step of one and buy a step of another, if that alone is better than what is known; return the gap."""
    sold, bought = -1, -1
    for i in range(assets):
        freed = desk[PRICE, i] * (desk[PRICE, i] - desk[SLOPE, i])
        if desk[BEST, i] == desk[FIRST, i] or freed >= gap:
            continue
        for j in range(assets):
            spare = left + desk[PRICE, i] - desk[PRICE, j]
            if spare < 0 or j == i or desk[BEST, j] == desk[LAST, j]:
                continue
            cost = freed + desk[PRICE, j] * (desk[PRICE, j] + desk[SLOPE, j]) + price * spare
            if cost < gap:
                gap, sold, bought = cost, i, j
    if sold >= 0:
        for i in range(assets):
            desk[DEVIATION, i] = 0
        desk[DEVIATION, sold], desk[DEVIATION, bought] = -1, 1
    return gap


# ── Depth first ─────────────────────────────────────────────────────────────────────────────────────────────


def explore(desk: Desk, assets: int, price: int, left: int, gap: int, limit: int) -> int:
    """Look at every answer up to `gap` above the bound; return -1, or the gap where the limit came first."""
    levels = list_levels(desk, assets, gap)
    if not list_candidates(desk, assets, levels, price, left, gap):
        return gap
    for i in range(assets):
        desk[TRIAL, i] = 0
    level, looked = 0, 0
    desk[NEXT, 0] = desk[BEGIN, 0]
    desk[COST_SO_FAR, 0], desk[CASH_LEFT, 0] = 0, left
    while level >= 0 and levels > 0:
        c = desk[NEXT, level]
        if c == desk[END, level] or desk[COST_SO_FAR, level] + desk[COST, c] > gap:
            level -= 1
            continue
        if looked == limit:
            return gap
        looked += 1
        desk[NEXT, level] = c + 1
        below, i = level + 1, desk[DEVIANT, level]
        cost = desk[COST_SO_FAR, level] + desk[COST, c]
        rest = desk[CASH_LEFT, level] - desk[STEP, c] * desk[PRICE, i]
        if rest < 0 and desk[FREED_AT, below] == NONE:
            continue
        rate = -desk[FREED_AT, below] if rest < 0 else desk[USED_AT, below]
        if cost + rest * rate > gap:
            continue
        desk[TRIAL, i] = desk[STEP, c]
        if below < levels:
            level = below
            desk[NEXT, level] = desk[BEGIN, level]
            desk[COST_SO_FAR, level], desk[CASH_LEFT, level] = cost, rest
        else:
            cost += rest * price
            if cost < gap or comes_first(desk, assets):
                keep_trial(desk, assets, levels)
            gap = min(gap, cost)
    return -1


def list_levels(desk: Desk, assets: int, gap: int) -> int:
    """Make a level of each asset that may deviate at a cost within the gap; return how many there are."""
    levels = 0
    for i in range(assets):
        p, rate = desk[PRICE, i], NONE
        if desk[BEST, i] < desk[LAST, i] and p * (p + desk[SLOPE, i]) <= gap:
            rate = p + desk[SLOPE, i]
        if desk[BEST, i] > desk[FIRST, i] and p * (p - desk[SLOPE, i]) <= gap:
            rate = min(rate, p - desk[SLOPE, i])
        if rate == NONE:
            continue
        at = levels
        while at > 0 and desk[RATE, at - 1] > rate:
            desk[RATE, at], desk[DEVIANT, at] = desk[RATE, at - 1], desk[DEVIANT, at - 1]
            at -= 1
        desk[RATE, at], desk[DEVIANT, at] = rate, i
        levels += 1
    return levels


def list_candidates(desk: Desk, assets: int, levels: int, price: int, left: int, gap: int) -> bool:
    """List each level's deviations, the cheapest first, and what moving cash costs below; False = no room for them."""
    end, moved = 0, float(left)
    share = desk.shape[1] // max(assets, 1)
    for level in range(levels):
        desk[BEGIN, level] = end
        end = list_deviations(desk, desk[DEVIANT, level], gap, end, end + share)
        if end < 0:
            return False
        desk[END, level] = end
        moved += float(desk[PRICE, desk[DEVIANT, level]]) * (end - desk[BEGIN, level])
    dearest = price
    desk[USED_AT, levels], desk[FREED_AT, levels] = price, NONE
    for level in range(levels - 1, -1, -1):
        i = desk[DEVIANT, level]
        used, freed = desk[USED_AT, level + 1], desk[FREED_AT, level + 1]
        if desk[BEST, i] < desk[LAST, i]:
            used = min(used, desk[PRICE, i] + desk[SLOPE, i])
        if desk[BEST, i] > desk[FIRST, i]:
            freed = min(freed, desk[PRICE, i] - desk[SLOPE, i])
            dearest = max(dearest, freed)
        desk[USED_AT, level], desk[FREED_AT, level] = used, freed
    return moved * float(dearest) < SAFE


def list_deviations(desk: Desk, i: int, gap: int, end: int, full: int) -> int:
    """List the deviations of an asset within the gap, from none outwards; return where they end, -1 = no room."""
    desk[STEP, end], desk[COST, end] = 0, 0
    end += 1
    up, down = 1, -1
    cost_up, cost_down = deviation_cost(desk, i, up), deviation_cost(desk, i, down)
    while min(cost_up, cost_down) <= gap:
        if end == full:
            return -1
        if cost_up <= cost_down:
            desk[STEP, end], desk[COST, end] = up, cost_up
            up += 1
            cost_up = deviation_cost(desk, i, up)
        else:
            desk[STEP, end], desk[COST, end] = down, cost_down
            down -= 1
            cost_down = deviation_cost(desk, i, down)
        end += 1
    return end


def deviation_cost(desk: Desk, i: int, d: int) -> int:
    """Give what d steps from the best trade cost; NONE where they are not allowed."""
    if desk[BEST, i] + d > desk[LAST, i] or desk[BEST, i] + d < desk[FIRST, i]:
        return NONE
    moved = int(d * desk[PRICE, i])
    return moved * (moved + int(desk[SLOPE, i]))


def keep_trial(desk: Desk, assets: int, levels: int) -> None:
    """Make the answer on trial the one known."""
    for i in range(assets):
        desk[DEVIATION, i] = 0
    for level in range(levels):
        desk[DEVIATION, desk[DEVIANT, level]] = desk[TRIAL, desk[DEVIANT, level]]


def comes_first(desk: Desk, assets: int) -> bool:
    """Whether the answer on trial has fewer trades than the one known, or a lower turnover, or the lower k first."""
    trades, turnover, lower = 0, 0, 0
    for i in range(assets):
        new, old = desk[BEST, i] + desk[TRIAL, i], desk[BEST, i] + desk[DEVIATION, i]
        trades += (1 if new != 0 else 0) - (1 if old != 0 else 0)
        turnover += desk[PRICE, i] * (abs(new) - abs(old))
        if lower == 0 and new != old:
            lower = -1 if new < old else 1
    if trades != 0:
        return trades < 0
    return turnover < 0 or (turnover == 0 and lower < 0)
