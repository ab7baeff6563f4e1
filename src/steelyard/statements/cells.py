"""Cells: the text of a file's columns as typed arrays, and what is wrong with the rest.

Exact numbers never pass through floating point: text becomes a 128-bit decimal or is refused.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Final, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from steelyard.domain.asset import AssetIdError, is_isin, normalize_asset_id
from steelyard.domain.finding import Severity
from steelyard.domain.money import is_currency
from steelyard.statements.columns import Column, Kind

MAX_TEXT_LENGTH: Final = 1000
WHOLE_DIGITS: Final = 15
ROUNDED_FROM_PLACES: Final = 20
"""Decimal places a price may have when the caller declares how it is to be rounded."""
MAX_ANNOUNCED_DAYS: Final = 366
"""How far ahead a corporate action may be announced; what is dated later is a mistake."""

_FIRST_DAY: Final = date(1900, 1, 1)
_NOT_NUMBERS: Final = {"", "nan", "null", "none", "na", "n/a", "inf", "+inf", "-inf", "infinity", "-infinity"}
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_FIGURE_GRAMMAR: Final = r"^-?[0-9]{1,15}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?$"
# Control characters, and marks that make text read backwards: no name holds them, and PostgreSQL refuses NUL.
_UNPRINTABLE: Final = "[\\p{Cc}\\x{202A}-\\x{202E}\\x{2066}-\\x{2069}]"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the cells of one column: rows, and a reason for each."""

    kind: str
    severity: Severity
    rows: NDArray[np.int64]
    reasons: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class Cells:
    """A typed column; cells with a fault are null in it."""

    values: pa.Array
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read.

    Attributes:
        today: the day it is.
        price_places: the decimal places that the caller declares prices are rounded to.
        now: the caller's clock, with its offset; None = the end of `today`, UTC.
        exchanges: MIC of each asset whose exchange is known, by asset id.
    """

    today: date
    price_places: int | None = None
    now: datetime | None = None
    exchanges: Mapping[str, str] = field(default_factory=dict)

    @property
    def clock(self) -> datetime:
        """The moment it is."""
        return self.now or datetime.combine(self.today, time.max, UTC)


class _UnfitTextError(Exception):
    """A text is not what its column holds; carries kind and reason."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.reason = kind, reason


def read_cells(raw: pa.Array, column: Column, reading: Reading) -> Cells:
    """Return a column's typed cells and what is wrong with the others.

    Args:
        raw: dictionary-encoded words, or text of numbers; "" is an empty cell.
        column: what the cells should be.
        reading: the day it is and the declared rounding.
    """
    if column.is_number:
        return _read_numbers(raw, column, reading)
    if column.kind is Kind.TEXT:
        return _read_text(raw, column)
    return _read_words(raw, column, reading)


# ── Words ───────────────────────────────────────────────────────────────────────────────────────────────


def _read_text(raw: pa.DictionaryArray, column: Column) -> Cells:
    """Judge free text with vectorised patterns: ids of transactions are as many as the rows."""
    texts = raw.dictionary
    unprintable = _flags(pc.match_substring_regex(texts, _UNPRINTABLE))
    too_long = _flags(pc.greater(pc.utf8_length(texts), MAX_TEXT_LENGTH))
    empty = _flags(pc.equal(texts, ""))
    codes = raw.indices.to_numpy()
    faults = [
        _word_fault("unprintable", "holds a control character", column, raw, unprintable[codes]),
        _word_fault("too_long", f"is longer than {MAX_TEXT_LENGTH} characters", column, raw, too_long[codes]),
    ]
    if not column.nullable:
        faults.append(_word_fault("missing_value", "is empty", column, raw, empty[codes]))
    values = pa.DictionaryArray.from_arrays(pa.array(codes, mask=empty[codes]), texts)
    return Cells(_with_default(values, column), tuple(fault for fault in faults if fault.rows.size))


def _word_fault(kind: str, says: str, column: Column, raw: pa.Array, bad: NDArray[np.bool_]) -> Fault:
    def reason(row: int) -> str:
        text = raw[row].as_py()
        return f"{column.name} {text[:64]!r} {says}" if text else f"{column.name} {says}"

    return Fault(kind, Severity.REFUSED, np.flatnonzero(bad), reason)


