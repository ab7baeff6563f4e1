"""The form of a rule: of each kind its own settings, in the words of whoever writes one, and what they say as a rule.

Its fields are the columns of a file of rules, but for the limit, which is typed in percent, and for lists, which have
an item a line.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from steelyard.compliance.rule import Outcome, Rule, RuleKind
from steelyard.compliance.selection import GROUPED_BY, LISTS
from steelyard.compliance.settings import LONGEST_TEXT, MAX_DAYS, MAX_SESSIONS, MAX_WASH_DAYS, SCOPES
from steelyard.compliance.words import DOES
from steelyard.domain.money import CURRENCIES
from steelyard.server.form import Form
from steelyard.services.scope import nearest
from steelyard.statements.rule import RuleFileError, read_rule
from steelyard.storage.portfolio import StoredAccount
from steelyard.web.reading import Reading
from steelyard.web.region import Region

KINDS: Final[Mapping[RuleKind, tuple[str, str]]] = {
    RuleKind.ASSET: ("A single asset", "No asset grows beyond a share of an account."),
    RuleKind.ISSUER: ("A single issuer", "All that one company has issued, together."),
    RuleKind.SECTOR: ("A sector", "All that stands in one sector, together."),
    RuleKind.COUNTRY: ("A country", "All that comes from one country, together."),
    RuleKind.ASSET_CLASS: ("An asset class", "Equities, funds, bonds: each as a whole."),
    RuleKind.RESTRICTED: ("A restricted list", "What is not bought, sold or held at all."),
    RuleKind.MINIMUM_CASH: ("Minimum cash", "A share, or an amount, that stays in cash."),
    RuleKind.TURNOVER: ("Maximum turnover", "How much of an account is traded in some days."),
    RuleKind.LIQUIDITY: ("Liquidity", "No more than the market takes in a session."),
    RuleKind.WASH_SALE: ("Wash sales", "Losses that do not count, as the same is bought again."),
}
"""Kind → what it is called, and what it is for."""

OUTCOMES: Final = {one.value: (one.value.capitalize() + "s", DOES[one]) for one in DOES}
LIST_NAMES: Final = {
    "assets": "Assets",
    "issuers": "Issuers",
    "sectors": "Sectors",
    "countries": "Countries",
    "asset_classes": "Asset classes",
}
SIDES: Final = {"only": "Count only some assets", "except": "Leave some assets out"}
FORBIDS: Final = {"buy": "bought", "sell": "sold", "hold": "held"}
COUNTS: Final = {
    "lesser": "the lesser of purchases and sales (SEC Form N-1A)",
    "half": "half of purchases and sales together",
}
MEASURED_OF: Final = {"trade": "each trade", "position": "each position"}


@dataclass(frozen=True, slots=True)
class Known:
    """What a scope can name, of what who writes the rule sees."""

    accounts: Collection[str]
    households: Collection[str]
    models: Collection[str]

    @classmethod
    def of(cls, accounts: Sequence[StoredAccount]) -> "Known":
        """Take it from accounts."""
        return cls(
            {one.account_id for one in accounts},
            {one.household_id for one in accounts if one.household_id},
            {one.model_id for one in accounts if one.model_id},
        )


def new_form(kind: RuleKind, today: date) -> Form:
    """Return the form of a new rule, with what is usual."""
    usual = {"outcome": "hold", "valid_from": f"{today}"}
    usual |= {"days": "30"} if kind is RuleKind.WASH_SALE else {}
    usual |= {"days": "365", "counts": "lesser"} if kind is RuleKind.TURNOVER else {}
    usual |= {"sessions": "20", "of": "position"} if kind is RuleKind.LIQUIDITY else {}
    typed: dict[str, tuple[str, ...]] = {name: (value,) for name, value in usual.items()}
    if kind is RuleKind.RESTRICTED:
        typed["forbids"] = ("buy", "hold")
    return Form(typed)


def form_of(rule: Rule, region: Region) -> Form:
    """Return the form that says what a rule says."""
    settings = rule.settings
    plain = {
        "id": rule.rule_id,
        "outcome": rule.outcome.value,
        "limit": _limit_text(rule, region),
        "valid_from": f"{rule.valid_from}",
        "valid_until": f"{rule.valid_until or ''}",
        "source_document": rule.source_document,
        **{
            name: f"{settings[name]}"
            for name in ("days", "sessions", "of", "counts", "currency")
            if name in settings
        },
        **{name: "\n".join(rule.scope.get(name, ())) for name in SCOPES},
        **{name: "\n".join(settings.get(name, ())) for name in LISTS},
        **{
            f"{side}_{name}": "\n".join(settings.get(side, {}).get(name, ()))
            for side in SIDES
            for name in LISTS
        },
        "identical": "\n".join(", ".join(group) for group in settings.get("identical", ())),
    }
    return Form({name: (value,) for name, value in plain.items()} | {"forbids": settings.get("forbids", ())})


def read_rule_form(reading: Reading, kind: RuleKind, known: Known, rule_id: str | None = None) -> Rule | None:
    """Return the rule that a form says; None = something cannot be used, which stands in the reading's faults.

    Args:
        reading: of the form.
        kind: of the rule.
        known: what a scope can name.
        rule_id: of a rule that is changed; None = the form says it.
    """
    table: dict[str, Any] = {
        "id": rule_id or reading.key("id"),
        "kind": kind.value,
        "bound": _bound(reading, kind),
        "outcome": reading.one_of("outcome", [one.value for one in Outcome if one in DOES]),
        "valid_from": reading.day("valid_from"),
        "valid_until": reading.day("valid_until", is_needed=False),
        "source_document": reading.text("source_document", longest=LONGEST_TEXT),
        "scope": _scope(reading, known),
        "settings": _settings(reading, kind),
    }
    if reading.faults:
        return None
    try:
        return read_rule(table, "The rule")
    except RuleFileError as error:
        reading.faults[_field_of(f"{error}")] = f"{error}".partition(": ")[2].removesuffix(".")
        return None


def is_of_money(kind: RuleKind, form: Form) -> bool:
    """Whether the limit is an amount, and no percentage."""
    return kind is RuleKind.WASH_SALE or (kind is RuleKind.MINIMUM_CASH and form.text("currency") != "")


def _limit_text(rule: Rule, region: Region) -> str:
    if rule.bound is None:
        return ""
    is_money = rule.kind is RuleKind.WASH_SALE or "currency" in rule.settings
    return region.typed(rule.bound if is_money else rule.bound.scaleb(2))


def _bound(reading: Reading, kind: RuleKind) -> Decimal | None:
    if kind is RuleKind.RESTRICTED:
        return None
    limit = reading.number("limit", is_needed=kind is not RuleKind.WASH_SALE)
    if limit is None or is_of_money(kind, reading.form):
        return limit
    if limit > Decimal(100) and kind in {*GROUPED_BY, RuleKind.MINIMUM_CASH}:
        reading.faults["limit"] = "a share of an account: 0 to 100 %"
    return limit.scaleb(-2)


def _scope(reading: Reading, known: Known) -> dict[str, tuple[str, ...]]:
    scope: dict[str, tuple[str, ...]] = {}
    for name, ids in (
        ("accounts", known.accounts),
        ("households", known.households),
        ("models", known.models),
    ):
        if words := _lines(reading.form.text(name)):
            scope[name] = words
            if unknown := [word for word in words if word not in ids]:
                near = nearest(unknown[0], ids)
                hint = f"; did you mean {' or '.join(near)}?" if near else ""
                reading.faults[name] = f"there is no {name.removesuffix('s')} {unknown[0]} that you see{hint}"
    return scope


def _settings(reading: Reading, kind: RuleKind) -> dict[str, Any]:
    form = reading.form
    if kind in GROUPED_BY:
        return {side: lists for side in SIDES if (lists := _named(form, f"{side}_"))}
    if kind is RuleKind.RESTRICTED:
        if not form.texts("forbids"):
            reading.faults["forbids"] = "choose what is forbidden"
        lists = _named(form, "")
        if not lists:
            reading.faults["assets"] = "name at least one asset, issuer, sector, country or asset class"
        return {**lists, "forbids": list(form.texts("forbids"))}
    if kind is RuleKind.MINIMUM_CASH:
        currency = reading.one_of("currency", CURRENCIES, is_needed=False)
        return {"currency": currency} if currency else {}
    if kind is RuleKind.TURNOVER:
        return {"days": _whole(reading, "days", MAX_DAYS), "counts": reading.one_of("counts", COUNTS)}
    if kind is RuleKind.LIQUIDITY:
        return {
            "sessions": _whole(reading, "sessions", MAX_SESSIONS),
            "of": reading.one_of("of", MEASURED_OF),
        }
    groups = [[word.strip() for word in line.split(",")] for line in _lines(form.text("identical"))]
    days = _whole(reading, "days", MAX_WASH_DAYS)
    return {"days": days} | ({"identical": groups} if groups else {})


def _named(form: Form, start: str) -> dict[str, list[str]]:
    return {name: list(words) for name in LISTS if (words := _lines(form.text(f"{start}{name}")))}


def _lines(typed: str) -> tuple[str, ...]:
    """Return the items of a list, that stand on lines of their own or between semicolons."""
    return tuple(word for line in typed.replace(";", "\n").splitlines() if (word := line.strip()))


def _whole(reading: Reading, name: str, most: int) -> int | None:
    def reader(typed: str) -> int:
        if not (typed.isascii() and typed.isdigit() and 1 <= int(typed[:9]) <= most):
            raise ValueError(f"a whole number from 1 to {most}")
        return int(typed)

    return reading.read(name, reader)


def _field_of(said: str) -> str:
    """Return the field that a refused rule speaks of, as far as it says so."""
    for word, name in (
        ("bound", "limit"),
        ("source_document", "source_document"),
        ("ends on", "valid_until"),
    ):
        if word in said:
            return name
    return "id" if "its id" in said else "outcome"
