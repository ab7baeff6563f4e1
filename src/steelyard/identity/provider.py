"""OpenID providers: what we know of each before asking, and what each says of itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from steelyard.errors import InvalidInputError, UpstreamError
from steelyard.network.outbound import Outbound

ALGORITHMS: Final = frozenset({"RS256", "PS256", "ES256", "EdDSA", "Ed25519"})
"""What an identity token may be signed with; EdDSA with the curve Ed25519, whose own name is Ed25519 (RFC 9864)."""

MAX_URL_LENGTH: Final = 2000
WELL_KNOWN: Final = "/.well-known/openid-configuration"

TokenLogin = Literal["client_secret_basic", "client_secret_post", "none"]


class ProviderSettingError(InvalidInputError):
    """A provider is set up wrongly."""

    def __init__(self, name: str, setting: str, rule: str) -> None:
        """Name provider, setting and rule."""
        super().__init__(f"Provider {name!r}: {setting} {rule}. Correct it in the settings.")
        self.setting, self.rule = setting, rule


class MetadataError(UpstreamError):
    """What a provider says of itself does not do."""

    def __init__(self, provider: str, member: str, rule: str) -> None:
        """Name the member of its metadata and the rule that it breaks."""
        super().__init__(
            f"The metadata of {provider} is not used: {member} {rule}. Nobody was signed in. Check the issuer in "
            f"the settings, or tell whoever runs {provider}."
        )


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID provider as the operator states it.

    Attributes:
        name: in our addresses and sentences; lower-case letters, digits and hyphens.
        issuer: its https address, exactly as it names itself; http on this machine alone.
        client_id: our name at the provider.
        client_secret: None for a public client.
        redirect_uri: where it sends people back; another one for each provider.
        scopes: what is asked for.
        algorithms: what its identity tokens may be signed with; the provider has no say.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    redirect_uri: str
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    algorithms: frozenset[str] = ALGORITHMS

    def __post_init__(self) -> None:
        """Check the settings; raises ProviderSettingError."""
        rules = (
            ("name", re.fullmatch(r"[a-z0-9-]{1,32}", self.name), "is not 1 to 32 of a-z, 0-9 and -"),
            ("issuer", _is_sound(self.issuer) and "?" not in self.issuer, "is not a plain https address"),
            ("redirect_uri", _is_sound(self.redirect_uri), "is not an https address"),
            ("client_id", self.client_id, "is empty"),
            ("client_secret", self.client_secret != "", "is empty"),
            ("scopes", "openid" in self.scopes, "lack openid"),
            ("algorithms", self.algorithms, "are empty"),
            ("algorithms", self.algorithms <= ALGORITHMS, f"are not all of {', '.join(sorted(ALGORITHMS))}"),
        )
        for setting, holds, rule in rules:
            if not holds:
                raise ProviderSettingError(self.name, setting, rule)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a provider says of itself, checked.

    Attributes:
        authorization_endpoint: where people sign in.
        token_endpoint: where a code becomes an identity token.
        jwks_uri: where its keys are.
        token_login: how we prove who we are at the token endpoint.
        names_itself: whether every callback names the issuer (RFC 9207).
    """

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_login: TokenLogin
    names_itself: bool


async def discover(provider: Provider, outbound: Outbound) -> Metadata:
    """Ask a provider for its metadata (OpenID Connect Discovery 1.0).

    Raises:
        MetadataError: it names another issuer, lacks a member, or offers nothing that we accept.
        UpstreamError, NotPermittedError: as `Outbound.get_object`.
    """
    return read_metadata(provider, await outbound.get_object(provider.issuer.rstrip("/") + WELL_KNOWN))


def read_metadata(provider: Provider, stated: Mapping[str, Any]) -> Metadata:
    """Check what a provider says of itself; raises MetadataError."""
    if stated.get("issuer") != provider.issuer:
        raise MetadataError(provider.name, "issuer", "is not the one in the settings")
    _require(provider, stated, "response_types_supported", {"code"})
    _require(provider, stated, "id_token_signing_alg_values_supported", provider.algorithms)
    if "code_challenge_methods_supported" in stated:
        _require(provider, stated, "code_challenge_methods_supported", {"S256"})
    names_itself = stated.get("authorization_response_iss_parameter_supported", False)
    if not isinstance(names_itself, bool):
        raise MetadataError(
            provider.name, "authorization_response_iss_parameter_supported", "is not true or false"
        )
    return Metadata(
        authorization_endpoint=_endpoint(provider, stated, "authorization_endpoint"),
        token_endpoint=_endpoint(provider, stated, "token_endpoint"),
        jwks_uri=_endpoint(provider, stated, "jwks_uri"),
        token_login=_token_login(provider, stated),
        names_itself=names_itself,
    )


def _require(
    provider: Provider, stated: Mapping[str, Any], member: str, wanted: set[str] | frozenset[str]
) -> None:
    offered = stated.get(member)
    if not isinstance(offered, list) or not any(
        value in wanted for value in offered if isinstance(value, str)
    ):
        raise MetadataError(provider.name, member, f"does not offer {' or '.join(sorted(wanted))}")


def _endpoint(provider: Provider, stated: Mapping[str, Any], member: str) -> str:
    url = stated.get(member)
    if not isinstance(url, str) or not _is_sound(url):
        raise MetadataError(provider.name, member, "is not an https address")
    if urlsplit(url).scheme != urlsplit(provider.issuer).scheme:
        raise MetadataError(provider.name, member, "is not as encrypted as the issuer")
    return url


def _token_login(provider: Provider, stated: Mapping[str, Any]) -> TokenLogin:
    if provider.client_secret is None:
        return "none"
    offered = stated.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    for login in ("client_secret_basic", "client_secret_post"):
        if isinstance(offered, list) and login in offered:
            return login
    member = "token_endpoint_auth_methods_supported"
    raise MetadataError(provider.name, member, "does not offer client_secret_basic or client_secret_post")


def _is_sound(url: str) -> bool:
    """Whether it is an absolute https address, or an http one on this machine, without fragment and password.

    >>> [_is_sound(url) for url in ("https://a.example/x?y=1", "http://127.0.0.1:80/", "http://a.example/")]
    [True, True, False]
    """
    if (
        len(url) > MAX_URL_LENGTH
        or not re.fullmatch(r"https?://[!-~]+", url)
        or re.search(r'[#@\\"<>^`{|}]', url)
    ):
        return False
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or host in {"127.0.0.1", "::1", "localhost"})
