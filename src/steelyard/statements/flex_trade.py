"""IBKR Flex rows that trade: shares, funds, bonds and currencies."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Final

from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.statements.flex_fields import (
    account_of,
    asset_of,
    currency_of,
    day_of,
    kept,
    number_of,
    number_or_zero,
    text_of,
)
from steelyard.statements.flex_survey import Cancel, Survey, is_cancel, level_of, row_key
from steelyard.statements.record import Record, Row, Skipped
from steelyard.statements.stated import (
    RowError,
    agree,
    check_agreement,
    in_major,
    product,
    read_currency,
    rounded,
)
from steelyard.statements.xml_document import Element

_UNITS: Final = {"STK", "FUND", "BOND", "BILL", "WAR", "IOPT", "CMDTY", "CRYPTO"}
_WITH_A_MULTIPLIER: Final = {"OPT", "FOP"}
_BONDS: Final = {"BOND", "BILL"}
_PERCENT: Final = Decimal("0.01")
_KINDS: Final = {
    ("BUY", False): TransactionKind.BUY,
    ("SELL", False): TransactionKind.SELL,
    ("BUY", True): TransactionKind.COVER,
    ("SELL", True): TransactionKind.SHORT,
}
_AGAINST: Final = {"BUY": "C", "SELL": "O"}
"""openCloseIndicator of a purchase that covers, and of a sale that opens a short position."""


def read_trade(element: Element, survey: Survey) -> Iterator[Row]:
    """Read a row of Trades; of two levels of detail one counts.

    Raises:
        RowError: it cannot be read, is an option or a future, or takes back a trade that the file does not hold.
    """
    level = level_of(element) or "EXECUTION"
    counted = "EXECUTION" if survey.has(element, "EXECUTION") or survey.has(element, "") else "ORDER"
    if not survey.has(element, counted) and not survey.has(element, ""):
        raise RowError(
            f"is of the level {level}, which sums trades up; add the level Execution to the Flex query"
        )
    if level != counted:
        yield Skipped(element.line, f"of the level {level}; the level {counted} stands beside it")
    elif cancel := survey.cancelled.get(row_key(element)):
        yield from _cancelled(element, survey, cancel)
    elif is_cancel(element):
        raise RowError("takes back a trade that the file does not hold; reverse it by hand")
    elif text_of(element, "assetCategory") == "CASH":
        yield from _exchange(element, survey)
    else:
        yield from _trade(element, survey)


def _cancelled(element: Element, survey: Survey, cancel: Cancel) -> Iterator[Row]:
    if not is_cancel(element):
        yield Skipped(element.line, f"a trade that line {cancel.by} takes back")
    elif not cancel.charge:
        yield Skipped(element.line, f"takes back the trade of line {cancel.line}")
    else:
        kind = TransactionKind.FEE if cancel.charge > 0 else TransactionKind.FEE_REFUND
        currency = currency_of(element, "ibCommissionCurrency")
        amount, currency = in_major(abs(cancel.charge), currency)
        record = _start(element, survey, kind, currency)
        note = f"what stays charged of the trade of line {cancel.line}, which was taken back"
        yield kept(replace(record, amount=amount, note=note))


def _exchange(element: Element, survey: Survey) -> Iterator[Row]:
    """Read a trade of currencies: EUR.USD sells or buys euros for dollars."""
    base, _, quote = text_of(element, "symbol").partition(".")
    currency = currency_of(element)
    if read_currency("symbol", base) == currency or quote != currency:
        raise RowError(f"`symbol` is {text_of(element, 'symbol')!r} and `currency` {currency}: not a pair")
    side, units = _side(element), number_of(element, "quantity")
    paid = _amount(element, units)
    if text_of(element, "tradePrice"):
        check_agreement(abs(units), number_of(element, "tradePrice"), paid)
    bought, sold = (base, abs(units)), (currency, paid)
    if side == "SELL":
        bought, sold = sold, bought
    record = replace(
        _start(element, survey, TransactionKind.FX, sold[0]),
        asset=None,
        amount=sold[1],
        counter_currency=bought[0],
        counter_amount=bought[1],
        note=text_of(element, "description"),
    )
    charged = [(name, number_or_zero(element, name)) for name in ("ibCommission", "taxes")]
    extra = [one for name, stated in charged for one in _charged(element, record, name, stated)]
    yield from _numbered([kept(record), *extra])


def _trade(element: Element, survey: Survey) -> Iterator[Row]:
    _check_category(element)
    side, units, currency = _side(element), number_of(element, "quantity"), currency_of(element)
    opens = text_of(element, "openCloseIndicator")
    if opens not in {"", "O", "C"}:
        raise RowError(
            f"`openCloseIndicator` is {opens!r}: a trade from long to short is two; book both by hand"
        )
    taxes, commission = number_or_zero(element, "taxes"), number_or_zero(element, "ibCommission")
    has_own_currency = text_of(element, "ibCommissionCurrency") in {"", text_of(element, "currency")}
    fees = -commission if has_own_currency and commission < 0 else ZERO
    tax = max(-taxes, ZERO)
    amount = _amount(element, units, charged=fees + tax)
    _check_net(
        element, amount if side == "SELL" else -amount, taxes + (commission if has_own_currency else ZERO)
    )
    record = _start(element, survey, _KINDS[side, opens == _AGAINST[side]], in_major(ZERO, currency)[1])
    if record.asset is None:
        raise RowError("`symbol` is absent: a trade of what?")
    record = replace(record, quantity=abs(units), price=_price(element, units, amount, currency))
    amount, fees, tax = (in_major(number, currency)[0] for number in (amount, fees, tax))
    record = kept(replace(record, amount=amount, costs=rounded(fees + tax), tax=rounded(tax)))
    extra = _charged(element, record, "ibCommission", ZERO if fees else commission)
    yield from _numbered([record, *extra, *_charged(element, record, "taxes", max(taxes, ZERO))])


def _check_category(element: Element) -> None:
    category, multiplier = text_of(element, "assetCategory"), number_or_zero(element, "multiplier")
    if category not in _UNITS | _WITH_A_MULTIPLIER:
        raise RowError(f"`assetCategory` is {category[:20]!r}; only units that are held are booked")
    if multiplier not in {0, 1} or (category in _WITH_A_MULTIPLIER and multiplier != 1):
        what = "an option" if category in _WITH_A_MULTIPLIER else "a trade"
        raise RowError(f"is {what} with a multiplier of {multiplier:f}; only units times price are booked")


def _side(element: Element) -> str:
    side, units = text_of(element, "buySell").upper(), number_of(element, "quantity")
    if side not in _AGAINST or not units or (units > 0) is not (side == "BUY"):
        raise RowError(f"`buySell` is {side!r} and `quantity` {units:f}: which way cannot be told")
    return side


def _amount(element: Element, units: Decimal, *, charged: Decimal = ZERO) -> Decimal:
    """Return what was paid or received without costs, from the first attribute that states it."""
    for name in ("proceeds", "tradeMoney"):
        if text_of(element, name):
            stated = number_of(element, name)
            expected_sign = -1 if name == "proceeds" else 1
            if stated * units * expected_sign < 0:
                raise RowError(f"`quantity` is {units:f} and `{name}` {stated:f}: which way cannot be told")
            return abs(stated)
    if text_of(element, "tradePrice"):
        return product(abs(units), number_of(element, "tradePrice"))
    closes = text_of(element, "openCloseIndicator") == "C"
    if units > 0 and not closes and text_of(element, "cost"):  # what a purchase cost, commission included
        return number_of(element, "cost") - charged
    raise RowError("`proceeds`, `tradeMoney` and `tradePrice` are absent or empty")


def _check_net(element: Element, proceeds: Decimal, charged: Decimal) -> None:
    if not text_of(element, "netCash"):
        return
    net = number_of(element, "netCash")
    if not agree(net, proceeds + charged):
        raise RowError(f"`netCash` is {net:f}, and proceeds and charges make {proceeds + charged:f}")


def _price(element: Element, units: Decimal, amount: Decimal, currency: str) -> Decimal | None:
    if not text_of(element, "tradePrice"):
        return None
    price, units = number_of(element, "tradePrice"), abs(units)
    of_face = product(price, _PERCENT)
    if text_of(element, "assetCategory") in _BONDS and agree(product(units, of_face), amount):
        price = of_face
    check_agreement(units, price, amount)
    return in_major(price, currency)[0]


def _start(element: Element, survey: Survey, kind: TransactionKind, currency: str) -> Record:
    context = survey.context
    trade_date = day_of(element, context.order, "tradeDate", "dateTime")
    settled = text_of(element, "settleDateTarget")
    return Record(
        kind=kind,
        line=element.line,
        trade_date=trade_date,
        account=account_of(element),
        currency=currency,
        settlement_date=day_of(element, context.order, "settleDateTarget") if settled else None,
        asset=asset_of(element, context, is_named=True, currency=currency_of(element)),
        source_id=next((found for name in _IDS if (found := text_of(element, name))), ""),
        note="" if text_of(element, "transactionType") in _USUAL else text_of(element, "transactionType"),
    )


_IDS: Final = ("transactionID", "tradeID", "ibExecID", "ibOrderID")
_USUAL: Final = {"", "ExchTrade"}


def _charged(element: Element, record: Record, name: str, stated: Decimal) -> list[Record]:
    """Return what is charged or given back beside a trade, as a record of its own: nothing, or one."""
    if not stated:
        return []
    in_commission = name == "ibCommission" and bool(text_of(element, "ibCommissionCurrency"))
    currency = currency_of(element, "ibCommissionCurrency" if in_commission else "currency")
    amount, currency = in_major(abs(stated), currency)
    paid, back = (
        (TransactionKind.FEE, TransactionKind.FEE_REFUND)
        if name == "ibCommission"
        else (TransactionKind.TAX, TransactionKind.TAX_REFUND)
    )
    zeros = replace(
        record, quantity=ZERO, price=None, costs=ZERO, tax=ZERO, counter_currency="", counter_amount=ZERO
    )
    return [kept(replace(zeros, kind=paid if stated < 0 else back, currency=currency, amount=amount))]


def _numbered(records: list[Record]) -> Iterator[Record]:
    """Yield the records of one row, each with an id of its own."""
    for place, record in enumerate(records, 1):
        is_one = len(records) == 1 or not record.source_id
        yield record if is_one else replace(record, source_id=f"{record.source_id}/{place}")
