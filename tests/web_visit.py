"""Pages of ours over HTTP, as a person uses them whose browser runs no scripts: read, fill in, send, go where it leads.

visit = web_visit(house, house.people[1, Role.OWNER])
page = visit.open("/accounts")                  # a Page; its status is checked
page.h1, page.texts("alert"), page.texts("cell")
page = page.form("/accounts").fill(name="Ada").send("Save")    # the page it leads to
page.came_by                                    # the paths on the way, redirects followed
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from house import House, Person, Window

VOID: Final = frozenset({"meta", "link", "input", "br", "hr", "img", "wbr", "col", "source"})
TYPED: Final = frozenset({"submit", "button", "reset", "image"})
ROLES: Final = {
    **{f"h{level}": "heading" for level in range(1, 7)},
    "a": "link",
    "article": "article",
    "button": "button",
    "dd": "definition",
    "dialog": "dialog",
    "dt": "term",
    "fieldset": "group",
    "li": "listitem",
    "main": "main",
    "nav": "navigation",
    "option": "option",
    "p": "paragraph",
    "select": "combobox",
    "summary": "summary",
    "table": "table",
    "td": "cell",
    "textarea": "textbox",
    "tr": "row",
}
"""Element → the role it has by itself; those of `th` and `input` depend on more."""

INPUTS: Final = {"checkbox": "checkbox", "radio": "radio", "submit": "button", "number": "spinbutton"}
STEPS: Final = 5
"""Redirects that are followed, one after the other."""


@dataclass(slots=True, eq=False)
class Element:
    """An element of a page.

    Attributes:
        tag: its name.
        attributes: of those without a value, "".
        children: elements and texts, in their order.
    """

    tag: str
    attributes: dict[str, str]
    children: list["Element | str"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What it says, with single spaces."""
        return " ".join("".join(self._texts()).split())

    @property
    def role(self) -> str:
        """What it is to who cannot see it."""
        if "role" in self.attributes:
            return self.attributes["role"]
        if self.tag == "th":
            return "rowheader" if self.attributes.get("scope") == "row" else "columnheader"
        if self.tag == "input":
            return INPUTS.get(self.attributes.get("type", "text"), "textbox")
        return ROLES.get(self.tag, "")

    def all(self, tag: str = "", **attributes: str) -> list["Element"]:
        """Every element below it of a tag, and with these attributes; an underscore in a name is a hyphen."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            element
            for element in self.walk()
            if tag in {"", element.tag}
            and all(element.attributes.get(name) == value for name, value in wanted.items())
        ]

    def one(self, tag: str = "", **attributes: str) -> "Element":
        """The only element of a kind."""
        found = self.all(tag, **attributes)
        assert len(found) == 1, (tag, attributes, [element.attributes for element in found])
        return found[0]

    def walk(self) -> Iterator["Element"]:
        """Every element below it."""
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.walk()

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            else:
                yield from child._texts()  # noqa: SLF001 - its own class
                if child.role in {"cell", "columnheader", "rowheader", "listitem", "paragraph", "option"}:
                    yield " "


class Reader(HTMLParser):
    """Reads a page, which closes what it opens."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (self.getpos(), tag, names)
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        closed = self._open.pop()
        assert closed.tag == tag, f"{self.getpos()}: </{tag}> closes <{closed.tag} {closed.attributes}>"

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)

    def close(self) -> None:
        super().close()
        assert self._open == [self.root], f"never closed: {[element.tag for element in self._open[1:]]}"


def read_html(text: str) -> Element:
    """Read a page, or a part of one; it is well-formed, or the test fails."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader.root


@dataclass(frozen=True, slots=True)
class Page:
    """What came back.

    Attributes:
        visit: who looks at it.
        path: its address, with the query.
        status: of the answer.
        headers: of the answer.
        html: as it was sent.
        root: the same, read.
        came_by: paths on the way to it, the first that was asked for first.
    """

    visit: "WebVisit"
    path: str
    status: int
    headers: dict[str, str]
    html: str
    root: Element
    came_by: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Of the window."""
        return self.root.one("head").one("title").text

    @property
    def h1(self) -> str:
        """Its only heading of the first level."""
        return self.root.one("h1").text

    @property
    def text(self) -> str:
        """All that it says."""
        return self.root.one("body").text

    def texts(self, role: str) -> list[str]:
        """What every element of a role says: "alert", "cell", "heading", "link", "button", …"""
        return [element.text for element in self.root.walk() if element.role == role]

    def links(self) -> dict[str, str]:
        """Where each link leads, by what it says."""
        return {
            link.text: link.attributes["href"] for link in self.root.all("a") if "href" in link.attributes
        }

    def follow(self, text: str, status: int = 200) -> "Page":
        """Press a link."""
        links = self.links()
        assert text in links, (text, sorted(links))
        return self.visit.open(urljoin(self.path, links[text]), status)

    def forms(self) -> list["Form"]:
        """Every form that is sent: those of a dialog only close it."""
        return [
            Form.of(self, element)
            for element in self.root.all("form")
            if element.attributes.get("method") != "dialog"
        ]

    def form(self, action: str = "", *, button: str = "") -> "Form":
        """The form that goes to a path, or has a button that says something."""
        found = [
            form
            for form in self.forms()
            if (not action or urlsplit(form.action).path == action)
            and (not button or button in [one.text for one in form.buttons])
        ]
        assert len(found) == 1, (action, button, [(form.action, form.said) for form in self.forms()])
        return found[0]


