"""From a problem to the cells the search works on: as few and as short pieces as say the same."""

from dataclasses import replace

from steelyard.rebalancing.cells import ASSET, FAR, PIECE, Account, Cells, Sections, highest_price, sections
from steelyard.rebalancing.problem import L1_SCALE, Norm, Piece, Problem


def flatten(problem: Problem) -> tuple[Cells, Account] | None:
    """Lay a problem out; None where no choice of trades can pay, or keep the gains below their limit.

    Trades that not even all the cash the others can raise would pay for are cut off.
    """
    pieces = _payable([merged(asset.pieces) for asset in problem.assets], problem)
    if pieces is None:
        return None
    cells = [*_assets(problem, pieces), *_pieces(problem, pieces)]
    account = _account(problem)
    account = account._replace(highest=highest_price(cells, account))
    return cells, account


def sections_of(cells: Cells, account: Account, states: int) -> Sections:
    """Give the sections of cells just laid out, with room for so many states behind."""
    return sections(account.assets_end // ASSET, (len(cells) - account.assets_end) // PIECE, states)


def _account(problem: Problem) -> Account:
    target, limit = problem.cash_target, problem.gain_limit
    return Account(
        assets_end=len(problem.assets) * ASSET,
        norm=int(problem.norm),
        room=problem.cash - problem.cash_floor,
        cash_norm=int(Norm.L1 if target is None else problem.norm),
        cash_scale=0 if target is None else L1_SCALE,
        cash_rest=0 if target is None else target - problem.cash_floor,
        is_limited=int(limit is not None),
        gain_room=0 if limit is None else limit,
        far=FAR,
        highest=0,
    )


def _assets(problem: Problem, pieces: list[list[Piece]]) -> Cells:
    cells: Cells = []
    at = len(pieces) * ASSET
    for asset, some in zip(problem.assets, pieces, strict=True):
        end = at + len(some) * PIECE
        given = (asset.value, asset.price, asset.low, asset.high, at, end)
        cells += given + (0,) * (ASSET - len(given))
        at = end
    return cells


def _pieces(problem: Problem, pieces: list[list[Piece]]) -> Cells:
    cells: Cells = []
    for some in pieces:
        for piece in some:
            cells += (piece.first, piece.last, piece.cash_fixed, piece.cash_per_step)
            cells += (problem.charge_rate * piece.charge_fixed, problem.charge_rate * piece.charge_per_step)
            cells += (piece.gain_fixed, piece.gain_per_step)
    return cells


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


def _payable(pieces: list[list[Piece]], problem: Problem) -> list[list[Piece]] | None:
    """Cut off what cannot be paid for, and what would realise too much gain, whatever the others do."""
    while True:
        cut = _cut(pieces, problem.cash - problem.cash_floor, "cash")
        if cut is not None and problem.gain_limit is not None:
            cut = _cut(cut, problem.gain_limit, "gain")
        if cut is None or cut == pieces:
            return cut
        pieces = cut


def _cut(pieces: list[list[Piece]], room: int, what: str) -> list[list[Piece]] | None:
    least = [min(_line(piece, what, k) for piece in some for k in _ends(piece)) for some in pieces]
    spare = room - sum(least)
    if spare < 0:
        return None
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
    if first == piece.first and last == piece.last:
        return piece
    return replace(piece, first=first, last=last) if first <= last else None
