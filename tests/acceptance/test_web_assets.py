"""Assets, transactions and lots on pages: found, sorted, paged, kept as files; and whatever things are called, text."""

import csv
import io
import re
from collections.abc import Iterator
from decimal import Decimal
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from browsing import sign_in, visiting
from hostile_book import ACCOUNT, COUNT, IDS, LAST, NAMES, SAW, move_in, numbered
from house import House, Person
from steelyard.identity.permissions import Role
from web_visit import Element, Page, WebVisit, web_visit

TABS = ("overview", "performance", "risk", "transactions", "lots", "compliance", "quality")
EVERY = len(numbered()) + len(IDS) + 2


@pytest.fixture(scope="module")
def keeper(house: House, tmp_path_factory: pytest.TempPathFactory) -> Person:
    return move_in(house, tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def visit(house: House, keeper: Person) -> WebVisit:
    return web_visit(house, keeper)


def listed(page: Page) -> list[str]:
    """The assets of a page, in their order."""
    return [row.one("a").text for row in rows_of(page)]


def rows_of(page: Page) -> list[Element]:
    return [one for one in page.root.all("th", scope="row") if one.all("a")]


def pages_of(page: Page, text: str) -> Iterator[Page]:
    """A page, and those after it."""
    yield page
    while text in page.links():
        page = page.follow(text)
        yield page


def table(page: Page) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(page.html.removeprefix("\ufeff"))))


def test_assets_come_in_their_order_on_every_page_and_back_again(visit: WebVisit) -> None:
    pages = list(pages_of(visit.open("/assets?account=WIDE"), "Later →"))
    in_order = [*reversed(numbered()), "BARE"]

    assert [one for page in pages for one in listed(page)] == in_order
    assert listed(pages[1].follow("← Earlier")) == listed(pages[0])
    assert "121 assets, 51 to 100 shown" in pages[1].text
    assert pages[0].root.one("th", aria_sort="descending").text.startswith("Value")


def test_a_column_sorts_either_way_and_what_is_unknown_comes_last(visit: WebVisit) -> None:
    page = visit.open("/assets?account=WIDE").follow("Value USD ↓")

    assert listed(page) == numbered()[:50]
    assert page.root.one("th", aria_sort="ascending").text.startswith("Value")
    assert listed(visit.open("/assets?account=WIDE&sort=asset&order=descending"))[:2] == ["N119", "N118"]


def test_a_filter_finds_keeps_what_was_typed_and_says_how_many(visit: WebVisit) -> None:
    page = (
        visit.open("/assets?account=WIDE")
        .form(button="Filter")
        .fill(q="nUmBeR n11", asset_type="Fund")
        .send("Filter")
    )

    assert listed(page) == [f"N11{number}" for number in range(9, -1, -1)]
    assert "10 assets" in page.text
    assert page.form(button="Filter")["q"] == "nUmBeR n11"
    assert page.form(button="Filter")["account"] == "WIDE"
    assert listed(page.follow("Clear"))[0] == "N119"
    assert "No asset fits" in visit.open("/assets?q=nothing+of+that+name").text


def test_what_is_held_and_has_no_known_value_is_a_press_away(visit: WebVisit) -> None:
    page = visit.open("/dashboard?account=WIDE").follow("1 without a known value")

    assert listed(page) == ["BARE"]
    assert page.form(button="Filter")["unvalued"] == "yes"


def test_htmx_gets_the_table_alone_and_a_sentence_for_who_listens(visit: WebVisit) -> None:
    part = visit.open("/assets?account=WIDE&q=N00", HX_Request="true")

    assert part.root.all("html") == []
    assert part.root.one(id="live").text == "10 assets"
    assert part.root.one(id="live").attributes["hx-swap-oob"] == "innerHTML"


def test_the_file_of_assets_has_all_of_them_and_no_formula(visit: WebVisit) -> None:
    rows = table(visit.open("/assets.csv"))
    by_id = {row["asset_id"]: row for row in rows}

    assert len(rows) == EVERY
    assert by_id["N007"]["market_value"] == "8.00000000"
    assert by_id["BARE"]["market_value"] == ""
    assert by_id["'=1-1"]["asset_name"] == NAMES[0]
    assert not [cell for row in rows for cell in row.values() if cell[:1] in set("=+@\t")]
    assert len(table(visit.open("/assets.csv?q=number&account=WIDE"))) == COUNT


