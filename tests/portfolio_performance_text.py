"""Small files in the form of Portfolio Performance, written by hand."""

from collections.abc import Sequence
from pathlib import Path

from steelyard.statements.portfolio_performance import PortfolioPerformance
from steelyard.statements.recognition import open_source
from steelyard.statements.record import Record, Row

SECURITY = """
    <security><uuid>s1</uuid><name>Sap AG</name><currencyCode>EUR</currencyCode><isin>DE0007164600</isin>
      <tickerSymbol>SAP.DE</tickerSymbol><prices><price t="2024-01-02" v="1"/><price t="2024-01-03" v="2"/></prices>
    </security>"""

PURCHASE = """
        <account-transaction>
          <uuid>cash-side</uuid><date>2024-03-14T00:00</date><currencyCode>EUR</currencyCode><amount>101250</amount>
          <security reference="../../../../../securities/security"/>
          <crossEntry class="buysell">
            <portfolio>
              <uuid>p1</uuid><name>Depot</name><referenceAccount reference="../../../../.."/>
              <transactions>
                <portfolio-transaction>
                  <uuid>units-side</uuid><date reference="../../../../../date"/><currencyCode>EUR</currencyCode>
                  <amount>101250</amount><security reference="../../../../../../../../../securities/security"/>
                  <crossEntry class="buysell" reference="../../../.."/>
                  <shares>1000000000</shares>
                  <units>
                    <unit type="FEE"><amount currency="EUR" amount="1000"/></unit>
                    <unit type="TAX"><amount currency="EUR" amount="250"/></unit>
                  </units>
                  <type>BUY</type>
                </portfolio-transaction>
              </transactions>
            </portfolio>
            <portfolioTransaction reference="../portfolio/transactions/portfolio-transaction"/>
            <account reference="../../../.."/>
            <accountTransaction reference="../.."/>
          </crossEntry>
          <shares>0</shares><type>BUY</type>
        </account-transaction>"""

PORTFOLIO = """<portfolio
      reference="../../accounts/account/transactions/account-transaction/crossEntry/portfolio"/>"""


def cash(kind: str, amount: str = "1000", *, more: str = "", day: str = "2024-05-02T00:00") -> str:
    """A row of an account."""
    return f"""
        <account-transaction>
          <uuid>row</uuid><date>{day}</date><currencyCode>EUR</currencyCode><amount>{amount}</amount>
          <shares>0</shares>{more}<type>{kind}</type>
        </account-transaction>"""


def client(
    rows: str = "",
    *,
    portfolios: str = "",
    accounts: str = "",
    version: str = "69",
    currency: str = "EUR",
) -> str:
    """A file of one account with these rows, and what else is given."""
    return f"""<client>
  <version>{version}</version>
  <baseCurrency>EUR</baseCurrency>
  <securities>{SECURITY}
  </securities>
  <watchlists/>
  <accounts>
    <account><uuid>a1</uuid><name>Konto</name><currencyCode>{currency}</currencyCode>
      <transactions>{rows}
      </transactions>
    </account>{accounts}
  </accounts>
  <portfolios>{portfolios}</portfolios>
  <taxonomies/>
</client>
"""


def rows_of(folder: Path, text: str | bytes) -> list[Row]:
    """Read such a file."""
    path = folder / "depot.xml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with open_source(path) as source:
        return list(PortfolioPerformance().read(source))


def records_of(rows: Sequence[Row]) -> list[Record]:
    """Leave out what is no record."""
    return [row for row in rows if isinstance(row, Record)]
