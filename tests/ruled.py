"""Accounts and rules made for the tests of rules: numbers small enough to check by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

from steelyard.compliance.check import check_rules
from steelyard.compliance.holdings import Described, Facts, HeldAsset, Holdings, Trade, apply_trades
from steelyard.compliance.rule import Finding, Outcome, Rule, RuleKind

DAY = date(2026, 1, 2)

ASSETS = {
    "AAA": Described("AAA", "Alpha", "Tech", "US", "Equity"),
    "BBB": Described("BBB", "Beta", "Energy", "GB", "Equity"),
    "CCC": Described("CCC", "Alpha", "Tech", "US", "Bond"),
    "XXX": Described("XXX", "", "", "", ""),
}


def rule_of(kind: RuleKind, bound: str | None, outcome: Outcome = Outcome.BLOCK, /, **settings: Any) -> Rule:
    """A rule under the name of its kind."""
    return Rule(
        rule_id=kind.value,
        version=1,
        kind=kind,
        bound=None if bound is None else Decimal(bound),
        outcome=outcome,
        valid_from=date(2026, 1, 1),
        source_document="mandate",
        settings=settings,
    )


def held(asset_id: str, value: str | None, quantity: str = "10") -> HeldAsset:
    """A position of an asset above."""
    return HeldAsset(ASSETS[asset_id], Decimal(quantity), None if value is None else Decimal(value))


def account(cash: str | None = "0", **values: str | None) -> Holdings:
    """An account of positions by their value, 10 units each; short where it is below 0."""
    positions = tuple(
        held(asset_id, value, "-10" if value and value.startswith("-") else "10")
        for asset_id, value in values.items()
    )
    return Holdings("A-1", "USD", positions, None if cash is None else Decimal(cash))


def bought(asset_id: str, value: str, quantity: str = "1", **others: Any) -> Trade:
    """A purchase, or a sale where both numbers are below 0."""
    return Trade(ASSETS[asset_id], Decimal(quantity), Decimal(value), **others)


def judge(rule: Rule, before: Holdings, *trades: Trade, **facts: Any) -> tuple[Finding, ...]:
    """What a rule says of trades."""
    return check_rules(
        [rule], before, apply_trades(before, trades), trades, Facts(day=facts.pop("day", DAY), **facts)
    )


def judge_as_is(rule: Rule, holdings: Holdings, *trades: Trade, **facts: Any) -> tuple[Finding, ...]:
    """What a rule says of an account as it is."""
    return check_rules([rule], None, holdings, trades, Facts(day=facts.pop("day", DAY), **facts))


def said(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    """Outcome and reason of each finding."""
    return [(finding.outcome.value, finding.reason) for finding in findings]
