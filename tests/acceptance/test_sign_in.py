"""Signing in at the certified OpenID provider, end to end, as a browser does it."""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from openid import LOOPBACK, TLS, certified_provider, deny, sign_in
from steelyard.identity.id_token import Identity, IdTokenError, TokenDefect
from steelyard.identity.oauth import CallbackDefect, CallbackError, RelyingParty, SignInRefusedError
from steelyard.identity.pending import NoSignInError, PendingSignIn, seal, unseal
from steelyard.identity.provider import Provider
from steelyard.network.outbound import Outbound

HOME = "http://127.0.0.1:9/callback"
KEY = secrets.token_bytes(32)
SECRETS = {"RS256": "a secret: + / %", "PS256": "a secret: + / %", "ES256": "a secret: + / %", "EdDSA": None}


def now() -> datetime:
    return datetime.now(UTC)


def rewritten(query: str, **changes: str | None) -> str:
    stated = {name: values[0] for name, values in parse_qs(query).items()} | changes
    return urlencode({name: value for name, value in stated.items() if value is not None})


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with certified_provider(HOME) as started:
        yield started


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    way = Outbound(LOOPBACK, tls=TLS)
    yield way
    await way.close()


@pytest.fixture
def provider(request: pytest.FixtureRequest, issuer: str) -> Provider:
    algorithm = getattr(request, "param", "RS256")
    return Provider(
        name="certified",
        issuer=issuer,
        client_id=f"steelyard-{algorithm}",
        client_secret=SECRETS[algorithm],
        redirect_uri=HOME,
        algorithms=frozenset({algorithm}),
    )


@pytest.fixture
def relying(provider: Provider, outbound: Outbound) -> RelyingParty:
    return RelyingParty([provider], outbound, clock=now, random=secrets.token_bytes)


async def go(relying: RelyingParty, login: str = "ada", **step_up: timedelta) -> tuple[str, PendingSignIn]:
    """Sign in up to the callback; what waits meanwhile goes through a sealed cookie."""
    begun = await relying.begin_sign_in("certified", return_to="/accounts", **step_up)
    cookie = seal(begun.pending, KEY, secrets.token_bytes)
    query = sign_in(begun.url, login, HOME)
    return query, unseal(cookie, KEY, now())


@pytest.mark.parametrize("provider", SECRETS, indirect=True)
async def test_a_person_signs_in(relying: RelyingParty, provider: Provider) -> None:
    query, pending = await go(relying)
    identity = await relying.finish_sign_in("certified", query, pending)

    assert pending.return_to == "/accounts"
    assert identity == Identity(
        issuer=provider.issuer,
        subject="ada",
        email="ada@example.org",
        name="The ada",
        methods=(),
        signed_in_at=None,
    )


async def test_a_step_up_says_when_they_signed_in(relying: RelyingParty) -> None:
    before = now().replace(microsecond=0)
    query, pending = await go(relying, max_age=timedelta(minutes=5))
    identity = await relying.finish_sign_in("certified", query, pending)

    assert identity.signed_in_at is not None
    assert before <= identity.signed_in_at <= now()


async def test_a_replay_is_refused(relying: RelyingParty) -> None:
    query, pending = await go(relying)
    await relying.finish_sign_in("certified", query, pending)

    with pytest.raises(SignInRefusedError, match="invalid_grant"):
        await relying.finish_sign_in("certified", query, pending)


async def test_a_callback_in_another_browser_is_refused(relying: RelyingParty) -> None:
    query, _ = await go(relying)
    _, other = await go(relying, "mallory")

    with pytest.raises(CallbackError) as refused:
        await relying.finish_sign_in("certified", query, other)
    with pytest.raises(NoSignInError):
        unseal(None, KEY, now())

    assert refused.value.defect == CallbackDefect.STATE


async def test_the_code_of_another_sign_in_is_refused(relying: RelyingParty) -> None:
    """Injected: the attacker's own code in the victim's callback. PKCE makes the provider refuse it."""
    query, _ = await go(relying, "mallory")
    begun = await relying.begin_sign_in("certified")
    injected = rewritten(query, state=begun.pending.state)

    with pytest.raises(SignInRefusedError, match="invalid_grant"):
        await relying.finish_sign_in("certified", injected, begun.pending)


async def test_the_token_of_another_sign_in_is_refused(relying: RelyingParty) -> None:
    query, pending = await go(relying)

    with pytest.raises(IdTokenError) as refused:
        await relying.finish_sign_in("certified", query, replace(pending, nonce="another"))

    assert refused.value.defect == TokenDefect.NONCE


@pytest.mark.parametrize("iss", [None, "", "https://other.example", "http://127.0.0.1"])
async def test_a_callback_that_names_another_issuer_or_none_is_refused(
    relying: RelyingParty, iss: str | None
) -> None:
    query, pending = await go(relying)

    with pytest.raises(CallbackError) as refused:
        await relying.finish_sign_in("certified", rewritten(query, iss=iss), pending)

    assert refused.value.defect == CallbackDefect.ISSUER


async def test_who_changes_their_mind_is_not_signed_in(relying: RelyingParty) -> None:
    begun = await relying.begin_sign_in("certified")
    query = deny(begun.url, HOME)

    with pytest.raises(SignInRefusedError, match="access_denied"):
        await relying.finish_sign_in("certified", query, begun.pending)


async def test_what_is_asked_for(relying: RelyingParty, provider: Provider) -> None:
    begun = await relying.begin_sign_in("certified")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.url).query).items()}

    assert begun.url.startswith(f"{provider.issuer}/auth?")
    assert len(asked.pop("code_challenge")) == 43
    assert asked == {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": HOME,
        "scope": "openid email profile",
        "state": begun.pending.state,
        "nonce": begun.pending.nonce,
        "code_challenge_method": "S256",
    }
