"""Assets that may not be bought, sold or held."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from steelyard.compliance.holdings import Described, Facts, Holdings, Trade
from steelyard.compliance.measure import Measure, Reading, Unit, Unmeasured
from steelyard.compliance.rule import Rule
from steelyard.compliance.selection import Selection

FORBIDS: Final = ("buy", "sell", "hold")
_SAID: Final = {"buy": "purchase", "sell": "sale", "hold": "position"}


def measure_restricted(
    rule: Rule, holdings: Holdings, trades: Sequence[Trade], facts: Facts
) -> Iterator[Reading]:
    """Measure what is bought, sold or held of each asset on the list: units, of which the limit is 0."""
    del facts
    selection = Selection.of_settings(rule.settings)
    for act, asset, quantity in _acts(rule.settings["forbids"], holdings, trades):
        listed = selection.takes(asset)
        if listed is None:
            yield Unmeasured(
                why=f"the {selection.missing(asset)} of {asset.asset_id} is not known, so nobody can say whether it "
                "is on the list",
                asset_ids=(asset.asset_id,),
                key=f"{act} {asset.asset_id}",
                extent=Fraction(quantity),
            )
        elif listed:
            yield _measured(act, asset, quantity, selection)


def _acts(
    forbids: Sequence[str], holdings: Holdings, trades: Sequence[Trade]
) -> Iterator[tuple[str, Described, Decimal]]:
    """Give what is done of what a list forbids: the act, the asset, and units above 0."""
    for trade in trades:
        act = "buy" if trade.quantity > 0 else "sell"
        if act in forbids and trade.quantity:
            yield act, trade.asset, abs(trade.quantity)
    if "hold" in forbids:
        for held in holdings.positions:
            yield "hold", held.asset, abs(held.quantity)


def _measured(act: str, asset: Described, quantity: Decimal, selection: Selection) -> Measure:
    why = selection.why(asset)
    return Measure(
        key=f"{act} {asset.asset_id}",
        subject=f"The {_SAID[act]} of {asset.asset_id}{f' ({why})' if why else ''}",
        amount=Fraction(quantity),
        of="",
        asset_ids=(asset.asset_id,),
        unit=Unit.UNITS,
    )
