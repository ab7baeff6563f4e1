"""Runs: many accounts, one hash, one approval, one execution, and blocks whose fills are shared out."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest

from people import run
from running import Desk, booked, held, names_of, opened_desk
from steelyard.domain.order import OrderState
from steelyard.identity.permissions import Actor, Right, Role
from steelyard.services.proposal import OfRunError, withdraw
from steelyard.services.run import (
    NoAccountsError,
    NotInRunError,
    RunAsked,
    RunChangedError,
    RunExpiredError,
    RunNameError,
    RunStateError,
    UnknownRunError,
    begin_run,
    drop_accounts,
    get_run,
    get_runs,
    run_hash,
    watch_run,
    withdraw_run,
)
from steelyard.services.run_making import make_run, make_some, market_of_run
from steelyard.storage.acting import acting_as
from steelyard.storage.connection import Pool, get_write_session
from steelyard.storage.run import Problem, RunAccountState, RunScope, RunState, ScopeKind
from trading import OPERATOR

MADE, EXCEPTION = RunAccountState.MADE, RunAccountState.EXCEPTION


@pytest.fixture
async def desk(own_store: Pool, tmp_path: Path) -> AsyncIterator[Desk]:
    del own_store  # opening it is what matters
    async with opened_desk(tmp_path, 5) as made:
        yield made


async def test_a_run_goes_from_begun_over_one_approval_to_filled(desk: Desk) -> None:
    shown = await desk.make()
    assert (shown.run.state, shown.progress.states) == (RunState.MADE, {MADE: 5})
    hashes = await run(
        "select content_hash from steelyard.proposals as p join steelyard.run_accounts as a "
        "using (proposal_id) order by a.place"
    )
    assert shown.run.content_hash == run_hash([bytes(row[0]) for row in hashes])  # type: ignore[call-overload]  # rows are of objects
    approved = await desk.approve(shown.run)
    assert (approved.state, len(approved.approvals)) == (RunState.APPROVED, 1)
    await desk.execute(shown.run)
    await desk.work()
    done = await get_run(shown.run.run_id)
    assert (done.run.state, done.run.executed_by) == (RunState.EXECUTED, "operator")
    assert done.progress.orders == {OrderState.FILLED: 15}
    assert await booked() == await held(desk.broker)
    assert len(await get_runs()) == 1
    blocks = await run("select state from steelyard.orders where account_id is null")
    assert Counter(row[0] for row in blocks) == {
        "filled": 3
    }  # AAA sold, BBB bought, CCC bought when that brought cash


async def test_everybody_in_a_block_has_its_average_price_and_no_cent_is_lost(desk: Desk) -> None:
    desk.prices["BBB"] = Decimal("19.937")  # better than it was worked out at
    await desk.execute_all()
    await desk.work()
    prices = await run(
        "select distinct price from steelyard.fills where asset_id = 'BBB' and block_execution_id is not null"
    )
    assert prices == [(Decimal("19.937000000000"),)]
    parts = await run(
        "select f.amount, f.quantity * f.price, t.total_amount from steelyard.fills as f "
        "join steelyard.transactions as t using (transaction_id) where f.asset_id = 'BBB'"
    )
    assert len(parts) == 5
    for amount, exact, paid in parts:
        assert abs(Decimal(str(amount)) - Decimal(str(exact))) < Decimal("0.01")
        assert amount == paid
    assert await booked() == await held(desk.broker)


# ── Making ──────────────────────────────────────────────────────────────────────────────────────────────


class KilledError(Exception):
    """As if the process had ended here."""


@pytest.mark.parametrize("point", ["run.taken", "run.stored"])
async def test_a_maker_that_dies_in_the_middle_leaves_nothing_half_done_and_another_goes_on(
    desk: Desk, point: str
) -> None:
    begun = await desk.begin()
    prices = await market_of_run(begun.run_id, now=desk.clock())
    await make_some(begun.run_id, prices, now=desk.clock(), most=2)

    def die(reached: str) -> None:
        if reached == point:
            raise KilledError

    with pytest.raises(KilledError):
        await make_some(begun.run_id, prices, now=desk.clock(), most=2, fault=die)
    before = await get_run(begun.run_id)
    assert before.progress.states == {MADE: 2, RunAccountState.WAITING: 3}
    await run(
        "update steelyard.market_data set closing_price = 21 where asset_id = 'BBB'"
    )  # too late for this run
    await make_run(begun.run_id, clock=desk.clock)
    after = await get_run(begun.run_id)
    assert (after.run.state, after.progress.states) == (RunState.MADE, {MADE: 5})
    assert await run("select count(*), count(distinct account_id) from steelyard.proposals") == [(5, 5)]
    assert await run("select distinct reference_price from steelyard.orders where asset_id = 'BBB'") == [
        (20,)
    ]


async def test_two_workers_make_a_run_together_and_no_account_twice(desk: Desk) -> None:
    begun = await desk.begin()
    prices = await market_of_run(begun.run_id, now=desk.clock())

    async def work() -> int:
        done = 0
        while await make_some(begun.run_id, prices, now=desk.clock(), most=1):
            done += 1
        return done

    shares = await asyncio.gather(work(), work())
    assert sum(shares) == 5
    assert min(shares) > 0
    assert (await get_run(begun.run_id)).progress.states == {MADE: 5}
    assert await run("select count(*) from steelyard.proposals") == [(5,)]
    async with get_write_session() as db:
        with pytest.raises(UnknownRunError):
            await withdraw_run(db, OPERATOR, uuid4(), now=desk.clock())


async def test_exceptions_come_first_each_with_its_asset_and_reason_and_hold_nobody_up(desk: Desk) -> None:
    none, alone, odd, *_ = names_of(5)
    await run("update steelyard.accounts set model_id = null where account_id = :id", id=none)
    await run("delete from steelyard.broker_accounts where account_id = :id", id=alone)
    await run("insert into steelyard.asset_master (asset_id, asset_name, asset_type, currency) values "
              "('ODD', 'Odd', 'Equity', 'USD')")  # fmt: skip
    await run(
        "insert into steelyard.model_portfolios (tenant_id, model_id, model_name) values (1, 'O', 'Odd')"
    )
    await run("insert into steelyard.target_weights values (1, 'O', 'ODD', 1)")
    await run("update steelyard.accounts set model_id = 'O' where account_id = :id", id=odd)
    shown = await desk.make()
    assert shown.run.state is RunState.MADE
    assert [(one.account_id, one.problem) for one in shown.accounts[:3]] == [
        (odd, Problem.NO_PRICE), (none, Problem.NO_MODEL), (alone, Problem.NO_LINK),
    ]  # fmt: skip
    assert "ODD" in shown.accounts[0].fault
    assert "brokers" in shown.accounts[2].fault
    assert [one.state for one in shown.accounts[3:]] == [MADE, MADE]


async def test_what_a_rule_holds_waits_on_its_own_and_what_it_blocks_is_left_out(desk: Desk) -> None:
    for rule, outcome, account in (("H", "hold", "R-000"), ("B", "block", "R-001"), ("W", "warn", "R-002")):
        await run(
            "insert into steelyard.compliance_rules (tenant_id, rule_id, version, kind, bound, outcome, valid_from, "
            "source_document, made_by, scope, settings) values (1, :rule, 1, 'minimum_cash', 0.5, :outcome, "
            "'2020-01-01', 'mandate', 'operator', cast(:scope as jsonb), '{}')",
            rule=rule, outcome=outcome, scope=f'{{"accounts": ["{account}"]}}',
        )  # fmt: skip
    shown = await desk.make()
    by_account = {one.account_id: one for one in shown.accounts}
    assert by_account["R-001"].problem is Problem.BLOCK
    assert by_account["R-001"].proposal_id is None
    hold = by_account["R-000"]
    assert hold.problem is Problem.HOLD
    assert await run("select run_id, outcome from steelyard.proposals where account_id = 'R-000'") == [
        (None, "hold")
    ]
    assert by_account["R-002"].state is MADE
    assert "50" in by_account["R-002"].fault
    assert [one.account_id for one in shown.accounts][:3] == ["R-001", "R-000", "R-002"]


async def test_prices_that_are_too_old_are_exceptions_unless_there_is_a_reason(desk: Desk) -> None:
    desk.clock.go_on(days=30)
    shown = await desk.make()
    assert (shown.run.state, shown.run.fault) == (RunState.FAILED, "no account of it has anything to trade")
    assert {one.problem for one in shown.accounts} == {Problem.STALE_PRICE}
    again = await desk.make(stale_reason="the book ends there")
    assert again.progress.states == {MADE: 5}
    [event] = await run(
        "select object_type, object_id from steelyard.audit_events where action = 'price.override'"
    )
    assert event == ("run", str(again.run.run_id))


async def test_an_account_that_is_where_it_should_be_has_nothing_to_do(desk: Desk) -> None:
    await desk.execute_all()
    await desk.work()
    shown = await desk.make()
    assert shown.progress.states == {RunAccountState.NOTHING: 5}
    assert shown.run.state is RunState.FAILED


# ── Whose, and in which order ───────────────────────────────────────────────────────────────────────────


async def test_a_run_is_over_named_accounts_a_household_a_model_or_all(desk: Desk) -> None:
    await run("insert into steelyard.households values (1, 'H', 'H', 'USD')")
    await run("update steelyard.accounts set household_id = 'H' where account_id <= 'R-001'")
    for scope, count in (
        (RunScope(ScopeKind.ACCOUNTS, ("R-003",)), 1),
        (RunScope(ScopeKind.HOUSEHOLD, ("H",)), 2),
        (RunScope(ScopeKind.MODEL, ("M",)), 5),
        (RunScope(ScopeKind.ALL), 5),
    ):
        begun = await desk.begin(scope)
        assert (await get_run(begun.run_id)).progress.accounts == count
    with pytest.raises(NoAccountsError, match="model X"):
        await desk.begin(RunScope(ScopeKind.MODEL, ("X",)))
    with pytest.raises(RunNameError):
        async with get_write_session() as db:
            await begin_run(
                db, OPERATOR, RunAsked(run_name=" ", scope=RunScope(ScopeKind.ALL)), now=desk.clock()
            )


async def test_an_advisor_begins_a_run_over_the_accounts_that_may_be_proposed_for(desk: Desk) -> None:
    rows = await run(
        "insert into steelyard.users (tenant_id, role, status) values (1, 'advisor', 'active') returning user_id"
    )
    user_id = rows[0][0]
    rights = {"R-000": ["READ", "PROPOSE"], "R-001": ["READ"]}
    for account, some in rights.items():
        await run(
            "insert into steelyard.account_grants (tenant_id, user_id, account_id, rights, granted_by) "
            "values (1, :user, :account, :rights, 'operator')",
            user=user_id, account=account, rights=some,
        )  # fmt: skip
    grants = {account: frozenset(map(Right, some)) for account, some in rights.items()}
    advisor = replace(Actor(1, None, Role.ADVISOR, grants=grants), user_id=user_id)  # type: ignore[arg-type]  # rows are of objects
    with acting_as(advisor.acting):
        async with get_write_session() as db:
            asked = RunAsked(run_name="mine", scope=RunScope(ScopeKind.ALL))
            begun = await begin_run(db, advisor, asked, now=desk.clock())
    await desk.run_worker().work()
    shown = await get_run(begun.run_id)
    assert [one.account_id for one in shown.accounts] == ["R-000"]
    assert shown.run.author == advisor.name


async def test_the_steps_cannot_be_skipped_repeated_or_taken_by_single_proposals(desk: Desk) -> None:
    made = (await desk.make()).run
    with pytest.raises(RunStateError):
        await desk.execute(made)
    [proposal, *_] = await run("select proposal_id from steelyard.proposals")
    async with get_write_session() as db:
        with pytest.raises(OfRunError):
            await withdraw(db, OPERATOR, proposal[0], now=desk.clock())  # type: ignore[arg-type]  # rows are of objects
    await desk.approve(made)
    await desk.execute(made)
    with pytest.raises(RunStateError):
        await desk.execute(made)
    with pytest.raises(RunStateError):
        async with get_write_session() as db:
            await withdraw_run(db, OPERATOR, made.run_id, now=desk.clock())


async def test_four_eyes_count_the_value_of_the_whole_run(own_store: Pool, tmp_path: Path) -> None:
    del own_store
    async with opened_desk(tmp_path, 3, limit=Decimal(30_000)) as desk:
        made = (await desk.make()).run
        assert made.order_value is not None
        assert made.order_value > 30_000
        assert (await desk.approve(made)).state is RunState.MADE
        with pytest.raises(RunStateError):
            await desk.execute(made)


@pytest.mark.parametrize(
    "change",
    [
        "update steelyard.market_data set closing_price = 21 where asset_id = 'BBB'",
        "update steelyard.target_weights set target_weight = 1 - target_weight where asset_id <> 'BBB'",
    ],
    ids=["price", "target"],
)
async def test_anything_changed_between_review_and_execution_is_refused(desk: Desk, change: str) -> None:
    made = (await desk.make()).run
    await desk.approve(made)
    await run(change)
    with pytest.raises(RunChangedError) as refused:
        await desk.execute(made)
    assert list(refused.value.account_ids) == names_of(5)


async def test_an_account_that_changed_is_named_and_can_be_left_out(desk: Desk) -> None:
    made = (await desk.make()).run
    await run("delete from steelyard.broker_accounts where account_id = 'R-002'")
    with pytest.raises(RunChangedError, match=r"drop .* --account R-002"):
        await desk.approve(made)
    async with get_write_session() as db:
        left = await drop_accounts(db, OPERATOR, made.run_id, ["R-002"], now=desk.clock())
    assert left.content_hash != made.content_hash
    with pytest.raises(RunChangedError, match="another one than you saw"):
        await desk.approve(made)
    await desk.approve(left)
    await desk.execute(left)
    await desk.work()
    shown = await get_run(made.run_id)
    assert shown.accounts[0].problem is Problem.DROPPED
    assert shown.progress.orders == {OrderState.FILLED: 12, OrderState.CANCELLED: 3}
    async with get_write_session() as db:
        with pytest.raises(RunStateError):
            await drop_accounts(db, OPERATOR, made.run_id, ["R-001"], now=desk.clock())


async def test_who_is_not_in_a_run_cannot_be_left_out(desk: Desk) -> None:
    made = (await desk.make()).run
    with pytest.raises(NotInRunError, match="nobody"):
        async with get_write_session() as db:
            await drop_accounts(db, OPERATOR, made.run_id, ["R-001", "nobody"], now=desk.clock())
    assert (await get_run(made.run_id)).progress.states == {MADE: 5}


async def test_a_withdrawn_run_takes_its_orders_with_it(desk: Desk) -> None:
    made = (await desk.make()).run
    await desk.approve(made)
    async with get_write_session() as db:
        await withdraw_run(db, OPERATOR, made.run_id, now=desk.clock())
    shown = await get_run(made.run_id)
    assert (shown.run.state, shown.progress.orders) == (RunState.WITHDRAWN, {OrderState.CANCELLED: 15})


async def test_a_run_that_ran_out_is_withdrawn_by_a_worker_and_refused_before_that(desk: Desk) -> None:
    made = (await desk.make()).run
    desk.clock.go_on(days=1)
    with pytest.raises(RunExpiredError):
        await desk.approve(made)
    await desk.run_worker().work()
    shown = await get_run(made.run_id)
    assert (shown.run.state, shown.run.fault) == (RunState.WITHDRAWN, "it ran out")


async def test_who_watches_a_run_is_told_until_it_is_made(desk: Desk) -> None:
    begun = await desk.begin()

    prices = await market_of_run(begun.run_id, now=desk.clock())

    async def pause() -> None:
        await make_some(begun.run_id, prices, now=desk.clock(), most=2)

    told = [(seen.state, progress.answered) async for seen, progress in watch_run(begun.run_id, pause=pause)]
    assert told[0] == (RunState.MAKING, 0)
    assert [answered for _, answered in told[:4]] == [0, 2, 4, 5]
    assert told[-1] == (RunState.MADE, 5)
