"""OFX and QFX files of banks, cards and brokers."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from steelyard.statements import ofx_bank, ofx_investment, ofx_position
from steelyard.statements.ofx_document import is_ofx, read_ofx
from steelyard.statements.ofx_fields import Statement
from steelyard.statements.port import Source, StatementError
from steelyard.statements.record import Record, Refused, Row, Skipped
from steelyard.statements.stated import RowError
from steelyard.statements.xml_document import Element

MAX_IDS: Final = 250_000
_HASHES: Final = 2**61
_LINES: Final = 2**40

_BEGINNINGS: Final = {"STMTTRNRS", "CCSTMTTRNRS", "INVSTMTTRNRS"}
_ABOUT: Final = {"STATUS", "CURDEF", "DTASOF", "BANKACCTFROM", "CCACCTFROM", "INVACCTFROM"}
_STATEMENTS: Final = {"STMTRS", "CCSTMTRS", "INVSTMTRS"}
_SKIPPED: Final = {
    "ACCTINFO": "an account in a list of accounts",
    "AVAILBAL": "what is available, no balance",
    "BALLIST": "figures about the account",
    "CLOSING": "the end of an earlier statement",
    "INV401K": "a description of the plan",
    "INV401KBAL": "figures about the plan",
    "OO": "an order that is open",
    "STMTTRNP": "a booking that is pending",
}
_REFUSED: Final = {
    "LOANSTMTTRNRS": "is a statement of a loan; loans are not read",
    "AMRTSTMTTRNRS": "is a plan of a loan; loans are not read",
}
_ROWS: Final = {"STMTTRN", "LEDGERBAL", "INVPOS", "INVBAL", *ofx_investment.READINGS}
_WANTED: Final = _ABOUT | _ROWS | set(_SKIPPED)
_OPENED: Final = _BEGINNINGS | set(_REFUSED)


class OfxReader:
    """Reads OFX 1.x and 2.x."""

    name = "ofx"
    title = "OFX or QFX"

    def miss(self, source: Source) -> str | None:
        """Return what the file lacks: its first element is <OFX>."""
        return None if is_ofx(source.head_text) else "an <OFX> element"

    def read(self, source: Source) -> Iterator[Row]:
        """Read every statement in it.

        Raises:
            StatementError: it is broken, holds no statement, or the bank says that nobody was signed on.
        """
        reading = _Reading(source.name, ofx_position.read_assets(source))
        for element in read_ofx(source, _WANTED, _OPENED):
            yield from reading.take(element)
        reading.finish()


@dataclass(slots=True)
class _Reading:
    """Where in the file the reader is."""

    name: str
    assets: ofx_position.Assets
    statement: Statement = field(default_factory=Statement)
    messages: list[str] = field(default_factory=list)
    is_empty: bool = True
    seen: dict[int, int] = field(default_factory=dict)  # hashes alone: ids are as many as rows
    count: int = 0

    def take(self, element: Element) -> Iterator[Row]:
        if element.tag in _ABOUT:
            yield from self.take_about(element)
            return
        self.is_empty = False
        if element.tag in _BEGINNINGS:
            self.statement = Statement(assets=self.assets, is_bank=element.tag != "INVSTMTTRNRS")
        elif why := _SKIPPED.get(element.tag):
            yield Skipped(element.line, why)
        elif why := _REFUSED.get(element.tag):
            yield Refused(element.line, why)
        else:
            yield from self.take_row(element)

    def take_about(self, element: Element) -> Iterator[Row]:
        """Note what is said of the statement."""
        inside = element.parents[-1].tag if element.parents else ""
        if element.tag == "STATUS":
            yield from self.take_status(element, inside)
        elif element.tag == "CURDEF":
            self.statement = replace(self.statement, currency=element.text)
        elif element.tag == "DTASOF" and inside == "INVSTMTRS":
            self.statement = replace(self.statement, as_of=element.text)
        elif element.tag.endswith("ACCTFROM") and (inside in _STATEMENTS or not self.statement.account):
            self.statement = replace(self.statement, account=element.text_of("ACCTID"))

    def take_status(self, element: Element, inside: str) -> Iterator[Row]:
        message = element.text_of("MESSAGE") or f"code {element.text_of('CODE')}"
        if element.text_of("SEVERITY").upper() != "ERROR":
            self.messages.append(message)
        elif inside in _BEGINNINGS:
            yield Refused(element.line, f"the bank sent no statement, and says: {message.rstrip('.')}")
        else:
            why = f"holds no statement; the bank says: {message.rstrip('.')}"
            raise StatementError(self.name, why, element.line)

    def take_row(self, element: Element) -> Iterator[Row]:
        try:
            for row in list(self.read_row(element)):
                yield self.told_apart(row) if isinstance(row, Record) else row
        except RowError as error:
            yield Refused(element.line, error.why)

    def read_row(self, element: Element) -> Iterator[Row]:
        if element.tag == "STMTTRN":
            yield ofx_bank.read_transaction(self.statement, element)
        elif element.tag == "LEDGERBAL":
            yield ofx_bank.read_balance(self.statement, element)
        elif element.tag == "INVPOS":
            yield ofx_position.read_position(self.statement, element)
        elif element.tag == "INVBAL":
            yield from ofx_position.read_cash(self.statement, element)
        else:
            yield from ofx_investment.READINGS[element.tag](self.statement, element)

    def told_apart(self, record: Record) -> Row:
        """Return a record whose id is its own; twice the same is skipped, and two under one id are refused."""
        if not record.source_id:
            return record
        key, says = hash((record.account, record.source_id)), hash(replace(record, line=0)) % _HASHES
        known = self.seen.setdefault(key, says * _LINES + record.line)
        said, line = divmod(known, _LINES)
        if len(self.seen) > MAX_IDS:
            why = f"holds more than {MAX_IDS:,} bookings; export it year by year"
            raise StatementError(self.name, why, record.line)
        if said != says:
            why = f"`FITID` {record.source_id[:60]!r} is that of line {line}, which says something else"
            return Refused(record.line, why)
        if len(self.seen) == self.count:
            return Skipped(record.line, f"the booking of line {line} once more")
        self.count = len(self.seen)
        return record

    def finish(self) -> None:
        if self.is_empty:
            says = f"; the bank says: {self.messages[-1].rstrip('.')}" if self.messages else ""
            raise StatementError(self.name, f"holds no statement{says}")
