"""The ledger replayed: transactions in order become lots, realised gains, income and cash.

Quantities and cash come from `postings_of`, so a replay agrees with the postings in the store; this module adds which
lots they are. Source of the cost rules: 26 CFR 1.1012-1 (costs of a purchase belong to the basis), 26 CFR 1.1001-1
(costs of a sale lower what it brings).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, localcontext
from typing import Final, NamedTuple

from steelyard.domain.gain import CashItem, Delivered, Gain
from steelyard.domain.lot import Lot, LotMethod, TaxRates
from steelyard.domain.lot_changes import Convert, Key, LotChanges, LotRules
from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up
from steelyard.domain.position import PositionLots, add_lots
from steelyard.domain.posting import QUANTITY_PLACES, Place, Posting, postings_of
from steelyard.domain.transaction import (
    ACTIONS,
    FOR_EVERY_HOLDER,
    ZERO,
    Fault,
    Transaction,
    TransactionError,
    TransactionKind,
    find_fault,
)
from steelyard.domain.wash_sale import Sale
from steelyard.errors import InvalidInputError

_ITEMS: Final = (Place.INCOME, Place.FEES, Place.TAXES)


class OutOfOrderError(InvalidInputError):
    """A transaction belongs before one that is booked already."""

    def __init__(self, transaction: Transaction) -> None:
        """Name it."""
        super().__init__(
            f"transaction {transaction.transaction_id} of {transaction.trade_date} belongs before one that is booked "
            "already: replay all of them again, in order."
        )


class BookedOtherwiseError(InvalidInputError):
    """A transaction id is booked already and said something else."""

    def __init__(self, transaction: Transaction) -> None:
        """Name the id."""
        super().__init__(
            f"transaction {transaction.transaction_id} is booked already and says something else: give the other an id "
            "of its own, or replay all of them again without the first."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What transactions have come to.

    Attributes:
        positions: lots by account and asset; positions without lots are left out.
        cash: by account and currency, trade date; negative = overdrawn.
        gains: in the order they were realised.
        income, fees, taxes: likewise; costs of trades stand among the fees and taxes and in the lots' cost or proceeds.
        delivered: lots that left for outside.
        splits: by account and asset, the day of each split and what one unit became.
    """

    positions: Mapping[Key, PositionLots]
    cash: Mapping[Key, Decimal]
    gains: tuple[Gain, ...]
    income: tuple[CashItem, ...]
    fees: tuple[CashItem, ...]
    taxes: tuple[CashItem, ...]
    delivered: tuple[Delivered, ...]
    splits: Mapping[Key, tuple[tuple[date, Decimal], ...]]

    @property
    def sales(self) -> tuple[Sale, ...]:
        """What was sold out of lots, as `match_wash_sales` takes it: in units of today, whatever was split since."""
        return tuple(
            Sale(self._in_units_of_today(gain.lot, gain.closed), gain.closed, gain.amount)
            for gain in self.gains
            if not gain.is_short
        )

    @property
    def bought(self) -> tuple[Lot, ...]:
        """All lots there were, as `match_wash_sales` takes them: whole, in units of today, with the cost they had."""
        parts = [sale.lot for sale in self.sales]
        parts += [self._in_units_of_today(part.lot, part.day) for part in self.delivered]
        parts += [lot for position in self.positions.values() for lot in position.lots]
        by_position: dict[Key, list[Lot]] = defaultdict(list)
        for part in parts:
            by_position[part.account_id, part.asset_id].append(part)
        return tuple(lot for lots in by_position.values() for lot in add_lots((), lots))

    def _in_units_of_today(self, lot: Lot, day: date) -> Lot:
        with localcontext(EXACT):
            units = lot.quantity
            for split, ratio in self.splits.get((lot.account_id, lot.asset_id), ()):
                units = units * ratio if split > day else units
        return replace(lot, quantity=round_half_up(units, QUANTITY_PLACES))


