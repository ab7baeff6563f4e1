"""Accounts of a book that have costs, minimum trades, L1 drift or a cash target: searched as a single account is.

Each is laid out in `cells` as `layout` lays a problem out, in place, and answered by `best_trades`, compiled.
"""

import sys
from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np

from steelyard.rebalancing import book_kernel, cash_search, cells
from steelyard.rebalancing.best_trades import best_trades, furthest_of
from steelyard.rebalancing.book_kernel import (
    ASSET,
    HUGE,
    Accounts,
    Answers,
    Bench,
    Market,
    Rules,
    compile_entry,
    part,
    state,
    write_trades,
)
from steelyard.rebalancing.cash_search import (
    BEST,
    FIRST,
    LAST,
    OPTIMAL,
    PRICE,
    TARGET,
    UNFIT,
    VALUE,
    WITHIN_GAP,
    Desk,
)
from steelyard.rebalancing.cells import Account, Cells, Sections, highest_price, sections
from steelyard.rebalancing.problem import L1_SCALE

RUNS: Final = 3
"""Pieces of an asset at most: sold, not traded, bought."""


def answer_costly_run(
    accounts: Accounts,
    market: Market,
    rules: Rules,
    answers: Answers,
    bench: Bench,
    desk: Desk,
    given: Cells,
    at: Sections,
) -> None:
    """Answer the accounts of a run, one after the other."""
    for x in range(len(accounts.cash)):
        assets, whole, room, rest = state(accounts, market, rules, answers, bench, desk, x)
        if assets == 0:
            continue
        unit, fineness = answers.unit[x], answers.fineness[x]
        rate = charge_rate(rules, whole)
        if not lay_out(market, bench, desk, assets, unit, fineness, rate, given, at):
            continue
        status, gap = search_costs(rules, assets, room, rest, given, at)
        if status == UNFIT:
            continue
        for i in range(assets):
            desk[BEST, i] = given[i * cells.ASSET + cells.ANSWER]
        objective = objective_of(market, rules, bench, desk, assets, unit, fineness, rate, room - rest, room)
        if objective >= 0:
            answers.status[x], answers.objective[x], answers.gap[x] = status, objective, gap
            write_trades(market, answers, bench, desk, x, assets, accounts.cash[x])


def charge_rate(rules: Rules, whole: int) -> int:
    """Give objective units for one money unit of cost, rounded up."""
    rate, beyond = part(whole if rules.norm != 1 else L1_SCALE, rules.charge_weight, book_kernel.WHOLE_WEIGHT)
    return rate + (1 if beyond > 0 else 0)


# ── Cells ───────────────────────────────────────────────────────────────────────────────────────────────────


def lay_out(
    market: Market,
    bench: Bench,
    desk: Desk,
    assets: int,
    unit: int,
    fineness: int,
    rate: int,
    given: Cells,
    at: Sections,
) -> bool:
    """Write assets and pieces; whether each asset has a trade that is allowed, or may stay as it is."""
    end = at.pieces
    for i in range(assets):
        asset, row = bench[ASSET, i], i * cells.ASSET
        fee = market.fee[asset] // unit * fineness
        spread = market.spread[asset] // unit * fineness
        if float(rate) * float(fee + spread) > HUGE:
            return False
        given[row + cells.VALUE], given[row + cells.PRICE] = desk[VALUE, i], desk[PRICE, i]
        given[row + cells.LOW], given[row + cells.HIGH] = desk[TARGET, i], desk[TARGET, i]
        given[row + cells.PIECES] = end
        end = lay_pieces(desk, i, market.least[asset], fee, spread, rate, given, end)
        given[row + cells.PIECES_END] = end
        if end == given[row + cells.PIECES]:
            return False
    return True


def lay_pieces(
    desk: Desk, i: int, least: int, fee: int, spread: int, rate: int, given: Cells, end: int
) -> int:
    """Write the pieces of an asset (`limits.Limits.pieces`, joined where they lie on one line); return their end."""
    first, last, price = desk[FIRST, i], desk[LAST, i], desk[PRICE, i]
    if fee == 0 and spread == 0 and least == 1:
        return lay_piece(given, end, first, last, 0, price, 0, 0)
    end = lay_piece(given, end, first, min(last, -least), fee, price - spread, rate * fee, -rate * spread)
    end = lay_piece(given, end, max(first, 0), min(last, 0), 0, 0, 0, 0)
    return lay_piece(given, end, max(first, least), last, fee, price + spread, rate * fee, rate * spread)


