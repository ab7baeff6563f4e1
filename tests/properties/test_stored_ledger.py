"""The ledger of the store, against one as plain as can be: whatever is recorded, corrected and taken back (S28)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledger_model import balances_of, entries_of, once_each
from ledger_positions import read_ledger_positions
from made_transactions import ACCOUNTS, ASSETS, CURRENCIES, FIRST_DAY, TODAY, transactions
from steelyard.domain.posting import Posting, action_outcome
from steelyard.domain.transaction import (
    ACTIONS,
    Fault,
    Transaction,
    TransactionError,
    TransactionKind,
    find_fault,
)
from steelyard.services.ledger import post_transactions, record_transactions, reverse_transactions
from steelyard.storage.acting import Acting, acting_as
from steelyard.storage.connection import (
    close_connection_pool,
    get_db_session,
    get_migrator_session,
    get_write_session,
    init_connection_pool,
    raw_connection,
)
from steelyard.storage.embedded import EmbeddedServer
from steelyard.storage.ledger import (
    Posted,
    get_entries,
    get_unposted,
    store_transactions,
)

T = TypeVar("T")
Urls = Callable[[EmbeddedServer], tuple[str, str]]

NAMES = """
insert into steelyard.asset_master (asset_id, asset_name, asset_type, currency)
select n, n, 'Equity', 'USD' from unnest($1::text[]) as n;
"""
ACCOUNT_ROWS = """
insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency)
select $1, n, n, 'USD' from unnest($2::text[]) as n;
"""
TENANT = "insert into steelyard.tenants (tenant_id, tenant_name, base_currency) values ($1, $2, 'USD')"
POSTINGS = """
select e.external_id, e.account_id as owner, p.account_id, p.place, p.commodity, p.quantity, p.is_cash
from steelyard.entries_known($1, 'infinity') as e
inner join steelyard.postings as p on e.entry_id = p.entry_id
"""
UNBALANCED = """
select p.entry_id from steelyard.postings as p
where p.tenant_id = $1
group by p.entry_id, p.commodity, p.is_cash having sum(p.quantity) <> 0
union all
select 0 from (
    select p.account_id, p.commodity, p.is_cash, sum(p.quantity) as quantity
    from steelyard.postings as p where p.tenant_id = $1 and p.place = 'held' group by 1, 2, 3
) as p
full join (select * from steelyard.balances as b where b.tenant_id = $1) as b using (account_id, commodity, is_cash)
where coalesce(p.quantity, 0) <> coalesce(b.quantity, 0)
"""
"""Entries that do not sum to 0, and balances that are not the sum of their postings."""

STATEMENTS = (
    "update steelyard.journal set amount = amount + 1",
    "delete from steelyard.journal",
    "truncate steelyard.journal",
    "update steelyard.postings set quantity = quantity + 1",
    "delete from steelyard.postings",
    "truncate steelyard.postings",
)
TOO_SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


class Store:
    """The store of one test, from code that is not asynchronous."""

    def __init__(self, database: EmbeddedServer, urls: Urls) -> None:
        self._runner = asyncio.Runner()
        app, migrator = urls(database)
        self.tenant = 1
        self.run(init_connection_pool(app, migrator_url=migrator))
        self.execute(NAMES, [*ASSETS])

    def run(self, work: Awaitable[T]) -> T:
        async def done() -> T:
            with acting_as(Acting(self.tenant, "operator")):
                return await work

        return self._runner.run(done())

    def close(self) -> None:
        self.run(close_connection_pool())
        self._runner.close()

    def begin(self) -> None:
        """Begin a ledger of its own: nothing in the ones before can be taken away."""
        self.tenant += 1
        self.execute(TENANT, self.tenant, f"Tenant {self.tenant}")
        self.execute(ACCOUNT_ROWS, self.tenant, [*ACCOUNTS])

    def execute(self, statement: str, *values: object) -> None:
        async def execute() -> None:
            async with get_migrator_session() as db:
                await (await raw_connection(db)).execute(statement, *values)

        self.run(execute())

    def record(self, one: Transaction) -> Posted:
        return self.run(record_transactions([one], today=TODAY))

    def take_back(self, name: str) -> Posted:
        return self.run(reverse_transactions([name], today=TODAY))

    def post(self) -> Posted:
        return self.run(post_transactions(today=TODAY))

    def put(self, ones: list[Transaction]) -> None:
        """Put transactions into the table, as a load does, and post."""

        async def put() -> None:
            async with get_write_session() as db:
                await store_transactions(db, ones)
                await post_transactions(today=TODAY, db=db)

        self.run(put())

    def fetch(self, statement: str, *values: object) -> list[Any]:
        async def fetch() -> list[Any]:
            async with get_db_session() as db:
                return list(await (await raw_connection(db)).fetch(statement, self.tenant, *values))

        return self.run(fetch())

    def balances(self) -> dict[tuple[str, str, bool], Decimal]:
        async def read() -> dict[tuple[str, str, bool], Decimal]:
            async with get_db_session() as db:
                found = await read_ledger_positions(db)
            return {(one.account_id, one.commodity, one.is_cash): one.quantity for one in found}

        return self.run(read())

    def unposted(self) -> dict[str, Fault]:
        async def read() -> dict[str, Fault]:
            async with get_db_session() as db:
                return {one.transaction_id: one.fault for one in await get_unposted(db)}

        return self.run(read())

    def entries(self) -> dict[tuple[str, str], list[Posting]]:
        found: dict[tuple[str, str], list[Posting]] = {}
        for name, owner, account, place, commodity, quantity, is_cash in self.fetch(POSTINGS):
            posting = Posting(account, place, commodity, quantity, is_cash=is_cash)
            found.setdefault((name, owner), []).append(posting)
        return found

    def require(self, known: list[Transaction]) -> None:
        """See that the ledger is that of the transactions known."""
        expected = entries_of(known)
        found = self.entries()
        for key in {*expected, *found}:
            note(f"{key}: {found.get(key)}, expected {expected.get(key)}")
            assert sorted(found.get(key, []), key=repr_of) == sorted(expected.get(key, ()), key=repr_of)
        assert self.balances() == balances_of(expected)
        assert self.fetch(UNBALANCED) == []


def repr_of(posting: Posting) -> tuple[object, ...]:
    return posting.account_id, str(posting.place), posting.commodity, posting.is_cash, posting.quantity


@pytest.fixture(scope="module")
def store(database: EmbeddedServer, urls: Urls) -> Iterator[Store]:
    opened = Store(database, urls)
    yield opened
    opened.close()


NUMBERED = st.integers(0, 99).map("T{:02}".format)


@settings(max_examples=60, deadline=None, suppress_health_check=TOO_SLOW)
@given(ones=st.lists(transactions(NUMBERED), unique_by=lambda one: one.transaction_id, max_size=25))
def test_a_table_posted_at_once_is_what_python_books(store: Store, ones: list[Transaction]) -> None:
    store.begin()
    store.put(ones)
    store.require(ones)
    held_back = {one.transaction_id for one in ones} - {one.transaction_id for one in once_each(ones)}
    assert store.unposted() == dict.fromkeys(held_back, Fault.ENTERED_TWICE)


@settings(max_examples=40, deadline=None, suppress_health_check=TOO_SLOW)
@given(
    ones=st.lists(transactions(NUMBERED), unique_by=lambda one: one.transaction_id, min_size=2, max_size=12),
    chance=st.randoms(use_true_random=False),
)
def test_the_order_of_recording_is_irrelevant(store: Store, ones: list[Transaction], chance: Any) -> None:
    ones = once_each(ones)
    store.begin()
    chance.shuffle(ones)
    for one in ones:
        store.record(one)
    store.require(ones)


TRADES = transactions(
    st.sampled_from(["T1", "T2", "T3"]), st.sampled_from([TransactionKind.BUY, TransactionKind.SELL])
)
"""Plain trades: the store books them a short way, which nothing but time may tell from the long one."""


@settings(max_examples=25, deadline=None, suppress_health_check=TOO_SLOW)
@given(
    ones=st.lists(TRADES, min_size=1, max_size=8),
    gone=st.sets(st.sampled_from(["T1", "T2", "T3"])),
    action=st.none() | transactions(st.just("S"), st.sampled_from(sorted(ACTIONS))),
)
def test_trades_recorded_corrected_and_taken_back_are_what_python_books(
    store: Store, ones: list[Transaction], gone: set[str], action: Transaction | None
) -> None:
    store.begin()
    known: dict[str, Transaction] = {}
    for place, one in enumerate(ones):
        if action is not None and place == len(ones) // 2:
            store.record(action)
            known[action.transaction_id] = action
        store.record(one)
        known[one.transaction_id] = one
    store.require(list(known.values()))
    for name in sorted(gone & known.keys()):
        assert store.take_back(name).reversed > 0
        del known[name]
    store.require(list(known.values()))
    assert store.post() == Posted(0, 0, 0)


@st.composite
def faulty(draw: st.DrawFn) -> Transaction:
    """Return a transaction of which anything may be wrong that Python can see."""
    one = draw(transactions(st.just("T")))
    changes: dict[str, Any] = {
        "account_id": "",
        "asset_id": "",
        "quantity": Decimal(0),
        "amount": Decimal(0),
        "price": draw(st.sampled_from([None, Decimal(0)])),
        "tax": one.costs + 1,
        "counter_account_id": draw(st.sampled_from(["", one.account_id])),
        "counter_asset_id": draw(st.sampled_from(["", one.asset_id])),
        "counter_quantity": Decimal(0),
        "counter_amount": Decimal(0),
        "counter_currency": draw(st.sampled_from(["", one.currency])),
        "basis_fraction": None,
        "settlement_date": one.trade_date - timedelta(days=1),
        "trade_date": draw(st.sampled_from([TODAY + timedelta(days=days) for days in (1, 2)])),
    }
    wrong = draw(st.lists(st.sampled_from(sorted(changes)), unique=True, max_size=3))
    return replace(one, **{name: changes[name] for name in wrong})


@settings(max_examples=250, deadline=None, suppress_health_check=TOO_SLOW)
@given(one=faulty())
def test_sql_finds_the_fault_that_python_finds(store: Store, one: Transaction) -> None:
    store.begin()
    store.put([one])
    fault = find_fault(one, today=TODAY)
    assert store.unposted() == ({} if fault is None else {"T": fault})


OUTCOMES = """
select o.became, o.cash
from unnest($2::text[], $3::numeric[], $4::numeric[], $5::numeric[], $6::numeric[], $7::numeric[])
    with ordinality as a (kind, held, quantity, counter_quantity, price, amount, place)
