"""Importing at the terminal: a broker's file into the ledger, what stands in the way, and back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from terminal import Terminal

STATEMENT = """OFXHEADER:100
DATA:OFXSGML
VERSION:102

<OFX><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STMTRS><CURDEF>USD
<BANKACCTFROM><BANKID>1<ACCTID>12345678<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20240101<DTEND>20240131
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20240105<TRNAMT>100.50<FITID>a1<NAME>Salary</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20240110<TRNAMT>-20.25<FITID>a2<NAME>Rent</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>80.25<DTASOF>20240131</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    yield Terminal(tmp_path_factory.mktemp("import"))
