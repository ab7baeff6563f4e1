"""What users sign in with: passwords, authenticator apps, recovery codes, and who they are at providers.

To change any of it takes a factor shown a short while ago; it ends every other session, and the user is told.
"""

from base64 import b32encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from steelyard.errors import ConflictError, NotFoundError
from steelyard.identity.mfa import check_code, enrolment_address, make_recovery_codes, new_seed
from steelyard.identity.passwords import check_new_password
from steelyard.identity.permissions import Actor, Role, needs_second_factor
from steelyard.identity.session import Factor, NotSignedInError, require_recent
from steelyard.services.entrance import (
    LIFETIME,
    Entrance,
    Signed,
    count_code_try,
    forget_code_tries,
    login_of,
)
from steelyard.services.session import end_everything_else
from steelyard.storage import challenges
from steelyard.storage import factors as store
from steelyard.storage.acting import act_as
from steelyard.storage.audit import record_event
from steelyard.storage.challenges import Challenge, Purpose
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.factors import Factors, LinkedIdentity
from steelyard.storage.notice import add_notice
from steelyard.storage.passkeys import KeptPasskey, list_passkeys

ISSUER = "Steelyard"


class LastWayInError(ConflictError):
    """Nothing would be left to sign in with."""

    def __init__(self) -> None:
        """Say what to do first."""
        super().__init__(
            "You would have nothing left to sign in with. Set a password, register a passkey or link a provider first."
        )


class LastSecondFactorError(ConflictError):
    """No second factor would be left, and one is needed."""

    def __init__(self) -> None:
        """Say what to do first."""
        super().__init__(
            "Your role needs a second factor, and this is your last one. Enrol another app or passkey first."
        )


class NoEnrolmentError(NotFoundError):
    """No app is being enrolled in this session."""

    def __init__(self) -> None:
        """Say what may have happened."""
        super().__init__(
            "No app is being enrolled in this session, or it was begun more than ten minutes ago. Begin again."
        )


