"""Brute force over every trade of small taxed accounts: the plan is the best of those that wash no loss.

The judge knows lots and wash sales from the domain only: it sells with `match_lots`, lets `match_wash_sales` say what
is washed, and adds up tax itself. Costs are whole, cash and rates in quarters, and prices products of 2 and 5, so that
tax is whole in every unit of money a plan may find: nothing is rounded.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, product

from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.domain.lot import MORE_THAN_ONE_YEAR, Lot, LotMethod, SaleTerms, TaxRates, match_lots
from steelyard.domain.wash_sale import Sale, identical_assets, match_wash_sales
from steelyard.rebalancing.allocation import Allocation, calculate_investment_allocation
from steelyard.rebalancing.options import NO_LOCKS, Costs, Locks, Mode
from steelyard.rebalancing.problem import Status
from steelyard.rebalancing.tax_rules import TaxRules, WashRules

TODAY = date(2024, 6, 3)
DAYS = 30
RATES = TaxRates(Decimal("0.5"), Decimal("0.25"), MORE_THAN_ONE_YEAR)
QUARTER = Decimal("0.25")
ASSETS = ("A", "B", "C")
PRICES = st.sampled_from([1, 2, 4, 5, 8, 10, 16, 20])
AGES = st.sampled_from([3, 30, 31, 200, 500])


@dataclass(frozen=True)
class Account:
    """A small account, and what the household did elsewhere."""

    weights: Mapping[str, Decimal]
    prices: Mapping[str, int]
    lots: list[Lot]
    other_lots: list[Lot]
    sales: list[Sale]
    identical: list[set[str]]
    cash: Decimal
    method: LotMethod
    budget: int | None
    tax_weight: int

    def held(self, asset: str) -> int:
        return int(sum(lot.quantity for lot in self.lots if lot.asset_id == asset))

    @property
    def value(self) -> Decimal:
        return self.cash + sum(self.held(asset) * self.prices[asset] for asset in ASSETS)

    def allocate(
        self, mode: Mode = Mode.TAX_AWARE, harvest_above: int | None = None, locks: Locks = NO_LOCKS
    ) -> Allocation:
        rules = TaxRules(
            trade_date=TODAY,
            short_rate=RATES.short_term,
            long_rate=RATES.long_term,
            holding=RATES.holding,
            method=self.method,
            lots=self.lots,
            gains_budget=self.budget,
            harvest_above=harvest_above,
            wash=WashRules(DAYS, identical=self.identical, sales=self.sales, other_lots=self.other_lots),
        )
        return calculate_investment_allocation(
            self.weights,
            self.prices,
            {asset: self.held(asset) for asset in ASSETS},
            cash=self.cash,
            mode=mode,
            locks=locks,
            costs=Costs(weight=self.tax_weight),
            tax=rules,
        )


def lots_of(account: str) -> st.SearchStrategy[list[Lot]]:
    row = st.tuples(st.sampled_from(ASSETS), st.integers(1, 2), st.integers(1, 20), AGES)
    return st.lists(row, max_size=4).map(
        lambda rows: [
            Lot(f"{place}", asset, Decimal(units), Decimal(units * cost), day_before(age), account)
            for place, (asset, units, cost, age) in enumerate(rows)
        ]
    )


def day_before(days: int) -> date:
    return TODAY - timedelta(days=days)


WEIGHTS = st.lists(st.integers(0, 4), min_size=4, max_size=4).map(
    lambda parts: {asset: Decimal(part) * 5 / 100 for asset, part in zip(ASSETS, parts, strict=False)}
)
FULL_WEIGHTS = WEIGHTS.map(lambda weights: {**weights, "C": 1 - weights["A"] - weights["B"]})
SALES = st.lists(st.tuples(st.sampled_from(ASSETS), st.integers(0, 20), AGES), max_size=1).map(
    lambda rows: [
        Sale(
            Lot("sold", asset, Decimal(1), Decimal(10), day_before(600), "other"),
            day_before(ago),
            Decimal(for_),
        )
        for asset, for_, ago in rows
    ]
)
ACCOUNTS = st.builds(
    Account,
    weights=FULL_WEIGHTS,
    prices=st.fixed_dictionaries(dict.fromkeys(ASSETS, PRICES)),
    lots=lots_of("own"),
    other_lots=st.one_of(st.just([]), lots_of("other")),
    sales=SALES,
    identical=st.sampled_from([[], [{"A", "B"}], [{"A", "B"}, {"B", "C"}]]),
    cash=st.integers(0, 15).map(lambda whole: whole + QUARTER),
    method=st.sampled_from([LotMethod.FIFO, LotMethod.LIFO, LotMethod.HIFO]),
    budget=st.one_of(st.none(), st.integers(-3, 10)),
    tax_weight=st.sampled_from([0, 1, 4]),
)

Trades = tuple[int, ...]


def every_trade(account: Account) -> Iterator[Trades]:
    """Give all trades that the cash pays for; what has no target is not bought."""
    ranges = [
        range(
            -account.held(asset),
            int(account.value) // account.prices[asset] + 1 if account.weights[asset] else 1,
        )
        for asset in ASSETS
    ]
    for trades in product(*ranges):
        spent = sum(k * account.prices[asset] for k, asset in zip(trades, ASSETS, strict=True))
        if spent <= account.cash:
            yield trades


def sales_of(account: Account, asset: str, units: int) -> list[Sale]:
    """Return what selling some units sells, lot by lot."""
    price = Decimal(account.prices[asset])
    lots = [lot for lot in account.lots if lot.asset_id == asset]
    match = match_lots(lots, Decimal(units), account.method, terms=SaleTerms(price, TODAY, RATES))
    return [Sale(lot, TODAY, price * lot.quantity) for lot in match.taken]


def washes(account: Account, trades: Trades) -> bool:
    """Whether a purchase washes an earlier loss, or a loss of these trades is washed."""
    bought = [asset for k, asset in zip(trades, ASSETS, strict=True) if k > 0]
    new = [Lot("new", asset, Decimal(99), Decimal(0), TODAY, "own") for asset in bought]
    for sale in account.sales:
        same = identical_assets(sale.lot.asset_id, account.identical)
        if sale.gain < 0 and (TODAY - sale.sold).days <= DAYS and same & set(bought):
            return True
    every_lot = [*account.lots, *account.other_lots, *new]
    return any(
        match_wash_sales(
            sales_of(account, asset, -k), every_lot, days=DAYS, identical=account.identical
        ).washed
        for k, asset in zip(trades, ASSETS, strict=True)
        if k < 0
    )


def score(account: Account, trades: Trades) -> Fraction | None:
    """Return the objective of trades; None where they are not allowed."""
    if washes(account, trades):
        return None
    closed = [
        sale
        for k, asset in zip(trades, ASSETS, strict=True)
        if k < 0
        for sale in sales_of(account, asset, -k)
    ]
    if account.budget is not None and sum(sale.gain for sale in closed) > account.budget:
        return None
    tax = sum(
        (Fraction(sale.gain * RATES.on(sale.lot.held_since, sold=TODAY)) for sale in closed), Fraction(0)
    )
    drift = Fraction(0)
    for k, asset in zip(trades, ASSETS, strict=True):
        worth = (account.held(asset) + k) * account.prices[asset]
        drift += (worth - Fraction(account.weights[asset] * account.value)) ** 2
    return drift + account.tax_weight * Fraction(account.value) * tax


def traded(allocation: Allocation) -> Trades:
    quantities = {trade.asset_id: int(trade.quantity) for trade in allocation.trades}
    return tuple(quantities.get(asset, 0) for asset in ASSETS)


@settings(deadline=None)
@given(ACCOUNTS)
def test_no_allowed_trades_are_better(account: Account) -> None:
    scores = {trades: score(account, trades) for trades in every_trade(account)}
    allowed = [found for found in scores.values() if found is not None]

    allocation = account.allocate()

    if not allowed:
        assert allocation.status is Status.INFEASIBLE
        return
    assert allocation.status is Status.OPTIMAL
    assert Fraction(allocation.objective) == min(allowed)
    assert scores[traded(allocation)] == min(allowed)


def best(account: Account) -> Fraction | None:
    """Return the lowest objective there is; None where no trades are allowed."""
    scores = (score(account, trades) for trades in every_trade(account))
    return min((found for found in scores if found is not None), default=None)


@settings(deadline=None)
@given(ACCOUNTS)
def test_minimum_tax_is_best_of_all_orders_where_nothing_is_washed(account: Account) -> None:
    alone = replace(account, sales=[], other_lots=[], identical=[], budget=None)
    old = [lot for lot in alone.lots if lot.acquired < day_before(DAYS)]
    alone = replace(alone, lots=old, method=LotMethod.MINIMUM_TAX)

    allocation = alone.allocate()

    assert Fraction(allocation.objective) == best(alone)
    for method in (LotMethod.FIFO, LotMethod.LIFO, LotMethod.HIFO):
        assert allocation.objective <= replace(alone, method=method).allocate().objective


@settings(deadline=None)
@given(ACCOUNTS, st.permutations(ASSETS), st.integers(1, 20))
def test_no_harvest_washes_a_loss_or_stands_in_its_own_way(
    account: Account, order: list[str], least: int
) -> None:
    pairs = {a: b for a, b in pairwise(order) if b not in identical_assets(a, account.identical)}
    account = replace(account, budget=None)

    allocation = account.allocate(Mode.HARVEST_LOSSES, harvest_above=least, locks=Locks(substitutes=pairs))

    assert allocation.status is Status.OPTIMAL
    bought = {trade.asset_id for trade in allocation.trades if trade.quantity > 0}
    for asset in ASSETS:
        closed = sold_lots(account, allocation, asset)
        assert not match_wash_sales(
            closed, [*account.lots, *account.other_lots], days=DAYS, identical=account.identical
        ).washed
        if any(sale.gain < 0 for sale in closed):
            assert not bought & identical_assets(asset, account.identical)


def sold_lots(account: Account, allocation: Allocation, asset: str) -> list[Sale]:
    """Return the sales of one asset that a plan names, lot by lot."""
    lots = {lot.lot_id: lot for lot in account.lots if lot.asset_id == asset}
    return [
        Sale(match_lots([lots[sold.lot_id]], sold.quantity, LotMethod.FIFO).taken[0], TODAY, sold.proceeds)
        for sold in allocation.lots
        if sold.asset_id == asset
    ]


@settings(deadline=None)
@given(ACCOUNTS)
def test_lots_and_taxes_are_those_of_the_trades(account: Account) -> None:
    allocation = account.allocate()

    expected = [
        sale
        for k, asset in zip(traded(allocation), ASSETS, strict=True)
        if k < 0
        for sale in sales_of(account, asset, -k)
    ]
    assert [(lot.asset_id, lot.lot_id, lot.quantity, lot.gain) for lot in allocation.lots] == [
        (sale.lot.asset_id, sale.lot.lot_id, sale.lot.quantity, sale.gain) for sale in expected
    ]
    assert allocation.taxes == sum(sale.gain * RATES.on(sale.lot.held_since, sold=TODAY) for sale in expected)
    assert allocation.taxes == sum(trade.tax for trade in allocation.trades)


@settings(deadline=None)
@given(ACCOUNTS, st.integers(0, 5))
def test_a_larger_budget_is_never_worse(account: Account, more: int) -> None:
    if account.budget is None:
        return
    small, large = account.allocate(), replace(account, budget=account.budget + more).allocate()

    if small.status is not Status.INFEASIBLE:
        assert large.objective <= small.objective
