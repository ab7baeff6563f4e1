"""Requests to addresses that others name: only to public ones, only as long and as large as agreed.

A name is resolved once, its addresses are checked, and the connection goes to a checked address: a name that
answers differently the second time (DNS rebinding) gains nothing. The certificate is checked against the name.
No redirect is followed, no proxy of the environment is used, no compressed answer is accepted.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

import httpx

from steelyard.errors import NotPermittedError, UpstreamError
from steelyard.network.strict_json import read_object

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Awaitable[Sequence[Address]]]
"""Gives the addresses of a host and port, or raises OSError."""

GLOBAL_UNICAST: Final = ip_network("2000::/3")
NAT64: Final = ip_network("64:ff9b::/96")
METADATA: Final = frozenset(map(ip_address, ("169.254.169.254", "100.100.100.200", "fd00:ec2::254")))
"""Where clouds hand out the credentials of a machine; refused whatever is configured."""
OK: Final = 200
REDIRECTS: Final = range(300, 400)


class AddressRefusedError(NotPermittedError):
    """A request would leave for an address that is not public."""

    def __init__(self, host: str, address: Address) -> None:
        """Name both; neither is a secret."""
        super().__init__(
            f"{host} is at {address}, which is not a public address: nothing was sent. If it is yours and meant, "
            "name its network among the allowed ones."
        )


class PlainHttpError(NotPermittedError):
    """A request would leave the machine unencrypted."""

    def __init__(self, host: str) -> None:
        """Name the host."""
        super().__init__(f"{host} is to be asked over http: nothing was sent. Use an https address.")


class UnreachableError(UpstreamError):
    """No answer came."""

    is_temporary = True

    def __init__(self, host: str, reason: str) -> None:
        """Name the host and the kind of failure."""
        super().__init__(f"No answer from {host} ({reason}). Try again in a minute.")


class NotConnectedError(UnreachableError):
    """No connection came about: nothing was sent."""


class AnswerRefusedError(UpstreamError):
    """An answer came that is not used."""

    def __init__(self, host: str, rule: str) -> None:
        """Name the host and the rule that its answer breaks; the answer may hold a secret and is not shown."""
        super().__init__(f"The answer of {host} {rule}: it was not used. Tell whoever runs {host}.")


@dataclass(frozen=True, slots=True)
class OutboundRules:
    """What a request may do.

    Attributes:
        allowed_networks: private networks that may be asked all the same, loopback too.
        total_seconds: for one request, from looking up the name to the last byte.
        max_bytes: of an answer.
        connections: at once.
    """

    allowed_networks: tuple[Network, ...] = ()
    total_seconds: float = 10.0
    max_bytes: int = 262_144
    connections: int = 20

    def allow(self, address: Address) -> bool:
        """Whether a request may go to the address.

        >>> OutboundRules().allow(ip_address("192.0.2.1")), OutboundRules().allow(ip_address("8.8.8.8"))
        (False, True)
        >>> OutboundRules((ip_network("10.1.0.0/16"),)).allow(ip_address("::ffff:10.1.2.3"))
        True
        """
        plain = _without_wrapping(address)
        if plain in METADATA:
            return False
        return _is_public(plain) or any(plain in network for network in self.allowed_networks)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the JSON object in the body."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back: the status, and the body as it is.

    Attributes:
        retry_after: what it says about asking again: seconds, or a date; "" = nothing.
    """

    status: int
    body: bytes = field(repr=False)
    retry_after: str = ""


