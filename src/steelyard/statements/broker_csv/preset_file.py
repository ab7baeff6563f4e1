"""Preset files: TOML read strictly into a preset; what is not understood is refused with its key."""

import codecs
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from steelyard.domain.money import MONEY_PLACES, is_currency
from steelyard.domain.transaction import TransactionKind
from steelyard.errors import InvalidInputError
from steelyard.statements.broker_csv.dates import DateForm, date_form
from steelyard.statements.broker_csv.numbers import NumberForm, number_form
from steelyard.statements.broker_csv.preset import (
    DELIMITERS,
    FIELDS,
    NAMED,
    PREDICATES,
    SIGNS,
    Books,
    Column,
    Conditions,
    Holds,
    Is,
    Join,
    Like,
    Outcome,
    Part,
    Preset,
    PresetError,
    Previous,
    Product,
    Refuses,
    Rule,
    Same,
    Skips,
    Table,
    Test,
    Word,
)
from steelyard.statements.broker_csv.text import fold

Form = TypeVar("Form", DateForm, NumberForm)
_KEY: Final = re.compile(r"[a-z][a-z0-9_]*")
_CONDITION_FLAGS: Final = re.IGNORECASE | re.DOTALL


def read_preset(name: str, text: str) -> Preset:
    """Return the preset that a TOML text describes.

    Args:
        name: of its reader.
        text: the file.

    Raises:
        PresetError: it is no TOML, lacks something, or says something that is not understood.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PresetError(name, "the file", f"is no TOML: {error}") from error
    return _Taken(name, "", content).preset()


@dataclass(slots=True)
class _Taken:
    """A table of TOML from which keys are taken; one that nobody takes is a fault."""

    name: str
    path: str
    content: dict[str, Any]

    # ── plain values ──

    def fail(self, key: str, why: str) -> PresetError:
        return PresetError(self.name, f"{self.path}{key}", why)

    def text(self, key: str, default: str = "", choices: tuple[str, ...] = ()) -> str:
        value = self.content.pop(key, default)
        if not isinstance(value, str):
            raise self.fail(key, "is no text")
        if choices and value not in choices:
            raise self.fail(key, f"is {value!r}, none of {', '.join(choices)}")
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        value = self.content.pop(key, default)
        if not isinstance(value, bool):
            raise self.fail(key, "is neither true nor false")
        return value

    def count(self, key: str, default: int = 0) -> int:
        value = self.content.pop(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.fail(key, "is no number of 0 or above")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Take a text or a list of them."""
        value = self.content.pop(key, [])
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise self.fail(key, "is neither a text nor a list of texts")
        return tuple(found)

    def table(self, key: str) -> "_Taken":
        value = self.content.pop(key, {})
        if not isinstance(value, dict):
            raise self.fail(key, "is no table")
        return _Taken(self.name, f"{self.path}{key}.", dict(value))

    def tables(self, key: str) -> list["_Taken"]:
        """Take a table or a list of them."""
        value = self.content.pop(key, [])
        found = [value] if isinstance(value, dict) else value
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise self.fail(key, "is no list of tables")
        return [
            _Taken(self.name, f"{self.path}{key}[{place}].", dict(one)) for place, one in enumerate(found, 1)
        ]

    def done(self) -> None:
        if self.content:
            raise self.fail(next(iter(self.content)), "is no key that is known here")

    # ── shaped values ──

    def patterns(self, key: str) -> tuple[re.Pattern[str], ...]:
        return tuple(self.compiled(key, text) for text in self.texts(key))

    def compiled(self, key: str, text: str) -> re.Pattern[str]:
        try:
            return re.compile(text, _CONDITION_FLAGS)
        except re.error as error:
            raise self.fail(key, f"is no pattern: {error}") from error

    def dates(self, key: str = "dates") -> tuple[DateForm, ...]:
        return self._examples(key, date_form)

    def numbers(self, key: str = "numbers") -> tuple[NumberForm, ...]:
        return self._examples(key, number_form)

    def _examples(self, key: str, form: Callable[[str], Form]) -> tuple[Form, ...]:
        try:
            return tuple(form(example) for example in self.texts(key))
        except InvalidInputError as error:
            raise self.fail(key, str(error).removesuffix(".")) from error

    def words(self, key: str) -> frozenset[str]:
        return frozenset(self.texts(key))

    def keyed(self, key: str, *, only: frozenset[str] | None = None) -> dict[str, tuple[str, ...]]:
        """Take a table of columns: each a text or a list of texts."""
        inner = self.table(key)
        return {inner.column(name, only): inner.texts(name) for name in list(inner.content)}

    def fixed(self, key: str, *, only: frozenset[str] | None = None) -> dict[str, str]:
        inner = self.table(key)
        return {inner.column(name, only): inner.text(name) for name in list(inner.content)}

    def column(self, key: str, only: frozenset[str] | None = None) -> str:
        if not _KEY.fullmatch(key):
            raise self.fail(key, "is no name of lower case letters, digits and _")
        if only is not None and key not in only:
            raise self.fail(key, f"is none of the fields {', '.join(sorted(only))}")
        return key

    # ── parts of a preset ──

    def preset(self) -> Preset:
        tables = self.tables("table")
        base = self.table_of_lines(Table(columns={}, numbers=(number_form("1234.56"),)))
        preset = Preset(
            name=self.name,
            title=self.text("title"),
            tables=tuple(one.table_of_lines(base) for one in tables) or (base,),
            delimiters=self.texts("delimiter") or DELIMITERS,
            encoding=self.text("encoding"),
            head=self.compiled("head", head) if (head := self.text("head")) else None,
            has_header=self.flag("header", default=True),
            width=self.count("width"),
            preamble=self.patterns("preamble"),
            within=self.count("within", 100),
            balance_days=self.text("balance_days", "last", ("last", "each")),
            order=self.text("order", "", ("", "newest first", "oldest first")),
        )
        self.done()
        for one in tables:
            one.done()
        self.check(preset)
        return preset

    def check(self, preset: Preset) -> None:
        """Refuse what each key allows and the whole does not."""
        if not preset.title:
            raise self.fail("title", "is missing")
        if set(preset.delimiters) - set(DELIMITERS):
            raise self.fail("delimiter", "is none of , ; tab |")
        if preset.encoding and not _is_encoding(preset.encoding):
            raise self.fail("encoding", f"is {preset.encoding!r}, which Python does not know")
        if not preset.has_header and not (preset.width and preset.head):
            raise self.fail("header", "is false, and then `width` and `head` are needed")
        for table in preset.tables:
            self.check_table(preset, table)

    def check_table(self, preset: Preset, table: Table) -> None:
        if not table.columns:
            raise self.fail("columns", "is missing")
        if not table.dates:
            raise self.fail("dates", "is missing: how is 2023-12-31 written?")
        if unknown := sorted(table.optional - table.columns.keys()):
            raise self.fail("optional", f"names {unknown[0]!r}, which is no column")
        for key, column in table.columns.items():
            if bool(column.at) == preset.has_header:
                raise self.fail(f"columns.{key}", "needs a name in the header, or `at` where there is none")
        known = FIELDS | table.columns.keys() | table.made
        known |= {name for pattern in preset.preamble for name in pattern.groupindex}
        for where, name in _named_columns(table):
            if name not in known:
                raise self.fail(where, f"names the column {name!r}, which nothing gives")

    def table_of_lines(self, base: Table) -> Table:
        """Take a table; what it does not say is as the file says."""
        columns = self.table("columns")
        has = self.content.__contains__
        changes: dict[str, Any] = {
            "columns": {**base.columns, **columns.headers()},
            "optional": base.optional | self.words("optional"),
            "absent": base.absent + tuple(fold(word) for word in self.texts("absent")),
            "is_exact": self.flag("exact", default=base.is_exact),
            "reasons": base.reasons + self.reasons("skip", Skips) + self.reasons("refuse", Refuses),
            "rules": tuple(one.rule() for one in self.tables("rule")) + base.rules,
            "words": self.kinds() + base.words,
            "joins": base.joins + tuple(one.join() for one in self.tables("join")),
            "dates": self.dates() if has("dates") else base.dates,
            "numbers": self.numbers() if has("numbers") else base.numbers,
            "empty": base.empty | self.words("empty"),
            "currency": self.code("currency", base.currency),
            "signs": self.text("signs", base.signs, SIGNS),
            "fixed": {**base.fixed, **self.fixed("fixed")},
            "currencies": {**base.currencies, **self.codes("currencies")},
            "sums": {**base.sums, **self.keyed("sums")},
            "products": {**base.products, **self.products()},
            "differences": {**base.differences, **self.differences()},
            "previous": self.previous() if has("previous") else base.previous,
            "combine": {**base.combine, **self.keyed("combine")},
            "otherwise": {**base.otherwise, **self.keyed("otherwise")},
            "parse": {**base.parse, **self.parsed()},
            "repeats": self.flag("repeats", default=base.repeats),
            "has_short_lines": self.flag("short_lines", default=base.has_short_lines),
            "wrapped": self.texts("wrapped") or base.wrapped,
            "wrapped_with": self.text("wrapped_with", base.wrapped_with),
        }
        return replace(base, **changes)

    def headers(self) -> dict[str, Column]:
        return {self.column(key): self.header(key) for key in list(self.content)}

    def header(self, key: str) -> Column:
        """Take a column: a name, several, or a table of them with options."""
        value = self.content[key]
        if not isinstance(value, dict):
            return _named(self, key, self.texts(key))
        inner = self.table(key)
        column = _named(inner, "header", inner.texts("header"))
        column = replace(
            column,
            right=inner.count("right"),
            at=inner.count("at"),
            numbers=inner.numbers(),
            dates=inner.dates(),
            empty=inner.words("empty"),
            sign=inner.text("sign", "", ("", "-", "any")),
            times=inner.factor("times"),
            divided_by=inner.factor("divided_by"),
            places=inner.count("places") if "places" in inner.content else None,
            exponent=inner.flag("exponent"),
            currency=inner.text("currency"),
        )
        inner.done()
        return replace(column, title=column.title or f"column {column.at}")

    def factor(self, key: str) -> str | Decimal:
        value = self.text(key)
        if not value or _KEY.fullmatch(value):
            return value
        try:
            return Decimal(value)
        except InvalidOperation as error:
            raise self.fail(key, "is neither a number nor a column") from error

    def code(self, key: str, default: str) -> str:
        value = self.text(key, default)
        if value and not is_currency(value):
            raise self.fail(key, f"is {value!r}, no ISO 4217 code")
        return value

    def codes(self, key: str) -> dict[str, str]:
        inner = self.table(key)
        return {word: inner.code(word, "") for word in list(inner.content)}

    def products(self) -> dict[str, Product]:
        inner = self.table("products")
        return {inner.column(key): inner.product(key) for key in list(inner.content)}

    def product(self, key: str) -> Product:
        if not isinstance(self.content[key], dict):
            return Product(self.texts(key), MONEY_PLACES)
        inner = self.table(key)
        product = Product(inner.texts("of"), inner.count("places", MONEY_PLACES))
        inner.done()
        return product

    def differences(self) -> dict[str, tuple[str, ...]]:
        found = self.keyed("differences")
        for name, of in found.items():
            if len(of) != 2:  # noqa: PLR2004  one number less another
                raise self.fail(f"differences.{name}", "needs two columns")
        return found

    def previous(self) -> Previous:
        inner = self.table("previous")
        previous = Previous(inner.texts("by"), inner.fixed("take"))
        inner.done()
        return previous

    def parsed(self) -> dict[str, tuple[re.Pattern[str], ...]]:
        inner = self.table("parse")
        return {inner.column(key): inner.patterns(key) for key in list(inner.content)}

    def reasons(self, key: str, outcome: type[Skips] | type[Refuses]) -> tuple[Rule, ...]:
        inner = self.table(key)
        return tuple(
            Rule(outcome=outcome(why), when=one.conditions())
            for why in list(inner.content)
            for one in inner.tables(why)
        )

    def kinds(self) -> tuple[Rule, ...]:
        inner = self.table("kinds")
        return tuple(
            Rule(
                outcome=inner.outcome(word, word),
                when=(("kind", tuple(inner.test(word, text) for text in inner.texts(word))),),
            )
            for word in list(inner.content)
        )

    def rule(self) -> Rule:
        outcome = self.outcome("is", self.text("is"))
        rule = Rule(
            outcome=outcome,
            when=self.table("when").conditions(),
            unless=self.table("unless").conditions(),
            sources=self.keyed("set", only=FIELDS),
            fixed=self.fixed("fixed", only=FIELDS),
            signs=self.text("signs", "", ("", *SIGNS)),
            by=self.text("by", "", ("", "quantity", "amount", "net", "price")),
            numbers=self.numbers(),
            also=tuple(one.rule() for one in self.tables("also")),
        )
        self.done()
        sources = {field: tuple(name for name in names if name) for field, names in rule.sources.items()}
        return replace(rule, sources=sources)

    def outcome(self, key: str, word: str) -> Outcome:
        if word == "HELD":
            return Holds()
        if word in {"SKIP", "REFUSE"}:
            why = self.text("why")
            if not why:
                raise self.fail("why", "is missing: people read the reason")
            return Skips(why) if word == "SKIP" else Refuses(why)
        kinds = word.split("/")
        if len(kinds) > 2 or any(kind not in TransactionKind.__members__ for kind in kinds):  # noqa: PLR2004  one kind, or IN/OUT
            raise self.fail(key, f"is {word!r}, no kind, two kinds IN/OUT, SKIP, REFUSE or HELD")
        first, *second = (TransactionKind(kind) for kind in kinds)
        return Books(first, second[0] if second else None)

    def conditions(self) -> Conditions:
        found = tuple(
            (self.column(name), tuple(self.test(name, text) for text in self.texts(name)))
            for name in list(self.content)
        )
        self.done()
        return found

    def test(self, key: str, text: str) -> Test:
        if text.startswith("re:"):
            return Like(self.compiled(key, text.removeprefix("re:")))
        if text.startswith("=") and _KEY.fullmatch(text[1:]):
            return Same(text[1:])
        if text.startswith("@"):
            if text[1:] not in PREDICATES:
                raise self.fail(key, f"is {text!r}, none of @{', @'.join(sorted(PREDICATES))}")
            return Is(text[1:])
        return Word(fold(text))

    def join(self) -> Join:
        join = Join(
            by=self.texts("by"),
            parts=tuple(one.part() for one in self.tables("parts")),
            fixed=self.fixed("set"),
            goes_on_alone=self.text("alone", "refuse", ("refuse", "rule")) == "rule",
        )
        if not join.by or len(join.parts) < 2:  # noqa: PLR2004  one line alone is joined with nothing
            raise self.fail("parts", "needs two lines, and `by` the columns that are equal on them")
        if join.parts[0].optional:
            raise self.fail("parts", "begins with the line that goes on to the rules, which cannot lack")
        self.done()
        return join

    def part(self) -> Part:
        part = Part(
            when=self.table("when").conditions(),
            take=self.fixed("take"),
            optional=self.flag("optional"),
            adds_up=self.flag("sum"),
        )
        if part.adds_up and not part.take:
            raise self.fail("sum", "adds numbers up, and `take` names none")
        self.done()
        return part


