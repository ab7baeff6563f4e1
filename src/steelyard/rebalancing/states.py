"""What closes a tree that grew too large: the same levels, breadth first, with answers in part that agree merged.

Two answers in part that leave the same cash (and gain) have the same future, so only the cheaper lives. Where leftover
cash has no drift of its own, one that leaves more cash at no higher cost rules the other out too. Accounts whose whole
future is a few thousand amounts of cash (few assets, one of them dear) end here within milliseconds.

Reference: Nemhauser & Ullmann, "Discrete dynamic programming and capital allocation", 1969.
"""

from typing import NamedTuple

from steelyard.rebalancing.rows import Account, Ints, Rows
from steelyard.rebalancing.relaxation import L1
from steelyard.rebalancing.tree import FAR, Tree, gain_bound, keep, rest_bound
from steelyard.rebalancing.relaxation import tail_cost


class States(NamedTuple):
    """Room for the answers in part, those of one level together, the most cash left first.

    Cash left, gain left, cost so far, the state this one came from and the candidate it chose; `old_*`: the same, to
    merge from. `layer`: where each level's states begin.
    """

    cash: Ints
    gain: Ints
    cost: Ints
    parent: Ints
    chosen: Ints
    old_cash: Ints
    old_gain: Ints
    old_cost: Ints
    old_parent: Ints
    old_chosen: Ints
    layer: Ints


def search_states(
    tree: Tree,
    states: States,
    rows: Rows,
    account: Account,
    levels: int,
    cash_price: int,
    gain_price: int,
    gap: int,
) -> tuple[int, int, int]:
    """Look for an answer that costs less than `gap`, over the levels that a tree was started on.

    Returns the gap of the best answer, the states looked at, and the least cost of what was not (FAR at the end).
    """
    states.cash[0], states.gain[0], states.cost[0] = tree.cash_left[0], tree.gain_left[0], 0
    begin, end = 0, 1
    for level in range(levels):
        states.layer[level] = begin
        grown = _grow(tree, states, account, level, begin, end, cash_price, gain_price, gap)
        if grown < 0:
            return gap, end, _least_bound(tree, states, account, level, begin, end, cash_price, gain_price)
        begin, end = end, grown
    for state in range(begin, end):
        cost = states.cost[state] + tail_cost(account, states.cash[state], cash_price)
        cost += gain_price * states.gain[state] if account.is_limited != 0 else 0
        if cost < gap:
            gap = cost
            _keep_state(tree, states, rows, account, levels, state)
    return gap, end, FAR


def _grow(
    tree: Tree,
    states: States,
    account: Account,
    level: int,
    begin: int,
    end: int,
    cash_price: int,
    gain_price: int,
    gap: int,
) -> int:
    """Write the states of the next level from `end` on; return where they end, -1 where there is no room."""
    grown = end
    for c in range(tree.begin[level], tree.end[level]):
        if tree.cost[c] >= gap:
            break
        grown = _merge(tree, states, account, level, c, begin, end, grown, cash_price, gain_price, gap)
        if grown < 0:
            break
    return grown


def _merge(
    tree: Tree,
    states: States,
    account: Account,
    level: int,
    c: int,
    begin: int,
    end: int,
    grown: int,
    cash_price: int,
    gain_price: int,
    gap: int,
) -> int:
    """Merge what a candidate makes of the states from `begin` to `end` into those from `end` to `grown`."""
    olds = grown - end
    for i in range(olds):
        states.old_cash[i], states.old_gain[i] = states.cash[end + i], states.gain[end + i]
        states.old_cost[i], states.old_parent[i] = states.cost[end + i], states.parent[end + i]
        states.old_chosen[i] = states.chosen[end + i]
    old, parent, at = 0, begin, end
    while old < olds or parent < end:
        if at >= len(states.cash):
            return -1
        cash, gain = states.cash[parent] - tree.cash[c], states.gain[parent] - tree.gain[c]
        if parent == end or (
            old < olds
            and (
                states.old_cash[old] > cash or (states.old_cash[old] == cash and states.old_gain[old] >= gain)
            )
        ):
            at = _append(
                states,
                account,
                end,
                at,
                states.old_cash[old],
                states.old_gain[old],
                states.old_cost[old],
                states.old_parent[old],
                states.old_chosen[old],
                cash_price,
            )
            old += 1
        else:
            cost = states.cost[parent] + tree.cost[c]
            if cost + _bound(tree, account, level + 1, cash, gain, cash_price, gain_price) < gap:
                at = _append(states, account, end, at, cash, gain, cost, parent, c, cash_price)
            parent += 1
    return at


def _append(
    states: States,
    account: Account,
    begin: int,
    at: int,
    cash: int,
    gain: int,
    cost: int,
    parent: int,
    chosen: int,
    cash_price: int,
) -> int:
    """Write a state behind the one that leaves no less cash, unless that one rules it out; return the end."""
    last = at - 1
    if last >= begin:
        if states.cash[last] == cash and states.gain[last] == gain:
            if states.cost[last] <= cost:
                return at
            at = last
        elif account.is_limited == 0 and account.cash_norm == L1 and account.cash_scale == 0:
            if states.cost[last] + cash_price * (states.cash[last] - cash) <= cost:
                return at
    states.cash[at], states.gain[at], states.cost[at] = cash, gain, cost
    states.parent[at], states.chosen[at] = parent, chosen
    return at + 1


def _bound(
    tree: Tree, account: Account, level: int, cash: int, gain: int, cash_price: int, gain_price: int
) -> int:
    """Give the least that cash and gain left can cost from a level on; FAR where they cannot be allowed."""
    if cash + tree.most_cash[level] < 0:
        return FAR // 2
    more = rest_bound(account, cash, tree.cash_freed_at[level], tree.cash_used_at[level], cash_price)
    if account.is_limited == 0:
        return more
    if gain + tree.most_gain[level] < 0:
        return FAR // 2
    return max(more, gain_bound(gain, tree.gain_freed_at[level], tree.gain_used_at[level], gain_price))


def _least_bound(
    tree: Tree,
    states: States,
    account: Account,
    level: int,
    begin: int,
    end: int,
    cash_price: int,
    gain_price: int,
) -> int:
    least = FAR
    for state in range(begin, end):
        cash, gain = states.cash[state], states.gain[state]
        bound = _bound(tree, account, level, cash, gain, cash_price, gain_price)
        least = min(least, states.cost[state] + bound)
    return least


def _keep_state(tree: Tree, states: States, rows: Rows, account: Account, levels: int, state: int) -> None:
    """Make the answer that a state stands for the best one."""
    for level in range(levels - 1, -1, -1):
        tree.now[tree.asset[level]] = tree.steps[states.chosen[state]]
        state = states.parent[state]
    trades, turnover = 0, 0
    for asset in range(account.assets):
        trades += 1 if tree.now[asset] != 0 else 0
        turnover += rows.price[asset] * abs(tree.now[asset])
    keep(tree, account, trades, turnover)
