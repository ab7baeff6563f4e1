"""Examples of the routes of identity: signing in, one's own, users, links, holds, the audit."""

import json
from datetime import timedelta
from secrets import token_bytes
from typing import Any
from uuid import UUID, uuid4

from api_visit import (
    NEW_PASSWORD,
    Ask,
    Case,
    Visit,
    asked,
    device_of,
    plainly,
    some_account,
)
from entrances import PASSWORD
from house import Person
from passkey_device import Device, encode
from steelyard.identity.permissions import Role
from steelyard.services.recovery import ask_recovery
from steelyard.services.user import disable_user, invite_user

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


def new_grant(visit: Visit) -> Ask:
    names = {"user_id": str(visit.somebody(Role.ADVISOR).user_id)}
    return Ask(names, body={"account": some_account(visit), "rights": ["PROPOSE"]}, status=204)


def without_grant(visit: Visit) -> Ask:
    advisor = visit.somebody(Role.ADVISOR)
    visit.house.do(visit.house.grant(advisor, some_account(visit)))
    return Ask({"user_id": str(advisor.user_id)}, f"account={some_account(visit)}", status=204)


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
    "POST /export": lambda _: Ask(body={"format": "json"}),
}
"""Route → its example."""
