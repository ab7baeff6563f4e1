"""Presets in other languages and versions than the samples have: texts of our own in the brokers' own words."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest

from steelyard.domain.transaction import TransactionKind
from steelyard.statements.broker_csv.reader import get_csv_readers
from steelyard.statements.recognition import choose_reader, open_source, read_statement
from steelyard.statements.record import Held, Record, Refused, Row, Skipped

K: Final = TransactionKind
Told = tuple[int, TransactionKind, str, str]
"""Line, kind, amount and currency."""


def read(folder: Path, text: str, encoding: str = "utf-8") -> tuple[str, list[Row]]:
    path = folder / "statement.csv"
    path.write_bytes(text.encode(encoding))
    with open_source(path) as source:
        reader = choose_reader(get_csv_readers(), source)
        return reader.name, list(read_statement(reader, source, today=date(2026, 11, 22)))


def told(rows: list[Row]) -> list[Told]:
    records = [row for row in rows if isinstance(row, Record)]
    return [(one.line, one.kind, f"{(one.amount or 0):f}", one.currency) for one in records]


# ── DEGIRO ──────────────────────────────────────────────────────────────────────────────────────────────

GERMAN: Final = """\
Datum,Uhrze,Valutadatum,Produkt,ISIN,Beschreibung,FX,Änderung,,Saldo,,Order-ID
03-08-2024,06:55,02-08-2024,,,Währungswechsel (Einbuchung),,EUR,"3,45",EUR,"1.552,27",
03-08-2024,06:55,02-08-2024,,,Währungswechsel (Ausbuchung),"1,1120",USD,"-3,84",USD,"0,00",
02-08-2024,06:09,02-08-2024,ACME,US0378331005,Dividende,,USD,"4,52",USD,"3,84",
02-08-2024,06:09,02-08-2024,ACME,US0378331005,Dividendensteuer,,USD,"-0,68",USD,"-0,68",
01-08-2024,10:28,01-08-2024,ACME,US0378331005,DEGIRO Transaktionsgebühren und/oder Fremdkosten,,EUR,"-2,00",EUR,,o1
01-08-2024,10:28,01-08-2024,ACME,US0378331005,"Kauf 1.200 zu je 2,5 EUR",,EUR,"-3.000,00",EUR,"1.550,82",o1
01-08-2024,09:00,01-08-2024,,,flatex Einzahlung,,EUR,"4.550,82",EUR,"4.550,82",
"""

ENGLISH: Final = """\
Date,Time,Value date,Product,ISIN,Description,FX,Change,,Balance,,Order Id
18-11-2024,00:00,18-11-2024,ACME,US0378331005,Dividend Tax,,USD,-0.15,USD,0.85,
18-11-2024,00:00,18-11-2024,ACME,US0378331005,Dividend,,USD,1.00,USD,1.00,
17-11-2024,09:01,17-11-2024,ACME,US0378331005,DEGIRO Transaction and/or third party fees,,EUR,-1.00,EUR,"12,202.60",o2
17-11-2024,09:01,17-11-2024,ACME,US0378331005,"Sell 1,000 ACME@12.2036 EUR",,EUR,"12,203.60",EUR,"12,203.60",o2
"""

FRENCH: Final = """\
Date,Heure,Date de,Produit,Code ISIN,Description,FX,Mouvements,,Solde,,ID Ordre
02-01-2025,10:00,02-01-2025,ACME,US0378331005,Achat 1 000 ACME@2,01 EUR (US0378331005),,EUR,"-2010,00",EUR,"90,00",o1
01-01-2025,10:01,01-01-2025,,,Opération de change - Crédit,,EUR,"100,00",EUR,"2100,00",
01-01-2025,10:01,01-01-2025,,,Opération de change - Débit,"1,05",USD,"-105,00",USD,"0,00",
01-01-2025,10:00,01-01-2025,,,Versement de fonds,,EUR,"2000,00",EUR,"2000,00",
""".replace("Achat 1 000 ACME@2,01 EUR (US0378331005)", '"Achat 1 000 ACME@2,01 EUR (US0378331005)"')

SPANISH: Final = """\
Fecha,Hora,Fecha valor,Producto,ISIN,Descripción,Tipo,Variación,,Saldo,,ID Orden
29-01-2026,15:34,29-01-2026,ACME,US0378331005,Retención del dividendo,,USD,"-1,50",USD,"8,50",
29-01-2026,15:33,29-01-2026,ACME,US0378331005,Dividendo,,USD,"10,00",USD,"10,00",
28-01-2026,15:33,28-01-2026,ACME,US0378331005,Venta 35 ACME@24 USD (US0378331005),,USD,"840,00",USD,"840,00",a
"""


def test_degiro_in_german(tmp_path: Path) -> None:
    name, rows = read(tmp_path, GERMAN)

    assert name == "degiro"
    assert sorted(told(rows)) == [
        (3, K.FX, "3.84", "USD"),
        (4, K.DIVIDEND, "4.52", "USD"),
        (5, K.TAX, "0.68", "USD"),
        (6, K.FEE, "2.00", "EUR"),
        (7, K.BUY, "3000.00", "EUR"),
        (8, K.DEPOSIT, "4550.82", "EUR"),
    ]
    buy = next(row for row in rows if isinstance(row, Record) and row.kind is K.BUY)
    assert (buy.quantity, buy.price) == (Decimal(1200), Decimal("2.5"))
    held = {row.currency: row.quantity for row in rows if isinstance(row, Held)}
    assert held == {"EUR": Decimal("1552.27"), "USD": 0}


def test_degiro_in_english(tmp_path: Path) -> None:
    name, rows = read(tmp_path, ENGLISH)

    assert name == "degiro"
    assert told(rows) == [
        (2, K.TAX, "0.15", "USD"),
        (3, K.DIVIDEND, "1.00", "USD"),
        (4, K.FEE, "1.00", "EUR"),
        (5, K.SELL, "12203.60", "EUR"),
    ]
    sale = next(row for row in rows if isinstance(row, Record) and row.kind is K.SELL)
    assert (sale.quantity, sale.price) == (Decimal(1000), Decimal("12.2036"))


def test_degiro_in_french(tmp_path: Path) -> None:
    name, rows = read(tmp_path, FRENCH)

    assert name == "degiro"
    assert sorted(told(rows)) == [
        (2, K.BUY, "2010.00", "EUR"),
        (4, K.FX, "105.00", "USD"),
        (5, K.DEPOSIT, "2000.00", "EUR"),
    ]
    buy = next(row for row in rows if isinstance(row, Record) and row.kind is K.BUY)
    assert (buy.quantity, buy.price) == (Decimal(1000), Decimal("2.01"))


def test_degiro_in_spanish(tmp_path: Path) -> None:
    name, rows = read(tmp_path, SPANISH)

    assert name == "degiro"
    assert told(rows) == [
        (2, K.TAX, "1.50", "USD"),
        (3, K.DIVIDEND, "10.00", "USD"),
        (4, K.SELL, "840.00", "USD"),
    ]


def test_degiro_exchanges_of_one_minute_are_not_mixed(tmp_path: Path) -> None:
    head = "Date,Time,Value date,Product,ISIN,Description,FX,Change,,Balance,,Order Id\n"
    lines = [
        "03-08-2024,06:55,02-08-2024,,,FX Credit,,EUR,3.45,EUR,10.00,",
        "03-08-2024,06:55,02-08-2024,,,FX Debit,1.112,USD,-3.84,USD,0.00,",
        "03-08-2024,06:55,02-08-2024,,,FX Debit,,EUR,5.00,EUR,6.55,",  # they call both halves a debit at times
        "03-08-2024,06:55,02-08-2024,,,FX Debit,1.5,CAD,-7.50,CAD,0.00,",
    ]

    _, rows = read(tmp_path, head + "\n".join(lines) + "\n")

    exchanges = [row for row in rows if isinstance(row, Record)]
    assert [(one.amount, one.currency, one.counter_amount) for one in exchanges] == [
        (Decimal("3.84"), "USD", Decimal("3.45")),
        (Decimal("7.50"), "CAD", Decimal("5.00")),
    ]


def test_degiro_exchanges_of_one_minute_that_nothing_tells_apart_are_refused(tmp_path: Path) -> None:
    head = "Date,Time,Value date,Product,ISIN,Description,FX,Change,,Balance,,Order Id\n"
    lines = [
        "03-08-2024,06:55,02-08-2024,,,FX Credit,,EUR,3.45,EUR,10.00,",
        "03-08-2024,06:55,02-08-2024,,,FX Credit,,EUR,5.00,EUR,6.55,",
        "03-08-2024,06:55,02-08-2024,,,FX Debit,1.112,USD,-3.84,USD,0.00,",
        "03-08-2024,06:55,02-08-2024,,,FX Debit,1.5,CAD,-7.50,CAD,0.00,",
        "03-08-2024,06:54,02-08-2024,,,FX Credit,,EUR,3.00,EUR,1.55,",
        "03-08-2024,06:54,02-08-2024,,,FX Debit,1.1,USD,-3.30,USD,0.00,",
    ]

    _, rows = read(tmp_path, head + "\n".join(lines) + "\n")

    assert sorted(row.line for row in rows if isinstance(row, Refused)) == [2, 3, 4, 5]
    assert told(rows) == [(7, K.FX, "3.30", "USD")]


@pytest.mark.parametrize(
    "text",
    [
        "AKTIENSPLIT: Kauf 20 zu je 23.4 USD (US0378331005)",
        "ISIN-ÄNDERUNG: Verkauf 1\u2019400 zu je 25.42 USD (US0378331005)",
        "STOCK SPLIT: Buy 20 ACME@23.4 USD (US0378331005)",
    ],
)
def test_degiro_corporate_actions_are_no_trades(tmp_path: Path, text: str) -> None:
    head = "Date,Time,Value date,Product,ISIN,Description,FX,Change,,Balance,,Order Id\n"

    _, rows = read(
        tmp_path, f"{head}03-08-2024,06:55,02-08-2024,ACME,US0378331005,{text},,USD,-468.00,USD,0.00,\n"
    )

    refused = [row for row in rows if not isinstance(row, Held)]
    assert len(refused) == 1
    assert isinstance(refused[0], Refused)
    assert "corporate action" in refused[0].why


# ── Swissquote ──────────────────────────────────────────────────────────────────────────────────────────

SWISSQUOTE: Final = """\
Datum;Auftrag #;Transaktionen;Symbol;Name;ISIN;Anzahl;Stückpreis;Kosten;Aufgelaufene Zinsen;Nettobetrag;Saldo;Währung
31-12-2025 15:57:09;00000000;Dividende;VWRD;VANGUARD;IE00B3RBWM25;1.0;43.67;0.00;0.00;43.67;143.67;USD
30-12-2025 12:00:25;114723639;Forex-Gutschrift;;;;1.0;1995.39;0.00;0.00;1995.39;2937.32;EUR
30-12-2025 12:00:25;114723639;Forex-Belastung;;;;1.0;2000.00;0.00;0.00;-2000.00;100.00;USD
29-12-2025 10:00:00;114723638;Kauf;VWRD;VANGUARD;IE00B3RBWM25;10.0;100.00;5.00;0.00;-1005.00;2100.00;USD
28-12-2025 10:00:00;00000000;Depotgebühren;;;;1.0;50.00;0.00;0.00;-50.00;3105.00;USD
27-12-2025 10:00:00;114723637;Kauf;BOND;A BOND;CH0012032048;10.0;99.00;5.00;3.00;-998.00;3155.00;USD
"""


def test_swissquote_in_german_and_its_encoding(tmp_path: Path) -> None:
    name, rows = read(tmp_path, SWISSQUOTE, "cp1252")

    assert name == "swissquote"
    assert told(rows) == [
        (2, K.DIVIDEND, "43.67", "USD"),
        (4, K.FX, "2000.00", "USD"),
        (5, K.BUY, "1000.00", "USD"),
        (6, K.FEE, "50.00", "USD"),
    ]
    assert [row.line for row in rows if isinstance(row, Skipped)] == [3]
    assert [row.line for row in rows if isinstance(row, Refused)] == [7]  # a bond with accrued interest


# ── Trade Republic, as pytr writes it ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("head", "buy", "interest"),
    [
        ("Datum;Typ;Wert;Notiz;ISIN;Stück;Gebühren;Steuern;ISIN2;Stück2", "Kauf", "Zinsen"),
        ("Date;Type;Value;Note;ISIN;Shares;Fees;Taxes", "Buy", "Interest"),
        ("Date;Type;Valeur;Note;ISIN;Parts;Frais;Impôts / Taxes", "Achat", "Intérêts"),
        ("Data;Tipo;Valore;Note;ISIN;Azioni;Commissioni;Tasse", "Compra", "Interessi"),
        ("Fecha;Tipo;Valor;Nota;ISIN;Cantidad;Comisiones;Impuestos", "Compra", "Intereses"),
        ("Dato;Type;Værdi;Bemærkning;ISIN;Aktier;Gebyrer;Skatter", "Køb", "Renteindtægter"),
        ("Data;Typ;Wartość;Uwaga;ISIN;Akcje;Opłaty;Podatki", "Kupno", "Odsetki"),
    ],
)
def test_trade_republic_in_many_languages(tmp_path: Path, head: str, buy: str, interest: str) -> None:
    more = ";;" if head.endswith("2") else ""
    trade = f"2024-12-02T11:30:27;{buy};-690,25;Krka;SI0031102120;5;-1,0;{more}"
    income = f"2024-12-01;{interest};1.25;;;;;-0.25{more}"

    name, rows = read(tmp_path, f"{head}\n{trade}\n{income}\n")

    assert name == "traderepublic"
    assert told(rows) == [(2, K.BUY, "689.25", ""), (3, K.INTEREST, "1.50", "")]
    assert [(row.costs, row.tax) for row in rows if isinstance(row, Record)] == [
        (1, 0),
        (Decimal("0.25"), Decimal("0.25")),
    ]


# ── Trading 212 ─────────────────────────────────────────────────────────────────────────────────────────


def test_trading_212_with_the_currency_in_the_header(tmp_path: Path) -> None:
    head = (
        "Action,Time,ISIN,Ticker,Name,No. of shares,Price / share,Currency (Price / share),Exchange rate,"
        "Result (GBP),Total (GBP),Withholding tax,Currency (Withholding tax),Stamp duty reserve tax (GBP),Notes,ID\n"
    )
    line = "Limit buy,2022-01-26 15:40:51,GB0002374006,DGE,Diageo,10,3700,GBX,100,,371.85,,,1.85,,EOF1\n"

    name, rows = read(tmp_path, head + line)

    assert name == "trading212"
    assert told(rows) == [(2, K.BUY, "370.00", "GBP")]
    (buy,) = (row for row in rows if isinstance(row, Record))
    assert (buy.costs, buy.price, buy.asset and buy.asset.currency) == (Decimal("1.85"), Decimal(37), "GBX")
