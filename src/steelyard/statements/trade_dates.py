"""Trade dates: a moment becomes the day at the exchange of its asset, and only what is announced may lie ahead."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.domain.asset import AssetIdError, normalize_asset_id
from steelyard.domain.calendar import (
    FutureMomentError,
    NoOffsetError,
    UnknownExchangeError,
    exchange_day,
)
from steelyard.domain.finding import Severity
from steelyard.domain.transaction import FOR_EVERY_HOLDER
from steelyard.statements.cells import Fault, Reading, moment_of
from steelyard.statements.columns import Kind
from steelyard.statements.tables import RawTable

_HAS_A_TIME: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]"
_ANNOUNCED: Final = sorted(FOR_EVERY_HOLDER)


class _UnfitMomentError(Exception):
    """A text is no moment that has a day; carries kind and reason."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.reason = kind, reason


def write_as_days(raw: RawTable, reading: Reading) -> tuple[RawTable, list[Fault]]:
    """Return a file whose trade dates are days, and what is wrong with the moments among them.

    A moment that cannot be understood leaves today, so that its row has one finding.

    Args:
        raw: the file as read.
        reading: the caller's clock, and where each asset is traded.
    """
    faults: list[Fault] = []
    columns = dict(raw.columns)
    for column in raw.format.columns:
        if column.kind is Kind.TRADE_DATE and column.name in columns:
            columns[column.name], more = _days(raw, column.name, reading)
            faults += more
    return replace(raw, columns=columns), faults


def ahead_of_time(columns: Mapping[str, pa.Array], reading: Reading) -> Iterator[Fault]:
    """Yield the rows that are dated later than tomorrow and are nothing that is announced ahead.

    Args:
        columns: typed columns of the transactions, by their name in the store.
        reading: the day it is.
    """
    if not {"transaction_date", "transaction_type"} <= columns.keys():
        return
    tomorrow = pa.scalar(reading.today + timedelta(days=1))
    later = pc.fill_null(pc.greater(columns["transaction_date"], tomorrow), fill_value=False)
    kinds = columns["transaction_type"].cast(pa.string())
    announced = pc.is_in(kinds, value_set=pa.array(_ANNOUNCED, pa.string()))
    rows = np.flatnonzero(pc.and_not(later, announced).to_numpy(zero_copy_only=False))
    if rows.size:
        yield Fault("date_out_of_range", Severity.REFUSED, rows, partial(_says_ahead, columns, reading))


def _says_ahead(columns: Mapping[str, pa.Array], reading: Reading, row: int) -> str:
    kind, day = columns["transaction_type"][row], columns["transaction_date"][row]
    words = ", ".join(_ANNOUNCED)
    return (
        f"transaction_date {day} of a {kind} lies in the future (today is {reading.today}); only {words} may"
    )


def _days(raw: RawTable, name: str, reading: Reading) -> tuple[pa.Array, list[Fault]]:
    texts = raw.columns[name]
    has_time = pc.match_substring_regex(texts.dictionary, _HAS_A_TIME).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(has_time[texts.indices.to_numpy()])
    if not rows.size:
        return texts, []
    written = texts.cast(pa.string()).to_numpy(zero_copy_only=False)
    assets = raw.columns["asset_id"].take(pa.array(rows)).to_pylist()
    unfit: dict[int, _UnfitMomentError] = {}
    for row, asset in zip(rows.tolist(), assets, strict=True):
        try:
            written[row] = _day(written[row], asset, reading)
        except _UnfitMomentError as error:
            unfit[row] = error
            written[row] = reading.today.isoformat()
    return pa.array(written, pa.string()).dictionary_encode(), list(_faults(name, unfit))


def _day(text: str, asset: str, reading: Reading) -> str:
    """Return the exchange's day of a moment."""
    moment = moment_of(text)
    if moment is None:
        raise _UnfitMomentError("bad_time", f"{text[:64]!r} is no ISO 8601 time")
    mic = _exchange(asset, reading)
    if not mic:
        where = f"{asset[:64]} has no exchange in asset_master" if asset else "its row names no asset"
        reason = f"{text} is a moment, and {where}; write the exchange's day"
        raise _UnfitMomentError("unknown_exchange", reason)
    try:
        return exchange_day(moment, mic, now=reading.clock).isoformat()
    except UnknownExchangeError as error:
        raise _UnfitMomentError("unknown_exchange", f"{text} is a moment at {asset}: {error}") from error
    except NoOffsetError as error:
        raise _UnfitMomentError("bad_time", str(error)) from error
    except FutureMomentError as error:
        raise _UnfitMomentError("date_out_of_range", str(error)) from error


def _exchange(asset: str, reading: Reading) -> str:
    try:
        return reading.exchanges.get(normalize_asset_id(asset), "")
    except AssetIdError:
        return ""  # said where asset ids are read


def _faults(name: str, unfit: dict[int, _UnfitMomentError]) -> Iterator[Fault]:
    for kind in sorted({error.kind for error in unfit.values()}):
        rows = np.array([row for row, error in unfit.items() if error.kind == kind], np.int64)
        yield Fault(kind, Severity.REFUSED, rows, lambda row: f"{name} {unfit[row].reason}")
