"""The exact search of one account, from its cells to its best trades and the proof that none are better.

Prices on cash and gains give a bound below every answer (`relaxation`); one trade at a time gives an answer above it
(`incumbent`); what lies between is searched depth first (`tree`), and breadth first where that takes too long
(`states`). Everything that decides is a whole number. Plain Python runs these functions as they stand, `kernel`
compiles them.
"""

from typing import Final

from steelyard.rebalancing.cells import (
    RECORD_TRADES,
    RECORD_TURNOVER,
    STATE,
    WORK_LEFT,
    Account,
    Cells,
    Sections,
)
from steelyard.rebalancing.incumbent import first_answer
from steelyard.rebalancing.problem import L1_SCALE
from steelyard.rebalancing.relaxation import Prices, clamp, find_prices, relax
from steelyard.rebalancing.states import WORK, search_states
from steelyard.rebalancing.tree import FINE, list_candidates, search_tree, start_tree, sum_up

NEAR: Final = 128
WIDER: Final = 2
"""The search first looks for answers within 1 / NEAR of the gap, then WIDER times as far, until it finds one."""

QUICK: Final = 1000
"""Nodes after which the search in breadth takes over, where it has room; the tree goes on where that runs out."""

TIES: Final = 5000
"""Nodes for finding the first of equally good answers, once it is proven that none is better."""

WORTHWHILE: Final = 16
"""A search that found a better answer but no proof starts again from it, if it is better by 1 / WORTHWHILE."""


def furthest_of(account: Account) -> int:
    """Return how far above the root bound the search may look: what it multiplies there still fits."""
    return account.far // (4 * FINE)


def best_trades(
    cells: Cells, account: Account, at: Sections, node_limit: int
) -> tuple[int, int, int, Prices]:
    """Find the best answer of one account, into the `ANSWER` of each asset.

    Returns how far it is above the root bound (`far` where none was found), how far above it any answer is at least
    (`far` where there is none), the nodes looked at, and the prices that give the root bound.
    """
    cells[at.notes + WORK_LEFT] = WORK * ((at.olds - at.states) // STATE)
    prices = find_prices(cells, account)
    cash_left, gain_left = relax(cells, account, prices)
    gap = first_answer(cells, account, at.notes, prices, cash_left, gain_left)
    furthest = furthest_of(account)
    reach = L1_SCALE if gap == account.far else gap // NEAR
    proven, nodes = 0, 0
    while True:
        within = min(reach, gap, furthest)
        found, open_at, looked = _search_within(
            cells, account, at, prices, cash_left, gain_left, within, gap, node_limit - nodes
        )
        nodes += looked
        if open_at < found < gap - gap // WORTHWHILE:
            gap, reach = found, found
            continue
        if found < gap or within == gap or open_at <= within:
            return found, min(found, max(proven, open_at)), nodes, prices
        proven, reach = within + 1, WIDER * reach + 1
        if within == furthest:
            bound = account.far if gap == account.far and open_at == account.far else proven
            return gap, bound, nodes, prices


def _search_within(
    cells: Cells,
    account: Account,
    at: Sections,
    prices: Prices,
    cash_left: int,
    gain_left: int,
    within: int,
    gap: int,
    node_limit: int,
) -> tuple[int, int, int]:
    """Look for an answer up to `within` above the root bound, the best known being `gap` above it.

    Returns the gap of the best answer known then, the least cost of what was left out or open, and the nodes.
    """
    trades, turnover = cells[at.notes + RECORD_TRADES], cells[at.notes + RECORD_TURNOVER]
    if within < gap:
        cells[at.notes + RECORD_TRADES], cells[at.notes + RECORD_TURNOVER] = account.far, account.far
    levels_end, unlisted = list_candidates(cells, account, at, prices, within)
    sum_up(cells, account, at.levels, levels_end, within, cash_left, gain_left)
    found = start_tree(cells, account, at, prices, cash_left, gain_left, within, 1)
    limit = max(0, node_limit) if at.olds == at.states else clamp(node_limit, 0, QUICK)
    found, nodes, open_at, followed = search_tree(cells, account, at, prices, levels_end, found, 1, limit)
    is_cut_short = open_at < account.far
    if open_at < found and followed > 0:
        start_tree(cells, account, at, prices, cash_left, gain_left, found, 0)
        found, more, open_at, _ = search_tree(cells, account, at, prices, levels_end, found, 0, limit)
        nodes += more
    if open_at < found and at.olds > at.states:
        start_tree(cells, account, at, prices, cash_left, gain_left, found, 0)
        found, more, beyond = search_states(cells, account, at, prices, levels_end, found)
        nodes, open_at = nodes + more, max(open_at, beyond)
    if open_at < found and node_limit > limit:
        start_tree(cells, account, at, prices, cash_left, gain_left, found, 0)
        found, more, beyond, _ = search_tree(
            cells, account, at, prices, levels_end, found, 0, node_limit - limit
        )
        nodes, open_at = nodes + more, max(open_at, beyond)
    if is_cut_short and open_at >= found and node_limit > limit:
        start_tree(cells, account, at, prices, cash_left, gain_left, found, 1)
        found, more, _, _ = search_tree(
            cells, account, at, prices, levels_end, found, 1, clamp(node_limit - limit, 0, TIES)
        )
        nodes += more
    if within < gap and cells[at.notes + RECORD_TRADES] == account.far:
        cells[at.notes + RECORD_TRADES], cells[at.notes + RECORD_TURNOVER] = trades, turnover
        found = gap
    return found, min(open_at, unlisted), nodes
