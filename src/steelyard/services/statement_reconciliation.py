"""Reconciling a statement: what it says is there at the end of a day, against the ledger, row by row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Final

from steelyard.domain.amount import plain
from steelyard.domain.money import EXACT
from steelyard.domain.posting import Place, postings_of
from steelyard.domain.transaction import ACTIONS, ZERO, Transaction
from steelyard.services.statement_effect import Commodity, Courses
from steelyard.services.statement_identity import Booking
from steelyard.services.statement_opening import Stated
from steelyard.services.statement_plan import CENT, Agreement, Mover, RowNote
from steelyard.services.statement_rows import FileRows, Names

_NOTHING: Final = "no row moves it: what was there before is missing, an OPENING"
_OWED: Final = "as much was owed before the first row: book a WITHDRAWAL dated before it, if that is so"
_ONE_ROW: Final = "line {} of {} alone is as much: it is missing there, or here once too often"
_LEFT: Final = "rows that are refused or left out may be about it: {}"
_ELSE: Final = "a row is missing, or one says something else than the statement"
MOST_LINES: Final = 10


def stated_of(files: Iterable[FileRows], names: Names) -> list[Stated]:
    """Return what statements say is there, under our names; lines about one asset and day add up.

    Args:
        files: what was read.
        names: what their names mean; what nobody knows is left out.
    """
    found: dict[tuple[str, Commodity, object], Stated] = {}
    for file in files:
        for held in file.held:
            account = names.accounts.get((file.reader.name, held.account))
            if account is None or (held.asset is not None and held.asset not in names.assets):
                continue
            what = (
                (held.currency or names.currencies[account])
                if held.asset is None
                else names.assets[held.asset]
            )
            key = Commodity(account, what, held.asset is None)
            before = found.get((file.name, key, held.day))
            quantity = held.quantity if before is None else before.quantity + held.quantity
            line = held.line if before is None else before.line
            found[file.name, key, held.day] = Stated(file.name, line, key, held.day, quantity)
    return list(found.values())


def reconcile_statements(
    stated: Sequence[Stated], courses: Courses, bookings: Sequence[Booking], unbooked: Sequence[RowNote]
) -> list[Agreement]:
    """Compare what statements say with what the ledger has on that day, and explain what differs.

    Args:
        stated: what the statements say.
        courses: what the ledger has, the import included.
        bookings: the rows of the files that are booked.
        unbooked: rows that are not: refused, or left out.
    """
    differing = {one.key for one in stated if _difference(one, courses)}
    movers = _movers(bookings, differing, courses) if differing else {}
    return [_agreement(one, courses, movers.get(one.key, ()), unbooked) for one in stated]


def _difference(one: Stated, courses: Courses) -> Decimal:
    difference = one.quantity - courses.at(one.key, one.day)
    return ZERO if one.key.is_cash and abs(difference) < CENT else difference


def _agreement(
    one: Stated, courses: Courses, movers: Sequence[Mover], unbooked: Sequence[RowNote]
) -> Agreement:
    difference = _difference(one, courses)
    until = tuple(mover for mover in movers if mover.day <= one.day) if difference else ()
    why = _why(difference, until, unbooked, is_cash=one.key.is_cash) if difference else ""
    return Agreement(
        file_name=one.file_name,
        line=one.line,
        account_id=one.key.account_id,
        day=one.day,
        name=one.key.name,
        is_cash=one.key.is_cash,
        stated=one.quantity,
        ledger=courses.at(one.key, one.day),
        why=why,
        movers=until,
    )


def _why(difference: Decimal, movers: Sequence[Mover], unbooked: Sequence[RowNote], *, is_cash: bool) -> str:
    alike = next((one for one in movers if abs(one.quantity) == abs(difference)), None)
    if not movers:
        return _NOTHING
    if alike is not None:
        return _ONE_ROW.format(alike.line, alike.file_name)
    if unbooked:
        lines = ", ".join(f"{one.file_name} line {one.line}" for one in unbooked[:MOST_LINES])
        return _LEFT.format(lines + (" …" if len(unbooked) > MOST_LINES else ""))
    return _OWED if is_cash and difference < 0 else _ELSE


def _movers(
    bookings: Iterable[Booking], wanted: set[Commodity], courses: Courses
) -> Mapping[Commodity, list[Mover]]:
    found: dict[Commodity, list[Mover]] = {key: [] for key in wanted}
    for one in bookings:
        for key, quantity in _moved(one.transaction, courses):
            if key in found:
                mover = Mover(
                    one.file_name, one.line, one.transaction.trade_date, one.transaction.kind, quantity
                )
                found[key].append(mover)
    return found


def _moved(one: Transaction, courses: Courses) -> Iterator[tuple[Commodity, Decimal]]:
    """Yield what a booking moves; what a corporate action does follows from what is there at the end of its day."""
    held = ZERO
    if one.kind in ACTIONS and one.quantity:
        after = courses.at(Commodity(one.account_id, one.asset_id, is_cash=False), one.trade_date)
        with localcontext(EXACT):
            held = after * one.quantity / one.counter_quantity if one.counter_quantity else after
    for line in postings_of(one, held=held):
        if line.place is Place.HELD:
            yield Commodity(line.account_id, line.commodity, line.is_cash), line.quantity


def describe_difference(one: Agreement) -> str:
    """Say by how much the ledger differs, in words.

    >>> from datetime import date
    >>> describe_difference(Agreement(file_name="a.csv", line=9, account_id="SAVINGS", day=date(2024, 1, 31),
    ...                               name="VTI", is_cash=False, stated=Decimal(12), ledger=Decimal(10)))
    'the ledger lacks 2 VTI'
    """
    lacks = "lacks" if one.difference > 0 else "has too many:" if not one.is_cash else "has too much:"
    return f"the ledger {lacks} {plain(abs(one.difference))} {one.name}"
