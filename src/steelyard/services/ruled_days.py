"""Accounts as they were on days, with what was traded on each: judged by rules as if nobody had looked before."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext

from steelyard.compliance.check import check_rules
from steelyard.compliance.holdings import Described, Facts, HeldAsset, Holdings, PastTrade, Trade
from steelyard.compliance.rule import Finding, Rule, RuleKind
from steelyard.domain.lot import Lot
from steelyard.domain.money import EXACT, MONEY_PLACES, round_half_up
from steelyard.services.compliance import rules_of
from steelyard.services.rate import ExchangeRates, MissingRateError, read_rates
from steelyard.services.ruled_lots import KnownLots, read_account_lots
from steelyard.storage import compliance as stored
from steelyard.storage.compliance import DayPosition, DayTrade
from steelyard.storage.connection import AnySession
from steelyard.storage.portfolio import StoredAccount, StoredPrice, get_last_prices


@dataclass(frozen=True, slots=True)
class RuledHistory:
    """What of accounts is read once for all days.

    Attributes:
        accounts: by id.
        rules: account → the rules about it.
        rates: of every currency.
        trades: account → what it bought and sold, by day; an account without any transaction is not there.
        known: account → its lots, where a rule asks for them.
    """

    accounts: Mapping[str, StoredAccount]
    rules: Mapping[str, Sequence[Rule]]
    rates: ExchangeRates
    trades: Mapping[str, Sequence[DayTrade]]
    known: Mapping[str, KnownLots]

    def most(self, kind: RuleKind, setting: str) -> int:
        """Return the largest of a setting among the rules of a kind; 0 where there is none."""
        found = (rule for rules in self.rules.values() for rule in rules if rule.kind is kind)
        return max((rule.settings[setting] for rule in found), default=0)


async def read_history(
    db: AnySession, accounts: Sequence[StoredAccount], rules: Sequence[Rule], since: date, until: date
) -> RuledHistory:
    """Return what judging accounts on the days of a period takes beside what they held on each.

    Args:
        db: a session.
        accounts: which; those that no rule is about are left out.
        rules: which.
        since: the first day.
        until: the last day.
    """
    about = {account.account_id: found for account in accounts if (found := rules_of(rules, account))}
    own = {account.account_id: account for account in accounts if account.account_id in about}
    days = max((rule.settings["days"] for rule in rules if rule.kind is RuleKind.TURNOVER), default=1)
    booked = await stored.get_trades_of_days(db, own, since - timedelta(days=days - 1), until)
    known_of = await stored.get_accounts_with_transactions(db, own)
    trades: dict[str, list[DayTrade]] = {account_id: [] for account_id in known_of}
    for one in booked:
        trades[one.account_id].append(one)
    washed = {
        account_id
        for account_id, found in about.items()
        if any(rule.kind is RuleKind.WASH_SALE for rule in found)
    }
    known = {account_id: await read_account_lots(db, own[account_id], until) for account_id in sorted(washed)}
    rates = await read_rates(db, await stored.get_rate_currencies(db))
    return RuledHistory(own, about, rates, trades, known)


async def judge_day(
    db: AnySession, history: RuledHistory, account_ids: Collection[str], day: date
) -> dict[str, tuple[Finding, ...]]:
    """Return account → what its rules say of what it held at the end of a day, and traded on it.

    An account that nothing is known of on the day is left out.
    """
    wanted = [account_id for account_id in sorted(account_ids) if account_id in history.rules]
    held: dict[str, list[DayPosition]] = defaultdict(list)
    for position in await stored.get_ruled_positions(db, wanted, day):
        held[position.account_id].append(position)
    judged = _Day(
        day,
        history,
        await _described(db, history, held, day),
        await _prices(db, held, day),
        await _volumes(db, history, held, day),
    )
    return {
        account_id: judged.findings(account_id, held[account_id])
        for account_id in wanted
        if account_id in held
    }


async def _described(
    db: AnySession, history: RuledHistory, held: Mapping[str, Iterable[DayPosition]], day: date
) -> dict[str, Described]:
    return await stored.get_ruled_assets(db, _asset_ids(history, held, day))


async def _prices(
    db: AnySession, held: Mapping[str, Iterable[DayPosition]], day: date
) -> dict[str, StoredPrice]:
    assets = {one.asset_id for positions in held.values() for one in positions if not one.is_cash}
    return {price.asset_id: price for price in await get_last_prices(db, assets, day)}


async def _volumes(
    db: AnySession, history: RuledHistory, held: Mapping[str, Iterable[DayPosition]], day: date
) -> Mapping[str, Sequence[Decimal]]:
    sessions = history.most(RuleKind.LIQUIDITY, "sessions")
    return await stored.get_volumes(db, _asset_ids(history, held, day), day, sessions) if sessions else {}


def _asset_ids(history: RuledHistory, held: Mapping[str, Iterable[DayPosition]], day: date) -> set[str]:
    assets = {one.asset_id for positions in held.values() for one in positions if not one.is_cash}
    traded = (one for account_id in held for one in history.trades.get(account_id, ()))
    return assets | {one.asset_id for one in traded if one.trade_date == day}


@dataclass(frozen=True, slots=True)
class _Day:
    """A day, and what is known of it."""

    day: date
    history: RuledHistory
    assets: Mapping[str, Described]
    prices: Mapping[str, StoredPrice]
    volumes: Mapping[str, Sequence[Decimal]]

    def findings(self, account_id: str, positions: Sequence[DayPosition]) -> tuple[Finding, ...]:
        """Return what rules say of an account."""
        base = self.history.accounts[account_id].base_currency
        held = tuple(
            HeldAsset(self._asset(one.asset_id), one.quantity or Decimal(0), self._value(one, base))
            for one in positions
            if not one.is_cash and one.quantity != 0
        )
        holdings = Holdings(account_id, base, held, self._cash(positions, base))
        known = self.history.known.get(account_id, KnownLots())
        trades = self._trades(account_id, base, known)
        facts = Facts(
            day=self.day,
            past_trades=self._past(account_id, base),
            volumes=self.volumes,
            lots=None if known.lots is None else tuple(lot for lot in known.lots if lot.acquired < self.day),
            sales=tuple(sale for sale in known.sales if sale.sold < self.day),
            no_lots=known.fault,
        )
        return check_rules(self.history.rules[account_id], None, holdings, trades, facts)

    def _asset(self, asset_id: str) -> Described:
        return self.assets.get(asset_id, Described(asset_id))

    def _rate(self, currency: str, base: str, day: date) -> Decimal | None:
        try:
            return self.history.rates.rate(currency, base, day)
        except MissingRateError:
            return None

    def _value(self, one: DayPosition, base: str) -> Decimal | None:
        price = self.prices.get(one.asset_id)
        rate = self._rate(price.currency, base, self.day) if price else None
        if price is None or rate is None or one.quantity is None:
            return None
        with localcontext(EXACT):
            return round_half_up(one.quantity * price.closing_price * rate, MONEY_PLACES)

    def _cash(self, positions: Iterable[DayPosition], base: str) -> Decimal | None:
        total = Decimal(0)
        for one in positions:
            rate = self._rate(one.currency, base, self.day) if one.is_cash else Decimal(0)
            if one.is_cash and (rate is None or one.quantity is None):
                return None
            with localcontext(EXACT):
                total += round_half_up((one.quantity or Decimal(0)) * (rate or Decimal(0)), MONEY_PLACES)
        return total

    def _amount(self, one: DayTrade, base: str) -> Decimal | None:
        rate = self._rate(one.currency, base, one.trade_date)
        with localcontext(EXACT):
            return None if rate is None else round_half_up(one.amount * rate, MONEY_PLACES)

    def _past(self, account_id: str, base: str) -> tuple[PastTrade, ...] | None:
        """Return what was traded before the day, and on it what has no value, which no rule then overlooks."""
        booked = self.history.trades.get(account_id)
        if booked is None:
            return None
        past = (PastTrade(one.asset_id, one.trade_date, self._amount(one, base)) for one in booked)
        return tuple(
            one
            for one in past
            if one.trade_date < self.day or (one.trade_date == self.day and one.value is None)
        )

    def _trades(self, account_id: str, base: str, known: KnownLots) -> list[Trade]:
        """Return what was traded on the day, all purchases of an asset as one, and so all sales."""
        sides: dict[tuple[str, bool], list[DayTrade]] = defaultdict(list)
        for one in self.history.trades.get(account_id, ()):
            if one.trade_date == self.day and one.quantity:
                sides[one.asset_id, one.quantity > 0].append(one)
        return [self._made(account_id, base, known, trades) for _, trades in sorted(sides.items())]

    def _made(self, account_id: str, base: str, known: KnownLots, trades: Sequence[DayTrade]) -> Trade:
        with localcontext(EXACT):
            quantity = sum((one.quantity or Decimal(0) for one in trades), Decimal(0))
            value = sum((self._amount(one, base) or Decimal(0) for one in trades), Decimal(0))
        asset_id = trades[0].asset_id
        sold = [
            sale.lot
            for sale in known.sales
            if (sale.sold, sale.lot.asset_id, sale.lot.account_id) == (self.day, asset_id, account_id)
        ]
        return Trade(self._asset(asset_id), quantity, value, lots=_sold(sold, quantity))


def _sold(lots: Sequence[Lot], quantity: Decimal) -> tuple[Lot, ...] | None:
    """Return the lots of a sale where they make up all of it; None otherwise."""
    with localcontext(EXACT):
        whole = sum((lot.quantity for lot in lots), Decimal(0))
    return tuple(lots) if quantity < 0 and whole == -quantity else None
