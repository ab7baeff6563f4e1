"""Administration without a script: people invited and changed, what they see, how they get in again, what is erased."""

import json
from uuid import uuid4

import pytest

from house import OTHERS as OTHER_TENANT
from house import House, Person
from steelyard.identity.permissions import Role
from web_visit import Page, WebVisit, web_visit

HOSTILE = '<b onclick="x">Ada</b> & "co"'


@pytest.fixture
def owner(house: House) -> WebVisit:
    return web_visit(house, house.people[1, Role.OWNER])


def somebody(house: House, role: Role = Role.ADVISOR) -> Person:
    return house.do(house.person(role))


def page_of(visit: WebVisit, person: Person) -> Page:
    return visit.open(f"/admin/users/{person.user_id}")


def test_who_is_added_gets_a_link_that_is_shown_once(house: House, owner: WebVisit) -> None:
    login = f"{uuid4().hex}@example.org"
    form = owner.open("/admin").follow("Add somebody").form(button="Add them")
    refused = form.fill(name=HOSTILE, login=login, role="advisor", approval_limit="1,5").send(status=422)
    assert refused.root.one(id="approval_limit-wrong").text == "write it with a point: 1.5"
    assert (refused.form(button="Add them")["name"], refused.root.all("b")) == (HOSTILE, [])

    made = refused.form(button="Add them").fill(approval_limit="1000.5").send()
    address = made.root.one(id="address").attributes["value"]
    assert address.startswith(house.served.wiring.place.public_url)
    assert "#" in address

    page = made.follow("To their page")
    assert (page.h1, page.form(button="Make another link").method) == (HOSTILE, "POST")
    assert page.form(button="Change")["approval_limit"] == "1000.5"
    assert address not in page.html
    taken = owner.open("/admin/new-user").form(button="Add them").fill(name="Ada", login=login)
    assert "This login name is somebody's already" in taken.send(status=409).texts("alert")[0]

    ended = page.follow("end it …").form(button="End the link").send()
    assert "Their links open nothing any more." in ended.texts("status")


def test_role_limit_and_status_change_each_after_it_was_said_what_happens(
    house: House, owner: WebVisit
) -> None:
    person = somebody(house)
    page = page_of(owner, person)
    sure = page.form(button="Change …").fill(role="viewer").send()
    assert "Their sessions and tokens end: they sign in again." in sure.texts("listitem")
    assert "viewer" in sure.form(button="Make them viewer").send().text

    limited = page_of(owner, person).form(button="Change").fill(approval_limit="250").send("Change")
    assert limited.form(button="Change")["approval_limit"] == "250"
    wrong = limited.form(button="Change").fill(approval_limit="-1").send("Change", status=422)
    assert "below 0" in wrong.texts("alert")[0]
    assert wrong.form(button="Change")["approval_limit"] == "-1"

    out = page_of(owner, person).follow("Disable …").form(button="Disable them").send()
    assert "They are let in no more" in out.texts("status")[0]
    assert "disabled" in out.text
    assert "They are let in again." in out.form(button="Enable").send().texts("status")


def test_what_one_may_not_change_is_not_offered(house: House, owner: WebVisit) -> None:
    admin = web_visit(house, house.people[1, Role.ADMIN])
    of_owner = page_of(admin, house.people[1, Role.OWNER])
    assert [form.said for form in of_owner.forms() if "/limit" in form.action or "/role" in form.action] == []
    assert "Disable …" not in of_owner.links()
    assert "owner" in of_owner.root.all(class_="told bare")[0].text.lower()
    assert 'value="owner"' not in admin.open("/admin/new-user").html

    myself = page_of(owner, house.people[1, Role.OWNER])
    assert "Disable …" not in myself.links()
    forced = owner.post(f"/admin/users/{house.people[1, Role.OWNER].user_id}/disable", {}, 403)
    assert forced.texts("alert") != []


def test_accounts_are_granted_and_taken_back(house: House, owner: WebVisit) -> None:
    person = somebody(house)
    path = f"/admin/users/{person.user_id}"
    form = page_of(owner, person).form(button="Grant it")
    page_of(owner, person).form(button="Change").fill(approval_limit="250").send("Change")
    unknown = form.fill(kind="account", granted="NOWHERE", rights=["PROPOSE"]).send(status=404)
    assert unknown.form(button="Change")["approval_limit"] == "250"
    assert unknown.form(button="Grant it")["granted"] == "NOWHERE"
    assert "There is no account NOWHERE" in unknown.texts("alert")[0]

    given = unknown.form(button="Grant it").fill(granted="HIDDEN-1").send()
    assert "HIDDEN-1 account" in given.texts("rowheader")
    assert "read, propose" in given.texts("cell")
    taken = given.follow("Take back … HIDDEN-1").form(button="Take it back").send()
    assert "HIDDEN-1 account" not in taken.texts("rowheader")
    owner.open(f"{path}/grants/end?kind=account&granted=HIDDEN-1", 404)


