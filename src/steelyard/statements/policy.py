"""Policies from files: TOML, or the same keys in JSON; what is not known is refused, with the nearest known key."""

import tomllib
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, Field, fields, replace
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from steelyard.domain.amount import read_amount
from steelyard.domain.canonical import plain_text
from steelyard.domain.lot import LotMethod
from steelyard.errors import InvalidInputError
from steelyard.rebalancing.household_input import Treatment
from steelyard.rebalancing.options import (
    Band,
    BandRule,
    CashRules,
    Costs,
    Locks,
    Mode,
    Objective,
    Trading,
    Untargeted,
)
from steelyard.rebalancing.policy import HouseholdPolicy, Policy, TaxPolicy

SECTIONS: Final[dict[str, type]] = {
    "band": Band,
    "cash": CashRules,
    "trading": Trading,
    "locks": Locks,
    "costs": Costs,
    "tax": TaxPolicy,
    "household": HouseholdPolicy,
}
WORDS: Final[dict[str, type[StrEnum]]] = {
    "mode": Mode,
    "objective": Objective,
    "untargeted": Untargeted,
    "rule": BandRule,
    "method": LotMethod,
}


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_list_of_lists(value: Any) -> bool:
    return isinstance(value, list) and all(_is_list_of_texts(group) for group in value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_table_of_tables(value: Any) -> bool:
    return _is_table(value) and all(map(_is_table, value.values()))


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool)


_ASSETS: Final = (_is_list_of_texts, 'is not a list of assets, such as ["AAA", "BBB"]')
_WHOLE: Final = (_is_whole, "is not a whole number")
_TRUTH: Final = (_is_truth, "is neither true nor false")
_SHAPES: Final[dict[str, tuple[Callable[[Any], bool], str]]] = {
    **dict.fromkeys(("no_buy", "no_sell", "hold", "restricted"), _ASSETS),
    **dict.fromkeys(("holding_years", "wash_days", "weight_places"), _WHOLE),
    **dict.fromkeys(("convert", "sells_short_term_gains"), _TRUTH),
    "substitutes": (_is_table, 'is not a table, such as {AAA = "BBB"}'),
    "model": (_is_text, "is not the id of a model"),
    "treatments": (_is_table, 'is not a table, such as {"IRA-7" = "tax_deferred"}'),
    "annual_tax": (_is_table_of_tables, "is not a table of tables, such as {AAA = {taxable = 0.01}}"),
    "identical": (_is_list_of_lists, 'is not a list of lists of assets, such as [["AAA", "BBB"]]'),
}
"""What keys that are no amounts must look like; amounts are judged where they are used."""


class PolicyFileError(InvalidInputError):
    """A policy breaks a rule."""

    def __init__(self, source: str, problem: str) -> None:
        """Name the file and the key."""
        super().__init__(f"{source}: {problem}.")


