"""The published factor and map files of Lean (Apache-2.0), beside the raw closes of the same assets.

Raw close × price factor × split factor is the adjusted close: what a holder has who reinvests every dividend. Here a
replay holds the asset through its splits, dividends and new tickers, and its units at raw closes must agree. A factor
holds up to and with its day; the action is of the day after.
"""

import csv
import gzip
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from books import shared
from published import Case, Skip, load_suite
from steelyard.domain.ledger import Bookkeeper
from steelyard.domain.lot import LotMethod
from steelyard.domain.money import round_half_up
from steelyard.domain.position import PositionLots
from steelyard.domain.transaction import Transaction, TransactionKind

SUITE = load_suite("lean_corporate_actions")
CASES: dict[str, Case] = {case["id"]: case for case in SUITE["cases"]}
SKIPPED: dict[str, Skip] = {}

BOUGHT = Decimal(1000)
NEXT = timedelta(days=1)


@dataclass(frozen=True)
class Factor:
    """What raw closes are multiplied with, up to a day; `close` is that day's."""

    day: date
    dividends: Decimal
    splits: Decimal
    close: Decimal


@cache
def factors(case_id: str) -> list[Factor]:
    rows = [row.split(",") for row in CASES[case_id]["factor_file"].split()]
    return [
        Factor(day_of(day), Decimal(dividends), Decimal(splits), Decimal(close))
        for day, dividends, splits, close in rows
    ]


@cache
def tickers(case_id: str) -> list[tuple[date, str]]:
    """Return the last day of each ticker, in order; the first row only says when it was listed."""
    rows = [row.split(",") for row in CASES[case_id]["map_file"].split()]
    return [(day_of(day), ticker.upper()) for day, ticker, _ in rows[1:]]


def day_of(text: str) -> date:
    return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:]}")


