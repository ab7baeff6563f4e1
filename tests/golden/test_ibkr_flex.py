"""Every sample of an IBKR Flex query: how many rows it has of each sort, and what they come to.

The files are of Portfolio Performance (EPL-2.0) and Sure (AGPL-3.0), read in place. The numbers were added up by hand
from the files.
"""

from datetime import date
from decimal import Decimal
from typing import Final

import pytest

from books import shared
from statement_tally import cash_held, cash_moved, kinds, read_rows, tally, units_held, units_moved
from steelyard.domain.transaction import TransactionKind
from steelyard.statements.flex import FlexReader
from steelyard.statements.record import Hint, Record, Refused, Row, Skipped

ROWS: Final = {
    # sample: records, held, skipped, refused
    "sure_flex_statement.xml": (4, 3, 7, 0),
    "testIBFlexStatementFile01.xml": (23, 0, 17, 1),
    "testIBFlexStatementFile02.xml": (9, 0, 0, 4),
    "testIBFlexStatementFile03.xml": (1, 0, 1, 0),
    "testIBFlexStatementFile05.xml": (4, 0, 0, 0),
    "testIBFlexStatementFile08.xml": (3, 0, 0, 0),
    "testIBFlexStatementFile09.xml": (1, 0, 1, 0),
    "testIBFlexStatementFile10.xml": (2, 0, 0, 0),
    "testIBFlexStatementFile12.xml": (18, 0, 0, 0),
    "testIBFlexStatementFile15.xml": (2, 0, 0, 1),
    "testIBFlexStatementFile20.xml": (3, 4, 10, 0),
    "testIBFlexStatementFile21.xml": (2, 3, 6, 0),
    "testIBFlexStatementFile24.xml": (10, 0, 1, 0),
    "testIBFlexStatementFile28.xml": (1, 0, 2, 0),
    "testIBFlexStatementFile29.xml": (5, 0, 3, 0),
}
MOVED: Final = {
    "sure_flex_statement.xml": {"USD": "-124.85", "CHF": "500"},  # -281.25 + 153.90 + 2.50
    "testIBFlexStatementFile01.xml": {"CAD": "-912.14", "CHF": "-19.49", "USD": "-2.07"},
    "testIBFlexStatementFile02.xml": {"USD": "-4985.85", "EUR": "-22257.680078"},
    "testIBFlexStatementFile03.xml": {"USD": "0.02"},
    "testIBFlexStatementFile05.xml": {"EUR": "-1275.25", "USD": "-2850.98"},
    "testIBFlexStatementFile08.xml": {"USD": "5.31"},
    "testIBFlexStatementFile09.xml": {"EUR": "-2.4444"},
    "testIBFlexStatementFile10.xml": {"USD": "0.09554275", "EUR": "-133"},
    "testIBFlexStatementFile12.xml": {"CAD": "-1161.15", "USD": "-11801.40", "EUR": "996.32"},
    "testIBFlexStatementFile15.xml": {"EUR": "20000"},
    "testIBFlexStatementFile20.xml": {"USD": "-2995.205"},
    "testIBFlexStatementFile21.xml": {"EUR": "-4807.435", "USD": "-1.58"},
    "testIBFlexStatementFile24.xml": {"USD": "208.43"},  # 4083.3332134 - 3874.9032134 of its cash report
    "testIBFlexStatementFile28.xml": {"USD": "-1145.929445", "TWD": "34649.99999595"},
    "testIBFlexStatementFile29.xml": {"USD": "20.78", "GBP": "1.38", "KRW": "3100"},
}


def rows_of(sample: str) -> list[Row]:
    return read_rows(FlexReader(), shared(f"clients/ibkr_flex/{sample}"))


def file(number: int) -> list[Row]:
    return rows_of(f"testIBFlexStatementFile{number:02}.xml")


def records(rows: list[Row], kind: TransactionKind) -> list[Record]:
    return [row for row in rows if isinstance(row, Record) and row.kind is kind]


def test_every_sample_is_in_the_tables() -> None:
    assert {path.name for path in shared("clients/ibkr_flex").iterdir()} == ROWS.keys() == MOVED.keys()


@pytest.mark.parametrize("sample", ROWS)
def test_a_sample_has_its_rows(sample: str) -> None:
    assert tally(rows_of(sample)) == ROWS[sample]


@pytest.mark.parametrize("sample", MOVED)
def test_a_sample_moves_its_cash(sample: str) -> None:
    assert cash_moved(rows_of(sample)) == {code: Decimal(cash) for code, cash in MOVED[sample].items()}


def test_a_sale_in_two_accounts_and_what_is_there() -> None:
    rows = rows_of("sure_flex_statement.xml")

    assert kinds(rows) == {"BUY": 1, "SELL": 1, "DEPOSIT": 1, "DIVIDEND": 1}
    assert units_moved(rows) == {"US0378331005": 1}
    assert units_held(rows) == {"US0378331005": 10}  # nine were there before
    assert cash_held(rows) == {"CHF": Decimal("1000.50"), "USD": Decimal(500)}
    (dividend,) = records(rows, TransactionKind.DIVIDEND)
    assert dividend.asset is not None
    assert dividend.asset.isin == "US0378331005"  # by its conid: the row names nothing else


