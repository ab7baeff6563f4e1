"""The terminal face when something is wrong: one sentence with the next step, exit code 1, nothing changed."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from steelyard.storage.embedded import EmbeddedServer
from terminal import OUR_BOOK, STEELYARD, Terminal, write_book

LOCK = "select pg_advisory_xact_lock(hashtext('steelyard.asset_360'), 1)"
WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"


# ── Asked for what is not there ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["asset", "aple"], "Asset aple is not among the assets; did you mean AAPL"),
        (["asset", "no such thing"], "`steelyard assets` lists those there are."),
        (["asset", "AMD", "--household", "OKAFOR"], "is not among the assets of household OKAFOR"),
        (["overview", "--household", "riveira"], "There is no household riveira; did you mean RIVERA?"),
        (["risk", "--account", "OKAFOR-PENSIONS"], "did you mean OKAFOR-PENSION"),
        (["overview", "--as-of", "2019-06-28"], "run `steelyard refresh --as-of 2019-06-28`."),
        (["overview", "--version-number", "900"], "see `steelyard refresh --list`."),
        (["refresh", "--as-of", "1990-01-01"], "is before the first price, of 2014-01-02; ask for that day"),
        (["load", "no-such-folder"], "no-such-folder is not a directory"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(
    terminal: Terminal, arguments: list[str], sentence: str
) -> None:
    said = terminal.refused(*arguments)

    assert sentence in said
    assert len(said.splitlines()) == 1


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────

PRICES = OUR_BOOK["market_data"]


FAULTS: dict[str, tuple[dict[str, str | None], str]] = {
    "half a directory": (
        {"asset_master": None, "transactions": None},
        "has no file for asset_master, transactions",
    ),
    "unknown column": (
        {"market_data": PRICES.replace("closing_price", "price_of_the_day")},
        "price_of_the_day",
    ),
    "empty file": ({"market_data": ""}, "market_data.csv"),
    "no number": ({"market_data": PRICES + "OURS,2024-01-04,ten\n"}, "market_data.csv line 4"),
    "unknown asset": ({"market_data": PRICES + "THEIRS,2024-01-04,10\n"}, "market_data.csv line 4"),
}


def test_a_book_with_a_fault_is_refused_whole(terminal: Terminal, tmp_path: Path) -> None:
    before = terminal.ask("assets")

    for fault, (changed, sentence) in FAULTS.items():
        assert sentence in terminal.refused("load", str(write_book(tmp_path / fault, **changed)))

    assert terminal.run("refresh").returncode == 0
    assert terminal.ask("assets") == before


# ── The store ───────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_store_asks_for_init_then_for_prices(blank: Terminal) -> None:
    book = write_book(blank.home.parent / "book")

    assert blank.refused("overview") == "The database is not initialised. Run `steelyard init`."
    looked = blank.run("doctor")
    assert looked.returncode == 1
    assert "fail  Schema" in looked.stdout
    blank.show("init")
    assert blank.refused("overview") == "Asset 360 has nothing on all accounts yet; run `steelyard refresh`."
    assert blank.refused("refresh") == "market_data holds no price; load some with `steelyard load DIR`."
    assert blank.ask("load", str(book), "--only", "asset_master")["refresh"] is None
    assert "warn  Asset 360" in blank.show("doctor")


def url(server: EmbeddedServer, *, password: str | None = None, database: str | None = None) -> str:
    secret = password or server.app.password
    return f"postgresql://{server.app.user}:{secret}@/{database or server.database}?host={quote(str(server.host))}"


def test_a_store_by_url_answers_like_the_embedded_one(terminal: Terminal) -> None:
    address = url(terminal.server())

    assert terminal.show("overview", DATABASE_URL=address) == terminal.show("overview")
    assert terminal.server().app.password not in terminal.show("doctor", DATABASE_URL=address)
    assert terminal.show("db", "psql", "-Atc", "select 1", DATABASE_URL=address) == "1\n"


def test_a_wrong_password_is_told_without_it(terminal: Terminal) -> None:
    said = terminal.refused("overview", DATABASE_URL=url(terminal.server(), password="not-it"))  # noqa: S106 a wrong one

    assert "refuses the login" in said
    assert "not-it" not in said


def test_a_missing_database_and_a_silent_port_are_told_apart(terminal: Terminal) -> None:
    missing = terminal.refused("overview", DATABASE_URL=url(terminal.server(), database="nowhere"))
    silent = terminal.refused("overview", code=75, DATABASE_URL="postgresql://me@127.0.0.1:1/book")

    assert "names a database it does not have" in missing
    assert "No PostgreSQL answers at 127.0.0.1:1/book" in silent


@pytest.mark.parametrize("verb", ["start", "stop"])
def test_a_server_that_is_not_ours_is_left_alone(terminal: Terminal, verb: str) -> None:
    said = terminal.refused("db", verb, DATABASE_URL="postgresql://me@127.0.0.1:1/book")

    assert f"a server that Steelyard does not {verb}" in said


# A process started in the background of a script ignores Ctrl-C, and so do its children; people's do not.
INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from steelyard.app import main
main()
"""


async def test_an_interrupted_refresh_ends_with_130_and_keeps_nothing(terminal: Terminal) -> None:
    before = await asyncio.to_thread(terminal.ask, "refresh", "--list")
    server = await asyncio.to_thread(terminal.server)
    connection = await asyncpg.connect(
        host=str(server.host), user=server.app.user, password=server.app.password, database=server.database
    )
    async with connection.transaction():
        await connection.execute(LOCK)
        process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTIBLE, "refresh", "--as-of", "2018-06-29"],
            env=terminal.environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        await _until_somebody_waits(connection)
        process.send_signal(signal.SIGINT)
        _, said = await asyncio.to_thread(process.communicate)
    await connection.close()

    assert process.returncode == 130
    assert said.endswith("steelyard: interrupted; what was not finished was not kept.\n")
    assert await asyncio.to_thread(terminal.ask, "refresh", "--list") == before


async def _until_somebody_waits(connection: asyncpg.Connection, seconds: float = 20.0) -> None:
    patience = time.monotonic() + seconds
    while not await connection.fetchval(WAITING):
        assert time.monotonic() < patience, "the refresh never came to the lock"
        await asyncio.sleep(0.02)


def test_a_reader_that_goes_away_is_no_error(terminal: Terminal) -> None:
    ours, theirs = os.pipe()
    os.close(ours)

    done = subprocess.run(
        [*STEELYARD, "assets", "--json"],
        env=terminal.environment(),
        stdout=theirs,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(theirs)

    assert b"Traceback" not in done.stderr
