"""New passkeys: made by whoever is signed in, or has a one-time link; renamed and removed."""

from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from steelyard.errors import ConflictError, InvalidInputError, NotFoundError
from steelyard.identity.link import hash_link
from steelyard.identity.passkeys import (
    Options,
    Passkey,
    new_challenge,
    read_challenge,
    register_passkey,
    registration_options,
)
from steelyard.identity.permissions import Actor
from steelyard.identity.session import Factor, require_recent
from steelyard.services.acceptance import Newcomer, accepted, link_user_id, take
from steelyard.services.entrance import LIFETIME, Entrance, Signed, Visitor, login_of, take_asked
from steelyard.services.factors import (
    FactorChanged,
    give_recovery_codes,
    own_factors,
    record_change,
    record_new_factor,
    refuse_last,
)
from steelyard.services.passkeys import (
    NoQuestionError,
    ask_session,
    known_passkey,
    take_from_session,
    user_handle,
)
from steelyard.storage import challenges
from steelyard.storage import passkeys as store
from steelyard.storage.acting import NOBODY, act_as
from steelyard.storage.audit import record_event
from steelyard.storage.challenges import Challenge, Purpose
from steelyard.storage.connection import WriteSession, get_write_session

LONGEST_LABEL: Final = 60


class PasskeyTakenError(ConflictError):
    """A new passkey is somebody's already."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("This passkey is registered already. Use it, or take another device.")


class NoPasskeyError(NotFoundError):
    """The user has no such passkey."""

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("You have no such passkey, any more. List them to see those you have.")


class LabelError(InvalidInputError):
    """A passkey cannot be called that."""

    def __init__(self) -> None:
        """Say the rule."""
        super().__init__(f"Call a passkey something of 1 to {LONGEST_LABEL} characters, on one line.")


async def ask_to_register(entrance: Entrance, actor: Actor, *, now: datetime) -> Options:
    """Ask the browser of whoever is signed in to make a passkey; raises StepUpNeededError."""
    require_recent(actor, now)
    challenge = new_challenge(entrance.random)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        await ask_session(db, actor, challenge, Purpose.REGISTER, now)
        existing = [
            known_passkey(entrance, user, kept) for kept in await store.list_passkeys(db, user.user_id)
        ]
        return registration_options(
            entrance.site,
            challenge=challenge,
            user_handle=user_handle(entrance, user.user_id),
            user_name=await login_of(db, entrance, user),
            existing=existing,
        )


async def register(
    entrance: Entrance, actor: Actor, answer: str, label: str, *, now: datetime
) -> FactorChanged:
    """Keep a new passkey; every other session of the user ends.

    Args:
        entrance: what signing in needs.
        actor: whose it becomes.
        answer: the browser's, as JSON, to `ask_to_register` in this session.
        label: what the user calls it.
        now: the time, with its zone.

    Raises:
        LabelError: it cannot be called that.
        StepUpNeededError: no factor was shown a short while ago.
        NoQuestionError: this session was not asked what this answers, or it was answered.
        PasskeyError: it is not believed.
        PasskeyTakenError: it is somebody's already.
    """
    require_recent(actor, now)
    named = check_label(label)
    challenge = await take_from_session(entrance, actor, answer, Purpose.REGISTER, now)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        handle = user_handle(entrance, user.user_id)
        made = register_passkey(entrance.site, answer, challenge=challenge, user_handle=handle)
        await keep_passkey(db, user.user_id, made, named)
        return await record_new_factor(db, entrance, actor, user, Factor.PASSKEY, now=now)


async def rename(actor: Actor, credential_id: bytes, label: str, *, now: datetime) -> None:
    """Call a passkey something else; raises LabelError, StepUpNeededError, NoPasskeyError."""
    require_recent(actor, now)
    named = check_label(label)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        if not await store.rename_passkey(db, user.user_id, credential_id, named):
            raise NoPasskeyError
        await record_event(db, "passkey.rename", "user", str(user.user_id))


async def remove(entrance: Entrance, actor: Actor, credential_id: bytes, *, now: datetime) -> Signed:
    """Forget a passkey; every other session of the user ends.

    Raises:
        StepUpNeededError: no factor was shown a short while ago.
        NoPasskeyError: the user has no such passkey.
        LastWayInError, LastSecondFactorError: they would lock themselves out.
    """
    require_recent(actor, now)
    async with get_write_session() as db:
        user = await own_factors(db, actor)
        if not await store.delete_passkey(db, user.user_id, credential_id):
            raise NoPasskeyError
        refuse_last(replace(user, passkeys=user.passkeys - 1))
        return await record_change(db, entrance, actor, user, "passkey.remove", now=now)


def check_label(label: str) -> str:
    """Give what a passkey is called, without spaces around; raises LabelError."""
    named = label.strip()
    if not named.isprintable() or not 0 < len(named) <= LONGEST_LABEL:
        raise LabelError
    return named


async def keep_passkey(db: WriteSession, user_id: UUID, made: Passkey, label: str) -> None:
    """Keep a new passkey of a user; raises PasskeyTakenError."""
    kept = await store.add_passkey(
        db,
        user_id,
        made.credential_id,
        made.public_key,
        sign_count=made.sign_count,
        is_backed_up=made.is_backed_up,
        label=label,
    )
    if not kept:
        raise PasskeyTakenError


# ── Accepting a link ────────────────────────────────────────────────────────────────────────────────────


async def ask_to_accept(entrance: Entrance, link: str, login: str, *, now: datetime) -> Options:
    """Ask the browser of who has a one-time link to make a passkey; raises LinkEndedError.

    Args:
        entrance: what signing in needs.
        link: the link's secret.
        login: of who sets the installation up; the login name of others is known.
        now: the time, with its zone.
    """
    challenge = new_challenge(entrance.random)
    async with get_write_session() as db:
        user_id, user = await link_user_id(db, entrance, link, now=now)
        asked = Challenge(hash=sha256(challenge).digest(), purpose=Purpose.ACCEPT, link_hash=hash_link(link))
        await challenges.add_challenge(db, asked, expires_at=now + LIFETIME)
        name = login if user is None else await login_of(db, entrance, user)
    handle = user_handle(entrance, user_id)
    return registration_options(
        entrance.site, challenge=challenge, user_handle=handle, user_name=name, existing=()
    )


async def accept_with_passkey(
    entrance: Entrance,
    visitor: Visitor,
    link: str,
    answer: str,
    label: str,
    *,
    now: datetime,
    newcomer: Newcomer | None = None,
) -> FactorChanged:
    """Accept a one-time link with a new passkey, which is two factors; recovery codes come with it.

    Args:
        entrance: what signing in needs.
        visitor: where the request comes from.
        link: the link's secret.
        answer: the browser's, as JSON, to `ask_to_accept`.
        label: what the user calls the passkey.
        now: the time, with its zone.
        newcomer: who sets the installation up; None = another kind of link.

    Raises:
        LabelError: the passkey cannot be called that.
        NoQuestionError: nothing was asked for this link that this answers, or it was answered.
        PasskeyError: it is not believed.
        PasskeyTakenError: it is somebody's already.
        LinkEndedError, NewcomerError, SetUpDoneError: as `accept_with_password`.
    """
    named, link_hash = check_label(label), hash_link(link)
    challenge = read_challenge(answer)
    async with get_write_session() as db:
        asked = await take_asked(db, sha256(challenge).digest(), Purpose.ACCEPT, now=now)
    if asked is None or asked.link_hash != link_hash:
        raise NoQuestionError
    async with get_write_session() as db:
        await act_as(db, NOBODY)
        user = await take(db, entrance, link_hash, newcomer, now=now)
        handle = user_handle(entrance, user.user_id)
        made = register_passkey(entrance.site, answer, challenge=challenge, user_handle=handle)
        await keep_passkey(db, user.user_id, made, named)
        codes = await give_recovery_codes(db, entrance, user)
        signed = await accepted(db, entrance, visitor, user, Factor.PASSKEY, now=now)
        return FactorChanged(signed, codes)
