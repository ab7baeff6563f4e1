"""Exports: what is too long to be held, sent line by line."""

from collections.abc import AsyncIterator
from typing import Final

import msgspec
from fastapi.responses import StreamingResponse

from steelyard.server.plain import plain
from steelyard.services import audit
from steelyard.storage.audit import EventFilter

JSON_LINES: Final = "application/jsonl"


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
