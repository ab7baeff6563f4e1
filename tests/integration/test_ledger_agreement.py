"""Asset 360 and every reader say what the ledger says: quantities exactly, values to the last of eight decimals.

The ledger is replayed here from the rows of the files, in plain Decimal arithmetic and without any code of ours.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from books import Row, write_table
from steelyard.demo import book_path
from steelyard.demo.market import read_table
from steelyard.domain.scope import Scope
from steelyard.services.asset_360 import get_document, get_portfolio_overview, refresh
from steelyard.services.loading import load_tables
from steelyard.services.portfolio import read_portfolio
from steelyard.services.reconciliation import reconcile
from steelyard.storage.connection import get_db_session

pytestmark = pytest.mark.usefixtures("own_store")

TODAY = date(2026, 1, 1)
EXACT = Context(prec=100, rounding=ROUND_HALF_UP)

Cells = dict[str, str]
Holdings = dict[tuple[str, str], Decimal]


# ── A ledger of plain rules ─────────────────────────────────────────────────────────────────────────────


def number(row: Cells, name: str) -> Decimal:
    return Decimal(row.get(name) or 0)


CASH_SIGN = {
    **dict.fromkeys(
        ("DEPOSIT", "SELL", "DIVIDEND", "INTEREST", "SHORT", "RETURN_OF_CAPITAL", "REDEMPTION"), 1
    ),
    **dict.fromkeys(("BUY", "FEE", "WITHDRAWAL", "TAX", "FX", "COVER"), -1),
}
UNIT_SIGN = {
    "BUY": 1,
    "COVER": 1,
    "OPENING": 1,
    "DIVIDEND_REINVESTED": 1,
    "SELL": -1,
    "SHORT": -1,
    "REDEMPTION": -1,
}
PENCE = {"GBX": ("GBP", 100)}


def replay(rows: Iterable[Cells], cash_assets: Iterable[str], as_of: str) -> Holdings:
    """Add up what each account holds; money is under its currency."""
    held: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    first_splits = sorted(rows, key=lambda row: (row["transaction_date"], row["transaction_type"] != "SPLIT"))
    for row in first_splits:
        if row["transaction_date"] <= as_of:
            book(held, row, set(cash_assets))
    return {key: quantity for key, quantity in held.items() if quantity}


def book(held: defaultdict[tuple[str, str], Decimal], row: Cells, cash_assets: set[str]) -> None:
    account, kind, asset = row["account"], row["transaction_type"], row["asset_id"]
    currency, pence = PENCE.get(row["currency"], (row["currency"], 1))
    costs = number(row, "transaction_costs") / pence
    if kind == "SPLIT":
        for key in [key for key in held if key[1] == asset and account in {"", key[0]}]:
            held[key] = held[key] * number(row, "counter_quantity") / number(row, "quantity")
        return
    if kind == "TRANSFER":
        what, moved = (
            (currency, number(row, "total_amount"))
            if asset in cash_assets
            else (asset, number(row, "quantity"))
        )
        held[account, what] -= moved
        held[row["counter_account"], what] += moved
    elif kind == "FX":
        held[account, row["counter_currency"]] += number(row, "counter_amount")
    if asset not in cash_assets:
        held[account, asset] += UNIT_SIGN.get(kind, 0) * number(row, "quantity")
    sign = 1 if kind == "OPENING" and asset in cash_assets else CASH_SIGN.get(kind, 0)
    held[account, currency] += sign * number(row, "total_amount") / pence
    if kind != "DIVIDEND_REINVESTED":
        held[account, currency] -= costs


# ── A book as its files say it ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Book:
    """Tables by name, as text."""

    tables: Mapping[str, list[Cells]]

    @property
    def cash_of(self) -> dict[str, str]:
        """Currency → its cash asset."""
        return {
            a["currency"]: a["asset_id"] for a in self.tables["asset_master"] if a["asset_type"] == "Cash"
        }

    def scopes(self) -> Iterator[tuple[Scope, str, set[str]]]:
        """Yield each scope with its currency and accounts."""
        accounts = self.tables["accounts"]
        yield Scope("tenant", ""), "USD", {a["account_id"] for a in accounts}
        for house in self.tables["households"]:
            own = {a["account_id"] for a in accounts if a["household_id"] == house["household_id"]}
            yield Scope.household(house["household_id"]), house["base_currency"], own
        for a in accounts:
            yield Scope.account(a["account_id"]), a["base_currency"], {a["account_id"]}

    def held(self, as_of: str) -> Holdings:
        """What each account holds by (account, asset), money as the cash asset of its currency."""
        held = replay(self.tables["transactions"], self.cash_of.values(), as_of)
        return {
            (account, self.cash_of.get(what, what)): quantity for (account, what), quantity in held.items()
        }

    def price(self, asset: str, as_of: str) -> Decimal:
        prices = [
            p for p in self.tables["market_data"] if p["asset_id"] == asset and p["price_date"] <= as_of
        ]
        return Decimal(max(prices, key=lambda p: p["price_date"])["closing_price"]) if prices else Decimal(1)

    def per_eur(self, currency: str, as_of: str) -> Decimal:
        major, pence = PENCE.get(currency, (currency, 1))
        if major == "EUR":
            return Decimal(1)
        known = [r for r in self.tables["fx_rates"] if r["currency"] == major and r["rate_date"] <= as_of]
        return Decimal(max(known, key=lambda r: r["rate_date"])["units_per_eur"]) * pence

    def value(self, asset: str, quantity: Decimal, base: str, as_of: str) -> Decimal:
        """Quantity at the last price, in the base currency: the rate has 18 decimals, the value 8, half up."""
        currency = next(a["currency"] for a in self.tables["asset_master"] if a["asset_id"] == asset)
        with localcontext(EXACT):
            rate = (
                self.per_eur(base, as_of) / self.per_eur(currency, as_of) if base != currency else Decimal(1)
            )
            value = quantity * self.price(asset, as_of) * rate.quantize(Decimal("1e-18"))
            return value.quantize(Decimal("1e-8"))


def sample_book() -> Book:
    files = {path.name.partition(".")[0]: path for path in book_path().iterdir()}
    return Book({name: read_table(path) for name, path in files.items()})


# ── Another one, with every kind that a row can say ─────────────────────────────────────────────────────

DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(400)]
HEADERS = {
    "asset_master": "asset_id,asset_name,asset_type,currency",
    "market_data": "asset_id,price_date,closing_price",
    "fx_rates": "currency,rate_date,units_per_eur",
    "households": "household_id,household_name,base_currency",
    "accounts": "account_id,account_name,household_id,base_currency,model_id",
    "model_portfolios": "model_id,model_name",
    "target_weights": "model_id,asset_id,target_weight",
    "transactions": "transaction_id,account,asset_id,transaction_date,transaction_type,quantity,price,currency,"
    "total_amount,transaction_costs,tax_amount,counter_account,counter_quantity,counter_currency,counter_amount",
}
SHARES = {"A": "USD", "B": "EUR", "C": "GBX", "D": "USD"}
ACCOUNTS = ("ONE", "TWO", "THREE")


def made_transactions() -> Iterator[Row]:
    """Count through kinds, accounts, assets and days, so that every figure can be redone by hand."""
    for n, account in enumerate(ACCOUNTS):
        for currency in ("USD", "EUR", "GBP"):
            yield transaction(
                f"O{n}{currency}",
                account,
                currency,
                0,
                "OPENING",
                amount=f"{50_000 + n}.25",
                currency=currency,
            )
        yield transaction(
            f"O{n}", account, "A", 0, "OPENING", quantity=f"{100 + n}.5", amount="1000", currency="USD"
        )
    kinds = (
        "BUY",
        "DIVIDEND",
        "SELL",
        "INTEREST",
        "DIVIDEND_REINVESTED",
        "FEE",
        "SHORT",
        "COVER",
        "TAX",
        "WITHDRAWAL",
    )
    for n in range(300):
        asset = list(SHARES)[n % 4]
        yield transaction(
            f"T{n:03}",
            ACCOUNTS[n % 3],
            asset,
            1 + n,
            kinds[n % 10],
            quantity=f"{n % 7 + 1}.{n % 4}25",
            amount=f"{10 + n % 90}.{n % 10}3",
            currency=SHARES[asset],
            costs=f"0.{n % 10}7",
            tax="0.05",
        )
    for n in range(30):
        to = {"counter_account": ACCOUNTS[(n + 1) % 3]}
        yield transaction(
            f"X{n}", ACCOUNTS[n % 3], "A", 9 * n + 5, "TRANSFER", quantity="0.125", currency="USD", **to
        )
        yield transaction(
            f"Y{n}", ACCOUNTS[n % 3], "EUR", 9 * n + 6, "TRANSFER", amount="12.5", currency="EUR", **to
        )
        bought = {"counter_currency": "USD", "counter_amount": f"{n + 20}.17"}
        yield transaction(
            f"F{n}",
            ACCOUNTS[n % 3],
            "GBP",
            9 * n + 7,
            "FX",
            amount=f"{n + 15}.01",
            currency="GBP",
            costs="0.02",
            **bought,
        )
    yield transaction("S1", "", "A", 310, "SPLIT", quantity="2", counter_quantity="3", currency="USD")
    yield transaction("S2", "TWO", "D", 311, "SPLIT", quantity="1", counter_quantity="4", currency="USD")


def transaction(name: str, account: str, asset: str, day: int, kind: str, **cells: str) -> Row:
    said = {"amount": "0"} | cells
    known = ("quantity", "price", "currency", "amount", "costs", "tax")
    counter = ("counter_account", "counter_quantity", "counter_currency", "counter_amount")
    return (name, account, asset, DAYS[day], kind, *(said.get(cell, "") for cell in (*known, *counter)))


def made_book(folder: Path) -> Book:
    cash: list[Row] = [(c, f"{c} in cash", "Cash", c) for c in ("USD", "EUR", "GBP")]
    tables: dict[str, list[Row]] = {
        "asset_master": [*((a, a, "Equity", currency) for a, currency in SHARES.items()), *cash],
        "market_data": [
            (asset, day, f"{100 + (n * step) % 17}.{n % 10}")
            for step, asset in enumerate(SHARES, start=3)
            for n, day in enumerate(DAYS)
        ],
        "fx_rates": [
            row
            for n, day in enumerate(DAYS)
            for row in (("USD", day, f"1.{1000 + n}"), ("GBP", day, f"0.8{100 + n % 9}"))
        ],
        "households": [("H", "Hill", "EUR"), ("K", "Knoll", "GBP")],
        "model_portfolios": [("M", "Model")],
        "target_weights": [("M", "A", "1")],
        "accounts": [
            ("ONE", "One", "H", "USD", "M"),
            ("TWO", "Two", "H", "GBP", "M"),
            ("THREE", "Three", "K", "EUR", "M"),
        ],
        "transactions": list(made_transactions()),
    }
    for name, rows in tables.items():
        write_table(folder, name, HEADERS[name], rows)
    return Book({path.stem: read_table(path) for path in folder.glob("*.csv")})


# ── They agree ──────────────────────────────────────────────────────────────────────────────────────────


async def published(scope: Scope) -> dict[str, tuple[Decimal, Decimal]]:
    """Return quantity and value of each asset that a scope holds, as asset 360 says."""
    statement = (
        "select asset_id, quantity, market_value from steelyard.asset_360_scoped "
        "where scope_kind = :kind and scope_id = :id and quantity <> 0"
    )
    async with get_db_session() as db:
        found = await db.execute(text(statement), {"kind": scope.kind, "id": scope.id})
        return {asset: (quantity, value) for asset, quantity, value in found}


async def agree(book: Book, as_of: str) -> None:
    held = book.held(as_of)
    for scope, base, accounts in book.scopes():
        totals: defaultdict[str, Decimal] = defaultdict(Decimal)
        for (account, asset), quantity in held.items():
            if account in accounts:
                totals[asset] += quantity
        expected = {
            asset: (quantity, book.value(asset, quantity, base, as_of))
            for asset, quantity in totals.items()
            if quantity
        }
        assert await published(scope) == expected, scope
        await readers_agree(scope, base, sum((value for _, value in expected.values()), Decimal(0)))


async def readers_agree(scope: Scope, base: str, total: Decimal) -> None:
    overview: dict[str, Any] = await get_portfolio_overview(scope=scope)
    assert (overview["total_value"], overview["base_currency"]) == (
        total.quantize(Decimal("0.01"), ROUND_HALF_UP),
        base,
    )
    assert overview["unvalued_assets"] == 0
    document = await get_document(scope=scope)
    assert {sum(row.value for row in rows) for rows in document.exposure.values()} == {total}


async def plans_agree(book: Book, as_of: str) -> None:
    """A rebalance reads the positions and the cash of the ledger too."""
    held = book.held(as_of)
    async with get_db_session() as db:
        for account in {a["account_id"] for a in book.tables["accounts"]}:
            portfolio = await read_portfolio(db, account, as_of=date.fromisoformat(as_of))
            cash = {c: held.get((account, asset), Decimal(0)) for c, asset in book.cash_of.items()}
            assert {c: amount for c, amount in portfolio.cash.items() if amount} == {
                c: a for c, a in cash.items() if a
            }
            own = {asset: quantity for (name, asset), quantity in held.items() if name == account}
            assert portfolio.positions == {a: q for a, q in own.items() if a not in book.cash_of.values()}


async def test_the_sample_book_agrees_with_its_ledger() -> None:
    summary = await load_tables(book_path(), today=TODAY)
    book = sample_book()
    assert summary.ledger is not None
    assert (summary.ledger.posted, dict(summary.ledger.unposted)) == (len(book.tables["transactions"]), {})
    assert (summary.ledger.by_ledger, summary.ledger.differing) == (6, 0)
    async with get_db_session() as db:
        assert (await reconcile(db)).differences == ()
    last = max(row["price_date"] for row in book.tables["market_data"])
    for as_of in (last, "2018-06-29"):
        await refresh(as_of=date.fromisoformat(as_of), today=TODAY)
        await agree(book, as_of)
    await plans_agree(book, last)


async def test_a_book_of_every_kind_agrees_with_its_ledger(tmp_path: Path) -> None:
    book = made_book(tmp_path)
    summary = await load_tables(tmp_path, today=TODAY, only=list(HEADERS))
    assert summary.ledger is not None
    assert (dict(summary.ledger.unposted), summary.ledger.by_ledger) == ({}, 3)
    for as_of in (str(DAYS[-1]), str(DAYS[309]), str(DAYS[310]), str(DAYS[150])):
        await refresh(as_of=date.fromisoformat(as_of), today=TODAY)
        await agree(book, as_of)
    await plans_agree(book, str(DAYS[-1]))
