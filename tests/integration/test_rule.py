"""Rules in the store: versions, which of them are in force, and what stands between a proposal and its approval."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from people import NOON, acting, add_person, as_user, later, person, run
from ruled import rule_of
from steelyard.compliance.order_limits import OrderLimits
from steelyard.compliance.rule import Outcome, Rule, RuleKind
from steelyard.compliance.settings import RuleError
from steelyard.errors import ConflictError, NotFoundError, NotPermittedError, SteelyardError
from steelyard.identity.permissions import Actor, Role
from steelyard.services import approval, override, proposal, rule
from steelyard.services.order_check import BeyondLimitsError
from steelyard.services.order_limit import set_order_limits
from steelyard.services.proposal import UnknownProposalError
from steelyard.services.ruling import RuleBlocksError, RuleHoldsError
from steelyard.storage.acting import acting_as
from steelyard.storage.connection import get_write_session
from steelyard.storage.proposal import StoredProposal
from steelyard.storage.rule import get_rules_in_force
from trading import OPERATOR, approve, execute, open_trading, propose

pytestmark = pytest.mark.usefixtures("own_store")

CAP = rule_of(RuleKind.SECTOR, "0.5", Outcome.HOLD)


async def write(*rules: Rule) -> rule.Written:
    async with get_write_session() as db:
        return await rule.write_rules(db, rules)


async def end(rule_id: str) -> None:
    async with get_write_session() as db:
        await rule.end_rule(db, rule_id)


async def in_force(day: date) -> list[tuple[str, int]]:
    async with get_write_session() as db:
        return [(one.rule_id, one.version) for one in await get_rules_in_force(db, day)]


async def events(action: str) -> list[tuple[Any, ...]]:
    return await run(
        "select object_id, facts::text from steelyard.audit_events where action = :action", action=action
    )


async def test_a_change_is_a_new_version_and_the_old_one_stays() -> None:
    assert await write(CAP) == rule.Written(added=(CAP.rule_id,), changed=(), unchanged=())
    assert await write(CAP) == rule.Written(added=(), changed=(), unchanged=(CAP.rule_id,))
    assert await write(replace(CAP, bound=Decimal("0.6"))) == rule.Written((), (CAP.rule_id,), ())

    async with get_write_session() as db:
        newest, first = await rule.get_rule(db, CAP.rule_id)
        assert [one.rule.version for one in await rule.get_rules(db)] == [2]
    assert (newest.rule.version, newest.rule.bound, newest.ended_at) == (2, Decimal("0.6"), None)
    assert replace(first.rule, settings={}) == CAP
    assert first.ended_at is not None
    assert first.made_by == "operator"
    assert [object_id for object_id, _ in await events("rule.write")] == [CAP.rule_id] * 2


async def test_what_a_rule_says_is_read_back_as_it_was_written() -> None:
    said = replace(
        rule_of(RuleKind.WASH_SALE, "12.5", Outcome.WARN, days=30, identical=[["IVV", "VOO"]]),
        scope={"accounts": ("A", "B"), "models": ("M",)},
        valid_until=date(2026, 12, 31),
    )
    await write(said)
    async with get_write_session() as db:
        (stored,) = await rule.get_rules(db)
    assert stored.rule == said
    assert (await write(said)).unchanged == (said.rule_id,)


async def test_several_rules_are_written_together_or_not_at_all() -> None:
    broken = replace(rule_of(RuleKind.MINIMUM_CASH, "0.1"), bound=None)
    with pytest.raises(RuleError):
        await write(CAP, broken)
    with pytest.raises(rule.TwiceWrittenError):
        await write(CAP, CAP)
    async with get_write_session() as db:
        assert await rule.get_rules(db) == []


async def test_a_rule_is_in_force_from_its_first_day_to_its_last() -> None:
    await write(replace(CAP, valid_from=date(2026, 1, 2), valid_until=date(2026, 1, 3)))
    days = [date(2026, 1, day) for day in (1, 2, 3, 4)]
    assert [bool(await in_force(day)) for day in days] == [False, True, True, False]


async def test_a_version_that_begins_later_leaves_the_one_before_in_force_until_then() -> None:
    await write(CAP)
    await write(replace(CAP, bound=Decimal("0.4"), valid_from=date(2026, 6, 1)))
    assert await in_force(date(2026, 5, 31)) == [(CAP.rule_id, 1)]
    assert await in_force(date(2026, 6, 1)) == [(CAP.rule_id, 2)]


async def test_a_rule_that_is_ended_is_asked_no_more_and_can_be_written_again() -> None:
    await write(CAP)
    await write(replace(CAP, bound=Decimal("0.4"), valid_from=date(2026, 6, 1)))
    with pytest.raises(rule.UnknownRuleError, match="did you mean sector_concentration"):
        await end(f"{CAP.rule_id}s")
    await end(CAP.rule_id)
    assert await in_force(date(2026, 5, 31)) == await in_force(date(2026, 6, 1)) == []
    with pytest.raises(rule.RuleEndedError):
        await end(CAP.rule_id)
    assert (await write(CAP)).changed == (CAP.rule_id,)
    assert await in_force(date(2026, 5, 31)) == [(CAP.rule_id, 3)]


# ── Proposals ───────────────────────────────────────────────────────────────────────────────────────────


async def reviewed_under(folder: Path, *rules: Rule) -> StoredProposal:
    """A proposal that buys 250 each of BBB and CCC and sells 50 of AAA, all of them Tools of the US."""
    await open_trading(folder)
    await write(*rules)
    return await propose()


async def let_pass(
    reviewed: StoredProposal,
    rule_id: str,
    *,
    actor: Actor = OPERATOR,
    reason: str = "agreed",
    now: Any = NOON,
) -> None:
    async with acting(actor) as db:
        await override.override_rule(db, actor, reviewed.proposal_id, rule_id, reason, now=now)


async def test_a_proposal_within_its_rules_goes_its_way(tmp_path: Path) -> None:
    reviewed = await reviewed_under(tmp_path, rule_of(RuleKind.ASSET, "0.5"))
    assert reviewed.outcome == "pass"
    await approve(reviewed)


async def test_a_rule_that_warns_stops_nothing(tmp_path: Path) -> None:
    reviewed = await reviewed_under(tmp_path, rule_of(RuleKind.ASSET, "0.4999", Outcome.WARN))
    assert reviewed.outcome == "warn"
    await approve(reviewed)
    await execute(reviewed)


async def test_a_rule_that_holds_is_let_pass_with_a_reason(tmp_path: Path) -> None:
    reviewed = await reviewed_under(tmp_path, rule_of(RuleKind.ASSET, "0.4999", Outcome.HOLD))
    assert reviewed.outcome == "hold"
    with pytest.raises(RuleHoldsError, match=r"BBB is 50 % of .* above the 49\.99 % that rule asset_conc"):
        await approve(reviewed)

    await let_pass(reviewed, "asset_concentration", reason=" agreed with the client ")
    async with get_write_session() as db:
        (kept,) = await override.get_overrides(db, reviewed.proposal_id)
    assert (kept.rule_id, kept.rule_version, kept.reason, kept.made_by) == (
        "asset_concentration",
        1,
        "agreed with the client",
        "operator",
    )
    ((object_id, facts),) = await events("rule.override")
    assert object_id == f"{reviewed.proposal_id}"
    assert "agreed" not in facts  # what people write may tell of a person; the row keeps it
    await approve(reviewed)
    await execute(reviewed)


async def test_a_rule_that_blocks_is_never_let_pass(tmp_path: Path) -> None:
    reviewed = await reviewed_under(tmp_path, rule_of(RuleKind.ASSET, "0.4999", Outcome.BLOCK))
    assert reviewed.outcome == "block"
    with pytest.raises(override.BlockStandsError):
        await let_pass(reviewed, "asset_concentration")
    with pytest.raises(RuleBlocksError, match=r"BBB is 50 % of .*, above the 49\.99 %"):
        await approve(reviewed)


async def test_each_rule_that_holds_is_let_pass_by_itself(tmp_path: Path) -> None:
    two = rule_of(RuleKind.MINIMUM_CASH, "0.9", Outcome.HOLD)
    reviewed = await reviewed_under(tmp_path, rule_of(RuleKind.ASSET, "0.4", Outcome.HOLD), two)
    await let_pass(reviewed, "asset_concentration")
    with pytest.raises(RuleHoldsError, match="minimum_cash"):
        await approve(reviewed)
    await let_pass(reviewed, "minimum_cash")
    await approve(reviewed)


async def test_an_override_is_refused_where_nothing_holds_where_it_stands_and_without_a_reason(
    tmp_path: Path,
) -> None:
    holding = rule_of(RuleKind.ASSET, "0.4", Outcome.HOLD)
    reviewed = await reviewed_under(tmp_path, holding, rule_of(RuleKind.MINIMUM_CASH, "0"))

    with pytest.raises(override.NothingHeldError, match="it is held by asset_concentration"):
        await let_pass(reviewed, "minimum_cash")
    for reason in ("", "  ", "x" * 2001, "a\0b"):
        with pytest.raises(override.ReasonError):
            await let_pass(reviewed, "asset_concentration", reason=reason)
    with pytest.raises(ConflictError, match="ran out"):
        await let_pass(reviewed, "asset_concentration", now=later(days=1))
    await let_pass(reviewed, "asset_concentration")
    with pytest.raises(override.OverriddenError):
        await let_pass(reviewed, "asset_concentration")
    unknown = replace(reviewed, proposal_id=uuid4())
    with pytest.raises(UnknownProposalError):
        await let_pass(unknown, "asset_concentration")
    await approve(reviewed)
    with pytest.raises(ConflictError):
        await let_pass(reviewed, "asset_concentration")


async def test_compliance_and_owners_let_pass_and_nobody_else_does(tmp_path: Path) -> None:
    reviewed = await reviewed_under(tmp_path, rule_of(RuleKind.ASSET, "0.4", Outcome.HOLD))
    for role in (Role.ADVISOR, Role.VIEWER, Role.ADMIN, Role.SERVICE):
        other = person(await add_person(role), role)
        with pytest.raises((NotPermittedError, NotFoundError)):
            await let_pass(reviewed, "asset_concentration", actor=other)
    compliance = person(await add_person(Role.COMPLIANCE), Role.COMPLIANCE)
    await let_pass(reviewed, "asset_concentration", actor=compliance)
    async with get_write_session() as db:
        (kept,) = await override.get_overrides(db, reviewed.proposal_id)
    assert kept.made_by == compliance.name


async def test_compliance_can_hold_override_and_read_and_never_trades(tmp_path: Path) -> None:
    reviewed = await reviewed_under(tmp_path, rule_of(RuleKind.ASSET, "0.4", Outcome.HOLD))
    user_id = await add_person(Role.COMPLIANCE)
    officer = person(user_id, Role.COMPLIANCE)
    with acting_as(as_user(user_id)):
        async with get_write_session() as db:
            assert [one.rule.rule_id for one in await rule.get_rules(db)] == ["asset_concentration"]
            assert await override.get_overrides(db, reviewed.proposal_id) == []
    await let_pass(reviewed, "asset_concentration", actor=officer)
    with pytest.raises(NotPermittedError):
        await propose(actor=officer)
    with acting_as(officer.acting):
        async with get_write_session() as db:
            prover = approval.TypedHash(officer, reviewed.content_hash.hex()[:8])
            recent = replace(officer, auth_time=NOON)
            with pytest.raises(NotPermittedError):
                await approval.approve(
                    db, recent, reviewed.proposal_id, prover, content_hash=reviewed.content_hash, now=NOON
                )
            with pytest.raises(SteelyardError):
                await proposal.execute(
                    db, recent, reviewed.proposal_id, content_hash=reviewed.content_hash, now=NOON
                )


async def test_a_rule_that_is_written_after_the_review_changes_what_is_approved(tmp_path: Path) -> None:
    await open_trading(tmp_path)
    reviewed = await propose()
    await write(rule_of(RuleKind.ASSET, "0.4"))
    with pytest.raises(ConflictError, match="asset_concentration"):
        await approve(reviewed)
    await end("asset_concentration")
    await approve(reviewed, now=NOON + timedelta(minutes=1))


async def test_orders_beyond_a_limit_are_refused_before_anybody_approves_them(tmp_path: Path) -> None:
    await open_trading(tmp_path)
    async with get_write_session() as db:
        await set_order_limits(db, None, OrderLimits(max_order_value=Decimal("4999.99")))
    with pytest.raises(BeyondLimitsError, match=r"5,000 USD, above the 4,999\.99 USD"):
        await propose()
    async with get_write_session() as db:
        await set_order_limits(db, None, OrderLimits(max_order_value=Decimal(5000)))
    assert (await propose()).order_value == 10_000
