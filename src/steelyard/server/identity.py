"""Who asks: the cookie of a session, or an API token; and whether another site made the browser ask."""

import re
from typing import Final

from starlette.types import Scope

from steelyard.server.call import header_of
from steelyard.server.place import Place
from steelyard.server.refusals import CrossSiteError, MalformedRequestError
from steelyard.server.wiring import Credential

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OUR_SITE: Final = frozenset({"same-origin", "none"})
TOKEN: Final = re.compile(r"[A-Za-z0-9_~.-]{20,200}")
SESSION: Final = re.compile(r"[A-Za-z0-9_-]{20,200}")


def credential_of(scope: Scope, place: Place) -> Credential | None:
    """Return what a request shows of who asks; None = nothing that could be a session or a token of ours.

    Raises:
        MalformedRequestError: it shows two things; nobody could say which one counts.
    """
    session, token = session_cookie(scope, place), _bearer(scope)
    if session is not None and token is not None:
        raise MalformedRequestError("it shows both a session and a token; send one of them")
    return None if session is None and token is None else Credential(session, token)


def session_cookie(scope: Scope, place: Place) -> str | None:
    """Return the secret of the session in the cookie; None = there is none, or nothing we could have set.

    Raises:
        MalformedRequestError: the cookie comes twice.
    """
    values = [value for name, value in cookies_of(scope) if name == place.cookie_name]
    if len(values) > 1:
        raise MalformedRequestError(f"the cookie {place.cookie_name} comes twice")
    return values[0] if values and SESSION.fullmatch(values[0]) else None


def cookies_of(scope: Scope) -> list[tuple[str, str]]:
    """Return the names and values of the cookies, as sent."""
    pairs = (part.strip().partition("=") for part in (header_of(scope, b"cookie") or "").split(";"))
    return [(name, value) for name, _, value in pairs if name]


def check_same_site(scope: Scope, place: Place) -> None:
    """Refuse what changes something and may have been sent by another site's page.

    Browsers say where a request comes from, and pages cannot forge it. A token alone needs no such proof: no browser
    adds one by itself.

    Raises:
        CrossSiteError: the request does not come from a page of ours, or does not say.
    """
    if scope["method"] in SAFE_METHODS:
        return
    if header_of(scope, b"cookie") is None and _bearer(scope) is not None:
        return
    site = header_of(scope, b"sec-fetch-site")
    origin = header_of(scope, b"origin")
    if not (site in OUR_SITE if site is not None else origin in place.origins):
        raise CrossSiteError


def set_cookie(place: Place, secret: str) -> str:
    """Write the Set-Cookie header of a session: it ends with the browser, and here by its own limits."""
    return f"{place.cookie_name}={secret}; {_attributes(place)}"


def clear_cookie(place: Place) -> str:
    """Write the Set-Cookie header that forgets the session."""
    return f"{place.cookie_name}=; Max-Age=0; {_attributes(place)}"


def _attributes(place: Place) -> str:
    return f"Path=/; HttpOnly; SameSite=Lax{'; Secure' if place.is_secure else ''}"


def _bearer(scope: Scope) -> str | None:
    scheme, _, token = (header_of(scope, b"authorization") or "").partition(" ")
    token = token.strip(" ")
    return token if scheme.lower() == "bearer" and TOKEN.fullmatch(token) else None
