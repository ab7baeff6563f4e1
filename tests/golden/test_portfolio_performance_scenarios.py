"""The published scenarios of Portfolio Performance (EPL-1.0, facts only): whole client files through the whole engine.

Client file → transactions → postings, lots, values and flows → every figure that a case states. Taxonomies with shares
are in test_portfolio_performance_categories.py. Left out within cases that run, for want of a published fact or since
our convention is another one: see LEFT_OUT.
"""

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Final

import numpy as np
import pytest

from books import SHARED_DATA, shared
from ecb import euro_rates
from portfolio_performance_file import ClientFile, read_client_file
from portfolio_performance_record import EVERYWHERE, Record, is_open
from portfolio_performance_values import expectations
from posting_columns import post
from priced_ledger import PricedLedger, calendar
from published import Case, Reason, Skip, load_suite, runs
from steelyard.analytics.risk import volatility
from steelyard.domain.ledger import replay
from steelyard.domain.lot import LotMethod
from steelyard.domain.posting import Place
from steelyard.domain.transaction import find_fault

SUITE = load_suite("portfolio_performance_scenarios")
CASES: dict[str, Case] = {case["id"]: case for case in SUITE["cases"]}

FILE_FORMAT = Skip(
    Reason.OUT_OF_SCOPE, "reads the classification tree of a client file, and no transaction, price or figure"
)
SKIPPED = {
    "IssueMigrationOfClassificationKeysTest.testMigrationOfClassificationKeys": FILE_FORMAT,
    "IssueUmarshallingArraysArrayListTest.testMigrationOfClassificationKeys": FILE_FORMAT,
}

LEFT_OUT: Final = {
    "client.getPortfolios().size()": "counts what its file holds",
    "client.getAccounts().size()": "counts what its file holds",
    "index.getDates()[index.getDates().length - 1]": "says where its own series ends: on the day asked for",
    "payment.getPersonalDividendYieldMovingAverage()": "measures each payment on the cost of its day; not offered",
    "record.getDrawdown().getMaxDrawdownDuration().getDays()": "counts from the first day at a peak, ours the last",
    "record.getLineItems().size()": "counts rows of its own bookkeeping",
    "record.getRateOfReturnPerYear()": "measures each payment on the cost of its day; not offered",
    "snapshot.getRecords().size()": "counts rows of its own bookkeeping",
}
"""Assertions within cases that run, each with the reason."""

LOST: Final = {"endvalue"}
"""Java variables whose value the extraction lost."""

# Their converter knows the rates of these days only, and goes on with the first and the last.
RATES: Final = euro_rates(date(2014, 12, 31), date(2015, 1, 16))


@cache
def client(name: str) -> tuple[ClientFile, PricedLedger]:
    """Read a client file; before its first quote an asset counts at that quote."""
    file = read_client_file(shared(f"vectors/inputs/{name}"))
    quotes = {
        asset: {date.min: known[min(known)], **known} if known else {} for asset, known in file.quotes.items()
    }
    return file, PricedLedger(file.transactions, quotes, file.currencies, RATES)


def scope(case_id: str, asset: str, first: str, last: str, portfolio: int | None = None) -> Record:
    """Choose what a case measures: an asset by name, everywhere or in one portfolio; "" = the whole client."""
    file, ledger = client(CASES[case_id]["xml"][0])
    accounts = EVERYWHERE if portfolio is None else frozenset({file.portfolios[portfolio]})
    return Record(
        ledger,
        file.find(asset) if asset else "",
        date.fromisoformat(first),
        date.fromisoformat(last),
        accounts,
    )


FIFO, AVERAGE = LotMethod.FIFO, LotMethod.AVERAGE
Figure = Callable[[Record], object]

