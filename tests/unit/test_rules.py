"""Every kind of rule on both sides of its limit; what cannot be measured; the reason names limit and measure."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from ruled import DAY, account, bought, held, judge, judge_as_is, rule_of, said
from steelyard.compliance.check import check_rules, worst
from steelyard.compliance.holdings import Facts, Holdings, PastTrade
from steelyard.compliance.rule import Finding, Outcome, RuleKind
from steelyard.domain.lot import Lot
from steelyard.domain.wash_sale import Sale

CENT = Decimal("0.01")
OF = "of the account's value"

GROUPS = [
    (RuleKind.ASSET, {"AAA": "40"}, "AAA"),
    (RuleKind.ISSUER, {"AAA": "30", "CCC": "10"}, "Issuer Alpha"),
    (RuleKind.SECTOR, {"AAA": "30", "CCC": "10"}, "Sector Tech"),
    (RuleKind.COUNTRY, {"AAA": "30", "CCC": "10"}, "Country US"),
    (RuleKind.ASSET_CLASS, {"AAA": "40"}, "Asset class Equity"),
]


@pytest.mark.parametrize(("kind", "values", "subject"), GROUPS)
def test_concentration_at_its_limit_passes_and_a_cent_above_does_not(
    kind: RuleKind, values: dict[str, str], subject: str
) -> None:
    at_limit = account("60", **values)
    (passed,) = judge_as_is(rule_of(kind, "0.4"), at_limit)
    assert (passed.outcome, passed.measure) == (Outcome.PASS, Decimal("0.4"))
    assert passed.reason == f"{subject} is 40 % {OF}, within the 40 % that rule {kind} allows."

    (blocked,) = judge_as_is(rule_of(kind, "0.4"), account("59.99", **values))
    assert blocked.outcome is Outcome.BLOCK
    assert blocked.reason == f"{subject} is 40.004 % {OF}, above the 40 % that rule {kind} allows."
    assert blocked.asset_ids == tuple(values)
    assert blocked.bound == Decimal("0.4")


@pytest.mark.parametrize("outcome", [Outcome.WARN, Outcome.HOLD, Outcome.BLOCK])
def test_a_violation_does_what_its_rule_says(outcome: Outcome) -> None:
    (found,) = judge_as_is(rule_of(RuleKind.ASSET, "0.4", outcome), account("10", AAA="90"))
    assert found.outcome is outcome


def test_every_group_beyond_the_limit_is_a_finding() -> None:
    found = judge_as_is(rule_of(RuleKind.ASSET, "0.3"), account("20", AAA="40", BBB="40"))
    assert [one.asset_ids for one in found] == [("AAA",), ("BBB",)]


def test_long_and_short_positions_of_a_group_are_added_up() -> None:
    (found,) = judge_as_is(rule_of(RuleKind.ISSUER, "0.5"), account("80", AAA="40", CCC="-20"))
    assert found.measure == Decimal("0.6")
    assert found.asset_ids == ("AAA", "CCC")


def test_only_and_except_say_what_counts() -> None:
    values = account("20", AAA="40", CCC="40")
    only = rule_of(RuleKind.ISSUER, "0.5", only={"asset_classes": ["BOND"]})
    left_out = rule_of(RuleKind.ISSUER, "0.5", **{"except": {"asset_classes": ["bond"]}})
    assert [one.measure for one in judge_as_is(only, values)] == [Decimal("0.4")]
    assert [one.asset_ids for one in judge_as_is(left_out, values)] == [("AAA",)]


def test_what_has_no_sector_passes_only_where_it_could_be_of_any() -> None:
    rule = rule_of(RuleKind.SECTOR, "0.5")
    (passed,) = judge_as_is(rule, account("50", AAA="30", XXX="20"))
    assert passed.reason == (
        f"Sector Tech together with XXX (sector not known) is 50 % {OF}, within the 50 % that rule "
        "sector_concentration allows."
    )
    assert passed.outcome is Outcome.PASS
    (held_up,) = judge_as_is(rule, account("49.99", AAA="30", XXX="20.01"))
    assert (held_up.outcome, held_up.measure, held_up.asset_ids) == (Outcome.HOLD, None, ("XXX",))
    assert held_up.reason == (
        "Rule sector_concentration cannot be measured against its limit of 50 %: the sector of XXX is not known, and "
        f"Sector Tech together with XXX would be 50.01 % {OF}."
    )


def test_what_has_no_sector_is_measured_alone_where_nothing_else_is_held() -> None:
    rule = rule_of(RuleKind.SECTOR, "0.5")
    assert [one.measure for one in judge_as_is(rule, account("60", XXX="40"))] == [Decimal("0.4")]
    assert [one.outcome for one in judge_as_is(rule, account("40", XXX="60"))] == [Outcome.HOLD]


def test_a_group_beyond_the_limit_is_reported_beside_what_is_not_known() -> None:
    found = judge_as_is(rule_of(RuleKind.SECTOR, "0.4"), account("0", AAA="50", BBB="30", XXX="20"))
    assert [(one.outcome, one.asset_ids) for one in found] == [
        (Outcome.BLOCK, ("AAA",)),
        (Outcome.HOLD, ("XXX",)),
    ]
    small = judge_as_is(rule_of(RuleKind.SECTOR, "0.4"), account("15", AAA="50", BBB="30", XXX="5"))
    assert [one.asset_ids for one in small] == [("AAA",)]


def test_an_unknown_class_counts_as_perhaps_named_by_only() -> None:
    rule = rule_of(RuleKind.ASSET, "0.3", only={"asset_classes": ["Equity"]})
    (found,) = judge_as_is(rule, account("60", XXX="40"))
    assert (found.outcome, found.measure) == (Outcome.HOLD, None)
    assert "the asset class of XXX is not known" in found.reason
    both = rule_of(RuleKind.SECTOR, "0.3", only={"asset_classes": ["Equity"]})
    (found,) = judge_as_is(both, account("60", XXX="40"))
    assert "the asset class or sector of XXX is not known" in found.reason


@pytest.mark.parametrize("kind", [RuleKind.ASSET, RuleKind.MINIMUM_CASH])
@pytest.mark.parametrize(
    ("holdings", "why"),
    [
        (account("10", AAA=None), "no price or rate of AAA is known"),
        (account(None, AAA="10"), "no price or rate of cash is known"),
        (account("-10", AAA="10"), "the account is worth 0 USD, of which nothing is a share"),
    ],
)
def test_a_share_of_an_unknown_value_is_not_measured(kind: RuleKind, holdings: Holdings, why: str) -> None:
    (found,) = judge_as_is(rule_of(kind, "0.5", Outcome.HOLD), holdings)
    assert (found.outcome, found.measure) == (Outcome.HOLD, None)
    assert found.reason.endswith(f"{why}.")
    assert "50 %" in found.reason


@pytest.mark.parametrize(
    ("says", "found"),
    [(Outcome.WARN, Outcome.WARN), (Outcome.HOLD, Outcome.HOLD), (Outcome.BLOCK, Outcome.HOLD)],
)
def test_what_cannot_be_measured_warns_or_holds_and_never_blocks(says: Outcome, found: Outcome) -> None:
    (one,) = judge_as_is(rule_of(RuleKind.ASSET, "0.5", says), account("10", AAA=None))
    assert one.outcome is found


def test_cash_at_its_minimum_passes_and_a_cent_below_does_not() -> None:
    rule = rule_of(RuleKind.MINIMUM_CASH, "0.02")
    (passed,) = judge_as_is(rule, account("2", AAA="98"))
    assert said((passed,)) == [("pass", f"Cash is 2 % {OF}, within the 2 % that rule minimum_cash asks for.")]
    (found,) = judge_as_is(rule, account("1.99", AAA="98.01"))
    assert (found.outcome, found.measure) == (Outcome.BLOCK, Decimal("0.0199"))
    assert found.reason == f"Cash is 1.99 % {OF}, below the 2 % that rule minimum_cash asks for."


def test_an_amount_of_cash_is_measured_in_its_currency() -> None:
    rule = rule_of(RuleKind.MINIMUM_CASH, "1500", currency="USD")
    assert [one.outcome for one in judge_as_is(rule, account("1500"))] == [Outcome.PASS]
    (found,) = judge_as_is(rule, account("1499.99", AAA="1"))
    assert found.reason == "Cash is 1,499.99 USD, below the 1,500 USD that rule minimum_cash asks for."
    (other,) = judge_as_is(rule_of(RuleKind.MINIMUM_CASH, "1500", currency="EUR"), account("9999"))
    assert (other.outcome, other.measure) == (Outcome.HOLD, None)
    assert "it is in EUR, and the account in USD" in other.reason
    (unknown,) = judge_as_is(rule, account(None))
    assert unknown.reason.endswith(" of 1,500 USD: the rate of a currency it holds is not known.")
    assert found.asset_ids == unknown.asset_ids == ()


def test_cash_below_zero_is_below_any_share_even_of_nothing() -> None:
    (found,) = judge_as_is(rule_of(RuleKind.MINIMUM_CASH, "0"), account("-20", AAA="10"))
    assert (found.outcome, found.measure) == (Outcome.BLOCK, None)
    assert "the account is worth -10 USD" in found.reason
    (short,) = judge_as_is(rule_of(RuleKind.MINIMUM_CASH, "0"), account("0.5", AAA="-10"))
    assert (short.outcome, short.measure) == (Outcome.HOLD, None)


def test_cash_is_measured_of_an_account_that_holds_nothing_else_or_no_cash() -> None:
    rule = rule_of(RuleKind.MINIMUM_CASH, "0.02")
    for holdings, measure in ((account("5"), 1), (account("0", AAA="5"), 0)):
        (found,) = judge_as_is(rule, holdings)
        assert found.measure == measure
        assert not found.asset_ids
    (nothing,) = judge_as_is(rule, account("0"))
    assert (nothing.outcome, nothing.measure) == (Outcome.PASS, Decimal(0))


@pytest.mark.parametrize(
    ("forbids", "acts"),
    [
        (["buy"], ["purchase"]),
        (["sell"], ["sale"]),
        (["hold"], ["position"]),
        (["buy", "sell", "hold"], ["purchase", "sale", "position"]),
    ],
)
def test_a_restricted_list_forbids_what_it_says(forbids: list[str], acts: list[str]) -> None:
    rule = rule_of(RuleKind.RESTRICTED, None, assets=["aaa"], forbids=forbids)
    found = judge_as_is(rule, account("0", AAA="50", BBB="50"), bought("AAA", "5"), bought("AAA", "-5", "-1"))
    assert [one.reason.split()[1] for one in found] == acts


def test_one_unit_of_what_is_restricted_is_beyond_the_limit_of_none() -> None:
    rule = rule_of(RuleKind.RESTRICTED, None, sectors=["tech"], forbids=["buy"])
    found = judge(rule, account("100", BBB="10"), bought("AAA", "5", "0.001"), bought("BBB", "5"))
    assert said(found) == [
        (
            "block",
            "The purchase of AAA (sector Tech) is 0.001 units, above the 0 units that rule restricted_list allows.",
        )
    ]
    assert [one.outcome for one in judge(rule, account("100"), bought("BBB", "5"))] == [Outcome.PASS]
    assert [one.outcome for one in judge(rule, account("9", AAA="9"), bought("AAA", "-5", "-1"))] == [
        Outcome.PASS
    ]


def test_nobody_knows_whether_an_asset_without_a_sector_is_restricted() -> None:
    rule = rule_of(RuleKind.RESTRICTED, None, sectors=["Tech"], forbids=["buy", "hold"])
    (found, held_too) = judge_as_is(rule, account("0", XXX="10"), bought("XXX", "5"))
    assert found.outcome is held_too.outcome is Outcome.HOLD
    assert found.reason == (
        "Rule restricted_list cannot be measured against its limit of 0 units: the sector of XXX is not known, so "
        "nobody can say whether it is on the list."
    )


def past(value: str | None, day: date) -> PastTrade:
    return PastTrade("AAA", day, None if value is None else Decimal(value))


@pytest.mark.parametrize(("counts", "most"), [("lesser", "0.1"), ("half", "0.15")])
def test_turnover_at_its_limit_passes_and_a_cent_more_does_not(counts: str, most: str) -> None:
    rule = rule_of(RuleKind.TURNOVER, most, days=30, counts=counts)
    before = (past("10", date(2025, 12, 4)), past("-20", DAY))
    (passed,) = judge_as_is(rule, account("100"), past_trades=before)
    assert (passed.outcome, passed.measure) == (Outcome.PASS, Decimal(most))
    more = bought("AAA", "0.01")
    (found,) = judge_as_is(rule, account("100"), more, past_trades=before)
    assert found.outcome is Outcome.BLOCK
    assert found.asset_ids == ("AAA",)
    percent = (Decimal(most) * 100).normalize()
    assert found.reason == (
        f"Turnover of 30 days is {percent + CENT:f} % {OF}, above the {percent:f} % that rule maximum_turnover allows."
    )


def test_turnover_counts_the_days_that_it_says_and_no_day_more() -> None:
    rule = rule_of(RuleKind.TURNOVER, "1", days=30, counts="half")
    for day, measure in ((date(2025, 12, 4), "0.1"), (date(2025, 12, 3), "0")):
        (found,) = judge_as_is(rule, account("100"), past_trades=(past("20", day),))
        assert found.measure == Decimal(measure), day


@pytest.mark.parametrize(
    ("holdings", "trades", "why"),
    [
        (account("100"), None, "no transaction of the account is known"),
        (account("100"), (past(None, DAY),), "the rate on the day of a trade of AAA is not known"),
        (account("0"), (past("1", DAY),), "the value of the account is not known, or not above 0"),
        (account(None), (past("1", DAY),), "the value of the account is not known, or not above 0"),
    ],
)
def test_turnover_of_an_unknown_past_is_not_measured(
    holdings: Holdings, trades: tuple[PastTrade, ...] | None, why: str
) -> None:
    (found,) = judge_as_is(
        rule_of(RuleKind.TURNOVER, "1", days=30, counts="half"), holdings, past_trades=trades
    )
    assert (found.outcome, found.measure) == (Outcome.HOLD, None)
    assert why in found.reason


VOLUMES = {"AAA": [Decimal(90), Decimal(110), Decimal(7)]}


@pytest.mark.parametrize(("quantity", "side"), [("10", "purchase"), ("-10", "sale")])
def test_a_trade_at_its_share_of_the_volume_passes_and_a_unit_more_does_not(quantity: str, side: str) -> None:
    rule = rule_of(RuleKind.LIQUIDITY, "0.1", sessions=2, of="trade")
    (passed,) = judge_as_is(rule, account("0"), bought("AAA", quantity, quantity), volumes=VOLUMES)
    assert (passed.outcome, passed.measure) == (Outcome.PASS, Decimal("0.1"))
    more = f"{Decimal(quantity) * Decimal('1.1')}"
    (found,) = judge_as_is(rule, account("0"), bought("AAA", more, more), volumes=VOLUMES)
    assert found.outcome is Outcome.BLOCK
    assert found.reason == (
        f"The {side} of 11 AAA is 11 % of its usual volume (2 sessions), above the 10 % that rule liquidity "
        "allows."
    )


def test_a_position_may_take_some_days_volume_to_sell() -> None:
    rule = rule_of(RuleKind.LIQUIDITY, "0.1", sessions=2, of="position")
    (passed,) = judge_as_is(rule, account("0", AAA="-50"), volumes=VOLUMES)
    assert (passed.outcome, passed.measure) == (Outcome.PASS, Decimal("0.1"))
    (found,) = judge_as_is(
        rule, Holdings("A-1", "USD", (held("AAA", "50", "10.5"),), Decimal(0)), volumes=VOLUMES
    )
    assert found.reason.startswith("The position of 10.5 AAA is 10.5 % of its usual volume")


def test_a_volume_that_is_not_known_or_none_is_no_pass() -> None:
    rule = rule_of(RuleKind.LIQUIDITY, "0.1", sessions=4, of="trade")
    (unknown,) = judge_as_is(rule, account("0"), bought("AAA", "5"), volumes=VOLUMES)
    assert (unknown.outcome, unknown.measure) == (Outcome.HOLD, None)
    assert "of AAA the volume of 3 sessions is known, and 4 are asked for" in unknown.reason
    none = {"AAA": [Decimal(0)] * 4}
    (beyond,) = judge_as_is(rule, account("0"), bought("AAA", "5"), volumes=none)
    assert (beyond.outcome, beyond.measure) == (Outcome.BLOCK, None)
    assert "nothing of AAA was traded in 4 sessions" in beyond.reason


OLD = Lot("old", "AAA", Decimal(10), Decimal(1000), date(2020, 1, 2), "A-1")
WASH = rule_of(RuleKind.WASH_SALE, None, days=30)


def newer(day: date, quantity: str = "10") -> Lot:
    return Lot("new", "AAA", Decimal(quantity), Decimal(900), day, "A-1")


@pytest.mark.parametrize(("day", "outcome"), [(date(2025, 12, 3), "block"), (date(2025, 12, 2), "pass")])
def test_a_loss_washed_by_what_was_bought_thirty_days_before_counts_and_thirty_one_does_not(
    day: date, outcome: str
) -> None:
    sale = bought("AAA", "-900", "-10", lots=(OLD,))
    (found,) = judge(WASH, account("0", AAA="1800"), sale, lots=(OLD, newer(day)))
    assert found.outcome.value == outcome
    if outcome == "block":
        assert found.measure == 100
        assert found.reason == (
            "The loss that the trades make and that does not count is 100 USD, above the 0 USD that rule wash_sale "
            "allows."
        )


def test_a_purchase_washes_what_was_sold_before() -> None:
    sold = Sale(OLD, date(2025, 12, 3), Decimal(900))
    purchase = bought("AAA", "450", "5")
    (found,) = judge(WASH, account("900"), purchase, lots=(OLD,), sales=(sold,))
    assert found.measure == 50
    assert found.asset_ids == ("AAA",)
    late = Sale(OLD, date(2025, 12, 2), Decimal(900))
    assert [one.measure for one in judge(WASH, account("900"), purchase, lots=(OLD,), sales=(late,))] == [
        Decimal(0)
    ]


def test_what_was_washed_before_the_trades_is_not_theirs() -> None:
    sold = Sale(OLD, date(2025, 12, 3), Decimal(900))
    lots = (OLD, newer(date(2025, 12, 4)))
    (found,) = judge(WASH, account("900"), bought("AAA", "450", "5"), lots=lots, sales=(sold,))
    assert (found.outcome, found.measure) == (Outcome.PASS, Decimal(0))


def test_costs_of_a_sale_are_part_of_its_loss_up_to_the_limit_in_money() -> None:
    sale = bought("AAA", "-950", "-10", cost=Decimal(50), lots=(OLD,))
    lots = (OLD, newer(DAY))
    for bound, outcome in (("100", Outcome.PASS), ("99.99", Outcome.BLOCK)):
        rule = rule_of(RuleKind.WASH_SALE, bound, days=30)
        assert [one.outcome for one in judge(rule, account("0", AAA="1800"), sale, lots=lots)] == [outcome]


def test_identical_assets_wash_each_other() -> None:
    other = Lot("new", "CCC", Decimal(10), Decimal(900), DAY, "A-1")
    sale = bought("AAA", "-900", "-10", lots=(OLD,))
    both = rule_of(RuleKind.WASH_SALE, None, days=30, identical=[["AAA", "CCC"]])
    assert [one.measure for one in judge(both, account("0", AAA="9"), sale, lots=(OLD, other))] == [
        Decimal(100)
    ]
    assert [one.measure for one in judge(WASH, account("0", AAA="9"), sale, lots=(OLD, other))] == [
        Decimal(0)
    ]


def test_a_sale_of_several_lots_shares_what_it_brings_among_them() -> None:
    cheap = Lot("cheap", "AAA", Decimal(10), Decimal(100), date(2020, 1, 3), "A-1")
    sale = bought("AAA", "-1500", "-20", lots=(OLD, cheap))
    lots = (OLD, cheap, newer(DAY))
    (found,) = judge(WASH, account("0", AAA="2250"), sale, lots=lots)
    assert found.measure == 250


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({}, "the lots of AAA are not known"),
        ({"no_lots": "account A-1 is kept by snapshots"}, "account A-1 is kept by snapshots"),
        ({"lots": (OLD,)}, "the lots of AAA are not known"),
    ],
)
def test_a_sale_of_unknown_lots_is_not_measured(facts: dict[str, Any], why: str) -> None:
    (found,) = judge(WASH, account("0", AAA="9"), bought("AAA", "-9", "-10"), **facts)
    assert (found.outcome, found.measure, found.asset_ids) == (Outcome.HOLD, None, ("AAA",))
    assert why in found.reason


# ── Before and after ────────────────────────────────────────────────────────────────────────────────────

CAP = rule_of(RuleKind.ASSET, "0.4")


def test_trades_that_go_beyond_a_limit_are_blocked() -> None:
    (found,) = judge(CAP, account("60", AAA="40"), bought("AAA", "0.01"))
    assert found.outcome is Outcome.BLOCK


@pytest.mark.parametrize(
    ("trade", "outcome"), [("-5", Outcome.WARN), ("0", Outcome.WARN), ("0.01", Outcome.BLOCK)]
)
def test_what_was_beyond_the_limit_may_be_eased_and_not_made_worse(trade: str, outcome: Outcome) -> None:
    (found,) = judge(CAP, account("50", AAA="50"), bought("AAA", trade))
    assert found.outcome is outcome


def test_the_reason_says_where_it_was() -> None:
    (found,) = judge(CAP, account("50", AAA="50"), bought("AAA", "-5", "-1"))
    assert found.reason == (
        f"AAA is 45 % {OF}, above the 40 % that rule asset_concentration allows; it was 50 % before the trades, which "
        "do not make it worse."
    )


def test_cash_that_was_short_may_grow_and_not_shrink() -> None:
    rule = rule_of(RuleKind.MINIMUM_CASH, "0.1")
    for trade, outcome in (("-1", Outcome.WARN), ("0.01", Outcome.BLOCK)):
        (found,) = judge(rule, account("5", AAA="95"), bought("AAA", trade, "-1" if trade == "-1" else "1"))
        assert found.outcome is outcome


def test_another_group_than_before_is_not_eased() -> None:
    before = account("50", AAA="50")
    (found,) = judge(CAP, before, bought("AAA", "-50", "-10"), bought("BBB", "45"))
    assert (found.outcome, found.asset_ids) == (Outcome.BLOCK, ("BBB",))


def test_what_could_not_be_measured_before_warns_where_none_of_it_is_added() -> None:
    rule = rule_of(RuleKind.LIQUIDITY, "0.1", sessions=2, of="position")
    before = account("50", XXX="50")
    for quantity, outcome in (("-1", Outcome.WARN), ("1", Outcome.HOLD)):
        assert [one.outcome for one in judge(rule, before, bought("XXX", quantity, quantity))] == [outcome]


def test_a_position_that_may_be_restricted_may_shrink_and_not_grow() -> None:
    rule = rule_of(RuleKind.RESTRICTED, None, sectors=["Tech"], forbids=["hold"])
    for quantity, outcome in (("-1", Outcome.WARN), ("1", Outcome.HOLD)):
        found = judge(rule, account("50", XXX="50"), bought("XXX", quantity, quantity))
        assert [one.outcome for one in found] == [outcome]


def test_where_nothing_is_traded_nothing_is_held_up() -> None:
    (found,) = judge(rule_of(RuleKind.SECTOR, "0.1"), account("0", XXX="50"))
    assert (found.outcome, found.measure) == (Outcome.WARN, None)


def test_a_rule_with_nothing_to_measure_passes_and_says_so() -> None:
    assert judge_as_is(CAP, account("0")) == (
        Finding(
            rule_id="asset_concentration",
            rule_version=1,
            outcome=Outcome.PASS,
            measure=Decimal(0),
            bound=Decimal("0.4"),
            asset_ids=(),
            reason="Rule asset_concentration, with a limit of 40 %, finds nothing to measure: 0.",
        ),
    )


def test_rules_answer_in_their_order_and_the_worst_counts() -> None:
    rules = [rule_of(RuleKind.ASSET, "0.4", Outcome.WARN), rule_of(RuleKind.MINIMUM_CASH, "0.5")]
    holdings = account("40", AAA="60")
    found = check_rules(rules, None, holdings, (), Facts(day=DAY))
    assert [one.rule_id for one in found] == ["asset_concentration", "minimum_cash"]
    assert worst(found) is Outcome.BLOCK
    assert worst(found[:1]) is Outcome.WARN


def test_a_finding_names_its_rule_and_version() -> None:
    (found,) = judge_as_is(CAP, account("50", AAA="50"))
    assert (found.rule_id, found.rule_version) == ("asset_concentration", 1)
