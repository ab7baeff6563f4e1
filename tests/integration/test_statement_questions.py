"""What statements call accounts and assets: what follows from it, what is asked, and what is remembered."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from shlex import quote

import pytest
from sqlalchemy import text

from importing import BUY, DEPOSIT, TODAY, balances, plan, run, tenant_with_accounts
from people_rows import new_vault
from statement_lines import READERS, Lines, hint_of, write
from steelyard.services.asset_naming import hint_key
from steelyard.services.statement_import import (
    Choices,
    ImportChoiceError,
    ImportRefusedError,
    run_import,
)
from steelyard.services.statement_plan import Doubt, Subject
from steelyard.statements.port import Source
from steelyard.statements.record import Hint, Record, Row
from steelyard.storage.connection import Pool, get_db_session

pytestmark = pytest.mark.usefixtures("tenant")


@pytest.fixture
async def tenant(store: Pool) -> AsyncIterator[int]:
    """A tenant of one test."""
    del store
    async with tenant_with_accounts() as number:
        yield number


async def test_an_account_is_asked_for_and_named(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", f"{DEPOSIT} account=U123")

    planned = await plan(file, account=None)
    [question] = planned.questions
    assert (question.subject, question.key, question.option) == (
        Subject.ACCOUNT,
        "U123",
        "--statement-account U123=ACCOUNT",
    )
    assert [one.id for one in question.candidates] == ["A", "B", "guarded"]
    assert [one.waiting for one in planned.files] == [1]

    await run(file, account=None, accounts={"U123": "B"})
    assert await balances() == {("B", "USD"): 10000}
    with pytest.raises(ImportChoiceError, match="account 'b' is not there; did you mean B"):
        await plan(file, account="b")


async def test_a_statement_that_names_no_account_is_asked_about_as_a_whole(tmp_path: Path) -> None:
    [question] = (await plan(write(tmp_path, "a.txt", "SKIP", DEPOSIT, DEPOSIT), account=None)).questions
    assert (question.text, question.option, question.key, question.line, question.rows) == (
        "Which account is the statement of?",
        "--account ACCOUNT",
        "",
        3,
        2,
    )


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"accounts": {"U12": "B"}}, "'U12' is in none of the files: U123."),
        (
            {"accounts": {"zzz": "B"}},
            "'zzz' is in none of the files: write it as the statement does.",
        ),
        (
            {"assets": {"symbol:VTO//USD": "VTI"}},
            "'symbol:VTO//USD' is that of no asset in the files: symbol:VTI//USD.",
        ),
    ],
)
async def test_an_answer_to_what_nobody_asks_is_a_slip(
    tmp_path: Path, choices: dict[str, object], says: str
) -> None:
    file = write(tmp_path, "a.txt", f"{DEPOSIT} account=U123", f"{BUY} account=U123")
    with pytest.raises(ImportChoiceError) as caught:
        await plan(file, **choices)
    assert str(caught.value).endswith(says)


@pytest.mark.parametrize(
    ("hint", "is_taken"),
    [
        ("isin:US0378331005/USD", True),  # Apple's own
        ("APPLE/USD", True),  # of no number
        ("isin:US67066G1040/USD", False),  # Nvidia's
        ("APPLE/EUR", False),
    ],
)
async def test_no_asset_is_made_in_the_place_of_another(tmp_path: Path, *, hint: str, is_taken: bool) -> None:
    file = write(tmp_path, "a.txt", f"BUY 2024-03-14 currency=USD asset={hint} quantity=1 amount=1")
    answer = {hint_key(hint_of(hint)): "+AAPL"}
    if is_taken:
        assert (await plan(file, assets=answer)).new_assets == ()
        return
    with pytest.raises(
        ImportChoiceError, match=r"is there already, as Apple Inc\., US0378331005, USD: write AAPL "
    ):
        await plan(file, assets=answer)


async def test_what_an_account_is_called_is_remembered_and_never_written(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    vault = new_vault(tmp_path_factory.mktemp("vault"))
    file = write(
        tmp_path, "a.txt", f"{DEPOSIT} account=U123", "FEE 2024-03-02 currency=USD amount=1 account=A"
    )
    again = write(tmp_path, "b.txt", "FEE 2024-03-03 currency=USD amount=2 account=U123")
    named = Choices(accounts={"U123": "B"})

    await run_import([file], named, today=TODAY, readers=READERS, vault=vault)
    await run_import([again], Choices(), today=TODAY, readers=READERS, vault=vault)

    assert await balances() == {("B", "USD"): 9998, ("A", "USD"): -1}
    async with get_db_session() as db:
        rows = await db.execute(
            text("select account_id, row_to_json(n)::text from steelyard.account_names as n")
        )
        assert [(row[0], "U123" in row[1]) for row in rows] == [("B", False)]  # A is itself


async def test_an_asset_in_another_unit_is_asked_about_and_the_answer_remembered(tmp_path: Path) -> None:
    buy = "BUY 2024-03-14 source_id={} currency=GBP asset=isin:GB00BH4HKS39/GBP quantity=10 amount=7"
    file = write(tmp_path, "a.txt", buy.format(1))

    [question] = (await plan(file)).questions
    assert (question.doubt, question.key) == (Doubt.CONTRADICTION, "isin:GB00BH4HKS39/GBP")
    assert [one.id for one in question.candidates] == ["VOD.L"]

    await run(file, assets={"isin:GB00BH4HKS39/GBP": "VOD.L"})
    await run(write(tmp_path, "b.txt", buy.format(2)))
    assert await balances() == {("A", "VOD.L"): 20, ("A", "GBP"): -14}


@pytest.mark.parametrize(
    ("hint", "doubt"),
    [
        ("AAPL", Doubt.AMBIGUOUS),  # nobody says the currency
        ("AAPL/EUR", Doubt.AMBIGUOUS),
        ("VOD/GBX", Doubt.AMBIGUOUS),  # like it, and not it
        ("NVDA/USD", Doubt.UNKNOWN),
        ("isin:US67066G1040/USD", Doubt.UNKNOWN),
        ("isin:US0378331005/EUR", Doubt.CONTRADICTION),
    ],
)
async def test_what_does_not_follow_is_asked(tmp_path: Path, hint: str, doubt: Doubt) -> None:
    buy = f"BUY 2024-03-14 currency=USD asset={hint} quantity=1 amount=1"
    [question] = (await plan(write(tmp_path, "a.txt", "SKIP", buy, buy))).questions
    assert question.doubt is doubt
    assert question.option == f"--asset {quote(f'{question.key}=ASSET')}"
    assert (question.hint, question.file_name, question.line, question.rows) == (hint_of(hint), "a.txt", 3, 2)


@pytest.mark.parametrize(
    "hint", ["AAPL/USD", "isin:US0378331005/USD", "isin:US0378331005", "cusip:037833100/USD"]
)
async def test_what_follows_is_not_asked(tmp_path: Path, hint: str) -> None:
    buy = f"BUY 2024-03-14 currency=USD asset={hint} quantity=1 amount=1"
    await run(write(tmp_path, "a.txt", buy))
    assert await balances() == {("A", "AAPL"): 1, ("A", "USD"): -1}


async def test_an_asset_that_nobody_knows_is_made_when_it_is_wanted(tenant: int, tmp_path: Path) -> None:
    name = f"NEW{tenant}"
    file = write(tmp_path, "a.txt", f"BUY 2024-03-14 currency=USD asset={name}/USD quantity=1 amount=1")

    planned = await plan(file)
    [question] = planned.questions
    assert question.new_asset is not None
    assert (question.new_asset.asset_id, question.new_asset.currency) == (name, "USD")
    with pytest.raises(ImportRefusedError, match=f"No asset here is {name}"):
        await run(file)

    done = await run(file, new_assets=True)
    assert [one.asset_id for one in done.plan.new_assets] == [name]
    assert (
        done.plan.price_command
        == f"steelyard prices backfill --source alpaca --from 2024-03-14 --asset {name}"
    )
    assert await balances() == {("A", name): 1, ("A", "USD"): -1}
    assert (await run(file)).import_id is None


async def test_an_asset_can_be_made_under_an_id_of_ones_own(tenant: int, tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", "BUY 2024-03-14 currency=USD asset=VOD/USD quantity=1 amount=1")
    own = f"VOD.US{tenant}"

    with pytest.raises(ImportChoiceError, match=rf"is not there; write \+{own} to make it"):
        await plan(file, assets={"symbol:VOD//USD": own})
    await run(file, assets={"symbol:VOD//USD": f"+{own}"})
    assert await balances() == {("A", own): 1, ("A", "USD"): -1}
    assert (await run(file)).import_id is None


async def test_one_number_under_two_symbols_is_one_asset(tenant: int, tmp_path: Path) -> None:
    """A file may call an asset by its old symbol in one row, and by its new one in another."""

    class TwoSymbols(Lines):
        def read(self, source: Source) -> Iterator[Row]:
            for row in super().read(source):
                assert isinstance(row, Record)
                symbol = f"GCM{tenant}.OLD" if row.line == 2 else f"GCM{tenant}"
                yield replace(row, asset=Hint(isin="CA36168L1058", symbol=symbol, currency="USD"))

    buy = "BUY 2024-03-1{} source_id={} currency=USD asset=GCM/USD quantity=1 amount=1"
    file = write(tmp_path, "a.txt", buy.format(1, 1), buy.format(2, 2))
    choices = Choices(account="A", new_assets=True)

    done = await run_import([file], choices, today=TODAY, readers=[TwoSymbols()])
    assert [one.asset_id for one in done.plan.new_assets] == [f"GCM{tenant}"]
    again = await run_import([file], choices, today=TODAY, readers=[TwoSymbols()])
    assert again.import_id is None


async def test_an_asset_is_not_made_without_a_currency(tenant: int, tmp_path: Path) -> None:
    held = f"HELD 2024-03-14 account=nobody quantity=1 asset=NEW{tenant}"
    file = write(tmp_path, "a.txt", held, f"HELD 2024-03-14 account=A quantity=1 asset=NEW{tenant}.B")

    with pytest.raises(ImportChoiceError, match="has no currency, and no row says one"):
        await plan(file, account=None, assets={f"symbol:NEW{tenant}//": f"+OWN{tenant}"})
    planned = await plan(file, account=None, assets={f"symbol:NEW{tenant}//": f"+OWN{tenant}@EUR"})
    assert [(one.asset_id, one.currency) for one in planned.new_assets] == [(f"OWN{tenant}", "EUR")]
