"""Examples of the routes of proposals, runs and rules."""

import json
from typing import Any
from uuid import UUID, uuid4

from api_visit import (
    Ask,
    Case,
    Visit,
    asked,
    author_of,
    device_of,
    plainly,
    some_account,
)
from house_trading import approved_for, approved_run_for, reviewed_for, run_for, traded_account
from ruled_store import hold_proposal, write_cap, write_limits
from steelyard.storage.proposal import StoredProposal
from steelyard.storage.run import Run

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


CASES: dict[str, Case] = {
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


CASES |= {
    "GET /progress/orders": lambda visit: Ask(query=f"account={some_account(visit)}"),
    "GET /progress/runs/{run_id}": my_run,
}


# ── Runs ────────────────────────────────────────────────────────────────────────────────────────────────


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