def read_policy_file(path: Path, *, over: Policy | None = None) -> Policy:
    """Return the policy of a TOML file, put over another; numbers are exact, 0.05 is five hundredths.

    Raises:
        PolicyFileError: the file cannot be read, is no TOML, or holds an unknown key or a value of the wrong kind.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"), parse_float=Decimal)
    except OSError as error:
        raise PolicyFileError(f"{path}", f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyFileError(f"{path}", f"is no TOML: {error}") from error
    return read_policy(table, f"{path}", over=over)


def read_policy(table: Mapping[str, Any], source: str, *, over: Policy | None = None) -> Policy:
    """Return the policy that a table of TOML or JSON states; `source` is named in errors.

    What the table does not state is as in `over`; assets that are locked there stay locked.

    Raises:
        PolicyFileError: an unknown key, or a value of the wrong kind.

    >>> read_policy({"mode": "buy_only", "cash": {"floor": 100}}, "x.toml").cash.floor
    100
    """
    base, values = over or Policy(), dict(table)
    sections = {
        name: _section(name, values.pop(name), getattr(base, name), source)
        for name in SECTIONS
        if name in values
    }
    known = {field.name for field in fields(Policy)}
    plain = {key: _plain(key, value, known, source) for key, value in values.items()}
    if "household" in sections and plain.get("objective") is Objective.L2:
        raise PolicyFileError(source, "objective is 'l2'; the drift of a household adds up as l1")
    return replace(base, **sections, **plain)


def write_policy(policy: Policy) -> dict[str, Any]:
    """Return the table that states a policy in full, amounts as text: `read_policy` reads the same policy in it.

    Raises:
        AmountError: something that should be an exact number is none.

    >>> write_policy(Policy(cash=CashRules(floor=100)))["cash"]
    {'floor': '100'}
    """
    return {
        field.name: _stated(value) if field.name in SECTIONS else _written(field.name, value)
        for field in fields(policy)
        if (value := getattr(policy, field.name)) is not None
    }


def _stated(section: Any) -> dict[str, Any]:
    values = {field.name: getattr(section, field.name) for field in fields(section)}
    return {key: _written(key, value) for key, value in values.items() if value is not None}


def _written(key: str, value: Any) -> Any:
    """Return a value as JSON has it; what has no shape of its own is an amount, or an amount for each asset."""
    if key in WORDS:
        return str(value)
    if key == "trade_date":
        return plain_text(value)
    if key in _SHAPES or key == "places":
        return _copied(value)
    if isinstance(value, Mapping):
        return {asset: _written(f"{key} of {asset}", amount) for asset, amount in value.items()}
    return plain_text(read_amount(key, value))


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _copied(item) for key, item in value.items()}
    if isinstance(value, AbstractSet):
        return sorted(value)
    return value if isinstance(value, str | int) else [_copied(item) for item in value]


def _section(name: str, table: Any, base: Any, source: str) -> Any:
    if not isinstance(table, Mapping):
        raise PolicyFileError(source, f"{name} is not a table")
    make = SECTIONS[name]
    known = fields(make)
    stated = {
        key: _plain(key, value, {field.name for field in known}, source) for key, value in table.items()
    }
    if base is not None:
        return replace(base, **{key: _joined(getattr(base, key), value) for key, value in stated.items()})
    if missing := [field.name for field in known if _is_needed(field) and field.name not in stated]:
        raise PolicyFileError(source, f"{name} does not state {', '.join(missing)}, which has no default")
    return make(**stated)


def _is_needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _joined(base: Any, stated: Any) -> Any:
    """Add to lists and tables of assets; put other values in the place of those before."""
    if isinstance(base, Mapping) and isinstance(stated, Mapping):
        return {**base, **stated}
    return (*base, *stated) if isinstance(stated, list) else stated


def _plain(key: str, value: Any, known: set[str], source: str) -> Any:
    """Return a value as the options want it."""
    if key not in known:
        raise PolicyFileError(source, f"unknown key {key!r}{_hint(key, known)}")
    if key in WORDS:
        return _word(key, value, source)
    if key == "trade_date":
        return _day(value, source)
    fits, complaint = _SHAPES.get(key, (None, ""))
    if fits is not None and not fits(value):
        raise PolicyFileError(source, f"{key} {complaint}")
    if key == "treatments":
        return {name: _treatment(word, f"{key} of {name}", source) for name, word in value.items()}
    if key == "annual_tax":
        return {
            asset: {_treatment(word, f"{key} of {asset}", source): rate for word, rate in rates.items()}
            for asset, rates in value.items()
        }
    return value


def _treatment(word: Any, item: str, source: str) -> Treatment:
    try:
        return Treatment(word)
    except ValueError:
        raise PolicyFileError(source, f"{item}: {word!r} is none of {', '.join(Treatment)}") from None


def _day(value: Any, source: str) -> date:
    """Return a day, which TOML knows and JSON writes as text."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise PolicyFileError(source, f"trade_date is {value}; write the day as YYYY-MM-DD") from None


def _word(key: str, value: Any, source: str) -> StrEnum:
    words = WORDS[key]
    try:
        return words(value)
    except ValueError:
        raise PolicyFileError(source, f"{key} is {value!r}; it is one of {', '.join(words)}") from None


def _hint(key: str, known: set[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known here: {', '.join(sorted(known))}"
