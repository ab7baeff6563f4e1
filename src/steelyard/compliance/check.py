"""Rules over an account: what each says before trades are made, and of what is held after.

The same functions answer both. Without `before` an account is judged as it is. With it, what the trades do not make
worse is a warning: what is beyond a limit already may be eased by steps.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from steelyard.compliance.cash import measure_cash
from steelyard.compliance.concentration import measure_concentration
from steelyard.compliance.holdings import Facts, Holdings, Trade
from steelyard.compliance.liquidity import measure_liquidity
from steelyard.compliance.measure import Measure, MeasureRule, Reading, Unit, Unmeasured, rounded, told_apart
from steelyard.compliance.restricted import measure_restricted
from steelyard.compliance.rule import Finding, Outcome, Rule, RuleKind
from steelyard.compliance.turnover import measure_turnover
from steelyard.compliance.wash import measure_wash_sales

MEASURES: Final[Mapping[RuleKind, MeasureRule]] = {
    RuleKind.ASSET: measure_concentration,
    RuleKind.ISSUER: measure_concentration,
    RuleKind.SECTOR: measure_concentration,
    RuleKind.COUNTRY: measure_concentration,
    RuleKind.ASSET_CLASS: measure_concentration,
    RuleKind.RESTRICTED: measure_restricted,
    RuleKind.MINIMUM_CASH: measure_cash,
    RuleKind.TURNOVER: measure_turnover,
    RuleKind.LIQUIDITY: measure_liquidity,
    RuleKind.WASH_SALE: measure_wash_sales,
}

_SEVERITY: Final = (Outcome.PASS, Outcome.WARN, Outcome.HOLD, Outcome.BLOCK)


def check_rules(
    rules: Iterable[Rule],
    before: Holdings | None,
    after: Holdings,
    trades: Sequence[Trade],
    facts: Facts,
) -> tuple[Finding, ...]:
    """Return what rules say of trades, or of an account as it is.

    Args:
        rules: those in force for the account on the day.
        before: what it holds before the trades; None = it is judged as it is, whatever it was before.
        after: what it holds with the trades made, as `apply_trades` says.
        trades: what is judged; empty = nothing is traded.
        facts: what happened before.

    Returns:
        For each rule, in order: a finding for everything that is beyond the limit or cannot be measured, or one PASS
        that names what comes closest to the limit. What cannot be measured is HOLD where the rule holds or blocks, and
        WARN where it warns: never a pass, and never a block that nobody could lift. What was beyond the limit before
        the trades and is no further beyond it after them is WARN, and so is what cannot be measured where nothing is
        traded.
    """
    judges = [_Judge(rule, before, after, trades, facts) for rule in rules]
    return tuple(finding for judge in judges for finding in judge.findings())


def worst(findings: Iterable[Finding]) -> Outcome:
    """Return the outcome that counts of several: the worst; PASS of none.

    >>> worst([])
    <Outcome.PASS: 'pass'>
    """
    return max((finding.outcome for finding in findings), key=_SEVERITY.index, default=Outcome.PASS)


@dataclass(frozen=True, slots=True)
class _Judge:
    """One rule, and what it is asked about."""

    rule: Rule
    before: Holdings | None
    after: Holdings
    trades: Sequence[Trade]
    facts: Facts

    def findings(self) -> Iterator[Finding]:
        """Give what the rule says."""
        readings = list(self._read(self.after, self.trades))
        beyond = [one for one in readings if self._is_beyond(one)]
        if beyond:
            was = self._was()
            yield from (self._violated(one, was) for one in beyond)
        elif readings:
            yield self._kept([one for one in readings if isinstance(one, Measure)])
        else:
            yield self._nothing()

    def _read(self, holdings: Holdings, trades: Sequence[Trade]) -> Iterable[Reading]:
        return MEASURES[self.rule.kind](self.rule, holdings, trades, self.facts)

    def _was(self) -> dict[str, Fraction]:
        """Return what was measured before the trades, by what it is about, or the extent of what could not be."""
        if self.before is None:
            return {}
        return {
            one.key: one.amount if isinstance(one, Measure) else one.extent
            for one in self._read(self.before, ())
        }

    def _bound(self) -> Fraction:
        return Fraction(self.rule.bound if self.rule.bound is not None else 0)

    def _is_floor(self) -> bool:
        return self.rule.kind is RuleKind.MINIMUM_CASH

    def _is_beyond(self, reading: Reading) -> bool:
        if isinstance(reading, Unmeasured):
            return True
        return reading.amount < self._bound() if self._is_floor() else reading.amount > self._bound()

    def _is_eased(self, measure: Measure, was: Mapping[str, Fraction]) -> bool:
        """Whether it was beyond the limit before the trades, and they do not take it further."""
        if measure.key not in was:
            return False
        amount = was[measure.key]
        return measure.amount >= amount if self._is_floor() else measure.amount <= amount

    def _violated(self, reading: Reading, was: Mapping[str, Fraction]) -> Finding:
        if isinstance(reading, Unmeasured):
            return self._unmeasured(reading, was)
        shown, bound = told_apart(reading.amount, self._bound(), reading)
        side, allows = ("below", "asks for") if self._is_floor() else ("above", "allows")
        limit = f"{side} the {bound} that rule {self.rule.rule_id} {allows}"
        sentence = f"{reading.subject} is {shown}{reading.of}, {limit}"
        if not self._is_eased(reading, was):
            return self._finding(self.rule.outcome, reading, f"{sentence}.")
        earlier, _ = told_apart(was[reading.key], reading.amount, reading)
        eased = f"{sentence}; it was {earlier} before the trades, which do not make it worse."
        return self._finding(Outcome.WARN, reading, eased)

    def _unmeasured(self, reading: Unmeasured, was: Mapping[str, Fraction]) -> Finding:
        mildest = Outcome.BLOCK if reading.is_beyond else Outcome.HOLD
        outcome = min(self.rule.outcome, mildest, key=_SEVERITY.index)
        is_as_before = bool(reading.key) and reading.extent <= was.get(reading.key, -1)
        if is_as_before or (self.before is not None and not self.trades):
            outcome = Outcome.WARN
        sentence = f"Rule {self.rule.rule_id} cannot be measured against its limit of {self._limit()}: {reading.why}."
        return Finding(
            rule_id=self.rule.rule_id,
            rule_version=self.rule.version,
            outcome=outcome,
            measure=None,
            bound=self.rule.bound,
            asset_ids=reading.asset_ids,
            reason=sentence,
        )

    def _kept(self, measures: Sequence[Measure]) -> Finding:
        closest = (min if self._is_floor() else max)(measures, key=lambda one: one.amount)
        shown, bound = told_apart(closest.amount, self._bound(), closest)
        asks = "asks for" if self._is_floor() else "allows"
        sentence = f"{closest.subject} is {shown}{closest.of}, within the {bound} that rule {self.rule.rule_id} {asks}."
        return self._finding(Outcome.PASS, closest, sentence)

    def _nothing(self) -> Finding:
        sentence = f"Rule {self.rule.rule_id}, with a limit of {self._limit()}, finds nothing to measure: 0."
        return Finding(
            rule_id=self.rule.rule_id,
            rule_version=self.rule.version,
            outcome=Outcome.PASS,
            measure=Decimal(0),
            bound=self.rule.bound,
            asset_ids=(),
            reason=sentence,
        )

    def _finding(self, outcome: Outcome, measure: Measure, reason: str) -> Finding:
        return Finding(
            rule_id=self.rule.rule_id,
            rule_version=self.rule.version,
            outcome=outcome,
            measure=rounded(measure.amount),
            bound=self.rule.bound,
            asset_ids=measure.asset_ids,
            reason=reason,
        )

    def _limit(self) -> str:
        return limit_words(self.rule)


def limit_words(rule: Rule) -> str:
    """Return the limit of a rule in words.

    >>> from datetime import date
    >>> limit_words(Rule(rule_id="cap", version=1, kind=RuleKind.SECTOR, bound=Decimal("0.4"), outcome=Outcome.HOLD,
    ...     valid_from=date(2026, 1, 1), source_document="mandate"))
    '40 %'
    """
    bound = Fraction(rule.bound if rule.bound is not None else 0)
    return told_apart(bound, bound, _blank(rule))[0]


def amount_words(rule: Rule, measure: Decimal, bound: Decimal) -> tuple[str, str]:
    """Return what was measured and the limit in words, with as many decimals as tell them apart.

    Args:
        rule: whose kind says what is counted.
        measure: as a finding keeps it.
        bound: the limit it was held against, of whichever version.

    >>> from datetime import date
    >>> amount_words(Rule(rule_id="cap", version=1, kind=RuleKind.SECTOR, bound=Decimal("0.4"), outcome=Outcome.HOLD,
    ...     valid_from=date(2026, 1, 1), source_document="mandate"), Decimal("0.4639"), Decimal("0.4"))
    ('46.39 %', '40 %')
    """
    return told_apart(Fraction(measure), Fraction(bound), _blank(rule))


def _blank(rule: Rule) -> Measure:
    """Return a measure of the unit that a rule counts."""
    unit, currency = Unit.FRACTION, ""
    if rule.kind is RuleKind.RESTRICTED:
        unit = Unit.UNITS
    elif rule.kind is RuleKind.WASH_SALE or rule.settings.get("currency"):
        unit, currency = Unit.MONEY, rule.settings.get("currency", "of the base currency")
    return Measure(key="", subject="", amount=Fraction(0), of="", asset_ids=(), unit=unit, currency=currency)
