"""Openings: what was in an account before a history that starts in the middle."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext
from math import prod
from typing import Final, NamedTuple

from steelyard.domain.amount import plain
from steelyard.domain.money import (
    EXACT,
    MONEY_PLACES,
    major_currency,
    round_half_up,
    round_up,
    units_per_major,
)
from steelyard.domain.posting import QUANTITY_PLACES
from steelyard.domain.transaction import ZERO, Transaction, TransactionKind
from steelyard.services.statement_effect import Commodity, Courses
from steelyard.services.statement_identity import lasting_id
from steelyard.services.statement_plan import Opening
from steelyard.storage.connection import AnySession
from steelyard.storage.price import get_newest_closes, get_price_actions, get_price_keys

OLDEST_CLOSE: Final = 7
"""Days that a close may be older than what it values: a weekend, and holidays around it."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What a statement says is there, under our names.

    Attributes:
        file_name, line: where; of several lines that add up the first.
        key: of what, in which account.
        day: at the end of which.
        quantity: units or cash.
    """

    file_name: str
    line: int
    key: Commodity
    day: date
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class History:
    """When what is known of accounts begins.

    Attributes:
        first_rows: account → day of the first row of the files.
        first_booked: account → day of the first entry that was there before.
        shorted: asset of an account that was sold short: below 0 it lacks nothing.
    """

    first_rows: Mapping[str, date]
    first_booked: Mapping[str, date]
    shorted: Collection[tuple[str, str]]

    def starts_here(self, account_id: str) -> bool:
        """Whether nothing is booked before the first row of the files."""
        first = self.first_rows.get(account_id)
        booked = self.first_booked.get(account_id)
        return first is not None and (booked is None or booked >= first)


async def find_openings(
    db: AnySession, courses: Courses, stated: Sequence[Stated], history: History, *, is_chosen: bool
) -> list[Opening]:
    """Return what accounts must have held before, whose history starts with the files.

    What a statement says is there, less what moved, is the best evidence; without it, what would be below 0.

    Args:
        db: the transaction in which the files are posted.
        courses: what the accounts hold with them.
        stated: what the statements say.
        history: when it begins.
        is_chosen: whether they are booked.
    """
    found = []
    for one in _missing(courses, stated, history):
        key = one.key
        if not history.starts_here(key.account_id):
            continue
        day = history.first_rows[key.account_id] - timedelta(days=1)
        if key.is_cash:
            found.append(Opening(key.account_id, day, "", key.name, ZERO, one.quantity, one.why, is_chosen))
        else:
            quantity = await _before_splits(db, one, day)
            currency, amount = await value_at_close(db, key.name, quantity, day)
            found.append(
                Opening(key.account_id, day, key.name, currency, quantity, amount, one.why, is_chosen)
            )
    return found


async def _before_splits(db: AnySession, one: "_Missing", opened: date) -> Decimal:
    """Return the units that became what is missing on its day; part of the last place is rounded up."""
    actions = (await get_price_actions(db, {one.key.name: opened})).get(one.key.name, [])
    with localcontext(EXACT):
        ratio = prod(
            (
                action.ratio
                for action in actions
                if action.ratio is not None and action.action_date <= one.day
            ),
            start=Decimal(1),
        )
        return round_up(one.quantity / ratio, QUANTITY_PLACES)


async def value_at_close(
    db: AnySession, asset_id: str, quantity: Decimal, day: date
) -> tuple[str, Decimal | None]:
    """Return the currency of an asset, and what its units cost by the close of a day or of the last one before it."""
    [key] = await get_price_keys(db, [asset_id])
    currency = major_currency(key.currency)
    closes = (await get_newest_closes(db, [asset_id], day, most=1)).get(asset_id, [])
    if not closes or (day - closes[0].price_date).days > OLDEST_CLOSE:
        return currency, None
    with localcontext(EXACT):
        value = quantity * closes[0].closing_price / units_per_major(key.currency)
        return currency, round_half_up(value, MONEY_PLACES)


def opening_transaction(one: Opening) -> Transaction:
    """Return an opening whose amount is known as it is booked.

    >>> cash = Opening("SAVINGS", date(2024, 1, 1), "", "USD", ZERO, Decimal(100), "", True)
    >>> opening_transaction(cash).kind
    <TransactionKind.OPENING: 'OPENING'>
    """
    return Transaction(
        transaction_id=lasting_id(  # by its day, too: older history has an opening of its own, before this one
            "opening", one.account_id, one.asset_id, "" if one.asset_id else one.currency, one.day.isoformat()
        ),
        kind=TransactionKind.OPENING,
        trade_date=one.day,
        account_id=one.account_id,
        currency=one.currency,
        amount=one.amount or ZERO,
        asset_id=one.asset_id,
        quantity=one.quantity,
    )


class _Missing(NamedTuple):
    """What lacks on a day, and what shows it."""

    key: Commodity
    quantity: Decimal
    day: date
    why: str


def _missing(courses: Courses, stated: Sequence[Stated], history: History) -> Iterator[_Missing]:
    last = {one.key: one for one in sorted(stated, key=lambda one: one.day)}
    for key in sorted({*courses, *last}):
        least, since = courses.lowest(key)
        if not key.is_cash and (key.account_id, key.name) in history.shorted:
            continue
        if key in last:
            says = last[key]
            gap = says.quantity - courses.at(key, says.day)
            why = f"{says.file_name} says {plain(says.quantity)} at the end of {says.day}"
            if gap > 0:
                yield _Missing(key, gap, says.day, why)
        elif least < 0:
            yield _Missing(key, -least, since, f"on {since} there would be {plain(least)}")
