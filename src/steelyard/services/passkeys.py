"""Passkeys: signing in with one alone, as a second factor, to prove it again; made, renamed and removed.

Every question is asked once: whoever answers takes it away first, and that is committed whatever the answer is worth.
"""

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from steelyard.errors import InvalidInputError, NotPermittedError
from steelyard.identity.passkeys import (
    Options,
    Passkey,
    PasskeyDefect,
    PasskeyError,
    authentication_options,
    check_passkey,
    new_challenge,
    read_challenge,
    read_credential_id,
)
from steelyard.identity.permissions import Actor
from steelyard.identity.session import Factor
from steelyard.services.entrance import (
    LIFETIME,
    Entrance,
    Signed,
    Visitor,
    act_for,
    act_for_active,
    count_address_try,
    count_code_try,
    find_half_done,
    forget_address_try,
    forget_code_tries,
    let_in,
    take_asked,
    take_half_done,
    try_second_factor,
)
from steelyard.services.factors import (
    own_factors,
)
from steelyard.services.session import step_up
from steelyard.storage import challenges
from steelyard.storage import passkeys as store
from steelyard.storage.acting import NOBODY, act_as
from steelyard.storage.audit import record_event
from steelyard.storage.challenges import Challenge, Purpose
from steelyard.storage.connection import WriteSession, get_write_session
from steelyard.storage.factors import Factors
from steelyard.storage.notice import add_notice

LONGEST_LABEL: Final = 60


class UnknownPasskeyError(NotPermittedError):
    """No user here has the passkey."""

    def __init__(self) -> None:
        """Say what may have happened; the passkey itself proves who they are, so nothing is given away."""
        super().__init__(
            "No user here has this passkey, any more. Sign in another way, and register it again; or remove it from "
            "your device."
        )


class CopiedPasskeyError(PasskeyError):
    """A passkey counted its signatures from an earlier one on: somebody may have copied it."""

    def __init__(self, user: Factors) -> None:
        """Keep whose it is, who is then told."""
        super().__init__(PasskeyDefect.COUNTER)
        self.user = user


class NoQuestionError(InvalidInputError):
    """Nothing was asked that this answers."""

    def __init__(self) -> None:
        """Say what may have happened."""
        super().__init__(
            "This answers nothing that was asked in the last ten minutes, or it was answered before. Begin again from "
            "the page you were on."
        )


@dataclass(frozen=True, slots=True)
class PasskeyQuestion:
    """What to ask the browser, and what it is to keep until it answers.

    Attributes:
        options: for `navigator.credentials`, as JSON.
        secret: for a short-lived cookie.
    """

    options: Options
    secret: str = field(repr=False)


# ── Signing in ──────────────────────────────────────────────────────────────────────────────────────────


async def ask_to_sign_in(entrance: Entrance, *, now: datetime) -> PasskeyQuestion:
    """Ask for any passkey of this site; it then says whose it is."""
    challenge = new_challenge(entrance.random)
    async with get_write_session() as db:
        await act_as(db, NOBODY)
        question = Challenge(hash=sha256(challenge).digest(), purpose=Purpose.SIGN_IN)
        await challenges.add_challenge(db, question, expires_at=now + LIFETIME)
    options = authentication_options(entrance.site, challenge=challenge)
    return PasskeyQuestion(options, urlsafe_b64encode(challenge).decode().rstrip("="))


