"""A run of accounts of a book, compiled: from columns of whole numbers to trades, with nothing between.

Each account is stated as `plan.make_plan` states it, number by number: the unit of money, targets by largest remainder,
how far each asset may be traded. What is not plain sailing (a weight sum that is off, an asset without a price, numbers
that could outgrow 64 bits) is left to `calculate_investment_allocation`, which answers or says what is wrong.

The functions run as they stand, too; `compiled_run` compiles them with those of `cash_search` (numba, the extra
`[book]`) and keeps the result on disk.
"""

import hashlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from steelyard.rebalancing import cash_search
from steelyard.rebalancing.cash_search import (
    BEST,
    FIRST,
    LAST,
    PRICE,
    ROWS,
    TARGET,
    UNFIT,
    VALUE,
    Column,
    Desk,
    search_cash,
)
from steelyard.rebalancing.units import FINEST

NO_BUY: Final = 1
NO_SELL: Final = 2
NOT_SOLD: Final = -1
"""What stands for a weight where there is none."""

HUGE: Final = float(1 << 58)
"""Raw money of an account above which sums could outgrow 64 bits."""

CANDIDATES_EACH: Final = 64
WEIGHT_PLACES: Final = 9
WHOLE_WEIGHT: Final = 10**WEIGHT_PLACES
"""Raw weight of 1. Weights with more decimals are left to plain Python."""


class Market(NamedTuple):
    """What all accounts share, by asset, in the order of asset ids; raw money and raw quantities.

    Attributes:
        price: of one raw unit of quantity; 0 = has none.
        step: raw quantity of a step.
        locked: NO_BUY and NO_SELL bits.
        fee: of a trade.
        spread: half the spread of one step.
        least: steps that make a trade, 1 or above.
        most: the largest weight a position may have, raw weight; above WHOLE_WEIGHT = no limit.
    """

    price: Column
    step: Column
    locked: Column
    fee: Column
    spread: Column
    least: Column
    most: Column


class Rules(NamedTuple):
    """What all accounts share.

    Attributes:
        sells_untargeted: 1 = a position without a target is sold.
        buys_only: 1 = nothing is sold.
        retained: cash to be set aside, raw money.
        spent: how much cash may be spent, raw money; negative = any.
        target: what should be in cash, raw money.
        cash_weight: the same, raw weight.
        has_target: 1 = missing one of these is drift.
        norm: how drift is measured, 1 or 2.
        charge_weight: what costs weigh beside drift, raw weight.
        limit: candidates that may be looked at.
        finishes: 1 = what is cut short by that is left alone.
    """

    sells_untargeted: int
    buys_only: int
    retained: int
    spent: int
    target: int
    cash_weight: int
    has_target: int
    norm: int
    charge_weight: int
    limit: int
    finishes: int


class Accounts(NamedTuple):
    """The accounts of a run; raw money, quantities and weights.

    Account x has positions `start[x]` to `start[x + 1]`: asset (negative = not known), quantity, weight (NOT_SOLD = no
    target), lock bits; and the entries `model[x]` to `model_end[x]` of the models. `fits` is 0 where a number is not in
    range; `cash` includes what is invested.
    """

    start: Column
    asset: Column
    quantity: Column
    weight: Column
    locked: Column
    model: Column
    model_end: Column
    model_asset: Column
    model_weight: Column
    cash: Column
    floor: Column
    fits: Column


class Answers(NamedTuple):
    """What is found.

    Account x may write trades from `room[x]` on: asset and raw quantity; `trades` says how many. `status` is that of
    `cash_search`; `unit` and `fineness` make the unit of money (raw money, and how often it is divided), in which
    objective and gap are squared.
    """

    room: Column
    asset: Column
    quantity: Column
    trades: Column
    status: Column
    objective: Column
    gap: Column
    unit: Column
    fineness: Column
    cash: Column


Bench: TypeAlias = NDArray[np.int64]
"""Room for the account at hand, a row of numbers for each of the names below."""

ASSET, QUANTITY, WEIGHT, LOCKED, REST = range(5)
"""By asset: which, quantity, weight, locks, remainder of its target."""


