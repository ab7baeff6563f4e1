"""Transactions: what was booked, in one of the kinds the ledger knows, and what each kind must say.

A row of the table `transactions` is one of these. Amounts and quantities are positive; the kind gives the direction.
Within a day corporate actions come first, at the open, and then capital returned; then what comes in, then what goes
out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from typing import Final

from steelyard.errors import InvalidInputError

ZERO: Final = Decimal(0)


class TransactionKind(StrEnum):
    """What a transaction does; the words stand in `transactions.transaction_type`."""

    BUY = "BUY"
    SELL = "SELL"
    SHORT = "SHORT"
    """Sells what is not held; the position becomes, or stays, negative."""
    COVER = "COVER"
    """Buys back what was sold short."""
    DIVIDEND = "DIVIDEND"
    """In cash: the gross amount; what was withheld stands in the costs, and as `tax`."""
    DIVIDEND_REINVESTED = "DIVIDEND_REINVESTED"
    """The net amount buys `quantity` of the asset at once; no cash moves."""
    INTEREST = "INTEREST"
    INTEREST_PAID = "INTEREST_PAID"
    """On borrowed money, or accrued and bought together with a bond."""
    FEE = "FEE"
    FEE_REFUND = "FEE_REFUND"
    TAX = "TAX"
    TAX_REFUND = "TAX_REFUND"
    DEPOSIT = "DEPOSIT"
    """Cash from outside."""
    WITHDRAWAL = "WITHDRAWAL"
    OPENING = "OPENING"
    """A lot, or cash, held before the history begins; `amount` is its cost, `acquired` its day."""
    RECEIVE = "RECEIVE"
    """Units from outside; `amount` is their cost."""
    DELIVER = "DELIVER"
    """Units to outside; `amount` is their value."""
    TRANSFER = "TRANSFER"
    """Units or cash to `counter_account_id`; lots keep their cost and day."""
    FX = "FX"
    """`amount` of `currency` is sold for `counter_amount` of `counter_currency`."""
    SPLIT = "SPLIT"
    """Every `quantity` units become `counter_quantity`: 1 and 2 is 2:1, 10 and 1 a reverse split."""
    SPIN_OFF = "SPIN_OFF"
    """For every `quantity` units, `counter_quantity` of `counter_asset_id` with `basis_fraction` of the basis."""
    MERGER = "MERGER"
    """Every `quantity` units become `counter_quantity` of `counter_asset_id`, and `price` in cash a unit."""
    SYMBOL_CHANGE = "SYMBOL_CHANGE"
    """The asset goes on as `counter_asset_id`, unit for unit."""
    RETURN_OF_CAPITAL = "RETURN_OF_CAPITAL"
    """Cash that lowers the basis; beyond the basis it is a gain."""
    REDEMPTION = "REDEMPTION"
    """A bond or fund pays `amount` back for `quantity` units."""


ACTIONS: Final = frozenset(
    {
        TransactionKind.SPLIT,
        TransactionKind.SPIN_OFF,
        TransactionKind.MERGER,
        TransactionKind.SYMBOL_CHANGE,
    }
)
"""Corporate actions: what they move follows from what was held at the open of their day."""

FOR_EVERY_HOLDER: Final = ACTIONS | {
    TransactionKind.DIVIDEND,
    TransactionKind.RETURN_OF_CAPITAL,
    TransactionKind.REDEMPTION,
}
"""May name no account: then they are for every account that held the asset at the open, at `price` a unit."""


class Fault(StrEnum):
    """Why a transaction cannot be booked; SQL and Python use the same words."""

    UNKNOWN_KIND = "unknown_kind"
    NO_ACCOUNT = "no_account"
    UNKNOWN_ACCOUNT = "unknown_account"
    NO_CURRENCY = "no_currency"
    NO_ASSET = "no_asset"
    UNKNOWN_ASSET = "unknown_asset"
    CASH_ASSET = "cash_asset"
    OTHER_CURRENCY = "other_currency"
    NO_QUANTITY = "no_quantity"
    NO_AMOUNT = "no_amount"
    NO_PRICE = "no_price"
    TAX_ABOVE_COSTS = "tax_above_costs"
    NO_COUNTER_ACCOUNT = "no_counter_account"
    NO_COUNTER_ASSET = "no_counter_asset"
    NO_COUNTER_QUANTITY = "no_counter_quantity"
    NO_COUNTER_AMOUNT = "no_counter_amount"
    NO_BASIS_FRACTION = "no_basis_fraction"
    SETTLES_BEFORE_TRADE = "settles_before_trade"
    NOT_YET = "not_yet"
    ENTERED_TWICE = "entered_twice"


_WHY: Final = {
    Fault.UNKNOWN_KIND: "is of a kind the ledger does not know",
    Fault.NO_ACCOUNT: "names no account",
    Fault.UNKNOWN_ACCOUNT: "names an account that is not in accounts",
    Fault.NO_CURRENCY: "names no currency",
    Fault.NO_ASSET: "names no asset, and its kind needs one that is not cash",
    Fault.UNKNOWN_ASSET: "names an asset that is not in asset_master",
    Fault.CASH_ASSET: "is about cash: book a DEPOSIT, a WITHDRAWAL, an FX or a TRANSFER",
    Fault.OTHER_CURRENCY: "is about cash of another currency than its amount: book an FX",
    Fault.NO_QUANTITY: "has no quantity above 0",
    Fault.NO_AMOUNT: "has no amount above 0",
    Fault.NO_PRICE: "is for every holder and has no price a unit",
    Fault.TAX_ABOVE_COSTS: "has a tax below 0, or above its costs, which include it",
    Fault.NO_COUNTER_ACCOUNT: "names no other account that it goes to",
    Fault.NO_COUNTER_ASSET: "names no other asset that it turns into",
    Fault.NO_COUNTER_QUANTITY: "has no counter_quantity above 0",
    Fault.NO_COUNTER_AMOUNT: "has no counter_amount above 0 in another currency",
    Fault.NO_BASIS_FRACTION: "does not say which fraction of the basis goes to the new asset",
    Fault.SETTLES_BEFORE_TRADE: "settles before it is traded",
    Fault.NOT_YET: "lies in the future; it is booked when its day comes",
    Fault.ENTERED_TWICE: "is the same corporate action as one that is booked",
}


class TransactionError(InvalidInputError):
    """A transaction cannot be booked.

    Attributes:
        transaction_id: which one.
        fault: why.
    """

    def __init__(self, transaction_id: str, kind: str, fault: Fault) -> None:
        """Name the transaction, its kind and the reason."""
        self.transaction_id, self.fault = transaction_id, fault
        super().__init__(f"transaction {transaction_id} ({kind}) {describe_fault(fault)}.")


def describe_fault(fault: Fault) -> str:
    """Say a fault in words that follow a transaction's name.

    >>> describe_fault(Fault.NO_QUANTITY)
    'has no quantity above 0'
    """
    return _WHY[fault]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One booking, exact. What a kind does not use is left at its default.

    Attributes:
        transaction_id: the firm's id; one id is booked once.
        kind: what it does.
        trade_date: the exchange's day; of a corporate action the ex-date.
        account_id: the account; "" only where the kind may be for every holder.
        currency: ISO 4217 code of the amounts, never a fraction of a currency such as pence.
        amount: without costs, 0 or above.
        costs: fees and taxes, 0 or above.
        tax: what of the costs is tax.
        asset_id: the asset it is about; "" for cash alone.
        quantity: units, above 0 where the kind needs them.
        price: of one unit, where stated.
        settlement_date: when cash and units move; None = the trade date.
        counter_account_id: where a transfer goes.
        counter_asset_id: what the asset turns into.
        counter_quantity: units there are afterwards, see the kind.
        counter_currency: what an FX buys.
        counter_amount: how much of it.
        acquired: of an opening lot, the day it was bought.
        basis_fraction: share of the basis that goes to `counter_asset_id`, 0 to 1.
        lot_id: the lot a sale names; "" = by the account's method.

    >>> Transaction(transaction_id="T1", kind=TransactionKind.BUY, trade_date=date(2024, 3, 14), account_id="A",
    ...             currency="USD", asset_id="VTI", quantity=Decimal(10), amount=Decimal(2500)).settles
    datetime.date(2024, 3, 14)
    """

    transaction_id: str
    kind: TransactionKind
    trade_date: date
    account_id: str
    currency: str
    amount: Decimal = ZERO
    costs: Decimal = ZERO
    tax: Decimal = ZERO
    asset_id: str = ""
    quantity: Decimal = ZERO
    price: Decimal | None = None
    settlement_date: date | None = None
    counter_account_id: str = ""
    counter_asset_id: str = ""
    counter_quantity: Decimal = ZERO
    counter_currency: str = ""
    counter_amount: Decimal = ZERO
    acquired: date | None = None
    basis_fraction: Decimal | None = None
    lot_id: str = ""

    @property
    def settles(self) -> date:
        """The day cash and units move."""
        return self.settlement_date or self.trade_date

    @property
    def fees(self) -> Decimal:
        """Costs that are no tax."""
        return self.costs - self.tax

    @property
    def day_order(self) -> tuple[date, int, str]:
        """Where it stands among others: by day, what happens at the open first, what comes in next, then by id."""
        return self.trade_date, _RANK[self.kind], self.transaction_id


