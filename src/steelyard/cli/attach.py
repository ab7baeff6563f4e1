"""The commands that put Steelyard on tables a firm already has, and take it off again."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steelyard.cli.data import publish
from steelyard.cli.options import as_json, examples
from steelyard.cli.output import notes, print_json, show, tell, working
from steelyard.cli.shell import Shell, pass_shell
from steelyard.errors import ConflictError, InvalidInputError

if TYPE_CHECKING:
    from steelyard.domain.mapping import BookMapping
    from steelyard.services.asset_360 import Refresh
    from steelyard.services.attachment import Attached, Detached
    from steelyard.services.comparison import Comparison
    from steelyard.services.mapping_proposal import Question

MAPPING_FILE = Path("mapping.toml")


class MappingFileError(InvalidInputError):
    """A mapping's file cannot be read or written."""

    def __init__(self, path: Path, reason: str) -> None:
        """Name the file and quote the system."""
        super().__init__(f"{path}: {reason}.")


class FileExistsAlreadyError(ConflictError):
    """A proposal would overwrite a file."""

    def __init__(self, path: Path) -> None:
        """Name it."""
        super().__init__(
            f"{path} is there already; name another file, move it away, or attach with --mapping {path}."
        )


@dataclass(frozen=True, slots=True)
class Answers:
    """What `attach` answers; None where a step was not asked for."""

    attached: "Attached"
    refresh: "Refresh | None"
    comparison: "Comparison | None"


@click.command(
    epilog=examples(
        "steelyard attach",
        "steelyard attach --propose mapping.toml",
        "steelyard attach --mapping mapping.toml",
        "steelyard attach --compare --html comparison.html",
    )
)
@click.option(
    "--mapping", "mapping_file", metavar="FILE", type=click.Path(path_type=Path), help="Attach as this says."
)
@click.option("--propose", metavar="FILE", type=click.Path(path_type=Path), help="Only write a proposal.")
@click.option("--yes", is_flag=True, help="Accept what is certain; end at the first question that is not.")
@click.option(
    "--refresh/--no-refresh", "then_refresh", default=True, show_default=True, help="Publish a version."
)
@click.option("--compare", "compare_only", is_flag=True, help="Only compare an asset_360 of yours with ours.")
@click.option(
    "--html", "page", metavar="FILE", type=click.Path(path_type=Path), help="Write the comparison as a page."
)
@as_json
@pass_shell
def attach(
    shell: Shell,
    *,
    mapping_file: Path | None,
    propose: Path | None,
    yes: bool,
    then_refresh: bool,
    compare_only: bool,
    page: Path | None,
    as_json: bool,
) -> None:
    """Work on tables you already have, where they are.

    Without --mapping an interview proposes one from the catalogue and samples of the data, and writes mapping.toml.
    Your tables are only read: all that is made stands in the schema steelyard. If the mapping names an asset_360 of
    yours, it is compared with ours.
    """
    _require_one(mapping_file=mapping_file, propose=propose, compare=compare_only or None)
    if propose is not None:
        _require_new(propose)
        click.echo(asyncio.run(_propose(shell, propose)))
    elif compare_only:
        _tell_comparison(asyncio.run(_compare(shell)), page, as_json=as_json)
    else:
        if mapping_file is None:
            _require_new(MAPPING_FILE)
        answers = asyncio.run(_attach(shell, mapping_file, yes=yes, then_refresh=then_refresh))
        _tell_answers(answers, page, as_json=as_json)


