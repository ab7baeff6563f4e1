"""Accounts of a house that can be traded, and proposals of them; whoever asks is granted theirs.

They are made a hundred at a time, the first time somebody wants one, and each is used once.
"""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from secrets import token_hex
from typing import Any, TypeVar

from house import GRANTED, MINE, House, Person, transaction
from steelyard.domain.order import Order
from steelyard.domain.scope import Scope
from steelyard.identity.permissions import Actor, Right
from steelyard.market.port import CheckedPrice
from steelyard.services import approval, proposal
from steelyard.services.allocation_inputs import Asked
from steelyard.services.broker_link import Brokers, get_number_at_broker
from steelyard.services.grant import grant
from steelyard.services.order_hand import Hand
from steelyard.services.order_worker import OrderWorker
from steelyard.services.run import RunAsked, begin_run, require_run
from steelyard.services.run_approval import approve_run
from steelyard.services.run_making import make_run
from steelyard.storage.acting import OPERATOR, acting_as
from steelyard.storage.connection import WriteSession
from steelyard.storage.proposal import StoredProposal
from steelyard.storage.run import Run, RunScope, ScopeKind
from trading import PRICES, book_of, link_to_paper, load_book, trading_day
from workshop import checked

Done = TypeVar("Done")

FREE = (
    "select account_id from steelyard.accounts where account_id like :like and account_name not like 'used %' "
    "order by account_id limit 1"
)
LIKE = f"{MINE}-T-%"
ROUNDS = 40


async def as_operator(work: Coroutine[Any, Any, Done]) -> Done:
    """Do something as the operator of the first tenant."""
    with acting_as(OPERATOR):
        return await work


def traded_account(house: House, person: Person) -> str:
    """An account that can be traded and that nobody used, granted to a person whole."""
    if not (free := house.rows(FREE, like=LIKE)):
        made = len(
            house.rows("select account_id from steelyard.accounts where account_id like :like", like=LIKE)
        )
        house.do(as_operator(_make(house, [f"{MINE}-T-{number:04}" for number in range(made, made + 100)])))
        free = house.rows(FREE, like=LIKE)
    account: str = free[0][0]
    used = "update steelyard.accounts set account_name = 'used ' || account_id where account_id = :id returning 1"
    house.rows(used, id=account)
    if person.role in GRANTED:
        house.do(_grant(house, person, account))
    return account


async def _make(house: House, accounts: list[str]) -> None:
    now = house.clock()
    await load_book(house.folder / "trades", book_of(*accounts, day=trading_day(now)), now=now)
    await link_to_paper(*accounts, name=f"paper of {accounts[0]}")


async def _grant(house: House, person: Person, account: str) -> None:
    operator = Actor(person.tenant_id)
    async with transaction(operator.acting) as db:
        rights = [Right.READ, Right.PROPOSE, Right.APPROVE]
        await grant(db, operator, person.user_id, Scope.account(account), rights, now=house.clock())


async def _review(house: House, account: str) -> StoredProposal:
    async with transaction(OPERATOR) as db:
        return await proposal.review(db, Actor(1), Asked(account_id=account), now=house.clock())


async def _approve(house: House, reviewed: StoredProposal) -> None:
    hash_of = reviewed.content_hash
    prover = approval.TypedHash(Actor(1), hash_of.hex()[:8])
    async with transaction(OPERATOR) as db:
        await approval.approve(
            db, Actor(1), reviewed.proposal_id, prover, content_hash=hash_of, now=house.clock()
        )


def reviewed_for(house: House, person: Person) -> StoredProposal:
    """A proposal that the operator made, which waits for its approval."""
    return house.do(_review(house, traded_account(house, person)))


def approved_for(house: House, person: Person) -> StoredProposal:
    """A proposal that was approved and waits to be executed."""
    house.rows("update steelyard.tenants set approval_limit = 1000000 where tenant_id = 1 returning 1")
    reviewed = reviewed_for(house, person)
    house.do(_approve(house, reviewed))
    return reviewed


def run_for(house: House, person: Person, *accounts: str, author: str = "") -> Run:
    """A run that was made over accounts, one that nobody used unless some are named, by a person or in their name."""
    names = accounts or (traded_account(house, person),)
    made = house.do(_run(house, names))
    house.rows(
        "update steelyard.runs set author = :author where run_id = :id returning 1",
        author=author or f"user:{person.user_id}",
        id=made.run_id,
    )
    return made


def approved_run_for(house: House, person: Person, *accounts: str) -> Run:
    """A run that was approved and waits to be executed."""
    house.rows("update steelyard.tenants set approval_limit = 1000000 where tenant_id = 1 returning 1")
    made = run_for(house, person, *accounts)
    house.do(_approve_run(house, made))
    return made


async def _run(house: House, accounts: Sequence[str]) -> Run:
    asked = RunAsked(run_name="a run", scope=RunScope(ScopeKind.ACCOUNTS, tuple(accounts)))
    async with transaction(OPERATOR) as db:
        begun = await begin_run(db, Actor(1), asked, now=house.clock())
    await as_operator(make_run(begun.run_id, clock=house.clock))
    async with transaction(OPERATOR) as db:
        return await require_run(db, begun.run_id)


async def _approve_run(house: House, made: Run) -> None:
    hash_of = made.content_hash or b""
    prover = approval.TypedHash(Actor(1), hash_of.hex()[:8])
    async with transaction(OPERATOR) as db:
        await approve_run(db, Actor(1), made.run_id, prover, content_hash=hash_of, now=house.clock())


async def let_work(house: House, between: Callable[[], None] = lambda: None) -> None:
    """Let a worker send what is due, and follow it, as `steelyard worker` does; time goes on between its looks.

    Args:
        house: whose orders.
        between: what the broker does between two looks.
    """
    vault, moments = house.entrance.vault, count()

    def clock() -> datetime:
        return house.clock() + timedelta(seconds=next(moments))

    async def number_of(db: WriteSession, account_id: str) -> str:
        return await get_number_at_broker(db, vault, account_id)

    async def priced(order: Order) -> CheckedPrice:
        return checked(order, Decimal(PRICES[order.asset_id]), clock())

    brokers = Brokers(vault, house.served.app.state.broker_tools)
    hand = Hand(clock=clock, open_broker=brokers, account_number=number_of, read_price=priced)
    worker = OrderWorker(hand, "w1", token=lambda: token_hex(4))
    try:
        for _ in range(ROUNDS):
            await worker.work()
            between()
    finally:
        await brokers.close()
