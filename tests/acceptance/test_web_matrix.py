"""Who may see which page and send which form: every route of a page as every role, for every kind of scope.

The list docs/reference/pages.md says who; what a page has in the braces of its address stands in tests/web_cases.py.
"""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from api_visit import Visit
from house import FOREIGN, GRANTED, HIDDEN, MINE, OTHERS, House, Window
from steelyard.identity.permissions import Right, Role
from web_cases import OF_PATHS, PARAMETERS, address, names_of
from web_page import PAGE, PEOPLE, WebRoute, web_routes, who_may

ROUTES = web_routes()
ASKED_BY_SOMEBODY = [route for route in ROUTES if not route.is_for_nobody_yet]
OWN = ["", "account=MINE-1", "household=MINE-HOUSE"]
HIDDEN_FROM_SOME = ["account=HIDDEN-1", "household=HIDDEN-HOUSE"]
NOT_THERE = ["account=FOREIGN-1", "household=FOREIGN-HOUSE"]
PARTLY = ["household=MIXED-HOUSE"]
OF_FORMS = ["account=MINE-1", *HIDDEN_FROM_SOME, "account=FOREIGN-1"]
OF_ALL = (".csv", "/dashboard/value")
"""What is made of all accounts, and has no page around it that would ask for one."""

CHOOSING = ("/models", "/rebalance", "/search", "/compliance/")
"""Pages on which one chooses among assets: those are the same for everybody."""

LOOK_ALIKE = {Role.VIEWER: Role.ADVISOR, Role.COMPLIANCE: Role.OWNER}
"""Roles that see the accounts that another one sees, which is asked where it may."""

GOOD = {200, 204, 303}
ANSWERED = GOOD | {400, 404, 409, 412, 422}
"""To a form with nothing in it: whatever is wrong with it, it is not who sends it."""

REFUSED = "Ask whoever administers your users"
GRANTING = ("/admin/users/", "/audit")
"""Where admins read the names of accounts that they grant, and nothing else of them."""

SHARED = {"asset_id", "chart", "name"}
"""What means the same to every tenant."""

ENROLLING = ("/enrol", "/step-up", "/welcome", "/settings", "/draft")
"""Where a session may go before its second factor."""

WITHOUT_SECOND = {
    "POST /logout",
    "POST /session/stay",
    "GET /health",
    "GET /help",
    "GET /notices",
    "POST /notices/seen",
    "GET /search",
}
"""And what else it may: there is nothing of any portfolio on them then."""


def ids(route: WebRoute) -> str:
    return str(route)


@pytest.fixture(scope="module")
def visits(house: House) -> dict[Role, Visit]:
    """One of each role; advisors may do all that a grant can say with what is theirs."""
    made: dict[Role, Visit] = {}
    for role in PEOPLE:
        me = house.do(house.person(role))
        if role is Role.ADVISOR:
            for account in ("MINE-1", "MINE-2", "MINE-3"):
                house.do(house.grant(me, account, *Right))
        made[role] = Visit(house, me, house.window_of(me))
    return made


def window_for(visit: Visit) -> Window:
    """A new one, for some forms end the others of their user."""
    return visit.house.window_of(visit.me)


def send(window: Window, route: WebRoute, path: str) -> httpx.Response:
    return window.send(route.method, path, b"" if route.method == "POST" else None)


def test_the_list_of_pages_is_printed_from_the_routes() -> None:
    root = Path(__file__).parents[2]
    printed = subprocess.run(
        [sys.executable, root / "scripts/pages_reference.py"], capture_output=True, text=True, check=True
    )

    assert PAGE.read_text("utf-8") == printed.stdout, "write it anew, as its first lines say"


def test_every_page_is_on_the_list_and_every_name_in_an_address_has_an_example() -> None:
    unknown = [
        (str(route), name)
        for route in ROUTES
        for name in names_of(route.path)
        if name not in PARAMETERS.keys() | OF_PATHS.get(route.path, {}).keys()
    ]

    assert {str(route) for route in ROUTES} <= set(who_may())
    assert unknown == []


@pytest.mark.parametrize("route", ROUTES, ids=ids)
def test_who_is_signed_out_is_asked_who_they_are(house: House, route: WebRoute) -> None:
    answer = send(Window(house), route, address(route, None))

    if route.is_for_nobody_yet:
        assert answer.status_code in ANSWERED | {401, 403}
        assert REFUSED not in answer.text
    elif route.method == "GET":
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login?next=%2F")
    else:
        assert (answer.status_code, "Your session has ended" in answer.text) == (401, True)


