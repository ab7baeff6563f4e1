"""The published scenarios of Ghostfolio (AGPL-3.0, numbers as facts): activities through the whole engine.

Its conventions: an investment is the average cost of what is held, fees left out; gains are measured against the
investment as it stood on average (`analytics.average_investment`); without currency effect everything is valued at the
rate of the last day. Cash is not kept, so only assets are measured. Where nothing is invested its returns are 0, and
ours are not defined.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import groupby
from typing import Any, Final

import numpy as np
import pytest

from ghostfolio_activities import to_transactions
from posting_columns import days
from priced_ledger import PricedLedger, Rate, calendar
from published import Case, Reason, Skip, load_suite
from steelyard.analytics.average_investment import average_investment, return_on_average_investment
from steelyard.analytics.observations import FloatArray
from steelyard.analytics.valuation import Valuation
from steelyard.domain.ledger import Bookkeeper, Replay, replay
from steelyard.domain.lot import Lot, LotMethod
from steelyard.domain.transaction import ZERO, Transaction

SUITE = load_suite("ghostfolio_scenarios")
CASES: dict[str, Case] = {case["id"]: case for case in SUITE["cases"]}

RATE_LOST = Skip(
    Reason.CONTEXT_LOST,
    "prices in euros what its values count in dollars, and the rate between them is not stated",
)
NO_ACTIVITIES = Skip(Reason.CONTEXT_LOST, "states a position and no activity that it comes from")
SKIPPED = {
    "btceur#0": RATE_LOST,
    "btceur-in-base-currency-eur#0": RATE_LOST,
    "stock-split#0": NO_ACTIVITIES,
    "stock-split#1": NO_ACTIVITIES,
    "stock-split#4": NO_ACTIVITIES,
    "stock-split#5": NO_ACTIVITIES,
}

LEFT_OUT: Final = {
    "activitiesCount": "counts rows of its own bookkeeping",
    "dataSource": "names where its prices come from",
    "errors": "lists what its price source lacks",
    "hasErrors": "lists what its price source lacks",
    "historicalData": "lists nothing",
    "historicalDataDates": "says which days its chart shows",
    "tags": "lists nothing",
    "totalLiabilitiesWithCurrencyEffect": "sums a kind of activity that moves nothing",
}
"""Keys within cases that run, each with the reason."""

UNPARSED: Final = {"btcusd-short#0": Decimal("45647.95")}
"""Values that the extraction left as text."""

RANGES: Final[dict[str, Callable[[date], date]]] = {
    "1d": lambda last: last - timedelta(days=1),
    "wtd": lambda last: last - timedelta(days=last.weekday() + 1),
    "mtd": lambda last: last.replace(day=1) - timedelta(days=1),
    "ytd": lambda last: date(last.year - 1, 12, 31),
    "1y": lambda last: last.replace(year=last.year - 1),
    "5y": lambda last: last.replace(year=last.year - 5),
    "max": lambda _: date.min,
}
"""The day at whose end each range begins; before the first day it is the first."""


@dataclass(frozen=True)
class Invested:
    """What activities came to, at one choice of rates.

    Attributes:
        ledger: at these rates.
        last: the last day.
    """

    ledger: PricedLedger
    last: date

    @cached_property
    def dates(self) -> list[date]:
        """Every day from the one before the first activity."""
        first = min((one.trade_date for one in self.ledger.transactions), default=self.last)
        return calendar(first - timedelta(days=1), self.last)

    def valued(self, *, after_fees: bool) -> Valuation:
        """Value the assets, without cash."""
        return self.ledger.value(
            self.dates, chosen=lambda _, name: name in self.ledger.quotes, after_fees=after_fees
        )

    @cached_property
    def values(self) -> FloatArray:
        """What the assets are worth each day."""
        return np.asarray(self.valued(after_fees=True).values.sum(axis=1))

    def gains(self, *, after_fees: bool) -> FloatArray:
        """What was gained up to each day."""
        valued = self.valued(after_fees=after_fees)
        return np.asarray(valued.values.sum(axis=1) - valued.flows.sum(axis=1).cumsum())

    @cached_property
    def invested(self) -> FloatArray:
        """The average cost of what is held at the end of each day."""
        costs = [cost_of(held) for held in self.held_by_day(self.dates)]
        return np.array([float(cost) for cost in costs])

    def held_by_day(self, dates: Iterable[date]) -> Iterator[Replay]:
        """Replay the activities, fees left out, day by day."""
        keeper = Bookkeeper(
            methods=LotMethod.AVERAGE, convert=lambda _, currency, day: self.ledger.rate(currency, day)
        )
        waiting = sorted(without_costs(self.ledger.transactions), key=lambda one: one.day_order)
        for day in dates:
            for one in [one for one in waiting if one.trade_date == day]:
                keeper.book(one)
            yield keeper.replay()

    def average(self) -> FloatArray:
        """What was invested on average up to each day."""
        return average_investment(self.invested, days(*self.dates))

    def returns(self, *, after_fees: bool) -> FloatArray:
        """Gains on the average investment; 0 where nothing was invested."""
        gains = self.gains(after_fees=after_fees)
        return np.nan_to_num(return_on_average_investment(gains, self.invested, days(*self.dates)))

    def return_with_last_day(self) -> float:
        """The return of its ranges, which weigh the last day like the others."""
        invested = np.append(self.invested, self.invested[-1])
        average = average_investment(invested, days(*self.dates, self.last + timedelta(days=1)))
        return float(self.gains(after_fees=True)[-1] / average[-1])

    def gain_since(self, day: date) -> float:
        """What was gained after the end of a day."""
        gains = self.gains(after_fees=True)
        return float(gains[-1] - gains[self.dates.index(max(day, self.dates[0]))])


def without_costs(transactions: Iterable[Transaction]) -> Iterator[Transaction]:
    return (replace(one, costs=ZERO) for one in transactions)


def lots_of(held: Replay) -> list[Lot]:
    return [lot for position in held.positions.values() for lot in (*position.lots, *position.shorts)]


def cost_of(held: Replay) -> Decimal:
    return sum((lot.cost for lot in lots_of(held)), ZERO)


@dataclass(frozen=True)
class Snapshot:
    """All that a case can ask for."""

    with_effect: Invested
    without: Invested

    def at(self, place: int) -> dict[str, Any]:
        """The figures of a day of its history."""
        with_effect, without = self.with_effect, self.without
        change = np.diff(with_effect.invested, prepend=0.0)
        return {
            "date": with_effect.dates[place].isoformat(),
            "investmentValueWithCurrencyEffect": change[place],
            "netPerformance": without.gains(after_fees=True)[place],
            "netPerformanceWithCurrencyEffect": with_effect.gains(after_fees=True)[place],
            "netPerformanceInPercentage": without.returns(after_fees=True)[place],
            "netPerformanceInPercentageWithCurrencyEffect": with_effect.returns(after_fees=True)[place],
            "netWorth": with_effect.values[place],
            "totalCashInBaseCurrency": 0,
            "totalInvestment": without.invested[place],
            "totalInvestmentValueWithCurrencyEffect": with_effect.invested[place],
            "value": without.values[place],
            "valueWithCurrencyEffect": with_effect.values[place],
        }

    @property
    def booked(self) -> Replay:
        """Everything replayed, fees and all."""
        rate = self.with_effect.ledger.rate
        return replay(
            self.with_effect.ledger.transactions,
            methods=LotMethod.AVERAGE,
            convert=lambda _, currency, day: rate(currency, day),
        )

    @property
    def totals(self) -> dict[str, Any]:
        """The figures of the whole."""
        return {
            "currentValueInBaseCurrency": self.with_effect.values[-1],
            "positions": [self.position] if self.with_effect.ledger.quotes else [],
            "totalFeesWithCurrencyEffect": sum((one.amount for one in self.booked.fees), ZERO),
            "totalInterestWithCurrencyEffect": sum((one.amount for one in self.booked.income), ZERO),
            "totalInvestment": self.without.invested[-1],
            "totalInvestmentWithCurrencyEffect": self.with_effect.invested[-1],
        }

    @property
    def position(self) -> dict[str, Any]:
        """The figures of the only asset that a case has."""
        ledger, last = self.with_effect.ledger, self.with_effect.last
        [symbol] = ledger.quotes
        price = ledger.table([last]).prices[0, ledger.commodities.index(symbol)]
        *_, held = self.with_effect.held_by_day(self.with_effect.dates)
        quantity = sum((lot.quantity for lot in lots_of(held)), ZERO)
        local = sum((lot.local_cost for lot in lots_of(held)), ZERO)
        return {
            "symbol": symbol,
            "currency": ledger.currencies[symbol],
            "dateOfFirstActivity": self.with_effect.dates[1].isoformat(),
            "quantity": quantity,
            "averagePrice": local / quantity if quantity else ZERO,
            "marketPrice": price,
            "marketPriceInBaseCurrency": price * float(ledger.rate(ledger.currencies[symbol], last)),
            "valueInBaseCurrency": self.with_effect.values[-1],
            "fee": sum((one.local_amount for one in self.booked.fees), ZERO),
            "feeInBaseCurrency": sum((one.amount for one in self.booked.fees), ZERO),
            "dividend": sum((one.local_amount for one in self.booked.income), ZERO),
            "dividendInBaseCurrency": sum((one.amount for one in self.booked.income), ZERO),
            "netPerformancePercentageWithCurrencyEffectMap": {"max": self.with_effect.return_with_last_day()},
            "netPerformanceWithCurrencyEffectMap": {
                name: self.with_effect.gain_since(begin(last)) for name, begin in RANGES.items()
            },
            **self.of_rates("", self.without),
            **self.of_rates("WithCurrencyEffect", self.with_effect),
        }

    def of_rates(self, suffix: str, invested: Invested) -> dict[str, Any]:
        """The figures that exist with and without currency effect."""
        return {
            f"grossPerformance{suffix}": invested.gains(after_fees=False)[-1],
            f"grossPerformancePercentage{suffix}": invested.returns(after_fees=False)[-1],
            f"netPerformance{suffix}": invested.gains(after_fees=True)[-1],
            f"netPerformancePercentage{suffix}": invested.returns(after_fees=True)[-1],
            f"investment{suffix}": invested.invested[-1],
            f"timeWeightedInvestment{suffix}": invested.average()[-1],
        }

    @property
    def investments(self) -> list[dict[str, Any]]:
        """What is invested after each day with an activity, in the currency of the asset."""
        traded = sorted({one.trade_date for one in self.with_effect.ledger.transactions})
        held = self.with_effect.held_by_day(traded)
        return [
            {"date": day.isoformat(), "investment": sum((lot.local_cost for lot in lots_of(one)), ZERO)}
            for day, one in zip(traded, held, strict=True)
        ]

    def investments_by(self, start: str) -> list[dict[str, Any]]:
        """What was invested in each month or year that has a day; `start` is the pattern of its first day."""
        if not self.with_effect.ledger.transactions:
            return []
        changes = zip(self.with_effect.dates, np.diff(self.with_effect.invested, prepend=0.0), strict=True)
        periods = groupby(list(changes)[1:], key=lambda one: one[0].strftime(start))
        return [{"date": name, "investment": sum(change for _, change in period)} for name, period in periods]

    def answer(self, of: str) -> Any:
        """Find what a published figure is of."""
        answers: dict[str, Any] = {
            "portfolioSnapshot": lambda: self.totals,
            "portfolioSnapshot.historicalData.at(-1)": lambda: self.at(-1),
            "portfolioSnapshot.historicalData[0]": lambda: self.at(0),
            "portfolioSnapshot.historicalData[1]": lambda: self.at(1),
            "portfolioSnapshot.historicalData[portfolioSnapshot.historicalData.length-1]": lambda: self.at(
                -1
            ),
            "snapshotOnBuyDate?.netPerformanceWithCurrencyEffect": lambda: self.at(1)[
                "netPerformanceWithCurrencyEffect"
            ],
            "portfolioSnapshot.positions[0].averagePrice": lambda: self.position["averagePrice"],
            "investments": lambda: self.investments,
            "investmentsByMonth": lambda: self.investments_by("%Y-%m-01"),
            "investmentsByYear": lambda: self.investments_by("%Y-01-01"),
        }
        return answers["".join(of.split())]()


def snapshot(case: Case) -> Snapshot:
    """Book a case's activities, and value them at the rates of each day, and at those of the last."""
    transactions = to_transactions(case["activities"])
    last, base = date.fromisoformat(case["as_of"]), case["base_currency"]
    currencies = {one.asset_id: one.currency for one in transactions if one.asset_id}
    quotes = {asset: backward(SUITE["shared"]["market_prices"][asset]) for asset in currencies}
    rate = rates_to(base)
    ledger = PricedLedger(transactions, quotes, currencies, rate)
    constant = ledger.at_rate(lambda currency, _: rate(currency, last))
    return Snapshot(Invested(ledger, last), Invested(constant, last))