RECORD: Final[dict[str, Figure]] = {
    "getSharesHeld()": lambda it: it.shares().scaleb(8),
    "getMarketValue()": lambda it: it.market_value,
    "getQuote()": lambda it: it.market_value / it.shares(),
    "getCost(CostMethod.FIFO, TaxesAndFees.INCLUDED)": lambda it: it.cost(FIFO, with_costs=True),
    "getCost(CostMethod.MOVING_AVERAGE, TaxesAndFees.INCLUDED)": lambda it: it.cost(AVERAGE, with_costs=True),
    "getCostPerSharesHeld(CostMethod.FIFO, TaxesAndFees.NOT_INCLUDED)": lambda it: (
        it.cost(FIFO, with_costs=False) / it.shares()
    ),
    "getFees()": lambda it: it.sum_of(it.lots(FIFO, with_costs=True).fees),
    "getTaxes()": lambda it: it.sum_of(it.lots(FIFO, with_costs=True).taxes),
    "getDelta()": lambda it: it.gain,
    "getDeltaPercent()": lambda it: it.gain_on_purchases,
    "getCapitalGainsOnHoldings(CostMethod.FIFO)": lambda it: it.unrealised(FIFO, with_costs=True),
    "getCapitalGainsOnHoldings(CostMethod.MOVING_AVERAGE)": lambda it: it.unrealised(
        AVERAGE, with_costs=True
    ),
    "getCapitalGainsOnHoldingsPercent(CostMethod.FIFO)": lambda it: (
        it.unrealised(FIFO, with_costs=True) / it.cost(FIFO, with_costs=True)
    ),
    "getCapitalGainsOnHoldingsPercent(CostMethod.MOVING_AVERAGE)": lambda it: (
        it.unrealised(AVERAGE, with_costs=True) / it.cost(AVERAGE, with_costs=True)
    ),
    "getIrr()": lambda it: it.money_weighted,
    "getTrueTimeWeightedRateOfReturn()": lambda it: it.time_weighted,
    "getTrueTimeWeightedRateOfReturnAnnualized()": lambda it: it.time_weighted_annual,
    "getDrawdown().getMaxDrawdown()": lambda it: it.deepest_fall,
    "getVolatility().getStandardDeviation()": lambda it: it.volatility,
    "getVolatility().getSemiDeviation()": lambda it: it.semivolatility,
    "getSumOfDividends()": lambda it: it.sum_of(it.dividends),
    "getDividendEventCount()": lambda it: len(it.dividends),
    "getLastDividendPayment()": lambda it: max(one.day for one in it.dividends),
    "getTotalRateOfReturnDiv(CostMethod.FIFO)": lambda it: (
        it.sum_of(it.dividends) / it.cost(FIFO, with_costs=True)
    ),
    "getTotalRateOfReturnDiv(CostMethod.MOVING_AVERAGE)": lambda it: (
        it.sum_of(it.dividends) / it.cost(AVERAGE, with_costs=True)
    ),
    "getRealizedCapitalGains(CostMethod.FIFO).getCapitalGains()": lambda it: it.realised_gain(FIFO),
    "getRealizedCapitalGains(CostMethod.MOVING_AVERAGE).getCapitalGains()": lambda it: it.realised_gain(
        AVERAGE
    ),
    "getUnrealizedCapitalGains(CostMethod.FIFO).getCapitalGains()": lambda it: it.unrealised_gain(FIFO),
    "getUnrealizedCapitalGains(CostMethod.MOVING_AVERAGE).getCapitalGains()": lambda it: it.unrealised_gain(
        AVERAGE
    ),
}
CLIENT: Final[dict[str, Figure]] = {
    "getValue(CategoryType.INITIAL_VALUE)": lambda it: it.values[0],
    "getValue(CategoryType.FINAL_VALUE)": lambda it: it.values[-1],
    "getValue(CategoryType.TRANSFERS)": lambda it: it.taxed.flows.sum(),
    "getValue(CategoryType.CAPITAL_GAINS)": lambda it: it.unrealised_gain(FIFO),
    "getValue(CategoryType.REALIZED_CAPITAL_GAINS)": lambda it: it.realised_gain(FIFO),
    "getValue(CategoryType.EARNINGS)": lambda it: it.sum_of(it.lots(FIFO, with_costs=True).income),
    "getValue(CategoryType.FEES)": lambda it: it.sum_of(it.lots(FIFO, with_costs=True).fees),
    "getValue(CategoryType.TAXES)": lambda it: it.sum_of(it.lots(FIFO, with_costs=True).taxes),
    "getValue(CategoryType.CURRENCY_GAINS)": lambda it: it.currency_gain,
}
# What a case measures: the asset, the end of the day at which the period begins, its last day, and the number of the
# portfolio where it is one alone.
RECORDS: Final[dict[str, tuple[str, str, str, int | None]]] = {
    "Issue1498FifoCrossPortfolioTest.testPurchaseValueOfSecurityPositionWithTransfers": (
        "Deutsche Lufthansa AG",
        "2018-12-31",
        "2019-12-31",
        None,
    ),
    "Issue1879DividendRateOfReturnPerYearWithSecurityInMultipleAccountsTest."
    "testPurchaseValueOfSecurityPositionWithTransfers": (
        "Public Joint Stock Company Gazprom",
        "2019-12-31",
        "2020-12-31",
        None,
    ),
    "Issue672CapitalGainsIfSecurityIsTransferredTest.testPurchaseValueOfSecurityPositionWithTransfers": (
        "BASF SE",
        "2016-01-01",
        "2017-01-01",
        1,
    ),
    "SecurityTaxAndFeeAccountTransactionsTestCase.testAdidas": (
        "Adidas AG",
        "2016-12-31",
        "2017-01-31",
        None,
    ),
    "SecurityTestCase.testSecurityPerformanceWithMissingHistoricalQuotes": (
        "Basf SE",
        "2013-12-04",
        "2014-12-04",
        None,
    ),
}
NO_RETURN: Final = (
    "Issue672CapitalGainsIfSecurityIsTransferredTest.testPurchaseValueOfSecurityPositionWithTransfers"
)
"""The one day that it measures is a Sunday: volatility without a return is 0 there and NaN here."""


