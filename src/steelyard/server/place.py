"""Where a server can be reached: its address, its names, its proxies; or why it does not start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from steelyard.errors import InvalidInputError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str], Sequence[Address]]
"""Gives the addresses of a host, or raises OSError."""

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class UnprotectedPlaceError(InvalidInputError):
    """Sessions would travel in the clear."""

    def __init__(self, host: str) -> None:
        """Name the ways out."""
        super().__init__(
            f"{host} can be reached from other machines, and nothing would protect sessions on the way. Give "
            "--tls-cert and --tls-key; or --behind-proxy with the proxy's address and --public-url with its https "
            "address; or leave --host out."
        )


class HalfTlsError(InvalidInputError):
    """Of certificate and key one is missing."""

    def __init__(self, missing: str) -> None:
        """Name it."""
        super().__init__(f"{missing} is missing: TLS needs a certificate and its key. Give both, or neither.")


class PublicUrlError(InvalidInputError):
    """The public URL does not fit."""

    def __init__(self, why: str) -> None:
        """Say why."""
        super().__init__(f"--public-url {why}. Give what people type, such as https://book.example.")


class ProxyError(InvalidInputError):
    """A proxy is not named by an address."""

    def __init__(self, text: str, why: str) -> None:
        """Name it, and why it is refused."""
        super().__init__(f"--behind-proxy {text!r} {why}. Give the address or network of your proxy.")


class UnknownHostError(InvalidInputError):
    """A host to listen on has no address."""

    def __init__(self, host: str) -> None:
        """Name it."""
        super().__init__(f"--host {host!r} has no address on this machine. Give one of its addresses.")


@dataclass(frozen=True, slots=True)
class Tls:
    """A certificate with its chain, and its key, both in PEM."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where the server can be reached.

    Attributes:
        address: what it listens on.
        port: on which port.
        tls: how it proves itself; None = it speaks http.
        proxies: whose word about a request's origin counts; with http, nobody else may ask.
        public_url: scheme and authority that people type, without a slash at the end.
        names: what a Host header may say.
        origins: what an Origin header may say: scheme and authority of our own pages.
    """

    address: Address
    port: int
    tls: Tls | None
    proxies: tuple[Network, ...]
    public_url: str
    names: frozenset[str]
    origins: frozenset[str]

    @property
    def is_secure(self) -> bool:
        """Whether browsers come over https."""
        return self.public_url.startswith("https:")

    @property
    def is_proxied_only(self) -> bool:
        """Whether only the proxies may ask: without them, requests would come in the clear."""
        return bool(self.proxies) and self.tls is None

    def cookie_name(self, name: str) -> str:
        """What a cookie is called: with `__Host-` no other site can set it; browsers take that over https only."""
        return f"__Host-{name}" if self.is_secure else name

    def trusts(self, address: Address) -> bool:
        """Whether an address is a proxy's."""
        return any(address in network for network in self.proxies)


def tls_of(certificate: Path | None, key: Path | None) -> Tls | None:
    """Put certificate and key together; None where neither is given. Raises HalfTlsError for one of them."""
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise HalfTlsError("--tls-key" if key is None else "--tls-cert")
    return Tls(certificate, key)


