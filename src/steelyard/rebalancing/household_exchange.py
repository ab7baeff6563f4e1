"""Exchanges between accounts: what no account can improve alone, two can together.

Cash cannot move between accounts, but an asset can change places: one buys what the other sells, the household holds as
much as before, and cash has moved. Each of the two may then make one more trade with what it has now, or to pay for it.
The best of these are looked up in tables of each account's single trades, by the cash they use.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from math import lcm
from typing import Final, NamedTuple

from steelyard.rebalancing.household_problem import (
    HouseholdProblem,
    Trades,
    line_at,
    objective_of,
)
from steelyard.rebalancing.problem import L1_SCALE

REACH: Final = 2
"""Steps one more trade may take, at most."""

TRIES: Final = 4
"""Exchanges tried in earnest, the most promising first: estimates overlook what two trades of one asset do together."""


class _Single(NamedTuple):
    """One more trade of an account: cash it uses, what it changes in the objective, and the trade."""

    cash: int
    change: int
    asset: int
    steps: int


@dataclass(frozen=True, slots=True)
class _Table:
    """The single trades of an account by rising cash; `best` holds, for each, the best of those up to it."""

    cash: list[int]
    best: list[_Single]

    def within(self, room: int) -> _Single | None:
        """Return the best trade that uses `room` at most; None where there is none."""
        place = bisect_right(self.cash, room)
        return self.best[place - 1] if place else None


def exchanged(problem: HouseholdProblem, trades: Trades, objective: int) -> tuple[int, Trades] | None:
    """Return better trades, one exchange away or a multiple of it, and their objective; None where none were found."""
    now = _values_now(problem, trades)
    tables = [_table(problem, trades, place, now) for place in range(len(trades))]
    proposals = sorted(_proposals(problem, trades, tables), key=lambda pair: pair[0])[:TRIES]
    found = ((objective_of(problem, other), other) for _, other in proposals)
    better = [(cost, other) for cost, other in found if cost is not None and cost < objective]
    return stretched(problem, trades, min(better)) if better else None


def stretched(problem: HouseholdProblem, trades: Trades, better: tuple[int, Trades]) -> tuple[int, Trades]:
    """Go as far again in the same direction, and as far again, while that is better still."""
    while True:
        further = tuple(
            tuple(2 * then - now for now, then in zip(before, after, strict=True))
            for before, after in zip(trades, better[1], strict=True)
        )
        cost = objective_of(problem, further)
        if cost is None or cost >= better[0]:
            return better
        better = (cost, further)


def _proposals(
    problem: HouseholdProblem, trades: Trades, tables: list[_Table]
) -> Iterator[tuple[int, Trades]]:
    """Give the exchanges that seem to be better, with what they seem to change."""
    rooms = [_room(problem, trades, place) for place in range(len(trades))]
    for buyer, seller in permutations(range(len(trades)), 2):
        for asset in range(len(problem.low)):
            bought, sold = _step_between(problem, asset, buyer, seller)
            more = _changed(problem, trades, buyer, asset, bought)
            less = _changed(problem, trades, seller, asset, -sold)
            if more is None or less is None:
                continue
            first = tables[buyer].within(rooms[buyer] - more[0])
            second = tables[seller].within(rooms[seller] - less[0])
            if first is None or second is None:
                continue
            change = more[1] + less[1] + first.change + second.change
            if change < 0:
                steps = [(buyer, asset, bought), (seller, asset, -sold)]
                steps += [(buyer, first.asset, first.steps), (seller, second.asset, second.steps)]
                yield change, _traded(trades, steps)


def _step_between(problem: HouseholdProblem, asset: int, buyer: int, seller: int) -> tuple[int, int]:
    """Return the fewest steps of both accounts that are worth the same."""
    prices = [problem.accounts[place].prices[asset] for place in (buyer, seller)]
    value = lcm(*prices)
    return value // prices[0], value // prices[1]


def _traded(trades: Trades, changes: list[tuple[int, int, int]]) -> Trades:
    rows = [list(row) for row in trades]
    for place, asset, steps in changes:
        rows[place][asset] += steps
    return tuple(map(tuple, rows))


def _values_now(problem: HouseholdProblem, trades: Trades) -> list[int]:
    """Return what the household holds of each asset after the trades, money."""
    values = problem.values
    for account, steps in zip(problem.accounts, trades, strict=True):
        for asset, (price, k) in enumerate(zip(account.prices, steps, strict=True)):
            values[asset] += price * k
    return values


def _table(problem: HouseholdProblem, trades: Trades, place: int, values: list[int]) -> _Table:
    singles = [_Single(0, 0, 0, 0)]
    for asset, now in enumerate(values):
        low, high, price = problem.low[asset], problem.high[asset], problem.accounts[place].prices[asset]
        drift = max(low - now, now - high, 0)
        for steps in range(-REACH, REACH + 1):
            found = _changed(problem, trades, place, asset, steps) if steps else None
            if found is not None:
                then = now + price * steps
                change = L1_SCALE * (max(low - then, then - high, 0) - drift) + found[1]
                singles.append(_Single(found[0], change, asset, steps))
    singles.sort(key=lambda single: (single.cash, single.change))
    best: list[_Single] = []
    for single in singles:
        best.append(single if not best or single.change < best[-1].change else best[-1])
    return _Table([single.cash for single in singles], best)


def _room(problem: HouseholdProblem, trades: Trades, place: int) -> int:
    account = problem.accounts[place]
    used = 0
    for pieces, k in zip(account.pieces, trades[place], strict=True):
        line = line_at(pieces, k)
        used += line[0] if line else 0
    return account.cash - account.cash_floor - used


def _changed(
    problem: HouseholdProblem, trades: Trades, place: int, asset: int, steps: int
) -> tuple[int, int] | None:
    """Return the cash more that a trade of some steps more uses, and the charge; None where it is not allowed."""
    pieces, k = problem.accounts[place].pieces[asset], trades[place][asset]
    now, then = line_at(pieces, k), line_at(pieces, k + steps)
    return None if now is None or then is None else (then[0] - now[0], then[1] - now[1])
