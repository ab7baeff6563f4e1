"""What stands around every page: files, search, notices, health, help, and what the header offers."""

import gzip
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from browsing import Visit, sign_in, visiting
from house import House, Person, Window
from steelyard.charts import numbers
from steelyard.identity.permissions import Role
from steelyard.storage.notice import add_notice
from steelyard.web.region import find_region
from web_visit import WebVisit, web_visit


@pytest.fixture(scope="module")
def owner(house: House) -> WebVisit:
    return web_visit(house, house.people[1, Role.OWNER])


@pytest.fixture
def told(house: House) -> Person:
    """Somebody who was told two things."""
    person = house.do(house.person(Role.ADMIN))
    for kind in ("password.change", "token.create"):
        house.do(house.write(1, add_notice, person.user_id, kind))
    return person


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def static(house: House) -> list[str]:
    found = sorted(set(re.findall(r"/static/[0-9a-f]{16}/[\w.-]+", web_visit(house).open("/login").html)))
    assert len(found) >= 5
    return found


def test_a_file_is_kept_for_good_under_the_address_of_its_content(house: House, static: list[str]) -> None:
    for path in static:
        answer = Window(house).send("GET", path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_text_is_packed_for_who_can_unpack_it(house: House, static: list[str]) -> None:
    [style] = [path for path in static if path.endswith("/app.css")]
    plain = Window(house).send("GET", style, accept_encoding="identity")
    packed = Window(house).send("GET", style, accept_encoding="gzip")

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.content == plain.content
    assert len(gzip.compress(plain.content)) < len(plain.content) / 2


def test_a_file_under_another_address_is_not_there(house: House, static: list[str]) -> None:
    for path in ("/static/0000000000000000/app.css", static[0] + "x", "/static/../pages/base.html"):
        assert Window(house).send("GET", path).status_code == 404
    swapped = re.sub(r"(?<=/static/)\w+", "0123456789abcdef", static[0])
    assert Window(house).send("GET", swapped).status_code == 404


# ── Search ──────────────────────────────────────────────────────────────────────────────────────────────────


def hits(visit: WebVisit, text: str) -> dict[str, str]:
    """What a search finds in the content of its page: what it says and where it leads."""
    page = visit.open(f"/search?q={quote(text, safe='')}")
    main = page.root.one("main")
    return {link.text: link.attributes["href"] for link in main.all("a")}


def test_accounts_assets_and_pages_are_found_by_name_and_id(owner: WebVisit) -> None:
    assert "/dashboard?account=MINE-1" in hits(owner, "mine-1").values()
    assert "/dashboard?household=MINE-HOUSE" in hits(owner, "MINE-HOUSE family").values()
    assert "/assets/MINECO" in hits(owner, "MineCo").values()
    assert "/compliance" in hits(owner, "compl").values()
    assert hits(owner, "no such thing") == {}


def test_nobody_finds_what_they_may_not_see(house: House) -> None:
    for role in (Role.ADVISOR, Role.VIEWER):
        visit = web_visit(house, house.people[1, role])
        for text in ("HIDDEN", "HIDDENCO", "FOREIGN", "FOREIGNCO"):
            assert hits(visit, text) == {}, (role, text)
        assert set(hits(visit, "MINECO").values()) == {"/assets/MINECO?account=MINE-1"}
    admin = web_visit(house, house.people[1, Role.ADMIN])
    assert hits(admin, "MINE") == {}
    assert set(hits(admin, "admin").values()) == {"/admin"}


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "%", "_", "' or 1=1 --", "\u202e", "a" * 500, "\\"]
)
def test_hostile_text_is_looked_for_like_any_other(owner: WebVisit, text: str) -> None:
    page = owner.open(f"/search?q={quote(text, safe='')}")

    assert page.root.one("input", id="wanted").attributes["value"] == text.strip()[:100]
    assert page.root.one("main").all("script") == []
    assert hits(owner, text) == {}


def test_what_is_suggested_is_a_part_with_a_word_for_who_cannot_see_it(owner: WebVisit) -> None:
    part = owner.open("/search?q=mineco", hx_request="true")

    assert part.root.all("main") == []
    assert part.root.one("p", id="live").attributes["hx-swap-oob"] == "true"
    assert [link.attributes["href"] for link in part.root.all("a")] == ["/assets/MINECO"]


# ── Notices ─────────────────────────────────────────────────────────────────────────────────────────────────


def bell(visit: WebVisit) -> str:
    return visit.open("/help").root.one("a", class_="round bell").text


def test_the_bell_counts_what_one_was_told_until_it_was_seen(house: House, told: Person) -> None:
    visit = web_visit(house, told)
    assert bell(visit) == "Notices: 2 new"

    page = visit.open("/notices")
    assert "Your password was changed" in page.text
    after = page.form("/notices/seen").send("Mark all as read")

    assert "All notices count as read." in after.text
    assert bell(visit) == "Notices"
    assert "An API token was made in your name" in after.text


