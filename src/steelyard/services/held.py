"""What is held, valued exactly: quantity × last price × rate, rounded once, as asset 360 does."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from steelyard.analytics.trail import Trail, Unit
from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up
from steelyard.services.rate import ExchangeRates, MissingRateError
from steelyard.storage.booked import Held, QuantityPosting
from steelyard.storage.connection import ReadSession
from steelyard.storage.portfolio import StoredPrice, get_last_prices

ONE: Final = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Valued:
    """An asset, or money of a currency, over some accounts.

    Attributes:
        commodity: the asset; of money the currency.
        is_cash: whether it is money.
        accounts: that hold it.
        quantity: units, negative = short or overdrawn.
        price: of one unit; 1 for money, None = none is known.
        price_currency: the currency, or a unit of one such as GBX.
        price_date: its day; None for money.
        rate: base currency for one of `price_currency`; None = not known.
        value: in the base currency; None = not known.
        reason: why not; "" where it is known.
    """

    commodity: str
    is_cash: bool
    accounts: tuple[str, ...]
    quantity: Decimal
    price: Decimal | None
    price_currency: str
    price_date: date | None
    rate: Decimal | None
    value: Decimal | None
    reason: str = ""


async def value_held(
    db: ReadSession, held: Sequence[Held], *, base_currency: str, as_of: date, rates: ExchangeRates
) -> list[Valued]:
    """Value what accounts held at the end of a day, each commodity over all of them; money first, then by name.

    Args:
        db: a session.
        held: by account and commodity.
        base_currency: of the values.
        as_of: the day of prices and rates.
        rates: between the currencies of prices and money.
    """
    assets = sorted({one.commodity for one in held if not one.is_cash})
    prices = {price.asset_id: price for price in await get_last_prices(db, assets, as_of)} if assets else {}
    by_commodity: dict[tuple[bool, str], list[Held]] = defaultdict(list)
    for one in held:
        by_commodity[not one.is_cash, one.commodity].append(one)
    return [_valued(parts, prices, rates, base_currency, as_of) for _, parts in sorted(by_commodity.items())]


def _valued(
    parts: Sequence[Held],
    prices: Mapping[str, StoredPrice],
    rates: ExchangeRates,
    base_currency: str,
    as_of: date,
) -> Valued:
    name, is_cash = parts[0].commodity, parts[0].is_cash
    quoted = None if is_cash else prices.get(name)
    currency = name if is_cash else quoted.currency if quoted else ""
    price = ONE if is_cash else quoted.closing_price if quoted else None
    rate, reason = _rate(rates, currency, base_currency, as_of) if currency else (None, "no price is known")
    with localcontext(EXACT):
        quantity = sum((part.quantity for part in parts), Decimal(0))
        value = None
        if price is not None and rate is not None:
            value = round_half_up(quantity * price * rate, MONEY_PLACES)
    return Valued(
        commodity=name,
        is_cash=is_cash,
        accounts=tuple(sorted(part.account_id for part in parts)),
        quantity=quantity,
        price=price,
        price_currency=currency,
        price_date=quoted.price_date if quoted else None,
        rate=rate,
        value=value,
        reason=reason,
    )


def _rate(rates: ExchangeRates, source: str, target: str, day: date) -> tuple[Decimal | None, str]:
    try:
        return rates.rate(source, target, day), ""
    except MissingRateError as error:
        return None, f"no rate of {error.currency} is known on {error.day}"


def total_value(valued: Iterable[Valued]) -> Decimal | None:
    """Sum values; None where one is not known.

    >>> total_value([])
    Decimal('0')
    """
    values = [one.value for one in valued]
    with localcontext(EXACT):
        return (
            sum((value for value in values if value is not None), Decimal(0)) if None not in values else None
        )


def unvalued(valued: Iterable[Valued]) -> str:
    """Say what has no value, and why; "" where everything has one."""
    named = [f"{one.commodity} ({one.reason})" for one in valued if one.value is None]
    return f"not valued: {', '.join(named)}" if named else ""


def value_trail(
    figure: str, valued: Sequence[Valued], as_of: date, base_currency: str, parts: Sequence[Trail] = ()
) -> Trail:
    """Return the trail of a value: a row for each asset and currency."""
    reason = unvalued(valued)
    return Trail(
        figure,
        total_value(valued),
        Unit.MONEY,
        reason or "value = round(quantity * price * rate, 8); sum(value)",
        conventions={"as_of": as_of, "base_currency": base_currency},
        columns=("held", "quantity", "price", "price_currency", "price_date", "rate", "value"),
        rows=tuple(
            (one.commodity, one.quantity, one.price, one.price_currency, one.price_date, one.rate, one.value)
            for one in valued
        ),
        parts=tuple(parts),
    )


def quantity_trails(postings: Iterable[QuantityPosting]) -> tuple[Trail, ...]:
    """Return the trail of each quantity that is held: its postings, money first, then by name.

    >>> posting = QuantityPosting(1, "T1", "BUY", date(2024, 3, 14), "A", "VTI", is_cash=False, quantity=Decimal(10))
    >>> [(trail.figure, trail.value) for trail in quantity_trails([posting])]
    [('quantity of VTI', Decimal('10'))]
    """
    behind: dict[tuple[bool, str], list[QuantityPosting]] = defaultdict(list)
    for posting in postings:
        behind[not posting.is_cash, posting.commodity].append(posting)
    trails = []
    for (_, name), rows in sorted(behind.items()):
        with localcontext(EXACT):
            quantity = sum((row.quantity for row in rows), Decimal(0))
        if quantity:
            cells = tuple(
                (row.trade_date, row.transaction_id, row.kind, row.account_id, row.quantity) for row in rows
            )
            columns = ("day", "transaction_id", "kind", "account", "quantity")
            trails.append(
                Trail(
                    f"quantity of {name}", quantity, Unit.UNITS, "sum(quantity)", columns=columns, rows=cells
                )
            )
    return tuple(trails)
