"""OFX documents, 1.x (SGML) and 2.x (XML), read as one stream of elements with their lines.

SGML leaves elements without an end tag: one that holds text ends at the next tag, one that holds none and is not ended
where what it stands in ends is an empty element, and what came after it stands beside it. Files of 2.x that do the same
exist, so one parser reads both. Source: OFX 1.6 and 2.2, chapter 2.
"""

import codecs
import re
from collections.abc import Collection, Iterator
from typing import Final

from steelyard.statements.port import Source, StatementError
from steelyard.statements.xml_document import Element

LEAVES: Final = frozenset({"CURDEF", "DTASOF"})
"""Elements that hold text only, so that an empty one without an end tag ends at the next tag."""
MAX_DEPTH: Final = 64
MAX_NODES: Final = 10_000
MAX_TOKEN: Final = 2**20
_CHUNK: Final = 2**16

_TAG: Final = re.compile(rb"(/?)(?:[A-Za-z]\w*:)?([A-Za-z][A-Za-z0-9._-]*)(?:\s[^>]*?)?(/?)>", re.DOTALL)
_ENTITY: Final = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|(lt|gt|amp|quot|apos|nbsp));")
_NAMED: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'", "nbsp": " "}
_FIRST_TAG: Final = re.compile(r"<(?:[A-Za-z]\w*:)?([A-Za-z][A-Za-z0-9._-]*)[\s>]")
_CODE_PAGE: Final = r"(?:ISO-?)?(8859-[0-9]{1,2})|(?:WINDOWS-|CP)?([0-9]{3,5})"
_ENCODING: Final = re.compile(rf"""<\?xml[^>]*\bencoding=["'](?:{_CODE_PAGE})["']""", re.IGNORECASE)
_CHARSET: Final = re.compile(rf"^\s*CHARSET:\s*(?:{_CODE_PAGE})\s*$", re.IGNORECASE | re.MULTILINE)
_PREFIXES: Final = {1: "iso", 2: "cp"}
_LAST_CODE_POINT: Final = 0x10FFFF


def is_ofx(head_text: str) -> bool:
    r"""Whether the first element of a file that begins so is <OFX>.

    >>> is_ofx("OFXHEADER:100\nDATA:OFXSGML\n\n<OFX><SIGNONMSGSRSV1>"), is_ofx("<html>")
    (True, False)
    """
    first = _FIRST_TAG.search(head_text)
    return first is not None and first[1].upper() == "OFX"


def read_ofx(source: Source, wanted: Collection[str], opened: Collection[str] = ()) -> Iterator[Element]:
    """Yield elements in the order of the file: the wanted ones whole, when they end; the opened ones when they begin.

    Tags are in upper case. Of wanted elements in one another the outermost comes.

    Args:
        source: the file.
        wanted: tags of elements that come with what is in them.
        opened: tags of elements of which it is enough to know that they begin.

    Raises:
        StatementError: it is no OFX, ends early, ends what has not begun, has a DOCTYPE, or goes beyond the bounds.
    """
    building = _Building(source, wanted, opened)
    for line, token in _tokens(source):
        building.take(line, token)
        yield from building.drain()
    building.finish()


def decoder_of(head_text: str) -> str:
    r"""Return the codec for text that is not UTF-8: what the header or the XML declaration says, else cp1252.

    >>> decoder_of("OFXHEADER:100\nENCODING:USASCII\nCHARSET:8859-15\n"), decoder_of("OFXHEADER:100\nCHARSET:NONE\n")
    ('iso8859-15', 'cp1252')
    """
    head = head_text[:2000]
    said = next((found for pattern in (_ENCODING, _CHARSET) if (found := pattern.search(head))), None)
    name = (
        next((f"{prefix}{said[group]}" for group, prefix in _PREFIXES.items() if said[group]), "")
        if said
        else ""
    )
    try:
        b"x".decode(name or "cp1252")
    except LookupError:
        return "cp1252"
    return name or "cp1252"


class _Open:
    """An element that has begun."""

    __slots__ = ("children", "has_text", "length", "line", "tag", "texts")

    def __init__(self, tag: str, line: int) -> None:
        self.tag, self.line = tag, line
        self.texts: list[str] = []
        self.length, self.has_text = 0, False
        self.children: list[Element] = []

    def closed(self, parents: tuple[Element, ...] = ()) -> Element:
        text = "".join(self.texts).strip()
        return Element(self.tag, self.line, {}, text, tuple(self.children), parents)


