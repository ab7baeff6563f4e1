"""Signing in at a provider: begun here, ended once, whatever comes of it.

What waits meanwhile stands in the browser's cookie, sealed; that it waits stands here, and ending it takes it away,
before the provider is asked anything.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from steelyard.errors import ConflictError, NotPermittedError
from steelyard.identity.id_token import Identity
from steelyard.identity.link import hash_link
from steelyard.identity.pending import NoSignInError, PendingSignIn, seal, unseal
from steelyard.identity.permissions import Actor, SecondFactorNeededError, Standing
from steelyard.identity.session import STEP_UP_AGE, Factor, NotSignedInError, require_recent
from steelyard.services.acceptance import Newcomer, accepted, take
from steelyard.services.entrance import (
    LIFETIME,
    Entrance,
    SecondFactorNeeded,
    Signed,
    Visitor,
    act_for_active,
    go_on,
)
from steelyard.services.factors import own_factors, record_change
from steelyard.services.link import find_link
from steelyard.services.session import step_up
from steelyard.storage import challenges
from steelyard.storage import factors as store
from steelyard.storage.acting import NOBODY, act_as
from steelyard.storage.challenges import Challenge, Purpose
from steelyard.storage.connection import WriteSession, get_write_session

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
        super().__init__(f"This account at {label} is linked to a user already. Use another one, or unlink it there.")


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


async def begin_sign_in(
    entrance: Entrance, name: str, *, now: datetime, return_to: str = "/"
) -> ProviderQuestion:
    """Send somebody to a provider to sign in; raises as `RelyingParty.begin_sign_in`."""
    return await _begin(entrance, name, Challenge(hash=b"", purpose=Purpose.SIGN_IN), now, return_to)


async def begin_step_up(
    entrance: Entrance, name: str, actor: Actor, *, now: datetime, return_to: str = "/"
) -> ProviderQuestion:
    """Send whoever is signed in to a provider to prove it there again; raises as `RelyingParty.begin_sign_in`."""
    asked = Challenge(hash=b"", purpose=Purpose.STEP_UP, session_id=actor.session_id)
    return await _begin(entrance, name, asked, now, return_to)


async def begin_linking(
    entrance: Entrance, name: str, actor: Actor, *, now: datetime, return_to: str = "/"
) -> ProviderQuestion:
    """Send whoever is signed in to a provider, whose person they then are here; raises StepUpNeededError too."""
    require_recent(actor, now)
    asked = Challenge(hash=b"", purpose=Purpose.IDENTITY, session_id=actor.session_id)
    return await _begin(entrance, name, asked, now, return_to)


async def begin_accepting(
    entrance: Entrance, name: str, link: str, *, now: datetime, return_to: str = "/"
) -> ProviderQuestion:
    """Send who has a one-time link to a provider, to accept it as its person; raises LinkEndedError too."""
    async with get_write_session() as db:
        await act_as(db, NOBODY)
        await find_link(db, link, now=now)
    asked = Challenge(hash=b"", purpose=Purpose.ACCEPT, link_hash=hash_link(link))
    return await _begin(entrance, name, asked, now, return_to)


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
        await act_as(db, NOBODY)
        asked = await challenges.take_challenge(db, pending.fingerprint, *PURPOSES, now=now)
    if asked is None:
        raise NoSignInError
    identity = await entrance.relying.finish_sign_in(name, query, pending)
    async with get_write_session() as db:
        match asked.purpose:
            case Purpose.STEP_UP:
                done = await _step_up(db, entrance, _same_session(asked, actor), name, identity, now=now)
            case Purpose.IDENTITY:
                done = await _link(db, entrance, _same_session(asked, actor), name, identity, now=now)
            case Purpose.ACCEPT:
                link_hash = asked.link_hash or b""
                done = await _accept(db, entrance, visitor, link_hash, name, identity, now=now)
            case _:
                return await _sign_in(db, entrance, visitor, pending, identity, now=now)
    return Signed(done.secret, done.session, pending.return_to)


async def _begin(
    entrance: Entrance, name: str, asked: Challenge, now: datetime, return_to: str
) -> ProviderQuestion:
    max_age = STEP_UP_AGE if asked.purpose is Purpose.STEP_UP else None
    begun = await entrance.relying.begin_sign_in(name, return_to=return_to, max_age=max_age)
    async with get_write_session() as db:
        await act_as(db, NOBODY)
        waiting = replace(asked, hash=begun.pending.fingerprint)
        await challenges.add_challenge(db, waiting, expires_at=now + LIFETIME)
    return ProviderQuestion(begun.url, seal(begun.pending, entrance.vault.cookie_key, entrance.random))


def _same_session(asked: Challenge, actor: Actor | None) -> Actor:
    if actor is None or actor.session_id != asked.session_id:
        raise NotSignedInError
    return actor


async def _sign_in(
    db: WriteSession,
    entrance: Entrance,
    visitor: Visitor,
    pending: PendingSignIn,
    identity: Identity,
    *,
    now: datetime,
) -> Signed | SecondFactorNeeded:
    """Sign in whom issuer and subject name; what else a provider says of a person names nobody."""
    provider = entrance.providers[pending.provider]
    found = await store.find_identity(db, identity.issuer, identity.subject)
    if found is None:
        raise UnknownIdentityError(provider.label)
    user = await act_for_active(db, found)
    shown = frozenset({provider.factor_of(identity)})
    return await go_on(db, entrance, visitor, user, shown, now=now, return_to=pending.return_to)


async def _step_up(
    db: WriteSession, entrance: Entrance, actor: Actor, name: str, identity: Identity, *, now: datetime
) -> Signed:
    """Renew what a session has shown; one factor at a provider suffices for who has no second one here."""
    provider = entrance.providers[name]
    if await store.find_identity(db, identity.issuer, identity.subject) != (actor.tenant_id, actor.user_id):
        raise OtherPersonError(provider.label)
    factor = provider.factor_of(identity)
    user = await own_factors(db, actor)
    if user.has_second and factor is Factor.OIDC:
        raise SecondFactorNeededError(Standing.MUST_SHOW)
    opened = await step_up(db, actor, {factor}, now=now, random=entrance.random)
    return Signed(opened.secret, opened.session)


async def _link(
    db: WriteSession, entrance: Entrance, actor: Actor, name: str, identity: Identity, *, now: datetime
) -> Signed:
    require_recent(actor, now)
    user = await own_factors(db, actor)
    if not await store.add_identity(db, user.user_id, identity.issuer, identity.subject):
        raise IdentityTakenError(entrance.providers[name].label)
    return await record_change(db, entrance, actor, user, "identity.link", now=now)


async def _accept(
    db: WriteSession,
    entrance: Entrance,
    visitor: Visitor,
    link_hash: bytes,
    name: str,
    identity: Identity,
    *,
    now: datetime,
) -> Signed:
    provider = entrance.providers[name]
    login = identity.email or identity.subject
    newcomer = Newcomer(login, identity.name or login)
    user = await take(db, entrance, link_hash, newcomer, now=now)
    if not await store.add_identity(db, user.user_id, identity.issuer, identity.subject):
        raise IdentityTakenError(provider.label)
    return await accepted(db, entrance, visitor, user, provider.factor_of(identity), now=now)
