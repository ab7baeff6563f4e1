"""Rows of statements: which reader reads a file, what becomes of each row, and what its names mean here."""

from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from statement_lines import READERS, hint_of, row_of, write
from steelyard.domain.transaction import Transaction, TransactionKind
from steelyard.services.statement_plan import Choices, RowNote, StatementFile
from steelyard.services.statement_rows import (
    FileRows,
    ImportChoiceError,
    Names,
    accounts_of,
    as_transaction,
    hints_of,
    is_answered,
    needs_value,
    read_files,
)
from steelyard.statements.recognition import NotThisKindError, UnknownReaderError
from steelyard.statements.record import Record

VTI, AAPL, NEW = hint_of("VTI/USD"), hint_of("AAPL/USD"), hint_of("NEW/USD")
NAMES = Names(
    accounts={("lines", ""): "A", ("lines", "savings"): "B"},
    currencies={"A": "CHF", "B": "EUR"},
    assets={VTI: "VTI-1", AAPL: "AAPL-1"},
)
EVERYTHING = (
    "SPIN_OFF 2024-03-14 account=savings currency=USD amount=1 costs=2 tax=3 asset=VTI/USD quantity=4 price=5 "
    "settlement_date=2024-03-18 counter_asset=AAPL/USD counter_quantity=6 counter_currency=SEK counter_amount=7 "
    "acquired=2020-01-02 basis_fraction=0.5 source_id=9 note=words"
)


def record(line: str, number: int = 2) -> Record:
    row = row_of(number, line)
    assert isinstance(row, Record)
    return row


def read(*files: StatementFile, **choices: object) -> list[FileRows]:
    return read_files(files, Choices(**choices), READERS, today=date(2024, 6, 28))  # type: ignore[arg-type]  # by its names


def test_everything_that_a_record_says_is_carried_over_under_our_names() -> None:
    found = as_transaction(record(EVERYTHING), "lines", NAMES, "T")
    assert found == Transaction(
        transaction_id="T",
        kind=TransactionKind.SPIN_OFF,
        trade_date=date(2024, 3, 14),
        account_id="B",
        currency="USD",
        amount=Decimal(1),
        costs=Decimal(2),
        tax=Decimal(3),
        asset_id="VTI-1",
        quantity=Decimal(4),
        price=Decimal(5),
        settlement_date=date(2024, 3, 18),
        counter_asset_id="AAPL-1",
        counter_quantity=Decimal(6),
        counter_currency="SEK",
        counter_amount=Decimal(7),
        acquired=date(2020, 1, 2),
        basis_fraction=Decimal("0.5"),
    )
    not_said = {one.name for one in fields(Transaction) if getattr(found, one.name) == one.default}
    assert not_said == {"counter_account_id", "lot_id"}


def test_what_a_record_does_not_say_is_its_accounts_or_nothing() -> None:
    found = as_transaction(record("TRANSFER 2024-03-14 amount=? counter_account=savings"), "lines", NAMES, "")
    assert (found.account_id, found.counter_account_id, found.currency) == ("A", "B", "CHF")
    assert found.amount == 0
    assert (found.transaction_id, found.asset_id, found.counter_asset_id) == ("", "", "")


@pytest.mark.parametrize(
    ("line", "is_known"),
    [
        (EVERYTHING, True),
        ("FEE 2024-03-14 amount=1", True),
        ("FEE 2024-03-14 amount=1 account=unknown", False),
        ("BUY 2024-03-14 amount=1 asset=NEW/USD", False),
        ("TRANSFER 2024-03-14 amount=1 counter_account=savings", True),
        ("TRANSFER 2024-03-14 amount=1 counter_account=unknown", False),
        ("MERGER 2024-03-14 asset=VTI/USD counter_asset=NEW/USD", False),
    ],
)
def test_a_record_is_answered_when_all_its_names_are(*, line: str, is_known: bool) -> None:
    assert is_answered(record(line), "lines", NAMES) is is_known
    assert not is_answered(record(line), "another", NAMES)


