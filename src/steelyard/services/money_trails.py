"""What a period brought in money, exact: flows, income, fees, taxes, gains realised and not, each with its trail."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

import numpy as np

from steelyard.analytics.observations import DateArray
from steelyard.analytics.trail import Cell, Trail, Unit
from steelyard.domain.gain import Gain
from steelyard.domain.lot import Lot
from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up
from steelyard.services.held import ONE, Valued, value_trail
from steelyard.services.lot import ReplayedAccounts
from steelyard.services.rate import ExchangeRates, MissingRateError
from steelyard.storage.booked import BookedAmount, ExternalFlow, QuotedPrice

Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What is booked of a scope in a period, exact.

    Attributes:
        base_currency: of the scope.
        begin: the day whose end is the beginning.
        last: the last day.
        opening, closing: what was held at the end of both, valued.
        flows: what came from outside and what left.
        amounts: income, fees and taxes.
        prices: of what flowed in kind, by asset and the day it counts on.
        counted_on: trade date → the day a flow counts on: the first that is valued.
        replayed: lots and gains.
        account_currencies: account → its base currency.
        rates: between all of these.
    """

    base_currency: str
    begin: date
    last: date
    opening: Sequence[Valued]
    closing: Sequence[Valued]
    flows: Sequence[ExternalFlow]
    amounts: Sequence[BookedAmount]
    prices: Mapping[tuple[str, date], QuotedPrice]
    counted_on: Callable[[date], date]
    replayed: ReplayedAccounts
    account_currencies: Mapping[str, str]
    rates: ExchangeRates


def first_valued_day(dates: DateArray) -> Callable[[date], date]:
    """Return what gives the first of some days on or after another.

    >>> days = np.array(["2024-03-15", "2024-03-18"], dtype="datetime64[D]")
    >>> first_valued_day(days)(date(2024, 3, 16))
    datetime.date(2024, 3, 18)
    """
    known = dates.tolist()

    def counted_on(day: date) -> date:
        found: date = known[int(np.searchsorted(dates, np.datetime64(day, "D")))]
        return found

    return counted_on


def opening_trail(booked: Booked) -> Trail:
    """Return the trail of the value that the period begins with."""
    return value_trail("opening_value", booked.opening, booked.begin, booked.base_currency)


def closing_trail(booked: Booked) -> Trail:
    """Return the trail of the value at the end of the last day."""
    return value_trail("closing_value", booked.closing, booked.last, booked.base_currency)


def flows_trail(booked: Booked) -> Trail:
    """Return the trail of what came from outside less what left."""
    return _summed(
        "net_flows",
        booked,
        (
            "day",
            "transaction_id",
            "kind",
            "account",
            "moved",
            "quantity",
            "price",
            "price_currency",
            "counted_on",
            "rate",
            "amount",
        ),
        (_flow_row(booked, flow) for flow in booked.flows),
        "amount = round(quantity * price * rate, 8); sum(amount)",
    )


def _flow_row(booked: Booked, flow: ExternalFlow) -> Row:
    day = booked.counted_on(flow.trade_date)
    quoted = None if flow.is_cash else booked.prices.get((flow.commodity, day))
    price = ONE if flow.is_cash else quoted.price if quoted else None
    currency = flow.commodity if flow.is_cash else quoted.currency if quoted else ""
    rate = _rate(booked, currency, day) if currency else None
    return (
        flow.trade_date,
        flow.transaction_id,
        flow.kind,
        flow.account_id,
        flow.commodity,
        flow.quantity,
        price,
        currency,
        day,
        rate,
        _product(flow.quantity, price, rate),
    )


def gain_trail(booked: Booked) -> Trail:
    """Return the trail of the gain: what the value changed by, less what flowed."""
    parts = opening_trail(booked), closing_trail(booked), flows_trail(booked)
    reasons = [part.formula for part in parts if part.value is None]
    with localcontext(EXACT):
        values = [Decimal(part.value) for part in parts if part.value is not None]
        value = values[1] - values[0] - values[2] if not reasons else None
    formula = "; ".join(reasons) or "closing_value - opening_value - net_flows"
    return Trail("gain", value, Unit.MONEY, formula, conventions=_conventions(booked), parts=parts)


def amount_trail(figure: str, booked: Booked) -> Trail:
    """Return the trail of income, fees or taxes, gross: what was withheld or charged with a trade counts too."""
    columns = ("day", "transaction_id", "kind", "account", "asset", "booked", "currency", "rate", "amount")
    rows = (
        (
            one.trade_date,
            one.transaction_id,
            one.kind,
            one.account_id,
            one.asset_id,
            one.amount,
            one.currency,
            rate := _rate(booked, one.currency, one.trade_date),
            _product(one.amount, rate),
        )
        for one in booked.amounts
        if one.place == figure
    )
    return _summed(figure, booked, columns, rows, "amount = round(booked * rate, 8); sum(amount)")


