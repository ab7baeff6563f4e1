"""Broker CSV: what a line becomes under a preset, and which lines are refused instead of guessed."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from preset_reading import one_reason, one_record, rows_of
from steelyard.domain.transaction import TransactionKind
from steelyard.statements.record import Held, Hint, Record, Refused, Skipped

COLUMNS = """
title = "Trial"
dates = "2023-12-31"
[columns]
date = "Date"
kind = "Type"
isin = "ISIN"
quantity = "Units"
price = "Price"
net = "Net"
costs = "Fee"
currency = "Currency"
[kinds]
BUY = ["Buy", "Kauf"]
SELL = "Sell"
DIVIDEND = "Dividend"
RECEIVE = "Gift"
"DEPOSIT/WITHDRAWAL" = "Payment"
"FEE_REFUND/FEE" = "Custody"
"""
HEADER = "Date,Type,ISIN,Units,Price,Net,Fee,Currency\n"
ISIN = "US0378331005"


# ── Amounts ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_amount_of_a_purchase_is_what_went_out_without_its_costs(tmp_path: Path) -> None:
    bought = one_record(COLUMNS, HEADER + f"2024-03-14,Buy,{ISIN},10,25,-251.50,1.50,USD\n", tmp_path)

    assert bought == Record(
        kind=TransactionKind.BUY,
        line=2,
        trade_date=date(2024, 3, 14),
        currency="USD",
        amount=Decimal(250),
        costs=Decimal("1.50"),
        asset=Hint(isin=ISIN),
        quantity=Decimal(10),
        price=Decimal(25),
    )


def test_the_amount_of_a_sale_is_what_came_in_with_its_costs(tmp_path: Path) -> None:
    sold = one_record(COLUMNS, HEADER + f"2024-03-14,Sell,{ISIN},-10,25,248.50,1.50,USD\n", tmp_path)

    assert (sold.quantity, sold.amount, sold.costs) == (Decimal(10), Decimal(250), Decimal("1.50"))


def test_an_amount_that_nothing_states_is_units_times_price(tmp_path: Path) -> None:
    bought = one_record(COLUMNS, HEADER + f"2024-03-14,Buy,{ISIN},0.333333,3.1234567,,,USD\n", tmp_path)

    assert bought.amount == Decimal("1.04115119")  # 1.0411511922… half up at 8 decimals


def test_units_given_without_a_value_have_none(tmp_path: Path) -> None:
    assert one_record(COLUMNS, HEADER + f"2024-03-14,Gift,{ISIN},3,,,,USD\n", tmp_path).amount is None


def test_numbers_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    line = f"2024-03-14,Buy,{ISIN},10,25,-281.50,1.50,USD\n"

    assert one_reason(COLUMNS, HEADER + line, tmp_path) == "`Units` × `Price` is 250, and `Net` says 280.00"


def test_a_gap_of_rounding_is_no_contradiction(tmp_path: Path) -> None:
    line = f"2024-03-14,Buy,{ISIN},3,33.33,-100.40,0,USD\n"

    assert one_record(COLUMNS, HEADER + line, tmp_path).amount == Decimal("100.40")


def test_pence_become_pounds_and_the_price_with_them(tmp_path: Path) -> None:
    bought = one_record(COLUMNS, HEADER + f"2024-03-14,Buy,{ISIN},10,250,-2550,50,GBX\n", tmp_path)

    assert (bought.currency, bought.amount, bought.costs) == ("GBP", Decimal(25), Decimal("0.5"))
    assert (bought.price, bought.asset) == (Decimal("2.5"), Hint(isin=ISIN, currency="GBX"))


def test_a_price_in_pence_stands_beside_an_amount_in_pounds(tmp_path: Path) -> None:
    preset = COLUMNS.replace('price = "Price"', 'price = { header = "Price", currency = "GBX" }')
    bought = one_record(preset, HEADER + f"2024-03-14,Buy,{ISIN},10,250,-25,,GBP\n", tmp_path)

    assert (bought.price, bought.asset) == (Decimal("2.5"), Hint(isin=ISIN, currency="GBX"))
    assert "is 25," in one_reason(preset, HEADER + f"2024-03-14,Buy,{ISIN},10,250,-2500,,GBP\n", tmp_path)


def test_a_price_in_another_currency_is_only_a_hint(tmp_path: Path) -> None:
    preset = COLUMNS.replace('price = "Price"', 'price = { header = "Price", currency = "EUR" }')
    bought = one_record(preset, HEADER + f"2024-03-14,Buy,{ISIN},10,23,-250,,USD\n", tmp_path)

    assert (bought.price, bought.amount, bought.asset) == (
        None,
        Decimal(250),
        Hint(isin=ISIN, currency="EUR"),
    )


def test_costs_in_another_currency_are_a_fee_of_their_own(tmp_path: Path) -> None:
    preset = COLUMNS.replace('costs = "Fee"', 'costs = { header = "Fee", currency = "CHF" }')
    bought, fee = rows_of(preset, HEADER + f"2024-03-14,Buy,{ISIN},10,25,-250,1.5,USD\n", tmp_path)

    assert isinstance(bought, Record)
    assert isinstance(fee, Record)
    assert (bought.amount, bought.costs) == (Decimal(250), Decimal(0))
    assert (fee.kind, fee.currency, fee.amount, fee.line) == (TransactionKind.FEE, "CHF", Decimal("1.5"), 2)


def test_costs_in_coins_are_units_that_leave(tmp_path: Path) -> None:
    preset = COLUMNS.replace('costs = "Fee"', 'costs = { header = "Fee", currency = "coin" }\ncoin = "Coin"')
    header = HEADER.replace("\n", ",Coin\n")
    _, fee = rows_of(preset, header + f"2024-03-14,Buy,{ISIN},10,25,-250,0.1,USD,BNB\n", tmp_path)

    assert isinstance(fee, Record)
    assert (fee.kind, fee.asset, fee.quantity, fee.amount) == (
        TransactionKind.DELIVER,
        Hint(symbol="BNB"),
        Decimal("0.1"),
        None,
    )


def test_a_withheld_tax_is_part_of_the_costs_and_of_the_gross_amount(tmp_path: Path) -> None:
    preset = COLUMNS.replace('costs = "Fee"', 'tax = "Fee"')
    paid = one_record(preset, HEADER + f"2024-03-14,Dividend,{ISIN},,,8.50,1.50,USD\n", tmp_path)

    assert (paid.amount, paid.costs, paid.tax) == (Decimal(10), Decimal("1.50"), Decimal("1.50"))


# ── Signs ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"2024-03-14,Buy,{ISIN},10,25,250,,USD", "`Net` is 250, above 0, where a BUY takes cash out"),
        (f"2024-03-14,Dividend,{ISIN},,,-5,,USD", "`Net` is -5, below 0, where a DIVIDEND brings cash in"),
        (f"2024-03-14,Buy,{ISIN},-10,25,-250,,USD", "`Units` is -10, below 0 for a BUY"),
        (f"2024-03-14,Buy,{ISIN},10,25,-250,-1,USD", "`Fee` is -1, a cost below 0"),
        (f"2024-03-14,Buy,{ISIN},10,25,-1,2,USD", "`Net` is 1, less than its costs of 2"),
        ("2024-03-14,Payment,,,,,,USD", "`Net` is empty: its sign would tell the kind"),
        ("2024-03-14,Custody,,,,0,,USD", "a FEE_REFUND of 0"),
        (f"2024-03-14,Dividend,{ISIN},,,,,USD", "states no amount: `Net` is empty"),
        (f",Dividend,{ISIN},,,5,,USD", "`Date` is empty: it states no day"),
        (f"2024-03-14,Dividend,{ISIN},,,five,,USD", "`Net` is 'five', no number"),
        (f"2024-03-14,Dividend,{ISIN},,,5,,Taler", "`Currency` is 'Taler', no currency"),
        (f"2024-03-14,Dividend,{ISIN},,,5 EUR,,USD", "`Net` is in EUR, and its line says USD"),
        ("2024-03-14,Rights issue,,,,5,,USD", "`Type` is 'Rights issue', which no rule describes"),
        ("2024-03-14,,,,,5,,USD", "`Type` is empty"),
        ("2027-03-14,Payment,,,,5,,USD", "as DEPOSIT lies in the future; it is booked when its day comes"),
        (f"2024-03-14,Buy,{ISIN},0,25,-250,,USD", "`Units` × `Price` is 0, and `Net` says 250"),
        ("2024-03-14,Buy,US0378331005,10", "has 4 cells, where the header has 8"),
        ("2024-03-14,Payment,,,,5,,USD,more", "has 9 cells, where the header has 8"),
    ],
)
def test_what_cannot_be_booked_says_column_and_text(line: str, reason: str, tmp_path: Path) -> None:
    assert one_reason(COLUMNS, f"{HEADER}{line}\n", tmp_path) == reason


def test_the_sign_tells_two_kinds_apart(tmp_path: Path) -> None:
    text = HEADER + "2024-03-14,Payment,,,,5,,USD\n2024-03-15,Payment,,,,-6,,USD\n"
    kinds = [(row.kind, row.amount) for row in rows_of(COLUMNS, text, tmp_path) if isinstance(row, Record)]

    assert kinds == [(TransactionKind.DEPOSIT, Decimal(5)), (TransactionKind.WITHDRAWAL, Decimal(6))]


def test_amounts_without_sign_must_be_declared(tmp_path: Path) -> None:
    preset = 'signs = "none"' + COLUMNS

    assert one_record(preset, HEADER + f"2024-03-14,Buy,{ISIN},10,25,250,,USD\n", tmp_path).amount == Decimal(
        250
    )
    assert (
        one_reason(preset, HEADER + f"2024-03-14,Buy,{ISIN},10,25,-250,,USD\n", tmp_path)
        == "`Net` is -250, below 0"
    )


def test_a_wrong_check_digit_makes_an_isin_a_name(tmp_path: Path) -> None:
    bought = one_record(COLUMNS, HEADER + "2024-03-14,Buy,US0378331006,10,25,-250,,USD\n", tmp_path)

    assert bought.asset == Hint(name="US0378331006")


# ── Rules ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pattern_gives_units_price_and_isin(tmp_path: Path) -> None:
    preset = r"""
