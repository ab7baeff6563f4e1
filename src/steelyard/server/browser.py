"""What a browser keeps for us: the secret of its session, and what lives as long as a sign-in is under way."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request, Response

from steelyard.identity.pending import LIFETIME
from steelyard.identity.session import SECRET
from steelyard.server.call import call_of, header_of
from steelyard.server.identity import SESSION_COOKIE, cookie_of, write_cookie
from steelyard.services import session
from steelyard.services.entrance import Entrance, Signed, Visitor
from steelyard.storage.connection import get_write_session

if TYPE_CHECKING:
    from steelyard.server.wiring import Wiring


class Kept(StrEnum):
    """A cookie of a sign-in that is under way."""

    AT_PROVIDER = "at-provider"
    """Sealed: what must agree with what the provider sends back."""
    HALF_DONE = "half-done"
    """A secret; what was shown already is known to the store alone."""
    QUESTION = "question"
    """The question that a passkey is to answer in this browser."""
    LINK = "link"
    """The secret of the one-time link that is open on a page."""


class Browser:
    """Whoever sends a request, and what their browser keeps."""

    def __init__(self, request: Request) -> None:
        """Read the request."""
        self.wiring: Wiring = request.app.wiring
        self.entrance: Entrance = request.app.state.entrance
        self._scope = request.scope

    @property
    def now(self) -> datetime:
        """The time."""
        return self.wiring.clock()

    @property
    def visitor(self) -> Visitor:
        """Where the request comes from."""
        address = call_of(self._scope).address
        return Visitor(f"{address or ''}", header_of(self._scope, b"user-agent") or "")

    @property
    def session(self) -> str | None:
        """The secret of the session it has; None = it has none."""
        secret = cookie_of(self._scope, self.wiring.place, SESSION_COOKIE)
        return secret if secret is not None and SECRET.fullmatch(secret) else None

    def kept(self, name: Kept) -> str | None:
        """Return what it keeps of a sign-in; None = nothing."""
        return cookie_of(self._scope, self.wiring.place, name.value)

    def keep(self, answer: Response, name: Kept, value: str) -> None:
        """Let it keep something until the sign-in is too old."""
        _set(answer, write_cookie(self.wiring.place, name.value, value, LIFETIME))

    def forget(self, answer: Response, name: Kept) -> None:
        """Let it forget something."""
        _set(answer, write_cookie(self.wiring.place, name.value, "", timedelta(0)))

    def enter(self, answer: Response, secret: str) -> None:
        """Let it keep a session, in place of the one it had."""
        _set(answer, write_cookie(self.wiring.place, SESSION_COOKIE, secret))

    def leave(self, answer: Response) -> None:
        """Let it forget its session."""
        _set(answer, write_cookie(self.wiring.place, SESSION_COOKIE, "", timedelta(0)))


def _set(answer: Response, cookie: str) -> None:
    answer.headers.append("Set-Cookie", cookie)


async def _browser(request: Request) -> Browser:
    return Browser(request)


AskingBrowser = Annotated[Browser, Depends(_browser)]


async def enter(browser: Browser, answer: Response, done: Signed) -> None:
    """Give the browser its session; the one it had, and what was under way, are over."""
    if browser.session is not None:
        async with get_write_session() as db:
            await session.end_session_of(db, browser.session, now=browser.now)
    browser.enter(answer, done.secret)
    for kept in Kept:
        if browser.kept(kept) is not None:
            browser.forget(answer, kept)
