"""The search: every answer that could be better than the best one known is looked at, or shown to be worse.

An asset's candidates are the trades whose extra cost is not above the gap; any other is out, whatever the rest does. An
answer is the best trades, but for some assets that deviate. Assets are taken in the order of their least extra cost
for a unit of cash moved, so that those left to the end move cash dearly: cash that is then missing or over costs at
least its amount times the cheapest way left to move it. That is the bound by which branches are cut.

Reference: Pisinger, "A minimal algorithm for the multiple-choice knapsack problem", 1995, for core and order.
"""

from typing import Final

from steelyard.rebalancing.cells import (
    ANSWER,
    ASSET,
    AT_LEVEL,
    BEGIN,
    BEST,
    BEST_PIECE,
    CANDIDATE,
    CASH,
    CASH_FREED_AT,
    CASH_LEFT,
    CASH_USED_AT,
    DEPTH,
    END,
    EXTRA,
    FIRST,
    GAIN,
    GAIN_FREED_AT,
    GAIN_LEFT,
    GAIN_USED_AT,
    LAST,
    LEAST,
    LEVEL,
    MOST_CASH,
    MOST_GAIN,
    NEXT,
    NOW,
    OF_ASSET,
    PIECE,
    PIECES,
    PIECES_END,
    PRICE,
    RATE,
    RECORD_TRADES,
    RECORD_TURNOVER,
    SAVED_TRADES,
    SAVED_TURNOVER,
    SPENT,
    STEPS,
    TRADES,
    TURNOVER,
    Account,
    Cells,
    Sections,
)
from steelyard.rebalancing.incumbent import keep, left_cost, missing
from steelyard.rebalancing.relaxation import (
    L1,
    Prices,
    best_of_piece,
    best_rest,
    cash_of,
    clamp,
    cost_of,
    gain_of,
    rest_cost,
)

FINE: Final = 1 << 10
"""Rates, costs of a unit of money moved, are counted in this part of an objective unit and rounded down."""


# ── Candidates ──────────────────────────────────────────────────────────────────────────────────────────────


def list_candidates(
    cells: Cells, account: Account, at: Sections, prices: Prices, gap: int
) -> tuple[int, int]:
    """List the candidates of each asset, and make a level of each asset that has a choice.

    Returns the end of the levels, and the least extra cost of a trade that is not listed.
    """
    room = _room_per_piece(cells, account, at)
    levels_end, end, unlisted = at.levels, at.candidates, account.far
    for asset in range(0, account.assets_end, ASSET):
        begin = end
        cells[begin + STEPS] = cells[asset + BEST]
        cells[begin + EXTRA], cells[begin + CASH], cells[begin + GAIN] = 0, 0, 0
        end += CANDIDATE
        for piece in range(cells[asset + PIECES], cells[asset + PIECES_END], PIECE):
            end, beyond = _list_piece(
                cells, account, prices, gap, asset, piece, begin + CANDIDATE, end, end + room
            )
            unlisted = min(unlisted, beyond)
        if end > begin + CANDIDATE:
            _insert_level(cells, account, at.levels, levels_end, asset, begin, end)
            levels_end += LEVEL
    return levels_end, unlisted


def _room_per_piece(cells: Cells, account: Account, at: Sections) -> int:
    """Give how far the candidates of a piece may reach, handles."""
    if account.assets_end == 0:
        return 0
    pieces = (cells[account.assets_end - ASSET + PIECES_END] - cells[PIECES]) // PIECE
    places = (at.levels - at.candidates) // CANDIDATE - account.assets_end // ASSET
    return places // pieces * CANDIDATE


