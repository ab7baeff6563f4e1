"""The commands from a proposal to its orders: propose, review, approve, execute, withdraw; and the list of them."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import click

from steelyard.cli.desk import tenant_option
from steelyard.cli.options import AmountType, as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from steelyard.identity.permissions import Actor
    from steelyard.rebalancing.policy import Policy
    from steelyard.services.approval import Approved
    from steelyard.services.proposal import ShownProposal
    from steelyard.storage.approval import Approval
    from steelyard.storage.connection import WriteSession
    from steelyard.storage.proposal import ListedProposal

STATES: Final = ("reviewed", "approved", "executed", "withdrawn")

_proposal_argument = click.argument("proposal_id", metavar="PROPOSAL", type=click.UUID)


@dataclass(frozen=True, slots=True)
class Looked:
    """A proposal as a screen shows it.

    Attributes:
        found: the proposal.
        approvals: who approved it.
        now: when it was looked at.
    """

    found: "ShownProposal"
    approvals: "Sequence[Approval]"
    now: datetime


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
@tenant_option
@as_json
@pass_shell
def propose(
    shell: Shell,
    *,
    account_id: str,
    policy_file: Path | None,
    invest: Decimal | None,
    raise_amount: Decimal | None,
    stale_reason: str,
    tenant_id: int,
    as_json: bool,
) -> None:
    """Work out the trades of an account and store them, to be approved and executed."""
    if invest is not None and raise_amount is not None:
        raise click.UsageError("--invest and --raise exclude each other.")
    policy = read_policy_option(policy_file, raises=raise_amount is not None)
    amount = invest or -(raise_amount or Decimal(0))
    made = asyncio.run(
        _propose(shell, tenant_id, account_id, policy, amount=amount, stale_reason=stale_reason)
    )
    _tell(made, as_json=as_json)


@click.command(epilog=examples("steelyard review 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55"))
@_proposal_argument
@tenant_option
@as_json
@pass_shell
def review(shell: Shell, *, proposal_id: UUID, tenant_id: int, as_json: bool) -> None:
    """Show a proposal: its trades, prices and findings, how far it is and who approved it."""
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
def approve(shell: Shell, *, proposal_id: UUID, typed: str | None, tenant_id: int) -> None:
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
def execute(shell: Shell, *, proposal_id: UUID, tenant_id: int) -> None:
    """Give the orders of an approved proposal to the workers, once everything was looked at again."""
    count = asyncio.run(_execute(shell, tenant_id, proposal_id))
    click.echo(
        f"{count} orders are released. `steelyard worker` sends them; `steelyard review {proposal_id}` follows."
    )


@click.command(epilog=examples("steelyard withdraw 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55"))
@_proposal_argument
@tenant_option
@pass_shell
def withdraw(shell: Shell, *, proposal_id: UUID, tenant_id: int) -> None:
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


def read_policy_option(path: Path | None, *, raises: bool) -> "Policy":
    """Read the policy of a file, or the default one; with `raises` it raises cash."""
    from steelyard.rebalancing.options import Mode
    from steelyard.rebalancing.policy import Policy
    from steelyard.statements.policy import read_policy_file

    policy = Policy() if path is None else read_policy_file(path)
    return replace(policy, mode=Mode.RAISE_CASH) if raises else policy


@asynccontextmanager
async def at_work(shell: Shell, tenant_id: int) -> "AsyncIterator[tuple[WriteSession, Actor, datetime]]":
    """Open the store for one transaction of the operator in a tenant."""
    from steelyard.identity.permissions import Actor
    from steelyard.services.tenant import require_tenant
    from steelyard.storage.acting import acting_as
    from steelyard.storage.connection import get_write_session

    actor = Actor(tenant_id)
    async with shell.store():
        with acting_as(actor.acting):
            async with get_write_session() as db:
                await require_tenant(db, tenant_id)
                yield db, actor, datetime.now(UTC)


async def _propose(
    shell: Shell,
    tenant_id: int,
    account_id: str,
    policy: "Policy",
    *,
    amount: Decimal,
    stale_reason: str,
) -> Looked:
    from steelyard.services.allocation_inputs import Asked
    from steelyard.services.proposal import review

    asked = Asked(account_id=account_id, policy=policy, investment_amount=amount, stale_reason=stale_reason)
    async with at_work(shell, tenant_id) as (db, actor, now):
        made = await review(db, actor, asked, now=now)
        return await _looked(db, made.proposal_id, now)


async def _look(shell: Shell, tenant_id: int, proposal_id: UUID) -> Looked:
    async with at_work(shell, tenant_id) as (db, _, now):
        return await _looked(db, proposal_id, now)


async def _looked(db: "WriteSession", proposal_id: UUID, now: datetime) -> Looked:
    from steelyard.services.proposal import get_proposal
    from steelyard.storage.approval import get_approvals

    found = await get_proposal(proposal_id, db)
    return Looked(found, await get_approvals(db, proposal_id=proposal_id), now)


async def _approve(shell: Shell, tenant_id: int, proposal_id: UUID, typed: str) -> "Approved":
    from steelyard.services.approval import TypedHash, approve
    from steelyard.services.proposal import get_proposal

    async with at_work(shell, tenant_id) as (db, actor, now):
        seen = (await get_proposal(proposal_id, db)).proposal.content_hash
        return await approve(db, actor, proposal_id, TypedHash(actor, typed), content_hash=seen, now=now)


async def _execute(shell: Shell, tenant_id: int, proposal_id: UUID) -> int:
    from steelyard.services.proposal import execute, get_proposal

    async with at_work(shell, tenant_id) as (db, actor, now):
        found = await get_proposal(proposal_id, db)
        await execute(db, actor, proposal_id, content_hash=found.proposal.content_hash, now=now)
        return len(found.orders)


async def _withdraw(shell: Shell, tenant_id: int, proposal_id: UUID) -> None:
    from steelyard.services.proposal import withdraw

    async with at_work(shell, tenant_id) as (db, actor, now):
        await withdraw(db, actor, proposal_id, now=now)


async def _list(
    shell: Shell, tenant_id: int, account_id: str | None, state: str | None, limit: int
) -> "list[ListedProposal]":
    from steelyard.services.proposal import get_proposals
    from steelyard.storage.proposal import ProposalState

    async with at_work(shell, tenant_id) as (db, _, _):
        return await get_proposals(
            db, account_id=account_id, state=ProposalState(state) if state else None, limit=limit
        )
