"""A load books its transactions: what waits, what is corrected, what is refused, and who keeps the accounts then."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from books import Row, write_table
from steelyard.domain.transaction import Fault
from steelyard.services.asset_360 import refresh
from steelyard.services.loading import LoadRefusedError, LoadSummary, load_tables
from steelyard.services.portfolio import read_portfolio
from steelyard.services.reconciliation import Reason, Reconciliation, reconcile
from steelyard.storage.connection import get_db_session
from steelyard.storage.ledger import OverdrawnError

pytestmark = pytest.mark.usefixtures("own_store")

TODAY = date(2024, 7, 1)
HEADERS = {
    "asset_master": "asset_id,asset_name,asset_type,currency,exchange",
    "market_data": "asset_id,price_date,closing_price",
    "accounts": "account_id,account_name,model_id,may_overdraw,may_short",
    "model_portfolios": "model_id,model_name",
    "target_weights": "model_id,asset_id,target_weight",
    "portfolio_allocation": "portfolio,asset_id,as_of,quantity,actual_weight",
}
ASSETS: list[Row] = [
    ("VTI", "US shares", "ETF", "USD", "ARCX"),
    ("SONY", "Sony", "Equity", "USD", "XTKS"),
    ("USD", "US dollar", "Cash", "USD", ""),
]
DEPOSIT = {"id": "T0", "account": "A", "date": "2024-01-02", "type": "DEPOSIT", "amount": "10000"}
BUY = {
    "id": "T1",
    "account": "A",
    "asset": "VTI",
    "date": "2024-03-14",
    "type": "BUY",
    "quantity": "10",
    "amount": "2500",
}
SPLIT = {
    "id": "S1",
    "asset": "VTI",
    "date": "2024-06-03",
    "type": "SPLIT",
    "quantity": "1",
    "counter_quantity": "2",
}

Cells = dict[str, str]


async def load(folder: Path, *transactions: Cells, **tables: Iterable[Row]) -> LoadSummary:
    """Load transactions, in USD unless they say another currency, and other tables beside them."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, rows in tables.items():
        write_table(folder, name, HEADERS[name], rows)
    if transactions:
        write_transactions(folder, transactions)
    names = [*tables, *(["transactions"] if transactions else [])]
    return await load_tables(folder, today=TODAY, only=names, now=datetime(2024, 7, 1, 12, tzinfo=UTC))


SHORT = {
    "id": "transaction_id",
    "account": "account",
    "asset": "asset_id",
    "date": "transaction_date",
    "type": "transaction_type",
    "amount": "total_amount",
    "currency": "currency",
}


def write_transactions(folder: Path, transactions: Iterable[Cells]) -> None:
    plain = {"currency": "USD", "total_amount": "0"}
    rows = [plain | {SHORT.get(name, name): cell for name, cell in one.items()} for one in transactions]
    header = list(dict.fromkeys([*SHORT.values(), *(name for row in rows for name in row)]))
    lines = ([row.get(name, "") for name in header] for row in rows)
    write_table(folder, "transactions", ",".join(header), lines)


async def start(folder: Path, *transactions: Cells, **tables: Iterable[Row]) -> LoadSummary:
    return await load(folder, *transactions, asset_master=ASSETS, **tables)


async def ask(statement: str, **values: Any) -> list[tuple[Any, ...]]:
    async with get_db_session() as db:
        return [tuple(row) for row in await db.execute(text(statement), values)]


async def held(account: str = "A", as_of: date = TODAY) -> dict[str, Decimal]:
    """What `positions_at` says an account holds, by asset."""
    rows = await ask(
        "select asset_id, quantity from steelyard.positions_at(1, :as_of) where account_id = :account",
        account=account,
        as_of=as_of,
    )
    return {asset: quantity.normalize() for asset, quantity in rows}


async def reconciled() -> Reconciliation:
    async with get_db_session() as db:
        return await reconcile(db)


