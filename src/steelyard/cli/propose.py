"""The commands from a proposal to its orders: propose, review, approve, execute, withdraw; and the list of them."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import click

from steelyard.cli.desk import open_book, tenant_option
from steelyard.cli.options import AmountType, as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.cli.short_key import PROPOSAL_KEY
from steelyard.domain.short_key import AnyKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from steelyard.identity.permissions import Actor
    from steelyard.market.port import Market
    from steelyard.services.allocation_inputs import Asked
    from steelyard.services.approval import Approved
    from steelyard.services.proposal import ShownProposal
    from steelyard.storage.approval import Approval
    from steelyard.storage.proposal import ListedProposal

STATES: Final = ("reviewed", "approved", "executed", "withdrawn")

_proposal_argument = click.argument("proposal_id", metavar="PROPOSAL", type=PROPOSAL_KEY)


@dataclass(frozen=True, slots=True)
class Looked:
    """A proposal as a screen shows it.

    Attributes:
        found: the proposal.
        hash: of it, in the digits that are typed to approve it.
        approvals: who approved it.
        now: when it was looked at.
    """

    found: "ShownProposal"
    hash: str
    approvals: "Sequence[Approval]"
    now: datetime


@dataclass(frozen=True, slots=True)
class Work:
    """What a command about a proposal works with.

    Attributes:
        actor: the operator in the tenant.
        market: the price sources; None = the settings name none.
        now: the time.
    """

    actor: "Actor"
    market: "Market | None"
    now: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options of `propose` say, as they were typed."""

    account_id: str
    policy_file: Path | None
    invest: Decimal | None
    raise_amount: Decimal | None
    stale_reason: str
    stored: bool

    def asked(self, market: "Market | None") -> "Asked":
        """Return what is asked of the service; raises PolicyFileError."""
        from steelyard.rebalancing.options import Mode
        from steelyard.rebalancing.policy import Policy
        from steelyard.services.allocation_inputs import MARKET, STORED, Asked
        from steelyard.statements.policy import read_policy_file

        policy = Policy() if self.policy_file is None else read_policy_file(self.policy_file)
        if self.raise_amount is not None:
            policy = replace(policy, mode=Mode.RAISE_CASH)
        return Asked(
            account_id=self.account_id,
            policy=policy,
            investment_amount=self.invest or -(self.raise_amount or Decimal(0)),
            price_source=STORED if self.stored or market is None else MARKET,
            stale_reason=self.stale_reason,
        )


@click.command(
    epilog=examples(
        "steelyard propose RIVERA-IRA",
        "steelyard propose RIVERA-IRA --policy house.toml --invest 5000",
        'steelyard propose RIVERA-IRA --stale-reason "the sample book ends in 2022"',
    )
)
@click.argument("account_id", metavar="ACCOUNT")
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="How to rebalance, as TOML.",
)
@click.option("--invest", type=AmountType(), help="Cash that is paid in.")
@click.option("--raise", "raise_amount", type=AmountType(), help="Cash that is taken out; sells for it.")
@click.option(
    "--stale-reason", default="", metavar="TEXT", help="Why prices older than three sessions will do."
)
@click.option("--stored", is_flag=True, help="At stored prices, whatever sources the settings name.")
@tenant_option
@as_json
@pass_shell
def propose(shell: Shell, /, *, tenant_id: int, as_json: bool, **options: Any) -> None:
    """Work out the trades of an account and store them, to be approved and executed."""
    wanted = Wanted(**options)
    if wanted.invest is not None and wanted.raise_amount is not None:
        raise click.UsageError("--invest and --raise exclude each other.")
    _tell(asyncio.run(_propose(shell, tenant_id, wanted)), as_json=as_json)


@click.command(epilog=examples("steelyard review 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55"))
@_proposal_argument
@tenant_option
@as_json
@pass_shell
def review(shell: Shell, *, proposal_id: AnyKey, tenant_id: int, as_json: bool) -> None:
    """Show a proposal: its trades, prices and findings, and how far it is."""
    _tell(asyncio.run(_look(shell, tenant_id, proposal_id)), as_json=as_json)


@click.command(
    epilog=examples(
        "steelyard approve 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55",
        "steelyard approve 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55 --hash 5f3a09bd",
    )
)
@_proposal_argument
@click.option(
    "--hash", "typed", metavar="DIGITS", help="First eight digits of its hash.  [default: asked for]"
)
@tenant_option
@pass_shell
def approve(shell: Shell, *, proposal_id: AnyKey, typed: str | None, tenant_id: int) -> None:
    """Approve a proposal, by the hash of what was seen."""
    if typed is None:
        _tell(asyncio.run(_look(shell, tenant_id, proposal_id)), as_json=False)
        typed = click.prompt("Type the first eight digits of the hash to approve this")
    done = asyncio.run(_approve(shell, tenant_id, proposal_id, typed))
    if done.state == "approved":
        click.echo(f"Approved. Next: steelyard execute {proposal_id}")
    else:
        click.echo(
            "Your approval is kept. The value is above what you may approve alone: somebody else has to."
        )


@click.command(epilog=examples("steelyard execute 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55"))
@_proposal_argument
@tenant_option
@pass_shell
def execute(shell: Shell, *, proposal_id: AnyKey, tenant_id: int) -> None:
    """Give the orders of an approved proposal to the workers.

    Everything is looked at again before.
    """
    count = asyncio.run(_execute(shell, tenant_id, proposal_id))
    click.echo(
        f"{count} orders are released. `steelyard worker` sends them; `steelyard review {proposal_id}` follows."
    )


