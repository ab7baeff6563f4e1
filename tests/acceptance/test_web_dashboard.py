"""The dashboard and Explore: what they show, for whom, and what a first view weighs."""

import csv
import json
import secrets
from io import StringIO

import pytest
from playwright.sync_api import Browser, expect

from browsing import sign_in, visiting
from house import House, Person
from steelyard.identity.permissions import Role
from steelyard.services.tenant import create_tenant
from steelyard.web.dashboard import safe_cell
from steelyard.web.explore import CHARTS
from web_visit import web_visit

ACCOUNT = "?account=MINE-1"
MOST_SCRIPT, MOST_PAGE = 30_000, 120_000
"""Bytes of a first view, as they are sent."""

SHIFTS = """window.shift = 0;
new PerformanceObserver(list => { for (const one of list.getEntries()) shift += one.value })
    .observe({type: 'layout-shift', buffered: true})"""


@pytest.fixture(scope="module")
def owner(house: House) -> Person:
    return house.people[1, Role.OWNER]


def test_the_dashboard_of_an_account_shows_what_is_published_of_it(house: House, owner: Person) -> None:
    window = house.window_of(owner)
    overview = window.ask("GET", f"/asset-360/overview{ACCOUNT}").json()
    page = web_visit(house, owner).open(f"/dashboard{ACCOUNT}")
    assert page.h1 == "Dashboard"
    assert f"{float(overview['total_value']):,.2f}" in page.text
    for heading in ("Value over time", "Allocation", "Sectors", "Countries", "Monthly transactions"):
        assert any(one.startswith(heading) for one in page.texts("heading")), heading
    assert "Prices as of" in page.text
    assert "years old" in page.text, "its prices are of 2023"
    assert page.links()["Review rebalance"] == f"/rebalance{ACCOUNT}"


def test_the_whole_tenant_is_for_who_sees_all_of_it(house: House, owner: Person) -> None:
    page = web_visit(house, owner).open("/dashboard")
    assert "Review the book" in page.links()
    advisor = web_visit(house, house.people[1, Role.ADVISOR]).open("/dashboard")
    assert advisor.h1 == "Choose an account"
    assert advisor.follow("MINE-1 of MINE-HOUSE").h1 == "Dashboard"


def test_of_a_household_that_is_not_wholly_seen_the_accounts_are_offered(house: House) -> None:
    page = web_visit(house, house.people[1, Role.ADVISOR]).open("/dashboard?household=MIXED-HOUSE")
    assert page.h1 == "Choose an account"
    assert "MINE-3 of MIXED-HOUSE" in page.links()
    assert "HIDDEN" not in page.html


def test_before_anything_is_published_the_page_says_how_to(house: House) -> None:
    tenant_id = house.do(house.write(1, create_tenant, f"Empty {secrets.token_hex(4)}"))
    visit = web_visit(house, house.do(house.person(Role.OWNER, tenant_id)))
    for path in ("/dashboard", *(f"/explore/{chart}" for chart in CHARTS)):
        page = visit.open(path)
        assert "No figures are published yet" in page.texts("heading")
        assert "steelyard refresh" in page.text
        assert page.links()["look again"] == path


def test_an_admin_is_told_that_portfolios_are_not_theirs(house: House) -> None:
    page = web_visit(house, house.people[1, Role.ADMIN]).open("/dashboard", 403)
    assert page.h1 == "You may not do this"


def test_a_range_is_a_part_of_the_page_for_who_exchanges_it(house: House, owner: Person) -> None:
    visit = web_visit(house, owner)
    part = visit.open(f"/dashboard{ACCOUNT}&range=1M", HX_Request="true")
    assert "<html" not in part.html
    assert [one.text for one in part.root.all("a") if "aria-current" in one.attributes] == ["1M"]
    whole = visit.open(f"/dashboard{ACCOUNT}&range=nonsense")
    current = [one.text for one in whole.root.all("a") if one.attributes.get("aria-current") == "true"]
    assert "1Y" in current


def test_the_export_holds_what_the_page_shows_a_figure_a_row(house: House, owner: Person) -> None:
    answer = web_visit(house, owner).open(f"/dashboard.csv{ACCOUNT}")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(StringIO(answer.html)))
    overview = house.window_of(owner).ask("GET", f"/asset-360/overview{ACCOUNT}").json()
    [total] = [row for row in rows if row["figure"] == "total value"]
    assert (total["value"], total["unit"]) == (overview["total_value"], "USD")
    assert {row["name"] for row in rows if row["part"] == "risk"} >= {"A", "MINECO"}


