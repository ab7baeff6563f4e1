"""Flex statements of Interactive Brokers, as XML: what the sections of an Activity Flex query hold."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Final

from steelyard.statements.flex_action import read_action
from steelyard.statements.flex_cash import read_payment, read_sales_tax, read_transfer
from steelyard.statements.flex_fields import account_of, asset_of, currency_of, day_of, number_of, text_of
from steelyard.statements.flex_survey import Survey, level_of, rows_of, section_of, survey
from steelyard.statements.flex_trade import read_trade
from steelyard.statements.port import Source, StatementError
from steelyard.statements.record import Held, Refused, Row, Skipped
from steelyard.statements.stated import RowError, in_major
from steelyard.statements.xml_document import Element, read_elements, root_of

_ROOT: Final = "FlexQueryResponse"
_ERROR_ROOT: Final = "FlexStatementResponse"
_ABOUT: Final = {
    **dict.fromkeys(
        ("ChangeInNAV", "ChangeInPositionValues", "EquitySummaryInBase", "NetStockPositionSummary"),
        "a figure about the account",
    ),
    **dict.fromkeys(
        (
            *("MTMPerformanceSummaryInBase", "MTDYTDPerformanceSummary", "FIFOPerformanceSummaryInBase"),
            *("MTDYTDPerformanceSummaryUnderlying", "UnbundledCommissionDetails"),
        ),
        "a figure about what was gained",
    ),
    **dict.fromkeys(
        ("ChangeInDividendAccruals", "OpenDividendAccruals", "InterestAccruals", "TierInterestDetails"),
        "a payment that is expected, or how one was reckoned",
    ),
    **dict.fromkeys(
        ("FxTransactions", "FxLots", "FxPositions"), "the side in the base currency of other rows"
    ),
    "ConversionRates": "an exchange rate",
    "OptionEAE": "the end of an option, whose trades stand in Trades",
    "PriorPeriodPositions": "a position of an earlier day",
    "SecuritiesInfo": "a description of an asset",
}
"""Sections whose rows move nothing, or say again what moves elsewhere."""


class FlexReader:
    """Reads the XML of an Activity Flex query."""

    name = "ibkr_flex"
    title = "Interactive Brokers, Flex query (XML)"

    def miss(self, source: Source) -> str | None:
        """Return what the file lacks: its outermost element is <FlexQueryResponse>, or the refusal of one."""
        is_flex = root_of(source.head)[1] in {_ROOT, _ERROR_ROOT}
        return None if is_flex else f"a <{_ROOT}> element"

    def read(self, source: Source) -> Iterator[Row]:
        """Read every statement in it.

        Raises:
            StatementError: it is broken, holds no row, or says why there is no statement.
        """
        if root_of(source.head)[1] == _ERROR_ROOT:
            raise StatementError(
                source.name, f"holds no statement; Interactive Brokers says: {_error(source)}"
            )
        known, is_empty = survey(source), True
        for element in rows_of(source):
            is_empty = False
            yield from _read_row(element, known)
        if is_empty:
            raise StatementError(source.name, "holds no row; choose sections in the Flex query")


def _read_row(element: Element, known: Survey) -> Iterator[Row]:
    section = section_of(element)
    if why := _ABOUT.get(section):
        yield Skipped(element.line, why)
    elif section not in _READINGS:
        yield Refused(element.line, f"stands in the section {section[:60]}, which is not known here")
    else:
        try:
            yield from list(_READINGS[section](element, known))
        except RowError as error:
            yield Refused(element.line, error.why)


def _read_position(element: Element, known: Survey) -> Iterator[Row]:
    """Read a row of OpenPositions."""
    if level_of(element) == "LOT" and (known.has(element, "SUMMARY") or known.has(element, "")):
        yield Skipped(element.line, "a lot of a position that stands beside it")
        return
    currency = currency_of(element)
    asset = asset_of(element, known.context, is_named=True, currency=currency)
    if asset is None:
        raise RowError("`symbol` is absent: a position of what?")
    major = in_major(number_of(element, "position") * 0, currency)[1]
    day = _closing_day(element, known, "reportDate")
    yield Held(element.line, account_of(element), day, asset, major, number_of(element, "position"))


def _read_cash(element: Element, known: Survey) -> Iterator[Row]:
    """Read a row of CashReport."""
    if text_of(element, "currency") == "BASE_SUMMARY":
        yield Skipped(element.line, "the cash of all currencies, in the base currency")
        return
    cash, currency = in_major(number_of(element, "endingCash"), currency_of(element))
    yield Held(
        element.line, account_of(element), _closing_day(element, known, "toDate"), None, currency, cash
    )


def _closing_day(element: Element, known: Survey, name: str) -> date:
    """Return the day of a row, or else the last of its statement."""
    of = element if text_of(element, name) else element.parents[2]
    return day_of(of, known.context.order, name if of is element else "toDate")


def _read_line_of_funds(element: Element, known: Survey) -> Iterator[Row]:
    """Skip a row of StmtFunds where what it lists stands in sections of its own."""
    if not any(known.has_section(element, section) for section in ("Trades", "CashTransactions")):
        raise RowError(
            "is a line of the statement of funds; add Trades and Cash Transactions to the Flex query"
        )
    yield Skipped(element.line, "a line of the statement of funds; what it lists stands in its own sections")


Reading = Callable[[Element, Survey], Iterator[Row]]
_READINGS: Final[dict[str, Reading]] = {
    "CashReport": _read_cash,
    "CashTransactions": read_payment,
    "CorporateActions": read_action,
    "OpenPositions": _read_position,
    "SalesTaxes": read_sales_tax,
    "StmtFunds": _read_line_of_funds,
    "Trades": read_trade,
    "Transfers": read_transfer,
}


def _error(source: Source) -> str:
    said = read_elements(source, lambda path: path[-1] in {"ErrorCode", "ErrorMessage", "Status"})
    return ", ".join(element.text for element in said if element.text).rstrip(".") or "nothing"
