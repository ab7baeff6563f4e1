"""The screens of rules, of what they found, and of limits of orders."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from rich.console import Group, RenderableType

from steelyard.cli.screens.cells import UNKNOWN, Listing, day, money, percent, title
from steelyard.cli.screens.cells import note as note_of
from steelyard.compliance.check import limit_words
from steelyard.compliance.order_limits import DEFAULT_COLLAR
from steelyard.compliance.rule import Outcome, Rule
from steelyard.services.compliance_record import STATUSES, Checked, status_of
from steelyard.services.dry_run import DryRun
from steelyard.services.rule import Written
from steelyard.storage.order_limit import StoredLimits
from steelyard.storage.rule import StoredRule


def listed(rules: Sequence[StoredRule]) -> Group:
    """Show rules, a version a line."""
    listing = Listing("!Rule", "!Measures", ">Limit", "!Does", "For whom and when")
    for stored in rules:
        rule = stored.rule
        listing.add_row(
            f"{rule.rule_id} v{rule.version}",
            rule.kind.value,
            limit_words(rule),
            rule.outcome.value,
            f"{scope_words(rule)}, {days_words(stored)}",
        )
    return Group(title("Rules"), "", listing)


def days_words(stored: StoredRule) -> str:
    """Return when a version is in force."""
    rule = stored.rule
    until = "" if rule.valid_until is None else f" to {rule.valid_until}"
    return f"from {rule.valid_from}{until}{'' if stored.ended_at is None else ', ended'}"


def scope_words(rule: Rule) -> str:
    """Return whom a rule is about."""
    return "; ".join(f"{name}: {', '.join(words)}" for name, words in rule.scope.items()) or "all"


def written(done: Written) -> Group:
    """Show what became of rules that were written."""
    listing = Listing("What", "Rules")
    for what, rule_ids in (("new", done.added), ("changed", done.changed), ("unchanged", done.unchanged)):
        listing.add_row(what, ", ".join(rule_ids) or UNKNOWN)
    return Group(title("Rules written"), "", listing)


def checked(found: Checked) -> Group:
    """Show what a check found, the accounts without a violation as a number."""
    counts = Counter(status_of(one) for said in found.findings.values() for one in said)
    said = ", ".join(f"{counts[status]:,} {status}" for status in STATUSES)
    listing = Listing("!Account", "!Rule", "!Status", "Reason")
    for account_id, findings in found.findings.items():
        for one in findings:
            if one.outcome is not Outcome.PASS:
                listing.add_row(account_id, one.rule_id, status_of(one), one.reason)
    parts: list[RenderableType] = [
        title(f"Rules on {found.day}: {len(found.findings):,} accounts, {said}"),
        "",
        listing,
    ]
    if found.is_attached:
        parts.append(
            note_of("Nothing was written: compliance_records is a table of yours, which stays as it is.")
        )
    if found.unrecorded:
        more = (
            f"{len(found.unrecorded):,} findings about money are in no row: no asset stands for its currency."
        )
        parts.append(note_of(more))
    return Group(*parts)


def tried(runs: Sequence[DryRun]) -> Group:
    """Show how often, and where, rules would have been violated."""
    parts: list[RenderableType] = []
    for run in runs:
        heading = (
            f"{run.rule.rule_id}: {run.days_violated:,} of {run.account_days:,} days of {run.accounts:,} accounts "
            f"beyond {limit_words(run.rule)}, {run.days_unmeasured:,} not measured"
        )
        listing = Listing("!Account", ">Days beyond", ">Not measured", "!First", "!Last", "!Worst", "Reason")
        for one in run.occurrences:
            listing.add_row(
                one.account_id,
                f"{one.days_violated:,}",
                f"{one.days_unmeasured:,}",
                day(one.first_day),
                day(one.last_day),
                day(one.worst_day),
                one.reason,
            )
        parts += [title(heading), "", listing, ""]
    return Group(*parts[:-1])


def limits_listed(limits: Sequence[StoredLimits]) -> Group:
    """Show limits of orders, the tenant's first."""
    listing = Listing("!Whose", ">One order", ">A day", ">Collar", ">Of the volume")
    for one in limits:
        own = one.limits
        listing.add_row(
            one.account_id or "each account",
            _money(own.max_order_value),
            _money(own.max_day_value),
            percent(own.price_collar or DEFAULT_COLLAR),
            "no limit" if own.max_participation is None else percent(own.max_participation),
        )
    return Group(title("Limits of orders"), "", listing)


def _money(amount: Decimal | None) -> str:
    return "no limit" if amount is None else money(amount)