def _read_words(raw: pa.DictionaryArray, column: Column, reading: Reading) -> Cells:
    """Judge each distinct text once, in Python; rows follow by their codes."""
    parsed: list[object] = []
    unfit: dict[int, _UnfitTextError] = {}
    for code, text in enumerate(raw.dictionary.to_pylist()):
        try:
            parsed.append(_read_word(text, column, reading))
        except _UnfitTextError as error:
            unfit[code] = error
            parsed.append(None)
    codes = raw.indices.to_numpy()
    distinct = pa.array(parsed, _ARROW_TYPES.get(column.kind, pa.string()))
    return Cells(_taken(distinct, raw.indices, column), tuple(_unfit_faults(column, codes, unfit)))


def _taken(distinct: pa.Array, indices: pa.Array, column: Column) -> pa.Array:
    if column.kind in _ARROW_TYPES:
        return distinct.take(indices)
    encoded = distinct.dictionary_encode()  # two texts may mean one id
    return pa.DictionaryArray.from_arrays(encoded.indices.take(indices), encoded.dictionary)


def _with_default(values: pa.DictionaryArray, column: Column) -> pa.Array:
    if column.default is None or values.null_count == 0:
        return values
    return pc.fill_null(values.cast(pa.string()), column.default).dictionary_encode()


def _read_word(text: str, column: Column, reading: Reading) -> object:
    text = text or column.default or ""
    if text and column.choices:
        return _choice(text, column.choices)
    if text:
        return _READERS[column.kind](text, reading=reading)
    if column.nullable:
        return None
    raise _UnfitTextError("missing_value", "is empty")


def _unfit_faults(
    column: Column, codes: NDArray[np.int32], unfit: dict[int, _UnfitTextError]
) -> Iterator[Fault]:
    for kind in sorted({error.kind for error in unfit.values()}):
        of_kind = [code for code, error in unfit.items() if error.kind == kind]
        rows = np.flatnonzero(np.isin(codes, of_kind))
        yield Fault(
            kind, Severity.REFUSED, rows, lambda row: f"{column.name} {unfit[int(codes[row])].reason}"
        )


def _asset_id(text: str, *, reading: Reading) -> str:  # noqa: ARG001 -- one signature for all readers
    try:
        return normalize_asset_id(text)
    except AssetIdError as error:
        raise _UnfitTextError("bad_asset_id", f"{text[:64]!r} {error.why}") from error


def _currency(text: str, *, reading: Reading) -> str:  # noqa: ARG001 -- one signature for all readers
    if not is_currency(text):
        raise _UnfitTextError(
            "unknown_currency", f"{text[:64]!r} is no ISO 4217 code such as USD or GBX (pence)"
        )
    return text


def _isin(text: str, *, reading: Reading) -> str:  # noqa: ARG001 -- one signature for all readers
    if not is_isin(text):
        raise _UnfitTextError("bad_isin", f"{text[:64]!r} is no ISIN: its form or its check digit is wrong")
    return text


def _word(text: str, *, reading: Reading) -> str:  # noqa: ARG001 -- one signature for all readers
    if not text.isprintable() or len(text) > MAX_TEXT_LENGTH:
        raise _UnfitTextError("unprintable", f"{text[:64]!r} holds a control character or is too long")
    return text.upper()


def _choice(text: str, choices: tuple[str, ...]) -> str:
    if text.lower() not in choices:
        raise _UnfitTextError("unknown_word", f"{text[:64]!r} is none of {', '.join(choices)}")
    return text.lower()


def _yes_no(text: str, *, reading: Reading) -> bool:  # noqa: ARG001 -- one signature for all readers
    said = {"yes": True, "true": True, "no": False, "false": False}.get(text.lower())
    if said is None:
        raise _UnfitTextError("unknown_word", f"{text[:64]!r} is neither yes nor no")
    return said


