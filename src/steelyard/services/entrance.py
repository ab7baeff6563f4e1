"""What every way in has in common: what it needs, how tries are counted, and what it ends in.

A way in is two transactions or more: a try is counted, and committed, before anything is computed or asked for; who
asks is found by something exact (a login name, a passkey, a provider's person), and the rest works for them.
"""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from steelyard.errors import NotPermittedError
from steelyard.identity import Random
from steelyard.identity.attempts import (
    OF_A_SIGN_IN,
    OF_AN_ACCOUNT,
    OF_AN_ADDRESS,
    OF_CODES,
    PASSWORD_PERIOD,
    Tries,
    check_tries,
    counted_address,
)
from steelyard.identity.passwords import Passwords
from steelyard.identity.pending import NoSignInError
from steelyard.identity.session import Session, has_second_factor, hash_secret, new_secret
from steelyard.identity.vault import Vault
from steelyard.services.session import start_session
from steelyard.storage import attempts, challenges
from steelyard.storage.acting import NOBODY, Acting, act_as, current_acting
from steelyard.storage.challenges import Challenge, Purpose
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.factors import Factors, get_factors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from steelyard.identity.oauth import RelyingParty
    from steelyard.identity.passkeys import Site
    from steelyard.identity.provider_settings import SignInProvider

LIFETIME: Final = timedelta(minutes=10)
"""Of a sign-in that waits for its second factor, and of every question."""


class SignInFailedError(NotPermittedError):
    """Nobody is signed in. One answer: whether there is such a user, and which of the two was wrong, stays unsaid."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__(
            "Login name or password is wrong, or this user may not sign in. Check both and try again; who has lost "
            "the password asks an administrator for a recovery link."
        )


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a request comes from.

    Attributes:
        address: as it is known for sure: what a header says counts only from a proxy of ours.
        user_agent: what the browser calls itself.
    """

    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """What signing in needs; one for a process.

    Attributes:
        vault: opens what is sealed, and makes keyed hashes.
        passwords: hashes and compares.
        random: gives bytes that nobody can foresee.
        site: who we are to passkeys.
        relying: asks the providers.
        providers: by name, as the settings state them.
    """

    vault: Vault
    passwords: Passwords
    random: Random
    site: "Site"
    relying: "RelyingParty"
    providers: "Mapping[str, SignInProvider]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signed:
    """Somebody is signed in.

    Attributes:
        secret: opens the session; for the cookie, and kept nowhere here.
        session: the session.
        return_to: the page of ours to go to.
    """

    secret: str = field(repr=False)
    session: Session
    return_to: str = "/"


@dataclass(frozen=True, slots=True)
class SecondFactorNeeded:
    """A first factor was right, and a second one is to be shown.

    Attributes:
        secret: names what is half done, for a short-lived cookie; it says nothing itself.
        methods: what may be shown: totp, passkey, recovery_code.
        expires_at: until when.
        return_to: the page of ours to go to afterwards.
    """

    secret: str = field(repr=False)
    methods: tuple[str, ...]
    expires_at: datetime
    return_to: str = "/"


@dataclass(frozen=True, slots=True)
class HalfDone:
    """A sign-in that waits for its second factor."""

    tenant_id: int
    user_id: UUID
    asked: Challenge


def fold_login(login: str) -> str:
    """Give the one form of a login name that is written in several: width, case and spaces around do not matter.

    >>> fold_login(" Ada@Example.ORG ")
    'ada@example.org'
    """
    return unicodedata.normalize("NFKC", login).strip().casefold()


# ── Tries ───────────────────────────────────────────────────────────────────────────────────────────────


def account_bucket(entrance: Entrance, login: str) -> bytes:
    """Name what the tries with a login name are counted under, whether there is such a user or not."""
    return entrance.vault.index("tries of a login name", login)


def address_bucket(entrance: Entrance, visitor: Visitor) -> bytes:
    """Name what the tries from an address are counted under."""
    return entrance.vault.index("tries of an address", counted_address(visitor.address))


def code_bucket(entrance: Entrance, user_id: UUID) -> bytes:
    """Name what a user's tries of second factors are counted under."""
    return entrance.vault.index("tries of codes", str(user_id))


