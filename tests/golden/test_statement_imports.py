"""Every sample through the real import and the real ledger: nothing lost, nothing twice, closings agreed, and back.

A sample comes into accounts of its own. What its reader refuses is left out by its line, and what is in the way is
answered as a person would. docs/reference/statements.md says which rows are read and which are not.

They share a pool, as imports of one server do, and so the plans of what is asked; what a sample writes is rolled back.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Final

import pytest
import pytest_asyncio
from sqlalchemy import text

from beancount_files import theirs, want_beancount
from books import shared
from imported_samples import (
    CLIENTS,
    TODAY,
    Sample,
    balances,
    booked,
    bring_in,
    entries,
    make_account,
    make_new_assets,
    make_opening_closes,
    open_sample,
    read_sample,
    samples,
)
from steelyard.domain.amount import plain
from steelyard.errors import InvalidInputError
from steelyard.services.statement_import import ImportRefusedError, run_import, undo_import
from steelyard.services.statement_plan import Choices, Imported, Standing, StatementFile
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.connection import (
    Pool,
    WriteSession,
    close_connection_pool,
    get_write_session,
    init_connection_pool,
)
from steelyard.storage.embedded import EmbeddedServer

FOLDERS: Final = (
    "broker_csv",
    "ofx",
    "ofx_csv_reds",
    "ibkr_flex",
    "iso20022_camt",
    "ghostfolio_import/ok",
)
GHOSTFOLIO_EXPORTS: Final = "broker_csv/export-to-ghostfolio"

NOTHING: Final = {
    "broker_csv/kapji/exchange_rates_data.csv",
    "broker_csv/kapji/morgan_stanley__data__Withdrawal Wire Report.csv",
    "broker_csv/kapji/schwab__data__rsu_settlement__awards.csv",
    "ofx/ofxparse/account_listing_aggregation.ofx",
    "ofx/ofxparse/bank_small.ofx",
    "ofx/ofxparse/error_message.ofx",
    "ofx/ofxparse/signon_fail.ofx",
    "ofx/ofxparse/signon_success.ofx",
    "ofx/ofxparse/signon_success_no_message.ofx",
    "ofx/ofxtools/profrs.ofx",
    "iso20022_camt/golden-camt053-no-ntry.pydata",
    "iso20022_camt/golden-camt053-txdtls.pydata",
    "iso20022_camt/golden-camt053.pydata",
    "iso20022_camt/golden-camt054.pydata",
    "iso20022_camt/test-camt053.zip",
}
"""Files without a booking or a closing: no statement, refused whole, or nothing but what moves nothing."""

LEFT_OUT: Final = {f"{GHOSTFOLIO_EXPORTS}/coinbase-export.csv": {9}}
"""Rows that a person leaves out: the sample has one purchase twice under one id, in euros and in dollars."""

TWICE: Final = {f"{GHOSTFOLIO_EXPORTS}/xtb-export.csv": [37, 38, 39]}
"""Rows that a sample has twice under one id: lines 23 to 25 again."""

HISTORY: Final = {
    # Rows of several people's statements, put together: the balance of the newest row is of one of them.
    f"{GHOSTFOLIO_EXPORTS}/bux-export.csv": ["EUR 74.83 for -1752.93"],
    f"{GHOSTFOLIO_EXPORTS}/degiro-export.csv": [
        "EUR 217.01 for -10630.67",
        "USD 0 for -455.5708",
        "GBP 114.31 for 19.84",
        "JPY 9999.99 for 0",
    ],
    "ofx/ofxparse/bank_medium.ofx": ["CAD 382.34 for -345.27"],
    "ofx/ofxparse/checking.ofx": ["USD 100.99 for -59.5"],
    "ofx/ofxparse/fidelity.ofx": ["RHT 50 for 0", "USD 18073.98 for -10526.67"],
    "ofx/ofxparse/investment_401k.ofx": [
        "FOO 17.604312 for 8.846699",
        "BAR 13.550983 for 6.800992",
        "BAZ 0 for -9.060702",
    ],
    "ofx/ofxparse/investment_medium.ofx": ["CAD 1 for 0"],
    "ofx/ofxparse/multiple_accounts.ofx": ["USD 111 for 0", "USD 222 for 0"],
    "ofx/ofxparse/multiple_accounts2.ofx": ["USD 111 for 0", "USD 222 for 0"],
    "ofx/ofxparse/suncorp.ofx": ["AUD 1234.12 for -16.85"],
    "ofx/ofxparse/td_ameritrade.ofx": ["AMZN 1 for 0", "912810RW0 1000 for 0"],
    "ofx/ofxparse/tiaacref.ofx": [
        "222222126 13.0763 for 0",
        "222222217 1 for 0",
        "QCBMIX 8.7605 for 0",
        "222222258 339.2012 for 0",
        "TIAATRAD 543.71 for 0",
        "QREARX 2 for 0",
    ],
    "ofx/ofxparse/vanguard.ofx": ["012345678 244.2 for -42.123"],
    "ofx/ofxparse/vanguard401k.ofx": ["92202V351 117.506 for 44.75022"],
    "ofx/ofxtools/invstmtrs.ofx": ["ACME 200 for 100", "LUAXX 1 for 0"],
    "ofx/ofxtools/stmtrs.ofx": ["USD 200.29 for -500"],
    "ofx/ofxtools/stmtrs_euro.ofx": ["USD 200.29 for -500"],
    "ofx_csv_reds/OfxDownload-401k.qfx": ["VGI007743 113.718 for 15.741031"],
    "ofx_csv_reds/etrade_09092023.QFX": [
        "TSM 55.55 for 0.76817",
        "V 500 for 5.55",
        "USD 555.55 for -1344.27",
    ],
    "ofx_csv_reds/schwab_XXX234_Checking_Transactions_20220203.csv": ["USD 2 for -1"],
    "ibkr_flex/sure_flex_statement.xml": ["CHF 1000.5 for 500", "USD 500 for -124.85", "AAPL 10 for 1"],
    "ibkr_flex/testIBFlexStatementFile20.xml": [
        "CAD 4806.66195851 for 0",
        "EUR 152.241642114 for 0",
        "USD 1544.296952 for -2995.205",
    ],
    "ibkr_flex/testIBFlexStatementFile21.xml": [
        "EUR 5437.44562 for -4807.435",
        "USD -0.00000882 for -1.58",
    ],
    "iso20022_camt/test-camt053-no-ntry": ["CHF 1520.76 for 0"],
    # It states what was there before, too: 75960.15, which is what is missing.
    "iso20022_camt/test-camt053-txdtls": ["CHF 79443.15 for 3483"],
    f"{GHOSTFOLIO_EXPORTS}/swissquote-export.csv": [
        "CHF 6612.4 for 62020.99",
        "EUR 2937.32 for 2481.97",
        "USD 166660.08 for 39220.25",
    ],
    f"{GHOSTFOLIO_EXPORTS}/finpension-3a-export.csv": ["CHF 200.988502 for 1366.561506"],
    "ofx/ofxparse/anzcc.ofx": ["AUD -123.45 for -5.5"],
    "ghostfolio_import/ok/sample.json": ["USD 2000 for -1557.8", "USD 1000 for -1557.8"],
}
"""Files that say more is there than their rows brought: they begin in the middle, and what was there before is missing.

