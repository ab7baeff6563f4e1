"""Pages of ours in Chromium: what went wrong on them is gathered while they are looked at, and none of it may be."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page

from chromium import CREATE, add_authenticator
from house import House, Person, transaction
from steelyard.identity.passkeys import Passkey, register_passkey, registration_options
from steelyard.services.new_passkeys import keep_passkey
from steelyard.services.passkeys import user_handle

WATCH = """addEventListener("securitypolicyviolation", event =>
    console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`))"""


@dataclass(slots=True)
class Visit:
    """A browser's window at our pages.

    Attributes:
        page: what is looked at.
        origin: where our pages are.
        wrongs: what the browser complained about: policy violations, errors of scripts, requests to elsewhere.
        requests: every path that was asked for.
    """

    page: Page
    origin: str
    wrongs: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def open(self, path: str, status: int = 200) -> Page:
        """Go to a page, which answers as expected."""
        answer = self.page.goto(self.origin + path)
        assert answer is not None
        assert answer.status == status, (path, answer.status)
        return self.page

    def note_request(self, url: str) -> None:
        self.requests.append(url)
        if not url.startswith((self.origin, "data:")):
            self.wrongs.append(f"asked elsewhere: {url}")


@contextmanager
def visiting(
    browser: Browser,
    origin: str,
    *,
    width: int = 1440,
    theme: str = "light",
    javascript: bool = True,
    **more: Any,
) -> Iterator[Visit]:
    """Open a window; when it closes, nothing may have gone wrong in it."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        java_script_enabled=javascript,
        reduced_motion="reduce",
        locale="en-US",
        timezone_id="UTC",
        **more,
    )
    context.set_default_timeout(60_000)  # milliseconds: the machine may have other work
    context.add_cookies([{"name": "theme", "value": theme, "url": origin}])
    if javascript:
        context.add_init_script(WATCH)
    visit = Visit(context.new_page(), origin)
    visit.page.on("request", lambda request: visit.note_request(request.url))
    visit.page.on("pageerror", lambda error: visit.wrongs.append(f"script: {error}"))
    visit.page.on(
        "console",
        lambda said: visit.wrongs.append(said.text) if said.type == "error" and is_wrong(said.text) else None,
    )
    try:
        yield visit
    finally:
        context.close()
    assert visit.wrongs == []


def is_wrong(said: str) -> bool:
    """Chromium also reports each answer of 400 and more, which a test asks for on purpose."""
    return not said.startswith("Failed to load resource: the server responded with a status of")


def sign_in(visit: Visit, house: House, person: Person) -> None:
    """Give the window a session of a person, all factors shown."""
    secret = house.do(house.session_of(person)).secret
    name = house.served.wiring.place.cookie_name("sid")
    assert urlsplit(visit.origin).hostname == "localhost"
    visit.context.add_cookies([{"name": name, "value": secret, "url": visit.origin}])


def add_passkey(visit: Visit, house: House, person: Person) -> None:
    """Give the window, which is on a page of ours, an authenticator, and the person the passkey that it makes."""
    add_authenticator(visit.page)
    handle, challenge = user_handle(house.entrance, person.user_id), secrets.token_bytes(32)
    options = registration_options(
        house.entrance.site, challenge=challenge, user_handle=handle, user_name="ada", existing=[]
    )
    answer = visit.page.evaluate(CREATE, options)
    made = register_passkey(house.entrance.site, answer, challenge=challenge, user_handle=handle)
    house.do(_keep(person, made))


async def _keep(person: Person, made: Passkey) -> None:
    async with transaction(person.acting) as db:
        await keep_passkey(db, person.user_id, made, "a device")
