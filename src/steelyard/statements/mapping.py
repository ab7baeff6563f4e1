"""`mapping.toml`, read and written; docs/reference/mapping.md describes it.

A section is one of our tables; in it `table` is theirs, and every other key one of our columns: the name of their
column, or a table `{ column = …, unit = … }`.
"""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final, TypeVar

from steelyard.domain.mapping import (
    MONEY_COLUMNS,
    PLAUSIBLE_SIZES,
    BookMapping,
    ColumnMapping,
    Sign,
    TableMapping,
    Unit,
)
from steelyard.errors import InvalidInputError
from steelyard.statements.columns import DERIVED_WHEN_ABSENT, FORMATS, NEEDED, Column, Kind

OPEN: Final = "# OPEN: "
"""Begins a line that holds a question; a mapping with one is not finished."""

STATED_VALUES: Final = "stated_values"
ACCOUNT_COLUMNS: Final = ("account_id", "account_name", "base_currency", "stated_value", "stated_value_date")
OLD_COLUMNS: Final = (
    "asset_id",
    "current_price",
    "market_value",
    "avg_daily_return",
    "max_daily_return",
    "min_daily_return",
    "total_return",
    "avg_volatility",
    "value_at_risk",
    "beta",
    "sharpe_ratio",
    "total_transactions",
    "total_purchases",
    "total_sales",
    "avg_transaction_cost",
    "active_violations",
    "last_compliance_check",
    "risk_category",
    "performance_category",
    "position_size",
)
"""Columns of an asset_360 that a firm made before us; all but the first may be absent."""

_TEXT_KEYS: Final = ("column", "value", "format", "default")
_COLUMN_KEYS: Final = (*_TEXT_KEYS, "unit", "sign", "words", "sure")
Choice = TypeVar("Choice", bound=StrEnum)


class MappingError(InvalidInputError):
    """A mapping breaks a rule."""

    def __init__(self, place: str, rule: str) -> None:
        """Name the section and key, and the rule."""
        super().__init__(f"mapping, {place}: {rule}; docs/reference/mapping.md describes every key.")


def table_columns() -> dict[str, dict[str, Column]]:
    """Return the columns that each section may name."""
    found = {name: {c.name: c for c in FORMATS[name].columns} for name in (*NEEDED, *DERIVED_WHEN_ABSENT)}
    found["market_data"] = {
        n: c for n, c in found["market_data"].items() if n not in {"source", "price_time"}
    }
    found["accounts"] = {c.name: c for c in FORMATS["accounts"].columns if c.name in ACCOUNT_COLUMNS}
    found["asset_360"] = {name: Column(name, _old_kind(name), required=False) for name in OLD_COLUMNS}
    return found


def _old_kind(name: str) -> Kind:
    if name == "asset_id":
        return Kind.ASSET_ID
    if name == "last_compliance_check":
        return Kind.PAST_DATE
    return Kind.TEXT if name.endswith(("_category", "_size")) else Kind.FIGURE


def parse_mapping(text: str) -> BookMapping:
    r"""Read a mapping; what it names is not looked up here.

    Args:
        text: the file's content.

    Raises:
        MappingError: it is not TOML, or a section or key is unknown, missing or of the wrong kind.

    >>> parse_mapping('[market_data]\ntable = "px"')
    Traceback (most recent call last):
    steelyard.statements.mapping.MappingError: mapping, market_data.table: 'px' is not written as "schema.table"; ...
    """
    for line in text.splitlines():
        if line.startswith(OPEN):
            raise MappingError(
                "a question is open", f"{line[len(OPEN) :]} Write the answer and remove the line"
            )
    try:
        sections = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError("the file", f"it is not TOML: {error}") from error
    stated = _stated_values(sections.pop(STATED_VALUES, {}))
    known = table_columns()
    for name in sections:
        if name not in known:
            raise MappingError(name, f"no such section; there are {', '.join((*known, STATED_VALUES))}")
    return BookMapping(
        {name: _table(name, section, known[name]) for name, section in sections.items()}, stated
    )


def _stated_values(section: Any) -> dict[str, Decimal]:
    if not isinstance(section, dict):
        raise MappingError(STATED_VALUES, 'it is a section of portfolios, as GROWTH = "1500000.00"')
    found = {}
    for portfolio, value in section.items():
        try:
            found[portfolio] = Decimal(str(value))
        except InvalidOperation:
            raise MappingError(f"{STATED_VALUES}.{portfolio}", f"{value!r} is not an amount") from None
        if not found[portfolio].is_finite() or found[portfolio] < 0:
            raise MappingError(f"{STATED_VALUES}.{portfolio}", f"{value!r} is not an amount of 0 or more")
    return found


def _table(name: str, section: Any, known: Mapping[str, Column]) -> TableMapping:
    if not isinstance(section, dict):
        raise MappingError(name, 'it is a section with table = "schema.table"')
    source = section.get("table", "")
    if not isinstance(source, str) or source.count(".") != 1:
        raise MappingError(f"{name}.table", f'{source!r} is not written as "schema.table"')
    schema, _, table = source.partition(".")
    columns = {key: _column(f"{name}.{key}", value) for key, value in section.items() if key != "table"}
    for key in columns:
        if key not in known:
            raise MappingError(f"{name}.{key}", f"no such column; there are {', '.join(known)}")
    for key, column in known.items():
        if _is_needed(name, key, column) and key not in columns:
            raise MappingError(f"{name}.{key}", "it is missing, and needs a column or a default")
    for key, mapped in columns.items():
        _check_unit(name, key, mapped)
    return TableMapping(name, schema, table, columns)


