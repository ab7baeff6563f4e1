"""Exports: what is too long to be held, sent while it is read."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import msgspec
from fastapi.responses import StreamingResponse

from steelyard.identity.permissions import Actor
from steelyard.server.plain import plain
from steelyard.services import audit
from steelyard.services.book_export import ExportFormat, stream_book
from steelyard.storage.audit import EventFilter

if TYPE_CHECKING:
    from datetime import datetime

    from steelyard.server.application import Application
    from steelyard.server.watchers import Watchers

JSON_LINES: Final = "application/jsonl"
ZIP: Final = "application/zip"


def exported_events(wanted: EventFilter, *, file_name: str | None = None) -> StreamingResponse:
    """Send events of the audit in their order, with their hashes; that it was done is recorded.

    Args:
        wanted: which.
        file_name: what a browser calls the file; None = whoever asks knows.
    """
    named = {} if file_name is None else {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return StreamingResponse(_lines(wanted), media_type=JSON_LINES, headers=named)


async def _lines(wanted: EventFilter) -> AsyncIterator[bytes]:
    async for event in audit.export_events(wanted):
        yield msgspec.json.encode(plain(event)) + b"\n"


async def exported_book(app: "Application", actor: Actor, as_: ExportFormat) -> StreamingResponse:
    """Send everything a tenant owns as a zip file; that it was done is recorded before.

    Args:
        app: whose exports are bounded: one of a tenant at once.
        actor: who takes it, and sees every account.
        as_: what to write it as.

    Raises:
        BusyError: another export of the tenant is under way, or several of others.
    """
    now = app.wiring.clock()
    whose = f"tenant:{actor.tenant_id}"
    app.exports.check(whose)
    pieces = _pieces(app.exports, whose, as_, now)
    first = await anext(pieces)  # what refuses all of it is still an error
    named = f'attachment; filename="steelyard-{now:%Y-%m-%d}-{as_.value}.zip"'
    return StreamingResponse(
        _with_first(first, pieces), media_type=ZIP, headers={"Content-Disposition": named}
    )


async def _pieces(
    exports: "Watchers", whose: str, as_: ExportFormat, now: "datetime"
) -> AsyncGenerator[bytes]:
    with exports.one_more(whose):
        async with aclosing(stream_book(as_=as_, now=now)) as pieces:
            async for piece in pieces:
                yield piece


async def _with_first(first: bytes, pieces: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    async with aclosing(pieces):
        yield first
        async for piece in pieces:
            yield piece
