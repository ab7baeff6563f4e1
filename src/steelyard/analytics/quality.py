"""Prices in doubt: jumps that an asset's own history does not explain, and what each of them looks like.

A return is a jump where it is large both in itself and against the asset's own spread (the median absolute
deviation, which the jumps themselves don't widen). What happens around a jump tells its kind. A price that is
wrong for sure is quarantined; a jump that may be real (news, a spin-off, a split nobody told of) keeps its
price and is flagged.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from steelyard.analytics.observations import DateArray, FloatArray, IntArray, quantile
from steelyard.errors import InvalidInputError

BoolArray = NDArray[np.bool_]

MINOR_UNITS = 100.0  # pence in a pound
SPLIT_3_FOR_2 = 2 / 3  # what it leaves of the price


class UnsortedPricesError(InvalidInputError):
    """Prices are not sorted by asset and date, or one stands twice."""

    def __init__(self, row: int) -> None:
        """Name the first row that is out of order."""
        super().__init__(
            f"Price row {row} is not after the row before it; sort by asset and date, one price a day."
        )


class JumpKind(StrEnum):
    """What a jump looks like, and so what becomes of the price."""

    REVERSAL = "reversal"
    UNIT_JUMP = "unit_jump"
    SPLIT_LIKE = "split_like"
    UNCONFIRMED = "unconfirmed"
    LEVEL_SHIFT = "level_shift"

    @property
    def is_quarantined(self) -> bool:
        """Tell whether the price must not be used; else it is used and its return flagged."""
        return self in {JumpKind.REVERSAL, JumpKind.UNIT_JUMP}

    def describe(self, ratio: float) -> str:
        """Say in a sentence for people what a price `ratio` times the one before it looks like.

        >>> JumpKind.SPLIT_LIKE.describe(0.5)
        'price is 0.5 times the one before: split?'
        """
        return f"price is {ratio:.4g} times the one before: {_MEANING[self]}"


_MEANING = {
    JumpKind.REVERSAL: "a tick that the next price takes back",
    JumpKind.UNIT_JUMP: "pence for pounds, or pounds for pence?",
    JumpKind.SPLIT_LIKE: "split?",
    JumpKind.UNCONFIRMED: "no later price confirms it yet",
    JumpKind.LEVEL_SHIFT: "news, or a spin-off not adjusted for?",
}


@dataclass(frozen=True, slots=True)
class ScreeningRule:
    """When a return is a jump, and how near is near.

    Attributes:
        jump: a jump is a larger absolute return than this fraction,
        mad_multiple: and than this multiple of the asset's median absolute deviation of returns,
        mad_returns: if it has this many returns; the deviation of fewer says nothing.
        days_around: a reversal exceeds that multiple of the median return, too, of so many days before and after,
        come_back: and may miss the price before it by this share of the jump, in logarithms.
        split_tolerance: relative distance of a ratio from n:1, 1:n or 2:3.
        largest_split: the largest n.
        unit_tolerance: relative distance of a ratio from 100 or a hundredth.
    """

    jump: float
    mad_multiple: float
    mad_returns: int
    days_around: int
    come_back: float
    split_tolerance: float
    largest_split: int
    unit_tolerance: float


HOUSE_RULE = ScreeningRule(
    jump=0.25,
    mad_multiple=8.0,
    mad_returns=20,
    days_around=10,
    come_back=0.25,
    split_tolerance=0.03,
    largest_split=10,
    unit_tolerance=0.25,
)


@dataclass(frozen=True, slots=True)
class Findings:
    """Prices in doubt, in the order of their rows.

    Attributes:
        rows: row numbers of the prices screened.
        kinds: the `JumpKind` of each.
        ratios: the price over the asset's price before it; in a run of the wrong unit only the first is far
        from 1.
    """

    rows: IntArray
    kinds: NDArray[np.str_]
    ratios: FloatArray

    @property
    def quarantined(self) -> BoolArray:
        """Tell for each whether the price must not be used."""
        return np.isin(self.kinds, [kind.value for kind in JumpKind if kind.is_quarantined])


def screen_prices(
    asset_index: IntArray, dates: DateArray, prices: FloatArray, *, rule: ScreeningRule
) -> Findings:
    """Find the prices in doubt.

    Args:
        asset_index: [row], the asset's number; ascending.
        dates: [row], datetime64[D]; strictly ascending within an asset.
        prices: [row], in the asset's currency; any that is not finite and above 0 is passed over.
        rule: when a return is a jump.

    Returns:
        The findings, none for no rows. A reversal is the bad price alone, not its neighbours. A run in the
        wrong unit is every price whose unit is not the asset's usual one.

    Raises:
        UnsortedPricesError: The rows are not sorted by asset and date, or one stands twice.

    >>> days = np.arange("2024-01-01", "2024-01-06", dtype="datetime64[D]")
    >>> found = screen_prices(np.zeros(5, int), days, np.array([10.0, 10.1, 5.0, 10.0, 10.1]), rule=HOUSE_RULE)
    >>> found.rows.tolist(), found.kinds.tolist(), found.quarantined.tolist()
    ([2], ['reversal'], [True])
    """
    _refuse_unsorted(asset_index, dates)
    usable = np.flatnonzero(np.isfinite(prices) & (prices > 0))
    assets = asset_index[usable]
    ratios = _price_ratios(assets, prices[usable])
    jumps = _jumps(assets, ratios, rule)
    ticks = _bad_ticks(assets, ratios, jumps, rule)
    jumps = np.setdiff1d(jumps, np.concatenate([ticks, ticks + 1]))
    steps = jumps[_is_unit_jump(ratios[jumps], rule)]
    misquoted = np.setdiff1d(_in_unusual_unit(assets, ratios, steps), ticks)
    lasting = np.setdiff1d(jumps, np.concatenate([steps, misquoted]))
    rows = np.concatenate([ticks, misquoted, lasting])
    kinds = np.concatenate(
        [
            np.where(_is_unit_jump(ratios[ticks], rule), JumpKind.UNIT_JUMP.value, JumpKind.REVERSAL.value),
            np.full(len(misquoted), JumpKind.UNIT_JUMP.value),
            _lasting_kinds(ratios, lasting, rule),
        ]
    )
    order = np.argsort(rows, kind="stable")
    return Findings(rows=usable[rows[order]], kinds=kinds[order], ratios=ratios[rows[order]])


def _refuse_unsorted(asset_index: IntArray, dates: DateArray) -> None:
    next_asset = np.diff(asset_index)
    not_later = np.diff(dates).astype(np.int64) <= 0
    wrong = np.flatnonzero((next_asset < 0) | ((next_asset == 0) & not_later))
    if len(wrong):
        raise UnsortedPricesError(int(wrong[0]) + 1)


def _price_ratios(assets: IntArray, prices: FloatArray) -> FloatArray:
    """Divide each price by the same asset's before it; NaN at its first, and one NaN after the end."""
    ratios = np.full(len(prices) + 1, np.nan)
    np.divide(prices[1:], prices[:-1], out=ratios[1:-1], where=assets[1:] == assets[:-1])
    return ratios


