"""Files are opened within bounds, known by one reader only, and every record of them could be booked."""

import gzip
import io
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from steelyard.domain.transaction import TransactionKind
from steelyard.statements.port import Source, StatementError
from steelyard.statements.recognition import (
    Bounds,
    NotThisKindError,
    TwoKindsError,
    UnknownFileError,
    UnknownReaderError,
    check_record,
    choose_reader,
    open_source,
    read_statement,
)
from steelyard.statements.record import Hint, Record, Refused, Row, Skipped

TODAY = date(2024, 3, 14)


@dataclass(frozen=True)
class Lines:
    """Knows files that begin with its word; every line is skipped, and `record` comes at the end."""

    name: str
    word: str
    lacks: str
    record: Record | None = None

    @property
    def title(self) -> str:
        return self.name.upper()

    def miss(self, source: Source) -> str | None:
        return None if source.head_text.startswith(self.word) else self.lacks

    def read(self, source: Source) -> Iterator[Row]:
        with source.open() as file:
            for number, _ in enumerate(file, 1):
                yield Skipped(number, "a line")
        if self.record:
            yield self.record


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files, to see what is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def zipped(
    path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], how: int = zipfile.ZIP_DEFLATED
) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members:
            archive.writestr(name, content, compress_type=how)
    return path


def why_not(path: Path, bounds: Bounds | None = None) -> str:
    with pytest.raises(StatementError) as raised, open_source(path, bounds=bounds):
        pytest.fail("it was opened")
    return str(raised.value)


# ── Opening ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plain_file_is_read_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"Date;Amount\n")

    with open_source(path, name="told") as source:
        assert (source.name, source.path, source.size, source.head) == ("told", path, 12, b"Date;Amount\n")
        with source.open() as file:
            assert file.read() == b"Date;Amount\n"


@pytest.mark.parametrize("form", ["zip", "gzip"])
def test_a_packed_file_is_unpacked_and_nothing_of_it_stays(
    tmp_path: Path, temporary: Path, form: str
) -> None:
    path = tmp_path / "a.packed"
    if form == "zip":
        zipped(path, ("folder/", b""), ("folder/a.csv", b"Date;Amount\n"))
    else:
        path.write_bytes(gzip.compress(b"Date;Amount\n"))

    with open_source(path) as source:
        assert source.head == b"Date;Amount\n"
        assert list(temporary.iterdir())

    assert not list(temporary.iterdir())


def test_a_caller_s_own_trouble_with_a_file_stays_the_caller_s(tmp_path: Path, temporary: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"Date;Amount\n"))

    with pytest.raises(FileNotFoundError), open_source(path):
        (tmp_path / "absent").read_bytes()

    assert not list(temporary.iterdir())


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()

    assert why_not(tmp_path / "absent") == "absent: cannot be read: No such file or directory."
    assert why_not(tmp_path / "pipe") == "pipe: is no file."
    assert why_not(tmp_path) == f"{tmp_path.name}: is no file."
    assert why_not(tmp_path / "empty") == "empty: is empty."


def test_a_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"x" * 11)

    with open_source(path, bounds=Bounds(11)):
        pass
    assert why_not(path, Bounds(10)) == "a.csv: is larger than 10 bytes; export it year by year."


@pytest.mark.parametrize("form", ["zip", "gzip"])
def test_what_is_packed_too_tightly_is_refused_before_it_is_unpacked(
    tmp_path: Path, temporary: Path, form: str
) -> None:
    content = b"\0" * 2_000_000
    path = tmp_path / "bomb"
    if form == "zip":
        zipped(path, ("a.csv", content))
    else:
        path.write_bytes(gzip.compress(content))

    allowed = path.stat().st_size * 200
    assert why_not(path) == f"bomb: unpacks to more than {allowed:,} bytes (200 to 1 is the most)."
    assert not list(temporary.iterdir())


