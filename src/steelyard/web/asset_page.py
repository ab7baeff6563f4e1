"""The page of one asset: seen from all sides, a tab for each."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Response

from steelyard.analytics.windows import (
    compliance_window,
    performance_window,
    risk_window,
    subtract_months,
)
from steelyard.charts.line import lines_over_days
from steelyard.charts.numbers import money, percent, quantity, written_as
from steelyard.charts.price_history import Mark, prices_over_days
from steelyard.errors import SteelyardError
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.input import AssetId
from steelyard.server.permits import permits
from steelyard.services.asset import UnknownAssetError, get_asset
from steelyard.services.asset_360 import get_document
from steelyard.services.asset_history import (
    BEGINNING,
    AssetTrade,
    PriceHistory,
    get_price_history,
    get_records,
    get_returns,
    get_risk,
    is_known,
)
from steelyard.services.journal import EntryFilter, get_entries
from steelyard.services.quality import meaning
from steelyard.storage.asset import AssetRecord
from steelyard.storage.asset_360 import Document, NoVersionError
from steelyard.storage.connection import ReadSession, get_db_session
from steelyard.storage.price import PriceAction
from steelyard.web.choosing import draw_choice, must_choose
from steelyard.web.dashboard import show_nothing
from steelyard.web.lot import read_lots
from steelyard.web.shell import AskedShell, Shell

Tab = Literal["overview", "performance", "risk", "transactions", "lots", "compliance", "quality"]
TABS: Final[Mapping[Tab, str]] = {
    "overview": "Overview",
    "performance": "Performance",
    "risk": "Risk",
    "transactions": "Transactions",
    "lots": "Lots & tax",
    "compliance": "Compliance",
    "quality": "Data quality",
}
Range = Literal["1m", "6m", "1y", "all"]
RANGES: Final[Mapping[Range, int]] = {"1m": 1, "6m": 6, "1y": 12, "all": 0}
"""Months back from the day of the figures; 0 = all there is."""

ENTRIES: Final = 25
_RULE: Final = re.compile(r"(?P<id>\S.{0,199}?), version (?P<version>[0-9]{1,9}): (?P<reason>.*)", re.DOTALL)
_KNOWN: Final = {
    "isin": "ISIN",
    "exchange": "exchange",
    "issuer": "issuer",
    "sector": "sector",
    "issuing_country": "country",
    "benchmark_asset_id": "benchmark",
    "current_price": "price",
    "quantity": "quantity",
    "market_value": "value",
    "total_return": "one-year return",
    "avg_volatility": "volatility",
    "value_at_risk": "value at risk",
    "beta": "beta",
    "sharpe_ratio": "Sharpe ratio",
    "last_compliance_check": "compliance check in six months",
}
"""What is missed where it is not known."""

router = APIRouter(dependencies=[permits(Verb.READ, ObjectType.PORTFOLIO)])


@dataclass(frozen=True, slots=True)
class Asked:
    """What a tab is drawn from."""

    db: ReadSession
    shell: Shell
    row: Mapping[str, Any]
    as_of: date
    range: Range
    older: str
    newer: str

    @property
    def asset_id(self) -> str:
        """The asset."""
        return str(self.row["asset_id"])


@router.get("/assets/{asset_id:path}")
async def show(
    shell: AskedShell,
    asset_id: AssetId,
    *,
    tab: Tab = "overview",
    range: Range = "1y",  # noqa: A002 - the name of the parameter in the address
    older: Annotated[str, Query(max_length=40)] = "",
    newer: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Show an asset of a scope, one side of it."""
    async with get_db_session() as db:
        if must_choose(shell):
            if not await is_known(db, asset_id):
                raise UnknownAssetError(asset_id, shell.scope, [])
            return draw_choice(shell, f"Asset {asset_id}")
        try:
            document = await get_document(db, scope=shell.scope)
            row = await get_asset(db, asset_id, scope=shell.scope, version=document.version)
        except (NoVersionError, UnknownAssetError) as error:
            return await _instead(db, shell, asset_id, error)
        asked = Asked(db, shell, row, document.as_of, range, older, newer)
        with written_as(shell.region.style):
            content = await _READERS[tab](asked)
    return shell.draw(
        "asset.html",
        title=row["asset_name"],
        row=row,
        document=document,
        weight=_weight(row, document),
        tab=tab,
        tabs=TABS,
        path=f"/assets/{asset_id}",
        windows={
            "year": performance_window(document.as_of).after + timedelta(days=1),
            "quarter": risk_window(document.as_of).after + timedelta(days=1),
            "half": compliance_window(document.as_of).after + timedelta(days=1),
        },
        **content,
    )


async def _instead(db: ReadSession, shell: Shell, asset_id: str, error: SteelyardError) -> Response:
    """Say why there is no page of an asset here; of one that is nowhere, the error does."""
    if not await is_known(db, asset_id):
        raise error
    if isinstance(error, NoVersionError):
        return await show_nothing(shell, f"Asset {asset_id}")
    return shell.draw("asset_elsewhere.html", title=f"Asset {asset_id}", asset_id=asset_id)


def _weight(row: Mapping[str, Any], document: Document) -> float | None:
    total, value = document.overview.total_value, row["market_value"]
    return None if value is None or not total else float(value / total)


async def _overview(asked: Asked) -> dict[str, Any]:
    history = await get_price_history(
        asked.db,
        asked.asset_id,
        scope=asked.shell.scope,
        first=_first(asked),
        last=asked.as_of,
    )
    say = asked.shell.region.day
    figure = prices_over_days(
        f"Price of {asked.asset_id}",
        history.closes,
        list(_marks(history)),
        unit=asked.row["currency"],
        say=say,
    )
    return {"figure": figure, "history": history, "ranges": RANGES, "range": asked.range}


