"""A problem as flat rows of whole numbers: what the search works on, plain or compiled.

The functions of `relaxation`, `incumbent`, `tree`, `states` and `search` are written once. Plain Python runs them over
lists, whose numbers have no limit; `kernel` compiles the same functions over arrays of 64 bits, once it has shown that
no number on the way can grow past them.
"""

from dataclasses import astuple, replace
from typing import NamedTuple, TypeAlias

from steelyard.rebalancing.problem import L1_SCALE, AssetRow, Norm, Piece, Problem

Ints: TypeAlias = list[int]


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
    """

    assets: int
    norm: int
    room: int
    cash_norm: int
    cash_scale: int
    cash_rest: int
    is_limited: int
    gain_room: int


def flatten(problem: Problem) -> tuple[Rows, Account] | None:
    """Lay a problem out; None where no choice of trades can pay, or keep the gains below their limit.

    Trades that not even all the cash the others can raise would pay for are cut off.
    """
    pieces = [merged(asset.pieces) for asset in problem.assets]
    pieces = _payable(pieces, problem)
    if not all(pieces):
        return None
    return _rows(problem, pieces), _account(problem)


def _account(problem: Problem) -> Account:
    target, limit = problem.cash_target, problem.gain_limit
    counts = target is not None
    return Account(
        assets=len(problem.assets),
        norm=int(problem.norm),
        room=problem.cash - problem.cash_floor,
        cash_norm=int(problem.norm) if counts else int(Norm.L1),
        cash_scale=L1_SCALE if counts else 0,
        cash_rest=0 if target is None else target - problem.cash_floor,
        is_limited=int(limit is not None),
        gain_room=0 if limit is None else limit,
    )


def _rows(problem: Problem, pieces: list[list[Piece]]) -> Rows:
    flat = [astuple(piece) for some in pieces for piece in some]
    first, last, cash_fixed, cash_step, charge_fixed, charge_step, gain_fixed, gain_step = (
        [list(column) for column in zip(*flat, strict=True)] if flat else [[] for _ in range(8)]
    )
    start = [0]
    for some in pieces:
        start.append(start[-1] + len(some))
    rate = problem.charge_rate
    return Rows(
        value=[asset.value for asset in problem.assets],
        price=[asset.price for asset in problem.assets],
        low=[asset.low for asset in problem.assets],
        high=[asset.high for asset in problem.assets],
        start=start,
        first=first,
        last=last,
        cash_fixed=cash_fixed,
        cash_step=cash_step,
        cost_fixed=[rate * charge for charge in charge_fixed],
        cost_step=[rate * charge for charge in charge_step],
        gain_fixed=gain_fixed,
        gain_step=gain_step,
    )


# ── Fewer and shorter pieces ────────────────────────────────────────────────────────────────────────────────


def merged(pieces: tuple[Piece, ...]) -> list[Piece]:
    """Join neighbours that lie on one line: selling, not trading and buying, where nothing depends on which."""
    joined: list[Piece] = []
    for piece in pieces:
        both = _join(joined[-1], piece) if joined else None
        if both is None:
            joined.append(piece)
        else:
            joined[-1] = both
    return joined


def _join(left: Piece, right: Piece) -> Piece | None:
    if left.last + 1 != right.first:
        return None
    line = left if left.first < left.last else right  # one step alone lies on many lines
    ends = (left.first, left.last, right.first, right.last)
    if all(_at(line, k) == _at(left if k <= left.last else right, k) for k in ends):
        return replace(line, first=left.first, last=right.last)
    return None


def _at(piece: Piece, k: int) -> tuple[int, int, int]:
    return (
        piece.cash_fixed + piece.cash_per_step * k,
        piece.charge_fixed + piece.charge_per_step * k,
        piece.gain_fixed + piece.gain_per_step * k,
    )


def _payable(pieces: list[list[Piece]], problem: Problem) -> list[list[Piece]]:
    """Cut off what cannot be paid for, then what would realise too much gain, whatever the others do."""
    pieces = _cut(pieces, problem.cash - problem.cash_floor, "cash")
    if problem.gain_limit is not None and all(pieces):
        pieces = _cut(pieces, problem.gain_limit, "gain")
    return pieces


def _cut(pieces: list[list[Piece]], room: int, what: str) -> list[list[Piece]]:
    least = [min(_line(piece, what, k) for piece in some for k in _ends(piece)) for some in pieces]
    spare = room - sum(least)
    if spare < 0:
        return [[] for _ in pieces] or [[]]
    cut = (
        [_shorter(piece, what, low + spare) for piece in some]
        for some, low in zip(pieces, least, strict=True)
    )
    return [[piece for piece in some if piece is not None] for some in cut]


def _ends(piece: Piece) -> tuple[int, int]:
    return piece.first, piece.last


def _line(piece: Piece, what: str, k: int) -> int:
    cash, _, gain = _at(piece, k)
    return cash if what == "cash" else gain


def _shorter(piece: Piece, what: str, most: int) -> Piece | None:
    """Leave the steps that use `most` at most."""
    fixed, step = _line(piece, what, 0), _line(piece, what, 1) - _line(piece, what, 0)
    first, last = piece.first, piece.last
    if step > 0:
        last = min(last, (most - fixed) // step)
    elif step < 0:
        first = max(first, -((most - fixed) // -step))
    elif fixed > most:
        return None
    return replace(piece, first=first, last=last) if first <= last else None


def asset_at(asset: AssetRow, k: int) -> tuple[int, int, int] | None:
    """Cash used, charge and gain of one trade; None where it is not allowed."""
    for piece in asset.pieces:
        if piece.first <= k <= piece.last:
            return _at(piece, k)
    return None
