"""Checks after trades: what the rules in force say of accounts as they are, written to compliance_records."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from steelyard.compliance.rule import Finding, Outcome
from steelyard.domain.scope import Scope
from steelyard.services.ruled_days import judge_day, read_history
from steelyard.services.scope import require_scope
from steelyard.storage import compliance as stored
from steelyard.storage.audit import record_event
from steelyard.storage.compliance import Record
from steelyard.storage.connection import WriteSession
from steelyard.storage.portfolio import StoredAccount
from steelyard.storage.rule import get_rules_in_force

STATUSES: Final = ("PASS", "WARNING", "VIOLATION")


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check of accounts found.

    Attributes:
        day: the day they were judged as of.
        findings: account → what its rules said; accounts that no rule is about, or nothing is known of, are left out.
        records: rows written to compliance_records.
        unrecorded: findings about money for which no asset stands, each as its reason; they are in no row.
        is_attached: whether a firm's table stands in the place of compliance_records, so that nothing was written.
    """

    day: date
    findings: Mapping[str, tuple[Finding, ...]]
    records: int
    unrecorded: tuple[str, ...]
    is_attached: bool


async def record_checks(
    db: WriteSession, day: date, *, account_ids: Collection[str] | None = None
) -> Checked:
    """Judge accounts by the rules in force on a day, and write what they say in place of an earlier check of the day.

    Args:
        db: acting as who asks.
        day: whose positions, trades, prices and rules are judged.
        account_ids: which accounts; None = all that are seen.

    Raises:
        UnknownScopeError: there is no such account.
    """
    for account_id in account_ids or ():
        await require_scope(db, Scope.account(account_id))
    accounts = await stored.get_ruled_accounts(db, account_ids)
    rules = await get_rules_in_force(db, day)
    history = await read_history(db, accounts, rules, day, day)
    findings = await judge_day(db, history, history.rules, day)
    is_attached = await stored.are_records_attached(db)
    cash = await stored.get_cash_assets(db, {one.base_currency for one in accounts})
    records = [one for account in accounts for one in _records(account, findings, day, cash)]
    if not is_attached:
        await stored.replace_records(db, [one.account_id for one in accounts], day, records)
    statuses = Counter(status_of(one) for said in findings.values() for one in said)
    facts = {status.lower(): statuses[status] for status in STATUSES}
    await record_event(db, "compliance.check", "compliance", f"{day}", {"accounts": len(findings), **facts})
    return Checked(
        day,
        findings,
        0 if is_attached else len(records),
        tuple(_unrecorded(accounts, findings, cash)),
        is_attached,
    )


def status_of(finding: Finding) -> str:
    """Return a finding in the words of compliance_records: what could not be measured is a WARNING.

    >>> from decimal import Decimal
    >>> status_of(Finding(rule_id="r", rule_version=1, outcome=Outcome.HOLD, measure=Decimal(1), bound=Decimal(0),
    ...     asset_ids=(), reason=""))
    'VIOLATION'
    """
    if finding.outcome is Outcome.PASS:
        return "PASS"
    is_mild = finding.outcome is Outcome.WARN or finding.measure is None
    return "WARNING" if is_mild else "VIOLATION"


def _records(
    account: StoredAccount,
    findings: Mapping[str, Sequence[Finding]],
    day: date,
    cash: Mapping[str, str],
) -> Iterator[Record]:
    """Give a row for each finding and asset; what is about money is under the asset that stands for it."""
    for number, finding in enumerate(findings.get(account.account_id, ())):
        for asset_id in _assets(finding, account, cash):
            yield Record(
                f"steelyard:{day}:{account.account_id}:{finding.rule_id}:{number}:{asset_id}",
                account.account_id,
                asset_id,
                status_of(finding),
                f"{finding.rule_id}, version {finding.rule_version}: {finding.reason}",
            )


def _assets(finding: Finding, account: StoredAccount, cash: Mapping[str, str]) -> tuple[str, ...]:
    own = cash.get(account.base_currency)
    return finding.asset_ids or (() if own is None else (own,))


def _unrecorded(
    accounts: Sequence[StoredAccount],
    findings: Mapping[str, Sequence[Finding]],
    cash: Mapping[str, str],
) -> Iterator[str]:
    for account in accounts:
        for finding in findings.get(account.account_id, ()):
            if not _assets(finding, account, cash):
                yield f"{account.account_id}: {finding.reason}"