_COMES_IN: Final = {
    TransactionKind.OPENING,
    TransactionKind.RECEIVE,
    TransactionKind.DEPOSIT,
    TransactionKind.BUY,
    TransactionKind.SHORT,
    TransactionKind.DIVIDEND_REINVESTED,
}
_DAY: Final = (ACTIONS, {TransactionKind.RETURN_OF_CAPITAL}, _COMES_IN, {TransactionKind.TRANSFER})
_RANK: Final = {
    kind: next((place for place, kinds in enumerate(_DAY) if kind in kinds), len(_DAY))
    for kind in TransactionKind
}

_NEEDS_ASSET: Final = frozenset(TransactionKind) - {
    TransactionKind.FEE,
    TransactionKind.FEE_REFUND,
    TransactionKind.TAX,
    TransactionKind.TAX_REFUND,
    TransactionKind.INTEREST,
    TransactionKind.INTEREST_PAID,
    TransactionKind.DEPOSIT,
    TransactionKind.WITHDRAWAL,
    TransactionKind.OPENING,
    TransactionKind.TRANSFER,
    TransactionKind.FX,
}
_MOVES_UNITS: Final = frozenset(
    {
        TransactionKind.BUY,
        TransactionKind.SELL,
        TransactionKind.SHORT,
        TransactionKind.COVER,
        TransactionKind.DIVIDEND_REINVESTED,
        TransactionKind.RECEIVE,
        TransactionKind.DELIVER,
        TransactionKind.REDEMPTION,
    }
)
_MOVES_EITHER: Final = frozenset({TransactionKind.OPENING, TransactionKind.TRANSFER})
"""Units where they name an asset, else cash."""

