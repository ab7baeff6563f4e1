"""A bound below every answer of a household, in whole numbers, whatever multipliers it is given.

Each constraint that ties accounts or assets together gets a multiplier instead; what remains falls apart into one
choice for each account and asset, whose best is at a corner, and one for the drift of each asset, whose best is at the
nearest whole step. The sum of the bests is below every answer that keeps the constraints. Multipliers come from the
duals of a linear programme: where they are poor the bound is low, never wrong.

Reference: Geoffrion, "Lagrangean relaxation for integer programming", 1974.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from steelyard.rebalancing.household_problem import (
    Corner,
    HouseholdProblem,
    WashGroup,
    clip,
    common_step,
    corners_of,
)
from steelyard.rebalancing.problem import L1_SCALE

Corners = Sequence[Sequence[tuple[Corner, ...]]]
"""Corners by account and asset."""

Mode = dict[tuple[int, int], tuple[Corner, ...]]
"""Corners of the pairs (account, asset) of a wash group."""

Choice = dict[tuple[int, int], Corner]
"""One corner of each pair."""


FINE: Final = 1 << 20
"""Multipliers count in this part of an objective unit; the bound is rounded up to whole ones, as objectives are."""


@dataclass(frozen=True, slots=True)
class Multipliers:
    """What a unit of money is worth, objective units / `FINE`.

    Attributes:
        traded: of each asset bought, over all accounts.
        cash: of cash used in each account, 0 or above.
        target: of cash left over all accounts, at most L1_SCALE · FINE either way.
        gain: of gain realised, 0 or above.
    """

    traded: tuple[int, ...]
    cash: tuple[int, ...]
    target: int = 0
    gain: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """A household laid out for its bound: all that does not depend on multipliers.

    Attributes:
        problem: the household.
        values: money held of each asset, over all accounts.
        steps: of which every trade of an asset is a multiple, money.
        corners: of each account and asset.
        modes: by wash group, its corners without losses and without purchases, as (account, asset) → corners.
    """

    problem: HouseholdProblem
    values: Sequence[int]
    steps: Sequence[int]
    corners: Corners
    modes: tuple[tuple[Mode, ...], ...]

    def bound(self, prices: Multipliers) -> int:
        """Return the bound at these multipliers: no answer has a lower objective."""
        problem = self.problem
        total = _total(self._chosen(prices), prices)
        total += sum(self._least_drift(asset, price) for asset, price in enumerate(prices.traded))
        rooms = (account.cash - account.cash_floor for account in problem.accounts)
        total -= sum(price * room for price, room in zip(prices.cash, rooms, strict=True))
        if problem.cash_target is not None:
            total += prices.target * (problem.cash - problem.cash_target)
        if problem.gain_limit is not None:
            total -= prices.gain * problem.gain_limit
        return problem.base_charge - (-total // FINE)

    def _chosen(self, prices: Multipliers) -> Choice:
        """Choose the best corner of each pair; of a wash group, in the mode that is cheaper."""
        pairs = {
            (place, asset): some for place, row in enumerate(self.corners) for asset, some in enumerate(row)
        }
        chosen: Choice = {pair: _best(some, prices, pair) for pair, some in pairs.items()}
        for modes in self.modes:
            choices: list[Choice] = [
                {pair: _best(some, prices, pair) for pair, some in mode.items()} for mode in modes
            ]
            cheapest: Choice = min(choices, key=lambda choice: _total(choice, prices))
            chosen |= cheapest
        return chosen

    def _least_drift(self, asset: int, price: int) -> int:
        """Return the least drift of an asset less what trading it earns, over whole common steps."""
        problem = self.problem
        value, step = self.values[asset], self.steps[asset]
        low, high = problem.low[asset] - value, problem.high[asset] - value
        least = sum(row[asset][0].traded for row in self.corners)
        most = sum(row[asset][-1].traded for row in self.corners)
        near = [edge // step * step + more for edge in (low, high) for more in (0, step)]
        points = [least, most, *(point for point in near if least < point < most)]
        return min(FINE * L1_SCALE * max(low - x, x - high, 0) - price * x for x in points)


def frame_of(problem: HouseholdProblem, like: Frame | None = None) -> Frame:
    """Lay a household out; each account and asset must have a trade that is allowed, be it none.

    Args:
        problem: the household.
        like: what was laid out for one that differs in some pieces; what does not differ is taken from there.
    """
    corners = [
        [
            like.corners[place][asset]
            if like is not None and pieces is like.problem.accounts[place].pieces[asset]
            else corners_of(pieces, price)
            for asset, (pieces, price) in enumerate(zip(account.pieces, account.prices, strict=True))
        ]
        for place, account in enumerate(problem.accounts)
    ]
    steps = [common_step(problem, asset) for asset in range(len(problem.low))] if like is None else like.steps
    values = problem.values if like is None else like.values
    modes = tuple(_modes(problem, group) for group in problem.groups)
    return Frame(problem, values, steps, corners, modes)


def _modes(problem: HouseholdProblem, group: WashGroup) -> tuple[Mode, ...]:
    """Return the corners of both modes; one under which a pair has no trade left is none."""
    pairs = [(place, asset) for place in range(len(problem.accounts)) for asset in group.assets]
    modes: tuple[Mode, ...] = ({}, {})
    for place, asset in pairs:
        account = problem.accounts[place]
        pieces, price = account.pieces[asset], account.prices[asset]
        modes[0][place, asset] = corners_of(clip(pieces, group.free_of_loss.get((place, asset)), None), price)
        modes[1][place, asset] = corners_of(clip(pieces, None, 0), price)
    return tuple(mode for mode in modes if all(mode.values()))


def _best(corners: Sequence[Corner], prices: Multipliers, pair: tuple[int, int]) -> Corner:
    return min(corners, key=lambda corner: _cost(corner, prices, *pair))


def _total(choice: Choice, prices: Multipliers) -> int:
    return sum(_cost(corner, prices, *pair) for pair, corner in choice.items())


def _cost(corner: Corner, prices: Multipliers, place: int, asset: int) -> int:
    return (
        FINE * corner.charge
        + prices.traded[asset] * corner.traded
        + (prices.cash[place] - prices.target) * corner.cash
        + prices.gain * corner.gain
    )
