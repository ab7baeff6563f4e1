"""Ghostfolio's export: activities, and the cash that its accounts say they have."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from steelyard.domain.amount import AmountError, read_amount
from steelyard.domain.asset import is_isin
from steelyard.domain.money import (
    EXACT,
    MONEY_PLACES,
    is_currency,
    major_currency,
    round_half_up,
    units_per_major,
)
from steelyard.domain.transaction import ZERO, TransactionKind
from steelyard.statements.json_document import Item, read_items
from steelyard.statements.port import Source, StatementError
from steelyard.statements.record import Held, Hint, Record, Refused, Row

_MANUAL: Final = "MANUAL"
_DATA_SOURCES: Final = {
    "ALPHA_VANTAGE",
    "COINGECKO",
    "EOD_HISTORICAL_DATA",
    "FINANCIAL_MODELING_PREP",
    "GHOSTFOLIO",
    "GOOGLE_SHEETS",
    _MANUAL,
    "RAPID_API",
    "YAHOO",
}
_KINDS: Final = {
    "BUY": TransactionKind.BUY,
    "SELL": TransactionKind.SELL,
    "ITEM": TransactionKind.BUY,
    "DIVIDEND": TransactionKind.DIVIDEND,
    "INTEREST": TransactionKind.INTEREST,
    "FEE": TransactionKind.FEE,
}
_OF_CASH: Final = {TransactionKind.INTEREST, TransactionKind.FEE}
_MINOR: Final = {"GBp": "GBX", "ZAc": "ZAC"}
_FIRST_YEAR: Final = 1970
_MAX_PROFILES: Final = 20_000
_MAX_TEXT: Final = 1000

_LOOKS_LIKE: Final = re.compile(
    r'\s*\{(?=.*?"activities"\s*:\s*\[)(?=.*?"(?:meta|dataSource)"\s*:)', re.DOTALL
)
_EXPORTED: Final = re.compile(r'\s*\{\s*"meta"\s*:\s*\{.*?"(?:accounts|assetProfiles)"\s*:\s*\[', re.DOTALL)
_DAY: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:T(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_SYMBOL: Final = re.compile(r"\^?[A-Za-z0-9][A-Za-z0-9.\-=&_:/]{0,63}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class _UnfitError(Exception):
    """A field is not what it must be; carries a clause."""


@dataclass(frozen=True, slots=True)
class _Export:
    """What the rest of the file says of its activities.

    Attributes:
        profiles: of assets, by data source and symbol.
        namesakes: names that more than one asset has.
        day: on which it was exported.
    """

    profiles: Mapping[tuple[str, str], Hint]
    namesakes: frozenset[str]
    day: date | None


@dataclass(frozen=True, slots=True)
class GhostfolioReader:
    """Reads what Ghostfolio exports as JSON, and what others write for it."""

    name: str = field(default="ghostfolio_json", init=False)
    title: str = field(default="Ghostfolio, JSON", init=False)

    def miss(self, source: Source) -> str | None:
        """Return what the head lacks."""
        head = source.head_text
        if not head.lstrip().startswith("{"):
            return "a JSON object"
        known = _LOOKS_LIKE.match(head) or _EXPORTED.match(head)
        return None if known else "a list `activities` beside `meta`"

    def read(self, source: Source) -> Iterator[Row]:
        """Read the balances of the accounts and the activities, in the order of the file."""
        export, has_activities = _read_export(source)
        if not has_activities:
            raise StatementError(source.name, "there is no list `activities`")
        for item in read_items(source):
            if item.name == "activities" and item.is_element:
                yield _read_activity(item, export)
            elif item.name == "accounts" and item.is_element:
                yield from _read_balances(item, export)


def _read_export(source: Source) -> tuple[_Export, bool]:
    """Read what stands around the activities: it may come after them."""
    profiles: dict[tuple[str, str], Hint] = {}
    day, has_activities = None, False
    for item in read_items(source):
        if item.name == "activities":
            has_activities = True
            if not item.is_element and item.value != []:
                raise StatementError(source.name, "`activities` is no list", item.line)
        elif item.name == "assetProfiles" and isinstance(item.value, dict):
            profiles[_text(item.value, "dataSource"), _text(item.value, "symbol")] = _read_profile(item.value)
            if len(profiles) > _MAX_PROFILES:
                raise StatementError(
                    source.name, f"there are more than {_MAX_PROFILES:,} assetProfiles", item.line
                )
        elif item.name == "meta" and isinstance(item.value, dict):
            day = _day_or_none(item.value.get("date"))
    names = Counter(hint.name for hint in profiles.values())
    return _Export(profiles, frozenset(name for name in names if names[name] > 1), day), has_activities


def _read_profile(profile: Mapping[str, Any]) -> Hint:
    isin = _text(profile, "isin").upper()
    return Hint(
        isin=isin if is_isin(isin) else "",
        symbol=_text(profile, "symbol"),
        name=_text(profile, "name"),
        cusip=_text(profile, "cusip").upper(),
        kind=_text(profile, "assetSubClass") or _text(profile, "assetClass"),
    )


def _read_activity(item: Item, export: _Export) -> Row:
    if not isinstance(item.value, dict):
        return Refused(item.line, "an activity is no object")
    try:
        return _record(item.line, item.value, export)
    except (_UnfitError, AmountError) as error:
        return Refused(item.line, str(error).removesuffix("."))


def _record(line: int, activity: Mapping[str, Any], export: _Export) -> Record:
    kind = _read_kind(activity)
    day = _read_day(activity.get("date"), "date")
    code, currency = _read_currency(activity)
    quantity, price, fee = (_number(activity, name) for name in ("quantity", "unitPrice", "fee"))
    asset = _read_asset(activity, export, code, is_cash=kind in _OF_CASH)
    worth = _rounded(_in_major(EXACT.multiply(quantity, price), code))
    costs = _in_major(fee, code)
    if kind is TransactionKind.FEE:
        if worth and costs:
            raise _UnfitError(f"a FEE has a `fee` of {fee} and a `unitPrice` of {price}: which is it")
        worth, costs = worth or costs, ZERO
    has_units = kind in {TransactionKind.BUY, TransactionKind.SELL}
    return Record(
        kind=kind,
        line=line,
        trade_date=day,
        account=_text(activity, "accountId"),
        currency=currency,
        amount=worth,
        costs=costs,
        asset=None if kind in _OF_CASH and activity.get("dataSource") == _MANUAL else asset,
        quantity=quantity if has_units else ZERO,
        price=_in_major(price, code) if has_units else None,
        source_id=_text(activity, "id"),
        note=_text(activity, "comment") or asset.name,
    )


def _read_kind(activity: Mapping[str, Any]) -> TransactionKind:
    word = _text(activity, "type")
    if word == "LIABILITY":
        raise _UnfitError("`type` is LIABILITY: a debt is stated and nothing is moved; leave the row out")
    if word not in _KINDS:
        raise _UnfitError(f"`type` is {_shown(activity.get('type'))}, none of {', '.join(_KINDS)}")
    return _KINDS[word]


def _read_day(value: object, name: str) -> date:
    day = _day_or_none(value)
    if day is None:
        raise _UnfitError(f"`{name}` is {_shown(value)}, no date such as 2024-03-14T00:00:00.000Z")
    if day.year < _FIRST_YEAR:
        raise _UnfitError(f"`{name}` is {day}; Ghostfolio knows no day before {_FIRST_YEAR}")
    return day


def _day_or_none(value: object) -> date | None:
    written = _DAY.fullmatch(value) if isinstance(value, str) else None
    try:
        return date.fromisoformat(written[1]) if written else None
    except ValueError:
        return None  # a day that the calendar does not have


def _read_currency(holder: Mapping[str, Any]) -> tuple[str, str]:
    """Return the code as the house writes it, and the currency that amounts become."""
    written = _text(holder, "currency")
    code = _MINOR.get(written, written)
    if not is_currency(code):
        raise _UnfitError(f"`currency` is {_shown(holder.get('currency'))}, no code such as USD")
    return code, major_currency(code)


def _in_major(number: Decimal, code: str) -> Decimal:
    """Turn pence into pounds: exact, for a currency has 100 of them."""
    return number if units_per_major(code) == 1 else EXACT.divide(number, Decimal(units_per_major(code)))


def _rounded(amount: Decimal) -> Decimal:
    """Return what quantity and price make, in the places of money at rest; what has no more stays as it is."""
    rounded = round_half_up(amount, MONEY_PLACES)
    return amount if amount == rounded else rounded


def _number(activity: Mapping[str, Any], name: str) -> Decimal:
    number = read_amount(f"`{name}`", activity.get(name))
    if number < 0:
        raise _UnfitError(f"`{name}` is {number}, below 0; `type` gives the direction")
    return number


def _read_asset(activity: Mapping[str, Any], export: _Export, code: str, *, is_cash: bool) -> Hint:
    data_source, symbol = _text(activity, "dataSource"), _text(activity, "symbol")
    if data_source not in _DATA_SOURCES:
        shown = _shown(activity.get("dataSource"))
        raise _UnfitError(f"`dataSource` is {shown}, none of {', '.join(sorted(_DATA_SOURCES))}")
    profile = export.profiles.get(
        (data_source, symbol), Hint(symbol=symbol, isin=symbol if is_isin(symbol) else "")
    )
    if data_source == _MANUAL:
        if not (profile.name or _UUID.fullmatch(symbol) or (is_cash and symbol)):
            raise _UnfitError(
                f"`symbol` is {_shown(symbol)}: of {_MANUAL} it is a UUID, or in `assetProfiles`"
            )
        return Hint(name=_manual_name(symbol, export), currency=code, kind=profile.kind)
    if not _SYMBOL.fullmatch(symbol):
        raise _UnfitError(f"`symbol` is {_shown(activity.get('symbol'))}, no symbol of {data_source}")
    return Hint(
        isin=profile.isin,
        symbol=symbol,
        name=profile.name,
        currency=code,
        cusip=profile.cusip,
        kind=profile.kind,
    )


def _manual_name(symbol: str, export: _Export) -> str:
    """Return what people call an asset of their own; two of one name are told apart by their symbols."""
    name = export.profiles.get((_MANUAL, symbol), Hint()).name
    if not name:
        return symbol
    return f"{name} ({symbol})" if name in export.namesakes else name


def _read_balances(item: Item, export: _Export) -> Iterator[Row]:
    """Yield the cash that an account says it has: by day, or of old exports on the day of the file."""
    account = item.value
    if not isinstance(account, dict):
        yield Refused(item.line, "an account is no object")
        return
    balances = account.get("balances")
    if not balances:
        stated = account.get("balance")
        balances = (
            []
            if stated is None or export.day is None
            else [{"date": export.day.isoformat(), "value": stated}]
        )
    for balance in balances if isinstance(balances, list) else [balances]:
        try:
            yield _held(item.line, account, balance)
        except (_UnfitError, AmountError) as error:
            yield Refused(item.line, f"a balance of the account: {str(error).removesuffix('.')}")


def _held(line: int, account: Mapping[str, Any], balance: object) -> Held:
    if not isinstance(balance, dict):
        raise _UnfitError("it is no object")
    day = _read_day(balance.get("date"), "date")
    code, currency = _read_currency(account)
    return Held(
        line,
        _text(account, "id"),
        day,
        None,
        currency,
        _in_major(read_amount("`value`", balance.get("value")), code),
    )


def _text(holder: Mapping[str, Any], name: str) -> str:
    """Return a field's text; "" where there is none, or null."""
    value = holder.get(name)
    return value[:_MAX_TEXT] if isinstance(value, str) else ""


def _shown(value: object) -> str:
    return "missing" if value is None else repr(value)[:64]
