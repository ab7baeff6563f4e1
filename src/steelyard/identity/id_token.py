"""Identity tokens: every claim that says who somebody is, checked against what was asked for."""

import hmac
from base64 import urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256, sha512
from typing import Any, Final, TypeGuard

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.util import urlsafe_b64decode

from steelyard.errors import UpstreamError
from steelyard.identity import LEEWAY
from steelyard.identity.provider import Provider
from steelyard.identity.provider_keys import ProviderKey, VerifyingKey, find_key
from steelyard.network.strict_json import read_object

MAX_TOKEN_LENGTH: Final = 32_768
MAX_SUBJECT_LENGTH: Final = 255
MAX_TEXT_LENGTH: Final = 320
LAST_SECOND: Final = datetime.max.replace(tzinfo=UTC).timestamp()


class TokenDefect(StrEnum):
    """What is wrong with an identity token."""

    MALFORMED = "is not a signed token"
    TYPE = "is of another type"
    ALGORITHM = "is signed in a way that was not agreed"
    KEY = "is signed with a key that the provider does not show"
    SIGNATURE = "does not bear the provider's signature"
    ISSUER = "was issued by another provider"
    AUDIENCE = "is not meant for us alone"
    AUTHORIZED_PARTY = "was asked for by somebody else"
    NONCE = "belongs to another sign-in"
    EXPIRY = "has expired, or does not say when it does"
    ISSUED_AT = "was not issued during this sign-in"
    NOT_BEFORE = "is not valid yet"
    ACCESS_TOKEN = "belongs to another access token"  # noqa: S105 - a sentence, no secret
    SUBJECT = "does not say who signed in"
    SIGNED_IN_AT = "does not say that they signed in just now"


class IdTokenError(UpstreamError):
    """A provider's identity token is not believed."""

    def __init__(self, provider: str, defect: TokenDefect) -> None:
        """Name the provider and what is wrong; the token itself is a secret."""
        super().__init__(
            f"The identity token of {provider} {defect}: nobody was signed in. Sign in again; if it happens again, "
            f"check the clock of this machine and the settings, and tell whoever runs {provider}."
        )
        self.defect = defect


class UnknownKeyError(IdTokenError):
    """The key of an identity token is not among those known; the provider may have new ones."""

    def __init__(self, provider: str) -> None:
        """Name the provider."""
        super().__init__(provider, TokenDefect.KEY)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the identity token of one sign-in must agree with.

    Attributes:
        nonce: sent when it began.
        access_token: came with the token; `at_hash` speaks of it.
        began_at: when it began.
        max_age: how long ago at most they gave their password or factor; None = any time.
    """

    nonce: str
    access_token: str
    began_at: datetime
    max_age: timedelta | None


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in, as a provider says. Issuer and subject name a person; nothing else does.

    Attributes:
        email: only where the provider says that it has verified it. For display: never look a user up by it.
        name: for display.
        methods: how they proved it (`amr`, RFC 8176), as the provider puts it.
        signed_in_at: when they last proved it, where the provider says so.
        context: how well they proved it (`acr`), as the provider puts it.
    """

    issuer: str
    subject: str
    email: str | None
    name: str | None
    methods: tuple[str, ...]
    signed_in_at: datetime | None
    context: str | None = None


class _PinnedAlgorithms(jws.JWSRegistry):
    """Exactly the algorithms given; the library would take its own choice for an empty set, and warns of EdDSA."""

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


def read_id_token(
    token: str, provider: Provider, keys: Sequence[ProviderKey], expected: Expected, now: datetime
) -> Identity:
    """Believe an identity token, or refuse it (OpenID Connect Core 1.0, 3.1.3.7).

    Args:
        token: a JWS in its compact form.
        provider: issuer, audience and algorithms are pinned here.
        keys: the provider's.
        expected: what this sign-in asked for.
        now: the time, with its zone.

    Raises:
        UnknownKeyError: its key is not among `keys`.
        IdTokenError: any other defect; the first in the order of `TokenDefect`.
    """
    header = _read_header(token, provider)
    algorithm, kid = header["alg"], header.get("kid")
    key = find_key(keys, algorithm, kid)
    if key is None:
        raise UnknownKeyError(provider.name)
    claims = _read_claims(token, provider, key)
    if defect := _find_defect(claims, provider, expected, now) or _find_wrong_hash(
        claims, algorithm, expected
    ):
        raise IdTokenError(provider.name, defect)
    return _identity(claims)


