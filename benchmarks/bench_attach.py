"""From a firm's own seven tables to the first asset 360: `steelyard attach`, then `steelyard refresh`.

    python benchmarks/bench_attach.py [--small] [--seed 360]

The firm has prices, daily returns and risk figures of every asset and day, under names and units of its own and
with the primary keys such tables have. Each command is a process of its own, as people run it; its memory and that
of the server's processes beside their shared buffers is watched. Once, for there is only one first time.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from made_book import FULL, SMALL, Book, make_book
from scratch import Timing, fill, measure, postmaster, scratch_store, settle, show, superuser

from steelyard.storage.copying import copy_rows
from steelyard.storage.embedded import EmbeddedServer

BAR_SECONDS, BAR_BYTES = 60, 1 << 30
REFERENCE = ("fx_rates", "risk_free_rates")
DDL = """
create schema firm;
create table firm.instruments (
    secid varchar(12), descr varchar(200), kind varchar(12), ccy char(3), gics varchar(80), domicile varchar(40)
);
create table firm.px_hist (secid varchar(12), px_date date, px_last numeric(20, 4));
create table firm.perf (secid varchar(12), d date, ret_pct double precision, cum_pct double precision);
create table firm.risk (
    secid varchar(12), calc_date date, vol_pct double precision, var_pct double precision, beta double precision,
    sharpe double precision
);
create table firm.holdings (book_no varchar(20), secid varchar(12), asof date, units numeric(20, 4));
create table firm.trades (
    id varchar(12), book_no varchar(20), secid varchar(12), trade_dt date, side varchar(10), ccy char(3),
    gross numeric(20, 4), fees numeric(20, 4)
);
create table firm.compl (id varchar(12), book_no text, secid varchar(12), checked date, outcome text);
"""
KEYS = """
alter table firm.instruments add primary key (secid);
alter table firm.px_hist add primary key (secid, px_date);
alter table firm.perf add primary key (secid, d);
alter table firm.risk add primary key (secid, calc_date);
alter table firm.holdings add primary key (book_no, secid, asof);
alter table firm.trades add primary key (id);
alter table firm.compl add primary key (id);
grant usage on schema firm to steelyard_migrator;
grant select on all tables in schema firm to steelyard_migrator;
"""
NAMES = {
    "asset_master": (
        "instruments",
        {
            "asset_id": "secid",
            "asset_name": "descr",
            "asset_type": "kind",
            "currency": "ccy",
            "sector": "gics",
            "issuing_country": "domicile",
        },
    ),
    "market_data": ("px_hist", {"asset_id": "secid", "price_date": "px_date", "closing_price": "px_last"}),
    "portfolio_allocation": (
        "holdings",
        {"portfolio": "book_no", "asset_id": "secid", "as_of": "asof", "quantity": "units"},
    ),
    "transactions": (
        "trades",
        {
            "transaction_id": "id",
            "account_id": "book_no",
            "asset_id": "secid",
            "transaction_date": "trade_dt",
            "transaction_type": "side",
            "currency": "ccy",
            "total_amount": "gross",
            "transaction_costs": "fees",
        },
    ),
    "compliance_records": (
        "compl",
        {
            "record_id": "id",
            "account_id": "book_no",
            "asset_id": "secid",
            "check_date": "checked",
            "status": "outcome",
        },
    ),
}
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
var_95 = { column = "var_pct", unit = "percent" }
beta = "beta"
sharpe_ratio = "sharpe"
"""


async def main(book: Book, seed: int) -> None:
    async with scratch_store() as server:
        await _make_firm(server, book, seed)
        rows = await _count_rows(server)
        print(f"{rows:,} rows in seven tables")
        with tempfile.TemporaryDirectory(prefix="steelyard-bench-") as folder:
            mapping = Path(folder) / "mapping.toml"
            mapping.write_text(_mapping(), encoding="utf-8")
            attach = await _timed(server, "attach", "--mapping", str(mapping), "--no-refresh")
            refresh = await _timed(server, "refresh")
        assert await _count_assets(server) == len(book.tables["asset_master"])
    _show({"attach": attach, "refresh": refresh})