@cache
def raw_closes() -> dict[str, dict[date, Decimal]]:
    with gzip.open(shared("market/lean_raw_close.csv.gz"), "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "date"]
    return {name: {day_of(row["date"]): Decimal(row[name]) for row in rows if row[name]} for name in names}


@cache
def closes(case_id: str) -> dict[date, Decimal]:
    """Return the raw closes under the ticker of each day; where the file has none, those the factors name."""
    named = {factor.day: factor.close for factor in factors(case_id)[1:-1]}
    found: dict[date, Decimal] = {}
    first = factors(case_id)[0].day
    for last, ticker in tickers(case_id):
        prices = raw_closes().get(ticker, {})
        found |= {day: close for day, close in prices.items() if first <= day <= last}
        first = last + timedelta(days=1)
    return dict(sorted((named | found).items()))


def ticker_of(case_id: str, day: date) -> str:
    return next(ticker for last, ticker in tickers(case_id) if day <= last)


class Holder:
    """Holds the asset of a case from its first close on, and reinvests every dividend."""

    def __init__(self, case_id: str) -> None:
        self.case_id = case_id
        self.keeper = Bookkeeper(methods=LotMethod.FIFO, convert=lambda _account, _currency, _day: Decimal(1))
        first = next(iter(closes(case_id)))
        self.book(TransactionKind.OPENING, first, quantity=BOUGHT, amount=Decimal(1))
        self.due = sorted([*self.renamings(), *self.factor_changes()], key=lambda change: change[0])
        self.paid = Decimal(1)
        self.until(first)

    def renamings(self) -> Iterator[tuple[date, str, Factor | None, Factor | None]]:
        known = tickers(self.case_id)
        for (last, before), (_, after) in pairwise(known):
            if before != after:
                yield last + NEXT, after, None, None

    def factor_changes(self) -> Iterator[tuple[date, str, Factor | None, Factor | None]]:
        for before, after in pairwise(factors(self.case_id)):
            yield before.day + NEXT, "", before, after

    def book(self, kind: TransactionKind, day: date, **what: Any) -> None:
        number = f"{day} {kind}"
        ticker = ticker_of(self.case_id, day - NEXT if kind is TransactionKind.SYMBOL_CHANGE else day)
        self.keeper.book(
            Transaction(
                transaction_id=number,
                kind=kind,
                trade_date=day,
                account_id="A",
                asset_id=ticker,
                currency="USD",
                **what,
            )
        )

    def until(self, day: date) -> Decimal:
        """Book what happens up to and with a day, and return the units there are then."""
        while self.due and self.due[0][0] <= day:
            when, renamed, before, after = self.due.pop(0)
            if renamed:
                self.book(TransactionKind.SYMBOL_CHANGE, when, counter_asset_id=renamed)
            elif before and after and before.splits != after.splits:
                split = {"quantity": before.splits, "counter_quantity": after.splits}
                self.book(TransactionKind.SPLIT, when, **split)
            elif before and after and before.dividends != after.dividends:
                self.reinvest(when, before, after)
        return self.position().quantity

    def reinvest(self, day: date, before: Factor, after: Factor) -> None:
        """Buy for the dividend at the close before, less the dividend."""
        units = self.position().quantity
        dividend = before.close * (1 - before.dividends / after.dividends)
        bought = units * dividend / (before.close - dividend)
        amount = round_half_up(units * dividend, 8)
        self.book(TransactionKind.DIVIDEND_REINVESTED, day, quantity=round_half_up(bought, 12), amount=amount)
        self.paid += amount

    def position(self) -> PositionLots:
        ((_, position),) = self.keeper.replay().positions.items()
        return position


def factor_on(case_id: str, day: date) -> Decimal:
    rows = factors(case_id)
    row = rows[bisect_left([row.day for row in rows], day)]
    return row.dividends * row.splits


@pytest.mark.parametrize("case_id", sorted(CASES))
def test_units_at_raw_closes_are_the_adjusted_closes(case_id: str) -> None:
    holder = Holder(case_id)
    first, _ = next(iter(closes(case_id).items()))

    for day, close in closes(case_id).items():
        has = holder.until(day) * close
        adjusted = BOUGHT * close * factor_on(case_id, day) / factor_on(case_id, first)
        assert abs(has - adjusted) < adjusted * Decimal("1e-12")


@pytest.mark.parametrize("case_id", sorted(CASES))
def test_lots_keep_their_cost_and_day_under_every_ticker(case_id: str) -> None:
    holder = Holder(case_id)
    first, last = min(closes(case_id)), max(closes(case_id))
    holder.until(last)

    answer = holder.keeper.replay()
    assert list(answer.positions) == [("A", ticker_of(case_id, last))]
    lots = holder.position().lots
    assert sum((lot.cost for lot in lots), Decimal(0)) == holder.paid
    assert lots[0].acquired == first
    assert not answer.gains
    assert not answer.cash


def splits() -> list[tuple[str, date]]:
    """Return the case and the last day before of every real split; Google's of 2015 was a dividend in shares."""
    return [
        (case_id, before.day)
        for case_id in CASES
        for before, after in pairwise(factors(case_id))
        if after.splits / before.splits > Decimal("1.5")
    ]


@pytest.mark.parametrize(("case_id", "day"), splits())
def test_a_split_moves_the_price_and_not_the_value(case_id: str, day: date) -> None:
    holder = Holder(case_id)
    days = sorted(closes(case_id))
    after = days[days.index(day) + 1]

    value_before = holder.until(day) * closes(case_id)[day]
    value_after = holder.until(after) * closes(case_id)[after]

    assert abs(value_after / value_before - 1) < Decimal("0.06")
    assert closes(case_id)[after] / closes(case_id)[day] < Decimal("0.6")


def test_every_split_of_the_files_is_among_them() -> None:
    assert [case_id for case_id, _ in splits()] == ["bac", "eem", "eem", "ibm", "qqq"]
