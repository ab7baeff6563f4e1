"""XML documents read as a stream: what is wanted comes whole and with its line, what could harm is refused."""

from pathlib import Path

import pytest

from steelyard.statements.port import HEAD_BYTES, Source, StatementError
from steelyard.statements.xml_document import MAX_TOKEN, Element, XmlBounds, read_elements, root_of

BOOK = b"""<?xml version="1.0"?>
<book xmlns="urn:book" owner="Ann">
  <page no="1"><word>one</word><word> two </word></page>
  <page
     no="2"/>
</book>
"""


def read(path: Path, content: bytes, *tags: str, bounds: XmlBounds | None = None) -> list[Element]:
    path.write_bytes(content)
    source = Source("book.xml", path, len(content), content[:HEAD_BYTES])
    return list(read_elements(source, lambda at: at[-1] in tags, bounds))


def test_wanted_elements_come_whole_with_their_line_and_what_they_stand_in(tmp_path: Path) -> None:
    first, second = read(tmp_path / "b", BOOK, "page")

    assert (first.tag, first.line, first.attributes, first.text) == ("page", 3, {"no": "1"}, "")
    assert [(word.text, word.line) for word in first.all("word")] == [("one", 3), ("two", 3)]
    assert (second.line, second.attributes, second.children) == (4, {"no": "2"}, ())
    assert [(one.tag, one.attributes, one.children) for one in first.parents] == [
        ("book", {"owner": "Ann"}, ())
    ]


def test_of_wanted_elements_in_one_another_the_outermost_comes(tmp_path: Path) -> None:
    (book,) = read(tmp_path / "b", BOOK, "book", "page", "word")

    assert book.text_of("page", "word") == "one"
    assert book.first("page", "letter") is None
    assert book.text_of("letter") == ""
    assert len(book.all("page", "word")) == 2


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b'<!DOCTYPE a [<!ENTITY x "y">]>\n<a>&x;</a>', 1, "DOCTYPE"),
        (b'<?xml version="1.0"?>\n<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', 2, "DOCTYPE"),
        (b"<a>\n<b>\n</a>", 3, "well-formed"),
        (b"<a>\n<b/>\n", 3, "well-formed"),
        (b"<a>\n&nbsp;</a>", 2, "well-formed"),
        (b"<a>\n\0</a>", 2, "well-formed"),
        (b"<a/>\n<b/>", 2, "well-formed"),
        (b'<a>\n<b c="1" c="2"/></a>', 2, "well-formed"),
        ("<a>\nÄ</a>".encode("cp1252"), 2, "well-formed"),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', 1, "encoding"),
        (b"<a>\n" + b"<b>" * 70 + b"</b>" * 70 + b"</a>", 2, "64 deep"),
        (b"<a>\n<!-- " + b"x" * (MAX_TOKEN + 300_000) + b" --></a>", 2, "longer than"),
    ],
)
def test_what_is_broken_or_could_harm_is_refused_with_its_line(
    tmp_path: Path, content: bytes, line: int, why: str
) -> None:
    with pytest.raises(StatementError, match=why) as caught:
        read(tmp_path / "b", content, "a")

    assert caught.value.line == line


def test_how_deep_and_how_many_is_for_the_caller_to_say(tmp_path: Path) -> None:
    assert read(tmp_path / "b", b"<a><b/><b/></a>", "a", bounds=XmlBounds(depth=2, nodes=3))
    with pytest.raises(StatementError, match="more than 2 elements in one"):
        read(tmp_path / "b", b"<a><b/><b/></a>", "a", bounds=XmlBounds(nodes=2))
    assert read(tmp_path / "b", b'<a c="12"><b>345</b></a>', "a", bounds=XmlBounds(text=5))
    with pytest.raises(StatementError, match="more than 4 characters"):
        read(tmp_path / "b", b'<a c="12"><b>345</b></a>', "a", bounds=XmlBounds(text=4))
    with pytest.raises(StatementError, match="more than 1 deep"):
        read(tmp_path / "b", b"<a><b/></a>", "a", bounds=XmlBounds(depth=1))


def test_elements_that_are_not_wanted_may_be_many(tmp_path: Path) -> None:
    found = read(tmp_path / "b", b"<a>" + b"<b/>" * 50 + b"</a>", "b", bounds=XmlBounds(nodes=1))

    assert len(found) == 50


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "windows-1252", "iso-8859-15"])
def test_a_document_is_in_the_encoding_that_it_says(tmp_path: Path, encoding: str) -> None:
    says = encoding if encoding[0] in "wi" else "utf-16" if encoding == "utf-16" else "utf-8"
    content = f'<?xml version="1.0" encoding="{says}"?><a>Zürich &amp; &#228;</a>'.encode(encoding)

    assert [one.text for one in read(tmp_path / "b", content, "a")] == ["Zürich & ä"]


def test_the_root_is_told_from_the_head() -> None:
    assert root_of(BOOK[:60]) == ("urn:book", "book")
    assert root_of(b"\xef\xbb\xbf<a") == ("", "")
    assert root_of(b'<?xml version="1.0" encoding="klingon"?><a/>') == ("", "")
    assert root_of(b"") == ("", "")
