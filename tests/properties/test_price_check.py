"""One rule said twice: a new price is doubted where a load would doubt it as the newest of its history."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from steelyard.analytics.quality import HOUSE_RULE, JumpKind, screen_prices
from steelyard.market.check import Judge, Known, check_price
from steelyard.market.port import AssetKey, Quality, Quote

NOW = datetime(2024, 3, 13, 15, tzinfo=UTC)
JUDGE = Judge(now=NOW, max_age=3, age=lambda _day, _as_of, _mic, _at_most: 0)
SAME = {
    JumpKind.UNIT_JUMP: Quality.CURRENCY,
    JumpKind.SPLIT_LIKE: Quality.SPLIT,
    JumpKind.UNCONFIRMED: Quality.OUTLIER,
}

steps = st.integers(-90, 90)
histories = st.lists(steps, min_size=1, max_size=40)
ratios = st.one_of(
    st.integers(5, 20_000).map(lambda number: Decimal(number) / 100),
    st.sampled_from(["2", "0.5", "3", "0.1", "0.6667", "100", "0.01", "1.2", "0.8"]).map(Decimal),
)


def closes_of(history: list[int]) -> list[Decimal]:
    """Closes that move by some permille a day: never enough for a doubt of their own."""
    closes = [Decimal(1000)]
    for step in history:
        closes.append(round(closes[-1] * (1 + Decimal(step) / 1000), 4))
    return closes


@given(histories, ratios)
def test_a_new_price_is_doubted_as_a_load_would_doubt_it(history: list[int], ratio: Decimal) -> None:
    closes = closes_of(history)
    price = round(closes[-1] * ratio, 4)
    quote = Quote(asset_id="A", price=price, currency="USD", made_at=NOW, source="feed")
    series = np.array([*closes, price], float)
    days = np.datetime64("2024-01-01") + np.arange(len(series))

    found = screen_prices(np.zeros(len(series), int), days, series, rule=HOUSE_RULE)
    last = [JumpKind(kind) for row, kind in zip(found.rows, found.kinds, strict=True) if row == len(closes)]
    checked = check_price(AssetKey("A", "A", "USD"), quote, Known(closes=closes), JUDGE)

    assert checked.quality is (SAME[last[0]] if last else Quality.GOOD)
