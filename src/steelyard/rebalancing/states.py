"""What closes a tree that grew too large: answers in part, breadth first, from both ends of the levels.

Two answers in part that leave the same cash (and gain) have the same future, so only the cheaper lives. Where leftover
cash has no drift of its own, one that leaves more cash at no higher cost rules the other out too. From the first level
down and from the last level up the answers in part are listed, those of one level together, the most cash left first;
where the two lists meet, each of one is paired with those of the other that leave about the cash there should be. The
lists are as long as the root of the number of answers.

Reference: Nemhauser & Ullmann, "Discrete dynamic programming and capital allocation", 1969; Horowitz & Sahni,
"Computing partitions with applications to the knapsack problem", 1974.
"""

from typing import Final

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
    WORK_LEFT,
    Account,
    Cells,
    Sections,
)
from steelyard.rebalancing.incumbent import keep, left_cost, missing
from steelyard.rebalancing.relaxation import L1, Prices, best_rest, rest_cost
from steelyard.rebalancing.tree import bound_below

WORK: Final = 128
"""How many merges and pairs a search may make for each state there is room for, however often it starts again.

Room alone does not bound the time: each of thousands of candidates may be merged with all the states of a level.
"""


def search_states(
    cells: Cells, account: Account, at: Sections, prices: Prices, levels_end: int, gap: int
) -> tuple[int, int, int]:
    """Look for an answer that costs less than `gap`, over the levels that a tree was started on.

    Returns the gap of the best answer, the states looked at, and the least cost of what was not (`far` at the end).
    """
    begin, end, level = at.states, at.states + STATE, at.levels
    cells[begin + OWN_CASH], cells[begin + OWN_GAIN] = (
        cells[at.depths + CASH_LEFT],
        cells[at.depths + GAIN_LEFT],
    )
    cells[begin + OWN_SPENT] = 0
    while level < levels_end:
        grown = _grow(cells, account, at, prices, level, level + LEVEL, begin, end, gap)
        if grown < 0:
            break
        begin, end, level = end, grown, level + LEVEL
        best, cost = _cheapest(cells, account, prices, begin, end)
        if cost < gap:
            gap = cost
            _keep(cells, account, at, level, best, levels_end, levels_end, best)
    if level == levels_end:
        return gap, (end - at.states) // STATE, account.far
    least = _least_open(cells, account, prices, level, begin, end)
    gap, last, is_closed = _meet(cells, account, at, prices, levels_end, level, begin, end, gap)
    return gap, (last - at.states) // STATE, account.far if is_closed else least


def _meet(
    cells: Cells,
    account: Account,
    at: Sections,
    prices: Prices,
    levels_end: int,
    level: int,
    begin: int,
    end: int,
    gap: int,
) -> tuple[int, int, bool]:
    """List the answers in part from the last level up to `level` and pair them with those from `begin` to `end`.

    What they leave is counted from 0. Where there is no room for all of them, the assets between keep their best
    trades. Returns the gap of the best answer, the end of the states, whether nothing is left open.
    """
    first, last, above = end, end + STATE, levels_end
    if last > at.olds:
        return gap, end, False
    cells[first + OWN_CASH], cells[first + OWN_GAIN], cells[first + OWN_SPENT] = 0, 0, 0
    while above > level:
        grown = _grow(cells, account, at, prices, above - LEVEL, at.levels, first, last, gap)
        if grown < 0:
            break
        first, last, above = last, grown, above - LEVEL
    gap, is_closed = _pair(cells, account, at, prices, levels_end, level, above, begin, end, first, last, gap)
    return gap, last, is_closed and above == level