def test_what_came_after_the_page_was_drawn_is_still_new(house: House, told: Person) -> None:
    visit = web_visit(house, told)
    form = visit.open("/notices").form("/notices/seen")
    house.do(house.write(1, add_notice, told.user_id, "passkey.copied"))

    form.send("Mark all as read")

    assert bell(visit) == "Notices: 1 new"


def test_a_moment_that_is_none_is_refused(house: House, told: Person) -> None:
    visit = web_visit(house, told)

    visit.post("/notices/seen", {"until": "yesterday"}, status=422)

    assert bell(visit) == "Notices: 2 new"


def test_violations_lead_to_their_account_and_stay_where_they_may_be_seen(house: House) -> None:
    for role, seen in ((Role.OWNER, {"MINE", "HIDDEN"}), (Role.VIEWER, {"MINE"})):
        page = web_visit(house, house.people[1, role]).open("/notices")
        accounts = {path.partition("account=")[2] for path in page.links().values() if "/compliance?" in path}
        assert {account.partition("-")[0] for account in accounts} == seen, role
    admin = web_visit(house, house.people[1, Role.ADMIN]).open("/notices")
    assert "Open violations" not in admin.text


# ── Health, help, region ────────────────────────────────────────────────────────────────────────────────────


def test_health_says_what_whoever_looks_may_know(house: House) -> None:
    shown = {
        role: web_visit(house, house.people[1, role]).open("/health").texts("heading")
        for role in (Role.OWNER, Role.VIEWER, Role.ADMIN)
    }

    assert "Figures" in shown[Role.OWNER]
    assert "Figures" not in shown[Role.ADMIN]
    for role, knows in ((Role.OWNER, True), (Role.VIEWER, False), (Role.ADMIN, True)):
        page = web_visit(house, house.people[1, role]).open("/health")
        terms = {element.text for element in page.root.all("dt")}
        assert {"Steelyard", "Schema"} <= terms
        assert ("PostgreSQL" in terms) is knows
        assert ("Audit" in terms) is knows


def test_flags_are_of_the_account_that_is_chosen(house: House) -> None:
    viewer = web_visit(house, house.people[1, Role.VIEWER])

    assert "Choose an account" in viewer.open("/health").text
    page = viewer.open("/health?account=MINE-1")
    assert "Choose an account" not in page.text
    assert "HIDDENCO" not in page.text


def test_a_region_is_chosen_and_given_back(house: House) -> None:
    visit = web_visit(house, house.do(house.person(Role.OWNER)))
    here = {"next": "/help"}

    german = visit.post("/preferences/region", {"region": "de-DE", "zone": "Europe/Zurich", **here})
    assert "−1.234.567,89" in german.text
    assert "Europe/Zurich" in german.text
    unknown = visit.post("/preferences/region", {"region": "xx-YY", "zone": "Mars/Base", **here})
    assert "−1.234.567,89" in unknown.text
    back = visit.post("/preferences/region", {"region": "", "zone": "", **here})
    assert "−1,234,567.89" in back.text
    assert "UTC" in back.text


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_a_choice_leads_to_no_page_but_ours(house: House, elsewhere: str) -> None:
    answer = Window(house).send("POST", "/preferences/theme", f"theme=dark&next={quote(elsewhere)}".encode())

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_fault_of_a_part_stands_at_the_edge_and_holds_no_page(owner: WebVisit) -> None:
    part = owner.open("/dashboard?account=NONE", 404, hx_request="true")

    assert part.headers["hx-retarget"] == "#toast"
    assert part.root.all("main") == part.root.all("h1") == []
    assert "NONE" in part.root.text


# ── In Chromium ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def seen(house: House, browser: Browser, origin: str) -> Iterator[Visit]:
    with visiting(browser, origin) as visit:
        sign_in(visit, house, house.people[1, Role.OWNER])
        yield visit


def test_search_suggests_and_the_arrow_keys_go_through_it(seen: Visit) -> None:
    page = seen.open("/help")
    page.keyboard.press("Control+k")
    page.keyboard.type("mineco")
    found = page.locator("#found a")
    expect(found).to_have_count(1)
    expect(page.locator("#live")).to_contain_text("1 found")

    page.keyboard.press("ArrowDown")
    expect(found).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.press("Escape")
    expect(found).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{seen.origin}/search?q=mineco")


def test_keys_lead_to_pages_and_a_sheet_says_which(seen: Visit) -> None:
    page = seen.open("/help?account=MINE-1")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog", name="Keyboard")
    expect(sheet).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()

    page.locator("#search").focus()
    page.keyboard.type("g?")
    expect(sheet).to_be_hidden()
    page.locator("#search").blur()
    page.keyboard.press("g")
    page.keyboard.press("h")
    expect(page).to_have_url(f"{seen.origin}/health?account=MINE-1")


