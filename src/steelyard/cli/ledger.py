"""The commands that show what is booked: the journal, positions and lots."""

import asyncio
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from steelyard.cli.options import DAY, as_json, examples, scope_options
from steelyard.cli.output import tell, working
from steelyard.cli.shell import Shell, pass_shell
from steelyard.domain.scope import Scope
from steelyard.domain.transaction import TransactionKind

if TYPE_CHECKING:
    from steelyard.services.journal import JournalPage
    from steelyard.services.keeping import Keeping
    from steelyard.services.position import Lots, Positions
    from steelyard.services.reconciliation import Reconciliation


@click.group(
    invoke_without_command=True,
    epilog=examples(
        "steelyard ledger",
        "steelyard ledger --account RIVERA-IRA --kind SELL --limit 50",
        "steelyard ledger --after 2022-12-01:1098",
        "steelyard ledger reconcile",
    ),
)
@click.option("--after", metavar="PLACE", default="", help="Go on from here: where the page before ended.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Entries on a page."
)
@click.option("--asset", "asset_id", metavar="ID", help="Only entries about this asset.")
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in TransactionKind], case_sensitive=False),
    metavar="KIND",
    help="Only entries of this kind: BUY, SELL, DIVIDEND …",
)
@click.option("--reversed", "with_reversed", is_flag=True, help="Entries that were taken back, too.")
@scope_options
@as_json
@pass_shell
@click.pass_context
def ledger(
    context: click.Context,
    shell: Shell,
    *,
    after: str,
    limit: int,
    asset_id: str | None,
    kind: str | None,
    with_reversed: bool,
    scope: Scope,
    as_json: bool,
) -> None:
    """Show what is booked, the newest first, and what is not booked and why."""
    if context.invoked_subcommand is not None:
        return
    from steelyard.cli.screens.ledger import journal

    chosen: dict[str, Any] = {
        "after": after,
        "limit": limit,
        "asset_id": asset_id,
        "kind": TransactionKind(kind) if kind else None,
        "with_reversed": with_reversed,
    }
    page = asyncio.run(_journal(shell, scope, chosen))
    tell(page, partial(journal, scope=scope), as_json=as_json)


@ledger.command(
    epilog=examples("steelyard ledger reconcile", "steelyard ledger reconcile --account RIVERA-IRA")
)
@scope_options
@as_json
@pass_shell
def reconcile(shell: Shell, *, scope: Scope, as_json: bool) -> None:
    """Show what keeps each account, and where snapshot and ledger differ."""
    from steelyard.cli.screens.ledger import reconciled

    tell(asyncio.run(_reconcile(shell, scope)), partial(reconciled, scope=scope), as_json=as_json)


@ledger.command(epilog=examples("steelyard ledger post"))
@as_json
@pass_shell
def post(shell: Shell, *, as_json: bool) -> None:
    """Bring the ledger to what the transactions say.

    A load and a refresh do so by themselves. This is for attached tables, whose changes nothing tells, and for
    transactions whose day has come.
    """
    from steelyard.cli.screens.ledger import posted

    with working("Posting transactions"):
        done = asyncio.run(_post(shell))
    tell(done, posted, as_json=as_json)


@click.command(
    epilog=examples("steelyard positions", "steelyard positions --account RIVERA-IRA --as-of 2020-03-31")
)
@click.option("--as-of", type=DAY, help="The day.  [default: the last price date]")
@scope_options
@as_json
@pass_shell
def positions(shell: Shell, *, as_of: date | None, scope: Scope, as_json: bool) -> None:
    """Show what is held, what it is worth and what it cost."""
    from steelyard.cli.screens.ledger import held

    tell(asyncio.run(_positions(shell, scope, as_of)), partial(held, scope=scope), as_json=as_json)


@click.command(
    epilog=examples("steelyard lots --asset AAPL", "steelyard lots --account RIVERA-JOINT --closed")
)
@click.option("--asset", "asset_id", metavar="ID", help="Only lots of this asset.")
@click.option(
    "--closed", is_flag=True, help="The lots that were closed, with their gains, instead of the open ones."
)
@click.option("--limit", type=click.IntRange(min=1), default=40, show_default=True, help="Lines shown.")
@click.option("--as-of", type=DAY, help="The day.  [default: the last price date]")
@scope_options
@as_json
@pass_shell
def lots(
    shell: Shell,
    *,
    asset_id: str | None,
    closed: bool,
    limit: int,
    as_of: date | None,
    scope: Scope,
    as_json: bool,
) -> None:
    """Show each lot with its day, cost and gain, open or closed.

    A sale takes lots by the method of its account: lot_method in accounts.
    """
    from steelyard.cli.screens.ledger import closed_lots, open_lots

    answer = asyncio.run(_lots(shell, scope, as_of, asset_id))
    answer = replace(answer, lots=()) if closed else replace(answer, closed=())
    tell(answer, partial(closed_lots if closed else open_lots, scope=scope, limit=limit), as_json=as_json)


async def _journal(shell: Shell, scope: Scope, chosen: dict[str, Any]) -> "JournalPage":
    from steelyard.services.journal import get_journal
    from steelyard.storage.connection import get_db_session

    async with shell.store(), get_db_session() as db:
        return await get_journal(db, scope=scope, **chosen)


async def _reconcile(shell: Shell, scope: Scope) -> "Reconciliation":
    from steelyard.services.reconciliation import reconcile
    from steelyard.storage.connection import get_db_session

    async with shell.store(), get_db_session() as db:
        return await reconcile(db, scope=scope)


async def _post(shell: Shell) -> "Keeping":
    from steelyard.services.keeping import post_ledger

    async with shell.store():
        return await post_ledger(today=shell.today())


async def _positions(shell: Shell, scope: Scope, as_of: date | None) -> "Positions":
    from steelyard.services.position import get_positions
    from steelyard.storage.connection import get_db_session

    async with shell.store(), get_db_session() as db:
        return await get_positions(db, scope=scope, as_of=as_of)


async def _lots(shell: Shell, scope: Scope, as_of: date | None, asset_id: str | None) -> "Lots":
    from steelyard.services.position import get_lots
    from steelyard.storage.connection import get_db_session

    async with shell.store(), get_db_session() as db:
        return await get_lots(db, scope=scope, as_of=as_of, asset_id=asset_id)
