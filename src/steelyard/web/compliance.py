"""Compliance: what is wrong now, and what was; the accounts judged anew on request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from steelyard.charts.limit import limit_bar
from steelyard.compliance.check import amount_words
from steelyard.compliance.rule import Rule
from steelyard.compliance.words import rule_words
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.form import Form
from steelyard.server.input import Cursor, CursorError, keys_of, write_cursor
from steelyard.server.permits import permits
from steelyard.services import rule
from steelyard.services.compliance_record import record_checks
from steelyard.services.concern import (
    Concern,
    Concerns,
    Severity,
    accounts_of,
    get_concerns,
    get_history,
    reason_of,
)
from steelyard.storage.breach import Breach, BreachKey
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.web.answer import go_to
from steelyard.web.reading import Reading
from steelyard.web.shell import AskedShell
from steelyard.web.templates import wants_part

ON_A_PAGE: Final = 50
SEVERITIES: Final[Mapping[str, tuple[Severity, ...]]] = {
    "violations": (Severity.BLOCK, Severity.HOLD, Severity.VIOLATION),
    "warnings": (Severity.WARN,),
    "unmeasured": (Severity.UNMEASURED,),
}
CHOICES: Final = {
    "": "Everything",
    "violations": "Violations",
    "warnings": "Warnings",
    "unmeasured": "What nobody can measure",
}
DONE: Final = {
    "checked": "Accounts were judged anew, and what the rules say was recorded.",
    "attached": "Accounts were judged anew. Nothing was recorded: compliance_records is a table of yours.",
}

READ: Final = permits(Verb.READ, ObjectType.ORDER)

router = APIRouter(prefix="/compliance")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which concerns are to be shown; "" = of any kind, and `skip` = so many of them were shown before."""

    severity: str
    rule: str
    of: str
    skip: int

    def takes(self, one: Concern) -> bool:
        """Whether a concern is among them."""
        return (
            (self.severity not in SEVERITIES or one.severity in SEVERITIES[self.severity])
            and self.rule in {"", one.rule_name}
            and self.of in {"", one.account_id}
        )


async def _wanted(
    severity: str = "",
    rule_name: Annotated[str, Query(alias="rule", max_length=500)] = "",
    of: Annotated[str, Query(max_length=200)] = "",
    skip: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Wanted:
    return Wanted(severity, rule_name, of, skip)


@router.get("", dependencies=[READ])
async def show(
    request: Request,
    shell: AskedShell,
    browser: AskingBrowser,
    wanted: Annotated[Wanted, Depends(_wanted)],
    done: str = "",
) -> Response:
    """Show what is wrong now, the worst first."""
    async with get_db_session() as db:
        found = await get_concerns(db, shell.scope, browser.now.date())
        words = {one.rule.rule_id: one.rule for one in await rule.get_rules(db)}
    content = _content(found, wanted, words) | {"done": DONE.get(done, "")}
    if wants_part(request):
        return shell.draw("compliance_part.html", title="Compliance", **content)
    return shell.draw("compliance.html", title="Compliance", **content)


@router.post("/check", dependencies=[permits(Verb.CHANGE, ObjectType.RULE)])
async def check(shell: AskedShell, browser: AskingBrowser) -> Response:
    """Judge the accounts of the scope as they are, and record what the rules say."""
    async with get_write_session() as db:
        accounts = await accounts_of(db, shell.scope)
        done = await record_checks(db, browser.now.date(), account_ids=[one.account_id for one in accounts])
    return go_to(shell.link("/compliance", done="attached" if done.is_attached else "checked"))


@router.get("/history", dependencies=[READ])
async def show_history(
    shell: AskedShell,
    since: str = "",
    until: str = "",
    severity: str = "",
    after: Cursor | None = None,
) -> Response:
    """Show how long accounts were beyond which limit, those that still are first."""
    typed = Form({"since": (since,), "until": (until,)})
    reading = Reading(typed, shell.region)
    days = reading.day("since", is_needed=False), reading.day("until", is_needed=False)
    async with get_db_session() as db:
        history = await get_history(
            db,
            shell.scope,
            since=days[0],
            until=days[1],
            is_violation={"violations": True, "warnings": False}.get(severity),
            after=_key(after),
            limit=ON_A_PAGE + 1,
        )
    shown = history.breaches[:ON_A_PAGE]
    return shell.draw(
        "compliance_history.html",
        title="Compliance history",
        history=history,
        breaches=[(one, reason_of(one)) for one in shown],
        next=_cursor(shown[-1]) if len(history.breaches) > ON_A_PAGE else "",
        form=typed,
        faults=reading.faults,
        severity=severity,
        choices={name: CHOICES[name] for name in ("", "violations", "warnings")},
    )


def _content(found: Concerns, wanted: Wanted, rules: Mapping[str, Rule]) -> dict[str, Any]:
    shown = [one for one in found.items if wanted.takes(one)]
    return {
        "found": found,
        "counts": _counts(found.items),
        "shown": shown[wanted.skip : wanted.skip + ON_A_PAGE],
        "total": len(shown),
        "on_a_page": ON_A_PAGE,
        "wanted": wanted,
        "severities": CHOICES,
        "rule_choices": {"": "Any rule"}
        | {name: name for name in sorted({one.rule_name for one in found.items})},
        "account_choices": {"": "Any account"} | _accounts(found.items),
        "rules": rules,
        "rule_words": rule_words,
        "amount_words": amount_words,
        "limit_bar": limit_bar,
    }


def _counts(items: Sequence[Concern]) -> dict[str, int]:
    return {name: sum(one.severity in kinds for one in items) for name, kinds in SEVERITIES.items()}


def _accounts(items: Sequence[Concern]) -> dict[str, str]:
    return {one.account_id: one.account_name or one.account_id for one in items if one.account_id is not None}


def _key(cursor: str | None) -> BreachKey | None:
    if cursor is None:
        return None
    last, first, account_id, rule_name, is_ours, is_violation = keys_of(cursor, str, str, str, str, int, int)
    try:
        days = date.fromisoformat(last), date.fromisoformat(first)
    except ValueError:
        raise CursorError from None
    return BreachKey(*days, account_id, rule_name, bool(is_ours), bool(is_violation))


def _cursor(last: Breach) -> str:
    days = last.last_day.isoformat(), last.first_day.isoformat()
    kinds = int(last.is_ours), int(last.is_violation)
    return write_cursor(*days, last.account_id or "", last.rule_name, *kinds)
