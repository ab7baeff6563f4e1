"""Who may: every route as every role, as nobody, as another person and from another tenant.

The page docs/reference/api.md says who. A route without a row there, or an example in tests/api_cases.py, fails.
"""

import re
from dataclasses import replace

import httpx
import pytest

import small_book
from api_account_cases import OF_ONE_ACCOUNT, SCOPED
from api_cases import CASES
from api_page import ANYBODY, SIGNING_IN, roles_of, short, who_may
from api_visit import Ask, Visit
from house import FOREIGN, GRANTED, HIDDEN, MINE, OTHERS, House, Window
from steelyard.api import account
from steelyard.identity.permissions import Role
from steelyard.server import gate, scope
from steelyard.server.paths import is_page
from steelyard.server.routes import Routes

PAGE = who_may()
NOWHERE = "00000000-0000-4000-8000-000000000000"
OBJECT = re.compile(r"\{(?!account_id)\w+_id\}")
OWN = ("/sign-out", "/sessions", "/step-up", "/factors", "/notices", "/tokens")
ASKED_BY_SOMEBODY = [route for route, words in PAGE.items() if words not in {ANYBODY, SIGNING_IN}]
ABOUT_AN_OBJECT = [route for route in ASKED_BY_SOMEBODY if OBJECT.search(route)]
SCOPES = (
    "",
    "account=HIDDEN-1",
    "household=MIXED-HOUSE",
    "account=MINE-3",
    "account=FOREIGN-1",
    "household=HIDDEN-HOUSE",
    "household=FOREIGN-HOUSE",
)
CHANGING_AN_ACCOUNT = ["PUT /profile", "PUT /account/model"]
READS = [route for route in ASKED_BY_SOMEBODY if route.startswith("GET")]
ENROLLING = {
    "GET /me",
    "POST /sign-out",
    "GET /sessions",
    "DELETE /sessions",
    "DELETE /sessions/{session_id}",
    "POST /step-up/password",
    "POST /step-up/totp",
    "POST /step-up/recovery-code",
    "POST /step-up/passkey/question",
    "POST /step-up/passkey",
    "POST /step-up/providers/{name}",
    "GET /factors",
    "POST /factors/totp",
    "PUT /factors/totp",
    "POST /factors/passkeys/question",
    "POST /factors/passkeys",
    "POST /factors/identities/{name}",
    "GET /notices",
    "POST /notices/seen",
}
"""What a session may do before its second factor: see itself, prove itself, enrol and leave."""


def visit_of(house: House, role: Role, *, tenant_id: int = 1, new: bool = False) -> Visit:
    me = house.do(house.person(role, tenant_id)) if new else house.people[tenant_id, role]
    return Visit(house, me, house.window_of(me))


def changes_its_asker(route: str) -> bool:
    return not route.startswith("GET") and route.partition(" ")[2].startswith(OWN)


def send(window: Window, route: str, ask: Ask) -> httpx.Response:
    method, template = route.split(" ")
    return window.ask(method, ask.path(template), ask.body, **ask.headers)


def about_nothing(route: str) -> Ask:
    """What to send who is refused before anything is looked up."""
    return Ask(dict.fromkeys(re.findall(r"\{(\w+)\}", route), NOWHERE))


def test_every_route_is_on_the_page_and_has_an_example(house: House) -> None:
    routes = Routes.of(house.served.app.routes).routes
    there = {
        short(method, route.path) for route in routes if not is_page(route.path) for method in route.methods
    }

    assert len(there) > 80
    assert set(PAGE) == there
    assert set(CASES) == there


@pytest.mark.parametrize("route", ASKED_BY_SOMEBODY)
def test_who_may_can_and_who_may_not_is_refused(house: House, route: str) -> None:
    may = roles_of(PAGE[route])
    statuses: dict[str, int] = {"nobody": send(Window(house), route, about_nothing(route)).status_code}
    expected = {"nobody": 401}
    for role in Role:
        visit = visit_of(house, role, new=role in may and changes_its_asker(route))
        ask = CASES[route](visit) if role in may else about_nothing(route)
        statuses[role] = send(visit.window, route, ask).status_code
        expected[role] = ask.status if role in may else 403

    assert statuses == expected


@pytest.mark.parametrize("route", ABOUT_AN_OBJECT)
def test_what_is_anothers_is_not_there(house: House, route: str) -> None:
    owned = visit_of(house, Role.OWNER, new=True)
    ask = CASES[route](owned)
    strangers = [visit_of(house, Role.OWNER, tenant_id=OTHERS)]
    if changes_its_asker(route):
        strangers.append(visit_of(house, Role.OWNER))
    answers = [send(stranger.window, route, ask) for stranger in strangers]

    assert [answer.status_code == 404 or answer.json() == [] for answer in answers] == [True] * len(answers)
    assert send(owned.window, route, ask).status_code == ask.status


