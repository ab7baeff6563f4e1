"""What stands in the braces of the pages' addresses: the names of things that whoever asks may see.

A parameter whose name is not here, nor its whole path, fails the tests of every page that has it.
"""

import re
from collections.abc import Callable
from uuid import UUID, uuid4

from api_account_cases import new_model
from api_identity_cases import hold, recovery_asked
from api_import_cases import an_import
from api_order_cases import broken, foundling, held, my_order
from api_proposal_cases import a_rule, made_run
from api_visit import Visit, device_of, paper_link, some_account
from house_trading import approved_for, reviewed_for
from passkey_device import encode
from steelyard.identity.permissions import Role
from web_page import WebRoute

WITHOUT_KEY = {
    "POST /book/covered": "counts what a run would cover and stores nothing",
    "POST /book/{run_id}/approve/question": "asks; what answers it has a key",
    "POST /rebalance/what-if": "works trades out and stores nothing",
    "POST /rebalance/{proposal_id}/question": "asks; what answers it has a key",
}
"""Forms about orders that need no key; each with its reason."""

NOWHERE = "00000000-0000-4000-8000-000000000000"
Names = Callable[[Visit], str]


def my_passkey(visit: Visit) -> str:
    """A new passkey of whoever asks."""
    return encode(device_of(visit).credential_id)


def executed(visit: Visit) -> str:
    """A proposal that an owner executed: its orders are on their way."""
    approved = approved_for(visit.house, visit.me)
    owner = visit.house.window_of(visit.house.people[1, Role.OWNER])
    seen = {"content_hash": approved.content_hash.hex()}
    answer = owner.ask("POST", f"/proposals/{approved.proposal_id}/execute", seen)
    assert answer.status_code == 200, answer.text
    return str(approved.proposal_id)


PARAMETERS: dict[str, Names] = {
    "account_id": some_account,
    "asset_id": lambda _: "MINECO",
    "break_id": lambda visit: broken(visit).names["break_id"],
    "chart": lambda _: "value",
    "entry_id": lambda visit: str(an_entry(visit)),
    "execution_id": lambda visit: str(foundling(visit).body["execution_id"]),
    "hold_id": lambda visit: held(visit).names["hold_id"],
    "import_id": an_import,
    "link_id": paper_link,
    "model_id": new_model,
    "name": lambda _: "right",
    "order_id": lambda visit: my_order(visit).names["order_id"],
    "passkey_id": my_passkey,
    "placement_id": executed,
    "proposal_id": lambda visit: str(reviewed_for(visit.house, visit.me).proposal_id),
    "request_id": lambda visit: recovery_asked(visit).names["request_id"],
    "rule_id": lambda visit: a_rule()(visit).names["rule_id"],
    "run_id": lambda visit: str(made_run(visit).run_id),
    "session_id": lambda _: f"{uuid4()}",
    "token_id": lambda _: f"{uuid4()}",
    "user_id": lambda visit: str(visit.somebody().user_id),
}
"""Parameter → its value for a visit."""

OF_PATHS: dict[str, dict[str, Names]] = {
    "/admin/holds/{hold_id}": {"hold_id": lambda visit: hold(visit).names["hold_id"]},
}
"""Path → parameter → its value, where the name alone does not say what it is."""

QUERIES = {"/admin/users/{user_id}/grants/end": "kind=account&granted=MINE-3"}
"""Path → the query without which a page has nothing to show."""


def an_entry(visit: Visit) -> int:
    """An entry of the journal that the visit may see."""
    statement = "select min(entry_id) from steelyard.journal where account_id = :account"
    ((entry,),) = visit.house.rows(statement, visit.me.tenant_id, account=some_account(visit))
    return int(entry)


def names_of(path: str) -> list[str]:
    """The parameters in a path."""
    return re.findall(r"\{(\w+)(?::\w+)?\}", path)


_kept: dict[tuple[UUID, Names], str] = {}
"""Who asks → what makes a name → the one they have."""


def address(route: WebRoute, visit: Visit | None, scope: str = "", *, is_kept: bool = False) -> str:
    """Where to ask.

    Args:
        route: what is asked.
        visit: who may see what stands in the braces; None = nothing that is there.
        scope: whose portfolio, as it stands behind the question mark.
        is_kept: whether nothing is used up by it, as by no page that is only read: the same things will do again.
    """
    filled, is_kept = route.path, is_kept or route.method == "GET"
    for name in names_of(route.path):
        make = OF_PATHS.get(route.path, {}).get(name, PARAMETERS[name])
        value = NOWHERE if visit is None else _made(make, visit, is_kept=is_kept)
        filled = re.sub(rf"\{{{name}(?::\w+)?\}}", value, filled)
    query = "&".join(part for part in (QUERIES.get(route.path, ""), scope) if part)
    return f"{filled}?{query}" if query else filled


def _made(make: Names, visit: Visit, *, is_kept: bool) -> str:
    if not is_kept:
        return make(visit)
    who = visit.me.user_id, make
    if who not in _kept:
        _kept[who] = make(visit)
    return _kept[who]
