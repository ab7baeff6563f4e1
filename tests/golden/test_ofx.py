"""Every OFX and QFX sample: how many rows it has of each sort, and what they come to.

The files are of ofxparse (MIT), ofxtools and beancount-reds-importers (GPL), read in place. The numbers were added up
by hand from the files.
"""

from datetime import date
from decimal import Decimal
from typing import Final

import pytest

from books import shared
from statement_tally import cash_held, cash_moved, kinds, read_rows, tally, units_held, units_moved
from steelyard.domain.transaction import TransactionKind
from steelyard.statements.ofx import OfxReader
from steelyard.statements.port import StatementError
from steelyard.statements.record import Held, Record, Refused, Row, Skipped

ROWS: Final = {
    # sample: records, held, skipped, refused
    "ofx/ofxparse/account_listing_aggregation.ofx": (0, 0, 4, 0),
    "ofx/ofxparse/anzcc.ofx": (1, 1, 1, 0),
    "ofx/ofxparse/bank_medium.ofx": (3, 1, 1, 0),
    "ofx/ofxparse/checking.ofx": (3, 1, 1, 0),
    "ofx/ofxparse/date_missing.ofx": (0, 1, 0, 3),
    "ofx/ofxparse/decimal_error.ofx": (0, 1, 0, 1),
    "ofx/ofxparse/empty_balance.ofx": (1, 0, 2, 0),
    "ofx/ofxparse/error_message.ofx": (0, 0, 0, 1),
    "ofx/ofxparse/fidelity-savings.ofx": (4, 0, 0, 0),
    "ofx/ofxparse/fidelity.ofx": (17, 7, 1, 0),
    "ofx/ofxparse/investment_401k.ofx": (4, 3, 1, 0),
    "ofx/ofxparse/investment_medium.ofx": (0, 1, 1, 3),
    "ofx/ofxparse/multiple_accounts.ofx": (0, 2, 0, 0),
    "ofx/ofxparse/multiple_accounts2.ofx": (0, 2, 0, 0),
    "ofx/ofxparse/ofx-v102-empty-tags.ofx": (1, 0, 1, 0),
    "ofx/ofxparse/suncorp.ofx": (1, 1, 1, 0),
    "ofx/ofxparse/td_ameritrade.ofx": (0, 3, 1, 0),
    "ofx/ofxparse/tiaacref.ofx": (0, 7, 1, 0),
    "ofx/ofxparse/vanguard.ofx": (2, 2, 0, 0),
    "ofx/ofxparse/vanguard401k.ofx": (9, 1, 2, 0),
    "ofx/ofxtools/br_nubank_cc.ofx": (6, 1, 0, 0),
    "ofx/ofxtools/invstmtrs.ofx": (2, 2, 3, 0),
    "ofx/ofxtools/stmtrs.ofx": (2, 1, 1, 0),
    "ofx/ofxtools/stmtrs_euro.ofx": (2, 1, 1, 0),
    "ofx_csv_reds/OfxDownload-401k.qfx": (7, 1, 2, 0),
    "ofx_csv_reds/etrade_09092023.QFX": (4, 3, 1, 0),
    "ofx_csv_reds/no_seclist.qfx": (2, 1, 2, 0),
    "ofx_csv_reds/no_ticker.qfx": (2, 1, 2, 0),
    "ofx_csv_reds/with_ticker.qfx": (2, 1, 2, 0),
}
WITHOUT_STATEMENT: Final = {
    # sample: what is said of it
    "ofx/ofxparse/bank_small.ofx": "bank_small.ofx: holds no statement.",
    "ofx/ofxparse/signon_fail.ofx": "signon_fail.ofx line 11: holds no statement; the bank says: Your request could "
    "not be processed because you supplied an invalid identification code or your password was incorrect.",
    "ofx/ofxparse/signon_success.ofx": "signon_success.ofx: holds no statement; the bank says: Login successful.",
    "ofx/ofxparse/signon_success_no_message.ofx": "signon_success_no_message.ofx: holds no statement; "
    "the bank says: code 0.",
    "ofx/ofxtools/profrs.ofx": "profrs.ofx line 146: holds no statement; the bank says: Signon invalid.",
}
BEGINS_BEFORE: Final = {
    # sample: what was there before its first row, so that its rows cannot come to what it states
    "ofx/ofxparse/anzcc.ofx",
    "ofx/ofxparse/bank_medium.ofx",
    "ofx/ofxparse/checking.ofx",
    "ofx/ofxparse/fidelity.ofx",
    "ofx/ofxparse/investment_401k.ofx",
    "ofx/ofxparse/investment_medium.ofx",
    "ofx/ofxparse/multiple_accounts.ofx",
    "ofx/ofxparse/multiple_accounts2.ofx",
    "ofx/ofxparse/suncorp.ofx",
    "ofx/ofxparse/td_ameritrade.ofx",
    "ofx/ofxparse/tiaacref.ofx",
    "ofx/ofxparse/vanguard.ofx",
    "ofx/ofxparse/vanguard401k.ofx",
    "ofx/ofxtools/invstmtrs.ofx",
    "ofx/ofxtools/stmtrs.ofx",
    "ofx/ofxtools/stmtrs_euro.ofx",
    "ofx_csv_reds/OfxDownload-401k.qfx",
    "ofx_csv_reds/etrade_09092023.QFX",
}


