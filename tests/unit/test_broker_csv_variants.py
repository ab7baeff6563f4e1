"""Lines that the brokers' samples do not have, and what presets make of them: most are in broker_csv_variants.toml."""

import csv
import io
import tomllib
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from steelyard.statements.broker_csv.reader import get_csv_readers
from steelyard.statements.recognition import choose_reader, open_source, read_statement
from steelyard.statements.record import Record, Refused, Row, Skipped

HEADERS: Final = {
    "avanza": "Datum;Konto;Typ av transaktion;Värdepapper/beskrivning;Antal;Kurs;Belopp;Transaktionsvaluta;"
    "Courtage (SEK);Valutakurs;Instrumentvaluta;ISIN;Resultat",
    "bitvavo": "Timezone,Date,Time,Type,Currency,Amount,Quote Currency,Quote Price,Received / Paid Currency,"
    "Received / Paid Amount,Fee currency,Fee amount,Status,Transaction ID,Address",
    "bux": "Transaction Time (CET),Transaction Category,Transaction Type,Transfer Type,Transaction Amount,"
    "Transaction Currency,Cash Balance Amount,Asset Id,Asset Name,Asset Quantity,Asset Price,Asset Currency,"
    "Currency Pair,Exchange Rate,Profit And Loss Amount,Profit And Loss Currency,Dividend Currency,"
    "Dividend Gross Amount,Dividend Net Amount,Dividend Tax Amount,Transaction Description",
    "coinbase": "ID,Timestamp,Transaction Type,Asset,Quantity Transacted,Price Currency,Price at Transaction,"
    "Subtotal,Total (inclusive of fees and/or spread),Fees and/or Spread,Notes",
    "cryptocom": "Timestamp (UTC),Transaction Description,Currency,Amount,To Currency,To Amount,Native Currency,"
    "Native Amount,Native Amount (in USD),Transaction Kind,Transaction Hash",
    "delta": "Date,Way,Base amount,Base currency (name),Base type,Quote amount,Quote currency,Exchange,"
    "Sent/Received from,Sent to,Fee amount,Fee currency (name),Broker,Notes",
    "disnat": "Date de transaction,Date de règlement,Type de transaction,Classe d'actif,Symbole,Description,"
    "Marché,Quantité,Prix,Devise du prix,Commission payée,Montant de l'opération,Devise du compte",
    "freetrade": "Title,Type,Timestamp,Account Currency,Total Amount,Buy / Sell,Ticker,ISIN,"
    "Price per Share in Account Currency,Stamp Duty,Quantity,Venue,Order ID,Order Type,Instrument Currency,"
    "Total Shares Amount,Price per Share,FX Rate,Base FX Rate,FX Fee (BPS),FX Fee Amount,"
    "Dividend Withheld Tax Amount",
    "ibkr_dividends": "Type,SettleDate,ISIN,Description,Amount,CurrencyPrimary",
    "ibkr_trades": "Buy/Sell,TradeDate,ISIN,Quantity,TradePrice,TradeMoney,CurrencyPrimary,IBCommission,"
    "IBCommissionCurrency,Symbol,AssetClass,Multiplier",
    "parqet": "datetime;date;time;price;shares;amount;tax;fee;realizedgains;type;broker;assettype;identifier;"
    "wkn;originalcurrency;currency;fxrate;holding;holdingname;holdingnickname;exchange;avgholdingperiod",
    "rabobank": "Portefeuille;Naam;Datum;Type mutatie;Valuta mutatie;Volume;Koers;Valuta koers;"
    "Valuta kosten €;Waarde;Bedrag;Isin code;Tijd;Beurs",
    "saxo": "Client ID,Trade Date,Value Date,Type,Instrument,Instrument ISIN,Instrument currency,"
    "Exchange Description,Instrument Symbol,Event,Amount,Order ID,Conversion Rate",
    "schwab": "Date,Action,Symbol,Description,Quantity,Price,Fees & Comm,Amount",
    "swissquote": "Datum;Auftrag #;Transaktionen;Symbol;Name;ISIN;Anzahl;Stückpreis;Kosten;"
    "Aufgelaufene Zinsen;Nettobetrag;Währung Nettobetrag;Saldo;Währung",
    "trading212": "Action,Time,ISIN,Ticker,Name,Notes,ID,No. of shares,Price / share,Currency (Price / share),"
    "Exchange rate,Total,Currency (Total),Withholding tax,Currency (Withholding tax),French transaction tax,"
    "Currency (French transaction tax),Finra fee,Currency (Finra fee),Currency conversion from amount,"
    "Currency (Currency conversion from amount),Currency conversion to amount,"
    "Currency (Currency conversion to amount),Currency conversion fee,Currency (Currency conversion fee)",
    "xtb": "ID;Type;Time;Symbol;Comment;Amount",
}
CASES: Final = tomllib.loads(
    Path(__file__).with_name("broker_csv_variants.toml").read_text(encoding="utf-8")
)["case"]