def _any_date(text: str, *, reading: Reading) -> date:  # noqa: ARG001 -- one signature for all readers
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # a day the calendar does not have; said below, with the other faults of form
    raise _UnfitTextError("bad_date", f"{text[:64]!r} is no date written YYYY-MM-DD")


def _past_date(text: str, *, reading: Reading) -> date:
    day = _any_date(text, reading=reading)
    if not _FIRST_DAY < day <= reading.today + timedelta(days=1):
        raise _UnfitTextError("date_out_of_range", f"{text} is not between 1900 and today ({reading.today})")
    return day


def _trade_date(text: str, *, reading: Reading) -> date:
    day = _any_date(text, reading=reading)
    if not _FIRST_DAY < day <= reading.today + timedelta(days=MAX_ANNOUNCED_DAYS):
        raise _UnfitTextError(
            "date_out_of_range", f"{text} is not between 1900 and a year after today ({reading.today})"
        )
    return day


def moment_of(text: str) -> datetime | None:
    """Return the moment a text states, with or without an offset; None where it is none.

    Hour 24 and second 60 are none: PostgreSQL and Python carry them into the next minute or day, each in its way.

    >>> moment_of("2018-02-07T21:00:00Z"), moment_of("2018-02-07T24:00:00Z")
    (datetime.datetime(2018, 2, 7, 21, 0, tzinfo=datetime.timezone.utc), None)
    """
    try:
        return datetime.fromisoformat(text) if _MOMENT.match(text) else None
    except ValueError:
        return None


def _time(text: str, *, reading: Reading) -> datetime:
    moment = moment_of(text)
    if moment is None:
        raise _UnfitTextError("bad_time", f"{text[:64]!r} is no ISO 8601 time")
    if moment.tzinfo is None:
        raise _UnfitTextError("bad_time", f"{text} has no offset; write it like 2018-02-07T21:00:00Z")
    _past_date(moment.date().isoformat(), reading=reading)
    return moment


_READERS: Final[dict[Kind, Callable[..., object]]] = {
    Kind.ASSET_ID: _asset_id,
    Kind.CURRENCY: _currency,
    Kind.ISIN: _isin,
    Kind.WORD: _word,
    Kind.ANY_DATE: _any_date,
    Kind.PAST_DATE: _past_date,
    Kind.TRADE_DATE: _trade_date,
    Kind.TIME: _time,
    Kind.YES_NO: _yes_no,
}
_ARROW_TYPES: Final = {
    Kind.ANY_DATE: pa.date32(),
    Kind.PAST_DATE: pa.date32(),
    Kind.TRADE_DATE: pa.date32(),
    Kind.YES_NO: pa.bool_(),
    Kind.TIME: pa.timestamp("us", "UTC"),
}


# ── Numbers ─────────────────────────────────────────────────────────────────────────────────────────────


def _read_numbers(raw: pa.StringArray, column: Column, reading: Reading) -> Cells:
    places = reading.price_places if column.kind is Kind.PRICE else None
    grammar = _FIGURE_GRAMMAR if column.kind is Kind.FIGURE else _exact_grammar(places, column)
    fits = _flags(pc.match_substring_regex(raw, grammar))
    text = raw if fits.all() else pc.if_else(pa.array(fits), raw, None)
    values = _typed(text, column, places)
    faults = [*_unfit_numbers(raw, fits, column), *_range_faults(raw, values, column)]
    return Cells(_without(values, faults), tuple(faults))


def _exact_grammar(places: int | None, column: Column) -> str:
    whole, most = (WHOLE_DIGITS, column.places) if places is None else (WHOLE_DIGITS - 1, ROUNDED_FROM_PLACES)
    return rf"^-?[0-9]{{1,{whole}}}(\.[0-9]{{1,{most}}})?$"  # rounding up may carry into one digit more


