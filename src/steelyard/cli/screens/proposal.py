"""Screens of stored proposals: what is approved, from the document that is approved."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import Listing, facts, money, note, quantity, short_keys, title
from steelyard.storage.proposal import ListedProposal, ProposalState

if TYPE_CHECKING:
    from steelyard.cli.propose import Looked
    from steelyard.storage.approval import Approval

COLOURS: Final = {"pass": "green", "warn": "yellow", "hold": "yellow", "block": "red"}
MARKS: Final = {"pass": "✓", "warn": "!", "hold": "!", "block": "✗"}
_MINUTE: Final = 60


def listed(found: Sequence[ListedProposal]) -> Group:
    """Show proposals, one a line."""
    keys = short_keys([one.proposal_id for one in found])
    listing = Listing("!Proposal", "Account", "State", ">Value", "?!Compliance", "?!Made (UTC)", "?!Runs out")
    for one in found:
        listing.add_row(
            keys[one.proposal_id],
            one.account_id,
            one.state.value,
            money(one.order_value),
            _outcome(one.outcome),
            f"{one.made_at:%Y-%m-%d %H:%M}",
            f"{one.expires_at:%H:%M}",
        )
    return Group(title("Proposals"), "", listing)


def proposal(looked: "Looked") -> Group:
    """Show a proposal: trades with their prices, findings, who approved it, and what to do next."""
    stored, content = looked.found.proposal, looked.found.content
    return Group(
        Text.assemble((f"Proposal for {stored.account_id}", "bold"), "  ", stored.state.value),
        note(content["allocation"]["explanations"][0]),
        "",
        _head(stored, content, looked.now),
        "",
        _trades(content, looked),
        "",
        *_locks(content),
        *_findings(content),
        *_approvals(looked.approvals),
        note(_next(stored, looked.now)),
    )


def _head(stored: ListedProposal, content: dict[str, Any], now: datetime) -> RenderableType:
    currency = content["inputs"]["tenant_currency"]
    left = (stored.expires_at - now).total_seconds() / _MINUTE
    runs_out = f"{stored.expires_at:%Y-%m-%d %H:%M} UTC"
    is_open = stored.state in {ProposalState.REVIEWED, ProposalState.APPROVED}
    left_words = f", in {left:.0f} minutes" if left > 0 else ", in the past"
    return facts(
        [
            ("Proposal", f"{stored.proposal_id}"),
            ("Hash", f"{stored.content_hash.hex()}"),
            ("Value", f"{money(stored.order_value)} {currency}, bought and sold"),
            ("Compliance", _outcome(stored.outcome)),
            ("Proposed by", f"{stored.author}, {stored.made_at:%Y-%m-%d %H:%M} UTC"),
            ("Runs out", runs_out + (left_words if is_open else "")),
        ]
    )


def _trades(content: dict[str, Any], looked: "Looked") -> RenderableType:
    states = {one.client_order_id: one for one in looked.found.orders}
    prices = content["inputs"]["prices"]
    listing = Listing("!", ">Units", "Asset", ">Price", "", "?Source", "?!Of", ">Value", "?!Order")
    for order in content["orders"]:
        price = prices[order["asset_id"]]
        progress = states.get(order["client_order_id"])
        listing.add_row(
            order["side"] + (" later" if order["phase"] > 1 else ""),
            quantity(Decimal(order["quantity"])),
            order["asset_id"],
            quantity(Decimal(order["reference_price"])),
            order["currency"],
            price["source"],
            _age(price, looked.now),
            money(Decimal(order["order_value"])),
            progress.state.value if progress else "",
        )
    return listing


def _age(price: dict[str, Any], now: datetime) -> str:
    """Say how old a price is: in minutes where it is of today, else its day."""
    made_at, day = price["made_at"], price["price_date"]
    if price["quality"] != "good":
        return f"{day}, {price['quality']}"
    if made_at and date.fromisoformat(day or made_at[:10]) == now.date():
        minutes = (now - datetime.fromisoformat(made_at)).total_seconds() / _MINUTE
        return f"{minutes:.0f} min ago"
    return f"{day or made_at[:10]}"


def _locks(content: dict[str, Any]) -> list[RenderableType]:
    inputs = content["inputs"]
    lines = [f"Not bought: {asset} ({why})" for asset, why in sorted(inputs["no_buy"].items())]
    lines += [f"Not sold: {asset} ({why})" for asset, why in sorted(inputs["no_sell"].items())]
    return [*map(note, lines), ""] if lines else []


def _findings(content: dict[str, Any]) -> list[RenderableType]:
    findings = content["compliance"]["findings"]
    if not findings:
        return []
    listing = Listing("Rule", "Says", "Why")
    for one in findings:
        listing.add_row(f"{one['rule_id']} v{one['rule_version']}", _outcome(one["outcome"]), one["reason"])
    return [listing, ""]


def _approvals(approvals: "Sequence[Approval]") -> list[RenderableType]:
    lines = [
        f"Approved by {one.approver} with {one.factor}, {one.approved_at:%Y-%m-%d %H:%M} UTC"
        for one in approvals
    ]
    return [*lines, ""] if lines else []


def _outcome(outcome: str) -> Text:
    return Text(f"{MARKS[outcome]} {outcome}", COLOURS[outcome])


def _next(stored: ListedProposal, now: datetime) -> str:
    if stored.state in {ProposalState.REVIEWED, ProposalState.APPROVED} and stored.expires_at <= now:
        return f"It ran out. Next: steelyard propose {stored.account_id}"
    words = {
        ProposalState.REVIEWED: f"Next: steelyard approve {stored.proposal_id}",
        ProposalState.APPROVED: f"Next: steelyard execute {stored.proposal_id}",
        ProposalState.EXECUTED: f"Executed by {stored.executed_by}; its orders are with the workers.",
        ProposalState.WITHDRAWN: "Nothing follows.",
    }
    return words[stored.state]
