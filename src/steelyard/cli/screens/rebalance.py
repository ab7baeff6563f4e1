"""Screens of proposals: what to trade and why, drift before and after, and what is known of the answer."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import Listing, facts, money, note, percent, quantity, title
from steelyard.domain.money import round_half_up
from steelyard.rebalancing.allocation import Allocation
from steelyard.rebalancing.policy import Proposal
from steelyard.rebalancing.problem import Status

MOST_LINES: Final = 30

_STATUS: Final = {
    Status.OPTIMAL: ("✓ optimal", "green", "no trades come nearer to the target; proven in whole numbers"),
    Status.WITHIN_GAP: (
        "within a gap",
        "yellow",
        "better trades, if there are any, are better by the gap at most",
    ),
    Status.INFEASIBLE: ("infeasible", "red", "no trades keep every constraint"),
}


def proposals(found: Sequence[Proposal], written: str) -> Group:
    """Show each proposal; `written` says which order file was written."""
    parts: list[RenderableType] = []
    for proposal in found:
        parts += [*_proposal(proposal), ""]
    parts += [written] if written else [note("Nothing was ordered; --csv FILE writes the orders.")]
    return Group(*parts)


def _proposal(proposal: Proposal) -> list[RenderableType]:
    allocation = proposal.allocation
    name = proposal.portfolio.account_id or "account"
    word, colour, meaning = _STATUS[allocation.status]
    head: list[RenderableType] = [
        Text.assemble(("Rebalance ", "bold"), (name, "bold"), "  ", (word, colour)),
        note(meaning),
        "",
    ]
    if allocation.status is Status.INFEASIBLE:
        return [*head, *_conflicts(allocation), _caption(proposal)]
    return [
        *head,
        _summary(proposal),
        "",
        *_trades(proposal),
        *_conversions(allocation),
        *_lots(allocation),
        *_drift(proposal),
        *_skipped(allocation),
        *_stale(proposal),
        _caption(proposal),
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
        unit = f"{currency}²" if proposal.policy.objective == "l2" else currency
        pairs.append(("Gap", f"{quantity(allocation.gap)} {unit} of {quantity(allocation.objective)}"))
    return facts(pairs)


def _by_currency(proposal: Proposal) -> str:
    """Return what cash there is in each currency, where there are several."""
    cash = {code: amount for code, amount in proposal.allocation.cash_by_currency.items() if amount}
    if set(cash) <= {proposal.portfolio.base_currency}:
        return ""
    return " = " + " + ".join(f"{money(amount)} {code}" for code, amount in sorted(cash.items()))


def _trades(proposal: Proposal) -> list[RenderableType]:
    trades = proposal.allocation.trades
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


def _lots(allocation: Allocation) -> list[RenderableType]:
    if not allocation.lots:
        return []
    listing = Listing("Asset", "Lot", ">Quantity", "?Bought", ">Gain", "Term", ">Tax")
    for sale in allocation.lots[:MOST_LINES]:
        listing.add_row(
            sale.asset_id,
            sale.lot_id,
            quantity(sale.quantity),
            sale.acquired.isoformat(),
            money(sale.gain),
            "long" if sale.is_long_term else "short",
            money(sale.tax),
        )
    return [title(f"Lots sold, {len(allocation.lots):,}"), listing, *_more(len(allocation.lots)), ""]


def _drift(proposal: Proposal) -> list[RenderableType]:
    allocation = proposal.allocation
    listing = Listing("Asset", ">Target", ">Weight", ">after", ">Drift", ">after ")
    for asset, before in allocation.weights_before.items():
        drift = allocation.drift_before.get(asset)
        listing.add_row(
            asset,
            percent(None if drift is None else before - drift),
            percent(before),
            percent(allocation.weights_after[asset]),
            points(drift),
            points(allocation.drift_after.get(asset)),
        )
    return [title("Drift"), listing, ""]


def points(drift: Decimal | None) -> str:
    """Return drift in percentage points, with its sign.

    >>> points(Decimal("0.0123")), points(Decimal("-0.5")), points(Decimal("0")), points(None)
    ('+1.23 %', '-50.00 %', '0.00 %', '–')
    """
    shown = percent(drift)
    return f"+{shown}" if drift is not None and round_half_up(drift, 4) > 0 else shown


def _skipped(allocation: Allocation) -> list[RenderableType]:
    if not allocation.skipped:
        return []
    shown = allocation.skipped[:MOST_LINES]
    reasons = facts([(skipped.asset_id, skipped.reason) for skipped in shown])
    return [title("Not traded"), reasons, *_more(len(allocation.skipped)), ""]


def _more(count: int) -> list[RenderableType]:
    return [note(f"… and {count - MOST_LINES:,} more; --json has all.")] if count > MOST_LINES else []


def _conflicts(allocation: Allocation) -> list[RenderableType]:
    """Show what is in conflict, and what would help."""
    parts: list[RenderableType] = []
    for conflict in allocation.conflicts:
        parts.append(conflict.reason)
        parts += [note(f"→ {remedy}") for remedy in conflict.remedies]
    return [*parts, ""]


def _stale(proposal: Proposal) -> list[RenderableType]:
    if not proposal.stale_prices:
        return []
    ages = facts([(asset, f"{age} weekdays old") for asset, age in proposal.stale_prices.items()])
    return [title("Old prices"), ages, note(f"taken all the same: {proposal.stale_reason}"), ""]


def _caption(proposal: Proposal) -> Text:
    portfolio = proposal.portfolio
    days = sorted({price.price_date for price in portfolio.prices.values() if price.price_date})
    parts = (
        f"money in {portfolio.base_currency}" if portfolio.base_currency else "",
        f"as of {portfolio.as_of}" if portfolio.as_of else "",
        f"prices of {days[0]}{f' to {days[-1]}' if days[1:] else ''}" if days else "",
        f"positions of {portfolio.positions_date}" if portfolio.positions_date else "",
    )
    return note(" · ".join(part for part in parts if part))
