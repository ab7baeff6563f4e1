"""Files of Portfolio Performance: what its rows become, and what is refused."""

import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from portfolio_performance_text import (
    PORTFOLIO,
    PURCHASE,
    cash,
    client,
    records_of,
    rows_of,
)
from steelyard.domain.transaction import TransactionKind
from steelyard.statements.port import StatementError
from steelyard.statements.portfolio_performance import PortfolioPerformance
from steelyard.statements.recognition import open_source, read_statement
from steelyard.statements.record import Hint, Record, Refused, Skipped

SAP = Hint(isin="DE0007164600", symbol="SAP.DE", name="Sap AG", currency="EUR")
SECURITY = '<security reference="../../../../../securities/security"/>'
OTHER = "<account><uuid>a2</uuid><name>Other</name><transactions>{}</transactions></account>"
DELIVERIES = """<portfolio><uuid>p2</uuid><name>Depot</name><transactions>
  <portfolio-transaction><uuid>in</uuid><date>2024-01-05T00:00</date><currencyCode>EUR</currencyCode>
    <amount>50500</amount><security reference="../../../../../securities/security"/><shares>500000000</shares>
    <units><unit type="FEE"><amount currency="EUR" amount="500"/></unit></units>
    <type>DELIVERY_INBOUND</type></portfolio-transaction>
  <portfolio-transaction><uuid>out</uuid><date>2024-01-06T00:00</date><currencyCode>EUR</currencyCode>
    <amount>12345</amount><security reference="../../../../../securities/security"/><shares>12345678</shares>
    <type>DELIVERY_OUTBOUND</type></portfolio-transaction></transactions></portfolio>"""


def transfer(out_amount: str, in_amount: str, in_currency: str = "EUR") -> str:
    """A file with cash sent from the account to another."""
    entry = f"""
      <crossEntry class="account-transfer">
        <accountFrom reference="../../../.."/><transactionFrom reference="../.."/>
        <accountTo><uuid>a2</uuid><name>Other</name><transactions>
          <account-transaction><uuid>arrives</uuid><date>2024-05-02T00:00</date>
            <currencyCode>{in_currency}</currencyCode><amount>{in_amount}</amount>
            <crossEntry class="account-transfer" reference="../../../.."/><shares>0</shares>
            <type>TRANSFER_IN</type></account-transaction></transactions></accountTo>
        <transactionTo reference="../accountTo/transactions/account-transaction"/>
      </crossEntry>"""
    listed = '<account reference="../account/transactions/account-transaction/crossEntry/accountTo"/>'
    return client(cash("TRANSFER_OUT", out_amount, more=entry), accounts=listed)


def test_a_purchase_is_a_buy_and_the_cash_it_took(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, client(PURCHASE, portfolios=PORTFOLIO))

    buy, moved = records_of(rows)
    assert buy == Record(
        kind=TransactionKind.BUY,
        line=20,
        trade_date=date(2024, 3, 14),
        account="Depot",
        currency="EUR",
        amount=Decimal(1000),
        costs=Decimal("12.50"),
        tax=Decimal("2.50"),
        asset=SAP,
        quantity=Decimal(10),
        source_id="units-side/1",
    )
    assert moved == Record(
        kind=TransactionKind.TRANSFER,
        line=20,
        trade_date=date(2024, 3, 14),
        account="Konto",
        currency="EUR",
        amount=Decimal("1012.50"),
        source_id="units-side/2",
        counter_account="Depot",
    )
    assert [row for row in rows if isinstance(row, Skipped)] == [
        Skipped(6, "prices (2)"),
        Skipped(13, "the other side of the row at line 20"),
    ]
    assert len(rows) == 4


def test_a_sale_brings_its_cash_to_the_account(tmp_path: Path) -> None:
    text = client(PURCHASE.replace("<type>BUY<", "<type>SELL<"), portfolios=PORTFOLIO)
    sale, moved = records_of(rows_of(tmp_path, text))

    assert (sale.kind, sale.amount, sale.costs) == (
        TransactionKind.SELL,
        Decimal(1025),
        Decimal("12.50"),
    )
    assert (moved.account, moved.counter_account, moved.amount) == ("Depot", "Konto", Decimal("1012.50"))


@pytest.mark.parametrize(
    ("word", "kind", "amount"),
    [
        ("DEPOSIT", TransactionKind.DEPOSIT, "10"),
        ("REMOVAL", TransactionKind.WITHDRAWAL, "10"),
        ("FEES", TransactionKind.FEE, "10"),
        ("FEES_REFUND", TransactionKind.FEE_REFUND, "10"),
        ("TAXES", TransactionKind.TAX, "10"),
        ("TAX_REFUND", TransactionKind.TAX_REFUND, "10"),
        ("INTEREST", TransactionKind.INTEREST, "10"),
        ("INTEREST_CHARGE", TransactionKind.INTEREST_PAID, "10"),
    ],
)
def test_rows_of_cash(tmp_path: Path, word: str, kind: TransactionKind, amount: str) -> None:
    (record,) = records_of(rows_of(tmp_path, client(cash(word))))

    assert (record.kind, record.amount, record.currency) == (kind, Decimal(amount), "EUR")
    assert (record.account, record.source_id, record.costs) == ("Konto", "row", Decimal(0))


