"""Where answers and notes go: answers to standard output, notes and progress to standard error."""

import codecs
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, RenderableType

    from steelyard.services.loading import Progress

Answer = TypeVar("Answer")

WIDEST: Final = 120
"""Columns a screen takes at most; wider lines are hard to read across."""

_PLAIN: Final = str.maketrans("█▉▊▋▌▍▎▏▲▼–·…─━✓✗", "########^v-|~--+x")


def speak_the_terminals_encoding() -> None:
    """Let a terminal that knows no block characters have plain ones in their place."""
    codecs.register_error("steelyard", _plain)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="steelyard")


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start : error.end].translate(_PLAIN)
    return "".join(char if char.isascii() else "?" for char in unknown), error.end


def screen() -> "Console":
    """Return the console of answers."""
    return _console(stderr=False)


def notes() -> "Console":
    """Return the console of progress and notes."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> "Console":
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False, soft_wrap=False, emoji=False, markup=False)
    console.width = min(console.width, WIDEST)
    return console


def tell(answer: Answer, screen: "Callable[[Answer], RenderableType]", *, as_json: bool) -> None:
    """Print an answer: as JSON, or as the screen made of it."""
    if as_json:
        print_json(answer)
    else:
        show(screen(answer))


def show(renderable: "RenderableType") -> None:
    """Print a screen: framed by empty lines where a person looks, without blanks at line ends where a file is."""
    console = screen()
    if console.is_terminal:
        console.print("", renderable, "", sep="\n")
        return
    with console.capture() as captured:
        console.print(renderable)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def print_json(answer: Any) -> None:
    """Print an answer as JSON: decimals as exact numbers, days as ISO 8601, what is not a number as null."""
    import msgspec

    encoded = msgspec.json.Encoder(decimal_format="number").encode(answer)
    click.echo(msgspec.json.format(encoded, indent=2))


@contextmanager
def working(what: str) -> "Iterator[Callable[[str], None]]":
    """Show on a terminal that work goes on, for as long as the context lasts; gives what reports details."""
    with notes().status(f"{what} …") as status:
        yield lambda detail: status.update(f"{what} … {detail}")


@contextmanager
def progress_bar() -> "Iterator[Progress]":
    """Show on a terminal how far the work is; gives what takes a stage, what is done of it, and its total."""
    from rich import progress

    console = notes()
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.TaskProgressColumn(),
        progress.TimeElapsedColumn(),
    )
    with progress.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Reading", total=None)

        def report(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total)

        yield report
