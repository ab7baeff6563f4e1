"""A broker without an interface: order files go out, files of fills come in, and a file says what accounts hold.

docs/reference/brokers.md has the columns. A file goes out once for a client id, whatever crashes; what became of an
order is what the files of fills say of it, and until they say so it works.
"""

import asyncio
import csv
import io
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from steelyard.brokers.file_folder import Folder
from steelyard.brokers.file_reports import (
    Event,
    Holding,
    Report,
    ReportFileError,
    read_holdings,
    read_reports,
)
from steelyard.brokers.port import (
    BrokerAccount,
    BrokerActivity,
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

T = TypeVar("T")

CANCEL: Final = ".cancel.csv"
ORDER: Final = ".csv"
CLIENT_ID: Final = re.compile(r"[A-Za-z0-9-]{1,48}")
PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ./_-]{0,63}")
"""What a cell of ours may be: nothing that a spreadsheet would take for a formula."""

ENDED: Final = {Event.CANCELLED: BrokerOrderState.CANCELLED, Event.REJECTED: BrokerOrderState.REJECTED}


class FileBroker:
    """A link to a broker by files."""

    def __init__(
        self, folder: Path, *, clock: Callable[[], datetime], name: str = "file", is_live: bool = False
    ) -> None:
        """Make what is not there of the folder.

        Args:
            folder: where the files are; any number of processes share it.
            clock: the time, with its zone.
            name: what the link is called.
            is_live: whether real money moves.

        Raises:
            NotReceivedError: the folder cannot be used.
        """
        self._name, self._clock, self._is_live = name, clock, is_live
        try:
            self._folder = Folder(folder)
        except OSError as error:
            raise NotReceivedError(name, f"its folder cannot be used: {error}") from error

    @property
    def name(self) -> str:
        """What the link is called."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return Capabilities(
            keeps_client_ids=True,
            finds_client_ids=True,
            replaces=False,
            has_fractions=True,
            is_live=self._is_live,
            settle_window=timedelta(),
        )

    async def place_order(self, request: OrderRequest) -> BrokerOrder:
        """Let an order's file go out, once for its client id.

        Raises:
            RefusedError: it cannot be written in a file, or another order has its client id.
            OutcomeUnknownError: the folder fails while the file goes out.
        """
        for cell in (request.symbol, *([request.account_number] if request.account_number else [])):
            if not PLAIN.fullmatch(cell):
                raise RefusedError(self._name, f"{cell!r} cannot stand in an order file")
        text = await self._send(request.client_order_id, ORDER, _order_row(request, self._clock()))
        if _asked(text) != _asked(_order_row(request, self._clock())):
            raise RefusedError(self._name, f"another order has the client id {request.client_order_id}")
        return await self._order(text)

    async def find_order(
        self, client_order_id: str, broker_order_id: str | None = None
    ) -> BrokerOrder | None:
        """Look up what went out under a client id, which is the broker's id here as well; None = nothing did."""
        return await self._find(broker_order_id or client_order_id)

    async def list_orders(self, since: datetime) -> Sequence[BrokerOrder]:
        """Return every order that went out at or after a moment."""
        names = [name for name in await self._do(self._folder.sent_names) if not name.endswith(CANCEL)]
        texts = [await self._do(partial(self._folder.find_sent, name)) for name in names]
        reports = await self._reports()
        found = [_state_of(_row(text), reports) for text in texts if text is not None]
        return [order for order in found if order.submitted_at is not None and order.submitted_at >= since]

    async def cancel_order(self, broker_order_id: str) -> None:
        """Let a cancellation go out; whether it counted is told by a file of fills.

        Raises:
            RefusedError: the order has ended, or never went out.
        """
        order = await self._find(broker_order_id)
        if order is None or order.state is not BrokerOrderState.WORKING:
            raise RefusedError(
                self._name, f"order {broker_order_id} is {order.state if order else 'not known'}"
            )
        row = {"client_order_id": broker_order_id, "action": "cancel", "sent_at": _written(self._clock())}
        await self._send(broker_order_id, CANCEL, row)

    async def replace_order(self, broker_order_id: str, request: OrderRequest) -> BrokerOrder:
        """Raise NotSupportedError: between two files an order could be filled."""
        del broker_order_id, request
        raise NotSupportedError(self._name, "replace an order")

    async def list_fills(self, after: str) -> FillPage:
        """Return the fills of the next file after a place; a file that cannot be read is told when others are read.

        Raises:
            ReportFileError: a file breaks a rule; what was good is read, and this one once it is put right.
        """
        fault = await self._do(self._take)
        pages = await self._do(self._folder.taken)
        place = int(after or 0)
        if place >= len(pages):
            if fault is not None:
                raise fault
            return FillPage((), after, is_last=True)
        fills = [one.fill for one in _reports(*pages[place]) if one.fill is not None]
        return FillPage(fills, str(place + 1), is_last=place + 1 == len(pages) and fault is None)

    async def list_activities(self, after: str) -> tuple[Sequence[BrokerActivity], str]:
        """Return nothing: what else is booked comes with the statements of the broker."""
        return (), after

    async def get_account(self, account_number: str = "") -> BrokerAccount:
        """Return what the file holdings.csv says of an account.

        Raises:
            NotReceivedError: the file is not there, or does not speak of the account.
            ReportFileError: it breaks a rule.
        """
        text = await self._do(lambda: self._folder.read_text("holdings.csv"))
        rows = [] if text is None else read_holdings("holdings.csv", text)
        rows = [row for row in rows if row.account == account_number]
        if not rows:
            raise NotReceivedError(self._name, f"holdings.csv says nothing of account {account_number!r}")
        return _account(account_number, rows)

    async def close(self) -> None:
        """Do nothing: no file stays open."""

    # ── How it works ────────────────────────────────────────────────────────────────────────────────────

    async def _send(self, client_order_id: str, ending: str, row: dict[str, str]) -> str:
        if not CLIENT_ID.fullmatch(client_order_id):
            raise RefusedError(self._name, f"{client_order_id!r} is no name of a file")
        return await self._do(lambda: self._folder.send(client_order_id + ending, _csv(row)))

    async def _find(self, client_order_id: str) -> BrokerOrder | None:
        if not CLIENT_ID.fullmatch(client_order_id):
            return None
        text = await self._do(lambda: self._folder.find_sent(client_order_id + ORDER))
        return None if text is None else await self._order(text)

    async def _order(self, text: str) -> BrokerOrder:
        """Say of an order that went out what the files of fills say of it."""
        return _state_of(_row(text), await self._reports())

    async def _reports(self) -> Sequence[Report]:
        await self._do(self._take)
        taken = await self._do(self._folder.taken)
        return [report for name, content in taken for report in _reports(name, content)]

    def _take(self) -> ReportFileError | None:
        """Take what came in and can be read; returns what is wrong with the first that cannot."""
        faults: list[ReportFileError] = []

        def is_good(name: str, content: bytes) -> bool:
            try:
                _reports(name, content)
            except ReportFileError as error:
                faults.append(error)
                return False
            return True

        self._folder.take(is_good)
        return faults[0] if faults else None

    async def _do(self, do: Callable[[], T]) -> T:
        """Work with files beside the loop."""
        try:
            return await asyncio.to_thread(do)
        except OSError as error:
            raise OutcomeUnknownError(self._name, f"its folder fails: {error}") from error


