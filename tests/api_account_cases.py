"""Examples of the routes of accounts: the answers about them, investors, models, brokers, prices."""

from uuid import uuid4

from api_visit import Ask, Case, Visit, paper_link, plainly, some_account
from steelyard.domain.profile import Investor
from steelyard.identity.permissions import Right, Role
from steelyard.services.model import assign_model, write_model
from steelyard.services.profile import write_profile


def new_link(visit: Visit) -> Ask:
    del visit
    keys = {"key_id": "PK1", "secret_key": "SK1"}
    body = {"broker": "alpaca", "name": f"{uuid4()}", "environment": "paper", "credentials": keys}
    return Ask(body=body, status=201)


def new_attachment(visit: Visit) -> Ask:
    account_id = visit.house.do(visit.house.ledger_account(visit.me.tenant_id))
    return Ask({"link_id": paper_link(visit), "account_id": account_id}, status=204)


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


CASES: dict[str, Case] = {f"GET /{name}": about_account(name) for name in (*SCOPED, *OF_ONE_ACCOUNT)} | {
    "GET /targets": with_targets,
    "GET /profile": known_investor,
    "PUT /profile": other_profile,
    "PUT /account/model": other_model,
    "GET /brokers": plainly,
    "POST /brokers": new_link,
    "PUT /brokers/{link_id}/accounts/{account_id}": new_attachment,
    "DELETE /brokers/{link_id}": lambda visit: Ask({"link_id": paper_link(visit)}, status=204),
    "GET /accounts": plainly,
    "GET /prices": lambda _: Ask(query="asset=A&source=stored"),
    "GET /models": plainly,
    "GET /model": lambda visit: Ask(query=f"model={new_model(visit)}"),
    "PUT /model": lambda _: Ask(
        query=f"model=NEW-{uuid4().hex[:8]}", body={"name": "All of it", "weights": {"A": "1"}}, headers=NEW
    ),
}
