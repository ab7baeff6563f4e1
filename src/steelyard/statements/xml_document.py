"""XML documents, read as a stream: element by element, each with its line, and nothing that could harm the reader.

A DOCTYPE is refused, and with it every entity but the five of XML; depth, size of an element and of a text are bounded.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat

from steelyard.statements.port import Source, StatementError

MAX_DEPTH: Final = 64
MAX_NODES: Final = 100_000
MAX_TEXT: Final = 2**24
MAX_TOKEN: Final = 2**20
_CHUNK: Final = 2**16
_SEPARATOR: Final = " "  # between a namespace and a name: no character of either


@dataclass(frozen=True, slots=True)
class Element:
    """An element with everything inside it.

    Attributes:
        tag: its name, without namespace.
        line: where its start tag begins.
        attributes: by name, without namespace.
        text: its own text, without the spaces around it.
        children: the elements directly inside it.
        parents: what it stands in, from the root, as start tags only.
    """

    tag: str
    line: int
    attributes: Mapping[str, str]
    text: str = ""
    children: tuple["Element", ...] = ()
    parents: tuple["Element", ...] = ()

    def all(self, *path: str) -> tuple["Element", ...]:
        """Return the descendants at a path of tags; () where there are none."""
        found: tuple[Element, ...] = (self,)
        for tag in path:
            found = tuple(child for one in found for child in one.children if child.tag == tag)
        return found

    def first(self, *path: str) -> "Element | None":
        """Return the first descendant at a path of tags."""
        return next(iter(self.all(*path)), None)

    def text_of(self, *path: str) -> str:
        """Return the text of the first descendant at a path of tags; "" where there is none."""
        found = self.first(*path)
        return found.text if found else ""


@dataclass(frozen=True, slots=True)
class XmlBounds:
    """What a document may be.

    Attributes:
        depth: elements inside one another.
        nodes: elements in one that is wanted.
        text: characters in one that is wanted, attributes included.
    """

    depth: int = MAX_DEPTH
    nodes: int = MAX_NODES
    text: int = MAX_TEXT


def read_elements(
    source: Source, wanted: Callable[[tuple[str, ...]], bool], bounds: XmlBounds | None = None
) -> Iterator[Element]:
    """Yield the outermost elements that are wanted, whole, in the order in which they end; the rest is not kept.

    Args:
        source: the file; its encoding is what its XML declaration says, else UTF-8 or UTF-16.
        wanted: of the tags from the root to an element, whether it is.
        bounds: None = 64 deep, 100,000 elements and 16 MiB of text in one that is wanted.

    Raises:
        StatementError: it is not well-formed, ends early, has a DOCTYPE, or goes beyond the bounds.
    """
    gathering = _Gathering(source.name, wanted, bounds or XmlBounds())
    fed = 0
    with source.open() as file:
        while chunk := file.read(_CHUNK):
            gathering.feed(chunk, is_last=False)
            fed += len(chunk)
            if fed - gathering.parser.CurrentByteIndex > MAX_TOKEN + 2 * _CHUNK:
                raise gathering.error(f"has a tag or comment longer than {MAX_TOKEN:,} bytes")
            yield from gathering.drain()
    gathering.feed(b"", is_last=True)
    yield from gathering.drain()


def root_of(head: bytes) -> tuple[str, str]:
    """Return namespace and name of the outermost element of a file that begins so; ("", "") where it is no XML.

    >>> root_of(b'<?xml version="1.0"?><Document xmlns="urn:x"><A/>'), root_of(b"Date;Amount")
    (('urn:x', 'Document'), ('', ''))
    """
    names: list[str] = []
    parser = expat.ParserCreate(None, _SEPARATOR)
    parser.StartElementHandler = lambda name, _: names.append(name)
    with suppress(expat.ExpatError, LookupError, ValueError):  # said by whoever reads the whole file
        parser.Parse(head, False)  # noqa: FBT003  expat takes it by position only
    namespace, _, tag = names[0].rpartition(_SEPARATOR) if names else ("", "", "")
    return namespace, tag


class _Open:
    """An element that has begun."""

    __slots__ = ("attributes", "children", "line", "tag", "text")

    def __init__(self, tag: str, line: int, attributes: Mapping[str, str]) -> None:
        self.tag, self.line, self.attributes = tag, line, attributes
        self.text: list[str] = []
        self.children: list[Element] = []

    def bare(self) -> Element:
        return Element(self.tag, self.line, self.attributes)


class _Gathering:
    """Builds wanted elements from what expat reports."""

    def __init__(self, name: str, wanted: Callable[[tuple[str, ...]], bool], bounds: XmlBounds) -> None:
        self.name, self.wanted, self.bounds = name, wanted, bounds
        self.path: list[_Open] = []
        self.kept_from = 0  # how deep the wanted element begins that is being built; 0 = none is
        self.nodes = self.characters = 0
        self.done: list[Element] = []
        self.parser = parser = expat.ParserCreate(None, _SEPARATOR)
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.data
        parser.StartDoctypeDeclHandler = self.doctype

    def feed(self, chunk: bytes, *, is_last: bool) -> None:
        try:
            self.parser.Parse(chunk, is_last)
        except expat.ExpatError as error:
            raise StatementError(self.name, f"is no well-formed XML: {error}", error.lineno) from error
        except (LookupError, ValueError) as error:
            raise self.error(f"is in an encoding that cannot be read: {error}") from error

    def drain(self) -> Iterator[Element]:
        done, self.done = self.done, []
        yield from done

    def error(self, why: str) -> StatementError:
        return StatementError(self.name, why, self.parser.CurrentLineNumber)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.path) >= self.bounds.depth:
            raise self.error(f"has elements more than {self.bounds.depth} deep")
        tag = name.rpartition(_SEPARATOR)[2]
        plain = {key.rpartition(_SEPARATOR)[2]: value for key, value in attributes.items()}
        self.path.append(_Open(tag, self.parser.CurrentLineNumber, plain))
        if not self.kept_from and self.wanted(tuple(one.tag for one in self.path)):
            self.kept_from, self.nodes, self.characters = len(self.path), 0, 0
        self.nodes += 1
        if self.kept_from and self.nodes > self.bounds.nodes:
            raise self.error(f"has more than {self.bounds.nodes:,} elements in one")
        self.count(sum(map(len, plain.values())))

    def data(self, text: str) -> None:
        if self.kept_from:
            self.count(len(text))
            self.path[-1].text.append(text)

    def count(self, characters: int) -> None:
        self.characters += characters
        if self.kept_from and self.characters > self.bounds.text:
            raise self.error(f"has more than {self.bounds.text:,} characters in one element")

    def end(self, name: str) -> None:
        del name  # expat has seen to it that it is the one that is open
        one = self.path.pop()
        if not self.kept_from:
            return
        is_wanted = len(self.path) + 1 == self.kept_from
        parents = tuple(parent.bare() for parent in self.path) if is_wanted else ()
        text = "".join(one.text).strip()
        element = Element(one.tag, one.line, one.attributes, text, tuple(one.children), parents)
        if is_wanted:
            self.kept_from = 0
            self.done.append(element)
        else:
            self.path[-1].children.append(element)

    def doctype(self, *declared: object) -> None:
        del declared
        raise self.error("has a DOCTYPE; no statement needs one, so it is not read")
