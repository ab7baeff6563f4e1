"""How much of what is usually traded of an asset in a session a trade, or a position, is.

Usual is the mean of the last sessions; an asset with fewer known than the rule asks for cannot be measured.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final

from steelyard.compliance.holdings import ZERO, Facts, Holdings, Trade
from steelyard.compliance.measure import Measure, Reading, Unmeasured
from steelyard.compliance.rule import Rule
from steelyard.domain.money import EXACT

MEASURED_OF: Final = ("trade", "position")


def measure_liquidity(
    rule: Rule, holdings: Holdings, trades: Sequence[Trade], facts: Facts
) -> Iterator[Reading]:
    """Measure each trade or position: a fraction of the asset's usual volume."""
    sessions = rule.settings["sessions"]
    for what, asset_id, units in _measured_of(rule.settings["of"], holdings, trades):
        volumes = facts.volumes.get(asset_id, ())
        usual = usual_volume(volumes, sessions)
        if usual is None:
            why = (
                f"of {asset_id} the volume of {len(volumes)} sessions is known, and {sessions} are asked for"
            )
            yield Unmeasured(why=why, asset_ids=(asset_id,), key=asset_id, extent=Fraction(units))
        elif not usual:
            why = f"nothing of {asset_id} was traded in {sessions} sessions"
            extent = Fraction(units)
            yield Unmeasured(why=why, asset_ids=(asset_id,), is_beyond=True, key=asset_id, extent=extent)
        else:
            yield Measure(
                key=asset_id,
                subject=f"The {what} of {units.normalize():,f} {asset_id}",
                amount=Fraction(units) / usual,
                of=f" of its usual volume ({sessions} sessions)",
                asset_ids=(asset_id,),
            )


def usual_volume(volumes: Sequence[Decimal], sessions: int) -> Fraction | None:
    """Return the mean volume of the last sessions; None where fewer are known.

    Args:
        volumes: units, the newest first.
        sessions: how many, above 0.

    >>> usual_volume([Decimal(90), Decimal(110), Decimal(7)], 2), usual_volume([Decimal(90)], 2)
    (Fraction(100, 1), None)
    """
    if len(volumes) < sessions:
        return None
    with localcontext(EXACT):
        return Fraction(sum(volumes[:sessions], ZERO)) / sessions


def _measured_of(
    measured_of: str, holdings: Holdings, trades: Sequence[Trade]
) -> Iterator[tuple[str, str, Decimal]]:
    if measured_of == "position":
        for held in holdings.positions:
            yield "position", held.asset.asset_id, abs(held.quantity)
        return
    for trade in trades:
        if trade.quantity:
            side = "purchase" if trade.quantity > 0 else "sale"
            yield side, trade.asset.asset_id, abs(trade.quantity)
