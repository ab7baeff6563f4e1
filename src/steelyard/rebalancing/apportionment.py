"""Apportionment: what a block order was filled, shared out fairly over the orders that it stands for.

Units go in proportion to what was ordered, by largest remainder (Hamilton's method): nobody is a whole unit away from
their exact share. Of equal remainders a draw decides: SHA-256 of the block's key and the order's, the lowest first, so
that it can be checked afterwards and favours nobody over many blocks. Money goes in proportion to the units, the same
way, so that all pay the block's average price to the cent, and the cents add up to what the block cost.

Balinski and Young, Fair Representation (1982), name the price of it: more to share may cost somebody a unit, never
more than one. A block is therefore shared out as a whole, again when a fill comes late or is taken back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from hashlib import sha256

from steelyard.domain.amount import MAX_PLACES, read_amount
from steelyard.domain.money import EXACT, round_half_up, share_out
from steelyard.rebalancing.account import RangeError


@dataclass(frozen=True, slots=True)
class Share:
    """What of a block's fills is one order's.

    Attributes:
        quantity: units, above 0.
        amount: money paid or received for them, without fees.
        fees: of the block's fees.
    """

    quantity: Decimal
    amount: Decimal
    fees: Decimal


@dataclass(frozen=True, slots=True)
class Apportionment:
    """A block's fills, shared out.

    Attributes:
        shares: order → its share; who has no unit is not in it.
        average_price: of one unit, to 12 decimals, half up.
    """

    shares: Mapping[str, Share]
    average_price: Decimal


def apportion(
    ordered: Mapping[str, Decimal],
    *,
    filled: Decimal,
    amount: Decimal,
    fees: Decimal = Decimal(0),
    block: str,
    places: int,
) -> Apportionment:
    """Share out what a block was filled.

    Args:
        ordered: order → units it asks for, above 0.
        filled: units that the block was filled, above 0; more than was ordered is shared out, too.
        amount: money paid or received for them, 0 or above, without fees.
        fees: 0 or above.
        block: the block's key, for the draw between equals.
        places: decimals of the currency; what is finer as a sum stays as fine in its parts.

    Returns:
        Shares whose units, money and fees add up to `filled`, `amount` and `fees` exactly. A unit is the last decimal
        of what was ordered or filled, whichever is finer. In whatever order the orders come, the answer is the same.

    Raises:
        RangeError: an amount is out of range.
        AmountError: an amount is no exact number.

    70 of 100 are filled for 700.05: 35, 25.2 and 9.8 would be exact.

    >>> ordered = {"A": Decimal(50), "B": Decimal(36), "C": Decimal(14)}
    >>> found = apportion(ordered, filled=Decimal(70), amount=Decimal("700.05"), block="b", places=2)
    >>> for order, share in sorted(found.shares.items()):
    ...     print(order, share.quantity, share.amount)
    A 35 350.02
    B 25 250.02
    C 10 100.01
    >>> found.average_price
    Decimal('10.000714285714')
    """
    _check(ordered, {"filled": filled}, {"amount": amount, "fees": fees})
    drawn = sorted(ordered, key=lambda order: sha256(f"{block}\n{order}".encode()).digest())
    asked = [ordered[order] for order in drawn]
    units = _split(filled, asked, max(map(_places, asked)))
    having = [(order, quantity) for order, quantity in zip(drawn, units, strict=True) if quantity]
    held = [quantity for _, quantity in having]
    parts = zip(having, _split(amount, held, places), _split(fees, held, places), strict=True)
    shares = {order: Share(quantity, paid, fee) for (order, quantity), paid, fee in parts}
    with localcontext(EXACT):
        return Apportionment(shares, round_half_up(amount / filled, MAX_PLACES))


def _check(
    ordered: Mapping[str, Decimal], above_zero: Mapping[str, Decimal], others: Mapping[str, Decimal]
) -> None:
    if not ordered:
        raise RangeError("orders of the block", 0, "1 or above")
    for name, value in {
        **{f"quantity of {order}": ordered[order] for order in ordered},
        **above_zero,
    }.items():
        if read_amount(name, value) <= 0:
            raise RangeError(name, value, "above 0")
    for name, value in others.items():
        if read_amount(name, value) < 0:
            raise RangeError(name, value, "0 or above")


def _split(total: Decimal, weights: list[Decimal], places: int) -> list[Decimal]:
    """Split in proportion, to so many decimals, or as fine as the total is; of equal remainders the first has it."""
    fine, scale = max(places, _places(total)), max(map(_places, weights))
    whole = [_scaled(weight, scale) for weight in weights]
    shares = share_out(_scaled(total, fine), whole, sum(whole))
    return [Decimal(share).scaleb(-fine) for share in shares]


def _scaled(value: Decimal, places: int) -> int:
    return int(value.scaleb(places, context=EXACT))


def _places(value: Decimal) -> int:
    """Return how many decimals a number has, trailing zeros left out."""
    exponent = value.normalize(EXACT).as_tuple().exponent
    return max(0, -int(exponent))
