"""Cells of tables: numbers as people read them, and bars made of block characters."""

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from steelyard.domain.money import round_half_up
from steelyard.domain.short_key import SHORTEST

UNKNOWN: Final = "–"
"""Stands where a figure is not known; never 0."""

WIDEST_BAR: Final = 40
_NARROWEST_BAR: Final = 4
_READABLE: Final = 24  # a text column this wide seldom folds
_GAP: Final = 3
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"


def money(amount: Decimal | float | None) -> str:
    """Return an amount with thousands separators and two decimals.

    >>> money(Decimal("1234567.891")), money(None)
    ('1,234,567.89', '–')
    """
    return UNKNOWN if amount is None else f"{round_half_up(_exact(amount), 2):,}"


def quantity(units: Decimal | None) -> str:
    """Return a quantity with thousands separators and no zeros after its last decimal.

    >>> quantity(Decimal("12500.500000000000")), quantity(Decimal("3000.000000000000"))
    ('12,500.5', '3,000')
    """
    if units is None:
        return UNKNOWN
    text = f"{units:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(fraction: Decimal | float | None) -> str:
    """Return a fraction in percent with two decimals.

    >>> percent(0.01235), percent(-0.5), percent(None)
    ('1.24 %', '-50.00 %', '–')
    """
    return UNKNOWN if fraction is None else percentage(100 * _exact(fraction))


def percentage(figure: Decimal | float | None) -> str:
    """Return a figure that is in percent already.

    >>> percentage(Decimal("41.5"))
    '41.50 %'
    """
    return UNKNOWN if figure is None else f"{round_half_up(_exact(figure), 2):,} %"


def change(figure: Decimal | float | None) -> Text:
    """Return a figure in percent with its sign and an arrow, so that colour adds nothing but comfort.

    >>> change(1.5).plain, change(-2).plain, change(0).plain
    ('▲ +1.50 %', '▼ -2.00 %', '0.00 %')
    """
    if figure is None or not round_half_up(_exact(figure), 2):
        return Text(percentage(figure))
    rises = figure > 0
    return Text(f"{'▲ +' if rises else '▼ '}{percentage(figure)}", "green" if rises else "red")


def change_of(fraction: float | None) -> Text:
    """Return a fraction as `change` does.

    >>> change_of(-0.1234).plain
    '▼ -12.34 %'
    """
    return change(None if fraction is None else 100 * _exact(fraction))


def ratio(figure: float | None) -> str:
    """Return a figure without a unit, two decimals.

    >>> ratio(-0.005), ratio(1.0)
    ('-0.01', '1.00')
    """
    return UNKNOWN if figure is None else f"{round_half_up(_exact(figure), 2):,}"


def day(when: date | None) -> str:
    """Return a day as YYYY-MM-DD."""
    return UNKNOWN if when is None else when.isoformat()


def short_keys(keys: Collection[UUID]) -> dict[UUID, str]:
    """Return what a list shows of each key: how it begins, or all of it where two of the list begin alike.

    >>> list(short_keys([UUID(int=2**127), UUID(int=7)]).values())
    ['80000000', '00000000']
    """
    shown = {key: f"{key}"[:SHORTEST] for key in keys}
    return shown if len(set(shown.values())) == len(shown) else {key: f"{key}" for key in keys}


def _exact(figure: Decimal | float) -> Decimal:
    """Take a float at its shortest decimal, which is what people would read."""
    return figure if isinstance(figure, Decimal) else Decimal(repr(figure))


