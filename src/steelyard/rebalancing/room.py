"""Room for one search, made once and used for any number of accounts, one after the other.

Plain Python makes it of lists, `kernel` of arrays; nothing in it outlives a search but the answer.
"""

from typing import Final, NamedTuple

from steelyard.rebalancing.rows import Account, Ints, Rows


class Tree(NamedTuple):
    """Room for relaxation, incumbent and tree, one column a field.

    Candidates, those of one asset together, its best trade first, then the cheapest: piece, steps; extra cost, cash
    and gain, all compared with the best trade.

    Levels, one an asset that has a choice: the asset; its candidates (begin, end); what a unit of cash moved costs at
    least here. Over this level and all below: least cost of a unit of cash freed and used, of gain freed and used;
    most cash and gain that can be freed; most trades and turnover that can be saved.

    Depths, one a deviation from the best trades: the level at which the next deviates, and its next candidate; of
    the answer so far: extra cost, cash and gain left, trades, turnover.

    Assets: the best trade for itself (piece, steps, cost); the answer being built (piece, steps); the best answer.

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
    rate: Ints
    cash_freed_at: Ints
    cash_used_at: Ints
    gain_freed_at: Ints
    gain_used_at: Ints
    most_cash: Ints
    most_gain: Ints
    saved_trades: Ints
    saved_turnover: Ints

    level: Ints
    next: Ints
    cost_so_far: Ints
    cash_left: Ints
    gain_left: Ints
    trades: Ints
    turnover: Ints

    best_piece: Ints
    best: Ints
    least: Ints
    now_piece: Ints
    now: Ints
    answer: Ints

    left: Ints
    record: Ints


class States(NamedTuple):
    """Room for the answers in part that `states` keeps, those of one level together, the most cash left first.

    Cash left, gain left, extra cost so far, the state this one came from and the candidate it chose; `old_*`: the
    same, to merge from.
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


CANDIDATES: Final = 1 << 14
CANDIDATE_COLUMNS: Final = 5
PAIRS: Final = ("left", "record")


def tree_sizes(assets: int) -> list[int]:
    """Give the length of each column of a tree for so many assets."""
    candidates = CANDIDATES + 16 * assets
    return [
        candidates if i < CANDIDATE_COLUMNS else 2 if name in PAIRS else assets + 1
        for i, name in enumerate(Tree._fields)
    ]


def lists(rows: Rows, account: Account, states: int) -> tuple[Rows, Tree, States]:
    """Make room of plain lists, for up to so many states."""
    tree = Tree(*([0] * size for size in tree_sizes(account.assets)))
    return rows, tree, States(*([0] * (states + 1) for _ in States._fields))
