"""Valuation: from postings and prices to the value of every group on every day, and what flowed into it.

A cell is one commodity in one account; groups are any sums of cells: an asset, a sleeve, an account, a household.
Every entry is about one cell, and what it moves elsewhere has flowed there from that cell:

- a posting held in another cell is a flow of its value into that cell and out of the cell the entry is about;
- a posting to outside is a flow into the cell the entry is about, of minus its value;
- what the cell itself gains or loses is no flow but a gain.

So a dividend and a fee belong to the asset they are about, flows within a group cancel, and gains of cells add up to
the gain of the whole. Values are float64 in the base currency; nothing here is written back as money.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np

from steelyard.analytics.observations import DateArray, FloatArray, IntArray
from steelyard.analytics.price_table import PriceTable
from steelyard.domain.posting import Place
from steelyard.errors import InvalidInputError

PLACES: Final = {place: number for number, place in enumerate(Place)}
"""The number that stands for a place in `PostingColumns.place`."""

NOWHERE: Final = -1
"""In a grouping: the cell belongs to no group."""

_DUST: Final = 1e-12
"""Units below this fraction of all that a cell ever moved are rounding noise of the sum: the cell is empty."""

_CHUNK: Final = 2**19
"""Elements of [cell, day] worked on at a time: 4 MB an array, which a processor's cache still holds."""


class PostingColumnsError(InvalidInputError):
    """The columns of postings differ in length."""

    def __init__(self, lengths: dict[str, int]) -> None:
        """Name every column's length."""
        named = ", ".join(f"{name} {length}" for name, length in lengths.items())
        super().__init__(
            f"Columns of postings differ in length ({named}); give every posting one element of each."
        )


class UnknownCommodityError(InvalidInputError):
    """A posting counts a commodity that has no column in the price table."""

    def __init__(self, commodity: int, columns: int) -> None:
        """Name the commodity's number and how many columns there are."""
        super().__init__(
            f"A posting counts commodity number {commodity}, and the price table has {columns} columns; "
            "give each commodity a column, of NaN where no price is known."
        )


class GroupingShapeError(InvalidInputError):
    """A grouping does not name one group a cell."""

    def __init__(self, shape: tuple[int, ...], cells: int) -> None:
        """Name the shape and the number of cells."""
        super().__init__(
            f"A grouping of shape {shape} does not fit {cells} cells; give one group number a cell, -1 for none."
        )


