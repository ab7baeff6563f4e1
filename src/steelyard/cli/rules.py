"""The commands about rules: what accounts may hold and trade."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from steelyard.cli.desk import open_book, tenant_option
from steelyard.cli.options import DAY, as_json, examples
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.cli.short_key import PROPOSAL_KEY
from steelyard.domain.short_key import AnyKey

if TYPE_CHECKING:
    from steelyard.compliance.rule import Rule
    from steelyard.services.compliance_record import Checked
    from steelyard.services.dry_run import DryRun
    from steelyard.services.rule import Written
    from steelyard.storage.rule import StoredRule

FIRST_DAY: Final = date(1900, 1, 1)

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(
    epilog=examples("steelyard rules list", "steelyard rules load rules.toml", "steelyard rules check")
)
def rules() -> None:
    """Say what accounts may hold and trade, and check it."""


@rules.command("list", epilog=examples("steelyard rules list", "steelyard rules list tech-cap --json"))
@click.argument("rule_id", required=False)
@tenant_option
@as_json
@pass_shell
def list_(shell: Shell, *, rule_id: str | None, tenant_id: int, as_json: bool) -> None:
    """Show the rules, or every version of one."""
    from steelyard.cli.screens.rules import listed

    tell(asyncio.run(_list(shell, tenant_id, rule_id)), listed, as_json=as_json)


@rules.command(epilog=examples("steelyard rules load rules.toml", "steelyard rules load rules.csv --json"))
@click.argument("file", type=FILE)
@tenant_option
@as_json
@pass_shell
def load(shell: Shell, *, file: Path, tenant_id: int, as_json: bool) -> None:
    """Write the rules of a TOML or CSV file, all of them or none.

    A rule that is changed gets a new version.
    """
    from steelyard.cli.screens.rules import written
    from steelyard.statements.rule import read_rules_file

    tell(asyncio.run(_write(shell, tenant_id, read_rules_file(file))), written, as_json=as_json)


@rules.command(
    epilog=examples(
        "steelyard rules add cash-2 --kind minimum_cash --bound 0.02 --outcome hold --source 'Mandate, 3'",
        "steelyard rules add no-tobacco --kind restricted_list --outcome block --source 'Mandate, 4' "
        "--set sectors=Tobacco --set 'forbids=buy;hold'",
    )
)
@click.argument("rule_id")
@click.option("--kind", required=True, metavar="KIND", help="What it measures: docs/reference/rules.md.")
@click.option("--bound", default="", metavar="NUMBER", help="The limit, 0.25 for 25 %.")
@click.option(
    "--outcome",
    required=True,
    type=click.Choice(["warn", "hold", "block"]),
    help="What a violation does.",
)
@click.option("--from", "valid_from", type=DAY, help="The first day it holds.  [default: today]")
@click.option("--until", "valid_until", type=DAY, help="The last day it holds.  [default: for good]")
@click.option("--source", required=True, metavar="TEXT", help="Where it is written: the mandate, the law.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="What else the kind needs, and its scope, named as the columns of the CSV; several times.",
)
@tenant_option
@as_json
@pass_shell
def add(shell: Shell, /, *, settings: Sequence[str], tenant_id: int, as_json: bool, **said: Any) -> None:
    """Write a rule, or a new version of it."""
    from steelyard.cli.screens.rules import written

    tell(asyncio.run(_write(shell, tenant_id, [_rule(shell, settings, **said)])), written, as_json=as_json)


@rules.command(epilog=examples("steelyard rules end tech-cap"))
@click.argument("rule_id")
@tenant_option
@pass_shell
def end(shell: Shell, *, rule_id: str, tenant_id: int) -> None:
    """End a rule: from now on it is not asked; what it decided stays."""
    asyncio.run(_end(shell, tenant_id, rule_id))
    click.echo(f"Rule {rule_id} is ended. `steelyard rules list {rule_id}` shows its versions.")


@rules.command(epilog=examples("steelyard rules check", "steelyard rules check --account RIVERA-IRA --json"))
@click.option("--account", "accounts", multiple=True, metavar="ID", help="Only this account; several times.")
@click.option("--as-of", "day", type=DAY, help="The day that is judged.  [default: today]")
@tenant_option
@as_json
@pass_shell
def check(shell: Shell, *, accounts: Sequence[str], day: date | None, tenant_id: int, as_json: bool) -> None:
    """Judge accounts as they are, and write what the rules say to compliance_records."""
    from steelyard.cli.screens.rules import checked

    found = asyncio.run(_check(shell, tenant_id, day or shell.today(), accounts or None))
    tell(found, checked, as_json=as_json)


@rules.command(
    "dry-run",
    epilog=examples(
        "steelyard rules dry-run rules.toml",
        "steelyard rules dry-run rules.toml --rule tech-cap --since 2025-01-01",
    ),
)
@click.argument("file", type=FILE)
@click.option("--rule", "rule_id", metavar="ID", help="Only this rule of the file.")
@click.option("--account", "accounts", multiple=True, metavar="ID", help="Only this account; several times.")
@click.option("--since", type=DAY, help="The first day.  [default: the first of the history]")
@click.option("--until", type=DAY, help="The last day.  [default: today]")
@tenant_option
@as_json
@pass_shell
def dry_run(
    shell: Shell,
    *,
    file: Path,
    rule_id: str | None,
    accounts: Sequence[str],
    since: date | None,
    until: date | None,
    tenant_id: int,
    as_json: bool,
) -> None:
    """Try the rules of a file over history.

    Says how often, and where, each would have been violated.
    """
    from steelyard.cli.screens.rules import tried
    from steelyard.statements.rule import read_rules_file

    chosen = [one for one in read_rules_file(file) if rule_id in {None, one.rule_id}]
    if not chosen:
        raise click.UsageError(f"{file} holds no rule{f' {rule_id}' if rule_id else ''}.")
    days = since or FIRST_DAY, until or shell.today()
    tell(asyncio.run(_try(shell, tenant_id, chosen, days, accounts or None)), tried, as_json=as_json)


@rules.command(
    epilog=examples(
        "steelyard rules override 8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55 tech-cap --reason 'Agreed with the client'"
    )
)
@click.argument("proposal_id", type=PROPOSAL_KEY)
@click.argument("rule_id")
@click.option("--reason", required=True, metavar="TEXT", help="Why it may pass; kept for good.")
@tenant_option
@pass_shell
def override(shell: Shell, *, proposal_id: AnyKey, rule_id: str, reason: str, tenant_id: int) -> None:
    """Let a proposal pass a rule that holds it; a rule that blocks stays."""
    asyncio.run(_override(shell, tenant_id, proposal_id, rule_id, reason))
    click.echo(f"Proposal {proposal_id} may pass rule {rule_id}.")


def _rule(shell: Shell, settings: Sequence[str], **said: Any) -> "Rule":
    """Put what was typed together as a row of the CSV, and read that."""
    from steelyard.statements.input_file import check_names
    from steelyard.statements.rule import COLUMNS, PLAIN, read_rule, table_of

    pairs = [text.partition("=") for text in settings]
    if unclear := [text for text, (_, equals, _) in zip(settings, pairs, strict=True) if not equals]:
        raise click.UsageError(f"--set {unclear[0]!r} is not NAME=VALUE.")
    names = [name for name, _, _ in pairs]
    check_names(names, [name for name in COLUMNS if name not in PLAIN], "--set", needed=())
    typed = {
        "id": said["rule_id"],
        "kind": said["kind"],
        "bound": said["bound"],
        "outcome": said["outcome"],
        "valid_from": f"{said['valid_from'] or shell.today()}",
        "valid_until": f"{said['valid_until'] or ''}",
        "source_document": said["source"],
    }
    return read_rule(table_of(typed | {name: value for name, _, value in pairs}), "rules add")


async def _list(shell: Shell, tenant_id: int, rule_id: str | None) -> "Sequence[StoredRule]":
    from steelyard.services.rule import get_rule, get_rules

    async with open_book(shell, tenant_id) as db:
        return await (get_rules(db) if rule_id is None else get_rule(db, rule_id))


async def _write(shell: Shell, tenant_id: int, written: "Sequence[Rule]") -> "Written":
    from steelyard.services.rule import write_rules

    async with open_book(shell, tenant_id) as db:
        return await write_rules(db, written)


async def _end(shell: Shell, tenant_id: int, rule_id: str) -> None:
    from steelyard.services.rule import end_rule

    async with open_book(shell, tenant_id) as db:
        await end_rule(db, rule_id)


async def _check(shell: Shell, tenant_id: int, day: date, account_ids: Collection[str] | None) -> "Checked":
    from steelyard.services.compliance_record import record_checks

    async with open_book(shell, tenant_id) as db:
        return await record_checks(db, day, account_ids=account_ids)


async def _try(
    shell: Shell,
    tenant_id: int,
    chosen: "Sequence[Rule]",
    days: tuple[date, date],
    account_ids: Collection[str] | None,
) -> "list[DryRun]":
    from steelyard.services.dry_run import dry_run as run_dry

    async with open_book(shell, tenant_id) as db:
        return [await run_dry(db, rule, *days, account_ids=account_ids) for rule in chosen]


async def _override(shell: Shell, tenant_id: int, proposal_id: AnyKey, rule_id: str, reason: str) -> None:
    from steelyard.identity.permissions import Actor
    from steelyard.services.override import override_rule
    from steelyard.services.short_key import whole_key

    async with open_book(shell, tenant_id) as db:
        whole = await whole_key(proposal_id, db)
        await override_rule(db, Actor(tenant_id), whole, rule_id, reason, now=datetime.now(UTC))
