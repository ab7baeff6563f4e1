"""Brokers at the terminal and over the interface: linked, given accounts, ended."""

import io
import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from house import House
from steelyard.identity.permissions import Role
from terminal import Terminal

Run = Callable[..., str]


def test_the_demo_trades_on_paper_with_what_its_ledger_says(terminal: Terminal, steelyard_here: Run) -> None:
    (link,) = [
        one for one in json.loads(steelyard_here("brokers", "list", "--json")) if one["link_name"] == "paper"
    ]
    assert (link["broker"], link["environment"], link["has_credentials"]) == ("paper", "paper", False)
    assert {"RIVERA-JOINT", "OKAFOR-PENSION"} <= set(link["accounts"])
    held = json.loads(steelyard_here("positions", "--json"))["positions"]
    units = sum(float(one["quantity"]) for one in held if one["asset_id"] == "AAPL")
    with sqlite3.connect(terminal.home / "paper.sqlite") as paper:
        rows = paper.execute(
            "select quantity from balances where commodity = 'AAPL' and link = ?", (link["link_id"],)
        )
        assert sum(float(quantity) for (quantity,) in rows) == units > 0


def test_a_broker_is_linked_listed_and_ended(
    steelyard_here: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = f"trading {uuid4()}"
    monkeypatch.setattr(sys, "stdin", io.StringIO("PKCANARY\nSKCANARY\n"))
    assert f"{name} is linked" in steelyard_here("brokers", "link", "alpaca", name)
    listed = steelyard_here("brokers", "list", "--json")
    assert name in listed
    assert "CANARY" not in listed
    assert steelyard_here("brokers", "end", name) == f"{name} has ended.\n"
    assert name not in steelyard_here("brokers", "list", "--json")
    assert name in steelyard_here("brokers", "list", "--all", "--json")
    assert "There is no open link" in steelyard_here("brokers", "attach", name, "RIVERA-IRA", code=1)
    folder = f"{tmp_path / 'custodian'}"
    files = f"custodian {uuid4()}"
    assert "name the folder" in steelyard_here("brokers", "link", "file", files, code=1)
    steelyard_here("brokers", "link", "file", files, "--address", folder, "--environment", "live")
    steelyard_here("brokers", "attach", files, "RIVERA-529")
    assert (tmp_path / "custodian" / "orders").is_dir()
    steelyard_here("brokers", "attach", "paper", "RIVERA-529")
    steelyard_here("brokers", "end", files)


def test_settings_of_paper_are_read_as_they_are_meant(steelyard_here: Run) -> None:
    name = f"practice {uuid4()}"
    settings = (
        "--set",
        "slippage_bps",
        "2.5",
        "--set",
        "keeps_client_ids",
        "false",
        "--set",
        "most_parts",
        "3",
    )
    steelyard_here("brokers", "link", "paper", name, *settings)
    listed = json.loads(steelyard_here("brokers", "list", "--json"))
    (made,) = [one["settings"] for one in listed if one["link_name"] == name]
    assert made == {"slippage_bps": "2.5", "keeps_client_ids": False, "most_parts": "3"}
    again = ("brokers", "link", "paper", "x", "--set", "slipage", "1")
    assert "'slipage' of a link to paper is not known" in steelyard_here(*again, code=1)
    steelyard_here("brokers", "end", name)


def test_no_answer_of_the_interface_shows_a_credential(house: House) -> None:
    window = house.window_of(house.people[1, Role.OWNER])
    keys = {"key_id": "PKCANARY", "secret_key": "SKCANARY"}
    body = {"broker": "alpaca", "name": f"{uuid4()}", "environment": "paper", "credentials": keys}
    made = window.ask("POST", "/brokers", body)
    assert made.status_code == 201
    again = window.ask("POST", "/brokers", body)
    wrong = window.ask("POST", "/brokers", body | {"credentials": keys | {"key_id": "PKCANARY\n"}})
    long = window.ask("POST", "/brokers", body | {"credentials": {"key_id": "CANARY" * 1000}})
    assert [one.status_code for one in (again, wrong, long)] == [409, 422, 422]
    listed = window.ask("GET", "/brokers?with_ended=true")
    assert made.json()["link_id"] in listed.text
    ended = window.ask("DELETE", f"/brokers/{made.json()['link_id']}")
    assert ended.status_code == 204
    for answer in (made, again, wrong, long, listed):
        assert "CANARY" not in answer.text


def test_a_file_of_the_machine_is_not_an_owners_to_name(house: House, tmp_path: Path) -> None:
    window = house.window_of(house.people[1, Role.OWNER])
    for broker in ("paper", "file"):
        body = {
            "broker": broker,
            "name": f"{uuid4()}",
            "environment": "paper",
            "address": f"{tmp_path / 'x'}",
        }
        answer = window.ask("POST", "/brokers", body)
        assert (answer.status_code, "for the operator to say" in answer.text) == (403, True)
    assert not (tmp_path / "x").exists()
