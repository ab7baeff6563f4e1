"""Routing: which rule of a preset a line falls under.

What the tests of all rules look at is the line's key; lines of one key fall under one rule, which is remembered.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Final, Generic, TypeVar

from steelyard.domain.asset import is_isin
from steelyard.statements.broker_csv.numbers import KEPT
from steelyard.statements.broker_csv.preset import Condition, Conditions, Is, Like, Same, Test, Word
from steelyard.statements.broker_csv.sheet import Cells, FigureOf, Sheet
from steelyard.statements.broker_csv.text import CellError, LineError, fold

T = TypeVar("T")
Writes = tuple[tuple[int, str], ...]
"""Places of a line's cells, and the texts that patterns found for them."""

_SIGNS: Final = frozenset({Is("positive"), Is("negative"), Is("zero")})
_Holds = Callable[[Cells], Mapping[str, str] | None]
_NO_GROUPS: Final[Mapping[str, str]] = {}


class Router(Generic[T]):
    """Finds the first of several answers whose conditions hold on a line."""

    def __init__(self, sheet: Sheet, routes: Sequence[tuple[Conditions, Conditions, T]]) -> None:
        """Bind conditions to the places of a file.

        Args:
            sheet: the file.
            routes: conditions that must hold, those that must not, and the answer.
        """
        self._routes = [(_all(sheet, when), _none(sheet, unless), answer) for when, unless, answer in routes]
        self._sheet = sheet
        conditions = [one for when, unless, _ in routes for one in when + unless]
        signs = _tested_by_sign(conditions)
        made = {name for name in signs if sheet.is_of_others(name)}
        self._by_sign = partial(_key_by_sign, sheet, conditions, signs)
        self._key: Callable[[Cells], object] = _key_by_sign(sheet, conditions, made)
        self._known: dict[object, tuple[T, Writes] | None] = {}

    def find(self, cells: Cells) -> tuple[T, Writes] | None:
        """Return the answer for a line, with what patterns found; None where no conditions hold."""
        key = self._key(cells)
        try:
            return self._known[key]
        except KeyError:
            if (
                len(self._known) >= KEPT
            ):  # texts of so many kinds are numbers: from now on their signs are the key
                self._known.clear()
                self._key = self._by_sign()
                key = self._key(cells)
            found = self._known[key] = self._find(cells)
            return found

    def _find(self, cells: Cells) -> tuple[T, Writes] | None:
        for holds, fails, answer in self._routes:
            groups = holds(cells)
            if groups is not None and not fails(cells):
                return answer, tuple((self._sheet.place(name), text) for name, text in groups.items())
        return None


def _no_key(_: Cells) -> object:
    return None


def _others(conditions: Iterable[Condition]) -> set[str]:
    return {test.column for _, tests in conditions for test in tests if isinstance(test, Same)}


def _tested_by_sign(conditions: Iterable[Condition]) -> set[str]:
    """Return the columns of which no test asks for more than whether the number is above, below or at 0."""
    asked = {column for column, tests in conditions if any(test not in _SIGNS for test in tests)}
    return {column for column, _ in conditions} - asked - _others(conditions)


def _key_by_sign(
    sheet: Sheet, conditions: Iterable[Condition], signs: Collection[str]
) -> Callable[[Cells], object]:
    """Return what makes a line's key: the texts of the columns that are tested, and of some the sign alone."""
    names = ({column for column, _ in conditions} | _others(conditions)) - set(signs)
    places = sorted({sheet.place(name) for name in names})
    texts: Callable[[Cells], object] = itemgetter(*places) if places else _no_key
    figures = [sheet.figure(name) for name in sorted(signs)]
    if not figures:
        return texts
    return lambda cells: (texts(cells), *[_sign(figure, cells) for figure in figures])


def _all(sheet: Sheet, conditions: Conditions) -> _Holds:
    bound = [_any(sheet, column, tests) for column, tests in conditions]

    def holds(cells: Cells) -> Mapping[str, str] | None:
        groups: dict[str, str] = {}
        for one in bound:
            found = one(cells)
            if found is None:
                return None
            groups |= found
        return groups

    return holds


def _none(sheet: Sheet, conditions: Conditions) -> Callable[[Cells], bool]:
    bound = [_any(sheet, column, tests) for column, tests in conditions]
    return lambda cells: any(one(cells) is not None for one in bound)


def _any(sheet: Sheet, column: str, tests: tuple[Test, ...]) -> _Holds:
    bound = [_bound(sheet, column, test) for test in tests]
    return lambda cells: next((found for one in bound if (found := one(cells)) is not None), None)


def _bound(sheet: Sheet, column: str, test: Test) -> _Holds:
    text = sheet.text(column)
    for name in test.pattern.groupindex if isinstance(test, Like) else ():
        sheet.place(name)  # before lines are read: each line is as long as all places
    match test:
        case Word():
            return lambda cells: _said(fold(text(cells)) == test.folded)
        case Like():
            return lambda cells: _groups(test, text(cells))
        case Same():
            other = sheet.text(test.column)
            return lambda cells: _said(fold(text(cells)) == fold(other(cells)))
        case Is():
            return _predicate(sheet, column, test.predicate)


def _said(holds: bool) -> Mapping[str, str] | None:  # noqa: FBT001  an answer in another form
    return _NO_GROUPS if holds else None


def _groups(test: Like, text: str) -> Mapping[str, str] | None:
    found = test.pattern.fullmatch(text)
    return {name: said for name, said in found.groupdict().items() if said} if found else None


def _predicate(sheet: Sheet, column: str, predicate: str) -> _Holds:
    text, number = sheet.text(column), sheet.figure(column)
    checks: dict[str, Callable[[Cells], bool]] = {
        "empty": lambda cells: not text(cells),
        "filled": lambda cells: bool(text(cells)),
        "currency": lambda cells: bool(sheet.currency(text(cells))),
        "no_currency": lambda cells: bool(text(cells)) and sheet.currency(text(cells)) is None,
        "isin": lambda cells: is_isin(text(cells).upper()),
        "positive": lambda cells: _sign(number, cells) == 1,
        "negative": lambda cells: _sign(number, cells) == -1,
        "zero": lambda cells: _sign(number, cells) == 0,
    }
    check = checks[predicate]
    return lambda cells: _said(check(cells))


def _sign(number: FigureOf, cells: Cells) -> int | None:
    """Return the sign of a number; None where there is none that can be read."""
    try:
        found, _ = number(cells)
    except (CellError, LineError):
        return None
    return None if found is None else (found > 0) - (found < 0)
