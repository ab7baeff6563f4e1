"""Booking: a line's cells become a record of one kind, exact, or the line is refused with the cell that is wrong."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from steelyard.domain.money import (
    CURRENCIES,
    EXACT,
    MINOR_CURRENCIES,
    MONEY_PLACES,
    major_currency,
    units_per_major,
)
from steelyard.domain.transaction import ACTIONS, ZERO, TransactionKind
from steelyard.statements.broker_csv.fields import COUNTER_HINT_FIELDS, HINT_FIELDS, Fields, Hints
from steelyard.statements.broker_csv.numbers import NOTHING, SHARED_SYMBOLS, are_plain, at_most
from steelyard.statements.broker_csv.plain_record import plain_record
from steelyard.statements.broker_csv.preset import Rule
from steelyard.statements.broker_csv.sheet import Cells, Sheet
from steelyard.statements.broker_csv.text import LineError
from steelyard.statements.record import Hint, Record

Kind = TransactionKind

OUT: Final = frozenset(
    {Kind.BUY, Kind.COVER, Kind.FEE, Kind.TAX, Kind.WITHDRAWAL, Kind.INTEREST_PAID, Kind.FX},
)
"""Kinds whose cash goes out."""

IN: Final = frozenset(
    {
        Kind.SELL,
        Kind.SHORT,
        Kind.DIVIDEND,
        Kind.INTEREST,
        Kind.FEE_REFUND,
        Kind.TAX_REFUND,
        Kind.DEPOSIT,
        Kind.RETURN_OF_CAPITAL,
        Kind.REDEMPTION,
    }
)
"""Kinds whose cash comes in."""

_TRADES: Final = frozenset(
    {Kind.BUY, Kind.SELL, Kind.SHORT, Kind.COVER, Kind.DIVIDEND_REINVESTED, Kind.REDEMPTION}
)
_IN_KIND: Final = frozenset({Kind.RECEIVE, Kind.DELIVER})
_EITHER: Final = frozenset({Kind.OPENING, Kind.TRANSFER})
_CASH_ALONE: Final = frozenset({Kind.DEPOSIT, Kind.WITHDRAWAL, Kind.FX})
_COUNTS_UNITS: Final = _TRADES | _IN_KIND | _EITHER | (ACTIONS - {Kind.SYMBOL_CHANGE})
_UNITS_GO_OUT: Final = frozenset({Kind.SELL, Kind.DELIVER, Kind.SHORT, Kind.REDEMPTION, Kind.TRANSFER})
_NUMBERS: Final = ("quantity", "price", "costs", "tax", "amount", "net")
_FEW: Final = Decimal(1)
_PART: Final = Decimal("0.01")


Said = tuple[
    Decimal | None,
    Decimal | None,
    str,
    str,
    Decimal | None,
    Decimal,
    Decimal,
    tuple[tuple[Decimal, str], ...],
]
"""What a line says of units and money: units without sign, the price of one as it is stated, and `Cash`."""

Cash = tuple[str, str, Decimal | None, Decimal, Decimal, tuple[tuple[Decimal, str], ...]]
"""What a line says of money in whole units of its currency: that currency, "" where the line does not say; that of
the price; the amount without costs, None where nothing says what units are worth; fees; tax; and costs in other
currencies, or in coins."""


class Booker:
    """Makes the records of one kind from lines of one rule."""

    def __init__(
        self, sheet: Sheet, rule: Rule, kind: TransactionKind, signs: str, *, first: Rule | None = None
    ) -> None:
        """Bind a rule.

        Args:
            sheet: the file.
            rule: where it takes fields from.
            kind: of the records.
            signs: what the sign of amounts means.
            first: the rule of the line's first record, where this makes a further.
        """
        self._direction = -1 if kind in OUT else 1 if kind in IN else 0
        fields = Fields(sheet, rule, first=first, direction=self._direction)
        self.kind, self._sheet, self._fields, self._signs = kind, sheet, fields, signs
        self._day, self._settled = fields.day("date"), fields.day("settled")
        self._amount, self._net = fields.figure("amount"), fields.figure("net")
        self._costs, self._tax = fields.figures("costs"), fields.figure("tax")
        self._quantity, self._price = fields.figure("quantity"), fields.figure("price")
        self._currency, self._price_currency = fields.code("currency"), fields.code("price_currency")
        self._account, self._id, self._note = fields.text("account"), fields.text("id"), fields.text("note")
        self._hints = None if kind in _CASH_ALONE else Hints(fields, HINT_FIELDS)
        self._counts_units, self._is_trade = kind in _COUNTS_UNITS, kind in _TRADES
        self._units_go_out = kind in _UNITS_GO_OUT
        self._plain_texts = fields.plain_texts(_NUMBERS)
        self._rare = self._rare_fields()

    # ── the record ──

    def book(self, line: int, cells: Cells) -> Record | tuple[Record, ...]:
        """Return the record of a line; costs in another currency are a record of their own.

        Raises:
            CellError: a cell is not what its column holds.
            LineError: cells contradict each other, or something is missing.
        """
        day = self._day(cells) if self._day else None
        if day is None:
            raise LineError(f"`{self._fields.title('date')}` is empty: it states no day")
        said = self._plainly(cells) or self._carefully(cells)
        quantity, price, code, price_code, amount, fees, tax, others = said
        is_priced = self._counts_units and price is not None and (not price_code or _same(price_code, code))
        if is_priced and price_code in MINOR_CURRENCIES:
            price = EXACT.divide(price or ZERO, units_per_major(price_code))
        record = plain_record(
            self.kind,
            line,
            day,
            self._account(cells) if self._account else "",
            code,
            amount,
            fees + tax if tax else fees,
            tax,
            self._hints.find(cells, price_code) if self._hints else None,
            quantity if self._counts_units and quantity is not None else ZERO,
            price if is_priced else None,
            self._settled(cells) if self._settled else None,
            self._id(cells) if self._id else "",
            self._note(cells) if self._note else "",
        )
        if self._rare:
            record = replace(record, **self._read_rare(cells))
        return (record, *(_cost(record, *other) for other in others)) if others else record

    # ── units and money ──

    def _plainly(self, cells: Cells) -> Said | None:
        """Return what a usual line says, as `_carefully` would, and its errors; None = only `_carefully` can tell.

        Usual: each number is plain, none below 0 that must not be, and all in one currency that is no minor unit. Then
        one match looks at all numbers, and no mark beside them is to be agreed upon.
        """
        if self._plain_texts is None:
            return None
        texts = self._plain_texts(cells)
        if not are_plain("\n".join(texts)):
            return None
        units, each, paid, withheld, gross, rest = texts
        quantity = Decimal(units) or ZERO if units else None
        price = Decimal(each) or ZERO if each else None
        fees = Decimal(paid) or ZERO if paid else ZERO
        tax = Decimal(withheld) or ZERO if withheld else ZERO
        amount = Decimal(gross) or ZERO if gross else None
        net = Decimal(rest) or ZERO if rest else None
        if quantity is not None and quantity < ZERO:
            if self._counts_units and not self._units_go_out:
                return None
            quantity = -quantity
        if (price is not None and price < ZERO) or fees < ZERO or tax < ZERO:
            return None
        price_code = self._price_currency(cells) if self._price_currency else ""
        code = (self._currency(cells) if self._currency else "") or self._sheet.table.currency
        if (code and code not in CURRENCIES) or (price_code and price_code != code):
            return None
        product = None
        if (
            quantity is not None
            and price is not None
            and (self._is_trade or (amount is None and net is None))
        ):
            product = EXACT.multiply(quantity, price)
        amount = self._gross(amount, net, fees + tax if tax else fees, product)
        return quantity, price, code, price_code, amount, fees, tax, ()

    def _carefully(self, cells: Cells) -> Said:
        """Return what any line says."""
        quantity, price, price_code = self._units(cells)
        code, price_code, amount, fees, tax, others = self._cash(cells, quantity, price, price_code)
        return quantity, price, code, price_code, amount, fees, tax, others

    def _units(self, cells: Cells) -> tuple[Decimal | None, Decimal | None, str]:
        """Return units without sign, the price of one as it is stated, and the currency of it."""
        quantity, mark = self._quantity(cells) if self._quantity else NOTHING
        if mark:
            raise LineError(f"`{self._fields.title('quantity')}` has a currency, and counts units")
        if quantity is not None and quantity < ZERO:
            if not self._units_go_out and self._counts_units:
                raise LineError(
                    f"`{self._fields.title('quantity')}` is {quantity}, below 0 for a {self.kind}"
                )
            quantity = -quantity
        price, mark = self._price(cells) if self._price else NOTHING
        code = self._price_currency(cells) if self._price_currency else ""
        if price is not None and price < ZERO and self._counts_units:
            raise LineError(f"`{self._fields.title('price')}` is {price}, below 0")
        return quantity, price, self._sheet.agreed(mark, code, self._fields.title("price")) if mark else code

    def _cash(self, cells: Cells, quantity: Decimal | None, price: Decimal | None, price_code: str) -> Cash:
        amount, amount_mark = self._amount(cells) if self._amount else NOTHING
        net, net_mark = self._net(cells) if self._net else NOTHING
        code = self._currency(cells) if self._currency else ""
        if amount_mark or net_mark:
            field = "amount" if amount_mark else "net"
            code = self._sheet.agreed(amount_mark or net_mark, code, self._fields.title(field))
        if amount is None and net is None and not code:
            code = price_code
        code = code or self._sheet.table.currency
        is_minor = bool(code) and code not in CURRENCIES
        if is_minor and code not in MINOR_CURRENCIES:
            raise LineError(f"the amount is in {code}, no currency")
        fees, others = self._fees(cells, code, is_minor=is_minor) if self._costs else (ZERO, ())
        tax = self._taxes(cells, code) if self._tax else ZERO
        if is_minor:
            units = units_per_major(code)
            amount, net = _divided(amount, units), _divided(net, units)
            price_code = code if price is not None and not price_code else price_code
            code = major_currency(code)
        product, is_stated = None, amount is not None or net is not None
        if quantity is None or price is None or (is_stated and not self._is_trade):
            pass
        elif not price_code or _same(price_code, code):
            product = EXACT.multiply(quantity, price)
            if price_code in MINOR_CURRENCIES:
                product = EXACT.divide(product, units_per_major(price_code))
        return (
            code,
            price_code,
            self._gross(amount, net, fees + tax if tax else fees, product),
            fees,
            tax,
            others,
        )

    def _gross(
        self, amount: Decimal | None, net: Decimal | None, costs: Decimal, product: Decimal | None
    ) -> Decimal | None:
        """Return the amount without costs, from whatever of it is stated."""
        if amount is not None:
            amount = self._unsigned(amount, "amount")
            if net is not None:
                self._agree(amount, self._from_net(self._unsigned(net, "net"), costs), "net")
        elif net is not None:
            amount = self._unsigned(net, "net")
            if costs and self._direction:
                amount = self._from_net(amount, costs)
        elif product is not None:
            return at_most(product, MONEY_PLACES)
        elif self.kind in _IN_KIND:
            return None
        elif self.kind in ACTIONS:
            return ZERO
        else:
            raise LineError(
                f"states no amount: `{self._fields.title('net' if self._net else 'amount')}` is empty"
            )
        if product is not None and self._is_trade and amount != product:
            self._agree(amount, product, "price")
        return amount

    def _unsigned(self, number: Decimal, field: str) -> Decimal:
        if number < ZERO:
            if self._signs == "none" and (self._direction or self.kind not in _IN_KIND | _EITHER):
                raise LineError(f"`{self._fields.title(field)}` is {number}, below 0")
            if self._signs == "cash" and self._direction > 0:
                says = f"below 0, where a {self.kind} brings cash in"
                raise LineError(f"`{self._fields.title(field)}` is {number}, {says}")
            return -number
        if number and self._signs == "cash" and self._direction < 0:
            says = f"above 0, where a {self.kind} takes cash out"
            raise LineError(f"`{self._fields.title(field)}` is {number}, {says}")
        return number

    def _from_net(self, net: Decimal, costs: Decimal) -> Decimal:
        if not costs or not self._direction:
            return net
        if self._direction > 0:
            return net + costs
        if costs > net:
            raise LineError(f"`{self._fields.title('net')}` is {net}, less than its costs of {costs}")
        return net - costs

    def _agree(self, amount: Decimal, other: Decimal, field: str) -> None:
        """Refuse two statements of one amount that differ by more than rounding."""
        gap = abs(amount - other)
        if gap > _FEW and gap > _PART * amount:
            stated = self._fields.title("amount" if self._amount else "net")
            if field == "price":
                quantity, price = self._fields.title("quantity"), self._fields.title("price")
                raise LineError(
                    f"`{quantity}` × `{price}` is {other.normalize():f}, and `{stated}` says {amount}"
                )
            raise LineError(
                f"`{self._fields.title('net')}` with its costs says {other}, and `{stated}` says {amount}"
            )

    def _fees(
        self, cells: Cells, code: str, *, is_minor: bool
    ) -> tuple[Decimal, tuple[tuple[Decimal, str], ...]]:
        """Return costs in the line's currency, and those in others."""
        fees, others = ZERO, []
        if len(self._costs) == 1 and not is_minor:  # as nearly always, and so on the short way
            number, mark = self._costs[0](cells)
            if not number or (not mark and number > ZERO):
                return number or ZERO, ()
        for figure in self._costs:
            number, mark = figure(cells)
            if not number:
                continue
            own = self._known_mark(mark, code, "costs") if mark else code
            if own == code and own not in MINOR_CURRENCIES:
                fees += number
            elif major_currency(own) == major_currency(code):
                fees += EXACT.divide(number, units_per_major(own))
            else:
                others.append((number, own))
        if fees < 0 or (others and any(number < 0 for number, _ in others)):
            below = min([fees, *(number for number, _ in others)])
            raise LineError(f"`{self._fields.title('costs')}` is {below}, a cost below 0")
        return fees, tuple(others)

    def _taxes(self, cells: Cells, code: str) -> Decimal:
        number, mark = self._tax(cells) if self._tax else NOTHING
        if not number:
            return ZERO
        if number < 0:
            raise LineError(f"`{self._fields.title('tax')}` is {number}, a tax below 0")
        own = self._known_mark(mark, code, "tax")
        if major_currency(own) != major_currency(code):
            raise LineError(f"`{self._fields.title('tax')}` is in {own}, and the amount in {code}")
        return EXACT.divide(number, units_per_major(own)) if own in MINOR_CURRENCIES else number

    def _known_mark(self, mark: str, code: str, field: str) -> str:
        """Return the currency of a cost: its own, else that of its line."""
        return (
            self._sheet.agreed(mark, code, self._fields.title(field))
            if mark in SHARED_SYMBOLS
            else mark or code
        )

    # ── what few lines say ──

    def _rare_fields(self) -> dict[str, Callable[[Cells], Any]]:
        fields = self._fields
        found: dict[str, Callable[[Cells], Any] | None] = {
            "acquired": fields.day("acquired"),
            "counter_account": fields.text("counter_account") if self.kind is Kind.TRANSFER else None,
            "counter_quantity": fields.figure("counter_quantity"),
            "basis_fraction": fields.figure("basis_fraction"),
        }
        if self.kind is Kind.FX:
            found |= {
                "counter_amount": fields.figure("counter_amount"),
                "counter_currency": fields.code("counter_currency"),
            }
        if self.kind in ACTIONS - {Kind.SPLIT}:
            hints = Hints(fields, COUNTER_HINT_FIELDS)
            found["counter_asset"] = lambda cells: hints.find(cells, "")
        return {name: read for name, read in found.items() if read is not None}

    def _read_rare(self, cells: Cells) -> dict[str, Any]:
        said = {name: read(cells) for name, read in self._rare.items()}
        for name in ("counter_amount", "counter_quantity", "basis_fraction"):
            number, mark = said.pop(name, NOTHING)
            if number is not None:
                said[name] = abs(number)
            if mark and name == "counter_amount":
                code, title = said.get("counter_currency", ""), self._fields.title(name)
                said["counter_currency"] = self._sheet.agreed(mark, code, title)
        code = said.get("counter_currency", "")
        if code in MINOR_CURRENCIES and "counter_amount" in said:
            said["counter_amount"] = EXACT.divide(said["counter_amount"], units_per_major(code))
            said["counter_currency"] = major_currency(code)
        return said


def numbered(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Return several records of one line with ids of their own: ID/1, ID/2."""
    return tuple(
        replace(record, source_id=f"{record.source_id}/{place}" if record.source_id else "")
        for place, record in enumerate(records, 1)
    )


def _cost(record: Record, number: Decimal, currency: str) -> Record:
    """Return costs in another currency than their line's as a record of their own."""
    is_coin = currency not in CURRENCIES and currency not in MINOR_CURRENCIES
    return Record(
        kind=Kind.DELIVER if is_coin else Kind.FEE,
        line=record.line,
        trade_date=record.trade_date,
        account=record.account,
        currency=record.currency if is_coin else major_currency(currency),
        amount=None if is_coin else EXACT.divide(number, units_per_major(currency)),
        asset=Hint(symbol=currency) if is_coin else record.asset,
        quantity=number if is_coin else ZERO,
        settlement_date=record.settlement_date,
        source_id=record.source_id,
        note=record.note,
    )


def _same(price_code: str, code: str) -> bool:
    """Whether a price is in a currency, or in a minor unit of it."""
    return not price_code or price_code == code or major_currency(price_code) == code


def _divided(number: Decimal | None, units: int) -> Decimal | None:
    return None if number is None else EXACT.divide(number, units)
