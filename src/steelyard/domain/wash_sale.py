"""Wash sales: a loss does not count where the same was bought within days of it; the new lot carries it instead.

Sources: 26 USC 1091, 26 CFR 1.1091-1 and 1.1091-2, 26 USC 1223(3). Losses are matched in the order they were made,
purchases in the order of theirs, unit by unit; a purchase replaces once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, localcontext
from itertools import groupby

from steelyard.domain.lot import Lot, SaleExceedsLotsError, take_lots
from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up

Groups = Sequence[Collection[str]]
"""Groups of assets that are substantially identical."""


@dataclass(frozen=True, slots=True)
class Sale:
    """The sale of a lot, or of part of one.

    Attributes:
        lot: what was sold, with its basis.
        sold: the day.
        proceeds: what it brought in all, fees deducted.

    >>> Sale(Lot("L1", "VTI", Decimal(10), Decimal(2000), date(2024, 3, 14)), date(2024, 6, 3), Decimal(1900)).gain
    Decimal('-100')
    """

    lot: Lot
    sold: date
    proceeds: Decimal

    @property
    def gain(self) -> Decimal:
        """Proceeds less basis; negative = loss."""
        with localcontext(EXACT):
            return self.proceeds - self.lot.basis


@dataclass(frozen=True, slots=True)
class WashSale:
    """Units sold at a loss, and the lot that replaces them.

    Attributes:
        sale: the sale.
        replacement: the units bought, as they are afterwards: with the loss and the days they carry.
        disallowed: the loss that does not count, above 0.
    """

    sale: Sale
    replacement: Lot
    disallowed: Decimal


@dataclass(frozen=True, slots=True)
class WashSales:
    """What became of sales and purchases.

    Attributes:
        sales: the sales in order, each with the basis it had then. One whose lot carried a loss for part of its units
            only stands as two.
        washed: the wash sales, in the order they were matched.
        lots: what is left of the lots bought. One that replaces in part is split; the parts after the first are named
            `id~2`, `id~3` …
    """

    sales: tuple[Sale, ...]
    washed: tuple[WashSale, ...]
    lots: tuple[Lot, ...]

    @property
    def disallowed(self) -> Decimal:
        """All losses that do not count, 0 or above."""
        with localcontext(EXACT):
            return sum((wash.disallowed for wash in self.washed), Decimal(0))

    @property
    def gain(self) -> Decimal:
        """All gains less the losses that count; negative = loss."""
        with localcontext(EXACT):
            return sum((sale.gain for sale in self.sales), self.disallowed)


def match_wash_sales(
    sales: Iterable[Sale], bought: Iterable[Lot], *, days: int, identical: Groups = ()
) -> WashSales:
    """Return which losses are disallowed, and the lots that carry them.

    Args:
        sales: in any order, of every taxable account of one taxpayer.
        bought: the lots acquired, as they were then, in every account; a sale of one names it by account, asset and
            lot id, and from then on it replaces nothing. A lot that carries a loss already replaces nothing either.
        days: before and after the sale, both ends included; 30 in the US.
        identical: groups of assets that count as one.

    Raises:
        SaleExceedsLotsError: more of a lot is sold than was bought.

    What is left of a lot does not replace what is sold of it (Rev. Rul. 56-602). A lot in an account that is not taxed
    may replace as well; what it carries is then lost (Rev. Rul. 2008-5).

    >>> old = Lot("old", "VTI", Decimal(100), Decimal(1000), date(2020, 1, 2))
    >>> new = Lot("new", "VTI", Decimal(60), Decimal(480), date(2024, 5, 13))
    >>> answer = match_wash_sales([Sale(old, date(2024, 5, 2), Decimal(750))], [new], days=30)
    >>> answer.disallowed, answer.gain, answer.lots[0].basis, answer.lots[0].held_since
    (Decimal('150.00000000'), Decimal('-100.00000000'), Decimal('630.00000000'), datetime.date(2020, 1, 13))
    """
    book = _Book(bought, days, identical)
    in_order = sorted(sales, key=lambda sale: (sale.sold, sale.lot.acquired, sale.lot.lot_id))
    for _, of_the_day in groupby(in_order, key=lambda sale: sale.sold):
        parts = [part for sale in of_the_day for part in book.sell(sale)]
        for part in parts:
            book.wash(part)
    return WashSales(tuple(book.sold), tuple(book.washed), tuple(book.named()))


def identical_assets(asset_id: str, groups: Groups) -> frozenset[str]:
    """Return the assets that count as `asset_id`, itself among them.

    >>> sorted(identical_assets("IVV", [{"IVV", "VOO", "SPY"}, {"BND", "AGG"}]))
    ['IVV', 'SPY', 'VOO']
    """
    return frozenset({asset_id}).union(*(group for group in groups if asset_id in group))


def is_within(days: int, one: date, other: date) -> bool:
    """Whether two days are at most `days` apart."""
    return abs((one - other).days) <= days


class _Book:
    """Lots as sales and wash sales change them; each lot is kept as its parts, those that carry a loss first."""

    def __init__(self, bought: Iterable[Lot], days: int, identical: Groups) -> None:
        self.sold: list[Sale] = []
        self.washed: list[WashSale] = []
        self._parts: dict[tuple[str, str, str], list[Lot]] = defaultdict(list)
        for lot in sorted(bought, key=lambda lot: (lot.acquired, lot.lot_id)):
            self._parts[_key(lot)].append(lot)
        self._days = days
        self._identical = identical

    def sell(self, sale: Sale) -> list[Sale]:
        """Take the units sold off their lot, and give the sale the basis they had."""
        parts = self._parts.get(_key(sale.lot))
        if parts is None:
            taken: Sequence[Lot] = (sale.lot,)
        else:
            with localcontext(EXACT):
                held = sum((part.quantity for part in parts), Decimal(0))
            if sale.lot.quantity > held:
                raise SaleExceedsLotsError(
                    f"lot {sale.lot.lot_id!r} of {sale.lot.asset_id}", sale.lot.quantity, held
                )
            match = take_lots(parts, sale.lot.quantity)
            taken, parts[:] = match.taken, match.left
        self.sold += (split := list(_split(sale, taken)))
        return split

    def wash(self, sale: Sale) -> None:
        """Match a loss with what was bought within the window, unit by unit."""
        loss, units = sale.gain.copy_negate(), sale.lot.quantity
        for key, place in self._replacements(sale):
            if loss <= 0:
                return
            lot = self._parts[key][place]
            matched = min(units, lot.quantity)
            with localcontext(EXACT):
                disallowed = loss if matched == units else round_half_up(loss * matched / units, MONEY_PLACES)
                loss, units = loss - disallowed, units - matched
            self._carry(key, place, matched, disallowed, sale)

    def named(self) -> Iterator[Lot]:
        """Give what is left of every lot, each part with an id of its own."""
        for parts in self._parts.values():
            for number, part in enumerate(parts, start=1):
                yield part if number == 1 else replace(part, lot_id=f"{part.lot_id}~{number}")

    def _replacements(self, sale: Sale) -> list[tuple[tuple[str, str, str], int]]:
        same = identical_assets(sale.lot.asset_id, self._identical)
        found = [
            (part.acquired, key, place)
            for key, parts in self._parts.items()
            for place, part in enumerate(parts)
            if key != _key(sale.lot)
            and part.asset_id in same
            and not part.carried_loss
            and is_within(self._days, part.acquired, sale.sold)
        ]
        return [(key, place) for _, key, place in sorted(found)]

    def _carry(
        self, key: tuple[str, str, str], place: int, units: Decimal, disallowed: Decimal, sale: Sale
    ) -> None:
        parts = self._parts[key]
        match = take_lots([parts[place]], units)
        days = (sale.sold - sale.lot.held_since).days
        carrier = replace(match.taken[0], carried_loss=disallowed, carried_days=days)
        parts[place : place + 1] = [carrier, *match.left]
        self.washed.append(WashSale(sale, carrier, disallowed))


def _key(lot: Lot) -> tuple[str, str, str]:
    return lot.account_id, lot.asset_id, lot.lot_id


def _split(sale: Sale, lots: Sequence[Lot]) -> Iterator[Sale]:
    """Share the proceeds of a sale among the parts of its lot; the last takes the rest."""
    proceeds, units = sale.proceeds, sale.lot.quantity
    for lot in lots:
        with localcontext(EXACT):
            last = lot.quantity == units
            share = proceeds if last else round_half_up(proceeds * lot.quantity / units, MONEY_PLACES)
            proceeds, units = proceeds - share, units - lot.quantity
        yield Sale(lot, sale.sold, share)
