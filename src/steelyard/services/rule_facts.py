"""What happened before, as far as the rules in force ask: trades, volumes, lots. What none asks for is not read."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from steelyard.compliance.holdings import Facts, Holdings, PastTrade
from steelyard.compliance.rule import Rule, RuleKind
from steelyard.domain.money import MONEY_PLACES, round_half_up
from steelyard.services.rate import ExchangeRates, MissingRateError, read_rates
from steelyard.services.ruled_lots import KnownLots
from steelyard.storage import compliance as stored
from steelyard.storage.connection import AnySession


async def read_facts(
    db: AnySession,
    rules: Sequence[Rule],
    holdings: Holdings,
    asset_ids: Collection[str],
    *,
    day: date,
    known: KnownLots,
) -> Facts:
    """Return what rules ask about an account.

    Args:
        db: a session.
        rules: those in force for it.
        holdings: what it holds.
        asset_ids: what it holds or may trade.
        day: the day that is judged.
        known: its lots.
    """
    sessions = _most(rules, RuleKind.LIQUIDITY, "sessions")
    days = _most(rules, RuleKind.TURNOVER, "days")
    return Facts(
        day=day,
        past_trades=await _past_trades(db, holdings, day - timedelta(days=days - 1), day) if days else None,
        volumes=await stored.get_volumes(db, asset_ids, day, sessions) if sessions and asset_ids else {},
        lots=known.lots,
        sales=known.sales,
        no_lots=known.fault,
    )


def _most(rules: Sequence[Rule], kind: RuleKind, setting: str) -> int:
    return max((rule.settings[setting] for rule in rules if rule.kind is kind), default=0)


async def _past_trades(
    db: AnySession, holdings: Holdings, since: date, until: date
) -> tuple[PastTrade, ...] | None:
    booked = await stored.get_past_trades(db, holdings.account_id, since, until)
    if not booked and not await stored.get_accounts_with_transactions(db, [holdings.account_id]):
        return None
    rates = await read_rates(db, {one.currency for one in booked} | {holdings.base_currency})
    return tuple(_past_trade(one, rates, holdings.base_currency) for one in booked)


def _past_trade(one: stored.BookedTrade, rates: ExchangeRates, base_currency: str) -> PastTrade:
    try:
        rate = rates.rate(one.currency, base_currency, one.trade_date)
    except MissingRateError:
        return PastTrade(one.asset_id, one.trade_date, None)
    return PastTrade(one.asset_id, one.trade_date, round_half_up(one.amount * rate, MONEY_PLACES))
