"""OpenID providers for tests: the certified one, started on loopback, and a browser that signs in at it."""

import os
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from steelyard.network.outbound import OutboundRules

FOLDER = Path(__file__).parent / "oidc_provider"
TLS = ssl.create_default_context()  # made once: it reads every authority there is
LOOPBACK = OutboundRules(allowed_networks=(ip_network("127.0.0.0/8"),))


@contextmanager
def certified_provider(*redirect_uris: str) -> Iterator[str]:
    """Start the certified provider; gives its issuer."""
    if not (FOLDER / "node_modules").exists():
        missing = (
            f"{FOLDER.name}/node_modules is missing; `npm ci --prefix tests/oidc_provider` to sign in there"
        )
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    with subprocess.Popen(
        ["node", "server.js", *redirect_uris],
        cwd=FOLDER,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            issuer = server.stdout.readline().strip()
            assert issuer, "the provider did not start"
            yield issuer
        finally:
            server.terminate()


def sign_in(url: str, login: str, home: str) -> str:
    """Go through a provider's pages as a person would; give the query with which the browser comes to `home`."""
    with httpx.Client(trust_env=False) as browser:
        for _ in range(12):
            page = browser.get(url)
            while page.is_success:
                page = _send_form(browser, page, login)
            url = urljoin(str(page.url), page.headers["Location"])
            if url.startswith(home):
                return urlsplit(url).query
    raise AssertionError("the provider never sent the browser back")


def deny(url: str, home: str) -> str:
    """Ask for the sign-in page and cancel."""
    with httpx.Client(trust_env=False) as browser:
        page = browser.get(url, follow_redirects=True)
        abort = re.search(r'href="([^"]+/abort)"', page.text)
        assert abort
        answer = browser.get(urljoin(str(page.url), abort[1]))
        answer = browser.get(urljoin(str(answer.url), answer.headers["Location"]))
    assert answer.headers["Location"].startswith(home)
    return urlsplit(answer.headers["Location"]).query


def _send_form(browser: httpx.Client, page: httpx.Response, login: str) -> httpx.Response:
    action = re.search(r'action="([^"]+)"', page.text)
    prompt = re.search(r'name="prompt" value="(\w+)"', page.text)
    assert action
    assert prompt
    form = {"prompt": prompt[1], "login": login, "password": "anything"}
    return browser.post(urljoin(str(page.url), action[1]), data=form)
