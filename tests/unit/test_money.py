"""Money is exact beyond the 28 digits of Decimal's own context, and amounts are refused with a sentence."""

from decimal import Decimal

import pytest

from steelyard.domain.amount import AmountError, read_amount
from steelyard.domain.money import conversion_rate, round_half_up, round_up

LARGE = "12345678901234567890123.123456785"  # 23 digits before the point


def test_rounding_is_exact_beyond_28_digits() -> None:
    assert str(round_half_up(Decimal(LARGE), 8)) == "12345678901234567890123.12345679"
    assert str(round_up(Decimal(LARGE), 8)) == "12345678901234567890123.12345679"
    assert str(round_up(Decimal(f"-{LARGE}"), 8)) == "-12345678901234567890123.12345678"


def test_a_large_rate_has_all_its_decimals() -> None:
    rate = conversion_rate(Decimal("0.000003"), Decimal(1_000_000))

    assert str(rate) == "333333333333.333333333333333333"


def test_fifteen_digits_are_an_amount_and_sixteen_are_not() -> None:
    assert read_amount("cash", 10**15 - 1) == 999_999_999_999_999
    assert read_amount("cash", 1 - 10**15) == -999_999_999_999_999
    for whole in (10**15, -(10**15)):
        with pytest.raises(AmountError, match="out of range: at most 15 digits before the point"):
            read_amount("cash", whole)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("", "cash is '', empty."),
        (None, "cash is None, missing."),
        (
            Decimal("0.1234567890123"),
            "cash is Decimal('0.1234567890123'), finer than 12 decimals: round it as you mean it.",
        ),
        (
            "1," * 40,
            (
                f"cash is '{'1,' * 29}1…, not a plain number such as -1234.56 "
                "(no signs of thousands, exponents or other digits)."
            ),
        ),
    ],
)
def test_the_sentence_names_the_item_the_value_and_the_reason(value: object, sentence: str) -> None:
    with pytest.raises(AmountError) as refused:
        read_amount("cash", value)

    assert str(refused.value) == sentence
    assert refused.value.item == "cash"
    assert sentence.endswith(f", {refused.value.why}.")
