"""JSON of strangers, member by member: strict, each with its line, and never the whole document in memory."""

import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn, TextIO

from steelyard.statements.port import Source, StatementError

MAX_ITEM: Final = 2**22
"""Characters of one member, or of one element of a list among them."""

MAX_DEPTH: Final = 32
MAX_MEMBERS: Final = 1000
MAX_DIGITS: Final = 40
"""How long a number may be written."""

CHUNK: Final = 2**16
"""Characters that are read at once, at least."""

_SPACE: Final = re.compile(r"[ \t\r\n]*")
_WORD: Final = re.compile(r"[^ \t\r\n,:\[\]{}\"]*")
_MARKS: Final = {False: re.compile(r'["\[\]{}]'), True: re.compile(r'["\\]')}
_HALF: Final = re.compile("[\ud800-\udfff\0]")


@dataclass(frozen=True, slots=True)
class Item:
    """A member of the document's object; of a list among them one element, or the list if it is empty.

    Attributes:
        name: of the member.
        line: where the value begins.
        value: objects are dict, numbers int or Decimal.
        is_element: whether it is one of a list.
    """

    name: str
    line: int
    value: Any
    is_element: bool


class _UnfitError(Exception):
    """A value breaks a rule; carries a clause."""


def read_items(source: Source) -> Iterator[Item]:
    """Read a document that is one JSON object.

    Args:
        source: the file, of any encoding that has a byte order mark, or UTF-8.

    Raises:
        StatementError: it is no JSON, ends too early or goes on; names a member twice; holds NaN or an infinity, a
            number of more than 40 characters, half a surrogate pair or a NUL; nests deeper than 32; a member or an
            element of a list has more than 4 MiB, or there are more than 1,000 members.
    """
    with source.open() as file, io.TextIOWrapper(file, encoding=source.encoding, newline="") as text:
        scanner = _Scanner(source.name, text)
        try:
            yield from _members(scanner)
        except UnicodeDecodeError as error:
            raise scanner.broken(f"a character is not {source.encoding}") from error


def _members(scanner: "_Scanner") -> Iterator[Item]:
    names: set[str] = set()
    scanner.take("{")
    going = scanner.peek() != "}"
    while going:
        name = scanner.value()
        if not isinstance(name, str):
            raise scanner.broken("a member has no name in quotation marks")
        if name in names or len(names) == MAX_MEMBERS:
            twice = f"`{name[:64]}` is there twice"
            raise scanner.broken(twice if name in names else f"there are more than {MAX_MEMBERS:,} members")
        names.add(name)
        scanner.take(":")
        yield from _values(scanner, name)
        going = scanner.peek() != "}"
        if going:
            scanner.take(",")
    scanner.take("}")
    if scanner.peek():
        raise scanner.broken("something follows the end of the document")


def _values(scanner: "_Scanner", name: str) -> Iterator[Item]:
    if scanner.peek() != "[":
        yield Item(name, scanner.line, scanner.value(), is_element=False)
        return
    scanner.take("[")
    going = scanner.peek() != "]"
    if not going:
        yield Item(name, scanner.line, [], is_element=False)
    while going:
        scanner.peek()  # goes to where it begins, which may be some lines on
        yield Item(name, scanner.line, scanner.value(), is_element=True)
        going = scanner.peek() != "]"
        if going:
            scanner.take(",")
    scanner.take("]")


class _Scanner:
    """Finds where values end, in a window that moves over the text."""

    def __init__(self, name: str, text: TextIO) -> None:
        self.line = 1
        self._name, self._text = name, text
        self._window, self._at = "", 0

    def broken(self, why: str) -> StatementError:
        """Return the error that names this line."""
        return StatementError(self._name, why, self.line)

    def peek(self) -> str:
        """Go to the next character that is no space, and return it; "" at the end."""
        while True:
            space = _SPACE.match(self._window, self._at)
            self._pass(space.end() if space else self._at)
            if self._at < len(self._window):
                return self._window[self._at]
            if not self._grow():
                return ""

    def take(self, expected: str) -> None:
        """Pass one character, which must be this one."""
        found = self.peek()
        if found != expected:
            raise self.broken(f"{expected!r} is missing" if found else f"the file ends before {expected!r}")
        self._pass(self._at + 1)

    def value(self) -> Any:
        """Pass one value and return it."""
        first = self.peek()
        end = self._end_of_word() if first not in {"{", "[", '"'} else self._end_of_marked()
        written = self._window[self._at : end]
        try:
            value = _read(written)
        except json.JSONDecodeError as error:
            where = self.line + error.lineno - 1
            why = f"this is no JSON: {error.msg[:1].lower()}{error.msg[1:]}"
            raise StatementError(self._name, why, where) from error
        except _UnfitError as error:
            raise self.broken(str(error)) from error
        self._pass(end)
        return value

    def _end_of_word(self) -> int:
        """Return where a number or a bare word ends."""
        while True:
            word = _WORD.match(self._window, self._at)
            end = word.end() if word else self._at
            if end < len(self._window) or not self._grow():
                return end

    def _end_of_marked(self) -> int:
        """Return where a text, a list or an object ends."""
        passed, depth, in_text = 0, 0, False
        while True:
            mark = _MARKS[in_text].search(self._window, self._at + passed)
            if mark is None:
                passed = max(passed, len(self._window) - self._at)
                if not self._grow():
                    raise self.broken("the file ends in the middle of what begins here")
                continue
            passed = mark.end() - self._at
            if mark[0] == "\\":
                passed += 1
            elif mark[0] == '"':
                in_text = not in_text
            else:
                depth += 1 if mark[0] in "[{" else -1
            if depth > MAX_DEPTH:
                raise self.broken(f"what begins here nests deeper than {MAX_DEPTH}")
            if not depth and not in_text:
                return self._at + passed

    def _pass(self, end: int) -> None:
        self.line += self._window.count("\n", self._at, end)
        self._at = end

    def _grow(self) -> bool:
        """Read on, at least as much again, so that the work stays in proportion; False at the end of the file."""
        kept = self._window[self._at :]
        if len(kept) > MAX_ITEM:
            raise self.broken(f"what begins here is longer than {MAX_ITEM:,} characters")
        more = self._text.read(max(CHUNK, len(kept)))
        self._window, self._at = kept + more, 0
        return bool(more)


def _read(written: str) -> Any:
    value = json.loads(
        written,
        object_pairs_hook=_without_duplicates,
        parse_constant=_refuse_constant,
        parse_float=_decimal,
        parse_int=_whole,
    )
    if "\\u" in written and any(_HALF.search(text) for text in _texts(value)):
        raise _UnfitError("a text holds a NUL or half a surrogate pair")
    return value


def _without_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for name, inner in pairs:
        if name in value:
            raise _UnfitError(f"`{name[:64]}` is there twice")
        value[name] = inner
    return value


def _refuse_constant(word: str) -> NoReturn:
    raise _UnfitError(f"{word} is no number of JSON")


def _decimal(text: str) -> Decimal:
    if len(text) > MAX_DIGITS:
        raise _UnfitError(f"a number is written with more than {MAX_DIGITS} characters")
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise _UnfitError("a number has an exponent out of range") from error


def _whole(text: str) -> int:
    return int(_decimal(text))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
