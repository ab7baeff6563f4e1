"""A review: new money comes in, the yearly fee goes out, and the account is traded back to its model.

Shares are bought and sold whole at the day's close, in their own currency. What the model keeps in other
currencies, and what purchases need of them, is bought with the base currency at the day's ECB rates. The rest
stays as cash in the base currency; every model gives it a weight that covers costs and roundings.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from steelyard.demo.ledger import CENT_PLACES, Ledger, costs_of
from steelyard.demo.market import Market
from steelyard.demo.plan import Plan
from steelyard.domain.money import round_half_up

FEE_RATE = Decimal("0.0025")
SMALLEST_TRADE = Decimal("0.0025")  # as a fraction of the account; what drifted less is left alone
RATE_PLACES = 8

Quantities = dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Keeps one account to its plan; `targets` are the weights of the plan's model, summing to 1."""

    plan: Plan
    targets: Quantities
    market: Market

    def run(self) -> Ledger:
        """Return the ledger of the account from its opening to the last price day."""
        ledger = Ledger(self.plan.account)
        for number, day in enumerate(self._review_days()):
            self._move_cash(ledger, number, day)
            self._rebalance(ledger, day)
        return ledger

    def _review_days(self) -> Iterator[date]:
        """Yield the first price day of every review month since the opening."""
        seen: set[tuple[int, int]] = set()
        for day in self.market.days:
            month = (day.year, day.month)
            if day >= self.plan.opened and day.month in self.plan.review_months and month not in seen:
                seen.add(month)
                yield day

    def _move_cash(self, ledger: Ledger, number: int, day: date) -> None:
        """Deposit the opening or the contribution; take the fee at the first review of each later year."""
        base = self.plan.base_currency
        ledger.move_cash(day, "DEPOSIT", base, self.plan.contribution if number else self.plan.opening)
        if number and day.month == self.plan.review_months[0]:
            ledger.move_cash(day, "FEE", base, self._total(ledger, day) * FEE_RATE)

    def _rebalance(self, ledger: Ledger, day: date) -> None:
        """Trade to the targets: sell first, exchange what is left over or missing, then buy.

        What the plan excludes is not bought any more, and sold only as far as the model says.
        """
        total = self._total(ledger, day)
        changes = self._share_changes(ledger, day, total)
        sales = {asset: change for asset, change in changes.items() if change < 0}
        purchases = {
            asset: change
            for asset, change in changes.items()
            if change > 0 and not self._forbidden(asset, day)
        }
        self._trade_shares(ledger, day, sales)
        self._exchange(ledger, day, self._currency_changes(ledger, day, total, purchases))
        self._trade_shares(ledger, day, purchases)

    def _total(self, ledger: Ledger, day: date) -> Decimal:
        base = self.plan.base_currency
        return sum(
            (self.market.value(asset, held, base, day) for asset, held in ledger.positions.items()),
            Decimal(0),
        )

    def _share_changes(self, ledger: Ledger, day: date, total: Decimal) -> Quantities:
        """Return by how many whole shares each asset of the model is off, small drifts left out."""
        wanted = {
            asset: self._wanted(asset, day, total) for asset in self.targets if not self.market.is_cash(asset)
        }
        changes = {asset: quantity - ledger.positions[asset] for asset, quantity in wanted.items()}
        return {
            asset: change for asset, change in changes.items() if self._matters(asset, change, day, total)
        }

    def _currency_changes(
        self, ledger: Ledger, day: date, total: Decimal, purchases: Quantities
    ) -> Quantities:
        """Return how much of each foreign currency to buy (> 0) or sell (< 0), in whole units.

        A currency that purchases wait for is brought to its target plus their amount, however little is off.
        """
        needs = self._spending(day, purchases)
        changes = {
            currency: (
                self._wanted(currency, day, total) + needs[currency] - ledger.positions[currency]
            ).to_integral_value(ROUND_CEILING)
            for currency in self._foreign_currencies()
        }
        return {
            currency: change
            for currency, change in changes.items()
            if change and (needs[currency] or self._matters(currency, change, day, total))
        }

    def _spending(self, day: date, purchases: Quantities) -> Quantities:
        """Return what the purchases will take from each currency, costs included."""
        spending: defaultdict[str, Decimal] = defaultdict(Decimal)
        for asset, quantity in purchases.items():
            amount = round_half_up(quantity * self.market.closes[asset][day], CENT_PLACES)
            spending[self.market.currency(asset)] += amount + costs_of(amount)
        return spending

    def _trade_shares(self, ledger: Ledger, day: date, changes: Quantities) -> None:
        for asset, change in changes.items():
            ledger.trade(day, asset, change, self.market.closes[asset][day], self.market.currency(asset))

    def _exchange(self, ledger: Ledger, day: date, changes: Quantities) -> None:
        """Trade currencies against the base currency, sales first so that they pay for the purchases."""
        base = self.plan.base_currency
        for currency, change in sorted(changes.items(), key=lambda item: item[1]):
            rate = round_half_up(self.market.convert(Decimal(1), currency, base, day), RATE_PLACES)
            ledger.exchange(day, currency, change, rate, base)

    def _wanted(self, asset: str, day: date, total: Decimal) -> Decimal:
        """Return the whole quantity of an asset that its target weight buys; 0 for what the model lacks."""
        currency = self.market.currency(asset)
        amount = self.market.convert(total, self.plan.base_currency, currency, day)
        quantity = amount * self.targets.get(asset, Decimal(0)) / self.market.closes[asset][day]
        return quantity.to_integral_value(ROUND_FLOOR)

    def _matters(self, asset: str, change: Decimal, day: date, total: Decimal) -> bool:
        value = self.market.value(asset, abs(change), self.plan.base_currency, day)
        return value >= total * SMALLEST_TRADE

    def _foreign_currencies(self) -> list[str]:
        """Return the currencies the model keeps or its shares are paid in, without the base currency."""
        return sorted({self.market.currency(asset) for asset in self.targets} - {self.plan.base_currency})

    def _forbidden(self, asset: str, day: date) -> bool:
        exclusion = self.plan.exclusion
        return exclusion is not None and exclusion.applies(self.market.assets[asset]["sector"], day)
