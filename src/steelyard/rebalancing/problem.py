"""The exact problem of one account: whole trades, whole money, one row for cash and one for gains.

Everything is an integer. Money is counted in a unit small enough that every amount of the problem is whole; an asset
is traded in steps (a share, a thousandth of one, a round lot). With k the steps traded of each asset, positive =
bought, the problem is

    minimise    Σ drift(value + price · k) + charge_rate · Σ charge(k) + drift of cash, where cash has a target
    subject to  cash - Σ cash_used(k) >= cash_floor
                Σ gain(k) <= gain_limit, where there is one
                k in one of the asset's pieces

where drift(v) is the distance of v from the band [low, high], squared (`Norm.L2`) or times `L1_SCALE` (`Norm.L1`).
Minimum trades, round lots, locks, tickets, spreads and the tax of lots in any order all become pieces: runs of k over
which cash, charge and gain are linear. The problem is separable but for its rows: a multiple-choice knapsack.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

L1_SCALE: Final = 1 << 20
"""Objective units of one money unit of drift under `Norm.L1`; multipliers are whole, so they need a fine unit."""


class Norm(IntEnum):
    """How drift is measured."""

    L1 = 1
    L2 = 2


class Status(StrEnum):
    """What is known of an answer."""

    OPTIMAL = "optimal"
    """No better one exists; proven in whole numbers."""

    WITHIN_GAP = "within_gap"
    """No better one exists below the stated bound."""

    INFEASIBLE = "infeasible"
    """No answer keeps every constraint."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of trades over which cash, charge and gain are linear in k.

    Attributes:
        first, last: steps traded, first <= last; a run may lead through 0 where one line holds on both sides.
        cash_fixed, cash_per_step: cash that leaves the account is cash_fixed + cash_per_step · k.
        charge_fixed, charge_per_step: what the objective counts beside drift (costs, tax), money, in the same form.
        gain_fixed, gain_per_step: gain realised, negative = loss, in the unit of `gain_limit`, in the same form.
    """

    first: int
    last: int
    cash_fixed: int
    cash_per_step: int
    charge_fixed: int = 0
    charge_per_step: int = 0
    gain_fixed: int = 0
    gain_per_step: int = 0


@dataclass(frozen=True, slots=True)
class AssetRow:
    """One asset of the problem.

    Attributes:
        value: money held of it now.
        price: money value of one step, above 0.
        low, high: between which values there is no drift; both the target where there is no band.
        pieces: the trades that are allowed, disjoint, in rising order of k. Without the piece (0, 0) it must trade.
    """

    value: int
    price: int
    low: int
    high: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One account.

    Attributes:
        norm: how drift is measured.
        assets: the assets, in the order ties are broken by.
        cash: cash now, money.
        cash_floor: cash there must be afterwards.
        cash_target: cash there should be; its drift then counts as an asset's does. None = cash does not count.
        charge_rate: objective units for one money unit of charge, 0 or above.
        gain_limit: the most gain, net of losses, that may be realised; None = no limit.
    """

    norm: Norm
    assets: tuple[AssetRow, ...]
    cash: int
    cash_floor: int
    cash_target: int | None = None
    charge_rate: int = 0
    gain_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Solution:
    """An answer and what is known of it.

    Of all answers with the least objective it is the one with the fewest trades, then the lowest turnover (Σ price ·
    |k|), then the lowest k in the order of the assets, unless thousands are equally good: then the first of those seen.

    Attributes:
        status: what is known.
        trades: k of each asset; all 0 where infeasible.
        objective: its objective, exact.
        bound: no answer has a lower objective; equals `objective` where optimal.
        nodes: answers and parts of answers looked at.
        cash_price: objective units that one more money unit of cash is worth, at the root of the search; what its
            bound can be checked with (`certificate.check`).
        gain_price: the same, of gain that may be realised.
    """

    status: Status
    trades: tuple[int, ...]
    objective: int
    bound: int
    nodes: int
    cash_price: int = 0
    gain_price: int = 0

    @property
    def gap(self) -> int:
        """How much better an answer could be at most, objective units."""
        return self.objective - self.bound
