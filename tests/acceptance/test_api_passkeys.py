"""Passkeys through the interface, in Chromium: made and used by a page of ours, and by no other."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from chromium import CREATE, GET, opened_browser, page_server, page_with_authenticator
from entrances import PASSWORD
from house import House, Person
from steelyard.identity.permissions import Role

SEND = """async ([method, path, body]) => {
    const sent = {method, headers: body === null ? {} : {"Content-Type": "application/json"}};
    if (body !== null) sent.body = JSON.stringify(body);
    const answer = await fetch("/api/v1" + path, sent);
    const text = await answer.text();
    return [answer.status, text === "" ? null : JSON.parse(text)];
}"""

SEND_BLINDLY = """fetch(url, {method: "POST", credentials: "include", mode: "no-cors"}).then(
    answer => answer.type, () => "refused")"""
READ = """fetch(url, {credentials: "include"}).then(answer => answer.status, () => "refused")"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, house: House) -> Iterator[Page]:
    with page_with_authenticator(browser, verifies=True) as opened:
        opened.goto(f"{house.served.wiring.place.public_url}/healthz")
        yield opened


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """Another site on the same host."""
    with page_server() as port:
        yield f"http://localhost:{port}/"


def sent(page: Page, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    status, answer = page.evaluate(SEND, [method, path, body])
    return status, answer


def good(page: Page, method: str, path: str, body: Any = None) -> Any:
    status, answer = sent(page, method, path, body)
    assert status < 300, answer
    return answer


def made(page: Page, options: Any) -> Any:
    return page.evaluate(f"async options => JSON.parse(await ({CREATE})(options))", options)


def proved(page: Page, options: Any) -> Any:
    return page.evaluate(f"async options => JSON.parse(await ({GET})(options))", options)


@pytest.fixture
def person(house: House, page: Page) -> Person:
    """Somebody who made a passkey in this browser, and signed out."""
    me = house.do(house.person(Role.OWNER))
    good(page, "POST", "/sign-in/password", {"login": me.login, "password": PASSWORD})
    assert good(page, "GET", "/me")["standing"] == "must_enrol"
    credential = made(page, good(page, "POST", "/factors/passkeys/question"))
    codes = good(page, "POST", "/factors/passkeys", {"credential": credential, "label": "this computer"})
    assert len(codes["recovery_codes"]) == 10
    assert good(page, "GET", "/me")["standing"] == "full"
    good(page, "POST", "/sign-out")
    return me


def test_a_passkey_is_made_and_signs_in_alone(page: Page, person: Person) -> None:
    assert sent(page, "GET", "/me")[0] == 401
    credential = proved(page, good(page, "POST", "/sign-in/passkey/question"))
    assert good(page, "POST", "/sign-in/passkey", {"credential": credential})["is_signed_in"]

    me = good(page, "GET", "/me")
    assert (me["user_id"], me["factors"], me["standing"]) == (str(person.user_id), ["passkey"], "full")
    assert [one["label"] for one in good(page, "GET", "/factors")["passkeys"]] == ["this computer"]


def test_a_passkey_is_a_second_factor_and_a_step_up(page: Page, person: Person) -> None:
    half = good(page, "POST", "/sign-in/password", {"login": person.login, "password": PASSWORD})
    assert half["second_factors"] == ["passkey", "recovery_code"]
    credential = proved(page, good(page, "POST", "/sign-in/second-passkey/question"))
    good(page, "POST", "/sign-in/second-passkey", {"credential": credential})
    credential = proved(page, good(page, "POST", "/step-up/passkey/question"))
    good(page, "POST", "/step-up/passkey", {"credential": credential})

    assert good(page, "GET", "/me")["factors"] == ["passkey", "password"]


@pytest.mark.usefixtures("person")
def test_an_answer_given_on_another_site_signs_nobody_in(page: Page, elsewhere: str) -> None:
    """The same host on another port may ask the authenticator, which says where it was asked."""
    ours = page.url
    options = good(page, "POST", "/sign-in/passkey/question")
    page.goto(elsewhere)
    credential = proved(page, options)
    page.goto(ours)
    status, answer = sent(page, "POST", "/sign-in/passkey", {"credential": credential})

    assert (status, answer["type"]) == (403, "urn:steelyard:problem:passkey")
    assert "another site" in answer["detail"]
    assert sent(page, "GET", "/me")[0] == 401


@pytest.mark.usefixtures("person")
def test_another_site_cannot_use_the_session(
    page: Page, elsewhere: str, house: House, person: Person
) -> None:
    """Its page may send the cookie along, for both are localhost; it changes nothing and reads nothing."""
    credential = proved(page, good(page, "POST", "/sign-in/passkey/question"))
    good(page, "POST", "/sign-in/passkey", {"credential": credential})
    ours = house.served.wiring.place.public_url
    page.goto(elsewhere)
    sent_off: list[str] = []
    page.on("request", lambda request: sent_off.append(request.url))
    outcome = page.evaluate(f"async url => {SEND_BLINDLY}", f"{ours}/api/v1/sign-out")
    read = page.evaluate(f"async url => {READ}", f"{ours}/api/v1/me")
    page.goto(f"{ours}/healthz")

    assert f"{ours}/api/v1/sign-out" in sent_off
    assert outcome == "refused"
    assert read == "refused"
    assert good(page, "GET", "/me")["user_id"] == str(person.user_id)
