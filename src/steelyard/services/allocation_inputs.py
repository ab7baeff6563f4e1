"""What an allocation is worked out from: gathered from store and market, or refused with every reason at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal, localcontext
from typing import Final

from steelyard.compliance.rule import Outcome, RuleKind
from steelyard.compliance.selection import Selection
from steelyard.domain.lot import Lot
from steelyard.domain.money import EXACT, major_currency, units_per_major
from steelyard.domain.portfolio import Portfolio, Price, weekdays_since
from steelyard.domain.wash_sale import Sale
from steelyard.errors import ConflictError
from steelyard.market.port import CheckedPrice, Quality
from steelyard.rebalancing.policy import Policy
from steelyard.services.compliance import Ruling, read_ruling
from steelyard.services.lot import read_taxed_lots
from steelyard.services.portfolio import Holdings, read_holdings, read_rates_of
from steelyard.storage.connection import AnySession
from steelyard.storage.portfolio import StoredPrice, get_last_prices
from steelyard.storage.proposal import TradingTerms, get_excluded_assets, get_trading_terms

MAX_PRICE_AGE: Final = 3
"""Weekdays a price may be old; a long weekend is no reason to refuse."""

STORED: Final = "stored"
"""The price source that is the store itself."""


class InputsMissingError(ConflictError):
    """Something that trades are worked out from could not be had, or is in doubt."""

    def __init__(self, account_id: str, faults: Sequence[str]) -> None:
        """Name each, with its reason."""
        super().__init__(f"No trades of {account_id} are worked out. {' '.join(faults)}")
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of an allocation.

    Attributes:
        account_id: the account.
        policy: how it is to be rebalanced.
        investment_amount: base currency of the account; positive = deposit, negative = withdrawal.
        price_source: where prices come from.
        stale_reason: why prices that are older than allowed will do; "" = they will not.
    """

    account_id: str
    policy: Policy = field(default_factory=Policy)
    investment_amount: Decimal = Decimal(0)
    price_source: str = STORED
    stale_reason: str = ""


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
        tenant_rate: units of it for one of the account's base currency.
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
    tenant_rate: Decimal

    @property
    def stale(self) -> dict[str, int]:
        """Asset → sessions since its price, where that is more than allowed."""
        return {asset: price.age for asset, price in self.prices.items() if price.quality is Quality.STALE}

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


async def gather_inputs(
    db: AnySession,
    asked: Asked,
    *,
    as_of: date,
    now: datetime,
    lots: Sequence[Lot] | None = None,
    sales: Sequence[Sale] = (),
) -> tuple[Inputs, TradingTerms]:
    """Read what an allocation is worked out from.

    Args:
        db: a session.
        asked: what is asked.
        as_of: the day of positions and rates, and the last of stored prices.
        now: the time, with its zone.
        lots: in place of the ledger's; None = those, where it keeps the account and tax is asked about.
        sales: beside `lots`.

    Raises:
        InputsMissingError: prices or rates are missing or in doubt; names all of them, each with its reason.
        SteelyardError: as `read_holdings` and `read_taxed_lots`.
    """
    holdings = await read_holdings(db, asked.account_id, as_of)
    terms = await get_trading_terms(db, asked.account_id, as_of)
    checked = await _read_prices(db, holdings.asset_ids, as_of, now)
    prices = {
        asset: Price(one.price, one.currency, one.price_date)
        for asset, one in checked.items()
        if one.price is not None
    }
    rates, missing = await read_rates_of(db, holdings, prices)
    faults = [*_doubts(checked, asked.stale_reason), *_missing_rates(holdings, missing, terms)]
    if faults or terms.tenant_rate is None:
        raise InputsMissingError(asked.account_id, faults)
    if lots is None:
        lots, sales = await _booked_lots(db, asked, terms, as_of)
    portfolio = replace(holdings.priced(prices, rates), lots=tuple(lots), sales=tuple(sales))
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


def _doubts(checked: Mapping[str, CheckedPrice], stale_reason: str) -> list[str]:
    """Say of each price that is not traded on why; a stale one is, where there is a reason."""
    accepted = {Quality.GOOD, Quality.STALE} if stale_reason else {Quality.GOOD}
    return [price.doubt for _, price in sorted(checked.items()) if price.quality not in accepted]


def _missing_rates(holdings: Holdings, missing: Sequence[str], terms: TradingTerms) -> list[str]:
    base = holdings.account.base_currency
    wanted = [(currency, base) for currency in missing]
    if terms.tenant_rate is None:
        wanted.append((base, terms.tenant_currency))
    return [
        f"No rate of {currency} to {target} is known in the ten days up to {holdings.day}; load fx_rates."
        for currency, target in wanted
    ]


async def _booked_lots(
    db: AnySession, asked: Asked, terms: TradingTerms, as_of: date
) -> tuple[tuple[Lot, ...], tuple[Sale, ...]]:
    """Return the ledger's lots and sales, where it keeps the account and they matter."""
    if asked.policy.tax is None or terms.kept_by != "ledger":
        return (), ()
    return await read_taxed_lots(db, [asked.account_id], as_of)


async def _excluded(db: AnySession, holdings: Holdings, terms: TradingTerms) -> dict[str, str]:
    if not any((terms.exclusions or {}).values()):
        return {}
    return await get_excluded_assets(db, holdings.asset_ids, terms.exclusions or {})


async def _read_prices(
    db: AnySession, asset_ids: Collection[str], as_of: date, now: datetime
) -> dict[str, CheckedPrice]:
    found = {row.asset_id: row for row in await get_last_prices(db, asset_ids, as_of)}
    return {asset: _checked(asset, found.get(asset), as_of) for asset in sorted(asset_ids)}


def _checked(asset_id: str, row: StoredPrice | None, as_of: date) -> CheckedPrice:
    if row is None:
        doubt = f"There is no price of {asset_id}: market_data holds none on or before {as_of}."
        return CheckedPrice(
            asset_id=asset_id,
            price=None,
            currency="",
            made_at=None,
            source="",
            quality=Quality.MISSING,
            doubt=doubt,
        )
    age = weekdays_since(row.price_date, as_of)
    stale = age > MAX_PRICE_AGE
    with localcontext(EXACT):
        price = row.closing_price / units_per_major(row.currency)
    return CheckedPrice(
        asset_id=asset_id,
        price=price,
        currency=major_currency(row.currency),
        made_at=None,
        source=STORED,
        quality=Quality.STALE if stale else Quality.GOOD,
        doubt=f"The price of {asset_id} is of {row.price_date}, {age} weekdays old." if stale else "",
        price_date=row.price_date,
        age=age,
    )
