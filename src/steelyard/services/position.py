"""Positions and lots of a scope, valued exactly on a day."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from steelyard.domain.gain import Gain
from steelyard.domain.lot import Lot
from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up
from steelyard.domain.scope import TENANT, Scope
from steelyard.services.held import Valued, total_value, unvalued, value_held
from steelyard.services.lot import ReplayedAccounts, replay_accounts
from steelyard.services.portfolio import read_day
from steelyard.services.rate import ExchangeRates, MissingRateError, read_rates
from steelyard.services.scope import require_scope
from steelyard.storage import booked as store
from steelyard.storage.booked import Held, StatedPosition
from steelyard.storage.connection import ReadSession, reading
from steelyard.storage.portfolio import CASH
from steelyard.storage.valuation import ScopeAccount, get_valuation_accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """An asset, or money of a currency, over the accounts of a scope.

    Attributes:
        asset_id: the asset; of money the currency.
        asset_name: its name.
        accounts: that hold it.
        quantity: units, negative = short.
        price: of one unit in `price_currency`; 1 for money, None = none is known.
        price_currency: the currency, or a unit of one such as GBX.
        price_date: its day; None for money.
        value: in the base currency; None = not known, and `reason` says why.
        weight: share of the value of all, a fraction; None where a value is not known.
        basis: what its lots cost, in the base currency at the day's rate; None = not known, and for money.
        unrealised_gain: value − basis.
    """

    asset_id: str
    asset_name: str
    accounts: tuple[str, ...]
    quantity: Decimal
    price: Decimal | None
    price_currency: str
    price_date: date | None
    value: Decimal | None
    weight: float | None
    basis: Decimal | None
    unrealised_gain: Decimal | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLot:
    """A lot that is open.

    Attributes:
        account_id: where it is.
        asset_id: of what.
        lot_id: the transaction that made it.
        acquired: its day.
        quantity: units; negative where it was sold short.
        cost: what it cost, or brought where it was sold short, in `currency`.
        currency: the base currency of the account, in which its tax is paid.
        value: on the day, in `currency`; None = not known.
        gain: value − cost, of a short lot cost − value.
        held_days: since it was acquired.
    """

    account_id: str
    asset_id: str
    lot_id: str
    acquired: date
    quantity: Decimal
    cost: Decimal
    currency: str
    value: Decimal | None
    gain: Decimal | None
    held_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLot:
    """A lot, or part of one, that was closed; money in `currency`, the base currency of the account.

    Attributes:
        currency_gain: what of the gain the exchange rate made.
    """

    closed: date
    transaction_id: str
    account_id: str
    asset_id: str
    lot_id: str
    acquired: date
    quantity: Decimal
    proceeds: Decimal
    cost: Decimal
    gain: Decimal
    currency_gain: Decimal
    currency: str
    is_short: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """What a scope holds on a day; `notes` say what limits it."""

    scope_kind: str
    scope_id: str
    base_currency: str
    as_of: date
    total_value: Decimal | None
    positions: tuple[Position, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lots:
    """The lots of a scope on a day, and those closed until then; `notes` say what limits them."""

    scope_kind: str
    scope_id: str
    as_of: date
    lots: tuple[OpenLot, ...]
    closed: tuple[ClosedLot, ...]
    notes: tuple[str, ...]


async def get_positions(
    db: ReadSession | None = None, *, scope: Scope = TENANT, as_of: date | None = None
) -> Positions:
    """Return what a scope holds, by what keeps each account, the most valuable first.

    Args:
        db: a read session; None opens the default store.
        scope: the tenant, a household or an account.
        as_of: the day; None = the last price date.

    Raises:
        UnknownScopeError: there is no such household or account.
        NoMarketPricesError: the store holds no price, and no day was given.
    """
    async with reading(db) as session:
        await require_scope(session, scope)
        day = await read_day(session, as_of)
        base_currency, accounts = await get_valuation_accounts(session, scope)
        stated = await store.get_scope_positions(session, [one.account_id for one in accounts], day)
        held = [_held(one) for one in stated if one.quantity]
        rates = await _rates(session, base_currency, accounts, stated)
        valued = await value_held(session, held, base_currency=base_currency, as_of=day, rates=rates)
        replayed = await replay_accounts(session, accounts, day)
    names = {one.currency if _is_cash(one) else one.asset_id: one.asset_name for one in stated}
    bases = _bases(replayed, accounts, rates, base_currency, day)
    total = total_value(valued)
    return Positions(
        scope_kind=scope.kind,
        scope_id=scope.id,
        base_currency=base_currency,
        as_of=day,
        total_value=total,
        positions=tuple(sorted((_position(one, names, bases, total) for one in valued), key=_by_value)),
        notes=tuple(_notes(stated, valued, replayed)),
    )


async def get_lots(
    db: ReadSession | None = None,
    *,
    scope: Scope = TENANT,
    as_of: date | None = None,
    asset_id: str | None = None,
) -> Lots:
    """Return the open lots of a scope, and those closed, by account, asset and day; arguments as `get_positions`.

    Args:
        db: a read session; None opens the default store.
        scope: the tenant, a household or an account.
        as_of: the day; None = the last price date.
        asset_id: only of this asset; None = all.

    Raises:
        UnknownScopeError, NoMarketPricesError: as `get_positions`.
    """
    async with reading(db) as session:
        await require_scope(session, scope)
        day = await read_day(session, as_of)
        _, accounts = await get_valuation_accounts(session, scope)
        replayed = await replay_accounts(session, accounts, day)
        bases = {one.account_id: one.base_currency for one in accounts}
        values = await _lot_values(session, replayed, bases, day)
    lots = [_open_lot(lot, 1, bases, values, day) for lot in replayed.lots]
    lots += [_open_lot(lot, -1, bases, values, day) for lot in replayed.shorts]
    closed = [_closed_lot(gain, bases) for gain in replayed.gains]
    return Lots(
        scope_kind=scope.kind,
        scope_id=scope.id,
        as_of=day,
        lots=tuple(
            sorted(
                (lot for lot in lots if asset_id in {None, lot.asset_id}),
                key=lambda lot: (lot.account_id, lot.asset_id, lot.acquired, lot.lot_id),
            )
        ),
        closed=tuple(one for one in closed if asset_id in {None, one.asset_id}),
        notes=tuple(_faults(replayed)),
    )


def _is_cash(one: StatedPosition) -> bool:
    return one.asset_type.lower() == CASH


def _held(one: StatedPosition) -> Held:
    """Take a cash asset for the money it stands for."""
    is_cash = _is_cash(one)
    return Held(
        one.account_id, one.currency if is_cash else one.asset_id, is_cash, one.quantity or Decimal(0)
    )


async def _rates(
    db: ReadSession, base_currency: str, accounts: Iterable[ScopeAccount], stated: Iterable[StatedPosition]
) -> ExchangeRates:
    bases = {account.base_currency for account in accounts}
    return await read_rates(db, {base_currency} | bases | {one.currency for one in stated})


@dataclass(slots=True)
class _Basis:
    """What the lots of an asset come to: units, and cost in the base currency, None where a rate is missing."""

    quantity: Decimal = Decimal(0)
    cost: Decimal | None = Decimal(0)


def _bases(
    replayed: ReplayedAccounts,
    accounts: Iterable[ScopeAccount],
    rates: ExchangeRates,
    base_currency: str,
    day: date,
) -> dict[str, _Basis]:
    currencies = {account.account_id: account.base_currency for account in accounts}
    found: dict[str, _Basis] = defaultdict(_Basis)
    for lots, sign in ((replayed.lots, 1), (replayed.shorts, -1)):
        for lot in lots:
            basis = found[lot.asset_id]
            with localcontext(EXACT):
                basis.quantity += sign * lot.quantity
                try:
                    rate = rates.rate(currencies[lot.account_id], base_currency, day)
                except MissingRateError:
                    basis.cost = None
                if basis.cost is not None:
                    basis.cost += sign * round_half_up(lot.basis * rate, MONEY_PLACES)
    return found


def _position(
    one: Valued, names: Mapping[str, str], bases: Mapping[str, _Basis], total: Decimal | None
) -> Position:
    lots = None if one.is_cash else bases.get(one.commodity)
    basis = (
        lots.cost if lots and lots.quantity == one.quantity else None
    )  # else the lots are not of what is held
    with localcontext(EXACT):
        gain = one.value - basis if one.value is not None and basis is not None else None
    return Position(
        asset_id=one.commodity,
        asset_name=names.get(one.commodity, one.commodity),
        accounts=one.accounts,
        quantity=one.quantity,
        price=one.price,
        price_currency=one.price_currency,
        price_date=one.price_date,
        value=one.value,
        weight=float(one.value / total) if one.value is not None and total else None,
        basis=basis,
        unrealised_gain=gain,
        reason=one.reason,
    )


def _by_value(position: Position) -> tuple[bool, Decimal, str]:
    return position.value is None, -(position.value or Decimal(0)), position.asset_id


def _notes(
    stated: Iterable[StatedPosition], valued: Iterable[Valued], replayed: ReplayedAccounts
) -> Iterable[str]:
    weights = sorted({one.asset_id for one in stated if one.quantity is None})
    if weights:
        yield f"Kept as weights, without a quantity, and left out: {', '.join(weights)}."
    if reason := unvalued(valued):
        yield f"{reason[:1].upper()}{reason[1:]}."
    yield from _faults(replayed)


def _faults(replayed: ReplayedAccounts) -> Iterable[str]:
    for account, reason in replayed.faults.items():
        yield f"No lots of {account}: {reason}"


async def _lot_values(
    db: ReadSession, replayed: ReplayedAccounts, bases: Mapping[str, str], day: date
) -> dict[tuple[str, str], Decimal | None]:
    """Return what a unit of an asset is worth in a currency on a day, for those that lots are of."""
    wanted = {(lot.asset_id, bases[lot.account_id]) for lot in (*replayed.lots, *replayed.shorts)}
    quoted = {
        price.asset_id: price for price in await store.get_prices_on_days(db, [(a, day) for a, _ in wanted])
    }
    rates = await read_rates(db, {price.currency for price in quoted.values()} | set(bases.values()))
    found: dict[tuple[str, str], Decimal | None] = {}
    for asset, currency in wanted:
        price = quoted.get(asset)
        try:
            with localcontext(EXACT):
                rate = None if price is None else price.price * rates.rate(price.currency, currency, day)
                found[asset, currency] = rate
        except MissingRateError:
            found[asset, currency] = None
    return found


def _open_lot(
    lot: Lot, sign: int, bases: Mapping[str, str], values: Mapping[tuple[str, str], Decimal | None], day: date
) -> OpenLot:
    currency = bases[lot.account_id]
    worth = values.get((lot.asset_id, currency))
    with localcontext(EXACT):
        value = None if worth is None else round_half_up(sign * lot.quantity * worth, MONEY_PLACES)
        gain = None if value is None else value - sign * lot.basis
    return OpenLot(
        account_id=lot.account_id,
        asset_id=lot.asset_id,
        lot_id=lot.lot_id,
        acquired=lot.acquired,
        quantity=sign * lot.quantity,
        cost=lot.basis,
        currency=currency,
        value=value,
        gain=gain,
        held_days=(day - lot.acquired).days,
    )


def _closed_lot(gain: Gain, bases: Mapping[str, str]) -> ClosedLot:
    proceeds, cost = (gain.lot.basis, gain.amount) if gain.is_short else (gain.amount, gain.lot.basis)
    return ClosedLot(
        closed=gain.closed,
        transaction_id=gain.transaction_id,
        account_id=gain.account_id,
        asset_id=gain.asset_id,
        lot_id=gain.lot.lot_id,
        acquired=gain.lot.acquired,
        quantity=gain.lot.quantity,
        proceeds=proceeds,
        cost=cost,
        gain=gain.gain,
        currency_gain=gain.currency_gain,
        currency=bases[gain.account_id],
        is_short=gain.is_short,
    )
