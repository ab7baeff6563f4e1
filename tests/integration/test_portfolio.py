"""Accounts read from the store: positions, cash, targets, prices and rates as of a day, and what is refused."""

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import small_book
import steelyard
from books import Row, write_table
from steelyard.domain.portfolio import Price
from steelyard.errors import SteelyardError
from steelyard.identity.permissions import AccountHiddenError, Actor, Right, Role
from steelyard.services.account import Accounts, Balance, get_balances, select_account
from steelyard.services.book import calculate_book
from steelyard.services.loading import load_tables
from steelyard.services.market import get_current_price, get_current_prices
from steelyard.services.portfolio import NoModelError, read_portfolio
from steelyard.services.scope import UnknownScopeError
from steelyard.storage.connection import Pool, ReadSession, get_db_session

AS_OF = date(2023, 12, 29)
HEADERS = {
    "asset_master": "asset_id,asset_name,asset_type,currency",
    "market_data": "asset_id,price_date,closing_price",
    "fx_rates": "currency,rate_date,units_per_eur",
    "accounts": "account_id,account_name,base_currency,model_id",
    "model_portfolios": "model_id,model_name",
    "target_weights": "model_id,asset_id,target_weight",
    "portfolio_allocation": "portfolio,asset_id,as_of,quantity,actual_weight",
}
BOOK: dict[str, list[Row]] = {
    "asset_master": [
        ("A", "Anvil", "Equity", "USD"),
        ("V", "Vane", "Equity", "GBX"),
        ("N", "Newcomer", "Equity", "USD"),
        ("USD", "US dollar", "Cash", "USD"),
        ("EUR", "Euro", "cash", "EUR"),
    ],
    "market_data": [
        ("A", "2023-12-27", "10.5"),
        ("A", "2023-12-29", "11.25"),
        ("V", "2023-12-28", "101.25"),
    ],
    "fx_rates": [("USD", "2023-12-29", "1.1"), ("GBP", "2023-12-29", "0.88")],
    "model_portfolios": [("M", "Model"), ("NEW", "With a newcomer"), ("EMPTY", "Nothing yet")],
    "target_weights": [
        ("M", "A", "0.6"),
        ("M", "V", "0.3"),
        ("M", "USD", "0.1"),
        ("NEW", "N", "1"),
    ],
    "accounts": [
        ("ONE", "One", "USD", "M"),
        ("NEW", "New", "USD", "NEW"),
        ("LATE", "Late", "USD", "M"),
        ("WEIGHTS", "Weights", "USD", "M"),
        ("FREE", "Free", "USD", ""),
        ("EMPTY", "Empty", "USD", "EMPTY"),
    ],
    "portfolio_allocation": [
        ("ONE", "A", "2023-12-01", "7", ""),
        ("ONE", "A", "2023-12-28", "100", ""),
        ("ONE", "V", "2023-12-28", "0", ""),
        ("ONE", "USD", "2023-12-28", "250.5", ""),
        ("ONE", "EUR", "2023-12-28", "40", ""),
        ("NEW", "A", "2023-12-28", "1", ""),
        ("LATE", "A", "2023-12-29", "1", ""),
        ("WEIGHTS", "A", "2023-12-28", "", "1"),
        ("FREE", "A", "2023-12-28", "1", ""),
        ("EMPTY", "A", "2023-12-28", "1", ""),
    ],
}


@pytest.fixture
async def db(own_store: Pool, tmp_path: Path) -> AsyncIterator[ReadSession]:
    del own_store  # opening it is what matters
    for name, rows in BOOK.items():
        write_table(tmp_path, name, HEADERS[name], rows)
    await load_tables(tmp_path, today=small_book.TODAY, only=list(BOOK))
    async with get_db_session() as session:
        yield session


async def test_an_account_is_read_as_of_the_last_price_date(db: ReadSession) -> None:
    portfolio = await read_portfolio(db, "ONE")

    assert portfolio.as_of == AS_OF
    assert portfolio.positions_date == date(2023, 12, 28)
    assert portfolio.positions == {"A": 100}
    assert portfolio.cash == {"USD": Decimal("250.5"), "EUR": 40}
    assert portfolio.targets == {"A": Decimal("0.6"), "V": Decimal("0.3")}
    assert portfolio.cash_targets == {"USD": Decimal("0.1")}
    assert portfolio.prices == {
        "A": Price(Decimal("11.25"), "USD", AS_OF),
        "V": Price(Decimal("1.0125"), "GBP", date(2023, 12, 28)),
    }
    assert portfolio.rates == {"EUR": Decimal("1.1"), "GBP": Decimal("1.25")}


async def test_a_past_day_knows_nothing_later(db: ReadSession) -> None:
    with pytest.raises(SteelyardError, match="No price of V is known on or before 2023-12-27"):
        await read_portfolio(db, "ONE", as_of=date(2023, 12, 27))

    assert (await get_current_price("A", db, as_of=date(2023, 12, 28))).price == Decimal("10.5")


