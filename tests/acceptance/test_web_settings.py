"""One's own settings on pages, without a script: each action, what it refuses, and hostile names."""

import re

from house import House, Person
from passkey_device import Device, encode
from steelyard.identity.permissions import Role
from web_entry import HOSTILE
from web_visit import Page, WebVisit, web_visit

NEW, COMMON = "four storks over a wet roof", "password"


def said(page: Page) -> str:
    """What a page says was done."""
    return next(text for text in page.texts("status") if text)


def somebody(house: House, role: Role = Role.VIEWER) -> tuple[Person, WebVisit]:
    person = house.do(house.person(role))
    house.do(house.enrol(person))
    return person, web_visit(house, person)


def test_a_password_is_changed_and_removed_where_another_way_in_is_left(house: House) -> None:
    person, visit = somebody(house)
    other = web_visit(house, person)
    page = visit.open("/settings/security").follow("Change password")
    page = page.form("/settings/security/password").fill(new_password=COMMON).send(status=422)
    assert "Nothing was changed" in page.texts("heading")
    page = page.form("/settings/security/password").fill(new_password=NEW).send()
    assert "every other session of yours has ended" in said(page)
    assert other.open("/settings").h1 == "Sign in"

    page = visit.post("/settings/security/password/remove", {}, 409)
    assert "nothing left to sign in with" in page.text
    house.do(house.give_passkey(person, Device(house.served.wiring.place.public_url)))
    page = visit.open("/settings/security/password").form("/settings/security/password/remove").send()
    assert "removed" in said(page)


def test_a_passkey_is_renamed_and_removed(house: House) -> None:
    person, visit = somebody(house)
    device = Device(house.served.wiring.place.public_url)
    house.do(house.give_passkey(person, device))
    page = visit.open("/settings/security").follow("Change passkey a device")
    action = f"/settings/security/passkeys/{encode(device.credential_id)}"
    page = page.form(action).fill(label="x" * 61).send(status=422)
    assert page.form(action)["label"] == "x" * 61
    page = page.form(action).fill(label=HOSTILE).send()
    assert said(page) == "It is renamed."
    assert HOSTILE in page.text
    page = page.follow(f"Change passkey {HOSTILE}").form(f"{action}/remove").send()
    assert "removed" in said(page)
    assert HOSTILE not in page.text


def test_an_app_is_replaced_and_removed_and_recovery_codes_are_made_anew(house: House) -> None:
    person, visit = somebody(house)
    page = visit.open("/settings/security").follow("Change authenticator app").form("/enrol/app").send()
    [seed] = [one.text for one in page.root.all("code", class_="seed")]
    person.learn_seed(seed.replace(" ", ""))
    page = page.form(button="Confirm").fill(code=person.code(house.clock())).send()
    assert (page.path, "added" in said(page)) == ("/settings/security?done=added", True)

    codes = page.follow("Make new ones: recovery codes").form("/settings/security/codes").send()
    shown = [one.text for one in codes.root.one("ol", id="codes").all("code")]
    assert len(shown) == 10
    assert not set(shown) & set(person.recovery_codes)
    page = codes.follow("I have kept them, go on").follow("Change authenticator app")
    assert "removed" in said(page.form("/settings/security/app/remove").send())


def test_the_last_second_factor_stays_where_one_is_needed(house: House) -> None:
    _, visit = somebody(house, Role.ADVISOR)
    page = visit.open("/settings/security/app").form("/settings/security/app/remove").send(status=409)
    assert "this is your last one" in page.text


def test_sessions_are_ended_one_by_one_and_all_others_at_once(house: House) -> None:
    person, visit = somebody(house)
    others = [web_visit(house, person) for _ in range(3)]
    page = visit.open("/settings/security")
    assert page.text.count("This one") == 1
    ends = [form for form in page.forms() if form.action.endswith("/end")]
    assert len(ends) == 4
    first = next(form for form in ends if "Sign out" not in form.said[0])
    page = first.send()
    assert said(page) == "The session has ended."
    page = page.form("/settings/security/sessions/end-others").send()
    assert said(page) == "All your other sessions have ended."
    assert {other.open("/settings").h1 for other in others} == {"Sign in"}
    [own] = [form for form in page.forms() if form.action.endswith("/end")]
    assert own.send().h1 == "Sign in"


