"""Signing in at the certified OpenID provider, through the services and into sessions of the store."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

import openid
from entrances import (
    HERE,
    PASSWORD,
    CountingHasher,
    Person,
    actor_of,
    at_once,
    events_of,
    half_done,
    make_person,
    notices_of,
    opened_entrance,
    session_of,
)
from openid import TLS, certified_provider, deny
from steelyard.identity.link import LinkEndedError, LinkPurpose
from steelyard.identity.oauth import CallbackError, RelyingParty, SignInRefusedError
from steelyard.identity.pending import NoSignInError
from steelyard.identity.permissions import Actor, Role, SecondFactorNeededError
from steelyard.identity.provider_settings import read_provider_file
from steelyard.identity.session import NotSignedInError, StepUpNeededError
from steelyard.network.outbound import Outbound, OutboundRules
from steelyard.services.acceptance import accept_with_password
from steelyard.services.entrance import Entrance, SecondFactorNeeded, Signed
from steelyard.services.factors import LastWayInError, get_own_factors, remove_password, unlink_identity
from steelyard.services.link import make_link
from steelyard.services.provider import (
    IdentityTakenError,
    OtherPersonError,
    ProviderQuestion,
    UnknownIdentityError,
    begin_accepting,
    begin_linking,
    begin_sign_in,
    begin_step_up,
    finish,
)
from steelyard.services.sign_in import finish_with_totp, sign_in_with_password
from steelyard.storage.acting import OPERATOR, acting_as
from steelyard.storage.connection import get_write_session
from steelyard.storage.embedded import EmbeddedServer

HOME = "http://127.0.0.1:9/callback"
SETTINGS = """
private_networks = ["127.0.0.0/8"]

[providers.certified]
label = "Example Corp"
issuer = "{issuer}"
client_id = "steelyard-RS256"
client_secret_file = "certified.secret"
algorithms = ["RS256"]
"""


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with certified_provider(HOME) as started:
        yield started


@pytest.fixture(scope="module")
def folder(issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the settings and the keys, as an operator has one."""
    made = tmp_path_factory.mktemp("settings")
    (made / "certified.secret").write_text("a secret: + / %\n")
    (made / "providers.toml").write_text(SETTINGS.format(issuer=issuer))
    return made


@pytest.fixture
async def entrance(
    database: EmbeddedServer, urls: Callable[[EmbeddedServer], tuple[str, str]], folder: Path
) -> AsyncIterator[Entrance]:
    settings = read_provider_file(folder / "providers.toml", lambda _: HOME)
    outbound = Outbound(OutboundRules(settings.private_networks), tls=TLS)
    known = [one.provider for one in settings.providers.values()]
    relying = RelyingParty(known, outbound, clock=now, random=secrets.token_bytes)
    async with opened_entrance(urls(database), folder, CountingHasher()) as made:
        yield replace(made, relying=relying, providers=settings.providers)
    await outbound.close()


async def come_back(question: ProviderQuestion, login: str) -> str:
    """Go through the provider's pages; the query with which the browser comes back."""
    return await asyncio.to_thread(openid.sign_in, question.url, login, HOME)


async def go(
    entrance: Entrance, question: ProviderQuestion, login: str, actor: Actor | None = None
) -> Signed | SecondFactorNeeded:
    query = await come_back(question, login)
    return await finish(entrance, HERE, "certified", query, question.cookie, now=now(), actor=actor)


async def sign_in(entrance: Entrance, person: Person) -> Actor:
    ended = await sign_in_with_password(entrance, HERE, person.login, PASSWORD, now=now())
    if isinstance(ended, SecondFactorNeeded):
        ended = await finish_with_totp(entrance, HERE, ended.secret, person.code(now()), now=now())
    return await actor_of(ended, now())


