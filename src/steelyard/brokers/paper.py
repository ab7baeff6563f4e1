"""The paper broker: trades with nobody at prices it is given, and keeps what it was told as a broker would.

It works when it is looked at: each call first executes what has become due since the last, so nothing runs beside it,
and the clock that it is given decides. What may go wrong with a broker goes wrong here by plan (paper_faults.py).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final, TypeVar

from steelyard.brokers.paper_book import PaperBook
from steelyard.brokers.paper_faults import Call, Fault, FaultPlan, no_faults
from steelyard.brokers.paper_market import PaperOrder, PaperSettings, draw_parts, slipped
from steelyard.brokers.paper_store import PaperStore, Row, moment_text
from steelyard.brokers.port import (
    BrokerAccount,
    BrokerActivity,
    BrokerFill,
    BrokerOrder,
    BrokerOrderState,
    BrokerPosition,
    Capabilities,
    FillPage,
    NotReceivedError,
    NotSupportedError,
    OrderRequest,
    OutcomeUnknownError,
    RefusedError,
)
from steelyard.domain.order import Side

PriceOf = Callable[[str], Awaitable[Decimal | None]]
"""Gives what one unit of a symbol costs now, in the currency it is ordered in; None = nobody knows."""

T = TypeVar("T")
Clock = Callable[[], datetime]
Sleep = Callable[[float], Awaitable[None]]

PAGE: Final = 100
"""Fills or activities in a page."""


class PaperBroker:
    """A link to the paper broker."""

    def __init__(
        self,
        path: Path,
        link: str,
        *,
        price_of: PriceOf,
        clock: Clock,
        chance: random.Random,
        settings: PaperSettings | None = None,
        name: str = "paper",
        faults: FaultPlan = no_faults,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Open the file, and make it where there is none.

        Args:
            path: where it keeps what it was told; any number of processes and links share it.
            link: the key of the link; it sees nothing of others.
            price_of: what a symbol costs.
            clock: the time, with its zone.
            chance: draws in how many parts an order is filled.
            settings: what kind of broker it is; None = fills all at once at the price, and keeps client ids.
            name: what the link is called.
            faults: what goes wrong, and when.
            sleep: waits so many seconds.

        Raises:
            PaperFileError: the file cannot be used.
        """
        self._settings = settings or PaperSettings()
        self._store = PaperStore(path, link)
        self._book = PaperBook(self._store, name, self._settings, faults)
        self._name, self._price_of, self._clock, self._chance = name, price_of, clock, chance
        self._faults, self._sleep = faults, sleep

    @property
    def name(self) -> str:
        """What the link is called."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return Capabilities(
            keeps_client_ids=self._settings.keeps_client_ids,
            finds_client_ids=self._settings.keeps_client_ids,
            replaces=True,
            has_fractions=self._settings.has_fractions,
            is_live=False,
            settle_window=self._settings.settle_window,
        )

    # ── What is asked of it ─────────────────────────────────────────────────────────────────────────────

    async def place_order(self, request: OrderRequest) -> BrokerOrder:
        """Place an order.

        Raises:
            RefusedError: the account has not what it takes, or nobody knows what the asset costs.
            NotReceivedError, OutcomeUnknownError: as the plan of faults has it.
        """

        async def place(late: timedelta) -> BrokerOrder:
            price = await self._worst_price(request)
            return await self._write(lambda now: self._shown(self._take(request, price, now, late)))

        return await self._asked(Call.PLACE, place)

    async def replace_order(self, broker_order_id: str, request: OrderRequest) -> BrokerOrder:
        """Cancel what is open of an order, and place another, or neither.

        Args:
            broker_order_id: the order.
            request: the other; its quantity counts from nothing, whatever is filled of the first.

        Raises:
            RefusedError: the order does not work any more, or the other is refused.
        """

        def replace(now: datetime, price: Decimal) -> BrokerOrder:
            if self._settings.keeps_client_ids and self._book.orders_of_client(request.client_order_id):
                return self._shown(self._take(request, price, now))
            order = self._working(broker_order_id, now)
            self._book.end(order, BrokerOrderState.REPLACED, f"replaced by {request.client_order_id}")
            return self._shown(self._take(request, price, now))

        async def do(late: timedelta) -> BrokerOrder:
            del late
            await self._trade()
            price = await self._worst_price(request)
            return await self._write(lambda now: replace(now, price))

        return await self._asked(Call.REPLACE, do)

    async def cancel_order(self, broker_order_id: str) -> None:
        """Cancel what is open of an order.

        Raises:
            RefusedError: it does not work any more, or is unknown.
        """

        def cancel(now: datetime) -> None:
            order = self._working(broker_order_id, now)
            self._book.end(order, BrokerOrderState.CANCELLED, "cancelled as asked")

        async def do(late: timedelta) -> None:
            del late
            await self._trade()
            await self._write(cancel)

        await self._asked(Call.CANCEL, do)

    async def find_order(
        self, client_order_id: str, broker_order_id: str | None = None
    ) -> BrokerOrder | None:
        """Look an order up by our id, or by its own; None = it has none of that id now.

        Raises:
            NotSupportedError: it keeps no client ids, and was not told its own.
        """
        if broker_order_id is None and not self._settings.keeps_client_ids:
            raise NotSupportedError(self._name, "look up orders by our ids")

        def find(now: datetime) -> BrokerOrder | None:
            if broker_order_id is not None:
                order = self._book.order(self._number("o", broker_order_id), now=now)
            else:
                kept = self._book.orders_of_client(client_order_id)
                order = next((order for order in kept if order.appears_at <= now), None)
            return None if order is None else self._shown(order)

        return await self._read(find)

    async def list_orders(self, since: datetime) -> Sequence[BrokerOrder]:
        """Return every order taken at or after a moment, in any state."""
        return await self._read(
            lambda now: [self._shown(order) for order in self._book.orders_since(since, now=now)]
        )

    async def list_fills(self, after: str) -> FillPage:
        """Return fills and busts after a place, "" = from the beginning."""

        def page(now: datetime) -> FillPage:
            del now
            rows = self._book.tellings(int(after or 0), limit=PAGE + 1)
            told = rows[:PAGE]
            return FillPage(
                [self._fill(row) for row in told],
                str(told[-1]["place"]) if told else after,
                len(rows) <= PAGE,
            )

        return await self._read(page)

    async def list_activities(self, after: str) -> tuple[Sequence[BrokerActivity], str]:
        """Return what else was booked after a place, and the next place."""

        def page(now: datetime) -> tuple[Sequence[BrokerActivity], str]:
            del now
            rows = self._store.rows("get_activities", after=int(after or 0), limit=PAGE)
            return [self._activity(row) for row in rows], str(rows[-1]["number"]) if rows else after

        return await self._read(page)

    async def get_account(self, account_number: str = "") -> BrokerAccount:
        """Return what an account holds now; what was never attached is refused."""

        def account(now: datetime) -> BrokerAccount:
            rows = self._store.rows("get_balances", account=account_number)
            if not rows:
                raise RefusedError(self._name, f"it has no account {account_number!r}")
            held = [(row["commodity"], bool(row["is_cash"]), Decimal(row["quantity"])) for row in rows]
            cash = {commodity: quantity for commodity, is_cash, quantity in held if is_cash}
            positions = [
                BrokerPosition(commodity, quantity)
                for commodity, is_cash, quantity in held
                if quantity and not is_cash
            ]
            return BrokerAccount(account_number, cash, positions, is_blocked=False, as_of=now)

        return await self._read(account)

    async def close(self) -> None:
        """Close the file."""
        self._store.close()

    # ── What happens there by itself ────────────────────────────────────────────────────────────────────

    async def open_account(
        self,
        key: str,
        account_number: str,
        cash: Mapping[str, Decimal],
        positions: Mapping[str, Decimal],
    ) -> None:
        """Add what an account brings; said again with the same key nothing is added.

        Args:
            key: whose it is; two accounts of ours may share one there.
            account_number: the account there.
            cash: currency → money.
            positions: symbol → units.
        """

        def add(now: datetime) -> None:
            del now
            if self._store.changes("add_opening", key=key):
                for is_cash, brought in ((True, cash), (False, positions)):
                    for commodity, quantity in brought.items():
                        self._store.add_balance(account_number, commodity, quantity, is_cash=is_cash)

        await self._write(add)

    async def execute(self, broker_order_id: str, quantity: Decimal, price: Decimal) -> str:
        """Execute some of an order, ended or not, and more than is open too; returns the execution's id.

        Raises:
            RefusedError: it has no such order.
        """

        def do(now: datetime) -> str:
            order = self._known(broker_order_id, now)
            return self._key("x", self._book.execute(order, quantity, price, now=now))

        return await self._write(do)

    async def bust(self, execution_id: str) -> None:
        """Take an execution back.

        Raises:
            RefusedError: it has none of that id, or took it back already.
        """

        def do(now: datetime) -> None:
            if not self._book.bust(self._number("x", execution_id), now=now):
                raise RefusedError(self._name, f"it has no execution {execution_id} to take back")

        await self._write(do)

    async def book_activity(
        self,
        account_number: str,
        kind: str,
        amount: Decimal,
        currency: str,
        *,
        symbol: str = "",
        said: str = "",
    ) -> None:
        """Book a dividend, a fee, a deposit.

        Args:
            account_number: the account.
            kind: as in `BrokerActivity`.
            amount: money, positive = it comes in, negative = it goes out.
            currency: ISO 4217.
            symbol: the asset it is of; "" = none.
            said: the broker's word; "" = the kind.
        """

        def book(now: datetime) -> None:
            self._store.add_balance(account_number, currency, amount, is_cash=True)
            self._store.run(
                "add_activity",
                account=account_number,
                kind=kind,
                said=said or kind,
                symbol=symbol,
                quantity=None,
                amount=f"{abs(amount):f}",
                currency=currency,
                booked_at=moment_text(now),
            )

        await self._write(book)

    # ── How it works ────────────────────────────────────────────────────────────────────────────────────

    async def _asked(self, call: Call, do: Callable[[timedelta], Awaitable[T]]) -> T:
        """Do what is asked, and go wrong as planned.

        Args:
            call: what sort of request it is.
            do: does it, so much later.
        """
        fault = self._faults(call)
        if fault is Fault.UNREACHABLE:
            raise NotReceivedError(self._name, "the connection was refused")
        if fault is Fault.REFUSE:
            raise RefusedError(self._name, "it does not want to")
        if fault is Fault.LOSE_REQUEST:
            raise OutcomeUnknownError(self._name, "no answer in time")
        if fault in {Fault.LOSE_REPLY, Fault.EXECUTE_LATE}:
            with suppress(RefusedError):  # nobody hears that either
                await do(self._settings.lateness if fault is Fault.EXECUTE_LATE else timedelta())
            raise OutcomeUnknownError(self._name, "no answer in time")
        answer = await do(timedelta())
        if fault is Fault.ANSWER_LATE:
            await self._sleep(self._settings.lateness.total_seconds())
        return answer

    async def _read(self, look: Callable[[datetime], T]) -> T:
        async def do(late: timedelta) -> T:
            del late
            await self._trade()
            return await self._write(look)

        return await self._asked(Call.READ, do)

    async def _write(self, do: Callable[[datetime], T]) -> T:
        """Do something in a transaction, beside the loop: the disk and other processes are waited for."""

        def in_transaction() -> T:
            with self._store.transaction():
                return do(self._clock())

        return await asyncio.to_thread(in_transaction)

    async def _trade(self) -> None:
        """Execute what has become due."""
        due = await self._write(lambda now: self._book.due(now=now))
        prices = {symbol: await self._price_of(symbol) for symbol in {order.symbol for order in due}}
        if prices:
            await self._write(lambda now: self._book.trade(prices, now=now))

    async def _worst_price(self, request: OrderRequest) -> Decimal:
        """Return what a unit is expected to cost at worst."""
        if request.limit_price is not None:
            return request.limit_price
        price = await self._price_of(request.symbol)
        if price is None:
            raise RefusedError(self._name, f"nobody knows what {request.symbol} costs")
        return slipped(price, Side.BUY, self._settings.slippage_bps)

    def _take(
        self, request: OrderRequest, price: Decimal, now: datetime, late: timedelta = timedelta()
    ) -> PaperOrder:
        parts = draw_parts(self._settings, self._chance)
        return self._book.take(request, reserved_price=price, parts=parts, appears_at=now + late, now=now)

    def _known(self, broker_order_id: str, now: datetime) -> PaperOrder:
        order = self._book.order(self._number("o", broker_order_id), now=now)
        if order is None:
            raise RefusedError(self._name, f"it has no order {broker_order_id}")
        return order

    def _working(self, broker_order_id: str, now: datetime) -> PaperOrder:
        order = self._known(broker_order_id, now)
        if order.state is not BrokerOrderState.WORKING:
            raise RefusedError(self._name, f"order {broker_order_id} is {order.state}")
        return order

    # ── Its keys and its words ──────────────────────────────────────────────────────────────────────────

    def _key(self, kind: str, number: int) -> str:
        return f"{self._key_start(kind)}{number}"

    def _key_start(self, kind: str) -> str:
        return f"{self._store.prefix}-{kind}"

    def _number(self, kind: str, key: str) -> int:
        """Return the number in a key of a kind; 0, which none has, for another's."""
        number = key.removeprefix(self._key_start(kind))
        return int(number) if number != key and number.isdecimal() else 0

    def _client_id(self, client_order_id: str) -> str:
        return client_order_id if self._settings.keeps_client_ids else ""

    def _shown(self, order: PaperOrder) -> BrokerOrder:
        return BrokerOrder(
            broker_order_id=self._key("o", order.number),
            client_order_id=self._client_id(order.client_order_id),
            symbol=order.symbol,
            side=order.side,
            quantity=order.quantity,
            state=order.state,
            filled_quantity=order.filled_quantity,
            submitted_at=order.appears_at,
            reason=order.reason,
        )

    def _fill(self, row: Row) -> BrokerFill:
        return BrokerFill(
            execution_id=self._key("x", row["execution"]),
            broker_order_id=self._key("o", row["order_number"]),
            client_order_id=self._client_id(row["client_order_id"]),
            symbol=row["symbol"],
            side=Side(row["side"]),
            quantity=Decimal(row["quantity"]),
            price=Decimal(row["price"]),
            currency=row["currency"],
            executed_at=datetime.fromisoformat(row["happened_at"]),
            is_bust=bool(row["is_bust"]),
        )

    def _activity(self, row: Row) -> BrokerActivity:
        return BrokerActivity(
            activity_id=self._key("a", row["number"]),
            kind=row["kind"],
            said=row["said"],
            symbol=row["symbol"],
            quantity=None if row["quantity"] is None else Decimal(row["quantity"]),
            amount=Decimal(row["amount"]),
            currency=row["currency"],
            booked_at=datetime.fromisoformat(row["booked_at"]),
            account_number=row["account"],
        )
