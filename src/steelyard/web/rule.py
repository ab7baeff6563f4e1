"""Rules: read in words, written in a form or as a file, tried on the past, ended."""

from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response

from steelyard.compliance.check import limit_words
from steelyard.compliance.rule import Rule, RuleKind
from steelyard.compliance.words import DOES, rule_words, scope_words
from steelyard.domain.scope import TENANT
from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.form import AskedForm, Form
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.server.problem import status_of
from steelyard.services import dry_run, rule
from steelyard.services.concern import accounts_of
from steelyard.services.dry_run import DryRun
from steelyard.services.rule import Written
from steelyard.services.version import ChangedMeanwhileError
from steelyard.statements.rule import read_rules_text
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.rule import StoredRule
from steelyard.web import rule_form
from steelyard.web.answer import go_to
from steelyard.web.people import people_of
from steelyard.web.reading import Reading
from steelyard.web.rule_form import KINDS, Known, form_of, new_form, read_rule_form
from steelyard.web.shell import AskedShell, Shell
from steelyard.web.sure import Act, ask_first

READ: Final = permits(Verb.READ, ObjectType.ORDER)
CHANGE: Final = permits(Verb.CHANGE, ObjectType.RULE)
FIRST_DAY: Final = date(1900, 1, 1)
MOST_SHOWN: Final = 50

DONE: Final = {
    "added": "The rule is written. From now on every proposal is judged by it.",
    "changed": "The rule has a new version. From now on every proposal is judged by it; the old one stays.",
    "unchanged": "The rule said the same already; nothing was written.",
    "ended": "The rule is ended. What it decided stays.",
    "written": "The rules of the file are written. From now on every proposal is judged by them.",
}

RuleId = Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")]

router = APIRouter(prefix="/compliance")


@router.get("/rules", dependencies=[READ])
async def show_rules(shell: AskedShell, browser: AskingBrowser, done: str = "") -> Response:
    """Show the rules in words."""
    async with get_db_session() as db:
        rules, ended = await rule.get_rules(db), await rule.get_ended_rules(db)
    return shell.draw(
        "rules.html",
        title="Rules",
        rules=rules,
        ended=ended,
        today=browser.now.date(),
        done=DONE.get(done, ""),
        **_words(),
    )


@router.get("/rules/{rule_id}", dependencies=[READ])
async def show_rule(shell: AskedShell, browser: AskingBrowser, rule_id: RuleId, done: str = "") -> Response:
    """Show a rule, and every version of it."""
    async with get_db_session() as db:
        versions = await rule.get_rule(db, rule_id)
    return shell.draw(
        "rule.html",
        title=f"Rule {rule_id}",
        versions=versions,
        newest=versions[0],
        people=await people_of(shell),
        today=browser.now.date(),
        done=DONE.get(done, ""),
        **_words(),
    )


@router.get("/new-rule", dependencies=[CHANGE])
async def begin(shell: AskedShell, browser: AskingBrowser, kind: str = "") -> Response:
    """Ask for the kind of a new rule, then for the rule."""
    if kind not in KINDS:
        return shell.draw("rule_kinds.html", title="New rule", kinds=KINDS)
    chosen = RuleKind(kind)
    return _asked(shell, chosen, new_form(chosen, browser.now.date()))


@router.post("/new-rule", dependencies=[CHANGE])
async def write_new(shell: AskedShell, actor: RecentActor, form: AskedForm) -> Response:
    """Write a new rule."""
    del actor  # whose session is fresh enough
    return await _write(shell, form, None)


@router.get("/rules/{rule_id}/edit", dependencies=[CHANGE])
async def edit(shell: AskedShell, rule_id: RuleId) -> Response:
    """Ask what a rule is to say from now on."""
    async with get_db_session() as db:
        newest = (await rule.get_rule(db, rule_id))[0].rule
    form = _expecting(form_of(newest, shell.region), newest.version)
    return _asked(shell, newest.kind, form, rule_id=rule_id)


@router.post("/rules/{rule_id}/edit", dependencies=[CHANGE])
async def write_version(shell: AskedShell, actor: RecentActor, rule_id: RuleId, form: AskedForm) -> Response:
    """Write a new version of a rule."""
    del actor  # as above
    return await _write(shell, form, rule_id)


@router.post("/try-rule", dependencies=[CHANGE])
async def try_rule(shell: AskedShell, browser: AskingBrowser, form: AskedForm) -> Response:
    """Show how often, and where, a rule would have been violated; nothing is written."""
    rule_id, kind = form.text("editing") or None, _kind(form)
    reading = Reading(form, shell.region)
    since = reading.day("since", is_needed=False) or FIRST_DAY
    until = reading.day("until", is_needed=False) or browser.now.date()
    async with get_db_session() as db:
        accounts = await accounts_of(db, shell.scope)
        seen = accounts if shell.scope == TENANT else await accounts_of(db, TENANT)
        # A rule that has no id yet can be tried all the same.
        tried = read_rule_form(reading, kind, Known.of(seen), rule_id or form.text("id") or "new")
        if tried is None:
            return _asked(shell, kind, form, rule_id=rule_id, faults=reading.faults)
        ids = None if shell.scope == TENANT else [one.account_id for one in accounts]
        found = await dry_run.dry_run(db, tried, since, until, account_ids=ids)
    return _asked(shell, kind, form, rule_id=rule_id, tried=found)


@router.get("/rules/{rule_id}/end", dependencies=[CHANGE])
async def ask_to_end(shell: AskedShell, rule_id: RuleId) -> Response:
    """Ask before a rule is ended."""
    async with get_db_session() as db:
        newest = (await rule.get_rule(db, rule_id))[0]
    return ask_first(shell, _end_act(shell, newest.rule))


