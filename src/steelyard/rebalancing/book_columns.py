"""Arrow columns of a book as whole numbers, without copying what need not be copied."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from steelyard.domain.asset import AssetIdError, normalize_asset_id
from steelyard.errors import InvalidInputError

Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]

REQUIRED: Final = ("asset_id", "quantity", "cash")
LISTS: Final = ("asset_id", "quantity", "target_weight", "lock")
AMOUNTS: Final = ("quantity", "target_weight", "cash", "investment_amount", "cash_floor")
TEXTS: Final = ("lock", "model")
INT64_BYTES: Final = 8
LARGEST: Final = 1 << 58
"""Numbers above it are left to plain Python."""


class BookColumnError(InvalidInputError):
    """A column of a book is missing, or is not of its kind."""

    def __init__(self, table: str, column: str, found: object, wanted: str) -> None:
        """Name the table, the column, its type and the type wanted."""
        super().__init__(
            f"{table}: column {column} is {found}, and must be {wanted}: change it before the call."
        )


def is_amount(kind: pa.DataType) -> bool:
    """Whether a type holds exact numbers."""
    return bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind))


def is_text(kind: pa.DataType) -> bool:
    """Whether a type holds text, or codes for text."""
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner))


def places_of(kind: pa.DataType) -> int:
    """Give the decimals of a type."""
    return kind.scale if pa.types.is_decimal(kind) else 0


def check_book(schema: pa.Schema) -> dict[str, pa.DataType]:
    """Return the type of each column of a book that is read; those of a list by what it lists.

    Raises:
        BookColumnError: one is missing or not of its kind.
    """
    kinds = {name: schema.field(name).type for name in schema.names}
    for name in REQUIRED:
        if name not in kinds:
            raise BookColumnError("The book", name, "missing", "there")
    if ("target_weight" in kinds) == ("model" in kinds):
        found = "there beside model" if "model" in kinds else "missing, as is model"
        raise BookColumnError("The book", "target_weight", found, "there, or model, not both")
    for name in LISTS:
        if name in kinds:
            if not pa.types.is_list(kinds[name]):
                raise BookColumnError("The book", name, kinds[name], "a list, one entry a position")
            kinds[name] = kinds[name].value_type
    check_kinds("The book", kinds)
    return kinds


def check_kinds(table: str, kinds: Mapping[str, pa.DataType]) -> None:
    """Check the columns that hold amounts, words and assets.

    Raises:
        BookColumnError: one is not of its kind.
    """
    for name, kind in kinds.items():
        if name in {*AMOUNTS, "price"} and not is_amount(kind):
            raise BookColumnError(table, name, kind, "of integers or decimals, for money is exact")
        if name in TEXTS and not is_text(kind):
            raise BookColumnError(table, name, kind, "text")
        if name == "asset_id" and not (is_text(kind) or pa.types.is_integer(kind)):
            raise BookColumnError(table, name, kind, "text, or the row of the asset in the prices")


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column in whole numbers; where `fits` is False the value is missing or out of range, and the number 0."""

    values: Int64s
    fits: Bools


def numbers(column: pa.Array, places: int) -> Numbers:
    """Read exact numbers as multiples of 10^-places."""
    values, fits = _unscaled(column)
    if column.null_count:
        fits = fits & ~column.is_null().to_numpy(zero_copy_only=False)
    finer = places_of(column.type) - places
    if finer > 0:
        divisor = min(10**finer, LARGEST)
        whole = values // divisor
        return Numbers(whole, fits & (whole * divisor == values) & (abs(whole) <= LARGEST))
    factor = min(10**-finer, LARGEST)
    most = LARGEST // factor
    fits = fits & (values <= most) & (values >= -most)
    if not fits.all():
        values = np.where(fits, values, 0)
    return Numbers(values if factor == 1 else values * factor, fits)


def _unscaled(column: pa.Array) -> tuple[Int64s, Bools]:
    kind, count = column.type, len(column)
    if pa.types.is_integer(kind):
        filled = column.fill_null(0).to_numpy(zero_copy_only=False)
        return filled.astype(np.int64), filled <= LARGEST
    if not count:
        return np.zeros(0, np.int64), np.zeros(0, np.bool_)
    size = kind.bit_width // 8
    whole = min(size, INT64_BYTES)
    parts = np.frombuffer(
        column.buffers()[1], np.dtype(f"<i{whole}"), count * (size // whole), column.offset * size
    ).reshape(count, size // whole)
    fits = (parts[:, 1:] == parts[:, :1] >> 63).all(axis=1)
    return np.where(fits, parts[:, 0], 0).astype(np.int64), fits


class Codes:
    """The assets with a price, and how columns name them.

    Attributes:
        ids: asset ids, in their order; the code of an asset is its place here.
    """

    def __init__(self, given: list[str]) -> None:
        """Take ids in the order of the price table; columns of integers count its rows."""
        self.ids = sorted(given)
        self._code = {asset_id: code for code, asset_id in enumerate(self.ids)}
        self._by_row = np.array([*(self._code[asset_id] for asset_id in given), -1], np.int64)
        self._given = given

    def id_of(self, value: object) -> object:
        """Give the asset id that one value of a column means; what is none stays as it is."""
        if isinstance(value, int) and 0 <= value < len(self._given):
            return self._given[value]
        return value

    def read(self, column: pa.Array) -> Int64s:
        """Give codes; -1 where an asset has no price."""
        if pa.types.is_integer(column.type):
            found = numbers(column, 0)
            rows = np.where(found.fits & (found.values >= 0), found.values, len(self._given))
            codes: Int64s = self._by_row[np.minimum(rows, len(self._given))]
            return codes
        return _looked_up(column, self.code_of, -1)

    def code_of(self, text: str | None) -> int:
        """Give the code of an asset; -1 = it has no price, or is none."""
        try:
            return self._code.get(normalize_asset_id(text or ""), -1)
        except AssetIdError:
            return -1


def words(column: pa.Array, known: Mapping[str, int], missing: int, unknown: int) -> Int64s:
    """Read words as the numbers they stand for."""
    return _looked_up(column, lambda word: known.get(word or "", unknown), missing)


def _looked_up(column: pa.Array, number_of: Callable[[str | None], int], missing: int) -> Int64s:
    """Look each different text up once."""
    column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    table = np.array([*map(number_of, column.dictionary.to_pylist()), missing], np.int64)
    found: Int64s = table[column.indices.fill_null(len(table) - 1).to_numpy(zero_copy_only=False)]
    return found


def list_starts(column: pa.Array) -> Int64s:
    """Give where each row's entries begin in `entries`, and where the last ends."""
    offsets = column.offsets.to_numpy().astype(np.int64)
    starts: Int64s = offsets - offsets[0]
    return starts


def entries(column: pa.Array) -> pa.Array:
    """Give what the lists hold, one after the other."""
    offsets = column.offsets
    begin, end = offsets[0].as_py(), offsets[-1].as_py()
    return column.values.slice(begin, end - begin)


def decimals(values: Int64s, places: int, others: Mapping[int, int]) -> pa.Array:
    """Make exact numbers of multiples of 10^-places; `others`, by place, may need more than 64 bits."""
    both = np.empty((len(values), 2), np.int64)
    both[:, 0], both[:, 1] = values, values >> 63
    for at, value in others.items():
        both[at] = np.frombuffer(value.to_bytes(16, "little", signed=True), np.int64)
    return pa.Array.from_buffers(pa.decimal128(38, places), len(values), [None, pa.py_buffer(both)])
