"""What closes a tree that grew too large: the same levels, breadth first, with answers in part that agree merged.

Two answers in part that leave the same cash (and gain) have the same future, so only the cheaper lives. Where leftover
cash has no drift of its own, one that leaves more cash at no higher cost rules the other out too. Accounts whose whole
future is a few thousand amounts of cash (few assets, one of them dear) end here within milliseconds.

The states of one level stand together, the most cash left first.

Reference: Nemhauser & Ullmann, "Discrete dynamic programming and capital allocation", 1969.
"""

from steelyard.rebalancing.cells import (
    ASSET,
    BEGIN,
    BEST,
    CANDIDATE,
    CASH,
    CASH_LEFT,
    CHOSEN,
    END,
    EXTRA,
    GAIN,
    GAIN_LEFT,
    LEVEL,
    NOW,
    OF_ASSET,
    OWN_CASH,
    OWN_GAIN,
    OWN_SPENT,
    PARENT,
    STATE,
    STEPS,
    Account,
    Cells,
    Sections,
)
from steelyard.rebalancing.incumbent import keep, left_cost, missing
from steelyard.rebalancing.relaxation import L1, Prices
from steelyard.rebalancing.tree import bound_below


def search_states(
    cells: Cells, account: Account, at: Sections, prices: Prices, levels_end: int, gap: int
) -> tuple[int, int, int]:
    """Look for an answer that costs less than `gap`, over the levels that a tree was started on.

    Returns the gap of the best answer, the states looked at, and the least cost of what was not (`far` at the end).
    """
    begin, end = at.states, at.states + STATE
    cells[begin + OWN_CASH], cells[begin + OWN_GAIN] = (
        cells[at.depths + CASH_LEFT],
        cells[at.depths + GAIN_LEFT],
    )
    cells[begin + OWN_SPENT] = 0
    for level in range(at.levels, levels_end, LEVEL):
        grown = _grow(cells, account, at, prices, level, begin, end, gap)
        if grown < 0:
            least = _least_open(cells, account, prices, level, begin, end)
            return gap, (end - at.states) // STATE, least
        begin, end = end, grown
        best, cost = _cheapest(cells, account, prices, begin, end)
        if cost < gap:
            gap = cost
            _keep_state(cells, account, at, level, best)
    return gap, (end - at.states) // STATE, account.far


def _grow(
    cells: Cells, account: Account, at: Sections, prices: Prices, level: int, begin: int, end: int, gap: int
) -> int:
    """Write the states of the next level from `end` on; return where they end, -1 where there is no room."""
    grown = end
    for c in range(cells[level + BEGIN], cells[level + END], CANDIDATE):
        if cells[c + EXTRA] >= gap:
            break
        grown = _merge(cells, account, at, prices, level + LEVEL, c, begin, end, grown, gap)
        if grown < 0:
            break
    return grown


def _merge(
    cells: Cells,
    account: Account,
    at: Sections,
    prices: Prices,
    below: int,
    c: int,
    begin: int,
    end: int,
    grown: int,
    gap: int,
) -> int:
    """Merge what a candidate makes of the states from `begin` to `end` into those from `end` to `grown`."""
    old, olds_end = at.olds, at.olds + grown - end
    for i in range(grown - end):
        cells[at.olds + i] = cells[end + i]
    parent, state = begin, end
    while old < olds_end or parent < end:
        if state >= at.olds:
            return -1
        if parent == end or (old < olds_end and _comes_before(cells, old, parent, c)):
            for i in range(STATE):
                cells[state + i] = cells[old + i]
            old += STATE
            state = _settle(cells, account, prices, end, state)
            continue
        cash, gain = cells[parent + OWN_CASH] - cells[c + CASH], cells[parent + OWN_GAIN] - cells[c + GAIN]
        spent = cells[parent + OWN_SPENT] + cells[c + EXTRA]
        if spent + bound_below(cells, account, prices, below, cash, gain) < gap:
            cells[state + OWN_CASH], cells[state + OWN_GAIN], cells[state + OWN_SPENT] = cash, gain, spent
            cells[state + PARENT], cells[state + CHOSEN] = parent, c
            state = _settle(cells, account, prices, end, state)
        parent += STATE
    return state


def _comes_before(cells: Cells, old: int, parent: int, c: int) -> bool:
    """Whether a state set aside leaves no less than what a candidate makes of a parent."""
    cash = cells[parent + OWN_CASH] - cells[c + CASH]
    if cells[old + OWN_CASH] != cash:
        return cells[old + OWN_CASH] > cash
    return cells[old + OWN_GAIN] >= cells[parent + OWN_GAIN] - cells[c + GAIN]


def _settle(cells: Cells, account: Account, prices: Prices, begin: int, state: int) -> int:
    """Keep the state just written, unless the one before rules it out, or replace that one; return the end."""
    before, after = state - STATE, state + STATE
    if before < begin:
        return after
    freed = cells[before + OWN_CASH] - cells[state + OWN_CASH]
    if freed == 0 and cells[before + OWN_GAIN] == cells[state + OWN_GAIN]:
        if cells[state + OWN_SPENT] < cells[before + OWN_SPENT]:
            for i in range(STATE):
                cells[before + i] = cells[state + i]
        return state
    if account.is_limited == 0 and account.cash_norm == L1 and account.cash_scale == 0:
        return state if cells[before + OWN_SPENT] + prices.cash * freed <= cells[state + OWN_SPENT] else after
    return after


def _least_open(cells: Cells, account: Account, prices: Prices, level: int, begin: int, end: int) -> int:
    """Give the least an answer can cost that any of these states is part of."""
    least = account.far
    for state in range(begin, end, STATE):
        more = bound_below(cells, account, prices, level, cells[state + OWN_CASH], cells[state + OWN_GAIN])
        least = min(least, cells[state + OWN_SPENT] + more)
    return least


def _cheapest(cells: Cells, account: Account, prices: Prices, begin: int, end: int) -> tuple[int, int]:
    """Find the state that is the best answer as it stands, and its cost; `far` where none is allowed."""
    best, least = -1, account.far
    for state in range(begin, end, STATE):
        cash, gain = cells[state + OWN_CASH], cells[state + OWN_GAIN]
        if missing(account, cash, gain) == 0:
            cost = cells[state + OWN_SPENT] + left_cost(account, prices, cash, gain)
            if cost < least:
                best, least = state, cost
    return best, least


def _keep_state(cells: Cells, account: Account, at: Sections, level: int, state: int) -> None:
    """Make the answer that a state stands for, after `level`, the best one."""
    for asset in range(0, account.assets_end, ASSET):
        cells[asset + NOW] = cells[asset + BEST]
    for above in range(level, at.levels - LEVEL, -LEVEL):
        cells[cells[above + OF_ASSET] + NOW] = cells[cells[state + CHOSEN] + STEPS]
        state = cells[state + PARENT]
    keep(cells, account, at.notes)
