"""The command line before it touches a store: help, usage, exit codes, encodings."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from steelyard.cli.main import SECTIONS, steelyard
from steelyard.cli.options import DAY

HEAVY = (
    "sqlalchemy",
    "asyncpg",
    "alembic",
    "fastapi",
    "numpy",
    "pyarrow",
    "msgspec",
    "pydantic",
    "rich",
    "uvicorn",
)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `steelyard` as a process that would fail if it opened a store."""
    return subprocess.run(
        [sys.executable, "-c", "from steelyard.app import main; main()", *arguments],
        env={**os.environ, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", **environment},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def commands(group: click.Group = steelyard, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Give the path of every command, groups included."""
    paths = []
    for name, command in group.commands.items():
        paths.append((*prefix, name))
        if isinstance(command, click.Group):
            paths += commands(command, (*prefix, name))
    return paths


def command_at(path: tuple[str, ...]) -> click.Command:
    found: click.Command = steelyard
    for name in path:
        assert isinstance(found, click.Group)
        found = found.commands[name]
    return found


def test_the_first_help_lists_every_command_once() -> None:
    sections = run("--help").stdout.partition("Start:")[2]
    listed = [line.split()[0] for line in sections.splitlines() if line.startswith("  ")]

    for name in steelyard.commands:
        assert listed.count(name) == 1
    assert sum(len(section) for section in SECTIONS.values()) == len(steelyard.commands)


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_command_says_its_purpose_in_a_line(path: tuple[str, ...]) -> None:
    purpose = command_at(path).get_short_help_str(limit=1000)

    assert 10 < len(purpose) <= 80
    assert purpose == (command_at(path).help or "").splitlines()[0]


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_command_has_examples_that_parse(path: tuple[str, ...]) -> None:
    command = command_at(path)
    if isinstance(command, click.Group):
        return
    examples = [line.strip() for line in (command.epilog or "").splitlines() if line.startswith("  ")]

    assert examples
    for example in examples:
        words = (
            word for word in shlex.split(example) if "=" not in word
        )  # settings may stand before the program
        program, *arguments = words
        assert program == "steelyard"
        assert arguments[: len(path)] == list(path)
        command.make_context(command.name, arguments[len(path) :])


@pytest.mark.parametrize("arguments", [["--help"], ["overview", "--help"], ["load", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        "from steelyard.app import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"print('imported:', *sorted(set({HEAVY}) & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "imported:"


def test_a_reader_imports_no_engine() -> None:
    script = "import sys, steelyard; steelyard.get_portfolio_overview; print(*{'numpy', 'pyarrow'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


def test_the_package_front_imports_nothing_heavy() -> None:
    script = f"import sys, steelyard; print(*sorted(set({HEAVY}) & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["overviev"], "No such command 'overviev'"),
        (["overview", "--as-of", "28.12.2022"], "'28.12.2022' is not a day; write it as YYYY-MM-DD."),
        (["overview", "--as-of", "20221228"], "'20221228' is not a day"),
        (["overview", "--as-of", "2022-02-30"], "'2022-02-30' is not a day"),
        (["overview", "--household", "A", "--account", "B"], "exclude each other"),
        (["overview", "--as-of", "2022-12-28", "--version-number", "1"], "exclude each other"),
        (["risk", "--version-number", "0"], "0 is not in the range"),
        (["asset"], "Missing argument 'ID'"),
        (["assets", "--sort", "price;drop"], "'price;drop' is not one of"),
        (["load"], "Missing argument 'DIR'"),
        (["orders", "show", "2f0c7f0"], "'2f0c7f0' is no key; write all of it, or its first 8 characters"),
        (["review", "not-hex-"], "'not-hex-' is no key"),
        (["fills", "list", "--order", "2f0c7f0e8"], "'2f0c7f0e8' is no key"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_reason(arguments: list[str], sentence: str) -> None:
    done = run(*arguments)

    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stdout == ""


def test_a_wrong_setting_ends_with_1_and_one_sentence() -> None:
    done = run("overview", STEELYARD_POOL_SIZE="many")

    assert done.returncode == 1
    assert (
        done.stderr
        == "steelyard: STEELYARD_POOL_SIZE is 'many'; set it to a whole number above 0, or unset it.\n"
    )


def test_an_unreachable_store_ends_with_75_and_one_sentence() -> None:
    done = run("overview", "--json")

    assert done.returncode == 75  # EX_TEMPFAIL: it may answer in a while
    assert done.stderr.startswith("steelyard: No PostgreSQL answers at 127.0.0.1:1/none")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_terminal_without_block_characters_gets_plain_ones() -> None:
    script = (
        "from steelyard.cli.output import speak_the_terminals_encoding\n"
        "speak_the_terminals_encoding()\n"
        "print('██▌ ▲ ▼ – · Zürich 東')"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONIOENCODING": "iso-8859-1"},
        capture_output=True,
        check=True,
    )

    assert done.stdout.decode("iso-8859-1").strip() == "### ^ v - · Zürich ?"


def test_a_day_is_a_day() -> None:
    assert DAY.convert("2022-12-28", None, None).isoformat() == "2022-12-28"


def test_the_reference_page_is_in_step_with_the_commands() -> None:
    root = Path(__file__).parents[2]

    written = subprocess.run(
        [sys.executable, root / "scripts/cli_reference.py"], capture_output=True, text=True, check=True
    )

    assert (root / "docs/reference/cli.md").read_text(encoding="utf-8") == written.stdout
