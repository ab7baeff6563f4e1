"""The log of a server on standard error: JSON, a line an event, and in it only what is named here.

What is not on the list is left out, whoever logs it: a secret gets into no log by a careless line. Of other people's
loggers only the name and the kind of error is told, for their messages quote what they were given. Of an error it tells
its type and the places in the code it came through, never its text.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, ip_network
from traceback import walk_tb
from typing import TYPE_CHECKING, Any, Final, TextIO

import msgspec

from steelyard.server.call import Call
from steelyard.server.figures import METHODS
from steelyard.server.place import Address

if TYPE_CHECKING:
    from structlog.typing import EventDict

KEYS: Final = (
    "timestamp",
    "level",
    "event",
    "request_id",
    "method",
    "route",
    "status",
    "duration_ms",
    "address",
    "actor",
    "error",
    "at",
    "tenant_id",
    "sequence",
    "hash",
    "signed_at",
    "public_key",
    "signature",
)
"""All that a line may hold, in this order; the last six are the signed heads of the audit."""

OURS: Final = "steelyard"
MAX_PLACES: Final = 20
TYPES: Final = (str, int, float, bool, type(None))

log = logging.getLogger(__name__)


@contextmanager
def logged(stream: TextIO | None = None, *, least: int = logging.INFO) -> Iterator[None]:
    """Write the log for as long as the context lasts, of every logger of the process.

    Args:
        stream: where to; None = standard error.
        least: the level from which on our own lines are written.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_formatter())
    everybody, ours, uvicorn = (logging.getLogger(name) for name in (None, OURS, "uvicorn.error"))
    levels = everybody.level, ours.level, uvicorn.level
    everybody.addHandler(handler)
    uvicorn.addFilter(_is_news)
    for logger, level in ((everybody, logging.WARNING), (ours, least), (uvicorn, logging.ERROR)):
        logger.setLevel(level)
    try:
        yield
    finally:
        everybody.removeHandler(handler)
        uvicorn.removeFilter(_is_news)
        for logger, level in zip((everybody, ours, uvicorn), levels, strict=True):
            logger.setLevel(level)


def log_request(method: str, call: Call, seconds: float) -> None:
    """Write the line of a request: no path, query, header or body; the address without its last part."""
    facts = {
        "request_id": call.request_id,
        "method": method if method in METHODS else "other",
        "route": call.route.path if call.route else "",
        "status": call.status,
        "duration_ms": round(seconds * 1000, 1),
        "address": shortened(call.address),
        "actor": call.actor.name if call.actor else "",
        "tenant_id": call.actor.tenant_id if call.actor else None,
    }
    if call.error is not None:
        facts |= told(call.error)
    log.log(logging.ERROR if call.is_defect else logging.INFO, "request", extra=facts)


def shortened(address: Address | None) -> str:
    """Write the network of an address: enough to tell an attack, too little to tell a person.

    >>> from ipaddress import ip_address
    >>> shortened(ip_address("203.0.113.77")), shortened(ip_address("2001:db8:1:2::3"))
    ('203.0.113.0', '2001:db8:1::')
    """
    if address is None:
        return ""
    length = 24 if isinstance(address, IPv4Address) else 48
    return str(ip_network((address, length), strict=False).network_address)


def told(error: BaseException) -> dict[str, str]:
    """Tell an error: its type and that of its cause, and the places it came through."""
    cause = error.__cause__
    names = [type(one).__name__ for one in (error, cause) if one is not None]
    places = [
        f"{frame.f_globals.get('__name__', '?')}:{line}" for frame, line in walk_tb(error.__traceback__)
    ]
    return {"error": " from ".join(names), "at": " ".join(places[-MAX_PLACES:])}


def _is_news(record: logging.LogRecord) -> bool:
    """Drop what uvicorn says of an error in the application: the line of the request says it with its id."""
    return not record.exc_info


def _formatter() -> logging.Formatter:
    from structlog.processors import JSONRenderer, TimeStamper  # noqa: PLC0415  half of the start of a server
    from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level  # noqa: PLC0415  as above

    return ProcessorFormatter(
        foreign_pre_chain=[add_log_level, ExtraAdder(), TimeStamper(fmt="iso"), _of_others],
        processors=[_only_the_named, JSONRenderer(serializer=_json)],
    )


def _of_others(logger: Any, method: str, event: "EventDict") -> "EventDict":
    """Tell errors by type and place, and of other people's lines who wrote them."""
    del logger, method
    record: logging.LogRecord = event["_record"]
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if error is not None:
        event.update(told(error))
    if not record.name.startswith(OURS):
        event["event"] = f"from {record.name}"
    return event


def _only_the_named(logger: Any, method: str, event: "EventDict") -> "EventDict":
    del logger, method
    return {key: event[key] for key in KEYS if isinstance(event.get(key), TYPES) and key in event}


def _json(event: dict[str, Any], **_: Any) -> str:
    return msgspec.json.encode(event).decode()
