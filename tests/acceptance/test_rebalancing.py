"""`steelyard rebalance`: accounts of the sample book, accounts in files, order files, and what is refused."""

import csv
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from terminal import Terminal

SMALL = """\
asset,quantity,price,target_weight
VTI,40,201.16,0.60
VXUS,30,51.72,0.25
BND,12,71.84,0.10
OLD,5,33.10,0
$CASH,1250.00,,0.05
"""
HEAVY = ("sqlalchemy", "asyncpg", "alembic", "numpy", "numba", "pyarrow", "highspy")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.csv"
    path.write_text(SMALL, encoding="utf-8")
    return path


def cash_is_conserved(answer: dict[str, Any]) -> bool:
    """Whether what is left is what there was, less what the trades took, to the last digit."""
    allocation, portfolio = answer["allocation"], answer["portfolio"]
    before = sum(portfolio["cash"].values()) + Decimal(answer["investment_amount"])
    spent = sum(Decimal(trade["value"]) for trade in allocation["trades"])
    return bool(Decimal(allocation["cash_after"]) == before - spent - Decimal(allocation["fees"]))


# ── Accounts of the store ───────────────────────────────────────────────────────────────────────────────


def test_an_account_of_the_book_is_answered_on_a_screen(terminal: Terminal) -> None:
    shown = terminal.show("rebalance", "--account", "RIVERA-JOINT")

    assert shown.startswith("Rebalance RIVERA-JOINT  ✓ optimal\n")
    assert "AAPL    ▲ buy       2,207   125.674 USD    277,362.52" in shown
    assert "AAPL  Buy 2207 AAPL: it is 11.7 % of the whole" in shown
    assert "as of 2022-12-28 · prices of 2022-12-28 · positions of 2022-12-28" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_json_holds_what_was_asked_and_every_figure_exactly(terminal: Terminal) -> None:
    answer = terminal.ask("rebalance", "--account", "RIVERA-529", "--invest", "5000", "--mode", "buy_only")

    assert answer["allocation"]["status"] == "optimal"
    assert answer["policy"]["mode"] == "buy_only"
    assert answer["investment_amount"] == 5000
    assert all(trade["quantity"] > 0 for trade in answer["allocation"]["trades"])
    assert cash_is_conserved(answer)


def test_a_household_is_its_accounts(terminal: Terminal) -> None:
    answers = terminal.ask("rebalance", "--household", "RIVERA")
    shown = terminal.show("rebalance", "--household", "RIVERA")

    names = ["RIVERA-529", "RIVERA-IRA", "RIVERA-JOINT", "RIVERA-ROTH"]
    assert [answer["portfolio"]["account_id"] for answer in answers] == names
    assert answers[1] == terminal.ask("rebalance", "--account", "RIVERA-IRA")
    assert all(cash_is_conserved(answer) for answer in answers)
    assert shown.startswith("Rebalance, 4 accounts\n")
    assert max(map(len, shown.splitlines())) <= 80


def test_cash_is_converted_only_when_asked(terminal: Terminal) -> None:
    apart = terminal.ask("rebalance", "--account", "OKAFOR-BROKERAGE")["allocation"]
    together = terminal.ask("rebalance", "--account", "OKAFOR-BROKERAGE", "--convert")["allocation"]

    assert apart["conversions"] == []
    assert [done["bought_currency"] for done in together["conversions"]] == ["USD"]
    assert together["total_drift_after"] < apart["total_drift_after"] < apart["total_drift_before"]
    assert all(cash >= 0 for plan in (apart, together) for cash in plan["cash_by_currency"].values())


def test_what_cannot_be_done_is_an_answer_with_a_code_of_its_own(terminal: Terminal, tmp_path: Path) -> None:
    orders = tmp_path / "orders.csv"
    done = terminal.run("rebalance", "--account", "RIVERA-529", "--raise", "500000")
    refused = terminal.refused(
        "rebalance", "--account", "RIVERA-529", "--raise", "500000", "--csv", str(orders)
    )

    assert done.returncode == 3
    assert "infeasible" in done.stdout
    assert "→ " in done.stdout
    assert refused == "No order file was written: no trades of RIVERA-529 keep every constraint."
    assert not orders.exists()


