"""Records: what a statement says, row by row, before anything of it is in the store.

A record has the kinds and the signs of `domain.transaction`: amounts and quantities are positive, the kind gives the
direction. What differs is the names: a statement calls accounts and assets by its own.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from steelyard.domain.transaction import ZERO, TransactionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """What a statement says of an asset: enough to find it, or to ask. "" is not said.

    Attributes:
        isin: ISO 6166, upper case; of a wrong check digit it is not taken, and stands in `name` instead.
        symbol: ticker, as written.
        name: what people call it.
        currency: ISO 4217 code, or a minor unit such as GBX, that its price is stated in.
        venue: the exchange, as written: a MIC or the broker's word.
        cusip: CUSIP, upper case.
        kind: the statement's word for what it is (`STOCK`, `Crypto`).
    """

    isin: str = ""
    symbol: str = ""
    name: str = ""
    currency: str = ""
    venue: str = ""
    cusip: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One booking, as a statement states it. What a kind does not use is left at its default.

    The fields of `domain.transaction.Transaction`, with these differences.

    Attributes:
        line: where it stands, from 1: the line of a text file, else the number of the item; of a record that wraps
            over several lines the first.
        account: what the statement calls the account; "" where a file does not say, and is about one account.
        currency: ISO 4217; "" where the file does not say: then it is the account's.
        amount: None where a RECEIVE or DELIVER does not say what the units are worth.
        asset: of which asset; None for cash alone.
        counter_asset: what a corporate action turns it into.
        source_id: the statement's own id of the booking; "" where there is none. Two records of one line say
            `ID/1` and `ID/2`.
        note: what the line says in words, for people.
        counter_account: what the statement calls the account a TRANSFER goes to.
    """

    kind: TransactionKind
    line: int
    trade_date: date
    account: str = ""
    currency: str = ""
    amount: Decimal | None = ZERO
    costs: Decimal = ZERO
    tax: Decimal = ZERO
    asset: Hint | None = None
    quantity: Decimal = ZERO
    price: Decimal | None = None
    settlement_date: date | None = None
    counter_asset: Hint | None = None
    counter_quantity: Decimal = ZERO
    counter_currency: str = ""
    counter_amount: Decimal = ZERO
    acquired: date | None = None
    basis_fraction: Decimal | None = None
    source_id: str = ""
    note: str = ""
    counter_account: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """What a statement says is there at the end of a day: units of an asset, or cash.

    Attributes:
        line: where it stands.
        account: what the statement calls the account.
        day: at the end of which.
        asset: of what; None = cash of `currency`.
        currency: ISO 4217; of units the currency of their price, or "".
        quantity: units, or an amount of cash; below 0 = owed. Several of one asset add up.
    """

    line: int
    account: str
    day: date
    asset: Hint | None
    currency: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Skipped:
    """A row that is knowingly not booked: it moves neither units nor cash.

    Attributes:
        line: where it stands.
        why: a clause such as "an order that was cancelled".
    """

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be read as what it must be, or is of a kind nobody has described.

    Attributes:
        line: where it stands.
        why: a clause with the column and the text that is wrong: "`Price` is 'n/a', no number".
    """

    line: int
    why: str


Row = Record | Held | Skipped | Refused
