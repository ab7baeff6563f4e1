"""What a browser keeps for us: the cookie of its session, and those that live as long as a sign-in is under way."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final

from fastapi import Depends, Request, Response

from steelyard.identity.pending import LIFETIME
from steelyard.server.call import call_of, header_of
from steelyard.server.identity import clear_cookie, cookies_of, session_cookie, set_cookie
from steelyard.server.place import Place
from steelyard.server.wiring import Wiring
from steelyard.services.entrance import Entrance, Visitor


class Kept(StrEnum):
    """A cookie of a sign-in that is under way."""

    AT_PROVIDER = "at-provider"
    """Sealed: what must agree with what the provider sends back."""
    HALF_DONE = "half-done"
    """A secret; what was shown already is known to the store alone."""
    QUESTION = "question"
    """The question that a passkey is to answer in this browser."""


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
        return session_cookie(self._scope, self.wiring.place)

    def kept(self, name: Kept) -> str | None:
        """Return a cookie; None = it is not there, or twice."""
        wanted = _name(self.wiring.place, name)
        values = [value for cookie, value in cookies_of(self._scope) if cookie == wanted]
        return values[0] if len(values) == 1 else None

    def keep(self, answer: Response, name: Kept, value: str) -> None:
        """Let the browser keep something until the sign-in is too old."""
        seconds = int(LIFETIME.total_seconds())
        self._set(answer, name, f"{value}; Max-Age={seconds}")

    def forget(self, answer: Response, name: Kept) -> None:
        """Let the browser forget it."""
        self._set(answer, name, "; Max-Age=0")

    def enter(self, answer: Response, secret: str) -> None:
        """Let the browser keep a session, in place of the one it had."""
        answer.headers.append("Set-Cookie", set_cookie(self.wiring.place, secret))

    def leave(self, answer: Response) -> None:
        """Let the browser forget its session."""
        answer.headers.append("Set-Cookie", clear_cookie(self.wiring.place))

    def _set(self, answer: Response, name: Kept, value: str) -> None:
        place = self.wiring.place
        secure = "; Secure" if place.is_secure else ""
        cookie = f"{_name(place, name)}={value}; Path=/; HttpOnly; SameSite=Lax{secure}"
        answer.headers.append("Set-Cookie", cookie)


def _name(place: Place, name: Kept) -> str:
    return f"__Host-{name.value}" if place.is_secure else name.value


AskingBrowser = Annotated[Browser, Depends(Browser)]