title = "Trial"
dates = "31.12.2023"
numbers = "1.234,56"
[columns]
date = "Datum"
text = "Text"
net = "Betrag"
[[rule]]
when = { text = 're:Kauf (?P<quantity>\S+) zu je (?P<price>\S+) (?P<price_currency>[A-Z]{3}) \((?P<isin>\w+)\)' }
is = "BUY"
"""
    text = "Datum;Text;Betrag\n14.03.2024;Kauf 10 zu je 24,3 EUR (DE0005557508);-243,00 EUR\n"
    bought = one_record(preset, text, tmp_path)

    assert (bought.quantity, bought.price, bought.asset) == (
        Decimal(10),
        Decimal("24.3"),
        Hint(isin="DE0005557508", currency="EUR"),
    )


def test_a_swap_is_a_sale_and_a_purchase_with_ids_of_their_own(tmp_path: Path) -> None:
    preset = """
title = "Trial"
dates = "2023-12-31"
signs = "any"
[columns]
date = "Time"
id = "Hash"
symbol = "From"
quantity = "Amount"
to = "To"
to_amount = "To amount"
amount = "Worth"
currency = "In"
costs = "Fee"
[[rule]]
is = "SELL"
also = [{ is = "BUY", set = { symbol = "to", quantity = "to_amount" } }]
"""
    text = "Time,Hash,From,Amount,To,To amount,Worth,In,Fee\n2024-01-02 10:00,h1,XRP,-500,BTC,0.01,1173.17,EUR,2\n"
    sold, bought = rows_of(preset, text, tmp_path)

    assert isinstance(sold, Record)
    assert isinstance(bought, Record)
    assert (sold.kind, sold.source_id, sold.asset, sold.quantity, sold.costs) == (
        TransactionKind.SELL,
        "h1/1",
        Hint(symbol="XRP"),
        Decimal(500),
        Decimal(2),
    )
    assert (bought.kind, bought.source_id, bought.asset, bought.quantity, bought.costs) == (
        TransactionKind.BUY,
        "h1/2",
        Hint(symbol="BTC"),
        Decimal("0.01"),
        Decimal(0),
    )
    assert sold.amount == bought.amount == Decimal("1173.17")


def test_reasons_come_first_and_quote_the_cell(tmp_path: Path) -> None:
    preset = (
        COLUMNS
        + """
