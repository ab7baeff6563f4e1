"""Runs: many accounts, one hash, one approval, one execution, and blocks whose fills are shared out."""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from people import run
from running import Desk, booked, held, opened_desk
from steelyard.services.run import get_run
from steelyard.storage.connection import Pool
from steelyard.storage.run import RunAccountState, RunState


@pytest.fixture
async def desk(own_store: Pool, tmp_path: Path) -> AsyncIterator[Desk]:
    del own_store  # opening it is what matters
    async with opened_desk(tmp_path, 5) as made:
        yield made


async def test_a_run_goes_from_begun_over_one_approval_to_filled(desk: Desk) -> None:
    shown = await desk.make()
    assert (shown.run.state, shown.progress.states) == (RunState.MADE, {RunAccountState.MADE: 5})
    approved = await desk.approve(shown.run)
    assert (approved.state, len(approved.approvals)) == (RunState.APPROVED, 1)
    await desk.execute(shown.run)
    await desk.work()
    done = await get_run(shown.run.run_id)
    assert done.run.state is RunState.EXECUTED
    assert done.progress.orders == {"filled": 15}
    assert await booked() == await held(desk.broker)
    blocks = await run(
        "select asset_id, side, trim_scale(quantity)::text, state from steelyard.orders where account_id is null "
        "order by client_order_id"
    )
    assert Counter(row[3] for row in blocks) == {"filled": 3}
