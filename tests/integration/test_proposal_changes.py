"""Nothing is approved or executed that is not as it was reviewed: what changed is named, and nothing else happens."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from people import NOON, run
from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.services import approval
from steelyard.services.ledger import record_transactions
from steelyard.services.proposal import ChangedError, get_proposal
from steelyard.storage.connection import get_write_session
from steelyard.storage.proposal import StoredProposal
from trading import OPERATOR, approve, execute, open_trading, propose

ACCOUNTS = [f"T-{number}" for number in range(1, 20)]
_numbers = count()
_free = iter(ACCOUNTS)


@pytest.fixture
async def account(store: object, tmp_path: Path) -> str:
    """An account that no other test of this module uses; the book is loaded with the first."""
    del store  # opening it is what matters
    if not await run("select account_id from steelyard.accounts"):
        await open_trading(tmp_path, *ACCOUNTS)
    return next(_free)


async def book(account: str, kind: str, **what: Any) -> None:
    one = Transaction(
        transaction_id=f"later-{next(_numbers)}",
        kind=TransactionKind(kind),
        trade_date=NOON.date(),
        account_id=account,
        currency="USD",
        **what,
    )
    await record_transactions([one], today=NOON.date())


async def buy(account: str) -> None:
    await book(account, "BUY", asset_id="BBB", quantity=Decimal(1), amount=Decimal(20))


async def pay_in(account: str) -> None:
    await book(account, "DEPOSIT", amount=Decimal("0.01"))


async def move_price(account: str) -> None:
    del account
    await run("update steelyard.market_data set closing_price = closing_price + 0.01 where asset_id = 'BBB'")


async def retarget(account: str) -> None:
    """Give the account a model of its own, so that no other test is touched."""
    number = next(_numbers)
    await run(
        "insert into steelyard.model_portfolios (tenant_id, model_id, model_name) values (1, :id, :id)",
        id=f"M-{number:04}",
    )
    await run(
        "insert into steelyard.target_weights (tenant_id, model_id, asset_id, target_weight) select 1, m.model_id, "
        "w.asset_id, w.target_weight + cast(:shift as numeric) * case w.asset_id when 'AAA' then 1 when 'BBB' then -1 "
        "else 0 end "
        "from steelyard.target_weights as w, (select max(model_id) as model_id from steelyard.model_portfolios "
        "where model_id like 'M-%') as m where w.model_id = 'M'",
        shift=Decimal(number % 7 + 1) / 100,
    )
    await run(
        "update steelyard.accounts set model_id = (select max(model_id) from steelyard.model_portfolios "
        "where model_id like 'M-%') where account_id = :account",
        account=account,
    )


async def version_model(account: str) -> None:
    del account
    await run("update steelyard.model_portfolios set version = version + 1")


async def profile(account: str) -> None:
    await run(
        "insert into steelyard.investor_profiles (tenant_id, account_id, risk_tolerance, horizon_years, changed_by) "
        "values (1, :account, 3, 10, 'operator') on conflict (tenant_id, account_id) do update "
        "set version = investor_profiles.version + 1",
        account=account,
    )


async def exclude(account: str) -> None:
    await profile(account)
    number = next(_numbers)
    await run(
        "update steelyard.investor_profiles set exclusions = jsonb_build_object('assets', "
        "jsonb_build_array('CCC', cast(:number as text))) where account_id = :account",
        account=account,
        number=f"{number}",
    )


async def rule(account: str) -> None:
    await run(
        "update steelyard.compliance_rules set ended_at = transaction_timestamp() where ended_at is null"
    )
    await run(
        "insert into steelyard.compliance_rules (tenant_id, rule_id, version, kind, scope, bound, outcome, valid_from, "
        "source_document, made_by) select 1, 'cap', coalesce(max(version), 0) + 1, 'asset_concentration', "
        "jsonb_build_object('accounts', jsonb_build_array(cast(:account as text))), 0.9, 'warn', '2020-01-01', "
        "'the mandate', 'operator' from steelyard.compliance_rules",
        account=account,
    )


CHANGES: dict[str, tuple[Callable[[str], Awaitable[None]], str]] = {
    "a position": (buy, "the position of BBB"),
    "cash": (pay_in, "cash in USD"),
    "a price": (move_price, "the price of BBB"),
    "the model of the account": (retarget, "the model of the account"),
    "a target": (retarget, "the target of AAA"),
    "the version of the model": (version_model, "the version of its model"),
    "the profile": (profile, "the version of the investor's profile"),
    "an exclusion": (exclude, "the version of the investor's profile"),
    "a rule": (rule, "rule cap"),
}


async def state_of(proposal: StoredProposal) -> tuple[str, set[str]]:
    found = await get_proposal(proposal.proposal_id)
    return found.proposal.state.value, {order.state.value for order in found.orders}


@pytest.mark.parametrize("what", CHANGES)
async def test_what_changed_between_review_and_execution_is_named_and_nothing_happens(
    account: str, what: str
) -> None:
    change, named = CHANGES[what]
    reviewed = await propose(account)
    await change(account)
    with pytest.raises(ChangedError, match=named):
        await approve(reviewed)
    assert await state_of(reviewed) == ("reviewed", {"reviewed"})

    again = await propose(account)
    await approve(again)
    await change(account)
    with pytest.raises(ChangedError, match=named):
        await execute(again)
    assert await state_of(again) == ("approved", {"approved"})


async def test_where_nothing_changed_it_is_executed(account: str) -> None:
    """The same steps, so that what refused them was the change; time alone is none."""
    reviewed = await propose(account)
    await approve(reviewed, now=NOON + timedelta(minutes=10))
    await execute(reviewed, now=NOON + timedelta(minutes=29))

    assert await state_of(reviewed) == ("executed", {"approved"})


async def test_another_hash_than_was_seen_is_refused(account: str) -> None:
    reviewed, other = await propose(account), await propose(account)
    prover = approval.TypedHash(OPERATOR, other.content_hash.hex()[:8])
    async with get_write_session() as db:
        with pytest.raises(ChangedError, match="its hash is another one"):
            await approval.approve(
                db, OPERATOR, reviewed.proposal_id, prover, content_hash=other.content_hash, now=NOON
            )
    assert reviewed.content_hash != other.content_hash