def test_a_token_is_shown_once_listed_and_ended(house: House) -> None:
    _, visit = somebody(house)
    page = visit.open("/settings/tokens").follow("Make one")
    assert "propose:order" not in page.html
    page = page.form("/settings/tokens").fill(name=HOSTILE).send(status=422)
    assert page.form("/settings/tokens")["name"] == HOSTILE
    assert "choose at least one" in page.text
    page = page.form("/settings/tokens").fill(scope=["read:asset"], days="7").send()
    [token] = re.findall("sy_[0-9a-f]{32}_[A-Za-z0-9_-]{43}", page.html)
    asked = {"host": house.served.host, "authorization": f"Bearer {token}"}
    assert house.send("GET", "/api/v1/me", None, asked).json()["permissions"] == ["read:asset"]

    page = page.follow("I have kept it")
    assert HOSTILE in page.text
    assert token not in page.html
    [end] = [form for form in page.forms() if form.action.endswith("/end")]
    assert "opens nothing any more" in said(end.send())
    assert house.send("GET", "/api/v1/me", None, asked).status_code == 401


def test_a_scope_beyond_the_role_is_refused(house: House) -> None:
    _, visit = somebody(house)
    asked = {"name": "program", "scope": "approve:order", "days": "7"}
    assert "cannot have the scope" in visit.post("/settings/tokens", asked, 422).text


def test_a_broker_is_linked_given_an_account_and_ended(house: House) -> None:
    owner, visit = house.people[1, Role.OWNER], web_visit(house, house.people[1, Role.OWNER])
    account = house.do(house.ledger_account(owner.tenant_id))
    name = f"{HOSTILE} {account}"
    page = visit.open("/settings/connections/new")
    page = page.form("/settings/connections").fill(name=name, slippage_bps="many").send(status=422)
    assert page.form("/settings/connections")["slippage_bps"] == "many"
    page = page.form("/settings/connections").fill(slippage_bps="2").send()
    assert "is linked" in said(page)
    [row] = [one for one in page.root.all("li", class_="broker") if name in one.text]
    attach, end = row.all("form")
    page = visit.post(attach.attributes["action"], {"attached": "MINE-1"}, 409)
    assert "kept as snapshots" in page.text
    page = visit.post(attach.attributes["action"], {"attached": account})
    assert "is attached" in said(page)
    assert "has ended" in said(visit.post(end.attributes["action"], {}))


def test_the_keys_of_a_broker_are_kept_and_shown_to_nobody(house: House) -> None:
    visit = web_visit(house, house.people[1, Role.OWNER])
    keys = {"key_id": "PKEXAMPLEKEYID", "secret_key": "asecretthatnobodysees"}
    asked = {"broker": "alpaca", "name": "Alpaca of tests", "environment": "nowhere"}
    page = visit.post("/settings/connections", asked | keys, 422)
    assert not [value for value in keys.values() if value in page.html]
    page = visit.post("/settings/connections", asked | keys | {"environment": "paper"})
    assert "is linked" in said(page)
    assert not [value for value in keys.values() if value in page.html]


def test_who_may_not_see_brokers_sees_their_own_connections(house: House) -> None:
    _, visit = somebody(house)
    page = visit.open("/settings/connections")
    assert "Brokers" not in page.texts("heading")
    assert "Your accounts at providers" in page.texts("heading")


def test_how_pages_look_is_kept(house: House) -> None:
    _, visit = somebody(house)
    page = visit.open("/settings/preferences")
    page = next(form for form in page.forms() if "theme" in form.names).fill(theme="dark").send()
    assert said(page) == "It is kept in this browser."
    assert 'data-theme="dark"' in page.html
    page = page.form("/preferences/region").fill(region="de-DE", zone="Europe/Berlin").send()
    assert page.root.one("dd", class_="money").text == "1.234.567,89"
    assert page.form("/preferences/region")["zone"] == "Europe/Berlin"


def test_a_book_is_taken_away_as_a_file_by_who_sees_all_of_it(house: House) -> None:
    owner = web_visit(house, house.people[1, Role.OWNER])
    form = owner.open("/settings").form("/settings/export")
    assert form["format"] == "csv"
    page = form.fill(format="json").send()
    assert page.headers["content-disposition"].endswith('-json.zip"')
    assert page.headers["content-type"] == "application/zip"
    assert "took a book away" in owner.open("/audit").root.one(id="events").all("li")[0].text
    assert (
        "choose csv, parquet, json, beancount" in owner.post("/settings/export", {"format": "xls"}, 422).text
    )

    _, viewer = somebody(house)
    assert "/settings/export" not in viewer.open("/settings").html
    viewer.post("/settings/export", {"format": "csv"}, 403)
