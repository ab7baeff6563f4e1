"""What an allocation is worked out from: gathered from store and market, or refused with every reason at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from steelyard.compliance.rule import Outcome, RuleKind
from steelyard.compliance.selection import Selection
from steelyard.domain.lot import Lot
from steelyard.domain.portfolio import Portfolio, Price
from steelyard.domain.wash_sale import Sale
from steelyard.errors import ConflictError
from steelyard.market.check import missing_price
from steelyard.market.port import AssetKey, CheckedPrice, Market, Quality
from steelyard.rebalancing.policy import Policy
from steelyard.services.compliance import Ruling, read_ruling
from steelyard.services.lot import read_taxed_lots
from steelyard.services.market import MAX_PRICE_AGE, read_prices
from steelyard.services.portfolio import Holdings, read_holdings, read_rates_of
from steelyard.storage.connection import AnySession, get_db_session
from steelyard.storage.proposal import TradingTerms, get_excluded_assets, get_trading_terms

MOST_NAMED: Final = 3

STORED: Final = "stored"
"""The price source that is the store itself."""

MARKET: Final = "market"
"""The price source that is the sources the settings name."""


class InputsMissingError(ConflictError):
    """Something that trades are worked out from could not be had, or is in doubt."""

    def __init__(self, account_id: str, faults: Sequence[str]) -> None:
        """Name each, with its reason."""
        super().__init__(f"No trades of {account_id} are worked out. {' '.join(faults)}")
        self.faults = tuple(faults)


class StalePriceError(ConflictError):
    """Prices are too old to trade on."""

    def __init__(
        self, prices: Mapping[str, CheckedPrice | Price], stale: Mapping[str, int], as_of: date | None
    ) -> None:
        """Name the assets, the days of their prices and the way out."""
        shown = [f"{asset} ({prices[asset].price_date}, {age} sessions)" for asset, age in stale.items()]
        more = f" and {len(shown) - MOST_NAMED} more" if len(shown) > MOST_NAMED else ""
        named = ", ".join(shown[:MOST_NAMED]) + more
        super().__init__(
            f"The prices of {named} are older than allowed on {as_of}; load newer ones, or say why they will do: "
            '--stale-reason "…".'
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PricesAsked:
    """Which stored prices are wanted.

    Attributes:
        now: the time, with its zone.
        day: the day on which their age counts, and the last one they may be of; None = today, at each exchange.
        max_age: sessions a price may be old.
    """

    now: datetime
    day: date | None = None
    max_age: int = MAX_PRICE_AGE


Quoted = Mapping[str, CheckedPrice]
"""Prices that were asked for before, by asset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of an allocation.

    Attributes:
        account_id: the account.
        policy: how it is to be rebalanced.
        investment_amount: base currency of the account; positive = deposit, negative = withdrawal.
        price_source: where prices come from: stored or market.
        stale_reason: why prices that are older than allowed will do; "" = they will not.
        targets: asset → fraction of the whole, cash under its currency; None = those of the account's model.
    """

    account_id: str
    policy: Policy = field(default_factory=Policy)
    investment_amount: Decimal = Decimal(0)
    price_source: str = STORED
    stale_reason: str = ""
    targets: Mapping[str, Decimal] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What an allocation is worked out from, beside what is asked.

    Attributes:
        portfolio: what is held and wanted, with lots where tax counts.
        prices: asset → price, with its source, time and quality.
        kept_by: what says what the account holds: snapshots or ledger.
        model_id, model_version: whose targets they are.
        profile_version: of the investor's profile; None = there is none.
        no_buy: asset → why it is not bought: its investor never does, or a rule forbids it.
        no_sell: asset → the rule that forbids to sell it.
        ruling: the rules about the account, and all that they ask.
        tenant_currency: the base currency of the tenant.
        tenant_rate: units of it for one of the account's base currency; None = no rate is known.
    """

    portfolio: Portfolio
    prices: Mapping[str, CheckedPrice]
    kept_by: str
    model_id: str
    model_version: int
    profile_version: int | None
    no_buy: Mapping[str, str]
    no_sell: Mapping[str, str]
    ruling: Ruling
    tenant_currency: str
    tenant_rate: Decimal | None

    @property
    def stale(self) -> dict[str, int]:
        """Asset → sessions since its price, where that is more than allowed."""
        return find_stale(self.prices)

    def locked(self, policy: Policy) -> Policy:
        """Return a policy that keeps the account's locks, too; what may be neither bought nor sold is restricted."""
        locks, both = policy.locks, self.no_buy.keys() & self.no_sell.keys()
        more = replace(
            locks,
            no_buy=(*locks.no_buy, *sorted(self.no_buy.keys() - both)),
            no_sell=(*locks.no_sell, *sorted(self.no_sell.keys() - both)),
            restricted=(*locks.restricted, *sorted(both)),
        )
        return replace(policy, locks=more)


async def quote_prices(
    account_id: str, market: Market, *, now: datetime, targets: Mapping[str, Decimal] | None = None
) -> Quoted:
    """Ask a market for the prices of what an account holds or wants; no transaction waits for it meanwhile.

    Args:
        account_id: the account.
        market: which.
        now: the time, with its zone.
        targets: what it is to hold; None = as its model says.

    Raises:
        SteelyardError: as `read_holdings`; what a source does wrong is said in the doubt of its price.
    """
    async with get_db_session() as db:
        holdings = await read_holdings(db, account_id, now.date(), weights=targets)
    return await read_prices(holdings.asset_ids, None, now=now, market=market)