@router.post("/rules/{rule_id}/end", dependencies=[CHANGE])
async def end(shell: AskedShell, actor: RecentActor, rule_id: RuleId) -> Response:
    """End a rule."""
    del actor  # as above
    async with get_write_session() as db:
        await rule.end_rule(db, rule_id)
    return go_to(shell.link(f"/compliance/rules/{rule_id}", done="ended"))


@router.get("/rule-file", dependencies=[CHANGE])
async def ask_file(shell: AskedShell) -> Response:
    """Ask for the text of a file of rules."""
    return shell.draw("rule_file.html", title="Rules as a file", form=Form({}), error=None)


@router.post("/rule-file", dependencies=[CHANGE])
async def write_file(shell: AskedShell, actor: RecentActor, form: AskedForm) -> Response:
    """Write the rules of a file, all of them or none."""
    del actor  # as above
    try:
        rules = read_rules_text(form.text("rules"), "The file")
        async with get_write_session() as db:
            await rule.write_rules(db, rules)
    except SteelyardError as error:
        return shell.draw(
            "rule_file.html", title="Rules as a file", status=status_of(error), form=form, error=error
        )
    return go_to(shell.link("/compliance/rules", done="written"))


async def _write(shell: Shell, form: Form, rule_id: str | None) -> Response:
    """Write what a form says, if it can be used; else ask again, with everything as it was typed."""
    kind, reading = _kind(form), Reading(form, shell.region)
    try:
        async with get_write_session() as db:
            known = Known.of(await accounts_of(db, TENANT))
            said = read_rule_form(reading, kind, known, rule_id)
            taken = {one.rule.rule_id for one in await rule.get_rules(db)} if rule_id is None else set()
            if said is not None and said.rule_id in taken:
                reading.faults["id"] = "a rule of this id stands already: change that one, or take another id"
            if said is None or reading.faults:
                return _asked(shell, kind, form, rule_id=rule_id, faults=reading.faults)
            read = {rule_id: _version(form)} if rule_id is not None else None
            done = await rule.write_rules(db, [said], expected=read)
    except ChangedMeanwhileError as error:
        return await _late(shell, kind, form, rule_id or "", error)
    except SteelyardError as error:
        return _asked(shell, kind, form, rule_id=rule_id, error=error)
    return go_to(shell.link(f"/compliance/rules/{said.rule_id}", done=_outcome(done)))


async def _late(
    shell: Shell, kind: RuleKind, form: Form, rule_id: str, error: ChangedMeanwhileError
) -> Response:
    """Ask again where somebody wrote another version meanwhile: sent again, what is typed follows theirs."""
    async with get_db_session() as db:
        newest = (await rule.get_rule(db, rule_id))[0].rule
    late = _expecting(form, newest.version)
    return _asked(shell, kind, late, rule_id=rule_id, error=error, theirs=rule_words(newest))


def _expecting(form: Form, version: int) -> Form:
    """Return a form that says which version of its rule was read."""
    return Form({**form.fields, "expected": (f"{version}",)})


def _version(form: Form) -> int:
    """Return the version that was read; 0, which no rule has, where a form does not say."""
    typed = form.text("expected")
    return int(typed[:9]) if typed.isascii() and typed.isdigit() else 0


def _outcome(done: Written) -> str:
    return "added" if done.added else "changed" if done.changed else "unchanged"


def _kind(form: Form) -> RuleKind:
    return RuleKind(form.text("kind")) if form.text("kind") in KINDS else RuleKind.ASSET


def _asked(
    shell: Shell,
    kind: RuleKind,
    form: Form,
    *,
    rule_id: str | None = None,
    faults: dict[str, str] | None = None,
    error: SteelyardError | None = None,
    tried: DryRun | None = None,
    theirs: str = "",
) -> Response:
    status = HTTPStatus.UNPROCESSABLE_ENTITY if faults else HTTPStatus.OK
    return shell.draw(
        "rule_form.html",
        title=f"Change rule {rule_id}" if rule_id else f"New rule: {KINDS[kind][0].lower()}",
        status=status if error is None else status_of(error),
        kind=kind.value,
        about=KINDS[kind][1],
        rule_id=rule_id or "",
        form=form,
        faults=faults or {},
        error=error,
        tried=tried,
        theirs=theirs,
        most=MOST_SHOWN,
        choices=rule_form,
        is_of_money=rule_form.is_of_money(kind, form),
        **_words(),
    )


def _end_act(shell: Shell, ended: Rule) -> Act:
    page = f"/compliance/rules/{ended.rule_id}"
    return Act(
        title=f"End rule {ended.rule_id}?",
        about=rule_words(ended),
        happens=(
            "From now on no proposal and no account is judged by it.",
            "Proposals that it holds or blocks are judged anew when they are proposed again.",
        ),
        stays=(
            "What it decided, who let something pass it and why, and every recorded check.",
            "Its versions can be read, and it can be written again.",
        ),
        button="End the rule",
        path=shell.link(f"{page}/end"),
        back=shell.link(page),
    )


def _words() -> dict[str, Any]:
    return {
        "rule_words": rule_words,
        "scope_words": scope_words,
        "limit_words": limit_words,
        "does": {one.value: said for one, said in DOES.items()},
        "state_of": _state_of,
        "kinds": KINDS,
    }


def _state_of(stored: StoredRule, today: date) -> str:
    """Say how a version is on a day: in force, to come, over or ended."""
    said = stored.rule
    if stored.ended_at is not None:
        return "ended"
    if said.valid_from > today:
        return "to come"
    return "over" if said.valid_until is not None and said.valid_until < today else "in force"
