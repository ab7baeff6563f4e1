"""The screens of imports: what one would do or did, the list of them, and one of them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.screens.cells import UNKNOWN, Listing, day, facts, money, note, quantity, short_keys, title
from steelyard.cli.screens.user import moment
from steelyard.domain.transaction import ZERO
from steelyard.services.statement_plan import (
    AccountEffect,
    Agreement,
    DaysMissing,
    Imported,
    ImportedRow,
    ImportPlan,
    KeptImport,
    Opening,
    Question,
    RowNote,
    counted,
)
from steelyard.services.statement_reconciliation import describe_difference

MOST_ROWS: Final = 200
"""Rows of one kind that are listed; --json has all. What is refused is listed whole."""
MOST_MOVERS: Final = 10


def planned(plan: ImportPlan) -> Group:
    """Show what an import would do."""
    first = "What the import would do" if plan.can_run else "The import cannot be run yet"
    return Group(title(first), "", *_plan(plan), note("Nothing was booked."))


def imported(done: Imported) -> Group:
    """Show what an import did."""
    if done.import_id is None:
        return Group(title("Nothing is new"), "", *_plan(done.plan), note("Everything was there already."))
    last = f"Take it back with `steelyard imports undo {f'{done.import_id}'[:8]}`."
    return Group(title(f"Imported: {_entries(done.booked)}"), "", *_plan(done.plan), note(last))


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"


def listed(found: Sequence[KeptImport]) -> Group:
    """Show imports, the newest first."""
    if not found:
        return Group(title("Imports"), "", "Nothing was imported yet: steelyard import FILE")
    keys = short_keys([one.import_id for one in found])
    listing = Listing("!Import", "!When", "Files", "Accounts", ">Booked", "?By", "?!Taken back")
    for one in found:
        listing.add_row(
            keys[one.import_id],
            moment(one.made_at),
            ", ".join(file.name for file in one.files),
            ", ".join(one.account_ids),
            f"{one.transactions:,}",
            one.made_by,
            moment(one.undone_at),
        )
    return Group(title("Imports"), "", listing)


def shown(found: tuple[KeptImport, Sequence[ImportedRow]]) -> Group:
    """Show an import and where its transactions came from."""
    kept, rows = found
    about = [
        ("import", f"{kept.import_id}"),
        ("when", f"{moment(kept.made_at)}, {kept.made_by}"),
        ("accounts", ", ".join(kept.account_ids)),
        ("taken back", f"{moment(kept.undone_at)}, {kept.undone_by}" if kept.undone_at else "no"),
    ]
    files = Listing("File", "!Read as", ">Rows", ">Booked", ">There", ">Left out", ">Skipped", "?SHA-256")
    for file in kept.files:
        counts = (file.read, file.new, file.there, file.left_out, file.skipped)
        files.add_row(file.name, file.reader, *(f"{count:,}" for count in counts), file.sha256)
    listing = Listing("File", ">Line", "!Transaction")
    for row in rows[:MOST_ROWS]:
        listing.add_row(
            row.file_name or "(opening)", f"{row.line}" if row.line else UNKNOWN, row.transaction_id
        )
    return Group(title("Import"), "", facts(about), "", files, "", listing, *_more(len(rows)))


def undone(kept: KeptImport) -> Group:
    """Show what was taken back."""
    return Group(
        title("Taken back"),
        f"{counted(kept.transactions, 'transaction')} of {', '.join(file.name for file in kept.files)} "
        f"{'is' if kept.transactions == 1 else 'are'} reversed.",
    )


def _plan(plan: ImportPlan) -> Iterator[RenderableType]:
    yield from _files(plan)
    yield from _questions(plan.questions)
    yield from _notes("Refused", plan.refused, "red", most=None)
    if plan.overdrawn:
        yield from (Text(plan.overdrawn, "red"), "")
    yield from _openings(plan.openings)
    for effect in plan.effects:
        yield from _effect(effect)
    yield from _notes("Worth a look", plan.flagged, "yellow", most=MOST_ROWS)
    yield from _notes("Not booked", plan.skipped, "", most=MOST_ROWS)
    yield from _new_assets(plan)
    yield from _agreements(plan.agreements)
    yield from _missing("closes", plan.missing_prices, plan.price_command)
    yield from _missing("exchange rates", plan.missing_rates, plan.rate_command)
    for line in plan.notes:
        yield from (note(line), "")


def _missing(what: str, missing: Sequence[DaysMissing], command: str) -> Iterator[RenderableType]:
    if missing:
        names = ", ".join(one.name for one in missing)
        yield from (f"No {what} for days that matter: {names}. Bring them with", f"  {command}", "")


def _files(plan: ImportPlan) -> Iterator[RenderableType]:
    listing = Listing("File", "Read as", ">Rows", ">New", ">There", ">Asked", ">Refused", "?>Skipped")
    for file in plan.files:
        counts = (file.read, file.new, file.there, file.waiting, file.refused, file.skipped + file.left_out)
        listing.add_row(file.name, file.title, *(f"{count:,}" for count in counts))
    yield from (listing, "")


def _questions(questions: Sequence[Question]) -> Iterator[RenderableType]:
    for one in questions:
        waiting = counted(one.rows, "row", "waits", "wait")
        yield Text(f"{one.text} {waiting} for it, from {one.file_name} line {one.line} on.", "yellow")
        for candidate in one.candidates:
            detail = f" ({candidate.detail})" if candidate.detail else ""
            yield f"    {candidate.id}  {candidate.name}{detail}"
        yield f"  {one.option}"
        if one.new_asset is not None:
            new = one.new_asset
            yield f"  or --new-assets makes {new.asset_id}: {new.asset_name}, {new.asset_type}, {new.currency}"
        yield ""


def _notes(
    heading: str, notes: Sequence[RowNote], style: str, *, most: int | None
) -> Iterator[RenderableType]:
    if not notes:
        return
    yield Text(f"{heading}: {counted(len(notes), 'row')}", "bold")
    for one in notes[:most]:
        yield Text(f"  {one}", style)
    if most is not None:
        yield from _more(len(notes))
    yield ""


def _openings(openings: Iterable[Opening]) -> Iterator[RenderableType]:
    listing = Listing("Before", "Account", ">Units", ">Amount", "!Currency", "!Day", "?Shown by")
    for one in openings:
        listing.add_row(
            one.asset_id or "cash",
            one.account_id,
            quantity(one.quantity) if one.asset_id else UNKNOWN,
            money(one.amount),
            one.currency,
            day(one.day),
            one.why,
        )
    if listing:
        yield from (
            Text("The history starts in the middle: --opening books what was before", "bold"),
            listing,
            "",
        )


def _effect(one: AccountEffect) -> Iterator[RenderableType]:
    listing = Listing(one.account_id, ">Before", ">After", ">Change", "?>Lots", f"?>Cost {one.base_currency}")
    lots = {lot.asset_id: lot for lot in one.lots}
    for change in one.units:
        lot = lots.get(change.name)
        listing.add_row(
            change.name,
            quantity(change.before),
            quantity(change.after),
            _signed(quantity(change.change)),
            f"{lot.lots_before} → {lot.lots_after}" if lot else UNKNOWN,
            f"{money(lot.cost_before)} → {money(lot.cost_after)}" if lot else UNKNOWN,
        )
    for change in one.cash:
        amounts = money(change.before), money(change.after), _signed(money(change.change))
        listing.add_row(f"{change.name} cash", *amounts, "", "")
    if listing:
        yield from (listing, "")
    if one.lot_fault:
        yield from (Text(f"The lots of {one.account_id} are not known: {one.lot_fault}", "yellow"), "")


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"


def _new_assets(plan: ImportPlan) -> Iterator[RenderableType]:
    listing = Listing("New asset", "Name", "!Type", "!Currency", "?ISIN")
    for one in plan.new_assets:
        listing.add_row(one.asset_id, one.asset_name, one.asset_type, one.currency, one.isin or UNKNOWN)
    if listing:
        yield from (listing, "")


def _agreements(agreements: Sequence[Agreement]) -> Iterator[RenderableType]:
    if not agreements:
        return
    differing = [one for one in agreements if one.difference]
    same = len(agreements) - len(differing)
    places = counted(len(agreements), "place")
    agree = "1 agrees" if same == 1 else f"{same:,} agree"
    yield Text(f"The statements say what is there in {places}; {agree}", "bold")
    for one in differing:
        yield Text(
            f"  {one.account_id} on {one.day}: {quantity(one.stated)} {one.name} by {one.file_name} line {one.line}, "
            f"{quantity(one.ledger)} by the ledger: {describe_difference(one)}; {one.why}",
            "yellow",
        )
        for mover in one.movers[-MOST_MOVERS:]:
            sign = "+" if mover.quantity > ZERO else ""
            yield note(
                f"    {mover.day} {mover.kind} {sign}{quantity(mover.quantity)}  {mover.file_name} line {mover.line}"
            )
        if len(one.movers) > MOST_MOVERS:
            yield note(f"    and {counted(len(one.movers) - MOST_MOVERS, 'row')} before; --json has all")
    yield ""


def _more(count: int) -> Iterator[RenderableType]:
    if count > MOST_ROWS:
        yield note(f"  … and {count - MOST_ROWS:,} more; --json has all.")
