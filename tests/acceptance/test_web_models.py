"""Pages of models: sums while somebody types, what is missing, who wrote meanwhile, who follows."""

from uuid import uuid4

import pytest
from playwright.sync_api import Browser, expect

from browsing import sign_in, visiting
from house import House
from steelyard.identity.permissions import Role
from web_visit import Form, WebVisit, web_visit

KEEP, MAKE = "Keep this version", "Make the model"


@pytest.fixture
def pages(house: House) -> WebVisit:
    return web_visit(house, house.people[1, Role.OWNER])


def new_model(pages: WebVisit) -> tuple[str, Form]:
    """A form of a model that is not there yet, with its id."""
    model_id = f"m-{uuid4().hex[:8]}"
    form = pages.open("/models/new").form("/models/new", button=MAKE)
    return model_id, form.fill(model_id=model_id, name="A & <b>B</b>")


def made(pages: WebVisit, *members: tuple[str, str]) -> str:
    model_id, form = new_model(pages)
    for number, (member, weight) in enumerate(members, 1):
        form.fill(**{f"member-{number}": member, f"weight-{number}": weight})
    assert "The model is kept" in form.send(MAKE).text
    return model_id


def test_weights_that_do_not_sum_are_refused_with_what_is_missing(pages: WebVisit) -> None:
    _, form = new_model(pages)
    form.fill(**{"member-1": "A", "weight-1": "60", "member-2": "MINECO", "weight-2": "37.5"})
    short = form.send(MAKE, status=422)
    assert "2.5 % is missing" in short.texts("alert")[0]
    assert "97.50 %" in short.root.one("section", id="sums").text
    again = short.form("/models/new", button=MAKE)
    assert (again["weight-1"], again["name"]) == ("60", "A & <b>B</b>")
    over = again.fill(**{"weight-2": "41"}).send(MAKE, status=422)
    assert "1 % too much" in over.texts("alert")[0]
    kept = over.form("/models/new", button=MAKE).fill(**{"weight-2": "40"}).send(MAKE)
    assert kept.h1 == "A & <b>B</b>"


def test_a_model_of_models_is_looked_through_and_holds_itself_never(house: House, pages: WebVisit) -> None:
    core = made(pages, ("A", "70"), ("MINECO", "30"))
    outer = made(pages, (core, "50"), ("A", "50"))
    rows = house.rows(
        "select asset_id, trim_scale(target_weight)::text from steelyard.target_weights where model_id = :m",
        m=outer,
    )
    assert sorted(map(tuple, rows)) == [("A", "0.85"), ("MINECO", "0.15")]
    form = pages.open(f"/models/{core}").form(f"/models/{core}", button=KEEP)
    form.fill(**{"member-2": core})
    assert "contains itself" in form.send(KEEP, status=422).texts("alert")[0]
    form.fill(**{"member-2": "NOTHING"})
    assert "neither an asset nor a model" in form.send(KEEP, status=422).texts("alert")[0]


def test_rows_are_added_and_removed_without_a_script(pages: WebVisit) -> None:
    _, form = new_model(pages)
    form.fill(**{"member-1": "A", "weight-1": "abc"})
    more = form.send("Add a member").form("/models/new", button=MAKE)
    assert {"member-1", "member-4"} <= more.names
    assert more["weight-1"] == "abc"
    removal = next(one for one in more.buttons if one.attributes.get("value") == "2")
    fewer = pages.post("/models/new", [*more.fields, ("remove", removal.attributes["value"])])
    left = fewer.form("/models/new", button=MAKE)
    assert "member-2" not in left.names
    assert left["member-1"] == "A"


def test_what_somebody_changed_meanwhile_is_said_and_what_was_typed_stays(pages: WebVisit) -> None:
    model_id = made(pages, ("A", "100"))
    mine = pages.open(f"/models/{model_id}").form(f"/models/{model_id}", button=KEEP).fill(name="Mine")
    theirs = pages.open(f"/models/{model_id}").form(f"/models/{model_id}", button=KEEP)
    theirs.fill(name="Theirs").send(KEEP)
    late = mine.send(KEEP, status=412)
    assert "Somebody changed it meanwhile" in late.texts("heading")
    again = late.form(f"/models/{model_id}", button=KEEP)
    assert again["name"] == "Mine"
    assert again.send(KEEP).h1 == "Mine"


def test_an_account_follows_a_model_for_a_reason(pages: WebVisit) -> None:
    model_id = made(pages, ("A", "100"))
    path = f"/models/{model_id}/assign"
    form = pages.open(f"/models/{model_id}").form(path, button="Let it follow the model")
    refused = form.fill(account="MINE-2").send(status=409)
    assert "is not offered to MINE-2" in refused.texts("alert")[0]
    again = refused.form(path, button="Let it follow the model")
    assert again["account"] == "MINE-2"
    followed = again.fill(reason="they asked for it").send()
    assert "The account follows this model now" in followed.text
    assert "MINE-2" in followed.links()
    assert followed.links()["Begin a run over its accounts"] == f"/book/new?model={model_id}"


def test_who_may_not_change_models_sees_what_they_hold(house: House, pages: WebVisit) -> None:
    model_id = made(pages, ("A", "55"), ("MINECO", "45"))
    viewer = web_visit(house, house.people[1, Role.VIEWER])
    page = viewer.open(f"/models/{model_id}")
    assert "55.00 %" in page.text
    assert KEEP not in page.texts("button")


def test_sums_follow_what_is_typed(house: House, browser: Browser, origin: str) -> None:
    with visiting(browser, origin) as window:
        sign_in(window, house, house.people[1, Role.OWNER])
        page = window.open("/models/new")
        page.get_by_label("Member 1", exact=True).fill("A")
        page.get_by_label("Weight of member 1, percent").fill("55")
        expect(page.locator("#sums")).to_contain_text("45.00\u202f% is missing")
        expect(page.get_by_label("Weight of member 1, percent")).to_be_focused()
        expect(page.locator("#live")).to_contain_text("45.00\u202f% is missing")
