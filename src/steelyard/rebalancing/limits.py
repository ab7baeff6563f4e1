"""How far one asset may be traded: the allowed trades as pieces of the exact problem.

Every constraint on an asset narrows the steps it may be traded, and leaves its name behind: the name that stands at
the end of the range is what a sentence blames. Two constraints may leave nothing; then both names are known.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from steelyard.rebalancing.problem import Piece
from steelyard.rebalancing.trade import Bound


@dataclass(frozen=True, slots=True)
class StepCost:
    """What trading costs, money units.

    Attributes:
        fee: of a trade, whatever its size.
        per_step: half the spread of one step, on top of what is bought and off what is sold.
    """

    fee: int = 0
    per_step: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """The steps an asset may be traded, positive = bought: first to last, but none between 0 and `least`.

    Attributes:
        first, first_bound: the fewest, and why no fewer.
        last, last_bound: the most, and why no more.
        least, least_bound: how many make a trade, at least 1, and why.
    """

    first: int
    first_bound: Bound
    last: int
    last_bound: Bound
    least: int = 1
    least_bound: Bound = Bound.STEP

    def at_least(self, steps: int, bound: Bound) -> "Limits":
        """Forbid fewer than `steps`; at a tie the name that was there first stays.

        >>> Limits(-9, Bound.NOTHING_HELD, 9, Bound.CASH).at_least(0, Bound.NO_SELL).first_bound
        <Bound.NO_SELL: 'no_sell'>
        """
        if steps <= self.first:
            return self
        return Limits(steps, bound, self.last, self.last_bound, self.least, self.least_bound)

    def at_most(self, steps: int, bound: Bound) -> "Limits":
        """Forbid more than `steps`; at a tie the name that was there first stays."""
        if steps >= self.last:
            return self
        return Limits(self.first, self.first_bound, steps, bound, self.least, self.least_bound)

    def not_under(self, steps: int, bound: Bound) -> "Limits":
        """Forbid trades of fewer than `steps` either way, but none at all; at a tie the name there first stays.

        >>> Limits(-9, Bound.NOTHING_HELD, 9, Bound.CASH).not_under(1, Bound.HOLD).least_bound
        <Bound.STEP: 'step'>
        """
        if steps <= self.least:
            return self
        return Limits(self.first, self.first_bound, self.last, self.last_bound, steps, bound)

    def held(self, bound: Bound) -> "Limits":
        """Forbid both sides.

        >>> list(Limits(-9, Bound.NOTHING_HELD, 9, Bound.CASH).held(Bound.HOLD).runs())
        [(0, 0)]
        """
        return self.at_least(0, bound).at_most(0, bound)

    def runs(self) -> Iterator[tuple[int, int]]:
        """Give the runs of steps that are allowed, in rising order, each of one sign.

        >>> list(Limits(-9, Bound.NOTHING_HELD, 9, Bound.CASH, least=5).runs())
        [(-9, -5), (0, 0), (5, 9)]
        """
        sold = (self.first, min(self.last, -self.least))
        none = (max(self.first, 0), min(self.last, 0))
        bought = (max(self.first, self.least), self.last)
        return (run for run in (sold, none, bought) if run[0] <= run[1])

    def pieces(self, price: int, cost: StepCost) -> tuple[Piece, ...]:
        """Give the runs with the cash they take and what they cost; empty where the constraints conflict.

        Args:
            price: of one step, money units.
            cost: of a trade.

        >>> Limits(0, Bound.NO_SELL, 3, Bound.CASH).pieces(100, StepCost(fee=5, per_step=1))[1]
        Piece(first=1, last=3, cash_fixed=5, cash_per_step=101, charge_fixed=5, charge_per_step=1, gain_fixed=0, \
gain_per_step=0)
        """
        return tuple(_piece(first, last, price, cost) for first, last in self.runs())

    def conflict(self) -> tuple[Bound, ...]:
        """Name the constraints that leave no trade and not even none; empty where they leave something."""
        if any(True for _ in self.runs()):
            return ()
        names = (self.first_bound, self.last_bound)
        return (*names, self.least_bound) if self.first <= self.last else names


NO_TRADE: Final = Limits(0, Bound.HOLD, 0, Bound.HOLD)


def _piece(first: int, last: int, price: int, cost: StepCost) -> Piece:
    if first == last == 0:
        return Piece(0, 0, 0, 0)
    side = cost.per_step if first > 0 else -cost.per_step
    return Piece(first, last, cost.fee, price + side, charge_fixed=cost.fee, charge_per_step=side)
