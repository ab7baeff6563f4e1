"""Quality flags of asset 360: what limits an asset's figures, in words."""

from typing import Final

MEANINGS: Final = {
    "no_price": "no price on or before the day; its value is unknown",
    "stale_price": "the latest price is more than seven days old",
    "no_history": "no daily return in the year",
    "short_history": "its returns cover less than the year",
    "short_risk_window": "fewer than 20 returns in three months; its risk is unknown",
    "no_benchmark": "nothing to measure beta against",
    "no_risk_free": "no risk-free rate for its currency; Sharpe is above 0",
    "no_position": "not held on the day",
    "no_quantity": "held with neither quantity nor weight; its value is unknown",
    "no_fx_rate": "no exchange rate to the base currency",
    "unposted": "transactions about it are not in the ledger, which keeps its account",
    "reversal": "a price that jumped and came back was set aside",
    "unit_jump": "a price near 100 times the usual, or a hundredth of it, was set aside",
    "split_like": "a price changed like in a split it is not adjusted for",
    "level_shift": "the price jumped and stayed: real news, or an unadjusted spin-off",
    "unconfirmed": "the latest price is a jump; the next one will tell",
}
"""Flags that `create_asset_360` sets, and what the search for jumps finds; docs/reference/data-quality.md has all."""


def meaning(flag: str) -> str:
    """Return what a flag means, in a few words.

    >>> meaning("stale_price")
    'the latest price is more than seven days old'
    """
    return MEANINGS.get(flag, "some of its prices were set aside when loaded")
