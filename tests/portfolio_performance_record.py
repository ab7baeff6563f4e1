"""The figures of Portfolio Performance's records, each from Steelyard's own engine.

A record is what its statement of one security shows over a period. Its conventions, and how they are had here:

- taxes are no part of a return, and fees are: `after_fees=True, after_taxes=False`;
- what comes in works all day and so does what goes out: `FlowTiming.IN_AT_START_OUT_AT_END`, every calendar day;
- gains in money leave fees and taxes out, costs hold them: lots are replayed without costs, and with them;
- a moving average runs over all accounts of a client, so units change hands between them without a transfer;
- volatility is of log returns over days on which exchanges are open, times the root of their number.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Final

import numpy as np

from portfolio_performance_file import BASE
from priced_ledger import PricedLedger, calendar
from steelyard.analytics.day_count import DayCount, annualise, elapsed_years
from steelyard.analytics.downside import downside_deviation
from steelyard.analytics.drawdown import max_drawdown
from steelyard.analytics.observations import FloatArray
from steelyard.analytics.performance import Performance, measure_performance
from steelyard.analytics.risk import volatility
from steelyard.analytics.time_weighted import FlowTiming, Growth, grow
from steelyard.analytics.valuation import Valuation
from steelyard.domain.gain import CashItem
from steelyard.domain.ledger import Replay, replay
from steelyard.domain.lot import LotMethod
from steelyard.domain.posting import Place, postings_of
from steelyard.domain.transaction import ZERO, Transaction, TransactionKind

EVERYWHERE: Final = frozenset[str]()
"""In the place of accounts: all of them."""

POOL: Final = "pool"
"""The account in which all others are one."""

EASTER: Final = (
    date(2014, 4, 20),
    date(2015, 4, 5),
    date(2016, 3, 27),
    date(2017, 4, 16),
    date(2018, 4, 1),
    date(2019, 4, 21),
    date(2020, 4, 12),
)
FIXED_HOLIDAYS: Final = {(1, 1), (5, 1), (12, 24), (12, 25), (12, 26)}


def is_open(day: date) -> bool:
    """Whether their default calendar has a trading day; it knows no holidays but these."""
    is_easter = any(day - sunday in {timedelta(days=-2), timedelta(days=1)} for sunday in EASTER)
    return day.weekday() < 5 and (day.month, day.day) not in FIXED_HOLIDAYS and not is_easter


@dataclass(frozen=True)
class Record:
    """One asset over a period, or all of a client.

    Attributes:
        ledger: of the client.
        asset_id: the asset; "" for all there is, cash too.
        first: the day at whose end the period begins.
        last: its last day.
        accounts: where; EVERYWHERE for all.
    """

    ledger: PricedLedger
    asset_id: str
    first: date
    last: date
    accounts: frozenset[str] = EVERYWHERE

    # ── Values and returns ──────────────────────────────────────────────────────────────────────────────

    @cached_property
    def dates(self) -> list[date]:
        """Every day of the period."""
        return calendar(self.first, self.last)

    def is_in(self, account_id: str, commodity: str) -> bool:
        """Whether a cell is measured."""
        return self.asset_id in {"", commodity} and (not self.accounts or account_id in self.accounts)

    @cached_property
    def untaxed(self) -> Valuation:
        """Values and flows, taxes left out of the gain."""
        return self.ledger.value(self.dates, chosen=self.is_in, after_taxes=not self.asset_id)

    @cached_property
    def taxed(self) -> Valuation:
        """Values and flows, fees and taxes in the gain."""
        return self.ledger.value(self.dates, chosen=self.is_in)

    @cached_property
    def values(self) -> FloatArray:
        """What was there at the end of each day."""
        return self.taxed.values[:, 0]

    @property
    def market_value(self) -> Decimal:
        """What is there at the end."""
        return Decimal(float(self.values[-1]))

    @cached_property
    def whole(self) -> Performance:
        """The performance, fees and taxes in it."""
        return _measured(self.taxed, FlowTiming.IN_AT_START_OUT_AT_END)

    @property
    def gain(self) -> float:
        """Their delta: what there is more than at the beginning and was not put in."""
        return float(self.whole.gains[0])

    @property
    def gain_on_purchases(self) -> float:
        """The delta as a fraction of what was there and what was bought."""
        return self.gain / float(self.whole.start_values[0] + self.whole.flows_in[0])

    @property
    def time_weighted(self) -> float:
        """Their true time-weighted return."""
        return float(_measured(self.untaxed, FlowTiming.IN_AT_START_OUT_AT_END).time_weighted[0])

    @property
    def time_weighted_annual(self) -> float:
        """The same a year of the period, whether or not something was there all the time."""
        years = elapsed_years(self.untaxed.dates, day_count=DayCount.ACT_365)[-1]
        return float(annualise(self.time_weighted, years=years))

    @property
    def money_weighted(self) -> float:
        """Their internal rate of return: every flow at its day."""
        return float(_measured(self.untaxed, FlowTiming.END).money_weighted_annual[0])

    @cached_property
    def growth(self) -> Growth:
        """What the capital of each day became."""
        moved = self.untaxed
        return grow(moved.values, moved.flows_in, moved.flows_out, timing=FlowTiming.IN_AT_START_OUT_AT_END)

    @property
    def since_invested(self) -> FloatArray:
        """Daily returns after the first day on which something was there."""
        return self.growth.returns[int(np.flatnonzero(self.values)[0]) + 1 :, 0]

    @property
    def deepest_fall(self) -> float:
        """Their maximum drawdown."""
        return float(max_drawdown(self.since_invested))

    @property
    def log_returns(self) -> FloatArray:
        """Logarithmic returns of open days on which something was there, and the day before too."""
        held = np.flatnonzero(self.values[1:] * self.values[:-1]) + 1
        chosen = [day for day in held if is_open(self.dates[day])]
        return np.log1p(self.growth.returns[chosen, 0])

    @property
    def volatility(self) -> float:
        """Their standard deviation."""
        returns = self.log_returns
        return float(volatility(returns, periods_per_year=len(returns), ddof=1))

    @property
    def semivolatility(self) -> float:
        """Their semi-deviation: below the mean, and divided by one less than all."""
        returns = self.log_returns
        count = len(returns)
        below = downside_deviation(returns, required_return=returns.mean(), periods_per_year=count)
        return float(below * np.sqrt(count / (count - 1)))

    # ── Lots ────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def booked(self) -> tuple[Transaction, ...]:
        """Everything until the last day."""
        return tuple(one for one in self.ledger.transactions if one.trade_date <= self.last)

    def lots(self, method: LotMethod, *, with_costs: bool) -> Replay:
        """Replay everything until the last day."""
        return self.replayed(self.booked if with_costs else free_of_costs(self.booked), method)

    def replayed(self, transactions: Iterable[Transaction], method: LotMethod) -> Replay:
        """Replay transactions; the average of all accounts is one."""
        booked = pooled(transactions) if method is LotMethod.AVERAGE else transactions
        return replay(
            booked, methods=method, convert=lambda _, currency, day: self.ledger.rate(currency, day)
        )

    def is_of(self, account_id: str, asset_id: str) -> bool:
        """Whether a position is measured; one in the pool is, whatever account it was in."""
        return self.asset_id in {"", asset_id} and (not self.accounts or account_id in {POOL, *self.accounts})

    def of_record(self, answer: Replay) -> list[tuple[str, str]]:
        """List the positions that are measured."""
        return [key for key in answer.positions if self.is_of(*key)]

    def shares(self) -> Decimal:
        """Count the units held at the end."""
        answer = self.lots(LotMethod.FIFO, with_costs=True)
        return sum((answer.positions[key].quantity for key in self.of_record(answer)), ZERO)

    def cost(self, method: LotMethod, *, with_costs: bool) -> Decimal:
        """Sum the cost of what is held at the end."""
        return self.cost_of(self.lots(method, with_costs=with_costs))

    def cost_of(self, answer: Replay) -> Decimal:
        """Sum the cost of what is measured."""
        return sum((lot.cost for key in self.of_record(answer) for lot in answer.positions[key].lots), ZERO)

    def unrealised(self, method: LotMethod, *, with_costs: bool) -> Decimal:
        """Take what is held at the end against its cost."""
        return self.market_value - self.cost(method, with_costs=with_costs)

    @cached_property
    def reopened(self) -> list[Transaction]:
        """Everything in the period, after what was held before it as if bought then at its value, costs left out."""
        before = [one for one in self.booked if one.trade_date <= self.first]
        held = self.replayed(before, LotMethod.FIFO).positions
        opened = [self._opened(*key, position.quantity) for key, position in held.items()]
        return opened + free_of_costs(one for one in self.booked if one.trade_date > self.first)

    def _opened(self, account_id: str, asset_id: str, quantity: Decimal) -> Transaction:
        price = self.ledger.table([self.first]).prices[0, self.ledger.commodities.index(asset_id)]
        return Transaction(
            transaction_id=f"opened {account_id} {asset_id}",
            kind=TransactionKind.OPENING,
            trade_date=self.first,
            account_id=account_id,
            currency=self.ledger.currencies[asset_id],
            asset_id=asset_id,
            quantity=quantity,
            amount=quantity * Decimal(repr(float(price))),
        )

    def realised_gain(self, method: LotMethod) -> Decimal:
        """Sum the gains on what was sold in the period, against its value before; costs left out."""
        gains = self.replayed(self.reopened, method).gains
        return sum((one.gain for one in gains if self.is_of(one.account_id, one.asset_id)), ZERO)

    def unrealised_gain(self, method: LotMethod) -> Decimal:
        """Take what is held at the end against its value before the period, or its cost in it; costs left out."""
        answer = self.replayed(self.reopened, method)
        held = (lot.cost for key in self.of_record(answer) for lot in answer.positions[key].lots)
        return self.value_of_assets - sum(held, ZERO)

    @property
    def value_of_assets(self) -> Decimal:
        """What the assets of the record are worth at the end, cash left out."""
        valued = self.ledger.value(
            self.dates, chosen=lambda account, name: name in self.ledger.quotes and self.is_in(account, name)
        )
        return Decimal(float(valued.values[-1, 0]))

    # ── Money ───────────────────────────────────────────────────────────────────────────────────────────

    def sum_of(self, items: Iterable[CashItem]) -> Decimal:
        """Sum what belongs to the record in the period, whatever account it went through."""
        return sum((one.amount for one in self.items(items)), ZERO)

    def items(self, items: Iterable[CashItem]) -> list[CashItem]:
        """List what belongs to the record in the period."""
        return [
            one for one in items if self.first < one.day <= self.last and self.asset_id in {"", one.asset_id}
        ]

    @property
    def dividends(self) -> list[CashItem]:
        """List the income of the record, gross."""
        return self.items(self.lots(LotMethod.FIFO, with_costs=True).income)

    @property
    def currency_gain(self) -> Decimal:
        """What exchange rates made of foreign cash: its value less everything that moved, each at its day's rate."""
        cash = [*self._foreign_cash()]
        at_end = sum((moved * self.ledger.rate(currency, self.last) for currency, _, moved in cash), ZERO)
        return at_end - sum(
            (moved * self.ledger.rate(currency, max(day, self.first)) for currency, day, moved in cash), ZERO
        )

    def _foreign_cash(self) -> Iterator[tuple[str, date, Decimal]]:
        """Yield what moved foreign cash until the end of the period: currency, day, amount."""
        for one in self.booked:
            for posting in postings_of(one):
                if posting.is_cash and posting.place is Place.HELD and posting.commodity != BASE:
                    yield posting.commodity, one.trade_date, posting.quantity


def pooled(transactions: Iterable[Transaction]) -> list[Transaction]:
    """Book everything in one account, where a transfer of units is none."""
    return [replace(one, account_id=POOL) for one in transactions if one.kind is not TransactionKind.TRANSFER]


def free_of_costs(transactions: Iterable[Transaction]) -> list[Transaction]:
    """Leave the costs of trades out."""
    return [replace(one, costs=ZERO, tax=ZERO) for one in transactions]


def _measured(valuation: Valuation, timing: FlowTiming) -> Performance:
    return measure_performance(valuation, at_previous_rates=None, timing=timing, day_count=DayCount.ACT_365)
