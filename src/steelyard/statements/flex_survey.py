"""A first look at an IBKR Flex file: what later rows need to know of earlier ones, and earlier of later."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from steelyard.statements.flex_fields import (
    Context,
    DayOrder,
    account_of,
    asset_of,
    filled,
    number_or_zero,
    slash_order,
    text_of,
)
from steelyard.statements.port import Source, StatementError
from steelyard.statements.record import Hint
from steelyard.statements.stated import RowError
from steelyard.statements.xml_document import Element, read_elements

MAX_KEPT: Final = 100_000
_ROW_DEPTH: Final = 5  # FlexQueryResponse, FlexStatements, FlexStatement, its section, the row
_NAMING: Final = {"SecuritiesInfo", "OpenPositions", "Trades"}
_LEVELS: Final = {
    "Order": "ORDER",
    "Lot": "CLOSED_LOT",
    "SymbolSummary": "SYMBOL_SUMMARY",
    "AssetSummary": "ASSET_SUMMARY",
    "WashSale": "WASH_SALE",
}

StatementKey = tuple[int, str, str]
RowKey = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Cancel:
    """A trade that was cancelled, and the row that cancels it.

    Attributes:
        line: of the trade.
        by: the line of what cancels it.
        charge: what stays charged of both, above 0 where it was paid.
    """

    line: int
    by: int
    charge: Decimal


@dataclass(slots=True)
class Survey:
    """What is known of a file once it was read through.

    Attributes:
        context: for its rows.
        levels: of detail there are, by statement: section and level.
        actions: the rows of each corporate action.
        cancelled: by the rows that are cancelled and those that cancel.
    """

    context: Context = field(default_factory=Context)
    levels: set[tuple[StatementKey, str, str]] = field(default_factory=set)
    actions: dict[tuple[str, str, str], list[Element]] = field(default_factory=dict)
    cancelled: dict[RowKey, Cancel] = field(default_factory=dict)

    def has(self, element: Element, level: str) -> bool:
        """Whether the section of a row has rows of a level."""
        return (statement_key(element), section_of(element), level) in self.levels

    def has_section(self, element: Element, section: str) -> bool:
        """Whether the statement of a row has rows in another section."""
        key = statement_key(element)
        return any(one == key and other == section for one, other, _ in self.levels)


def rows_of(source: Source) -> Iterator[Element]:
    """Yield every row of every statement.

    Raises:
        StatementError: the file is broken.
    """
    return read_elements(source, lambda path: len(path) == _ROW_DEPTH and path[2] == "FlexStatement")


def section_of(element: Element) -> str:
    """Return the section that a row stands in."""
    return element.parents[3].tag


def statement_key(element: Element) -> StatementKey:
    """Return what tells the statement of a row from the others."""
    statement = element.parents[2]
    return statement.line, text_of(statement, "accountId"), statement.attributes.get("whenGenerated", "")


def row_key(element: Element) -> RowKey:
    """Return what tells a trade from the others."""
    return element.line, text_of(element, "transactionID"), text_of(element, "tradeID")


def level_of(element: Element) -> str:
    """Return the level of detail of a row; "" where it says none."""
    return text_of(element, "levelOfDetail").upper() or _LEVELS.get(element.tag, "")


def action_key(element: Element) -> tuple[str, str, str]:
    """Return what the rows of one corporate action share: account, words and moment."""
    words = text_of(element, "description").rpartition(" (")[0] or text_of(element, "description")
    return account_of(element), words.strip(), text_of(element, "dateTime")


def is_cancel(element: Element) -> bool:
    """Whether a trade takes another back."""
    return text_of(element, "transactionType") == "TradeCancel" or text_of(element, "buySell").endswith(
        "(Ca.)"
    )


def survey(source: Source) -> Survey:
    """Read a file through.

    Raises:
        StatementError: it is broken, or has more than 100,000 assets, corporate actions or cancelled trades.
    """
    found, assets, orders, cancels = Survey(), dict[str, Hint](), set[DayOrder](), list[Element]()
    for element in rows_of(source):
        section = section_of(element)
        found.levels.add((statement_key(element), section, level_of(element)))
        orders |= {slash_order(text) for text in element.attributes.values() if "/" in text}
        if section in _NAMING and (conid := text_of(element, "conid")):
            _name(assets, conid, element)
        if section == "CorporateActions":
            found.actions.setdefault(action_key(element), []).append(element)
        if section == "Trades" and is_cancel(element):
            cancels.append(element)
        if max(len(assets), len(found.actions), len(cancels)) > MAX_KEPT:
            raise StatementError(
                source.name, f"has more than {MAX_KEPT:,} assets or corporate actions", element.line
            )
    found.context = Context(_order(orders), assets)
    if cancels:
        found.cancelled = _cancelled(source, cancels)
    return found


def _name(assets: dict[str, Hint], conid: str, element: Element) -> None:
    hint = asset_of(element, Context(), is_named=True, currency=text_of(element, "currency"))
    if hint:
        known = assets.get(conid)
        assets[conid] = filled(known, hint) if known else hint


def _order(orders: set[DayOrder]) -> DayOrder:
    said = orders - {DayOrder.UNKNOWN}
    return DayOrder.BOTH if len(said) > 1 else next(iter(said), DayOrder.UNKNOWN)


def _cancelled(source: Source, cancels: list[Element]) -> dict[RowKey, Cancel]:
    """Find what each row that cancels takes back: by the id that it names, of the same units the other way."""
    wanted: dict[tuple[str, str, str], Element] = {}
    for element in cancels:
        transaction, trade = text_of(element, "origTransactionID"), text_of(element, "origTradeID")
        by_transaction = transaction not in {"", "0"}
        kind, number = ("transactionID", transaction) if by_transaction else ("tradeID", trade)
        wanted[account_of(element), kind, number] = element
    found: dict[RowKey, Cancel] = {}
    for element in rows_of(source):
        if section_of(element) != "Trades" or is_cancel(element):
            continue
        for kind in ("transactionID", "tradeID"):
            cancel = wanted.get((account_of(element), kind, text_of(element, kind) or "?"))
            if cancel is not None and _takes_back(cancel, element):
                found[row_key(element)] = found[row_key(cancel)] = _joined(element, cancel)
    return found


def _takes_back(cancel: Element, trade: Element) -> bool:
    same = all(
        text_of(cancel, name) == text_of(trade, name)
        for name in ("symbol", "currency", "ibCommissionCurrency")
    )
    try:
        moved = [
            number_or_zero(cancel, name) + number_or_zero(trade, name) for name in ("quantity", "proceeds")
        ]
        _joined(trade, cancel)
    except RowError:
        return False  # said where the row is read
    return same and not any(moved)


def _joined(trade: Element, cancel: Element) -> Cancel:
    charged = [number_or_zero(row, name) for row in (trade, cancel) for name in ("ibCommission", "taxes")]
    return Cancel(trade.line, cancel.line, -sum(charged, Decimal(0)))
