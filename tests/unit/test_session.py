"""How long a session counts, to the microsecond, and what it has proved; the forms of secrets, tokens and links."""

from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.identity.link import LIFETIMES, LinkEndedError, LinkPurpose, NewLink, hash_link
from steelyard.identity.permissions import Actor, Role, Standing
from steelyard.identity.session import (
    Factor,
    NotSignedInError,
    Session,
    StepUpNeededError,
    has_second_factor,
    hash_secret,
    idle_limit,
    is_live,
    new_secret,
    require_recent,
    standing_of,
)
from steelyard.identity.token import (
    LONGEST_LIFE,
    TokenLifeError,
    check_token_life,
    hash_token,
    is_token,
    new_token,
)

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
SESSION = Session(UUID(int=1), UUID(int=2), frozenset({"password"}), NOON, NOON, NOON)

roles = st.sampled_from(Role)
factors = st.frozensets(st.sampled_from(Factor))


def counting(length: int) -> bytes:
    return bytes(range(length))


# ── Limits ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", Role)
def test_idle_is_half_an_hour_and_for_who_decides_over_others_a_quarter(role: Role) -> None:
    short = role in {Role.ADVISOR, Role.COMPLIANCE, Role.ADMIN}

    assert idle_limit(role) == timedelta(minutes=15 if short else 30)


@pytest.mark.parametrize("role", Role)
def test_a_session_lives_to_the_instant_before_its_idle_limit(role: Role) -> None:
    end = NOON + idle_limit(role)

    assert is_live(SESSION, role=role, now=end - INSTANT)
    assert not is_live(SESSION, role=role, now=end)


@pytest.mark.parametrize("role", Role)
def test_a_busy_session_lives_to_the_instant_before_twelve_hours(role: Role) -> None:
    end = NOON + timedelta(hours=12)
    busy = replace(SESSION, last_seen_at=end - INSTANT)

    assert is_live(busy, role=role, now=end - INSTANT)
    assert not is_live(busy, role=role, now=end)


def test_a_factor_counts_as_shown_just_now_for_five_minutes() -> None:
    actor = Actor(1, UUID(int=7), Role.OWNER, auth_time=NOON)

    require_recent(actor, NOON + timedelta(minutes=5) - INSTANT)
    with pytest.raises(StepUpNeededError) as refused:
        require_recent(actor, NOON + timedelta(minutes=5))
    assert str(refused.value) == "Prove again who you are: this needs a factor shown in the last 5 minutes."
    assert refused.value.age == timedelta(minutes=5)


def test_the_age_of_a_factor_can_be_asked_for() -> None:
    actor = Actor(1, UUID(int=7), Role.OWNER, auth_time=NOON)

    require_recent(actor, NOON + timedelta(minutes=59), timedelta(hours=1))
    with pytest.raises(StepUpNeededError, match="60 minutes"):
        require_recent(actor, NOON + timedelta(minutes=60), timedelta(hours=1))


def test_a_token_never_showed_a_factor_and_the_operator_need_not() -> None:
    require_recent(Actor(1), NOON)
    with pytest.raises(StepUpNeededError):
        require_recent(Actor(1, UUID(int=7), Role.OWNER, token_id=UUID(int=8)), NOON)


# ── Secrets ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_is_256_bits_of_which_a_hash_is_kept() -> None:
    secret = new_secret(counting)

    assert secret == urlsafe_b64encode(counting(32)).decode()[:43]
    assert hash_secret(secret) == sha256(secret.encode()).digest()


@pytest.mark.parametrize(
    "secret", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "+", "A" * 43 + "\n", "é" * 43]
)
def test_what_is_no_secret_of_ours_is_not_looked_up(secret: str) -> None:
    with pytest.raises(NotSignedInError) as refused:
        hash_secret(secret)
    assert str(refused.value) == "You are not signed in, or no longer. Sign in, or make a new token."
    with pytest.raises(LinkEndedError) as ended:
        hash_link(secret)
    assert str(ended.value).startswith("This link opens nothing any more, or was cut.")


def test_a_link_hides_its_secret_from_servers_and_logs() -> None:
    secret = new_secret(counting)
    link = NewLink(LinkPurpose.INVITATION, secret, NOON)

    assert link.address("https://book.example/") == f"https://book.example/invite#{secret}"
    assert secret not in repr(link)
    assert hash_link(secret) == hash_secret(secret)


def test_links_live_for_days_and_not_for_weeks() -> None:
    assert {purpose.value: life.total_seconds() / 3600 for purpose, life in LIFETIMES.items()} == {
        "setup": 24,
        "invitation": 72,
        "recovery": 24,
    }


def test_a_token_has_a_prefix_its_id_and_256_bits() -> None:
    token = new_token(counting)

    assert token.token_id == UUID("00010203-0405-4607-8809-0a0b0c0d0e0f")
    assert (
        token.text == "sy_00010203040546078809" + "0a0b0c0d0e0f_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    )
    assert token.hash == hash_token(token.text) == sha256(token.text.encode()).digest()
    assert token.text not in repr(token)
    assert is_token(token.text)


@given(st.binary(min_size=32, max_size=32))
def test_no_secret_of_a_session_has_the_form_of_a_token(random: bytes) -> None:
    assert not is_token(new_secret(lambda _: random))


@pytest.mark.parametrize("text", ["sy_", "sy_" + "0" * 76, "SY" + "_0" * 16, f"sy_{'0' * 32}_{'A' * 43}\n"])
def test_what_has_not_the_form_of_a_token_is_none(text: str) -> None:
    assert not is_token(text)


def test_a_token_lives_from_an_instant_to_a_year() -> None:
    check_token_life(NOON + INSTANT, NOON)
    check_token_life(NOON + LONGEST_LIFE, NOON)
    for end in (NOON, NOON + LONGEST_LIFE + INSTANT):
        with pytest.raises(TokenLifeError, match=f"{end:%Y-%m-%d %H:%M} UTC: it lives 365 days"):
            check_token_life(end, NOON)


# ── What was proved ─────────────────────────────────────────────────────────────────────────────────────

SUFFICE = (
    {"passkey"},
    {"oidc_mfa"},
    {"password", "totp"},
    {"password", "recovery_code"},
    {"oidc", "totp"},
    {"oidc", "recovery_code"},
)


@given(factors)
def test_two_factors_of_two_kinds_are_a_second_factor(shown: frozenset[Factor]) -> None:
    assert has_second_factor(shown) == any(set(shown) >= pair for pair in SUFFICE)


@pytest.mark.parametrize(
    ("tenant_requires", "enrolled"), [(False, False), (False, True), (True, False), (True, True)]
)
@pytest.mark.parametrize("role", Role)
def test_what_a_session_must_do_next(role: Role, tenant_requires: bool, enrolled: bool) -> None:  # noqa: FBT001 - the cases of a test
    def standing(*shown: str) -> Standing:
        return standing_of(shown, role=role, tenant_requires=tenant_requires, is_enrolled=enrolled)

    needed = tenant_requires or role in {Role.OWNER, Role.ADVISOR, Role.COMPLIANCE, Role.ADMIN}

    assert standing("password", "totp") is Standing.FULL
    if enrolled:
        assert standing("password") is Standing.MUST_SHOW
    else:
        assert standing("password") is (Standing.MUST_ENROL if needed else Standing.FULL)