@click.command(epilog=examples("steelyard detach", "steelyard detach --keep-store"))
@click.option("--keep-store", is_flag=True, help="Keep an empty store, as `steelyard init` makes it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@pass_shell
def detach(shell: Shell, *, keep_store: bool, yes: bool, as_json: bool) -> None:
    """Let your tables go, and leave nothing behind.

    Everything in the schema steelyard is removed: versions, derived history, what was loaded from files. Your tables
    are not touched.
    """
    from steelyard.cli.screens.attachment import detached

    if not yes:
        click.confirm(
            "Everything Steelyard made or loaded in this database is deleted. Go on?", abort=True, err=True
        )
    tell(asyncio.run(_detach(shell, keep_store=keep_store)), detached, as_json=as_json)


def _require_one(**given: object) -> None:
    named = [f"--{name.replace('_file', '')}" for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise click.UsageError(f"{' and '.join(named)} exclude each other.")


def _require_new(path: Path) -> None:
    if path.exists():
        raise FileExistsAlreadyError(path)


def _tell_answers(answers: Answers, page: Path | None, *, as_json: bool) -> None:
    from steelyard.cli.screens.attachment import attached

    if answers.comparison is not None and page is not None:
        _write_page(answers.comparison, page)
    tell(answers, attached, as_json=as_json)


def _tell_comparison(comparison: "Comparison", page: Path | None, *, as_json: bool) -> None:
    from steelyard.cli.screens.attachment import compared

    if page is not None:
        _write_page(comparison, page)
    if as_json:
        print_json(comparison)
    else:
        show(compared(comparison))


def _write_page(comparison: "Comparison", page: Path) -> None:
    from steelyard.cli.screens.comparison_page import comparison_page

    _write(page, comparison_page(comparison))
    click.echo(f"The comparison is in {page}.", err=True)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise MappingFileError(path, error.strerror or str(error)) from error


async def _attach(shell: Shell, mapping_file: Path | None, *, yes: bool, then_refresh: bool) -> Answers:
    from steelyard.services import attachment

    async with shell.store():
        book = _read(mapping_file) if mapping_file else await _interview(yes=yes)
        with working("Looking at your tables"):
            done = await attachment.attach(book)
        published = await publish(shell) if then_refresh else None
        comparison = await _compare_rows() if published and "asset_360" in book.tables else None
    return Answers(done, published, comparison)


def _read(path: Path) -> "BookMapping":
    from steelyard.statements.mapping import parse_mapping

    try:
        return parse_mapping(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise MappingFileError(path, getattr(error, "strerror", None) or str(error)) from error


async def _interview(*, yes: bool) -> "BookMapping":
    """Ask what is open, and write the answers down, so that the same mapping can be attached again."""
    from steelyard.services.attachment import require_free_store
    from steelyard.services.mapping_proposal import accept_what_is_certain, propose_mapping
    from steelyard.statements.mapping import write_mapping
    from steelyard.storage.connection import get_migrator_session

    async with get_migrator_session() as db:
        await require_free_store(db)
    book = await propose_mapping(accept_what_is_certain if yes else ask_person)
    _write(MAPPING_FILE, write_mapping(book))
    click.echo(f"The answers are in {MAPPING_FILE}.", err=True)
    return book


def ask_person(question: "Question") -> str:
    """Ask on the terminal: evidence first, then the choices, then the proposal as what Enter takes."""
    console = notes()
    console.print(f"\n{question.place}", style="bold")
    if question.evidence:
        console.print(question.evidence, style="dim")
    kind = click.Choice(question.choices) if question.choices else None
    answer: str = click.prompt(question.sentence, default=question.proposed, type=kind, err=True)
    return answer


async def _propose(shell: Shell, path: Path) -> str:
    from steelyard.services.mapping_proposal import OpenQuestions, propose_mapping
    from steelyard.statements.mapping import write_mapping

    questions = OpenQuestions()
    async with shell.store():
        with working("Looking at your tables"):
            book = await propose_mapping(questions.ask)
    _write(path, write_mapping(book, questions.lines))
    count = sum(len(lines) for lines in questions.lines.values())
    asked = "1 question is" if count == 1 else f"{count or 'No'} questions are"
    where = ", on lines that begin with # OPEN" if count else ""
    return f"The proposal is in {path}. {asked} open in it{where}.\nNext: steelyard attach --mapping {path}"


async def _compare(shell: Shell) -> "Comparison":
    async with shell.store():
        return await _compare_rows()


async def _compare_rows() -> "Comparison":
    from steelyard.services.comparison import compare

    with working("Comparing"):
        return await compare()


async def _detach(shell: Shell, *, keep_store: bool) -> "Detached":
    from steelyard.services import attachment

    async with shell.store():
        return await attachment.detach(keep_store=keep_store)
