"""The orders of a proposal or of a run while they move, and what came of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from hashlib import sha256
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Response

from steelyard.charts.markup import Markup, element, share
from steelyard.domain.fill import Fill
from steelyard.domain.money import EXACT, round_half_up
from steelyard.domain.order import ENDED, Order, OrderState
from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.browser import AskingBrowser
from steelyard.server.permits import permits
from steelyard.services.outlook import Outlook, look_ahead
from steelyard.services.proposal import get_proposal
from steelyard.services.proposal_document import read_asked
from steelyard.services.proposal_review import MOST_ORDERS, Placement, read_placement
from steelyard.web.shell import AskedShell, Shell

WORDS: Final = {
    OrderState.DRAFT: "Drafted",
    OrderState.REVIEWED: "Waits for approval",
    OrderState.APPROVED: "Approved",
    OrderState.SENDING: "On its way",
    OrderState.SENT: "At the broker",
    OrderState.PARTIALLY_FILLED: "Partly filled",
    OrderState.FILLED: "Filled",
    OrderState.REJECTED: "Refused",
    OrderState.CANCELLED: "Cancelled",
    OrderState.UNKNOWN: "Not known: it is looked for",
}
COUNTED: Final = {
    OrderState.DRAFT: "drafted",
    OrderState.REVIEWED: "waiting for approval",
    OrderState.APPROVED: "approved",
    OrderState.SENDING: "on the way",
    OrderState.SENT: "at the broker",
    OrderState.PARTIALLY_FILLED: "partly filled",
    OrderState.FILLED: "filled",
    OrderState.REJECTED: "refused",
    OrderState.CANCELLED: "cancelled",
    OrderState.UNKNOWN: "of which nobody knows",
}
COLOURS: Final = {
    OrderState.FILLED: "good",
    OrderState.REJECTED: "bad",
    OrderState.UNKNOWN: "warn",
    OrderState.CANCELLED: "warn",
}
TITLE: Final = "Orders"
PRICE_PLACES: Final = 4

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Placed:
    """An order, and what was executed of it."""

    order: Order
    fills: Sequence[Fill]

    @property
    def said(self) -> str:
        """Where it is, in words."""
        order = self.order
        if order.state is OrderState.APPROVED and order.block_id is not None:
            return "In a block"
        if order.state is OrderState.APPROVED and order.released_at is not None:
            return "Waits for the cash of the sales" if order.phase > 1 else "Waits to be sent"
        return WORDS[order.state]

    @property
    def counted(self) -> str:
        """The same of several, behind their number."""
        order = self.order
        if order.state is OrderState.APPROVED and order.block_id is not None:
            return "in a block"
        if order.state is OrderState.APPROVED and order.released_at is not None:
            return "waiting for cash" if order.phase > 1 else "waiting to be sent"
        return COUNTED[order.state]

    @property
    def colour(self) -> str:
        """The class of its pill."""
        return COLOURS.get(self.order.state, "")

    @property
    def rest(self) -> Decimal:
        """What is not filled, and can still be."""
        return Decimal(0) if self.order.state in ENDED else self.order.open_quantity

    @property
    def amount(self) -> Decimal:
        """What was paid or got for what is filled, without fees, in its currency."""
        with localcontext(EXACT):
            return sum(
                (fill.quantity * fill.price if fill.amount is None else fill.amount for fill in self.fills),
                Decimal(0),
            )

    @property
    def fees(self) -> Decimal:
        """The fees of its executions."""
        with localcontext(EXACT):
            return sum((fill.fees for fill in self.fills), Decimal(0))

    @property
    def price(self) -> Decimal | None:
        """The average price of what is filled, to a hundredth of a cent; None = nothing is."""
        filled = sum((fill.quantity for fill in self.fills), Decimal(0))
        return round_half_up(self.amount / filled, PRICE_PLACES) if filled else None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the orders of a placement are.

    Attributes:
        placement: the orders.
        after: how the account is now that they have ended; None = they have not, or it is not known.
    """

    placement: Placement
    after: Outlook | None

    @property
    def orders(self) -> list[Placed]:
        """The orders, in the order in which they are sent."""
        return [Placed(one, self.placement.fills.get(one.order_id, ())) for one in self.placement.orders]

    @property
    def is_over(self) -> bool:
        """Whether none moves any more."""
        return have_ended(self.placement)

    @property
    def is_sent(self) -> bool:
        """Whether they were given to the workers."""
        return any(order.released_at is not None for order in self.placement.orders)

    @property
    def is_cut(self) -> bool:
        """Whether there may be more orders than are shown."""
        return len(self.placement.orders) >= MOST_ORDERS

    @property
    def of_accounts(self) -> list[Placed]:
        """The orders that are counted: a block stands for some of them, and adds nothing to them."""
        return [one for one in self.orders if one.order.account_id is not None]

    @property
    def filled_share(self) -> float:
        """How much is filled, a fraction of what was ordered by value; what is sent in a block, as that is filled."""
        orders = [one for one in self.placement.orders if one.block_id is None]
        with localcontext(EXACT):
            value = sum((one.order_value for one in orders), Decimal(0))
            done = sum((one.order_value * one.filled_quantity / one.quantity for one in orders), Decimal(0))
            return float(done / value) if value else 0.0

    @property
    def bar(self) -> Markup:
        """The same, drawn."""
        rest = element("rect", width="100%", height=8, rx=4, class_="rest")
        done = element("rect", width=share(self.filled_share), height=8, rx=4, class_="done")
        return element("svg", rest, done, class_="progress-bar", width="100%", height=8, aria_hidden="true")

    @property
    def said(self) -> str:
        """How far they are, in a sentence."""
        counts = Counter(one.counted for one in self.of_accounts)
        total = counts.total()
        parts = ", ".join(f"{count} {said}" for said, count in counts.most_common())
        noun = "order" if total == 1 else "orders"
        if self.is_cut:
            return f"The newest {total:,} orders: {parts}."
        return f"All {total} {noun} have ended: {parts}." if self.is_over else f"{total} {noun}: {parts}."

    @property
    def mark(self) -> str:
        """What says whether anything changed."""
        seen = [f"{one.order_id}{one.version}{one.state}" for one in self.placement.orders]
        return sha256("".join(seen).encode()).hexdigest()[:16]


