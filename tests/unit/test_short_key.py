"""The beginning of a key: which keys it may mean, and what is said where it means none, or several."""

from uuid import UUID

import pytest

from steelyard.cli.screens.cells import short_keys
from steelyard.domain.short_key import KeyKind, ShortKey, ShortKeyError, read_key
from steelyard.services.short_key import NothingBeginsSoError, SeveralBeginSoError, only_key

KEY = UUID("2f0c7f0e-8d5f-4f0a-9a1b-6f5f2f3c4d5e")
ALIKE = UUID("2f0c7f0e-0000-4000-8000-000000000000")
OTHER = UUID("8c6f2f0e-43f1-4f0b-9d4e-6a1f0a3b7c55")


@pytest.mark.parametrize("length", range(8, 36))
def test_every_beginning_of_a_key_holds_it_and_neither_neighbour_of_its_range(length: int) -> None:
    short = read_key(KeyKind.ORDER, str(KEY)[:length])

    assert isinstance(short, ShortKey)
    assert short.low <= KEY <= short.high
    for end in (short.low, short.high):
        assert str(end).startswith(short.text)
    for beyond in (short.low.int - 1, short.high.int + 1):
        assert not str(UUID(int=beyond)).startswith(short.text)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("00000000", UUID(int=0), UUID("00000000-ffff-ffff-ffff-ffffffffffff")),
        ("ffffffff", UUID("ffffffff-0000-0000-0000-000000000000"), UUID(int=2**128 - 1)),
        ("2f0c7f0e-", UUID(ALIKE.hex[:8] + "0" * 24), UUID(ALIKE.hex[:8] + "f" * 24)),
        (str(KEY)[:35], UUID(KEY.hex[:31] + "0"), UUID(KEY.hex[:31] + "f")),
    ],
)
def test_a_beginning_is_padded_with_the_lowest_and_the_highest_digit(
    text: str, low: UUID, high: UUID
) -> None:
    short = ShortKey(KeyKind.ORDER, text)

    assert (short.low, short.high) == (low, high)


def test_a_whole_key_is_itself_however_it_is_written() -> None:
    for text in (str(KEY), str(KEY).upper(), KEY.hex, f" {KEY} "):
        assert read_key(KeyKind.ORDER, text) == KEY


def test_capitals_begin_the_same_key() -> None:
    assert read_key(KeyKind.ORDER, "2F0C7F0E-8D") == ShortKey(KeyKind.ORDER, "2f0c7f0e-8d")


@pytest.mark.parametrize(
    "text", ["", "2f0c7f0", "2f0c7f0g", "2f0c7f0e8", "2f0c-7f0e", "2f0c7f0e%", f"{KEY}0", "٢f0c7f0e"]
)
def test_what_begins_no_key_is_refused_by_name(text: str) -> None:
    with pytest.raises(ShortKeyError) as refused:
        read_key(KeyKind.ORDER, text)

    assert str(refused.value) == f"{text!r} is no key; write all of it, or its first 8 characters or more."


def test_a_beginning_of_none_is_refused_with_where_there_are_others() -> None:
    with pytest.raises(NothingBeginsSoError) as refused:
        only_key(ShortKey(KeyKind.ORDER, "2f0c7f0e"), [])

    assert (
        str(refused.value)
        == "There is no order that begins with 2f0c7f0e. `steelyard orders list` shows them."
    )


def test_a_beginning_of_several_is_refused_with_two_of_them() -> None:
    with pytest.raises(SeveralBeginSoError) as refused:
        only_key(ShortKey(KeyKind.BREAK, "2f0c7f0e"), [ALIKE, KEY])

    assert (
        str(refused.value)
        == f"Several breaks begin with 2f0c7f0e, {ALIKE} and {KEY} among them: type more of it."
    )


def test_a_list_shows_how_its_keys_begin() -> None:
    assert short_keys([KEY, OTHER]) == {KEY: "2f0c7f0e", OTHER: "8c6f2f0e"}
    assert short_keys([KEY, KEY]) == {KEY: "2f0c7f0e"}
    assert short_keys([]) == {}


def test_a_list_shows_whole_keys_where_two_begin_alike() -> None:
    assert short_keys([KEY, OTHER, ALIKE]) == {key: str(key) for key in (KEY, OTHER, ALIKE)}
