"""Rules in words: what each asks for, as one sentence that whoever reads it can hold an account against."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from steelyard.compliance.check import limit_words
from steelyard.compliance.rule import Outcome, Rule, RuleKind
from steelyard.compliance.selection import GROUPED_BY, LISTS, said

DOES: Final[Mapping[Outcome, str]] = {
    Outcome.WARN: "It is said, and stands in nobody's way.",
    Outcome.HOLD: "Trades wait until compliance, or an owner, lets them pass for a reason that is kept.",
    Outcome.BLOCK: "Trades are never approved; nobody can let them pass.",
}
"""What a violation does."""

_SCOPES: Final = {"accounts": "account", "households": "household", "models": "model"}
_FORBIDDEN: Final = {"buy": "bought", "sell": "sold", "hold": "held"}
_COUNTS: Final = {
    "lesser": "of purchases and sales the lesser counts",
    "half": "half of purchases and sales together counts",
}


def rule_words(rule: Rule) -> str:
    """Return what a rule asks for; it passed `check_rule`.

    >>> from datetime import date
    >>> from decimal import Decimal
    >>> rule_words(Rule(rule_id="cap", version=1, kind=RuleKind.SECTOR, bound=Decimal("0.4"), outcome=Outcome.HOLD,
    ...     valid_from=date(2026, 1, 1), source_document="mandate", settings={"except": {"asset_classes": ["ETF"]}}))
    'No sector is more than 40 % of an account; asset class ETF is not counted.'
    """
    limit, settings = limit_words(rule), rule.settings
    if rule.kind in GROUPED_BY:
        return f"No {said(GROUPED_BY[rule.kind])} is more than {limit} of an account{_counted(settings)}."
    if rule.kind is RuleKind.RESTRICTED:
        acts = _joined([_FORBIDDEN[word] for word in settings["forbids"]], "or")
        return f"Nothing of {_lists(settings)} is {acts}."
    if rule.kind is RuleKind.MINIMUM_CASH:
        return f"Cash is at least {limit}{'' if settings.get('currency') else ' of an account'}."
    if rule.kind is RuleKind.TURNOVER:
        counted = _COUNTS[settings["counts"]]
        return f"No more than {limit} of an account is turned over in {_days(settings['days'])}; {counted}."
    if rule.kind is RuleKind.LIQUIDITY:
        last = settings["sessions"]
        usual = "the last session" if last == 1 else f"a session, by the mean of the last {last}"
        return f"No {settings['of']} is more than {limit} of what is traded in {usual}."
    most = "No loss is" if not rule.bound else f"No loss above {limit} is"
    return f"{most} made that does not count because the same is bought within {_days(settings['days'])}."


def scope_words(rule: Rule) -> str:
    """Return whom a rule is about."""
    parts = [f"{_plural(_SCOPES[name], words)} {_joined(words, 'and')}" for name, words in rule.scope.items()]
    return "; ".join(parts) or "all accounts"


def _counted(settings: Mapping[str, Any]) -> str:
    only, left_out = settings.get("only"), settings.get("except")
    parts = [f"only {_lists(only)} is counted"] if only else []
    parts += [f"{_lists(left_out)} is not counted"] if left_out else []
    return "".join(f"; {part}" for part in parts)


def _lists(lists: Mapping[str, Any]) -> str:
    named = {part: lists[name] for name, part in LISTS.items() if name in lists}
    return _joined([f"{said(part)} {_joined(words, 'or')}" for part, words in named.items()], "or")


def _joined(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _plural(noun: str, words: Sequence[str]) -> str:
    return noun if len(words) == 1 else f"{noun}s"


def _days(count: int) -> str:
    return "a day" if count == 1 else f"{count} days"