class Outbound:
    """The way out; one for a process, closed with it."""

    def __init__(
        self, rules: OutboundRules, *, resolve: "Resolver | None" = None, tls: ssl.SSLContext | None = None
    ) -> None:
        """Open nothing yet.

        Args:
            rules: what requests may do.
            resolve: gives the addresses of a name; None = the system's resolver.
            tls: which authorities are trusted; None = those of Mozilla.
        """
        self._rules = rules
        self._client = httpx.AsyncClient(
            transport=_GuardedTransport(
                rules, resolve or resolve_by_system, tls or httpx.create_ssl_context()
            ),
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "steelyard"},
            timeout=rules.total_seconds,
            trust_env=False,
        )

    async def close(self) -> None:
        """End what is open."""
        await self._client.aclose()

    async def get_object(self, url: str) -> Mapping[str, Any]:
        """Get a JSON object.

        Raises:
            AddressRefusedError: the host is at an address that is not allowed.
            PlainHttpError: http to another machine.
            UnreachableError: no whole answer in time.
            AnswerRefusedError: the answer is not 200, a redirect, too large, compressed or not one JSON object.
        """
        answer = await self._ask(self._client.build_request("GET", url))
        if answer.status != OK:
            raise AnswerRefusedError(httpx.URL(url).host, f"has status {answer.status}")
        return answer.body

    async def post_form(
        self, url: str, form: Mapping[str, str], *, login: tuple[str, str] | None = None
    ) -> Answer:
        """Post a form and get a JSON object, with its status; errors as `get_object`.

        Args:
            url: where to.
            form: names and values.
            login: name and password for HTTP Basic.
        """
        request = self._client.build_request("POST", url, data=dict(form))
        return await self._ask(request, auth=httpx.BasicAuth(*login) if login else None)

    async def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> RawAnswer:
        """Send any request, and return whatever comes back.

        Args:
            method: GET, POST, PATCH, DELETE …
            url: where to, without a query.
            headers: names and values; those of a login are secret.
            query: names and values.
            body: sent as JSON; None = no body.

        Raises:
            AddressRefusedError, PlainHttpError, NotConnectedError: nothing was sent.
            UnreachableError: no whole answer in time; the request may have arrived.
            AnswerRefusedError: the answer is a redirect, too large or compressed.
        """
        request = self._client.build_request(method, url, headers=headers, params=query, json=body)
        return await self._exchange(request)

    async def _ask(self, request: httpx.Request, auth: httpx.Auth | None = None) -> Answer:
        answer = await self._exchange(request, auth)
        try:
            return Answer(answer.status, read_object(answer.body))
        except ValueError as error:
            rule = f"(status {answer.status}) is not a JSON object"
            raise AnswerRefusedError(request.url.host, rule) from error

    async def _exchange(self, request: httpx.Request, auth: httpx.Auth | None = None) -> RawAnswer:
        host = request.url.host
        try:
            async with asyncio.timeout(self._rules.total_seconds):
                response = await self._client.send(request, auth=auth, stream=True)
                try:
                    retry_after = response.headers.get("Retry-After", "")
                    return RawAnswer(response.status_code, await self._read(response), retry_after)
                finally:
                    await response.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotConnectedError(host, "the connection failed") from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise UnreachableError(host, "too slow") from error
        except httpx.TransportError as error:
            raise UnreachableError(host, "the connection failed") from error

    async def _read(self, response: httpx.Response) -> bytes:
        host = response.request.url.host
        if response.status_code in REDIRECTS:
            raise AnswerRefusedError(host, "leads elsewhere")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise AnswerRefusedError(host, "is compressed, which was not asked for")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._rules.max_bytes:
                raise AnswerRefusedError(host, f"is larger than {self._rules.max_bytes} bytes")
        return bytes(body)


async def resolve_by_system(host: str, port: int) -> Sequence[Address]:
    """Ask the system for the addresses of a host; raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(place[0]).partition("%")[0]) for *_, place in found]


class _GuardedTransport(httpx.AsyncBaseTransport):
    """Resolves, checks, and connects to what was checked."""

    def __init__(self, rules: OutboundRules, resolve: Resolver, tls: ssl.SSLContext) -> None:
        self._rules = rules
        self._resolve = resolve
        # Connections are not kept: one to an address was checked for one name, and another name may share it.
        limits = httpx.Limits(max_connections=rules.connections, max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=tls, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        *others, last = await self._checked(request.url)
        for address in others:
            try:
                return await self._inner.handle_async_request(_towards(address, request))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._inner.handle_async_request(_towards(last, request))

    async def _checked(self, url: httpx.URL) -> Sequence[Address]:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            addresses = await self._resolve(url.raw_host.decode("ascii"), port)
        except (OSError, UnicodeError):
            addresses = ()
        if not addresses:
            raise httpx.ConnectError("no such host")
        for address in addresses:
            if not self._rules.allow(address):
                raise AddressRefusedError(url.host, address)
            if url.scheme != "https" and not _without_wrapping(address).is_loopback:
                raise PlainHttpError(url.host)
        return addresses

    async def aclose(self) -> None:
        await self._inner.aclose()


def _towards(address: Address, request: httpx.Request) -> httpx.Request:
    """The same request to an address; the Host header and the name on the certificate stay."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.raw_host.decode("ascii")},
    )


def _without_wrapping(address: Address) -> Address:
    """Take the IPv4 address out of an IPv6 one that only carries it to one."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)