def _typed(text: pa.StringArray, column: Column, places: int | None) -> pa.Array:
    if column.kind is Kind.FIGURE:
        return text.cast(pa.float64())
    kept = pa.decimal128(WHOLE_DIGITS + column.places, column.places)
    if places is None:
        return text.cast(kept)
    wide = text.cast(pa.decimal128(WHOLE_DIGITS + ROUNDED_FROM_PLACES, ROUNDED_FROM_PLACES))
    # Half away from zero: what domain.money.round_half_up does, for ten million prices at once.
    return pc.round(wide, ndigits=places, round_mode="half_towards_infinity").cast(kept)


def _unfit_numbers(raw: pa.StringArray, fits: NDArray[np.bool_], column: Column) -> Iterator[Fault]:
    by_kind: dict[str, list[int]] = {}
    for row in np.flatnonzero(~fits).tolist():
        if kind := _kind_of_unfit(raw[row].as_py(), column):
            by_kind.setdefault(kind, []).append(row)
    for kind, rows in by_kind.items():
        excused = column.kind is Kind.PRICE and kind in {"missing_price", "not_a_number"}
        severity = Severity.QUARANTINED if excused else Severity.REFUSED
        yield Fault(kind, severity, np.array(rows, np.int64), partial(_unfit_reason, raw, column, kind))


def _kind_of_unfit(text: str, column: Column) -> str:
    if text.lower() in _NOT_NUMBERS:
        if text:
            return "not_a_number"
        return "missing_price" if column.kind is Kind.PRICE else "" if column.nullable else "missing_value"
    return "inexact_number" if re.fullmatch(r"-?[0-9]{1,15}\.[0-9]+", text) else "malformed_number"


def _unfit_reason(raw: pa.StringArray, column: Column, kind: str, row: int) -> str:
    text = raw[row].as_py()[:64]
    return {
        "missing_price": f"{column.name} is empty",
        "missing_value": f"{column.name} is empty",
        "not_a_number": f"{column.name} {text!r} is not a number",
        "inexact_number": f"{column.name} {text} has more than {column.places} decimal places; "
        "it is not rounded unless you say so" + (" (--price-places N)" if column.kind is Kind.PRICE else ""),
        "malformed_number": f"{column.name} {text!r} is no plain number such as -1234.56 (up to "
        f"{WHOLE_DIGITS} digits before the point)",
    }[kind]


def _range_faults(raw: pa.StringArray, values: pa.Array, column: Column) -> Iterator[Fault]:
    if column.kind is Kind.PRICE:
        for kind, bad in (("zero_price", pc.equal), ("negative_price", pc.less)):
            rows = np.flatnonzero(_flags(bad(values, _like(values, 0))))
            if rows.size:
                yield Fault(
                    kind, Severity.QUARANTINED, rows, lambda row: f"{column.name} is {raw[row].as_py()}"
                )
    outside = np.zeros(len(values), bool)
    if column.low is not None:
        outside |= _flags(pc.less(values, _like(values, column.low)))
    if column.high is not None:
        outside |= _flags(pc.greater(values, _like(values, column.high)))
    if outside.any():
        limits = f"from {column.low:g}" + (f" to {column.high:g}" if column.high is not None else " up")
        hint = f" ({column.hint})" if column.hint else ""
        says = f"it must be {limits}{hint}"
        rows = np.flatnonzero(outside)
        yield Fault(
            "out_of_range", Severity.REFUSED, rows, lambda row: f"{column.name} is {raw[row]}; {says}"
        )


def _like(values: pa.Array, number: float) -> pa.Scalar:
    """Return a limit (each a whole number or one half) in the column's own type."""
    return (
        pa.scalar(number).cast(values.type)
        if pa.types.is_floating(values.type)
        else pa.scalar(f"{number:g}").cast(values.type)
    )


def _without(values: pa.Array, faults: list[Fault]) -> pa.Array:
    rows = [fault.rows for fault in faults]
    if not rows:
        return values
    bad = np.zeros(len(values), bool)
    bad[np.concatenate(rows)] = True
    return pc.if_else(pa.array(bad), None, values)


def _flags(condition: pa.BooleanArray) -> NDArray[np.bool_]:
    """Return a condition as an array; where it is unknown it does not hold."""
    return cast("NDArray[np.bool_]", pc.fill_null(condition, fill_value=False).to_numpy(zero_copy_only=False))