def unmet(
    case_id: str, subject: str, figures: dict[str, Figure], measured: Record, rounded: int = 1
) -> list[str]:
    """Compute every figure that a case states of a subject, and say which are others.

    Args:
        case_id: the case.
        subject: the Java variable that the figures are of.
        figures: how each is computed.
        measured: of what.
        rounded: how many amounts, each rounded to a cent there, a sum may consist of.
    """
    stated = [one for one in expectations(CASES[case_id]) if one.what.startswith(subject)]
    judged = [
        one
        for one in stated
        if one.what not in LEFT_OUT
        and one.text not in LOST
        and not (case_id == NO_RETURN and "Vol" in one.what)
    ]
    assert judged
    answers = [(one, figures[one.what.removeprefix(subject)](measured)) for one in judged]
    return [
        f"{one.what}: {answer}, not {one.text}" for one, answer in answers if not one.is_met(answer, rounded)
    ]


@pytest.mark.parametrize("case_id", RECORDS)
def test_the_record_of_an_asset_says_what_is_published(case_id: str) -> None:
    assert unmet(case_id, "record.", RECORD, scope(case_id, *RECORDS[case_id])) == []


def test_a_volatility_without_a_return_is_not_known() -> None:
    assert math.isnan(scope(NO_RETURN, *RECORDS[NO_RETURN]).volatility)


@runs("ClientPerformanceSnapshotTestCase.testClientPerformanceSnapshot")
def test_a_client_of_two_currencies_gains_what_is_published() -> None:
    case_id = "ClientPerformanceSnapshotTestCase.testClientPerformanceSnapshot"

    assert (
        unmet(case_id, "performance.", CLIENT, scope(case_id, "", "2015-01-02", "2015-01-14"), rounded=2)
        == []
    )