def unposted(summary: LoadSummary) -> dict[Fault, int]:
    assert summary.ledger is not None
    return dict(summary.ledger.unposted)


# ── What is booked ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_load_books_its_transactions_and_again_changes_nothing(tmp_path: Path) -> None:
    first = await start(tmp_path, DEPOSIT, BUY)
    assert first.ledger is not None
    assert (first.ledger.posted, first.ledger.corrected, first.ledger.by_ledger) == (2, 0, 1)
    assert await held() == {"USD": 7500, "VTI": 10}
    again = await load(tmp_path, DEPOSIT, BUY)
    assert again.ledger is not None
    assert (again.status, again.ledger.posted, again.ledger.corrected) == ("unchanged", 0, 0)


async def test_a_corrected_row_is_reversed_and_booked_anew(tmp_path: Path) -> None:
    await start(tmp_path, DEPOSIT, BUY)
    summary = await load(tmp_path, BUY | {"quantity": "12", "amount": "3000"})
    assert summary.ledger is not None
    assert (summary.ledger.posted, summary.ledger.corrected) == (1, 1)
    assert await held() == {"USD": 7000, "VTI": 12}
    assert await ask("select count(*) from steelyard.journal") == [(4,)]


async def test_a_known_id_is_skipped_and_equal_rows_without_one_both_count(tmp_path: Path) -> None:
    nameless = {name: cell for name, cell in BUY.items() if name != "id"}
    summary = await start(tmp_path, DEPOSIT, BUY, BUY, nameless, nameless)
    assert [(f.kind, f.row_number) for f in summary.findings] == [("repeated_row", 6), ("duplicate_row", 4)]
    assert await held() == {"USD": 2500, "VTI": 30}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"type": "BOUGHT"}, Fault.UNKNOWN_KIND),
        ({"account": ""}, Fault.NO_ACCOUNT),
        ({"asset": ""}, Fault.NO_ASSET),
        ({"asset": "USD"}, Fault.CASH_ASSET),
        ({"quantity": "0"}, Fault.NO_QUANTITY),
        ({"quantity": "-0"}, Fault.NO_QUANTITY),
        ({"settlement_date": "2024-03-13"}, Fault.SETTLES_BEFORE_TRADE),
        ({"transaction_costs": "1", "tax_amount": "2"}, Fault.TAX_ABOVE_COSTS),
        ({"type": "TRANSFER", "counter_account": "A"}, Fault.NO_COUNTER_ACCOUNT),
        ({"type": "SPLIT"}, Fault.NO_COUNTER_QUANTITY),
        ({"type": "SYMBOL_CHANGE"}, Fault.NO_COUNTER_ASSET),
        ({"type": "DIVIDEND", "amount": "0"}, Fault.NO_AMOUNT),
        ({"type": "DIVIDEND", "account": ""}, Fault.NO_PRICE),
        ({"type": "DEPOSIT", "asset": "USD", "currency": "EUR"}, Fault.OTHER_CURRENCY),
        (
            {"type": "FX", "asset": "", "counter_currency": "USD", "counter_amount": "5"},
            Fault.NO_COUNTER_AMOUNT,
        ),
    ],
)
async def test_what_cannot_be_booked_is_kept_and_named_with_its_line(
    tmp_path: Path, *, row: Cells, fault: Fault
) -> None:
    summary = await start(tmp_path, DEPOSIT, BUY | row)
    assert unposted(summary) == {fault: 1}
    [finding] = summary.findings
    assert (finding.kind, finding.file_name, finding.row_number) == (fault, "transactions.csv", 3)
    assert await ask("select count(*) from steelyard.transactions") == [(2,)]
    assert await held() == {"USD": 10000}
    corrected = await load(tmp_path, dict.fromkeys(row, "") | BUY)
    assert unposted(corrected) == {}
    assert await held() == {"USD": 7500, "VTI": 10}