@pytest.mark.parametrize("route", ASKED_BY_SOMEBODY, ids=ids)
def test_who_may_can_and_who_may_not_is_refused(visits: dict[Role, Visit], route: WebRoute) -> None:
    good = GOOD if route.method == "GET" else ANSWERED
    wrong = {}
    for role, visit in visits.items():
        window = window_for(visit)
        may = role in route.may
        scope = "account=MINE-1" if route.is_scoped and may and role is not Role.ADMIN else ""
        answer = send(window, route, address(route, visit if may else None, scope))
        is_refused = answer.status_code == 403 and REFUSED in answer.text
        if (
            is_refused == may
            or (may and answer.status_code not in good | {403})
            or leaks(answer.text, role, route)
        ):
            wrong[role] = answer.status_code, leaks(answer.text, role, route), answer.text[-2000:]

    assert wrong == {}


@pytest.mark.parametrize("route", [one for one in ASKED_BY_SOMEBODY if one.is_scoped], ids=ids)
def test_what_one_may_not_see_is_not_there_and_in_no_answer(
    visits: dict[Role, Visit], route: WebRoute
) -> None:
    """Whoever may see portfolios; who may not never learns which there are."""
    wrong = []
    for role, visit in visits.items():
        if role not in route.may or LOOK_ALIKE.get(role) in route.may:
            continue
        window, place = window_for(visit), address(route, visit)
        for scope in (*OWN, *PARTLY, *HIDDEN_FROM_SOME, *NOT_THERE) if route.method == "GET" else OF_FORMS:
            answer = send(window, route, f"{place}{'&' if '?' in place else '?'}{scope}")
            if answer.status_code not in expected(role, route, scope):
                wrong.append((role, scope, answer.status_code, answer.text[-1000:]))
            wrong += [(role, scope, 0, leak) for leak in leaks(answer.text, role, route, scope)]

    assert wrong == []


def expected(role: Role, route: WebRoute, scope: str) -> set[int]:
    """The answers that are right for a scope."""
    good = GOOD if route.method == "GET" else ANSWERED
    if role is Role.ADMIN:
        return good | {403, 404}
    if scope in NOT_THERE or (scope in HIDDEN_FROM_SOME and role in GRANTED):
        return {404}
    is_of_all = scope in PARTLY or (not scope and route.path.endswith(OF_ALL))
    return good | {404} if is_of_all and role in GRANTED else good


def leaks(text: str, role: Role, route: WebRoute, scope: str = "") -> list[str]:
    """What of an answer a role may not know, but for what they asked for themselves."""
    hidden = {FOREIGN} | ({HIDDEN} if role in GRANTED else set())
    if route.path.startswith(CHOOSING):
        hidden = {f"{name}-" for name in hidden}
    if role is Role.ADMIN and not route.path.startswith(GRANTING):
        hidden |= {"MINE-1", "MINE-HOUSE"}
    said = text.replace(scope.partition("=")[2] or "\0", "…")
    return [around(said, name) for name in hidden if name in said]


def around(text: str, name: str) -> str:
    place = text.index(name)
    return text[max(0, place - 100) : place + 100]


@pytest.mark.parametrize("route", [one for one in ASKED_BY_SOMEBODY if names_of(one.path)], ids=ids)
def test_what_is_of_another_tenant_is_not_there(
    house: House, visits: dict[Role, Visit], route: WebRoute
) -> None:
    """Nor is what is nowhere, which looks the same to them."""
    role = next(role for role in visits if role in route.may)
    stranger = house.window_of(house.people[OTHERS, role])
    shared = set(names_of(route.path)) <= SHARED
    for place in (address(route, visits[role], is_kept=True), address(route, None)):
        answer = send(stranger, route, place)
        assert answer.status_code in {404, 303, 400, 422, *([200] if shared else [])}, answer.text[-2000:]
        said = re.sub("MINECO|MINE-[13]", "…", answer.text)  # what they asked for themselves
        assert MINE not in said, around(said, MINE)
        assert place.partition("?")[0] not in answer.headers.get("location", "")


def test_with_one_factor_who_needs_two_sees_nothing_but_how_to_enrol_the_second(house: House) -> None:
    owner, may = house.do(house.person(Role.OWNER)), set()
    for route in ASKED_BY_SOMEBODY:
        answer = send(house.window_of(owner, ["password"]), route, address(route, None))
        leads = answer.headers.get("location", "")
        if answer.status_code != 403 and not leads.startswith(ENROLLING):
            may.add(str(route))
        assert not any(name in answer.text for name in ("MINE", HIDDEN, FOREIGN)), route

    assert {one for one in may if not one.split(" ")[1].startswith(ENROLLING)} == WITHOUT_SECOND