def test_no_name_becomes_a_formula_of_a_spreadsheet() -> None:
    assert safe_cell('=HYPERLINK("x")') == '\'=HYPERLINK("x")'
    assert [safe_cell(one) for one in ("A", None, -1.5)] == ["A", "", -1.5]


@pytest.mark.parametrize("chart", CHARTS)
def test_every_chart_can_be_explored_and_read_without_a_script(
    house: House, owner: Person, chart: str
) -> None:
    page = web_visit(house, owner).open(f"/explore/{chart}{ACCOUNT}")
    assert page.h1 == CHARTS[chart].title
    [block] = [one for one in page.root.all("script") if one.attributes.get("id") == "figure"]
    assert block.attributes["type"] == "application/json"
    figure = json.loads(block.text)
    assert figure["data"]
    assert page.root.all("table"), "the numbers stand in a table"


def test_what_is_explored_is_what_the_interface_answers(house: House, owner: Person) -> None:
    answer = house.window_of(owner).ask("GET", f"/asset-360/sectors{ACCOUNT}").json()
    page = web_visit(house, owner).open(f"/explore/sectors{ACCOUNT}")
    [block] = [one for one in page.root.all("script") if one.attributes.get("id") == "figure"]
    assert json.loads(block.text) == answer


def test_a_chart_that_is_none_is_not_found(house: House, owner: Person) -> None:
    assert "There is no such chart" in web_visit(house, owner).open("/explore/nothing", 404).text


@pytest.mark.parametrize(
    ("site", "is_packed"), [("same-origin", True), ("none", True), ("cross-site", False)]
)
def test_pages_are_compressed_where_nobody_else_makes_the_browser_ask(
    house: House, owner: Person, site: str, *, is_packed: bool
) -> None:
    answer = house.window_of(owner).send(
        "GET", f"/dashboard{ACCOUNT}", sec_fetch_site=site, accept_encoding="gzip"
    )
    assert answer.status_code == 200
    assert ("content-encoding" in answer.headers) is is_packed
    assert "Sec-Fetch-Site" in answer.headers["vary"]


def test_a_first_view_is_light_and_stands_still(
    house: House, owner: Person, browser: Browser, origin: str
) -> None:
    with visiting(browser, origin) as visit:
        sign_in(visit, house, owner)
        visit.context.add_init_script(SHIFTS)
        page = visit.open(f"/dashboard{ACCOUNT}")
        page.wait_for_load_state("networkidle")
        sent = page.evaluate(
            "() => performance.getEntries().filter(one => 'encodedBodySize' in one)"
            ".map(one => [one.name, one.encodedBodySize])"
        )
        assert sum(size for name, size in sent if name.endswith(".js")) <= MOST_SCRIPT, sent
        assert sum(size for _, size in sent) <= MOST_PAGE, sent
        assert not [url for url in visit.requests if "plotly" in url]
        assert page.evaluate("() => window.shift") <= 0.02


def test_a_range_is_exchanged_in_place_and_keeps_the_focus(
    house: House, owner: Person, browser: Browser, origin: str
) -> None:
    with visiting(browser, origin) as visit:
        sign_in(visit, house, owner)
        page = visit.open(f"/dashboard{ACCOUNT}")
        page.locator("#range-6M").press("Enter")
        expect(page.locator("#range-6M")).to_have_attribute("aria-current", "true")
        expect(page.locator("#range-6M")).to_be_focused()
        assert page.url == f"{origin}/dashboard{ACCOUNT}", "the page itself stays"


def test_plotly_draws_on_explore_alone_under_the_policy_of_every_page(
    house: House, owner: Person, browser: Browser, origin: str
) -> None:
    with visiting(browser, origin, theme="dark") as visit:
        sign_in(visit, house, owner)
        page = visit.open(f"/explore/volume{ACCOUNT}")
        expect(page.locator("#explored .main-svg").first).to_be_visible()
        expect(page.locator(".plot .months")).to_be_hidden()
        page.get_by_text("Data table").click()
        expect(page.get_by_role("table")).to_be_visible()
        assert any("plotly" in url for url in visit.requests)
