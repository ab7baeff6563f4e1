"""The bookings of one made account: costs on every trade, and cash that never goes below zero."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from steelyard.domain.money import round_half_up
from steelyard.errors import InvalidInputError

CENT_PLACES = 2
COST_RATE = Decimal("0.001")
COST_MINIMUM = Decimal(1)

Positions = defaultdict[str, Decimal]


class OverdrawnError(InvalidInputError):
    """A rule of the sample book would spend cash that the account does not have."""

    def __init__(self, account: str, currency: str, day: date, cash: Decimal) -> None:
        """Name the account, the currency and the day on which cash would fall to `cash`."""
        super().__init__(
            f"{account} would hold {cash} {currency} on {day}; give its model a larger cash weight."
        )


@dataclass(frozen=True, slots=True)
class Booking:
    """One ledger row. Amounts are positive, in `currency`; the kind says which way cash and quantity move.

    An FX sells `total` of `currency`, and buys `bought` of `bought_currency`; it has no quantity and no price.
    """

    day: date
    account: str
    asset: str
    kind: str
    quantity: Decimal | None
    price: Decimal | None
    currency: str
    total: Decimal
    costs: Decimal
    bought_currency: str = ""
    bought: Decimal | None = None


@dataclass(slots=True)
class Ledger:
    """The bookings of an account in order, and the positions they leave."""

    account: str
    bookings: list[Booking] = field(default_factory=list)
    positions: Positions = field(default_factory=lambda: defaultdict(Decimal))

    def move_cash(self, day: date, kind: str, currency: str, amount: Decimal) -> None:
        """Book a DEPOSIT into or a FEE out of the account, rounded to cents."""
        total = round_half_up(amount, CENT_PLACES)
        cash = Booking(day, self.account, currency, kind, total, Decimal(1), currency, total, Decimal(0))
        self._record(cash)

    def trade(self, day: date, asset: str, change: Decimal, price: Decimal, currency: str) -> None:
        """Book a BUY (`change` > 0) or a SELL (`change` < 0) at `price`, paid in `currency`."""
        kind, quantity = ("BUY" if change > 0 else "SELL"), abs(change)
        total = round_half_up(quantity * price, CENT_PLACES)
        self._record(
            Booking(day, self.account, asset, kind, quantity, price, currency, total, costs_of(total))
        )

    def exchange(self, day: date, currency: str, change: Decimal, rate: Decimal, base: str) -> None:
        """Book an FX that buys (`change` > 0) or sells (`change` < 0) a currency at `rate` of the base currency.

        Costs are in the base currency: part of the FX where it sells that one, else a FEE.
        """
        total = round_half_up(abs(change) * rate, CENT_PLACES)
        costs, none = costs_of(total), Decimal(0)
        if change > 0:
            self._record(
                Booking(day, self.account, base, "FX", None, None, base, total, costs, currency, change)
            )
        else:
            sold = Booking(
                day, self.account, currency, "FX", None, None, currency, -change, none, base, total
            )
            self._record(sold)
            self.move_cash(day, "FEE", base, costs)

    def _record(self, booking: Booking) -> None:
        apply_booking(self.positions, booking)
        cash = self.positions[booking.currency]
        if cash < 0:
            raise OverdrawnError(self.account, booking.currency, booking.day, cash)
        self.bookings.append(booking)


def apply_booking(positions: Positions, booking: Booking) -> None:
    """Add what a booking does to quantities and cash to `positions`; cash is the position in its currency.

    >>> held = defaultdict(Decimal, USD=Decimal(100))
    >>> two, thirty, sixty, one = map(Decimal, (2, 30, 60, 1))
    >>> booking = Booking(date(2020, 1, 2), "A", "KO", "BUY", two, thirty, "USD", sixty, one)
    >>> apply_booking(held, booking)
    >>> dict(held)
    {'USD': Decimal('39'), 'KO': Decimal('2')}
    """
    match booking.kind:
        case "DEPOSIT":
            positions[booking.currency] += booking.total
        case "FEE":
            positions[booking.currency] -= booking.total
        case "BUY":
            positions[booking.asset] += booking.quantity or 0
            positions[booking.currency] -= booking.total + booking.costs
        case "SELL":
            positions[booking.asset] -= booking.quantity or 0
            positions[booking.currency] += booking.total - booking.costs
        case "FX":
            positions[booking.currency] -= booking.total + booking.costs
            positions[booking.bought_currency] += booking.bought or 0


def positions_on(bookings: list[Booking], day: date) -> dict[str, Decimal]:
    """Return what the bookings up to and including `day` leave, without what is zero, by asset id."""
    positions: Positions = defaultdict(Decimal)
    for booking in bookings:
        if booking.day <= day:
            apply_booking(positions, booking)
    return {asset: quantity for asset, quantity in sorted(positions.items()) if quantity}


def costs_of(total: Decimal) -> Decimal:
    """Return the costs of a trade: 0.1 % of its amount, at least one unit of its currency.

    >>> costs_of(Decimal("2500.00")), costs_of(Decimal("80.00"))
    (Decimal('2.50'), Decimal('1.00'))
    """
    return round_half_up(max(COST_MINIMUM, total * COST_RATE), CENT_PLACES)
