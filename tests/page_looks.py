"""A page from all sides, in both themes, wide, narrow and zoomed: is it accessible, does anything stick out?"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Page

from axe import violations

SCREENSHOTS: Final = os.environ.get("STEELYARD_SCREENSHOTS", "")
"""A folder for pictures of every page; "" = none are taken."""

HEIGHT: Final = 900
WIDE, NARROW, ZOOMED = 1440, 320, 720
"""ZOOMED is what a window of WIDE has at 200 %."""

Theme = Literal["light", "dark"]
THEMES: Final[tuple[Theme, ...]] = ("light", "dark")
TOO_WIDE = """() => {
    const room = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= room) return [];
    return [...document.querySelectorAll("body *")]
        .filter(element => element.getBoundingClientRect().right > room + 1 && !element.closest(".scroll, .unseen"))
        .map(element => element.outerHTML.slice(0, 120)).slice(0, 5).concat("too wide");
}"""
UNFOLD = """() => {
    const shut = document.querySelectorAll("main details:not([open])");
    shut.forEach(details => { details.open = true; });
    return shut.length;
}"""
CONTENT = "main"
OWN_DIALOGS = "main dialog"
SHARED_DIALOGS = "body > dialog"
MENUS = "header details"
COUNT = """where => document.querySelectorAll(where).length"""
SHOW = """([where, place]) => {
    const dialog = document.querySelectorAll(where)[place];
    dialog.close = () => {};  // not by a script of the page while it is looked at
    dialog.showModal();
}"""
CLOSE = """([where, place]) => {
    const dialog = document.querySelectorAll(where)[place];
    delete dialog.close;
    dialog.close();
}"""
TOGGLE = """([where, place]) => document.querySelectorAll(`${where} > summary`)[place].click()"""


def faults(page: Page, name: str) -> list[str]:
    """What is wrong with a page that is open, seen from every side; what all pages share is looked at once."""
    return [*_from_all_sides(page, name), *_dialogs(page, OWN_DIALOGS, name)]


def shared_faults(page: Page, name: str) -> list[str]:
    """What is wrong with what stands around every page: as it comes, its menus, and the dialogs of all."""
    return [*_around(page, name), *_menus(page, name), *_dialogs(page, SHARED_DIALOGS, name)]


def _from_all_sides(page: Page, name: str) -> Iterator[str]:
    """As a whole, its content in both themes, and on the narrowest screen with everything unfolded."""
    for width in (WIDE, ZOOMED, NARROW):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        yield from (f"{width}: {fault}" for fault in page.evaluate(TOO_WIDE))
        if width == NARROW and page.evaluate(UNFOLD):
            yield from (f"{width}, unfolded: {fault}" for fault in page.evaluate(TOO_WIDE))
        if width != ZOOMED:
            whole = "html" if width == WIDE else CONTENT
            yield from _in_both_themes(page, name, width, {"light": whole, "dark": CONTENT})


def _around(page: Page, name: str) -> Iterator[str]:
    for width in (NARROW, WIDE):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        yield from _in_both_themes(page, name, width, everywhere("html"))


def _menus(page: Page, name: str) -> Iterator[str]:
    for place in range(page.evaluate(COUNT, MENUS)):
        for width in (NARROW, WIDE):
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.evaluate(TOGGLE, [MENUS, place])
            yield from (f"menu {place}, {width}: {fault}" for fault in page.evaluate(TOO_WIDE))
            yield from (
                f"menu {place}, {one}"
                for one in _in_both_themes(page, f"{name}-menu-{place}", width, everywhere(f"{MENUS}[open]"))
            )
            page.evaluate(TOGGLE, [MENUS, place])


def _dialogs(page: Page, where: str, name: str) -> Iterator[str]:
    """One after the other; nobody gets to what is behind them."""
    for place in range(page.evaluate(COUNT, where)):
        page.evaluate(SHOW, [where, place])
        for width in (NARROW, WIDE):
            page.set_viewport_size({"width": width, "height": HEIGHT})
            yield from (f"dialog {place}, {width}: {fault}" for fault in page.evaluate(TOO_WIDE))
            yield from (
                f"dialog {place}, {one}"
                for one in _in_both_themes(
                    page, f"{name}-dialog-{place}", width, everywhere(f"{where}[open]")
                )
            )
        page.evaluate(CLOSE, [where, place])


def everywhere(selector: str) -> dict[Theme, str]:
    """Look at the same in either theme."""
    return dict.fromkeys(THEMES, selector)


def _in_both_themes(page: Page, name: str, width: int, where: dict[Theme, str]) -> Iterator[str]:
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        _picture(page, f"{name}-{theme}-{width}")
        found = violations(page, where=where[theme], only_colours=theme == "dark")
        yield from (f"{width} {theme}: {fault}" for fault in found)


def _picture(page: Page, name: str) -> None:
    if SCREENSHOTS:
        folder = Path(SCREENSHOTS)
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png", full_page=True)


def file_name(path: str) -> str:
    """What the pictures of an address are called."""
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "home"
