"""Rules: written, a change being a new version, ended and listed. What a rule said stays for good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from steelyard.compliance.rule import Rule
from steelyard.compliance.settings import check_rule
from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.services.version import require_version
from steelyard.storage import rule as stored
from steelyard.storage.audit import record_event
from steelyard.storage.connection import AnySession, WriteSession
from steelyard.storage.rule import StoredRule


class UnknownRuleError(NotFoundError):
    """There is no such rule."""

    def __init__(self, rule_id: str, known: Sequence[str]) -> None:
        """Name it, and the one most like it."""
        near = get_close_matches(rule_id, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "list those there are: `steelyard rules list`."
        super().__init__(f"There is no rule {rule_id[:64]!r}; {hint}")


class RuleEndedError(ConflictError):
    """A rule was ended already."""

    def __init__(self, rule_id: str) -> None:
        """Name it."""
        super().__init__(f"Rule {rule_id} was ended already; nothing is to be done.")


class TwiceWrittenError(InvalidInputError):
    """A rule stands twice among those that are to be written together."""

    def __init__(self, rule_id: str) -> None:
        """Name it."""
        super().__init__(f"rule {rule_id!r} stands there twice; keep one of the two.")


@dataclass(frozen=True, slots=True)
class Written:
    """What became of rules that were written.

    Attributes:
        added: ids of new rules.
        changed: ids of rules with a new version.
        unchanged: ids of rules that said the same already.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]


async def get_rules(db: AnySession) -> list[StoredRule]:
    """Return the rules of the tenant that were not ended, in their newest version, by id."""
    return await stored.get_rules(db)


async def get_ended_rules(db: AnySession) -> list[StoredRule]:
    """Return the rules of the tenant that are asked no more, in their last version, by id."""
    return await stored.get_ended_rules(db)


async def get_rule(db: AnySession, rule_id: str) -> list[StoredRule]:
    """Return every version of a rule, the newest first.

    Raises:
        UnknownRuleError: there is none; names the one most like it.
    """
    if versions := await stored.get_rule_versions(db, rule_id):
        return versions
    raise UnknownRuleError(rule_id, [one.rule.rule_id for one in await stored.get_rules(db)])


async def write_rules(
    db: WriteSession, rules: Sequence[Rule], *, expected: Mapping[str, int] | None = None
) -> Written:
    """Write rules; one that is there gets a new version, unless it says the same already. All of them, or none.

    Args:
        db: acting as who writes them.
        rules: their `version` is not looked at.
        expected: rule → the version that its writer read; None = whatever stands is followed by theirs.

    Raises:
        RuleError, AmountError: a rule is none that its kind allows.
        TwiceWrittenError: two of them have one id.
        ChangedMeanwhileError: a rule has another version than its writer read.
    """
    _refuse_twins(rules)
    for rule in rules:
        check_rule(rule)
    await stored.lock_rules(db)
    for rule_id, read in (expected or {}).items():
        newest = (await get_rule(db, rule_id))[0].rule.version
        require_version(f"Rule {rule_id}", expected=read, version=newest)
    outcomes = {rule.rule_id: await _write(db, rule) for rule in rules}
    return Written(
        *(
            tuple(rule_id for rule_id, found in outcomes.items() if found == outcome)
            for outcome in ("added", "changed", "unchanged")
        )
    )


async def end_rule(db: WriteSession, rule_id: str) -> None:
    """End a rule: from now on it is not asked; what it decided stays.

    Raises:
        UnknownRuleError: there is none.
        RuleEndedError: it was ended already.
    """
    await stored.lock_rules(db)
    newest = (await get_rule(db, rule_id))[0]
    if newest.ended_at is not None:
        raise RuleEndedError(rule_id)
    await stored.end_rule_version(db, rule_id)
    await record_event(db, "rule.end", "rule", rule_id, {"version": newest.rule.version})


def _refuse_twins(rules: Sequence[Rule]) -> None:
    seen: set[str] = set()
    for rule in rules:
        if rule.rule_id in seen:
            raise TwiceWrittenError(rule.rule_id)
        seen.add(rule.rule_id)


async def _write(db: WriteSession, rule: Rule) -> str:
    versions = await stored.get_rule_versions(db, rule.rule_id)
    newest = versions[0] if versions else None
    version = newest.rule.version + 1 if newest else 1
    if newest and newest.ended_at is None and _says_the_same(newest.rule, rule):
        return "unchanged"
    await stored.end_rule_version(db, rule.rule_id)
    await stored.add_rule_version(db, replace(rule, version=version))
    facts = {"version": version, "kind": rule.kind.value, "outcome": rule.outcome.value}
    await record_event(db, "rule.write", "rule", rule.rule_id, facts)
    return "changed" if newest else "added"


def _says_the_same(one: Rule, other: Rule) -> bool:
    return replace(one, version=other.version, settings={}, scope={}) == replace(
        other, settings={}, scope={}
    ) and (_plain(one.settings) == _plain(other.settings) and _plain(one.scope) == _plain(other.scope))


def _plain(value: object) -> object:
    """Return lists and tuples as one, so that what was read back compares with what is written."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