cross join lateral steelyard.action_outcome(a.kind, a.held, a.quantity, a.counter_quantity, a.price, a.amount) as o
where $1::integer is not null
order by a.place
"""
ACTION_ROWS = transactions(st.just("T")).filter(lambda one: one.kind in ACTIONS)
UNITS_HELD = st.decimals(-100_000, 100_000, places=12) | st.integers(-100, 100).map(Decimal)


@settings(max_examples=100, deadline=None, suppress_health_check=TOO_SLOW)
@given(rows=st.lists(st.tuples(ACTION_ROWS, UNITS_HELD), min_size=1, max_size=30))
def test_sql_makes_of_units_what_python_makes(store: Store, rows: list[tuple[Transaction, Decimal]]) -> None:
    columns = zip(
        *((one.kind, held, one.quantity, one.counter_quantity, one.price, one.amount) for one, held in rows),
        strict=True,
    )
    found = store.fetch(OUTCOMES, *(list(column) for column in columns))
    assert [tuple(row) for row in found] == [action_outcome(one, held) for one, held in rows]


class LedgerMachine(RuleBasedStateMachine):
    """Record, correct, take back; try to change what was booked. After each step the ledger is the model's."""

    store: Store
    booked = Bundle("booked")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Transaction] = {}
        self.names = 0
        self.store.begin()

    @rule(target=booked, one=transactions(st.just("")))
    def record(self, one: Transaction) -> str:
        self.names += 1
        one = replace(one, transaction_id=f"T{self.names:03}")
        self._try(one)
        return one.transaction_id

    @rule(name=booked, one=transactions(st.just("")))
    def correct(self, name: str, one: Transaction) -> None:
        self._try(replace(one, transaction_id=name))

    @rule(name=booked)
    def record_again(self, name: str) -> None:
        if name in self.known:
            posted = self.store.record(self.known[name])
            assert (posted.booked, posted.reversed) == (0, 0)

    @rule(name=booked)
    def take_back(self, name: str) -> None:
        if self.known.pop(name, None):
            self.store.take_back(name)

    @rule()
    def post_all(self) -> None:
        posted = self.store.post()
        assert (posted.booked, posted.reversed, posted.unposted) == (0, 0, 0)

    @precondition(lambda self: self.known)
    @rule(
        statement=st.sampled_from(STATEMENTS),
        session=st.sampled_from([get_write_session, get_migrator_session]),
    )
    def change(self, statement: str, session: Any) -> None:
        async def change() -> None:
            async with session() as db:
                await (await raw_connection(db)).execute(statement)

        with pytest.raises(Exception, match=r"append-only|does not allow it"):
            self.store.run(change())

    @invariant()
    def is_the_models(self) -> None:
        self.store.require(list(self.known.values()))

    def _try(self, one: Transaction) -> None:
        """Record a transaction; the store refuses it exactly when it repeats an action."""
        others = [known for name, known in self.known.items() if name != one.transaction_id]
        kept = {kept.transaction_id for kept in once_each([*others, one])}
        held_back = {known.transaction_id for known in [*others, one]} - kept
        if one.transaction_id in held_back:
            with pytest.raises(TransactionError, match="same corporate action"):
                self.store.record(one)
        else:
            self.store.record(one)
            self.known[one.transaction_id] = one
            for name in held_back:  # the new one is for every holder, and counts
                self.store.take_back(name)
                del self.known[name]


