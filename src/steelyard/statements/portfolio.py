"""One account from a file: a row per asset in CSV, or the same and more in JSON.

It needs the standard library only, so that a small account is answered at once.
docs/reference/rebalancing-files.md describes the formats.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any, Final

from steelyard.domain.amount import read_amount
from steelyard.domain.asset import normalize_asset_id
from steelyard.domain.money import EXACT, is_currency, major_currency, units_per_major
from steelyard.domain.portfolio import Portfolio, Price
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.options import Locks, PerAsset
from steelyard.rebalancing.policy import Policy
from steelyard.statements.input_file import InputFileError, check_names, csv_rows, read_text
from steelyard.statements.lot import read_lot
from steelyard.statements.policy import read_policy

CASH: Final = "$CASH"
"""Stands for cash in the column `asset`; no asset id holds a dollar sign."""

AMOUNTS: Final = ("quantity", "price", "target_weight", "lot_size", "maximum_weight")
FLAGS: Final = ("no_buy", "no_sell", "hold", "restricted")
COLUMNS: Final = ("asset", *AMOUNTS, "currency", *FLAGS, "substitute")
DOCUMENT_KEYS: Final = ("account", "currency", "rates", "assets", "lots", "policy")
_YES: Final = {"yes", "true", "1", "x"}
_NO: Final = {"no", "false", "0", ""}


@dataclass(frozen=True, slots=True)
class AccountFile:
    """What a file says of an account: what it holds and wants, and how it is to be rebalanced."""

    portfolio: Portfolio
    policy: Policy


@dataclass(slots=True)
class _Row:
    """One asset, or cash, and where it stands."""

    place: str
    asset: str
    currency: str
    amounts: dict[str, Decimal] = field(default_factory=dict)
    flags: set[str] = field(default_factory=set)
    substitute: str = ""


def read_account_file(path: Path) -> AccountFile:
    """Return the account of a CSV or JSON file, told apart by the ending of its name.

    Raises:
        InvalidInputError: the file cannot be read, or a row breaks a rule; names the line and the reason.
    """
    text = read_text(path)
    if path.suffix.lower() == ".json":
        return _from_document(_document(text, path), path)
    rows = [_row(cells, place) for place, cells in csv_rows(text, path, COLUMNS, needed=("asset",))]
    return _account(rows, path, Policy())


# ── JSON ────────────────────────────────────────────────────────────────────────────────────────────────


def _document(text: str, path: Path) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise InputFileError(f"{path}", f"the key {name!r} stands twice in one object")
            found[name] = value
        return found

    def refuse(literal: str) -> Any:
        raise InputFileError(f"{path}", f"{literal} is no number")

    try:
        document = json.loads(text, parse_float=Decimal, parse_constant=refuse, object_pairs_hook=once)
    except ValueError as error:
        raise InputFileError(f"{path}", f"is no JSON: {error}") from error
    except RecursionError as error:
        raise InputFileError(f"{path}", "is nested too deeply") from error
    if not isinstance(document, dict):
        raise InputFileError(f"{path}", "is not an object")
    return document


def _from_document(document: dict[str, Any], path: Path) -> AccountFile:
    for key in document:
        if key not in DOCUMENT_KEYS:
            raise InputFileError(f"{path}", f"unknown key {key!r}; known are {', '.join(DOCUMENT_KEYS)}")
    rows = []
    for place, entry in _objects(document, "assets", path):
        check_names(list(entry), COLUMNS, place, needed=("asset",))
        rows.append(_row(entry, place))
    policy = read_policy(_table(document, "policy", path), f"{path} policy")
    read = _account(rows, path, policy, _word(document, "currency", path))
    rates = {
        currency: read_amount(f"{path}: rate of {currency}", rate)
        for currency, rate in _table(document, "rates", path).items()
    }
    account_id = _word(document, "account", path)
    lots = tuple(read_lot(entry, place) for place, entry in _objects(document, "lots", path))
    portfolio = replace(read.portfolio, account_id=account_id, rates=rates, lots=lots)
    return replace(read, portfolio=portfolio)


def _objects(document: Mapping[str, Any], key: str, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each object of a list under its place."""
    entries = document.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputFileError(f"{path}", f"{key} is not a list of objects")
    for number, entry in enumerate(entries, start=1):
        yield f"{path} {key} {number}", entry


def _table(document: Mapping[str, Any], key: str, path: Path) -> dict[str, Any]:
    table = document.get(key, {})
    if not isinstance(table, dict):
        raise InputFileError(f"{path}", f"{key} is not an object")
    return table


def _word(document: Mapping[str, Any], key: str, path: Path) -> str:
    word = document.get(key, "")
    if not isinstance(word, str):
        raise InputFileError(f"{path}", f"{key} is not text")
    return word


# ── Rows ────────────────────────────────────────────────────────────────────────────────────────────────