def lay_piece(
    given: Cells, at: int, first: int, last: int, cash: int, per_step: int, cost: int, cost_per_step: int
) -> int:
    """Write a piece, unless it is empty; return the end."""
    if first > last:
        return at
    given[at + cells.FIRST], given[at + cells.LAST] = first, last
    given[at + cells.CASH_FIXED], given[at + cells.CASH_STEP] = cash, per_step
    given[at + cells.COST_FIXED], given[at + cells.COST_STEP] = cost, cost_per_step
    given[at + cells.GAIN_FIXED], given[at + cells.GAIN_STEP] = 0, 0
    return at + cells.PIECE


# ── Search ──────────────────────────────────────────────────────────────────────────────────────────────────


def search_costs(
    rules: Rules, assets: int, room: int, rest: int, given: Cells, at: Sections
) -> tuple[int, int]:
    """Search an account that is laid out; return what is known of the answer, and its gap (`search.solve_with`)."""
    far = cells.FAR
    counts = rules.has_target != 0
    norm, scale = (rules.norm, L1_SCALE) if counts else (1, 0)
    wanted = rest if counts else 0
    account = Account(assets * cells.ASSET, rules.norm, room, norm, scale, wanted, 0, 0, far, 0)
    highest = highest_price(given, account)
    if highest == 0:
        return UNFIT, 0
    account = Account(assets * cells.ASSET, rules.norm, room, norm, scale, wanted, 0, 0, far, highest)
    gap, bound, nodes, prices = best_trades(given, account, at, rules.limit)
    is_cut_short = bound < gap and bound > furthest_of(account)
    if gap == far or is_cut_short or max(abs(prices.cash), prices.gain) >= highest:
        return UNFIT, 0
    if rules.finishes != 0 and nodes >= rules.limit:  # proven or not, another of equals may come first
        return UNFIT, 0
    return (OPTIMAL, 0) if bound >= gap else (WITHIN_GAP, gap - bound)


def objective_of(
    market: Market,
    rules: Rules,
    bench: Bench,
    desk: Desk,
    assets: int,
    unit: int,
    fineness: int,
    rate: int,
    wanted: int,
    room: int,
) -> int:
    """Compute the objective of the trades found, in whole numbers; -1 = not in 64 bits."""
    total, widest, left = 0, 0.0, room
    for i in range(assets):
        steps, asset = desk[BEST, i], bench[ASSET, i]
        cost = 0
        if steps != 0:
            cost = (market.fee[asset] + market.spread[asset] * abs(steps)) // unit * fineness
        left -= desk[PRICE, i] * steps + cost
        drift = measured(rules, desk[VALUE, i] + desk[PRICE, i] * steps - desk[TARGET, i])
        widest += abs(float(drift)) + float(rate) * float(cost)
        if drift < 0 or widest > HUGE * 8:
            return -1
        total += drift + rate * cost
    if rules.has_target != 0:
        missed = measured(rules, left - (room - wanted))
        if missed < 0 or widest + float(missed) > HUGE * 8:
            return -1
        total += missed
    return total


def measured(rules: Rules, off: int) -> int:
    """Give the drift of a distance; -1 = not in 64 bits."""
    if rules.norm == 1:
        return abs(off) * L1_SCALE if abs(off) < 1 << 40 else -1
    return off * off if abs(off) < 1 << 31 else -1


# ── Compiled ────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def compiled_costly_run() -> Callable[..., None]:
    """Compile `answer_costly_run` and all it calls, lazily.

    Raises:
        ModuleNotFoundError: numba, the extra `[book]`, is not installed.
    """
    from steelyard.rebalancing import kernel  # noqa: PLC0415 - all the search, which few books need

    run: Callable[..., None] = compile_entry(
        "answer_costly_run", (cash_search, book_kernel, sys.modules[__name__]), kernel.compiled()
    )
    return run


def make_cells(assets: int) -> tuple[Any, Sections]:
    """Make the cells for accounts of up to so many assets."""
    at = sections(assets, RUNS * assets, 0)
    return np.zeros(at.end, np.int64), at
