"""Where a server starts, and where it refuses to."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import product
from pathlib import Path

import pytest

from steelyard.errors import InvalidInputError
from steelyard.server.place import Place, ProxyError, Tls, UnknownHostError, plan_place, tls_of

TLS = Tls(Path("chain.pem"), Path("key.pem"))
NAMES = {"localhost": "127.0.0.1", "book.lan": "10.0.0.5", "six.lan": "fd00::5"}

LOOPBACK = ["127.0.0.1", "127.0.0.9", "::1", "[::1]", "localhost"]
OTHERS = ["10.0.0.5", "203.0.113.5", "fd00::5", "book.lan", "six.lan"]
EVERY = ["0.0.0.0", "::"]  # noqa: S104  what is tested is that it is refused
PROXIES: list[tuple[str, ...]] = [(), ("10.0.0.2",), ("10.0.0.0/24", "fd00::/64")]
URLS = [None, "https://book.example", "http://book.example", "http://localhost:8000"]


def resolve(host: str) -> Sequence[IPv4Address | IPv6Address]:
    if host not in NAMES:
        raise OSError
    return [ip_address(NAMES[host])]


def plan(
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    tls: Tls | None = None,
    proxies: Sequence[str] = (),
    public_url: str | None = None,
) -> Place:
    return plan_place(host, port, tls=tls, proxies=proxies, public_url=public_url, resolve=resolve)


def starts(host: str, tls: Tls | None, proxies: Sequence[str], url: str | None) -> bool:
    try:
        plan(host, tls=tls, proxies=proxies, public_url=url)
    except InvalidInputError:
        return False
    return True


def may_start(host: str, tls: Tls | None, proxies: Sequence[str], url: str | None) -> bool:
    """The rule, told apart from the code: browsers speak https, or to this machine."""
    https = url is not None and url.startswith("https:")
    if url is None and proxies:
        return False  # nobody knows under which name people come
    if url is None and tls is not None:
        return host not in EVERY
    if tls is not None:
        return https
    if proxies:
        return https or (url == "http://localhost:8000" and host in LOOPBACK)
    return host in LOOPBACK and url in {None, "http://localhost:8000"}


@pytest.mark.parametrize("host", [*LOOPBACK, *OTHERS, *EVERY])
def test_elsewhere_than_on_loopback_it_starts_with_tls_or_a_proxy_only(host: str) -> None:
    for tls, proxies, url in product((None, TLS), PROXIES, URLS):
        assert starts(host, tls, proxies, url) == may_start(host, tls, proxies, url), (tls, proxies, url)


@pytest.mark.parametrize(("host", "tls", "proxies", "url"), [*product(OTHERS + EVERY, [None], PROXIES, URLS)])
def test_no_session_travels_in_the_clear(
    host: str, tls: Tls | None, proxies: Sequence[str], url: str | None
) -> None:
    if starts(host, tls, proxies, url):
        place = plan(host, tls=tls, proxies=proxies, public_url=url)
        assert place.is_secure
        assert place.is_proxied_only
        assert place.cookie_name("sid") == "__Host-sid"


def test_half_of_tls_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="--tls-key is missing"):
        tls_of(Path("chain.pem"), None)
    with pytest.raises(InvalidInputError, match="--tls-cert is missing"):
        tls_of(None, Path("key.pem"))
    assert tls_of(None, None) is None
    assert tls_of(TLS.certificate, TLS.key) == TLS


@pytest.mark.parametrize("proxy", ["0.0.0.0/0", "::/0", "proxy.lan", "10.0.0.1/24", "*", "", "127.0.0.1:80"])
def test_a_proxy_is_an_address_and_not_everybody(proxy: str) -> None:
    with pytest.raises(ProxyError):
        plan(proxies=[proxy], public_url="https://book.example")


@pytest.mark.parametrize(
    "url",
    [
        "book.example",
        "//book.example",
        "ftp://book.example",
        "https://",
        "https://book.example/app",
        "https://book.example?a=1",
        "https://book.example#a",
        "https://user:secret@book.example",
        "https://book.example:99999",
        "https://b\u00fccher.example",
        "https://[::1",
    ],
)
def test_a_public_url_is_what_people_type_and_no_more(url: str) -> None:
    with pytest.raises(InvalidInputError, match="--public-url"):
        plan(tls=TLS, public_url=url)


def test_a_host_without_an_address_is_refused() -> None:
    with pytest.raises(UnknownHostError):
        plan("nowhere.lan", tls=TLS)


def test_on_loopback_every_name_of_it_is_ours() -> None:
    place = plan(port=8123)

    assert place.names == {"localhost:8123", "127.0.0.1:8123", "[::1]:8123"}
    assert place.origins == {"http://localhost:8123", "http://127.0.0.1:8123", "http://[::1]:8123"}
    assert place.public_url == "http://localhost:8123"  # passkeys are made for a name, not for an address


def test_a_port_that_goes_without_saying_may_be_said() -> None:
    place = plan("book.lan", 443, tls=TLS, public_url="https://Book.Example/")

    assert place.names == {"book.example", "book.example:443"}
    assert place.origins == {"https://book.example"}
    assert place.public_url == "https://book.example"


def test_without_a_public_url_the_host_is_the_name() -> None:
    assert plan("book.lan", 8443, tls=TLS).public_url == "https://book.lan:8443"
    assert plan("fd00::5", 8443, tls=TLS).names == {"[fd00::5]:8443"}