@pytest.mark.parametrize(("word", "gross"), [("DIVIDENDS", "13.93"), ("INTEREST_CHARGE", "6.07")])
def test_an_amount_is_without_the_costs_that_the_row_counts_in(tmp_path: Path, word: str, gross: str) -> None:
    units = '<units><unit type="TAX"><amount currency="EUR" amount="393"/></unit></units>'
    (record,) = records_of(rows_of(tmp_path, client(cash(word, more=SECURITY + units))))

    assert (record.amount, record.costs, record.tax) == (Decimal(gross), Decimal("3.93"), Decimal("3.93"))
    assert record.asset == SAP


def test_a_delivery_moves_no_cash_so_its_costs_are_in_the_amount(tmp_path: Path) -> None:
    received, delivered = records_of(rows_of(tmp_path, client(portfolios=DELIVERIES)))

    assert (received.kind, received.amount, received.costs) == (
        TransactionKind.RECEIVE,
        Decimal(505),
        Decimal(0),
    )
    assert (received.quantity, received.source_id) == (Decimal(5), "in")
    assert (delivered.kind, delivered.amount) == (TransactionKind.DELIVER, Decimal("123.45"))
    assert delivered.quantity == Decimal("0.12345678")


def test_shares_have_the_decimals_of_the_version(tmp_path: Path) -> None:
    def first(version: str) -> Decimal:
        text = client(portfolios=DELIVERIES, version=version)
        return records_of(rows_of(tmp_path, text))[0].quantity

    shares = [str(first(version).normalize()) for version in ("25", "26", "48", "49")]
    assert shares == ["5E+3", "5E+2", "5E+2", "5"]


def test_a_transfer_of_cash_is_told_once(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, transfer("1000", "1000"))

    (record,) = records_of(rows)
    assert (record.kind, record.account, record.counter_account) == (
        TransactionKind.TRANSFER,
        "Konto",
        "Other",
    )
    assert record.amount == 10
    assert "the other side of the row at line 13" in {row.why for row in rows if isinstance(row, Skipped)}


def test_a_transfer_between_currencies_changes_the_money_first(tmp_path: Path) -> None:
    changed, moved = records_of(rows_of(tmp_path, transfer("1000", "1090", "USD")))

    assert (changed.kind, changed.account, changed.amount) == (TransactionKind.FX, "Konto", Decimal(10))
    assert (changed.counter_currency, changed.counter_amount) == ("USD", Decimal("10.9"))
    assert (moved.currency, moved.amount, moved.counter_account) == ("USD", Decimal("10.9"), "Other")
    assert [changed.source_id, moved.source_id] == ["row/1", "row/2"]


def test_pence_are_pounds(tmp_path: Path) -> None:
    text = client(cash("DEPOSIT", "12345").replace(">EUR<", ">GBX<"))
    (record,) = records_of(rows_of(tmp_path, text))

    assert (record.currency, record.amount) == ("GBP", Decimal("1.2345"))


def test_references_by_id(tmp_path: Path) -> None:
    text = """<client id="1"><version>69</version>
      <securities id="2"><security id="3"><name>Sap AG</name><currencyCode>EUR</currencyCode></security></securities>
      <accounts id="4"><account id="5"><name>Konto</name><transactions id="6"><account-transaction id="7">
        <date>2024-05-02</date><currencyCode>EUR</currencyCode><amount>500</amount><security reference="3"/>
        <type>DIVIDENDS</type></account-transaction></transactions></account></accounts></client>"""
    (record,) = records_of(rows_of(tmp_path, text))

    assert record.asset == Hint(name="Sap AG", currency="EUR")
    assert (record.trade_date, record.source_id) == (date(2024, 5, 2), "")


def test_an_account_and_a_portfolio_of_one_name_are_told_apart(tmp_path: Path) -> None:
    text = client(PURCHASE, portfolios=PORTFOLIO).replace("<name>Depot<", "<name>Konto<")
    buy, moved = records_of(rows_of(tmp_path, text))

    assert (buy.account, moved.account) == ("Konto (securities)", "Konto (cash)")