def rows_of(sample: str) -> list[Row]:
    return read_rows(OfxReader(), shared(f"clients/{sample}"))


def record_of(sample: str, source_id: str) -> Record:
    (found,) = [row for row in rows_of(sample) if isinstance(row, Record) and row.source_id == source_id]
    return found


def test_every_sample_is_in_the_tables() -> None:
    clients = shared("clients")
    files = [*clients.glob("ofx/*/*"), *clients.glob("ofx_csv_reds/*.[qQ][fF][xX]")]

    assert {file.relative_to(clients).as_posix() for file in files} == ROWS.keys() | WITHOUT_STATEMENT.keys()


@pytest.mark.parametrize("sample", ROWS)
def test_a_sample_has_its_rows(sample: str) -> None:
    assert tally(rows_of(sample)) == ROWS[sample]


@pytest.mark.parametrize("sample", WITHOUT_STATEMENT)
def test_a_sample_without_statement_says_what_the_bank_says(sample: str) -> None:
    with pytest.raises(StatementError) as caught:
        rows_of(sample)

    assert str(caught.value) == WITHOUT_STATEMENT[sample]


@pytest.mark.parametrize("sample", sorted(ROWS.keys() - BEGINS_BEFORE))
def test_what_a_sample_moves_is_what_it_says_is_there(sample: str) -> None:
    rows = rows_of(sample)
    cash, units = cash_held(rows), units_held(rows)

    assert not cash or {code: sum_ for code, sum_ in cash.items() if sum_} == cash_moved(rows)
    assert not units or units == units_moved(rows)


def test_a_card_is_owed_what_was_bought_with_it() -> None:
    rows = rows_of("ofx/ofxtools/br_nubank_cc.ofx")  # its BANKTRANLIST has no end tag

    assert kinds(rows) == {"WITHDRAWAL": 6}
    assert cash_moved(rows) == cash_held(rows) == {"BRL": Decimal("-1280.91")}
    assert isinstance(rows[-1], Held)
    assert (rows[-1].day, rows[-1].account) == (date(2024, 3, 25), "11111111-UUID-UUID-UUID-111111111111")


def test_fidelity_on_one_line() -> None:
    rows = rows_of("ofx/ofxparse/fidelity.ofx")

    assert kinds(rows) == {"BUY": 8, "DIVIDEND": 4, "SELL": 2, "DEPOSIT": 2, "WITHDRAWAL": 1}
    assert cash_moved(rows) == {"USD": Decimal("-10526.67")}
    assert cash_held(rows) == {"USD": Decimal("18073.98")}
    moved, held = units_moved(rows), units_held(rows)
    assert held == {
        "458140100": Decimal("100.911"),
        "G7945E105": Decimal(128),
        "431571108": Decimal(115),
        "19421R200": Decimal("70.573"),
        "98417P105": Decimal("390.909"),
        "756577102": Decimal(50),
    }
    # Red Hat was bought before; all that was left of SPY, bought before, was sold.
    assert {asset: held.get(asset, 0) - moved.get(asset, 0) for asset in held | moved} == {
        **dict.fromkeys(held, 0),
        "756577102": 50,
        "78462F103": Decimal("8.035"),
    }


