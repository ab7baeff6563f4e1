"""Who asks: the cookie of a session, or an API token; and whether another site made the browser ask."""

import re
from datetime import timedelta
from typing import Final

from starlette.types import Scope

from steelyard.identity.session import SECRET
from steelyard.identity.token import is_token
from steelyard.server.call import header_of
from steelyard.server.place import Place
from steelyard.server.refusals import CrossSiteError, KeyNeededError, MalformedRequestError

SAFE_METHODS: Final = frozenset({"GET", "OPTIONS"})
OUR_SITE: Final = frozenset({"same-origin", "none"})
SESSION_COOKIE: Final = "sid"
IDEMPOTENCY_KEY: Final = re.compile("[!-~]{1,200}")


def secret_of(scope: Scope, place: Place) -> str | None:
    """Return what a request shows of who asks: the secret of a session, or a token; None = neither of ours.

    A session counts in its cookie only, and a token in its header only.

    Raises:
        MalformedRequestError: it shows both; nobody could say which one counts.
    """
    session, token = cookie_of(scope, place, SESSION_COOKIE), bearer_of(scope)
    if session is not None and token is not None:
        raise MalformedRequestError("it shows both a session and a token; send one of them")
    if session is not None:
        return session if SECRET.fullmatch(session) else None
    return token


def cookie_of(scope: Scope, place: Place, name: str) -> str | None:
    """Return the value of a cookie of ours; None = it did not come.

    Args:
        scope: of the request.
        place: where we are.
        name: without `__Host-`.

    Raises:
        MalformedRequestError: it comes twice; somebody else may have set one of them.
    """
    name = place.cookie_name(name)
    pairs = (part.strip().partition("=") for part in (header_of(scope, b"cookie") or "").split(";"))
    values = [value for found, _, value in pairs if found == name]
    if len(values) > 1:
        raise MalformedRequestError(f"the cookie {name} comes twice")
    return values[0] if values else None


def check_same_site(scope: Scope, place: Place) -> None:
    """Refuse what changes something and may have been sent by another site's page.

    Browsers say where a request comes from, and pages cannot forge it. A token alone needs no such proof: no browser
    adds one by itself.

    Raises:
        CrossSiteError: the request does not come from a page of ours, or does not say.
    """
    if scope["method"] in SAFE_METHODS:
        return
    if header_of(scope, b"cookie") is None and bearer_of(scope) is not None:
        return
    site = header_of(scope, b"sec-fetch-site")
    origin = header_of(scope, b"origin")
    if not (site in OUR_SITE if site is not None else origin in place.origins):
        raise CrossSiteError


def key_of(scope: Scope) -> str:
    """Return the key that a request is sent under.

    Raises:
        KeyNeededError: there is none, or it is not one.
    """
    key = header_of(scope, b"idempotency-key")
    if key is None or not IDEMPOTENCY_KEY.fullmatch(key):
        raise KeyNeededError
    return key


def write_cookie(place: Place, name: str, value: str, lifetime: timedelta | None = None) -> str:
    """Write a Set-Cookie header that scripts and other sites cannot read.

    Args:
        place: where we are.
        name: without `__Host-`.
        value: base64url, or the like; "" and a lifetime of 0 make the browser forget it.
        lifetime: how long the browser keeps it; None = until it ends. What it opens ends here, by limits of its own.
    """
    age = "" if lifetime is None else f" Max-Age={lifetime // timedelta(seconds=1)};"
    secure = "; Secure" if place.is_secure else ""
    return f"{place.cookie_name(name)}={value};{age} Path=/; HttpOnly; SameSite=Lax{secure}"


def bearer_of(scope: Scope) -> str | None:
    """Return the token in the Authorization header; None = none that could be one of ours."""
    scheme, _, token = (header_of(scope, b"authorization") or "").partition(" ")
    token = token.strip(" ")
    return token if scheme.lower() == "bearer" and is_token(token) else None