def test_who_lost_their_factors_gets_in_again_by_two_people(house: House, owner: WebVisit) -> None:
    person, admin = somebody(house), web_visit(house, house.people[1, Role.ADMIN])
    sure = page_of(owner, person).follow("They lost password or factors …")
    asked = sure.form(button="Ask for it").send()
    assert "Another owner or admin approves" in asked.text
    twice = owner.open(f"/admin/users/{person.user_id}/recovery").form(button="Ask for it").send(status=409)
    assert "asked for already" in twice.texts("alert")[0]

    request = page_of(admin, person).follow("look at it …")
    own = owner.open(request.path).form(button="Approve, and show the link").send(status=403)
    assert "You asked for this yourself" in own.texts("alert")[0]
    made = request.form(button="Approve, and show the link").send()
    assert "#" in made.root.one(id="address").attributes["value"]
    owner.open(request.path, 404)


def test_a_program_gets_a_token_that_is_shown_once_and_ended(house: House, owner: WebVisit) -> None:
    service = somebody(house, Role.SERVICE)
    refused = (
        page_of(owner, service)
        .form(button="Make the token")
        .fill(token_name=HOSTILE, days="366")
        .send(status=422)
    )
    assert refused.root.one(id="days-wrong").text == "a whole number from 1 to 365"
    assert refused.root.one(id="scopes-wrong").text == "choose what it may do"

    made = refused.form(button="Make the token").fill(days="30", scopes=["read:portfolio"]).send()
    token = made.root.one(id="token").attributes["value"]
    page = made.follow("To its page")
    assert token not in page.html
    ended = page.follow(f"End … {HOSTILE}").form(button="End the token").send()
    assert "None that opens anything." in ended.text


def test_what_holds_for_everybody_is_changed_as_a_whole_or_not_at_all(house: House) -> None:
    owner = web_visit(house, house.people[OTHER_TENANT, Role.OWNER])
    before = owner.open("/admin/settings").form(button="Change")
    refused = before.fill(approval_limit="5000", price_tolerance="100").send(status=422)
    assert "a fraction, 0 or above and below 1" in refused.texts("alert")[0]
    assert refused.form(button="Change")["approval_limit"] == "5000"
    kept = owner.open("/admin/settings").form(button="Change")
    assert kept["approval_limit"] == ""

    changed = kept.fill(approval_limit="5000", proposal_minutes="45", requires_mfa="yes").send()
    assert "What was changed counts" in changed.texts("status")[0]
    form = changed.form(button="Change")
    assert (form["approval_limit"], form["proposal_minutes"], form["requires_mfa"]) == ("5000", "45", "yes")
    form.fill(approval_limit=None, proposal_minutes="30", requires_mfa=None).send()
    assert owner.open("/admin/settings").form(button="Change")["approval_limit"] == ""


def test_personal_data_is_given_held_and_erased(house: House, owner: WebVisit) -> None:
    person = somebody(house, Role.VIEWER)
    given = page_of(owner, person).form(button="Export everything").send()
    assert json.loads(given.html)["user_id"] == str(person.user_id)
    assert given.headers["content-disposition"].startswith("attachment; filename=")

    form = page_of(owner, person).follow("Hold …").form(button="Place the hold")
    assert form["user_id"] == str(person.user_id)
    refused = form.fill(reason=None).send(status=422)
    assert refused.root.one(id="reason-wrong").text == "this is needed"
    held = refused.form(button="Place the hold").fill(reason=f"{HOSTILE} {person.login}").send()

    page_of(owner, person).follow("Disable …").form(button="Disable them").send()
    sure = page_of(owner, person).follow("Erase …")
    assert "It cannot be undone." in sure.texts("listitem")
    assert "under legal hold" in sure.form(button="Erase for good").send(status=409).texts("alert")[0]

    release = held.follow(f"Release … {HOSTILE} {person.login}").form(button="Release the hold").send()
    assert "The hold is released." in release.texts("status")
    gone = sure.form(button="Erase for good").send()
    assert gone.path == "/admin?done=erased"
    assert person.login not in gone.text
    owner.open(f"/admin/users/{person.user_id}", 404)
