"""The report as a browser shows it: nothing sticks out, nothing is fetched, nothing runs, dark is dark."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal, cast

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from report_books import EMPTY, HOSTILE, NASTY, report_of
from steelyard.cli.report import render
from terminal import OUR_BOOK, Terminal, write_book

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",  # tests may run as root, in a container
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WIDTHS = (320, 768, 1440)
GROUND = {"light": "rgb(246, 247, 249)", "dark": "rgb(12, 14, 19)"}
STICKING_OUT = """
    [...document.querySelectorAll("body *")]
        .filter(element => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
        .map(element => element.outerHTML.slice(0, 80))
"""
OVERLAPPING = """
    [...document.querySelectorAll(".chart text")]
        .filter(text => getComputedStyle(text).display !== "none")
        .flatMap((text, place, all) => all.slice(place + 1).map(other => [text, other]))
        .filter(([text, other]) => {
            const [a, b] = [text.getBoundingClientRect(), other.getBoundingClientRect()];
            return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
        })
        .map(([text, other]) => `${text.textContent} over ${other.textContent}`)
"""

Scheme = Literal["light", "dark"]


@dataclass(slots=True)
class Seen:
    """A page, and what a browser complained of or asked for while showing it."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{CHROMIUM} is missing; the report must be looked at")
        pytest.skip(f"{CHROMIUM} is missing; `apt install chromium` to look at the report")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def report(terminal: Terminal, tmp_path: Path) -> Path:
    place = tmp_path / "report.html"
    terminal.show("report", "--output", str(place))
    return place


def look_at(browser: Browser, place: Path, *, width: int = 1440, scheme: Scheme = "light") -> Seen:
    seen = Seen(browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme))
    seen.page.on("console", lambda message: seen.complaints.append(message.text))
    seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    seen.page.on("request", lambda request: seen.requests.append(request.url))
    seen.page.goto(place.as_uri())
    return seen


def assert_it_fits(seen: Seen) -> None:
    wide, room = seen.page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )

    assert seen.page.evaluate(STICKING_OUT) == []
    assert wide <= room
    assert seen.page.evaluate(OVERLAPPING) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_report_fits_is_quiet_and_stays_at_home(
    browser: Browser, report: Path, width: int, scheme: str
) -> None:
    seen = look_at(browser, report, width=width, scheme=cast("Scheme", scheme))

    assert_it_fits(seen)
    assert seen.complaints == []
    assert seen.requests == [report.as_uri()]
    ground = seen.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert ground == GROUND[scheme]
    seen.page.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("book", ["hostile", "empty"])
def test_names_of_any_kind_and_books_without_assets_fit_too(
    browser: Browser, tmp_path: Path, book: str, width: int
) -> None:
    place, document = tmp_path / "report.html", {"hostile": NASTY, "empty": EMPTY}[book]
    place.write_text(render(report_of(document)), encoding="utf-8")

    seen = look_at(browser, place, width=width)

    assert_it_fits(seen)
    assert seen.complaints == []
    assert seen.requests == [place.as_uri()]
    assert seen.page.title().endswith("2023-01-28: Steelyard report")
    assert seen.page.locator("script, img, link").count() == 0
    if book == "hostile":
        assert seen.page.locator("h1").text_content() == HOSTILE[0]
    seen.page.close()


def test_columns_stand_on_their_axis_and_bars_are_as_long_as_their_numbers(
    browser: Browser, report: Path
) -> None:
    page = look_at(browser, report).page
    ground = page.locator("section:has(#volume) .canvas").evaluate(
        "svg => svg.getBoundingClientRect().bottom"
    )
    feet = page.locator("section:has(#volume) .canvas .series-1").evaluate_all(
        "columns => columns.map(column => column.getBoundingClientRect().bottom)"
    )
    rows = page.locator("section:has(#sectors) tbody tr").evaluate_all(
        "rows => rows.map(row => [row.querySelector('.series-1').getBoundingClientRect().width,"
        " parseFloat(row.querySelectorAll('td')[1].textContent)])"
    )

    assert len(feet) == 12
    assert feet == [pytest.approx(ground, abs=0.5)] * 12
    length_of_a_percent = rows[0][0] / rows[0][1]
    assert [length for length, _ in rows] == [
        pytest.approx(length_of_a_percent * share, abs=0.5) for _, share in rows
    ]
    page.close()