_CHANGES_ASSET: Final = ACTIONS - {TransactionKind.SPLIT}
_WITH_RATIO: Final = ACTIONS - {TransactionKind.SYMBOL_CHANGE}


def find_fault(transaction: Transaction, *, today: date) -> Fault | None:
    """Return why a transaction cannot be booked, or None.

    Whether it is entered twice, names what is unknown or takes cash for an asset only the store can tell.

    Args:
        transaction: as read.
        today: the day it is booked; one day ahead is allowed, for the other side of the date line.

    >>> buy = Transaction(transaction_id="T1", kind=TransactionKind.BUY, trade_date=date(2024, 3, 14),
    ...                   account_id="A", currency="USD", asset_id="VTI", amount=Decimal(2500))
    >>> find_fault(buy, today=date(2024, 3, 15))
    <Fault.NO_QUANTITY: 'no_quantity'>
    """
    faults = chain(_of_names(transaction), _of_actions(transaction), _of_numbers(transaction))
    return next(faults, None) or _of_days(transaction, today)


def _of_names(one: Transaction) -> Iterator[Fault]:
    if not one.account_id and one.kind not in FOR_EVERY_HOLDER:
        yield Fault.NO_ACCOUNT
    if not one.asset_id and one.kind in _NEEDS_ASSET:
        yield Fault.NO_ASSET
    if not one.currency:
        yield Fault.NO_CURRENCY
    if one.kind is TransactionKind.TRANSFER and one.counter_account_id in {"", one.account_id}:
        yield Fault.NO_COUNTER_ACCOUNT
    if one.kind in _CHANGES_ASSET and one.counter_asset_id in {"", one.asset_id}:
        yield Fault.NO_COUNTER_ASSET


def _of_actions(one: Transaction) -> Iterator[Fault]:
    has_ratio = one.kind in _WITH_RATIO
    if has_ratio and one.quantity <= 0:
        yield Fault.NO_QUANTITY
    if has_ratio and one.counter_quantity <= 0:
        yield Fault.NO_COUNTER_QUANTITY
    shares_basis = one.kind is TransactionKind.SPIN_OFF or (one.kind is TransactionKind.MERGER and one.price)
    if shares_basis and one.basis_fraction is None:
        yield Fault.NO_BASIS_FRACTION


def _of_numbers(one: Transaction) -> Iterator[Fault]:
    is_for_every_holder = not one.account_id and one.kind not in ACTIONS
    if is_for_every_holder and not one.price:
        yield Fault.NO_PRICE
    if not ZERO <= one.tax <= one.costs:
        yield Fault.TAX_ABOVE_COSTS
    if is_for_every_holder:
        return
    is_units = one.kind in _MOVES_UNITS or (one.kind in _MOVES_EITHER and bool(one.asset_id))
    if is_units and one.quantity <= 0:
        yield Fault.NO_QUANTITY
    needs_amount = not is_units and one.kind not in ACTIONS
    if one.amount < 0 or (needs_amount and not one.amount):
        yield Fault.NO_AMOUNT
    no_other_money = one.counter_amount <= 0 or one.counter_currency in {"", one.currency}
    if one.kind is TransactionKind.FX and no_other_money:
        yield Fault.NO_COUNTER_AMOUNT


def _of_days(one: Transaction, today: date) -> Fault | None:
    if one.settles < one.trade_date:
        return Fault.SETTLES_BEFORE_TRADE
    return Fault.NOT_YET if (one.trade_date - today).days > 1 else None
