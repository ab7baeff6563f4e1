"""How limits and measures of rules are said: exactly enough to be told apart."""

from decimal import Decimal
from fractions import Fraction

import pytest

from ruled import account, bought, judge_as_is, rule_of
from steelyard.compliance.check import limit_words
from steelyard.compliance.holdings import Holdings
from steelyard.compliance.measure import Measure, words_for
from steelyard.compliance.rule import Rule, RuleKind


def test_a_measure_never_reads_as_its_limit_where_it_is_beyond_it() -> None:
    trace = Decimal("1E-20")
    rule = rule_of(RuleKind.MINIMUM_CASH, "100", currency="USD")
    (found,) = judge_as_is(rule, Holdings("A-1", "USD", (), 100 - trace))
    assert found.reason == "Cash is a trace under 100 USD, below the 100 USD that rule minimum_cash asks for."


def test_a_trace_of_what_is_restricted_is_said_to_be_one() -> None:
    rule = rule_of(RuleKind.RESTRICTED, None, assets=["AAA"], sectors=["Energy"], forbids=["buy"])
    (found,) = judge_as_is(rule, account("9"), bought("AAA", "1", "1E-20"))
    assert found.reason == (
        "The purchase of AAA is a trace over 0 units, above the 0 units that rule restricted_list allows."
    )


@pytest.mark.parametrize(
    ("amount", "words"),
    [("1200", "120,000 %"), ("0.1", "10 %"), ("0.12346", "12.35 %"), ("-0.000001", "0 %"), ("-0.5", "-50 %")],
)
def test_a_fraction_is_said_in_percent_without_idle_zeros(amount: str, words: str) -> None:
    any_measure = Measure(key="", subject="", amount=Fraction(0), of="", asset_ids=())
    assert words_for(Fraction(amount), any_measure) == words


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (rule_of(RuleKind.SECTOR, "0.4"), "40 %"),
        (rule_of(RuleKind.TURNOVER, "1.5", days=30, counts="half"), "150 %"),
        (rule_of(RuleKind.RESTRICTED, None, assets=["AAA"], forbids=["buy"]), "0 units"),
        (rule_of(RuleKind.WASH_SALE, None, days=30), "0 of the base currency"),
        (rule_of(RuleKind.WASH_SALE, "2500", days=30), "2,500 of the base currency"),
        (rule_of(RuleKind.MINIMUM_CASH, "1500", currency="USD"), "1,500 USD"),
        (rule_of(RuleKind.MINIMUM_CASH, "0"), "0 %"),
    ],
)
def test_the_limit_of_a_rule_is_said_in_its_unit(rule: Rule, words: str) -> None:
    assert limit_words(rule) == words
