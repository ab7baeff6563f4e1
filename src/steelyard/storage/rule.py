"""Rules as they rest in the store: every version of each."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.compliance.rule import Outcome, Rule, RuleKind
from steelyard.storage.connection import WriteSession
from steelyard.storage.memory import remembered
from steelyard.storage.queries import query


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A version of a rule, and how it came about.

    Attributes:
        rule: what it says.
        made_by: who wrote it, as in the audit.
        made_at: when, UTC.
        ended_at: when another version took its place, or the rule was ended, UTC; None = it stands.
    """

    rule: Rule
    made_by: str
    made_at: datetime
    ended_at: datetime | None


async def lock_rules(db: WriteSession) -> None:
    """Wait for whoever else writes rules of the tenant."""
    await db.execute(query("lock_rules"))


async def get_rules(db: AsyncSession) -> list[StoredRule]:
    """Return the rules that were not ended, in their newest version, by id."""
    return [_stored(row) for row in await db.execute(query("get_rules"))]


async def get_ended_rules(db: AsyncSession) -> list[StoredRule]:
    """Return the rules that are asked no more, each in its last version, by id."""
    return [_stored(row) for row in await db.execute(query("get_ended_rules"))]


async def get_rule_versions(db: AsyncSession, rule_id: str) -> list[StoredRule]:
    """Return every version of a rule, the newest first; empty where there is none."""
    rows = await db.execute(query("get_rule_versions"), {"rule_id": rule_id})
    return [_stored(row) for row in rows]


@remembered
async def get_rules_in_force(db: AsyncSession, day: date) -> list[Rule]:
    """Return the rules that hold on a day, by id, whomever they are for."""
    return [_stored(row).rule for row in await db.execute(query("get_rules_in_force"), {"day": day})]


async def end_rule_version(db: WriteSession, rule_id: str) -> None:
    """End the version of a rule that stands."""
    await db.execute(query("end_rule_version"), {"rule_id": rule_id})


async def add_rule_version(db: WriteSession, rule: Rule) -> None:
    """Write a version of a rule; the one before it has ended."""
    values = {
        "rule_id": rule.rule_id,
        "version": rule.version,
        "kind": rule.kind.value,
        "scope": json.dumps({name: list(words) for name, words in rule.scope.items()}),
        "bound": rule.bound,
        "settings": json.dumps(dict(rule.settings)),
        "outcome": rule.outcome.value,
        "valid_from": rule.valid_from,
        "valid_until": rule.valid_until,
        "source_document": rule.source_document,
    }
    await db.execute(query("add_rule_version"), values)


def _stored(row: Row[Any]) -> StoredRule:
    rule = Rule(
        rule_id=row.rule_id,
        version=row.version,
        kind=RuleKind(row.kind),
        bound=row.bound,
        outcome=Outcome(row.outcome),
        valid_from=row.valid_from,
        source_document=row.source_document,
        scope={name: tuple(words) for name, words in json.loads(row.scope).items()},
        settings=json.loads(row.settings),
        valid_until=row.valid_until,
    )
    return StoredRule(rule, row.made_by, row.made_at, row.ended_at)
