"""Whatever a provider says, as JSON or as text, is believed or refused by name; no other error comes of it."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from evil_provider import base64, ec_key, ecdsa, number
from steelyard.identity.id_token import Expected, Identity, IdTokenError, read_id_token
from steelyard.identity.provider import MetadataError, Provider, read_metadata
from steelyard.identity.provider_keys import KeysError, read_keys

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
PROVIDER = Provider("firm", "https://id.example", "us", None, "https://us.example/firm")
EXPECTED = Expected(nonce="n", access_token="a", began_at=NOW - timedelta(minutes=1), max_age=None)  # noqa: S106 - no secret
NUMBERS = ec_key().public_key().public_numbers()
KEY = {"kty": "EC", "crv": "P-256", "kid": "k", "x": number(NUMBERS.x), "y": number(NUMBERS.y)}
KEYS = read_keys("firm", {"keys": [KEY]})
HEADER = {"alg": "ES256", "kid": "k"}
CLAIMS = {
    "iss": "https://id.example",
    "sub": "ada",
    "aud": "us",
    "nonce": "n",
    "iat": NOW.timestamp(),
    "exp": NOW.timestamp() + 60,
}
OPTIONAL = ["azp", "nbf", "at_hash", "auth_time", "email", "email_verified", "name", "amr"]
METADATA = {
    "issuer": "https://id.example",
    "authorization_endpoint": "https://id.example/a",
    "token_endpoint": "https://id.example/t",
    "jwks_uri": "https://id.example/k",
    "response_types_supported": ["code"],
    "id_token_signing_alg_values_supported": ["ES256"],
    "code_challenge_methods_supported": ["S256"],
    "token_endpoint_auth_methods_supported": ["client_secret_basic"],
    "authorization_response_iss_parameter_supported": True,
}

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.sampled_from(
        [10**400, -1, 1e308, "code", "ES256", "https://id.example", "https://[", "RSA", "EC", "AQAB"]
    ),
)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


def changes(names: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), JSON, min_size=1, max_size=3)


def token(header: dict[str, Any], claims: dict[str, Any]) -> str:
    text = f"{base64(json.dumps(header).encode())}.{base64(json.dumps(claims).encode())}"
    return f"{text}.{base64(ecdsa(text.encode()))}"


def read(text: str) -> Identity:
    return read_id_token(text, PROVIDER, KEYS, EXPECTED, NOW)


def test_the_token_is_right_before_it_is_changed() -> None:
    assert read(token(HEADER, CLAIMS)) == Identity("https://id.example", "ada", None, None, (), None)


@given(
    header=st.one_of(st.just({}), changes(["alg", "kid", "typ", "crit", "b64", "jwk"])),
    claims=changes([*CLAIMS, *OPTIONAL]),
)
def test_signed_claims_of_any_kind(header: dict[str, Any], claims: dict[str, Any]) -> None:
    with suppress(IdTokenError):
        identity = read(token(HEADER | header, CLAIMS | claims))
        assert (identity.issuer, identity.subject) == ("https://id.example", claims.get("sub", "ada"))
        assert [text for text in (identity.subject, *identity.methods) if not text.isprintable()] == []


@given(st.text() | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True))
def test_no_text_is_a_token(text: str) -> None:
    with suppress(IdTokenError):
        raise AssertionError(read(text))


@given(st.data())
def test_no_changed_token_is_another(data: st.DataObject) -> None:
    """The last letter of each part aside, which holds bits that count for nothing."""
    right = token(HEADER, CLAIMS)
    place = data.draw(st.integers(0, len(right) - 2))
    letter = data.draw(st.sampled_from("Aa0-."))
    changed = right[:place] + letter + right[place + 1 :]
    if right[place] == letter or right[place + 1] == ".":
        return

    with suppress(IdTokenError):
        raise AssertionError(read(changed))


@given(changes(list(METADATA)))
def test_metadata_of_any_kind(said: dict[str, Any]) -> None:
    with suppress(MetadataError):
        checked = read_metadata(PROVIDER, METADATA | said)
        endpoints = (checked.authorization_endpoint, checked.token_endpoint, checked.jwks_uri)
        assert [url for url in endpoints if not url.startswith("https://")] == []


@given(changes([*KEY, "n", "e", "alg", "use", "key_ops", "d"]), JSON)
def test_keys_of_any_kind(said: dict[str, Any], others: object) -> None:
    for stated in (others, [KEY | said], [KEY | said, KEY, others]):
        with suppress(KeysError):
            assert read_keys("firm", {"keys": stated})
