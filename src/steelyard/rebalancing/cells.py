"""One account as one flat list of whole numbers: what the search works on, plain or compiled.

The functions of `cells`, `relaxation`, `incumbent`, `tree`, `states` and `best_trades` are written once. Plain Python
runs them over a list, whose numbers have no limit; `kernel` compiles the same functions over an array of 64 bits, once
`highest_price` has shown that no number on the way can grow past them.

`cells` is divided into sections of rows; a row is known by the place of its first cell, its handle, and
`cells[asset + PRICE]` is its field. In this order, with the length of a row and what its cells hold:

    assets      ASSET      money held, price of one step, band (low, high), handles of the first piece and of the end
                           of the last; then the search's own: best trade for itself (piece, steps, cost), the answer
                           being built (piece, steps), and, after the search, `ANSWER`: the steps to trade.
    pieces      PIECE      first and last step; cash used, cost (charge × charge rate) and gain, each as fixed part
                           and part by step. Those of an asset stand together, disjoint, in rising order. Unlike a
                           `problem.Piece`, one may run through 0: the fewer, the faster.
    candidates  CANDIDATE  steps; extra cost, cash and gain compared with the asset's best trade.
    levels      LEVEL      an asset with a choice, its candidates (begin, end), its least cost of a unit of cash moved;
                           over this level and all below: least cost of a unit of cash freed and used, of gain freed
                           and used, most cash and gain that can be freed, most trades and turnover that can be saved.
    depths      DEPTH      one a deviation from the best trades: the level at which the next deviates and its next
                           candidate; of the answer so far: extra cost, cash and gain left, trades, turnover.
    notes       NOTES      cash and gain left by the answer being built; trades and turnover of the best answer;
                           merges and pairs that the search in breadth may make yet.
    states      STATE      an answer in part: cash and gain left, extra cost, the state it came from, its candidate.
    olds        STATE      states set aside to be merged.

A caller fills the first six cells of each asset, and the pieces; the rest may hold anything.
"""

from typing import Final, NamedTuple, TypeAlias

from steelyard.rebalancing.problem import L1_SCALE

Cells: TypeAlias = list[int]

VALUE, PRICE, LOW, HIGH, PIECES, PIECES_END, BEST_PIECE, BEST, LEAST, NOW_PIECE, NOW, ANSWER, ASSET = range(
    13
)
FIRST, LAST, CASH_FIXED, CASH_STEP, COST_FIXED, COST_STEP, GAIN_FIXED, GAIN_STEP, PIECE = range(9)
STEPS, EXTRA, CASH, GAIN, CANDIDATE = range(5)
OF_ASSET, BEGIN, END, RATE, CASH_FREED_AT, CASH_USED_AT, GAIN_FREED_AT, GAIN_USED_AT = range(8)
MOST_CASH, MOST_GAIN, SAVED_TRADES, SAVED_TURNOVER, LEVEL = range(8, 13)
AT_LEVEL, NEXT, SPENT, CASH_LEFT, GAIN_LEFT, TRADES, TURNOVER, DEPTH = range(8)
LEFT_CASH, LEFT_GAIN, RECORD_TRADES, RECORD_TURNOVER, WORK_LEFT, NOTES = range(6)
OWN_CASH, OWN_GAIN, OWN_SPENT, PARENT, CHOSEN, STATE = range(6)

CANDIDATES: Final = 1 << 14
FAR: Final = 1 << 62
WIDE: Final = 1 << 400
"""Above every number of a search: in 64 bits, and for problems that need more."""


class Sections(NamedTuple):
    """Where the sections of the cells begin, assets standing at 0; `end` is how many cells there are."""

    pieces: int
    candidates: int
    levels: int
    depths: int
    notes: int
    states: int
    olds: int
    end: int


class Account(NamedTuple):
    """What holds for the whole account.

    Attributes:
        assets_end: handle behind the last asset.
        norm: 1 or 2.
        room: cash that may be used, cash - cash floor; negative = must be raised.
        cash_norm, cash_scale: how the drift of cash counts; 1 and 0 where it does not.
        cash_rest: the room left over that cash should have, target - floor.
        is_limited: 1 where gains have a limit.
        gain_room: that limit.
        far: above every number of the search.
        highest: no price of cash or gain is above it.
    """

    assets_end: int
    norm: int
    room: int
    cash_norm: int
    cash_scale: int
    cash_rest: int
    is_limited: int
    gain_room: int
    far: int
    highest: int


def sections(assets: int, pieces: int, states: int) -> Sections:
    """Lay out the cells of an account with up to so many assets and pieces; `states` = 0: no search in breadth."""
    pieces_at = assets * ASSET
    candidates_at = pieces_at + pieces * PIECE
    levels_at = candidates_at + (CANDIDATES + 16 * assets) * CANDIDATE
    depths_at = levels_at + (assets + 1) * LEVEL
    notes_at = depths_at + (assets + 1) * DEPTH
    states_at = notes_at + NOTES
    olds_at = states_at + states * STATE
    return Sections(
        pieces_at, candidates_at, levels_at, depths_at, notes_at, states_at, olds_at, olds_at + states * STATE
    )


def highest_price(cells: Cells, account: Account) -> int:
    """Give the highest price of cash and gain at which no number of the search outgrows 64 bits; 0: they may anyway.

    Sums stay small because the search gives up what is too far from its bound; what must fit is what one trade costs,
    and what all cash and gains that may be moved cost. The estimate is in floats, with room to spare.
    """
    moved = float(abs(account.room) + abs(account.gain_room) + abs(account.cash_rest) + 1)
    widest = 0.0
    for asset in range(0, account.assets_end, ASSET):
        most = 0.0
        held = float(abs(cells[asset + VALUE]) + abs(cells[asset + LOW]) + abs(cells[asset + HIGH]))
        for piece in range(cells[asset + PIECES], cells[asset + PIECES_END], PIECE):
            steps = float(max(abs(cells[piece + FIRST]), abs(cells[piece + LAST]), 1))
            most = max(most, _most(cells, piece + CASH_FIXED, steps), _most(cells, piece + GAIN_FIXED, steps))
            far = held + float(cells[asset + PRICE]) * steps
            drift = far * float(L1_SCALE) if account.norm == 1 else far * far
            widest = max(widest, drift, _most(cells, piece + COST_FIXED, steps))
        moved += 2.0 * most
    widest = max(widest, moved * float(L1_SCALE) if account.cash_norm == 1 else moved * moved)
    if widest > float(FAR >> 5):
        return 0
    return int(min(float(FAR >> 5) / moved, float(FAR >> 12)))


def _most(cells: Cells, fixed: int, steps: float) -> float:
    """Give a line, its fixed part at `fixed` and its part by step behind, at so many steps, whatever the signs."""
    return abs(float(cells[fixed])) + abs(float(cells[fixed + 1])) * steps
