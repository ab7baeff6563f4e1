"""Whatever is asked of the paper broker, and whatever goes wrong: cash and units are neither made nor lost."""

import asyncio
import random
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from paper import Market, all_fills, holdings, open_paper, order, with_money
from steelyard.brokers.paper import PaperBroker
from steelyard.brokers.paper_faults import Call, Fault, faults_by_chance
from steelyard.brokers.port import NotReceivedError, OutcomeUnknownError, RefusedError
from steelyard.domain.order import Side

FAULTS = {
    Call.PLACE: dict.fromkeys(
        (Fault.LOSE_REQUEST, Fault.LOSE_REPLY, Fault.EXECUTE_LATE, Fault.ANSWER_LATE), 0.1
    ),
    Call.CANCEL: dict.fromkeys((Fault.LOSE_REQUEST, Fault.LOSE_REPLY), 0.2),
    Call.FILL: dict.fromkeys((Fault.DUPLICATE_FILL, Fault.REORDER_FILL, Fault.BUST_FILL), 0.2),
}
CASH, UNITS = "5000", "40"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is asked, or happens."""

    what: str
    name: str
    side: Side
    quantity: str
    price: str
    limit: str | None


steps = st.lists(
    st.builds(
        Step,
        what=st.sampled_from(["place", "place", "place", "cancel", "replace", "bust", "price", "wait"]),
        name=st.sampled_from([f"S{number}" for number in range(8)]),
        side=st.sampled_from(Side),
        quantity=st.sampled_from(["1", "3", "7.5", "12", "0.25"]),
        price=st.sampled_from(["90", "97.13", "100", "111.11"]),
        limit=st.sampled_from([None, None, "95", "105.5"]),
    ),
    max_size=25,
)


async def do(broker: PaperBroker, market: Market, step: Step) -> None:
    asked = order(step.name, step.side, step.quantity, limit=step.limit)
    match step.what:
        case "place":
            await broker.place_order(asked)
        case "price":
            market.prices["VTI"] = Decimal(step.price)
        case "wait":
            market.wait(3)
        case "bust":
            if fills := await all_fills(broker):
                await broker.bust(fills[-1].execution_id)
        case _:
            orders = await broker.list_orders(market.now.replace(year=2000))
            known = [one.broker_order_id for one in orders if one.client_order_id == step.name] or ["?"]
            if step.what == "cancel":
                await broker.cancel_order(known[0])
            else:
                await broker.replace_order(known[0], order(f"{step.name}R", step.side, step.quantity))


async def trade(folder: Path, plan: list[Step], seed: int) -> None:
    market = Market()
    faults = faults_by_chance(FAULTS, random.Random(seed))  # noqa: S311 - the same every time
    broker = open_paper(folder, market, faults=faults, seed=seed, most_parts=3, slippage_bps=Decimal(7))
    await with_money(broker, CASH, VTI=UNITS)
    for step in plan:
        with suppress(RefusedError, NotReceivedError, OutcomeUnknownError):
            await do(broker, market, step)
    market.wait(60)
    await check(broker, market)
    await broker.close()


async def check(broker: PaperBroker, market: Market) -> None:
    """Work out from what was told what there must be."""
    cash, units, filled = Decimal(CASH), Decimal(UNITS), Counter[str]()
    told = await all_fills(broker)
    busted = {one.execution_id for one in told if one.is_bust}
    fills = {one.execution_id: one for one in told if not one.is_bust}
    assert busted <= fills.keys()
    for execution_id in fills.keys() - busted:
        fill = fills[execution_id]
        sign = 1 if fill.side is Side.BUY else -1
        units += sign * fill.quantity
        cash -= sign * (fill.quantity * fill.price).quantize(Decimal("1e-8"), ROUND_HALF_UP)
        filled[fill.broker_order_id] += fill.quantity  # type: ignore[assignment]  # a Counter of Decimal
    now, held = await holdings(broker)
    assert (now, held.get("VTI", 0)) == (cash, units)
    assert busted or (cash >= 0 and units >= 0)
    orders = await broker.list_orders(market.now.replace(year=2000))
    assert {one.broker_order_id: one.filled_quantity for one in orders if one.filled_quantity} == filled
    assert all(one.filled_quantity <= one.quantity for one in orders)
    names = [one.client_order_id for one in orders]
    assert len(names) == len(set(names))


@given(plan=steps, seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_cash_and_units_are_conserved_and_a_client_id_is_one_order(plan: list[Step], seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(trade(Path(folder), plan, seed))