def test_costs_are_apart_from_the_amount() -> None:
    bought = record_of("ofx/ofxparse/fidelity.ofx", "0123456789020201120120720")
    sold = record_of("ofx/ofxparse/fidelity.ofx", "0123456789020901320120727")

    assert (bought.amount, bought.costs, bought.quantity) == (
        Decimal("2563.50"),
        Decimal("7.95"),
        Decimal(100),
    )
    assert (sold.amount, sold.costs, sold.quantity) == (Decimal("1097.25"), Decimal("7.95"), Decimal(8))
    assert bought.asset is not None
    assert (bought.asset.symbol, bought.asset.name) == ("INTC", "INTEL CORP")
    assert sold.asset is not None
    assert sold.asset.name == "SPDR S&P 500 ETF TRUST UNIT SER 1 S&P"
    assert (bought.trade_date, sold.trade_date) == (date(2012, 7, 20), date(2012, 7, 27))


def test_a_plan_that_holds_no_cash_is_paid_into_from_outside() -> None:
    rows = rows_of("ofx/ofxparse/vanguard401k.ofx")

    assert kinds(rows) == {"DEPOSIT": 4, "BUY": 4, "DELIVER": 1}
    assert cash_moved(rows) == {}
    assert units_moved(rows) == {"92202V351": Decimal("44.75022")}
    assert units_held(rows) == {"92202V351": Decimal("117.506")}


def test_what_is_sold_for_an_account_outside_leaves() -> None:
    rows = rows_of("ofx/ofxparse/vanguard.ofx")

    assert kinds(rows) == {"SELL": 1, "WITHDRAWAL": 1}
    assert cash_moved(rows) == {}
    assert units_held(rows) == {"012345678": Decimal("244.2")}  # stated as 102 and 142.2
    assert isinstance(rows[0], Record)
    assert rows[0].asset is not None
    assert (rows[0].asset.symbol, rows[0].asset.cusip) == (
        "",
        "012345678",
    )  # two tickers are listed under one CUSIP


def test_a_tax_that_was_withheld_is_no_fee() -> None:
    tax = record_of("ofx_csv_reds/etrade_09092023.QFX", "230714_DIV_0")
    dividend = record_of("ofx_csv_reds/etrade_09092023.QFX", "230714_DIV_1")

    assert (tax.kind, tax.amount) == (TransactionKind.TAX, Decimal("21.89"))
    assert (dividend.kind, dividend.amount) == (TransactionKind.DIVIDEND, Decimal("104.23"))
    assert tax.asset == dividend.asset


def test_a_comma_is_a_decimal_mark() -> None:
    point, comma = rows_of("ofx/ofxtools/stmtrs.ofx"), rows_of("ofx/ofxtools/stmtrs_euro.ofx")

    assert point == comma
    assert cash_moved(comma) == {"USD": Decimal("-500.00")}
    assert cash_held(comma) == {"USD": Decimal("200.29")}


def test_what_is_refused_says_where_and_why() -> None:
    assert [row for row in rows_of("ofx/ofxparse/date_missing.ofx") if isinstance(row, Refused)] == [
        Refused(33, "`DTPOSTED` is absent or empty"),
        Refused(40, "`DTPOSTED` is absent or empty"),
        Refused(48, "`DTPOSTED` is '20120231', no day written YYYYMMDD"),
    ]
    assert rows_of("ofx/ofxparse/decimal_error.ofx")[0] == Refused(34, "`TRNAMT` is '$120', no number")
    assert rows_of("ofx/ofxparse/error_message.ofx") == [
        Refused(22, "the bank sent no statement, and says: General Server Error")
    ]
    half = rows_of("ofx/ofxparse/investment_medium.ofx")[0]
    assert isinstance(half, Refused)
    assert (half.line, half.why[:34]) == (42, "is one half of a currency trade (C")


def test_the_currency_of_a_row_stands_in_for_one_the_statement_lacks() -> None:
    record, balance = rows_of("ofx/ofxparse/ofx-v102-empty-tags.ofx")

    assert isinstance(record, Record)
    assert (record.kind, record.amount, record.currency) == (TransactionKind.DEPOSIT, Decimal("12.34"), "AUD")
    assert (record.source_id, record.account, record.note) == ("", "12345678", "CBA:Transfer")
    assert balance == Skipped(23, "a balance that is not stated")


def test_several_accounts_of_one_file_are_told_apart() -> None:
    assert [
        (row.account, row.quantity)
        for row in rows_of("ofx/ofxparse/multiple_accounts.ofx")
        if isinstance(row, Held)
    ] == [
        ("9100", Decimal(111)),
        ("9200", Decimal(222)),
    ]