@click.command(epilog=examples("steelyard withdraw 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55"))
@_proposal_argument
@tenant_option
@pass_shell
def withdraw(shell: Shell, *, proposal_id: AnyKey, tenant_id: int) -> None:
    """Give a proposal up that is not executed, and its orders with it."""
    asyncio.run(_withdraw(shell, tenant_id, proposal_id))
    click.echo("Withdrawn, and its orders with it.")


@click.command(
    epilog=examples("steelyard proposals", "steelyard proposals --account RIVERA-IRA --state reviewed")
)
@click.option("--account", "account_id", metavar="ACCOUNT", help="Of this account.")
@click.option("--state", type=click.Choice(STATES), help="In this state.")
@click.option("--limit", type=click.IntRange(1, 1000), default=30, show_default=True, help="The newest ones.")
@tenant_option
@as_json
@pass_shell
def proposals(
    shell: Shell, *, account_id: str | None, state: str | None, limit: int, tenant_id: int, as_json: bool
) -> None:
    """List proposals, the newest first."""
    from steelyard.cli.screens.proposal import listed

    tell(asyncio.run(_list(shell, tenant_id, account_id, state, limit)), listed, as_json=as_json)


def _tell(looked: Looked, *, as_json: bool) -> None:
    from steelyard.cli.screens.proposal import proposal

    tell(looked, proposal, as_json=as_json)


@asynccontextmanager
async def at_work(shell: Shell, tenant_id: int) -> "AsyncIterator[Work]":
    """Open the store and the price sources for the operator in a tenant."""
    from steelyard.cli.sources import price_sources
    from steelyard.identity.permissions import Actor

    actor = Actor(tenant_id)
    async with shell.store(acts_as=actor.acting), price_sources(shell.settings) as sources:
        yield Work(actor, sources.market, datetime.now(UTC))


async def _propose(shell: Shell, tenant_id: int, wanted: Wanted) -> Looked:
    from steelyard.services.allocation_inputs import quote_for
    from steelyard.services.proposal import review
    from steelyard.storage.connection import get_write_session

    async with at_work(shell, tenant_id) as work:
        asked = wanted.asked(work.market)
        prices = await quote_for(asked, work.market, now=work.now)
        async with get_write_session() as db:
            made = await review(db, work.actor, asked, now=work.now, prices=prices)
        return await _looked(made.proposal_id, work.now)


async def _look(shell: Shell, tenant_id: int, proposal_id: AnyKey) -> Looked:
    from steelyard.services.short_key import whole_key

    async with open_book(shell, tenant_id) as db:
        return await _looked(await whole_key(proposal_id, db), datetime.now(UTC))


async def _looked(proposal_id: UUID, now: datetime) -> Looked:
    from steelyard.services.proposal import get_proposal
    from steelyard.storage.approval import get_approvals
    from steelyard.storage.connection import get_db_session

    async with get_db_session() as db:
        found = await get_proposal(proposal_id, db)
        approvals = await get_approvals(db, proposal_id=proposal_id)
        return Looked(found, found.proposal.content_hash.hex(), approvals, now)


async def _approve(shell: Shell, tenant_id: int, proposal_id: AnyKey, typed: str) -> "Approved":
    from steelyard.services.approval import TypedHash, approve
    from steelyard.services.proposal import get_proposal, quote_again
    from steelyard.services.short_key import whole_key
    from steelyard.storage.connection import get_write_session

    async with at_work(shell, tenant_id) as work:
        whole = await whole_key(proposal_id)
        seen = (await get_proposal(whole)).proposal.content_hash
        prices = await quote_again(whole, work.market, now=work.now)
        prover = TypedHash(work.actor, typed)
        async with get_write_session() as db:
            return await approve(
                db, work.actor, whole, prover, content_hash=seen, now=work.now, prices=prices
            )


async def _execute(shell: Shell, tenant_id: int, proposal_id: AnyKey) -> int:
    from steelyard.services.proposal import execute, get_proposal, quote_again
    from steelyard.services.short_key import whole_key
    from steelyard.storage.connection import get_write_session

    async with at_work(shell, tenant_id) as work:
        whole = await whole_key(proposal_id)
        found = await get_proposal(whole)
        prices = await quote_again(whole, work.market, now=work.now)
        seen = found.proposal.content_hash
        async with get_write_session() as db:
            await execute(db, work.actor, whole, content_hash=seen, now=work.now, prices=prices)
        return len(found.orders)


async def _withdraw(shell: Shell, tenant_id: int, proposal_id: AnyKey) -> None:
    from steelyard.identity.permissions import Actor
    from steelyard.services.proposal import withdraw
    from steelyard.services.short_key import whole_key

    async with open_book(shell, tenant_id) as db:
        await withdraw(db, Actor(tenant_id), await whole_key(proposal_id, db), now=datetime.now(UTC))


async def _list(
    shell: Shell, tenant_id: int, account_id: str | None, state: str | None, limit: int
) -> "list[ListedProposal]":
    from steelyard.services.proposal import get_proposals
    from steelyard.storage.proposal import ProposalState

    async with open_book(shell, tenant_id) as db:
        return await get_proposals(
            db, account_id=account_id, state=ProposalState(state) if state else None, limit=limit
        )