async def test_positions_that_lack_a_transaction_say_so(tmp_path: Path) -> None:
    prices: list[Row] = [("VTI", "2024-06-28", "260"), ("SONY", "2024-06-28", "80")]
    await start(tmp_path, DEPOSIT, BUY, BUY | {"id": "T2", "quantity": "0"}, market_data=prices)
    await refresh(today=TODAY)
    flags = dict(
        await ask(
            "select asset_id, quality_flags from steelyard.asset_360_scoped where scope_kind = 'account'"
        )
    )
    assert "unposted" in flags["VTI"]
    assert "unposted" not in flags["USD"]


async def test_the_openings_of_the_page_are_booked_as_lots(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/how-to/open-the-ledger.md").read_text("utf-8")
    await start(tmp_path)
    (tmp_path / "transactions.csv").write_text(
        page.partition("```csv transactions.csv\n")[2].partition("```")[0], "utf-8"
    )
    summary = await load_tables(tmp_path, today=TODAY, only=["transactions"])
    assert (summary.ledger and summary.ledger.posted, summary.findings) == (4, ())
    assert await held("FAMILY") == {"USD": 18750, "VTI": 35}
    lots = "select external_id, quantity, amount, acquired_date from steelyard.journal where kind = 'OPENING'"
    assert await ask(lots) == [
        ("OPEN-1", 40, 5320, date(2019, 5, 2)),
        ("OPEN-2", 10, Decimal("2207.5"), date(2023, 11, 14)),
        ("OPEN-3", 0, 15000, None),
    ]


# ── Corporate actions and dividends ─────────────────────────────────────────────────────────────────────


async def test_a_split_entered_twice_counts_once(tmp_path: Path) -> None:
    summary = await start(tmp_path, DEPOSIT, BUY, SPLIT, SPLIT | {"id": "S2"})
    assert unposted(summary) == {Fault.ENTERED_TWICE: 1}
    assert [(f.kind, f.row_number) for f in summary.findings] == [("entered_twice", 5)]
    assert (await held())["VTI"] == 20


async def test_a_split_ahead_waits_and_a_refresh_books_it_when_its_day_comes(tmp_path: Path) -> None:
    ahead = SPLIT | {"date": "2024-07-15"}
    summary = await start(tmp_path, DEPOSIT, BUY, ahead, market_data=[("VTI", "2024-06-28", "260")])
    assert unposted(summary) == {Fault.NOT_YET: 1}
    assert (await held())["VTI"] == 10
    await refresh(today=date(2024, 7, 13))
    assert (await held())["VTI"] == 10
    await refresh(today=date(2024, 7, 15))
    assert (await held())["VTI"] == 10
    assert (await held(as_of=date(2024, 7, 14)))["VTI"] == 10
    assert (await held(as_of=date(2024, 7, 15)))["VTI"] == 20
    assert await ask("select fault from steelyard.unposted_transactions") == []


async def test_a_reverse_split_pays_for_the_fraction(tmp_path: Path) -> None:
    reverse = SPLIT | {"quantity": "4", "counter_quantity": "1", "price": "1000"}
    await start(tmp_path, DEPOSIT, BUY, reverse)
    assert await held() == {"USD": 8000, "VTI": 2}


async def test_a_dividend_is_of_what_was_held_at_the_open(tmp_path: Path) -> None:
    dividend = {"id": "D1", "asset": "VTI", "date": "2024-03-15", "type": "DIVIDEND", "price": "0.5"}
    same_day = BUY | {"id": "T2", "date": "2024-03-15", "quantity": "100", "amount": "0"}
    await start(tmp_path, DEPOSIT, BUY, dividend, same_day)
    assert await held() == {"USD": 7505, "VTI": 110}
    earlier = BUY | {"id": "T3", "date": "2024-03-13", "quantity": "6", "amount": "0"}
    summary = await load(tmp_path, earlier)
    assert summary.ledger is not None
    assert (summary.ledger.posted, summary.ledger.corrected) == (2, 1)
    assert await held() == {"USD": 7508, "VTI": 116}


# ── Moments ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_moment_is_of_the_exchange_that_the_file_or_the_store_names(tmp_path: Path) -> None:
    evening = BUY | {"date": "2024-03-14T20:30:00-04:00"}
    sony = evening | {"id": "T2", "asset": "SONY"}
    await start(tmp_path, DEPOSIT, evening, sony)
    dates = "select transaction_id, transaction_date from steelyard.transactions where asset_id is not null order by 1"
    expected = [("T1", date(2024, 3, 14)), ("T2", date(2024, 3, 15))]
    assert await ask(dates) == expected
    await load(tmp_path, sony, evening)
    assert await ask(dates) == expected
    with pytest.raises(LoadRefusedError, match=r"transactions.csv line 2: .* the clocks of ARCX skipped it"):
        await load(tmp_path, BUY | {"date": "2024-03-10T02:30:00"})


# ── Balances that may not go below 0 ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("may", "row", "says"),
    [
        (("A", "Anna", "", "no", ""), BUY | {"amount": "10000.01"}, "A holds .*USD"),
        (("A", "Anna", "", "", "no"), {"id": "T9", "account": "A", "asset": "VTI", "date": "2024-03-14", "type": "SELL",
                                       "quantity": "1", "amount": "250"}, "A holds 0.* VTI"),
    ],
)  # fmt: skip
async def test_a_load_that_would_overdraw_stores_nothing(
    tmp_path: Path, *, may: Row, row: Cells, says: str
) -> None:
    await start(tmp_path, DEPOSIT, accounts=[may])
    with pytest.raises(OverdrawnError, match=says):
        await load(tmp_path, row)
    assert await ask("select transaction_id from steelyard.transactions") == [("T0",)]
    assert await held() == {"USD": 10000}


