"""Which prices are in doubt, and of which kind: made series, and 505 real ones."""

import csv
import gzip
from collections import Counter

import numpy as np
import pytest

from books import shared
from steelyard.analytics.observations import DateArray, FloatArray, IntArray
from steelyard.analytics.quality import HOUSE_RULE, Findings, JumpKind, UnsortedPricesError, screen_prices

CALM = 100.0 * (1.0 + 0.01 * np.sin(np.arange(60)))


def screen(*assets: FloatArray) -> Findings:
    """Screen whole series, one asset each, on consecutive days."""
    index = np.repeat(np.arange(len(assets)), [len(prices) for prices in assets])
    days = np.concatenate([np.arange(len(prices)).astype("datetime64[D]") for prices in assets])
    return screen_prices(index, days, np.concatenate(assets), rule=HOUSE_RULE)


def found(*assets: FloatArray) -> list[tuple[int, str]]:
    findings = screen(*assets)
    return list(zip(findings.rows.tolist(), findings.kinds.tolist(), strict=True))


def changed(factor: float, rows: slice | int) -> FloatArray:
    prices = CALM.copy()
    prices[rows] *= factor
    return prices


def test_calm_prices_pass() -> None:
    assert found(CALM, CALM * 100, CALM[:1]) == []  # what parts two assets is no jump


@pytest.mark.parametrize("factor", [0.5, 0.7, 1.3, 1.6, 20.0])
def test_a_tick_that_comes_back_is_the_one_bad_price(factor: float) -> None:
    assert found(CALM, changed(factor, 30)) == [(90, "reversal")]


def test_a_tick_is_found_where_only_the_way_back_is_a_jump() -> None:
    assert found(changed(0.77, 30)) == [(30, "reversal")]  # -23 %, then +30 %


@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_a_tick_in_the_wrong_unit(factor: float) -> None:
    findings = screen(changed(factor, 30))
    assert (findings.rows.tolist(), findings.kinds.tolist()) == ([30], ["unit_jump"])
    assert findings.quarantined.all()


@pytest.mark.parametrize("rows", [slice(0, 7), slice(30, 33), slice(50, 60)])
def test_a_run_in_the_wrong_unit_is_quarantined_whole(rows: slice) -> None:
    assert found(changed(100.0, rows)) == [(row, "unit_jump") for row in range(*rows.indices(60))]


def test_an_asset_quoted_in_two_units_by_turns() -> None:
    assert found(changed(100.0, slice(1, 60, 2))) == [(row, "unit_jump") for row in range(1, 60, 2)]


def test_a_move_within_a_run_in_the_wrong_unit_is_not_named_twice() -> None:
    prices = changed(100.0, slice(30, 40))
    prices[35:] *= 1.4
    assert found(prices) == [(row, "unit_jump") for row in range(30, 40)]


def test_a_tick_that_hides_a_move_takes_nothing_back() -> None:
    prices = changed(1.6, slice(31, 60))
    prices[30] *= 30
    assert found(prices) == [(30, "level_shift"), (31, "level_shift")]


def test_a_new_asset_is_screened_from_its_second_price() -> None:
    assert found(np.array([1.0, 100.0])) == [(1, "unit_jump")]
    assert found(np.array([1.0, 1.0, 1.4])) == [(2, "unconfirmed")]


@pytest.mark.parametrize(
    ("factor", "kind"),
    [
        (0.5, "split_like"),
        (1 / 3, "split_like"),
        (0.1, "split_like"),
        (2 / 3, "split_like"),
        (2.0, "split_like"),
        (10.0, "split_like"),
        (1.5, "level_shift"),  # what two for three would leave; nobody does that
        (12.0, "level_shift"),  # nobody splits in twelve
        (0.431, "level_shift"),
        (0.7, "level_shift"),
        (1.3, "level_shift"),
    ],
)
def test_a_lasting_jump_keeps_its_price(factor: float, kind: str) -> None:
    findings = screen(changed(factor, slice(30, 60)))
    assert (findings.rows.tolist(), findings.kinds.tolist()) == ([30], [kind])
    assert not findings.quarantined.any()
    assert findings.ratios[0] == pytest.approx(factor, rel=0.02)


def test_a_jump_on_the_last_day_waits() -> None:
    assert found(changed(0.7, 59)) == [(59, "unconfirmed")]


def test_a_wild_asset_is_measured_by_its_own_spread() -> None:
    wild = np.exp(np.cumsum(0.1 * np.sin(1.7 * np.arange(80))))  # moves of up to 10 %, half of them above 7 %
    assert found(wild * np.where(np.arange(80) < 40, 1.0, 1.5)) == []  # 37 %: more than 25, less than 8 × 7
    assert found(wild * np.where(np.arange(80) < 40, 1.0, 5.0)) == [(40, "level_shift")]


