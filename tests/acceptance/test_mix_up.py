"""Several providers at once, one of them an attacker; and providers that change their keys."""

import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from urllib.parse import parse_qsl, quote

import pytest

from evil_provider import (
    CLIENT,
    SECRET,
    EvilProvider,
    Lies,
    base64,
    changed,
    public,
    rsa_key,
    started,
    wrong_sign,
)
from openid import LOOPBACK, TLS
from steelyard.identity.id_token import IdTokenError, TokenDefect, UnknownKeyError
from steelyard.identity.oauth import CallbackDefect, CallbackError, RelyingParty
from steelyard.identity.pending import NoSignInError
from steelyard.identity.provider import Provider
from steelyard.network.outbound import Outbound


@pytest.fixture
def evil() -> Iterator[EvilProvider]:
    silent = Lies(
        metadata=changed(authorization_response_iss_parameter_supported=None),
        callback=lambda said: {"state": said["state"], "code": said["code"]},
    )
    with started({"honest": Lies(), "attacker": Lies(), "silent": silent}) as provider:
        yield provider


@pytest.fixture
async def relying(evil: EvilProvider) -> AsyncIterator[RelyingParty]:
    outbound = Outbound(LOOPBACK, tls=TLS)
    providers = [
        Provider(name, f"{evil.root}/{name}", CLIENT, SECRET, f"https://us.example/{name}")
        for name in evil.lies
    ]
    yield RelyingParty(providers, outbound, clock=lambda: evil.now, random=secrets.token_bytes)
    await outbound.close()


async def test_what_is_asked_and_redeemed(evil: EvilProvider, relying: RelyingParty) -> None:
    begun = await relying.begin_sign_in("honest")
    await relying.finish_sign_in("honest", evil.sign_in(begun.url), begun.pending)
    place, _, query = begun.url.partition("?")
    form, login = evil.forms[0]

    assert place == f"{evil.root}/honest/authorize"
    assert dict(parse_qsl(query)) == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": "https://us.example/honest",
        "scope": "openid email profile",
        "state": begun.pending.state,
        "nonce": begun.pending.nonce,
        "code_challenge": base64(sha256(begun.pending.verifier.encode()).digest()),
        "code_challenge_method": "S256",
    }
    assert dict(parse_qsl(form)) == {
        "grant_type": "authorization_code",
        "code": "a code",
        "redirect_uri": "https://us.example/honest",
        "code_verifier": begun.pending.verifier,
    }
    assert login == f"Basic {b64encode(f'{CLIENT}:{quote(SECRET)}'.encode()).decode()}"


@pytest.mark.parametrize(
    ("ways", "secret", "sent"),
    [
        (["client_secret_post"], SECRET, {"client_id": CLIENT, "client_secret": SECRET}),
        (["none"], None, {"client_id": CLIENT}),
    ],
)
async def test_other_ways_to_say_who_we_are(
    evil: EvilProvider, ways: list[str], secret: str | None, sent: dict[str, str]
) -> None:
    evil.lies["honest"] = Lies(
        metadata=lambda said: (
            said
            | {"token_endpoint_auth_methods_supported": ways}
            | {"authorization_endpoint": said["authorization_endpoint"] + "?tenant=7"}
        )
    )
    provider = Provider("honest", f"{evil.root}/honest", CLIENT, secret, "https://us.example/honest")
    outbound = Outbound(LOOPBACK, tls=TLS)
    relying = RelyingParty([provider], outbound, clock=lambda: evil.now, random=secrets.token_bytes)
    begun = await relying.begin_sign_in("honest")
    await relying.finish_sign_in("honest", evil.sign_in(begun.url), begun.pending)
    await outbound.close()
    form, login = evil.forms[0]

    assert "/authorize?tenant=7&response_type=code&" in begun.url
    assert login is None
    assert {name: value for name, value in parse_qsl(form) if name.startswith("client")} == sent


async def test_a_provider_that_does_not_name_itself_signs_in(
    evil: EvilProvider, relying: RelyingParty
) -> None:
    begun = await relying.begin_sign_in("silent")
    identity = await relying.finish_sign_in("silent", evil.sign_in(begun.url), begun.pending)

    assert identity.issuer == f"{evil.root}/silent"


