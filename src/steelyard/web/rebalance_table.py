"""What the page of targets shows: a row for each asset and currency, what trades change, and what blocks a review."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from functools import cached_property
from typing import Final

from steelyard.charts.drift import Drift, reach_of
from steelyard.charts.numbers import percent
from steelyard.compliance.rule import Finding, Outcome
from steelyard.domain.money import EXACT
from steelyard.domain.portfolio import Portfolio
from steelyard.rebalancing.allocation import Allocation
from steelyard.rebalancing.drift import calculate_weights
from steelyard.rebalancing.problem import Status
from steelyard.rebalancing.trade import Bound, LotSale, Trade
from steelyard.services.outlook import Outlook
from steelyard.services.ruling import outcome_by_rule
from steelyard.web.rebalance_form import TARGET, Targets, Wanted

ZERO: Final = Decimal(0)
MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Row:
    """An asset, or the cash of a currency.

    Attributes:
        name: its id, or the currency.
        label: what it is called.
        weight: of the whole, before; None = it is not shared out, or not known.
        target: what was typed, if it can be read.
        drift: from the target; None = there is none.
        trade: what is proposed; None = nothing is.
        value: before, base currency; None = not known.
        note: why it is not traded, or what it must not be.
    """

    name: str
    label: str
    is_cash: bool
    weight: Decimal | None
    target: Decimal | None
    drift: Drift | None
    trade: Trade | None
    value: Decimal | None
    note: str

    @property
    def field(self) -> str:
        """The name of the field of its target."""
        return TARGET + self.name


@dataclass(frozen=True, slots=True)
class Totals:
    """What trades come to, base currency.

    Attributes:
        turnover: half of what is bought and sold, of the whole; None = the whole is nothing.
        short_gains, long_gains: realised; negative = losses.
    """

    buys: Decimal
    sells: Decimal
    turnover: Decimal | None
    short_gains: Decimal
    long_gains: Decimal

    @classmethod
    def of(cls, trades: Sequence[Trade], lots: Sequence[LotSale], whole: Decimal) -> "Totals":
        """Add trades up."""
        with localcontext(EXACT):
            buys = sum((one.value for one in trades if one.value > 0), ZERO)
            sells = -sum((one.value for one in trades if one.value < 0), ZERO)
            turnover = None
            if whole > 0:
                turnover = calculate_weights({"": (buys + sells) / 2}, whole)[""]
            return cls(
                buys,
                sells,
                turnover,
                sum((lot.gain for lot in lots if not lot.is_long_term), ZERO),
                sum((lot.gain for lot in lots if lot.is_long_term), ZERO),
            )


@dataclass(frozen=True, slots=True)
class RuleSaid:
    """What a rule says of trades.

    Attributes:
        outcome: the worst of what it says.
        reasons: a sentence each.
    """

    rule_id: str
    outcome: Outcome
    reasons: tuple[str, ...]


def rules_said(findings: Sequence[Finding]) -> list[RuleSaid]:
    """Return what rules say, a rule once, the worst first."""
    severity = list(Outcome)
    said = [
        RuleSaid(rule_id, outcome, tuple(one.reason for one in findings if one.rule_id == rule_id))
        for rule_id, outcome in outcome_by_rule(findings).items()
    ]
    return sorted(said, key=lambda one: (-severity.index(one.outcome), one.rule_id))


@dataclass(frozen=True)
class Board:
    """The page of targets, worked out.

    Attributes:
        wanted: what is typed.
        outlook: what trades would be; None = nothing of the account is known today.
        model: the targets of its model.
        reason: why what is typed could not be worked out; "" = it was.
    """

    wanted: Wanted
    outlook: Outlook | None
    model: Targets
    reason: str = ""

    @property
    def allocation(self) -> Allocation | None:
        """The trades, if targets and options are any."""
        return self.outlook.allocation if self.outlook and self.wanted.asked else None

    @property
    def base(self) -> str:
        """The currency of the account."""
        return self.outlook.inputs.portfolio.base_currency if self.outlook else ""

    @cached_property
    def values(self) -> dict[str, Decimal]:
        """Asset, or currency of cash, → value before; money that comes in counts as cash."""
        if self.outlook is None:
            return {}
        return _values(self.outlook.inputs.portfolio, self.outlook.asked.investment_amount)

    @cached_property
    def whole(self) -> Decimal:
        """The value that is shared out: cash, and positions with a target."""
        if self.outlook is None:
            return ZERO
        outlook = self.outlook
        return whole_of(outlook.inputs.portfolio, outlook.asked.investment_amount, is_all=self._sells_rest)

    @cached_property
    def rows(self) -> list[Row]:
        """Assets by id, then cash."""
        cash = self._cash_names
        names = {*self.values, *self._targets, *self._typed_names} - cash
        return [*(self._row(name) for name in sorted(names)), *(self._row(name) for name in self._cash_order)]

    @cached_property
    def reach(self) -> float:
        """How much drift half of a bar stands for."""
        return reach_of([row.drift for row in self.rows if row.drift is not None])

    @cached_property
    def totals(self) -> Totals:
        """What the trades come to."""
        found = self.allocation
        return Totals.of(found.trades if found else (), found.lots if found else (), self.whole)

    @property
    def price_days(self) -> tuple[date, date] | None:
        """The oldest and the newest day of a price; None = there is none."""
        prices = self.outlook.inputs.prices.values() if self.outlook else ()
        days = [one.price_date for one in prices if one.price_date is not None]
        return (min(days), max(days)) if days else None

    @property
    def trades(self) -> Sequence[Trade]:
        """The trades."""
        return self.allocation.trades if self.allocation else ()

    @property
    def washed(self) -> list[str]:
        """Assets that are kept from trading by a wash sale, or not sold for it."""
        found = self.allocation
        if found is None:
            return []
        traded = {one.asset_id for one in found.trades if one.bound is Bound.WASH_SALE}
        return sorted(traded | {one.asset_id for one in found.skipped if one.bound is Bound.WASH_SALE})

    @cached_property
    def rules(self) -> list[RuleSaid]:
        """What the rules say of the trades."""
        return rules_said(self.outlook.findings) if self.outlook else []

    @cached_property
    def blocks(self) -> list[str]:
        """Why there is no review, and how to mend it; empty = there can be one."""
        return list(self._blocks())

    @property
    def warnings(self) -> list[str]:
        """What stands in the way later."""
        if self.outlook is None:
            return []
        terms = self.outlook.terms
        said = []
        if lost := self.wanted.lost:
            said.append(
                f"The proposal asked for more than there are fields for here. Left out: {', '.join(lost)}. To keep "
                "that, review it again where it was made."
            )
        if terms.kept_by != "ledger":
            said.append(
                "It is kept by snapshots: what is reviewed here can be approved, and not be sent to a broker."
            )
        elif terms.link_id is None:
            said.append("It is linked to no broker: what is reviewed here can be approved, and not be sent.")
        held = [one.rule_id for one in self.rules if one.outcome is Outcome.HOLD]
        if held:
            said.append(
                f"Rule {', '.join(held)} holds these trades until compliance or an owner lets them pass."
            )
        return said

    @property
    def said(self) -> str:
        """One sentence on the whole, for who cannot see it."""
        if self.allocation is None or self.allocation.status is Status.INFEASIBLE:
            return f"No trades. {self.blocks[0]}" if self.blocks else "No trades."
        count, found = len(self.trades), self.allocation
        what = "No trades" if not count else "1 trade" if count == 1 else f"{count} trades"
        drift = (
            f"drift {percent(float(found.total_drift_before))} → {percent(float(found.total_drift_after))}"
        )
        blocked = f" {self.blocks[0]}" if self.blocks and count else ""
        return f"{what}, {drift}.{blocked}"

    # ── Parts ───────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _traded(self) -> dict[str, Trade]:
        return {one.asset_id: one for one in self.trades}

    @property
    def _targets(self) -> Targets:
        return self.wanted.targets

    @property
    def _typed_names(self) -> set[str]:
        return {name.removeprefix(TARGET) for name in self.wanted.form.fields if name.startswith(TARGET)}

    @property
    def _sells_rest(self) -> bool:
        return self.wanted.typed("untargeted") == "sell"

    @property
    def _cash_names(self) -> set[str]:
        return set(self._cash_order)

    @cached_property
    def _cash_order(self) -> list[str]:
        """The currencies, that of the account last."""
        if self.outlook is None:
            return []
        portfolio = self.outlook.inputs.portfolio
        names = {*portfolio.cash, *portfolio.cash_targets, self.base}
        return [*sorted(names - {self.base}), self.base]

    def _row(self, name: str) -> Row:
        is_cash = name in self._cash_names
        target = self._targets.get(name, ZERO if is_cash else None)
        weight = None
        counts = is_cash or target is not None or self._sells_rest
        if counts and self.whole > 0 and self.outlook is not None:
            weight = calculate_weights({"": self.values.get(name, ZERO)}, self.whole)[""]
        drift = None
        if weight is not None:
            drift = self._drift(name, weight, target or ZERO, is_cash=is_cash)
        trade = self._traded.get(name)
        return Row(
            name=name,
            label=self._label(name, is_cash=is_cash),
            is_cash=is_cash,
            weight=weight,
            target=target,
            drift=drift,
            trade=trade,
            value=self.values.get(name, ZERO) if self.outlook else None,
            note=self._note(name, trade),
        )

    def _label(self, name: str, *, is_cash: bool) -> str:
        if is_cash:
            return "Cash"
        return self.outlook.names.get(name, "") if self.outlook else ""

    def _drift(self, name: str, weight: Decimal, target: Decimal, *, is_cash: bool) -> Drift:
        half = self.wanted.band if target else ZERO
        after = None
        found = self.allocation
        if found is not None and found.status is not Status.INFEASIBLE:
            after = self._cash_after(name, target) if is_cash else found.drift_after.get(name)
        return Drift(weight - target, -half, half, after)

    def _cash_after(self, name: str, target: Decimal) -> Decimal | None:
        assert self.outlook is not None and self.allocation is not None  # noqa: S101, PT018 - who calls has both
        amount = self.allocation.cash_by_currency.get(name, ZERO)
        rate = _rate(self.outlook.inputs.portfolio, name)
        if rate is None:
            return None
        return calculate_weights({"": amount * rate}, self.whole)[""] - target

    def _note(self, name: str, trade: Trade | None) -> str:
        if self.outlook is None or trade is not None:
            return trade.reason if trade else ""
        inputs = self.outlook.inputs
        if why := inputs.no_buy.get(name):
            return f"Not bought: {why}."
        if why := inputs.no_sell.get(name):
            return f"Not sold: {why}."
        found = self.allocation
        skipped = next((one for one in found.skipped if one.asset_id == name), None) if found else None
        return skipped.reason if skipped else ""

    def _blocks(self) -> Iterator[str]:
        if self.reason:
            yield self.reason
        if faults := len(self.wanted.faults):
            yield f"{'One field' if faults == 1 else f'{faults} fields'} cannot be read: correct what is marked."
        if not any(name.startswith(TARGET) for name in self.wanted.faults):
            yield from _sum_block(self.wanted.total)
        yield from self._outlook_blocks()

    def _outlook_blocks(self) -> Iterator[str]:
        if self.outlook is None:
            return
        if self.outlook.refusal is not None and not list(_sum_block(self.wanted.total)):
            yield f"{self.outlook.refusal}"
        elif self.allocation is not None:
            yield from _allocation_blocks(self.allocation, self.outlook)
        if waiting := self.outlook.terms.orders_under_way:
            are, they, them = (
                ("order is", "it is", "it") if len(waiting) == 1 else ("orders are", "they are", "them")
            )
            yield f"{len(waiting)} {are} under way for this account: wait until {they} filled, or cancel {them}."
        stale = self.outlook.inputs.stale
        if stale and not self.outlook.asked.stale_reason and self.outlook.refusal is None:
            yield _stale_block(stale)
        for rule in self.rules:
            if rule.outcome is Outcome.BLOCK:
                yield f"Rule {rule.rule_id} blocks these trades: {' '.join(rule.reasons)} Change the targets."


def _sum_block(total: Decimal) -> Iterator[str]:
    with localcontext(EXACT):
        over = total - 1
    if over:
        word = "take" if over > 0 else "add"
        yield f"Targets sum to {_exact_percent(total)}; {word} {_exact_percent(abs(over))}."


def _exact_percent(fraction: Decimal) -> str:
    """Write a fraction in percent with two decimals, or with all it has where two would say it is another."""
    in_percent = fraction.scaleb(2)
    return (
        percent(float(fraction))
        if in_percent == round(in_percent, 2)
        else f"{in_percent.normalize():f}\u202f%"
    )


def _allocation_blocks(found: Allocation, outlook: Outlook) -> Iterator[str]:
    if found.status is Status.INFEASIBLE:
        for conflict in found.conflicts:
            yield " ".join([conflict.reason, *conflict.remedies])
    elif not found.trades:
        yield "There is nothing to trade: nothing is out of its band, or no step brings it closer."
    exchanged = sorted(
        {one.sold_currency for one in found.conversions}
        | ({trade.asset_id for trade in found.trades} & outlook.inputs.portfolio.cash_targets.keys())
    )
    if exchanged:
        named = ", ".join(exchanged)
        yield f"These trades need {named} to be exchanged, and orders are of assets alone: exchange it at the bank."


def _stale_block(stale: Mapping[str, int]) -> str:
    named = ", ".join(f"{asset} ({age} sessions)" for asset, age in list(stale.items())[:MOST_NAMED])
    more = f" and {len(stale) - MOST_NAMED} more" if len(stale) > MOST_NAMED else ""
    return f"Prices are older than allowed: {named}{more}. Say below why they will do."


def whole_of(portfolio: Portfolio, investment: Decimal, *, is_all: bool) -> Decimal:
    """Return the value that targets are fractions of: cash, and positions with a target, or all where all have one."""
    wanted = {*portfolio.cash, *portfolio.targets, portfolio.base_currency}
    with localcontext(EXACT):
        values = _values(portfolio, investment).items()
        return sum((value for name, value in values if is_all or name in wanted), ZERO)


def _values(portfolio: Portfolio, investment: Decimal) -> dict[str, Decimal]:
    """Return what positions and cash are worth, base currency."""
    with localcontext(EXACT):
        values = {
            name: quantity
            * portfolio.prices[name].amount
            * (_rate(portfolio, portfolio.prices[name].currency) or ZERO)
            for name, quantity in portfolio.positions.items()
            if name in portfolio.prices
        }
        for currency, amount in portfolio.cash.items():
            values[currency] = amount * (_rate(portfolio, currency) or ZERO)
        values[portfolio.base_currency] = values.get(portfolio.base_currency, ZERO) + investment
    return values


def _rate(portfolio: Portfolio, currency: str) -> Decimal | None:
    return Decimal(1) if currency in {portfolio.base_currency, ""} else portfolio.rates.get(currency)