def write(preset: str, *lines: dict[str, str]) -> str:
    """Write lines under the header of a preset; cells that are not said are empty."""
    header = HEADERS[preset]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    names = header.split(delimiter)
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def read(folder: Path, preset: str, text: str) -> list[Row]:
    path = folder / "statement.csv"
    path.write_text(text, encoding="utf-8")
    with open_source(path) as source:
        reader = choose_reader(get_csv_readers(), source)
        assert reader.name == preset
        return list(read_statement(reader, source, today=date(2026, 11, 22)))


def said(row: Row) -> str:
    """Tell a row in one line: what it is, of what, and its money."""
    match row:
        case Record():
            asset = row.asset and (row.asset.symbol or row.asset.isin or row.asset.name)
            units = f"{row.quantity.normalize():f} {asset}" if row.quantity else asset or ""
            amount = "-" if row.amount is None else f"{row.amount.normalize():f}"
            more = f" +{row.costs.normalize():f}" if row.costs else ""
            more += f" (tax {row.tax.normalize():f})" if row.tax else ""
            other = (
                f" -> {row.counter_amount.normalize():f} {row.counter_currency}" if row.counter_amount else ""
            )
            return " ".join(f"{row.kind} {units} {amount}{more} {row.currency}{other}".split())
        case Refused() | Skipped():
            return f"{type(row).__name__}: {row.why}"
    return type(row).__name__


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["preset"])
def test_a_line(tmp_path: Path, case: dict[str, Any]) -> None:
    rows = read(tmp_path, case["preset"], write(case["preset"], case["line"]))

    assert [said(row) for row in rows] == case["said"]


def test_the_units_of_a_redemption_stand_on_a_line_of_their_own(tmp_path: Path) -> None:
    lines = (
        {"Date": "03/02/2021", "Action": "Full Redemption Adj", "Symbol": "912828YW8", "Quantity": "-1,000"},
        {"Date": "03/02/2021", "Action": "Full Redemption", "Symbol": "912828YW8", "Amount": "$1,000.00"},
    )

    rows = read(tmp_path, "schwab", write("schwab", *lines))

    assert sorted(said(row) for row in rows) == [
        "REDEMPTION 1000 912828YW8 1000 USD",
        "Skipped: part of line 3",
    ]


# ── CoinTracking, whose columns share one name ──────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('"Trade","1","BTC","500","USD","0.1","BNB"', "BUY 1 BTC 500 USD"),
        ('"Trade","500","USD","1","BTC","0.01","BTC"', "SELL 1 BTC 500 USD"),
        ('"Trade","90","EUR","100","USD","",""', "FX 100 USD -> 90 EUR"),
        ('"Deposit","90","EUR","","","",""', "DEPOSIT 90 EUR"),
        ('"Other Fee","","","0.1","BNB","",""', "DELIVER 0.1 BNB -"),
        ('"Trade","1","BTC","15","ETH","",""', "Refused: swaps one coin for another"),
    ],
)
def test_cointracking(tmp_path: Path, line: str, expected: str) -> None:
    head = '"Type","Buy","Cur.","Sell","Cur.","Fee","Cur.","Exchange","Group","Comment","Date","Tx-ID"'

    (row,) = read(tmp_path, "cointracking", f'{head}\n{line},"","","","2025-01-01 10:12:27",""\n')

    assert said(row).startswith(expected)


# ── Investimental, whose orders say what remains of them ────────────────────────────────────────────────

ORDERS: Final = (
    "Order ID,Side,Exchange,Symbol,Price,Volume,Value,Fee,Account ID,Account Name,Last Trade Ticket,Status,"
    "Update Type,Update Time\n"
)


def order(which: str, left: str, state: str) -> str:
    """Write a line of an order: its number and side, the volume, value and fee that are left, and what happened."""
    number, side = which.split(",")
    status, event = state.split(",")
    told = f"{number},{side},BVB,TLV,2.00,{left},A1,NAME [RON],7,{status},{event}"
    return f"{told},2024-03-05 10:15:40\n"


def test_fills_of_two_orders_are_not_mixed(tmp_path: Path) -> None:
    text = ORDERS + "".join(
        [
            order("1,Buy", "100,200.00,1.00", "Active,New"),
            order("2,Sell", "50,100.00,0.50", "Active,New"),
            order("1,Buy", "60,120.00,0.60", "Active,Fil"),
            order("2,Sell", "50,0.00,0.00", "Inactive,Fil"),
            order("1,Buy", "60,0.00,0.00", "Inactive,Fil"),
        ]
    )

    rows = [said(row) for row in read(tmp_path, "investimental", text) if isinstance(row, Record)]

    assert rows == ["BUY 40 TLV 80 +0.4 RON", "SELL 50 TLV 100 +0.5 RON", "BUY 60 TLV 120 +0.6 RON"]


def test_a_fill_whose_order_began_earlier_is_refused(tmp_path: Path) -> None:
    text = ORDERS + order("1,Sell", "60,120.00,0.60", "Active,Fil")

    (row,) = read(tmp_path, "investimental", text)

    assert said(row).startswith("Refused: fills an order whose earlier lines are not in the file")
