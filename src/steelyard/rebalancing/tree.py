"""The search: every answer that could be better than the best one known is looked at, or shown to be worse.

An asset's candidates are the trades whose extra cost is not above the gap; any other is out, whatever the rest does. An
answer is the best trades, but for some assets that deviate. Assets are taken in the order of their least extra cost
for a unit of cash moved, so that those left to the end move cash dearly: cash that is then missing or over costs at
least its amount times the cheapest way left to move it. That is the bound by which branches are cut.

Reference: Pisinger, "A minimal algorithm for the multiple-choice knapsack problem", 1995, for core and order.
"""

from typing import Final

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
from steelyard.rebalancing.room import Tree
from steelyard.rebalancing.rows import Account, Rows

FINE: Final = 1 << 10
"""Rates, costs of a unit of money moved, are counted in this part of an objective unit and rounded down."""


# ── Candidates ──────────────────────────────────────────────────────────────────────────────────────────────


def list_candidates(rows: Rows, account: Account, tree: Tree, prices: Prices, gap: int) -> tuple[int, int]:
    """List the candidates of each asset, and make a level of each asset that has a choice.

    Returns how many levels there are, and the least extra cost of a trade that is not listed.
    """
    room = (len(tree.cost) - account.assets) // max(1, rows.start[account.assets])
    levels, end, unlisted = 0, 0, account.far
    for asset in range(account.assets):
        begin = end
        tree.piece[begin], tree.steps[begin] = tree.best_piece[asset], tree.best[asset]
        tree.cost[begin], tree.cash[begin], tree.gain[begin] = 0, 0, 0
        end += 1
        for piece in range(rows.start[asset], rows.start[asset + 1]):
            end, beyond = _list_piece(
                rows, account, tree, prices, gap, asset, piece, begin + 1, end, end + room
            )
            unlisted = min(unlisted, beyond)
        tree.now[asset] = tree.best[asset]
        if end > begin + 1:
            _insert_level(account, tree, levels, asset, begin, end)
            levels += 1
    return levels, unlisted


def _list_piece(
    rows: Rows,
    account: Account,
    tree: Tree,
    prices: Prices,
    gap: int,
    asset: int,
    piece: int,
    begin: int,
    end: int,
    full: int,
) -> tuple[int, int]:
    """List a piece from its best trade outwards, the cheaper side first; return the end and the cost that came next."""
    right = best_of_piece(rows, account.norm, asset, piece, prices)
    left = right - 1
    if piece == tree.best_piece[asset]:
        right = tree.best[asset] + 1
        left = right - 2
    cost_right = _extra_cost(rows, account, tree, prices, asset, piece, right)
    cost_left = _extra_cost(rows, account, tree, prices, asset, piece, left)
    while min(cost_left, cost_right) <= gap and end < full:
        if cost_right <= cost_left:
            _insert_candidate(rows, tree, asset, begin, end, piece, right, cost_right)
            right += 1
            cost_right = _extra_cost(rows, account, tree, prices, asset, piece, right)
        else:
            _insert_candidate(rows, tree, asset, begin, end, piece, left, cost_left)
            left -= 1
            cost_left = _extra_cost(rows, account, tree, prices, asset, piece, left)
        end += 1
    return end, min(cost_left, cost_right)


def _extra_cost(
    rows: Rows, account: Account, tree: Tree, prices: Prices, asset: int, piece: int, steps: int
) -> int:
    if steps < rows.first[piece] or steps > rows.last[piece]:
        return account.far
    return cost_of(rows, account.norm, asset, piece, steps, prices) - tree.least[asset]


def _insert_candidate(
    rows: Rows, tree: Tree, asset: int, begin: int, end: int, piece: int, steps: int, cost: int
) -> None:
    """Put a candidate among those from `begin` to `end`, behind the last that costs no more."""
    at = end
    while at > begin and tree.cost[at - 1] > cost:
        tree.piece[at], tree.steps[at] = tree.piece[at - 1], tree.steps[at - 1]
        tree.cost[at], tree.cash[at], tree.gain[at] = tree.cost[at - 1], tree.cash[at - 1], tree.gain[at - 1]
        at -= 1
    best_piece, best = tree.best_piece[asset], tree.best[asset]
    tree.piece[at], tree.steps[at], tree.cost[at] = piece, steps, cost
    tree.cash[at] = cash_of(rows, piece, steps) - cash_of(rows, best_piece, best)
    tree.gain[at] = gain_of(rows, piece, steps) - gain_of(rows, best_piece, best)


