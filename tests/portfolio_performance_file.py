"""Client files of Portfolio Performance, as transactions, prices and taxonomies of ours.

The format is XStream's XML: an object stands where it is first met, and elsewhere as a path to it. Cash lies in
accounts and units in portfolios, so a purchase is two rows: here a BUY in the portfolio, and the money transferred
there from the account on the same day. A delivery counts at the amount it states: money comes from outside and buys
the units. Stock splits are left out, since such a file holds quotes and trades that are adjusted already.
"""

import xml.etree.ElementTree as ET  # test files of our own shared data, no entities
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Final

from steelyard.domain.transaction import ZERO, Transaction, TransactionKind

Quotes = Mapping[date, Decimal]
Weights = Mapping[str, Decimal]

BASE: Final = "EUR"
"""The currency of files older than currencies."""

SHARE_PLACES: Final = ((25, 5), (48, 6))
QUOTE_PLACES: Final = ((29, 2), (48, 4))
"""Decimals up to a version of the file; 8 from then on."""

CASH_KINDS: Final = {
    "DEPOSIT": TransactionKind.DEPOSIT,
    "REMOVAL": TransactionKind.WITHDRAWAL,
    "INTEREST": TransactionKind.INTEREST,
    "INTEREST_CHARGE": TransactionKind.INTEREST_PAID,
    "DIVIDENDS": TransactionKind.DIVIDEND,
    "FEES": TransactionKind.FEE,
    "FEES_REFUND": TransactionKind.FEE_REFUND,
    "TAXES": TransactionKind.TAX,
    "TAX_REFUND": TransactionKind.TAX_REFUND,
}
NET_OF_COSTS: Final = {TransactionKind.INTEREST, TransactionKind.DIVIDEND}


@dataclass(frozen=True, slots=True)
class ClientFile:
    """What a client file says.

    Attributes:
        transactions: in the order of the file; their ids are the number of their row, a dot, and which of it they are.
        quotes: per asset id, its prices by day, in its own currency.
        currencies: per asset id; a name without a currency is quoted in the base currency.
        names: of assets and accounts, by id.
        portfolios: ids of the accounts that hold units, in the order of the file.
        taxonomies: per taxonomy and category, the share of each asset or account in it.
        version: of the file.
    """

    transactions: tuple[Transaction, ...]
    quotes: Mapping[str, Quotes]
    currencies: Mapping[str, str]
    names: Mapping[str, str]
    portfolios: tuple[str, ...]
    taxonomies: Mapping[str, Mapping[str, Weights]]
    version: int

    def find(self, name: str) -> str:
        """Return the id of what has a name."""
        return next(key for key, value in self.names.items() if value == name)


def read_client_file(path: Path) -> ClientFile:
    """Read a client file."""
    return _Reader(ET.parse(path).getroot()).client()  # noqa: S314 - test files, read in place