def test_the_bound_of_the_size_holds_for_the_content(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a.csv", bytes(range(256)) * 40))

    assert "unpacks to more than 10,000 bytes" in why_not(path, Bounds(10_000))


LINK = zipfile.ZipInfo("statement.csv")
LINK.external_attr = 0o120777 << 16


def nested(form: str) -> bytes:
    if form == "gzip":
        return gzip.compress(b"Date;Amount")
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.csv", "Date;Amount")
    return inner.getvalue()


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ((), "is an archive of 0 files; unpack it and name them"),
        ((("a.csv", b"1"), ("b.csv", b"2")), "is an archive of 2 files; unpack it and name them"),
        ((("inner", nested("zip")),), "is an archive in an archive; unpack it first"),
        ((("inner", nested("gzip")),), "is an archive in an archive; unpack it first"),
        (((LINK, b"/etc/passwd"),), "is an archive of a link, not of a file"),
        ((("a.csv", b""),), "is empty"),
        (
            (("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b"<workbook/>")),
            "is a workbook or a document of an office program; save its table as CSV",
        ),
    ],
)
def test_an_archive_of_something_else_is_refused(
    tmp_path: Path, temporary: Path, members: tuple[tuple[str, bytes], ...], why: str
) -> None:
    path = zipped(tmp_path / "a.zip", *members)
    if not members:  # has no first member to be known by
        path.write_bytes(b"PK\x03\x04" + path.read_bytes())

    assert why_not(path) == f"a.zip: {why}."
    assert not list(temporary.iterdir())


def test_an_unusual_packing_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a.csv", b"Date;Amount"), how=zipfile.ZIP_LZMA)

    assert why_not(path) == "a.zip: is packed in an unusual way; unpack it first."


def test_an_encrypted_or_damaged_archive_is_refused(tmp_path: Path, temporary: Path) -> None:
    whole = zipped(tmp_path / "a.zip", ("a.csv", b"Date;Amount" * 100)).read_bytes()
    locked = bytearray(whole)
    locked[6] |= 1
    locked[whole.index(b"PK\x01\x02") + 8] |= 1
    packed = gzip.compress(b"Date;Amount" * 100)
    damaged = {
        "locked.zip": bytes(locked),
        "short.zip": whole[: len(whole) // 2],
        "short.gz": packed[:-9],
        "wrong.gz": packed[:-5] + b"\0" + packed[-4:],
        "odd.gz": packed[:12] + b"\xff\xff" + packed[14:],
        "more.gz": packed + b"more",
    }

    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        assert "is a damaged or encrypted archive" in why_not(tmp_path / name), name
    assert not list(temporary.iterdir())


def test_a_long_list_of_members_is_never_read(tmp_path: Path) -> None:
    path = zipped(tmp_path / "many.zip", *((f"{number}.csv", b"") for number in range(1500)))

    assert why_not(path) == "many.zip: is an archive of too many files; unpack it and name them."


def test_longer_fields_of_an_archive_are_not_believed(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "a.zip", ("a.csv", b"Date;Amount")).read_bytes()
    at = whole.index(b"PK\x05\x06")
    (tmp_path / "b.zip").write_bytes(whole[:at] + b"PK\x06\x07" + bytes(16) + whole[at:])

    assert why_not(tmp_path / "b.zip") == "b.zip: is an archive of too many files; unpack it and name them."


@pytest.mark.parametrize(
    ("content", "encoding", "text"),
    [
        ("für 1 €".encode(), "utf-8", "für 1 €"),
        ("für 1 €".encode("utf-8-sig"), "utf-8-sig", "für 1 €"),
        ("für 1 €".encode("utf-16"), "utf-16", "für 1 €"),
        ("für 1 €".encode("cp1252"), "cp1252", "für 1 €"),
        (b"a\0b", "utf-8", "a\0b"),
        (b"x" * 65_535 + "é".encode(), "utf-8", None),
    ],
)
def test_the_encoding_is_what_the_first_bytes_say(
    tmp_path: Path, content: bytes, encoding: str, text: str | None
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)

    with open_source(path) as source:
        assert source.encoding == encoding
        assert text is None or source.head_text == text


# ── Choosing ────────────────────────────────────────────────────────────────────────────────────────────


def source_of(tmp_path: Path, content: bytes) -> Source:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    return Source("a.csv", path, len(content), content)


def test_the_one_reader_that_knows_a_file_is_chosen(tmp_path: Path) -> None:
    readers = [Lines("one", "One", "the word One"), Lines("two", "Two", "the word Two")]

    assert choose_reader(readers, source_of(tmp_path, b"Two lines")) is readers[1]
    assert choose_reader(readers, source_of(tmp_path, b"Two lines"), "two") is readers[1]


def test_a_file_of_two_kinds_is_asked_about(tmp_path: Path) -> None:
    readers = [Lines("one", "T", "a T"), Lines("two", "Two", "the word Two")]

    with pytest.raises(TwoKindsError, match="could be one or two; say which with --as one"):
        choose_reader(readers, source_of(tmp_path, b"Two lines"))


def test_a_reader_asked_for_must_be_there_and_know_the_file(tmp_path: Path) -> None:
    readers = [Lines("one", "One", "the word One")]

    with pytest.raises(UnknownReaderError, match=r"^There is no reader 'three'; there are one\.$"):
        choose_reader(readers, source_of(tmp_path, b"Two lines"), "three")
    with pytest.raises(NotThisKindError, match=re.escape("a.csv is no file of one: it lacks the word One.")):
        choose_reader(readers, source_of(tmp_path, b"Two lines"), "one")


def test_who_looked_is_said_the_nearest_first_and_the_rest_in_groups(tmp_path: Path) -> None:
    columns = [f"`{letter}`" for letter in "ABCDEFGH"]
    readers = [
        Lines("camt", "<", "an XML element"),
        Lines("flex", "<", "an XML element"),
        *(Lines(f"csv{n}", "-", f"the columns {', '.join(columns[:n])}") for n in range(8, 0, -1)),
        Lines("json", "{", "a JSON object"),
    ]

    with pytest.raises(UnknownFileError) as raised:
        choose_reader(readers, source_of(tmp_path, b"Date;Amount"))

    assert str(raised.value).splitlines() == [
        "a.csv is of no kind that is known here. Who looked, and what each missed:",
        "  csv1: it lacks the columns `A`",
        "  csv2: it lacks the columns `A`, `B`",
        "  csv3: it lacks the columns `A`, `B`, `C`",
        "  csv4: it lacks the columns `A`, `B`, `C`, `D`",
        "  csv5: it lacks the columns `A`, `B`, `C`, `D`, `E`",
        "  csv6, csv7, csv8: it lacks columns of their own",
        "  camt, flex: it lacks an XML element",
        "  json: it lacks a JSON object",
        "docs/how-to/add-a-broker.md tells how to describe a broker's file in ten lines.",
    ]
    assert len(raised.value.misses) == len(readers)
    assert ("csv8", f"the columns {', '.join(columns)}") in raised.value.misses


# ── Records ─────────────────────────────────────────────────────────────────────────────────────────────


def buy(**changes: object) -> Record:
    fields: dict[str, object] = {
        "kind": TransactionKind.BUY,
        "line": 7,
        "trade_date": date(2024, 3, 1),
        "currency": "USD",
        "asset": Hint(symbol="VTI"),
        "quantity": Decimal(10),
        "amount": Decimal(2500),
    }
    return Record(**fields | changes)  # type: ignore[arg-type]  # the fields are those of a record


def test_rows_pass_and_records_are_checked(tmp_path: Path) -> None:
    good = Lines("one", "One", "", buy())
    bad = Lines("one", "One", "", buy(quantity=Decimal(0)))
    source = source_of(tmp_path, b"One\n")

    assert list(read_statement(good, source, today=TODAY)) == [Skipped(1, "a line"), buy()]
    assert list(read_statement(bad, source, today=TODAY)) == [
        Skipped(1, "a line"),
        Refused(7, "as BUY has no quantity above 0"),
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"trade_date": date(1899, 12, 31)}, "is dated 1899-12-31, before any statement"),
        ({"trade_date": date(2024, 3, 16)}, "as BUY lies in the future; it is booked when its day comes"),
        ({"asset": None}, "as BUY names no asset, and its kind needs one that is not cash"),
        ({"amount": Decimal("1e15")}, "out of range: at most 15 digits before the point"),
        ({"amount": Decimal("0.000000001")}, "finer than 8 decimals"),
        ({"quantity": Decimal("1e-13")}, "finer than 12 decimals"),
        ({"quantity": Decimal("NaN")}, "not a finite number"),
        ({"quantity": Decimal(-1)}, "as BUY has no quantity above 0"),
        ({"amount": Decimal(-1)}, "as BUY has no amount above 0"),
        ({"costs": Decimal(1), "tax": Decimal(2)}, "has a tax below 0, or above its costs"),
        ({"settlement_date": date(2024, 2, 29)}, "settles before it is traded"),
    ],
)
def test_what_no_ledger_could_book_is_refused_with_its_line(changes: dict[str, object], why: str) -> None:
    checked = check_record(buy(**changes), TODAY)

    assert isinstance(checked, Refused)
    assert checked.line == 7
    assert why in checked.why


@pytest.mark.parametrize("kind", [TransactionKind.RECEIVE, TransactionKind.DELIVER])
def test_units_of_which_no_worth_is_stated_can_be_booked(kind: TransactionKind) -> None:
    record = buy(kind=kind, amount=None)

    assert check_record(record, TODAY) is record
