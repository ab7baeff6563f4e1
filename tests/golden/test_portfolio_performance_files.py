"""Client files of Portfolio Performance (EPL-1.0, read in place): every row is read, and the balances are theirs.

What a portfolio and an account hold in the end is worked out twice: from our records, and as Portfolio Performance
does, from the rows of each file as another program of ours reads them for the published scenarios.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from books import SHARED_DATA, shared
from portfolio_performance_file import ClientFile, read_client_file
from portfolio_performance_text import records_of
from steelyard.domain.posting import Place, postings_of
from steelyard.domain.transaction import ZERO, Transaction, TransactionKind
from steelyard.statements.portfolio_performance import PortfolioPerformance
from steelyard.statements.recognition import open_source, read_statement
from steelyard.statements.record import Record, Refused, Row

TODAY = date(2026, 11, 22)
FILES = sorted(path.name for path in SHARED_DATA.glob("vectors/inputs/pp_*.xml")) or [
    "pp_currency_sample.xml"
]
OLDER_THAN_CURRENCIES = "EUR"

Balances = Mapping[tuple[str, str], Decimal]
"""Account and what it holds, by the name people give it → how much."""


def read(name: str) -> list[Row]:
    reader = PortfolioPerformance()
    with open_source(shared(f"vectors/inputs/{name}")) as source:
        assert reader.miss(source) is None
        return list(read_statement(reader, source, today=TODAY))


def booked(record: Record) -> Transaction:
    return Transaction(
        transaction_id=record.source_id,
        kind=record.kind,
        trade_date=record.trade_date,
        account_id=record.account,
        currency=record.currency or OLDER_THAN_CURRENCIES,
        amount=record.amount or ZERO,
        costs=record.costs,
        tax=record.tax,
        asset_id=record.asset.name if record.asset else "",
        quantity=record.quantity,
        counter_account_id=record.counter_account,
        counter_currency=record.counter_currency,
        counter_amount=record.counter_amount,
    )


def balances_of(transactions: Iterable[Transaction]) -> Balances:
    balances: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for one in transactions:
        for line in postings_of(one):
            if line.place is Place.HELD:
                balances[line.account_id, line.commodity] += line.quantity
    return {key: amount for key, amount in balances.items() if amount}


def with_names(file: ClientFile) -> Iterable[Transaction]:
    """Put names for ids, as the records have them; in these files no two things share one, except in twins."""
    names = list(file.names.values())
    portfolios = set(file.portfolios)

    def name(key: str) -> str:
        plain = file.names.get(key, "")
        kind = "securities" if key in portfolios else "cash"
        return plain if names.count(plain) == 1 or not key else f"{plain} ({kind})"

    for one in file.transactions:
        yield replace(
            one,
            account_id=name(one.account_id),
            counter_account_id=name(one.counter_account_id),
            asset_id=file.names.get(one.asset_id, ""),
        )


@pytest.mark.parametrize("name", FILES)
def test_every_row_is_read(name: str) -> None:
    assert [row for row in read(name) if isinstance(row, Refused)] == []


@pytest.mark.parametrize("name", FILES)
def test_balances_are_those_of_the_rows(name: str) -> None:
    theirs = balances_of(with_names(read_client_file(shared(f"vectors/inputs/{name}"))))

    assert balances_of(booked(record) for record in records_of(read(name))) == theirs


def test_rows_of_fees_and_taxes_by_hand() -> None:
    rows = read("pp_security_tax_and_fee_account_transactions.xml")
    deposit = next(row for row in records_of(rows) if row.kind is TransactionKind.DEPOSIT)
    buy = next(row for row in records_of(rows) if row.kind is TransactionKind.BUY)

    assert (deposit.line, deposit.trade_date, deposit.amount) == (93, date(2016, 12, 31), Decimal(10_000))
    assert [buy.quantity, buy.amount, buy.costs, buy.tax] == [10, 1513, 20, 10]
    assert buy.asset
    assert buy.asset.isin == "DE000A1EWWW0"
    assert {row.kind.value: row.amount for row in records_of(rows) if row.asset and row is not buy} == {
        "FEE": 10,
        "FEE_REFUND": 5,
        "TAX": 25,
        "TAX_REFUND": 5,
    }
    assert balances_of(map(booked, records_of(rows))) == {
        ("Account", "EUR"): 8442,  # 10,000 - 1,533 - 10 + 5 - 25 + 5
        ("Portfolio", "Adidas AG"): 10,
    }


def test_two_currencies_by_hand() -> None:
    rows = read("pp_currency_sample.xml")
    buys = [row for row in records_of(rows) if row.kind is TransactionKind.BUY]

    assert [(row.account, row.currency, str(row.amount), str(row.costs)) for row in buys] == [
        ("Portfolio EUR", "EUR", "698.80", "20.00"),
        ("Portfolio EUR", "EUR", "454.60", "0.00"),
        ("Portfolio USD", "USD", "551.90", "20.00"),
        ("Portfolio USD", "USD", "848.41", "0.00"),
        ("Portfolio USD", "USD", "577.60", "0.00"),
    ]
    assert balances_of(map(booked, records_of(rows))) == {
        ("Account EUR", "EUR"): 1000,  # 1,000 + 718.80 + 454.60 in, 718.80 + 454.60 out
        ("Account USD", "USD"): Decimal("422.40"),  # 1,000 + 571.90 + 848.41 in; the same and 577.60 out
        ("Portfolio EUR", "BASF"): 10,
        ("Portfolio EUR", "Apple"): 5,
        ("Portfolio USD", "BASF"): 10,
        ("Portfolio USD", "Apple"): 10,
    }