class _Reader:
    def __init__(self, root: ET.Element) -> None:
        self.root = root
        self.parents = {child: parent for parent in root.iter() for child in parent}
        self.version = int(root.findtext("version", "0"))
        self.row = self.piece = 0

    def client(self) -> ClientFile:
        return ClientFile(
            transactions=tuple(self._transactions()),
            quotes={_id(one): dict(self._quotes(one)) for one in self._listed("securities/security")},
            currencies={_id(one): self._currency(one) for one in self._listed("securities/security")},
            names={_id(one): one.findtext("name", "") for one in self._named()},
            portfolios=tuple(_id(one) for one in self._listed("portfolios/portfolio")),
            taxonomies={
                one.findtext("name", ""): dict(self._categories(one))
                for one in self.root.findall("taxonomies/taxonomy")
            },
            version=self.version,
        )

    def resolve(self, element: ET.Element | None) -> ET.Element:
        """Follow a path such as ../../securities/security[2] to the object itself."""
        assert element is not None
        reference = element.get("reference")
        if reference is None:
            return element
        for step in reference.split("/"):
            element = self.parents[element] if step == ".." else _nth_child(element, step)
        return self.resolve(element)

    def _listed(self, path: str) -> Iterator[ET.Element]:
        return (self.resolve(one) for one in self.root.findall(path))

    def _named(self) -> Iterator[ET.Element]:
        for path in ("securities/security", "accounts/account", "portfolios/portfolio"):
            yield from self._listed(path)

    def _child(self, element: ET.Element, path: str) -> ET.Element:
        return self.resolve(element.find(path))

    def _currency(self, element: ET.Element) -> str:
        return element.findtext("currencyCode") or BASE

    def _places(self, places: tuple[tuple[int, int], ...]) -> int:
        return next((count for version, count in places if self.version <= version), 8)

    @cached_property
    def _share(self) -> Decimal:
        return Decimal(1).scaleb(-self._places(SHARE_PLACES))

    @cached_property
    def _quote(self) -> Decimal:
        return Decimal(1).scaleb(-self._places(QUOTE_PLACES))

    def _quotes(self, asset: ET.Element) -> Iterator[tuple[date, Decimal]]:
        for price in (*asset.findall("latest"), *asset.findall("prices/price")):
            yield date.fromisoformat(price.attrib["t"]), Decimal(price.attrib["v"]) * self._quote

    # ── Transactions ────────────────────────────────────────────────────────────────────────────────────

    def _transactions(self) -> Iterator[Transaction]:
        for account in self._listed("accounts/account"):
            for row in account.findall("transactions/account-transaction"):
                self._begin_row()
                yield from self._cash_row(account, self.resolve(row))
        for portfolio in self._listed("portfolios/portfolio"):
            for row in portfolio.findall("transactions/portfolio-transaction"):
                self._begin_row()
                yield from self._unit_row(portfolio, self.resolve(row))

    def _begin_row(self) -> None:
        self.row, self.piece = self.row + 1, 0

    def _cash_row(self, account: ET.Element, row: ET.Element) -> Iterator[Transaction]:
        kind = row.findtext("type", "")
        if kind in CASH_KINDS:
            yield self._cash_booking(account, row, CASH_KINDS[kind])
        elif kind == "TRANSFER_OUT":
            yield from self._cash_transfer(row)

    def _cash_booking(self, account: ET.Element, row: ET.Element, kind: TransactionKind) -> Transaction:
        fees, taxes = self._costs(row) if kind in NET_OF_COSTS else (ZERO, ZERO)
        security = row.find("security")
        return self._booked(
            row,
            kind,
            account,
            currency=self._currency(row),
            amount=self._amount(row) + fees + taxes,
            costs=fees + taxes,
            tax=taxes,
            asset_id="" if security is None else _id(self.resolve(security)),
        )

    def _cash_transfer(self, row: ET.Element) -> Iterator[Transaction]:
        """Book a transfer; between currencies the money is changed before it leaves."""
        entry = self._child(row, "crossEntry")
        source, target = self._child(entry, "accountFrom"), self._child(entry, "accountTo")
        arrived = self._child(entry, "transactionTo")
        sold, bought = self._currency(row), self._currency(arrived)
        if sold != bought:
            yield self._booked(
                row,
                TransactionKind.FX,
                source,
                currency=sold,
                amount=self._amount(row),
                counter_currency=bought,
                counter_amount=self._amount(arrived),
            )
        yield self._moved(row, source, target, bought, self._amount(arrived))

    def _unit_row(self, portfolio: ET.Element, row: ET.Element) -> Iterator[Transaction]:
        kind = row.findtext("type", "")
        if kind == "TRANSFER_OUT":
            yield self._unit_transfer(portfolio, row)
        elif kind in {"BUY", "DELIVERY_INBOUND"}:
            yield self._funding(portfolio, row)
            yield self._trade(portfolio, row, TransactionKind.BUY)
        elif kind in {"SELL", "DELIVERY_OUTBOUND"}:
            yield self._trade(portfolio, row, TransactionKind.SELL)
            yield self._proceeds(portfolio, row)

    def _unit_transfer(self, portfolio: ET.Element, row: ET.Element) -> Transaction:
        return self._booked(
            row,
            TransactionKind.TRANSFER,
            portfolio,
            currency=self._currency(row),
            asset_id=_id(self._child(row, "security")),
            quantity=self._shares(row),
            counter_account_id=_id(self._child(self._child(row, "crossEntry"), "portfolioTo")),
        )

    def _trade(self, portfolio: ET.Element, row: ET.Element, kind: TransactionKind) -> Transaction:
        """Book a trade; a row states what is paid or received, costs counted in."""
        fees, taxes = self._costs(row)
        costs = fees + taxes
        return self._booked(
            row,
            kind,
            portfolio,
            currency=self._currency(row),
            amount=self._amount(row) + (costs if kind is TransactionKind.SELL else -costs),
            costs=costs,
            tax=taxes,
            asset_id=_id(self._child(row, "security")),
            quantity=self._shares(row),
        )

    def _funding(self, portfolio: ET.Element, row: ET.Element) -> Transaction:
        entry = row.find("crossEntry")
        if entry is None:
            return self._cash(row, TransactionKind.DEPOSIT, portfolio)
        account = self._child(self.resolve(entry), "account")
        return self._moved(row, account, portfolio, self._currency(row), self._amount(row))

    def _proceeds(self, portfolio: ET.Element, row: ET.Element) -> Transaction:
        entry = row.find("crossEntry")
        if entry is None:
            return self._cash(row, TransactionKind.WITHDRAWAL, portfolio)
        account = self._child(self.resolve(entry), "account")
        return self._moved(row, portfolio, account, self._currency(row), self._amount(row))

    def _cash(self, row: ET.Element, kind: TransactionKind, portfolio: ET.Element) -> Transaction:
        return self._booked(row, kind, portfolio, currency=self._currency(row), amount=self._amount(row))

    def _moved(
        self, row: ET.Element, source: ET.Element, target: ET.Element, currency: str, amount: Decimal
    ) -> Transaction:
        return self._booked(
            row,
            TransactionKind.TRANSFER,
            source,
            currency=currency,
            amount=amount,
            counter_account_id=_id(target),
        )

    def _booked(
        self,
        row: ET.Element,
        kind: TransactionKind,
        account: ET.Element,
        *,
        currency: str,
        amount: Decimal = ZERO,
        costs: Decimal = ZERO,
        tax: Decimal = ZERO,
        asset_id: str = "",
        quantity: Decimal = ZERO,
        counter_account_id: str = "",
        counter_currency: str = "",
        counter_amount: Decimal = ZERO,
    ) -> Transaction:
        self.piece += 1
        return Transaction(
            transaction_id=f"{self.row:04}.{self.piece}",
            kind=kind,
            trade_date=date.fromisoformat((self._child(row, "date").text or "")[:10]),
            account_id=_id(account),
            currency=currency,
            amount=amount,
            costs=costs,
            tax=tax,
            asset_id=asset_id,
            quantity=quantity,
            counter_account_id=counter_account_id,
            counter_currency=counter_currency,
            counter_amount=counter_amount,
        )

    def _amount(self, row: ET.Element) -> Decimal:
        return _money(row.findtext("amount"))

    def _shares(self, row: ET.Element) -> Decimal:
        return Decimal(row.findtext("shares", "0")) * self._share

    def _costs(self, row: ET.Element) -> tuple[Decimal, Decimal]:
        """Return fees and taxes: units of the row, and elements of their own in older files."""
        sums = {"FEE": _money(row.findtext("fees")), "TAX": _money(row.findtext("taxes"))}
        for unit in row.findall("units/unit"):
            kind, amount = unit.attrib["type"], unit.find("amount")
            if kind in sums and amount is not None:
                sums[kind] += _money(amount.attrib["amount"])
        return sums["FEE"], sums["TAX"]

    # ── Taxonomies ──────────────────────────────────────────────────────────────────────────────────────

    def _categories(self, taxonomy: ET.Element) -> Iterator[tuple[str, Weights]]:
        for category in taxonomy.iter("classification"):
            yield category.findtext("name", ""), dict(self._members(category))

    def _members(self, category: ET.Element) -> Iterator[tuple[str, Decimal]]:
        for assignment in category.iter("assignment"):
            vehicle = self._child(assignment, "investmentVehicle")
            yield _id(vehicle), Decimal(assignment.findtext("weight", "0")) / 10_000


def _id(element: ET.Element) -> str:
    return element.findtext("uuid", "")


def _money(minor: str | None) -> Decimal:
    return Decimal(minor or 0) / 100


def _nth_child(element: ET.Element, step: str) -> ET.Element:
    tag, _, place = step.partition("[")
    return element.findall(tag)[int(place.rstrip("]") or 1) - 1]
