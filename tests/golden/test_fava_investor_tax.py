"""The published tax cases of fava_investor (GPL-3.0, facts only): which lots could be harvested, and what is recent.

Its asset allocation by class is covered by the models of portfolios; each of those cases says so here.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest

from published import Case, Reason, Skip, load_suite
from steelyard.domain.lot import MORE_THAN_ONE_YEAR, Lot, LotMethod
from steelyard.rebalancing.harvest import find_harvestable
from steelyard.rebalancing.tax import read_tax, recent_purchases
from steelyard.rebalancing.tax_rules import TaxRules, WashRules

SUITE = load_suite("fava_investor_tax")
CASES: dict[str, Case] = {case["id"]: case for case in SUITE["cases"]}
TODAY = date(2024, 6, 3)
TAXABLE = "Assets:Investments:Taxable"


BY_CLASS = Skip(Reason.OUT_OF_SCOPE, "sums a ledger by asset class")

SKIPPED = {case_id: BY_CLASS for case_id in CASES if case_id.startswith("assetalloc_class.")}


@dataclass(frozen=True)
class Ledger:
    """The one purchase and the one price of a case; `{m100}` is 100 days ago."""

    lot: Lot
    price: Decimal

    @classmethod
    def read(cls, text: str) -> "Ledger":
        bought = re.search(
            r"\{m(?P<ago>\d+)\} \* .*\n (?P<account>\S+) (?P<units>\d+) (?P<asset>\w+) \{\{(?P<cost>\d+) USD",
            text,
        )
        price = re.search(r"price \w+ (\d+) USD", text)
        assert bought
        assert price
        units = Decimal(bought["units"])
        lot = Lot(
            "1",
            bought["asset"],
            units,
            units * Decimal(bought["cost"]),
            TODAY - timedelta(days=int(bought["ago"])),
            bought["account"],
        )
        return cls(lot, Decimal(price[1]))


def published(case: Case, what: str) -> int:
    """Return the count a case asserts of something; `([], [])` says that there are no recent purchases."""
    checks = " ".join(case["checks"])
    if found := re.search(rf"assertEqual\((\d+), len\({what}\)\)", checks):
        return int(found[1])
    assert "assertEqual(([], []), recents)" in checks
    return 0


@pytest.mark.parametrize("case_id", sorted(CASES.keys() - SKIPPED.keys()))
def test_the_published_lots_could_be_harvested(case_id: str) -> None:
    case = CASES[case_id]
    ledger = Ledger.read(case["ledger"])
    is_taxable = ledger.lot.account_id.startswith(TAXABLE)
    taxation = read_tax(
        TaxRules(
            trade_date=TODAY,
            short_rate="0.37",
            long_rate="0.20",
            holding=MORE_THAN_ONE_YEAR,
            method=LotMethod.FIFO,
            lots=[ledger.lot] if is_taxable else [],
            wash=WashRules(days=30, other_lots=[] if is_taxable else [ledger.lot]),
            harvest_above="0.01",
        )
    )

    to_sell = find_harvestable(taxation, {ledger.lot.asset_id: ledger.price})

    recent = {lot.lot_id for found in to_sell for lot in recent_purchases(found.lot.asset_id, taxation)}
    assert len(to_sell) == published(case, "to_sell")
    assert len(recent) == published(case, "recent_purchases")


def test_every_case_is_run_or_has_its_reason() -> None:
    assert sorted(CASES.keys() - SKIPPED.keys()) == [
        "tlh.test_harvestable_basic",
        "tlh.test_no_relevant_accounts",
        "tlh.test_wash",
    ]
    assert len(CASES) == 6