def test_old_prices_are_refused_unless_a_reason_is_given(terminal: Terminal) -> None:
    asked = ("rebalance", "--account", "RIVERA-529", "--as-of", "2023-01-04")

    said = terminal.refused(*asked)
    shown = terminal.show(*asked, "--stale-reason", "the exchange was closed")

    assert "JNJ (2022-12-28, 4 sessions)" in said
    assert '--stale-reason "…"' in said
    assert "taken all the same: the exchange was closed" in shown
    assert "4 sessions old" in shown


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--account", "RIVERA"], "There is no account RIVERA; did you mean RIVERA-"),
        (["--household", "RIVEIRA"], "There is no household RIVEIRA; did you mean RIVERA?"),
        (
            ["--account", "RIVERA-IRA", "--as-of", "2014-01-01"],
            "Neither a snapshot nor the ledger says what account RIVERA-IRA held",
        ),
        (["--account", "RIVERA-IRA", "--hold", "QAUL"], "did you mean QUAL?"),
        (["--account", "RIVERA-IRA", "--policy", "gone.toml"], "gone.toml: cannot be read: No such file"),
        (["--from", "gone.csv"], "gone.csv: cannot be read: No such file"),
    ],
)
def test_what_is_wrong_is_one_sentence(terminal: Terminal, arguments: list[str], sentence: str) -> None:
    said = terminal.refused("rebalance", *arguments)

    assert sentence in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say which account"),
        (["--account", "A", "--household", "B"], "Say which account"),
        (["--account", "A", "--invest", "1", "--raise", "1"], "--invest and --raise exclude each other"),
        (["--household", "A", "--invest", "1"], "are of one account"),
        (["--from", "a.csv", "--as-of", "2022-01-03"], "--as-of is for accounts of the store"),
        (["--from", "SMALL", "--mode", "tax_aware"], "Tax needs rates: state them under [tax]"),
        (["--account", "A", "--invest", "1e3"], "the amount is '1e3', not a plain number"),
        (["--account", "A", "--cash-floor=-1"], "-1 is below 0"),
        (["--account", "A", "--mode", "best"], "'best' is not one of"),
    ],
)
def test_wrong_usage_ends_with_2(
    terminal: Terminal, small: Path, arguments: list[str], sentence: str
) -> None:
    done = terminal.run("rebalance", *(argument.replace("SMALL", str(small)) for argument in arguments))

    assert done.returncode == 2
    assert sentence in done.stderr


