"""A firm's own database: the seven tables under names, types and units of its own, made with plain SQL.

The rows are those of a book in files (`books.py`), so that what is attached can be compared with what is loaded.
`firm_owner` owns everything; the role that attaches may read and no more.
"""

import csv
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg

from books import write_table
from steelyard.statements.mapping import OLD_COLUMNS
from steelyard.storage.binaries import find_binaries
from steelyard.storage.embedded import EmbeddedServer

OWNER = "firm_owner"
DDL = """
do $$ begin
    if not exists (select from pg_roles where rolname = 'firm_owner') then create role firm_owner nologin; end if;
end $$;
create schema firm authorization firm_owner;
set role firm_owner;
create table firm.instruments (
    secid varchar(12) primary key, descr varchar(200), kind char(12), isin_code varchar(12), ccy char(3),
    gics varchar(80), domicile varchar(40)
);
create table firm.px_hist (
    secid varchar(12) not null, px_date date not null, px_last double precision, vendor text,
    primary key (secid, px_date)
);
create table firm.books (book_no varchar(20) primary key, nm text, ccy char(3), nav numeric(18, 2));
create table firm.holdings (
    book_no varchar(20), secid varchar(12), asof timestamp, units numeric(20, 6), pct_target numeric, pct numeric
);
create table firm.trades (
    id bigint, book_no varchar(20), secid varchar(12), trade_dt char(8), side char(1), units numeric,
    ccy char(3), gross numeric(20, 4), fees numeric(20, 4)
);
create table firm.compl (id bigint generated always as identity, book_no text, secid text, checked date, outcome text);
create table firm.perf (secid varchar(12), d date, ret_pct double precision, cum_pct double precision);
create table firm.risk (
    secid varchar(12), calc_date date, vol_pct real, var_usd numeric, position_usd numeric, beta real, sharpe real
);
reset role;
grant usage on schema firm to steelyard_migrator;
grant select on all tables in schema firm to steelyard_migrator;
"""

MAPPING = """
[asset_master]
table = "firm.instruments"
asset_id = "secid"
asset_name = "descr"
asset_type = { column = "kind", default = "Equity" }
isin = "isin_code"
currency = "ccy"
sector = "gics"
issuing_country = "domicile"

[market_data]
table = "firm.px_hist"
asset_id = "secid"
price_date = "px_date"
closing_price = "px_last"

[portfolio_allocation]
table = "firm.holdings"
portfolio = "book_no"
asset_id = "secid"
as_of = "asof"
quantity = "units"
actual_weight = { column = "pct", unit = "percent" }

[transactions]
table = "firm.trades"
transaction_id = "id"
account = "book_no"
asset_id = "secid"
transaction_date = { column = "trade_dt", format = "YYYYMMDD" }
transaction_type = { column = "side", words = { B = "BUY", S = "SELL", D = "DIVIDEND" } }
quantity = "units"
currency = "ccy"
total_amount = { column = "gross", sign = "absolute" }
transaction_costs = "fees"

[compliance_records]
table = "firm.compl"
record_id = "id"
account = "book_no"
asset_id = "secid"
check_date = "checked"
status = { column = "outcome", words = { breach = "VIOLATION", ok = "PASS" } }

[accounts]
table = "firm.books"
account_id = "book_no"
account_name = "nm"
base_currency = "ccy"
stated_value = "nav"
"""
HISTORY = """
[performance_history]
table = "firm.perf"
asset_id = "secid"
date = "d"
daily_return = { column = "ret_pct", unit = "percent" }
total_return = { column = "cum_pct", unit = "percent" }

[risk_metrics]
table = "firm.risk"
asset_id = "secid"
calculation_date = "calc_date"
volatility = { column = "vol_pct", unit = "percent" }
var_95 = { column = "var_usd", unit = "money", value = "position_usd" }
beta = "beta"
sharpe_ratio = "sharpe"
"""


async def connect(server: EmbeddedServer) -> asyncpg.Connection:
    login = server.superuser
    return await asyncpg.connect(
        host=str(server.host), user=login.user, password=login.password, database=server.database
    )


