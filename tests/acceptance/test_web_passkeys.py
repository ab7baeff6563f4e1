"""Getting in on pages in Chromium: with a passkey of the browser's, and with what links carry behind their #."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from browsing import Visit, sign_in, visiting
from chromium import add_authenticator
from entrances import PASSWORD
from house import House, opened_house
from steelyard.identity.link import LinkPurpose
from steelyard.identity.permissions import Role
from steelyard.services.set_up import make_set_up_link
from steelyard.storage.acting import OPERATOR, acting_as
from steelyard.storage.embedded import EmbeddedServer
from web_entry import HOSTILE, invited, link_for

LOADING = 300_000
"""Milliseconds in which the sample book is loaded, however busy the machine is."""


@pytest.fixture
def visit(browser: Browser, origin: str) -> Iterator[Visit]:
    with visiting(browser, origin) as opened:
        add_authenticator(opened.page)
        yield opened


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def make_passkey(page: Page) -> None:
    """Make a passkey on the page of a link, and keep the recovery codes that come with it."""
    page.get_by_role("button", name="Create a passkey").click()
    heading(page, "Recovery codes")
    expect(page.locator("#codes li")).to_have_count(10)
    page.get_by_role("link", name="I have kept them, go on").click()


def test_an_invitation_ends_in_a_passkey_that_signs_in_alone(house: House, visit: Visit, origin: str) -> None:
    link = link_for(house, invited(house, Role.VIEWER), LinkPurpose.INVITATION)
    secret = link.partition("#")[2]
    page = visit.page
    page.goto(link)
    make_passkey(page)
    expect(page).to_have_url(f"{origin}/dashboard")
    assert all(secret not in path.partition("#")[0] for path in visit.requests)

    page.context.clear_cookies()
    visit.open("/settings/security")  # the browser offers the passkey by itself, and its owner is there
    heading(page, "Signing in")
    assert page.url == f"{origin}/settings/security"


def test_a_link_stays_in_no_address(house: House, visit: Visit, origin: str) -> None:
    person = house.do(house.person(Role.VIEWER))
    page = visit.page
    page.goto(link_for(house, person, LinkPurpose.RECOVERY))
    heading(page, "Get back in")
    expect(page.get_by_text(person.login)).to_be_visible()
    assert page.url == f"{origin}/recover"
    assert page.evaluate("history.length") <= 3
    make_passkey(page)
    expect(page).to_have_url(f"{origin}/dashboard")


def test_a_passkey_is_the_second_step_and_proves_it_again(
    house: House, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, person = visit.page, house.do(house.person(Role.VIEWER))
    sign_in(visit, house, person)
    visit.open("/enrol?next=/settings/security")
    page.get_by_label("What to call it").fill(HOSTILE)
    page.get_by_role("button", name="Create a passkey").click()
    page.get_by_role("link", name="I have kept them, go on").click()
    expect(page.get_by_role("status").first).to_contain_text("It is added")
    expect(page.get_by_text(HOSTILE).first).to_be_visible()

    page.get_by_role("link", name="Change passkey").click()
    monkeypatch.setattr(house.clock, "ahead", house.clock.ahead + timedelta(minutes=6))
    page.get_by_label("What you call it").fill("Mine")
    page.get_by_role("button", name="Rename it").click()
    heading(page, "Prove again who you are")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Use a passkey").click()
    heading(page, "What you had typed")
    page.get_by_role("button", name="Send it now").click()
    expect(page.get_by_role("status").first).to_have_text("It is renamed.")


def test_a_draft_comes_through_a_passkey(house: House, visit: Visit) -> None:
    page, person = visit.page, invited(house, Role.VIEWER)
    page.goto(link_for(house, person, LinkPurpose.INVITATION))
    make_passkey(page)
    visit.open("/settings/tokens/new")
    page.get_by_label("What it is for").fill(HOSTILE)
    page.get_by_label("Read assets and prices").check()
    page.context.clear_cookies()
    page.get_by_role("button", name="Make it").click()
    heading(page, "Your session has ended")
    page.get_by_role("button", name="Sign in again").click()
    heading(page, "What you had typed")
    expect(page.get_by_text(HOSTILE)).to_be_visible()
    page.get_by_role("button", name="Send it now").click()
    heading(page, "Your new token")


def test_who_lets_the_browser_go_is_told_calmly(house: House, browser: Browser, origin: str) -> None:
    """Without a passkey there is nothing to show: the page says so, and the other ways are there."""
    viewer = house.people[1, Role.VIEWER]
    with visiting(browser, origin) as visit:
        page = visit.open("/login")
        add_authenticator(page)
        page.get_by_role("button", name="Use a passkey").click()
        expect(page.locator("[data-said]")).to_contain_text("No passkey was used")
        page.get_by_label("Login name").fill(viewer.login)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page).to_have_url(f"{origin}/dashboard")


# ── The first user ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module", autouse=True)
def empty(
    database: EmbeddedServer,
    urls: Callable[[EmbeddedServer], tuple[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """A house in which there is nobody, and nothing; made before the browser, which runs an event loop of its own."""
    with opened_house(database, urls(database), tmp_path_factory.mktemp("empty")) as opened:
        yield opened


async def set_up_link(house: House) -> str:
    with acting_as(OPERATOR):
        made = await make_set_up_link(now=house.clock(), random=house.entrance.random)
    return made.address(house.served.wiring.place.public_url)


def test_the_first_user_sets_up_and_loads_the_sample_book(empty: House, browser: Browser) -> None:
    origin = empty.served.wiring.place.public_url
    with visiting(browser, origin) as visit:
        page = visit.open("/setup")
        add_authenticator(page)
        heading(page, "Set up Steelyard")
        page.goto(empty.do(set_up_link(empty)))
        page.get_by_role("button", name="Create a passkey").click()
        expect(page.get_by_role("alert").first).to_contain_text("Correct 2 fields")
        page.get_by_label("Your name").fill(HOSTILE)
        page.get_by_label("Login name").fill("olive@example.org")
        make_passkey(page)
        heading(page, "Welcome")
        page.get_by_role("button", name="Load the sample book").click()
        heading(page, "Loading the sample book")
        page.wait_for_url("**/dashboard", timeout=LOADING)
        visit.open("/settings/connections")
        expect(page.get_by_text("RIVERA-IRA")).to_be_visible()
        assert visit.open("/welcome").url == f"{origin}/dashboard"
        assert visit.open("/setup").get_by_text("It has its users").is_visible()


def test_a_book_is_there_already(house: House, visit: Visit, origin: str) -> None:
    sign_in(visit, house, house.people[1, Role.OWNER])
    assert visit.open("/welcome").url == f"{origin}/dashboard"
