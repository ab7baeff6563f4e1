"""What an account holds and should hold, from the store: read as of a day, and refused where it is not known."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from steelyard.domain.amount import MAX_PLACES
from steelyard.domain.money import EXACT, major_currency, round_half_up, units_per_major
from steelyard.domain.portfolio import Portfolio, Price
from steelyard.domain.scope import Scope
from steelyard.errors import ConflictError, NotFoundError
from steelyard.services.scope import nearest, require_scope
from steelyard.storage import portfolio as store
from steelyard.storage.asset_360 import get_last_price_date
from steelyard.storage.connection import AnySession
from steelyard.storage.valuation import get_asset_ids


class NoMarketPricesError(NotFoundError):
    """The store holds no price at all."""

    def __init__(self) -> None:
        """Name the command."""
        super().__init__("market_data holds no price; load some with `steelyard load DIR`.")


class NoModelError(NotFoundError):
    """An account follows no model, or one without weights."""

    def __init__(self, account_id: str, model_id: str | None) -> None:
        """Name the table that lacks it."""
        lacks = (
            f"follows model {model_id}, which has no weights" if model_id else "follows no model portfolio"
        )
        where = "target_weights" if model_id else "accounts (model_id)"
        super().__init__(
            f"Account {account_id} {lacks}, so there is no target; load {where} with `steelyard load DIR`."
        )


class NoPositionsError(NotFoundError):
    """Nothing is known of what an account held on a day."""

    def __init__(self, account_id: str, as_of: date) -> None:
        """Name the day."""
        super().__init__(
            f"Neither a snapshot nor the ledger says what account {account_id} held on {as_of}; "
            "ask for a later day, or load portfolio_allocation or transactions."
        )


class WeightsOnlyError(ConflictError):
    """An account is kept as weights, from which no number of shares follows."""

    def __init__(self, account_id: str, asset_ids: list[str]) -> None:
        """Name the assets without a quantity."""
        super().__init__(
            f"Account {account_id} has no quantity of {', '.join(asset_ids)}; "
            "load portfolio_allocation with its quantity column filled."
        )


class UnknownTargetError(NotFoundError):
    """A target weight is of nothing that is known."""

    def __init__(self, name: str, like: list[str]) -> None:
        """Name it, and those most like it."""
        hint = f"did you mean {' or '.join(like)}?" if like else "load it with `steelyard load DIR`."
        super().__init__(f"{name[:64]} is neither an asset nor a currency that is known; {hint}")
        self.name = name


class UnpricedError(NotFoundError):
    """Assets without a price on or before a day."""

    def __init__(self, asset_ids: list[str], as_of: date) -> None:
        """Name the assets."""
        super().__init__(
            f"No price of {', '.join(asset_ids)} is known on or before {as_of}; load market_data, and nothing is "
            "planned until then."
        )


class NoRateError(NotFoundError):
    """Currencies that cannot be converted."""

    def __init__(self, currencies: list[str], base_currency: str, as_of: date) -> None:
        """Name the currencies."""
        super().__init__(
            f"No rate of {', '.join(currencies)} to {base_currency} is known in the ten days up to {as_of}; "
            "load fx_rates."
        )


async def read_day(db: AnySession, as_of: date | None) -> date:
    """Return the day asked for, or the last price date.

    Raises:
        NoMarketPricesError: the store holds no price.
    """
    last = await get_last_price_date(db)
    if last is None:
        raise NoMarketPricesError
    return as_of or last


@dataclass(frozen=True, slots=True)
class Holdings:
    """What an account holds and should hold, not yet priced.

    Attributes:
        account: the account.
        day: the day it is read for.
        positions: none is without its quantity.
        targets: of its model; never empty.
    """

    account: store.StoredAccount
    day: date
    positions: Sequence[store.StoredPosition]
    targets: Sequence[store.StoredTarget]

    @property
    def asset_ids(self) -> list[str]:
        """What needs a price, sorted."""
        return sorted({row.asset_id for row in self._rows if not row.is_cash})

    def currencies(self, prices: Mapping[str, Price]) -> set[str]:
        """Return the currencies of cash, held or wanted, and of prices."""
        cash = {row.currency for row in self._rows if row.is_cash}
        return cash | {price.currency for price in prices.values()}

    def priced(self, prices: Mapping[str, Price], rates: Mapping[str, Decimal]) -> Portfolio:
        """Return the portfolio at these prices and rates."""
        return Portfolio(
            account_id=self.account.account_id,
            base_currency=self.account.base_currency,
            positions={p.asset_id: p.quantity for p in self.positions if p.quantity and not p.is_cash},
            cash=cash_of(self.positions, self.account.base_currency),
            targets={row.asset_id: row.target_weight for row in self.targets if not row.is_cash},
            cash_targets={row.currency: row.target_weight for row in self.targets if row.is_cash},
            prices=prices,
            rates=rates,
            as_of=self.day,
            positions_date=self.positions[0].as_of,
        )

    @property
    def _rows(self) -> tuple[store.StoredPosition | store.StoredTarget, ...]:
        return *self.positions, *self.targets


async def read_portfolio(
    db: AnySession, account_id: str, *, as_of: date | None = None, model_id: str | None = None
) -> Portfolio:
    """Return an account with its positions, targets, prices and rates as of a day; None means the last price date.

    The targets are those of the account's own model, or of `model_id` in its place.

    Raises:
        SteelyardError: as `read_holdings`.
        NoMarketPricesError, NoRateError: it cannot be planned.
        UnpricedError: an asset that is held or wanted has no price; names it.
    """
    holdings = await read_holdings(db, account_id, await read_day(db, as_of), model_id=model_id)
    prices = await _priced(db, holdings.asset_ids, holdings.day)
    rates, missing = await read_rates_of(db, holdings, prices)
    if missing:
        raise NoRateError(missing, holdings.account.base_currency, holdings.day)
    return holdings.priced(prices, rates)


async def read_holdings(
    db: AnySession,
    account_id: str,
    day: date,
    *,
    model_id: str | None = None,
    weights: Mapping[str, Decimal] | None = None,
) -> Holdings:
    """Return what an account held and should hold on a day: by its own model or by another, or by targets of its own.

    Args:
        db: a session.
        account_id: the account.
        day: the day.
        model_id: whose targets count; None = those of the account's model.
        weights: asset → target weight, cash under its currency, in place of a model's; their sum is not looked at.

    Raises:
        UnknownScopeError: there is no such account; names those most like it.
        NoModelError, NoPositionsError, WeightsOnlyError: it cannot be planned.
        UnknownTargetError: a weight is of nothing that is known.
    """
    account = await store.find_account(db, account_id)
    if account is None:
        await require_scope(db, Scope.account(account_id))
        raise NoPositionsError(account_id, day)
    model_id = model_id or account.model_id
    targets = await store.get_target_weights(db, model_id) if model_id else []
    if not targets:
        raise NoModelError(account_id, model_id)
    if weights is not None:
        targets = await _targets_of(db, weights, account.base_currency)
    return Holdings(account, day, await read_positions(db, account_id, day), targets)


async def _targets_of(
    db: AnySession, weights: Mapping[str, Decimal], base_currency: str
) -> list[store.StoredTarget]:
    known = {base_currency: (store.CASH, base_currency)} | await store.get_target_assets(db, list(weights))
    if unknown := sorted(weights.keys() - known.keys()):
        raise UnknownTargetError(unknown[0], nearest(unknown[0], await get_asset_ids(db)))
    return [store.StoredTarget(name, weight, *known[name]) for name, weight in sorted(weights.items())]


async def read_rates_of(
    db: AnySession, holdings: Holdings, prices: Mapping[str, Price]
) -> tuple[dict[str, Decimal], list[str]]:
    """Return rates to the account's base currency, and the currencies that have none.

    Rates have 12 decimals, half up, as finer ones are no amounts.
    """
    base, day = holdings.account.base_currency, holdings.day
    foreign = sorted(holdings.currencies(prices) - {base})
    rates = await store.get_conversion_rates(db, foreign, base, day) if foreign else {}
    known = {
        currency: round_half_up(rate, MAX_PLACES) for currency, rate in rates.items() if rate is not None
    }
    return known, sorted(set(foreign) - known.keys())


async def read_positions(db: AnySession, account_id: str, day: date) -> list[store.StoredPosition]:
    """Return what an account held on a day, each with its quantity.

    Raises:
        NoPositionsError, WeightsOnlyError: it is not known.
    """
    positions = await store.get_positions(db, account_id, day)
    if not positions:
        raise NoPositionsError(account_id, day)
    if unknown := [position.asset_id for position in positions if position.quantity is None]:
        raise WeightsOnlyError(account_id, unknown)
    return positions


def cash_of(positions: Iterable[store.StoredPosition], base_currency: str) -> dict[str, Decimal]:
    """Return cash by currency; the base currency is always there."""
    cash = {base_currency: Decimal(0)}
    for position in positions:
        if position.is_cash:
            cash[position.currency] = cash.get(position.currency, Decimal(0)) + (position.quantity or 0)
    return cash


async def _priced(db: AnySession, asset_ids: Collection[str], day: date) -> dict[str, Price]:
    """Return prices in whole currencies: pence become pounds, exactly."""
    prices = {row.asset_id: _price(row) for row in await store.get_last_prices(db, asset_ids, day)}
    if unpriced := sorted(set(asset_ids) - set(prices)):
        raise UnpricedError(unpriced, day)
    return prices


def _price(row: store.StoredPrice) -> Price:
    with localcontext(EXACT):
        amount = row.closing_price / units_per_major(row.currency)
    return Price(amount, major_currency(row.currency), row.price_date, row.exchange)
