"""Cells of broker CSV: numbers and days in the forms that a preset declares, and nothing else."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.statements.broker_csv.dates import DateFormError, DateReader, date_form
from steelyard.statements.broker_csv.numbers import NumberFormError, NumberReader, number_form
from steelyard.statements.broker_csv.text import CellError

FORMS = ["1234.56", "1,234.56", "1'234.56", "1 234.56", "1234,56", "1.234,56", "1 234,56"]


def number(text: str, *forms: str, places: int | None = None) -> tuple[Decimal | None, str]:
    return NumberReader("Sum", [number_form(form) for form in forms], places=places).read(text)


def written(value: Decimal, form: str) -> str:
    """Write a number as an example shows, by Python's own formatting."""
    point, thousands = form[-3], form[1] if form[1] != "2" else ""
    return f"{value:,f}".replace(".", "p").replace(",", thousands).replace("p", point)


# ── Numbers ─────────────────────────────────────────────────────────────────────────────────────────────


@given(
    value=st.decimals(min_value=-(10**14), max_value=10**14, places=4, allow_nan=False),
    form=st.sampled_from(FORMS),
)
def test_a_number_is_what_was_written(value: Decimal, form: str) -> None:
    assert number(written(value, form), form) == (value, "")


@pytest.mark.parametrize(
    ("text", "form", "value"),
    [
        ("+5", "1234.56", "5"),
        ("5-", "1234.56", "-5"),
        ("(12.50)", "1234.56", "-12.50"),
        ("\u22125", "1234.56", "-5"),
        (".9232", "1234.56", "0.9232"),
        (" 1 757,95 ", "1 234,56", "1757.95"),
        ("1\u00a0234\u202f567,5", "1 234,56", "1234567.5"),
        ("1259.59", "1,234.56", "1259.59"),
        ("-0", "1234.56", "0"),
    ],
)
def test_common_ways_to_write_a_number(text: str, form: str, value: str) -> None:
    assert number(text, form) == (Decimal(value), "")


def test_minus_nothing_is_nothing_without_sign() -> None:
    assert [str(number(text, form)[0]) for text in ("-0", "-0.00", "(0)") for form in FORMS[:2]] == [
        "0",
        "0",
    ] * 3


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$5", (Decimal(5), "$")),
        ("-$1,259.59", (Decimal("-1259.59"), "$")),
        ("$-0.88", (Decimal("-0.88"), "$")),
        ("€35,761.54", (Decimal("35761.54"), "EUR")),
        ("12.50 USD", (Decimal("12.50"), "USD")),
        ("£299.04", (Decimal("299.04"), "GBP")),
    ],
)
def test_a_currency_may_stand_beside_a_number(text: str, found: tuple[Decimal, str]) -> None:
    assert number(text, "1,234.56") == found


@pytest.mark.parametrize(
    "text",
    [
        "1,000.5",
        "1,00",
        "1,0000",
        ",5",
        "1_000",
        "\uff11\uff12",
        "\u0661\u0662",
        "1e5",
        "--5",
        "-(5)",
        "(5",
        "5.",
        "5 %",
        "n/a",
        "5 5",
    ],
)
def test_what_is_no_number_of_the_declared_form_is_refused(text: str) -> None:
    with pytest.raises(CellError, match="`Sum` is"):
        number(text, "1 234.56")


def test_marks_of_thousands_stand_between_groups_of_three() -> None:
    with pytest.raises(CellError, match=r"'12,59\.5', no number written like 1,234\.56"):
        number("12,59.5", "1,234.56")


def test_what_two_forms_read_differently_is_refused_and_the_rest_is_read() -> None:
    both = ("1,234.56", "1234,56")

    assert number("1,234.5", *both) == (Decimal("1234.5"), "")
    assert number("12,5", *both) == (Decimal("12.5"), "")
    with pytest.raises(CellError, match="two forms of numbers read differently"):
        number("1,000", *both)