def replay(
    transactions: Iterable[Transaction],
    *,
    methods: LotMethod | Mapping[str, LotMethod],
    convert: Convert,
    rates: TaxRates | None = None,
) -> Replay:
    """Return the lots, gains, income and cash that transactions have come to.

    Args:
        transactions: in any order, without fault.
        methods: which lots a sale takes, for every account or by account; an account that is not named is first in,
            first out. A transaction that names a lot takes that one.
        convert: rates; asked for the trade date, and of an opening lot for the day it was acquired.
        rates: needed by the method minimum tax only.

    Raises:
        TransactionError: a transaction has a fault, or an action is entered twice.
        OversoldError: more leaves a position than its lots hold.
        NothingHeldError: money is paid on units that are not held.
        BookedOtherwiseError: two transactions of one account have one id.
        LotMethodError, UnknownLotError, SaleExceedsLotsError: see `match_lots`.

    >>> bought = Transaction(transaction_id="T1", kind=TransactionKind.BUY, trade_date=date(2024, 3, 14),
    ...                      account_id="A", currency="USD", asset_id="VTI", quantity=Decimal(10),
    ...                      amount=Decimal(2500), costs=Decimal(1))
    >>> sold = replace(bought, transaction_id="T2", kind=TransactionKind.SELL, trade_date=date(2024, 6, 3),
    ...                quantity=Decimal(4), amount=Decimal(1100))
    >>> answer = replay([bought, sold], methods=LotMethod.FIFO, convert=lambda account, currency, day: Decimal(1))
    >>> str(answer.gains[0].gain), str(answer.positions["A", "VTI"].lots[0].cost), str(answer.cash["A", "USD"])
    ('98.60000000', '1500.60000000', '-1402')
    """
    keeper = Bookkeeper(methods=methods, convert=convert, rates=rates)
    for transaction in sorted(transactions, key=lambda one: one.day_order):
        keeper.book(transaction)
    return keeper.replay()


def expand(transaction: Transaction, held: Mapping[str, Decimal]) -> Iterator[Transaction]:
    """Yield what a transaction for every holder is in each account that holds; one of an account is itself.

    Args:
        transaction: without fault.
        held: account → units of its asset at the open of its day; negative = short, which pays what others receive.

    >>> dividend = Transaction(transaction_id="D", kind=TransactionKind.DIVIDEND, trade_date=date(2024, 3, 14),
    ...                        account_id="", currency="USD", asset_id="VTI", price=Decimal("0.91"))
    >>> [(one.account_id, one.amount) for one in expand(dividend, {"A": Decimal(10), "B": Decimal(0)})]
    [('A', Decimal('9.10000000'))]
    """
    if transaction.account_id:
        yield transaction
        return
    for account_id, units in sorted(held.items()):
        if units and transaction.kind in ACTIONS:
            yield replace(transaction, account_id=account_id)
        elif units:
            with localcontext(EXACT):
                amount = round_half_up(units * (transaction.price or ZERO), MONEY_PLACES)
            yield replace(transaction, account_id=account_id, quantity=units, amount=amount)


