"""Lots for a plan, out of the ledger: those of the household, and what the account sold before."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from small_book import Tables, load
from steelyard.domain.lot import LotMethod
from steelyard.domain.portfolio import Portfolio, Price
from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.rebalancing.policy import Policy, TaxPolicy, allocate
from steelyard.services.ledger import record_transactions
from steelyard.services.lot import UnreplayedError, read_taxed_lots
from steelyard.storage.connection import Pool, get_db_session

TODAY = date(2024, 3, 1)


def booked(kind: str, day: date, account: str, quantity: int, amount: int) -> Transaction:
    return Transaction(
        transaction_id=f"{kind}-{day}-{account}",
        kind=TransactionKind(kind),
        trade_date=day,
        account_id=account,
        currency="USD",
        asset_id="A",
        quantity=Decimal(quantity),
        amount=Decimal(amount),
    )


@pytest.fixture
async def filled(own_store: Pool, tmp_path: Path) -> Pool:
    tables: Tables = {
        "asset_master": [
            ("A", "Anvil", "Equity", "USD", "", "", ""),
            ("B", "Bellows", "Equity", "USD", "", "", ""),
        ],
        "households": [("H", "Hill", "USD")],
        "accounts": [
            ("ONE", "First", "H", "USD", ""),
            ("TWO", "Second", "H", "USD", ""),
            ("X", "X", "", "USD", ""),
        ],
        "market_data": [("A", date(2023, 5, 2), 100), ("B", date(2023, 5, 2), 100)],
    }
    await load(tmp_path, tables)
    await record_transactions(
        [
            booked("BUY", date(2023, 1, 3), "ONE", 10, 2000),
            booked("SELL", date(2023, 4, 20), "ONE", 4, 400),
            booked("BUY", date(2023, 1, 4), "TWO", 5, 900),
            booked("BUY", date(2023, 1, 5), "X", 1, 100),
        ],
        today=TODAY,
    )
    return own_store


@pytest.mark.usefixtures("filled")
async def test_lots_are_of_the_household_and_sales_of_the_account() -> None:
    async with get_db_session() as db:
        lots, sales = await read_taxed_lots(db, ["ONE"], date(2023, 5, 2))

    assert sorted((lot.account_id, int(lot.quantity)) for lot in lots) == [("ONE", 6), ("TWO", 5)]
    assert [(sale.sold, sale.gain) for sale in sales] == [(date(2023, 4, 20), Decimal(-400))]


@pytest.mark.usefixtures("filled")
async def test_a_loss_of_last_month_bars_buying_the_same_again() -> None:
    async with get_db_session() as db:
        lots, sales = await read_taxed_lots(db, ["ONE"], date(2023, 5, 2))
    portfolio = Portfolio(
        account_id="ONE",
        base_currency="USD",
        positions={"A": Decimal(6)},
        cash={"USD": Decimal(1000)},
        targets={"A": Decimal("0.5"), "B": Decimal("0.5")},
        cash_targets={},
        prices={name: Price(Decimal(100), "USD") for name in ("A", "B")},
        lots=lots,
        sales=sales,
        as_of=date(2023, 5, 2),
    )

    def trades(wash_days: int | None) -> dict[str, Decimal]:
        tax = TaxPolicy(Decimal(0), Decimal(0), 1, LotMethod.FIFO, wash_days=wash_days)
        return {trade.asset_id: trade.quantity for trade in allocate(portfolio, Policy(tax=tax)).trades}

    assert trades(None)["A"] > 0
    assert "A" not in trades(30)
    assert trades(10)["A"] > 0


@pytest.mark.usefixtures("filled")
async def test_an_account_that_does_not_add_up_is_refused() -> None:
    await record_transactions([booked("SELL", date(2023, 2, 1), "TWO", 50, 5000)], today=TODAY)

    async with get_db_session() as db:
        with pytest.raises(
            UnreplayedError, match="The lots of TWO are not known: transaction SELL-2023-02-01-TWO"
        ):
            await read_taxed_lots(db, ["TWO"], date(2023, 5, 2))
        lots, _ = await read_taxed_lots(db, ["ONE"], date(2023, 5, 2))

    assert {lot.account_id for lot in lots} == {"ONE"}
