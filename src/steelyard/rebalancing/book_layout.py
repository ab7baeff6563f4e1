"""A batch of a book laid out for the kernel: codes, whole numbers, and a mark where a number is none."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from steelyard.rebalancing.book_columns import LISTS, Codes, Int64s, entries, list_starts, numbers, words
from steelyard.rebalancing.book_kernel import (
    NOT_SOLD,
    WEIGHT_PLACES,
    WHOLE_WEIGHT,
    Accounts,
    Market,
    Rules,
)
from steelyard.rebalancing.book_market import LOCKS, Models, Scale

WRONG = -2
"""What stands for a quantity, weight or lock that is missing or wrong: the kernel leaves the account alone."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What turns the columns of a batch into those of the kernel.

    Attributes:
        market, rules, scale: prices and policy in whole numbers.
        floor: cash floor where an account has none of its own, raw money.
        codes: the assets.
        models: the model portfolios.
    """

    market: Market
    rules: Rules
    scale: Scale
    floor: int
    codes: Codes
    models: Models

    def accounts(self, rows: pa.RecordBatch) -> Accounts | None:
        """Lay a batch out; None where lists that belong together are not of one length."""
        lists = [rows[name] for name in LISTS if name in rows.schema.names]
        start = list_starts(lists[0])
        if any(column.null_count or not np.array_equal(list_starts(column), start) for column in lists):
            return None
        cash, fits = self._money(rows, "cash", 0)
        invested, fits_too = self._money(rows, "investment_amount", 0)
        floor, fits_also = self._money(rows, "cash_floor", self.floor)
        model, model_end, is_known = self._models(rows)
        return Accounts(
            start=start,
            asset=self.codes.read(entries(rows["asset_id"])),
            quantity=self._quantities(rows),
            weight=self._weights(rows, int(start[-1])),
            locked=self._locks(rows, int(start[-1])),
            model=model,
            model_end=model_end,
            model_asset=self.models.asset,
            model_weight=self.models.weight,
            cash=cash + invested,
            floor=floor,
            fits=(fits & fits_too & fits_also & is_known).astype(np.int64),
        )

    def most_assets(self, accounts: Accounts) -> int:
        """Give how many assets an account can have at most."""
        return int(np.diff(accounts.start).max(initial=0)) + self.models.longest

    def _money(self, rows: pa.RecordBatch, name: str, missing: int) -> tuple[Int64s, np.ndarray]:
        if name not in rows.schema.names:
            return np.full(rows.num_rows, missing, np.int64), np.ones(rows.num_rows, np.bool_)
        column = rows[name]
        read = numbers(column, self.scale.money)
        if name == "cash" or not column.null_count:
            return read.values, read.fits
        absent = column.is_null().to_numpy(zero_copy_only=False)
        return np.where(absent, missing, read.values), read.fits | absent

    def _quantities(self, rows: pa.RecordBatch) -> Int64s:
        read = numbers(entries(rows["quantity"]), self.scale.quantity)
        quantities = read.values if read.fits.all() else np.where(read.fits, read.values, WRONG)
        if "lock" not in rows.schema.names:
            return quantities
        return np.where(self._locks(rows, len(quantities)) == WRONG, WRONG, quantities)

    def _weights(self, rows: pa.RecordBatch, count: int) -> Int64s:
        if "target_weight" not in rows.schema.names:
            return np.full(count, NOT_SOLD, np.int64)
        column = entries(rows["target_weight"])
        read = numbers(column, WEIGHT_PLACES)
        fits = read.fits & (read.values >= 0) & (read.values <= WHOLE_WEIGHT)
        weights = read.values if fits.all() else np.where(fits, read.values, WRONG)
        if column.null_count:
            weights = np.where(column.is_null().to_numpy(zero_copy_only=False), NOT_SOLD, weights)
        return weights

    def _locks(self, rows: pa.RecordBatch, count: int) -> Int64s:
        if "lock" not in rows.schema.names:
            return np.zeros(count, np.int64)
        return words(entries(rows["lock"]), LOCKS, 0, WRONG)

    def _models(self, rows: pa.RecordBatch) -> tuple[Int64s, Int64s, np.ndarray]:
        if "model" not in rows.schema.names:
            none = np.zeros(rows.num_rows, np.int64)
            return none, none, np.ones(rows.num_rows, np.bool_)
        place = words(rows["model"], self.models.place, WRONG, WRONG)
        is_known = place != WRONG
        place = np.where(is_known, place, 0)
        return self.models.start[place], self.models.start[place + 1], is_known