def _named(taken: _Taken, key: str, names: tuple[str, ...]) -> Column:
    patterns = tuple(taken.compiled(key, name[3:]) for name in names if name.startswith("re:"))
    plain = [name for name in names if not name.startswith("re:")]
    title = plain[0] if plain else next((name[3:] for name in names), "")
    return Column(words=tuple(fold(name) for name in plain), title=title, patterns=patterns)


def _is_encoding(name: str) -> bool:
    try:
        codecs.lookup(name)
    except LookupError:
        return False
    return True


def _named_columns(table: Table) -> list[tuple[str, str]]:
    """Return the columns that something in a table needs, each with the key that names it."""
    named: list[tuple[str, str]] = []
    for rule in (one for first in table.every_rule for one in (first, *first.also)):
        named += [("rule.set", name) for names in rule.sources.values() for name in names]
        if isinstance(rule.outcome, Skips | Refuses):
            named += [("why", name) for name in NAMED.findall(rule.outcome.why)]
        named += [("rule.when", name) for name in _tested((*rule.when, *rule.unless))]
    several: tuple[tuple[str, Mapping[str, tuple[str, ...]]], ...] = (
        ("sums", table.sums),
        ("products", {name: product.of for name, product in table.products.items()}),
        ("differences", table.differences),
        ("combine", table.combine),
        ("otherwise", table.otherwise),
    )
    for key, columns in several:
        named += [(f"{key}.{field}", name) for field, names in columns.items() for name in names]
    for join in table.joins:
        named += [("join.by", name) for name in join.by]
        named += [("join.parts.take", name) for part in join.parts for name in part.take.values()]
        named += [("join.parts.when", name) for part in join.parts for name in _tested(part.when)]
    for key, column in table.columns.items():
        named += [
            (f"columns.{key}", name)
            for name in (column.times, column.divided_by)
            if name and isinstance(name, str)
        ]
        if column.currency and not is_currency(column.currency):
            named.append((f"columns.{key}.currency", column.currency))
    if table.previous:
        named += [("previous", name) for name in (*table.previous.by, *table.previous.take.values())]
    return named + [("wrapped", name) for name in table.wrapped]


def _tested(conditions: Conditions) -> list[str]:
    names = [column for column, _ in conditions]
    return names + [test.column for _, tests in conditions for test in tests if isinstance(test, Same)]
