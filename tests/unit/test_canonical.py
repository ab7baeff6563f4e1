"""Canonical JSON: one text for one content, as RFC 8785 says."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.domain.canonical import join_canonical, write_canonical

CONTENT = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda part: (
        st.lists(part, max_size=4)
        | st.dictionaries(st.text(max_size=4).filter(str.isprintable), part, max_size=4)
    ),
    max_leaves=12,
)


def test_the_example_of_the_standard() -> None:
    """RFC 8785, 3.2.3: names in the order of their UTF-16 code units."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    written = write_canonical(dict.fromkeys(names, 0))
    assert list(json.loads(written)) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert write_canonical("\u000f\n'\"\\\u2028/") == '"\\u000f\\n\'\\"\\\\\u2028/"'


@given(CONTENT)
def test_what_is_written_reads_as_it_was_and_is_written_so_again(content: Any) -> None:
    written = write_canonical(content)
    assert json.loads(written) == content
    assert write_canonical(json.loads(written)) == written


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), CONTENT, max_size=5))
def test_members_that_were_written_before_make_the_same_object(content: dict[str, Any]) -> None:
    members = {name: write_canonical(member) for name, member in content.items()}
    assert join_canonical(members) == write_canonical(content)


def test_numbers_days_and_keys_are_text() -> None:
    content = [
        Decimal("1E+3"),
        Decimal("-0"),
        date(2024, 3, 14),
        datetime(2024, 3, 14, 9, tzinfo=UTC),
        UUID(int=7),
    ]
    assert json.loads(write_canonical(content)) == [
        "1000", "0", "2024-03-14", "2024-03-14T09:00:00+00:00", "00000000-0000-0000-0000-000000000007",
    ]  # fmt: skip


@pytest.mark.parametrize("content", [0.5, {1, 2}, b"x", object()])
def test_what_has_no_form_is_refused(content: object) -> None:
    with pytest.raises(TypeError, match="no canonical form"):
        write_canonical([content])


@pytest.mark.parametrize("content", [2**53, -(2**53), "\ud800"])
def test_what_readers_would_not_agree_on_is_refused(content: object) -> None:
    with pytest.raises(ValueError, match=r"no whole number|surrogates not allowed"):
        write_canonical(content)


@dataclass(frozen=True)
class Lot:
    """A dataclass as proposals have them."""

    quantity: Decimal
    bought: date
    parts: tuple[int, ...] = ()


def test_a_dataclass_is_an_object_of_its_fields() -> None:
    lots = [Lot(Decimal("1.50"), date(2024, 3, 14), (1, 2))]

    assert (
        write_canonical({"lots": lots})
        == '{"lots":[{"bought":"2024-03-14","parts":[1,2],"quantity":"1.50"}]}'
    )
    with pytest.raises(TypeError, match="type has no canonical form"):
        write_canonical(Lot)


def test_members_are_joined_in_the_order_of_their_utf_16() -> None:
    assert join_canonical({"\ufffd": "1", "\U0001f600": "2"}) == '{"\U0001f600":2,"\ufffd":1}'


@pytest.mark.parametrize("content", [{"\ud800": 1, "b": 2}, ["\udc00"]])
def test_half_of_a_character_is_refused(content: object) -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        write_canonical(content)
