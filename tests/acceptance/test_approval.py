"""Who approves what, and by which proof: over HTTP, with passkeys, codes and two persons."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest

from house import House, Person, Window
from house_trading import approved_for, reviewed_for, traded_account
from passkey_device import Device
from steelyard.identity.attempts import OF_CODES
from steelyard.identity.permissions import Role
from steelyard.storage.proposal import StoredProposal

LIMITS = (
    "update steelyard.tenants set approval_limit = cast(:limit as numeric), code_limit = cast(:code as numeric) "
    "where tenant_id = 1 returning 1"
)


@pytest.fixture(autouse=True)
def limits(house: House) -> Iterator[None]:
    """One person approves 100,000 alone, a code 20,000; the orders of these tests are worth 10,000."""
    set_limits(house, "100000", "20000")
    yield
    set_limits(house, None, None)


def set_limits(house: House, limit: str | None, code: str | None) -> None:
    house.rows(LIMITS, limit=limit, code=code)


@dataclass(slots=True)
class Approver:
    """Somebody with a passkey, signed in."""

    house: House
    person: Person
    window: Window
    device: Device

    def ask(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        return self.window.ask("POST", f"/proposals/{path}", body, **headers)

    def question(self, reviewed: StoredProposal) -> dict[str, Any]:
        answer = self.ask(
            f"{reviewed.proposal_id}/approve/passkey/question", {"content_hash": reviewed.content_hash.hex()}
        )
        assert answer.status_code == 200, answer.text
        question: dict[str, Any] = answer.json()
        return question

    def answer(self, reviewed: StoredProposal, question: dict[str, Any], **more: str) -> httpx.Response:
        """Let the passkey answer a question, and send it about a proposal."""
        body = {
            "content_hash": reviewed.content_hash.hex(),
            "nonce": question["nonce"],
            "credential": json.loads(self.device.prove(question["options"])),
        }
        return self.ask(f"{reviewed.proposal_id}/approve/passkey", body, **more)

    def approve(self, reviewed: StoredProposal) -> httpx.Response:
        return self.answer(reviewed, self.question(reviewed))

    def code(self, reviewed: StoredProposal) -> httpx.Response:
        body = {
            "content_hash": reviewed.content_hash.hex(),
            "code": self.person.code(self.house.clock()),
        }
        return self.ask(f"{reviewed.proposal_id}/approve/totp", body)


def approver(house: House, role: Role = Role.OWNER) -> Approver:
    person = house.do(house.person(role))
    device = Device(house.served.wiring.place.public_url)
    house.do(house.give_passkey(person, device))
    house.do(house.enrol(person))
    return Approver(house, person, house.window_of(person), device)


def state_of(house: House, reviewed: StoredProposal) -> str:
    [(state,)] = house.rows(
        "select state from steelyard.proposals where proposal_id = :id", id=reviewed.proposal_id
    )
    return str(state)


# ── By which proof ──────────────────────────────────────────────────────────────────────────────────────


def test_a_passkey_approves_what_was_seen_and_can_be_checked_again(house: House) -> None:
    ada = approver(house)
    reviewed = reviewed_for(house, ada.person)

    answer = ada.approve(reviewed)
    assert (answer.status_code, answer.json()["state"]) == (200, "approved"), answer.text
    assert state_of(house, reviewed) == "approved"
    checked = ada.window.ask("GET", f"/proposals/{reviewed.proposal_id}/check").json()
    name = f"user:{ada.person.user_id}"
    assert checked == {"is_same": True, "has_hash": True, "approvals": {name: True}}


def test_the_hash_that_is_approved_is_that_of_the_document_byte_by_byte(house: House) -> None:
    ada = approver(house)
    reviewed = reviewed_for(house, ada.person)
    sent = ada.window.ask("GET", f"/proposals/{reviewed.proposal_id}/document").content
    assert sha256(sent).digest() == reviewed.content_hash


def stale_session(ada: Approver, reviewed: StoredProposal) -> httpx.Response:
    """The factor was shown longer than five minutes ago."""
    question = ada.question(reviewed)
    ada.house.clock.ahead = timedelta(minutes=6)
    return ada.answer(reviewed, question)


def stale_question(ada: Approver, reviewed: StoredProposal) -> httpx.Response:
    """The session is fresh again, and the question is older than ten minutes."""
    question = ada.question(reviewed)
    ada.house.clock.ahead = timedelta(minutes=11)
    ada.window = ada.house.window_of(ada.person)
    return ada.answer(reviewed, question)


def of_another_proposal(ada: Approver, reviewed: StoredProposal) -> httpx.Response:
    other = reviewed_for(ada.house, ada.person)
    return ada.answer(reviewed, ada.question(other))


def with_another_nonce(ada: Approver, reviewed: StoredProposal) -> httpx.Response:
    question = ada.question(reviewed)
    return ada.answer(reviewed, question | {"nonce": "00" * 32})


def not_unlocked(ada: Approver, reviewed: StoredProposal) -> httpx.Response:
    ada.device.verifies = False
    return ada.approve(reviewed)


def of_another_session(ada: Approver, reviewed: StoredProposal) -> httpx.Response:
    """The question was asked of another session of the same person."""
    question = ada.question(reviewed)
    ada.window = ada.house.window_of(ada.person)
    return ada.answer(reviewed, question)


def by_another_person(ada: Approver, reviewed: StoredProposal) -> httpx.Response:
    """Somebody else's passkey answers the question."""
    question = ada.question(reviewed)
    ada.device = approver(ada.house).device
    return ada.answer(reviewed, question)