def plan_place(
    host: str,
    port: int,
    *,
    tls: Tls | None,
    proxies: Sequence[str],
    public_url: str | None,
    resolve: Resolve,
) -> Place:
    """Decide where a server can be reached, or that it does not start.

    Args:
        host: a name or address of this machine to listen on.
        port: 1 to 65535.
        tls: certificate and key; None = http.
        proxies: addresses or networks of the proxies in front.
        public_url: what people type; None = the address itself.
        resolve: gives the addresses of a name.

    Raises:
        UnprotectedPlaceError: other machines could reach it over plain http.
        PublicUrlError: it is needed and missing, or does not fit the rest.
        ProxyError: a proxy is no address, or everybody's.
        UnknownHostError: the host has no address.

    >>> place = plan_place("127.0.0.1", 8000, tls=None, proxies=(), public_url=None, resolve=lambda _: [])
    >>> place.public_url, place.cookie_name("sid")
    ('http://localhost:8000', 'sid')
    >>> plan_place("10.0.0.5", 80, tls=None, proxies=(), public_url=None, resolve=lambda _: [])
    Traceback (most recent call last):
    ...
    steelyard.server.place.UnprotectedPlaceError: 10.0.0.5 can be reached from other machines, ...
    """
    address = _address_of(host, resolve)
    networks = tuple(_network(text) for text in proxies)
    public = None if public_url is None else _split(public_url)
    _check_protection(host, address, tls, networks, public)
    if public is not None:
        names, origins = _of_public_url(public)
    else:
        names, origins = _of_address(host, address, port, "http" if tls is None else "https")
    url = (
        _origin(public) if public is not None else min(origins, key=lambda origin: "localhost" not in origin)
    )
    return Place(address, port, tls, networks, url, names, origins)


def _check_protection(
    host: str, address: Address, tls: Tls | None, proxies: tuple[Network, ...], public: SplitResult | None
) -> None:
    """Refuse what would carry sessions in the clear over any machine but this one."""
    if public is None and proxies:
        raise PublicUrlError("is missing: the proxy's address is what people see")
    if public is None and address.is_unspecified and tls is not None:
        raise PublicUrlError(f"is missing: {host} is every address of this machine")
    https = public is not None and public.scheme == "https"
    if tls is None and not address.is_loopback and not (proxies and https):
        raise UnprotectedPlaceError(host)
    if tls is None and https and not proxies:
        raise PublicUrlError("is https, and neither --tls-cert nor --behind-proxy says who speaks it")
    if public is not None and not https and (tls is not None or not _is_loopback_name(public.hostname or "")):
        raise PublicUrlError("is http")


def _address_of(host: str, resolve: Resolve) -> Address:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        pass
    try:
        addresses = resolve(host)
    except OSError as error:
        raise UnknownHostError(host) from error
    if not addresses:
        raise UnknownHostError(host)
    return addresses[0]


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ProxyError(text, "is no address") from error
    if network.prefixlen == 0:
        raise ProxyError(text, "is everybody")
    return network


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.removesuffix("/"))
        _ = parts.port  # reading it checks it
    except ValueError as error:
        raise PublicUrlError("is no address") from error
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or not url.isascii():
        raise PublicUrlError("is no http or https address")
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        raise PublicUrlError("has more than a scheme, a host and a port")
    return parts


def _origin(parts: SplitResult) -> str:
    """Write an origin as browsers do: the port only where it is not the scheme's own."""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    if parts.port in {None, DEFAULT_PORTS[parts.scheme]}:
        return f"{parts.scheme}://{host}"
    return f"{parts.scheme}://{host}:{parts.port}"


def _of_public_url(parts: SplitResult) -> tuple[frozenset[str], frozenset[str]]:
    origin = _origin(parts)
    authority = origin.partition("://")[2]
    names = {authority}
    if parts.port in {None, DEFAULT_PORTS[parts.scheme]}:
        names.add(f"{authority}:{DEFAULT_PORTS[parts.scheme]}")
    return frozenset(names), frozenset({origin})


def _of_address(host: str, address: Address, port: int, scheme: str) -> tuple[frozenset[str], frozenset[str]]:
    hosts = LOOPBACK_NAMES if address.is_loopback else (_written(host),)
    found = [_of_public_url(urlsplit(f"{scheme}://{name}:{port}")) for name in hosts]
    return frozenset().union(*(names for names, _ in found)), frozenset().union(*(ours for _, ours in found))


def _written(host: str) -> str:
    """Write a host as URLs do: an IPv6 address in brackets."""
    return f"[{host.strip('[]')}]" if ":" in host else host.lower()


def _is_loopback_name(host: str) -> bool:
    return host in {"localhost", "127.0.0.1", "::1"}