class Bookkeeper:
    """Takes transactions one after the other, in their order; one that is refused changes nothing."""

    def __init__(
        self,
        *,
        methods: LotMethod | Mapping[str, LotMethod],
        convert: Convert,
        rates: TaxRates | None = None,
    ) -> None:
        """Begin without anything booked; the arguments are those of `replay`."""
        self._rules = LotRules(methods, convert, rates)
        self._booked: dict[Key, Transaction] = {}
        self._actions: set[_Action] = set()
        self._last: Transaction | None = None
        self._positions: dict[Key, PositionLots] = {}
        self._units: dict[str, dict[str, Decimal]] = defaultdict(dict)
        self._at_open: dict[str, dict[str, Decimal]] = defaultdict(dict)
        self._cash: dict[Key, Decimal] = {}
        self._gains: list[Gain] = []
        self._items: dict[Place, list[CashItem]] = {place: [] for place in _ITEMS}
        self._delivered: list[Delivered] = []
        self._splits: dict[Key, list[tuple[date, Decimal]]] = defaultdict(list)

    def replay(self) -> Replay:
        """Return what has been booked so far; it does not change when more is booked."""
        return Replay(
            positions={key: lots for key, lots in self._positions.items() if lots.lots or lots.shorts},
            cash=dict(self._cash),
            gains=tuple(self._gains),
            income=tuple(self._items[Place.INCOME]),
            fees=tuple(self._items[Place.FEES]),
            taxes=tuple(self._items[Place.TAXES]),
            delivered=tuple(self._delivered),
            splits={key: tuple(splits) for key, splits in self._splits.items()},
        )

    def book(self, transaction: Transaction) -> None:
        """Book one more; the same once more changes nothing.

        Raises as `replay` does, and OutOfOrderError where it belongs before one that is booked.
        """
        name = (transaction.transaction_id, transaction.account_id)
        if name in self._booked:
            if self._booked[name] != transaction:
                raise BookedOtherwiseError(transaction)
            return
        self._check(transaction)
        with localcontext(EXACT):
            parts = [self._work_out(one) for one in expand(transaction, self._holders(transaction))]
            if not self._is_of_the_day(transaction):
                self._at_open.clear()
            for part in parts:
                self._commit(part)
        if transaction.kind in ACTIONS:
            self._actions.add(_name_action(transaction))
        self._booked[name] = self._last = transaction

    def _check(self, transaction: Transaction) -> None:
        if self._last and transaction.day_order < self._last.day_order:
            raise OutOfOrderError(transaction)
        if fault := find_fault(_as_received(transaction), today=transaction.trade_date):
            raise TransactionError(transaction.transaction_id, transaction.kind, fault)
        self._refuse_repeated(transaction)

    def _refuse_repeated(self, one: Transaction) -> None:
        """Refuse a corporate action that is booked under another id, for its account or for every holder."""
        if one.kind not in ACTIONS:
            return
        action = _name_action(one)
        if action in self._actions or action._replace(account_id="") in self._actions:
            raise TransactionError(one.transaction_id, one.kind, Fault.ENTERED_TWICE)

    def _holders(self, one: Transaction) -> dict[str, Decimal]:
        """Return what every account held at the open, after the actions of the day that are booked."""
        if one.account_id:
            return {}
        now = self._units[one.asset_id]
        return now | self._at_open[one.asset_id] if self._is_of_the_day(one) else now

    def _is_of_the_day(self, one: Transaction) -> bool:
        return self._last is not None and self._last.trade_date == one.trade_date

    def _work_out(self, one: Transaction) -> "_Part":
        self._refuse_repeated(one)
        postings = postings_of(one, held=self._units[one.asset_id].get(one.account_id, ZERO))
        held = [line for line in postings if line.place is Place.HELD]
        changes = LotChanges(self._rules, self._positions)
        changes.work_out(one, sum((line.quantity for line in held if line.is_cash), ZERO))
        items = [self._item(one, line) for line in postings if line.place in _ITEMS]
        return _Part(changes, held, items, _name_action(one) if one.kind in ACTIONS else None)

    def _item(self, one: Transaction, line: Posting) -> CashItem:
        local = -line.quantity if line.place is Place.INCOME else line.quantity
        return CashItem(
            transaction_id=one.transaction_id,
            kind=one.kind,
            place=line.place,
            account_id=one.account_id,
            asset_id=one.asset_id,
            day=one.trade_date,
            currency=one.currency,
            local_amount=local,
            amount=self._rules.in_base(one, local),
        )

    def _commit(self, part: "_Part") -> None:
        self._positions |= part.changes.positions
        self._gains += part.changes.gains
        self._delivered += part.changes.delivered
        for item in part.items:
            self._items[item.place].append(item)
        for line in part.held:
            if line.is_cash:
                key = (line.account_id, line.commodity)
                self._cash[key] = self._cash.get(key, ZERO) + line.quantity
            else:
                self._move(line, is_at_open=part.action is not None)
        if part.action:
            self._actions.add(part.action)
            if part.action.kind is TransactionKind.SPLIT:
                self._splits[part.action.account_id, part.action.asset_id].append(
                    (part.action.day, part.action.ratio)
                )

    def _move(self, line: Posting, *, is_at_open: bool) -> None:
        units = self._units[line.commodity]
        before = units.get(line.account_id, ZERO)
        units[line.account_id] = before + line.quantity
        if not is_at_open:
            self._at_open[line.commodity].setdefault(line.account_id, before)


class _Action(NamedTuple):
    """What a corporate action does, whatever its id; `ratio` is what one unit becomes."""

    kind: TransactionKind
    account_id: str
    asset_id: str
    day: date
    counter_asset_id: str
    ratio: Decimal


class _Part(NamedTuple):
    """What a transaction comes to in one account, worked out before anything is changed."""

    changes: LotChanges
    held: list[Posting]
    items: list[CashItem]
    action: _Action | None


def _name_action(one: Transaction) -> _Action:
    ratio = round_half_up(EXACT.divide(one.counter_quantity, one.quantity or 1), QUANTITY_PLACES)
    return _Action(one.kind, one.account_id, one.asset_id, one.trade_date, one.counter_asset_id, ratio)


def _as_received(one: Transaction) -> Transaction:
    """Return what a short position pays as if it received it: only then are its amounts negative."""
    if one.kind not in FOR_EVERY_HOLDER or one.amount >= 0:
        return one
    return replace(one, amount=-one.amount, quantity=one.quantity.copy_abs())