def for_signing_in(ada: Approver, reviewed: StoredProposal) -> httpx.Response:
    """The passkey answered a question of step-up, which is no approval."""
    options = ada.window.ask("POST", "/step-up/passkey/question").json()
    return ada.answer(reviewed, {"options": options, "nonce": "00" * 32})


def twice(ada: Approver, reviewed: StoredProposal) -> httpx.Response:
    """The same signature again, for a proposal that still waits for a second person."""
    set_limits(ada.house, "1", None)
    question = ada.question(reviewed)
    body = {
        "content_hash": reviewed.content_hash.hex(),
        "nonce": question["nonce"],
        "credential": json.loads(ada.device.prove(question["options"])),
    }
    first = ada.ask(f"{reviewed.proposal_id}/approve/passkey", body, idempotency_key=uuid4().hex)
    assert (first.status_code, first.json()["state"]) == (200, "reviewed"), first.text
    return ada.ask(f"{reviewed.proposal_id}/approve/passkey", body, idempotency_key=uuid4().hex)


def by_a_wrong_code(ada: Approver, reviewed: StoredProposal) -> httpx.Response:
    ada.person.seed = bytes(20)
    return ada.code(reviewed)


def by_a_code_above_its_limit(ada: Approver, reviewed: StoredProposal) -> httpx.Response:
    set_limits(ada.house, "100000", "9999.99")
    return ada.code(reviewed)


def by_a_code_where_none_serves(ada: Approver, reviewed: StoredProposal) -> httpx.Response:
    set_limits(ada.house, "100000", None)
    return ada.code(reviewed)


LIES = {
    stale_session: 401,
    stale_question: 403,
    of_another_proposal: 403,
    with_another_nonce: 403,
    not_unlocked: 403,
    of_another_session: 403,
    by_another_person: 403,
    for_signing_in: 403,
    twice: 403,
    by_a_wrong_code: 403,
    by_a_code_above_its_limit: 403,
    by_a_code_where_none_serves: 403,
}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_what_proves_nothing_approves_nothing(house: House, lie: Any) -> None:
    ada = approver(house)
    reviewed = reviewed_for(house, ada.person)
    try:
        answer = lie(ada, reviewed)
    finally:
        house.clock.ahead = timedelta()

    assert answer.status_code == LIES[lie], answer.text
    assert state_of(house, reviewed) == "reviewed"
    states = house.rows(
        "select distinct state from steelyard.orders where proposal_id = :id", id=reviewed.proposal_id
    )
    assert [tuple(row) for row in states] == [("reviewed",)]


def test_a_code_serves_up_to_its_limit_and_once(house: House) -> None:
    ada = approver(house)
    set_limits(house, "100000", "10000")
    one, other = reviewed_for(house, ada.person), reviewed_for(house, ada.person)

    answers = [ada.code(one), ada.code(other)]
    assert [answer.status_code for answer in answers] == [200, 403]
    assert [state_of(house, one), state_of(house, other)] == ["approved", "reviewed"]


def test_wrong_codes_are_counted_however_often_they_are_sent(house: House) -> None:
    ada = approver(house)
    reviewed = reviewed_for(house, ada.person)
    right, ada.person.seed = ada.person.seed, bytes(20)
    statuses = [ada.code(reviewed).status_code for _ in range(OF_CODES.tries + 1)]
    ada.person.seed = right

    assert statuses == [403] * OF_CODES.tries + [429]
    assert ada.code(reviewed).status_code == 429
    assert state_of(house, reviewed) == "reviewed"


# ── How many have to ────────────────────────────────────────────────────────────────────────────────────


def review(ada: Approver, account: str) -> StoredProposal:
    """A proposal of somebody's own."""
    answer = ada.window.ask("POST", f"/accounts/{account}/proposals", {})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    return cast(
        "StoredProposal",
        SimpleNamespace(proposal_id=made["proposal_id"], content_hash=bytes.fromhex(made["content_hash"])),
    )


