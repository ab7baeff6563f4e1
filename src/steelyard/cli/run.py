"""The commands of runs: proposals over many accounts, approved and executed as one."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from steelyard.cli.desk import open_book, tenant_option
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.propose import at_work
from steelyard.cli.shell import Shell, pass_shell
from steelyard.cli.short_key import RUN_KEY
from steelyard.domain.short_key import AnyKey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from steelyard.market.port import Market
    from steelyard.services.run import RunAsked, ShownRun
    from steelyard.services.run_approval import ApprovedRun
    from steelyard.storage.approval import Approval
    from steelyard.storage.run import Run, RunProgress

LOOK_SECONDS = 0.5
SHOWN = 30

_run_argument = click.argument("run_id", metavar="RUN", type=RUN_KEY)


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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the options of `run begin` say, as they were typed."""

    run_name: str
    accounts: tuple[str, ...]
    households: tuple[str, ...]
    models: tuple[str, ...]
    policy_file: Path | None
    stale_reason: str
    stored: bool

    def asked(self, market: "Market | None") -> "RunAsked":
        """Return what is asked of the service; raises PolicyFileError, TwoScopesError."""
        from steelyard.rebalancing.policy import Policy
        from steelyard.services.allocation_inputs import MARKET, STORED
        from steelyard.services.run import RunAsked, one_scope
        from steelyard.statements.policy import read_policy_file
        from steelyard.storage.run import ScopeKind

        named = {
            ScopeKind.ACCOUNTS: self.accounts,
            ScopeKind.HOUSEHOLD: self.households,
            ScopeKind.MODEL: self.models,
        }
        return RunAsked(
            run_name=self.run_name,
            scope=one_scope(named),
            policy=Policy() if self.policy_file is None else read_policy_file(self.policy_file),
            price_source=STORED if self.stored or market is None else MARKET,
            stale_reason=self.stale_reason,
        )


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
@click.option("--stored", is_flag=True, help="At stored prices, whatever sources the settings name.")
@click.option("--wait", is_flag=True, help="Wait until a worker has made it.")
@tenant_option
@as_json
@pass_shell
def begin(shell: Shell, /, *, wait: bool, tenant_id: int, as_json: bool, **options: Any) -> None:
    """Begin a run over accounts, which workers make.

    Unless some are named, it is over all that you may propose for.
    """
    run_id = asyncio.run(_begin(shell, tenant_id, Wanted(**options)))
    if wait:
        asyncio.run(_wait(shell, tenant_id, run_id))
    _tell(asyncio.run(_look(shell, tenant_id, run_id, SHOWN)), as_json=as_json)


@run.command(
    epilog=examples(
        "steelyard run show 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55",
        "steelyard run show 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55 --limit 500",
    )
)
@_run_argument
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=SHOWN, show_default=True, help="Accounts to show."
)
@tenant_option
@as_json
@pass_shell
def show(shell: Shell, *, run_id: AnyKey, limit: int, tenant_id: int, as_json: bool) -> None:
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
def approve(shell: Shell, *, run_id: AnyKey, typed: str | None, tenant_id: int) -> None:
    """Approve a run, by the hash of what was seen: all its proposals at once."""
    if typed is None:
        _tell(asyncio.run(_look(shell, tenant_id, run_id, SHOWN)), as_json=False)
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
def execute(shell: Shell, *, run_id: AnyKey, tenant_id: int) -> None:
    """Give the orders of an approved run to the workers, in blocks.

    Everything is looked at again before.
    """
    asyncio.run(_execute(shell, tenant_id, run_id))
    click.echo(f"Released. `steelyard worker` sends its orders; `steelyard run show {run_id}` follows.")


@run.command(epilog=examples("steelyard run drop 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55 --account RIVERA-IRA"))
@_run_argument
@click.option("--account", "accounts", multiple=True, required=True, metavar="ACCOUNT", help="Repeatable.")
@tenant_option
@pass_shell
def drop(shell: Shell, *, run_id: AnyKey, accounts: tuple[str, ...], tenant_id: int) -> None:
    """Leave accounts out of a run that is made; what is approved then is another hash."""
    left = asyncio.run(_drop(shell, tenant_id, run_id, accounts))
    seen = (left.content_hash or b"").hex()[:8]
    click.echo(f"Left out. The run is {left.state.value}, and its hash begins with {seen}.")