class EmptyPeriodError(InvalidInputError):
    """A period has no row to begin with, or none to end with."""

    def __init__(self, first: date, last: date, dates: DateArray) -> None:
        """Name the period and the days there are."""
        known = f"{dates[0]} to {dates[-1]}" if len(dates) else "no days at all"
        super().__init__(
            f"From {first} to {last} is no period of the valuation, which covers {known}; "
            "begin on or after its first day and end on a later one."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PostingColumns:
    """Postings of many entries, a posting an element; numbers stand for names the caller keeps.

    Attributes:
        entry: [posting], which entry; any number, the same for all postings of one.
        date: [posting], the day it counts, datetime64[D]; any order.
        account: [posting], whose posting it is; 0 or above.
        place: [posting], see PLACES.
        commodity: [posting], column of the price table.
        quantity: [posting], added to the place; negative = taken from it.
        about_account: [posting], the account of the cell that the entry is about: the entry's account.
        about_commodity: [posting], the commodity of that cell: the entry's asset, else its currency.

    Raises:
        PostingColumnsError: the columns differ in length.
    """

    entry: IntArray
    date: DateArray
    account: IntArray
    place: IntArray
    commodity: IntArray
    quantity: FloatArray
    about_account: IntArray
    about_commodity: IntArray

    def __post_init__(self) -> None:
        """Refuse columns of different lengths."""
        lengths = {name: len(getattr(self, name)) for name in PostingColumns.__slots__}
        if len(set(lengths.values())) > 1:
            raise PostingColumnsError(lengths)


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells that postings are held in or entries are about, ascending by account, then commodity.

    Attributes:
        account: [cell].
        commodity: [cell].
    """

    account: IntArray
    commodity: IntArray

    def __len__(self) -> int:
        """How many there are."""
        return len(self.account)

    def find(self, account: IntArray, commodity: IntArray) -> IntArray:
        """Return the number of each cell; all must be among these."""
        base = max(int(commodity.max(initial=0)), int(self.commodity.max(initial=0))) + 1
        return np.searchsorted(self.account * base + self.commodity, account * base + commodity).astype(
            np.int64
        )


def cells_of(postings: PostingColumns) -> Cells:
    """List the cells of postings.

    >>> buy = PostingColumns(entry=np.array([7, 7]), date=np.array(["2024-03-14"] * 2, dtype="datetime64[D]"),
    ...     account=np.array([0, 0]), place=np.array([PLACES[Place.HELD]] * 2), commodity=np.array([1, 0]),
    ...     quantity=np.array([10.0, -2500.0]), about_account=np.array([0, 0]), about_commodity=np.array([1, 1]))
    >>> cells_of(buy).commodity.tolist()
    [0, 1]
    """
    held = postings.place == PLACES[Place.HELD]
    account = np.concatenate([postings.account[held], postings.about_account])
    commodity = np.concatenate([postings.commodity[held], postings.about_commodity])
    base = int(commodity.max(initial=0)) + 1
    keys = np.unique(account * base + commodity)
    return Cells(keys // base, keys % base)


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Runs of days on which something could not be valued, for want of a price or a rate.

    Attributes:
        account: [run].
        commodity: [run], what had no price or rate.
        first: [run], row of the price table.
        last: [run], row of the price table; the run includes it.
    """

    account: IntArray
    commodity: IntArray
    first: IntArray
    last: IntArray

    def __len__(self) -> int:
        """How many runs there are."""
        return len(self.account)

    def between(self, begin: int, end: int, *, origin: int) -> "Unpriced":
        """Keep what falls on rows `begin` to `end`, counted from row `origin`."""
        kept = (self.first <= end) & (self.last >= begin)
        first, last = np.maximum(self.first[kept], begin), np.minimum(self.last[kept], end)
        return Unpriced(self.account[kept], self.commodity[kept], first - origin, last - origin)


@dataclass(frozen=True, slots=True)
class Valuation:
    """Values and flows of groups, in the base currency.

    gain from row i to row j of a group = values[j] − values[i] − Σ (flows_in − flows_out)[i + 1 … j].

    Attributes:
        dates: [day], of the price table.
        values: [day, group], at the end of the day; NaN where a part has no price or rate.
        flows_in: [day, group], 0 or above: what came from outside the group, entry by entry. NaN where one could not
            be valued. Row 0 is 0: what came until then is what the history opens with.
        flows_out: [day, group], 0 or above: what left it.
        unpriced: what was held without a price or rate.
        unpriced_flows: what moved without one.
        after_fees: whether fees lowered the gain.
        after_taxes: whether taxes did.
    """

    dates: DateArray
    values: FloatArray
    flows_in: FloatArray
    flows_out: FloatArray
    unpriced: Unpriced
    unpriced_flows: Unpriced
    after_fees: bool
    after_taxes: bool

    @property
    def flows(self) -> FloatArray:
        """Net flow into each group [day, group]; negative = out of it."""
        return self.flows_in - self.flows_out

    def columns(self, groups: Sequence[int]) -> "Valuation":
        """Keep some groups, in this order; what has no price is still that of all."""
        chosen = np.asarray(groups, dtype=np.int64)
        return replace(
            self,
            values=self.values[:, chosen],
            flows_in=self.flows_in[:, chosen],
            flows_out=self.flows_out[:, chosen],
        )

    def between(self, first: date, last: date) -> "Valuation":
        """Cut a period out: from the end of `first` to the end of `last`.

        A date without a row means the last row before it, so a year is the 31st of one December to that of the next.

        Raises:
            EmptyPeriodError: there is no row on or before `first`, or none between the two.
        """
        begin, end = (
            np.searchsorted(self.dates, np.array([first, last], dtype="datetime64[D]"), side="right") - 1
        )
        if begin < 0 or end <= begin:
            raise EmptyPeriodError(first, last, self.dates)
        rows = slice(begin, end + 1)
        return replace(
            self,
            dates=self.dates[rows],
            values=self.values[rows],
            flows_in=self.flows_in[rows],
            flows_out=self.flows_out[rows],
            unpriced=self.unpriced.between(begin, end, origin=begin),
            unpriced_flows=self.unpriced_flows.between(begin + 1, end, origin=begin),
        )


def value_groups(
    postings: PostingColumns,
    table: PriceTable,
    *,
    cells: Cells,
    groups: IntArray,
    after_fees: bool,
    after_taxes: bool,
) -> Valuation:
    """Value groups of cells on every day of a price table, and what flowed into and out of each.

    A posting counts on the first row on or after its date (a weekend's on Monday); one after the last row does not
    count. What is dated on or before the first row opens the history: it is in values[0] and is no flow. To measure
    since inception, begin the table the day before the first posting: nothing is held then, so no price is needed.

    Args:
        postings: of all accounts of the cells.
        table: prices in the units of the postings (`quoted_prices` where they are adjusted for splits).
        cells: `cells_of(postings)`.
        groups: [cell] or [level, cell]: the group that each cell belongs to, 0 or above, NOWHERE for none. Levels
            (accounts, households, …) are valued in one pass and number their groups apart: 0 to 4, 5 to 6, …
        after_fees: whether fees lower the gain; else they count as money taken out.
        after_taxes: the same of taxes.

    Returns:
        One column for each number up to the highest.

    Raises:
        UnknownCommodityError: a commodity has no column.
        GroupingShapeError: `groups` does not name one group a cell.

    >>> days = np.array(["2024-03-13", "2024-03-14"], dtype="datetime64[D]")
    >>> deposit = PostingColumns(entry=np.array([1, 1]), date=days[[1, 1]], account=np.array([0, 0]),
    ...     place=np.array([PLACES[Place.HELD], PLACES[Place.OUTSIDE]]), commodity=np.array([0, 0]),
    ...     quantity=np.array([100.0, -100.0]), about_account=np.array([0, 0]), about_commodity=np.array([0, 0]))
    >>> valued = value_groups(deposit, PriceTable(days, np.ones((2, 1)), np.ones((2, 1))), cells=cells_of(deposit),
    ...                       groups=np.array([0]), after_fees=True, after_taxes=True)
    >>> valued.values.tolist(), valued.flows.tolist()
    ([[0.0], [100.0]], [[0.0], [100.0]])
    """
    levels = np.atleast_2d(groups)
    if levels.shape[1] != len(cells):
        raise GroupingShapeError(groups.shape, len(cells))
    highest = int(postings.commodity.max(initial=-1))
    if highest >= table.prices.shape[1]:
        raise UnknownCommodityError(highest, table.prices.shape[1])
    row = table.position_of(postings.date)
    values, unpriced = _values(postings, row, table, cells, levels)
    flows = _flows(postings, row, table, cells, after_fees=after_fees, after_taxes=after_taxes)
    came_in, went_out = _sum_flows(flows, levels, shape=values.shape)
    return Valuation(
        table.dates,
        values,
        came_in,
        went_out,
        unpriced,
        flows.unpriced(),
        after_fees=after_fees,
        after_taxes=after_taxes,
    )


def _values(
    postings: PostingColumns, row: IntArray, table: PriceTable, cells: Cells, levels: IntArray
) -> tuple[FloatArray, Unpriced]:
    """Sum the worth of every cell into its groups, some cells at a time: [cell, day] as a whole may be large."""
    days = len(table.dates)
    worth = np.ascontiguousarray(table.worth.T)
    held = np.flatnonzero((postings.place == PLACES[Place.HELD]) & (row < days))
    cell = cells.find(postings.account[held], postings.commodity[held])
    order = np.argsort(cell, kind="stable")
    held, cell = held[order], cell[order]
    values = np.zeros((int(levels.max(initial=-1)) + 1, days))
    runs = []
    step = max(1, _CHUNK // max(days, 1))
    for first in range(0, len(cells), step):
        last = min(first + step, len(cells))
        mine = slice(*np.searchsorted(cell, [first, last]))
        quantity = _quantities(
            cell[mine] - first, row[held[mine]], postings.quantity[held[mine]], shape=(last - first, days)
        )
        parts = worth[cells.commodity[first:last]]
        runs.append(_runs_without(quantity, parts, first))
        parts *= quantity
        parts[quantity == 0] = 0.0
        for level in levels:
            for group, part in zip(level[first:last], parts, strict=True):
                if group != NOWHERE:
                    values[group] += part
    return np.ascontiguousarray(values.T), _named(cells, runs)


def _quantities(cell: IntArray, row: IntArray, quantity: FloatArray, *, shape: tuple[int, int]) -> FloatArray:
    """Sum postings up to the quantity held at the end of each day, [cell, day]; what is only noise is 0."""
    changes = np.bincount(cell * shape[1] + row, weights=quantity, minlength=shape[0] * shape[1])
    held: FloatArray = np.cumsum(changes.reshape(shape), axis=1)
    moved = np.bincount(cell, weights=np.abs(quantity), minlength=shape[0])
    held[np.abs(held) <= _DUST * moved[:, np.newaxis]] = 0.0
    return held


def _runs_without(quantity: FloatArray, worth: FloatArray, first_cell: int) -> IntArray:
    """List runs of days with a quantity and without a worth: [run, (cell, first row, last row)]."""
    missing = np.isnan(worth) & (quantity != 0)
    suspects = np.flatnonzero(missing.any(axis=1))
    edges = np.diff(np.pad(missing[suspects].astype(np.int8), ((0, 0), (1, 1))), axis=1)
    which, begins = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    return np.stack([suspects[which] + first_cell, begins, ends - 1], axis=1).astype(np.int64)


def _named(cells: Cells, runs: list[IntArray]) -> Unpriced:
    found = np.concatenate([np.empty((0, 3), dtype=np.int64), *runs])
    return Unpriced(cells.account[found[:, 0]], cells.commodity[found[:, 0]], found[:, 1], found[:, 2])


@dataclass(frozen=True, slots=True)
class _Flows:
    """Movements of value between cells, one an element; a cell of NOWHERE is the world outside."""

    entry: IntArray
    row: IntArray
    into: IntArray
    out_of: IntArray
    value: FloatArray
    account: IntArray
    commodity: IntArray

    def unpriced(self) -> Unpriced:
        lost = np.isnan(self.value)
        found = np.unique(
            np.stack([self.account[lost], self.commodity[lost], self.row[lost]], axis=1), axis=0
        )
        return Unpriced(found[:, 0], found[:, 1], found[:, 2], found[:, 2])


def _flows(
    postings: PostingColumns,
    row: IntArray,
    table: PriceTable,
    cells: Cells,
    *,
    after_fees: bool,
    after_taxes: bool,
) -> _Flows:
    """Find what flowed after the first row, by the rule in the module's docstring."""
    about = cells.find(postings.about_account, postings.about_commodity)
    counts = (row > 0) & (row < len(table.dates))
    places = [Place.OUTSIDE] + [Place.FEES] * (not after_fees) + [Place.TAXES] * (not after_taxes)
    external = counts & np.isin(postings.place, [PLACES[place] for place in places])
    elsewhere = (postings.account != postings.about_account) | (
        postings.commodity != postings.about_commodity
    )
    internal = counts & elsewhere & (postings.place == PLACES[Place.HELD])
    moves = np.flatnonzero(internal | external)
    held = internal[moves]
    commodity, account = postings.commodity[moves], postings.account[moves]
    into = about[moves]
    into[held] = cells.find(account[held], commodity[held])
    days = row[moves]
    worth = table.prices[days, commodity] * table.rates[days, commodity]
    return _Flows(
        entry=postings.entry[moves],
        row=days,
        into=into,
        out_of=np.where(held, about[moves], NOWHERE),
        value=postings.quantity[moves] * worth * np.where(held, 1.0, -1.0),
        account=account,
        commodity=commodity,
    )


def _sum_flows(flows: _Flows, levels: IntArray, *, shape: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Sum flows by day and group, in and out apart."""
    came_in, went_out = np.zeros(shape), np.zeros(shape)
    for level in levels:
        row, group, net = _net_by_entry(flows, np.append(level, NOWHERE), shape)
        np.add.at(came_in, (row, group), np.maximum(net, 0.0))
        np.add.at(went_out, (row, group), np.maximum(-net, 0.0))
    return came_in, went_out


def _net_by_entry(
    flows: _Flows, group_of: IntArray, shape: tuple[int, int]
) -> tuple[IntArray, IntArray, FloatArray]:
    """Return row, group and net value of what each entry moved across the bounds of each group.

    A flow within a group is none, priced or not. A purchase and its fee are one flow, in or out by their sum.
    `group_of` ends with NOWHERE, so that the cell NOWHERE, counted from the end, is in no group.
    """
    into, out_of = group_of[flows.into], group_of[flows.out_of]
    crosses = into != out_of
    group = np.concatenate([into[crosses], out_of[crosses]])
    value = np.concatenate([flows.value[crosses], -flows.value[crosses]])
    place = np.unique(flows.entry, return_inverse=True)[1] * shape[0] + flows.row
    known = group != NOWHERE
    keys = np.tile(place[crosses], 2)[known] * shape[1] + group[known]
    found, which = np.unique(keys, return_inverse=True)
    net = np.bincount(which, weights=value[known], minlength=len(found))
    return found // shape[1] % shape[0], found % shape[1], np.asarray(net, dtype=np.float64)