def test_fifo_within_portfolios_gives_the_gains_of_the_client() -> None:
    case_id = "Issue1498FifoCrossPortfolioTest.testPurchaseValueOfSecurityPositionWithTransfers"

    assert unmet(case_id, "snapshot.", CLIENT, scope(case_id, "", "2018-12-31", "2019-12-31")) == []


@runs("CurrencyTestCase.testClientSnapshot")
def test_cash_is_worth_what_is_published() -> None:
    case_id = "CurrencyTestCase.testClientSnapshot"
    file, ledger = client(CASES[case_id]["xml"][0])
    day = date(2015, 1, 16)
    funds: dict[str, object] = {}
    for currency in ("EUR", "USD"):
        account = frozenset({file.find(f"Account {currency}")})
        in_euros = Record(ledger, "", day, day, account)
        unconverted = replace(in_euros, ledger=ledger.at_rate(lambda *_: Decimal(1)))
        funds[f"account{currency}snapshot.getFunds()"] = in_euros.values[-1]
        funds[f"account{currency}snapshot.getUnconvertedFunds()"] = unconverted.values[-1]

    stated = expectations(CASES[case_id])

    assert [one for one in stated if not one.is_met(funds[one.what])] == []


VOLATILITY: Final[dict[str, Figure]] = {"getVolatility().getStandardDeviation()": lambda it: it.volatility}


@pytest.mark.parametrize(
    ("case_id", "subject", "asset", "last"),
    [
        ("VolatilityTestCase.testVolatilityOfSharesHeldIsIdenticalToExcel", "index.", "", "2014-07-31"),
        (
            "VolatilityTestCase.testVolatilityIfSecurityIsSoldDuringReportingPeriod",
            "index.",
            "Basf SE",
            "2015-01-31",
        ),
        (
            "VolatilityTestCase.testVolatilityIfSecurityIsSoldDuringReportingPeriod",
            "clientIndex.",
            "",
            "2015-01-31",
        ),
    ],
)
def test_volatility_is_what_a_spreadsheet_says(case_id: str, subject: str, asset: str, last: str) -> None:
    assert unmet(case_id, subject, VOLATILITY, scope(case_id, asset, "2014-01-31", last)) == []


@runs("VolatilityTestCase.testVolatilityIfBenchmarkHasNoQuotes")
def test_the_volatility_of_quotes_ends_with_them() -> None:
    case_id = "VolatilityTestCase.testVolatilityIfBenchmarkHasNoQuotes"
    file, ledger = client(CASES[case_id]["xml"][0])
    sap = file.find("Sap AG")
    dates = calendar(date(2014, 1, 31), max(file.quotes[sap]))
    prices = ledger.table(dates).prices[:, ledger.commodities.index(sap)]
    is_chosen = [is_open(day) for day in dates[1:]]
    returns = np.diff(np.log(prices))[is_chosen]

    [last_day, deviation] = expectations(CASES[case_id])

    assert last_day.is_met(dates[-1])
    assert deviation.is_met(float(volatility(returns, periods_per_year=len(returns), ddof=1)))


@pytest.mark.parametrize("name", sorted(path.name for path in SHARED_DATA.glob("vectors/inputs/pp_*.xml")))
def test_every_client_file_is_booked_without_fault_and_its_lots_are_what_is_held(name: str) -> None:
    file, ledger = client(name)
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in post(file.transactions):
        for line in entry.postings:
            held[line.account_id, line.commodity] += line.quantity if line.place is Place.HELD else 0

    answer = replay(
        file.transactions, methods=FIFO, convert=lambda _, currency, day: ledger.rate(currency, day)
    )

    assert [find_fault(one, today=date(2026, 11, 21)) for one in file.transactions] == [None] * len(
        file.transactions
    )
    assert {key: count for key, count in held.items() if count} == {
        **{key: lots.quantity for key, lots in answer.positions.items()},
        **{key: amount for key, amount in answer.cash.items() if amount},
    }
