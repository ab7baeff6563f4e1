"""Symbols that may be part of a request: plain ASCII, so that nothing in them is read as something else."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from steelyard.market.port import AssetKey

SYMBOL: Final = re.compile(r"[A-Z0-9.\-/:^=]{1,32}")


def askable(assets: Iterable[AssetKey]) -> Iterator[AssetKey]:
    """Yield the assets whose symbol can be asked for; of the others a source has no price.

    >>> [one.symbol for one in askable([AssetKey("1", "BRK.B", "USD"), AssetKey("2", "A&B", "USD")])]
    ['BRK.B']
    """
    return (asset for asset in assets if SYMBOL.fullmatch(asset.symbol))