@pytest.mark.parametrize(
    ("account_id", "as_of", "sentence"),
    [
        ("ON", None, "There is no account ON; did you mean ONE?"),
        ("FREE", None, "Account FREE follows no model portfolio, so there is no target"),
        ("EMPTY", None, "Account EMPTY follows model EMPTY, which has no weights"),
        ("NEW", None, "No price of N is known on or before 2023-12-29"),
        ("WEIGHTS", None, "Account WEIGHTS has no quantity of A"),
        (
            "LATE",
            date(2023, 12, 28),
            "Neither a snapshot nor the ledger says what account LATE held on 2023-12-28",
        ),
        ("ONE", date(2024, 1, 15), "No rate of EUR, GBP to USD is known in the ten days up to 2024-01-15"),
    ],
)
async def test_what_is_not_known_is_refused(
    db: ReadSession, account_id: str, as_of: date | None, sentence: str
) -> None:
    with pytest.raises(SteelyardError) as refused:
        await read_portfolio(db, account_id, as_of=as_of)

    assert sentence in f"{refused.value}"


async def test_an_empty_store_asks_for_prices(read_session: ReadSession) -> None:
    with pytest.raises(SteelyardError, match="market_data holds no price"):
        await get_current_prices(["A"], read_session)


async def test_the_names_users_know_answer_without_a_session(db: ReadSession) -> None:
    del db  # the book it was made with is what matters
    accounts = steelyard.Accounts()

    with pytest.raises(SteelyardError, match="No account is set"):
        await accounts.get_portfolio()
    await accounts.set_account("ONE")

    assert await accounts.get_portfolio() == {"A": 100, "USD": Decimal("250.5"), "EUR": 40}
    assert await accounts.get_target_allocation() == {
        "A": Decimal("0.6"),
        "V": Decimal("0.3"),
        "USD": Decimal("0.1"),
    }
    assert sorted(await steelyard.get_current_prices(["V", "A"])) == ["A", "V"]
    assert isinstance(accounts, Accounts)


async def test_balances_are_by_currency_the_base_currency_first(db: ReadSession) -> None:
    found = await get_balances("ONE", db)

    assert found.balances == (
        Balance("USD", Decimal("250.5"), Decimal("1125.00000000"), Decimal("1375.50000000")),
        Balance("EUR", Decimal(40), Decimal(0), Decimal("44.00000000")),
    )
    assert (found.total_value, found.base_currency, found.as_of) == (Decimal("1419.50000000"), "USD", AS_OF)


async def test_a_balance_with_a_price_that_is_not_known_is_not_known(db: ReadSession) -> None:
    found = await get_balances("ONE", db, as_of=date(2023, 12, 28))

    assert found.balances[1].value is None  # no rate of the euro is known by then
    assert found.total_value is None


async def test_an_account_is_set_where_who_asks_may_see_it(db: ReadSession) -> None:
    granted = Actor(1, UUID(int=7), Role.VIEWER, grants={"ONE": frozenset({Right.READ})})
    accounts = await select_account("ONE", db, actor=granted)

    assert (await accounts.get_information()).account.model_id == "M"
    assert await accounts.get_transactions() == []
    assert [one.account_id for one in await accounts.list_accounts()] == sorted(
        ("ONE", "NEW", "LATE", "WEIGHTS", "FREE", "EMPTY")
    )
    with pytest.raises(AccountHiddenError):
        await accounts.set_account("FREE")
    with pytest.raises(UnknownScopeError):
        await select_account("NONE", db)
    assert (await accounts.get_information()).account.account_id == "ONE"


async def test_what_an_account_holds_is_known_where_no_target_is(db: ReadSession) -> None:
    accounts = await select_account("FREE", db)

    assert await accounts.get_portfolio() == {"A": 1, "USD": 0}
    with pytest.raises(NoModelError):
        await accounts.get_target_allocation()


async def test_a_book_answers_every_account_that_follows_a_model(db: ReadSession) -> None:
    found: list[dict[str, Any]] = []
    told: list[tuple[str, int, int]] = []

    summary = await calculate_book(
        db,
        write=lambda answers: found.extend(answers.to_pylist()),
        report=lambda *progress: told.append(progress),
    )

    answers = {row["account_id"]: row for row in found}
    assert sorted(answers) == ["EMPTY", "LATE", "NEW", "ONE", "WEIGHTS"]
    assert summary.statuses == {"optimal": 2, "refused": 3}
    assert told[-1] == ("Rebalancing", 5, 5)
    assert "Account WEIGHTS has no quantity of A" in f"{answers['WEIGHTS']['reason']}"
    assert "which has no weights" in f"{answers['EMPTY']['reason']}"
    assert "N" in f"{answers['NEW']['reason']}"


async def test_prices_that_are_too_old_refuse_the_accounts_that_need_them(db: ReadSession) -> None:
    later = date(2024, 1, 8)

    refused = await calculate_book(db, write=lambda _: None, report=lambda *_: None, as_of=later)

    assert refused.statuses == {"refused": 5}
    assert refused.stale_prices == {"A": 6}
