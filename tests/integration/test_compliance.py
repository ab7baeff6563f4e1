"""Rules over what the store knows: trades before they are sent, accounts after, and a rule tried over history."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from people import NOON, add_person, as_user, run
from ruled import rule_of
from steelyard.compliance.rule import Finding, Outcome, Rule, RuleKind
from steelyard.domain.portfolio import Portfolio, Price
from steelyard.errors import InvalidInputError, NotFoundError
from steelyard.identity.permissions import Role
from steelyard.rebalancing.trade import LotSale, Trade
from steelyard.services.compliance import check_trades
from steelyard.services.compliance_record import Checked, record_checks
from steelyard.services.dry_run import DryRun, dry_run
from steelyard.services.rule import write_rules
from steelyard.storage.acting import acting_as
from steelyard.storage.connection import get_db_session, get_write_session
from trading import book_of, load_book

pytestmark = pytest.mark.usefixtures("own_store")

TODAY = NOON.date()
PRICES = {"AAA": Decimal(50), "BBB": Decimal(20), "CCC": Decimal(10)}


def portfolio(account_id: str = "T-1", **others: Any) -> Portfolio:
    known: dict[str, Any] = {
        "account_id": account_id,
        "base_currency": "USD",
        "positions": {"AAA": Decimal(100)},
        "cash": {"USD": Decimal(5000)},
        "targets": {},
        "cash_targets": {},
        "prices": {asset: Price(price, "USD", TODAY) for asset, price in PRICES.items()},
        "as_of": TODAY,
    }
    return Portfolio(**(known | others))


def trade(asset_id: str, quantity: str, price: str | None = None) -> Trade:
    units, unit = Decimal(quantity), PRICES[asset_id] if price is None else Decimal(price)
    return Trade(asset_id, units, unit, "USD", units * unit, Decimal(0), Decimal(0), None, "")


async def write(*rules: Rule) -> None:
    async with get_write_session() as db:
        await write_rules(db, rules)


async def judge(
    rule: Rule, *trades: Trade, held: Portfolio | None = None, **others: Any
) -> tuple[Finding, ...]:
    """Write a rule in place of the ones before, and ask what it says of trades."""
    await write(rule)
    async with get_db_session() as db:
        found = await check_trades(db, held or portfolio(), trades, day=TODAY, **others)
    return tuple(one for one in found if one.rule_id == rule.rule_id)


async def test_trades_are_judged_by_what_the_store_knows_of_their_assets(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1"))
    await run("update steelyard.asset_master set sector = 'Energy' where asset_id = 'BBB'")
    cap = rule_of(RuleKind.SECTOR, "0.5")
    (passed,) = await judge(cap, trade("BBB", "250"))
    assert (passed.outcome, passed.measure) == (Outcome.PASS, Decimal("0.5"))
    (found,) = await judge(cap, trade("BBB", "250.5"))
    assert (found.outcome, found.asset_ids) == (Outcome.BLOCK, ("BBB",))
    await run("update steelyard.asset_master set sector = null where asset_id = 'BBB'")
    (unknown,) = await judge(cap, trade("BBB", "250"))
    assert (unknown.outcome, unknown.measure) == (Outcome.HOLD, None)


async def test_rules_are_asked_of_the_accounts_they_are_about(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1", "T-2"))
    cap = rule_of(RuleKind.ASSET, "0.1")
    assert await judge(replace(cap, scope={"accounts": ("T-2",)})) == ()
    assert await judge(replace(cap, scope={"models": ("N",)})) == ()
    assert await judge(replace(cap, valid_from=TODAY + timedelta(days=1), scope={"models": ("M",)})) == ()
    assert len(await judge(replace(cap, scope={"models": ("M",)}))) == 1


async def test_turnover_counts_what_was_booked_and_says_where_nothing_is_known(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1"))
    rule = rule_of(RuleKind.TURNOVER, "0.5", days=32, counts="half")
    (found,) = await judge(rule, trade("AAA", "-100"))  # bought for 5,000 on 2025-12-02, sold for 5,000 now
    assert (found.outcome, found.measure) == (Outcome.PASS, Decimal("0.5"))
    (shorter,) = await judge(replace(rule, settings={"days": 31, "counts": "half"}), trade("AAA", "-100"))
    assert shorter.measure == Decimal("0.25")

    await run(
        "insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency) "
        "values (1, 'NEW', 'NEW', 'USD')"
    )
    (unknown,) = await judge(rule, trade("AAA", "1"), held=portfolio("NEW"))
    assert (unknown.outcome, unknown.measure) == (Outcome.HOLD, None)


async def test_a_trade_is_held_against_the_volume_of_the_sessions_before(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1"))
    for back, volume in enumerate(("9999", "100", "300"), start=0):
        await run(
            "insert into steelyard.traded_volumes values ('AAA', cast(:day as date), cast(:volume as numeric), 't')",
            day=TODAY - timedelta(days=back),
            volume=Decimal(volume),
        )
    rule = rule_of(RuleKind.LIQUIDITY, "0.1", sessions=2, of="trade")
    assert [one.measure for one in await judge(rule, trade("AAA", "20"))] == [Decimal("0.1")]
    assert [one.outcome for one in await judge(rule, trade("BBB", "1"))] == [Outcome.HOLD]


WASH = rule_of(RuleKind.WASH_SALE, None, days=31)


def sold(lot_id: str, quantity: str) -> LotSale:
    """A lot that a sale names; what else the engine says of it is not looked at."""
    none = Decimal(0)
    return LotSale("AAA", lot_id, Decimal(quantity), TODAY, none, none, none, is_long_term=False, tax=none)


async def test_a_loss_that_the_ledger_says_is_washed_is_found(tmp_path: Path) -> None:
    tables = book_of("T-1")
    tables["transactions"].append(("T-1-C", "T-1", "AAA", "2025-12-30", "BUY", "10", "45", "USD", "450", "0"))
    await load_book(tmp_path, tables)
    held = portfolio(positions={"AAA": Decimal(110)}, cash={"USD": Decimal(4550)})
    (found,) = await judge(WASH, trade("AAA", "-20", "40"), held=held)
    assert (found.outcome, found.measure) == (Outcome.BLOCK, Decimal(100))  # 10 of the 20 sold, 10 each

    (cheaper,) = await judge(WASH, trade("AAA", "-10", "40"), held=held, lots_sold=[sold("T-1-C", "10")])
    assert cheaper.measure == 50  # 5 each, washed by what was bought on 2025-12-02
    (bought,) = await judge(WASH, trade("AAA", "5", "40"), held=held)
    assert (bought.outcome, bought.measure) == (Outcome.PASS, Decimal(0))


async def test_a_purchase_that_washes_a_loss_of_the_household_is_found(tmp_path: Path) -> None:
    tables = book_of("T-1", "T-2")
    tables["transactions"].append(
        ("T-2-S", "T-2", "AAA", "2025-12-30", "SELL", "100", "40", "USD", "4000", "0")
    )
    await load_book(tmp_path, tables)
    await run("insert into steelyard.households values (1, 'H', 'H', 'USD')")
    await run("update steelyard.accounts set household_id = 'H'")
    (found,) = await judge(replace(WASH, settings={"days": 10}), trade("AAA", "30", "40"))
    assert found.outcome is Outcome.BLOCK
    assert found.measure == 300  # 30 units of the 100 sold for 10 less each


async def test_who_does_not_see_the_household_is_held_up_and_not_let_pass(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1", "T-2"))
    await run("insert into steelyard.households values (1, 'H', 'H', 'USD')")
    await run("update steelyard.accounts set household_id = 'H'")
    await write(WASH)
    advisor = await add_person(Role.ADVISOR)
    await run(
        "insert into steelyard.account_grants (tenant_id, user_id, account_id, rights, granted_by) "
        "values (1, :user, 'T-1', '{READ}', 'operator')",
        user=advisor,
    )
    with acting_as(as_user(advisor)):
        async with get_db_session() as db:
            (found,) = await check_trades(db, portfolio(), [trade("AAA", "1")], day=TODAY)
    assert (found.outcome, found.measure) == (Outcome.HOLD, None)
    assert "not every account of household H is seen" in found.reason


async def test_an_account_of_snapshots_has_no_lots_and_is_held_up(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1"))
    await run("update steelyard.accounts set kept_by = 'snapshots'")
    (found,) = await judge(WASH, trade("AAA", "-1"))
    assert (found.outcome, found.measure) == (Outcome.HOLD, None)
    assert "kept by snapshots, which have no lots" in found.reason


async def test_a_price_or_rate_that_is_not_known_is_no_pass(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1"))
    cap = rule_of(RuleKind.ASSET, "1", Outcome.HOLD)
    for held in (
        portfolio(prices={}),
        portfolio(prices={"AAA": Price(Decimal(50), "EUR", TODAY)}),
        portfolio(cash={"USD": Decimal(5), "EUR": Decimal(1)}),
    ):
        assert [one.measure for one in await judge(cap, trade("BBB", "1"), held=held)] == [None]
    in_euros = portfolio(
        prices={**portfolio().prices, "AAA": Price(Decimal(50), "EUR", TODAY)},
        rates={"EUR": Decimal("1.5")},
        cash={"EUR": Decimal(5000)},
    )
    assert [one.measure for one in await judge(cap, held=in_euros)] == [Decimal("0.5")]


# ── After trades ────────────────────────────────────────────────────────────────────────────────────────


async def record(day: date = TODAY, **others: Any) -> Checked:
    async with get_write_session() as db:
        return await record_checks(db, day, **others)


async def records() -> list[tuple[Any, ...]]:
    return await run(
        "select account_id, asset_id, check_date, status, split_part(rule, ',', 1) from steelyard.compliance_records "
        "order by account_id, asset_id, status"
    )


async def test_accounts_are_judged_as_they_are_and_the_answers_are_kept(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1"))
    await write(
        rule_of(RuleKind.ASSET, "0.4", Outcome.HOLD),
        rule_of(RuleKind.MINIMUM_CASH, "0.1", Outcome.BLOCK),
        rule_of(RuleKind.ISSUER, "0.4", Outcome.WARN),
        rule_of(RuleKind.LIQUIDITY, "0.1", Outcome.BLOCK, sessions=2, of="position"),
    )
    checked = await record()
    assert checked.records == 4
    assert await records() == [
        ("T-1", "AAA", TODAY, "VIOLATION", "asset_concentration"),
        ("T-1", "AAA", TODAY, "WARNING", "issuer_concentration"),
        ("T-1", "AAA", TODAY, "WARNING", "liquidity"),
        ("T-1", "USD", TODAY, "PASS", "minimum_cash"),
    ]
    ((rule,),) = await run("select rule from steelyard.compliance_records where rule like 'asset%'")
    assert rule == (
        "asset_concentration, version 1: AAA is 50 % of the account's value, above the 40 % that rule "
        "asset_concentration allows."
    )
    ((facts,),) = await run(
        "select facts::text from steelyard.audit_events where action = 'compliance.check'"
    )
    assert '"violation": 1' in f"{facts}"


async def test_a_check_of_the_same_day_takes_the_place_of_the_one_before_and_of_no_other(
    tmp_path: Path,
) -> None:
    await load_book(tmp_path, book_of("T-1", "T-2"))
    await run(
        "insert into steelyard.compliance_records values (1, 'theirs', 'T-1', 'AAA', :day, 'VIOLATION', 'of theirs')",
        day=TODAY,
    )
    await write(rule_of(RuleKind.ASSET, "0.4"))
    await record()
    await record(TODAY - timedelta(days=1))
    await write(rule_of(RuleKind.ASSET, "0.6"))
    await record(account_ids=["T-1"])
    yesterday = TODAY - timedelta(days=1)  # without a price
    assert [row[:4] for row in await records()] == [
        ("T-1", "AAA", TODAY, "PASS"),
        ("T-1", "AAA", TODAY, "VIOLATION"),  # theirs
        ("T-1", "AAA", yesterday, "WARNING"),
        ("T-2", "AAA", TODAY, "VIOLATION"),
        ("T-2", "AAA", yesterday, "WARNING"),
    ]
    with pytest.raises(NotFoundError):
        await record(account_ids=["T-3"])


async def test_a_finding_about_money_without_an_asset_is_told_and_not_lost(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1"))
    await run("update steelyard.accounts set base_currency = 'CHF'")
    await write(rule_of(RuleKind.MINIMUM_CASH, "0.1", Outcome.HOLD))
    checked = await record()
    assert checked.records == 0
    (reason,) = checked.unrecorded
    assert reason.startswith("T-1: Rule minimum_cash cannot be measured")


async def test_what_was_traded_on_the_day_is_judged_too(tmp_path: Path) -> None:
    await load_book(tmp_path, book_of("T-1"))
    listed = rule_of(RuleKind.RESTRICTED, None, assets=["AAA"], forbids=["buy"])
    await write(replace(listed, valid_from=date(2025, 1, 1)))
    bought_on, idle = date(2025, 12, 2), date(2025, 12, 3)
    assert (await record(bought_on)).findings["T-1"][0].reason.startswith("The purchase of AAA is 100 units")
    assert (await record(idle)).findings["T-1"][0].outcome is Outcome.PASS


# ── A rule over history ─────────────────────────────────────────────────────────────────────────────────


async def tried(rule: Rule, since: str = "2025-01-01", until: date = TODAY, **others: Any) -> DryRun:
    async with get_db_session() as db:
        return await dry_run(db, rule, date.fromisoformat(since), until, **others)


async def open_history(folder: Path) -> None:
    """T-1 by its ledger, on four days; S-1 by its snapshots, on two."""
    tables = book_of("T-1")
    tables["transactions"] += [
        ("T-1-S", "T-1", "AAA", "2025-12-10", "SELL", "50", "50", "USD", "2500", "0"),
        ("T-1-X", "T-1", "BBB", "2025-12-20", "BUY", "100", "20", "USD", "2000", "0"),
    ]
    tables["market_data"] += [
        (asset, day, f"{price}") for asset, price in PRICES.items() for day in ("2025-12-01",)
    ]
    await load_book(folder, tables)
    await run(
        "insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency) "
        "values (1, 'S-1', 'S-1', 'USD')"
    )
    for day, quantity in (("2025-12-05", "10"), ("2025-12-15", "20")):
        for asset, units in (("AAA", quantity), ("USD", "500")):
            await run(
                "insert into steelyard.portfolio_allocation (tenant_id, portfolio, asset_id, as_of, quantity) "
                "values (1, 'S-1', :asset, cast(:day as date), cast(:units as numeric))",
                asset=asset,
                day=date.fromisoformat(day),
                units=Decimal(units),
            )


async def test_a_rule_says_how_often_and_where_it_would_have_been_violated(tmp_path: Path) -> None:
    await open_history(tmp_path)
    found = await tried(rule_of(RuleKind.ASSET, "0.49"))
    assert (found.accounts, found.account_days, found.days_violated, found.days_unmeasured) == (2, 6, 3, 0)
    by_account = {one.account_id: one for one in found.occurrences}
    ledger, snapshots = by_account["T-1"], by_account["S-1"]
    assert (ledger.days_violated, ledger.first_day, ledger.last_day, ledger.worst) == (
        1,
        date(2025, 12, 2),
        date(2025, 12, 2),
        Decimal("0.5"),
    )
    assert (snapshots.days_violated, snapshots.worst_day) == (2, date(2025, 12, 15))
    assert snapshots.worst == Decimal("0.666666666667")
    assert snapshots.reason.startswith("AAA is 66.67 % of the account's value, above the 49 %")
    assert [one.account_id for one in found.occurrences] == ["S-1", "T-1"]


async def test_a_dry_run_is_of_the_days_and_accounts_that_are_asked_for(tmp_path: Path) -> None:
    await open_history(tmp_path)
    cap = rule_of(RuleKind.ASSET, "0.49")
    assert (await tried(cap, "2025-12-03", date(2025, 12, 14))).account_days == 2
    assert (await tried(cap, account_ids=["T-1"])).account_days == 4
    scoped = await tried(replace(cap, scope={"accounts": ("S-1",)}))
    assert (scoped.accounts, scoped.days_violated) == (1, 2)
    with pytest.raises(NotFoundError):
        await tried(cap, account_ids=["T-9"])
    with pytest.raises(InvalidInputError):
        await tried(replace(cap, bound=None))


async def test_rules_about_trades_are_tried_on_the_days_on_which_some_were_made(tmp_path: Path) -> None:
    await open_history(tmp_path)
    forbidden = await tried(rule_of(RuleKind.RESTRICTED, None, assets=["AAA"], forbids=["sell"]))
    assert [(one.account_id, one.first_day, one.days_violated) for one in forbidden.occurrences] == [
        ("T-1", date(2025, 12, 10), 1)
    ]
    turnover = await tried(rule_of(RuleKind.TURNOVER, "0.3", days=10, counts="half"))
    (ledger,) = (one for one in turnover.occurrences if one.account_id == "T-1")
    assert (ledger.days_violated, ledger.worst_day, ledger.worst) == (
        1,
        date(2025, 12, 10),
        Decimal("0.375"),
    )
    (unknown,) = (one for one in turnover.occurrences if one.account_id == "S-1")
    assert (unknown.days_violated, unknown.days_unmeasured, unknown.worst) == (0, 2, None)
    assert unknown.reason.endswith("no transaction of the account is known.")


async def test_wash_sales_of_the_past_are_found_by_the_ledger(tmp_path: Path) -> None:
    tables = book_of("T-1")
    tables["transactions"] += [
        ("T-1-S", "T-1", "AAA", "2025-12-10", "SELL", "50", "40", "USD", "2000", "0"),
        ("T-1-X", "T-1", "AAA", "2025-12-20", "BUY", "20", "40", "USD", "800", "0"),
    ]
    await load_book(tmp_path, tables)
    found = await tried(rule_of(RuleKind.WASH_SALE, None, days=30))
    (one,) = found.occurrences
    assert (one.days_violated, one.worst_day, one.worst) == (1, date(2025, 12, 20), Decimal(200))


async def test_who_sees_some_accounts_tries_a_rule_on_those(tmp_path: Path) -> None:
    await open_history(tmp_path)
    advisor = await add_person(Role.ADVISOR)
    await run(
        "insert into steelyard.account_grants (tenant_id, user_id, account_id, rights, granted_by) "
        "values (1, :user, 'S-1', '{READ}', 'operator')",
        user=advisor,
    )
    with acting_as(as_user(advisor)):
        found = await tried(rule_of(RuleKind.ASSET, "0.49"))
    assert [one.account_id for one in found.occurrences] == ["S-1"]
    assert found.accounts == 1