Each with what it states for what its rows make. A file that is not here has no difference.
"""

CONTRADICTIONS: Final = {
    # 1376.60, the deposit, then cut: the running balance of the file jumps by -1350.960471 at line 26, by 0.009516 at
    # line 25 and by 185.377951 at line 2, which is -1165.573004 together.
    f"{GHOSTFOLIO_EXPORTS}/finpension-3a-export.csv": ["CHF 200.988502 for 1366.561506"],
    # 1985.92 before the first row; then the running balance jumps by 26265.84 at line 15 and by -83660.35 at line 7,
    # which is -55408.59 together: rows were cut out.
    f"{GHOSTFOLIO_EXPORTS}/swissquote-export.csv": ["CHF 6612.4 for 62020.99"],
    # A card: 117.95 was owed before, and nothing that is owed is an opening.
    "ofx/ofxparse/anzcc.ofx": ["AUD -123.45 for -5.5"],
    # The balances of an account on two days, 1000 and 2000, and no booking between.
    "ghostfolio_import/ok/sample.json": ["USD 1000 for 2000"],
}
"""What is left of them once the opening is booked: the sample lacks rows, or contradicts itself."""

VALID_HERE: Final = {
    "ghostfolio_import/not-ok/invalid-platform.json",
    "ghostfolio_import/not-ok/invalid-symbol-btc-usd.csv",
}
"""Samples that are invalid inside Ghostfolio alone: docs/reference/statements.md says why."""

NOT_VALID: Final = {
    "ghostfolio_import/not-ok/invalid-currency.csv": 2,
    "ghostfolio_import/not-ok/invalid-data-source.json": 7,
    "ghostfolio_import/not-ok/invalid-date-before-min.json": 7,
    "ghostfolio_import/not-ok/invalid-date-yy.csv": 2,
    "ghostfolio_import/not-ok/invalid-date.json": 7,
    "ghostfolio_import/not-ok/invalid-fee.csv": 2,
    "ghostfolio_import/not-ok/invalid-multi-line.csv": 4,
    "ghostfolio_import/not-ok/invalid-symbol-with-manual-data-source.json": 7,
    "ghostfolio_import/not-ok/invalid-symbol.csv": 2,
    "ghostfolio_import/not-ok/invalid-symbol.json": 7,
    "ghostfolio_import/not-ok/invalid-type.json": 7,
    "ghostfolio_import/not-ok/unavailable-exchange-rate.json": 7,
}
"""The line that keeps each of the others out."""

UNREADABLE: Final = {
    "ghostfolio_import/not-ok/unexpected-format.json": "unexpected-format.json is of no kind that is known"
}

STATEMENTS: Final = [name for name in samples(*FOLDERS) if name not in NOTHING]
LEDGERS: Final = samples("ledgers")

on_the_pool = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(
    database: EmbeddedServer, urls: Callable[[EmbeddedServer], tuple[str, str]]
) -> AsyncIterator[Pool]:
    app, migrator = urls(database)
    yield await init_connection_pool(app, migrator_url=migrator)
    await close_connection_pool()


@pytest_asyncio.fixture(loop_scope="module")
async def db(pool: Pool) -> AsyncIterator[WriteSession]:
    del pool  # opening it is what matters
    with acting_as(Acting(1, "operator")):
        async with get_write_session() as session:
            yield session
            await session.rollback()


@pytest_asyncio.fixture(loop_scope="module")
async def sample(request: pytest.FixtureRequest, db: WriteSession) -> Sample:
    name: str = request.param
    if name in LEDGERS:
        want_beancount()
    return await open_sample(db, CLIENTS / name, left_out=LEFT_OUT.get(name, set()))


def differing(done: Imported) -> list[str]:
    """What statements state for what the ledger has, where that is not the same."""
    return [f"{one.name} {plain(one.stated)} for {plain(one.ledger)}" for one in done.plan.differences]


async def check_at_once(db: WriteSession) -> None:
    """Let the checks that wait for the end of the transaction come now."""
    await db.execute(text("set constraints all immediate"))


def test_the_files_that_hold_nothing_are_a_closed_list() -> None:
    shared("clients")

    for name in NOTHING:
        try:
            rows = read_sample(CLIENTS / name)
        except InvalidInputError:
            continue
        assert not rows.records, name
        assert not rows.held, name


def test_every_table_is_about_samples() -> None:
    shared("clients")

    assert {*LEFT_OUT, *TWICE, *HISTORY} <= {*STATEMENTS}
    assert {*CONTRADICTIONS} <= {*HISTORY}


@on_the_pool
@pytest.mark.parametrize("sample", STATEMENTS, indirect=True)
async def test_a_sample_comes_in_whole_once_and_goes(db: WriteSession, sample: Sample) -> None:
    before = await balances(db)

    await stays_out_with_a_refused_row(db, sample)
    done = await comes_in_whole(db, sample)
    await changes_nothing_again(db, sample)
    await is_taken_back(db, done)
    assert await balances(db) == before
    if sample.name in HISTORY:
        await comes_in_with_what_was_there_before(db, sample, done)
        assert await balances(db) == before


@on_the_pool
@pytest.mark.parametrize("sample", LEDGERS, indirect=True)
async def test_a_ledger_comes_in_as_beancount_adds_it_up(db: WriteSession, sample: Sample) -> None:
    """Held against what beancount's own library reads in the ledger."""
    done = await comes_in_whole(db, sample)
    ours = {account: name for name, account in sample.accounts.items()}
    found = {(ours[account], what): number for (account, what), number in (await balances(db)).items()}
    assert found == theirs(sample.path.name)
    assert len(found) >= 10

    await changes_nothing_again(db, sample)
    assert done.import_id is not None
    await is_taken_back(db, done)
    assert await balances(db) == {}


