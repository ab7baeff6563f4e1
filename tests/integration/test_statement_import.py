"""Statements into the ledger: all of it or nothing, once, and back."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text

from importing import BUY, DEPOSIT, TODAY, balances, plan, run, tenant_with_accounts
from statement_lines import write
from steelyard.services.statement_import import (
    ImportBuiltOnError,
    ImportChoiceError,
    ImportRefusedError,
    ImportUndoneError,
    UnknownImportError,
    get_import,
    list_imports,
    undo_import,
)
from steelyard.services.statement_plan import Standing, StatementFile
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.connection import Pool, get_db_session, get_migrator_session

pytestmark = pytest.mark.usefixtures("tenant")


@pytest.fixture
async def tenant(store: Pool) -> AsyncIterator[int]:
    """A tenant of one test."""
    del store
    async with tenant_with_accounts() as number:
        yield number


async def transactions() -> set[str]:
    async with get_db_session() as db:
        return set(await db.scalars(text("select transaction_id from steelyard.transactions")))


async def test_what_is_planned_is_what_is_booked(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", DEPOSIT, BUY, "SKIP")

    planned = await plan(file)
    assert await balances() == {}

    [effect] = planned.effects
    assert [(one.name, int(one.before), int(one.after)) for one in effect.units] == [("VTI", 0, 10)]
    assert [(one.name, int(one.before), int(one.after)) for one in effect.cash] == [("USD", 0, 7499)]
    assert [(one.asset_id, one.lots_after, int(one.cost_after)) for one in effect.lots] == [("VTI", 1, 2501)]
    assert planned.can_run
    assert [(one.line, one.why) for one in planned.skipped] == [(4, "an order that was cancelled")]

    done = await run(file)
    assert await balances() == {("A", "VTI"): 10, ("A", "USD"): 7499}
    assert done.booked == 2
    assert [one.standing for one in done.plan.bookings] == [Standing.NEW, Standing.NEW]


async def test_the_effect_names_what_goes_and_who_keeps_an_account(tmp_path: Path) -> None:
    """And a statement may speak of an asset that never was in the account."""
    await run(write(tmp_path, "a.txt", DEPOSIT, BUY))
    sale = "SELL 2024-04-02 currency=USD asset=VTI/USD quantity=10 amount=2600"
    planned = await plan(write(tmp_path, "b.txt", sale, "HELD 2024-04-30 asset=AAPL/USD quantity=3"))

    [effect] = planned.effects
    assert [(one.asset_id, one.lots_before, one.lots_after) for one in effect.lots] == [("VTI", 1, 0)]
    assert [(int(one.cost_before), int(one.cost_after)) for one in effect.lots] == [(2501, 0)]
    assert effect.lot_fault == ""
    assert (effect.base_currency, effect.kept_by, effect.kept_by_after) == ("USD", "ledger", "ledger")
    [difference] = planned.differences
    assert (difference.name, int(difference.stated), int(difference.ledger)) == ("AAPL", 3, 0)


async def test_a_file_that_comes_again_for_another_account_is_told(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", DEPOSIT, BUY)
    assert (await plan(file)).notes == ()
    done = await run(file)
    [note] = (await plan(file, account="B")).notes
    assert note.startswith("a.txt was imported on ")
    assert note.endswith(
        f" ({done.import_id}), and brings rows that are new now: if they are booked under another account or asset, "
        "`steelyard imports undo` that import first."
    )


async def test_lots_that_are_not_known_say_why(tmp_path: Path) -> None:
    buy = "BUY 2024-03-14 currency=GBP asset=VOD.L/GBX quantity=10 amount=7"
    [effect] = (await plan(write(tmp_path, "a.txt", buy))).effects
    assert effect.lots == ()
    assert effect.lot_fault == "No rate of GBP is known in the ten days up to 2024-03-14; load fx_rates."


async def test_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    twin = "DIVIDEND 2024-03-20 currency=USD asset=VTI/USD amount=7"
    file = write(tmp_path, "a.txt", DEPOSIT, BUY, twin, twin)
    first = await run(file)
    assert [(one.line, one.why) for one in first.plan.flagged] == [
        (5, "says the same as line 4, and neither has an id: both are booked")
    ]
    there = await balances(), await transactions()

    again = await run(file)

    assert (again.import_id, again.booked) == (None, 0)
    assert [one.standing for one in again.plan.bookings] == [Standing.THERE] * 4
    assert (await balances(), await transactions()) == there
    assert len(await list_imports()) == 1


async def test_files_that_overlap_bring_each_row_once(tmp_path: Path) -> None:
    fee = "FEE 2024-03-20 currency=USD amount=2"
    march = write(tmp_path, "march.txt", DEPOSIT, BUY, fee, fee)
    spring = write(tmp_path, "spring.txt", BUY, fee, fee, fee, "FEE 2024-04-20 currency=USD amount=2")

    done = await run(march, spring)

    assert await balances() == {("A", "VTI"): 10, ("A", "USD"): 7499 - 3 * 2 - 2}
    assert [(one.new, one.there) for one in done.plan.files] == [(4, 0), (2, 3)]


async def test_one_id_with_two_contents_is_refused_with_both(tmp_path: Path) -> None:
    other = BUY.replace("amount=2500", "amount=2600")

    [first, second] = (await plan(write(tmp_path, "a.txt", BUY, other))).refused
    assert (first.line, second.line) == (2, 3)
    assert "BUY 10 VTI for 2500 USD on 2024-03-14 here" in first.why
    assert "for 2600 USD on 2024-03-14 there" in first.why

    await run(write(tmp_path, "a.txt", DEPOSIT, BUY))
    with pytest.raises(
        ImportRefusedError, match=r"a.txt line 3, booked as BUY 10 VTI for 2500 USD on 2024-03-14, and"
    ):
        await run(write(tmp_path, "b.txt", other))
    assert await balances() == {("A", "VTI"): 10, ("A", "USD"): 7499}


async def test_a_refused_row_keeps_everything_out_until_it_is_left_out(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", DEPOSIT, "BAD", BUY)

    with pytest.raises(ImportRefusedError, match=r"a.txt line 3: `Price` is 'n/a', no number") as refused:
        await run(file)
    assert await transactions() == set()
    assert [one.new for one in refused.value.plan.files] == [2]

    done = await run(file, leave_out=frozenset({("a.txt", 3)}))
    assert done.booked == 2
    assert [(one.read, one.left_out) for one in done.plan.files] == [(2, 1)]
    with pytest.raises(ImportChoiceError, match=r"a.txt line 9, which is to be left out, holds no row"):
        await plan(file, leave_out=frozenset({("a.txt", 9)}))


async def test_what_only_the_store_can_tell_is_refused_with_its_line(tmp_path: Path) -> None:
    split = "SPLIT 2024-03-15 source_id={} currency=USD asset=VTI/USD quantity=1 counter_quantity=2"
    planned = await plan(write(tmp_path, "a.txt", DEPOSIT, BUY, split.format(7), split.format(8)))

    [refused] = planned.refused
    assert refused.line in {4, 5}  # of two alike the one with the lower id counts
    assert refused.why == "as SPLIT is the same corporate action as one that is booked"
    assert not planned.can_run


async def test_closes_matter_until_a_week_after_the_last_or_for_what_is_held_until_today(
    tmp_path: Path,
) -> None:
    """There are closes of VTI from 2024-01-31 to 2024-03-01, and none of AAPL."""
    bought = "BUY 2024-02-05 currency=USD asset={}/USD quantity=10 amount=100"
    sold = "SELL {} currency=USD asset=VTI/USD quantity=10 amount=100"
    early = "BUY 2024-01-30 currency=USD asset=VTI/USD quantity=1 amount=10"

    held = await plan(write(tmp_path, "a.txt", bought.format("VTI"), bought.format("AAPL")))
    assert [(one.name, one.first, one.last) for one in held.missing_prices] == [
        ("AAPL", date(2024, 2, 5), TODAY),
        ("VTI", date(2024, 2, 5), TODAY),
    ]
    for rows, is_enough in (
        ([bought.format("VTI"), sold.format("2024-03-08")], True),
        ([bought.format("VTI"), sold.format("2024-03-09")], False),
        ([early, bought.format("VTI"), sold.format("2024-03-08")], False),
    ):
        planned = await plan(write(tmp_path, "b.txt", *rows))
        assert (planned.missing_prices == (), planned.price_command == "") == (is_enough, is_enough), rows


async def test_rates_that_are_missing_are_named_with_what_brings_them(tmp_path: Path) -> None:
    """Of both currencies: a rate is so many units for 1 EUR. VOD.L is quoted in pence, and held until today."""
    buy = "BUY 2024-03-14 source_id=1 currency=GBP asset=VOD.L/GBX quantity=10 amount=7"
    paid = "DEPOSIT 2024-03-01 source_id=2 currency=SEK amount=5"
    back = "WITHDRAWAL 2024-03-20 source_id=3 currency=SEK amount=5"

    planned = await plan(write(tmp_path, "a.txt", DEPOSIT, buy, paid, back))

    assert [(one.name, one.first, one.last) for one in planned.missing_rates] == [
        ("GBP", date(2024, 3, 14), TODAY),
        ("SEK", date(2024, 3, 1), date(2024, 3, 20)),
        ("USD", date(2024, 3, 1), TODAY),
    ]
    assert planned.rate_command == "steelyard prices backfill --source ecb --from 2024-02-20"


async def test_rates_that_are_there_are_not_asked_for(tmp_path: Path) -> None:
    """They begin by the first day, and end at most ten days before the last; of the euro there are none."""
    paid = [f"DEPOSIT 2024-03-14 source_id={name} currency={name} amount=5" for name in ("EUR", "CHF")]
    file = write(tmp_path, "a.txt", *paid)
    own = await plan(write(tmp_path, "b.txt", DEPOSIT, BUY))
    assert (own.missing_rates, own.rate_command) == ((), "")

    found = [await missing_rates(file)]
    for day in (date(2024, 3, 15), date(2024, 3, 14), date(2024, 6, 17), date(2024, 6, 18)):
        async with get_migrator_session() as db:
            statement = "insert into steelyard.fx_rates values ('CHF', :day, 0.96, 'file')"
            await db.execute(text(statement), {"day": day})
        found.append(await missing_rates(file))

    assert found == [["CHF", "USD"]] * 4 + [["USD"]]


async def missing_rates(file: StatementFile) -> list[str]:
    return [one.name for one in (await plan(file)).missing_rates]


async def test_an_import_is_undone_as_a_whole_and_can_come_again(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", DEPOSIT, BUY)
    await run(write(tmp_path, "before.txt", "DEPOSIT 2024-02-01 source_id=9 currency=USD amount=5"))
    before = await balances(), await transactions()
    done = await run(file)
    assert done.import_id is not None

    kept = await undo_import(done.import_id, today=TODAY)

    assert (await balances(), await transactions()) == before
    assert (kept.undone_by, kept.transactions) == ("operator", 2)
    assert kept.undone_at is not None
    assert kept.undone_at >= kept.made_at
    nowhere = UUID(int=7)
    with pytest.raises(
        UnknownImportError, match=f"There is no import {nowhere}; `steelyard imports` lists them"
    ):
        await undo_import(nowhere, today=TODAY)
    _, rows = await get_import(done.import_id)
    assert [(one.file_name, one.line) for one in rows] == [("a.txt", 2), ("a.txt", 3)]
    with pytest.raises(ImportUndoneError):
        await undo_import(done.import_id, today=TODAY)
    again = await run(file)
    assert again.import_id not in {None, done.import_id}
    assert [len(one.files) for one in await list_imports()] == [1, 1, 1]


async def test_what_was_booked_on_top_keeps_an_import(tmp_path: Path) -> None:
    first = await run(write(tmp_path, "a.txt", DEPOSIT, BUY))
    sale = "SELL 2024-04-02 source_id=2 currency=USD asset=VTI/USD quantity=4 amount=1100"
    second = await run(write(tmp_path, "b.txt", sale))
    assert first.import_id is not None
    assert second.import_id is not None

    with pytest.raises(
        ImportBuiltOnError, match=r"A would have less than 0 VTI, because of SELL imp-\w+ of 2024-04-02"
    ):
        await undo_import(first.import_id, today=TODAY)
    assert (await balances())["A", "VTI"] == 6

    await undo_import(second.import_id, today=TODAY)
    await undo_import(first.import_id, today=TODAY)
    assert await balances() == {}


async def test_a_transfer_between_two_files_is_booked_once(tmp_path: Path) -> None:
    transfer = "TRANSFER 2024-03-15 currency=USD amount=100 account=one counter_account=two"
    one = write(tmp_path, "one.txt", f"{DEPOSIT} account=one", transfer)
    two = write(tmp_path, "two.txt", transfer)

    done = await run(one, two, account=None, accounts={"one": "A", "two": "B"})

    assert done.booked == 2
    assert await balances() == {("A", "USD"): 9900, ("B", "USD"): 100}


async def test_units_without_an_amount_are_taken_at_the_close_of_their_day(tmp_path: Path) -> None:
    receipt = "RECEIVE 2024-03-{} currency=GBP asset=isin:GB00BH4HKS39/GBX quantity=100 amount=?"
    done = await run(write(tmp_path, "a.txt", receipt.format("02")))
    [booking] = done.plan.bookings
    assert (booking.transaction.amount, booking.transaction.currency) == (Decimal(70), "GBP")
    assert done.plan.flagged[0].why.endswith("70 GBP")

    unvalued = await plan(write(tmp_path, "b.txt", receipt.format("14"), DEPOSIT, receipt.format("15")))
    assert [one.line for one in unvalued.refused] == [2, 4]
    assert [one.line for one in unvalued.bookings] == [3]
    assert unvalued.refused[0].why == (
        "does not say what 100 VOD.L are worth, and there is no close of 2024-03-14: "
        "steelyard prices backfill --source files --from 2024-03-14 --asset VOD.L"
    )


async def test_a_history_that_starts_in_the_middle_is_opened(tmp_path: Path) -> None:
    sale = "SELL 2024-02-02 source_id=2 currency=USD asset=VTI/USD quantity=4 amount=1000"
    file = write(tmp_path, "a.txt", sale, "WITHDRAWAL 2024-02-03 source_id=3 currency=USD amount=1500")

    planned = await plan(file, account="guarded")
    assert "may not go below 0" in planned.overdrawn
    opened = [(one.asset_id, int(one.quantity), int(one.amount or 0), one.day) for one in planned.openings]
    assert opened == [("", 0, 500, date(2024, 2, 1)), ("VTI", 4, 960, date(2024, 2, 1))]
    assert [one.why for one in planned.openings] == [
        "on 2024-02-03 there would be -500",
        "on 2024-02-02 there would be -4",
    ]
    with pytest.raises(ImportRefusedError, match="--opening books it") as refused:
        await run(file, account="guarded")
    said = str(refused.value)
    assert said.startswith("Nothing was imported; 3 things are in the way:\n  ")
    assert ("500 USD" in said, "4 VTI" in said) == (True, True)
    assert said.endswith(
        "\nAnswer the questions, leave rows out with --leave-out, and see it all with --dry-run."
    )

    done = await run(file, account="guarded", opening=True)
    assert done.plan.overdrawn == ""
    assert [
        (was.is_chosen, now.is_chosen) for was, now in zip(planned.openings, done.plan.openings, strict=True)
    ] == [
        (False, True),
        (False, True),
    ]
    assert await balances() == {}
    assert (await run(file, account="guarded", opening=True)).import_id is None
    async with get_db_session() as db:
        guards = await db.execute(
            text("select may_overdraw, may_short from steelyard.accounts where account_id = 'guarded'")
        )
        assert [tuple(row) for row in guards] == [(False, False)]


async def test_a_statement_says_what_was_there_before(tmp_path: Path) -> None:
    lines = (
        "BUY 2024-02-02 source_id=2 currency=USD asset=VTI/USD quantity=4 amount=1000",
        "SPLIT 2024-02-05 source_id=3 currency=USD asset=VTI/USD quantity=1 counter_quantity=2",
        "HELD 2024-02-28 asset=VTI/USD quantity=20",
        "HELD 2024-02-28 currency=USD quantity=123.45",
    )
    file = write(tmp_path, "a.txt", *lines)

    planned = await plan(file)
    differing = [(one.name, str(one.stated), int(one.ledger)) for one in planned.differences]
    assert differing == [("VTI", "20", 8), ("USD", "123.45", -1000)]
    movers = planned.differences[0].movers
    assert [(mover.line, int(mover.quantity)) for mover in movers] == [(2, 4), (3, 4)]

    assert [one.why for one in planned.openings] == [
        "a.txt says 123.45 at the end of 2024-02-28",
        "a.txt says 20 at the end of 2024-02-28",
    ]

    done = await run(file, opening=True)
    assert done.plan.differences == ()
    assert {(one.asset_id or one.currency): one.quantity or one.amount for one in done.plan.openings} == {
        "VTI": 6,
        "USD": Decimal("1123.45"),
    }


async def test_what_a_statement_says_of_the_day_of_a_split_is_after_it(tmp_path: Path) -> None:
    split = "SPLIT 2024-03-05 source_id=3 currency=USD asset=VTI/USD quantity=1 counter_quantity=2"
    planned = await plan(write(tmp_path, "a.txt", split, "HELD 2024-03-05 asset=VTI/USD quantity=20"))
    assert [(one.asset_id, int(one.quantity)) for one in planned.openings] == [("VTI", 10)]


async def test_an_opening_without_a_close_is_refused_with_what_brings_one(tmp_path: Path) -> None:
    """VTI closed on 2024-03-01 and not after: a week later that is still taken, on the eighth day it is not."""
    sale = "SELL 2024-03-{} source_id=1 currency=USD asset=VTI/USD quantity=4 amount=1000"
    taken = await plan(write(tmp_path, "a.txt", sale.format("09")))
    assert [one.amount for one in taken.openings] == [4 * 255]

    [refused] = (await plan(write(tmp_path, "b.txt", sale.format("10")), opening=True)).refused
    assert refused.why == (
        "4 VTI of A were there before, and there is no close of 2024-03-09 to take them at: steelyard prices backfill "
        "--source alpaca --from 2024-03-09 --asset VTI, or book the OPENING by hand"
    )


async def test_what_is_sold_short_was_not_there_before(tmp_path: Path) -> None:
    short = "SHORT 2024-03-01 source_id=1 currency=USD asset=VTI/USD quantity=4 amount=1000"
    sold = "SELL 2024-03-01 source_id=2 currency=USD asset=AAPL/USD quantity=4 amount=1000"
    planned = await plan(write(tmp_path, "a.txt", short, sold))
    assert [one.asset_id for one in planned.openings] == ["AAPL"]


async def test_an_opening_and_what_it_stood_for_are_not_both_counted(tmp_path: Path) -> None:
    sale = "SELL 2024-03-05 source_id=2 currency=USD asset=VTI/USD quantity=4 amount=1000"
    await run(write(tmp_path, "b.txt", sale), opening=True)

    older = await plan(
        write(tmp_path, "a.txt", "BUY 2024-02-09 currency=USD asset=VTI/USD quantity=4 amount=900")
    )

    [note] = [one for one in older.notes if "counts them twice" in one]
    assert note.startswith(
        "A has an opening of VTI of 2024-03-04, and 1 new rows about it are not after that day"
    )
    apart = await plan(
        write(tmp_path, "c.txt", "BUY 2024-03-05 currency=USD asset=VTI/USD quantity=4 amount=900")
    )
    assert [one for one in apart.notes if "counts them twice" in one] == []


async def test_what_was_left_out_may_explain_a_difference(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", DEPOSIT, "BAD", "HELD 2024-03-31 currency=USD quantity=9000")
    planned = await plan(file, leave_out=frozenset({("a.txt", 3)}))
    [difference] = planned.differences
    assert difference.why == "rows that are refused or left out may be about it: a.txt line 3"


async def test_somebody_elses_import_is_not_there(tmp_path: Path) -> None:
    done = await run(write(tmp_path, "a.txt", DEPOSIT))
    assert done.import_id is not None
    with acting_as(Acting(1, "operator")):
        assert await list_imports() == ()
