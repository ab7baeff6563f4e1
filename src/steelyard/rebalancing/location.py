"""Asset location: which account holds what, as a linear programme over shares of what may be traded.

A trade of an account and asset is a mix of the corners of what is allowed there, so that fees, lots in any order and
least sizes enter as their convex hull; drift of the household and cash row by row are as in the exact problem. HiGHS
solves it in floats. They choose where the exact search starts and the multipliers of an exact bound; no money comes
from them.

Reference: Huangfu & Hall, "Parallelizing the dual revised simplex method", 2018 (HiGHS).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from threading import local
from typing import Any, Final

from steelyard.errors import InvalidInputError, UpstreamError
from steelyard.rebalancing.household_bound import FINE, Frame, Multipliers
from steelyard.rebalancing.household_problem import Corner, Effect
from steelyard.rebalancing.problem import L1_SCALE

INF: Final = float("inf")
NOTHING: Final = Corner(0, 0, 0, 0, 0)


class HouseholdExtraMissingError(InvalidInputError):
    """The solver of linear programmes is not installed."""

    def __init__(self) -> None:
        """Name the extra."""
        super().__init__(
            "Asset location needs the solver HiGHS, which is not installed: pip install 'steelyard[household]'."
        )


@dataclass(frozen=True, slots=True)
class Located:
    """What the linear programme found.

    Attributes:
        effects: what the trades of each account come to, rounded to whole money.
        prices: the multipliers of its constraints.
        objective: what it comes to, money as a share of all there is.
    """

    effects: tuple[Effect, ...]
    prices: Multipliers
    objective: float


class SolverError(UpstreamError):
    """HiGHS ended without an answer, and without the proof that there is none."""

    def __init__(self, status: str) -> None:
        """Name the status it ended with."""
        super().__init__(
            f"HiGHS ended with {status} and no answer: plan the accounts one by one, and report the case."
        )


_kept = local()


def highs() -> Any:
    """Return the module `highspy` and the solver of this thread, which says nothing.

    Raises:
        HouseholdExtraMissingError: it is not installed.
    """
    try:
        module: Any = import_module("highspy")
    except ImportError:
        raise HouseholdExtraMissingError from None
    if not hasattr(_kept, "solver"):
        _kept.solver = module.Highs()
        options = {"output_flag": False, "presolve": "off", "solver": "simplex", "threads": 1}
        for name, value in options.items():
            _kept.solver.setOptionValue(name, value)
    return module, _kept.solver


@dataclass(slots=True)
class _Matrix:
    """A linear programme in the making, column by column."""

    cost: list[float] = field(default_factory=list)
    start: list[int] = field(default_factory=lambda: [0])
    index: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)

    def add_row(self, low: float, high: float) -> int:
        """Add a row; return its number."""
        self.low.append(low)
        self.high.append(high)
        return len(self.low) - 1

    def add_column(self, cost: float, entries: Iterable[tuple[int, float]]) -> None:
        """Add a variable of 0 or above."""
        self.cost.append(cost)
        for row, value in entries:
            if value:
                self.index.append(row)
                self.value.append(value)
        self.start.append(len(self.index))

    def solve(self) -> tuple[list[float], list[float], float] | None:
        """Return values, duals and objective; None where there is no solution."""
        module, solver = highs()
        lp = module.HighsLp()
        lp.num_col_, lp.num_row_ = len(self.cost), len(self.low)
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = self.cost, [0.0] * len(self.cost), [INF] * len(self.cost)
        lp.row_lower_, lp.row_upper_ = self.low, self.high
        lp.a_matrix_.format_ = module.MatrixFormat.kColwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = self.start, self.index, self.value
        solver.passModel(lp)
        solver.run()
        status = solver.getModelStatus()
        if status == module.HighsModelStatus.kInfeasible:
            return None
        if status != module.HighsModelStatus.kOptimal:
            raise SolverError(solver.modelStatusToString(status))
        found = solver.getSolution()
        objective: float = solver.getInfo().objective_function_value
        return list(found.col_value), list(found.row_dual), objective


def locate(frame: Frame) -> Located | None:
    """Solve the linear programme of a household; None where no mix of trades keeps its constraints.

    Raises:
        HouseholdExtraMissingError: HiGHS is not installed.
        SolverError: it found no answer, nor that there is none.
    """
    return _Programme(frame).solve()


@dataclass(frozen=True, slots=True)
class _Mix:
    """The variables of one account and asset: the shares of its corners, from column `start` on.

    A corner at which nothing happens has no variable: what the others leave to 1 is its share.
    """

    corners: tuple[Corner, ...]
    start: int


class _Programme:
    """The rows and columns of a household; for the floats' sake money is counted in shares of all there is.

    Gains are counted in shares of the most that one trade may realise.
    """

    def __init__(self, frame: Frame) -> None:
        problem = frame.problem
        self._problem = problem
        self._unit = 1 / max(sum(map(abs, frame.values)) + abs(problem.cash), 1)
        most = max((abs(corner.gain) for row in frame.corners for some in row for corner in some), default=1)
        self._gain_unit = 1 / max(most, 1)
        self._matrix = matrix = _Matrix()
        self._drift = [
            matrix.add_row((low - value) * self._unit, (high - value) * self._unit)
            for low, high, value in zip(problem.low, problem.high, frame.values, strict=True)
        ]
        self._cash = [
            matrix.add_row(-INF, (account.cash - account.cash_floor) * self._unit)
            for account in problem.accounts
        ]
        self._target: int | None = None
        self._gain: int | None = None
        if problem.cash_target is not None:
            surplus = (problem.cash - problem.cash_target) * self._unit
            self._target = matrix.add_row(surplus, surplus)
        if problem.gain_limit is not None:
            self._gain = matrix.add_row(-INF, problem.gain_limit * self._gain_unit)
        for row in self._drift if self._target is None else [*self._drift, self._target]:
            matrix.add_column(1.0, [(row, 1.0)])
            matrix.add_column(1.0, [(row, -1.0)])
        self._mixes = [
            [self._mix(place, asset, corners) for asset, corners in enumerate(row)]
            for place, row in enumerate(frame.corners)
        ]

    def _mix(self, place: int, asset: int, corners: Sequence[Corner]) -> _Mix:
        matrix, start = self._matrix, len(self._matrix.cost)
        moving = tuple(corner for corner in corners if corner != NOTHING)
        if moving:
            whole = matrix.add_row(1.0 if len(moving) == len(corners) else -INF, 1.0)
            for corner in moving:
                matrix.add_column(
                    corner.charge / L1_SCALE * self._unit, self._entries(corner, place, asset, whole)
                )
        return _Mix(moving, start)

    def _entries(self, corner: Corner, place: int, asset: int, whole: int) -> list[tuple[int, float]]:
        cash = corner.cash * self._unit
        entries = [(self._drift[asset], corner.traded * self._unit), (self._cash[place], cash), (whole, 1.0)]
        if self._target is not None:
            entries.append((self._target, cash))
        if self._gain is not None:
            entries.append((self._gain, corner.gain * self._gain_unit))
        return entries

    def solve(self) -> Located | None:
        """Solve and read the answer."""
        found = self._matrix.solve()
        if found is None:
            return None
        shares, duals, objective = found
        effects = tuple(_effect(row, shares) for row in self._mixes)
        return Located(effects, self._prices([dual * L1_SCALE * FINE for dual in duals]), objective)

    def _prices(self, duals: Sequence[float]) -> Multipliers:
        most = L1_SCALE * FINE
        target = 0 if self._target is None else round(duals[self._target])
        per_gain = 0.0 if self._gain is None else -duals[self._gain] * self._gain_unit / self._unit
        return Multipliers(
            traded=tuple(round(-duals[row]) for row in self._drift),
            cash=tuple(max(round(-duals[row]), 0) for row in self._cash),
            target=min(max(target, -most), most),
            gain=max(round(per_gain), 0),
        )


def _effect(mixes: Sequence[_Mix], shares: Sequence[float]) -> Effect:
    """Return what the shares of an account come to."""
    traded: list[int] = []
    cash = charge = gain = 0.0
    for mix in mixes:
        parts = [(shares[mix.start + place], corner) for place, corner in enumerate(mix.corners)]
        traded.append(round(sum(share * corner.traded for share, corner in parts)))
        cash += sum(share * corner.cash for share, corner in parts)
        charge += sum(share * corner.charge for share, corner in parts)
        gain += sum(share * corner.gain for share, corner in parts)
    return Effect(tuple(traded), round(cash), round(charge), round(gain))