def test_decimals_are_rounded_only_where_that_is_declared() -> None:
    assert number("0.0107139499999999", "1234.56", places=12) == (Decimal("0.010713950000"), "")
    assert number("0.032880975", "1234.56", places=8) == (Decimal("0.03288098"), "")
    with pytest.raises(CellError, match="finer than 12 decimals"):
        number("0.0107139499999999", "1234.56")


def test_a_number_beside_what_is_no_currency_is_refused() -> None:
    with pytest.raises(CellError, match="beside 'BTC', which is no currency"):
        number("0.5 BTC", "1234.56")


def test_an_example_that_shows_no_form_is_refused() -> None:
    for example in ("1.234.56", "1234", "12.34", ""):
        with pytest.raises(NumberFormError, match=r"does not show how 1234\.56 is written"):
            number_form(example)


# ── Days ────────────────────────────────────────────────────────────────────────────────────────────────


def day(text: str, *examples: str) -> date | None:
    return DateReader("Day", [date_form(example) for example in examples]).read(text)


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2099, 12, 31)))
def test_a_day_is_what_was_written(when: date) -> None:
    forms = {
        "2023-12-31": "%Y-%m-%d",
        "31.12.2023": "%d.%m.%Y",
        "12/31/2023": "%m/%d/%Y",
        "20231231": "%Y%m%d",
        "31-Dec-2023": "%d-%b-%Y",
        "December 31, 2023": "%B %d, %Y",
    }
    assert {example: day(when.strftime(form), example) for example, form in forms.items()} == dict.fromkeys(
        forms, when
    )


@pytest.mark.parametrize(
    ("text", "example", "expected"),
    [
        ("2023-12-18 11:45:06.326", "2023-12-31", date(2023, 12, 18)),
        ("2024-08-02T07:00:00.001Z", "2023-12-31", date(2024, 8, 2)),
        ("2023-06-02 23:06:47-04:00", "2023-12-31", date(2023, 6, 2)),
        ("2025-01-17 16:57:02 UTC", "2023-12-31", date(2025, 1, 17)),
        ("May 5, 2020, 10:10:57 PM", "Dec 31, 2023", date(2020, 5, 5)),
        ("23/12/24 15:18:12", "31/12/23", date(2024, 12, 23)),
        ("5.1.2024", "31.12.2023", date(2024, 1, 5)),
        ("3. März 2024", "31. Dezember 2023", date(2024, 3, 3)),
        ("5 août 2020", "31 décembre 2023", date(2020, 8, 5)),
        ("1 mrt. 2024", "31 dec 2023", date(2024, 3, 1)),
        ("7 lug 2024", "31 dic 2023", date(2024, 7, 7)),
    ],
)
def test_times_and_names_of_months_are_understood(text: str, example: str, expected: date) -> None:
    assert day(text, example) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30",
        "2023-12-31 24:00",
        "2023-12-31 12:60",
        "0000-01-01",
        "31.12.2023",
        "2023-12-31 13:00 PM",
        "x",
    ],
)
def test_what_is_no_day_of_the_declared_form_is_refused(text: str) -> None:
    with pytest.raises(CellError, match="no day written like 2023-12-31"):
        day(text, "2023-12-31")


def test_of_two_forms_a_text_that_says_two_days_is_refused() -> None:
    both = ("31/12/2023", "12/31/2023")

    assert day("13/12/2023", *both) == date(2023, 12, 13)
    assert day("12/12/2023", *both) == date(2023, 12, 12)
    with pytest.raises(CellError, match="read as different days"):
        day("01/02/2023", *both)


def test_every_day_of_a_leap_year_is_read_once_per_name() -> None:
    start = date(2024, 1, 1)
    days = [start + timedelta(days=number) for number in range(366)]

    assert [day(f"{one:%d %B %Y}", "31 December 2023") for one in days] == days


def test_an_example_that_shows_no_day_is_refused() -> None:
    for example in ("31.12", "2024-01-01", "YYYY-MM-DD", ""):
        with pytest.raises(DateFormError, match="the last day of 2023"):
            date_form(example)