def test_corporate_actions() -> None:
    rows = file(1)
    tendered, reverse_split = records(rows, TransactionKind.MERGER)
    (paid_out,) = records(rows, TransactionKind.SELL)

    assert (tendered.line, tendered.quantity, tendered.counter_quantity) == (38, Decimal(1), Decimal(1))
    assert tendered.counter_asset == Hint(symbol="UUU.TEN2", name="CA91701P1TN3", kind="STK")
    assert (reverse_split.line, reverse_split.quantity, reverse_split.counter_quantity) == (
        41,
        Decimal(25),
        Decimal(1),
    )
    assert reverse_split.trade_date == date(2013, 6, 18)  # timed at 20:25 of the evening before
    assert reverse_split.asset is not None
    assert reverse_split.counter_asset is not None
    assert (reverse_split.asset.isin, reverse_split.counter_asset.isin) == ("CA38501D2041", "CA38501D5010")
    assert (paid_out.quantity, paid_out.amount, paid_out.price) == (
        Decimal(12000),
        Decimal(34320),
        Decimal("2.86"),
    )
    assert [row for row in rows if isinstance(row, Skipped) and row.line > 35] == [
        Skipped(39, "what the units of line 38 turn into"),
        Skipped(40, "what the units of line 41 turn into"),
    ]


def test_options_are_refused() -> None:
    why = "is an option with a multiplier of 100; only units times price are booked"

    assert [row for row in file(1) if isinstance(row, Refused)] == [Refused(18, why)]
    assert [row for row in file(2) if isinstance(row, Refused)] == [
        Refused(line, why) for line in range(7, 11)
    ]


def test_of_two_levels_of_detail_one_counts() -> None:
    assert file(3)[0] == Skipped(5, "a sum of rows that stand beside it")
    assert kinds(file(20)) == {"BUY": 1, "TAX_REFUND": 1, "TAX": 1}
    assert units_moved(file(20)) == {"US04010L1035": 157}
    assert [row for row in file(20) if isinstance(row, Skipped) and row.line in {13, 14, 15}] == [
        Skipped(13, "of the level ASSET_SUMMARY; the level EXECUTION stands beside it"),
        Skipped(14, "of the level SYMBOL_SUMMARY; the level EXECUTION stands beside it"),
        Skipped(15, "of the level ORDER; the level EXECUTION stands beside it"),
    ]


def test_a_trade_that_is_taken_back_leaves_what_stays_charged() -> None:
    skipped, fee = file(9)

    assert skipped == Skipped(5, "a trade that line 6 takes back")
    assert isinstance(fee, Record)
    assert (fee.kind, fee.amount, fee.currency) == (TransactionKind.FEE, Decimal("2.4444"), "EUR")


def test_currencies_are_exchanged() -> None:
    (sold,) = records(file(10), TransactionKind.FX)
    first, second, again = file(28)

    assert (sold.currency, sold.amount) == ("EUR", Decimal(133))
    assert (sold.counter_currency, sold.counter_amount) == ("USD", Decimal("140.9268"))
    assert (first, second) == (
        Skipped(6, "a trade that line 7 takes back"),
        Skipped(7, "takes back the trade of line 6"),
    )
    assert isinstance(again, Record)
    assert again.note == "USD.TWD (rounded from 34649.999995949)"


def test_a_purchase_that_states_its_cost_only() -> None:
    bought = records(file(12), TransactionKind.BUY)

    assert [(one.amount, one.costs, one.quantity) for one in bought] == [
        (Decimal(1230), Decimal(4), Decimal(400)),
        (Decimal(5812), Decimal(2), Decimal(200)),
        (Decimal("4543.5"), Decimal(2), Decimal(35)),
        (Decimal("1502.5"), Decimal(2), Decimal(50)),
    ]


def test_numbers_that_contradict_each_other_are_refused() -> None:
    assert file(15)[0] == Refused(6, "23.342 x 436.98055 is 10199.99999810, and the amount is 10000")


def test_cash_that_is_there_by_currency() -> None:
    assert cash_held(file(20)) == {
        "AUD": Decimal("-0.00005528"),
        "CAD": Decimal("4806.66195851"),
        "EUR": Decimal("152.241642114"),
        "USD": Decimal("1544.296952"),
    }


def test_pence_and_capital() -> None:
    rows = file(29)
    (pounds,) = [row for row in rows if isinstance(row, Record) and row.currency == "GBP"]
    (capital,) = records(rows, TransactionKind.RETURN_OF_CAPITAL)

    assert (pounds.kind, pounds.amount) == (TransactionKind.DIVIDEND, Decimal("1.38"))  # 138.00 GBX
    assert (capital.amount, capital.currency, capital.trade_date) == (Decimal(3100), "KRW", date(2025, 3, 27))
