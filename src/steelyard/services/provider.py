"""Signing in at a provider: begun here, ended once, whatever comes of it.

What waits meanwhile stands in the browser's cookie, sealed; that it waits stands here, and ending it takes it away,
before the provider is asked anything.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from steelyard.errors import ConflictError, NotPermittedError
from steelyard.identity.id_token import Identity
from steelyard.identity.link import hash_link
from steelyard.identity.pending import NoSignInError, seal, unseal
from steelyard.identity.permissions import Actor, SecondFactorNeededError, Standing
from steelyard.identity.provider_settings import SignInProvider
from steelyard.identity.session import STEP_UP_AGE, Factor, NotSignedInError, require_recent
from steelyard.services.acceptance import Newcomer, accepted, take
from steelyard.services.entrance import (
    LIFETIME,
    Entrance,
    SecondFactorNeeded,
    Signed,
    Visitor,
    act_for_active,
    act_in,
    go_on,
    take_asked,
)
from steelyard.services.factors import own_factors, record_change
from steelyard.services.link import find_link
from steelyard.services.session import step_up
from steelyard.storage import challenges
from steelyard.storage import factors as store
from steelyard.storage.acting import NOBODY, act_as
from steelyard.storage.challenges import Challenge, Purpose
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.factors import Factors

PURPOSES = (Purpose.SIGN_IN, Purpose.STEP_UP, Purpose.IDENTITY, Purpose.ACCEPT)


class UnknownIdentityError(NotPermittedError):
    """No user here is the person of the provider."""

    def __init__(self, label: str) -> None:
        """Name the provider; who the person is there has just been proved to them."""
        super().__init__(
            f"No user here is linked to your account at {label}. Sign in another way and link it, or open it from an "
            "invitation."
        )


class IdentityTakenError(ConflictError):
    """The person of the provider is somebody here already."""

    def __init__(self, label: str) -> None:
        """Name the provider; not who it is."""
        super().__init__(
            f"This account at {label} is linked to a user already. Use another one, or unlink it there."
        )


class OtherPersonError(NotPermittedError):
    """Somebody else proved at the provider who they are."""

    def __init__(self, label: str) -> None:
        """Name the provider."""
        super().__init__(f"The account at {label} is not linked to you. Sign in there with your own.")


@dataclass(frozen=True, slots=True)
class ProviderQuestion:
    """Where to send the browser, and what it is to keep until it comes back.

    Attributes:
        url: the provider's.
        cookie: sealed; for ten minutes.
    """

    url: str = field(repr=False)
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Proved:
    """Who somebody has just proved to be, and to whom."""

    provider: SignInProvider
    identity: Identity

    @property
    def factor(self) -> Factor:
        return self.provider.factor_of(self.identity)


async def begin_sign_in(
    entrance: Entrance, name: str, *, now: datetime, return_to: str = "/"
) -> ProviderQuestion:
    """Send somebody to a provider to sign in; raises as `RelyingParty.begin_sign_in`."""
    asked = Challenge(hash=b"", purpose=Purpose.SIGN_IN)
    return await _begin(entrance, name, asked, None, now=now, return_to=return_to)


async def begin_step_up(
    entrance: Entrance, name: str, actor: Actor, *, now: datetime, return_to: str = "/"
) -> ProviderQuestion:
    """Send whoever is signed in to a provider to prove it there again; raises as `RelyingParty.begin_sign_in`."""
    asked = Challenge(hash=b"", purpose=Purpose.STEP_UP, session_id=actor.session_id)
    return await _begin(entrance, name, asked, actor.tenant_id, now=now, return_to=return_to)


async def begin_linking(
    entrance: Entrance, name: str, actor: Actor, *, now: datetime, return_to: str = "/"
) -> ProviderQuestion:
    """Send whoever is signed in to a provider, whose person they then are here; raises StepUpNeededError too."""
    require_recent(actor, now)
    asked = Challenge(hash=b"", purpose=Purpose.IDENTITY, session_id=actor.session_id)
    return await _begin(entrance, name, asked, actor.tenant_id, now=now, return_to=return_to)


async def begin_accepting(
    entrance: Entrance, name: str, link: str, *, now: datetime, return_to: str = "/"
) -> ProviderQuestion:
    """Send who has a one-time link to a provider, to accept it as its person; raises LinkEndedError too."""
    async with get_write_session() as db:
        await act_as(db, NOBODY)
        found = await find_link(db, link, now=now)
    asked = Challenge(hash=b"", purpose=Purpose.ACCEPT, link_hash=hash_link(link))
    return await _begin(entrance, name, asked, found.tenant_id, now=now, return_to=return_to)


async def finish(
    entrance: Entrance,
    visitor: Visitor,
    name: str,
    query: str,
    cookie: str | None,
    *,
    now: datetime,
    actor: Actor | None = None,
) -> Signed | SecondFactorNeeded:
    """End what was begun at a provider, with what it sent back.

    Args:
        entrance: what signing in needs.
        visitor: where the request comes from.
        name: the provider to whose address of ours the browser came.
        query: the callback's query, as it stood in the address.
        cookie: what this browser kept.
        now: the time, with its zone.
        actor: whoever is signed in, where somebody is.

    Raises:
        NoSignInError: nothing is under way in this browser, or it was ended before.
        NotSignedInError: it was begun in a session that this is not.
        UnknownIdentityError, OtherPersonError, IdentityTakenError: whose the provider's person is here.
        LinkEndedError: the one-time link was used meanwhile.
        SignInFailedError: the user may not sign in.
        SteelyardError: as `RelyingParty.finish_sign_in`: nobody is signed in.
    """
    pending = unseal(cookie, entrance.vault.cookie_key, now)
    async with get_write_session() as db:
        asked = await take_asked(db, pending.fingerprint, *PURPOSES, now=now)
    if asked is None:
        raise NoSignInError
    identity = await entrance.relying.finish_sign_in(name, query, pending)
    proved = _Proved(entrance.providers[name], identity)
    async with get_write_session() as db:
        match asked.purpose:
            case Purpose.STEP_UP:
                done = await _step_up(db, entrance, proved, _same_session(asked, actor), now=now)
            case Purpose.IDENTITY:
                done = await _link(db, entrance, proved, _same_session(asked, actor), now=now)
            case Purpose.ACCEPT:
                done = await _accept(db, entrance, proved, visitor, asked.link_hash or b"", now=now)
            case _:
                return await _sign_in(db, entrance, proved, visitor, pending.return_to, now=now)
    return Signed(done.secret, done.session, pending.return_to)


async def _begin(
    entrance: Entrance,
    name: str,
    asked: Challenge,
    tenant_id: int | None,
    *,
    now: datetime,
    return_to: str,
) -> ProviderQuestion:
    max_age = STEP_UP_AGE if asked.purpose is Purpose.STEP_UP else None
    begun = await entrance.relying.begin_sign_in(name, return_to=return_to, max_age=max_age)
    async with get_write_session() as db:
        await (act_as(db, NOBODY) if tenant_id is None else act_in(db, tenant_id))
        waiting = replace(asked, hash=begun.pending.fingerprint)
        await challenges.add_challenge(db, waiting, expires_at=now + LIFETIME)
    return ProviderQuestion(begun.url, seal(begun.pending, entrance.vault.cookie_key, entrance.random))


def _same_session(asked: Challenge, actor: Actor | None) -> Actor:
    if actor is None or actor.session_id != asked.session_id:
        raise NotSignedInError
    return actor


async def _sign_in(
    db: WriteSession, entrance: Entrance, proved: _Proved, visitor: Visitor, return_to: str, *, now: datetime
) -> Signed | SecondFactorNeeded:
    """Sign in whom issuer and subject name; what else a provider says of a person names nobody."""
    await act_as(db, NOBODY)
    found = await store.find_identity(db, proved.identity.issuer, proved.identity.subject)
    if found is None:
        raise UnknownIdentityError(proved.provider.label)
    user = await act_for_active(db, found)
    return await go_on(db, entrance, visitor, user, frozenset({proved.factor}), now=now, return_to=return_to)


async def _step_up(
    db: WriteSession, entrance: Entrance, proved: _Proved, actor: Actor, *, now: datetime
) -> Signed:
    """Renew what a session has shown; one factor at a provider suffices for who has no second one here."""
    user = await own_factors(db, actor)
    found = await store.find_identity(db, proved.identity.issuer, proved.identity.subject)
    if found != (user.tenant_id, user.user_id):
        raise OtherPersonError(proved.provider.label)
    if user.has_second and proved.factor is Factor.OIDC:
        raise SecondFactorNeededError(Standing.MUST_SHOW)
    opened = await step_up(db, actor, {proved.factor}, now=now, random=entrance.random)
    return Signed(opened.secret, opened.session)


async def _link(
    db: WriteSession, entrance: Entrance, proved: _Proved, actor: Actor, *, now: datetime
) -> Signed:
    """Let a provider's person be the user from now on."""
    require_recent(actor, now)
    user = await own_factors(db, actor)
    await _keep(db, proved, user)
    return await record_change(db, entrance, actor, user, "identity.link", now=now)


async def _accept(
    db: WriteSession,
    entrance: Entrance,
    proved: _Proved,
    visitor: Visitor,
    link_hash: bytes,
    *,
    now: datetime,
) -> Signed:
    """Let a provider's person be whom a one-time link is for."""
    await act_as(db, NOBODY)
    login = proved.identity.email or proved.identity.subject
    newcomer = Newcomer(login, proved.identity.name or login)
    user = await take(db, entrance, link_hash, newcomer, now=now)
    await _keep(db, proved, user)
    return await accepted(db, entrance, visitor, user, proved.factor, now=now)


async def _keep(db: WriteSession, proved: _Proved, user: Factors) -> None:
    if not await store.add_identity(db, user.user_id, proved.identity.issuer, proved.identity.subject):
        raise IdentityTakenError(proved.provider.label)
