"""The command `steelyard`: its commands in the order a newcomer needs them, and what its exit codes mean."""

from collections.abc import Sequence
from typing import Final

import click

from steelyard.cli.accounts import accounts, targets
from steelyard.cli.answers import (
    allocation,
    compliance,
    countries,
    overview,
    performers,
    risk,
    sectors,
    transactions,
)
from steelyard.cli.assets import asset, assets
from steelyard.cli.attach import attach, detach
from steelyard.cli.audit import audit
from steelyard.cli.book_export import export
from steelyard.cli.brokers import brokers
from steelyard.cli.changes import changes
from steelyard.cli.codes import INTERRUPTED, code_of
from steelyard.cli.data import init, load, refresh
from steelyard.cli.database import db
from steelyard.cli.demo import demo
from steelyard.cli.doctor import doctor
from steelyard.cli.fills import fills
from steelyard.cli.holds import holds
from steelyard.cli.imports import import_, imports
from steelyard.cli.keys import keys
from steelyard.cli.ledger import ledger, lots, positions
from steelyard.cli.limits import limits
from steelyard.cli.models import models
from steelyard.cli.orders import orders
from steelyard.cli.output import speak_the_terminals_encoding
from steelyard.cli.performance import explain, performance
from steelyard.cli.personal_data import personal_data
from steelyard.cli.prices import prices
from steelyard.cli.profile import profile
from steelyard.cli.propose import approve, execute, proposals, propose, review, withdraw
from steelyard.cli.rebalance import rebalance
from steelyard.cli.reconcile import reconcile
from steelyard.cli.report import report
from steelyard.cli.rules import rules
from steelyard.cli.run import run as runs
from steelyard.cli.serve import serve
from steelyard.cli.setup_link import setup_link
from steelyard.cli.shell import Shell
from steelyard.cli.tenant import tenant
from steelyard.cli.token import token
from steelyard.cli.user import user
from steelyard.cli.worker import worker
from steelyard.errors import SteelyardError

SECTIONS: Final = {
    "Start": (demo, init, load, import_, attach, refresh),
    "Ask": (
        overview,
        allocation,
        risk,
        performers,
        compliance,
        transactions,
        sectors,
        countries,
        assets,
        asset,
        changes,
        report,
    ),
    "Trust": (performance, explain, positions, lots, ledger, imports, prices),
    "Decide": (
        accounts,
        targets,
        models,
        profile,
        rebalance,
        propose,
        proposals,
        review,
        approve,
        execute,
        withdraw,
        runs,
        rules,
        limits,
    ),
    "Trade": (orders, fills, holds, reconcile, worker, brokers),
    "Let in": (serve, user, tenant, token),
    "Look after": (doctor, db, export, audit, personal_data, keys, detach),
}


class Sections(click.Group):
    """A group whose help lists its commands in sections."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a list per section, in our order instead of the alphabet's."""
        del ctx
        widest = max(len(name) for name in self.commands)
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                rows = [
                    (f"{command.name:{widest}}", command.get_short_help_str(limit=70)) for command in commands
                ]
                formatter.write_dl(rows)


@click.group(
    cls=Sections,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExit codes: 0 done, 1 refused or failed and one sentence says why, 2 wrong usage,\n"
    "3 no trades keep every constraint, 75 busy or away and worth another try, 130 interrupted.\n"
    "New here? Run `steelyard demo`.",
)
@click.version_option(package_name="steelyard", message="steelyard %(version)s")
def steelyard() -> None:
    """See a whole book: value, return, risk, transactions and compliance of every asset in one place."""


for commands in SECTIONS.values():
    for command in commands:
        steelyard.add_command(command)
user.add_command(setup_link)


def run(shell: Shell, arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; what goes wrong on purpose is one sentence, never a traceback."""
    speak_the_terminals_encoding()
    try:
        code: int | None = steelyard.main(arguments, "steelyard", standalone_mode=False, obj=shell)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("steelyard: interrupted; what was not finished was not kept.", err=True)
        return INTERRUPTED
    except SteelyardError as error:
        click.echo(f"steelyard: {error}", err=True)
        return code_of(error)
    return code or 0
