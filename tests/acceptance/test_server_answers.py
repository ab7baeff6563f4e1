"""What every answer of a server carries, and what it never tells."""

import socket
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from serving import SECONDS, Answer, Served, everything_from, request
from steelyard.server.serving import listen
from steelyard.server.wiring import Limits
from toys import BEARER, CANARY, COOKIE, JSON, SAME_SITE, Toys, serving_toys

POLICY = (
    "default-src 'none'; script-src 'self'; "
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Word for word as the design of the web face says it."""


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serving_toys() as served:
        yield served


Case = tuple[str, str, dict[str, str], bytes | None, int]

REQUESTS: dict[str, Case] = {
    "a probe": ("GET", "/healthz", {}, None, 200),
    "a head": ("HEAD", "/healthz", {}, None, 200),
    "the figures": ("GET", "/metrics", {}, None, 200),
    "what there is": ("GET", "/openapi.json", {}, None, 200),
    "nobody": ("GET", "/api/v1/toys", {}, None, 401),
    "somebody": ("GET", "/api/v1/toys", {"cookie": COOKIE}, None, 200),
    "no such page": ("GET", "/nowhere", {}, None, 404),
    "another method": ("DELETE", "/api/v1/toys", {"authorization": BEARER}, None, 405),
    "an unknown method": ("BREW", "/healthz", SAME_SITE, None, 405),
    "another host": ("GET", "/healthz", {"host": "evil.example"}, None, 400),
    "another site": ("POST", "/api/v1/open", {"sec_fetch_site": "cross-site"}, None, 403),
    "no permission": ("GET", "/api/v1/users", {"cookie": COOKIE}, None, 403),
    "not visible": ("GET", "/api/v1/accounts/A-2/toys", {"cookie": COOKIE}, None, 404),
    "a collision": ("GET", "/api/v1/conflict", {"cookie": COOKIE}, None, 409),
    "too much": ("POST", "/api/v1/toys", {"authorization": BEARER, **JSON}, b" " * 65_537, 413),
    "a form": ("POST", "/api/v1/toys", {"authorization": BEARER, "content_type": "text/plain"}, b"a=1", 415),
    "bad input": ("POST", "/api/v1/toys", {"authorization": BEARER, **JSON}, b'{"day": "2024-02-30"}', 422),
    "many headers": ("GET", "/healthz", {f"x_{number}": "1" for number in range(70)}, None, 431),
    "a defect": ("GET", "/api/v1/defect", {"cookie": COOKIE}, None, 500),
    "a defect in waiting": ("GET", "/api/v1/late", {"cookie": COOKIE}, None, 500),
    "no store": ("GET", "/api/v1/store", {"cookie": COOKIE}, None, 503),
}


def check_headers(answer: Answer) -> None:
    """S20, without TLS."""
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "camera=()" in answer.headers["permissions-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("name", REQUESTS)
def test_strict_headers_on_every_response(server: Served, name: str) -> None:
    method, path, headers, body, status = REQUESTS[name]

    answer = server.ask(method, path, body, **headers)

    assert answer.status == status
    check_headers(answer)
    assert "strict-transport-security" not in answer.headers  # a browser would keep to https on this port


@pytest.mark.parametrize(
    "nonsense",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nA b: c\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /api/v1/open HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1, 2\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_strict_headers_on_the_answer_to_what_is_no_request(server: Served, nonsense: bytes) -> None:
    answer = server.say(nonsense).decode("latin-1")

    head, _, body = answer.partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 400 ")
    assert f"content-security-policy: {POLICY}" in head
    assert "cache-control: no-store" in head
    assert "application/problem+json" in head
    assert "nonsense" not in body


@pytest.mark.parametrize("name", [name for name, request in REQUESTS.items() if request[4] >= 400])
def test_errors_are_problem_details_with_the_requests_id(server: Served, name: str) -> None:
    method, path, headers, body, status = REQUESTS[name]

    answer = server.ask(method, path, body, **headers)

    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["title"]
    assert problem["detail"]


def test_errors_are_generic_and_name_the_request_only(server: Served) -> None:
    for path in ("/api/v1/defect", "/api/v1/store"):
        answer = server.ask("GET", path, cookie=COOKIE)

        assert CANARY not in answer.body.decode()
        assert "db.internal" not in answer.body.decode()
        assert "Traceback" not in answer.body.decode()
        assert len(answer.headers["x-request-id"]) == 32


def test_who_may_come_back_is_told_when(server: Served) -> None:
    assert int(server.ask("GET", "/api/v1/store", cookie=COOKIE).headers["retry-after"]) > 0
    assert "retry-after" not in server.ask("GET", "/api/v1/conflict", cookie=COOKIE).headers


def test_a_request_gets_an_id_of_ours(server: Served) -> None:
    first, second = (server.ask("GET", "/healthz", x_request_id="theirs") for _ in range(2))

    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert "theirs" not in (first.headers["x-request-id"], second.headers["x-request-id"])


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost", "http://localhost:1", "HTTP://LOCALHOST"]
)
def test_no_origin_is_ever_let_in(server: Served, origin: str) -> None:
    for method in ("GET", "OPTIONS", "POST"):
        answer = server.ask(
            method,
            "/api/v1/toys",
            origin=origin,
            cookie=COOKIE,
            access_control_request_method="POST",
            access_control_request_headers="authorization",
        )
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert origin not in str(answer.headers)


def test_the_interface_says_nothing_to_nobody(server: Served) -> None:
    paths = ("/api", "/api/", "/api/v1/toys", "/api/v1/nothing", "/api/v9/../x", "/api/v1/toys/7")
    answers = {
        (method, path): server.ask(method, path)
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW")
        for path in paths
        if ".." not in path
    }

    assert {answer.status for answer in answers.values()} == {401}
    bodies = {
        tuple(sorted((key, value) for key, value in answer.json.items() if key != "request_id"))
        for (method, _), answer in answers.items()
        if method != "HEAD"
    }
    assert len(bodies) == 1


def test_signing_in_and_what_is_public_need_no_credentials(server: Served) -> None:
    assert server.ask("POST", "/api/v1/sign-in", b"{}", **SAME_SITE, **JSON).status == 200
    assert server.ask("POST", "/api/v1/open", **SAME_SITE).status == 200


def test_a_document_lists_every_route_and_what_it_asks(server: Served) -> None:
    paths = server.ask("GET", "/openapi.json").json["paths"]

    assert paths["/api/v1/toys"]["get"]["security"] == [{"session": []}, {"token": []}]
    assert paths["/api/v1/toys"]["get"]["x-permission"] == "read portfolio"
    assert paths["/api/v1/sign-in"]["post"]["security"] == []


def test_an_address_that_asks_too_often_waits() -> None:
    limits = Limits(address_rate=0.001, address_burst=3)
    with serving_toys(limits=limits) as server:
        statuses = [server.ask("GET", "/healthz").status for _ in range(5)]
        refused = server.ask("GET", "/healthz")

    assert statuses == [200, 200, 200, 429, 429]
    assert int(refused.headers["retry-after"]) > 1
    check_headers(refused)


def test_a_user_who_asks_too_often_waits() -> None:
    limits = Limits(principal_rate=0.001, principal_burst=2)
    with serving_toys(limits=limits) as server:
        statuses = [server.ask("GET", "/api/v1/toys", cookie=COOKIE).status for _ in range(3)]
        other = server.ask("GET", "/api/v1/toys", authorization=BEARER)

    assert statuses == [200, 200, 429]
    assert other.status == 200


def test_more_at_once_than_there_may_be_are_asked_to_come_back() -> None:
    toys = Toys()
    with serving_toys(toys, limits=Limits(at_once=1)) as server, server.connect() as waiting:
        waiting.sendall(request("GET /api/v1/wait", Host=server.host, Cookie=COOKIE, Connection="close"))
        assert toys.gate.entered.wait(SECONDS)
        refused = server.ask("GET", "/api/v1/toys", cookie=COOKIE)
        alive = server.ask("GET", "/healthz")
        toys.gate.open.set()
        finished = everything_from(waiting)
        again = {server.ask("GET", "/api/v1/toys", cookie=COOKIE).status for _ in range(2)}

    assert refused.status == 503
    assert "retry-after" in refused.headers
    assert alive.status == 200
    assert b'"waited"' in finished
    assert again == {200}


def test_an_answer_that_takes_too_long_is_given_up() -> None:
    with serving_toys(limits=Limits(answer_seconds=0.05)) as server:
        assert server.ask("GET", "/api/v1/wait", cookie=COOKIE).status == 503


def test_no_answer_waits_for_an_acknowledgement() -> None:
    """asyncio sends at once on sockets that say they are TCP; on others each answer takes 40 ms."""
    with listen(ip_address("127.0.0.1"), 0) as sock:
        assert sock.proto == socket.IPPROTO_TCP
