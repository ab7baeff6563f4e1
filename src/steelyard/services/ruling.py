"""What stands between a proposal and its approval: rules that block it, and rules that hold it until it is let pass."""

import json
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from steelyard.compliance.check import worst
from steelyard.compliance.rule import Finding, Outcome
from steelyard.errors import ConflictError
from steelyard.storage.compliance import get_overrides
from steelyard.storage.connection import AnySession
from steelyard.storage.proposal import StoredProposal


class RuleBlocksError(ConflictError):
    """A rule blocks a proposal."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        """Name the rule and its reason."""
        first = findings[0]
        super().__init__(
            f"Rule {first.rule_id} blocks this, and nothing lets it pass: {first.reason} Propose something else."
        )
        self.rule_ids = tuple(finding.rule_id for finding in findings)


class RuleHoldsError(ConflictError):
    """A rule holds a proposal."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        """Name the rule, its reason and who may let it pass."""
        first = findings[0]
        super().__init__(
            f"Rule {first.rule_id} holds this: {first.reason} Compliance or an owner may let it pass, with a reason: "
            "`steelyard rules override`."
        )
        self.rule_ids = tuple(finding.rule_id for finding in findings)


async def require_passed(db: AnySession, proposal: StoredProposal) -> None:
    """Return where no rule stands in the way of a proposal any more.

    Raises:
        RuleBlocksError: a rule blocks it.
        RuleHoldsError: a rule holds it, and nobody let it pass.
    """
    findings = require_no_block(proposal)
    if not any(finding.outcome is Outcome.HOLD for finding in findings):
        return
    passed = {one.rule_id for one in await get_overrides(db, proposal.proposal_id)}
    if holding := [one for one in findings if one.outcome is Outcome.HOLD and one.rule_id not in passed]:
        raise RuleHoldsError(holding)


def require_no_block(proposal: StoredProposal) -> list[Finding]:
    """Return what rules said of a proposal, where none blocks it; raises RuleBlocksError."""
    findings = findings_of(proposal)
    if blocking := [finding for finding in findings if finding.outcome is Outcome.BLOCK]:
        raise RuleBlocksError(blocking)
    return findings


def findings_of(proposal: StoredProposal) -> list[Finding]:
    """Return what rules said of a proposal when it was reviewed, as its document has it."""
    return [read_finding(one) for one in json.loads(proposal.document)["compliance"]["findings"]]


def read_finding(content: dict[str, Any]) -> Finding:
    """Read a finding that was written as an object of its fields, numbers as text."""

    def number(text: str | None) -> Decimal | None:
        return None if text is None else Decimal(text)

    return Finding(
        rule_id=content["rule_id"],
        rule_version=content["rule_version"],
        outcome=Outcome(content["outcome"]),
        measure=number(content["measure"]),
        bound=number(content["bound"]),
        asset_ids=tuple(content["asset_ids"]),
        reason=content["reason"],
    )


def outcome_by_rule(findings: Sequence[Finding]) -> dict[str, Outcome]:
    """Return rule → the worst of what it said."""
    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_rule[finding.rule_id].append(finding)
    return {rule_id: worst(said) for rule_id, said in by_rule.items()}