@pytest.mark.parametrize("tab", TABS)
def test_names_that_want_more_stay_text_on_every_side_of_an_asset(visit: WebVisit, tab: str) -> None:
    for place, asset_id in enumerate(IDS):
        page = visit.open(f"/assets/{quote(asset_id)}?tab={tab}")

        assert page.h1 == " ".join(NAMES[place % len(NAMES)].split())
        assert_harmless(page)


@pytest.mark.parametrize("path", ["/assets", "/transactions", "/lots", f"/assets?sector={quote(NAMES[1])}"])
def test_names_that_want_more_stay_text_in_lists(visit: WebVisit, path: str) -> None:
    page = visit.open(path)

    assert_harmless(page)
    assert listed(page) == [] or "Anything" not in page.text


def assert_harmless(page: Page) -> None:
    """No script but ours, and no attribute that runs one."""
    for element in page.root.walk():
        assert element.tag != "script" or element.attributes["src"].startswith("/static/")
        assert not [name for name in element.attributes if name.startswith("on") or name == "style"]
        assert element.tag != "img"
    assert "49" not in page.title


def test_a_page_of_an_asset_says_what_it_is_worth_and_how_that_is_made(visit: WebVisit) -> None:
    page = visit.open("/assets/N007?account=WIDE")

    assert page.h1 == "Number N007"
    assert page.texts("definition")[0] == "8.00 USD 8 units"
    assert "8 units × 1 USD = 8.00 USD" in page.text
    assert page.root.one("a", aria_current="page", href="/assets/N007?account=WIDE").text == "Overview"
    assert page.follow("Data quality 4").h1 == page.h1


def test_the_price_stands_with_the_trades_on_it(visit: WebVisit) -> None:
    page = visit.open(f"/assets/{SAW}?range=all")
    marks = [one.one("title").text for one in page.root.all("path", class_="price-trade") if one.all("title")]

    assert [mark.partition(": ")[2] for mark in marks] == [
        f"Bought 10 at 100.00 USD, {ACCOUNT}",
        f"Bought 10 at 90.00 USD, {ACCOUNT}",
        f"Sold 10 at 80.00 USD, {ACCOUNT}",
    ]
    assert "2 purchases, 1 sale." in page.text
    assert f"Sold 10 at 80.00 USD, {ACCOUNT}" in page.texts("cell")
    assert "No price is known in this time" in visit.open("/assets/BARE?account=WIDE&range=1m").text


def test_what_a_chart_says_is_written_as_who_looks_writes_numbers(visit: WebVisit) -> None:
    page = visit.open(f"/assets/{SAW}?range=all", Accept_Language="de-DE")

    assert f"Bought 10 at 100,00 USD, {ACCOUNT}" in page.texts("cell")


def test_a_fall_is_said_once_as_far_as_it_went(visit: WebVisit) -> None:
    page = visit.open(f"/assets/{SAW}?tab=performance")
    [deepest] = re.findall(r"At its deepest (\S+) % below", page.text)

    assert f"{deepest} %" in page.texts("definition")
    assert not deepest.startswith("−")


def test_lots_and_gains_are_those_that_can_be_worked_out_by_hand(visit: WebVisit) -> None:
    """Bought for 1,001, sold for 799, and bought again in time for the loss of 202 not to count."""
    page = visit.open(f"/assets/{SAW}?tab=lots")
    said = page.texts("cell")

    assert {"901.00 USD", "1,001.00", "799.00 USD", "202.00 USD"} <= set(said)
    assert [one for one in said if "−202.00" in one] != []
    assert "P3 0 of" in page.text
    rows = table(visit.open("/lots.csv"))
    [closed] = [row for row in rows if row["asset"] == SAW and row["state"] == "closed"]
    assert (Decimal(closed["gain"]), closed["term"], closed["lot"]) == (Decimal(-202), "short", "P1 0")


def test_the_journal_is_read_from_end_to_end_and_back(visit: WebVisit) -> None:
    count = 3 * (1 + len(IDS)) + 1
    pages = list(pages_of(visit.open("/transactions?kind="), "Older →"))
    newest = visit.open("/transactions.csv")

    assert sum(len(entries(page)) for page in pages) == count == len(table(newest))
    for asset_id in (SAW, IDS[0]):
        page = visit.open(f"/transactions?asset={quote(asset_id)}&from={LAST.year}-01-01&to={LAST}")
        assert [row.split()[0] for row in entries(page)] == ["P3", "P2", "P1"]


def entries(page: Page) -> list[str]:
    return [cell.text for cell in page.root.all("td", data_label="Transaction")]