def test_a_ledger_is_its_model_whatever_happens(store: Store) -> None:
    LedgerMachine.store = store
    run_state_machine_as_test(
        LedgerMachine, settings=settings(max_examples=20, stateful_step_count=20, deadline=None)
    )


def test_knowledge_of_each_moment_stays(store: Store) -> None:
    """What was known after each step can be asked for after all of them."""
    store.begin()
    first = Transaction(
        transaction_id="D",
        kind=TransactionKind.DEPOSIT,
        trade_date=FIRST_DAY,
        account_id="A",
        currency=CURRENCIES[0],
        amount=Decimal(100),
    )
    steps = [first, replace(first, amount=Decimal(70)), replace(first, account_id="B")]
    moments = []
    for one in steps:
        store.record(one)
        [row] = store.fetch("select max(recorded_at) as moment from steelyard.journal where tenant_id = $1")
        moments.append(row["moment"])

    async def read() -> list[list[Transaction]]:
        async with get_db_session() as db:
            return [
                [entry.transaction for entry in (await get_entries(db, known_at=moment)).entries]
                for moment in moments
            ]

    known = store.run(read())
    assert [[(one.account_id, one.amount) for one in ones] for ones in known] == [
        [("A", Decimal(100))],
        [("A", Decimal(70))],
        [("B", Decimal(100))],
    ]
