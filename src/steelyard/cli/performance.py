"""The commands that say how a book did, and what each figure is made of."""

import asyncio
import csv
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from steelyard.cli.options import as_json, examples, question_options
from steelyard.cli.output import tell, working
from steelyard.cli.shell import Shell, pass_shell

if TYPE_CHECKING:
    from steelyard.analytics.trail import Trail
    from steelyard.services.performance import ScopePerformance
    from steelyard.services.track_record import Question

LEVELS: Final = ("asset", "sector", "asset-type", "country", "account")

SHORT: Final = {"return": "time_weighted_return", "risk": "value_at_risk", "value": "closing_value"}
"""What people say for the figures they ask for most."""


@click.command(
    epilog=examples(
        "steelyard performance",
        "steelyard performance --account RIVERA-IRA --from 2021-01-01 --to 2021-12-31",
        "steelyard performance --by sector --benchmark MSFT",
        "steelyard performance --json",
    )
)
@click.option(
    "--by",
    type=click.Choice(LEVELS),
    default="asset",
    show_default=True,
    help="What the return is split by.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Lines of that table."
)
@question_options
@as_json
@pass_shell
def performance(shell: Shell, *, by: str, limit: int, question: "Question", as_json: bool) -> None:
    """Show returns, gains and risk since the first transaction, and what made them.

    Every figure has a trail: `steelyard explain NAME`, with the same options.
    """
    from steelyard.cli.screens.performance import screen

    with working("Working out the performance"):
        answer = asyncio.run(_performance(shell, question))
    tell(answer, partial(screen, by=by.replace("-", "_"), limit=limit), as_json=as_json)


@click.command(
    epilog=examples(
        "steelyard explain",
        "steelyard explain value --of AAPL --account RIVERA-JOINT",
        "steelyard explain volatility --from 2022-01-01 --csv",
        "steelyard explain contribution --by sector --of Energy --json",
    )
)
@click.argument("figure", metavar="[FIGURE]", default="return")
@click.option(
    "--by", type=click.Choice(LEVELS), default="asset", show_default=True, help="With `contribution`."
)
@click.option(
    "--of", metavar="NAME", help="Only the part of this asset; with `contribution`, of what --by says."
)
@click.option("--rows", type=click.IntRange(min=2), default=10, show_default=True, help="Rows shown.")
@click.option("--csv", "as_csv", is_flag=True, help="Print all rows as CSV and nothing else.")
@question_options
@as_json
@pass_shell
def explain(
    shell: Shell,
    *,
    figure: str,
    by: str,
    of: str | None,
    rows: int,
    as_csv: bool,
    question: "Question",
    as_json: bool,
) -> None:
    """Show what a figure is made of: its rows, prices, flows and formula.

    FIGURE is one of `steelyard performance --json`, or return, risk, value, contribution.  [default: return]
    """
    from steelyard.cli.screens.trail import screen

    if figure == "contribution" and of is None:
        raise click.UsageError("`explain contribution` needs --of NAME: an asset, or what --by says.")
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other; name one.")
    name, level = SHORT.get(figure, figure.replace("-", "_")), by.replace("-", "_")
    with working("Working out the figure"):
        trail = asyncio.run(_trail(shell, name, level, of, question))
    if as_csv:
        lines = csv.writer(sys.stdout, lineterminator="\n")
        lines.writerow(trail.columns)
        lines.writerows(trail.rows)
    else:
        tell(trail, partial(screen, most=rows), as_json=as_json)


async def _performance(shell: Shell, question: "Question") -> "ScopePerformance":
    from steelyard.services.performance import get_performance
    from steelyard.storage.connection import get_db_session

    async with shell.store(), get_db_session() as db:
        return await get_performance(db, question)


async def _trail(shell: Shell, name: str, level: str, part: str | None, question: "Question") -> "Trail":
    from steelyard.services.figure import part_named
    from steelyard.services.performance import explain_contribution, explain_figure
    from steelyard.storage.connection import get_db_session

    async with shell.store(), get_db_session() as db:
        if name == "contribution":
            return await explain_contribution(level, part or "", db, question)
        trail = await explain_figure(name, db, question)
        return trail if part is None else part_named(trail, part)
