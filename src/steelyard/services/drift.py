"""Drift of accounts from the models they follow, as dashboards and lists tell it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from steelyard.storage.dashboard import AccountDrift

BAND_ABSOLUTE: Final = "0.05"
"""How far a weight may be from its target before it is told: a fraction of the whole, known as the 5/25 rule."""

BAND_RELATIVE: Final = "0.25"
"""The same as a fraction of the target; the narrower holds. A proposal has a band of its own, in its policy."""


@dataclass(frozen=True, slots=True)
class Drifts:
    """Drift of some accounts together.

    Attributes:
        accounts: that follow a model.
        drifted: of these, how many have assets outside the band.
        unknown: of these, of how many it is not known.
        largest: the largest drift, a fraction; None = none is known.
        outside: assets outside the band, over all of them.
    """

    accounts: int
    drifted: int
    unknown: int
    largest: Decimal | None
    outside: int


def sum_drifts(drifts: Sequence[AccountDrift]) -> Drifts:
    """Sum up drifts.

    >>> sum_drifts([AccountDrift("A", Decimal("0.1"), 2), AccountDrift("B", None, None)])
    Drifts(accounts=2, drifted=1, unknown=1, largest=Decimal('0.1'), outside=2)
    """
    known = [one for one in drifts if one.drift is not None]
    return Drifts(
        accounts=len(drifts),
        drifted=sum(bool(one.outside) for one in known),
        unknown=len(drifts) - len(known),
        largest=max((one.drift for one in known if one.drift is not None), default=None),
        outside=sum(one.outside or 0 for one in known),
    )
