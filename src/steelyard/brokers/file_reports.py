"""The files that a broker without an interface writes: what was filled, taken back, cancelled; and what it holds.

CSV with a header, in UTF-8; the columns stand in any order. A row that breaks a rule is named, and nothing of its file
is taken.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from steelyard.brokers.port import BrokerFill
from steelyard.domain.amount import AmountError, read_amount
from steelyard.domain.money import CURRENCIES
from steelyard.domain.order import Side
from steelyard.errors import UpstreamError

NEEDED: Final = (
    "client_order_id",
    "execution_id",
    "asset",
    "action",
    "quantity",
    "price",
    "currency",
    "executed_at",
)
OPTIONAL: Final = ("event", "fees", "reason")
HOLDINGS: Final = ("account", "kind", "name", "quantity", "as_of")


class ReportFileError(UpstreamError):
    """A file of the broker breaks a rule."""

    def __init__(self, file: str, line: int, rule: str) -> None:
        """Name the file, the line and the rule."""
        super().__init__(
            f"{file}, line {line}: {rule}. Nothing of the file was taken; put it right and leave it there."
        )


class Event(StrEnum):
    """What a row tells."""

    FILL = "fill"
    BUST = "bust"
    """The execution of that id is taken back."""
    CANCELLED = "cancelled"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A row: of an execution its fill, of an ended order the reason.

    Attributes:
        event: what it tells.
        client_order_id: the order.
        fill: of a fill and a bust; None of the others.
        reason: why the order ended.
    """

    event: Event
    client_order_id: str
    fill: BrokerFill | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A row of holdings.csv: units of an asset, or money where `is_cash`."""

    account: str
    is_cash: bool
    name: str
    quantity: Decimal
    as_of: datetime


def read_reports(file: str, text: str) -> Sequence[Report]:
    r"""Read a file of fills.

    Args:
        file: its name, for errors.
        text: what it holds.

    Raises:
        ReportFileError: a column is missing or unknown, or a row breaks a rule.

    >>> head = "client_order_id,execution_id,asset,action,quantity,price,currency,executed_at\n"
    >>> read_reports("a.csv", head + "S1,X1,VTI,buy,2,250.10,USD,2024-03-14T15:30:00Z\n")[0].fill.quantity
    Decimal('2')
    """
    return [_Row(file, line, cells).report() for line, cells in _rows(file, text, NEEDED, OPTIONAL)]


def read_holdings(file: str, text: str) -> Sequence[Holding]:
    """Read a file of what accounts hold; raises as `read_reports`."""
    return [_Row(file, line, cells).holding() for line, cells in _rows(file, text, HOLDINGS, ())]


def _rows(
    file: str, text: str, needed: Sequence[str], optional: Sequence[str]
) -> Iterator[tuple[int, Mapping[str, str]]]:
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        header = [cell.strip() for cell in next(lines, [])]
        _check_header(file, header, needed, optional)
        for cells in lines:
            if len(cells) != len(header):
                raise ReportFileError(file, lines.line_num, f"it has {len(cells)} cells, not {len(header)}")
            yield lines.line_num, dict(zip(header, map(str.strip, cells), strict=True))
    except csv.Error as error:
        raise ReportFileError(file, lines.line_num, f"it is no CSV ({error})") from error


def _check_header(file: str, header: Sequence[str], needed: Sequence[str], optional: Sequence[str]) -> None:
    for name in needed:
        if name not in header:
            raise ReportFileError(file, 1, f"there is no column {name}")
    for name in header:
        if name not in {*needed, *optional} or header.count(name) > 1:
            raise ReportFileError(file, 1, f"the column {name!r} is not known, or there twice")


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a file, and where it stands."""

    file: str
    line: int
    cells: Mapping[str, str]

    def report(self) -> Report:
        event = self._event()
        is_execution = event in {Event.FILL, Event.BUST}
        return Report(
            event=event,
            client_order_id=self._filled("client_order_id"),
            fill=self._fill(is_bust=event is Event.BUST) if is_execution else None,
            reason=self.cells.get("reason", ""),
        )

    def holding(self) -> Holding:
        kind = self.cells["kind"]
        if kind not in {"cash", "position"}:
            raise self._fault("kind is neither cash nor position")
        return Holding(
            account=self.cells["account"],
            is_cash=kind == "cash",
            name=self._currency("name") if kind == "cash" else self._filled("name"),
            quantity=self._number("quantity"),
            as_of=self._moment("as_of"),
        )

    def _fill(self, *, is_bust: bool) -> BrokerFill:
        action = self.cells["action"]
        if action not in {"buy", "sell"}:
            raise self._fault("action is neither buy nor sell")
        return BrokerFill(
            execution_id=self._filled("execution_id"),
            broker_order_id=self._filled("client_order_id"),
            client_order_id=self._filled("client_order_id"),
            symbol=self._filled("asset"),
            side=Side(action),
            quantity=self._above_zero("quantity"),
            price=self._above_zero("price"),
            currency=self._currency("currency"),
            executed_at=self._moment("executed_at"),
            fees=self._fees(),
            is_bust=is_bust,
        )

    def _event(self) -> Event:
        text = self.cells.get("event") or Event.FILL.value
        if text not in set(Event):
            raise self._fault(f"event is none of {', '.join(Event)}")
        return Event(text)

    def _filled(self, name: str) -> str:
        if not self.cells[name]:
            raise self._fault(f"{name} is empty")
        return self.cells[name]

    def _number(self, name: str) -> Decimal:
        try:
            return read_amount(name, self.cells[name])
        except AmountError as error:
            raise self._fault(f"{name} is {error.why}") from error

    def _above_zero(self, name: str) -> Decimal:
        number = self._number(name)
        if number <= 0:
            raise self._fault(f"{name} is not above 0")
        return number

    def _fees(self) -> Decimal:
        fees = self._number("fees") if self.cells.get("fees") else Decimal(0)
        if fees < 0:
            raise self._fault("fees are below 0")
        return fees

    def _currency(self, name: str) -> str:
        if self.cells[name] not in CURRENCIES:
            raise self._fault(f"{name} is no currency of ISO 4217")
        return self.cells[name]

    def _moment(self, name: str) -> datetime:
        try:
            moment = datetime.fromisoformat(self.cells[name])
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise self._fault(f"{name} is no time with its offset, such as 2024-03-14T15:30:00Z")
        return moment.astimezone(UTC)

    def _fault(self, rule: str) -> ReportFileError:
        return ReportFileError(self.file, self.line, rule)
