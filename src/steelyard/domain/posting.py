"""Postings: what a transaction moves, from where to where, so that each asset and each currency sums to zero.

The function `steelyard.post_transactions` of the store does the same to whole tables; a test compares the two.
Source of the form: double entry with one trading place per asset and currency (Peter Selinger, "Tutorial on multiple
currency accounting", 2005).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal, localcontext
from enum import StrEnum
from typing import Final, NamedTuple

from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up
from steelyard.domain.transaction import ZERO, Transaction, TransactionKind

QUANTITY_PLACES: Final = 12


class Place(StrEnum):
    """Where units and money are, or come from."""

    HELD = "held"
    """In the account: positions and cash."""
    MARKET = "market"
    """The other side of trades."""
    OUTSIDE = "outside"
    """Deposits, withdrawals and what comes or goes in kind."""
    INCOME = "income"
    """Dividends and interest; interest paid counts against it."""
    FEES = "fees"
    TAXES = "taxes"
    ISSUER = "issuer"
    """The other side of corporate actions and of capital returned."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One line of an entry.

    Attributes:
        account_id: whose entry it is.
        place: where the quantity is added.
        commodity: an asset id; where `is_cash`, a currency.
        quantity: added to the place; negative = taken from it. Never 0.
        is_cash: whether the commodity is money.
    """

    account_id: str
    place: Place
    commodity: str
    quantity: Decimal
    is_cash: bool = field(kw_only=True)


class Rule(NamedTuple):
    """How a kind moves units and money.

    Attributes:
        units: +1 in, −1 out, 0 none.
        units_from: the place on the other side of the units.
        cash: +1 in, −1 out, 0 none; costs always go out.
        cash_from: the place on the other side of the cash.
    """

    units: int
    units_from: Place
    cash: int
    cash_from: Place


_IN_TRADE: Final = Rule(1, Place.MARKET, -1, Place.MARKET)
_OUT_TRADE: Final = Rule(-1, Place.MARKET, 1, Place.MARKET)

RULES: Final = {
    TransactionKind.BUY: _IN_TRADE,
    TransactionKind.SELL: _OUT_TRADE,
    TransactionKind.SHORT: _OUT_TRADE,
    TransactionKind.COVER: _IN_TRADE,
    TransactionKind.REDEMPTION: _OUT_TRADE,
    TransactionKind.DIVIDEND: Rule(0, Place.MARKET, 1, Place.INCOME),
    TransactionKind.INTEREST: Rule(0, Place.MARKET, 1, Place.INCOME),
    TransactionKind.INTEREST_PAID: Rule(0, Place.MARKET, -1, Place.INCOME),
    TransactionKind.FEE: Rule(0, Place.MARKET, -1, Place.FEES),
    TransactionKind.FEE_REFUND: Rule(0, Place.MARKET, 1, Place.FEES),
    TransactionKind.TAX: Rule(0, Place.MARKET, -1, Place.TAXES),
    TransactionKind.TAX_REFUND: Rule(0, Place.MARKET, 1, Place.TAXES),
    TransactionKind.DEPOSIT: Rule(0, Place.MARKET, 1, Place.OUTSIDE),
    TransactionKind.WITHDRAWAL: Rule(0, Place.MARKET, -1, Place.OUTSIDE),
    TransactionKind.RETURN_OF_CAPITAL: Rule(0, Place.MARKET, 1, Place.ISSUER),
    TransactionKind.OPENING: Rule(1, Place.OUTSIDE, 0, Place.OUTSIDE),
    TransactionKind.RECEIVE: Rule(1, Place.OUTSIDE, 0, Place.OUTSIDE),
    TransactionKind.DELIVER: Rule(-1, Place.OUTSIDE, 0, Place.OUTSIDE),
}
"""The kinds whose movements follow from the row alone, between one account and one place."""


def postings_of(transaction: Transaction, *, held: Decimal = ZERO) -> tuple[Posting, ...]:
    """Return what a transaction moves; per commodity the quantities sum to 0.

    Args:
        transaction: without fault (`find_fault`), and of one account.
        held: units of its asset in the account at the open of its day; negative = short. Corporate actions need it.

    >>> from datetime import date
    >>> buy = Transaction(transaction_id="T1", kind=TransactionKind.BUY, trade_date=date(2024, 3, 14),
    ...                   account_id="A", currency="USD", asset_id="VTI", quantity=Decimal(10),
    ...                   amount=Decimal(2500), costs=Decimal(1))
    >>> [(p.place.value, p.commodity, int(p.quantity)) for p in postings_of(buy)]  # doctest: +NORMALIZE_WHITESPACE
    [('held', 'VTI', 10), ('market', 'VTI', -10),
     ('held', 'USD', -2501), ('market', 'USD', 2500), ('fees', 'USD', 1)]
    """
    with localcontext(EXACT):
        return tuple([posting for posting in _lines(transaction, held) if posting.quantity])


def _lines(one: Transaction, held: Decimal) -> Iterable[Posting]:
    if rule := RULES.get(one.kind):
        return _by_rule(one, rule)
    if one.kind is TransactionKind.TRANSFER:
        return _transfer(one)
    if one.kind is TransactionKind.FX:
        return _exchange(one)
    if one.kind is TransactionKind.DIVIDEND_REINVESTED:
        return _reinvestment(one)
    return _action(one, held)


def _by_rule(one: Transaction, rule: Rule) -> list[Posting]:
    cash = rule.cash
    if one.kind is TransactionKind.OPENING and not one.asset_id:
        cash = 1
    money = _money(one, cash * one.amount, rule.cash_from)
    if rule.units and one.asset_id:
        return [*_between(one, one.asset_id, rule.units * one.quantity, rule.units_from), *money]
    return money


def _money(one: Transaction, amount: Decimal, other: Place) -> list[Posting]:
    """Move an amount in from a place, and the costs out."""
    lines = [
        Posting(one.account_id, Place.HELD, one.currency, amount - one.costs, is_cash=True),
        Posting(one.account_id, other, one.currency, -amount, is_cash=True),
    ]
    if fees := one.fees:  # most have none: asked here, it saves two lines of 0 an entry
        lines.append(Posting(one.account_id, Place.FEES, one.currency, fees, is_cash=True))
    if one.tax:
        lines.append(Posting(one.account_id, Place.TAXES, one.currency, one.tax, is_cash=True))
    return lines


def _between(one: Transaction, asset_id: str, quantity: Decimal, other: Place) -> tuple[Posting, Posting]:
    return (
        Posting(one.account_id, Place.HELD, asset_id, quantity, is_cash=False),
        Posting(one.account_id, other, asset_id, -quantity, is_cash=False),
    )


def _transfer(one: Transaction) -> Iterator[Posting]:
    commodity, moved = (one.asset_id, one.quantity) if one.asset_id else (one.currency, one.amount)
    is_cash = not one.asset_id
    yield Posting(one.account_id, Place.HELD, commodity, -moved, is_cash=is_cash)
    yield Posting(one.counter_account_id, Place.HELD, commodity, moved, is_cash=is_cash)
    yield from _money(one, ZERO, Place.OUTSIDE)


def _exchange(one: Transaction) -> Iterator[Posting]:
    yield from _money(one, -one.amount, Place.MARKET)
    yield Posting(one.account_id, Place.HELD, one.counter_currency, one.counter_amount, is_cash=True)
    yield Posting(one.account_id, Place.MARKET, one.counter_currency, -one.counter_amount, is_cash=True)


def _reinvestment(one: Transaction) -> Iterator[Posting]:
    """Pay a dividend and buy with all that is left of it."""
    yield from _between(one, one.asset_id, one.quantity, Place.MARKET)
    yield Posting(one.account_id, Place.INCOME, one.currency, -one.amount, is_cash=True)
    yield Posting(one.account_id, Place.MARKET, one.currency, one.amount - one.costs, is_cash=True)
    yield Posting(one.account_id, Place.FEES, one.currency, one.fees, is_cash=True)
    yield Posting(one.account_id, Place.TAXES, one.currency, one.tax, is_cash=True)


def _action(one: Transaction, held: Decimal) -> Iterator[Posting]:
    became, cash = action_outcome(one, held)
    if one.kind is TransactionKind.SPLIT:
        yield from _between(one, one.asset_id, became - held, Place.ISSUER)
    else:
        leaves = ZERO if one.kind is TransactionKind.SPIN_OFF else held
        yield from _between(one, one.asset_id, -leaves, Place.ISSUER)
        yield from _between(one, one.counter_asset_id, became, Place.ISSUER)
    yield from _money(one, cash, Place.ISSUER)


def action_outcome(one: Transaction, held: Decimal) -> tuple[Decimal, Decimal]:
    """Return the units a corporate action makes of `held`, and the cash it pays.

    A split or spin-off with a price pays for the fraction of a unit (cash in lieu) at that price, and with an amount
    pays that amount; without either the fraction stays. A merger pays its price for every unit held, and the amount
    for the fraction. A short position pays what a long one receives. Quantities keep 12 decimals, half up.

    >>> from datetime import date
    >>> split = Transaction(transaction_id="S", kind=TransactionKind.SPLIT, trade_date=date(2024, 3, 14),
    ...                     account_id="A", currency="USD", asset_id="VTI", quantity=Decimal(2),
    ...                     counter_quantity=Decimal(3), price=Decimal(40))
    >>> action_outcome(split, Decimal(5))  # 7.5 units: 7 stay, half a unit is paid
    (Decimal('7'), Decimal('20.00000000'))
    """
    with localcontext(EXACT):
        if one.kind is TransactionKind.SYMBOL_CHANGE:
            return held, ZERO
        became = round_half_up(held * one.counter_quantity / one.quantity, QUANTITY_PLACES)
        whole = became.copy_abs().to_integral_value(ROUND_FLOOR).copy_sign(became)
        if one.kind is TransactionKind.MERGER:
            cash = held * (one.price or ZERO) + one.amount.copy_sign(held)
            return whole if one.amount else became, round_half_up(cash, MONEY_PLACES)
        if one.amount:
            return whole, one.amount.copy_sign(held)
        if one.price:
            return whole, round_half_up((became - whole) * one.price, MONEY_PLACES)
        return became, ZERO