def test_in_a_crisis_a_price_that_comes_back_is_kept() -> None:
    prices = CALM.copy()
    prices[20:40] *= np.cumprod(np.tile([0.92, 1.08], 10))
    prices[30] *= 0.72
    findings = screen(prices)
    assert 30 in findings.rows
    assert not findings.quarantined.any()


def test_where_prices_alternate_each_second_is_bad() -> None:
    prices = CALM.copy()
    prices[[30, 32, 34]] *= 1.5
    assert found(prices) == [(30, "reversal"), (32, "reversal"), (34, "reversal")]


@pytest.mark.parametrize("missing", [np.nan, 0.0, -1.0, np.inf])
def test_prices_that_are_none_are_passed_over(missing: float) -> None:
    prices = changed(0.5, slice(30, 60))
    prices[[10, 29]] = missing
    assert found(prices) == [(30, "split_like")]


def test_no_prices_have_no_findings() -> None:
    assert found(np.empty(0)) == []


@pytest.mark.parametrize(
    ("index", "days"), [([0, 0], [1, 1]), ([0, 0], [2, 1]), ([1, 0], [1, 2])], ids=["twice", "back", "asset"]
)
def test_unsorted_prices_are_refused(index: list[int], days: list[int]) -> None:
    with pytest.raises(UnsortedPricesError, match="row 1 "):
        screen_prices(
            np.array(index), np.array(days).astype("datetime64[D]"), np.array([1.0, 2.0]), rule=HOUSE_RULE
        )


def test_each_kind_says_what_it_looks_like() -> None:
    sentences = {kind.describe(1.5) for kind in JumpKind}
    assert len(sentences) == len(JumpKind)
    assert all(sentence.startswith("price is 1.5 times the one before: ") for sentence in sentences)


# ── 505 real names ──────────────────────────────────────────────────────────────────────────────────────


Panel = tuple[list[str], IntArray, DateArray, FloatArray]


def real_prices(file_name: str) -> Panel:
    with gzip.open(shared(f"market/{file_name}.csv.gz"), "rt", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    prices = np.array([[float(price or "nan") for price in row[1:]] for row in rows])
    days = np.array([row[0] for row in rows], dtype="datetime64[D]")
    names = header[1:]
    return names, np.repeat(np.arange(len(names)), len(days)), np.tile(days, len(names)), prices.T.ravel()


def screened(panel: Panel) -> dict[str, str]:
    names, index, days, prices = panel
    findings = screen_prices(index, days, prices, rule=HOUSE_RULE)
    places = [f"{names[index[row]]} {days[row]}" for row in findings.rows]
    return dict(zip(places, findings.kinds.tolist(), strict=True))


@pytest.fixture(scope="module")
def sp500() -> Panel:
    return real_prices("sp500_close_2013_2018")


def test_real_defects_are_found_and_little_else(sp500: Panel) -> None:
    kinds = screened(sp500)
    defects = {
        "EBAY 2015-07-20": "level_shift",
        "BAX 2015-07-01": "level_shift",
        "NI 2015-07-02": "level_shift",
        "DISCA 2014-08-07": "split_like",
        "DISCK 2014-08-07": "split_like",
        "LNT 2016-05-19": "reversal",
        "NWL 2017-09-14": "reversal",
        "MRO 2017-09-14": "reversal",
        "FLR 2017-09-14": "reversal",
        "NVDA 2016-11-11": "level_shift",
        "FB 2013-07-25": "level_shift",
    }
    assert defects.items() <= kinds.items()
    assert Counter(kinds.values()) == {"level_shift": 33, "split_like": 6, "reversal": 4}


def test_the_crash_of_2009_is_kept() -> None:
    kinds = screened(real_prices("pypfopt_20stocks_1990_2024"))
    assert kinds["BAC 2009-01-20"] == "level_shift"  # -29 %, and +31 % the day after: both were real
    assert Counter(kinds.values())["reversal"] == 1  # RRC 1992-09-02, from eighths of a dollar


def test_without_the_quarantined_no_more_are(sp500: Panel) -> None:
    _, index, days, prices = sp500
    findings = screen_prices(index, days, prices, rule=HOUSE_RULE)
    kept = np.setdiff1d(np.arange(len(prices)), findings.rows[findings.quarantined])
    again = screen_prices(index[kept], days[kept], prices[kept], rule=HOUSE_RULE)
    assert len(again.rows) == len(findings.rows) - 4
    assert not again.quarantined.any()
