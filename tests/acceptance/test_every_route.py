"""What holds for every route: where a request may come from, what an answer carries, what a change leaves behind."""

import re

import pytest

from api_cases import CASES
from api_page import ANYBODY, SIGNING_IN, short, who_may
from api_visit import ELSEWHERE, Ask, Visit
from house import LEFT_OUT, House, Window
from steelyard.identity.permissions import ObjectType, Role, Verb
from steelyard.server.paths import is_page
from steelyard.server.routes import Route, Routes

PAGE = who_may()
UNSAFE = [route for route in PAGE if not route.startswith("GET")]
CALLBACK = "GET /sign-in/providers/{name}/callback"
"""The one GET that changes something: the protocol has it so, and what comes must agree with the browser's cookie."""

QUESTIONS = {
    "POST /sign-in/passkey/question",
    "POST /sign-in/second-passkey/question",
    "POST /sign-in/providers/{name}",
    "POST /step-up/passkey/question",
    "POST /step-up/providers/{name}",
    "POST /factors/identities/{name}",
    "POST /factors/passkeys/question",
    "POST /factors/totp",
    "POST /links/opened",
    "POST /links/opened/passkey/question",
    "POST /links/opened/providers/{name}",
    "POST /rules/dry-run",
    "POST /accounts/{account_id}/allocation",
    "POST /proposals/{proposal_id}/approve/passkey/question",
    "POST /runs/{run_id}/approve/passkey/question",
}
"""They ask, or look: what changes something is the answer."""


WITHOUT_KEY = {
    "POST /accounts/{account_id}/allocation": "works trades out and stores nothing",
    "POST /proposals/{proposal_id}/approve/passkey/question": "asks; what answers it has a key",
    "POST /runs/{run_id}/approve/passkey/question": "asks; what answers it has a key",
}
"""Routes that change orders and need no key; each with its reason."""


def money_routes(house: House) -> list[str]:
    """What moves money, as the routes themselves say."""
    return [
        short(method, route.path)
        for route in api_routes(house)
        if route.access.moves_money
        for method in route.methods
    ]


def api_routes(house: House) -> list[Route]:
    """Those of pages are in tests/acceptance/test_web_laws.py."""
    return [route for route in Routes.of(house.served.app.routes).routes if not is_page(route.path)]


def empty(route: str) -> Ask:
    return Ask(dict.fromkeys(re.findall(r"\{(\w+)\}", route), "00000000-0000-4000-8000-000000000000"))


def visit_of(house: House, route: str) -> Visit:
    """Whoever may, in a window: signed in, unless the route is for signing in."""
    role = Role.OWNER
    me = house.do(house.person(role))
    is_signed_in = PAGE[route] not in {ANYBODY, SIGNING_IN}
    return Visit(house, me, house.window_of(me) if is_signed_in else Window(house))


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_a_change_asked_for_from_elsewhere_is_refused(house: House, elsewhere: str) -> None:
    window = house.window_of(house.people[1, Role.OWNER])
    ours = house.served.wiring.place.public_url
    headers = {name: value.replace("OURS", ours) for name, value in ELSEWHERE[elsewhere].items()}
    for route in UNSAFE:
        method, path = route.split(" ")
        answer = window.ask(method, empty(route).path(path), {}, **headers)
        refused = (answer.status_code, answer.json().get("type"))
        assert refused == (403, "urn:steelyard:problem:cross-site"), (route, answer.text)

    assert window.ask("GET", "/me").status_code == 200


def test_from_our_own_pages_it_is_not(house: House) -> None:
    """The same requests, so that what refused them was where they came from."""
    window = house.window_of(house.people[1, Role.OWNER])
    ours = house.served.wiring.place.public_url
    for headers in ({"sec_fetch_site": LEFT_OUT, "origin": ours}, {"sec_fetch_site": "none"}):
        assert window.ask("POST", "/tokens", {}, **headers).status_code == 422


def test_reading_writes_nothing(house: House) -> None:
    reads = [route for route in PAGE if route.startswith("GET") and route != CALLBACK]
    visits = {route: visit_of(house, route) for route in reads}
    asks = {route: CASES[route](visits[route]) for route in reads}
    before = house.do(house.prints())
    for route in reads:
        answer = visits[route].window.ask("GET", asks[route].path(route.removeprefix("GET ")))
        assert answer.status_code == 200, (route, answer.text)

    assert len(reads) > 30
    assert house.do(house.prints()) == before


def test_every_answer_is_strict_about_what_a_browser_does_with_it(house: House) -> None:
    """Good ones and bad ones; and no other site's page may read any, whatever it says it is."""
    windows = [house.window_of(house.people[1, Role.OWNER]), Window(house)]
    for route in sorted(PAGE, key=lambda route: route == "POST /sign-out"):  # which comes last
        method, path = route.split(" ")
        for window in windows:
            answer = window.ask(method, empty(route).path(path), None, origin="https://evil.example")
            sent = answer.headers
            assert "frame-ancestors 'none'" in sent["content-security-policy"], route
            assert "unsafe" not in sent["content-security-policy"]
            assert sent["x-content-type-options"] == "nosniff"
            assert sent["cross-origin-opener-policy"] == "same-origin"
            assert sent["cache-control"] == "no-store", route
            assert re.fullmatch("[0-9a-f]{32}", sent["x-request-id"])
            assert [name for name in sent if name.startswith("access-control")] == []


@pytest.mark.parametrize("route", [*UNSAFE, CALLBACK])
def test_a_change_leaves_an_event(house: House, route: str) -> None:
    visit = visit_of(house, route)
    ask = CASES[route](visit)
    count = "select coalesce(max(sequence), 0) from steelyard.audit_events"
    before = house.rows(count)[0][0]
    method, path = route.split(" ")
    answer = visit.window.ask(method, ask.path(path), ask.body, **ask.headers)
    after = house.rows(count)[0][0]

    assert answer.status_code == ask.status, answer.text
    assert (after > before) == (route not in QUESTIONS)


def test_what_changes_orders_asks_for_a_key(house: House) -> None:
    """By what it does; a route that is new and forgot it fails here."""
    changing = {
        short(method, route.path)
        for route in api_routes(house)
        if route.access.object_type is ObjectType.ORDER and route.access.verb is not Verb.READ
        for method in route.methods - {"GET"}
    }

    assert changing - set(money_routes(house)) == set(WITHOUT_KEY)


def test_without_a_key_what_moves_money_does_nothing(house: House) -> None:
    window = house.window_of(house.people[1, Role.OWNER])
    for route in money_routes(house):
        method, path = route.split(" ")
        answer = window.ask(method, empty(route).path(path), {}, idempotency_key=LEFT_OUT)
        assert (method, answer.status_code) == ("POST", 400), (route, answer.text)
        assert answer.json()["type"] == "urn:steelyard:problem:key-needed", route


def test_what_moves_money_is_done_once_however_often_it_is_sent(house: House) -> None:
    count = "select coalesce(max(sequence), 0) from steelyard.audit_events"
    for route in money_routes(house):
        visit = visit_of(house, route)
        ask, key = CASES[route](visit), f"twice-{route}".replace(" ", "-")
        method, path = route.split(" ")
        first = visit.window.ask(method, ask.path(path), ask.body, idempotency_key=key)
        done = house.rows(count)
        again = visit.window.ask(method, ask.path(path), ask.body, idempotency_key=key)
        assert (first.status_code, first.text) == (ask.status, again.text), (route, first.text, again.text)
        assert again.status_code == first.status_code
        assert house.rows(count) == done, route
