"""Accounts through the interface: what they are and did, and profiles and models that several people write."""

from typing import Any
from uuid import uuid4

import pytest

from house import House, Window
from steelyard.identity.permissions import Right, Role

INVESTOR = {"risk_tolerance": 3, "horizon_years": 10, "goals": ["a boat"], "exclusions": {"assets": ["A"]}}
NEW = {"if_none_match": "*"}


@pytest.fixture
def window(house: House) -> Window:
    return house.window_of(house.people[1, Role.OWNER])


@pytest.fixture
def account(house: House) -> str:
    """An account nobody knows the investor of."""
    account_id = f"MINE-{uuid4().hex[:8]}"
    house.rows(
        "insert into steelyard.accounts (tenant_id, account_id, account_name, base_currency) "
        "values (1, :account, :account, 'USD') returning 1",
        account=account_id,
    )
    return account_id


def model(window: Window, **parts: Any) -> str:
    """Make a model."""
    model_id = f"MODEL-{uuid4().hex[:8]}"
    body = {"name": "One", "weights": {"MINECO": "1"}, "risk_level": 1} | parts
    answer = window.ask("PUT", f"/model?model={model_id}", body, **NEW)
    assert answer.status_code == 200, answer.text
    return model_id


def test_an_account_says_what_it_is_and_has(window: Window) -> None:
    found = window.ask("GET", "/account?account=MINE-1").json()
    balances = window.ask("GET", "/balances?account=MINE-1").json()

    assert found["account"]["household_id"] == "MINE-HOUSE"
    assert (found["account"]["link_id"], found["holds"]) == (None, [])
    assert [one["currency"] for one in balances["balances"]] == ["USD"]
    assert balances["total_value"].startswith("1021.75")


def test_what_was_booked_comes_in_pages_the_newest_first(window: Window) -> None:
    whole = window.ask("GET", "/transactions?account=MINE-1").json()
    first = window.ask("GET", "/transactions?account=MINE-1&limit=1").json()
    rest = window.ask("GET", f"/transactions?account=MINE-1&limit=1&after={first['next']}").json()

    assert [one["transaction_id"] for one in whole["items"]] == ["MINE-1-T2", "MINE-1-T1"]
    assert first["items"] + rest["items"] == whole["items"]
    assert (whole["next"], rest["next"]) == (None, None)


@pytest.mark.parametrize("cursor", ["WzFd", "WyIyMDI2LTAyLTMwIiwxXQ", "WyJ4IiwxXQ", "not%20one", "e30"])
def test_a_cursor_that_is_not_of_these_pages_is_refused(window: Window, cursor: str) -> None:
    assert window.ask("GET", f"/transactions?account=MINE-1&after={cursor}").status_code == 422


def test_a_profile_is_written_once_and_then_by_who_has_read_it(window: Window, account: str) -> None:
    path = f"/profile?account={account}"
    assert window.ask("GET", path).status_code == 404
    assert window.ask("PUT", path, INVESTOR).status_code == 428
    made = window.ask("PUT", path, INVESTOR, **NEW)
    assert (made.status_code, made.headers["etag"]) == (200, '"1"')
    assert window.ask("PUT", path, INVESTOR, **NEW).status_code == 412

    read = window.ask("GET", path)
    assert (read.headers["etag"], read.json()["investor"]["goals"]) == ('"1"', ["a boat"])
    assert window.ask("GET", path, if_none_match='"1"').status_code == 304
    assert window.ask("GET", path, if_none_match='W/"1", "7"').status_code == 304
    assert window.ask("GET", path, if_none_match='"2"').status_code == 200

    changed = window.ask("PUT", path, INVESTOR | {"risk_tolerance": 4}, if_match='"1"')
    late = window.ask("PUT", path, INVESTOR | {"risk_tolerance": 5}, if_match='"1"')
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert (late.status_code, late.json()["type"]) == (412, "urn:steelyard:problem:changed-meanwhile")
    assert window.ask("GET", path).json()["investor"]["risk_tolerance"] == 4


@pytest.mark.parametrize("header", ["*", "1", 'W/"1"', '"1", "2"', '"0"', '"x"'])
def test_a_version_that_is_none_changes_nothing(window: Window, account: str, header: str) -> None:
    assert window.ask("PUT", f"/profile?account={account}", INVESTOR, if_match=header).status_code == 400


