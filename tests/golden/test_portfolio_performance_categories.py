"""The published categories of Portfolio Performance: any share of any cell, summed.

A taxonomy assigns shares of assets and accounts to categories. A category is then a sum of cells with weights, and
what flows into it is the same sum of flows: a purchase by an account that belongs to it by half, of an asset that
belongs to it by a third, is a sale of a sixth of the price to the world outside. Taxes are no part of its return.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Final

import numpy as np
import pytest

from books import shared
from ecb import euro_rates
from portfolio_performance_file import ClientFile, Weights, read_client_file
from portfolio_performance_values import Expected, expectations
from priced_ledger import PricedLedger
from published import Case, load_suite
from steelyard.analytics.observations import FloatArray
from steelyard.analytics.price_table import BoolArray
from steelyard.analytics.valuation import Valuation, cells_of, value_groups
from steelyard.domain.transaction import Transaction

SUITE = load_suite("portfolio_performance_scenarios")
CASES: dict[str, Case] = {case["id"]: case for case in SUITE["cases"]}

LAST_DAY: Final = date(2012, 1, 31)
LEFT_OUT: Final = {
    "hasSize": "counts rows of its own bookkeeping",
    ".size()": "counts rows of its own bookkeeping",
    "TRANSFER_OUT": "is the other side of a TRANSFER_IN, which is asserted",
}

# Taxonomy and category of each Java variable.
CATEGORIES: Final = {
    "ClassificationTestCase.testCase3_Security30Account50": {"": ("case_3", "subcategory")},
    "ClassificationTestCase.testCase4_TwoAccountsEach100Percent": {"": ("case_4", "category")},
    "ClassificationTestCase.testCase5_Account70Account30": {"": ("case_5", "category")},
    "ClassificationTestCase.testCase8_Security100Account30_SecurityTransfer": {"": ("case_8", "category")},
    "ClassificationTestCase.testCase9_Security100Account30_SecuritySold": {"": ("case_9", "category")},
    "ClassificationTestCase.testCase11_ForexSecurity100_ForexAccountTransfers": {"": ("case_11", "category")},
    "SecurityTaxAndFeeAccountTransactionsTestCase.checkTaxonomyWihtAccountOnlyAssignment": {
        "": ("case_account_classification", "category_account")
    },
    "SecurityTaxAndFeeAccountTransactionsTestCase.checkTaxonomyWihtSecurityAndAccountAssignment": {
        "txa1": ("case_full_classification_adidas_with_account", "category_security"),
        "": ("case_partial_classification_adidas_with_account", "category_security"),
    },
}


@cache
def read(name: str) -> tuple[ClientFile, PricedLedger]:
    file = read_client_file(shared(f"vectors/inputs/{name}"))
    return file, PricedLedger(
        file.transactions, file.quotes, file.currencies, euro_rates(date(2014, 12, 31), date(2015, 1, 16))
    )


@dataclass(frozen=True)
class Moved:
    """What a row of the file moved in a category.

    Attributes:
        net: into the category; negative = out of it.
        within: from one of its cells to another.
        of_assets: into or out of its assets.
    """

    net: float
    within: float
    of_assets: float

    def amount(self, kind: str) -> float:
        """The amount that the file's program books in a category, by the kind it gives it."""
        if kind in {"DEPOSIT", "DELIVERY_INBOUND"}:
            return self.net
        if kind in {"REMOVAL", "DELIVERY_OUTBOUND"}:
            return -self.net
        return self.within if kind in {"BUY", "SELL", "TRANSFER_IN"} else self.of_assets


@dataclass(frozen=True)
class Category:
    """Shares of assets and accounts of a ledger."""

    ledger: PricedLedger
    shares: Weights

    def by_cell(
        self, transactions: Iterable[Transaction], dates: list[date]
    ) -> tuple[Valuation, FloatArray, BoolArray]:
        """Value every cell by itself; give the share of each, and whether it is of an asset."""
        lines = self.ledger.columns(transactions)
        cells = cells_of(lines)
        names = self.ledger.names(cells)
        is_asset = np.array([commodity in self.ledger.quotes for _, commodity in names])
        vehicles = np.where(
            is_asset, [commodity for _, commodity in names], [account for account, _ in names]
        )
        valued = value_groups(
            lines,
            self.ledger.table(dates),
            cells=cells,
            groups=np.arange(len(cells)),
            after_fees=True,
            after_taxes=False,
        )
        return valued, np.array([float(self.shares.get(name, 0)) for name in vehicles]), is_asset

    def total(self, day: date) -> float:
        """The value at the end of a day."""
        valued, shares, _ = self.by_cell(self.ledger.transactions, [day])
        return float(valued.values[-1] @ shares)

    def moved(self, row: Sequence[Transaction]) -> Moved:
        """What a row moved, in the currency that it is booked in."""
        day = row[0].trade_date
        in_its_currency = replace(self, ledger=self.ledger.at_rate(lambda *_: Decimal(1)))
        valued, shares, is_asset = in_its_currency.by_cell(row, [day - timedelta(days=1), day])
        flows = valued.flows[1] * shares
        came, went = flows[flows > 0].sum(), -flows[flows < 0].sum()
        return Moved(float(came - went), float(min(came, went)), float(abs(flows[is_asset].sum())))

    def rows_of(self, day: date) -> list[list[Transaction]]:
        """Return the rows of a day, each with all that it consists of."""
        booked = sorted(
            (one for one in self.ledger.transactions if one.trade_date == day),
            key=lambda one: one.transaction_id,
        )
        return [list(row) for _, row in groupby(booked, key=lambda one: one.transaction_id.partition(".")[0])]


def category(case_id: str, subject: str) -> Category:
    """Return the category that a Java variable of a case is of."""
    file, ledger = read(CASES[case_id]["xml"][0])
    names = CATEGORIES[case_id]
    taxonomy, name = names.get(subject, names[""])
    return Category(ledger, file.taxonomies[taxonomy][name])


def is_booked(expected: Expected, measured: Category) -> bool:
    """Whether some row of the day moved in the category what is stated."""
    stated = re.findall(r"parse\(\"(\d{4}-\d\d-\d\d)T|Transaction\.Type\.(\w+)", expected.what)
    day, kind = date.fromisoformat(stated[0][0]), stated[1][1]
    return any(expected.is_met(measured.moved(row).amount(kind)) for row in measured.rows_of(day))


def units_moved(expected: Expected, measured: Category) -> Decimal:
    """Count the units of the category's assets traded on the day stated."""
    day = date.fromisoformat(re.findall(r"parse\(\"(\d{4}-\d\d-\d\d)T", expected.what)[0])
    rows = (one for row in measured.rows_of(day) for one in row)
    return sum((one.quantity for one in rows if one.asset_id in measured.shares), Decimal(0))


def is_met(case_id: str, expected: Expected) -> bool:
    subject = expected.what.partition(",")[0]
    measured = category(case_id, subject)
    if "getTotals" in expected.what:
        return expected.is_met(measured.total(LAST_DAY))
    if "getShares" in expected.what:
        return expected.is_met(units_moved(expected, measured))
    return is_booked(expected, measured)


@pytest.mark.parametrize("case_id", CATEGORIES)
def test_a_category_moves_and_holds_what_is_published(case_id: str) -> None:
    stated = [one for one in expectations(CASES[case_id]) if not any(part in one.what for part in LEFT_OUT)]

    assert stated
    assert [one for one in stated if not is_met(case_id, one)] == []
