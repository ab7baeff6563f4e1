"""Accounts and households in a list, and a page of each account."""

import secrets

import pytest

from house import House, Person
from steelyard.identity.permissions import Role
from steelyard.services.account_list import SORTS, get_account_list
from steelyard.services.model import write_model
from steelyard.storage.acting import acting_as
from steelyard.storage.dashboard import Chosen
from web_visit import Page, web_visit


@pytest.fixture(scope="module")
def owner(house: House) -> Person:
    return house.people[1, Role.OWNER]


@pytest.fixture(scope="module")
def model(house: House) -> str:
    """A model that is for who bears the most."""
    model_id = f"MODEL-{secrets.token_hex(3)}"
    house.do(
        house.write(
            1,
            write_model,
            model_id,
            name=f"Bold <b>{model_id}</b>",
            weights={"A": "0.5", "MINECO": "0.5"},
            risk_level=5,
            expected=0,
        )
    )
    return model_id


def test_the_list_shows_the_accounts_and_households_that_are_seen(house: House, owner: Person) -> None:
    page = web_visit(house, owner).open("/accounts")
    links = page.links()
    assert links["HIDDEN-1 of HIDDEN-HOUSE"] == "/dashboard?account=HIDDEN-1"
    assert links["MINE-HOUSE family"] == "/dashboard?household=MINE-HOUSE"
    advisor = web_visit(house, house.people[1, Role.ADVISOR]).open("/accounts")
    assert "MINE-1 of MINE-HOUSE" in advisor.links()
    assert "HIDDEN-" not in advisor.text


def test_it_is_searched_filtered_and_sorted_by_its_address(house: House, owner: Person) -> None:
    visit = web_visit(house, owner)
    found = visit.open("/accounts").form(button="Show").fill(q="mine-2").send()
    assert "MINE-2 of MINE-HOUSE" in found.links()
    assert "MINE-1 of MINE-HOUSE" not in found.links()
    of_house = visit.open("/accounts?in=MIXED-HOUSE&sort=name", HX_Request="true")
    assert "<html" not in of_house.html
    assert [one.text for one in of_house.root.all("a") if one.attributes.get("class") == "id"] == [
        "HIDDEN-2 of MIXED-HOUSE",
        "MINE-3 of MIXED-HOUSE",
    ]
    [sorted_by] = [one for one in of_house.root.all("th") if "aria-sort" in one.attributes]
    assert (sorted_by.text, sorted_by.attributes["aria-sort"]) == ("Account", "ascending")
    assert "No account is like that" in visit.open("/accounts?q=<i>nobody</i>").text
    assert visit.open("/accounts?after=nonsense", 422).h1 == "This cannot be used as it is"


@pytest.mark.parametrize("sort", SORTS)
def test_page_after_page_gives_every_account_once(house: House, owner: Person, sort: str) -> None:
    async def walk() -> tuple[list[str], int]:
        seen, after, among = [], None, 0
        with acting_as(owner.acting):
            while True:
                listed = await get_account_list(Chosen(), sort=sort, after=after, limit=2)
                seen += [one.account_id for one in listed.accounts]
                among, after = listed.among, listed.next
                if after is None:
                    return seen, among

    seen, among = house.do(walk())
    assert len(seen) == len(set(seen)) == among >= 5


def test_accounts_outside_the_band_of_their_model_stand_out(house: House, owner: Person, model: str) -> None:
    visit = web_visit(house, owner)
    none = "update steelyard.accounts set model_id = null where household_id = 'MINE-HOUSE' returning 1"
    house.rows(none)  # other tests let them follow some
    follow(visit.open("/accounts/MINE-1"), model)
    page = visit.open("/accounts?outside=1")
    assert "MINE-1 of MINE-HOUSE" in page.links()
    assert "MINE-2 of MINE-HOUSE" not in page.links()
    assert "outside" in visit.open("/dashboard?account=MINE-1").text
    assert "1 of 1 accounts outside" in visit.open("/dashboard?household=MINE-HOUSE").text


def follow(page: Page, model: str) -> Page:
    return page.form(button="Follow").fill(model=model, reason="agreed by telephone").send()


def test_a_model_that_is_not_offered_is_followed_for_a_reason_alone(
    house: House, owner: Person, model: str
) -> None:
    page = web_visit(house, owner).open("/accounts/HIDDEN-1")
    assert "<b>" not in page.html, "names of others stay text"
    form = page.form(button="Follow").fill(model=model)
    refused = form.send(status=409)
    assert "is not offered to HIDDEN-1" in refused.texts("alert")[0]
    assert refused.links()["All accounts"] == "/dashboard", "no link leads to where a form was sent"
    again = refused.form(button="Follow")
    assert again["model"] == model
    done = again.fill(reason="agreed <i>by telephone</i>").send()
    assert done.path == "/accounts/HIDDEN-1?done=model"
    assert "The account follows the model from now on." in done.texts("status")


def test_a_profile_is_written_in_versions_and_what_was_typed_stays(house: House, owner: Person) -> None:
    visit = web_visit(house, owner)
    page = visit.open("/accounts/HIDDEN-2")
    typed = {"horizon_years": "ten", "goals": "a <house>\nold age"}
    refused = page.form(button="Write the profile").fill(**typed).send(status=422)
    form = refused.form(button="Write the profile")
    assert (form["horizon_years"], form["goals"]) == ("ten", "a <house>\nold age")
    assert "a whole number, such as 10" in refused.text
    beyond = form.fill(horizon_years="1000").send(status=422)
    assert "horizon_years is 1000" in beyond.texts("alert")[0]
    done = beyond.form(button="Write the profile").fill(horizon_years="10").send()
    assert done.form(button="Write the profile")["version"] == "1"
    late = form.fill(horizon_years="20").send(status=412)
    assert "version" in late.texts("alert")[0]
    again = late.form(button="Write the profile")
    assert (again["horizon_years"], again["version"]) == ("20", "1"), (
        "sent again, it replaces what was just shown"
    )
    assert again.send().form(button="Write the profile")["version"] == "2"


def test_who_may_only_read_is_offered_no_change(house: House) -> None:
    page = web_visit(house, house.people[1, Role.VIEWER]).open("/accounts/MINE-1")
    said = {said for form in page.forms() for said in form.said}
    assert not said & {"Follow", "Write the profile"}
    assert page.h1 == "MINE-1 of MINE-HOUSE"


def test_an_account_without_prices_or_history_is_shown_all_the_same(house: House, owner: Person) -> None:
    account = house.do(house.ledger_account(1))
    page = web_visit(house, owner).open(f"/accounts/{account}")
    assert page.h1 == account
    assert "Nothing is booked in this account." in page.text
    nothing = web_visit(house, owner).open(f"/dashboard?account={account}")
    assert "Nothing is published of this yet" in nothing.texts("heading")