@pytest.mark.parametrize(
    ("limit", "own_limit", "alone"),
    [
        ("10000", None, True),
        ("9999.99", None, False),
        (None, None, False),
        ("9999.99", "10000", True),
        ("10000", "9999.99", False),
    ],
)
def test_above_the_limit_a_second_person_approves(
    house: House, *, limit: str | None, own_limit: str | None, alone: bool
) -> None:
    """Limits of the tenant, and of the person in their place, on both sides of 10,000; null = nobody alone."""
    set_limits(house, limit, None)
    author, other = approver(house), approver(house)
    house.rows(
        "update steelyard.users set approval_limit = cast(:limit as numeric) where user_id = :id returning 1",
        limit=own_limit,
        id=author.person.user_id,
    )
    reviewed = review(author, traded_account(house, author.person))
    first = author.approve(reviewed)
    assert (first.status_code, first.json()["state"]) == (200, "approved" if alone else "reviewed")
    if alone:
        return

    assert state_of(house, reviewed) == "reviewed"
    again = author.approve(reviewed)
    assert (again.status_code, again.json()["type"]) == (409, "urn:steelyard:problem:approved-before")
    executed = execute(author, reviewed)
    assert (executed.status_code, state_of(house, reviewed)) == (409, "reviewed")
    second = other.approve(reviewed)
    assert (second.status_code, second.json()["state"]) == (200, "approved")
    approvers = [one["approver"] for one in second.json()["approvals"]]
    assert approvers == [f"user:{author.person.user_id}", f"user:{other.person.user_id}"]


def execute(ada: Approver, reviewed: StoredProposal) -> httpx.Response:
    body = {"content_hash": reviewed.content_hash.hex()}
    return ada.ask(f"{reviewed.proposal_id}/execute", body)


def test_a_limit_that_was_raised_counts_for_who_approved_under_the_lower_one(house: House) -> None:
    ada = approver(house)
    reviewed = reviewed_for(house, ada.person)
    set_limits(house, "100", None)
    assert ada.approve(reviewed).json()["state"] == "reviewed"
    assert ada.approve(reviewed).status_code == 409
    set_limits(house, "100000", None)
    assert ada.approve(reviewed).json()["state"] == "approved"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SERVICE])
def test_who_may_not_approve_is_refused_before_anything_is_looked_at(house: House, role: Role) -> None:
    ada = approver(house, role)
    reviewed = reviewed_for(house, ada.person)
    body = {"content_hash": reviewed.content_hash.hex()}
    answer = ada.ask(f"{reviewed.proposal_id}/approve/passkey/question", body)
    assert answer.status_code == (200 if role in {Role.OWNER, Role.ADVISOR} else 403)


def test_an_advisor_approves_what_is_granted_for_it_alone(house: House) -> None:
    ada = approver(house, Role.ADVISOR)
    reviewed = reviewed_for(house, ada.person)
    house.rows(
        "update steelyard.account_grants set rights = '{READ,PROPOSE}' where user_id = :id and account_id like '%-T-%' "
        "returning 1",
        id=ada.person.user_id,
    )
    body = {"content_hash": reviewed.content_hash.hex()}
    answer = ada.ask(f"{reviewed.proposal_id}/approve/passkey/question", body)
    assert (answer.status_code, state_of(house, reviewed)) == (403, "reviewed")


# ── Executing ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("factors", [("password",), ("password", "totp"), ("passkey",)], ids="+".join)
def test_only_an_owner_with_two_factors_executes(house: House, role: Role, factors: tuple[str, ...]) -> None:
    person = house.people[1, role]
    approved = approved_for(house, person)
    window = house.window_of(person, factors)
    body = {"content_hash": approved.content_hash.hex()}
    answer = window.ask("POST", f"/proposals/{approved.proposal_id}/execute", body)

    may = role is Role.OWNER and factors != ("password",)
    assert answer.status_code == (200 if may else 403), answer.text
    assert state_of(house, approved) == ("executed" if may else "approved")


def test_executing_takes_a_factor_shown_a_short_while_ago(house: House) -> None:
    ada = approver(house)
    approved = approved_for(house, ada.person)
    house.clock.ahead = timedelta(minutes=6)
    try:
        late = execute(ada, approved)
    finally:
        house.clock.ahead = timedelta()
    assert (late.status_code, state_of(house, approved)) == (401, "approved")
    assert execute(ada, approved).status_code == 200


def test_a_second_tab_gets_the_state_that_the_first_one_left(house: House) -> None:
    ada = approver(house)
    approved = approved_for(house, ada.person)
    assert [execute(ada, approved).status_code for _ in range(2)] == [200, 409]
