"""The proof of an answer, recomputed from the problem alone, in whole numbers and apart from the search."""

from dataclasses import dataclass

from steelyard.errors import SteelyardError
from steelyard.rebalancing.problem import L1_SCALE, AssetRow, Norm, Piece, Problem, Solution, Status


@dataclass(frozen=True, slots=True)
class Outcome:
    """What trades lead to, money: cash left, charges, and gain realised."""

    cash: int
    charge: int
    gain: int


class CertificateError(SteelyardError):
    """An answer of the search is not what it claims: a defect of Steelyard, never of the input."""

    def __init__(self, claim: str, *, stated: object, found: object) -> None:
        """Name the claim, what the search states of it and what its check finds."""
        super().__init__(
            f"The search states {claim} {stated}, its check finds {found}: do not trade on this answer; please "
            "report it with the input"
        )


def check(problem: Problem, solution: Solution) -> None:
    """Recompute what an answer claims.

    That every trade is allowed, cash stays at its floor or above and gains within their limit; the objective; and that
    the bound at the root of the search, with the prices of cash and gain stated, is below the objective. Infeasible
    answers have nothing to check here.

    Raises:
        CertificateError: a claim does not hold.

    Example:
        >>> from steelyard.rebalancing.problem import AssetRow, Norm, Piece, Problem, Solution, Status
        >>> asset = AssetRow(value=0, price=30, low=100, high=100, pieces=(Piece(0, 5, 0, 30),))
        >>> check(Problem(Norm.L2, (asset,), cash=100, cash_floor=0), Solution(Status.OPTIMAL, (3,), 100, 100, 0))
        >>> check(Problem(Norm.L2, (asset,), cash=80, cash_floor=0), Solution(Status.OPTIMAL, (3,), 100, 100, 0))
        Traceback (most recent call last):
        steelyard.rebalancing.certificate.CertificateError: The search states cash floor 0, its check finds -10: \
do not trade on this answer; please report it with the input
    """
    if solution.status is Status.INFEASIBLE:
        return
    outcome = outcome_of(problem, solution.trades)
    if outcome.cash < problem.cash_floor:
        raise CertificateError("cash floor", stated=problem.cash_floor, found=outcome.cash)
    if problem.gain_limit is not None and outcome.gain > problem.gain_limit:
        raise CertificateError("gain limit", stated=problem.gain_limit, found=outcome.gain)
    objective = objective_of(problem, solution.trades)
    if objective != solution.objective:
        raise CertificateError("objective", stated=solution.objective, found=objective)
    root = root_bound(problem, solution.cash_price, solution.gain_price)
    if not root <= solution.bound <= objective:
        raise CertificateError("bound", stated=solution.bound, found=f"{root} to {objective}")
    if solution.status is Status.OPTIMAL and solution.bound != objective:
        raise CertificateError("proof", stated=solution.bound, found=objective)


def outcome_of(problem: Problem, trades: tuple[int, ...]) -> Outcome:
    """Add up what trades lead to.

    Raises:
        CertificateError: a trade is not in a piece of its asset.
    """
    cash, charge, gain = problem.cash, 0, 0
    for asset, k in zip(problem.assets, trades, strict=True):
        piece = piece_of(asset, k)
        cash -= piece.cash_fixed + piece.cash_per_step * k
        charge += piece.charge_fixed + piece.charge_per_step * k
        gain += piece.gain_fixed + piece.gain_per_step * k
    return Outcome(cash, charge, gain)


def piece_of(asset: AssetRow, k: int) -> Piece:
    """Find the piece a trade is in.

    Raises:
        CertificateError: there is none.
    """
    for piece in asset.pieces:
        if piece.first <= k <= piece.last:
            return piece
    raise CertificateError("trade", stated=k, found=[(piece.first, piece.last) for piece in asset.pieces])


def objective_of(problem: Problem, trades: tuple[int, ...]) -> int:
    """Compute the objective of trades, objective units."""
    outcome = outcome_of(problem, trades)
    total = problem.charge_rate * outcome.charge + _cash_drift(problem, outcome.cash)
    return total + sum(_drift(problem, asset, k) for asset, k in zip(problem.assets, trades, strict=True))


def root_bound(problem: Problem, cash_price: int, gain_price: int) -> int:
    """Compute a number that no answer's objective is below: a price on cash and gains replaces their limits.

    Each piece is halved until its least cost is found (it is convex), unlike the search, which solves for it.
    """

    def priced(charge: int, cash: int, gain: int) -> int:
        return problem.charge_rate * charge + cash_price * cash + gain_price * gain

    def least(asset: AssetRow, piece: Piece) -> int:
        step = priced(piece.charge_per_step, piece.cash_per_step, piece.gain_per_step)
        first, last = piece.first, piece.last
        while first < last:
            middle = (first + last) // 2
            if _drift(problem, asset, middle) <= _drift(problem, asset, middle + 1) + step:
                last = middle
            else:
                first = middle + 1
        fixed = priced(piece.charge_fixed, piece.cash_fixed, piece.gain_fixed)
        return _drift(problem, asset, first) + fixed + step * first

    total = sum(min(least(asset, piece) for piece in asset.pieces) for asset in problem.assets)
    total += _least_of_cash(problem, cash_price) - cash_price * problem.cash
    return total - gain_price * (problem.gain_limit or 0)


def _least_of_cash(problem: Problem, cash_price: int) -> int:
    """Give the least drift of cash + price · cash, over all cash from the floor up."""
    floor, target = problem.cash_floor, problem.cash_target
    if target is None:
        return cash_price * floor  # the price is then never negative
    turns = {
        floor,
        max(floor, target),
        max(floor, target - cash_price // 2),
        max(floor, target - -(-cash_price // 2)),
    }
    return min(_cash_drift(problem, cash) + cash_price * cash for cash in turns)


def _drift(problem: Problem, asset: AssetRow, k: int) -> int:
    value = asset.value + asset.price * k
    if value < asset.low:
        return _power(problem.norm, asset.low - value)
    return _power(problem.norm, value - asset.high) if value > asset.high else 0


def _cash_drift(problem: Problem, cash: int) -> int:
    return 0 if problem.cash_target is None else _power(problem.norm, abs(cash - problem.cash_target))


def _power(norm: Norm, excess: int) -> int:
    return excess * excess if norm is Norm.L2 else L1_SCALE * excess
