"""Every page in Chromium, in both themes, wide, narrow and at 200 %: accessible by axe, nothing sticks out.

STEELYARD_SCREENSHOTS=DIR takes a picture of each.
"""

import re
import secrets
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from api_visit import Visit as Asking
from browsing import Visit, sign_in, visiting
from house import House
from page_looks import faults, file_name, shared_faults
from steelyard.identity.permissions import Role
from steelyard.services.tenant import create_tenant
from steelyard.web.asset_page import TABS
from steelyard.web.explore import CHARTS
from web_cases import address
from web_page import WebRoute, web_routes

SIDES = [f"/assets/MINECO?tab={tab}&" for tab in TABS]
CHARTS_OF = [f"/explore/{chart}?" for chart in CHARTS]
EMPTY = [
    "/dashboard",
    "/accounts",
    "/assets",
    "/transactions",
    "/lots",
    "/explore/value",
    "/search?q=none",
    "/health",
]
"""Pages of a firm that has loaded nothing."""

READ = [route for route in web_routes() if route.method == "GET" and not route.path.endswith(".csv")]


@pytest.fixture(scope="module")
def owner(house: House) -> Asking:
    me = house.do(house.person(Role.OWNER))
    return Asking(house, me, house.window_of(me))


@pytest.fixture(scope="module")
def inside(house: House, browser: Browser, owner: Asking) -> Iterator[Visit]:
    """A window in which an owner is signed in, whose theme is that of the machine."""
    with visiting(browser, house.served.wiring.place.public_url, theme="system") as visit:
        sign_in(visit, house, owner.me)
        yield visit


@pytest.fixture(scope="module")
def nothing(house: House, browser: Browser) -> Iterator[Visit]:
    """A window of the owner of a firm that has loaded nothing."""
    tenant_id = house.do(house.write(1, create_tenant, f"Nothing {secrets.token_hex(4)}"))
    with visiting(browser, house.served.wiring.place.public_url, theme="system") as visit:
        sign_in(visit, house, house.do(house.person(Role.OWNER, tenant_id)))
        yield visit


@pytest.fixture(scope="module")
def outside(house: House, browser: Browser) -> Iterator[Visit]:
    """A window in which nobody is."""
    with visiting(browser, house.served.wiring.place.public_url, theme="system") as visit:
        yield visit


@pytest.mark.parametrize("route", READ, ids=str)
def test_a_page_is_accessible_and_fits(inside: Visit, outside: Visit, owner: Asking, route: WebRoute) -> None:
    visit = outside if route.is_for_nobody_yet else inside
    sign_in(inside, owner.house, owner.me)  # anew: who was here for long is asked again who they are
    scope = "account=MINE-1" if route.is_scoped else ""
    answer = visit.page.goto(visit.origin + address(route, owner, scope))
    assert answer is not None
    ended = visit.page.url.removeprefix(visit.origin).partition("?")[0]
    assert re.fullmatch(re.sub(r"\{[\w:]+\}", "[^/]+", route.leads_to), ended), ended
    if route.leads_to != route.path:
        return  # for that is looked at, too
    if not answer.headers.get("content-type", "").startswith("text/html"):
        pytest.skip("is no page but a file")
    if not answer.text().lstrip().startswith("<!doctype"):
        pytest.skip("is a part of a page")
    assert answer.status == 200

    found = faults(visit.page, file_name(route.path))
    wrongs, visit.wrongs[:] = list(visit.wrongs), []
    assert (found, wrongs) == ([], [])


@pytest.mark.parametrize("path", [*SIDES, *CHARTS_OF])
def test_every_side_of_an_asset_and_every_chart_is_accessible_and_fits(inside: Visit, path: str) -> None:
    assert faults(inside.open(f"{path}account=MINE-1"), file_name(path)) == []


@pytest.mark.parametrize("path", EMPTY)
def test_a_page_without_anything_is_accessible_and_fits(nothing: Visit, path: str) -> None:
    assert faults(nothing.open(path), f"empty-{file_name(path)}") == []


def test_a_page_of_what_went_wrong_is_accessible_and_fits(inside: Visit, outside: Visit) -> None:
    for visit, name in ((inside, "lost"), (outside, "lost-outside")):
        assert faults(visit.open("/nowhere", 404), name) == []


def test_what_stands_around_every_page_is_accessible(inside: Visit) -> None:
    page = inside.open("/dashboard?account=MINE-1")

    assert shared_faults(page, "around") == []


def test_what_stands_around_the_pages_of_getting_in_is_accessible(outside: Visit) -> None:
    assert shared_faults(outside.open("/login"), "around-login") == []


def test_what_is_wrong_with_a_page_is_found(browser: Browser) -> None:
    """The instrument itself: axe in either run, and the width."""
    page = browser.new_page()
    page.set_content(
        "<html lang=en><title>a</title><main><h1>a</h1><img src=x><p style='color:#999;background:#aaa'>grey</p>"
        "<div style='width:700px'>wide</div></main>"
    )
    found = " ".join(faults(page, "wrong"))
    page.close()

    assert {"image-alt", "color-contrast", "too wide"} <= set(
        re.findall("image-alt|color-contrast|too wide", found)
    )
    assert "1440 dark: color-contrast" in found
