"""Proposals: what is stored, what stands for good, and that nothing is executed that is not as it was reviewed."""

import json
from pathlib import Path
from typing import Any

import pytest

from people import run
from steelyard.services.proposal import get_proposal, replay_proposal
from trading import approve, execute, execute_trades, open_trading, propose

pytestmark = pytest.mark.usefixtures("own_store")

ORDERS = (
    "select asset_id, side, trim_scale(quantity)::text, phase, state, version, released_at is not null, link_id "
    "from steelyard.orders order by client_order_id"
)


async def orders() -> list[tuple[Any, ...]]:
    return await run(ORDERS)


async def test_a_proposal_goes_from_review_over_approval_to_execution(tmp_path: Path) -> None:
    link_id = await open_trading(tmp_path)

    reviewed = await propose()
    assert await orders() == [
        ("AAA", "sell", "50", 1, "reviewed", 2, False, None),
        ("BBB", "buy", "250", 1, "reviewed", 2, False, None),
        ("CCC", "buy", "250", 2, "reviewed", 2, False, None),
    ]
    assert reviewed.order_value == 10_000

    await approve(reviewed)
    assert {row[4] for row in await orders()} == {"approved"}
    await execute(reviewed)
    assert {row[5:] for row in await orders()} == {(4, True, link_id)}
    shown = await get_proposal(reviewed.proposal_id)
    assert (shown.proposal.state, shown.proposal.executed_by) == ("executed", "operator")


async def test_a_stored_proposal_replays_to_the_last_byte(tmp_path: Path) -> None:
    await open_trading(tmp_path)
    reviewed = await execute_trades()

    stored = (await get_proposal(reviewed.proposal_id)).proposal
    assert replay_proposal(stored).text == stored.document
    assert replay_proposal(stored).hash == stored.content_hash
    assert json.loads(stored.document)["inputs"]["portfolio"]["positions"] == {"AAA": "100"}
