"""Values and flows in plain Python: exact decimals, a posting at a time, no arrays; written from the rule alone."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from posting_columns import Entry
from steelyard.domain.posting import Place

Cell = tuple[str, str]
GroupOf = Callable[[Cell], object]
Worth = Callable[[str, date], Decimal | None]


@dataclass(frozen=True)
class Valued:
    """One group on one day; None = not known."""

    value: Decimal | None
    came_in: Decimal | None
    went_out: Decimal | None


def counting_day(dates: Sequence[date], when: date) -> date | None:
    """Return the first day on or after a date."""
    return next((day for day in dates if day >= when), None)


def value_group(
    entries: Sequence[Entry],
    dates: Sequence[date],
    worth: Worth,
    *,
    group: object,
    group_of: GroupOf,
    outside: frozenset[Place],
) -> dict[date, Valued]:
    """Value one group on every day; `outside` lists the places that count as outside."""
    result = {}
    counted = [(counting_day(dates, one.transaction.trade_date), one) for one in entries]
    for day in dates:
        entries_of_day = [one for when, one in counted if when == day]
        so_far = [one for when, one in counted if when and when <= day]
        flows = [
            _flow(one, day, worth, group=group, group_of=group_of, outside=outside) for one in entries_of_day
        ]
        came_in: Decimal | None = Decimal(0)
        went_out: Decimal | None = Decimal(0)
        if day != dates[0]:
            came_in = _total([None if flow is None else max(flow, Decimal(0)) for flow in flows])
            went_out = _total([None if flow is None else max(-flow, Decimal(0)) for flow in flows])
        result[day] = Valued(_value(so_far, day, worth, group, group_of), came_in, went_out)
    return result


def _total(values: Sequence[Decimal | None]) -> Decimal | None:
    total = Decimal(0)
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _value(
    entries: Sequence[Entry], day: date, worth: Worth, group: object, group_of: GroupOf
) -> Decimal | None:
    held: dict[Cell, Decimal] = defaultdict(Decimal)
    for entry in entries:
        for line in entry.postings:
            if line.place is Place.HELD:
                held[line.account_id, line.commodity] += line.quantity
    total = Decimal(0)
    for cell, quantity in held.items():
        if quantity and group_of(cell) == group:
            unit = worth(cell[1], day)
            if unit is None:
                return None
            total += quantity * unit
    return total


def _flow(
    entry: Entry, day: date, worth: Worth, *, group: object, group_of: GroupOf, outside: frozenset[Place]
) -> Decimal | None:
    """Return what an entry moved into a group; None = not known."""
    own = group_of(entry.about) == group
    total = Decimal(0)
    for line in entry.postings:
        cell = (line.account_id, line.commodity)
        if line.place is Place.HELD and cell != entry.about:
            sign = (group_of(cell) == group) - own
        elif line.place in outside:
            sign = -1 if own else 0
        else:
            continue
        if sign:
            unit = worth(line.commodity, day)
            if unit is None:
                return None
            total += sign * line.quantity * unit
    return total
