"""Signing in at an OpenID provider: we send people there, and believe what comes back only where all of it agrees.

OpenID Connect Core 1.0 with the authorization code, PKCE (RFC 7636, S256), the issuer in the callback (RFC 9207), and
the current practice of RFC 9700. Providers, algorithms and issuers are pinned by us; providers only say where they are.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from hashlib import sha256
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from steelyard.errors import InvalidInputError, NotFoundError, NotPermittedError, UpstreamError
from steelyard.identity import Clock, Random
from steelyard.identity.id_token import Expected, Identity, UnknownKeyError, read_id_token
from steelyard.identity.pending import LIFETIME, NoSignInError, PendingSignIn, begin_pending
from steelyard.identity.provider import Metadata, Provider, ProviderSettingError, discover
from steelyard.identity.provider_keys import ProviderKey, read_keys
from steelyard.identity.remembered import Remembered
from steelyard.network.outbound import OK, Answer, Outbound

MAX_CALLBACK_LENGTH: Final = 8192
MAX_PARAMETERS: Final = 20
REFUSALS: Final = (400, 401)
"""How a token endpoint says no (RFC 6749, 5.2)."""

REASONS: Final = frozenset(
    {
        "access_denied",
        "account_selection_required",
        "consent_required",
        "interaction_required",
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "login_required",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_grant_type",
        "unsupported_response_type",
    }
)
"""The codes that RFC 6749 and OpenID Connect give; nothing else that a stranger wrote is repeated."""


class UnknownProviderError(NotFoundError):
    """There is no provider of the name."""

    def __init__(self, known: Iterable[str]) -> None:
        """Name those there are."""
        super().__init__(
            f"There is no such provider to sign in with. There is: {', '.join(known) or 'none'}."
        )


class CallbackDefect(StrEnum):
    """What is wrong with a callback."""

    MALFORMED = "is not a list of parameters, each named once"
    PROVIDER = "came to the address of another provider"
    STATE = "belongs to another sign-in or another browser"
    ISSUER = "was not sent by the provider that was asked"
    CODE = "holds no code"


class CallbackError(InvalidInputError):
    """A callback does not belong to the sign-in under way."""

    def __init__(self, defect: CallbackDefect) -> None:
        """Say what is wrong; the callback itself holds secrets."""
        super().__init__(f"What came back from the sign-in {defect}: nobody was signed in. Sign in again.")
        self.defect = defect


class SignInRefusedError(NotPermittedError):
    """The provider refuses the sign-in."""

    def __init__(self, provider: str, reason: str) -> None:
        """Name the provider and its code, where it is one of the known ones."""
        known = reason if reason in REASONS else "no known reason"
        super().__init__(
            f"{provider} did not sign you in ({known}). Sign in again, or ask whoever runs {provider}."
        )


class TokenAnswerError(UpstreamError):
    """A provider's token endpoint answers something else than tokens."""

    def __init__(self, provider: str, rule: str) -> None:
        """Name the rule; the answer holds secrets."""
        super().__init__(
            f"The token answer of {provider} {rule}: nobody was signed in. Tell whoever runs {provider}."
        )


@dataclass(frozen=True, slots=True)
class SignInBegun:
    """Where to send the browser, and what it is to keep, sealed, until it comes back."""

    url: str
    pending: PendingSignIn


@dataclass(frozen=True, slots=True)
class _Known:
    """A provider, and what it says of itself as far as we asked."""

    provider: Provider
    metadata: Remembered[Metadata]
    keys: Remembered[Sequence[ProviderKey]]


