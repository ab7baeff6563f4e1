"""Examples of the routes of orders, fills, holds and breaks."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from api_visit import Ask, Case, Visit, paper_link, plainly, some_account
from steelyard.brokers.port import BrokerFill
from steelyard.domain.order import Side
from steelyard.domain.reconciliation import Commodity, Difference
from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.services.broker_link import attach_account
from steelyard.services.fill import record_fill
from steelyard.services.hold import HoldKind, place_hold
from steelyard.services.ledger import record_transactions
from steelyard.storage.connection import WriteSession
from steelyard.storage.reconciliation_break import add_break

MADE = """
insert into steelyard.orders
(tenant_id, account_id, link_id, asset_id, side, quantity, order_type, currency, reference_price, order_value,
client_order_id)
select a.tenant_id, a.account_id, k.link_id, 'A', 'buy', 10, 'market', 'USD', 100, 1000, 'c-' || gen_random_uuid()
from steelyard.accounts as a
inner join steelyard.broker_links as k using (tenant_id)
where a.account_id = :account
limit 1
returning order_id
"""
LINKED = """
insert into steelyard.broker_links (tenant_id, broker, link_name, made_by)
values (:tenant, 'paper', 'cases', 'operator')
on conflict do nothing returning link_id
"""
STEP = """
update steelyard.orders
set state = :state, version = version + 1, released_at = now(), lease_until = now(), due_at = now() + interval '1 day'
where order_id = :id returning order_id
"""


def my_order(visit: Visit, *states: str, body: Any = None, status: int = 200) -> Ask:
    """An order of an account that whoever asks sees, led through some states."""
    house, tenant_id = visit.house, visit.me.tenant_id
    house.rows(LINKED, tenant_id, tenant=tenant_id)
    [[order_id]] = house.rows(MADE, tenant_id, account=some_account(visit))
    for state in states:
        house.rows(STEP, tenant_id, id=order_id, state=state)
    return Ask({"order_id": str(order_id)}, body=body, status=status)


APPROVED = ("reviewed", "approved")


def stopped(visit: Visit, *, is_stopped: bool) -> Ask:
    """The kill switch pulled, or not."""
    tenant_id = visit.me.tenant_id
    visit.house.rows(
        "update steelyard.trading_holds set released_at = now(), released_by = 'operator' "
        "where kind = 'kill_switch' and released_at is null returning hold_id",
        tenant_id,
    )
    if is_stopped:
        visit.house.rows(
            "insert into steelyard.trading_holds (tenant_id, kind, reason, made_by) "
            "values (:tenant, 'kill_switch', 'a wrong price', 'operator') returning hold_id",
            tenant_id,
            tenant=tenant_id,
        )
    return Ask(body={"reason": "a wrong price"}, status=204)


CASES: dict[str, Case] = {
    "GET /orders": plainly,
    "GET /orders/{order_id}": my_order,
    "POST /orders/{order_id}/cancel": lambda visit: my_order(visit, *APPROVED, body={}),
    "POST /orders/{order_id}/replace": lambda visit: my_order(
        visit, *APPROVED, body={"quantity": "4", "limit_price": "99.5"}, status=201
    ),
    "POST /orders/{order_id}/resolve": lambda visit: my_order(
        visit, *APPROVED, "sending", "unknown", body={"resolution": "never", "reason": "the desk says so"}
    ),
    "GET /trading-stop": plainly,
    "POST /trading-stop": lambda visit: stopped(visit, is_stopped=False),
    "POST /trading-stop/release": lambda visit: stopped(visit, is_stopped=True),
}

# ── Fills, holds, breaks ────────────────────────────────────────────────────────────────────────────────


def foundling(visit: Visit) -> Ask:
    """Let a broker execute what nobody ordered, and give it to some account."""
    link_id, execution_id = UUID(paper_link(visit)), f"x-{uuid4()}"
    fill = BrokerFill(
        execution_id=execution_id,
        broker_order_id="",
        client_order_id="",
        symbol="A",
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(10),
        currency="USD",
        executed_at=visit.house.clock(),
    )
    today = visit.house.clock().date()
    visit.house.do(visit.house.write(visit.me.tenant_id, record_fill, link_id, fill, today=today))
    owner = {"account": some_account(visit), "asset": "A"}
    return Ask(body={"link_id": str(link_id), "execution_id": execution_id, **owner})


def held(visit: Visit) -> Ask:
    reason, account_id = f"asked to, {uuid4()}", some_account(visit)
    placed = visit.house.write(visit.me.tenant_id, place_hold, HoldKind.MANUAL, reason, account_id=account_id)
    return Ask({"hold_id": str(visit.house.do(placed))}, body={"reason": "settled by phone"}, status=204)


def broken(visit: Visit) -> Ask:
    money = Difference(Commodity(f"X{uuid4().hex}", is_cash=False), Decimal(5), Decimal(4))
    made = visit.house.write(
        visit.me.tenant_id,
        add_break,
        UUID(paper_link(visit)),
        some_account(visit),
        money,
        hold_id=None,
        now=visit.house.clock(),
    )
    names = {"break_id": str(visit.house.do(made))}
    return Ask(names, body={"explanation": "their rounding"}, status=204)


async def deposit(db: WriteSession, money: Transaction, today: date) -> None:
    await record_transactions([money], today=today, db=db)


def attached(visit: Visit) -> Ask:
    link_id, tenant_id = paper_link(visit), visit.me.tenant_id
    account_id = visit.house.do(visit.house.ledger_account(tenant_id))
    today = visit.house.clock().date()
    money = Transaction(
        transaction_id=f"{uuid4()}",
        kind=TransactionKind.DEPOSIT,
        trade_date=today,
        account_id=account_id,
        currency="USD",
        amount=Decimal(5),
    )
    visit.house.do(visit.house.write(tenant_id, deposit, money, today))
    tools = visit.house.served.app.state.broker_tools
    vault = visit.house.entrance.vault
    visit.house.do(visit.house.write(tenant_id, attach_account, vault, account_id, UUID(link_id), tools))
    return Ask({"link_id": link_id})


CASES |= {
    "GET /fills": plainly,
    "GET /fills/suspense": plainly,
    "POST /fills/assign": foundling,
    "GET /trading-holds": plainly,
    "POST /trading-holds": lambda visit: Ask(
        body={"kind": "manual", "reason": f"ask first, {uuid4()}", "account": some_account(visit)}, status=201
    ),
    "POST /trading-holds/{hold_id}/release": held,
    "GET /breaks": plainly,
    "POST /breaks/{break_id}/explain": broken,
    "POST /brokers/{link_id}/sync": attached,
}
