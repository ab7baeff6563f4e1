"""What a rule of each kind must say, and what it cannot: a rule that breaks this is refused with its reason."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from functools import partial
from typing import Any, Final

from steelyard.compliance.liquidity import MEASURED_OF
from steelyard.compliance.restricted import FORBIDS
from steelyard.compliance.rule import Outcome, Rule, RuleKind
from steelyard.compliance.selection import GROUPED_BY, LISTS
from steelyard.compliance.turnover import COUNTS
from steelyard.domain.amount import read_amount
from steelyard.domain.money import CURRENCIES
from steelyard.errors import InvalidInputError

SCOPES: Final = ("accounts", "households", "models")
MAX_DAYS: Final = 3660
MAX_SESSIONS: Final = 250
MAX_WASH_DAYS: Final = 366
LONGEST_TEXT: Final = 500
LONGEST_WORD: Final = 200
MOST_WORDS: Final = 1000

_RULE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RuleError(InvalidInputError):
    """A rule breaks what its kind asks for."""

    def __init__(self, rule_id: str, problem: str) -> None:
        """Name the rule and the problem."""
        self.rule_id, self.problem = rule_id, problem
        super().__init__(
            f"rule {rule_id[:64]!r}: {problem}. docs/reference/rules.md says what each kind needs."
        )


Problem = str
"""What is wrong, as the rest of a sentence; "" = nothing."""

Check = Callable[[Any], Problem]


def check_rule(rule: Rule) -> None:
    """Return where a rule says all that its kind needs and nothing else.

    Raises:
        RuleError: it does not; with the first reason.
        AmountError: the bound is no number that is kept exactly.
    """
    for problem in (_identity(rule), _dates(rule), _scope(rule), _bound(rule), _settings(rule)):
        if problem:
            raise RuleError(rule.rule_id, problem)


def _identity(rule: Rule) -> Problem:
    if not _RULE_ID.fullmatch(rule.rule_id):
        return "its id is not 1 to 64 letters, digits, dots, hyphens or underscores"
    if rule.outcome is Outcome.PASS:
        return "a violation warns, holds or blocks; it cannot pass"
    if not is_plain(rule.source_document, LONGEST_TEXT):
        return f"source_document is no line of 1 to {LONGEST_TEXT} characters; name the mandate or the law"
    return ""


def _dates(rule: Rule) -> Problem:
    if rule.valid_until is not None and rule.valid_until < rule.valid_from:
        return f"it ends on {rule.valid_until}, before it begins on {rule.valid_from}"
    return "" if rule.valid_from >= date(1900, 1, 1) else "it begins before 1900"


def _scope(rule: Rule) -> Problem:
    for name, words in rule.scope.items():
        if name not in SCOPES:
            return f"its scope cannot name {name!r}; it can name {', '.join(SCOPES)}"
        if problem := _words(words):
            return f"its scope's {name} {problem}"
    return ""


def _bound(rule: Rule) -> Problem:
    if rule.bound is None:
        return "" if rule.kind in {RuleKind.RESTRICTED, RuleKind.WASH_SALE} else "it needs a bound"
    if rule.kind is RuleKind.RESTRICTED:
        return "a restricted list has no bound: what is on it is at 0"
    bound = read_amount(f"bound of rule {rule.rule_id!r}", rule.bound)
    is_amount = rule.kind is RuleKind.WASH_SALE or "currency" in rule.settings
    if bound < 0:
        return f"its bound {bound} is below 0"
    may_exceed_one = is_amount or rule.kind in {RuleKind.TURNOVER, RuleKind.LIQUIDITY}
    if bound > 1 and not may_exceed_one:
        return f"its bound {bound} is a fraction of the account, 0 to 1 (0.25 is 25 %)"
    return ""


def _settings(rule: Rule) -> Problem:
    known = {**_NEEDED[rule.kind], **_POSSIBLE[rule.kind]}
    for name, value in rule.settings.items():
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"this kind knows {', '.join(known) or 'none'}"
            return f"its settings cannot hold {name!r}; {hint}"
        if problem := known[name](value):
            return f"{name} {problem}"
    if missing := [name for name in _NEEDED[rule.kind] if name not in rule.settings]:
        return f"its settings lack {missing[0]}"
    if rule.kind is RuleKind.RESTRICTED and not LISTS.keys() & rule.settings.keys():
        return f"it lists nothing; give at least one of {', '.join(LISTS)}"
    return ""


def _words(value: Any) -> Problem:
    is_list = isinstance(value, list | tuple) and 0 < len(value) <= MOST_WORDS
    is_words = is_list and all(isinstance(one, str) and is_plain(one, LONGEST_WORD) for one in value)
    return "" if is_words else f"is not a list of 1 to {MOST_WORDS} names"


def _selection(value: Any) -> Problem:
    if not isinstance(value, Mapping) or not value:
        return f"is not a table of lists: {', '.join(LISTS)}"
    for name, words in value.items():
        if name not in LISTS:
            return f"cannot hold {name!r}; it can hold {', '.join(LISTS)}"
        if problem := _words(words):
            return f"{name} {problem}"
    return ""


def _groups(value: Any) -> Problem:
    is_list = isinstance(value, list | tuple) and 0 < len(value) <= MOST_WORDS
    if not is_list or any(_words(group) for group in value):
        return 'is not a list of lists of assets, such as [["IVV", "VOO"]]'
    return ""


def _whole(most: int, value: Any) -> Problem:
    is_whole = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most
    return "" if is_whole else f"is not a whole number from 1 to {most}"


def _one_of(words: Sequence[str], value: Any) -> Problem:
    return "" if value in words else f"is none of {', '.join(words)}"


def _some_of(words: Sequence[str], value: Any) -> Problem:
    return _words(value) or ("" if set(value) <= set(words) else f"holds others than {', '.join(words)}")


def _currency(value: Any) -> Problem:
    return "" if isinstance(value, str) and value in CURRENCIES else "is no code of ISO 4217"


def is_plain(text: str, longest: int) -> bool:
    r"""Whether a text is a line that says something, all of it shown as it is stored.

    >>> is_plain("Mandate, section 3", 500), is_plain(" ", 500), is_plain("a\x00b", 500)
    (True, False, False)
    """
    return bool(text.strip()) and len(text) <= longest and text.isprintable()


_NEEDED: Final[Mapping[RuleKind, Mapping[str, Check]]] = {
    **{kind: {} for kind in GROUPED_BY},
    RuleKind.RESTRICTED: {"forbids": partial(_some_of, FORBIDS)},
    RuleKind.MINIMUM_CASH: {},
    RuleKind.TURNOVER: {"days": partial(_whole, MAX_DAYS), "counts": partial(_one_of, COUNTS)},
    RuleKind.LIQUIDITY: {"sessions": partial(_whole, MAX_SESSIONS), "of": partial(_one_of, MEASURED_OF)},
    RuleKind.WASH_SALE: {"days": partial(_whole, MAX_WASH_DAYS)},
}
"""Kind → settings that it must have, each with what it must be."""

_POSSIBLE: Final[Mapping[RuleKind, Mapping[str, Check]]] = {
    **{kind: {"only": _selection, "except": _selection} for kind in GROUPED_BY},
    RuleKind.RESTRICTED: dict.fromkeys(LISTS, _words),
    RuleKind.MINIMUM_CASH: {"currency": _currency},
    RuleKind.TURNOVER: {},
    RuleKind.LIQUIDITY: {},
    RuleKind.WASH_SALE: {"identical": _groups},
}
"""Kind → settings that it may have."""


def is_for(rule: Rule, account_id: str, household_id: str | None, model_id: str | None) -> bool:
    """Whether a rule is about an account: its scope names the account, its household or its model, or nothing.

    >>> from decimal import Decimal
    >>> rule = Rule(rule_id="r", version=1, kind=RuleKind.MINIMUM_CASH, bound=Decimal("0.01"), outcome=Outcome.WARN,
    ...     valid_from=date(2026, 1, 1), source_document="mandate", scope={"households": ("RIVERA",)})
    >>> is_for(rule, "A", "RIVERA", None), is_for(rule, "A", None, "RIVERA")
    (True, False)
    """
    named = zip(SCOPES, (account_id, household_id, model_id), strict=True)
    return not rule.scope or any(one is not None and one in rule.scope.get(name, ()) for name, one in named)
