"""What the rules in force say: of an account's trades before they are sent, and of the account as it is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from steelyard.compliance.check import check_rules
from steelyard.compliance.holdings import Described, Facts, HeldAsset, Holdings, Trade, apply_trades
from steelyard.compliance.rule import Finding, Rule
from steelyard.compliance.settings import is_for
from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up
from steelyard.domain.portfolio import Portfolio
from steelyard.rebalancing import trade as proposed
from steelyard.services.rule_facts import read_facts
from steelyard.services.ruled_lots import KnownLots, read_known_lots
from steelyard.storage import compliance as stored
from steelyard.storage.connection import AnySession
from steelyard.storage.portfolio import StoredAccount, get_account
from steelyard.storage.rule import get_rules_in_force


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The rules about an account and all that they ask, so that trades can be judged by it alone.

    Attributes:
        rules: in force for the account on the day, by id.
        assets: what it holds or may trade, by id.
        known: its lots.
        facts: what happened before.
    """

    rules: tuple[Rule, ...]
    assets: Mapping[str, Described]
    known: KnownLots
    facts: Facts


async def read_ruling(
    db: AnySession, portfolio: Portfolio, *, day: date, asset_ids: Collection[str] = ()
) -> Ruling:
    """Return what trades of an account are judged by.

    Args:
        db: a session of who asks; rules about the lots of a household are not measured where it does not see all of it.
        portfolio: what the account holds, at the prices and rates the trades are worked out from.
        day: the day they are made, on which rules must be in force.
        asset_ids: what may be traded beside what it holds and wants.
    """
    account = await get_account(db, portfolio.account_id)
    rules = rules_of(await get_rules_in_force(db, day), account)
    if not rules:
        return Ruling(rules=(), assets={}, known=KnownLots(), facts=Facts(day=day))
    assets = await stored.get_ruled_assets(db, {*portfolio.asset_ids, *asset_ids})
    known = await read_known_lots(db, portfolio, account, rules, day)
    facts = await read_facts(db, rules, holdings_of(portfolio, assets), assets, day=day, known=known)
    return Ruling(rules=tuple(rules), assets=assets, known=known, facts=facts)


def judge_trades(
    ruling: Ruling,
    portfolio: Portfolio,
    trades: Sequence[proposed.Trade],
    *,
    lots_sold: Sequence[proposed.LotSale] = (),
) -> tuple[Finding, ...]:
    """Return what rules say of trades of an account; reads nothing else.

    Args:
        ruling: the rules, and all that they ask.
        portfolio: what the account holds, at the prices and rates the trades were worked out from.
        trades: what is proposed; a trade in a currency moves cash and costs what it costs.
        lots_sold: which lots the sales take; empty = as the account's lot method says.

    Returns:
        Findings as `compliance.check.check_rules` gives them, by rule; empty where no rule is in force for the account.
    """
    before = holdings_of(portfolio, ruling.assets)
    made = [_made(trade, portfolio, ruling.assets, ruling.known, lots_sold) for trade in trades]
    return check_rules(ruling.rules, before, apply_trades(before, made), made, ruling.facts)


async def check_trades(
    db: AnySession,
    portfolio: Portfolio,
    trades: Sequence[proposed.Trade],
    *,
    day: date,
    lots_sold: Sequence[proposed.LotSale] = (),
) -> tuple[Finding, ...]:
    """Return what the rules in force say of trades of an account; arguments as `read_ruling` and `judge_trades`."""
    traded = [trade.asset_id for trade in trades]
    ruling = await read_ruling(db, portfolio, day=day, asset_ids=traded)
    return judge_trades(ruling, portfolio, trades, lots_sold=lots_sold)


def rules_of(rules: Sequence[Rule], account: StoredAccount) -> list[Rule]:
    """Return the rules that are about an account."""
    return [
        rule for rule in rules if is_for(rule, account.account_id, account.household_id, account.model_id)
    ]


def holdings_of(portfolio: Portfolio, assets: Mapping[str, Described]) -> Holdings:
    """Return an account as rules see it; what has no price or no rate has no value."""
    held = tuple(
        HeldAsset(assets.get(asset_id, Described(asset_id)), quantity, _value(portfolio, asset_id, quantity))
        for asset_id, quantity in sorted(portfolio.positions.items())
    )
    return Holdings(portfolio.account_id, portfolio.base_currency, held, _cash(portfolio))


def _value(portfolio: Portfolio, asset_id: str, quantity: Decimal) -> Decimal | None:
    price = portfolio.prices.get(asset_id)
    rate = _rate(portfolio, price.currency) if price else None
    if price is None or rate is None:
        return None
    with localcontext(EXACT):
        return round_half_up(quantity * price.amount * rate, MONEY_PLACES)


def _rate(portfolio: Portfolio, currency: str) -> Decimal | None:
    is_base = currency in {portfolio.base_currency, ""}
    return Decimal(1) if is_base else portfolio.rates.get(currency)


def _cash(portfolio: Portfolio) -> Decimal | None:
    total = Decimal(0)
    for currency, amount in portfolio.cash.items():
        rate = _rate(portfolio, currency)
        if rate is None and amount:
            return None
        with localcontext(EXACT):
            total += round_half_up(amount * (rate or 0), MONEY_PLACES)
    return total


def _made(
    trade: proposed.Trade,
    portfolio: Portfolio,
    assets: Mapping[str, Described],
    known: KnownLots,
    lots_sold: Sequence[proposed.LotSale],
) -> Trade:
    """Return a proposed trade as rules see it; of money, what it costs is all."""
    asset = assets.get(trade.asset_id, Described(trade.asset_id))
    if trade.asset_id in portfolio.rates and trade.asset_id not in portfolio.prices:
        return Trade(asset, Decimal(0), Decimal(0), trade.cost)
    sold = [lot for lot in lots_sold if lot.asset_id == trade.asset_id]
    return Trade(asset, trade.quantity, trade.value, trade.cost, known.taken(trade, sold))
