"""JSON of strangers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.network.strict_json import MAX_PARTS, read_object

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(value=st.dictionaries(TEXTS, VALUES, max_size=5), escaped=st.booleans())
def test_what_is_plain_is_read_as_it_is(*, value: dict[str, object], escaped: bool) -> None:
    assert read_object(json.dumps(value, ensure_ascii=escaped).encode()) == value


@given(st.binary(max_size=60))
def test_anything_else_is_refused_in_one_way(text: bytes) -> None:
    try:
        assert isinstance(read_object(text), dict)
    except ValueError as error:
        assert str(error) == "not one plain JSON object"  # noqa: PT017  most texts are refused


@pytest.mark.parametrize("depth", [1, 31, 32])
def test_thirty_two_levels_are_taken(depth: int) -> None:
    assert read_object(b'{"a":' * depth + b"1" + b"}" * depth)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b'{"a":' + b"[" * 32 + b"]" * 32 + b"}",
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 200_000,
    ],
)
def test_more_are_not(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"not one plain JSON object|too many values"):
        read_object(text)


def test_a_hundred_thousand_values_are_taken_and_more_are_not() -> None:
    most = b'{"a":[' + b"1," * (MAX_PARTS - 3) + b"1]}"  # a brace, a colon, a bracket and the commas

    assert len(read_object(most)["a"]) == MAX_PARTS - 2
    with pytest.raises(ValueError, match="too many values"):
        read_object(most[:-2] + b",1]}")


@pytest.mark.parametrize("number", ["1.5", "-0.0", "1e300", "1e-300", "0e999999999", "0.000", "1" * 40])
def test_numbers_of_double_precision_are_taken(number: str) -> None:
    assert read_object(f'{{"a": {number}}}'.encode())["a"] == json.loads(number)


@pytest.mark.parametrize(
    "number", ["1e309", "-1e999999", "1e-400", "0." + "0" * 330 + "1", "1" * 41, "01", "+1", ".5"]
)
def test_others_are_refused_and_never_become_infinite_or_nothing(number: str) -> None:
    with pytest.raises(ValueError, match="not one plain JSON object"):
        read_object(f'{{"a": {number}}}'.encode())


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert read_object(b'{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}


def test_a_backslash_before_a_u_is_no_escape() -> None:
    assert read_object(b'{"a": "\\\\u0000 \\\\ud800"}') == {"a": "\\u0000 \\ud800"}
