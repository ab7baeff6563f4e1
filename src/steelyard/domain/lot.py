"""Lots: what was bought together, at one cost and on one day, and which of them a sale takes.

A lot is split by a sale and its cost with it: what is sold and what is left hold together the quantity and the cost
there was, to the unit. Sources: 26 CFR 1.1012-1 (identification of shares sold, average basis), Rev. Rul. 66-7
(holding period), 26 USC 1091 and 1223(3) (what a wash sale carries over).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from typing import Final

from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up, spread
from steelyard.errors import InvalidInputError


class LotError(InvalidInputError):
    """A lot cannot be what it says."""

    def __init__(self, asset_id: str, lot_id: str, why: str) -> None:
        """Name the lot and the rule it breaks."""
        super().__init__(f"lot {lot_id!r} of {asset_id} {why}.")


class MixedLotsError(InvalidInputError):
    """Lots that are to be sold together are not of one position."""

    def __init__(self, first: "Lot", other: "Lot") -> None:
        """Name the two lots."""
        super().__init__(
            f"lot {other.lot_id!r} is of {other.asset_id} in account {other.account_id!r}, lot {first.lot_id!r} of "
            f"{first.asset_id} in account {first.account_id!r}: give the lots of one position at a time."
        )


class SaleExceedsLotsError(InvalidInputError):
    """More is sold than the lots hold."""

    def __init__(self, what: str, wanted: Decimal, held: Decimal) -> None:
        """Name the asset or lot, and both quantities."""
        super().__init__(f"{wanted} of {what} cannot be sold: the lots hold {held}.")


class UnknownLotError(InvalidInputError):
    """A lot is chosen that is not there."""

    def __init__(self, lot_id: str, known: Iterable[str]) -> None:
        """Name the lot that was chosen and the ones there are."""
        super().__init__(f"lot {lot_id!r} is chosen and not there: choose among {', '.join(sorted(known))}.")


class ChosenQuantityError(InvalidInputError):
    """The lots chosen do not make up the sale."""

    def __init__(self, wanted: Decimal, chosen: Decimal) -> None:
        """Name both quantities."""
        super().__init__(f"{wanted} are sold and {chosen} chosen: choose lots for the whole sale.")


class LotMethodError(InvalidInputError):
    """A method lacks what it chooses by."""

    def __init__(self, method: "LotMethod", needs: str) -> None:
        """Name the method and what it needs."""
        super().__init__(f"lot method {method.value!r} needs {needs}.")


class LotMethod(StrEnum):
    """Which lots a sale takes first. Where two come equal, the one bought earlier, then the lower lot id."""

    FIFO = "fifo"
    """The lot bought first."""

    LIFO = "lifo"
    """The lot bought last."""

    HIFO = "hifo"
    """The lot of the highest basis per unit; minimum tax where all gains have one rate."""

    MINIMUM_TAX = "minimum_tax"
    """The lot of the lowest tax per unit, term and rates considered."""

    SPECIFIC = "specific"
    """The lots that are named, in the order they are named."""

    AVERAGE = "average"
    """The lot bought first, every unit at the average basis of the position (26 CFR 1.1012-1(e))."""


@dataclass(frozen=True, slots=True)
class HoldingRule:
    """When a gain is long-term: held for more than `years`, counted from the day after it was bought.

    >>> HoldingRule(1).long_term_from(date(2024, 3, 14))
    datetime.date(2025, 3, 15)
    >>> HoldingRule(1).is_long_term(date(2024, 3, 14), sold=date(2025, 3, 14))
    False
    """

    years: int

    def long_term_from(self, held_since: date) -> date:
        """Return the first day on which a sale is long-term (Rev. Rul. 66-7); 29 February gives way to 1 March.

        >>> HoldingRule(1).long_term_from(date(2020, 2, 28)), HoldingRule(1).long_term_from(date(2019, 2, 28))
        (datetime.date(2021, 3, 1), datetime.date(2020, 3, 1))
        """
        first = held_since + timedelta(days=1)
        try:
            return first.replace(year=first.year + self.years)
        except ValueError:
            return date(first.year + self.years, 3, 1)

    def is_long_term(self, held_since: date, *, sold: date) -> bool:
        """Whether what is held since a day is sold long-term on another."""
        return sold >= self.long_term_from(held_since)


MORE_THAN_ONE_YEAR: Final = HoldingRule(years=1)
"""26 USC 1222: long-term is what was held for more than one year."""


@dataclass(frozen=True, slots=True)
class TaxRates:
    """Rates on realised gains, as fractions, and the rule that tells which applies. A loss saves at the same rate.

    >>> rates = TaxRates(Decimal("0.37"), Decimal("0.20"), MORE_THAN_ONE_YEAR)
    >>> rates.on(date(2024, 1, 2), sold=date(2024, 6, 3)), rates.on(date(2022, 1, 3), sold=date(2024, 6, 3))
    (Decimal('0.37'), Decimal('0.20'))
    """

    short_term: Decimal
    long_term: Decimal
    holding: HoldingRule

    def on(self, held_since: date, *, sold: date) -> Decimal:
        """Return the rate of a gain on what is held since a day."""
        return self.long_term if self.holding.is_long_term(held_since, sold=sold) else self.short_term


@dataclass(frozen=True, slots=True)
class Lot:
    """Part of a position with its own cost and day.

    Attributes:
        lot_id: unique within the position.
        asset_id: the asset.
        quantity: units, above 0; short positions have no lots here.
        cost: what was paid in all, fees included and corrections made, 0 or above; in the currency tax is paid in.
        acquired: the day it was bought.
        account_id: where it is held; empty where only one account is spoken of.
        carried_loss: loss of an earlier sale that a wash sale disallowed and carried into this lot, 0 or above. A
            lot that carries one is a replacement already and serves no other sale (26 CFR 1.1091-1(e)).
        carried_days: days the lots of that sale had been held, which count here as well.
        local_cost: the cost in the currency it was paid in, 0 or above.
        currency: that currency; empty where it is not known.

    Raises:
        LotError: a quantity, cost or carried amount is out of its range.

    >>> lot = Lot("L1", "VTI", Decimal(10), Decimal(2000), date(2024, 3, 14), carried_loss=Decimal(50), carried_days=3)
    >>> lot.basis, lot.held_since
    (Decimal('2050'), datetime.date(2024, 3, 11))
    """

    lot_id: str
    asset_id: str
    quantity: Decimal
    cost: Decimal
    acquired: date
    account_id: str = ""
    carried_loss: Decimal = Decimal(0)
    carried_days: int = 0
    local_cost: Decimal = Decimal(0)
    currency: str = ""

    def __post_init__(self) -> None:
        """Refuse what no lot can be."""
        for name in ("quantity", "cost", "carried_loss", "local_cost"):
            if not getattr(self, name).is_finite():
                raise LotError(self.asset_id, self.lot_id, f"has no finite {name}")
        if self.quantity <= 0:
            raise LotError(self.asset_id, self.lot_id, f"has quantity {self.quantity}, which must be above 0")
        if self.cost < 0 or self.carried_loss < 0 or self.carried_days < 0 or self.local_cost < 0:
            raise LotError(self.asset_id, self.lot_id, "has a cost, carried loss or carried days below 0")

    @property
    def basis(self) -> Decimal:
        """Cost and carried loss: what proceeds are compared with."""
        return EXACT.add(self.cost, self.carried_loss)

    @property
    def unit_basis(self) -> Fraction:
        """Basis of one unit, exact."""
        return Fraction(self.basis) / Fraction(self.quantity)

    @property
    def held_since(self) -> date:
        """Where the holding period starts."""
        return self.acquired - timedelta(days=self.carried_days)

    def split(self, quantity: Decimal) -> tuple["Lot", "Lot"]:
        """Return `quantity` of the lot and the rest; costs and carried loss of both sum to the lot's.

        Args:
            quantity: above 0 and below the lot's.

        >>> third, rest = Lot("L1", "VTI", Decimal(3), Decimal(100), date(2024, 3, 14)).split(Decimal(1))
        >>> third.cost, rest.cost
        (Decimal('33.33333333'), Decimal('66.66666667'))
        """
        return self.split_basis(quantity, self.quantity, (quantity, EXACT.subtract(self.quantity, quantity)))

    def split_basis(
        self, part: Decimal, whole: Decimal, quantities: tuple[Decimal, Decimal]
    ) -> tuple["Lot", "Lot"]:
        """Return two lots of these quantities, the first with `part` of `whole` of the costs, the other with the rest.

        >>> lot = Lot("L1", "VTI", Decimal(3), Decimal(100), date(2024, 3, 14))
        >>> [one.cost for one in lot.split_basis(Decimal(1), Decimal(4), (Decimal(3), Decimal(3)))]
        [Decimal('25.00000000'), Decimal('75.00000000')]
        """
        shares = [_share(amount, part, whole) for amount in (self.cost, self.carried_loss, self.local_cost)]
        first, other = zip(*shares, strict=True)
        return self._with(quantities[0], *first), self._with(quantities[1], *other)

    def _with(self, quantity: Decimal, cost: Decimal, carried_loss: Decimal, local_cost: Decimal) -> "Lot":
        """Do what `dataclasses.replace` does, in a third of the time."""
        return Lot(
            self.lot_id,
            self.asset_id,
            quantity,
            cost,
            self.acquired,
            self.account_id,
            carried_loss,
            self.carried_days,
            local_cost,
            self.currency,
        )


def _share(amount: Decimal, part: Decimal, whole: Decimal) -> tuple[Decimal, Decimal]:
    """Return `part` of `whole` of an amount, and the rest of it."""
    if not amount:
        return amount, amount
    share = round_half_up(EXACT.divide(EXACT.multiply(amount, part), whole), MONEY_PLACES)
    return share, EXACT.subtract(amount, share)


@dataclass(frozen=True, slots=True)
class LotMatch:
    """What a sale takes, in the order it takes it, and what it leaves."""

    taken: tuple[Lot, ...]
    left: tuple[Lot, ...]


@dataclass(frozen=True, slots=True)
class SaleTerms:
    """What `LotMethod.MINIMUM_TAX` chooses by: price of one unit, the day of the sale, and the rates."""

    price: Decimal
    sold: date
    rates: TaxRates

    def unit_tax(self, lot: Lot) -> Fraction:
        """Return the tax on the gain of one unit, exact; negative = what a loss saves."""
        rate = Fraction(self.rates.on(lot.held_since, sold=self.sold))
        return rate * (Fraction(self.price) - lot.unit_basis)


def match_lots(
    lots: Sequence[Lot],
    quantity: Decimal,
    method: LotMethod,
    *,
    terms: SaleTerms | None = None,
    chosen: Mapping[str, Decimal] | None = None,
) -> LotMatch:
    """Return which lots a sale takes and which it leaves.

    Args:
        lots: of one position, in any order.
        quantity: units sold, 0 or above.
        method: which go first.
        terms: price, day and rates; needed by the method minimum tax only.
        chosen: lot id → units; needed by the method specific only, and sums to `quantity`.

    Returns:
        Parts of lots. Quantity, cost and carried loss of both sides sum to those of `lots`; under the method average
        the same, at the average of the position.

    Raises:
        SaleExceedsLotsError: the lots, or a chosen one, hold less.
        UnknownLotError, ChosenQuantityError: `chosen` names a lot that is not there, or does not make up the sale.
        LotMethodError: the method lacks `terms` or `chosen`.
        MixedLotsError, LotError: the lots are not of one position, or two have one id; the quantity is below 0.

    >>> old = Lot("old", "VTI", Decimal(10), Decimal(1000), date(2020, 1, 2))
    >>> new = Lot("new", "VTI", Decimal(10), Decimal(2000), date(2024, 1, 2))
    >>> match = match_lots([old, new], Decimal(12), LotMethod.HIFO)
    >>> [(lot.lot_id, str(lot.quantity), str(lot.cost)) for lot in match.taken]
    [('new', '10', '2000'), ('old', '2', '200.00000000')]
    >>> [(lot.lot_id, str(lot.quantity), str(lot.cost)) for lot in match.left]
    [('old', '8', '800.00000000')]
    """
    ordered = order_lots(lots, method, terms=terms, chosen=chosen)
    if method is LotMethod.SPECIFIC:
        return _take_chosen(ordered, quantity, chosen or {})
    held = _total(lot.quantity for lot in ordered)
    if quantity < 0 or quantity > held:
        raise SaleExceedsLotsError(ordered[0].asset_id if ordered else "nothing", quantity, held)
    return take_lots(ordered, quantity)


def order_lots(
    lots: Sequence[Lot],
    method: LotMethod,
    *,
    terms: SaleTerms | None = None,
    chosen: Mapping[str, Decimal] | None = None,
) -> tuple[Lot, ...]:
    """Return lots in the order a sale takes them; raises as `match_lots` does. Average basis is spread already.

    >>> lots = [Lot("a", "VTI", Decimal(1), Decimal(9), date(2020, 1, 2)),
    ...         Lot("b", "VTI", Decimal(1), Decimal(5), date(2024, 1, 2))]
    >>> [lot.lot_id for lot in order_lots(lots, LotMethod.LIFO)]
    ['b', 'a']
    >>> [str(lot.cost) for lot in order_lots(lots, LotMethod.AVERAGE)]
    ['7.00000000', '7.00000000']
    """
    _check_one_position(lots)
    first = sorted(lots, key=lambda lot: (lot.acquired, lot.lot_id))
    if method is LotMethod.LIFO:
        return tuple(sorted(first, key=lambda lot: lot.acquired, reverse=True))
    if method is LotMethod.HIFO:
        return tuple(sorted(first, key=lambda lot: -lot.unit_basis))
    if method is LotMethod.MINIMUM_TAX:
        if terms is None:
            raise LotMethodError(method, "the price, the day of the sale and the rates")
        return tuple(sorted(first, key=terms.unit_tax))
    if method is LotMethod.SPECIFIC:
        return _in_chosen_order(first, chosen)
    return _at_average(first) if method is LotMethod.AVERAGE else tuple(first)


def take_lots(ordered: Sequence[Lot], quantity: Decimal) -> LotMatch:
    """Return the first `quantity` units of lots in order, and the rest; 0 takes nothing, too much takes all."""
    taken: list[Lot] = []
    for place, lot in enumerate(ordered):
        if quantity <= 0:
            return LotMatch(tuple(taken), tuple(ordered[place:]))
        if lot.quantity > quantity:
            part, rest = lot.split(quantity)
            return LotMatch((*taken, part), (rest, *ordered[place + 1 :]))
        taken.append(lot)
        quantity = EXACT.subtract(quantity, lot.quantity)
    return LotMatch(tuple(taken), ())


def _check_one_position(lots: Sequence[Lot]) -> None:
    seen: set[str] = set()
    for lot in lots:
        if (lot.asset_id, lot.account_id) != (lots[0].asset_id, lots[0].account_id):
            raise MixedLotsError(lots[0], lot)
        if lot.lot_id in seen:
            raise LotError(lot.asset_id, lot.lot_id, "stands twice among the lots")
        seen.add(lot.lot_id)


def _in_chosen_order(lots: Sequence[Lot], chosen: Mapping[str, Decimal] | None) -> tuple[Lot, ...]:
    if chosen is None:
        raise LotMethodError(LotMethod.SPECIFIC, "the lots that are chosen, with their quantities")
    known = {lot.lot_id: lot for lot in lots}
    for lot_id in chosen:
        if lot_id not in known:
            raise UnknownLotError(lot_id, known)
    named = [known[lot_id] for lot_id in chosen]
    return (*named, *(lot for lot in lots if lot.lot_id not in chosen))


def _take_chosen(ordered: Sequence[Lot], quantity: Decimal, chosen: Mapping[str, Decimal]) -> LotMatch:
    if (total := _total(chosen.values())) != quantity:
        raise ChosenQuantityError(quantity, total)
    taken: list[Lot] = []
    left: list[Lot] = []
    for lot in ordered:
        wanted = chosen.get(lot.lot_id, Decimal(0))
        if wanted < 0 or wanted > lot.quantity:
            raise SaleExceedsLotsError(f"lot {lot.lot_id!r} of {lot.asset_id}", wanted, lot.quantity)
        match = take_lots([lot], wanted)
        taken += match.taken
        left += match.left
    return LotMatch(tuple(taken), tuple(left))


def _at_average(lots: Sequence[Lot]) -> tuple[Lot, ...]:
    """Spread costs and carried loss evenly over the units."""
    units = [lot.quantity for lot in lots]
    costs = spread(_total(lot.cost for lot in lots), units)
    carried = spread(_total(lot.carried_loss for lot in lots), units)
    local = spread(_total(lot.local_cost for lot in lots), units)
    return tuple(
        replace(lot, cost=cost, carried_loss=loss, local_cost=local_cost)
        for lot, cost, loss, local_cost in zip(lots, costs, carried, local, strict=True)
    )


def _total(amounts: Iterable[Decimal]) -> Decimal:
    with localcontext(EXACT):
        return sum(amounts, Decimal(0))
