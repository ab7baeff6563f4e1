"""The commands of runs: proposals over many accounts, approved and executed as one."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from steelyard.cli.desk import tenant_option
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.propose import at_work, read_policy_option
from steelyard.cli.shell import Shell, pass_shell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steelyard.services.run import RunAsked, ShownRun
    from steelyard.services.run_approval import ApprovedRun
    from steelyard.storage.approval import Approval
    from steelyard.storage.connection import WriteSession
    from steelyard.storage.run import Run, RunProgress

LOOK_SECONDS = 0.5

_run_argument = click.argument("run_id", metavar="RUN", type=click.UUID)


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A run as a screen shows it.

    Attributes:
        found: the run and a page of its accounts.
        approvals: who approved it.
        now: when it was looked at.
    """

    found: "ShownRun"
    approvals: "Sequence[Approval]"
    now: datetime


@click.group()
def run() -> None:
    """Rebalance many accounts at once: one hash, one approval, blocks at the broker."""


@run.command(
    epilog=examples(
        'steelyard run begin "Quarter end"',
        'steelyard run begin "New targets" --model 60-40 --policy house.toml',
        'steelyard run begin "Riveras" --household RIVERA --wait',
    )
)
@click.argument("run_name", metavar="NAME")
@click.option(
    "--account", "accounts", multiple=True, metavar="ACCOUNT", help="Over this account; repeatable."
)
@click.option(
    "--household", "households", multiple=True, metavar="HOUSEHOLD", help="Over its accounts; repeatable."
)
@click.option(
    "--model", "models", multiple=True, metavar="MODEL", help="Over those that follow it; repeatable."
)
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="How to rebalance, as TOML.",
)
@click.option(
    "--stale-reason", default="", metavar="TEXT", help="Why prices older than three sessions will do."
)
@click.option("--wait", is_flag=True, help="Wait until a worker has made it.")
@tenant_option
@as_json
@pass_shell
def begin(
    shell: Shell,
    *,
    run_name: str,
    accounts: tuple[str, ...],
    households: tuple[str, ...],
    models: tuple[str, ...],
    policy_file: Path | None,
    stale_reason: str,
    wait: bool,
    tenant_id: int,
    as_json: bool,
) -> None:
    """Begin a run over accounts: all that may be proposed for, unless some are named. Workers make it."""
    from steelyard.services.run import RunAsked, one_scope
    from steelyard.storage.run import ScopeKind

    named = {ScopeKind.ACCOUNTS: accounts, ScopeKind.HOUSEHOLD: households, ScopeKind.MODEL: models}
    asked = RunAsked(
        run_name=run_name,
        scope=one_scope(named),
        policy=read_policy_option(policy_file, raises=False),
        stale_reason=stale_reason,
    )
    begun = asyncio.run(_begin(shell, tenant_id, asked))
    if wait:
        asyncio.run(_wait(shell, tenant_id, begun.found.run.run_id))
        begun = asyncio.run(_look(shell, tenant_id, begun.found.run.run_id, 30))
    _tell(begun, as_json=as_json)


@run.command(
    epilog=examples(
        "steelyard run show 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55",
        "steelyard run show 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55 --limit 500",
    )
)
@_run_argument
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=30, show_default=True, help="Accounts to show."
)
@tenant_option
@as_json
@pass_shell
def show(shell: Shell, *, run_id: UUID, limit: int, tenant_id: int, as_json: bool) -> None:
    """Show a run: how far it is, what somebody is to look at, then the other accounts."""
    _tell(asyncio.run(_look(shell, tenant_id, run_id, limit)), as_json=as_json)


@run.command(
    epilog=examples(
        "steelyard run approve 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55",
        "steelyard run approve 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55 --hash 5f3a09bd",
    )
)
@_run_argument
@click.option(
    "--hash", "typed", metavar="DIGITS", help="First eight digits of its hash.  [default: asked for]"
)
@tenant_option
@pass_shell
def approve(shell: Shell, *, run_id: UUID, typed: str | None, tenant_id: int) -> None:
    """Approve a run, by the hash of what was seen: all its proposals at once."""
    if typed is None:
        _tell(asyncio.run(_look(shell, tenant_id, run_id, 30)), as_json=False)
        typed = click.prompt("Type the first eight digits of the hash to approve this")
    done = asyncio.run(_approve(shell, tenant_id, run_id, typed))
    if done.state == "approved":
        click.echo(f"Approved. Next: steelyard run execute {run_id}")
    else:
        click.echo(
            "Your approval is kept. The value is above what you may approve alone: somebody else has to."
        )


@run.command(epilog=examples("steelyard run execute 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55"))
@_run_argument
@tenant_option
@pass_shell
def execute(shell: Shell, *, run_id: UUID, tenant_id: int) -> None:
    """Give the orders of an approved run to the workers, in blocks, once everything was looked at again."""
    asyncio.run(_execute(shell, tenant_id, run_id))
    click.echo(f"Released. `steelyard worker` sends its orders; `steelyard run show {run_id}` follows.")