def have_ended(placement: Placement) -> bool:
    """Whether no order of a placement moves any more."""
    return all(order.state in ENDED for order in placement.orders)


@router.get("/orders/{placement_id:uuid}", dependencies=[permits(Verb.READ, ObjectType.ORDER)])
async def show(placement_id: UUID, shell: AskedShell, browser: AskingBrowser) -> Response:
    """Show where the orders are."""
    return _draw("placed.html", shell, await _progress(placement_id, browser))


@router.get(
    "/orders/{placement_id:uuid}/progress",
    dependencies=[permits(Verb.READ, ObjectType.ORDER, by_itself=True)],
)
async def look(placement_id: UUID, shell: AskedShell, browser: AskingBrowser, seen: str = "") -> Response:
    """Show the same again, as a page that waits asks by itself; what changed is said aloud."""
    return _draw("placed_part.html", shell, await _progress(placement_id, browser), seen=seen)


def _draw(template: str, shell: Shell, progress: Progress, *, seen: str = "") -> Response:
    placement = progress.placement
    placement_id = placement.proposal_id or placement.run_id
    return shell.draw(
        template, title=TITLE, progress=progress, placement=placement, placement_id=placement_id, seen=seen
    )


async def _progress(placement_id: UUID, browser: AskingBrowser) -> Progress:
    placement = await read_placement(placement_id)
    after = None
    if placement.proposal_id is not None and have_ended(placement):
        after = await _after(placement.proposal_id, placement.account_id or "", browser)
    return Progress(placement, after)


async def _after(proposal_id: UUID, account_id: str, browser: AskingBrowser) -> Outlook | None:
    """Look at the account with what the proposal was asked; None = not all of it is known today."""
    content = (await get_proposal(proposal_id)).content
    try:
        return await look_ahead(read_asked(account_id, content["asked"]), now=browser.now)
    except SteelyardError:
        return None