async def run(server: EmbeddedServer, *statements: str) -> None:
    connection = await connect(server)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def look(server: EmbeddedServer, statement: str) -> list[dict[str, Any]]:
    connection = await connect(server)
    try:
        return [dict(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def make_firm(server: EmbeddedServer, book: Path) -> None:
    """Fill the firm's tables from a book."""
    connection = await connect(server)
    try:
        await connection.execute(DDL)
        for table, rows in _tables(book).items():
            columns, records = rows
            await connection.copy_records_to_table(
                table, schema_name="firm", columns=columns, records=list(records)
            )
        await connection.execute("analyze")
    finally:
        await connection.close()


def _tables(book: Path) -> dict[str, tuple[list[str], Iterator[tuple[Any, ...]]]]:
    return {
        "instruments": (
            ["secid", "descr", "kind", "isin_code", "ccy", "gics", "domicile"],
            _rows(
                book,
                "asset_master",
                asset_id=str,
                asset_name=str,
                asset_type=str,
                isin=_text,
                currency=str,
                sector=_text,
                issuing_country=_text,
            ),
        ),
        "px_hist": (
            ["secid", "px_date", "px_last"],
            _rows(book, "market_data", asset_id=str, price_date=date.fromisoformat, closing_price=float),
        ),
        "books": (
            ["book_no", "nm", "ccy", "nav"],
            _rows(book, "accounts", account_id=str, account_name=str, base_currency=str, stated_value=_text),
        ),
        "holdings": (
            ["book_no", "secid", "asof", "units", "pct"],
            _rows(
                book,
                "portfolio_allocation",
                portfolio=str,
                asset_id=str,
                as_of=_moment,
                quantity=_text,
                actual_weight=_percent,
            ),
        ),
        "trades": (
            ["id", "book_no", "secid", "trade_dt", "side", "units", "ccy", "gross", "fees"],
            (
                (n, *row[:-2], -Decimal(row[-2]) if row[3] == "S" else row[-2], row[-1])
                for n, row in enumerate(
                    _rows(
                        book,
                        "transactions",
                        account=_text,
                        asset_id=str,
                        transaction_date=_compact,
                        transaction_type=_initial,
                        quantity=_text,
                        currency=str,
                        total_amount=_text,
                        transaction_costs=_text,
                    )
                )
            ),
        ),
        "compl": (
            ["book_no", "secid", "checked", "outcome"],
            _rows(
                book,
                "compliance_records",
                account=_text,
                asset_id=str,
                check_date=date.fromisoformat,
                status={"VIOLATION": "breach", "PASS": "ok"}.__getitem__,
            ),
        ),
    }


def _rows(book: Path, table: str, **columns: Callable[[str], Any]) -> Iterator[tuple[Any, ...]]:
    with (book / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield tuple(convert(row[name]) for name, convert in columns.items())


def _text(cell: str) -> Any:
    return cell or None


def _percent(cell: str) -> Decimal | None:
    return 100 * Decimal(cell) if cell else None


def _moment(cell: str) -> datetime:
    return datetime.fromisoformat(cell)


def _compact(cell: str) -> str:
    return cell.replace("-", "")


def _initial(cell: str) -> str:
    return cell[0]


def few_assets(book: Path, directory: Path, count: int) -> Path:
    """Copy a book with its first assets only."""
    with (book / "asset_master.csv").open(encoding="utf-8", newline="") as file:
        kept = {row["asset_id"] for _, row in zip(range(count), csv.DictReader(file), strict=False)}
    for path in book.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        place = header.index("asset_id") if "asset_id" in header else None
        rows = [row for row in rows if place is None or row[place] in kept]
        write_table(directory, path.stem, ",".join(header), rows)
    return directory


async def make_history(server: EmbeddedServer) -> None:
    """Fill the firm's own history from what the store has derived: returns in percent, value at risk in money."""
    await run(
        server,
        """
        insert into firm.perf
        select asset_id, date, daily_return * 100, total_return * 100 from steelyard.performance_history
        """,
        """
        insert into firm.risk
        select asset_id, calculation_date, volatility * 100, var_95::numeric * 12345.5, 12345.5, beta, sharpe_ratio
        from steelyard.risk_metrics
        """,
        "analyze firm.perf, firm.risk",
    )


def dump_firm(server: EmbeddedServer) -> str:
    """Everything pg_dump says of the firm's schema: tables, rows, rights."""
    login = server.superuser
    program = find_binaries(None).program("pg_dump")
    done = subprocess.run(
        [
            str(program),
            "--schema=firm",
            "--restrict-key=same",
            f"--host={server.host}",
            f"--username={login.user}",
            server.database,
        ],
        env={**os.environ, "PGPASSWORD": login.password},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def historical_procedure(as_of: date) -> str:
    """The procedure that asset 360 replaces, on the firm's tables under views with the names its users know."""
    path = Path(__file__).parents[1] / "benchmarks" / "historical_procedure.sql"
    text = path.read_text(encoding="utf-8") % {"as_of": as_of}
    return text.replace("steelyard.", "known.").replace("historical", "firm_old")


KNOWN_NAMES = """
create schema known;
create schema firm_old;
create view known.asset_master as select secid as asset_id, descr as asset_name from firm.instruments;
create view known.market_data as select secid as asset_id, px_date as price_date, px_last as closing_price
from firm.px_hist;
create view known.portfolio_allocation as select secid as asset_id, pct / 100 as actual_weight from firm.holdings;
create view known.performance_history as select secid as asset_id, d as date, ret_pct as daily_return,
    cum_pct as total_return from firm.perf;
create view known.risk_metrics as select secid as asset_id, calc_date as calculation_date, vol_pct as volatility,
    var_usd as var_95, beta, sharpe as sharpe_ratio from firm.risk;
create view known.transactions as select secid as asset_id, to_date(trade_dt, 'YYYYMMDD') as transaction_date,
    case side when 'B' then 'BUY' when 'S' then 'SELL' else 'DIVIDEND' end as transaction_type,
    abs(gross) as total_amount, fees as transaction_costs from firm.trades;
create view known.compliance_records as select secid as asset_id, checked as check_date,
    case outcome when 'breach' then 'VIOLATION' else 'PASS' end as status from firm.compl;
"""
OLD = '[asset_360]\ntable = "firm_old.asset_360"\n' + "".join(f'{name} = "{name}"\n' for name in OLD_COLUMNS)
