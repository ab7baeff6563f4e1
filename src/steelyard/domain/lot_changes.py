"""What one transaction does to lots: which it makes, which it takes, and what that realises.

Nothing is changed here: the changes are worked out first and taken over as a whole (`domain.ledger`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import ClassVar, Final

from steelyard.domain.corporate_action import NothingHeldError, Paid, apply_action, return_capital
from steelyard.domain.gain import Delivered, Gain
from steelyard.domain.lot import (
    Lot,
    LotMatch,
    LotMethod,
    SaleTerms,
    TaxRates,
    match_lots,
    order_lots,
    take_lots,
)
from steelyard.domain.money import MONEY_PLACES, round_half_up, spread
from steelyard.domain.position import PositionLots, add_lots, count_units
from steelyard.domain.transaction import ACTIONS, ZERO, Transaction, TransactionKind
from steelyard.errors import InvalidInputError

Key = tuple[str, str]
"""Account and asset, or account and currency."""

Convert = Callable[[str, str, date], Decimal]
"""(account, currency, day) → what one unit of the currency was worth, in the currency the account's tax is paid in."""

EMPTY: Final = PositionLots()


class OversoldError(InvalidInputError):
    """More leaves a position than its lots hold."""

    def __init__(self, transaction: Transaction, held: Decimal) -> None:
        """Name the transaction and both quantities, and what to book instead."""
        is_cover = transaction.kind is TransactionKind.COVER
        advice = (
            "the rest as a BUY" if is_cover else "the rest as a SHORT, or what was held before as an OPENING"
        )
        super().__init__(
            f"transaction {transaction.transaction_id} ({transaction.kind}) takes {transaction.quantity} of "
            f"{transaction.asset_id} from account {transaction.account_id}, and the lots there hold {held}: "
            f"book {advice}."
        )


@dataclass(frozen=True, slots=True)
class LotRules:
    """How lots are chosen and money is converted; see `domain.ledger.replay`."""

    methods: LotMethod | Mapping[str, LotMethod]
    convert: Convert
    rates: TaxRates | None

    def in_base(self, one: Transaction, local: Decimal, day: date | None = None) -> Decimal:
        """Return an amount of a transaction in the currency tax is paid in; no rate is asked for 0."""
        if not local:
            return ZERO
        rate = self.convert(one.account_id, one.currency, day or one.trade_date)
        return round_half_up(local * rate, MONEY_PLACES)

    def take(self, one: Transaction, lots: Sequence[Lot], *, is_short: bool) -> LotMatch:
        """Return which lots a transaction takes, and which it leaves, those by day and id."""
        if one.lot_id:
            match = match_lots(lots, one.quantity, LotMethod.SPECIFIC, chosen={one.lot_id: one.quantity})
        else:
            match = take_lots(self._in_order(one, lots, is_short=is_short), one.quantity)
        if not match.left and one.quantity > (held := count_units(lots)):
            raise OversoldError(one, held)
        is_in_order = self._method(one) is LotMethod.FIFO and not one.lot_id
        return match if is_in_order else LotMatch(match.taken, add_lots((), match.left))

    def order_for_action(self, one: Transaction, lots: Sequence[Lot], *, is_short: bool) -> Sequence[Lot]:
        """Return lots in the order in which a fraction is paid; first in, first out where a sale has to choose."""
        has_to_choose = self._method(one) in {LotMethod.SPECIFIC, LotMethod.MINIMUM_TAX}
        return lots if has_to_choose else self._in_order(one, lots, is_short=is_short)

    def _in_order(self, one: Transaction, lots: Sequence[Lot], *, is_short: bool) -> Sequence[Lot]:
        """Return lots in the order a transaction takes them. Of short lots the one that brought least gains least."""
        method = self._method(one)
        takes_all = method is LotMethod.SPECIFIC and one.quantity == count_units(lots)
        if method is LotMethod.FIFO or takes_all:
            return lots
        if is_short and method in {LotMethod.HIFO, LotMethod.MINIMUM_TAX}:
            return sorted(lots, key=lambda lot: lot.unit_basis)
        return order_lots(lots, method, terms=self._terms(one))

    def _method(self, one: Transaction) -> LotMethod:
        if isinstance(self.methods, LotMethod):
            return self.methods
        return self.methods.get(one.account_id, LotMethod.FIFO)

    def _terms(self, one: Transaction) -> SaleTerms | None:
        if self.rates is None:
            return None
        price = self.in_base(one, one.amount) / one.quantity
        return SaleTerms(price, one.trade_date, self.rates)


