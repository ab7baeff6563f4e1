"""What tax means for one plan: which assets may not be bought, which lots are harvested, what each sale costs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Final

from steelyard.domain.lot import Lot
from steelyard.domain.money import EXACT
from steelyard.domain.wash_sale import identical_assets
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.harvest import choose_harvest
from steelyard.rebalancing.tax import (
    Taxation,
    TaxedSale,
    barred_purchases,
    lots_sold,
    read_tax,
    tax_sales,
)
from steelyard.rebalancing.tax_rules import TaxRules
from steelyard.rebalancing.trade import LotSale
from steelyard.rebalancing.units import AMOUNT_PLACES, RAW_PLACES, MoneyUnit, exact, scaled

_THIS_PLAN: Final = "(this plan)"


class TaxNeededError(InvalidInputError):
    """A mode works with tax, and no rules were given."""

    def __init__(self, mode: str) -> None:
        """Name the mode."""
        super().__init__(f"Mode {mode!r} weighs taxes: give the rates and the lots as tax=TaxRules(…).")


@dataclass(frozen=True, slots=True)
class TaxPlan:
    """Tax rules, applied to the assets of a plan.

    Attributes:
        taxation: the rules and the lots.
        prices: asset → price of one, base currency.
        washing: assets whose purchase would wash a loss; their substitutes are bought.
        not_bought: assets that are not bought because this plan sells the like at a loss; they have no substitutes.
        harvested: asset → lots that must be sold for their loss.
    """

    taxation: Taxation
    prices: Mapping[str, Decimal]
    washing: frozenset[str]
    harvested: Mapping[str, frozenset[str]]
    not_bought: frozenset[str] = frozenset()

    @property
    def barred(self) -> frozenset[str]:
        """Assets that may not be bought."""
        return self.washing | self.not_bought

    def sales(self, asset_id: str, *, held: int, step: int, unit: MoneyUnit) -> TaxedSale:
        """Return what the sales of an asset cost in tax; `held` and `step` in 10^-12 units of quantity."""
        return tax_sales(
            asset_id,
            self.taxation,
            position=exact(held, AMOUNT_PLACES),
            price=self.prices[asset_id],
            step=exact(step, AMOUNT_PLACES),
            unit=unit,
            first=self.harvested.get(asset_id, ()),
        )

    def harvested_units(self, asset_id: str) -> int:
        """Return how much of an asset must be sold for its losses, in 10^-12 units of quantity."""
        ids = self.harvested.get(asset_id, frozenset())
        return sum(scaled(lot.quantity) for lot in self.taxation.lots.get(asset_id, ()) if lot.lot_id in ids)

    def sold(self, sales: TaxedSale, asset_id: str, quantity: Decimal) -> tuple[LotSale, ...]:
        """Return which lots a sale takes, with gain and tax."""
        return lots_sold(sales, quantity, self.prices[asset_id], self.taxation)

    def after_buying(self, asset_id: str) -> "TaxPlan":
        """Return the plan in which an asset is bought: its purchase replaces what is sold at a loss."""
        wash, day = self.taxation.wash, self.taxation.rules.trade_date
        bought = Lot(asset_id, asset_id, Decimal(1), Decimal(0), day, _THIS_PLAN)
        rules = replace(wash, other_lots=(*wash.other_lots, bought))
        return replace(self, taxation=replace(self.taxation, wash=rules))


def plan_tax(
    rules: TaxRules,
    prices: Mapping[str, Decimal],
    substitutes: Mapping[str, str],
    *,
    harvestable: Iterable[str] | None,
) -> TaxPlan:
    """Read tax rules and say what they mean for the assets of a plan.

    Args:
        rules: as the user gave them.
        prices: asset → price of one, base currency; of every asset of the plan.
        substitutes: asset → what is bought in its place.
        harvestable: the assets whose losses may be harvested; None = losses are not harvested.

    Raises:
        AmountError, TaxRuleError: a rule is out of its range.
    """
    taxation = read_tax(rules)
    harvested: Mapping[str, frozenset[str]] = {}
    if harvestable is not None:
        sellable = {asset_id: prices[asset_id] for asset_id in harvestable}
        harvested = choose_harvest(taxation, sellable, substitutes)
    return TaxPlan(taxation, prices, _washing(taxation, prices, harvested), harvested)


def _washing(taxation: Taxation, assets: Iterable[str], harvested: Iterable[str]) -> frozenset[str]:
    """Return what may not be bought: it lost in the last days, or is to lose now."""
    groups, day = taxation.wash.identical, taxation.rules.trade_date
    losing = frozenset[str]().union(*(identical_assets(asset_id, groups) for asset_id in harvested))
    return barred_purchases(taxation.wash, assets, trade_date=day) | losing


def base_price(price_of_step: int, step: int) -> Decimal:
    """Return the price of one in base currency, from raw money for one step of 10^-12 units."""
    with localcontext(EXACT):
        return exact(price_of_step, RAW_PLACES) / exact(step, AMOUNT_PLACES)
