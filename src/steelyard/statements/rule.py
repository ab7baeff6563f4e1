"""Rules from files: TOML, a table [[rules]] for each, or CSV, a row for each, where a list is separated by semicolons.

[[rules]]
id = "tech-cap"
kind = "sector_concentration"
bound = "0.40"
outcome = "hold"
valid_from = 2026-01-01
source_document = "Mandate of 2026-01-01, section 3"
scope = { households = ["RIVERA"] }
settings = { except = { asset_classes = ["ETF"] } }
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from steelyard.compliance.rule import Outcome, Rule, RuleKind
from steelyard.compliance.selection import LISTS
from steelyard.compliance.settings import SCOPES, RuleError, check_rule
from steelyard.domain.amount import AmountError, read_amount
from steelyard.errors import InvalidInputError
from steelyard.statements.input_file import csv_rows, read_text

KEYS: Final = (
    "id", "kind", "bound", "outcome", "valid_from", "valid_until", "source_document", "scope", "settings",
)  # fmt: skip
NEEDED: Final = ("id", "kind", "outcome", "valid_from", "source_document")
PLAIN: Final = tuple(key for key in KEYS if key not in {"scope", "settings"})

LIST_COLUMNS: Final = (*LISTS, "forbids")
NUMBER_COLUMNS: Final = ("days", "sessions")
WORD_COLUMNS: Final = ("of", "counts", "currency")
COLUMNS: Final = (
    *PLAIN,
    *(f"scope.{name}" for name in SCOPES),
    *LIST_COLUMNS,
    *NUMBER_COLUMNS,
    *WORD_COLUMNS,
    *(f"{side}.{name}" for side in ("only", "except") for name in LISTS),
    "identical",
)
"""Columns of the CSV."""

LONGEST_NUMBER: Final = 9


class RuleFileError(InvalidInputError):
    """A file of rules breaks a rule of its own."""

    def __init__(self, place: str, problem: str) -> None:
        """Name the place and the problem."""
        super().__init__(f"{place}: {problem}.")


def read_rules_file(path: Path) -> list[Rule]:
    """Return the rules of a file, each version 1, in its order; numbers are exact, 0.05 is five hundredths.

    Raises:
        RuleFileError, InputFileError: the file cannot be read, is no TOML or CSV, or a rule in it lacks a key, has one
            that is not known, or a value that its kind does not allow; with its place.
    """
    if path.suffix.lower() == ".csv":
        rows = csv_rows(read_text(path), path, COLUMNS, needed=NEEDED)
        return [read_rule(table_of(cells), place) for place, cells in rows]
    return read_rules_text(read_text(path), f"{path}")


def read_rules_text(text: str, name: str) -> list[Rule]:
    """Return the rules of the text of a TOML file; raises as `read_rules_file`.

    Args:
        text: of the file.
        name: what it is called where something in it cannot be used.
    """
    return [read_rule(table, place) for place, table in _tables(text, name)]


def read_rule(table: Mapping[str, Any], place: str) -> Rule:
    """Return the rule that a table of TOML or JSON states; raises as `read_rules_file`.

    >>> rule = read_rule({"id": "cash", "kind": "minimum_cash", "bound": "0.02", "outcome": "warn",
    ...     "valid_from": "2026-01-01", "source_document": "mandate"}, "rule 1")
    >>> rule.kind, rule.bound, rule.valid_from
    (<RuleKind.MINIMUM_CASH: 'minimum_cash'>, Decimal('0.02'), datetime.date(2026, 1, 1))
    """
    for key in table:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, n=1)
            raise RuleFileError(place, f"unknown key {key!r}{f'; did you mean {near[0]}?' if near else ''}")
    if missing := [key for key in NEEDED if _is_absent(table.get(key))]:
        raise RuleFileError(place, f"lacks {missing[0]}")
    rule = Rule(
        rule_id=_text(table, "id", place),
        version=1,
        kind=RuleKind(_word(table, "kind", RuleKind, place)),
        bound=_bound(table, place),
        outcome=Outcome(_word(table, "outcome", Outcome, place)),
        valid_from=_date(table["valid_from"], "valid_from", place),
        source_document=_text(table, "source_document", place),
        scope={name: _tuple(words) for name, words in _table(table, "scope", place).items()},
        settings=_table(table, "settings", place),
        valid_until=_date(table["valid_until"], "valid_until", place) if table.get("valid_until") else None,
    )
    try:
        check_rule(rule)
    except RuleError as error:
        raise RuleFileError(place, f"rule {error.rule_id[:64]!r}: {error.problem}") from error
    return rule


def _tables(text: str, name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise RuleFileError(name, f"is no TOML: {error}") from error
    tables = content.pop("rules", None)
    if content or not isinstance(tables, list) or not all(isinstance(one, Mapping) for one in tables):
        raise RuleFileError(name, "is not a list of tables [[rules]] and nothing else")
    yield from ((f"{name} rule {number}", table) for number, table in enumerate(tables, start=1))


def _text(table: Mapping[str, Any], key: str, place: str) -> str:
    value = table[key]
    if not isinstance(value, str):
        raise RuleFileError(place, f"{key} is no text")
    return value.strip()


def _word(table: Mapping[str, Any], key: str, words: type[RuleKind | Outcome], place: str) -> str:
    word = _text(table, key, place)
    known = [one.value for one in words if one is not Outcome.PASS]
    if word not in known:
        near = get_close_matches(word, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        raise RuleFileError(place, f"{key} {word!r} is not known; {hint}")
    return word


def _is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value)


def _bound(table: Mapping[str, Any], place: str) -> Decimal | None:
    bound = table.get("bound")
    if _is_absent(bound):
        return None
    try:
        return read_amount("bound", bound)
    except AmountError as error:
        raise RuleFileError(place, f"{error}".removesuffix(".")) from error


def _date(value: Any, key: str, place: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise RuleFileError(place, f"{key} is no day such as 2026-01-31") from error


def _table(table: Mapping[str, Any], key: str, place: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, Mapping):
        raise RuleFileError(place, f"{key} is no table")
    return dict(value)


def table_of(cells: Mapping[str, str]) -> dict[str, Any]:
    """Return a row of the CSV as the table of TOML says it; empty cells say nothing.

    >>> table_of({"id": "no-tobacco", "forbids": "buy; hold", "days": ""})["settings"]
    {'forbids': ['buy', 'hold']}
    """
    given = {name: cell for name, cell in cells.items() if cell}
    settings: dict[str, Any] = {name: _list(given[name]) for name in LIST_COLUMNS if name in given}
    settings |= {name: _whole(given[name]) for name in NUMBER_COLUMNS if name in given}
    settings |= {name: given[name] for name in WORD_COLUMNS if name in given}
    settings |= {side: lists for side in ("only", "except") if (lists := _nested(given, side))}
    if "identical" in given:
        settings["identical"] = [
            [asset.strip() for asset in group.split(",")] for group in given["identical"].split(";")
        ]
    plain = {name: given[name] for name in PLAIN if name in given}
    return plain | {"scope": _nested(given, "scope"), "settings": settings}


def _tuple(words: Any) -> Any:
    return tuple(words) if isinstance(words, list) else words  # what is no list is refused with the rest


def _nested(given: Mapping[str, str], side: str) -> dict[str, Sequence[str]]:
    start = f"{side}."
    return {name.removeprefix(start): _list(cell) for name, cell in given.items() if name.startswith(start)}


def _list(cell: str) -> list[str]:
    return [word.strip() for word in cell.split(";")]


def _whole(cell: str) -> int | str:
    return int(cell) if cell.isascii() and cell.isdigit() and len(cell) <= LONGEST_NUMBER else cell
