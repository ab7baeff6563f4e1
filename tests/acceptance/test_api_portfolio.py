"""What programs read of portfolios: exact, in pages, and refused where the question breaks a rule."""

from decimal import Decimal
from typing import Any

import pytest

from house import House, Window
from steelyard.identity.permissions import Role


@pytest.fixture
def window(house: House) -> Window:
    return house.window_of(house.people[1, Role.OWNER])


def read(window: Window, path: str) -> Any:
    answer = window.ask("GET", path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_money_is_text_and_fractions_are_numbers(window: Window) -> None:
    held = read(window, "/positions?account=MINE-1")
    shares = {one["asset_id"]: one for one in held["positions"]}

    assert Decimal(held["total_value"]) == Decimal("1021.75")  # 7 at 103 and 3 at 100.25
    assert {type(shares["A"][name]) for name in ("quantity", "price", "value")} == {str}
    assert (shares["A"]["quantity"], Decimal(shares["A"]["value"])) == ("7", Decimal(721))
    assert shares["A"]["weight"] == pytest.approx(721 / 1021.75)
    assert shares["A"]["price_date"] == "2023-12-29"


def test_the_ledger_is_read_page_by_page(window: Window) -> None:
    whole = [entry["transaction_id"] for entry in read(window, "/ledger?limit=100")["entries"]]
    pages: list[list[str]] = []
    after = ""
    while after or not pages:
        page = read(window, f"/ledger?limit=3&after={after}")
        pages.append([entry["transaction_id"] for entry in page["entries"]])
        after = page["after"]

    assert len(whole) == 10
    assert [len(page) for page in pages] == [3, 3, 3, 1]
    assert [name for page in pages for name in page] == whole


def test_assets_are_searched_sorted_and_paged(window: Window) -> None:
    def ids(query: str) -> list[str]:
        return [row["asset_id"] for row in read(window, f"/asset-360/assets?{query}")["assets"]]

    assert ids("sort=name") == ["A", "HIDDENCO", "MINECO"]
    assert ids("sort=value")[0] == "A"
    assert ids("sort=name&search=co&limit=1&page=2") == ["HIDDENCO"]
    assert read(window, "/asset-360/assets?limit=1&page=9999") == {"assets": [], "among": 3}


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/asset-360/assets?sort=price;drop", "query.sort"),
        ("/asset-360/assets?page=-1", "query.page"),
        ("/asset-360/assets?page=1000000000", "query.page"),
        ("/asset-360/assets?limit=1000000000", "query.limit"),
        ("/ledger?limit=0", "query.limit"),
        ("/ledger?after=2023-01-02", "is no place in the journal"),
        ("/ledger?after=9999-12-31:99999999999999999999", "is no place in the journal"),
        ("/ledger?after=2023-01-02:%D9%A3", "is no place in the journal"),
        ("/ledger?kind=GIFT", "query.kind"),
        ("/positions?as_of=2023-02-30", "query.as_of: not a day of the calendar"),
        ("/positions?as_of=1", "query.as_of: not a day such as"),
        ("/positions?account=MINE-1&household=MINE-HOUSE", "exclude each other"),
        ("/performance?last=9999-12-31", "9999-12-31 has not come"),
        ("/performance?first=2023-12-01&last=2023-11-01", "has no day"),
        ("/performance?currency=dollars", "query.currency"),
    ],
)
def test_a_question_that_breaks_a_rule_is_refused_with_the_rule(window: Window, path: str, says: str) -> None:
    answer = window.ask("GET", path)

    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_what_is_published_of_everything_says_to_who_sees_a_part_what_to_ask_for(house: House) -> None:
    advisor = house.window_of(house.people[1, Role.ADVISOR])
    answer = advisor.ask("GET", "/asset-360/overview")

    assert answer.status_code == 404
    assert "name an `account`" in answer.json()["detail"]
