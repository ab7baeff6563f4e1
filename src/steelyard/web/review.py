"""A stored proposal: looked at, approved by who may, let pass a rule, executed, or given up."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse

from steelyard.errors import NotFoundError, SteelyardError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.identity.session import NotSignedInError, StepUpNeededError
from steelyard.rebalancing.options import Untargeted
from steelyard.server.browser import AskingBrowser, Browser
from steelyard.server.form import AskedForm, Form
from steelyard.server.market import market_of
from steelyard.server.own import RecentActor
from steelyard.server.permits import CurrentActor, permits
from steelyard.server.problem import status_of
from steelyard.services import override
from steelyard.services import proposal as service
from steelyard.services.allocation_inputs import Quoted
from steelyard.services.approval import approve
from steelyard.services.approval_proof import (
    CheckedAgain,
    CodeProof,
    PasskeyProof,
    ask_about_proposal,
    check_again,
)
from steelyard.services.passkeys import telling_of_copies
from steelyard.services.proposal_review import Review, read_review
from steelyard.storage.connection import WriteSession
from steelyard.storage.proposal import ProposalState
from steelyard.web.answer import go_to
from steelyard.web.move import AskedMove, Move
from steelyard.web.rebalance_table import RuleSaid, Totals, rules_said, whole_of
from steelyard.web.shell import AskedShell, Shell

SEE: Final = permits(Verb.READ, ObjectType.ORDER)
APPROVE: Final = permits(Verb.APPROVE, ObjectType.ORDER, moves_money=True)
EXECUTE: Final = permits(Verb.EXECUTE, ObjectType.ORDER, moves_money=True)
WITHDRAW: Final = permits(Verb.PROPOSE, ObjectType.ORDER, moves_money=True)
LET_PASS: Final = permits(Verb.HOLD, ObjectType.ORDER, moves_money=True)

DONE: Final = {
    "approved": "It is approved.",
    "approved-once": "Your approval is kept. Somebody else has to approve it, too.",
    "passed": "The rule was let pass, with your reason.",
    "withdrawn": "It is withdrawn, and nothing of it will be sent.",
}
"""What is said of what was done, by a word of the address."""

router = APIRouter(prefix="/rebalance/{proposal_id}")


@dataclass(frozen=True, slots=True)
class Step:
    """A form that moves a proposal.

    Attributes:
        shell: what stands around its page.
        browser: who sends it.
        move: does it once.
    """

    shell: Shell
    browser: Browser
    move: Move

    @property
    def content_hash(self) -> bytes:
        """The hash of what was seen; what is none is that of nothing."""
        return _bytes_of(self.move.form.text("content_hash"))

    async def quote_again(self, proposal_id: UUID) -> Quoted | None:
        """Ask for the prices of a proposal again."""
        market = market_of(self.shell.request)
        return await service.quote_again(proposal_id, market, now=self.browser.now)


async def _step(shell: AskedShell, browser: AskingBrowser, move: AskedMove) -> Step:
    return Step(shell, browser, move)


AskedStep = Annotated[Step, Depends(_step)]


@dataclass(frozen=True, slots=True)
class Page:
    """What the page of a proposal shows beside it.

    Attributes:
        review: the proposal.
        shell: who looks.
        is_expired: whether it ran out.
    """

    review: Review
    shell: Shell
    is_expired: bool

    @property
    def totals(self) -> Totals:
        """What the trades come to."""
        review = self.review
        policy = review.asked.policy
        is_all = policy.untargeted is Untargeted.SELL
        whole = whole_of(review.inputs.portfolio, review.asked.investment_amount, is_all=is_all)
        return Totals.of(review.allocation.trades, review.allocation.lots, whole)

    @property
    def rules(self) -> list[RuleSaid]:
        """What the rules said, the worst first."""
        return rules_said(self.review.findings)

    @property
    def waits(self) -> bool:
        """Whether a step is left that can be taken."""
        state = self.review.proposal.state
        return state in {ProposalState.REVIEWED, ProposalState.APPROVED} and not self.is_expired

    @property
    def step(self) -> str:
        """Which step it is at; "" = at none any more."""
        steps = {ProposalState.REVIEWED: "review", ProposalState.WITHDRAWN: ""}
        return steps.get(self.review.proposal.state, "execute")

    @property
    def is_own(self) -> bool:
        """Whether it stands alone, and not in a run."""
        return self.review.proposal.run_id is None

    @property
    def approved_by_me(self) -> bool:
        """Whether who looks approved it."""
        me = self.shell.actor.name if self.shell.actor else ""
        return any(one.approver == me for one in self.review.approvals)

    @property
    def may_approve(self) -> bool:
        """Whether who looks can approve it now."""
        waits = self.waits and self.review.proposal.state is ProposalState.REVIEWED and self.is_own
        is_free = not self.review.held_by and not self._is_blocked
        return waits and is_free and self.shell.may("approve", "order") and not self.approved_by_me

    @property
    def may_execute(self) -> bool:
        """Whether who looks can execute it now."""
        account = self.review.account
        can = account.kept_by == "ledger" and account.link_id is not None
        approved = self.waits and self.review.proposal.state is ProposalState.APPROVED and self.is_own
        return approved and can and self.shell.may("execute", "order")

    @property
    def is_enough(self) -> bool:
        """Whether the approval of who looks is enough."""
        limit = self.review.terms.approval_limit
        return limit is not None and self.review.proposal.order_value <= limit

    @property
    def takes_code(self) -> bool:
        """Whether a code of an app approves it."""
        limit = self.review.terms.code_limit
        return limit is not None and self.review.proposal.order_value <= limit

    def called(self, actor: str | None) -> str:
        """Return what an actor is called."""
        if self.shell.actor is not None and actor == self.shell.actor.name:
            return "you"
        if not actor or actor == "operator":
            return "the operator"
        if actor.startswith("token:"):
            return "a program"
        return self.review.people.get(actor, "somebody who is gone")

    @property
    def _is_blocked(self) -> bool:
        return any(rule.outcome.value == "block" for rule in self.rules)


@router.get("/review", dependencies=[SEE])
async def show(proposal_id: UUID, shell: AskedShell, browser: AskingBrowser, done: str = "") -> Response:
    """Show what was stored."""
    return await _draw(shell, browser, proposal_id, done=DONE.get(done, ""))


@router.get("/check", dependencies=[SEE])
async def check(proposal_id: UUID, shell: AskedShell, browser: AskingBrowser) -> Response:
    """Work it out again from its document, check what was signed, and show both beside it."""
    return await _draw(shell, browser, proposal_id, checked=await check_again(proposal_id))


@router.get("/confirm", dependencies=[SEE])
async def confirm(proposal_id: UUID, shell: AskedShell, browser: AskingBrowser) -> Response:
    """Ask whether it is meant: the next step that who looks can take, with what it is about."""
    page = await _page(shell, browser, proposal_id)
    if not (page.may_approve or page.may_execute):
        return go_to(shell.link(f"/rebalance/{proposal_id}/review"))
    title = "Approve these orders?" if page.may_approve else "Send these orders?"
    return shell.draw("review_confirm.html", title=title, page=page, review=page.review, error=None)


@router.post("/question", dependencies=[permits(Verb.APPROVE, ObjectType.ORDER)])
async def ask_passkey(
    proposal_id: UUID, actor: RecentActor, browser: AskingBrowser, form: AskedForm
) -> Response:
    """Get options for `navigator.credentials.get` whose challenge holds the hash of what was seen."""
    seen = _bytes_of(form.text("content_hash"))
    question = await ask_about_proposal(browser.entrance, actor, proposal_id, seen, now=browser.now)
    return JSONResponse({"options": question.options, "nonce": question.nonce})


@router.post("/approve", dependencies=[APPROVE])
async def approve_it(proposal_id: UUID, actor: RecentActor, step: AskedStep) -> Response:
    """Approve what was seen: by a passkey that signed its hash, or by a code of an app."""
    form, entrance, now = step.move.form, step.browser.entrance, step.browser.now
    credential = form.text("credential")
    if credential:
        proof: PasskeyProof | CodeProof = PasskeyProof(
            entrance, actor, credential, _bytes_of(form.text("nonce"))
        )
    else:
        proof = CodeProof(entrance, actor, form.secret("code"))
    prices: list[Quoted | None] = []

    async def first() -> None:
        prices.append(await step.quote_again(proposal_id))  # a question is not taken for what is not there
        await proof.take(now)

    async def effect(db: WriteSession) -> str:
        quoted = prices[0] if prices else None
        seen = step.content_hash
        done = await approve(db, actor, proposal_id, proof, content_hash=seen, now=now, prices=quoted)
        return "approved" if done.state is ProposalState.APPROVED else "approved-once"

    async with telling_of_copies():
        return await _carry_out(step, proposal_id, effect, first)


@router.post("/execute", dependencies=[EXECUTE])
async def execute_it(proposal_id: UUID, actor: RecentActor, step: AskedStep) -> Response:
    """Give its orders to the workers, once everything was looked at again."""
    prices: list[Quoted | None] = []

    async def first() -> None:
        prices.append(await step.quote_again(proposal_id))

    async def effect(db: WriteSession) -> str:
        quoted = prices[0] if prices else None
        seen, now = step.content_hash, step.browser.now
        await service.execute(db, actor, proposal_id, content_hash=seen, now=now, prices=quoted)
        return ""

    return await _carry_out(step, proposal_id, effect, first)


@router.post("/withdraw", dependencies=[WITHDRAW])
async def withdraw_it(proposal_id: UUID, actor: CurrentActor, step: AskedStep) -> Response:
    """Give it up, and its orders with it."""

    async def effect(db: WriteSession) -> str:
        await service.withdraw(db, actor, proposal_id, now=step.browser.now)
        return "withdrawn"

    return await _carry_out(step, proposal_id, effect)


@router.post("/pass", dependencies=[LET_PASS])
async def let_pass(proposal_id: UUID, actor: RecentActor, step: AskedStep) -> Response:
    """Let it pass a rule that holds it, with a reason that is kept for good."""
    rule_id, reason = step.move.form.text("rule_id"), step.move.form.text("reason")

    async def effect(db: WriteSession) -> str:
        await override.override_rule(db, actor, proposal_id, rule_id, reason, now=step.browser.now)
        return "passed"

    return await _carry_out(step, proposal_id, effect)


async def _carry_out(step: Step, proposal_id: UUID, effect: Any, first: Any = None) -> Response:
    """Take a step once, and show what came of it; what refuses it is said on the page of the proposal."""

    async def led(db: WriteSession) -> str:
        done: str = await effect(db)
        return f"/rebalance/{proposal_id}/review?done={done}" if done else f"/orders/{proposal_id}"

    try:
        path, _, query = (await step.move(led, first=first)).partition("?")
    except (NotSignedInError, StepUpNeededError, NotFoundError):
        raise
    except SteelyardError as error:
        return await _draw(step.shell, step.browser, proposal_id, error=error, form=step.move.form)
    return go_to(step.shell.link(path, done=query.removeprefix("done=")))


async def _draw(
    shell: Shell,
    browser: Browser,
    proposal_id: UUID,
    *,
    done: str = "",
    checked: CheckedAgain | None = None,
    error: SteelyardError | None = None,
    form: Form | None = None,
) -> Response:
    page = await _page(shell, browser, proposal_id)
    return shell.draw(
        "review.html",
        title="Review" if page.review.proposal.state is ProposalState.REVIEWED else "Reviewed trades",
        status=HTTPStatus.OK if error is None else status_of(error),
        page=page,
        review=page.review,
        done=done,
        checked=checked,
        error=error,
        form=form or Form({}),
    )


async def _page(shell: Shell, browser: Browser, proposal_id: UUID) -> Page:
    review = await read_review(proposal_id, browser.entrance.vault)
    return Page(review, shell, review.is_expired(browser.now))


def _bytes_of(text: str) -> bytes:
    """Read hexadecimal digits; what is none is nothing, which is never what was seen."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
