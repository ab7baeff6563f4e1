"""Statements in place of values: in every parameter and field of the interface, they are values."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from api_page import short
from house import HIDDEN, House
from steelyard.identity.permissions import Role

STATEMENTS = (
    "'",
    "' or '1'='1",
    "MINE-1' or account_id like 'HIDDEN%",
    "MINE-1') union select account_id from steelyard.accounts --",
    "'; create table steelyard.injected (name text); --",
    "$$; create table steelyard.injected (name text); $$",
    "MINE-1\\'; select set_config('app.user', '', false); --",
    ":tenant; %(tenant)s; {tenant}; $1",
)


def operations(house: House) -> Iterator[tuple[str, str, list[dict[str, Any]], list[str]]]:
    """Method, path, parameters and fields of each route, by its description."""
    document = house.ask("GET", "/openapi.json").json()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            reference = body.get("schema", {}).get("$ref", "").rpartition("/")[2]
            schema = document["components"]["schemas"].get(reference, {})
            yield method.upper(), path, operation.get("parameters", []), [*schema.get("properties", {})]


def asks(house: House, statement: str) -> Iterator[tuple[str, str, dict[str, str] | None]]:
    """Every route with the statement in one parameter after the other, or in every field at once."""
    for method, template, parameters, fields in operations(house):
        where = [one for one in parameters if one["in"] in {"path", "query"}]
        for place in [one["name"] for one in where] or [""]:
            path = template
            for one in where:
                said = statement if one["name"] == place else "MINE-1"
                path = path.replace("{" + one["name"] + "}", quote(said, safe=""))
            if place and "{" + place + "}" not in template:
                path += f"?{place}={quote(statement)}"
            yield method, path, dict.fromkeys(fields, statement) if method != "GET" else None


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_is_a_value(house: House, statement: str) -> None:
    window = house.window_of(house.do(house.person(Role.ADVISOR)))
    asked = set()
    for method, path, body in asks(house, statement):
        if short(method, path) == "POST /sign-out":
            continue
        answer = window.ask(method, path, body)
        asked.add((method, path.partition("?")[0]))
        assert answer.status_code < 500, (method, path, answer.text)
        assert HIDDEN not in answer.text.replace(statement, ""), (method, path)

    assert len(asked) > 80
    assert window.ask("GET", "/me").status_code == 200
    assert house.rows("select to_regclass('steelyard.injected')") == [(None,)]