def test_paper_says_whose_portfolio_it_is_and_how_old(seen: Visit) -> None:
    page = seen.open("/dashboard?account=MINE-1")
    page.emulate_media(media="print")

    expect(page.locator(".top")).to_contain_text("MINE-1 of MINE-HOUSE")
    expect(page.locator(".top > .as-of")).to_be_visible()
    for hidden in ("#search", ".side", ".menu", ".bell", ".span"):
        expect(page.locator(hidden).first).to_be_hidden()


def test_a_menu_opens_closes_and_gives_the_focus_back(seen: Visit) -> None:
    page = seen.open("/help?account=MINE-1")  # of many accounts, the chosen one is always there
    switcher, who = page.locator(".switcher"), page.locator(".who")
    switcher.locator("summary").click()
    expect(switcher.get_by_role("link", name="MINE-1 of MINE-HOUSE")).to_be_visible()
    who.locator("summary").click()
    expect(switcher).not_to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(who).not_to_have_attribute("open", "")
    expect(who.locator("summary")).to_be_focused()

    switcher.locator("summary").press("Enter")
    page.keyboard.press("ArrowDown")
    expect(switcher.get_by_role("link", name="All accounts", exact=True)).to_be_focused()


def test_a_theme_that_is_chosen_counts_against_that_of_the_machine(seen: Visit) -> None:
    light, dark = "rgb(246, 247, 249)", "rgb(12, 14, 19)"
    page = seen.open("/help")
    page.emulate_media(color_scheme="light")
    for chosen, shown in (("Dark", dark), ("System", light), ("Light", light)):
        choose_theme(page, chosen)
        expect(page.locator("html")).to_have_css("background-color", shown)
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_css("background-color", light)
    choose_theme(page, "Dark")
    page.emulate_media(media="print")
    expect(page.locator("html")).to_have_css("color-scheme", "light only")


def choose_theme(page: Page, name: str) -> None:
    page.locator(".who summary").click()
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


def test_a_word_comes_before_the_session_ends_and_keeps_it(
    house: House, browser: Browser, origin: str
) -> None:
    with visiting(browser, origin) as visit:
        sign_in(visit, house, house.people[1, Role.OWNER])
        visit.page.clock.install()
        page = visit.open("/help")
        asks = page.get_by_role("alertdialog")
        page.clock.fast_forward("27:00")
        expect(asks).to_be_hidden()
        page.clock.fast_forward("01:30")
        expect(asks).to_contain_text("Are you still there?")
        with page.expect_response("**/session/stay") as kept:
            page.get_by_role("button", name="Stay signed in").click()
        assert kept.value.status == 204
        expect(asks).to_be_hidden()
        page.clock.fast_forward("31:00")
        expect(asks).to_contain_text("Your session has ended")


def test_the_clock_on_the_wall_is_found_out(house: House, browser: Browser, origin: str) -> None:
    with visiting(browser, origin) as visit:
        sign_in(visit, house, house.people[1, Role.OWNER])
        visit.page.add_init_script(
            "Intl.DateTimeFormat.prototype.resolvedOptions = () => ({ timeZone: 'America/New_York' })"
        )
        page = visit.open("/help")
        expect(page.locator("main")).to_contain_text("UTC")
        page.reload()
        expect(page.locator("main")).to_contain_text("America/New_York")


@pytest.mark.parametrize("javascript", [True, False])
def test_on_a_phone_the_pages_stand_in_a_menu(
    house: House, browser: Browser, origin: str, *, javascript: bool
) -> None:
    with visiting(browser, origin, width=320, javascript=javascript) as visit:
        sign_in(visit, house, house.people[1, Role.OWNER])
        page = visit.open("/help")
        expect(page.locator(".side")).to_be_hidden()
        page.locator(".places summary").click()
        page.get_by_role("navigation", name="Pages").get_by_role("link", name="Health").click()
        expect(page).to_have_url(f"{origin}/health")
        page.locator(".find").click()
        expect(page.get_by_label("Name, id, ISIN or number")).to_be_visible()
        box = page.locator(".top").bounding_box()
        assert box is not None
        assert box["width"] <= 320


def test_chromium_groups_numbers_as_we_do(browser: Browser) -> None:
    tags = [
        "en-US",
        "de-DE",
        "fr-FR",
        "hi-IN",
        "en-IN",
        "es-ES",
        "es-MX",
        "pl-PL",
        "pt-PT",
        "pt-BR",
        "it-IT",
        "sv-SE",
    ]
    page = browser.new_page()
    theirs = page.evaluate(
        "tags => tags.map(tag => [1234.5, 1234567.5].map(n => new Intl.NumberFormat(tag).format(n)))", tags
    )
    page.close()
    for tag, written in zip(tags, theirs, strict=True):
        with numbers.written_as(find_region(tag).style):
            assert [numbers.number(plain) for plain in ("1234.5", "1234567.5")] == written, tag