def test_curves_end_where_the_performance_does_and_all_periods_are_listed(
    browser: Browser, terminal: Terminal, report: Path
) -> None:
    did = terminal.ask("performance")
    page = look_at(browser, report).page
    card = page.locator("section:has(#returns)")
    labels = [mark.replace("−", "-") for mark in card.locator(".values text").all_text_contents()]
    heights = card.locator(".grid-line").evaluate_all(
        "lines => lines.map(line => line.getBoundingClientRect().top)"
    )
    marks = [(float(label.rstrip("\u202f%")), top) for label, top in zip(labels, heights, strict=True)]
    ends = card.locator("path.curve").evaluate_all(
        "curves => curves.map(curve => { const box = curve.closest('.canvas').getBoundingClientRect();"
        " return box.top + box.height * parseFloat(curve.getAttribute('d').split(' ').pop()) / 400; })"
    )
    (low, bottom), (high, top) = min(marks), max(marks)

    def height(fraction: Decimal) -> float:
        return float(bottom + (top - bottom) * (100 * float(fraction) - low) / (high - low))

    figures = did["figures"]
    assert ends == [  # the book is drawn last, on top
        pytest.approx(height(figures["benchmark_return"]), abs=2),
        pytest.approx(height(figures["time_weighted_return"]), abs=2),
    ]
    assert card.locator("tbody tr").count() == len(did["periods"])
    assert page.locator("section:has(#drawdowns) tbody tr").count() == len(did["falls"])
    assert f"{100 * figures['time_weighted_return']:.2f}" in (card.locator("figcaption").text_content() or "")
    page.close()


def test_the_report_of_a_version_is_of_what_was_known_then(ready: Terminal, tmp_path: Path) -> None:
    place, again = tmp_path / "before.html", tmp_path / "after.html"
    header = (
        "transaction_id,account,asset_id,transaction_date,transaction_type,currency,quantity,total_amount"
    )
    first = f"{header}\n1,SAVINGS,,2024-01-02,DEPOSIT,USD,,1000\n2,SAVINGS,OURS,2024-01-02,BUY,USD,100,1000\n"
    late = f"{header}\nLATE,SAVINGS,,2024-01-03,DEPOSIT,USD,,5000\n"
    nothing: dict[str, str | None] = dict.fromkeys(OUR_BOOK)
    more = write_book(tmp_path / "more", **nothing | {"transactions": late})
    ready.show("load", str(write_book(tmp_path / "book", transactions=first)))
    ready.show("report", "--output", str(place))
    before = ready.ask("performance")["figures"]

    ready.show("load", str(more), "--only", "transactions", "--no-refresh")
    ready.show("report", "--output", str(again))

    assert before["gain"] == 100
    assert ready.ask("performance")["figures"]["net_flows"] == before["net_flows"] + 5000
    assert again.read_bytes() == place.read_bytes()


def test_on_paper_it_is_light_and_holds_what_the_screen_folds_away(browser: Browser, report: Path) -> None:
    page = look_at(browser, report, scheme="dark").page
    listed = page.locator("table.months tbody tr").first

    assert not listed.is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert listed.is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(18, 21, 28)"
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    page.close()


def test_the_report_of_a_household_and_its_answer_as_json(terminal: Terminal, tmp_path: Path) -> None:
    place = tmp_path / "rivera.html"

    answer = terminal.ask("report", "--output", str(place), "--household", "RIVERA")
    terminal.show("report", "--output", str(tmp_path / "again.html"), "--household", "RIVERA")

    assert answer["output"] == str(place)
    assert answer["bytes"] == place.stat().st_size
    assert answer["content_hash"] in place.read_text("utf-8")
    assert place.read_bytes() == (tmp_path / "again.html").read_bytes()


def test_a_report_that_cannot_be_written_or_read_is_one_sentence(terminal: Terminal, tmp_path: Path) -> None:
    place = tmp_path / "gone" / "report.html"

    assert terminal.refused("report", "--output", str(place)) == (
        f"Cannot write {place}: No such file or directory; choose another place with --output."
    )
    assert "did you mean RIVERA" in terminal.refused(
        "report", "--output", str(tmp_path / "report.html"), "--household", "RIVERO"
    )
    assert list(tmp_path.iterdir()) == []
