"""The way from the dashboard of the sample book to orders that are filled, by keyboard, with a script and without.

Two tests go it, each with its own way in and its own way to approve: tests/acceptance/test_web_first_order.py with a
passkey, and tests/acceptance/test_web_without_script.py with a password and an app.
"""

import re

from playwright.sync_api import Locator, Page, expect

from browsing import Visit
from keyboard import press, write

ACCOUNT = "RIVERA-IRA"
PATIENCE = 60_000
"""Milliseconds that a page, and an order on paper, is given."""


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text, timeout=PATIENCE)


def button(page: Page, name: str) -> None:
    press(page, page.get_by_role("button", name=name))


def link(page: Page, name: str) -> None:
    press(page, page.get_by_role("link", name=name).first)


def may_approve(visit: Visit, *limits: str) -> None:
    """Say up to which value one person approves alone, and by what: by the labels of the fields that say so."""
    page = visit.open("/admin/settings")
    for label in limits:
        write(page, page.get_by_label(label), "250000")
    button(page, "Change")
    expect(page.get_by_role("status").first).to_be_visible()


def store_trades(visit: Visit) -> None:
    """Find the account, and store its trades; the prices of the sample book are old, which somebody answers for."""
    page = visit.open("/dashboard")
    link(page, "Accounts")
    heading(page, "Accounts")
    press(page, page.get_by_role("row").filter(has_text=ACCOUNT).get_by_role("link").first)
    heading(page, "Dashboard")
    link(page, "Rebalance")
    heading(page, "Rebalance")
    write(page, page.get_by_label("Why old prices will do"), "the sample book ends in 2022")
    button(page, "Review")
    heading(page, "Review")


def all_filled(page: Page) -> Locator:
    """What the page of the orders says when the last one has ended, each of them filled."""
    return page.get_by_role("heading", name=re.compile(r"^All (\d+) orders have ended: \1 filled\.$"))