async def sign_in_with_passkey(
    entrance: Entrance, visitor: Visitor, secret: str | None, answer: str, *, now: datetime
) -> Signed:
    """Sign in with a passkey alone: it is the device, and what unlocks it.

    Args:
        entrance: what signing in needs.
        visitor: where the request comes from.
        secret: of `PasskeyQuestion`, from the browser's cookie: an answer from another browser does not count.
        answer: the browser's, as JSON.
        now: the time, with its zone.

    Raises:
        TooManyTriesError: too many tries from this address failed of late.
        NoQuestionError: nothing was asked that this answers, or it was answered.
        UnknownPasskeyError: no user here has the passkey.
        PasskeyError: it is not believed.
        SignInFailedError: the user may not sign in.
    """
    challenge = read_challenge(answer)
    if secret != urlsafe_b64encode(challenge).decode().rstrip("="):
        raise NoQuestionError
    async with get_write_session() as db:
        await act_as(db, NOBODY)
        await count_address_try(db, entrance, visitor, now=now)
        asked = await take_asked(db, sha256(challenge).digest(), Purpose.SIGN_IN, now=now)
    if asked is None:
        raise NoQuestionError
    async with proving() as db:
        await act_as(db, NOBODY)
        found = await store.find_passkey(db, read_credential_id(answer))
        if found is None:
            raise UnknownPasskeyError
        user = await act_for_active(db, found)
        await prove(db, entrance, user, answer, challenge, now=now)
        await forget_address_try(db, entrance, visitor)
        return await let_in(db, entrance, visitor, user, frozenset({Factor.PASSKEY}), now=now)


async def ask_for_second_factor(entrance: Entrance, secret: str | None, *, now: datetime) -> Options:
    """Ask whose sign-in is half done for one of their passkeys; raises NoSignInError."""
    challenge = new_challenge(entrance.random)
    async with get_write_session() as db:
        user = await find_half_done(db, secret, now=now)
        question = Challenge(hash=sha256(challenge).digest(), purpose=Purpose.PASSKEY, user_id=user.user_id)
        await challenges.add_challenge(db, question, expires_at=now + LIFETIME)
        own = [known_passkey(entrance, user, kept) for kept in await store.list_passkeys(db, user.user_id)]
    return authentication_options(entrance.site, challenge=challenge, passkeys=own)


async def finish_with_passkey(
    entrance: Entrance, visitor: Visitor, secret: str | None, answer: str, *, now: datetime
) -> Signed:
    """End a sign-in that waits for its second factor with a passkey.

    Args:
        entrance: what signing in needs.
        visitor: where the request comes from.
        secret: of `SecondFactorNeeded`, from the browser's cookie; None = it has none.
        answer: the browser's, as JSON, to `ask_for_second_factor`.
        now: the time, with its zone.

    Raises:
        NoSignInError: nothing is half done there, it is older than ten minutes, or had five tries.
        TooManyTriesError: too many second factors of this user were wrong of late.
        NoQuestionError: nothing was asked that this answers, or it was answered.
        PasskeyError: it is not believed.
        SignInFailedError: the user may not sign in any more.
    """
    half = await try_second_factor(entrance, secret, now=now)
    challenge = read_challenge(answer)
    async with get_write_session() as db:
        await act_for(db, half.tenant_id, half.user_id)
        asked = await challenges.take_challenge(db, sha256(challenge).digest(), Purpose.PASSKEY, now=now)
    if asked is None or asked.user_id != half.user_id:
        raise NoQuestionError
    async with proving() as db:
        user = await take_half_done(db, half, now=now)
        await prove(db, entrance, user, answer, challenge, now=now)
        await forget_code_tries(db, entrance, user.user_id, now=now)
        return await let_in(db, entrance, visitor, user, half.asked.factors | {Factor.PASSKEY}, now=now)


# ── Proving it again ────────────────────────────────────────────────────────────────────────────────────


async def ask_for_step_up(entrance: Entrance, actor: Actor, *, now: datetime) -> Options:
    """Ask whoever is signed in for one of their passkeys."""
    challenge = new_challenge(entrance.random)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        await ask_session(db, actor, challenge, Purpose.STEP_UP, now)
        own = [known_passkey(entrance, user, kept) for kept in await store.list_passkeys(db, user.user_id)]
    return authentication_options(entrance.site, challenge=challenge, passkeys=own)


