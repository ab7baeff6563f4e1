"""Prices as people and programs read them, and their history brought in from the terminal."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alpaca_data import KEYS, AlpacaData, alpaca_data, daily_bar
from house import House, Window
from steelyard.identity.permissions import Role
from steelyard.market.files import FileSource
from steelyard.market.port import Market
from terminal import Terminal, write_book


def test_stored_prices_say_how_far_they_are_trusted(terminal: Terminal) -> None:
    asked = ("prices", "--asset", "AAPL", "--asset", "NOBODY", "--as-of", "2022-12-29")
    apple, nobody = sorted(terminal.ask(*asked), key=lambda price: str(price["asset_id"]))

    assert (apple["quality"], apple["source"], apple["currency"]) == ("good", "file", "USD")
    assert apple["price_date"] == "2022-12-28"
    assert (nobody["price"], nobody["quality"]) == (None, "missing")
    assert nobody["doubt"] == "There is no price of NOBODY: the store has no such asset."


def test_what_is_in_doubt_stands_first_and_says_why(terminal: Terminal) -> None:
    shown = terminal.show("prices", "--stored", "--limit", "3")

    assert "stale" in shown
    assert "sessions old: older than the 3" in " ".join(shown.split())
    assert "0 of" in shown


def test_prices_come_from_where_the_settings_say(terminal: Terminal, tmp_path: Path) -> None:
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    (tmp_path / "quotes.csv").write_text(f"asset_id,price,made_at\nAAPL,126.5,{moment}\nKO,6400,{moment}\n")
    settings = {"STEELYARD_PRICE_SOURCES": "files", "STEELYARD_PRICE_FOLDER": str(tmp_path)}
    asked = ("prices", "--asset", "AAPL", "--asset", "KO", "--asset", "JNJ", "--json")
    found = {price["asset_id"]: price for price in json.loads(terminal.show(*asked, **settings))}

    assert (found["AAPL"]["price"], found["AAPL"]["source"], found["AAPL"]["quality"]) == (
        126.5,
        "files",
        "good",
    )
    assert found["KO"]["quality"] == "currency"
    assert found["KO"]["doubt"].endswith("pence for pounds, or pounds for pence?")
    assert found["JNJ"]["doubt"] == "There is no price of JNJ: no source has one."


def test_settings_that_name_no_source_are_refused(terminal: Terminal) -> None:
    assert "There is no price source 'reuters'" in terminal.refused(
        "prices", STEELYARD_PRICE_SOURCES="reuters"
    )
    said = terminal.refused("prices", "backfill", "--source", "alpaca", "--from", "2024-01-01")
    assert "alpaca needs STEELYARD_ALPACA_KEY_ID and STEELYARD_ALPACA_SECRET_KEY" in said


async def test_history_is_brought_in_and_refreshed(ready: Terminal, tmp_path: Path) -> None:
    book = write_book(tmp_path / "book")
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    days = [date(2024, 1, 2) + timedelta(number) for number in range(10)]
    server = AlpacaData(bars={"OURS": [daily_bar(day, 10 + number, 500) for number, day in enumerate(days)]})
    (tmp_path / "secret").write_text(KEYS["APCA-API-SECRET-KEY"], encoding="utf-8")
    asked = ("prices", "backfill", "--source", "alpaca", "--from", "2024-01-02", "--json")

    async def steelyard(*arguments: str, **settings: str) -> str:
        return await asyncio.to_thread(ready.show, *arguments, **settings)

    await steelyard("load", str(book), "--no-refresh")
    async with alpaca_data(server):
        settings = {
            "STEELYARD_ALPACA_KEY_ID": KEYS["APCA-API-KEY-ID"],
            "STEELYARD_ALPACA_SECRET_KEY_FILE": str(tmp_path / "secret"),
            "STEELYARD_ALPACA_DATA_URL": server.address,
        }
        refused = json.loads(await steelyard(*asked, **settings))
        settings["STEELYARD_PRIVATE_NETWORKS"] = "127.0.0.0/8"
        first = json.loads(await steelyard(*asked, **settings))
        second = json.loads(await steelyard(*asked, **settings))
    refreshed = await steelyard("refresh")

    assert "127.0.0.1, which is not a public address" in refused["faults"]["OURS"]
    assert (first["added"], first["kept"], first["volumes"], first["faults"]) == (8, 2, 10, {})
    assert first["last_date"] == f"{yesterday}"
    assert (second["assets"], second["complete"]) == (0, 1)
    assert len(server.asked) == 1
    assert "2024-01-11" in refreshed


@pytest.fixture
def window(house: House) -> Window:
    return house.window_of(house.people[1, Role.OWNER])


def prices(window: Window, query: str) -> Any:
    answer = window.ask("GET", f"/prices?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_programs_read_prices_exactly(window: Window) -> None:
    price, unknown = prices(window, "asset=A&asset=NOBODY&source=stored")

    assert (price["asset_id"], price["price"], price["currency"]) == ("A", "103", "USD")
    assert (price["price_date"], price["quality"]) == ("2023-12-29", "stale")
    assert "sessions old" in price["doubt"]
    assert (unknown["price"], unknown["quality"]) == (None, "missing")


def test_a_source_that_is_down_is_said_and_no_old_price_stands_in(
    house: House, window: Window, tmp_path: Path
) -> None:
    state = house.served.app.state
    state.market = Market([FileSource(tmp_path)], then_stored=False)
    try:
        (price,) = prices(window, "asset=A")
    finally:
        state.market = None

    assert (price["price"], price["quality"]) == (None, "missing")
    assert "There is no price of A: files gave no answer (quotes.csv in" in price["doubt"]


@pytest.mark.parametrize(
    "query", ["", "asset=", "source=stored", "asset=A&source=yahoo", "&".join(["asset=A"] * 501)]
)
def test_a_question_about_no_asset_is_refused(window: Window, query: str) -> None:
    assert window.ask("GET", f"/prices?{query}").status_code == 422
