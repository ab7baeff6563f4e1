"""What nobody thought of: requests made from the description of the interface, as an owner and as nobody.

STEELYARD_FUZZ=200 asks each route so often, with the seed STEELYARD_FUZZ_SEED; one that finds a fault stays in SEEDS.
"""

import os
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from api_page import short
from house import OTHERS, House
from steelyard.identity.permissions import Role

LONG = int(os.environ.get("STEELYARD_FUZZ", "0"))
SEEDS = (1, *([int(os.environ.get("STEELYARD_FUZZ_SEED", "2"))] if LONG else []))
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


def described(house: House) -> Any:
    """The description, as whoever asks for it gets it."""
    return schemathesis.openapi.from_dict(house.ask("GET", "/openapi.json").json())


def ask_often(house: House, operation: Any, *, often: int, number: int, role: Role | None) -> int:
    """Ask a route so often; how many answers were good."""
    person = None if role is None else house.people[OTHERS, role]
    good = 0

    @seed(number)
    @settings(
        max_examples=often,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        nonlocal good
        answer = case.call(base_url=base, session=session, headers={"Sec-Fetch-Site": "same-origin"})
        case.validate_response(answer, checks=CHECKS)
        good += answer.status_code < 400

    base = f"http://127.0.0.1:{house.served.port}"
    with requests.Session() as session:
        session.trust_env = False
        if person is not None:
            session.cookies.set("sid", house.window_of(person).cookies["sid"])
        ask()
    return good


@pytest.mark.parametrize("number", SEEDS)
@pytest.mark.parametrize(("role", "often"), [(Role.OWNER, 6), (None, 2)], ids=["an owner", "nobody"])
def test_no_request_is_more_than_the_server_can_answer(
    house: House, role: Role | None, often: int, number: int
) -> None:
    good, asked = 0, set()
    for result in described(house).get_all_operations():
        operation = result.ok()
        asked.add(short(operation.method.upper(), operation.path))
        good += ask_often(house, operation, often=LONG or often, number=number, role=role)
    house.rows("update steelyard.tenants set requires_mfa = false returning 1", OTHERS)

    assert len(asked) > 80
    assert role is None or good > 50
