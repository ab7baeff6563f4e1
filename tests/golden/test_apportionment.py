"""The example by which "Alabama paradox" is explained everywhere: one seat more, and the smallest state loses one.

Source: https://en.wikipedia.org/wiki/Apportionment_paradox, "Alabama paradox", states of 6, 6 and 2.
"""

from decimal import Decimal

import pytest

from steelyard.rebalancing.apportionment import apportion

STATES = {"A": Decimal(6), "B": Decimal(6), "C": Decimal(2)}


@pytest.mark.parametrize(("seats", "shares"), [(10, (4, 4, 2)), (11, (5, 5, 1))])
def test_largest_remainders_share_out_seats_as_published(seats: int, shares: tuple[int, ...]) -> None:
    found = apportion(STATES, filled=Decimal(seats), amount=Decimal(0), block="house", places=2)
    assert tuple(found.shares[state].quantity for state in STATES) == shares
