"""A real ledger of six years against what its owner holds: 9,367 trades, long and short, and 1,506 days of positions.

The files are of pyfolio's own tests (quantopian/pyfolio, Apache-2.0). They were written as floats of twelve digits, and
that is all the difference there is: no commission, no missing day, no trade that a position does not show. It is
asserted at its size, so that one more would be noticed:

- a price of a trade is off by less than a billionth of a dollar from the price that the position is valued at;
- an amount of a trade is off by less than a millionth of a dollar, and cash, their sum, by a hundred-thousandth.
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Final

import numpy as np
import pytest

from priced_ledger import PricedLedger
from pyfolio_ledger import ACCOUNT, CAPITAL, CURRENCY, PyfolioLedger, Row, day_of, read_pyfolio
from steelyard.analytics.time_weighted import FlowTiming, grow, link
from steelyard.analytics.valuation import Valuation
from steelyard.domain.ledger import Bookkeeper, Replay
from steelyard.domain.lot import LotMethod
from steelyard.domain.transaction import ZERO, TransactionKind

ONE: Final = Decimal(1)
PRICE: Final = Decimal("1e-9")
CASH: Final = Decimal("1e-5")
"""What floats lose, in dollars: of a price, and of the sum of all trades."""


@cache
def pyfolio() -> PyfolioLedger:
    return read_pyfolio()


@cache
def days_replayed() -> tuple[tuple[Row, Replay], ...]:
    """Replay the ledger, and pause at the end of each day of the positions."""
    return tuple(_replayed(pyfolio()))


def _replayed(ledger: PyfolioLedger) -> Iterator[tuple[Row, Replay]]:
    keeper = Bookkeeper(methods=LotMethod.FIFO, convert=lambda *_: ONE)
    waiting = sorted(ledger.transactions, key=lambda one: one.day_order, reverse=True)
    for row in ledger.positions:
        while waiting and waiting[-1].trade_date <= day_of(row):
            keeper.book(waiting.pop())
        yield row, keeper.replay()


def quantity(held: Replay, asset: str) -> Decimal:
    position = held.positions.get((ACCOUNT, asset))
    return position.quantity if position else ZERO


def test_every_trade_is_booked_and_some_cross_nothing() -> None:
    ledger = pyfolio()
    kinds = [one.kind for one in ledger.transactions]

    assert len(ledger.trades) == 9367
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        TransactionKind.DEPOSIT: 1,
        TransactionKind.BUY: 4172,
        TransactionKind.SELL: 4664,
        TransactionKind.SHORT: 682,
        TransactionKind.COVER: 1155,
    }
    assert {day_of(row) for row in ledger.trades} == set(ledger.dates)


def test_every_position_is_its_quantity_at_the_price_of_the_day() -> None:
    prices = {(day_of(row), row["symbol"]): Decimal(row["price"]) for row in pyfolio().trades}
    checked = [
        (Decimal(row[asset]), quantity(held, asset), prices[day_of(row), asset])
        for row, held in days_replayed()
        for asset in pyfolio().assets
        if (day_of(row), asset) in prices
    ]

    assert len(checked) == 9367
    assert [one for one in checked if abs(one[0] - one[1] * one[2]) >= PRICE * max(abs(one[1]), ONE)] == []


def test_a_position_without_a_trade_that_day_is_of_the_same_quantity() -> None:
    """What is held times a price of few digits, as prices are; a quantity off by one would need many."""
    prices = {(day_of(row), row["symbol"]) for row in pyfolio().trades}
    still = [
        (Decimal(row[asset]), quantity(held, asset))
        for row, held in days_replayed()
        for asset in pyfolio().assets
        if (day_of(row), asset) not in prices
    ]
    worth = [dollars / units for dollars, units in still if units]

    assert len(still) == 1175
    assert all(dollars == 0 for dollars, units in still if not units)
    assert max(abs(price - round(price, 6)) for price in worth) < PRICE


def test_cash_agrees_to_the_cent_on_every_day() -> None:
    differences = [Decimal(row["cash"]) - held.cash[ACCOUNT, CURRENCY] for row, held in days_replayed()]

    assert len(differences) == 1506
    assert max(map(abs, differences)) < CASH


def test_gains_made_and_open_are_all_that_came_of_the_capital() -> None:
    row, held = days_replayed()[-1]
    worth = sum((Decimal(row[asset]) for asset in pyfolio().assets), ZERO)
    long = sum((lot.cost for position in held.positions.values() for lot in position.lots), ZERO)
    short = sum((lot.cost for position in held.positions.values() for lot in position.shorts), ZERO)
    made = sum((one.gain for one in held.gains), ZERO)

    assert abs(made + worth - long + short - (worth + held.cash[ACCOUNT, CURRENCY] - CAPITAL)) < CASH


@cache
def priced() -> PricedLedger:
    ledger = pyfolio()
    return PricedLedger(
        ledger.transactions, ledger.quotes, dict.fromkeys(ledger.assets, CURRENCY), lambda *_: ONE
    )


def valued(asset: str = "") -> Valuation:
    """Value an asset, or everything, from the day before the first trade."""
    dates = [pyfolio().dates[0] - timedelta(days=1), *pyfolio().dates]
    return priced().value(dates, chosen=lambda _, name: asset in {"", name})


def test_the_returns_of_every_day_are_pyfolios() -> None:
    whole = valued()
    growth = grow(whole.values, whole.flows_in, whole.flows_out, timing=FlowTiming.START)
    published = np.array([pyfolio().returns[day] for day in pyfolio().dates])

    assert np.max(np.abs(growth.returns[1:, 0] - published)) < 1e-10
    assert link(growth)[0] == pytest.approx(np.prod(1 + published) - 1, abs=1e-9)


def test_the_leverage_of_every_day_is_pyfolios() -> None:
    held = np.sum([np.abs(valued(asset).values[1:, 0]) for asset in pyfolio().assets], axis=0)
    published = np.array([pyfolio().leverage[day] for day in pyfolio().dates])

    assert np.max(np.abs(held / valued().values[1:, 0] - published)) < 1e-9


def test_before_the_first_trade_there_is_no_return() -> None:
    before = [pyfolio().returns[day] for day in pyfolio().returns if day < pyfolio().dates[0]]

    assert before == [0.0] * 5
