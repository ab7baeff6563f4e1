"""What a valuation reads: the postings of accounts, prices and exchange rates, as columns.

Numbers travel by COPY and never become Python objects one by one; names are numbered by the lists that are asked with.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from steelyard.analytics.observations import DateArray, FloatArray, IntArray
from steelyard.analytics.valuation import PostingColumns
from steelyard.domain.lot import LotMethod
from steelyard.domain.posting import Place
from steelyard.domain.scope import Scope
from steelyard.storage.connection import raw_connection
from steelyard.storage.copying import read_byte_rows, read_fixed_rows
from steelyard.storage.queries import query

ALWAYS: Final = datetime.max.replace(tzinfo=UTC)
"""A moment by which everything is known."""

_EPOCH: Final = np.datetime64("2000-01-01", "D")
_POSTING: Final = {
    "entry": ">i8",
    "date": ">i4",
    "account": ">i4",
    "place": ">i4",
    "commodity": ">i4",
    "quantity": ">f8",
    "about_account": ">i4",
    "about_commodity": ">i4",
}
_OBSERVATION: Final = np.dtype([("date", ">i4"), ("value", ">f8")])


@dataclass(frozen=True, slots=True)
class ScopeAccount:
    """An account of a scope.

    Attributes:
        kept_by: what says what it holds now: snapshots or ledger.
    """

    account_id: str
    account_name: str
    base_currency: str
    lot_method: LotMethod
    kept_by: str
    model_id: str | None


@dataclass(frozen=True, slots=True, order=True)
class Commodity:
    """What postings count: an asset, or money of a currency."""

    is_cash: bool
    name: str


@dataclass(frozen=True, slots=True)
class JournalRevision:
    """What of a journal is seen: how many entries, the newest, and whose they are.

    Attributes:
        entries: how many.
        last_entry: the newest.
        seen: the same only where the same accounts of the same tenant are seen.
    """

    entries: int
    last_entry: int
    seen: str

    def entries_since(self, before: "JournalRevision") -> int | None:
        """Return how many entries more there are; None where they are of other accounts."""
        return self.entries - before.entries if self.seen == before.seen else None


@dataclass(frozen=True, slots=True)
class PostedNames:
    """What entries name."""

    commodities: list[Commodity]
    accounts: list[str]


@dataclass(frozen=True, slots=True)
class DescribedAsset:
    """What an asset is; `currency` is a whole one, of which its quotation unit makes `units_per_major`."""

    asset_id: str
    asset_name: str
    asset_type: str
    currency: str
    units_per_major: int
    sector: str
    issuing_country: str
    is_adjusted: bool


@dataclass(frozen=True, slots=True)
class Observed:
    """Numbers of several names, in no order: the place of each name in the list asked with, the day, the number."""

    place: IntArray
    date: DateArray
    value: FloatArray


async def get_valuation_accounts(db: AsyncSession, scope: Scope) -> tuple[str, list[ScopeAccount]]:
    """Return a scope's base currency and its accounts; "" and none where it has no account."""
    values = {"scope_kind": scope.kind, "scope_id": scope.id}
    rows = (await db.execute(query("get_valuation_accounts"), values)).all()
    return (rows[0].scope_currency if rows else ""), [_account(row) for row in rows]


async def get_accounts(db: AsyncSession, account_ids: Collection[str]) -> list[ScopeAccount]:
    """Return accounts by id; those that do not exist are left out."""
    rows = await db.execute(query("get_described_accounts"), {"account_ids": list(account_ids)})
    return [_account(row) for row in rows]


def _account(row: Row[Any]) -> ScopeAccount:
    return ScopeAccount(
        row.account_id,
        row.account_name,
        row.base_currency,
        LotMethod(row.lot_method),
        row.kept_by,
        row.model_id,
    )


async def get_journal_revision(db: AsyncSession) -> JournalRevision:
    """Return what tells whether the tenant's journal is still what it was."""
    return JournalRevision(*(await db.execute(query("get_journal_revision"))).one())


async def count_entries_after(db: AsyncSession, entry: int) -> int:
    """Return how many entries there are after an entry; -1 where one of them takes an earlier one back."""
    counted: int = (await db.execute(query("count_entries_after"), {"after_entry": entry})).scalar_one()
    return counted