def realised_trail(booked: Booked) -> Trail:
    """Return the trail of the gains realised in the period: a row for each lot, or part of one, that was closed."""
    columns = (
        "day",
        "transaction_id",
        "account",
        "asset",
        "lot",
        "acquired",
        "quantity",
        "proceeds",
        "basis",
        "currency",
        "rate",
        "amount",
    )
    gains = (gain for gain in booked.replayed.gains if booked.begin < gain.closed <= booked.last)
    formula = "amount = round((proceeds - basis) * rate, 8); sum(amount)"
    rows = (_realised_row(booked, gain) for gain in gains)
    return _summed("realised_gain", booked, columns, rows, formula, faults=booked.replayed.faults)


def _realised_row(booked: Booked, gain: Gain) -> Row:
    currency = booked.account_currencies[gain.account_id]
    rate = _rate(booked, currency, gain.closed)
    proceeds, basis = (gain.lot.basis, gain.amount) if gain.is_short else (gain.amount, gain.lot.basis)
    return (
        gain.closed,
        gain.transaction_id,
        gain.account_id,
        gain.asset_id,
        gain.lot.lot_id,
        gain.lot.acquired,
        gain.lot.quantity,
        proceeds,
        basis,
        currency,
        rate,
        _product(gain.gain, rate),
    )


def unrealised_trail(booked: Booked) -> Trail:
    """Return the trail of the gains not realised yet: a row for each open lot; a short one counts below 0."""
    columns = (
        "account",
        "asset",
        "lot",
        "acquired",
        "quantity",
        "price",
        "price_currency",
        "rate",
        "value",
        "basis",
        "currency",
        "basis_rate",
        "amount",
    )
    values = {one.commodity: one for one in booked.closing if not one.is_cash}
    lots = [(lot, 1) for lot in booked.replayed.lots] + [(lot, -1) for lot in booked.replayed.shorts]
    rows = (_unrealised_row(booked, lot, sign, values) for lot, sign in lots)
    formula = (
        "value = round(quantity * price * rate, 8); "
        "amount = value - round(basis * basis_rate, 8); "
        "sum(amount)"
    )
    return _summed("unrealised_gain", booked, columns, rows, formula, faults=booked.replayed.faults)


def _unrealised_row(booked: Booked, lot: Lot, sign: int, values: Mapping[str, Valued]) -> Row:
    held, currency = values.get(lot.asset_id), booked.account_currencies[lot.account_id]
    price, rate = (held.price, held.rate) if held else (None, None)
    basis_rate = _rate(booked, currency, booked.last)
    quantity, basis = sign * lot.quantity, sign * lot.basis
    value, cost = _product(quantity, price, rate), _product(basis, basis_rate)
    return (
        lot.account_id,
        lot.asset_id,
        lot.lot_id,
        lot.acquired,
        quantity,
        price,
        held.price_currency if held else "",
        rate,
        value,
        basis,
        currency,
        basis_rate,
        value - cost if value is not None and cost is not None else None,
    )


MONEY_TRAILS: Final[Mapping[str, Callable[[Booked], Trail]]] = {
    "opening_value": opening_trail,
    "net_flows": flows_trail,
    "gain": gain_trail,
    "closing_value": closing_trail,
    "income": lambda booked: amount_trail("income", booked),
    "fees": lambda booked: amount_trail("fees", booked),
    "taxes": lambda booked: amount_trail("taxes", booked),
    "realised_gain": realised_trail,
    "unrealised_gain": unrealised_trail,
}
"""The figures in money, in the order people read them."""


def _summed(
    figure: str,
    booked: Booked,
    columns: tuple[str, ...],
    rows: Iterable[Row],
    formula: str,
    *,
    faults: Mapping[str, str] | None = None,
) -> Trail:
    """Return the trail of a sum over its last column; not known where one of them is not, or an account has a fault."""
    with localcontext(EXACT):
        made = tuple(rows)
    unknown = [f"{row[1]} {row[2]}" for row in made if row[-1] is None]
    reason = (
        "; ".join(faults.values())
        if faults
        else f"no price or rate for {', '.join(unknown)}"
        if unknown
        else ""
    )
    with localcontext(EXACT):
        value = (
            None if reason else sum((one for row in made if isinstance(one := row[-1], Decimal)), Decimal(0))
        )
    return Trail(
        figure,
        value,
        Unit.MONEY,
        reason or formula,
        conventions=_conventions(booked),
        columns=columns,
        rows=made,
    )


def _conventions(booked: Booked) -> dict[str, Cell]:
    return {"begin": booked.begin, "last": booked.last, "base_currency": booked.base_currency}


def _rate(booked: Booked, currency: str, day: date) -> Decimal | None:
    try:
        return booked.rates.rate(currency, booked.base_currency, day)
    except MissingRateError:
        return None


def _product(*factors: Decimal | None) -> Decimal | None:
    """Multiply and round once, in a context that is wide enough; None where a factor is."""
    product = ONE
    for factor in factors:
        if factor is None:
            return None
        product *= factor
    return round_half_up(product, MONEY_PLACES)
