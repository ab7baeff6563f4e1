"""Dry runs: how often, and where, a rule would have been violated, had it been in force all along."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from steelyard.compliance.rule import Finding, Outcome, Rule, RuleKind
from steelyard.compliance.settings import check_rule
from steelyard.domain.scope import Scope
from steelyard.services.ruled_days import judge_day, read_history
from steelyard.services.scope import require_scope
from steelyard.storage import compliance as stored
from steelyard.storage.connection import AnySession

_FLOORS: Final = {RuleKind.MINIMUM_CASH}


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An account that a rule would have found something in.

    Attributes:
        account_id: the account.
        days_violated: days beyond the limit.
        days_unmeasured: days on which something could not be measured, and nothing was beyond it.
        first_day, last_day: of both.
        worst_day, worst: the day furthest beyond the limit, and what was measured then; None = nothing could be.
        reason: what the rule says of that day; where nothing could be measured, of the last.
    """

    account_id: str
    days_violated: int
    days_unmeasured: int
    first_day: date
    last_day: date
    worst_day: date | None
    worst: Decimal | None
    reason: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a rule would have said.

    Attributes:
        rule: the rule.
        accounts: that it is about, and of which something is known.
        account_days: days judged, over all accounts: those on which something was stated or booked.
        occurrences: accounts it would have found something in, most days first.
    """

    rule: Rule
    accounts: int
    account_days: int
    occurrences: tuple[Occurrence, ...]

    @property
    def days_violated(self) -> int:
        """Days beyond the limit, over all accounts."""
        return sum(one.days_violated for one in self.occurrences)

    @property
    def days_unmeasured(self) -> int:
        """Days on which something could not be measured, over all accounts."""
        return sum(one.days_unmeasured for one in self.occurrences)


async def dry_run(
    db: AnySession,
    rule: Rule,
    since: date,
    until: date,
    *,
    account_ids: Collection[str] | None = None,
) -> DryRun:
    """Judge accounts by a rule on each day of a period on which something of them was stated or booked.

    What is traded on a day is judged with what is held at its end. The dates of the rule are not looked at.

    Args:
        db: a session.
        rule: written or not.
        since: the first day.
        until: the last day.
        account_ids: which accounts; None = all that are seen.

    Raises:
        RuleError, AmountError: the rule is none that its kind allows.
        UnknownScopeError: there is no such account.
    """
    check_rule(rule)
    for account_id in account_ids or ():
        await require_scope(db, Scope.account(account_id))
    accounts = await stored.get_ruled_accounts(db, account_ids)
    history = await read_history(db, accounts, [rule], since, until)
    judged: dict[str, dict[date, Sequence[Finding]]] = defaultdict(dict)
    for day, own in await stored.get_ruled_days(db, history.rules, since, until):
        for account_id, findings in (await judge_day(db, history, own, day)).items():
            judged[account_id][day] = findings
    found = [one for account_id, days in judged.items() if (one := _occurrence(rule, account_id, days))]
    return DryRun(
        rule,
        len(judged),
        sum(map(len, judged.values())),
        tuple(sorted(found, key=lambda one: (-one.days_violated, -one.days_unmeasured, one.account_id))),
    )


def _occurrence(rule: Rule, account_id: str, days: dict[date, Sequence[Finding]]) -> Occurrence | None:
    beyond = {day: found for day, said in days.items() if (found := _found(said, is_measured=True))}
    unknown = {
        day: found
        for day, said in days.items()
        if day not in beyond and (found := _found(said, is_measured=False))
    }
    if not beyond and not unknown:
        return None
    worst_day = _worst_day(rule, beyond)
    worst = _worst(rule, beyond[worst_day]) if worst_day else unknown[max(unknown)][0]
    every = sorted([*beyond, *unknown])
    return Occurrence(
        account_id,
        len(beyond),
        len(unknown),
        every[0],
        every[-1],
        worst_day,
        worst.measure,
        worst.reason,
    )


def _found(findings: Sequence[Finding], *, is_measured: bool) -> list[Finding]:
    return [
        one
        for one in findings
        if one.outcome is not Outcome.PASS and (one.measure is not None) == is_measured
    ]


def _worst(rule: Rule, findings: Sequence[Finding]) -> Finding:
    furthest = min if rule.kind in _FLOORS else max
    return furthest(findings, key=lambda one: one.measure or Decimal(0))


def _worst_day(rule: Rule, beyond: dict[date, list[Finding]]) -> date | None:
    furthest = min if rule.kind in _FLOORS else max
    return furthest(beyond, key=lambda day: _worst(rule, beyond[day]).measure or Decimal(0), default=None)
