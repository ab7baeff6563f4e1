"""Rules as data: what is measured, for whom, and what a violation does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any


class RuleKind(StrEnum):
    """What a rule measures; docs/reference/rules.md says how."""

    ASSET = "asset_concentration"
    ISSUER = "issuer_concentration"
    SECTOR = "sector_concentration"
    COUNTRY = "country_concentration"
    ASSET_CLASS = "asset_class_concentration"
    RESTRICTED = "restricted_list"
    MINIMUM_CASH = "minimum_cash"
    TURNOVER = "maximum_turnover"
    LIQUIDITY = "liquidity"
    WASH_SALE = "wash_sale"


class Outcome(StrEnum):
    """What checks say, the mildest first; of several the worst counts."""

    PASS = "pass"  # noqa: S105 - a word, no password
    WARN = "warn"
    HOLD = "hold"
    """Nothing is approved until somebody lets it pass with a reason."""
    BLOCK = "block"
    """Nothing lets it pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A version of a rule.

    Attributes:
        rule_id, version: its key.
        kind: what it measures.
        scope: which accounts: accounts, households, models; empty = all.
        bound: the limit: a fraction unless the kind says otherwise; None where the kind has none.
        settings: what else the kind needs.
        outcome: what a violation does: WARN, HOLD or BLOCK.
        valid_from, valid_until: first and last day; None = for good.
        source_document: where it is written.
    """

    rule_id: str
    version: int
    kind: RuleKind
    bound: Decimal | None
    outcome: Outcome
    valid_from: date
    source_document: str
    scope: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    valid_until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule says of an account before or after trades.

    Attributes:
        rule_id, rule_version: the rule.
        outcome: PASS, or what the rule's violation does.
        measure: what was measured, in the unit of the bound; None = nothing could be.
        bound: the limit.
        asset_ids: the assets it is about, those that weigh most first.
        reason: one sentence that names limit and measure.
    """

    rule_id: str
    rule_version: int
    outcome: Outcome
    measure: Decimal | None
    bound: Decimal | None
    asset_ids: tuple[str, ...]
    reason: str