class _Building:
    """Builds wanted elements from tokens: what follows a "<", up to the next."""

    def __init__(self, source: Source, wanted: Collection[str], opened: Collection[str]) -> None:
        self.name, self.codec = source.name, decoder_of(source.head_text)
        self.wanted, self.opened = frozenset(wanted), frozenset(opened)
        self.path: list[_Open] = []
        self.kept_from = 0  # how deep the wanted element begins that is being built; 0 = none is
        self.nodes = 0
        self.line = 1
        self.is_over = False
        self.done: list[Element] = []

    def drain(self) -> Iterator[Element]:
        done, self.done = self.done, []
        yield from done

    def error(self, why: str) -> StatementError:
        return StatementError(self.name, why, self.line)

    def take(self, line: int, token: bytes) -> None:
        self.line = line
        if token.startswith((b"!", b"?")):
            self.take_mark(token)
        elif tag := _TAG.match(token):
            self.take_tag(tag)
            self.add_text(token[tag.end() :])
        else:
            self.add_text(b"<" + token)

    def take_mark(self, token: bytes) -> None:
        """Take what begins like no element: a CDATA section is text, a comment or instruction nothing."""
        if token.startswith(b"![CDATA["):
            self.add_text(token[8 : token.index(b"]]>")], is_plain=True)
        elif token.startswith(b"!DOCTYPE"):
            raise self.error("has a DOCTYPE; no statement needs one, so it is not read")
        elif not token.startswith((b"!--", b"?")):
            self.add_text(b"<" + token)

    def take_tag(self, tag: re.Match[bytes]) -> None:
        name = tag[2].decode("ascii").upper()
        if tag[1]:
            self.end(name)
            return
        self.begin(name)
        if tag[3]:
            self.end(name)

    def begin(self, name: str) -> None:
        if self.is_over or (not self.path and name != "OFX"):
            raise self.error(f"has <{name}> outside of <OFX>")
        if self.path and (self.path[-1].has_text or self.path[-1].tag in LEAVES):
            self.close()
        if len(self.path) >= MAX_DEPTH:
            raise self.error(f"has elements more than {MAX_DEPTH} deep")
        self.path.append(_Open(name, self.line))
        if name in self.opened and not self.kept_from:
            self.done.append(Element(name, self.line, {}))
        if name in self.wanted and not self.kept_from:
            self.kept_from, self.nodes = len(self.path), 0
        self.nodes += 1
        if self.kept_from and self.nodes > MAX_NODES:
            raise self.error(f"has more than {MAX_NODES:,} elements in one")

    def add_text(self, raw: bytes, *, is_plain: bool = False) -> None:
        if not self.path or not (self.path[-1].has_text or raw.strip()):
            return
        text, one = self.decode(raw), self.path[-1]
        one.texts.append(text if is_plain else _ENTITY.sub(_character, text))
        one.has_text, one.length = True, one.length + len(text)
        if one.length > MAX_TOKEN:
            raise self.error(f"has a text longer than {MAX_TOKEN:,} characters")

    def decode(self, raw: bytes) -> str:
        try:
            return raw.decode("utf-8")  # banks write CHARSET:1252 by habit, whatever follows
        except UnicodeDecodeError:
            return raw.decode(self.codec, errors="replace")

    def end(self, name: str) -> None:
        if not any(one.tag == name for one in self.path):
            raise self.error(f"ends </{name}>, which has not begun")
        while self.path[-1].tag != name:
            self.close()
        self.close(is_ended=True)
        self.is_over = not self.path

    def close(self, *, is_ended: bool = False) -> None:
        """End the innermost element; what an empty one without an end tag holds comes after it, not in it."""
        one = self.path.pop()
        if not self.kept_from:
            return
        if len(self.path) + 1 > self.kept_from:
            beside = [] if is_ended else one.children
            one.children = one.children if is_ended else []
            self.path[-1].children += [one.closed(), *beside]
            return
        if one.children and not is_ended:
            raise self.error(f"does not end the <{one.tag}> of line {one.line}")
        self.kept_from = 0
        self.done.append(one.closed(tuple(Element(parent.tag, parent.line, {}) for parent in self.path)))

    def finish(self) -> None:
        if not self.is_over:
            raise self.error("ends before </OFX>")


def _character(entity: re.Match[str]) -> str:
    if entity[3]:
        return _NAMED[entity[3]]
    code = int(entity[1]) if entity[1] else int(entity[2], 16)
    is_text = 32 <= code <= _LAST_CODE_POINT and not 0xD800 <= code <= 0xDFFF  # noqa: PLR2004  no control, no half of a pair
    return chr(code) if is_text else entity[0]


def _tokens(source: Source) -> Iterator[tuple[int, bytes]]:
    """Yield what follows each "<", up to the next, with its line; a CDATA section or comment in one piece."""
    line, held = 1, b""
    pieces = _pieces(source)
    line += next(pieces).count(b"\n")  # the header
    for piece in pieces:
        if held or piece.startswith(b"!"):
            held = held + b"<" + piece if held else piece
            if not _is_cut(held):
                yield line - (held.count(b"\n") - piece.count(b"\n")), held
                held = b""
            elif len(held) > MAX_TOKEN:
                break
        else:
            yield line, piece
        line += piece.count(b"\n")
    if held:
        raise StatementError(source.name, "has a comment or CDATA section without end", line)


def _is_cut(token: bytes) -> bool:
    """Whether a "<" inside of it was taken for the beginning of a tag."""
    if token.startswith(b"![CDATA["):
        return b"]]>" not in token
    return token.startswith(b"!--") and b"-->" not in token


def _pieces(source: Source) -> Iterator[bytes]:
    """Yield the file cut at every "<"."""
    rest, lines = b"", 1
    for chunk in _chunks(source):
        if (nul := chunk.find(b"\0")) >= 0:
            raise StatementError(source.name, "holds a NUL", lines + chunk[:nul].count(b"\n"))
        lines += chunk.count(b"\n")
        *pieces, rest = (rest + chunk).split(b"<")
        yield from pieces
        if len(rest) > MAX_TOKEN:
            line = lines - rest.count(b"\n")
            raise StatementError(source.name, f"has a text longer than {MAX_TOKEN:,} bytes", line)
    yield rest


def _chunks(source: Source) -> Iterator[bytes]:
    """Yield the file in an encoding whose "<" is one byte."""
    decoder = codecs.getincrementaldecoder("utf-16")() if source.encoding == "utf-16" else None
    with source.open() as file:
        while chunk := file.read(_CHUNK):
            try:
                yield decoder.decode(chunk).encode() if decoder else chunk
            except UnicodeError as error:
                raise StatementError(source.name, f"is not the UTF-16 that it begins as: {error}") from error
