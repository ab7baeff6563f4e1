"""What would lose money if an import did it: each is refused, asked about, or said."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from importing import DEPOSIT, TODAY, plan, run, tenant_with_accounts
from statement_lines import write
from steelyard.services.asset_naming import name_assets
from steelyard.services.statement_import import (
    ImportChoiceError,
    ImportRefusedError,
    undo_import,
)
from steelyard.statements.record import Hint
from steelyard.storage.connection import Pool, get_db_session, get_write_session

pytestmark = pytest.mark.usefixtures("tenant")
BUY = "BUY 2024-03-14 source_id=1 currency=USD asset=isin:US9229087690/USD quantity=10 amount=2500 costs=1"


@pytest.fixture
async def tenant(store: Pool) -> AsyncIterator[int]:
    """A tenant of one test."""
    del store
    async with tenant_with_accounts() as number:
        yield number


async def asset(asset_id: str) -> tuple[object, ...]:
    async with get_db_session() as db:
        rows = await db.execute(
            text(
                "select asset_name, asset_type, isin, currency from steelyard.asset_master where asset_id = :a"
            ),
            {"a": asset_id},
        )
        return tuple(rows.one())


OPENED = "select transaction_id, total_amount from steelyard.transactions where transaction_type = 'OPENING'"


async def openings() -> set[tuple[str, Decimal]]:
    async with get_db_session() as db:
        return {(row.transaction_id, row.total_amount) for row in await db.execute(text(OPENED))}


async def test_making_an_asset_changes_none_that_is_there(tmp_path: Path) -> None:
    before = await asset("VTI")
    file = write(tmp_path, "a.txt", "BUY 2024-03-14 currency=EUR asset=XYZ/EUR quantity=1 amount=1")
    with pytest.raises(ImportChoiceError, match="VTI"):
        await run(file, assets={"symbol:XYZ//EUR": "+VTI"})
    assert await asset("VTI") == before


async def test_a_name_that_is_the_id_of_another_asset_makes_none_of_it(tmp_path: Path) -> None:
    before = await asset("VTI")
    file = write(tmp_path, "a.txt", "BUY 2024-03-14 currency=EUR asset=name:vti/EUR quantity=1 amount=1")
    with pytest.raises(ImportRefusedError, match="No asset here is vti"):
        await run(file, new_assets=True)
    assert await asset("VTI") == before


async def test_older_history_does_not_change_the_opening(tmp_path: Path) -> None:
    new = write(tmp_path, "2024.txt", "WITHDRAWAL 2024-02-03 source_id=3 currency=USD amount=1500")
    await run(new, account="guarded", opening=True)
    first = await openings()
    assert len(first) == 1

    old = write(tmp_path, "2023.txt", "WITHDRAWAL 2023-02-03 source_id=4 currency=USD amount=200")
    await run(old, account="guarded", opening=True)
    assert first < await openings()


async def test_rows_before_an_opening_are_said(tmp_path: Path) -> None:
    sale = "SELL 2024-02-02 source_id=2 currency=USD asset=isin:US9229087690/USD quantity=4 amount=1000"
    await run(write(tmp_path, "2024.txt", sale), account="guarded", opening=True)
    old = write(
        tmp_path,
        "2023.txt",
        "DEPOSIT 2023-02-01 source_id=7 currency=USD amount=900",
        "BUY 2023-02-02 source_id=5 currency=USD asset=isin:US9229087690/USD quantity=4 amount=900",
    )
    planned = await plan(old, account="guarded")
    assert any("opening" in note for note in planned.notes)


async def test_a_row_that_was_taken_out_is_said(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", DEPOSIT, BUY)
    await run(file)
    async with get_write_session() as db:
        await db.execute(text("delete from steelyard.transactions where transaction_type = 'BUY'"))
    planned = await plan(file)
    assert any("booked no more" in str(note) for note in planned.flagged)


async def test_the_same_file_in_another_account_is_said(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", DEPOSIT, BUY)
    await run(file)
    planned = await plan(file, account="B")
    assert any("was imported" in note for note in planned.notes)


async def test_choices_for_nothing_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", f"{DEPOSIT} account=U123")
    await run(file, account=None, accounts={"U123": "B"})
    with pytest.raises(ImportChoiceError, match="u123"):
        await plan(file, account="A", accounts={"u123": "B"})
    with pytest.raises(ImportChoiceError, match="VIT"):
        await plan(file, account="A", assets={"symbol:VIT//USD": "VTI"})


async def test_nothing_booked_leaves_nothing(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", "HELD 2024-02-28 asset=QQZ/USD quantity=0")
    done = await run(file, new_assets=True)
    assert done.import_id is None
    async with get_db_session() as db:
        assert (
            await db.scalar(text("select count(*) from steelyard.asset_master where asset_id = 'QQZ'"))
        ) == 0


async def test_stated_days_out_of_order(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "a.txt",
        "HELD 2024-03-31 currency=USD quantity=100",
        "HELD 2024-01-31 currency=USD quantity=100",
    )
    done = await run(file, opening=True)
    assert done.plan.differences == ()


async def test_stated_before_the_first_row(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "a.txt",
        "HELD 2024-01-31 currency=USD quantity=100",
        "DEPOSIT 2024-03-01 source_id=0 currency=USD amount=10",
        "HELD 2024-03-31 currency=USD quantity=110",
    )
    done = await run(file, opening=True)
    assert done.plan.differences == ()


async def test_a_coin_is_no_share_of_its_symbol() -> None:
    hint = Hint(symbol="AAPL", currency="USD", kind="Cryptocurrency")
    async with get_db_session() as db:
        named = await name_assets(db, {hint: "USD"}, {})
    assert named[hint].asset_id == ""


async def test_two_accounts_are_not_one(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", f"{DEPOSIT} account=U1", f"{DEPOSIT} account=U2")
    planned = await plan(file)
    assert any("2 accounts of the statements are all booked in A" in note for note in planned.notes)


async def test_undone_and_overlapping(tmp_path: Path) -> None:
    fee = "FEE 2024-03-20 currency=USD amount=2"
    one = await run(write(tmp_path, "march.txt", DEPOSIT, fee))
    await run(write(tmp_path, "spring.txt", DEPOSIT, fee, fee))
    assert one.import_id is not None
    await undo_import(one.import_id, today=TODAY)
    again = await run(write(tmp_path, "spring.txt", DEPOSIT, fee, fee))
    assert again.booked == 2


async def test_two_at_once(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", DEPOSIT, BUY)
    done = await asyncio.gather(run(file), run(file), run(file))
    assert sorted(one.booked for one in done) == [0, 0, 2]


async def test_a_split_that_only_the_file_knows(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "a.txt",
        "SPLIT 2024-02-05 source_id=3 currency=USD asset=isin:US0378331005/USD quantity=1 counter_quantity=2",
        "HELD 2024-02-28 asset=isin:US0378331005/USD quantity=20",
    )
    planned = await plan(file)
    assert [one.quantity for one in planned.openings] == [10]


async def test_pence_and_pounds(tmp_path: Path) -> None:
    buy = "BUY 2024-03-14 source_id={} currency=GBP asset={} quantity=10 amount=7"
    hints = ("isin:GB00BH4HKS39/GBX", "isin:GB00BH4HKS39/GBP", "isin:GB00BH4HKS39")
    file = write(tmp_path, "a.txt", *(buy.format(number, hint) for number, hint in enumerate(hints)))
    planned = await plan(file, new_assets=True)
    assert [one.key for one in planned.questions] == ["isin:GB00BH4HKS39/GBP"]
    assert planned.new_assets == ()


async def test_account_transfer_halves(tmp_path: Path) -> None:
    a = "TRANSFER 2024-03-15 source_id=9 currency=USD amount=100 account=one counter_account=two"
    planned = await plan(write(tmp_path, "a.txt", a))
    assert not planned.can_run