def _list_piece(
    cells: Cells,
    account: Account,
    prices: Prices,
    gap: int,
    asset: int,
    piece: int,
    begin: int,
    end: int,
    full: int,
) -> tuple[int, int]:
    """List a piece from its best trade outwards, the cheaper side first; return the end and the cost that came next."""
    if piece == cells[asset + BEST_PIECE]:
        right = cells[asset + BEST] + 1
        left = right - 2
    else:
        right = best_of_piece(cells, account.norm, asset, piece, prices)
        left = right - 1
    cost_right = _extra_cost(cells, account, prices, asset, piece, right)
    cost_left = _extra_cost(cells, account, prices, asset, piece, left)
    while min(cost_left, cost_right) <= gap and end < full:
        if cost_right <= cost_left:
            _insert_candidate(cells, asset, begin, end, piece, right, cost_right)
            right += 1
            cost_right = _extra_cost(cells, account, prices, asset, piece, right)
        else:
            _insert_candidate(cells, asset, begin, end, piece, left, cost_left)
            left -= 1
            cost_left = _extra_cost(cells, account, prices, asset, piece, left)
        end += CANDIDATE
    return end, min(cost_left, cost_right)


def _extra_cost(cells: Cells, account: Account, prices: Prices, asset: int, piece: int, steps: int) -> int:
    if steps < cells[piece + FIRST] or steps > cells[piece + LAST]:
        return account.far
    return cost_of(cells, account.norm, asset, piece, steps, prices) - cells[asset + LEAST]


def _insert_candidate(
    cells: Cells, asset: int, begin: int, end: int, piece: int, steps: int, cost: int
) -> None:
    """Put a candidate among those from `begin` to `end`, behind the last that costs no more."""
    at = end
    while at > begin and cells[at - CANDIDATE + EXTRA] > cost:
        for cell in range(at, at + CANDIDATE):
            cells[cell] = cells[cell - CANDIDATE]
        at -= CANDIDATE
    best_piece, best = cells[asset + BEST_PIECE], cells[asset + BEST]
    cells[at + STEPS], cells[at + EXTRA] = steps, cost
    cells[at + CASH] = cash_of(cells, piece, steps) - cash_of(cells, best_piece, best)
    cells[at + GAIN] = gain_of(cells, piece, steps) - gain_of(cells, best_piece, best)