async def get_market_revision(db: AsyncSession) -> int | None:
    """Return what tells whether prices, rates and assets are what they were; None where nothing tells."""
    counted: int | None = (await db.execute(query("get_market_revision"))).scalar_one()
    return counted


async def get_scope_names(
    db: AsyncSession, account_ids: Sequence[str], *, after_entry: int = 0, known_at: datetime = ALWAYS
) -> PostedNames:
    """Return what the entries of accounts after an entry name; the accounts are those and others."""
    values = {"account_ids": list(account_ids), "after_entry": after_entry, "known_at": known_at}
    rows = (await db.execute(query("get_scope_names"), values)).all()
    return PostedNames(
        commodities=[Commodity(row.is_cash, row.name) for row in rows if row.what == "commodity"],
        accounts=[row.name for row in rows if row.what == "account"],
    )


async def get_postings(
    db: AsyncSession,
    account_ids: Sequence[str],
    named_accounts: Sequence[str],
    commodities: Sequence[Commodity],
    *,
    after_entry: int = 0,
    known_at: datetime = ALWAYS,
) -> PostingColumns:
    """Return the postings of the entries of accounts that stood at a moment, after an entry.

    Args:
        db: a session.
        account_ids: whose entries.
        named_accounts: every account that the entries name; its place here is its number.
        commodities: every commodity that the entries name; its place here is its number.
        after_entry: only later ones.
        known_at: the moment.
    """
    columns = await read_fixed_rows(
        await raw_connection(db),
        query("copy_scope_postings").text,
        _POSTING,
        list(account_ids),
        list(named_accounts),
        [str(place) for place in Place],
        [commodity.name for commodity in commodities],
        [commodity.is_cash for commodity in commodities],
        after_entry,
        known_at,
    )
    return PostingColumns(**(columns | {"date": _days(columns["date"])}))


async def get_described_assets(db: AsyncSession, asset_ids: Collection[str]) -> list[DescribedAsset]:
    """Return what assets are, by id; those that do not exist are left out."""
    rows = await db.execute(query("get_described_assets"), {"asset_ids": list(asset_ids)})
    return [DescribedAsset(*row) for row in rows]


async def get_all_prices(db: AsyncSession, asset_ids: Sequence[str]) -> Observed:
    """Return every price of assets, in their quotation units."""
    places = {name: place for place, name in enumerate(asset_ids)}
    rows = await read_byte_rows(await raw_connection(db), query("copy_prices").text, list(asset_ids))
    found = np.frombuffer(b"".join(prices for _, prices in rows), _OBSERVATION)
    return Observed(
        np.repeat(
            np.array([places[name.decode()] for name, _ in rows], np.int64),
            [len(prices) // _OBSERVATION.itemsize for _, prices in rows],
        ),
        _days(found["date"]),
        found["value"].astype(np.float64),
    )


async def get_rates(
    db: AsyncSession, currencies: Collection[str]
) -> dict[str, tuple[list[date], list[Decimal]]]:
    """Return every exchange rate of currencies: days, ascending, and units for 1 EUR on them."""
    series: dict[str, tuple[list[date], list[Decimal]]] = {currency: ([], []) for currency in currencies}
    for currency, day, units in await db.execute(query("get_rates"), {"currencies": list(currencies)}):
        series[currency][0].append(day)
        series[currency][1].append(units)
    return series


async def get_splits(db: AsyncSession, asset_ids: Collection[str]) -> list[tuple[str, date, float]]:
    """Return the splits booked of assets: asset, ex-date, units that one unit becomes."""
    rows = await db.execute(query("get_splits"), {"asset_ids": list(asset_ids)})
    return [(row.asset_id, row.trade_date, row.ratio) for row in rows]


async def get_asset_ids(db: AsyncSession) -> list[str]:
    """Return the id of every asset."""
    return list(await db.scalars(query("get_asset_ids")))


async def get_benchmark(db: AsyncSession, currency: str) -> str | None:
    """Return the asset that stands for the market of a currency; None where there is none."""
    found: str | None = (
        await db.execute(query("get_benchmark"), {"currency": currency})
    ).scalar_one_or_none()
    return found


def _days(numbers: NDArray[Any]) -> DateArray:
    return _EPOCH + numbers.astype("timedelta64[D]")