@pytest.mark.parametrize("name", SCOPED)
def test_an_account_that_is_not_granted_is_not_there(house: House, name: str) -> None:
    more = "&asset=A" if name == "asset-360/asset" else ""
    elsewhere = [f"account={FOREIGN}-1", f"household={FOREIGN}-HOUSE", "account=NONE"]
    hidden = [f"account={HIDDEN}-1", f"household={HIDDEN}-HOUSE"]
    if name.startswith("asset-360"):
        hidden += [f"account={HIDDEN}-2", "household=MIXED-HOUSE", ""]
    for role in sorted(roles_of(PAGE[f"GET /{name}"])):
        window = visit_of(house, role).window
        for query in [*elsewhere, *(hidden if role in GRANTED else [])]:
            answer = window.ask("GET", f"/{name}?{query}{more}")
            assert (role, query, answer.status_code) == (role, query, 404), answer.text
        for query in (f"account={MINE}-1", f"household={MINE}-HOUSE"):
            assert window.ask("GET", f"/{name}?{query}{more}").status_code == 200


@pytest.mark.parametrize("route", [f"GET /{name}" for name in OF_ONE_ACCOUNT] + CHANGING_AN_ACCOUNT)
def test_one_account_that_is_not_granted_is_not_there(house: House, route: str) -> None:
    for role in sorted(roles_of(PAGE[route])):
        visit = visit_of(house, role, new=True)
        ask = CASES[route](visit)
        assert send(visit.window, route, ask).status_code == 200
        hidden = [f"{FOREIGN}-1", "NONE", *([f"{HIDDEN}-1", f"{HIDDEN}-2"] if role in GRANTED else [])]
        for name in hidden:
            answer = send(visit.window, route, replace(ask, query=f"account={name}"))
            assert (role, name, answer.status_code) == (role, name, 404), answer.text


@pytest.mark.parametrize("route", CHANGING_AN_ACCOUNT)
def test_who_may_only_read_an_account_changes_nothing_of_its_investor(house: House, route: str) -> None:
    owner = visit_of(house, Role.OWNER)
    ask = CASES[route](owner)

    assert send(visit_of(house, Role.ADVISOR, new=True).window, route, ask).status_code == 403


@pytest.fixture
def everything_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (account, gate, scope):
        monkeypatch.setattr(module, "authorize", lambda *_: None)
    monkeypatch.setattr(scope, "require_whole_tenant", lambda *_: None)


@pytest.mark.usefixtures("everything_allowed")
@pytest.mark.parametrize("role", [*GRANTED, Role.ADMIN])
def test_with_everything_allowed_the_store_still_hides_ungranted_accounts(house: House, role: Role) -> None:
    window, read = visit_of(house, role).window, 0
    for route in [route for route in READS if not OBJECT.search(route)]:
        path = route.removeprefix("GET /")
        is_portfolio = path in {"accounts", *SCOPED}
        hidden = {HIDDEN, FOREIGN} | ({MINE} if role is Role.ADMIN and is_portfolio else set())
        scopes = SCOPES if role in {Role.ADVISOR, Role.ADMIN} else SCOPES[:3]
        for query in scopes if path in {*SCOPED, *OF_ONE_ACCOUNT} else [""]:
            more = "&asset=A" if path == "asset-360/asset" else ""
            answer = window.ask("GET", f"/{path}?{query}{more}")
            assert answer.status_code < 500, answer.text
            if answer.status_code == 200:
                read += 1
                leaks = {name for name in hidden if name in answer.text}
                assert leaks == set(), (path, query, answer.text)

    assert read > 10


def test_a_sum_is_of_what_is_seen(house: House) -> None:
    """What is hidden is in no total either."""
    totals = {}
    for role in (Role.OWNER, Role.ADVISOR):
        answer = visit_of(house, role).window.ask("GET", f"/positions?as_of={small_book.AS_OF}")
        totals[role] = answer.json()["total_value"].rstrip("0").rstrip(".")

    assert totals == {
        Role.OWNER: "5108.75",
        Role.ADVISOR: "3065.25",
    }  # five accounts and three, of 1021.75 each


def test_with_one_factor_who_needs_two_enrols_the_second_and_does_nothing_else(house: House) -> None:
    owner, may = house.do(house.person(Role.OWNER)), set()
    for route in ASKED_BY_SOMEBODY:
        answer = send(house.window_of(owner, ["password"]), route, about_nothing(route))
        if answer.status_code != 403 or "second-factor" not in answer.json()["type"]:
            may.add(route)

    assert may == ENROLLING


@pytest.mark.parametrize(
    ("role", "route", "status"),
    [
        (Role.ADVISOR, "GET /accounts", 403),
        (Role.COMPLIANCE, "GET /accounts", 403),
        (Role.ADMIN, "GET /users", 403),
        (Role.VIEWER, "GET /accounts", 200),
    ],
)
def test_who_decides_over_money_people_or_evidence_needs_two_factors(
    house: House, role: Role, route: str, status: int
) -> None:
    person = house.people[1, role]
    answers = [send(house.window_of(person, shown), route, Ask()) for shown in (["password"], ["passkey"])]

    assert [answer.status_code for answer in answers] == [status, 200]
