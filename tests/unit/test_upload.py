"""Forms that send files: found whatever the files hold, and refused where they are none."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.server import upload
from steelyard.server.refusals import MalformedFormError
from steelyard.server.upload import MAX_PARTS, Upload, read_upload

TYPE = "multipart/form-data; boundary=x"


def part(disposition: str, content: bytes, *more: str) -> bytes:
    head = "\r\n".join((f"Content-Disposition: {disposition}", *more))
    return b"--x\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"


def file_part(file_name: str, content: bytes = b"Date") -> bytes:
    return part(f'form-data; name="files"; filename="{file_name}"', content, "Content-Type: text/csv")


def read(body: bytes, content_type: str = TYPE) -> Upload:
    return read_upload(io.BytesIO(body), content_type)


def names(body: bytes) -> list[str]:
    return [file.name for file in read(body + b"--x--\r\n").files]


def test_files_and_fields_are_found() -> None:
    body = (
        file_part("a.csv", b"1\r\n--y\r\n2")
        + part('form-data; name="note"', b"a\r\nb")
        + file_part("b.csv", b"")
    )

    sent = read(body + b"--x--\r\n")
    assert [(file.field, file.name, sent.content(file)) for file in sent.files] == [
        ("files", "a.csv", b"1\r\n--y\r\n2"),
        ("files", "b.csv", b""),
    ]
    assert dict(sent.form.fields) == {"note": ["a\nb"]}


def test_where_nothing_was_chosen_there_is_no_file() -> None:
    assert names(file_part("", b"")) == []
    assert names(file_part("", b"x")) == ["unnamed"]
    assert read(b"--x--").files == ()


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("für.csv", "für.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.csv", "a.csv"),
        ("a%22b%0D%0Ac.csv", 'a"b\ufffd\ufffdc.csv'),
        ("100%25.csv", "100%25.csv"),
        ("gpj\u202evsc.exe", "gpj\ufffdvsc.exe"),
        ("<script>alert(1)</script>", "script>"),
        (" . ", "."),
        ("/", "unnamed"),
        ("x" * 300 + ".csv", "x" * 196 + ".csv"),
    ],
)
def test_a_name_is_one_that_can_be_shown(sent: str, shown: str) -> None:
    assert names(file_part(sent)) == [shown]


GOOD = file_part("a.csv")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Date;Amount",
        GOOD,
        GOOD + b"--x",
        GOOD + b"--x-",
        GOOD + b"--x--\r\nmore",
        GOOD + b"--xy--\r\n",
        GOOD + b"--x \r\n",
        b"\r\n" + GOOD + b"--x--",
        b"before\r\n" + GOOD + b"--x--",
        GOOD.replace(b"\r\n", b"\n") + b"--x--",
        b"--x\r\n\r\nno head\r\n--x--",
        b"--x\r\nno end of the head\r\n--x--",
        part("attachment; filename=a", b"") + b"--x--",
        part('form-data; filename="a"', b"") + b"--x--",
        part("form-data; name=\"a\"; filename*=UTF-8''a", b"") + b"--x--",
        part('form-data; name="a"; name="b"', b"") + b"--x--",
        part('form-data; name="a"', b"", 'Content-Disposition: form-data; name="b"') + b"--x--",
        part('form-data; name="a"', b"", "Content-Transfer-Encoding: base64") + b"--x--",
        part('form-data; name="a"', b"", "folded:", " header") + b"--x--",
        part('form-data; name="a"', b"\xff") + b"--x--",
        part('form-data; name="a"', b"a\0b") + b"--x--",
        part('form-data; name="a"', b"a" * 8_193) + b"--x--",
        part('form-data; name="' + "a" * 8_192 + '"', b"") + b"--x--",
        GOOD * (MAX_PARTS + 1) + b"--x--",
    ],
)
def test_what_is_no_such_form_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedFormError):
        read(body)


def test_as_many_parts_as_there_may_be_are_read() -> None:
    assert len(read(GOOD * MAX_PARTS + b"--x--").files) == MAX_PARTS


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 71,
        "multipart/form-data; boundary=x; boundary=y",
        "multipart/form-data; boundary=x\r\n",
        'multipart/form-data; boundary="x',
        "multipart/mixed; boundary=x",
        "multipart/form-data; boundary=ü",
    ],
)
def test_a_mark_that_is_none_is_refused(content_type: str) -> None:
    body = GOOD + b"--x--"

    assert read(body, 'Multipart/Form-Data;Boundary="x"').files
    with pytest.raises(MalformedFormError):
        read(body, content_type.removesuffix("\r\n") + ("," if content_type.endswith("\r\n") else ""))


@given(
    contents=st.lists(
        st.lists(st.sampled_from([b"\r", b"\n", b"-", b"x", b"--x", b"\r\n--", b"\0"])), max_size=4
    ),
    chunk=st.integers(1, 9),
)
def test_whatever_files_hold_comes_back(contents: list[list[bytes]], chunk: int) -> None:
    """But for the mark itself, which whoever sends chooses so that no file holds it."""
    files = [b"".join(pieces).replace(b"\r\n--x", b"") for pieces in contents]
    files = [content for content in files if b"\r\n--x" not in b"\r\n\r\n" + content + b"\r\n--y"]
    body = b"".join(file_part(f"{number}", content) for number, content in enumerate(files)) + b"--x--\r\n"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upload, "CHUNK", chunk)
        sent = read(body)
    assert [sent.content(file) for file in sent.files] == files
