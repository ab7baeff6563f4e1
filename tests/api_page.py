"""What docs/reference/api.md says of who may: the page is what the tests hold the routes to."""

import re
from pathlib import Path

from steelyard.api.routes import PREFIX
from steelyard.identity.permissions import Role

PAGE = Path(__file__).parents[1] / "docs/reference/api.md"
ANYBODY, SIGNING_IN, SIGNED_IN = "anybody", "who is signing in", "whoever is signed in"

WORDS = {
    "people": "owner, advisor, viewer, compliance, admin",
    "readers": "owner, advisor, viewer, compliance, service",
    "managers": "owner, admin",
    SIGNED_IN: "owner, advisor, viewer, compliance, admin, service",
}
"""As the page explains them."""


def who_may() -> dict[str, str]:
    """Route → the words of the page."""
    rows = re.findall(r"^\| `([A-Z]+ \S+)` \| ([^|]+) \| [^|]+ \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a route stands on the page twice"
    return dict(rows)


def roles_of(words: str) -> frozenset[Role]:
    """Whom words of the page mean; none where it is nobody in particular."""
    if words in {ANYBODY, SIGNING_IN}:
        return frozenset()
    return frozenset(Role(word) for word in WORDS.get(words, words).split(", "))


def short(method: str, path: str) -> str:
    """A route as the page writes it."""
    return f"{method} {path.removeprefix(PREFIX)}"
