"""One beancount transaction as records: part by part, each of the legs that weigh in one commodity.

What goes between accounts comes first; what is left of units is a trade, and what is left of cash comes from outside.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, localcontext

from steelyard.domain.money import CURRENCIES, EXACT
from steelyard.domain.transaction import ZERO
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
    for leg in without_trading_accounts(entry.legs):
        parts[leg.weighs_in].append(leg)
    with localcontext(EXACT):
        for weighs_in, legs in parts.items():
            part = Part(writer, weighs_in, legs, pockets=pockets, held=held)
            if pockets.is_cash(weighs_in):
                _book_money(part)
            else:
                part.book_units()
    return writer.records


def without_trading_accounts(legs: Sequence[Leg]) -> list[Leg]:
    """Return the legs with a price in the place of an equity account that takes the one and gives the other.

    That is how a trade looks in a ledger where each commodity sums to zero by itself.

    >>> legs = [Leg("Assets:B", Decimal(2), "VTI"), Leg("Equity:Market", Decimal(-2), "VTI"),
    ...         Leg("Assets:B", Decimal(-500), "USD"), Leg("Equity:Market", Decimal(500), "USD")]
    >>> [(leg.commodity, str(leg.number), str(leg.price)) for leg in without_trading_accounts(legs)]
    [('VTI', '2', '250'), ('USD', '-500', 'None')]
    """
    equity: dict[str, list[Leg]] = defaultdict(list)
    for leg in (leg for leg in legs if leg.account.startswith("Equity:")):
        equity[leg.account].append(leg)
    kept = list(legs)
    for account, sides in equity.items():
        kept = _priced(kept, account, *sides) if _is_trade(sides) else kept
    return kept


def _is_trade(sides: Sequence[Leg]) -> bool:
    if len(sides) != len(("taken", "given")) or any(leg.weighs_in != leg.commodity for leg in sides):
        return False
    return sides[0].commodity != sides[1].commodity and sides[0].number * sides[1].number < 0


def _priced(legs: Sequence[Leg], account: str, one: Leg, other: Leg) -> list[Leg]:
    """Price what is ours of the first commodity that is no money, or of the first, in the other."""
    units, money = (other, one) if one.commodity in CURRENCIES else (one, other)
    ours = [leg for leg in legs if leg.is_own and leg.commodity == units.commodity]
    if sum((leg.number for leg in ours), ZERO) != -units.number or any(
        leg.weighs_in != leg.commodity for leg in ours
    ):
        return list(legs)
    price = EXACT.divide(abs(money.number), abs(units.number))
    return [
        replace(leg, price=price, price_currency=money.commodity) if leg in ours else leg
        for leg in legs
        if leg.account != account
    ]


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
