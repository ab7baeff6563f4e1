"""How often one address, or one user, may ask: a bucket of tokens each, in memory."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import timedelta
from ipaddress import IPv4Address
from typing import Final

from steelyard.server.place import Address
from steelyard.server.refusals import TooManyRequestsError

MAX_BUCKETS: Final = 20_000
"""How many are remembered: who has not asked for longest is forgotten first, and its bucket is full by then."""

IPV6_PREFIX: Final = 64
"""What one customer is given: its addresses share a bucket."""


class Rate:
    """Buckets that fill at a rate, each up to a burst."""

    def __init__(self, per_second: float, burst: int, seconds: Callable[[], float]) -> None:
        """Begin with nobody.

        Args:
            per_second: requests a second, above 0.
            burst: requests at once.
            seconds: gives seconds that only grow.
        """
        self._per_second, self._burst, self._seconds = per_second, burst, seconds
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, who: Hashable) -> None:
        """Take a token out of somebody's bucket.

        Raises:
            TooManyRequestsError: it is empty.
        """
        now = self._seconds()
        left, since = self._buckets.get(who, (float(self._burst), now))
        left = min(self._burst, left + (now - since) * self._per_second)
        taken = left >= 1
        self._buckets[who] = (left - taken, now)
        self._buckets.move_to_end(who)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        if not taken:
            raise TooManyRequestsError(timedelta(seconds=(1 - left) / self._per_second))


def bucket_of(address: Address | None) -> Hashable:
    """Return whose bucket a request from an address takes of."""
    if address is None or isinstance(address, IPv4Address):
        return address
    return address.ipv4_mapped or int(address) >> (128 - IPV6_PREFIX)
