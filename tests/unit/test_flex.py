"""Rows of IBKR Flex queries: what each becomes, and what is refused."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from statement_tally import read_rows
from steelyard.domain.transaction import TransactionKind as Kind
from steelyard.statements.flex import FlexReader
from steelyard.statements.flex_fields import DayOrder, read_day
from steelyard.statements.port import HEAD_BYTES, Source, StatementError
from steelyard.statements.record import Held, Hint, Record, Refused, Row, Skipped
from steelyard.statements.stated import RowError

Fields = dict[str, str]

APPLE: Fields = {
    "symbol": "AAPL",
    "isin": "US0378331005",
    "assetCategory": "STK",
    "conid": "1",
    "currency": "USD",
}
BUY: Fields = {
    **APPLE,
    "description": "APPLE INC",
    "buySell": "BUY",
    "quantity": "10",
    "tradePrice": "25.5",
    "proceeds": "-255",
    "ibCommission": "-1.5",
    "ibCommissionCurrency": "USD",
    "tradeDate": "20240314",
    "transactionID": "T1",
    "levelOfDetail": "EXECUTION",
    "multiplier": "1",
    "tradeID": "7",
}
SELL: Fields = {
    **BUY,
    "buySell": "SELL",
    "quantity": "-10",
    "proceeds": "255",
    "transactionID": "T2",
    "tradeID": "8",
}
FX: Fields = {
    **BUY,
    "assetCategory": "CASH",
    "symbol": "EUR.USD",
    "isin": "",
    "quantity": "100",
    "proceeds": "-110",
}
FX = {**FX, "tradePrice": "1.1", "ibCommissionCurrency": "CHF"}
PAID: Fields = {"currency": "USD", "amount": "5", "dateTime": "20240314;202000", "transactionID": "C1"}


def element(tag: str, fields: Fields) -> str:
    return f"<{tag} {' '.join(f'{name}={quoteattr(value)}' for name, value in fields.items())} />\n"


def flex(folder: Path, sections: dict[str, list[tuple[str, Fields]]]) -> list[Row]:
    body = "".join(
        f"<{name}>\n{''.join(element(tag, fields) for tag, fields in rows)}</{name}>\n"
        for name, rows in sections.items()
    )
    head = (
        '<FlexStatement accountId="U1" fromDate="20240101" toDate="20240630" whenGenerated="20240701;120000">'
    )
    path = folder / "flex.xml"
    path.write_text(
        f"<FlexQueryResponse><FlexStatements>{head}\n{body}</FlexStatement></FlexStatements></FlexQueryResponse>",
        encoding="utf-8",
    )
    return read_rows(FlexReader(), path)


def trades(folder: Path, *rows: Fields, tag: str = "Trade") -> list[Row]:
    return flex(folder, {"Trades": [(tag, row) for row in rows]})


def cash(folder: Path, *rows: Fields) -> list[Row]:
    return flex(folder, {"CashTransactions": [("CashTransaction", row) for row in rows]})


def actions(folder: Path, *rows: Fields) -> list[Row]:
    return flex(folder, {"CorporateActions": [("CorporateAction", row) for row in rows]})


def only(rows: list[Row]) -> Record:
    (row,) = rows
    assert isinstance(row, Record), row
    return row


def why(rows: list[Row]) -> str:
    (row,) = rows
    assert isinstance(row, Refused), row
    return row.why


# ── Trades ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_trade_is_apart_from_what_it_cost(tmp_path: Path) -> None:
    bought, sold = trades(tmp_path, {**BUY, "taxes": "-0.5", "netCash": "-257"}, SELL)

    assert isinstance(bought, Record)
    assert isinstance(sold, Record)
    assert (bought.kind, bought.quantity, bought.amount, bought.costs, bought.tax) == (
        Kind.BUY,
        Decimal(10),
        Decimal(255),
        Decimal(2),
        Decimal("0.5"),
    )
    assert (sold.kind, sold.quantity, sold.amount, sold.costs) == (
        Kind.SELL,
        Decimal(10),
        Decimal(255),
        Decimal("1.5"),
    )
    assert bought.asset == Hint(
        isin="US0378331005", symbol="AAPL", name="APPLE INC", currency="USD", kind="STK"
    )
    assert (bought.account, bought.line, bought.source_id, bought.price) == ("U1", 3, "T1", Decimal("25.5"))


@pytest.mark.parametrize(
    ("row", "opens", "kind"),
    [
        (BUY, "O", Kind.BUY),
        (BUY, "C", Kind.COVER),
        (SELL, "O", Kind.SHORT),
        (SELL, "C", Kind.SELL),
    ],
)
def test_short_positions_are_told_apart(tmp_path: Path, row: Fields, opens: str, kind: Kind) -> None:
    assert only(trades(tmp_path, {**row, "openCloseIndicator": opens})).kind is kind


def test_what_is_charged_in_another_currency_or_given_back_is_apart(tmp_path: Path) -> None:
    foreign = trades(tmp_path, {**BUY, "ibCommissionCurrency": "CHF"})
    rebate = trades(tmp_path, {**BUY, "ibCommission": "0.3", "taxes": "0.2"})

    assert [
        (one.kind, one.amount, one.costs, one.currency, one.source_id)
        for one in foreign
        if isinstance(one, Record)
    ] == [
        (Kind.BUY, Decimal(255), Decimal(0), "USD", "T1/1"),
        (Kind.FEE, Decimal("1.5"), Decimal(0), "CHF", "T1/2"),
    ]
    assert [(one.kind, one.amount) for one in rebate if isinstance(one, Record)] == [
        (Kind.BUY, 255),
        (Kind.FEE_REFUND, Decimal("0.3")),
        (Kind.TAX_REFUND, Decimal("0.2")),
    ]


def test_pence_are_no_pounds(tmp_path: Path) -> None:
    row = {
        **BUY,
        "currency": "GBp",
        "ibCommissionCurrency": "GBp",
        "tradePrice": "2550",
        "proceeds": "-25500",
    }
    record = only(trades(tmp_path, row))

    assert (record.currency, record.amount, record.price) == ("GBP", Decimal(255), Decimal("25.5"))
    assert record.costs == Decimal("0.015")
    assert record.asset is not None
    assert record.asset.currency == "GBX"


def test_a_bond_is_quoted_in_per_cent_of_its_face(tmp_path: Path) -> None:
    row = {**BUY, "assetCategory": "BOND", "quantity": "10000", "tradePrice": "98.5", "proceeds": "-9850"}

    assert only(trades(tmp_path, row)).price == Decimal("0.985")


def test_an_amount_is_taken_from_what_states_it(tmp_path: Path) -> None:
    def amount(**stated: str) -> Decimal | None:
        numbers = {**dict.fromkeys(("proceeds", "tradePrice", "tradeMoney"), ""), **stated}
        return only(trades(tmp_path, {**BUY, **numbers})).amount

    assert amount(tradeMoney="255") == amount(tradePrice="25.5") == amount(cost="256.5") == 255


def test_currencies_are_exchanged(tmp_path: Path) -> None:
    bought, fee = trades(tmp_path, FX)
    (sold,) = trades(
        tmp_path, {**FX, "buySell": "SELL", "quantity": "-100", "proceeds": "110", "ibCommission": "0"}
    )

    assert isinstance(bought, Record)
    assert isinstance(sold, Record)
    assert isinstance(fee, Record)
    assert (bought.kind, bought.asset) == (Kind.FX, None)
    assert (bought.currency, bought.amount, bought.counter_currency, bought.counter_amount) == (
        "USD",
        Decimal(110),
        "EUR",
        Decimal(100),
    )
    assert (sold.currency, sold.amount, sold.counter_currency, sold.counter_amount) == (
        "EUR",
        Decimal(100),
        "USD",
        Decimal(110),
    )
    assert (fee.kind, fee.amount, fee.currency) == (Kind.FEE, Decimal("1.5"), "CHF")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({**BUY, "assetCategory": "OPT", "multiplier": "100"}, "an option with a multiplier of 100"),
        ({**BUY, "assetCategory": "OPT", "multiplier": ""}, "an option with a multiplier of 0"),
        ({**BUY, "assetCategory": "FUT"}, "`assetCategory` is 'FUT'"),
        ({**BUY, "assetCategory": "CFD"}, "`assetCategory` is 'CFD'"),
        ({**BUY, "assetCategory": ""}, "`assetCategory` is ''"),
        ({**BUY, "multiplier": "10"}, "a trade with a multiplier of 10"),
        ({**BUY, "openCloseIndicator": "C;O"}, "from long to short"),
        ({**BUY, "quantity": "-10"}, "which way cannot be told"),
        ({**BUY, "proceeds": "255"}, "which way cannot be told"),
        ({**BUY, "quantity": "0"}, "which way cannot be told"),
        ({**BUY, "quantity": "ten"}, "`quantity` is 'ten', no number"),
        ({**BUY, "proceeds": "-300"}, "10 x 25.5 is 255.0, and the amount is 300"),
        ({**BUY, "netCash": "-300"}, "`netCash` is -300"),
        ({**BUY, "proceeds": "", "tradePrice": ""}, "`tradePrice` are absent"),
        ({**SELL, "proceeds": "", "tradePrice": "", "cost": "-200"}, "`tradePrice` are absent"),
        ({**BUY, "currency": "CNH"}, "'CNH', no ISO 4217 code"),
        ({**BUY, "tradeDate": "20240230"}, "'20240230', no day"),
        ({**BUY, "tradeDate": ""}, "`tradeDate` and `dateTime` are absent"),
        ({**BUY, "tradeDate": "20300101"}, "future"),
        ({**BUY, "symbol": "", "isin": "", "description": "", "conid": ""}, "a trade of what?"),
        ({**FX, "symbol": "USD.EUR"}, "not a pair"),
        ({**FX, "symbol": "EUR"}, "not a pair"),
        ({**FX, "proceeds": "-140"}, "100 x 1.1 is 110.0, and the amount is 140"),
        ({**BUY, "levelOfDetail": "SYMBOL_SUMMARY"}, "add the level Execution"),
        (
            {**BUY, "transactionType": "TradeCancel", "origTradeID": "99"},
            "takes back a trade that the file does not",
        ),
    ],
)
def test_a_trade_that_is_not_told_is_refused(tmp_path: Path, row: Fields, says: str) -> None:
    assert says in why(trades(tmp_path, row))


@pytest.mark.parametrize("level", ["EXECUTION", ""])
def test_of_two_levels_the_finer_counts(tmp_path: Path, level: str) -> None:
    order = {**BUY, "levelOfDetail": "ORDER", "transactionID": "", "tradeID": ""}
    rows = flex(tmp_path, {"Trades": [("Order", order), ("Trade", {**BUY, "levelOfDetail": level})]})

    assert rows[0] == Skipped(3, "of the level ORDER; the level EXECUTION stands beside it")
    assert [type(row) for row in rows[1:]] == [Record]


def test_orders_count_where_they_stand_alone(tmp_path: Path) -> None:
    order = {**BUY, "levelOfDetail": "", "transactionID": "", "tradeID": "", "ibOrderID": "O1"}

    assert only(trades(tmp_path, order, tag="Order")).source_id == "O1"


def test_a_trade_that_is_taken_back_is_none(tmp_path: Path) -> None:
    back = {**BUY, "buySell": "BUY (Ca.)", "quantity": "-10", "proceeds": "255", "ibCommission": "1.5"}
    back = {
        **back,
        "transactionID": "T9",
        "tradeID": "",
        "origTransactionID": "T1",
        "transactionType": "TradeCancel",
    }
    other = {**BUY, "transactionID": "T3", "tradeID": "9"}

    for rows in (trades(tmp_path, BUY, other, back), trades(tmp_path, back, other, BUY)):
        assert [type(row) for row in rows] == [Skipped, Record, Skipped]
    kept = trades(tmp_path, BUY, {**back, "ibCommission": "0"})[1]
    assert isinstance(kept, Record)
    assert (kept.kind, kept.amount) == (Kind.FEE, Decimal("1.5"))
    half = trades(tmp_path, BUY, {**back, "quantity": "-5"})
    assert [type(row) for row in half] == [Record, Refused]


# ── Cash ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("word", "above", "below"),
    [
        ("Deposits/Withdrawals", Kind.DEPOSIT, Kind.WITHDRAWAL),
        ("Deposits & Withdrawals", Kind.DEPOSIT, Kind.WITHDRAWAL),
        ("Dividends", Kind.DIVIDEND, None),
        ("Payment In Lieu Of Dividends", Kind.DIVIDEND, None),
        ("Withholding Tax", Kind.TAX_REFUND, Kind.TAX),
        ("Broker Interest Paid", Kind.INTEREST, Kind.INTEREST_PAID),
        ("Broker Interest Received", Kind.INTEREST, Kind.INTEREST_PAID),
        ("Bond Interest Paid", Kind.INTEREST, Kind.INTEREST_PAID),
        ("Other Fees", Kind.FEE_REFUND, Kind.FEE),
        ("Advisor Fees", Kind.FEE_REFUND, Kind.FEE),
        ("Price Adjustments", None, None),
    ],
)
def test_type_and_sign_say_what_a_payment_is(
    tmp_path: Path, word: str, above: Kind | None, below: Kind | None
) -> None:
    for amount, kind in (("5", above), ("-5", below)):
        rows = cash(tmp_path, {**PAID, **APPLE, "type": word, "amount": amount})
        if kind is None:
            assert word in why(rows)
        else:
            assert (only(rows).kind, only(rows).amount) == (kind, Decimal(5))


def test_a_payment_has_a_day_a_currency_and_words(tmp_path: Path) -> None:
    words = "AAPL(US0378331005) CASH DIVIDEND (Return of Capital)"
    row = {**PAID, "type": "Dividends", "currency": "GBX", "description": words, "settleDate": "2024-03-18"}
    record = only(cash(tmp_path, row))

    assert (record.kind, record.amount, record.currency) == (Kind.RETURN_OF_CAPITAL, Decimal("0.05"), "GBP")
    assert (record.trade_date, record.settlement_date) == (date(2024, 3, 14), date(2024, 3, 18))
    assert record.asset is not None
    assert (record.asset.isin, record.note, record.source_id) == ("US0378331005", words, "C1")


def test_an_asset_is_known_by_its_conid(tmp_path: Path) -> None:
    described = {**APPLE, "description": "APPLE INC", "conid": "1"}
    rows = flex(
        tmp_path,
        {
            "CashTransactions": [("CashTransaction", {**PAID, "type": "Dividends", "conid": "1"})],
            "SecuritiesInfo": [("SecurityInfo", described)],
        },
    )

    assert isinstance(rows[0], Record)
    assert rows[0].asset == Hint(
        isin="US0378331005", symbol="AAPL", name="APPLE INC", currency="USD", kind="STK"
    )
    assert rows[1] == Skipped(6, "a description of an asset")


def test_a_dividend_of_nothing_is_refused_and_of_0_skipped(tmp_path: Path) -> None:
    assert "names no asset" in why(cash(tmp_path, {**PAID, "type": "Dividends"}))
    assert cash(tmp_path, {**PAID, "type": "Dividends", "amount": "0"}) == [Skipped(3, "Dividends of 0")]


def test_sums_count_where_they_stand_alone(tmp_path: Path) -> None:
    total = {**PAID, "type": "Other Fees", "amount": "-5", "levelOfDetail": "SUMMARY", "accountId": "-"}
    detail = {**total, "levelOfDetail": "DETAIL", "accountId": "U2"}

    assert only(cash(tmp_path, total)).account == "U1"
    assert [type(row) for row in cash(tmp_path, total, detail)] == [Skipped, Record]
    assert isinstance(cash(tmp_path, total, detail)[1], Record)


TRANSFER: Fields = {**APPLE, "direction": "IN", "quantity": "5", "date": "20240314", "transactionID": "X1"}


@pytest.mark.parametrize(
    ("row", "kind", "quantity", "amount"),
    [
        (TRANSFER, Kind.RECEIVE, 5, None),
        ({**TRANSFER, "positionAmount": "900"}, Kind.RECEIVE, 5, None),  # what they are worth, not their cost
        ({**TRANSFER, "direction": "OUT", "quantity": "-5", "positionAmount": "-900"}, Kind.DELIVER, 5, 900),
        ({**TRANSFER, "assetCategory": "CASH", "quantity": "0", "cashTransfer": "70"}, Kind.DEPOSIT, 0, 70),
        (
            {**TRANSFER, "assetCategory": "", "quantity": "", "cashTransfer": "-70", "direction": "OUT"},
            Kind.WITHDRAWAL,
            0,
            70,
        ),
    ],
)
def test_transfers(tmp_path: Path, row: Fields, kind: Kind, quantity: int, amount: int | None) -> None:
    record = only(flex(tmp_path, {"Transfers": [("Transfer", row)]}))

    assert (record.kind, record.currency) == (kind, "USD")
    assert record.quantity == quantity
    assert record.amount == amount


@pytest.mark.parametrize(
    "row",
    [
        {**TRANSFER, "direction": "OUT"},
        {**TRANSFER, "direction": ""},
        {**TRANSFER, "cashTransfer": "70"},
        {**TRANSFER, "assetCategory": "OPT", "multiplier": "100"},
    ],
)
def test_a_transfer_that_is_not_told_is_refused(tmp_path: Path, row: Fields) -> None:
    assert why(flex(tmp_path, {"Transfers": [("Transfer", row)]}))


def test_a_tax_on_fees_stands_in_a_section_of_its_own(tmp_path: Path) -> None:
    row = {"currency": "EUR", "date": "20240314", "salesTax": "-0.0019", "taxableDescription": "market data"}
    record = only(flex(tmp_path, {"SalesTaxes": [("SalesTax", row)]}))

    assert (record.kind, record.amount, record.note) == (Kind.TAX, Decimal("0.0019"), "market data")


# ── Corporate actions ───────────────────────────────────────────────────────────────────────────────────


def action(words: str, quantity: str, name: str = "AAPL", **more: str) -> Fields:
    fields = {"description": f"{words} ({name}, APPLE, X)", "quantity": quantity, "symbol": name, "isin": ""}
    return {**APPLE, **fields, "conid": name, "dateTime": "20240313;202500", "reportDate": "20240314", **more}


def test_a_split_is_of_its_ex_date(tmp_path: Path) -> None:
    record = only(actions(tmp_path, action("AAPL(US0378331005) SPLIT 4 FOR 1", "30")))
    reverse = only(actions(tmp_path, action("AAPL(US0378331005) SPLIT 1 FOR 2.5", "-30")))

    assert (record.kind, record.quantity, record.counter_quantity) == (Kind.SPLIT, Decimal(1), Decimal(4))
    assert record.trade_date == date(2024, 3, 14)
    assert (reverse.quantity, reverse.counter_quantity) == (Decimal("2.5"), Decimal(1))


@pytest.mark.parametrize(
    ("words", "gone", "come", "kind"),
    [
        ("AAPL(US0378331005) SPLIT 1 FOR 25", "-100", "4", Kind.MERGER),
        ("AAPL(US0378331005) MERGED(Acquisition) WITH US1 1 FOR 25", "-110", "4", Kind.MERGER),  # 0.4 in cash
        ("AAPL(US0378331005) TENDERED TO US1 1 FOR 1", "-100", "100", Kind.MERGER),
        ("AAPL(US0378331005) CUSIP/ISIN CHANGE TO (US1)", "-100", "100", Kind.SYMBOL_CHANGE),
    ],
)
def test_one_asset_becomes_another(tmp_path: Path, words: str, gone: str, come: str, kind: Kind) -> None:
    for rows in (
        actions(tmp_path, action(words, gone, "OLD"), action(words, come, "NEW")),
        actions(tmp_path, action(words, come, "NEW"), action(words, gone, "OLD"))[::-1],
    ):
        record, rest = rows
        assert isinstance(record, Record)
        assert (record.kind, record.asset and record.asset.symbol) == (kind, "OLD")
        assert record.counter_asset is not None
        assert record.counter_asset.symbol == "NEW"
        assert isinstance(rest, Skipped)


def test_what_is_paid_out_is_sold_or_redeemed(tmp_path: Path) -> None:
    share = action("AAPL(X) MERGED(Acquisition)  FOR USD 2.5 PER SHARE", "-100", proceeds="250")
    bond = action("BOND(X) FULL CALL / EARLY REDEMPTION FOR USD 1.00 PER BOND", "-100", proceeds="100")

    assert (only(actions(tmp_path, share)).kind, only(actions(tmp_path, share)).amount) == (
        Kind.SELL,
        Decimal(250),
    )
    assert only(actions(tmp_path, share)).trade_date == date(2024, 3, 13)
    assert (only(actions(tmp_path, bond)).kind, only(actions(tmp_path, bond)).quantity) == (
        Kind.REDEMPTION,
        Decimal(100),
    )


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (action("AAPL(X) SPINOFF 1 FOR 5", "20"), "no fraction of the basis"),
        (action("AAPL(X) SPLIT 4 FOR 1", "-30"), "not what such a split adds"),
        (action("AAPL(X) SPLIT 0 FOR 1", "-30"), "a ratio of 0"),
        (action("AAPL(X) SPLIT 4 FOR 1", "30", proceeds="5"), "units and cash"),
        (action("AAPL(X) MERGED(Acquisition) WITH US1 1 FOR 25", "-100"), "one of 1 rows"),
        (action("AAPL(X) FOR USD 2.5 PER SHARE", "-100", proceeds="300"), "100 x 2.5 is 250"),
        (action("AAPL(X) FOR USD 2.5 PER SHARE", "100", proceeds="250"), "not units that are paid out"),
        (action("AAPL(X) FOR EUR 2.5 PER SHARE", "-100", proceeds="250"), "pays EUR"),
        (action("AAPL(X) RIGHTS ISSUE 1 FOR 5", "20"), "nobody described"),
        (action("AAPL(X) SPLIT 4 FOR 1", "30", assetCategory="OPT"), "options or futures"),
        (action("AAPL(X) SPLIT 4 FOR 1", "n/a"), "`quantity` is 'n/a'"),
    ],
)
def test_an_action_that_is_not_told_is_refused(tmp_path: Path, row: Fields, says: str) -> None:
    assert says in why(actions(tmp_path, row))


def test_units_that_contradict_the_words_are_refused(tmp_path: Path) -> None:
    words = "AAPL(X) SPLIT 1 FOR 25"
    rows = actions(tmp_path, action(words, "-100", "OLD"), action(words, "5", "NEW"))
    changed = "AAPL(X) CUSIP/ISIN CHANGE TO (US1)"
    more = actions(tmp_path, action(changed, "-100", "OLD"), action(changed, "99", "NEW"))

    assert [type(row) for row in rows + more] == [Refused] * 4


# ── What is there, days, files ──────────────────────────────────────────────────────────────────────────


def test_positions_and_cash_are_what_is_there(tmp_path: Path) -> None:
    held = {**APPLE, "description": "APPLE INC", "position": "-5.5", "reportDate": "20240628"}
    lot = {**held, "position": "-5", "levelOfDetail": "LOT"}
    rows = flex(
        tmp_path,
        {
            "OpenPositions": [("OpenPosition", held), ("OpenPosition", lot)],
            "CashReport": [
                ("CashReportCurrency", {"currency": "BASE_SUMMARY", "endingCash": "9"}),
                ("CashReportCurrency", {"currency": "EUR", "endingCash": "-9.123456789"}),
            ],
        },
    )
    asset = Hint(isin="US0378331005", symbol="AAPL", name="APPLE INC", currency="USD", kind="STK")

    assert rows == [
        Held(3, "U1", date(2024, 6, 28), asset, "USD", Decimal("-5.5")),
        Skipped(4, "a lot of a position that stands beside it"),
        Skipped(7, "the cash of all currencies, in the base currency"),
        Held(8, "U1", date(2024, 6, 30), None, "EUR", Decimal("-9.123456789")),
    ]


def test_lots_count_where_they_stand_alone(tmp_path: Path) -> None:
    lots = [("OpenPosition", {**APPLE, "position": units, "levelOfDetail": "LOT"}) for units in ("2", "3")]
    rows = flex(tmp_path, {"OpenPositions": lots})

    assert [row.quantity for row in rows if isinstance(row, Held)] == [2, 3]


def test_a_section_that_nobody_described_is_refused(tmp_path: Path) -> None:
    rows = flex(
        tmp_path, {"DebitCardActivities": [("DebitCardActivity", PAID)], "ConversionRates": [("R", PAID)]}
    )

    assert rows == [
        Refused(3, "stands in the section DebitCardActivities, which is not known here"),
        Skipped(6, "an exchange rate"),
    ]


def test_a_statement_of_funds_says_again_what_stands_elsewhere(tmp_path: Path) -> None:
    line = ("StatementOfFundsLine", PAID)

    assert "add Trades" in why(flex(tmp_path, {"StmtFunds": [line]}))
    assert isinstance(flex(tmp_path, {"StmtFunds": [line], "Trades": [("Trade", BUY)]})[0], Skipped)


@pytest.mark.parametrize(
    "text",
    ["20240314", "2024-03-14", "14-Mar-24", "14-Mar-2024", "03/14/2024", "03/14/24", "3/14/24"],
)
@pytest.mark.parametrize("time", ["", ";202000", " 20:20:00", ", 20:20:00", "T2020", ";20:20:00 EST"])
def test_a_day_may_be_written_as_people_choose(text: str, time: str) -> None:
    assert read_day("d", text + time, DayOrder.MONTH_FIRST) == date(2024, 3, 14)


@pytest.mark.parametrize(
    "text",
    [
        *("20240230", "2024-13-01", "2024-0314", "14-Foo-24", "14/03/2024", "00010001", "20240314;250000"),
        *("20240314;240000", "20240314x", "2024031", "14.03.2024"),
    ],
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(RowError, match="no day in a format"):
        read_day("d", text, DayOrder.MONTH_FIRST)


def test_day_and_month_are_told_apart_by_the_whole_file(tmp_path: Path) -> None:
    def days(*texts: str) -> list[date | None]:
        rows = trades(
            tmp_path, *({**BUY, "tradeDate": text, "transactionID": str(n)} for n, text in enumerate(texts))
        )
        return [row.trade_date if isinstance(row, Record) else None for row in rows]

    assert days("03/04/2024", "03/14/2024") == [date(2024, 3, 4), date(2024, 3, 14)]
    assert days("03/04/2024", "14/03/2024") == [date(2024, 4, 3), date(2024, 3, 14)]
    assert days("03/04/2024", "03/03/2024") == [None, date(2024, 3, 3)]
    assert days("03/04/2024", "03/14/2024", "14/03/2024")[0] is None


def test_several_accounts_of_one_file_are_told_apart(tmp_path: Path) -> None:
    other = {**BUY, "accountId": "U2", "transactionID": "T5"}

    assert [row.account for row in trades(tmp_path, BUY, other) if isinstance(row, Record)] == ["U1", "U2"]


def test_a_refusal_of_interactive_brokers_is_said(tmp_path: Path) -> None:
    path = tmp_path / "flex.xml"
    says = "<ErrorCode>1019</ErrorCode>\n<ErrorMessage>Statement generation in progress.</ErrorMessage>"
    path.write_text(
        f"<FlexStatementResponse><Status>Warn</Status>{says}</FlexStatementResponse>", encoding="utf-8"
    )
    with pytest.raises(
        StatementError, match="holds no statement; Interactive Brokers says: Warn, 1019, Statement"
    ):
        read_rows(FlexReader(), path)


def test_a_file_without_rows_or_end_is_refused_whole(tmp_path: Path) -> None:
    path = tmp_path / "flex.xml"
    path.write_text('<FlexQueryResponse><FlexStatements count="0" /></FlexQueryResponse>', encoding="utf-8")
    with pytest.raises(StatementError, match="holds no row"):
        read_rows(FlexReader(), path)
    path.write_text("<FlexQueryResponse>\n<FlexStatements>", encoding="utf-8")
    with pytest.raises(StatementError, match="line 2"):
        read_rows(FlexReader(), path)


def test_what_is_no_flex_lacks_an_element() -> None:
    def miss(head: bytes) -> str | None:
        return FlexReader().miss(Source("x", Path("x"), len(head), head[:HEAD_BYTES]))

    assert miss(b'<?xml version="1.0"?>\n<FlexQueryResponse queryName="x">') is None
    assert (
        miss(b"<Document/>") == miss(b"") == miss(b"\0<") == miss(b"a,b\n") == "a <FlexQueryResponse> element"
    )