@pytest.mark.parametrize(
    ("line", "needs"),
    [
        ("RECEIVE 2024-03-14 asset=VTI/USD quantity=1 amount=?", True),
        ("DELIVER 2024-03-14 asset=VTI/USD quantity=1 amount=?", True),
        ("RECEIVE 2024-03-14 asset=VTI/USD quantity=1 amount=0", False),
        ("BUY 2024-03-14 asset=VTI/USD quantity=1 amount=?", False),
    ],
)
def test_only_units_that_came_or_went_without_an_amount_need_one(*, line: str, needs: bool) -> None:
    assert needs_value(record(line)) is needs


def test_each_row_has_its_place(tmp_path: Path) -> None:
    rows = (
        "FEE 2024-03-14 currency=USD amount=1",
        "SKIP",
        "BAD",
        "HELD 2024-03-31 currency=USD quantity=5",
        "BAD",
    )
    [found] = read(write(tmp_path, "a.txt", *rows), leave_out=frozenset({("a.txt", 6)}))
    assert (found.number, found.name, found.reader) == (1, "a.txt", READERS[0])
    assert [one.line for one in found.records] == [2]
    assert [one.line for one in found.held] == [5]
    assert found.skipped == [RowNote("a.txt", 3, "an order that was cancelled")]
    assert found.refused == [RowNote("a.txt", 4, "`Price` is 'n/a', no number")]
    assert found.left_out == [RowNote("a.txt", 6, "left out by hand")]


def test_two_files_of_one_name_are_told_apart_and_rows_left_out_of_one(tmp_path: Path) -> None:
    one = write(tmp_path, "a.txt", "SKIP")
    (tmp_path / "other").mkdir()
    other = write(tmp_path / "other", "a.txt", "SKIP", "SKIP")
    found = read(one, other, leave_out=frozenset({("a.txt (2)", 3)}))
    assert [(file.number, file.name, len(file.skipped), len(file.left_out)) for file in found] == [
        (1, "a.txt", 1, 0),
        (2, "a.txt (2)", 1, 1),
    ]
    assert found[0].sha256 != found[1].sha256


def test_what_is_left_out_must_be_there(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", "SKIP")
    with pytest.raises(ImportChoiceError) as caught:
        read(file, leave_out=frozenset({("c.txt", 2), ("b.txt", 2)}))
    assert str(caught.value) == (
        "'b.txt', of which a row is to be left out, is none of the files: they are 'a.txt'."
    )
    with pytest.raises(ImportChoiceError) as caught:
        read(file, leave_out=frozenset({("a.txt", 9), ("a.txt", 8), ("a.txt", 2)}))
    assert str(caught.value) == "a.txt line 8, which is to be left out, holds no row."


def test_the_reader_that_was_named_reads(tmp_path: Path) -> None:
    file = write(tmp_path, "a.txt", "SKIP")
    assert read(file, reader="lines")[0].reader.name == "lines"
    with pytest.raises(UnknownReaderError):
        read(file, reader="pages")
    (tmp_path / "b.txt").write_text("ROWS\n")
    with pytest.raises(NotThisKindError, match="the word LINES"):
        read(StatementFile("b.txt", tmp_path / "b.txt"), reader="lines")


def test_names_come_with_where_they_stand_first_and_how_often(tmp_path: Path) -> None:
    files = read(
        write(
            tmp_path,
            "a.txt",
            "FEE 2024-03-14 amount=1",
            "BUY 2024-03-14 asset=VTI/USD quantity=1 amount=1",
            "TRANSFER 2024-03-14 counter_account=savings amount=1",
            "MERGER 2024-03-14 currency=SEK asset=VTI/USD quantity=1 counter_asset=AAPL/USD counter_quantity=1",
        ),
        write(
            tmp_path,
            "b.txt",
            "FEE 2024-03-14 account=savings amount=1",
            "HELD 2024-03-31 account=savings asset=AAPL/USD quantity=5",
            "HELD 2024-03-31 account=savings asset=NEW/USD quantity=5",
        ),
    )
    assert accounts_of(files) == {
        ("lines", ""): ("a.txt", 2, 4),
        ("lines", "savings"): ("a.txt", 4, 4),
    }
    assert hints_of(
        files, lambda reader, account: "EUR" if (reader, account) == ("lines", "savings") else ""
    ) == {
        VTI: ("SEK", "a.txt", 3, 2),
        AAPL: ("SEK", "a.txt", 5, 2),
        NEW: ("EUR", "b.txt", 4, 1),
    }
