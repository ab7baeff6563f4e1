"""Screens of proposals: what to trade and why, drift before and after, and what is known of the answer."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import Listing, facts, money, note, percent, quantity, title
from steelyard.domain.money import round_half_up
from steelyard.domain.portfolio import Portfolio
from steelyard.rebalancing.allocation import Allocation
from steelyard.rebalancing.options import Objective
from steelyard.rebalancing.policy import Proposal
from steelyard.rebalancing.problem import Status
from steelyard.rebalancing.trade import LotSale, Trade

if TYPE_CHECKING:
    from steelyard.rebalancing.household import HouseholdAllocation
    from steelyard.rebalancing.household_policy import HouseholdProposal

MOST_LINES: Final = 30

STATUS: Final = {
    Status.OPTIMAL: (
        "✓ optimal",
        "green",
        "No other trades come nearer to the target; proven in whole numbers.",
    ),
    Status.WITHIN_GAP: (
        "within a gap",
        "yellow",
        "Other trades, if there are any, are better by the gap at most.",
    ),
    Status.INFEASIBLE: ("infeasible", "red", "No trades keep every constraint."),
}


def proposals(found: Sequence[Proposal], written: str) -> Group:
    """Show each proposal; `written` says which order file was written."""
    parts: list[RenderableType] = _overview(found) if len(found) > 1 else []
    for proposal in found:
        parts += _proposal(proposal)
    parts += [written] if written else [note("Nothing was ordered; --csv FILE writes an order file.")]
    return Group(*parts)


def _overview(found: Sequence[Proposal]) -> list[RenderableType]:
    """Show several proposals, one a line."""
    listing = Listing("Account", "Answer", ">Trades", ">Drift", ">after", "?>Cash after", "?")
    for proposal in found:
        allocation = proposal.allocation
        word, colour, _ = STATUS[allocation.status]
        listing.add_row(
            proposal.portfolio.account_id,
            Text(word, colour),
            f"{len(allocation.trades):,}",
            percent(allocation.total_drift_before),
            percent(allocation.total_drift_after),
            money(allocation.cash_after),
            proposal.portfolio.base_currency,
        )
    return [title(f"Rebalance, {len(found):,} accounts"), "", listing, ""]


def _proposal(proposal: Proposal) -> list[RenderableType]:
    allocation = proposal.allocation
    word, colour, meaning = STATUS[allocation.status]
    name = f"Rebalance {proposal.portfolio.account_id or 'the account'}"
    head: list[RenderableType] = [Text.assemble((name, "bold"), "  ", (word, colour)), note(meaning), ""]
    if allocation.status is Status.INFEASIBLE:
        return [*head, *conflict_lines(allocation), *caption(proposal.portfolio)]
    return [
        *head,
        _summary(proposal),
        "",
        *trade_lines(allocation.trades),
        *_conversions(allocation),
        *lot_lines(allocation.lots),
        *drift_lines(allocation),
        *skipped_lines(allocation),
        *stale_lines(proposal),
        *caption(proposal.portfolio),
    ]


def _summary(proposal: Proposal) -> RenderableType:
    allocation, currency = proposal.allocation, proposal.portfolio.base_currency
    pairs: list[tuple[str, RenderableType]] = [
        (
            "Drift, total",
            Text.assemble(
                f"{percent(allocation.total_drift_before)} → ",
                (percent(allocation.total_drift_after), "bold"),
            ),
        ),
        ("Cash after", f"{money(allocation.cash_after)} {currency}{_by_currency(proposal)}"),
        ("Fees", money(allocation.fees)),
        ("Taxes", money(allocation.taxes)),
    ]
    if proposal.investment_amount:
        word = "Paid in" if proposal.investment_amount > 0 else "Taken out"
        pairs.insert(1, (word, money(abs(proposal.investment_amount))))
    if allocation.status is Status.WITHIN_GAP:
        unit = f"{currency}²" if proposal.policy.objective is Objective.L2 else currency
        pairs.append(("Gap", f"{small(allocation.gap)} of {money(allocation.objective)} {unit}"))
    return facts(pairs)


def _by_currency(proposal: Proposal) -> str:
    """Return what cash there is in each currency, where there are several."""
    cash = {code: amount for code, amount in proposal.allocation.cash_by_currency.items() if amount}
    if set(cash) <= {proposal.portfolio.base_currency}:
        return ""
    return " = " + " + ".join(f"{money(amount)} {code}" for code, amount in sorted(cash.items()))


def trade_lines(trades: Sequence[Trade]) -> list[RenderableType]:
    """Show trades, then the reason of each."""
    if not trades:
        return [title("Trades"), "Nothing to trade.", ""]
    listing = Listing("Asset", "Trade", ">Quantity", ">Price", ">Value", "?>Cost", "?>Tax")
    for trade in trades:
        buys = trade.quantity > 0
        listing.add_row(
            trade.asset_id,
            Text("▲ buy" if buys else "▼ sell", "green" if buys else "red"),
            quantity(abs(trade.quantity)),
            f"{quantity(trade.price)} {trade.currency or ''}".rstrip(),
            money(trade.value),
            money(trade.cost),
            money(trade.tax),
        )
    reasons = facts([(trade.asset_id, trade.reason) for trade in trades])
    return [title(f"Trades, {len(trades):,}"), listing, "", reasons, ""]


def _conversions(allocation: Allocation) -> list[RenderableType]:
    if not allocation.conversions:
        return []
    listing = Listing(">Sold", ">Bought", ">Cost", "Why")
    for done in allocation.conversions:
        listing.add_row(
            f"{money(done.sold)} {done.sold_currency}",
            f"{money(done.bought)} {done.bought_currency}",
            money(done.cost),
            done.reason,
        )
    return [title("Conversions, to be made first"), listing, ""]


def lot_lines(lots: Sequence[LotSale]) -> list[RenderableType]:
    """Show which lots are sold."""
    if not lots:
        return []
    listing = Listing("Asset", "Lot", ">Quantity", "?Bought", ">Gain", "Term", ">Tax")
    for sale in lots[:MOST_LINES]:
        listing.add_row(
            sale.asset_id,
            sale.lot_id,
            quantity(sale.quantity),
            sale.acquired.isoformat(),
            money(sale.gain),
            "long" if sale.is_long_term else "short",
            money(sale.tax),
        )
    return [title(f"Lots sold, {len(lots):,}"), listing, *_more(len(lots)), ""]


def drift_lines(allocation: "Allocation | HouseholdAllocation") -> list[RenderableType]:
    """Show target, weight and drift of each asset, and of cash, which is what they leave of the whole."""
    listing = Listing("Asset", ">Target", ">Weight", ">after", ">Drift", ">after ")
    for asset, before in allocation.weights_before.items():
        drifts = allocation.drift_before[asset], allocation.drift_after[asset]
        listing.add_row(asset, *_weights(before, allocation.weights_after[asset], *drifts))
    rest = 1 - _total(allocation.weights_before), 1 - _total(allocation.weights_after)
    listing.add_row(
        "cash", *_weights(*rest, -_total(allocation.drift_before), -_total(allocation.drift_after))
    )
    return [title("Drift"), listing, ""]


def _total(weights: Mapping[str, Decimal]) -> Decimal:
    return sum(weights.values(), Decimal(0))


def _weights(before: Decimal, after: Decimal, drift_before: Decimal, drift_after: Decimal) -> list[str]:
    shown = percent(before - drift_before), percent(before), percent(after)
    return [*shown, points(drift_before), points(drift_after)]


def points(drift: Decimal) -> str:
    """Return drift in percentage points, with its sign.

    >>> points(Decimal("0.0123")), points(Decimal("-0.5")), points(Decimal("-0.00001"))
    ('+1.23 %', '-50.00 %', '0.00 %')
    """
    shown = round_half_up(drift, 4) + 0  # + 0 makes -0 plain 0
    return f"+{percent(shown)}" if shown > 0 else percent(shown)


def small(amount: Decimal) -> str:
    """Return an amount that is not 0 as such, however little it is."""
    return "less than 0.01" if 0 < amount < Decimal("0.01") else money(amount)


def skipped_lines(allocation: "Allocation | HouseholdAllocation") -> list[RenderableType]:
    """Show what is not traded, and why."""
    if not allocation.skipped:
        return []
    shown = allocation.skipped[:MOST_LINES]
    reasons = facts([(skipped.asset_id, skipped.reason) for skipped in shown])
    return [title("Not traded"), reasons, *_more(len(allocation.skipped)), ""]


def _more(count: int) -> list[RenderableType]:
    return [note(f"… and {count - MOST_LINES:,} more; --json has all.")] if count > MOST_LINES else []


def conflict_lines(allocation: "Allocation | HouseholdAllocation") -> list[RenderableType]:
    """Show what is in conflict, and what would help."""
    parts: list[RenderableType] = []
    for conflict in allocation.conflicts:
        parts.append(conflict.reason)
        parts += [note(f"→ {remedy}") for remedy in conflict.remedies]
    return [*parts, ""]


def stale_lines(proposal: "Proposal | HouseholdProposal") -> list[RenderableType]:
    """Show prices that are old, and why they were taken."""
    if not proposal.stale_prices:
        return []
    ages = facts([(asset, f"{age} sessions old") for asset, age in proposal.stale_prices.items()])
    return [title("Old prices"), ages, note(f"taken all the same: {proposal.stale_reason}"), ""]


def caption(portfolio: Portfolio) -> list[RenderableType]:
    """Say which currency and which days the figures are of."""
    days = sorted({price.price_date for price in portfolio.prices.values() if price.price_date})
    parts = (
        f"money in {portfolio.base_currency}" if portfolio.base_currency else "",
        f"as of {portfolio.as_of}" if portfolio.as_of else "",
        f"prices of {days[0]}{f' to {days[-1]}' if days[1:] else ''}" if days else "",
        f"positions of {portfolio.positions_date}" if portfolio.positions_date else "",
    )
    said = " · ".join(part for part in parts if part)
    return [note(said), ""] if said else []