def _is_needed(table: str, name: str, column: Column) -> bool:
    return (
        name == "asset_id"
        or (column.required and not column.nullable and table != "accounts")
        or name == "account_id"
    )


def _column(place: str, value: Any) -> ColumnMapping:
    if isinstance(value, str):
        return ColumnMapping(value)
    if not isinstance(value, dict):
        raise MappingError(place, "it is a column's name, or { column = …, unit = … }")
    for key in value:
        if key not in _COLUMN_KEYS:
            raise MappingError(place, f"{key!r} is no key of a column; there are {', '.join(_COLUMN_KEYS)}")
    for key in _TEXT_KEYS:
        if not isinstance(value.get(key, ""), str):
            raise MappingError(place, f"{key} is not text")
    words = value.get("words", {})
    if not isinstance(words, dict) or not all(isinstance(word, str) for word in words.values()):
        raise MappingError(place, "words is not a table of their words to ours")
    if "column" not in value and "default" not in value:
        raise MappingError(place, "it names neither a column nor a default")
    return ColumnMapping(
        column=value.get("column"),
        unit=_choice(place, "unit", value.get("unit"), Unit),
        value=value.get("value"),
        format=value.get("format"),
        sign=_choice(place, "sign", value.get("sign"), Sign),
        words=words,
        default=value.get("default"),
        sure=value.get("sure") is True,
    )


def _choice(place: str, key: str, value: Any, kind: type[Choice]) -> Choice | None:
    if value is None:
        return None
    try:
        return kind(value)
    except ValueError:
        raise MappingError(place, f"{key} {value!r} is none of {', '.join(kind)}") from None


def _check_unit(table: str, name: str, mapped: ColumnMapping) -> None:
    place = f"{table}.{name}"
    if (table, name) not in PLAUSIBLE_SIZES:
        if mapped.unit:
            raise MappingError(place, "it has no unit")
        return
    if mapped.column and mapped.unit is None:
        choices = "fraction, percent or money" if name in MONEY_COLUMNS else "fraction or percent"
        raise MappingError(place, f"its unit is missing: {choices}")
    if mapped.unit is Unit.MONEY and name not in MONEY_COLUMNS:
        raise MappingError(place, "it cannot be money")
    if (mapped.unit is Unit.MONEY) != (mapped.value is not None):
        raise MappingError(
            place,
            "an amount becomes a fraction only by the value it is of; name its column beside unit = "
            '"money", as value = "position_value", or leave the column out',
        )


def write_mapping(mapping: BookMapping, questions: Mapping[str, Sequence[str]] | None = None) -> str:
    r"""Write a mapping as TOML.

    Args:
        mapping: what to write.
        questions: what is still open, by place (`risk_metrics.var_95`); each stands as a line that must be removed.

    >>> print(write_mapping(parse_mapping('[stated_values]\nGROWTH = "10.50"')))
    [stated_values]
    "GROWTH" = "10.50"
    <BLANKLINE>
    """
    open_questions = dict(questions or {})
    lines: list[str] = []
    for table in mapping.tables.values():
        lines += [f"[{table.name}]", *_open(open_questions.pop(f"{table.name}.table", ()))]
        lines.append(f"table = {_text(table.source)}")
        for name, column in table.columns.items():
            lines += [*_open(open_questions.pop(f"{table.name}.{name}", ())), f"{name} = {_written(column)}"]
        for place in [place for place in open_questions if place.startswith(f"{table.name}.")]:
            lines += _open(f"{place}: {line}" for line in open_questions.pop(place))
        lines.append("")
    for place, left in open_questions.items():  # of tables that are left out
        lines += _open(f"{place}: {line}" for line in left)
    if mapping.stated_values:
        lines += [f"[{STATED_VALUES}]"]
        lines += [f'{_text(name)} = "{value}"' for name, value in mapping.stated_values.items()]
        lines.append("")
    return "\n".join(lines)


def _open(questions: Iterable[str]) -> list[str]:
    return [OPEN + " ".join(question.split()) for question in questions]


def _written(column: ColumnMapping) -> str:
    pairs = list(_pairs(column))
    if len(pairs) == 1 and column.column is not None:
        return _text(column.column)
    return f"{{ {', '.join(f'{key} = {value}' for key, value in pairs)} }}"


def _pairs(column: ColumnMapping) -> Iterator[tuple[str, str]]:
    for key in ("column", "unit", "value", "format", "sign", "default"):
        if (value := getattr(column, key)) is not None:
            yield key, _text(value)
    if column.words:
        words = ", ".join(f"{_text(theirs)} = {_text(ours)}" for theirs, ours in column.words.items())
        yield "words", f"{{ {words} }}"
    if column.sure:
        yield "sure", "true"


def _text(text: str) -> str:
    """Write a TOML basic string: JSON's escapes are TOML's, and DEL must be escaped too."""
    return json.dumps(str(text)).replace("\x7f", "\\u007f")