def _row(cells: Mapping[str, Any], place: str) -> _Row:
    asset = CASH if cells["asset"] == CASH else _asset_id(cells["asset"], place)
    currency = cells.get("currency") or ""
    if currency and not (isinstance(currency, str) and is_currency(currency)):
        raise InputFileError(place, f"currency {currency!r} is not an ISO 4217 code")
    row = _Row(place, asset, currency)
    for column in AMOUNTS:
        if (value := cells.get(column)) is not None and value != "":
            row.amounts[column] = read_amount(f"{place}: {column} of {asset}", value)
    row.flags = {flag for flag in FLAGS if _is_yes(cells.get(flag, ""), flag, place)}
    if cells.get("substitute"):
        row.substitute = _asset_id(cells["substitute"], place)
    return row


def _asset_id(text: Any, place: str) -> str:
    if not isinstance(text, str):
        raise InputFileError(place, "asset is not text")
    try:
        return normalize_asset_id(text)
    except InvalidInputError as error:
        raise InputFileError(place, f"{error}".rstrip(".")) from error


def _is_yes(cell: Any, flag: str, place: str) -> bool:
    word = f"{cell}".lower()
    if word not in _YES | _NO:
        raise InputFileError(place, f"{flag} is {cell!r}; write yes or no")
    return word in _YES


def _account(rows: list[_Row], path: Path, policy: Policy, currency: str = "") -> AccountFile:
    """Put the rows together; the base currency is the one named, or the only one there is."""
    _refuse_twins(rows)
    base = currency or _only_currency(rows, path)
    assets = [row for row in rows if row.asset != CASH]
    if not assets:
        raise InputFileError(f"{path}", "names no asset")
    portfolio = Portfolio(
        account_id="",
        base_currency=base,
        positions={row.asset: row.amounts["quantity"] for row in assets if row.amounts.get("quantity")},
        cash={base: Decimal(0), **_of_cash(rows, "quantity", base)},
        targets={row.asset: row.amounts["target_weight"] for row in assets if "target_weight" in row.amounts},
        cash_targets=_of_cash(rows, "target_weight", base),
        prices={row.asset: _price(row, base) for row in assets},
    )
    return AccountFile(portfolio, _with_rows(policy, assets, path))


def _refuse_twins(rows: list[_Row]) -> None:
    seen: dict[tuple[str, str], str] = {}
    for row in rows:
        key = (row.asset, row.currency if row.asset == CASH else "")
        if key in seen:
            raise InputFileError(row.place, f"{row.asset} stands there twice; see also {seen[key]}")
        seen[key] = row.place


def _only_currency(rows: list[_Row], path: Path) -> str:
    named = sorted({major_currency(row.currency) for row in rows if row.currency})
    if len(named) > 1:
        raise InputFileError(
            f"{path}",
            f"prices and cash are in {', '.join(named)}; bring it as JSON, whose keys currency and rates say which one "
            "totals are in and what the others are worth",
        )
    return named[0] if named else ""


def _of_cash(rows: list[_Row], column: str, base: str) -> dict[str, Decimal]:
    """Return an amount of the rows of cash, by currency."""
    cash = [row for row in rows if row.asset == CASH]
    for row in cash:
        if "price" in row.amounts or row.flags or row.substitute:
            raise InputFileError(
                row.place, f"{CASH} has a quantity, a target_weight and a currency, and nothing else"
            )
    return {row.currency or base: row.amounts[column] for row in cash if column in row.amounts}


def _price(row: _Row, base: str) -> Price:
    """Return a price in a whole currency: pence become pounds, exactly."""
    if "price" not in row.amounts:
        hint = f"; cash is written {CASH}" if row.asset.upper() == "CASH" else ""
        raise InputFileError(row.place, f"{row.asset} has no price, and nothing is planned without it{hint}")
    with localcontext(EXACT):
        amount = row.amounts["price"] / units_per_major(row.currency)
    return Price(amount, major_currency(row.currency) if row.currency else base)


def _with_rows(policy: Policy, rows: list[_Row], path: Path) -> Policy:
    """Add to a policy what the rows say of their own asset."""
    locks, trading = policy.locks, policy.trading
    flagged = {flag: [row.asset for row in rows if flag in row.flags] for flag in FLAGS}
    substitutes = {row.asset: row.substitute for row in rows if row.substitute}
    locks = Locks(
        **{flag: (*getattr(locks, flag), *assets) for flag, assets in flagged.items()},
        substitutes={**locks.substitutes, **substitutes},
    )
    trading = replace(
        trading,
        lot_size=_joined("lot_size", trading.lot_size, rows, path),
        maximum_weight=_joined("maximum_weight", trading.maximum_weight, rows, path),
    )
    return replace(policy, locks=locks, trading=trading)


def _joined(column: str, general: PerAsset, rows: Iterable[_Row], path: Path) -> PerAsset:
    """Return the amounts of a column over those of the policy, which must then be asset by asset."""
    own = {row.asset: row.amounts[column] for row in rows if column in row.amounts}
    if not own:
        return general
    if not isinstance(general, Mapping):
        raise InputFileError(
            f"{path}",
            f"the policy states one {column} for all, and rows state their own; keep one of the two",
        )
    return {**general, **own}
