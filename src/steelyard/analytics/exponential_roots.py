"""Every root of a sum of exponentials, proven: Σ a·e^(−t·x) = 0.

Outside a range the first or the last term outweighs all others, so no root lies there. Inside, an interval is halved
until bounds of the sum show that it holds no root, or bounds of its slope that it holds one at most. Written as
balances, the sum is

    Σ a·e^(T·h − t·(x + h)) = B_n + Σ B_k·w_k(h),   B_k = Σ over i ≤ k of a_i·e^(−t_i·x),
    w_k(h) = e^((T − t_k)·h) − e^((T − t_(k+1))·h) ≥ 0, growing with h,

T being the last time: what is invested after each amount, times what it earns at h more. So the bounds rest on what is
invested and for how long, however often money goes in and out. Rounding of floats is allowed for.
"""

import math
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from steelyard.analytics.observations import FloatArray

_NARROWEST: Final = 1e-9
"""Width of x below which an interval is not halved: what it holds is a root that is touched, not crossed."""

_SAME: Final = 1e-6
"""Distance of x below which two roots are one: near a root that is touched, sums of floats are noise."""

_NOISE: Final = 1e-14
"""What the sum of a few thousand floats may be off by, of the sum of their sizes; a power by as much × its exponent."""

_FAINTEST: Final = 1e-300
"""A power below this may have become 0, and still count where it is weighed highly."""

_STILL: Final = 1e-16
"""A root that moves by less is found."""

_CHUNK: Final = 2**18
"""Elements of [interval, term] worked on at a time."""


def find_roots(terms: FloatArray, times: FloatArray) -> tuple[float, ...]:
    """Find every x with Σ terms·e^(−times·x) = 0.

    Args:
        terms: [term], none 0 or NaN, of both signs.
        times: [term], strictly ascending.

    Returns:
        All of them, ascending. Two nearer than a millionth, and a root that is touched and not crossed, are one.

    >>> [round(math.exp(x), 9) for x in find_roots(np.array([-1.0, 5.0, -6.0]), np.arange(3.0))]
    [2.0, 3.0]
    """
    low, high = _outer_bounds(terms, times)
    if np.count_nonzero(np.diff(np.sign(terms))) == 1:
        return (_solve(terms, times, low, high),)  # Descartes' rule of signs: one change, one root
    step = max(1, _CHUNK // len(terms))
    waiting, found = np.array([[low, high]]), list[float]()
    while len(waiting):
        intervals, waiting = waiting[:step], waiting[step:]
        holds_one, is_open = _classify(terms, times, intervals)
        found += [_solve(terms, times, *ends) for ends in intervals[holds_one]]
        middles = intervals.mean(axis=1)
        narrow = intervals[:, 1] - intervals[:, 0] < _NARROWEST * (1.0 + np.abs(middles))
        found += middles[is_open & narrow].tolist()
        open_ = is_open & ~narrow
        halves = np.stack([intervals[open_, 0], middles[open_], middles[open_], intervals[open_, 1]], axis=1)
        waiting = np.concatenate([halves.reshape(-1, 2), waiting])
    return _apart(sorted(found))


def _outer_bounds(terms: FloatArray, times: FloatArray) -> tuple[float, float]:
    """Return x below which the last term outweighs all others, and x above which the first does."""
    sizes = np.abs(terms)
    low = -np.log(sizes[:-1].sum() / sizes[-1]) / (times[-1] - times[-2])
    high = np.log(sizes[1:].sum() / sizes[0]) / (times[1] - times[0])
    return min(0.0, float(low)) - 1.0, max(0.0, float(high)) + 1.0


def _classify(
    terms: FloatArray, times: FloatArray, intervals: FloatArray
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell of each interval whether it holds exactly one root, and whether that is still open; neither = no root."""
    lows, highs = intervals.T
    at_low, at_high = (_powers(times, ends) for ends in (lows, highs))
    rest, width = times[-1] - times, (highs - lows)[:, np.newaxis]
    with np.errstate(over="ignore"):
        weights = np.exp(rest[:-1] * width) * -np.expm1(-np.diff(times) * width)
    noise = _NOISE * (1.0 + np.abs(lows) * np.abs(times).max())[:, np.newaxis]
    off = at_low * noise + _FAINTEST
    may_be_zero = ~_has_one_sign(terms, at_low, off, weights)
    one_way = _has_one_sign(terms * rest, at_low, off, weights)
    crosses = np.sign(at_low @ terms) * np.sign(at_high @ terms) <= 0
    return may_be_zero & one_way & crosses, may_be_zero & ~one_way


def _powers(times: FloatArray, ends: FloatArray) -> FloatArray:
    """Return e^(−times·end) [interval, term], each interval's divided by its largest: nothing overflows."""
    exponents = -ends[:, np.newaxis] * times
    return np.asarray(np.exp(exponents - exponents.max(axis=1, keepdims=True)))


def _has_one_sign(
    terms: FloatArray, powers: FloatArray, off: FloatArray, weights: FloatArray
) -> NDArray[np.bool_]:
    """Whether Σ terms·e^((T − t)·y) keeps its sign for y from 0 to the width; `off` is what powers may be off by."""
    balances = np.cumsum(terms * powers, axis=1)
    unsure = np.cumsum(np.abs(terms) * off, axis=1)
    return _is_above_zero(balances - unsure, weights) | _is_above_zero(-balances - unsure, weights)


def _is_above_zero(balances: FloatArray, weights: FloatArray) -> NDArray[np.bool_]:
    """Whether the last balance outweighs those below 0 at their greatest weights."""
    before, last = balances[:, :-1], balances[:, -1]
    with np.errstate(over="ignore", invalid="ignore"):
        least = last + np.where(before < 0, before * weights, 0.0).sum(axis=1)
    return np.asarray(least > 0)


def _solve(terms: FloatArray, times: FloatArray, low: float, high: float) -> float:
    """Find the root between ends of different signs: C. Ridders' method, which at least halves them every time.

    IEEE Transactions on Circuits and Systems 26 (1979). Ends when the root moves no more or the ends are neighbours.
    """
    at_low, at_high = _relative_sum(terms, times, low), _relative_sum(terms, times, high)
    root, before = low if at_low == 0 else high, math.inf
    while at_low * at_high < 0 and abs(root - before) > _STILL * (1.0 + abs(root)):
        middle, before = (low + high) / 2.0, root
        at_middle = _relative_sum(terms, times, middle)
        step = (middle - low) * at_middle / math.sqrt(at_middle * at_middle - at_low * at_high)
        root = middle + math.copysign(1.0, at_low - at_high) * step
        ends = [
            (low, at_low),
            (middle, at_middle),
            (root, _relative_sum(terms, times, root)),
            (high, at_high),
        ]
        (low, at_low), (high, at_high) = _narrowest(sorted(ends))
    return root


def _narrowest(points: list[tuple[float, float]]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the neighbours among points between which the sign changes."""
    return next(pair for pair in pairwise(points) if pair[0][1] * pair[1][1] <= 0)


def _relative_sum(terms: FloatArray, times: FloatArray, x: float) -> float:
    """Return the sum as a fraction of the largest of its terms' powers: it has the same sign, and never overflows."""
    exponents = -times * x
    return float(np.dot(terms, np.exp(exponents - exponents.max())))


def _apart(roots: list[float]) -> tuple[float, ...]:
    """Keep one of roots that a float cannot tell apart."""
    kept: list[float] = []
    for root in roots:
        if not kept or root - kept[-1] > _SAME * (1.0 + abs(root)):
            kept.append(root)
    return tuple(kept)
