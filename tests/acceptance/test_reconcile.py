"""Reconciling at the terminal: a custodian's file against the ledger, breaks, holds, and fills that nobody knows."""

import csv
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from terminal import Terminal

Run = Callable[..., str]
ACCOUNT = "RIVERA-529"


@pytest.fixture
def terminal(spare_terminal: Terminal) -> Terminal:
    """Fills are booked."""
    return spare_terminal


@pytest.fixture
def custodian(steelyard_here: Run, tmp_path: Path) -> tuple[str, Path]:
    """A link by files for one account."""
    name, folder = f"custodian {uuid4()}", tmp_path / "custodian"
    steelyard_here("brokers", "link", "file", name, "--address", str(folder), "--environment", "live")
    steelyard_here("brokers", "attach", name, ACCOUNT)
    return name, folder


@pytest.fixture(autouse=True)
def back_to_paper(steelyard_here: Run) -> None:
    steelyard_here("brokers", "attach", "paper", ACCOUNT)


def write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def write_holdings(folder: Path, held: dict[str, str], currencies: set[str]) -> None:
    rows = [
        ("", "cash" if name in currencies else "position", name, quantity, datetime.now(UTC).isoformat())
        for name, quantity in held.items()
    ]
    write(folder / "holdings.csv", ("account", "kind", "name", "quantity", "as_of"), rows)


def held_by_ledger(steelyard_here: Run) -> dict[str, str]:
    shown = json.loads(
        steelyard_here(
            "positions", "--account", ACCOUNT, "--as-of", f"{datetime.now(UTC):%Y-%m-%d}", "--json"
        )
    )["positions"]
    return {one["asset_id"]: one["quantity"] for one in shown}


def test_what_trades_on_paper_agrees(steelyard_here: Run) -> None:
    shown = steelyard_here("reconcile", "--link", "paper")
    assert "0 breaks found, 0 standing" in shown


def test_a_break_holds_its_account_until_somebody_explains_it(
    steelyard_here: Run, custodian: tuple[str, Path]
) -> None:
    name, folder = custodian
    held = held_by_ledger(steelyard_here)
    currencies = {"USD"} & held.keys()
    write_holdings(folder, held, currencies)
    assert "0 breaks found" in steelyard_here("reconcile", "--link", name)

    asset_id = next(asset for asset in held if asset not in currencies)
    write_holdings(folder, held | {asset_id: f"{float(held[asset_id]) + 1:f}"}, currencies)
    assert "1 breaks stand" in steelyard_here("reconcile", "--link", name, code=1)
    [found] = json.loads(steelyard_here("reconcile", "breaks", "--account", ACCOUNT, "--json"))
    assert found["commodity"] == asset_id
    listed = steelyard_here("reconcile", "breaks")
    assert any(found["break_id"][:8] in line and ACCOUNT in line for line in listed.splitlines()), listed
    assert found["break_id"] not in listed
    [hold] = json.loads(steelyard_here("holds", "list", "--account", ACCOUNT, "--json"))
    assert (hold["kind"], hold["hold_id"]) == ("break", found["hold_id"])

    steelyard_here("reconcile", "explain", found["break_id"][:8], "--reason", "a gift, booked tomorrow")
    assert "Nothing is held" in steelyard_here("holds", "list", "--account", ACCOUNT)
    assert "0 breaks found" in steelyard_here("reconcile", "--link", name)
    assert "a gift" in steelyard_here("reconcile", "breaks", "--all", "--account", ACCOUNT, "--json")


def test_a_link_that_fails_is_named(steelyard_here: Run, custodian: tuple[str, Path]) -> None:
    name, _ = custodian
    assert "1 links failed" in steelyard_here("reconcile", "--link", name, code=1)


def test_a_fill_that_nobody_knows_is_given_to_its_account(
    steelyard_here: Run, custodian: tuple[str, Path]
) -> None:
    name, folder = custodian
    held = held_by_ledger(steelyard_here)
    asset_id = next(asset for asset in held if asset != "USD")
    write_holdings(folder, held, {"USD"} & held.keys())
    executed = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    columns = (
        "client_order_id",
        "execution_id",
        "asset",
        "action",
        "quantity",
        "price",
        "currency",
        "executed_at",
    )
    execution_id = f"X-{uuid4()}"
    row = ("by-phone", execution_id, asset_id, "sell", "1", "10", "USD", executed)
    write(folder / "fills" / "day.csv", columns, [row])
    steelyard_here("reconcile", "--link", name)
    assert "names no order of ours" in steelyard_here("fills", "suspense", "--json")
    assert execution_id[:8] in steelyard_here("fills", "suspense")
    said = steelyard_here("fills", "assign", name, execution_id, "--account", ACCOUNT, "--asset", asset_id)
    assert said == "It is booked.\n"
    assert execution_id in steelyard_here("fills", "list", "--account", ACCOUNT, "--json")
    assert float(held_by_ledger(steelyard_here)[asset_id]) == float(held[asset_id]) - 1
    assert "There is none" in steelyard_here("fills", "suspense")


def test_a_hold_is_placed_and_released(steelyard_here: Run) -> None:
    said = steelyard_here("holds", "place", "--account", ACCOUNT, "--reason", "the client is moving")
    hold_id = said.removeprefix("Held, as ").rstrip(".\n")
    assert "stands already" in steelyard_here(
        "holds", "place", "--account", ACCOUNT, "--reason", "the client is moving"
    )
    assert "the client" in steelyard_here("holds", "list", "--account", ACCOUNT, "--json")
    assert hold_id[:8] in steelyard_here("holds", "list")
    assert steelyard_here("holds", "release", hold_id[:8], "--reason", "moved") == "Released.\n"
    assert "released by operator" in steelyard_here("holds", "release", hold_id, "--reason", "moved", code=1)
    assert "moved" in steelyard_here("holds", "list", "--all")
    assert "steelyard orders stop" in steelyard_here("holds", "place", "--reason", "all of it", code=2)


def test_an_account_with_entries_is_not_opened(steelyard_here: Run, custodian: tuple[str, Path]) -> None:
    name, _ = custodian
    said = steelyard_here("reconcile", "open", name, ACCOUNT, "--at-market", code=1)
    assert f"has entries of {ACCOUNT}" in said
    asked = ("reconcile", "open", name, ACCOUNT, "--cost", "VTI", "much")
    assert "not a plain number" in steelyard_here(*asked, code=2)
