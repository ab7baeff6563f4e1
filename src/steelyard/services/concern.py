"""What is wrong now: rules of ours judged on accounts as they are, and what a firm's own checks said last."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from steelyard.compliance.rule import Finding, Outcome, Rule, RuleKind
from steelyard.domain.scope import Scope
from steelyard.services.ruled_days import judge_day, read_history
from steelyard.services.scope import require_scope
from steelyard.storage import breach as stored_breaches
from steelyard.storage import compliance as stored
from steelyard.storage.breach import Breach, BreachFilter, BreachKey
from steelyard.storage.connection import AnySession
from steelyard.storage.portfolio import StoredAccount
from steelyard.storage.rule import get_rules_in_force

MOST_JUDGED: Final = 250
"""Accounts that are judged anew when somebody looks; of more, the last check counts."""

MOST_CONCERNS: Final = 500
"""Violations, and warnings, of checks that are listed, the newest first."""

LOOKED_BACK: Final = timedelta(days=184)
"""How long a firm's own check counts, before the last one: six months, as in asset 360."""

A_YEAR: Final = timedelta(days=365)

REMEMBERED: Final = timedelta(days=3 * 366)
"""How far back it is looked since when something is beyond a limit."""


class Severity(StrEnum):
    """How bad it is, the worst first."""

    BLOCK = "block"
    HOLD = "hold"
    VIOLATION = "violation"
    """A check of the firm's own, or the last one of ours, says so."""
    WARN = "warn"
    UNMEASURED = "unmeasured"