def _pair(
    cells: Cells,
    account: Account,
    at: Sections,
    prices: Prices,
    levels_end: int,
    level: int,
    above: int,
    begin: int,
    end: int,
    first: int,
    last: int,
    gap: int,
) -> tuple[int, bool]:
    """Pair answers in part; the less cash one leaves, the more the other must."""
    lowest, other, pairs = _lowest_rest(account, prices, gap), last - STATE, cells[at.notes + WORK_LEFT]
    for state in range(begin, end, STATE):
        cash, gain, spent = cells[state + OWN_CASH], cells[state + OWN_GAIN], cells[state + OWN_SPENT]
        while other >= first and cash + cells[other + OWN_CASH] < lowest:
            other -= STATE
        for mate in range(other, first - STATE, -STATE):
            left, gain_left = cash + cells[mate + OWN_CASH], gain + cells[mate + OWN_GAIN]
            cost = spent + rest_cost(account, left, prices.cash)
            if cost >= gap and left >= best_rest(account, prices.cash):
                break
            pairs -= 1
            cost = spent + cells[mate + OWN_SPENT] + left_cost(account, prices, left, gain_left)
            if cost < gap and missing(account, left, gain_left) == 0:
                gap = cost
                _keep(cells, account, at, level, state, above, levels_end, mate)
        if pairs < 0:
            break
    cells[at.notes + WORK_LEFT] = pairs
    return gap, pairs >= 0


def _lowest_rest(account: Account, prices: Prices, gap: int) -> int:
    """Give the least cash left over, 0 or more, that alone costs less than `gap`."""
    low, high = 0, best_rest(account, prices.cash)
    while low < high:
        middle = (low + high) // 2
        if rest_cost(account, middle, prices.cash) < gap:
            high = middle
        else:
            low = middle + 1
    return low


def _grow(
    cells: Cells,
    account: Account,
    at: Sections,
    prices: Prices,
    level: int,
    open_from: int,
    begin: int,
    end: int,
    gap: int,
) -> int:
    """Write what the candidates of a level make of the states, from `end` on; return the end, -1 where a limit ends it.

    Assets from level `open_from` on may deviate yet.
    """
    grown = end
    for c in range(cells[level + BEGIN], cells[level + END], CANDIDATE):
        if cells[c + EXTRA] >= gap:
            break
        cells[at.notes + WORK_LEFT] -= (grown - begin) // STATE
        if cells[at.notes + WORK_LEFT] < 0:
            return -1
        grown = _merge(cells, account, at, prices, open_from, c, begin, end, grown, gap)
        if grown < 0:
            break
    return grown


def _merge(
    cells: Cells,
    account: Account,
    at: Sections,
    prices: Prices,
    open_from: int,
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
    # From the first level down, half the room may be filled; from the last up, what is left counts from 0.
    is_up = open_from == at.levels
    room_end = at.olds if is_up else at.states + (at.olds - at.states) // (2 * STATE) * STATE
    cash_left = cells[at.depths + CASH_LEFT] if is_up else 0
    gain_left = cells[at.depths + GAIN_LEFT] if is_up else 0
    parent, state = begin, end
    while old < olds_end or parent < end:
        if state >= room_end:
            return -1
        if parent == end or (old < olds_end and _comes_before(cells, old, parent, c)):
            for i in range(STATE):
                cells[state + i] = cells[old + i]
            old += STATE
            state = _settle(cells, account, prices, end, state)
            continue
        cash, gain = cells[parent + OWN_CASH] - cells[c + CASH], cells[parent + OWN_GAIN] - cells[c + GAIN]
        spent = cells[parent + OWN_SPENT] + cells[c + EXTRA]
        if spent + bound_below(cells, account, prices, open_from, cash_left + cash, gain_left + gain) < gap:
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


def _keep(
    cells: Cells, account: Account, at: Sections, level: int, state: int, above: int, end: int, mate: int
) -> None:
    """Make the best answer what a state stands for, before `level`, and its mate, from `above` to `end`."""
    for asset in range(0, account.assets_end, ASSET):
        cells[asset + NOW] = cells[asset + BEST]
    for down in range(level - LEVEL, at.levels - LEVEL, -LEVEL):
        cells[cells[down + OF_ASSET] + NOW] = cells[cells[state + CHOSEN] + STEPS]
        state = cells[state + PARENT]
    for up in range(above, end, LEVEL):
        cells[cells[up + OF_ASSET] + NOW] = cells[cells[mate + CHOSEN] + STEPS]
        mate = cells[mate + PARENT]
    keep(cells, account, at.notes)