class Bar:
    """A length between nothing and the whole column, drawn in eighths of a character.

    >>> Bar(0.5).drawn(5), Bar(0.001).drawn(5), Bar(0.0).drawn(5)
    ('██▌', '▏', '')
    """

    def __init__(self, length: float, style: str = "cyan") -> None:
        """Take the length as a fraction of the column."""
        self._length = min(max(length, 0.0), 1.0)
        self._style = Style.parse(style)

    def drawn(self, width: int) -> str:
        """Return the characters of a bar in a column of `width`; what is above nothing is seen."""
        eighths = round(self._length * width * 8)
        full, rest = divmod(max(eighths, 1) if self._length > 0 else 0, 8)
        return "█" * full + _EIGHTHS[rest].strip()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the bar."""
        del console
        yield Segment(self.drawn(min(options.max_width, WIDEST_BAR)), self._style)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """Ask for as much room as there is, within reason."""
        del console
        return Measurement(_NARROWEST_BAR, max(_NARROWEST_BAR, min(options.max_width, WIDEST_BAR)))


def bars(lengths: Sequence[float]) -> list[Bar]:
    """Return a bar for each length, the longest filling its column.

    >>> [bar.drawn(4) for bar in bars([50.0, 25.0, -1.0])]
    ['████', '██', '']
    """
    longest = max(lengths, default=0.0)
    return [Bar(length / longest if longest > 0 else 0.0) for length in lengths]


class Listing:
    """A table that leaves out its optional columns, the last first, where the terminal has no room for them.

    How a heading starts says what its column is. `?`: optional; then `>`: numbers, right-aligned and never
    broken; `!`: words never broken, such as days; `=`: bars, taking the room that is left; anything else is text.
    """

    def __init__(self, *headings: str) -> None:
        """Take the headings."""
        self._headings = headings
        self._rows: list[tuple[RenderableType, ...]] = []

    def add_row(self, *cells: RenderableType) -> None:
        """Add a row with a cell for each heading."""
        if len(cells) != len(self._headings):
            raise ValueError(f"{len(cells)} cells for {len(self._headings)} columns")
        self._rows.append(cells)

    def __bool__(self) -> bool:
        """Whether there is a row."""
        return bool(self._rows)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the columns that fit."""
        del console
        kept = list(range(len(self._headings)))
        optional = [place for place in kept if self._headings[place].startswith("?")]
        while optional and self._room(kept) > options.max_width:
            kept.remove(optional.pop())
        yield self._drawn(kept)

    def _room(self, places: Sequence[int]) -> int:
        """Return the width at which the columns read well: numbers whole, text hardly folded."""
        widths = [self._widest(place) for place in places]
        texts = [self._heading(place)[:1] not in {">", "!", "="} for place in places]
        readable = [
            min(width, _READABLE) if text else width for width, text in zip(widths, texts, strict=True)
        ]
        return sum(readable) + _GAP * (len(places) - 1)

    def _heading(self, place: int) -> str:
        return self._headings[place].removeprefix("?")

    def _widest(self, place: int) -> int:
        name = self._heading(place).lstrip(">!=")
        cells = [row[place] for row in self._rows]
        return max(
            _NARROWEST_BAR if isinstance(cell, Bar) else cell_len(str(cell)) for cell in (name, *cells)
        )

    def _drawn(self, places: Sequence[int]) -> Table:
        made = Table(
            box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold", border_style="dim"
        )
        for place in places:
            self._add_column(made, place)
        for row in self._rows:
            made.add_row(*(row[place] for place in places))
        return made

    def _add_column(self, made: Table, place: int) -> None:
        heading = self._heading(place)
        name = heading.lstrip(">!=")
        if heading.startswith("="):
            made.expand = True
            made.add_column(name, ratio=1, no_wrap=True)
        elif heading.startswith(">"):
            made.add_column(name, justify="right", no_wrap=True, min_width=self._widest(place))
        elif heading.startswith("!"):
            made.add_column(name, no_wrap=True, min_width=self._widest(place))
        else:
            made.add_column(name, overflow="fold")


def facts(pairs: Sequence[tuple[str, RenderableType]]) -> Table:
    """Return names and what they are, side by side."""
    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(name, value)
    return made


def title(text: str) -> Text:
    """Return the first line of a screen."""
    return Text(text, "bold")


def note(text: str) -> Text:
    """Return a line that explains."""
    return Text(text, "dim")