def test_two_accounts_of_one_name_are_told_apart(tmp_path: Path) -> None:
    twin = f"<account><uuid>a2</uuid><name>Konto</name><transactions>{cash('FEES')}</transactions></account>"
    rows = records_of(rows_of(tmp_path, client(cash("DEPOSIT"), accounts=twin)))

    assert [row.account for row in rows] == ["Konto (a1)", "Konto (a2)"]


def test_a_wrong_isin_is_part_of_the_name(tmp_path: Path) -> None:
    text = client(cash("DIVIDENDS", more=SECURITY)).replace("DE0007164600", "DE0007164601")
    (record,) = records_of(rows_of(tmp_path, text))

    assert record.asset == Hint(symbol="SAP.DE", name="Sap AG (DE0007164601)", currency="EUR")


NO_OTHER_SIDE = "is a BUY without its other side"


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (cash("BUY"), NO_OTHER_SIDE),
        (cash("TRANSFER_OUT"), "is a TRANSFER_OUT without its other side"),
        (cash("TRANSFER_IN"), "is a TRANSFER_IN without its other side"),
        (cash("LOTTERY"), "is of the type 'LOTTERY', which nobody has described"),
        (cash("DEPOSIT", "10.5"), "has no whole number as amount: '10.5'"),
        (cash("DEPOSIT", ""), "has no whole number as amount: ''"),
        (cash("DEPOSIT", "١٢"), "has no whole number as amount: '١٢'"),
        (cash("DEPOSIT", "-1000"), "has an amount or shares below 0"),
        (cash("DEPOSIT", day="2024-02-30T00:00"), "has no day as date: '2024-02-30T00:00'"),
        (cash("DEPOSIT", day="2024-02-03T24:00"), "has no day as date: '2024-02-03T24:00'"),
        (cash("DEPOSIT", day="03.02.2024"), "has no day as date: '03.02.2024'"),
        (
            cash("DIVIDENDS", more='<security reference="../../../../../securities/security[2]"/>'),
            "the reference of <security> leads nowhere",
        ),
        (
            cash("DIVIDENDS", more='<security reference="../../../../../../../../../a"/>'),
            "the reference of <security> leads nowhere",
        ),
        (
            cash("FEES", more='<units><unit type="GIFT"><amount amount="1"/></unit></units>'),
            "has a unit of the type 'GIFT', which nobody has described",
        ),
        (
            cash("FEES", more='<units><unit type="TAX"><amount currency="USD" amount="1"/></unit></units>'),
            "is in EUR and has a unit in USD",
        ),
        (
            cash("DIVIDENDS", more='<units><unit type="GROSS_VALUE"><amount amount="5000"/></unit></units>'),
            "states a gross value of 50.00, and its amount and costs come to 10.00",
        ),
    ],
)
def test_a_row_that_is_refused(tmp_path: Path, rows: str, why: str) -> None:
    read = rows_of(tmp_path, client(rows))

    assert records_of(read) == []
    assert [row.why for row in read if isinstance(row, Refused)] == [why]


def test_two_sides_that_differ_are_refused(tmp_path: Path) -> None:
    text = client(PURCHASE.replace(">101250<", ">101251<", 1), portfolios=PORTFOLIO)
    read = rows_of(tmp_path, text)

    assert records_of(read) == []
    assert "states 1012.50 EUR, and its other side 1012.51 EUR" in {
        row.why for row in read if isinstance(row, Refused)
    }


def test_a_transfer_of_two_amounts_is_refused(tmp_path: Path) -> None:
    refused = [row for row in rows_of(tmp_path, transfer("1000", "999")) if isinstance(row, Refused)]

    assert [row.why for row in refused] == ["states 10.00 EUR, and its other side 9.99 EUR"]


def test_a_transfer_with_costs_is_refused(tmp_path: Path) -> None:
    fee = '<units><unit type="FEE"><amount currency="EUR" amount="5"/></unit></units>'
    text = transfer("1000", "1000").replace("<shares>0</shares>", f"<shares>0</shares>{fee}", 1)

    assert "is a transfer with costs: book them as a FEE by hand" in {
        row.why for row in rows_of(tmp_path, text) if isinstance(row, Refused)
    }


UNITS_MOVED = """<portfolio><uuid>p1</uuid><name>Depot 1</name><transactions>
  <portfolio-transaction><uuid>leaves</uuid><date>2024-01-05T00:00</date><currencyCode>EUR</currencyCode>
    <amount>50500</amount><security reference="../../../../../securities/security"/>
    <crossEntry class="portfolio-transfer"><portfolioFrom reference="../../../.."/><transactionFrom reference="../.."/>
      <portfolioTo><uuid>p2</uuid><name>Depot 2</name><transactions>
        <portfolio-transaction><uuid>arrives</uuid><date>2024-01-05T00:00</date><currencyCode>EUR</currencyCode>
          <amount>50500</amount><security reference="../../../../../../../../../securities/security"/>
          <crossEntry class="portfolio-transfer" reference="../../../.."/><shares>500000000</shares>
          <type>TRANSFER_IN</type></portfolio-transaction></transactions></portfolioTo>
      <transactionTo reference="../portfolioTo/transactions/portfolio-transaction"/></crossEntry>
    <shares>500000000</shares><type>TRANSFER_OUT</type></portfolio-transaction></transactions></portfolio>
  <portfolio reference="../portfolio/transactions/portfolio-transaction/crossEntry/portfolioTo"/>"""