class LotChanges:
    """What a transaction will change.

    Attributes:
        positions: the positions that change, as they will be.
        gains: what is realised.
        delivered: lots that leave for outside.
    """

    def __init__(self, rules: LotRules, positions: Mapping[Key, PositionLots]) -> None:
        """Begin with positions as they are; they are read, not changed."""
        self.positions: dict[Key, PositionLots] = {}
        self.gains: list[Gain] = []
        self.delivered: list[Delivered] = []
        self._rules, self._before = rules, positions

    def work_out(self, one: Transaction, cash: Decimal) -> None:
        """Add what a transaction of one account does; `cash` is what it moves there, negative = out."""
        if one.kind in ACTIONS:
            self._act(one)
        elif one.kind in self._MOVES and one.asset_id:
            self._MOVES[one.kind](self, one, cash)

    def _position(self, account_id: str, asset_id: str) -> PositionLots:
        key = (account_id, asset_id)
        return self.positions[key] if key in self.positions else self._before.get(key, EMPTY)

    def _put(self, account_id: str, asset_id: str, lots: Iterable[Lot], shorts: Iterable[Lot] = ()) -> None:
        """Add lots to a position."""
        position = self._position(account_id, asset_id)
        self.positions[account_id, asset_id] = PositionLots(
            add_lots(position.lots, lots), add_lots(position.shorts, shorts)
        )

    def _buy(self, one: Transaction, cash: Decimal) -> None:
        self._put(one.account_id, one.asset_id, [self._new_lot(one, -cash)])

    def _short(self, one: Transaction, cash: Decimal) -> None:
        self._put(one.account_id, one.asset_id, (), [self._new_lot(one, cash)])

    def _reinvest(self, one: Transaction, _: Decimal) -> None:
        self._put(one.account_id, one.asset_id, [self._new_lot(one, one.amount - one.costs)])

    def _receive(self, one: Transaction, _: Decimal) -> None:
        self._put(one.account_id, one.asset_id, [self._new_lot(one, one.amount)])

    def _new_lot(self, one: Transaction, local_cost: Decimal) -> Lot:
        acquired = one.acquired or one.trade_date
        return Lot(
            one.transaction_id,
            one.asset_id,
            one.quantity,
            self._rules.in_base(one, local_cost, acquired),
            acquired,
            one.account_id,
            local_cost=local_cost,
            currency=one.currency,
        )

    def _sell(self, one: Transaction, cash: Decimal) -> None:
        taken = self._take(one)
        self._realise(one, map(Paid, taken, spread(cash, [lot.quantity for lot in taken])), is_short=False)

    def _cover(self, one: Transaction, cash: Decimal) -> None:
        taken = self._take(one, is_short=True)
        self._realise(one, map(Paid, taken, spread(-cash, [lot.quantity for lot in taken])), is_short=True)

    def _redeem(self, one: Transaction, cash: Decimal) -> None:
        """Sell; a short position, whose quantity is negative, pays instead."""
        if one.quantity < 0:
            self._cover(replace(one, quantity=-one.quantity), cash)
        else:
            self._sell(one, cash)

    def _deliver(self, one: Transaction, _: Decimal) -> None:
        self.delivered = [Delivered(lot, one.trade_date) for lot in self._take(one)]

    def _transfer(self, one: Transaction, _: Decimal) -> None:
        moved = [self._at_home(one, lot) for lot in self._take(one)]
        self._put(one.counter_account_id, one.asset_id, moved)

    def _at_home(self, one: Transaction, lot: Lot) -> Lot:
        """Return a lot in the account it moves to, its cost in the currency that tax is paid in there."""
        moved = replace(lot, account_id=one.counter_account_id)
        if not lot.cost:
            return moved
        here = self._rules.convert(one.account_id, lot.currency, lot.acquired)
        there = self._rules.convert(one.counter_account_id, lot.currency, lot.acquired)
        if here == there:
            return moved
        return replace(moved, cost=round_half_up(lot.cost * there / here, MONEY_PLACES))

    def _act(self, one: Transaction) -> None:
        before = self._position(one.account_id, one.asset_id)
        lots = self._rules.order_for_action(one, before.lots, is_short=False)
        shorts = self._rules.order_for_action(one, before.shorts, is_short=True)
        made, made_short = apply_action(one, lots, shorts)
        self.positions[one.account_id, one.asset_id] = EMPTY
        self._put(one.account_id, one.asset_id, made.lots, made_short.lots)
        if one.counter_asset_id:
            self._put(one.account_id, one.counter_asset_id, made.others, made_short.others)
        self._realise(one, made.paid, is_short=False)
        self._realise(one, made_short.paid, is_short=True)

    def _return_capital(self, one: Transaction, _: Decimal) -> None:
        """Lower the basis of what is held; below 0, the amount lowers what short lots brought."""
        before = self._position(one.account_id, one.asset_id)
        is_short = one.amount < 0
        lots = before.shorts if is_short else before.lots
        if not lots:
            raise NothingHeldError(one)
        local = one.amount.copy_abs()
        returned = list(return_capital(lots, self._rules.in_base(one, local), local))
        left = tuple(part.lot for part in returned)
        self.positions[one.account_id, one.asset_id] = (
            PositionLots(before.lots, left) if is_short else PositionLots(left, before.shorts)
        )
        for part in returned:
            if part.used:
                self._add_gain(one, part.used, part.cash, part.local_cash, is_short=is_short)

    def _realise(self, one: Transaction, paid: Iterable[Paid], *, is_short: bool) -> None:
        for lot, cash in paid:
            self._add_gain(one, lot, self._rules.in_base(one, cash), cash, is_short=is_short)

    def _add_gain(
        self, one: Transaction, lot: Lot, amount: Decimal, local: Decimal, *, is_short: bool
    ) -> None:
        self.gains.append(
            Gain(
                transaction_id=one.transaction_id,
                lot=lot,
                closed=one.trade_date,
                amount=amount,
                local_amount=local,
                currency=one.currency,
                rate=self._rules.convert(one.account_id, lot.currency, one.trade_date),
                is_short=is_short,
            )
        )

    def _take(self, one: Transaction, *, is_short: bool = False) -> tuple[Lot, ...]:
        """Take the lots a transaction takes off their position."""
        before = self._position(one.account_id, one.asset_id)
        match = self._rules.take(one, before.shorts if is_short else before.lots, is_short=is_short)
        self.positions[one.account_id, one.asset_id] = (
            PositionLots(before.lots, match.left) if is_short else PositionLots(match.left, before.shorts)
        )
        return match.taken

    _MOVES: ClassVar[dict[TransactionKind, Callable[["LotChanges", Transaction, Decimal], None]]] = {
        TransactionKind.BUY: _buy,
        TransactionKind.SHORT: _short,
        TransactionKind.DIVIDEND_REINVESTED: _reinvest,
        TransactionKind.OPENING: _receive,
        TransactionKind.RECEIVE: _receive,
        TransactionKind.SELL: _sell,
        TransactionKind.COVER: _cover,
        TransactionKind.REDEMPTION: _redeem,
        TransactionKind.DELIVER: _deliver,
        TransactionKind.TRANSFER: _transfer,
        TransactionKind.RETURN_OF_CAPITAL: _return_capital,
    }
