"""The command that writes the report: one page of HTML that needs nothing but a browser, or a printer."""

import asyncio
from base64 import b64encode
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from steelyard.cli.options import Reading, examples, reading_options
from steelyard.cli.output import tell
from steelyard.cli.shell import Shell, pass_shell
from steelyard.errors import InvalidInputError

if TYPE_CHECKING:
    from jinja2 import Environment

    from steelyard.services.report import Report

MOST_VIOLATIONS: Final = 20
"""Assets with violations shown on the page; the command `compliance` has all."""


class OutputFileError(InvalidInputError):
    """A file cannot be written where it was asked for."""

    def __init__(self, path: Path, reason: str, option: str) -> None:
        """Name the file, the reason and the option."""
        super().__init__(f"Cannot write {path}: {reason}; choose another place with {option}.")


@dataclass(frozen=True, slots=True)
class WrittenReport:
    """What was written, and what it is of."""

    output: str
    bytes: int
    as_of: date
    version: int
    content_hash: str


@click.command(
    epilog=examples(
        "steelyard report --output report.html",
        "steelyard report --output rivera.html --household RIVERA",
    )
)
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), required=True, help="Where to.")
@reading_options
@pass_shell
def report(shell: Shell, output: Path, reading: Reading) -> None:
    """Write everything on one page of HTML, to read, send or print.

    The page needs no network and runs no script. The same version makes the same page, byte by byte. A file that is
    there already is replaced.
    """
    from steelyard.cli.screens.report import written

    made = asyncio.run(_read(shell, reading))
    page = render(made).encode()
    write_whole(output, page)
    version = made.version
    answer = WrittenReport(f"{output}", len(page), version.as_of, version.version, version.content_hash)
    tell(answer, written, as_json=reading.as_json)


async def _read(shell: Shell, reading: Reading) -> "Report":
    from steelyard.services.report import get_report
    from steelyard.services.scope import require_scope
    from steelyard.storage.connection import get_db_session

    async with shell.store(), get_db_session() as db:
        await require_scope(db, reading.scope)
        return await get_report(db, **reading.which())


def render(report: "Report") -> str:
    """Return the page. Its own policy forbids it scripts and the network, should a name ever escape its escaping."""
    from steelyard.charts.markup import Markup

    styles = (("steelyard.charts", "theme.css"), ("steelyard.cli", "templates/report.css"))
    style = "\n".join(resources.files(package).joinpath(name).read_text("utf-8") for package, name in styles)
    fingerprint = b64encode(sha256(style.encode()).digest()).decode()
    template = _templates().get_template("report.html")
    return template.render(report=report, style=Markup(style), style_hash=fingerprint, most=MOST_VIOLATIONS)


def write_whole(path: Path, content: bytes, option: str = "--output") -> None:
    """Write a file all at once: whoever reads it sees the old one or the new one, never half.

    Args:
        path: where to.
        content: all of it.
        option: the option that named the path, for the sentence of the error.

    Raises:
        OutputFileError: it is no regular file, its folder is missing, or nothing may be written there.
    """
    place = path.resolve()  # behind a link, which stays one
    part = place.with_name(f".{place.name}.part")
    if place.exists() and not place.is_file():
        raise OutputFileError(path, "it is there and not a file", option)
    try:
        part.write_bytes(content)
        part.replace(place)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputFileError(path, error.strerror or f"{error}", option) from error


def _templates() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from steelyard.charts import bars, columns, curves, numbers, ring, shares
    from steelyard.services.quality import meaning

    environment = Environment(
        loader=PackageLoader("steelyard.cli"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = (numbers.money, numbers.whole, numbers.ratio, numbers.percent, numbers.percentage)
    filters = (*shown, numbers.change, numbers.change_of, meaning)
    environment.filters |= {shows.__name__: shows for shows in filters}
    drawings = (
        ring.ring,
        bars.share_bars,
        bars.bar,
        columns.columns_over_months,
        curves.curves_over_days,
        shares.Parts,
    )
    environment.globals |= {draws.__name__: draws for draws in drawings}
    return environment
