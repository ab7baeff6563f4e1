"""Prices and how far they are trusted: each rule on both sides of its boundary, and which doubt comes first."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from steelyard.analytics.quality import HOUSE_RULE
from steelyard.domain.calendar import CLOCK_SKEW
from steelyard.domain.portfolio import weekdays_since
from steelyard.market.check import (
    Judge,
    Known,
    check_price,
    choose_price,
    missing_price,
    usual_spread,
)
from steelyard.market.port import AssetKey, CheckedPrice, Quality, Quote

NOW = datetime(2024, 3, 13, 15, tzinfo=UTC)  # a Wednesday
VTI = AssetKey("VTI", "VTI", "USD", "ARCX")
VOD = AssetKey("VOD", "VOD", "GBX", "XLON")
CALM = tuple(Decimal(100 + number % 2) for number in range(30))
"""About 1 % a day; the last is 101."""


def count(day: date, as_of: date, mic: str, at_most: int) -> int:
    del mic, at_most
    return weekdays_since(day, as_of)


NOTHING = Known()
JUDGE = Judge(now=NOW, max_age=3, age=count)


def quote(price: str | Decimal, **changes: object) -> Quote:
    made = Quote(asset_id="VTI", price=Decimal(price), currency="USD", made_at=NOW, source="feed")
    return replace(made, **changes)  # type: ignore[arg-type]  # the fields of a Quote


def check(price: str | Decimal, known: Known = NOTHING, **changes: object) -> CheckedPrice:
    return check_price(VTI, quote(price, **changes), known, JUDGE)


def test_a_usual_price_is_good_and_says_where_it_is_from() -> None:
    found = check("102.5", Known(closes=CALM))

    assert (found.price, found.currency, found.quality) == (Decimal("102.5"), "USD", Quality.GOOD)
    assert (found.source, found.made_at, found.price_date, found.age) == ("feed", NOW, NOW.date(), 0)
    assert found.is_good
    assert found.doubt == ""


def test_no_price_is_missing_and_never_zero() -> None:
    found = check_price(VTI, None, Known(), JUDGE)

    assert (found.price, found.quality) == (None, Quality.MISSING)
    assert found.doubt == "There is no price of VTI: no source has one."


@pytest.mark.parametrize(
    ("price", "changes", "reason"),
    [
        ("NaN", {}, "is not a finite number"),
        ("Infinity", {}, "is not a finite number"),
        ("0", {}, "is 0, not above 0"),
        ("-0", {}, "is 0, not above 0"),
        ("-12.5", {}, "is -12.5, not above 0"),
        ("1e999999", {}, "is out of range"),
        ("1e-30", {}, "is finer than 12 decimals"),
        ("12.5", {"made_at": NOW.replace(tzinfo=None)}, "has a time without an offset"),
        ("12.5", {"made_at": NOW + CLOCK_SKEW + timedelta(microseconds=1)}, "lies in the future"),
    ],
)
def test_what_is_no_price_comes_without_one(price: str, changes: dict[str, object], reason: str) -> None:
    found = check(price, Known(closes=CALM), **changes)

    assert (found.price, found.quality) == (None, Quality.INVALID)
    assert reason in found.doubt
    assert found.doubt.startswith("The price of VTI from feed ")


def test_five_minutes_ahead_is_a_clock_and_not_the_future() -> None:
    assert check("101", made_at=NOW + CLOCK_SKEW).is_good


@pytest.mark.parametrize(
    ("price", "quality"),
    [
        ("126.25", Quality.GOOD),  # 101 × 1.25: exactly the bound
        ("126.26", Quality.OUTLIER),
        ("75.75", Quality.GOOD),
        ("75.74", Quality.OUTLIER),
    ],
)
def test_an_outlier_is_more_than_a_quarter_away(price: str, quality: Quality) -> None:
    found = check(price, Known(closes=CALM))

    assert found.quality is quality
    assert ("; the last was 101 USD, and this price is " in found.doubt) == (quality is Quality.OUTLIER)


def test_an_outlier_is_also_far_for_its_asset() -> None:
    wild = [Decimal(100) * (Decimal("1.04") if number % 2 else 1) for number in range(31)]  # ends at 100
    bound = 100 * (1 + 8 * usual_spread([*wild, Decimal(160)]))

    assert Decimal(140) < bound < Decimal(180)
    assert check(round(bound, 6) - Decimal("0.0001"), Known(closes=wild)).quality is Quality.GOOD
    assert check(round(bound, 6) + Decimal("0.0001"), Known(closes=wild)).quality is Quality.OUTLIER


def test_the_spread_of_fewer_than_twenty_returns_says_nothing() -> None:
    wild = [Decimal(100 + 40 * (number % 2)) for number in range(21)]

    assert usual_spread(wild) > 0
    assert usual_spread(wild[1:]) == 0
    assert check("130", Known(closes=wild[2:])).quality is Quality.OUTLIER


def test_nothing_is_an_outlier_of_nothing() -> None:
    assert check("1000000", Known()).is_good


@pytest.mark.parametrize("ratio", ["2", "0.5", "3", "0.3333", "10", "0.1", "0.6667", "2.06", "9.7"])
def test_what_looks_like_a_split_is_asked_about(ratio: str) -> None:
    found = check(101 * Decimal(ratio), Known(closes=CALM))

    assert found.quality is Quality.SPLIT
    assert found.doubt.endswith(" times the one before: split?")


@pytest.mark.parametrize("ratio", ["1.4", "1.5", "0.7", "2.07", "10.4", "12"])
def test_other_jumps_are_outliers(ratio: str) -> None:
    assert check(101 * Decimal(ratio), Known(closes=CALM)).quality is Quality.OUTLIER


def test_a_split_that_is_booked_explains_the_price_after_it() -> None:
    booked = Known(closes=CALM, split=Decimal(2))

    assert check("50.6", booked).is_good
    assert check("101", booked).quality is Quality.SPLIT  # the price was not split with it


def test_a_spin_off_may_move_a_price_by_any_amount() -> None:
    assert check("60", Known(closes=CALM, has_other_action=True)).is_good


@pytest.mark.parametrize(
    ("price", "quality"),
    [
        ("80.81", Quality.CURRENCY),  # the hundredth of 8,081, a fifth below 101
        ("0.8", Quality.OUTLIER),
        ("1.01", Quality.CURRENCY),
        ("10100", Quality.CURRENCY),
    ],
)
def test_pence_for_pounds_and_pounds_for_pence_are_seen(price: str, quality: Quality) -> None:
    closes = [close * 80 for close in CALM] if price == "80.81" else CALM

    assert check(price, Known(closes=closes)).quality is quality


def test_pence_become_pounds_exactly() -> None:
    found = check_price(VOD, quote("70.125", asset_id="VOD", currency="GBX"), Known(), JUDGE)

    assert (found.price, found.currency) == (Decimal("0.70125"), "GBP")


def test_a_price_in_pounds_fits_an_asset_in_pence() -> None:
    found = check_price(
        VOD, quote("0.705", asset_id="VOD", currency="GBP"), Known(closes=[Decimal(70)]), JUDGE
    )

    assert (found.price, found.currency, found.quality) == (Decimal("0.705"), "GBP", Quality.GOOD)


def test_a_source_that_names_no_currency_means_the_unit_of_the_asset() -> None:
    found = check_price(VOD, quote("70", asset_id="VOD", currency=""), Known(), JUDGE)

    assert (found.price, found.currency) == (Decimal("0.7"), "GBP")


def test_another_currency_is_no_price_of_the_asset() -> None:
    found = check("101", Known(closes=CALM), currency="CAD")

    assert found.quality is Quality.CURRENCY
    assert found.doubt == "The price of VTI from feed is in CAD, and its asset in USD."


@pytest.mark.parametrize(
    ("bid", "ask", "quality"),
    [
        ("100.9", "101.1", Quality.GOOD),
        ("101", "101", Quality.CROSSED),
        ("101.1", "100.9", Quality.CROSSED),
        (None, "100.9", Quality.GOOD),
        ("101.1", None, Quality.GOOD),
    ],
)
def test_crossed_and_locked_markets_are_doubted(bid: str | None, ask: str | None, quality: Quality) -> None:
    found = check("101", bid=bid and Decimal(bid), ask=ask and Decimal(ask))

    assert found.quality is quality


@pytest.mark.parametrize(
    ("day", "age", "quality"),
    [
        (date(2024, 3, 8), 3, Quality.GOOD),
        (date(2024, 3, 7), 4, Quality.STALE),
    ],
)
def test_a_price_is_stale_by_sessions(day: date, age: int, quality: Quality) -> None:
    found = check("101", Known(closes=CALM), price_date=day)

    assert (found.age, found.quality, found.price) == (age, quality, Decimal(101))
    if quality is Quality.STALE:
        assert found.doubt == (
            "The price of VTI from feed is of 2024-03-07, 4 sessions old: older than the 3 allowed."
        )


def test_the_age_of_a_price_counts_on_the_day_that_is_asked_about() -> None:
    past = replace(JUDGE, as_of=date(2024, 3, 8))

    assert check_price(VTI, quote("101", price_date=date(2024, 3, 7)), Known(), past).age == 1


def test_the_day_of_a_price_is_the_exchanges() -> None:
    evening = datetime(2024, 3, 12, 1, 30, tzinfo=UTC)  # Monday evening in New York

    assert check("101", made_at=evening).price_date == date(2024, 3, 11)
    nowhere = check_price(replace(VTI, mic=""), quote("101", made_at=evening), Known(), JUDGE)
    assert nowhere.price_date == date(2024, 3, 12)
    tokyo = evening.astimezone(timezone(timedelta(hours=9)))
    assert check("101", made_at=tokyo).price_date == date(2024, 3, 11)


def test_stale_is_said_last_because_a_reason_lets_it_pass() -> None:
    old = date(2024, 1, 2)

    assert check("200", Known(closes=CALM), price_date=old).quality is Quality.SPLIT
    assert check("101", currency="CAD", price_date=old).quality is Quality.CURRENCY
    assert check("101", bid=Decimal(2), ask=Decimal(1), price_date=old).quality is Quality.CROSSED
    assert check("140", Known(closes=CALM), price_date=old).quality is Quality.OUTLIER


def answer(price: str, quality: Quality, source: str) -> CheckedPrice:
    doubt = "" if quality is Quality.GOOD else "Why."
    return CheckedPrice(
        asset_id="VTI",
        price=Decimal(price),
        currency="USD",
        made_at=NOW,
        source=source,
        quality=quality,
        doubt=doubt,
    )


def test_the_first_good_price_counts_in_the_order_of_the_sources() -> None:
    doubted, first, second = (
        answer("9", Quality.STALE, "one"),
        answer("10", Quality.GOOD, "two"),
        answer("11", Quality.GOOD, "three"),
    )

    assert choose_price([doubted, first, second]) is first
    assert choose_price([missing_price(VTI, "x"), doubted]) is doubted
    assert choose_price([missing_price(VTI, "x")]).quality is Quality.MISSING


@pytest.mark.parametrize(
    ("price", "quality", "source", "is_good"),
    [
        ("142.8", Quality.OUTLIER, "other", True),  # 2 % from 140
        ("142.9", Quality.OUTLIER, "other", False),
        ("140", Quality.OUTLIER, "one", False),
        ("140", Quality.SPLIT, "other", False),
        ("140", Quality.STALE, "other", False),
    ],
)
def test_an_outlier_that_another_source_confirms_is_a_shift_of_the_level(
    price: str, quality: Quality, source: str, *, is_good: bool
) -> None:
    outlier = answer("140", Quality.OUTLIER, "one")
    found = choose_price([outlier, answer(price, quality, source)])

    assert found.is_good == is_good
    assert (found.price, found.source) == (Decimal(140), "one")


def test_what_all_sources_say_of_a_split_is_a_split_all_the_same() -> None:
    found = choose_price([answer("50", Quality.SPLIT, "one"), answer("50", Quality.SPLIT, "two")])

    assert found.quality is Quality.SPLIT


def test_the_house_rule_is_the_rule() -> None:
    assert (HOUSE_RULE.jump, HOUSE_RULE.mad_multiple) == (0.25, 8.0)
