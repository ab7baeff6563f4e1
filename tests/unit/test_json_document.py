"""JSON documents are read member by member: strictly, within bounds, each with its line."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.statements import json_document
from steelyard.statements.json_document import Item, read_items
from steelyard.statements.port import Source, StatementError


def source_of(folder: Path, content: str | bytes) -> Source:
    raw = content if isinstance(content, bytes) else content.encode()
    path = folder / "a.json"
    path.write_bytes(raw)
    return Source("a.json", path, len(raw), raw[:65_536])


def read(folder: Path, content: str | bytes) -> list[Item]:
    return list(read_items(source_of(folder, content)))


def why_not(folder: Path, content: str | bytes) -> str:
    with pytest.raises(StatementError) as raised:
        read(folder, content)
    return str(raised.value)


def test_members_and_elements_come_with_their_lines(tmp_path: Path) -> None:
    text = '{\n "meta": {"a": 1},\r\n "list": [\n  {"b": 0.10},\n\n  "x",\n  null\n ], "empty": [],\n "last": -1.5e3}\n'

    assert read(tmp_path, text) == [
        Item("meta", 2, {"a": 1}, is_element=False),
        Item("list", 4, {"b": Decimal("0.10")}, is_element=True),
        Item("list", 6, "x", is_element=True),
        Item("list", 7, None, is_element=True),
        Item("empty", 8, [], is_element=False),
        Item("last", 9, Decimal(-1500), is_element=False),
    ]
    assert read(tmp_path, " {} ") == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_every_encoding_that_is_known_by_its_first_bytes_is_read(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, '{"für": "5 €"}'.encode(encoding))[0].value == "5 €"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "line 1: the file ends before '{'"),
        ("[]", "line 1: '{' is missing"),
        ('{"a": 1', "line 1: the file ends before ','"),
        ('{"a": 1\n', "line 2: the file ends before ','"),
        ('{"a": [\n1, {"b": "c', "line 2: the file ends in the middle of what begins here"),
        ('{"a": 1}\n{"b": 2}', "line 2: something follows the end of the document"),
        ('{"a": 1,}', "line 1: this is no JSON: expecting value"),
        ('{"a": [1,]}', "line 1: this is no JSON: expecting value"),
        ('{"a": [1 2]}', "line 1: ',' is missing"),
        ("{a: 1}", "line 1: this is no JSON: expecting value"),
        ("{1: 1}", "line 1: a member has no name in quotation marks"),
        ('{"a": {\n"b": 01}}', "line 2: this is no JSON: expecting ',' delimiter"),
        ('{"a": 1,\n"a": 2}', "line 2: `a` is there twice"),
        ('{"x": [\n{"a": 1, "a": 2}]}', "line 2: `a` is there twice"),
        ('{"a": NaN}', "line 1: NaN is no number of JSON"),
        ('{"a": -Infinity}', "line 1: -Infinity is no number of JSON"),
        ('{"a": 1e9999999999999999999}', "line 1: a number has an exponent out of range"),
        (f'{{"a": {"9" * 41}}}', "line 1: a number is written with more than 40 characters"),
        (f'{{"a": 0.{"9" * 41}}}', "line 1: a number is written with more than 40 characters"),
        ('{"a": "\\u0000"}', "line 1: a text holds a NUL or half a surrogate pair"),
        ('{"a": [{"\\ud800": 1}]}', "line 1: a text holds a NUL or half a surrogate pair"),
        ('{"a": "x\0y"}', "line 1: this is no JSON: invalid control character at"),
        (f'{{"a": {"[" * 34}', "line 1: what begins here nests deeper than 32"),
        (f'{{"a": [{"[" * 100_000}', "line 1: what begins here nests deeper than 32"),
    ],
)
def test_what_is_not_strict_json_is_refused_with_its_line(tmp_path: Path, text: str, why: str) -> None:
    assert why_not(tmp_path, text) == f"a.json {why}."


def test_a_character_of_another_encoding_is_refused(tmp_path: Path) -> None:
    head = b'{"a": "' + b"x" * 65_536 + b'",\n'
    source = source_of(tmp_path, head + b'"b": "\xff"}')

    with pytest.raises(StatementError, match="a character is not utf-8"):
        list(read_items(source))


def test_what_is_longer_than_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_document, "MAX_ITEM", 200_000)

    assert len(read(tmp_path, f'{{"a": "{"x" * 190_000}"}}')[0].value) == 190_000
    for text in (f'{{"a": "{"x" * 900_000}"}}', f'{{"a": {"9" * 900_000}}}', f'{{"a": [{{{" " * 900_000}'):
        assert why_not(tmp_path, text) == "a.json line 1: what begins here is longer than 200,000 characters."


def test_members_are_counted(tmp_path: Path) -> None:
    members = ", ".join(f'"{number}": 0' for number in range(1001))

    assert why_not(tmp_path, f"{{{members}}}") == "a.json line 1: there are more than 1,000 members."


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('ab\\"[]{}', max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(
    document=st.dictionaries(st.text('xyz\\"', max_size=3), VALUES, max_size=5),
    indent=st.none() | st.integers(0, 2),
    ascii_only=st.booleans(),
    chunk=st.integers(1, 9),
)
def test_what_is_read_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    document: dict[str, Any],
    indent: int | None,
    chunk: int,
    *,
    ascii_only: bool,
) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_document, "CHUNK", chunk)
        items = read(tmp_path_factory.getbasetemp(), text)

    expected = []
    for name, value in document.items():
        expected += [(name, one) for one in value] if value and isinstance(value, list) else [(name, value)]
    assert [(item.name, item.value) for item in items] == expected
    if indent is not None:
        lines = text.split("\n")
        assert all(
            json.dumps(item.name, ensure_ascii=ascii_only) in lines[item.line - 1]
            for item in items
            if not item.is_element
        )
