"""A problem as flat rows of whole numbers: what the search works on, plain or compiled.

The functions of `relaxation`, `incumbent`, `tree`, `states` and `best_trades` are written once. Plain Python runs them over
lists, whose numbers have no limit; `kernel` compiles the same functions over arrays of 64 bits, once it has shown that
no number on the way can grow past them.
"""

from dataclasses import astuple, replace
from typing import Final, NamedTuple, TypeAlias

from steelyard.rebalancing.problem import L1_SCALE, Norm, Piece, Problem

Ints: TypeAlias = list[int]


FAR: Final = 1 << 62
WIDE: Final = 1 << 400
"""Above every number of a search: in 64 bits, and for problems that need more."""


class Rows(NamedTuple):
    """The assets of one account and their pieces, one column a field.

    The pieces of asset i stand at `start[i]` up to `start[i + 1]`, disjoint, in rising order of steps. Unlike
    `problem.Piece`, one piece may run through 0: the fewer there are, the faster. `cost` is charge × charge rate.
    """

    value: Ints
    price: Ints
    low: Ints
    high: Ints
    start: Ints
    first: Ints
    last: Ints
    cash_fixed: Ints
    cash_step: Ints
    cost_fixed: Ints
    cost_step: Ints
    gain_fixed: Ints
    gain_step: Ints


class Account(NamedTuple):
    """What holds for the whole account.

    Attributes:
        assets: how many there are.
        norm: 1 or 2.
        room: cash that may be used, cash - cash floor; negative = must be raised.
        cash_norm, cash_scale: how the drift of cash counts; 1 and 0 where it does not.
        cash_rest: the room left over that cash should have, target - floor.
        is_limited: 1 where gains have a limit.
        gain_room: that limit.
        far: above every number of the search.
        highest: no price of cash or gain is above it.
    """

    assets: int
    norm: int
    room: int
    cash_norm: int
    cash_scale: int
    cash_rest: int
    is_limited: int
    gain_room: int
    far: int
    highest: int


# ── Whether 64 bits are enough ──────────────────────────────────────────────────────────────────────────────


def highest_price(rows: Rows, account: Account) -> int:
    """Give the highest price of cash and gain at which no number of the search outgrows 64 bits; 0: they may anyway.

    Sums stay small because the search gives up what is too far from its bound; what must fit is what one trade costs,
    and what all cash and gains that may be moved cost. The estimate is in floats, with a factor of 4 to spare.
    """
    moved = float(abs(account.room) + abs(account.gain_room) + abs(account.cash_rest) + 1)
    widest = 0.0
    for asset in range(account.assets):
        most, price = 0.0, float(rows.price[asset])
        for piece in range(rows.start[asset], rows.start[asset + 1]):
            steps = max(abs(rows.first[piece]), abs(rows.last[piece]), 1)
            most = max(most, abs(float(rows.cash_fixed[piece])) + abs(float(rows.cash_step[piece])) * steps)
            gain = abs(float(rows.gain_fixed[piece])) + abs(float(rows.gain_step[piece])) * steps
            cost = abs(float(rows.cost_fixed[piece])) + abs(float(rows.cost_step[piece])) * steps
            far = abs(rows.value[asset]) + price * steps + abs(rows.low[asset]) + abs(rows.high[asset])
            most, widest = max(most, gain), max(widest, cost, far * (far if account.norm != 1 else L1_SCALE))
        moved += 2 * most
    widest = max(widest, moved * (moved if account.cash_norm != 1 else L1_SCALE))
    if widest > float(FAR >> 5):
        return 0
    return int(min(float(FAR >> 5) / moved, float(FAR >> 12)))
