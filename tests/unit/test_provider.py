"""Providers as an operator states them, and what they say of themselves, where no line is needed."""

from dataclasses import replace
from typing import Any

import pytest

from steelyard.identity.oauth import RelyingParty, UnknownProviderError
from steelyard.identity.provider import MetadataError, Provider, ProviderSettingError, read_metadata
from steelyard.network.outbound import Outbound, OutboundRules

SOUND = Provider(
    name="firm",
    issuer="https://id.example/tenant",
    client_id="steelyard",
    client_secret="not to be shown",  # noqa: S106 - made up
    redirect_uri="https://us.example/firm",
)
STATED = {
    "issuer": "https://id.example/tenant",
    "authorization_endpoint": "https://id.example/authorize?a=b",
    "token_endpoint": "https://token.example/",
    "jwks_uri": "https://keys.example/",
    "response_types_supported": ["id_token", "code"],
    "id_token_signing_alg_values_supported": ["none", "ES256"],
}


@pytest.mark.parametrize(
    ("setting", "value", "rule"),
    [
        ("name", "Firm", "is not 1 to 32"),
        ("name", "", "is not 1 to 32"),
        ("name", "x" * 33, "is not 1 to 32"),
        ("issuer", "http://id.example", "is not a plain https address"),
        ("issuer", "https://id.example?x", "is not a plain https address"),
        ("issuer", "https://id.example#x", "is not a plain https address"),
        ("issuer", "https://", "is not a plain https address"),
        ("issuer", "https://a:b@id.example", "is not a plain https address"),
        ("issuer", "https://id.example:port", "is not a plain https address"),
        ("issuer", "https://id.example/" + "x" * 2000, "is not a plain https address"),
        ("issuer", "https://id.example/\n", "is not a plain https address"),
        ("redirect_uri", "http://us.example/", "is not an https address"),
        ("client_id", "", "is empty"),
        ("client_secret", "", "is empty"),
        ("scopes", ("email",), "lack openid"),
        ("algorithms", frozenset(), "are empty"),
        ("algorithms", frozenset({"RS256", "HS256"}), "are not all of ES256, Ed25519, EdDSA, PS256, RS256"),
        ("algorithms", frozenset({"none"}), "are not all of"),
    ],
)
def test_a_wrong_setting_is_named(setting: str, value: Any, rule: str) -> None:
    with pytest.raises(ProviderSettingError) as refused:
        replace(SOUND, **{setting: value})

    assert f": {setting} {rule}" in str(refused.value)
    assert "not to be shown" not in f"{refused.value}{SOUND!r}"


@pytest.mark.parametrize("host", ["127.0.0.1:80", "localhost", "[::1]:8080"])
def test_this_machine_may_be_asked_over_http(host: str) -> None:
    assert replace(SOUND, issuer=f"http://{host}/a", redirect_uri=f"http://{host}/b")


def test_what_a_provider_says() -> None:
    read = read_metadata(SOUND, STATED)

    assert read.authorization_endpoint == "https://id.example/authorize?a=b"
    assert (read.token_endpoint, read.jwks_uri) == ("https://token.example/", "https://keys.example/")
    assert (read.token_login, read.names_itself) == ("client_secret_basic", False)


@pytest.mark.parametrize("offered", [["ES256"], ["x", "ES256"]])
def test_one_way_to_sign_will_do(offered: list[str]) -> None:
    assert read_metadata(SOUND, STATED | {"id_token_signing_alg_values_supported": offered})


@pytest.mark.parametrize("offered", [None, [], "ES256", {"ES256": 1}, [["ES256"]], ["es256"]])
def test_no_way_to_sign_will_not(offered: object) -> None:
    with pytest.raises(MetadataError, match="does not offer ES256 or Ed25519 or EdDSA or PS256 or RS256"):
        read_metadata(SOUND, STATED | {"id_token_signing_alg_values_supported": offered})


@pytest.mark.parametrize(
    ("secret", "offered", "login"),
    [
        ("s", ["client_secret_post", "client_secret_basic"], "client_secret_basic"),
        ("s", ["client_secret_post"], "client_secret_post"),
        (None, ["client_secret_post"], "none"),
    ],
)
def test_how_we_prove_who_we_are(secret: str | None, offered: list[str], login: str) -> None:
    stated = STATED | {"token_endpoint_auth_methods_supported": offered}

    assert read_metadata(replace(SOUND, client_secret=secret), stated).token_login == login


@pytest.mark.parametrize("offered", [[], "client_secret_basic", None, ["tls_client_auth"]])
def test_no_way_to_prove_who_we_are(offered: object) -> None:
    with pytest.raises(MetadataError, match="does not offer client_secret_basic or client_secret_post"):
        read_metadata(SOUND, STATED | {"token_endpoint_auth_methods_supported": offered})


@pytest.mark.parametrize("member", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("url", ["http://localhost/x", "http://127.0.0.1/x"])
def test_what_begins_encrypted_stays_encrypted(member: str, url: str) -> None:
    with pytest.raises(MetadataError, match=f"{member} is not as encrypted"):
        read_metadata(SOUND, STATED | {member: url})


async def test_no_two_providers_share_what_tells_them_apart() -> None:
    outbound = Outbound(OutboundRules())
    other = Provider("other", "https://other.example", "us", None, "https://us.example/other")
    for setting in ("name", "redirect_uri", "issuer"):
        twin = replace(other, **{setting: getattr(SOUND, setting)})
        with pytest.raises(ProviderSettingError, match=f"{setting} is another provider's too"):
            RelyingParty([SOUND, twin], outbound, clock=None, random=bytes)  # type: ignore[arg-type]  # not asked
    relying = RelyingParty([SOUND, other], outbound, clock=None, random=bytes)  # type: ignore[arg-type]  # not asked
    with pytest.raises(UnknownProviderError, match=r"There is: firm, other\."):
        await relying.begin_sign_in("third")
    with pytest.raises(UnknownProviderError, match=r"There is: none\."):
        await RelyingParty([], outbound, clock=None, random=bytes).begin_sign_in("firm")  # type: ignore[arg-type]  # not asked
    await outbound.close()
