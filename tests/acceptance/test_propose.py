"""From a proposal to its orders at the terminal."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from people import run
from steelyard.storage.connection import close_connection_pool, init_connection_pool
from terminal import Terminal
from trading import book_of, link_to_paper, load_book, trading_day

Run = Callable[..., str]
ACCOUNTS = ("T-CLI-1", "T-CLI-2")


@pytest.fixture
def terminal(ready: Terminal) -> Terminal:
    """A store of its own: prices of today would be the last ones of every account in the shared one."""
    return ready


async def furnish(home: Path, folder: Path) -> None:
    """Let the terminal's store have two accounts that can be traded."""
    await init_connection_pool(data_dir=home)
    try:
        now = datetime.now(UTC)
        await load_book(folder, book_of(*ACCOUNTS, day=trading_day(now)), now=now)
        await link_to_paper(*ACCOUNTS, name="paper of the terminal")
    finally:
        await close_connection_pool()


async def count_orders(home: Path) -> list[tuple[Any, ...]]:
    await init_connection_pool(data_dir=home)
    try:
        return await run(
            "select state, count(*) from steelyard.orders where account_id like 'T-CLI-%' group by 1 order by 1"
        )
    finally:
        await close_connection_pool()


def test_a_proposal_at_the_terminal(terminal: Terminal, steelyard_here: Run, tmp_path: Path) -> None:
    asyncio.run(furnish(terminal.home, tmp_path / "book"))
    one, other = ACCOUNTS

    refused = steelyard_here("propose", "T-CLI-9", code=1)
    assert "T-CLI-1" in refused
    made = json.loads(steelyard_here("propose", one, "--json"))
    key, digits = made["found"]["proposal"]["proposal_id"], made["hash"]
    shown = steelyard_here("review", key)
    for text in (
        key,
        digits[:16],
        "AAA",
        "10,000.00",
        "sell",
        "buy later",
        "steelyard approve",
        "in 30 minutes",
    ):
        assert text in shown, shown

    assert "type the first 8 digits" in steelyard_here("approve", key, "--hash", "00000000", code=1)
    kept = steelyard_here("approve", key, "--hash", digits[:8])
    assert "somebody else has to" in kept  # nobody approves alone until somebody says so
    steelyard_here("withdraw", key)
    assert "is withdrawn" in steelyard_here("execute", key, code=1)

    steelyard_here("tenant", "set", "--limit", "10000", "--code-limit", "500", "--price-tolerance", "0.01")
    tenant = next(
        row for row in json.loads(steelyard_here("tenant", "list", "--json")) if row["tenant_id"] == 1
    )
    assert (tenant["code_limit"], tenant["price_tolerance"]) == (500, 0.01)
    made = json.loads(steelyard_here("propose", other, "--invest", "0.50", "--json"))
    digits, made = made["hash"], made["found"]["proposal"]
    steelyard_here("approve", made["proposal_id"], "--hash", digits[:8])
    assert "3 orders are released" in steelyard_here("execute", made["proposal_id"])
    assert "orders under way" in steelyard_here("propose", other, code=1)
    listed = steelyard_here("proposals", "--account", other)
    assert any(
        made["proposal_id"][:8] in line and other in line and "executed" in line
        for line in listed.splitlines()
    ), listed
    assert asyncio.run(count_orders(terminal.home)) == [("approved", 3), ("cancelled", 3)]


def test_a_key_is_typed_as_its_first_eight_characters(
    terminal: Terminal, steelyard_here: Run, tmp_path: Path
) -> None:
    asyncio.run(furnish(terminal.home, tmp_path / "book"))
    made = json.loads(steelyard_here("propose", ACCOUNTS[0], "--json"))
    whole, digits = made["found"]["proposal"]["proposal_id"], made["hash"][:8]
    short = whole[:8]
    assert whole in steelyard_here("review", short)
    assert "somebody else has to" in steelyard_here("approve", short, "--hash", digits)

    listed = steelyard_here("orders", "list", "--proposal", short)
    found = json.loads(steelyard_here("orders", "list", "--proposal", short.upper(), "--json"))["orders"]
    assert len(found) == 3
    for order in found:
        assert order["proposal_id"] == whole
        key = order["order_id"]
        assert any(key[:8] in line and ACCOUNTS[0] in line for line in listed.splitlines()), listed
        assert key in steelyard_here("orders", "show", key[:8])
    assert max(map(len, listed.splitlines())) <= 80

    steelyard_here("tenant", "add", "Another")
    nothing = f"There is no proposal that begins with {short}. `steelyard proposals` shows them."
    assert nothing in steelyard_here("review", short, "--tenant", "2", code=1)
    assert steelyard_here("withdraw", short) == "Withdrawn, and its orders with it.\n"

    begun = json.loads(steelyard_here("run", "begin", "one", "--account", ACCOUNTS[1], "--json"))
    run_id = begun["found"]["run"]["run_id"]
    assert run_id[:8] in steelyard_here("run", "list")
    assert run_id in steelyard_here("run", "show", run_id[:8])
    assert steelyard_here("run", "withdraw", run_id[:8]) == "Withdrawn, and its orders with it.\n"


NOTHING_BEGINS_SO = {
    ("review",): "proposal",
    ("execute",): "proposal",
    ("rules", "override", "--reason", "agreed", "--"): "proposal",
    ("orders", "cancel"): "order",
    ("orders", "replace"): "order",
    ("fills", "list", "--order"): "order",
    ("holds", "place", "--reason", "moving", "--order"): "order",
    ("run", "execute"): "run",
    ("holds", "release", "--reason", "moved"): "hold",
    ("reconcile", "explain", "--reason", "rounding"): "break",
}


def test_a_beginning_of_none_is_refused_by_name_and_what_begins_no_key_is_wrong_usage(
    steelyard_here: Run,
) -> None:
    for command, kind in NOTHING_BEGINS_SO.items():
        rule = ("cash",) if command[:1] == ("rules",) else ()
        said = steelyard_here(*command, "2f0c7f0e", *rule, code=1)
        assert f"There is no {kind} that begins with 2f0c7f0e." in said
        for typed in ("2f0c7f0", "2f0c7f0g"):
            assert f"'{typed}' is no key" in steelyard_here(*command, typed, *rule, code=2)


def test_what_excludes_each_other_is_wrong_usage(steelyard_here: Run) -> None:
    said = steelyard_here("propose", "A", "--invest", "1", "--raise", "1", code=2)
    assert "exclude each other" in said