def _first(asked: Asked) -> date:
    months = RANGES[asked.range]
    return subtract_months(asked.as_of, months) if months else BEGINNING


def _marks(history: PriceHistory) -> Iterator[Mark]:
    """Mark what happened: the trades of a day that go one way are one mark."""
    found = [_action(action) for action in history.actions]
    for (day, is_buy), trades in groupby(history.trades, key=lambda trade: (trade.day, trade.is_buy)):
        found.append(_mark(day, list(trades), is_buy=is_buy))
    return iter(sorted(found, key=lambda mark: mark.day))


def _mark(day: date, trades: list[AssetTrade], *, is_buy: bool) -> Mark:
    units = sum((trade.quantity for trade in trades), Decimal(0))
    prices = {trade.price for trade in trades}
    price = trades[0].price if len(prices) == 1 else None
    at = f" at {money(price)} {trades[0].currency}" if price is not None else ""
    accounts = sorted({trade.account_id for trade in trades})
    where = accounts[0] if len(accounts) == 1 else f"{len(accounts)} accounts"
    did = "Bought" if is_buy else "Sold"
    return Mark(day, "buy" if is_buy else "sell", f"{did} {quantity(units)}{at}, {where}", units, price)


def _action(action: PriceAction) -> Mark:
    word = action.kind.replace("_", " ").capitalize()
    said = word if action.ratio is None else f"{word}: {quantity(action.ratio)} for 1"
    return Mark(action.action_date, "action", said)


async def _performance(asked: Asked) -> dict[str, Any]:
    benchmark = asked.row["benchmark_asset_id"]
    found = await get_returns(asked.db, asked.asset_id, benchmark=benchmark, last=asked.as_of)
    lines: dict[str, Sequence[float | None]] = {asked.asset_id: found.total}
    if found.benchmark:
        lines[f"{benchmark}, its benchmark"] = found.benchmark
    rows = [
        {"period": one.name, "return": one.total_return, "benchmark": one.benchmark_return}
        for one in found.windows
    ]
    said = asked.shell.region.day
    sentence = f"Daily returns of {asked.asset_id}, compounded" + (
        f" from {said(found.days[0])} to {said(found.days[-1])}: {percent(found.total[-1])}."
        if found.days
        else "."
    )
    returns = lines_over_days("Return", found.days, lines, sentence=sentence, rows=rows)
    fall, drawn = _fall(found.max_drawdown), {asked.asset_id: found.falls}
    falls = lines_over_days("Drawdown", found.days, drawn, sentence=fall, filled=True)
    return {"found": found, "returns": returns, "falls": falls}


def _fall(deepest: float | None) -> str:
    """Say how far it fell at most."""
    if not deepest:
        return "It never fell below where it had been." if deepest is not None else ""
    return f"At its deepest {percent(deepest)} below the peak before."


async def _risk(asked: Asked) -> dict[str, Any]:
    found = await get_risk(asked.db, asked.asset_id, last=asked.as_of)
    lines = {
        "Volatility, annual": [one.volatility for one in found],
        "Value at risk, one day": [one.value_at_risk for one in found],
    }
    count = "1 day" if len(found) == 1 else f"{len(found)} days"
    sentence = f"Volatility and value at risk of {asked.asset_id} over three months, measured on {count}."
    figure = lines_over_days("Risk", [one.day for one in found], lines, sentence=sentence)
    return {"measured": found[::-1], "figure": figure}


async def _transactions(asked: Asked) -> dict[str, Any]:
    wanted = EntryFilter(asset_id=asked.asset_id)
    page = await get_entries(
        asked.db,
        wanted,
        scope=asked.shell.scope,
        older=asked.older,
        newer=asked.newer,
        limit=ENTRIES,
    )
    return {"page": page}


async def _lots(asked: Asked) -> dict[str, Any]:
    return {"lots": await read_lots(asked.db, asked.shell.scope, asset_id=asked.asset_id, as_of=asked.as_of)}


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """What a check said, with the rule of ours it names: "" = it is the firm's own check."""

    record: AssetRecord
    rule_id: str
    version: str
    reason: str


def show_record(record: AssetRecord) -> ShownRecord:
    """Part what our checks write into rule, version and reason.

    >>> record = AssetRecord("steelyard:1", "IRA", date(2024, 3, 14), "VIOLATION", "cash-floor, version 2: too low")
    >>> show_record(record).rule_id, show_record(record).reason
    ('cash-floor', 'too low')
    """
    found = _RULE.fullmatch(record.rule) if record.record_id.startswith("steelyard:") else None
    if found is None:
        return ShownRecord(record, "", "", record.rule)
    return ShownRecord(record, found["id"], found["version"], found["reason"])


async def _compliance(asked: Asked) -> dict[str, Any]:
    records = await get_records(asked.db, asked.asset_id, scope=asked.shell.scope)
    since = compliance_window(asked.as_of).after
    return {"records": [show_record(one) for one in records], "since": since}


async def _quality(asked: Asked) -> dict[str, Any]:
    return {
        "flags": [(flag, meaning(flag)) for flag in asked.row["quality_flags"]],
        "missing": [label for name, label in _KNOWN.items() if asked.row[name] is None],
    }


_READERS: Final[Mapping[Tab, Callable[[Asked], Awaitable[dict[str, Any]]]]] = {
    "overview": _overview,
    "performance": _performance,
    "risk": _risk,
    "transactions": _transactions,
    "lots": _lots,
    "compliance": _compliance,
    "quality": _quality,
}