def test_units_that_change_the_portfolio(tmp_path: Path) -> None:
    (record,) = records_of(rows_of(tmp_path, client(portfolios=UNITS_MOVED)))

    assert (record.kind, record.account, record.counter_account) == (
        TransactionKind.TRANSFER,
        "Depot 1",
        "Depot 2",
    )
    assert (record.quantity, record.amount, record.asset) == (Decimal(5), Decimal(0), SAP)


def test_units_that_arrive_as_more_than_left_are_refused(tmp_path: Path) -> None:
    text = client(portfolios=UNITS_MOVED.replace(">500000000<", ">600000000<", 1))
    read = rows_of(tmp_path, text)

    assert records_of(read) == []
    assert "sends 5.00000000 units, and its other side receives 6.00000000" in {
        row.why for row in read if isinstance(row, Refused)
    }


def test_a_purchase_of_nothing_named_is_refused(tmp_path: Path) -> None:
    text = client(
        PURCHASE.replace('<security reference="../../../../../../../../../securities/security"/>', ""),
        portfolios=PORTFOLIO,
    )
    read = rows_of(tmp_path, text)

    assert records_of(read) == []
    assert [row.why for row in read if isinstance(row, Refused)] == ["is a BUY without a security"]


def test_a_row_that_claims_the_other_side_of_another_is_refused(tmp_path: Path) -> None:
    entry = '<crossEntry class="buysell" reference="../../account-transaction/crossEntry"/>'
    read = rows_of(tmp_path, client(PURCHASE + cash("BUY", more=entry), portfolios=PORTFOLIO))

    assert len(records_of(read)) == 2
    assert [row.why for row in read if isinstance(row, Refused)] == [NO_OTHER_SIDE]


def test_a_gross_value_of_old_files_is_not_held_against_the_row(tmp_path: Path) -> None:
    units = '<units><unit type="GROSS_VALUE"><amount amount="5000"/></unit></units>'
    (record,) = records_of(rows_of(tmp_path, client(cash("DIVIDENDS", more=units), version="55")))

    assert record.amount == 10


def test_a_portfolio_that_is_not_listed_leaves_its_purchase_refused(tmp_path: Path) -> None:
    read = rows_of(tmp_path, client(PURCHASE))

    assert records_of(read) == []
    assert [row.why for row in read if isinstance(row, Refused)] == [NO_OTHER_SIDE]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"PORTFOLIO\x01\x00\x00", "is protected by a password"),
        (b"PPPBV1\n\x02", "is in the binary form"),
        (client(version="71").encode(), "is of version 71, newer than the 70 known here"),
        (client(version="9").encode(), "versions from 10 on are read"),
        (client(version="6\uff19").encode(), "versions from 10 on are read"),
        (client()[:-20].encode(), "is no well-formed XML"),
        (b'<!DOCTYPE client [<!ENTITY a "b">]>' + client().encode(), "has a DOCTYPE"),
        (client().encode("utf-8").replace(b"Konto", b"K\xf6nto"), "is no well-formed XML"),
        (client(accounts='<account reference="../../nowhere"/>').encode(), "leads nowhere"),
    ],
)
def test_a_file_that_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(StatementError, match=why):
        rows_of(tmp_path, content)


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "depot.portfolio"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.xml", client(cash("DEPOSIT")))
    reader = PortfolioPerformance()

    with open_source(path) as source:
        assert reader.miss(source) is None
        (record,) = records_of(list(read_statement(reader, source, today=date(2024, 6, 1))))
    assert record.amount == 10


@pytest.mark.parametrize(
    ("head", "is_known"),
    [
        (b"<client>\n  <version>52</version>", True),
        (b'<?xml version="1.0"?><client id="1"><version>52</version>', True),
        (b"PORTFOLIO\x01", True),
        (b"<client><name>Jane</name>", False),
        (b"<OFX><version>1</version>", False),
        (b"Date;Amount", False),
    ],
)
def test_what_is_recognised(tmp_path: Path, head: bytes, *, is_known: bool) -> None:
    path = tmp_path / "some"
    path.write_bytes(head)
    with open_source(path) as source:
        missed = PortfolioPerformance().miss(source)

    assert missed == (None if is_known else "a <client> element that begins with a <version>")
