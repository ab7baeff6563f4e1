"""Who a request is for, what it is about and where it comes from: what it may not lie about."""

from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from serving import Served, request, wiring_of
from steelyard.server.door import client_address
from steelyard.server.wiring import Limits
from toys import BEARER, COOKIE, JSON, SESSION, serving_toys


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serving_toys() as served:
        yield served


@pytest.fixture(scope="module")
def proxied() -> Iterator[Served]:
    """A server behind a proxy on this machine."""
    with serving_toys(proxies=["127.0.0.1"], public_url="https://book.example") as served:
        yield served


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "localhost.:{port}",
        "localhost",
        "localhost:1",
        "localhost:{port}.evil.example",
        "localhost:{port}@evil.example",
        "evil.example/localhost:{port}",
        "localhost:{port}, evil.example",
        "127.1:{port}",
        "2130706433:{port}",
        "",
    ],
)
def test_a_host_that_is_not_ours_is_refused(server: Served, host: str) -> None:
    answer = server.ask("GET", "/healthz", host=host.format(port=server.port))

    assert answer.status == 400
    assert "evil" not in answer.body.decode()


@pytest.mark.parametrize("host", ["localhost:{port}", "LOCALHOST:{port}", "127.0.0.1:{port}", "[::1]:{port}"])
def test_our_own_names_are_taken(server: Served, host: str) -> None:
    assert server.ask("GET", "/healthz", host=host.format(port=server.port)).status == 200


@pytest.mark.parametrize(
    "header", ["x_forwarded_host", "x_host", "forwarded", "x_original_url", "x_rewrite_url"]
)
def test_another_host_or_path_in_a_header_is_ignored(server: Served, header: str) -> None:
    answer = server.ask("GET", "/healthz", **{header: "evil.example"})

    assert answer.json == {"status": "alive"}
    assert "evil" not in str(answer.headers)


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/toys%2f7",
        "/api/v1/toys%2F7",
        "/api%5cv1",
        "/%2e%2e/api/v1/toys",
        "//evil.example",
        "/api//v1/toys",
        "/api/./v1/toys",
        "/api/../healthz",
        "/healthz/..",
        "/healthz%00",
        "/healthz%0d%0aSet-Cookie:%20sid=x",
        "/healthz%7f",
        "/healthz\\",
        "/%ff",
        "/%ed%a0%80",
        "/healthz?next=%00",
        "http://evil.example/healthz",
        "http://localhost/healthz",
        "evil.example:443",
        "*",
        "/" + "a" * 5_000,
    ],
)
def test_a_path_with_two_meanings_is_refused(server: Served, path: str) -> None:
    for method in ("GET", "OPTIONS"):
        assert status_of(server.say(request(f"{method} {path}", Host=server.host, Cookie=COOKIE))) == 400


@pytest.mark.parametrize(
    "path", ["/healthz/", "/healthz.", "/HEALTHZ", "/healthz;x=1", "/.well-known/nothing"]
)
def test_a_path_is_not_corrected(server: Served, path: str) -> None:
    answer = server.ask("GET", path)

    assert answer.status == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize("name", ["Authorization", "Cookie", "Origin", "Content-Type", "Sec-Fetch-Site"])
def test_what_decides_comes_once(server: Served, name: str) -> None:
    lines = [
        "POST /api/v1/open HTTP/1.1",
        f"Host: {server.host}",
        f"{name}: same-origin",
        f"{name}: cross-site",
        "Content-Length: 0",
        "Connection: close",
    ]

    assert status_of(server.say("\r\n".join((*lines, "", "")).encode())) == 400


def test_a_length_said_in_two_ways_is_refused(server: Served) -> None:
    """One on the way would count, another would follow the chunks: the rest is a second request to one of them."""
    smuggled = request("GET /healthz", Host=server.host)
    headers = {"Content-Length": str(5 + len(smuggled)), "Transfer-Encoding": "chunked"}
    head = request("POST /api/v1/open", Host=server.host, Sec_Fetch_Site="same-origin", **headers)

    answer = server.say(head + b"0\r\n\r\n" + smuggled)

    assert status_of(answer) == 400
    assert answer.count(b"HTTP/1.1 ") == 1


