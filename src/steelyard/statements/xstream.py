"""Object graphs as XStream writes them: XML in which an object stands where it is first met, elsewhere as a reference.

A reference is a path from the element that holds it (`reference="../../account[2]"`), or, in files whose elements have
an `id`, that id. Finding either needs the whole tree, so size, number and depth of elements are bounded here; what is
inside elements that nobody refers to (prices) is counted and not kept. A DOCTYPE is refused.
"""

from collections.abc import Iterator
from typing import Final
from xml.parsers import expat

from steelyard.statements.port import Source, StatementError

MAX_BYTES: Final = 2**26
MAX_NODES: Final = 1_000_000
MAX_DEPTH: Final = 4_096
"""An account stands inside the transfer that first meets it, and so on: some five elements for each account."""

_CHUNK: Final = 2**16
_NO_ATTRIBUTES: Final[dict[str, str]] = {}


class Node:
    """An element of the tree.

    Attributes:
        tag: its name.
        line: where its start tag begins.
        attributes: by name.
        parent: what it stands in; None of the root.
        text: its own text, without the spaces around it.
        left_out: how many elements directly inside it are not kept.
    """

    __slots__ = ("_by_tag", "attributes", "children", "left_out", "line", "parent", "tag", "text")

    def __init__(self, tag: str, line: int, attributes: dict[str, str], parent: "Node | None") -> None:
        """Begin it, without anything inside."""
        self.tag, self.line, self.attributes, self.parent = tag, line, attributes or _NO_ATTRIBUTES, parent
        self.text, self.left_out = "", 0
        self.children: list[Node] | None = None
        self._by_tag: dict[str, list[Node]] | None = None

    def named(self, tag: str) -> list["Node"]:
        """Return the elements of a name directly inside it, in their order."""
        if self._by_tag is None:
            self._by_tag = {}
            for child in self.children or ():
                self._by_tag.setdefault(child.tag, []).append(child)
        return self._by_tag.get(tag, [])


class BrokenReferenceError(StatementError):
    """A reference leads nowhere."""

    def __init__(self, name: str, node: Node) -> None:
        """Name the element that has it."""
        super().__init__(name, f"the reference of <{node.tag}> leads nowhere", node.line)


class Graph:
    """A tree, and what its references mean.

    Attributes:
        name: of the file.
        root: the outermost element.
    """

    def __init__(self, name: str, root: Node, by_id: dict[str, Node]) -> None:
        """Take a tree as it was read."""
        self.name, self.root = name, root
        self._by_id = by_id if "id" in root.attributes else {}

    def resolve(self, node: Node) -> Node:
        """Return the object that an element is or refers to.

        Raises:
            BrokenReferenceError: there is none.
        """
        reference = node.attributes.get("reference")
        if reference is None:
            return node
        found = self._by_id.get(reference) if self._by_id else self._walk(node, reference)
        if found is None or "reference" in found.attributes:
            raise BrokenReferenceError(self.name, node)
        return found

    def child(self, node: Node, tag: str) -> Node | None:
        """Return the first object of a name inside another; None where there is none."""
        named = node.named(tag)
        return self.resolve(named[0]) if named else None

    def text(self, node: Node, tag: str) -> str:
        """Return the text of the first object of a name inside another; "" where there is none."""
        found = self.child(node, tag)
        return found.text if found else ""

    def listed(self, *path: str) -> Iterator[Node]:
        """Yield the objects at a path of names below the root, in their order."""
        nodes = [self.root]
        for tag in path:
            nodes = [self.resolve(child) for node in nodes for child in node.named(tag)]
        yield from nodes

    @staticmethod
    def _walk(node: Node, path: str) -> Node | None:
        found: Node | None = node
        for step in path.split("/"):
            if found is None:
                return None
            found = found.parent if step == ".." else _nth(found, step)
        return found


def _nth(node: Node, step: str) -> Node | None:
    tag, bracket, place = step.partition("[")
    number = place.removesuffix("]") if bracket else "1"
    named = node.named(tag)
    is_there = number.isascii() and number.isdigit() and len(number) < len(str(MAX_NODES)) + 1
    return named[int(number) - 1] if is_there and 0 < int(number) <= len(named) else None


def read_graph(source: Source, *, leave_out: frozenset[str]) -> Graph:
    """Read a file whole.

    Args:
        source: the file; UTF-8, or what its byte order mark or XML declaration says.
        leave_out: names of elements whose insides are counted and not kept.

    Raises:
        StatementError: it is not well-formed, ends early, has a DOCTYPE, or goes beyond the bounds.
    """
    if source.size > MAX_BYTES:
        raise StatementError(source.name, f"is larger than {MAX_BYTES:,} bytes, too much to be held whole")
    growing = _Growing(source.name, leave_out)
    with source.open() as file:
        while chunk := file.read(_CHUNK):
            growing.feed(chunk, is_last=False)
    growing.feed(b"", is_last=True)
    return Graph(source.name, growing.root, growing.by_id)


class _Growing:
    """Builds the tree from what expat reports."""

    def __init__(self, name: str, leave_out: frozenset[str]) -> None:
        self.name, self.leave_out = name, leave_out
        self.root = Node("", 0, _NO_ATTRIBUTES, None)  # until the first element begins
        self.by_id: dict[str, Node] = {}
        self._at: Node | None = None
        self._texts: list[str] = []
        self._nodes = self._depth = self._left_out = 0  # the last: how deep inside what is left out
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.StartDoctypeDeclHandler = self._doctype

    def feed(self, chunk: bytes, *, is_last: bool) -> None:
        try:
            self._parser.Parse(chunk, is_last)
        except expat.ExpatError as error:
            raise StatementError(self.name, f"is no well-formed XML: {error}", error.lineno) from error
        except (LookupError, ValueError) as error:
            raise self._error(f"is in an encoding that cannot be read: {error}") from error

    def _error(self, why: str) -> StatementError:
        return StatementError(self.name, why, self._parser.CurrentLineNumber)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(f"has elements more than {MAX_DEPTH:,} deep")
        parent = self._at
        if parent and (self._left_out or parent.tag in self.leave_out):
            parent.left_out += not self._left_out
            self._left_out += 1
            return
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self._error(f"has more than {MAX_NODES:,} elements")
        node = Node(tag, self._parser.CurrentLineNumber, attributes, parent)
        self._place(node)
        self._at, self._texts = node, []

    def _place(self, node: Node) -> None:
        if node.parent is None:
            self.root = node
        elif node.parent.children is None:
            node.parent.children = [node]
        else:
            node.parent.children.append(node)
        if "id" in node.attributes:
            self.by_id[node.attributes["id"]] = node

    def _data(self, text: str) -> None:
        if not self._left_out:
            self._texts.append(text)

    def _end(self, _tag: str) -> None:
        self._depth -= 1
        if self._left_out:
            self._left_out -= 1
            return
        node = self._at
        if node is not None:
            node.text = "" if node.children else "".join(self._texts).strip()
            self._at, self._texts = node.parent, []

    def _doctype(self, *declared: object) -> None:
        del declared
        raise self._error("has a DOCTYPE; no file of its kind needs one, so it is not read")
