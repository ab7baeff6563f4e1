"""Print the list of pages from their routes: `python scripts/pages_reference.py > docs/reference/pages.md`."""

import sys
from collections.abc import Iterator
from inspect import getdoc, getmodule

from steelyard.identity.permissions import WHO_MAY, Role
from steelyard.server.permits import Access, Need
from steelyard.server.routes import Route, Routes
from steelyard.web.routes import make_pages

INTRODUCTION = """\
# Pages

Every address that answers a browser, and who may. This page is printed from the routes
(`python scripts/pages_reference.py > docs/reference/pages.md`); tests ask every one of them as every role.

- Who: **people** are owner, advisor, viewer, compliance and admin; **readers** are all of these but admin; **managers**
  are owner and admin. The [permissions](permissions.md) say the same by what is done to what.
- Advisors and viewers see the accounts granted to them; an account or household that is not answers 404, as one that
  does not exist. `?account=ID` or `?household=ID` chooses whose portfolio a page shows.
- Who is not signed in is sent to `/login`, and comes back; what was typed into a form comes back too. Who may not is
  answered 403. Who still needs a second factor is let to no page but those on which they enrol it.
- POST is what the page's form sends. Each leads on to a page (303), or shows the form again with what is wrong (422).
  *Once*: orders or money move by it; its form carries a key, so that sent twice it is done once.
"""
WORDS = {
    Need.PUBLIC: "anybody",
    Need.SIGNING_IN: "who is signing in",
    Need.SIGNED_IN: "whoever is signed in",
}
GROUPS = {
    (Role.OWNER, Role.ADVISOR, Role.VIEWER, Role.COMPLIANCE, Role.ADMIN): "people",
    (Role.OWNER, Role.ADVISOR, Role.VIEWER, Role.COMPLIANCE): "readers",
    (Role.OWNER, Role.ADMIN): "managers",
}


def who(access: Access) -> str:
    """Say who may, in the words of the page."""
    if access.verb is None or access.object_type is None:
        return WORDS[access.need]
    may = WHO_MAY.get((access.verb, access.object_type), ())
    roles = tuple(role for role in Role if role in may and role is not Role.SERVICE)
    return GROUPS.get(roles, ", ".join(roles))


def reference() -> str:
    """Return the page: a table for each module, in the order in which the routes are asked."""
    sections: dict[str, list[str]] = {}
    for route in Routes.of(make_pages().routes).routes:
        sections.setdefault(heading(route), []).extend(rows(route))
    tables = [
        "\n".join((f"## {title}\n", "| route | who | what it does |", "|---|---|---|", *lines))
        for title, lines in sections.items()
    ]
    return "\n\n".join((INTRODUCTION.rstrip(), *tables)) + "\n"


def heading(route: Route) -> str:
    """Take the first words of the module."""
    module = getmodule(route.endpoint)
    return sentence(module).removesuffix(".").partition(":")[0]


def rows(route: Route) -> Iterator[str]:
    """Give the line of a route, for each of its methods."""
    said = sentence(route.endpoint) + (" *Once.*" if route.access.moves_money else "")
    for method in sorted(route.methods - {"HEAD"}):
        yield f"| `{method} {route.path}` | {who(route.access)} | {said} |"


def sentence(documented: object) -> str:
    """Return the first sentence of a docstring, in one line."""
    first = (getdoc(documented) or "").partition("\n\n")[0]
    return " ".join(first.split()).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference())
