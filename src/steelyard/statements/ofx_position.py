"""OFX rows of what is held: securities, positions, and the cash of a broker. Source: OFX 2.2, chapter 13."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from steelyard.statements.ofx_document import read_ofx
from steelyard.statements.ofx_fields import (
    AssetKey,
    Statement,
    asset_at,
    currency_at,
    key_of,
    number_at,
    read_day,
    text_at,
)
from steelyard.statements.port import Source, StatementError
from steelyard.statements.record import Held, Hint, Row, Skipped
from steelyard.statements.stated import RowError, in_major, read_number_or_zero
from steelyard.statements.xml_document import Element

MAX_ASSETS: Final = 100_000
_CHUNK: Final = 2**16

Assets = dict[AssetKey, Hint]
"""What a list of securities says of each."""


def read_assets(source: Source) -> Assets:
    """Return what the list of securities, which ends a file, says of each; one with two symbols has none.

    Raises:
        StatementError: the file is broken, or lists more than 100,000.
    """
    assets: Assets = {}
    if not _lists_assets(source):
        return assets
    for element in read_ofx(source, {"SECINFO"}):
        try:
            key, hint = key_of(element), _listed(element)
        except RowError as error:
            raise StatementError(source.name, error.why, element.line) from error
        known = assets.get(key, hint)
        if known.symbol != hint.symbol:
            hint = replace(known, symbol="", name=f"{known.name} or {hint.name}"[:200])
        assets[key] = hint
        if len(assets) > MAX_ASSETS:
            raise StatementError(source.name, f"lists more than {MAX_ASSETS:,} securities", element.line)
    return assets


def read_position(statement: Statement, element: Element) -> Row:
    """Read an INVPOS.

    Raises:
        RowError: it cannot be read.
    """
    currency = currency_at(statement, element)
    units = number_at(element, "UNITS")
    asset = asset_at(statement, element, currency)
    if asset is None:
        raise RowError("`UNIQUEID` is absent: a position of what?")
    held = -abs(units) if text_at(element, "POSTYPE").upper() == "SHORT" else units
    return Held(element.line, statement.account, read_day("DTASOF", statement.as_of), asset, currency, held)


def read_cash(statement: Statement, element: Element) -> Iterator[Row]:
    """Read an INVBAL: AVAILCASH is the cash of all sub-accounts, where none is borrowed.

    Raises:
        RowError: it cannot be read.
    """
    if figures := element.first("BALLIST"):
        count = len(figures.children)
        yield Skipped(
            figures.line, f"{count} figures about the account" if count != 1 else "a figure about the account"
        )
    if not text_at(element, "AVAILCASH"):
        yield Skipped(element.line, "a balance that is not stated")
        return
    cash, currency = in_major(number_at(element, "AVAILCASH"), currency_at(statement, element))
    borrowed = read_number_or_zero("MARGINBALANCE", text_at(element, "MARGINBALANCE"))
    if borrowed:
        why = f"`AVAILCASH` is {cash:f} and `MARGINBALANCE` {borrowed:f}: whether one holds the other is not said"
        yield Skipped(element.line, why)
        return
    yield Held(element.line, statement.account, read_day("DTASOF", statement.as_of), None, currency, cash)


def _listed(element: Element) -> Hint:
    listed_as = element.parents[-1].tag if element.parents else ""
    return Hint(
        symbol=text_at(element, "TICKER"),
        name=" ".join(text_at(element, "SECNAME").split()),
        currency=text_at(element, "CURRENCY", "CURSYM"),
        kind=listed_as.removesuffix("INFO"),
    )


def _lists_assets(source: Source) -> bool:
    """Whether a look at the bytes finds a list of securities: that of a bank need not be read twice."""
    if source.encoding == "utf-16":
        return True
    last = b""
    with source.open() as file:
        while chunk := file.read(_CHUNK):
            if b"SECINFO" in (last + chunk).upper():
                return True
            last = chunk[-len(b"SECINFO") :]
    return False
