"""axe-core in Chromium: what of a page keeps people with a screen reader, a keyboard or weak eyes out.

It comes by npm, as the OpenID provider does: `npm ci --prefix tests/axe`.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page

SCRIPT = Path(__file__).parent / "axe/node_modules/axe-core/axe.min.js"
TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
OF_COLOURS: Final = ("color-contrast", "link-in-text-block")
"""The rules that the colours of a page decide: all others say the same in the dark."""

RUN = """async ([where, options]) => (await axe.run(where, options)).violations.flatMap(found => found.nodes.map(
    node => `${found.id}: ${node.target.join(" ")}: ${node.failureSummary.replaceAll("\\n", " ")}`))"""


@cache
def source() -> str:
    """The script; a test that needs it is skipped without, and fails where all must run."""
    if not SCRIPT.exists():
        missing = "axe/node_modules is missing; `npm ci --prefix tests/axe` to hold pages against it"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    return SCRIPT.read_text("utf-8")


def violations(page: Page, *, where: str = "html", only_colours: bool = False) -> list[str]:
    """What is wrong with a page, or a part, as it stands, by rule and place; a strict policy does not stop the checker.

    Args:
        page: that is open.
        where: selects what is looked at.
        only_colours: whether to look at colours alone.
    """
    options: dict[str, Any] = {
        "resultTypes": ["violations"],
        "elementRef": False,
        "preload": False,
        "iframes": False,
    }
    if only_colours:
        options["runOnly"] = {"type": "rule", "values": list(OF_COLOURS)}
    else:
        options["runOnly"] = {"type": "tag", "values": list(TAGS)}
        options["rules"] = {"target-size": {"enabled": True}}
    if not page.evaluate("'axe' in window"):
        page.evaluate(source())
    found: list[str] = page.evaluate(RUN, [where, options])
    return found