async def linked(entrance: Entrance, login: str, *, totp: bool = False) -> tuple[Person, Actor]:
    """A user whom the provider knows by a login, signed in."""
    made = await make_person(entrance, totp=totp)
    actor = await sign_in(entrance, made)
    question = await begin_linking(entrance, "certified", actor, now=now())
    signed = session_of(await go(entrance, question, login, actor))
    return made, await actor_of(signed, now())


async def link_for(user_id: UUID | None, purpose: LinkPurpose) -> str:
    with acting_as(OPERATOR):
        async with get_write_session() as db:
            return (await make_link(db, purpose, user_id, now=now(), random=secrets.token_bytes)).secret


async def test_who_is_linked_signs_in_and_is_told_of_the_link(entrance: Entrance) -> None:
    ada, mine = await linked(entrance, "ada")
    question = await begin_sign_in(entrance, "certified", now=now(), return_to="/accounts")
    signed = session_of(await go(entrance, question, "ada"))
    actor = await actor_of(signed, now())

    assert (actor.user_id, set(actor.factors), signed.return_to) == (ada.user_id, {"oidc"}, "/accounts")
    assert await notices_of(ada) == await events_of(ada) == ["identity.link"]
    assert [one.subject for one in (await get_own_factors(mine)).identities] == ["ada"]


async def test_nobody_is_found_by_what_else_a_provider_says(entrance: Entrance) -> None:
    """The provider vouches for bob@example.org; a user of that login name is not Bob for that."""
    await make_person(entrance, login="bob@example.org")
    question = await begin_sign_in(entrance, "certified", now=now())

    with pytest.raises(UnknownIdentityError, match="Example Corp"):
        await go(entrance, question, "bob")


async def test_a_callback_counts_once_however_often_it_comes(entrance: Entrance) -> None:
    await linked(entrance, "carol")
    question = await begin_sign_in(entrance, "certified", now=now())
    query = await come_back(question, "carol")
    signed, refused = await at_once(
        *(finish(entrance, HERE, "certified", query, question.cookie, now=now()) for _ in range(10))
    )

    assert len(signed) == 1
    assert set(refused) == {NoSignInError}


async def test_another_browser_ends_nothing(entrance: Entrance) -> None:
    await linked(entrance, "dora")
    question = await begin_sign_in(entrance, "certified", now=now())
    other = await begin_sign_in(entrance, "certified", now=now())
    query = await come_back(question, "dora")
    for cookie, error in (
        (None, NoSignInError),
        (other.cookie[:-4], NoSignInError),
        (other.cookie, CallbackError),
    ):
        with pytest.raises(error):
            await finish(entrance, HERE, "certified", query, cookie, now=now())
    late = now() + timedelta(minutes=10)
    with pytest.raises(NoSignInError):
        await finish(entrance, HERE, "certified", query, question.cookie, now=late)

    session_of(await finish(entrance, HERE, "certified", query, question.cookie, now=now()))


async def test_what_the_provider_refuses_is_over(entrance: Entrance) -> None:
    question = await begin_sign_in(entrance, "certified", now=now())
    query = await asyncio.to_thread(deny, question.url, HOME)

    for error in (SignInRefusedError, NoSignInError):
        with pytest.raises(error):
            await finish(entrance, HERE, "certified", query, question.cookie, now=now())


async def test_a_second_factor_here_is_asked_for_after_one_there(entrance: Entrance) -> None:
    ada, _ = await linked(entrance, "erin", totp=True)
    question = await begin_sign_in(entrance, "certified", now=now(), return_to="/orders")
    half = half_done(await go(entrance, question, "erin"))
    soon = now() + timedelta(seconds=30)  # the code of now was used to sign in
    signed = await finish_with_totp(entrance, HERE, half.secret, ada.code(soon), now=soon)

    assert half.return_to == "/orders"
    assert set((await actor_of(signed, soon)).factors) == {"oidc", "totp"}


async def test_one_person_of_a_provider_is_one_user(entrance: Entrance) -> None:
    await linked(entrance, "gina")
    eve = await sign_in(entrance, await make_person(entrance))
    question = await begin_linking(entrance, "certified", eve, now=now())

    with pytest.raises(IdentityTakenError):
        await go(entrance, question, "gina", eve)