_ORDER: Final = tuple(Severity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """Something that is beyond a limit, or that nobody can measure.

    Attributes:
        severity: how bad.
        account_id, account_name: whose; None = the tenant as a whole, and "".
        rule_id: the rule of ours; None = the firm's own.
        rule_name: the id, or the firm's words; "" = it says none.
        kind: of a rule of ours that was judged now; None = it is known from a check.
        asset_ids: what it is about, the heaviest first.
        measure, bound: what was measured, and the limit, in the unit of the rule; None = not known.
        reason: one sentence.
        since: the first of the checks that say so without a break; None = no check has said so yet.
        checked_on: the day that is judged, or of the last check.
    """

    severity: Severity
    account_id: str | None
    account_name: str
    rule_id: str | None
    rule_name: str
    kind: RuleKind | None
    asset_ids: tuple[str, ...]
    measure: Decimal | None
    bound: Decimal | None
    reason: str
    since: date | None
    checked_on: date

    @property
    def is_violation(self) -> bool:
        """Whether it is more than a warning."""
        return self.severity in {Severity.BLOCK, Severity.HOLD, Severity.VIOLATION}

    @property
    def excess(self) -> Decimal:
        """How far beyond the limit it is, as a part of it; without a limit above 0, as far as anything."""
        if self.measure is None or not self.bound:
            return Decimal(0) if self.measure is None else Decimal("Infinity")
        return abs(self.measure - self.bound) / self.bound


@dataclass(frozen=True, slots=True)
class Concerns:
    """What is wrong now.

    Attributes:
        items: the worst first.
        accounts: looked at.
        rules: of ours that are in force for any of them.
        judged_on: the day for which rules of ours were judged anew; None = there are too many accounts for that.
        last_check: the day of the last check that is recorded; None = none is.
    """

    items: tuple[Concern, ...]
    accounts: int
    rules: int
    judged_on: date | None
    last_check: date | None


async def get_concerns(db: AnySession, scope: Scope, day: date) -> Concerns:
    """Return what is wrong with the accounts of a scope that are seen.

    Rules of ours are judged on what accounts hold, at their last prices, where there are not too many of them; a firm's
    own checks count for six months after they were made, up to the last of them.

    Args:
        db: a session of who asks.
        scope: whose.
        day: the day that is judged.

    Raises:
        UnknownScopeError: there is no such household or account.
    """
    accounts = await accounts_of(db, scope)
    names = {one.account_id: one.account_name for one in accounts}
    rules = await get_rules_in_force(db, day)
    ids = None if scope.kind == "tenant" else list(names)
    last_check = await stored_breaches.get_last_check(db, ids)
    breaches = await _open_breaches(db, ids, last_check)
    is_judged = len(accounts) <= MOST_JUDGED
    found = [one for one in breaches if not (one.is_ours and is_judged)]
    concerns = [_recorded(one, names) for one in found]
    if is_judged:
        concerns += [one async for one in _judged(db, accounts, rules, breaches, day)]
    in_force = {rule.rule_id for rule in rules}
    concerns = [one for one in concerns if one.rule_id is None or one.rule_id in in_force]
    concerns.sort(key=_badness)
    return Concerns(tuple(concerns), len(accounts), len(rules), day if is_judged else None, last_check)


@dataclass(frozen=True, slots=True)
class History:
    """How long accounts of a scope were beyond limits.

    Attributes:
        breaches: those that lasted until the latest day first.
        names: of the accounts, by id.
        since, until: the days that were looked at; None = there never was a check.
    """

    breaches: tuple[Breach, ...]
    names: Mapping[str, str]
    since: date | None
    until: date | None


async def get_history(
    db: AnySession,
    scope: Scope,
    *,
    since: date | None = None,
    until: date | None = None,
    is_violation: bool | None = None,
    after: BreachKey | None = None,
    limit: int,
) -> History:
    """Return how long accounts of a scope that are seen were beyond limits, as recorded checks say.

    Args:
        db: a session of who asks.
        scope: whose.
        since: the first day of checks; None = a year before the last day.
        until: the last day of checks; None = that of the last check.
        is_violation: only violations, or only warnings; None = both.
        after: the last one of the page before.
        limit: how many at most.

    Raises:
        UnknownScopeError: there is no such household or account.
    """
    accounts = await accounts_of(db, scope)
    names = {one.account_id: one.account_name for one in accounts}
    ids = None if scope.kind == "tenant" else list(names)
    last = until or await stored_breaches.get_last_check(db, ids)
    if last is None:
        return History((), names, None, None)
    first = since or last - A_YEAR
    wanted = BreachFilter(account_ids=ids, since=first, until=last, is_violation=is_violation)
    found = await stored_breaches.get_breaches(db, wanted, after=after, limit=limit)
    return History(tuple(found), names, first, last)


async def accounts_of(db: AnySession, scope: Scope) -> list[StoredAccount]:
    """Return the accounts of a scope that are seen.

    Raises:
        UnknownScopeError: there is no such household or account.
    """
    await require_scope(db, scope)
    accounts = await stored.get_ruled_accounts(db, [scope.id] if scope.kind == "account" else None)
    return [one for one in accounts if scope.kind != "household" or one.household_id == scope.id]


async def _open_breaches(
    db: AnySession, account_ids: Sequence[str] | None, last_check: date | None
) -> list[Breach]:
    if last_check is None:
        return []
    found: list[Breach] = []
    for is_violation in (True, False):
        wanted = BreachFilter(
            account_ids=account_ids,
            since=last_check - REMEMBERED,
            until=last_check,
            is_violation=is_violation,
            is_open=True,
        )
        found += await stored_breaches.get_breaches(db, wanted, limit=MOST_CONCERNS)
    return [one for one in found if one.last_day > last_check - LOOKED_BACK]


async def _judged(
    db: AnySession,
    accounts: Sequence[StoredAccount],
    rules: Sequence[Rule],
    breaches: Iterable[Breach],
    day: date,
) -> AsyncIterator[Concern]:
    history = await read_history(db, accounts, rules, day, day)
    kinds = {rule.rule_id: rule.kind for rule in rules}
    since = _since(breaches)
    for account_id, findings in (await judge_day(db, history, history.rules, day)).items():
        account = history.accounts[account_id]
        for one in _together(findings):
            yield _found(one, account, kinds[one.rule_id], since.get((account_id, one.rule_id)), day)


def _since(breaches: Iterable[Breach]) -> Mapping[tuple[str | None, str], date]:
    first: dict[tuple[str | None, str], date] = {}
    for one in breaches:
        if one.is_ours:
            key = one.account_id, one.rule_name
            first[key] = min(first.get(key, one.first_day), one.first_day)
    return first


def _together(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Give what is beyond a limit; what a rule cannot measure, of however many assets, once."""
    unmeasured: dict[str, list[Finding]] = defaultdict(list)
    for one in findings:
        if one.outcome is Outcome.PASS:
            continue
        if one.measure is None:
            unmeasured[one.rule_id].append(one)
        else:
            yield one
    for several in unmeasured.values():
        yield _as_one(several)


def _as_one(findings: Sequence[Finding]) -> Finding:
    first = findings[0]
    if len(findings) == 1:
        return first
    more = len(findings) - 1
    return Finding(
        rule_id=first.rule_id,
        rule_version=first.rule_version,
        outcome=first.outcome,
        measure=None,
        bound=first.bound,
        asset_ids=tuple(asset_id for one in findings for asset_id in one.asset_ids),
        reason=f"{first.reason} The same holds for {more} more of its positions.",
    )


def _found(one: Finding, account: StoredAccount, kind: RuleKind, since: date | None, day: date) -> Concern:
    return Concern(
        severity=Severity.UNMEASURED if one.measure is None else Severity(one.outcome.value),
        account_id=account.account_id,
        account_name=account.account_name,
        rule_id=one.rule_id,
        rule_name=one.rule_id,
        kind=kind,
        asset_ids=one.asset_ids,
        measure=one.measure,
        bound=one.bound,
        reason=one.reason,
        since=since,
        checked_on=day,
    )


def _recorded(one: Breach, names: Mapping[str, str]) -> Concern:
    return Concern(
        severity=Severity.VIOLATION if one.is_violation else Severity.WARN,
        account_id=one.account_id,
        account_name=names.get(one.account_id or "", ""),
        rule_id=one.rule_name if one.is_ours else None,
        rule_name=one.rule_name,
        kind=None,
        asset_ids=tuple(one.asset_ids),
        measure=None,
        bound=None,
        reason=reason_of(one),
        since=one.first_day,
        checked_on=one.last_day,
    )


def reason_of(breach: Breach) -> str:
    """Return what the last check of a breach said, without the rule it names before; "" = nothing else."""
    if not breach.is_ours:
        return ""
    return breach.said.partition(": ")[2]


def _badness(one: Concern) -> tuple[int, Decimal, str, str]:
    return _ORDER.index(one.severity), -one.excess, one.account_id or "", one.rule_name