def _insert_level(
    cells: Cells, account: Account, levels: int, levels_end: int, asset: int, begin: int, end: int
) -> None:
    """Put an asset among the levels, behind the last that moves cash as cheaply."""
    rate = account.far
    for c in range(begin + CANDIDATE, end, CANDIDATE):
        if cells[c + CASH] != 0:
            rate = min(rate, FINE * cells[c + EXTRA] // abs(cells[c + CASH]))
    at = levels_end
    while at > levels and cells[at - LEVEL + RATE] > rate:
        for cell in range(at, at + RATE + 1):
            cells[cell] = cells[cell - LEVEL]
        at -= LEVEL
    cells[at + OF_ASSET], cells[at + BEGIN], cells[at + END], cells[at + RATE] = asset, begin, end, rate


# ── Bounds ──────────────────────────────────────────────────────────────────────────────────────────────────


def sum_up(
    cells: Cells, account: Account, levels: int, levels_end: int, gap: int, cash_left: int, gain_left: int
) -> None:
    """Fill what holds for each level and all below it.

    A rate never need be above `gap` + 1: one unit moved then is too much already.
    """
    moved = abs(cash_left) + abs(gain_left) + 1
    for level in range(levels, levels_end, LEVEL):
        widest = 0
        for c in range(cells[level + BEGIN], cells[level + END], CANDIDATE):
            widest = max(widest, abs(cells[c + CASH]), abs(cells[c + GAIN]))
        moved += widest
    dearest = min((gap + 1) * FINE, account.far // moved)
    for rate in range(levels_end + CASH_FREED_AT, levels_end + GAIN_USED_AT + 1):
        cells[rate] = dearest
    for most in range(levels_end + MOST_CASH, levels_end + LEVEL):
        cells[most] = 0
    for level in range(levels_end - LEVEL, levels - LEVEL, -LEVEL):
        _sum_up_cash(cells, level)
        if account.is_limited != 0:
            _sum_up_gain(cells, level)
        _sum_up_trades(cells, level)


def _sum_up_cash(cells: Cells, level: int) -> None:
    freed_at, used_at, most = cells[level + LEVEL + CASH_FREED_AT], cells[level + LEVEL + CASH_USED_AT], 0
    for c in range(cells[level + BEGIN] + CANDIDATE, cells[level + END], CANDIDATE):
        cost, cash = cells[c + EXTRA] * FINE, cells[c + CASH]
        if cash < 0:
            freed_at = min(freed_at, cost // -cash)
        elif cash > 0:
            used_at = min(used_at, cost // cash)
        most = max(most, -cash)
    cells[level + CASH_FREED_AT], cells[level + CASH_USED_AT] = freed_at, used_at
    cells[level + MOST_CASH] = cells[level + LEVEL + MOST_CASH] + most


def _sum_up_gain(cells: Cells, level: int) -> None:
    freed_at, used_at, most = cells[level + LEVEL + GAIN_FREED_AT], cells[level + LEVEL + GAIN_USED_AT], 0
    for c in range(cells[level + BEGIN] + CANDIDATE, cells[level + END], CANDIDATE):
        cost, gain = cells[c + EXTRA] * FINE, cells[c + GAIN]
        if gain < 0:
            freed_at = min(freed_at, cost // -gain)
        elif gain > 0:
            used_at = min(used_at, cost // gain)
        most = max(most, -gain)
    cells[level + GAIN_FREED_AT], cells[level + GAIN_USED_AT] = freed_at, used_at
    cells[level + MOST_GAIN] = cells[level + LEVEL + MOST_GAIN] + most


def _sum_up_trades(cells: Cells, level: int) -> None:
    begin = cells[level + BEGIN]
    steps = abs(cells[begin + STEPS])
    fewest = steps
    for c in range(begin + CANDIDATE, cells[level + END], CANDIDATE):
        fewest = min(fewest, abs(cells[c + STEPS]))
    saved = (steps - fewest) * cells[cells[level + OF_ASSET] + PRICE]
    cells[level + SAVED_TRADES] = cells[level + LEVEL + SAVED_TRADES] + (1 if fewest == 0 < steps else 0)
    cells[level + SAVED_TURNOVER] = cells[level + LEVEL + SAVED_TURNOVER] + saved


def bound_below(
    cells: Cells, account: Account, prices: Prices, level: int, cash_left: int, gain_left: int
) -> int:
    """Give the least that an answer costs more, where only assets from `level` on may deviate; far: none is allowed."""
    if cash_left + cells[level + MOST_CASH] < 0:
        return account.far >> 1
    freed_at, used_at = cells[level + CASH_FREED_AT], cells[level + CASH_USED_AT]
    cost = _rest_bound(account, prices, cash_left, freed_at, used_at)
    if account.is_limited == 0:
        return cost
    if gain_left + cells[level + MOST_GAIN] < 0:
        return account.far >> 1
    rate = cells[level + GAIN_FREED_AT]
    if gain_left >= 0:
        rate = min(FINE * prices.gain, cells[level + GAIN_USED_AT])
    return max(cost, abs(gain_left) * rate // FINE)


def _rest_bound(account: Account, prices: Prices, left: int, freed_at: int, used_at: int) -> int:
    """Give the least that cash left costs, moved at these rates to whatever is best.

    The cost is convex in what is left in the end, and so is the cost of moving: the best lies between `left` and
    where cash alone is best, and only a corner or a point of equal slopes can be it.
    """
    if account.cash_norm != L1:
        return _parabolic_rest_bound(account, prices, left, freed_at // FINE, used_at // FINE)
    rest, target, scale = best_rest(account, prices.cash), account.cash_rest, account.cash_scale
    if left < rest:
        end = rest if prices.cash * FINE + freed_at < scale * FINE else max(left, 0)
        return rest_cost(account, end, prices.cash) + freed_at * (end - left) // FINE
    end = rest
    if rest < target and prices.cash * FINE - used_at < scale * FINE:
        end = min(target, left)
    if end >= target and prices.cash * FINE - used_at < -scale * FINE:
        end = left
    return rest_cost(account, end, prices.cash) + used_at * (left - end) // FINE


def _parabolic_rest_bound(account: Account, prices: Prices, left: int, freed_at: int, used_at: int) -> int:
    rest, top = best_rest(account, prices.cash), 2 * account.cash_rest - prices.cash
    if left < rest:
        end = clamp((top - freed_at) // 2, max(left, 0), rest)
        return rest_cost(account, end, prices.cash) + freed_at * (end - left)
    end = clamp((top + used_at) // 2, rest, left)
    return rest_cost(account, end, prices.cash) + used_at * (left - end)


# ── Depth first ─────────────────────────────────────────────────────────────────────────────────────────────


def start_tree(
    cells: Cells,
    account: Account,
    at: Sections,
    prices: Prices,
    cash_left: int,
    gain_left: int,
    gap: int,
    ties: int,
) -> int:
    """Start from the best trades, as an answer; return the gap of the best answer."""
    trades, turnover = 0, 0
    for asset in range(0, account.assets_end, ASSET):
        steps = cells[asset + BEST]
        trades += 1 if steps != 0 else 0
        turnover += cells[asset + PRICE] * abs(steps)
    root = at.depths
    cells[root + SPENT], cells[root + CASH_LEFT], cells[root + GAIN_LEFT] = 0, cash_left, gain_left
    cells[root + TRADES], cells[root + TURNOVER] = trades, turnover
    cells[root + AT_LEVEL], cells[root + NEXT] = at.levels, cells[at.levels + BEGIN] + CANDIDATE
    return _record(cells, account, at, prices, root, gap, ties)


def search_tree(
    cells: Cells,
    account: Account,
    at: Sections,
    prices: Prices,
    levels_end: int,
    gap: int,
    ties: int,
    limit: int,
) -> tuple[int, int, int, int]:
    """Look for answers that cost less than `gap`, or (`ties` = 1) as much and come first among equals.

    Returns the gap of the best answer, the nodes looked at, the least cost of what was not (`far` where the search
    came to its end), and how often it went on for the sake of a tie alone.
    """
    depth, nodes, followed = at.depths, 0, 0
    while depth >= at.depths:
        level, c = cells[depth + AT_LEVEL], cells[depth + NEXT]
        if level == levels_end:
            depth -= DEPTH
            continue
        if c == cells[level + BEGIN] + CANDIDATE:
            least = _least_from(cells, account, prices, depth, level)
            if least > gap or (
                least == gap and not (ties != 0 and _may_come_first(cells, at.notes, depth, level))
            ):
                depth -= DEPTH
                continue
            followed += 1 if least == gap else 0
        if c == cells[level + END] or cells[depth + SPENT] + cells[c + EXTRA] > gap - 1 + ties:
            cells[depth + AT_LEVEL], cells[depth + NEXT] = (
                level + LEVEL,
                cells[level + LEVEL + BEGIN] + CANDIDATE,
            )
            continue
        if nodes == limit:
            return gap, nodes, _least_open(cells, account, at, prices, depth), followed
        nodes += 1
        cells[depth + NEXT] = c + CANDIDATE
        _deviate(cells, depth, level, c)
        depth += DEPTH
        gap = _record(cells, account, at, prices, depth, gap, ties)
    return gap, nodes, account.far, followed


def _deviate(cells: Cells, depth: int, level: int, c: int) -> None:
    """Write down, one depth below, the answer in which one more asset deviates."""
    below, asset, best = depth + DEPTH, cells[level + OF_ASSET], cells[level + BEGIN]
    cells[below + AT_LEVEL], cells[below + NEXT] = level + LEVEL, cells[level + LEVEL + BEGIN] + CANDIDATE
    cells[below + SPENT] = cells[depth + SPENT] + cells[c + EXTRA]
    cells[below + CASH_LEFT] = cells[depth + CASH_LEFT] - cells[c + CASH]
    cells[below + GAIN_LEFT] = cells[depth + GAIN_LEFT] - cells[c + GAIN]
    more = (1 if cells[c + STEPS] != 0 else 0) - (1 if cells[best + STEPS] != 0 else 0)
    cells[below + TRADES] = cells[depth + TRADES] + more
    further = abs(cells[c + STEPS]) - abs(cells[best + STEPS])
    cells[below + TURNOVER] = cells[depth + TURNOVER] + cells[asset + PRICE] * further


def _least_from(cells: Cells, account: Account, prices: Prices, depth: int, level: int) -> int:
    """Give the least an answer can cost that has the deviations so far, and others from `level` on."""
    more = bound_below(cells, account, prices, level, cells[depth + CASH_LEFT], cells[depth + GAIN_LEFT])
    return cells[depth + SPENT] + more


def _least_open(cells: Cells, account: Account, at: Sections, prices: Prices, depth: int) -> int:
    least = account.far
    for above in range(at.depths, depth + DEPTH, DEPTH):
        least = min(least, _least_from(cells, account, prices, above, cells[above + AT_LEVEL]))
    return least


def _may_come_first(cells: Cells, notes: int, depth: int, level: int) -> bool:
    """Whether an answer from here may come before the best one, were they equally good."""
    trades = cells[depth + TRADES] - cells[level + SAVED_TRADES]
    if trades != cells[notes + RECORD_TRADES]:
        return trades < cells[notes + RECORD_TRADES]
    return cells[depth + TURNOVER] - cells[level + SAVED_TURNOVER] <= cells[notes + RECORD_TURNOVER]


def _record(
    cells: Cells, account: Account, at: Sections, prices: Prices, depth: int, gap: int, ties: int
) -> int:
    """Keep the answer built, if it is better or comes first among equals; return the gap of the best answer."""
    cash_left, gain_left = cells[depth + CASH_LEFT], cells[depth + GAIN_LEFT]
    if missing(account, cash_left, gain_left) > 0:
        return gap
    cost = cells[depth + SPENT] + left_cost(account, prices, cash_left, gain_left)
    if cost > gap - 1 + ties:
        return gap
    _build(cells, account, at, depth)
    if cost < gap or _comes_first(cells, account, at.notes, depth):
        keep(cells, account, at.notes)
    return cost


def _build(cells: Cells, account: Account, at: Sections, depth: int) -> None:
    """Put the answer of a depth together: the candidate before the next one is the one chosen."""
    for asset in range(0, account.assets_end, ASSET):
        cells[asset + NOW] = cells[asset + BEST]
    for above in range(at.depths, depth, DEPTH):
        asset = cells[cells[above + AT_LEVEL] + OF_ASSET]
        cells[asset + NOW] = cells[cells[above + NEXT] - CANDIDATE + STEPS]


def _comes_first(cells: Cells, account: Account, notes: int, depth: int) -> bool:
    """Whether the answer built comes before the best one, both equally good."""
    if cells[depth + TRADES] != cells[notes + RECORD_TRADES]:
        return cells[depth + TRADES] < cells[notes + RECORD_TRADES]
    if cells[depth + TURNOVER] != cells[notes + RECORD_TURNOVER]:
        return cells[depth + TURNOVER] < cells[notes + RECORD_TURNOVER]
    for asset in range(0, account.assets_end, ASSET):
        if cells[asset + NOW] != cells[asset + ANSWER]:
            return cells[asset + NOW] < cells[asset + ANSWER]
    return False
