"""Print the page of commands from the commands: `python scripts/cli_reference.py > docs/reference/cli.md`."""

import sys
from collections.abc import Iterator

import click

from steelyard.cli.main import SECTIONS, steelyard

WIDTH = 100

INTRODUCTION = """\
# Commands

This page is printed from the commands (`python scripts/cli_reference.py`); `steelyard COMMAND --help` says the same.

- Answers go to standard output; progress, notes and errors to standard error.
- `--json` prints exactly what the Python function behind the command returns, and nothing else: money and shares as
  exact decimal numbers, fractions as numbers, days as ISO 8601, unknown figures as null.
- Exit codes: 0 done · 1 refused or failed, and one sentence says why and what to do · 2 wrong usage · 3 no trades keep
  every constraint · 75 the store is busy or away, and the same command may succeed in a while · 130 interrupted.
- Without a terminal, or with `NO_COLOR` set, there is no colour; signs and arrows say what colour would. `COLUMNS` sets
  the width.
- [Environment variables](settings.md) say where the store is.
"""


def reference() -> str:
    """Return the page: every command in a line, then each with its options and examples."""
    top = click.Context(steelyard, info_name="steelyard", help_option_names=["-h", "--help"])
    parts = [INTRODUCTION, table()]
    for section, commands in SECTIONS.items():
        parts.append(f"## {section}\n")
        parts += [page for command in commands for page in pages(command, top)]
    return "\n".join(parts)


def table() -> str:
    """Return every command and its purpose."""
    commands = [command for section in SECTIONS.values() for command in section]
    rows = [f"| `{command.name}` | {command.get_short_help_str(WIDTH)} |" for command in commands]
    return "\n".join(("| command | what it does |", "|---|---|", *rows, ""))


def pages(command: click.Command, parent: click.Context) -> Iterator[str]:
    """Give the part of a command; of a group, those of its commands."""
    context = click.Context(command, parent, command.name, terminal_width=WIDTH)
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield f"### {context.command_path}\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            yield from pages(subcommand, context)


if __name__ == "__main__":
    sys.stdout.write(reference())
