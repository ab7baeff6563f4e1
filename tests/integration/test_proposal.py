"""Proposals: what is stored, what stands for good, and that no step can be skipped or taken twice."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from people import NOON, run
from steelyard.domain.lot import LotMethod
from steelyard.errors import SteelyardError
from steelyard.market.port import AssetKey, BarPage, Market, Quote
from steelyard.rebalancing.options import CashRules, Mode
from steelyard.rebalancing.policy import Policy, TaxPolicy
from steelyard.services import proposal
from steelyard.services.allocation_inputs import (
    MARKET,
    Asked,
    InputsMissingError,
    Quoted,
    StalePriceError,
    quote_for,
)
from steelyard.services.approval import TypedHash
from steelyard.services.approval import approve as approve_seen
from steelyard.services.proposal import (
    ExpiredError,
    NotExecutableError,
    OrdersUnderWayError,
    UnknownProposalError,
    get_proposal,
    get_proposals,
    replay_proposal,
)
from steelyard.services.proposal_document import InfeasibleError, NothingToTradeError
from steelyard.storage.connection import get_write_session
from steelyard.storage.proposal import ProposalState, StoredProposal
from trading import OPERATOR, approve, execute, execute_trades, open_trading, propose

ACCOUNTS = [f"T-{number}" for number in range(1, 30)]
ORDERS = (
    "select asset_id, side, trim_scale(quantity)::text, phase, state, version, released_at is not null "
    "from steelyard.orders where account_id = :account order by client_order_id"
)
_free = iter(ACCOUNTS)

Step = Callable[[StoredProposal], Awaitable[Any]]


@pytest.fixture
async def account(store: object, tmp_path: Path) -> str:
    """An account that no other test of this module uses; the book is loaded with the first."""
    del store  # opening it is what matters
    if not await run("select account_id from steelyard.accounts"):
        await open_trading(tmp_path, *ACCOUNTS)
    return next(_free)


async def orders(account: str) -> list[tuple[Any, ...]]:
    return await run(ORDERS, account=account)


async def withdraw(reviewed: StoredProposal) -> None:
    async with get_write_session() as db:
        await proposal.withdraw(db, OPERATOR, reviewed.proposal_id, now=NOON)


async def outcome(work: Awaitable[Any]) -> str:
    """What became of something: nothing wrong, or the name of the error."""
    try:
        await work
    except SteelyardError as error:
        return type(error).__name__
    return "done"


# ── What is stored ──────────────────────────────────────────────────────────────────────────────────────


async def test_a_proposal_goes_from_review_over_approval_to_execution(account: str) -> None:
    reviewed = await propose(account)
    assert await orders(account) == [
        ("AAA", "sell", "50", 1, "reviewed", 2, False),
        ("BBB", "buy", "250", 1, "reviewed", 2, False),
        ("CCC", "buy", "250", 2, "reviewed", 2, False),
    ]
    assert reviewed.order_value == 10_000

    await approve(reviewed)
    assert {row[4] for row in await orders(account)} == {"approved"}
    await execute(reviewed)
    assert {row[5:] for row in await orders(account)} == {(4, True)}
    shown = await get_proposal(reviewed.proposal_id)
    assert (shown.proposal.state, shown.proposal.executed_by) == ("executed", "operator")
    [(actions,)] = await run(
        "select string_agg(action, ' ' order by sequence) from steelyard.audit_events where object_id = :id",
        id=f"{reviewed.proposal_id}",
    )
    assert actions == "proposal.review proposal.approve proposal.execute"


async def test_a_stored_proposal_replays_to_the_last_byte(account: str) -> None:
    policy = Policy(cash=CashRules(floor="123.45"))
    reviewed = await execute_trades(account, policy=policy, investment_amount=Decimal("-100.10"))

    stored = (await get_proposal(reviewed.proposal_id)).proposal
    assert replay_proposal(stored).text == stored.document
    assert replay_proposal(stored).hash == stored.content_hash
    content = json.loads(stored.document)
    assert content["inputs"]["portfolio"]["positions"] == {"AAA": "100"}
    assert content["asked"]["policy"]["cash"] == {"floor": "123.45"}
    assert content["inputs"]["prices"]["BBB"]["price"] == "20"


async def test_targets_of_its_own_are_what_it_is_worked_out_and_checked_against(account: str) -> None:
    targets = {"AAA": Decimal("0.5"), "BBB": Decimal("0.3"), "USD": Decimal("0.2")}
    reviewed = await propose(account, targets=targets)
    assert [row[:3] for row in await orders(account)] == [("BBB", "buy", "150")]

    content = json.loads(reviewed.document)
    assert content["asked"]["targets"] == {"AAA": "0.5", "BBB": "0.3", "USD": "0.2"}
    assert content["inputs"]["portfolio"]["targets"] == {"AAA": "0.5", "BBB": "0.3"}
    assert content["inputs"]["portfolio"]["cash_targets"] == {"USD": "0.2"}
    assert replay_proposal(reviewed).text == reviewed.document
    await approve(reviewed)
    await execute(reviewed)


async def test_a_proposal_that_follows_its_model_says_nothing_of_targets(account: str) -> None:
    assert "targets" not in json.loads((await propose(account)).document)["asked"]


@pytest.mark.parametrize(
    ("targets", "error"),
    [
        ({"AAA": "0.5", "ZZZ": "0.5"}, "UnknownTargetError"),
        ({"AAA": "0.5", "EUR": "0.5"}, "UnknownTargetError"),
        ({"AAA": "0.5", "BBB": "0.4"}, "WeightSumError"),
    ],
)
async def test_targets_that_are_none_are_refused(account: str, targets: dict[str, str], error: str) -> None:
    weights = {name: Decimal(weight) for name, weight in targets.items()}
    assert await outcome(propose(account, targets=weights)) == error


async def test_a_document_that_somebody_changed_does_not_replay(account: str) -> None:
    reviewed = await propose(account)
    for old, new in (('"positions":{"AAA":"100"}', '"positions":{"AAA":"99"}'), ('"phase":2', '"phase":1')):
        assert reviewed.document.count(old) == 1
        forged = reviewed.document.replace(old, new)
        again = replay_proposal(
            StoredProposal(**{name: getattr(reviewed, name) for name in _FIELDS} | {"document": forged})
        )
        assert again.text != forged


_FIELDS = [
    "proposal_id", "account_id", "run_id", "state", "version", "author", "content_hash", "made_at", "expires_at",
    "order_value", "outcome",
]  # fmt: skip


async def test_what_was_reviewed_stands_for_good(account: str) -> None:
    reviewed = await propose(account)
    for change in (
        "update steelyard.proposals set document = 'x' where proposal_id = :id",
        "update steelyard.proposals set order_value = 0, version = 2 where proposal_id = :id",
        "update steelyard.proposals set expires_at = now(), version = 2, state = 'approved' where proposal_id = :id",
    ):
        with pytest.raises(SteelyardError, match="is reviewed at version 1"):
            await run(change, id=reviewed.proposal_id)
    with pytest.raises(SteelyardError, match="stands for good"):
        await run("delete from steelyard.proposals where proposal_id = :id", id=reviewed.proposal_id)


async def test_proposals_are_listed_in_pages(account: str) -> None:
    made = [await propose(account, now=NOON + timedelta(seconds=second)) for second in range(5)]
    await withdraw(made[0])

    first = await get_proposals(account_id=account, limit=2)
    rest = await get_proposals(account_id=account, before=(first[-1].made_at, first[-1].proposal_id), limit=9)
    assert [one.proposal_id for one in (*first, *rest)] == [one.proposal_id for one in reversed(made)]
    withdrawn = await get_proposals(account_id=account, state=ProposalState.WITHDRAWN, limit=9)
    assert [one.proposal_id for one in withdrawn] == [made[0].proposal_id]


# ── What is refused ─────────────────────────────────────────────────────────────────────────────────────


STEPS: dict[str, Step] = {"approve": approve, "execute": execute, "withdraw": withdraw}
PATHS: dict[str, tuple[str, ...]] = {
    "reviewed": (),
    "approved": ("approve",),
    "executed": ("approve", "execute"),
    "withdrawn": ("withdraw",),
}
ALLOWED = {
    ("reviewed", "approve"),
    ("approved", "execute"),
    ("reviewed", "withdraw"),
    ("approved", "withdraw"),
}


@pytest.mark.parametrize("state", PATHS)
async def test_no_step_is_skipped_or_taken_twice(account: str, state: str) -> None:
    """Every state × every step; what is refused leaves the state as it was."""
    for step, take in STEPS.items():
        reviewed = await propose(account)
        for earlier in PATHS[state]:
            await STEPS[earlier](reviewed)
        done = await outcome(take(reviewed))
        assert done == ("done" if (state, step) in ALLOWED else "StateError"), (state, step)
        if done != "done":
            assert (await get_proposal(reviewed.proposal_id)).proposal.state == state
        await run(  # so that the next one is not held up by its orders
            "update steelyard.orders set state = 'cancelled', version = version + 1 "
            "where account_id = :account and state <> 'cancelled'",
            account=account,
        )


async def test_of_two_who_execute_at_once_one_does(account: str) -> None:
    reviewed = await propose(account)
    await approve(reviewed)

    done = await asyncio.gather(*(outcome(execute(reviewed)) for _ in range(4)))
    assert sorted(done) == ["StateError", "StateError", "StateError", "done"]


async def test_two_proposals_of_an_account_are_not_both_executed(account: str) -> None:
    """Both were worked out from the same positions, so together they would trade twice."""
    one, other = await propose(account), await propose(account)
    await approve(one)
    await approve(other)

    done = await asyncio.gather(outcome(execute(one)), outcome(execute(other)))
    assert sorted(done) == ["OrdersUnderWayError", "done"]
    with pytest.raises(OrdersUnderWayError, match="3 orders under way"):
        await propose(account)


async def test_what_ran_out_is_neither_approved_nor_executed(account: str) -> None:
    reviewed, approved = await propose(account), await propose(account)
    await approve(approved)
    late = NOON + timedelta(minutes=30)
    with pytest.raises(ExpiredError, match="ran out at 2026-01-02 12:30"):
        await approve(reviewed, now=late)
    with pytest.raises(ExpiredError):
        await execute(approved, now=late)

    async with get_write_session() as db:
        assert await proposal.end_expired(db, now=late) >= 2
    assert {row[4] for row in await orders(account)} == {"cancelled"}


async def test_an_account_without_a_broker_or_a_ledger_is_not_executed(account: str) -> None:
    reviewed = await propose(account)
    await approve(reviewed)
    await run("delete from steelyard.broker_accounts where account_id = :account", account=account)
    with pytest.raises(NotExecutableError, match="linked to no broker"):
        await execute(reviewed)
    assert (await get_proposal(reviewed.proposal_id)).proposal.state == "approved"


async def test_every_price_that_is_missing_or_in_doubt_is_named(account: str) -> None:
    await run("insert into steelyard.model_portfolios (tenant_id, model_id, model_name) values (1, 'X', 'X')")
    await run(
        "insert into steelyard.asset_master (asset_id, asset_name, asset_type, currency) "
        "values ('XONE', 'One', 'Equity', 'USD'), ('XTWO', 'Two', 'Equity', 'EUR')"
    )
    await run(
        "insert into steelyard.target_weights (tenant_id, model_id, asset_id, target_weight) "
        "values (1, 'X', 'XONE', 0.5), (1, 'X', 'XTWO', 0.5)"
    )
    await run("update steelyard.accounts set model_id = 'X' where account_id = :account", account=account)
    with pytest.raises(InputsMissingError) as refused:
        await propose(account)
    assert len(refused.value.faults) == 2
    assert "XONE" in refused.value.faults[0]
    assert "XTWO" in refused.value.faults[1]
    assert await orders(account) == []


async def test_old_prices_need_a_reason_which_is_kept_and_audited(account: str) -> None:
    later = NOON + timedelta(days=10)
    with pytest.raises(StalePriceError, match="AAA"):
        await propose(account, now=later)
    reviewed = await propose(account, now=later, stale_reason="the exchange is closed")
    assert json.loads(reviewed.document)["asked"]["stale_reason"] == "the exchange is closed"
    [(facts,)] = await run(
        "select facts::text from steelyard.audit_events where action = 'price.override' and object_id = :id",
        id=f"{reviewed.proposal_id}",
    )
    assert json.loads(f"{facts}") == {"assets": 3}


async def test_where_there_is_nothing_to_order_nothing_is_stored(account: str) -> None:
    floor = Policy(cash=CashRules(floor=1_000_000))
    with pytest.raises(InfeasibleError, match="keep every constraint"):
        await propose(account, policy=floor)
    await run(
        "insert into steelyard.model_portfolios (tenant_id, model_id, model_name) values (1, 'STILL', 'S')"
    )
    await run("update steelyard.accounts set model_id = 'STILL' where account_id = :account", account=account)
    await run(
        "insert into steelyard.target_weights (tenant_id, model_id, asset_id, target_weight) "
        "values (1, 'STILL', 'AAA', 0.5), (1, 'STILL', 'USD', 0.5)"
    )
    with pytest.raises(NothingToTradeError, match="nothing to trade"):
        await propose(account)
    assert await orders(account) == []


async def test_what_is_not_there_is_named(account: str) -> None:
    reviewed = await propose(account)
    missing = UUID(int=reviewed.proposal_id.int ^ 1)
    with pytest.raises(UnknownProposalError, match=f"{missing}"):
        await get_proposal(missing)


# ── What it is worked out from ──────────────────────────────────────────────────────────────────────────


async def add_profile(account: str, exclusions: dict[str, list[str]]) -> None:
    await run(
        "insert into steelyard.investor_profiles (tenant_id, account_id, risk_tolerance, horizon_years, exclusions, "
        "changed_by) values (1, :account, 3, 10, cast(:exclusions as jsonb), 'operator')",
        account=account,
        exclusions=json.dumps(exclusions),
    )


async def test_what_the_investor_never_buys_and_what_a_rule_forbids_is_locked(account: str) -> None:
    await add_profile(account, {"issuers": ["CCC Inc."]})
    await run(
        "insert into steelyard.compliance_rules (tenant_id, rule_id, version, kind, scope, settings, outcome, "
        "valid_from, source_document, made_by) values (1, 'no-aaa', 1, 'restricted_list', cast(:scope as jsonb), "
        "cast(:settings as jsonb), 'block', '2020-01-01', 'the mandate', 'operator')",
        scope=json.dumps({"accounts": [account]}),
        settings=json.dumps({"assets": ["AAA"], "forbids": ["buy", "sell"]}),
    )
    reviewed = await propose(account)

    content = json.loads(reviewed.document)
    assert content["inputs"]["no_buy"] == {"AAA": "rule no-aaa", "CCC": "issuer CCC Inc."}
    assert content["inputs"]["no_sell"] == {"AAA": "rule no-aaa"}
    assert [order["asset_id"] for order in content["orders"]] == ["BBB"]
    assert content["compliance"]["outcome"] == "pass"
    assert replay_proposal(reviewed).text == reviewed.document


async def test_lots_of_the_ledger_are_named_where_tax_counts(account: str) -> None:
    tax = TaxPolicy(Decimal("0.4"), Decimal("0.2"), 1, LotMethod.HIFO)
    reviewed = await propose(account, policy=Policy(mode=Mode.TAX_AWARE, tax=tax))

    content = json.loads(reviewed.document)
    [sale] = [order for order in content["orders"] if order["side"] == "sell"]
    assert sale["lots"] == [{"lot_id": f"{account}-B", "quantity": sale["quantity"]}]
    [(lots,)] = await run(
        "select lots::text from steelyard.orders where account_id = :account and side = 'sell'",
        account=account,
    )
    assert json.loads(f"{lots}")[0]["lot_id"] == f"{account}-B"
    assert replay_proposal(reviewed).text == reviewed.document


class Feed:
    """A price source that says what it is told."""

    name = "feed"

    def __init__(self, **prices: str) -> None:
        self.prices = prices

    async def get_quotes(self, assets: Sequence[AssetKey]) -> dict[str, Quote]:
        return {
            one.asset_id: Quote(
                asset_id=one.asset_id,
                price=Decimal(self.prices[one.asset_id]),
                currency="USD",
                made_at=NOON,
                source=self.name,
            )
            for one in assets
        }

    async def get_bars(self, asset: AssetKey, first: date, last: date, page: str = "") -> BarPage:
        del asset, first, last, page
        return BarPage((), "")

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("moved", "says"),
    [("20.30", "done"), ("20.40", "ChangedError"), ("40", "InputsMissingError")],
)
async def test_a_live_price_may_move_a_little_and_must_be_trusted(
    account: str, moved: str, says: str
) -> None:
    """Half a percent of 20.20 is allowed, 20.30 is within and 20.40 beyond; twice the price looks like a split."""
    asked = Asked(account_id=account, price_source=MARKET)

    async def quoted(price: str) -> Quoted | None:
        market = Market(sources=[Feed(AAA="50", BBB=price, CCC="10")], then_stored=False)
        return await quote_for(asked, market, now=NOON)

    async with get_write_session() as db:
        reviewed = await proposal.review(db, OPERATOR, asked, now=NOON, prices=await quoted("20.20"))
    assert json.loads(reviewed.document)["inputs"]["prices"]["BBB"]["source"] == "feed"
    prover = TypedHash(OPERATOR, reviewed.content_hash.hex()[:8])

    async def approve_at(price: str) -> None:
        prices = await quoted(price)
        async with get_write_session() as db:
            hash_of = reviewed.content_hash
            await approve_seen(
                db, OPERATOR, reviewed.proposal_id, prover, content_hash=hash_of, now=NOON, prices=prices
            )

    assert await outcome(approve_at(moved)) == says
    assert await outcome(approve(reviewed)) == ("StateError" if says == "done" else "InputsMissingError")