# ── Where it comes from ─────────────────────────────────────────────────────────────────────────────────


def tries(server: Served, *addresses: str) -> list[int]:
    """Ask from each of these addresses, as X-Forwarded-For says."""
    return [
        server.ask("GET", "/healthz", host="book.example", x_forwarded_for=address).status
        for address in addresses
    ]


ONE = Limits(address_rate=0.001, address_burst=1)


def test_without_a_proxy_nobody_is_believed_about_an_address() -> None:
    with serving_toys(limits=ONE) as server:
        statuses = [
            server.ask("GET", "/healthz", x_forwarded_for=f"203.0.113.{number}").status for number in range(3)
        ]

    assert statuses == [200, 429, 429]


def test_of_the_addresses_on_the_way_the_last_that_is_no_proxy_counts() -> None:
    with serving_toys(
        limits=ONE, proxies=["127.0.0.1", "10.0.0.0/8"], public_url="https://book.example"
    ) as server:
        spoofed = tries(server, "203.0.113.1", "198.51.100.1, 203.0.113.1", "203.0.113.1:80, 10.0.0.9")
        others = tries(server, "203.0.113.2", "203.0.113.1, 203.0.113.3", "::ffff:203.0.113.3")
        nonsense = tries(server, "unknown", "203.0.113.9, _hidden")

    assert spoofed == [200, 429, 429]
    assert others == [200, 200, 429]
    assert nonsense == [200, 429]  # both are the proxy's own


@pytest.mark.parametrize(
    ("peer", "said", "believed"),
    [
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7, 10.0.0.9", "203.0.113.7"),
        ("127.0.0.1", "10.0.0.8, 10.0.0.9", "10.0.0.8"),
        ("127.0.0.1", "203.0.113.7, nonsense", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("203.0.113.1", "203.0.113.7", "203.0.113.1"),
        ("127.0.0.1", ", ".join(["10.0.0.9"] * 100), "10.0.0.9"),
    ],
)
def test_who_is_believed_about_an_address(peer: str, said: str, believed: str) -> None:
    place = wiring_of(proxies=["127.0.0.1", "10.0.0.0/8"], public_url="https://book.example").place
    scope = {"headers": [(b"x-forwarded-for", said.encode())]}

    assert client_address(scope, ip_address(peer), place) == ip_address(believed)


def test_a_customers_addresses_share_a_bucket() -> None:
    with serving_toys(limits=ONE, proxies=["127.0.0.1"], public_url="https://book.example") as server:
        assert tries(server, "2001:db8::1", "2001:db8::2", "2001:db8:0:1::1") == [200, 429, 200]


def test_behind_a_proxy_sessions_travel_over_https_only(proxied: Served) -> None:
    cookie = f"__Host-sid={SESSION}"
    asked = {"host": "book.example", "cookie": cookie}

    assert proxied.ask("GET", "/api/v1/me", **asked, x_forwarded_proto="https").status == 200
    assert proxied.ask("GET", "/api/v1/me", **asked, x_forwarded_proto="http").status == 421
    assert proxied.ask("GET", "/api/v1/me", host="book.example", cookie=COOKIE).status == 401
    assert proxied.ask("GET", "/api/v1/me", host=proxied.host, cookie=cookie).status == 400


def test_under_tls_browsers_are_told_to_keep_to_it(proxied: Served) -> None:
    answer = proxied.ask("GET", "/healthz", host="book.example")

    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def test_the_origin_behind_a_proxy_is_the_public_one(proxied: Served) -> None:
    def send(origin: str) -> int:
        return proxied.ask(
            "POST", "/api/v1/sign-in", b"{}", host="book.example", origin=origin, **JSON
        ).status

    assert send("https://book.example") == 200
    assert send(f"http://localhost:{proxied.port}") == 403
    assert send("http://book.example") == 403


def test_who_comes_around_the_proxy_gets_probes_only() -> None:
    with serving_toys(proxies=["10.0.0.7"], public_url="https://book.example") as server:
        asked = {"host": "book.example", "x_forwarded_for": "10.0.0.7", "x_forwarded_proto": "https"}

        assert server.ask("GET", "/api/v1/me", **asked, authorization=BEARER).status == 421
        assert server.ask("GET", "/healthz", **asked).status == 200
