"""Corporate actions on lots: pure functions from lots to lots that keep value, days and basis.

What becomes of the units and the cash follows `domain.posting.action_outcome`, to the last decimal; here the lots share
it. Sources: 26 USC 358 and 26 CFR 1.358-2 (the basis goes over to what is received), Rev. Rul. 66-365 (cash in lieu of
a fraction is a sale of the fraction), 26 USC 301(c) (capital returned lowers the basis, the rest is gain).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Final, NamedTuple

from steelyard.domain.lot import Lot, take_lots
from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up, spread
from steelyard.domain.position import count_units
from steelyard.domain.posting import QUANTITY_PLACES, action_outcome
from steelyard.domain.transaction import ZERO, Transaction, TransactionKind
from steelyard.errors import InvalidInputError

ONE: Final = Decimal(1)


class NothingHeldError(InvalidInputError):
    """Money is paid on units that the account does not hold."""

    def __init__(self, transaction: Transaction) -> None:
        """Name the transaction, the asset and the account."""
        super().__init__(
            f"transaction {transaction.transaction_id} ({transaction.kind}) pays on {transaction.asset_id}, and "
            f"account {transaction.account_id} holds none: book what it held as an OPENING, or the money as a DIVIDEND."
        )


class Paid(NamedTuple):
    """Units, or only the basis of units that stay, that were paid in cash.

    Attributes:
        lot: what was given up, with its basis.
        cash: what was paid for it, 0 or above, in the currency of the action.
    """

    lot: Lot
    cash: Decimal


@dataclass(frozen=True, slots=True)
class ActionLots:
    """What a corporate action makes of lots.

    Attributes:
        lots: of the asset itself, as it goes on.
        others: of the asset it turns into, or that is spun off; the ids and days are those of the lots they come from.
        paid: what was paid in cash.
    """

    lots: tuple[Lot, ...] = ()
    others: tuple[Lot, ...] = ()
    paid: tuple[Paid, ...] = ()


class _Due(NamedTuple):
    """What one side of a position is due: units, how many of them stay, cash for all of it, cash for the fraction."""

    units: Decimal
    whole: Decimal
    cash: Decimal
    for_fraction: Decimal


def apply_action(
    action: Transaction, lots: Sequence[Lot], shorts: Sequence[Lot] = ()
) -> tuple[ActionLots, ActionLots]:
    """Return what a corporate action makes of the lots of a position, and of its short lots.

    Args:
        action: a split, spin-off, merger or symbol change, without fault.
        lots: in the order a sale would take them; the fraction that is paid in cash is taken so.
        shorts: likewise; what lots receive, short lots pay.

    Returns:
        Units and cash of the first less those of the second are `action_outcome` of the position. Cost and carried
        loss are shared among what there is afterwards; a lot too small for one unit of the last decimal is paid with 0.

    Raises:
        NothingHeldError: the action pays, and there are no lots.

    >>> from datetime import date
    >>> split = Transaction(transaction_id="S", kind=TransactionKind.SPLIT, trade_date=date(2024, 3, 14),
    ...                     account_id="A", currency="USD", asset_id="VTI", quantity=Decimal(2),
    ...                     counter_quantity=Decimal(3), price=Decimal(40))
    >>> made, _ = apply_action(split, [Lot("L1", "VTI", Decimal(5), Decimal(150), date(2020, 1, 2))])
    >>> [(str(lot.quantity), str(lot.cost)) for lot in made.lots]
    [('7.000000000000', '140.00000000')]
    >>> [(str(lot.quantity), str(lot.cost), str(cash)) for lot, cash in made.paid]
    [('0.500000000000', '10.00000000', '20.00000000')]
    """
    with localcontext(EXACT):
        long_units, short_units = count_units(lots), count_units(shorts)
        larger, smaller = _dues(action, long_units - short_units, min(long_units, short_units))
        due = (larger, smaller) if long_units >= short_units else (smaller, larger)
        if not lots and not shorts and (larger.cash or larger.for_fraction):
            raise NothingHeldError(action)
        return _act(action, lots, due[0]), _act(action, shorts, due[1])


def _dues(action: Transaction, held: Decimal, smaller: Decimal) -> tuple[_Due, _Due]:
    """Return what the larger side of a position is due, and the smaller; their difference is what `held` is due."""
    became, paid = (number.copy_abs() for number in action_outcome(action, held))
    units = _convert(action, held.copy_abs())
    is_merger = action.kind is TransactionKind.MERGER
    for_fraction = action.amount if is_merger else paid
    price = (action.price or ZERO) if is_merger else ZERO
    own = _Due(
        _convert(action, smaller),
        _convert(action, smaller),
        round_half_up(smaller * price, MONEY_PLACES),
        ZERO,
    )
    return _Due(own.units + units, own.units + became, own.cash + paid - for_fraction, for_fraction), own


def _convert(action: Transaction, units: Decimal) -> Decimal:
    if action.kind is TransactionKind.SYMBOL_CHANGE:
        return units
    return round_half_up(units * action.counter_quantity / action.quantity, QUANTITY_PLACES)


def _act(action: Transaction, lots: Sequence[Lot], due: _Due) -> ActionLots:
    return _ACT[action.kind](action, lots, due) if lots else ActionLots()


def _split(_: Transaction, lots: Sequence[Lot], due: _Due) -> ActionLots:
    made, paid = _settle(lots, due)
    return ActionLots(lots=made, paid=paid)


def _rename(action: Transaction, lots: Sequence[Lot], _: _Due) -> ActionLots:
    return ActionLots(others=_as_other(action, lots))


def _spin_off(action: Transaction, lots: Sequence[Lot], due: _Due) -> ActionLots:
    shared = [share_basis(lot, action.basis_fraction or ZERO) for lot in lots]
    made, paid = _settle(_as_other(action, [given for given, _ in shared]), due)
    return ActionLots(lots=tuple(kept for _, kept in shared), others=made, paid=paid)


def _merge(action: Transaction, lots: Sequence[Lot], due: _Due) -> ActionLots:
    fraction = (action.basis_fraction or ZERO) if action.price else ONE
    shared = [share_basis(lot, fraction) for lot in lots]
    made, paid = _settle(_as_other(action, [given for given, _ in shared]), due)
    in_cash = _pay([rest for _, rest in shared], due.cash) if action.price else ()
    return ActionLots(others=made, paid=(*in_cash, *paid))


_ACT: Final[dict[TransactionKind, Callable[[Transaction, Sequence[Lot], _Due], ActionLots]]] = {
    TransactionKind.SPLIT: _split,
    TransactionKind.SPIN_OFF: _spin_off,
    TransactionKind.MERGER: _merge,
    TransactionKind.SYMBOL_CHANGE: _rename,
}


def _as_other(action: Transaction, lots: Sequence[Lot]) -> tuple[Lot, ...]:
    return tuple(replace(lot, asset_id=action.counter_asset_id) for lot in lots)


def _settle(lots: Sequence[Lot], due: _Due) -> tuple[tuple[Lot, ...], tuple[Paid, ...]]:
    """Give lots the units they are due, and sell the fraction; what is paid without a fraction has no basis."""
    units = spread(due.units, [lot.quantity for lot in lots], QUANTITY_PLACES)
    sized = list(zip(lots, units, strict=True))
    match = take_lots(
        [replace(lot, quantity=number) for lot, number in sized if number], due.units - due.whole
    )
    for_fraction = _pay(match.taken or [share_basis(lot, ONE)[1] for lot in lots], due.for_fraction)
    too_small = tuple(Paid(lot, ZERO) for lot, number in sized if not number)
    paid = for_fraction if match.taken or due.for_fraction else ()
    return match.left, (*paid, *too_small)


def _pay(lots: Sequence[Lot], cash: Decimal) -> tuple[Paid, ...]:
    return tuple(map(Paid, lots, spread(cash, [lot.quantity for lot in lots])))


def share_basis(lot: Lot, fraction: Decimal) -> tuple[Lot, Lot]:
    """Return a lot twice: with this fraction of its costs and carried loss, 0 to 1, and with the rest.

    >>> from datetime import date
    >>> given, kept = share_basis(Lot("L1", "VTI", Decimal(5), Decimal(150), date(2020, 1, 2)), Decimal("0.2"))
    >>> str(given.cost), str(kept.cost)
    ('30.00000000', '120.00000000')
    """
    return lot.split_basis(fraction, ONE, (lot.quantity, lot.quantity))


class Returned(NamedTuple):
    """A lot after capital was returned, and what was given up where all of its basis was.

    Attributes:
        lot: with the basis that is left.
        used: the lot with the basis that the money used up; None where the money is not above the basis.
        cash: the lot's part of the money, in the currency tax is paid in.
        local_cash: the same in the currency it was paid in.
    """

    lot: Lot
    used: Lot | None
    cash: Decimal
    local_cash: Decimal


def return_capital(lots: Sequence[Lot], cash: Decimal, local_cash: Decimal) -> Iterator[Returned]:
    """Lower the basis of lots by the money they receive, shared by units; what is above a lot's basis is a gain.

    Args:
        lots: of one position.
        cash: what is returned in all, 0 or above, in the currency tax is paid in.
        local_cash: the same in the currency it is paid in.

    >>> from datetime import date
    >>> lot = Lot("L1", "VTI", Decimal(10), Decimal(30), date(2020, 1, 2), local_cost=Decimal(30))
    >>> [(str(one.lot.cost), one.used) for one in return_capital([lot], Decimal(20), Decimal(20))]
    [('10', None)]
    >>> [(str(one.lot.cost), str(one.used.cost), one.cash) for one in return_capital([lot], Decimal(45), Decimal(45))]
    [('0', '30', Decimal('45'))]
    """
    units = [lot.quantity for lot in lots]
    for lot, part, local in zip(lots, spread(cash, units), spread(local_cash, units), strict=True):
        yield _return(lot, part, local)


def _return(lot: Lot, cash: Decimal, local_cash: Decimal) -> Returned:
    with localcontext(EXACT):
        cost = min(cash, lot.cost)
        carried = min(cash - cost, lot.carried_loss)
        local = min(local_cash, lot.local_cost)
        left = replace(
            lot,
            cost=lot.cost - cost,
            carried_loss=lot.carried_loss - carried,
            local_cost=lot.local_cost - local,
        )
        is_above = cash > lot.basis
    used = replace(lot, cost=cost, carried_loss=carried, local_cost=local) if is_above else None
    return Returned(left, used, cash, local_cash)
