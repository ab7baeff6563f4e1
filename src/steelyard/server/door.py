"""What every request must satisfy before anybody asks whose it is: its form, its host, its path, its rate."""

import re
from collections import Counter
from ipaddress import ip_address
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from steelyard.server.call import call_of, header_of, headers_of
from steelyard.server.paths import PROBES
from steelyard.server.place import Address, Place
from steelyard.server.rates import Rate, bucket_of
from steelyard.server.refusals import HeadersTooLargeError, MalformedRequestError, MisdirectedError
from steelyard.server.wiring import Wiring

ONCE: Final = frozenset(
    {
        b"authorization",
        b"content-length",
        b"content-type",
        b"cookie",
        b"host",
        b"idempotency-key",
        b"if-match",
        b"if-none-match",
        b"origin",
        b"sec-fetch-site",
        b"transfer-encoding",
        b"x-forwarded-proto",
    }
)
"""Headers that decide something: of two, somebody on the way may read one and we the other."""

PATH: Final = re.compile(rb"/[!-~]*")
HIDDEN: Final = re.compile(rb"//|\\|%(?:2[ef]|5c|[01][0-9a-f]|7f)|/\.{1,2}(?:/|$)", re.IGNORECASE)
"""Empty and dotted steps, and slashes, dots, backslashes and control characters in disguise."""

HIDDEN_IN_QUERY: Final = re.compile(rb"%(?:00)")
_WITH_PORT: Final = re.compile(r"([0-9.]+):[0-9]{1,5}|\[([0-9a-fA-F:.]+)\](?::[0-9]{1,5})?")

MAX_TARGET: Final = 4_096
MAX_FORWARDED: Final = 32


class Door:
    """Refuses what nobody may send, and notes where a request comes from."""

    def __init__(self, app: ASGIApp, wiring: Wiring) -> None:
        """Stand around an application."""
        self._app, self._place, self._limits = app, wiring.place, wiring.limits
        self._rate = Rate(wiring.limits.address_rate, wiring.limits.address_burst, wiring.seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        call = call_of(scope)
        peer = address_of(scope["client"][0]) if scope.get("client") else None
        call.address = client_address(scope, peer, self._place)
        self._rate.take(bucket_of(call.address))
        self._check_headers(scope)
        check_target(scope)
        check_host(scope, self._place)
        check_way(scope, peer, self._place)
        await self._app(scope, receive, send)

    def _check_headers(self, scope: Scope) -> None:
        if len(scope["headers"]) > self._limits.header_count:
            raise HeadersTooLargeError
        counts = Counter(name for name, _ in scope["headers"])
        double = next((name.decode() for name in ONCE if counts[name] > 1), None)
        if double:
            raise MalformedRequestError(f"the header {double} comes twice")
        if counts[b"content-length"] and counts[b"transfer-encoding"]:
            raise MalformedRequestError("it gives its length in two ways")


def check_target(scope: Scope) -> None:
    """Refuse a path that means another one to somebody on the way.

    Raises:
        MalformedRequestError: it is no plain path from the root, or not UTF-8.
    """
    raw, query = scope["raw_path"], scope["query_string"]
    if len(raw) + len(query) > MAX_TARGET:
        raise MalformedRequestError(f"its address is longer than {MAX_TARGET} bytes")
    if not PATH.fullmatch(raw) or HIDDEN.search(raw) or "\ufffd" in scope["path"]:
        raise MalformedRequestError("its path is not a plain one")
    if HIDDEN_IN_QUERY.search(query):
        raise MalformedRequestError("its query holds a NUL")


def check_host(scope: Scope, place: Place) -> None:
    """Refuse a request for another host: links and origins of answers would follow it.

    Raises:
        MalformedRequestError: the Host header is not one of ours.
    """
    if (header_of(scope, b"host") or "").lower() not in place.names:
        raise MalformedRequestError(f"its Host header is not this server's, {place.public_url}")


def check_way(scope: Scope, peer: Address | None, place: Place) -> None:
    """Where proxies speak https for us, refuse what did not come through them, or came to them over http.

    Probes may come straight: they show nothing of anybody, and carry no session.

    Raises:
        MisdirectedError: a session might have travelled in the clear.
    """
    if not place.is_proxied_only or scope["path"] in PROBES:
        return
    if peer is None or not place.trusts(peer):
        raise MisdirectedError
    if place.is_secure and (header_of(scope, b"x-forwarded-proto") or "https").lower() != "https":
        raise MisdirectedError


def client_address(scope: Scope, peer: Address | None, place: Place) -> Address | None:
    """Return where a request comes from: of the addresses named on its way, the last that is no proxy of ours.

    Only a proxy of ours is believed about the one before it; whatever else X-Forwarded-For says is anybody's word.
    """
    named = ",".join(headers_of(scope, b"x-forwarded-for")).split(",")[-MAX_FORWARDED:]
    while peer is not None and place.trusts(peer) and named:
        before = address_of(named.pop().strip())
        if before is None:
            break
        peer = before
    return peer


def address_of(text: str) -> Address | None:
    """Read an address, which some proxies write with a port; None = it is none.

    >>> [str(address_of(text)) for text in ("203.0.113.7:4711", "[2001:db8::1]:4711", "::ffff:203.0.113.7", "unknown")]
    ['203.0.113.7', '2001:db8::1', '203.0.113.7', 'None']
    """
    written = _WITH_PORT.fullmatch(text)
    try:
        address = ip_address(written[1] or written[2] if written else text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
