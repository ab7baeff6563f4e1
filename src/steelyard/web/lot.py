"""Lots of a scope: what is open, what was closed with which gain, year by year, and which losses do not count."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final, Generic, TypeVar

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from steelyard.domain.scope import Scope
from steelyard.identity.permissions import ObjectType, Verb
from steelyard.server.permits import permits
from steelyard.server.scope import ScopeAsked
from steelyard.server.table_file import Row, csv_file
from steelyard.services.portfolio import NoMarketPricesError
from steelyard.services.position import ClosedLot, Lots, OpenLot, get_lots
from steelyard.services.realised_gain import (
    WASH_DAYS,
    GainYear,
    Washed,
    count_accounts,
    gains_by_year,
    get_wash_sales,
    is_long_term,
)
from steelyard.services.scope import require_scope
from steelyard.storage.connection import ReadSession, get_db_session
from steelyard.web.shell import AskedShell

MOST_ACCOUNTS: Final = 250
"""Accounts whose history is replayed while somebody waits for a page."""

ON_A_PAGE: Final = 50
MOST_PAGES: Final = 100_000
HEADER: Final = (
    *(
        "state",
        "account",
        "asset",
        "lot",
        "acquired",
        "closed",
        "term",
        "quantity",
        "cost",
        "value_or_proceeds",
    ),
    *("gain", "currency_gain", "currency", "closed_by"),
)

router = APIRouter(dependencies=[permits(Verb.READ, ObjectType.PORTFOLIO)])

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Part(Generic[Item]):
    """A page of rows that are at hand: its number from 1, and how many pages and rows there are."""

    items: Sequence[Item]
    page: int
    pages: int
    among: int


def part_of(rows: Sequence[Item], page: int, size: int = ON_A_PAGE) -> Part[Item]:
    """Return a page of rows; the last one where there are not so many.

    >>> part_of(["a", "b", "c"], 2, 2)
    Part(items=['c'], page=2, pages=2, among=3)
    """
    pages = max(1, -(-len(rows) // size))
    here = min(page, pages)
    return Part(rows[(here - 1) * size : here * size], here, pages, len(rows))


@dataclass(frozen=True, slots=True)
class ShownLots:
    """What the lots of a scope come to.

    Attributes:
        open: lots with whether they would be sold long-term on the day.
        closed: newest first, with whether they were sold long-term.
        years: gains by year.
        washed: losses that do not count.
        notes: what limits them.
    """

    as_of: date
    open: Sequence[tuple[OpenLot, bool]]
    closed: Sequence[tuple[ClosedLot, bool]]
    years: Sequence[GainYear]
    washed: Sequence[Washed]
    notes: Sequence[str]


async def read_lots(
    db: ReadSession, scope: Scope, *, asset_id: str | None = None, as_of: date | None = None
) -> ShownLots | None:
    """Return the lots of a scope; None = it has so many accounts that nobody would wait for them.

    Raises:
        UnknownScopeError: there is no such household or account.
        NoMarketPricesError: the store holds no price, and no day was given.
    """
    await require_scope(db, scope)
    if await count_accounts(db, scope) > MOST_ACCOUNTS:
        return None
    lots = await get_lots(db, scope=scope, as_of=as_of, asset_id=asset_id)
    washed = await get_wash_sales(db, scope=scope, as_of=lots.as_of, asset_id=asset_id)
    return ShownLots(
        lots.as_of,
        [(lot, _is_long(lot, lots)) for lot in lots.lots],
        [
            (lot, not lot.is_short and is_long_term(lot.acquired, lot.closed))
            for lot in reversed(_by_day(lots))
        ],
        gains_by_year(lots.closed),
        washed,
        lots.notes,
    )


def _is_long(lot: OpenLot, lots: Lots) -> bool:
    return lot.quantity > 0 and is_long_term(lot.acquired, lots.as_of)


def _by_day(lots: Lots) -> list[ClosedLot]:
    return sorted(lots.closed, key=lambda lot: lot.closed)


Number = Annotated[int, Query(ge=1, le=MOST_PAGES)]


@router.get("/lots")
async def show(shell: AskedShell, *, open: Number = 1, closed: Number = 1) -> Response:  # noqa: A002 - as in the address
    """Show the lots of a scope, and the gains of its years."""
    async with get_db_session() as db:
        try:
            lots, is_empty = await read_lots(db, shell.scope), False
        except NoMarketPricesError:
            lots, is_empty = None, True
    return shell.draw(
        "lot.html",
        title="Lots and gains",
        lots=lots,
        is_empty=is_empty,
        most_accounts=MOST_ACCOUNTS,
        wash_days=WASH_DAYS,
        open_part=part_of(lots.open if lots else (), open),
        closed_part=part_of(lots.closed if lots else (), closed),
    )


@router.get("/lots.csv")
async def export(scope: ScopeAsked) -> StreamingResponse:
    """Send the lots of a scope as a file, the open ones first."""
    return await csv_file("lots.csv", HEADER, _rows(scope))


async def _rows(scope: Scope) -> AsyncIterator[Row]:
    async with get_db_session() as db:
        lots = await read_lots(db, scope)
    for one, is_long in lots.open if lots else ():
        yield (
            *("open", one.account_id, one.asset_id, one.lot_id, one.acquired, None, _term(is_long=is_long)),
            *(one.quantity, one.cost, one.value, one.gain, None, one.currency, None),
        )
    for lot, is_long in lots.closed if lots else ():
        yield (
            *("closed", lot.account_id, lot.asset_id, lot.lot_id, lot.acquired, lot.closed),
            *(_term(is_long=is_long), lot.quantity, lot.cost, lot.proceeds, lot.gain, lot.currency_gain),
            *(lot.currency, lot.transaction_id),
        )


def _term(*, is_long: bool) -> str:
    return "long" if is_long else "short"
