"""The log of a command on standard error: one line an event, for machines to read.

Below the faces everything logs with `logging` and says its figures in `extra`, and nobody hears it. Here it gets a
form, the time and the run it belongs to. No event holds a password: places and errors are told without.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import click

from steelyard.cli.codes import code_of
from steelyard.errors import SteelyardError

if TYPE_CHECKING:
    from structlog.typing import Processor

FIRST: Final = ("timestamp", "level", "event", "run_id")

log = logging.getLogger(__name__)

log_format = click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    help="Write a log to standard error: logfmt or JSON lines.",
)


@contextmanager
def logged(form: str | None) -> Iterator[None]:
    """Write a log for as long as the context lasts; None writes none.

    An error of ours becomes the last line of the log instead of a sentence, and its exit code stays what it is.
    """
    if form is None:
        yield
        return
    from structlog.contextvars import bound_contextvars

    handler, ours = logging.StreamHandler(sys.stderr), logging.getLogger("steelyard")
    handler.setFormatter(_formatter(form))
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    try:
        with bound_contextvars(run_id=uuid4().hex):
            yield from _told()
    finally:
        ours.removeHandler(handler)


def _told() -> Iterator[None]:
    try:
        yield
    except SteelyardError as error:
        code = code_of(error)
        facts = {"error": type(error).__name__, "reason": str(error), "exit_code": code}
        log.error("failed", extra=facts)  # noqa: TRY400 - one line, for an error that was raised on purpose
        raise click.exceptions.Exit(code) from error


def _formatter(form: str) -> logging.Formatter:
    from structlog.contextvars import merge_contextvars
    from structlog.processors import TimeStamper
    from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level

    return ProcessorFormatter(
        foreign_pre_chain=[merge_contextvars, add_log_level, ExtraAdder(), TimeStamper(fmt="iso")],
        processors=[ProcessorFormatter.remove_processors_meta, *_renderers(form)],
    )


def _renderers(form: str) -> "list[Processor]":
    from structlog.processors import JSONRenderer, LogfmtRenderer

    if form == "json":
        return [JSONRenderer(serializer=_json)]
    return [LogfmtRenderer(key_order=FIRST, drop_missing=True)]


def _json(event: dict[str, Any], **_: Any) -> str:
    import msgspec

    ordered = {key: event[key] for key in FIRST if key in event} | event
    return msgspec.json.encode(ordered).decode()