def backward(series: Mapping[str, float]) -> dict[date, Decimal]:
    """Read a series; before its first day the first value counts."""
    known = {date.fromisoformat(day): Decimal(str(value)) for day, value in series.items()}
    return {date.min: known[min(known)], **known}


def rates_to(base: str) -> Rate:
    def rate(currency: str, day: date) -> Decimal:
        if currency == base:
            return Decimal(1)
        known = backward(SUITE["shared"]["fx"][currency + base])
        return known[max(one for one in known if one <= day)]

    return rate


def differences(published: Any, ours: Any, name: str) -> Iterator[str]:
    """Say where what is published and what we find are not the same."""
    if isinstance(published, dict):
        for key, value in published.items():
            if key not in LEFT_OUT:
                yield from differences(value, ours[key], f"{name}.{key}")
    elif isinstance(published, list):
        if len(published) != len(ours):
            yield f"{name}: {len(ours)} entries, not {len(published)}"
        for place, (value, mine) in enumerate(zip(published, ours, strict=False)):
            yield from differences(value, mine, f"{name}[{place}]")
    elif isinstance(ours, str):
        if ours != published:
            yield f"{name}: {ours}, not {published}"
    elif float(ours) != pytest.approx(float(published), rel=1e-12, abs=1e-9):
        yield f"{name}: {ours}, not {published}"


@pytest.mark.parametrize("case_id", [case for case in CASES if case not in SKIPPED])
def test_activities_come_to_what_is_published(case_id: str) -> None:
    found = snapshot(CASES[case_id])
    stated = [one for one in CASES[case_id]["expected"] if one["of"] not in LEFT_OUT]

    assert stated
    assert [
        line
        for one in stated
        for line in differences(UNPARSED.get(case_id, one["value"]), found.answer(one["of"]), one["of"])
    ] == []