async def _make_firm(server: EmbeddedServer, book: Book, seed: int) -> None:
    await fill(server, {name: book.tables[name] for name in REFERENCE})
    async with superuser(server) as connection:
        await connection.execute(DDL)
        for name, (theirs, columns) in NAMES.items():
            rows = book.tables[name].select(list(columns)).rename_columns(list(columns.values()))
            await copy_rows(connection, theirs, rows, schema="firm")
        await copy_rows(connection, "perf", _returns(book), schema="firm")
        await copy_rows(connection, "risk", _risk(book, seed), schema="firm")
        await connection.execute(KEYS)
    await settle(server)


def _returns(book: Book) -> pa.Table:
    """Daily and total returns in percent; the first day has none."""
    daily = np.full(book.prices.shape, np.nan)
    daily[1:] = 100 * (book.prices[1:] / book.prices[:-1] - 1)
    total = 100 * (book.prices / book.prices[0] - 1)
    return pa.table({**_keys(book, "d"), "ret_pct": _figures(daily), "cum_pct": _figures(total)})


def _risk(book: Book, seed: int) -> pa.Table:
    """A figure of each kind for every asset and day, by chance."""
    chance = np.random.default_rng(seed)
    made = {"vol_pct": (15, 60), "var_pct": (1, 4), "beta": (0.2, 1.8), "sharpe": (-1, 2)}
    figures = {
        name: _figures(chance.uniform(low, high, book.prices.shape)) for name, (low, high) in made.items()
    }
    return pa.table({**_keys(book, "calc_date"), **figures})


def _keys(book: Book, day: str) -> dict[str, Any]:
    prices = book.tables["market_data"]
    return {"secid": prices["asset_id"], day: prices["price_date"]}


def _figures(figures: "np.ndarray[Any, np.dtype[np.float64]]") -> pa.Array:
    return pa.array(figures.ravel(), from_pandas=True)


def _mapping() -> str:
    """The mapping as a person would have answered it: store names stand for file names where they differ."""
    lines = []
    for name, (theirs, columns) in NAMES.items():
        lines += [f"[{name}]", f'table = "firm.{theirs}"']
        lines += [
            f'{"account" if ours == "account_id" else ours} = "{column}"' for ours, column in columns.items()
        ]
    return "\n".join(lines) + HISTORY


async def _timed(server: EmbeddedServer, *arguments: str) -> tuple[Timing, Timing]:
    """Run a command; its seconds with its own memory, and with the server's."""
    environment = {**os.environ, "STEELYARD_HOME": str(server.home)}
    own, served = Timing([]), Timing([])
    command = [sys.executable, "-c", "from steelyard.app import main; main()", *arguments, "--json"]
    process = await asyncio.create_subprocess_exec(
        *command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )

    async def wait() -> None:
        answer, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        assert json.loads(answer)

    await measure(own, process.pid, lambda: measure(served, postmaster(server), wait))
    return own, served


async def _count_rows(server: EmbeddedServer) -> int:
    async with superuser(server) as connection:
        count: int = await connection.fetchval(
            "select sum(c.reltuples)::bigint from pg_class as c "
            "where c.relnamespace = 'firm'::regnamespace and c.relkind = 'r'"
        )
    return count


async def _count_assets(server: EmbeddedServer) -> int:
    async with superuser(server) as connection:
        count: int = await connection.fetchval(
            "select count(*) from steelyard.asset_360_scoped "
            "where scope_kind = 'tenant' and market_value > 0 and value_at_risk > 0"
        )
    return count


def _show(timings: dict[str, tuple[Timing, Timing]]) -> None:
    lines = [
        (name, f"{own.median:.1f} s", f"{own.peak_bytes >> 20:,} MiB", f"{served.peak_bytes >> 20:,} MiB")
        for name, (own, served) in timings.items()
    ]
    seconds = sum(own.median for own, _ in timings.values())
    most = max(own.peak_bytes + served.peak_bytes for own, served in timings.values())
    verdict = "held" if seconds <= BAR_SECONDS and most <= BAR_BYTES else "MISSED"
    show("From a firm's tables to asset 360", ("command", "time", "its memory", "the server's"), lines)
    print(
        f"Together {seconds:.1f} s and at most {most >> 20:,} MiB; the bar of {BAR_SECONDS} s and 1 GiB is {verdict}."
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="1,000 assets, to try it out")
    parser.add_argument("--seed", type=int, default=360)
    given = parser.parse_args()
    size = SMALL if given.small else FULL
    print(f"{size}, seed {given.seed}")
    asyncio.run(main(make_book(size, given.seed), given.seed))
