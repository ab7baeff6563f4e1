"""What a provider's word is worth: as much as the settings say, and several providers are kept apart."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from entrances import (
    HERE,
    PASSWORD,
    CountingHasher,
    Person,
    actor_of,
    half_done,
    make_person,
    opened_entrance,
    session_of,
)
from evil_provider import CLIENT, SECRET, EvilProvider, Lies, changed, started
from openid import TLS
from steelyard.identity.oauth import CallbackError, RelyingParty, UnknownProviderError
from steelyard.identity.permissions import Role, Standing
from steelyard.identity.provider_settings import read_provider_file
from steelyard.network.outbound import Outbound, OutboundRules
from steelyard.services.entrance import Entrance, SecondFactorNeeded, Signed
from steelyard.services.factors import get_own_factors
from steelyard.services.provider import (
    UnknownIdentityError,
    begin_linking,
    begin_sign_in,
    begin_step_up,
    finish,
)
from steelyard.services.sign_in import finish_with_totp, sign_in_with_password
from steelyard.storage.embedded import EmbeddedServer

SAYS = {
    "plain": Lies(),
    "amr": Lies(claims=changed(amr=["pwd", "mfa"])),
    "acr": Lies(claims=changed(acr="urn:two")),
}
TABLE = """
[providers.{name}]
label = "The {name} one"
issuer = "{root}/{name}"
client_id = "{client}"
client_secret_file = "client.secret"
two_factor_methods = ["mfa"]
two_factor_contexts = ["urn:two"]
"""


@pytest.fixture(scope="module")
def evil() -> Iterator[EvilProvider]:
    with started(dict(SAYS)) as provider:
        yield provider


@pytest.fixture(scope="module")
def folder(evil: EvilProvider, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("settings")
    (made / "client.secret").write_text(SECRET)
    tables = (TABLE.format(name=name, root=evil.root, client=CLIENT) for name in SAYS)
    (made / "providers.toml").write_text('private_networks = ["127.0.0.0/8"]\n' + "".join(tables))
    return made


@pytest.fixture
async def entrance(
    own_database: EmbeddedServer,
    urls: Callable[[EmbeddedServer], tuple[str, str]],
    folder: Path,
    evil: EvilProvider,
) -> AsyncIterator[Entrance]:
    settings = read_provider_file(folder / "providers.toml", "https://us.example/{}".format)
    outbound = Outbound(OutboundRules(settings.private_networks), tls=TLS)
    known = [one.provider for one in settings.providers.values()]
    relying = RelyingParty(known, outbound, clock=lambda: evil.now, random=secrets.token_bytes)
    async with opened_entrance(urls(own_database), folder, CountingHasher()) as made:
        yield replace(made, relying=relying, providers=settings.providers)
    await outbound.close()


async def go(entrance: Entrance, evil: EvilProvider, name: str) -> Signed | SecondFactorNeeded:
    question = await begin_sign_in(entrance, name, now=evil.now)
    return await finish(entrance, HERE, name, evil.sign_in(question.url), question.cookie, now=evil.now)


async def linked(entrance: Entrance, evil: EvilProvider, name: str) -> tuple[Person, str]:
    """An owner with an app, linked to their person at a provider; the secret of their session."""
    ada = await make_person(entrance, Role.OWNER, totp=True)
    half = half_done(await sign_in_with_password(entrance, HERE, ada.login, PASSWORD, now=evil.now))
    actor = await actor_of(
        await finish_with_totp(entrance, HERE, half.secret, ada.code(evil.now), now=evil.now), evil.now
    )
    question = await begin_linking(entrance, name, actor, now=evil.now)
    query = evil.sign_in(question.url)
    ended = await finish(entrance, HERE, name, query, question.cookie, now=evil.now, actor=actor)
    return ada, session_of(ended).secret


@pytest.mark.parametrize("name", ["amr", "acr"])
async def test_who_is_believed_to_have_shown_two_is_in(
    entrance: Entrance, evil: EvilProvider, name: str
) -> None:
    ada, _ = await linked(entrance, evil, name)
    actor = await actor_of(session_of(await go(entrance, evil, name)), evil.now)

    assert (actor.user_id, actor.standing) == (ada.user_id, Standing.FULL)
    assert set(actor.factors) == {"oidc_mfa"}


async def test_who_says_nothing_is_asked_for_the_second(entrance: Entrance, evil: EvilProvider) -> None:
    await linked(entrance, evil, "plain")

    assert half_done(await go(entrance, evil, "plain")).methods == ("totp", "recovery_code")


async def test_a_word_that_no_setting_takes_is_worth_one_factor(
    entrance: Entrance, evil: EvilProvider
) -> None:
    await linked(entrance, evil, "amr")
    distrusted = {
        name: replace(one, two_factor_methods=frozenset()) for name, one in entrance.providers.items()
    }

    assert half_done(await go(replace(entrance, providers=distrusted), evil, "amr"))


async def test_the_same_name_at_another_provider_is_another_person(
    entrance: Entrance, evil: EvilProvider
) -> None:
    await linked(entrance, evil, "plain")

    with pytest.raises(UnknownIdentityError, match="The amr one"):
        await go(entrance, evil, "amr")
    with pytest.raises(UnknownProviderError, match="plain, amr, acr"):
        await begin_sign_in(entrance, "other", now=evil.now)


async def test_what_began_at_one_does_not_end_at_another(entrance: Entrance, evil: EvilProvider) -> None:
    await linked(entrance, evil, "plain")
    question = await begin_sign_in(entrance, "plain", now=evil.now)

    with pytest.raises(CallbackError):
        await finish(entrance, HERE, "amr", evil.sign_in(question.url), question.cookie, now=evil.now)


async def test_two_factors_there_step_up_here(entrance: Entrance, evil: EvilProvider) -> None:
    ada, _ = await linked(entrance, evil, "amr")
    actor = await actor_of(session_of(await go(entrance, evil, "amr")), evil.now)
    evil.lies["amr"].claims = changed(amr=["mfa"], auth_time=evil.now.timestamp())
    question = await begin_step_up(entrance, "amr", actor, now=evil.now)
    query = evil.sign_in(question.url)
    ended = await finish(entrance, HERE, "amr", query, question.cookie, now=evil.now, actor=actor)
    again = await actor_of(session_of(ended), evil.now)

    assert again.user_id == ada.user_id
    assert [one.issuer for one in (await get_own_factors(again)).identities] == [f"{evil.root}/amr"]
