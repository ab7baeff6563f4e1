"""What closes a tree that grew too large: the same levels, breadth first, with answers in part that agree merged.

Two answers in part that leave the same cash (and gain) have the same future, so only the cheaper lives. Where leftover
cash has no drift of its own, one that leaves more cash at no higher cost rules the other out too. Accounts whose whole
future is a few thousand amounts of cash (few assets, one of them dear) end here within milliseconds.

Reference: Nemhauser & Ullmann, "Discrete dynamic programming and capital allocation", 1969.
"""

from steelyard.rebalancing.incumbent import keep, left_cost, missing
from steelyard.rebalancing.relaxation import L1, Prices
from steelyard.rebalancing.room import States, Tree
from steelyard.rebalancing.rows import Account, Rows
from steelyard.rebalancing.tree import bound_below


def search_states(
    rows: Rows, account: Account, tree: Tree, states: States, prices: Prices, levels: int, gap: int
) -> tuple[int, int, int]:
    """Look for an answer that costs less than `gap`, over the levels that a tree was started on.

    Returns the gap of the best answer, the states looked at, and the least cost of what was not (`far` at the end).
    """
    states.cash[0], states.gain[0], states.cost[0] = tree.cash_left[0], tree.gain_left[0], 0
    begin, end = 0, 1
    for level in range(levels):
        grown = _grow(account, tree, states, prices, level, begin, end, gap)
        if grown < 0:
            return gap, end, _least_open(account, tree, states, prices, level, begin, end)
        begin, end = end, grown
        best, cost = _cheapest(account, states, prices, begin, end)
        if cost < gap:
            gap = cost
            _keep_state(rows, account, tree, states, level, best)
    return gap, end, account.far


def _grow(
    account: Account, tree: Tree, states: States, prices: Prices, level: int, begin: int, end: int, gap: int
) -> int:
    """Write the states of the next level from `end` on; return where they end, -1 where there is no room."""
    grown = end
    for c in range(tree.begin[level], tree.end[level]):
        if tree.cost[c] >= gap:
            break
        grown = _merge(account, tree, states, prices, level, c, begin, end, grown, gap)
        if grown < 0:
            break
    return grown


def _merge(
    account: Account,
    tree: Tree,
    states: States,
    prices: Prices,
    level: int,
    c: int,
    begin: int,
    end: int,
    grown: int,
    gap: int,
) -> int:
    """Merge what a candidate makes of the states from `begin` to `end` into those from `end` to `grown`."""
    old, olds, parent, at = 0, _set_aside(states, end, grown), begin, end
    while old < olds or parent < end:
        if at >= len(states.cash):
            return -1
        cash, gain = states.cash[parent] - tree.cash[c], states.gain[parent] - tree.gain[c]
        if parent == end or (old < olds and _leaves_more(states, old, cash, gain)):
            _copy_old(states, at, old)
            at = _settle(account, states, prices, end, at)
            old += 1
            continue
        cost = states.cost[parent] + tree.cost[c]
        if cost + bound_below(account, tree, prices, level + 1, cash, gain) < gap:
            states.cash[at], states.gain[at], states.cost[at] = cash, gain, cost
            states.parent[at], states.chosen[at] = parent, c
            at = _settle(account, states, prices, end, at)
        parent += 1
    return at


def _set_aside(states: States, end: int, grown: int) -> int:
    """Copy the states from `end` to `grown` to merge from; return how many they are."""
    for i in range(grown - end):
        states.old_cash[i], states.old_gain[i] = states.cash[end + i], states.gain[end + i]
        states.old_cost[i] = states.cost[end + i]
        states.old_parent[i], states.old_chosen[i] = states.parent[end + i], states.chosen[end + i]
    return grown - end


def _copy_old(states: States, at: int, old: int) -> None:
    states.cash[at], states.gain[at], states.cost[at] = (
        states.old_cash[old],
        states.old_gain[old],
        states.old_cost[old],
    )
    states.parent[at], states.chosen[at] = states.old_parent[old], states.old_chosen[old]


def _leaves_more(states: States, old: int, cash: int, gain: int) -> bool:
    """Whether a state set aside stands before one that leaves this cash and gain."""
    if states.old_cash[old] != cash:
        return states.old_cash[old] > cash
    return states.old_gain[old] >= gain


def _settle(account: Account, states: States, prices: Prices, begin: int, at: int) -> int:
    """Keep the state just written at `at`, unless the one before rules it out, or replace that; return the end."""
    last = at - 1
    if last < begin:
        return at + 1
    if states.cash[last] == states.cash[at] and states.gain[last] == states.gain[at]:
        if states.cost[at] < states.cost[last]:
            states.cost[last], states.parent[last] = states.cost[at], states.parent[at]
            states.chosen[last] = states.chosen[at]
        return at
    if account.is_limited == 0 and account.cash_norm == L1 and account.cash_scale == 0:
        dearer = prices.cash * (states.cash[last] - states.cash[at])
        return at if states.cost[last] + dearer <= states.cost[at] else at + 1
    return at + 1


def _least_open(
    account: Account, tree: Tree, states: States, prices: Prices, level: int, begin: int, end: int
) -> int:
    """Give the least an answer can cost that any of these states is part of."""
    least = account.far
    for state in range(begin, end):
        more = bound_below(account, tree, prices, level, states.cash[state], states.gain[state])
        least = min(least, states.cost[state] + more)
    return least


def _cheapest(account: Account, states: States, prices: Prices, begin: int, end: int) -> tuple[int, int]:
    """Find the state that is the best answer as it stands, and its cost; `far` where none is allowed."""
    best, least = -1, account.far
    for state in range(begin, end):
        cash, gain = states.cash[state], states.gain[state]
        if missing(account, cash, gain) == 0:
            cost = states.cost[state] + left_cost(account, prices, cash, gain)
            if cost < least:
                best, least = state, cost
    return best, least


def _keep_state(rows: Rows, account: Account, tree: Tree, states: States, level: int, state: int) -> None:
    """Make the answer that a state stands for, after `level`, the best one."""
    for asset in range(account.assets):
        tree.now[asset] = tree.best[asset]
    for above in range(level, -1, -1):
        tree.now[tree.asset[above]] = tree.steps[states.chosen[state]]
        state = states.parent[state]
    keep(rows, account, tree)
