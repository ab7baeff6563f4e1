"""The operator at the terminal lets people and programs in, and out again."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from people import acting, actor_of, person, random_bytes, run
from steelyard.identity.permissions import ObjectType, Role, Verb, permissions_of
from steelyard.services.recovery import ask_recovery
from steelyard.storage.connection import close_connection_pool, init_connection_pool
from terminal import Terminal

NOW = datetime.now(UTC)

Run = Callable[..., str]


@pytest.fixture
def ask(steelyard_here: Run) -> Callable[..., Any]:
    return lambda *arguments: json.loads(steelyard_here(*arguments, "--json"))


def in_store(terminal: Terminal, work: Callable[[], Any]) -> Any:
    """Do something in the store of the terminal, beside it."""

    async def opened() -> Any:
        await init_connection_pool(data_dir=terminal.home)
        try:
            return await work()
        finally:
            await close_connection_pool()

    return asyncio.run(opened())


def user_of(people: dict[str, Any], login: str) -> dict[str, Any]:
    return next(user for user in people["users"] if user["login"] == login)


def test_somebody_is_invited_changed_and_let_in_no_more(steelyard_here: Run, ask: Callable[..., Any]) -> None:
    shown = steelyard_here(
        "user",
        "invite",
        "ada@example.org",
        "--name",
        "Ada",
        "--role",
        "viewer",
        "--url",
        "https://book.example",
    )
    again = ask("user", "invite", "ada@example.org")
    assert shown.count("https://book.example/invite#") == 1
    assert again["url"].removeprefix("http://localhost:8000/invite#") not in shown
    assert (again["login"], again["purpose"]) == ("ada@example.org", "invitation")

    steelyard_here("user", "role", "ADA@example.org", "advisor")
    steelyard_here("user", "limit", "ada@example.org", "250000.50")
    steelyard_here("user", "grant", "ada@example.org", "--household", "RIVERA", "--may", "propose")
    people = ask("user", "list")
    ada = user_of(people, "ada@example.org")
    assert (ada["name"], ada["role"], ada["status"], ada["approval_limit"]) == (
        "Ada",
        "advisor",
        "invited",
        250000.5,
    )
    assert [(grant["household_id"], grant["rights"]) for grant in people["grants"]] == [
        ("RIVERA", ["PROPOSE", "READ"])
    ]
    screen = steelyard_here("user", "list")
    assert "household RIVERA" in screen
    assert "250,000.50" in screen

    steelyard_here("user", "revoke", "ada@example.org", "--household", "RIVERA")
    steelyard_here("user", "disable", "ada@example.org")
    people = ask("user", "list")
    assert (people["grants"], user_of(people, "ada@example.org")["status"]) == ([], "disabled")
    assert "has no way in yet" in steelyard_here("user", "enable", "ada@example.org")


def test_a_program_gets_a_token_that_is_printed_once(
    terminal: Terminal, steelyard_here: Run, ask: Callable[..., Any]
) -> None:
    steelyard_here("user", "add", "nightly", "--role", "service")
    made = ask("token", "create", "nightly", "--name", "cron", "--scope", "read:portfolio", "--days", "7")
    listed = ask("token", "list", "nightly")
    actor = in_store(terminal, lambda: actor_of(made["token"]))

    assert permissions_of(actor) == {(Verb.READ, ObjectType.PORTFOLIO)}
    assert [token["token_id"] for token in listed] == [made["token_id"]]
    assert made["token"] not in steelyard_here("token", "list")
    assert "'execute:order'" in steelyard_here(
        "token", "create", "nightly", "--name", "x", "--scope", "execute:order", code=1
    )
    steelyard_here("token", "revoke", made["token_id"])
    assert ask("token", "list", "nightly") == []


def test_the_operator_asks_or_approves_and_never_both(
    terminal: Terminal, steelyard_here: Run, ask: Callable[..., Any]
) -> None:
    steelyard_here("user", "add", "grace", "--role", "viewer")
    user_id = UUID(user_of(ask("user", "list"), "grace")["user_id"])
    activate = "update steelyard.users set status = 'active' where user_id = :id"
    in_store(terminal, lambda: run(activate, id=user_id))
    assert "Nothing changes until another person approves" in steelyard_here("user", "reset-mfa", "grace")
    assert "You asked for this yourself" in steelyard_here("user", "reset-mfa", "grace", "--approve", code=1)

    async def asked_by_an_admin() -> None:
        await run("delete from steelyard.recovery_requests")
        admin = person(UUID(int=7), Role.ADMIN)
        async with acting(admin) as db:
            await ask_recovery(db, admin, user_id, now=NOW, random=random_bytes)

    in_store(terminal, asked_by_an_admin)
    assert "Waiting for a second person" in steelyard_here("user", "list")
    link = ask("user", "reset-mfa", "grace", "--approve")

    assert (link["login"], link["purpose"]) == ("grace", "recovery")
    assert "Nobody has asked" in steelyard_here("user", "reset-mfa", "grace", "--approve", code=1)


def test_a_tenant_is_made_and_its_people_are_its_own(steelyard_here: Run, ask: Callable[..., Any]) -> None:
    steelyard_here("tenant", "add", "Rivera family", "--currency", "EUR")
    tenant = next(each for each in ask("tenant", "list") if each["tenant_name"] == "Rivera family")
    of_it = ("--tenant", str(tenant["tenant_id"]))
    steelyard_here("user", "invite", "rosa", "--role", "owner", *of_it)
    steelyard_here("tenant", "set", "--second-factor", "--limit", "1000", *of_it)
    changed = next(each for each in ask("tenant", "list") if each["tenant_name"] == "Rivera family")

    assert [user["login"] for user in ask("user", "list", *of_it)["users"]] == ["rosa"]
    assert "rosa" not in steelyard_here("user", "list")
    assert (changed["base_currency"], changed["requires_mfa"], changed["approval_limit"]) == (
        "EUR",
        True,
        1000,
    )
    assert "already" in steelyard_here("tenant", "add", "Rivera family", code=1)
    assert "no code of ISO 4217" in steelyard_here("tenant", "add", "Other", "--currency", "euro", code=1)
    assert "no tenant 99" in steelyard_here("user", "list", "--tenant", "99", code=1)


def test_what_is_wrong_is_refused_in_a_sentence(steelyard_here: Run) -> None:
    assert "There is no user 'ghost'" in steelyard_here("user", "disable", "ghost", code=1)
    assert "is empty" in steelyard_here("user", "add", " ", "--role", "viewer", code=1)
    assert "exclude each other" in steelyard_here("tenant", "set", "--limit", "1", "--no-limit", code=2)
    assert "Say what to change" in steelyard_here("tenant", "set", code=2)
    assert "either an amount or --as-tenant" in steelyard_here("user", "limit", "ghost", code=2)
    assert "is '1e400'" in steelyard_here("user", "limit", "ghost", "1e400", code=2)
    assert "give --role, too" in steelyard_here("user", "invite", "ghost", "--name", "G", code=2)
