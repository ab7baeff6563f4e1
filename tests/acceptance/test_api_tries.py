"""Tries through the interface: refused before anything is computed, whatever a header says of where they come from."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from entrances import PASSWORD
from house import House, Window
from steelyard.identity.attempts import OF_AN_ACCOUNT, OF_AN_ADDRESS
from steelyard.identity.permissions import Role

WRONG = "wrong and long enough"


@pytest.fixture(autouse=True)
def forgotten(house: House) -> Iterator[None]:
    """Every test of the house comes from one address: what is counted here is forgotten."""
    house.rows("delete from steelyard.sign_in_tries returning 1")
    yield
    house.rows("delete from steelyard.sign_in_tries returning 1")


def tried(house: House, login: str, password: str = WRONG, **headers: str) -> httpx.Response:
    return Window(house).ask("POST", "/sign-in/password", {"login": login, "password": password}, **headers)


def spoofed(number: int) -> dict[str, str]:
    """Another address in every header that a proxy might set."""
    address = f"198.51.100.{number % 250}"
    return {
        "x-forwarded-for": address,
        "forwarded": f"for={address}",
        "x-real-ip": address,
        "true-client-ip": address,
        "cf-connecting-ip": address,
    }


def said(answer: httpx.Response) -> tuple[int, dict[str, Any]]:
    body = answer.json()
    return answer.status_code, {name: value for name, value in body.items() if name != "request_id"}


def test_an_account_is_closed_before_anything_is_computed(house: House) -> None:
    login = house.do(house.person(Role.VIEWER)).login
    before = house.hasher.computed
    statuses = [tried(house, login, **spoofed(n)).status_code for n in range(OF_AN_ACCOUNT.tries + 5)]
    right = tried(house, login, PASSWORD)

    assert statuses == [401] * OF_AN_ACCOUNT.tries + [429] * 5
    assert house.hasher.computed == before + OF_AN_ACCOUNT.tries
    assert right.status_code == 429
    assert 0 < int(right.headers["retry-after"]) <= 900


def test_an_address_is_closed_whatever_it_says_it_is(house: House) -> None:
    before = house.hasher.computed
    statuses = [
        tried(house, f"nobody-{n}@example.org", **spoofed(n)).status_code
        for n in range(OF_AN_ADDRESS.tries + 5)
    ]

    assert statuses == [401] * OF_AN_ADDRESS.tries + [429] * 5
    assert house.hasher.computed == before + OF_AN_ADDRESS.tries


def test_who_is_no_user_is_answered_as_who_is(house: House) -> None:
    """Nobody, a wrong password, somebody disabled, invited, a service: one status, one body, one hash each."""
    disabled = house.do(house.person(Role.VIEWER))
    owner = house.window_of(house.people[1, Role.OWNER])
    assert owner.ask("PUT", f"/users/{disabled.user_id}/disabled").status_code == 204
    logins = [
        "nobody@example.org",
        house.do(house.person(Role.VIEWER)).login,
        disabled.login,
        house.do(house.person(Role.VIEWER, status="invited")).login,
        house.people[1, Role.SERVICE].login,
    ]
    before, answers = house.hasher.computed, [said(tried(house, login)) for login in logins]

    assert answers[0][0] == 401
    assert answers == [answers[0]] * len(logins)
    assert house.hasher.computed == before + len(logins)
    assert said(tried(house, disabled.login, PASSWORD)) == answers[0]
