"""Problems of one account, small ones of every kind and larger ones as accounts are."""

import math
from random import Random

from hypothesis import strategies as st

from steelyard.rebalancing.problem import L1_SCALE, AssetRow, Norm, Piece, Problem

KINDS = (
    "plain",
    "ticket",
    "spread",
    "minimum",
    "buy only",
    "sell only",
    "locked",
    "must trade",
    "lots",
    "any run",
)
WIDTHS = {0: 1, 1: 20, 2: 12, 3: 6, 4: 4, 5: 3}
"""How many steps an asset may trade each way, by number of assets: brute force looks at every choice."""


# ── Small, of every kind ────────────────────────────────────────────────────────────────────────────────────


@st.composite
def small_problems(draw: st.DrawFn) -> Problem:
    """Up to five assets under any constraint, both norms, cash that is short or plenty or has a target."""
    scale = draw(st.sampled_from([1, 3, 10, 100]))
    count = draw(st.integers(0, 5))
    assets = tuple(draw(_assets(scale, WIDTHS[count])) for _ in range(count))
    money = st.integers(-5 * scale, 25 * scale)
    return Problem(
        norm=draw(st.sampled_from(list(Norm))),
        assets=assets,
        cash=draw(st.integers(-10 * scale, 30 * scale)),
        cash_floor=draw(st.just(0) | money),
        cash_target=draw(st.none() | money),
        charge_rate=draw(st.sampled_from([0, 1, 7, 50, L1_SCALE])),
        gain_limit=draw(st.none() | st.none() | money),
    )


@st.composite
def _assets(draw: st.DrawFn, scale: int, width: int) -> AssetRow:
    price, held = draw(st.integers(1, 10 * scale)), draw(st.integers(0, width))
    target = draw(st.integers(0, price * (width + 2)))
    band = draw(st.just(0) | st.integers(0, 2 * price))
    over = draw(st.just(0) | st.integers(0, price - 1))
    kind = draw(st.sampled_from(KINDS))
    pieces = draw(_pieces(kind, price, -held, draw(st.integers(0, width))))
    return AssetRow(price * held + over, price, max(target - band, 0), target + band, pieces)


@st.composite
def _pieces(draw: st.DrawFn, kind: str, price: int, first: int, last: int) -> tuple[Piece, ...]:
    ticket = draw(st.integers(0, 2 * price)) if kind == "ticket" else 0
    spread = draw(st.integers(0, price // 3)) if kind == "spread" else 0
    least = draw(st.integers(1, 3)) if kind == "minimum" else 1
    gain = draw(st.integers(-price, price))
    first, last = (
        (0 if kind in {"buy only", "locked"} else first),
        (0 if kind in {"sell only", "locked"} else last),
    )
    if kind == "any run":
        return tuple(draw(_lone_trades(price, first, last)))
    if kind == "lots" and first <= -2:
        selling = draw(_lots(price, first))
    else:
        selling = (
            [Piece(first, -least, ticket, price - spread, ticket, -spread, 0, -gain)]
            if first <= -least
            else []
        )
    buying = [Piece(least, last, ticket, price + spread, ticket, spread)] if last >= least else []
    keeping = [] if kind == "must trade" and (selling or buying) else [Piece(0, 0, 0, price)]
    return (*selling, *keeping, *buying)


@st.composite
def _lots(draw: st.DrawFn, price: int, first: int) -> list[Piece]:
    """Two lots, sold one after the other, each with its gain and the tax on it."""
    second = draw(st.integers(1, -first - 1))
    near, far = draw(st.integers(-price, price)), draw(st.integers(-price, price))
    charge = second * (max(near, 0) - max(far, 0))
    return [
        Piece(first, -second - 1, 0, price, charge, -max(far, 0), second * (near - far), -far),
        Piece(-second, -1, 0, price, 0, -max(near, 0), 0, -near),
    ]


@st.composite
def _lone_trades(draw: st.DrawFn, price: int, first: int, last: int) -> list[Piece]:
    """Trades that lie on no line: each k with its own cash, charge and gain; some k left out."""
    kept = draw(st.lists(st.integers(first, last), min_size=1, unique=True))
    amount = st.integers(-price, price)
    return [
        Piece(k, k, price * k + draw(amount), 0, draw(st.integers(0, price)), 0, draw(amount))
        if k
        else Piece(0, 0, 0, 0)
        for k in sorted(kept)
    ]


# ── Larger, as accounts are ─────────────────────────────────────────────────────────────────────────────────


def account_problem(
    assets: int, value: int, seed: int, *, norm: Norm = Norm.L2, cash_target: int | None = None
) -> Problem:
    """Whole shares at prices of 5 to 3,000, targets and positions at random; `value` in units, money in cents."""
    chance, total = Random(f"{assets} {value} {seed}"), 100 * value  # noqa: S311 - a made account needs no secrets
    prices = [round(100 * math.exp(chance.uniform(math.log(5), math.log(3000)))) for _ in range(assets)]
    held = [
        int(0.95 * share * total / price)
        for share, price in zip(_shares(chance, assets), prices, strict=True)
    ]
    targets = [int(share * total) for share in _shares(chance, assets)]
    targets[0] += total - sum(targets)
    rows = tuple(
        AssetRow(count * price, price, target, target, _whole_shares(count, price, target, total))
        for count, price, target in zip(held, prices, targets, strict=True)
    )
    return Problem(norm, rows, total - sum(row.value for row in rows), cash_floor=0, cash_target=cash_target)


def _shares(chance: Random, count: int) -> list[float]:
    drawn = [chance.expovariate(1) for _ in range(count)]
    return [share / sum(drawn) for share in drawn]


def _whole_shares(held: int, price: int, target: int, total: int) -> tuple[Piece, ...]:
    selling = [Piece(-held, -1, 0, price)] if held else []
    buying = [Piece(1, total // price + 1, 0, price)] if target else []
    return (*selling, Piece(0, 0, 0, price), *buying)