@on_the_pool
@pytest.mark.parametrize("name", samples("ghostfolio_import/not-ok"))
async def test_what_is_not_valid_stays_out(db: WriteSession, name: str) -> None:
    path = CLIENTS / name
    await make_account(db, "SAMPLE-1", "USD")
    choices = Choices(account="SAMPLE-1", new_assets=True)

    if name in VALID_HERE:
        assert (await run_import([StatementFile(path.name, path)], choices, today=TODAY, db=db)).booked == 1
        return
    with pytest.raises(InvalidInputError) as error:
        await run_import([StatementFile(path.name, path)], choices, today=TODAY, db=db)
    assert UNREADABLE.get(name, f"{path.name} line {NOT_VALID.get(name)}: ") in str(error.value)
    assert (await balances(db), await entries(db)) == ({}, 0)


async def stays_out_with_a_refused_row(db: WriteSession, sample: Sample) -> None:
    """Try to import a sample with all its rows."""
    if sample.rows.refused:
        with pytest.raises(ImportRefusedError) as error:
            await run_import(
                [sample.file], replace(sample.choices, leave_out=frozenset()), today=TODAY, db=db
            )
        assert {*sample.rows.refused} <= {*error.value.plan.refused}
        assert (await balances(db), await entries(db)) == ({}, 0)


