"""One example of every route, with which it succeeds for who may; a route that is not here fails the tests.

An example makes what it needs (somebody to invite, a code to type) and gives what to send.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

from entrances import PASSWORD
from house import FOREIGN, House, Person, Window
from house_trading import approved_for, approved_run_for, reviewed_for, run_for, traded_account
from passkey_device import Device, encode
from ruled_store import hold_proposal, write_cap, write_limits
from steelyard.brokers.port import BrokerFill
from steelyard.domain.order import Side
from steelyard.domain.profile import Investor
from steelyard.domain.reconciliation import Commodity, Difference
from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.identity.permissions import Right, Role
from steelyard.services.broker_link import attach_account
from steelyard.services.fill import record_fill
from steelyard.services.hold import HoldKind, place_hold
from steelyard.services.ledger import record_transactions
from steelyard.services.model import assign_model, write_model
from steelyard.services.profile import write_profile
from steelyard.services.recovery import ask_recovery
from steelyard.services.user import disable_user, invite_user
from steelyard.storage.connection import WriteSession
from steelyard.storage.proposal import StoredProposal
from steelyard.storage.reconciliation_break import add_break
from steelyard.storage.run import Run

NEW_PASSWORD = "seven lamps under a bridge"  # noqa: S105 - of nobody


@dataclass(slots=True)
class Visit:
    """Who asks, in which window."""

    house: House
    me: Person
    window: Window

    def somebody(self, role: Role = Role.VIEWER, **state: Any) -> Person:
        """Make another user of the same tenant."""
        return self.house.do(self.house.person(role, self.me.tenant_id, **state))

    def as_operator(self, work: Callable[..., Any], about: Any, **more: Any) -> Any:
        """Let the operator of the tenant do something about a user, or about something else of a name."""
        return self.house.do(self.house.operate(self.me.tenant_id, work, about, **more))


@dataclass(frozen=True, slots=True)
class Ask:
    """What to send where the braces of the path and the query are; and the status of success.

    Attributes:
        names: of the path.
        query: what stands behind the question mark.
        body: as JSON; None = none.
        status: when it succeeds.
        headers: beside those of every request; an underscore is a hyphen.
    """

    names: dict[str, str] = field(default_factory=dict)
    query: str = ""
    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def path(self, template: str) -> str:
        return template.format(**self.names) + (f"?{self.query}" if self.query else "")


Case = Callable[[Visit], Ask]


def plainly(visit: Visit) -> Ask:
    """Ask for what needs no argument."""
    del visit
    return Ask()


# ── Signing in ──────────────────────────────────────────────────────────────────────────────────────────


def with_password(visit: Visit) -> Ask:
    return Ask(body={"login": visit.me.login, "password": PASSWORD})


def begin_half(visit: Visit) -> None:
    """Show the first factor, so that the second one is asked for."""
    visit.house.do(visit.house.enrol(visit.me))
    body = {"login": visit.me.login, "password": PASSWORD}
    assert visit.window.ask("POST", "/sign-in/password", body).json()["second_factors"]


def with_totp(visit: Visit) -> Ask:
    begin_half(visit)
    return Ask(body={"code": visit.me.code(visit.house.clock())})


def with_recovery_code(visit: Visit) -> Ask:
    begin_half(visit)
    return Ask(body={"code": visit.me.recovery_codes[0]})


def device_of(visit: Visit) -> Device:
    """Give the user a passkey."""
    device = Device(visit.house.served.wiring.place.public_url)
    visit.house.do(visit.house.give_passkey(visit.me, device))
    return device


def asked(visit: Visit, path: str, body: Any = None) -> dict[str, Any]:
    """The question of a passkey."""
    answer = visit.window.ask("POST", path, body)
    assert answer.status_code == 200, answer.text
    question: dict[str, Any] = answer.json()
    return question


def with_passkey(visit: Visit) -> Ask:
    proof = device_of(visit).prove(asked(visit, "/sign-in/passkey/question"))
    return Ask(body={"credential": json.loads(proof)})


def second_passkey(visit: Visit) -> Ask:
    device_of(visit)
    begin_half(visit)
    return Ask()


def with_second_passkey(visit: Visit) -> Ask:
    device = device_of(visit)
    begin_half(visit)
    proof = device.prove(asked(visit, "/sign-in/second-passkey/question"))
    return Ask(body={"credential": json.loads(proof)})


def at_provider(visit: Visit) -> Ask:
    del visit
    return Ask({"name": "right"}, body={"return_to": "/accounts"})


def back_from_provider(visit: Visit) -> Ask:
    visit.house.do(visit.house.link_identity(visit.me))
    url = visit.window.ask("POST", "/sign-in/providers/right", {}).json()["url"]
    return Ask({"name": "right"}, visit.house.provider.sign_in(url), status=303)


# ── Links ───────────────────────────────────────────────────────────────────────────────────────────────


def link_of(visit: Visit) -> str:
    invited = visit.somebody(status="invited")
    made = visit.as_operator(invite_user, invited.user_id, random=token_bytes)
    return str(made.secret)


def with_link(**more: Any) -> Case:
    return lambda visit: Ask(body={"secret": link_of(visit)} | more)


def link_at_provider(visit: Visit) -> Ask:
    return Ask({"name": "right"}, body={"secret": link_of(visit)})


def link_with_passkey(visit: Visit) -> Ask:
    body = {"secret": link_of(visit)}
    device = Device(visit.house.served.wiring.place.public_url)
    made = device.make(asked(visit, "/links/opened/passkey/question", body))
    return Ask(body=body | {"credential": json.loads(made), "label": "a phone"})


# ── One's own ───────────────────────────────────────────────────────────────────────────────────────────


def another_session(visit: Visit) -> Ask:
    other = visit.house.do(visit.house.session_of(visit.me))
    return Ask({"session_id": str(other.session.session_id)}, status=204)


def step_up_by_code(visit: Visit) -> Ask:
    visit.house.do(visit.house.enrol(visit.me))
    return Ask(body={"code": visit.me.code(visit.house.clock())})


def step_up_by_recovery_code(visit: Visit) -> Ask:
    visit.house.do(visit.house.enrol(visit.me))
    return Ask(body={"code": visit.me.recovery_codes[0]})


def step_up_by_passkey(visit: Visit) -> Ask:
    proof = device_of(visit).prove(asked(visit, "/step-up/passkey/question"))
    return Ask(body={"credential": json.loads(proof)})


def passkey_question(visit: Visit) -> Ask:
    device_of(visit)
    return Ask()


def without_password(visit: Visit) -> Ask:
    device_of(visit)
    return Ask(status=204)


def confirm_app(visit: Visit) -> Ask:
    begun = visit.window.ask("POST", "/factors/totp")
    assert begun.status_code == 200, begun.text
    visit.me.learn_seed(begun.json()["seed"])
    return Ask(body={"code": visit.me.code(visit.house.clock())})


def without_app(visit: Visit) -> Ask:
    visit.house.do(visit.house.enrol(visit.me))
    device_of(visit)
    return Ask(status=204)


def with_app(visit: Visit) -> Ask:
    visit.house.do(visit.house.enrol(visit.me))
    return Ask()


def new_passkey(visit: Visit) -> Ask:
    device = Device(visit.house.served.wiring.place.public_url)
    made = device.make(asked(visit, "/factors/passkeys/question"))
    return Ask(body={"credential": json.loads(made), "label": "a key"})


def passkey_named(visit: Visit) -> Ask:
    device = device_of(visit)
    return Ask({"passkey_id": encode(device.credential_id)}, body={"label": "the blue one"}, status=204)


def without_passkey(visit: Visit) -> Ask:
    visit.house.do(visit.house.enrol(visit.me))
    device = device_of(visit)
    return Ask({"passkey_id": encode(device.credential_id)}, status=204)


def without_identity(visit: Visit) -> Ask:
    visit.house.do(visit.house.enrol(visit.me))
    issuer, subject = visit.house.do(visit.house.link_identity(visit.me))
    return Ask(query=f"issuer={issuer}&subject={subject}", status=204)


def seen(visit: Visit) -> Ask:
    return Ask(body={"until": visit.house.clock().isoformat()}, status=204)


def token_body(visit: Visit, *scopes: str) -> dict[str, Any]:
    ends = visit.house.clock() + timedelta(days=30)
    return {"name": "a program", "scopes": list(scopes), "expires_at": ends.isoformat()}


def own_token(visit: Visit) -> Ask:
    return Ask(body=token_body(visit, "read:asset"), status=201)


def token_id_of(visit: Visit, person: Person) -> str:
    text = visit.house.do(visit.house.token_of(person, ["read:asset"]))
    return str(UUID(text.split("_")[1]))


def without_own_token(visit: Visit) -> Ask:
    return Ask({"token_id": token_id_of(visit, visit.me)}, status=204)


# ── Users ───────────────────────────────────────────────────────────────────────────────────────────────


def about_somebody(body: Any = None, *, status: int = 204, invited: bool = False) -> Case:
    state = "invited" if invited else "active"
    return lambda visit: Ask({"user_id": str(visit.somebody(status=state).user_id)}, body=body, status=status)


def new_user(visit: Visit) -> Ask:
    del visit
    name = f"new-{uuid4().hex[:8]}"
    return Ask(body={"login": f"{name}@example.org", "name": name, "role": "viewer"}, status=201)


def somebody_disabled(visit: Visit) -> Ask:
    person = visit.somebody()
    visit.as_operator(disable_user, person.user_id)
    return Ask({"user_id": str(person.user_id)}, status=204)


def somebody_invited(visit: Visit) -> Ask:
    person = visit.somebody(status="invited")
    visit.as_operator(invite_user, person.user_id, random=token_bytes)
    return Ask({"user_id": str(person.user_id)}, status=204)


def recovery_asked(visit: Visit) -> Ask:
    request_id = visit.as_operator(ask_recovery, visit.somebody().user_id, random=token_bytes)
    return Ask({"request_id": str(request_id)}, status=201)


def erasable(visit: Visit) -> Ask:
    ask = somebody_disabled(visit)
    return Ask(ask.names, "early=true")


def hold(visit: Visit) -> Ask:
    made = visit.house.do(visit.house.hold(visit.me.tenant_id, visit.somebody()))
    return Ask({"hold_id": str(made)}, status=204)


def token_of_service(visit: Visit) -> Ask:
    service = visit.somebody(Role.SERVICE)
    return Ask({"user_id": str(service.user_id)}, body=token_body(visit, "read:portfolio"), status=201)


def without_token(visit: Visit) -> Ask:
    service = visit.somebody(Role.SERVICE)
    names = {"user_id": str(service.user_id), "token_id": token_id_of(visit, service)}
    return Ask(names, status=204)


def some_account(visit: Visit) -> str:
    return "MINE-1" if visit.me.tenant_id == 1 else f"{FOREIGN}-1"


def new_grant(visit: Visit) -> Ask:
    names = {"user_id": str(visit.somebody(Role.ADVISOR).user_id)}
    return Ask(names, body={"account": some_account(visit), "rights": ["PROPOSE"]}, status=204)


def without_grant(visit: Visit) -> Ask:
    advisor = visit.somebody(Role.ADVISOR)
    visit.house.do(visit.house.grant(advisor, some_account(visit)))
    return Ask({"user_id": str(advisor.user_id)}, f"account={some_account(visit)}", status=204)


def paper_link(visit: Visit) -> str:
    return str(visit.house.do(visit.house.link_paper(visit.me.tenant_id)))


def new_link(visit: Visit) -> Ask:
    del visit
    keys = {"key_id": "PK1", "secret_key": "SK1"}
    body = {"broker": "alpaca", "name": f"{uuid4()}", "environment": "paper", "credentials": keys}
    return Ask(body=body, status=201)


def new_attachment(visit: Visit) -> Ask:
    account_id = visit.house.do(visit.house.ledger_account(visit.me.tenant_id))
    return Ask({"link_id": paper_link(visit), "account_id": account_id}, status=204)


CASES: dict[str, Case] = {
    "GET /healthz": plainly,
    "GET /readyz": plainly,
    "GET /metrics": plainly,
    "GET /openapi.json": plainly,
    "POST /sign-in/password": with_password,
    "POST /sign-in/totp": with_totp,
    "POST /sign-in/recovery-code": with_recovery_code,
    "POST /sign-in/passkey/question": plainly,
    "POST /sign-in/passkey": with_passkey,
    "POST /sign-in/second-passkey/question": second_passkey,
    "POST /sign-in/second-passkey": with_second_passkey,
    "GET /sign-in/providers": plainly,
    "POST /sign-in/providers/{name}": at_provider,
    "GET /sign-in/providers/{name}/callback": back_from_provider,
    "POST /sign-out": lambda _: Ask(status=204),
    "POST /links/opened": with_link(),
    "POST /links/opened/password": with_link(password=NEW_PASSWORD),
    "POST /links/opened/passkey/question": with_link(),
    "POST /links/opened/passkey": link_with_passkey,
    "POST /links/opened/providers/{name}": link_at_provider,
    "GET /me": plainly,
    "GET /sessions": plainly,
    "DELETE /sessions": plainly,
    "DELETE /sessions/{session_id}": another_session,
    "POST /step-up/password": lambda _: Ask(body={"password": PASSWORD}),
    "POST /step-up/totp": step_up_by_code,
    "POST /step-up/recovery-code": step_up_by_recovery_code,
    "POST /step-up/passkey/question": passkey_question,
    "POST /step-up/passkey": step_up_by_passkey,
    "POST /step-up/providers/{name}": at_provider,
    "GET /factors": plainly,
    "PUT /factors/password": lambda _: Ask(body={"password": NEW_PASSWORD}, status=204),
    "DELETE /factors/password": without_password,
    "POST /factors/totp": plainly,
    "PUT /factors/totp": confirm_app,
    "DELETE /factors/totp": without_app,
    "POST /factors/recovery-codes": with_app,
    "POST /factors/passkeys/question": plainly,
    "POST /factors/passkeys": new_passkey,
    "PUT /factors/passkeys/{passkey_id}": passkey_named,
    "DELETE /factors/passkeys/{passkey_id}": without_passkey,
    "POST /factors/identities/{name}": at_provider,
    "DELETE /factors/identities": without_identity,
    "GET /notices": plainly,
    "POST /notices/seen": seen,
    "GET /tokens": plainly,
    "POST /tokens": own_token,
    "DELETE /tokens/{token_id}": without_own_token,
    "GET /users": plainly,
    "POST /users": new_user,
    "GET /users/{user_id}": about_somebody(status=200),
    "PUT /users/{user_id}/role": about_somebody({"role": "advisor"}),
    "PUT /users/{user_id}/approval-limit": about_somebody({"approval_limit": "1000.50"}),
    "PUT /users/{user_id}/disabled": about_somebody(),
    "DELETE /users/{user_id}/disabled": somebody_disabled,
    "POST /users/{user_id}/invitation": about_somebody(status=201, invited=True),
    "DELETE /users/{user_id}/links": somebody_invited,
    "GET /links": plainly,
    "POST /users/{user_id}/recovery": about_somebody(status=201),
    "GET /recoveries": plainly,
    "POST /recoveries/{request_id}/approval": recovery_asked,
    "GET /users/{user_id}/tokens": about_somebody(status=200),
    "POST /users/{user_id}/tokens": token_of_service,
    "DELETE /users/{user_id}/tokens/{token_id}": without_token,
    "GET /grants": plainly,
    "GET /users/{user_id}/grants": about_somebody(status=200),
    "PUT /users/{user_id}/grants": new_grant,
    "DELETE /users/{user_id}/grants": without_grant,
    "POST /users/{user_id}/personal-data/export": about_somebody(status=200),
    "DELETE /users/{user_id}/personal-data": erasable,
    "GET /holds": plainly,
    "POST /holds": lambda visit: Ask(
        body={"reason": "case 12-345", "user_id": str(visit.somebody().user_id)}, status=201
    ),
    "DELETE /holds/{hold_id}": hold,
    "GET /tenant": plainly,
    "PUT /tenant/requires-mfa": lambda _: Ask(body={"requires_mfa": False}, status=204),
    "PUT /tenant/approval-limit": lambda _: Ask(body={"approval_limit": "250000"}, status=204),
    "GET /audit/events": plainly,
    "POST /audit/export": lambda _: Ask(body={"action": "user.create"}),
    "GET /brokers": plainly,
    "POST /brokers": new_link,
    "PUT /brokers/{link_id}/accounts/{account_id}": new_attachment,
    "DELETE /brokers/{link_id}": lambda visit: Ask({"link_id": paper_link(visit)}, status=204),
    "GET /accounts": plainly,
    "GET /prices": lambda _: Ask(query="asset=A&source=stored"),
}
"""Route → its example."""

SCOPED = (
    "positions",
    "lots",
    "ledger",
    "performance",
    "asset-360/overview",
    "asset-360/allocation",
    "asset-360/risk",
    "asset-360/performers",
    "asset-360/compliance",
    "asset-360/transactions",
    "asset-360/sectors",
    "asset-360/countries",
    "asset-360/assets",
    "asset-360/asset",
)
"""Answers about a scope."""


def about_account(name: str) -> Case:
    more = "&asset=A" if name == "asset-360/asset" else ""
    return lambda visit: Ask(query=f"account={some_account(visit)}{more}")


def my_run(visit: Visit) -> Ask:
    """A run of whoever asks, which was made."""
    me, token = visit.me, visit.window.bearer.split("_")
    made = visit.house.rows(
        "insert into steelyard.runs (tenant_id, run_name, state, author, document, made_at, expires_at) "
        "values (:tenant, 'a run', 'made', :author, '{}', now(), now() + interval '1 hour') returning run_id",
        me.tenant_id,
        tenant=me.tenant_id,
        author=f"token:{UUID(token[1])}" if len(token) > 1 else f"user:{me.user_id}",
    )
    return Ask({"run_id": str(made[0][0])})


OF_ONE_ACCOUNT = ("account", "balances", "transactions", "portfolio", "targets", "profile", "offers")
"""Answers about one account."""

NEW = {"if_none_match": "*"}
INVESTOR = Investor(5, 30, ("a boat",), {"sectors": ["Tools"]}, {})


def new_model(visit: Visit) -> str:
    """Make a model that suits everybody."""
    model_id, weights = f"MODEL-{uuid4().hex[:8]}", {"A": "0.5", "MINECO": "0.5"}
    if visit.me.tenant_id != 1:
        weights = {"A": "1"}
    more = {"name": "Half and half", "weights": weights, "risk_level": 1, "expected": 0}
    visit.house.do(visit.house.write(visit.me.tenant_id, write_model, model_id, **more))
    return model_id


def with_profile(visit: Visit) -> int:
    """See that the investor of some account is known; the version of what is known."""
    found = visit.house.rows(
        "select version from steelyard.investor_profiles where account_id = :account",
        visit.me.tenant_id,
        account=some_account(visit),
    )
    if found:
        return int(found[0][0])
    write = visit.house.write(
        visit.me.tenant_id, write_profile, some_account(visit), INVESTOR, expected=0, now=visit.house.clock()
    )
    return int(visit.house.do(write).version)


def known_investor(visit: Visit) -> Ask:
    with_profile(visit)
    return Ask(query=f"account={some_account(visit)}")


def with_targets(visit: Visit) -> Ask:
    with_profile(visit)
    follow = visit.house.write(visit.me.tenant_id, assign_model, some_account(visit), new_model(visit))
    visit.house.do(follow)
    return Ask(query=f"account={some_account(visit)}")


def may_change(visit: Visit) -> None:
    """Let an advisor say what the investor of some account wants."""
    if visit.me.role is Role.ADVISOR:
        visit.house.do(visit.house.grant(visit.me, some_account(visit), Right.PROPOSE))


def other_profile(visit: Visit) -> Ask:
    may_change(visit)
    return Ask(
        query=f"account={some_account(visit)}",
        body={
            "risk_tolerance": 5,
            "horizon_years": 20,
            "goals": ["a house"],
            "exclusions": {"assets": ["MINECO"]},
        },
        headers={"if_match": f'"{with_profile(visit)}"'},
    )


def other_model(visit: Visit) -> Ask:
    may_change(visit)
    version = with_profile(visit)
    suits = visit.house.write(
        visit.me.tenant_id,
        write_profile,
        some_account(visit),
        INVESTOR,
        expected=version,
        now=visit.house.clock(),
    )
    visit.house.do(suits)
    return Ask(query=f"account={some_account(visit)}", body={"model": new_model(visit)})


CASES |= {f"GET /{name}": about_account(name) for name in (*SCOPED, *OF_ONE_ACCOUNT)} | {
    "GET /targets": with_targets,
    "GET /profile": known_investor,
    "PUT /profile": other_profile,
    "PUT /account/model": other_model,
    "GET /models": plainly,
    "GET /model": lambda visit: Ask(query=f"model={new_model(visit)}"),
    "PUT /model": lambda _: Ask(
        query=f"model=NEW-{uuid4().hex[:8]}", body={"name": "All of it", "weights": {"A": "1"}}, headers=NEW
    ),
}


MADE = """
insert into steelyard.orders
(tenant_id, account_id, link_id, asset_id, side, quantity, order_type, currency, reference_price, order_value,
client_order_id)
select a.tenant_id, a.account_id, k.link_id, 'A', 'buy', 10, 'market', 'USD', 100, 1000, 'c-' || gen_random_uuid()
from steelyard.accounts as a
inner join steelyard.broker_links as k using (tenant_id)
where a.account_id = :account
limit 1
returning order_id
"""
LINKED = """
insert into steelyard.broker_links (tenant_id, broker, link_name, made_by)
values (:tenant, 'paper', 'cases', 'operator')
on conflict do nothing returning link_id
"""
STEP = """
update steelyard.orders
set state = :state, version = version + 1, released_at = now(), lease_until = now(), due_at = now() + interval '1 day'
where order_id = :id returning order_id
"""


def my_order(visit: Visit, *states: str, body: Any = None, status: int = 200) -> Ask:
    """An order of an account that whoever asks sees, led through some states."""
    house, tenant_id = visit.house, visit.me.tenant_id
    house.rows(LINKED, tenant_id, tenant=tenant_id)
    [[order_id]] = house.rows(MADE, tenant_id, account=some_account(visit))
    for state in states:
        house.rows(STEP, tenant_id, id=order_id, state=state)
    return Ask({"order_id": str(order_id)}, body=body, status=status)


APPROVED = ("reviewed", "approved")


def stopped(visit: Visit, *, is_stopped: bool) -> Ask:
    """The kill switch pulled, or not."""
    tenant_id = visit.me.tenant_id
    visit.house.rows(
        "update steelyard.trading_holds set released_at = now(), released_by = 'operator' "
        "where kind = 'kill_switch' and released_at is null returning hold_id",
        tenant_id,
    )
    if is_stopped:
        visit.house.rows(
            "insert into steelyard.trading_holds (tenant_id, kind, reason, made_by) "
            "values (:tenant, 'kill_switch', 'a wrong price', 'operator') returning hold_id",
            tenant_id,
            tenant=tenant_id,
        )
    return Ask(body={"reason": "a wrong price"}, status=204)


CASES |= {
    "GET /orders": plainly,
    "GET /orders/{order_id}": my_order,
    "POST /orders/{order_id}/cancel": lambda visit: my_order(visit, *APPROVED, body={}),
    "POST /orders/{order_id}/replace": lambda visit: my_order(
        visit, *APPROVED, body={"quantity": "4", "limit_price": "99.5"}, status=201
    ),
    "POST /orders/{order_id}/resolve": lambda visit: my_order(
        visit, *APPROVED, "sending", "unknown", body={"resolution": "never", "reason": "the desk says so"}
    ),
    "GET /trading-stop": plainly,
    "POST /trading-stop": lambda visit: stopped(visit, is_stopped=False),
    "POST /trading-stop/release": lambda visit: stopped(visit, is_stopped=True),
}

CASES |= {f"GET /{name}": about_account(name) for name in SCOPED} | {
    "GET /progress/orders": lambda visit: Ask(query=f"account={some_account(visit)}"),
    "GET /progress/runs/{run_id}": my_run,
}


# ── Proposals ───────────────────────────────────────────────────────────────────────────────────────────


def of_account(status: int = 200) -> Case:
    return lambda visit: Ask({"account_id": traded_account(visit.house, visit.me)}, body={}, status=status)


def of_proposal(**ask: Any) -> Case:
    return lambda visit: Ask({"proposal_id": f"{reviewed_for(visit.house, visit.me).proposal_id}"}, **ask)


def as_seen(reviewed: StoredProposal, **more: Any) -> Ask:
    body = {"content_hash": reviewed.content_hash.hex(), **more}
    return Ask({"proposal_id": f"{reviewed.proposal_id}"}, body=body)


def to_sign(visit: Visit) -> Ask:
    device_of(visit)
    return as_seen(reviewed_for(visit.house, visit.me))


def signed(visit: Visit) -> Ask:
    device, reviewed = device_of(visit), reviewed_for(visit.house, visit.me)
    ask = as_seen(reviewed)
    question = asked(visit, f"/proposals/{reviewed.proposal_id}/approve/passkey/question", ask.body)
    proof = json.loads(device.prove(question["options"]))
    return as_seen(reviewed, nonce=question["nonce"], credential=proof)


def coded(visit: Visit) -> Ask:
    visit.house.do(visit.house.enrol(visit.me))
    visit.house.rows("update steelyard.tenants set code_limit = 1000000 where tenant_id = 1 returning 1")
    return as_seen(reviewed_for(visit.house, visit.me), code=visit.me.code(visit.house.clock()))


CASES |= {
    "POST /accounts/{account_id}/allocation": of_account(),
    "POST /accounts/{account_id}/proposals": of_account(201),
    "GET /proposals": lambda visit: Ask(query=f"account={traded_account(visit.house, visit.me)}"),
    "GET /proposals/{proposal_id}": of_proposal(),
    "GET /proposals/{proposal_id}/document": of_proposal(),
    "GET /proposals/{proposal_id}/check": of_proposal(),
    "POST /proposals/{proposal_id}/approve/passkey/question": to_sign,
    "POST /proposals/{proposal_id}/approve/passkey": signed,
    "POST /proposals/{proposal_id}/approve/totp": coded,
    "POST /proposals/{proposal_id}/execute": lambda visit: as_seen(approved_for(visit.house, visit.me)),
    "POST /proposals/{proposal_id}/withdraw": of_proposal(status=204),
    "PUT /tenant/code-limit": lambda _: Ask(body={"code_limit": "1000000"}, status=204),
    "PUT /tenant/price-tolerance": lambda _: Ask(body={"price_tolerance": "0.01"}, status=204),
    "PUT /tenant/proposal-minutes": lambda _: Ask(body={"proposal_minutes": 45}, status=204),
}


# ── Rules ───────────────────────────────────────────────────────────────────────────────────────────────

RULE = {
    "kind": "sector_concentration",
    "bound": "0.40",
    "outcome": "hold",
    "valid_from": "2026-01-01",
    "source_document": "Mandate, section 3",
    "settings": {"except": {"asset_classes": ["ETF"]}},
    "scope": {"accounts": ["nobody's"]},
}
LIMITS = {"max_order_value": "250000", "price_collar": "0.03"}


def a_rule(status: int = 200) -> Case:
    def case(visit: Visit) -> Ask:
        rule_id = f"rule-{uuid4().hex[:8]}"
        visit.as_operator(write_cap, rule_id)
        return Ask({"rule_id": rule_id}, status=status)

    return case


def some_limits(visit: Visit) -> Ask:
    visit.as_operator(write_limits, some_account(visit))
    return Ask({"account_id": some_account(visit)}, status=204)


def tenants_limits(visit: Visit) -> Ask:
    visit.as_operator(write_limits, None)
    return Ask(status=204)


def held_proposal(*, overrides: bool) -> Case:
    def case(visit: Visit) -> Ask:
        rule_id = f"rule-{uuid4().hex[:8]}"
        made = visit.as_operator(hold_proposal, rule_id, account=some_account(visit))
        body = {"rule_id": rule_id, "reason": "agreed with the client"} if overrides else None
        return Ask({"proposal_id": str(made)}, body=body, status=204 if overrides else 200)

    return case


CASES |= {
    "GET /rules": plainly,
    "GET /rules/{rule_id}": a_rule(),
    "POST /rules": lambda _: Ask(body={"rules": [RULE | {"id": f"rule-{uuid4().hex[:8]}"}]}),
    "DELETE /rules/{rule_id}": a_rule(status=204),
    "POST /rules/dry-run": lambda _: Ask(body={"rule": RULE, "since": "2023-01-01", "until": "2023-01-31"}),
    "POST /compliance/checks": lambda visit: Ask(body={"day": "2023-12-29", "account": some_account(visit)}),
    "GET /order-limits": plainly,
    "PUT /order-limits": lambda _: Ask(body=LIMITS, status=204),
    "DELETE /order-limits": tenants_limits,
    "PUT /order-limits/{account_id}": lambda visit: Ask(
        {"account_id": some_account(visit)}, body=LIMITS, status=204
    ),
    "DELETE /order-limits/{account_id}": some_limits,
    "GET /proposals/{proposal_id}/overrides": held_proposal(overrides=False),
    "POST /proposals/{proposal_id}/overrides": held_proposal(overrides=True),
}


# ── Fills, holds, breaks ────────────────────────────────────────────────────────────────────────────────


def foundling(visit: Visit) -> Ask:
    """Let a broker execute what nobody ordered, and give it to some account."""
    link_id, execution_id = UUID(paper_link(visit)), f"x-{uuid4()}"
    fill = BrokerFill(
        execution_id=execution_id,
        broker_order_id="",
        client_order_id="",
        symbol="A",
        side=Side.BUY,
        quantity=Decimal(1),
        price=Decimal(10),
        currency="USD",
        executed_at=visit.house.clock(),
    )
    today = visit.house.clock().date()
    visit.house.do(visit.house.write(visit.me.tenant_id, record_fill, link_id, fill, today=today))
    owner = {"account": some_account(visit), "asset": "A"}
    return Ask(body={"link_id": str(link_id), "execution_id": execution_id, **owner})


def held(visit: Visit) -> Ask:
    reason, account_id = f"asked to, {uuid4()}", some_account(visit)
    placed = visit.house.write(visit.me.tenant_id, place_hold, HoldKind.MANUAL, reason, account_id=account_id)
    return Ask({"hold_id": str(visit.house.do(placed))}, body={"reason": "settled by phone"}, status=204)


def broken(visit: Visit) -> Ask:
    money = Difference(Commodity(f"X{uuid4().hex}", is_cash=False), Decimal(5), Decimal(4))
    made = visit.house.write(
        visit.me.tenant_id,
        add_break,
        UUID(paper_link(visit)),
        some_account(visit),
        money,
        hold_id=None,
        now=visit.house.clock(),
    )
    names = {"break_id": str(visit.house.do(made))}
    return Ask(names, body={"explanation": "their rounding"}, status=204)


async def deposit(db: WriteSession, money: Transaction, today: date) -> None:
    await record_transactions([money], today=today, db=db)


def attached(visit: Visit) -> Ask:
    link_id, tenant_id = paper_link(visit), visit.me.tenant_id
    account_id = visit.house.do(visit.house.ledger_account(tenant_id))
    today = visit.house.clock().date()
    money = Transaction(
        transaction_id=f"{uuid4()}",
        kind=TransactionKind.DEPOSIT,
        trade_date=today,
        account_id=account_id,
        currency="USD",
        amount=Decimal(5),
    )
    visit.house.do(visit.house.write(tenant_id, deposit, money, today))
    tools = visit.house.served.app.state.broker_tools
    vault = visit.house.entrance.vault
    visit.house.do(visit.house.write(tenant_id, attach_account, vault, account_id, UUID(link_id), tools))
    return Ask({"link_id": link_id})


CASES |= {
    "GET /fills": plainly,
    "GET /fills/suspense": plainly,
    "POST /fills/assign": foundling,
    "GET /trading-holds": plainly,
    "POST /trading-holds": lambda visit: Ask(
        body={"kind": "manual", "reason": f"ask first, {uuid4()}", "account": some_account(visit)}, status=201
    ),
    "POST /trading-holds/{hold_id}/release": held,
    "GET /breaks": plainly,
    "POST /breaks/{break_id}/explain": broken,
    "POST /brokers/{link_id}/sync": attached,
}


# ── Runs ────────────────────────────────────────────────────────────────────────────────────────────────


def author_of(visit: Visit) -> str:
    """Who asks, as the audit names them."""
    token = visit.window.bearer.split("_")
    return f"token:{UUID(token[1])}" if len(token) > 1 else f"user:{visit.me.user_id}"


def made_run(visit: Visit) -> Run:
    return run_for(visit.house, visit.me, author=author_of(visit))


def of_run(**ask: Any) -> Case:
    return lambda visit: Ask({"run_id": f"{made_run(visit).run_id}"}, **ask)


def run_seen(made: Run, **more: Any) -> Ask:
    body = {"content_hash": (made.content_hash or b"").hex(), **more}
    return Ask({"run_id": f"{made.run_id}"}, body=body)


def begun_run(visit: Visit) -> Ask:
    return Ask(body={"name": "a run", "accounts": [traded_account(visit.house, visit.me)]}, status=201)


def dropped_run(visit: Visit) -> Ask:
    accounts = [traded_account(visit.house, visit.me) for _ in range(2)]
    made = run_for(visit.house, visit.me, *accounts, author=author_of(visit))
    return Ask({"run_id": f"{made.run_id}"}, body={"accounts": accounts[:1]})


def run_to_sign(visit: Visit) -> Ask:
    device_of(visit)
    return run_seen(made_run(visit))


def signed_run(visit: Visit) -> Ask:
    device, made = device_of(visit), made_run(visit)
    question = asked(visit, f"/runs/{made.run_id}/approve/passkey/question", run_seen(made).body)
    proof = json.loads(device.prove(question["options"]))
    return run_seen(made, nonce=question["nonce"], credential=proof)


def coded_run(visit: Visit) -> Ask:
    visit.house.do(visit.house.enrol(visit.me))
    visit.house.rows("update steelyard.tenants set code_limit = 1000000 where tenant_id = 1 returning 1")
    return run_seen(made_run(visit), code=visit.me.code(visit.house.clock()))


CASES |= {
    "POST /runs": begun_run,
    "GET /runs": plainly,
    "GET /runs/{run_id}": of_run(),
    "GET /runs/{run_id}/accounts": of_run(),
    "POST /runs/{run_id}/drop": dropped_run,
    "POST /runs/{run_id}/approve/passkey/question": run_to_sign,
    "POST /runs/{run_id}/approve/passkey": signed_run,
    "POST /runs/{run_id}/approve/totp": coded_run,
    "POST /runs/{run_id}/execute": lambda visit: run_seen(approved_run_for(visit.house, visit.me)),
    "POST /runs/{run_id}/withdraw": of_run(status=204),
}
