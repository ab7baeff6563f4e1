"""A page in Chromium without a mouse: what cannot be reached by the Tab key, or pressed by Enter, fails the test."""

from typing import Final

from playwright.sync_api import Locator, Page, expect

MOST: Final = 250
"""Presses of Tab until a page counts as one that hides what is looked for."""

IS_FOCUSED = "element => element.isConnected ? element === document.activeElement : null"
IS_SEEN = """() => {
    const style = getComputedStyle(document.activeElement);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none";
}"""


def reach(page: Page, wanted: Locator) -> None:
    """Press Tab until something has the focus, which is then to be seen; the page has its scripts by then."""
    expect(wanted).to_be_visible()
    page.wait_for_load_state()
    target = wanted.element_handle()
    for _ in range(MOST):
        is_focused = target.evaluate(IS_FOCUSED)
        if is_focused:
            break
        if is_focused is None:  # exchanged meanwhile
            target = wanted.element_handle()
        page.keyboard.press("Tab")
    else:
        raise AssertionError(f"no Tab leads to {wanted}")
    assert page.evaluate(IS_SEEN), f"the focus is not seen on {wanted}"


def press(page: Page, wanted: Locator, key: str = "Enter") -> None:
    """Reach something and press it."""
    reach(page, wanted)
    page.keyboard.press(key)


def write(page: Page, wanted: Locator, text: str) -> None:
    """Reach a field and type into it, in place of what stands there."""
    reach(page, wanted)
    page.keyboard.press("Control+A")
    page.keyboard.type(text)
