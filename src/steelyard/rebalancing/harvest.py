"""Harvesting: which lots are sold for their losses, so that none of the losses is washed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

from steelyard.domain.lot import Lot, LotMethod
from steelyard.domain.money import EXACT
from steelyard.domain.wash_sale import identical_assets
from steelyard.rebalancing.tax import Taxation, TaxRuleError, is_washed, recent_purchases


@dataclass(frozen=True, slots=True)
class Harvestable:
    """A lot that has lost enough to be sold for it.

    Attributes:
        lot: the lot.
        loss: on all of it, above 0.
        recent: what the household bought within the window and holds, of the asset and of identical ones. It washes
            the loss, unless it is this lot itself or sold with it.
    """

    lot: Lot
    loss: Decimal
    recent: tuple[Lot, ...]


def find_harvestable(taxation: Taxation, prices: Mapping[str, Decimal]) -> tuple[Harvestable, ...]:
    """Return the lots of an account that have lost enough, the largest loss first.

    Args:
        taxation: its lots, and `harvest_above`, the least loss.
        prices: asset → price of one, base currency; assets without one are left out.

    Raises:
        TaxRuleError: no threshold is given, or lots cannot be named because they are sold at their average.
    """
    if taxation.harvest_above is None:
        raise TaxRuleError("harvest_above", None, "an amount above 0, the least loss worth a sale")
    if taxation.rules.method is LotMethod.AVERAGE:
        raise TaxRuleError("method", "average", "one that can name the lots it sells, to harvest losses")
    priced = [lot for lots in taxation.lots.values() for lot in lots if lot.asset_id in prices]
    losses = [(_loss(lot, prices[lot.asset_id]), lot) for lot in priced if taxation.may_sell(lot)]
    found = [
        Harvestable(lot, loss, tuple(recent_purchases(lot.asset_id, taxation)))
        for loss, lot in losses
        if loss >= taxation.harvest_above
    ]
    return tuple(sorted(found, key=lambda one: (-one.loss, one.lot.asset_id, one.lot.lot_id)))


def choose_harvest(
    taxation: Taxation, prices: Mapping[str, Decimal], substitutes: Mapping[str, str]
) -> dict[str, frozenset[str]]:
    """Return which lots to sell: asset → lot ids.

    An asset is left out where a recent purchase that stays would wash the loss, and where it is needed as the
    substitute of one that has lost more; so is one whose substitute is sold for its own, larger loss.

    Raises:
        TaxRuleError: as `find_harvestable`; or a substitute is substantially identical to what it replaces.
    """
    _check_substitutes(taxation, substitutes)
    chosen: dict[str, frozenset[str]] = {}
    needed: set[str] = set()
    for asset_id, lots in _by_asset(find_harvestable(taxation, prices)):
        substitute = substitutes.get(asset_id)
        sold = frozenset().union(*(identical_assets(other, taxation.wash.identical) for other in chosen))
        if asset_id in needed or substitute in sold or is_washed(lots, taxation):
            continue
        chosen[asset_id] = frozenset(lot.lot_id for lot in lots)
        if substitute is not None:
            needed |= identical_assets(substitute, taxation.wash.identical)
    return chosen


def _check_substitutes(taxation: Taxation, substitutes: Mapping[str, str]) -> None:
    for asset_id, substitute in substitutes.items():
        if substitute in identical_assets(asset_id, taxation.wash.identical):
            raise TaxRuleError(
                f"substitute of {asset_id}", substitute, "an asset that is not substantially identical to it"
            )


def _by_asset(found: Iterable[Harvestable]) -> list[tuple[str, list[Lot]]]:
    """Return the lots of each asset, the asset with the largest loss in all first."""
    lots: dict[str, list[Lot]] = {}
    losses: dict[str, Decimal] = {}
    with localcontext(EXACT):
        for one in found:
            lots.setdefault(one.lot.asset_id, []).append(one.lot)
            losses[one.lot.asset_id] = losses.get(one.lot.asset_id, Decimal(0)) + one.loss
    return sorted(lots.items(), key=lambda item: (-losses[item[0]], item[0]))


def _loss(lot: Lot, price: Decimal) -> Decimal:
    with localcontext(EXACT):
        return lot.basis - price * lot.quantity