def _read_header(token: str, provider: Provider) -> Mapping[str, Any]:
    parts = token.split(".")
    if len(token) > MAX_TOKEN_LENGTH or len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        raise IdTokenError(provider.name, TokenDefect.MALFORMED)
    try:
        header = read_object(urlsafe_b64decode(parts[0].encode()))
    except (ValueError, Base64Error) as error:
        raise IdTokenError(provider.name, TokenDefect.MALFORMED) from error
    if {"crit", "b64"} & header.keys() or not isinstance(header.get("kid"), str | None):
        raise IdTokenError(provider.name, TokenDefect.MALFORMED)
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise IdTokenError(provider.name, TokenDefect.TYPE)
    if str(header.get("alg")) not in provider.algorithms:
        raise IdTokenError(provider.name, TokenDefect.ALGORITHM)
    return header


def _read_claims(token: str, provider: Provider, key: VerifyingKey) -> Mapping[str, Any]:
    try:
        signed = jws.deserialize_compact(token, key, registry=_PinnedAlgorithms(strict_check_header=False))
        return read_object(signed.payload or b"")
    except JoseError as error:
        raise IdTokenError(provider.name, TokenDefect.SIGNATURE) from error
    except ValueError as error:
        raise IdTokenError(provider.name, TokenDefect.MALFORMED) from error


def _find_defect(
    claims: Mapping[str, Any], provider: Provider, expected: Expected, now: datetime
) -> TokenDefect | None:
    audience = claims.get("aud")
    checks = (
        (claims.get("iss") == provider.issuer, TokenDefect.ISSUER),
        (audience in (provider.client_id, [provider.client_id]), TokenDefect.AUDIENCE),
        (claims.get("azp", provider.client_id) == provider.client_id, TokenDefect.AUTHORIZED_PARTY),
        (_same(claims.get("nonce"), expected.nonce), TokenDefect.NONCE),
        (_is_after(claims.get("exp"), now - LEEWAY), TokenDefect.EXPIRY),
        (
            _is_between(claims.get("iat"), expected.began_at - LEEWAY, now + LEEWAY),
            TokenDefect.ISSUED_AT,
        ),
        ("nbf" not in claims or _is_between(claims["nbf"], None, now + LEEWAY), TokenDefect.NOT_BEFORE),
        (_is_subject(claims.get("sub")), TokenDefect.SUBJECT),
        (
            expected.max_age is None
            or _is_between(claims.get("auth_time"), now - expected.max_age - LEEWAY, now + LEEWAY),
            TokenDefect.SIGNED_IN_AT,
        ),
    )
    return next((defect for holds, defect in checks if not holds), None)


def _find_wrong_hash(claims: Mapping[str, Any], algorithm: str, expected: Expected) -> TokenDefect | None:
    """Compare `at_hash`, where there is one: the left half of the hash that the signature uses."""
    if "at_hash" not in claims:
        return None
    hashed = (sha512 if algorithm in {"EdDSA", "Ed25519"} else sha256)(
        expected.access_token.encode()
    ).digest()
    half = urlsafe_b64encode(hashed[: len(hashed) // 2]).decode().rstrip("=")
    return None if _same(claims["at_hash"], half) else TokenDefect.ACCESS_TOKEN


def _identity(claims: Mapping[str, Any]) -> Identity:
    methods = claims.get("amr")
    signed_in_at = claims.get("auth_time")
    return Identity(
        issuer=claims["iss"],
        subject=claims["sub"],
        email=_text(claims.get("email")) if claims.get("email_verified") is True else None,
        name=_text(claims.get("name")),
        methods=tuple(text for item in methods if (text := _text(item))) if isinstance(methods, list) else (),
        signed_in_at=datetime.fromtimestamp(signed_in_at, UTC) if _is_time(signed_in_at) else None,
        context=_text(claims.get("acr")),
    )


def _text(value: object) -> str | None:
    """Keep text that can be shown on one line; None for anything else."""
    return (
        value
        if isinstance(value, str) and 0 < len(value) <= MAX_TEXT_LENGTH and value.isprintable()
        else None
    )


def _same(value: object, wanted: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(value.encode("utf-8", "replace"), wanted.encode())


def _is_subject(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= MAX_SUBJECT_LENGTH
        and value.isascii()
        and value.isprintable()
    )


def _is_time(value: object) -> TypeGuard[float]:
    """Whether it is seconds since 1970 that a datetime can hold; true is not, nor is 1e999999, which is infinite."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < LAST_SECOND


def _is_after(value: Any, moment: datetime) -> bool:
    return _is_time(value) and value > moment.timestamp()


def _is_between(value: Any, first: datetime | None, last: datetime) -> bool:
    return _is_time(value) and (first is None or first.timestamp() <= value) and value <= last.timestamp()
