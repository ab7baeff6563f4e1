"""What routes take: values of a kind, or the rule that a value breaks."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.server.input import (
    read_cursor,
    read_day,
    read_decimal,
    read_id,
    read_moment,
    read_symbol,
    read_text,
    write_cursor,
)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**14), max_value=10**14))
def test_a_plain_number_is_read_exactly(number: Decimal) -> None:
    assert read_decimal(f"{number:f}") == number


@pytest.mark.parametrize(
    "value",
    [
        "1e999999",
        "1E5",
        "NaN",
        "Infinity",
        "-Infinity",
        "",
        " 1",
        "1 ",
        "+1",
        ".5",
        "1.",
        "1,000.5",
        "1.000,5",
        "1_000",
        "\u0661\u0662",
        "\uff11",
        "0x10",
        "1" * 16,
        "1." + "1" * 13,
        "9" * 1_000_000,
        "1\n",
        "\u22121",
        1,
        1.5,
        True,
        None,
        ["1"],
    ],
)
def test_anything_else_is_no_number(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_decimal(value)


def test_the_zeros_are_one() -> None:
    assert [str(read_decimal(text)) for text in ("0", "-0", "-0.00")] == ["0", "0", "0.00"]


@pytest.mark.parametrize("symbol", ["AAPL", "BRK.B", "BRK/B", "^GSPC", "EURUSD=X", "0700:HK", "A", "1" * 32])
def test_symbols_are_taken(symbol: str) -> None:
    assert read_symbol(symbol) == symbol


@pytest.mark.parametrize(
    "value",
    [
        "aapl",
        "\u0410\u0410PL",  # Cyrillic A
        "AAPL\u202e",
        "AA\u200dPL",
        "AAPL\0",
        "\U0001f600",
        "../",
        "A/../B",
        "/etc",
        "..",
        ".A",
        "A//B",
        "A/",
        "^",
        "---",
        "",
        " A",
        "1" * 33,
        "A" * 10_000,
        "\ufdfa" * 32,  # NFKC makes 18 characters of each
        None,
        7,
    ],
)
def test_what_may_look_like_another_symbol_or_a_path_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="not a symbol"):
        read_symbol(value)


@given(st.dates(min_value=date(1900, 1, 1)))
def test_days_are_read(day: date) -> None:
    assert read_day(day.isoformat()) == day


@pytest.mark.parametrize(
    "value",
    [
        "2024-02-30",
        "1899-12-31",
        "2024-1-1",
        "20240101",
        "2024-W01-1",
        "2024-01-01T00:00:00Z",
        "\u0662024-01-01",
        "today",
        "",
        20240101,
        None,
    ],
)
def test_what_is_no_day_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"not a day|before 1900"):
        read_day(value)


@given(st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(9990, 1, 1)))  # noqa: DTZ001  UTC is added
def test_moments_are_read_in_utc(moment: datetime) -> None:
    assert read_moment(f"{moment.isoformat()}Z") == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("2024-03-10T02:30:00", "no offset"),
        ("2024-03-10T24:00:00Z", "not a moment"),
        ("2016-12-31T23:59:60Z", "not a moment"),
        ("2024-02-30T00:00:00Z", "not a day of the calendar"),
        ("1899-12-31T00:00:00Z", "before 1900"),
        ("2024-03-10 02:30:00Z", "not a moment"),
        ("2024-03-10T02:30Z", "not a moment"),
        ("2024-03-10T02:30:00+24:00", "not a moment"),
        ("9999-12-31T23:59:59-23:59", "not a moment"),
        ("2024-03-10", "not a moment"),
        (1_700_000_000, "not a moment"),
    ],
)
def test_what_is_no_moment_is_refused(value: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_moment(value)


@pytest.mark.parametrize(
    "text", ["a\0b", "a\nb", "a\u202eb", "a\u2066b", "\ud800", "\ue000", "a\u2028b", "\x1b[31m"]
)
def test_what_is_not_shown_as_it_is_stored_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not shown"):
        read_text(text)
    with pytest.raises(ValueError, match="not shown"):
        read_id(text)


def test_names_of_people_are_taken() -> None:
    for name in ("Zo\u00eb O\u2019Brien-M\u00fcller", "\u5f20\u4f1f", "\u0645\u062d\u0645\u062f", "A\u200dB"):
        assert read_text(name) == name
    with pytest.raises(ValueError, match="blank"):
        read_text("\u3000 ")


def test_an_id_is_taken_as_it_is() -> None:
    for identifier in ("ACCOUNT 7", " padded ", "Zoe\u0308"):
        assert read_id(identifier) == identifier


KEYS = st.lists(
    st.text(st.characters(exclude_characters="\0"), max_size=20) | st.integers(-(2**62), 2**62), max_size=4
)


@given(KEYS)
def test_a_page_goes_on_where_it_ended(keys: list[str | int]) -> None:
    assert read_cursor(write_cursor(*keys)) == tuple(keys)


@given(st.text(max_size=60))
def test_what_is_no_cursor_is_refused_in_one_way(text: str) -> None:
    try:
        assert isinstance(read_cursor(text), tuple)
    except ValueError as error:
        assert "not the cursor of a page" in str(error)  # noqa: PT017  nearly every text is refused


def test_a_cursor_holds_no_nul() -> None:
    with pytest.raises(ValueError, match="not the cursor"):
        read_cursor(write_cursor("a\0"))
