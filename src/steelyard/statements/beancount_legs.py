"""The legs of a beancount transaction: which account of ours each one is of, what it weighs, what it stands for.

An Assets account that holds cash or units is an account here. Where somebody keeps one Assets account for each
commodity (`Assets:Broker:VTI`), these and the cash beside them (`Assets:Broker:Cash`) are pockets of one account.
Everything else is outside: income, expenses, liabilities and equity are known by their names only.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import Final

from steelyard.domain.money import CURRENCIES, EXACT
from steelyard.domain.transaction import ZERO
from steelyard.errors import InvalidInputError

_NO_DAY: Final = date(1970, 1, 1)


class LegError(InvalidInputError):
    """A transaction cannot be expressed.

    Attributes:
        why: a clause.
    """

    def __init__(self, why: str) -> None:
        """Take the clause."""
        self.why = why
        super().__init__(f"The transaction {why}.")


class Outside(StrEnum):
    """What a leg outside the Assets stands for."""

    DIVIDEND = "dividend"
    INTEREST = "interest"
    FEE = "fee"
    TAX = "tax"
    GAIN = "gain"
    """The other side of what a sale brings above its cost; no cash of its own."""
    OPENING = "opening"
    OTHER = "other"


_WORDS: Final = (
    ("Income", Outside.DIVIDEND, r"dividend|\bdivs?\b|distribution"),
    ("Income", Outside.INTEREST, r"interest"),
    ("Income", Outside.GAIN, r"gain|\bpnl\b|\bp&l\b|\bpl\b|profit|\bloss"),
    ("Expenses", Outside.INTEREST, r"interest"),
    ("Expenses", Outside.GAIN, r"\bloss|gain|\bpnl\b"),
    ("Expenses", Outside.TAX, r"tax|withh"),
    ("Expenses", Outside.FEE, r"commission|\bfees?\b|brokerage"),
    ("Equity", Outside.OPENING, r"opening"),
)


@dataclass(frozen=True, slots=True)
class Leg:
    """One posting.

    Attributes:
        account: with its root in English.
        number: of the commodity, signed.
        commodity: a currency or the symbol of an asset.
        cost, cost_currency, acquired: of one unit, and of which day; None without a cost.
        price, price_currency: of one unit, where stated.
    """

    account: str
    number: Decimal
    commodity: str
    cost: Decimal | None = None
    cost_currency: str = ""
    acquired: date | None = None
    price: Decimal | None = None
    price_currency: str = ""

    @property
    def is_own(self) -> bool:
        """Whether it is of an Assets account."""
        return self.account.startswith("Assets:")

    @property
    def weighs_in(self) -> str:
        """What its weight is counted in."""
        return self.cost_currency or self.price_currency or self.commodity

    @property
    def weight(self) -> Decimal:
        """What it adds to the sum that is zero: at its cost, else at its price, else as it is.

        >>> Leg("Assets:B", Decimal(-2), "VTI", Decimal(90), "USD", None, Decimal(100), "USD").weight
        Decimal('-180')
        """
        each = self.cost if self.cost is not None else self.price
        with localcontext(EXACT):
            return self.number if each is None else self.number * each


def read_leg(fields: Sequence[str | None]) -> Leg:
    """Return a leg from the fields that the process with beancount in it writes.

    >>> read_leg(["Assets:B", "2", "VTI", None, None, None, "100", "USD"]).weight
    Decimal('200')
    """
    account, number, commodity, cost, cost_currency, acquired, price, price_currency = fields
    return Leg(
        account=account or "",
        number=Decimal(number or ZERO),
        commodity=commodity or "",
        cost=None if cost is None else Decimal(cost),
        cost_currency=cost_currency or "",
        acquired=None if acquired is None else date.fromisoformat(acquired),
        price=None if price is None else Decimal(price),
        price_currency=price_currency or "",
    )


def stands_for(account: str) -> Outside:
    """Return what an account outside the Assets stands for, by its name.

    >>> stands_for("Income:Broker:VTI:Dividend").value, stands_for("Expenses:Food").value
    ('dividend', 'other')
    """
    root, _, rest = account.partition(":")
    spoken = rest.replace(":", " ").replace("-", " ")
    found = (kind for of, kind, words in _WORDS if of == root and re.search(words, spoken, re.IGNORECASE))
    return next(found, Outside.OTHER)


class Pockets:
    """Which account of ours each Assets account is, or is a pocket of.

    >>> pockets = Pockets({"Assets:B:VTI": ["VTI"], "Assets:B:Cash": ["USD"], "Assets:Bank": ["USD"]})
    >>> pockets.owner("Assets:B:Cash"), pockets.owner("Assets:Bank")
    ('Assets:B', 'Assets:Bank')
    """

    def __init__(self, held: Mapping[str, Iterable[str]], *, like_money: Iterable[str] = ()) -> None:
        """Take which commodities are posted to each account, and which only look like money."""
        self._like_money = frozenset(like_money)
        self._held = {
            account: frozenset(names) for account, names in held.items() if account.startswith("Assets:")
        }
        self._brokers = {
            account.rpartition(":")[0] for account in self._held if self._is_of_one_asset(account)
        }
        self.assets = frozenset(
            name for names in self._held.values() for name in names if not self.is_cash(name)
        )

    def is_cash(self, commodity: str) -> bool:
        """Whether a commodity is money: a currency of ISO 4217, and no asset of the same letters.

        >>> Pockets({}).is_cash("BND"), Pockets({}, like_money=["BND"]).is_cash("BND"), Pockets({}).is_cash("BTC")
        (True, False, False)
        """
        return commodity in CURRENCIES and commodity not in self._like_money

    def owner(self, account: str) -> str:
        """Return the account of ours."""
        above = account.rpartition(":")[0]
        is_pocket = self._is_of_one_asset(account) or self._is_of_cash(account)
        return above if above in self._brokers and is_pocket else account

    def holder(self, account: str, commodity: str) -> str | None:
        """Return the account of ours all of whose units of a commodity lie at or below an account; None if none is."""
        inside = {
            pocket
            for pocket, names in self._held.items()
            if commodity in names and (pocket == account or pocket.startswith(f"{account}:"))
        }
        owners = {self.owner(pocket) for pocket in inside} or {self.owner(account)}
        if len(owners) > 1:
            return None
        (owner,) = owners
        beside = {one for one, names in self._held.items() if commodity in names and self.owner(one) == owner}
        return owner if beside == inside else None

    def asset_of(self, account: str) -> str:
        """Return the asset that an account outside is about, by a part of its name; "" where none is."""
        return next((part for part in reversed(account.split(":")) if part in self.assets), "")

    def _is_of_one_asset(self, account: str) -> bool:
        """Whether an account is called after the one asset it holds; the other parts of its name are no root."""
        above, _, name = account.rpartition(":")
        return ":" in above and self._held.get(account, frozenset()) == {name} and not self.is_cash(name)

    def _is_of_cash(self, account: str) -> bool:
        names = self._held.get(account, frozenset())
        return bool(names) and all(self.is_cash(name) for name in names)
