"""Rules, and proposals that they hold, in the store of a house."""

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from steelyard.compliance.order_limits import OrderLimits
from steelyard.compliance.rule import Outcome, Rule, RuleKind
from steelyard.identity.permissions import Actor
from steelyard.services.order_limit import set_order_limits
from steelyard.services.rule import write_rules
from steelyard.storage.connection import WriteSession

PROPOSAL = (
    "insert into steelyard.proposals (tenant_id, proposal_id, account_id, author, document, content_hash, made_at, "
    "expires_at, order_value, outcome) values (steelyard.current_tenant(), :id, :account, 'user:author', :document, "
    ":hash, :now, :until, 0, 'hold')"
)


async def write_cap(db: WriteSession, actor: Actor, rule_id: str, *, now: datetime) -> None:
    """Write a rule under an id."""
    del actor, now
    cap = Rule(
        rule_id=rule_id,
        version=1,
        kind=RuleKind.ASSET,
        bound=Decimal("0.9"),
        outcome=Outcome.HOLD,
        valid_from=date(2026, 1, 1),
        source_document="mandate",
        scope={"accounts": ("nobody's",)},  # what others propose meanwhile is not held
    )
    await write_rules(db, [cap])


async def write_limits(db: WriteSession, actor: Actor, account_id: str | None, *, now: datetime) -> None:
    """Limit orders."""
    del actor, now
    await set_order_limits(db, account_id, OrderLimits(max_order_value=Decimal(1000)))


async def hold_proposal(db: WriteSession, actor: Actor, rule_id: str, *, now: datetime, account: str) -> UUID:
    """Store a proposal that the rule of an id holds."""
    await write_cap(db, actor, rule_id, now=now)
    finding = {
        "rule_id": rule_id,
        "rule_version": 1,
        "outcome": "hold",
        "measure": "0.95",
        "bound": "0.9",
        "asset_ids": ["A"],
        "reason": "A is 95 %.",
    }
    document = json.dumps({"compliance": {"outcome": "hold", "findings": [finding]}})
    values: dict[str, Any] = {
        "id": uuid4(),
        "account": account,
        "document": document,
        "hash": sha256(document.encode()).digest(),
        "now": now,
        "until": now + timedelta(minutes=30),
    }
    await db.execute(text(PROPOSAL), values)
    proposal_id: UUID = values["id"]
    return proposal_id
