"""From the link that `steelyard demo` prints to a filled order: pages alone, by keyboard, with a passkey.

The sample book is real, the process is the one that people run, and nothing but the browser speaks to it.
"""

import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from browsing import Visit, visiting
from chromium import add_authenticator
from keyboard import press, write
from served_process import ServedProcess
from web_first_order import PATIENCE, all_filled, button, heading, link, may_approve, store_trades


@pytest.fixture
def visit(browser: Browser, served_demo: ServedProcess) -> Iterator[Visit]:
    with visiting(browser, f"http://localhost:{served_demo.port}") as opened:
        add_authenticator(opened.page)
        yield opened


def set_up(visit: Visit, address: str) -> None:
    """Become the owner, by a passkey."""
    page = visit.page
    page.goto(address)
    heading(page, "Set up Steelyard")
    write(page, page.get_by_label("Your name"), "Ada")
    write(page, page.get_by_label("Login name"), "ada@example.org")
    button(page, "Create a passkey")
    heading(page, "Recovery codes")
    link(page, "I have kept them, go on")


def approve(visit: Visit) -> None:
    """Approve what was stored, in the dialog over it."""
    page = visit.page
    link(page, "Approve…")
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(":focus")).to_have_count(1)
    press(page, dialog.get_by_role("button", name="Approve with a passkey"))
    expect(page.get_by_role("heading", name="Approved", exact=True)).to_be_visible()


def execute(visit: Visit) -> None:
    """Send the orders, and see them filled while the page looks by itself."""
    page = visit.page
    link(page, "Execute…")
    press(page, page.get_by_role("dialog").get_by_role("button", name="Send"))
    expect(all_filled(page)).to_be_visible(timeout=PATIENCE)


def test_from_the_printed_link_to_filled_orders(visit: Visit, served_demo: ServedProcess) -> None:
    set_up(visit, served_demo.said[-1].strip())
    heading(visit.page, "Dashboard")
    may_approve(visit, "One person approves alone up to")
    store_trades(visit)
    approve(visit)
    execute(visit)
    assert served_demo.stop(signal.SIGINT) == 0