@run.command(epilog=examples("steelyard run drop 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55 --account RIVERA-IRA"))
@_run_argument
@click.option("--account", "accounts", multiple=True, required=True, metavar="ACCOUNT", help="Repeatable.")
@tenant_option
@pass_shell
def drop(shell: Shell, *, run_id: UUID, accounts: tuple[str, ...], tenant_id: int) -> None:
    """Leave accounts out of a run that is made; what is approved then is another hash."""
    left = asyncio.run(_drop(shell, tenant_id, run_id, accounts))
    seen = (left.content_hash or b"").hex()[:8]
    click.echo(f"Left out. The run is {left.state.value}, and its hash begins with {seen}.")


@run.command(epilog=examples("steelyard run withdraw 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55"))
@_run_argument
@tenant_option
@pass_shell
def withdraw(shell: Shell, *, run_id: UUID, tenant_id: int) -> None:
    """Give a run up that is not executed, and its orders with it."""
    asyncio.run(_withdraw(shell, tenant_id, run_id))
    click.echo("Withdrawn, and its orders with it.")


@run.command("list", epilog=examples("steelyard run list", "steelyard run list --limit 5 --json"))
@click.option("--limit", type=click.IntRange(1, 1000), default=30, show_default=True, help="The newest ones.")
@tenant_option
@as_json
@pass_shell
def list_(shell: Shell, *, limit: int, tenant_id: int, as_json: bool) -> None:
    """List runs, the newest first."""
    from steelyard.cli.screens.run import listing
    from steelyard.services.run import listed

    found = asyncio.run(_list(shell, tenant_id, limit))
    tell([listed(one) for one in found], listing, as_json=as_json)


def _tell(looked: LookedAt, *, as_json: bool) -> None:
    from steelyard.cli.screens.run import shown

    tell(looked, shown, as_json=as_json)


async def _begin(shell: Shell, tenant_id: int, asked: "RunAsked") -> LookedAt:
    from steelyard.services.run import begin_run

    async with at_work(shell, tenant_id) as (db, actor, now):
        begun = await begin_run(db, actor, asked, now=now)
        return await _looked(db, begun.run_id, now, 30)


async def _wait(shell: Shell, tenant_id: int, run_id: UUID) -> None:
    """Show how far a run is until it is made."""
    from steelyard.identity.permissions import Actor
    from steelyard.services.run import watch_run
    from steelyard.storage.acting import acting_as

    async with shell.store():
        with acting_as(Actor(tenant_id).acting):
            async for _, progress in watch_run(run_id, pause=partial(asyncio.sleep, LOOK_SECONDS)):
                _report(progress)


def _report(progress: "RunProgress") -> None:
    click.echo(f"{progress.answered:,} of {progress.accounts:,} accounts", err=True)


async def _look(shell: Shell, tenant_id: int, run_id: UUID, limit: int) -> LookedAt:
    async with at_work(shell, tenant_id) as (db, _, now):
        return await _looked(db, run_id, now, limit)


async def _looked(db: "WriteSession", run_id: UUID, now: datetime, limit: int) -> LookedAt:
    from steelyard.services.run import get_run
    from steelyard.storage.approval import get_approvals

    found = await get_run(run_id, db, limit=limit)
    return LookedAt(found, await get_approvals(db, run_id=run_id), now)


async def _approve(shell: Shell, tenant_id: int, run_id: UUID, typed: str) -> "ApprovedRun":
    from steelyard.services.approval import TypedHash
    from steelyard.services.run import require_run
    from steelyard.services.run_approval import approve_run

    async with at_work(shell, tenant_id) as (db, actor, now):
        seen = (await require_run(db, run_id)).content_hash or b""
        return await approve_run(db, actor, run_id, TypedHash(actor, typed), content_hash=seen, now=now)


async def _execute(shell: Shell, tenant_id: int, run_id: UUID) -> None:
    from steelyard.services.run import require_run
    from steelyard.services.run_approval import execute_run

    async with at_work(shell, tenant_id) as (db, actor, now):
        seen = (await require_run(db, run_id)).content_hash or b""
        await execute_run(db, actor, run_id, content_hash=seen, now=now)


async def _drop(shell: Shell, tenant_id: int, run_id: UUID, accounts: tuple[str, ...]) -> "Run":
    from steelyard.services.run import drop_accounts

    async with at_work(shell, tenant_id) as (db, actor, now):
        return await drop_accounts(db, actor, run_id, accounts, now=now)


async def _withdraw(shell: Shell, tenant_id: int, run_id: UUID) -> None:
    from steelyard.services.run import withdraw_run

    async with at_work(shell, tenant_id) as (db, actor, now):
        await withdraw_run(db, actor, run_id, now=now)


async def _list(shell: Shell, tenant_id: int, limit: int) -> "list[Run]":
    from steelyard.services.run import get_runs

    async with at_work(shell, tenant_id) as (db, _, _):
        return await get_runs(db, limit=limit)