def _jumps(assets: IntArray, ratios: FloatArray, rule: ScreeningRule) -> IntArray:
    """Give the rows whose return is large in itself and for its asset, or a change of unit whatever the asset."""
    large = np.flatnonzero(np.abs(ratios - 1.0) > rule.jump)
    rows, group, of_large = _rows_of_assets(assets, large)
    known = ~np.isnan(ratios[rows])
    returns, group = ratios[rows][known] - 1.0, group[known]
    spread = _group_medians(np.abs(returns - _group_medians(returns, group)[group]), group)
    spread[np.bincount(group) < rule.mad_returns] = 0.0
    moved = np.abs(ratios[large] - 1.0)
    is_jump: BoolArray = (moved > rule.mad_multiple * spread[of_large]) | _is_unit_jump(ratios[large], rule)
    return large[is_jump]


def _rows_of_assets(assets: IntArray, chosen: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Give all rows of the assets of the chosen rows, those assets' numbers 0, 1, … per row, and per chosen row."""
    wanted, of_chosen = np.unique(assets[chosen], return_inverse=True)
    starts, stops = np.searchsorted(assets, wanted), np.searchsorted(assets, wanted, side="right")
    group = np.repeat(np.arange(len(wanted)), stops - starts)
    before = np.cumsum(stops - starts) - (stops - starts)
    return np.arange(len(group)) + (starts - before)[group], group, of_chosen


def _group_medians(values: FloatArray, group: IntArray) -> FloatArray:
    """Take the median of each group; groups are numbered 0, 1, … and ascending, none is empty."""
    keys = np.empty(len(values), dtype=np.complex128)  # complex numbers sort by their real part first:
    keys.real, keys.imag = group, values  # three times faster than an indirect sort by two keys
    ranked = np.sort(keys).imag
    counts = np.bincount(group)
    starts = np.cumsum(counts) - counts
    return np.asarray((ranked[starts + (counts - 1) // 2] + ranked[starts + counts // 2]) / 2.0)


def _bad_ticks(assets: IntArray, ratios: FloatArray, jumps: IntArray, rule: ScreeningRule) -> IntArray:
    """Give the rows whose neighbours agree with each other, in calm days: into or out of them goes a jump."""
    rows = np.union1d(jumps - 1, jumps)
    across = ratios[rows] * ratios[rows + 1]
    comes_back = np.abs(np.log(across)) <= rule.come_back * np.abs(np.log(ratios[rows]))
    ticks: IntArray = rows[comes_back & (np.abs(across - 1.0) <= rule.jump)]
    ticks = ticks[_stands_out(assets, ratios, ticks, rule)]
    # Where prices alternate, each one's neighbours agree; the first that left is bad, the next stays.
    number = np.arange(len(ticks))
    starts_run = np.diff(ticks, prepend=-2) != 1
    run_start = np.maximum.accumulate(np.where(starts_run, number, 0))
    is_bad: BoolArray = (number - run_start) % 2 == 0
    return ticks[is_bad]


def _stands_out(assets: IntArray, ratios: FloatArray, ticks: IntArray, rule: ScreeningRule) -> BoolArray:
    """Tell whether a tick is large for its days too: in a crisis real prices fall and come back."""
    around = np.concatenate([np.arange(-rule.days_around, 0), np.arange(2, rule.days_around + 2)])
    wanted = ticks + around[:, np.newaxis]
    rows = np.clip(wanted, 0, len(assets) - 1)  # past either end nothing is known
    known = (rows == wanted) & (assets[rows] == assets[ticks])
    moves = np.where(known, np.abs(ratios[rows] - 1.0), np.nan)
    usual = np.nan_to_num(quantile(moves, probability=0.5))
    return np.asarray(np.abs(ratios[ticks] - 1.0) > rule.mad_multiple * usual)


def _is_unit_jump(ratios: FloatArray, rule: ScreeningRule) -> BoolArray:
    multiple = np.maximum(ratios, 1.0 / ratios) / MINOR_UNITS
    return np.maximum(multiple, 1.0 / multiple) <= 1.0 + rule.unit_tolerance


def _in_unusual_unit(assets: IntArray, ratios: FloatArray, steps: IntArray) -> IntArray:
    """Give the rows quoted in another unit than most of their asset's; at a tie, than its first."""
    rows, group, _ = _rows_of_assets(assets, steps)
    changes = np.where(np.isin(rows, steps), np.sign(ratios[rows] - 1.0), 0.0)
    unit = np.cumsum(changes)
    unit -= unit[np.searchsorted(group, group)]
    usual = np.trunc(_group_medians(unit, group))
    unusual: BoolArray = unit != usual[group]
    return rows[unusual]


def _lasting_kinds(ratios: FloatArray, rows: IntArray, rule: ScreeningRule) -> NDArray[np.str_]:
    """Name the jumps that no later price takes back."""
    is_last = np.isnan(ratios[rows + 1])
    unsure = np.where(is_last, JumpKind.UNCONFIRMED.value, JumpKind.LEVEL_SHIFT.value)
    return np.where(_is_split(ratios[rows], rule), JumpKind.SPLIT_LIKE.value, unsure)


def _is_split(ratios: FloatArray, rule: ScreeningRule) -> BoolArray:
    multiple = np.maximum(ratios, 1.0 / ratios)
    whole = np.clip(np.rint(multiple), 2.0, rule.largest_split)
    distance = np.minimum(np.abs(multiple / whole - 1.0), np.abs(ratios / SPLIT_3_FOR_2 - 1.0))
    return np.asarray(distance <= rule.split_tolerance)