async def count_password_try(
    db: WriteSession, entrance: Entrance, login: str, visitor: Visitor, *, now: datetime
) -> None:
    """Count a try by account and by address; raises TooManyTriesError, which counts neither."""
    limits = {
        account_bucket(entrance, login): OF_AN_ACCOUNT,
        address_bucket(entrance, visitor): OF_AN_ADDRESS,
    }
    counted = await attempts.count_tries(db, limits, period=PASSWORD_PERIOD, now=now)
    for bucket, limit in limits.items():
        check_tries(Tries(*counted[bucket]), limit, now)


async def count_address_try(db: WriteSession, entrance: Entrance, visitor: Visitor, *, now: datetime) -> None:
    """Count a try of whoever it is by their address; raises TooManyTriesError."""
    bucket = address_bucket(entrance, visitor)
    counted = await attempts.count_tries(db, [bucket], period=PASSWORD_PERIOD, now=now)
    check_tries(Tries(*counted[bucket]), OF_AN_ADDRESS, now)


async def count_code_try(db: WriteSession, entrance: Entrance, user_id: UUID, *, now: datetime) -> None:
    """Count a try of a second factor; raises TooManyTriesError."""
    bucket = code_bucket(entrance, user_id)
    counted = await attempts.count_tries(db, [bucket], period=OF_CODES.period, now=now)
    check_tries(Tries(*counted[bucket]), OF_CODES, now)


async def forget_password_tries(
    db: WriteSession, entrance: Entrance, login: str, visitor: Visitor, *, now: datetime
) -> None:
    """Forget the tries of who was right; those of others from the same address stay counted."""
    own, shared = account_bucket(entrance, login), address_bucket(entrance, visitor)
    await attempts.forget_tries(db, own, shared=shared, before=now - OF_CODES.period)


async def forget_address_try(db: WriteSession, entrance: Entrance, visitor: Visitor) -> None:
    """Take back the try of who was right and needed no login name."""
    await attempts.take_back_try(db, address_bucket(entrance, visitor))


async def forget_code_tries(db: WriteSession, entrance: Entrance, user_id: UUID, *, now: datetime) -> None:
    """Forget the tries of second factors of who was right."""
    await attempts.forget_tries(db, code_bucket(entrance, user_id), before=now - OF_CODES.period)


# ── Who it is ───────────────────────────────────────────────────────────────────────────────────────────


async def act_for(db: WriteSession, tenant_id: int, user_id: UUID) -> Factors | None:
    """Let the rest of the transaction work for a user; what they sign in with, None = there is no such user now."""
    request_id = current_acting(NOBODY).request_id
    await act_as(db, Acting(tenant_id, f"user:{user_id}", user_id, request_id))
    return await get_factors(db, user_id)


async def act_for_active(db: WriteSession, found: tuple[int, UUID] | None) -> Factors:
    """As `act_for`, of somebody who may sign in; raises SignInFailedError."""
    user = None if found is None else await act_for(db, *found)
    if user is None or user.status != "active" or user.role == "service":
        raise SignInFailedError
    return user


async def act_in(db: WriteSession, tenant_id: int) -> None:
    """Let the rest of the transaction work in a tenant, for nobody in particular yet."""
    request_id = current_acting(NOBODY).request_id
    await act_as(db, Acting(tenant_id, "system:sign_in", request_id=request_id))


async def take_asked(
    db: WriteSession, challenge_hash: bytes, *purposes: Purpose, now: datetime
) -> Challenge | None:
    """Take away what is answered, whichever tenant it is of; None = nothing was asked there, or it was answered."""
    await act_as(db, NOBODY)
    found = await challenges.find_challenge(db, challenge_hash, *purposes, now=now)
    if found is not None and found[0] is not None:
        await act_in(db, found[0])
    return await challenges.take_challenge(db, challenge_hash, *purposes, now=now)


# ── What it ends in ─────────────────────────────────────────────────────────────────────────────────────