# ── Who keeps an account ────────────────────────────────────────────────────────────────────────────────


async def test_a_snapshot_that_agrees_hands_its_account_over(tmp_path: Path) -> None:
    snapshot: list[Row] = [
        ("A", "VTI", "2024-05-31", "10", ""),
        ("A", "USD", "2024-05-31", "7500", ""),
        ("A", "SONY", "2024-05-31", "0", ""),
    ]
    later = BUY | {"id": "T2", "date": "2024-06-20", "quantity": "5", "amount": "1300"}
    summary = await start(tmp_path, DEPOSIT, BUY, later, portfolio_allocation=snapshot)
    assert summary.ledger is not None
    assert dict(summary.ledger.changed) == {"A": "ledger"}
    assert await held() == {"USD": 6200, "VTI": 15}
    assert await held(as_of=date(2024, 5, 31)) == {"USD": 7500, "VTI": 10}
    assert await held(as_of=date(2024, 2, 1)) == {"USD": 10000}
    assert await held(as_of=date(2023, 12, 31)) == {}


async def test_a_snapshot_that_differs_keeps_its_account_and_is_listed(tmp_path: Path) -> None:
    snapshot: list[Row] = [
        ("A", "VTI", "2024-05-31", "11", ""),
        ("A", "SONY", "2024-05-31", "3", ""),
        ("B", "VTI", "2024-05-31", "", "0.4"),
        ("B", "SONY", "2024-05-31", "4", ""),
        ("C", "VTI", "2024-05-31", "10", ""),
    ]
    others = [
        BUY | {"id": "T2", "account": "B", "asset": "SONY", "quantity": "4", "amount": "0"},
        BUY | {"id": "T3", "account": "B", "amount": "0"},
        BUY | {"id": "T4", "account": "C", "quantity": "0", "amount": "0"},
    ]
    summary = await start(tmp_path, DEPOSIT, BUY, *others, portfolio_allocation=snapshot)
    assert summary.ledger is not None
    assert (summary.ledger.by_ledger, summary.ledger.differing) == (0, 3)
    assert await held() == {"VTI": 11, "SONY": 3}
    found = await reconciled()
    assert set(found.kept_by.values()) == {"snapshots"}
    assert [(d.account_id, d.asset_id, int(d.difference), d.reason) for d in found.differences] == [
        ("A", "SONY", 3, Reason.NO_OPENING),
        ("A", "USD", -7500, Reason.NOT_IN_SNAPSHOT),
        ("A", "VTI", 1, Reason.QUANTITY),
        ("B", "VTI", -10, Reason.WEIGHTS),
        ("C", "VTI", 10, Reason.UNPOSTED),
    ]
    assert {d.as_of for d in found.differences} == {date(2024, 5, 31)}