[skip]
"an order that was cancelled" = { price = "Cancelled" }
[refuse]
"`Units` is {quantity}, units added: book the SPLIT by hand" = { kind = "Split" }
"""
    )
    text = HEADER + f"2024-03-14,Buy,{ISIN},1,Cancelled,-1,,USD\n2024-03-15,Split,{ISIN},9,,,,USD\n"

    assert rows_of(preset, text, tmp_path) == [
        Skipped(2, "an order that was cancelled"),
        Refused(3, "`Units` is '9', units added: book the SPLIT by hand"),
    ]


def test_conditions_see_signs_currencies_and_other_columns(tmp_path: Path) -> None:
    preset = (
        COLUMNS.replace("[kinds]", "[ignored]").split("[ignored]", maxsplit=1)[0]
        + """
[[rule]]
when = { net = "@negative", kind = "=isin" }
is = "WITHDRAWAL"
[[rule]]
when = { net = "@positive" }
unless = { currency = ["@no_currency", "@empty"] }
is = "DEPOSIT"
"""
    )
    lines = ["A,A,,,-5,,USD", "A,B,,,-5,,USD", "A,B,,,5,,USD", "A,B,,,5,,BTC", "A,B,,,5,,"]
    rows = rows_of(preset, HEADER + "".join(f"2024-03-14,{line}\n" for line in lines), tmp_path)

    assert [row.kind if isinstance(row, Record) else type(row) for row in rows] == [
        TransactionKind.WITHDRAWAL,
        Refused,
        TransactionKind.DEPOSIT,
        Refused,
        Refused,
    ]


def test_numbers_may_be_made_of_others(tmp_path: Path) -> None:
    preset = COLUMNS.replace('costs = "Fee"', "").replace(
        "[kinds]",
        '[products]\ngross = ["quantity", "price"]\n[differences]\ncosts = ["net", "gross"]\n[kinds]',
    )
    text = HEADER + f"2024-03-14,Buy,{ISIN},10,25,-251.5,,USD\n2024-03-15,Sell,{ISIN},10,25,248.5,,USD\n"
    rows = rows_of(preset, text, tmp_path)

    assert [(row.amount, row.costs) for row in rows if isinstance(row, Record)] == [
        (Decimal(250), Decimal("1.5"))
    ] * 2
    assert one_reason(preset, HEADER + f"2024-03-15,Sell,{ISIN},10,25,251,,USD\n", tmp_path) == (
        "`costs` is -1, a cost below 0"
    )


def test_a_factor_may_be_a_column_and_must_be_there(tmp_path: Path) -> None:
    preset = COLUMNS.replace('costs = "Fee"', 'costs = { header = "Fee", divided_by = "price" }')

    assert one_record(preset, HEADER + "2024-03-14,Custody,,,3,5,2,USD\n", tmp_path).costs == Decimal(
        "0.66666667"
    )
    assert "states none" in one_reason(preset, HEADER + "2024-03-14,Custody,,,,5,2,USD\n", tmp_path)


def test_units_and_cash_that_are_stated_are_held(tmp_path: Path) -> None:
    preset = COLUMNS.replace(
        "[kinds]", '[[rule]]\nwhen = { kind = "Position" }\nis = "HELD"\nset = { amount = "net" }\n[kinds]'
    )
    text = HEADER + f"2024-03-14,Position,{ISIN},7,,,,USD\n2024-03-14,Position,,,,-12.5,,USD\n"

    assert rows_of(preset, text, tmp_path) == [
        Held(2, "", date(2024, 3, 14), Hint(isin=ISIN, currency="USD"), "USD", Decimal(7)),
        Held(3, "", date(2024, 3, 14), None, "USD", Decimal("-12.5")),
    ]
