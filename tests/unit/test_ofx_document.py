"""OFX documents: end tags may be left out, and what is broken is refused with its line."""

from collections.abc import Collection
from pathlib import Path

import pytest

from steelyard.statements.ofx_document import MAX_DEPTH, MAX_NODES, MAX_TOKEN, decoder_of, is_ofx, read_ofx
from steelyard.statements.port import HEAD_BYTES, Source, StatementError
from steelyard.statements.xml_document import Element

HEAD = b"OFXHEADER:100\nDATA:OFXSGML\nENCODING:USASCII\nCHARSET:1252\n\n"


def read(path: Path, content: bytes, wanted: Collection[str], opened: Collection[str] = ()) -> list[Element]:
    path.write_bytes(content)
    source = Source("bank.ofx", path, len(content), content[:HEAD_BYTES])
    return list(read_ofx(source, wanted, opened))


def flat(element: Element) -> list[tuple[str, str]]:
    return [(child.tag, child.text) for child in element.children]


@pytest.mark.parametrize(
    "row",
    [
        b"<STMTTRN><TRNTYPE>DEBIT<FITID>1<NAME>Bob & Co &lt;Ltd></STMTTRN>",
        b"<STMTTRN><TRNTYPE>DEBIT</TRNTYPE><FITID>1</FITID><NAME>Bob &amp; Co &lt;Ltd&gt;</NAME></STMTTRN>",
        b"<stmttrn>\n<trntype>DEBIT\n<fitid>1\n<name>Bob & Co &lt;Ltd&gt;\n</stmttrn>",
        b"<STMTTRN><!-- a <note> --><TRNTYPE>DEBIT<FITID>1<NAME><![CDATA[Bob & Co <Ltd>]]></NAME></STMTTRN>",
        b'<x:STMTTRN a="b"><TRNTYPE>DEBIT<FITID>1<NAME>Bob &#38; Co &#x3C;Ltd&#62;</x:STMTTRN>',
    ],
)
def test_one_row_in_many_spellings(tmp_path: Path, row: bytes) -> None:
    (found,) = read(tmp_path / "b", HEAD + b"<OFX>" + row + b"</OFX>", {"STMTTRN"})

    assert flat(found) == [("TRNTYPE", "DEBIT"), ("FITID", "1"), ("NAME", "Bob & Co <Ltd>")]


def test_a_sign_that_begins_no_tag_is_text(tmp_path: Path) -> None:
    content = b"<OFX><STMTTRN><NAME>a < b <3 & c; &unknown; &#0;<MEMO>m</STMTTRN></OFX>"
    (found,) = read(tmp_path / "b", content, {"STMTTRN"})

    assert flat(found) == [("NAME", "a < b <3 & c; &unknown; &#0;"), ("MEMO", "m")]


def test_an_empty_element_without_end_tag_holds_nothing(tmp_path: Path) -> None:
    content = b"<OFX><STMTTRN><FITID><NAME>Bob<CHECKNUM><SUB><MEMO>x</SUB></STMTTRN></OFX>"
    (found,) = read(tmp_path / "b", content, {"STMTTRN"})

    assert flat(found) == [("FITID", ""), ("NAME", "Bob"), ("CHECKNUM", ""), ("SUB", "")]
    assert found.text_of("SUB", "MEMO") == "x"


def test_a_list_without_end_tag_ends_with_what_it_stands_in(tmp_path: Path) -> None:
    content = b"<OFX><STMTRS><CURDEF><LIST><ROW>1<ROW>2<BAL><N>3</BAL></STMTRS><STMTRS><ROW>4</STMTRS></OFX>"
    found = read(tmp_path / "b", content, {"ROW", "BAL", "CURDEF"}, {"STMTRS"})

    assert [(one.tag, one.text) for one in found] == [
        ("STMTRS", ""),
        ("CURDEF", ""),
        ("ROW", "1"),
        ("ROW", "2"),
        ("BAL", ""),
        ("STMTRS", ""),
        ("ROW", "4"),
    ]


