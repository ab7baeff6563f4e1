"""Bank statements of ISO 20022 as banks of two countries write them."""

from datetime import date
from decimal import Decimal

import pytest

from books import shared
from statement_files import read_sample
from steelyard.statements.camt import CamtReader
from steelyard.statements.port import StatementError
from steelyard.statements.recognition import open_source
from steelyard.statements.record import Held, Record, Refused, Row, Skipped

READER = CamtReader()


def moves(rows: list[Row]) -> list[tuple[int, str, date, Decimal | None, str]]:
    return [
        (row.line, row.kind.value, row.trade_date, row.amount, row.source_id)
        for row in rows
        if isinstance(row, Record)
    ]


def test_a_statement_with_a_reversed_batch_whose_balances_contradict_its_entries() -> None:
    rows = read_sample(READER, "iso20022_camt/test-camt053")

    day = date(2014, 1, 5)
    assert moves(rows) == [
        (50, "WITHDRAWAL", day, Decimal("754.25"), ""),
        (144, "WITHDRAWAL", day, Decimal("564.05"), ""),
        (185, "WITHDRAWAL", day, Decimal("100.00"), ""),
        (228, "DEPOSIT", day, Decimal("1405.31"), ""),
    ]
    records = [row for row in rows if isinstance(row, Record)]
    assert {(row.account, row.currency) for row in records} == {("NL77ABNA0574908765", "EUR")}
    assert records[0].note == "INSURANCE COMPANY TESTX; Insurance policy 857239PERIOD 01.01.2014 - 31.12.2014"
    assert rows[4:] == [
        Skipped(26, "a balance of the kind OPBD"),
        Refused(
            38,
            "the closing balance is 15121.12 EUR; the opening balance of 15568.27 and the entries make 15555.28",
        ),
    ]


def test_a_statement_with_a_batch() -> None:
    rows = read_sample(READER, "iso20022_camt/test-camt053-txdtls")

    day, reference = date(2017, 3, 22), "20170323001234567891234567891234"
    assert moves(rows) == [
        (79, "DEPOSIT", day, Decimal("2187.00"), f"{reference}/1"),
        (144, "DEPOSIT", day, Decimal("1296.00"), f"{reference}/2"),
    ]
    assert {row.settlement_date for row in rows if isinstance(row, Record)} == {date(2017, 3, 23)}
    assert rows[3:] == [
        Held(41, "CH1111000000123456789", date(2017, 3, 23), None, "CHF", Decimal("79443.15"))
    ]


def test_a_statement_without_entries() -> None:
    assert read_sample(READER, "iso20022_camt/test-camt053-no-ntry") == [
        Skipped(26, "a balance of the kind OPBD"),
        Held(38, "NL77ABNA0574908765", date(2014, 1, 5), None, "CHF", Decimal("1520.76")),
    ]


def test_a_notification() -> None:
    rows = read_sample(READER, "iso20022_camt/test-camt054")

    assert moves(rows) == [(31, "DEPOSIT", date(2022, 1, 26), Decimal("5.00"), "98888208N8")]


def test_an_archive_of_two_is_to_be_unpacked() -> None:
    path = shared("clients/iso20022_camt/test-camt053.zip")

    with (
        pytest.raises(StatementError, match="is an archive of 2 files; unpack it and name them"),
        open_source(path),
    ):
        pytest.fail("it was opened")
