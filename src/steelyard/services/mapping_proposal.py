"""Proposing a mapping: what the catalogue and the data suggest, asked for where they do not decide.

Tables and columns are proposed by name and type; units and signs by what a bounded sample holds. Every choice that
gives numbers a meaning is a question, with its evidence; nothing is taken without an answer.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from steelyard.domain.mapping import (
    MONEY_COLUMNS,
    PLAUSIBLE_SIZES,
    BookMapping,
    ColumnMapping,
    Sign,
    TableMapping,
    Unit,
)
from steelyard.errors import InvalidInputError, NotFoundError
from steelyard.services.mapping import (
    DAYS,
    HAVE_A_DIRECTION,
    NEVER_NEGATIVE,
    NUMBERS,
    by_table,
    is_day,
    is_number,
    median_size,
)
from steelyard.services.names import COLUMN_WORDS, OUR_WORDS, TABLE_WORDS
from steelyard.statements.columns import Column
from steelyard.statements.mapping import table_columns
from steelyard.storage import attachment as store
from steelyard.storage.attachment import TheirColumn
from steelyard.storage.connection import get_migrator_session

LEAVE_OUT: Final = "leave out"
NONE: Final = "none"
_ORDER: Final = (
    "asset_master",
    "market_data",
    "performance_history",
    "risk_metrics",
    "portfolio_allocation",
    "transactions",
    "compliance_records",
    "accounts",
    "asset_360",
)
_DEFAULTS: Final = {"asset_type": "Equity", "currency": "USD"}

Seen = TypeVar("Seen")
Columns = Mapping[str, TheirColumn]


@dataclass(frozen=True, slots=True)
class Question:
    """Something to decide.

    Attributes:
        place: the section and key it is about.
        sentence: what is asked.
        evidence: what was seen.
        choices: the answers there are; empty = any text.
        proposed: the answer that fits what was seen; None when nothing does.
        is_certain: whether no other answer fits.
    """

    place: str
    sentence: str
    evidence: str
    choices: tuple[str, ...]
    proposed: str | None
    is_certain: bool


Ask = Callable[[Question], str]
"""Answers a question with one of its choices, or with text where it has none."""


class UndecidedError(InvalidInputError):
    """A question has no answer that is certain."""

    def __init__(self, question: Question) -> None:
        """Name it, with its evidence."""
        super().__init__(
            f"{question.place}: {question.sentence} {question.evidence} Answer in the interview (without --yes), or "
            "write it into a mapping: `steelyard attach --propose mapping.toml`, then --mapping mapping.toml."
        )


class NoTablesError(NotFoundError):
    """Nothing in the database looks like a table of prices or assets."""

    def __init__(self, missing: str) -> None:
        """Name what was looked for."""
        super().__init__(
            f"No table that this role can see looks like {missing}; write a mapping as docs/reference/mapping.md "
            "describes, and run `steelyard attach --mapping FILE`."
        )


class OpenQuestions:
    """Answers with what is proposed, and keeps what is not certain, to be settled in the file."""

    def __init__(self) -> None:
        """Begin with none."""
        self.lines: dict[str, list[str]] = {}

    def ask(self, question: Question) -> str:
        """Answer, and note the question unless its answer is certain."""
        if not question.is_certain:
            place = ".".join(question.place.split(".")[:2])
            choices = f" ({' | '.join(question.choices)})" if question.choices else ""
            line = f"{question.sentence} {question.evidence}".strip() + choices
            self.lines.setdefault(place, []).append(line)
        return question.proposed or (LEAVE_OUT if LEAVE_OUT in question.choices else "?")


def accept_what_is_certain(question: Question) -> str:
    """Answer with what is proposed, if nothing else fits.

    Raises:
        UndecidedError: something else does, or nothing is proposed.
    """
    if question.proposed is None or not question.is_certain:
        raise UndecidedError(question)
    return question.proposed


async def propose_mapping(ask: Ask) -> BookMapping:
    """Propose a mapping from the catalogue and samples of the data, with nothing but SELECT.

    No transaction stays open while a question waits for its answer.

    Args:
        ask: answers questions.

    Raises:
        NoTablesError: there is nothing to propose for assets or prices.
    """
    theirs = by_table(column for column in await _read(store.get_catalogue) if column.is_readable)
    tables: dict[str, TableMapping] = {}
    used: set[tuple[str, str]] = set()
    for name in _ORDER:
        found = _choose_table(name, {key: columns for key, columns in theirs.items() if key not in used}, ask)
        if found is not None:
            used.add(found)
            table = await _propose_table(name, found, theirs[found], ask)
            if table is not None and set(_must_have(name)) <= set(table.columns):
                tables[name] = table
    for needed in ("asset_master", "market_data"):
        if needed not in tables:
            raise NoTablesError(needed)
    return BookMapping(tables)


async def _read(read: Callable[..., Awaitable[Seen]], *arguments: object) -> Seen:
    """Look at the database in a transaction of its own, as the role that will own the views."""
    async with get_migrator_session() as db:
        return await read(db, *arguments)


def _choose_table(name: str, theirs: Mapping[tuple[str, str], Columns], ask: Ask) -> tuple[str, str] | None:
    scores = {key: table_score(name, key[1], columns) for key, columns in theirs.items()}
    likely = sorted((key for key, score in scores.items() if score), key=lambda key: (-scores[key], key))
    if not likely:
        return None
    best, others = likely[0], likely[1:]
    is_certain = not others or scores[best] > scores[others[0]]
    names = tuple(".".join(key) for key in likely[:5])
    question = Question(
        f"{name}.table",
        f"Which table holds {OUR_WORDS[name]}?",
        _seen(theirs[best]),
        (*names, LEAVE_OUT),
        names[0],
        is_certain,
    )
    answer = ask(question)
    return None if answer == LEAVE_OUT else likely[names.index(answer)]


def table_score(name: str, their_name: str, columns: Columns) -> int:
    """Return how well a table of theirs fits one of ours: 0 where something it must have is missing.

    Args:
        name: our table.
        their_name: the name of theirs.
        columns: its columns.
    """
    known = table_columns()[name]
    matched = [key for key, column in known.items() if match_column(name, key, column, columns) is not None]
    if not set(_must_have(name)) <= set(matched):
        return 0
    words = TABLE_WORDS[name]
    named = max((3 for word in words if word in their_name.lower()), default=0)
    return len(matched) + named if named or len(matched) > len(_must_have(name)) else 0


def _must_have(name: str) -> tuple[str, ...]:
    return {
        "asset_master": ("asset_id", "asset_name"),
        "market_data": ("asset_id", "price_date", "closing_price"),
        "performance_history": ("asset_id", "date", "daily_return"),
        "risk_metrics": ("asset_id", "calculation_date", "volatility"),
        "portfolio_allocation": ("portfolio", "asset_id"),
        "transactions": ("asset_id", "transaction_date", "transaction_type", "total_amount"),
        "compliance_records": ("asset_id", "check_date", "status"),
        "accounts": ("account_id", "account_name"),
        "asset_360": ("asset_id", "market_value", "total_return", "risk_category"),
    }[name]


def match_column(table: str, name: str, known: Column, columns: Columns) -> str | None:
    """Return their column that is called like ours, or by one of its other names, and is of a type that fits."""
    return next(iter(_likely_columns(table, name, known, columns)), None)


def _likely_columns(table: str, name: str, known: Column, columns: Columns) -> list[str]:
    words = (name, *COLUMN_WORDS.get((table, name), COLUMN_WORDS.get(("", name), ())))
    return [
        theirs.name
        for word in words
        for theirs in columns.values()
        if _plain(theirs.name) == _plain(word) and _fits(known, theirs)
    ]


def _fits(known: Column, theirs: TheirColumn) -> bool:
    if known.kind in NUMBERS:
        return is_number(theirs)
    if known.kind in DAYS:
        return is_day(theirs) or theirs.category == "S"
    return theirs.category != "D"


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace(" ", "")


async def _propose_table(
    name: str, source: tuple[str, str], theirs: Columns, ask: Ask
) -> TableMapping | None:
    known = table_columns()[name]
    likely = {key: _likely_columns(name, key, column, theirs) for key, column in known.items()}
    matched = {key: ColumnMapping(columns[0]) for key, columns in likely.items() if columns}
    draft = TableMapping(name, *source, matched)
    if ask(_columns_question(draft, likely)) == LEAVE_OUT:
        return None
    columns: dict[str, ColumnMapping] = {}
    for key, column in known.items():
        if key == "total_return" and name == "performance_history" and key in draft.columns:
            mapped = _propose_total_return(draft, columns.get("daily_return"), ask)
        elif key in draft.columns and name != "asset_360":
            mapped = await _propose_column(draft, key, theirs, ask)
        elif key in draft.columns:
            mapped = draft.columns[key]
        else:
            mapped = _propose_default(name, key, column, ask)
        if mapped is not None:
            columns[key] = mapped
    return TableMapping(name, *source, columns)


def _columns_question(draft: TableMapping, likely: Mapping[str, list[str]]) -> Question:
    """Ask whether the columns are the right ones; certain where nothing else is called like one of them."""
    taken = {mapped.column for mapped in draft.columns.values()}
    rivals = {key: [column for column in likely[key] if column not in taken] for key in draft.columns}
    is_open = any(rivals.values())
    pairs = [
        f"{key} = {' or '.join(dict.fromkeys([mapped.column or '', *rivals[key]]))}"
        for key, mapped in draft.columns.items()
    ]
    return Question(
        f"{draft.name}.columns",
        f"Are these the columns of {draft.source}?{' The first of several is taken.' if is_open else ''}",
        f"{', '.join(pairs)}.",
        ("yes", LEAVE_OUT),
        "yes",
        is_certain=not is_open,
    )


def _propose_default(name: str, key: str, known: Column, ask: Ask) -> ColumnMapping | None:
    if name in {"accounts", "asset_360"} or not known.required or known.nullable:
        return None
    question = Question(
        f"{name}.{key}",
        f"No column is called like {key}; what is it for every row?",
        "",
        (),
        _DEFAULTS.get(key),
        is_certain=False,
    )
    return ColumnMapping(default=ask(question))


async def _propose_column(draft: TableMapping, key: str, theirs: Columns, ask: Ask) -> ColumnMapping | None:
    known = table_columns()[draft.name][key]
    column = draft.columns[key].column or ""
    if known.kind in NUMBERS:
        return await _propose_number(draft, key, theirs, ask)
    if known.kind in DAYS and not is_day(theirs[column]):
        return await _propose_day(draft, key, ask)
    if (draft.name, key) in WORDS:
        return await _propose_words(draft, key, ask)
    return ColumnMapping(column)


def _propose_total_return(draft: TableMapping, daily: ColumnMapping | None, ask: Ask) -> ColumnMapping | None:
    """Ask for the unit of total returns: their size tells little, for it grows with time."""
    column = draft.columns["total_return"].column
    if daily is None:
        return None
    question = Question(
        f"{draft.name}.total_return",
        f"What are the numbers in {draft.source}.{column}?",
        f"The daily returns beside them are a {daily.unit}.",
        (Unit.FRACTION, Unit.PERCENT, LEAVE_OUT),
        daily.unit,
        is_certain=True,
    )
    answer = ask(question)
    return None if answer == LEAVE_OUT else ColumnMapping(column, Unit(answer))


async def _propose_number(draft: TableMapping, key: str, theirs: Columns, ask: Ask) -> ColumnMapping | None:
    column = draft.columns[key].column or ""
    profile = await _read(store.profile_numbers, draft.schema, draft.table, column)
    sign = None
    if key in NEVER_NEGATIVE and profile.negatives:
        sign = _ask_sign(
            f"{draft.name}.{key}", key, f"{profile.negatives:,} of {profile.row_count:,} are below 0.", ask
        )
    plausible = PLAUSIBLE_SIZES.get((draft.name, key))
    if plausible is None:
        return ColumnMapping(column, sign=sign)
    if not profile.row_count:
        return None  # an empty column has no unit, and says nothing
    size = await _read(median_size, draft, key, draft.columns[key], profile)
    units = plausible.units(size) if size is not None else ()
    choices = [Unit.FRACTION, Unit.PERCENT, *([Unit.MONEY] if key in MONEY_COLUMNS else [])]
    what = "the weights of a portfolio sum to" if "weight" in key else "the values are between"
    seen = (
        f"{size:.6g}"
        if "weight" in key and size
        else f"{profile.low or 0:.6g} and {profile.high or 0:.6g}, typically {size or 0:.6g}"
    )
    question = Question(
        f"{draft.name}.{key}",
        f"What are the numbers in {draft.source}.{column}?",
        f"Of {profile.row_count:,} looked at, {what} {seen}.",
        (*choices, LEAVE_OUT),
        units[0] if units and units[0] in choices else None,
        is_certain=len(units) == 1,
    )
    answer = ask(question)
    if answer == LEAVE_OUT:
        return None
    unit = Unit(answer)
    value = _ask_value(draft, key, theirs, ask) if unit is Unit.MONEY else None
    if unit is Unit.MONEY and value is None:
        return None
    return ColumnMapping(column, unit, value, sign=sign)


def _ask_sign(place: str, key: str, evidence: str, ask: Ask) -> Sign | None:
    has_direction = key in HAVE_A_DIRECTION
    question = Question(
        f"{place}.sign",
        "Ours are positive; how do theirs become so?",
        evidence,
        (Sign.ABSOLUTE, Sign.NEGATED, NONE),
        Sign.ABSOLUTE if has_direction else Sign.NEGATED,
        is_certain=has_direction,
    )
    answer = ask(question)
    return None if answer == NONE else Sign(answer)


def _ask_value(draft: TableMapping, key: str, theirs: Columns, ask: Ask) -> str | None:
    """Ask which column holds the value that an amount is of; without one it cannot become a fraction."""
    mapped = {column.column for column in draft.columns.values()}
    others = tuple(c.name for c in theirs.values() if is_number(c) and c.name not in mapped)
    question = Question(
        f"{draft.name}.{key}.value",
        "An amount becomes a fraction by the value it is of; which column holds that value?",
        f"Columns of numbers that are not mapped: {', '.join(others) or 'none'}.",
        (*others, LEAVE_OUT),
        None if others else LEAVE_OUT,
        is_certain=False,
    )
    answer = ask(question)
    return None if answer == LEAVE_OUT else answer


async def _propose_day(draft: TableMapping, key: str, ask: Ask) -> ColumnMapping:
    column = draft.columns[key].column or ""
    words = await _read(store.profile_words, draft.schema, draft.table, column)
    likely = likely_formats(words)
    question = Question(
        f"{draft.name}.{key}.format",
        f"How does {draft.source}.{column} write a day?",
        f"It holds {', '.join(words[:4])}.",
        tuple(FORMATS_OF_DAYS),
        likely[0] if likely else None,
        is_certain=len(likely) == 1,
    )
    return ColumnMapping(column, format=ask(question))


FORMATS_OF_DAYS: Final = {
    "YYYY-MM-DD": (4, "-", 2, "-", 2),
    "YYYYMMDD": (8,),
    "DD.MM.YYYY": (2, ".", 2, ".", 4),
    "DD/MM/YYYY": (2, "/", 2, "/", 4),
    "MM/DD/YYYY": (2, "/", 2, "/", 4),
}
"""How text writes a day, and the runs of digits and signs it is made of."""


def likely_formats(words: Iterable[str]) -> list[str]:
    """Return the formats that every word is written in; two that differ in day and month only by what they hold.

    >>> likely_formats(["20180207"]), likely_formats(["02/07/2018"]), likely_formats(["02/17/2018"])
    (['YYYYMMDD'], ['DD/MM/YYYY', 'MM/DD/YYYY'], ['MM/DD/YYYY'])
    """
    held = list(words)
    return [name for name in FORMATS_OF_DAYS if held and all(_is_written(word, name) for word in held)]


def _is_written(word: str, name: str) -> bool:
    if len(word) != len(name) or any(
        w.isdigit() != letter.isalpha() or (not letter.isalpha() and w != letter)
        for w, letter in zip(word, name, strict=True)
    ):
        return False
    month = name.index("MM")
    return 1 <= int(word[month : month + 2]) <= 12  # noqa: PLR2004 - the months of a year


WORDS: Final = {
    ("transactions", "transaction_type"): {
        "BUY": ("b", "buy", "bought", "purchase", "bot"),
        "SELL": ("s", "sell", "sold", "sale", "sld"),
        "DIVIDEND": ("d", "div", "dividend"),
    },
    ("compliance_records", "status"): {
        "VIOLATION": ("violation", "breach", "breached", "fail", "failed"),
        "PASS": ("pass", "passed", "ok", "compliant"),
    },
}
"""Words of ours that figures depend on, and what others write for them."""

KNOWN_WORDS: Final = frozenset(
    {"FEE", "INTEREST", "TAX", "TRANSFER", "DEPOSIT", "WITHDRAWAL", "SPLIT", "WARNING", "PENDING"}
)
"""Words that are certainly none of those; any other is asked for, for it may be one of them in another language."""


async def _propose_words(draft: TableMapping, key: str, ask: Ask) -> ColumnMapping:
    column = draft.columns[key].column or ""
    held = await _read(store.profile_words, draft.schema, draft.table, column)
    known = {word: ours for ours, words in WORDS[draft.name, key].items() for word in words}
    words: dict[str, str] = {}
    for word in held:
        likely = known.get(word.strip().lower())
        question = Question(
            f"{draft.name}.{key}",
            f"What does {word!r} in {draft.source}.{column} mean?",
            f"The column holds {', '.join(held)}.",
            (*WORDS[draft.name, key], "something else"),
            likely or "something else",
            is_certain=likely is not None or word.strip().upper() in KNOWN_WORDS,
        )
        answer = ask(question)
        if answer in WORDS[draft.name, key] and answer != word:
            words[word] = answer
    return ColumnMapping(column, words=words)


def _seen(columns: Columns) -> str:
    some = list(columns.values())
    rows = some[0].estimated_rows
    names = ", ".join(f"{column.name} {column.type_name}" for column in some[:8])
    return f"It has about {rows:,} rows, and the columns {names}{', …' if len(some) > len(some[:8]) else ''}."
