"""The exact problem of a household: accounts that share one target, each with its own cash.

As `problem`, and in the same whole numbers, but drift is that of the household and each account has a row of cash:

    minimise    L1_SCALE · Σ drift(Σ value + Σ price · k) + Σ charge(k) + drift of all cash, where it has a target
    subject to  cash - Σ cash_used(k) >= cash_floor, account by account
                Σ gain(k) <= gain_limit over all accounts, where there is one
                k in one of the pieces of its account and asset
                no purchase of what another account, or the same, sells at a loss (`WashGroup`)

Sums run over accounts. Charges are counted in objective units here, so that costs, taxes and what a place costs in the
years to come may weigh differently. With all accounts but one as they are, what is left is the problem of one account.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import gcd
from typing import NamedTuple

from steelyard.rebalancing.problem import L1_SCALE, AssetRow, Norm, Piece, Problem

Trades = tuple[tuple[int, ...], ...]
"""Steps traded, by account and asset."""


@dataclass(frozen=True, slots=True)
class AccountPart:
    """One account of the household; each tuple has one entry per asset of the household.

    Attributes:
        cash: cash now, money.
        cash_floor: cash there must be afterwards.
        values: money held.
        prices: money value of one step, above 0; accounts may trade in steps of different size.
        pieces: the trades that are allowed; charges in objective units. Those on one line may be joined, through 0
            too.
    """

    cash: int
    cash_floor: int
    values: tuple[int, ...]
    prices: tuple[int, ...]
    pieces: tuple[tuple[Piece, ...], ...]


@dataclass(frozen=True, slots=True)
class WashGroup:
    """Assets that count as one for wash sales: none is bought in any account, or none is sold at a loss.

    Attributes:
        assets: which.
        free_of_loss: (account, asset) → the lowest k at which nothing is sold at a loss, where there are losses.
    """

    assets: tuple[int, ...]
    free_of_loss: Mapping[tuple[int, int], int]


@dataclass(frozen=True, slots=True)
class HouseholdProblem:
    """A household.

    Attributes:
        low, high: between which values of an asset, summed over accounts, there is no drift.
        accounts: its accounts.
        base_charge: what the objective counts whatever is traded, objective units.
        cash_target: cash all accounts together should have; None = cash does not count.
        gain_limit: the most gain, net of losses, all accounts together may realise, in a unit of its own; None = no
            limit.
        groups: where purchases and losses exclude each other.
    """

    low: tuple[int, ...]
    high: tuple[int, ...]
    accounts: tuple[AccountPart, ...]
    base_charge: int = 0
    cash_target: int | None = None
    gain_limit: int | None = None
    groups: tuple[WashGroup, ...] = ()

    @property
    def values(self) -> list[int]:
        """Money held of each asset, over all accounts."""
        return [sum(account.values[asset] for account in self.accounts) for asset in range(len(self.low))]

    @property
    def cash(self) -> int:
        """Cash of all accounts."""
        return sum(account.cash for account in self.accounts)


@dataclass(frozen=True, slots=True)
class Effect:
    """What trades come to, of one account or of several, money; charges in objective units, gains in theirs.

    Attributes:
        traded: value bought less value sold, by asset.
        cash: cash that leaves.
        charge: of all trades.
        gain: realised.
    """

    traded: tuple[int, ...]
    cash: int
    charge: int
    gain: int


def combined(effects: Sequence[Effect], assets: int) -> Effect:
    """Add effects up; of none, nothing is traded of any of the assets."""
    traded = tuple(map(sum, zip(*(each.traded for each in effects), strict=True))) or (0,) * assets
    return Effect(
        traded,
        sum(each.cash for each in effects),
        sum(each.charge for each in effects),
        sum(each.gain for each in effects),
    )


def effect_of(account: AccountPart, steps: Sequence[int]) -> Effect | None:
    """Return what the trades of an account come to; None where one of them is not allowed."""
    lines = [line_at(pieces, k) for pieces, k in zip(account.pieces, steps, strict=True)]
    allowed = [line for line in lines if line is not None]
    if len(allowed) < len(lines):
        return None
    traded = tuple(price * k for price, k in zip(account.prices, steps, strict=True))
    return Effect(traded, *(sum(line[place] for line in allowed) for place in range(3)))


def objective_of(problem: HouseholdProblem, trades: Trades) -> int | None:
    """Return the objective of trades, exact; None where they break a constraint."""
    effects: list[Effect] = []
    for account, steps in zip(problem.accounts, trades, strict=True):
        effect = effect_of(account, steps)
        if effect is None or account.cash - effect.cash < account.cash_floor:
            return None
        effects.append(effect)
    total = combined(effects, len(problem.low))
    if problem.gain_limit is not None and total.gain > problem.gain_limit:
        return None
    if any(is_washed(group, trades) for group in problem.groups):
        return None
    return L1_SCALE * drift_after(problem, total) + total.charge + problem.base_charge


def drift_after(problem: HouseholdProblem, total: Effect) -> int:
    """Return the drift of the household, money, once what all its accounts trade comes to `total`."""
    values = (value + more for value, more in zip(problem.values, total.traded, strict=True))
    drift = sum(
        max(low - value, value - high, 0)
        for low, high, value in zip(problem.low, problem.high, values, strict=True)
    )
    if problem.cash_target is None:
        return drift
    return drift + abs(problem.cash - total.cash - problem.cash_target)


def is_washed(group: WashGroup, trades: Trades) -> bool:
    """Whether trades buy what they sell at a loss."""
    sells = any(trades[account][asset] < least for (account, asset), least in group.free_of_loss.items())
    return sells and any(steps[asset] > 0 for steps in trades for asset in group.assets)


def line_at(pieces: Iterable[Piece], k: int) -> tuple[int, int, int] | None:
    """Return cash used, charge and gain of one trade; None where it is not allowed."""
    for piece in pieces:
        if piece.first <= k <= piece.last:
            return (
                piece.cash_fixed + piece.cash_per_step * k,
                piece.charge_fixed + piece.charge_per_step * k,
                piece.gain_fixed + piece.gain_per_step * k,
            )
    return None


# ── One account, the others as they are ─────────────────────────────────────────────────────────────────────


def problem_of_account(problem: HouseholdProblem, place: int, others: Effect) -> Problem:
    """Return the problem of one account, given what the trades of all others come to.

    Its objective differs from that of the household by what does not depend on the account.
    """
    account = problem.accounts[place]
    elsewhere = [
        value - own + more
        for value, own, more in zip(problem.values, account.values, others.traded, strict=True)
    ]
    left = problem.cash - account.cash - others.cash
    return Problem(
        norm=Norm.L1,
        assets=tuple(
            AssetRow(value, price, low - other, high - other, pieces)
            for value, price, low, high, other, pieces in zip(
                account.values,
                account.prices,
                problem.low,
                problem.high,
                elsewhere,
                account.pieces,
                strict=True,
            )
        ),
        cash=account.cash,
        cash_floor=account.cash_floor,
        cash_target=None if problem.cash_target is None else problem.cash_target - left,
        charge_rate=1,
        gain_limit=None if problem.gain_limit is None else problem.gain_limit - others.gain,
    )


# ── Wash sales ──────────────────────────────────────────────────────────────────────────────────────────────


def without_losses(problem: HouseholdProblem, group: WashGroup) -> HouseholdProblem:
    """Return the problem in which a group is not sold at a loss; it may have pairs without any trade left."""
    return _clipped(problem, group.free_of_loss, {})


def without_purchases(problem: HouseholdProblem, group: WashGroup) -> HouseholdProblem:
    """Return the problem in which a group is not bought; it may have pairs without any trade left."""
    pairs = [(place, asset) for place in range(len(problem.accounts)) for asset in group.assets]
    return _clipped(problem, {}, dict.fromkeys(pairs, 0))


def _clipped(
    problem: HouseholdProblem,
    first: Mapping[tuple[int, int], int],
    last: Mapping[tuple[int, int], int],
) -> HouseholdProblem:
    accounts = list(problem.accounts)
    for place, asset in {**first, **last}:
        pieces = list(accounts[place].pieces)
        pieces[asset] = clip(pieces[asset], first.get((place, asset)), last.get((place, asset)))
        accounts[place] = replace(accounts[place], pieces=tuple(pieces))
    return replace(problem, accounts=tuple(accounts))


def clip(pieces: Sequence[Piece], first: int | None, last: int | None) -> tuple[Piece, ...]:
    """Return the trades from `first` to `last`; None = no limit on that side.

    >>> clip((Piece(-5, -1, 0, 10), Piece(0, 0, 0, 0), Piece(1, 9, 0, 10)), -3, 0)[0].first
    -3
    """
    cut = (
        replace(
            piece,
            first=piece.first if first is None else max(piece.first, first),
            last=piece.last if last is None else min(piece.last, last),
        )
        for piece in pieces
    )
    return tuple(piece for piece in cut if piece.first <= piece.last)


# ── Corners ─────────────────────────────────────────────────────────────────────────────────────────────────


class Corner(NamedTuple):
    """The end of a piece, or no trade within one: all allowed trades of an account and asset lie between its corners.

    Attributes:
        k: steps.
        traded: their value, money, signed as k.
        cash, charge, gain: as of a `Piece`.
    """

    k: int
    traded: int
    cash: int
    charge: int
    gain: int


def corners_of(pieces: Sequence[Piece], price: int) -> tuple[Corner, ...]:
    """Return the corners, in rising order of k.

    >>> [corner.cash for corner in corners_of((Piece(-2, -1, 5, 10), Piece(0, 0, 0, 0)), 10)]
    [-15, -5, 0]
    """
    ends = ((piece, k) for piece in pieces for k in sorted(_ends(piece)))
    return tuple(
        Corner(
            k,
            price * k,
            piece.cash_fixed + piece.cash_per_step * k,
            piece.charge_fixed + piece.charge_per_step * k,
            piece.gain_fixed + piece.gain_per_step * k,
        )
        for piece, k in ends
    )


def _ends(piece: Piece) -> set[int]:
    ends = {piece.first, piece.last}
    return {*ends, 0} if piece.first < 0 < piece.last else ends


def common_step(problem: HouseholdProblem, asset: int) -> int:
    """Return the value of which every trade of an asset, in any account, is a multiple."""
    return gcd(*(account.prices[asset] for account in problem.accounts))
