"""The checks behind the sample book's compliance records: real rules, applied to what the accounts held."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from steelyard.demo.plan import Plan

LIMITS = {"Equity": Decimal("0.15"), "ETF": Decimal("0.25")}  # of the account's value, per position
WARNING_FROM = Decimal("0.9")  # of the limit


@dataclass(frozen=True, slots=True)
class Check:
    """One rule applied to one position of an account on a day."""

    account: str
    asset: str
    day: date
    status: str
    rule: str


def check_positions(
    plan: Plan, day: date, weights: dict[str, Decimal], assets: dict[str, dict[str, str]]
) -> Iterator[Check]:
    """Yield the checks of what an account holds, cash exempt; `weights` are fractions of its value."""
    for asset, weight in weights.items():
        kind, sector = assets[asset]["asset_type"], assets[asset]["sector"]
        if kind not in LIMITS or not weight:
            continue
        rule = f"one {kind} at most {LIMITS[kind]:.0%} of the account"
        yield Check(plan.account, asset, day, limit_status(weight, LIMITS[kind]), rule)
        if plan.exclusion and day >= plan.exclusion.since:
            status = "VIOLATION" if plan.exclusion.applies(sector, day) else "PASS"
            rule = f"no {plan.exclusion.sector} since {plan.exclusion.since}"
            yield Check(plan.account, asset, day, status, rule)


def limit_status(weight: Decimal, limit: Decimal) -> str:
    """Return VIOLATION above the limit, WARNING from 90 % of it, else PASS.

    >>> [limit_status(Decimal(weight), Decimal("0.20")) for weight in ("0.21", "0.20", "0.17")]
    ['VIOLATION', 'WARNING', 'PASS']
    """
    if weight > limit:
        return "VIOLATION"
    return "WARNING" if weight >= limit * WARNING_FROM else "PASS"
