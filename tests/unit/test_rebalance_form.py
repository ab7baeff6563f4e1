"""The form of the page of targets: what is typed, and what was asked before."""

from decimal import Decimal
from typing import Any

import pytest

from steelyard.domain.lot import LotMethod
from steelyard.rebalancing.options import BandRule, Mode, Untargeted
from steelyard.server.form import Form
from steelyard.services.allocation_inputs import Asked
from steelyard.statements.policy import read_policy
from steelyard.storage.account_information import AccountRow
from steelyard.web.rebalance_form import (
    Wanted,
    first_form,
    form_of,
    lost_options,
    read_wanted,
    with_rest_in_cash,
)
from steelyard.web.region import find_region

US, DE = find_region("en-US"), find_region("de-DE")
MODEL = {"AAA": Decimal("0.6"), "USD": Decimal("0.4")}
ACCOUNT = AccountRow(
    *("A", "An account", "USD", None, None, "M", "M", None, "ledger", "fifo", False, False), *(None,) * 4
)


def wanted(region: Any = US, **typed: str) -> Wanted:
    fields = {"t.AAA": "60", "t.USD": "40"} | {name.replace("__", "."): text for name, text in typed.items()}
    form = Form({name: (text,) for name, text in fields.items()})
    return read_wanted(form, region, ACCOUNT, MODEL, has_market=False)


def test_the_targets_of_the_model_are_no_targets_of_ones_own() -> None:
    asked = wanted().asked
    assert asked is not None
    assert asked.targets is None


def test_other_targets_are_exact_fractions() -> None:
    found = wanted(t__AAA="33.333", t__USD="66.667")
    assert found.asked is not None
    assert found.asked.targets == {"AAA": Decimal("0.33333"), "USD": Decimal("0.66667")}
    assert found.total == 1


def test_a_target_of_nothing_sells_and_an_empty_one_leaves_alone() -> None:
    sold, left = wanted(t__BBB="0").asked, wanted(t__BBB="").asked
    assert sold is not None
    assert left is not None
    assert sold.targets == MODEL | {"BBB": Decimal(0)}
    assert left.targets is None


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("t__AAA", "101", "from 0 to 100"),
        ("t__AAA", "-1", "from 0 to 100"),
        ("band", "-1", "not below 0"),
        ("spread", "200", "at most 100"),
        ("mode", "gamble", "not one of the choices"),
        ("hold", "AAA a\x1bb", ""),
        ("investment", "1,000", ""),
    ],
)
def test_what_cannot_be_used_stands_by_its_field(name: str, text: str, fault: str) -> None:
    found = wanted(**{name: text})
    assert found.asked is None
    assert fault in found.faults[name.replace("__", ".")]


def test_tax_needs_its_rates() -> None:
    assert wanted(tax="yes", short_rate="30").faults.keys() == {"long_rate", "years"}


def test_what_was_asked_comes_back_as_the_form_that_asks_for_it() -> None:
    typed = {
        "t__AAA": "50",
        "t__USD": "50",
        "investment": "-250.5",
        "mode": "tax_aware",
        "untargeted": "sell",
        "band": "2",
        "band_rule": "edge",
        "units": "3",
        "minimum": "100",
        "floor": "10",
        "fee": "1.5",
        "spread": "0.1",
        "no_buy": "CCC, BBB",
        "tax": "yes",
        "short_rate": "30",
        "long_rate": "15",
        "years": "1",
        "method": "hifo",
        "wash_days": "30",
        "stale_reason": "it is a holiday",
    }
    asked = wanted(**typed).asked
    assert asked is not None
    policy = asked.policy
    assert (policy.mode, policy.untargeted) == (Mode.TAX_AWARE, Untargeted.SELL)
    assert policy.band is not None
    assert (policy.band.absolute, policy.band.rule) == (Decimal("0.02"), BandRule.EDGE)
    assert policy.tax is not None
    assert (policy.tax.short_rate, policy.tax.method) == (Decimal("0.30"), LotMethod.HIFO)
    assert asked.investment_amount == Decimal("-250.5")
    for region in (US, DE):
        again = read_wanted(form_of(asked, MODEL, region), region, ACCOUNT, MODEL, has_market=False).asked
        assert again is not None
        assert (again.targets, again.investment_amount) == (asked.targets, asked.investment_amount)
        assert sorted(again.policy.locks.no_buy) == ["BBB", "CCC"]
        assert (again.policy.band, again.policy.tax) == (policy.band, policy.tax)
        assert (again.policy.costs, again.policy.trading) == (policy.costs, policy.trading)
        assert lost_options(asked, region) == []


def test_what_was_asked_and_has_no_field_is_named() -> None:
    table = {
        "objective": "l1",
        "cash": {"floor": "10.50", "retain_at_least": "5"},
        "trading": {"places": 2, "minimum_value": {"AAA": "7"}},
        "locks": {"no_buy": ["CCC", "BBB"], "substitutes": {"CCC": "AAA"}},
        "band": {"relative": "0.2"},
    }
    asked = Asked(account_id="A", policy=read_policy(table, "a test"))
    assert lost_options(asked, US) == [
        "band relative",
        "band rule",
        "cash retain at least",
        "locks substitutes",
        "objective",
        "trading minimum value",
        "trading places",
    ]
    form = form_of(asked, MODEL, US)
    assert read_wanted(form, US, ACCOUNT, MODEL, has_market=False).faults == {}


def test_the_band_is_drawn_where_everything_is_traded() -> None:
    found = read_wanted(first_form(MODEL, DE), DE, ACCOUNT, MODEL, has_market=False)
    assert found.band == Decimal("0.01")
    assert found.asked is not None
    assert found.asked.policy.band is None


def test_the_rest_goes_into_cash_and_never_below_nothing() -> None:
    assert with_rest_in_cash(wanted(t__AAA="12.5"), "USD", DE).text("t.USD") == "87,5"
    assert with_rest_in_cash(wanted(t__AAA="90", t__BBB="20"), "USD", US).text("t.USD") == "0"
