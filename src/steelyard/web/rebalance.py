"""The page of targets: what an account should hold, what trades that takes, and a review that stores them."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from steelyard.errors import ConflictError, InvalidInputError, NotFoundError, SteelyardError
from steelyard.identity.permissions import Actor, ObjectType, Verb, authorize
from steelyard.identity.session import StepUpNeededError
from steelyard.market.port import Market
from steelyard.server.browser import AskingBrowser, Browser
from steelyard.server.form import AskedForm, Form
from steelyard.server.input import read_asset_id
from steelyard.server.market import AskedMarket
from steelyard.server.permits import CurrentActor, permits
from steelyard.server.problem import status_of
from steelyard.services import proposal as proposals
from steelyard.services.account import get_account_information, get_target_allocation
from steelyard.services.allocation_inputs import MARKET, Asked, Quoted, quote_for
from steelyard.services.outlook import Outlook, get_drifting_accounts, look_ahead, require_asset
from steelyard.services.portfolio import NoMarketPricesError, NoModelError, UnknownTargetError
from steelyard.services.proposal_document import read_asked
from steelyard.services.ruling import require_no_block
from steelyard.storage.account_information import AccountRow
from steelyard.storage.connection import ReadSession, WriteSession, get_db_session
from steelyard.web import rebalance_form as forms
from steelyard.web.answer import go_to
from steelyard.web.move import AskedMove, Move
from steelyard.web.rebalance_form import (
    TARGET,
    Targets,
    Wanted,
    first_form,
    form_of,
    lost_options,
    read_wanted,
)
from steelyard.web.rebalance_table import Board
from steelyard.web.shell import AskedShell, Shell
from steelyard.web.templates import wants_part

MOST_ACCOUNTS: Final = 200
TITLE: Final = "Rebalance"
PROPOSE: Final = permits(Verb.PROPOSE, ObjectType.ORDER)

router = APIRouter()


class NotReadyError(InvalidInputError):
    """What is typed cannot be reviewed."""

    def __init__(self, why: str) -> None:
        """Say why."""
        super().__init__(f"This cannot be reviewed: {why}")


@dataclass(frozen=True, slots=True)
class Desk:
    """Whose account it is about, and what is needed to look at it."""

    shell: Shell
    actor: Actor
    browser: Browser
    market: Market | None
    account: AccountRow
    model: Targets

    @property
    def account_id(self) -> str:
        """The account."""
        return self.account.account_id

    def read(self, form: Form) -> Wanted:
        """Read a form about it."""
        return read_wanted(
            form, self.shell.region, self.account, self.model, has_market=self.market is not None
        )

    async def review(self, wanted: Wanted, asked: Asked, move: Move) -> str:
        """Store the trades; returns the page that shows them. What a rule blocks is not stored.

        Raises:
            NotReadyError: something stands in the way, as the page said or would have.
        """
        quoted: list[Quoted | None] = []

        async def first() -> None:
            quoted.append(await quote_for(asked, self.market, now=self.browser.now))
            board = await _board(self, wanted)
            if board.blocks:
                raise NotReadyError(board.blocks[0])

        async def effect(db: WriteSession) -> str:
            prices = quoted[0] if quoted else None
            made = await proposals.review(db, self.actor, asked, now=self.browser.now, prices=prices)
            require_no_block(made)
            return f"/rebalance/{made.proposal_id}/review"

        return await move(effect, first=first)

    async def look(self, wanted: Wanted) -> Board:
        """Work trades out; where the form cannot be read, show what the account holds."""
        asked = wanted.asked or Asked(account_id=self.account_id)
        prices: Quoted | None = await quote_for(asked, self.market, now=self.browser.now)
        outlook: Outlook | None = await look_ahead(asked, now=self.browser.now, prices=prices)
        return Board(wanted, outlook, self.model)


async def _desk(
    shell: AskedShell, actor: CurrentActor, browser: AskingBrowser, market: AskedMarket
) -> Desk | None:
    if shell.scope.kind != "account":
        return None
    account_id = shell.scope.id
    authorize(actor, Verb.PROPOSE, ObjectType.ORDER, account_id)
    async with get_db_session() as db:
        account = (await get_account_information(account_id, db)).account
        model = await _targets_of(account, db)
    return Desk(shell, actor, browser, market, account, model)


async def _targets_of(account: AccountRow, db: ReadSession) -> Targets:
    try:
        return await get_target_allocation(account.account_id, db)
    except NoModelError:
        return {}


AskedDesk = Annotated[Desk | None, Depends(_desk)]
"""The account that a request names, to be rebalanced by who asks; None = it names none."""


@router.get("/rebalance", dependencies=[PROPOSE])
async def show(request: Request, shell: AskedShell, desk: AskedDesk, again: UUID | None = None) -> Response:
    """Show targets and drift, and the trades they take; `again` begins with what a proposal was asked."""
    if desk is None:
        return await _choose(shell)
    form = first_form(desk.model, shell.region)
    lost: list[str] = []
    if again is not None:
        before = await proposals.get_proposal(again)
        if before.proposal.account_id == desk.account_id:
            asked = read_asked(desk.account_id, before.content["asked"])
            form, lost = form_of(asked, desk.model, shell.region), lost_options(asked, shell.region)
    return await _draw(request, desk, replace(desk.read(_with_cash(desk, form)), lost=lost))


@router.get("/rebalance/what-if", dependencies=[PROPOSE])
async def go_back(shell: AskedShell) -> Response:
    """Go to the page: what a form was asked has no address of its own."""
    return go_to(shell.link("/rebalance"))


@router.post("/rebalance/what-if", dependencies=[PROPOSE])
async def what_if(request: Request, shell: AskedShell, desk: AskedDesk, form: AskedForm) -> Response:
    """Work out what is typed; nothing is stored."""
    if desk is None:
        return go_to("/rebalance")
    wanted, focus = desk.read(form), ""
    match form.text("do"):
        case "rest":
            wanted = desk.read(forms.with_rest_in_cash(wanted, desk.account.base_currency, shell.region))
        case "add":
            wanted, focus = await _with_added(desk, wanted)
        case "model":
            wanted = desk.read(_with_cash(desk, first_form(desk.model, shell.region)))
    return await _draw(request, desk, wanted, focus=focus)


@router.post("/rebalance", dependencies=[permits(Verb.PROPOSE, ObjectType.ORDER, moves_money=True)])
async def review(request: Request, shell: AskedShell, desk: AskedDesk, move: AskedMove) -> Response:
    """Store the trades for good, and show what was stored; a form that cannot be, is shown again with the reason."""
    if desk is None:
        return go_to("/rebalance")
    wanted = desk.read(move.form)
    asked = wanted.asked
    if asked is None or wanted.total != 1:
        return await _draw(request, desk, wanted, status=HTTPStatus.UNPROCESSABLE_ENTITY, is_refused=True)
    try:
        path = await desk.review(wanted, asked, move)
    except StepUpNeededError:
        raise
    except SteelyardError as error:
        shown = None if isinstance(error, NotReadyError) else error
        return await _draw(request, desk, wanted, status=status_of(error), error=shown, is_refused=True)
    return go_to(shell.link(path))


def _with_cash(desk: Desk, form: Form) -> Form:
    """Return a form that has a field for cash, whether or not it has a target."""
    name = TARGET + desk.account.base_currency
    return form if name in form.fields else forms.with_fields(form, {name: "0"})


async def _with_added(desk: Desk, wanted: Wanted) -> tuple[Wanted, str]:
    """Add the asset that was typed to the targets; returns the name of its field, "" = there is none of that id."""
    typed = wanted.form.text("add")
    try:
        asset_id = read_asset_id(typed)
        await require_asset(asset_id)
    except (ValueError, UnknownTargetError) as error:
        return _faulty(wanted, "add", f"{error}"), "add"
    name = TARGET + asset_id
    kept = wanted.form.text(name) or "0"
    return desk.read(forms.with_fields(wanted.form, {name: kept, "add": ""})), name


def _faulty(wanted: Wanted, name: str, fault: str) -> Wanted:
    return replace(wanted, faults={**wanted.faults, name: fault})


async def _draw(
    request: Request,
    desk: Desk,
    wanted: Wanted,
    *,
    status: int = HTTPStatus.OK,
    error: SteelyardError | None = None,
    is_refused: bool = False,
    focus: str = "",
) -> Response:
    board = await _board(desk, wanted)
    template = "rebalance_part.html" if wants_part(request) else "rebalance.html"
    return desk.shell.draw(
        template,
        title=TITLE,
        status=HTTPStatus.OK if wants_part(request) else status,
        desk=desk,
        board=board,
        forms=forms,
        error=error,
        is_refused=is_refused,
        focus=focus,
        has_market=desk.market is not None,
        default_prices=MARKET if desk.market is not None else "stored",
    )


async def _board(desk: Desk, wanted: Wanted) -> Board:
    """Work out what is typed; what cannot be worked out stands among what blocks a review."""
    try:
        return await desk.look(wanted)
    except (NotFoundError, ConflictError) as error:
        reason = f"{error}"
    try:
        return replace(await desk.look(replace(wanted, asked=None)), reason=reason)
    except (NotFoundError, ConflictError):
        return Board(replace(wanted, asked=None), None, desk.model, reason)


async def _choose(shell: Shell) -> Response:
    """Let somebody choose an account: of a household its own, else those that are farthest from their model."""
    household = shell.scope.id if shell.scope.kind == "household" else None
    try:
        accounts, has_prices = await get_drifting_accounts(household_id=household, most=MOST_ACCOUNTS), True
    except NoMarketPricesError:
        accounts, has_prices = [], False
    return shell.draw(
        "rebalance_choose.html",
        title=TITLE,
        accounts=accounts,
        has_prices=has_prices,
        household=household,
        band=forms.DEFAULT_BAND / forms.HUNDRED,
        most=MOST_ACCOUNTS,
    )
