"""Households: many of three accounts and fifteen assets, how long they take and how far from the bound they end.

    python benchmarks/bench_household.py [--households 5000] [--processes 2] [--seed 1]

Each household has a taxable account with two lots of every position, a tax-deferred and a tax-free one; what assets
cost in tax a year differs by account, and five years of it count. Every call starts and ends in decimals.
"""

import argparse
import random
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from steelyard.domain.lot import MORE_THAN_ONE_YEAR, Lot, LotMethod
from steelyard.rebalancing import kernel
from steelyard.rebalancing.household import (
    HouseholdAccount,
    Location,
    Treatment,
    calculate_household_allocation,
)
from steelyard.rebalancing.problem import Status
from steelyard.rebalancing.tax_rules import TaxRules, WashRules

ASSETS = 15
DAY = date(2024, 6, 3)
BOUGHT = (date(2019, 5, 6), date(2022, 9, 1), date(2024, 2, 5), date(2024, 5, 20))


@dataclass(frozen=True, slots=True)
class Household:
    target: dict[str, Decimal]
    prices: dict[str, Decimal]
    accounts: list[HouseholdAccount]
    location: Location


@dataclass(frozen=True, slots=True)
class Measured:
    seconds: float
    processor: float
    is_proven: bool
    gap: float
    gap_relative: float
    drift_before: float
    drift_after: float


def made_household(seed: int) -> Household:
    chance = random.Random(seed)
    names = [f"ASSET{number:02}" for number in range(ASSETS)]
    prices = {name: money(min(max(chance.lognormvariate(4.3, 1), 5), 3000)) for name in names}
    whole = chance.choice([20_000, 100_000, 500_000, 2_000_000])
    parts = shares(chance, 3)
    rates = {name: annual_tax(chance) for name in names}
    accounts = [
        made_account(chance, treatment, prices, whole * part)
        for treatment, part in zip(Treatment, parts, strict=True)
    ]
    weights = [round(10_000 * share) for share in shares(chance, ASSETS)]
    weights[0] += 10_000 - sum(weights)
    target = {name: Decimal(weight) / 10_000 for name, weight in zip(names, weights, strict=True)}
    return Household(target, prices, accounts, Location(rates, years=5))


def annual_tax(chance: random.Random) -> dict[Treatment, Decimal]:
    taxable = Decimal(chance.randrange(10, 250)) / 10_000
    return {Treatment.TAXABLE: taxable, Treatment.TAX_DEFERRED: taxable / 4, Treatment.TAX_FREE: Decimal(0)}


def made_account(
    chance: random.Random, treatment: Treatment, prices: dict[str, Decimal], value: float
) -> HouseholdAccount:
    parts = shares(chance, ASSETS)
    held = {
        name: int(value * 0.95 * part / float(price)) if chance.random() < 0.7 else 0
        for (name, price), part in zip(prices.items(), parts, strict=True)
    }
    tax = None
    if treatment is Treatment.TAXABLE:
        lots = [lot for name, units in held.items() for lot in made_lots(chance, name, units, prices[name])]
        tax = TaxRules(DAY, "0.35", "0.2", MORE_THAN_ONE_YEAR, LotMethod.MINIMUM_TAX, lots)
    return HouseholdAccount(treatment.value, treatment, held, money(value * 0.05), tax=tax)


def made_lots(chance: random.Random, name: str, units: int, price: Decimal) -> list[Lot]:
    first = units // 2
    return [
        Lot(
            f"{name} {number}",
            name,
            Decimal(some),
            money(some * float(price) * chance.uniform(0.5, 1.2)),
            day,
        )
        for number, some in enumerate((first, units - first))
        if some
        for day in [chance.choice(BOUGHT)]
    ]


def shares(chance: random.Random, count: int) -> list[float]:
    drawn = [chance.expovariate(1) + 0.05 for _ in range(count)]
    return [each / sum(drawn) for each in drawn]


def money(value: float) -> Decimal:
    return round(Decimal(value), 2)


def measure(household: Household) -> Measured:
    started, used = time.perf_counter(), time.process_time()
    found = calculate_household_allocation(
        household.target,
        household.prices,
        household.accounts,
        location=household.location,
        wash=WashRules(days=30),
    )
    seconds, processor = time.perf_counter() - started, time.process_time() - used
    assert all(account.cash_after >= 0 for account in found.accounts)
    return Measured(
        seconds,
        processor,
        found.status is Status.OPTIMAL,
        float(found.gap),
        float(found.gap_relative or 0),
        float(found.total_drift_before),
        float(found.total_drift_after),
    )


def measure_all(seeds: list[int]) -> list[Measured]:
    kernel.compiled()
    measure(made_household(-1))
    return [measure(made_household(seed)) for seed in seeds]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=5000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    seeds = list(range(given.seed * 1_000_000, given.seed * 1_000_000 + given.households))
    kernel.compiled()
    started = time.perf_counter()
    with ProcessPoolExecutor(given.processes) as pool:
        parts = pool.map(measure_all, [seeds[place :: given.processes] for place in range(given.processes)])
        found = [each for part in parts for each in part]
    report(found, time.perf_counter() - started, given.processes)


def report(found: list[Measured], seconds: float, processes: int) -> None:
    processor = sum(each.processor for each in found)
    print(f"processor time {processor:.1f} s, {processor / processes:.1f} s a process")
    in_order = sorted(each.seconds for each in found)
    bps = sorted(10_000 * each.gap_relative for each in found)
    gaps = sorted(each.gap for each in found)
    print(f"{len(found)} households of 3 accounts × {ASSETS} assets, {processes} processes: {seconds:.1f} s")
    print(
        f"a call: median {1e3 * statistics.median(in_order):.1f} ms, 99 % {1e3 * at(in_order, 0.99):.1f} ms"
    )
    print(f"proven best: {sum(each.is_proven for each in found) / len(found):.1%}")
    for name, values in (("bp of the value", bps), ("money", gaps)):
        line = ", ".join(f"{share:.0%} {at(values, share):.2f}" for share in (0.1, 0.5, 0.9, 0.99, 1))
        print(f"gap, {name}: {line}")
    before, after = (
        statistics.mean(each) for each in zip(*((m.drift_before, m.drift_after) for m in found), strict=True)
    )
    print(f"total drift: mean {before:.1%} before, {after:.2%} after")


def at(values: list[float], share: float) -> float:
    return values[min(int(share * len(values)), len(values) - 1)]


if __name__ == "__main__":
    main()