async def quote_for(asked: Asked, market: Market | None, *, now: datetime) -> Quoted | None:
    """Ask a market for the prices of an allocation, before the transaction that needs them; None = it needs none.

    Raises:
        SteelyardError: as `quote_prices`.
    """
    if market is None or asked.price_source == STORED:
        return None
    return await quote_prices(asked.account_id, market, now=now, targets=asked.targets)


async def gather_inputs(
    db: AnySession,
    asked: Asked,
    *,
    as_of: date,
    prices: Quoted | PricesAsked,
    lots: Sequence[Lot] | None = None,
    sales: Sequence[Sale] = (),
) -> tuple[Inputs, TradingTerms]:
    """Read what an allocation is worked out from.

    Args:
        db: a session.
        asked: what is asked.
        as_of: the day of positions and rates.
        prices: those that a market gave, or which stored ones are wanted.
        lots: in place of the ledger's; None = those, where it keeps the account and tax is asked about.
        sales: beside `lots`.

    Raises:
        InputsMissingError: prices or rates are missing or in doubt; names all of them, each with its reason.
        StalePriceError: prices are too old, nothing else is wrong, and there is no reason to take them.
        SteelyardError: as `read_holdings` and `read_taxed_lots`.
    """
    holdings = await read_holdings(db, asked.account_id, as_of, weights=asked.targets)
    terms = await get_trading_terms(db, asked.account_id, as_of)
    checked = await _checked(db, holdings, prices)
    priced = {
        asset: Price(one.price, one.currency, one.price_date)
        for asset, one in checked.items()
        if one.price is not None
    }
    rates, missing = await read_rates_of(db, holdings, priced)
    stale = find_stale(checked)
    faults = [*_doubts(checked), *_missing_rates(holdings, missing)]
    if faults:
        raise InputsMissingError(asked.account_id, [*faults, *(checked[asset].doubt for asset in stale)])
    if stale and not asked.stale_reason:
        raise StalePriceError(checked, stale, as_of)
    if lots is None:
        lots, sales = await _booked_lots(db, asked, terms, as_of)
    portfolio = replace(holdings.priced(priced, rates), lots=tuple(lots), sales=tuple(sales))
    ruling = await read_ruling(db, portfolio, day=as_of)
    inputs = Inputs(
        portfolio=portfolio,
        prices=checked,
        kept_by=terms.kept_by,
        model_id=terms.model_id,
        model_version=terms.model_version,
        profile_version=terms.profile_version,
        no_buy=await _excluded(db, holdings, terms) | forbidden_by(ruling, "buy"),
        no_sell=forbidden_by(ruling, "sell"),
        ruling=ruling,
        tenant_currency=terms.tenant_currency,
        tenant_rate=terms.tenant_rate,
    )
    return inputs, terms


def forbidden_by(ruling: Ruling, act: str) -> dict[str, str]:
    """Return the assets that a rule forbids to buy or to sell, whatever anybody says, each with the rule.

    Args:
        ruling: the rules; those that only warn or hold forbid nothing.
        act: buy or sell.
    """
    forbidden: dict[str, str] = {}
    for rule in ruling.rules:
        if (
            rule.kind is RuleKind.RESTRICTED
            and rule.outcome is Outcome.BLOCK
            and act in rule.settings["forbids"]
        ):
            listed = Selection.of_settings(rule.settings)
            forbidden |= {
                asset_id: f"rule {rule.rule_id}"
                for asset_id, asset in ruling.assets.items()
                if listed.takes(asset)
            }
    return forbidden


def find_stale(checked: Quoted) -> dict[str, int]:
    """Return asset → sessions since its price, where that is more than allowed and nothing else is wrong with it."""
    return {asset: price.age for asset, price in sorted(checked.items()) if price.quality is Quality.STALE}


async def _checked(
    db: AnySession, holdings: Holdings, prices: Quoted | PricesAsked
) -> dict[str, CheckedPrice]:
    """Return a price of each asset; one that a market was not asked for is missing."""
    if isinstance(prices, PricesAsked):
        return await read_prices(
            holdings.asset_ids, db, now=prices.now, as_of=prices.day, max_age=prices.max_age
        )
    return {
        asset: prices.get(asset)
        or missing_price(AssetKey(asset, asset, ""), "it came in meanwhile; ask again")
        for asset in holdings.asset_ids
    }


def _doubts(checked: Quoted) -> list[str]:
    """Say of each price that is not traded on, whatever anybody says, why."""
    accepted = {Quality.GOOD, Quality.STALE}
    return [price.doubt for _, price in sorted(checked.items()) if price.quality not in accepted]


def _missing_rates(holdings: Holdings, missing: Sequence[str]) -> list[str]:
    base, day = holdings.account.base_currency, holdings.day
    return [
        f"No rate of {currency} to {base} is known in the ten days up to {day}; load fx_rates."
        for currency in missing
    ]


async def _booked_lots(
    db: AnySession, asked: Asked, terms: TradingTerms, as_of: date
) -> tuple[tuple[Lot, ...], tuple[Sale, ...]]:
    """Return the ledger's lots and sales, where it keeps the account and they matter."""
    if asked.policy.tax is None or terms.kept_by != "ledger":
        return (), ()
    return await read_taxed_lots(db, [asked.account_id], as_of)


async def _excluded(db: AnySession, holdings: Holdings, terms: TradingTerms) -> dict[str, str]:
    if not any(terms.exclusions.values()):
        return {}
    return await get_excluded_assets(db, holdings.asset_ids, terms.exclusions)
