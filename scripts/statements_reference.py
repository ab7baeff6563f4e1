"""Say what each reader makes of each sample: `python scripts/statements_reference.py`.

Prints docs/reference/statements.md as it should be, from the readers and the files in ../shared/data/clients; a test
compares. With `--write` the page is put in the place of the old one.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from steelyard.errors import InvalidInputError
from steelyard.statements.port import Reader, Source
from steelyard.statements.readers import get_readers
from steelyard.statements.recognition import UnknownFileError, choose_reader, open_source, read_statement
from steelyard.statements.record import Held, Record, Refused, Skipped

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/reference/statements.md"
CLIENTS = ROOT.parent / "shared/data/clients"
FOLDERS = (
    "broker_csv",
    "ofx",
    "ofx_csv_reds",
    "ibkr_flex",
    "iso20022_camt",
    "ghostfolio_import",
    "ledgers",
    "statements_txt",
)
TODAY = date(2026, 11, 22)
"""What lies after it is refused."""

INTRODUCTION = """\
# Statements

`steelyard import` and the page `/import` read these kinds of files. A file is known by its content, not by its name;
no two readers know the same file, and `--as NAME` says which one is meant. [Add a broker in ten
lines](../how-to/add-a-broker.md) tells how a CSV of another broker is described.

Of every row that holds something one of these is made: a *record* (what will be booked), a *closing* (units or cash
that the statement says are there, which the ledger is held against), a *skipped* row that moves nothing, or a
*refused* one with its line and the reason. A file with a refused row is not imported until the row is mended or left
out by name (`--leave-out`).
"""

EXCEPTIONS = """\
## Files that others take and we do not, or the other way round

Ghostfolio calls some of its samples valid and the others not. We judge them alike, but for these; a test holds that
there are no others.
"""

LATER = (
    "a day in 2050, 0 units, a price of 0: such a row is refused here, as it moves nothing and never happened"
)
JUDGED_OTHERWISE = {
    "ghostfolio_import/ok/sample.csv": ("valid", f"refused: line 6 has {LATER}"),
    "ghostfolio_import/ok/sample.json": ("valid", f"refused: line 128 has {LATER}"),
    "ghostfolio_import/ok/without-accounts.json": ("valid", f"refused: line 29 has {LATER}"),
    "ghostfolio_import/not-ok/invalid-platform.json": (
        "invalid: its database has no such platform",
        "read: the platform of an account is not ours to know, and the file is sound",
    ),
    "ghostfolio_import/not-ok/invalid-symbol-btc-usd.csv": (
        "invalid: its price source calls the coin BTCUSD",
        "read: an import asks which asset a ticker is, and takes BTC-USD for an answer",
    ),
}
"""Sample → what is said of it there and here."""

SAMPLES = """\
## What becomes of each sample

Files of other programs and people, in `../shared/data/clients`; the page is counted from them. An archive is read as
the file in it.
"""


@dataclass
class Outcome:
    """What became of a file."""

    path: Path
    reader: str = ""
    counts: Counter[type] = field(default_factory=Counter)
    refused: dict[str, list[int]] = field(default_factory=dict)
    why: str = ""

    @property
    def is_valid(self) -> bool:
        """Whether every row is read or knowingly skipped."""
        return not (self.why or self.refused)

    @property
    def name(self) -> str:
        """Where it is, below the folder of clients."""
        return self.path.relative_to(CLIENTS).as_posix()


def outcome_of(path: Path) -> Outcome:
    """Read a file."""
    outcome = Outcome(path)
    try:
        with open_source(path) as source:
            _read(choose_reader(get_readers(), source), source, outcome)
    except UnknownFileError:
        outcome.why = "of no kind that is known"
    except InvalidInputError as error:
        outcome.why = (
            str(error).removeprefix(f"{path.name} ").removeprefix(f"{path.name}: ").removesuffix(".")
        )
    return outcome


def _read(reader: Reader, source: Source, outcome: Outcome) -> None:
    outcome.reader = reader.name
    for row in read_statement(reader, source, today=TODAY):
        outcome.counts[type(row)] += 1
        if isinstance(row, Refused):
            outcome.refused.setdefault(row.why, []).append(row.line)


def outcomes() -> list[Outcome]:
    """Read every sample."""
    return [
        outcome_of(path)
        for folder in FOLDERS
        for path in sorted((CLIENTS / folder).rglob("*"))
        if path.is_file()
    ]


def page(found: list[Outcome]) -> str:
    """Write the page."""
    parts = [
        INTRODUCTION,
        *kinds(),
        "",
        EXCEPTIONS,
        *exceptions(),
        "",
        SAMPLES,
        *table(found),
        "",
        *details(found),
    ]
    return "\n".join(parts) + "\n"


def kinds() -> Iterator[str]:
    """List the readers."""
    yield "| kind | `--as` |\n|---|---|"
    for reader in get_readers():
        yield f"| {reader.title} | `{reader.name}` |"


def exceptions() -> Iterator[str]:
    """List the files that other programs judge otherwise."""
    yield "| file | there | here |\n|---|---|---|"
    for name, (there, here) in JUDGED_OTHERWISE.items():
        yield f"| `{name}` | {there} | {here} |"


def judged_otherwise(found: list[Outcome]) -> set[str]:
    """Return the samples that are valid there and not here, or the other way round."""
    folders = {"ghostfolio_import/ok/": True, "ghostfolio_import/not-ok/": False}
    return {
        one.name
        for one in found
        for folder, is_valid in folders.items()
        if one.name.startswith(folder) and one.is_valid != is_valid
    }


def table(found: list[Outcome]) -> Iterator[str]:
    """Count, a row a file."""
    yield "| file | kind | records | closings | skipped | refused |\n|---|---|--:|--:|--:|--:|"
    whole: Counter[type] = Counter()
    for one in found:
        whole += one.counts
        numbers = " | ".join(f"{one.counts[kind]:,}" for kind in (Record, Held, Skipped, Refused))
        reader = f"`{one.reader}`" if one.reader else ""
        yield f"| `{one.name}` | {reader} | " + ("refused whole | | | |" if one.why else f"{numbers} |")
    yield "| all | | " + " | ".join(f"{whole[kind]:,}" for kind in (Record, Held, Skipped, Refused)) + " |"


def details(found: list[Outcome]) -> Iterator[str]:
    """Say why rows and files are refused."""
    yield "## Why rows and files are refused\n"
    for one in found:
        if one.why:
            yield f"- `{one.name}`: {escaped(one.why)}."
        for why, lines in one.refused.items():
            yield f"- `{one.name}` {named(lines)}: {escaped(why)}."


def named(lines: list[int]) -> str:
    """Name lines, as ranges where they follow each other.

    >>> named([3]), named([3, 4, 5, 9])
    ('line 3', 'lines 3-5, 9')
    """
    ranges: list[list[int]] = []
    for line in sorted(set(lines)):
        if ranges and ranges[-1][-1] == line - 1:
            ranges[-1] = [ranges[-1][0], line]
        else:
            ranges.append([line])
    shown = ", ".join("-".join(map(str, one)) for one in ranges)
    return f"{'line' if len(set(lines)) == 1 else 'lines'} {shown}"


def escaped(text: str) -> str:
    """Keep a cell's text from being taken for Markdown."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split()).removesuffix(".")


if __name__ == "__main__":
    if not CLIENTS.is_dir():
        sys.exit("../shared/data/clients is not beside the checkout; the page is counted from it.")
    text = page(outcomes())
    if "--write" in sys.argv:
        PAGE.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)
