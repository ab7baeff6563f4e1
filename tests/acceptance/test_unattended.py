"""`steelyard refresh` with nobody looking: what a scheduler learns from its exit code, its log and its answer."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from steelyard.storage.embedded import EmbeddedServer
from terminal import Terminal, write_book

LOCK = "lock table steelyard.performance_history in share row exclusive mode"
MORE = "asset_id,price_date,closing_price\nOURS,2024-01-02,10\nOURS,2024-01-03,11\nOURS,2024-01-04,12\n"


@pytest.fixture
def kept(ready: Terminal) -> Terminal:
    """A terminal with a book of its own, published as version 1; a newer price is loaded."""
    ready.show("load", str(write_book(ready.home.parent / "book")))
    ready.show("load", str(write_book(ready.home.parent / "more", market_data=MORE)), "--no-refresh")
    return ready


@asynccontextmanager
async def another_refresh(server: EmbeddedServer) -> AsyncIterator[None]:
    connection = await asyncpg.connect(
        host=str(server.host), user=server.app.user, password=server.app.password, database=server.database
    )
    async with connection.transaction():
        await connection.execute(LOCK)
        yield
    await connection.close()


def log_of(stderr: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stderr.splitlines()]


def test_a_new_version_says_what_it_changed_and_an_unchanged_one_nothing(kept: Terminal) -> None:
    new, same = kept.ask("refresh"), kept.ask("refresh")

    assert (new["version"], new["as_of"], new["published"]) == (2, "2024-01-04", True)
    assert [(move["asset_id"], move["before"], move["after"]) for move in new["changes"]["value_moves"]] == [
        ("OURS", 1100, 1200)
    ]
    assert new["changes"] == kept.ask("changes")
    assert (same["version"], same["published"], same["changes"]) == (2, False, None)
    assert "Changes from version 1 to 2" in kept.show("changes")


def test_the_log_tells_the_run_and_its_phases(kept: Terminal) -> None:
    done = kept.run("refresh", "--log-format", "json", "--json")

    started, published, head = log_of(done.stderr)
    assert json.loads(done.stdout)["version"] == 2
    assert started["event"] == "refresh started"
    assert started["run_id"] == published["run_id"]
    assert (published["event"], published["level"]) == ("version published", "info")
    assert (published["version"], published["as_of"], published["attempts"]) == (2, "2024-01-04", 1)
    assert (published["rows"], published["derived_assets"]) == (2, 1)  # of all accounts, and of SAVINGS
    phases = {key for key in published if key.endswith("_seconds")}
    assert phases == {f"{phase}_seconds" for phase in ("wait", "derive", "compute", "publish")}
    assert (head["event"], head["tenant_id"], len(head["signature"])) == ("audit head", 1, 128)
    text = kept.run("refresh", "--log-format", "text").stderr
    assert 'level=info event="nothing had changed" run_id=' in text


def test_another_refresh_is_waited_for_no_longer_than_told(kept: Terminal) -> None:
    server = kept.server()

    async def refresh_beside_another() -> tuple[str, list[dict[str, Any]]]:
        async with another_refresh(server):
            said = await asyncio.to_thread(kept.refused, "refresh", "--wait", "0", code=75)
            logged = await asyncio.to_thread(kept.run, "refresh", "--wait", "0", "--log-format", "json")
        assert (logged.returncode, logged.stdout) == (75, "")
        return said, log_of(logged.stderr)

    said, log = asyncio.run(refresh_beside_another())

    assert said.startswith("Another refresh or load is running")
    assert (log[-1]["event"], log[-1]["error"], log[-1]["exit_code"]) == ("failed", "RefreshRunningError", 75)
    assert log[-1]["reason"] == said
    assert kept.ask("overview")["version"] == 1
    assert kept.ask("refresh")["version"] == 2


def test_a_store_that_is_away_is_asked_again_and_no_secret_is_logged(blank: Terminal) -> None:
    away = "postgresql://me:canary@127.0.0.1:1/book"
    done = blank.run("refresh", "--attempts", "2", "--log-format", "json", DATABASE_URL=away)

    again, failed = log_of(done.stderr)
    assert done.returncode == 75
    assert (again["event"], again["attempt"], again["error"]) == (
        "attempt failed",
        1,
        "DatabaseUnreachableError",
    )
    assert (failed["event"], failed["exit_code"]) == ("failed", 75)
    assert "canary" not in done.stderr


def test_what_somebody_must_put_right_ends_with_1(ready: Terminal) -> None:
    done = ready.run("refresh", "--log-format", "json")

    assert done.returncode == 1
    assert log_of(done.stderr)[-1]["error"] == "NoPricesError"
