"""What presets make of lines that the brokers' samples do not have: each a line of our own in the broker's words."""

import csv
import io
from datetime import date
from pathlib import Path
from typing import Final

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
APPLE: Final = "US0378331005"


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


def buy_212(**more: str) -> dict[str, str]:
    return {
        "Action": "Market buy",
        "Time": "2024-08-01 09:05:00.789",
        "ISIN": "FR0000120073",
        "Ticker": "AI",
        "ID": "EOF1",
        "No. of shares": "20",
        "Price / share": "50",
        "Currency (Price / share)": "EUR",
        "Exchange rate": "1.25",
        "Total": "803.60",
        "Currency (Total)": "GBP",
        "Currency conversion fee": "1.20",
        "Currency (Currency conversion fee)": "GBP",
        **more,
    }


CASES: Final[list[tuple[str, dict[str, str], list[str]]]] = [
    # Costs that are stated in the currency of the price are within the total in the other.
    (
        "trading212",
        buy_212(**{"French transaction tax": "3.00", "Currency (French transaction tax)": "EUR"}),
        ["BUY 20 AI 800 +3.6 (tax 2.4) GBP"],
    ),
    (
        "trading212",
        buy_212(Action="Limit sell", **{"Finra fee": "0.05", "Currency (Finra fee)": "EUR"}),
        ["SELL 20 AI 804.84 +1.24 GBP"],
    ),
    (
        "trading212",
        {
            "Action": "Currency conversion",
            "Time": "2024-08-01 09:05:00",
            "Currency conversion from amount": "-100.00",
            "Currency (Currency conversion from amount)": "GBP",
            "Currency conversion to amount": "125.00",
            "Currency (Currency conversion to amount)": "USD",
        },
        ["FX 100 GBP -> 125 USD"],
    ),
    (
        "trading212",
        {
            "Action": "Dividend (Dividend)",
            "Time": "2024-08-01 09:05:00",
            "ISIN": APPLE,
            "Total": "0.85",
            "Currency (Total)": "USD",
            "Withholding tax": "0.15",
            "Currency (Withholding tax)": "USD",
        },
        [f"DIVIDEND {APPLE} 1 +0.15 (tax 0.15) USD"],
    ),
    (
        "bux",
        {
            "Transaction Time (CET)": "2023-05-05 11:38:06",
            "Transaction Type": "Cash Dividend",
            "Transaction Amount": "8.5",
            "Transaction Currency": "EUR",
            "Asset Id": "NL0011821202",
            "Dividend Currency": "EUR",
            "Dividend Tax Amount": "1.5",
        },
        ["DIVIDEND NL0011821202 10 +1.5 (tax 1.5) EUR"],
    ),
    (
        "avanza",
        {
            "Datum": "2024-01-02",
            "Typ av transaktion": "Värdepappersöverföring",
            "Värdepapper/beskrivning": "Apple",
            "Antal": "-3",
            "ISIN": APPLE,
        },
        [f"DELIVER 3 {APPLE} -"],
    ),
    (
        "bitvavo",
        {
            "Date": "2024-01-02",
            "Type": "withdrawal",
            "Currency": "BTC",
            "Amount": "-1",
            "Status": "Cancelled",
        },
        ["Skipped: a transaction that did not happen"],
    ),
    (
        "bitvavo",
        {"Date": "2024-01-02", "Type": "withdrawal", "Currency": "BTC", "Amount": "-1", "Status": "Pending"},
        ["Refused: is not completed, as `Status` says"],
    ),
    (
        "coinbase",
        {
            "ID": "a",
            "Timestamp": "2024-01-02 10:00:00 UTC",
            "Transaction Type": "Deposit",
            "Asset": "USD",
            "Quantity Transacted": "1,250.50",
            "Price Currency": "USD",
            "Price at Transaction": "$1.00",
            "Subtotal": "$1,250.50",
            "Total (inclusive of fees and/or spread)": "$1,250.50",
            "Fees and/or Spread": "$0.00",
        },
        ["DEPOSIT 1250.5 USD"],
    ),
    (
        "coinbase",
        {
            "ID": "a",
            "Timestamp": "2024-01-02 10:00:00 UTC",
            "Transaction Type": "Sell",
            "Asset": "BTC",
            "Quantity Transacted": "-0.5",
            "Price Currency": "EUR",
            "Price at Transaction": "€40,000.00",
            "Subtotal": "€20,000.00",
            "Total (inclusive of fees and/or spread)": "€19,900.00",
            "Fees and/or Spread": "€100.00",
        },
        ["SELL 0.5 BTC 20000 +100 EUR"],
    ),
    (
        "cryptocom",
        {
            "Timestamp (UTC)": "2024-01-02 10:00:00",
            "Transaction Description": "EUR -> BTC",
            "Currency": "EUR",
            "Amount": "-100.0",
            "To Currency": "BTC",
            "To Amount": "0.002",
            "Native Currency": "EUR",
            "Native Amount": "100.0",
            "Transaction Kind": "viban_purchase",
        },
        ["BUY 0.002 BTC 100 EUR"],
    ),
    (
        "cryptocom",
        {
            "Timestamp (UTC)": "2024-01-02 10:00:00",
            "Transaction Description": "Balance Conversion",
            "Currency": "USDT",
            "Amount": "-10.0",
            "Native Currency": "EUR",
            "Native Amount": "9.0",
            "Transaction Kind": "crypto_wallet_swap_debited",
        },
        ["Refused: its other half, the lines that belong to it, is missing"],
    ),
    (
        "delta",
        {
            "Date": "2024-01-02 10:00:00-04:00",
            "Way": "SELL",
            "Base amount": "5",
            "Base currency (name)": "AAPL",
            "Base type": "STOCK",
            "Quote amount": "1000",
            "Quote currency": "USD",
            "Fee amount": "1",
            "Fee currency (name)": "USD",
        },
        ["SELL 5 AAPL 1000 +1 USD"],
    ),
    (
        "disnat",
        {
            "Date de transaction": "-",
            "Date de règlement": "2025-07-09",
            "Type de transaction": "TRANSFERT REÇU",
            "Symbole": "XIC",
            "Quantité": "10",
            "Prix": "-",
            "Devise du prix": "CAN",
            "Commission payée": "0",
            "Devise du compte": "CAN",
        },
        ["RECEIVE 10 XIC - CAD"],
    ),
    (
        "freetrade",
        {
            "Type": "ORDER",
            "Timestamp": "2021-12-14T15:18:33.892Z",
            "Account Currency": "GBP",
            "Total Amount": "10.63",
            "Buy / Sell": "SELL",
            "Ticker": "TDUP",
            "Stamp Duty": "0.00",
            "Quantity": "1",
            "Instrument Currency": "USD",
            "Price per Share": "14.14",
            "FX Fee Amount": "0.05",
        },
        ["SELL 1 TDUP 10.68 +0.05 GBP"],
    ),
    (
        "ibkr_dividends",
        {
            "Type": "Withholding Tax",
            "SettleDate": "20230623",
            "ISIN": APPLE,
            "Amount": "5",
            "CurrencyPrimary": "USD",
        },
        [f"TAX_REFUND {APPLE} 5 USD"],
    ),
    (
        "ibkr_dividends",
        {
            "Type": "Dividends",
            "SettleDate": "20230623",
            "ISIN": APPLE,
            "Amount": "-5",
            "CurrencyPrimary": "USD",
        },
        ["Refused: `Amount` is -5, below 0, where a DIVIDEND brings cash in"],
    ),
    (
        "ibkr_trades",
        {
            "Buy/Sell": "SELL",
            "TradeDate": "20230522",
            "ISIN": APPLE,
            "Quantity": "-10",
            "TradePrice": "150",
            "TradeMoney": "-1500",
            "CurrencyPrimary": "USD",
            "IBCommission": "-1",
            "IBCommissionCurrency": "CHF",
            "Multiplier": "1",
        },
        [f"SELL 10 {APPLE} 1500 USD", f"FEE {APPLE} 1 CHF"],
    ),
    (
        "ibkr_trades",
        {
            "Buy/Sell": "BUY",
            "TradeDate": "20230522",
            "Symbol": "AAPL  230616C00150000",
            "AssetClass": "OPT",
            "Quantity": "1",
            "TradePrice": "5",
            "TradeMoney": "500",
            "CurrencyPrimary": "USD",
            "Multiplier": "100",
        },
        ["Refused: is an option or a future: book it by hand"],
    ),
    (
        "parqet",
        {
            "date": "02.08.2024",
            "price": "28,03",
            "shares": "10",
            "amount": "280,3",
            "tax": "0",
            "fee": "0",
            "type": "TransferIn",
            "assettype": "Crypto",
            "identifier": "BTC",
            "currency": "EUR",
        },
        ["RECEIVE 10 BTC 280.3 EUR"],
    ),
    (
        "rabobank",
        {
            "Datum": "08-02-2024",
            "Naam": "Fonds",
            "Type mutatie": "Koop Fondsen",
            "Valuta mutatie": "EUR",
            "Volume": "100",
            "Koers": "12,50",
            "Valuta koers": "EUR",
            "Valuta kosten €": "2,50",
            "Waarde": "1.250,00",
            "Bedrag": "-1.252,50",
        },
        ["BUY 100 Fonds 1250 +2.5 EUR"],
    ),
    (
        "saxo",
        {
            "Trade Date": "02-Jan-2025",
            "Value Date": "06-Jan-2025",
            "Type": "Trade",
            "Instrument ISIN": APPLE,
            "Instrument currency": "USD",
            "Event": "Sell 3 @ 139.74 USD",
            "Amount": "418,22",
            "Conversion Rate": "1",
        },
        [f"SELL 3 {APPLE} 419.22 +1 USD"],
    ),
    (
        "saxo",
        {
            "Trade Date": "02-Jan-2025",
            "Value Date": "06-Jan-2025",
            "Type": "Trade",
            "Instrument ISIN": APPLE,
            "Instrument currency": "USD",
            "Event": "Buy 3 @ 139.74 USD",
            "Amount": "-405,20",
            "Conversion Rate": "0.96",
        },
        [f"BUY 3 {APPLE} 405.2"],
    ),
    (
        "schwab",
        {
            "Date": "10/14/2024 as of 10/10/2024",
            "Action": "Buy to Open",
            "Symbol": "SPY 03/21/2025 500.00 C",
            "Amount": "-$1250.65",
        },
        ["Refused: is an option or a future: book it by hand"],
    ),
    (
        "schwab",
        {"Date": "10/14/2024", "Action": "Margin Interest", "Description": "INT", "Amount": "-$1,250.65"},
        ["INTEREST_PAID 1250.65 USD"],
    ),
    (
        "swissquote",
        {
            "Datum": "31-12-2025 15:57:09",
            "Auftrag #": "1",
            "Transaktionen": "Kauf",
            "ISIN": APPLE,
            "Anzahl": "1",
            "Stückpreis": "100.00",
            "Kosten": "1.00",
            "Aufgelaufene Zinsen": "0.00",
            "Nettobetrag": "-101.00",
            "Währung Nettobetrag": "USD",
            "Währung": "CHF",
        },
        [
            "Refused: is in one currency and settled in another: export the account by currency, or book it by hand"
        ],
    ),
    (
        "xtb",
        {
            "ID": "1",
            "Type": "Sprzedaż akcji/ETF",
            "Time": "02.05.2024 13:03:22",
            "Symbol": "CDR.PL",
            "Comment": "CLOSE BUY 1/2.5 @ 122.30",
            "Amount": "122.3",
        },
        ["SELL 1 CDR.PL 122.3"],
    ),
    (
        "xtb",
        {
            "ID": "1",
            "Type": "Stocks/ETF sale",
            "Time": "02.05.2024 13:03:22",
            "Symbol": "CDR.PL",
            "Comment": "CLOSE SELL 1 @ 122.30",
            "Amount": "122.3",
        },
        ["Refused: `Type` is 'Stocks/ETF sale', which no rule describes"],
    ),
]


@pytest.mark.parametrize(
    ("preset", "line", "expected"), CASES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_line(tmp_path: Path, preset: str, line: dict[str, str], expected: list[str]) -> None:
    assert [said(row) for row in read(tmp_path, preset, write(preset, line))] == expected


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
