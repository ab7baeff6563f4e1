"""Presets against lines that no sample has: what they must refuse, and what stands beside what the samples show."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from steelyard.statements.broker_csv.reader import get_csv_readers
from steelyard.statements.recognition import choose_reader, open_source, read_statement
from steelyard.statements.record import Held, Record, Refused, Row

TODAY: Final = date(2026, 11, 22)

HARGREAVES: Final = "Trade date,Settle date,Reference,Description,Unit cost (p),Quantity,Value (£)"
TRADE_REPUBLIC: Final = (
    "datetime,date,account_type,category,type,asset_class,name,symbol,shares,price,amount,fee,tax,currency,"
    "original_amount,original_currency,fx_rate,description,transaction_id"
)
FIDELITY: Final = (
    "Run Date,Account,Account Number,Action,Symbol,Description,Type,Exchange Quantity,Exchange Currency,Currency,"
    "Price,Quantity,Exchange Rate,Commission,Fees,Accrued Interest,Amount,Settlement Date"
)
IBKR: Final = (
    "Transaction History,Header,Date,Account,Description,Transaction Type,Symbol,Quantity,Price,Gross Amount ,"
    "Commission,Net Amount"
)
VANGUARD: Final = "Date,Details,Amount,Balance"
RELEASES: Final = (
    "Vest Date,Order Number,Plan,Type,Status,Price,Quantity,Net Cash Proceeds,Net Share Proceeds,"
    "Tax Payment Method"
)
WITHDRAWALS: Final = (
    "Execution Date,Order Number,Plan,Type,Order Status,Price,Quantity,Net Amount,Net Share Proceeds,"
    "Tax Payment Method"
)
NET_SHARES: Final = (
    "Date,Order Number,Plan,Type,Order Status,Price,Quantity,Net Share Proceeds,Net Share Proceeds,"
    "Tax Payment Method"
)
GHOSTFOLIO: Final = "Date,Code,DataSource,Currency,Price,Quantity,Action,Fee,Note"
CGT_CALC: Final = "date,action,symbol,quantity,price,fees,currency"
WEALTHFOLIO: Final = (
    "date,symbol,instrumentType,quantity,activityType,unitPrice,currency,fee,amount,fxRate,subtype"
)
RELEVE: Final = "Date d'opération;Date de valeur;Opération;ISIN;Libellé;Quantité;Cours;Montant;Frais;Devise"
INCOME: Final = "Code,Name,Date Paid,Net Dividend,Tax Deducted,Tax Credit,Gross Dividend,Comments"
TR: Final = "2026-01-05T10:00:00Z,2026-01-05,DEFAULT"
TR_END: Final = "EUR,,,,,t1"
FID: Final = "12/04/2025,A,1"
FID_MID: Final = "Cash,0,,USD"
CHECKING: Final = "Date,Status,Type,CheckNumber,Description,Withdrawal,Deposit,RunningBalance"


def read(folder: Path, lines: Sequence[str]) -> list[Row]:
    path = folder / "statement.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    with open_source(path) as source:
        reader = choose_reader(get_csv_readers(), source)
        return list(read_statement(reader, source, today=TODAY))


def say(row: Row) -> str:
    """Say a row in short: `BUY 10 for 100 + 1` or the reason why it is none."""
    if isinstance(row, Record):
        units = f" {row.quantity.normalize():f}" if row.quantity else ""
        amount = "nothing" if row.amount is None else f"{row.amount.normalize():f}"
        return f"{row.kind}{units} for {amount}" + (f" + {row.costs.normalize():f}" if row.costs else "")
    return str(getattr(row, "why", row))


@pytest.mark.parametrize(
    ("header", "line", "said"),
    [
        (HARGREAVES, "04/02/2026,06/02/2026,B1,Fund 20 @ 100.00,100.00,20,-31.95", "BUY 20 for 20 + 11.95"),
        (HARGREAVES, "04/02/2026,06/02/2026,S1,Fund 10 @ 900.00,900.00,10,78.05", "SELL 10 for 90 + 11.95"),
        (HARGREAVES, "04/02/2026,04/02/2026,FPC,To the bank,n/a,n/a,-50.00", "WITHDRAWAL for 50"),
        (FIDELITY, f"{FID},YOU BOUGHT BILL (Cash),912797AB1,BILL 0.00000% 01/15/2026,{FID_MID},98.5,1000,0,,,,-985,",
         "BUY 1000 for 985"),
        (FIDELITY, f"{FID},YOU SOLD BOND (Cash),412003AD7,BOND 5.00000% 05/01/2050,{FID_MID},90,-1000,0,,,10,910,",
         "SELL 1000 for 900"),
        (TRADE_REPUBLIC, f"{TR},CASH,CARD_TRANSACTION,,,,,,12.00,,,EUR,,,,Back,t1",
         "DEPOSIT for 12"),
        (RELEASES, '16-Jul-2022,N/A,GSU Class C,Release,Complete,"$1,100.00",20.000,$0.00,10.0,N/A',
         "RECEIVE 10 for 11000"),
        (WITHDRAWALS, "01-Apr-2025,N/A,GSU Class C,Sale,Cancelled,$100.00,-2,$0.00,0,N/A",
         "an order that was cancelled"),
        (GHOSTFOLIO, "01-09-2021,US5949181045,YAHOO,USD,10,5,sell,1,", "SELL 5 for 50 + 1"),
        (GHOSTFOLIO, "01-09-2021,Savings,MANUAL,USD,0.5,4,interest,0,", "INTEREST for 2"),
        (CGT_CALC, "2024-06-15,TRANSFER_TO_SPOUSE,FOO,40,10.00,0.00,GBP", "DELIVER 40 for 400"),
        (CGT_CALC, "2024-06-15,TRANSFER_FROM_SPOUSE,FOO,40,0.00,0.00,GBP", "RECEIVE 40 for nothing"),
        (CHECKING, "07/31/2022,Pending,ACH,,To somebody,$2.00,,", "not posted yet"),
        (FIDELITY, f"{FID},YOU SOLD BILL (Cash),912797AB1,BILL 0.000% 01/15/2026,{FID_MID},98.5,-1000,0,1,0.5,,983.5,",
         "SELL 1000 for 985 + 1.5"),
        (IBKR, "Transaction History,Data,2025-03-15,U1,Paid,Debit Interest,-,-,-,-2.5,-,-2.5", "INTEREST_PAID for 2.5"),
        (IBKR, "Transaction History,Data,2025-03-15,U1,Out,Withdrawal,-,-,-,-25.0,-,-25.0", "WITHDRAWAL for 25"),
        (IBKR, "Transaction History,Data,2025-03-15,U1,Data,Other Fee,-,-,-,-1.5,-,-1.5", "FEE for 1.5"),
        (CHECKING, "07/31/2022,Posted,ATMREBATE,,Rebate,,$0.50,$2.00", "FEE_REFUND for 0.5"),
        (INCOME, "FOO.ASX,Foo,10/11/2020,3.00,1.00,0.00,4.00,", "DIVIDEND for 4 + 1"),
        (RELEVE, "05/03/2024;07/03/2024;Prélèvement;;;;;-1.200,00;;EUR", "WITHDRAWAL for 1200"),
        (CHECKING, "07/31/2022,Posted,INTADJUST,,Interest,$0.50,,$2.00", "INTEREST_PAID for 0.5"),
    ],
)  # fmt: skip
def test_a_line_beside_what_the_samples_show_is_read(
    tmp_path: Path, header: str, line: str, said: str
) -> None:
    assert say(read(tmp_path, [header, line])[0]) == said


@pytest.mark.parametrize(
    ("header", "line", "why"),
    [
        (HARGREAVES, "04/02/2026,06/02/2026,B1,Fund 10 @ 1.00,1.00,10,-21.95", "too far apart"),
        (HARGREAVES, "04/02/2026,06/02/2026,B1,Fund 10 @ 900.00,900.00,10,-78.05", "below 0"),
        (HARGREAVES, "04/02/2026,06/02/2026,REORG,Fund,n/a,n/a,5.00", "`Reference` is 'REORG'"),
        (TRADE_REPUBLIC, f"{TR},CORPORATE_ACTION,REDEMPTION,BOND,B,DE0001141794,-2,1,,,,{TR_END}",
         "no line of the file says for how much"),
        (TRADE_REPUBLIC, f"{TR},TRADING,BUY,STOCK,A,US0378331005,2,10,20.00,,,{TR_END}",
         "above 0"),
        (TRADE_REPUBLIC, f"{TR},CASH,EARNINGS,FUND,F,FR0010261198,2,,1.00,,-0.10,{TR_END}",
         "`type` is 'EARNINGS'"),
        (FIDELITY, f"{FID},YOU BOUGHT OPENING TRANSACTION CALL (AAPL),-AAPL260116C200,CALL,{FID_MID},5,1,0,,,,-500,",
         "an option"),
        (FIDELITY, f"{FID},YOU BOUGHT FUND (Cash),31617E471,A POOL,{FID_MID},98.5,1000,0,,,,-985,", "×"),
        (IBKR, "Transaction History,Data,2025-03-15,U1,A,Buy,SPY   250321C00500000,1,12.5,-1250.0,-1.0,-1251.0",
         "an option"),
        (IBKR, "Transaction History,Data,2025-03-15,U1,Fund,Buy,SPY,1,12.5,-1250.0,-1.0,-1351.0", "says 1350"),
        (VANGUARD, "29/07/2022,Reversal of DIV: FOO.XLON.GB @ GBP 0.31,-170.83,523", "not there"),
        (VANGUARD, "29/07/2022,Transfer of stock,-170.83,523", "`Details` is 'Transfer of stock'"),
        (RELEASES, "15-Jul-2022,N/A,GSU Class C,Release,Complete,$100.00,20.000,$0.00,10.0,N/A", "split"),
        (RELEASES, "16-Jul-2022,N/A,GSU Class C,Release,Pending,$100.00,20.000,$0.00,10.0,N/A", "'Pending'"),
        (WITHDRAWALS, '01-Apr-2025,N/A,GSU Class C,Sale,Complete,$100.00,-2,"$20,000.00",0,N/A', "too far apart"),
        (WITHDRAWALS, "01-Apr-2025,N/A,GSU Class C,Sale,Pending,$100.00,-2,$200.00,0,N/A", "'Pending'"),
        (NET_SHARES, "01-Apr-2025,N/A,GSU Class C,Released Shares,Pending,$100.00,2,$0.00,0,N/A", "'Pending'"),
        (GHOSTFOLIO, "01-09-2021,My house,YAHOO,USD,10,5,buy,1,", "`Code` is 'My house'"),
        (GHOSTFOLIO, "30-02-2021,MSFT,YAHOO,USD,10,5,buy,1,", "30-02-2021"),
        (GHOSTFOLIO, "01-09-2021,MSFT,YAHOO,USD,-10,5,buy,1,", "below 0"),
        (CGT_CALC, "2024-06-15,TRANSFER,FOO,40,10.00,0.00,GBP", "`action` is 'TRANSFER'"),
        (WEALTHFOLIO, "2024-02-15,,,1,DEPOSIT,1,USD,0,-1000.00,,", "below 0"),
        (WEALTHFOLIO, "2024-02-15,,,1,DEPOSIT,1,USD,0,,,", "no amount"),
        (WEALTHFOLIO, "2024-02-15,,,1,WITHDRAWAL,1,USD,0,,,", "no amount"),
        (WEALTHFOLIO, "2024-02-15,,,1,INTEREST,1,USD,0,,,", "no amount"),
        (WEALTHFOLIO, "2024-02-15,MSFT,EQUITY,10,BUY,38.05,USD,0,380500,,", "×"),
        (INCOME, "FOO.ASX,Foo,10/11/2020,3.00,0.00,1.00,4.00,", "tax credit"),
        (INCOME, "FOO.ASX,Foo,10/11/2020,30.00,1.00,0.00,4.00,", "says 31"),
        (CHECKING, "07/31/2022,Posted,BARTER,,A goat,$2.00,,", "`Type` is 'BARTER'"),
    ],
)  # fmt: skip
def test_what_nobody_described_is_refused(tmp_path: Path, header: str, line: str, why: str) -> None:
    (row,) = (row for row in read(tmp_path, [header, line]) if not isinstance(row, Held))
    assert isinstance(row, Refused)
    assert why in row.why


def test_a_reversal_takes_back_what_was_paid_on_its_own_day_only(tmp_path: Path) -> None:
    paid, back = "DIV: FOO.XLON.GB @ GBP 0.31,170.83,", "Reversal of DIV: FOO.XLON.GB @ GBP 0.31,-170.83,"
    same = read(tmp_path, [VANGUARD, f"29/07/2022,{paid}", f"29/07/2022,{back}"])
    later = read(tmp_path, [VANGUARD, f"29/07/2022,{paid}", f"30/07/2022,{back}"])
    assert sorted(say(row) for row in same) == ["part of line 3", "takes back a dividend of the same day"]
    assert [say(row) for row in later if isinstance(row, Record)] == ["DIVIDEND for 170.83"]


def test_units_and_cash_of_a_redemption_are_one_booking(tmp_path: Path) -> None:
    bond = "2026-01-05T10:00:00Z,2026-01-0{},DEFAULT,{},{},BOND,B,DE0001141794,{},,{},,,EUR,,,,,t{}"
    rows = read(
        tmp_path,
        [
            TRADE_REPUBLIC,
            bond.format(5, "CORPORATE_ACTION", "FINAL_MATURITY", -20, "", 1),
            bond.format(6, "CASH", "FINAL_MATURITY", 20, 20.5, 2),
        ],
    )
    assert sorted(say(row) for row in rows) == ["REDEMPTION 20 for 20.5", "part of line 3"]
