"""Imports by programs: planned, run, listed and taken back."""

from base64 import b64encode
from typing import Any

import httpx
import pytest

from api_import_cases import CONTENT
from house import House, Window
from steelyard.identity.permissions import Role


@pytest.fixture
def window(house: House) -> Window:
    return house.window_of(house.do(house.person(Role.OWNER)))


@pytest.fixture
def account(house: House) -> str:
    return house.do(house.ledger_account(1))


def send(window: Window, content: bytes = CONTENT.encode(), **more: Any) -> httpx.Response:
    file = {"name": "a.json", "content": b64encode(content).decode()}
    return window.ask("POST", "/imports", {"files": [file]} | more)


def test_what_is_planned_is_run_listed_and_taken_back(window: Window, account: str) -> None:
    asked = send(window, dry_run=True).json()
    assert (asked["import_id"], asked["plan"]["questions"][0]["subject"]) == (None, "account")
    plan = send(window, dry_run=True, account=account).json()["plan"]
    assert [change["after"] for effect in plan["effects"] for change in effect["units"]] == ["1"]
    assert plan["bookings"][0]["transaction"]["amount"] == "1"

    made = send(window, account=account)
    assert made.status_code == 200
    import_id = made.json()["import_id"]
    assert send(window, account=account).json()["import_id"] is None
    assert import_id in [one["import_id"] for one in window.ask("GET", "/imports").json()]
    papers = window.ask("GET", f"/imports/{import_id}").json()
    assert [(row["file_name"], row["line"]) for row in papers["rows"]] == [("a.json", 1)]
    assert window.ask("POST", f"/imports/{import_id}/undo").json()["undone_at"]
    assert window.ask("POST", f"/imports/{import_id}/undo").status_code == 409


@pytest.mark.parametrize(
    ("more", "status", "why"),
    [
        ({}, 422, "Which account is the statement of?"),
        ({"account": "NOWHERE"}, 422, "'NOWHERE'"),
        ({"reader": "nobody"}, 422, "There is no reader 'nobody'"),
        ({"files": []}, 422, "files"),
        ({"files": [{"name": "../a", "content": "eA=="}]}, 422, "name"),
        ({"files": [{"name": "a", "content": "no base64"}]}, 422, "is no base64"),
        ({"files": [{"name": "a", "content": "eA=="}]}, 422, "is of no kind that is known here"),
        ({"leave_out": [{"file": "a.json", "line": 0}]}, 422, "line"),
        ({"nothing": 1}, 422, "nothing"),
    ],
)
def test_what_cannot_be_imported_is_refused_by_its_reason(
    window: Window, more: dict[str, Any], status: int, why: str
) -> None:
    answer = send(window, **more)

    assert (answer.status_code, why in answer.text) == (status, True), answer.text


def test_a_row_is_left_out(window: Window, account: str) -> None:
    content = CONTENT.replace('"quantity": 1', '"quantity": 0').encode()
    assert "has no quantity above 0" in send(window, content, account=account).text

    rows = [{"file": "a.json", "line": 1}]
    answer = send(window, content, account=account, leave_out=rows)
    assert (answer.status_code, answer.json()["plan"]["files"][0]["left_out"]) == (200, 1)


def test_files_are_bounded(window: Window, account: str) -> None:
    assert send(window, b"x" * 13 * 2**20, account=account).status_code == 413
