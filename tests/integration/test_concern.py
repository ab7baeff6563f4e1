"""What is wrong now, and how long it was, from the rules in force and the checks that were recorded."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from people import NOON, run
from ruled import rule_of
from steelyard.compliance.rule import Outcome, Rule, RuleKind
from steelyard.domain.scope import TENANT, Scope
from steelyard.services import concern
from steelyard.services.compliance_record import record_checks
from steelyard.services.concern import Concerns, History, Severity, get_concerns, get_history
from steelyard.services.rule import end_rule, write_rules
from steelyard.storage.breach import Breach, BreachKey
from steelyard.storage.connection import get_db_session, get_write_session
from trading import book_of, load_book

pytestmark = pytest.mark.usefixtures("own_store")

TODAY = NOON.date()
CAP = rule_of(RuleKind.ASSET, "0.4")


async def write(*rules: Rule) -> None:
    async with get_write_session() as db:
        await write_rules(db, rules)


async def check(day: date) -> None:
    async with get_write_session() as db:
        await record_checks(db, day)


async def concerns(scope: Scope = TENANT, day: date = TODAY) -> Concerns:
    async with get_db_session() as db:
        return await get_concerns(db, scope, day)


async def history(**which: date | bool | BreachKey | None) -> History:
    async with get_db_session() as db:
        return await get_history(db, TENANT, limit=10, **which)  # type: ignore[arg-type]  # by name


async def said(day: date, status: str, asset_id: str = "AAA", rule: str | None = "theirs") -> None:
    """Let the firm's own books say something of T-1."""
    await run(
        "insert into steelyard.compliance_records values (1, :id, 'T-1', :asset, :day, :status, :rule)",
        id=f"{rule}-{asset_id}-{day}",
        asset=asset_id,
        day=day,
        status=status,
        rule=rule,
    )


def days(*breaches: Breach) -> list[tuple[list[str], date, date, int, bool, bool]]:
    return [
        (one.asset_ids, one.first_day, one.last_day, one.checks, one.is_open, one.is_violation)
        for one in breaches
    ]


async def test_what_is_beyond_a_limit_stands_with_its_measure_the_worst_first(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1", "T-2"))
    warning = replace(
        CAP, rule_id="mild", outcome=Outcome.WARN, bound=Decimal("0.1"), scope={"accounts": ("T-1",)}
    )
    await write(CAP, warning, rule_of(RuleKind.LIQUIDITY, "1", Outcome.WARN, sessions=5, of="position"))

    found = await concerns()
    assert [(one.severity, one.account_id, one.rule_id) for one in found.items] == [
        (Severity.BLOCK, "T-1", CAP.rule_id),
        (Severity.BLOCK, "T-2", CAP.rule_id),
        (Severity.WARN, "T-1", "mild"),
        (Severity.UNMEASURED, "T-1", "liquidity"),
        (Severity.UNMEASURED, "T-2", "liquidity"),
    ]
    first = found.items[0]
    assert (first.measure, first.bound, first.since) == (Decimal("0.5"), Decimal("0.4"), None)
    assert (found.accounts, found.rules, found.judged_on, found.last_check) == (2, 3, TODAY, None)
    assert [one.account_id for one in (await concerns(Scope.account("T-2"))).items] == ["T-2", "T-2"]


async def test_since_when_is_the_first_recorded_check_that_says_so_without_a_break(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1"))
    await write(replace(CAP, valid_from=date(2025, 1, 1)))
    for back in (3, 2, 1):
        await check(TODAY - timedelta(days=back))
    (found,) = (await concerns()).items
    assert found.since == TODAY - timedelta(days=3)

    await run(
        "update steelyard.compliance_records set status = 'PASS' where check_date = :day",
        day=TODAY - timedelta(2),
    )
    (found,) = (await concerns()).items
    assert found.since == TODAY - timedelta(days=1)


async def test_of_very_many_accounts_the_last_check_counts_and_of_an_ended_rule_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await load_book(tmp_path, book_of("T-1", "T-2"))
    await write(CAP)
    await check(TODAY)
    monkeypatch.setattr(concern, "MOST_JUDGED", 1)
    found = await concerns()
    assert [(one.severity, one.rule_id, one.measure) for one in found.items] == [
        (Severity.VIOLATION, CAP.rule_id, None)
    ] * 2
    assert found.judged_on is None
    assert "50 % of the account's value" in found.items[0].reason

    async with get_write_session() as db:
        await end_rule(db, CAP.rule_id)
    assert (await concerns()).items == ()


async def test_a_firms_own_checks_count_until_one_passes_and_for_six_months(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1"))
    old = TODAY - concern.LOOKED_BACK
    await said(old, "VIOLATION", rule="old")
    await said(old + timedelta(days=1), "WARNING", rule=None)
    await said(TODAY - timedelta(days=9), "VIOLATION", rule="passed")
    await said(TODAY, "PASS", rule="passed")

    (only,) = (await concerns()).items
    assert (only.severity, only.rule_id, only.rule_name, only.since) == (
        Severity.WARN,
        None,
        "",
        old + timedelta(days=1),
    )


async def test_a_breach_lasts_over_the_checks_that_follow_each_other(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1"))
    first = TODAY - timedelta(days=40)
    for step, status in enumerate(("VIOLATION", "WARNING", "PASS", "WARNING")):
        await said(first + timedelta(days=10 * step), status)
    await said(first, "VIOLATION", "BBB")
    await said(first + timedelta(days=10), "WARNING", "BBB")
    await said(first, "WARNING", "CCC")

    found = await history()
    assert days(*found.breaches) == [
        (["AAA"], first + timedelta(days=30), first + timedelta(days=30), 1, True, False),
        (["AAA", "BBB"], first, first + timedelta(days=10), 2, False, True),
        (["CCC"], first, first, 1, False, False),
    ]
    assert (found.until, found.since) == (first + timedelta(days=30), first + timedelta(days=30 - 365))
    assert days(*(await history(is_violation=True)).breaches) == days(found.breaches[1])
    assert (await history(since=TODAY)).breaches == ()


async def test_the_next_page_begins_where_the_one_before_ended(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1"))
    for back in range(4):
        await said(TODAY - timedelta(days=back), "WARNING", rule=f"r{back}")
        await said(TODAY - timedelta(days=back), "VIOLATION", rule=f"q{back}")
    every = (await history()).breaches
    assert len(every) == 8
    for place, one in enumerate(every):
        key = BreachKey(
            one.last_day, one.first_day, one.account_id or "", one.rule_name, one.is_ours, one.is_violation
        )
        assert (await history(after=key)).breaches == every[place + 1 :]


async def test_where_there_was_never_a_check_there_is_no_history(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1"))
    found = await history()
    assert (found.breaches, found.since, found.until) == ((), None, None)