# ── Accounts in files ───────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_answered_without_a_store_and_without_what_only_a_store_needs(small: Path) -> None:
    script = (
        "import sys\n"
        "from steelyard.app import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"print('imported:', *sorted(set({HEAVY}) & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, "rebalance", "--from", str(small)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines()[0] == "Rebalance the account  ✓ optimal"
    assert done.stdout.splitlines()[-1] == "imported:"


def test_a_file_and_the_store_say_the_same(terminal: Terminal, tmp_path: Path) -> None:
    stored = terminal.ask("rebalance", "--account", "RIVERA-529")
    portfolio = stored["portfolio"]
    lines = [
        f"{asset},{portfolio['positions'].get(asset, 0)},{price['amount']},{portfolio['targets'].get(asset, '')},USD"
        for asset, price in portfolio["prices"].items()
    ]
    cash = f"$CASH,{portfolio['cash']['USD']},,{portfolio['cash_targets']['USD']},USD"
    file = tmp_path / "account.csv"
    file.write_text("\n".join(["asset,quantity,price,target_weight,currency", *lines, cash]), "utf-8")

    assert terminal.ask("rebalance", "--from", str(file))["allocation"] == stored["allocation"]


def test_options_say_how(terminal: Terminal, small: Path, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('[locks]\nno_sell = ["OLD"]\n[costs]\nfee = "1"\n', "utf-8")

    answer = terminal.ask(
        "rebalance", "--from", str(small), "--policy", str(policy), "--hold", "VTI", "--cash-floor", "1000"
    )

    allocation = answer["allocation"]
    assert {trade["asset_id"] for trade in allocation["trades"]} <= {"VXUS", "BND"}
    assert {skipped["asset_id"] for skipped in allocation["skipped"]} >= {"OLD", "VTI"}
    assert allocation["cash_after"] >= 1000
    assert allocation["fees"] == len(allocation["trades"])
    assert cash_is_conserved(answer)


LOTS = """\
lot,asset,quantity,cost,acquired
v1,VTI,25,3250.00,2019-05-02
v2,VTI,15,3330.00,2025-11-20
x1,VXUS,30,1710.00,2025-03-03
b1,BND,12,900.00,2025-06-10
o1,OLD,5,250.00,2024-02-01
"""
TAX = """\
mode = "tax_aware"
[tax]
short_rate = 0.37
long_rate = 0.20
holding_years = 1
method = "minimum_tax"
trade_date = 2026-03-02
"""


def test_tax_is_of_the_lots_that_are_sold(terminal: Terminal, small: Path, tmp_path: Path) -> None:
    (tmp_path / "lots.csv").write_text(LOTS, "utf-8")
    (tmp_path / "tax.toml").write_text(TAX, "utf-8")
    asked = ("rebalance", "--from", str(small), "--policy", str(tmp_path / "tax.toml"))

    allocation = terminal.ask(*asked, "--lots", str(tmp_path / "lots.csv"))["allocation"]
    shown = terminal.show(*asked, "--lots", str(tmp_path / "lots.csv"))

    old = next(sale for sale in allocation["lots"] if sale["lot_id"] == "o1")
    assert (old["gain"], old["is_long_term"], old["tax"]) == (Decimal("-84.5"), True, Decimal("-16.9"))
    assert allocation["taxes"] == sum(Decimal(sale["tax"]) for sale in allocation["lots"])
    assert "Lots sold" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_tax_is_of_the_lots_that_are_booked(terminal: Terminal, tmp_path: Path) -> None:
    policy = tmp_path / "tax.toml"
    policy.write_text(TAX.replace("2026-03-02", "2022-12-28") + "wash_days = 30\n", "utf-8")
    asked = ("rebalance", "--account", "RIVERA-JOINT", "--policy", str(policy), "--lots", "ledger")

    allocation = terminal.ask(*asked)["allocation"]
    booked = {
        (lot["asset_id"], lot["lot_id"]): lot
        for lot in terminal.ask("lots", "--account", "RIVERA-JOINT")["lots"]
    }

    assert allocation["lots"]
    for sale in allocation["lots"]:
        lot = booked[sale["asset_id"], sale["lot_id"]]
        price = lot["value"] / lot["quantity"]
        gain = sale["quantity"] * (price - lot["cost"] / lot["quantity"])
        assert sale["gain"] == pytest.approx(gain, rel=Decimal("0.01"), abs=Decimal(50))
    assert allocation["taxes"] == sum(Decimal(sale["tax"]) for sale in allocation["lots"])
    small = tmp_path / "account.csv"
    small.write_text("asset,quantity,price,target_weight\nVTI,1,1,1\n", "utf-8")
    refused = terminal.run("rebalance", "--from", str(small), "--policy", str(policy), "--lots", "ledger")
    assert refused.returncode == 2


def test_orders_are_written_in_the_layout_asked_for(terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    asked = ("rebalance", "--account", "RIVERA-ROTH")
    trades = terminal.ask(*asked)["allocation"]["trades"]

    shown = terminal.show(*asked, "--csv", str(path), "--layout", "ibkr")

    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    written = {
        row["Symbol"]: Decimal(row["Quantity"]) * (1 if row["Action"] == "BUY" else -1) for row in rows
    }
    assert written == {trade["asset_id"]: trade["quantity"] for trade in trades}
    assert [row["Action"] for row in rows] == sorted((row["Action"] for row in rows), reverse=True)
    assert f"{len(trades)} orders, layout ibkr." in shown.replace("\n", " ")


def test_an_order_file_that_cannot_be_written_is_refused(terminal: Terminal, small: Path) -> None:
    said = terminal.refused("rebalance", "--from", str(small), "--csv", "/nowhere/orders.csv")

    assert said.startswith("Cannot write /nowhere/orders.csv")
    assert said.endswith("choose another place with --csv.")


# ── Books ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_book_is_answered_account_by_account(terminal: Terminal, tmp_path: Path) -> None:
    path, trades = tmp_path / "answers.parquet", tmp_path / "trades.csv"

    summary = terminal.ask("rebalance", "--book", "--output", str(path))
    shown = terminal.show("rebalance", "--book", "--output", str(trades))

    rows = {row["account_id"]: row for row in pq.read_table(path).to_pylist()}
    assert summary["accounts"] == len(rows) == 6
    for account_id in ("RIVERA-529", "OKAFOR-PENSION"):
        single = terminal.ask("rebalance", "--account", account_id)["allocation"]
        row = rows[account_id]
        assert row["status"] == single["status"]
        assert dict(zip(row["trade_asset_id"], row["trade_quantity"], strict=True)) == {
            trade["asset_id"]: trade["quantity"] for trade in single["trades"]
        }
    with trades.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == summary["trades"] == sum(len(row["trade_asset_id"]) for row in rows.values())
    assert f"Wrote{trades}." in "".join(shown.split())  # the terminal wraps a long path where it likes
    assert "optimal             6   100.00 %" in shown


def test_a_book_counts_what_cannot_be_done_and_leaves_no_half_file(
    terminal: Terminal, tmp_path: Path
) -> None:
    poor = terminal.ask("rebalance", "--book", "--cash-floor", "3000000")
    refused = terminal.refused("rebalance", "--book", "--output", str(tmp_path / "answers.txt"))
    stale = terminal.ask("rebalance", "--book", "--as-of", "2023-01-04")
    terminal.refused("rebalance", "--book", "--convert", "--output", str(tmp_path / "answers.csv"))

    assert (poor["statuses"]["infeasible"], sum(poor["statuses"].values())) == (5, 6)
    assert "its name ends in neither .parquet nor .csv" in refused
    assert stale["statuses"] == {"refused": 6}
    assert stale["stale_prices"]["AAPL"] == 4
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--book", "--account", "A"], "Say which account"),
        (["--book", "--invest", "5"], "are of one account"),
        (["--book", "--csv", "a.csv"], "write a book with --output FILE"),
        (["--account", "A", "--output", "a.csv"], "--output is for --book"),
    ],
)
def test_a_book_has_options_of_its_own(terminal: Terminal, arguments: list[str], sentence: str) -> None:
    done = terminal.run("rebalance", *arguments)

    assert done.returncode == 2
    assert sentence in done.stderr
