"""Requests that another site's page makes a browser send."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from serving import Served, wiring_of
from steelyard.server.identity import write_cookie
from toys import BEARER, COOKIE, JSON, SESSION, TOKEN, serving_toys

UNSAFE = [
    ("POST", "/api/v1/toys"),
    ("PUT", "/api/v1/toys/7"),
    ("DELETE", "/api/v1/toys/7"),
    ("PATCH", "/api/v1/large"),
    ("POST", "/api/v1/sign-in"),
    ("POST", "/api/v1/open"),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with serving_toys() as served:
        yield served


def send(server: Served, route: tuple[str, str], **headers: str) -> int:
    """Send a request that is right in all else, with a cookie."""
    return server.ask(*route, b"{}", **({"cookie": COOKIE} | JSON | headers)).status


FOREIGN = {
    "cross-site": {"sec_fetch_site": "cross-site"},
    "same-site": {"sec_fetch_site": "same-site"},
    "nothing said": {},
    "unknown": {"sec_fetch_site": "same-origin, cross-site"},
    "empty": {"sec_fetch_site": ""},
    "in capitals": {"sec_fetch_site": "Same-Origin"},
    "cross-site with our origin": {"sec_fetch_site": "cross-site", "origin": "http://localhost:{port}"},
    "another origin": {"origin": "https://evil.example"},
    "no origin": {"origin": "null"},
    "another port": {"origin": "http://localhost:1"},
    "another scheme": {"origin": "https://localhost:{port}"},
    "our name in theirs": {"origin": "http://localhost:{port}.evil.example"},
    "a page of ours": {"origin": "http://localhost:{port}/"},
    "a referrer": {"referer": "http://localhost:{port}/"},
    "a method in a header": {"x_http_method_override": "GET", "x_method_override": "GET"},
}


@pytest.mark.parametrize("case", FOREIGN)
@pytest.mark.parametrize("route", UNSAFE, ids=" ".join)
def test_every_unsafe_route_refuses_cross_site_same_site_and_missing(
    server: Served, route: tuple[str, str], case: str
) -> None:
    headers = {name: value.format(port=server.port) for name, value in FOREIGN[case].items()}

    assert send(server, route, **headers) == 403


@pytest.mark.parametrize("route", UNSAFE, ids=" ".join)
def test_every_unsafe_route_takes_what_our_pages_send(server: Served, route: tuple[str, str]) -> None:
    ours = [
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "none"},
        {"origin": f"http://localhost:{server.port}"},
        {"origin": f"http://127.0.0.1:{server.port}"},
    ]

    assert {send(server, route, **headers) for headers in ours} == {200}


def test_a_token_needs_no_page(server: Served) -> None:
    assert server.ask("POST", "/api/v1/toys", b"{}", authorization=BEARER, **JSON).status == 200


def test_a_token_excuses_no_cookie(server: Served) -> None:
    """A page of another site cannot add a token; what adds a cookie may be a browser."""
    answer = server.ask("POST", "/api/v1/sign-in", b"{}", authorization=BEARER, cookie="theme=dark", **JSON)

    assert answer.status == 403


def test_a_session_and_a_token_at_once_are_refused(server: Served) -> None:
    assert server.ask("GET", "/api/v1/me", authorization=BEARER, cookie=COOKIE).status == 400


def test_a_session_comes_once(server: Served) -> None:
    """Of two, a subdomain or a page over http may have set one."""
    assert server.ask("GET", "/api/v1/me", cookie=f"{COOKIE}; sid=another-{SESSION}").status == 400
    assert server.ask("GET", "/api/v1/me", cookie=f"theme=dark; {COOKIE}").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": f"sid={TOKEN}"},
        {"authorization": f"Bearer {SESSION}"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": TOKEN},
        {"cookie": f"__Host-sid={SESSION}"},
        {"cookie": f'sid="{SESSION}"'},
        {"cookie": "sid="},
        {"x_api_key": TOKEN},
    ],
)
def test_only_a_session_in_its_cookie_and_a_token_in_its_header_count(
    server: Served, headers: dict[str, str]
) -> None:
    assert server.ask("GET", "/api/v1/me", **headers).status == 401


def test_a_token_in_the_address_counts_for_nothing(server: Served) -> None:
    assert server.ask("GET", f"/api/v1/me?token={TOKEN}&access_token={TOKEN}").status == 401


def test_another_method_in_a_header_or_field_is_ignored(server: Served) -> None:
    headers = {"x_http_method_override": "DELETE", "x_method_override": "DELETE"}

    assert server.ask("GET", "/api/v1/toys?_method=DELETE", cookie=COOKIE, **headers).json == {
        "limit": 50,
        "keys": 0,
    }


def test_a_cookie_is_for_our_pages_alone() -> None:
    here = wiring_of(port=8000).place
    public = wiring_of(proxies=["127.0.0.1"], public_url="https://book.example").place

    assert write_cookie(here, "sid", "secret") == "sid=secret; Path=/; HttpOnly; SameSite=Lax"
    assert (
        write_cookie(public, "sid", "secret", timedelta(minutes=10))
        == "__Host-sid=secret; Max-Age=600; Path=/; HttpOnly; SameSite=Lax; Secure"
    )
    assert "sid=; Max-Age=0;" in write_cookie(here, "sid", "", timedelta())
