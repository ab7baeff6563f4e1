"""Numbers, days and moments as regions write them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from babel import localedata

from steelyard.charts import numbers
from steelyard.web.region import find_region, is_region, is_zone

DAY = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("tag", "four", "nine"),
    [
        ("en-US", "1,234.50", "123,456,789.50"),
        ("de-DE", "1.234,50", "123.456.789,50"),
        ("de-CH", "1\u2019234.50", "123\u2019456\u2019789.50"),
        ("fr-FR", "1\u202f234,50", "123\u202f456\u202f789,50"),
        ("hi-IN", "1,234.50", "12,34,56,789.50"),
        ("en-IN", "1,234.50", "12,34,56,789.50"),
        ("es-ES", "1234,50", "123.456.789,50"),
        ("es-MX", "1,234.50", "123,456,789.50"),
        ("pl-PL", "1234,50", "123\xa0456\xa0789,50"),
        ("pt-PT", "1234,50", "123\xa0456\xa0789,50"),
        ("pt-BR", "1.234,50", "123.456.789,50"),
    ],
)
def test_money_is_written_as_in_the_region(tag: str, four: str, nine: str) -> None:
    with numbers.written_as(find_region(tag).style):
        assert numbers.money(Decimal("1234.5")) == four
        assert numbers.money(Decimal("123456789.5")) == nine


@pytest.mark.parametrize(
    ("tag", "day", "moment"),
    [
        ("en-US", "Nov 21, 2026", "Nov 21, 2026, 4:04 PM"),
        ("en-GB", "21 Nov 2026", "21 Nov 2026, 16:04"),
        ("de-DE", "21 Nov 2026", "21 Nov 2026, 16:04"),
        ("fr-CA", "Nov 21, 2026", "Nov 21, 2026, 4:04 p.m."),
        ("hi", "21 Nov 2026", "21 Nov 2026, 4:04 pm"),
    ],
)
def test_days_and_moments_are_those_of_the_country_in_english(tag: str, day: str, moment: str) -> None:
    region = find_region(tag, "Europe/Zurich")

    assert region.day(DAY) == day
    assert region.moment(datetime(2026, 11, 21, 15, 4, tzinfo=UTC)).replace("\u202f", " ") == moment


def test_a_moment_is_that_of_the_zone_on_both_sides_of_a_change_of_clocks() -> None:
    region = find_region("en-GB", "America/New_York")

    before = region.moment(datetime(2026, 11, 1, 5, 30, tzinfo=UTC))
    after = region.moment(datetime(2026, 11, 1, 6, 30, tzinfo=UTC))

    assert before == after == "1 Nov 2026, 01:30"
    assert region.moment(datetime(2026, 1, 1, 3, tzinfo=UTC)) == "31 Dec 2025, 22:00"


@pytest.mark.parametrize("tag", ["", "xx-YY", "C", "../../etc", "en-u-hc-h23", "de\n", "😀", "*"])
def test_a_tag_that_nobody_knows_is_english_of_america(tag: str) -> None:
    assert find_region(tag).tag == "en-US"
    assert not is_region(tag)


@pytest.mark.parametrize("zone", ["", "Mars/Base", "../etc/passwd", "europe/zurich ", "/etc/localtime"])
def test_a_zone_that_nobody_knows_is_utc(zone: str) -> None:
    assert find_region("en-US", zone).zone.key == "UTC"
    assert not is_zone(zone)


def test_every_region_there_is_writes_numbers_that_can_be_read_again() -> None:
    for name in localedata.locale_identifiers():
        style = find_region(name.replace("_", "-")).style
        with numbers.written_as(style):
            written = numbers.money(Decimal("-1234567.89"))
        plain = written.replace(style.group, "").replace(style.decimal, ".").replace("−", "-")

        assert style.decimal in {".", ","}
        assert style.group != style.decimal
        assert Decimal(plain) == Decimal("-1234567.89"), name


def test_what_is_not_known_is_a_dash() -> None:
    assert find_region("en-US").day(None) == find_region("en-US").moment(None) == "–"