def test_older_and_newer_pages_meet(visit: WebVisit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steelyard.web.transaction.ON_A_PAGE", 7)
    pages = list(pages_of(visit.open("/transactions"), "Older →"))

    assert len(pages) > 4
    page = pages[-1]
    for other in reversed(pages[:-1]):
        page = page.follow("← Newer")
        assert entries(page) == entries(other)
    assert "← Newer" not in page.links()


def test_a_filter_that_cannot_be_read_says_so_and_keeps_what_was_typed(visit: WebVisit) -> None:
    page = visit.open("/transactions?from=2023-02-30&asset=SAW&kind=SELL", status=422)

    assert "Correct 1 field From: not a day of the calendar" in page.texts("alert")[0]
    assert page.form(button="Filter")["asset"] == "SAW"
    assert page.root.one("input", id="from").attributes["aria-invalid"] == "true"
    visit.open("/transactions.csv?from=2023-02-30", status=422)
    assert "No transaction fits" in visit.open("/transactions?asset=NOBODY").text


def test_what_is_not_booked_is_named_with_the_reason(visit: WebVisit) -> None:
    page = visit.open("/transactions")

    assert "=NEVER" in page.texts("rowheader")
    assert "It is of a kind the ledger does not know." in page.texts("cell")


def test_a_transaction_shows_what_it_moved(visit: WebVisit) -> None:
    page = visit.open(f"/transactions?asset={SAW}&kind=SELL").follow("P2 0")
    moved = [
        (row.all("td")[0].text, row.all("td")[1].text, row.all("td")[2].text)
        for row in page.root.all("tr")
        if len(row.all("td")) == 3
    ]

    assert sorted(moved) == [
        ("Fees", "USD cash", "+1.00"),
        ("Held", SAW, "−10"),
        ("Held", "USD cash", "+799.00"),
        ("Market", SAW, "+10"),
        ("Market", "USD cash", "−800.00"),
    ]
    page.visit.open("/transactions/999999999", status=404)


def test_who_sees_some_accounts_chooses_one(house: House) -> None:
    viewer = web_visit(house, house.people[1, Role.VIEWER])
    page = viewer.open("/assets")

    assert "MINE-1 of MINE-HOUSE" in page.links()
    assert listed(page.follow("MINE-1 of MINE-HOUSE")) != []
    assert viewer.open("/assets.csv").came_by == ("/assets.csv",)
    assert "Choose whose" in viewer.open("/assets/MINECO").text


def test_an_asset_that_is_elsewhere_is_no_error_and_one_that_is_nowhere_is(visit: WebVisit) -> None:
    assert "It is not in this portfolio" in visit.open(f"/assets/{SAW}?account=WIDE").text
    assert "NOTHING-LIKE-IT" in visit.open("/assets/NOTHING-LIKE-IT", status=404).text


def test_a_list_follows_what_is_typed_while_the_field_keeps_the_focus(
    house: House, keeper: Person, browser: Browser, origin: str
) -> None:
    with visiting(browser, origin) as visit:
        sign_in(visit, house, keeper)
        page = visit.open("/assets?account=WIDE")
        field = page.get_by_label("Name, id or ISIN")
        field.press_sequentially("N11")
        expect(page.locator("#live")).to_have_text("10 assets")
        expect(page.locator("#list tbody tr")).to_have_count(10)
        expect(field).to_be_focused()
        page.get_by_label("Class").select_option("Bond")
        expect(page.locator("#live")).to_have_text("No asset fits.")
        assert page.url == f"{origin}/assets?account=WIDE"


def test_the_journal_follows_what_is_chosen(
    house: House, keeper: Person, browser: Browser, origin: str
) -> None:
    with visiting(browser, origin) as visit:
        sign_in(visit, house, keeper)
        page = visit.open(f"/transactions?asset={SAW}")
        page.get_by_label("Kind").focus()
        page.get_by_label("Kind").select_option("SELL")
        expect(page.locator("#live")).to_contain_text("1 transaction shown")
        expect(page.get_by_label("Kind")).to_be_focused()


@pytest.mark.parametrize("width", [320, 1440])
def test_no_name_breaks_the_layout(
    house: House, keeper: Person, browser: Browser, origin: str, width: int
) -> None:
    with visiting(browser, origin, width=width) as visit:
        sign_in(visit, house, keeper)
        tabs = ("overview", "transactions", "lots", "compliance")
        paths = [f"/assets/{quote(IDS[place])}?tab={tab}" for place, tab in enumerate(tabs, 3)]
        for path in ("/assets", "/transactions", "/lots", *paths):
            page = visit.open(path)
            wide = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert (path, wide) == (path, 0)
            assert page.title() != "owned"