def _order_row(request: OrderRequest, now: datetime) -> dict[str, str]:
    return {
        "client_order_id": request.client_order_id,
        "account": request.account_number,
        "action": request.side.value,
        "asset": request.symbol,
        "quantity": f"{request.quantity:f}",
        "order_type": request.order_type.value,
        "limit_price": "" if request.limit_price is None else f"{request.limit_price:f}",
        "currency": request.currency,
        "sent_at": _written(now),
    }


def _asked(order: str | dict[str, str]) -> dict[str, str]:
    """Return what is asked, whenever it is."""
    row = _row(order) if isinstance(order, str) else order
    return {name: value for name, value in row.items() if name != "sent_at"}


def _state_of(row: dict[str, str], told: Sequence[Report]) -> BrokerOrder:
    reports = [report for report in told if report.client_order_id == row["client_order_id"]]
    executions: dict[str, Decimal] = {}
    busted = {one.fill.execution_id for one in reports if one.fill is not None and one.event is Event.BUST}
    for report in reports:
        if report.fill is not None and report.fill.execution_id not in busted:
            executions[report.fill.execution_id] = report.fill.quantity
    filled, quantity = sum(executions.values(), Decimal(0)), Decimal(row["quantity"])
    end = next((report for report in reversed(reports) if report.event in ENDED), None)
    state = BrokerOrderState.WORKING if end is None else ENDED[end.event]
    return BrokerOrder(
        broker_order_id=row["client_order_id"],
        client_order_id=row["client_order_id"],
        symbol=row["asset"],
        side=Side(row["action"]),
        quantity=quantity,
        state=BrokerOrderState.FILLED if filled >= quantity else state,
        filled_quantity=filled,
        submitted_at=datetime.fromisoformat(row["sent_at"]),
        reason=end.reason if end else "",
    )


def _account(number: str, rows: Sequence[Holding]) -> BrokerAccount:
    return BrokerAccount(
        number,
        cash={row.name: row.quantity for row in rows if row.is_cash},
        positions=[BrokerPosition(row.name, row.quantity) for row in rows if not row.is_cash],
        is_blocked=False,
        as_of=min(row.as_of for row in rows),
    )


def _reports(name: str, content: bytes) -> Sequence[Report]:
    try:
        return read_reports(name, content.decode())
    except UnicodeDecodeError as error:
        raise ReportFileError(name, 1, "it is not UTF-8") from error


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _csv(row: dict[str, str]) -> str:
    """Write a header and a row, as RFC 4180 wants it."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(row)
    lines.writerow(row.values())
    return text.getvalue()


def _row(text: str) -> dict[str, str]:
    return next(csv.DictReader(io.StringIO(text)))
