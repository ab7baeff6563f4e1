"""Overrides: compliance, or an owner, lets a proposal pass a rule that holds it, and says why. No rule that blocks."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from steelyard.compliance.rule import Finding, Outcome
from steelyard.compliance.settings import is_plain
from steelyard.errors import ConflictError, InvalidInputError
from steelyard.identity.permissions import Actor, Verb
from steelyard.services import proposal
from steelyard.services.ruling import findings_of, outcome_by_rule
from steelyard.storage import compliance as stored
from steelyard.storage.audit import record_event
from steelyard.storage.compliance import Override
from steelyard.storage.connection import AnySession, WriteSession
from steelyard.storage.proposal import ProposalState

LONGEST_REASON = 2000


class NothingHeldError(ConflictError):
    """A rule does not hold a proposal."""

    def __init__(self, rule_id: str, held: Sequence[str]) -> None:
        """Name the rule, and those that do."""
        others = f"it is held by {', '.join(held)}" if held else "nothing holds it"
        super().__init__(f"Rule {rule_id[:64]} does not hold this proposal; {others}.")


class BlockStandsError(ConflictError):
    """A rule blocks a proposal, which nobody may let pass."""

    def __init__(self, rule_id: str) -> None:
        """Name the rule."""
        super().__init__(
            f"Rule {rule_id} blocks this proposal, and nobody may let it pass. Propose something else, or have the "
            "rule changed."
        )


class OverriddenError(ConflictError):
    """A proposal was let pass a rule already."""

    def __init__(self, rule_id: str) -> None:
        """Name the rule."""
        super().__init__(f"This proposal was let pass rule {rule_id} already.")


class ReasonError(InvalidInputError):
    """A reason is missing or too long."""

    def __init__(self) -> None:
        """Name the rule."""
        super().__init__(f"reason is no line of 1 to {LONGEST_REASON} characters; say why it may pass.")


async def override_rule(
    db: WriteSession, actor: Actor, proposal_id: UUID, rule_id: str, reason: str, *, now: datetime
) -> None:
    """Let a reviewed proposal pass a rule that holds it.

    Args:
        db: the transaction.
        actor: who lets it pass: compliance or an owner.
        proposal_id: the proposal.
        rule_id: the rule.
        reason: why, 1 to 2,000 characters, kept for good.
        now: the time, with its zone.

    Raises:
        ForbiddenError: they may not.
        UnknownProposalError, StateError, ExpiredError: it is not there, not reviewed, or ran out.
        BlockStandsError: the rule blocks it.
        NothingHeldError: the rule does not hold it.
        OverriddenError: somebody did already.
        ReasonError: the reason is empty or too long.
    """
    if not is_plain(reason, LONGEST_REASON):
        raise ReasonError
    held = await proposal.take(db, actor, Verb.HOLD, proposal_id, ProposalState.REVIEWED, now=now)
    finding = _holding(findings_of(held), rule_id)
    if not await stored.add_override(db, proposal_id, rule_id, finding.rule_version, reason.strip()):
        raise OverriddenError(rule_id)
    facts: dict[str, str | int] = {
        "rule_id": rule_id,
        "version": finding.rule_version,
        "account_id": held.account_id,
        "author": held.author,
        "hash": held.content_hash.hex(),
    }
    await record_event(db, "rule.override", "proposal", str(proposal_id), facts)


async def get_overrides(db: AnySession, proposal_id: UUID) -> list[Override]:
    """Return who let a proposal pass which rule, and why; of a proposal that is not seen none."""
    return await stored.get_overrides(db, proposal_id)


def _holding(findings: Sequence[Finding], rule_id: str) -> Finding:
    """Return the first finding by which a rule holds."""
    outcomes = outcome_by_rule(findings)
    if outcomes.get(rule_id) is Outcome.BLOCK:
        raise BlockStandsError(rule_id)
    if outcomes.get(rule_id) is not Outcome.HOLD:
        raise NothingHeldError(rule_id, [one for one, outcome in outcomes.items() if outcome is Outcome.HOLD])
    return next(one for one in findings if one.rule_id == rule_id and one.outcome is Outcome.HOLD)
