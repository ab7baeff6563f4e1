"""The page of a report, and the file it is written to."""

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from report_books import EMPTY, HOSTILE, NASTY, ORDINARY, report_of
from steelyard.cli.report import MOST_VIOLATIONS, OutputFileError, render, write_whole

BOOKS = {"empty": EMPTY, "ordinary": ORDINARY, "hostile": NASTY}


class Outline(HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def words(page: str) -> str:
    return re.sub(r"\s+", " ", Outline(page).text)


@pytest.fixture(params=BOOKS)
def page(request: pytest.FixtureRequest) -> str:
    return render(report_of(BOOKS[request.param]))


def test_a_page_runs_nothing_and_asks_for_nothing(page: str) -> None:
    for tag, attributes in Outline(page).tags:
        assert tag not in {"script", "img", "link", "iframe", "object", "base", "form"}
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "href", "style"}]


def test_a_page_allows_its_own_style_and_nothing_else(page: str) -> None:
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    policy = next(attrs["content"] for _, attrs in Outline(page).tags if "http-equiv" in attrs)

    assert style
    fingerprint = b64encode(sha256(style[1].encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{fingerprint}'; base-uri 'none'; form-action 'none'"
    )


def test_every_id_is_there_once_and_every_reference_leads_to_one(page: str) -> None:
    tags = Outline(page).tags
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    references = {attributes["aria-labelledby"] for _, attributes in tags if "aria-labelledby" in attributes}

    assert len(ids) == len(set(ids))
    assert references <= set(ids)
    assert [tag for tag, _ in tags].count("h1") == 1


def test_the_same_version_makes_the_same_page() -> None:
    assert render(report_of(ORDINARY)) == render(report_of(ORDINARY))


def test_a_page_says_what_it_is_of() -> None:
    text = words(render(report_of(ORDINARY)))

    assert "All accounts" in text
    assert "As of 28 January 2023 Version 3 Money in USD" in text
    assert "published 2024-01-01 00:00 UTC. Content hash " + "ab" * 32 in text


def test_a_page_of_a_household_has_its_name() -> None:
    rivera = replace(ORDINARY, scope_kind="household", scope_id="RIVERA")

    assert "The Riveras As of 28 January 2023 Household RIVERA" in words(
        render(report_of(rivera, name="The Riveras"))
    )
    assert "<h1><bdi>RIVERA</bdi></h1>" in render(report_of(rivera))


def test_a_page_has_the_figures_of_every_reader() -> None:
    text = words(render(report_of(ORDINARY))).replace("\u202f", " ")

    for figure in (
        "1,000.01 USD",
        "3 assets, 1 without a known value",
        "▼ −12.34 %",
        "▲ +5.00 %",
        "HIGH is the largest of 2 risk categories: 75.00 % of 1,000.01 USD. Then LOW, 25.00 %.",
        "All of 1,000.01 USD is Equity.",
        "1,500.50 USD in 11 months, most in Jan 2023: 1,500.50 USD. Nothing in 10 months. Unknown in Dec 2022.",
        "A month is unknown where an exchange rate to USD is missing.",
        "Energy is the largest of 2 sectors: 90.00 % of 1,000.01 USD.",
        "Values below zero are listed, not drawn.",
        "AMD Advanced Micro Devices 5.23 % 1.80 −0.35",
        "CHF Swiss franc – – –",
        "Sharpe is above 0, for no risk-free series is loaded.",
        "XOM Exxon Mobil ▲ +82.00 % 30.00 %",
        "AMD Advanced Micro Devices 2 2022-09-30",
        "nothing to measure beta against no_benchmark 2",
        "the latest price is more than seven days old stale_price 1",
    ):
        assert figure in text


def test_a_book_without_assets_says_so_everywhere() -> None:
    text = words(render(report_of(EMPTY)))

    for sentence in (
        "Nothing in 12 months.",
        "There are no asset types.",
        "There are no sectors.",
        "There are no countries.",
        "No asset is held, traded, targeted or checked here.",
        "No asset has a return of one year.",
        "No violation in the last six months.",
        "Nothing limits these figures.",
    ):
        assert sentence in text


def test_hostile_names_are_shown_as_they_are() -> None:
    page = render(report_of(NASTY, name=HOSTILE[0]))
    text = words(page)

    for name in HOSTILE:
        assert re.sub(r"\s+", " ", name).replace("\u0007", "\ufffd") in text.replace("\u0007", "\ufffd")
    assert "<bdi>" + "&lt;script&gt;" in page


def test_very_many_violations_are_cut_and_the_rest_is_named() -> None:
    text = words(render(report_of(NASTY)))

    assert (
        f"And {len(NASTY.compliance) - MOST_VIOLATIONS} more assets; steelyard compliance lists all." in text
    )


# ── The file ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    place = tmp_path / "report.html"
    place.write_bytes(b"old")

    write_whole(place, b"new")

    assert place.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [place]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "latest.html").symlink_to(tmp_path / "report.html")

    write_whole(tmp_path / "latest.html", b"new")

    assert (tmp_path / "latest.html").is_symlink()
    assert (tmp_path / "report.html").read_bytes() == b"new"


@pytest.mark.parametrize(("place", "reason"), [("gone/report.html", "No such file"), (".", "not a file")])
def test_a_place_that_takes_no_file_is_refused(tmp_path: Path, place: str, reason: str) -> None:
    with pytest.raises(OutputFileError, match=reason):
        write_whole(tmp_path / place, b"new")

    assert list(tmp_path.iterdir()) == []
