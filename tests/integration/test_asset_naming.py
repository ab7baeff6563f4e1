"""Naming the assets of a statement: what is shared, what is made, and what an answer is about."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from steelyard.domain.asset import normalize_asset_id
from steelyard.services.asset_naming import Named, hint_key, name_assets
from steelyard.services.statement_plan import Doubt
from steelyard.statements.record import Hint
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.asset_naming import remember_assets
from steelyard.storage.connection import Pool, WriteSession, get_write_session

ISIN = "US78409V1044"
HEDGED = "Fidelity Global Quality Income UCITS ETF INC-EUR (hedged)"


@pytest.fixture
async def db(store: Pool) -> AsyncIterator[WriteSession]:
    """A transaction of the first tenant that is taken back."""
    del store
    with acting_as(Acting(1, "operator")):
        async with get_write_session() as session:
            nested = await session.begin_nested()
            yield session
            await nested.rollback()


async def made(db: WriteSession, hints: dict[Hint, str]) -> list[str]:
    """Return the ids of the assets that would be made of hints, in their order; "" = none."""
    named = await name_assets(db, hints, {})
    assert {one.doubt for one in named.values()} == {Doubt.UNKNOWN}
    return [_made(named[hint]) for hint in hints]


def _made(named: Named) -> str:
    return "" if named.new_asset is None else named.new_asset.asset_id


async def test_one_isin_with_and_without_a_currency_is_one_asset(db: WriteSession) -> None:
    bare, stated = Hint(isin=ISIN, name="S&P Global"), Hint(isin=ISIN, name="S&P Global", currency="USD")
    named = await name_assets(db, {bare: "SEK", stated: "SEK"}, {})
    new = named[bare].new_asset
    assert new is not None
    assert (new.currency, named[stated].new_asset) == ("USD", new)


async def test_one_isin_in_two_currencies_is_two_assets(db: WriteSession) -> None:
    hints = {Hint(isin=ISIN, name="S&P", currency=currency): "SEK" for currency in ("USD", "EUR")}
    assert len({*await made(db, hints)}) == 2


async def test_a_name_that_no_id_may_have_makes_one(db: WriteSession) -> None:
    [asset_id] = await made(db, {Hint(name=HEDGED, currency="EUR"): ""})
    assert asset_id == "FIDELITY GLOBAL QUALITY INCOME UCITS ETF INC-EUR HEDGED"


async def test_names_that_leave_the_same_id_are_assets_of_their_own(db: WriteSession) -> None:
    names = ("Fund (A)", "Fund [A]", "x" * 70 + "1", "x" * 70 + "2", "..,..A", "FUND A 2")
    ids = await made(db, {Hint(name=name, currency="EUR"): "" for name in names})
    assert len({*ids}) == len(names)
    assert [normalize_asset_id(one) for one in ids] == ids


async def test_a_name_that_another_has_as_its_id_makes_none(db: WriteSession) -> None:
    await db.execute(
        text(
            "insert into steelyard.asset_master (asset_id, asset_name, asset_type, currency) "
            "values ('FUND QZ', 'Something else', 'Fund', 'USD')"
        )
    )
    assert await made(db, {Hint(name="Fund (QZ)", currency="EUR"): ""}) == [""]


async def test_an_answer_about_a_share_is_none_about_a_coin(db: WriteSession) -> None:
    await db.execute(
        text(
            "insert into steelyard.asset_master (asset_id, asset_name, asset_type, currency) "
            "values ('UNISHARE', 'Uni', 'Equity', 'USD')"
        )
    )
    share, coin = Hint(symbol="UNIQZ", currency="USD"), Hint(symbol="UNIQZ", currency="USD", kind="crypto")
    await remember_assets(db, {hint_key(share): "UNISHARE"})
    named = await name_assets(db, {share: "", coin: ""}, {})
    assert named[share].asset_id == "UNISHARE"
    assert (named[coin].asset_id, named[coin].doubt) == ("", Doubt.UNKNOWN)
    assert _made(named[coin]) == "UNIQZ"
