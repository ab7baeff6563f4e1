"""Rows of OFX files: what each kind of row becomes, and what is refused."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from statement_tally import read_rows
from steelyard.domain.transaction import TransactionKind as Kind
from steelyard.statements import ofx
from steelyard.statements.ofx import OfxReader
from steelyard.statements.port import HEAD_BYTES, Source, StatementError
from steelyard.statements.record import Held, Hint, Record, Refused, Row, Skipped

SECURITY = "<SECID><UNIQUEID>US0378331005<UNIQUEIDTYPE>ISIN</SECID>"
TRAN = "<INVTRAN><FITID>7<DTTRADE>20240314</INVTRAN>"
APPLE = Hint(isin="US0378331005", symbol="AAPL", name="APPLE INC", currency="USD", kind="STOCK")
LISTED = (
    f"<SECLISTMSGSRSV1><SECLIST><STOCKINFO><SECINFO>{SECURITY}<SECNAME>APPLE  INC<TICKER>AAPL</SECINFO></STOCKINFO>"
    "</SECLIST></SECLISTMSGSRSV1>"
)


def read(folder: Path, body: str) -> list[Row]:
    path = folder / "bank.ofx"
    path.write_text(f"OFXHEADER:100\n\n<OFX>{body}</OFX>", encoding="cp1252")
    return read_rows(OfxReader(), path)


def bank(folder: Path, rows: str, currency: str = "USD") -> list[Row]:
    account = "<BANKACCTFROM><BANKID>1<ACCTID>A<ACCTTYPE>CHECKING</BANKACCTFROM>"
    return read(folder, f"<STMTTRNRS><STMTRS><CURDEF>{currency}{account}{rows}</STMTRS></STMTTRNRS>")


def broker(folder: Path, rows: str, currency: str = "USD") -> list[Row]:
    head = f"<DTASOF>20240630120000[-5:EST]<CURDEF>{currency}<INVACCTFROM><BROKERID>b<ACCTID>D</INVACCTFROM>"
    return read(folder, f"<INVSTMTTRNRS><INVSTMTRS>{head}{rows}</INVSTMTRS></INVSTMTTRNRS>{LISTED}")


def only(rows: list[Row]) -> Record:
    (row,) = rows
    assert isinstance(row, Record), row
    return row


def why(rows: list[Row]) -> str:
    (row,) = rows
    assert isinstance(row, Refused), row
    return row.why


def paid(kind: str, amount: str, more: str = "") -> str:
    return f"<STMTTRN><TRNTYPE>{kind}<DTPOSTED>20240314<TRNAMT>{amount}<FITID>1{more}</STMTTRN>"


# ── Banks ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("word", "amount", "kind"),
    [
        ("CREDIT", "5", Kind.DEPOSIT),
        ("CREDIT", "-5", Kind.WITHDRAWAL),  # the sign decides
        ("DEBIT", "-5", Kind.WITHDRAWAL),
        ("XFER", "5", Kind.DEPOSIT),
        ("other", "-5", Kind.WITHDRAWAL),
        ("INT", "5", Kind.INTEREST),
        ("INT", "-5", Kind.INTEREST_PAID),
        ("DIV", "5", Kind.INTEREST),
        ("FEE", "-5", Kind.FEE),
        ("SRVCHG", "5", Kind.FEE_REFUND),
    ],
)
def test_type_and_sign_say_what_a_booking_is(tmp_path: Path, word: str, amount: str, kind: Kind) -> None:
    record = only(bank(tmp_path, paid(word, amount, "<NAME>Bob<MEMO>Bob, rent")))

    assert (record.kind, record.amount, record.currency) == (kind, Decimal(5), "USD")
    assert (record.account, record.trade_date, record.source_id, record.line) == (
        "A",
        date(2024, 3, 14),
        "1",
        3,
    )
    assert record.note == "Bob, rent"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (paid("GIFT", "5"), "`TRNTYPE` is 'GIFT'"),
        (paid("DIV", "-5"), "reversal"),
        (paid("DEBIT", "1,000.5"), "`TRNAMT` is '1,000.5', no number"),
        (paid("DEBIT", "1,000"), "thousand"),
        (paid("DEBIT", ""), "`TRNAMT` is absent"),
        (paid("DEBIT", "-5", "<TRNAMT>-6"), "`TRNAMT` stands there twice"),
        (paid("DEBIT", "-5", "<CORRECTFITID>9<CORRECTACTION>DELETE"), "corrects the booking 9"),
        (paid("DEBIT", "-5", "<CURRENCY><CURRATE>1.1<CURSYM>EUR</CURRENCY>"), "kept in USD"),
        (paid("DEBIT", "-5").replace("20240314", "20240230"), "20240230"),
        (paid("DEBIT", "-5").replace("20240314", "20240314240000"), "24"),
        (paid("DEBIT", "-5").replace("20240314", "00010101"), "before any statement"),
        (paid("DEBIT", "-5").replace("20240314", "00000101"), "no day"),
        (paid("DEBIT", "-5").replace("20240314", "20300101"), "future"),
        (paid("DEBIT", "-5").replace("20240314", "2024-03-14"), "no day written YYYYMMDD"),
        (paid("DEBIT", "-0.000000001"), "finer than 8 decimals"),
    ],
)
def test_a_booking_that_cannot_be_read_is_refused(tmp_path: Path, row: str, says: str) -> None:
    assert says in why(bank(tmp_path, row))


def test_what_moves_nothing_is_skipped(tmp_path: Path) -> None:
    rows = bank(tmp_path, f"{paid('HOLD', '-5')}{paid('DEBIT', '0.00')}<STMTTRNP><TRNTYPE>DEBIT</STMTTRNP>")

    assert [row.why for row in rows if isinstance(row, Skipped)] == [
        "an amount on hold: nothing has moved",
        "an amount of 0",
        "a booking that is pending",
    ]
    assert len(rows) == 3


def test_an_unknown_currency_is_refused_row_by_row(tmp_path: Path) -> None:
    assert why(bank(tmp_path, paid("DEBIT", "-5"), currency="QQQ")) == "`CURDEF` is 'QQQ', no ISO 4217 code"


def test_a_bank_keeps_its_account_in_pounds_where_it_writes_pence(tmp_path: Path) -> None:
    record = only(bank(tmp_path, paid("DEBIT", "-250"), currency="GBX"))

    assert (record.amount, record.currency) == (Decimal("2.5"), "GBP")


@pytest.mark.parametrize("day", ["20240314", "20240314120000", "202403141200", "20240314120000.123[-5:EST]"])
def test_a_day_is_the_one_that_is_written(tmp_path: Path, day: str) -> None:
    assert only(bank(tmp_path, paid("DEBIT", "-5").replace("20240314", day))).trade_date == date(2024, 3, 14)


def test_an_id_tells_bookings_apart(tmp_path: Path) -> None:
    rows = bank(tmp_path, paid("DEBIT", "-5") + "\n" + paid("DEBIT", "-5") + "\n" + paid("DEBIT", "-6"))

    assert isinstance(rows[0], Record)
    assert rows[1:] == [
        Skipped(4, "the booking of line 3 once more"),
        Refused(5, "`FITID` '1' is that of line 3, which says something else"),
    ]


def test_ids_are_remembered_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ofx, "MAX_IDS", 2)
    rows = [paid("DEBIT", "-5").replace("<FITID>1", f"<FITID>{n}") for n in range(3)]

    assert len(bank(tmp_path, "".join(rows[:2]))) == 2
    with pytest.raises(StatementError, match="more than 2 bookings"):
        bank(tmp_path, "".join(rows))


def test_bookings_without_an_id_are_all_kept(tmp_path: Path) -> None:
    row = paid("DEBIT", "-5").replace("<FITID>1", "")

    assert len([one for one in bank(tmp_path, row + row) if isinstance(one, Record)]) == 2


def test_an_id_belongs_to_an_account(tmp_path: Path) -> None:
    def statement(account: str) -> str:
        where = f"<BANKACCTFROM><ACCTID>{account}</BANKACCTFROM>"
        return f"<STMTTRNRS><STMTRS><CURDEF>USD{where}{paid('DEBIT', '-5')}</STMTRS></STMTTRNRS>"

    rows = read(tmp_path, statement("A") + statement("B"))

    assert [row.account for row in rows if isinstance(row, Record)] == ["A", "B"]


@pytest.mark.parametrize(
    ("balance", "row"),
    [
        ("<BALAMT>-12.5<DTASOF>20240630", Held(3, "A", date(2024, 6, 30), None, "USD", Decimal("-12.5"))),
        ("<BALAMT>0<DTASOF>20240630", Held(3, "A", date(2024, 6, 30), None, "USD", Decimal(0))),
        ("<BALAMT><DTASOF>20240630", Skipped(3, "a balance that is not stated")),
        ("<BALAMT>5<DTASOF>", Refused(3, "`DTASOF` is absent or empty")),
    ],
)
def test_a_balance_is_what_is_there(tmp_path: Path, balance: str, row: Row) -> None:
    assert bank(tmp_path, f"<LEDGERBAL>{balance}</LEDGERBAL>") == [row]


# ── Brokers ─────────────────────────────────────────────────────────────────────────────────────────────


def bought(numbers: str, more: str = "<BUYTYPE>BUY", kind: str = "STOCK") -> str:
    return f"<BUY{kind}><INVBUY>{TRAN}{SECURITY}{numbers}<SUBACCTFUND>CASH</INVBUY>{more}</BUY{kind}>"


def sold(numbers: str, more: str = "<SELLTYPE>SELL", kind: str = "STOCK") -> str:
    return f"<SELL{kind}><INVSELL>{TRAN}{SECURITY}{numbers}<SUBACCTFUND>CASH</INVSELL>{more}</SELL{kind}>"


def other(tag: str, fields: str) -> str:
    return f"<{tag}>{TRAN}{SECURITY}{fields}</{tag}>"


def test_a_purchase_is_apart_from_what_it_cost(tmp_path: Path) -> None:
    numbers = "<UNITS>10<UNITPRICE>25.5<COMMISSION>7<FEES>1<LOAD>0.5<TAXES>1.5<TOTAL>-265"
    record = only(broker(tmp_path, bought(numbers)))

    assert (record.kind, record.quantity, record.price, record.amount) == (
        Kind.BUY,
        Decimal(10),
        Decimal("25.5"),
        Decimal(255),
    )
    assert (record.costs, record.tax, record.asset) == (Decimal(10), Decimal("1.5"), APPLE)
    assert (record.account, record.source_id, record.line) == ("D", "7", 3)


def test_a_sale_is_apart_from_what_it_cost(tmp_path: Path) -> None:
    numbers = "<UNITS>-10<UNITPRICE>25.5<COMMISSION>7<WITHHOLDING>2<TOTAL>246"
    record = only(broker(tmp_path, sold(numbers)))

    assert (record.kind, record.quantity, record.amount) == (Kind.SELL, Decimal(10), Decimal(255))
    assert (record.costs, record.tax) == (Decimal(9), Decimal(2))


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (bought("<UNITS>1<UNITPRICE>9<TOTAL>-9", "<BUYTYPE>BUYTOCOVER"), Kind.COVER),
        (sold("<UNITS>-1<UNITPRICE>9<TOTAL>9", "<SELLTYPE>SELLSHORT"), Kind.SHORT),
        (sold("<UNITS>-1<UNITPRICE>900<TOTAL>9", "<SELLREASON>MATURITY", "DEBT"), Kind.REDEMPTION),
        (bought("<UNITS>1<UNITPRICE>9<TOTAL>-9", "<OPTBUYTYPE>BUYTOOPEN<SHPERCTRCT>1", "OPT"), Kind.BUY),
    ],
)
def test_trades_of_other_kinds(tmp_path: Path, row: str, kind: Kind) -> None:
    record = only(broker(tmp_path, row))

    assert (record.kind, record.quantity, record.price, record.amount) == (
        kind,
        Decimal(1),
        Decimal(9),
        Decimal(9),
    )


def test_a_bond_is_quoted_in_per_cent_of_its_face(tmp_path: Path) -> None:
    numbers = "<UNITS>10000<UNITPRICE>98.5<COMMISSION>10<TOTAL>-9985"
    bond, interest = broker(tmp_path, bought(numbers, "<ACCRDINT>125", "DEBT"))
    plain = only(broker(tmp_path, bought(numbers.replace("9985", "9860"), "", "DEBT")))

    assert isinstance(bond, Record)
    assert isinstance(interest, Record)
    assert (bond.price, bond.amount, bond.costs, bond.source_id) == (
        Decimal("0.985"),
        Decimal(9850),
        Decimal(10),
        "7/1",
    )
    assert (interest.kind, interest.amount, interest.costs) == (Kind.INTEREST_PAID, Decimal(125), Decimal(0))
    assert (plain.price, plain.amount) == (Decimal("0.985"), Decimal(9850))
    unclear = bought(numbers.replace("9985", "9860"), "<ACCRDINT>12", "DEBT")
    assert "cannot be told" in why(broker(tmp_path, unclear))


def test_pence_are_no_pounds(tmp_path: Path) -> None:
    numbers = "<UNITS>10<UNITPRICE>250<COMMISSION>500<TOTAL>-3000"
    record = only(broker(tmp_path, bought(numbers), currency="GBX"))

    assert (record.currency, record.amount, record.costs, record.price) == (
        "GBP",
        Decimal(25),
        Decimal(5),
        Decimal("2.5"),
    )
    assert record.asset is not None
    assert record.asset.currency == "GBX"


def test_a_row_may_have_a_currency_of_its_own(tmp_path: Path) -> None:
    numbers = "<UNITS>1<UNITPRICE>9<TOTAL>-9<CURRENCY><CURRATE>1.1<CURSYM>EUR</CURRENCY>"

    assert only(broker(tmp_path, bought(numbers))).currency == "EUR"


def test_money_from_outside_comes_in_first_and_to_outside_leaves_last(tmp_path: Path) -> None:
    numbers = "<UNITS>10<UNITPRICE>25.5<COMMISSION>7<TOTAL>"
    rows = broker(tmp_path, bought(f"{numbers}-262").replace(">CASH<", ">OTHER<"))
    back = broker(tmp_path, sold(f"{numbers}248").replace(">CASH<", ">OTHER<"))

    assert [(row.kind, row.amount, row.costs, row.source_id) for row in rows if isinstance(row, Record)] == [
        (Kind.DEPOSIT, Decimal(262), Decimal(0), "7/1"),
        (Kind.BUY, Decimal(255), Decimal(7), "7/2"),
    ]
    assert [(row.kind, row.amount, row.costs, row.asset) for row in back if isinstance(row, Record)] == [
        (Kind.SELL, Decimal(255), Decimal(7), APPLE),
        (Kind.WITHDRAWAL, Decimal(248), Decimal(0), None),
    ]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (bought("<UNITS>10<UNITPRICE>25.5<TOTAL>-270"), "10 x 25.5 is 255.0, and the amount is 270"),
        (bought("<UNITS>-10<UNITPRICE>25.5<TOTAL>255"), "reverses a purchase"),
        (sold("<UNITS>10<UNITPRICE>25.5<TOTAL>-255"), "reverses a sale"),
        (bought("<UNITS>1<UNITPRICE>9<COMMISSION>10<TOTAL>-9"), "what is charged in it 10"),
        (bought("<UNITS>1<UNITPRICE>9<COMMISSION>-1<TOTAL>-9"), "`COMMISSION` is -1, below 0"),
        (bought("<UNITS>1<UNITPRICE>9"), "`TOTAL` is absent"),
        (bought("<UNITS>0<UNITPRICE>9<TOTAL>0"), "no quantity above 0"),
        (bought("<UNITS>1<UNITPRICE>9<TOTAL>-9", "<BUYTYPE>STEAL"), "`BUYTYPE` is 'STEAL'"),
        (bought("<UNITS>1<UNITPRICE>9<TOTAL>-900", "<SHPERCTRCT>100", "OPT"), "option over 100 shares"),
        (bought("<UNITS>1<UNITPRICE>9<TOTAL>-9", "", "OPT"), "an unstated number of shares"),
        (bought("<UNITS>1<UNITPRICE>9<TOTAL>-9").replace("<UNIQUEID>US0378331005", ""), "a trade of what?"),
        ("<BUYSTOCK><BUYTYPE>BUY</BUYSTOCK>", "has no <INVBUY>"),
        (
            bought("<UNITS>1<UNITPRICE>9<TOTAL>-9").replace("<FITID>7", "<FITID>7<REVERSALFITID>6"),
            "reverses the booking 6",
        ),
        (other("CLOSUREOPT", "<OPTACTION>EXPIRE"), "the end of an option (EXPIRE)"),
        (other("INCOME", "<INCOMETYPE>MISC<TOTAL>5"), "'MISC'"),
        (other("INCOME", "<INCOMETYPE>DIV<TOTAL>-5"), "reversal"),
        (other("INCOME", "<INCOMETYPE>DIV<TOTAL>85<WITHHOLDING>15"), "before or after the tax"),
        (
            other("INVEXPENSE", "<TOTAL>-5").replace("</INVTRAN>", "<MEMO>DIVIDEND - REVERSAL</INVTRAN>"),
            "reversal",
        ),
        (other("RETOFCAP", "<TOTAL>-5"), "reverse the first by hand"),
        (other("REINVEST", "<INCOMETYPE>DIV<TOTAL>-9<UNITS>-1<UNITPRICE>9"), "reversal"),
        (other("REINVEST", "<INCOMETYPE>DIV<TOTAL>-9<UNITS>1<UNITPRICE>12"), "12"),
        (other("TRANSFER", "<UNITS>-5<TFERACTION>IN<POSTYPE>LONG"), "in or out cannot be told"),
        (other("TRANSFER", "<UNITS>5<POSTYPE>LONG"), "in or out cannot be told"),
        (other("TRANSFER", "<UNITS>5<TFERACTION>IN<POSTYPE>SHORT"), "short position"),
        (other("SPLIT", "<OLDUNITS>10<NEWUNITS>20"), "not the ratio"),
        (other("SPLIT", "<OLDUNITS>10<NEWUNITS>20<NUMERATOR>1<DENOMINATOR>2"), "are not 20"),
        (other("SPLIT", "<OLDUNITS>10<NEWUNITS>20<NUMERATOR>2<DENOMINATOR>1<FRACCASH>5"), "a fraction"),
        (other("JRNLFUND", "<SUBACCTTO>CASH<SUBACCTFROM>OTHER<TOTAL>5"), "journals from 'OTHER'"),
    ],
)
def test_what_a_broker_leaves_open_is_refused(tmp_path: Path, row: str, says: str) -> None:
    assert says in why(broker(tmp_path, row))


@pytest.mark.parametrize(
    ("row", "kind", "amount"),
    [
        (other("INCOME", "<INCOMETYPE>DIV<TOTAL>5"), Kind.DIVIDEND, 5),
        (other("INCOME", "<INCOMETYPE>CGLONG<TOTAL>5"), Kind.DIVIDEND, 5),
        (other("INCOME", "<INCOMETYPE>INTEREST<TOTAL>5"), Kind.INTEREST, 5),
        (other("INVEXPENSE", "<TOTAL>-5"), Kind.FEE, 5),
        (other("INVEXPENSE", "<TOTAL>5"), Kind.FEE_REFUND, 5),
        (
            other("INVEXPENSE", "<TOTAL>-5").replace("</INVTRAN>", "<MEMO>X DIVIDEND - US TAX</INVTRAN>"),
            Kind.TAX,
            5,
        ),
        (other("RETOFCAP", "<TOTAL>5"), Kind.RETURN_OF_CAPITAL, 5),
        (f"<MARGININTEREST>{TRAN}<TOTAL>-5</MARGININTEREST>", Kind.INTEREST_PAID, 5),
        (f"<MARGININTEREST>{TRAN}<TOTAL>5</MARGININTEREST>", Kind.INTEREST, 5),
        (f"<INVBANKTRAN>{paid('CREDIT', '5')}<SUBACCTFUND>CASH</INVBANKTRAN>", Kind.DEPOSIT, 5),
        (other("TRANSFER", "<UNITS>5<TFERACTION>IN<POSTYPE>LONG<UNITPRICE>9"), Kind.RECEIVE, None),
        (other("TRANSFER", "<UNITS>-5<TFERACTION>OUT<POSTYPE>LONG"), Kind.DELIVER, None),
    ],
)
def test_rows_that_are_no_trade(tmp_path: Path, row: str, kind: Kind, amount: int | None) -> None:
    record = only(broker(tmp_path, row))

    assert (record.kind, record.amount) == (kind, amount)
    assert record.quantity == (5 if amount is None else 0)
    assert (record.asset == APPLE) is ("<SECID>" in row)


def test_a_dividend_buys_units_at_once(tmp_path: Path) -> None:
    row = other("REINVEST", "<INCOMETYPE>DIV<TOTAL>-52<UNITS>2<UNITPRICE>25<COMMISSION>2")
    record = only(broker(tmp_path, row))

    assert (record.kind, record.amount, record.costs, record.quantity) == (
        Kind.DIVIDEND_REINVESTED,
        Decimal(52),
        Decimal(2),
        Decimal(2),
    )


def test_a_split_pays_its_fraction_in_cash(tmp_path: Path) -> None:
    numbers = "<OLDUNITS>5<NEWUNITS>7<NUMERATOR>3<DENOMINATOR>2<FRACCASH>12.5"
    split, sale = broker(tmp_path, other("SPLIT", numbers))
    plain = only(broker(tmp_path, other("SPLIT", "<OLDUNITS>10<NEWUNITS>1<NUMERATOR>1<DENOMINATOR>10")))

    assert isinstance(split, Record)
    assert isinstance(sale, Record)
    assert (split.kind, split.quantity, split.counter_quantity, split.source_id) == (
        Kind.SPLIT,
        Decimal(2),
        Decimal(3),
        "7/1",
    )
    assert (sale.kind, sale.quantity, sale.amount) == (Kind.SELL, Decimal("0.5"), Decimal("12.5"))
    assert (plain.quantity, plain.counter_quantity, plain.source_id) == (Decimal(10), Decimal(1), "7")


def test_a_journal_inside_the_account_moves_nothing(tmp_path: Path) -> None:
    row = f"<JRNLFUND>{TRAN}<SUBACCTTO>CASH<SUBACCTFROM>MARGIN<TOTAL>5</JRNLFUND>"

    assert broker(tmp_path, row) == [Skipped(3, "a journal inside the account, from MARGIN to CASH")]


def position(units: str, side: str) -> str:
    fields = f"{SECURITY}<HELDINACCT>CASH<POSTYPE>{side}<UNITS>{units}<UNITPRICE>9<DTPRICEASOF>20240628"
    return f"<INVPOSLIST><POSSTOCK><INVPOS>{fields}</INVPOS></POSSTOCK></INVPOSLIST>"


@pytest.mark.parametrize(
    ("row", "units"),
    [(position("5.5", "LONG"), "5.5"), (position("5", "SHORT"), "-5"), (position("-5", "SHORT"), "-5")],
)
def test_a_position_is_what_is_there(tmp_path: Path, row: str, units: str) -> None:
    assert broker(tmp_path, row) == [Held(3, "D", date(2024, 6, 30), APPLE, "USD", Decimal(units))]


def test_the_cash_of_a_broker(tmp_path: Path) -> None:
    cash = "<INVBAL><AVAILCASH>200<MARGINBALANCE>{}<BALLIST><BAL><NAME>x</BAL></BALLIST></INVBAL>"

    assert broker(tmp_path, cash.format("0")) == [
        Skipped(3, "a figure about the account"),
        Held(3, "D", date(2024, 6, 30), None, "USD", Decimal(200)),
    ]
    assert [type(row) for row in broker(tmp_path, cash.format("-50"))] == [Skipped, Skipped]


def test_a_security_that_is_listed_nowhere_has_its_id(tmp_path: Path) -> None:
    def asset(code: str, kind: str) -> Hint | None:
        row = bought("<UNITS>1<UNITPRICE>9<TOTAL>-9")
        row = row.replace("US0378331005", code).replace(">ISIN<", f">{kind}<")
        return only(broker(tmp_path, row)).asset

    assert asset("92202E862", "CUSIP") == Hint(cusip="92202E862", currency="USD")
    assert asset("VFIFX", "TICKER") == Hint(symbol="VFIFX", currency="USD")
    assert asset("Fund 7", "PRIVATE") == Hint(name="FUND 7", currency="USD")
    assert asset("US0378331006", "ISIN") == Hint(name="US0378331006", currency="USD")


# ── Files ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_bank_that_refuses_one_statement_still_sends_the_other(tmp_path: Path) -> None:
    refused = "<STMTTRNRS><STATUS><CODE>2000<SEVERITY>ERROR<MESSAGE>No.</STATUS></STMTTRNRS>\n"
    sent = f"<STMTTRNRS><STMTRS><CURDEF>USD{paid('DEBIT', '-5')}</STMTRS></STMTTRNRS>"
    first, second = read(tmp_path, refused + sent)

    assert first == Refused(3, "the bank sent no statement, and says: No")
    assert isinstance(second, Record)


def test_loans_are_refused(tmp_path: Path) -> None:
    assert "loan" in why(read(tmp_path, "<LOANSTMTTRNRS></LOANSTMTTRNRS>"))


def test_a_file_that_ends_early_is_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "bank.ofx"
    path.write_text(f"OFXHEADER:100\n\n<OFX><STMTTRNRS>{paid('DEBIT', '-5')}\n", encoding="utf-8")
    with pytest.raises(StatementError, match="line 3: ends before </OFX>"):
        read_rows(OfxReader(), path)


def test_what_is_no_ofx_lacks_an_element() -> None:
    def miss(head: bytes) -> str | None:
        return OfxReader().miss(Source("x", Path("x"), len(head), head[:HEAD_BYTES]))

    assert miss(b"OFXHEADER:100\n\n<OFX>") is None
    assert miss(b"") == miss(b"\xff\xfe\x00") == miss(b"Date,Amount\n") == "an <OFX> element"
