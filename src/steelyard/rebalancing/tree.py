"""The search: every answer that could be better than the best one known is looked at, or shown to be worse.

An asset's candidates are the trades whose extra cost is not above the gap; any other trade is out, whatever the rest
does. Assets are taken in the order of their least extra cost for a unit of cash moved, so that those left to the end
move cash dearly: cash that is then missing or over costs at least its amount times the cheapest way left to move it.
That is the bound by which branches are cut.

Reference: Martello & Toth, "Knapsack Problems", 1990, for core and bound.
"""

from typing import Final, NamedTuple

from steelyard.rebalancing.incumbent import cash_of, gain_of
from steelyard.rebalancing.relaxation import L1, best_of_piece, best_rest, clamp, cost_at, tail_cost
from steelyard.rebalancing.rows import Account, Ints, Rows

FAR: Final = 1 << 62
"""Above every number of a search."""


class Tree(NamedTuple):
    """Room for one search, one column a field.

    Candidates, those of one asset together, the cheapest first: piece and steps; extra cost, cash and gain, all
    compared with the asset's best trade for itself.

    Levels, by depth: asset; its candidates (begin, end), the next to try, the one chosen; what a unit of cash moved
    costs at least here (`rate`). So far: cost, cash left, gain left, trades, turnover. Over this level and all
    below: least cost of a unit of cash freed and used, of gain freed and used, most cash and gain that can be freed,
    fewest trades, least turnover.

    Assets: the best trade for itself (piece, steps, cost), the answer being built (piece, steps), the best answer.

    `left`: cash and gain left by the answer being built. `record`: trades and turnover of the best answer.
    """

    piece: Ints
    steps: Ints
    cost: Ints
    cash: Ints
    gain: Ints

    asset: Ints
    begin: Ints
    end: Ints
    next: Ints
    chosen: Ints
    rate: Ints
    cost_so_far: Ints
    cash_left: Ints
    gain_left: Ints
    trades: Ints
    turnover: Ints
    cash_freed_at: Ints
    cash_used_at: Ints
    gain_freed_at: Ints
    gain_used_at: Ints
    most_cash: Ints
    most_gain: Ints
    fewest_trades: Ints
    least_turnover: Ints

    best_piece: Ints
    best: Ints
    least: Ints
    now_piece: Ints
    now: Ints
    answer: Ints

    left: Ints
    record: Ints


# ── Candidates ──────────────────────────────────────────────────────────────────────────────────────────────


def list_candidates(
    tree: Tree, rows: Rows, account: Account, cash_price: int, gain_price: int, gap: int
) -> tuple[int, int]:
    """List the candidates of each asset and make a level of each asset that has a choice.

    Returns how many levels there are, and the least extra cost of a trade that is not listed.
    """
    room = len(tree.cost) // max(1, rows.start[account.assets])
    levels, end, unlisted = 0, 0, FAR
    for asset in range(account.assets):
        begin = end
        for piece in range(rows.start[asset], rows.start[asset + 1]):
            end, beyond = _list_piece(
                tree, rows, account, asset, piece, cash_price, gain_price, gap, begin, end, end + room
            )
            unlisted = min(unlisted, beyond)
        tree.now[asset] = tree.steps[begin]
        if end > begin + 1:
            levels = _insert_level(tree, levels, asset, begin, end)
    return levels, unlisted


def _list_piece(
    tree: Tree,
    rows: Rows,
    account: Account,
    asset: int,
    piece: int,
    cash_price: int,
    gain_price: int,
    gap: int,
    begin: int,
    end: int,
    full: int,
) -> tuple[int, int]:
    """List a piece from its best trade outwards, the cheaper side first; return the end and the cost that came next."""
    norm, least = account.norm, tree.least[asset]
    right = best_of_piece(rows, norm, asset, piece, cash_price, gain_price)
    left = right - 1
    cost_right, cost_left = FAR, FAR
    if right <= rows.last[piece]:
        cost_right = cost_at(rows, norm, asset, piece, right, cash_price, gain_price) - least
    if left >= rows.first[piece]:
        cost_left = cost_at(rows, norm, asset, piece, left, cash_price, gain_price) - least
    while min(cost_left, cost_right) <= gap and end < full:
        if cost_right <= cost_left:
            _insert_candidate(tree, rows, asset, begin, end, piece, right, cost_right)
            right += 1
            cost_right = FAR
            if right <= rows.last[piece]:
                cost_right = cost_at(rows, norm, asset, piece, right, cash_price, gain_price) - least
        else:
            _insert_candidate(tree, rows, asset, begin, end, piece, left, cost_left)
            left -= 1
            cost_left = FAR
            if left >= rows.first[piece]:
                cost_left = cost_at(rows, norm, asset, piece, left, cash_price, gain_price) - least
        end += 1
    return end, min(cost_left, cost_right)


