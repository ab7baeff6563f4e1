"""What changed between two versions, worked out by hand from a small book."""

from decimal import Decimal
from pathlib import Path

import pytest

from small_book import AS_OF, DAYS, TODAY, Tables, load, price_of, prices, small_book
from steelyard.services.asset_360 import refresh
from steelyard.services.changes import (
    AssetMove,
    CategoryMove,
    Changes,
    NoEarlierVersionError,
    ValueMove,
    get_changes,
)
from steelyard.storage.asset_360 import NoVersionError
from steelyard.storage.connection import get_db_session, get_write_session, raw_connection

pytestmark = pytest.mark.usefixtures("own_store")

MEDIUM_FROM = """
update steelyard.category_thresholds set bound = $1 where kind = 'position_size' and category = 'MEDIUM'
"""
IN_EUROS = "update steelyard.tenants set base_currency = 'EUR'"
A, B, N = (price_of(asset, AS_OF) for asset in ("A", "B", "N"))


def held_only() -> Tables:
    """The small book without what keeps an asset in asset 360 that is no longer held."""
    return small_book() | {"transactions": [], "compliance_records": []}


async def change_hands(directory: Path) -> None:
    """ONE sells B, buys ten more of A and four of N, which is new, on the last day."""
    await load(
        directory,
        {
            "asset_master": [("N", "New", "Equity", "USD", "Tools", "US", "")],
            "market_data": prices("N"),
            "portfolio_allocation": [("ONE", "A", AS_OF, 20, ""), ("ONE", "N", AS_OF, 4, "")],
        },
    )


async def execute(statement: str, *values: object) -> None:
    async with get_write_session() as db:
        await (await raw_connection(db)).execute(statement, *values)


async def changes(before: int | None = None, after: int | None = None, most: int = 10) -> Changes:
    async with get_db_session() as db:
        return await get_changes(db, before=before, after=after, most=most)


async def test_assets_in_and_out_categories_and_values(tmp_path: Path) -> None:
    await load(tmp_path, held_only())
    await execute(MEDIUM_FROM, 20 * A)  # 15 of A are less, 25 are more
    await refresh(today=TODAY)
    await change_hands(tmp_path / "later")
    assert (await refresh(today=TODAY)).previous_version == 1

    found = await changes()

    assert (found.before.version, found.after.version) == (1, 2)
    assert (found.before.as_of, found.before.base_currency) == (AS_OF, "USD")
    assert (found.before.total_assets, found.after.total_assets) == (3, 3)
    assert found.after.total_value - found.before.total_value == 10 * A + 4 * N - 20 * B
    assert found.assets_in == (AssetMove("N", "New", 4 * N),)
    assert found.assets_out == (AssetMove("B", "Bellows", 20 * B),)
    assert found.category_moves == (CategoryMove("A", "Anvil", "size", "SMALL", "MEDIUM"),)
    assert found.value_moves == (
        ValueMove("A", "Anvil", 15 * A, 25 * A, 10 * A, float(Decimal(10) / 15)),  # E did not move
    )


async def test_only_the_biggest_moves_are_told_in_their_order(tmp_path: Path) -> None:
    await load(tmp_path, held_only())
    await refresh(today=TODAY)
    fewer: Tables = {
        "portfolio_allocation": [("ONE", "A", AS_OF, 9, ""), ("ONE", "B", AS_OF, 5, "")],
    }
    await load(tmp_path / "fewer", fewer)
    await refresh(today=TODAY)

    assert [(m.asset_id, m.amount) for m in (await changes()).value_moves] == [("B", -15 * B), ("A", -A)]
    assert [m.asset_id for m in (await changes(most=1)).value_moves] == ["B"]
    nothing = await changes(most=0)
    assert (nothing.value_moves, nothing.category_moves) == ((), ())


async def test_backwards_it_says_the_opposite(tmp_path: Path) -> None:
    await load(tmp_path, held_only())
    await refresh(today=TODAY)
    await change_hands(tmp_path / "later")
    await refresh(today=TODAY)

    there, back = await changes(1, 2), await changes(2, 1)

    assert (back.assets_in, back.assets_out) == (there.assets_out, there.assets_in)
    assert [m.amount for m in back.value_moves] == [-m.amount for m in there.value_moves]


async def test_a_short_position_and_an_unknown_value_have_no_percentage(tmp_path: Path) -> None:
    book = held_only()
    book["portfolio_allocation"] = [("ONE", "A", DAYS[0], -4, ""), ("ONE", "B", DAYS[0], "", "0.5")]
    await load(tmp_path, book)
    await refresh(today=TODAY)
    await load(
        tmp_path / "later", {"portfolio_allocation": [("ONE", "A", AS_OF, 2, ""), ("ONE", "B", AS_OF, 1, "")]}
    )
    await refresh(today=TODAY)

    found = await changes()

    assert found.value_moves == (ValueMove("A", "Anvil", -4 * A, 2 * A, 6 * A, None),)
    assert CategoryMove("B", "Bellows", "size", "UNKNOWN", "SMALL") in found.category_moves


async def test_amounts_of_two_currencies_are_not_compared(tmp_path: Path) -> None:
    await load(tmp_path, held_only())
    await refresh(today=TODAY)
    await execute(IN_EUROS)
    assert (await refresh(today=TODAY)).published

    found = await changes()

    assert (found.before.base_currency, found.after.base_currency) == ("USD", "EUR")
    assert found.before.total_value == found.after.total_value * Decimal("1.25")
    assert found.value_moves == ()


async def test_there_must_be_two_versions(tmp_path: Path) -> None:
    with pytest.raises(NoVersionError, match="steelyard refresh"):
        await changes()
    await load(tmp_path, held_only())
    await refresh(today=TODAY)
    with pytest.raises(NoEarlierVersionError, match="No version before 1 is kept"):
        await changes()
    with pytest.raises(NoVersionError, match="Version 7"):
        await changes(before=7)