def answer_run(
    accounts: Accounts, market: Market, rules: Rules, answers: Answers, bench: Bench, desk: Desk
) -> None:
    """Answer the accounts of a run, one after the other, where cash is the only limit."""
    for x in range(len(accounts.cash)):
        assets, _, room, _ = state(accounts, market, rules, answers, bench, desk, x)
        if assets == 0:
            continue
        status, gap = search_cash(desk, assets, room, rules.limit)
        objective = squared(desk, assets)
        if status != UNFIT and objective >= 0:
            answers.status[x], answers.objective[x], answers.gap[x] = status, objective, gap
            write_trades(market, answers, bench, desk, x, assets, accounts.cash[x])


def state(
    accounts: Accounts, market: Market, rules: Rules, answers: Answers, bench: Bench, desk: Desk, x: int
) -> tuple[int, int, int, int]:
    """State an account in its unit of money.

    Returns how many assets it has (0 = not for the kernel), the whole that weights are fractions of, the cash that may
    be used, and what of it there should be left.
    """
    answers.status[x], answers.trades[x] = UNFIT, 0
    assets = gather(accounts, market, rules, bench, x) if accounts.fits[x] != 0 else 0
    cash, unit, fineness = accounts.cash[x], 0, 1
    if assets > 0:
        unit, fineness = money_unit(market, rules, bench, assets, cash)
    aside = max(min(kept(rules, cash), cash), 0)
    largest = max(abs(float(accounts.floor[x])), float(aside), float(rules.target))
    if unit == 0 or largest * fineness > HUGE:
        return 0, 0, 0, 0
    answers.unit[x], answers.fineness[x] = unit, fineness
    units, aside = cash // unit * fineness, -(-aside * fineness // unit)
    whole = state_values(market, bench, desk, assets, unit, fineness) + units
    floor = max(-(-accounts.floor[x] * fineness // unit), aside)
    reserve = share_whole(rules, bench, desk, assets, whole, max(rules.target // unit * fineness, aside))
    limit_trades(market, rules, bench, desk, assets, whole, units - floor)
    return assets, whole, units - floor, reserve - floor


def write_trades(
    market: Market, answers: Answers, bench: Bench, desk: Desk, x: int, assets: int, cash: int
) -> None:
    """Write what is traded, and the cash that is left."""
    at = answers.room[x]
    for i in range(assets):
        if desk[BEST, i] != 0:
            asset = bench[ASSET, i]
            traded = desk[BEST, i] * market.step[asset]
            cash -= (
                traded * market.price[asset] + market.fee[asset] + market.spread[asset] * abs(desk[BEST, i])
            )
            answers.asset[at], answers.quantity[at] = asset, traded
            at += 1
    answers.trades[x] = at - answers.room[x]
    answers.cash[x] = cash


# ── The assets of an account ────────────────────────────────────────────────────────────────────────────────


def gather(accounts: Accounts, market: Market, rules: Rules, bench: Bench, x: int) -> int:
    """Put the assets of the plan on the bench, in their order; return how many, 0 = something is not in order."""
    found = 0
    for at in range(accounts.start[x], accounts.start[x + 1]):
        asset, quantity = accounts.asset[at], accounts.quantity[at]
        if asset < 0 or quantity < 0:
            return 0
        insert(bench, found, asset, quantity, accounts.weight[at], accounts.locked[at])
        found += 1
    for at in range(accounts.model[x], accounts.model_end[x]):
        found = add_target(bench, found, accounts.model_asset[at], accounts.model_weight[at])
        if found < 0:
            return 0
    return keep_planned(market, rules, bench, found)


def insert(bench: Bench, found: int, asset: int, quantity: int, weight: int, locked: int) -> None:
    """Put an asset behind those that come before it, and before those that come behind."""
    at = found
    while at > 0 and bench[ASSET, at - 1] > asset:
        bench[ASSET, at], bench[QUANTITY, at] = bench[ASSET, at - 1], bench[QUANTITY, at - 1]
        bench[WEIGHT, at], bench[LOCKED, at] = bench[WEIGHT, at - 1], bench[LOCKED, at - 1]
        at -= 1
    bench[ASSET, at], bench[QUANTITY, at] = asset, quantity
    bench[WEIGHT, at], bench[LOCKED, at] = weight, locked


def add_target(bench: Bench, found: int, asset: int, weight: int) -> int:
    """Give an asset its weight of the model; return how many assets there are then, -1 = it has two, or is unknown."""
    low, high = 0, found
    while low < high:
        middle = (low + high) // 2
        if bench[ASSET, middle] < asset:
            low = middle + 1
        else:
            high = middle
    if asset < 0 or (low < found and bench[ASSET, low] == asset and bench[WEIGHT, low] != NOT_SOLD):
        return -1
    if low < found and bench[ASSET, low] == asset:
        bench[WEIGHT, low] = weight
        return found
    insert(bench, found, asset, 0, weight, 0)
    return found + 1


def keep_planned(market: Market, rules: Rules, bench: Bench, found: int) -> int:
    """Leave on the bench what the plan is about; return how many, 0 = something is not in order."""
    kept, total, before = 0, 0, -1
    for i in range(found):
        asset, quantity, weight = bench[ASSET, i], bench[QUANTITY, i], bench[WEIGHT, i]
        if asset == before or weight > WHOLE_WEIGHT or weight < NOT_SOLD:
            return 0
        before = asset
        if weight == NOT_SOLD and rules.sells_untargeted != 0:
            weight = 0
        if weight == NOT_SOLD or (weight == 0 and quantity == 0):
            continue
        if market.price[asset] <= 0:
            return 0
        bench[ASSET, kept], bench[QUANTITY, kept], bench[WEIGHT, kept] = asset, quantity, weight
        bench[LOCKED, kept] = bench[LOCKED, i] | market.locked[asset]
        total += weight
        kept += 1
    return kept if total + rules.cash_weight == WHOLE_WEIGHT else 0


# ── Money ───────────────────────────────────────────────────────────────────────────────────────────────────


def common(a: int, b: int) -> int:
    """Give the greatest common divisor of two numbers of 0 or above."""
    while b != 0:
        a, b = b, a % b
    return a


def money_unit(market: Market, rules: Rules, bench: Bench, assets: int, cash: int) -> tuple[int, int]:
    """Find the unit of money (`units.MoneyUnit`): raw money, and how often it is divided; 0 = not in 64 bits."""
    size, whole, widest = abs(cash), cash, abs(float(cash))
    size = common(size, rules.target)
    for i in range(assets):
        asset, quantity = bench[ASSET, i], bench[QUANTITY, i]
        price, step = market.price[asset], market.step[asset]
        widest += float(price) * float(max(quantity, step))
        if widest > HUGE:
            return 0, 0
        whole += price * quantity
        if size != 1:
            size = common(price * step, size)
            size = common(price * quantity, size)
            size = common(market.fee[asset], common(market.spread[asset], size))
    if whole <= 0:
        return 0, 0
    fineness = 1
    while whole // size * fineness * 10 <= FINEST:
        fineness *= 10
    return size, fineness


def state_values(market: Market, bench: Bench, desk: Desk, assets: int, unit: int, fineness: int) -> int:
    """Count prices and values in units of money; return the values' sum."""
    total = 0
    for i in range(assets):
        price = market.price[bench[ASSET, i]]
        step, value = price * market.step[bench[ASSET, i]], price * bench[QUANTITY, i]
        if unit != 1:  # the most frequent unit; a division takes long
            step, value = step // unit, value // unit
        desk[PRICE, i], desk[VALUE, i] = step * fineness, value * fineness
        total += desk[VALUE, i]
    return total


def kept(rules: Rules, cash: int) -> int:
    """Give the cash that is to be set aside, raw money."""
    return max(rules.retained, cash - rules.spent) if rules.spent >= 0 else rules.retained


def part(whole: int, weight: int, one: int) -> tuple[int, int]:
    """Give weight / one of the whole, rounded down, and the remainder; no product on the way outgrows 64 bits."""
    inner = whole % one * weight
    return whole // one * weight + inner // one, inner % one


def share_whole(rules: Rules, bench: Bench, desk: Desk, assets: int, whole: int, least: int) -> int:
    """Share the whole out by weight (`targets.share_whole`); return what should be in cash, `least` at least."""
    by_weight, invested = 0, WHOLE_WEIGHT - rules.cash_weight
    if rules.cash_weight != 0:
        bench[WEIGHT, assets] = rules.cash_weight
        share_out(bench, desk, assets + 1, whole, WHOLE_WEIGHT)
        by_weight = desk[TARGET, assets]
    reserve = max(by_weight, least)
    if invested > 0 and (reserve != by_weight or rules.cash_weight == 0):
        share_out(bench, desk, assets, max(whole - reserve, 0), invested)
    return reserve


def share_out(bench: Bench, desk: Desk, count: int, whole: int, one: int) -> None:
    """Share by largest remainder (`money.share_out`); the weights sum to `one`."""
    missing = whole
    for i in range(count):
        desk[TARGET, i], bench[REST, i] = part(whole, bench[WEIGHT, i], one)
        missing -= desk[TARGET, i]
    while missing > 0:
        most = 0
        for i in range(1, count):
            if bench[REST, i] > bench[REST, most]:
                most = i
        desk[TARGET, most] += 1
        bench[REST, most] = -1
        missing -= 1


def limit_trades(
    market: Market, rules: Rules, bench: Bench, desk: Desk, assets: int, whole: int, room: int
) -> None:
    """Say how far each asset may be traded; nobody can buy more than all sales pay for (`constraints`)."""
    reach = room
    for i in range(assets):
        steps, step = bench[QUANTITY, i], market.step[bench[ASSET, i]]
        if step != 1:
            steps //= step
        desk[FIRST, i] = 0 if rules.buys_only != 0 or bench[LOCKED, i] & NO_SELL else -steps
        reach -= desk[FIRST, i] * desk[PRICE, i]
    reach = max(reach, 0)
    for i in range(assets):
        last = reach // desk[PRICE, i]
        if bench[LOCKED, i] & NO_BUY or desk[TARGET, i] == 0:
            last = 0
        weight = market.most[bench[ASSET, i]]
        if weight <= WHOLE_WEIGHT:
            most, _ = part(whole, weight, WHOLE_WEIGHT)
            last = min(last, (most - desk[VALUE, i]) // desk[PRICE, i])
        desk[LAST, i] = last


def squared(desk: Desk, assets: int) -> int:
    """Add up the squares of drift; -1 = not in 64 bits."""
    total, widest = 0, 0.0
    for i in range(assets):
        off = desk[VALUE, i] + desk[PRICE, i] * desk[BEST, i] - desk[TARGET, i]
        widest += float(off) * float(off)
        if widest > HUGE * 8:
            return -1
        total += off * off
    return total


# ── Compiled ────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def compiled_run() -> Callable[..., None]:
    """Compile `answer_run` and all it calls, lazily.

    Raises:
        ModuleNotFoundError: numba, the extra `[book]`, is not installed.
    """
    run: Callable[..., None] = compile_entry("answer_run", (cash_search, sys.modules[__name__]), {})
    return run


def compile_entry(name: str, modules: tuple[ModuleType, ...], known: dict[str, Any]) -> Any:
    """Compile the functions of modules, each of which may call those before it and what is known already."""
    import numba  # noqa: PLC0415 - takes most of a second, and only books need it

    # error_model: no division here has a divisor of 0, which is not checked then.
    jit = numba.njit(cache=True, nogil=True, error_model="numpy")
    digest = hashlib.sha256(
        b"".join(Path(str(module.__file__)).read_bytes() for module in modules)
    ).hexdigest()
    world = {key: value for module in modules for key, value in vars(module).items()} | known
    for module in modules:
        for function in list(vars(module).values()):
            if isinstance(function, FunctionType) and function.__module__ == module.__name__:
                copy = FunctionType(function.__code__, world, function.__name__, function.__defaults__)
                copy.__qualname__, copy.__module__ = f"{function.__name__}_{digest[:16]}", __name__
                world[function.__name__] = jit(copy)
    return world[name]


def make_room(assets: int) -> tuple[Bench, Desk]:
    """Make room for accounts of up to so many assets."""
    width = (assets + 1) * CANDIDATES_EACH
    return np.zeros((REST + 1, assets + 1), np.int64), np.zeros((ROWS, width), np.int64)