class NoSuchFactorError(NotFoundError):
    """The user has no such factor."""

    def __init__(self, what: str) -> None:
        """Name the kind."""
        super().__init__(
            f"You have no such {what}, any more. List what you sign in with to see what there is."
        )


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app is to be given; shown once.

    Attributes:
        address: otpauth://…, for a picture.
        seed: the same to type, in base32.
    """

    address: str = field(repr=False)
    seed: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FactorChanged:
    """A factor was added: the session goes on with another secret.

    Attributes:
        signed: the session, and what opens it now.
        recovery_codes: new ones, to be shown this once; empty = those the user has still count.
    """

    signed: Signed
    recovery_codes: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class OwnFactors:
    """What a user signs in with, as they see it.

    Attributes:
        has_password: whether there is a password.
        has_totp: whether there is an authenticator app.
        recovery_codes: how many are left.
        passkeys: the oldest first.
        identities: who they are at providers, the first linked first.
    """

    has_password: bool
    has_totp: bool
    recovery_codes: int
    passkeys: Sequence[KeptPasskey]
    identities: Sequence[LinkedIdentity]


async def get_own_factors(actor: Actor) -> OwnFactors:
    """Return what whoever is signed in signs in with; raises NotSignedInError."""
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        return OwnFactors(
            user.password_hash is not None,
            user.totp_seed_sealed is not None,
            user.recovery_codes,
            await list_passkeys(db, user.user_id),
            await store.list_identities(db, user.user_id),
        )


# ── Passwords ───────────────────────────────────────────────────────────────────────────────────────────


async def set_password(entrance: Entrance, actor: Actor, password: str, *, now: datetime) -> Signed:
    """Give whoever is signed in a password, in place of the one before; every other session of theirs ends.

    Raises:
        StepUpNeededError: no factor was shown a short while ago.
        PasswordTooShortError, PasswordTooLongError, CommonPasswordError: it would be guessed.
        NotSignedInError: the session has ended.
    """
    require_recent(actor, now)
    async with get_write_session() as db:
        await check_password_of(db, entrance, await own_factors(db, actor), password)
    hashed = await entrance.passwords.hash(password)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        await store.set_password_hash(db, user.user_id, hashed)
        return await record_change(db, entrance, actor, user, "password.change", now=now)


async def remove_password(entrance: Entrance, actor: Actor, *, now: datetime) -> Signed:
    """Take away the password of whoever is signed in, who has other ways in; raises as `set_password`.

    Raises:
        LastWayInError: they have no other way in.
        NoSuchFactorError: they have no password.
    """
    require_recent(actor, now)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        if user.password_hash is None:
            raise NoSuchFactorError("password")
        refuse_last(replace(user, password_hash=None))
        await store.set_password_hash(db, user.user_id, None)
        return await record_change(db, entrance, actor, user, "password.remove", now=now)


async def check_password_of(db: WriteSession, entrance: Entrance, user: Factors, password: str) -> None:
    """Refuse a new password of a user that would be guessed."""
    names = [await login_of(db, entrance, user), user.tenant_name]
    if user.name_sealed is not None:
        place = ("users", "name_sealed", str(user.user_id))
        names.append(await entrance.vault.unseal(db, *place, user.name_sealed))
    check_new_password(password, has_second_factor=is_mandatory(user), names=names)


# ── Authenticator apps and recovery codes ───────────────────────────────────────────────────────────────


async def begin_totp(entrance: Entrance, actor: Actor, *, now: datetime) -> Enrolment:
    """Make the seed of an authenticator app; it counts once a code confirms it, and replaces the one before.

    Raises:
        StepUpNeededError: no factor was shown a short while ago.
        NotSignedInError: there is no such user any more.
    """
    require_recent(actor, now)
    seed = new_seed(entrance.random)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        sealed = await entrance.vault.seal(db, "users", "totp_new_seed_sealed", str(user.user_id), seed.hex())
        await store.set_new_seed(db, user.user_id, sealed)
        asked = Challenge(
            hash=sha256(seed).digest(),
            purpose=Purpose.ENROL,
            session_id=actor.session_id,
            user_id=user.user_id,
        )
        await challenges.add_challenge(db, asked, expires_at=now + LIFETIME)
        login = await login_of(db, entrance, user)
    return Enrolment(enrolment_address(seed, user=login, issuer=ISSUER), b32encode(seed).decode().rstrip("="))


async def confirm_totp(entrance: Entrance, actor: Actor, typed: str, *, now: datetime) -> FactorChanged:
    """Let the app count that was begun in this session, by its first code, which then counts nowhere else.

    Raises:
        StepUpNeededError: no factor was shown a short while ago.
        TooManyTriesError: too many codes of this user were wrong of late.
        NoEnrolmentError: none was begun in this session, or another one since.
        WrongCodeError: it is not the code.
        NotSignedInError: the session has ended.
    """
    require_recent(actor, now)
    async with get_write_session() as db:
        await count_code_try(db, entrance, (await own_factors(db, actor)).user_id, now=now)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        seed = await _new_seed(db, entrance, user)
        asked = await challenges.take_challenge(db, sha256(seed).digest(), Purpose.ENROL, now=now)
        if asked is None or asked.session_id != actor.session_id:
            raise NoEnrolmentError
        step = check_code(seed, typed, now=now, last_step=None)
        sealed = await entrance.vault.seal(db, "users", "totp_seed_sealed", str(user.user_id), seed.hex())
        await store.set_seed(db, user.user_id, sealed, step)
        await forget_code_tries(db, entrance, user.user_id, now=now)
        return await record_new_factor(db, entrance, actor, user, Factor.TOTP, now=now)


async def _new_seed(db: WriteSession, entrance: Entrance, user: Factors) -> bytes:
    if user.totp_new_seed_sealed is None:
        raise NoEnrolmentError
    place = ("users", "totp_new_seed_sealed", str(user.user_id))
    return bytes.fromhex(await entrance.vault.unseal(db, *place, user.totp_new_seed_sealed))


async def remove_totp(entrance: Entrance, actor: Actor, *, now: datetime) -> Signed:
    """Take away the authenticator app of whoever is signed in.

    Raises:
        StepUpNeededError: no factor was shown a short while ago.
        NoSuchFactorError: they have none.
        LastSecondFactorError: it is their last second factor, and they need one.
    """
    require_recent(actor, now)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        if user.totp_seed_sealed is None:
            raise NoSuchFactorError("authenticator app")
        refuse_last(replace(user, totp_seed_sealed=None))
        await store.set_seed(db, user.user_id, None, None)
        return await record_change(db, entrance, actor, user, "totp.remove", now=now)


async def renew_recovery_codes(entrance: Entrance, actor: Actor, *, now: datetime) -> FactorChanged:
    """Make ten recovery codes in place of those before, to be shown this once.

    Raises:
        StepUpNeededError: no factor was shown a short while ago.
        NoSuchFactorError: there is no second factor that they could stand in for.
    """
    require_recent(actor, now)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        if not user.has_second:
            raise NoSuchFactorError("second factor")
        codes = await give_recovery_codes(db, entrance, user)
        signed = await record_change(db, entrance, actor, user, "recovery_code.renew", now=now)
        return FactorChanged(signed, codes)


# ── Providers ───────────────────────────────────────────────────────────────────────────────────────────


async def unlink_identity(
    entrance: Entrance, actor: Actor, issuer: str, subject: str, *, now: datetime
) -> Signed:
    """No longer let a provider sign in whoever is signed in.

    Raises:
        StepUpNeededError: no factor was shown a short while ago.
        NoSuchFactorError: they are not known so at the provider.
        LastWayInError: they have no other way in.
    """
    require_recent(actor, now)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        if not await store.delete_identity(db, user.user_id, issuer, subject):
            raise NoSuchFactorError("identity at a provider")
        refuse_last(replace(user, identities=user.identities - 1))
        return await record_change(db, entrance, actor, user, "identity.unlink", now=now)


# ── What they have in common ────────────────────────────────────────────────────────────────────────────


async def own_factors(db: WriteSession, actor: Actor) -> Factors:
    """Let the rest of the transaction work for whoever is signed in; raises NotSignedInError."""
    if actor.user_id is None or actor.session_id is None:
        raise NotSignedInError
    await act_as(db, actor.acting)
    user = await store.get_factors(db, actor.user_id)
    if user is None:
        raise NotSignedInError
    return user


async def record_new_factor(
    db: WriteSession, entrance: Entrance, actor: Actor, user: Factors, factor: Factor, *, now: datetime
) -> FactorChanged:
    """End a transaction that added a second factor: with the first come recovery codes.

    The factor was just shown, so the session has it.
    """
    codes = () if user.recovery_codes else await give_recovery_codes(db, entrance, user)
    action = f"{factor.value}.enrol"
    signed = await record_change(db, entrance, actor, user, action, now=now, shown=frozenset({factor}))
    return FactorChanged(signed, codes)


async def give_recovery_codes(db: WriteSession, entrance: Entrance, user: Factors) -> tuple[str, ...]:
    """Make recovery codes in place of those before, to be shown this once."""
    made = make_recovery_codes(entrance.random)
    await store.replace_recovery_codes(db, user.user_id, made.hashes)
    return made.codes


async def record_change(
    db: WriteSession,
    entrance: Entrance,
    actor: Actor,
    user: Factors,
    action: str,
    *,
    now: datetime,
    shown: frozenset[Factor] = frozenset(),
) -> Signed:
    """End a transaction that changed what a user signs in with: other sessions end, they are told, it is recorded."""
    opened = await end_everything_else(db, actor, now=now, random=entrance.random, factors=shown)
    await add_notice(db, user.user_id, action)
    await record_event(db, action, "user", str(user.user_id))
    return Signed(opened.secret, opened.session)


def refuse_last(left: Factors) -> None:
    """Refuse to leave a user without a way in, or without the second factor that they need.

    Raises:
        LastWayInError, LastSecondFactorError: naming what to do first.
    """
    if left.ways_in == 0:
        raise LastWayInError
    if is_mandatory(left) and not left.has_second:
        raise LastSecondFactorError


def is_mandatory(user: Factors) -> bool:
    """Whether the user needs a second factor."""
    return needs_second_factor(Role(user.role), tenant_requires=user.requires_mfa)