def _insert_level(account: Account, tree: Tree, levels: int, asset: int, begin: int, end: int) -> None:
    """Put an asset among the levels, behind the last that moves cash as cheaply."""
    rate = account.far
    for c in range(begin + 1, end):
        if tree.cash[c] != 0:
            rate = min(rate, FINE * tree.cost[c] // abs(tree.cash[c]))
    at = levels
    while at > 0 and tree.rate[at - 1] > rate:
        tree.asset[at], tree.rate[at] = tree.asset[at - 1], tree.rate[at - 1]
        tree.begin[at], tree.end[at] = tree.begin[at - 1], tree.end[at - 1]
        at -= 1
    tree.asset[at], tree.rate[at], tree.begin[at], tree.end[at] = asset, rate, begin, end


# ── Bounds ──────────────────────────────────────────────────────────────────────────────────────────────────


def sum_up(
    rows: Rows, account: Account, tree: Tree, levels: int, gap: int, cash_left: int, gain_left: int
) -> None:
    """Fill what holds for each level and all below it.

    A rate never need be above `gap` + 1: one unit moved then is too much already.
    """
    moved = abs(cash_left) + abs(gain_left) + 1
    for level in range(levels):
        moved += _widest(tree, tree.begin[level], tree.end[level])
    dearest = min((gap + 1) * FINE, account.far // moved)
    tree.cash_freed_at[levels], tree.cash_used_at[levels] = dearest, dearest
    tree.gain_freed_at[levels], tree.gain_used_at[levels] = dearest, dearest
    tree.most_cash[levels], tree.most_gain[levels] = 0, 0
    tree.saved_trades[levels], tree.saved_turnover[levels] = 0, 0
    for level in range(levels - 1, -1, -1):
        _sum_up_level(rows, tree, level)


def _widest(tree: Tree, begin: int, end: int) -> int:
    widest = 0
    for c in range(begin, end):
        widest = max(widest, abs(tree.cash[c]), abs(tree.gain[c]))
    return widest


def _sum_up_level(rows: Rows, tree: Tree, level: int) -> None:
    below, begin = level + 1, tree.begin[level]
    cash_freed, cash_used = tree.cash_freed_at[below], tree.cash_used_at[below]
    gain_freed, gain_used = tree.gain_freed_at[below], tree.gain_used_at[below]
    most_cash, most_gain, fewest = 0, 0, abs(tree.steps[begin])
    for c in range(begin + 1, tree.end[level]):
        cost, cash, gain = tree.cost[c] * FINE, tree.cash[c], tree.gain[c]
        if cash < 0:
            cash_freed = min(cash_freed, cost // -cash)
        elif cash > 0:
            cash_used = min(cash_used, cost // cash)
        if gain < 0:
            gain_freed = min(gain_freed, cost // -gain)
        elif gain > 0:
            gain_used = min(gain_used, cost // gain)
        most_cash, most_gain = max(most_cash, -cash), max(most_gain, -gain)
        fewest = min(fewest, abs(tree.steps[c]))
    tree.cash_freed_at[level], tree.cash_used_at[level] = cash_freed, cash_used
    tree.gain_freed_at[level], tree.gain_used_at[level] = gain_freed, gain_used
    tree.most_cash[level] = tree.most_cash[below] + most_cash
    tree.most_gain[level] = tree.most_gain[below] + most_gain
    steps = abs(tree.steps[begin])
    tree.saved_trades[level] = tree.saved_trades[below] + (1 if fewest == 0 < steps else 0)
    saved = (steps - fewest) * rows.price[tree.asset[level]]
    tree.saved_turnover[level] = tree.saved_turnover[below] + saved


def bound_below(
    account: Account, tree: Tree, prices: Prices, level: int, cash_left: int, gain_left: int
) -> int:
    """Give the least that an answer costs more, where only assets from `level` on may deviate; far: none is allowed."""
    if cash_left + tree.most_cash[level] < 0:
        return account.far >> 1
    cost = _rest_bound(account, prices, cash_left, tree.cash_freed_at[level], tree.cash_used_at[level])
    if account.is_limited == 0:
        return cost
    if gain_left + tree.most_gain[level] < 0:
        return account.far >> 1
    rate = tree.gain_freed_at[level] if gain_left < 0 else min(FINE * prices.gain, tree.gain_used_at[level])
    return max(cost, abs(gain_left) * rate // FINE)


def _rest_bound(account: Account, prices: Prices, left: int, freed_at: int, used_at: int) -> int:
    """Give the least that cash left costs, moved at these rates to whatever is best.

    The cost is convex in what is left in the end, and so is the cost of moving: the best lies between `left` and
    where cash alone is best, and only a corner or a point of equal slopes can be it.
    """
    rest, target = best_rest(account, prices.cash), account.cash_rest
    if account.cash_norm != L1:
        return _parabolic_rest_bound(account, prices, left, freed_at // FINE, used_at // FINE)
    scale = account.cash_scale
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
    rows: Rows,
    account: Account,
    tree: Tree,
    prices: Prices,
    cash_left: int,
    gain_left: int,
    gap: int,
    ties: int,
) -> int:
    """Start from the best trades, as an answer; return the gap of the best answer."""
    trades, turnover = 0, 0
    for asset in range(account.assets):
        steps = tree.best[asset]
        tree.now[asset] = steps
        trades += 1 if steps != 0 else 0
        turnover += rows.price[asset] * abs(steps)
    tree.cost_so_far[0], tree.cash_left[0], tree.gain_left[0] = 0, cash_left, gain_left
    tree.trades[0], tree.turnover[0] = trades, turnover
    tree.level[0], tree.next[0] = 0, tree.begin[0] + 1
    return _record(rows, account, tree, prices, 0, gap, ties)


def search_tree(
    rows: Rows, account: Account, tree: Tree, prices: Prices, levels: int, gap: int, ties: int, limit: int
) -> tuple[int, int, int, int]:
    """Look for answers that cost less than `gap`, or (`ties` = 1) as much and come first among equals.

    Returns the gap of the best answer, the nodes looked at, the least cost of what was not (`far` where the search came
    to its end), and how often it went on for the sake of a tie alone.
    """
    depth, nodes, followed = 0, 0, 0
    while depth >= 0:
        level, c = tree.level[depth], tree.next[depth]
        if level == levels:
            depth -= 1
            continue
        if c == tree.begin[level] + 1:
            least = _least_from(account, tree, prices, depth, level)
            if least > gap or (least == gap and not (ties != 0 and _may_come_first(tree, depth, level))):
                depth -= 1
                continue
            followed += 1 if least == gap else 0
        if c == tree.end[level] or tree.cost_so_far[depth] + tree.cost[c] > gap - 1 + ties:
            _next_level(tree, depth, level, levels)
            continue
        if nodes == limit:
            return gap, nodes, _least_open(account, tree, prices, depth), followed
        nodes += 1
        tree.next[depth] = c + 1
        _deviate(rows, tree, depth, level, c)
        depth += 1
        gap = _record(rows, account, tree, prices, depth, gap, ties)
        tree.level[depth] = level
        _next_level(tree, depth, level, levels)
    return gap, nodes, account.far, followed


def _next_level(tree: Tree, depth: int, level: int, levels: int) -> None:
    tree.level[depth] = level + 1
    if level + 1 < levels:
        tree.next[depth] = tree.begin[level + 1] + 1


def _deviate(rows: Rows, tree: Tree, depth: int, level: int, c: int) -> None:
    """Write down, one depth below, the answer in which one more asset deviates."""
    below, asset, base = depth + 1, tree.asset[level], tree.begin[level]
    tree.cost_so_far[below] = tree.cost_so_far[depth] + tree.cost[c]
    tree.cash_left[below] = tree.cash_left[depth] - tree.cash[c]
    tree.gain_left[below] = tree.gain_left[depth] - tree.gain[c]
    more = (1 if tree.steps[c] != 0 else 0) - (1 if tree.steps[base] != 0 else 0)
    tree.trades[below] = tree.trades[depth] + more
    further = abs(tree.steps[c]) - abs(tree.steps[base])
    tree.turnover[below] = tree.turnover[depth] + rows.price[asset] * further


def _least_from(account: Account, tree: Tree, prices: Prices, depth: int, level: int) -> int:
    """Give the least an answer can cost that has the deviations so far, and others from `level` on."""
    more = bound_below(account, tree, prices, level, tree.cash_left[depth], tree.gain_left[depth])
    return tree.cost_so_far[depth] + more


def _least_open(account: Account, tree: Tree, prices: Prices, depth: int) -> int:
    least = account.far
    for above in range(depth + 1):
        least = min(least, _least_from(account, tree, prices, above, tree.level[above]))
    return least


def _may_come_first(tree: Tree, depth: int, level: int) -> bool:
    """Whether an answer from here may come before the best one, were they equally good."""
    trades = tree.trades[depth] - tree.saved_trades[level]
    if trades != tree.record[0]:
        return trades < tree.record[0]
    return tree.turnover[depth] - tree.saved_turnover[level] <= tree.record[1]


def _record(rows: Rows, account: Account, tree: Tree, prices: Prices, depth: int, gap: int, ties: int) -> int:
    """Keep the answer built, if it is better or comes first among equals; return the gap of the best answer."""
    cash_left, gain_left = tree.cash_left[depth], tree.gain_left[depth]
    if missing(account, cash_left, gain_left) > 0:
        return gap
    cost = tree.cost_so_far[depth] + left_cost(account, prices, cash_left, gain_left)
    if cost > gap - 1 + ties:
        return gap
    _build(account, tree, depth)
    if cost == gap and not _comes_first(account, tree, depth):
        return gap
    keep(rows, account, tree)
    return cost


def _build(account: Account, tree: Tree, depth: int) -> None:
    """Put the answer of a depth together: the candidate before the next one is the one chosen."""
    for asset in range(account.assets):
        tree.now[asset] = tree.best[asset]
    for above in range(depth):
        tree.now[tree.asset[tree.level[above]]] = tree.steps[tree.next[above] - 1]


def _comes_first(account: Account, tree: Tree, depth: int) -> bool:
    """Whether the answer built comes before the best one, both equally good."""
    if tree.trades[depth] != tree.record[0]:
        return tree.trades[depth] < tree.record[0]
    if tree.turnover[depth] != tree.record[1]:
        return tree.turnover[depth] < tree.record[1]
    for asset in range(account.assets):
        if tree.now[asset] != tree.answer[asset]:
            return tree.now[asset] < tree.answer[asset]
    return False
