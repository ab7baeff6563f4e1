"""What a field states: exact numbers or a reason, never a guess."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.statements.stated import (
    RowError,
    agree,
    check_agreement,
    in_major,
    make_hint,
    read_currency,
    read_number,
    read_number_or_zero,
    rounded,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("-200,29", "-200.29"),
        ("+00000000002571.4500", "2571.45"),
        ("-0", "0"),
        (".5", "0.5"),
        ("12.", "12"),
        ("0,125", "0.125"),
        ("1234,500", "1234.5"),
        ("0.000000000000000000000000000001", "1e-30"),
    ],
)
def test_a_number_is_read_exactly(text: str, number: str) -> None:
    assert read_number("N", text) == Decimal(number)
    assert not read_number("N", text).is_signed() or Decimal(number) < 0


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1,000.5",
            "1.000,5",
            "1_000",
            "$120",
            "n/a",
            "NaN",
            "Infinity",
            "1e5",
            "--1",
            "1 000",
            "0x10",
            "\u0663",
            "\uff11",
        ),
        *("", ".", ",", "1,000", "-12,345", "9" * 41, "−1"),
    ],
)
def test_what_is_no_number_or_could_be_two_is_refused(text: str) -> None:
    with pytest.raises(RowError, match="N"):
        read_number("N", text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**12), max_value=10**12))
def test_a_number_comes_back_as_it_was_written(number: Decimal) -> None:
    assert read_number("N", f"{number:f}") == number
    assert read_number("N", f"{number:f}".replace(".", ",")) == number


def test_only_what_is_charged_may_be_absent() -> None:
    assert read_number_or_zero("FEES", "") == 0
    with pytest.raises(RowError, match=r"`FEES` is 'n/a', no number"):
        read_number_or_zero("FEES", "n/a")


@pytest.mark.parametrize(("text", "code"), [("USD", "USD"), ("GBX", "GBX"), ("GBp", "GBX"), ("ZAc", "ZAC")])
def test_a_currency_is_read(text: str, code: str) -> None:
    assert read_currency("C", text) == code


@pytest.mark.parametrize("text", ["", "usd", "CNH", "BASE_SUMMARY", "€"])
def test_what_is_no_currency_is_refused(text: str) -> None:
    with pytest.raises(RowError, match="no ISO 4217 code"):
        read_currency("C", text)


def test_a_hundred_pence_are_a_pound() -> None:
    assert in_major(Decimal("138.00"), "GBX") == (Decimal("1.38"), "GBP")
    assert in_major(Decimal("0.00000001"), "GBX") == (Decimal("0.0000000001"), "GBP")
    assert in_major(Decimal(138), "GBP") == (Decimal(138), "GBP")


def test_what_differs_by_rounding_agrees() -> None:
    assert agree(Decimal("0.01"), Decimal("1.01"))  # one unit
    assert agree(Decimal(100000), Decimal(101000))  # one per cent
    assert not agree(Decimal(100000), Decimal(101011))
    assert not agree(Decimal(-50), Decimal(50))
    with pytest.raises(RowError, match=r"10 x 25\.5 is 255\.0, and the amount is 270"):
        check_agreement(Decimal(10), Decimal("25.5"), Decimal(270))


def test_a_product_is_rounded_to_what_the_ledger_keeps() -> None:
    assert rounded(Decimal("1.123456785")) == Decimal("1.12345679")
    assert rounded(Decimal("1.12345678")) == Decimal("1.12345678")
    assert rounded(Decimal("1E+3")) == Decimal(1000)


def test_an_isin_that_is_none_stands_in_the_name() -> None:
    assert make_hint(isin="US0378331006", name="Apple") == make_hint(name="Apple US0378331006")
    assert make_hint(isin="US0378331005").isin == "US0378331005"
