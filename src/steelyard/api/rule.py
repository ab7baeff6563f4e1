"""Rules: listed, written, ended, tried over history; checks of accounts as they are."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Response
from pydantic import Field

from steelyard.api.answer import Answer
from steelyard.api.body import Body
from steelyard.compliance.rule import Outcome, Rule, RuleKind
from steelyard.compliance.settings import LONGEST_TEXT
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.input import Day, Exact, Id
from steelyard.server.own import RecentActor
from steelyard.server.permits import permits
from steelyard.services import compliance_record, dry_run, rule
from steelyard.services.compliance_record import Checked
from steelyard.services.dry_run import DryRun
from steelyard.services.rule import Written
from steelyard.storage.connection import get_db_session, get_write_session
from steelyard.storage.rule import StoredRule

router = APIRouter(tags=["rules"])

READ: Final = permits(Verb.READ, ObjectType.ORDER)
CHANGE: Final = permits(Verb.CHANGE, ObjectType.RULE)

RULE_ID: Final = r"^[A-Za-z0-9._-]{1,64}$"

RuleId = Annotated[str, Path(pattern=RULE_ID)]

Words = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=1000)]


class RuleBody(Body):
    """A rule; docs/reference/rules.md says what each kind needs."""

    kind: Annotated[RuleKind, Field(strict=False)]
    bound: Exact | None = None
    outcome: Annotated[Outcome, Field(strict=False)]
    valid_from: Day
    valid_until: Day | None = None
    source_document: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
    scope: Annotated[dict[str, Words], Field(max_length=3, default_factory=dict)]
    settings: Annotated[dict[str, Any], Field(max_length=10, default_factory=dict)]

    def rule(self, rule_id: str) -> Rule:
        """Return it under an id."""
        return Rule(
            rule_id=rule_id,
            version=1,
            kind=self.kind,
            bound=self.bound,
            outcome=self.outcome,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            source_document=self.source_document,
            scope={name: tuple(words) for name, words in self.scope.items()},
            settings=self.settings,
        )


class WrittenBody(RuleBody):
    """A rule under its id."""

    id: Annotated[str, Field(pattern=RULE_ID)]


class RulesBody(Body):
    """Rules that are written together."""

    rules: Annotated[list[WrittenBody], Field(min_length=1, max_length=200)]


class DryRunBody(Body):
    """A rule to try, over which days, of which account; null = all."""

    rule: RuleBody
    since: Day
    until: Day
    account: Id | None = None


class CheckBody(Body):
    """The day that is judged, null = today; and the account, null = all."""

    day: Day | None = None
    account: Id | None = None


@router.get("/rules", response_model=list[StoredRule], dependencies=[READ])
async def list_rules() -> Answer:
    """The rules that were not ended, in their newest version."""
    async with get_db_session() as db:
        return Answer(await rule.get_rules(db))


@router.get("/rules/{rule_id}", response_model=list[StoredRule], dependencies=[READ])
async def read_rule(rule_id: RuleId) -> Answer:
    """Every version of a rule, the newest first."""
    async with get_db_session() as db:
        return Answer(await rule.get_rule(db, rule_id))


@router.post("/rules", response_model=Written, dependencies=[CHANGE])
async def write_rules(actor: RecentActor, body: RulesBody) -> Answer:
    """Write rules, or new versions of them, all or none; what says the same already stays."""
    del actor  # whose session is fresh enough
    async with get_write_session() as db:
        return Answer(await rule.write_rules(db, [one.rule(one.id) for one in body.rules]))


@router.delete("/rules/{rule_id}", status_code=204, response_class=Response, dependencies=[CHANGE])
async def end_rule(actor: RecentActor, rule_id: RuleId) -> Response:
    """End a rule: from now on it is not asked; what it decided stays."""
    del actor  # as above
    async with get_write_session() as db:
        await rule.end_rule(db, rule_id)
    return Response(status_code=204)


@router.post("/rules/dry-run", response_model=DryRun, dependencies=[CHANGE])
async def try_rule(body: DryRunBody) -> Answer:
    """How often, and where, a rule would have been violated; nothing is written."""
    accounts = None if body.account is None else [body.account]
    async with get_db_session() as db:
        tried = body.rule.rule("dry-run")
        return Answer(await dry_run.dry_run(db, tried, body.since, body.until, account_ids=accounts))


@router.post("/compliance/checks", response_model=Checked, dependencies=[CHANGE])
async def check(browser: AskingBrowser, body: CheckBody) -> Answer:
    """Judge accounts as they are, and write what the rules say to compliance_records."""
    accounts = None if body.account is None else [body.account]
    async with get_write_session() as db:
        checked = await compliance_record.record_checks(
            db, body.day or browser.now.date(), account_ids=accounts
        )
    return Answer(checked)
