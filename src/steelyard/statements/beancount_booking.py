"""One beancount transaction as records: part by part, each of the legs that weigh in one commodity.

What goes between accounts comes first; what is left of units is a trade, and what is left of cash comes from outside.
"""

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal, localcontext

from steelyard.domain.money import EXACT
from steelyard.statements.beancount_flows import Flows, Trades
from steelyard.statements.beancount_legs import Leg, LegError, Pockets
from steelyard.statements.beancount_part import Entry, Part, Writer
from steelyard.statements.record import Hint, Record


def book(
    entry: Entry, pockets: Pockets, hints: Mapping[str, Hint], held: Mapping[tuple[str, str], Decimal]
) -> list[Record]:
    """Return the records of a transaction; none where nothing moves in or between accounts.

    Args:
        entry: the transaction.
        pockets: whose the accounts are.
        hints: what assets are called, by symbol.
        held: units before it, by account and asset.

    Raises:
        LegError: it cannot be expressed.
    """
    writer = Writer(entry, hints)
    parts: dict[str, list[Leg]] = defaultdict(list)
    for leg in entry.legs:
        parts[leg.weighs_in].append(leg)
    with localcontext(EXACT):
        for weighs_in, legs in parts.items():
            part = Part(writer, weighs_in, legs, pockets=pockets, held=held)
            if pockets.is_cash(weighs_in):
                _book_money(part)
            else:
                part.book_units()
    return writer.records


def _book_money(part: Part) -> None:
    """Book trades, exchanges of money, and what comes from or goes outside."""
    units = part.traded_units()
    part.exchange(keeps_rounding=not units)
    homes = sorted({account for account, _ in units})
    if len(homes) > 1:
        raise LegError(f"trades in more than one account: {', '.join(homes)}")
    if homes:
        Trades(part, homes[0], [leg for legs in units.values() for leg in legs]).book()
        return
    left = part.transfer(part.cash)
    if len(left) == 1:
        ((account, net),) = left.items()
        Flows(part, account).book(net)
        return
    for account, net in left.items():
        part.outside_cash(account, net)