def test_lines_are_counted_over_chunks_of_the_file(tmp_path: Path) -> None:
    rows = b"".join(b"<ROW>\n<N>%d\n<TEXT>%s\n</ROW>\n" % (n, b"x" * (n % 97)) for n in range(4000))
    found = read(tmp_path / "b", b"<OFX>\n" + rows + b"</OFX>\n", {"ROW"})

    assert [one.line for one in found] == list(range(2, 16002, 4))
    assert [one.text_of("N") for one in found] == [str(n) for n in range(4000)]


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b"<OFX>\n<A>1", 2, "ends before </OFX>"),
        (b"<OFX>\n</A></OFX>", 2, "ends </A>, which has not begun"),
        (b"<OFX>\n<ROW>\n<N>1\n<ROW>\n<N>2</ROW>\n</OFX>", 6, "does not end the <ROW> of line 2"),
        (b"<OFX>\n</OFX>\n<A>", 3, "outside of <OFX>"),
        (b"<A>\n<OFX></OFX>", 1, "outside of <OFX>"),
        (b"<!DOCTYPE OFX [<!ENTITY a 'b'>]>\n<OFX></OFX>", 1, "DOCTYPE"),
        (b"<OFX>\n<ROW>\n1\0</ROW></OFX>", 3, "NUL"),
        (b"<OFX>\n<!-- never ended", 2, "without end"),
        (b"<OFX>\n<ROW><![CDATA[never ended <b>", 2, "without end"),
        (b"<OFX>" + b"\n<A>" * MAX_DEPTH, MAX_DEPTH + 1, "deep"),
        (b"<OFX>\n<ROW>" + b"<N>1" * MAX_NODES + b"</ROW></OFX>", 2, "elements in one"),
        (b"<OFX>\n<ROW>" + b"x" * (MAX_TOKEN + 200_000) + b"</OFX>", 2, "longer than"),
        (b"<OFX>\n<ROW>" + b"x &amp; < " * (MAX_TOKEN // 6) + b"</OFX>", 2, "longer than"),
        (b"no element", 1, "ends before </OFX>"),
    ],
)
def test_what_is_broken_is_refused_with_its_line(tmp_path: Path, content: bytes, line: int, why: str) -> None:
    with pytest.raises(StatementError, match=why) as caught:
        read(tmp_path / "b", content, {"ROW"})

    assert caught.value.line == line


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        (HEAD, "cp1252"),
        (HEAD, "utf-8"),  # as banks do: the header says 1252
        (b"", "utf-8-sig"),
        (b"", "utf-16"),
        (HEAD.replace(b"1252", b"8859-15"), "iso8859-15"),
        (HEAD.replace(b"1252", b"NONE"), "cp1252"),
        (b'<?xml version="1.0" encoding="windows-1250"?>\n', "cp1250"),
    ],
)
def test_text_is_in_the_encoding_that_the_header_says(tmp_path: Path, head: bytes, encoding: str) -> None:
    word = "Žižkov" if encoding in {"cp1250", "iso8859-15", "utf-16"} else "Zürich"
    content = head + f"<OFX><ROW><NAME>{word}</ROW></OFX>".encode(encoding)

    assert [one.text_of("NAME") for one in read(tmp_path / "b", content, {"ROW"})] == [word]


def test_half_a_character_of_utf_16(tmp_path: Path) -> None:
    with pytest.raises(StatementError, match=r"UTF-16|ends before"):
        read(tmp_path / "b", "<OFX></OFX>".encode("utf-16")[:-3] + b"\x00\xd8\x00", {"ROW"})


def test_a_codec_that_is_no_code_page_is_not_taken() -> None:
    assert decoder_of("CHARSET:BASE64\n") == decoder_of("CHARSET:99999\n") == decoder_of("") == "cp1252"


@pytest.mark.parametrize(
    ("head", "is_one"),
    [
        ("OFXHEADER:100\n<OFX>", True),
        ('<?xml version="1.0"?>\n<?OFX OFXHEADER="200"?>\n<!-- x -->\n<ofx>', True),
        ("<html><OFX>", False),
        ("<OFXX>", False),
        ("OFXHEADER:100\n", False),
        ("", False),
    ],
)
def test_the_first_element_tells_what_it_is(head: str, is_one: bool) -> None:  # noqa: FBT001  a table of cases
    assert is_ofx(head) is is_one