async def go_on(
    db: WriteSession,
    entrance: Entrance,
    visitor: Visitor,
    user: Factors,
    shown: frozenset[str],
    *,
    now: datetime,
    return_to: str = "/",
) -> Signed | SecondFactorNeeded:
    """Let somebody in who has shown enough, and ask everybody else for the second factor that they have."""
    if not user.has_second or has_second_factor(shown):
        return await let_in(db, entrance, visitor, user, shown, now=now, return_to=return_to)
    secret = new_secret(entrance.random)
    half = Challenge(
        hash=hash_secret(secret),
        purpose=Purpose.SECOND_FACTOR,
        user_id=user.user_id,
        epoch=user.epoch,
        factors=shown,
    )
    await challenges.add_challenge(db, half, expires_at=now + LIFETIME)
    return SecondFactorNeeded(secret, second_factors_of(user), now + LIFETIME, return_to)


def second_factors_of(user: Factors) -> tuple[str, ...]:
    """Return what a user may show as the second factor: totp, passkey, recovery_code."""
    methods = {
        "totp": user.totp_seed_sealed is not None,
        "passkey": user.passkeys > 0,
        "recovery_code": user.recovery_codes > 0,
    }
    return tuple(method for method, there in methods.items() if there)


async def let_in(
    db: WriteSession,
    entrance: Entrance,
    visitor: Visitor,
    user: Factors,
    shown: frozenset[str],
    *,
    now: datetime,
    return_to: str = "/",
) -> Signed:
    """Begin the session of somebody who has shown enough, or who has yet to enrol what the role asks for."""
    await challenges.delete_old_challenges(db, now=now)
    opened = await start_session(
        db,
        user.user_id,
        shown,
        epoch=user.epoch,
        now=now,
        random=entrance.random,
        address=visitor.address,
        user_agent=visitor.user_agent,
    )
    return Signed(opened.secret, opened.session, return_to)


async def find_half_done(db: WriteSession, secret: str | None, *, now: datetime) -> Factors:
    """Let the rest of the transaction work for whoever is half signed in; raises NoSignInError, SignInFailedError."""
    await act_as(db, NOBODY)
    found = await challenges.find_challenge(db, hash_of_cookie(secret), Purpose.SECOND_FACTOR, now=now)
    match found:
        case (int(tenant_id), UUID() as user_id):
            return await act_for_active(db, (tenant_id, user_id))
        case _:
            raise NoSignInError


async def try_second_factor(entrance: Entrance, secret: str | None, *, now: datetime) -> HalfDone:
    """Count an answer to what is half done, in a transaction of its own.

    Raises:
        NoSignInError: nothing is half done there, or it was answered five times.
        TooManyTriesError: too many codes of this account were wrong of late.
        SignInFailedError: the user may not sign in any more.
    """
    async with get_write_session() as db:
        user = await find_half_done(db, secret, now=now)
        await count_code_try(db, entrance, user.user_id, now=now)
        half = await challenges.try_challenge(
            db, hash_of_cookie(secret), Purpose.SECOND_FACTOR, most=OF_A_SIGN_IN, now=now
        )
        if half is None:
            raise NoSignInError
        return HalfDone(user.tenant_id, user.user_id, half)


async def take_half_done(db: WriteSession, half: HalfDone, *, now: datetime) -> Factors:
    """Take what is half done away in the transaction that ends it; whose it is.

    Raises:
        NoSignInError: somebody else ended it, or the user's factors changed meanwhile.
        SignInFailedError: the user may not sign in any more.
    """
    user = await act_for_active(db, (half.tenant_id, half.user_id))
    taken = await challenges.take_challenge(db, half.asked.hash, half.asked.purpose, now=now)
    if taken is None or taken.epoch != user.epoch:
        raise NoSignInError
    return user


def hash_of_cookie(secret: str | None) -> bytes:
    """Give what a cookie's secret is kept as; raises NoSignInError where it is none of ours."""
    try:
        return hash_secret(secret or "")
    except NotPermittedError as error:
        raise NoSignInError from error


async def login_of(db: WriteSession, entrance: Entrance, user: Factors) -> str:
    """Give a user's login name, to show it to them."""
    if user.login_sealed is None:
        return ""
    return await entrance.vault.unseal(db, "users", "login_sealed", str(user.user_id), user.login_sealed)
