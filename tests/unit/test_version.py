"""Which version somebody has, and which one they change."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.server.refusals import MalformedRequestError, VersionNeededError
from steelyard.server.version import expected_version, has_already, tag_of_parts, tag_of_version


def scope(**headers: str) -> dict[str, Any]:
    return {"headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]}


@pytest.mark.parametrize(
    ("said", "has"),
    [
        ('"7"', True),
        ('W/"7"', True),
        ("*", True),
        ('"6", W/"7"', True),
        ('"6"', False),
        ('"77"', False),
        ("", False),
    ],
)
def test_a_reader_has_what_one_of_their_tags_names(said: str, has: bool) -> None:  # noqa: FBT001 - the cases of a test
    assert has_already(scope(if_none_match=said), tag_of_version(7)) is has


def test_who_names_none_has_nothing() -> None:
    assert not has_already(scope(), tag_of_version(7))


@pytest.mark.parametrize("said", ["7", '"7', 'w/"7"', '"a"b"', '"7" "8"', ", ".join(['"1"'] * 21)])
def test_what_is_no_list_of_tags_is_refused(said: str) -> None:
    with pytest.raises(MalformedRequestError):
        has_already(scope(if_none_match=said), tag_of_version(7))


def test_a_change_names_the_version_it_is_about() -> None:
    assert expected_version(scope(if_match='"7"')) == 7
    assert expected_version(scope(if_none_match="*")) == 0
    with pytest.raises(VersionNeededError):
        expected_version(scope())
    with pytest.raises(VersionNeededError):
        expected_version(scope(if_none_match='"7"'))


@pytest.mark.parametrize(
    "said", ["*", 'W/"7"', '"7", "8"', '"07"', '"0"', '"-1"', '"9999999999999999999"', "7", ""]
)
def test_what_is_not_one_strong_tag_of_a_version_changes_nothing(said: str) -> None:
    with pytest.raises(MalformedRequestError):
        expected_version(scope(if_match=said))


def test_two_conditions_at_once_are_refused() -> None:
    with pytest.raises(MalformedRequestError):
        expected_version(scope(if_match='"7"', if_none_match="*"))


@given(st.integers(1, 10**18 - 1))
def test_a_version_comes_back_as_it_was_sent(version: int) -> None:
    assert expected_version(scope(if_match=tag_of_version(version))) == version


def test_a_tag_of_parts_tells_each_part() -> None:
    tags = [
        tag_of_parts("risk", 1, None),
        tag_of_parts("risk", 1),
        tag_of_parts("risk", 2, None),
        tag_of_parts("r", "isk", 1),
    ]

    assert len(set(tags)) == 4
    assert has_already(scope(if_none_match=tags[0]), tags[0])
