"""Sign-ins under way come back whole from the browser that holds them, or not at all, and lead to a page of ours."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.identity.pending import (
    NoSignInError,
    PendingSignIn,
    ReturnPathError,
    begin_pending,
    check_return_path,
    seal,
    unseal,
)

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
KEY = b"k" * 32


def pending(max_age: timedelta | None = None) -> PendingSignIn:
    return begin_pending("firm", now=NOON, random=secrets.token_bytes, return_to="/accounts", max_age=max_age)


@pytest.mark.parametrize("max_age", [None, timedelta(0), timedelta(minutes=5)])
def test_what_is_sealed_comes_back(max_age: timedelta | None) -> None:
    begun = pending(max_age)

    assert unseal(seal(begun, KEY, secrets.token_bytes), KEY, NOON) == begun


def test_a_sign_in_lasts_ten_minutes() -> None:
    sealed = seal(pending(), KEY, secrets.token_bytes)

    assert unseal(sealed, KEY, NOON + timedelta(minutes=10, microseconds=-1))
    assert unseal(sealed, KEY, NOON - timedelta(seconds=5))
    for now in (NOON + timedelta(minutes=10), NOON - timedelta(seconds=6)):
        with pytest.raises(NoSignInError, match="10 minutes"):
            unseal(sealed, KEY, now)


def test_secrets_are_new_each_time_and_shown_nowhere() -> None:
    one, other = pending(), pending()
    hidden = (one.state, one.nonce, one.verifier)
    sealed = seal(one, KEY, secrets.token_bytes)

    assert len({*hidden, other.state, other.nonce, other.verifier}) == 6
    assert [len(secret) for secret in hidden] == [43] * 3
    assert not [secret for secret in hidden if secret in repr(one) or secret in sealed]
    assert seal(one, KEY, secrets.token_bytes) != sealed
    assert one.fingerprint != other.fingerprint
    assert len(one.fingerprint) == 32
    assert len(sealed) < 1000


@pytest.mark.parametrize(
    "sealed", [None, "", "x", "x" * 40, "=" * 40, "ä" * 40, "\ud800", "x" * 1_000_000, "AAAA"]
)
def test_what_we_did_not_seal_is_no_sign_in(sealed: str | None) -> None:
    with pytest.raises(NoSignInError):
        unseal(sealed, KEY, NOON)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(NoSignInError):
        unseal(seal(pending(), b"x" * 32, secrets.token_bytes), KEY, NOON)


@given(place=st.integers(0, 300), letter=st.sampled_from("ABab01-_"))
def test_a_changed_seal_opens_nothing(place: int, letter: str) -> None:
    sealed = seal(pending(), KEY, secrets.token_bytes)
    changed = sealed[:place] + letter + sealed[place + 1 :]
    if changed == sealed:
        return

    with pytest.raises(NoSignInError):
        unseal(changed, KEY, NOON)


@pytest.mark.parametrize(
    "path", ["/", "/accounts", "/a/b-c_d.e~f", "/accounts?page=2&sort=-name", "/a?next=//b", "/a%20b?c=%2F"]
)
def test_pages_of_ours(path: str) -> None:
    assert check_return_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "accounts",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%2fevil.example",
        "/%2Fevil.example",
        "/%5cevil.example",
        "/a%00",
        "/a%0d%0aSet-Cookie:x",
        "/a\r\nSet-Cookie: x",
        "/\t/evil.example",
        "/a//b",
        "/@evil.example",
        "/%40evil.example",
        "/a%7f",
        "/a%1f",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        " /accounts",
        "/accounts\n",
        "/accounts#x",
        "/\u2025evil",
        "/\uff0fevil.example",
        "/" + "a" * 1001,
    ],
)
def test_anywhere_else_is_refused(path: str) -> None:
    with pytest.raises(ReturnPathError):
        check_return_path(path)
    with pytest.raises(ReturnPathError):
        begin_pending("firm", now=NOON, random=secrets.token_bytes, return_to=path, max_age=None)