async def test_an_account_goes_back_to_snapshots_that_come_to_differ(tmp_path: Path) -> None:
    await start(tmp_path, DEPOSIT, BUY)
    assert (await reconciled()).kept_by == {"A": "ledger"}
    summary = await load(tmp_path, portfolio_allocation=[("A", "VTI", "2024-06-28", "9", "")])
    assert summary.ledger is not None
    assert dict(summary.ledger.changed) == {"A": "snapshots"}
    assert await held() == {"VTI": 9}
    sale = BUY | {"id": "T2", "type": "SELL", "date": "2024-06-27", "quantity": "1", "amount": "0"}
    assert len((await reconciled()).differences) == 2
    gone = DEPOSIT | {"id": "T3", "type": "WITHDRAWAL", "amount": "7500"}
    again = await load(tmp_path, sale, gone)
    assert again.ledger is not None
    assert dict(again.ledger.changed) == {"A": "ledger"}


async def test_undated_snapshots_are_compared_with_the_ledger_as_it_is(tmp_path: Path) -> None:
    snapshot: list[Row] = [("A", "VTI", "", "10", ""), ("A", "USD", "", "7500.001", "")]
    await start(
        tmp_path, DEPOSIT, BUY, portfolio_allocation=snapshot, market_data=[("VTI", "2024-06-28", "260")]
    )
    assert (await reconciled()).kept_by == {"A": "ledger"}  # money to the cent
    done = await refresh(as_of=date(2024, 6, 28), today=TODAY)
    assert done.published


async def test_money_without_an_asset_gets_one(tmp_path: Path) -> None:
    assets: list[Row] = [
        ("VTI", "US shares", "ETF", "USD", "ARCX"),
        ("EUR", "Not the euro", "ETF", "USD", ""),
    ]
    exchange = {"id": "T2", "account": "A", "date": "2024-02-01", "type": "FX", "amount": "100",
                "counter_currency": "EUR", "counter_amount": "90"}  # fmt: skip
    prices: list[Row] = [("VTI", "2024-06-28", "260")]
    summary = await load(tmp_path, DEPOSIT, exchange, asset_master=assets, market_data=prices)
    assert summary.ledger is not None
    assert summary.ledger.cash_assets == ("CASH:EUR", "USD")
    assert await held() == {"CASH:EUR": 90, "USD": 9900}
    await refresh(today=TODAY)
    values = "select asset_id, market_value from steelyard.asset_360_scoped where scope_kind = 'account' order by 1"
    assert await ask(values) == [("CASH:EUR", None), ("USD", Decimal(9900))]  # no rate of the euro is known


async def test_a_plan_reads_what_the_ledger_says(tmp_path: Path) -> None:
    tables: dict[str, list[Row]] = {
        "model_portfolios": [("M", "Model")],
        "target_weights": [("M", "VTI", "0.9"), ("M", "USD", "0.1")],
        "accounts": [("A", "Anna", "M", "", "")],
        "market_data": [("VTI", "2024-06-28", "260")],
    }
    await start(tmp_path, DEPOSIT, BUY, SPLIT, **tables)
    async with get_db_session() as db:
        portfolio = await read_portfolio(db, "A")
    assert portfolio.positions == {"VTI": 20}
    assert portfolio.cash == {"USD": 7500}
    assert portfolio.positions_date == date(2024, 6, 28)