async def test_a_link_needs_a_fresh_factor_and_the_session_that_began_it(entrance: Entrance) -> None:
    ada = await make_person(entrance)
    actor, other = await sign_in(entrance, ada), await sign_in(entrance, ada)
    with pytest.raises(StepUpNeededError):
        await begin_linking(entrance, "certified", actor, now=now() + timedelta(minutes=5))
    for who in (None, other):
        question = await begin_linking(entrance, "certified", actor, now=now())
        with pytest.raises(NotSignedInError):
            await go(entrance, question, "henry", who)

    assert (await get_own_factors(actor)).identities == []


async def test_a_step_up_proves_the_same_person_again(entrance: Entrance) -> None:
    _, actor = await linked(entrance, "iris")
    began = now().replace(microsecond=0)
    await linked(entrance, "mallory")
    for other in ("mallory", "nobody-here"):
        question = await begin_step_up(entrance, "certified", actor, now=now(), return_to="/settings")
        with pytest.raises(OtherPersonError):
            await go(entrance, question, other, actor)
    question = await begin_step_up(entrance, "certified", actor, now=now(), return_to="/settings")
    signed = session_of(await go(entrance, question, "iris", actor))
    again = await actor_of(signed, now())

    assert "max_age=300" in question.url
    assert again.auth_time is not None
    assert again.auth_time >= began
    assert again.session_id == actor.session_id
    assert signed.return_to == "/settings"


async def test_one_factor_there_steps_nobody_up_who_has_two(entrance: Entrance) -> None:
    _, actor = await linked(entrance, "judy", totp=True)
    question = await begin_step_up(entrance, "certified", actor, now=now())

    with pytest.raises(SecondFactorNeededError):
        await go(entrance, question, "judy", actor)


async def test_an_invitation_is_accepted_at_a_provider(entrance: Entrance) -> None:
    ada = await make_person(entrance, Role.VIEWER, status="invited", password=None)
    link = await link_for(ada.user_id, LinkPurpose.INVITATION)
    question = await begin_accepting(entrance, "certified", link, now=now())
    signed = session_of(await go(entrance, question, "kim"))
    actor = await actor_of(signed, now())
    with pytest.raises(LinkEndedError):
        await begin_accepting(entrance, "certified", link, now=now())

    assert actor.user_id == ada.user_id
    assert (await events_of(ada))[-1] == "link.accept"
    session_of(await go(entrance, await begin_sign_in(entrance, "certified", now=now()), "kim"))


async def test_of_two_who_accept_one_link_one_is_let_in(entrance: Entrance) -> None:
    ada = await make_person(entrance, Role.VIEWER, status="invited", password=None)
    link = await link_for(ada.user_id, LinkPurpose.INVITATION)
    question = await begin_accepting(entrance, "certified", link, now=now())
    await accept_with_password(entrance, HERE, link, PASSWORD, now=now())

    with pytest.raises(LinkEndedError):
        await go(entrance, question, "liam")


async def test_what_was_unlinked_signs_nobody_in(entrance: Entrance) -> None:
    _, actor = await linked(entrance, "mona")
    identity = (await get_own_factors(actor)).identities[0]
    only = await actor_of(await remove_password(entrance, actor, now=now()), now())
    with pytest.raises(LastWayInError):
        await unlink_identity(entrance, only, identity.issuer, identity.subject, now=now())
    other, second = await linked(entrance, "nora")
    gone = (await get_own_factors(second)).identities[0]
    await unlink_identity(entrance, second, gone.issuer, gone.subject, now=now())

    session_of(await go(entrance, await begin_sign_in(entrance, "certified", now=now()), "mona"))
    with pytest.raises(UnknownIdentityError):
        await go(entrance, await begin_sign_in(entrance, "certified", now=now()), "nora")
    assert (await events_of(other))[-1] == "identity.unlink"
