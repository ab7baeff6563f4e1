"""From the link that `steelyard demo` prints to a filled order, in a browser that runs no script.

Nothing opens by itself there, nothing asks for a passkey and nothing looks again: whoever has switched scripts off
pastes the link, signs in with a password and an app, approves with a code, and follows the links of the pages.
"""

import re
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from authenticator_app import AuthenticatorApp
from browsing import Visit, visiting
from entrances import PASSWORD
from keyboard import press, write
from served_process import ServedProcess
from web_first_order import all_filled, button, heading, link, may_approve, store_trades

LOOKS = 120
BETWEEN_LOOKS = 500
"""Milliseconds; the orders of the sample book take a few seconds."""


@pytest.fixture
def visit(browser: Browser, served_demo: ServedProcess) -> Iterator[Visit]:
    with visiting(browser, f"http://localhost:{served_demo.port}", javascript=False) as opened:
        yield opened


def open_link(visit: Visit, address: str) -> None:
    """Open the printed link, which stays shut, and paste it from the bar of addresses, as the page asks."""
    page = visit.page
    page.goto(address)
    heading(page, "Set up Steelyard")
    told = page.locator("noscript p")  # what is looked for by its text alone is never looked for in here
    expect(told).to_be_visible()
    expect(told).to_contain_text("copy the whole address of this page")
    write(page, page.get_by_label("Link"), page.url)
    button(page, "Open it")


def set_up(visit: Visit) -> AuthenticatorApp:
    """Become the owner, by a password and an app; gives the app."""
    page = visit.page
    write(page, page.get_by_label("Your name"), "Ada")
    write(page, page.get_by_label("Login name"), "ada@example.org")
    expect(page.get_by_role("button", name="Create a passkey")).to_have_count(0)
    write(page, page.get_by_label("Password"), PASSWORD)
    button(page, "Go on with a password")
    heading(page, "One more step")
    expect(page.get_by_role("heading", name="A passkey")).to_have_count(0)
    button(page, "Set up an app")
    app = AuthenticatorApp.given(page.locator("code.seed").inner_text())
    write(page, page.get_by_label("Six digits"), app.code())
    button(page, "Confirm")
    heading(page, "Recovery codes")
    expect(page.locator("#codes li")).to_have_count(10)
    link(page, "I have kept them, go on")
    return app


def approve(visit: Visit, app: AuthenticatorApp) -> None:
    """Approve what was stored, on a page of its own, with a code."""
    page = visit.page
    link(page, "Approve…")
    heading(page, "Approve these orders?")
    expect(page.get_by_role("button", name="Approve with a passkey")).to_have_count(0)
    write(page, page.get_by_label("Code", exact=True), app.code())
    button(page, "Approve with the code")
    expect(page.get_by_role("heading", name="Approved", exact=True)).to_be_visible()


def execute(visit: Visit) -> None:
    """Send the orders, and look again, by the link that the page has for it, until all of them are filled."""
    page = visit.page
    link(page, "Execute…")
    heading(page, "Send these orders?")
    with page.expect_navigation():
        button(page, "Send")
    for _ in range(LOOKS):
        if all_filled(page).is_visible():
            return
        page.wait_for_timeout(BETWEEN_LOOKS)
        with page.expect_navigation():
            link(page, "Look again")
    raise AssertionError(page.get_by_role("heading", level=2).all_inner_texts())


def test_from_the_printed_link_to_a_filled_order_without_a_script(
    visit: Visit, served_demo: ServedProcess
) -> None:
    page, address = visit.page, served_demo.said[-1].strip()
    open_link(visit, address)
    app = set_up(visit)
    heading(page, "Dashboard")
    may_approve(visit, "One person approves alone up to", "A code of an authenticator app approves up to")
    store_trades(visit)
    approve(visit, app)
    execute(visit)
    press(page, page.get_by_role("row").filter(has_text="Filled").get_by_role("link").first)
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("(Buy|Sell) [0-9]"))
    expect(page.locator("main .head .pill")).to_have_text("Filled")
    secret = address.partition("#")[2]
    assert all(secret not in path.partition("#")[0] for path in visit.requests)
    assert served_demo.stop(signal.SIGINT) == 0