@pytest.mark.parametrize(
    "part",
    [
        {"risk_tolerance": 6},
        {"risk_tolerance": "3"},
        {"horizon_years": -1},
        {"goals": [""]},
        {"exclusions": {"colours": ["red"]}},
        {"exclusions": {"assets": ["NOBODY"]}},
        {"other": 1},
    ],
)
def test_a_profile_that_breaks_a_rule_is_refused(window: Window, account: str, part: dict[str, Any]) -> None:
    assert window.ask("PUT", f"/profile?account={account}", INVESTOR | part, **NEW).status_code == 422
    assert window.ask("GET", f"/profile?account={account}").status_code == 404


def test_an_account_follows_what_suits_its_investor(window: Window, account: str) -> None:
    window.ask("PUT", f"/profile?account={account}", INVESTOR, **NEW)
    suits, excluded = model(window), model(window, weights={"A": "1"})
    offers = {one["model_id"]: one for one in window.ask("GET", f"/offers?account={account}").json()}
    refused = window.ask("PUT", f"/account/model?account={account}", {"model": excluded})
    followed = window.ask("PUT", f"/account/model?account={account}", {"model": suits})
    overridden = window.ask(
        "PUT", f"/account/model?account={account}", {"model": excluded, "reason": "told so"}
    )

    assert offers[suits]["is_offered"]
    assert offers[excluded]["reasons"] == ["it holds A, excluded by the asset"]
    assert refused.status_code == 409
    assert "it holds A, excluded by the asset" in refused.json()["detail"]
    assert (followed.status_code, overridden.status_code) == (200, 200)
    assert window.ask("GET", f"/targets?account={account}").json() == {"A": "1"}


def test_an_advisor_writes_profiles_of_accounts_they_may_propose_for(house: House, account: str) -> None:
    advisor = house.do(house.person(Role.ADVISOR))
    house.do(house.grant(advisor, account, Right.PROPOSE))
    window = house.window_of(advisor)

    assert window.ask("PUT", f"/profile?account={account}", INVESTOR, **NEW).status_code == 200
    assert window.ask("PUT", "/profile?account=MINE-3", INVESTOR, **NEW).status_code == 403
    assert window.ask("PUT", "/model?model=X", {"name": "X", "weights": {"A": "1"}}, **NEW).status_code == 403


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ({"A": "0.999999"}, "0.000001 less than 1"),
        ({"A": "1.000001"}, "0.000001 more than 1"),
        ({"A": "2", "MINECO": "-1"}, "below 0"),
        ({}, "are 0"),
        ({"A": 1}, "body.weights"),
        ({"NOBODY": "1"}, "NOBODY, which is no asset"),
        ({"A": "NaN"}, "body.weights"),
    ],
)
def test_weights_that_are_no_whole_are_refused_with_the_reason(
    window: Window, weights: dict[str, Any], says: str
) -> None:
    answer = window.ask("PUT", f"/model?model=BAD-{uuid4().hex}", {"name": "Bad", "weights": weights}, **NEW)

    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_an_answer_of_a_version_is_not_sent_to_who_has_it(house: House, window: Window) -> None:
    path = "/asset-360/overview?account=MINE-1"
    first = window.ask("GET", path)
    viewer = house.window_of(house.people[1, Role.VIEWER])

    assert window.ask("GET", path, if_none_match=first.headers["etag"]).status_code == 304
    assert viewer.ask("GET", path).headers["etag"] == first.headers["etag"]
    assert window.ask("GET", "/asset-360/risk?account=MINE-1").headers["etag"] != first.headers["etag"]
    hidden = viewer.ask("GET", "/asset-360/overview?account=HIDDEN-1", if_none_match="*")
    assert hidden.status_code == 404


def test_what_is_kept_is_shown_to_nobody_who_may_not_see_it_any_more(house: House) -> None:
    path = "/asset-360/overview?account=MINE-2"
    people = [house.do(house.person(Role.VIEWER)) for _ in range(2)]
    windows = [house.window_of(person) for person in people]
    answers = [window.ask("GET", path) for window in windows]
    assert [answer.status_code for answer in answers] == [200, 200]
    owner = house.window_of(house.people[1, Role.OWNER])
    ended = owner.ask("DELETE", f"/users/{people[0].user_id}/grants?household=MINE-HOUSE")
    assert ended.status_code == 204
    tag = {"if_none_match": answers[0].headers["etag"]}

    assert [window.ask("GET", path, **tag).status_code for window in windows] == [404, 304]
