"""Examples of the description run: each is sent as it stands there, to a book with the names they use."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import small_book
from api_page import short
from books import write_table
from house import House, Person, transaction
from house_books import HEADERS, own_tables
from steelyard.identity.permissions import Role
from steelyard.services.asset_360 import refresh
from steelyard.services.loading import load_tables
from steelyard.services.tenant import create_tenant
from steelyard.storage.acting import OPERATOR, Acting, acting_as

ASSETS = {"AAPL": "Technology", "MSFT": "Technology", "XOM": "Energy"}
FORM = (
    "about:blank",
    *(
        f"urn:steelyard:problem:{name}"
        for name in (
            "invalid-input",
            "key-needed",
            "malformed-request",
            "malformed-json",
            "not-json",
            "version-needed",
        )
    ),
)
"""What is said to a request that breaks the form of its route."""

FOLLOWS = "PUT /account/model"
"""It needs the model that another example makes."""

AS_SAID = {
    "GET /progress/orders": "one of three is asked for, and none is required",
}
"""Readers whose example finds nothing, each with its reason; nor do those of one thing, whose key the server makes."""


@dataclass(frozen=True, slots=True)
class Example:
    """A request, as the description has it."""

    route: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any


def described(house: House) -> list[Example]:
    document = house.ask("GET", "/openapi.json").json()
    return [
        example_of(method.upper(), path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def example_of(method: str, path: str, operation: dict[str, Any]) -> Example:
    parameters = operation.get("parameters", [])
    required = [one for one in parameters if one["required"]]
    headers = {one["name"]: one["example"] for one in required if one["in"] == "header"}
    if any(one["name"] == "if-match" for one in parameters) and method == "PUT":
        headers["if-none-match"] = "*"
    names = {one["name"]: one["example"] for one in required if one["in"] == "path"}
    query = [f"{one['name']}={one['example']}" for one in required if one["in"] == "query"]
    content = operation.get("requestBody", {}).get("content", {})
    body = content["application/json"]["example"] if content else None
    if body and "expires_at" in body:  # the day of an example passes
        body = body | {"expires_at": (datetime.now(UTC) + timedelta(days=30)).isoformat()}
    return Example(short(method, path), method, path.format(**names), "&".join(query), headers, body)


async def furnish(house: House, folder: Path) -> Person:
    """Make a tenant with the names of the examples; its owner."""
    tables = own_tables(("RIVERA-IRA", "RIVERA", "MSFT"))
    tables["portfolio_allocation"] = [
        (account, asset.replace("A", "AAPL") if asset == "A" else asset, *rest)
        for account, asset, *rest in tables["portfolio_allocation"]
    ]
    tables["asset_master"] = [
        (asset, asset, "Equity", "USD", sector, "US") for asset, sector in ASSETS.items()
    ]
    tables["market_data"] = small_book.prices(*ASSETS)
    for name, rows in tables.items():
        write_table(folder, name, HEADERS[name], rows)
    async with transaction(OPERATOR) as db:
        tenant_id = await create_tenant(db, "The Riveras")
    with acting_as(Acting(tenant_id, "operator")):
        await load_tables(folder, today=small_book.TODAY, only=list(tables))
        await refresh(today=small_book.TODAY)
    return await house.person(Role.OWNER, tenant_id)


@pytest.fixture(scope="module")
def owner(house: House, tmp_path_factory: pytest.TempPathFactory) -> Person:
    return house.do(furnish(house, tmp_path_factory.mktemp("examples")))


def send(house: House, owner: Person, example: Example) -> httpx.Response:
    path = example.path + (f"?{example.query}" if example.query else "")
    headers = {name.lower().replace("-", "_"): value for name, value in example.headers.items()}
    return house.window_of(owner).ask(example.method, path, example.body, **headers)


def test_every_example_is_a_request_of_its_route_and_readers_find_what_they_name(
    house: House, owner: Person
) -> None:
    """First what writes, so that what is then read is there."""
    examples = sorted(described(house), key=lambda one: (one.method == "GET", one.route == FOLLOWS))
    answers = {one.route: send(house, owner, one) for one in examples}
    misshapen = {
        route: answer.text
        for route, answer in answers.items()
        if answer.status_code >= 500 or (answer.is_error and answer.json()["type"] in FORM)
    }
    unread = {
        route
        for route, answer in answers.items()
        if route.startswith("GET") and "{" not in route and answer.status_code != 200 and route not in AS_SAID
    }

    assert misshapen == {}
    assert unread == set()
    assert sum(answer.is_success for answer in answers.values()) > 55


def test_every_body_and_every_required_parameter_has_an_example(house: House) -> None:
    document, missing, found = house.ask("GET", "/openapi.json").json(), [], 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            route = short(method.upper(), path)
            parts = [(one["name"], one) for one in operation.get("parameters", []) if one["required"]]
            if "requestBody" in operation:
                parts.append(("its body", operation["requestBody"]["content"]["application/json"]))
            missing += [f"{name} of {route}" for name, part in parts if "example" not in part]
            found += len(parts)

    assert missing == []
    assert found > 80