@run.command(epilog=examples("steelyard run withdraw 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55"))
@_run_argument
@tenant_option
@pass_shell
def withdraw(shell: Shell, *, run_id: AnyKey, tenant_id: int) -> None:
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


async def _begin(shell: Shell, tenant_id: int, wanted: Wanted) -> UUID:
    from steelyard.services.run import begin_run
    from steelyard.storage.connection import get_write_session

    async with at_work(shell, tenant_id) as work:
        async with get_write_session() as db:
            begun = await begin_run(db, work.actor, wanted.asked(work.market), now=work.now)
        return begun.run_id


async def _wait(shell: Shell, tenant_id: int, run_id: UUID) -> None:
    """Show how far a run is until it is made."""
    from steelyard.services.run import watch_run

    async with at_work(shell, tenant_id):
        async for _, progress in watch_run(run_id, pause=partial(asyncio.sleep, LOOK_SECONDS)):
            _report(progress)


def _report(progress: "RunProgress") -> None:
    click.echo(f"{progress.answered:,} of {progress.accounts:,} accounts", err=True)


async def _look(shell: Shell, tenant_id: int, run_id: AnyKey, limit: int) -> LookedAt:
    from steelyard.services.run import get_run
    from steelyard.services.short_key import whole_key
    from steelyard.storage.approval import get_approvals

    async with open_book(shell, tenant_id) as db:
        whole = await whole_key(run_id, db)
        found = await get_run(whole, db, limit=limit)
        return LookedAt(found, await get_approvals(db, run_id=whole), datetime.now(UTC))


async def _approve(shell: Shell, tenant_id: int, run_id: AnyKey, typed: str) -> "ApprovedRun":
    from steelyard.services.approval import TypedHash
    from steelyard.services.run import get_run
    from steelyard.services.run_approval import approve_run, quote_run_again
    from steelyard.services.short_key import whole_key
    from steelyard.storage.connection import get_write_session

    async with at_work(shell, tenant_id) as work:
        whole = await whole_key(run_id)
        seen = (await get_run(whole, limit=1)).run.content_hash or b""
        prices = await quote_run_again(whole, work.market, now=work.now)
        prover = TypedHash(work.actor, typed)
        async with get_write_session() as db:
            return await approve_run(
                db, work.actor, whole, prover, content_hash=seen, now=work.now, prices=prices
            )


async def _execute(shell: Shell, tenant_id: int, run_id: AnyKey) -> None:
    from steelyard.services.run import get_run
    from steelyard.services.run_approval import execute_run, quote_run_again
    from steelyard.services.short_key import whole_key
    from steelyard.storage.connection import get_write_session

    async with at_work(shell, tenant_id) as work:
        whole = await whole_key(run_id)
        seen = (await get_run(whole, limit=1)).run.content_hash or b""
        prices = await quote_run_again(whole, work.market, now=work.now)
        async with get_write_session() as db:
            await execute_run(db, work.actor, whole, content_hash=seen, now=work.now, prices=prices)


async def _drop(shell: Shell, tenant_id: int, run_id: AnyKey, accounts: tuple[str, ...]) -> "Run":
    from steelyard.identity.permissions import Actor
    from steelyard.services.run import drop_accounts
    from steelyard.services.short_key import whole_key

    async with open_book(shell, tenant_id) as db:
        whole = await whole_key(run_id, db)
        return await drop_accounts(db, Actor(tenant_id), whole, accounts, now=datetime.now(UTC))


async def _withdraw(shell: Shell, tenant_id: int, run_id: AnyKey) -> None:
    from steelyard.identity.permissions import Actor
    from steelyard.services.run import withdraw_run
    from steelyard.services.short_key import whole_key

    async with open_book(shell, tenant_id) as db:
        await withdraw_run(db, Actor(tenant_id), await whole_key(run_id, db), now=datetime.now(UTC))


async def _list(shell: Shell, tenant_id: int, limit: int) -> "list[Run]":
    from steelyard.services.run import get_runs

    async with open_book(shell, tenant_id) as db:
        return await get_runs(db, limit=limit)