@dataclass(slots=True)
class Form:
    """A form of a page, as far as it is filled in.

    Attributes:
        page: on which it is.
        method: GET or POST.
        action: where it goes.
        fields: name and value of what would be sent, in the order of the page.
        names: of all its fields, unchecked boxes among them.
        buttons: those that send it.
    """

    page: Page
    method: str
    action: str
    fields: list[tuple[str, str]]
    names: set[str]
    buttons: list[Element]

    @classmethod
    def of(cls, page: Page, element: Element) -> "Form":
        """Read a form."""
        mark = element.attributes.get("id")
        below = [one for one in element.walk() if one.attributes.get("form", mark) == mark]
        outside = page.root.all(form=mark) if mark else []
        controls = [*below, *(one for one in outside if one not in below)]
        names = {
            one.attributes["name"]
            for one in controls
            if "name" in one.attributes and one.tag in {"input", "select", "textarea"}
        }
        fields = [pair for one in controls for pair in _sent(one)]
        buttons = [
            one
            for one in controls
            if (one.tag == "button" and one.attributes.get("type", "submit") == "submit")
            or (one.tag == "input" and one.attributes.get("type") in {"submit", "image"})
        ]
        action = urljoin(page.path, element.attributes.get("action", page.path))
        return cls(page, element.attributes.get("method", "get").upper(), action, fields, names, buttons)

    @property
    def said(self) -> list[str]:
        """What its buttons say."""
        return [one.text or one.attributes.get("value", "") for one in self.buttons]

    def __getitem__(self, name: str) -> str:
        """What stands in a field."""
        [value] = [value for one, value in self.fields if one == name]
        return value

    def fill(self, **values: str | list[str] | None) -> "Form":
        """Type into fields, choose, or tick: a list ticks several of a name, None empties or unticks it."""
        for name, value in values.items():
            assert name in self.names, (name, sorted(self.names))
            places = [place for place, (one, _) in enumerate(self.fields) if one == name]
            place = places[0] if places else len(self.fields)
            kept = [pair for pair in self.fields if pair[0] != name]
            typed = [] if value is None else value if isinstance(value, list) else [value]
            self.fields = [*kept[:place], *((name, one) for one in typed), *kept[place:]]
        return self

    def send(self, button: str = "", *, status: int = 200, **headers: str) -> Page:
        """Press a button, the first one where none is named, and go where that leads."""
        pressed = next((one for one in self.buttons if not button or one.text == button), None)
        assert pressed is not None or not (button or self.buttons), (button, self.said)
        said = {} if pressed is None else pressed.attributes
        assert "disabled" not in said, button
        fields = list(self.fields)
        if "name" in said:
            fields.append((said["name"], said.get("value", "")))
        action = urljoin(self.page.path, said.get("formaction", self.action))
        method = said.get("formmethod", self.method).upper()
        if method == "GET":
            return self.page.visit.open(f"{urlsplit(action).path}?{urlencode(fields)}", status, **headers)
        return self.page.visit.post(action, fields, status, **headers)


@dataclass(slots=True)
class WebVisit:
    """Somebody who looks at pages: their window, which keeps cookies."""

    window: Window

    def open(self, path: str, status: int = 200, **headers: str) -> Page:
        """Go to a page, which answers as expected; an underscore in a header's name is a hyphen."""
        return self._go("GET", path, None, status, headers)

    def post(
        self, path: str, fields: dict[str, str] | list[tuple[str, str]], status: int = 200, **headers: str
    ) -> Page:
        """Send fields as a form does, and go where that leads."""
        return self._go("POST", path, urlencode(fields).encode(), status, headers)

    def _go(
        self, method: str, path: str, content: bytes | None, status: int, headers: dict[str, str]
    ) -> Page:
        came_by: list[str] = []
        for _ in range(STEPS):
            answer = self.window.send(method, path, content, **headers)
            if answer.status_code not in {302, 303, 307, 308}:
                break
            assert answer.status_code == 303, f"{path}: {answer.status_code} sends a form again"
            came_by.append(path)
            method, path, content = "GET", urljoin(path, answer.headers["location"]), None
        assert answer.status_code == status, (path, answer.status_code, answer.text[:3000])
        is_page = answer.headers.get("content-type", "").startswith("text/html")
        root = read_html(answer.text) if is_page else Element("", {})
        text = answer.text if is_page else answer.content.decode("utf-8", "replace")
        return Page(self, path, answer.status_code, dict(answer.headers), text, root, tuple(came_by))


def web_visit(house: House, person: Person | None = None) -> WebVisit:
    """Open a window at our pages, in which somebody is signed in, or nobody."""
    return WebVisit(Window(house) if person is None else house.window_of(person))


def query_of(path: str) -> dict[str, str]:
    """What stands behind the question mark."""
    return dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))


def _sent(control: Element) -> Iterator[tuple[str, str]]:
    """What a field sends as it stands."""
    said = control.attributes
    if "name" not in said or "disabled" in said:
        return
    if control.tag == "input":
        kind = said.get("type", "text")
        if kind in {"checkbox", "radio"}:
            if "checked" in said:
                yield said["name"], said.get("value", "on")
        elif kind not in TYPED:
            yield said["name"], said.get("value", "")
    elif control.tag == "textarea":
        yield (
            said["name"],
            "".join(one for one in control.children if isinstance(one, str)).removeprefix("\n"),
        )
    elif control.tag == "select":
        options = control.all("option")
        chosen = [one for one in options if "selected" in one.attributes] or (
            options[:1] if "multiple" not in said else []
        )
        for one in chosen if "multiple" in said else chosen[-1:]:
            yield said["name"], one.attributes.get("value", one.text)
