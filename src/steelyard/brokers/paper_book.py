"""What the paper broker writes down: orders taken, executed, cancelled; each function is part of one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from steelyard.brokers.paper_faults import Call, Fault, FaultPlan
from steelyard.brokers.paper_market import (
    PaperOrder,
    PaperSettings,
    cash_of,
    part_of,
    price_of,
    reserved_cash,
    reserved_units,
)
from steelyard.brokers.paper_store import PaperStore, Row, moment_text
from steelyard.brokers.port import BrokerOrderState, OrderRequest, RefusedError
from steelyard.domain.order import OrderType, Side

MOST_PARTS: Final = 1000
"""More parts of one order than a single look at the market fills."""


class PaperBook:
    """The records of one link."""

    def __init__(self, store: PaperStore, name: str, settings: PaperSettings, faults: FaultPlan) -> None:
        """Write to a file.

        Args:
            store: the file.
            name: what the link is called, for errors.
            settings: what kind of broker it is.
            faults: which fills are told wrongly.
        """
        self.store, self.name, self.settings, self.faults = store, name, settings, faults

    # ── Orders ──────────────────────────────────────────────────────────────────────────────────────────

    def order(self, number: int, *, now: datetime) -> PaperOrder | None:
        """Return an order that has arrived."""
        found = self.store.rows("get_order", number=number)
        order = _order(found[0]) if found else None
        return order if order and order.appears_at <= now else None

    def orders_of_client(self, client_order_id: str) -> Sequence[PaperOrder]:
        """Return the orders of a client id, those still under way too."""
        return _orders(self.store.rows("get_orders_of_client", client_order_id=client_order_id))

    def orders_since(self, since: datetime, *, now: datetime) -> Sequence[PaperOrder]:
        """Return what has arrived since a moment."""
        return _orders(self.store.rows("get_orders_since", since=moment_text(since), now=moment_text(now)))

    def take(
        self,
        request: OrderRequest,
        *,
        reserved_price: Decimal,
        parts: int,
        appears_at: datetime,
        now: datetime,
    ) -> PaperOrder:
        """Take an order; of a client id it has, the order it has.

        Args:
            request: the order.
            reserved_price: what a unit is expected to cost at worst.
            parts: in how many parts it is to be filled.
            appears_at: when it arrives; now, but for what a fault makes late.
            now: the time.

        Raises:
            RefusedError: another order has its id, or the account has not what it takes.
        """
        if self.settings.keeps_client_ids and (known := self.orders_of_client(request.client_order_id)):
            return self._again(known[0], request, now=now)
        self._check(request, reserved_price)
        number = self.store.run(
            "add_order",
            client_order_id=request.client_order_id,
            account=request.account_number,
            symbol=request.symbol,
            side=request.side,
            quantity=f"{request.quantity:f}",
            order_type=request.order_type,
            limit_price=None if request.limit_price is None else f"{request.limit_price:f}",
            currency=request.currency,
            reserved_price=f"{reserved_price:f}",
            parts=parts,
            appears_at=moment_text(appears_at),
            due_at=moment_text(appears_at + self.settings.delay),
        )
        return _order(self.store.rows("get_order", number=number)[0])

    def _again(self, known: PaperOrder, request: OrderRequest, *, now: datetime) -> PaperOrder:
        """Return the order that has the client id; if it was under way, this request brought it."""
        asked = request.account_number, request.symbol, request.side, request.quantity, request.limit_price
        if asked != (known.account, known.symbol, known.side, known.quantity, known.limit_price):
            raise RefusedError(self.name, f"another order has the client id {request.client_order_id}")
        self.store.run("let_appear", number=known.number, now=moment_text(now))
        return _order(self.store.rows("get_order", number=known.number)[0])

    def _check(self, request: OrderRequest, reserved_price: Decimal) -> None:
        account = request.account_number
        if not self.store.rows("has_account", account=account)[0]["is_there"]:
            raise RefusedError(self.name, f"it has no account {account!r}; attach one to the link")
        if not self.settings.has_fractions and request.quantity % 1:
            raise RefusedError(self.name, f"it trades whole units, not {request.quantity:f}")
        is_buy = request.side is Side.BUY
        commodity = request.currency if is_buy else request.symbol
        working = _orders(self.store.rows("get_open_orders", account=account))
        reserved = reserved_cash(working, commodity) if is_buy else reserved_units(working, commodity)
        free = self.store.balance(account, commodity, is_cash=is_buy) - reserved
        needed = cash_of(request.quantity, reserved_price) if is_buy else request.quantity
        if needed > free:
            raise RefusedError(self.name, f"{needed:f} {commodity} are needed and {free:f} are free")

    def end(self, order: PaperOrder, state: BrokerOrderState, reason: str) -> None:
        """End an order; what is filled of it stays."""
        self._move(order, state, order.filled_quantity, order.due_at, reason)

    def _move(
        self, order: PaperOrder, state: BrokerOrderState, filled: Decimal, due_at: datetime, reason: str = ""
    ) -> None:
        self.store.run(
            "set_order",
            number=order.number,
            state=state,
            filled_quantity=f"{filled:f}",
            reason=reason,
            due_at=moment_text(due_at),
        )

    # ── Executions ──────────────────────────────────────────────────────────────────────────────────────

    def due(self, *, now: datetime) -> Sequence[PaperOrder]:
        """Return the orders that may trade now."""
        return _orders(self.store.rows("get_due_orders", now=moment_text(now)))

    def trade(self, prices: Mapping[str, Decimal | None], *, now: datetime) -> None:
        """Execute what is due, at these prices; without a price an order waits."""
        for _ in range(MOST_PARTS):
            traded = [self._trade(order, prices.get(order.symbol), now) for order in self.due(now=now)]
            if not any(traded):
                return

    def _trade(self, order: PaperOrder, market: Decimal | None, now: datetime) -> bool:
        price = None if market is None else price_of(order, market, self.settings.slippage_bps)
        if price is None:
            return False
        quantity = part_of(order)
        is_buy = order.side is Side.BUY
        commodity = order.currency if is_buy else order.symbol
        needed = cash_of(quantity, price) if is_buy else quantity
        if needed > self.store.balance(order.account, commodity, is_cash=is_buy):
            self.end(order, BrokerOrderState.CANCELLED, f"the account has no {needed:f} {commodity}")
            return False
        self.execute(order, quantity, price, now=now)
        return True

    def execute(self, order: PaperOrder, quantity: Decimal, price: Decimal, *, now: datetime) -> int:
        """Execute some of an order, whatever its state, and move cash and units; returns the execution's number."""
        number = self.store.run(
            "add_execution",
            order_number=order.number,
            quantity=f"{quantity:f}",
            price=f"{price:f}",
            executed_at=moment_text(now),
        )
        self._book(order, quantity, price, sign=1)
        filled = order.filled_quantity + quantity
        state = BrokerOrderState.FILLED if filled >= order.quantity else order.state
        self._move(order, state, filled, now + self.settings.delay, order.reason)
        self._tell(number, now)
        return number

    def bust(self, number: int, *, now: datetime) -> bool:
        """Take an execution back, its cash and units too; False = there is none, or it was taken back."""
        found = self.store.rows("get_execution", number=number)
        if not found or not self.store.changes("set_busted", number=number):
            return False
        order = _order(self.store.rows("get_order", number=found[0]["order_number"])[0])
        quantity, price = Decimal(found[0]["quantity"]), Decimal(found[0]["price"])
        self._book(order, quantity, price, sign=-1)
        # A filled order does not work again: what is wanted still is ordered anew.
        state = BrokerOrderState.CANCELLED if order.state is BrokerOrderState.FILLED else order.state
        self._move(
            order, state, order.filled_quantity - quantity, order.due_at, "an execution was taken back"
        )
        self._add_telling(number, now, is_bust=True)
        return True

    def _book(self, order: PaperOrder, quantity: Decimal, price: Decimal, *, sign: int) -> None:
        units = quantity * sign * (1 if order.side is Side.BUY else -1)
        cash = cash_of(quantity, price) * sign * (-1 if order.side is Side.BUY else 1)
        self.store.add_balance(order.account, order.symbol, units, is_cash=False)
        self.store.add_balance(order.account, order.currency, cash, is_cash=True)

    def _tell(self, number: int, now: datetime) -> None:
        fault = self.faults(Call.FILL)
        self._add_telling(number, now, is_held=fault is Fault.REORDER_FILL)
        if fault is Fault.DUPLICATE_FILL:
            self._add_telling(number, now)
        if fault is Fault.BUST_FILL:
            self.bust(number, now=now)

    def _add_telling(
        self, number: int, now: datetime, *, is_bust: bool = False, is_held: bool = False
    ) -> None:
        self.store.run(
            "add_telling", execution=number, is_bust=is_bust, happened_at=moment_text(now), is_held=is_held
        )

    def tellings(self, after: int, *, limit: int) -> Sequence[Row]:
        """Return what is told after a place, what was held back last."""
        for held in self.store.rows("get_held_tellings"):
            self.store.run("tell_held", number=held["number"])
        return self.store.rows("get_tellings", after=after, limit=limit)


def _orders(rows: Sequence[Row]) -> Sequence[PaperOrder]:
    return [_order(row) for row in rows]


def _order(row: Row) -> PaperOrder:
    return PaperOrder(
        number=row["number"],
        client_order_id=row["client_order_id"],
        account=row["account"],
        symbol=row["symbol"],
        side=Side(row["side"]),
        quantity=Decimal(row["quantity"]),
        limit_price=None if row["order_type"] == OrderType.MARKET else Decimal(row["limit_price"]),
        currency=row["currency"],
        reserved_price=Decimal(row["reserved_price"]),
        parts=row["parts"],
        state=BrokerOrderState(row["state"]),
        filled_quantity=Decimal(row["filled_quantity"]),
        reason=row["reason"],
        appears_at=datetime.fromisoformat(row["appears_at"]),
        due_at=datetime.fromisoformat(row["due_at"]),
    )