class RelyingParty:
    """We, who rely on providers. One for a process; it keeps their metadata and keys for an hour."""

    def __init__(
        self, providers: Iterable[Provider], outbound: Outbound, *, clock: Clock, random: Random
    ) -> None:
        """Ask nothing yet.

        Args:
            providers: each with a name, a redirect address and an issuer of its own.
            outbound: the way to them.
            clock: gives the time, with its zone.
            random: gives bytes that nobody can foresee.

        Raises:
            ProviderSettingError: two providers share a name, a redirect address or an issuer.
        """
        self._outbound = outbound
        self._clock = clock
        self._random = random
        self._known: dict[str, _Known] = {}
        for provider in providers:
            self._add(provider)

    def _add(self, provider: Provider) -> None:
        for setting in ("name", "redirect_uri", "issuer"):
            if getattr(provider, setting) in {getattr(one.provider, setting) for one in self._known.values()}:
                raise ProviderSettingError(provider.name, setting, "is another provider's too")
        metadata = Remembered(partial(discover, provider, self._outbound), self._clock)
        keys = Remembered(partial(self._ask_for_keys, provider, metadata), self._clock)
        self._known[provider.name] = _Known(provider, metadata, keys)

    async def begin_sign_in(
        self, name: str, *, return_to: str = "/", max_age: timedelta | None = None
    ) -> SignInBegun:
        """Begin a sign-in at a provider.

        Args:
            name: the provider's.
            return_to: a path of ours to go to afterwards.
            max_age: for a step-up: how long ago at most they may have proved who they are; None = any time.

        Raises:
            UnknownProviderError: there is none of that name.
            ReturnPathError: `return_to` leads elsewhere.
            MetadataError: the provider does not do.
            UpstreamError, NotPermittedError: it cannot be asked.
        """
        known = self._find(name)
        pending = begin_pending(
            name, now=self._clock(), random=self._random, return_to=return_to, max_age=max_age
        )
        metadata = await known.metadata.get()
        return SignInBegun(_authorization_url(known.provider, metadata, pending), pending)

    async def finish_sign_in(self, name: str, query: str, pending: PendingSignIn) -> Identity:
        """End a sign-in with what the provider sent back.

        The caller ends `pending` once: its `fingerprint` is recorded, its cookie removed, whatever comes of this.

        Args:
            name: the provider to whose redirect address the browser came.
            query: the callback's query, as it stood in the address.
            pending: what this browser kept.

        Raises:
            UnknownProviderError: there is no provider of that name.
            NoSignInError: the sign-in began more than ten minutes ago.
            CallbackError: the callback belongs to another sign-in, browser or provider.
            SignInRefusedError: the provider refuses, or does not take the code (a second time).
            TokenAnswerError, IdTokenError, KeysError: what it says is not believed.
            UpstreamError, NotPermittedError: it cannot be asked.
        """
        known = self._find(name)
        if pending.provider != name:
            raise CallbackError(CallbackDefect.PROVIDER)
        if self._clock() - pending.began_at >= LIFETIME:
            raise NoSignInError
        metadata = await known.metadata.get()
        code = _read_callback(query, pending, known.provider, metadata)
        answer = await self._redeem(known.provider, metadata, code, pending)
        id_token, access_token = _read_tokens(known.provider, answer)
        expected = Expected(pending.nonce, access_token, pending.began_at, pending.max_age)
        return await self._believe(known, id_token, expected)

    def _find(self, name: str) -> _Known:
        if name not in self._known:
            raise UnknownProviderError(self._known)
        return self._known[name]

    async def _redeem(
        self, provider: Provider, metadata: Metadata, code: str, pending: PendingSignIn
    ) -> Answer:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": provider.redirect_uri,
            "code_verifier": pending.verifier,
        }
        if metadata.token_login == "client_secret_basic":  # noqa: S105 - the name of a method
            login = (quote(provider.client_id, safe=""), quote(provider.client_secret or "", safe=""))
            return await self._outbound.post_form(metadata.token_endpoint, form, login=login)
        form["client_id"] = provider.client_id
        if metadata.token_login == "client_secret_post":  # noqa: S105 - the name of a method
            form["client_secret"] = provider.client_secret or ""
        return await self._outbound.post_form(metadata.token_endpoint, form)

    async def _believe(self, known: _Known, id_token: str, expected: Expected) -> Identity:
        keys = await known.keys.get()
        try:
            return read_id_token(id_token, known.provider, keys, expected, self._clock())
        except UnknownKeyError:
            newer = await known.keys.get_newer()
            if newer is keys:
                raise
        return read_id_token(id_token, known.provider, newer, expected, self._clock())

    async def _ask_for_keys(
        self, provider: Provider, metadata: Remembered[Metadata]
    ) -> Sequence[ProviderKey]:
        return read_keys(provider.name, await self._outbound.get_object((await metadata.get()).jwks_uri))


def _authorization_url(provider: Provider, metadata: Metadata, pending: PendingSignIn) -> str:
    parameters = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": provider.redirect_uri,
        "scope": " ".join(provider.scopes),
        "state": pending.state,
        "nonce": pending.nonce,
        "code_challenge": urlsafe_b64encode(sha256(pending.verifier.encode()).digest()).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    if pending.max_age is not None:
        parameters |= {"max_age": str(int(pending.max_age.total_seconds())), "prompt": "login"}
    joint = "&" if "?" in metadata.authorization_endpoint else "?"
    return metadata.authorization_endpoint + joint + urlencode(parameters)


def _read_callback(query: str, pending: PendingSignIn, provider: Provider, metadata: Metadata) -> str:
    """Give the code of a callback that belongs to the sign-in."""
    stated = _read_query(query)
    if not hmac.compare_digest(stated.get("state", "").encode(), pending.state.encode()):
        raise CallbackError(CallbackDefect.STATE)
    if stated.get("iss", None if metadata.names_itself else provider.issuer) != provider.issuer:
        raise CallbackError(CallbackDefect.ISSUER)
    if "error" in stated:
        raise SignInRefusedError(provider.name, stated["error"])
    if not stated.get("code"):
        raise CallbackError(CallbackDefect.CODE)
    return stated["code"]


def _read_query(query: str) -> Mapping[str, str]:
    if len(query) > MAX_CALLBACK_LENGTH:
        raise CallbackError(CallbackDefect.MALFORMED)
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise CallbackError(CallbackDefect.MALFORMED) from error
    stated = dict(pairs)
    if len(stated) != len(pairs):
        raise CallbackError(CallbackDefect.MALFORMED)
    return stated


def _read_tokens(provider: Provider, answer: Answer) -> tuple[str, str]:
    """Give the identity token and the access token."""
    body: Mapping[str, Any] = answer.body
    if answer.status in REFUSALS:
        raise SignInRefusedError(provider.name, str(body.get("error")))
    if answer.status != OK:
        raise TokenAnswerError(provider.name, f"has status {answer.status}")
    kind, id_token, access_token = (body.get(name) for name in ("token_type", "id_token", "access_token"))
    if not isinstance(id_token, str) or not id_token.isascii():
        raise TokenAnswerError(provider.name, "holds no identity token")
    if not isinstance(access_token, str) or not access_token:
        raise TokenAnswerError(provider.name, "holds no access token")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise TokenAnswerError(provider.name, "is not of the type Bearer")
    return id_token, access_token