@pytest.mark.parametrize("came_to", ["attacker", "honest"])
async def test_a_code_of_one_provider_is_never_shown_to_another(
    evil: EvilProvider, relying: RelyingParty, came_to: str
) -> None:
    """The browser leaves for the attacker, who sends it on to the honest one: whose callback comes back."""
    begun = await relying.begin_sign_in("attacker")
    sent_on = begun.url.replace("/attacker/", "/honest/")
    query = evil.sign_in(sent_on)
    evil.asked.clear()

    with pytest.raises(CallbackError) as refused:
        await relying.finish_sign_in(came_to, query, begun.pending)

    assert refused.value.defect == (
        CallbackDefect.ISSUER if came_to == "attacker" else CallbackDefect.PROVIDER
    )
    assert not [path for path in evil.asked if path.endswith("/token")]


async def test_a_callback_comes_in_time(evil: EvilProvider, relying: RelyingParty) -> None:
    begun = await relying.begin_sign_in("honest")
    query = evil.sign_in(begun.url)
    evil.now += timedelta(minutes=10)

    with pytest.raises(NoSignInError):
        await relying.finish_sign_in("honest", query, begun.pending)


async def test_new_keys_are_found_and_not_asked_for_often(evil: EvilProvider, relying: RelyingParty) -> None:
    async def sign_in() -> str:
        begun = await relying.begin_sign_in("honest")
        return (await relying.finish_sign_in("honest", evil.sign_in(begun.url), begun.pending)).subject

    assert await sign_in() == "ada"
    evil.lies["honest"] = Lies(header=changed(kid="new"), sign=wrong_sign)
    for _ in range(3):
        with pytest.raises(UnknownKeyError):
            await sign_in()
    assert evil.asked.count("/honest/keys") == 1

    evil.lies["honest"].keys = lambda _: {"keys": [public(rsa_key("wrong"), kid="new")]}
    evil.now += timedelta(seconds=30)
    assert [await sign_in(), await sign_in()] == ["ada", "ada"]
    assert evil.asked.count("/honest/keys") == 2
    assert evil.asked.count("/honest/.well-known/openid-configuration") == 1


async def test_a_step_up_wants_a_fresh_proof(evil: EvilProvider, relying: RelyingParty) -> None:
    five = timedelta(minutes=5)
    begun = await relying.begin_sign_in("honest", max_age=five)
    assert "max_age=300&prompt=login" in begun.url

    for ago, defect in (
        (295, None),
        (301, None),
        (306, TokenDefect.SIGNED_IN_AT),
        (None, TokenDefect.SIGNED_IN_AT),
    ):
        signed_in_at = None if ago is None else evil.now.timestamp() - ago
        evil.lies["honest"] = Lies(claims=changed(auth_time=signed_in_at))
        query = evil.sign_in(begun.url)
        if defect is None:
            identity = await relying.finish_sign_in("honest", query, begun.pending)
            assert identity.signed_in_at == evil.now - timedelta(seconds=ago or 0)
            continue
        with pytest.raises(IdTokenError) as refused:
            await relying.finish_sign_in("honest", query, begun.pending)
        assert refused.value.defect == defect
        assert await relying.finish_sign_in("honest", query, replace(begun.pending, max_age=None))


async def test_what_a_token_says_of_a_person_is_shown_and_not_believed(
    evil: EvilProvider, relying: RelyingParty
) -> None:
    async def sign_in(**claims: object) -> tuple[str | None, str | None, tuple[str, ...]]:
        evil.lies["honest"] = Lies(claims=changed(**claims))
        begun = await relying.begin_sign_in("honest")
        identity = await relying.finish_sign_in("honest", evil.sign_in(begun.url), begun.pending)
        return identity.email, identity.name, identity.methods

    nobody = (None, None, ())
    assert await sign_in(email="a@b.example", name="Ada", amr=["pwd", "otp"], email_verified=True) == (
        "a@b.example",
        "Ada",
        ("pwd", "otp"),
    )
    assert await sign_in(email="a@b.example", amr="pwd", auth_time=True) == nobody
    assert await sign_in(email="a@b.example", email_verified="true", name="x" * 321, amr=[7, ""]) == nobody
    assert await sign_in(name="x" * 320) == (None, "x" * 320, ())
    assert await sign_in(email=["a@b.example"], email_verified=True, name="Ada\u202e") == nobody