async def step_up_with_passkey(entrance: Entrance, actor: Actor, answer: str, *, now: datetime) -> Signed:
    """Prove again who one is with a passkey; the session goes on with a new secret.

    Raises:
        TooManyTriesError: too many second factors of this user were wrong of late.
        NoQuestionError: this session was not asked what this answers, or it was answered.
        PasskeyError: it is not believed.
        NotSignedInError: the session has ended.
    """
    challenge = await take_from_session(entrance, actor, answer, Purpose.STEP_UP, now)
    async with proving() as db:
        user = await own_factors(db, actor)
        await prove(db, entrance, user, answer, challenge, now=now)
        await forget_code_tries(db, entrance, user.user_id, now=now)
        opened = await step_up(db, actor, {Factor.PASSKEY}, now=now, random=entrance.random)
        return Signed(opened.secret, opened.session)


def user_handle(entrance: Entrance, user_id: UUID) -> bytes:
    """Give what a user's passkeys know them by: 32 bytes that say nothing about them, the same for all of them."""
    return entrance.vault.index("handle of a user's passkeys", str(user_id))


async def ask_session(
    db: WriteSession, actor: Actor, challenge: bytes, purpose: Purpose, now: datetime
) -> None:
    """Ask whoever is signed in; only this session can answer."""
    question = Challenge(
        hash=sha256(challenge).digest(),
        purpose=purpose,
        session_id=actor.session_id,
        user_id=actor.user_id,
    )
    await challenges.add_challenge(db, question, expires_at=now + LIFETIME)


async def take_from_session(
    entrance: Entrance, actor: Actor, answer: str, purpose: Purpose, now: datetime
) -> bytes:
    """Take the question that an answer names, if this session was asked it; the challenge."""
    challenge = read_challenge(answer)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        await count_code_try(db, entrance, user.user_id, now=now)
        asked = await challenges.take_challenge(db, sha256(challenge).digest(), purpose, now=now)
    if asked is None or asked.session_id != actor.session_id:
        raise NoQuestionError
    return challenge


@asynccontextmanager
async def proving() -> AsyncIterator[WriteSession]:
    """Open the transaction of a proof; where it shows a copy, tell the user in one of its own."""
    async with telling_of_copies(), get_write_session() as db:
        yield db


@asynccontextmanager
async def telling_of_copies() -> AsyncIterator[None]:
    """Tell a user whose passkey seems to be copied, once the transaction of the proof is undone."""
    try:
        yield
    except CopiedPasskeyError as error:
        user = error.user
        async with get_write_session() as db:
            await act_for(db, user.tenant_id, user.user_id)
            await add_notice(db, user.user_id, "passkey.copied")
            await record_event(db, "passkey.copied", "user", str(user.user_id))
        raise


async def prove(
    db: WriteSession, entrance: Entrance, user: Factors, answer: str, challenge: bytes, *, now: datetime
) -> Passkey:
    """Let a proof by one of the user's passkeys count, once; return the passkey as it is kept now.

    Raises:
        UnknownPasskeyError: they have no such passkey.
        PasskeyError: the answer is not believed.
    """
    credential_id = read_credential_id(answer)
    kept = [one for one in await store.list_passkeys(db, user.user_id) if one.credential_id == credential_id]
    if not kept:
        raise UnknownPasskeyError
    passkey = known_passkey(entrance, user, kept[0])
    try:
        used = check_passkey(entrance.site, answer, challenge=challenge, passkey=passkey)
    except PasskeyError as error:
        raise CopiedPasskeyError(user) if error.defect is PasskeyDefect.COUNTER else error from error
    is_first = await store.use_passkey(
        db,
        credential_id,
        before=passkey.sign_count,
        sign_count=used.sign_count,
        is_backed_up=used.is_backed_up,
        now=now,
    )
    if not is_first:
        raise CopiedPasskeyError(user)
    return used


def known_passkey(entrance: Entrance, user: Factors, kept: store.KeptPasskey) -> Passkey:
    """Give a passkey as it is compared with."""
    return Passkey(
        credential_id=kept.credential_id,
        public_key=kept.public_key,
        sign_count=kept.sign_count,
        user_handle=user_handle(entrance, user.user_id),
        is_backed_up=kept.is_backed_up,
    )
