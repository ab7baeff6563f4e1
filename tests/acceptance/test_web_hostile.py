"""Names that want to be more than names, on every page: they are text, in Chromium and its charts, too."""

from collections.abc import Callable, Iterator
from itertools import cycle

import pytest
from playwright.sync_api import Browser, Dialog, expect

from api_visit import Visit
from books import Row
from browsing import Visit as Seen
from browsing import sign_in, visiting
from house import House, furnish, opened_house
from house_books import OURS, shared_tables
from report_books import HOSTILE
from steelyard.identity.permissions import Role
from steelyard.storage.embedded import EmbeddedServer
from steelyard.web.explore import CHARTS
from web_cases import address
from web_page import WebRoute, web_routes
from web_visit import read_html

NAMES = [name for name in HOSTILE if name.isprintable()]
"""Those that are loaded: a name with characters that are not shown is refused at the door."""

READ = [route for route in web_routes() if route.method == "GET" and not route.is_for_nobody_yet]
LOOKED_AT = (
    "/dashboard?account=MINE-1",
    "/accounts",
    "/assets?account=MINE-1",
    "/assets/MINECO?account=MINE-1",
    "/transactions?account=MINE-1",
    "/rebalance?account=MINE-1",
    "/orders",
    "/compliance",
    "/admin",
    "/audit",
    "/search?q=script",
    *(f"/explore/{chart}?account=MINE-1" for chart in CHARTS),
)


def named(rows: list[Row], *columns: int) -> list[Row]:
    """The rows of a table with hostile texts in some columns."""
    texts = cycle(NAMES)
    return [
        tuple(next(texts) if place in columns else cell for place, cell in enumerate(row)) for row in rows
    ]


@pytest.fixture(scope="module", autouse=True)
def hostile(
    database: EmbeddedServer,
    urls: Callable[[EmbeddedServer], tuple[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """A house of hostile names; made before the browser, which runs an event loop of its own."""
    folder = tmp_path_factory.mktemp("hostile")
    with opened_house(database, urls(database), folder) as opened:
        changed = {
            "asset_master": named(shared_tables()["asset_master"], 1, 4),
            "accounts": named(OURS["accounts"], 1),
            "households": named(OURS["households"], 1),
        }
        opened.do(furnish(opened, folder, **changed))
        yield opened


@pytest.fixture(scope="module")
def owner(hostile: House) -> Visit:
    me = hostile.do(hostile.person(Role.OWNER))
    return Visit(hostile, me, hostile.window_of(me))


@pytest.mark.parametrize("route", READ, ids=str)
def test_hostile_text_stays_text(owner: Visit, route: WebRoute) -> None:
    window = owner.house.window_of(owner.me)
    answer = window.send("GET", address(route, owner, "account=MINE-1" if route.is_scoped else ""))
    assert answer.status_code in {200, 303}, answer.text[-2000:]
    if not answer.headers.get("content-type", "").startswith("text/html"):
        return
    page = read_html(answer.text)
    acting = [element for element in page.walk() if any(name.startswith("on") for name in element.attributes)]
    scripts = [one.text for one in page.all("script") if one.attributes.get("type") != "application/json"]

    assert acting == []
    assert "".join(scripts) == ""
    assert page.all("img", src="x") == []


@pytest.fixture(scope="module")
def seen(hostile: House, owner: Visit, browser: Browser) -> Iterator[Seen]:
    """A window in which an owner is signed in; whatever opens a dialog in it is wrong."""

    def note(dialog: Dialog) -> None:
        opened.wrongs.append(f"said: {dialog.message}")
        dialog.dismiss()

    with visiting(browser, hostile.served.wiring.place.public_url) as opened:
        sign_in(opened, hostile, owner.me)
        opened.page.on("dialog", note)
        yield opened


@pytest.mark.parametrize("path", LOOKED_AT)
def test_in_a_browser_nothing_of_it_runs(seen: Seen, path: str) -> None:
    page = seen.open(path)
    if path.startswith("/explore/"):
        expect(page.locator("#explored .main-svg").first).to_be_visible()

    wrongs, seen.wrongs[:] = list(seen.wrongs), []
    assert wrongs == []
    assert page.title().endswith(" · Steelyard")
    assert page.locator("img[src=x]").count() == 0
