"""What holds for every page: where a form may come from, what an answer carries, what reading leaves behind."""

import re
from urllib.parse import urlencode

import httpx
import pytest

from api_visit import ELSEWHERE, Visit
from house import LEFT_OUT, House, Window
from steelyard.identity.permissions import ObjectType, Role, Verb
from steelyard.server.paths import is_page
from steelyard.server.routes import Routes
from web_cases import WITHOUT_KEY, address
from web_page import WebRoute, web_routes
from web_visit import Element, read_html

ROUTES = web_routes()
READ = [route for route in ROUTES if route.method == "GET"]
SENT = [route for route in ROUTES if route.method == "POST"]
OTHER_SITES = ("//evil.example", "/\\evil.example", "https://evil.example/@", "/%2f/evil")
WROTE = "select coalesce(max(sequence), 0) from steelyard.audit_events"


@pytest.fixture(scope="module")
def owner(house: House) -> Visit:
    me = house.do(house.person(Role.OWNER))
    return Visit(house, me, house.window_of(me))


def window_for(owner: Visit, route: WebRoute) -> Window:
    """Signed in, unless the page is for who is not."""
    return Window(owner.house) if route.is_for_nobody_yet else owner.house.window_of(owner.me)


def send(window: Window, route: WebRoute, path: str, **headers: str) -> httpx.Response:
    return window.send(route.method, path, b"" if route.method == "POST" else None, **headers)


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_a_form_sent_from_elsewhere_is_refused(owner: Visit, elsewhere: str) -> None:
    ours = owner.house.served.wiring.place.public_url
    headers = {name: value.replace("OURS", ours) for name, value in ELSEWHERE[elsewhere].items()}
    before = owner.house.rows(WROTE)
    for route in SENT:
        answer = send(owner.window, route, address(route, None), **headers)
        is_said = "does not come from a page of this site" in answer.text
        assert (answer.status_code, is_said) == (403, True), route

    assert owner.house.rows(WROTE) == before
    assert owner.window.send("GET", "/settings").status_code != 401


def test_reading_writes_nothing_and_gives_whole_pages(owner: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still: a session notes once a minute that it was used."""
    monkeypatch.setattr(owner.house.clock, "stands_at", owner.house.clock())
    windows = {str(route): window_for(owner, route) for route in READ}
    places = {str(route): address(route, owner) for route in READ}
    before = owner.house.do(owner.house.prints())
    answers = {str(route): send(windows[str(route)], route, places[str(route)]) for route in READ}
    after = owner.house.do(owner.house.prints())

    wrong = {route: one.text[-2000:] for route, one in answers.items() if one.status_code not in {200, 303}}
    assert wrong == {}
    assert after == before
    assert {route: found for route, one in answers.items() if (found := flaws(one))} == {}


def flaws(answer: httpx.Response) -> list[str]:
    """Why a page is not whole: ill-formed, an id twice, a style or a script within, not one title, h1 and main."""
    if not answer.headers.get("content-type", "").startswith("text/html") or answer.status_code != 200:
        return []
    try:
        page = read_html(answer.text)
        return [*wrong_ids(page), *wrong_code(page), *wrong_frame(page)]
    except AssertionError as wrong:
        return [f"{wrong}"]


def wrong_ids(page: Element) -> list[str]:
    ids = [element.attributes["id"] for element in page.walk() if "id" in element.attributes]
    named = {element.attributes["for"] for element in page.all("label") if "for" in element.attributes}
    twice = [f"id {one} is there twice" for one in {*ids} if ids.count(one) > 1]
    return [*twice, *(f"a label is for {one}, which is not there" for one in named - {*ids})]


def wrong_code(page: Element) -> list[str]:
    data = page.all("script", type="application/json")
    sources = [one.attributes.get("src", "") for one in page.all("script") if one not in data]
    inline = [
        f"{name} on a {element.tag}"
        for element in page.walk()
        for name in element.attributes
        if name == "style" or name.startswith(("on", "hx-on"))
    ]
    scripts = [f"a script {one}" for one in sources if not one.startswith("/static/")]
    return [*inline, *scripts, *("a style" for _ in page.all("style"))]


def wrong_frame(page: Element) -> list[str]:
    if not page.all("html"):  # but a part of a page
        return []
    title = page.one("head").one("title").text
    is_titled = re.fullmatch(r"\S.* · Steelyard", title)
    is_headed = page.one("main").one("h1").text
    return ([] if is_titled else [f"the title {title}"]) + ([] if is_headed else ["a heading of nothing"])


def test_every_answer_is_strict_about_what_a_browser_does_with_it(owner: Visit) -> None:
    for route in sorted(ROUTES, key=lambda route: route.path == "/logout"):  # which comes last
        for window in (owner.window, Window(owner.house)):
            sent = send(window, route, address(route, None), origin=LEFT_OUT).headers
            policy = sent["content-security-policy"]
            assert "default-src 'none'" in policy, route
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert sent["x-content-type-options"] == "nosniff"
            assert sent["cross-origin-opener-policy"] == "same-origin"
            assert sent["cache-control"] == "no-store", route
            assert re.fullmatch("[0-9a-f]{32}", sent["x-request-id"])
            assert [name for name in sent if name.startswith("access-control")] == []
    owner.window.cookies = owner.house.window_of(owner.me).cookies


def test_what_changes_orders_asks_for_a_key(house: House) -> None:
    """By what it does; a form that is new and forgot it fails here."""
    routes = [one for one in Routes.of(house.served.app.routes).routes if is_page(one.path)]
    changing = {
        f"{method} {route.path}"
        for route in routes
        if route.access.object_type is ObjectType.ORDER and route.access.verb is not Verb.READ
        if not route.access.moves_money
        for method in route.methods - {"GET", "HEAD"}
    }

    assert changing == set(WITHOUT_KEY)


def test_without_a_key_what_moves_money_does_nothing(owner: Visit) -> None:
    money = {
        route.path for route in Routes.of(owner.house.served.app.routes).routes if route.access.moves_money
    }
    before = owner.house.rows(WROTE)
    for route in SENT:
        if route.path in money:
            answer = send(owner.window, route, address(route, None))
            assert answer.status_code in {303, 400, 404, 422}, (str(route), answer.text[-2000:])

    assert owner.house.rows(WROTE) == before


def test_nobody_is_sent_to_another_site(owner: Visit) -> None:
    """By no `next` of any page or form: who reads a link of ours ends at ours."""
    window = owner.house.window_of(owner.me)
    leads = [
        window.send("POST", "/preferences/theme", urlencode({"theme": "dark", "next": other}).encode())
        for other in OTHER_SITES
    ]
    for route in sorted(ROUTES, key=lambda route: route.path == "/logout"):  # which comes last
        place, typed = address(route, None), urlencode({"next": OTHER_SITES[0]})
        body = typed.encode() if route.method == "POST" else None
        leads.append(window.send(route.method, f"{place}{'&' if '?' in place else '?'}{typed}", body))
    led = [answer.headers["location"] for answer in leads if "location" in answer.headers]

    assert len(led) > 5
    assert [path for path in led if re.match(r"https?:|//|/\\|/%2f", path, re.IGNORECASE)] == []