def _insert_candidate(
    tree: Tree, rows: Rows, asset: int, begin: int, end: int, piece: int, steps: int, cost: int
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


def _insert_level(tree: Tree, levels: int, asset: int, begin: int, end: int) -> int:
    """Put an asset among the levels, behind the last that moves cash as cheaply; return how many there are then."""
    rate = FAR
    for c in range(begin, end):
        if tree.cash[c] != 0:
            rate = min(rate, tree.cost[c] // abs(tree.cash[c]))
    at = levels
    while at > 0 and tree.rate[at - 1] > rate:
        tree.asset[at], tree.rate[at] = tree.asset[at - 1], tree.rate[at - 1]
        tree.begin[at], tree.end[at] = tree.begin[at - 1], tree.end[at - 1]
        at -= 1
    tree.asset[at], tree.rate[at], tree.begin[at], tree.end[at] = asset, rate, begin, end
    return levels + 1


# ── Bounds ──────────────────────────────────────────────────────────────────────────────────────────────────


def sum_up(tree: Tree, rows: Rows, levels: int, gap: int, cash_left: int, gain_left: int) -> None:
    """Fill what holds for each level and all below it.

    A rate is never worth more than `gap` + 1: one unit then is too much already.
    """
    moved = abs(cash_left) + abs(gain_left) + 1
    for c in range(levels):
        moved += _widest(tree, tree.begin[c], tree.end[c])
    dearest = min(gap + 1, FAR // moved)
    tree.cash_freed_at[levels], tree.cash_used_at[levels] = dearest, dearest
    tree.gain_freed_at[levels], tree.gain_used_at[levels] = dearest, dearest
    tree.most_cash[levels], tree.most_gain[levels] = 0, 0
    tree.fewest_trades[levels], tree.least_turnover[levels] = 0, 0
    for level in range(levels - 1, -1, -1):
        _sum_up_level(tree, rows, level)


def _widest(tree: Tree, begin: int, end: int) -> int:
    widest = 0
    for c in range(begin, end):
        widest = max(widest, abs(tree.cash[c]), abs(tree.gain[c]))
    return widest


def _sum_up_level(tree: Tree, rows: Rows, level: int) -> None:
    below = level + 1
    cash_freed, cash_used = tree.cash_freed_at[below], tree.cash_used_at[below]
    gain_freed, gain_used = tree.gain_freed_at[below], tree.gain_used_at[below]
    most_cash, most_gain, fewest, turnover = 0, 0, 1, FAR
    for c in range(tree.begin[level], tree.end[level]):
        cost, cash, gain = tree.cost[c], tree.cash[c], tree.gain[c]
        if cash < 0:
            cash_freed = min(cash_freed, cost // -cash)
        elif cash > 0:
            cash_used = min(cash_used, cost // cash)
        if gain < 0:
            gain_freed = min(gain_freed, cost // -gain)
        elif gain > 0:
            gain_used = min(gain_used, cost // gain)
        most_cash, most_gain = max(most_cash, -cash), max(most_gain, -gain)
        turnover = min(turnover, abs(tree.steps[c]))
    fewest = 1 if turnover > 0 else 0
    tree.cash_freed_at[level], tree.cash_used_at[level] = cash_freed, cash_used
    tree.gain_freed_at[level], tree.gain_used_at[level] = gain_freed, gain_used
    tree.most_cash[level] = tree.most_cash[below] + most_cash
    tree.most_gain[level] = tree.most_gain[below] + most_gain
    tree.fewest_trades[level] = tree.fewest_trades[below] + fewest
    tree.least_turnover[level] = tree.least_turnover[below] + turnover * rows.price[tree.asset[level]]


def rest_bound(account: Account, left: int, freed_at: int, used_at: int, cash_price: int) -> int:
    """Give the least that the cash left, moved at these rates to whatever is best, can cost.

    The cost is convex in what is left in the end, and so is the cost of moving: the best lies between `left` and
    where cash alone is best, and only a corner or a point of equal slopes can be it.
    """
    rest, target = best_rest(account, cash_price), account.cash_rest
    if left < rest:
        end = max(left, 0)
        if account.cash_norm != L1:
            end = clamp((2 * target - cash_price - freed_at) // 2, end, rest)
        elif cash_price + freed_at < account.cash_scale:
            end = rest
        return tail_cost(account, end, cash_price) + freed_at * (end - left)
    end = rest
    if account.cash_norm != L1:
        end = clamp((2 * target - cash_price + used_at) // 2, rest, left)
    else:
        if rest < target and cash_price - used_at < account.cash_scale:
            end = min(target, left)
        if end >= target and cash_price - used_at < -account.cash_scale:
            end = left
    return tail_cost(account, end, cash_price) + used_at * (left - end)


def gain_bound(left: int, freed_at: int, used_at: int, gain_price: int) -> int:
    """Give the least that the gain left can cost, moved at these rates to 0 or more."""
    return -left * freed_at if left < 0 else left * min(gain_price, used_at)


# ── Depth first ─────────────────────────────────────────────────────────────────────────────────────────────


def start_tree(tree: Tree, rows: Rows, account: Account, levels: int, cash_left: int, gain_left: int) -> None:
    """Set the root: the assets without a choice have their trade, the others none yet."""
    trades, turnover = 0, 0
    for level in range(levels):
        tree.now[tree.asset[level]] = 0
    for asset in range(account.assets):
        trades += 1 if tree.now[asset] != 0 else 0
        turnover += rows.price[asset] * abs(tree.now[asset])
    tree.cost_so_far[0], tree.cash_left[0], tree.gain_left[0] = 0, cash_left, gain_left
    tree.trades[0], tree.turnover[0] = trades, turnover
    tree.next[0] = tree.begin[0]


def descend(
    tree: Tree, rows: Rows, account: Account, level: int, c: int, cash_price: int, gain_price: int
) -> int:
    """Choose a candidate; return the least an answer with it can cost, FAR where it cannot be allowed."""
    below, steps = level + 1, tree.steps[c]
    cost = tree.cost_so_far[level] + tree.cost[c]
    cash, gain = tree.cash_left[level] - tree.cash[c], tree.gain_left[level] - tree.gain[c]
    if cash + tree.most_cash[below] < 0:
        return FAR
    if account.is_limited != 0 and gain + tree.most_gain[below] < 0:
        return FAR
    tree.chosen[level], tree.now[tree.asset[level]] = c, steps
    tree.cost_so_far[below], tree.cash_left[below], tree.gain_left[below] = cost, cash, gain
    tree.trades[below] = tree.trades[level] + (1 if steps != 0 else 0)
    tree.turnover[below] = tree.turnover[level] + abs(steps) * rows.price[tree.asset[level]]
    more = rest_bound(account, cash, tree.cash_freed_at[below], tree.cash_used_at[below], cash_price)
    if account.is_limited != 0:
        freed_at, used_at = tree.gain_freed_at[below], tree.gain_used_at[below]
        more = max(more, gain_bound(gain, freed_at, used_at, gain_price))
    return cost + more


def search_tree(
    tree: Tree,
    rows: Rows,
    account: Account,
    levels: int,
    cash_price: int,
    gain_price: int,
    gap: int,
    ties: int,
    limit: int,
) -> tuple[int, int, int, int]:
    """Look for answers that cost less than `gap`, or (`ties` = 1) as much and come first among equals.

    Returns the gap of the best answer, the nodes looked at, the least cost of what was not (FAR where the search came
    to its end), and how many branches were followed for the sake of a tie alone.
    """
    level, nodes, followed = 0, 0, 0
    while level >= 0:
        c = tree.next[level]
        if c == tree.end[level] or tree.cost_so_far[level] + tree.cost[c] > gap - 1 + ties:
            level -= 1
            continue
        if nodes == limit:
            return gap, nodes, _least_open(tree, level), followed
        nodes += 1
        tree.next[level] = c + 1
        bound = descend(tree, rows, account, level, c, cash_price, gain_price)
        if bound > gap or (bound == gap and not (ties != 0 and _may_come_first(tree, level + 1))):
            continue
        followed += 1 if bound == gap else 0
        if level + 1 < levels:
            level += 1
            tree.next[level] = tree.begin[level]
        else:
            gap = _record(tree, account, levels, cash_price, gain_price, gap)
    return gap, nodes, FAR, followed


def _least_open(tree: Tree, level: int) -> int:
    """Give the least cost of a candidate not tried, on the way down to a level."""
    least = FAR
    for above in range(level + 1):
        if tree.next[above] < tree.end[above]:
            least = min(least, tree.cost_so_far[above] + tree.cost[tree.next[above]])
    return least


def _may_come_first(tree: Tree, level: int) -> bool:
    """Whether an answer from here may come before the best one, were they equally good."""
    trades = tree.trades[level] + tree.fewest_trades[level]
    if trades != tree.record[0]:
        return trades < tree.record[0]
    return tree.turnover[level] + tree.least_turnover[level] <= tree.record[1]


def _record(tree: Tree, account: Account, levels: int, cash_price: int, gain_price: int, gap: int) -> int:
    """Keep the answer built, if it is better or comes first among equals; return the gap of the best answer."""
    cost = tree.cost_so_far[levels] + tail_cost(account, tree.cash_left[levels], cash_price)
    if account.is_limited != 0:
        cost += gain_price * tree.gain_left[levels]
    trades, turnover = tree.trades[levels], tree.turnover[levels]
    if cost > gap or (cost == gap and not comes_first(tree, account, trades, turnover)):
        return gap
    keep(tree, account, trades, turnover)
    return cost


def comes_first(tree: Tree, account: Account, trades: int, turnover: int) -> bool:
    """Whether the answer built comes before the best one, both equally good."""
    if trades != tree.record[0]:
        return trades < tree.record[0]
    if turnover != tree.record[1]:
        return turnover < tree.record[1]
    for asset in range(account.assets):
        if tree.now[asset] != tree.answer[asset]:
            return tree.now[asset] < tree.answer[asset]
    return False


def keep(tree: Tree, account: Account, trades: int, turnover: int) -> None:
    """Make the answer built the best one."""
    for asset in range(account.assets):
        tree.answer[asset] = tree.now[asset]
    tree.record[0], tree.record[1] = trades, turnover
