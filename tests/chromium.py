"""The Chromium of the system, and pages in it with an authenticator of their own."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
CREATE = """async options => JSON.stringify(await navigator.credentials.create(
    {publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)}))"""
PATIENCE = 30_000
"""Milliseconds that a page is given to become what is expected of it: the machine may have other work."""

GET = """async options => JSON.stringify(await navigator.credentials.get(
    {publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)}))"""


class EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>A page</title>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def page_server() -> Iterator[int]:
    """An empty page on a port of localhost; gives the port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def opened_browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        missing = f"{CHROMIUM} is missing; `apt install chromium` to use passkeys"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@contextmanager
def page_with_authenticator(browser: Browser, *, verifies: bool) -> Iterator[Page]:
    """A page whose authenticator makes passkeys by itself; `verifies` says whether somebody unlocks it."""
    page = browser.new_page()
    add_authenticator(page, verifies=verifies)
    yield page
    page.context.close()


def add_authenticator(page: Page, *, verifies: bool = True) -> None:
    """Give a page an authenticator of its own, which is present at once whenever it is asked."""
    control = page.context.new_cdp_session(page)
    control.send("WebAuthn.enable")
    has = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": verifies,
        "isUserVerified": verifies,
        "automaticPresenceSimulation": True,
    }
    control.send("WebAuthn.addVirtualAuthenticator", {"options": has})
