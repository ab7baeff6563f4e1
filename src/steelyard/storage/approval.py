"""Approvals: who approved what, by which factor, with what it takes to check that again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from steelyard.storage.connection import AnySession, WriteSession
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approval.

    Attributes:
        author: who proposed it, as in audit_events.actor.
        approver: who approved it.
        content_hash: SHA-256 of what was approved.
        factor: passkey, totp or terminal.
        evidence: of a passkey what it takes to check it again, bytes in base64url; empty for the others.
    """

    approval_id: UUID
    author: str
    approver: str
    content_hash: bytes
    factor: str
    evidence: Mapping[str, str]
    approved_at: datetime


@dataclass(frozen=True, slots=True)
class ApprovalTerms:
    """What whoever acts may approve.

    Attributes:
        approval_limit: the largest order value they may approve alone; None = none.
        code_limit: the largest one that a code of an app approves; None = none.
        currency: of both.
    """

    approval_limit: Decimal | None
    code_limit: Decimal | None
    currency: str


async def get_approval_terms(db: AnySession) -> ApprovalTerms:
    """Return what whoever acts may approve, by their limit or else their tenant's."""
    return ApprovalTerms(*(await db.execute(query("get_approval_terms"))).one())


async def add_approval(
    db: WriteSession,
    *,
    proposal_id: UUID | None = None,
    run_id: UUID | None = None,
    author: str,
    approver: str,
    content_hash: bytes,
    factor: str,
    evidence: Mapping[str, str],
    now: datetime,
) -> bool:
    """Write an approval of a proposal or of a run down, for good; False = this approver did already."""
    values = {
        "proposal_id": proposal_id,
        "run_id": run_id,
        "author": author,
        "approver": approver,
        "content_hash": content_hash,
        "factor": factor,
        "evidence": json.dumps(dict(evidence)),
        "approved_at": now,
    }
    return (await db.execute(query("insert_approval"), values)).one_or_none() is not None


async def get_approvals(
    db: AnySession, *, proposal_id: UUID | None = None, run_id: UUID | None = None
) -> list[Approval]:
    """Return who approved a proposal or a run, the first first."""
    rows = await db.execute(query("get_approvals"), {"proposal_id": proposal_id, "run_id": run_id})
    return [Approval(**row | {"evidence": json.loads(row["evidence"])}) for row in map(dict, rows.mappings())]