async def comes_in_whole(db: WriteSession, sample: Sample) -> Imported:
    """Import a sample: each record is one transaction, and closings agree but where the table says otherwise."""
    done = await bring_in(db, sample)
    await check_at_once(db)
    twice = [one.line for one in done.plan.bookings if one.standing is Standing.THERE]
    assert twice == TWICE.get(sample.name, [])
    assert await booked(db) == sample.said(but=twice)
    assert bool(done.plan.agreements) == bool(sample.rows.held)
    assert differing(done) == HISTORY.get(sample.name, [])
    for one in done.plan.differences:
        assert one.why
        assert sum(row.quantity for row in one.movers) == one.ledger  # row by row, all that the ledger has
    return done


async def changes_nothing_again(db: WriteSession, sample: Sample) -> None:
    """Import a sample that is there."""
    there, written = await balances(db), await entries(db)
    again = await run_import([sample.file], sample.choices, today=TODAY, db=db)
    assert (again.import_id, again.booked) == (None, 0)
    assert {one.standing for one in again.plan.bookings} <= {Standing.THERE}
    assert len(again.plan.bookings) == len(sample.records)
    assert (await balances(db), await entries(db)) == (there, written)


async def is_taken_back(db: WriteSession, done: Imported) -> None:
    """Undo an import, where it booked anything."""
    if done.import_id is not None:
        await undo_import(done.import_id, today=TODAY, db=db)
        await check_at_once(db)


async def comes_in_with_what_was_there_before(db: WriteSession, sample: Sample, done: Imported) -> None:
    """Import a sample that lacked something, with its opening: that is what was missing. And take it back."""
    if done.import_id is None:  # nothing was booked, so no asset was made
        await make_new_assets(db, sample, done.plan)
    await make_opening_closes(db, done.plan)
    sample.choices = replace(sample.choices, opening=True)

    opened = await run_import([sample.file], sample.choices, today=TODAY, db=db)
    await check_at_once(db)
    assert differing(opened) == CONTRADICTIONS.get(sample.name, [])

    await changes_nothing_again(db, sample)
    assert opened.import_id is not None
    await is_taken_back(db, opened)
