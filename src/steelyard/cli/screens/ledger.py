"""Screens of the ledger: the journal, positions, lots, and how snapshots compare."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import Listing, change_of, day, facts, money, note, percent, quantity, title
from steelyard.domain.scope import Scope
from steelyard.services.journal import JournalPage, Waiting, cash_of
from steelyard.services.keeping import Keeping
from steelyard.services.position import Lots, Positions
from steelyard.services.reconciliation import Reconciliation, describe_reason
from steelyard.storage.booked import JournalEntry

MOST_WAITING: Final = 20


def journal(page: JournalPage, *, scope: Scope) -> Group:
    """Show a page of the journal."""
    if not page.entries:
        return Group(
            title("Ledger"), "", "Nothing is booked here.", "", *_waiting(page.waiting), note(f"{scope}")
        )
    listing = Listing(
        "Day", "Kind", "Account", "What", ">Quantity", ">Amount", "?Currency", "?Transaction", "?>Entry"
    )
    for entry in page.entries:
        listing.add_row(
            day(entry.trade_date),
            _kind(entry),
            entry.account_id + (f" → {entry.counter_account_id}" if entry.counter_account_id else ""),
            _what(entry),
            quantity(entry.quantity) if entry.quantity else "",
            money(entry.amount) if entry.amount else "",
            entry.currency,
            entry.transaction_id,
            f"{entry.entry_id}",
        )
    more = [note(f"Older: steelyard ledger --after {page.after}")] if page.after else []
    return Group(
        title("Ledger"), "", listing, "", *more, *_balances(page), *_waiting(page.waiting), note(f"{scope}")
    )


def _kind(entry: JournalEntry) -> str:
    if entry.reverses is not None:
        return f"{entry.kind} taken back ({entry.reverses})"
    return f"{entry.kind} (taken back)" if entry.reversed_by is not None else entry.kind


def _what(entry: JournalEntry) -> str:
    """Name what an entry is about, and what it became."""
    if entry.counter_asset_id:
        return f"{entry.asset_id} → {entry.counter_asset_id}"
    if entry.counter_currency:
        return f"{entry.currency} → {money(entry.counter_amount)} {entry.counter_currency}"
    return entry.asset_id or entry.currency


def _balances(page: JournalPage) -> list[RenderableType]:
    cash = ", ".join(f"{money(amount)} {currency}" for currency, amount in cash_of(page.balances).items())
    assets = {one.commodity for one in page.balances if not one.is_cash}
    by_ledger = sum(kept == "ledger" for kept in page.kept_by.values())
    return [
        facts(
            [
                ("Cash now", cash or "none"),
                ("Assets held", f"{len(assets):,}"),
                ("Kept by the ledger", f"{by_ledger:,} of {len(page.kept_by):,} accounts"),
            ]
        ),
        "",
    ]


def _waiting(waiting: Sequence[Waiting]) -> list[RenderableType]:
    """Show what is not booked, and why."""
    if not waiting:
        return []
    listing = Listing("Transaction", "Kind", "Day", "Not booked, because it", "?Account", "?Asset")
    for one in waiting[:MOST_WAITING]:
        listing.add_row(
            one.transaction_id, one.kind, day(one.trade_date), one.reason, one.account_id, one.asset_id
        )
    more = len(waiting) - MOST_WAITING
    rest = [note(f"… and {more:,} more; `steelyard ledger --json` has all.")] if more > 0 else []
    return [title(f"Not booked, {len(waiting):,}"), listing, *rest, ""]


def reconciled(found: Reconciliation, *, scope: Scope) -> Group:
    """Show what keeps each account, and the differences."""
    kept = Listing("Account", "Kept by")
    for account, keeper in found.kept_by.items():
        kept.add_row(account, keeper)
    if not found.differences:
        return Group(
            title("Ledger and snapshots"),
            "",
            kept,
            "",
            "No snapshot says otherwise than the ledger.",
            "",
            note(f"{scope}"),
        )
    listing = Listing("Account", "Asset", ">Snapshot", ">Ledger", "Why", "?Day")
    for one in found.differences:
        listing.add_row(
            one.account_id,
            one.asset_id,
            quantity(one.snapshot_quantity),
            quantity(one.ledger_quantity),
            describe_reason(one.reason),
            day(one.as_of),
        )
    return Group(title("Ledger and snapshots"), "", kept, "", listing, "", note(f"{scope}"))


def posted(done: Keeping) -> Group:
    """Show what became of the ledger."""
    waiting = sum(done.unposted.values())
    pairs: list[tuple[str, RenderableType]] = [
        ("Booked", f"{done.posted:,}"),
        ("Corrected", f"{done.corrected:,}"),
        ("Not booked", f"{waiting:,}" + (" (steelyard ledger says why)" if waiting else "")),
        ("Accounts kept by the ledger", f"{done.by_ledger:,}"),
    ]
    if done.differing:
        pairs.append(("Snapshots that differ", f"{done.differing:,} accounts (steelyard ledger reconcile)"))
    return Group(title("The ledger is up to date"), "", facts(pairs))


def held(answer: Positions, *, scope: Scope) -> Group:
    """Show positions, the most valuable first."""
    if not answer.positions:
        return Group(
            title("Positions"), "", "Nothing is held here.", "", note(f"as of {answer.as_of} · {scope}")
        )
    listing = Listing(
        "Asset", "Name", ">Value", ">Share", ">Not realised", "?>Quantity", "?>Price", "?>Cost", "?Price of"
    )
    for one in answer.positions:
        listing.add_row(
            one.asset_id,
            one.asset_name,
            money(one.value),
            percent(one.weight),
            _gain(one.unrealised_gain, one.basis),
            quantity(one.quantity),
            f"{quantity(one.price)} {one.price_currency}",
            money(one.basis),
            day(one.price_date),
        )
    return Group(
        title("Positions"),
        "",
        facts([("Total value", Text(f"{money(answer.total_value)} {answer.base_currency}", "bold"))]),
        "",
        listing,
        "",
        *(note(f"Note: {said}") for said in answer.notes),
        note(f"money in {answer.base_currency} · as of {answer.as_of} · {scope}"),
    )


def _gain(gain: Decimal | None, basis: Decimal | None) -> Text:
    if gain is None or not basis:
        return Text(money(gain))
    return change_of(float(gain / abs(basis)))


def open_lots(answer: Lots, *, scope: Scope, limit: int) -> Group:
    """Show the open lots."""
    if not answer.lots:
        return Group(title("Lots"), "", "No lot is open here.", "", *_lot_notes(answer, scope))
    listing = Listing(
        "Account",
        "!Asset",
        "!Bought",
        ">Quantity",
        ">Cost",
        ">Gain",
        "?>Value",
        "?!Currency",
        "?>Days",
        "?!Lot",
    )
    for lot in answer.lots[:limit]:
        listing.add_row(
            lot.account_id,
            lot.asset_id,
            day(lot.acquired),
            quantity(lot.quantity),
            money(lot.cost),
            money(lot.gain),
            money(lot.value),
            lot.currency,
            f"{lot.held_days:,}",
            lot.lot_id,
        )
    return Group(title("Lots"), "", listing, *_more(len(answer.lots), limit), "", *_lot_notes(answer, scope))


def closed_lots(answer: Lots, *, scope: Scope, limit: int) -> Group:
    """Show the lots that were closed, the latest first, and what they gained by year."""
    if not answer.closed:
        return Group(title("Lots closed"), "", "No lot was closed here.", "", *_lot_notes(answer, scope))
    listing = Listing(
        "!Closed",
        "Account",
        "!Asset",
        ">Quantity",
        ">Proceeds",
        ">Gain",
        "?!Bought",
        "?>Cost",
        "?!Currency",
        "?>By rates",
    )
    for one in list(reversed(answer.closed))[:limit]:
        listing.add_row(
            day(one.closed),
            one.account_id,
            one.asset_id,
            quantity(-one.quantity if one.is_short else one.quantity),
            money(one.proceeds),
            money(one.gain),
            day(one.acquired),
            money(one.cost),
            one.currency,
            money(one.currency_gain),
        )
    return Group(
        title("Lots closed"), "", listing, *_more(len(answer.closed), limit), "", *_lot_notes(answer, scope)
    )


def _more(count: int, limit: int) -> list[RenderableType]:
    more = count - limit
    return [note(f"… and {more:,} more; --limit or --json has all.")] if more > 0 else []


def _lot_notes(answer: Lots, scope: Scope) -> list[RenderableType]:
    return [
        *(note(f"Note: {said}") for said in answer.notes),
        note(f"costs and gains in the currency of each account · as of {answer.as_of} · {scope}"),
    ]
